/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_promises.c - beyond one node and one moment: node choice, wishes and
 * forecasts.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gputopo.h"
#include "tests/mock/stage.h"

/* ---- node choice ---------------------------------------------------------------------
 */

/* Run the job and return its one node. */
static int node_of(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(__builtin_popcountll(nodes), 1);
	return __builtin_ctzll(nodes);
}

static const struct {
	const char *why;
	uint64_t free[3];
	int count;
	int node;
} node_rows[] = {
	{"the intact node, not the fragmented one", {0x21, 0x21, 0xff}, 2, 2},
	{"the half node, not the idle one", {0xff, 0xf0, 0xff}, 4, 1},
	{"a left-over GPU, not the idle node", {0xff, 0xff, 0x01}, 1, 2},
	{"a pair already on its own, not a quad", {0xf0, 0xff, 0x09}, 2, 2},
	{"the only node with room", {0x07, 0xfe, 0x0f}, 5, 1},
};

START_TEST(the_best_node_is_taken)
{
	start_nodes(node_rows[_i].free, 3);
	ck_assert_msg(node_of(job_for(node_rows[_i].count)) == node_rows[_i].node, "%s",
		      node_rows[_i].why);
	ck_assert_uint_eq(mock_stock.call[0].nodes, (uint64_t)1 << node_rows[_i].node);
	ck_assert_ptr_null(mock_stock.call[0].candidates);
}
END_TEST

START_TEST(equal_nodes_are_left_to_stock)
{
	static const uint64_t free[] = {0xff, 0x21, 0xff};

	start_nodes(free, 3);
	ck_assert_int_eq(node_of(job_for(2)), 0);
	ck_assert_uint_eq(mock_stock.call[0].nodes, 5);
}
END_TEST

START_TEST(the_admins_weights_come_first)
{
	static const uint64_t free[] = {0x21, 0xff, 0xff};

	start_nodes(free, 3);
	for (int n = 0; n < 3; n++)
		node_record_table_ptr[n]->sched_weight =
			(uint64_t)(n == 0 ? 1 : 100) << 8 | (uint64_t)(0xff - n);
	ck_assert_int_eq(node_of(job_for(2)), 0);
}
END_TEST

START_TEST(where_few_nodes_fail_all_are_asked)
{
	static const uint64_t free[] = {0x21, 0xff, 0xfe};
	job_record_t *job;

	start_nodes(free, 3);
	mock_stock.fault[0] = mock_stock.fault[1] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_int_eq(node_of(job), 0);
	ck_assert_int_ge(mock_stock.calls, 3);
	ck_assert_int_eq(__builtin_popcountll(mock_stock.call[0].nodes), 1);
	ck_assert_uint_eq(mock_stock.call[2].nodes, 7);
	ck_assert_ptr_eq(mock_stock.call[2].candidates, dgx1v);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(mock_stock.call[i].min_cpus, 3);
}
END_TEST

START_TEST(a_job_that_stock_would_split_gets_one_node)
{
	static const uint64_t free[] = {0x03, 0x03, 0xf0};
	job_record_t *job;

	start_nodes(free, 3);
	mock_stock.nodes_wanted = 2;
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	ck_assert_int_eq(node_of(job), 2);
	ck_assert_uint_eq(mock_selected(job, 2), 0xf0);
}
END_TEST

START_TEST(typed_jobs_rank_their_type_only)
{
	static const struct mock_gpus gpus = {.count = 8, .links = dgx1v, .types = types};
	job_record_t *job, *busy;

	/* Types in halves here: nothing is permuted. n0 has aa's {0,1}, and all of bb. */
	mock_node_add("n0", &gpus);
	mock_node_add("n1", &gpus);
	start();
	busy = mock_job_add(50);
	mock_job_run(busy, 0, SET2(2, 3));
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(busy), 0);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", "aa")->gres_per_node = 2;
	ck_assert_int_eq(node_of(job), 1);
}
END_TEST

enum aside {
	ASIDE_CONF,
	ASIDE_OBSERVE,
	ASIDE_REQUIRED,
	ASIDE_CONTIGUOUS,
	ASIDE_SWITCH,
	ASIDE_SPREAD,
	ASIDE_MIN_NODES,
	ASIDE_RANGE,
	ASIDE_LLN,
	ASIDE_PART_LLN,
	ASIDE_COUNT
};

