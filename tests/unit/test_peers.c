/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published truths and peers' own test cases: every answer is held against them. With
 * --table, the cases of go-gpuallocator as a Markdown table instead
 * (docs/evidence/peers.md).
 */
#include "core/library.h"
#include "graph.h"
#include "shared.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define SIXTEEN	       16
#define RANDOM_BEYOND  500
#define SETS_A_REQUEST 600 /* what the oracle looks at for one random request */

static struct oracle_table truth;

static struct gt_table *open_table(const struct gt_node *node)
{
	struct gt_table *table;
	struct gt_error err;

	if (gt_table_new(&table, node, NULL, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return table;
}

/* ---- R and tau of every subset of three machines ---- */

static void check_subsets(const char *name, const json_t *rows, const json_t *topology)
{
	struct oracle_graph machine, g;
	struct gt_node *node;

	shared_peer_graph(&machine, topology);
	node = graph_node(&machine);
	graph_of_node(&g, node);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		unsigned set = shared_set(json_array_get(row, 0));
		int rings = (int)json_integer_value(json_array_get(row, 1));
		struct gt_mask mask = mask_of(set);
		struct oracle_value v;
		struct gt_score s;
		int num, den;

		shared_ratio(json_array_get(row, 2), &num, &den);
		oracle_value(&g, set, &v);
		gt_score_set(node, &mask, &s);
		ck_assert_msg(v.rings == rings && v.tau_num * den == num * v.tau_den,
			      "%s %#x: the oracle has R %d, tau %d/%d", name, set,
			      v.rings, v.tau_num, v.tau_den);
		ck_assert_msg(s.rings == rings && s.tree_num * den == num * s.tree_den,
			      "%s %#x: the library has R %d, tau %d/%d", name, set,
			      s.rings, s.tree_num, s.tree_den);
	}
	gt_node_free(node);
}

START_TEST(published_rings_and_trees_of_every_subset)
{
	json_t *published = shared_json("selection/dgx1_subset_oracle.json");
	json_t *cases = shared_json("selection/gpuallocator_cases.json");
	const char *name;
	json_t *rows;
	int tables = 0;

	json_object_foreach(json_object_get(published, "tables"), name, rows)
	{
		json_t *topologies = json_object_get(cases, "topologies");

		check_subsets(name, rows, json_object_get(topologies, name));
		tables++;
	}
	ck_assert_int_eq(tables, 3);
	json_decref(published);
	json_decref(cases);
}
END_TEST

/* ---- all 522 cases of DGX-1V with more GPUs free than asked ---- */

static void check_optimal(void (*machine)(struct oracle_graph *), int cases)
{
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_table *table;
	int seen = 0;

	machine(&g);
	node = graph_node(&g);
	table = open_table(node);
	graph_of_node(&g, node);
	oracle_fill(&truth, &g, NULL, 0);
	for (unsigned free = 0; free < 256; free++)
		for (int k = 2; k < oracle_size(free); k++) {
			struct gt_request r = {.count = k, .free = mask_of(free)};
			struct gt_choice c;

			ck_assert_int_eq(gt_select(table, &r, &c), GT_FIT_OK);
			ck_assert_int_eq(
				oracle_compare(
					&truth.value[set_of(&c.gpus)],
					&truth.value[oracle_best(&truth, free, k)]),
				0);
			seen++;
		}
	ck_assert_int_eq(seen, cases);
	gt_table_free(table);
	gt_node_free(node);
}

START_TEST(every_choice_on_the_dgx1_is_optimal)
{
	/* Sum over f of (8 over f) x (f - 2), f = 3 to 8. */
	check_optimal(graph_dgx1v, 522);
	check_optimal(graph_dgx1p, 522);
}
END_TEST

/* ---- 16 GPUs ---- */

struct sixteen {
	const char *name;
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_table *table;
	struct oracle_value value[1 << SIXTEEN];
	bool known[1 << SIXTEEN];
};

static struct sixteen sixteen;

static const struct oracle_value *value_of(unsigned set)
{
	if (!sixteen.known[set])
		oracle_value(&sixteen.g, set, &sixteen.value[set]);
	sixteen.known[set] = true;
	return &sixteen.value[set];
}

/* The next K-set in the order of numbers. */
static unsigned next_set(unsigned set)
{
	unsigned low = set & -set, carry = set + low;

	return (((carry ^ set) >> 2) / low) | carry;
}

/* The library's answer against every K-set of free, levels 0 to 2. */
static void check_sixteen(unsigned free, int k)
{
	struct gt_request request = {.count = k, .free = mask_of(free)};
	struct gt_choice choice;
	unsigned chosen;

	ck_assert_int_eq(gt_select(sixteen.table, &request, &choice), GT_FIT_OK);
	ck_assert_msg(choice.exact, "%s: %d of %#x not exact", sixteen.name, k, free);
	chosen = set_of(&choice.gpus);
	ck_assert(!(chosen & ~free) && oracle_size(chosen) == k);
	for (unsigned s = (1u << k) - 1; s < 1u << SIXTEEN; s = next_set(s))
		if (!(s & ~free))
			ck_assert_msg(oracle_compare(value_of(s), value_of(chosen)) <= 0,
				      "%s: %d of %#x: %#x beats %#x", sixteen.name, k,
				      free, s, chosen);
}

static double combinations(int n, int k)
{
	double c = 1;

	for (int i = 0; i < k; i++)
		c = c * (n - i) / (i + 1);
	return c;
}

/* Takes the node over. */
static void open_sixteen(const char *name, struct gt_node *node)
{
	memset(&sixteen, 0, sizeof(sixteen));
	sixteen.name = name;
	sixteen.node = node;
	graph_of_node(&sixteen.g, sixteen.node);
	sixteen.table = open_table(sixteen.node);
}

static void close_sixteen(void)
{
	gt_table_free(sixteen.table);
	gt_node_free(sixteen.node);
}

/* Every small K on the idle node and on random masks, and random (mask, K) beyond. */
static void check_all_of(const char *name, struct gt_node *node, struct rng *r)
{
	open_sixteen(name, node);
	for (int k = 1; k <= 5; k++) {
		check_sixteen((1u << SIXTEEN) - 1, k);
		for (int i = 0; i < unit_cases(100); i++) {
			unsigned free = rng_next(r, 1u << SIXTEEN);

			if (oracle_size(free) >= k)
				check_sixteen(free, k);
		}
	}
	for (int i = 0; i < unit_cases(RANDOM_BEYOND);) {
		unsigned free = rng_next(r, 1u << SIXTEEN);
		int k = 6 + (int)rng_next(r, 4);

		if (oracle_size(free) < k ||
		    combinations(oracle_size(free), k) > SETS_A_REQUEST / k)
			continue;
		check_sixteen(free, k);
		i++;
	}
	close_sixteen();
}

START_TEST(torus_of_sixteen)
{
	json_t *mapa = shared_json("selection/mapa_topologies.json");
	struct rng r = rng_start("torus");
	struct oracle_graph g;

	shared_mapa_graph(&g, json_object_get(json_object_get(mapa, "topologies"),
					      "torus-2d"));
	check_all_of("torus-2d", graph_node(&g), &r);
	json_decref(mapa);
}
END_TEST

START_TEST(cube_mesh_of_sixteen)
{
	json_t *mapa = shared_json("selection/mapa_topologies.json");
	struct rng r = rng_start("cube mesh");
	struct oracle_graph g;

	shared_mapa_graph(&g, json_object_get(json_object_get(mapa, "topologies"),
					      "cubeMesh-16"));
	check_all_of("cubeMesh-16", graph_node(&g), &r);
	json_decref(mapa);
}
END_TEST

/* Captured machines of 16 GPUs: two that a switch joins, one of two islands of xGMI. */
START_TEST(captures_of_sixteen)
{
	static const char *const captures[] = {
		"hwloc-xml/hwloc-nvidiaDGX2.xml",
		"hwloc-xml/hwloc-annotate-output3.xml",
		"rccl-xml/topo_16p1h_vm.xml",
	};
	struct rng r = rng_start("captures");
	struct gt_error err;
	struct gt_node *node;
	char path[4096];

	for (size_t i = 0; i < sizeof(captures) / sizeof(*captures); i++) {
		snprintf(path, sizeof(path), "%s/topologies/%s", getenv("GPUTOPO_SHARED"),
			 captures[i]);
		ck_assert_msg(gt_node_load(&node, path, NULL, &err) == GT_OK, "%s: %s",
			      path, err.text);
		ck_assert_int_eq(gt_node_size(node), SIXTEEN);
		check_all_of(captures[i], node, &r);
	}
}
END_TEST

/* The best (R, tau) of the idle node by size, as another program found them. */
static void check_published_best(const char *name, const json_t *topology,
				 const json_t *by_size)
{
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_table *table;
	const char *size;
	json_t *best;

	shared_mapa_graph(&g, topology);
	node = graph_node(&g);
	table = open_table(node);
	json_object_foreach((json_t *)by_size, size, best)
	{
		struct gt_request r = {.count = atoi(size), .free = gt_mask_first(g.n)};
		struct gt_choice c;
		struct gt_score s;
		int num, den;

		if (!json_is_integer(json_object_get(best, "best_rings")))
			continue;
		shared_ratio(json_object_get(best, "best_strength"), &num, &den);
		ck_assert_int_eq(gt_select(table, &r, &c), GT_FIT_OK);
		gt_score_set(node, &c.gpus, &s);
		ck_assert_msg(s.rings == json_integer_value(
						 json_object_get(best, "best_rings")) &&
				      s.tree_num * den == num * s.tree_den,
			      "%s, %s GPUs: R %d, tau %d/%d", name, size, s.rings,
			      s.tree_num, s.tree_den);
	}
	gt_table_free(table);
	gt_node_free(node);
}

START_TEST(published_best_sets_of_mapas_machines)
{
	json_t *mapa = shared_json("selection/mapa_topologies.json");
	const json_t *found = json_object_get(json_object_get(mapa, "our_oracle"),
					      "by_topology_and_size");
	const char *name;
	json_t *by_size;

	json_object_foreach((json_t *)found, name, by_size) check_published_best(
		name, json_object_get(json_object_get(mapa, "topologies"), name),
		by_size);
	json_decref(mapa);
}
END_TEST

/* ---- go-gpuallocator ---- */

/* One request of theirs, our answer and theirs. */
struct peer_case {
	const char *test, *policy, *topology, *detail;
	unsigned free, include, theirs, ours;
	int k;
	const struct oracle_value *value; /* of every set of this machine */
	double worth_ours, worth_theirs;
};

typedef void peer_check(const struct peer_case *c);

struct machine {
	const char *name;
	struct gt_node *node;
	struct gt_table *table;
	struct oracle_table truth;
};

static struct machine machines[8];

static struct machine *machine_of(const json_t *cases, const char *name)
{
	struct machine *m = machines;
	struct oracle_graph g;

