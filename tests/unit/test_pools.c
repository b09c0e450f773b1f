/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes too large to enumerate in production, held against the oracle where they are just
 * small enough to enumerate here: switches, several of them, GPUs on none, uniform
 * meshes.
 */
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <string.h>

#define MACHINES 150
#define REQUESTS 20

struct bench {
	struct oracle_graph g;
	struct gt_node *node;
	struct gt_table *table;
};

static void bench_open(struct bench *b, const struct oracle_graph *machine)
{
	struct gt_error err;

	b->node = graph_node(machine);
	graph_of_node(&b->g, b->node);
	ck_assert_msg(gt_table_new(&b->table, b->node, NULL, &err) == GT_OK, "%s",
		      err.text);
}

static void bench_close(struct bench *b)
{
	gt_table_free(b->table);
	gt_node_free(b->node);
}

static bool allows(const struct bench *b, const struct gt_request *r, unsigned set)
{
	if ((set_of(&r->include) & ~set) ||
	    (set_of(&r->touch) && !(set_of(&r->touch) & set)))
		return false;
	for (int i = 0; i < b->g.n && r->count > 1; i++)
		if ((set >> i & 1) && b->g.mig[i])
			return false;
	for (int i = 0; i < r->quota_count; i++)
		if (oracle_size(set & set_of(&r->quotas[i].gpus)) != r->quotas[i].count)
			return false;
	return true;
}

static unsigned next_set(unsigned set)
{
	unsigned low = set & -set, carry = set + low;

	return (((carry ^ set) >> 2) / low) | carry;
}

/* The best allowed K-set on levels 0 to 2; 0: none. */
static unsigned best_set(const struct bench *b, const struct gt_request *r)
{
	unsigned free = set_of(&r->free), best = 0;
	struct oracle_value best_value = {0}, v;

	for (unsigned s = (1u << r->count) - 1; s < 1u << b->g.n; s = next_set(s)) {
		if ((s & ~free) || !allows(b, r, s))
			continue;
		oracle_value(&b->g, s, &v);
		if (best && oracle_compare(&v, &best_value) <= 0)
			continue;
		best = s;
		best_value = v;
	}
	return best;
}

/* An answer where there is one, allowed, and the best where it says that it is exact. */
static bool check(const struct bench *b, const struct gt_request *r, const char *what)
{
	unsigned best = best_set(b, r), chosen;
	struct oracle_value ours, truth;
	struct gt_choice choice;
	enum gt_fit fit = gt_select(b->table, r, &choice);

	chosen = set_of(&choice.gpus);
	if (fit != GT_FIT_OK) {
		ck_assert_msg(!best, "%s: %d of %#x refused (%d), %#x would do", what,
			      r->count, set_of(&r->free), fit, best);
		return true;
	}
	ck_assert_msg(oracle_size(chosen) == r->count && !(chosen & ~set_of(&r->free)) &&
			      allows(b, r, chosen),
		      "%s: %d of %#x: %#x is not allowed", what, r->count,
		      set_of(&r->free), chosen);
	oracle_value(&b->g, chosen, &ours);
	oracle_value(&b->g, best, &truth);
	ck_assert_msg(!choice.exact || oracle_compare(&ours, &truth) == 0,
		      "%s: %d of %#x: %#x called exact, %#x is better", what, r->count,
		      set_of(&r->free), chosen, best);
	return choice.exact;
}

/* One or two switches with some dead links, some GPUs on none, some out of service. */
static void random_machine(struct oracle_graph *g, struct rng *r)
{
	int n = 17 + (int)rng_next(r, 3), islands = 1 + (int)rng_next(r, 2);
	uint32_t odd = rng_next(r, 3);

	graph_switch(g, n, 18);
	for (int i = 0; i < n; i++) {
		g->island[i] = (int)rng_next(r, (uint32_t)islands);
		g->root[i] = (int)rng_next(r, 6);
		if (odd && rng_next(r, 5) == 0)
			g->ports[i] = 1 + (int)rng_next(r, 18);
		if (odd > 1 && rng_next(r, 8) == 0) {
			g->island[i] = -1;
			g->ports[i] = 0;
		}
		g->broken[i] = odd > 1 && rng_next(r, 8) == 0;
		g->mig[i] = odd > 1 && rng_next(r, 8) == 0;
	}
}

