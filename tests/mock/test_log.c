/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_log.c - what is told of decisions: the log, the metrics, comments, lines.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/library.h"
#include "plugin/ctld/log/decision.h"
#include "tests/mock/stage.h"

/* ---- the decision log and the metrics
 * -------------------------------------------------- */

static char *read_file(const char *name)
{
	static char text[16384];
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage.dir, name);
	f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* A thread writes them. */
static const char *read_metrics(void)
{
	for (int i = 0; i < 1000 && !*read_file("metrics"); i++)
		usleep(10000);
	return read_file("metrics");
}

/* A file server that is gone: renames wait until it is back. */
static atomic_bool is_gone, is_waiting;

int rename(const char *from, const char *to)
{
	for (is_waiting = is_gone; is_gone;)
		usleep(1000);
	is_waiting = false;
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void conf_with_log(const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), "DecisionLog=%s/log MetricsFile=%s/metrics\n%s",
		 stage.dir, stage.dir, more);
	write_conf(text);
}

/* The line without its time stamp and microseconds, which no test can know. */
static void expect_line(const char *text, const char *wanted)
{
	static char line[GP_LINE_MAX];
	const char *job = strstr(text, "\"job\""), *us = strstr(text, ",\"us\":");

	ck_assert_msg(job && us, "no line: '%s'", text);
	snprintf(line, sizeof(line), "%.*s%s", (int)(us - job), job, strstr(us + 1, ","));
	*strchr(line, '\n') = '\0';
	/* without the release too */
	memmove(strstr(line, ",\"release\""), strstr(line, ",\"form\""),
		strlen(strstr(line, ",\"form\"")) + 1);
	ck_assert_str_eq(line, wanted);
}

START_TEST(a_started_job_gets_its_line)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_str_eq(read_file("log"), "");
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	expect_line(
		read_file("log"),
		"\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		"\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0,3\","
		"\"stock_gbps\":20.000,\"gbps\":40.000,\"ideal_gbps\":40.000,\"level\":1,"
		"\"mode\":\"enforce\",\"changed\":true,\"split\":false,"
		"\"reason\":\"changed\"}");
	/* once */
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_ptr_eq(strchr(read_file("log"), '\n')[1] ? "two" : NULL, NULL);
	ck_assert_ptr_nonnull(strstr(read_metrics(),
				     "gputopo_decisions_total{reason=\"changed\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(read_metrics(), "gputopo_reruns_total 1\n"));
	ck_assert_ptr_nonnull(strstr(read_metrics(), "gputopo_jobs_started_total 1\n"));
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
START_TEST(a_file_server_that_is_gone_holds_up_no_end)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	is_gone = true;
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	for (int i = 0; i < 1000 && !is_waiting; i++)
		usleep(1000);
	ck_assert(is_waiting);
	stage.ours.fini();
	ck_assert(is_waiting);
	ck_assert(mock_logged("its file system does not answer"));
	mock_unload(&stage.ours);
	/* the thread comes back to code that is still there */
	is_gone = false;
	ck_assert_ptr_nonnull(strstr(read_metrics(), "gputopo_jobs_started_total 1\n"));
	ck_assert(mock_load(&stage.ours, MOCK_OURS ":" MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
}
END_TEST
#endif

/* The job's supplementary environment, which Slurm gives to all its steps. */
#ifdef GP_UNTIL_2411
#define CARRIED 4
#else
#define CARRIED 3
#endif

START_TEST(a_started_job_carries_the_topology)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(job->details->env_cnt, 0);
	for (int start = 0; start < 2; start++) { /* a requeued job has it once */
		ck_assert_int_eq(stage.ours.job_begin(job), 0);
		ck_assert_int_eq(job->details->env_cnt, CARRIED);
		ck_assert_ptr_eq(strstr(job->details->env_sup[0], "GPUTOPO_MODELS=n0="),
				 job->details->env_sup[0]);
		ck_assert_ptr_nonnull(strstr(job->details->env_sup[0], "=1/8/"));
		ck_assert_str_eq(job->details->env_sup[1], "GPUTOPO_GPUS=0,3");
		ck_assert_str_eq(job->details->env_sup[2], "GPUTOPO_BUSBW=40");
#ifdef GP_UNTIL_2411
		ck_assert_str_eq(job->details->env_sup[3], "GPUTOPO_STEPS=yes");
#endif
	}
}
END_TEST

/* Where the types of gres.conf reorder Slurm's numbers the nodes are told how. */
START_TEST(the_order_of_types_is_carried)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links, .types = types};
	job_record_t *job;

	for (int row = 0; row < 8; row++)
		memcpy(links + 8 * row, dgx1v + 8 * regrouped[row], 8 * sizeof(int));
	start_with(&gpus, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_ptr_nonnull(strstr(job->details->env_sup[0], "=0,2,4,6,1,3,5,7"));
}
END_TEST

/* A job that asks for no GRES at all has no list of it. */
START_TEST(a_job_without_gres_carries_nothing)
{
	job_record_t *job;
	gp_list_t none;

	start_with(&dgx, 0xff);
	job = mock_job_add(stage.next_job++);
	none = job->gres_list_req;
	job->gres_list_req = NULL;
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(job->details->env_cnt, 0);
	job->gres_list_req = none;
}
END_TEST

START_TEST(modes_other_than_enforce_carry_nothing)
{
	job_record_t *job;

	write_conf("Mode=observe\n");
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(job->details->env_cnt, 0);
}
END_TEST

START_TEST(a_job_that_does_not_start_leaves_no_line)
{
	job_record_t *first, *second;

	conf_with_log("");
	start_with(&dgx, 0xff);
	first = job_for(2);
	second = job_for(3);
	run(first);
	run(second);
	ck_assert_int_eq(stage.ours.job_begin(first), 0);
	ck_assert_str_eq(read_file("log"), "");
	ck_assert_int_eq(stage.ours.job_begin(second), 0);
	ck_assert_ptr_nonnull(strstr(read_file("log"), "\"job\":8"));
}
END_TEST

START_TEST(observe_logs_what_it_would_have_done)
{
	job_record_t *job;

	conf_with_log("Mode=observe\n");
	start_with(&dgx, 0xff);
	job = job_for(2);
	expect_stock(job, SET2(0, 1), 1);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	expect_line(
		read_file("log"),
		"\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		"\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0,3\","
		"\"stock_gbps\":20.000,\"gbps\":40.000,\"ideal_gbps\":40.000,\"level\":1,"
		"\"mode\":\"observe\",\"changed\":false,\"split\":false,"
		"\"reason\":\"observed\"}");
}
END_TEST

START_TEST(what_is_left_alone_has_its_reason)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(1);
	job->details->whole_node = 1;
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	expect_line(read_file("log"),
		    "\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":8,"
		    "\"free\":\"0-7\",\"stock\":\"0-7\",\"chosen\":\"0-7\","
		    "\"stock_gbps\":120.000,\"gbps\":120.000,\"ideal_gbps\":120.000,"
		    "\"level\":null,"
		    "\"mode\":\"enforce\",\"changed\":false,\"split\":false,"
		    "\"reason\":\"exclusive\"}");
}
END_TEST

