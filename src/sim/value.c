/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Up to 8 GPUs: arrays of everything. More: two direct-mapped caches. */
#include "config.h"

#include "sim/value.h"

#include <stdlib.h>
#include <string.h>

#define FULL_MAX 8
#define SLOTS	 (1 << 16)

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