/* Whatever says that the nodes are not ours to choose. */
START_TEST(node_choice_stands_aside)
{
	static const uint64_t free[] = {0x21, 0xff, 0xff};
	part_record_t part = {.flags = PART_FLAG_LLN};
	job_record_t *job;

	if (_i == ASIDE_CONF)
		write_conf("NodeChoice=no\n");
	if (_i == ASIDE_OBSERVE)
		write_conf("NodeName=n2 Mode=observe\n");
	start_nodes(free, 3);
	job = job_for(2);
	if (_i == ASIDE_REQUIRED)
		job->details->req_node_bitmap = bit_alloc(3);
	job->details->contiguous = _i == ASIDE_CONTIGUOUS;
	job->req_switch = _i == ASIDE_SWITCH;
	job->bit_flags |= _i == ASIDE_SPREAD ? SPREAD_JOB : 0;
	job->bit_flags |= _i == ASIDE_MIN_NODES ? USE_MIN_NODES : 0;
	job->details->max_nodes = _i == ASIDE_RANGE ? 4 : 0;
	slurm_conf.select_type_param = _i == ASIDE_LLN ? GP_LLN : 0;
	job->part_ptr = _i == ASIDE_PART_LLN ? &part : NULL;
	ck_assert_int_eq(node_of(job), 0);
	ck_assert_int_eq(mock_stock.calls, 1);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	slurm_conf.select_type_param = 0;
}
END_TEST

/* ---- wishes ---------------------------------------------------------------------------
 */

static const struct {
	const char *why;
	const char *option;
	const char *conf;
	uint64_t free;
	int count;
	bool waits;
} wish_rows[] = {
	{"a ring is there", "GPUTOPO_TOPO=ring", "", 0xff, 2, false},
	{"no link, no ring", "GPUTOPO_TOPO=ring", "", 0x21, 2, true},
	{"a star is no ring", "GPUTOPO_TOPO=ring", "", 0x1b, 4, true},
	{"one GPU always has its ring", "GPUTOPO_TOPO=ring", "", 0x21, 1, false},
	{"40 GB/s by a double link", "GPUTOPO_MIN_BUSBW=40", "", 0x09, 2, false},
	{"40 GB/s not by a single one", "GPUTOPO_MIN_BUSBW=40", "", 0x03, 2, true},
	{"20 GB/s by a single one", "GPUTOPO_MIN_BUSBW=20", "", 0x03, 2, false},
	{"an unknown value is no wish", "GPUTOPO_TOPO=what", "", 0x21, 2, false},
	{"below the admin's ratio", "OTHER=1", "MinRatio=0.9\n", 0x03, 2, true},
	{"above the admin's ratio", "OTHER=1", "MinRatio=0.5\n", 0x03, 2, false},
	{"a wish of one's own instead", "GPUTOPO_MIN_BUSBW=20", "MinRatio=0.9\n", 0x03, 2,
	 false},
	{"observe holds nobody up", "GPUTOPO_TOPO=ring", "Mode=observe\n", 0x21, 2,
	 false},
};

START_TEST(wishes_wait_until_they_are_met)
{
	job_record_t *job;
	uint64_t nodes;
	int rc;

	write_conf(wish_rows[_i].conf);
	start_with(&dgx, wish_rows[_i].free);
	job = job_with(job_for(wish_rows[_i].count), wish_rows[_i].option);
	if (wish_rows[_i].waits) {
		expect_wait(job);
		return;
	}
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg(rc == SLURM_SUCCESS, "%s", wish_rows[_i].why);
}
END_TEST

