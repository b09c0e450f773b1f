/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The oracle itself, against facts that can be checked by hand or are published. */
#include "graph.h"
#include "unit.h"

#include <string.h>

/* R of complete graphs with single links: K4 and K6 have no Hamiltonian decomposition
 * into directed cycles, all others reach the degree bound. */
START_TEST(rings_of_complete_graphs)
{
	static const int rings[] = {0, 0, 1, 2, 2, 4, 4, 6, 7};

	for (int n = 2; n <= 8; n++) {
		struct oracle_graph g;
		int num, den;

		graph_complete(&g, n, 1);
		ck_assert_int_eq(oracle_rings(&g, (1u << n) - 1), rings[n]);
		oracle_tau(&g, (1u << n) - 1, &num, &den);
		/* The singletons are the worst partition: n(n-1)/2 links, n-1 cuts. */
		ck_assert_int_eq(2 * num, n * den);
	}
}
END_TEST

START_TEST(doubled_links_double_the_rings_of_even_decompositions)
{
	struct oracle_graph g;

	graph_complete(&g, 4, 2);
	ck_assert_int_eq(oracle_rings(&g, 15), 6);
	graph_complete(&g, 5, 2);
	ck_assert_int_eq(oracle_rings(&g, 31), 8);
}
END_TEST

START_TEST(a_star_has_no_ring_but_a_tree)
{
	struct oracle_graph g;
	int num, den;

	graph_complete(&g, 5, 0);
	for (int i = 1; i < 5; i++)
		g.links[0][i] = g.links[i][0] = 2;
	ck_assert_int_eq(oracle_rings(&g, 31), 0);
	oracle_tau(&g, 31, &num, &den);
	ck_assert_int_eq(num, 2 * den);
	/* Three hops between leaves, each through the centre: 8 arcs in and out of it;
	 * the ring needs 4 visits in and out: relays at double links suffice. */
	ck_assert(oracle_relayed(&g, 31));
}
END_TEST

START_TEST(relays_take_a_link_once)
{
	struct oracle_graph g;

	/* 0 - 1 - 2: there by links, back 2 -> 1 -> 0. */
	graph_complete(&g, 3, 0);
	g.links[0][1] = g.links[1][0] = g.links[1][2] = g.links[2][1] = 1;
	ck_assert(oracle_relayed(&g, 7));
	ck_assert_int_eq(oracle_rings(&g, 7), 0);
	/* 0 - 1 - 2 - 3: 3 and 0 are two relays apart. 0 > 1 > 3 (by 2) > 2 > 0 (by 1).
	 */
	graph_complete(&g, 4, 0);
	for (int i = 0; i < 3; i++)
		g.links[i][i + 1] = g.links[i + 1][i] = 1;
	ck_assert(oracle_relayed(&g, 15));
	/* A pair has nobody to pass through. */
	ck_assert(!oracle_relayed(&g, 5));
}
END_TEST

