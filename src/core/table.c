/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One node type's sets and answers, kept once found. */
#include "config.h"

#include "core/bits.h"
#include "core/subsets.h"
#include "core/table.h"

#include <stdlib.h>
#include <string.h>

#define TIES_MAX     (1u << 19) /* 8 MB of ties kept for nodes of 9 to 16 GPUs */
#define ANSWER_SLOTS (1u << 14)

static struct gt_mask mask_of(uint32_t set)
{
	struct gt_mask mask = {.word = {set}};

	return mask;
}

/* Twins share one entry. */
static struct gt_dense_set *set_of(struct gt_table *table, uint32_t set)
{
	return &table->sets[gt_twins_canonical(&table->twin_bits, set)];
}

/* ---- what is known of one set ---- */

/* What one set may spend of what is left for the question. */
static long allow(long steps)
{
	return steps < GT_SET_STEPS ? steps : GT_SET_STEPS;
}

static void spend(long *steps, long allowed, long left)
{
	*steps -= allowed - left;
	if (*steps < 0)
		*steps = 0;
}

const struct gt_dense_set *gt_table_rings(struct gt_table *table, uint32_t set,
					  long *steps)
{
	struct gt_dense_set *s = set_of(table, set);
	struct gt_mask mask = mask_of(set);
	struct gt_members m;
	long left = allow(*steps);

	if (s->rings >= 0)
		return s;
	gt_members_init(&m, table->node, &mask);
	s->rings = (int16_t)gt_members_rings(&m, &left);
	s->link_mbps = m.k ? m.link_mbps : 0;
	s->in_switch_mbps = gt_members_in_switch(&m);
	s->inexact |= left < 0;
	spend(steps, allow(*steps), left);
	return s;
}

const struct gt_dense_set *gt_table_tree(struct gt_table *table, uint32_t set)
{
	struct gt_dense_set *s = set_of(table, set);
	struct gt_mask mask = mask_of(set);
	struct gt_members m;
	long steps = 0;
	int num, den;

	if (s->tree >= 0)
		return s;
	gt_members_init(&m, table->node, &mask);
	gt_members_tree(&m, &num, &den, &steps);
	s->tree = GT_TREE_UNIT / den * num;
	return s;
}

const struct gt_dense_set *gt_table_path(struct gt_table *table, uint32_t set,
					 long *steps)
{
	struct gt_dense_set *s = set_of(table, set);
	struct gt_mask mask = mask_of(set);
	struct gt_members m;
	long left = allow(*steps);

	if (s->path_mbps >= 0)
		return s;
	gt_members_init(&m, table->node, &mask);
	s->path_mbps = gt_members_path(&m, &left);
	s->inexact |= left < 0;
	spend(steps, allow(*steps), left);
	return s;
}

/* The larger of P and NCCL's relay over links. */
static int ringless_mbps(struct gt_table *table, uint32_t set, long *steps)
{
	const struct gt_dense_set *s = gt_table_path(table, set, steps);
	long left = *steps < GT_SEARCH_STEPS ? *steps : GT_SEARCH_STEPS, allowed = left;
	struct gt_mask mask = mask_of(set);
	struct gt_members m;
	bool relayed;

	if (s->link_mbps <= s->path_mbps || left <= 0)
		return s->path_mbps;
	gt_members_init(&m, table->node, &mask);
	relayed = gt_members_relayed(&m, &left);
	spend(steps, allowed, left);
	return relayed ? s->link_mbps : s->path_mbps;
}

int gt_table_predict(struct gt_table *table, uint32_t set, long *steps)
{
	const struct gt_dense_set *s = gt_table_rings(table, set, steps);
	int rings_mbps = s->rings * s->link_mbps;

	if (s->rings == 0)
		return ringless_mbps(table, set, steps);
	return rings_mbps > s->in_switch_mbps ? rings_mbps : s->in_switch_mbps;
}

uint64_t gt_table_key(const struct gt_table *table, uint32_t set)
{
	uint32_t same = gt_twins_canonical(&table->twin_bits, set);
	const struct gt_dense_set *s = &table->sets[same];
	int mbps = s->rings * s->link_mbps;

	if (s->in_switch_mbps > mbps)
		mbps = s->in_switch_mbps;
	return gt_quality_pack(gt_bits_count(set & table->unhealthy), mbps, s->tree,
			       s->path_mbps);
}

/* ---- the best of many ---- */

uint32_t gt_table_keep_healthy(const struct gt_table *table, struct gt_tie *c,
			       uint32_t count)
{
	int least = GT_DENSE_MAX + 1;
	uint32_t kept = 0;

	if (!table->unhealthy)
		return count;
	for (uint32_t i = 0; i < count; i++) {
		int here = gt_bits_count(c[i].set & table->unhealthy);

		least = here < least ? here : least;
	}
	for (uint32_t i = 0; i < count; i++)
		if (gt_bits_count(c[i].set & table->unhealthy) == least)
			c[kept++] = c[i];
	return kept;
}

