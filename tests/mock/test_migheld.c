/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_migheld.c - what jobs with --mig hold: until when, after a restart, where
 * Slurm and the jobs disagree, and what a job begins with.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/slices.h"

/* ---- what is held ---------------------------------------------------------------------
 */

START_TEST(a_restart_forgets_nothing)
{
	start_sliced(2);
	ck_assert_str_eq(place_of(run_mig("4g.40gb", 4, 0)), "n0:0:0:4");
	ck_assert_str_eq(place_of(run_mig("1g.10gb:2", 2, 0)), "n0:0:6:1,n0:0:4:1");
	/* slurmctld ends, and another one begins with the jobs that it saved */
	stage.ours.fini();
	mock_unload(&stage.ours);
	ck_assert(mock_load(&stage.ours, MOCK_OURS ":" MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
	start();
	ck_assert_str_eq(place_of(run_mig("1g.10gb:2", 2, 0)), "n0:1:6:1,n0:1:4:1");
}
END_TEST

static const struct {
	const char *why;
	uint32_t state;
	bool holds;
} states[] = {
	{"running", JOB_RUNNING, true},
	{"suspended", JOB_SUSPENDED, true},
	{"completing", JOB_COMPLETE | JOB_COMPLETING, true},
	{"cancelled and completing", JOB_CANCELLED | JOB_COMPLETING, true},
	{"requeued, still completing", JOB_PENDING | JOB_COMPLETING, true},
	{"complete", JOB_COMPLETE, false},
	{"failed", JOB_FAILED, false},
	{"pending after a requeue, with its old placement", JOB_PENDING, false},
};

START_TEST(slices_are_held_until_a_job_is_complete)
{
	job_record_t *job;

	start_sliced(1);
	found("7g.80gb", "n0:1:0:8", 0);
	job = found("3g.40gb", "n0:0:0:4", 0);
	job->job_state = states[_i].state;
	/* Slurm gives shards back at the beginning of completing */
	if (states[_i].state != JOB_RUNNING && states[_i].state != JOB_SUSPENDED)
		mock_node_shards(0)->topo_gres_cnt_alloc[0] = 0;
	if (states[_i].holds) {
		expect_busy(mig_job("7g.80gb", 8), 0);
		ck_assert_str_eq(place_of(run_mig("3g.40gb", 4, 0)), "n0:0:4:4");
	} else {
		ck_assert_str_eq(place_of(run_mig("7g.80gb", 8, 0)), "n0:0:0:8");
	}
}
END_TEST

/* No hook tells when a job is complete. */
START_TEST(the_end_of_completing_is_seen)
{
	job_record_t *job;

	start_sliced(1);
	found("7g.80gb", "n0:1:0:8", 0);
	job = run_mig("7g.80gb", 8, 0);
	mock_shards_return(job);
	job->job_state = JOB_COMPLETE | JOB_COMPLETING;
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	expect_busy(mig_job("1g.10gb", 1), 0);
	job->job_state = JOB_COMPLETE;
	ck_assert_str_eq(place_of(run_mig("1g.10gb", 1, 0)), "n0:0:6:1");
}
END_TEST

/* Shards that Slurm counts and no placement explains. */
START_TEST(the_canary_closes_a_gpu)
{
	start_sliced(1);
	found("1g.10gb", "n0:0:6:1", 0);
	mock_node_shards(0)->topo_gres_cnt_alloc[0]++;
	ck_assert_str_eq(place_of(run_mig("1g.10gb", 1, 0)), "n0:1:6:1");
	mock_node_shards(0)->topo_gres_cnt_alloc[1]++;
	expect_busy(mig_job("1g.10gb", 1), 0);
	mock_node_shards(0)->topo_gres_cnt_alloc[0]--;
	ck_assert_str_eq(place_of(run_mig("1g.10gb", 1, 0)), "n0:0:4:1");
}
END_TEST

static const char *const broken_places[] = {
	"n0:0:3:4",	     /* a 3g cannot start there */
	"n0:5:0:4",	     /* no such GPU */
	"n0:0:0:4,n0:0:0:4", /* twice */
	"n0:0:0:4,nonsense", "n0:0:0:3",
};

/* Placements that contradict the geometry: nothing on that node, all on others. */
START_TEST(broken_placements_close_the_node)
{
	job_record_t *job;

	start_sliced(2);
	job = mock_job_add(stage.next_job++);
	set_env(job, GP_ENV_MIG, "3g.40gb");
	set_env(job, GP_ENV_MIG_PLACE, broken_places[_i]);
	job->job_state = JOB_RUNNING;
	mock_node_shards(0)->topo_gres_cnt_alloc[0] = 8;
	mock_node_shards(0)->topo_gres_cnt_alloc[1] = 8;
	ck_assert_str_eq(place_of(run_mig("4g.40gb", 4, 0)), "n1:0:0:4");
	ck_assert_str_eq(place_of(run_mig("7g.80gb", 8, 0)), "n1:1:0:8");
	expect_busy(mig_job("7g.80gb", 8), 0);
}
END_TEST

/* ---- at the start ---------------------------------------------------------------------
 */

START_TEST(a_requeued_job_gets_a_new_placement)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	found("4g.40gb", "n0:0:0:4", 0);
	stage.ours.reconfigure();
	job = mig_job("3g.40gb", 4);
	set_env(job, GP_ENV_MIG_PLACE, "n0:0:0:4");
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	begin(job, 0);
	ck_assert_str_eq(place_of(job), "n0:0:4:4");
}
END_TEST

/* Between the answer and the start the slices go: never the old place, and a line. */
/* What a job leaves behind is free, and no more than that. */
START_TEST(a_job_that_shrinks_gives_its_slices_back)
{
	job_record_t *job;

	start_sliced(2);
	job = found("3g.40gb", "n0:0:0:4,n0:1:0:4,n1:0:0:4,n1:1:0:4", 0);
	stage.ours.reconfigure();
	for (int g = 0; g < 2; g++)
		mock_node_shards(1)->topo_gres_cnt_alloc[g] -= 4;
	ck_assert_int_eq(stage.ours.job_resized(job, node_record_table_ptr[1]), 0);
	ck_assert_str_eq(place_of(job), "n0:0:0:4,n0:1:0:4");
	expect_place("the node it left", "7g.80gb", 8, "n1:0:0:8");
	expect_place("beside it", "3g.40gb", 4, "n0:0:4:4");
	/* nothing to take out, and nothing is lost */
	ck_assert_int_eq(stage.ours.job_resized(job, node_record_table_ptr[1]), 0);
	ck_assert_str_eq(place_of(job), "n0:0:0:4,n0:1:0:4");
}
END_TEST

START_TEST(none_starts_without_its_slices)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	job = mig_job("3g.40gb", 4);
	set_env(job, GP_ENV_MIG_PLACE, "n0:0:0:4");
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	found("7g.80gb", "n0:0:0:8", 0);
	stage.ours.reconfigure();
	/* so it does not: Slurm leaves it in the queue */
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_ERROR);
	ck_assert_ptr_null(place_of(job));
	ck_assert(mock_logged("its MIG slices are not to be had"));
}
END_TEST

