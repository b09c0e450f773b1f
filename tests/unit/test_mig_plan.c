/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans against brute force. */
#include "config.h"

#include "mig_plans.h"
#include "unit.h"

#include <string.h>
#include <time.h>

#define SMALL_DEMANDS 600
#define LAYOUTS	      400

/* Cells of the oracle's memory that a demand needs. */
static long size_of_demand(const struct gt_mig_demand *d, int profiles)
{
	long cells = 1;

	for (int p = 0; p < profiles && cells < 1000000; p++)
		cells *= d->count[p] + 1;
	return cells;
}

/* ---- against brute force ---- */

START_TEST(small_plans_are_the_fewest_gpus)
{
	uint64_t seed = seed_of_the_day(), random = seed;
	int limited = 0;

	for (int done = 0; done < SMALL_DEMANDS;) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(om_random(&random, 13));
		struct om_table t = om_table_of(gpu);
		struct gt_mig_space *space;
		struct gt_mig_demand d;
		struct gt_mig_plan plan;
		int kept, want;

		random_demand(&d, gpu, &random, 2);
		if (size_of_demand(&d, gpu->count) > 1500)
			continue;
		done++;
		for (int p = 0; p < gpu->count; p++)
			limited += d.count[p] > 1 && gpu->profile[p].max == 1 &&
				   gpu->profile[p].size < gpu->units / 2;
		space = space_of(gpu);
		want = om_plan(&t, d.count, NULL, &kept);
		ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, NULL, NULL), GT_OK);
		ck_assert_msg(plan.gpus == want && plan.exact,
			      "seed %llu: %s: %d GPUs (exact %d), not %d",
			      (unsigned long long)seed, gpu->name, plan.gpus, plan.exact,
			      want);
		check_layout(gpu, &plan, &d);
		gt_mig_plan_release(&plan);
		gt_mig_space_free(space);
	}
	printf("# seed %llu: %d demands, %d of limited profiles\n",
	       (unsigned long long)seed, SMALL_DEMANDS, limited);
	ck_assert_int_gt(limited, SMALL_DEMANDS / 20);
}
END_TEST

/* Instances that are there and stay, counted here again. */
static int count_kept(const struct gt_mig_plan *plan, const struct om_fleet *now)
{
	int n = 0;

	for (int i = 0; i < plan->count; i++)
		n += plan->instances[i].gpu < now->gpus &&
		     now->holds[plan->instances[i].gpu][plan->instances[i].start] ==
			     plan->instances[i].profile;
	return n;
}

START_TEST(plans_from_a_layout_keep_the_most_instances)
{
	uint64_t seed = seed_of_the_day() + 1, random = seed;
	int inexact = 0, moved = 0;

	for (int done = 0; done < LAYOUTS;) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(om_random(&random, 13));
		struct om_table t = om_table_of(gpu);
		int gpus = 1 + om_random(&random, 3), kept, want, held = 0;
		struct gt_mig_space *space;
		struct gt_mig_fleet *fleet;
		struct gt_mig_demand d;
		struct gt_mig_plan plan;
		struct om_fleet now;

		random_demand(&d, gpu, &random, 2);
		if (size_of_demand(&d, gpu->count) > 500)
			continue;
		done++;
		space = space_of(gpu);
		ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, gpus, NULL), GT_OK);
		om_fleet_init(&now, &t, gpus);
		for (int i = 0; i < 30; i++) {
			struct gt_mig_instance x = {om_random(&random, gpus),
						    om_random(&random, gpu->count),
						    om_random(&random, gpu->units)};

			if (d.count[x.profile] == 0 && om_random(&random, 4))
				continue;
			if (gt_mig_add(fleet, &x, NULL) == GT_OK)
				now.holds[x.gpu][x.start] = x.profile;
		}
		for (int p = 0; p < gpu->count; p++) {
			int n = 0;

			for (int g = 0; g < gpus; g++)
				for (int u = 0; u < OM_UNITS; u++)
					n += now.holds[g][u] == p;
			held += n < d.count[p] ? n : d.count[p];
		}
		want = om_plan(&t, d.count, &now, &kept);
		ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, fleet, NULL), GT_OK);
		check_layout(gpu, &plan, &d);
		ck_assert_int_eq(plan.gpus, want);
		ck_assert_int_eq(plan.kept, count_kept(&plan, &now));
		ck_assert_int_eq(plan.kept + plan.recreated, held);
		ck_assert_int_eq(plan.count, held + plan.created);
		ck_assert_msg(plan.exact ? plan.kept == kept : plan.kept <= kept,
			      "seed %llu, row %d: %s: %d kept (exact %d), not %d",
			      (unsigned long long)seed, done, gpu->name, plan.kept,
			      plan.exact, kept);
		if (plan.gpus <= gpus)
			ck_assert_int_lt(plan.instances[plan.count - 1].gpu, gpus);
		inexact += !plan.exact;
		moved += plan.recreated > 0;
		gt_mig_plan_release(&plan);
		gt_mig_fleet_free(fleet);
		gt_mig_space_free(space);
	}
	printf("# seed %llu: %d layouts, %d have to move something, %d not proven\n",
	       (unsigned long long)seed, LAYOUTS, moved, inexact);
	ck_assert_int_lt(inexact, LAYOUTS / 20);
	ck_assert_int_gt(moved, LAYOUTS / 20);
}
END_TEST

