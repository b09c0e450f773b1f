/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does it help level 3 to know when running jobs end? One node, a stream of jobs, the rule
 * with and without time limits on the same jobs, by how much limits tell. Prints the mean
 * difference of (bandwidth got / best of that size) with its 95 % interval over seeds. */
#include "config.h"

#include "gputopo.h"

#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS 8
#define SECONDS 3600.0		/* one mean run time */

enum limits { EXACT, LOOSE, SAME_SHORT, SAME_LONG, NOISE, LIMITS };

static const char *const limits_text[LIMITS] = {
	[EXACT] = "limit = run time",	 [LOOSE] = "1 to 4 times that",
	[SAME_SHORT] = "6 means for all", [SAME_LONG] = "24 means for all",
	[NOISE] = "unrelated",
};

struct mix_row {
	const char *name;
	double share[GPUS + 1];
};

static const struct mix_row mixes[] = {
	{"1-5", {0, .2, .2, .2, .2, .2}},
	{"1/2/4/8", {0, .25, .25, 0, .25, 0, 0, 0, .25}},
	{"1-8", {0, .125, .125, .125, .125, .125, .125, .125, .125}},
	{"1/2/4", {0, 1 / 3., 1 / 3., 0, 1 / 3.}},
	{"975:47:321:543", {0, 975 / 1886., 47 / 1886., 0, 321 / 1886., 0, 0, 0, 543 / 1886.}},
};

struct world {
	struct gt_table *table;
	const struct mix_row *mix;
	enum limits limits;
	double load;
	bool queue, heavy_tail;
	int jobs;
	double got[1 << GPUS];	/* of each set over the best of its size; < 0: not asked */
};

struct job {
	uint32_t gpus;
	double started, end, limit;
};

struct node_now {
	struct job job[GPUS];
	int count;
	uint32_t busy;
};

/* ---- chance (xorshift64*) ---------------------------------------------------------------- */

static double uniform(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((*state * UINT64_C(2685821657736338717)) >> 11) * 0x1p-53;
}

static double exponential(uint64_t *state)
{
	return -log(1 - uniform(state));
}

/* Mean 1, sigma 1.5 of the logarithm. */
static double lognormal(uint64_t *state)
{
	double radius = sqrt(2 * exponential(state));

	return exp(1.5 * radius * cos(2 * M_PI * uniform(state)) - 1.125);
}

static int draw_size(const struct mix_row *mix, uint64_t *state)
{
	double u = uniform(state);
	int k = 1;

	while (k < GPUS && u > mix->share[k])
		u -= mix->share[k++];
	return k;
}

/* The limit of a job; a limit cuts a longer job short. */
static double draw_limit(enum limits limits, double *run, uint64_t *state)
{
	double u = uniform(state), limit;

	switch (limits) {
	case EXACT:
		return *run;
	case LOOSE:
		return *run * (1 + 3 * u);
	case NOISE:
		limit = 48 * u;
		return limit > *run ? limit : *run;
	default:
		limit = limits == SAME_SHORT ? 6 : 24;
		*run = *run < limit ? *run : limit;
		return limit;
	}
}

/* ---- one node ------------------------------------------------------------------------------ */

static void end_jobs(struct node_now *node, double now, struct gt_limit_memory *memory)
{
	for (int j = 0; j < node->count;) {
		struct job *job = &node->job[j];

		if (job->end > now) {
			j++;
			continue;
		}
		gt_limit_memory_add(memory, job->limit * SECONDS,
				    (job->end - job->started) * SECONDS);
		node->busy &= ~job->gpus;
		*job = node->job[--node->count];
	}
}

static double next_end(const struct node_now *node)
{
	double next = HUGE_VAL;

	for (int j = 0; j < node->count; j++)
		next = node->job[j].end < next ? node->job[j].end : next;
	return next;
}

static uint32_t choose(struct world *w, const struct node_now *node, int k, double now,
		       bool use_limits)
{
	struct gt_running running[GPUS] = {0};
	struct gt_request request = {.count = k, .running = running};
	struct gt_choice choice;

	for (int j = 0; j < node->count; j++) {
		double left = node->job[j].started + node->job[j].limit - now;

		running[j].gpus.word[0] = node->job[j].gpus;
		running[j].seconds =
			use_limits ? (int)(fmax(left, 0) * SECONDS) : GT_UNKNOWN;
	}
	request.running_count = node->count;
	request.free.word[0] = ~node->busy & ((1u << GPUS) - 1);
	if (gt_select(w->table, &request, &choice))
		errx(1, "no set of %d", k);
	return (uint32_t)choice.gpus.word[0];
}

static double ratio_of(struct world *w, uint32_t set, int k)
{
	struct gt_mask mask = {.word = {set}};
	struct gt_score score;
	int mbps;

	if (w->got[set] < 0) {
		gt_score_set(gt_table_node(w->table), &mask, &score);
		mbps = score.rings ? score.rings * score.link_mbps : score.path_mbps;
		w->got[set] = (double)mbps / gt_ideal_busbw_mbps(w->table, k);
	}
	return w->got[set];
}

