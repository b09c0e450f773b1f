/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to one request. */
#include "config.h"

#include "core/bits.h"
#include "core/select.h"
#include "core/subsets.h"

#include <limits.h>
#include <string.h>

/* ---- is there anything to choose from? ---- */

static bool is_sound(const struct gt_request *request, const struct gt_mask *free)
{
	return request->count >= 1 && request->count <= GT_MAX_GPUS &&
	       request->quota_count >= 0 && request->except_count >= 0 &&
	       request->running_count >= 0 && gt_mask_within(&request->include, free) &&
	       (!request->groups || !request->groups->count ||
		gt_groups_sum(request->groups) == request->count);
}

/* The GPUs that the request may take, or why there are too few. */
enum gt_fit gt_question_gpus(const struct gt_table *table,
			     const struct gt_request *request, struct gt_mask *open)
{
	const struct gt_node *node = table->node;
	struct gt_mask free = gt_mask_and(&request->free, &node->all);

	*open = free;
	if (!is_sound(request, &free))
		return GT_FIT_INVALID;
	if (request->count > gt_mask_count(&free))
		return GT_FIT_TOO_FEW;
	if (request->count > 1)
		*open = gt_mask_without(&free, &node->mig);
	if (request->count > gt_mask_count(open))
		return GT_FIT_MIG;
	return GT_FIT_OK;
}

/* ---- dense nodes ---- */

static bool meets_quotas(const struct gt_question *q, uint32_t set)
{
	for (int i = 0; i < q->request->quota_count; i++) {
		const struct gt_quota *quota = &q->request->quotas[i];

		if (gt_bits_count(set & (uint32_t)quota->gpus.word[0]) != quota->count)
			return false;
	}
	return true;
}

static bool is_allowed(const struct gt_question *q, uint32_t set)
{
	if ((q->include & ~set) || (q->touch && !(q->touch & set)) ||
	    !meets_quotas(q, set))
		return false;
	for (int i = 0; i < q->request->except_count; i++)
		if ((uint32_t)q->request->except[i].word[0] == set)
			return false;
	return true;
}

/* The bandwidth that a minimum is held against, MB/s: the slowest group's. */
static int figure_of(const struct gt_question *q, uint32_t set)
{
	struct gt_mask mask = {.word = {set}};
	long steps = GT_SEARCH_STEPS;
	int measured;

	if (q->shape)
		return gt_shape_slowest(q->parts, set);
	measured = gt_node_measured_mbps(q->table->node, &mask, GT_COMM_ALLREDUCE);
	return measured ? measured : gt_table_predict(q->table, set, &steps);
}

/* Every K-set that the wishes allow, into scratch; twins are told apart here, since
 * wishes name GPUs. */
uint32_t gt_question_list(const struct gt_question *q, enum gt_fit *fit)
{
	struct gt_tie *out = q->table->scratch;
	struct gt_subsets subsets;
	bool below = false;
	uint32_t count = 0, s;

	gt_subsets_init(&subsets, q->open, q->request->count);
	while (gt_subsets_next(&subsets, &s)) {
		if (!is_allowed(q, s))
			continue;
		if (q->request->min_busbw_mbps > 0 && q->request->count > 1 &&
		    figure_of(q, s) < q->request->min_busbw_mbps) {
			below = true;
			continue;
		}
		out[count++].set = (uint16_t)s;
	}
	*fit = count ? GT_FIT_OK : below ? GT_FIT_BELOW_MIN : GT_FIT_CONSTRAINED;
	return count;
}

/* The first of those that leave the most, where no job runs and no cores are named: up to
 * 70 ties, so without branches. */
static uint32_t most_left(const struct gt_question *q, const struct gt_tie *ties,
			  uint32_t count)
{
	int32_t best = INT32_MIN;
	uint32_t at = 0;

	for (uint32_t i = 0; i < count; i++) {
		int32_t here = q->table->worth[q->open & ~(uint32_t)ties[i].set];

		at = here > best ? i : at;
		best = here > best ? here : best;
	}
	return at;
}

/* Of ties in the order of level 4: the most worth left, then near the job's cores where
 * level 4 has no better reason, then the first. */
static uint32_t least_damage(const struct gt_question *q, const struct gt_tie *ties,
			     uint32_t count)
{
	int64_t best = INT64_MIN;
	uint32_t at = 0;

	if (count == 1)
		return 0;
	if (q->release.count == 1 && !q->near)
		return most_left(q, ties, count);
	for (uint32_t i = 0; i < count; i++) {
		int64_t here = gt_damage_worth(q->table, &q->release,
					       q->open & ~(uint32_t)ties[i].set);

		if (here > best || (here == best && q->near &&
				    ties[i].level_4 >> 16 == ties[at].level_4 >> 16 &&
				    gt_bits_count(ties[i].set & q->near) >
					    gt_bits_count(ties[at].set & q->near))) {
			best = here;
			at = i;
		}
	}
	return at;
}

