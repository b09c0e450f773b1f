/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stock Slurm's fixed partition and the published rules; all else is the library's. */
#include "config.h"

#include "sim/sim_mig_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this busy share "migrate" spreads, as the paper's conditional load balancing. */
#define SPREAD_BELOW .5

static const struct {
	const char *name, *summary;
} own[] = {
	{"stock",
	 "stock Slurm: instances made beforehand, the first free one of the type"},
	{"growth", "least growth of fragmentation (arXiv 2511.18906)"},
	{"migrate",
	 "growth, spread while idle, one instance may move (arXiv 2512.16099)"},
};

const char *sim_mig_rule_name(int rule)
{
	return rule < GT_MIG_POLICIES ? gt_mig_policy_name((enum gt_mig_policy)rule)
				      : own[rule - GT_MIG_POLICIES].name;
}

const char *sim_mig_rule_summary(int rule)
{
	return rule < GT_MIG_POLICIES ? "" : own[rule - GT_MIG_POLICIES].summary;
}

enum gt_err sim_mig_rule_parse(int *rule, const char *name, struct gt_error *err)
{
	enum gt_mig_policy policy;
	char text[sizeof(err->text)];

	for (*rule = GT_MIG_POLICIES; *rule < SIM_MIG_RULES; ++*rule)
		if (!strcmp(name, sim_mig_rule_name(*rule)))
			return GT_OK;
	if (!gt_mig_policy_parse(&policy, name, err)) {
		*rule = (int)policy;
		return GT_OK;
	}
	if (err) {
		snprintf(text, sizeof(text), "%.150s, stock, growth or migrate",
			 err->text);
		memcpy(err->text, text, sizeof(text));
	}
	return GT_EINVAL;
}

/* ---- stock: a partition made beforehand
 * ------------------------------------------------
 */

/* The profile with the largest shortfall against its share that a GPU can still take. */
static int next_profile(const struct sim_mig_chooser *c, const double *target,
			const double *have, int gpu, struct gt_mig_instance *place)
{
	int best = -1;

	for (int p = 0; p < c->gpu->count; p++) {
		struct gt_mig_instance here;
		uint64_t allowed[GT_MIG_GPUS / 64] = {0};

		allowed[gpu / 64] = UINT64_C(1) << gpu % 64;
		if (target[p] <= 0 ||
		    (best >= 0 && target[p] - have[p] <= target[best] - have[best]) ||
		    !gt_mig_place(c->fleet, p, GT_MIG_PACK, allowed, &here))
			continue;
		best = p;
		*place = here;
	}
	return best;
}

static bool make_one(struct sim_mig_chooser *c, double *have,
		     const struct gt_mig_instance *place)
{
	if (gt_mig_add(c->fleet, place, NULL))
		return false;
	have[place->profile] += c->gpu->profile[place->profile].size;
	c->made[c->made_count++] = *place;
	return true;
}

/* One instance of each profile that is asked for, the largest first. */
static void make_first(struct sim_mig_chooser *c, const double *target, double *have)
{
	for (int size = c->gpu->units; size > 0; size--)
		for (int p = 0; p < c->gpu->count; p++) {
			struct gt_mig_instance place;

			if (c->gpu->profile[p].size == size && target[p] > 0 &&
			    gt_mig_place(c->fleet, p, GT_MIG_PACK, NULL, &place))
				(void)make_one(c, have, &place);
		}
}

/* Cut every GPU so that units are shared as the requests' time is: what an admin who
 * knows the demand would do once. Each profile that is asked for gets at least one
 * instance, where the fleet can hold one. */
