/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Up to 8 GPUs: arrays of everything. More: two direct-mapped caches. */
#include "config.h"

#include "sim/value.h"

#include <stdlib.h>
#include <string.h>

#define FULL_MAX    8
#define SLOTS	    (1 << 16)
#define SHAPE_SLOTS (1 << 12) /* of one shape and number of GPUs */
#define FULL_SLOTS  (1 << FULL_MAX)

static struct sim_worth score(const struct sim_value *value, uint64_t set)
{
	struct gt_mask mask = {.word = {set}};
	struct sim_worth worth;
	struct gt_score s;

	gt_score_set(value->type->node, &mask, &s);
	worth.ring = s.rings > 0;
	worth.busbw_mbps =
		worth.ring || !value->ringless_mbps ? s.busbw_mbps : value->ringless_mbps;
	return worth;
}

static size_t slot_of(uint64_t key)
{
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 48) & (SLOTS - 1);
}

static bool is_better(struct sim_worth a, struct sim_worth b)
{
	return a.busbw_mbps != b.busbw_mbps ? a.busbw_mbps > b.busbw_mbps
					    : a.ring > b.ring;
}

/* best[F][k] is that of F itself where k = |F|, else the best of F without one GPU. */
static void fill(struct sim_value *value)
{
	int n = value->type->n;

	for (uint64_t f = 1; f <= value->type->all; f++) {
		int size = __builtin_popcountll(f);

		if (size < 2)
			continue;
		value->sets[f] = score(value, f);
		value->best[f * (unsigned)(n + 1) + (unsigned)size] = value->sets[f];
		for (int k = 2; k < size; k++) {
			struct sim_worth *best =
				&value->best[f * (unsigned)(n + 1) + (unsigned)k];

			for (uint64_t rest = f; rest; rest &= rest - 1) {
				uint64_t less = f & ~(rest & -rest);
				struct sim_worth w =
					value->best[less * (unsigned)(n + 1) +
						    (unsigned)k];

				if (is_better(w, *best))
					*best = w;
			}
		}
	}
}

/* Which sizes have sets that differ. */
static void find_choices(struct sim_value *value)
{
	int n = value->type->n;

	for (int k = 2; k < n && !value->full; k++)
		value->has_choice[k] = !sim_type_is_uniform(value->type);
	for (uint64_t f = 1; f <= value->type->all && value->full; f++) {
		int k = __builtin_popcountll(f);

		if (k >= 2 && value->sets[f].busbw_mbps < value->ideal[k].busbw_mbps)
			value->has_choice[k] = true;
	}
}

/* ---- shapes ---- */

/* One question, kept by its GPUs: direct-mapped, for up to 8 GPUs all of them. */
struct kept {
	uint64_t key; /* 0: empty */
	struct sim_worth worth;
	struct gt_quality quality;
	bool fits;
};

struct sim_shape_value {
	struct sim_value *value;
	const struct sim_shape *shape;
	struct gt_groups groups; /* of k GPUs */
	int k;
	size_t slots;
	struct kept *sets, *bests;
	struct sim_worth ideal;
	bool has_choice;
	bool empty; /* groups of one, or no such sizes */
};

static struct gt_request request_of(struct sim_shape_value *s, uint64_t free)
{
	return (struct gt_request){.count = s->k,
				   .free = {.word = {free}},
				   .groups = s->groups.count ? &s->groups : NULL,
				   .comm = s->shape->comm};
}

static struct kept *kept_at(const struct sim_shape_value *s, struct kept *kept,
			    uint64_t key)
{
	return &kept[s->slots <= FULL_SLOTS ? key : slot_of(key) & (s->slots - 1)];
}

static struct sim_worth score_shape(struct sim_shape_value *s, uint64_t set)
{
	struct gt_request request = request_of(s, set);
	struct sim_worth worth = {.busbw_mbps = INT32_MAX, .ring = true};
	struct gt_geometry geometry;
	int at = 0;

