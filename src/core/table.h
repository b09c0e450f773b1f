/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known beforehand about one node type. Nodes of up to 16 GPUs are "dense": a set
 * is a number, and arrays of 2^n hold what is known of each. Larger ones are "pooled". */
#ifndef GT_TABLE_H
#define GT_TABLE_H

#include "core/node.h"
#include "core/score.h"
#include "core/twin.h"

#define GT_DENSE_MAX 16
#define GT_SHAPES    8 /* geometries of one type that are kept */
#define GT_FULL_MAX  8 /* up to here every answer is made when the table is */

/* tau in whole numbers: a multiple of every denominator up to 15. */
#define GT_TREE_UNIT 360360

/* What has been found out about one dense set; only canonical sets are asked. */
struct gt_dense_set {
	int16_t rings;		/* -1: not yet */
	bool inexact;		/* rings, tree or path is only a lower bound */
	int32_t tree;		/* tau x GT_TREE_UNIT; -1: not yet */
	int32_t path_mbps;	/* P; -1: not yet */
	int32_t link_mbps;	/* w */
	int32_t in_switch_mbps; /* by reduction in the switch */
};

/* A candidate, and then a set that ties with the best on levels 0 to 2. */
struct gt_tie {
	uint64_t level_4; /* larger is better; the lowest 16 bits are "lowest indices" */
	int32_t bound;	  /* while searching: what the level may reach at most */
	uint16_t set;
	bool done; /* while searching: the bound is the value */
};

/* The ties of one question (free GPUs, K): a run in gt_table.ties. */
struct gt_answer {
	uint64_t quality; /* 0: no set */
	uint32_t first;
	uint32_t count;
	bool inexact;
	uint32_t asked; /* free << 5 | K; 0: nothing stands here */
};

struct gt_table {
	const struct gt_node *node;
	int n;
	struct gt_mix mix;
	struct gt_twins twins;

	/* dense */
	bool dense;
	struct gt_twin_bits twin_bits;
	uint32_t all, mig, unhealthy;
	struct gt_dense_set *sets; /* 2^n */
	int32_t *worth;		   /* 2^n: h(F), the value of free GPUs, unit 2^-20 */
	int32_t *ratio;		   /* 2^n: r(S), same unit; 0 where not known */
	uint32_t ratio_sizes;	   /* bit K: known for all sets of K */
	uint8_t *subsets;	   /* n <= 8: of every set, by size; 3^n */
	struct gt_answer
		*answers; /* n <= 8: [free * 9 + K]; else a hash of answer_slots */
	uint32_t answer_slots, answers_used;
	struct gt_answer unkept; /* the last one that found no room */
	uint64_t *
		quality; /* n <= 8: of each answer, [free * 9 + K], in 18 KB; else NULL */
	struct gt_tie *ties;
	uint32_t ties_used, ties_room;
	struct gt_tie *scratch; /* room for every K-set of the node */
	uint32_t scratch_room;

	/* geometries that were asked for (shape.c) */
	struct gt_shape *shapes[GT_SHAPES];
	uint32_t shape_clock;
	long shape_work;	 /* of gt_table_limit_groups; 0: no limit */
	int64_t *group_value[2]; /* dense: 2^n, by comm; -1: not yet; NULL: not asked */
	struct gt_parts *parts;	 /* 9 to 16: of the last question */

	/* pooled */
	struct gt_pools *pools;
};

/* Levels 0 to 2 as one number, larger is better. Bits 63-59: 31 less the members out of
 * service (31 at most); 58: R > 0; below it mbps and tau, or tau and P. mbps is R x w, or
 * what a switch reduces where that is more: the same order within a type, and the right
 * one between types. It and P are under 2^27 MB/s, tau x unit under 2^31. */
static inline uint64_t gt_quality_pack(int out_of_service, int mbps, int tree,
				       int path_mbps)
{
	int sick = out_of_service < 31 ? out_of_service : 31;
	uint64_t key = (uint64_t)(31 - sick) << 59;

	if (mbps > 0)
		return key | UINT64_C(1) << 58 | (uint64_t)mbps << 31 | (uint64_t)tree;
	return key | (uint64_t)tree << 27 | (uint64_t)path_mbps;
}

/* ---- dense sets (table.c) ---- */

/* Levels 1 and 2 of a set, found out as far as asked. */
const struct gt_dense_set *gt_table_rings(struct gt_table *table, uint32_t set,
					  long *steps);
