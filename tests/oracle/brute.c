/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to a request by looking at every set, judged by the oracle. */
#include "brute.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHANCE_TO_END .25 /* of a running job, where its end is not known */

void brute_init(struct brute *b, const struct gt_node *node, const struct gt_mix *mix,
		struct gt_table *table, bool trust)
{
	graph_of_node(&b->g, node);
	b->rounding = table;
	b->worths = trust ? table : NULL;
	oracle_fill(&b->t, &b->g, mix->weight, 0);
	for (unsigned s = 0; s < 1u << b->g.n; s++)
		b->group_mbps[0][s] = b->group_mbps[1][s] = -1;
	b->shape.groups = 0;
}

/* ---- groups ---- */

static void ask_shape(struct brute *b, const struct gt_request *request)
{
	struct oracle_shape shape = {.alltoall = request->comm == GT_COMM_ALLTOALL};

	if (request->groups)
		for (; shape.groups < request->groups->count; shape.groups++)
			shape.size[shape.groups] = request->groups->size[shape.groups];
	if (shape.groups == 0)
		shape.size[shape.groups++] = request->count;
	b->grouped = request->count > 1 && (shape.groups > 1 || shape.alltoall);
	if (b->grouped && memcmp(&shape, &b->shape, sizeof(shape)) != 0) {
		b->shape = shape;
		memset(b->cut, 0, sizeof(b->cut));
	}
}

static double group_mbps(void *of, const struct oracle_graph *g, unsigned set,
			 bool alltoall)
{
	struct brute *b = of;
	double *known = &b->group_mbps[alltoall][set];

	if (*known < 0)
		*known = oracle_group_mbps(NULL, g, set, alltoall);
	return *known;
}

const struct oracle_parts *brute_parts(struct brute *b, unsigned set)
{
	if (!b->cut[set])
		oracle_partition(&b->g, &b->shape, set, group_mbps, b, &b->parts[set]);
	b->cut[set] = true;
	return &b->parts[set];
}

static int by_groups(struct brute *b, unsigned x, unsigned y)
{
	return b->grouped ? oracle_compare_parts(&b->shape, brute_parts(b, x),
						 brute_parts(b, y))
			  : 0;
}

/* ---- requests ---- */

void brute_ask(struct brute *b, const struct gt_request *request)
{
	b->request = request;
	ask_shape(b, request);
	b->free = set_of(&request->free);
	b->jobs = request->running_count;
	for (int j = 0; j < b->jobs; j++)
		b->running[j] = set_of(&request->running[j].gpus);
}

bool brute_allows(struct brute *b, unsigned set)
{
	const struct gt_request *r = b->request;
	unsigned touch = set_of(&r->touch);

	if ((set & ~b->free) || oracle_size(set) != r->count ||
	    (set_of(&r->include) & ~set) || (touch && !(touch & set)))
		return false;
	for (int i = 0; i < b->g.n && r->count > 1; i++)
		if ((set >> i & 1) && b->g.mig[i])
			return false;
	for (int i = 0; i < r->quota_count; i++)
		if (oracle_size(set & set_of(&r->quotas[i].gpus)) != r->quotas[i].count)
			return false;
	for (int i = 0; i < r->except_count; i++)
		if (set_of(&r->except[i]) == set)
			return false;
	if (b->grouped) /* the library rounds to MB/s */
		return brute_parts(b, set)->group[0] >= r->min_busbw_mbps - .5;
	return r->count < 2 || b->t.value[set].busbw_mbps >= r->min_busbw_mbps;
}

double brute_remaining(const struct brute *b, unsigned set)
{
	double idle = b->t.h[(1u << b->t.n) - 1];
	struct gt_mask mask = mask_of(set);
	struct gt_score score;

	if (b->worths) {
		gt_select_score(b->worths, b->request, &mask, &score);
		return score.remaining;
	}
	if (idle <= 0)
		return 1;
	return oracle_expected(&b->t, b->free & ~set, b->running, b->jobs,
			       CHANCE_TO_END) /
	       idle;
}

static int by_damage(const struct brute *b, unsigned x, unsigned y, double close)
{
	double d = brute_remaining(b, x) - brute_remaining(b, y);

	return fabs(d) <= close ? 0 : d > 0 ? 1 : -1;
}

/* The groups, then levels 1 and 2; or the groups last. One GPU has no bandwidth: R, tau
 * and P are 0 for all. */
static int by_bandwidth(struct brute *b, unsigned x, unsigned y)
{
	int groups = by_groups(b, x, y);
	int whole = oracle_compare(&b->t.value[x], &b->t.value[y]);

	if (b->request->groups_break_ties)
		return whole ? whole : groups;
	return groups ? groups : whole;
}

