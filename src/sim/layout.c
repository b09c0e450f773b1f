/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Node types and nodes. */
#include "config.h"

#include "sim/layout.h"
#include "core/fnv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum gt_err sim_layout_add_type(struct sim_layout *layout, struct gt_node *node,
				int cores_per_socket, int *type, struct gt_error *err)
{
	struct sim_type *t = &layout->types[layout->type_count];
	enum gt_err failed = GT_OK;

	*type = layout->type_count;
	if (layout->type_count == SIM_MAX_TYPES)
		failed = gt_fail(err, GT_ELIMIT, "more than %d kinds of nodes",
				 SIM_MAX_TYPES);
	else if (gt_node_size(node) == 0)
		failed = gt_fail(err, GT_EINVAL, "the machine has no GPU");
	else
		failed = sim_slurm_node_init(&t->slurm, node, cores_per_socket, err);
	if (failed) {
		gt_node_free(node);
		return failed;
	}
	t->node = node;
	t->n = gt_node_size(node);
	t->cores_per_socket =
		cores_per_socket > 0 ? cores_per_socket : SIM_CORES_PER_SOCKET;
	t->all = t->n < 64 ? (UINT64_C(1) << t->n) - 1 : UINT64_MAX;
	layout->type_count++;
	return GT_OK;
}

static bool make_room(struct sim_layout *layout)
{
	int room = layout->nodes_room ? 2 * layout->nodes_room : 64;
	void *types, *stock, *names, *down;

	if (layout->nodes < layout->nodes_room)
		return true;
	types = realloc(layout->type_of, (size_t)room * sizeof(*layout->type_of));
	layout->type_of = types ? types : layout->type_of;
	stock = realloc(layout->stock, (size_t)room * sizeof(*layout->stock));
	layout->stock = stock ? stock : layout->stock;
	names = realloc(layout->names, (size_t)room * sizeof(*layout->names));
	layout->names = names ? names : layout->names;
	down = realloc(layout->down, (size_t)room * sizeof(*layout->down));
	layout->down = down ? down : layout->down;
	if (!types || !stock || !names || !down)
		return false;
	layout->nodes_room = room;
	return true;
}

enum gt_err sim_layout_add_node(struct sim_layout *layout, int type, const char *name,
				bool stock, struct gt_error *err)
{
	const struct sim_type *t = &layout->types[type];
	int i = layout->nodes;

	if (i == SIM_MAX_NODES)
		return gt_fail(err, GT_ELIMIT, "more than %d nodes", SIM_MAX_NODES);
	if (!make_room(layout))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	layout->names[i] = name ? strdup(name) : NULL;
	if (name && !layout->names[i])
		return gt_fail(err, GT_ENOMEM, "out of memory");
	layout->type_of[i] = (uint16_t)type;
	layout->stock[i] = stock;
	layout->down[i] = 0;
	layout->nodes++;
	layout->gpus += t->n;
	layout->largest = t->n > layout->largest ? t->n : layout->largest;
	return GT_OK;
}

void sim_layout_set_down(struct sim_layout *layout, int node, uint64_t mask)
{
	mask &= layout->types[layout->type_of[node]].all & ~layout->down[node];
	layout->down[node] |= mask;
	layout->gpus -= __builtin_popcountll(mask);
}

void sim_layout_release(struct sim_layout *layout)
{
	for (int i = 0; i < layout->type_count; i++)
		gt_node_free(layout->types[i].node);
	for (int i = 0; i < layout->nodes; i++)
		free(layout->names[i]);
	free(layout->type_of);
	free(layout->stock);
	free(layout->names);
	free(layout->down);
	memset(layout, 0, sizeof(*layout));
}

const char *sim_layout_name(const struct sim_layout *layout, int node, char *buf,
			    size_t size)
{
	if (layout->names[node])
		return layout->names[node];
	snprintf(buf, size, "n%d", node);
	return buf;
}

bool sim_type_is_uniform(const struct sim_type *type)
{
	for (int a = 0; a < type->n; a++)
		for (int b = 0; b < a; b++)
			if (gt_node_links(type->node, a, b) !=
				    gt_node_links(type->node, 0, 1) ||
			    gt_node_pair_mbps(type->node, a, b) !=
				    gt_node_pair_mbps(type->node, 0, 1))
				return false;
	return true;
}

bool sim_layout_is_uniform(const struct sim_layout *layout)
{
	for (int t = 0; t < layout->type_count; t++)
		if (!sim_type_is_uniform(&layout->types[t]))
			return false;
	return true;
}

uint64_t sim_layout_hash(const struct sim_layout *layout)
{
	uint64_t hash = GT_FNV_START;

	for (int t = 0; t < layout->type_count; t++)
		for (int a = 0; a < layout->types[t].n; a++)
			for (int b = 0; b < layout->types[t].n; b++) {
				int pair[2] = {
					gt_node_links(layout->types[t].node, a, b),
					gt_node_pair_mbps(layout->types[t].node, a, b),
				};

				hash = gt_fnv(hash, pair, sizeof(pair));
			}
	return gt_fnv(hash, layout->type_of,
		      (size_t)layout->nodes * sizeof(*layout->type_of));
}
