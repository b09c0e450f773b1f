/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_level3.c - what running jobs will free, and the level that decided: scenes in
 * which it matters are searched with the library, and the plugin has to answer as it
 * does.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gputopo.h"
#include "core/library.h"
#include "tests/mock/stage.h"

/* Records name no cores, so that no GPU is near any. */
static const struct mock_gpus gpus = {.count = 8, .links = dgx1v, .no_sockets = true};

#define SCENES 6
#define JOBS   2

/* Two jobs hold the GPUs that are not free, and one of k is asked for. */
struct scene {
	uint64_t free, held[JOBS];
	int k;
};

static struct gt_node *node;
static struct gt_table *table;

static void setup(void)
{
	stage_setup();
	ck_assert_int_eq(gt_node_from_links(&node, 8, dgx1v, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
}

static void teardown(void)
{
	gt_table_free(table);
	gt_node_free(node);
	stage_teardown();
}

/* The library's set; jobs: how many of those that run it is told of. */
static uint64_t best(const struct scene *s, int jobs, const int *seconds)
{
	struct gt_running running[JOBS];
	struct gt_request request = {.count = s->k,
				     .free = {{s->free}},
				     .running = running,
				     .running_count = jobs};
	struct gt_choice choice;

	for (int j = 0; j < jobs; j++)
		running[j] = (struct gt_running){{{s->held[j]}},
						 seconds ? seconds[j] : GT_UNKNOWN};
	ck_assert_int_eq(gt_select(table, &request, &choice), GT_FIT_OK);
	return choice.gpus.word[0];
}

/* The scene after this one: each split of the GPUs that are not free, then each free set,
 * then a larger k; false: after the last. */
static bool next_scene(struct scene *s)
{
	uint64_t busy;

	do {
		if (++s->held[0] > 0xff) {
			s->held[0] = 1;
			if (++s->free > 0xff) {
				s->free = 1;
				s->k++;
			}
		}
		busy = 0xff & ~s->free;
		s->held[1] = busy & ~s->held[0];
	} while (s->k < 4 && ((s->held[0] & ~busy) || !s->held[1] ||
			      __builtin_popcountll(s->free) <= s->k));
	return s->k < 4;
}

/* The n-th scene in which the library's answer depends on the jobs; with seconds: on
 * which of them ends first. */
static bool find_scene(int n, const int *seconds, struct scene *s)
{
	int swapped[JOBS];

	*s = (struct scene){.free = 1, .k = 1};
	for (int j = 0; seconds && j < JOBS; j++)
		swapped[j] = seconds[JOBS - 1 - j];
	while (next_scene(s)) {
		uint64_t set = best(s, JOBS, seconds);

		if (set == best(s, seconds ? JOBS : 0, seconds ? swapped : NULL) ||
		    set == best(s, 1, seconds))
			continue;
		if (n-- == 0)
			return true;
	}
	return false;
}

/* The jobs run; seconds: until their ends, or NULL. */
static void play(const struct scene *s, const int *seconds)
{
	mock_node_add("n0", &gpus);
	start();
	for (int j = 0; j < JOBS; j++) {
		job_record_t *job = mock_job_add(100 + (uint32_t)j);

		if (seconds) {
			job->time_limit = 700;
			job->end_time = time(NULL) + seconds[j];
		}
		mock_job_run(job, 0, s->held[j]);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

START_TEST(what_running_jobs_will_free_decides_level_3)
{
	struct scene s;

	ck_assert(find_scene(_i, NULL, &s));
	play(&s, NULL);
	ck_assert_uint_eq(run(job_for(s.k)), best(&s, JOBS, NULL));
}
END_TEST

/* Jobs whose time limits tell how long they run. */
static void limits_tell(void)
{
	job_record_t *job = mock_job_add(200); /* one record for all of them */

	job->job_state = JOB_COMPLETE;
	for (int i = 0; i < 40; i++) {
		job->time_limit = 10 * (1 + (uint32_t)i);
		job->start_time = time(NULL) - 500 * (1 + i);
		ck_assert_int_eq(stage.ours.job_fini(job), 0);
	}
}

START_TEST(ends_that_tell_decide_level_3)
{
	static const int seconds[JOBS] = {60, 36000};
	struct scene s;

	the_time = 1700000000;
	ck_assert(find_scene(_i, seconds, &s));
	play(&s, seconds);
	limits_tell();
	ck_assert_uint_eq(run(job_for(s.k)), best(&s, JOBS, seconds));
}
END_TEST

/* ---- the level in the log
 * ---------------------------------------------------------------
 */

/* Stock's set: the lowest. */
static uint64_t lowest(uint64_t set, int k)
{
	uint64_t out = 0;

	for (; k > 0; k--, set &= set - 1)
		out |= set & -set;
	return out;
}

/* A scene that this level decides; one job holds what is not free. */
static bool find_level(int level, struct scene *s)
{
	for (s->k = 1; s->k < 8; s->k++)
		for (s->free = 1; s->free < 0x100; s->free++) {
			struct gt_request request = {.count = s->k, .free = {{s->free}}};
			struct gt_score better, stock;
			struct gt_mask set;
			int order, found;

			if (__builtin_popcountll(s->free) <= s->k)
				continue;
			s->held[0] = 0xff & ~s->free;
			request.running =
				&(struct gt_running){{{s->held[0]}}, GT_UNKNOWN};
			request.running_count = s->held[0] != 0;
			set = (struct gt_mask){{best(s, s->held[0] != 0, NULL)}};
			gt_select_score(table, &request, &set, &better);
			set = (struct gt_mask){{lowest(s->free, s->k)}};
			gt_select_score(table, &request, &set, &stock);
			found = gt_score_compare(&better, &stock, GT_POLICY_BANDWIDTH,
						 &order);
			if (order < 0 && found == level)
				return true;
		}
	return false;
}

START_TEST(the_line_says_which_level_decided)
{
	char text[PATH_MAX + 32], line[4096] = "", wanted[32];
	struct scene s = {0};
	job_record_t *job;
	FILE *f;

	ck_assert(find_level(_i, &s));
	snprintf(text, sizeof(text), "DecisionLog=%s/log\n", stage.dir);
	write_conf(text);
	mock_node_add("n0", &gpus);
	start();
	if (s.held[0]) {
		job = mock_job_add(100);
		mock_job_run(job, 0, s.held[0]);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
	job = job_for(s.k);
	ck_assert_uint_eq(run(job), best(&s, s.held[0] != 0, NULL));
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	snprintf(text, sizeof(text), "%s/log", stage.dir);
	f = fopen(text, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	fclose(f);
	snprintf(wanted, sizeof(wanted), "\"level\":%d,", _i);
	ck_assert_msg(strstr(line, wanted) && strstr(line, "\"changed\":true"),
		      "not %s: %s", wanted, line);
}
END_TEST

SUITE(level3)
{
	TCase *tc = tcase_create("level 3");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_running_jobs_will_free_decides_level_3, 0, SCENES);
	tcase_add_loop_test(tc, ends_that_tell_decide_level_3, 0, SCENES);
	tcase_add_loop_test(tc, the_line_says_which_level_decided, 1, 4);
	suite_add_tcase(suite, tc);
}
