/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, their running jobs and the trees over them. */
#include "config.h"

#include "sim/cluster.h"

#include <stdlib.h>
#include <string.h>

static uint64_t free_mask(const struct sim_cluster *c, int node)
{
	return sim_layout_type(c->layout, node)->all & ~c->nodes[node].busy;
}

/* ---- keeping the indices -------------------------------------------------------------
 */

/* A node's running jobs, the next to end by its limit first. */
static void order_ends(const struct sim_slot *slots, int count, unsigned char *order)
{
	for (int i = 0; i < count; i++) {
		int j = i;

		for (; j > 0 && slots[order[j - 1]].until_ms > slots[i].until_ms; j--)
			order[j] = order[j - 1];
		order[j] = (unsigned char)i;
	}
}

/* When k are free, walking on from *at jobs that have ended and *free GPUs. */
static int64_t walk_ends(const struct sim_slot *slots, int count,
			 const unsigned char *order, int k, int *at, int *free)
{
	while (*free < k && *at < count)
		*free += slots[order[(*at)++]].gpus;
	if (*free < k)
		return SIM_SOON;
	return *at ? slots[order[*at - 1]].until_ms : 0;
}

int64_t sim_cluster_soon(const struct sim_cluster *c, int node, int k)
{
	const struct sim_slot *slots = sim_cluster_slots(c, node);
	int free = __builtin_popcountll(free_mask(c, node)), at = 0,
	    count = c->nodes[node].slot_count;
	unsigned char order[SIM_MAX_GPUS];

	order_ends(slots, count, order);
	return walk_ends(slots, count, order, k, &at, &free);
}

/* The same for all sizes at once. */
static void update_soon(struct sim_cluster *c, int node, int free)
{
	const struct sim_slot *slots = sim_cluster_slots(c, node);
	int count = c->nodes[node].slot_count, at = 0;
	unsigned char order[SIM_MAX_GPUS];

	order_ends(slots, count, order);
	for (int k = 1; k <= c->layout->largest; k++)
		if (c->sizes[k].k)
			sim_tree_set(&c->sizes[k].soon, node,
				     (uint64_t)(SIM_SOON - walk_ends(slots, count, order,
								     k, &at, &free)));
}

static void note_stranded(struct sim_cluster *c, struct sim_size *size, int node,
			  uint64_t free, int count)
{
	struct sim_value *value = &c->values[c->layout->type_of[node]];
	bool is = size->k >= 2 && count >= size->k && size->k <= value->type->n &&
		  value->ideal[size->k].ring &&
		  !sim_value_best(value, free, size->k).ring;

	size->stranded += is - size->is_stranded[node];
	size->is_stranded[node] = is;
}

static void update(struct sim_cluster *c, int node)
{
	uint64_t free = free_mask(c, node);
	struct gt_mask mask = {.word = {free}};
	int count = __builtin_popcountll(free);

	sim_tree_set(&c->free, node, (uint64_t)count);
	for (int k = 1; k <= c->layout->largest; k++) {
		struct sim_size *size = &c->sizes[k];

		if (!size->k)
			continue;
		if (c->wants_quality)
			sim_tree_set(&size->quality, node,
				     gt_table_quality(
					     c->values[c->layout->type_of[node]].table,
					     &mask, k));
		note_stranded(c, size, node, free, count);
	}
	if (c->wants_soon)
		update_soon(c, node, count);
}

void sim_cluster_tick(struct sim_cluster *c, int64_t now_ms)
{
	double passed = (double)(now_ms - c->since_ms);

	if (now_ms == c->since_ms)
		return;
	c->busy_ms += passed * (double)(c->layout->gpus - c->free_gpus);
	for (int k = 2; k <= c->layout->largest; k++)
		if (c->sizes[k].stranded)
			c->sizes[k].stranded_ms += passed * (double)c->sizes[k].stranded;
	c->since_ms = now_ms;
}

void sim_cluster_take(struct sim_cluster *c, int node, uint64_t mask, uint32_t job,
		      int64_t until_ms, bool is_limited, const uint16_t *cores,
		      int64_t now_ms)
{
	struct sim_node *n = &c->nodes[node];
	struct sim_slot *slot = &sim_cluster_slots(c, node)[n->slot_count++];

	sim_cluster_tick(c, now_ms);
	*slot = (struct sim_slot){
		.mask = mask,
		.until_ms = until_ms,
		.job = job,
		.gpus = (uint8_t)__builtin_popcountll(mask),
		.is_limited = is_limited,
	};
	if (cores)
		memcpy(slot->cores, cores, sizeof(slot->cores));
	n->busy |= mask;
	c->free_gpus -= slot->gpus;
	update(c, node);
}

void sim_cluster_give(struct sim_cluster *c, int node, uint32_t job, int64_t now_ms)
{
	struct sim_slot *slots = sim_cluster_slots(c, node);
	struct sim_node *n = &c->nodes[node];

	sim_cluster_tick(c, now_ms);
	for (int i = 0; i < n->slot_count; i++) {
		if (slots[i].job != job)
			continue;
		n->busy &= ~slots[i].mask;
		c->free_gpus += slots[i].gpus;
		memmove(&slots[i], &slots[i + 1],
			(size_t)(n->slot_count - i - 1) * sizeof(*slots));
		n->slot_count--;
		break;
	}
	update(c, node);
}

void sim_cluster_set_down(struct sim_cluster *c, int node, int gpu, bool down,
			  int64_t now_ms)
{
	struct sim_node *n = &c->nodes[node];
	uint64_t bit = UINT64_C(1) << gpu;

	sim_cluster_tick(c, now_ms);
	c->free_gpus += !down - !(n->down & bit);
	n->down = down ? n->down | bit : n->down & ~bit;
	n->busy = down ? n->busy | bit : n->busy & ~bit;
	update(c, node);
}

