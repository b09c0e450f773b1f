/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The truth about small machines, by plain enumeration without the library. */
#include "oracle.h"

#include <string.h>

int oracle_size(unsigned set)
{
	int size = 0;

	for (; set; set >>= 1)
		size += set & 1;
	return size;
}

/* The members of the set, lowest first; returns how many. */
static int members(unsigned set, int *gpu)
{
	int k = 0;

	for (int i = 0; i < ORACLE_MAX; i++)
		if (set >> i & 1)
			gpu[k++] = i;
	return k;
}

/* Links between the members count only if some group holds them all. */
static bool links_count(const struct oracle_graph *g, unsigned set)
{
	for (int i = 0; i < g->groups; i++)
		if ((set & ~g->group[i]) == 0)
			return true;
	return g->groups == 0;
}

/* Are all members on one switch? Is any of them on one? */
static bool one_island(const struct oracle_graph *g, const int *gpu, int k)
{
	for (int i = 0; i < k; i++)
		if (g->island[gpu[i]] < 0 || g->ports[gpu[i]] == 0 ||
		    g->island[gpu[i]] != g->island[gpu[0]])
			return false;
	return true;
}

static bool some_island(const struct oracle_graph *g, const int *gpu, int k)
{
	for (int i = 0; i < k; i++)
		if (g->island[gpu[i]] >= 0 && g->ports[gpu[i]] > 0)
			return true;
	return false;
}

static int least_ports(const struct oracle_graph *g, const int *gpu, int k)
{
	int least = g->ports[gpu[0]];

	for (int i = 1; i < k; i++)
		if (g->ports[gpu[i]] < least)
			least = g->ports[gpu[i]];
	return least;
}

static int set_link_mbps(const struct oracle_graph *g, const int *gpu, int k)
{
	int least = g->link_mbps[gpu[0]];

	for (int i = 1; i < k; i++)
		if (g->link_mbps[gpu[i]] < least)
			least = g->link_mbps[gpu[i]];
	return least;
}

/* ---- R: pack Hamiltonian cycles ---- */

struct packing {
	int k;
	int left[ORACLE_MAX][ORACLE_MAX];     /* arcs not used yet */
	int ring[ORACLE_MAX * 8][ORACLE_MAX]; /* cycle number, position -> vertex */
};

/* What `want` cycles need of every vertex set X that holds vertex 0: each cycle leaves X
 * and enters it, and visits each side in at most as many stretches as the other side has
 * vertices, so that it has at least |X| - |others| arcs inside X and the same the other
 * way round. */
static bool room_for(const struct packing *p, int want)
{
	for (unsigned x = 1; x + 1 < 1u << p->k; x += 2) {
		int out = 0, in = 0, inside = 0, outside = 0, size = oracle_size(x);

		for (int i = 0; i < p->k; i++)
			for (int j = 0; j < p->k; j++) {
				if (x >> i & 1)
					*(x >> j & 1 ? &inside : &out) += p->left[i][j];
				else
					*(x >> j & 1 ? &in : &outside) += p->left[i][j];
			}
		if (out < want || in < want || inside < want * (2 * size - p->k) ||
		    outside < want * (p->k - 2 * size))
			return false;
	}
	return true;
}

static bool pack(struct packing *p, int done, int want);

/* Try every way to go on with cycle number `done` from position `at`. The order in which
 * cycles are found does not matter, so a cycle never sorts before the one found before:
 * `same` is true while it equals that one so far. */
static bool extend(struct packing *p, int done, int want, int at, unsigned seen,
		   bool same)
{
	int *ring = p->ring[done];
	int here = ring[at - 1];
	bool found = false;

	if (at == p->k) {
		if (p->left[here][0] == 0)
			return false;
		p->left[here][0]--;
		found = pack(p, done + 1, want - 1);
		p->left[here][0]++;
		return found;
	}
	for (int v = same ? p->ring[done - 1][at] : 1; v < p->k && !found; v++) {
		if (seen >> v & 1 || p->left[here][v] == 0)
			continue;
		ring[at] = v;
		p->left[here][v]--;
		found = extend(p, done, want, at + 1, seen | 1u << v,
			       same && v == p->ring[done - 1][at]);
		p->left[here][v]++;
	}
	return found;
}

