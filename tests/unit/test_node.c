/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node model: completion, inference, comparison. */
#include "config.h"

#include "core/node.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gt_node *fresh(int gpus, const char *model)
{
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, gpus, NULL), GT_OK);
	for (int i = 0; model && i < gpus; i++)
		snprintf(gt_node_edit_gpu(node, i)->model, 64, "%s", model);
	return node;
}

static void link_pair(struct gt_node *node, int a, int b, int links)
{
	gt_node_set_links(node, a, b, links);
	gt_node_set_links(node, b, a, links);
}

static void link_all(struct gt_node *node, int from, int to, int links)
{
	for (int a = from; a <= to; a++)
		for (int b = from; b < a; b++)
			link_pair(node, a, b, links);
}

static void finish(struct gt_node *node)
{
	struct gt_error err;

	ck_assert_msg(gt_node_finish(node, &err) == GT_OK, "%s", err.text);
}

START_TEST(test_model_speeds)
{
	static const struct {
		const char *model;
		int link_mbps, pcie_mbps;
		bool known;
	} rows[] = {
		{"Tesla V100-SXM2-16GB", 20000, 12000, true},
		{"Tesla P100-SXM2-16GB", 18000, 12000, true},
		{"NVIDIA A100-SXM4-80GB", 20000, 24000, true},
		{"a100", 20000, 24000, true},
		{"nvidia_a100_80gb_pcie", 20000, 24000, true},
		{"a100_3g.20gb", 20000, 24000, true},
		{"NVIDIA RTX A6000", 12000, 24000, true},
		{"NVIDIA GeForce RTX 3090", 12000, 24000, true},
		{"rtx3090", 12000, 24000, true},
		{"NVIDIA H100 80GB HBM3", 20600, 48000, true},
		{"NVIDIA GH200 480GB", 20600, 48000, true},
		{"NVIDIA B200", 40100, 48000, true},
		{"NVIDIA GB200", 40100, 48000, true},
		{"NVIDIA L40S", 20000, 24000, true},
		{"NVIDIA L40", 20000, 24000, true},
		{"NVIDIA A10", 12000, 24000, true},
		{"Tesla T4", 20000, 12000, true},
		{"NVIDIA H100 NVL", 20600, 48000, true},
		{"NVIDIA H200 NVL", 20600, 48000, true},
		{"NVIDIA A800-SXM4-80GB", 20000, 24000, true},
		{"NVIDIA H800", 20600, 48000, true},
		{"NVIDIA H20", 20600, 48000, true},
		{"NVIDIA B300 SXM6 AC", 40100, 48000, true},
		{"NVIDIA GB300", 40100, 48000, true},
		{"NVIDIA GeForce RTX 5090", 40100, 48000, true},
		{"AMD Instinct MI325X", 48000, 48000, true},
		{"amd_instinct_mi350x", 48000, 48000, true},
		{"MI355X", 48000, 48000, true},
		{"NVIDIA RTX 6000 Ada Generation", 20000, 24000, true},
		{"NVIDIA RTX PRO 6000 Blackwell Server Edition", 40100, 48000, true},
		{"Quadro RTX 8000", 20000, 12000, true},
		{"AMD Instinct MI250X", 36000, 24000, true},
		{"AMD Instinct MI300X OAM", 48000, 48000, true},
		{"mi100", 24000, 24000, true},
		{"gfx90a", 36000, 24000, true},
		{"Tesla V1000", 20000, 12000, false},
		{"", 20000, 12000, false},
		{"toaster", 20000, 12000, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int link_mbps, pcie_mbps;
		bool known = gt_gpu_model_speeds(rows[i].model, &link_mbps, &pcie_mbps);

		ck_assert_msg(known == rows[i].known && link_mbps == rows[i].link_mbps &&
				      pcie_mbps == rows[i].pcie_mbps,
			      "%s: %d %d %d", rows[i].model, known, link_mbps, pcie_mbps);
	}
	/* the driver keeps these from writing to each other over PCIe */
	ck_assert(!gt_gpu_model_pcie_p2p("NVIDIA GeForce RTX 5090"));
	ck_assert(!gt_gpu_model_pcie_p2p("rtx4090") && !gt_gpu_model_pcie_p2p("2080ti"));
	ck_assert(gt_gpu_model_pcie_p2p("NVIDIA RTX PRO 6000 Blackwell Server Edition"));
	ck_assert(gt_gpu_model_pcie_p2p("NVIDIA L40S") && gt_gpu_model_pcie_p2p(""));
}
END_TEST

START_TEST(test_limits)
{
	struct gt_node *node = (struct gt_node *)&node;
	struct gt_error err;

	ck_assert_int_eq(gt_node_new(&node, -1, &err), GT_ELIMIT);
	ck_assert_ptr_null(node);
	ck_assert_int_eq(gt_node_new(&node, GT_MAX_GPUS + 1, &err), GT_ELIMIT);
	node = fresh(GT_MAX_GPUS, "b200");
	finish(node);
	gt_node_free(node);
	node = fresh(0, NULL);
	finish(node);
	ck_assert_int_eq(gt_node_fabric(node), GT_FABRIC_PCIE);
	gt_node_free(node);
	gt_node_free(NULL);
}
END_TEST

START_TEST(test_asymmetric_links_take_the_smaller)
{
	struct gt_node *node = fresh(2, "a100");

	gt_node_set_links(node, 0, 1, 4);
	gt_node_set_links(node, 1, 0, 3);
	finish(node);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 3);
	ck_assert_int_eq(gt_node_links(node, 1, 0), 3);
	ck_assert_int_eq(gt_node_note_count(node), 1);
	ck_assert_ptr_nonnull(strstr(gt_node_note(node, 0), "smaller"));
	gt_node_free(node);
}
END_TEST

