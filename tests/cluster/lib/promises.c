/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * promises: do jobs with --gpu-topo=ring or --gpu-min-busbw get what was promised?
 *
 *   promises fragments KIND TRIALS SEED
 *   promises stream    KIND TRIALS SEED
 *   promises eight     KIND TRIALS SEED
 *   promises best      KIND GPUS 0
 *
 * Trial i has node ni of that KIND (8 GPUs) and partition qi to itself; all trials go on
 * at once. fragments: GPUs of each node are given away until what is left cannot meet a
 * random wish; the job must wait, while one GPU after the other is freed in random order,
 * until the oracle finds a set that meets it, and must then start on such a set. stream:
 * all GPUs run a stream of lower-priority 1-GPU jobs with time limits, most of which end
 * before; the job's first forecast and its start are compared, and the GPU-seconds
 * counted that were idle on its node while it waited. eight: the same stream, for a plain
 * 8-GPU job (the measure, with stock Slurm). best: the most GB/s of so many of its GPUs.
 * Exit status 1: a promise was broken.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "kind.h"

#define GPUS	       8
#define MAX_TRIALS     400
#define LOOK_SECONDS   3  /* a job that waits must still wait after that */
#define START_SECONDS  30 /* a job whose wish can be met must have started by then */
#define QUEUED	       5  /* jobs of a stream that wait at any time */
#define STREAM_SECONDS 900

struct trial {
	char node[16], partition[16];
	int k, min_gbps; /* the wish; 0: a ring */
	uint32_t free;
	uint32_t holder[GPUS]; /* fragments: the one-GPU job on each GPU */
	uint32_t job;	       /* with the wish */
	int freed;	       /* GPUs given back before it started */
	bool running, done;
	/* stream */
	unsigned submitted, queued;
	time_t begin; /* when the job is submitted */
	time_t asked, forecast, start;
	int busy;
	double idle; /* GPU-seconds */
};

struct bench {
	struct oracle_value value[1 << GPUS]; /* of every set */
	struct trial trial[MAX_TRIALS];
	int trials;
	uint64_t seed;
	int failures;
};

static struct bench bench;

__attribute__((format(printf, 2, 3))) static void fail(const struct trial *t,
						       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("FAILED: %s, k %d, wish %d GB/s: ", t->node, t->k, t->min_gbps);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	bench.failures++;
}

static bool is_met(const struct trial *t, uint32_t set)
{
	if (!t->min_gbps)
		return bench.value[set].rings > 0;
	return bench.value[set].busbw_mbps >= t->min_gbps * 1000;
}

static bool can_be_met(const struct trial *t, uint32_t free)
{
	for (uint32_t set = free; set; set = (set - 1) & free)
		if (oracle_size(set) == t->k && is_met(t, set))
			return true;
	return false;
}

