/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is it worth to level 3 to know what Slurm knows: when running jobs end, and which
 * jobs wait? One node, a stream of jobs, the rule with and without on the same jobs.
 * Prints the mean difference of (bandwidth got / best of that size) with its 95 %
 * interval over seeds; where limits mean nothing, knowing must not cost anything. Limits
 * are in the library (gt_limit_memory); pending jobs are not, since they lose in some
 * cells. */
#include "config.h"

#include "core/library.h"

#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS	    8
#define SECONDS	    3600.0 /* one mean run time */
#define PENDING_MAX 8

/* What the rule is told, beyond which GPUs are free and who holds the others. */
enum known {
	LIMIT_EXACT,
	LIMIT_LOOSE,
	LIMIT_SHORT,
	LIMIT_LONG,
	LIMIT_NOISE,
	PENDING,
	KNOWN
};

static const char *const known_text[KNOWN] = {
	[LIMIT_EXACT] = "limits: the run times",
	[LIMIT_LOOSE] = "limits: 1 to 4 times that",
	[LIMIT_SHORT] = "limits: 6 means for all",
	[LIMIT_LONG] = "limits: 24 means for all",
	[LIMIT_NOISE] = "limits: unrelated",
	[PENDING] = "pending jobs",
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
	{"975:47:321:543",
	 {0, 975 / 1886., 47 / 1886., 0, 321 / 1886., 0, 0, 0, 543 / 1886.}},
};

struct arrival {
	double at, run, limit;
	int gpus;
};

