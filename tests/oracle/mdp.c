/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The best that any online rule can reach on one node: relative value iteration. */
#include "mdp.h"

#include "oracle.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_DONE  1e-9 /* of the gain a step: far below any gap that is reported */
#define SWEEPS_MAX 100000

struct state {
	uint32_t key; /* 4 bits a GPU: 0 free, else the number of its job */
	unsigned free;
	int jobs;
	unsigned running[MDP_MAX];
	int ended[MDP_MAX];	/* the state after that job has ended */
	int first[MDP_MAX + 2]; /* first[k] .. first[k + 1]: ways to place k GPUs */
};

struct way {
	unsigned set;
	int next;
};

struct mdp {
	int n;
	int states, room;
	struct state *state;
	int ways, ways_room;
	struct way *way;
};

/* ---- states and ways ---- */

/* Jobs are numbered in the order of their lowest GPU, so that a state has one name. */
static uint32_t key_of(const unsigned *running, int jobs, int n)
{
	int number[MDP_MAX] = {0}, used = 0;
	uint32_t key = 0;

	for (int g = 0; g < n; g++)
		for (int j = 0; j < jobs; j++)
			if (running[j] >> g & 1) {
				if (number[j] == 0)
					number[j] = ++used;
				key |= (uint32_t)number[j] << 4 * g;
			}
	return key;
}

static int add_state(struct mdp *m, const unsigned *running, int jobs)
{
	struct state *s;

	if (m->states == m->room) {
		int room = m->room ? 2 * m->room : 1024;
		struct state *more = realloc(m->state, (size_t)room * sizeof(*more));

		if (!more)
			return -1;
		m->state = more;
		m->room = room;
	}
	s = &m->state[m->states++];
	memset(s, 0, sizeof(*s));
	s->key = key_of(running, jobs, m->n);
	s->jobs = jobs;
	s->free = (1u << m->n) - 1;
	for (int j = 0; j < jobs; j++) {
		s->running[j] = running[j];
		s->free &= ~running[j];
	}
	return 0;
}

