/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler's shortcuts against a naive one that looks at everything at every event,
 * and what must hold in any replay. */
#include "sim/engine.h"
#include "sim/gen.h"
#include "sim/metrics.h"
#include "sim/queue.h"
#include "sim/rng.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define NODES 4
#define GPUS  8
#define JOBS  400

static struct sim_layout layout;

/* Four machines, each a cube of single links with double links inside the halves. */
static void make_layout(void)
{
	struct gt_error err;
	struct gt_node *node;
	int type;

	ck_assert_int_eq(gt_node_new(&node, GPUS, &err), GT_OK);
	for (int a = 0; a < GPUS; a++) {
		gt_node_edit_gpu(node, a)->socket = a / 4;
		snprintf(gt_node_edit_gpu(node, a)->model, 64, "V100");
		for (int b = 0; b < GPUS; b++)
			if (a != b)
				gt_node_set_links(node, a, b,
						  a / 4 == b / 4   ? 1 + (a + b) % 2
						  : a % 4 == b % 4 ? 1
								   : 0);
	}
	for (int a = 0; a < GPUS; a++)
		for (int b = 0; b < GPUS; b++)
			if (a != b)
				gt_node_set_path(node, a, b, GT_PATH_SYS);
	ck_assert_int_eq(gt_node_finish(node, &err), GT_OK);
	memset(&layout, 0, sizeof(layout));
	ck_assert_int_eq(sim_layout_add_type(&layout, node, 0, &type, &err), GT_OK);
	for (int i = 0; i < NODES; i++)
		ck_assert_int_eq(sim_layout_add_node(&layout, type, NULL, false, &err),
				 GT_OK);
}

static void random_trace(struct sim_trace *trace, uint64_t seed, double load,
			 double limit)
{
	struct sim_gen gen = {
		.kind = SIM_DURATION_EXP,
		.a = 100,
		.load = load,
		.gpus = NODES * GPUS,
		.jobs = JOBS,
		.limit = limit,
		.form = SIM_FORM_NODE,
		.seed = seed,
	};
	struct gt_error err;

	ck_assert_int_eq(gt_mix_parse(&gen.mix, "1:4,2:3,3:1,4:3,8:2", &err), GT_OK);
	ck_assert_int_eq(sim_gen_run(&gen, trace, &err), GT_OK);
}

/* ---- the naive scheduler
 * ------------------------------------------------------------------ */

struct naive {
	const struct sim_trace *trace;
	int64_t start[JOBS]; /* -1: not yet */
	int node[JOBS];
	bool ended[JOBS], arrived[JOBS];
};

static int naive_free(const struct naive *n, int node)
{
	int free = GPUS;

	for (int i = 0; i < JOBS; i++)
		if (n->start[i] >= 0 && !n->ended[i] && n->node[i] == node)
			free -= n->trace->jobs[i].gpus;
	return free;
}

/* Free GPUs of a node at a time, by the limits of what runs now. */
static int naive_free_at(const struct naive *n, int node, int64_t at)
{
	int free = GPUS;

	for (int i = 0; i < JOBS; i++)
		if (n->start[i] >= 0 && !n->ended[i] && n->node[i] == node &&
		    n->start[i] + n->trace->jobs[i].limit_ms > at)
			free -= n->trace->jobs[i].gpus;
	return free;
}

static bool naive_start(struct naive *n, int job, int64_t now, int avoid)
{
	for (int node = 0; node < NODES; node++)
		if (node != avoid && naive_free(n, node) >= n->trace->jobs[job].gpus) {
			n->start[job] = now;
			n->node[job] = node;
			return true;
		}
	return false;
}

static void naive_reserve(const struct naive *n, int head, int64_t now, int *node,
			  int64_t *at)
{
	*at = INT64_MAX;
	*node = -1;
	for (int i = -1; i < JOBS; i++) {
		int64_t when = i < 0 ? now : n->start[i] + n->trace->jobs[i].limit_ms;

		if (i >= 0 && (n->start[i] < 0 || n->ended[i]))
			continue;
		for (int m = 0; m < NODES; m++)
			if (naive_free_at(n, m, when) >= n->trace->jobs[head].gpus &&
			    (when < *at || (when == *at && m < *node))) {
				*at = when;
				*node = m;
			}
	}
}

