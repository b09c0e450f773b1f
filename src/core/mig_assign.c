/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which instance of a demand gets which slot of the chosen sets. */
#include "config.h"

#include "core/mig_plan.h"

#include <stdlib.h>

/* ---- slots ---- */

static bool is_free_slot(const struct gt_mig_space *space, const struct gt_mig_slots *s,
			 int shape, int u)
{
	return space->heads[s->state][u] == shape + 1 && s->profile[u] == GT_UNKNOWN;
}

static int free_slots(const struct gt_mig_space *space, const struct gt_mig_slots *s,
		      int shape)
{
	int n = 0;

	for (int u = 0; u < space->gpu.units; u++)
		n += is_free_slot(space, s, shape, u);
	return n;
}

static int count_profile(const struct gt_mig_slots *s, int profile)
{
	int n = 0;

	for (int u = 0; u < GT_MIG_UNITS; u++)
		n += s->profile[u] == profile;
	return n;
}

static void take_slot(const struct gt_mig_space *space, struct gt_mig_slots *s,
		      int profile)
{
	for (int u = 0; u < space->gpu.units; u++)
		if (is_free_slot(space, s, space->shape_of[profile], u)) {
			s->profile[u] = (int8_t)profile;
			return;
		}
}

/* Give n instances of a limited profile the GPUs with the most free slots, one at a time:
 * flattening them is what serves the limited profiles to come best. Returns how many are
 * left over. */
static int assign_limited(struct gt_mig_layout *layout, const struct gt_mig_space *space,
			  int profile, int n)
{
	for (int level = GT_MIG_UNITS; level > 0; level--)
		for (int i = 0; i < layout->count && n > 0; i++) {
			struct gt_mig_slots *s = &layout->gpu[i];

			if (free_slots(space, s, space->shape_of[profile]) != level ||
			    count_profile(s, profile) == space->gpu.profile[profile].max)
				continue;
			take_slot(space, s, profile);
			n--;
		}
	return n;
}

/* Where instances that were to stay are in the way of a limited profile, take the slots
 * of those that can stand anywhere. Returns how many are left over. */
static int evict_for(struct gt_mig_layout *layout, const struct gt_mig_space *space,
		     int profile, int n)
{
	for (int i = 0; i < layout->count; i++) {
		struct gt_mig_slots *s = &layout->gpu[i];

		for (int u = 0; u < space->gpu.units && n > 0; u++) {
			int other = s->profile[u];

			if (other == GT_UNKNOWN || space->limited[other] ||
			    space->shape_of[other] != space->shape_of[profile] ||
			    count_profile(s, profile) == space->gpu.profile[profile].max)
				continue;
			s->profile[u] = (int8_t)profile;
			n--;
		}
	}
	return n;
}

static int assign_any(struct gt_mig_layout *layout, const struct gt_mig_space *space,
		      int profile, int n)
{
	int shape = space->shape_of[profile];

	for (int i = 0; i < layout->count && n > 0; i++)
		for (int u = 0; u < space->gpu.units && n > 0; u++)
			if (is_free_slot(space, &layout->gpu[i], shape, u)) {
				layout->gpu[i].profile[u] = (int8_t)profile;
				n--;
			}
	return n;
}

static int count_in_layout(const struct gt_mig_layout *layout, int profile)
{
	int n = 0;

	for (int i = 0; i < layout->count; i++)
		n += count_profile(&layout->gpu[i], profile);
	return n;
}

/* Every instance of a shape, the limited ones first; false: some found no slot. *evicted
 * is set where something that was to stay had to go. */
static bool assign_shape(struct gt_mig_layout *layout, const struct gt_mig_space *space,
			 const struct gt_mig_demand *demand, int shape, bool *evicted)
{
	int over = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int p = 0; p < space->gpu.count; p++) {
			int n = demand->count[p];

			if (n == 0 || space->shape_of[p] != shape ||
			    space->limited[p] != (pass == 0))
				continue;
			n -= count_in_layout(layout, p);
			if (pass == 1) {
				over += assign_any(layout, space, p, n);
				continue;
			}
			n = assign_limited(layout, space, p, n);
			*evicted |= n > 0;
			over += evict_for(layout, space, p, n);
		}
	return over == 0;
}

/* Forget what was to stay of a shape. */
static void clear_shape(struct gt_mig_layout *layout, const struct gt_mig_space *space,
			int shape)
{
	for (int i = 0; i < layout->count; i++)
		for (int u = 0; u < space->gpu.units; u++)
			if (space->heads[layout->gpu[i].state][u] == shape + 1)
				layout->gpu[i].profile[u] = GT_UNKNOWN;
}

/* ---- the plan ---- */

static void count_changes(struct gt_mig_plan *plan, const struct gt_mig_space *space,
			  const struct gt_mig_demand *demand,
			  const struct gt_mig_fleet *now)
{
	int existing[GT_MIG_PROFILES] = {0};

	for (int g = 0; now && g < gt_mig_fleet_size(now); g++)
		for (int u = 0; u < GT_MIG_UNITS; u++) {
			int p = gt_mig_fleet_profile_at(now, g, u);

			if (p != GT_UNKNOWN)
				existing[p]++;
		}
	for (int p = 0; p < space->gpu.count; p++) {
		int want = demand->count[p];

		plan->recreated += existing[p] < want ? existing[p] : want;
		plan->created += existing[p] < want ? want - existing[p] : 0;
	}
	plan->recreated -= plan->kept;
}

static enum gt_err write_plan(const struct gt_mig_layout *layout,
			      const struct gt_mig_space *space,
			      const struct gt_mig_demand *demand,
			      const struct gt_mig_fleet *now, struct gt_mig_plan *plan,
			      struct gt_error *err)
{
	size_t total = 0;

	for (int p = 0; p < space->gpu.count; p++)
		total += (size_t)demand->count[p];
	plan->instances = malloc(total * sizeof(*plan->instances));
	if (!plan->instances)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < layout->count; i++) {
		const struct gt_mig_slots *s = &layout->gpu[i];

		for (int u = 0; u < GT_MIG_UNITS; u++) {
			int p = s->profile[u];

			if (p == GT_UNKNOWN)
				continue;
			plan->instances[plan->count++] =
				(struct gt_mig_instance){s->gpu, p, u};
			plan->kept += now && s->gpu < gt_mig_fleet_size(now) &&
				      gt_mig_fleet_profile_at(now, s->gpu, u) == p;
		}
	}
	return GT_OK;
}

enum gt_err gt_mig_layout_assign(struct gt_mig_layout *layout,
				 const struct gt_mig_space *space,
				 const struct gt_mig_demand *demand,
				 const struct gt_mig_fleet *now, struct gt_mig_plan *plan,
				 struct gt_error *err)
{
	bool evicted = false;
	enum gt_err code;

	for (int shape = 0; shape < space->shapes; shape++) {
		if (assign_shape(layout, space, demand, shape, &evicted))
			continue;
		clear_shape(layout, space, shape);
		evicted = true;
		if (!assign_shape(layout, space, demand, shape, &evicted))
			return gt_fail(err, GT_EINVAL, "the sets do not hold the demand");
	}
	plan->exact &= !evicted;
	code = write_plan(layout, space, demand, now, plan, err);
	if (!code)
		count_changes(plan, space, demand, now);
	return code;
}
