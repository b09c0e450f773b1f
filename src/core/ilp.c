/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small integer programs, exactly. */
#include "config.h"

#include "core/ilp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ZERO	 1e-9 /* smaller figures of a tableau are rounding */
#define INTEGRAL 1e-6 /* nearer to an integer is one */
#define DEPTH	 400  /* bounds on one path of the search */
#define NUDGE	 1e-4 /* most that all nudges add to a cost */

/* A bound that a branch puts on one variable. */
struct branch {
	int col;
	bool upper; /* x <= value, else x >= value */
	int value;
};

struct search {
	const struct gt_ilp *ilp;
	struct branch path[DEPTH];
	int depth;
	int *best;
	int64_t best_cost; /* INT64_MAX: none */
	int64_t steps;
	double nudge; /* breaks ties between columns of equal cost */
	bool cut_short;
	bool no_memory;
};

/* ---- linear programs ---- */

/*
 * A dictionary: basic variables as functions of the non-basic ones,
 * basic[i] = a[i][0] + sum of a[i][j + 1] * nonbasic[j], row 0 the cost. Variables 0 to
 * cols - 1 are x (above their lower bounds), the others the rows' slacks. All costs are
 * >= 0, so the dual simplex can start at x = 0.
 */
struct tableau {
	int rows;
	int cols;
	double *a;     /* [(rows + 1) * (cols + 1)] */
	int *basic;    /* [rows] */
	int *nonbasic; /* [cols] */
	int *lower;    /* [cols] of x */
};

static double *row_of(const struct tableau *t, int row)
{
	return t->a + (size_t)row * (size_t)(t->cols + 1);
}

static void free_tableau(struct tableau *t)
{
	free(t->a);
	free(t->basic);
	free(t->nonbasic);
	free(t->lower);
}

static void fill_row(struct tableau *t, int row, const int *coeff, double bound)
{
	double *a = row_of(t, row + 1);

	a[0] = -bound;
	for (int j = 0; j < t->cols; j++) {
		a[j + 1] = coeff[j];
		a[0] += (double)coeff[j] * t->lower[j];
	}
	t->basic[row] = t->cols + row;
}

/* The program under the bounds of the path; false: out of memory. Every upper bound is a
 * row; lower bounds move the origin. */
static bool make_tableau(struct tableau *t, const struct search *s)
{
	const struct gt_ilp *ilp = s->ilp;
	size_t size;

	*t = (struct tableau){.rows = ilp->rows, .cols = ilp->cols};
	for (int i = 0; i < s->depth; i++)
		t->rows += s->path[i].upper;
	size = (size_t)(t->rows + 1) * (size_t)(t->cols + 1);
	t->a = calloc(size, sizeof(*t->a));
	t->basic = malloc((size_t)t->rows * sizeof(*t->basic) + 1);
	t->nonbasic = malloc((size_t)t->cols * sizeof(*t->nonbasic));
	t->lower = calloc((size_t)t->cols, sizeof(*t->lower));
	if (!t->a || !t->basic || !t->nonbasic || !t->lower)
		return false;
	for (int i = 0; i < s->depth; i++)
		if (!s->path[i].upper && t->lower[s->path[i].col] < s->path[i].value)
			t->lower[s->path[i].col] = s->path[i].value;
	for (int j = 0; j < t->cols; j++) {
		t->nonbasic[j] = j;
		t->a[j + 1] = ilp->cost[j] + s->nudge * (1 + j % 97) / 97;
		t->a[0] += (double)ilp->cost[j] * t->lower[j];
	}
	for (int i = 0; i < ilp->rows; i++)
		fill_row(t, i, ilp->coeff + (size_t)i * ilp->cols, ilp->bound[i]);
	for (int i = 0, row = ilp->rows; i < s->depth; i++) {
		const struct branch *b = &s->path[i];
		double *a = row_of(t, row + 1);

		if (!b->upper)
			continue;
		a[0] = b->value - t->lower[b->col];
		a[b->col + 1] = -1;
		t->basic[row] = t->cols + row;
		row++;
	}
	return true;
}

/* The row that is violated most, -1: none. */
static int leaving_row(const struct tableau *t)
{
	double worst = -INTEGRAL / 10;
	int row = -1;

	for (int i = 0; i < t->rows; i++)
		if (row_of(t, i + 1)[0] < worst) {
			worst = row_of(t, i + 1)[0];
			row = i;
		}
	return row;
}

/* The column that keeps all costs >= 0, -1: the row cannot be met. Of equals the largest
 * pivot, for the sake of precision. */
static int entering_col(const struct tableau *t, int row)
{
	const double *a = row_of(t, row + 1);
	double best = INFINITY;
	int col = -1;

	for (int j = 1; j <= t->cols; j++) {
		double ratio;

		if (a[j] <= ZERO)
			continue;
		ratio = t->a[j] / a[j];
		if (ratio < best - ZERO || (ratio <= best + ZERO && a[j] > a[col])) {
			best = ratio;
			col = j;
		}
	}
	return col;
}

static void pivot(struct tableau *t, int row, int col)
{
	double *p = row_of(t, row + 1), by = p[col];
	int swap = t->basic[row];

	t->basic[row] = t->nonbasic[col - 1];
	t->nonbasic[col - 1] = swap;
	p[col] = -1;
	for (int j = 0; j <= t->cols; j++)
		p[j] /= -by;
	for (int i = 0; i <= t->rows; i++) {
		double *a = row_of(t, i), factor = a[col];

		if (a == p || factor == 0)
			continue;
		a[col] = 0;
		for (int j = 0; j <= t->cols; j++)
			a[j] += factor * p[j];
	}
}

enum lp { LP_OPTIMAL, LP_INFEASIBLE, LP_CUT_SHORT };

