/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_rank_env.c - what a step's tasks find in their environment, with a SPANK of our
 * own: above all what real daemons cannot show here, ConstrainDevices.
 */
#include "config.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/compact.h"
#include "rank/node_model.h"
#include "plugin/node/rank/rank_env.h"
#include "rank/rank_facts.h"
#include "unit.h"

/* ---- SPANK ----------------------------------------------------------------------------
 */

#define MAX_ENV 64

static struct {
	char name[MAX_ENV][64];
	char value[MAX_ENV][4096];
	int count;
	uint32_t step, tasks, task, nodes;
	pid_t pid;
	bool local; /* ConstrainDevices */
	char log[1024];
} mock;

static int find(const char *name)
{
	for (int i = 0; i < mock.count; i++)
		if (!strcmp(mock.name[i], name))
			return i;
	return -1;
}

static const char *value_of(const char *name)
{
	return find(name) < 0 ? "-" : mock.value[find(name)];
}

spank_err_t spank_getenv(spank_t spank, const char *name, char *buf, int len)
{
	(void)spank;
	if (find(name) < 0)
		return ESPANK_ENV_NOEXIST;
	if (strlen(value_of(name)) >= (size_t)len)
		return ESPANK_NOSPACE;
	strcpy(buf, value_of(name));
	return ESPANK_SUCCESS;
}

spank_err_t spank_setenv(spank_t spank, const char *name, const char *value, int over)
{
	int at = find(name);

	(void)spank;
	ck_assert_int_eq(over, 1);
	if (at < 0)
		at = mock.count++;
	ck_assert_int_lt(at, MAX_ENV);
	snprintf(mock.name[at], sizeof(mock.name[at]), "%s", name);
	snprintf(mock.value[at], sizeof(mock.value[at]), "%s", value);
	return ESPANK_SUCCESS;
}

spank_err_t spank_unsetenv(spank_t spank, const char *name)
{
	int at = find(name);

	(void)spank;
	if (at < 0)
		return ESPANK_ENV_NOEXIST;
	mock.count--;
	memmove(&mock.name[at], &mock.name[mock.count], sizeof(mock.name[0]));
	memmove(&mock.value[at], &mock.value[mock.count], sizeof(mock.value[0]));
	return ESPANK_SUCCESS;
}

spank_err_t spank_get_item(spank_t spank, spank_item_t item, ...)
{
	va_list args;
	void *to;

	(void)spank;
	va_start(args, item);
	to = va_arg(args, void *);
	va_end(args);
	if (item == S_TASK_PID)
		memcpy(to, &mock.pid, sizeof(mock.pid));
	else if (item == S_JOB_STEPID)
		memcpy(to, &mock.step, sizeof(mock.step));
	else if (item == S_JOB_LOCAL_TASK_COUNT)
		memcpy(to, &mock.tasks, sizeof(mock.tasks));
	else if (item == S_TASK_ID)
		memcpy(to, &mock.task, sizeof(mock.task));
	else if (item == S_JOB_NNODES)
		memcpy(to, &mock.nodes, sizeof(mock.nodes));
	else
		return ESPANK_BAD_ARG;
	return ESPANK_SUCCESS;
}

void slurm_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(mock.log, sizeof(mock.log), format, args);
	va_end(args);
}

/* Slurm's own, which the plugin looks up. */
bool gres_use_local_device_index(void);
bool gres_use_local_device_index(void)
{
	return mock.local;
}

/* ---- a step ---------------------------------------------------------------------------
 */

static void put(const char *name, const char *value)
{
	if (value)
		spank_setenv(NULL, name, value, 1);
}

/* A step of one task on n0, a DGX-1V, whose model slurmctld has sent. */
static void begin(void)
{
	char word[GP_COMPACT_MAX], models[GP_COMPACT_MAX + 64];
	struct gt_node *node;

	memset(&mock, 0, sizeof(mock));
	mock.tasks = mock.nodes = 1;
	ck_assert_int_eq(gt_node_load(&node, "builtin:dgx1v", NULL, NULL), GT_OK);
	ck_assert(gp_compact_write(node, word, sizeof(word)));
	gt_node_free(node);
	snprintf(models, sizeof(models), "n0=%llx=%s",
		 (unsigned long long)gp_compact_hash(word, strlen(word)), word);
	put(GP_ENV_MODELS, models);
	setenv("SLURMD_NODENAME", "n0", 1);
	setenv("SLURM_CONF", "/nonexistent/slurm.conf", 1);
}

