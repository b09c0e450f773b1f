/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_score.h - node choice: of the nodes that a job is offered, the few on which it
 * would get the best GPUs and do the least damage.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NODES_NODE_SCORE_H
#define GPUTOPO_PLUGIN_CTLD_NODES_NODE_SCORE_H

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/nodes/free_gpu_bound.h"
#include "plugin/ctld/nodes/units.h"
#include "plugin/ctld/request/job_request.h"

#define GP_FEW_NODES 16 /* nodes of one narrowed call */
#define GP_FEW_TIES  4	/* of those that are as good as the best */

/* A node's GPUs as one job sees them. */
struct gp_node_view {
	const struct gp_binding *binding;
	uint64_t free;
	uint64_t usable; /* those of the asked type */
};

/* What one node would give. */
struct gp_node_score {
	int node;
	int unit; /* of units.h, or the NVLink domain for domain.c; 0: none */
	struct gp_node_view view;
	uint64_t harm;		   /* of units.h */
	struct gt_quality quality; /* of its free GPUs, for the job's geometry */
	double damage;		   /* what the job takes from the jobs to come, 0 to 1 */
};

/* Look at a node. false: none of ours, or fewer than count are usable. */
bool gp_node_view_read(struct gp_node_view *view, int node, const struct gp_job *asked,
		       int count, struct gp_models *models, struct gp_free_bound *room);

/* Rank the offered nodes that have the job's count of free GPUs of the asked type, of the
 * lowest weight among those, and with no more harm than stock would do; ranks has room
 * for every node. Returns how many there are: all with their quality, and with their
 * damage those on which gp_node_scores_best decides by it. 0 also where a node of that
 * weight is not ours to choose (NodeChoice=no, Mode=observe or off). units are counted.
 */
int gp_node_scores_read(struct gp_node_score *ranks, bitstr_t *offered,
			const struct gp_job_request *job, struct gp_models *models,
			struct gp_free_bound *room, const struct gp_units *units);
/* A node as the job sees it, running jobs included. false: too few GPUs at any time, or
 * none of ours. */
bool gp_node_prospect_read(struct gp_prospect *prospect, int node,
			   const struct gp_job *asked, int count,
			   struct gp_models *models, const struct gp_running *running);
/* The least harm, above *harm unless first, of those of the best quality. false: none. */
bool gp_node_scores_next_harm(const struct gp_node_score *ranks, int ranked, int count,
			      bool first, uint64_t *harm);
/* Of those with this harm put the best into *few (of offered's size, emptied first): up
 * to GP_FEW_TIES of those as good as the best on quality and damage (only_ties), or up to
 * GP_FEW_NODES of the least damaged of the best quality. Stock may take any of them, so
 * that they are of one harm; where ties break whole nodes they are one a unit, up to
 * GP_FEW_NODES, so that stock's own rule says which unit. Returns how many. */
int gp_node_scores_best(const struct gp_node_score *ranks, int ranked, int count,
			uint64_t harm, bool only_ties, bitstr_t *few);
/* Whether the one at this place is of this harm, and as good as the best of it on quality
 * and damage. O(ranked). */
bool gp_node_scores_tie(const struct gp_node_score *ranks, int ranked, int count,
			uint64_t harm, int at);

#endif
