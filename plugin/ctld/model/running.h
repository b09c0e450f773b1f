/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * running.h - an index of our own: which job holds which GPUs of which node. Slurm knows
 * it too, but only by a walk over all jobs, which has no place in the scheduler's
 * inner loop.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MODEL_RUNNING_H
#define GPUTOPO_PLUGIN_CTLD_MODEL_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

struct gp_held {
	uint32_t job_id;
	uint64_t gpus; /* bit i is gres bit i */
};

struct gp_node_jobs {
	struct gp_held *held;
	int count;
	int room;
	bool incomplete; /* memory ran out: don't believe this node */
};

struct gp_running {
	struct gp_node_jobs *nodes;
	int node_count;
};

/* Forget everything; node_count nodes from now on. false: out of memory, index empty. */
bool gp_running_reset(struct gp_running *running, int node_count);
void gp_running_release(struct gp_running *running);
/* The job holds these GPUs of the node, instead of what was known of it there. */
void gp_running_put(struct gp_running *running, int node, uint32_t job_id, uint64_t gpus);
void gp_running_drop(struct gp_running *running, int node, uint32_t job_id);
bool gp_running_has(const struct gp_running *running, int node, uint32_t job_id);
/* The jobs of a node; *count 0 and NULL if there are none. */
const struct gp_held *gp_running_on(const struct gp_running *running, int node,
				    int *count);
/* Whether the jobs' sets are disjoint and their union is what the node has allocated. */
bool gp_running_agrees(const struct gp_running *running, int node, uint64_t allocated);

#endif
