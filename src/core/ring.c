/* SPDX-License-Identifier: GPL-2.0-or-later */
/* R(S): packing arc-disjoint directed Hamiltonian cycles, exactly. */
#include "config.h"

#include "core/ring.h"

#include <string.h>

/* The search: cycles start at the vertex with the fewest spare arcs and are found in
 * lexicographic order, so that no packing is looked at twice in another order. */
struct packing {
	int n;
	int start;
	long *steps;
	uint8_t arc[GT_MESH_MAX][GT_MESH_MAX]; /* what is left, directed */
	uint16_t out[GT_MESH_MAX];	       /* bit u: arc[v][u] > 0 */
	int spare[GT_MESH_MAX];	   /* arcs of v that the packing leaves unused */
	uint8_t last[GT_MESH_MAX]; /* the cycle before this one */
	uint8_t cycle[GT_MESH_MAX];
};

static bool pack(struct packing *p, int need, bool ordered);

static void take_arc(struct packing *p, int from, int to)
{
	if (--p->arc[from][to] == 0)
		p->out[from] &= (uint16_t) ~(1u << to);
}

static void give_arc(struct packing *p, int from, int to)
{
	if (p->arc[from][to]++ == 0)
		p->out[from] |= (uint16_t)(1u << to);
}

/* Every cycle leaves every pair of vertices at least once. */
static bool pairs_can_be_left(const struct packing *p, int need)
{
	for (int a = 0; a < p->n; a++)
		for (int b = a + 1; b < p->n; b++)
			if (p->spare[a] + p->spare[b] + need <
			    p->arc[a][b] + p->arc[b][a])
				return false;
	return true;
}

/* Whether the path that ends at `at` can still reach all that it has not visited, and one
 * of those (or `at` itself, if none) leads home. */
static bool can_finish(const struct packing *p, int at, unsigned visited)
{
	unsigned open = ((1u << p->n) - 1) & ~visited;
	unsigned seen = 0, wave = p->out[at] & open;

	while (wave) {
		int v = __builtin_ctz(wave);

		seen |= 1u << v;
		wave = (wave | (p->out[v] & open)) & ~seen;
	}
	return seen == open;
}

static bool close_cycle(struct packing *p, int at, int need)
{
	uint8_t saved[GT_MESH_MAX];
	bool packed;

	if (!(p->out[at] >> p->start & 1))
		return false;
	take_arc(p, at, p->start);
	memcpy(saved, p->last, sizeof(saved));
	memcpy(p->last, p->cycle, sizeof(saved));
	packed = need == 1 || (pairs_can_be_left(p, need - 1) && pack(p, need - 1, true));
	/* The cycles after this one were built in its place. */
	memcpy(p->cycle, p->last, sizeof(saved));
	memcpy(p->last, saved, sizeof(saved));
	give_arc(p, at, p->start);
	return packed;
}

/* Extend the path of depth vertices that ends at `at`. ordered: it equals the cycle
 * before so far, so the next vertex must not be lower than there. */
static bool extend(struct packing *p, int at, int depth, unsigned visited, int need,
		   bool ordered)
{
	unsigned next;

	if (--*p->steps < 0)
		return false;
	if (depth == p->n)
		return close_cycle(p, at, need);
	if (!can_finish(p, at, visited))
		return false;
	next = p->out[at] & ~visited;
	if (ordered)
		next &= ~0u << p->last[depth];
	for (; next; next &= next - 1) {
		int to = __builtin_ctz(next);
		bool done;

		take_arc(p, at, to);
		p->cycle[depth] = (uint8_t)to;
		done = extend(p, to, depth + 1, visited | 1u << to, need,
			      ordered && to == p->last[depth]);
		give_arc(p, at, to);
		if (done)
			return true;
		if (*p->steps < 0)
			return false;
	}
	return false;
}

/* need more cycles. Each first hop is used or spared; the start has few to spare. */
static bool pack(struct packing *p, int need, bool ordered)
{
	int spare = p->spare[p->start];
	int from = ordered ? p->last[1] : 0;
	bool done = false;

	for (int to = 0; to < from; to++)
		spare -= p->arc[p->start][to];
	for (int to = from; to < p->n && spare >= 0 && !done && *p->steps >= 0; to++) {
		if (!p->arc[p->start][to])
			continue;
		spare -= p->arc[p->start][to];
		take_arc(p, p->start, to);
		p->cycle[1] = (uint8_t)to;
		done = extend(p, to, 2, 1u << p->start | 1u << to, need,
			      ordered && to == p->last[1]);
		give_arc(p, p->start, to);
	}
	return done;
}

