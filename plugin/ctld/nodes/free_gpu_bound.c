/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * free_gpu_bound.c - an upper bound of each node's free GPUs, so that full nodes are
 * skipped. Called by preselect.c and node_score.c; the hooks for ended jobs reset it.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/nodes/free_gpu_bound.h"

#define UNKNOWN UINT8_MAX /* more than GP_MAX_GPUS */

void gp_free_bound_release(struct gp_free_bound *room)
{
	free(room->most);
	memset(room, 0, sizeof(*room));
	room->roomiest = -1;
}

void gp_free_bound_forget_all(struct gp_free_bound *room)
{
	if (room->most)
		memset(room->most, UNKNOWN, (size_t)room->node_count);
	room->roomiest = -1;
}

bool gp_free_bound_reset(struct gp_free_bound *room, int node_count)
{
	gp_free_bound_release(room);
	if (node_count <= 0)
		return true;
	room->most = malloc((size_t)node_count);
	if (!room->most)
		return false;
	room->node_count = node_count;
	gp_free_bound_forget_all(room);
	return true;
}

void gp_free_bound_forget(struct gp_free_bound *room, int node)
{
	if (node >= 0 && node < room->node_count)
		room->most[node] = UNKNOWN;
	room->roomiest = -1;
}

void gp_free_bound_expire(struct gp_free_bound *room, time_t now)
{
	if (now >= room->since && now - room->since < GP_ROOM_SECONDS)
		return;
	gp_free_bound_forget_all(room);
	room->since = now;
}

static void keep(struct gp_free_bound *room, int node, int free)
{
	if (node < 0 || node >= room->node_count)
		return;
	room->changed |= room->most[node] != free;
	room->most[node] = (uint8_t)free;
	if (room->roomiest >= 0 && room->roomiest < free)
		room->roomiest = free;
}

const gres_node_state_t *gp_free_bound_look(struct gp_free_bound *room, int node,
					    uint64_t *free)
{
	const node_record_t *record = node_record_table_ptr[node];
	const gres_node_state_t *state = record ? gp_bridge_free(record, free) : NULL;

	if (state)
		keep(room, node, __builtin_popcountll(*free));
	else if (record && !gp_bridge_gres(record, "gpu"))
		keep(room, node, 0);
	return state;
}

bool gp_free_bound_may(const struct gp_free_bound *room, int node, int count)
{
	return node >= room->node_count || room->most[node] >= count;
}

bool gp_free_bound_may_any(const struct gp_free_bound *room, int count)
{
	return !room->most || room->roomiest < 0 || room->roomiest >= count;
}

void gp_free_bound_count(struct gp_free_bound *room)
{
	if (room->roomiest >= 0 && !room->changed)
		return;
	room->roomiest = 0;
	for (int n = 0; n < room->node_count; n++) {
		uint64_t free;

		if (room->most[n] == UNKNOWN)
			(void)gp_free_bound_look(room, n, &free);
		if (room->most[n] != UNKNOWN && room->most[n] > room->roomiest)
			room->roomiest = room->most[n];
	}
	room->changed = false;
}