START_TEST(one_line_for_each_job_for_those_who_debug)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	slurm_conf.debug_flags |= DEBUG_FLAG_SELECT_TYPE;
	job = job_for(2);
	run(job);
	ck_assert_int_eq(mock_slurm.lines, 1);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(mock_slurm.lines, 2);
	ck_assert(mock_logged("gputopo: job 7: n0 0,3 40 GB/s (stock 0-1 20)"));
	/* one GPU: nothing to tell */
	job = job_for(1);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(mock_slurm.lines, 2);
	ck_assert_ptr_null(job->admin_comment);
	slurm_conf.debug_flags = 0;
}
END_TEST

START_TEST(many_nodes_are_summed_up_in_one_line)
{
	char name[4][151];
	job_record_t *job;
	uint64_t nodes;

	/* names that are too long for all four to be said */
	for (int n = 0; n < 4; n++) {
		memset(name[n], 'a' + n, 150);
		name[n][150] = '\0';
		mock_node_add(name[n], &dgx);
	}
	start();
	slurm_conf.debug_flags |= DEBUG_FLAG_SELECT_TYPE;
	mock_stock.nodes_wanted = 4;
	stage.asked_nodes = 4;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(mock_slurm.lines, 2);
	ck_assert(mock_logged("aaa 0,3 40 GB/s (stock 0-1 20); bbb"));
	slurm_conf.debug_flags = 0;
}
END_TEST

static const struct {
	const char *why;
	const char *conf;
	const char *before;
	const char *after;
} comment_rows[] = {
	{"not asked for", "", NULL, NULL},
	{"asked for", "AdminComment=yes\n", NULL,
	 "gputopo: n0 0,3 40 GB/s (stock 0-1 20)"},
	{"our own is replaced", "AdminComment=yes\n", "gputopo: n1 0",
	 "gputopo: n0 0,3 40 GB/s (stock 0-1 20)"},
	{"the admin's stays", "AdminComment=yes\n", "paid", "paid"},
	{"observed: what it has", "AdminComment=yes\nMode=observe\n", NULL,
	 "gputopo: n0 0-1 20 GB/s"},
};