static bool can_pack(const struct gt_mesh *mesh, int rings, long *steps)
{
	struct packing p = {.n = mesh->n, .steps = steps};

	memcpy(p.arc, mesh->link, sizeof(p.arc));
	for (int v = 0; v < p.n; v++) {
		p.spare[v] = gt_mesh_degree(mesh, v) - rings;
		for (int u = 0; u < p.n; u++)
			if (p.arc[v][u])
				p.out[v] |= (uint16_t)(1u << u);
		if (p.spare[v] < p.spare[p.start])
			p.start = v;
	}
	p.cycle[0] = (uint8_t)p.start;
	return pairs_can_be_left(&p, rings) && pack(&p, rings, false);
}

/* The common number of links of every pair, or -1. */
static int uniform_links(const struct gt_mesh *mesh)
{
	for (int a = 0; a < mesh->n; a++)
		for (int b = a + 1; b < mesh->n; b++)
			if (mesh->link[a][b] != mesh->link[0][1])
				return -1;
	return mesh->n > 1 ? mesh->link[0][1] : 0;
}

/* The complete symmetric digraph on n vertices splits into n - 1 Hamiltonian cycles
 * unless n is 4 or 6 (T. W. Tillson, J. Combin. Theory B 29, 1980); m copies of it split
 * into m times as many. Doubled edges split for every n (each cycle of 2K_n in both
 * directions). */
int gt_ring_count_uniform(int n, int links)
{
	if (n < 2 || links == 0)
		return 0;
	if (n == 2)
		return links;
	if ((n == 4 || n == 6) && links % 2)
		return -1;
	return links * (n - 1);
}

int gt_ring_count(const struct gt_mesh *mesh, long *steps)
{
	int links = uniform_links(mesh);
	int rings = links < 0 ? -1 : gt_ring_count_uniform(mesh->n, links);

	if (rings >= 0)
		return rings;
	for (rings = gt_mesh_min_degree(mesh); rings > 0; rings--) {
		if (can_pack(mesh, rings, steps))
			break;
		if (*steps < 0)
			return 0;
	}
	return rings;
}

/* ---- one ring through members ---- */

struct relay {
	int n;
	long *steps;
	const struct gt_mesh *mesh;
	uint8_t arc[GT_MESH_MAX][GT_MESH_MAX];
};

static bool relay_from(struct relay *r, int at, unsigned visited);

static bool relay_hop(struct relay *r, int to, unsigned visited)
{
	bool closed = visited == (1u << r->n) - 1;

	return closed || relay_from(r, to, visited | 1u << to);
}

/* Go from at to `to`, over their link or else through any one member, and on from there.
 */
static bool relay_to(struct relay *r, int at, int to, unsigned visited)
{
	bool done = false;

	if (r->mesh->link[at][to]) {
		if (!r->arc[at][to])
			return false;
		r->arc[at][to]--;
		done = relay_hop(r, to, visited);
		r->arc[at][to]++;
		return done;
	}
	for (int via = 0; via < r->n && !done; via++) {
		if (via == at || via == to || !r->arc[at][via] || !r->arc[via][to])
			continue;
		r->arc[at][via]--;
		r->arc[via][to]--;
		done = relay_hop(r, to, visited);
		r->arc[at][via]++;
		r->arc[via][to]++;
	}
	return done;
}

static bool relay_from(struct relay *r, int at, unsigned visited)
{
	bool last = visited == (1u << r->n) - 1;

	if (--*r->steps < 0)
		return false;
	if (last)
		return relay_to(r, at, 0, visited);
	for (int to = 1; to < r->n; to++)
		if (!(visited >> to & 1) && relay_to(r, at, to, visited))
			return true;
	return false;
}

bool gt_ring_relayed(const struct gt_mesh *mesh, long *steps)
{
	struct relay r = {.n = mesh->n, .steps = steps, .mesh = mesh};

	if (mesh->n < 2)
		return false;
	memcpy(r.arc, mesh->link, sizeof(r.arc));
	return relay_from(&r, 0, 1);
}