static void naive_walk(struct naive *n, int64_t now, enum sim_sched sched, int64_t depth)
{
	int head = 0, node;
	int64_t at, seen = 1;

	for (; head < JOBS && n->arrived[head]; head++)
		if (n->start[head] < 0 && !naive_start(n, head, now, -1))
			break;
	if (head == JOBS || !n->arrived[head] || sched != SIM_SCHED_EASY)
		return;
	naive_reserve(n, head, now, &node, &at);
	for (int j = head + 1; j < JOBS && n->arrived[j]; j++) {
		const struct sim_job *job = &n->trace->jobs[j];
		int spare;

		if (n->start[j] >= 0)
			continue;
		if (depth && seen >= depth)
			return;
		spare = naive_free_at(n, node, at) - job->gpus;
		if (now + job->limit_ms <= at || spare >= n->trace->jobs[head].gpus)
			seen += !naive_start(n, j, now, -1);
		else
			seen += !naive_start(n, j, now, node);
	}
}

static void naive_run(struct naive *n, const struct sim_trace *trace,
		      enum sim_sched sched, int64_t depth)
{
	int next = 0;

	memset(n, 0, sizeof(*n));
	n->trace = trace;
	for (int i = 0; i < JOBS; i++)
		n->start[i] = -1;
	for (;;) {
		int64_t now = next < JOBS ? trace->jobs[next].submit_ms : INT64_MAX;
		bool ends = false;

		for (int i = 0; i < JOBS; i++)
			if (n->start[i] >= 0 && !n->ended[i] &&
			    n->start[i] + trace->jobs[i].duration_ms <= now) {
				now = n->start[i] + trace->jobs[i].duration_ms;
				ends = true;
			}
		if (!ends && next == JOBS)
			return;
		for (int i = 0; i < JOBS && ends; i++)
			if (n->start[i] >= 0 && !n->ended[i] &&
			    n->start[i] + trace->jobs[i].duration_ms == now)
				n->ended[i] = true;
		if (!ends)
			n->arrived[next++] = true;
		naive_walk(n, now, sched, depth);
	}
}

/* ---- tests
 * ---------------------------------------------------------------------------------- */

static void run(struct sim_result *result, const struct sim_trace *trace,
		const char *policy, const struct sim_options *options)
{
	struct gt_mix mix = gt_mix_default();
	struct gt_error err;

	ck_assert_msg(!sim_engine_run(result, trace, &layout, policy, &mix, options,
				      &err),
		      "%s: %s", policy, err.text);
}

static const struct {
	const char *what;
	enum sim_sched sched;
	int64_t depth;
	double load, limit;
} naive_rows[] = {
	{"strict order", SIM_SCHED_FIFO, 0, .9, 0},
	{"backfill with exact limits", SIM_SCHED_EASY, 0, .9, 0},
	{"backfill with limits three times too long", SIM_SCHED_EASY, 0, .9, 3},
	{"a queue that never empties", SIM_SCHED_EASY, 0, 1.4, 2},
	{"a queue that is looked at five jobs deep", SIM_SCHED_EASY, 5, 1.4, 2},
	{"a queue that is looked at one job deep", SIM_SCHED_EASY, 1, 1.4, 2},
};

START_TEST(starts_agree_with_the_naive_scheduler)
{
	static struct naive naive;

	make_layout();
	for (size_t r = 0; r < sizeof(naive_rows) / sizeof(*naive_rows); r++)
		for (uint64_t seed = 1; seed <= 6; seed++) {
			struct sim_options options = {.sched = naive_rows[r].sched,
						      .depth = naive_rows[r].depth};
			struct sim_result result;
			struct sim_trace trace;

			random_trace(&trace, seed, naive_rows[r].load,
				     naive_rows[r].limit);
			run(&result, &trace, "first-fit", &options);
			naive_run(&naive, &trace, naive_rows[r].sched,
				  naive_rows[r].depth);
			for (int i = 0; i < JOBS; i++)
				ck_assert_msg(result.jobs[i].start_ms == naive.start[i],
					      "%s, seed %d, job %d: %ld, naive %ld",
					      naive_rows[r].what, (int)seed, i,
					      (long)result.jobs[i].start_ms,
					      (long)naive.start[i]);
			sim_result_release(&result);
			sim_trace_release(&trace);
		}
	sim_layout_release(&layout);
}
END_TEST

/* No GPU is held twice at a time, and every job holds what it asked for. */
static void check_places(const struct sim_result *r, const struct sim_trace *trace,
			 const char *policy)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct sim_outcome *a = &r->jobs[i];
		int held = 0;

		for (int p = 0; p < a->places; p++)
			held += __builtin_popcountll(
				r->places[a->place + (unsigned)p].mask);
		ck_assert_msg(held == trace->jobs[i].gpus, "%s: job %zu holds %d GPUs",
			      policy, i, held);
		for (size_t j = 0; j < i; j++) {
			const struct sim_outcome *b = &r->jobs[j];

			if (b->end_ms <= a->start_ms || a->end_ms <= b->start_ms)
				continue;
			ck_assert_msg(r->places[a->place].node !=
						      r->places[b->place].node ||
					      !(r->places[a->place].mask &
						r->places[b->place].mask),
				      "%s: jobs %zu and %zu share a GPU", policy, i, j);
		}
	}
}