static bool pack(struct packing *p, int done, int want)
{
	if (want == 0)
		return true;
	if (!room_for(p, want))
		return false;
	p->ring[done][0] = 0;
	return extend(p, done, want, 1, 1, done > 0);
}

int oracle_rings(const struct oracle_graph *g, unsigned set)
{
	struct packing p;
	int gpu[ORACLE_MAX], k = members(set, gpu), want = 0;

	if (k < 2 || !links_count(g, set))
		return 0;
	if (one_island(g, gpu, k))
		return least_ports(g, gpu, k);
	if (some_island(g, gpu, k))
		return 0;
	if (k == 2)
		return g->links[gpu[0]][gpu[1]];
	p.k = k;
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			p.left[i][j] = i == j ? 0 : g->links[gpu[i]][gpu[j]];
	for (int j = 0; j < k; j++)
		want += p.left[0][j];
	while (want > 0 && !pack(&p, 0, want))
		want--;
	return want;
}

/* ---- tau: all partitions ---- */

struct partition {
	int k;
	int links[ORACLE_MAX][ORACLE_MAX];
	int part[ORACLE_MAX]; /* vertex -> its part */
	int num, den;	      /* the best ratio so far; den 0: none */
};

/* Give vertex v a part and go on; parts are numbered in the order they appear. */
static void assign(struct partition *p, int v, int parts, int crossing)
{
	if (v == p->k) {
		if (parts > 1 &&
		    (p->den == 0 || crossing * p->den < p->num * (parts - 1))) {
			p->num = crossing;
			p->den = parts - 1;
		}
		return;
	}
	for (int part = 0; part <= parts; part++) {
		int more = 0;

		for (int u = 0; u < v; u++)
			if (p->part[u] != part)
				more += p->links[u][v];
		p->part[v] = part;
		assign(p, v + 1, part == parts ? parts + 1 : parts, crossing + more);
	}
}

void oracle_tau(const struct oracle_graph *g, unsigned set, int *num, int *den)
{
	struct partition p = {0};
	int gpu[ORACLE_MAX], k = members(set, gpu);

	*num = 0;
	*den = 1;
	if (k < 2 || !links_count(g, set))
		return;
	if (one_island(g, gpu, k)) {
		*num = least_ports(g, gpu, k);
		return;
	}
	if (some_island(g, gpu, k))
		return;
	p.k = k;
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			p.links[i][j] = g->links[gpu[i]][gpu[j]];
	assign(&p, 0, 0, 0);
	*num = p.num;
	*den = p.den;
}

/* ---- P and Q: all Hamiltonian cycles ---- */

/* One hop between two members, by links or without. */
static int hop_mbps(const struct oracle_graph *g, int a, int b, int link_mbps, bool count)
{
	int links = !count ? 0 : g->links[a][b];

	if (count && g->island[a] >= 0 && g->island[a] == g->island[b])
		links = g->ports[a] < g->ports[b] ? g->ports[a] : g->ports[b];
	return links * link_mbps > g->path_mbps[a][b] ? links * link_mbps
						      : g->path_mbps[a][b];
}

/* The rate of a ring whose hops share ways over PCIe: the rate of a way is its bandwidth
 * over the transfers that pass it in one direction. */
static int shared_mbps(const struct oracle_graph *g, const int *ring, int k, bool count)
{
	int least = 1 << 30;

	for (int s = 0; s < g->shared; s++) {
		int up = 0, down = 0, most;

		for (int i = 0; i < k; i++) {
			int a = ring[i], b = ring[(i + 1) % k];
			bool from = g->share[s].gpus >> a & 1,
			     to = g->share[s].gpus >> b & 1;

			if (count &&
			    (g->links[a][b] > 0 ||
			     (g->island[a] >= 0 && g->island[a] == g->island[b])))
				continue;
			if (g->share[s].memory && !g->copies)
				continue;
			up += from && (g->copies || !to);
			down += to && (g->copies || !from);
		}
		most = up > down ? up : down;
		if (most && g->share[s].mbps / most < least)
			least = g->share[s].mbps / most;
	}
	return least;
}