START_TEST(test_one_known_direction_is_enough)
{
	struct gt_node *node = fresh(3, "a100");

	link_all(node, 0, 2, GT_UNKNOWN);
	gt_node_set_links(node, 0, 1, 4);
	gt_node_set_links(node, 0, 2, 0);
	gt_node_set_path(node, 0, 2, GT_PATH_SYS);
	finish(node);
	ck_assert_int_eq(gt_node_links(node, 1, 0), 4);
	ck_assert_int_eq(gt_node_links(node, 2, 0), 0);
	ck_assert_int_eq(gt_node_links(node, 1, 2), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_pair_mbps(node, 1, 2), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_path(node, 1, 2), GT_PATH_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	gt_node_free(node);
}
END_TEST

START_TEST(test_path_classes)
{
	static const struct {
		enum gt_cpu_vendor cpu;
		const char *model;
		int pix, phb, sys;
	} rows[] = {
		{GT_CPU_UNKNOWN, "a100", 24000, 20000, 10000},
		{GT_CPU_INTEL_BDW, "v100", 12000, 10000, 6000},
		{GT_CPU_INTEL_SKX, "v100", 12000, 10000, 10000},
		{GT_CPU_INTEL_SPR, "h100", 48000, 40000, 22000},
		{GT_CPU_INTEL_EMR, "h100", 48000, 40000, 40000},
		{GT_CPU_AMD, "a100", 24000, 24000, 16000},
		{GT_CPU_AMD, "v100", 12000, 12000, 12000},
		{GT_CPU_AMD_ZEN12, "h100", 48000, 48000, 16000},
		{GT_CPU_AMD_ZEN34, "h100", 48000, 48000, 24000},
		{GT_CPU_AMD_ZEN5, "h100", 48000, 48000, 32000},
		{GT_CPU_POWER9, "v100", 12000, 12000, 12000},
		{GT_CPU_POWER9, "h100", 48000, 48000, 32000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = fresh(6, rows[i].model);

		gt_node_set_cpu_vendor(node, rows[i].cpu);
		for (int j = 1; j < 6; j++)
			gt_node_set_path(node, 0, j, (enum gt_path)(GT_PATH_PIX + j - 1));
		finish(node);
		ck_assert_int_eq(gt_node_pair_mbps(node, 1, 0), rows[i].pix);
		ck_assert_int_eq(gt_node_pair_mbps(node, 2, 0), rows[i].pix);
		ck_assert_int_eq(gt_node_pair_mbps(node, 3, 0), rows[i].phb);
		ck_assert_int_eq(gt_node_pair_mbps(node, 4, 0), rows[i].phb);
		ck_assert_int_eq(gt_node_pair_mbps(node, 5, 0), rows[i].sys);
		/* not shown: the farthest class, and no name */
		ck_assert_int_eq(gt_node_pair_mbps(node, 1, 2), rows[i].sys);
		ck_assert_int_eq(gt_node_path(node, 1, 2), GT_PATH_UNKNOWN);
		ck_assert_int_eq(gt_node_pair_mbps(node, 2, 2), GT_UNKNOWN);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_a_pair_is_worth_the_better_way)
{
	struct gt_node *node = fresh(3, "a100");

	link_pair(node, 0, 1, 1);
	gt_node_set_path(node, 0, 1, GT_PATH_PIX);
	link_pair(node, 1, 2, 4);
	gt_node_set_path(node, 1, 2, GT_PATH_LINK);
	gt_node_set_path_mbps(node, 0, 2, 33000);
	finish(node);
	ck_assert_int_eq(gt_node_pair_mbps(node, 0, 1), 24000);
	ck_assert_int_eq(gt_node_path(node, 0, 1), GT_PATH_LINK);
	ck_assert_int_eq(gt_node_pair_mbps(node, 1, 2), 80000);
	ck_assert_int_eq(gt_node_path_mbps(node, 1, 2), 10000);
	ck_assert_int_eq(gt_node_pair_mbps(node, 0, 2), 33000);
	ck_assert_int_eq(gt_node_fabric(node), GT_FABRIC_MESH);
	gt_node_free(node);
}
END_TEST

START_TEST(test_the_slower_member_decides)
{
	struct gt_node *node = fresh(2, "a100");

	snprintf(gt_node_edit_gpu(node, 1)->model, 64, "p100");
	link_pair(node, 0, 1, 2);
	finish(node);
	ck_assert_int_eq(gt_node_pair_mbps(node, 0, 1), 36000);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 1), 10000);
	gt_node_free(node);
}
END_TEST

START_TEST(test_unknown_model_is_noted)
{
	struct gt_node *node = fresh(2, "toaster");

	link_pair(node, 0, 1, 2);
	finish(node);
	ck_assert_int_eq(gt_node_gpu(node, 0)->link_mbps, 20000);
	ck_assert_int_eq(gt_node_note_count(node), 1);
	ck_assert_ptr_nonnull(strstr(gt_node_note(node, 0), "toaster"));
	gt_node_free(node);
}
END_TEST

/* A topology that names no GPU, of which somebody else knows the types. */
START_TEST(test_names_from_elsewhere)
{
	static const char *const types[] = {"nvidia_a100-sxm4-80gb", "big", NULL, NULL};
	struct gt_node *node, *named;

	ck_assert_int_eq(gt_node_new(&node, 3, NULL), GT_OK);
	gt_node_set_links(node, 0, 1, 2);
	gt_node_set_links(node, 1, 0, 2);
	gt_node_set_path(node, 0, 2, GT_PATH_PIX);
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	ck_assert_int_eq(gt_node_note_count(node), 1);
	/* a type that is no model changes nothing */
	gt_node_name_gpus(node, types + 1);
	ck_assert_int_eq(gt_node_note_count(node), 1);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 2), 12000);
	gt_node_name_gpus(node, (const char *const[]){types[0], types[0], types[0]});
	ck_assert_int_eq(gt_node_note_count(node), 0);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 2), 24000);
	ck_assert_int_eq(gt_node_path_mbps(node, 2, 0), 24000);
	ck_assert_int_eq(gt_node_pair_mbps(node, 0, 1), 40000);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
	gt_node_free(node);
	/* what the source names or rates stays */
	ck_assert_int_eq(gt_node_new(&named, 2, NULL), GT_OK);
	snprintf(gt_node_edit_gpu(named, 0)->model, 64, "Tesla P100-SXM2-16GB");
	gt_node_set_path_mbps(named, 0, 1, 7000);
	ck_assert_int_eq(gt_node_finish(named, NULL), GT_OK);
	gt_node_name_gpus(named, (const char *const[]){types[0], types[0]});
	ck_assert_str_eq(gt_node_gpu(named, 0)->model, "Tesla P100-SXM2-16GB");
	ck_assert_str_eq(gt_node_gpu(named, 1)->model, types[0]);
	ck_assert_int_eq(gt_node_path_mbps(named, 0, 1), 7000);
	gt_node_free(named);
}
END_TEST

