/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library's answers against every set there is. */
#include "brute.h"
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define RANDOM_GRAPHS	2000
#define LARGER_GRAPHS	200
#define RANDOM_REQUESTS 3000
#define RELABELLINGS	1000
#define WHY_MAX		256

static struct brute brute;

/* One machine: its node, table and truth. */
struct bench {
	const char *name;
	struct gt_node *node;
	struct gt_table *table;
	struct gt_mix mix;
};

/* Without the truth, which takes longer than all that is asked of the library. */
static void bench_open_plain(struct bench *b, const char *name,
			     const struct oracle_graph *g)
{
	struct gt_error err;

	b->name = name;
	b->node = graph_node(g);
	b->mix = gt_mix_default();
	ck_assert_msg(gt_table_new(&b->table, b->node, &b->mix, &err) == GT_OK, "%s: %s",
		      name, err.text);
}

static void bench_open(struct bench *b, const char *name, const struct oracle_graph *g)
{
	bool special = false;

	bench_open_plain(b, name, g);
	for (int i = 0; i < g->n; i++)
		special = special || g->broken[i] || g->mig[i];
	brute_init(&brute, b->node, &b->mix, b->table, special);
}

static void bench_close(struct bench *b)
{
	gt_table_free(b->table);
	gt_node_free(b->node);
}

/* Is any set allowed? Then the library must answer, and with the best. */
static void check_request(const struct bench *b, const struct gt_request *request)
{
	struct gt_choice choice;
	char why[WHY_MAX];
	enum gt_fit fit;
	bool possible = false;

	brute_ask(&brute, request);
	for (unsigned s = 1; s < 1u << brute.t.n && !possible; s++)
		possible = brute_allows(&brute, s);
	fit = gt_select(b->table, request, &choice);
	ck_assert_msg((fit == GT_FIT_OK) == possible, "%s: %d of %#x: fit %d", b->name,
		      request->count, brute.free, fit);
	if (!possible) {
		char text[200];

		ck_assert(gt_mask_count(&choice.gpus) == 0);
		ck_assert(strlen(gt_fit_text(b->table, request, fit, text,
					     sizeof(text))) > 5);
		return;
	}
	ck_assert_msg(choice.exact, "%s: %d of %#x: not exact", b->name, request->count,
		      brute.free);
	ck_assert_msg(brute_is_best(&brute, set_of(&choice.gpus), why, sizeof(why)),
		      "%s: %s", b->name, why);
}

static void check_runner_up(const struct bench *b, const struct gt_request *request)
{
	struct gt_choice choice, second;
	char why[WHY_MAX];
	enum gt_fit fit;

	brute_ask(&brute, request);
	if (gt_select(b->table, request, &choice) != GT_FIT_OK)
		return;
	fit = gt_select_runner_up(b->table, request, &choice, &second);
	ck_assert_msg(
		fit == GT_FIT_OK || !brute_has_runner_up(&brute, set_of(&choice.gpus)),
		"%s: %d of %#x: a runner-up exists", b->name, request->count, brute.free);
	if (fit == GT_FIT_OK)
		ck_assert_msg(brute_is_runner_up(&brute, set_of(&choice.gpus),
						 set_of(&second.gpus), why, sizeof(why)),
			      "%s: %s", b->name, why);
}

static void check_every_mask(const char *name, const struct oracle_graph *g,
			     enum gt_policy policy)
{
	/* All masks, or under an instrument a spread of them: 13 is odd. */
	unsigned masks = 1u << g->n, step = unit_cases((int)masks) < (int)masks ? 13 : 1;
	struct bench b;

	bench_open(&b, name, g);
	for (unsigned free = 0; free < masks; free += step)
		for (int k = 1; k <= g->n; k++) {
			struct gt_request request = {
				.count = k, .free = mask_of(free), .policy = policy};

			check_request(&b, &request);
			check_runner_up(&b, &request);
		}
	bench_close(&b);
}

START_TEST(every_free_mask_of_the_dgx1)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	check_every_mask("DGX-1V", &g, GT_POLICY_BANDWIDTH);
	graph_dgx1p(&g);
	check_every_mask("DGX-1P", &g, GT_POLICY_BANDWIDTH);
}
END_TEST

