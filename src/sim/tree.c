/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A complete binary tree of maxima. */
#include "config.h"

#include "sim/tree.h"

#include <stdlib.h>

bool sim_tree_init(struct sim_tree *tree, int count)
{
	tree->count = count;
	tree->leaves = 1;
	while (tree->leaves < count)
		tree->leaves *= 2;
	tree->most = calloc(2 * (size_t)tree->leaves, sizeof(*tree->most));
	return tree->most != NULL;
}

void sim_tree_release(struct sim_tree *tree)
{
	free(tree->most);
	tree->most = NULL;
}

void sim_tree_set(struct sim_tree *tree, int i, uint64_t value)
{
	int at = tree->leaves + i;

	tree->most[at] = value;
	for (at /= 2; at >= 1; at /= 2) {
		uint64_t left = tree->most[2 * at], right = tree->most[2 * at + 1];
		uint64_t most = left >= right ? left : right;

		if (tree->most[at] == most)
			return;
		tree->most[at] = most;
	}
}

int sim_tree_first(const struct sim_tree *tree, int from, uint64_t at_least)
{
	int at = tree->leaves + from;

	if (from >= tree->count)
		return -1;
	if (tree->most[at] >= at_least)
		return from;
	/* up, until a right neighbour holds one */
	while (at > 1 && (at & 1 || tree->most[at + 1] < at_least))
		at /= 2;
	if (at <= 1)
		return -1;
	for (at++; at < tree->leaves;)
		at = tree->most[2 * at] >= at_least ? 2 * at : 2 * at + 1;
	return at - tree->leaves < tree->count ? at - tree->leaves : -1;
}

uint64_t sim_tree_most_in(const struct sim_tree *tree, int from, int to)
{
	uint64_t most = 0;
	int a = tree->leaves + from, b = tree->leaves + to;

	if (from >= to)
		return 0;
	for (; a < b; a /= 2, b /= 2) {
		if (a & 1) {
			most = tree->most[a] > most ? tree->most[a] : most;
			a++;
		}
		if (b & 1) {
			b--;
			most = tree->most[b] > most ? tree->most[b] : most;
		}
	}
	return most;
}
