/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups inside a set, exactly, for nodes of up to 16 GPUs.
 *
 * The worth of a set is its best partition into the groups, by (slowest group, second
 * slowest, ...), then by the transfer between groups in a row. Of two partitions of a
 * part of the GPUs the better one stays better whatever group joins both, so the best
 * partition of every set is found from those of its subsets: parts->best[set], for sets
 * as large as the last groups of the list together. Worths are compared by rank, so that
 * a partition is a few small numbers, ascending. The transfer has no such property: it is
 * searched among the best partitions of those sets that tie, in counted steps.
 */
#include "config.h"

#include "core/shape.h"

#include "core/bits.h"
#include "core/subsets.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	 1024 /* answers kept of a shape of 9 to 16 GPUs */
#define PROBES	 8
#define FULL	 (1u << GT_FULL_MAX)
#define INFINITE INT64_MAX /* a group of one waits for nobody */

/* One kept answer of 9 to 16 GPUs. */
struct slot {
	struct gt_answer answer; /* asked: the open GPUs; 0: the slot is free */
	struct gt_shape_figures figures;
	struct gt_tie *ties;
};

struct gt_shape {
	struct gt_groups groups;
	enum gt_comm comm;
	bool late; /* the groups count after level 2 */
	int k;
	uint32_t used; /* table->shape_clock of the last question */

	/* up to 8 GPUs: every answer, by free mask */
	struct gt_parts *parts;
	struct gt_answer answers[FULL];
	struct gt_tie *ties;
	uint32_t tie_count;
	/* 9 to 16 */
	struct slot *slots;
};

struct gt_parts {
	const struct gt_table *table;
	const struct gt_shape *shape;
	uint32_t open;
	int n, m;
	int size[GT_DENSE_MAX];
	bool alike[GT_DENSE_MAX];    /* the groups from here on are of one size */
	int layer[GT_DENSE_MAX + 1]; /* a set of so many GPUs takes the groups from here
				      * on; -1: none does */
	bool inexact;
	uint16_t *rank; /* 2^n: of a set as a group */
	int64_t *value; /* of each rank, ascending */
	int values, room;
	uint16_t *best;	   /* 2^n x m: ranks of the best partition, ascending */
	int32_t *transfer; /* 2^n, MB/s; -1: not yet */
	long steps;	   /* left for transfers */
};

/* ---- how much there is to do ---- */

#define VALUE_STEPS 100 /* of a set's worth as a group */

/* n over k, of at most GT_DENSE_MAX. */
static long choose(int n, int k)
{
	long ways = 1;

	for (int i = 0; i < k; i++)
		ways = ways * (n - i) / (i + 1);
	return k > n ? 0 : ways;
}

bool gt_shape_fits(const struct gt_table *table, const struct gt_request *request,
		   uint32_t open)
{
	const struct gt_groups *groups = request->groups;
	int n = gt_bits_count(open), gpus = 0;
	long steps = choose(n, request->count) * VALUE_STEPS;

	if (!table->shape_work || table->n <= GT_FULL_MAX)
		return true;
	if (groups && groups->count > 1)
		steps = 0;
	for (int j = groups ? groups->count - 1 : -1; j >= 0; j--) {
		int size = groups->size[j];
		bool same = gpus && size == groups->size[j + 1];

		gpus += size;
		steps += choose(n, gpus) * choose(gpus - same, size - same);
		if (!same && groups->count > 1)
			steps += choose(n, size) * VALUE_STEPS;
	}
	return steps <= table->shape_work;
}

/* ---- what a set is worth as a group ---- */

static int64_t find_value(struct gt_table *table, enum gt_comm comm, uint32_t set,
			  long *steps)
{
	struct gt_mask mask = {.word = {set}};
	struct gt_members m;
	int measured = gt_node_measured_mbps(table->node, &mask, comm);

	if (measured)
		return (int64_t)measured * 1000000;
	if (comm == GT_COMM_ALLREDUCE)
		return (int64_t)gt_table_predict(table, set, steps) * 1000000;
	gt_members_init(&m, table->node, &mask);
	return gt_members_alltoall(&m);
}