static void nap(double seconds)
{
	struct timespec t = {(time_t)seconds,
			     (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&t, NULL);
}

/* The trial of a job of ours: partition "q12". */
static struct trial *trial_of(const slurm_job_info_t *job)
{
	int i = job->partition && job->partition[0] == 'q' ? atoi(job->partition + 1)
							   : -1;

	return i >= 0 && i < bench.trials ? &bench.trial[i] : NULL;
}

static job_info_msg_t *jobs_load(void)
{
	job_info_msg_t *info;

	if (slurm_load_jobs(0, &info, SHOW_ALL | SHOW_DETAIL))
		errx(1, "no list of jobs: %s", slurm_strerror(errno));
	return info;
}

/* Submit to the trial's partition. gpus_env may be NULL: no wish. */
static uint32_t submit(const struct trial *t, const char *name, int gpus, int minutes,
		       uint32_t priority, const char *wish)
{
	resource_allocation_response_msg_t *answer = NULL;
	char tres[32], *env[1] = {(char *)wish};
	job_desc_msg_t desc;
	uint32_t id;

	ask_init(&desc, name);
	ask_tres(tres, sizeof(tres), gpus);
	desc.tres_per_node = tres;
	desc.min_nodes = desc.max_nodes = 1;
	desc.partition = (char *)t->partition;
	desc.time_limit = (uint32_t)minutes;
	desc.priority = priority;
	if (wish) {
		desc.spank_job_env = env;
		desc.spank_job_env_size = 1;
	}
	if (slurm_allocate_resources(&desc, &answer) || !answer)
		errx(1, "%s: %s is refused: %s", t->node, name, slurm_strerror(errno));
	id = GP_JOB_ID(answer);
	slurm_free_resource_allocation_response_msg(answer);
	return id;
}

static void submit_wish(struct trial *t)
{
	char wish[64];

	if (t->min_gbps)
		snprintf(wish, sizeof(wish), "GPUTOPO_MIN_BUSBW=%d", t->min_gbps);
	else
		snprintf(wish, sizeof(wish), "GPUTOPO_TOPO=ring");
	t->asked = time(NULL);
	t->job = submit(t, "wish", t->k, 60, 100000, t->k == GPUS ? NULL : wish);
}

/* The most bandwidth of k GPUs. */
static int most_mbps(int k)
{
	int most = 0;

	for (unsigned set = 1; set < 1u << GPUS; set++)
		if (oracle_size(set) == k && bench.value[set].busbw_mbps > most)
			most = bench.value[set].busbw_mbps;
	return most;
}

/* A random wish that the idle node can meet. */
static void draw_wish(struct trial *t)
{
	t->k = 2 + (int)(ask_random(&bench.seed) % 3);
	t->min_gbps = 0;
	if (ask_random(&bench.seed) % 2)
		t->min_gbps = (KIND_LINK_MBPS / 1000) *
			      (1 + (int)(ask_random(&bench.seed) %
					 (uint64_t)(most_mbps(t->k) / KIND_LINK_MBPS)));
}

static void trials_name(void)
{
	for (int i = 0; i < bench.trials; i++) {
		snprintf(bench.trial[i].node, sizeof(bench.trial[i].node), "n%d", i);
		snprintf(bench.trial[i].partition, sizeof(bench.trial[i].partition),
			 "q%d", i);
	}
}

/* ---- fragments ----------------------------------------------------------------------
 */

/* The GPUs that no job has, and whether nothing is ending, by slurmctld's nodes. */
static bool nodes_agree(void)
{
	node_info_msg_t *info;
	bool all = true;

	if (slurm_load_node(0, &info, SHOW_ALL | SHOW_DETAIL))
		errx(1, "no list of nodes: %s", slurm_strerror(errno));
	for (uint32_t i = 0; i < info->record_count; i++) {
		const node_info_t *node = &info->node_array[i];
		int n = node->name ? atoi(node->name + 1) : MAX_TRIALS;

		if (n < bench.trials && !bench.trial[n].done)
			all &= ask_mask_from_gres(node->gres_used) ==
				       (0xffu & ~bench.trial[n].free) &&
			       !(node->node_state & NODE_STATE_COMPLETING);
	}
	slurm_free_node_info_msg(info);
	return all;
}

static void wait_nodes(void)
{
	for (int i = 0; !nodes_agree(); i++) {
		if (i == 300)
			errx(1, "nodes do not come to rest");
		nap(0.2);
	}
}

/* Every GPU of every node gets a job of its own; then those of a set that cannot meet the
 * wish are ended. */
static void fragments_make(void)
{
	job_info_msg_t *info;

	for (int i = 0; i < bench.trials; i++) {
		struct trial *t = &bench.trial[i];

		do {
			draw_wish(t);
			t->free = (uint32_t)(ask_random(&bench.seed) & 0xff);
		} while (oracle_size(t->free) < t->k || can_be_met(t, t->free));
		for (int g = 0; g < GPUS; g++)
			submit(t, "holder", 1, 1000, 1000, NULL);
	}
	nap(5);
	info = jobs_load();
	for (uint32_t i = 0; i < info->record_count; i++) {
		const slurm_job_info_t *job = &info->job_array[i];
		struct trial *t = trial_of(job);
		uint32_t gpu = ask_job_gpus(job);

		if (!t || oracle_size(gpu) != 1)
			errx(1, "job %u holds GPUs %#x", job->job_id, gpu);
		t->holder[__builtin_ctz(gpu)] = job->job_id;
		if (gpu & t->free)
			ask_job_end(job->job_id);
	}
	slurm_free_job_info_msg(info);
	wait_nodes();
}

/* Note which jobs run, and on what. */
static void fragments_look(void)
{
	job_info_msg_t *info = jobs_load();

	for (uint32_t i = 0; i < info->record_count; i++) {
		const slurm_job_info_t *job = &info->job_array[i];
		struct trial *t = trial_of(job);
		uint32_t gpus;
		char text[64];

		if (!t || t->done || job->job_id != t->job ||
		    !ask_job_is(job, JOB_RUNNING))
			continue;
		t->done = true;
		gpus = ask_job_gpus(job);
		ask_mask_text(gpus, text, sizeof(text));
		if (oracle_size(gpus) != t->k || gpus & ~t->free || !is_met(t, gpus))
			fail(t, "runs on %s, free %#x", text, t->free);
		if (t->freed == 0)
			fail(t, "did not wait, free %#x", t->free);
	}
	slurm_free_job_info_msg(info);
}

static int unmet_promises(void)
{
	int count = 0;

	for (int i = 0; i < bench.trials; i++)
		count += !bench.trial[i].done &&
			 can_be_met(&bench.trial[i], bench.trial[i].free);
	return count;
}

/* All jobs that can start have started, or it took too long. */
static void fragments_settle(double *longest)
{
	struct timespec from, now;
	double took;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		nap(0.3);
		fragments_look();
		clock_gettime(CLOCK_MONOTONIC, &now);
		took = (double)(now.tv_sec - from.tv_sec) +
		       (double)(now.tv_nsec - from.tv_nsec) / 1e9;
		if (unmet_promises() && took > *longest)
			*longest = took;
	} while (took < LOOK_SECONDS || (unmet_promises() && took < START_SECONDS));
	for (int i = 0; i < bench.trials; i++) {
		struct trial *t = &bench.trial[i];

		if (t->done || !can_be_met(t, t->free))
			continue;
		fail(t, "still waits %d s after GPUs %#x were free", START_SECONDS,
		     t->free);
		t->done = true;
	}
}

