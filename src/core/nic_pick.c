/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set of a job of several nodes on a node that is kept as pools (more than 16 GPUs,
 * or 9 to 16 that are all alike). GPUs with the same NICs near, links and wishes are a
 * class: how many of each are taken is all that counts. Called by select.c.
 */
#include "config.h"

#include "core/node.h"
#include "core/table.h"

#include <string.h>

#define VECTORS_MAX 2000 /* numbers from each class that are compared */

struct class
{
	struct gt_mask members;
	int count, taken;
};

struct search {
	struct gt_table *table;
	const struct gt_request *request;
	struct class class[GT_MAX_GPUS];
	int classes;
	struct gt_mask best;
	struct gt_score score; /* of best; count 0: none yet */
	bool below;	       /* a set was left out for its bandwidth only */
};

/* ---- classes ---- */

static bool same_wishes(const struct gt_request *request, int a, int b)
{
	if (gt_mask_has(&request->include, a) != gt_mask_has(&request->include, b) ||
	    gt_mask_has(&request->touch, a) != gt_mask_has(&request->touch, b))
		return false;
	for (int i = 0; i < request->quota_count; i++)
		if (gt_mask_has(&request->quotas[i].gpus, a) !=
		    gt_mask_has(&request->quotas[i].gpus, b))
			return false;
	return true;
}

static bool same_ways(const struct gt_node *node, int a, int b)
{
	const struct gt_gpu *x = &node->gpu[a], *y = &node->gpu[b];

	if (x->island != y->island || x->switch_links != y->switch_links ||
	    gt_mask_has(&node->healthy, a) != gt_mask_has(&node->healthy, b))
		return false;
	for (int i = 0; i < node->nic_count; i++)
		if (gt_mask_has(&node->nics[i].near, a) !=
			    gt_mask_has(&node->nics[i].near, b) ||
		    (gt_node_nic_path(node, i, a) > GT_PATH_PXB) !=
			    (gt_node_nic_path(node, i, b) > GT_PATH_PXB))
			return false;
	for (int c = 0; c < node->n; c++)
		if (c != a && c != b &&
		    (node->links[gt_node_at(node, a, c)] !=
			     node->links[gt_node_at(node, b, c)] ||
		     node->pair_mbps[gt_node_at(node, a, c)] !=
			     node->pair_mbps[gt_node_at(node, b, c)]))
			return false;
	return true;
}

static void find_classes(struct search *s, const struct gt_mask *open)
{
	for (int g = gt_mask_next(open, 0); g >= 0; g = gt_mask_next(open, g + 1)) {
		struct class *class = s->class;
		int first = 0;

		for (; class < s->class + s->classes; class ++) {
			first = gt_mask_next(&class->members, 0);
			if (same_wishes(s->request, first, g) &&
			    same_ways(s->table->node, first, g))
				break;
		}
		if (class == s->class + s->classes)
			*class = s->class[s->classes++] = (struct class){.count = 0};
		gt_mask_set(&class->members, g);
		class->count++;
	}
}

/* ---- sets ---- */

static struct gt_mask set_of(const struct search *s)
{
	struct gt_mask set = {{0}};

	for (int i = 0; i < s->classes; i++)
		for (int g = -1, left = s->class[i].taken; left > 0; left--) {
			g = gt_mask_next(&s->class[i].members, g + 1);
			gt_mask_set(&set, g);
		}
	return set;
}

/* Take the set where it is the better one. */
static void consider(struct search *s, const struct gt_mask *set)
{
	const struct gt_request *request = s->request;
	const struct gt_node *node = s->table->node;
	struct gt_mask left = gt_mask_and(&request->free, &node->all);
	struct gt_mask sick = gt_mask_without(set, &node->healthy);
	struct gt_reach reach;
	struct gt_score score;
	int order;

	if (!gt_mask_within(&request->include, set) || !gt_pools_allow(request, set))
		return;
	gt_node_reach(node, set, &reach);
	/* a cheap look: it cannot be better */
	if (s->score.count && request->policy == GT_POLICY_BANDWIDTH &&
	    (gt_mask_count(&sick) > s->score.out_of_service ||
	     (gt_mask_count(&sick) == s->score.out_of_service &&
	      reach.worth < s->score.network_worth)))
		return;
	gt_score_set(node, set, &score);
	if (request->count > 1 && score.busbw_mbps < request->min_busbw_mbps) {
		s->below = true;
		return;
	}
	node->cards->score(node, request->network, set, &score);
	left = gt_mask_without(&left, set);
	score.remaining = gt_pools_remaining(s->table, request, &left);
	order = -1;
	if (s->score.count)
		gt_score_compare(&score, &s->score, request->policy, &order);
	if (order >= 0)
		return;
	s->best = *set;
	s->score = score;
}

/* One GPU after the other, each time from the class that reaches most. */
static void take_greedily(struct search *s)
{
	const struct gt_node *node = s->table->node;
	struct gt_mask set;

	for (int i = 0; i < s->classes; i++) {
		bool included = gt_mask_meets(&s->class[i].members, &s->request->include);

		s->class[i].taken = included ? s->class[i].count : 0;
	}
	set = set_of(s);
	for (int k = gt_mask_count(&set); k < s->request->count; k++) {
		struct gt_network_key best = {.sick = GT_MAX_GPUS + 1};
		struct class *better = NULL;

		for (int i = 0; i < s->classes; i++) {
			struct class *class = &s->class[i];
			struct gt_network_key here;

			if (class->taken == class->count)
				continue;
			class->taken++;
			set = set_of(s);
			here = node->cards->key(node, s->request->network, &set, 0);
			class->taken--;
			if (better && gt_network_compare(&here, &best) <= 0)
				continue;
			best = here;
			better = class;
		}
		if (!better)
			return;
		better->taken++;
	}
	set = set_of(s);
	consider(s, &set);
}

/* How many ways there are to take k from the classes; at most VECTORS_MAX + 1. */
static int count_vectors(const struct search *s)
{
	int ways[GT_MAX_GPUS + 1] = {1};

	for (int i = 0; i < s->classes; i++)
		for (int k = s->request->count; k >= 0; k--)
			for (int take = 1; take <= s->class[i].count && take <= k; take++)
				if ((ways[k] += ways[k - take]) > VECTORS_MAX)
					ways[k] = VECTORS_MAX + 1;
	return ways[s->request->count];
}

/* left GPUs of the classes from this one on, which have as many. */
static void take_all(struct search *s, int class, int left)
{
	struct gt_mask set;
	int behind = 0;

	if (class == s->classes) {
		set = set_of(s);
		consider(s, &set);
		return;
	}
	for (int i = class + 1; i < s->classes; i++)
		behind += s->class[i].count;
	/* fewer than that could not be made up for */
	for (int take = left > behind ? left - behind : 0;
	     take <= s->class[class].count && take <= left; take++) {
		s->class[class].taken = take;
		take_all(s, class + 1, left - take);
	}
}

enum gt_fit gt_network_pick(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice)
{
	struct search s = {.table = table, .request = request};
	bool all;

	find_classes(&s, open);
	all = count_vectors(&s) <= VECTORS_MAX;
	take_greedily(&s);
	if (all)
		take_all(&s, 0, request->count);
	if (!s.score.count)
		return s.below ? GT_FIT_BELOW_MIN : GT_FIT_CONSTRAINED;
	choice->gpus = s.best;
	choice->exact = all && s.score.exact && request->except_count == 0;
	return GT_FIT_OK;
}