/* Policy preserve: keep those that leave the most, fewest out of service first. */
static uint32_t keep_most_worth(const struct gt_question *q, struct gt_tie *c,
				uint32_t count)
{
	int64_t best = INT64_MIN;
	uint32_t kept = 0;
	int least = INT_MAX;

	for (uint32_t i = 0; i < count; i++) {
		int sick = gt_bits_count(c[i].set & q->table->unhealthy);
		int64_t here = gt_damage_worth(q->table, &q->release,
					       q->open & ~(uint32_t)c[i].set);

		if (sick > least || (sick == least && here < best))
			continue;
		if (sick < least || here > best)
			kept = 0;
		least = sick;
		best = here;
		c[kept++] = c[i];
	}
	return kept;
}

/* ---- jobs of several nodes ---- */

/* > 0: a is better. */
int gt_network_compare(const struct gt_network_key *a, const struct gt_network_key *b)
{
	if (a->sick != b->sick)
		return a->sick < b->sick ? 1 : -1;
	if (a->worth != b->worth)
		return a->worth > b->worth ? 1 : -1;
	if (a->common != b->common)
		return a->common > b->common ? 1 : -1;
	return (a->shared < b->shared) - (a->shared > b->shared);
}

struct gt_network_key gt_question_network(const struct gt_question *q, uint32_t set)
{
	struct gt_mask mask = {.word = {set}};
	long steps = GT_SEARCH_STEPS;
	int mbps = 0;

	if (set & (set - 1)) {
		mbps = gt_node_measured_mbps(q->table->node, &mask, GT_COMM_ALLREDUCE);
		mbps = mbps ? mbps : gt_table_predict(q->table, set, &steps);
	}
	return q->table->node->cards->key(q->table->node, q->request->network, &mask,
					  mbps);
}

static uint32_t keep_best_network(const struct gt_question *q, struct gt_tie *c,
				  uint32_t count)
{
	struct gt_network_key best = {.sick = INT_MAX};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct gt_network_key here = gt_question_network(q, c[i].set);
		int order = gt_network_compare(&here, &best);

		if (order < 0)
			continue;
		if (order > 0)
			kept = 0;
		best = here;
		c[kept++] = c[i];
	}
	return kept;
}

/* The best of the candidates in scratch. */
void gt_question_best(const struct gt_question *q, uint32_t count,
		      struct gt_choice *choice)
{
	struct gt_tie *c = q->table->scratch;
	bool inexact = false;
	uint64_t quality;

	if (q->request->policy == GT_POLICY_PRESERVE)
		count = keep_most_worth(q, c, count);
	if (gt_question_uses_network(q)) {
		if (q->shape)
			count = gt_shape_keep(q->table, q->shape, q->parts, c, count,
					      &inexact);
		count = keep_best_network(q, c, count);
	}
	if (q->shape)
		count = gt_shape_best(q->table, q->shape, q->parts, c, count, &inexact);
	else
		count = gt_table_best(q->table, c, count, &quality, &inexact);
	gt_table_sort_ties(q->table, c, count);
	count = gt_damage_shortlist(q->table, c, count, q->open);
	choice->gpus.word[0] = c[least_damage(q, c, count)].set;
	choice->exact = !inexact;
}

/* The shape of the question, where it has one; without memory it is judged as a whole. */
void gt_question_shape(struct gt_question *q, struct gt_table *table,
		       const struct gt_request *request)
{
	q->parts = NULL;
	q->shape = gt_shape_asked(request) ? gt_shape_get(table, request) : NULL;
}

enum gt_fit gt_question_wished(struct gt_question *q, struct gt_choice *choice)
{
	enum gt_fit fit;
	uint32_t count;

	if (q->shape)
		q->parts = gt_shape_parts(q->table, q->shape, q->open);
	if (!q->parts)
		q->shape = NULL;
	count = gt_question_list(q, &fit);

	if (count)
		gt_question_best(q, count, choice);
	return fit;
}

static inline enum gt_fit ask(struct gt_question *q, struct gt_table *table,
			      const struct gt_request *request)
{
	uint32_t free = (uint32_t)request->free.word[0] & table->all;

	q->table = table;
	q->request = request;
	q->open = request->count > 1 ? free & ~table->mig : free;
	q->include = (uint32_t)request->include.word[0];
	q->touch = (uint32_t)request->touch.word[0];
	q->near = (uint32_t)request->near.word[0];
	if (!is_sound(request, &request->free) || (q->include & ~free))
		return GT_FIT_INVALID;
	if (request->count > gt_bits_count(free))
		return GT_FIT_TOO_FEW;
	return request->count > gt_bits_count(q->open) ? GT_FIT_MIG : GT_FIT_OK;
}

