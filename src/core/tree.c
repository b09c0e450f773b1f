/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tau(S) by Newton steps on a ratio, each step a partition found by the greedy algorithm
 * for a Dilworth truncation (A. Frank and E. Tardos 1988; W. H. Cunningham 1985). */
#include "config.h"

#include "core/tree.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define NODES (GT_MESH_MAX + 2) /* the set, and the two ends of a flow */

/* A flow network with a matrix of what each arc can still carry. */
struct flow {
	int n;
	int residual[NODES][NODES];
};

/* Breadth first from s; parent[] of what is reached, -1 elsewhere. */
static bool find_path(const struct flow *f, int s, int t, int parent[NODES])
{
	int queue[NODES], head = 0, tail = 0;

	for (int v = 0; v < f->n; v++)
		parent[v] = -1;
	parent[s] = s;
	queue[tail++] = s;
	while (head < tail) {
		int v = queue[head++];

		for (int u = 0; u < f->n; u++) {
			if (parent[u] >= 0 || f->residual[v][u] <= 0)
				continue;
			parent[u] = v;
			queue[tail++] = u;
		}
	}
	return parent[t] >= 0;
}

/* Saturate the network; returns the flow, and the source side of a minimum cut. */
static int min_cut(struct flow *f, int s, int t, unsigned *side)
{
	int parent[NODES];
	int total = 0;

	while (find_path(f, s, t, parent)) {
		int room = INT_MAX;

		for (int v = t; v != s; v = parent[v])
			if (f->residual[parent[v]][v] < room)
				room = f->residual[parent[v]][v];
		for (int v = t; v != s; v = parent[v]) {
			f->residual[parent[v]][v] -= room;
			f->residual[v][parent[v]] += room;
		}
		total += room;
	}
	*side = 0;
	for (int v = 0; v < f->n; v++)
		if (parent[v] >= 0)
			*side |= 1u << v;
	return total;
}

/* The part of {0..v} with v in it that minimises q x cut(part) - sum of y over part - v,
 * less 2p; y: prices that the vertices before v were given. */
static int cheapest_part(const struct gt_mesh *mesh, int p, int q, const int *y, int v,
			 unsigned *part)
{
	int s = mesh->n, t = mesh->n + 1;
	struct flow f = {.n = mesh->n + 2};
	int constant = 0;

	for (int a = 0; a < mesh->n; a++)
		for (int b = 0; b < mesh->n; b++)
			f.residual[a][b] = q * mesh->link[a][b];
	for (int u = 0; u < v; u++) {
		f.residual[s][u] = y[u] > 0 ? y[u] : 0;
		f.residual[u][t] = y[u] < 0 ? -y[u] : 0;
		constant += y[u] > 0 ? y[u] : 0;
	}
	f.residual[s][v] = INT_MAX / 4;
	for (int u = v + 1; u < mesh->n; u++)
		f.residual[u][t] = INT_MAX / 4;
	constant = min_cut(&f, s, t, part) - constant;
	*part &= (1u << mesh->n) - 1;
	return constant - 2 * p;
}

/* The partition that minimises q x crossing - p x (parts - 1), as a part per vertex. */
static void cheapest_partition(const struct gt_mesh *mesh, int p, int q,
			       unsigned part_of[GT_MESH_MAX])
{
	int y[GT_MESH_MAX];

	for (int v = 0; v < mesh->n; v++)
		part_of[v] = 1u << v;
	for (int v = 0; v < mesh->n; v++) {
		unsigned merged;

		y[v] = cheapest_part(mesh, p, q, y, v, &merged);
		for (int u = 0; u < v; u++)
			if (part_of[u] & merged)
				merged |= part_of[u];
		for (int u = 0; u <= v; u++)
			if (merged >> u & 1)
				part_of[u] = merged;
	}
}

static void count_partition(const struct gt_mesh *mesh, const unsigned *part_of,
			    int *crossing, int *parts)
{
	*crossing = 0;
	*parts = 0;
	for (int a = 0; a < mesh->n; a++) {
		if ((part_of[a] & ((1u << a) - 1)) == 0)
			++*parts;
		for (int b = a + 1; b < mesh->n; b++)
			if (!(part_of[a] >> b & 1))
				*crossing += mesh->link[a][b];
	}
}

void gt_tree_strength(const struct gt_mesh *mesh, int *num, int *den)
{
	unsigned part_of[GT_MESH_MAX];
	int crossing, parts;

	*num = 0;
	*den = 1;
	if (mesh->n < 2)
		return;
	for (int v = 0; v < mesh->n; v++)
		part_of[v] = 1u << v;
	/* All parts single first; each step lowers the ratio or proves it. */
	for (;;) {
		count_partition(mesh, part_of, &crossing, &parts);
		if (parts < 2 || (*num && crossing * *den >= *num * (parts - 1)))
			return;
		*num = crossing;
		*den = parts - 1;
		if (crossing == 0)
			return;
		cheapest_partition(mesh, *num, *den, part_of);
	}
}
