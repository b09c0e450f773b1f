/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every K-subset of up to 16 GPUs, in rising order of positions. */
#ifndef GT_SUBSETS_H
#define GT_SUBSETS_H

#include <stdbool.h>
#include <stdint.h>

struct gt_subsets {
	int gpu[32];
	uint32_t chosen, limit;
	uint32_t left_of; /* not 0: hand out what is left of it */
};

static inline void gt_subsets_init(struct gt_subsets *it, uint32_t of, int k)
{
	int n = 0;

	it->left_of = 0;
	for (; of; of &= of - 1)
		it->gpu[n++] = __builtin_ctz(of);
	it->limit = UINT32_C(1) << n;
	it->chosen = k >= 1 && k <= n ? (UINT32_C(1) << k) - 1 : it->limit;
}

/* The same with the lowest GPUs first, as lists of them are ordered: 0,1 0,2 0,3 1,2 ...
 * These are what is left where the others rise, counted from the highest GPU. */
static inline void gt_subsets_init_lists(struct gt_subsets *it, uint32_t of, int k)
{
	int n = __builtin_popcount(of);

	gt_subsets_init(it, of, k < n ? n - k : n);
	if (k >= n)
		return;
	it->left_of = of;
	for (; n-- > 0; of &= of - 1)
		it->gpu[n] = __builtin_ctz(of);
}

/* Gosper's walk over numbers with K bits set (HAKMEM, item 175). */
static inline bool gt_subsets_next(struct gt_subsets *it, uint32_t *set)
{
	uint32_t chosen = it->chosen, low = chosen & -chosen, ripple = chosen + low;

	if (chosen >= it->limit)
		return false;
	*set = 0;
	for (uint32_t c = chosen; c; c &= c - 1)
		*set |= UINT32_C(1) << it->gpu[__builtin_ctz(c)];
	if (it->left_of)
		*set = it->left_of & ~*set;
	it->chosen = (((chosen ^ ripple) >> 2) / low) | ripple;
	return true;
}

#endif
