/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The restated stock Slurm, against what real daemons gave. */
#include "sim/policy_slurm.h"
#include "unit.h"

#include <string.h>

/* A DGX-1 with V100, four GPUs a socket. */
static const int dgx1v[8][8] = {
	{-1, 1, 1, 2, 2, 0, 0, 0}, {1, -1, 2, 1, 0, 2, 0, 0}, {1, 2, -1, 2, 0, 0, 1, 0},
	{2, 1, 2, -1, 0, 0, 0, 1}, {2, 0, 0, 0, -1, 1, 1, 2}, {0, 2, 0, 0, 1, -1, 2, 1},
	{0, 0, 1, 0, 1, 2, -1, 2}, {0, 0, 0, 1, 2, 1, 2, -1},
};

static struct sim_slurm_node machine(bool has_links)
{
	struct sim_slurm_node node = {
		.n = 8,
		.has_links = has_links,
		.sockets = 2,
		.near = {0x0f, 0xf0},
	};

	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			node.links[a][b] =
				(int16_t)(has_links || a == b ? dgx1v[a][b] : 0);
	return node;
}

static const char *list(uint64_t set, char *buf)
{
	struct gt_mask mask = {.word = {set}};

	return gt_mask_format(&mask, buf, GT_MASK_TEXT_MAX);
}

/* One golden of an idle node. */
struct golden {
	const char *what;
	enum sim_slurm_release release;
	enum sim_form form;
	int count;
	int cores[2];
	const char *gpus;
};

#define BOTH                                                                             \
	{                                                                                \
		16, 16                                                                   \
	}
#define ONE                                                                              \
	{                                                                                \
		1, 0                                                                     \
	}

static const struct golden goldens[] = {
	{"22.05.8 -n32 --gpus=1", SIM_SLURM_22_05, SIM_FORM_JOB, 1, BOTH, "0"},
	{"22.05.8 -n32 --gpus=2", SIM_SLURM_22_05, SIM_FORM_JOB, 2, BOTH, "0,4"},
	{"22.05.8 -n32 --gpus=3", SIM_SLURM_22_05, SIM_FORM_JOB, 3, BOTH, "0,3-4"},
	{"22.05.8 -n32 --gpus=4", SIM_SLURM_22_05, SIM_FORM_JOB, 4, BOTH, "0,2-4"},
	{"22.05.8 -n32 --gpus=5", SIM_SLURM_22_05, SIM_FORM_JOB, 5, BOTH, "0-4"},
	{"22.05.8 -n32 --gpus=6", SIM_SLURM_22_05, SIM_FORM_JOB, 6, BOTH, "0-4,7"},
	{"22.05.8 -n32 --gpus=7", SIM_SLURM_22_05, SIM_FORM_JOB, 7, BOTH, "0-4,6-7"},
	{"22.05.8 -n32 --gpus=8", SIM_SLURM_22_05, SIM_FORM_JOB, 8, BOTH, "0-7"},
	{"22.05.8 --gpus-per-node=1", SIM_SLURM_22_05, SIM_FORM_NODE, 1, BOTH, "0"},
	{"22.05.8 --gpus-per-node=2", SIM_SLURM_22_05, SIM_FORM_NODE, 2, BOTH, "0,4"},
	{"22.05.8 --gpus-per-node=3", SIM_SLURM_22_05, SIM_FORM_NODE, 3, BOTH, "0,3-4"},
	{"22.05.8 --gpus-per-node=4", SIM_SLURM_22_05, SIM_FORM_NODE, 4, BOTH, "0,3-4,7"},
	{"22.05.8 --gpus-per-node=5", SIM_SLURM_22_05, SIM_FORM_NODE, 5, BOTH,
	 "0-1,3-4,7"},
	{"22.05.8 --gpus-per-node=6", SIM_SLURM_22_05, SIM_FORM_NODE, 6, BOTH, "0-4,7"},
	{"22.05.8 --gpus-per-node=7", SIM_SLURM_22_05, SIM_FORM_NODE, 7, BOTH, "0-5,7"},
	{"24.11.5 --gpus-per-node=2", SIM_SLURM_24_05, SIM_FORM_NODE, 2, BOTH, "0,5"},
	{"24.11.5 --gpus-per-node=3", SIM_SLURM_24_05, SIM_FORM_NODE, 3, BOTH, "0,2,5"},
	{"24.11.5 --gpus-per-node=4", SIM_SLURM_24_05, SIM_FORM_NODE, 4, BOTH, "0-1,6-7"},
	{"24.11.5 --gpus-per-node=5", SIM_SLURM_24_05, SIM_FORM_NODE, 5, BOTH,
	 "0-1,3,6-7"},
	{"24.11.5 --gpus-per-node=6", SIM_SLURM_24_05, SIM_FORM_NODE, 6, BOTH, "0-2,5-7"},
	{"24.11.5 -n32 --gpus=2", SIM_SLURM_24_05, SIM_FORM_JOB, 2, BOTH, "0,4"},
	{"24.11.5 -n32 --gpus=4", SIM_SLURM_24_05, SIM_FORM_JOB, 4, BOTH, "0,2-4"},
	{"24.11.5 --gpus-per-socket=2", SIM_SLURM_24_05, SIM_FORM_SOCKET, 2, BOTH,
	 "0-1,6-7"},
	{"24.11.5 -n1 --gres=gpu:2", SIM_SLURM_24_05, SIM_FORM_NODE, 2, ONE, "0-1"},
	{"24.11.5 -n1 --gpus=2", SIM_SLURM_24_05, SIM_FORM_JOB, 2, ONE, "0,3"},
};

