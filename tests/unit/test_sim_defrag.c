/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest restarts against an oracle that tries every subset of a node's jobs. */
#include "sim/defrag.h"
#include "sim/gen.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* The least number of jobs whose GPUs, with the free ones, hold a set that is good
 * enough; -1: none. Not by sets, as the code does, but by jobs. */
static int fewest(const struct sim_moment *m, struct sim_value *value, int node,
		  const struct sim_defrag_want *want)
{
	const int32_t *holder = m->holder + (size_t)node * SIM_MAX_GPUS;
	int32_t jobs[SIM_DEFRAG_GPUS];
	int count = 0, n = value->type->n, best = -1;

	for (int g = 0; g < n; g++) {
		bool known = holder[g] < 0;

		for (int i = 0; i < count; i++)
			known |= jobs[i] == holder[g];
		if (!known)
			jobs[count++] = holder[g];
	}
	for (unsigned chosen = 0; chosen < 1u << count; chosen++) {
		uint64_t free = 0;
		bool allowed = true;
		int number = __builtin_popcount(chosen);

		for (int g = 0; g < n; g++)
			for (int i = -1; i < count; i++)
				if (i < 0 ? holder[g] == -1
					  : holder[g] == jobs[i] && chosen >> i & 1)
					free |= UINT64_C(1) << g;
		for (int i = 0; i < count; i++)
			allowed &= !(chosen >> i & 1) || !want->fixed ||
				   !want->fixed[jobs[i]];
		if (allowed && __builtin_popcountll(free) >= want->gpus &&
		    (best < 0 || number < best) &&
		    sim_value_best(value, free, want->gpus).busbw_mbps >=
			    want->ratio * value->ideal[want->gpus].busbw_mbps - .5)
			best = number;
	}
	return best;
}

/* Whether the answer holds: its GPUs are free or its jobs', and each job is needed. */
static void check_answer(const struct sim_moment *m, struct sim_value *value,
			 const struct sim_defrag_want *want, const struct sim_defrag *d)
{
	ck_assert_int_eq(__builtin_popcountll(d->set), want->gpus);
	ck_assert_int_ge(sim_value_set(value, d->set).busbw_mbps,
			 (int)(want->ratio * d->ideal_mbps - .5));
	for (uint64_t left = d->set; left; left &= left - 1) {
		int32_t job = m->holder[d->node * SIM_MAX_GPUS + __builtin_ctzll(left)];
		bool named = job == -1;

		for (int i = 0; i < d->restarts; i++)
			named |= d->jobs[i] == job;
		ck_assert(named);
	}
}

START_TEST(restarts_are_the_fewest)
{
	struct sim_gen gen = {.mix = gt_mix_default(),
			      .kind = SIM_DURATION_EXP,
			      .a = 3600,
			      .load = 1.2,
			      .gpus = 32,
			      .jobs = 400,
			      .form = SIM_FORM_NODE,
			      .seed = 3};
	struct sim_options options = {.sched = SIM_SCHED_EASY, .network_mbps = 12500};
	static const char *const machines[] = {"builtin:dgx1v", "builtin:mi250x"};
	long seen = 0, needed = 0;

	for (size_t b = 0; b < sizeof(machines) / sizeof(*machines); b++) {
		struct sim_layout layout = {0};
		struct sim_trace trace;
		struct sim_result result;
		struct sim_value value;
		struct gt_node *node;
		struct gt_error err;
		bool *fixed;
		int type;

		if (gt_node_load(&node, machines[b], NULL, &err))
			continue;
		ck_assert(!sim_layout_add_type(&layout, node, 0, &type, &err));
		for (int i = 0; i < 4; i++)
			ck_assert(!sim_layout_add_node(&layout, 0, NULL, false, &err));
		ck_assert(!sim_gen_run(&gen, &trace, &err));
		ck_assert(!sim_engine_run(&result, &trace, &layout, "slurm-22.05", NULL,
					  &options, &err));
		ck_assert(!sim_value_init(&value, &layout.types[0], NULL, 0, &err));
		fixed = calloc(trace.count, sizeof(*fixed));
		for (size_t i = 0; i < trace.count; i++)
			fixed[i] = i % 5 == 0;
		for (int64_t at = 0; at < result.submitted_ms; at += 1800000) {
			struct sim_moment moment;

			ck_assert(!sim_moment_init(&moment, &trace, &result, at, &err));
			for (int i = 0; i < 4; i++)
				for (int k = 2; k <= 8; k++) {
					struct sim_defrag_want want = {
						k, (k & 1) ? 1 : .5,
						(i & 1) ? fixed : NULL};
					struct sim_defrag d;
					int least = fewest(&moment, &value, i, &want);
					bool can = sim_defrag_node(&moment, &value, i,
								   &want, &d);

					ck_assert_int_eq(can ? d.restarts : -1, least);
					if (can)
						check_answer(&moment, &value, &want, &d);
					seen++;
					needed += can && d.restarts > 0;
				}
			sim_moment_release(&moment);
		}
		free(fixed);
		sim_value_release(&value);
		sim_result_release(&result);
		sim_trace_release(&trace);
		sim_layout_release(&layout);
	}
	ck_assert_int_gt(seen, 500);
	ck_assert_int_gt(needed, 100);
}
END_TEST

SUITE(sim_defrag)
{
	static const struct unit_test tests[] = {
		UNIT(restarts_are_the_fewest),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
