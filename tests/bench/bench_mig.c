/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast instances are placed: nanoseconds for each GPU that gt_mig_place looks at, and
 * for one placement among 10,000 GPUs, at 10, 50 and 90 % load, for every policy; and the
 * time of a plan of 10,000 instances. Fails where a limit is missed.
 */
#include "config.h"

#include "core/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PLACES	     200 /* placements of one measurement */
#define LIMIT_GPU_NS 200.0
#define LIMIT_MS     2.0 /* one placement among 10,000 GPUs */
#define LIMIT_PLAN_S 1.0

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Random instances until a share of all units is in use. */
static void fill(struct gt_mig_fleet *fleet, const struct gt_mig_gpu *gpu, double load,
		 uint64_t *random)
{
	int gpus = gt_mig_fleet_size(fleet), goal = (int)(load * gpus * gpu->units);

	for (int used = 0, tries = 0; used < goal && tries < 1000 * gpus; tries++) {
		struct gt_mig_instance i = {(int)(draw(random) % (uint64_t)gpus),
					    (int)(draw(random) % (uint64_t)gpu->count),
					    (int)(draw(random) % (uint64_t)gpu->units)};

		if (gt_mig_add(fleet, &i, NULL) == GT_OK)
			used += gpu->profile[i.profile].size;
	}
}

/* Seconds of one gt_mig_place, over all profiles. */
static double measure(const struct gt_mig_fleet *fleet, const struct gt_mig_gpu *gpu,
		      enum gt_mig_policy policy)
{
	struct gt_mig_instance place;
	double start = seconds();
	int found = 0;

	for (int i = 0; i < PLACES; i++)
		found += gt_mig_place(fleet, i % gpu->count, policy, NULL, &place);
	/* Keep the compiler from dropping the loop. */
	if (found < 0)
		abort();
	return (seconds() - start) / PLACES;
}

static int bench_place(const struct gt_mig_space *space, int gpus, double load,
		       uint64_t *random)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(space);
	struct gt_mig_fleet *fleet;
	int missed = 0;

	if (gt_mig_fleet_new(&fleet, space, gpus, NULL))
		abort();
	fill(fleet, gpu, load, random);
	for (int p = 0; p < GT_MIG_POLICIES; p++) {
		double took = measure(fleet, gpu, (enum gt_mig_policy)p);
		bool late = took / gpus * 1e9 > LIMIT_GPU_NS ||
			    (gpus == 10000 && took * 1e3 > LIMIT_MS);

		printf("%-10s %6d GPUs, load %.1f: %7.2f ns a GPU, %8.2f us a place%s\n",
		       gt_mig_policy_name((enum gt_mig_policy)p), gpus, load,
		       took / gpus * 1e9, took * 1e6, late ? "  TOO SLOW" : "");
		missed += late;
	}
	gt_mig_fleet_free(fleet);
	return missed;
}

static int bench_plan(const struct gt_mig_space *space, uint64_t *random)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(space);
	struct gt_mig_demand demand = {0};
	struct gt_mig_plan plan;
	double took = seconds();
	bool missed;

	for (int i = 0; i < 10000; i++)
		demand.count[draw(random) % (uint64_t)gpu->count]++;
	if (gt_mig_plan_make(&plan, space, &demand, NULL, NULL))
		abort();
	took = seconds() - took;
	printf("plan of 10,000 instances: %d GPUs%s, %.2f ms\n", plan.gpus,
	       plan.exact ? ", proven" : " NOT PROVEN", took * 1e3);
	missed = took > LIMIT_PLAN_S || !plan.exact;
	gt_mig_plan_release(&plan);
	return missed;
}

int main(void)
{
	static const int sizes[] = {8, 1000, 10000};
	static const double loads[] = {0.1, 0.5, 0.9};
	const struct gt_mig_gpu *gpu;
	struct gt_mig_space *space;
	uint64_t random = 1;
	double start = seconds();
	int missed = 0;

	if (gt_mig_gpu_find(&gpu, "A100-80GB", NULL) ||
	    gt_mig_space_new(&space, gpu, NULL, NULL))
		abort();
	printf("space of %s: %.2f ms\n", gpu->name, (seconds() - start) * 1e3);
	for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++)
		for (size_t l = 0; l < sizeof(loads) / sizeof(*loads); l++)
			missed += bench_place(space, sizes[n], loads[l], &random);
	missed += bench_plan(space, &random);
	gt_mig_space_free(space);
	if (missed)
		printf("%d limits missed\n", missed);
	return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
