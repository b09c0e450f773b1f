/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_glue.c - the method inside slurmctld: the mask, the rerun, the restoring, and
 * stock's answer wherever the rerun does not give what was wanted. The plugin is the real
 * file; Slurm and the stock plugin are mocked. After every job_test the node structs must
 * be as before.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "tests/mock/stage.h"

/* ---- the method ---------------------------------------------------------------------
 */

static const struct {
	const char *why;
	uint64_t free;
	int count;
	uint64_t best;
} best_rows[] = {
	{"two: a double link", 0xff, 2, SET2(0, 3)},
	{"three: the double links around 3", 0xff, 3, SET3(0, 2, 3)},
	{"five: a ring, not the most links", 0xff, 5, SET4(0, 2, 3, 4) | SET1(7)},
	{"stock's worst case of four: a ring", SET4(1, 3, 4, 6) | SET2(0, 7), 4,
	 SET4(0, 3, 4, 7)},
	{"two of three: the linked pair", SET3(0, 5, 7), 2, SET2(5, 7)},
};

START_TEST(the_best_free_set_is_taken)
{
	start_with(&dgx, best_rows[_i].free);
	ck_assert_msg(run(job_for(best_rows[_i].count)) == best_rows[_i].best, "%s",
		      best_rows[_i].why);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(stock_stands_where_nothing_is_better)
{
	start_with(&dgx, 0xff);
	expect_stock(job_for(4), 0xf, 1);
	expect_stock(job_for(8), 0xff, 1);
}
END_TEST

START_TEST(one_gpu_is_taken_where_it_breaks_least)
{
	/* 0 and 3 are a double link; 5 and 7 a single one; 1 hangs on both halves. */
	start_with(&dgx, SET3(0, 3, 6));
	ck_assert_uint_eq(run(job_for(1)), SET1(6));
}
END_TEST

START_TEST(the_rerun_sees_only_the_wanted_gpus)
{
	const struct mock_call *first = &mock_stock.call[0],
			       *second = &mock_stock.call[1];

	start_with(&dgx, 0x7f);
	/* the double link that leaves the most */
	ck_assert_uint_eq(run(job_for(2)), SET2(5, 6));
	ck_assert_uint_eq(first->hidden[0], 0x80);
	ck_assert_uint_eq(first->count[0], 1);
	ck_assert_uint_eq(first->records[0], 1);
	ck_assert_uint_eq(second->hidden[0], 0xff & ~SET2(5, 6));
	ck_assert_uint_eq(second->count[0], 6);
	ck_assert_uint_eq(second->records[0], 6);
}
END_TEST

START_TEST(a_shared_record_counts_what_is_hidden)
{
	static const struct mock_gpus gpus = {
		.count = 8, .links = dgx1v, .gpus_per_record = 8};

	start_with(&gpus, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_uint_eq(mock_stock.call[1].records[0], 6);
}
END_TEST

START_TEST(the_rerun_never_preempts)
{
	start_with(&dgx, 0xff);
	run(job_for(2));
	ck_assert_ptr_eq(mock_stock.call[0].candidates, dgx1v);
	ck_assert_ptr_eq(mock_stock.call[0].preemptees, &stage.preempted);
	ck_assert_ptr_null(mock_stock.call[1].candidates);
	ck_assert_ptr_null(mock_stock.call[1].preemptees);
}
END_TEST

START_TEST(the_rerun_starts_from_the_same_job)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	mock_node_add("n1", &dgx);
	ck_assert_int_eq(stage.ours.node_init(), 0);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(mock_stock.calls, 2);
	ck_assert_uint_eq(mock_stock.call[0].min_cpus, 3);
	ck_assert_uint_eq(mock_stock.call[1].min_cpus, 3);
	ck_assert_uint_eq(mock_stock.call[0].memory, mock_stock.call[1].memory);
	ck_assert_uint_eq(job->details->min_cpus, 6);
	ck_assert_uint_eq(job->details->pn_min_memory, 107);
	ck_assert(mock_stock.call[1].best_switch);
	/* the first answer's node only */
	ck_assert_uint_eq(mock_stock.call[0].nodes, 3);
	ck_assert_uint_eq(mock_stock.call[1].nodes, 1);
}
END_TEST

START_TEST(every_node_of_a_job_is_improved)
{
	job_record_t *job = NULL;
	uint64_t nodes;

	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	job = job_for(2);
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 3));
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(a_node_without_topology_keeps_its_gpus_beside_one_with)
{
	static const struct mock_gpus bare = {.count = 8};
	job_record_t *job;
	uint64_t nodes;

	mock_node_add("n0", &bare);
	mock_node_add("n1", &dgx);
	start();
	job = job_for(2);
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 1));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 3));
}
END_TEST

/* ---- faults of the rerun ------------------------------------------------------------
 */

