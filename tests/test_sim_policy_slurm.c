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

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT(idle_nodes_as_real_daemons_chose),
		UNIT(every_busy_state_gets_free_gpus),
		UNIT(cpus_per_gpu_limits_the_first_pass),
		UNIT(forms_have_names),
		{0},
	};

	return unit_main("sim_policy_slurm", tests);
}
