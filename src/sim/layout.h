/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layout.h - the machines of a replay: node types, and how many nodes of each. */
#ifndef SIM_LAYOUT_H
#define SIM_LAYOUT_H

#include "core/library.h"
#include "sim/policy_slurm.h"

#define SIM_MAX_NODES	     30000
#define SIM_MAX_TYPES	     64
#define SIM_CORES_PER_SOCKET 20 /* where no slurm.conf tells */

struct sim_type {
	struct gt_node *node; /* the layout's own */
	struct sim_slurm_node slurm;
	int n;
	int cores_per_socket;
	uint64_t all;
};

struct sim_layout {
	struct sim_type types[SIM_MAX_TYPES];
	int type_count;
	int nodes;
	int nodes_room;
	uint16_t *type_of;
	bool *stock;	/* Mode=off or observe: our policy leaves it as Slurm does */
	char **names;	/* NULL entries: "n" and the number */
	uint64_t *down; /* GPUs that no job of whole GPUs can have, as those cut by MIG */
	int64_t gpus;
	int largest; /* GPUs of the largest node */
};

/* A type of the layout; takes over node also on failure. Returns its number by *type. */
enum gt_err sim_layout_add_type(struct sim_layout *layout, struct gt_node *node,
				int cores_per_socket, int *type, struct gt_error *err);
/* A node; name may be NULL. */
enum gt_err sim_layout_add_node(struct sim_layout *layout, int type, const char *name,
				bool stock, struct gt_error *err);
/* Take GPUs of a node out of the replay. */
void sim_layout_set_down(struct sim_layout *layout, int node, uint64_t mask);
void sim_layout_release(struct sim_layout *layout);
/* The node's name; buf is for those without. */
const char *sim_layout_name(const struct sim_layout *layout, int node, char *buf,
			    size_t size);
static inline const struct sim_type *sim_layout_type(const struct sim_layout *layout,
						     int node)
{
	return &layout->types[layout->type_of[node]];
}
/* Whether all pairs of each node are alike, as behind one NVSwitch. Then so are all sets
 * of a size. */
bool sim_type_is_uniform(const struct sim_type *type);
bool sim_layout_is_uniform(const struct sim_layout *layout);
/* What reports say then. */
#define SIM_UNIFORM_TEXT                                                                 \
	"All sets of a size are equal on these nodes: policies differ in waits and "     \
	"splits "                                                                        \
	"only."
/* Names the layout by its content. */
uint64_t sim_layout_hash(const struct sim_layout *layout);

#endif