START_TEST(every_policy_gives_free_gpus_and_as_many_as_asked)
{
	const struct sim_policy *policy;

	make_layout();
	for (int i = 0; (policy = sim_policy_at(i)); i++) {
		struct sim_options options = {.sched = SIM_SCHED_EASY, .seed = 7};
		struct sim_result result, again;
		struct sim_trace trace;

		random_trace(&trace, 11, .9, 2);
		run(&result, &trace, policy->name, &options);
		check_places(&result, &trace, policy->name);
		run(&again, &trace, policy->name, &options);
		ck_assert_msg(!memcmp(result.jobs, again.jobs,
				      result.count * sizeof(*result.jobs)),
			      "%s: two runs differ", policy->name);
		sim_result_release(&result);
		sim_result_release(&again);
		sim_trace_release(&trace);
	}
	sim_layout_release(&layout);
}
END_TEST

START_TEST(gputopo_never_loses_a_ring_that_is_free)
{
	struct sim_options options = {.sched = SIM_SCHED_EASY};
	struct sim_metrics metrics;
	struct sim_result result;
	struct sim_trace trace;

	make_layout();
	random_trace(&trace, 5, .9, 0);
	run(&result, &trace, "gputopo", &options);
	ck_assert_int_eq(sim_metrics_make(&metrics, &trace, &result, 0, NULL), GT_OK);
	ck_assert_int_eq(metrics.all.ring_lost, 0);
	ck_assert_double_eq_tol(metrics.all.mean_free, 1, 1e-12);
	ck_assert_int_eq(metrics.started, JOBS);
	sim_result_release(&result);
	sim_trace_release(&trace);
	sim_layout_release(&layout);
}
END_TEST

/* One node: a job of 8 runs 100 s, one of 4 waits for it; in a loss system it is gone. */
static void two_jobs(struct sim_trace *trace)
{
	struct sim_job first = {.duration_ms = 100000,
				.limit_ms = 100000,
				.gpus = 8,
				.form = SIM_FORM_NODE,
				.start_ms = SIM_NEVER};
	struct sim_job second = {.submit_ms = 10000,
				 .duration_ms = 1000,
				 .limit_ms = 1000,
				 .gpus = 4 * GPUS,
				 .form = SIM_FORM_NODE,
				 .nodes = NODES,
				 .start_ms = SIM_NEVER};
	uint32_t nothing;

	memset(trace, 0, sizeof(*trace));
	ck_assert(sim_trace_keep(trace, "", &nothing));
	ck_assert(sim_trace_add(trace, &first));
	ck_assert(sim_trace_add(trace, &second));
}

START_TEST(a_job_waits_or_is_lost)
{
	struct sim_options options = {.sched = SIM_SCHED_EASY};
	struct sim_metrics metrics;
	struct sim_result result;
	struct sim_trace trace;

	make_layout();
	two_jobs(&trace);
	run(&result, &trace, "gputopo", &options);
	ck_assert_int_eq(result.jobs[1].start_ms, 100000);
	ck_assert_int_eq(result.jobs[1].places, NODES);
	ck_assert_int_eq(sim_metrics_make(&metrics, &trace, &result, 0, NULL), GT_OK);
	/* (0 + 90) / 2, and (8 x 100 + 32 x 1) GPU seconds of 32 x 101 */
	ck_assert_double_eq_tol(metrics.wait_mean_s, 45, 1e-9);
	ck_assert_double_eq_tol(metrics.utilisation, 832.0 / (32 * 101), 1e-9);
	ck_assert_double_eq_tol(metrics.utilisation_submit, 8.0 / 32, 1e-9);
	sim_result_release(&result);
	options.sched = SIM_SCHED_LOSS;
	run(&result, &trace, "gputopo", &options);
	ck_assert_int_eq(result.jobs[1].flags, SIM_REJECTED);
	sim_result_release(&result);
	sim_trace_release(&trace);
	sim_layout_release(&layout);
}
END_TEST