START_TEST(the_admin_comment_is_written_if_asked_for)
{
	job_record_t *job;

	write_conf(comment_rows[_i].conf);
	start_with(&dgx, 0xff);
	job = job_for(2);
	if (comment_rows[_i].before)
		job->admin_comment = mock_text(comment_rows[_i].before);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	if (comment_rows[_i].after)
		ck_assert_str_eq(job->admin_comment, comment_rows[_i].after);
	else
		ck_assert_ptr_null(job->admin_comment);
	xfree(job->admin_comment);
}
END_TEST

START_TEST(a_split_that_was_avoided_is_logged)
{
	uint64_t nodes;
	job_record_t *job;

	conf_with_log("");
	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	job = mock_job_add(50);
	mock_job_run(job, 0, 0xfc);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	mock_stock.nodes_wanted = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 2);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_ptr_nonnull(
		strstr(read_file("log"), "\"split\":false,\"split_avoided\":true,"));
	/* asked with all nodes first, and all as it was */
	ck_assert_uint_eq(mock_stock.call[0].nodes, 3);
	ck_assert_uint_eq(mock_stock.call[1].nodes, 2);
	ck_assert_uint_eq(mock_stock.call[1].min_cpus, 3);
	ck_assert_ptr_null(mock_stock.call[0].candidates);
}
END_TEST

START_TEST(the_end_of_a_job_is_logged)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0x7f);
	job = find_job_record(107);
	job->start_time = time(NULL) - 100;
	job->tot_sus_time = 40;
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	ck_assert_ptr_nonnull(
		strstr(read_file("log"), "\"job\":107,\"end\":true,\"seconds\":6"));
	/* once; and not for a job without GPUs */
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	ck_assert_int_eq(stage.ours.job_fini(mock_job_add(8)), 0);
	ck_assert_ptr_eq(strchr(read_file("log"), '\n')[1] ? "two" : NULL, NULL);
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_is_named)
{
	write_conf("DecisionLog=/nonexistent/log\n");
	start_with(&dgx, 0xff);
	ck_assert(mock_logged("DecisionLog=/nonexistent/log: No such file"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

/* A task is tested under the array's number and begins under its own. */
START_TEST(a_task_of_an_array_has_its_line_and_its_number)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	slurm_conf.debug_flags |= DEBUG_FLAG_SELECT_TYPE;
	job = job_for(2);
	run(job);
	job->array_job_id = job->job_id;
	job->job_id += 100;
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	expect_line(
		read_file("log"),
		"\"job\":107,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		"\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0,3\","
		"\"stock_gbps\":20.000,\"gbps\":40.000,\"ideal_gbps\":40.000,\"level\":1,"
		"\"mode\":\"enforce\",\"changed\":true,\"split\":false,"
		"\"reason\":\"changed\"}");
	ck_assert(mock_logged("gputopo: job 107: n0 0,3 40 GB/s (stock 0-1 20)"));
	ck_assert_ptr_nonnull(strstr(read_metrics(), "gputopo_jobs_started_total 1\n"));
	slurm_conf.debug_flags = 0;
	job->job_id -= 100;
}
END_TEST

/* When every other set fails, the line says what the job has and not what was tried. */
START_TEST(a_line_after_failed_tries_says_stocks_set)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	slurm_conf.debug_flags |= DEBUG_FLAG_SELECT_TYPE;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	expect_line(read_file("log"),
		    "\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		    "\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0-1\","
		    "\"stock_gbps\":20.000,\"gbps\":20.000,\"ideal_gbps\":40.000,"
		    "\"level\":null,"
		    "\"mode\":\"enforce\",\"changed\":false,\"split\":false,"
		    "\"reason\":\"rerun\"}");
	ck_assert(mock_logged("gputopo: job 7: n0 0-1 20 GB/s"));
	slurm_conf.debug_flags = 0;
}
END_TEST

/* Of two nodes one has nothing to choose from: its line says so of itself. */
START_TEST(each_node_says_whether_it_was_changed)
{
	job_record_t *job;
	const char *second;
	uint64_t nodes;

	conf_with_log("");
	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	job = mock_job_add(50);
	mock_job_run(job, 1, 0xff & ~SET2(1, 4));
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(1, 4));
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	second = strchr(read_file("log"), '\n') + 1;
	ck_assert_ptr_nonnull(strstr(second, "\"node\":\"n1\""));
	ck_assert_ptr_nonnull(strstr(second, "\"changed\":false"));
	ck_assert_ptr_nonnull(strstr(second, "\"level\":null"));
	ck_assert_ptr_nonnull(strstr(read_file("log"), "\"changed\":true"));
}
END_TEST