START_TEST(a_wish_whose_rerun_fails_waits)
{
	start_with(&dgx, SET4(0, 1, 3, 6));
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = MOCK_FEWER;
	mock_stock.fault[1] = MOCK_FAIL;
	expect_wait(job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40"));
}
END_TEST

START_TEST(a_wish_finds_the_node_that_meets_it)
{
	static const uint64_t free[] = {0x21, 0x03, 0x09};
	int n;

	start_nodes(free, 3);
	for (n = 0; n < 3; n++)
		node_record_table_ptr[n]->sched_weight = (uint64_t)(n + 1) << 8;
	ck_assert_int_eq(node_of(job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40")), 2);
	ck_assert_int_eq(node_of(job_with(job_for(2), "GPUTOPO_TOPO=ring")), 1);
}
END_TEST

START_TEST(off_is_stocks_choice)
{
	start_with(&dgx, 0xff);
	expect_stock(job_with(job_for(2), "GPUTOPO_TOPO=off"), SET2(0, 1), 1);
}
END_TEST

/* Jobs that leave n0 {0,5}: 3 ends in 100 s, the others in 200 s. */
static void start_busy(time_t now)
{
	start_with(&dgx, 0x21);
	for (uint32_t id = 100; id < 108; id++) {
		job_record_t *job = find_job_record(id);

		if (!job)
			continue;
		job->time_limit = 10;
		job->end_time = now + (id == 103 ? 100 : 200);
	}
}

START_TEST(a_forecast_waits_for_the_right_end)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_busy(now);
	job = job_with(job_for(2), "GPUTOPO_TOPO=ring");
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	/* {0,3} when 3 is free, within a second of the clock */
	ck_assert_int_ge(job->start_time, now + 100);
	ck_assert_int_le(job->start_time, now + 103);
	ck_assert_ptr_nonnull(strstr(job->state_desc, "waiting"));
}
END_TEST

START_TEST(a_met_wish_is_forecast_as_stock_does)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0xff);
	job = job_with(job_for(2), "GPUTOPO_TOPO=ring");
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, now);
	ck_assert_ptr_null(job->state_desc);
}
END_TEST

START_TEST(jobs_without_a_limit_put_the_forecast_far_away)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0x21);
	job = job_with(job_for(2), "GPUTOPO_TOPO=ring");
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_ge(job->start_time, now + 300 * 24 * 3600);
}
END_TEST

START_TEST(a_wish_that_can_never_be_met_is_refused)
{
	static const struct mock_gpus bare = {.count = 8};
	job_record_t *job;
	uint64_t nodes;

	start_with(&bare, 0xff);
	job = job_with(job_for(2), "GPUTOPO_TOPO=ring");
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	ck_assert_int_eq(test_job(job_with(job_for(1), "GPUTOPO_TOPO=ring"),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 SLURM_SUCCESS);
	/* a node that has not registered may yet bring links */
	node_record_table_ptr[0]->node_state |= NODE_STATE_NO_RESPOND;
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes), SLURM_SUCCESS);
}
END_TEST

START_TEST(a_wish_beyond_the_machine_is_refused)
{
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0x21);
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=60");
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	/* busy now is no reason */
	ck_assert_int_eq(test_job(job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40"),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 SLURM_SUCCESS);
}
END_TEST

START_TEST(split_no_waits_for_one_node)
{
	static const uint64_t free[] = {0x03, 0x03, 0x03};
	job_record_t *job;
	uint64_t nodes;

	write_conf("Split=no\n");
	start_nodes(free, 3);
	mock_stock.nodes_wanted = 2;
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	expect_wait(job);
	/* who asked for two nodes gets them */
	stage.asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
}
END_TEST

static TCase *node_case(void)
{
	TCase *tc = tcase_create("nodes");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, the_best_node_is_taken, 0, ROWS(node_rows));
	tcase_add_test(tc, equal_nodes_are_left_to_stock);
	tcase_add_test(tc, the_admins_weights_come_first);
	tcase_add_test(tc, where_few_nodes_fail_all_are_asked);
	tcase_add_test(tc, a_job_that_stock_would_split_gets_one_node);
	tcase_add_test(tc, typed_jobs_rank_their_type_only);
	tcase_add_loop_test(tc, node_choice_stands_aside, 0, ASIDE_COUNT);
	return tc;
}

static TCase *wish_case(void)
{
	TCase *tc = tcase_create("wishes");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, wishes_wait_until_they_are_met, 0, ROWS(wish_rows));
	tcase_add_test(tc, a_wish_whose_rerun_fails_waits);
	tcase_add_test(tc, a_wish_finds_the_node_that_meets_it);
	tcase_add_test(tc, off_is_stocks_choice);
	tcase_add_test(tc, a_forecast_waits_for_the_right_end);
	tcase_add_test(tc, a_met_wish_is_forecast_as_stock_does);
	tcase_add_test(tc, jobs_without_a_limit_put_the_forecast_far_away);
	tcase_add_test(tc, a_wish_that_can_never_be_met_is_refused);
	tcase_add_test(tc, a_wish_beyond_the_machine_is_refused);
	tcase_add_test(tc, split_no_waits_for_one_node);
	return tc;
}

SUITE(promises)
{
	suite_add_tcase(suite, node_case());
	suite_add_tcase(suite, wish_case());
}
