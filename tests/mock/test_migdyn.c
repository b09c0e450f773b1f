/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_migdyn.c - jobs with --mig inside slurmctld: which slices, when, and nobody
 * else's; everything as it was before, whatever the stock plugin does.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/slices.h"

/* ---- which ----------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *why;
	const char *settings;
	const char *held[3]; /* wish and place */
	const char *held_wish;
	const char *wish;
	int shards;
	const char *place;
} placements[] = {
	{"an empty node", "", {NULL}, NULL, "1g.10gb", 1, "n0:0:6:1"},
	{"the GPU in use is filled, stock would take the lowest", "",
		{"n0:1:6:1"}, "1g.10gb", "3g.40gb", 4, "n0:1:0:4"},
	{"spread: the empty one", "MigPolicy=spread",
		{"n0:0:6:1"}, "1g.10gb", "3g.40gb", 4, "n0:1:4:4"},
	{"halves of two GPUs are no whole one", "",
		{"n0:0:0:4", "n0:1:4:4"}, "3g.40gb", "7g.80gb", 8, NULL},
	{"six free shards on each GPU, and no four together", "",
		{"n0:0:0:1,n0:0:4:1", "n0:1:0:1,n0:1:4:1"}, "1g.10gb", "3g.40gb", 4, NULL},
	{"two of them on one GPU", "",
		{"n0:0:0:4"}, "3g.40gb", "3g.40gb:2", 8, "n0:1:4:4,n0:1:0:4"},
	{"three where only GPU 1 has three", "",
		{"n0:0:0:2,n0:0:2:2"}, "2g.20gb", "2g.20gb:3", 6, "n0:1:4:2,n0:1:0:2,n0:1:2:2"},
	{"no GPU for both", "",
		{"n0:0:0:4", "n0:1:4:4"}, "3g.40gb", "3g.40gb:2", 8, NULL},
	{"one with media engines, of which a GPU has one", "",
		{"n0:0:6:1"}, "1g.10gb+me", "1g.10gb+me", 1, "n0:1:6:1"},
	{"a full GPU", "", {"n0:0:0:8"}, "7g.80gb", "1g.10gb", 1, "n0:1:6:1"},
};
/* clang-format on */

START_TEST(geometry_decides)
{
	char conf[200];

	snprintf(conf, sizeof(conf), "NodeName=n0 Topology=mig.json %s\n",
		 placements[_i].settings);
	write_conf(conf);
	mock_node_share(mock_node_add("n0", &two_gpus), UNITS);
	for (int h = 0; h < 3 && placements[_i].held[h]; h++)
		found(placements[_i].held_wish, placements[_i].held[h], 0);
	start();
	if (placements[_i].place)
		expect_place(placements[_i].why, placements[_i].wish,
			     placements[_i].shards, placements[_i].place);
	else
		expect_busy(mig_job(placements[_i].wish, placements[_i].shards), 0);
}
END_TEST

START_TEST(stock_sees_one_gpu_and_no_preemption)
{
	job_record_t *job;

	start_sliced(1);
	found("1g.10gb", "n0:1:6:1", 0);
	stage.preempted = NULL;
	mock_stock.preempts = true;
	job = run_mig("3g.40gb", 4, 0);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert_uint_eq(mock_stock.call[0].shared[0], SET1(1));
	ck_assert_ptr_null(mock_stock.call[0].preemptees);
	ck_assert_ptr_null(mock_stock.call[0].candidates);
	ck_assert_ptr_null(stage.preempted);
	ck_assert_uint_eq(mock_shards_selected(job, 0), SET1(1));
}
END_TEST

/* A node's own numbers are ranks of minors: the other way round here. */
START_TEST(the_node_counts_by_minor)
{
	write_files("NodeName=n0 Topology=mig.json\n", 7, 3);
	start_sliced(1);
	ck_assert_str_eq(place_of(run_mig("4g.40gb", 4, 0)), "n0:1:0:4");
	/* read back as GPU 0, whose other half it gets */
	ck_assert_str_eq(place_of(run_mig("3g.40gb", 4, 0)), "n0:1:4:4");
	ck_assert_uint_eq(mock_node_shards(0)->topo_gres_cnt_alloc[0], 8);
	ck_assert_str_eq(place_of(run_mig("7g.80gb", 8, 0)), "n0:0:0:8");
}
END_TEST

