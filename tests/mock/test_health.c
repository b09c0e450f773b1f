/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_health.c - what a node reports of its GPUs in Extra=: lost ones go to nobody, ill
 * ones last, dead links count; a report that cannot be read changes nothing.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "conf/health.h"
#include "tests/mock/stage.h"

static void setup(void)
{
	stage_setup();
	the_time = 1700000000;
}

/* The node says this from now on; the plugin looks once a second. */
static void report(int node, const char *extra)
{
	node_record_table_ptr[node]->extra = (char *)(uintptr_t)extra;
	the_time++;
}

static void teardown(void)
{
	for (int n = 0; n < node_record_count; n++)
		node_record_table_ptr[n]->extra = NULL;
	stage_teardown();
}

#define REPORT(lost, last, links)                                                        \
	"{\"rack\":7,\"gputopo\":{\"lost\":\"0x" lost "\",\"last\":\"0x" last            \
	"\",\"links\":\"" links "\"}}"

START_TEST(a_lost_gpu_goes_to_nobody)
{
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	report(0, REPORT("8", "0", ""));
	/* not by stock either, of which a job asks nothing else */
	for (int k = 1; k <= 7; k++) {
		uint64_t got = run(job_for(k));

		ck_assert_int_eq(__builtin_popcountll(got), k);
		ck_assert_uint_eq(got & SET1(3), 0);
		ck_assert_uint_eq(mock_stock.call[0].hidden[0], SET1(3));
	}
	expect_wait(job_for(8));
	ck_assert(mock_logged("gputopo: node n0: no job gets GPU 3"));
	/* bandwidth counts among the seven */
	ck_assert_uint_eq(run(job_with(job_for(2), "GPUTOPO_GPU_TOPO=off")) & SET1(3), 0);
	/* it is back */
	report(0, "{\"rack\":7}");
	ck_assert_uint_eq(run(job_for(8)), 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert(mock_logged("gputopo: node n0: sound"));
}
END_TEST

START_TEST(a_lost_gpu_is_said_once_and_never_looked_for_again)
{
	start_with(&dgx, 0xff);
	report(0, REPORT("8", "0", ""));
	run(job_for(2));
	mock_log_clear();
	for (int i = 0; i < 5; i++, the_time++)
		ck_assert_uint_eq(run(job_for(2)) & SET1(3), 0);
	ck_assert_int_eq(mock_slurm.lines, 0);
}
END_TEST

/* A job that holds it goes on; the GPU is not hidden twice. */
START_TEST(a_lost_gpu_may_be_in_use)
{
	start_with(&dgx, 0xff & ~SET1(3));
	report(0, REPORT("8", "0", ""));
	ck_assert_uint_eq(run(job_for(7)), 0xff & ~SET1(3));
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], SET1(3));
}
END_TEST

START_TEST(a_forecast_knows_of_lost_gpus_and_a_submission_does_not)
{
	uint64_t nodes;

	start_with(&dgx, 0xff);
	report(0, REPORT("8", "0", ""));
	(void)test_job(job_for(2), SELECT_MODE_WILL_RUN, &nodes);
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], SET1(3));
	(void)test_job(job_for(8), SELECT_MODE_TEST_ONLY, &nodes);
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], 0);
}
END_TEST

START_TEST(a_dead_link_counts_in_the_next_decision)
{
	uint64_t got;

	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	/* 0 and 3 had two links: other pairs still have them */
	report(0, REPORT("0", "0", "0-3=1"));
	got = run(job_for(2));
	ck_assert_int_eq(__builtin_popcountll(got), 2);
	ck_assert_uint_ne(got, SET2(0, 3));
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], 0);
	ck_assert(mock_logged("gputopo: node n0: links of 1 GPUs or pairs are dead"));
	report(0, NULL);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

START_TEST(an_ill_gpu_is_taken_last)
{
	start_with(&dgx, 0xff);
	report(0, REPORT("0", "1", ""));
	ck_assert_uint_eq(run(job_for(2)) & SET1(0), 0);
	ck_assert_uint_eq(run(job_for(8)), 0xff);
	ck_assert(mock_logged("gputopo: node n0: GPU 0 is taken last"));
}
END_TEST

/* Types inside a node move the bits: GPU 3 of gres.conf is bit 5. */
START_TEST(numbers_are_those_of_gres_conf)
{
	struct mock_gpus typed = {.count = 8, .types = types};
	int links[64];

	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			links[8 * a + b] =
				b == regrouped[a] ? -1 : dgx1v[8 * regrouped[a] + b];
	typed.links = links;
	start_with(&typed, 0xff);
	report(0, REPORT("8", "0", ""));
	(void)run(job_for(1));
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], SET1(5));
}
END_TEST

START_TEST(modes_other_than_enforce_hide_nothing)
{
	static const char *const modes[] = {"Mode=observe\n", "Mode=off\n"};

	write_conf(modes[_i]);
	start_with(&dgx, 0xff);
	report(0, REPORT("1", "0", ""));
	ck_assert_uint_eq(run(job_for(8)), 0xff);
	ck_assert_uint_eq(mock_stock.call[0].hidden[0], 0);
}
END_TEST

