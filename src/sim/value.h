/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value.h - what GPU sets of one node type are worth, found once and kept. One for each
 * thread: it fills itself as it is asked. */
#ifndef SIM_VALUE_H
#define SIM_VALUE_H

#include "sim/layout.h"
#include "sim/trace.h"

struct sim_worth {
	int32_t busbw_mbps;
	bool ring; /* R > 0 */
};

/* What sets of some GPUs are worth to a shape: kept as it is asked. */
struct sim_shape_value;

struct sim_value {
	const struct sim_type *type;
	struct gt_table *table;
	int ringless_mbps; /* what a set without a ring counts as; 0: its own busbw */
	bool full;	   /* few GPUs: everything is known from the start */
	struct sim_worth *sets;	      /* full: [mask]; else by hash */
	struct sim_worth *best;	      /* full: [mask * (n + 1) + k]; else by hash */
	uint64_t *set_key, *best_key; /* of the hashes; 0: empty */
	struct sim_worth ideal[SIM_MAX_GPUS + 1];
	bool has_choice[SIM_MAX_GPUS +
			1]; /* sets of k differ in bandwidth; beyond 8 GPUs:
			     * pairs do, and there are several sets */
	struct sim_shape_value **shapes;
	int shape_count;
};

enum gt_err sim_value_init(struct sim_value *value, const struct sim_type *type,
			   const struct gt_mix *mix, int ringless_mbps,
			   struct gt_error *err);
void sim_value_release(struct sim_value *value);
/* A set of 2 GPUs or more. */
struct sim_worth sim_value_set(struct sim_value *value, uint64_t set);
/* The best set of k >= 2 among the free ones; all zero where too few are free. */
struct sim_worth sim_value_best(struct sim_value *value, uint64_t free, int k);

/* The same by a geometry: busbw is of the slowest group of the best partition, in the
 * measure of comm; ring: each group has one. A shape of k GPUs that split into groups of
 * one, or into none of these sizes, is worth nothing: NULL. */
struct sim_shape_value *sim_value_shape(struct sim_value *value,
					const struct sim_shape *shape, int k);
struct sim_worth sim_shape_set(struct sim_shape_value *shape, uint64_t set);
struct sim_worth sim_shape_best(struct sim_shape_value *shape, uint64_t free);
struct sim_worth sim_shape_ideal(const struct sim_shape_value *shape);
bool sim_shape_has_choice(const struct sim_shape_value *shape);
/* For comparing nodes; the next question may change it. NULL: too few are free. */
const struct gt_quality *sim_shape_quality(struct sim_shape_value *shape, uint64_t free);

#endif
