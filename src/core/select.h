/* SPDX-License-Identifier: GPL-2.0-or-later */
/* select.h - a request to a dense node, step by step: select.c answers it, runner_up.c
 * asks for the second best. */
#ifndef GT_SELECT_H
#define GT_SELECT_H

#include "core/shape.h"
#include "core/table.h"

/* A request on a dense node, in numbers. */
struct gt_question {
	struct gt_table *table;
	const struct gt_request *request;
	uint32_t open; /* free, without MIG where K > 1 */
	uint32_t include, touch, near;
	struct gt_shape *shape; /* NULL: one all-reduce over the whole set */
	struct gt_parts *parts; /* of the shape, where sets are compared */
	struct gt_release release;
};

/* The GPUs that the request may take, or why there are too few. */
enum gt_fit gt_question_gpus(const struct gt_table *table,
			     const struct gt_request *request, struct gt_mask *open);
/* The question in numbers; gt_question_gpus for a dense node. */
enum gt_fit gt_question_ask(struct gt_question *q, struct gt_table *table,
			    const struct gt_request *request);
/* The shape of the question, where it has one; without memory it is judged as a whole. */
void gt_question_shape(struct gt_question *q, struct gt_table *table,
		       const struct gt_request *request);
/* Every K-set that the wishes allow, into scratch. */
uint32_t gt_question_list(const struct gt_question *q, enum gt_fit *fit);
/* The best of the candidates in scratch. */
void gt_question_best(const struct gt_question *q, uint32_t count,
		      struct gt_choice *choice);
/* The best of all that the wishes allow. */
enum gt_fit gt_question_wished(struct gt_question *q, struct gt_choice *choice);

static inline bool gt_question_uses_network(const struct gt_question *q)
{
	return q->request->network && q->table->node->nic_count > 0;
}

/* Of a node with NICs. */
struct gt_network_key gt_question_network(const struct gt_question *q, uint32_t set);

#endif
