/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every built-in machine: scores and answers against the oracle, names that do not
 * matter. */
#include "brute.h"
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <string.h>

#define MACHINES     300 /* more than there are */
#define RELABELLINGS 1000
#define MASKS	     400 /* random free masks of machines of more than 4 GPUs */

static struct brute brute;

struct machine {
	char spec[64];
	struct gt_node *node;
	struct gt_table *table;
};

/* The i-th built-in machine; false after the last. */
static bool open_machine(struct machine *m, int i)
{
	struct gt_error err;

	if (!gt_builtin_name(i))
		return false;
	snprintf(m->spec, sizeof(m->spec), "builtin:%s", gt_builtin_name(i));
	ck_assert_msg(gt_node_load(&m->node, m->spec, NULL, &err) == GT_OK, "%s: %s",
		      m->spec, err.text);
	ck_assert_int_eq(gt_table_new(&m->table, m->node, NULL, NULL), GT_OK);
	return true;
}

static void close_machine(struct machine *m)
{
	gt_table_free(m->table);
	gt_node_free(m->node);
}

START_TEST(there_are_the_machines_of_the_design)
{
	static const char *const wanted[] = {"dgx1v", "dgx1p", "dgxa100", "hgx-h100"};

	for (size_t w = 0; w < sizeof(wanted) / sizeof(*wanted); w++) {
		int i = 0;

		while (gt_builtin_name(i) && strcmp(gt_builtin_name(i), wanted[w]) != 0)
			i++;
		ck_assert_msg(gt_builtin_name(i) != NULL, "%s is missing", wanted[w]);
	}
}
END_TEST

/* R, tau, P, Q and busbw of every subset. */
START_TEST(every_set_is_worth_what_the_oracle_says)
{
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_machine(&m, i); i++) {
		struct oracle_graph g;

		if (gt_node_size(m.node) <= 8) {
			graph_of_node(&g, m.node);
			for (unsigned s = 1; s < 1u << g.n; s++) {
				struct gt_mask mask = mask_of(s);
				struct oracle_value v;
				struct gt_score score;

				oracle_value(&g, s, &v);
				gt_score_set(m.node, &mask, &score);
				ck_assert_msg(score.rings == v.rings &&
						      score.tree_num * v.tau_den ==
							      v.tau_num *
								      score.tree_den &&
						      score.path_mbps == v.path_mbps &&
						      score.relayed_ring == v.relayed &&
						      score.busbw_mbps == v.busbw_mbps,
					      "%s %#x", m.spec, s);
			}
		}
		close_machine(&m);
	}
}
END_TEST

START_TEST(every_answer_is_the_best)
{
	struct rng r = rng_start("machines");
	struct gt_mix mix = gt_mix_default();
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_machine(&m, i); i++) {
		int n = gt_node_size(m.node);

		for (int t = 0; n <= 8 && t < MASKS; t++) {
			struct gt_request request = {
				.count = 1 + (int)rng_next(&r, (uint32_t)n),
				.free = mask_of(t ? rng_next(&r, 1u << n)
						  : (1u << n) - 1),
			};
			struct gt_choice choice;
			char why[256];

			if (t == 0)
				brute_init(&brute, m.node, &mix, m.table, false);
			brute_ask(&brute, &request);
			if (gt_select(m.table, &request, &choice) == GT_FIT_OK)
				ck_assert_msg(brute_is_best(&brute, set_of(&choice.gpus),
							    why, sizeof(why)),
					      "%s: %s", m.spec, why);
			else
				ck_assert_int_lt(gt_mask_count(&request.free),
						 request.count);
		}
		close_machine(&m);
	}
}
END_TEST

/* The answer of a renamed machine to a renamed request, in the names of the first. */
static void check_renamed(const struct machine *m, const struct oracle_graph *g,
			  struct gt_table *same, struct rng *r)
{
	int to[ORACLE_MAX], order, k = 1 + (int)rng_next(r, (uint32_t)g->n);
	unsigned free = rng_next(r, 1u << g->n), renamed = 0;
	struct gt_request a = {.count = k, .free = mask_of(free)}, b = {.count = k};
	struct gt_choice ca, cb;
	struct gt_score sa, sb;
	struct oracle_graph other;
	struct gt_node *node;
	struct gt_table *table;

	graph_shuffle(to, g->n, r);
	graph_relabel(&other, g, to);
	for (int i = 0; i < g->n; i++)
		renamed |= (free >> i & 1) << to[i];
	b.free = mask_of(renamed);
	node = graph_node(&other);
	ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_select(same, &a, &ca), gt_select(table, &b, &cb));
	gt_select_score(same, &a, &ca.gpus, &sa);
	gt_select_score(table, &b, &cb.gpus, &sb);
	gt_score_compare(&sa, &sb, GT_POLICY_BANDWIDTH, &order);
	ck_assert_msg(order == 0 && sa.pair_sum_mbps == sb.pair_sum_mbps &&
			      sa.busbw_mbps == sb.busbw_mbps &&
			      sa.sockets == sb.sockets && sa.pci_roots == sb.pci_roots,
		      "%s: %d of %#x changes by its name", m->spec, k, free);
	gt_table_free(table);
	gt_node_free(node);
}

START_TEST(relabelling_never_changes_the_score)
{
	struct rng r = rng_start("machines relabelled");
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_machine(&m, i); i++) {
		struct oracle_graph plain, g;
		struct gt_node *node;
		struct gt_table *table;

		if (gt_node_size(m.node) <= ORACLE_MAX) {
			/* What the test's machine keeps of the built-in one, both renamed
			 * and not: link speeds become those of V100 or P100. */
			graph_of_node(&plain, m.node);
			node = graph_node(&plain);
			graph_of_node(&g, node);
			ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
			for (int t = 0; t < unit_cases(RELABELLINGS); t++)
				check_renamed(&m, &g, table, &r);
			gt_table_free(table);
			gt_node_free(node);
		}
		close_machine(&m);
	}
}
END_TEST

SUITE(machines)
{
	static const struct unit_test tests[] = {
		UNIT(there_are_the_machines_of_the_design),
		UNIT(every_set_is_worth_what_the_oracle_says),
		UNIT(every_answer_is_the_best),
		UNIT(relabelling_never_changes_the_score),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