static void free_one(struct trial *t)
{
	int g;

	do {
		g = (int)(ask_random(&bench.seed) % GPUS);
	} while (t->free >> g & 1);
	ask_job_end(t->holder[g]);
	t->free |= 1u << g;
	t->freed++;
}

static void fragments(void)
{
	int rounds = 0, freed = 0, open = 1;
	double longest = 0;

	fragments_make();
	for (int i = 0; i < bench.trials; i++)
		submit_wish(&bench.trial[i]);
	fragments_settle(&longest);
	for (; open; rounds++) {
		open = 0;
		for (int i = 0; i < bench.trials; i++)
			if (!bench.trial[i].done) {
				free_one(&bench.trial[i]);
				open++;
			}
		if (open)
			fragments_settle(&longest);
	}
	for (int i = 0; i < bench.trials; i++)
		freed += bench.trial[i].freed;
	printf("%d trials: all waited, started when a set was free that meets the wish "
	       "(after %.1f freed GPUs on the average, at most %.1f s later), on such a "
	       "set; %d failures\n",
	       bench.trials, (double)freed / bench.trials, longest, bench.failures);
}

/* ---- stream -------------------------------------------------------------------------
 */

/* Limit in minutes and length in seconds of job number n of a trial's stream. */
static void stream_job(int trial, unsigned n, int *minutes, int *seconds)
{
	uint64_t seed = ((uint64_t)trial << 32 | n) * 7919 + 17;

	*minutes = 2 + (int)(ask_random(&seed) % 4);
	*seconds = (int)((0.3 + (double)(ask_random(&seed) % 60) / 100) * 60 * *minutes);
}

static void stream_feed(struct trial *t)
{
	for (; t->queued < QUEUED; t->queued++) {
		int minutes, seconds;
		char name[32];

		stream_job((int)(t - bench.trial), t->submitted, &minutes, &seconds);
		snprintf(name, sizeof(name), "s%u", t->submitted++);
		submit(t, name, 1, minutes, 1000, NULL);
	}
}

/* One job of a stream: count it, and end it when its time has come. */
static void stream_look(struct trial *t, const slurm_job_info_t *job, time_t now)
{
	int minutes, seconds;

	if (ask_job_is(job, JOB_PENDING))
		t->queued++;
	if (!ask_job_is(job, JOB_RUNNING))
		return;
	t->busy++;
	stream_job((int)(t - bench.trial), (unsigned)atoi(job->name + 1), &minutes,
		   &seconds);
	if (now >= job->start_time + seconds)
		ask_job_end(job->job_id);
}

