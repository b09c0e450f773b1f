/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine of sim mig: every outcome is replayed on the oracle's fleet. */
#include "config.h"

#include "mig_tables.h"
#include "sim/sim_mig.h"
#include "unit.h"

#include <string.h>

#define REQUESTS 3000

static struct gt_mig_space *space_of(const struct gt_mig_gpu *gpu)
{
	struct gt_mig_space *space;

	ck_assert_int_eq(gt_mig_space_new(&space, gpu, NULL, NULL), GT_OK);
	return space;
}

static void draw(struct sim_mig_trace *trace, const struct gt_mig_gpu *gpu, int gpus,
		 double load, uint64_t seed)
{
	struct sim_gen gen = {.kind = SIM_DURATION_EXP,
			      .a = 100,
			      .load = load,
			      .gpus = gpus,
			      .jobs = REQUESTS,
			      .seed = seed};
	struct gt_mig_mix mix = {0};

	for (int p = 0; p < gpu->count; p++)
		mix.weight[p] = (uint32_t)(1 + p % 3);
	ck_assert_int_eq(sim_mig_trace_draw(trace, gpu, &mix, &gen, NULL), GT_OK);
	ck_assert_uint_eq(trace->count, REQUESTS);
}

/* ---- the truth ---- */

struct replay {
	const struct sim_mig_trace *trace;
	const struct sim_mig_result *result;
	struct om_fleet fleet;
	size_t running[OM_GPUS * OM_UNITS];
	int count;
	double units, seconds;
};

static int64_t end_of(const struct replay *r, size_t i)
{
	return r->result->jobs[i].start_ms + r->trace->jobs[i].duration_ms;
}

/* Everything that ends at or before now leaves. */
static void leave(struct replay *r, int64_t now)
{
	for (int k = 0; k < r->count; k++) {
		size_t i = r->running[k];

		if (end_of(r, i) > now)
			continue;
		r->fleet.holds[r->result->jobs[i].gpu][r->result->jobs[i].start] = -1;
		r->running[k--] = r->running[--r->count];
	}
}

static bool fits_somewhere(const struct replay *r, int profile)
{
	for (int g = 0; g < r->fleet.gpus; g++)
		for (int s = 0; s < r->fleet.table->units; s++)
			if (om_legal(&r->fleet, g, profile, s))
				return true;
	return false;
}

static void enter(struct replay *r, size_t i)
{
	const struct sim_mig_outcome *o = &r->result->jobs[i];
	int profile = r->trace->jobs[i].profile;

	ck_assert_msg(om_legal(&r->fleet, o->gpu, profile, o->start),
		      "request %zu cannot stand on GPU %d at %d", i, o->gpu, o->start);
	r->fleet.holds[o->gpu][o->start] = profile;
	r->running[r->count++] = i;
	r->units += r->fleet.table->profile[profile].size;
}

static int64_t next_end(const struct replay *r)
{
	int64_t next = INT64_MAX;

	for (int k = 0; k < r->count; k++)
		if (end_of(r, r->running[k]) < next)
			next = end_of(r, r->running[k]);
	return next;
}

/* A request starts when it comes, or fits nowhere then and is lost. same-size may lose
 * more. */
static void check_loss(struct replay *r, bool may_refuse)
{
	for (size_t i = 0; i < r->trace->count; i++) {
		const struct sim_mig_job *job = &r->trace->jobs[i];

		leave(r, job->submit_ms);
		if (r->result->jobs[i].start_ms == SIM_NEVER) {
			ck_assert_msg(may_refuse || !fits_somewhere(r, job->profile),
				      "request %zu was lost although it fits", i);
			continue;
		}
		ck_assert_int_eq(r->result->jobs[i].start_ms, job->submit_ms);
		enter(r, i);
	}
}

/* In order, each at the first moment at which it fits after the one before has started.
 */
static void check_queue(struct replay *r)
{
	int64_t now = 0;

	for (size_t i = 0; i < r->trace->count; i++) {
		const struct sim_mig_job *job = &r->trace->jobs[i];

		if (job->submit_ms > now)
			now = job->submit_ms;
		leave(r, now);
		while (!fits_somewhere(r, job->profile)) {
			now = next_end(r);
			leave(r, now);
		}
		ck_assert_msg(r->result->jobs[i].start_ms == now,
			      "request %zu started at %lld, not %lld", i,
			      (long long)r->result->jobs[i].start_ms, (long long)now);
		enter(r, i);
	}
}

static void check(const struct gt_mig_gpu *gpu, int gpus, enum gt_mig_policy policy,
		  bool queue, uint64_t seed)
{
	struct sim_mig_options options = {.gpus = gpus, .queue = queue};
	struct gt_mig_space *space = space_of(gpu);
	struct om_table table = om_table_of(gpu);
	struct sim_mig_result result;
	struct sim_mig_trace trace;
	struct replay r = {.trace = &trace, .result = &result};
	double offered = 0;

	draw(&trace, gpu, gpus, queue ? 0.6 : 1.0, seed);
	ck_assert_int_eq(sim_mig_run(&result, &trace, space, space, policy, &options,
				     true, NULL),
			 GT_OK);
	om_fleet_init(&r.fleet, &table, gpus);
	if (queue)
		check_queue(&r);
	else
		check_loss(&r, policy == GT_MIG_SAME_SIZE);
	for (size_t i = 0; i < trace.count; i++)
		offered += gpu->profile[trace.jobs[i].profile].size;
	ck_assert_double_eq_tol(sim_mig_share(&result), r.units / offered, 1e-12);
	ck_assert(queue ? r.units == offered : r.units < offered);
	ck_assert_int_le(result.gpus_touched, gpus);
	ck_assert(result.stranded >= 0 && result.gpus_busy <= gpus);
	free(result.jobs);
	sim_mig_trace_release(&trace);
	gt_mig_space_free(space);
}