/* GPU g is free, joins one of the jobs so far, or starts the next one. */
static int make_states(struct mdp *m, int g, unsigned *running, int jobs)
{
	if (g == m->n)
		return add_state(m, running, jobs);
	if (make_states(m, g + 1, running, jobs))
		return -1;
	for (int j = 0; j <= jobs; j++) {
		int failed;

		running[j] = j == jobs ? 1u << g : running[j] | 1u << g;
		failed = make_states(m, g + 1, running, j == jobs ? jobs + 1 : jobs);
		running[j] &= ~(1u << g);
		if (failed)
			return -1;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct state *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static int find(const struct mdp *m, const unsigned *running, int jobs)
{
	struct state wanted = {.key = key_of(running, jobs, m->n)};
	struct state *s =
		bsearch(&wanted, m->state, (size_t)m->states, sizeof(wanted), by_key);

	return (int)(s - m->state);
}

static int add_way(struct mdp *m, unsigned set, int next)
{
	if (m->ways == m->ways_room) {
		int room = m->ways_room ? 2 * m->ways_room : 1 << 16;
		struct way *more = realloc(m->way, (size_t)room * sizeof(*more));

		if (!more)
			return -1;
		m->way = more;
		m->ways_room = room;
	}
	m->way[m->ways++] = (struct way){set, next};
	return 0;
}

static int add_transitions(struct mdp *m, struct state *s)
{
	unsigned running[MDP_MAX + 1];

	for (int j = 0; j < s->jobs; j++) {
		int others = 0;

		for (int i = 0; i < s->jobs; i++)
			if (i != j)
				running[others++] = s->running[i];
		s->ended[j] = find(m, running, others);
	}
	memcpy(running, s->running, sizeof(s->running));
	for (int k = 1; k <= m->n; k++) {
		s->first[k] = m->ways;
		for (unsigned set = s->free; set; set = (set - 1) & s->free) {
			if (oracle_size(set) != k)
				continue;
			running[s->jobs] = set;
			if (add_way(m, set, find(m, running, s->jobs + 1)))
				return -1;
		}
	}
	s->first[m->n + 1] = m->ways;
	return 0;
}

struct mdp *mdp_new(int n)
{
	struct mdp *m = calloc(1, sizeof(*m));
	unsigned running[MDP_MAX + 1] = {0};

	if (!m)
		return NULL;
	m->n = n;
	if (make_states(m, 0, running, 0))
		goto no_memory;
	qsort(m->state, (size_t)m->states, sizeof(*m->state), by_key);
	for (int i = 0; i < m->states; i++)
		if (add_transitions(m, &m->state[i]))
			goto no_memory;
	return m;
no_memory:
	mdp_free(m);
	return NULL;
}

void mdp_free(struct mdp *m)
{
	if (!m)
		return;
	free(m->state);
	free(m->way);
	free(m);
}

int mdp_states(const struct mdp *m)
{
	return m->states;
}

/* ---- the stream ---- */

/* busy[b]: the chance that b GPUs are busy. In a loss system it obeys
 * b busy[b] = sum over k of k a_k busy[b - k], a_k jobs of size k offered a unit of time
 * (Kaufman 1981, Roberts 1981). */
static void busy_chances(const struct mdp_stream *s, int n, double *busy)
{
	double total = 1;

	busy[0] = 1;
	for (int b = 1; b <= n; b++) {
		busy[b] = 0;
		for (int k = 1; k <= b; k++)
			busy[b] += k * s->rate * s->chance[k] * busy[b - k] / b;
		total += busy[b];
	}
	for (int b = 0; b <= n; b++)
		busy[b] /= total;
}

static double load_of(const struct mdp_stream *s, int n)
{
	double busy[MDP_MAX + 1], mean = 0;

	busy_chances(s, n, busy);
	for (int b = 0; b <= n; b++)
		mean += b * busy[b];
	return mean / n;
}

void mdp_set_load(struct mdp_stream *s, int n, double load)
{
	double low = 0, high = 1e6;

	for (int i = 0; i < 200; i++) {
		s->rate = (low + high) / 2;
		if (load_of(s, n) < load)
			low = s->rate;
		else
			high = s->rate;
	}
}

/* Accepted jobs of two GPUs and more a unit of time. */
static double counted_rate(const struct mdp_stream *s, int n)
{
	double busy[MDP_MAX + 1], sum = 0;

	busy_chances(s, n, busy);
	for (int k = 2; k <= n; k++)
		for (int b = 0; b + k <= n; b++)
			sum += s->rate * s->chance[k] * busy[b];
	return sum;
}

/* ---- values ---- */

static double best_way(const struct mdp *m, const struct state *s, int k,
		       const double *reward, const double *v)
{
	double best = -INFINITY;

	for (int w = s->first[k]; w < s->first[k + 1]; w++) {
		double value = (k > 1 ? reward[m->way[w].set] : 0) + v[m->way[w].next];

		if (value > best)
			best = value;
	}
	return best;
}

/* The value of a state one event later (a job ends, one comes, or nothing happens: events
 * of all states are counted at one rate); fixed, where given, holds the way for each
 * size. */
static double one_step(const struct mdp *m, const struct mdp_stream *s, int i,
		       const double *reward, const double *v, const int *fixed)
{
	const struct state *st = &m->state[i];
	double sum = (m->n - st->jobs) * v[i];
	double lost = 1;

	for (int j = 0; j < st->jobs; j++)
		sum += v[st->ended[j]];
	for (int k = 1; k <= m->n; k++) {
		double value;

		if (s->chance[k] <= 0 || st->first[k] == st->first[k + 1])
			continue;
		if (fixed) {
			const struct way *w = &m->way[fixed[i * (MDP_MAX + 1) + k]];

			value = (k > 1 ? reward[w->set] : 0) + v[w->next];
		} else {
			value = best_way(m, st, k, reward, v);
		}
		sum += s->rate * s->chance[k] * value;
		lost -= s->chance[k];
	}
	return (sum + s->rate * lost * v[i]) / (s->rate + m->n);
}

/* Reward a unit of time; < 0: out of memory or no convergence. */
static double gain(const struct mdp *m, const struct mdp_stream *s, const double *reward,
		   const int *fixed)
{
	double *v = calloc((size_t)m->states, sizeof(*v));
	double *next = calloc((size_t)m->states, sizeof(*next));
	double result = -1;

	for (int sweep = 0; v && next && sweep < SWEEPS_MAX && result < 0; sweep++) {
		double low = INFINITY, high = -INFINITY, *swap = v;

		for (int i = 0; i < m->states; i++) {
			double step;

			next[i] = one_step(m, s, i, reward, v, fixed);
			step = next[i] - v[i];
			low = step < low ? step : low;
			high = step > high ? step : high;
		}
		if (high - low < SPAN_DONE)
			result = (low + high) / 2 * (s->rate + m->n);
		v = next;
		next = swap;
	}
	free(v);
	free(next);
	return result;
}

double mdp_optimum(const struct mdp *m, const struct mdp_stream *s, const double *reward)
{
	return gain(m, s, reward, NULL) / counted_rate(s, m->n);
}

static int way_of_rule(const struct mdp *m, const struct state *s, int k, mdp_rule *rule,
		       void *ctx)
{
	unsigned set = rule(ctx, s->free, s->running, s->jobs, k);

	for (int w = s->first[k]; w < s->first[k + 1]; w++)
		if (m->way[w].set == set)
			return w;
	return -1;
}

double mdp_reached(const struct mdp *m, const struct mdp_stream *s, const double *reward,
		   mdp_rule *rule, void *ctx)
{
	int *fixed = calloc((size_t)m->states * (MDP_MAX + 1), sizeof(*fixed));
	double result = -1;

	if (!fixed)
		return -1;
	for (int i = 0; i < m->states; i++)
		for (int k = 1; k <= m->n; k++) {
			const struct state *st = &m->state[i];
			int w;

			if (s->chance[k] <= 0 || st->first[k] == st->first[k + 1])
				continue;
			w = way_of_rule(m, st, k, rule, ctx);
			if (w < 0)
				goto out;
			fixed[i * (MDP_MAX + 1) + k] = w;
		}
	result = gain(m, s, reward, fixed) / counted_rate(s, m->n);
out:
	free(fixed);
	return result;
}
