/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network cards of a node: which count, which GPUs are near to them, and what a set
 * of GPUs reaches through them. Made by readers, asked for jobs of several nodes. */
#include "config.h"

#include "core/node.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_UNIT    1000 /* what one GPU feeds a card, of which half where it is far */
#define SLOW_SHARE   4	  /* a card below a quarter of the fastest is for storage */
#define ETHERNET_LOW 1250 /* 10 Gb/s: management beside InfiniBand */

static void drop(struct gt_node *node, int i)
{
	size_t n = (size_t)node->n, behind = (size_t)(node->nic_count - i - 1);

	memmove(&node->nics[i], &node->nics[i + 1], behind * sizeof(node->nics[0]));
	memmove(node->nic_path + (size_t)i * n, node->nic_path + ((size_t)i + 1) * n,
		behind * n);
	node->nic_count--;
}

/* Why a card is not for jobs; NULL: it is. */
static const char *why_dropped(const struct gt_node *node, const struct gt_nic *nic,
			       int fastest, const char *ignored)
{
	char list[GT_NIC_GLOBS_MAX], *keep = NULL;
	bool infiniband = false;

	snprintf(list, sizeof(list), "%s", ignored ? ignored : "");
	for (char *glob = strtok_r(list, ", ", &keep); glob;
	     glob = strtok_r(NULL, ", ", &keep))
		if (fnmatch(glob, nic->name, 0) == 0)
			return "NicIgnore= names it";
	if (nic->mbps == GT_UNKNOWN)
		return NULL;
	if ((int64_t)nic->mbps * SLOW_SHARE < fastest)
		return "it has less than a quarter of the fastest one's speed";
	for (int i = 0; i < node->nic_count; i++)
		infiniband |= node->nics[i].kind == GT_NIC_INFINIBAND;
	return nic->kind == GT_NIC_ETHERNET && nic->mbps <= ETHERNET_LOW && infiniband
		       ? "it is slow Ethernet beside InfiniBand"
		       : NULL;
}

static void drop_unused(struct gt_node *node, const char *ignored)
{
	int fastest = 0;

	for (int i = 0; i < node->nic_count; i++)
		if (node->nics[i].mbps > fastest &&
		    !why_dropped(node, &node->nics[i], 0, ignored))
			fastest = node->nics[i].mbps;
	for (int i = node->nic_count - 1; i >= 0; i--) {
		const char *why = why_dropped(node, &node->nics[i], fastest, ignored);

		if (!why)
			continue;
		gt_node_add_note(node, "NIC %s is left out: %s", node->nics[i].name, why);
		drop(node, i);
	}
}

/* By PCI order where all cards tell theirs; few cards. */
static void sort_nics(struct gt_node *node)
{
	size_t n = (size_t)node->n;
	uint8_t path[GT_MAX_GPUS];

	for (int i = 0; i < node->nic_count; i++)
		if (!node->nics[i].bus_id[0])
			return;
	for (int i = 1; i < node->nic_count; i++)
		for (int j = i;
		     j > 0 && strcmp(node->nics[j - 1].bus_id, node->nics[j].bus_id) > 0;
		     j--) {
			struct gt_nic swap = node->nics[j];
			uint8_t *a = node->nic_path + (size_t)(j - 1) * n, *b = a + n;

			node->nics[j] = node->nics[j - 1];
			node->nics[j - 1] = swap;
			memcpy(path, a, n);
			memcpy(a, b, n);
			memcpy(b, path, n);
		}
}

/* GPUs whose best path to any card is that to this one. */
static void find_near(struct gt_node *node)
{
	for (int i = 0; i < node->nic_count; i++)
		memset(&node->nics[i].near, 0, sizeof(node->nics[i].near));
	for (int g = 0; g < node->n; g++) {
		int best = INT_MAX;

		for (int i = 0; i < node->nic_count; i++) {
			int path = gt_node_nic_path(node, i, g);

			if (path != GT_PATH_UNKNOWN && path < best)
				best = path;
		}
		for (int i = 0; i < node->nic_count; i++)
			if ((int)gt_node_nic_path(node, i, g) == best)
				gt_mask_set(&node->nics[i].near, g);
	}
}

void gt_node_settle_nics(struct gt_node *node, int mbps, const char *ignored)
{
	bool numbered = true;

	for (int i = 0; i < node->nic_count; i++)
		if (node->nics[i].mbps == GT_UNKNOWN && mbps > 0)
			node->nics[i].mbps = mbps;
	drop_unused(node, ignored);
	sort_nics(node);
	for (int i = 0; i < node->nic_count; i++)
		numbered = numbered && node->nics[i].has_rail;
	for (int i = 0; i < node->nic_count && !numbered; i++)
		node->nics[i].rail = i;
	find_near(node);
}