struct cycle {
	const struct oracle_graph *g;
	const int *gpu;
	bool count;
	int ring[ORACLE_MAX], length;
	int k;
	int hop[ORACLE_MAX][ORACLE_MAX];
	int best;
};

static void widest(struct cycle *c, int here, unsigned seen, int narrowest)
{
	if (narrowest <= c->best)
		return;
	c->ring[c->length++] = c->gpu[here];
	if (seen + 1 == 1u << c->k) {
		int shared = shared_mbps(c->g, c->ring, c->k, c->count);

		if (c->hop[here][0] < narrowest)
			narrowest = c->hop[here][0];
		if (shared < narrowest)
			narrowest = shared;
		if (narrowest > c->best)
			c->best = narrowest;
		c->length--;
		return;
	}
	for (int v = 1; v < c->k; v++)
		if (!(seen >> v & 1))
			widest(c, v, seen | 1u << v,
			       c->hop[here][v] < narrowest ? c->hop[here][v] : narrowest);
	c->length--;
}

int oracle_path(const struct oracle_graph *g, unsigned set)
{
	struct cycle c = {0};
	int gpu[ORACLE_MAX], k = members(set, gpu);

	if (k < 2)
		return 0;
	c.k = k;
	c.g = g;
	c.gpu = gpu;
	c.count = links_count(g, set);
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			c.hop[i][j] =
				hop_mbps(g, gpu[i], gpu[j], set_link_mbps(g, gpu, k),
					 links_count(g, set));
	widest(&c, 0, 1, 1 << 30);
	return c.best;
}

/* Use one arc from a to b and go on with the ring at b; see oracle_relayed. */
static bool ring_on(struct packing *p, int here, unsigned seen);

static bool hop(struct packing *p, int a, int b, unsigned seen)
{
	bool found = false;

	if (p->left[a][b] > 0) {
		p->left[a][b]--;
		found = seen + 1 == 1u << p->k && b == 0 ? true : ring_on(p, b, seen);
		p->left[a][b]++;
	}
	return found;
}

/* links without their use so far: is there any link at all between the two? */
static bool linked(const struct packing *p, int a, int b)
{
	return p->ring[a][b] > 0;
}

static bool ring_on(struct packing *p, int here, unsigned seen)
{
	bool all = seen + 1 == 1u << p->k;

	for (int v = all ? 0 : 1; v < (all ? 1 : p->k); v++) {
		unsigned now = seen | 1u << v;

		if (!all && seen >> v & 1)
			continue;
		if (linked(p, here, v)) {
			if (hop(p, here, v, now))
				return true;
			continue;
		}
		for (int relay = 0; relay < p->k; relay++) {
			bool found = false;

			if (relay == here || relay == v || p->left[here][relay] == 0)
				continue;
			p->left[here][relay]--;
			found = hop(p, relay, v, now);
			p->left[here][relay]++;
			if (found)
				return true;
		}
	}
	return false;
}

bool oracle_relayed(const struct oracle_graph *g, unsigned set)
{
	struct packing p;
	int gpu[ORACLE_MAX], k = members(set, gpu);

	if (k < 2 || !links_count(g, set) || some_island(g, gpu, k))
		return false;
	p.k = k;
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			p.left[i][j] = p.ring[i][j] = g->links[gpu[i]][gpu[j]];
	return ring_on(&p, 0, 1);
}

/* ---- the value of a set ---- */

static int distinct(const int *what, const int *gpu, int k)
{
	int count = 0;

	for (int i = 0; i < k; i++) {
		bool seen = false;

		for (int j = 0; j < i; j++)
			seen = seen || what[gpu[j]] == what[gpu[i]];
		count += !seen;
	}
	return count;
}