static const enum mock_fault faults[] = {
	MOCK_FAIL,	   MOCK_FEWER,	    MOCK_OTHER,
	MOCK_NO_RESOURCES, MOCK_OTHER_CPUS, MOCK_FAR_CORES,
};

/* The fault in every rerun: eight tries, then stock's plain answer again. */
START_TEST(a_failing_rerun_leaves_stocks_answer)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = faults[_i];
	mock_stock.fault[9] = MOCK_FINE;
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_ptr_nonnull(job->job_resrcs);
	ck_assert_int_le(mock_stock.calls, 10);
	ck_assert_int_ge(mock_stock.calls, 3);
	ck_assert_uint_eq(mock_stock.call[mock_stock.calls - 1].hidden[0], 0);
	ck_assert_uint_eq(job->details->min_cpus, 6);
	ck_assert_uint_eq(job->total_cpus, 2);
}
END_TEST

START_TEST(one_failure_leads_to_the_next_best_set)
{
	uint64_t gpus;

	start_with(&dgx, 0xff);
	mock_stock.fault[1] = faults[_i];
	gpus = run(job_for(2));
	/* again a double link, another one */
	ck_assert_uint_ne(gpus, SET2(0, 3));
	ck_assert_int_eq(__builtin_popcountll(gpus), 2);
	ck_assert_int_eq(dgx1v[__builtin_ctzll(gpus) * 8 + 63 - __builtin_clzll(gpus)],
			 2);
	ck_assert_int_eq(mock_stock.calls, 3);
}
END_TEST

START_TEST(tries_are_counted)
{
	start_with(&dgx, 0xff);
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	/* {0,1} is worth 1 link, eight pairs have 2: all are tried, then stock's again */
	expect_stock(job_for(2), SET2(0, 1), 10);
}
END_TEST

START_TEST(a_failing_restore_asks_as_slurm_did)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	mock_node_add("n1", &dgx);
	start();
	for (int i = 1; i < 10; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_int_eq(mock_stock.calls, 11);
	ck_assert_ptr_nonnull(job->job_resrcs);
	ck_assert_uint_eq(mock_stock.call[9].nodes, 1);
	ck_assert_uint_eq(mock_stock.call[10].nodes, 3);
	for (int i = 9; i < 11; i++) {
		ck_assert_ptr_eq(mock_stock.call[i].candidates, dgx1v);
		ck_assert_uint_eq(mock_stock.call[i].min_cpus, 3);
	}
}
END_TEST

START_TEST(a_failing_first_call_is_all_there_is)
{
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0xff);
	mock_stock.fault[0] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_ERROR);
	ck_assert_int_eq(mock_stock.calls, 1);
}
END_TEST

/* ---- rule b --------------------------------------------------------------------------
 */

START_TEST(cores_stay_near_a_gpu)
{
	/* Stock takes {2,5}, no link, with cores on GPU 2's socket, and has none
	 * elsewhere. A double link of the other socket would leave the job without a near
	 * core; {2,6}, one link, touches the cores' socket. */
	start_with(&dgx, SET4(2, 5, 6, 7));
	mock_stock.core_socket = 0;
	ck_assert_uint_eq(run(job_for(2)), SET2(2, 6));
	ck_assert_int_eq(mock_stock.calls, 3);
	/* where the cores follow, the double link is taken */
	mock_stock.core_socket = -1;
	ck_assert_uint_eq(run(job_for(2)) & SET1(2), 0);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

static TCase *method_case(void)
{
	TCase *tc = tcase_create("method");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, the_best_free_set_is_taken, 0, ROWS(best_rows));
	tcase_add_test(tc, stock_stands_where_nothing_is_better);
	tcase_add_test(tc, one_gpu_is_taken_where_it_breaks_least);
	tcase_add_test(tc, the_rerun_sees_only_the_wanted_gpus);
	tcase_add_test(tc, a_shared_record_counts_what_is_hidden);
	tcase_add_test(tc, the_rerun_never_preempts);
	tcase_add_test(tc, the_rerun_starts_from_the_same_job);
	tcase_add_test(tc, every_node_of_a_job_is_improved);
	tcase_add_test(tc, a_node_without_topology_keeps_its_gpus_beside_one_with);
	/* far cores are no fault where a set spans the sockets: see cores_stay_near_a_gpu
	 */
	tcase_add_loop_test(tc, a_failing_rerun_leaves_stocks_answer, 0,
			    ROWS(faults) - 1);
	tcase_add_loop_test(tc, one_failure_leads_to_the_next_best_set, 0, ROWS(faults));
	tcase_add_test(tc, tries_are_counted);
	tcase_add_test(tc, a_failing_restore_asks_as_slurm_did);
	tcase_add_test(tc, a_failing_first_call_is_all_there_is);
	tcase_add_test(tc, cores_stay_near_a_gpu);
	return tc;
}

SUITE(glue)
{
	suite_add_tcase(suite, method_case());
}
