/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ill_nodes.h - nodes whose gputopo health reported something (conf/health.h): their lost
 * GPUs are hidden from every job_test, stock's and ours; dead links are in their models.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NODES_ILL_NODES_H
#define GPUTOPO_PLUGIN_CTLD_NODES_ILL_NODES_H

#include <time.h>

#include "plugin/ctld/model/model.h"
#include "plugin/ctld/nodes/free_gpu_bound.h"
#include "plugin/ctld/model/running.h"

/* A node with lost GPUs. */
struct gp_ill_node {
	int node;
	uint64_t lost; /* the model's numbers */
	struct gp_hidden hidden;
	bool is_hidden;
};

/* Zeroed: all nodes are sound. */
struct gp_ill_nodes {
	uint64_t *seen; /* by node: a hash of what it reported, 0: nothing */
	int node_count;
	time_t looked;
	struct gp_ill_node *ill;
	int count, room;
};

void gp_ill_nodes_reset(struct gp_ill_nodes *ill, int node_count);
void gp_ill_nodes_release(struct gp_ill_nodes *ill);
/* Read what nodes report, once a second: O(nodes). What is new is logged, the node bound
 * to its model anew, and its bound of free GPUs forgotten. A report that cannot be read
 * is none. */
void gp_ill_nodes_look(struct gp_ill_nodes *ill, struct gp_models *models,
		       struct gp_free_bound *bound, time_t now);
/* Around one job_test: mark the lost GPUs that nobody has as allocated, by a job of their
 * own in the index of running ones, and take it back. O(nodes with lost GPUs). A will-run
 * may hold no more than read locks: who reads the node meanwhile sees the GPU in use, and
 * nobody but job_tests, which our lock keeps apart, writes. */
void gp_ill_nodes_hide(struct gp_ill_nodes *ill, struct gp_running *running);
/* The index was read anew in between: put them there again. */
void gp_ill_nodes_again(const struct gp_ill_nodes *ill, struct gp_running *running);
void gp_ill_nodes_unhide(struct gp_ill_nodes *ill, struct gp_running *running);

#endif
