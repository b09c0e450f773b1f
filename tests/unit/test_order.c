/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rank order, against every permutation. */
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <limits.h>
#include <string.h>

/* What the definition compares, in its order; every entry larger is better. */
#define KEYS 5

struct truth {
	const struct oracle_graph *g;
	int k;
	int gpu[ORACLE_MAX]; /* ascending */
	int at[ORACLE_MAX], best[ORACLE_MAX];
	long best_key[KEYS];
	bool any;
};

/* busbw of sets of two and four, asked of the oracle once. */
static int busbw[1 << ORACLE_MAX];

static int set_mbps(const struct oracle_graph *g, const int *gpu, int count)
{
	unsigned set = 0;
	struct oracle_value v;

	for (int i = 0; i < count; i++)
		set |= 1u << gpu[i];
	if (busbw[set] == 0) {
		oracle_value(g, set, &v);
		busbw[set] = v.busbw_mbps + 1;
	}
	return busbw[set] - 1;
}

static long hop(const struct oracle_graph *g, int a, int b)
{
	int two[2] = {a, b};
	unsigned set = 1u << a | 1u << b;
	struct oracle_value v;

	if (g->groups == 0)
		return set_mbps(g, two, 2);
	oracle_value(g, set, &v);
	return v.bottleneck_mbps;
}

static void key_of(const struct oracle_graph *g, const int *order, int k, long *key)
{
	long worst_quad = LONG_MAX, worst_pair = LONG_MAX, hops = 0;

	for (int r = 0; r + 4 <= k; r += 4)
		if (set_mbps(g, &order[r], 4) < worst_quad)
			worst_quad = set_mbps(g, &order[r], 4);
	for (int r = 0; r + 2 <= k; r += 2)
		if (set_mbps(g, &order[r], 2) < worst_pair)
			worst_pair = set_mbps(g, &order[r], 2);
	for (int r = 1; r < k; r++)
		hops += hop(g, order[r - 1], order[r]);
	key[0] = worst_quad;
	key[1] = worst_pair;
	key[2] = k >= 4 ? set_mbps(g, order, 4) : 0;
	key[3] = k >= 2 ? set_mbps(g, order, 2) : 0;
	key[4] = hops;
}

static int compare_keys(const long *a, const long *b)
{
	for (int i = 0; i < KEYS; i++)
		if (a[i] != b[i])
			return a[i] > b[i] ? 1 : -1;
	return 0;
}

/* Permutations come lowest first, so that the first of equals stays. */
static void permute(struct truth *t, int rank, unsigned used)
{
	long key[KEYS];

	if (rank == t->k) {
		key_of(t->g, t->at, t->k, key);
		if (t->any && compare_keys(key, t->best_key) <= 0)
			return;
		memcpy(t->best_key, key, sizeof(key));
		memcpy(t->best, t->at, sizeof(t->best));
		t->any = true;
		return;
	}
	for (int i = 0; i < t->k; i++)
		if (!(used >> i & 1)) {
			t->at[rank] = t->gpu[i];
			permute(t, rank + 1, used | 1u << i);
		}
}

/* exact: the order must be the one of all permutations, else as good as it says. */
static void check_order(const char *what, const struct gt_node *node,
			const struct oracle_graph *g, unsigned set)
{
	struct gt_mask mask = mask_of(set);
	struct gt_order order;
	struct truth t = {.g = g};
	long key[KEYS];

	for (int i = 0; i < g->n; i++)
		if (set >> i & 1)
			t.gpu[t.k++] = i;
	gt_order_find(node, &mask, &order);
	permute(&t, 0, 0);
	ck_assert_int_eq(order.count, t.k);
	ck_assert_msg(order.exact, "%s, %#x: not exact", what, set);
	key_of(g, order.gpu, order.count, key);
	ck_assert_msg(compare_keys(key, t.best_key) == 0,
		      "%s, %#x: quad %ld, pair %ld, first %ld, %ld, hops %ld; best is "
		      "%ld, %ld, "
		      "%ld, %ld, %ld",
		      what, set, key[0], key[1], key[2], key[3], key[4], t.best_key[0],
		      t.best_key[1], t.best_key[2], t.best_key[3], t.best_key[4]);
	for (int r = 0; r < t.k; r++)
		ck_assert_msg(order.gpu[r] == t.best[r],
			      "%s, %#x: rank %d has GPU %d, not %d", what, set, r,
			      order.gpu[r], t.best[r]);
	ck_assert_int_eq(order.quads, t.k / 4);
	ck_assert_int_eq(order.pairs, t.k / 2);
	for (int i = 0; i < order.quads; i++)
		ck_assert_int_eq(order.quad_mbps[i], set_mbps(g, &order.gpu[4 * i], 4));
	for (int i = 0; i < order.pairs; i++)
		ck_assert_int_eq(order.pair_mbps[i], set_mbps(g, &order.gpu[2 * i], 2));
	ck_assert_int_eq(order.hop_sum_mbps, t.k > 1 ? t.best_key[4] : 0);
}

