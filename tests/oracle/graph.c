/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machines for tests, as plain matrices and as node models; random ones too. */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 20261121

uint32_t rng_next(struct rng *r, uint32_t below)
{
	/* splitmix64: any seed, zero included, starts a good stream. */
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

struct rng rng_start(const char *name)
{
	const char *text = getenv("GPUTOPO_SEED");
	struct rng r = {text ? strtoull(text, NULL, 10) : SEED};

	printf("# %s: seed %llu (set GPUTOPO_SEED for another)\n", name,
	       (unsigned long long)r.state);
	fflush(stdout);
	return r;
}

static void clear(struct oracle_graph *g, int n)
{
	memset(g, 0, sizeof(*g));
	g->n = n;
	for (int i = 0; i < ORACLE_MAX; i++) {
		g->island[i] = -1;
		g->link_mbps[i] = 20000;
		g->socket[i] = 2 * i >= n;
		g->root[i] = i / 2;
		for (int j = 0; j < ORACLE_MAX; j++)
			g->path_mbps[i][j] = i == j ? 0 : i / 2 == j / 2 ? 12000 : 10000;
	}
}

static void join(struct oracle_graph *g, int a, int b, int links)
{
	g->links[a][b] = links;
	g->links[b][a] = links;
}

/* One digit a pair, one row a GPU. */
static void graph_of_rows(struct oracle_graph *g, const char *const *row, int n)
{
	clear(g, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			g->links[i][j] = row[i][j] - '0';
}

void graph_dgx1v(struct oracle_graph *g)
{
	static const char *const row[] = {"01122000", "10210200", "12020010", "21200001",
					  "20000112", "02001021", "00101202", "00012120"};

	graph_of_rows(g, row, 8);
}

void graph_dgx1p(struct oracle_graph *g)
{
	static const char *const row[] = {"01111000", "10110100", "11010010", "11100001",
					  "10000111", "01001011", "00101101", "00011110"};

	graph_of_rows(g, row, 8);
	for (int i = 0; i < 8; i++)
		g->link_mbps[i] = 18000;
}

void graph_pairs(struct oracle_graph *g, int n, int links)
{
	clear(g, n);
	for (int i = 0; i + 1 < n; i += 2)
		join(g, i, i + 1, links);
}

void graph_pcie(struct oracle_graph *g, int n)
{
	clear(g, n);
}

void graph_switch(struct oracle_graph *g, int n, int c)
{
	clear(g, n);
	for (int i = 0; i < n; i++) {
		g->island[i] = 0;
		g->ports[i] = c;
	}
}

void graph_complete(struct oracle_graph *g, int n, int links)
{
	clear(g, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			join(g, i, j, links);
}

void graph_random(struct oracle_graph *g, int n, struct rng *r)
{
	int degree[ORACLE_MAX] = {0};
	int tries = (int)rng_next(r, 120), most = 1 + (int)rng_next(r, 3);
	bool mixed = rng_next(r, 4) == 0;

	clear(g, n);
	for (int t = 0; t < tries; t++) {
		int a = (int)rng_next(r, (uint32_t)n), b = (int)rng_next(r, (uint32_t)n);

		if (a == b || degree[a] == 6 || degree[b] == 6 || g->links[a][b] == most)
			continue;
		degree[a]++;
		degree[b]++;
		join(g, a, b, g->links[a][b] + 1);
	}
	for (int i = 0; i < n; i++) {
		g->link_mbps[i] = mixed && rng_next(r, 2) ? 18000 : 20000;
		for (int j = 0; j < i; j++)
			g->path_mbps[i][j] = g->path_mbps[j][i] =
				6000 + 2000 * (int)rng_next(r, 4);
	}
}

static void share(struct oracle_graph *g, unsigned gpus, int mbps, bool memory)
{
	if (!(gpus & (gpus - 1)))
		return;
	g->share[g->shared].gpus = gpus;
	g->share[g->shared].mbps = mbps;
	g->share[g->shared++].memory = memory;
}

void graph_random_tree(struct oracle_graph *g, int n, struct rng *r)
{
	int home = 2 + (int)rng_next(r, 3), leaf = 1 + (int)rng_next(r, 3);
	unsigned on_socket[2] = {0}, on_root[ORACLE_MAX] = {0};

	clear(g, n);
	g->copies = rng_next(r, 2);
	for (int i = 0; i < n; i++) {
		g->socket[i] = i / home % 2;
		g->root[i] = i / leaf;
		on_socket[g->socket[i]] |= 1u << i;
	}
	/* a switch is on one socket */
	for (int i = 0; i < n; i++) {
		if (g->socket[i] != g->socket[g->root[i] * leaf])
			g->root[i] += n;
		for (int j = 0; j < i; j++) {
			bool near = g->root[i] == g->root[j];
			bool beside = g->socket[i] == g->socket[j];

			g->path_mbps[i][j] = g->path_mbps[j][i] = near	   ? 24000
								  : beside ? 20000
									   : 10000;
		}
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			on_root[i] |= (unsigned)(g->root[i] == g->root[j]) << j;
	for (int i = 0; i < n && g->shared < 8; i++)
		if (!(on_root[i] & ((1u << i) - 1)))
			share(g, on_root[i], 6000 * (1 + (int)rng_next(r, 5)), false);
	for (int s = 0; s < 2; s++)
		share(g, on_socket[s], 20000 + 8000 * (int)rng_next(r, 8), true);
	for (int i = 0; i + 1 < n && rng_next(r, 3) == 0; i += 2)
		if (g->root[i] == g->root[i + 1])
			join(g, i, i + 1, 4);
}

void graph_relabel(struct oracle_graph *g, const struct oracle_graph *from, const int *to)
{
	*g = *from;
	for (int i = 0; i < from->n; i++) {
		g->link_mbps[to[i]] = from->link_mbps[i];
		g->island[to[i]] = from->island[i];
		g->ports[to[i]] = from->ports[i];
		g->reduce_mbps[to[i]] = from->reduce_mbps[i];
		g->reduce_from[to[i]] = from->reduce_from[i];
		g->broken[to[i]] = from->broken[i];
		g->mig[to[i]] = from->mig[i];
		g->socket[to[i]] = from->socket[i];
		g->root[to[i]] = from->root[i];
		for (int j = 0; j < from->n; j++) {
			g->links[to[i]][to[j]] = from->links[i][j];
			g->path_mbps[to[i]][to[j]] = from->path_mbps[i][j];
		}
	}
	for (int i = 0; i < from->shared; i++) {
		g->share[i].gpus = 0;
		for (int j = 0; j < from->n; j++)
			if (from->share[i].gpus >> j & 1)
				g->share[i].gpus |= 1u << to[j];
	}
	for (int i = 0; i < from->groups; i++) {
		g->group[i] = 0;
		for (int j = 0; j < from->n; j++)
			if (from->group[i] >> j & 1)
				g->group[i] |= 1u << to[j];
	}
}

void graph_shuffle(int *to, int n, struct rng *r)
{
	for (int i = 0; i < n; i++) {
		int j = (int)rng_next(r, (uint32_t)i + 1);

		to[i] = to[j];
		to[j] = i;
	}
}

static void fail_now(const struct gt_error *err)
{
	printf("Bail out! the library refuses a machine of the tests: %s\n", err->text);
	exit(1);
}

static void describe_gpu(struct gt_node *node, const struct oracle_graph *g, int i)
{
	struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

	snprintf(gpu->model, sizeof(gpu->model), "%s",
		 g->link_mbps[i] == 18000 ? "Tesla P100-SXM2-16GB"
					  : "Tesla V100-SXM2-16GB");
	snprintf(gpu->pci_root, sizeof(gpu->pci_root), "root%d", g->root[i]);
	gpu->socket = g->socket[i];
	gpu->healthy = !g->broken[i];
	gpu->mig = g->mig[i];
	if (g->island[i] >= 0) {
		gpu->island = g->island[i];
		gpu->switch_links = g->ports[i];
		gpu->reduce_mbps = g->reduce_mbps[i];
		gpu->reduce_from = g->reduce_from[i];
	}
}

static bool linked(const struct oracle_graph *g, int i, int j)
{
	return g->links[i][j] > 0 || (g->island[i] >= 0 && g->island[i] == g->island[j] &&
				      g->ports[i] > 0 && g->ports[j] > 0);
}

struct gt_node *graph_node(const struct oracle_graph *g)
{
	struct gt_error err;
	struct gt_node *node;

	if (gt_node_new(&node, g->n, &err))
		fail_now(&err);
	for (int i = 0; i < g->n; i++) {
		describe_gpu(node, g, i);
		for (int j = 0; j < g->n; j++) {
			if (i == j)
				continue;
			gt_node_set_links(node, i, j, g->links[i][j]);
			gt_node_set_path(node, i, j,
					 linked(g, i, j)		? GT_PATH_LINK
					 : g->socket[i] != g->socket[j] ? GT_PATH_SYS
					 : g->root[i] != g->root[j]	? GT_PATH_PHB
									: GT_PATH_PIX);
			gt_node_set_path_mbps(node, i, j, g->path_mbps[i][j]);
		}
	}
	for (int i = 0; i < g->shared; i++) {
		struct gt_shared shared = {mask_of(g->share[i].gpus), g->share[i].mbps,
					   g->share[i].memory};

		if (gt_node_add_shared(node, &shared, &err))
			fail_now(&err);
	}
	if (g->shared)
		gt_node_set_pcie_p2p(node, !g->copies);
	for (int i = 0; i < g->groups; i++) {
		struct gt_mask group = mask_of(g->group[i]);

		if (gt_node_add_group(node, &group, &err))
			fail_now(&err);
	}
	if (gt_node_finish(node, &err))
		fail_now(&err);
	return node;
}

/* Names become numbers: the first GPU that has the same one. */
static int root_of(const struct gt_node *node, int gpu)
{
	int i = 0;

	while (strcmp(gt_node_gpu(node, i)->pci_root, gt_node_gpu(node, gpu)->pci_root) !=
	       0)
		i++;
	return i;
}

static int known(int value)
{
	return value == GT_UNKNOWN ? 0 : value;
}

void graph_of_node(struct oracle_graph *g, const struct gt_node *node)
{
	clear(g, gt_node_size(node));
	for (int i = 0; i < g->n; i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);

		g->link_mbps[i] = gpu->link_mbps;
		g->island[i] = gpu->switch_links > 0 ? gpu->island : -1;
		g->ports[i] = gpu->switch_links;
		g->reduce_mbps[i] = gpu->reduce_mbps;
		g->reduce_from[i] = gpu->reduce_from;
		g->broken[i] = !gpu->healthy;
		g->mig[i] = gpu->mig;
		g->socket[i] = gpu->socket;
		g->root[i] = root_of(node, i);
		for (int j = 0; j < g->n; j++) {
			if (i == j)
				continue;
			g->links[i][j] = known(gt_node_links(node, i, j));
			g->path_mbps[i][j] = known(gt_node_path_mbps(node, i, j));
		}
	}
	for (int i = 0; i < gt_node_shared_count(node); i++) {
		const struct gt_shared *shared = gt_node_shared(node, i);

		share(g, set_of(&shared->gpus), shared->mbps, shared->memory);
	}
	g->copies = !gt_node_pcie_p2p(node);
	g->groups = gt_node_group_count(node);
	for (int i = 0; i < g->groups; i++)
		g->group[i] = set_of(gt_node_group(node, i));
}

struct gt_mask mask_of(unsigned set)
{
	struct gt_mask m = {{set}};

	return m;
}

unsigned set_of(const struct gt_mask *m)
{
	return (unsigned)m->word[0];
}
