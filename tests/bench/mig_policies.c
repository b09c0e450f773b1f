/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each placement policy is worth: share of the offered memory slices that is
 * accepted, 16 GPUs, load 0.9, requests that find no place are lost; the same requests
 * for every policy, 20 seeds, paired differences to best fit with 95 % intervals; what a
 * missing or a wrong mix costs; then the gap to the exact online optimum on one and two
 * GPUs
 * (--full: also two GPUs with all profiles, some minutes). Fails if the policies that
 * look at the mix are worse than best fit by more than noise.
 */
#include "config.h"

#include "core/library.h"
#include "mig_optimum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS  16
#define LOAD  0.9
#define SEEDS 20
#define JOBS  20000
#define WARM  2000
#define T_95  2.093 /* Student's t, 19 degrees of freedom, two-sided 95 % */

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
	return ((double)(draw(state) >> 11) + 0.5) / 9007199254740992.0;
}

struct job {
	double at;
	double stay;
	int profile;
};

struct running {
	double end;
	int gpu, start;
};

/* A Poisson stream of the mix that offers LOAD of the fleet's units. */
static void make_jobs(struct job *jobs, const struct gt_mig_gpu *gpu,
		      const struct gt_mig_mix *mix, uint64_t seed)
{
	double total = 0, mean = 0, now = 0;

	for (int p = 0; p < gpu->count; p++) {
		total += mix->weight[p];
		mean += (double)mix->weight[p] * gpu->profile[p].size;
	}
	mean /= total;
	for (int j = 0; j < JOBS; j++) {
		double x = uniform(&seed) * total;
		int p = 0;

		for (; p + 1 < gpu->count && x >= mix->weight[p]; p++)
			x -= mix->weight[p];
		now -= log(uniform(&seed)) * mean / (LOAD * GPUS * gpu->units);
		jobs[j] = (struct job){now, -log(uniform(&seed)), p};
	}
}

/* Return the share of offered units that was accepted after the warm-up. */
static double run(const struct gt_mig_space *space, const struct job *jobs,
		  enum gt_mig_policy policy)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(space);
	static struct running running[GPUS * GT_MIG_UNITS];
	double offered = 0, accepted = 0;
	struct gt_mig_fleet *fleet;
	int n = 0;

	if (gt_mig_fleet_new(&fleet, space, GPUS, NULL))
		abort();
	for (int j = 0; j < JOBS; j++) {
		struct gt_mig_instance place;
		int size = gpu->profile[jobs[j].profile].size;

		for (int i = 0; i < n; i++)
			if (running[i].end <= jobs[j].at) {
				if (gt_mig_remove(fleet, running[i].gpu, running[i].start,
						  NULL, NULL))
					abort();
				running[i--] = running[--n];
			}
		offered += j < WARM ? 0 : size;
		if (!gt_mig_place(fleet, jobs[j].profile, policy, NULL, &place))
			continue;
		if (gt_mig_add(fleet, &place, NULL))
			abort();
		accepted += j < WARM ? 0 : size;
		running[n++] = (struct running){jobs[j].at + jobs[j].stay, place.gpu,
						place.start};
	}
	gt_mig_fleet_free(fleet);
	return accepted / offered;
}

static const struct {
	const char *name;
	const char *mix;
} mixes[] = {
	{"uniform", "1g.10gb:1,1g.20gb:1,2g.20gb:1,3g.40gb:1,4g.40gb:1,7g.80gb:1"},
	{"small-skewed", "1g.10gb:8,1g.20gb:4,2g.20gb:4,3g.40gb:2,4g.40gb:1,7g.80gb:1"},
	{"uniform, five", "1g.10gb:1,2g.20gb:1,3g.40gb:1,4g.40gb:1,7g.80gb:1"},
	{"small, five", "1g.10gb:8,2g.20gb:4,3g.40gb:2,4g.40gb:1,7g.80gb:1"},
	{"tiny", "1g.10gb:10,2g.20gb:1,3g.40gb:1,4g.40gb:1"},
};

