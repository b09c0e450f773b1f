/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.h - the waiting jobs in the order of their arrival, and beside it a list for each
 * request size, so that sizes that do not fit are never walked. Jobs are numbered by
 * arrival: a smaller number stands further in front. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_CLASSES	66 /* requests of 1 to 64 GPUs on one node; the last: others */
#define SIM_CLASS_OTHER 65

struct sim_queue {
	int32_t *next, *previous; /* by job; -1: none */
	int32_t *class_next, *class_previous;
	int32_t head, tail;
	int32_t class_head[SIM_CLASSES], class_tail[SIM_CLASSES];
	int64_t count;
	int64_t depth;	  /* 0: no bound */
	int32_t boundary; /* the last of the first depth jobs; -1: empty */
	int64_t within;	  /* jobs up to the boundary */
};

bool sim_queue_init(struct sim_queue *queue, size_t jobs, int64_t depth);
void sim_queue_release(struct sim_queue *queue);
void sim_queue_append(struct sim_queue *queue, int32_t job, int class);
void sim_queue_remove(struct sim_queue *queue, int32_t job, int class);
/* Whether a waiting job is among the first depth ones. */
bool sim_queue_within(const struct sim_queue *queue, int32_t job);

#endif
