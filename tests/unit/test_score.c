/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the library says a set is worth, against the oracle. */
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <string.h>

#define RANDOM_GRAPHS 600

/* Every field of one set's score against the definitions. */
static void check_set(const char *what, const struct gt_node *node,
		      const struct oracle_graph *g, unsigned set)
{
	struct gt_mask m = mask_of(set);
	struct oracle_value v;
	struct gt_score s;

	oracle_value(g, set, &v);
	gt_score_set(node, &m, &s);
	ck_assert_msg(s.count == oracle_size(set), "%s, set %#x: count", what, set);
	ck_assert_msg(s.exact, "%s, set %#x: not exact", what, set);
	ck_assert_msg(s.rings == v.rings, "%s, set %#x: R %d, oracle %d", what, set,
		      s.rings, v.rings);
	ck_assert_msg(s.link_mbps == v.link_mbps, "%s, set %#x: w", what, set);
	ck_assert_msg(s.tree_den >= 1 && s.tree_num * v.tau_den == v.tau_num * s.tree_den,
		      "%s, set %#x: tau %d/%d, oracle %d/%d", what, set, s.tree_num,
		      s.tree_den, v.tau_num, v.tau_den);
	ck_assert_msg(s.path_mbps == v.path_mbps, "%s, set %#x: P %d, oracle %d", what,
		      set, s.path_mbps, v.path_mbps);
	ck_assert_msg(s.relayed_ring == v.relayed, "%s, set %#x: Q %d, oracle %d", what,
		      set, s.relayed_ring, v.relayed);
	ck_assert_msg(s.busbw_mbps == v.busbw_mbps, "%s, set %#x: busbw %d, oracle %d",
		      what, set, s.busbw_mbps, v.busbw_mbps);
	ck_assert_msg(s.bottleneck_mbps == v.bottleneck_mbps, "%s, set %#x: bottleneck",
		      what, set);
	ck_assert_msg(s.pair_sum_mbps == v.pair_sum_mbps, "%s, set %#x: pair sum", what,
		      set);
	ck_assert_msg(s.out_of_service == v.broken, "%s, set %#x: out of service", what,
		      set);
	ck_assert_msg(s.sockets == v.sockets && s.pci_roots == v.roots,
		      "%s, set %#x: sockets %d, roots %d, oracle %d, %d", what, set,
		      s.sockets, s.pci_roots, v.sockets, v.roots);
}

static void check_all_sets(const char *what, const struct oracle_graph *machine)
{
	struct gt_node *node = graph_node(machine);
	struct oracle_graph g;

	graph_of_node(&g, node);
	for (unsigned set = 1; set < 1u << g.n; set++)
		check_set(what, node, &g, set);
	gt_node_free(node);
}

START_TEST(every_set_of_the_dgx1)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	check_all_sets("DGX-1V", &g);
	graph_dgx1p(&g);
	check_all_sets("DGX-1P", &g);
}
END_TEST

START_TEST(every_set_of_other_machines)
{
	struct oracle_graph g;

	graph_pairs(&g, 8, 4);
	check_all_sets("bridged pairs", &g);
	graph_pcie(&g, 8);
	check_all_sets("PCIe only", &g);
	graph_switch(&g, 8, 18);
	check_all_sets("one switch", &g);
	g.ports[2] = 17;
	check_all_sets("a switch with a dead link", &g);
	g.island[2] = -1;
	g.ports[2] = 0;
	check_all_sets("a switch with a GPU off it", &g);
	for (int i = 4; i < 8; i++)
		g.island[i] = 1;
	check_all_sets("two switches", &g);
	for (int n = 2; n <= 7; n++) {
		graph_complete(&g, n, 1);
		check_all_sets("single links everywhere", &g);
		graph_complete(&g, n, 2);
		check_all_sets("double links everywhere", &g);
	}
	graph_complete(&g, 8, 1);
	check_all_sets("an xGMI mesh of 8", &g);
}
END_TEST