START_TEST(lost_requests_fitted_nowhere)
{
	for (int p = 0; p < GT_MIG_POLICIES; p++)
		for (int i = 0; gt_mig_gpu_at(i); i += 4)
			check(gt_mig_gpu_at(i), 3 + p % 3, (enum gt_mig_policy)p, false,
			      (uint64_t)(100 * p + i));
}
END_TEST

START_TEST(waiting_requests_start_in_order_and_at_once)
{
	for (int p = 0; p < GT_MIG_SAME_SIZE; p++)
		for (int i = 0; gt_mig_gpu_at(i); i += 4)
			check(gt_mig_gpu_at(i), 3, (enum gt_mig_policy)p, true,
			      (uint64_t)(100 * p + i));
}
END_TEST

/* By hand: one GPU, a whole-GPU request of 10 s, then two of 1g; the second comes after
 * it has ended. Loss: the first 1g is lost. Queue: it waits 8 s. */
START_TEST(a_small_case_by_hand)
{
	struct sim_mig_job jobs[] = {
		{0, 10000, 6, 0}, {2000, 5000, 0, 1}, {20000, 5000, 0, 2}};
	const struct gt_mig_gpu *gpu = gt_mig_gpu_at(2);
	struct sim_mig_trace trace = {.jobs = jobs, .count = 3};
	struct sim_mig_options options = {.gpus = 1};
	struct gt_mig_space *space = space_of(gpu);
	struct sim_mig_result r;

	ck_assert_str_eq(gpu->profile[6].name, "7g.80gb");
	ck_assert_int_eq(sim_mig_run(&r, &trace, space, space, GT_MIG_LOOKAHEAD, &options,
				     false, NULL),
			 GT_OK);
	ck_assert_double_eq_tol(sim_mig_share(&r), 9.0 / 10, 1e-12);
	ck_assert_double_eq_tol(r.unit_seconds, 80, 1e-9);
	ck_assert_double_eq_tol(r.gpus_busy, 0.5, 1e-9);
	options.queue = true;
	ck_assert_int_eq(sim_mig_run(&r, &trace, space, space, GT_MIG_LOOKAHEAD, &options,
				     false, NULL),
			 GT_OK);
	ck_assert_double_eq_tol(sim_mig_share(&r), 1, 1e-12);
	ck_assert_double_eq_tol(r.unit_seconds, 90, 1e-9);
	ck_assert_double_eq_tol(r.wait_mean_s, 8.0 / 3, 1e-9);
	ck_assert_double_eq_tol(r.makespan_s, 25, 1e-9);
	options.warmup_ms = 15000;
	ck_assert_int_eq(sim_mig_run(&r, &trace, space, space, GT_MIG_LOOKAHEAD, &options,
				     false, NULL),
			 GT_OK);
	ck_assert_double_eq_tol(r.units_offered, 1, 1e-12);
	ck_assert_double_eq_tol(r.unit_seconds, 5, 1e-9);
	gt_mig_space_free(space);
}
END_TEST

/* --depth: a small request overtakes a large one that waits, the one behind it not. */
START_TEST(depth_lets_requests_overtake)
{
	struct sim_mig_job jobs[] = {{0, 10000, 5, 0},
				     {1000, 5000, 6, 1},
				     {2000, 1000, 0, 2},
				     {2000, 1000, 0, 3}};
	struct sim_mig_trace trace = {.jobs = jobs, .count = 4};
	struct sim_mig_options options = {.gpus = 1, .queue = true};
	struct gt_mig_space *space = space_of(gt_mig_gpu_at(2));
	static const int64_t want[3][4] = {
		{0, 10000, 15000, 15000}, {0, 10000, 2000, 2000}, {0, 10000, 2000, 2000}};

	for (int depth = 0; depth < 3; depth++) {
		struct sim_mig_result r;

		options.depth = depth;
		ck_assert_int_eq(sim_mig_run(&r, &trace, space, space, GT_MIG_PACK,
					     &options, true, NULL),
				 GT_OK);
		for (int i = 0; i < 4; i++)
			ck_assert_msg(r.jobs[i].start_ms == want[depth][i],
				      "depth %d, request %d: %lld", depth, i,
				      (long long)r.jobs[i].start_ms);
		free(r.jobs);
	}
	gt_mig_space_free(space);
}
END_TEST

SUITE(sim_mig)
{
	static const struct unit_test tests[] = {
		UNIT(lost_requests_fitted_nowhere),
		UNIT(waiting_requests_start_in_order_and_at_once),
		UNIT(a_small_case_by_hand),
		UNIT(depth_lets_requests_overtake),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