static void add_pairs(const struct oracle_graph *g, const int *gpu, int k, bool count,
		      struct oracle_value *v)
{
	for (int i = 0; i < k; i++)
		for (int j = i + 1; j < k; j++) {
			int slower = g->link_mbps[gpu[i]] < g->link_mbps[gpu[j]]
					     ? g->link_mbps[gpu[i]]
					     : g->link_mbps[gpu[j]];
			int mbps = hop_mbps(g, gpu[i], gpu[j], slower, count);

			v->pair_sum_mbps += mbps;
			if (v->bottleneck_mbps == 0 || mbps < v->bottleneck_mbps)
				v->bottleneck_mbps = mbps;
		}
}

/* What a switch reduces by itself: 2 (k - 1) / k x links x what a link carries. */
static int in_switch(const struct oracle_graph *g, unsigned set)
{
	int gpu[ORACLE_MAX], k = members(set, gpu);
	long least;

	if (k < 2 || !links_count(g, set) || !one_island(g, gpu, k))
		return 0;
	least = g->reduce_mbps[gpu[0]];
	for (int i = 0; i < k; i++) {
		if (g->reduce_mbps[gpu[i]] == 0 || k < g->reduce_from[gpu[i]])
			return 0;
		if (g->reduce_mbps[gpu[i]] < least)
			least = g->reduce_mbps[gpu[i]];
	}
	return (int)(2 * (k - 1) * least * least_ports(g, gpu, k) / k);
}

void oracle_value(const struct oracle_graph *g, unsigned set, struct oracle_value *v)
{
	int gpu[ORACLE_MAX], k = members(set, gpu);

	memset(v, 0, sizeof(*v));
	v->tau_den = 1;
	if (k == 0)
		return;
	for (int i = 0; i < k; i++)
		v->broken += g->broken[gpu[i]];
	v->link_mbps = set_link_mbps(g, gpu, k);
	v->sockets = distinct(g->socket, gpu, k);
	v->roots = distinct(g->root, gpu, k);
	if (k == 1)
		return;
	v->rings = oracle_rings(g, set);
	oracle_tau(g, set, &v->tau_num, &v->tau_den);
	v->busbw_mbps = v->rings * v->link_mbps;
	if (in_switch(g, set) > v->busbw_mbps)
		v->busbw_mbps = in_switch(g, set);
	if (v->rings == 0) {
		v->path_mbps = oracle_path(g, set);
		v->relayed = oracle_relayed(g, set);
		v->busbw_mbps = v->path_mbps;
		if (v->relayed && v->link_mbps > v->path_mbps)
			v->busbw_mbps = v->link_mbps;
	}
	add_pairs(g, gpu, k, links_count(g, set), v);
}

static int sign(long d)
{
	return d > 0 ? 1 : d < 0 ? -1 : 0;
}

int oracle_compare(const struct oracle_value *a, const struct oracle_value *b)
{
	if (a->broken != b->broken)
		return sign(b->broken - a->broken);
	if (a->rings * a->link_mbps != b->rings * b->link_mbps)
		return sign(a->rings * a->link_mbps - b->rings * b->link_mbps);
	if (a->tau_num * b->tau_den != b->tau_num * a->tau_den)
		return sign(a->tau_num * b->tau_den - b->tau_num * a->tau_den);
	return sign(a->path_mbps - b->path_mbps);
}

/* ---- all-to-all and groups ---- */

/* Over which kind of way do the two talk in an all-to-all? 0: links of their own, 1: a
 * switch, 2: PCIe. */
static int kind_of_way(const struct oracle_graph *g, unsigned set, int a, int b)
{
	if (!links_count(g, set))
		return 2;
	if (g->island[a] >= 0 && g->island[a] == g->island[b])
		return 1;
	return g->links[a][b] > 0 ? 0 : 2;
}

