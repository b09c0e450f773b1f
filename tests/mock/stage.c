/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.c - what the tests of the glue share.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/stage.h"

struct stage stage;

time_t the_time;
bool ticking;

time_t time(time_t *out)
{
	struct timespec t = {.tv_sec = the_time};

	if (!the_time)
		clock_gettime(CLOCK_REALTIME, &t);
	else
		the_time += ticking;
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

/* clang-format off */
const int dgx1v[64] = {
	-1, 1, 1, 2, 2, 0, 0, 0,	1, -1, 2, 1, 0, 2, 0, 0,
	1, 2, -1, 2, 0, 0, 1, 0,	2, 1, 2, -1, 0, 0, 0, 1,
	2, 0, 0, 0, -1, 1, 1, 2,	0, 2, 0, 0, 1, -1, 2, 1,
	0, 0, 1, 0, 1, 2, -1, 2,	0, 0, 0, 1, 2, 1, 2, -1,
};
/* clang-format on */

const struct mock_gpus dgx = {.count = 8, .links = dgx1v};

const int regrouped[8] = {0, 2, 4, 6, 1, 3, 5, 7};
const char *const types[8] = {"aa", "aa", "aa", "aa", "bb", "bb", "bb", "bb"};

void write_file(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage.dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

void shell(const char *fmt, ...)
{
	char command[2 * PATH_MAX];
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	ck_assert_int_lt(length, sizeof(command));
	ck_assert_int_eq(system(command), 0);
}

void write_conf(const char *text)
{
	write_file("gputopo.conf", text);
}

void stage_setup(void)
{
	memset(&mock_inner, 0, sizeof(mock_inner));
	memset(&mock_slurm, 0, sizeof(mock_slurm));
	memset(&mock_stock, 0, sizeof(mock_stock));
	mock_inner.job_test = mock_stock_job_test;
	mock_slurm.in_slurmctld = true;
	mock_stock.cores = 2;
	mock_stock.core_socket = -1;
	the_time = 0;
	ticking = false;
	stage.preempted = NULL;
	stage.next_job = 7;
	stage.asked_nodes = 1;
	stage.preempts_none = false;
	stage.offered = 0;
	strcpy(stage.dir, "/tmp/gputopo-glue-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(stage.dir));
	snprintf(stage.slurm_conf_path, sizeof(stage.slurm_conf_path), "%s/slurm.conf",
		 stage.dir);
	slurm_conf.slurm_conf = stage.slurm_conf_path;
	ck_assert(mock_load(&stage.ours, MOCK_OURS ":" MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
}

void stage_teardown(void)
{
	stage.ours.fini();
	mock_unload(&stage.ours);
	mock_cluster_free();
	shell("rm -rf '%s'", stage.dir);
}

/* As slurmctld starts: node table, recovery, reconfigure. */
void start(void)
{
	ck_assert_int_eq(stage.ours.node_init(), 0);
	ck_assert_int_eq(stage.ours.reconfigure(), 0);
}

/* One node, and jobs that leave only these GPUs free. */
void start_with(const struct mock_gpus *gpus, uint64_t free)
{
	mock_node_add("n0", gpus);
	start();
	for (int g = 0; g < gpus->count; g++) {
		job_record_t *job;

		if (free >> g & 1)
			continue;
		job = mock_job_add(100 + (uint32_t)g);
		mock_job_run(job, 0, SET1(g));
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

job_record_t *job_for(int gpus)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_entry(job, "gpu", NULL)->gres_per_node = (uint64_t)gpus;
	return job;
}

/* Checks that nothing of the nodes has changed behind it, and what stock was asked with.
 */
int test_job(job_record_t *job, uint16_t mode, uint64_t *nodes)
{
	uint64_t all = stage.offered ? stage.offered : ~(uint64_t)0;
	bitstr_t *offered = bit_alloc(node_record_count);
	uint64_t before[MOCK_MAX_NODES];
	int rc;

	for (int n = 0; n < node_record_count; n++) {
		if (all >> n & 1)
			bit_set(offered, n);
		before[n] = mock_node_sum(n);
	}
	mock_stock.calls = 0;
	rc = stage.ours.job_test(job, offered, stage.asked_nodes, 500000,
				 stage.asked_nodes, mode,
				 stage.preempts_none ? NULL : (gp_list_t)dgx1v,
				 &stage.preempted, TAIL);
	*nodes = 0;
	for (int n = 0; n < node_record_count; n++) {
		*nodes |= (uint64_t)bit_test(offered, n) << n;
		ck_assert_msg(mock_node_sum(n) == before[n], "node %d has changed", n);
	}
	for (int i = 0; i < mock_stock.calls && i < ROWS(mock_stock.call); i++)
		ck_assert_uint_eq(mock_stock.call[i].nodes & ~all, 0);
	FREE_NULL_BITMAP(offered);
	return rc;
}

/* Run the job now and return its GPUs on node 0. */
uint64_t run(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes & ~(uint64_t)0xf, 0);
	return mock_selected(job, 0);
}

void expect_stock(job_record_t *job, uint64_t gpus, int calls)
{
	ck_assert_uint_eq(run(job), gpus);
	ck_assert_int_eq(mock_stock.calls, calls);
}

static char *option_env[1];

job_record_t *job_with(job_record_t *job, const char *option)
{
	option_env[0] = (char *)option;
	job->spank_job_env = option_env;
	job->spank_job_env_size = 1;
	return job;
}

void start_nodes(const uint64_t *free, int count)
{
	static const char *const names[MOCK_MAX_NODES] = {"n0", "n1", "n2", "n3",
							  "n4", "n5", "n6", "n7"};

	for (int n = 0; n < count; n++)
		mock_node_add(names[n], &dgx);
	start();
	for (int n = 0; n < count; n++) {
		job_record_t *job;

		if (free[n] == 0xff)
			continue;
		job = mock_job_add(100 + (uint32_t)n);
		mock_job_run(job, n, 0xff & ~free[n]);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

uint64_t nodes_of(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	return nodes;
}

void expect_wait(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_ne(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_ptr_null(job->job_resrcs);
}

job_record_t *job_total(uint64_t gpus)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_entry(job, "gpu", NULL)->gres_per_job = gpus;
	return job;
}
