/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_select - what a decision costs: by machine, K and share of free GPUs, beside a
 * brute force in the same run; the same for jobs of several groups; the table of a node
 * type and of a geometry; ranking 10,000 nodes.
 *
 *   bench_select [CSV]
 *
 * A request is timed alone, again and again, and its fastest time counts, so that what
 * else the machine does is left out; "first" is its first time, when nothing was known
 * yet. Busy GPUs belong to running jobs, so that rule A is paid for. One core,
 * CLOCK_MONOTONIC.
 */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUESTS    256
#define ROUNDS	    25
#define RANKED	    10000
#define BRUTE_SETS  1000 /* the brute force looks at no more */
#define BRUTE_K	    6
#define NEVER	    INT64_MAX
#define RUNNING_MAX 8

struct machine {
	const char *name;
	struct gt_node *node;
	bool brute; /* small enough for the oracle */
	struct oracle_graph g;
};

struct asked {
	struct gt_request request;
	struct gt_running running[RUNNING_MAX];
};

struct cost {
	int64_t median, worst, first; /* ns */
	int64_t brute;		      /* ns; 0: not tried */
};

static FILE *csv;
static struct asked asked[REQUESTS];
static int64_t clock_cost;

/* The fastest time of every request to a node of 8. */
static int64_t times_8[8 * 3 * 6 * REQUESTS];
static size_t times_8_count;

