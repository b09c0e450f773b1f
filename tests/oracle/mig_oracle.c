/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances by brute force. */
#include "mig_oracle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
	if (!memory) {
		fputs("oracle: out of memory\n", stderr);
		abort();
	}
	return memory;
}

/* ---- one GPU as a list ---- */

struct one {
	int holds[OM_UNITS];
};

static void empty(struct one *g)
{
	for (int u = 0; u < OM_UNITS; u++)
		g->holds[u] = -1;
}

static uint16_t units_of(const struct om_table *t, const int *holds)
{
	uint16_t mask = 0;

	for (int u = 0; u < OM_UNITS; u++)
		for (int i = 0; holds[u] >= 0 && i < t->profile[holds[u]].size; i++)
			mask |= (uint16_t)(1 << (u + i));
	return mask;
}

static bool may_join(const struct om_table *t, const int *holds, int profile, int start,
		     bool without_compute)
{
	const struct om_profile *p = &t->profile[profile];
	int same = 0, compute = p->compute;
	uint16_t own = 0;

	if (start < 0 || start >= t->units || !p->start[start])
		return false;
	for (int i = 0; i < p->size; i++) {
		if (start + i >= t->units)
			return false;
		own |= (uint16_t)(1 << (start + i));
	}
	if (units_of(t, holds) & own)
		return false;
	for (int u = 0; u < OM_UNITS; u++)
		if (holds[u] >= 0) {
			same += holds[u] == profile;
			compute += t->profile[holds[u]].compute;
		}
	return same < p->max && (without_compute || compute <= t->compute);
}

/* ---- counting ---- */

struct counting {
	const struct om_table *t;
	bool without_compute;
	struct om_counts *counts;
	bool seen[1 << OM_UNITS];
};

static void count_set(struct counting *c, const struct one *g)
{
	struct om_counts *n = c->counts;
	int compute = 0, have[OM_PROFILES] = {0};
	bool maximal = true;
	uint16_t mask = units_of(c->t, g->holds);

	for (int u = 0; u < OM_UNITS; u++)
		if (g->holds[u] >= 0) {
			compute += c->t->profile[g->holds[u]].compute;
			have[g->holds[u]]++;
		}
	for (int p = 0; p < c->t->profiles; p++) {
		n->most[p] = have[p] > n->most[p] ? have[p] : n->most[p];
		for (int s = 0; s < c->t->units && maximal; s++)
			maximal = !may_join(c->t, g->holds, p, s, c->without_compute);
	}
	n->sets++;
	n->masks += !c->seen[mask];
	c->seen[mask] = true;
	n->maximal += maximal;
	n->most_compute = compute > n->most_compute ? compute : n->most_compute;
}

static void count_from(struct counting *c, struct one *g, int place)
{
	int p = place / OM_UNITS, s = place % OM_UNITS;

	if (p == c->t->profiles) {
		count_set(c, g);
		return;
	}
	count_from(c, g, place + 1);
	if (g->holds[s] < 0 && may_join(c->t, g->holds, p, s, c->without_compute)) {
		g->holds[s] = p;
		count_from(c, g, place + 1);
		g->holds[s] = -1;
	}
}

void om_count(const struct om_table *t, bool without_compute, struct om_counts *counts)
{
	struct counting *c = need(calloc(1, sizeof(*c)));
	struct one g;

	memset(counts, 0, sizeof(*counts));
	c->t = t;
	c->without_compute = without_compute;
	c->counts = counts;
	empty(&g);
	count_from(c, &g, 0);
	free(c);
}

/* ---- a fleet ---- */

void om_fleet_init(struct om_fleet *f, const struct om_table *t, int gpus)
{
	f->table = t;
	f->gpus = gpus;
	for (int g = 0; g < OM_GPUS; g++)
		for (int u = 0; u < OM_UNITS; u++)
			f->holds[g][u] = -1;
}

bool om_legal(const struct om_fleet *f, int gpu, int profile, int start)
{
	return gpu >= 0 && gpu < f->gpus && profile >= 0 &&
	       profile < f->table->profiles &&
	       may_join(f->table, f->holds[gpu], profile, start, false);
}

uint16_t om_mask(const struct om_fleet *f, int gpu)
{
	return units_of(f->table, f->holds[gpu]);
}

int om_used(const struct om_fleet *f, int gpu)
{
	int n = 0;

	for (int u = 0; u < OM_UNITS; u++)
		n += om_mask(f, gpu) >> u & 1;
	return n;
}

/* ---- what policies look at ---- */

/* Profiles with the same geometry count as one: kin[p] is the first of them. */
struct om_mind {
	const struct om_table *t;
	int kin[OM_PROFILES];
	int kinds;
	double share[OM_PROFILES];    /* of a kin */
	double *blocked[OM_PROFILES]; /* by set of places of kin; NAN: not yet known */
	int place[OM_PROFILES][OM_UNITS];
	int places;
};