	while (m->name && strcmp(m->name, name) != 0)
		m++;
	if (m->name)
		return m;
	m->name = name;
	shared_peer_graph(&g,
			  json_object_get(json_object_get(cases, "topologies"), name));
	m->node = graph_node(&g);
	graph_of_node(&g, m->node);
	m->table = open_table(m->node);
	oracle_fill(&m->truth, &g, gt_mix_default().weight, 0);
	return m;
}

static void close_machines(void)
{
	for (struct machine *m = machines; m->name; m++) {
		gt_table_free(m->table);
		gt_node_free(m->node);
	}
	memset(machines, 0, sizeof(machines));
}

static double worth_left(struct machine *m, const struct gt_request *r, unsigned set)
{
	struct gt_mask mask = mask_of(set);
	struct gt_score s;

	gt_select_score(m->table, r, &mask, &s);
	return s.remaining;
}

static void answer(struct machine *m, struct peer_case *c, peer_check *check)
{
	struct gt_request r = {
		.count = c->k, .free = mask_of(c->free), .include = mask_of(c->include)};
	struct gt_choice choice;

	c->ours =
		gt_select(m->table, &r, &choice) == GT_FIT_OK ? set_of(&choice.gpus) : 0;
	c->value = m->truth.value;
	c->worth_ours = c->ours ? worth_left(m, &r, c->ours) : 0;
	c->worth_theirs = c->theirs ? worth_left(m, &r, c->theirs) : 0;
	check(c);
}

static void each_single(const json_t *cases, peer_check *check)
{
	const json_t *list = json_object_get(cases, "policy_cases");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);
		struct peer_case c = {
			.test = json_string_value(json_object_get(row, "test")),
			.policy = json_string_value(json_object_get(row, "policy")),
			.topology = json_string_value(json_object_get(row, "topology")),
			.detail = json_string_value(json_object_get(row, "desc")),
			.free = shared_set(json_object_get(row, "available")),
			.include = shared_set(json_object_get(row, "required")),
			.theirs = shared_set(json_object_get(row, "expected")),
			.k = (int)json_integer_value(json_object_get(row, "size")),
		};