/* --gpus=12 on nodes of 8: Slurm takes what is free node by node. */
START_TEST(a_job_without_a_node_count_is_split_as_slurm_does)
{
	struct sim_options options = {.sched = SIM_SCHED_EASY, .network_mbps = 12500};
	struct sim_job job = {.duration_ms = 1000,
			      .limit_ms = 1000,
			      .gpus = 8,
			      .form = SIM_FORM_JOB,
			      .start_ms = SIM_NEVER};
	struct sim_job filler = {.duration_ms = 9000,
				 .limit_ms = 9000,
				 .gpus = 4 * 4,
				 .nodes = NODES,
				 .form = SIM_FORM_NODE,
				 .start_ms = SIM_NEVER};
	struct sim_result result;
	struct sim_trace trace = {0};
	uint32_t nothing;

	make_layout();
	ck_assert(sim_trace_keep(&trace, "", &nothing));
	ck_assert(sim_trace_add(&trace, &filler));
	ck_assert(sim_trace_add(&trace, &job));
	run(&result, &trace, "slurm-22.05", &options);
	ck_assert_int_eq(result.jobs[1].start_ms, 0);
	ck_assert_int_eq(result.jobs[1].places, 2);
	ck_assert(result.jobs[1].flags & SIM_SPLIT);
	ck_assert_int_eq(result.jobs[1].got_mbps, 12500);
	sim_result_release(&result);
	run(&result, &trace, "gputopo/nosplit", &options);
	ck_assert_int_eq(result.jobs[1].start_ms, 9000);
	ck_assert_int_eq(result.jobs[1].places, 1);
	sim_result_release(&result);
	sim_trace_release(&trace);
	sim_layout_release(&layout);
}
END_TEST

START_TEST(slowdown_makes_slow_jobs_longer)
{
	struct sim_options options = {.sched = SIM_SCHED_EASY, .slowdown = 1};
	struct sim_result result;
	struct sim_trace trace;

	make_layout();
	random_trace(&trace, 3, .9, 0);
	run(&result, &trace, "random", &options);
	for (int i = 0; i < JOBS; i++) {
		const struct sim_outcome *o = &result.jobs[i];
		double grown = o->got_mbps ? (double)o->ideal_mbps / o->got_mbps : 1;

		ck_assert_double_eq_tol((double)(o->end_ms - o->start_ms),
					(double)trace.jobs[i].duration_ms * grown, 1);
	}
	sim_result_release(&result);
	sim_trace_release(&trace);
	sim_layout_release(&layout);
}
END_TEST

/* The tree and the queue against arrays. */
START_TEST(the_tree_finds_what_a_walk_finds)
{
	uint64_t random = 1, value[100] = {0};
	struct sim_tree tree;

	ck_assert(sim_tree_init(&tree, 100));
	for (int round = 0; round < 5000; round++) {
		int at = (int)sim_random_below(&random, 100);
		int from = (int)sim_random_below(&random, 100), to, first = -1;
		uint64_t least = 1 + sim_random_below(&random, 9), most = 0;

		value[at] = sim_random_below(&random, 10);
		sim_tree_set(&tree, at, value[at]);
		for (int i = 99; i >= from; i--)
			first = value[i] >= least ? i : first;
		ck_assert_int_eq(sim_tree_first(&tree, from, least), first);
		to = from + (int)sim_random_below(&random, (uint64_t)(101 - from));
		for (int i = from; i < to; i++)
			most = value[i] > most ? value[i] : most;
		ck_assert_int_eq(sim_tree_most_in(&tree, from, to), most);
	}
	sim_tree_release(&tree);
}
END_TEST

START_TEST(the_queue_knows_its_first_jobs)
{
	uint64_t random = 4;
	int waiting[1000], count = 0, next = 0;
	struct sim_queue queue;

	ck_assert(sim_queue_init(&queue, 1000, 7));
	while (next < 1000) {
		if (!count || sim_random_below(&random, 2)) {
			sim_queue_append(&queue, next, 1 + next % 5);
			waiting[count++] = next++;
		} else {
			int at = (int)sim_random_below(&random, (uint64_t)count);

			sim_queue_remove(&queue, waiting[at], 1 + waiting[at] % 5);
			memmove(waiting + at, waiting + at + 1,
				(size_t)(--count - at) * sizeof(int));
		}
		for (int i = 0; i < count; i++)
			ck_assert_int_eq(sim_queue_within(&queue, waiting[i]), i < 7);
		ck_assert_int_eq(queue.head, count ? waiting[0] : -1);
	}
	sim_queue_release(&queue);
}
END_TEST

SUITE(sim_engine)
{
	static const struct unit_test tests[] = {
		UNIT(starts_agree_with_the_naive_scheduler),
		UNIT(every_policy_gives_free_gpus_and_as_many_as_asked),
		UNIT(gputopo_never_loses_a_ring_that_is_free),
		UNIT(a_job_waits_or_is_lost),
		UNIT(a_job_without_a_node_count_is_split_as_slurm_does),
		UNIT(slowdown_makes_slow_jobs_longer),
		UNIT(the_tree_finds_what_a_walk_finds),
		UNIT(the_queue_knows_its_first_jobs),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