/* ---- asking ---- */

int gt_node_nic_count(const struct gt_node *node)
{
	return node->nic_count;
}

const struct gt_nic *gt_node_nic(const struct gt_node *node, int i)
{
	return &node->nics[i];
}

enum gt_path gt_node_nic_path(const struct gt_node *node, int nic, int gpu)
{
	return (enum gt_path)node->nic_path[gt_node_at(node, nic, gpu)];
}

/* How much of a card its GPUs of the set use, of FEED_UNIT. */
static int fed(const struct gt_node *node, int nic, const struct gt_mask *set)
{
	const struct gt_mask *near = &node->nics[nic].near;
	int sum = 0;

	for (int g = gt_mask_next(set, 0); g >= 0 && sum < FEED_UNIT;
	     g = gt_mask_next(set, g + 1))
		if (gt_mask_has(near, g))
			sum += gt_node_nic_path(node, nic, g) > GT_PATH_PXB
				       ? FEED_UNIT / 2
				       : FEED_UNIT;
	return sum < FEED_UNIT ? sum : FEED_UNIT;
}

void gt_node_reach(const struct gt_node *node, const struct gt_mask *set,
		   struct gt_reach *reach)
{
	int64_t mbps = 0;
	int cards = 0;

	memset(reach, 0, sizeof(*reach));
	reach->has_speeds = node->nic_count > 0;
	for (int i = 0; i < node->nic_count; i++) {
		const struct gt_nic *nic = &node->nics[i];
		int share = fed(node, i, set);

		reach->has_speeds = reach->has_speeds && nic->mbps != GT_UNKNOWN;
		if (!share)
			continue;
		reach->nics |= UINT64_C(1) << i;
		reach->rails |= UINT64_C(1) << nic->rail;
		cards += share;
		mbps += nic->mbps == GT_UNKNOWN ? 0 : (int64_t)nic->mbps * share;
	}
	mbps /= FEED_UNIT;
	reach->worth = reach->has_speeds ? mbps < INT_MAX ? (int)mbps : INT_MAX : cards;
}

/* ---- copies and comparison ---- */

static bool copy_nics(struct gt_node *copy, const struct gt_node *node)
{
	size_t count = (size_t)node->nic_count, n = (size_t)node->n;

	copy->nic_count = 0;
	if (!count)
		return true;
	copy->nics = malloc(count * sizeof(*copy->nics));
	copy->nic_path = malloc(count * n + 1);
	if (!copy->nics || !copy->nic_path)
		return false;
	memcpy(copy->nics, node->nics, count * sizeof(*copy->nics));
	memcpy(copy->nic_path, node->nic_path, count * n);
	copy->nic_count = node->nic_count;
	return true;
}

static bool same_nics(const struct gt_node *a, const struct gt_node *b)
{
	if (a->nic_count != b->nic_count)
		return false;
	for (int i = 0; i < a->nic_count; i++)
		if (a->nics[i].mbps != b->nics[i].mbps ||
		    a->nics[i].rail != b->nics[i].rail)
			return false;
	return !a->nic_count ||
	       !memcmp(a->nic_path, b->nic_path, (size_t)a->nic_count * (size_t)a->n);
}

/* ---- jobs of several nodes ---- */

static struct gt_network_key network_key(const struct gt_node *node,
					 const struct gt_network *network,
					 const struct gt_mask *set, int busbw_mbps)
{
	struct gt_mask sick = gt_mask_without(set, &node->healthy);
	struct gt_reach reach;

	gt_node_reach(node, set, &reach);
	return (struct gt_network_key){
		.sick = gt_mask_count(&sick),
		.worth = reach.has_speeds && busbw_mbps > 0 && busbw_mbps < reach.worth
				 ? busbw_mbps
				 : reach.worth,
		.common = __builtin_popcountll(reach.rails & network->rails),
		.shared = __builtin_popcountll(reach.nics & network->busy),
	};
}

static void score_network(const struct gt_node *node, const struct gt_network *network,
			  const struct gt_mask *set, struct gt_score *score)
{
	struct gt_network_key key = network_key(node, network, set, score->busbw_mbps);
	struct gt_reach reach;

	gt_node_reach(node, set, &reach);
	score->has_network = true;
	score->nic_has_speeds = reach.has_speeds;
	score->nic_worth = reach.worth;
	score->network_worth = key.worth;
	score->rails_in_common = key.common;
	score->nics_shared = key.shared;
}

const struct gt_cards gt_cards = {
	.copy = copy_nics,
	.same = same_nics,
	.settle = gt_node_settle_nics,
	.key = network_key,
	.score = score_network,
	.pick = gt_network_pick,
};