struct step {
	const char *why;
	const char *gpus;    /* SLURM_STEP_GPUS */
	const char *devices; /* CUDA_VISIBLE_DEVICES of the step */
	const char *bind;    /* SLURMD_TRES_BIND */
	const char *own;     /* CUDA_VISIBLE_DEVICES of the task; NULL: the step's */
	uint32_t tasks, task;
	bool local;
	/* what the task finds */
	const char *list;
	const char *gpu;
	const char *order;
};

static const struct step steps[] = {
	{"all GPUs, numbers of the node", "0,1,2,3", "0,1,2,3", NULL, NULL, 4, 1, false,
	 "0,3,2,1", "3", "ring"},
	{"devices kept apart, GPUs 4 to 7: places in the step's list", "4,5,6,7",
	 "0,1,2,3", NULL, NULL, 4, 1, true, "0,3,2,1", "7", "ring"},
	{"devices kept apart, the first GPUs", "0,1,2,3", "0,1,2,3", NULL, NULL, 1, 0,
	 true, "0,3,2,1", "0,3,2,1", "ring"},
	{"a task's own part", "0,1,2,3", "0,1,2,3", "gpu:per_task:2", "2,3", 2, 1, false,
	 "2,1", "2,1", "ring"},
	{"a task's own part, devices kept apart: it could not open others", "0,1,2,3",
	 "0,1,2,3", "gpu:per_task:2", "0,1", 2, 1, true, "0,1", "-", "index"},
	{"one task alone, devices kept apart", "4,5", "0,1", "gpu:single:1", "0", 2, 0,
	 true, "0", "-", "index"},
	{"not the number of GPUs that the binding says", "0,1,2,3", "0,1,2,3",
	 "gpu:per_task:2", "2", 2, 1, false, "2", "2", "index"},
	{"a list that somebody changed", "0,1,2,3", "0,1,2,3", NULL, "3,2", 1, 0, false,
	 "3,2", "3,2", "index"},
	{"UUIDs", "0,1,2,3", "GPU-a,GPU-b,GPU-c,GPU-d", NULL, NULL, 1, 0, false,
	 "GPU-a,GPU-b,GPU-c,GPU-d", "-", "index"},
	{"numbers that are neither the node's nor places", "4,5", "6,7", NULL, NULL, 1, 0,
	 false, "6,7", "-", "index"},
	{"one GPU", "3", "3", NULL, NULL, 1, 0, false, "3", "-", "-"},
	{"no GPU", NULL, NULL, NULL, NULL, 1, 0, false, "-", "-", "-"},
	{"a GPU that the model has not", "7,8", "7,8", NULL, NULL, 1, 0, false, "7,8",
	 "-", "-"},
	{"no list of numbers", "0-3", "0-3", NULL, NULL, 1, 0, false, "0-3", "-", "-"},
};

START_TEST(what_a_task_finds)
{
	const struct gp_ranks_options options = {
		.ring = true, .stepd = getpid(), .sysfs = "/nonexistent"};
	const struct step *step = &steps[_i];

	/* an earlier step's */
	put("GPUTOPO_GPUS", "5,6");
	put("GPUTOPO_ORDER", "ring");
	put("SLURM_STEP_GPUS", step->gpus);
	put("CUDA_VISIBLE_DEVICES", step->devices);
	mock.tasks = step->tasks;
	mock.local = step->local;
	gp_ranks_begin(NULL, &options);
	for (mock.task = 0; mock.task < step->tasks; mock.task++) {
		mock.pid = getpid();
		gp_ranks_forked(NULL);
	}
	put("CUDA_VISIBLE_DEVICES", step->own);
	put("SLURMD_TRES_BIND", step->bind);
	mock.task = step->task;
	gp_ranks_task(NULL);
	ck_assert_msg(!strcmp(value_of("CUDA_VISIBLE_DEVICES"), step->list), "%s: %s",
		      step->why, value_of("CUDA_VISIBLE_DEVICES"));
	ck_assert_msg(!strcmp(value_of("GPUTOPO_GPU"), step->gpu), "%s: GPUTOPO_GPU=%s",
		      step->why, value_of("GPUTOPO_GPU"));
	ck_assert_msg(!strcmp(value_of("GPUTOPO_ORDER"), step->order),
		      "%s: GPUTOPO_ORDER=%s", step->why, value_of("GPUTOPO_ORDER"));
	ck_assert_msg(!strcmp(value_of("GPUTOPO_GPUS"),
			      strcmp(step->order, "-") ? step->gpus : "-"),
		      "%s: GPUTOPO_GPUS=%s", step->why, value_of("GPUTOPO_GPUS"));
	ck_assert_str_eq(mock.log, "");
	gp_ranks_end();
}
END_TEST

