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

#include "core/library.h"
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
	part_record_t *part = mock_alloc(sizeof(*part));
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
	if (_i == ASIDE_RANGE) {
		job->details->max_nodes = 4;
		job->bit_flags &= ~(uint64_t)GP_IMPLICIT_MAX_NODES;
	}
	slurm_conf.select_type_param = _i == ASIDE_LLN ? GP_LLN : 0;
	part->magic = PART_MAGIC;
	part->flags = PART_FLAG_LLN;
	job->part_ptr = _i == ASIDE_PART_LLN ? part : NULL;
	ck_assert_int_eq(node_of(job), 0);
	ck_assert_int_eq(mock_stock.calls, 1);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	slurm_conf.select_type_param = 0;
	job->part_ptr = NULL;
	xfree(part);
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

/* What squeue may say of a waiting job with --gpu-topo=ring. */
static const struct {
	const char *why;
	uint64_t free[2];
	int count;
	bool links; /* "waiting for GPUs that are connected" */
} reason_rows[] = {
	{"two are free, without a link", {0x21, 0x00}, 2, true},
	{"one is free: their number", {0x01, 0x00}, 2, false},
	{"none is free", {0x00, 0x00}, 2, false},
	{"enough together, on no node enough", {0x01, 0x20}, 2, false},
	{"enough on the other node only", {0x01, 0x21}, 2, true},
	{"a ring is there", {0x21, 0x0f}, 2, false},
};

START_TEST(squeue_tells_the_true_reason)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_nodes(reason_rows[_i].free, 2);
	for (uint32_t id = 100; id < 120; id++)
		if (find_job_record(id)) {
			find_job_record(id)->time_limit = 10;
			find_job_record(id)->end_time = now + 100;
		}
	job = job_with(job_for(reason_rows[_i].count), "GPUTOPO_TOPO=ring");
	job->start_time = now;
	/* whatever it said before */
	job->state_desc =
		mock_text("gputopo: waiting for GPUs that are connected as asked");
	/* the mock's stock refuses where the number is missing */
	test_job(job, SELECT_MODE_WILL_RUN, &nodes);
	ck_assert_msg(!!job->state_desc == reason_rows[_i].links, "%s: %s",
		      reason_rows[_i].why, job->state_desc ? job->state_desc : "");
	/* what is not ours stays */
	if (!job->state_desc) {
		job->state_desc = mock_text("of another plugin");
		test_job(job, SELECT_MODE_WILL_RUN, &nodes);
		ck_assert_str_eq(job->state_desc, "of another plugin");
	}
}
END_TEST

static const struct {
	const char *env, *before, *after;
} shown_rows[] = {
	{"GPUTOPO_TOPO=ring", NULL, "gputopo: --gpu-topo=ring"},
	{"GPUTOPO_MIN_BUSBW=40", NULL, "gputopo: --gpu-min-busbw=40"},
	{"GPUTOPO_GROUP_SIZES=2x2+4", NULL, "gputopo: --gpu-groups=2x2+4"},
	{"_SLURM_SPANK_OPTION_gputopo_mig=3g.40gb:2", NULL, "gputopo: --mig=3g.40gb:2"},
	{"GPUTOPO_TOPO=a;b\n c", NULL, "gputopo: --gpu-topo=a?b??c"},
	{"GPUTOPO_TOPO=ring", "theirs", "theirs"},
	{"OTHER=1", NULL, NULL},
};