		answer(machine_of(cases, c.topology), &c, check);
	}
}

/* Their sequences free nothing: every step is asked with what they had left. */
static void each_step(const json_t *cases, peer_check *check)
{
	const json_t *list = json_object_get(cases, "sequence_cases");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);
		const json_t *steps = json_object_get(row, "steps");
		const char *name = json_string_value(json_object_get(row, "topology"));
		struct machine *m = machine_of(cases, name);
		unsigned free = (1u << gt_node_size(m->node)) - 1;

		for (size_t s = 0; s < json_array_size(steps); s++) {
			const json_t *step = json_array_get(steps, s);
			char detail[32];
			struct peer_case c = {
				.test = json_string_value(json_object_get(row, "test")),
				.policy =
					json_string_value(json_object_get(row, "policy")),
				.topology = name,
				.detail = detail,
				.free = free,
				.theirs = shared_set(json_object_get(step, "expected")),
				.k = (int)json_integer_value(
					json_object_get(step, "size")),
			};

			snprintf(detail, sizeof(detail), "step %zu", s + 1);
			answer(m, &c, check);
			free &= ~c.theirs;
		}
	}
}

static int cases_seen;

/* Levels 1 and 2 where there is a link to count: (R, tau) at least as good. */
static void check_case(const struct peer_case *c)
{
	const struct oracle_value *a = &c->value[c->ours], *b = &c->value[c->theirs];

	cases_seen++;
	if (!c->theirs)
		return;
	ck_assert_msg(c->ours != 0, "%s, %s: refused", c->test, c->detail);
	ck_assert_msg(a->rings > b->rings ||
			      (a->rings == b->rings &&
			       a->tau_num * b->tau_den >= b->tau_num * a->tau_den),
		      "%s, %s: ours %#x is worse than theirs %#x", c->test, c->detail,
		      c->ours, c->theirs);
	/* Where bandwidth is equal, we leave at least as much. */
	if (oracle_compare(a, b) == 0)
		ck_assert_msg(c->worth_ours >= c->worth_theirs - 1e-9,
			      "%s, %s: ours %#x leaves less than theirs %#x", c->test,
			      c->detail, c->ours, c->theirs);
}