static bool make_instances(struct sim_mig_chooser *c, const double *weight)
{
	double target[GT_MIG_PROFILES], have[GT_MIG_PROFILES] = {0}, total = 0;
	int gpus = gt_mig_fleet_size(c->fleet), done = 0;

	c->made = calloc((size_t)gpus * GT_MIG_UNITS, sizeof(*c->made));
	c->used = calloc((size_t)gpus * GT_MIG_UNITS, sizeof(*c->used));
	if (!c->made || !c->used)
		return false;
	for (int p = 0; p < c->gpu->count; p++)
		total += weight[p] * c->gpu->profile[p].size;
	for (int p = 0; p < c->gpu->count; p++) {
		target[p] = total > 0 ? weight[p] * c->gpu->profile[p].size / total *
						gpus * c->gpu->units
				      : 0;
	}
	make_first(c, target, have);
	for (; done < gpus; done++) {
		struct gt_mig_instance place;

		while (next_profile(c, target, have, done, &place) >= 0 &&
		       make_one(c, have, &place))
			;
	}
	for (int i = 0; i < c->made_count; i++)
		gt_mig_remove(c->fleet, c->made[i].gpu, c->made[i].start, NULL, NULL);
	return true;
}

static bool choose_made(const struct sim_mig_chooser *c, int profile,
			struct gt_mig_instance *place)
{
	for (int i = 0; i < c->made_count; i++)
		if (c->made[i].profile == profile && !c->used[i]) {
			*place = c->made[i];
			return true;
		}
	return false;
}

/* ---- growth
 * ----------------------------------------------------------------------------
 */

/* Units of all starts that a busy GPU has lost to profiles that its free units could
 * still hold: the larger, the more of what is free is of no use. */
static double fragmentation(const struct gt_mig_gpu *gpu, unsigned busy)
{
	int free = gpu->units - __builtin_popcount(busy);
	double lost = 0;

	for (int p = 0; p < gpu->count; p++) {
		const struct gt_mig_profile *own_profile = &gpu->profile[p];
		unsigned window = (1u << own_profile->size) - 1;

		if (*gt_mig_profile_suffix(own_profile) || own_profile->size > free)
			continue;
		for (int s = 0; s < gpu->units; s++)
			if (own_profile->starts >> s & 1 && busy & window << s)
				lost += own_profile->size;
	}
	return lost;
}

static bool make_growth(struct sim_mig_chooser *c)
{
	c->growth = malloc((1u << c->gpu->units) * sizeof(*c->growth));
	for (unsigned mask = 0; c->growth && mask < 1u << c->gpu->units; mask++)
		c->growth[mask] = fragmentation(c->gpu, mask);
	return c->growth != NULL;
}

/* Whether the place is legal beside what the GPU holds. */
static bool is_legal(struct sim_mig_chooser *c, const struct gt_mig_instance *place)
{
	if (gt_mig_add(c->fleet, place, NULL))
		return false;
	gt_mig_remove(c->fleet, place->gpu, place->start, NULL, NULL);
	return true;
}

/* The legal place with the least cost; spread: the emptiest GPU first. Ties: the lowest
 * GPU, the lowest start. */
static bool choose_growth(struct sim_mig_chooser *c, int profile, bool spread,
			  struct gt_mig_instance *place)
{
	const struct gt_mig_profile *wanted = &c->gpu->profile[profile];
	unsigned window = (1u << wanted->size) - 1;
	double best = 1e300;

	for (int g = 0; g < gt_mig_fleet_size(c->fleet); g++) {
		unsigned busy = gt_mig_fleet_mask(c->fleet, g);

		for (int s = 0; s < c->gpu->units; s++) {
			struct gt_mig_instance here = {g, profile, s};
			double cost;

			if (!(wanted->starts >> s & 1) || busy & window << s)
				continue;
			cost = c->growth[busy | window << s] - c->growth[busy];
			cost += spread ? 1e6 * __builtin_popcount(busy) : 0;
			if (cost < best && is_legal(c, &here)) {
				best = cost;
				*place = here;
			}
		}
	}
	return best < 1e300;
}

/* ---- migrate
 * ---------------------------------------------------------------------------
 */

