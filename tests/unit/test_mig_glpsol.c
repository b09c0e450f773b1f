/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans against an independent solver; skipped, and counted, where there is none. */
#include "config.h"

#include "mig_plans.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GLPSOL_DEMANDS 1000

static const char *no_glpsol(void)
{
	return system("glpsol --version >/dev/null 2>&1") == 0
		       ? NULL
		       : "glpsol is not here (glpk-utils)";
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

SUITE_UNLESS(mig_glpsol, no_glpsol())
{
	static const struct unit_test tests[] = {
		UNIT(a_thousand_plans_agree_with_glpsol),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