/* ---- finding
 * --------------------------------------------------------------------------- */

/* The first node with at least this value that is not avoided. */
static int first_of(const struct sim_tree *tree, uint64_t at_least, const int *avoid,
		    int avoid_count)
{
	int node = sim_tree_first(tree, 0, at_least);

	for (int a = 0; node >= 0 && a < avoid_count; a++) {
		if (avoid[a] > node)
			break;
		if (avoid[a] < node)
			continue;
		/* nodes that may not be had often stand in a row */
		while (a + 1 < avoid_count && avoid[a + 1] == avoid[a] + 1)
			a++;
		node = sim_tree_first(tree, avoid[a] + 1, at_least);
	}
	return node;
}

static uint64_t most_of(const struct sim_tree *tree, const int *avoid, int avoid_count)
{
	uint64_t most = 0;
	int from = 0;

	if (!avoid_count)
		return sim_tree_most(tree);
	for (int a = 0; a <= avoid_count; a++) {
		int to = a < avoid_count ? avoid[a] : tree->count;
		uint64_t here = from < to ? sim_tree_most_in(tree, from, to) : 0;

		most = here > most ? here : most;
		from = to + 1;
	}
	return most;
}

int sim_cluster_find(const struct sim_cluster *c, enum sim_node_rule rule, int k,
		     const int *avoid, int avoid_count)
{
	const struct sim_tree *tree =
		rule == SIM_NODES_BEST && c->sizes[k].k ? &c->sizes[k].quality : &c->free;
	uint64_t at_least = (uint64_t)k;

	if (rule != SIM_NODES_FIRST) {
		at_least = most_of(tree, avoid, avoid_count);
		if (!at_least || (tree == &c->free && at_least < (uint64_t)k))
			return -1;
	}
	return first_of(tree, at_least, avoid, avoid_count);
}

int sim_cluster_find_shape(const struct sim_cluster *c, const struct sim_shape *shape,
			   int k, const int *avoid, int avoid_count)
{
	struct gt_quality best;
	int found = -1, a = 0;

	for (int node = 0; node < c->layout->nodes; node++) {
		const struct gt_quality *here;
		struct sim_shape_value *s;
		uint64_t free = free_mask(c, node);

		while (a < avoid_count && avoid[a] < node)
			a++;
		if ((a < avoid_count && avoid[a] == node) ||
		    __builtin_popcountll(free) < k)
			continue;
		s = sim_value_shape(&c->values[c->layout->type_of[node]], shape, k);
		here = s ? sim_shape_quality(s, free) : NULL;
		if (!here && found < 0)
			best = (struct gt_quality){{0}};
		if (found < 0 || (here && gt_quality_compare(here, &best) > 0)) {
			if (here)
				best = *here;
			found = node;
		}
	}
	return found;
}

int sim_cluster_first_soon(const struct sim_cluster *c, int k, const int *avoid,
			   int avoid_count, int64_t *at_ms)
{
	const struct sim_tree *soon = &c->sizes[k].soon;
	uint64_t most = most_of(soon, avoid, avoid_count);

	*at_ms = SIM_SOON - (int64_t)most;
	return most ? first_of(soon, most, avoid, avoid_count) : -1;
}

int sim_cluster_free_at(const struct sim_cluster *c, int node, int64_t at_ms)
{
	const struct sim_slot *slots = sim_cluster_slots(c, node);
	int free = __builtin_popcountll(free_mask(c, node));

	for (int i = 0; i < c->nodes[node].slot_count; i++)
		if (slots[i].until_ms <= at_ms)
			free += slots[i].gpus;
	return free;
}

/* ---- life
 * ------------------------------------------------------------------------------ */

enum gt_err sim_cluster_init(struct sim_cluster *c, const struct sim_layout *layout,
			     struct sim_value *values, const bool *sizes,
			     bool wants_quality, bool wants_soon, struct gt_error *err)
{
	size_t nodes = (size_t)layout->nodes;
	bool done;

	memset(c, 0, sizeof(*c));
	c->layout = layout;
	c->values = values;
	c->free_gpus = layout->gpus;
	c->wants_quality = wants_quality;
	c->wants_soon = wants_soon;
	c->nodes = calloc(nodes, sizeof(*c->nodes));
	c->slots = calloc(nodes * (size_t)layout->largest, sizeof(*c->slots));
	done = c->nodes && c->slots && sim_tree_init(&c->free, layout->nodes);
	for (int k = 1; k <= layout->largest && done; k++) {
		struct sim_size *size = &c->sizes[k];

		if (!sizes[k])
			continue;
		size->k = k;
		size->is_stranded = calloc(nodes, sizeof(*size->is_stranded));
		done = size->is_stranded &&
		       (!wants_quality || sim_tree_init(&size->quality, layout->nodes)) &&
		       (!wants_soon || sim_tree_init(&size->soon, layout->nodes));
	}
	if (!done) {
		sim_cluster_release(c);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	for (int node = 0; node < layout->nodes; node++) {
		c->nodes[node].busy = c->nodes[node].down = layout->down[node];
		update(c, node);
	}
	return GT_OK;
}

void sim_cluster_release(struct sim_cluster *c)
{
	free(c->nodes);
	free(c->slots);
	sim_tree_release(&c->free);
	for (int k = 1; k <= SIM_MAX_GPUS; k++) {
		free(c->sizes[k].is_stranded);
		sim_tree_release(&c->sizes[k].quality);
		sim_tree_release(&c->sizes[k].soon);
	}
	memset(c, 0, sizeof(*c));
}
