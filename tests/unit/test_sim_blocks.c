/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Racks and segments: a scene by hand, and what must hold in any stream. */
#include "sim/blocks.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define JOBS 600

START_TEST(a_value_counts_whole_segments)
{
	double mix[SIM_BLOCK_MAX + 1] = {0};

	mix[1] = .5;
	mix[4] = .25;
	/* .5 x 1 x 7 + .25 x 4 x floor(7 / 4) */
	ck_assert_double_eq_tol(sim_block_value(mix, 8, 7), 4.5, 1e-12);
	ck_assert_double_eq_tol(sim_block_value(mix, 8, 3), 1.5, 1e-12);
	ck_assert_double_eq_tol(sim_block_value(mix, 8, 0), 0, 1e-12);
}
END_TEST

/* Two racks of 4: a pair, then a rack, then two pairs that find one of their racks full.
 */
START_TEST(segments_wait_for_a_rack_that_holds_them)
{
	static const struct sim_block_job scene[] = {
		{0, 100000, 2, 2, 0, 0},
		{1000, 50000, 4, 4, 0, 0},
		{2000, 1000, 4, 2, 0, 0},
		{3000, 1000, 2, 1, 0, 0},
	};
	static const int64_t starts[SIM_BLOCKS_RULES][4] = {
		/* the last job ends before the third can start */
		{0, 1000, 51000, 3000},
		{0, 1000, 51000, 3000},
		{0, 1000, 51000, 3000},
	};
	double mix[SIM_BLOCK_MAX + 1] = {0};

	mix[2] = 1;
	for (int rule = 0; rule < SIM_BLOCKS_RULES; rule++) {
		struct sim_block_job jobs[4];
		struct sim_block_result r;
		struct sim_block_options o = {.nodes = 8,
					      .block = 4,
					      .rule = (enum sim_block_rule)rule,
					      .depth = 5,
					      .mix = mix};

		memcpy(jobs, scene, sizeof(jobs));
		ck_assert(!sim_blocks_run(&r, jobs, 4, &o, NULL));
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(jobs[i].start_ms, starts[rule][i]);
		/* without regard to racks the whole rack's job is torn apart */
		ck_assert_int_eq(jobs[1].blocks, rule == SIM_BLOCKS_NAIVE ? 2 : 1);
	}
}
END_TEST

/* Nodes in use at a time. */
static int busy_at(const struct sim_block_job *jobs, int64_t at)
{
	int busy = 0;

	for (int i = 0; i < JOBS; i++)
		if (jobs[i].start_ms <= at && at < jobs[i].start_ms + jobs[i].duration_ms)
			busy += jobs[i].nodes;
	return busy;
}

START_TEST(streams_keep_the_rules)
{
	static const int sizes[] = {1, 2, 4, 8, 16, 24};
	double mix[SIM_BLOCK_MAX + 1] = {0};

	mix[1] = .5;
	mix[2] = mix[4] = .25;
	srand(11);
	for (int rule = 0; rule < SIM_BLOCKS_RULES; rule++) {
		struct sim_block_job jobs[JOBS];
		struct sim_block_result r;
		struct sim_block_options o = {.nodes = 50,
					      .block = 8,
					      .rule = (enum sim_block_rule)rule,
					      .depth = 20,
					      .mix = mix};
		double busy = 0, span;

		for (int i = 0; i < JOBS; i++) {
			int n = sizes[rand() % 6];

			jobs[i] = (struct sim_block_job){.submit_ms = i * 1000,
							 .duration_ms = 1 + rand() % 9000,
							 .nodes = n,
							 .segment = n < 4 ? n : 4};
		}
		ck_assert(!sim_blocks_run(&r, jobs, JOBS, &o, NULL));
		span = (double)jobs[JOBS - 1].submit_ms;
		for (int i = 0; i < JOBS; i++) {
			const struct sim_block_job *j = &jobs[i];
			int64_t end = j->start_ms + j->duration_ms;

			ck_assert_int_ge(j->start_ms, j->submit_ms);
			ck_assert_int_le(busy_at(jobs, j->start_ms), o.nodes);
			if (rule != SIM_BLOCKS_NAIVE)
				ck_assert_int_le(j->blocks, (j->nodes + j->segment - 1) /
								    j->segment);
			end = end < (int64_t)span ? end : (int64_t)span;
			if (end > j->start_ms)
				busy += (double)(end - j->start_ms) * j->nodes;
		}
		ck_assert_double_eq_tol(r.occupancy, busy / span / o.nodes, 1e-9);
		ck_assert_int_eq(r.started, JOBS);
	}
}
END_TEST

SUITE(sim_blocks)
{
	static const struct unit_test tests[] = {
		UNIT(a_value_counts_whole_segments),
		UNIT(segments_wait_for_a_rack_that_holds_them),
		UNIT(streams_keep_the_rules),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