START_TEST(idle_nodes_as_real_daemons_chose)
{
	struct sim_slurm_node node = machine(true);

	for (size_t i = 0; i < sizeof(goldens) / sizeof(*goldens); i++) {
		const struct golden *g = &goldens[i];
		struct sim_slurm_request request = {
			.form = g->form,
			.count = g->count,
			.cores = {g->cores[0], g->cores[1]},
		};
		char got[GT_MASK_TEXT_MAX];

		list(sim_slurm_select(g->release, &node, &request), got);
		ck_assert_msg(!strcmp(got, g->gpus), "%s: %s, the daemons gave %s",
			      g->what, got, g->gpus);
	}
}
END_TEST

/* Whatever the form: free GPUs only, and as many as asked where they are there. */
START_TEST(every_busy_state_gets_free_gpus)
{
	struct sim_slurm_node node[2] = {machine(true), machine(false)};

	for (unsigned busy = 0; busy < 256; busy++)
		for (int i = 0; i < 2 * 2 * 4 * 5; i++) {
			int k = 1 + i % 5, form = i / 5 % 4;
			struct sim_slurm_request request = {
				.form = (enum sim_form)form,
				.count = k,
				.busy = busy,
				.cores = {4, 4},
				.tasks = {1, 0},
			};
			enum sim_slurm_release release = i / 20 % 2;
			uint64_t set = sim_slurm_select(release, &node[i / 40], &request);
			int there = 8 - __builtin_popcount(busy);
			int got = __builtin_popcountll(set);

			ck_assert_msg(!(set & busy) && !(set >> 8),
				      "busy %#x, form %d, %d GPUs: %#lx", busy, form, k,
				      (unsigned long)set);
			if (form != SIM_FORM_SOCKET)
				ck_assert_msg(got == (k < there ? k : there),
					      "busy %#x, form %s, %d asked, %d got", busy,
					      sim_form_name((enum sim_form)form), k, got);
		}
}
END_TEST

START_TEST(cpus_per_gpu_limits_the_first_pass)
{
	struct sim_slurm_node node = machine(true);
	struct sim_slurm_request request = {
		.form = SIM_FORM_JOB,
		.count = 4,
		.cores = {4, 0},
		.cpus_per_gpu = 2,
	};
	char got[GT_MASK_TEXT_MAX];

	/* four cores allow two GPUs at first: of 0-3 the star of 0 keeps 3 (two links);
	 * the second pass adds 4 (two links) and then 1 (one link, lowest) */
	list(sim_slurm_select(SIM_SLURM_22_05, &node, &request), got);
	ck_assert_str_eq(got, "0-1,3-4");
	request.cpus_per_gpu = 0;
	list(sim_slurm_select(SIM_SLURM_22_05, &node, &request), got);
	ck_assert_str_eq(got, "0-3");
}
END_TEST

