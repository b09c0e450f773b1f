/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_forms.c - request forms and nodes with rules of their own: bindings, shared,
 * reserved and counted GPUs, several nodes.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "tests/mock/stage.h"

/* ---- bindings -------------------------------------------------------------------------
 */

static const struct {
	const char *why;
	uint64_t flags;
	uint64_t free;
	int core_socket; /* of stock's cores */
	uint64_t got;
} binding_rows[] = {
	{"the best pair of the cores' socket", GRES_ENFORCE_BIND, 0xff, 0, SET2(0, 3)},
	{"no double link on that socket: a single one, not {5,6}", GRES_ENFORCE_BIND,
	 SET3(0, 1, 5) | SET1(6), 0, SET2(0, 1)},
	{"stock's {2,5} is not near its cores: left alone", GRES_ENFORCE_BIND,
	 SET4(2, 5, 6, 7), 0, SET2(2, 5)},
	{"unbound: cores are of no matter, {5,6} or {6,7}", GRES_DISABLE_BIND,
	 SET4(2, 5, 6, 7), 0, SET2(5, 6)},
};

START_TEST(bindings_are_kept)
{
	job_record_t *job;

	start_with(&dgx, binding_rows[_i].free);
	mock_stock.core_socket = binding_rows[_i].core_socket;
	job = job_for(2);
	job->bit_flags |= binding_rows[_i].flags;
	ck_assert_msg(run(job) == binding_rows[_i].got, "%s", binding_rows[_i].why);
}
END_TEST

START_TEST(other_cpus_by_binding_leave_stock)
{
	job_record_t *job;

	/* 24.11 gives all cores of the GPUs' sockets: a move changes their number */
	start_with(&dgx, 0xff);
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_OTHER_CPUS;
	job = job_for(2);
	job->bit_flags |= GRES_ENFORCE_BIND;
	ck_assert_uint_eq(run(job), SET2(0, 1));
}
END_TEST

#if GP_SINCE(23, 11)
START_TEST(one_task_per_sharing_is_no_matter_for_whole_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->bit_flags |= GRES_ONE_TASK_PER_SHARING;
	ck_assert_uint_eq(run(job), SET2(0, 3));
}
END_TEST
#endif

START_TEST(wishes_hold_with_enforced_binding)
{
	job_record_t *job;

	start_with(&dgx, SET3(0, 1, 5) | SET1(6));
	mock_stock.core_socket = 0;
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=20");
	job->bit_flags |= GRES_ENFORCE_BIND;
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* {5,6} would do, the binding forbids it */
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	job->bit_flags |= GRES_ENFORCE_BIND;
	expect_wait(job);
}
END_TEST

/* A wish that stock's rules deny now is not forecast for now. */
START_TEST(a_denied_wish_is_forecast_for_the_next_end)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, SET3(0, 1, 5) | SET1(6));
	mock_stock.core_socket = 0;
	find_job_record(102)->time_limit = find_job_record(103)->time_limit = 10;
	find_job_record(102)->end_time = now + 300;
	find_job_record(103)->end_time = now + 200;
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	job->bit_flags |= GRES_ENFORCE_BIND;
	expect_wait(job);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_ge(job->start_time, now + 200);
	ck_assert_int_le(job->start_time, now + 203);
	/* once a job has ended, it may be now */
	ck_assert_int_eq(stage.ours.job_fini(find_job_record(107)), 0);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, now);
}
END_TEST

START_TEST(a_whole_node_meets_a_wish_by_any_of_its_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_with(job_for(8), "GPUTOPO_MIN_BUSBW=40");
	job->details->whole_node = 1;
	ck_assert_uint_eq(run(job), 0xff);
	ck_assert_int_eq(mock_stock.calls, 1);
	/* stock's two have 20, two of the others 40 */
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	job->details->whole_node = 1;
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* more than all eight have: never, and said so at submission */
	job = job_with(job_for(8), "GPUTOPO_MIN_BUSBW=400");
	job->details->whole_node = 1;
	expect_wait(job);
}
END_TEST

/* ---- shared and reserved GPUs ---------------------------------------------------------
 */

/* n0's shard gres: these GPUs are in use by shards. UINT64_MAX: free it. */
static void share(uint64_t used)
{
	static gres_node_state_t shard;
	static gres_state_t gres;

	FREE_NULL_BITMAP(shard.gres_bit_alloc);
	if (used == UINT64_MAX)
		return;
	memset(&shard, 0, sizeof(shard));
	shard.gres_bit_alloc = bit_alloc(8);
	for (int g = 0; g < 8; g++)
		if (used >> g & 1)
			bit_set(shard.gres_bit_alloc, g);
	gres.gres_name = "shard";
	gres.gres_data = &shard;
#if GP_SINCE(23, 11)
	mock_node_gpus(0)->alt_gres = &gres;
#else
	(void)gres;
	mock_node_gpus(0)->alt_gres_ns = &shard;
#endif
}