START_TEST(every_case_of_go_gpuallocator)
{
	json_t *cases = shared_json("selection/gpuallocator_cases.json");
	size_t singles = json_array_size(json_object_get(cases, "policy_cases"));

	cases_seen = 0;
	each_single(cases, check_case);
	ck_assert_int_eq(cases_seen, (int)singles);
	each_step(cases, check_case);
	ck_assert_int_gt(cases_seen, (int)singles + 50);
	close_machines();
	json_decref(cases);
}
END_TEST

/* ---- the table ---- */

static char *list_of(unsigned set, char *buf)
{
	struct gt_mask m = mask_of(set);

	return set ? gt_mask_format(&m, buf, 64) : strcpy(buf, "refused");
}

static void write_why(const struct peer_case *c, char *why, size_t size)
{
	const struct oracle_value *a = &c->value[c->ours], *b = &c->value[c->theirs];

	if (!c->theirs)
		snprintf(why, size, "theirs knows no such set; ours: R %d, tau %.3g",
			 a->rings, (double)a->tau_num / a->tau_den);
	else if (a->rings != b->rings)
		snprintf(why, size, "R %d instead of %d", a->rings, b->rings);
	else if (a->tau_num * b->tau_den != b->tau_num * a->tau_den)
		snprintf(why, size, "R %d both, tau %.3g instead of %.3g", a->rings,
			 (double)a->tau_num / a->tau_den,
			 (double)b->tau_num / b->tau_den);
	else if (a->path_mbps != b->path_mbps)
		snprintf(why, size, "no ring in either; %g GB/s over PCIe instead of %g",
			 a->path_mbps / 1e3, b->path_mbps / 1e3);
	else if (c->worth_ours > c->worth_theirs + 1e-6)
		snprintf(why, size,
			 "equal links; leaves %.1f %% of the node's worth, not %.1f %%",
			 100 * c->worth_ours, 100 * c->worth_theirs);
	else if (a->pair_sum_mbps != b->pair_sum_mbps)
		snprintf(why, size, "equal up to level 3; pairs sum to %g GB/s, not %g",
			 a->pair_sum_mbps / 1e3, b->pair_sum_mbps / 1e3);
	else
		snprintf(why, size, "equal; lower indices");
}