enum gt_fit gt_question_ask(struct gt_question *q, struct gt_table *table,
			    const struct gt_request *request)
{
	return ask(q, table, request);
}

/* Only the number of GPUs is asked: the answer may be kept. */
static bool is_plain(const struct gt_question *q)
{
	const struct gt_request *request = q->request;

	return request->policy == GT_POLICY_BANDWIDTH && request->min_busbw_mbps <= 0 &&
	       request->quota_count == 0 && request->except_count == 0 && !q->include &&
	       !q->touch && !gt_question_uses_network(q);
}

static enum gt_fit select_dense(struct gt_table *table, const struct gt_request *request,
				struct gt_choice *choice)
{
	const struct gt_answer *answer;
	const struct gt_tie *ties;
	struct gt_question q;
	enum gt_fit fit = ask(&q, table, request);

	if (fit)
		return fit;
	q.shape = NULL;
	if (gt_shape_asked(request)) {
		if (!gt_shape_fits(table, request, q.open))
			return gt_large_select(table, request,
					       &(struct gt_mask){{q.open}}, choice);
		gt_question_shape(&q, table, request);
	}
	if (!is_plain(&q)) {
		gt_release_init(&q.release, table, request->running,
				request->running_count);
		return gt_question_wished(&q, choice);
	}
	answer = q.shape ? gt_shape_ask(table, q.shape, q.open, &ties) : NULL;
	if (!answer)
		answer = gt_table_ask(table, q.open, request->count, &ties);
	if (answer->count > 1)
		gt_release_init(&q.release, table, request->running,
				request->running_count);
	choice->gpus.word[0] = ties[least_damage(&q, ties, answer->count)].set;
	choice->exact = !answer->inexact;
	return GT_FIT_OK;
}

/* ---- public ---- */

enum gt_fit gt_select(struct gt_table *table, const struct gt_request *request,
		      struct gt_choice *choice)
{
	struct gt_mask open;
	enum gt_fit fit;

	memset(choice, 0, sizeof(*choice));
	if (table->dense)
		return select_dense(table, request, choice);
	fit = gt_question_gpus(table, request, &open);
	if (fit)
		return fit;
	if (gt_shape_asked(request))
		return gt_large_select(table, request, &open, choice);
	if (request->network && table->node->nic_count)
		return table->node->cards->pick(table, request, &open, choice);
	return gt_pools_select(table, request, &open, choice);
}

static double remaining(const struct gt_table *table, const struct gt_request *request,
			const struct gt_mask *left)
{
	struct gt_release release;
	double idle;

	if (!table->dense)
		return gt_pools_remaining(table, request, left);
	gt_release_init(&release, table, request->running, request->running_count);
	idle = (double)table->worth[table->all] * (double)release.total;
	if (idle <= 0)
		return 1; /* no job of the mix cares which GPUs it gets */
	return (double)gt_damage_worth(table, &release, (uint32_t)left->word[0]) / idle;
}

