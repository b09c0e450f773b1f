/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_order.h - which task of a step gets which of its GPUs. It permutes what Slurm
 * gave: never a GPU more or less. Nothing of Slurm's library.
 *
 * Every task finds its own answer after the fork, so all that goes in must be the same in
 * all tasks of the step on this node.
 */
#ifndef GPUTOPO_RANK_RANK_ORDER_H
#define GPUTOPO_RANK_RANK_ORDER_H

#include "core/library.h"
#include "rank/rank_facts.h"

/* How Slurm binds tasks to GPUs. */
enum gp_bind_kind {
	GP_BIND_NONE,  /* every task sees all GPUs of the step */
	GP_BIND_EACH,  /* count GPUs for each task: per_task:N, --gpus-per-task */
	GP_BIND_SHARE, /* one GPU for count tasks each: single:N, --ntasks-per-gpu */
	GP_BIND_OWN,   /* the user said which: map_gpu, mask_gpu, closest */
};

struct gp_bind {
	enum gp_bind_kind kind;
	int count;
};

/* From SLURMD_TRES_BIND, "gpu:per_task:1" or "gres/gpu:verbose,single:2"; NULL or "": no
 * binding. */
struct gp_bind gp_bind_parse(const char *text);

struct gp_step {
	const struct gt_node *node;
	struct gt_mask gpus;	    /* the step's on this node */
	int tasks;		    /* on this node */
	const struct gt_mask *near; /* by task: GPUs near its cores; NULL: not known */
	const struct gt_geometry
		*groups; /* the ranks follow these; NULL or empty: none */
};

/* By place in the order of the GPUs: those near the cores of the task that an even share
 * puts there. false: there is no even share of so many GPUs, or nothing is known. */
bool gp_near_places(const struct gp_step *step, struct gt_mask near[GP_RANK_GPUS]);

/* The GPUs of one task in the order in which it should see them, by the rank order: the
 * list is written to out, of GP_RANK_GPUS. Returns how many; 0 where Slurm's own answer
 * has to stand (the user's binding, counts that do not come out even). */
int gp_order_task(const struct gp_step *step, const struct gp_bind *bind, int task,
		  int *out);

#endif