static void wish_look(struct trial *t, const slurm_job_info_t *job)
{
	uint32_t gpus = ask_job_gpus(job);

	if (ask_job_is(job, JOB_PENDING) && !t->forecast && job->start_time > t->asked)
		t->forecast = job->start_time;
	if (!ask_job_is(job, JOB_RUNNING))
		return;
	t->running = true;
	t->start = job->start_time;
	if (t->k < GPUS && !is_met(t, gpus))
		fail(t, "runs on %#x", gpus);
	if (t->forecast && t->start > t->forecast)
		fail(t, "started %ld s after its first forecast",
		     (long)(t->start - t->forecast));
	else if (!t->forecast && t->start > t->asked + 30)
		fail(t, "waited %ld s without a forecast", (long)(t->start - t->asked));
}

static void stream_scan(time_t now)
{
	job_info_msg_t *info = jobs_load();

	for (int i = 0; i < bench.trials; i++)
		bench.trial[i].queued = 0, bench.trial[i].busy = 0;
	for (uint32_t i = 0; i < info->record_count; i++) {
		const slurm_job_info_t *job = &info->job_array[i];
		struct trial *t = trial_of(job);

		if (!t || t->running)
			continue;
		if (job->job_id == t->job)
			wish_look(t, job);
		else
			stream_look(t, job, now);
	}
	slurm_free_job_info_msg(info);
}

/* One step of a trial that is not over. passed: seconds since the last one. */
static void stream_step(struct trial *t, time_t now, double passed)
{
	if (!t->begin && t->busy == GPUS)
		t->begin = now + 20 + (time_t)(ask_random(&bench.seed) % 60);
	if (t->job)
		t->idle += (GPUS - t->busy) * passed;
	else if (t->begin && now >= t->begin)
		submit_wish(t);
	stream_feed(t);
}

static void stream_report(bool eight)
{
	double idle = 0, waited = 0, early = 0;
	int told = 0;

	for (int i = 0; i < bench.trials; i++) {
		const struct trial *t = &bench.trial[i];

		idle += t->idle / bench.trials;
		waited += (double)(t->start - t->asked) / bench.trials;
		if (!t->forecast)
			continue;
		told++;
		early += (double)(t->forecast - t->start);
	}
	printf("%s: %d trials, waited %.0f s, %.1f idle GPU-seconds a trial; %d had a "
	       "forecast and started %.0f s before it on the average; %d failures\n",
	       eight ? "8 GPUs" : "wishes", bench.trials, waited, idle, told,
	       told ? early / told : 0, bench.failures);
}

static void stream(bool eight)
{
	struct timespec last, at;
	time_t end = time(NULL) + STREAM_SECONDS;
	int open = bench.trials;

	for (int i = 0; i < bench.trials; i++) {
		draw_wish(&bench.trial[i]);
		if (eight)
			bench.trial[i].k = GPUS;
	}
	clock_gettime(CLOCK_MONOTONIC, &last);
	while (open && time(NULL) < end) {
		double passed;

		stream_scan(time(NULL));
		clock_gettime(CLOCK_MONOTONIC, &at);
		passed = (double)(at.tv_sec - last.tv_sec) +
			 (double)(at.tv_nsec - last.tv_nsec) / 1e9;
		last = at;
		open = 0;
		for (int i = 0; i < bench.trials; i++)
			if (!bench.trial[i].running) {
				stream_step(&bench.trial[i], time(NULL), passed);
				open++;
			}
		nap(0.5);
	}
	for (int i = 0; i < bench.trials; i++)
		if (!bench.trial[i].running)
			fail(&bench.trial[i], "never started");
	stream_report(eight);
}

int main(int argc, char **argv)
{
	struct oracle_graph graph;

	if (argc != 5 || (bench.trials = atoi(argv[3])) < 1 ||
	    bench.trials > MAX_TRIALS) {
		fprintf(stderr,
			"usage: promises fragments|stream|eight|best KIND TRIALS SEED\n");
		return 2;
	}
	kind_read(&graph, argv[2]);
	for (unsigned set = 1; set < 1u << GPUS; set++)
		oracle_value(&graph, set, &bench.value[set]);
	bench.seed = strtoull(argv[4], NULL, 0);
	if (strcmp(argv[1], "best") == 0) {
		printf("%.10g\n", most_mbps(bench.trials) / 1000.0);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	slurm_init(NULL);
	trials_name();
	if (strcmp(argv[1], "fragments") == 0)
		fragments();
	else
		stream(strcmp(argv[1], "eight") == 0);
	return bench.failures > 0;
}