/* Slurm's own containers of a step: batch has the job's GPUs, extern none. */
START_TEST(steps_of_slurms_own)
{
	const struct gp_ranks_options options = {
		.ring = true, .stepd = getpid(), .sysfs = "/nonexistent"};

	put("SLURM_JOB_GPUS", "0,1,2,3");
	put("CUDA_VISIBLE_DEVICES", "0,1,2,3");
	mock.step = _i ? 0xfffffffb : 0xfffffffc;
	gp_ranks_begin(NULL, &options);
	gp_ranks_task(NULL);
	ck_assert_str_eq(value_of("CUDA_VISIBLE_DEVICES"), _i ? "0,3,2,1" : "0,1,2,3");
	gp_ranks_end();
}
END_TEST

/* Every list that Slurm wrote is ordered, or none. */
START_TEST(all_lists_or_none)
{
	const struct gp_ranks_options options = {
		.ring = true, .stepd = getpid(), .sysfs = "/nonexistent"};

	put("SLURM_STEP_GPUS", "0,1,2,3");
	put("CUDA_VISIBLE_DEVICES", "0,1,2,3");
	put("ROCR_VISIBLE_DEVICES", "0,1,2,3");
	if (_i)
		put("HIP_VISIBLE_DEVICES", "1,0");
	gp_ranks_begin(NULL, &options);
	gp_ranks_task(NULL);
	ck_assert_str_eq(value_of("CUDA_VISIBLE_DEVICES"), _i ? "0,1,2,3" : "0,3,2,1");
	ck_assert_str_eq(value_of("ROCR_VISIBLE_DEVICES"), _i ? "0,1,2,3" : "0,3,2,1");
	ck_assert_str_eq(value_of("HIP_VISIBLE_DEVICES"), _i ? "1,0" : "-");
	ck_assert_str_eq(value_of("GPUTOPO_RING"), "0,3,2,1");
	gp_ranks_end();
}
END_TEST

/* --gpu-groups: what the tasks find, one after the other, separated by blanks. */
static const struct {
	const char *why;
	const char *groups, *comm;
	const char *gpus;
	const char *bind;
	uint32_t tasks;
	bool ring;
	const char *told;  /* GPUTOPO_GROUPS */
	const char *lists; /* CUDA_VISIBLE_DEVICES, /-separated */
	const char *own;   /* GPUTOPO_GROUP */
} group_rows[] = {
	{"ring: ranks 0 and 1 are group 0", "2x2", NULL, "0,1,2,3", NULL, 4, true,
	 "0,3;1,2", "0,3,1,2/0,3,1,2/0,3,1,2/0,3,1,2", "0/0/1/1"},
	{"index: Slurm's order stays, every task is told its group", "2x2", NULL,
	 "0,1,2,3", NULL, 4, false, "0,3;1,2", "0,1,2,3/0,1,2,3/0,1,2,3/0,1,2,3",
	 "0/1/1/0"},
	{"a task for each group", "2x2", NULL, "0,1,2,3", NULL, 2, true, "0,3;1,2",
	 "0,3,1,2/0,3,1,2", "0/1"},
	{"sizes that differ, a task for each", "4+2", NULL, "0,1,2,3,4,7", NULL, 2, true,
	 "0,3,2,1;4,7", "0,3,2,1,4,7/0,3,2,1,4,7", "0/1"},
	{"a task's own part is a group", "2x2", NULL, "0,1,2,3", "gpu:per_task:2", 2,
	 true, "0,3;1,2", "0,3/1,2", "0/1"},
	{"a task's own GPU", "2x2", NULL, "0,1,2,3", "gpu:single:2", 8, true, "0,3;1,2",
	 "0/0/3/3/1/1/2/2", "0/0/0/0/1/1/1/1"},
	{"a task for the whole node", "2x2", "alltoall", "0,1,2,3", NULL, 1, true,
	 "0,3;1,2", "0,3,1,2", "-"},
	{"twice the pattern", "2", NULL, "0,1,2,3", NULL, 4, true, "0,3;1,2",
	 "0,3,1,2/0,3,1,2/0,3,1,2/0,3,1,2", "0/0/1/1"},
	{"one group", "4", "", "0,1,2,3", NULL, 1, true, "0,3,2,1", "0,3,2,1", "0"},
	{"a step with another number of GPUs", "2x2", NULL, "0,3", NULL, 1, true, "-",
	 "0,3", "-"},
	{"a pattern that means nothing", "2x", NULL, "0,1,2,3", NULL, 1, true, "-",
	 "0,3,2,1", "-"},
	{"a pattern that hopes to be long", "1000x1000", NULL, "0,1,2,3", NULL, 1, true,
	 "-", "0,3,2,1", "-"},
	{"a comm that means nothing", "2x2", "gossip", "0,1,2,3", NULL, 1, true, "-",
	 "0,3,2,1", "-"},
	{"no wish", "", "alltoall", "0,1,2,3", NULL, 1, true, "-", "0,3,2,1", "-"},
};

