/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which GPU of a current layout gets which set. */
#include "config.h"

#include "core/ilp.h"
#include "core/mig_plan.h"

#include <stdlib.h>
#include <string.h>

#define STEPS	 2000000000 /* multiplications: a few seconds */
#define CELLS	 4000000    /* of the largest program that is tried */
#define NO_LIMIT (1 << 30)

/* ---- kinds of GPUs ---- */

/* GPUs that hold the same wanted instances. */
struct kind {
	int8_t profile[GT_MIG_UNITS];
	int first; /* of its GPUs in `order` */
	int count;
	int col; /* of its first column */
	int cols;
};

/* A GPU and what it holds of the profiles in demand. */
struct held {
	int8_t profile[GT_MIG_UNITS];
	int gpu;
};

/* The program that says which set each GPU gets. */
struct keeper {
	const struct gt_mig_space *space;
	const struct gt_mig_rows *rows;
	const struct gt_mig_sets *sets;
	struct held *held; /* sorted by what they hold, then by index */
	int gpus;	   /* of the fleet */
	struct kind *kind; /* [0] holds nothing wanted; more can be added */
	int kinds;
	int wanted[GT_MIG_PROFILES];   /* min(demand, existing): what could stay */
	int kept_row[GT_MIG_PROFILES]; /* GT_UNKNOWN: nothing of it could stay */
	int kept_rows;
	int width; /* rows->count + kept_rows: figures of a column */
	int cols;
	int *figure; /* [col * width] */
	int *set;    /* of a column: a state */
	int *x;	     /* [cols + kept_rows] */
};

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	int order = memcmp(x->profile, y->profile, sizeof(x->profile));

	if (order)
		return order;
	return x->gpu < y->gpu ? -1 : x->gpu > y->gpu;
}

static bool same_kind(const int8_t *a, const int8_t *b)
{
	return memcmp(a, b, GT_MIG_UNITS) == 0;
}

static enum gt_err collect_held(struct keeper *k, const struct gt_mig_demand *demand,
				const struct gt_mig_fleet *now, struct gt_error *err)
{
	int existing[GT_MIG_PROFILES] = {0};

	k->gpus = gt_mig_fleet_size(now);
	k->held = malloc((size_t)k->gpus * sizeof(*k->held));
	k->kind = calloc((size_t)k->gpus + 1, sizeof(*k->kind));
	if (!k->held || !k->kind)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int g = 0; g < k->gpus; g++) {
		k->held[g].gpu = g;
		for (int u = 0; u < GT_MIG_UNITS; u++) {
			int p = gt_mig_fleet_profile_at(now, g, u);

			if (p != GT_UNKNOWN && demand->count[p] == 0)
				p = GT_UNKNOWN;
			k->held[g].profile[u] = (int8_t)p;
			if (p != GT_UNKNOWN)
				existing[p]++;
		}
	}
	qsort(k->held, (size_t)k->gpus, sizeof(*k->held), compare_held);
	for (int p = 0; p < k->space->gpu.count; p++) {
		k->wanted[p] =
			existing[p] < demand->count[p] ? existing[p] : demand->count[p];
		k->kept_row[p] = k->wanted[p] > 0 ? k->kept_rows++ : GT_UNKNOWN;
	}
	k->width = k->rows->count + k->kept_rows;
	return GT_OK;
}

/* Group the sorted GPUs. Kind 0 comes first, even if no GPU is of it. */
static void make_kinds(struct keeper *k)
{
	memset(k->kind[0].profile, 0xff, GT_MIG_UNITS);
	k->kinds = 1;
	for (int i = 0; i < k->gpus; i++) {
		const int8_t *profile = k->held[i].profile;
		struct kind *kind = &k->kind[k->kinds - 1];

		if (same_kind(profile, k->kind[0].profile)) {
			kind = &k->kind[0];
		} else if (kind == &k->kind[0] || !same_kind(profile, kind->profile)) {
			kind = &k->kind[k->kinds++];
			memcpy(kind->profile, profile, GT_MIG_UNITS);
		}
		if (kind->count++ == 0)
			kind->first = i;
	}
}

/* ---- columns ---- */

static bool stays(const struct gt_mig_space *space, const int8_t *profile, int state,
		  int u)
{
	return profile[u] != GT_UNKNOWN &&
	       space->heads[state][u] == space->shape_of[profile[u]] + 1;
}

/* Every maximal set as a column of one kind, without those that another beats. */
static void add_columns(struct keeper *k, struct kind *kind)
{
	int *figure = k->figure + (size_t)k->cols * k->width;
	int *set = k->set + k->cols;

	for (int m = 0; m < k->sets->maximal_count; m++) {
		int *f = figure + (size_t)m * k->width, state = k->sets->maximal[m];

		memset(f, 0, (size_t)k->width * sizeof(*f));
		gt_mig_rows_cover(k->rows, k->space, state, f);
		for (int u = 0; u < k->space->gpu.units; u++)
			if (stays(k->space, kind->profile, state, u))
				f[k->rows->count + k->kept_row[kind->profile[u]]]++;
		set[m] = state;
	}
	kind->col = k->cols;
	kind->cols = gt_mig_filter_columns(figure, set, k->sets->maximal_count, k->width);
	k->cols += kind->cols;
}