/* Bytes a second. Where the steps ran out: what any path gives, and inexact. */
static int64_t group_value(struct gt_table *table, enum gt_comm comm, uint32_t set,
			   long *steps, bool *inexact)
{
	uint32_t same = gt_twins_canonical(&table->twin_bits, set);
	int64_t *known = &table->group_value[comm][same];
	long few = GT_SET_STEPS / 16;

	if (!(set & (set - 1)))
		return INFINITE;
	if (*known < 0 && *steps <= 0 && comm == GT_COMM_ALLREDUCE &&
	    table->sets[same].rings < 0) {
		struct gt_mask mask = {.word = {set}};
		struct gt_members m;

		*inexact = true;
		gt_members_init(&m, table->node, &mask);
		return (int64_t)gt_members_path(&m, &few) * 1000000;
	}
	if (*known < 0)
		*known = find_value(table, comm, same, steps);
	if (comm == GT_COMM_ALLREDUCE)
		*inexact |= table->sets[same].inexact;
	return *known;
}

static bool need_values(struct gt_table *table, enum gt_comm comm)
{
	size_t sets = (size_t)1 << table->n;
	int64_t *values = table->group_value[comm];

	if (values)
		return true;
	values = malloc(sets * sizeof(*values));
	for (size_t s = 0; values && s < sets; s++)
		values[s] = -1;
	table->group_value[comm] = values;
	return values != NULL;
}

/* ---- ranks ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static uint16_t rank_of(const struct gt_parts *p, int64_t value)
{
	int low = 0, high = p->values - 1;

	while (low < high) {
		int middle = (low + high) / 2;

		if (p->value[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint16_t)low;
}

static bool first_of_its_size(const struct gt_parts *p, int j)
{
	for (int i = 0; i < j; i++)
		if (p->size[i] == p->size[j])
			return false;
	return true;
}

/* The worth of every set of open that may be a group, as its rank. At most 2^16 sets, so
 * that a rank fits. */
static void find_ranks(struct gt_parts *p, struct gt_table *table)
{
	long steps = GT_SEARCH_STEPS;
	enum gt_comm comm = p->shape->comm;
	struct gt_subsets subsets;
	int count = 0, kept = 0;
	uint32_t s;

	for (int j = 0; j < p->m; j++) {
		if (!first_of_its_size(p, j))
			continue;
		gt_subsets_init(&subsets, p->open, p->size[j]);
		while (gt_subsets_next(&subsets, &s))
			p->value[count++] =
				group_value(table, comm, s, &steps, &p->inexact);
	}
	qsort(p->value, (size_t)count, sizeof(*p->value), by_value);
	for (int i = 0; i < count; i++)
		if (i == 0 || p->value[i] != p->value[kept - 1])
			p->value[kept++] = p->value[i];
	p->values = kept;
	for (int j = 0; j < p->m; j++) {
		if (!first_of_its_size(p, j))
			continue;
		gt_subsets_init(&subsets, p->open, p->size[j]);
		while (gt_subsets_next(&subsets, &s))
			p->rank[s] = rank_of(p, group_value(table, comm, s, &steps,
							    &p->inexact));
	}
}

/* ---- the best partition of every set ---- */

static uint16_t *best_of(const struct gt_parts *p, uint32_t set)
{
	return &p->best[(size_t)set * (size_t)p->m];
}

/* rest, ascending, and one more rank among them. */
static void insert(uint16_t *out, const uint16_t *rest, int count, uint16_t rank)
{
	int i = 0;

	for (; i < count && rest[i] <= rank; i++)
		out[i] = rest[i];
	out[i] = rank;
	for (; i < count; i++)
		out[i + 1] = rest[i];
}

/* > 0: a is better. */
static int compare_ranks(const uint16_t *a, const uint16_t *b, int count)
{
	for (int i = 0; i < count; i++)
		if (a[i] != b[i])
			return a[i] > b[i] ? 1 : -1;
	return 0;
}

/* Group number j of the list is `group`, the groups behind it are as good as the rest of
 * the set allows: keep this where it is the best so far. */
static void try_group(struct gt_parts *p, uint32_t set, int j, uint32_t group, bool first)
{
	uint16_t *best = best_of(p, set), with[GT_DENSE_MAX];
	const uint16_t *rest = best_of(p, set & ~group);
	uint16_t rank = p->rank[group];

	if (!first && (rank < best[0] || (j + 1 < p->m && rest[0] < best[0])))
		return;
	insert(with, rest, p->m - j - 1, rank);
	if (first || compare_ranks(with, best, p->m - j) > 0)
		memcpy(best, with, (size_t)(p->m - j) * sizeof(*best));
}