START_TEST(every_free_mask_to_preserve)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	check_every_mask("DGX-1V, preserve", &g, GT_POLICY_PRESERVE);
}
END_TEST

START_TEST(every_free_mask_of_other_machines)
{
	struct oracle_graph g;

	graph_pairs(&g, 8, 4);
	check_every_mask("bridged pairs", &g, GT_POLICY_BANDWIDTH);
	graph_pcie(&g, 8);
	check_every_mask("PCIe only", &g, GT_POLICY_BANDWIDTH);
	graph_complete(&g, 8, 1);
	check_every_mask("xGMI mesh", &g, GT_POLICY_BANDWIDTH);
	graph_switch(&g, 8, 18);
	check_every_mask("one switch", &g, GT_POLICY_BANDWIDTH);
	g.ports[5] = 16;
	check_every_mask("a switch with dead links", &g, GT_POLICY_BANDWIDTH);
	for (int i = 0; i < 3; i++)
		g.island[i] = 1;
	check_every_mask("two islands", &g, GT_POLICY_BANDWIDTH);
	g.ports[7] = 0;
	g.island[7] = -1;
	check_every_mask("two islands and a GPU on none", &g, GT_POLICY_BANDWIDTH);
	graph_switch(&g, 8, 18);
	g.groups = 3;
	g.group[0] = 0x0f;
	g.group[1] = 0xf0;
	g.group[2] = 0x3c;
	check_every_mask("link groups", &g, GT_POLICY_BANDWIDTH);
}
END_TEST

START_TEST(every_free_mask_with_gpus_out_of_service_or_in_mig_mode)
{
	struct oracle_graph g;

	graph_dgx1v(&g);
	g.broken[3] = g.broken[4] = true;
	check_every_mask("DGX-1V, two GPUs out", &g, GT_POLICY_BANDWIDTH);
	check_every_mask("DGX-1V, two GPUs out, preserve", &g, GT_POLICY_PRESERVE);
	graph_dgx1v(&g);
	g.mig[0] = g.mig[6] = true;
	check_every_mask("DGX-1V, two GPUs in MIG mode", &g, GT_POLICY_BANDWIDTH);
}
END_TEST

START_TEST(random_graphs_at_any_size)
{
	struct rng r = rng_start("select");

	for (int i = 0; i < unit_cases(RANDOM_GRAPHS); i++) {
		int n = 2 + (int)rng_next(&r, 7);
		struct oracle_graph g;
		struct bench b;
		char name[32];

		if (i % 4)
			graph_random(&g, n, &r);
		else
			graph_random_tree(&g, n, &r);
		snprintf(name, sizeof(name), "random graph %d", i);
		bench_open(&b, name, &g);
		for (int t = 0; t < 8; t++) {
			struct gt_request request = {
				.count = 1 + (int)rng_next(&r, (uint32_t)n),
				.free = mask_of(t ? rng_next(&r, 1u << n)
						  : (1u << n) - 1),
			};

			check_request(&b, &request);
		}
		bench_close(&b);
	}
}
END_TEST

/* Nine and ten GPUs: levels 0 to 2 of K <= 5; the oracle's h for 1,024 sets is slow but
 * plain. */
START_TEST(random_graphs_of_nine_and_ten)
{
	struct rng r = rng_start("select 9, 10");

	for (int i = 0; i < unit_cases(LARGER_GRAPHS); i++) {
		int n = 9 + (int)rng_next(&r, 2);
		struct oracle_graph g;
		struct bench b;
		char name[32];

		if (i % 4)
			graph_random(&g, n, &r);
		else
			graph_random_tree(&g, n, &r);
		snprintf(name, sizeof(name), "larger graph %d", i);
		bench_open(&b, name, &g);
		for (int t = 0; t < 10; t++) {
			struct gt_request request = {
				.count = 1 + (int)rng_next(&r, 5),
				.free = mask_of(t ? rng_next(&r, 1u << n)
						  : (1u << n) - 1),
			};

			check_request(&b, &request);
		}
		bench_close(&b);
	}
}
END_TEST

/* ---- wishes ---- */

struct wish {
	struct gt_request request;
	struct gt_quota quotas[2];
	struct gt_mask except[4];
	struct gt_running running[4];
};

