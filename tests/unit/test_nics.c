/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards: which count, which are near, what a set reaches through them, and the
 * sets of jobs of several nodes against every set of the free GPUs. */
#include "graph.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define CASES 2000
#define NODES 3
#define CARDS 8

/* ---- the truth ---- */

struct machine {
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_table *table;
	int cards;
	int path[CARDS][ORACLE_MAX]; /* 0 PIX, 1 PXB, 2 PHB, 3 NODE, 4 SYS */
	int mbps[CARDS];	     /* 0: unknown */
	bool has_speeds;
};

static bool is_near(const struct machine *m, int card, int gpu)
{
	for (int c = 0; c < m->cards; c++)
		if (m->path[c][gpu] < m->path[card][gpu])
			return false;
	return true;
}

/* X(S), and which cards; without speeds in thousandths of a card. */
static double reach(const struct machine *m, unsigned set, unsigned *cards)
{
	double sum = 0;

	*cards = 0;
	for (int c = 0; c < m->cards; c++) {
		double feed = 0, speed = m->has_speeds ? m->mbps[c] : 1000;

		for (int g = 0; g < m->g.n; g++)
			if (set >> g & 1 && is_near(m, c, g))
				feed += m->path[c][g] <= 1 ? 1 : .5;
		if (feed > 0)
			*cards |= 1u << c;
		sum += feed < 1 ? feed * speed : speed;
	}
	return sum;
}

static int bits(unsigned set)
{
	return __builtin_popcount(set);
}

struct key {
	int broken;
	double worth;
	int common, shared;
	struct oracle_value value;
};

static void find_key(const struct machine *m, unsigned set, unsigned rails, unsigned busy,
		     struct key *key)
{
	unsigned cards;
	double x = reach(m, set, &cards);

	oracle_value(&m->g, set, &key->value);
	key->broken = key->value.broken;
	key->worth = m->has_speeds && oracle_size(set) > 1 && key->value.busbw_mbps < x
			     ? key->value.busbw_mbps
			     : x;
	/* rails are the cards' own numbers here */
	key->common = bits(cards & rails);
	key->shared = bits(cards & busy);
}

/* > 0: a is better. */
static int compare(const struct key *a, const struct key *b)
{
	if (a->broken != b->broken)
		return a->broken < b->broken ? 1 : -1;
	if (a->worth != b->worth)
		return a->worth > b->worth ? 1 : -1;
	if (a->common != b->common)
		return a->common > b->common ? 1 : -1;
	if (a->shared != b->shared)
		return a->shared < b->shared ? 1 : -1;
	return oracle_compare(&a->value, &b->value);
}

/* ---- machines ---- */

static void random_machine(struct machine *m, struct rng *r, int cards)
{
	static const int speeds[] = {12500, 25000, 50000};
	bool known = rng_next(r, 4) != 0, even = rng_next(r, 2);
	int speed = speeds[rng_next(r, 3)];

	memset(m, 0, sizeof(*m));
	graph_random(&m->g, 4 + (int)rng_next(r, 5), r);
	for (int i = 0; i < m->g.n; i++)
		m->g.broken[i] = rng_next(r, 15) == 0;
	m->node = graph_node(&m->g);
	m->cards = cards;
	m->has_speeds = known;
	for (int c = 0; c < cards; c++) {
		struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
		uint8_t paths[ORACLE_MAX];

		/* within a quarter of each other, so that all count */
		m->mbps[c] = known ? (even ? speed : speeds[rng_next(r, 3)]) : 0;
		if (known)
			nic.mbps = m->mbps[c];
		snprintf(nic.name, sizeof(nic.name), "mlx5_%d", c);
		for (int g = 0; g < m->g.n; g++) {
			/* a card for two GPUs each, or anything */
			m->path[c][g] =
				even && rng_next(r, 8)
					? (g / 2 % cards == c ? (int)rng_next(r, 2) : 4)
					: (int)rng_next(r, 5);
			paths[g] = (uint8_t)(GT_PATH_PIX + m->path[c][g]);
		}
		ck_assert_int_eq(gt_node_add_nic(m->node, &nic, paths, NULL), GT_OK);
	}
	gt_node_settle_nics(m->node, 0, NULL);
	ck_assert_int_eq(gt_node_nic_count(m->node), cards);
	ck_assert_int_eq(gt_table_new(&m->table, m->node, NULL, NULL), GT_OK);
}