/* > 0: x is better on levels 0 to 3, in the policy's order. */
static int by_key(struct brute *b, unsigned x, unsigned y, double close)
{
	const struct oracle_value *vx = &b->t.value[x], *vy = &b->t.value[y];
	int order;

	if (vx->broken != vy->broken)
		return vy->broken - vx->broken;
	if (b->request->policy == GT_POLICY_PRESERVE) {
		order = by_damage(b, x, y, close);
		return order ? order : by_bandwidth(b, x, y);
	}
	order = by_bandwidth(b, x, y);
	return order ? order : by_damage(b, x, y, close);
}

static int by_level_4(const struct brute *b, unsigned x, unsigned y)
{
	const struct oracle_value *vx = &b->t.value[x], *vy = &b->t.value[y];

	if (vx->pair_sum_mbps != vy->pair_sum_mbps)
		return vx->pair_sum_mbps > vy->pair_sum_mbps ? 1 : -1;
	if (vx->sockets != vy->sockets)
		return vx->sockets < vy->sockets ? 1 : -1;
	return vx->roots < vy->roots ? 1 : vx->roots > vy->roots ? -1 : 0;
}

/* {0,3} before {1,2}: the first index that differs decides. */
static bool is_lower(unsigned x, unsigned y)
{
	unsigned first = (x ^ y) & -(x ^ y);

	return (x & first) != 0;
}

/* Whether the library counts the same worth. 1/3 + 2/3 need not be 1 in its whole
 * numbers. */
static bool rounds_alike(const struct brute *b, unsigned x, unsigned y)
{
	struct gt_mask mx = mask_of(x), my = mask_of(y);
	struct gt_score sx, sy;

	gt_select_score(b->rounding, b->request, &mx, &sx);
	gt_select_score(b->rounding, b->request, &my, &sy);
	return sx.remaining == sy.remaining;
}

static bool beats(struct brute *b, unsigned rival, unsigned set, char *why, size_t size)
{
	int key = by_key(b, rival, set, BRUTE_CLOSE);
	const char *what = "is better on levels 0 to 3";
	bool better = key > 0;

	/* Level 4 and indices only among those that are equal however worths are rounded.
	 */
	if (key == 0 && by_key(b, rival, set, 1e-12) == 0 &&
	    rounds_alike(b, rival, set)) {
		int four = by_level_4(b, rival, set);

		what = four ? "is better on level 4" : "has lower indices";
		better = four > 0 || (four == 0 && b->request->near.word[0] == 0 &&
				      is_lower(rival, set));
	}
	if (better)
		snprintf(why, size, "%d of %#x: %#x %s than %#x (worth %.6f, %.6f)",
			 b->request->count, b->free, rival, what, set,
			 brute_remaining(b, rival), brute_remaining(b, set));
	return better;
}

bool brute_is_best(struct brute *b, unsigned set, char *why, size_t size)
{
	if (!brute_allows(b, set)) {
		snprintf(why, size, "%d of %#x: %#x is not allowed", b->request->count,
			 b->free, set);
		return false;
	}
	for (unsigned rival = 1; rival < 1u << b->t.n; rival++)
		if (rival != set && brute_allows(b, rival) &&
		    beats(b, rival, set, why, size))
			return false;
	return true;
}

bool brute_has_best_key(struct brute *b, unsigned set, char *why, size_t size)
{
	bool best = brute_allows(b, set);

	snprintf(why, size, "%d of %#x: %#x is not allowed", b->request->count, b->free,
		 set);
	for (unsigned rival = 1; best && rival < 1u << b->t.n; rival++) {
		best = !brute_allows(b, rival) || by_key(b, rival, set, BRUTE_CLOSE) <= 0;
		if (!best)
			snprintf(why, size, "%d of %#x: %#x is better than %#x",
				 b->request->count, b->free, rival, set);
	}
	return best;
}

/* Whether the two differ above the lowest indices, whatever the rounding. */
static bool differ(struct brute *b, unsigned x, unsigned y)
{
	return by_key(b, x, y, BRUTE_CLOSE) != 0 || by_level_4(b, x, y) != 0;
}

bool brute_has_runner_up(struct brute *b, unsigned choice)
{
	for (unsigned s = 1; s < 1u << b->t.n; s++)
		if (brute_allows(b, s) && differ(b, s, choice))
			return true;
	return false;
}

bool brute_is_runner_up(struct brute *b, unsigned choice, unsigned set, char *why,
			size_t size)
{
	if (!brute_allows(b, set) || set == choice) {
		snprintf(why, size, "runner-up %#x is not allowed", set);
		return false;
	}
	for (unsigned rival = 1; rival < 1u << b->t.n; rival++)
		if (rival != set && brute_allows(b, rival) && differ(b, rival, choice) &&
		    beats(b, rival, set, why, size))
			return false;
	return true;
}
