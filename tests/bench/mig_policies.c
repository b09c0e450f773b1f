/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each placement policy is worth: share of the offered memory slices that is accepted,
 * 16 GPUs, load 0.9, requests that find no place are lost; the same requests for every
 * policy, 20 seeds, paired differences to best fit with 95 % intervals.
 */
#include "config.h"

#include "gputopo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS  16
#define LOAD  0.9
#define SEEDS 20
#define JOBS  20000
#define WARM  2000
#define T_95  2.093	/* Student's t, 19 degrees of freedom, two-sided 95 % */

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
	{"uniform-5", "1g.10gb:1,2g.20gb:1,3g.40gb:1,4g.40gb:1,7g.80gb:1"},
	{"small-5", "1g.10gb:8,2g.20gb:4,3g.40gb:2,4g.40gb:1,7g.80gb:1"},
	{"tiny", "1g.10gb:10,2g.20gb:1,3g.40gb:1,4g.40gb:1"},
};

static const struct {
	const char *name;
	const char *mix;	/* what the policies believe; NULL: no mix; "": the true one */
} beliefs[] = {
	{"known", ""},
	{"none", NULL},
	{"wrong: all 1g", "1g.10gb:1"},
	{"wrong: all 7g", "7g.80gb:1"},
	{"wrong: all 2g", "2g.20gb:1"},
	{"wrong: 3g,4g", "3g.40gb:1,4g.40gb:1"},
};

int main(void)
{
	static struct job jobs[SEEDS][JOBS];
	const struct gt_mig_gpu *gpu;
	double got[GT_MIG_POLICIES][SEEDS];

	if (gt_mig_gpu_find(&gpu, "A100-80GB", NULL))
		abort();
	for (size_t m = 0; m < sizeof(mixes) / sizeof(*mixes); m++) {
		struct gt_mig_mix mix;

		if (gt_mig_mix_parse(&mix, gpu, mixes[m].mix, NULL))
			abort();
		for (int s = 0; s < SEEDS; s++)
			make_jobs(jobs[s], gpu, &mix, 1000u + (uint64_t)s);
		for (size_t b = 0; b < sizeof(beliefs) / sizeof(*beliefs); b++) {
			struct gt_mig_mix belief = mix;
			struct gt_mig_space *space;

			if (beliefs[b].mix && *beliefs[b].mix &&
			    gt_mig_mix_parse(&belief, gpu, beliefs[b].mix, NULL))
				abort();
			if (gt_mig_space_new(&space, gpu, beliefs[b].mix ? &belief : NULL,
					     NULL))
				abort();
			for (int p = 0; p < GT_MIG_POLICIES; p++) {
				double mean = 0, sum = 0, square = 0;
				if (b > 0 && p > 2)
					break;
				if (b > 0 && p == GT_MIG_PACK)
					goto out;
				for (int s = 0; s < SEEDS; s++)
					got[p][s] = run(space, jobs[s], p);
				if (p == 0 && b == 0)
					for (int s = 0; s < SEEDS; s++)
						got[GT_MIG_PACK][s] = run(space, jobs[s], GT_MIG_PACK);
out:
				for (int s = 0; s < SEEDS; s++) {
					double d = got[p][s] - got[GT_MIG_PACK][s];

					mean += got[p][s] / SEEDS;
					sum += d;
					square += d * d;
				}
				double avg = sum / SEEDS;
				double sd = sqrt((square - sum * avg) / (SEEDS - 1));
				printf("%-13s %-14s %-10s %.2f %%  vs pack %+.3f +- %.3f\n",
				       mixes[m].name, beliefs[b].name,
				       gt_mig_policy_name((enum gt_mig_policy)p), 100 * mean,
				       100 * avg, 100 * T_95 * sd / sqrt(SEEDS));
			}
			gt_mig_space_free(space);
		}
	}
}