static void join(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used ? "/" : "", more);
}

START_TEST(groups_of_a_step)
{
	const struct gp_ranks_options options = {.ring = group_rows[_i].ring,
						 .stepd = getpid(),
						 .sysfs = "/nonexistent",
						 .groups = group_rows[_i].groups,
						 .comm = group_rows[_i].comm};
	char lists[256] = "", own[64] = "", part[16];
	uint32_t tasks = group_rows[_i].tasks;
	int gpus[8], count = gp_list_parse(group_rows[_i].gpus, gpus, 8);

	put("SLURM_STEP_GPUS", group_rows[_i].gpus);
	put("CUDA_VISIBLE_DEVICES", group_rows[_i].gpus);
	put("GPUTOPO_GROUPS", "7,6;5"); /* an earlier step's */
	put("GPUTOPO_GROUP", "9");
	mock.tasks = tasks;
	gp_ranks_begin(NULL, &options);
	for (mock.task = 0; mock.task < tasks; mock.task++) {
		uint32_t each = tasks > 4 ? 1 : 4 / tasks;

		put("CUDA_VISIBLE_DEVICES", group_rows[_i].gpus);
		put("SLURMD_TRES_BIND", group_rows[_i].bind);
		if (group_rows[_i].bind) {
			gp_list_write(gpus + mock.task * (uint32_t)count / tasks,
				      (int)each, part, sizeof(part));
			put("CUDA_VISIBLE_DEVICES", part);
		}
		spank_unsetenv(NULL, "GPUTOPO_GROUP");
		gp_ranks_task(NULL);
		join(lists, sizeof(lists), value_of("CUDA_VISIBLE_DEVICES"));
		join(own, sizeof(own), value_of("GPUTOPO_GROUP"));
		ck_assert_msg(!strcmp(value_of("GPUTOPO_GROUPS"), group_rows[_i].told),
			      "%s: GPUTOPO_GROUPS=%s", group_rows[_i].why,
			      value_of("GPUTOPO_GROUPS"));
	}
	ck_assert_msg(!strcmp(lists, group_rows[_i].lists), "%s: %s", group_rows[_i].why,
		      lists);
	ck_assert_msg(!strcmp(own, group_rows[_i].own), "%s: GPUTOPO_GROUP %s",
		      group_rows[_i].why, own);
	gp_ranks_end();
}
END_TEST

SUITE(rank_env)
{
	TCase *tc = tcase_create("rank environment");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_loop_test(tc, what_a_task_finds, 0,
			    (int)(sizeof(steps) / sizeof(steps[0])));
	tcase_add_loop_test(tc, groups_of_a_step, 0,
			    (int)(sizeof(group_rows) / sizeof(group_rows[0])));
	tcase_add_loop_test(tc, steps_of_slurms_own, 0, 2);
	tcase_add_loop_test(tc, all_lists_or_none, 0, 2);
	suite_add_tcase(suite, tc);
}