static void random_running(struct wish *w, unsigned busy, struct rng *r)
{
	w->request.running = w->running;
	while (busy && w->request.running_count < 4) {
		unsigned job = busy & rng_next(r, 256);

		if (!job)
			job = busy & -busy;
		busy &= ~job;
		w->running[w->request.running_count++] =
			(struct gt_running){mask_of(job), GT_UNKNOWN};
	}
}

static void random_wish(struct wish *w, int n, struct rng *r)
{
	unsigned all = (1u << n) - 1;
	unsigned free = rng_next(r, 3) ? rng_next(r, all + 1) : all;

	memset(w, 0, sizeof(*w));
	w->request.count = 1 + (int)rng_next(r, (uint32_t)n);
	w->request.free = mask_of(free);
	if (rng_next(r, 3) == 0)
		w->request.include = mask_of(free & rng_next(r, 256) & rng_next(r, 256));
	if (rng_next(r, 4) == 0)
		w->request.touch = mask_of(rng_next(r, all + 1));
	if (rng_next(r, 3) == 0)
		w->request.min_busbw_mbps = 1 + (int)rng_next(r, 90000);
	if (rng_next(r, 4) == 0)
		w->request.policy = GT_POLICY_PRESERVE;
	if (rng_next(r, 4) == 0) {
		unsigned half = rng_next(r, all + 1);

		w->quotas[0] = (struct gt_quota){mask_of(half), (int)rng_next(r, 4)};
		w->quotas[1] =
			(struct gt_quota){mask_of(all & ~half), (int)rng_next(r, 4)};
		w->request.quotas = w->quotas;
		w->request.quota_count = 1 + (int)rng_next(r, 2);
	}
	if (rng_next(r, 2))
		random_running(w, all & ~free, r);
}

/* Ask again and again, each answer so far excepted, until nothing is left. */
static void except_answers(const struct bench *b, struct wish *w)
{
	w->request.except = w->except;
	while (w->request.except_count < 4) {
		struct gt_choice choice;

		if (gt_select(b->table, &w->request, &choice) != GT_FIT_OK)
			return;
		w->except[w->request.except_count++] = choice.gpus;
		check_request(b, &w->request);
	}
}

START_TEST(random_wishes)
{
	struct rng r = rng_start("wishes");
	struct oracle_graph g;
	struct bench b;

	for (int machine = 0; machine < 6; machine++) {
		if (machine == 0)
			graph_dgx1v(&g);
		else if (machine == 1)
			graph_dgx1p(&g);
		else if (machine == 2)
			graph_pairs(&g, 8, 4);
		else if (machine == 3)
			graph_switch(&g, 8, 18);
		else
			graph_random(&g, 8, &r);
		bench_open(&b, "wishes", &g);
		for (int i = 0; i < unit_cases(RANDOM_REQUESTS / 6); i++) {
			struct wish w;

			random_wish(&w, g.n, &r);
			check_request(&b, &w.request);
			check_runner_up(&b, &w.request);
			if (rng_next(&r, 4) == 0)
				except_answers(&b, &w);
		}
		bench_close(&b);
	}
}
END_TEST

/* What the library says about level 3, for every set: the definition of rule A. */
START_TEST(worth_of_what_stays_free)
{
	struct rng r = rng_start("worth");
	struct oracle_graph g;
	struct bench b;

	for (int machine = 0; machine < 3; machine++) {
		if (machine == 0)
			graph_dgx1v(&g);
		else if (machine == 1)
			graph_pairs(&g, 8, 4);
		else
			graph_random(&g, 7, &r);
		bench_open(&b, "worth", &g);
		for (int i = 0; i < 200; i++) {
			struct wish w;

			random_wish(&w, g.n, &r);
			brute_ask(&brute, &w.request);
			for (unsigned s = 1; s < 1u << g.n; s++) {
				struct gt_mask mask = mask_of(s);
				struct gt_score score;

				if (s & ~brute.free)
					continue;
				gt_select_score(b.table, &w.request, &mask, &score);
				ck_assert_msg(
					fabs(score.remaining -
					     brute_remaining(&brute, s)) < BRUTE_CLOSE,
					"machine %d, set %#x of %#x, %d jobs: %.6f, "
					"oracle %.6f",
					machine, s, brute.free, brute.jobs,
					score.remaining, brute_remaining(&brute, s));
			}
		}
		bench_close(&b);
	}
}
END_TEST

/* ---- single rows ---- */