START_TEST(switches_of_seventeen_to_nineteen)
{
	struct rng r = rng_start("pools");
	int exact = 0, asked = 0;

	for (int m = 0; m < unit_cases(MACHINES); m++) {
		struct oracle_graph g;
		struct bench b;

		random_machine(&g, &r);
		bench_open(&b, &g);
		for (int i = 0; i < REQUESTS; i++) {
			struct gt_request request = {
				.count = 1 + (int)rng_next(&r, 4),
				.free = mask_of(rng_next(&r, 1u << g.n)),
			};

			exact += check(&b, &request, "switches");
			asked++;
		}
		bench_close(&b);
	}
	printf("# pools: %d of %d answers exact\n", exact, asked);
	/* What is not proven is the choice among PCIe paths, which is rare. */
	ck_assert_int_gt(exact, asked * 8 / 10);
}
END_TEST

/* Wishes; quotas part the GPUs in two halves. */
START_TEST(switches_with_wishes)
{
	struct rng r = rng_start("pool wishes");

	for (int m = 0; m < unit_cases(MACHINES); m++) {
		struct oracle_graph g;
		struct bench b;

		random_machine(&g, &r);
		bench_open(&b, &g);
		for (int i = 0; i < REQUESTS; i++) {
			unsigned all = (1u << g.n) - 1, free = rng_next(&r, all + 1);
			struct gt_quota quotas[2];
			struct gt_request request = {
				.count = 1 + (int)rng_next(&r, 4),
				.free = mask_of(free),
				.quotas = quotas,
			};

			if (rng_next(&r, 2))
				request.include = mask_of(free & rng_next(&r, all + 1) &
							  rng_next(&r, all + 1) &
							  rng_next(&r, all + 1));
			if (rng_next(&r, 2))
				request.touch = mask_of(rng_next(&r, all + 1));
			if (rng_next(&r, 2)) {
				int first =
					(int)rng_next(&r, (uint32_t)request.count + 1);

				quotas[0] =
					(struct gt_quota){mask_of(all & 0x1ff), first};
				quotas[1] = (struct gt_quota){mask_of(all & ~0x1ffu),
							      request.count - first};
				request.quota_count = 2;
			}
			check(&b, &request, "wishes");
		}
		bench_close(&b);
	}
}
END_TEST

/* Any number of any free GPUs of one switch is an answer, at any size; the GPUs come from
 * as few PCIe roots as can be. */
START_TEST(one_switch_always_answers)
{
	static const int sizes[] = {16, 72, 144, 576, 1024};
	struct rng r = rng_start("one switch");

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		int n = sizes[s];
		struct gt_node *node;
		struct gt_table *table;

		ck_assert_int_eq(gt_node_new(&node, n, NULL), GT_OK);
		for (int i = 0; i < n; i++) {
			struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

			gpu->island = 0;
			gpu->switch_links = 18;
			gpu->socket = i / 4;
			snprintf(gpu->pci_root, sizeof(gpu->pci_root), "root%d", i / 4);
		}
		ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
		ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
		for (int i = 0; i < 300; i++) {
			struct gt_request request = {0};
			struct gt_choice choice;
			struct gt_score score;
			int count[256] = {0}, most = 0, roots = 0, left, free;

			for (int g = 0; g < n; g++)
				if (rng_next(&r, 2))
					gt_mask_set(&request.free, g);
			free = gt_mask_count(&request.free);
			if (!free)
				continue;
			request.count = 1 + (int)rng_next(&r, (uint32_t)free);
			ck_assert_int_eq(gt_select(table, &request, &choice), GT_FIT_OK);
			ck_assert(choice.exact);
			ck_assert(gt_mask_within(&choice.gpus, &request.free));
			ck_assert_int_eq(gt_mask_count(&choice.gpus), request.count);
			/* The fewest roots: the fullest ones first. */
			for (int g = 0; g < n; g++)
				count[g / 4] += gt_mask_has(&request.free, g);
			left = request.count;
			for (most = 4; most > 0 && left > 0; most--)
				for (int t = 0; t < 256 && left > 0; t++)
					if (count[t] == most) {
						left -= most;
						roots++;
					}
			gt_select_score(table, &request, &choice.gpus, &score);
			ck_assert_msg(score.pci_roots == roots,
				      "%d of %d free of %d: %d roots, %d would do",
				      request.count, free, n, score.pci_roots, roots);
		}
		gt_table_free(table);
		gt_node_free(node);
	}
}
END_TEST

#define PLACES 24 /* sockets, or roots, of the scattered switch */

