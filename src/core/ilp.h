/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small integer programs, exactly: linear programs by the dual simplex method, and branch
 * and bound over them. */
#ifndef GT_ILP_H
#define GT_ILP_H

#include "core/library.h"

/* Minimize cost . x where, for every row, coeff[row] . x >= bound[row], with x >= 0 and
 * integer. Costs are integers >= 0. */
struct gt_ilp {
	int rows;
	int cols;
	const int *coeff; /* [row * cols + col] */
	const int *bound;
	const int *cost;
};

enum gt_ilp_result {
	GT_ILP_OPTIMAL,
	GT_ILP_BOUNDED, /* x is feasible; the steps ran out before the proof */
	GT_ILP_NONE,	/* no solution, or none found before the steps ran out */
	GT_ILP_NO_MEMORY,
};

/* Fill x[cols]. x may hold a feasible start (*has_start); it is kept where nothing better
 * is found. steps: how many multiplications to spend, a few hundred million a second. */
enum gt_ilp_result gt_ilp_solve(const struct gt_ilp *ilp, int *x, bool has_start,
				int64_t steps);

#endif
