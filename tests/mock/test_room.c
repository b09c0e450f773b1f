/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_room.c - a cluster without room is not looked at for each waiting job; and
 * what slurmctld's time went to.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/library.h"
#include "tests/mock/stage.h"

#define LATER 601 /* seconds, after which all is looked at anew */

static int joined;

/* The plugin's too. */
int pthread_join(pthread_t thread, void **result)
{
	int (*real)(pthread_t, void **);

	*(void **)&real = dlsym(RTLD_NEXT, "pthread_join");
	joined++;
	return real(thread, result);
}

static void setup(void)
{
	stage_setup();
	the_time = 1700000000;
}

/* The nodes of which stock's first run was told, and those of the answer. */
static uint64_t asked_of(job_record_t *job, uint64_t *nodes)
{
	int rc = test_job(job, SELECT_MODE_RUN_NOW, nodes);

	if (rc != SLURM_SUCCESS)
		*nodes = 0;
	return mock_stock.call[0].nodes;
}

static void expect_no_room(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_uint_eq(asked_of(job, &nodes), 7);
	ck_assert_uint_eq(nodes, 0);
	ck_assert_int_eq(mock_stock.calls, 1);
}

enum how { HOW_END, HOW_SHRINK, HOW_RECONFIGURE, HOW_UNTOLD, HOW_COUNT };

/* Node 1 has room for four from now on. */
static void make_room(enum how how)
{
	job_record_t *busy = find_job_record(101);

	if (how == HOW_END)
		ck_assert_int_eq(stage.ours.job_fini(busy), 0);
	mock_job_stop(busy, 1, 0xfc);
	if (how == HOW_SHRINK)
		ck_assert_int_eq(stage.ours.job_resized(busy, node_record_table_ptr[1]),
				 0);
	if (how == HOW_RECONFIGURE)
		ck_assert_int_eq(stage.ours.reconfigure(), 0);
}

START_TEST(what_comes_free_is_found)
{
	static const uint64_t free[] = {0x01, 0x03, 0x01};
	job_record_t *job;
	uint64_t nodes;

	start_nodes(free, 3);
	job = job_for(4);
	expect_no_room(job);
	expect_no_room(job);
	make_room((enum how)_i);
	if (_i == HOW_UNTOLD) {
		/* as stock starts it, and after a while as we do */
		ck_assert_uint_eq(asked_of(job, &nodes), 7);
		ck_assert_uint_eq(nodes, 2);
		the_time += LATER;
	}
	ck_assert_uint_eq(asked_of(job, &nodes), 2);
	ck_assert_uint_eq(nodes, 2);
}
END_TEST

/* Nodes are passed over by what was seen of them, each for itself. */
START_TEST(smaller_jobs_find_the_room_that_is_left)
{
	static const uint64_t free[] = {0x01, 0x09, 0xff};
	uint64_t nodes;
	job_record_t *job;

	start_nodes(free, 3);
	job = job_for(8);
	ck_assert_uint_eq(asked_of(job, &nodes), 4);
	mock_job_run(job, 2, 0xff);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	expect_no_room(job_for(4));
	expect_no_room(job_for(3));
	ck_assert_uint_eq(asked_of(job_for(2), &nodes), 2);
	ck_assert_uint_eq(asked_of(job_for(1), &nodes), 1);
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	mock_job_stop(job, 2, 0xff);
	ck_assert_uint_eq(asked_of(job_for(4), &nodes), 4);
}
END_TEST

/* ---- the metrics' times ---- */

static const char *metrics_path(void)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/metrics", stage.dir);
	return path;
}

/* A thread writes them. */
static double metric(const char *name)
{
	static char text[16384];
	const char *at;
	FILE *f;

	for (int i = 0; i < 1000 && access(metrics_path(), R_OK) != 0; i++)
		usleep(10000);
	f = fopen(metrics_path(), "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	at = strstr(text, name);
	ck_assert_msg(at, "no %s in %s", name, text);
	return strtod(at + strlen(name), NULL);
}

static void conf_with_metrics(void)
{
	char text[PATH_MAX + 32];

	snprintf(text, sizeof(text), "MetricsFile=%s\n", metrics_path());
	write_conf(text);
}

START_TEST(the_time_of_calls_is_told)
{
	job_record_t *job;
	uint64_t nodes;

	conf_with_metrics();
	start_with(&dgx, 0xff);
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_double_eq(metric("\ngputopo_calls_total{in=\"start\"} "), 1);
	ck_assert_double_eq(metric("\ngputopo_calls_total{in=\"forecast\"} "), 1);
	ck_assert_double_gt(metric("\ngputopo_own_seconds_total{in=\"start\"} "), 0);
	ck_assert_double_gt(metric("\ngputopo_own_seconds_total{in=\"hook\"} "), 0);
	ck_assert_double_gt(metric("\ngputopo_stock_seconds_total{in=\"start\"} "), 0);
	ck_assert_double_eq(metric("\ngputopo_stock_seconds_total{in=\"hook\"} "), 0);
}
END_TEST

START_TEST(a_full_cluster_has_its_metrics_too)
{
	uint64_t nodes;
	job_record_t *job;

	conf_with_metrics();
	start_with(&dgx, 0x01);
	job = job_for(2);
	for (int i = 0; i < 3; i++)
		(void)test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_int_ne(access(metrics_path(), F_OK), 0);
	the_time += 30;
	(void)test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_double_eq(metric("\ngputopo_calls_total{in=\"start\"} "), 4);
	the_time += 29;
	(void)test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_double_eq(metric("\ngputopo_calls_total{in=\"start\"} "), 4);
}
END_TEST

/* The last one too, after which there is no file to write. */
START_TEST(a_writer_that_is_done_is_joined)
{
	job_record_t *job;

	conf_with_metrics();
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	(void)metric("\ngputopo_calls_total{in=\"start\"} ");
	joined = 0;
	write_conf("");
	for (int i = 0; i < 1000 && !joined; i++) {
		ck_assert_int_eq(stage.ours.node_init(), 0);
		usleep(10000);
	}
	ck_assert_int_eq(joined, 1);
}
END_TEST

SUITE(room)
{
	TCase *tc = tcase_create("room");

	tcase_add_checked_fixture(tc, setup, stage_teardown);
	tcase_add_loop_test(tc, what_comes_free_is_found, 0, HOW_COUNT);
	tcase_add_test(tc, smaller_jobs_find_the_room_that_is_left);
	tcase_add_test(tc, the_time_of_calls_is_told);
	tcase_add_test(tc, a_full_cluster_has_its_metrics_too);
	tcase_add_test(tc, a_writer_that_is_done_is_joined);
	suite_add_tcase(suite, tc);
}
