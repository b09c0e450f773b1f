/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * defrag.h - which running jobs would have to restart so that a good set of GPUs becomes
 * free. Advice only: nothing is restarted. gputopo sim defrag prints it.
 */
#ifndef SIM_DEFRAG_H
#define SIM_DEFRAG_H

#include "sim/engine.h"

#define SIM_DEFRAG_GPUS 16 /* of a node: all sets are looked at */

struct sim_defrag_want {
	int gpus;	   /* of the set, on one node */
	double ratio;	   /* of the best set of that size on the idle node, 0 to 1 */
	const bool *fixed; /* by job: must not restart; NULL: all may */
};

/* The answer for one node. */
struct sim_defrag {
	int node;
	uint64_t set;
	int32_t mbps, ideal_mbps;
	int restarts;		       /* jobs; 0: the set is free now */
	int32_t jobs[SIM_DEFRAG_GPUS]; /* which, ascending */
	double lost_gpu_hours;	       /* that they have run so far */
};

/* Who holds what at a moment of a replay. */
struct sim_moment {
	const struct sim_trace *trace;
	const struct sim_result *result;
	int64_t at_ms;
	int32_t *holder; /* by node x 64 + GPU: a job, -1: free, -2: out of service */
};

/* GT_ENOMEM. */
enum gt_err sim_moment_init(struct sim_moment *moment, const struct sim_trace *trace,
			    const struct sim_result *result, int64_t at_ms,
			    struct gt_error *err);
void sim_moment_release(struct sim_moment *moment);

/* The fewest restarts that free such a set on this node, of equals the least GPU-hours
 * lost, then the most bandwidth, then the lowest GPUs. Exact: every set of the size is
 * looked at, each with the jobs that hold it. values: of the layout's types. false: no
 * set of the node is good enough, or jobs that must not restart hold them all. */
bool sim_defrag_node(const struct sim_moment *moment, struct sim_value *values, int node,
		     const struct sim_defrag_want *want, struct sim_defrag *found);

#endif