	gt_select_geometry(s->value->table, &request, &request.free, &geometry);
	for (int i = 0; i < geometry.count; i++) {
		struct gt_mask group = {0};
		struct gt_score score;
		int mbps = geometry.busbw_mbps[i];

		for (int r = 0; r < geometry.size[i]; r++)
			gt_mask_set(&group, geometry.gpu[at++]);
		if (mbps == GT_UNKNOWN)
			continue;
		gt_score_set(s->value->type->node, &group, &score);
		worth.ring = worth.ring && score.rings > 0;
		if (!score.rings && s->value->ringless_mbps &&
		    s->shape->comm == GT_COMM_ALLREDUCE)
			mbps = s->value->ringless_mbps;
		if (mbps < worth.busbw_mbps)
			worth.busbw_mbps = mbps;
	}
	return worth;
}

struct sim_worth sim_shape_set(struct sim_shape_value *s, uint64_t set)
{
	struct kept *kept = kept_at(s, s->sets, set);

	if (kept->key != set) {
		kept->worth = score_shape(s, set);
		kept->key = set;
	}
	return kept->worth;
}

/* The best set within free, and what it is worth against other nodes'. */
static struct kept *ask_shape(struct sim_shape_value *s, uint64_t free)
{
	struct kept *kept = kept_at(s, s->bests, free);
	struct gt_request request = request_of(s, free);
	struct gt_choice choice;

	if (kept->key == free)
		return kept;
	*kept = (struct kept){.key = free};
	kept->fits = gt_select(s->value->table, &request, &choice) == GT_FIT_OK &&
		     gt_select_quality(s->value->table, &request, &kept->quality);
	if (kept->fits)
		kept->worth = sim_shape_set(s, choice.gpus.word[0]);
	return kept;
}

struct sim_worth sim_shape_best(struct sim_shape_value *s, uint64_t free)
{
	if (__builtin_popcountll(free) < s->k)
		return (struct sim_worth){0};
	return ask_shape(s, free)->worth;
}

const struct gt_quality *sim_shape_quality(struct sim_shape_value *s, uint64_t free)
{
	struct kept *kept;

	if (__builtin_popcountll(free) < s->k)
		return NULL;
	kept = ask_shape(s, free);
	return kept->fits ? &kept->quality : NULL;
}

struct sim_worth sim_shape_ideal(const struct sim_shape_value *s)
{
	return s->ideal;
}

bool sim_shape_has_choice(const struct sim_shape_value *s)
{
	return s->has_choice;
}

static void shape_free(struct sim_shape_value *s)
{
	if (!s)
		return;
	free(s->sets);
	free(s->bests);
	free(s);
}

/* Whether sets of k differ; beyond 8 GPUs, whether pairs do. */
static bool shape_differs(struct sim_shape_value *s)
{
	const struct sim_type *type = s->value->type;

	if (s->k == type->n)
		return false;
	if (!s->value->full)
		return !sim_type_is_uniform(type);
	for (uint64_t f = 1; f <= type->all; f++)
		if (__builtin_popcountll(f) == s->k &&
		    sim_shape_set(s, f).busbw_mbps < s->ideal.busbw_mbps)
			return true;
	return false;
}

static struct sim_shape_value *shape_new(struct sim_value *value,
					 const struct sim_shape *shape, int k)
{
	struct sim_shape_value *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->value = value;
	s->shape = shape;
	s->groups = shape->groups;
	s->k = k;
	s->slots = value->full ? (size_t)value->type->all + 1 : SHAPE_SLOTS;
	s->empty = s->groups.count && !gt_groups_repeat(&s->groups, k);
	for (int i = 0, most = 0; i < s->groups.count && !s->empty; i++) {
		most = s->groups.size[i] > most ? s->groups.size[i] : most;
		s->empty = i == s->groups.count - 1 && most < 2;
	}
	s->sets = calloc(s->slots, sizeof(*s->sets));
	s->bests = calloc(s->slots, sizeof(*s->bests));
	if (!s->sets || !s->bests) {
		shape_free(s);
		return NULL;
	}
	if (!s->empty) {
		s->ideal = sim_shape_best(s, value->type->all);
		s->has_choice = shape_differs(s);
	}
	return s;
}