START_TEST(test_islands_fill_their_links)
{
	struct gt_node *node = fresh(5, "h100");

	for (int i = 0; i < 4; i++) {
		gt_node_edit_gpu(node, i)->island = i < 3 ? 7 : 2;
		gt_node_edit_gpu(node, i)->switch_links = i == 1 ? 17 : 18;
	}
	gt_node_edit_gpu(node, 4)->island = 7; /* all its links are down */
	finish(node);
	ck_assert_int_eq(gt_node_gpu(node, 0)->island, 0);
	ck_assert_int_eq(gt_node_gpu(node, 3)->island, 1);
	ck_assert_int_eq(gt_node_gpu(node, 4)->island, GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 17);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 18);
	ck_assert_int_eq(gt_node_links(node, 0, 3), 0);
	ck_assert_int_eq(gt_node_links(node, 0, 4), 0);
	ck_assert_int_eq(gt_node_pair_mbps(node, 0, 2), 18 * 20600);
	ck_assert_int_eq(gt_node_fabric(node), GT_FABRIC_SWITCH);
	gt_node_free(node);
}
END_TEST

START_TEST(test_inference)
{
	static const struct {
		const char *why;
		int gpus, links;
		bool island;
	} rows[] = {
		{"8 x H100 behind NVSwitches", 8, 18, true},
		{"8 x A800, 8 links", 8, 8, true},
		{"16 x V100 of a DGX-2: 15 x 6 links cannot be a mesh", 16, 6, true},
		{"5 GPUs of a DGX-2: 4 x 6 links cannot be a mesh", 5, 6, true},
		{"4 x H100 in a mesh", 4, 6, false},
		{"4 x A100 in a mesh", 4, 4, false},
		{"8 x MI300X", 8, 1, false},
		{"a bridge", 2, 12, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = fresh(rows[i].gpus, "h100");
		int links = rows[i].island ? rows[i].links : 0;

		link_all(node, 0, rows[i].gpus - 1, rows[i].links);
		gt_node_infer_fabric(node);
		finish(node);
		for (int g = 0; g < rows[i].gpus; g++) {
			const struct gt_gpu *gpu = gt_node_gpu(node, g);

			ck_assert_msg((gpu->island == 0) == rows[i].island, "%s",
				      rows[i].why);
			ck_assert_msg(gpu->switch_links == links, "%s", rows[i].why);
		}
		ck_assert_int_eq(gt_node_note_count(node), rows[i].gpus > 2);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_inference_of_damage)
{
	struct gt_node *node = fresh(8, "b200");

	/* GPU 2 lost all links, GPU 5 two of them */
	link_all(node, 0, 7, 18);
	for (int j = 0; j < 8; j++)
		if (j != 5)
			link_pair(node, 5, j, 16);
	for (int j = 0; j < 8; j++)
		if (j != 2)
			link_pair(node, 2, j, 0);
	gt_node_infer_fabric(node);
	finish(node);
	ck_assert_int_eq(gt_node_gpu(node, 2)->island, GT_UNKNOWN);
	ck_assert_int_eq(gt_node_gpu(node, 2)->switch_links, 0);
	ck_assert_int_eq(gt_node_gpu(node, 5)->switch_links, 16);
	ck_assert_int_eq(gt_node_gpu(node, 7)->switch_links, 18);
	ck_assert_int_eq(gt_node_links(node, 5, 7), 16);
	ck_assert_int_eq(gt_node_links(node, 0, 7), 18);
	gt_node_free(node);
}
END_TEST

START_TEST(test_two_fabrics)
{
	struct gt_node *node = fresh(8, "h200");

	link_all(node, 0, 3, 18);
	link_all(node, 4, 7, 18);
	gt_node_infer_fabric(node);
	finish(node);
	ck_assert_int_eq(gt_node_gpu(node, 3)->island, 0);
	ck_assert_int_eq(gt_node_gpu(node, 4)->island, 1);
	ck_assert_int_eq(gt_node_links(node, 3, 4), 0);
	gt_node_free(node);
}
END_TEST

START_TEST(test_a_cut_fabric)
{
	struct gt_node *node = fresh(6, "b200");

	/* rows 4 and 5 are missing: of 0 to 3 everything is known */
	link_all(node, 0, 5, 18);
	link_pair(node, 4, 5, GT_UNKNOWN);
	gt_node_infer_fabric(node);
	finish(node);
	ck_assert_int_eq(gt_node_gpu(node, 3)->island, 0);
	ck_assert_int_eq(gt_node_gpu(node, 4)->island, GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 4, 5), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 0, 4), 18);
	gt_node_free(node);
}
END_TEST