START_TEST(the_best_node_of_the_lowest_weight)
{
	uint64_t nodes;

	start_sliced(3);
	found("1g.10gb", "n1:0:6:1", 0);
	found("1g.10gb", "n2:0:6:1,n2:0:5:1", 0);
	node_record_table_ptr[2]->sched_weight = 5 << 8;
	/* n1 is begun already; n2 is heavier */
	ck_assert_str_eq(place_of(run_mig("2g.20gb", 2, 0)), "n1:0:4:2");
	/* one node was asked for by name */
	{
		job_record_t *job = mig_job("2g.20gb", 2);

		job->details->req_node_bitmap = bit_alloc(3);
		ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes),
				 SLURM_SUCCESS);
		ck_assert_uint_eq(nodes, SET1(0)); /* stock's node, our GPU */
		FREE_NULL_BITMAP(job->details->req_node_bitmap);
	}
}
END_TEST

/* Of whole nodes in leaf switches or base blocks stock takes one; a begun one is ours. */
START_TEST(whole_nodes_of_units_are_stocks)
{
	mock_slurm.pattern = "block.node";
	mock_slurm.unit[0] = mock_slurm.unit[1] = "b0";
	mock_slurm.unit[2] = "b1";
	start_sliced(3);
	ck_assert_str_eq(place_of(run_mig("2g.20gb", 2, 0)), "n0:0:4:2");
	ck_assert_uint_eq(mock_stock.call[0].nodes, 0x7);
	node_record_table_ptr[0]->run_job_cnt = 1;
	mock_stock.calls = 0;
	(void)run_mig("1g.10gb", 1, 0);
	ck_assert_uint_eq(mock_stock.call[0].nodes, 1 << 0);
}
END_TEST

START_TEST(several_nodes_have_one_placement_each)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(3);
	run_whole(1, SET2(0, 1), 100);
	stage.asked_nodes = 2;
	mock_stock.nodes_wanted = 2;
	job = mig_job("3g.40gb", 4);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, SET2(0, 2));
	begin(job, 500);
	ck_assert_str_eq(place_of(job), "n0:0:4:4,n2:0:4:4");
	/* both GPUs of n2 are full: one node is left for two */
	found("7g.80gb", "n2:1:0:8", 300);
	found("4g.40gb", "n2:0:0:4", 400);
	stage.ours.reconfigure();
	expect_busy(mig_job("1g.10gb", 1), 0);
	expect_forecast("the second node: whole GPUs", mig_job("1g.10gb", 1), 100);
}
END_TEST

/* ---- whole GPUs -----------------------------------------------------------------------
 */

START_TEST(a_gpu_held_whole_is_never_chosen)
{
	start_sliced(1);
	run_whole(0, SET1(0), 100);
	/* stock alone would take GPU 0, as all of its shards are left */
	ck_assert_str_eq(place_of(run_mig("1g.10gb", 1, 0)), "n0:1:6:1");
	run_mig("4g.40gb", 4, 0);
	expect_busy(mig_job("3g.40gb", 4), 0);
	expect_forecast("when it is given back", mig_job("3g.40gb", 4), 100);
}
END_TEST

START_TEST(all_gpus_held_whole)
{
	start_sliced(1);
	run_whole(0, SET1(0), 300);
	run_whole(0, SET1(1), 200);
	expect_busy(mig_job("1g.10gb", 1), 0);
	expect_forecast("the first of them", mig_job("1g.10gb", 1), 200);
	expect_forecast("a whole one too", mig_job("7g.80gb", 8), 200);
}
END_TEST

/* 22.05 clears a GPU's bit when the first of its jobs ends. */
START_TEST(a_gpu_with_shards_in_use_stays_taken)
{
	job_record_t *first, *second;

	start_sliced(1);
	first = run_mig("1g.10gb", 1, 0);
	second = run_mig("2g.20gb", 2, 0);
	ck_assert_uint_eq(mock_node_shards(0)->topo_gres_cnt_alloc[0], 3);
	end(first);
	ck_assert(bit_test(mock_node_shards(0)->gres_bit_alloc, 0));
	end(second);
	ck_assert(!bit_test(mock_node_shards(0)->gres_bit_alloc, 0));
	ck_assert(!bit_test(mock_node_shards(0)->gres_bit_alloc, 1));
}
END_TEST

