/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blocks.h - jobs of whole nodes on racks: topology/block of Slurm 24.11 with --segment.
 * A job of N nodes in segments of S has each S nodes in one block. gputopo sim blocks.
 */
#ifndef SIM_BLOCKS_H
#define SIM_BLOCKS_H

#include "core/library.h"

#define SIM_BLOCK_MAX 256 /* nodes of a block */

/* Which block a segment goes to. */
enum sim_block_rule {
	SIM_BLOCKS_NAIVE, /* segments ignored: any free nodes, the first */
	SIM_BLOCKS_STOCK, /* the block with the fewest free nodes that suffice */
	SIM_BLOCKS_VALUE, /* the block whose value falls least */
	SIM_BLOCKS_RULES,
};
const char *sim_block_rule_name(enum sim_block_rule rule);

struct sim_block_job {
	int64_t submit_ms, duration_ms;
	int nodes, segment;
	int64_t start_ms; /* filled by the run */
	int blocks;	  /* that it is spread over */
};

struct sim_block_options {
	int nodes, block; /* of the cluster; of a block, the last may be smaller */
	enum sim_block_rule rule;
	int depth;	   /* waiting jobs that may pass the first */
	const double *mix; /* by nodes 0 to block: how often segments of a size come */
	int64_t warmup_ms; /* nothing before counts */
};

struct sim_block_result {
	double occupancy; /* busy share of the nodes, from warm-up to last submission */
	double wait_mean_s, wait_large_s; /* of all jobs; of those larger than a block */
	double blocks_mean;		  /* per job of 2 nodes and more up to a block */
	int64_t started;
};

/* What a block with so many free nodes is worth to the jobs to come: the sum over sizes s
 * of mix(s) x s x floor(free / s). */
double sim_block_value(const double *mix, int block, int free);

/* Jobs by submission. First come first served with backfill: the first waiting job keeps
 * the earliest time at which it fits, later ones may pass if it then still does; run
 * times are known. GT_ENOMEM. O(jobs x depth x blocks). */
enum gt_err sim_blocks_run(struct sim_block_result *result, struct sim_block_job *jobs,
			   size_t count, const struct sim_block_options *options,
			   struct gt_error *err);

#endif