/* ---- time ---- */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What two readings of the clock cost: taken off every time. */
static void measure_clock(void)
{
	clock_cost = NEVER;
	for (int i = 0; i < 10000; i++) {
		int64_t start = now(), cost = now() - start;

		if (cost < clock_cost)
			clock_cost = cost;
	}
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* ---- machines ---- */

static struct machine built_in(const char *name)
{
	struct machine m = {.name = name};
	char spec[64];
	struct gt_error err;

	snprintf(spec, sizeof(spec), "builtin:%s", name);
	if (gt_node_load(&m.node, spec, NULL, &err)) {
		fprintf(stderr, "%s: %s\n", spec, err.text);
		exit(2);
	}
	m.brute = gt_node_size(m.node) <= ORACLE_MAX;
	if (m.brute)
		graph_of_node(&m.g, m.node);
	return m;
}

/* A 4 x 4 torus with single links: irregular enough that nothing is alike. */
static struct machine torus(void)
{
	struct machine m = {.name = "torus 4x4", .brute = true};

	graph_complete(&m.g, 16, 0);
	for (int i = 0; i < 16; i++) {
		int right = i / 4 * 4 + (i + 1) % 4, below = (i + 4) % 16;

		m.g.links[i][right] = m.g.links[right][i] = 1;
		m.g.links[i][below] = m.g.links[below][i] = 1;
	}
	m.node = graph_node(&m.g);
	graph_of_node(&m.g, m.node);
	return m;
}

/* Two DGX-1V boards joined GPU by GPU: an irregular mesh of 16. */
static struct machine two_boards(void)
{
	struct machine m = {.name = "2 cube meshes", .brute = true};
	struct oracle_graph board;

	graph_dgx1v(&board);
	graph_complete(&m.g, 16, 0);
	for (int i = 0; i < 8; i++) {
		for (int j = 0; j < 8; j++) {
			m.g.links[i][j] = board.links[i][j];
			m.g.links[8 + i][8 + j] = board.links[i][j];
		}
		m.g.links[i][8 + i] = m.g.links[8 + i][i] = 1 + i % 2;
	}
	m.node = graph_node(&m.g);
	graph_of_node(&m.g, m.node);
	return m;
}

static struct machine one_switch(const char *name, int n)
{
	struct machine m = {.name = name};

	if (gt_node_new(&m.node, n, NULL))
		exit(2);
	for (int i = 0; i < n; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(m.node, i);

		gpu->island = 0;
		gpu->switch_links = 18;
		snprintf(gpu->model, sizeof(gpu->model), "NVIDIA GB200");
		snprintf(gpu->pci_root, sizeof(gpu->pci_root), "tray%d", i / 4);
		gpu->socket = i / 2;
	}
	if (gt_node_finish(m.node, NULL))
		exit(2);
	return m;
}

/* ---- requests ---- */

/* Jobs of 1, 2 or 4 on what is busy. */
static void add_running(struct asked *a, const struct gt_mask *busy, struct rng *r)
{
	struct gt_mask rest = *busy;

	a->request.running = a->running;
	while (gt_mask_count(&rest) > 0 && a->request.running_count < RUNNING_MAX) {
		struct gt_running *job = &a->running[a->request.running_count++];
		int size = 1 << rng_next(r, 3);

		memset(job, 0, sizeof(*job));
		job->seconds = GT_UNKNOWN;
		for (int g = gt_mask_next(&rest, 0); g >= 0 && size > 0;
		     g = gt_mask_next(&rest, g + 1), size--) {
			gt_mask_set(&job->gpus, g);
			gt_mask_clear(&rest, g);
		}
	}
}

static void make_requests(int n, int k, int free, struct rng *r)
{
	for (int i = 0; i < REQUESTS; i++) {
		struct asked *a = &asked[i];
		struct gt_mask all = gt_mask_first(n), busy = all;

		memset(a, 0, sizeof(*a));
		a->request.count = k;
		while (gt_mask_count(&a->request.free) < free) {
			int g = (int)rng_next(r, (uint32_t)n);

			gt_mask_set(&a->request.free, g);
		}
		busy = gt_mask_without(&all, &a->request.free);
		add_running(a, &busy, r);
	}
}

/* Every request here can be met. */
static void refuse(struct gt_table *table, const struct gt_request *request)
{
	char free[GT_MASK_TEXT_MAX];
	struct gt_choice choice;

	fprintf(stderr, "%d of %s, %d jobs: refused (%d)\n", request->count,
		gt_mask_format(&request->free, free, sizeof(free)),
		request->running_count, gt_select(table, request, &choice));
	exit(2);
}

static int64_t time_one(struct gt_table *table, const struct gt_request *request)
{
	struct gt_choice choice;
	int64_t start = now(), took;

	if (gt_select(table, request, &choice) != GT_FIT_OK)
		refuse(table, request);
	took = now() - start - clock_cost;
	return took > 0 ? took : 0;
}

static double combinations(int n, int k)
{
	double c = 1;

	for (int i = 0; i < k; i++)
		c = c * (n - i) / (i + 1);
	return c;
}

/* Levels 0 to 2 of every K-set of the first request, by the oracle. */
static int64_t time_brute(const struct machine *m, int k, int free)
{
	unsigned mask = set_of(&asked[0].request.free), best = 0;
	struct oracle_value v, best_value = {0};
	int64_t start = now();

	if (!m->brute || k > BRUTE_K || combinations(free, k) > BRUTE_SETS)
		return 0;
	for (unsigned s = mask; s; s = (s - 1) & mask) {
		if (oracle_size(s) != k)
			continue;
		oracle_value(&m->g, s, &v);
		if (!best || oracle_compare(&v, &best_value) > 0) {
			best = s;
			best_value = v;
		}
	}
	return now() - start;
}

static struct cost measure(const struct machine *m, struct gt_table *table, int k,
			   int free)
{
	int64_t fastest[REQUESTS];
	struct cost c = {0};

	for (int i = 0; i < REQUESTS; i++) {
		fastest[i] = time_one(table, &asked[i].request);
		if (fastest[i] > c.first)
			c.first = fastest[i];
	}
	for (int round = 1; round < ROUNDS; round++)
		for (int i = 0; i < REQUESTS; i++) {
			int64_t took = time_one(table, &asked[i].request);

			if (took < fastest[i])
				fastest[i] = took;
		}
	if (gt_node_size(m->node) == 8) {
		memcpy(&times_8[times_8_count], fastest, sizeof(fastest));
		times_8_count += REQUESTS;
	}
	qsort(fastest, REQUESTS, sizeof(fastest[0]), by_size);
	c.median = fastest[REQUESTS / 2];
	c.worst = fastest[REQUESTS - 1];
	c.brute = time_brute(m, k, free);
	return c;
}

/* ---- report ---- */

struct bars {
	int64_t worst_8, first_16, seen_16, rack;
};

static void note_bars(struct bars *b, const struct machine *m, int k,
		      const struct cost *c)
{
	int n = gt_node_size(m->node);
	bool one_fabric = gt_node_fabric(m->node) == GT_FABRIC_SWITCH;

	if (n == 8) {
		b->worst_8 = c->worst > b->worst_8 ? c->worst : b->worst_8;
	} else if (n >= 16 && one_fabric) {
		b->rack = c->worst > b->rack ? c->worst : b->rack;
	} else if (n == 16 && k <= 8) {
		b->first_16 = c->first > b->first_16 ? c->first : b->first_16;
		b->seen_16 = c->worst > b->seen_16 ? c->worst : b->seen_16;
	}
}

static void report_row(const struct machine *m, int k, int free, const struct cost *c)
{
	int n = gt_node_size(m->node);
	char brute[32] = "-", ratio[32] = "-";

	if (c->brute) {
		snprintf(brute, sizeof(brute), "%lld", (long long)c->brute);
		snprintf(ratio, sizeof(ratio), "%.0f",
			 (double)c->brute / (double)(c->median > 0 ? c->median : 1));
	}
	printf("  %-16s %4d %3d %5d %9lld %9lld %11lld %12s %9s\n", m->name, n, k, free,
	       (long long)c->median, (long long)c->worst, (long long)c->first, brute,
	       ratio);
	fprintf(csv, "select,%s,%d,%d,%d,%lld,%lld,%lld,%s,%s\n", m->name, n, k, free,
		(long long)c->median, (long long)c->worst, (long long)c->first,
		c->brute ? brute : "", c->brute ? ratio : "");
	fflush(stdout);
}

static struct gt_table *make_table(const struct machine *m, int64_t *took)
{
	struct gt_table *table = NULL;

	*took = NEVER;
	for (int i = 0; i < 3; i++) {
		int64_t start = now(), here;

		gt_table_free(table);
		start = now();
		if (gt_table_new(&table, m->node, NULL, NULL))
			exit(2);
		here = now() - start;
		*took = here < *took ? here : *took;
	}
	return table;
}

static void bench_machine(const struct machine *m, struct rng *r, struct bars *bars)
{
	static const int sizes[] = {1, 2, 3, 4, 5, 8};
	static const int shares[] = {100, 75, 50};
	int n = gt_node_size(m->node);
	int64_t build;
	struct gt_table *table = make_table(m, &build);

	for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			int free = n * shares[s] / 100, k = sizes[i];
			struct cost c;

			if (k > free)
				continue;
			make_requests(n, k, free, r);
			c = measure(m, table, k, free);
			report_row(m, k, free, &c);
			note_bars(bars, m, k, &c);
		}
	printf("  %-16s table made in %.3f ms, %zu KiB after this\n\n", m->name,
	       (double)build / 1e6, gt_table_bytes(table) / 1024);
	fprintf(csv, "table,%s,%d,,,%lld,,,,%zu\n", m->name, n, (long long)build,
		gt_table_bytes(table));
	gt_table_free(table);
}