static enum gt_err make_columns(struct keeper *k, struct gt_error *err)
{
	size_t most = (size_t)k->kinds * (size_t)k->sets->maximal_count;

	k->figure = malloc(most * (size_t)k->width * sizeof(*k->figure));
	k->set = malloc(most * sizeof(*k->set));
	k->x = calloc(most + GT_MIG_PROFILES, sizeof(*k->x));
	if (!k->figure || !k->set || !k->x)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < k->kinds; i++)
		add_columns(k, &k->kind[i]);
	return GT_OK;
}

/* ---- a first choice ---- */

/* The column of a kind that covers what a pattern covers and keeps the most; -1: none. */
static int best_column(const struct keeper *k, const struct kind *kind, const int *cover,
		       int *kept)
{
	int best = -1;

	for (int c = kind->col; c < kind->col + kind->cols; c++) {
		const int *f = k->figure + (size_t)c * k->width;
		int sum = 0, i = 0;

		while (i < k->rows->count && f[i] >= cover[i])
			i++;
		if (i < k->rows->count)
			continue;
		for (; i < k->width; i++)
			sum += f[i];
		if (best < 0 || sum > *kept) {
			best = c;
			*kept = sum;
		}
	}
	return best;
}

/* Give each pattern in turn the GPUs that keep the most under it. Kind 0 takes the rest.
 */
static void choose_greedily(struct keeper *k, const int *use, int *left)
{
	for (int i = 1; i < k->kinds; i++)
		left[i] = k->kind[i].count;
	left[0] = NO_LIMIT;
	for (int j = 0; j < k->sets->count; j++)
		for (int need = use[j]; need > 0;) {
			const int *cover = k->sets->cover + (size_t)j * k->rows->count;
			int kind = 0, col = -1, most = -1, n;

			for (int i = k->kinds - 1; i >= 0; i--) {
				int kept = 0, c;

				if (left[i] == 0)
					continue;
				c = best_column(k, &k->kind[i], cover, &kept);
				if (c >= 0 && kept > most) {
					most = kept;
					kind = i;
					col = c;
				}
			}
			n = need < left[kind] ? need : left[kind];
			k->x[col] += n;
			left[kind] -= n;
			need -= n;
		}
}

/* What is recreated under x: the last kept_rows variables. */
static void set_recreated(struct keeper *k)
{
	for (int p = 0; p < k->space->gpu.count; p++) {
		int row = k->kept_row[p], sum = 0;

		if (row == GT_UNKNOWN)
			continue;
		for (int c = 0; c < k->cols; c++)
			sum += k->x[c] *
			       k->figure[(size_t)c * k->width + k->rows->count + row];
		k->x[k->cols + row] = sum < k->wanted[p] ? k->wanted[p] - sum : 0;
	}
}

/* ---- the program ---- */

/* Rows: what sets cover; what stays and what is recreated; how many GPUs there are of
 * each kind but 0; how many GPUs in all. */
static void fill_program(const struct keeper *k, int gpus, int *coeff, int *bound,
			 int *cost)
{
	const int cols = k->cols + k->kept_rows, covers = k->rows->count;
	const int kinds = k->width - 1; /* row of kind 1 is kinds + 1 */

	for (int c = 0; c < k->cols; c++)
		for (int i = 0; i < k->width; i++)
			coeff[(size_t)i * cols + c] = k->figure[(size_t)c * k->width + i];
	for (int i = 0; i < covers; i++)
		bound[i] = k->rows->row[i].demand;
	for (int p = 0; p < k->space->gpu.count; p++)
		if (k->kept_row[p] != GT_UNKNOWN) {
			int row = covers + k->kept_row[p];

			bound[row] = k->wanted[p];
			coeff[(size_t)row * cols + k->cols + k->kept_row[p]] = 1;
			cost[k->cols + k->kept_row[p]] = 1;
		}
	for (int i = 0; i < k->kinds; i++) {
		const struct kind *kind = &k->kind[i];

		for (int c = kind->col; c < kind->col + kind->cols; c++) {
			if (i > 0)
				coeff[(size_t)(kinds + i) * cols + c] = -1;
			coeff[(size_t)(kinds + k->kinds) * cols + c] = -1;
		}
		if (i > 0)
			bound[kinds + i] = -kind->count;
	}
	bound[kinds + k->kinds] = -gpus;
}