/* Where real daemons found the cores of a job, in busy states of a DGX-1V of 2 x 20. */
struct found {
	const char *what;
	enum sim_form form;
	int count, tasks, cores_per_task, cpus_per_gpu, one_node;
	int free_cores[2];
	unsigned busy;
	int cores[2];
};

#define JOB  SIM_FORM_JOB
#define NODE SIM_FORM_NODE
#define TASK SIM_FORM_TASK

static const struct found found_22_05_8[] = {
	{"--gpus-per-node=1", NODE, 1, 0, 1, 0, 0, {16, 19}, 0x97, {0, 1}},
	{"--gpus=1", JOB, 1, 0, 1, 0, 0, {15, 18}, 0x39, {0, 1}},
	{"--gpus=2 --cpus-per-gpu=5", JOB, 2, 0, 1, 5, 0, {19, 20}, 0x1f, {0, 10}},
	{"--gres=gpu:2", NODE, 2, 0, 1, 0, 0, {19, 20}, 0x0f, {0, 1}},
	{"--gres=gpu:3 --cpus-per-gpu=3", NODE, 3, 0, 1, 3, 0, {14, 18}, 0x1f, {0, 9}},
	{"-N1 --gpus-per-node=2", NODE, 2, 0, 1, 0, 1, {13, 18}, 0x97, {0, 1}},
	{"-N1 --gpus=2", JOB, 2, 0, 1, 0, 1, {0, 9}, 0xdb, {0, 1}},
	{"-N1 --gpus=2 --cpus-per-gpu=2", JOB, 2, 0, 1, 2, 1, {15, 19}, 0x9b, {0, 4}},
	{"-N1 --gres=gpu:1", NODE, 1, 0, 1, 0, 1, {19, 20}, 0x04, {0, 1}},
	{"-N1 --gres=gpu:2 --cpus-per-gpu=2", NODE, 2, 0, 1, 2, 1, {1, 4}, 0xf2, {1, 3}},
	{"-N1 -c 5 --gpus=3", JOB, 3, 0, 5, 0, 1, {15, 20}, 0x0b, {0, 5}},
	{"-N1 -n 5 --gpus-per-task=1", TASK, 1, 5, 1, 0, 1, {16, 19}, 0x16, {2, 3}},
	{"-N1 -n 7 --gpus=2", JOB, 2, 7, 1, 0, 1, {15, 17}, 0xb7, {3, 4}},
	{"-N1 -n 2 --gres=gpu:4", NODE, 4, 2, 1, 0, 1, {17, 20}, 0x07, {0, 2}},
	{"-N1 -n 3 -c 3 --gpus-per-task=1", TASK, 1, 3, 3, 0, 1, {15, 18}, 0x9e, {4, 5}},
	{"-N1 -n 7 -c 1 --gres=gpu:3", NODE, 3, 7, 1, 0, 1, {16, 18}, 0x69, {3, 4}},
	{"-c 5 --gpus=1", JOB, 1, 0, 5, 0, 0, {2, 7}, 0xfb, {2, 3}},
	{"-n 1 --gpus-per-task=1", TASK, 1, 1, 1, 0, 0, {9, 18}, 0xdf, {0, 1}},
	{"-n 5 --gpus=4", JOB, 4, 5, 1, 0, 0, {2, 16}, 0x2b, {2, 3}},
	{"-n 8 --gres=gpu:2", NODE, 2, 8, 1, 0, 0, {16, 18}, 0x39, {0, 8}},
	{"-n 4 -c 2 --gpus-per-task=1", TASK, 1, 4, 2, 0, 0, {1, 10}, 0xd2, {1, 7}},
	{"-n 5 -c 3 --gres=gpu:2", NODE, 2, 5, 3, 0, 0, {17, 18}, 0x66, {0, 15}},
};