struct sim_shape_value *sim_value_shape(struct sim_value *value,
					const struct sim_shape *shape, int k)
{
	struct sim_shape_value **grown, *made;

	if (k < 2 || k > value->type->n)
		return NULL;
	for (int i = 0; i < value->shape_count; i++)
		if (value->shapes[i]->shape == shape && value->shapes[i]->k == k)
			return value->shapes[i]->empty ? NULL : value->shapes[i];
	grown = realloc(value->shapes, (size_t)(value->shape_count + 1) *
					       sizeof(struct sim_shape_value *));
	if (!grown)
		return NULL;
	value->shapes = grown;
	made = shape_new(value, shape, k);
	if (!made)
		return NULL;
	value->shapes[value->shape_count++] = made;
	return made->empty ? NULL : made;
}

/* ---- life ---- */

enum gt_err sim_value_init(struct sim_value *value, const struct sim_type *type,
			   const struct gt_mix *mix, int ringless_mbps,
			   struct gt_error *err)
{
	enum gt_err failed;
	size_t sets, bests;

	memset(value, 0, sizeof(*value));
	value->type = type;
	value->ringless_mbps = ringless_mbps;
	value->full = type->n <= FULL_MAX;
	failed = gt_table_new(&value->table, type->node, mix, err);
	if (failed)
		return failed;
	sets = value->full ? (size_t)type->all + 1 : SLOTS;
	bests = value->full ? sets * (size_t)(type->n + 1) : SLOTS;
	value->sets = calloc(sets, sizeof(*value->sets));
	value->best = calloc(bests, sizeof(*value->best));
	if (!value->full) {
		value->set_key = calloc(SLOTS, sizeof(*value->set_key));
		value->best_key = calloc(SLOTS, sizeof(*value->best_key));
	}
	if (!value->sets || !value->best ||
	    (!value->full && (!value->set_key || !value->best_key))) {
		sim_value_release(value);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	if (value->full)
		fill(value);
	for (int k = 2; k <= type->n; k++)
		value->ideal[k] = sim_value_best(value, type->all, k);
	find_choices(value);
	return GT_OK;
}

void sim_value_release(struct sim_value *value)
{
	for (int i = 0; i < value->shape_count; i++)
		shape_free(value->shapes[i]);
	free(value->shapes);
	gt_table_free(value->table);
	free(value->sets);
	free(value->best);
	free(value->set_key);
	free(value->best_key);
	memset(value, 0, sizeof(*value));
}

struct sim_worth sim_value_set(struct sim_value *value, uint64_t set)
{
	size_t slot;

	if (value->full)
		return value->sets[set];
	slot = slot_of(set);
	if (value->set_key[slot] != set) {
		value->set_key[slot] = set;
		value->sets[slot] = score(value, set);
	}
	return value->sets[slot];
}

struct sim_worth sim_value_best(struct sim_value *value, uint64_t free, int k)
{
	struct gt_request request = {.count = k, .free = {.word = {free}}};
	struct gt_choice choice;
	uint64_t key = free * 67 + (uint64_t)k;
	size_t slot;

	if (k < 2 || k > __builtin_popcountll(free))
		return (struct sim_worth){0};
	if (value->full)
		return value->best[free * (unsigned)(value->type->n + 1) + (unsigned)k];
	slot = slot_of(key);
	if (value->best_key[slot] != key) {
		if (gt_select(value->table, &request, &choice))
			return (struct sim_worth){0};
		value->best_key[slot] = key;
		value->best[slot] = sim_value_set(value, choice.gpus.word[0]);
	}
	return value->best[slot];
}
