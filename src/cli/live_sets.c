/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_sets.c - which sets of a node's free GPUs there are, and which one the plugin
 * would take. Called by gputopo nodes, job and why.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/live.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

uint64_t live_of_type(const struct live_node *node, const char *type)
{
	uint64_t bits = 0;

	if (!node->kind)
		return 0;
	if (!type || !*type)
		return node->kind->whole | node->kind->instance;
	for (int e = 0; e < node->kind->entries; e++)
		if (!strcasecmp(node->kind->entry[e].type, type))
			bits |= node->kind->entry[e].bits;
	return bits;
}

uint64_t live_free(const struct live_node *node, const char *type)
{
	return node->usable && !node->counted
		       ? live_of_type(node, type) & ~node->taken & ~node->kind->lost
		       : 0;
}

static struct gt_mask to_model(const struct live_kind *kind, uint64_t bits)
{
	struct gt_mask mask = {{0}};

	for (bits &= kind->whole; bits; bits &= bits - 1)
		gt_mask_set(&mask, kind->to_model[__builtin_ctzll(bits)]);
	return mask;
}

static uint64_t to_bits(const struct live_kind *kind, const struct gt_mask *mask)
{
	uint64_t bits = 0;

	for (int g = 0; g < kind->gpus; g++)
		if ((kind->whole >> g & 1) && gt_mask_has(mask, kind->to_model[g]))
			bits |= UINT64_C(1) << g;
	return bits;
}

bool live_score(const struct live_kind *kind, uint64_t bits, struct live_set *set)
{
	struct gt_mask mask = to_model(kind, bits);
	int count = __builtin_popcountll(bits);
	struct gt_score score;

	*set = (struct live_set){.bits = bits};
	if (!kind->table || gt_mask_count(&mask) != count)
		return false;
	if (count > 1) {
		gt_score_set(kind->node, &mask, &score);
		set->busbw_mbps = score.busbw_mbps;
		set->ring = score.rings > 0;
	}
	set->ideal_mbps = gt_ideal_busbw_mbps(kind->table, count);
	return true;
}

/* Of the slowest group; 0: groups of one GPU only. */
static int slowest_group(const struct live_kind *kind, const struct live_want *want,
			 const struct gt_mask *set)
{
	struct gt_request request = {
		.count = want->count, .groups = want->groups, .comm = want->comm};
	struct gt_geometry *geometry = calloc(1, sizeof(*geometry));
	int least;

	if (!geometry)
		return 0;
	gt_select_geometry(kind->table, &request, set, geometry);
	least = gt_geometry_slowest(geometry);
	free(geometry);
	return least == INT_MAX ? 0 : least;
}

static bool pick_among(const struct live_kind *kind, const struct gt_mask *free,
		       const struct live_want *want, struct gt_choice *choice)
{
	struct gt_request request = {.count = want->count,
				     .min_busbw_mbps = want->min_mbps,
				     .groups = want->groups,
				     .comm = want->comm,
				     .free = *free};

	return gt_select(kind->table, &request, choice) == GT_FIT_OK;
}

bool live_pick(const struct live_kind *kind, uint64_t free, const struct live_want *want,
	       struct live_set *set)
{
	struct live_want idle = *want;
	struct gt_choice choice, best;
	struct gt_mask mask = to_model(kind, free);

	*set = (struct live_set){0};
	if (!kind->table || __builtin_popcountll(free) < want->count ||
	    !pick_among(kind, &mask, want, &choice) ||
	    !live_score(kind, to_bits(kind, &choice.gpus), set))
		return false;
	if (!want->shaped || want->count < 2)
		return true;
	idle.min_mbps = 0;
	mask = gt_mask_first(gt_node_size(kind->node));
	set->busbw_mbps = slowest_group(kind, want, &choice.gpus);
	set->ideal_mbps = pick_among(kind, &mask, &idle, &best)
				  ? slowest_group(kind, want, &best.gpus)
				  : 0;
	return true;
}

bool live_best(const struct live_kind *kind, uint64_t free, int count,
	       struct live_set *set)
{
	return live_pick(kind, free, &(struct live_want){.count = count}, set);
}