static bool alike(const struct om_profile *a, const struct om_profile *b)
{
	return a->size == b->size && a->compute == b->compute &&
	       !memcmp(a->start, b->start, sizeof(a->start));
}

struct om_mind *om_mind_new(const struct om_table *t, const double *weight)
{
	struct om_mind *m = need(calloc(1, sizeof(*m)));
	double total = 0;

	m->t = t;
	for (int p = 0; p < t->profiles; p++) {
		m->kin[p] = 0;
		while (!alike(&t->profile[m->kin[p]], &t->profile[p]))
			m->kin[p]++;
		m->kinds += m->kin[p] == p;
		m->share[m->kin[p]] += weight ? weight[p] : 0;
		total += weight ? weight[p] : 0;
		for (int s = 0; s < t->units && m->kin[p] == p; s++)
			if (t->profile[p].start[s])
				m->place[p][s] = m->places++;
	}
	for (int p = 0; p < t->profiles; p++)
		if (m->kin[p] == p)
			m->share[p] = weight ? m->share[p] / total : 1.0 / m->kinds;
	for (int p = 0; p < t->profiles; p++)
		if (m->kin[p] == p) {
			m->blocked[p] = need(malloc(sizeof(double) << m->places));
			for (long i = 0; i < 1L << m->places; i++)
				m->blocked[p][i] = NAN;
		}
	return m;
}

void om_mind_free(struct om_mind *m)
{
	for (int p = 0; p < OM_PROFILES; p++)
		free(m->blocked[p]);
	free(m);
}

/* Whether a kin fits by its geometry, whatever maxima its profiles have. */
static bool fits_kin(const struct om_mind *m, const int *holds, int kin)
{
	struct om_profile alone = m->t->profile[kin];
	struct om_table t = *m->t;
	int plain[OM_UNITS];

	alone.max = OM_UNITS;
	t.profile[kin] = alone;
	for (int u = 0; u < OM_UNITS; u++)
		plain[u] = holds[u] < 0 ? -1 : m->kin[holds[u]];
	for (int s = 0; s < t.units; s++)
		if (may_join(&t, plain, kin, s, false))
			return true;
	return false;
}

/* Units that instances of a kin can still reach. */
static uint16_t reach(const struct om_mind *m, const int *holds, int kin)
{
	struct om_table t = *m->t;
	int plain[OM_UNITS];
	uint16_t mask = 0;

	t.profile[kin].max = OM_UNITS;
	for (int u = 0; u < OM_UNITS; u++)
		plain[u] = holds[u] < 0 ? -1 : m->kin[holds[u]];
	for (int s = 0; s < t.units; s++)
		if (may_join(&t, plain, kin, s, false))
			mask |= (uint16_t)(((1 << t.profile[kin].size) - 1) << s);
	return mask;
}

static double stranded(const struct om_mind *m, const int *holds, bool believed)
{
	struct one nothing;
	double sum = 0;

	empty(&nothing);
	for (int p = 0; p < m->t->profiles; p++) {
		uint16_t lost;
		double share = believed ? m->share[p] : m->share[p] / 2 + 0.5 / m->kinds;

		if (m->kin[p] != p)
			continue;
		lost = (uint16_t)(reach(m, nothing.holds, p) & ~units_of(m->t, holds) &
				  ~reach(m, holds, p));
		for (int u = 0; u < OM_UNITS; u++)
			sum += share * (lost >> u & 1);
	}
	return sum;
}

double om_stranded(const struct om_mind *m, const struct om_fleet *f, int gpu)
{
	return stranded(m, f->holds[gpu], true);
}

static long set_of(const struct om_mind *m, const int *holds)
{
	long set = 0;

	for (int u = 0; u < OM_UNITS; u++)
		if (holds[u] >= 0)
			set |= 1L << m->place[m->kin[holds[u]]][u];
	return set;
}

/* Expected time until a kin fits while instances end at rate 1 each and none comes. */
static double blocked(struct om_mind *m, int *holds, int kin)
{
	double *known = &m->blocked[kin][set_of(m, holds)], sum = 0;
	int n = 0;

	if (!isnan(*known))
		return *known;
	if (fits_kin(m, holds, kin))
		return *known = 0;
	for (int u = 0; u < OM_UNITS; u++)
		n += holds[u] >= 0;
	for (int u = 0; u < OM_UNITS; u++) {
		int held = holds[u];

		if (held < 0)
			continue;
		holds[u] = -1;
		sum += blocked(m, holds, kin) / n;
		holds[u] = held;
	}
	return *known = 1.0 / n + sum;
}