static void close_machine(struct machine *m)
{
	gt_table_free(m->table);
	gt_node_free(m->node);
}

static void check_reach(const struct machine *m)
{
	for (unsigned set = 1; set < 1u << m->g.n; set++) {
		struct gt_mask mask = mask_of(set);
		struct gt_reach found;
		unsigned cards;
		double x = reach(m, set, &cards);

		gt_node_reach(m->node, &mask, &found);
		ck_assert_uint_eq(found.nics, cards);
		ck_assert_uint_eq(found.rails, cards);
		ck_assert_int_eq(found.has_speeds, m->has_speeds);
		ck_assert_msg(found.worth == (int)x, "%#x: %d, not %g", set, found.worth,
			      x);
	}
}

/* The set of one node of the job; returns its cards. */
static unsigned check_node(const struct machine *m, int k, unsigned free, unsigned rails,
			   unsigned busy)
{
	struct gt_network network = {.rails = rails, .busy = busy};
	struct gt_request request = {
		.count = k, .free = mask_of(free), .network = &network};
	struct gt_choice choice, second;
	struct gt_score score, score_2;
	struct key best, mine, key;
	unsigned cards;
	int order;

	ck_assert_int_eq(gt_select(m->table, &request, &choice), GT_FIT_OK);
	ck_assert(choice.exact);
	find_key(m, set_of(&choice.gpus), rails, busy, &mine);
	best = mine;
	for (unsigned set = free; set; set = (set - 1) & free) {
		if (oracle_size(set) != k)
			continue;
		find_key(m, set, rails, busy, &key);
		if (compare(&key, &best) > 0)
			best = key;
	}
	ck_assert_msg(
		compare(&mine, &best) == 0,
		"%d of %#x, rails %#x, busy %#x: %#x reaches %g, %d common, %d shared; "
		"the best %g, %d, %d",
		k, free, rails, busy, set_of(&choice.gpus), mine.worth, mine.common,
		mine.shared, best.worth, best.common, best.shared);
	gt_select_score(m->table, &request, &choice.gpus, &score);
	ck_assert(score.has_network);
	ck_assert_int_eq(score.network_worth, (int)mine.worth);
	ck_assert_int_eq(score.rails_in_common, mine.common);
	ck_assert_int_eq(score.nics_shared, mine.shared);
	/* the runner-up is not better, and the scores say so */
	if (gt_select_runner_up(m->table, &request, &choice, &second) == GT_FIT_OK) {
		gt_select_score(m->table, &request, &second.gpus, &score_2);
		gt_score_compare(&score, &score_2, GT_POLICY_BANDWIDTH, &order);
		ck_assert_int_le(order, 0);
	}
	reach(m, set_of(&choice.gpus), &cards);
	return cards;
}

START_TEST(jobs_of_several_nodes_get_the_best_sets)
{
	struct rng r = rng_start("nics");

	for (int i = 0; i < unit_cases(CASES); i++) {
		int cards = 1 + (int)rng_next(&r, CARDS),
		    nodes = 2 + (int)rng_next(&r, 2);
		int k = 1 + (int)rng_next(&r, 4);
		unsigned rails = 0;

		for (int node = 0; node < nodes; node++) {
			struct machine m;
			unsigned all, free, chosen;

			random_machine(&m, &r, cards);
			all = (1u << m.g.n) - 1;
			do {
				free = (rng_next(&r, all + 1) | rng_next(&r, all + 1)) &
				       all;
			} while (oracle_size(free) < k);
			check_reach(&m);
			chosen = check_node(&m, k, free, rails,
					    rng_next(&r, 2) ? rng_next(&r, 1u << cards)
							    : 0);
			rails = node ? rails & chosen : chosen;
			close_machine(&m);
		}
	}
}
END_TEST