static const struct {
	const char *sentence;
	struct gt_request request;
	enum gt_fit fit;
	unsigned chosen; /* 0: not one set, or none */
} rows[] = {
	{"a job of three keeps its triangle",
	 {.count = 3, .free = {{0x0d}}},
	 GT_FIT_OK,
	 0x0d},
	{"all that is free", {.count = 2, .free = {{0x81}}}, GT_FIT_OK, 0x81},
	{"the whole node", {.count = 8, .free = {{0xff}}}, GT_FIT_OK, 0xff},
	{"five with a ring, not the pair sum's five",
	 {.count = 5, .free = {{0x9f}}},
	 GT_FIT_OK,
	 0x9d},
	{"more than are free", {.count = 3, .free = {{0x03}}}, GT_FIT_TOO_FEW, 0},
	{"more than there are", {.count = 9, .free = {{0xff}}}, GT_FIT_TOO_FEW, 0},
	{"free GPUs that the node does not have do not count",
	 {.count = 3, .free = {{0x303}}},
	 GT_FIT_TOO_FEW,
	 0},
	{"no GPU is free", {.count = 1, .free = {{0}}}, GT_FIT_TOO_FEW, 0},
	{"no GPUs asked", {.count = 0, .free = {{0xff}}}, GT_FIT_INVALID, 0},
	{"fewer than none asked", {.count = -1, .free = {{0xff}}}, GT_FIT_INVALID, 0},
	{"a GPU to include is busy",
	 {.count = 2, .free = {{0x03}}, .include = {{0x04}}},
	 GT_FIT_INVALID,
	 0},
	{"more to include than asked",
	 {.count = 2, .free = {{0xff}}, .include = {{0x07}}},
	 GT_FIT_CONSTRAINED,
	 0},
	{"exactly what is to be included",
	 {.count = 2, .free = {{0xff}}, .include = {{0x81}}},
	 GT_FIT_OK,
	 0x81},
	{"no pair reaches 41 GB/s",
	 {.count = 2, .free = {{0xff}}, .min_busbw_mbps = 41000},
	 GT_FIT_BELOW_MIN,
	 0},
	{"only one pair reaches 40 GB/s",
	 {.count = 2,
	  .free = {{0x1b}},
	  .min_busbw_mbps = 40000,
	  .include = {{0x01}},
	  .touch = {{0x10}}},
	 GT_FIT_OK,
	 0x11},
	{"a minimum does not bind one GPU",
	 {.count = 1, .free = {{0x02}}, .min_busbw_mbps = 1000000},
	 GT_FIT_OK,
	 0x02},
	{"none of the set may lie where it must",
	 {.count = 2, .free = {{0x0f}}, .touch = {{0xf0}}},
	 GT_FIT_CONSTRAINED,
	 0},
};

START_TEST(single_requests_of_dgx1v)
{
	struct oracle_graph g;
	struct bench b;

	graph_dgx1v(&g);
	bench_open(&b, "rows", &g);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct gt_choice choice;
		enum gt_fit fit = gt_select(b.table, &rows[i].request, &choice);

		ck_assert_msg(fit == rows[i].fit, "%s: fit %d", rows[i].sentence, fit);
		ck_assert_msg(set_of(&choice.gpus) == rows[i].chosen, "%s: %#x",
			      rows[i].sentence, set_of(&choice.gpus));
	}
	bench_close(&b);
}
END_TEST

/* A one-GPU job takes the GPU that breaks the least: the one whose partner is busy. */
START_TEST(one_gpu_jobs_fill_broken_pairs)
{
	struct gt_request request = {.count = 1, .free = {{0xfd}}};
	struct gt_choice choice;
	struct oracle_graph g;
	struct bench b;

	graph_pairs(&g, 8, 4);
	bench_open(&b, "pairs", &g);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	ck_assert_uint_eq(set_of(&choice.gpus), 1);
	bench_close(&b);
}
END_TEST

START_TEST(mig_gpus_are_never_one_of_several)
{
	struct gt_request request = {.count = 4, .free = {{0xff}}};
	struct gt_choice choice;
	struct oracle_graph g;
	struct bench b;

	graph_dgx1v(&g);
	for (int i = 0; i < 5; i++)
		g.mig[i] = true;
	bench_open(&b, "MIG", &g);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_MIG);
	request.count = 3;
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	ck_assert_uint_eq(set_of(&choice.gpus), 0xe0);
	request.count = 1;
	request.free = mask_of(0x01);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	bench_close(&b);
}
END_TEST