static int common_divisor(int a, int b)
{
	while (b) {
		int rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* gt_score_set, with what the table already knows. */
static void score_dense(struct gt_table *table, const struct gt_mask *set,
			struct gt_score *score)
{
	long steps = GT_SEARCH_STEPS;
	uint32_t bits = (uint32_t)set->word[0] & table->all;
	const struct gt_dense_set *s = gt_table_rings(table, bits, &steps);
	struct gt_members m;
	int unit;

	memset(score, 0, sizeof(*score));
	gt_members_init(&m, table->node, set);
	gt_table_tree(table, bits);
	score->rings = s->rings;
	unit = common_divisor(GT_TREE_UNIT, s->tree);
	score->tree_num = s->tree / unit;
	score->tree_den = GT_TREE_UNIT / unit;
	if (s->rings == 0)
		score->path_mbps = gt_table_path(table, bits, &steps)->path_mbps;
	score->exact = !s->inexact;
	gt_score_finish(score, &m);
}

/* How the set splits into the groups of the request. */
static void score_groups(struct gt_table *table, const struct gt_request *request,
			 const struct gt_mask *set, struct gt_score *score)
{
	struct gt_geometry geometry;

	if (!gt_shape_asked(request) || score->count != request->count)
		return;
	gt_select_geometry(table, request, set, &geometry);
	score->groups_break_ties = request->groups_break_ties;
	score->transfer_mbps = geometry.transfer_mbps;
	score->exact = score->exact && geometry.exact;
	for (int i = 0; i < geometry.count; i++) {
		int at = score->group_count, mbps = geometry.busbw_mbps[i];

		if (mbps == GT_UNKNOWN ||
		    (at == GT_SCORE_GROUPS && mbps >= score->group_mbps[at - 1]))
			continue;
		if (at < GT_SCORE_GROUPS)
			at = score->group_count++;
		else
			at--;
		for (; at > 0 && score->group_mbps[at - 1] > mbps; at--)
			score->group_mbps[at] = score->group_mbps[at - 1];
		score->group_mbps[at] = mbps;
	}
}

void gt_select_score(struct gt_table *table, const struct gt_request *request,
		     const struct gt_mask *set, struct gt_score *score)
{
	struct gt_mask free = gt_mask_and(&request->free, &table->node->all);
	struct gt_mask left = gt_mask_without(&free, set);

	if (table->dense)
		score_dense(table, set, score);
	else
		gt_score_set(table->node, set, score);
	score_groups(table, request, set, score);
	if (request->network && table->node->nic_count)
		table->node->cards->score(table->node, request->network, set, score);
	score->remaining = remaining(table, request, &left);
}

static int compare_trees(const struct gt_score *a, const struct gt_score *b)
{
	int64_t x = (int64_t)a->tree_num * b->tree_den,
		y = (int64_t)b->tree_num * a->tree_den;

	return (y > x) - (y < x);
}

static int compare_groups(const struct gt_score *a, const struct gt_score *b)
{
	for (int i = 0; i < a->group_count && i < b->group_count; i++)
		if (a->group_mbps[i] != b->group_mbps[i])
			return b->group_mbps[i] > a->group_mbps[i] ? 1 : -1;
	return (b->transfer_mbps > a->transfer_mbps) -
	       (b->transfer_mbps < a->transfer_mbps);
}

static int compare_network_scores(const struct gt_score *a, const struct gt_score *b)
{
	struct gt_network_key x = {0, a->network_worth, a->rails_in_common,
				   a->nics_shared};
	struct gt_network_key y = {0, b->network_worth, b->rails_in_common,
				   b->nics_shared};

	return -gt_network_compare(&x, &y);
}

static int compare_level(const struct gt_score *a, const struct gt_score *b, int level)
{
	int64_t x = (int64_t)a->rings * a->link_mbps,
		y = (int64_t)b->rings * b->link_mbps;

	switch (level) {
	case 0:
		return (a->out_of_service > b->out_of_service) -
		       (a->out_of_service < b->out_of_service);
	case 1:
		return (y > x) - (y < x);
	case 2:
		if (compare_trees(a, b) || x > 0)
			return compare_trees(a, b);
		return (b->path_mbps > a->path_mbps) - (b->path_mbps < a->path_mbps);
	case GT_LEVEL_GROUPS:
		return compare_groups(a, b);
	case GT_LEVEL_NETWORK:
		return compare_network_scores(a, b);
	default:
		return (b->remaining > a->remaining) - (b->remaining < a->remaining);
	}
}

int gt_score_compare(const struct gt_score *a, const struct gt_score *b,
		     enum gt_policy policy, int *order)
{
	static const int levels[2][2][6] = {
		[GT_POLICY_BANDWIDTH] = {{0, GT_LEVEL_GROUPS, GT_LEVEL_NETWORK, 1, 2, 3},
					 {0, GT_LEVEL_NETWORK, 1, 2, GT_LEVEL_GROUPS, 3}},
		[GT_POLICY_PRESERVE] = {{0, 3, GT_LEVEL_GROUPS, GT_LEVEL_NETWORK, 1, 2},
					{0, 3, GT_LEVEL_NETWORK, 1, 2, GT_LEVEL_GROUPS}},
	};
	const int *sequence = levels[policy][a->groups_break_ties];

	for (int i = 0; i < 6; i++) {
		*order = compare_level(a, b, sequence[i]);
		if (*order)
			return sequence[i];
	}
	return 4;
}

int gt_ideal_busbw_mbps(struct gt_table *table, int count)
{
	struct gt_request request = {.count = count, .free = table->node->all};
	struct gt_choice choice;
	struct gt_score score;

	if (count < 2 || gt_select(table, &request, &choice))
		return 0;
	gt_score_set(table->node, &choice.gpus, &score);
	return score.busbw_mbps;
}

uint64_t gt_table_quality(struct gt_table *table, const struct gt_mask *free, int count)
{
	uint32_t open = (uint32_t)free->word[0] & table->all;
	const struct gt_tie *ties;

	if (count > 1)
		open &= ~table->mig;
	if (table->quality) /* 0 where it does not fit */
		return (unsigned)count <= GT_FULL_MAX
			       ? table->quality[open * (GT_FULL_MAX + 1) +
						(unsigned)count]
			       : 0;
	if (!table->dense)
		return gt_pools_quality(table, free, count);
	if (count < 1 || count > gt_bits_count(open))
		return 0;
	return gt_table_ask(table, open, count, &ties)->quality;
}
