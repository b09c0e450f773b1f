/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine_place.h - one job onto the nodes: which nodes, which GPUs, what it got. */
#ifndef SIM_ENGINE_PLACE_H
#define SIM_ENGINE_PLACE_H

#include "sim/engine.h"
#include "sim/nodelists.h"

struct sim_end {
	int64_t at_ms;
	int32_t job;
};

struct sim_placer {
	const struct sim_trace *trace;
	const struct sim_layout *layout;
	const struct sim_options *options;
	struct sim_chooser chooser;
	struct sim_cluster cluster;
	struct sim_result *result;
	int64_t now_ms;
	bool no_memory;			   /* a start failed for want of it */
	bool has_choice[SIM_MAX_GPUS + 1]; /* sets of k differ on or between the nodes */
	struct sim_end *ends; /* a heap of running jobs, the next end on top */
	size_t end_count;
	int *avoid;		       /* scratch: nodes that are not asked, ascending */
	struct sim_place *found;       /* scratch: the places of a job */
	struct sim_cores *found_cores; /* and its cores there */
	struct sim_nodelists recorded; /* the nodes of the trace */
	int *recorded_node;	       /* by host: the layout's node; -1: none */
};

/* Safe to release after a failure. */
enum gt_err sim_placer_init(struct sim_placer *p, struct sim_result *result,
			    const struct sim_trace *trace,
			    const struct sim_layout *layout, const char *policy,
			    const struct gt_mix *mix, const struct sim_options *options,
			    struct gt_error *err);
void sim_placer_release(struct sim_placer *p);
/* No job comes after now: what was busy until here is the cluster's load. */
void sim_placer_note_submitted(struct sim_placer *p);
/* Hand over sums to the result. GT_ENOMEM if a start failed for want of memory. */
enum gt_err sim_placer_finish(struct sim_placer *p, struct gt_error *err);

/* How many nodes the job takes, and GPUs on the one with the most. */
int sim_placer_nodes(const struct sim_placer *p, int32_t job, int *count);
/* One node, and never split: only its number of GPUs matters. */
bool sim_placer_is_plain(const struct sim_placer *p, int32_t job);
/* Whether it would start on idle nodes. */
bool sim_placer_can_ever(const struct sim_placer *p, int32_t job);
/* Start it now on any nodes but those of avoid (ascending). false: it does not fit. */
bool sim_placer_start(struct sim_placer *p, int32_t job, const int *avoid,
		      int avoid_count);
/* Start it on its recorded nodes, or where it fits. */
bool sim_placer_start_recorded(struct sim_placer *p, int32_t job);
void sim_placer_reject(struct sim_placer *p, int32_t job);
/* The time of the next end; SIM_SOON: nothing runs. */
int64_t sim_placer_next_end(const struct sim_placer *p);
/* End that job now and return it. */
int32_t sim_placer_end(struct sim_placer *p);

#endif