static void partition(struct gt_parts *p, uint32_t set)
{
	int j = p->layer[gt_bits_count(set)];
	/* Groups of one size: the first is the one that holds the lowest GPU. */
	uint32_t fixed = p->alike[j] ? set & -set : 0, group;
	struct gt_subsets subsets;
	bool first = true;

	if (fixed && p->size[j] == 1) {
		try_group(p, set, j, fixed, true);
		return;
	}
	gt_subsets_init(&subsets, set & ~fixed, p->size[j] - (fixed != 0));
	while (gt_subsets_next(&subsets, &group)) {
		try_group(p, set, j, group | fixed, first);
		first = false;
	}
}

static void solve(struct gt_parts *p, struct gt_table *table, uint32_t open)
{
	size_t sets = (size_t)1 << p->n;

	p->open = open;
	p->inexact = false;
	p->steps = GT_SEARCH_STEPS;
	find_ranks(p, table);
	for (size_t s = 0; s < sets; s++)
		p->transfer[s] = -1;
	for (uint32_t s = 0; (s = (s - open) & open) != 0;)
		if (p->layer[gt_bits_count(s)] >= 0)
			partition(p, s);
}

/* ---- the transfer between groups in a row ---- */

struct chain {
	const struct gt_parts *parts;
	const struct gt_node *node;
	long steps;
	int best;
	uint32_t group[GT_DENSE_MAX], best_group[GT_DENSE_MAX];
};

static int sum_between(const struct gt_node *node, uint32_t a, uint32_t b)
{
	int sum = 0;

	for (; a; a &= a - 1)
		for (uint32_t c = b; c; c &= c - 1) {
			int mbps = node->pair_mbps[gt_node_at(node, __builtin_ctz(a),
							      __builtin_ctz(c))];

			sum += mbps > 0 ? mbps : 0;
		}
	return sum;
}

/* Groups j and on, from the GPUs that are left; least: the transfer so far. */
static void lay_groups(struct chain *c, int j, uint32_t left, int least)
{
	const struct gt_parts *p = c->parts;
	uint16_t with[GT_DENSE_MAX];
	struct gt_subsets subsets;
	uint32_t group;

	if (j == p->m) {
		c->best = least;
		memcpy(c->best_group, c->group, sizeof(c->best_group));
		return;
	}
	/* so that of equal partitions the one with the lowest lists is found */
	gt_subsets_init_lists(&subsets, left, p->size[j]);
	while (gt_subsets_next(&subsets, &group)) {
		int here = least;

		if (--c->steps < 0)
			return;
		insert(with, best_of(p, left & ~group), p->m - j - 1, p->rank[group]);
		if (compare_ranks(with, best_of(p, left), p->m - j) != 0)
			continue;
		if (j > 0) {
			int sum = sum_between(c->node, c->group[j - 1], group);

			here = sum < least ? sum : least;
		}
		if (here <= c->best)
			continue;
		c->group[j] = group;
		lay_groups(c, j + 1, left & ~group, here);
	}
}

/* The best order of the best partitions; false: the steps ran out. */
static bool find_chain(const struct gt_parts *p, struct chain *c, uint32_t set,
		       long steps)
{
	*c = (struct chain){p, p->table->node, steps, -1, {0}, {0}};
	lay_groups(c, 0, set, INT_MAX);
	return c->steps >= 0;
}

/* 0 for one group. */
static int transfer_of(struct gt_parts *p, uint32_t set, bool *inexact)
{
	uint32_t same = gt_twins_canonical(&p->table->twin_bits, set);
	long allowed = p->steps < GT_SET_STEPS ? p->steps : GT_SET_STEPS;
	struct chain c;

	if (p->m < 2)
		return 0;
	if (same & ~p->open) /* its twin may lie outside of what was solved */
		same = set;
	if (p->transfer[same] >= 0)
		return p->transfer[same];
	if (allowed < 1)
		allowed = 2 * GT_DENSE_MAX * GT_DENSE_MAX;
	if (!find_chain(p, &c, same, allowed))
		*inexact = p->inexact = true;
	p->steps -= allowed - (c.steps > 0 ? c.steps : 0);
	p->transfer[same] = c.best > 0 ? c.best : 0;
	return p->transfer[same];
}

/* ---- life of partitions ---- */

static void parts_free(struct gt_parts *p)
{
	if (!p)
		return;
	free(p->rank);
	free(p->value);
	free(p->best);
	free(p->transfer);
	free(p);
}