/* ---- when -----------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *why;
	const char *held[4];
	int seconds[4]; /* until its end; 0: no limit */
	const char *held_wish;
	int whole[2]; /* GPU + 1 */
	int whole_s[2];
	const char *wish;
	int shards;
	long in; /* seconds */
} forecasts[] = {
	{"now", {NULL}, {0}, NULL, {0}, {0}, "7g.80gb", 8, 0},
	{"the first end is not enough, the second is",
		{"n0:0:0:1", "n0:0:4:1", "n0:1:0:1", "n0:1:4:1"}, {100, 200, 300, 0}, "1g.10gb",
		{0}, {0}, "7g.80gb", 8, 200},
	{"any of two halves",
		{"n0:0:0:1", "n0:0:4:1", "n0:1:0:1", "n0:1:4:1"}, {300, 200, 400, 150}, "1g.10gb",
		{0}, {0}, "3g.40gb", 4, 150},
	{"a job without a limit is not waited for",
		{"n0:0:0:1", "n0:1:4:1"}, {0, 700}, "1g.10gb", {0}, {0}, "7g.80gb", 8, 700},
	{"nobody knows",
		{"n0:0:0:1", "n0:1:4:1"}, {0, 0}, "1g.10gb", {0}, {0}, "7g.80gb", 8, YEAR},
	{"the whole GPU ends first",
		{"n0:0:0:8"}, {300}, "7g.80gb", {2}, {100}, "2g.20gb", 2, 100},
	{"the whole GPU ends last",
		{"n0:0:0:8"}, {300}, "7g.80gb", {2}, {500}, "2g.20gb", 2, 300},
	{"slices on one GPU, the other whole",
		{"n0:0:0:2"}, {300}, "2g.20gb", {2}, {200}, "7g.80gb", 8, 200},
	{"the whole GPU has no limit",
		{"n0:0:0:2"}, {300}, "2g.20gb", {2}, {0}, "7g.80gb", 8, 300},
	{"one that should have ended is as good as gone",
		{"n0:0:0:8"}, {-50}, "7g.80gb", {2}, {500}, "7g.80gb", 8, 1},
	{"two instances at once",
		{"n0:0:0:4", "n0:0:4:4"}, {300, 100}, "3g.40gb", {2}, {0}, "3g.40gb:2", 8, 300},
};
/* clang-format on */

START_TEST(the_forecast_is_the_first_end_that_helps)
{
	job_record_t *job;

	mock_node_share(mock_node_add("n0", &two_gpus), UNITS);
	for (int h = 0; h < 4 && forecasts[_i].held[h]; h++)
		found(forecasts[_i].held_wish, forecasts[_i].held[h],
		      forecasts[_i].seconds[h]);
	start();
	for (int w = 0; w < 2 && forecasts[_i].whole[w]; w++)
		run_whole(0, SET1(forecasts[_i].whole[w] - 1), forecasts[_i].whole_s[w]);
	job = mig_job(forecasts[_i].wish, forecasts[_i].shards);
	if (forecasts[_i].in)
		expect_busy(job, 0);
	expect_forecast(forecasts[_i].why, job, forecasts[_i].in);
}
END_TEST

/* The clock goes on while the forecast is made. */
START_TEST(seconds_that_pass_spoil_no_forecast)
{
	job_record_t *job;
	uint64_t nodes;

	mock_node_share(mock_node_add("n0", &two_gpus), UNITS);
	found("7g.80gb", "n0:0:0:8", -50);
	found("7g.80gb", "n0:1:0:8", 5000);
	start();
	job = mig_job("7g.80gb", 8);
	ticking = true;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ticking = false;
	ck_assert_msg(job->start_time > NOW && job->start_time < NOW + 100, "in %ld s",
		      (long)(job->start_time - NOW));
}
END_TEST

START_TEST(stocks_later_start_stays)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	found("7g.80gb", "n0:0:0:8,n0:1:0:8", 100);
	stage.ours.reconfigure();
	job = mig_job("1g.10gb", 1);
	job->start_time = NOW + 900;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, NOW + 900);
	ck_assert_ptr_nonnull(job->state_desc);
	/* and stock's no is a no */
	mock_stock.fault[0] = MOCK_FAIL;
	job = mig_job("1g.10gb", 1);
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_ERROR);
}
END_TEST

/* Slurm offers nodes to a forecast on which it would start then. */
START_TEST(only_nodes_that_can_by_then_are_offered)
{
	start_sliced(3);
	found("7g.80gb", "n0:0:0:8,n0:1:0:8", 900);
	found("7g.80gb", "n1:0:0:8,n1:1:0:8", 300);
	found("7g.80gb", "n2:0:0:8,n2:1:0:8", 0);
	stage.ours.reconfigure();
	expect_forecast("n1", mig_job("3g.40gb", 4), 300);
	ck_assert_uint_eq(mock_stock.call[0].nodes, SET1(1));
}
END_TEST

