/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second best answer to a request, for who explains the first. */
#include "config.h"

#include "core/bits.h"
#include "core/select.h"

#include <string.h>

/* Whether the set ties with the choice on levels 0 to 4, lowest indices aside. What was
 * not looked at on some level lost before it, so it is no tie. */
static bool is_equal(const struct gt_question *q, uint32_t set, uint32_t choice)
{
	struct gt_tie two[2] = {{.set = (uint16_t)set}, {.set = (uint16_t)choice}};
	uint32_t same = gt_twins_canonical(&q->table->twin_bits, set);
	const struct gt_dense_set *s = &q->table->sets[same];

	if (q->parts && !gt_shape_equal(q->parts, set, choice))
		return false;
	if (gt_question_uses_network(q)) {
		struct gt_network_key a = gt_question_network(q, set),
				      b = gt_question_network(q, choice);

		if (gt_network_compare(&a, &b))
			return false;
	}
	if (s->rings < 0 || s->tree < 0 || (s->rings == 0 && s->path_mbps < 0) ||
	    gt_table_key(q->table, set) != gt_table_key(q->table, choice) ||
	    gt_damage_worth(q->table, &q->release, q->open & ~set) !=
		    gt_damage_worth(q->table, &q->release, q->open & ~choice))
		return false;
	gt_table_sort_ties(q->table, two, 2);
	return two[0].level_4 >> 16 == two[1].level_4 >> 16;
}

static enum gt_fit runner_up_dense(struct gt_question *q, uint32_t choice,
				   struct gt_choice *runner_up)
{
	struct gt_tie *c = q->table->scratch;
	enum gt_fit fit =
		gt_question_wished(q, runner_up); /* looks at all that may tie */
	uint32_t count, kept = 0;

	memset(runner_up, 0, sizeof(*runner_up));
	if (fit)
		return fit;
	count = gt_question_list(q, &fit);
	for (uint32_t i = 0; i < count; i++)
		if (!is_equal(q, c[i].set, choice))
			c[kept++] = c[i];
	if (!kept)
		return GT_FIT_CONSTRAINED;
	gt_question_best(q, kept, runner_up);
	return GT_FIT_OK;
}

enum gt_fit gt_select_runner_up(struct gt_table *table, const struct gt_request *request,
				const struct gt_choice *choice,
				struct gt_choice *runner_up)
{
	struct gt_mask open, rest;
	struct gt_question q;
	enum gt_fit fit;

	memset(runner_up, 0, sizeof(*runner_up));
	fit = table->dense ? gt_question_ask(&q, table, request)
			   : gt_question_gpus(table, request, &open);
	if (fit)
		return fit;
	if (!table->dense) {
		/* the best set that does without the choice's GPUs */
		rest = gt_mask_without(&open, &choice->gpus);
		if (gt_mask_count(&rest) < request->count ||
		    gt_mask_next(&request->include, 0) >= 0)
			return GT_FIT_CONSTRAINED;
		if (gt_shape_asked(request))
			return gt_large_select(table, request, &rest, runner_up);
		return request->network && table->node->nic_count
			       ? table->node->cards->pick(table, request, &rest,
							  runner_up)
			       : gt_pools_select(table, request, &rest, runner_up);
	}
	gt_question_shape(&q, table, request);
	gt_release_init(&q.release, table, request->running, request->running_count);
	return runner_up_dense(&q, (uint32_t)choice->gpus.word[0], runner_up);
}
