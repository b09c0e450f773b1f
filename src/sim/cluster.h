/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cluster.h - the state of the nodes while a replay runs: who holds which GPUs, and
 * indices that find a node in O(log nodes). */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include "sim/policy.h"
#include "sim/tree.h"

struct sim_node {
	uint64_t busy;
	uint64_t down; /* part of busy: GPUs out of service */
	int slot_count;
};

/* What is kept for each request size that occurs. */
struct sim_size {
	int k;
	struct sim_tree quality; /* of the best k-set that is free; 0: does not fit */
	struct sim_tree soon;	 /* SIM_SOON - the first time at which k fit */
	bool *is_stranded;	 /* k are free, but no ring of the type's idle node */
	int64_t stranded;	 /* nodes */
	double stranded_ms;	 /* node x milliseconds */
};

#define SIM_SOON INT64_MAX

struct sim_cluster {
	const struct sim_layout *layout;
	struct sim_value *values; /* by type, the chooser's */
	struct sim_node *nodes;
	struct sim_slot *slots; /* layout->largest for each node */
	struct sim_tree free;	/* free GPUs */
	int64_t free_gpus;
	struct sim_size sizes[SIM_MAX_GPUS + 1]; /* by k; k 0: does not occur */
	bool wants_quality, wants_soon;
	int64_t since_ms; /* stranded_ms and busy_ms are summed up to here */
	double busy_ms;	  /* GPU x milliseconds */
};

/* sizes[k]: whether requests of k GPUs on one node occur */
enum gt_err sim_cluster_init(struct sim_cluster *cluster, const struct sim_layout *layout,
			     struct sim_value *values, const bool *sizes,
			     bool wants_quality, bool wants_soon, struct gt_error *err);
void sim_cluster_release(struct sim_cluster *cluster);

static inline struct sim_slot *sim_cluster_slots(const struct sim_cluster *cluster,
						 int node)
{
	return cluster->slots + (size_t)node * (size_t)cluster->layout->largest;
}

/* A job takes free GPUs of a node; until_ms is its end by its time limit, cores (may be
 * NULL) counts its cores on each socket. */
void sim_cluster_take(struct sim_cluster *cluster, int node, uint64_t mask, uint32_t job,
		      int64_t until_ms, bool is_limited, const uint16_t *cores,
		      int64_t now_ms);
/* The job gives back what it holds of the node. */
void sim_cluster_give(struct sim_cluster *cluster, int node, uint32_t job,
		      int64_t now_ms);
/* Sum up to now. */
void sim_cluster_tick(struct sim_cluster *cluster, int64_t now_ms);
/* A GPU fails or comes back; it must be free. */
void sim_cluster_set_down(struct sim_cluster *cluster, int node, int gpu, bool down,
			  int64_t now_ms);

/* A node with k free GPUs by the rule, none of avoid (ascending); -1: none. */
int sim_cluster_find(const struct sim_cluster *cluster, enum sim_node_rule rule, int k,
		     const int *avoid, int avoid_count);
/* The first of the nodes whose best set for a shape of k GPUs is the best of all. Each
 * node is looked at. */
int sim_cluster_find_shape(const struct sim_cluster *cluster,
			   const struct sim_shape *shape, int k, const int *avoid,
			   int avoid_count);
/* When k GPUs of the node are free at the latest, by the time limits; SIM_SOON: never. */
int64_t sim_cluster_soon(const struct sim_cluster *cluster, int node, int k);
/* The node, none of avoid, on which k are free first by the limits, and when; -1: none.
 * k must occur. */
int sim_cluster_first_soon(const struct sim_cluster *cluster, int k, const int *avoid,
			   int avoid_count, int64_t *at_ms);
/* GPUs of the node that are free at a time, by the time limits. */
int sim_cluster_free_at(const struct sim_cluster *cluster, int node, int64_t at_ms);

#endif
