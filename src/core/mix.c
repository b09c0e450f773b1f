/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often jobs of each size are expected. */
#include "config.h"

#include "core/library.h"

/* Safe on every node type that was tried, where uniform weights can do worse than none
 * (an exact solution of the placement process on DGX-1V). */
struct gt_mix gt_mix_default(void)
{
	struct gt_mix mix = {0};

	mix.weight[1] = 40;
	mix.weight[2] = 20;
	mix.weight[4] = 20;
	mix.weight[8] = 20;
	return mix;
}