START_TEST(test_refusals)
{
	struct gt_node *node = fresh(2, "a100");
	struct gt_error err;
	struct gt_mask none = {0}, beyond = gt_mask_first(3), both = gt_mask_first(2);

	ck_assert_int_eq(gt_node_add_group(node, &none, &err), GT_EINVAL);
	ck_assert_int_eq(gt_node_add_group(node, &beyond, &err), GT_EINVAL);
	for (int i = 0; i < GT_MAX_GROUPS; i++)
		ck_assert_int_eq(gt_node_add_group(node, &both, &err), GT_OK);
	ck_assert_int_eq(gt_node_add_group(node, &both, &err), GT_ELIMIT);
	gt_node_set_links(node, 0, 1, GT_MAX_LINKS + 1);
	ck_assert_int_eq(gt_node_finish(node, &err), GT_EINVAL);
	gt_node_free(node);

	node = fresh(2, "a100");
	for (int i = 0; i < 2; i++)
		snprintf(gt_node_edit_gpu(node, i)->uuid, 64, "GPU-same");
	ck_assert_int_eq(gt_node_finish(node, &err), GT_EINVAL);
	gt_node_free(node);

	node = fresh(1, "a100");
	gt_node_edit_gpu(node, 0)->switch_links = -3;
	ck_assert_int_eq(gt_node_finish(node, &err), GT_EINVAL);
	gt_node_free(node);
}
END_TEST