START_TEST(link_groups_cut_links)
{
	struct oracle_graph g;

	graph_switch(&g, 8, 18);
	g.groups = 2;
	g.group[0] = 0x0f;
	g.group[1] = 0xf0;
	check_all_sets("an HGX in two fabric partitions", &g);
	graph_dgx1v(&g);
	g.groups = 3;
	g.group[0] = 0x33;
	g.group[1] = 0xcc;
	g.group[2] = 0x3c;
	check_all_sets("DGX-1V with overlapping groups", &g);
}
END_TEST

START_TEST(gpus_out_of_service_are_counted)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	g.broken[3] = g.broken[5] = true;
	check_all_sets("DGX-1V with two GPUs out of service", &g);
}
END_TEST

START_TEST(every_set_of_random_graphs)
{
	struct rng r = rng_start("score");

	for (int i = 0; i < unit_cases(RANDOM_GRAPHS); i++) {
		struct oracle_graph g;
		char what[32];

		graph_random(&g, 2 + (int)rng_next(&r, 7), &r);
		snprintf(what, sizeof(what), "random graph %d", i);
		check_all_sets(what, &g);
	}
}
END_TEST

START_TEST(every_set_of_random_pcie_trees)
{
	struct rng r = rng_start("trees");
	int bound = 0;

	for (int i = 0; i < unit_cases(RANDOM_GRAPHS); i++) {
		struct oracle_graph g, bare;
		char what[32];

		graph_random_tree(&g, 2 + (int)rng_next(&r, 7), &r);
		snprintf(what, sizeof(what), "random tree %d", i);
		check_all_sets(what, &g);
		bare = g;
		bare.shared = 0;
		bound += oracle_path(&g, (1u << g.n) - 1) <
			 oracle_path(&bare, (1u << g.n) - 1);
	}
	/* else what is shared was never seen */
	ck_assert_int_gt(bound, unit_cases(RANDOM_GRAPHS) / 4);
}
END_TEST

/* Two GeForce cards behind one port get half of it, of two ports each its own
 * (NVIDIA/nccl#1086). */
START_TEST(copies_through_the_host_share_a_port)
{
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_score score;
	struct gt_mask near = mask_of(0x3), apart = mask_of(0x5);

	graph_pcie(&g, 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			g.path_mbps[i][j] = 20000;
	g.shared = 2;
	g.share[0].gpus = 0x3;
	g.share[1].gpus = 0xc;
	g.share[0].mbps = g.share[1].mbps = 24000;
	g.share[0].memory = g.share[1].memory = false;
	g.copies = true;
	node = graph_node(&g);
	gt_score_set(node, &near, &score);
	ck_assert_int_eq(score.busbw_mbps, 12000);
	gt_score_set(node, &apart, &score);
	ck_assert_int_eq(score.busbw_mbps, 20000);
	gt_node_free(node);
	g.copies = false;
	node = graph_node(&g);
	gt_score_set(node, &near, &score);
	ck_assert_int_eq(score.busbw_mbps, 20000);
	gt_node_free(node);
}
END_TEST

START_TEST(the_empty_set_is_worth_nothing)
{
	struct oracle_graph g;
	struct gt_mask none = {0};
	struct gt_score s;
	struct gt_node *node;

	graph_dgx1v(&g);
	node = graph_node(&g);
	gt_score_set(node, &none, &s);
	ck_assert_int_eq(s.count, 0);
	ck_assert_int_eq(s.rings, 0);
	ck_assert_int_eq(s.busbw_mbps, 0);
	ck_assert_int_ge(s.tree_den, 1);
	gt_node_free(node);
}
END_TEST

/* Switches of racks have a closed form at any size. */
START_TEST(large_switches)
{
	static const int sizes[] = {16, 72, 144, 576, 1024};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct gt_mask all = gt_mask_first(sizes[i]);
		struct gt_score s;
		struct gt_node *node;

		ck_assert_int_eq(gt_node_new(&node, sizes[i], NULL), GT_OK);
		for (int g = 0; g < sizes[i]; g++) {
			gt_node_edit_gpu(node, g)->island = 0;
			gt_node_edit_gpu(node, g)->switch_links = 18;
			snprintf(gt_node_edit_gpu(node, g)->model, 64, "NVIDIA B200");
		}
		ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
		gt_score_set(node, &all, &s);
		ck_assert(s.exact);
		ck_assert_int_eq(s.rings, 18);
		ck_assert_int_eq(s.rings * s.link_mbps, 18 * 40100);
		ck_assert_int_eq(s.busbw_mbps, s.in_switch_mbps);
		ck_assert_int_gt(s.in_switch_mbps, 18 * 40100);
		gt_node_free(node);
	}
}
END_TEST

