/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest GPUs for a demand, and which instances go where. */
#include "config.h"

#include "core/bits.h"
#include "core/ilp.h"
#include "core/mig_plan.h"

#include <stdlib.h>
#include <string.h>

#define STEPS 2000000000 /* multiplications: a few seconds */

/*
 * Without a layout: which sets of instances fill the GPUs? Only maximal sets matter, as
 * what they offer beyond the demand stays free, and of a set only how many of each shape
 * it holds: 38 patterns on a 7/8 GPU. An integer program finds how often to use each:
 * every shape's demand is covered by the fewest sets. Profiles of one shape that may
 * stand less often on a GPU than the shape (1g+me) add a row for every group of them:
 * what the GPUs can hold of the group, min(instances of the shape, sum of the maxima),
 * covers the group's demand. That is enough: it is the minimum cut of the flow from
 * profiles to GPUs.
 *
 * With a layout: a column for each kind of GPU (what is on it now) and each maximal set
 * with its positions; a second program fixes the number of GPUs and minimizes how many
 * wanted instances are not among those that stay.
 */

/* ---- the demand as rows ---- */

static int bits(uint32_t set)
{
	return gt_bits_count(set);
}

static bool add_row(struct gt_mig_rows *rows, int shape, uint32_t profiles, int cap,
		    int demand)
{
	if (demand == 0)
		return true;
	if (rows->count == GT_MIG_PLAN_ROWS)
		return false;
	rows->row[rows->count++] = (struct gt_mig_row){shape, profiles, cap, demand};
	return true;
}

/* The rows of one shape: the shape itself, and every group of its limited profiles. */
static bool add_shape_rows(struct gt_mig_rows *rows, const struct gt_mig_space *space,
			   const struct gt_mig_demand *demand, int shape)
{
	uint32_t limited = 0, all = 0;
	int total = 0;

	for (int p = 0; p < space->gpu.count; p++) {
		if (space->shape_of[p] != shape || demand->count[p] == 0)
			continue;
		all |= 1u << p;
		limited |= (uint32_t)space->limited[p] << p;
		total += demand->count[p];
	}
	if (!add_row(rows, shape, all, GT_MIG_UNITS, total))
		return false;
	for (uint32_t group = limited; group; group = (group - 1) & limited) {
		int cap = 0, wanted = 0;

		for (int p = 0; p < space->gpu.count; p++)
			if (group & (1u << p)) {
				cap += space->gpu.profile[p].max;
				wanted += demand->count[p];
			}
		if (!add_row(rows, shape, group, cap, wanted))
			return false;
	}
	rows->limited |= limited != 0 && bits(all) > 1;
	return true;
}

static bool make_rows(struct gt_mig_rows *rows, const struct gt_mig_space *space,
		      const struct gt_mig_demand *demand)
{
	*rows = (struct gt_mig_rows){0};
	for (int i = 0; i < space->shapes; i++)
		if (!add_shape_rows(rows, space, demand, i))
			return false;
	return true;
}

/* ---- maximal sets and patterns ---- */

static bool is_maximal(const struct gt_mig_space *space, int state)
{
	for (int i = 0; i < space->places; i++)
		if (gt_mig_state_next(space, state, i) != GT_MIG_NO_STATE)
			return false;
	return true;
}

int gt_mig_count_shape(const struct gt_mig_space *space, int state, int shape)
{
	int n = 0;

	for (int u = 0; u < space->gpu.units; u++)
		n += space->heads[state][u] == shape + 1;
	return n;
}

void gt_mig_rows_cover(const struct gt_mig_rows *rows, const struct gt_mig_space *space,
		       int state, int *cover)
{
	for (int i = 0; i < rows->count; i++) {
		int n = gt_mig_count_shape(space, state, rows->row[i].shape);

		cover[i] = n < rows->row[i].cap ? n : rows->row[i].cap;
	}
}

static bool is_covered(const int *a, const int *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] > b[i])
			return false;
	return true;
}

int gt_mig_filter_columns(int *columns, int *payload, int count, int width)
{
	int kept = 0;

	for (int i = 0; i < count; i++) {
		const int *a = columns + (size_t)i * width;
		bool beaten = false;

		for (int j = 0; j < count && !beaten; j++) {
			const int *b = columns + (size_t)j * width;

			/* Those before i that stayed lie at the front by now. */
			if (j >= kept && j <= i)
				continue;
			beaten = is_covered(a, b, width) &&
				 (j < i || !is_covered(b, a, width));
		}
		if (beaten)
			continue;
		memmove(columns + (size_t)kept * width, a, (size_t)width * sizeof(*a));
		payload[kept++] = payload[i];
	}
	return kept;
}

