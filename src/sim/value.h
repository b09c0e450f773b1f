/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value.h - what GPU sets of one node type are worth, found once and kept. One for each
 * thread: it fills itself as it is asked. */
#ifndef SIM_VALUE_H
#define SIM_VALUE_H

#include "sim/layout.h"

struct sim_worth {
	int32_t busbw_mbps;
	bool ring; /* R > 0 */
};

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
};

enum gt_err sim_value_init(struct sim_value *value, const struct sim_type *type,
			   const struct gt_mix *mix, int ringless_mbps,
			   struct gt_error *err);
void sim_value_release(struct sim_value *value);
/* A set of 2 GPUs or more. */
struct sim_worth sim_value_set(struct sim_value *value, uint64_t set);
/* The best set of k >= 2 among the free ones; all zero where too few are free. */
struct sim_worth sim_value_best(struct sim_value *value, uint64_t free, int k);

#endif