/* ---- who is no MIG job, or a forged one -----------------------------------------------
 */

START_TEST(bare_shards_get_no_slices)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	expect_busy(mig_job(NULL, 1), 0);
	/* nor does a forecast give them the node: backfill would keep it for them */
	job = mig_job(NULL, 1);
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), ESLURM_NODES_BUSY);
	ck_assert_int_eq(mock_stock.calls, 0);
}
END_TEST

/* n1's GPUs are shared without MIG. */
START_TEST(bare_shards_are_for_nodes_without_mig)
{
	uint64_t nodes;

	write_conf("NodeName=n0 Topology=mig.json\n");
	start_sliced(2);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(test_job(mig_job(NULL, 3),
					  i ? SELECT_MODE_WILL_RUN : SELECT_MODE_RUN_NOW,
					  &nodes),
				 SLURM_SUCCESS);
		ck_assert_uint_eq(mock_stock.call[0].nodes, SET1(1));
		ck_assert_uint_eq(nodes, SET1(1));
	}
	ck_assert_uint_eq(mock_stock.call[0].shared[1], SET2(0, 1));
	/* and --mig is not for them */
	ck_assert_int_eq(test_job(mig_job("1g.10gb", 1), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, SET1(0));
}
END_TEST

static const struct {
	const char *why;
	const char *wish;
	int shards;
	bool test_only; /* is it taken at submission? */
	int now;
} forged[] = {
	{"as job_submit makes it", "2g.20gb", 2, true, SLURM_SUCCESS},
	{"fewer shards than slices", "2g.20gb", 1, false, ESLURM_NODES_BUSY},
	{"more shards", "2g.20gb", 3, false, ESLURM_NODES_BUSY},
	{"shards of one for two", "2g.20gb:2", 2, false, ESLURM_NODES_BUSY},
	{"no shards", "2g.20gb", 0, false, ESLURM_NODES_BUSY},
	{"no such profile", "9g.90gb", 9, false, ESLURM_NODES_BUSY},
	{"no wish", "large", 1, false, ESLURM_INVALID_GRES},
	{"an empty one", "", 1, false, ESLURM_INVALID_GRES},
	{"too many", "1g.10gb:99", 99, false, ESLURM_INVALID_GRES},
};

START_TEST(forged_wishes_do_not_run)
{
	job_record_t *job;
	uint64_t nodes;
	int rc;

	start_sliced(1);
	job = mig_job(forged[_i].wish, forged[_i].shards);
	rc = test_job(job, SELECT_MODE_TEST_ONLY, &nodes);
	ck_assert_msg(rc == (forged[_i].test_only ? SLURM_SUCCESS : ESLURM_INVALID_GRES),
		      "%s: TEST_ONLY %d", forged[_i].why, rc);
	job = mig_job(forged[_i].wish, forged[_i].shards);
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg(rc == forged[_i].now, "%s: RUN_NOW %d", forged[_i].why, rc);
	if (rc)
		ck_assert_int_eq(mock_stock.calls, 0);
}
END_TEST

/* A node's shards are not as many as slices: it gives none. */
START_TEST(other_counts_of_shards_are_no_slices)
{
	mock_node_share(mock_node_add("n0", &two_gpus), 7);
	start();
	expect_busy(mig_job("1g.10gb", 1), 0);
}
END_TEST

/* ---- faults of stock ------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	enum mock_fault fault[2];
	int nodes;
	int rc;
	int calls;
} faults[] = {
	{{MOCK_FAIL}, 1, SLURM_ERROR, 1},
	{{MOCK_OTHER}, 1, ESLURM_NODES_BUSY, 1},
	{{MOCK_NO_RESOURCES}, 1, ESLURM_NODES_BUSY, 1},
	/* with several nodes the best is asked first, then all */
	{{MOCK_FAIL, MOCK_FAIL}, 2, SLURM_ERROR, 2},
	{{MOCK_OTHER, MOCK_OTHER}, 2, ESLURM_NODES_BUSY, 2},
	{{MOCK_NO_RESOURCES, MOCK_FAIL}, 2, SLURM_ERROR, 2},
	{{MOCK_OTHER, MOCK_FINE}, 2, SLURM_SUCCESS, 2},
	{{MOCK_FAIL, MOCK_FINE}, 2, SLURM_SUCCESS, 2},
};
/* clang-format on */