struct world {
	struct gt_table *table;
	const struct mix_row *mix;
	struct gt_mix expected;
	enum known known;
	double load;
	bool queue, heavy_tail;
	struct arrival *jobs;
	int job_count;
	double got[1 << GPUS]; /* of each set over the best of its size; < 0: not asked */
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

/* ---- chance (xorshift64*)
 * ---------------------------------------------------------------- */

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
static double draw_limit(enum known known, double *run, uint64_t *state)
{
	double u = uniform(state), limit;

	switch (known) {
	case LIMIT_LOOSE:
		return *run * (1 + 3 * u);
	case LIMIT_NOISE:
		limit = 48 * u;
		return limit > *run ? limit : *run;
	case LIMIT_SHORT:
	case LIMIT_LONG:
		limit = known == LIMIT_SHORT ? 6 : 24;
		*run = *run < limit ? *run : limit;
		return limit;
	default:
		return *run;
	}
}

static void draw_jobs(struct world *w, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	double mean = 0, now = 0;

	for (int k = 1; k <= GPUS; k++)
		mean += k * w->mix->share[k];
	for (int i = 0; i < w->job_count; i++) {
		struct arrival *job = &w->jobs[i];

		now += exponential(&state) * mean / (w->load * GPUS);
		job->at = now;
		job->gpus = draw_size(w->mix, &state);
		job->run = w->heavy_tail ? lognormal(&state) : exponential(&state);
		job->limit = draw_limit(w->known, &job->run, &state);
	}
}

/* ---- one node
 * ------------------------------------------------------------------------------ */

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

/* The first that waits counts twice as much as all of the mix, each further one 0.7 of
 * the one before. */
static struct gt_mix mix_with_pending(const struct gt_mix *mix, const int *counts,
				      int jobs)
{
	const double scale = 100000;
	struct gt_mix out = {0};
	double total = 0, weight = 2 * scale;

	for (int k = 1; k <= GT_MIX_MAX; k++)
		total += mix->weight[k];
	for (int k = 1; k <= GT_MIX_MAX && total > 0; k++)
		out.weight[k] = (uint32_t)(mix->weight[k] / total * scale + .5);
	for (int j = 0; j < jobs; j++) {
		out.weight[counts[j]] += (uint32_t)weight;
		weight *= .7;
	}
	return out;
}

/* Weigh level 3 by what waits behind job i, as far as it has arrived. */
static void look_at_queue(struct world *w, int i, double now)
{
	int pending[PENDING_MAX], count = 0;
	struct gt_mix mix;

	for (i++; i < w->job_count && w->jobs[i].at <= now && count < PENDING_MAX; i++)
		pending[count++] = w->jobs[i].gpus;
	mix = mix_with_pending(&w->expected, pending, count);
	gt_table_set_mix(w->table, &mix);
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

static int free_gpus(const struct node_now *node)
{
	return GPUS - __builtin_popcount(node->busy);
}

/* Mean ratio over the jobs of two GPUs or more that started. Without a queue a job that
 * does not fit is lost; with one it waits, and all behind it. */
static double stream(struct world *w, bool know)
{
	struct gt_limit_memory memory = {0};
	struct node_now node = {0};
	double now = 0, sum = 0;
	long counted = 0;

	gt_table_set_mix(w->table, &w->expected);
	for (int i = 0; i < w->job_count; i++) {
		const struct arrival *job = &w->jobs[i];
		uint32_t set;

		now = job->at > now ? job->at : now;
		end_jobs(&node, now, &memory);
		while (w->queue && free_gpus(&node) < job->gpus) {
			now = next_end(&node);
			end_jobs(&node, now, &memory);
		}
		if (free_gpus(&node) < job->gpus)
			continue;
		if (know && w->known == PENDING)
			look_at_queue(w, i, now);
		set = choose(w, &node, job->gpus, now,
			     know && w->known != PENDING &&
				     gt_limit_memory_tells(&memory));
		node.job[node.count++] =
			(struct job){set, now, now + job->run, job->limit};
		node.busy |= set;
		if (job->gpus > 1) {
			sum += ratio_of(w, set, job->gpus);
			counted++;
		}
	}
	return sum / (double)counted;
}

/* ---- the comparison
 * ---------------------------------------------------------------------------- */

struct tally {
	int wins, losses, ties;
	double sum;
};

static void compare(struct world *w, const char *machine, int seeds, struct tally *tally)
{
	double sum = 0, squares = 0, base = 0, half;

	for (int s = 1; s <= seeds; s++) {
		double without, gain;

		draw_jobs(w, (uint64_t)s);
		without = stream(w, false);
		gain = stream(w, true) - without;
		base += without;
		sum += gain;
		squares += gain * gain;
	}
	sum /= seeds;
	half = 1.96 * sqrt(fmax(squares / seeds - sum * sum, 0) / (seeds - 1));
	printf("%s,%s,%s,%s,%s,%.1f,%.4f,%+.5f,%.5f\n", machine, w->mix->name,
	       known_text[w->known], w->queue ? "queue" : "loss",
	       w->heavy_tail ? "lognormal" : "exponential", w->load, base / seeds, sum,
	       half);
	tally->wins += sum > half;
	tally->losses += sum < -half;
	tally->ties += fabs(sum) <= half;
	tally->sum += sum;
}

/* Loss and queue, both kinds of run times, three loads; only a queue has pending jobs. */
static void compare_modes(struct world *w, const char *machine, int seeds,
			  struct tally *tally)
{
	static const double loads[2][3] = {{.4, .8, 1.6}, {.6, .8, 1.2}};

	for (int mode = 0; mode < 4; mode++) {
		w->queue = mode & 1;
		w->heavy_tail = mode & 2;
		if (w->known == PENDING && !w->queue)
			continue;
		for (int l = 0; l < 3; l++) {
			w->load = loads[w->queue][l];
			compare(w, machine, seeds, tally);
		}
	}
}

static void compare_all(const char *machine, enum known known, int seeds, int jobs)
{
	struct world w = {.known = known, .job_count = jobs};
	struct tally tally = {0};
	struct gt_error error;
	struct gt_node *node;

	if (gt_node_load(&node, machine, NULL, &error))
		errx(1, "%s: %s", machine, error.text);
	w.jobs = calloc((size_t)jobs, sizeof(*w.jobs));
	if (!w.jobs || gt_table_new(&w.table, node, NULL, &error))
		errx(1, "out of memory");
	for (int s = 0; s < 1 << GPUS; s++)
		w.got[s] = -1;
	for (size_t m = 0; m < sizeof(mixes) / sizeof(*mixes); m++) {
		w.mix = &mixes[m];
		for (int k = 1; k <= GPUS; k++)
			w.expected.weight[k] = (uint32_t)(w.mix->share[k] * 100000 + .5);
		compare_modes(&w, machine, seeds, &tally);
	}
	gt_table_free(w.table);
	gt_node_free(node);
	free(w.jobs);
	printf("# %s, %s: better in %d, worse in %d, equal in %d cells, mean %+.5f\n",
	       machine, known_text[known], tally.wins, tally.losses, tally.ties,
	       tally.sum / (tally.wins + tally.losses + tally.ties));
}

int main(int argc, char **argv)
{
	static const char *const machines[] = {"builtin:dgx1v",
					       "builtin:a100-pcie-pairs"};
	int seeds = argc > 1 ? atoi(argv[1]) : 20, jobs = argc > 2 ? atoi(argv[2]) : 4000;

	if (seeds < 2 || jobs < 1)
		errx(2, "usage: %s [SEEDS [JOBS]]", argv[0]);
	puts("machine,mix,known,mode,run_times,load,ratio_without,gain,interval95");
	for (size_t m = 0; m < 2; m++)
		for (int known = 0; known < KNOWN; known++)
			compare_all(machines[m], (enum known)known, seeds, jobs);
	return 0;
}