/* Mean ratio over the jobs of two GPUs or more that started. Without a queue a job that
 * does not fit is lost; with one it waits, and all behind it. */
static double stream(struct world *w, bool with_limits, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	struct gt_limit_memory memory = {0};
	struct node_now node = {0};
	double now = 0, mean = 0, sum = 0;
	long counted = 0;

	for (int k = 1; k <= GPUS; k++)
		mean += k * w->mix->share[k];
	for (int i = 0; i < w->jobs; i++) {
		int k = draw_size(w->mix, &state);
		double wait = exponential(&state) * mean / (w->load * GPUS);
		double run = w->heavy_tail ? lognormal(&state) : exponential(&state);
		double limit = draw_limit(w->limits, &run, &state);
		uint32_t set;

		now += wait;
		end_jobs(&node, now, &memory);
		while (w->queue && GPUS - __builtin_popcount(node.busy) < k) {
			now = next_end(&node);
			end_jobs(&node, now, &memory);
		}
		if (GPUS - __builtin_popcount(node.busy) < k)
			continue;
		set = choose(w, &node, k, now,
			     with_limits && gt_limit_memory_tells(&memory));
		node.job[node.count++] = (struct job){set, now, now + run, limit};
		node.busy |= set;
		if (k > 1) {
			sum += ratio_of(w, set, k);
			counted++;
		}
	}
	return sum / (double)counted;
}

/* ---- the comparison ---------------------------------------------------------------------------- */

struct tally {
	int wins, losses, ties;
	double sum;
};

static void compare(struct world *w, const char *machine, int seeds, struct tally *tally)
{
	double sum = 0, squares = 0, base = 0, half;

	for (int s = 1; s <= seeds; s++) {
		double without = stream(w, false, (uint64_t)s);
		double gain = stream(w, true, (uint64_t)s) - without;

		base += without;
		sum += gain;
		squares += gain * gain;
	}
	sum /= seeds;
	half = 1.96 * sqrt(fmax(squares / seeds - sum * sum, 0) / (seeds - 1));
	printf("%s,%s,%s,%s,%s,%.1f,%.4f,%+.5f,%.5f\n", machine, w->mix->name,
	       limits_text[w->limits], w->queue ? "queue" : "loss",
	       w->heavy_tail ? "lognormal" : "exponential", w->load, base / seeds, sum, half);
	tally->wins += sum > half;
	tally->losses += sum < -half;
	tally->ties += fabs(sum) <= half;
	tally->sum += sum;
}

static void compare_all(const char *machine, enum limits limits, int seeds, int jobs)
{
	static const double loads[] = {.4, .8, 1.6};
	struct tally tally = {0};
	struct gt_error error;
	struct gt_node *node;

	if (gt_node_load(&node, machine, NULL, &error))
		errx(1, "%s: %s", machine, error.text);
	for (size_t m = 0; m < sizeof(mixes) / sizeof(*mixes); m++) {
		struct world w = {.mix = &mixes[m], .limits = limits, .jobs = jobs};
		struct gt_mix mix = {0};

		for (int k = 1; k <= GPUS; k++)
			mix.weight[k] = (uint32_t)(w.mix->share[k] * 100000 + .5);
		if (gt_table_new(&w.table, node, &mix, &error))
			errx(1, "%s", error.text);
		for (int s = 0; s < 1 << GPUS; s++)
			w.got[s] = -1;
		for (int kind = 0; kind < 4; kind++)
			for (int l = 0; l < (kind & 1 ? 2 : 3); l++) {
				w.queue = kind & 1;
				w.heavy_tail = kind & 2;
				w.load = loads[l];
				compare(&w, machine, seeds, &tally);
			}
		gt_table_free(w.table);
	}
	gt_node_free(node);
	printf("# %s, %s: better in %d, worse in %d, equal in %d cells, mean %+.5f\n", machine,
	       limits_text[limits], tally.wins, tally.losses, tally.ties,
	       tally.sum / (tally.wins + tally.losses + tally.ties));
}

int main(int argc, char **argv)
{
	static const char *const machines[] = {"builtin:dgx1v", "builtin:a100-pcie-pairs"};
	int seeds = argc > 1 ? atoi(argv[1]) : 20, jobs = argc > 2 ? atoi(argv[2]) : 8000;

	if (seeds < 2 || jobs < 1)
		errx(2, "usage: %s [SEEDS [JOBS]]", argv[0]);
	puts("machine,mix,limits,mode,run_times,load,ratio_without,gain,interval95");
	for (size_t m = 0; m < 2; m++)
		for (int limits = 0; limits < LIMITS; limits++)
			compare_all(machines[m], (enum limits)limits, seeds, jobs);
	return 0;
}