START_TEST(near_gpus_win_ties)
{
	struct gt_request request = {.count = 4, .free = {{0xff}}};
	struct gt_choice choice;
	struct oracle_graph g;
	struct bench b;

	graph_dgx1v(&g);
	bench_open(&b, "near", &g);
	request.near = mask_of(0xf0);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	ck_assert_uint_eq(set_of(&choice.gpus), 0xf0);
	request.near = mask_of(0x0f);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	ck_assert_uint_eq(set_of(&choice.gpus), 0x0f);
	/* Cores never cost bandwidth. */
	request.near = mask_of(0x3c);
	ck_assert_int_eq(gt_select(b.table, &request, &choice), GT_FIT_OK);
	ck_assert(set_of(&choice.gpus) == 0x0f || set_of(&choice.gpus) == 0xf0);
	bench_close(&b);
}
END_TEST

START_TEST(ideal_bandwidth_is_the_best_of_the_idle_node)
{
	static const int dgx1v[] = {0, 0, 40000, 40000, 80000, 40000, 80000, 0, 120000};
	struct oracle_graph g;
	struct bench b;

	graph_dgx1v(&g);
	bench_open(&b, "ideal", &g);
	for (int k = 2; k <= 8; k++) {
		unsigned best = oracle_best(&brute.t, 0xff, k);

		ck_assert_int_eq(gt_ideal_busbw_mbps(b.table, k),
				 brute.t.value[best].busbw_mbps);
		if (dgx1v[k])
			ck_assert_int_eq(gt_ideal_busbw_mbps(b.table, k), dgx1v[k]);
	}
	ck_assert_int_eq(gt_ideal_busbw_mbps(b.table, 1), 0);
	ck_assert_int_eq(gt_ideal_busbw_mbps(b.table, 0), 0);
	ck_assert_int_eq(gt_ideal_busbw_mbps(b.table, 9), 0);
	bench_close(&b);
}
END_TEST

/* The number by which nodes are ranked orders free masks as levels 0 to 2 do. */
START_TEST(quality_ranks_as_the_key_does)
{
	struct rng r = rng_start("quality");
	struct oracle_graph g;
	struct bench b;

	graph_dgx1v(&g);
	bench_open(&b, "quality", &g);
	for (int i = 0; i < 20000; i++) {
		int k = 2 + (int)rng_next(&r, 7), order;
		unsigned x = rng_next(&r, 256), y = rng_next(&r, 256);
		unsigned sx = oracle_best(&brute.t, x, k),
			 sy = oracle_best(&brute.t, y, k);
		struct gt_mask mx = mask_of(x), my = mask_of(y);
		uint64_t qx = gt_table_quality(b.table, &mx, k);
		uint64_t qy = gt_table_quality(b.table, &my, k);

		ck_assert((qx == 0) == (sx == 0));
		if (!sx || !sy)
			continue;
		order = oracle_compare(&brute.t.value[sx], &brute.t.value[sy]);
		ck_assert_msg((order > 0) == (qx > qy) && (order == 0) == (qx == qy),
			      "%d of %#x and %#x", k, x, y);
	}
	bench_close(&b);
}
END_TEST

/* ---- names do not matter ---- */

static void check_relabelling(const char *name, const struct oracle_graph *g,
			      struct rng *r, int times)
{
	struct bench first;

