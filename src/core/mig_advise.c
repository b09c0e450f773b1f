/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Right-sizing: the smallest profile that would have been enough. */
#include "config.h"

#include "core/library.h"

#include <math.h>
#include <string.h>

/* Whether a is the smaller one. */
static bool is_smaller(const struct gt_mig_profile *a, const struct gt_mig_profile *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	if (a->compute != b->compute)
		return a->compute < b->compute;
	return a->id < b->id;
}

int gt_mig_advise(const struct gt_mig_gpu *gpu, const struct gt_mig_usage *usage,
		  double headroom)
{
	const struct gt_mig_profile *own = &gpu->profile[usage->profile];
	/* 1e-9: 3 slices two thirds busy are 2, whatever the digits say. */
	double slices = ceil(own->compute * usage->busy - 1e-9);
	double memory = usage->mem_mib * headroom;
	int best = usage->profile;

	for (int p = 0; p < gpu->count; p++) {
		const struct gt_mig_profile *other = &gpu->profile[p];

		if (strcmp(gt_mig_profile_suffix(other), gt_mig_profile_suffix(own)) ||
		    other->compute < slices || gt_mig_profile_mem_mib(other) < memory ||
		    !is_smaller(other, &gpu->profile[best]))
			continue;
		best = p;
	}
	return best;
}