/* What is published of reductions in a switch, GB/s, within 5 %. */
START_TEST(reduction_in_the_switch)
{
	static const struct {
		const char *model;
		int links, gpus;
		double low, high; /* measured */
	} points[] = {
		{"NVIDIA H100 80GB HBM3", 18, 2, 365, 370},
		{"NVIDIA H100 80GB HBM3", 18, 3, 365, 370},
		{"NVIDIA H100 80GB HBM3", 18, 4, 365, 370},
		{"NVIDIA H100 80GB HBM3", 18, 5, 420, 420},
		{"NVIDIA H100 80GB HBM3", 18, 6, 440, 440},
		{"NVIDIA H100 80GB HBM3", 18, 7, 460, 460},
		{"NVIDIA H100 80GB HBM3", 18, 8, 480, 480},
		{"NVIDIA H200", 18, 8, 475, 475},
		{"NVIDIA H800", 8, 8, 215, 215},
		{"NVIDIA GB300", 18, 8, 843, 843},
		/* no reduction in the switches of A100: as its rings */
		{"NVIDIA A100-SXM4-80GB", 12, 8, 230, 240},
	};

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		struct gt_mask all = gt_mask_first(points[i].gpus);
		struct gt_node *node;
		struct gt_score s;

		ck_assert_int_eq(gt_node_new(&node, points[i].gpus, NULL), GT_OK);
		for (int g = 0; g < points[i].gpus; g++) {
			struct gt_gpu *gpu = gt_node_edit_gpu(node, g);

			gpu->island = 0;
			gpu->switch_links = points[i].links;
			snprintf(gpu->model, sizeof(gpu->model), "%s", points[i].model);
		}
		ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
		gt_score_set(node, &all, &s);
		ck_assert_msg(s.busbw_mbps >= 950 * points[i].low &&
				      s.busbw_mbps <= 1050 * points[i].high,
			      "%d x %s: %d", points[i].gpus, points[i].model,
			      s.busbw_mbps);
		gt_node_free(node);
	}
}
END_TEST

/* A GPU beside the switch, or one that cannot: no reduction. */
START_TEST(no_reduction_beside_the_switch)
{
	struct gt_mask all = gt_mask_first(8);
	struct gt_node *node;
	struct gt_score s;

	for (int odd = 0; odd < 2; odd++) {
		ck_assert_int_eq(gt_node_new(&node, 8, NULL), GT_OK);
		for (int g = 0; g < 8; g++) {
			struct gt_gpu *gpu = gt_node_edit_gpu(node, g);

			gpu->island = odd == 0 && g == 7 ? 1 : 0;
			gpu->switch_links = 18;
			snprintf(gpu->model, sizeof(gpu->model), "%s",
				 odd == 1 && g == 7 ? "NVIDIA A100" : "NVIDIA H100");
		}
		ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
		gt_score_set(node, &all, &s);
		ck_assert_int_eq(s.in_switch_mbps, 0);
		gt_node_free(node);
	}
}
END_TEST

SUITE(score)
{
	static const struct unit_test tests[] = {
		UNIT(every_set_of_the_dgx1),
		UNIT(every_set_of_other_machines),
		UNIT(link_groups_cut_links),
		UNIT(gpus_out_of_service_are_counted),
		UNIT(every_set_of_random_graphs),
		UNIT(every_set_of_random_pcie_trees),
		UNIT(copies_through_the_host_share_a_port),
		UNIT(the_empty_set_is_worth_nothing),
		UNIT(large_switches),
		UNIT(reduction_in_the_switch),
		UNIT(no_reduction_beside_the_switch),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