	bench_open_plain(&first, name, g);
	for (int i = 0; i < times; i++) {
		int to[ORACLE_MAX], k = 1 + (int)rng_next(r, (uint32_t)g->n);
		unsigned free = rng_next(r, 1u << g->n), renamed = 0;
		struct gt_request a = {.count = k}, b = {.count = k};
		struct oracle_graph other;
		struct gt_choice ca, cb;
		struct gt_score sa, sb;
		struct bench second;
		int order;

		graph_shuffle(to, g->n, r);
		graph_relabel(&other, g, to);
		for (int j = 0; j < g->n; j++)
			renamed |= (free >> j & 1) << to[j];
		a.free = mask_of(free);
		b.free = mask_of(renamed);
		second.node = graph_node(&other);
		ck_assert_int_eq(gt_table_new(&second.table, second.node, NULL, NULL),
				 GT_OK);
		ck_assert_int_eq(gt_select(first.table, &a, &ca),
				 gt_select(second.table, &b, &cb));
		gt_select_score(first.table, &a, &ca.gpus, &sa);
		gt_select_score(second.table, &b, &cb.gpus, &sb);
		gt_score_compare(&sa, &sb, GT_POLICY_BANDWIDTH, &order);
		ck_assert_msg(order == 0 && sa.pair_sum_mbps == sb.pair_sum_mbps &&
				      sa.sockets == sb.sockets &&
				      sa.pci_roots == sb.pci_roots &&
				      sa.busbw_mbps == sb.busbw_mbps,
			      "%s: %d of %#x changes by its name", name, k, free);
		bench_close(&second);
	}
	bench_close(&first);
}

START_TEST(relabelling_never_changes_the_score)
{
	struct rng r = rng_start("relabel");
	struct oracle_graph g;

	graph_dgx1v(&g);
	check_relabelling("DGX-1V", &g, &r, unit_cases(RELABELLINGS));
	graph_dgx1p(&g);
	check_relabelling("DGX-1P", &g, &r, unit_cases(RELABELLINGS));
	graph_pairs(&g, 8, 4);
	check_relabelling("bridged pairs", &g, &r, unit_cases(RELABELLINGS));
	graph_pcie(&g, 8);
	check_relabelling("PCIe only", &g, &r, unit_cases(RELABELLINGS));
	graph_switch(&g, 8, 12);
	g.ports[1] = 11;
	check_relabelling("switch", &g, &r, unit_cases(RELABELLINGS));
	graph_complete(&g, 8, 1);
	check_relabelling("xGMI mesh", &g, &r, unit_cases(RELABELLINGS));
	for (int i = 0; i < 20; i++) {
		graph_random(&g, 8, &r);
		check_relabelling("random graph", &g, &r, unit_cases(RELABELLINGS / 20));
	}
}
END_TEST

START_TEST(another_mix_is_another_worth)
{
	struct gt_request request = {.count = 1, .free = {{0xff}}};
	struct gt_choice before, after, again;
	struct gt_mix pairs, eights;
	struct oracle_graph g;
	struct bench b;

	ck_assert_int_eq(gt_mix_parse(&pairs, "2:1", NULL), GT_OK);
	ck_assert_int_eq(gt_mix_parse(&eights, "4:1", NULL), GT_OK);
	graph_dgx1v(&g);
	bench_open(&b, "mix", &g);
	ck_assert_int_eq(gt_select(b.table, &request, &before), GT_FIT_OK);
	gt_table_set_mix(b.table, &pairs);
	brute_init(&brute, b.node, &pairs, b.table, false);
	check_request(&b, &request);
	gt_table_set_mix(b.table, &eights);
	brute_init(&brute, b.node, &eights, b.table, false);
	check_request(&b, &request);
	ck_assert_int_eq(gt_select(b.table, &request, &after), GT_FIT_OK);
	gt_table_set_mix(b.table, &b.mix);
	ck_assert_int_eq(gt_select(b.table, &request, &again), GT_FIT_OK);
	ck_assert(gt_mask_equal(&before.gpus, &again.gpus));
	bench_close(&b);
}
END_TEST

SUITE(select)
{
	static const struct unit_test tests[] = {
		UNIT(every_free_mask_of_the_dgx1),
		UNIT(every_free_mask_to_preserve),
		UNIT(every_free_mask_of_other_machines),
		UNIT(every_free_mask_with_gpus_out_of_service_or_in_mig_mode),
		UNIT(random_graphs_at_any_size),
		UNIT(random_graphs_of_nine_and_ten),
		UNIT(random_wishes),
		UNIT(worth_of_what_stays_free),
		UNIT(single_requests_of_dgx1v),
		UNIT(one_gpu_jobs_fill_broken_pairs),
		UNIT(mig_gpus_are_never_one_of_several),
		UNIT(near_gpus_win_ties),
		UNIT(ideal_bandwidth_is_the_best_of_the_idle_node),
		UNIT(quality_ranks_as_the_key_does),
		UNIT(relabelling_never_changes_the_score),
		UNIT(another_mix_is_another_worth),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