static void check_sets(const char *what, const struct oracle_graph *machine, int up_to)
{
	struct gt_node *node = graph_node(machine);
	struct oracle_graph g;

	memset(busbw, 0, sizeof(busbw));
	graph_of_node(&g, node);
	for (unsigned set = 1; set < 1u << g.n; set++)
		if (oracle_size(set) <= up_to)
			check_order(what, node, &g, set);
	gt_node_free(node);
}

START_TEST(every_set_of_the_machines)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	check_sets("DGX-1V", &g, 8);
	graph_dgx1p(&g);
	check_sets("DGX-1P", &g, 8);
	graph_pairs(&g, 8, 4);
	check_sets("bridged pairs", &g, 8);
	graph_pcie(&g, 8);
	check_sets("PCIe only", &g, 6);
	graph_switch(&g, 8, 18);
	check_sets("switch", &g, 6);
	g.ports[1] = g.ports[6] = 12;
	check_sets("switch with dead links", &g, 6);
}
END_TEST

START_TEST(every_set_of_random_graphs)
{
	struct rng r = rng_start("order");

	for (int i = 0; i < 60; i++) {
		struct oracle_graph g;
		char what[32];

		graph_random(&g, 2 + (int)rng_next(&r, 6), &r);
		snprintf(what, sizeof(what), "random graph %d", i);
		check_sets(what, &g, 7);
	}
}
END_TEST

/* Ranks 0 to 3 and 4 to 7 are the two quads of the board, inside them double links. */
START_TEST(dgx1v_by_hand)
{
	static const int quad_mbps = 80000, pair_mbps = 40000;
	struct oracle_graph g;
	struct gt_order order;
	struct gt_mask all = gt_mask_first(8);
	struct gt_node *node;

	graph_dgx1v(&g);
	node = graph_node(&g);
	gt_order_find(node, &all, &order);
	ck_assert_int_eq(order.gpu[0], 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(order.quad_mbps[i], quad_mbps);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(order.pair_mbps[i], pair_mbps);
	gt_node_free(node);
}
END_TEST

START_TEST(small_sets)
{
	struct oracle_graph g;
	struct gt_order order;
	struct gt_mask none = {0}, one = mask_of(0x20);
	struct gt_node *node;

	graph_dgx1v(&g);
	node = graph_node(&g);
	gt_order_find(node, &none, &order);
	ck_assert_int_eq(order.count, 0);
	ck_assert_int_eq(order.quads + order.pairs, 0);
	gt_order_find(node, &one, &order);
	ck_assert_int_eq(order.count, 1);
	ck_assert_int_eq(order.gpu[0], 5);
	gt_node_free(node);
}
END_TEST

/* 16 GPUs in 4 separate quads with shuffled numbers: every block of 4 is one quad. */
START_TEST(sixteen_gpus_in_quads)
{
	struct rng r = rng_start("order 16");
	struct oracle_graph g, shuffled;
	struct gt_mask all = gt_mask_first(16);

	graph_complete(&g, 16, 0);
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 16; j++)
			if (i != j && i / 4 == j / 4)
				g.links[i][j] = 2;
	for (int round = 0; round < 10; round++) {
		int to[ORACLE_MAX];
		struct gt_order order;
		struct gt_node *node;
		unsigned seen = 0;

		graph_shuffle(to, 16, &r);
		graph_relabel(&shuffled, &g, to);
		node = graph_node(&shuffled);
		gt_order_find(node, &all, &order);
		ck_assert_int_eq(order.quads, 4);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(order.quad_mbps[i], 120000);
		for (int i = 0; i < 16; i++)
			seen |= 1u << order.gpu[i];
		ck_assert_uint_eq(seen, 0xffff);
		gt_node_free(node);
	}
}
END_TEST

/* A rack: islands stay together, and every GPU has a rank. */
START_TEST(racks_stay_by_island)
{
	struct gt_mask all = gt_mask_first(72);
	struct gt_order order;
	struct gt_mask seen = {0};
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, 72, NULL), GT_OK);
	for (int i = 0; i < 72; i++) {
		gt_node_edit_gpu(node, i)->island = i % 2;
		gt_node_edit_gpu(node, i)->switch_links = 18;
		for (int j = 0; j < 72; j++)
			if (j != i)
				gt_node_set_path(node, i, j, GT_PATH_SYS);
	}
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	gt_order_find(node, &all, &order);
	for (int i = 0; i < order.quads; i++)
		ck_assert_int_eq(order.quad_mbps[i], 18 * 20000);
	for (int r = 0; r < 72; r++)
		gt_mask_set(&seen, order.gpu[r]);
	ck_assert(gt_mask_equal(&seen, &all));
	gt_node_free(node);
}
END_TEST

SUITE(order)
{
	static const struct unit_test tests[] = {
		UNIT(every_set_of_the_machines),
		UNIT(every_set_of_random_graphs),
		UNIT(dgx1v_by_hand),
		UNIT(small_sets),
		UNIT(sixteen_gpus_in_quads),
		UNIT(racks_stay_by_island),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