static const char *const unreadable[] = {
	"",
	"{}",
	"gputopo",
	"{\"gputopo\":{\"lost\":\"0x",
	"{\"gputopo\":{\"lost\":\"0x8\"}}",
	REPORT("8", "g", ""),
	REPORT("10000000000000008", "0", ""),
	REPORT("8", "0", "0-3"),
	REPORT("8", "0", "0-3=-1"),
	REPORT("8", "0", "0-3=65"),
	REPORT("8", "0", "0-64=1"),
	REPORT("8", "0", "0-3=1;"),
	REPORT("8", "0", "0-3=1") "\x01" /* what follows is not ours */
};

START_TEST(a_report_that_cannot_be_read_is_none)
{
	bool last = _i == ROWS(unreadable) - 1;

	start_with(&dgx, 0xff);
	report(0, unreadable[_i]);
	if (last) {
		ck_assert_uint_eq(run(job_for(2)) & SET1(3), 0);
		return;
	}
	ck_assert_uint_eq(run(job_for(8)), 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert(mock_logged("cannot be read") ==
		  (gp_health_part(unreadable[_i]) != NULL));
}
END_TEST

START_TEST(links_of_gpus_that_are_not_there_leave_the_node_to_stock)
{
	start_with(&dgx, 0xff);
	report(0, REPORT("0", "0", "0-9=1"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert(mock_logged("Extra= reports links of GPUs that are not there"));
}
END_TEST

/* After a restart slurmctld has Extra= from its saved state before the node registers,
 * whose GPUs are only counted until then. */
START_TEST(a_report_waits_for_the_nodes_gpus)
{
	gres_node_state_t *state;
	uint16_t records;

	start_with(&dgx, 0xff);
	state = mock_node_gpus(0);
	records = state->topo_cnt;
	state->topo_cnt = 0;
	state->gres_cnt_found = NO_VAL64;
	report(0, REPORT("8", "0", ""));
	(void)run(job_for(1));
	ck_assert(!mock_logged("no job gets GPU 3"));
	state->topo_cnt = records;
	state->gres_cnt_found = 8;
	the_time++;
	expect_wait(job_for(8));
	ck_assert(mock_logged("gputopo: node n0: no job gets GPU 3"));
}
END_TEST

/* The index of running jobs is read anew in the middle of a job_test, because of n0: n1
 * has its lost GPU in it still. */
START_TEST(lost_gpus_stay_in_an_index_that_is_read_anew)
{
	uint64_t free[2] = {0xff, 0xff}, nodes;
	job_record_t *job;

	start_nodes(free, 2);
	report(1, REPORT("8", "0", ""));
	bit_set(mock_node_gpus(0)->gres_bit_alloc, 7);
	mock_node_gpus(0)->gres_cnt_alloc = 1;
	mock_node_gpus(0)->topo_gres_cnt_alloc[7] = 1;
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 1));
	/* one link joins those that stock would give */
	ck_assert_int_eq(__builtin_popcountll(mock_selected(job, 1)), 2);
	ck_assert_uint_ne(mock_selected(job, 1), SET2(0, 1));
	ck_assert_uint_eq(mock_selected(job, 1) & SET1(3), 0);
}
END_TEST

/* Flapping links may not fill slurmctld: beyond so many kinds of nodes stock decides. */
START_TEST(states_of_broken_links_are_bounded)
{
	static char extra[1100][100];
	job_record_t *job = job_for(2);
	uint64_t nodes;

	start_with(&dgx, 0xff);
	for (int i = 0; i < 1100; i++) {
		snprintf(extra[i], sizeof(extra[i]),
			 REPORT("0", "0", "4-7=0,0-1=%d,0-2=%d"), i % 32 + 9, i / 32 + 9);
		report(0, extra[i]);
		(void)test_job(job, SELECT_MODE_WILL_RUN, &nodes);
		mock_log_clear();
		if (i == 1000)
			ck_assert_uint_ne(run(job_for(2)), SET2(0, 1));
	}
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert(mock_logged("more GPUs or types than gputopo looks at"));
}
END_TEST

SUITE(health)
{
	TCase *tc = tcase_create("health");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_lost_gpu_goes_to_nobody);
	tcase_add_test(tc, a_lost_gpu_is_said_once_and_never_looked_for_again);
	tcase_add_test(tc, a_lost_gpu_may_be_in_use);
	tcase_add_test(tc, a_forecast_knows_of_lost_gpus_and_a_submission_does_not);
	tcase_add_test(tc, a_dead_link_counts_in_the_next_decision);
	tcase_add_test(tc, an_ill_gpu_is_taken_last);
	tcase_add_test(tc, numbers_are_those_of_gres_conf);
	tcase_add_loop_test(tc, modes_other_than_enforce_hide_nothing, 0, 2);
	tcase_add_loop_test(tc, a_report_that_cannot_be_read_is_none, 0,
			    ROWS(unreadable));
	tcase_add_test(tc, links_of_gpus_that_are_not_there_leave_the_node_to_stock);
	tcase_add_test(tc, a_report_waits_for_the_nodes_gpus);
	tcase_add_test(tc, lost_gpus_stay_in_an_index_that_is_read_anew);
	tcase_add_test(tc, states_of_broken_links_are_bounded);
	suite_add_tcase(suite, tc);
}