/* ---- large ones ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

START_TEST(ten_thousand_instances_take_less_than_a_second)
{
	uint64_t seed = seed_of_the_day() + 3, random = seed;
	double worst = 0;

	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);
		struct gt_mig_space *space = space_of(gpu);
		struct gt_mig_demand d = {0};
		struct gt_mig_plan plan;
		double took = seconds();

		for (int n = 0; n < 10000; n++)
			d.count[om_random(&random, gpu->count)]++;
		ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, NULL, NULL), GT_OK);
		took = seconds() - took;
		ck_assert(plan.exact);
		check_layout(gpu, &plan, &d);
		ck_assert_msg(took < 1, "%s: %.2f s", gpu->name, took);
		worst = took > worst ? took : worst;
		gt_mig_plan_release(&plan);
		gt_mig_space_free(space);
	}
	printf("# seed %llu: 13 demands of 10,000 instances, at most %.1f ms\n",
	       (unsigned long long)seed, worst * 1000);
}
END_TEST

START_TEST(a_large_layout_is_a_plan_of_itself)
{
	const struct gt_mig_gpu *gpu = gt_mig_gpu_at(2);
	struct gt_mig_space *space = space_of(gpu);
	uint64_t random = seed_of_the_day() + 4;
	struct gt_mig_demand d = {0};
	struct gt_mig_fleet *fleet;
	struct gt_mig_plan first, second;

	for (int n = 0; n < 2000; n++)
		d.count[om_random(&random, gpu->count)]++;
	ck_assert_int_eq(gt_mig_plan_make(&first, space, &d, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, first.gpus, NULL), GT_OK);
	for (int i = 0; i < first.count; i++)
		ck_assert_int_eq(gt_mig_add(fleet, &first.instances[i], NULL), GT_OK);
	ck_assert_int_eq(gt_mig_plan_make(&second, space, &d, fleet, NULL), GT_OK);
	ck_assert_int_eq(second.gpus, first.gpus);
	ck_assert_int_eq(second.kept, 2000);
	ck_assert_int_eq(second.recreated + second.created, 0);
	gt_mig_plan_release(&first);
	gt_mig_plan_release(&second);
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
}
END_TEST

/* What stays was counted as nothing where one of the plain instances that fill a GPU had
 * to make room for the one with media engines. */
START_TEST(an_instance_makes_room_for_a_limited_one)
{
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(0));
	struct gt_mig_demand d = {.count = {6, 2}};
	struct gt_mig_fleet *fleet;
	struct gt_mig_plan plan;

	ck_assert_str_eq(gt_mig_gpu_at(0)->profile[1].name, "1g.6gb+me");
	ck_assert_int_eq(gt_mig_fleet_new(&fleet, space, 2, NULL), GT_OK);
	ck_assert_int_eq(gt_mig_fleet_parse(fleet,
					    "0:1g.6gb@0,0:1g.6gb@1,0:1g.6gb@2,0:1g.6gb@3,"
					    "1:1g.6gb@0,1:1g.6gb@1",
					    NULL),
			 GT_OK);
	ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, fleet, NULL), GT_OK);
	check_layout(gt_mig_gpu_at(0), &plan, &d);
	ck_assert_int_eq(plan.gpus, 2);
	ck_assert_int_eq(plan.kept, 5);
	ck_assert_int_eq(plan.recreated, 1);
	ck_assert_int_eq(plan.created, 2);
	gt_mig_plan_release(&plan);
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
}
END_TEST

START_TEST(an_empty_demand_needs_nothing)
{
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(0));
	struct gt_mig_demand d = {0};
	struct gt_mig_plan plan;

	ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, NULL, NULL), GT_OK);
	ck_assert_int_eq(plan.gpus, 0);
	ck_assert_int_eq(plan.count, 0);
	ck_assert(plan.exact);
	gt_mig_plan_release(&plan);
	gt_mig_plan_release(NULL);
	gt_mig_space_free(space);
}
END_TEST

SUITE(mig_plan)
{
	static const struct unit_test tests[] = {
		UNIT(small_plans_are_the_fewest_gpus),
		UNIT(plans_from_a_layout_keep_the_most_instances),
		UNIT(ten_thousand_instances_take_less_than_a_second),
		UNIT(a_large_layout_is_a_plan_of_itself),
		UNIT(an_instance_makes_room_for_a_limited_one),
		UNIT(an_empty_demand_needs_nothing),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
