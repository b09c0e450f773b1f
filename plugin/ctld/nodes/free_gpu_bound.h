/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * free_gpu_bound.h - the most GPUs that can be free on each node, a byte a node: nodes
 * without room for a job are passed over unseen, and a full cluster is not looked at for
 * each of its waiting jobs. What jobs take is found out when a node is looked at; where
 * GPUs come free the node is forgotten. Ends of jobs are told; what Slurm changes without
 * telling, such as the GRES of a node by scontrol, is noticed within GP_ROOM_SECONDS.
 * Until then node choice does not offer the node, and stock's own answer is as ever.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NODES_FREE_GPU_BOUND_H
#define GPUTOPO_PLUGIN_CTLD_NODES_FREE_GPU_BOUND_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "plugin/slurm/bridge.h"

#define GP_ROOM_SECONDS 600

/* Zeroed: no node is known, and each may have room. */
struct gp_free_bound {
	uint8_t *most; /* by node */
	int node_count;
	int roomiest; /* the largest of most when counted; -1: not counted since a node
			 was forgotten */
	bool changed; /* a node has less than when the roomiest was counted */
	time_t since; /* when everything was last forgotten */
};

/* So many nodes, of which nothing is known. false: out of memory, *room is zeroed. */
bool gp_free_bound_reset(struct gp_free_bound *room, int node_count);
void gp_free_bound_release(struct gp_free_bound *room);
/* GPUs of this node, or of any, may have come free. */
void gp_free_bound_forget(struct gp_free_bound *room, int node);
void gp_free_bound_forget_all(struct gp_free_bound *room);
/* The same for what is older than GP_ROOM_SECONDS. */
void gp_free_bound_expire(struct gp_free_bound *room, time_t now);
/* gp_bridge_free of this node, and keep what it says. */
const gres_node_state_t *gp_free_bound_look(struct gp_free_bound *room, int node,
					    uint64_t *free);
/* Whether this node may have count free GPUs. */
bool gp_free_bound_may(const struct gp_free_bound *room, int node, int count);
/* The same for any node of the cluster. */
bool gp_free_bound_may_any(const struct gp_free_bound *room, int count);
/* Some job found no room: look at the nodes that nobody has looked at, so that
 * gp_free_bound_may_any can tell. O(nodes) if anything has changed since. Nodes whose
 * counts and bits do not agree yet count as full, and stay unknown. */
void gp_free_bound_count(struct gp_free_bound *room);

#endif
