/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h - a number for each node, and the first or the largest of a range in O(log). */
#ifndef SIM_TREE_H
#define SIM_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct sim_tree {
	int count;
	int leaves;	/* a power of two */
	uint64_t *most; /* [1] is the root; leaf i is [leaves + i] */
};

/* count numbers, all 0. false: out of memory. */
bool sim_tree_init(struct sim_tree *tree, int count);
void sim_tree_release(struct sim_tree *tree);

void sim_tree_set(struct sim_tree *tree, int i, uint64_t value);
static inline uint64_t sim_tree_get(const struct sim_tree *tree, int i)
{
	return tree->most[tree->leaves + i];
}
static inline uint64_t sim_tree_most(const struct sim_tree *tree)
{
	return tree->most[1];
}
/* The first i >= from with at least this value, or -1. */
int sim_tree_first(const struct sim_tree *tree, int from, uint64_t at_least);
/* The largest value of from <= i < to; 0 for an empty range. */
uint64_t sim_tree_most_in(const struct sim_tree *tree, int from, int to);

#endif