/* Better k->x if possible; false: not proven to be the best. */
static bool solve_program(struct keeper *k, int gpus)
{
	const int rows = k->width + k->kinds, cols = k->cols + k->kept_rows;
	int *coeff, *bound, *cost;
	bool proven = false;

	if (k->kept_rows == 0)
		return true;
	if ((int64_t)rows * cols > CELLS)
		return false;
	coeff = calloc((size_t)rows * (size_t)cols, sizeof(*coeff));
	bound = calloc((size_t)rows, sizeof(*bound));
	cost = calloc((size_t)cols, sizeof(*cost));
	if (coeff && bound && cost) {
		struct gt_ilp ilp = {rows, cols, coeff, bound, cost};

		fill_program(k, gpus, coeff, bound, cost);
		proven = gt_ilp_solve(&ilp, k->x, true, STEPS) == GT_ILP_OPTIMAL;
	}
	free(coeff);
	free(bound);
	free(cost);
	return proven;
}

/* ---- GPUs with their sets ---- */

static int compare_slots(const void *a, const void *b)
{
	const struct gt_mig_slots *x = a, *y = b;

	return x->gpu < y->gpu ? -1 : x->gpu > y->gpu;
}

/* The i-th GPU of a kind; kind 0 goes on behind the fleet. */
static int gpu_of_kind(const struct keeper *k, const struct kind *kind, int i)
{
	return i < kind->count ? k->held[kind->first + i].gpu : k->gpus + i - kind->count;
}

/* Rather than a GPU behind the fleet take one of the fleet that was to be left empty. */
static bool stay_in_fleet(const struct keeper *k, struct gt_mig_layout *layout)
{
	bool *taken = calloc((size_t)k->gpus, sizeof(*taken));
	int next = 0, behind = 0;

	if (!taken)
		return false;
	for (int i = 0; i < layout->count; i++)
		if (layout->gpu[i].gpu < k->gpus)
			taken[layout->gpu[i].gpu] = true;
	for (int i = 0; i < layout->count; i++) {
		struct gt_mig_slots *s = &layout->gpu[i];

		if (s->gpu < k->gpus)
			continue;
		while (next < k->gpus && taken[next])
			next++;
		s->gpu = next < k->gpus ? next++ : k->gpus + behind++;
	}
	free(taken);
	return true;
}

static enum gt_err write_layout(const struct keeper *k, struct gt_mig_layout *layout,
				const struct gt_mig_demand *demand, int gpus,
				struct gt_error *err)
{
	int kept[GT_MIG_PROFILES] = {0};

	layout->gpu = calloc((size_t)gpus, sizeof(*layout->gpu));
	if (!layout->gpu)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < k->kinds; i++)
		for (int c = k->kind[i].col, n = 0; c < k->kind[i].col + k->kind[i].cols;
		     c++)
			for (int j = 0; j < k->x[c]; j++) {
				struct gt_mig_slots *s = &layout->gpu[layout->count++];

				s->gpu = gpu_of_kind(k, &k->kind[i], n++);
				s->state = k->set[c];
				memcpy(s->profile, k->kind[i].profile, GT_MIG_UNITS);
			}
	if (!stay_in_fleet(k, layout))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	qsort(layout->gpu, (size_t)layout->count, sizeof(*layout->gpu), compare_slots);
	for (int i = 0; i < layout->count; i++)
		for (int u = 0; u < GT_MIG_UNITS; u++) {
			struct gt_mig_slots *s = &layout->gpu[i];
			int p = s->profile[u];

			s->profile[u] = GT_UNKNOWN;
			if (p == GT_UNKNOWN || kept[p] == demand->count[p] ||
			    k->space->heads[s->state][u] != k->space->shape_of[p] + 1)
				continue;
			s->profile[u] = (int8_t)p;
			kept[p]++;
		}
	return GT_OK;
}

enum gt_err gt_mig_layout_keep(struct gt_mig_layout *layout,
			       const struct gt_mig_space *space,
			       const struct gt_mig_rows *rows,
			       const struct gt_mig_sets *sets, const int *use,
			       const struct gt_mig_demand *demand,
			       const struct gt_mig_fleet *now, struct gt_mig_plan *plan,
			       struct gt_error *err)
{
	struct keeper k = {.space = space, .rows = rows, .sets = sets};
	enum gt_err code = collect_held(&k, demand, now, err);
	int *left = NULL;

	if (!code) {
		make_kinds(&k);
		code = make_columns(&k, err);
	}
	if (!code) {
		left = malloc((size_t)k.kinds * sizeof(*left));
		code = left ? GT_OK : gt_fail(err, GT_ENOMEM, "out of memory");
	}
	if (!code) {
		choose_greedily(&k, use, left);
		set_recreated(&k);
		plan->exact &= solve_program(&k, plan->gpus);
		code = write_layout(&k, layout, demand, plan->gpus, err);
	}
	free(left);
	free(k.held);
	free(k.kind);
	free(k.figure);
	free(k.set);
	free(k.x);
	return code;
}