static const struct found found_24_11_5[] = {
	{"--gpus-per-node=2", NODE, 2, 0, 1, 0, 0, {5, 15}, 0x31, {0, 1}},
	{"--gpus=1", JOB, 1, 0, 1, 0, 0, {14, 19}, 0x4f, {0, 1}},
	{"--gpus=5 --cpus-per-gpu=3", JOB, 5, 0, 1, 3, 0, {18, 20}, 0x0e, {7, 8}},
	{"--gres=gpu:1", NODE, 1, 0, 1, 0, 0, {19, 20}, 0x09, {0, 1}},
	{"--gres=gpu:4 --cpus-per-gpu=5", NODE, 4, 0, 1, 5, 0, {12, 20}, 0x0b, {0, 20}},
	{"-N1 --gpus-per-node=1", NODE, 1, 0, 1, 0, 1, {12, 20}, 0x03, {0, 1}},
	{"-N1 --gpus=3", JOB, 3, 0, 1, 0, 1, {14, 20}, 0x0f, {0, 1}},
	{"-N1 --gpus=3 --cpus-per-gpu=4", JOB, 3, 0, 1, 4, 1, {5, 14}, 0xf1, {5, 7}},
	{"-N1 --gres=gpu:2", NODE, 2, 0, 1, 0, 1, {15, 19}, 0x3f, {0, 1}},
	{"-N1 --gres=gpu:1 --cpus-per-gpu=3",
	 NODE,
	 1,
	 0,
	 1,
	 3,
	 1,
	 {11, 14},
	 0x11,
	 {0, 3}},
	{"-N1 -c 2 --gpus=1", JOB, 1, 0, 2, 0, 1, {14, 17}, 0x7f, {0, 2}},
	{"-N1 -n 1 --gpus-per-task=1", TASK, 1, 1, 1, 0, 1, {17, 20}, 0x0f, {0, 1}},
	{"-N1 -n 2 --gpus=2", JOB, 2, 2, 1, 0, 1, {12, 16}, 0x47, {0, 2}},
	{"-N1 -n 7 --gres=gpu:5", NODE, 5, 7, 1, 0, 1, {16, 20}, 0x0d, {3, 4}},
	{"-N1 -n 1 -c 5 --gpus-per-task=1", TASK, 1, 1, 5, 0, 1, {7, 12}, 0x6f, {0, 5}},
	{"-N1 -n 8 -c 3 --gres=gpu:1", NODE, 1, 8, 3, 0, 1, {14, 16}, 0xef, {8, 16}},
	{"-c 1 --gpus=1", JOB, 1, 0, 1, 0, 0, {14, 18}, 0x3f, {0, 1}},
	{"-n 2 --gpus-per-task=1", TASK, 1, 2, 1, 0, 0, {16, 19}, 0x11, {0, 2}},
	{"-n 8 --gpus=1", JOB, 1, 8, 1, 0, 0, {2, 20}, 0x07, {0, 8}},
	{"-n 1 --gres=gpu:3", NODE, 3, 1, 1, 0, 0, {19, 20}, 0x0c, {0, 1}},
	{"-n 1 -c 2 --gpus-per-task=1", TASK, 1, 1, 2, 0, 0, {19, 20}, 0x01, {0, 2}},
	{"-n 1 -c 5 --gres=gpu:2", NODE, 2, 1, 5, 0, 0, {16, 17}, 0xb1, {2, 3}},
};

static void check_cores(enum sim_slurm_release release, const struct found *f)
{
	struct sim_slurm_node node = machine(true);
	struct sim_slurm_request r = {
		.form = f->form,
		.count = f->count,
		.busy = f->busy,
		.asked_tasks = f->tasks,
		.cores_per_task = f->cores_per_task,
		.cpus_per_gpu = f->cpus_per_gpu,
		.one_node = f->one_node,
	};

	sim_slurm_cores(&r, release, &node, f->free_cores);
	ck_assert_msg(
		r.cores[0] == f->cores[0] && r.cores[1] == f->cores[1],
		"%s beside GPUs %#x, cores %d and %d: %d and %d, the daemons gave %d "
		"and %d",
		f->what, f->busy, f->free_cores[0], f->free_cores[1], r.cores[0],
		r.cores[1], f->cores[0], f->cores[1]);
}