static double value(struct om_mind *m, int *holds)
{
	double sum = 0;

	for (int p = 0; p < m->t->profiles; p++)
		if (m->kin[p] == p) {
			double part = (double)m->t->profile[p].size / m->t->units;

			sum -= (m->share[p] / 2 + 0.5 / m->kinds) * part * part * part *
			       part * blocked(m, holds, p);
		}
	return sum;
}

/* Places of any kin that stay possible. */
static int places_left(const struct om_mind *m, const int *holds)
{
	struct om_table t = *m->t;
	int plain[OM_UNITS], n = 0;

	for (int u = 0; u < OM_UNITS; u++)
		plain[u] = holds[u] < 0 ? -1 : m->kin[holds[u]];
	for (int p = 0; p < t.profiles; p++)
		t.profile[p].max = OM_UNITS;
	for (int p = 0; p < t.profiles; p++)
		for (int s = 0; s < t.units && m->kin[p] == p; s++)
			n += may_join(&t, plain, p, s, false);
	return n;
}

static bool same_size(const struct om_mind *m, const int *holds, int profile)
{
	for (int u = 0; u < OM_UNITS; u++)
		if (holds[u] >= 0 && m->kin[holds[u]] != m->kin[profile])
			return false;
	return true;
}

/* Three figures, compared in this order. */
struct merit {
	double first;
	int used;
	int left;
};

static struct merit judge(struct om_mind *m, const struct om_fleet *f,
			  enum om_policy policy, int gpu, int profile, int start)
{
	int before[OM_UNITS], after[OM_UNITS];
	int used = om_used(f, gpu);
	struct merit merit = {0, used, 0};

	memcpy(before, f->holds[gpu], sizeof(before));
	memcpy(after, before, sizeof(after));
	after[start] = profile;
	if (policy == OM_LOOKAHEAD)
		merit.first = value(m, after) - value(m, before);
	if (policy == OM_FRAG)
		merit.first = 0.3 * used + stranded(m, before, false) -
			      stranded(m, after, false);
	if (policy == OM_SPREAD)
		merit.first = -used;
	if (policy == OM_FIRST || policy == OM_DRIVER) {
		merit.first = -gpu;
		merit.used = 0;
	}
	if (policy != OM_FIRST)
		merit.left = places_left(m, after);
	return merit;
}

/* Places on other GPUs tie on what is left. */
static bool is_better(struct merit a, struct merit b, bool same_gpu)
{
	if (fabs(a.first - b.first) > 1e-9)
		return a.first > b.first;
	if (a.used != b.used)
		return a.used > b.used;
	return same_gpu && a.left > b.left;
}

bool om_place(struct om_mind *m, const struct om_fleet *f, enum om_policy policy,
	      int profile, int *gpu, int *start, double *margin)
{
	struct merit best = {0};
	bool found = false;

	*margin = INFINITY;
	for (int g = 0; g < f->gpus; g++)
		for (int s = 0; s < f->table->units; s++) {
			struct merit merit;

			if (!om_legal(f, g, profile, s) ||
			    (policy == OM_SAME && !same_size(m, f->holds[g], profile)))
				continue;
			merit = judge(m, f, policy, g, profile, s);
			if (!found || is_better(merit, best, g == *gpu)) {
				best = merit;
				*gpu = g;
				*start = s;
				found = true;
			}
		}
	for (int g = 0; found && g < f->gpus; g++)
		for (int s = 0; s < f->table->units; s++)
			if (om_legal(f, g, profile, s)) {
				double off =
					fabs(best.first -
					     judge(m, f, policy, g, profile, s).first);

				if (off > 1e-9 && off < *margin)
					*margin = off;
			}
	return found;
}

/* ---- plans ---- */

struct vectors {
	const struct om_table *t;
	int *list;
	int count, room;
};

static void keep_vector(struct vectors *v, const int *counts)
{
	int n = v->t->profiles;

	for (int i = 0; i < v->count; i++)
		if (!memcmp(v->list + i * n, counts, sizeof(int) * (size_t)n))
			return;
	if (v->count == v->room) {
		v->room = v->room * 2 + 64;
		v->list = need(realloc(v->list, sizeof(int) * (size_t)(v->room * n)));
	}
	memcpy(v->list + v->count++ * n, counts, sizeof(int) * (size_t)n);
}

static void find_vectors(struct vectors *v, struct one *g, int *counts, int unit)
{
	if (unit == v->t->units) {
		keep_vector(v, counts);
		return;
	}
	find_vectors(v, g, counts, unit + 1);
	for (int p = 0; p < v->t->profiles; p++) {
		if (!may_join(v->t, g->holds, p, unit, false))
			continue;
		g->holds[unit] = p;
		counts[p]++;
		find_vectors(v, g, counts, unit + 1);
		counts[p]--;
		g->holds[unit] = -1;
	}
}