static enum gt_err list_maximal(struct gt_mig_sets *sets,
				const struct gt_mig_space *space,
				const struct gt_mig_rows *rows, struct gt_error *err)
{
	size_t n = 0;

	for (int s = 0; s < space->states; s++)
		n += is_maximal(space, s);
	sets->state = malloc(n * sizeof(*sets->state));
	sets->maximal = malloc(n * sizeof(*sets->maximal));
	sets->cover = malloc(n * (size_t)rows->count * sizeof(*sets->cover));
	if (!sets->state || !sets->maximal || !sets->cover)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int s = 0; s < space->states; s++)
		if (is_maximal(space, s)) {
			sets->maximal[sets->maximal_count++] = s;
			sets->state[sets->count] = s;
			gt_mig_rows_cover(rows, space, s,
					  sets->cover +
						  (size_t)sets->count++ * rows->count);
		}
	sets->count =
		gt_mig_filter_columns(sets->cover, sets->state, sets->count, rows->count);
	return GT_OK;
}

static void release_sets(struct gt_mig_sets *sets)
{
	free(sets->state);
	free(sets->maximal);
	free(sets->cover);
}

/* ---- the fewest GPUs ---- */

static enum gt_err out_of_steps(enum gt_ilp_result result, struct gt_error *err)
{
	if (result == GT_ILP_NO_MEMORY)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	return gt_fail(err, GT_ELIMIT, "the demand is too large to plan for");
}

/* Fill use[sets->count]: how often to use each pattern. */
static enum gt_err solve_patterns(const struct gt_mig_sets *sets,
				  const struct gt_mig_rows *rows, int *use, bool *exact,
				  struct gt_error *err)
{
	int bound[GT_MIG_PLAN_ROWS];
	int *coeff = malloc((size_t)rows->count * sets->count * sizeof(*coeff));
	int *cost = malloc((size_t)sets->count * sizeof(*cost));
	struct gt_ilp ilp = {rows->count, sets->count, coeff, bound, cost};
	enum gt_ilp_result result = GT_ILP_NO_MEMORY;

	if (coeff && cost) {
		for (int i = 0; i < rows->count; i++)
			bound[i] = rows->row[i].demand;
		for (int j = 0; j < sets->count; j++) {
			cost[j] = 1;
			for (int i = 0; i < rows->count; i++)
				coeff[i * sets->count + j] =
					sets->cover[j * rows->count + i];
		}
		result = gt_ilp_solve(&ilp, use, false, STEPS);
	}
	free(coeff);
	free(cost);
	*exact = result == GT_ILP_OPTIMAL;
	return result == GT_ILP_OPTIMAL || result == GT_ILP_BOUNDED
		       ? GT_OK
		       : out_of_steps(result, err);
}

/* The plan's GPUs as slots: one entry a used set. */
static enum gt_err fill_new_gpus(struct gt_mig_layout *layout,
				 const struct gt_mig_sets *sets, const int *use,
				 struct gt_error *err)
{
	size_t gpus = 0;

	for (int j = 0; j < sets->count; j++)
		gpus += (size_t)use[j];
	layout->gpu = calloc(gpus, sizeof(*layout->gpu));
	if (!layout->gpu)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int j = 0; j < sets->count; j++)
		for (int i = 0; i < use[j]; i++) {
			struct gt_mig_slots *gpu = &layout->gpu[layout->count];

			gpu->gpu = layout->count++;
			gpu->state = sets->state[j];
			memset(gpu->profile, 0xff, sizeof(gpu->profile));
		}
	return GT_OK;
}

enum gt_err gt_mig_plan_make(struct gt_mig_plan *plan, const struct gt_mig_space *space,
			     const struct gt_mig_demand *demand,
			     const struct gt_mig_fleet *now, struct gt_error *err)
{
	struct gt_mig_layout layout = {0};
	struct gt_mig_sets sets = {0};
	struct gt_mig_rows rows;
	enum gt_err code;
	int *use = NULL;

	*plan = (struct gt_mig_plan){0};
	if (!make_rows(&rows, space, demand))
		return gt_fail(err, GT_ELIMIT,
			       "more than %d groups of profiles with a maximum",
			       GT_MIG_PLAN_ROWS);
	if (rows.count == 0) {
		plan->exact = true;
		return GT_OK;
	}
	code = list_maximal(&sets, space, &rows, err);
	if (!code) {
		use = calloc((size_t)sets.count, sizeof(*use));
		code = use ? solve_patterns(&sets, &rows, use, &plan->exact, err)
			   : gt_fail(err, GT_ENOMEM, "out of memory");
	}
	for (int j = 0; !code && j < sets.count; j++)
		plan->gpus += use[j];
	if (!code && now)
		code = gt_mig_layout_keep(&layout, space, &rows, &sets, use, demand, now,
					  plan, err);
	else if (!code)
		code = fill_new_gpus(&layout, &sets, use, err);
	if (!code)
		code = gt_mig_layout_assign(&layout, space, demand, now, plan, err);
	free(use);
	free(layout.gpu);
	release_sets(&sets);
	if (code)
		gt_mig_plan_release(plan);
	return code;
}

void gt_mig_plan_release(struct gt_mig_plan *plan)
{
	if (!plan)
		return;
	free(plan->instances);
	*plan = (struct gt_mig_plan){0};
}