static int rows_equal, rows_different;

static void print_case(const struct peer_case *c)
{
	char free[64], theirs[64], ours[64], include[64], why[128];

	if (c->ours == c->theirs) {
		rows_equal++;
		return;
	}
	rows_different++;
	write_why(c, why, sizeof(why));
	printf("| %s: %s | %s | %d of %s%s%s | %s | %s | %s |\n", c->test, c->detail,
	       c->topology, c->k, list_of(c->free, free), c->include ? ", with " : "",
	       c->include ? list_of(c->include, include) : "", list_of(c->theirs, theirs),
	       list_of(c->ours, ours), why);
}

static int print_table(void)
{
	json_t *cases = shared_json("selection/gpuallocator_cases.json");

	puts("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
	     "# go-gpuallocator's own test cases\n\n"
	     "Written by `tests/unit/test_peers --table`. The cases are those of "
	     "go-gpuallocator's\n"
	     "unit tests (commit 876e7b7), single requests and the steps of its "
	     "sequences, each\n"
	     "step asked with the GPUs that go-gpuallocator had left. R and tau are the\n"
	     "oracle's. Shown are the cases in which our set is another one.\n\n"
	     "| case | machine | request | theirs | ours | why |\n"
	     "|---|---|---|---|---|---|");
	each_single(cases, print_case);
	each_step(cases, print_case);
	printf("\nThe same set: %d cases; another one: %d; worse by (R, tau): 0, which\n"
	       "`tests/unit/test_peers` checks.\n",
	       rows_equal, rows_different);
	close_machines();
	json_decref(cases);
	return 0;
}

SUITE_UNLESS(peers, shared_missing())
{
	static const struct unit_test tests[] = {
		UNIT(published_rings_and_trees_of_every_subset),
		UNIT(every_choice_on_the_dgx1_is_optimal),
		UNIT(published_best_sets_of_mapas_machines),
		UNIT(torus_of_sixteen),
		UNIT(cube_mesh_of_sixteen),
		UNIT(captures_of_sixteen),
		UNIT(every_case_of_go_gpuallocator),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--table")) {
		if (!shared_missing())
			return print_table();
		fprintf(stderr, "test_peers: %s\n", shared_missing());
		return EXIT_FAILURE;
	}
	return unit_main(argc, argv);
}