START_TEST(test_notes_are_bounded)
{
	struct gt_node *node = fresh(1, "a100");

	for (int i = 0; i < 100; i++)
		gt_node_add_note(node, "note %d", i);
	gt_node_add_note(node, "note 5"); /* said already */
	ck_assert_int_eq(gt_node_note_count(node), GT_MAX_NOTES);
	ck_assert_str_eq(gt_node_note(node, GT_MAX_NOTES - 1), "and 69 more notes");
	ck_assert_str_eq(gt_node_note(node, GT_MAX_NOTES - 2), "note 30");
	gt_node_free(node);
}
END_TEST

START_TEST(test_text_is_cleaned)
{
	struct gt_node *node = fresh(1, "a\x80"
					"b\n\xc3\xa9\xc3");

	gt_node_set_name(node, "\xff\xfe");
	finish(node);
	ck_assert_str_eq(gt_node_gpu(node, 0)->model, "a?b?\xc3\xa9?");
	ck_assert_str_eq(gt_node_name(node), "??");
	gt_node_free(node);
}
END_TEST

static struct gt_node *sample(void)
{
	struct gt_node *node = fresh(4, "v100");

	link_pair(node, 0, 1, 2);
	link_pair(node, 2, 3, 2);
	for (int i = 0; i < 4; i++) {
		gt_node_edit_gpu(node, i)->socket = i / 2;
		snprintf(gt_node_edit_gpu(node, i)->pci_root, 24, "root%d", i / 2);
	}
	return node;
}

static void change_links(struct gt_node *node)
{
	link_pair(node, 0, 1, 1);
}

static void change_path(struct gt_node *node)
{
	gt_node_set_path(node, 0, 2, GT_PATH_PIX);
}

static void change_root(struct gt_node *node)
{
	snprintf(gt_node_edit_gpu(node, 1)->pci_root, 24, "elsewhere");
}

static void change_mig(struct gt_node *node)
{
	gt_node_edit_gpu(node, 1)->mig = true;
}

static void change_health(struct gt_node *node)
{
	gt_node_edit_gpu(node, 1)->healthy = false;
}

static void change_socket(struct gt_node *node)
{
	gt_node_edit_gpu(node, 1)->socket = 1;
}

static void change_group(struct gt_node *node)
{
	struct gt_mask group = gt_mask_first(2);

	gt_node_add_group(node, &group, NULL);
}