/* ---- groups ---- */

struct group_bars {
	int64_t table;		      /* the slowest, ns */
	int64_t times[64 * REQUESTS]; /* of nodes of 8, the table made */
	size_t count;
};

/* Decisions on a geometry; each request's fastest of many rounds, as above. */
static void bench_shape(const struct machine *m, const char *sizes, enum gt_comm comm,
			struct rng *r, struct group_bars *bars)
{
	struct gt_groups groups;
	struct cost c;
	int64_t build, first;
	struct gt_table *table = make_table(m, &build);
	int k, free, n = gt_node_size(m->node);

	if (gt_groups_parse(&groups, sizes, NULL))
		exit(2);
	k = gt_groups_sum(&groups);
	free = k < n * 3 / 4 ? n * 3 / 4 : k;
	make_requests(n, k, free, r);
	for (int i = 0; i < REQUESTS; i++) {
		asked[i].request.groups = &groups;
		asked[i].request.comm = comm;
	}
	first = time_one(table, &asked[0].request);
	c = measure(m, table, k, free);
	if (n == 8) {
		times_8_count -= REQUESTS; /* those are of plain requests */
		memcpy(&bars->times[bars->count], &times_8[times_8_count],
		       REQUESTS * sizeof(times_8[0]));
		bars->count += REQUESTS;
		bars->table = first > bars->table ? first : bars->table;
	}
	printf("  %-16s %-6s %-9s %5d %9lld %9lld %11lld\n", m->name, sizes,
	       gt_comm_name(comm), free, (long long)c.median, (long long)c.worst,
	       (long long)(first > c.first ? first : c.first));
	fprintf(csv, "groups,%s,%d,%s %s,%d,%lld,%lld,%lld,,\n", m->name, n, sizes,
		gt_comm_name(comm), free, (long long)c.median, (long long)c.worst,
		(long long)(first > c.first ? first : c.first));
	fflush(stdout);
	gt_table_free(table);
}

