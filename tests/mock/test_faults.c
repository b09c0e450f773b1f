/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_faults.c - every step that the glue takes outside itself is made to fail: the
 * job starts as stock would start it, in every case, and the log says why where an admin
 * can do something about it.
 *
 * A row is prepared by one function; then a job of two GPUs (free ones of n0: all) is
 * tested. Stock gives {0,1}; without a fault it would get {0,3}.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gputopo.h"
#include "tests/mock/stage.h"

#define BIG 40 /* GPUs of a node whose links are too many to search */

static void in_stage(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", stage.dir, name);
}

/* ---- before slurmctld starts
 * -----------------------------------------------------------
 */

static void conf_missing_topology(void)
{
	write_conf("NodeName=n0 Topology=/nonexistent/t.json\n");
}

static void conf_is_a_folder(void)
{
	char path[PATH_MAX];

	in_stage(path, "gputopo.conf");
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void conf_is_broken(void)
{
	write_conf("Mode=enforce\nMode=\n");
}

static void topology_of_another_size(void)
{
	write_conf("NodeName=n0 Topology=builtin:hgx-a100-4\n");
}

static void topology_that_is_cut(void)
{
	write_file("t.json", "{\"version\":1,\"gpus\":[{\"index\":0},");
	write_conf("NodeName=n0 Topology=t.json\n");
}

static void topology_of_nothing(void)
{
	write_file("t.json", "");
	write_conf("NodeName=n0 Topology=t.json\n");
}

static void topology_that_is_partial(void)
{
	write_file("t.json", "{\"version\":1,\"partial\":true,\"gpus\":[{\"index\":0},"
			     "{\"index\":1}],\"links\":[[0,null],[null,0]]}");
	write_conf("NodeName=n0 Topology=t.json\n");
}

/* ---- behind its start, before the job
 * --------------------------------------------------
 */

static void links_of_another_size(job_record_t *job)
{
	(void)job;
	mock_node_gpus(0)->link_len = 5;
}

static void links_without_a_row(job_record_t *job)
{
	(void)job;
	xfree(mock_node_gpus(0)->links_cnt[3]);
	mock_node_gpus(0)->links_cnt[3] = NULL;
}

static void counts_that_differ(job_record_t *job)
{
	(void)job;
	mock_node_gpus(0)->gres_cnt_avail = 9;
}

static void gpus_that_nobody_consumes(job_record_t *job)
{
	(void)job;
	mock_node_gpus(0)->no_consume = true;
}

static void a_job_without_its_mark(job_record_t *job)
{
	job->magic = 0;
}

static void details_without_their_mark(job_record_t *job)
{
	job->details->magic ^= 1;
}

/* As if Slurm had made the block with 8 bytes more. */
static void grow(void *block)
{
	((size_t *)block)[-1] += 8;
}

static void a_larger_job(job_record_t *job)
{
	grow(job);
}

static void larger_details(job_record_t *job)
{
	grow(job->details);
}

static void a_larger_request(job_record_t *job)
{
	grow(((gres_state_t *)job->gres_list_req->item[0])->gres_data);
}

static void a_larger_entry(job_record_t *job)
{
	grow(job->gres_list_req->item[0]);
}

static part_record_t *partition; /* the test's own, if any */

static void a_larger_partition(job_record_t *job)
{
	partition = mock_alloc(sizeof(*partition));
	partition->magic = PART_MAGIC;
	job->part_ptr = partition;
	grow(partition);
}

static void a_node_without_its_mark(job_record_t *job)
{
	(void)job;
	node_record_table_ptr[0]->magic = 0;
}

static void an_unknown_job(job_record_t *job)
{
	job->job_id = 4711;
	job_list->count--;
}

static void fails(job_record_t *job)
{
	(void)job;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_FAIL;
}

static void gives_fewer(job_record_t *job)
{
	(void)job;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_FEWER;
}

static void gives_others(job_record_t *job)
{
	(void)job;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_OTHER;
}

static void gives_no_resources(job_record_t *job)
{
	(void)job;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_NO_RESOURCES;
}

static void gives_other_cpus(job_record_t *job)
{
	(void)job;
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_OTHER_CPUS;
}

static void preempts(job_record_t *job)
{
	(void)job;
	mock_stock.preempts = true;
}

static void a_gpu_that_no_job_holds(job_record_t *job)
{
	(void)job;
	bit_set(mock_node_gpus(0)->gres_bit_alloc, 7);
	mock_node_gpus(0)->gres_cnt_alloc = 1;
	mock_node_gpus(0)->topo_gres_cnt_alloc[7] = 1;
}

static void another_release(job_record_t *job)
{
	(void)job;
}

static const struct {
	const char *why;
	void (*conf)(void);
	void (*prepare)(job_record_t *job);
	const char *says; /* NULL: nothing an admin could mend */
} rows[] = {
	{"Topology= names no file", conf_missing_topology, NULL, "gputopo.conf:1: Topol"},
	{"gputopo.conf cannot be read", conf_is_a_folder, NULL, "gputopo.conf"},
	{"gputopo.conf is broken", conf_is_broken, NULL, "gputopo.conf:2: "},
	{"the model has another size", topology_of_another_size, NULL,
	 "a different number of GPUs"},
	{"the model's file is cut", topology_that_is_cut, NULL, "gputopo.conf:1: Topol"},
	{"the model's file is empty", topology_of_nothing, NULL, "gputopo.conf:1: Topol"},
	{"the model is partial", topology_that_is_partial, NULL, "every pair of GPUs"},
	{"Links= of another size", NULL, links_of_another_size, "contradict"},
	{"Links= without a row", NULL, links_without_a_row, "contradict"},
	{"GPUs without files", NULL, counts_that_differ, "only counts the GPUs"},
	{"GPUs that are not consumed", NULL, gpus_that_nobody_consumes, NULL},
	{"wrong magic of the job", NULL, a_job_without_its_mark, "job_record_t of this"},
	{"wrong magic of its details", NULL, details_without_their_mark,
	 "job_details of this"},
	{"a larger job", NULL, a_larger_job, "job_record_t of this slurmctld differs"},
	{"larger details", NULL, larger_details, "job_details of this"},
	{"a larger gres of the job", NULL, a_larger_request, "gres_job_state_t of this"},
	{"a larger list entry", NULL, a_larger_entry, "gres_state_t of this"},
	{"a larger partition", NULL, a_larger_partition, "part_record_t of this"},
	{"wrong magic of the node", NULL, a_node_without_its_mark, "built for"},
	{"a job that is not found", NULL, an_unknown_job, "built for"},
	{"every second run fails", NULL, fails, NULL},
	{"gives a GPU less", NULL, gives_fewer, NULL},
	{"gives others", NULL, gives_others, NULL},
	{"gives no resources", NULL, gives_no_resources, NULL},
	{"gives other CPUs", NULL, gives_other_cpus, NULL},
	{"the answer preempts", NULL, preempts, NULL},
	{"the index disagrees", NULL, a_gpu_that_no_job_holds, "index of running jobs"},
	{"no fault: the test can fail", NULL, another_release, NULL},
};

START_TEST(a_fault_leaves_stocks_answer)
{
	uint64_t wanted = _i == ROWS(rows) - 1 ? SET2(0, 3) : SET2(0, 1);
	job_record_t *job;
	uint64_t nodes = 0, got;
	int jobs, rc;

	if (rows[_i].conf)
		rows[_i].conf();
	start_with(&dgx, 0xff);
	job = job_for(2);
	jobs = job_list->count;
	if (rows[_i].prepare)
		rows[_i].prepare(job);
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg(rc == SLURM_SUCCESS, "%s: %d", rows[_i].why, rc);
	got = mock_selected(job, 0);
	job_list->count = jobs;
	ck_assert_msg(got == wanted, "%s: %#lx", rows[_i].why, (unsigned long)got);
	ck_assert_uint_eq(job->details->min_cpus, 6);
	if (rows[_i].says)
		ck_assert_msg(mock_logged(rows[_i].says), "%s: %s", rows[_i].why,
			      mock_slurm.log[mock_slurm.lines - 1]);
	ck_assert_int_le(mock_slurm.lines, 2);
	xfree(partition);
	job->part_ptr = NULL;
	/* for the end, which frees so many rows */
	mock_node_gpus(0)->link_len = 8;
}
END_TEST

/* What a node has is compared when slurmctld starts. */
START_TEST(another_node_layout_leaves_stocks_answer)
{
	static const char *const says[] = {"node_record_t of this",
					   "gres_node_state_t of this",
					   "gres_state_t of this"};

	mock_node_add("n0", &dgx);
	grow(_i == 0   ? (void *)node_record_table_ptr[0]
	     : _i == 1 ? (void *)mock_node_gpus(0)
		       : node_record_table_ptr[0]->gres_list->item[0]);
	start();
	ck_assert_msg(mock_logged(says[_i]), "%s", mock_slurm.log[0]);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

/* The plugin as built with headers in which details of a job lie 8 bytes off, in a struct
 * of the same size. */
START_TEST(shifted_structs_leave_stocks_answer)
{
	job_record_t *job;

	stage.ours.fini();
	mock_unload(&stage.ours);
	ck_assert(mock_load(&stage.ours, MOCK_SHIFTED ":" MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
	start_with(&dgx, 0xf9);
	mock_slurm.lines = 0;
	job = job_for(2);
	expect_stock(job, SET2(0, 3), 1);
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.job_fini(job), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.reconfigure(), SLURM_SUCCESS);
}
END_TEST

START_TEST(too_many_steps_leave_stocks_answer)
{
	static int links[BIG * BIG];
	const struct mock_gpus gpus = {.count = BIG, .links = links};
	uint32_t seed = 1;
	job_record_t *job;

	for (int a = 0; a < BIG; a++) {
		links[a * BIG + a] = -1;
		for (int b = 0; b < a; b++) {
			seed = seed * 1103515245 + 12345;
			links[a * BIG + b] = links[b * BIG + a] = (int)(seed >> 16) % 3;
		}
	}
	start_with(&gpus, ((uint64_t)1 << BIG) - 1);
	job = job_for(9);
	ck_assert_uint_eq(run(job), 0x1ff);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert(mock_logged("the search ran out of steps"));
	ck_assert_int_eq(mock_slurm.lines, 2);
}
END_TEST

START_TEST(a_stock_plugin_of_another_release_is_not_stood_before)
{
	stage.ours.fini();
	slurm_conf.plugindir = (char *)MOCK_OURS ":" MOCK_OTHER_RELEASE;
	/* Slurm goes on to that file by itself, and judges it by itself. */
	ck_assert_int_ne(stage.ours.init(), SLURM_SUCCESS);
	ck_assert(mock_logged("is for another Slurm release than this gputopo"));
	slurm_conf.plugindir = (char *)MOCK_OURS ":" MOCK_OTHER_RELEASE ":" MOCK_STOCK;
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
}
END_TEST

START_TEST(a_log_and_a_metrics_file_that_fail_harm_nobody)
{
	char text[PATH_MAX];
	job_record_t *job;

	snprintf(text, sizeof(text), "DecisionLog=/dev/full MetricsFile=%s/no/where\n",
		 stage.dir);
	write_conf(text);
	start_with(&dgx, 0xff);
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 3));
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
}
END_TEST

/* ---- gputopo_topology.so
 * ---------------------------------------------------------------
 */

static const struct {
	const char *what;
	const char *command; /* makes $1 of what is in $0; NULL: it is missing */
	const char *says;
} objects[] = {
	{"missing", NULL, "install gputopo_topology.so beside this plugin"},
	{"empty", ": >$1", "install gputopo_topology.so beside this plugin"},
	{"another object", "cp $0/gputopo_mig.so $1", "belongs to another build"},
	{"another release", "LC_ALL=C sed s/$2/9.9.9/g $0/gputopo_topology.so >$1",
	 "install both from one package"},
};

/* A folder with the select plugin and gputopo_topology.so, which slurmctld starts with.
 */
static void start_from(char folder[PATH_MAX], const char *command)
{
	in_stage(folder, "plugins");
	shell("mkdir '%s' && cp '" MOCK_OURS "/select_cons_tres.so' '%s'", folder,
	      folder);
	if (command)
		shell("sh -c '%s' '" MOCK_OURS "' '%s/gputopo_topology.so' %s", command,
		      folder, gt_version());
	stage.ours.fini();
	mock_unload(&stage.ours);
	ck_assert(mock_load_from(&stage.ours, folder, MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
}

/* No file that gputopo.conf could be read with is as a broken gputopo.conf. */
START_TEST(a_topology_object_that_cannot_be_used)
{
	char folder[PATH_MAX];

	start_from(folder, objects[_i].command);
	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert_msg(mock_logged(objects[_i].says), "%s: %s", objects[_i].what,
		      mock_slurm.log[0]);
	ck_assert_int_le(mock_slurm.lines, 2);
	shell("cp '" MOCK_OURS "/gputopo_topology.so' '%s'", folder);
	start();
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

/* As after an upgrade of the package, until slurmctld is restarted. */
START_TEST(a_topology_object_of_another_release_comes_later)
{
	char folder[PATH_MAX];

	start_from(folder, "cp $0/gputopo_topology.so $1");
	write_conf("");
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	mock_slurm.lines = 0;
	shell("sh -c '%s' '" MOCK_OURS "' '%s/gputopo_topology.so' %s",
	      objects[ROWS(objects) - 1].command, folder, gt_version());
	/* nodes as they were go on, by the old settings */
	write_conf("Mode=off\n");
	start();
	ck_assert(mock_logged("restart slurmctld; the old settings stay"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	/* nodes that were never seen keep stock's choice */
	mock_slurm.lines = 0;
	mock_node_gpus(0)->links_cnt[0][1] = mock_node_gpus(0)->links_cnt[1][0] = 0;
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert(mock_logged("gputopo_topology.so cannot be loaded: gputopo_topology.so "
			      "belongs to another build"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

static const char *const configured[] = {"NodeName=n0 Topology=builtin:dgx1v\n", ""};

START_TEST(the_topology_object_is_gone_when_all_is_read)
{
	write_conf(configured[_i]);
	start_with(&dgx, 0xff);
	ck_assert_ptr_null(
		dlopen(MOCK_OURS "/gputopo_topology.so", RTLD_LAZY | RTLD_NOLOAD));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_ptr_null(
		dlopen(MOCK_OURS "/gputopo_topology.so", RTLD_LAZY | RTLD_NOLOAD));
}
END_TEST

SUITE(faults)
{
	TCase *tc = tcase_create("faults");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, a_fault_leaves_stocks_answer, 0, ROWS(rows));
	tcase_add_loop_test(tc, another_node_layout_leaves_stocks_answer, 0, 3);
	tcase_add_test(tc, shifted_structs_leave_stocks_answer);
	tcase_add_test(tc, too_many_steps_leave_stocks_answer);
	tcase_add_test(tc, a_stock_plugin_of_another_release_is_not_stood_before);
	tcase_add_test(tc, a_log_and_a_metrics_file_that_fail_harm_nobody);
	tcase_add_loop_test(tc, a_topology_object_that_cannot_be_used, 0, ROWS(objects));
	tcase_add_test(tc, a_topology_object_of_another_release_comes_later);
	tcase_add_loop_test(tc, the_topology_object_is_gone_when_all_is_read, 0,
			    ROWS(configured));
	suite_add_tcase(suite, tc);
}