START_TEST(whole_gpus_of_a_node_with_shards_are_chosen)
{
	start_with(&dgx, 0xff);
	share(0);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	/* GPU 3's shards are in use; stock knows and the mock does not: hide it there */
	share(SET1(3));
	ck_assert_uint_eq(run(job_for(2)) & SET1(3), 0);
	ck_assert_int_eq(mock_stock.calls, 2);
	share(UINT64_MAX);
}
END_TEST

#if GP_SINCE(23, 11)
static struct xlist reserved_list;
static gres_job_state_t reserved_entry;

/* GPUs of n0 in a reservation. */
static struct xlist *reserve(uint64_t gpus)
{
	static gres_state_t gres;
	static bitstr_t *bits[1];

	bits[0] = bit_alloc(8);
	for (int g = 0; g < 8; g++)
		if (gpus >> g & 1)
			bit_set(bits[0], g);
	reserved_entry = (gres_job_state_t){.node_cnt = 1, .gres_bit_alloc = bits};
	gres = (gres_state_t){.gres_name = "gpu", .gres_data = &reserved_entry};
	memset(&reserved_list, 0, sizeof(reserved_list));
	mock_list_add(&reserved_list, &gres);
	return &reserved_list;
}

static const struct {
	const char *why;
	uint64_t gpus;
	bool granted;
	uint64_t got;
} resv_rows[] = {
	{"3 is another's: another double link", SET1(3), false, SET2(1, 2)},
	{"0 to 3 are the job's own", 0x0f, true, SET2(0, 3)},
	/* the mock's stock takes {0,1} whatever is reserved */
	{"0 and 1 are its own: no choice", SET2(0, 1), true, SET2(0, 1)},
};

START_TEST(reserved_gpus_are_not_chosen)
{
	resv_exc_t exc = {0};
	bitstr_t *offered;
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	if (resv_rows[_i].granted)
		exc.gres_list_inc = reserve(resv_rows[_i].gpus);
	else
		exc.gres_list_exc = reserve(resv_rows[_i].gpus);
	offered = bit_alloc(1);
	bit_set(offered, 0);
#if GP_SINCE(24, 11)
	ck_assert_int_eq(stage.ours.job_test(job, offered, 1, 500000, 1,
					     SELECT_MODE_RUN_NOW, NULL, NULL, &exc, NULL),
			 SLURM_SUCCESS);
#else
	ck_assert_int_eq(stage.ours.job_test(job, offered, 1, 500000, 1,
					     SELECT_MODE_RUN_NOW, NULL, NULL, &exc),
			 SLURM_SUCCESS);
#endif
	ck_assert_msg(mock_selected(job, 0) == resv_rows[_i].got, "%s: %lx",
		      resv_rows[_i].why, (unsigned long)mock_selected(job, 0));
	FREE_NULL_BITMAP(offered);
	FREE_NULL_BITMAP(reserved_entry.gres_bit_alloc[0]);
}
END_TEST
#endif

/* ---- GPUs that are only counted -------------------------------------------------------
 */

static const struct mock_gpus counted = {.count = 8, .counted = true};

/* n0's GPUs are counted; these are taken by a job that began before us. */
static void start_counted(uint64_t taken)
{
	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	mock_node_add("n0", &counted);
	if (taken)
		mock_job_run(mock_job_add(50), 0, taken);
	start();
	mock_inner.nodeinfo_set = mock_stock_take;
}

static uint64_t taken(void)
{
	bitstr_t *bits = mock_node_gpus(0)->gres_bit_alloc;
	uint64_t out = 0;

	for (int g = 0; g < 8; g++)
		out |= (uint64_t)bit_test(bits, g) << g;
	return out;
}

START_TEST(counted_gpus_are_chosen_when_the_job_starts)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(SET3(0, 2, 5));
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	/* {4,7} or {6,7}; stock would take {1,3}, one link */
	ck_assert_uint_eq(taken() & ~(SET3(0, 2, 5) | SET3(4, 6, 7)), 0);
	ck_assert_int_eq(__builtin_popcountll(taken()), 5);
	ck_assert_uint_eq(mock_node_gpus(0)->gres_cnt_alloc, 5);
	/* the next takes what is lowest: nothing is hidden any more */
	job = job_for(1);
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken() & SET1(1), SET1(1));
}
END_TEST

START_TEST(counted_gpus_of_another_job_are_not_hidden)
{
	job_record_t *job, *other;
	uint64_t nodes;

	start_counted(0);
	job = job_for(2);
	other = job_for(1);
	ck_assert_int_eq(test_job(other, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(other), 0);
	ck_assert_uint_eq(taken(), SET1(0));
	/* GPU 0, which job was to have, is gone: it starts as stock would start it */
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET3(0, 1, 2));
}
END_TEST