/* All GPUs of many classes, which leaves one set to look at: this must not walk all that
 * are smaller. */
START_TEST(all_gpus_of_a_large_node_are_one_set)
{
	struct gt_network network = {0};
	struct gt_request request = {.count = 48, .network = &network};
	struct gt_choice choice;
	struct gt_table *table;
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, 48, NULL), GT_OK);
	for (int g = 0; g < 48; g++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, g);

		gpu->switch_links = 6;
		gpu->island = 0;
	}
	for (int c = 0; c < 24; c++) {
		struct gt_nic nic = {.mbps = 25000, .rail = GT_UNKNOWN};
		uint8_t paths[48];

		for (int g = 0; g < 48; g++)
			paths[g] = g / 2 == c ? GT_PATH_PIX : GT_PATH_SYS;
		ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_OK);
	}
	gt_node_settle_nics(node, 0, NULL);
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
	for (int g = 0; g < 48; g++)
		gt_mask_set(&request.free, g);
	ck_assert_int_eq(gt_select(table, &request, &choice), GT_FIT_OK);
	ck_assert(choice.exact);
	ck_assert(gt_mask_equal(&choice.gpus, &request.free));
	gt_table_free(table);
	gt_node_free(node);
}
END_TEST

/* Nodes that are kept as pools: all sets of K have the same links, so that the network
 * alone decides. */
START_TEST(nodes_of_many_gpus_get_the_best_sets)
{
	static const int sizes[] = {9, 12, 16, 17, 20};
	struct rng r = rng_start("nics of pools");
	int exact = 0, cases = unit_cases(300);

	for (int i = 0; i < cases; i++) {
		struct machine m = {.cards = 1 + (int)rng_next(&r, CARDS)};
		int n = sizes[rng_next(&r, 5)], k = 1 + (int)rng_next(&r, 4);
		struct gt_network network = {.rails = rng_next(&r, 1u << m.cards),
					     .busy = rng_next(&r, 1u << m.cards)};
		struct gt_request request = {.count = k, .network = &network};
		struct gt_choice choice, second;
		unsigned free;
		struct key best = {0}, mine, key;

		graph_switch(&m.g, n, 6);
		m.node = graph_node(&m.g);
		m.has_speeds = rng_next(&r, 2);
		for (int c = 0; c < m.cards; c++) {
			struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
			uint8_t paths[ORACLE_MAX];

			m.mbps[c] = 25000 + 12500 * (int)rng_next(&r, 3);
			if (m.has_speeds)
				nic.mbps = m.mbps[c];
			for (int g = 0; g < n; g++) {
				m.path[c][g] = g * m.cards / n == c
						       ? (int)rng_next(&r, 2) * 2
						       : 4;
				paths[g] = (uint8_t)(GT_PATH_PIX + m.path[c][g]);
			}
			ck_assert_int_eq(gt_node_add_nic(m.node, &nic, paths, NULL),
					 GT_OK);
		}
		gt_node_settle_nics(m.node, 0, NULL);
		ck_assert_int_eq(gt_table_new(&m.table, m.node, NULL, NULL), GT_OK);
		do {
			free = (rng_next(&r, 1u << n) | rng_next(&r, 1u << n));
		} while (oracle_size(free) < k);
		request.free = mask_of(free);
		ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
		exact += choice.exact;
		find_key(&m, set_of(&choice.gpus), (unsigned)network.rails,
			 (unsigned)network.busy, &mine);
		best = mine;
		for (unsigned set = free; set; set = (set - 1) & free) {
			unsigned cards;
			double x;

			if (oracle_size(set) != k)
				continue;
			x = reach(&m, set, &cards);
			key = mine;
			key.worth = m.has_speeds && k > 1 && mine.value.busbw_mbps < x
					    ? mine.value.busbw_mbps
					    : x;
			key.common = bits(cards & (unsigned)network.rails);
			key.shared = bits(cards & (unsigned)network.busy);
			if (compare(&key, &best) > 0)
				best = key;
		}
		ck_assert_msg(
			!choice.exact || compare(&mine, &best) == 0,
			"%d of %d: %#x of %#x reaches %g, %d common, %d shared; the "
			"best %g, %d, %d",
			k, n, set_of(&choice.gpus), free, mine.worth, mine.common,
			mine.shared, best.worth, best.common, best.shared);
		ck_assert(mine.worth * 2 >= best.worth);
		/* a wish is kept, and the second best is another set */
		gt_mask_set(&request.touch, gt_mask_next(&request.free, 0));
		ck_assert_int_eq(gt_select(m.table, &request, &second), GT_FIT_OK);
		ck_assert(gt_mask_meets(&second.gpus, &request.touch));
		close_machine(&m);
	}
	ck_assert_int_ge(exact * 10, cases * 9);
}
END_TEST