static bool parts_shape(struct gt_parts *p, const struct gt_table *table,
			const struct gt_shape *shape)
{
	size_t sets = (size_t)1 << table->n, m;
	uint16_t *grown;
	int gpus = 0;

	p->table = table;
	p->shape = shape;
	p->n = table->n;
	p->m = shape->groups.count;
	m = (size_t)p->m;
	memset(p->layer, -1, sizeof(p->layer));
	for (int j = p->m - 1; j >= 0; j--) {
		p->size[j] = shape->groups.size[j];
		p->alike[j] = j + 1 == p->m ||
			      (p->alike[j + 1] && p->size[j + 1] == p->size[j]);
		gpus += p->size[j];
		p->layer[gpus] = j;
	}
	grown = realloc(p->best, sets * m * sizeof(*p->best));
	if (grown)
		p->best = grown;
	return grown != NULL;
}

static struct gt_parts *parts_new(const struct gt_table *table)
{
	size_t sets = (size_t)1 << table->n;
	struct gt_parts *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->rank = calloc(sets, sizeof(*p->rank));
	p->value = calloc(sets, sizeof(*p->value));
	p->transfer = calloc(sets, sizeof(*p->transfer));
	if (p->rank && p->value && p->transfer)
		return p;
	parts_free(p);
	return NULL;
}

static size_t parts_bytes(const struct gt_parts *p)
{
	size_t sets;

	if (!p)
		return 0;
	sets = (size_t)1 << p->n;
	return sizeof(*p) +
	       sets * (sizeof(*p->rank) + sizeof(*p->value) + sizeof(*p->transfer) +
		       (size_t)p->m * sizeof(*p->best));
}

struct gt_parts *gt_shape_parts(struct gt_table *table, struct gt_shape *shape,
				uint32_t open)
{
	struct gt_parts *p = table->parts;

	if (shape->parts)
		return shape->parts;
	if (!p)
		p = table->parts = parts_new(table);
	if (!p)
		return NULL;
	if (p->shape == shape && p->open == open)
		return p;
	p->shape = NULL;
	if (!parts_shape(p, table, shape)) {
		p->shape = NULL;
		return NULL;
	}
	solve(p, table, open);
	return p;
}

/* ---- the best of many ---- */

static uint32_t keep_best_groups(struct gt_parts *p, struct gt_tie *c, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		int order = kept ? compare_ranks(best_of(p, c[i].set),
						 best_of(p, c[0].set), p->m)
				 : 1;

		if (order < 0)
			continue;
		if (order > 0)
			kept = 0;
		c[kept++] = c[i];
	}
	return kept;
}

static uint32_t keep_best_transfer(struct gt_parts *p, struct gt_tie *c, uint32_t count,
				   bool *inexact)
{
	uint32_t kept = 0;
	int best = -1;

	if (p->m < 2 || count < 2)
		return count;
	for (uint32_t i = 0; i < count; i++) {
		int here = transfer_of(p, c[i].set, inexact);

		if (here < best)
			continue;
		if (here > best)
			kept = 0;
		best = here;
		c[kept++] = c[i];
	}
	return kept;
}

uint32_t gt_shape_keep(struct gt_table *table, const struct gt_shape *shape,
		       struct gt_parts *parts, struct gt_tie *c, uint32_t count,
		       bool *inexact)
{
	if (shape->late)
		return count;
	count = gt_table_keep_healthy(table, c, count);
	count = keep_best_groups(parts, c, count);
	return keep_best_transfer(parts, c, count, inexact);
}

uint32_t gt_shape_best(struct gt_table *table, const struct gt_shape *shape,
		       struct gt_parts *parts, struct gt_tie *c, uint32_t count,
		       bool *inexact)
{
	uint64_t quality;

	if (!shape->late) {
		count = gt_shape_keep(table, shape, parts, c, count, inexact);
		count = gt_table_best(table, c, count, &quality, inexact);
	} else {
		count = gt_table_best(table, c, count, &quality, inexact);
		count = keep_best_groups(parts, c, count);
		count = keep_best_transfer(parts, c, count, inexact);
	}
	*inexact |= parts->inexact;
	return count;
}

bool gt_shape_equal(struct gt_parts *parts, uint32_t a, uint32_t b)
{
	bool inexact;

	return compare_ranks(best_of(parts, a), best_of(parts, b), parts->m) == 0 &&
	       transfer_of(parts, a, &inexact) == transfer_of(parts, b, &inexact);
}