START_TEST(cores_lie_where_real_daemons_found_them)
{
	for (size_t i = 0; i < sizeof(found_22_05_8) / sizeof(*found_22_05_8); i++)
		check_cores(SIM_SLURM_22_05, &found_22_05_8[i]);
	for (size_t i = 0; i < sizeof(found_24_11_5) / sizeof(*found_24_11_5); i++)
		check_cores(SIM_SLURM_24_05, &found_24_11_5[i]);
}
END_TEST

/* A replay does not wait for cores: the job gets some all the same. */
START_TEST(a_node_without_cores_still_answers)
{
	struct sim_slurm_node node = machine(true);
	int none[2] = {0, 0}, few[2] = {1, 2};
	struct sim_slurm_request r = {
		.form = SIM_FORM_NODE, .count = 2, .busy = 0x0f, .asked_tasks = 8};

	sim_slurm_cores(&r, SIM_SLURM_22_05, &node, none);
	ck_assert_int_eq(r.cores[0], 0);
	ck_assert_int_eq(r.cores[1], 1);
	sim_slurm_cores(&r, SIM_SLURM_24_05, &node, few);
	ck_assert_int_eq(r.cores[0], 1);
	ck_assert_int_eq(r.cores[1], 2);
}
END_TEST

/* Tasks of three cores: 22.05 takes each core for a task, so that the first socket seems
 * to hold all five; later releases begin anew on each socket. */
START_TEST(tasks_of_several_cores_are_dealt_as_by_the_release)
{
	const struct {
		enum sim_slurm_release release;
		int cores[3], asked, each, tasks[3];
	} row[] = {
		{SIM_SLURM_22_05, {7, 8, 0}, 5, 3, {5, 0, 0}},
		{SIM_SLURM_24_05, {7, 8, 0}, 5, 3, {3, 2, 0}},
		{SIM_SLURM_22_05, {4, 4, 4}, 6, 2, {4, 2, 0}},
		{SIM_SLURM_24_05, {4, 4, 4}, 4, 3, {2, 2, 0}},
		{SIM_SLURM_24_05, {4, 4, 4}, 0, 3, {2, 2, 0}},
		{SIM_SLURM_22_05, {1, 3, 0}, 4, 1, {1, 3, 0}},
		{SIM_SLURM_24_05, {1, 3, 0}, 4, 1, {1, 3, 0}},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct sim_slurm_request request = {.asked_tasks = row[i].asked,
						    .cores_per_task = row[i].each};

		memcpy(request.cores, row[i].cores, sizeof(row[i].cores));
		sim_slurm_tasks(&request, row[i].release);
		for (int s = 0; s < 3; s++)
			ck_assert_msg(request.tasks[s] == row[i].tasks[s],
				      "row %zu, socket %d: %d tasks", i, s,
				      request.tasks[s]);
	}
}
END_TEST

START_TEST(forms_have_names)
{
	enum sim_form form;

	for (int i = 0; i < 4; i++) {
		ck_assert(sim_form_parse(sim_form_name((enum sim_form)i), &form));
		ck_assert_int_eq(form, i);
	}
	ck_assert(!sim_form_parse("gpus", &form));
}
END_TEST

SUITE(sim_policy_slurm)
{
	static const struct unit_test tests[] = {
		UNIT(idle_nodes_as_real_daemons_chose),
		UNIT(every_busy_state_gets_free_gpus),
		UNIT(cpus_per_gpu_limits_the_first_pass),
		UNIT(cores_lie_where_real_daemons_found_them),
		UNIT(a_node_without_cores_still_answers),
		UNIT(tasks_of_several_cores_are_dealt_as_by_the_release),
		UNIT(forms_have_names),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