/* The largest bound of those not done; -1: all are. */
static int highest_bound(const struct gt_tie *c, uint32_t count)
{
	int bound = -1;

	for (uint32_t i = 0; i < count; i++)
		if (!c[i].done && c[i].bound > bound)
			bound = c[i].bound;
	return bound;
}

/* Keep the candidates whose value is the largest; returns how many. */
static uint32_t keep_value(struct gt_tie *c, uint32_t count, int value)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (c[i].done && c[i].bound == value)
			c[kept++] = c[i];
	return kept;
}

/* R x w if it is known, else what the degrees allow. */
static void bound_rings(struct gt_table *table, struct gt_tie *c)
{
	struct gt_dense_set *s = set_of(table, c->set);
	struct gt_mask mask = mask_of(c->set);
	struct gt_members m;

	c->done = s->rings >= 0;
	if (!c->done) {
		gt_members_init(&m, table->node, &mask);
		c->bound = gt_members_rings_bound(&m) * m.link_mbps;
	} else {
		c->bound = s->rings * s->link_mbps;
	}
}

/* tau if it is known, else the least of links / (K - 1) and any member's links. */
static void bound_tree(struct gt_table *table, struct gt_tie *c)
{
	struct gt_dense_set *s = set_of(table, c->set);
	struct gt_mask mask = mask_of(c->set);
	struct gt_members m;
	int least, links;

	c->done = s->tree >= 0;
	if (c->done) {
		c->bound = s->tree;
		return;
	}
	gt_members_init(&m, table->node, &mask);
	least = gt_members_rings_bound(&m) * GT_TREE_UNIT;
	links = m.links == GT_LINKS_MESH ? gt_members_link_sum(&m) : 0;
	c->bound = m.k > 1 ? GT_TREE_UNIT / (m.k - 1) * links : 0;
	if (m.links != GT_LINKS_MESH || least < c->bound)
		c->bound = least;
}

/* Levels 1 and 2 go from the highest bound down, so that most sets are never searched. */
static uint32_t keep_most_rings(struct gt_table *table, struct gt_tie *c, uint32_t count,
				bool *inexact)
{
	long steps = GT_SEARCH_STEPS;
	int best = -1, bound;

	for (uint32_t i = 0; i < count; i++) {
		bound_rings(table, &c[i]);
		if (c[i].done && c[i].bound > best)
			best = c[i].bound;
	}
	while ((bound = highest_bound(c, count)) >= 0 && bound >= best)
		for (uint32_t i = 0; i < count; i++) {
			const struct gt_dense_set *s;

			if (c[i].done || c[i].bound != bound)
				continue;
			s = gt_table_rings(table, c[i].set, &steps);
			c[i].done = true;
			c[i].bound = s->rings * s->link_mbps;
			best = c[i].bound > best ? c[i].bound : best;
			*inexact |= s->inexact;
		}
	return keep_value(c, count, best);
}

static uint32_t keep_strongest_tree(struct gt_table *table, struct gt_tie *c,
				    uint32_t count)
{
	int best = -1, bound;

	for (uint32_t i = 0; i < count; i++) {
		bound_tree(table, &c[i]);
		if (c[i].done && c[i].bound > best)
			best = c[i].bound;
	}
	while ((bound = highest_bound(c, count)) >= 0 && bound >= best)
		for (uint32_t i = 0; i < count; i++) {
			if (c[i].done || c[i].bound != bound)
				continue;
			c[i].bound = gt_table_tree(table, c[i].set)->tree;
			c[i].done = true;
			best = c[i].bound > best ? c[i].bound : best;
		}
	return keep_value(c, count, best);
}

/* Level 2 where there is no ring over links. */
static uint32_t keep_fastest_path(struct gt_table *table, struct gt_tie *c,
				  uint32_t count, bool *inexact)
{
	long steps = GT_SEARCH_STEPS;
	int best = -1;

	for (uint32_t i = 0; i < count; i++) {
		const struct gt_dense_set *s = gt_table_path(table, c[i].set, &steps);

		c[i].bound = s->path_mbps;
		*inexact |= s->inexact;
		best = c[i].bound > best ? c[i].bound : best;
	}
	return keep_value(c, count, best);
}

uint32_t gt_table_best(struct gt_table *table, struct gt_tie *candidates, uint32_t count,
		       uint64_t *quality, bool *inexact)
{
	*quality = 0;
	if (count == 0)
		return 0;
	count = gt_table_keep_healthy(table, candidates, count);
	count = keep_most_rings(table, candidates, count, inexact);
	count = keep_strongest_tree(table, candidates, count);
	if (set_of(table, candidates[0].set)->rings == 0)
		count = keep_fastest_path(table, candidates, count, inexact);
	*quality = gt_table_key(table, candidates[0].set);
	return count;
}