START_TEST(a_waiting_jobs_wish_is_seen)
{
	uint64_t nodes;
	job_record_t *job;

	start_with(&dgx, 0x21);
	job = job_with(job_for(2), shown_rows[_i].env);
	if (shown_rows[_i].before)
		job->admin_comment = mock_text(shown_rows[_i].before);
	test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	if (shown_rows[_i].after)
		ck_assert_str_eq(job->admin_comment, shown_rows[_i].after);
	else
		ck_assert_ptr_null(job->admin_comment);
	xfree(job->admin_comment);
	job->admin_comment = NULL;
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

/* ---- a job's other constraints --------------------------------------------------------
 */

static const struct {
	const char *why;
	uint64_t free[4];
	uint64_t required;
	int nodes;
	uint64_t fails;	 /* the calls of stock that find no room */
	long seconds;	 /* until it starts; -1: never */
	uint64_t answer; /* nodes that are held for it */
	uint64_t first;	 /* offered by the first call */
} held_rows[] = {
	{"any node, and one can now", {0x21, 0x21, 0xff, 0xff}, 0, 1, 0, 0, 0x4, 0xc},
	{"a required node that can later",
	 {0x21, 0xff, 0xff, 0xff},
	 1,
	 1,
	 0,
	 100,
	 1,
	 0xf},
	{"not one that is free sooner", {0xff, 0x21, 0xff, 0xff}, 2, 1, 0, 200, 2, 0xf},
	{"a required node that can now", {0x21, 0xff, 0xff, 0xff}, 2, 1, 0, 0, 2, 0xe},
	{"two that are required", {0x21, 0x21, 0xff, 0xff}, 3, 2, 0, 200, 3, 0xf},
	{"a required node and another", {0x21, 0x21, 0x21, 0xff}, 2, 2, 0, 200, 3, 0xb},
	{"two of any, sorted by date", {0x21, 0x21, 0x21, 0xff}, 0, 2, 0, 100, 9, 9},
	{"as many as there are", {0x21, 0x21, 0x21, 0xff}, 0, 4, 0, 300, 0xf, 0xf},
	{"a required node that never can",
	 {0xff, 0xff, 0xff, 0xff},
	 0x10,
	 1,
	 0,
	 -1,
	 0,
	 0},
	{"that one among others", {0xff, 0xff, 0xff, 0xff}, 0x11, 2, 0, -1, 0, 0},
	{"more than can ever", {0xff, 0xff, 0xff, 0xff}, 0, 5, 0, -1, 0, 0},
	{"no room where it could first: later, elsewhere",
	 {0, 0x21, 0, 0},
	 0,
	 1,
	 1,
	 200,
	 2,
	 1},
	{"no room anywhere: not on one that never can",
	 {0xff, 0xff, 0xff, 0xff},
	 0,
	 1,
	 1,
	 -1,
	 0,
	 0xf},
};

/* Four DGX-1V, n0 to n3, whose jobs end in 100, 200, ... seconds; n4 has no links. */
static void start_held(const uint64_t free[4], time_t now)
{
	static const struct mock_gpus bare = {.count = 8};

	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	mock_node_add("n2", &dgx);
	mock_node_add("n3", &dgx);
	mock_node_add("n4", &bare);
	start();
	for (int n = 0; n < 4; n++) {
		job_record_t *job;

		if (free[n] == 0xff)
			continue;
		job = mock_job_add(100 + (uint32_t)n);
		mock_job_run(job, n, 0xff & ~free[n]);
		job->time_limit = 10;
		job->end_time = now + 100 * (n + 1);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

static void require(job_record_t *job, uint64_t nodes)
{
	if (!nodes)
		return;
	job->details->req_node_bitmap = bit_alloc(node_record_count);
	for (int n = 0; n < node_record_count; n++)
		if (nodes >> n & 1)
			bit_set(job->details->req_node_bitmap, n);
}

/* A pair with a link on each node, from row _i. */
static job_record_t *held_job(int row, time_t now)
{
	job_record_t *job = job_with(job_for(2), "GPUTOPO_TOPO=ring");

	start_held(held_rows[row].free, now);
	for (int i = 0; i < 16; i++)
		mock_stock.fault[i] =
			held_rows[row].fails >> i & 1 ? MOCK_FAIL : MOCK_FINE;
	require(job, held_rows[row].required);
	stage.asked_nodes = (uint32_t)held_rows[row].nodes;
	mock_stock.nodes_wanted = held_rows[row].nodes;
	job->start_time = now;
	return job;
}

START_TEST(what_waits_holds_only_what_it_can_start_on)
{
	time_t now = time(NULL);
	job_record_t *job = held_job(_i, now);
	uint64_t nodes;
	int rc = test_job(job, SELECT_MODE_WILL_RUN, &nodes);
	long left;

	if (held_rows[_i].seconds < 0) {
		ck_assert_msg(rc != SLURM_SUCCESS, "%s", held_rows[_i].why);
	} else {
		ck_assert_msg(rc == SLURM_SUCCESS, "%s", held_rows[_i].why);
		left = (long)(job->start_time - now);
		ck_assert_msg(left >= held_rows[_i].seconds &&
				      left <= held_rows[_i].seconds + 3,
			      "%s: in %ld s", held_rows[_i].why, left);
		ck_assert_msg(nodes == held_rows[_i].answer, "%s: %#lx",
			      held_rows[_i].why, (unsigned long)nodes);
	}
	for (int i = 0; i < mock_stock.calls; i++)
		ck_assert_msg(!(mock_stock.call[i].nodes & 0x10), "%s",
			      held_rows[_i].why);
	ck_assert_uint_eq(mock_stock.calls ? mock_stock.call[0].nodes : 0,
			  held_rows[_i].first);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
}
END_TEST

/* What never can is refused at submission, and when its constraints are changed later:
 * slurmctld asks the same of each job that does not start. */
START_TEST(constraints_that_can_never_be_met_are_refused)
{
	job_record_t *job = held_job(_i, time(NULL));
	bool never = held_rows[_i].seconds < 0 && !held_rows[_i].fails;
	uint64_t nodes;
	int rc;

	memset(mock_stock.fault, 0, sizeof(mock_stock.fault));
	mock_stock.nodes_wanted = 0;
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	require(job, held_rows[_i].required);
	rc = test_job(job, SELECT_MODE_TEST_ONLY, &nodes);
	ck_assert_msg((rc == ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE) == never, "%s: %d",
		      held_rows[_i].why, rc);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
}
END_TEST

/* Now: stock is not asked at all where a required node cannot. */
START_TEST(a_required_node_that_cannot_now_is_waited_for)
{
	job_record_t *job = held_job(_i, time(NULL));

	stage.preempts_none = true;
	expect_wait(job);
	ck_assert_int_eq(mock_stock.calls, 0);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
}
END_TEST

/* Stock could not meet the wish on nodes that could: the next end there is that of a job
 * which has no GPUs at all. */
START_TEST(a_refused_job_waits_for_the_end_of_any_job_there)
{
	static const uint64_t free[4] = {SET4(0, 1, 3, 6), 0xff, 0xff, 0xff};
	time_t now = time(NULL);
	job_record_t *job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40"), *cores;
	uint64_t nodes;

	start_held(free, now);
	cores = mock_job_add(50);
	mock_job_run(cores, 0, 0);
	cores->time_limit = 10;
	cores->end_time = now + 50;
	require(job, 1);
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = MOCK_FEWER;
	mock_stock.fault[1] = MOCK_FAIL;
	expect_wait(job);
	memset(mock_stock.fault, 0, sizeof(mock_stock.fault));
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_ge(job->start_time, now + 50);
	ck_assert_int_le(job->start_time, now + 53);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
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
	tcase_add_loop_test(tc, squeue_tells_the_true_reason, 0, ROWS(reason_rows));
	tcase_add_loop_test(tc, a_waiting_jobs_wish_is_seen, 0, ROWS(shown_rows));
	tcase_add_test(tc, a_met_wish_is_forecast_as_stock_does);
	tcase_add_test(tc, jobs_without_a_limit_put_the_forecast_far_away);
	tcase_add_test(tc, a_wish_that_can_never_be_met_is_refused);
	tcase_add_test(tc, a_wish_beyond_the_machine_is_refused);
	tcase_add_test(tc, split_no_waits_for_one_node);
	tcase_add_loop_test(tc, what_waits_holds_only_what_it_can_start_on, 0,
			    ROWS(held_rows));
	tcase_add_loop_test(tc, constraints_that_can_never_be_met_are_refused, 0,
			    ROWS(held_rows));
	tcase_add_loop_test(tc, a_required_node_that_cannot_now_is_waited_for, 1, 3);
	tcase_add_test(tc, a_refused_job_waits_for_the_end_of_any_job_there);
	return tc;
}

SUITE(promises)
{
	suite_add_tcase(suite, node_case());
	suite_add_tcase(suite, wish_case());
}