/* What the policies are told; "" is the truth, NULL nothing. */
static const struct {
	const char *name;
	const char *mix;
} beliefs[] = {
	{"known", ""},
	{"none", NULL},
	{"wrong: all 1g", "1g.10gb:1"},
	{"wrong: all 7g", "7g.80gb:1"},
	{"wrong: all 2g", "2g.20gb:1"},
	{"wrong: 3g and 4g", "3g.40gb:1,4g.40gb:1"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct gt_mig_mix mix_of(const struct gt_mig_gpu *gpu, const char *text)
{
	struct gt_mig_mix mix;

	if (gt_mig_mix_parse(&mix, gpu, text, NULL))
		abort();
	return mix;
}

static struct gt_mig_space *space_of(const struct gt_mig_gpu *gpu,
				     const struct gt_mig_mix *mix)
{
	struct gt_mig_space *space;

	if (gt_mig_space_new(&space, gpu, mix, NULL))
		abort();
	return space;
}

/* ---- 16 GPUs ---- */

/* Print a policy against best fit; true if it is worse than noise. */
static bool print_row(const char *mix, const char *belief, enum gt_mig_policy policy,
		      const double *got, const double *pack)
{
	double mean = 0, sum = 0, squares = 0, half;

	for (int s = 0; s < SEEDS; s++) {
		double d = got[s] - pack[s];

		mean += got[s] / SEEDS;
		sum += d;
		squares += d * d;
	}
	half = T_95 * sqrt((squares - sum * sum / SEEDS) / (SEEDS - 1) / SEEDS);
	printf("%-14s %-17s %-10s %6.2f %%  %+7.2f +- %.2f\n", mix, belief,
	       gt_mig_policy_name(policy), 100 * mean, 100 * sum / SEEDS, 100 * half);
	return sum / SEEDS + half < 0;
}

static int compare(const struct gt_mig_gpu *gpu)
{
	static struct job jobs[SEEDS][JOBS];
	double got[SEEDS], pack[SEEDS];
	int worse = 0;

	printf("%d GPUs %s, load %.1f, loss mode, %d seeds of %d requests, the first %d "
	       "as "
	       "warm-up.\nAccepted share of the offered memory slices, and the "
	       "difference "
	       "to best fit in points\nwith its 95 %% interval (paired).\n\n",
	       GPUS, gpu->name, LOAD, SEEDS, JOBS, WARM);
	printf("%-14s %-17s %-10s accepted  to pack\n", "mix", "policy's belief",
	       "policy");
	for (size_t m = 0; m < COUNT(mixes); m++) {
		struct gt_mig_mix mix = mix_of(gpu, mixes[m].mix);

		for (size_t b = 0; b < COUNT(beliefs); b++) {
			struct gt_mig_mix told = mix;
			struct gt_mig_space *space;

			if (beliefs[b].mix && *beliefs[b].mix)
				told = mix_of(gpu, beliefs[b].mix);
			space = space_of(gpu, beliefs[b].mix ? &told : NULL);
			for (int s = 0; b == 0 && s < SEEDS; s++) {
				make_jobs(jobs[s], gpu, &mix, 1000u + (uint64_t)s);
				pack[s] = run(space, jobs[s], GT_MIG_PACK);
			}
			/* Only two policies look at the mix. */
			for (int p = 0; p < (b ? 2 : GT_MIG_POLICIES); p++) {
				for (int s = 0; s < SEEDS; s++)
					got[s] = run(space, jobs[s],
						     (enum gt_mig_policy)p);
				worse += print_row(mixes[m].name, beliefs[b].name,
						   (enum gt_mig_policy)p, got, pack) &&
					 (p == GT_MIG_LOOKAHEAD || p == GT_MIG_FRAG);
			}
			gt_mig_space_free(space);
		}
	}
	return worse;
}

/* ---- one and two GPUs ---- */

static void print_gap(const char *name, double share, double best)
{
	printf("  %-22s %8.4f %%  %+8.4f\n", name, 100 * share, 100 * (share - best));
}

static void gap(const struct gt_mig_gpu *gpu, const char *name, const char *text,
		int gpus)
{
	struct gt_mig_mix mix = mix_of(gpu, text);
	struct gt_mig_space *space = space_of(gpu, &mix);
	struct mig_optimum *m = mig_optimum_new(space, gpus, &mix, LOAD);
	double best = mig_optimum_share(m, MIG_RULE_BEST, 0);

	printf("%d GPU%s, %s: %ld states\n", gpus, gpus > 1 ? "s" : "", name,
	       mig_optimum_states(m));
	print_gap("optimum, may refuse", best, best);
	print_gap("optimum, never refuses", mig_optimum_share(m, MIG_RULE_BEST_GREEDY, 0),
		  best);
	for (int p = 0; p < GT_MIG_POLICIES; p++)
		print_gap(gt_mig_policy_name((enum gt_mig_policy)p),
			  mig_optimum_share(m, MIG_RULE_POLICY, (enum gt_mig_policy)p),
			  best);
	mig_optimum_free(m);
	gt_mig_space_free(space);
}

/* The table without the double-memory 1g: two GPUs then have 88,804 states, not 522,729.
 */
static struct gt_mig_gpu five_profiles(const struct gt_mig_gpu *gpu)
{
	struct gt_mig_gpu five = *gpu;

	five.count = 0;
	for (int p = 0; p < gpu->count; p++)
		if (gpu->profile[p].compute > 1 || gpu->profile[p].size == 1)
			five.profile[five.count++] = gpu->profile[p];
	five.apart[0] = five.apart[1] = GT_UNKNOWN;
	return five;
}

int main(int argc, char **argv)
{
	bool full = argc > 1 && !strcmp(argv[1], "--full");
	const struct gt_mig_gpu *gpu;
	struct gt_mig_gpu five;
	int worse;

	if (gt_mig_gpu_find(&gpu, "A100-80GB", NULL))
		abort();
	worse = compare(gpu);
	five = five_profiles(gpu);
	printf("\nThe gap to the exact online optimum, load %.1f: accepted share of "
	       "memory "
	       "slices, points.\n",
	       LOAD);
	for (int m = 0; m < 2; m++)
		gap(gpu, mixes[m].name, mixes[m].mix, 1);
	for (int m = 2; m < 4; m++)
		gap(&five, mixes[m].name, mixes[m].mix, 1);
	for (int m = 2; m < 4; m++)
		gap(&five, mixes[m].name, mixes[m].mix, 2);
	for (int m = 0; m < 2 && full; m++)
		gap(gpu, mixes[m].name, mixes[m].mix, 2);
	if (worse)
		printf("\n%d rows of lookahead or frag are worse than best fit\n", worse);
	return worse ? EXIT_FAILURE : EXIT_SUCCESS;
}
