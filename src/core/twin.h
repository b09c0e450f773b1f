/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins: GPUs of a node that no request can tell apart. */
#ifndef GT_TWIN_H
#define GT_TWIN_H

#include "core/node.h"

/* Two GPUs are twins if they are alike (home, PCIe root, island, links into it, speed,
 * MIG, health, link groups, measured sets) and every third GPU is connected to both in
 * the same way. */
struct gt_twins {
	int count;	     /* classes */
	int of[GT_MAX_GPUS]; /* class of each GPU; classes count up by first member */
};

/* O(n^2 x classes). */
void gt_twins_find(struct gt_twins *twins, const struct gt_node *node);

/* The same for up to 16 GPUs, as bits. */
struct gt_twin_bits {
	int count; /* classes of two or more: only those matter */
	uint32_t members[8];
};

void gt_twin_bits_init(struct gt_twin_bits *bits, const struct gt_twins *twins, int n);

/* Whether set has, of every class, the lowest members that `of` offers. */
static inline bool gt_twins_lowest(const struct gt_twin_bits *bits, uint32_t set,
				   uint32_t of)
{
	for (int i = 0; i < bits->count; i++) {
		uint32_t mine = set & bits->members[i];
		uint32_t skipped = of & bits->members[i] & ~set;

		if (mine && skipped && __builtin_ctz(skipped) < 31 - __builtin_clz(mine))
			return false;
	}
	return true;
}

/* The set with every member replaced by the lowest twins: equal worth, one form. */
uint32_t gt_twins_canonical(const struct gt_twin_bits *bits, uint32_t set);

#endif