static int partners(const struct oracle_graph *g, unsigned set, int a, int kind)
{
	int count = 0;

	for (int b = 0; b < g->n; b++)
		if (b != a && (set >> b & 1) && kind_of_way(g, set, a, b) == kind)
			count++;
	return count;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double pair_rate(const struct oracle_graph *g, unsigned set, int a, int b)
{
	int kind = kind_of_way(g, set, a, b);
	double w = smaller(g->link_mbps[a], g->link_mbps[b]);
	double sharing = larger(partners(g, set, a, kind), partners(g, set, b, kind));

	if (kind == 0)
		return g->links[a][b] * w;
	if (kind == 1)
		return smaller(g->ports[a], g->ports[b]) * w / sharing;
	return g->path_mbps[a][b] / sharing;
}

double oracle_alltoall(const struct oracle_graph *g, unsigned set)
{
	int k = oracle_size(set);
	double slowest = ORACLE_INFINITE;

	if (k < 2)
		return 0;
	for (int a = 0; a < g->n; a++)
		for (int b = 0; b < g->n; b++)
			if (a != b && (set >> a & 1) && (set >> b & 1))
				slowest = smaller(slowest, pair_rate(g, set, a, b));
	for (int s = 0; s < g->shared; s++) {
		int pairs = 0;

		for (int a = 0; a < g->n; a++)
			for (int b = 0; b < g->n; b++)
				pairs += a != b && (set >> a & 1) && (set >> b & 1) &&
					 (g->share[s].gpus >> a & 1) &&
					 (g->copies || !(g->share[s].gpus >> b & 1)) &&
					 (g->copies || !g->share[s].memory) &&
					 kind_of_way(g, set, a, b) == 2;
		if (pairs)
			slowest = smaller(slowest, (double)g->share[s].mbps / pairs);
	}
	return (k - 1) * slowest;
}

double oracle_group_mbps(void *of, const struct oracle_graph *g, unsigned set,
			 bool alltoall)
{
	struct oracle_value v;

	(void)of;
	if (oracle_size(set) < 2)
		return ORACLE_INFINITE;
	if (alltoall)
		return oracle_alltoall(g, set);
	oracle_value(g, set, &v);
	return v.busbw_mbps;
}

struct cutting {
	const struct oracle_graph *g;
	const struct oracle_shape *shape;
	oracle_group *worth;
	void *of;
	struct oracle_parts now, *best;
	bool any;
};

/* The bandwidth of a pair, whatever group it is in. */
static double pair_mbps(const struct oracle_graph *g, int a, int b)
{
	double w = smaller(g->link_mbps[a], g->link_mbps[b]), links = g->links[a][b];

	if (g->island[a] >= 0 && g->island[a] == g->island[b])
		links = smaller(g->ports[a], g->ports[b]);
	return larger(links * w, g->path_mbps[a][b]);
}

static double between(const struct oracle_graph *g, unsigned x, unsigned y)
{
	double sum = 0;

	for (int a = 0; a < g->n; a++)
		for (int b = 0; b < g->n; b++)
			if ((x >> a & 1) && (y >> b & 1))
				sum += pair_mbps(g, a, b);
	return sum;
}

/* All groups stand in now.part: sort them, and keep the partition if it is the best. */
static void judge(struct cutting *c)
{
	int m = c->shape->groups;

	c->now.transfer = ORACLE_INFINITE;
	for (int i = 0; i < m; i++) {
		double worth = c->worth(c->of, c->g, c->now.part[i], c->shape->alltoall);
		int at = i;

		for (; at > 0 && c->now.group[at - 1] > worth; at--)
			c->now.group[at] = c->now.group[at - 1];
		c->now.group[at] = worth;
		if (i > 0)
			c->now.transfer =
				smaller(c->now.transfer, between(c->g, c->now.part[i - 1],
								 c->now.part[i]));
	}
	if (!c->any || oracle_compare_parts(c->shape, &c->now, c->best) > 0)
		*c->best = c->now;
	c->any = true;
}

static void cut(struct cutting *c, int group, unsigned left)
{
	if (group == c->shape->groups) {
		judge(c);
		return;
	}
	for (unsigned s = left; s; s = (s - 1) & left) {
		if (oracle_size(s) != c->shape->size[group])
			continue;
		c->now.part[group] = s;
		cut(c, group + 1, left & ~s);
	}
}

void oracle_partition(const struct oracle_graph *g, const struct oracle_shape *shape,
		      unsigned set, oracle_group *worth, void *of,
		      struct oracle_parts *best)
{
	struct cutting c = {
		.g = g, .shape = shape, .worth = worth, .of = of, .best = best};

	cut(&c, 0, set);
}

int oracle_compare_parts(const struct oracle_shape *shape, const struct oracle_parts *a,
			 const struct oracle_parts *b)
{
	for (int i = 0; i < shape->groups; i++)
		if (a->group[i] - b->group[i] > 1e-4 || b->group[i] - a->group[i] > 1e-4)
			return a->group[i] > b->group[i] ? 1 : -1;
	if (a->transfer != b->transfer)
		return a->transfer > b->transfer ? 1 : -1;
	return 0;
}

/* ---- tables ---- */

static double worth(const struct oracle_table *t, unsigned set, int ringless_mbps)
{
	if (oracle_size(set) < 2)
		return 0;
	if (t->value[set].rings == 0 && ringless_mbps > 0)
		return ringless_mbps;
	return t->value[set].busbw_mbps;
}

/* h(F): a job of each size comes, gets its best set, and what is then left is worth h.
 * Every proper subset of F is a smaller number, so it is known already. */
static double value_of_free(const struct oracle_table *t, unsigned f, int ringless_mbps)
{
	double best[ORACLE_MAX + 1] = {0}, sum = 0;

	for (unsigned s = f; s; s = (s - 1) & f) {
		int k = oracle_size(s);
		double v = t->h[f & ~s];

		if (t->best_mbps[k] > 0)
			v += worth(t, s, ringless_mbps) / t->best_mbps[k];
		if (v > best[k])
			best[k] = v;
	}
	for (int k = 1; k <= t->n; k++)
		sum += t->mix[k] * best[k];
	return sum;
}

void oracle_fill(struct oracle_table *t, const struct oracle_graph *g,
		 const unsigned *mix, int ringless_mbps)
{
	double total = 0;

	memset(t, 0, sizeof(*t));
	t->n = g->n;
	for (unsigned s = 0; s < 1u << g->n; s++) {
		int k = oracle_size(s);

		oracle_value(g, s, &t->value[s]);
		if (worth(t, s, ringless_mbps) > t->best_mbps[k])
			t->best_mbps[k] = worth(t, s, ringless_mbps);
	}
	if (!mix)
		return;
	for (int k = 1; k <= 64; k++)
		total += mix[k];
	for (int k = 1; k <= g->n; k++)
		t->mix[k] = mix[k] / total;
	for (unsigned f = 1; f < 1u << g->n; f++)
		t->h[f] = value_of_free(t, f, ringless_mbps);
}

double oracle_expected(const struct oracle_table *t, unsigned left,
		       const unsigned *running, int jobs, double q)
{
	double sum = 0;

	for (unsigned ended = 0; ended < 1u << jobs; ended++) {
		unsigned free = left;
		double chance = 1;

		for (int j = 0; j < jobs; j++) {
			chance *= ended >> j & 1 ? q : 1 - q;
			if (ended >> j & 1)
				free |= running[j];
		}
		sum += chance * t->h[free];
	}
	return sum;
}

unsigned oracle_best(const struct oracle_table *t, unsigned free, int k)
{
	unsigned best = 0;

	for (unsigned s = 1; s < 1u << t->n; s++)
		if ((s & ~free) == 0 && oracle_size(s) == k &&
		    (best == 0 || oracle_compare(&t->value[s], &t->value[best]) > 0))
			best = s;
	return best;
}