/* ---- level 4 ---- */

static uint16_t reverse(uint16_t v)
{
	uint16_t r = 0;

	for (int i = 0; i < 16; i++)
		r |= (uint16_t)((v >> i & 1) << (15 - i));
	return r;
}

/* Pair sum, then few sockets, then few roots, then lowest indices; larger comes first. */
static uint64_t level_4(const struct gt_table *table, uint32_t set)
{
	struct gt_mask mask = mask_of(set);
	struct gt_members m;
	uint64_t sum;

	gt_members_init(&m, table->node, &mask);
	sum = (uint64_t)gt_members_pair_sum(&m);
	return sum << 26 | (uint64_t)(31 - gt_members_sockets(&m)) << 21 |
	       (uint64_t)(31 - gt_members_pci_roots(&m)) << 16 | reverse((uint16_t)set);
}

/* qsort may allocate: a heap of our own, smallest at the top. */
static void sift(struct gt_tie *heap, uint32_t at, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		struct gt_tie swap;

		if (child >= count)
			return;
		if (child + 1 < count && heap[child + 1].level_4 < heap[child].level_4)
			child++;
		if (heap[at].level_4 <= heap[child].level_4)
			return;
		swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

void gt_table_sort_ties(const struct gt_table *table, struct gt_tie *ties, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ties[i].level_4 = level_4(table, ties[i].set);
	for (uint32_t i = count / 2; i-- > 0;)
		sift(ties, i, count);
	for (uint32_t i = count; i-- > 1;) {
		struct gt_tie least = ties[0];

		ties[0] = ties[i];
		ties[i] = least;
		sift(ties, 0, i);
	}
}

/* ---- answers ---- */

uint32_t gt_table_list(const struct gt_table *table, uint32_t free, int k,
		       struct gt_tie *out)
{
	struct gt_subsets subsets;
	uint32_t count = 0, set;

	gt_subsets_init(&subsets, free, k);
	while (gt_subsets_next(&subsets, &set))
		if (gt_twins_lowest(&table->twin_bits, set, free))
			out[count++].set = (uint16_t)set;
	return count;
}

/* Where the answer to (free, k) stands or would stand. */
static struct gt_answer *find_answer(const struct gt_table *table, uint32_t free, int k)
{
	uint32_t asked = free << 5 | (uint32_t)k;
	uint32_t slot;

	if (table->n <= GT_FULL_MAX)
		return &table->answers[free * (GT_FULL_MAX + 1) + (uint32_t)k];
	slot = (asked * UINT32_C(2654435761)) >> 18; /* Fibonacci hashing, 14 bits */
	while (table->answers[slot].asked && table->answers[slot].asked != asked)
		slot = (slot + 1) % table->answer_slots;
	return &table->answers[slot];
}

/* Room for count more ties; all answers are forgotten where the bound is reached. */
static bool make_room(struct gt_table *table, uint32_t count)
{
	struct gt_tie *grown;
	uint32_t room = table->ties_room ? table->ties_room : 1024;

	if (table->n > GT_FULL_MAX && (table->ties_used + count > TIES_MAX ||
				       table->answers_used > table->answer_slots / 2)) {
		memset(table->answers, 0, table->answer_slots * sizeof(*table->answers));
		table->answers_used = table->ties_used = 0;
	}
	while (room < table->ties_used + count)
		room *= 2;
	if (room == table->ties_room)
		return true;
	grown = realloc(table->ties, room * sizeof(*grown));
	if (!grown)
		return false;
	table->ties = grown;
	table->ties_room = room;
	return true;
}

const struct gt_answer *gt_table_ask(struct gt_table *table, uint32_t free, int k,
				     const struct gt_tie **ties)
{
	struct gt_answer *answer = find_answer(table, free, k);
	uint32_t count;
	uint64_t quality;
	bool inexact = false;

	if (answer->asked) {
		*ties = table->ties + answer->first;
		return answer;
	}
	count = gt_table_list(table, free, k, table->scratch);
	count = gt_table_best(table, table->scratch, count, &quality, &inexact);
	gt_table_sort_ties(table, table->scratch, count);
	count = gt_damage_shortlist(table, table->scratch, count, free);
	*ties = table->scratch;
	if (!make_room(table, count)) {
		table->unkept = (struct gt_answer){quality, 0, count, inexact, 0};
		return &table->unkept;
	}
	answer = find_answer(table, free, k); /* make_room may have forgotten all */
	*answer = (struct gt_answer){quality, table->ties_used, count, inexact,
				     free << 5 | (uint32_t)k};
	table->answers_used++;
	if (count)
		memcpy(table->ties + table->ties_used, table->scratch,
		       count * sizeof(*table->ties));
	table->ties_used += count;
	*ties = table->ties + answer->first;
	return answer;
}

/* ---- life ---- */

static uint32_t low_word(const struct gt_mask *mask)
{
	return (uint32_t)mask->word[0];
}

static enum gt_err dense_new(struct gt_table *table, struct gt_error *err)
{
	uint32_t sets = UINT32_C(1) << table->n;

	table->all = sets - 1;
	table->mig = low_word(&table->node->mig);
	table->unhealthy = table->all & ~low_word(&table->node->healthy);
	gt_twin_bits_init(&table->twin_bits, &table->twins, table->n);
	table->answer_slots =
		table->n <= GT_FULL_MAX ? sets * (GT_FULL_MAX + 1) : ANSWER_SLOTS;
	table->scratch_room = table->n <= GT_FULL_MAX ? 70 : 12870;
	table->sets = malloc(sets * sizeof(*table->sets));
	table->worth = calloc(sets, sizeof(*table->worth));
	table->ratio = calloc(sets, sizeof(*table->ratio));
	table->answers = calloc(table->answer_slots, sizeof(*table->answers));
	table->scratch = calloc(table->scratch_room, sizeof(*table->scratch));
	if (table->n <= GT_FULL_MAX) {
		table->quality = calloc(table->answer_slots, sizeof(*table->quality));
		table->subsets = malloc(GT_SUBSET_COUNT);
	}
	if (!table->sets || !table->worth || !table->ratio || !table->answers ||
	    !table->scratch ||
	    (table->n <= GT_FULL_MAX && (!table->quality || !table->subsets)))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	if (table->subsets)
		gt_damage_list(table->subsets, table->n);
	for (uint32_t s = 0; s < sets; s++)
		table->sets[s] = (struct gt_dense_set){-1, false, -1, -1, 0, 0};
	gt_damage_build(table);
	return GT_OK;
}

/* Every question that can be asked of up to 8 GPUs. */
static void answer_all(struct gt_table *table)
{
	const struct gt_tie *ties;

	for (uint32_t free = 1; free <= table->all; free++)
		for (int k = 1; k <= gt_bits_count(free); k++)
			table->quality[free * (GT_FULL_MAX + 1) + (uint32_t)k] =
				gt_table_ask(table, free, k, &ties)->quality;
}

enum gt_err gt_table_new(struct gt_table **table, const struct gt_node *node,
			 const struct gt_mix *mix, struct gt_error *err)
{
	struct gt_table *t = calloc(1, sizeof(*t));
	enum gt_err failed;

	*table = NULL;
	if (!t)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	t->node = node;
	t->n = node->n;
	t->mix = mix ? *mix : gt_mix_default();
	gt_twins_find(&t->twins, node);
	t->dense = gt_pools_fit(t) ? false : t->n <= GT_DENSE_MAX;
	failed = t->dense ? dense_new(t, err) : gt_pools_new(&t->pools, t, err);
	if (failed) {
		gt_table_free(t);
		return failed;
	}
	if (t->dense && t->n <= GT_FULL_MAX)
		answer_all(t);
	*table = t;
	return GT_OK;
}

void gt_table_free(struct gt_table *table)
{
	if (!table)
		return;
	free(table->sets);
	free(table->worth);
	free(table->ratio);
	free(table->subsets);
	free(table->answers);
	free(table->quality);
	free(table->ties);
	free(table->scratch);
	gt_shapes_free(table);
	gt_pools_free(table->pools);
	free(table);
}

const struct gt_node *gt_table_node(const struct gt_table *table)
{
	return table->node;
}

size_t gt_table_bytes(const struct gt_table *table)
{
	size_t sets = (size_t)1 << (table->dense ? table->n : 0);

	if (!table->dense)
		return sizeof(*table) + gt_pools_bytes(table->pools);
	return sizeof(*table) + gt_shapes_bytes(table) +
	       sets * (sizeof(*table->sets) + sizeof(*table->worth) +
		       sizeof(*table->ratio)) +
	       (table->subsets ? GT_SUBSET_COUNT : 0) +
	       table->answer_slots * sizeof(*table->answers) +
	       (table->quality ? table->answer_slots * sizeof(*table->quality) : 0) +
	       table->ties_room * sizeof(*table->ties) +
	       table->scratch_room * sizeof(*table->scratch);
}

void gt_table_set_mix(struct gt_table *table, const struct gt_mix *mix)
{
	table->mix = *mix;
	if (table->dense)
		gt_damage_build(table);
	else
		gt_pools_weigh(table->pools, table);
}

void gt_table_limit_groups(struct gt_table *table, long steps)
{
	table->shape_work = steps;
}