int *om_vectors(const struct om_table *t, int *vectors)
{
	struct vectors v = {.t = t};
	int counts[OM_PROFILES] = {0};
	struct one g;

	empty(&g);
	find_vectors(&v, &g, counts, 0);
	*vectors = v.count;
	return v.list;
}

/* What one GPU can deliver: counts, and the most instances that stay with these counts.
 */
struct option {
	int counts[OM_PROFILES];
	int kept;
};

struct planning {
	const struct om_table *t;
	const int *demand;
	struct option *option[OM_GPUS + 1]; /* the last: a GPU without anything */
	int options[OM_GPUS + 1];
	int gpus;
	long cells;
	int *memo; /* [gpu][used][rest]: most kept, -1 impossible, -2 unknown */
	int most_used;
};

static void keep_option(struct planning *s, int gpu, const int *counts, int kept)
{
	struct option *list = s->option[gpu];
	int n = s->options[gpu];

	for (int i = 0; i < n; i++)
		if (!memcmp(list[i].counts, counts, sizeof(list[i].counts))) {
			list[i].kept = kept > list[i].kept ? kept : list[i].kept;
			return;
		}
	if ((n & (n - 1)) == 0)
		list = need(realloc(list, sizeof(*list) * (size_t)(n ? 2 * n : 1)));
	memcpy(list[n].counts, counts, sizeof(list[n].counts));
	list[n].kept = kept;
	s->option[gpu] = list;
	s->options[gpu]++;
}

static void find_options(struct planning *s, int gpu, const int *now, struct one *g,
			 int *counts, int kept, int unit)
{
	if (unit == s->t->units) {
		keep_option(s, gpu, counts, kept);
		return;
	}
	find_options(s, gpu, now, g, counts, kept, unit + 1);
	for (int p = 0; p < s->t->profiles; p++) {
		if (counts[p] == s->demand[p] ||
		    !may_join(s->t, g->holds, p, unit, false))
			continue;
		g->holds[unit] = p;
		counts[p]++;
		find_options(s, gpu, now, g, counts, kept + (now && now[unit] == p),
			     unit + 1);
		counts[p]--;
		g->holds[unit] = -1;
	}
}

/* The most that stays if `rest` is to be delivered by GPUs gpu, gpu + 1, ... of the fleet
 * and any number of empty ones, with `left` GPUs in all; -1: impossible. */
static int best_kept(struct planning *s, int gpu, int left, int *rest)
{
	long cell = 0;
	int best = -1, any = 0, *memo;

	for (int p = 0; p < s->t->profiles; p++) {
		cell = cell * (s->demand[p] + 1) + rest[p];
		any += rest[p];
	}
	if (any == 0)
		return 0;
	if (left == 0)
		return -1;
	memo = &s->memo[((long)gpu * (s->most_used + 1) + left) * s->cells + cell];
	if (*memo != -2)
		return *memo;
	if (gpu < s->gpus)
		best = best_kept(s, gpu + 1, left, rest);
	for (int i = 0; i < s->options[gpu]; i++) {
		const struct option *o = &s->option[gpu][i];
		bool fits = true;
		int kept;

		for (int p = 0; p < s->t->profiles; p++)
			fits &= o->counts[p] <= rest[p];
		if (!fits)
			continue;
		for (int p = 0; p < s->t->profiles; p++)
			rest[p] -= o->counts[p];
		kept = best_kept(s, gpu < s->gpus ? gpu + 1 : gpu, left - 1, rest);
		for (int p = 0; p < s->t->profiles; p++)
			rest[p] += o->counts[p];
		if (kept >= 0 && kept + o->kept > best)
			best = kept + o->kept;
	}
	return *memo = best;
}

int om_plan(const struct om_table *t, const int *demand, const struct om_fleet *now,
	    int *kept)
{
	struct planning s = {.t = t, .demand = demand, .cells = 1};
	int rest[OM_PROFILES], counts[OM_PROFILES] = {0}, used = 0;
	long cells;
	struct one g;

	s.gpus = now ? now->gpus : 0;
	memcpy(rest, demand, sizeof(int) * (size_t)t->profiles);
	for (int p = 0; p < t->profiles; p++) {
		s.cells *= demand[p] + 1;
		s.most_used += demand[p];
	}
	empty(&g);
	for (int i = 0; i <= s.gpus; i++)
		find_options(&s, i, i < s.gpus ? now->holds[i] : NULL, &g, counts, 0, 0);
	cells = (long)(s.gpus + 1) * (s.most_used + 1) * s.cells;
	s.memo = need(malloc(sizeof(int) * (size_t)cells));
	for (long i = 0; i < cells; i++)
		s.memo[i] = -2;
	do
		*kept = best_kept(&s, 0, used, rest);
	while (*kept < 0 && used++ < s.most_used);
	for (int i = 0; i <= s.gpus; i++)
		free(s.option[i]);
	free(s.memo);
	return used;
}