/* Whether the request would start if this instance went elsewhere. */
static bool try_move(struct sim_mig_chooser *c, int profile,
		     const struct gt_mig_instance *from, struct gt_mig_instance *to,
		     struct gt_mig_instance *place)
{
	bool helps;

	if (gt_mig_remove(c->fleet, from->gpu, from->start, NULL, NULL))
		return false;
	helps = choose_growth(c, profile, false, place);
	if (helps && !gt_mig_add(c->fleet, place, NULL)) {
		helps = choose_growth(c, from->profile, false, to);
		gt_mig_remove(c->fleet, place->gpu, place->start, NULL, NULL);
	}
	(void)gt_mig_add(c->fleet, from, NULL);
	return helps;
}

bool sim_mig_find_move(struct sim_mig_chooser *c, int profile,
		       struct gt_mig_instance *from, struct gt_mig_instance *to,
		       struct gt_mig_instance *place)
{
	int best_size = INT32_MAX;

	if (c->rule != SIM_MIG_MIGRATE ||
	    c->all_units - c->busy_units < c->gpu->profile[profile].size)
		return false;
	for (int g = 0; g < gt_mig_fleet_size(c->fleet); g++)
		for (int s = 0; s < c->gpu->units; s++) {
			int running = gt_mig_fleet_profile_at(c->fleet, g, s);
			struct gt_mig_instance here = {g, running, s}, there, start;

			/* the smallest one is the cheapest to move */
			if (running < 0 || c->gpu->profile[running].size >= best_size ||
			    !try_move(c, profile, &here, &there, &start))
				continue;
			best_size = c->gpu->profile[running].size;
			*from = here;
			*to = there;
			*place = start;
		}
	return best_size < INT32_MAX;
}

/* ---- public
 * ----------------------------------------------------------------------------
 */

bool sim_mig_choose(struct sim_mig_chooser *c, int profile, struct gt_mig_instance *place)
{
	switch (c->rule) {
	case SIM_MIG_STOCK:
		return choose_made(c, profile, place);
	case SIM_MIG_GROWTH:
		return choose_growth(c, profile, false, place);
	case SIM_MIG_MIGRATE:
		return choose_growth(c, profile,
				     c->busy_units < SPREAD_BELOW * c->all_units, place);
	default:
		return gt_mig_place(c->fleet, profile, (enum gt_mig_policy)c->rule, NULL,
				    place);
	}
}

bool sim_mig_can_ever(const struct sim_mig_chooser *c, int profile)
{
	if (c->rule != SIM_MIG_STOCK)
		return true;
	for (int i = 0; i < c->made_count; i++)
		if (c->made[i].profile == profile)
			return true;
	return false;
}

void sim_mig_note(struct sim_mig_chooser *c, const struct gt_mig_instance *place,
		  bool added)
{
	int size = c->gpu->profile[place->profile].size;

	c->busy_units += added ? size : -size;
	for (int i = 0; i < c->made_count; i++)
		if (c->made[i].gpu == place->gpu && c->made[i].start == place->start)
			c->used[i] = added;
}

enum gt_err sim_mig_chooser_init(struct sim_mig_chooser *c, int rule,
				 struct gt_mig_fleet *fleet, const struct gt_mig_gpu *gpu,
				 const double *weight, struct gt_error *err)
{
	bool done = true;

	*c = (struct sim_mig_chooser){.rule = rule,
				      .gpu = gpu,
				      .fleet = fleet,
				      .all_units = gt_mig_fleet_size(fleet) * gpu->units};
	if (rule == SIM_MIG_STOCK)
		done = make_instances(c, weight);
	else if (rule >= GT_MIG_POLICIES)
		done = make_growth(c);
	return done ? GT_OK : gt_fail(err, GT_ENOMEM, "out of memory");
}

void sim_mig_chooser_release(struct sim_mig_chooser *c)
{
	free(c->made);
	free(c->used);
	free(c->growth);
	memset(c, 0, sizeof(*c));
}