const struct gt_dense_set *gt_table_tree(struct gt_table *table, uint32_t set);
const struct gt_dense_set *gt_table_path(struct gt_table *table, uint32_t set,
					 long *steps);
/* gt_quality_pack of a set; tree and path must have been asked. */
uint64_t gt_table_key(const struct gt_table *table, uint32_t set);
/* Bus bandwidth of an all-reduce by the model, MB/s; measured points are not looked at.
 */
int gt_table_predict(struct gt_table *table, uint32_t set, long *steps);
/* Keep the candidates with the fewest members out of service, first; returns how many. */
uint32_t gt_table_keep_healthy(const struct gt_table *table, struct gt_tie *c,
			       uint32_t count);
/* All K-subsets of free that take the lowest of each kind of twins. */
uint32_t gt_table_list(const struct gt_table *table, uint32_t free, int k,
		       struct gt_tie *out);
/* Reduce the candidates to those that tie for the best on levels 0 to 2; returns how many
 * and stands them first, unsorted. *quality is their key. */
uint32_t gt_table_best(struct gt_table *table, struct gt_tie *candidates, uint32_t count,
		       uint64_t *quality, bool *inexact);
/* Sort ties by level 4, best first. */
void gt_table_sort_ties(const struct gt_table *table, struct gt_tie *ties,
			uint32_t count);
/* The answer to (free, K) without further wishes; kept where there is room, else its ties
 * stand in table->scratch and *ties points there. */
const struct gt_answer *gt_table_ask(struct gt_table *table, uint32_t free, int k,
				     const struct gt_tie **ties);

/* ---- level 3 (damage.c) ---- */

#define GT_DAMAGE_JOBS 8 /* running jobs whose every subset is looked at (rule A) */

/* What the running jobs may give back, prepared once per question. */
struct gt_release {
	int count; /* subsets of jobs, or nothing and single jobs */
	uint32_t freed[1 << GT_DAMAGE_JOBS];
	uint32_t weight[1 << GT_DAMAGE_JOBS];
	uint64_t total;
};

#define GT_SUBSET_COUNT 6561 /* of all sets of 8 */

/* List the subsets of every set of n <= 8 GPUs, by set, then by size. */
void gt_damage_list(uint8_t *subsets, int n);
/* Make table->worth for table->mix: needs the links of every set of the mix's sizes.
 * 3^n steps at most. */
void gt_damage_build(struct gt_table *table);
void gt_release_init(struct gt_release *release, const struct gt_table *table,
		     const struct gt_running *running, int count);
/* The expected value of what is free once left plus the releases; scale release->total.
 * In line: a decision asks it for up to 70 ties. */
static inline int64_t gt_damage_worth(const struct gt_table *table,
				      const struct gt_release *release, uint32_t left)
{
	int64_t sum = 0;

	for (int u = 0; u < release->count; u++)
		sum += (int64_t)release->weight[u] *
		       table->worth[left | release->freed[u]];
	return sum;
}

#define GT_SHORTLIST 64 /* ties of nodes of 9 to 16 GPUs that rule B compares */

/* Of many ties in the order of level 4, those that leave the most now, in that order; all
 * where the node has up to 8 GPUs. */
uint32_t gt_damage_shortlist(const struct gt_table *table, struct gt_tie *ties,
			     uint32_t count, uint32_t open);

/* ---- larger nodes (pool.c) ---- */

/* Whether the node is better kept as pools: more than 16 GPUs, or 9 to 16 that are all
 * alike. */
bool gt_pools_fit(const struct gt_table *table);
enum gt_err gt_pools_new(struct gt_pools **pools, const struct gt_table *table,
			 struct gt_error *err);
void gt_pools_free(struct gt_pools *pools);
size_t gt_pools_bytes(const struct gt_pools *pools);
/* Whether the set keeps count, touch, quotas and except of the request. */
bool gt_pools_allow(const struct gt_request *request, const struct gt_mask *set);
/* Take over table->mix. */
void gt_pools_weigh(struct gt_pools *pools, const struct gt_table *table);
enum gt_fit gt_pools_select(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice);
double gt_pools_remaining(const struct gt_table *table, const struct gt_request *request,
			  const struct gt_mask *left);
uint64_t gt_pools_quality(struct gt_table *table, const struct gt_mask *free, int count);

/* Of the table's shapes (shape.c), when it is freed and counted. */
void gt_shapes_free(struct gt_table *table);
size_t gt_shapes_bytes(const struct gt_table *table);

#endif