static void bench_groups(const struct machine *machines, int count, struct rng *r)
{
	static const char *const sizes[] = {"2+2", "4+2", "2x4", "4x2"};
	static struct group_bars bars;

	printf("one decision for a job of several groups, ns; first: with the table "
	       "made\n"
	       "  %-16s %-6s %-9s %5s %9s %9s %11s\n",
	       "machine", "groups", "comm", "free", "median", "worst", "first");
	for (int i = 0; i < count; i++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (int comm = 0; comm < 2; comm++)
				bench_shape(&machines[i], sizes[s], (enum gt_comm)comm, r,
					    &bars);
	qsort(bars.times, bars.count, sizeof(bars.times[0]), by_size);
	printf("\n8 GPUs: median %lld ns (bar 150), the slowest table %.2f ms (bar "
	       "20)\n\n",
	       (long long)bars.times[bars.count / 2], (double)bars.table / 1e6);
}

/* The best node for a K-GPU job among 10,000 with random free GPUs: the look-up of each,
 * and what a tie costs on top (the choice there, and what it leaves). */
static void bench_ranking(const struct machine *m, int k, struct rng *r)
{
	static struct gt_mask free[RANKED];
	int64_t table_ns = NEVER, tie_ns = NEVER, build;
	struct gt_table *table = make_table(m, &build);
	int ties = 0;

	memset(free, 0, sizeof(free));
	for (int i = 0; i < RANKED; i++)
		free[i].word[0] = rng_next(r, 256);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = now(), took;
		uint64_t best = 0;
		struct gt_request request = {.count = k};

		for (int i = 0; i < RANKED; i++) {
			uint64_t here = gt_table_quality(table, &free[i], k);

			best = here > best ? here : best;
		}
		took = now() - start;
		table_ns = took < table_ns ? took : table_ns;
		ties = 0;
		start = now();
		for (int i = 0; i < RANKED; i++) {
			struct gt_choice choice;

			if (gt_table_quality(table, &free[i], k) != best)
				continue;
			request.free = free[i];
			gt_select(table, &request, &choice);
			ties++;
		}
		took = now() - start;
		tie_ns = took < tie_ns ? took : tie_ns;
	}
	printf("  %-16s %4d GPUs: %d nodes ranked in %.1f us; %d ties, %.0f ns each with "
	       "the "
	       "choice\n",
	       m->name, k, RANKED, (double)table_ns / 1e3, ties,
	       ties ? (double)tie_ns / ties : 0.0);
	fprintf(csv, "rank,%s,8,%d,%d,%lld,%d,,,\n", m->name, k, RANKED,
		(long long)table_ns, ties);
	gt_table_free(table);
}

int main(int argc, char **argv)
{
	struct rng r = rng_start("bench");
	struct bars bars = {0};
	struct machine machines[] = {
		built_in("dgx1v"),
		built_in("dgx1p"),
		built_in("a100-pcie-pairs"),
		built_in("l40s-8"),
		built_in("mi250x"),
		built_in("mi300x"),
		built_in("hgx-h100"),
		torus(),
		two_boards(),
		built_in("dgx2"),
		one_switch("switch of 72", 72),
		one_switch("switch of 144", 144),
		one_switch("switch of 576", 576),
	};
	int count = (int)(sizeof(machines) / sizeof(machines[0]));

	csv = fopen(argc > 1 ? argv[1] : "bench.csv", "w");
	if (!csv) {
		perror(argc > 1 ? argv[1] : "bench.csv");
		return 2;
	}
	measure_clock();
	fprintf(csv,
		"what,machine,gpus,k,free,median_ns,worst_ns,first_ns,brute_ns,ratio\n");
	printf("one decision, ns (%d random requests a row, busy GPUs in running jobs)\n",
	       REQUESTS);
	printf("  %-16s %4s %3s %5s %9s %9s %11s %12s %9s\n", "machine", "GPUs", "K",
	       "free", "median", "worst", "first", "brute force", "ratio");
	for (int i = 0; i < count; i++)
		bench_machine(&machines[i], &r, &bars);
	bench_groups(machines, 9, &r);
	puts("the best node of many");
	for (int k = 1; k <= 8; k *= 2)
		bench_ranking(&machines[0], k, &r);
	qsort(times_8, times_8_count, sizeof(times_8[0]), by_size);
	printf("\n8 GPUs: median %lld ns (bar 100), worst %lld ns (bar 300)\n"
	       "irregular 16: worst first query %.1f ms (bar 50 for K <= 8), seen before "
	       "%lld "
	       "ns (bar 1000)\n"
	       "switches of 16 and more: worst %lld ns (bar 5000)\n",
	       (long long)times_8[times_8_count / 2], (long long)bars.worst_8,
	       (double)bars.first_16 / 1e6, (long long)bars.seen_16,
	       (long long)bars.rack);
	for (int i = 0; i < count; i++)
		gt_node_free(machines[i].node);
	return fclose(csv) ? 2 : 0;
}
