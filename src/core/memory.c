/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a node type's past jobs tell about the next ones: their sizes, and whether time
 * limits mean anything. Both forget by halves. */
#include "config.h"

#include "core/library.h"

#include <math.h>
#include <string.h>

#define HALF_LIFE     500.0 /* jobs */
#define PRIOR_JOBS    20.0
#define WEIGHT_SCALE  1000.0
#define LIMITS_NEEDED 30.0 /* jobs before limits are believed */
#define LIMITS_AGREE  0.5  /* correlation of log limit and log run time */

/* What is assumed of a machine of which nothing is known; with these the learned weights
 * came within .0016 of the exact optimum over five mixes and three loads. */
static const double prior[GT_MIX_MAX + 1] = {
	[1] = 4, [2] = 4, [3] = 1, [4] = 4, [5] = .5, [6] = .5, [7] = .5, [8] = 1,
};

static double keep(void)
{
	return exp2(-1 / HALF_LIFE);
}

void gt_size_memory_init(struct gt_size_memory *memory)
{
	double sum = 0;

	for (int k = 1; k <= GT_MIX_MAX; k++)
		sum += prior[k];
	memory->seen[0] = 0;
	for (int k = 1; k <= GT_MIX_MAX; k++)
		memory->seen[k] = prior[k] / sum * PRIOR_JOBS;
}

void gt_size_memory_add(struct gt_size_memory *memory, int count)
{
	if (count < 1 || count > GT_MIX_MAX)
		return;
	for (int k = 1; k <= GT_MIX_MAX; k++)
		memory->seen[k] *= keep();
	memory->seen[count] += 1;
}

struct gt_mix gt_size_memory_mix(const struct gt_size_memory *memory)
{
	struct gt_mix mix = {0};

	for (int k = 1; k <= GT_MIX_MAX; k++)
		mix.weight[k] = (uint32_t)(memory->seen[k] * WEIGHT_SCALE + .5);
	return mix;
}

void gt_limit_memory_add(struct gt_limit_memory *memory, double limit_s, double ran_s)
{
	double x, y;

	if (!(limit_s >= 1) || !(ran_s >= 1))
		return;
	x = log(limit_s);
	y = log(ran_s);
	memory->jobs = memory->jobs * keep() + 1;
	memory->x = memory->x * keep() + x;
	memory->y = memory->y * keep() + y;
	memory->xx = memory->xx * keep() + x * x;
	memory->yy = memory->yy * keep() + y * y;
	memory->xy = memory->xy * keep() + x * y;
}

bool gt_limit_memory_tells(const struct gt_limit_memory *memory)
{
	double n = memory->jobs;
	double xx, yy, xy;

	if (n < LIMITS_NEEDED)
		return false;
	xx = memory->xx / n - memory->x / n * (memory->x / n);
	yy = memory->yy / n - memory->y / n * (memory->y / n);
	xy = memory->xy / n - memory->x / n * (memory->y / n);
	/* One limit for all tells nothing, and rounding must not make it look otherwise.
	 */
	return xx > 1e-6 && yy > 1e-6 && xy > LIMITS_AGREE * sqrt(xx * yy);
}