/* A node without cards, and a job of one node: as ever. */
START_TEST(nothing_changes_without_cards)
{
	struct rng r = rng_start("no nics");

	for (int i = 0; i < unit_cases(100); i++) {
		struct gt_network network = {.rails = 3, .busy = 1};
		struct machine with, without;
		struct gt_choice a, b;

		random_machine(&with, &r, 1 + (int)rng_next(&r, CARDS));
		without = with;
		without.node = graph_node(&with.g);
		ck_assert_int_eq(gt_table_new(&without.table, without.node, NULL, NULL),
				 GT_OK);
		for (unsigned free = 1; free < 1u << with.g.n; free++)
			for (int k = 1; k <= oracle_size(free); k++) {
				struct gt_request one = {.count = k,
							 .free = mask_of(free)};
				struct gt_request several = one;

				several.network = &network;
				ck_assert_int_eq(gt_select(with.table, &one, &a),
						 GT_FIT_OK);
				ck_assert_int_eq(gt_select(without.table, &several, &b),
						 GT_FIT_OK);
				ck_assert(gt_mask_equal(&a.gpus, &b.gpus));
			}
		close_machine(&without);
		close_machine(&with);
	}
}
END_TEST

/* ---- which cards count ---- */

static const struct {
	const char *why;
	int mbps[3];
	enum gt_nic_kind kind[3];
	int rate;
	const char *ignored;
	const char *left; /* their numbers */
} used[] = {
	{"equals", {25000, 25000, 25000}, {0}, 0, NULL, "012"},
	{"unknown speeds", {-1, -1, -1}, {0}, 0, NULL, "012"},
	{"a quarter is enough", {25000, 6250, 6249}, {0}, 0, NULL, "01"},
	{"management beside InfiniBand",
	 {3125, 1250, 1250},
	 {GT_NIC_INFINIBAND, GT_NIC_ETHERNET, GT_NIC_INFINIBAND},
	 0,
	 NULL,
	 "02"},
	{"slow Ethernet alone is the network",
	 {1250, 1250, 1250},
	 {GT_NIC_ETHERNET, GT_NIC_ETHERNET, GT_NIC_ETHERNET},
	 0,
	 NULL,
	 "012"},
	{"named by a glob", {25000, 25000, 25000}, {0}, 0, "eth*,mlx5_[12]", "0"},
	{"an ignored card is not the fastest",
	 {25000, 25000, 400000},
	 {0},
	 0,
	 "mlx5_2",
	 "01"},
	{"NicRate=", {-1, -1, 3125}, {0}, 50000, NULL, "01"},
};

