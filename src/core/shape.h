/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shape is a geometry asked of a node type: the sizes of the groups, and what runs in
 * them. Here is what select and table need of it; gputopo.h says what it is worth. */
#ifndef GT_SHAPE_H
#define GT_SHAPE_H

#include "core/table.h"

/* What is known of one shape; kept by the table. */
struct gt_shape;
/* The best partition of every set that lies within some free GPUs. */
struct gt_parts;

/* Whether the request asks for more than one all-reduce over the whole set. */
static inline bool gt_shape_asked(const struct gt_request *request)
{
	return (request->comm != GT_COMM_ALLREDUCE ||
		(request->groups && request->groups->count > 1)) &&
	       request->count > 1;
}

/* The shape of a request to a dense node, made where it was not asked before: a few ms
 * for 8 GPUs, which then answer every free mask. NULL: out of memory. */
struct gt_shape *gt_shape_get(struct gt_table *table, const struct gt_request *request);
/* gt_table_ask for a shape; the first question of 9 to 16 GPUs takes up to about 0.1 s.
 * NULL: out of memory. */
const struct gt_answer *gt_shape_ask(struct gt_table *table, struct gt_shape *shape,
				     uint32_t open, const struct gt_tie **ties);
/* Whether the table's limit allows to look for the request's groups in open. O(groups).
 */
bool gt_shape_fits(const struct gt_table *table, const struct gt_request *request,
		   uint32_t open);
/* The partitions of all sets within open. */
struct gt_parts *gt_shape_parts(struct gt_table *table, struct gt_shape *shape,
				uint32_t open);
/* The first part of gt_shape_best: health and the groups' value, where these count before
 * level 1. */
uint32_t gt_shape_keep(struct gt_table *table, const struct gt_shape *shape,
		       struct gt_parts *parts, struct gt_tie *c, uint32_t count,
		       bool *inexact);
/* gt_table_best for a shape. */
uint32_t gt_shape_best(struct gt_table *table, const struct gt_shape *shape,
		       struct gt_parts *parts, struct gt_tie *c, uint32_t count,
		       bool *inexact);
/* Whether the two sets have groups and a transfer of the same worth. */
bool gt_shape_equal(struct gt_parts *parts, uint32_t a, uint32_t b);
/* The slowest group of the set, MB/s; INT_MAX: groups of one only. */
int gt_shape_slowest(const struct gt_parts *parts, uint32_t set);
#define GT_SHAPE_FIGURES 4

/* The slowest groups, slowest first, groups of one left out. */
struct gt_shape_figures {
	int mbps[GT_SHAPE_FIGURES], count;
	int transfer_mbps;
};

/* Of the answer to open, which gt_shape_ask gave last for these. */
struct gt_shape_figures gt_shape_figures(struct gt_shape *shape, uint32_t open);
/* The best partition itself, in the order of the list; false: not proven. */
bool gt_shape_partition(const struct gt_parts *parts, uint32_t set,
			uint32_t group[GT_DENSE_MAX]);
/* ---- larger nodes (geometry.c) ---- */

/* gt_pools_select for a shape: groups inside islands. */
enum gt_fit gt_large_select(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice);

#endif