/* As logrotate does it: the file is moved away, no one tells slurmctld. */
START_TEST(a_log_that_was_moved_away_goes_on_in_a_new_file)
{
	char log[PATH_MAX], moved[PATH_MAX];
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	snprintf(log, sizeof(log), "%s/log", stage.dir);
	snprintf(moved, sizeof(moved), "%s/log.1", stage.dir);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_int_eq(renameat(AT_FDCWD, log, AT_FDCWD, moved), 0);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	ck_assert_ptr_nonnull(strstr(read_file("log"), "\"job\":7"));
	ck_assert_ptr_null(strchr(read_file("log"), '\n')[1] ? "two" : NULL);
	ck_assert_ptr_null(strchr(read_file("log.1"), '\n')[1] ? "two" : NULL);
	/* no new one can be made: the old file has the line, and one error line says so
	 */
	unlink(log);
	ck_assert_int_eq(mkdir(log, 0755), 0);
	mock_log_clear();
	for (int i = 0; i < 2; i++) {
		run(job);
		ck_assert_int_eq(stage.ours.job_begin(job), 0);
	}
	ck_assert(mock_logged("lines go on into the file that had this name"));
	ck_assert_int_eq(mock_slurm.lines, 1);
	rmdir(log);
}
END_TEST

START_TEST(a_metrics_file_that_cannot_be_written_is_named_once)
{
	char text[PATH_MAX + 64];
	job_record_t *job;

	snprintf(text, sizeof(text), "MetricsFile=%s/none/metrics\n", stage.dir);
	write_conf(text);
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	stage.ours.fini();
	ck_assert(mock_logged(
		"none/metrics: No such file or directory; it stays as it is"));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
}
END_TEST

/* For gputopo report --by. What would break the line is replaced. */
START_TEST(a_line_says_whose_job_it_is_and_on_which_type)
{
	part_record_t *partition = mock_alloc(sizeof(*partition));
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(2);
	job->user_id = 1234;
	partition->magic = PART_MAGIC;
	partition->name = mock_text("p\"\n\xc3");
	job->part_ptr = partition;
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	job->part_ptr = NULL;
	xfree(partition->name);
	xfree(partition);
	ck_assert_ptr_nonnull(strstr(read_file("log"),
				     ",\"uid\":1234,\"partition\":\"p___\","
				     "\"size\":8,\"type\":\"Links=\","));
}
END_TEST

static TCase *log_case(void)
{
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, a_started_job_gets_its_line);
	tcase_add_test(tc, each_node_says_whether_it_was_changed);
	tcase_add_test(tc, a_log_that_was_moved_away_goes_on_in_a_new_file);
	tcase_add_test(tc, a_metrics_file_that_cannot_be_written_is_named_once);
	tcase_add_test(tc, a_line_says_whose_job_it_is_and_on_which_type);
	tcase_add_test(tc, a_job_that_does_not_start_leaves_no_line);
#ifndef __SANITIZE_ADDRESS__
	/* The writer that nobody joins keeps its page: a leak, and meant so. */
	tcase_add_test(tc, a_file_server_that_is_gone_holds_up_no_end);
#endif
	tcase_add_test(tc, a_started_job_carries_the_topology);
	tcase_add_test(tc, the_order_of_types_is_carried);
	tcase_add_test(tc, a_job_without_gres_carries_nothing);
	tcase_add_test(tc, modes_other_than_enforce_carry_nothing);
	tcase_add_test(tc, observe_logs_what_it_would_have_done);
	tcase_add_test(tc, what_is_left_alone_has_its_reason);
	tcase_add_test(tc, one_line_for_each_job_for_those_who_debug);
	tcase_add_test(tc, many_nodes_are_summed_up_in_one_line);
	tcase_add_loop_test(tc, the_admin_comment_is_written_if_asked_for, 0,
			    ROWS(comment_rows));
	tcase_add_test(tc, a_split_that_was_avoided_is_logged);
	tcase_add_test(tc, the_end_of_a_job_is_logged);
	tcase_add_test(tc, a_task_of_an_array_has_its_line_and_its_number);
	tcase_add_test(tc, a_line_after_failed_tries_says_stocks_set);
	tcase_add_test(tc, a_log_that_cannot_be_opened_is_named);
	return tc;
}

SUITE(log)
{
	suite_add_tcase(suite, log_case());
}
