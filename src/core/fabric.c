/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switch or mesh: what link counts alone can tell. */
#include "config.h"

#include "core/node.h"

#include <stdlib.h>

/*
 * No GPU up to Blackwell has more than 18 NVLinks, and no pair of a mesh more than 6
 * (quad H100): where the counts go beyond, they are each GPU's whole bundle into a
 * switch.
 */
#define GPU_LINKS_MAX	18
#define ISLAND_PAIR_MIN 8

/* One connected component of the graph of pairs with links. */
struct component {
	struct gt_mask gpus;
	int size;
	int largest; /* the largest count on a pair that is shown */
	int smallest;
	int busiest;   /* the most links of one GPU, summed over its pairs */
	bool complete; /* every pair that is shown has links */
	bool all_shown;
};

/* Every GPU that reaches start over links, by a flood from GPU to GPU. */
static struct gt_mask flood(const struct gt_node *node, int start)
{
	struct gt_mask seen = {0}, todo = {0};

	gt_mask_set(&todo, start);
	for (int g = start; g >= 0; g = gt_mask_next(&todo, 0)) {
		gt_mask_clear(&todo, g);
		gt_mask_set(&seen, g);
		for (int j = 0; j < node->n; j++)
			if (j != g && gt_node_raw_links(node, g, j) > 0 &&
			    node->gpu[j].island < 0 && !gt_mask_has(&seen, j))
				gt_mask_set(&todo, j);
	}
	return seen;
}

/* The most links a GPU of the component shows on any pair: its bundle, if this is one
 * switch. */
static int largest_of(const struct gt_node *node, const struct gt_mask *gpus, int gpu)
{
	int largest = 0;

	for (int j = gt_mask_next(gpus, 0); j >= 0; j = gt_mask_next(gpus, j + 1))
		if (j != gpu && gt_node_raw_links(node, gpu, j) > largest)
			largest = gt_node_raw_links(node, gpu, j);
	return largest;
}

/* Pairs that a cut source does not show count neither way. */
static void measure_gpu(const struct gt_node *node, struct component *c, int a)
{
	int sum = 0;

	for (int b = gt_mask_next(&c->gpus, 0); b >= 0;
	     b = gt_mask_next(&c->gpus, b + 1)) {
		int links = gt_node_raw_links(node, a, b);

		if (a != b && links == GT_UNKNOWN)
			c->all_shown = false;
		if (a == b || links == GT_UNKNOWN)
			continue;
		sum += links;
		if (links == 0)
			c->complete = false;
		if (links > c->largest)
			c->largest = links;
		if (links < c->smallest)
			c->smallest = links;
	}
	if (sum > c->busiest)
		c->busiest = sum;
}

static struct component measure(const struct gt_node *node, struct gt_mask gpus)
{
	struct component c = {.gpus = gpus,
			      .size = gt_mask_count(&gpus),
			      .complete = true,
			      .all_shown = true,
			      .smallest = GT_MAX_LINKS};

	for (int a = gt_mask_next(&gpus, 0); a >= 0; a = gt_mask_next(&gpus, a + 1))
		measure_gpu(node, &c, a);
	return c;
}

/* Whether every pair is worth the smaller of its two ends' bundles. True of one switch,
 * also where some GPU has lost a link; an equal count on all pairs is the common case of
 * it. */
static bool fits_one_switch(const struct gt_node *node, const struct component *c,
			    const int *bundle)
{
	for (int a = gt_mask_next(&c->gpus, 0); a >= 0; a = gt_mask_next(&c->gpus, a + 1))
		for (int b = gt_mask_next(&c->gpus, a + 1); b >= 0;
		     b = gt_mask_next(&c->gpus, b + 1)) {
			int least = bundle[a] < bundle[b] ? bundle[a] : bundle[b];
			int links = gt_node_raw_links(node, a, b);

			if (links != least && links != GT_UNKNOWN)
				return false;
		}
	return true;
}

/* Whether these are more than a mesh could have. */
static bool exceeds_mesh(const struct component *c)
{
	return c->smallest >= ISLAND_PAIR_MIN || c->busiest > GPU_LINKS_MAX;
}

/* Without the GPUs that have a pair which a cut source does not show: of the others
 * everything is known, and they are an island by themselves. */
static struct gt_mask fully_shown(const struct gt_node *node, const struct gt_mask *gpus)
{
	struct gt_mask shown = *gpus;

	for (int a = gt_mask_next(gpus, 0); a >= 0; a = gt_mask_next(gpus, a + 1))
		for (int b = gt_mask_next(gpus, 0); b >= 0; b = gt_mask_next(gpus, b + 1))
			if (a != b && gt_node_raw_links(node, a, b) == GT_UNKNOWN)
				gt_mask_clear(&shown, a);
	return shown;
}

static void make_island(struct gt_node *node, const struct component *c, int island,
			const int *bundle)
{
	struct gt_mask shown = fully_shown(node, &c->gpus);
	char list[GT_MASK_TEXT_MAX];

	for (int g = gt_mask_next(&shown, 0); g >= 0; g = gt_mask_next(&shown, g + 1)) {
		node->gpu[g].island = island;
		node->gpu[g].switch_links = bundle[g];
	}
	gt_node_add_note(
		node,
		"GPUs %s: %d links on every pair are more than a mesh can have: one "
		"switch fabric inferred",
		gt_mask_format(&c->gpus, list, sizeof(list)), c->largest);
}

static void note_mesh(struct gt_node *node, const struct component *c)
{
	char list[GT_MASK_TEXT_MAX];

	if (!c->all_shown)
		return;
	gt_mask_format(&c->gpus, list, sizeof(list));
	if (c->complete && c->smallest == 6 && c->largest == 6)
		gt_node_add_note(
			node,
			"GPUs %s: 6 links on every pair may be a mesh or a part of a "
			"switched 16-GPU machine: a mesh inferred",
			list);
	else if (c->complete && c->smallest == c->largest)
		gt_node_add_note(node,
				 "GPUs %s: %d link%s on every pair: a mesh inferred",
				 list, c->largest, c->largest > 1 ? "s" : "");
}

static int next_island(const struct gt_node *node)
{
	int next = 0;

	for (int i = 0; i < node->n; i++)
		if (node->gpu[i].island >= next)
			next = node->gpu[i].island + 1;
	return next;
}

void gt_node_infer_fabric(struct gt_node *node)
{
	int *bundle = calloc((size_t)node->n + 1, sizeof(*bundle));
	struct gt_mask done = {0};

	for (int i = 0; bundle && i < node->n; i++) {
		struct component c;

		if (gt_mask_has(&done, i) || node->gpu[i].island >= 0)
			continue;
		c = measure(node, flood(node, i));
		done = gt_mask_or(&done, &c.gpus);
		if (c.size < 3)
			continue;
		for (int g = gt_mask_next(&c.gpus, 0); g >= 0;
		     g = gt_mask_next(&c.gpus, g + 1))
			bundle[g] = largest_of(node, &c.gpus, g);
		if (c.complete && exceeds_mesh(&c) && fits_one_switch(node, &c, bundle))
			make_island(node, &c, next_island(node), bundle);
		else
			note_mesh(node, &c);
	}
	free(bundle);
}