START_TEST(counted_gpus_stay_stocks_where_nothing_is_to_choose)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0);
	write_conf("NodeName=n0 Topology=builtin:dgx1v Mode=observe\n");
	start();
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET2(0, 1));
}
END_TEST

START_TEST(a_node_that_has_not_registered_is_not_counted)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0);
	mock_node_gpus(0)->gres_cnt_found = NO_VAL64;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET2(0, 1));
	ck_assert(mock_logged("only counts the GPUs"));
}
END_TEST

START_TEST(wishes_hold_for_counted_gpus)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0xff & ~SET3(0, 1, 5));
	expect_wait(job_with(job_for(2), "GPUTOPO_MIN_BUSBW=41"));
	job = job_with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), 0xff & ~SET1(0));
}
END_TEST

/* ---- several nodes --------------------------------------------------------------------
 */

START_TEST(each_share_of_a_split_job_is_a_best_set)
{
	static const uint64_t free[] = {0xff, 0x2f};
	job_record_t *job;

	write_conf("NodeChoice=no\n");
	start_nodes(free, 2);
	mock_stock.nodes_wanted = 2;
	job = job_total(4);
	ck_assert_uint_eq(nodes_of(job), 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_int_eq(__builtin_popcountll(mock_selected(job, 1)), 2);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(a_wish_over_several_nodes_is_each_nodes)
{
	static const uint64_t free[] = {0xff, 0x21};
	job_record_t *job;

	start_nodes(free, 2);
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	/* {0,5} of n1 is no ring */
	expect_wait(job_with(job_total(4), "GPUTOPO_TOPO=ring"));
	job = job_with(job_total(2), "GPUTOPO_TOPO=ring");
	ck_assert_uint_eq(nodes_of(job), 3);
}
END_TEST

START_TEST(shares_are_evened_out_where_the_wish_needs_it)
{
	static const uint64_t free[] = {SET3(0, 3, 6), 0xff};
	job_record_t *job;

	start_nodes(free, 2);
	mock_stock.nodes_wanted = 2;
	mock_stock.uneven = true;
	stage.asked_nodes = 2;
	/* stock gives {0,3,6}, no ring, and one more; two pairs of 40 GB/s are free */
	job = job_with(job_total(4), "GPUTOPO_MIN_BUSBW=40");
	ck_assert_uint_eq(nodes_of(job), 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 3));
	/* without a wish the shares are stock's */
	job = job_total(4);
	ck_assert_uint_eq(nodes_of(job), 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET3(0, 3, 6));
	/* where even ones cannot be had, the job waits */
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	mock_stock.fault[9] = mock_stock.fault[10] = MOCK_FINE;
	expect_wait(job_with(job_total(4), "GPUTOPO_MIN_BUSBW=40"));
}
END_TEST

static TCase *binding_case(void)
{
	TCase *tc = tcase_create("bindings");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, bindings_are_kept, 0, ROWS(binding_rows));
	tcase_add_test(tc, other_cpus_by_binding_leave_stock);
#if GP_SINCE(23, 11)
	tcase_add_test(tc, one_task_per_sharing_is_no_matter_for_whole_gpus);
	tcase_add_loop_test(tc, reserved_gpus_are_not_chosen, 0, ROWS(resv_rows));
#endif
	tcase_add_test(tc, wishes_hold_with_enforced_binding);
	tcase_add_test(tc, a_denied_wish_is_forecast_for_the_next_end);
	tcase_add_test(tc, a_whole_node_meets_a_wish_by_any_of_its_gpus);
	tcase_add_test(tc, whole_gpus_of_a_node_with_shards_are_chosen);
	tcase_add_test(tc, each_share_of_a_split_job_is_a_best_set);
	tcase_add_test(tc, a_wish_over_several_nodes_is_each_nodes);
	tcase_add_test(tc, shares_are_evened_out_where_the_wish_needs_it);
	return tc;
}

static TCase *counted_case(void)
{
	TCase *tc = tcase_create("counted");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, counted_gpus_are_chosen_when_the_job_starts);
	tcase_add_test(tc, counted_gpus_of_another_job_are_not_hidden);
	tcase_add_test(tc, counted_gpus_stay_stocks_where_nothing_is_to_choose);
	tcase_add_test(tc, a_node_that_has_not_registered_is_not_counted);
	tcase_add_test(tc, wishes_hold_for_counted_gpus);
	return tc;
}

SUITE(forms)
{
	suite_add_tcase(suite, binding_case());
	suite_add_tcase(suite, counted_case());
}
