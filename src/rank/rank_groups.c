/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_groups.c - find a step's groups and lay its ranks into them. Called by rank_env.c
 * and gputopo-pmix.
 */
#include <string.h>

#include "rank/rank_groups.h"

#define NEAR_GROUPS                                                                      \
	8 /* 8! orders of groups; beyond, the groups stay as they are listed */

bool gp_groups_find(struct gt_geometry *groups, const struct gt_node *node,
		    const struct gt_mask *gpus, const char *sizes, const char *comm)
{
	struct gt_groups pattern;
	struct gt_request request = {
		.count = gt_mask_count(gpus), .free = *gpus, .groups = &pattern};
	struct gt_table *table;

	groups->count = 0;
	if (!sizes || !*sizes || gt_groups_parse(&pattern, sizes, NULL) != GT_OK ||
	    !gt_groups_repeat(&pattern, request.count))
		return false;
	if (comm && *comm && gt_comm_parse(&request.comm, comm, NULL) != GT_OK)
		return false;
	if (gt_table_new(&table, node, NULL, NULL) != GT_OK)
		return false;
	gt_select_geometry(table, &request, gpus, groups);
	gt_table_free(table);
	gt_order_groups(node, groups);
	return true;
}

int gp_groups_start(const struct gt_geometry *groups, int group)
{
	int start = 0;

	for (int i = 0; i < group; i++)
		start += groups->size[i];
	return start;
}

int gp_groups_index(const struct gt_geometry *groups, const int *gpu, int count)
{
	int found = -1, at = 0;

	for (int i = 0; i < groups->count; i++)
		for (int r = 0; r < groups->size[i]; r++, at++)
			if (count > 0 && groups->gpu[at] == gpu[0])
				found = i;
	at = found < 0 ? 0 : gp_groups_start(groups, found);
	for (int j = 1; j < count && found >= 0; j++) {
		int r = 0;

		while (r < groups->size[found] && groups->gpu[at + r] != gpu[j])
			r++;
		if (r == groups->size[found])
			found = -1;
	}
	return found;
}

/* ---- near cores ---- */

/* Which group goes where: a search over the orders of the groups. */
struct seats {
	int count, least; /* groups; what each two in a row must have between them */
	int size[NEAR_GROUPS];
	int between[NEAR_GROUPS][NEAR_GROUPS];
	int near[NEAR_GROUPS][NEAR_GROUPS]; /* by group and place: ranks near their GPU */
	int at[NEAR_GROUPS], best[NEAR_GROUPS];
	int most;
};

static struct gt_mask members(const struct gt_geometry *groups, int group)
{
	int start = gp_groups_start(groups, group);
	struct gt_mask set = {0};

	for (int r = 0; r < groups->size[group]; r++)
		gt_mask_set(&set, groups->gpu[start + r]);
	return set;
}

static int between(const struct gt_node *node, const struct gt_mask *a,
		   const struct gt_mask *b)
{
	int sum = 0;

	for (int x = gt_mask_next(a, 0); x >= 0; x = gt_mask_next(a, x + 1))
		for (int y = gt_mask_next(b, 0); y >= 0; y = gt_mask_next(b, y + 1))
			if (gt_node_pair_mbps(node, x, y) > 0)
				sum += gt_node_pair_mbps(node, x, y);
	return sum;
}

/* A group in the order of the ranks at a place; returns how many are near. */
static int lay_group(const struct gt_node *node, const struct gt_mask *set,
		     const struct gt_mask *near, struct gt_order *order)
{
	int count = 0;

	gt_order_find_near(node, set, near, order);
	for (int r = 0; near && r < order->count; r++)
		count += gt_mask_has(&near[r], order->gpu[r]);
	return count;
}

static void try_place(struct seats *s, int place, unsigned used, int near)
{
	if (place == s->count) {
		if (near > s->most) {
			s->most = near;
			memcpy(s->best, s->at, sizeof(s->best));
		}
		return;
	}
	for (int g = 0; g < s->count; g++) {
		if (used >> g & 1 || s->size[g] != s->size[place] ||
		    (place > 0 && s->between[s->at[place - 1]][g] < s->least))
			continue;
		s->at[place] = g;
		try_place(s, place + 1, used | 1u << g, near + s->near[g][place]);
	}
}

/* By place: the group that it gets. */
static void seat_groups(const struct gt_geometry *groups, const struct gt_node *node,
			const struct gt_mask *near, int *group)
{
	struct seats s = {
		.count = groups->count, .least = groups->transfer_mbps, .most = -1};

	for (int g = 0; g < s.count; g++) {
		struct gt_mask set = members(groups, g);

		s.size[g] = groups->size[g];
		for (int other = 0; other < s.count; other++) {
			struct gt_mask far = members(groups, other);
			int start = gp_groups_start(groups, other);
			struct gt_order order;

			s.between[g][other] = between(node, &set, &far);
			if (groups->size[other] == groups->size[g])
				s.near[g][other] =
					lay_group(node, &set, &near[start], &order);
		}
	}
	/* the order of before is the first that is tried */
	try_place(&s, 0, 0, 0);
	memcpy(group, s.best, (size_t)s.count * sizeof(*group));
}

void gp_groups_near(struct gt_geometry *groups, const struct gt_node *node,
		    const struct gt_mask *near)
{
	struct gt_geometry before = *groups;
	int group[GT_GROUPS_MAX], used = 0;

	if (!near)
		return;
	for (int i = 0; i < groups->count; i++)
		group[i] = i;
	if (groups->count > 1 && groups->count <= NEAR_GROUPS)
		seat_groups(groups, node, near, group);
	for (int i = 0; i < groups->count; i++) {
		struct gt_mask set = members(&before, group[i]);
		struct gt_order order;

		lay_group(node, &set, &near[used], &order);
		groups->busbw_mbps[i] = before.busbw_mbps[group[i]];
		for (int r = 0; r < order.count; r++)
			groups->gpu[used++] = (uint16_t)order.gpu[r];
	}
}