static void change_names(struct gt_node *node)
{
	gt_node_set_name(node, "other");
	gt_node_add_note(node, "other");
	for (int i = 0; i < 4; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->uuid, sizeof(gpu->uuid), "GPU-%d", i);
		snprintf(gpu->pci_root, sizeof(gpu->pci_root), "pci%d", i / 2);
		gpu->socket = 1 - i / 2;
		gpu->minor = 3 - i;
		gpu->module_id = i + 1;
	}
}

START_TEST(test_same_type)
{
	static const struct {
		const char *what;
		void (*change)(struct gt_node *node);
		bool same;
	} rows[] = {
		{"other names, the same partition", change_names, true},
		{"one link less", change_links, false},
		{"another path", change_path, false},
		{"another PCIe root", change_root, false},
		{"another socket", change_socket, false},
		{"a GPU in MIG mode", change_mig, false},
		{"a GPU out of service", change_health, false},
		{"a link group", change_group, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *a = sample(), *b = sample();

		rows[i].change(b);
		finish(a);
		finish(b);
		ck_assert(gt_node_same_type(a, a));
		ck_assert_msg(gt_node_same_type(a, b) == rows[i].same, "%s",
			      rows[i].what);
		gt_node_free(a);
		gt_node_free(b);
	}
}
END_TEST

START_TEST(test_copy_avoiding)
{
	struct gt_node *node = sample(), *copy;
	struct gt_mask avoid = {0};

	gt_mask_set(&avoid, 2);
	gt_node_add_note(node, "kept");
	finish(node);
	ck_assert_int_eq(gt_node_copy_avoiding(&copy, node, &avoid, NULL), GT_OK);
	ck_assert(gt_node_gpu(node, 2)->healthy);
	ck_assert(!gt_node_gpu(copy, 2)->healthy);
	ck_assert(!gt_mask_has(&copy->healthy, 2));
	ck_assert_int_eq(gt_node_links(copy, 2, 3), 2);
	ck_assert(!gt_node_same_type(copy, node));
	gt_node_free(node);
	ck_assert_str_eq(gt_node_note(copy, gt_node_note_count(copy) - 1), "kept");
	gt_node_free(copy);
}
END_TEST

START_TEST(test_names)
{
	ck_assert_str_eq(gt_path_name(GT_PATH_UNKNOWN), "?");
	ck_assert_str_eq(gt_path_name(GT_PATH_SYS), "SYS");
	ck_assert_str_eq(gt_fabric_name(GT_FABRIC_SWITCH), "switch");
	for (int i = GT_CPU_INTEL; i <= GT_CPU_ARM; i++)
		ck_assert_int_eq(
			gt_cpu_vendor_parse(gt_cpu_vendor_name((enum gt_cpu_vendor)i)),
			i);
	ck_assert_int_eq(gt_cpu_vendor_parse("AuthenticAMD"), GT_CPU_AMD);
	ck_assert_int_eq(gt_cpu_vendor_parse("amd"), GT_CPU_AMD);
	ck_assert_int_eq(gt_cpu_vendor_parse(""), GT_CPU_UNKNOWN);
}
END_TEST

/* ---- measured points ---- */

static int measured_of(const struct gt_node *node, unsigned set)
{
	struct gt_mask mask = {.word = {set}};

	return gt_node_measured_mbps(node, &mask, GT_COMM_ALLREDUCE);
}

START_TEST(test_measured_points)
{
	struct gt_measured pair = {.gpus = {{0x3}}, .busbw_mbps = 208000};
	struct gt_measured four = {.count = 4, .busbw_mbps = 365000};
	struct gt_measured wrong = {.gpus = {{0x100}}, .busbw_mbps = 1};
	struct gt_node *node = fresh(8, "h100"), *copy;
	struct gt_mask none = {0}, mask = {{0x3}};
	struct gt_score score;

	for (int i = 0; i < 8; i++) {
		gt_node_edit_gpu(node, i)->island = i / 6;
		gt_node_edit_gpu(node, i)->switch_links = i == 5 ? 16 : 18;
	}
	finish(node);
	ck_assert_int_eq(gt_node_add_measured(node, &pair, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_measured(node, &four, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_measured(node, &wrong, NULL), GT_EINVAL);
	wrong = (struct gt_measured){.count = 1, .busbw_mbps = 1};
	ck_assert_int_eq(gt_node_add_measured(node, &wrong, NULL), GT_EINVAL);
	wrong = (struct gt_measured){.count = 9, .busbw_mbps = 1};
	ck_assert_int_eq(gt_node_add_measured(node, &wrong, NULL), GT_EINVAL);
	/* the set, and others of its switch with as many links */
	ck_assert_int_eq(measured_of(node, 0x03), 208000);
	ck_assert_int_eq(measured_of(node, 0x18), 208000);
	ck_assert_int_eq(measured_of(node, 0x30), 0); /* GPU 5 has fewer links */
	ck_assert_int_eq(measured_of(node, 0xc0), 0); /* another switch */
	ck_assert_int_eq(measured_of(node, 0x0f), 365000);
	ck_assert_int_eq(measured_of(node, 0x2f), 0);
	ck_assert_int_eq(measured_of(node, 0x47), 0); /* across switches */
	ck_assert_int_eq(gt_node_measured_mbps(node, &mask, GT_COMM_ALLTOALL), 0);
	gt_score_set(node, &mask, &score);
	ck_assert(score.measured);
	ck_assert_int_eq(score.busbw_mbps, 208000);
	ck_assert_int_eq(score.predicted_mbps, 18 * 20600);
	/* the newer one of the same GPUs counts */
	pair.busbw_mbps = 210000;
	ck_assert_int_eq(gt_node_add_measured(node, &pair, NULL), GT_OK);
	ck_assert_int_eq(gt_node_measured_count(node), 2);
	ck_assert_int_eq(measured_of(node, 0x03), 210000);
	ck_assert_int_eq(gt_node_copy_avoiding(&copy, node, &none, NULL), GT_OK);
	ck_assert(gt_node_same_type(node, copy));
	pair.busbw_mbps = 211000;
	ck_assert_int_eq(gt_node_add_measured(copy, &pair, NULL), GT_OK);
	ck_assert(!gt_node_same_type(node, copy));
	gt_node_free(copy);
	gt_node_free(node);
}
END_TEST

/* On a mesh a point speaks of its own set only, and a promise is held against it. */
START_TEST(test_promises_use_what_was_measured)
{
	struct gt_measured slow = {.gpus = {{0x3}}, .busbw_mbps = 90000};
	struct gt_request request = {
		.count = 2, .free = {{0xf}}, .min_busbw_mbps = 100000};
	struct gt_node *node = fresh(4, "a100");
	struct gt_choice choice;
	struct gt_table *table;

	for (int i = 0; i < 4; i += 2) {
		gt_node_set_links(node, i, i + 1, 12);
		gt_node_set_links(node, i + 1, i, 12);
	}
	finish(node);
	ck_assert_int_eq(gt_node_add_measured(node, &slow, NULL), GT_OK);
	ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_select(table, &request, &choice), GT_FIT_OK);
	ck_assert_uint_eq(choice.gpus.word[0], 0xc);
	request.free = gt_mask_first(2);
	ck_assert_int_eq(gt_select(table, &request, &choice), GT_FIT_BELOW_MIN);
	gt_table_free(table);
	gt_node_free(node);
}
END_TEST

SUITE(node)
{
	static const struct unit_test tests[] = {
		UNIT(test_model_speeds),
		UNIT(test_limits),
		UNIT(test_asymmetric_links_take_the_smaller),
		UNIT(test_one_known_direction_is_enough),
		UNIT(test_path_classes),
		UNIT(test_measured_points),
		UNIT(test_promises_use_what_was_measured),
		UNIT(test_a_pair_is_worth_the_better_way),
		UNIT(test_the_slower_member_decides),
		UNIT(test_unknown_model_is_noted),
		UNIT(test_names_from_elsewhere),
		UNIT(test_islands_fill_their_links),
		UNIT(test_inference),
		UNIT(test_inference_of_damage),
		UNIT(test_two_fabrics),
		UNIT(test_a_cut_fabric),
		UNIT(test_refusals),
		UNIT(test_notes_are_bounded),
		UNIT(test_text_is_cleaned),
		UNIT(test_same_type),
		UNIT(test_copy_avoiding),
		UNIT(test_names),
		{NULL, NULL},
	};

	unit_add(suite, tests, NULL, NULL);
}
