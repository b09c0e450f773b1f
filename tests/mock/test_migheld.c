/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_migheld.c - what jobs with --mig hold: until when, after a restart, where
 * Slurm and the jobs disagree, and what a job begins with.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/mig/mig_submit.h"
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
START_TEST(a_contradiction_closes_a_gpu)
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
	ck_assert(mock_logged("its MIG slices are no longer free"));
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
	ck_assert(mock_logged("placement cannot be stored"));
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

/* ---- a job's other constraints --------------------------------------------------------
 */

static void require(job_record_t *job, uint64_t nodes)
{
	job->details->req_node_bitmap = bit_alloc(node_record_count);
	for (int n = 0; n < node_record_count; n++)
		if (nodes >> n & 1)
			bit_set(job->details->req_node_bitmap, n);
}

/* n0 and n1 are full of MIG jobs for 500 and 900 s; n2 is free. */
static const struct {
	const char *why;
	uint64_t required;
	int nodes;
	long seconds; /* until it starts */
} require_rows[] = {
	{"any node", 0, 1, 0},
	{"one that is full", 1, 1, 500},
	{"the other", 2, 1, 900},
	{"both", 3, 2, 900},
	{"one that is full and another", 1, 2, 500},
	{"the one that is free", 4, 1, 0},
};

static void start_full(void)
{
	start_sliced(3);
	for (int gpu = 0; gpu < 2; gpu++)
		for (int n = 0; n < 2; n++) {
			char place[32];

			snprintf(place, sizeof(place), "n%d:%d:0:8", n, gpu);
			found("7g.80gb", place, n ? 900 : 500);
		}
	ck_assert_int_eq(stage.ours.reconfigure(), 0);
}

START_TEST(a_forecast_is_of_the_required_nodes)
{
	job_record_t *job = mig_job("7g.80gb", 8);
	uint64_t nodes;

	start_full();
	require(job, require_rows[_i].required);
	stage.asked_nodes = (uint32_t)require_rows[_i].nodes;
	mock_stock.nodes_wanted = require_rows[_i].nodes;
	expect_forecast(require_rows[_i].why, job, require_rows[_i].seconds);
	if (require_rows[_i].seconds) {
		stage.preempts_none = true;
		ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes),
				 ESLURM_NODES_BUSY);
		ck_assert_int_eq(mock_stock.calls, 0);
		/* nor is it a year away afterwards */
		xfree(job->state_desc);
		expect_forecast(require_rows[_i].why, job, require_rows[_i].seconds);
	}
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
}
END_TEST

/* n0 gives slices, n1 whole GPUs only. */
START_TEST(a_required_node_that_never_serves_it_refuses)
{
	job_record_t *job = mig_job("7g.80gb", 8);
	uint64_t nodes;

	start_sliced(1);
	mock_node_add("n1", &two_gpus);
	start();
	require(job, (uint64_t)_i);
	stage.asked_nodes = _i == 3 ? 2 : 1;
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes) == SLURM_SUCCESS,
			 _i < 2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes) == SLURM_SUCCESS,
			 _i < 2);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
}
END_TEST

static const struct {
	const char *why;
	uint64_t nodes, required;
	int least;
	const char *says; /* NULL: let through, with 8 shards */
} question_rows[] = {
	{"any node", 7, 0, 1, NULL},
	{"a node that gives slices", 7, 1, 1, NULL},
	{"one that does not", 7, 4, 1,
	 "gputopo: --mig=7g.80gb: n2, which the job requires, can never serve it; there "
	 "are "},
	{"both", 7, 5, 2, "n2, which the job requires"},
	{"two", 7, 0, 2, NULL},
	{"three", 7, 0, 3, "only 2 of the 3 nodes that it needs can serve it"},
	{"one of a partition without any", 4, 0, 1, "no node has GPUs with MIG slices"},
};

START_TEST(a_refusal_is_of_the_required_nodes)
{
	struct gp_mig_question question = {.size = sizeof(question), .wish = "7g.80gb"};
	gp_mig_submit_fn *ask;
	struct gp_mig_verdict verdict;

	start_sliced(2);
	mock_node_add("n2", &two_gpus);
	start();
	question.places.least = question_rows[_i].least;
	question.places.nodes = bit_alloc(3);
	question.places.required = bit_alloc(3);
	for (int n = 0; n < 3; n++) {
		if (question_rows[_i].nodes >> n & 1)
			bit_set(question.places.nodes, n);
		if (question_rows[_i].required >> n & 1)
			bit_set(question.places.required, n);
	}
	*(void **)&ask = dlsym(stage.ours.handle, GP_MIG_SUBMIT_SYMBOL);
	ck_assert_msg(ask(&question, &verdict) == !!question_rows[_i].says, "%s: %s",
		      question_rows[_i].why, verdict.text);
	if (question_rows[_i].says)
		ck_assert_msg(strstr(verdict.text, question_rows[_i].says) != NULL,
			      "%s: %s", question_rows[_i].why, verdict.text);
	else
		ck_assert_int_eq(verdict.shards, 8);
	FREE_NULL_BITMAP(question.places.nodes);
	FREE_NULL_BITMAP(question.places.required);
}
END_TEST

SUITE(migheld)
{
	TCase *tc = tcase_create("slices");

	tcase_add_checked_fixture(tc, slices_setup, slices_teardown);
	tcase_add_test(tc, a_restart_forgets_nothing);
	tcase_add_loop_test(tc, slices_are_held_until_a_job_is_complete, 0, ROWS(states));
	tcase_add_test(tc, the_end_of_completing_is_seen);
	tcase_add_test(tc, a_contradiction_closes_a_gpu);
	tcase_add_loop_test(tc, broken_placements_close_the_node, 0, ROWS(broken_places));
	tcase_add_test(tc, a_requeued_job_gets_a_new_placement);
	tcase_add_test(tc, a_job_that_shrinks_gives_its_slices_back);
	tcase_add_test(tc, none_starts_without_its_slices);
	tcase_add_test(tc, none_starts_without_its_text);
	tcase_add_test(tc, a_forecast_without_memory_is_one_without_words);
	tcase_add_loop_test(tc, a_forecast_is_of_the_required_nodes, 0,
			    ROWS(require_rows));
	tcase_add_loop_test(tc, a_required_node_that_never_serves_it_refuses, 1, 4);
	tcase_add_loop_test(tc, a_refusal_is_of_the_required_nodes, 0,
			    ROWS(question_rows));
	suite_add_tcase(suite, tc);
}
