/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding GPUs that no request can tell apart. */
#include "config.h"

#include "core/bits.h"
#include "core/score.h"
#include "core/twin.h"

#include <string.h>

static bool alike(const struct gt_node *node, int a, int b)
{
	const struct gt_gpu *x = &node->gpu[a], *y = &node->gpu[b];

	if (gt_gpu_home(x) != gt_gpu_home(y) || strcmp(x->pci_root, y->pci_root) != 0 ||
	    x->island != y->island || x->switch_links != y->switch_links ||
	    x->link_mbps != y->link_mbps || x->reduce_mbps != y->reduce_mbps ||
	    x->reduce_from != y->reduce_from || x->mig != y->mig ||
	    x->healthy != y->healthy)
		return false;
	for (int i = 0; i < node->shared_count; i++)
		if (gt_mask_has(&node->shared[i].gpus, a) !=
		    gt_mask_has(&node->shared[i].gpus, b))
			return false;
	for (int i = 0; i < node->measured_count; i++)
		if (gt_mask_has(&node->measured[i].gpus, a) !=
		    gt_mask_has(&node->measured[i].gpus, b))
			return false;
	for (int i = 0; i < node->group_count; i++)
		if (gt_mask_has(&node->groups[i], a) != gt_mask_has(&node->groups[i], b))
			return false;
	return true;
}

static bool same_pair(const struct gt_node *node, size_t x, size_t y)
{
	return node->links[x] == node->links[y] &&
	       node->pair_mbps[x] == node->pair_mbps[y] &&
	       node->path_mbps[x] == node->path_mbps[y];
}

static bool are_twins(const struct gt_node *node, int a, int b)
{
	if (!alike(node, a, b))
		return false;
	for (int c = 0; c < node->n; c++)
		if (c != a && c != b &&
		    !same_pair(node, gt_node_at(node, a, c), gt_node_at(node, b, c)))
			return false;
	return true;
}

void gt_twins_find(struct gt_twins *twins, const struct gt_node *node)
{
	int first[GT_MAX_GPUS];

	twins->count = 0;
	for (int g = 0; g < node->n; g++) {
		int kind = 0;

		while (kind < twins->count && !are_twins(node, first[kind], g))
			kind++;
		if (kind == twins->count)
			first[twins->count++] = g;
		twins->of[g] = kind;
	}
}

void gt_twin_bits_init(struct gt_twin_bits *bits, const struct gt_twins *twins, int n)
{
	bits->count = 0;
	for (int kind = 0; kind < twins->count; kind++) {
		uint32_t members = 0;

		for (int g = 0; g < n; g++)
			if (twins->of[g] == kind)
				members |= UINT32_C(1) << g;
		if (members & (members - 1))
			bits->members[bits->count++] = members;
	}
}

/* The lowest count bits of from. */
static uint32_t lowest(uint32_t from, int count)
{
	uint32_t taken = 0;

	for (; count > 0; count--) {
		taken |= from & -from;
		from &= from - 1;
	}
	return taken;
}

uint32_t gt_twins_canonical(const struct gt_twin_bits *bits, uint32_t set)
{
	for (int i = 0; i < bits->count; i++) {
		uint32_t mine = set & bits->members[i];

		set = (set & ~mine) | lowest(bits->members[i], gt_bits_count(mine));
	}
	return set;
}
