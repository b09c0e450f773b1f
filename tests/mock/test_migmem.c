/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_migmem.c - memory runs out while a job with --mig is answered: it waits, or
 * it starts as ever, and all is as before. Each allocation in turn is the one that fails.
 *
 * A program of its own, since its malloc keeps valgrind and the sanitizers from seeing.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/slices.h"

#define POINTS 60 /* more than there are allocations in one answer */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
#endif

/* The allocation that fails, from 1; 0: none. */
static int failing, seen;
static bool counting;

#if CAN_FAIL
static bool fails(void)
{
	return counting && ++seen == failing;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
#endif

/* Stock has memory: it ends slurmctld without. */
static int stock_with_memory GP_JOB_TEST_PROTO
{
	bool before = counting;
	int rc;

	counting = false;
	rc = mock_stock_job_test GP_JOB_TEST_ARGS;
	counting = before;
	return rc;
}

static void setup(void)
{
	slices_setup();
	mock_inner.job_test = stock_with_memory;
	failing = seen = 0;
	counting = false;
}

/* job_test with the n-th allocation failing; whether it came that far: *reached. */
static int test_without(job_record_t *job, uint16_t mode, int n, bool *reached)
{
	bitstr_t *nodes = bit_alloc(node_record_count);
	uint64_t before[MOCK_MAX_NODES];
	int rc;

	for (int i = 0; i < node_record_count; i++) {
		bit_set(nodes, i);
		before[i] = mock_node_sum(i);
	}
	failing = n;
	seen = 0;
	counting = true;
	rc = stage.ours.job_test(job, nodes, 1, 500000, 1, mode, NULL, &stage.preempted,
				 TAIL);
	counting = false;
	*reached = seen >= n;
	for (int i = 0; i < node_record_count; i++)
		ck_assert_msg(mock_node_sum(i) == before[i], "node %d has changed", i);
	FREE_NULL_BITMAP(nodes);
	return rc;
}

/* Two nodes in part in use. warm: the nodes' models are known already. */
static void begin_history(bool warm)
{
	start_sliced(2);
	found("1g.10gb", "n0:1:6:1", 500);
	found("1g.10gb", "n1:0:0:1,n1:1:4:1", 300);
	if (warm)
		run_mig("1g.10gb", 1, 400);
	stage.ours.reconfigure();
}

START_TEST(an_answer_without_memory_is_to_wait)
{
	struct before b;
	job_record_t *job;
	bool reached;
	int rc;

	if (!CAN_FAIL)
		return;
	begin_history(_i % 2);
	job = mig_job("3g.40gb", 4);
	b = look(job);
	rc = test_without(job, SELECT_MODE_RUN_NOW, 1 + _i / 2, &reached);
	ck_assert_msg(rc == SLURM_SUCCESS || rc == ESLURM_NODES_BUSY, "%d", rc);
	ck_assert(reached || rc == SLURM_SUCCESS);
	if (rc == ESLURM_NODES_BUSY)
		expect_same(job, &b);
	else
		begin(job, 0);
	/* with memory it goes on, for nodes that were known */
	if (_i % 2)
		run_mig("3g.40gb", 4, 0);
}
END_TEST

START_TEST(a_forecast_without_memory_is_never_too_early)
{
	job_record_t *job;
	bool reached;
	int rc;

	if (!CAN_FAIL)
		return;
	begin_history(true);
	found("7g.80gb", "n0:0:2:1", 0);
	job = mig_job("7g.80gb", 8);
	job->start_time = NOW;
	rc = test_without(job, SELECT_MODE_WILL_RUN, 1 + _i, &reached);
	ck_assert(reached || rc == SLURM_SUCCESS);
	if (rc == SLURM_SUCCESS)
		ck_assert_msg(job->start_time >= NOW + 300, "in %ld s",
			      (long)(job->start_time - NOW));
}
END_TEST

/* The start itself: a placement, or a line. */
START_TEST(a_start_without_memory_is_told)
{
	job_record_t *job;
	uint64_t nodes;
	int rc;

	if (!CAN_FAIL)
		return;
	begin_history(true);
	job = mig_job("3g.40gb", 4);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	failing = 1 + _i;
	seen = 0;
	counting = true;
	rc = stage.ours.job_begin(job);
	counting = false;
	ck_assert_int_eq(rc, place_of(job) ? SLURM_SUCCESS : SLURM_ERROR);
	ck_assert(place_of(job) || mock_logged("gputopo: job"));
	ck_assert(seen >= failing || place_of(job));
	if (!place_of(job))
		return; /* it stays in the queue */
	/* Slurm counts its shards: nobody else gets them */
	mock_shards_take(job);
	ck_assert_int_eq(mock_node_shards(0)->topo_gres_cnt_alloc[1], 1 + 1 + 4);
	expect_place("the next", "7g.80gb", 8, "n0:0:0:8");
}
END_TEST

SUITE(migmem)
{
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, setup, slices_teardown);
	tcase_add_loop_test(tc, an_answer_without_memory_is_to_wait, 0, 2 * POINTS);
	tcase_add_loop_test(tc, a_forecast_without_memory_is_never_too_early, 0, POINTS);
	tcase_add_loop_test(tc, a_start_without_memory_is_told, 0, POINTS / 2);
	suite_add_tcase(suite, tc);
}
