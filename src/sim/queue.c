/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two doubly linked lists through arrays. */
#include "config.h"

#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

bool sim_queue_init(struct sim_queue *q, size_t jobs, int64_t depth)
{
	size_t size = (jobs + 1) * sizeof(*q->next);

	memset(q, 0, sizeof(*q));
	q->next = malloc(size);
	q->previous = malloc(size);
	q->class_next = malloc(size);
	q->class_previous = malloc(size);
	q->head = q->tail = q->boundary = -1;
	q->depth = depth;
	for (int i = 0; i < SIM_CLASSES; i++)
		q->class_head[i] = q->class_tail[i] = -1;
	return q->next && q->previous && q->class_next && q->class_previous;
}

void sim_queue_release(struct sim_queue *q)
{
	free(q->next);
	free(q->previous);
	free(q->class_next);
	free(q->class_previous);
	memset(q, 0, sizeof(*q));
}

static void link_last(int32_t *next, int32_t *previous, int32_t *head, int32_t *tail,
		      int32_t job)
{
	next[job] = -1;
	previous[job] = *tail;
	if (*tail >= 0)
		next[*tail] = job;
	else
		*head = job;
	*tail = job;
}

static void unlink_job(int32_t *next, int32_t *previous, int32_t *head, int32_t *tail,
		       int32_t job)
{
	if (previous[job] >= 0)
		next[previous[job]] = next[job];
	else
		*head = next[job];
	if (next[job] >= 0)
		previous[next[job]] = previous[job];
	else
		*tail = previous[job];
}

void sim_queue_append(struct sim_queue *q, int32_t job, int class)
{
	link_last(q->next, q->previous, &q->head, &q->tail, job);
	link_last(q->class_next, q->class_previous, &q->class_head[class],
		  &q->class_tail[class], job);
	q->count++;
	if (!q->depth || q->within < q->depth) {
		q->boundary = job;
		q->within++;
	}
}

void sim_queue_remove(struct sim_queue *q, int32_t job, int class)
{
	bool within = sim_queue_within(q, job);
	int32_t after = q->boundary >= 0 ? q->next[q->boundary] : -1;
	int32_t before = q->boundary >= 0 ? q->previous[q->boundary] : -1;

	unlink_job(q->next, q->previous, &q->head, &q->tail, job);
	unlink_job(q->class_next, q->class_previous, &q->class_head[class],
		   &q->class_tail[class], job);
	q->count--;
	if (!within)
		return;
	if (after >= 0)
		q->boundary = after; /* one more moves up */
	else if (q->boundary == job)
		q->boundary = before;
	q->within -= after < 0;
}

bool sim_queue_within(const struct sim_queue *q, int32_t job)
{
	return q->boundary >= 0 && job <= q->boundary;
}
