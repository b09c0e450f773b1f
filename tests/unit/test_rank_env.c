/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_rank_env.c - what a step's tasks find in their environment, with the SPANK of
 * tests/mock: above all what real daemons cannot show here, ConstrainDevices.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rank/node_model.h"
#include "plugin/node/rank/rank_env.h"
#include "rank/rank_facts.h"
#include "tests/mock/spank.h"
#include "unit.h"

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
	mock_spank_begin();
	mock_spank_model("n0", "builtin:dgx1v");
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
	 "GPU-a,GPU-d,GPU-c,GPU-b", "0,3,2,1", "ring"},
	{"UUIDs, devices kept apart", "4,5,6,7", "GPU-a,GPU-b,GPU-c,GPU-d", NULL, NULL, 4,
	 1, true, "GPU-a,GPU-d,GPU-c,GPU-b", "7", "ring"},
	{"UUIDs, a task's own part", "0,1,2,3", "GPU-a,GPU-b,GPU-c,GPU-d",
	 "gpu:per_task:2", "GPU-c,GPU-d", 2, 1, false, "GPU-c,GPU-b", "2,1", "ring"},
	{"UUIDs, a task's own part, devices kept apart", "0,1,2,3",
	 "GPU-a,GPU-b,GPU-c,GPU-d", "gpu:per_task:2", "GPU-c,GPU-d", 2, 1, true,
	 "GPU-c,GPU-d", "2,3", "index"},
	{"UUIDs that somebody changed", "0,1,2,3", "GPU-a,GPU-b,GPU-c,GPU-d", NULL,
	 "GPU-b,GPU-a", 1, 0, false, "GPU-b,GPU-a", "1,0", "index"},
	{"a UUID twice", "0,1,2,3", "GPU-a,GPU-b,GPU-a,GPU-d", NULL, NULL, 1, 0, false,
	 "GPU-a,GPU-b,GPU-a,GPU-d", "-", "index"},
	{"fewer UUIDs than GPUs", "0,1,2,3", "GPU-a,GPU-b,GPU-c", NULL, NULL, 1, 0, false,
	 "GPU-a,GPU-b,GPU-c", "-", "index"},
	{"an instance among UUIDs", "0,1", "GPU-a,MIG-b", NULL, NULL, 1, 0, false,
	 "GPU-a,MIG-b", "-", "index"},
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
	mock_spank.tasks = step->tasks;
	mock_spank.local = step->local;
	gp_ranks_begin(NULL, &options);
	for (mock_spank.task = 0; mock_spank.task < step->tasks; mock_spank.task++) {
		mock_spank.pid = getpid();
		gp_ranks_forked(NULL);
	}
	put("CUDA_VISIBLE_DEVICES", step->own);
	put("SLURMD_TRES_BIND", step->bind);
	mock_spank.task = step->task;
	gp_ranks_task(NULL);
	ck_assert_msg(!strcmp(mock_spank_value("CUDA_VISIBLE_DEVICES"), step->list),
		      "%s: %s", step->why, mock_spank_value("CUDA_VISIBLE_DEVICES"));
	ck_assert_msg(!strcmp(mock_spank_value("GPUTOPO_GPU"), step->gpu),
		      "%s: GPUTOPO_GPU=%s", step->why, mock_spank_value("GPUTOPO_GPU"));
	ck_assert_msg(!strcmp(mock_spank_value("GPUTOPO_ORDER"), step->order),
		      "%s: GPUTOPO_ORDER=%s", step->why,
		      mock_spank_value("GPUTOPO_ORDER"));
	ck_assert_msg(!strcmp(mock_spank_value("GPUTOPO_GPUS"),
			      strcmp(step->order, "-") ? step->gpus : "-"),
		      "%s: GPUTOPO_GPUS=%s", step->why, mock_spank_value("GPUTOPO_GPUS"));
	ck_assert_str_eq(mock_spank_log(), "");
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
	mock_spank.step = _i ? 0xfffffffb : 0xfffffffc;
	gp_ranks_begin(NULL, &options);
	gp_ranks_task(NULL);
	ck_assert_str_eq(mock_spank_value("CUDA_VISIBLE_DEVICES"),
			 _i ? "0,3,2,1" : "0,1,2,3");
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
	ck_assert_str_eq(mock_spank_value("CUDA_VISIBLE_DEVICES"),
			 _i ? "0,1,2,3" : "0,3,2,1");
	ck_assert_str_eq(mock_spank_value("ROCR_VISIBLE_DEVICES"),
			 _i ? "0,1,2,3" : "0,3,2,1");
	ck_assert_str_eq(mock_spank_value("HIP_VISIBLE_DEVICES"), _i ? "1,0" : "-");
	ck_assert_str_eq(mock_spank_value("GPUTOPO_RING"), "0,3,2,1");
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
	mock_spank.tasks = tasks;
	gp_ranks_begin(NULL, &options);
	for (mock_spank.task = 0; mock_spank.task < tasks; mock_spank.task++) {
		uint32_t each = tasks > 4 ? 1 : 4 / tasks;

		put("CUDA_VISIBLE_DEVICES", group_rows[_i].gpus);
		put("SLURMD_TRES_BIND", group_rows[_i].bind);
		if (group_rows[_i].bind) {
			gp_list_write(gpus + mock_spank.task * (uint32_t)count / tasks,
				      (int)each, part, sizeof(part));
			put("CUDA_VISIBLE_DEVICES", part);
		}
		spank_unsetenv(NULL, "GPUTOPO_GROUP");
		gp_ranks_task(NULL);
		join(lists, sizeof(lists), mock_spank_value("CUDA_VISIBLE_DEVICES"));
		join(own, sizeof(own), mock_spank_value("GPUTOPO_GROUP"));
		ck_assert_msg(!strcmp(mock_spank_value("GPUTOPO_GROUPS"),
				      group_rows[_i].told),
			      "%s: GPUTOPO_GROUPS=%s", group_rows[_i].why,
			      mock_spank_value("GPUTOPO_GROUPS"));
	}
	ck_assert_msg(!strcmp(lists, group_rows[_i].lists), "%s: %s", group_rows[_i].why,
		      lists);
	ck_assert_msg(!strcmp(own, group_rows[_i].own), "%s: GPUTOPO_GROUP %s",
		      group_rows[_i].why, own);
	gp_ranks_end();
}
END_TEST

