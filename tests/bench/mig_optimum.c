/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The best that any online rule can reach on one or two GPUs. */
#include "config.h"

#include "mig_optimum.h"

#include "core/mig_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS	  20000
#define PRECISION 1e-7 /* of the gain, in units a unit of time */

/* A state of two GPUs is first * states + second. */
struct mig_optimum {
	const struct gt_mig_space *space;
	int gpus;
	long states;
	double rate[GT_MIG_PROFILES]; /* of each shape */
	double total;		      /* of all events, after uniformization */
	double offered;		      /* units a unit of time */
	double *value, *next;
	int32_t *goes; /* [state * shapes + shape]: where a policy leads */
};

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct mig_optimum *mig_optimum_new(const struct gt_mig_space *space, int gpus,
				    const struct gt_mig_mix *mix, double load)
{
	struct mig_optimum *m = need(calloc(1, sizeof(*m)));
	double all = 0, mean = 0;

	m->space = space;
	m->gpus = gpus;
	m->states = gpus == 2 ? (long)space->states * space->states : space->states;
	for (int p = 0; p < space->gpu.count; p++) {
		m->rate[space->shape_of[p]] += mix->weight[p];
		all += mix->weight[p];
		mean += (double)mix->weight[p] * space->gpu.profile[p].size;
	}
	mean /= all;
	m->offered = load * gpus * space->gpu.units;
	m->total = m->offered / mean + gpus * space->gpu.units;
	for (int i = 0; i < space->shapes; i++)
		m->rate[i] *= m->offered / mean / all;
	m->value = need(malloc((size_t)m->states * sizeof(*m->value)));
	m->next = need(malloc((size_t)m->states * sizeof(*m->next)));
	m->goes = need(
		malloc((size_t)m->states * (size_t)space->shapes * sizeof(*m->goes)));
	return m;
}

void mig_optimum_free(struct mig_optimum *m)
{
	free(m->value);
	free(m->next);
	free(m->goes);
	free(m);
}

long mig_optimum_states(const struct mig_optimum *m)
{
	return m->states;
}

static int part(const struct mig_optimum *m, long state, int gpu)
{
	if (m->gpus == 1)
		return (int)state;
	return (int)(gpu ? state % m->space->states : state / m->space->states);
}

static long with_part(const struct mig_optimum *m, long state, int gpu, int new)
{
	long step = m->gpus == 2 && gpu == 0 ? m->space->states : 1;

	return state + (new - part(m, state, gpu)) * step;
}

/* ---- what a policy does ---- */

static void set_gpu(const struct mig_optimum *m, struct gt_mig_fleet *fleet, int gpu,
		    int state)
{
	const struct gt_mig_space *space = m->space;

	for (int u = 0; u < space->gpu.units; u++)
		gt_mig_remove(fleet, gpu, u, NULL, NULL);
	for (int u = 0; u < space->gpu.units; u++) {
		struct gt_mig_instance i = {gpu, 0, u};

		if (!space->heads[state][u])
			continue;
		while (space->shape_of[i.profile] != space->heads[state][u] - 1)
			i.profile++;
		if (gt_mig_add(fleet, &i, NULL))
			abort();
	}
}

/* Ask the library for every state and request. */
static void ask_policy(struct mig_optimum *m, enum gt_mig_policy policy)
{
	const struct gt_mig_space *space = m->space;
	struct gt_mig_fleet *fleet;

	if (gt_mig_fleet_new(&fleet, space, m->gpus, NULL))
		abort();
	for (long s = 0; s < m->states; s++) {
		if (m->gpus == 1 || part(m, s, 1) == 0)
			set_gpu(m, fleet, 0, part(m, s, 0));
		if (m->gpus == 2)
			set_gpu(m, fleet, 1, part(m, s, 1));
		for (int i = 0; i < space->shapes; i++) {
			struct gt_mig_instance place;
			int profile = 0, next;

			while (space->shape_of[profile] != i)
				profile++;
			m->goes[s * space->shapes + i] = -1;
			if (!gt_mig_place(fleet, profile, policy, NULL, &place))
				continue;
			next = gt_mig_state_next(space, part(m, s, place.gpu),
						 space->place_at[i][place.start]);
			m->goes[s * space->shapes + i] =
				(int32_t)with_part(m, s, place.gpu, next);
		}
	}
	gt_mig_fleet_free(fleet);
}

/* ---- value iteration ---- */

/* What a request of a shape earns under the best rule, from a state on. */
static double best(const struct mig_optimum *m, long state, int shape, bool may_refuse)
{
	const struct gt_mig_space *space = m->space;
	double top = -INFINITY, own = m->value[state];

	for (int g = 0; g < m->gpus; g++)
		for (int s = 0; s < space->gpu.units; s++) {
			int place = space->place_at[shape][s], next;
			double there;

			if (place < 0)
				continue;
			next = gt_mig_state_next(space, part(m, state, g), place);
			if (next == GT_MIG_NO_STATE)
				continue;
			there = m->value[with_part(m, state, g, next)];
			top = there > top ? there : top;
		}
	top += space->shape[shape].size;
	return isinf(top) || (may_refuse && own > top) ? own : top;
}

static double asked(const struct mig_optimum *m, long state, int shape)
{
	int32_t next = m->goes[state * m->space->shapes + shape];

	return next < 0 ? m->value[state] : m->value[next] + m->space->shape[shape].size;
}

static double improve(const struct mig_optimum *m, long state, enum mig_rule rule)
{
	const struct gt_mig_space *space = m->space;
	double own = m->value[state], sum = 0;

	for (int i = 0; i < space->shapes; i++) {
		double then;

		if (m->rate[i] <= 0)
			continue;
		then = rule == MIG_RULE_POLICY ? asked(m, state, i)
					       : best(m, state, i, rule == MIG_RULE_BEST);
		sum += m->rate[i] * (then - own);
	}
	for (int g = 0; g < m->gpus; g++) {
		int s = part(m, state, g);

		for (int u = 0; u < space->gpu.units; u++) {
			int head = space->heads[s][u];

			if (head)
				sum += m->value[with_part(
					       m, state, g,
					       gt_mig_state_prev(
						       space, s,
						       space->place_at[head - 1][u]))] -
				       own;
		}
	}
	return own + sum / m->total;
}

double mig_optimum_share(struct mig_optimum *m, enum mig_rule rule,
			 enum gt_mig_policy policy)
{
	double low = 0, high = 0;

	if (rule == MIG_RULE_POLICY)
		ask_policy(m, policy);
	memset(m->value, 0, (size_t)m->states * sizeof(*m->value));
	for (int round = 0; round < ROUNDS; round++) {
		double *swap = m->value, base;

		low = INFINITY;
		high = -INFINITY;
		for (long s = 0; s < m->states; s++) {
			double gain;

			m->next[s] = improve(m, s, rule);
			gain = m->next[s] - m->value[s];
			low = gain < low ? gain : low;
			high = gain > high ? gain : high;
		}
		base = m->next[0];
		for (long s = 0; s < m->states; s++)
			m->next[s] -= base;
		m->value = m->next;
		m->next = swap;
		if ((high - low) * m->total < PRECISION * m->offered)
			break;
	}
	return (low + high) / 2 * m->total / m->offered;
}