/* How many of the fullest counts add up to k. */
static int fewest(const int *count, int k)
{
	int left = k, used = 0;

	for (int most = GT_MAX_GPUS; most > 0 && left > 0; most--)
		for (int i = 0; i < PLACES && left > 0; i++)
			if (count[i] == most) {
				left -= most;
				used++;
			}
	return used;
}

/* One switch of 200 whose GPUs lie on random roots of random sockets, so that every home
 * spans several words of a mask. */
static struct gt_node *scattered_switch(struct rng *r, int sockets)
{
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, 200, NULL), GT_OK);
	for (int i = 0; i < 200; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);
		int socket = (int)rng_next(r, (uint32_t)sockets);
		int root = (int)rng_next(r, PLACES / 6) * 6 + socket;

		gpu->island = 0;
		gpu->switch_links = 18;
		gpu->socket = socket;
		snprintf(gpu->pci_root, sizeof(gpu->pci_root), "root%d", root);
	}
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	return node;
}

/* The fewest sockets, and, where one socket does, the fewest roots of any that does. */
static void check_scattered(const struct gt_node *node, struct gt_table *table,
			    const struct gt_request *request)
{
	int socket[PLACES] = {0}, root[6][PLACES] = {{0}}, roots = PLACES;
	struct gt_choice choice;
	struct gt_score score;

	for (int g = gt_mask_next(&request->free, 0); g >= 0;
	     g = gt_mask_next(&request->free, g + 1)) {
		const struct gt_gpu *gpu = gt_node_gpu(node, g);

		socket[gpu->socket]++;
		root[gpu->socket][atoi(gpu->pci_root + 4)]++;
	}
	ck_assert_int_eq(gt_select(table, request, &choice), GT_FIT_OK);
	ck_assert(gt_mask_within(&choice.gpus, &request->free));
	ck_assert_int_eq(gt_mask_count(&choice.gpus), request->count);
	gt_select_score(table, request, &choice.gpus, &score);
	ck_assert_int_eq(score.sockets, fewest(socket, request->count));
	if (score.sockets > 1)
		return;
	for (int s = 0; s < 6; s++)
		if (socket[s] >= request->count &&
		    fewest(root[s], request->count) < roots)
			roots = fewest(root[s], request->count);
	ck_assert_int_eq(score.pci_roots, roots);
}

START_TEST(homes_across_words)
{
	struct rng r = rng_start("scattered switch");

	for (int i = 0; i < unit_cases(60); i++) {
		struct gt_node *node = scattered_switch(&r, 1 + i % 6);
		struct gt_table *table;

		ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
		for (int j = 0; j < 50; j++) {
			struct gt_request request = {0};
			int share = 2 + j % 4;

			for (int g = 0; g < 200; g++)
				if (!rng_next(&r, (uint32_t)share))
					gt_mask_set(&request.free, g);
			if (!gt_mask_count(&request.free))
				continue;
			request.count =
				1 +
				(int)rng_next(&r, (uint32_t)gt_mask_count(&request.free));
			check_scattered(node, table, &request);
		}
		gt_table_free(table);
		gt_node_free(node);
	}
}
END_TEST

/* 17 GPUs in uniform meshes of 6, 5, 4 and 2: R of each is that of its complete graph. */
START_TEST(uniform_meshes)
{
	static const int size[] = {6, 5, 4, 2};
	struct rng r = rng_start("meshes");
	struct oracle_graph g;
	struct bench b;
	int first = 0;

	graph_complete(&g, 17, 0);
	for (int m = 0; m < 4; first += size[m++])
		for (int i = 0; i < size[m]; i++)
			for (int j = 0; j < i; j++)
				g.links[first + i][first + j] =
					g.links[first + j][first + i] = 1 + m % 2;
	bench_open(&b, &g);
	for (int i = 0; i < 400; i++) {
		struct gt_request request = {
			.count = 1 + (int)rng_next(&r, 5),
			.free = mask_of(i ? rng_next(&r, 1u << g.n) : (1u << g.n) - 1),
		};

		check(&b, &request, "meshes");
	}
	bench_close(&b);
}
END_TEST

SUITE(pools)
{
	static const struct unit_test tests[] = {
		UNIT(switches_of_seventeen_to_nineteen),
		UNIT(switches_with_wishes),
		UNIT(one_switch_always_answers),
		UNIT(homes_across_words),
		UNIT(uniform_meshes),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
