/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * site.h - what a site's slurm.conf says about who may run where: partitions, types of
 * GPU and features of the nodes. conf.c fills it; filter.c asks.
 */
#ifndef SIM_SITE_H
#define SIM_SITE_H

#include "sim/trace.h"

/* "PartitionName=" or "NodeSet=": a name and its Nodes=. */
struct sim_group {
	char *name;
	char *nodes;   /* a host list, names of node sets among it; "ALL"; "" */
	char *feature; /* NodeSet: or nodes with this feature; "" */
};

struct sim_site_node {
	char *types;	/* of its GPUs, comma list; "" where Gres= names none */
	char *features; /* comma list */
};

struct sim_site {
	struct sim_group *partitions, *sets;
	int partition_count, set_count;
	struct sim_site_node *nodes; /* by node of the layout */
	int node_room;
	char *left_out; /* host list of nodes that are no part of the replay */
	bool has_types, has_features;
};

/* Each returns false where memory runs out. */
bool sim_site_add_group(struct sim_group **groups, int *count, const char *name,
			const char *nodes, const char *feature);
bool sim_site_set_node(struct sim_site *site, int node, const char *types,
		       const char *features);
bool sim_site_leave_out(struct sim_site *site, const char *name);
void sim_site_release(struct sim_site *site);

/* Whether the node is in the partition, or in one of a comma list. */
bool sim_site_in_partition(const struct sim_site *site, const char *partitions,
			   const char *name, int node);
/* Whether a node with these features satisfies Slurm's expression: names with & , | ! and
 * brackets, & before |, counts (*2) ignored. */
bool sim_features_match(const char *expression, const char *features);

#endif
