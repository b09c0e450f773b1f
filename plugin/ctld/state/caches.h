/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caches.h - what is remembered of Slurm's own records between two calls, so that no
 * job_test walks over them: it can be thrown away and built again at any time. Owned by
 * caches.c, which the hooks tell what changes.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_STATE_CACHES_H
#define GPUTOPO_PLUGIN_CTLD_STATE_CACHES_H

#include "plugin/ctld/model/running.h"
#include "plugin/ctld/nodes/free_gpu_bound.h"
#include "plugin/ctld/nodes/ill_nodes.h"
#include "plugin/ctld/nodes/units.h"

#define GP_REFUSALS 64 /* by job id; a collision forgets one */

/* A job whose wish was not met by what stock can give. */
struct gp_refusal {
	uint32_t job_id;
	uint64_t ends; /* of the caches, then */
	time_t when;
	int nodes; /* a forecast with more is not told by it */
};

struct gp_caches {
	struct gp_running running;
	time_t rebuilt; /* when that index was last rebuilt for a mismatch */
	struct gp_free_bound free_bound;
	struct gp_units units;
	struct gp_ill_nodes ill;
	struct gt_limit_memory limits; /* whether time limits predict how long jobs run */
	struct gp_refusal refusals[GP_REFUSALS];
	uint64_t ends;	    /* of jobs, counted */
	time_t split_asked; /* when stock was last asked only for split_avoided */
};

/* The node table is new: so many nodes, nothing is known. false: out of memory. */
bool gp_caches_reset(struct gp_caches *caches, int node_count);
void gp_caches_release(struct gp_caches *caches);
/* Read all running jobs. O(jobs x nodes). */
void gp_caches_rebuild(struct gp_caches *caches, int node_count);
/* The job holds its GPUs from now on. */
void gp_caches_job_holds(struct gp_caches *caches, const job_record_t *job);
/* It ends. true: it had GPUs. */
bool gp_caches_job_ends(struct gp_caches *caches, const job_record_t *job, time_t now);
/* It goes on without this node. */
void gp_caches_job_leaves(struct gp_caches *caches, uint32_t job_id, int node);
/* Whether the index of running jobs has what the node says is allocated. Rebuilt at most
 * once a minute where it does not. */
bool gp_caches_agree(struct gp_caches *caches, int node, uint64_t allocated,
		     int node_count);
/* RUN_NOW has not met the job's wish on so many offered nodes (INT_MAX: nor would it on
 * more): until a job ends, no forecast is to say "now" for this one. */
void gp_caches_refused(struct gp_caches *caches, uint32_t job_id, int nodes);
/* The same for a forecast on so many nodes. */
bool gp_caches_was_refused(const struct gp_caches *caches, uint32_t job_id, int nodes,
			   time_t now);
/* Whether stock may be asked only to learn if it would split a job: once a second. */
bool gp_caches_may_ask_split(struct gp_caches *caches, time_t now);

#endif