static int to_mbps(int64_t bytes)
{
	return bytes == INFINITE ? INT_MAX : (int)((bytes + 500000) / 1000000);
}

int gt_shape_slowest(const struct gt_parts *parts, uint32_t set)
{
	return to_mbps(parts->value[best_of(parts, set)[0]]);
}

static struct gt_shape_figures figures_of(struct gt_parts *parts, uint32_t set)
{
	const uint16_t *best = best_of(parts, set);
	struct gt_shape_figures figures = {0};
	bool inexact;

	for (int i = 0; i < parts->m && figures.count < GT_SHAPE_FIGURES; i++)
		if (parts->value[best[i]] != INFINITE)
			figures.mbps[figures.count++] = to_mbps(parts->value[best[i]]);
	figures.transfer_mbps = transfer_of(parts, set, &inexact);
	return figures;
}

bool gt_shape_partition(const struct gt_parts *parts, uint32_t set,
			uint32_t group[GT_DENSE_MAX])
{
	struct chain c;
	bool proven = find_chain(parts, &c, set, GT_SEARCH_STEPS);

	memcpy(group, c.best_group, sizeof(c.best_group));
	return proven && !parts->inexact;
}

/* ---- answers ---- */

/* The ties of one question, in table->scratch. */
static struct gt_answer answer_now(struct gt_table *table, struct gt_shape *shape,
				   struct gt_parts *parts, uint32_t open)
{
	struct gt_answer answer = {.asked = open};
	struct gt_tie *c = table->scratch;

	answer.count = gt_table_list(table, open, shape->k, c);
	if (!answer.count)
		return answer;
	answer.count =
		gt_shape_best(table, shape, parts, c, answer.count, &answer.inexact);
	answer.quality = gt_table_key(table, c[0].set);
	gt_table_sort_ties(table, c, answer.count);
	answer.count = gt_damage_shortlist(table, c, answer.count, open);
	return answer;
}

/* Every free mask of up to 8 GPUs. */
static bool answer_all(struct gt_table *table, struct gt_shape *shape)
{
	uint32_t room = 0;

	shape->parts = parts_new(table);
	if (!shape->parts || !parts_shape(shape->parts, table, shape))
		return false;
	solve(shape->parts, table, table->all & ~table->mig);
	for (uint32_t open = 1; open <= table->all; open++) {
		struct gt_answer *answer = &shape->answers[open];

		if ((open & table->mig) || gt_bits_count(open) < shape->k)
			continue;
		*answer = answer_now(table, shape, shape->parts, open);
		answer->first = shape->tie_count;
		if (shape->tie_count + answer->count > room) {
			struct gt_tie *grown;

			room = 2 * room + answer->count + FULL;
			grown = realloc(shape->ties, room * sizeof(*grown));
			if (!grown)
				return false;
			shape->ties = grown;
		}
		memcpy(&shape->ties[shape->tie_count], table->scratch,
		       answer->count * sizeof(*shape->ties));
		shape->tie_count += answer->count;
	}
	return true;
}

/* Where the answer to open stands, or the slot that it may have. */
static struct slot *find_slot(const struct gt_shape *shape, uint32_t open)
{
	uint32_t home = (open * UINT32_C(2654435761)) >> 22; /* 10 bits: SLOTS */
	struct slot *free_slot = NULL;

	for (uint32_t i = 0; i < PROBES; i++) {
		struct slot *slot = &shape->slots[(home + i) % SLOTS];

		if (slot->answer.asked == open)
			return slot;
		if (!slot->answer.asked && !free_slot)
			free_slot = slot;
	}
	return free_slot ? free_slot : &shape->slots[home];
}

static bool fill_slot(struct slot *slot, struct gt_table *table, struct gt_shape *shape,
		      struct gt_parts *parts, uint32_t open)
{
	struct gt_answer answer = answer_now(table, shape, parts, open);
	struct gt_tie *ties = realloc(slot->ties, (answer.count + 1) * sizeof(*ties));

	slot->answer.asked = 0;
	if (!ties)
		return false;
	memcpy(ties, table->scratch, answer.count * sizeof(*ties));
	slot->ties = ties;
	slot->answer = answer;
	if (answer.count)
		slot->figures = figures_of(parts, ties[0].set);
	return true;
}