START_TEST(faults_of_stock_change_nothing)
{
	struct before b;
	job_record_t *job;
	uint64_t nodes;

	start_sliced(faults[_i].nodes);
	found("1g.10gb", "n0:1:6:1", 0);
	memcpy(mock_stock.fault, faults[_i].fault, sizeof(faults[_i].fault));
	job = mig_job("1g.10gb", 1);
	b = look(job);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), faults[_i].rc);
	ck_assert_int_eq(mock_stock.calls, faults[_i].calls);
	if (faults[_i].rc) {
		expect_same(job, &b);
		/* stock said no now, so not now: no forecast of this moment either */
		memset(mock_stock.fault, 0, sizeof(mock_stock.fault));
		ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes),
				 SLURM_SUCCESS);
		ck_assert_int_gt(job->start_time, NOW);
	} else {
		/* once changed by stock, not twice */
		ck_assert_uint_eq(job->details->min_cpus, 2 * b.min_cpus);
		ck_assert_uint_eq(job->details->pn_min_memory, b.memory + 7);
	}
}
END_TEST

/* ---- off ------------------------------------------------------------------------------
 */

static const struct {
	const char *why;
	const char *conf;
	bool forwards; /* WILL_RUN is stock's */
} offs[] = {
	{"off for the cluster", "Mode=off\nNodeName=n0 Topology=mig.json\n", true},
	{"off for the node", "NodeName=n0 Topology=mig.json Mode=off\n", false},
	{"a broken file", "NodeName=n0 Topology=mig.json\nNonsense\n", true},
	{"a missing topology", "NodeName=n0 Topology=gone.json\n", true},
	{"no file of the node", "NodeName=x Topology=mig.json\n", false},
	{"an empty file", "", false},
};

START_TEST(nothing_starts_without_an_instance)
{
	uint64_t nodes;

	write_conf(offs[_i].conf);
	start_sliced(1);
	expect_busy(mig_job("1g.10gb", 1), 0);
	expect_busy(mig_job("1g.10gb:2", 2), 0);
	ck_assert_int_eq(test_job(mig_job("1g.10gb", 1), SELECT_MODE_WILL_RUN, &nodes) ==
				 SLURM_SUCCESS,
			 offs[_i].forwards);
	/* others go on */
	ck_assert_int_eq(test_job(job_for(1), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
}
END_TEST

START_TEST(observe_is_not_off_for_them)
{
	write_conf("Mode=observe\nNodeName=n0 Topology=mig.json\n");
	start_sliced(1);
	ck_assert_str_eq(place_of(run_mig("1g.10gb", 1, 0)), "n0:0:6:1");
}
END_TEST

static void add_places(TCase *tc)
{
	tcase_add_loop_test(tc, geometry_decides, 0, ROWS(placements));
	tcase_add_test(tc, stock_sees_one_gpu_and_no_preemption);
	tcase_add_test(tc, the_node_counts_by_minor);
	tcase_add_test(tc, the_best_node_of_the_lowest_weight);
	tcase_add_test(tc, whole_nodes_of_units_are_stocks);
	tcase_add_test(tc, several_nodes_have_one_placement_each);
	tcase_add_test(tc, a_gpu_held_whole_is_never_chosen);
	tcase_add_test(tc, all_gpus_held_whole);
	tcase_add_test(tc, a_gpu_with_shards_in_use_stays_taken);
}

static void add_doubts(TCase *tc)
{
	tcase_add_test(tc, bare_shards_get_no_slices);
	tcase_add_test(tc, bare_shards_are_for_nodes_without_mig);
	tcase_add_loop_test(tc, forged_wishes_do_not_run, 0, ROWS(forged));
	tcase_add_test(tc, other_counts_of_shards_are_no_slices);
	tcase_add_loop_test(tc, nothing_starts_without_an_instance, 0, ROWS(offs));
	tcase_add_test(tc, observe_is_not_off_for_them);
	tcase_add_loop_test(tc, faults_of_stock_change_nothing, 0, ROWS(faults));
}

SUITE(migdyn)
{
	TCase *tc = tcase_create("slices");

	tcase_add_checked_fixture(tc, slices_setup, slices_teardown);
	add_places(tc);
	tcase_add_loop_test(tc, the_forecast_is_the_first_end_that_helps, 0,
			    ROWS(forecasts));
	tcase_add_test(tc, seconds_that_pass_spoil_no_forecast);
	tcase_add_test(tc, stocks_later_start_stays);
	tcase_add_test(tc, only_nodes_that_can_by_then_are_offered);
	add_doubts(tc);
	suite_add_tcase(suite, tc);
}