static enum lp solve_lp(struct tableau *t, int64_t *steps)
{
	for (;;) {
		int row = leaving_row(t), col;

		if (row < 0)
			return LP_OPTIMAL;
		col = entering_col(t, row);
		if (col < 0)
			return LP_INFEASIBLE;
		*steps -= (int64_t)(t->rows + 1) * (t->cols + 1);
		if (*steps < 0)
			return LP_CUT_SHORT;
		pivot(t, row, col);
	}
}

/* ---- branch and bound ---- */

static int64_t cost_of(const struct gt_ilp *ilp, const int *x)
{
	int64_t cost = 0;

	for (int j = 0; j < ilp->cols; j++)
		cost += (int64_t)ilp->cost[j] * x[j];
	return cost;
}

static int64_t slack_of(const struct gt_ilp *ilp, int row, const int *x)
{
	const int *a = ilp->coeff + (size_t)row * ilp->cols;
	int64_t sum = -(int64_t)ilp->bound[row];

	for (int j = 0; j < ilp->cols; j++)
		sum += (int64_t)a[j] * x[j];
	return sum;
}

static bool is_feasible(const struct gt_ilp *ilp, const int *x)
{
	for (int i = 0; i < ilp->rows; i++)
		if (slack_of(ilp, i, x) < 0)
			return false;
	return true;
}

static void offer(struct search *s, const int *x)
{
	int64_t cost = cost_of(s->ilp, x);

	if (cost < s->best_cost && is_feasible(s->ilp, x)) {
		s->best_cost = cost;
		memcpy(s->best, x, (size_t)s->ilp->cols * sizeof(*x));
	}
}

/* Round up what is not integer, then take away what is not needed. */
static void offer_rounded(struct search *s, const double *value, int *x)
{
	const struct gt_ilp *ilp = s->ilp;

	for (int j = 0; j < ilp->cols; j++)
		x[j] = (int)ceil(value[j] - INTEGRAL);
	if (!is_feasible(ilp, x))
		return;
	for (int j = 0; j < ilp->cols; j++)
		while (x[j] > 0 && value[j] < x[j] - INTEGRAL) {
			x[j]--;
			if (!is_feasible(ilp, x)) {
				x[j]++;
				break;
			}
		}
	offer(s, x);
}

/* The variable that is farthest from an integer, -1: all are integers. */
static int most_fractional(const double *value, int cols)
{
	double worst = INTEGRAL;
	int col = -1;

	for (int j = 0; j < cols; j++) {
		double off = fabs(value[j] - floor(value[j] + 0.5));

		if (off > worst) {
			worst = off;
			col = j;
		}
	}
	return col;
}

static void read_values(const struct tableau *t, double *value)
{
	for (int j = 0; j < t->cols; j++)
		value[j] = t->lower[j];
	for (int i = 0; i < t->rows; i++)
		if (t->basic[i] < t->cols)
			value[t->basic[i]] += row_of(t, i + 1)[0];
}

static void explore(struct search *s);

static void descend(struct search *s, int col, double value)
{
	/* Up first: a covering is found that way. */
	for (int up = 1; up >= 0 && !s->no_memory; up--) {
		s->path[s->depth++] = (struct branch){
			.col = col, .upper = !up, .value = (int)floor(value) + up};
		explore(s);
		s->depth--;
	}
}

/* Solve the program of the path: fill value and say what integers must cost at least
 * (INT64_MAX: there are none, or it is not known). */
static int64_t bound_of(struct search *s, double *value)
{
	int64_t least = INT64_MAX;
	struct tableau t;

	if (!make_tableau(&t, s)) {
		s->no_memory = true;
	} else {
		enum lp lp = solve_lp(&t, &s->steps);

		if (lp == LP_CUT_SHORT)
			s->cut_short = true;
		if (lp == LP_OPTIMAL) {
			read_values(&t, value);
			least = (int64_t)ceil(t.a[0] - NUDGE - INTEGRAL);
		}
	}
	free_tableau(&t);
	return least;
}

static void explore(struct search *s)
{
	const int cols = s->ilp->cols;
	double *value = calloc((size_t)cols, sizeof(*value));
	int *x = calloc((size_t)cols, sizeof(*x)), col;
	int64_t least;

	if (!value || !x)
		s->no_memory = true;
	else if (s->steps < 0 || s->depth == DEPTH)
		s->cut_short = true;
	else if ((least = bound_of(s, value)) < s->best_cost) {
		offer_rounded(s, value, x);
		col = most_fractional(value, cols);
		if (least < s->best_cost && col >= 0)
			descend(s, col, value[col]);
	}
	free(x);
	free(value);
}

enum gt_ilp_result gt_ilp_solve(const struct gt_ilp *ilp, int *x, bool has_start,
				int64_t steps)
{
	struct search *s = calloc(1, sizeof(*s));
	int64_t bounds = 1;
	enum gt_ilp_result result;

	if (!s)
		return GT_ILP_NO_MEMORY;
	for (int i = 0; i < ilp->rows; i++)
		bounds += ilp->bound[i] > 0 ? ilp->bound[i] : 0;
	*s = (struct search){
		.ilp = ilp, .best = x, .best_cost = INT64_MAX, .steps = steps};
	s->nudge = NUDGE / (double)bounds;
	if (has_start)
		s->best_cost = cost_of(ilp, x);
	explore(s);
	result = s->best_cost == INT64_MAX ? GT_ILP_NONE
		 : s->cut_short		   ? GT_ILP_BOUNDED
					   : GT_ILP_OPTIMAL;
	if (s->no_memory)
		result = GT_ILP_NO_MEMORY;
	free(s);
	return result;
}