const struct gt_answer *gt_shape_ask(struct gt_table *table, struct gt_shape *shape,
				     uint32_t open, const struct gt_tie **ties)
{
	struct gt_parts *parts;
	struct slot *slot;

	if (!shape->slots) {
		*ties = shape->ties + shape->answers[open].first;
		return &shape->answers[open];
	}
	slot = find_slot(shape, open);
	if (slot->answer.asked != open) {
		parts = gt_shape_parts(table, shape, open);
		if (!parts || !fill_slot(slot, table, shape, parts, open))
			return NULL;
	}
	*ties = slot->ties;
	return &slot->answer;
}

struct gt_shape_figures gt_shape_figures(struct gt_shape *shape, uint32_t open)
{
	if (shape->slots)
		return find_slot(shape, open)->figures;
	return figures_of(shape->parts, shape->ties[shape->answers[open].first].set);
}

/* ---- shapes of a table ---- */

static void shape_free(struct gt_shape *shape)
{
	if (!shape)
		return;
	parts_free(shape->parts);
	free(shape->ties);
	for (int i = 0; shape->slots && i < SLOTS; i++)
		free(shape->slots[i].ties);
	free(shape->slots);
	free(shape);
}

static bool is_shape(const struct gt_shape *shape, const struct gt_request *request)
{
	int groups = request->groups ? request->groups->count : 0;

	if (shape->k != request->count || shape->comm != request->comm ||
	    shape->late != request->groups_break_ties ||
	    shape->groups.count != (groups ? groups : 1))
		return false;
	for (int i = 0; i < groups; i++)
		if (shape->groups.size[i] != request->groups->size[i])
			return false;
	return true;
}

static struct gt_shape *shape_new(struct gt_table *table,
				  const struct gt_request *request)
{
	struct gt_shape *shape = calloc(1, sizeof(*shape));

	if (!shape || !need_values(table, request->comm)) {
		free(shape);
		return NULL;
	}
	shape->k = request->count;
	shape->comm = request->comm;
	shape->late = request->groups_break_ties;
	if (request->groups && request->groups->count)
		shape->groups = *request->groups;
	else
		shape->groups = (struct gt_groups){1, {(uint16_t)request->count}};
	if (table->n <= GT_FULL_MAX
		    ? answer_all(table, shape)
		    : (shape->slots = calloc(SLOTS, sizeof(*shape->slots))) != NULL)
		return shape;
	shape_free(shape);
	return NULL;
}

struct gt_shape *gt_shape_get(struct gt_table *table, const struct gt_request *request)
{
	int oldest = 0;

	table->shape_clock++;
	for (int i = 0; i < GT_SHAPES; i++) {
		struct gt_shape *shape = table->shapes[i];

		if (shape && is_shape(shape, request)) {
			shape->used = table->shape_clock;
			return shape;
		}
		if (table->shapes[oldest] &&
		    (!shape || shape->used < table->shapes[oldest]->used))
			oldest = i;
	}
	if (table->parts && table->parts->shape == table->shapes[oldest])
		table->parts->shape = NULL; /* another one may get its address */
	shape_free(table->shapes[oldest]);
	table->shapes[oldest] = shape_new(table, request);
	if (table->shapes[oldest])
		table->shapes[oldest]->used = table->shape_clock;
	return table->shapes[oldest];
}

void gt_shapes_free(struct gt_table *table)
{
	for (int i = 0; i < GT_SHAPES; i++)
		shape_free(table->shapes[i]);
	parts_free(table->parts);
	free(table->group_value[GT_COMM_ALLREDUCE]);
	free(table->group_value[GT_COMM_ALLTOALL]);
}

static size_t shape_bytes(const struct gt_shape *shape)
{
	size_t sum = sizeof(*shape) + parts_bytes(shape->parts) +
		     shape->tie_count * sizeof(struct gt_tie);

	for (int i = 0; shape->slots && i < SLOTS; i++)
		sum += sizeof(struct slot) +
		       shape->slots[i].answer.count * sizeof(struct gt_tie);
	return sum;
}

size_t gt_shapes_bytes(const struct gt_table *table)
{
	size_t sum = parts_bytes(table->parts);

	for (int comm = 0; comm < 2; comm++)
		if (table->group_value[comm])
			sum += sizeof(*table->group_value[comm]) << table->n;
	for (int i = 0; i < GT_SHAPES; i++)
		if (table->shapes[i])
			sum += shape_bytes(table->shapes[i]);
	return sum;
}