START_TEST(none_starts_without_its_text)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	job = mig_job("3g.40gb", 4);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	mock_slurm.no_memory = true;
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_ERROR);
	mock_slurm.no_memory = false;
	ck_assert_ptr_null(place_of(job));
	ck_assert(mock_logged("where they are cannot be written"));
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	ck_assert_str_eq(place_of(job), "n0:0:4:4");
}
END_TEST

START_TEST(a_forecast_without_memory_is_one_without_words)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(1);
	found("7g.80gb", "n0:0:0:8,n0:1:0:8", 100);
	stage.ours.reconfigure();
	job = mig_job("1g.10gb", 1);
	mock_slurm.no_memory = true;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	mock_slurm.no_memory = false;
	ck_assert_int_eq(job->start_time, NOW + 100);
	ck_assert_ptr_null(job->state_desc);
}
END_TEST

SUITE(migheld)
{
	TCase *tc = tcase_create("slices");

	tcase_add_checked_fixture(tc, slices_setup, slices_teardown);
	tcase_add_test(tc, a_restart_forgets_nothing);
	tcase_add_loop_test(tc, slices_are_held_until_a_job_is_complete, 0, ROWS(states));
	tcase_add_test(tc, the_end_of_completing_is_seen);
	tcase_add_test(tc, the_canary_closes_a_gpu);
	tcase_add_loop_test(tc, broken_placements_close_the_node, 0, ROWS(broken_places));
	tcase_add_test(tc, a_requeued_job_gets_a_new_placement);
	tcase_add_test(tc, a_job_that_shrinks_gives_its_slices_back);
	tcase_add_test(tc, none_starts_without_its_slices);
	tcase_add_test(tc, none_starts_without_its_text);
	tcase_add_test(tc, a_forecast_without_memory_is_one_without_words);
	suite_add_tcase(suite, tc);
}