START_TEST(the_widest_ring_avoids_the_narrow_pair)
{
	struct oracle_graph g;

	graph_pcie(&g, 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			g.path_mbps[i][j] = i == j ? 0 : 10000;
	g.path_mbps[0][2] = g.path_mbps[2][0] = 1000;
	ck_assert_int_eq(oracle_path(&g, 15), 10000);
	g.path_mbps[0][1] = g.path_mbps[1][0] = 2000;
	ck_assert_int_eq(oracle_path(&g, 15), 2000);
}
END_TEST

/* selection.md's table for the idle DGX-1V. */
START_TEST(facts_of_dgx1v)
{
	static const struct {
		int k;
		unsigned one_of_the_best;
		int rings, num, den;
	} row[] = {
		{2, 0x09, 2, 2, 1},  {3, 0x0d, 2, 5, 2},  {4, 0x0f, 4, 3, 1},
		{5, 0x9d, 2, 5, 2},  {6, 0xdd, 4, 14, 5}, {6, 0xee, 4, 14, 5},
		{8, 0xff, 6, 24, 7},
	};
	static struct oracle_table t;
	struct oracle_graph g;

	graph_dgx1v(&g);
	oracle_fill(&t, &g, NULL, 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		const struct oracle_value *best =
			&t.value[oracle_best(&t, 0xff, row[i].k)];
		const struct oracle_value *named = &t.value[row[i].one_of_the_best];

		ck_assert_int_eq(oracle_compare(best, named), 0);
		ck_assert_int_eq(best->rings, row[i].rings);
		ck_assert_int_eq(best->tau_num * row[i].den, best->tau_den * row[i].num);
	}
}
END_TEST

/* "Every set with R = 0 and tau >= 1 has such a ring, none with tau < 1." */
START_TEST(relayed_rings_of_the_dgx1_are_where_tau_is_1)
{
	static struct oracle_table t;

	for (int machine = 0; machine < 2; machine++) {
		struct oracle_graph g;

		(machine ? graph_dgx1p : graph_dgx1v)(&g);
		oracle_fill(&t, &g, NULL, 0);
		for (unsigned s = 1; s < 256; s++) {
			const struct oracle_value *v = &t.value[s];

			if (oracle_size(s) >= 2 && v->rings == 0)
				ck_assert(v->relayed == (v->tau_num >= v->tau_den));
		}
	}
}
END_TEST

START_TEST(switches_and_groups)
{
	struct oracle_graph g;
	struct oracle_value v;

	graph_switch(&g, 8, 18);
	g.ports[3] = 12;
	oracle_value(&g, 0xff, &v);
	ck_assert_int_eq(v.rings, 12);
	ck_assert_int_eq(v.tau_num, 12 * v.tau_den);
	oracle_value(&g, 0xf7, &v);
	ck_assert_int_eq(v.rings, 18);
	g.island[7] = 1;
	oracle_value(&g, 0xc0, &v);
	ck_assert_int_eq(v.rings, 0);
	ck_assert_int_eq(v.busbw_mbps, 12000);
	g.island[7] = 0;
	g.groups = 2;
	g.group[0] = 0x0f;
	g.group[1] = 0xf0;
	oracle_value(&g, 0x30, &v);
	ck_assert_int_eq(v.rings, 18);
	oracle_value(&g, 0x18, &v);
	ck_assert_int_eq(v.rings, 0);
}
END_TEST

/* h by hand: two GPUs joined by a link, jobs of 1 and 2 equally often. r of a pair is 1,
 * r of one GPU is 0: h({a}) = 1/2 (0 + 0) = 0, h({a,b}) = 1/2 (0 + h({b})) + 1/2 (1 + 0)
 * = 1/2. */
START_TEST(damage_by_hand)
{
	static const unsigned mix[65] = {[1] = 1, [2] = 1};
	static struct oracle_table t;
	struct oracle_graph g;
	unsigned running[] = {2};

	graph_pairs(&g, 2, 1);
	oracle_fill(&t, &g, mix, 0);
	ck_assert_double_eq_tol(t.h[1], 0, 1e-12);
	ck_assert_double_eq_tol(t.h[3], .5, 1e-12);
	ck_assert_double_eq_tol(oracle_expected(&t, 1, running, 1, .25), .125, 1e-12);
	/* Two such pairs: h of one pair is 1/2, of both: a single GPU leaves a pair and a
	 * half, worth 1/2 (best: 1/2 + ...) and a pair leaves a pair. */
	graph_pairs(&g, 4, 1);
	oracle_fill(&t, &g, mix, 0);
	ck_assert_double_eq_tol(t.h[7], .5 * t.h[3] + .5 * (1 + t.h[4]), 1e-12);
	ck_assert_double_eq_tol(t.h[15], .5 * t.h[7] + .5 * (1 + t.h[3]), 1e-12);
}
END_TEST

SUITE(oracle)
{
	static const struct unit_test tests[] = {
		UNIT(rings_of_complete_graphs),
		UNIT(doubled_links_double_the_rings_of_even_decompositions),
		UNIT(a_star_has_no_ring_but_a_tree),
		UNIT(relays_take_a_link_once),
		UNIT(the_widest_ring_avoids_the_narrow_pair),
		UNIT(facts_of_dgx1v),
		UNIT(relayed_rings_of_the_dgx1_are_where_tau_is_1),
		UNIT(switches_and_groups),
		UNIT(damage_by_hand),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