START_TEST(cards_that_count)
{
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
		struct oracle_graph g;
		struct gt_node *node, *copy;
		struct gt_mask none = {{0}};
		uint8_t paths[8];
		char left[8] = "";

		graph_pcie(&g, 8);
		node = graph_node(&g);
		memset(paths, GT_PATH_PIX, sizeof(paths));
		for (int c = 0; c < 3; c++) {
			struct gt_nic nic = {.kind = used[i].kind[c],
					     .mbps = used[i].mbps[c],
					     .rail = GT_UNKNOWN};

			snprintf(nic.name, sizeof(nic.name), "mlx5_%d", c);
			ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_OK);
		}
		gt_node_settle_nics(node, used[i].rate, used[i].ignored);
		for (int c = 0; c < gt_node_nic_count(node); c++) {
			strcat(left, gt_node_nic(node, c)->name + 5);
			ck_assert_int_eq(gt_node_nic(node, c)->rail, c);
			ck_assert_int_eq(gt_mask_count(&gt_node_nic(node, c)->near), 8);
		}
		ck_assert_msg(!strcmp(left, used[i].left), "%s: %s", used[i].why, left);
		ck_assert_int_eq(gt_node_copy_avoiding(&copy, node, &none, NULL), GT_OK);
		ck_assert(gt_node_same_type(copy, node));
		gt_node_free(copy);
		gt_node_free(node);
	}
}
END_TEST

/* Rails follow the PCI order, unless the source says which. */
START_TEST(rails_by_pci_order)
{
	static const char *const bus[] = {"0000:c0:00.0", "0000:1a:00.0", "0000:3b:00.0"};

	for (int told = 0; told < 2; told++) {
		struct gt_node *node;
		uint8_t paths[8];
		struct oracle_graph g;

		graph_pcie(&g, 8);
		node = graph_node(&g);
		for (int c = 0; c < 3; c++) {
			struct gt_nic nic = {
				.mbps = 25000, .rail = 5 - c, .has_rail = told};

			memset(paths, GT_PATH_SYS, sizeof(paths));
			paths[c] = GT_PATH_PIX;
			snprintf(nic.name, sizeof(nic.name), "card%d", c);
			snprintf(nic.bus_id, sizeof(nic.bus_id), "%s", bus[c]);
			ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_OK);
		}
		gt_node_settle_nics(node, 0, NULL);
		for (int c = 0; c < 3; c++) {
			const struct gt_nic *nic = gt_node_nic(node, c);
			int was = nic->name[4] - '0';

			ck_assert_int_eq(was, (c + 1) % 3);
			ck_assert_int_eq(nic->rail, told ? 5 - was : c);
			ck_assert_int_eq(gt_node_nic_path(node, c, was), GT_PATH_PIX);
			ck_assert(gt_mask_has(&nic->near, was));
		}
		gt_node_free(node);
	}
}
END_TEST

START_TEST(too_many_cards_and_rails_out_of_range)
{
	struct oracle_graph g;
	struct gt_node *node;
	uint8_t paths[8] = {0};
	struct gt_nic nic = {.mbps = 1, .rail = GT_MAX_NICS};

	graph_pcie(&g, 8);
	node = graph_node(&g);
	ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_EINVAL);
	nic.rail = 0;
	for (int i = 0; i < GT_MAX_NICS; i++)
		ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_nic(node, &nic, paths, NULL), GT_ELIMIT);
	gt_node_free(node);
}
END_TEST

SUITE(nics)
{
	static const struct unit_test tests[] = {
		UNIT(jobs_of_several_nodes_get_the_best_sets),
		UNIT(nodes_of_many_gpus_get_the_best_sets),
		UNIT(all_gpus_of_a_large_node_are_one_set),
		UNIT(nothing_changes_without_cards),
		UNIT(cards_that_count),
		UNIT(rails_by_pci_order),
		UNIT(too_many_cards_and_rails_out_of_range),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