/* --gpu-nics=bind on a DGX A100, two NICs beside each two GPUs. */
static const struct {
	const char *why, *gpus, *missing, *own, *nics, *nccl, *ucx;
	bool bind;
} nic_rows[] = {
	{"not asked for", "0,2", NULL, NULL, "mlx5_0,mlx5_1;mlx5_2,mlx5_3", "-", "-",
	 false},
	{"two NICs of each GPU", "0,2", NULL, NULL, "mlx5_0,mlx5_1;mlx5_2,mlx5_3",
	 "=mlx5_0,mlx5_1,mlx5_2,mlx5_3", "mlx5_0:1,mlx5_1:1,mlx5_2:1,mlx5_3:1", true},
	{"a single GPU", "5", NULL, NULL, "-", "=mlx5_6,mlx5_7", "mlx5_6:1,mlx5_7:1",
	 true},
	{"the user's own stays", "5", NULL, "mlx5_1", "-", "mlx5_1", "mlx5_6:1,mlx5_7:1",
	 true},
	{"a device that the node lacks", "0,5", "mlx5_7", NULL,
	 "mlx5_0,mlx5_1;mlx5_6,mlx5_7", "-", "-", true},
	{"another GPU's device is missing", "0,1", "mlx5_7", NULL,
	 "mlx5_0,mlx5_1;mlx5_0,mlx5_1", "=mlx5_0,mlx5_1", "mlx5_0:1,mlx5_1:1", true},
};

START_TEST(nics_of_a_step)
{
	char dir[] = "/tmp/gputopo-nics-XXXXXX", path[256], command[300];
	struct gp_ranks_options options = {
		.bind_nics = nic_rows[_i].bind, .stepd = getpid(), .sysfs = dir};
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	options.conf = dir;
	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	f = fopen(path, "w");
	fputs("NodeName=n0 Topology=builtin:dgxa100\n", f);
	fclose(f);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p class/infiniband && cd class/infiniband && "
		 "mkdir mlx5_0 mlx5_1 mlx5_2 mlx5_3 mlx5_6 mlx5_7 && rmdir %s",
		 dir,
		 nic_rows[_i].missing ? nic_rows[_i].missing : "mlx5_3 && mkdir mlx5_3");
	ck_assert_int_eq(system(command), 0);
	put("SLURM_STEP_GPUS", nic_rows[_i].gpus);
	put("CUDA_VISIBLE_DEVICES", nic_rows[_i].gpus);
	put("NCCL_IB_HCA", nic_rows[_i].own);
	gp_ranks_begin(NULL, &options);
	gp_ranks_task(NULL);
	ck_assert_str_eq(mock_spank_value("GPUTOPO_NICS"), nic_rows[_i].nics);
	ck_assert_str_eq(mock_spank_value("NCCL_IB_HCA"), nic_rows[_i].nccl);
	ck_assert_str_eq(mock_spank_value("UCX_NET_DEVICES"), nic_rows[_i].ucx);
	gp_ranks_end();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
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
	tcase_add_loop_test(tc, nics_of_a_step, 0,
			    (int)(sizeof(nic_rows) / sizeof(nic_rows[0])));
	tcase_add_loop_test(tc, steps_of_slurms_own, 0, 2);
	tcase_add_loop_test(tc, all_lists_or_none, 0, 2);
	suite_add_tcase(suite, tc);
}
