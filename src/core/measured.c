/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured on a node: points that promises are held to. Made by the reader of
 * node files and by `gputopo measure`, asked by score and shape. */
#include "config.h"

#include "core/node.h"

#include <limits.h>

/* The island that holds all of the set, and its least c_i; GT_UNKNOWN: there is none. */
static int island_of(const struct gt_node *node, const struct gt_mask *set, int *links)
{
	int first = gt_mask_next(set, 0), island;

	*links = GT_MAX_LINKS;
	if (first < 0)
		return GT_UNKNOWN;
	island = node->gpu[first].island;
	for (int g = first; g >= 0; g = gt_mask_next(set, g + 1)) {
		const struct gt_gpu *gpu = &node->gpu[g];

		if (gpu->island != island)
			return GT_UNKNOWN;
		*links = gpu->switch_links < *links ? gpu->switch_links : *links;
	}
	return island;
}

static int most_links(const struct gt_node *node, int island)
{
	int most = 0;

	for (int i = 0; i < node->n; i++)
		if (node->gpu[i].island == island && node->gpu[i].switch_links > most)
			most = node->gpu[i].switch_links;
	return most;
}

int gt_node_measured_mbps(const struct gt_node *node, const struct gt_mask *set,
			  enum gt_comm comm)
{
	int count = node->measured_count ? gt_mask_count(set) : 0, least = INT_MAX;
	int island = GT_UNKNOWN, links = 0;

	if (count < 2)
		return 0;
	island = island_of(node, set, &links);
	for (int i = 0; i < node->measured_count; i++) {
		const struct gt_measured *point = &node->measured[i];
		bool named = gt_mask_next(&point->gpus, 0) >= 0;
		int theirs;

		if (point->comm != comm || point->count != count)
			continue;
		if (named && gt_mask_equal(&point->gpus, set))
			return point->busbw_mbps;
		if (island < 0 ||
		    (named && island_of(node, &point->gpus, &theirs) != island))
			continue;
		if (!named)
			theirs = most_links(node, island);
		if (theirs <= links && point->busbw_mbps < least)
			least = point->busbw_mbps;
	}
	return least == INT_MAX ? 0 : least;
}

bool gt_measured_same_place(const struct gt_measured *a, const struct gt_measured *b)
{
	return a->comm == b->comm && a->count == b->count &&
	       gt_mask_equal(&a->gpus, &b->gpus);
}

bool gt_measured_same(const struct gt_node *a, const struct gt_node *b)
{
	if (a->measured_count != b->measured_count)
		return false;
	for (int i = 0; i < a->measured_count; i++)
		if (!gt_measured_same_place(&a->measured[i], &b->measured[i]) ||
		    a->measured[i].busbw_mbps != b->measured[i].busbw_mbps)
			return false;
	return true;
}
