/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mig_plans.h - what the tests of plans share. */
#ifndef MIG_PLANS_H
#define MIG_PLANS_H

#include "mig_tables.h"
#include "unit.h"

#include <stdlib.h>

static inline uint64_t seed_of_the_day(void)
{
	const char *given = getenv("GPUTOPO_TEST_SEED");

	return given ? strtoull(given, NULL, 0) : 20261121;
}

static inline struct gt_mig_space *space_of(const struct gt_mig_gpu *gpu)
{
	struct gt_mig_space *space;

	ck_assert_int_eq(gt_mig_space_new(&space, gpu, NULL, NULL), GT_OK);
	return space;
}

/* The plan is legal, holds the demand exactly, and counts its GPUs right. */
static inline void check_layout(const struct gt_mig_gpu *gpu,
				const struct gt_mig_plan *plan,
				const struct gt_mig_demand *demand)
{
	struct om_table t = om_table_of(gpu);
	int have[GT_MIG_PROFILES] = {0}, gpus = 0;
	struct om_fleet f;

	for (int i = 0; i < plan->count; i++) {
		const struct gt_mig_instance *now = &plan->instances[i];

		if (i == 0 || now->gpu != now[-1].gpu) {
			ck_assert(i == 0 || now->gpu > now[-1].gpu);
			om_fleet_init(&f, &t, 1);
			gpus++;
		}
		ck_assert_msg(om_legal(&f, 0, now->profile, now->start),
			      "%s: %s@%d on GPU %d is not legal", gpu->name,
			      gpu->profile[now->profile].name, now->start, now->gpu);
		f.holds[0][now->start] = now->profile;
		have[now->profile]++;
	}
	ck_assert_int_eq(plan->gpus, gpus);
	for (int p = 0; p < gpu->count; p++)
		ck_assert_int_eq(have[p], demand->count[p]);
}

static inline void random_demand(struct gt_mig_demand *d, const struct gt_mig_gpu *gpu,
				 uint64_t *random, int most)
{
	int total = 0;

	*d = (struct gt_mig_demand){0};
	while (total == 0)
		for (int p = 0; p < gpu->count; p++)
			if (om_random(random, 3) == 0) {
				int n = om_random(random,
						  most * 8 / gpu->profile[p].size *
								  gpu->units / 8 +
							  1);

				d->count[p] = n;
				total += n;
			}
}

#endif
