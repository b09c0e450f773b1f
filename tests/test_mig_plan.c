/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans against brute force and against glpsol. */
#include "config.h"

#include "mig_tables.h"
#include "unit.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define SMALL_DEMANDS  600
#define LAYOUTS	       400
#define GLPSOL_DEMANDS 1000

static uint64_t seed_of_the_day(void)
{
	const char *given = getenv("GPUTOPO_TEST_SEED");

	return given ? strtoull(given, NULL, 0) : 20261121;
}

static struct gt_mig_space *space_of(const struct gt_mig_gpu *gpu)
{
	struct gt_mig_space *space;

	ck_assert_int_eq(gt_mig_space_new(&space, gpu, NULL, NULL), GT_OK);
	return space;
}

/* The plan is legal, holds the demand exactly, and counts its GPUs right. */
static void check_layout(const struct gt_mig_gpu *gpu, const struct gt_mig_plan *plan,
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

static void random_demand(struct gt_mig_demand *d, const struct gt_mig_gpu *gpu,
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

/* ---- against glpsol ---- */

static bool have_glpsol(void)
{
	return system("glpsol --version >/dev/null 2>&1") == 0;
}

/* The fewest of all vectors of one GPU that cover the demand, as a CPLEX LP file. */
static void write_program(const char *path, const struct om_table *t, const int *vectors,
			  int count, const struct gt_mig_demand *d)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs("Minimize\n gpus:", f);
	for (int v = 0; v < count; v++)
		fprintf(f, " + x%d\n", v);
	fputs("Subject To\n", f);
	for (int p = 0; p < t->profiles; p++) {
		if (d->count[p] == 0)
			continue;
		fprintf(f, " p%d:", p);
		for (int v = 0; v < count; v++)
			if (vectors[v * t->profiles + p])
				fprintf(f, " + %d x%d\n", vectors[v * t->profiles + p],
					v);
		fprintf(f, " >= %d\n", d->count[p]);
	}
	fputs("General\n", f);
	for (int v = 0; v < count; v++)
		fprintf(f, " x%d\n", v);
	fputs("End\n", f);
	ck_assert_int_eq(fclose(f), 0);
}

static int ask_glpsol(const char *program, const char *answer)
{
	char command[512], line[256];
	double objective = -1;
	bool optimal = false;
	FILE *f;

	snprintf(command, sizeof(command), "glpsol --lp %s -o %s >/dev/null 2>&1",
		 program, answer);
	ck_assert_int_eq(system(command), 0);
	f = fopen(answer, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		optimal |= strstr(line, "INTEGER OPTIMAL") != NULL;
		sscanf(line, "Objective: gpus = %lf", &objective);
	}
	fclose(f);
	ck_assert(optimal);
	return (int)(objective + 0.5);
}

static bool covers(const int *a, const int *b, int width)
{
	for (int p = 0; p < width; p++)
		if (a[p] < b[p])
			return false;
	return true;
}

/* Keep the vectors that no other one covers, moved to the front: glpsol then needs a
 * tenth of the time for the same optimum. All vectors differ. */
static int drop_covered(int *vectors, int count, int width)
{
	bool *covered = calloc((size_t)count, sizeof(*covered));
	int kept = 0;

	ck_assert_ptr_nonnull(covered);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < count && !covered[i]; j++)
			covered[i] = j != i && covers(vectors + j * width,
						      vectors + i * width, width);
	for (int i = 0; i < count; i++)
		if (!covered[i])
			memmove(vectors + kept++ * width, vectors + i * width,
				sizeof(int) * (size_t)width);
	free(covered);
	return kept;
}

START_TEST(a_thousand_plans_agree_with_glpsol)
{
	uint64_t seed = seed_of_the_day() + 2, random = seed;
	char program[] = "/tmp/gputopo-plan-XXXXXX", answer[64];
	int most = 0, fd;

	if (!have_glpsol()) {
		puts("# skipped: 1 test, as there is no glpsol");
		return;
	}
	fd = mkstemp(program);
	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(answer, sizeof(answer), "%s.answer", program);
	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);
		struct gt_mig_space *space = space_of(gpu);
		struct om_table t = om_table_of(gpu);
		int count, *vectors = om_vectors(&t, &count);

		count = drop_covered(vectors, count, t.profiles);
		for (int r = i; r < GLPSOL_DEMANDS;) {
			struct gt_mig_demand d;
			struct gt_mig_plan plan;

			random_demand(&d, gpu, &random, 1 + om_random(&random, 8));
			ck_assert_int_eq(gt_mig_plan_make(&plan, space, &d, NULL, NULL),
					 GT_OK);
			if (plan.gpus <= 16) {
				int want;

				write_program(program, &t, vectors, count, &d);
				want = ask_glpsol(program, answer);
				ck_assert_msg(plan.gpus == want && plan.exact,
					      "seed %llu, row %d: %s: %d, not %d",
					      (unsigned long long)seed, r, gpu->name,
					      plan.gpus, want);
				check_layout(gpu, &plan, &d);
				most = plan.gpus > most ? plan.gpus : most;
				r += 13;
			}
			gt_mig_plan_release(&plan);
		}
		free(vectors);
		gt_mig_space_free(space);
	}
	unlink(program);
	unlink(answer);
	printf("# seed %llu: %d demands, up to %d GPUs\n", (unsigned long long)seed,
	       GLPSOL_DEMANDS, most);
	ck_assert_int_eq(most, 16);
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

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT(small_plans_are_the_fewest_gpus),
		UNIT(plans_from_a_layout_keep_the_most_instances),
		UNIT(a_thousand_plans_agree_with_glpsol),
		UNIT(ten_thousand_instances_take_less_than_a_second),
		UNIT(a_large_layout_is_a_plan_of_itself),
		UNIT(an_empty_demand_needs_nothing),
		{0},
	};

	return unit_main("mig_plan", tests);
}
