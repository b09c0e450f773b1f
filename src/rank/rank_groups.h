/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_groups.h - the groups that a step's GPUs split into on this node, and which of
 * them its first ranks get. Nothing of Slurm. Called by rank_env.c and gputopo-pmix.
 */
#ifndef GPUTOPO_RANK_RANK_GROUPS_H
#define GPUTOPO_RANK_RANK_GROUPS_H

#include "core/library.h"

/* The groups of a step's 1 to GP_RANK_GPUS GPUs under --gpu-groups=sizes --gpu-comm=comm
 * (NULL or "": allreduce), each in the order of its ranks. Both texts may be anybody's.
 * false, and *groups has count 0: the GPUs are no multiple of the pattern, or a text
 * means nothing. Makes a table: some ms for 8 GPUs. */
bool gp_groups_find(struct gt_geometry *groups, const struct gt_node *node,
		    const struct gt_mask *gpus, const char *sizes, const char *comm);

/* Change groups of one size with each other, as far as neighbours keep their bandwidth,
 * and the order within each, so that many ranks are near their GPUs. near: by place in
 * the order of the GPUs, those near the cores of the place's rank; NULL: nothing is
 * known. */
void gp_groups_near(struct gt_geometry *groups, const struct gt_node *node,
		    const struct gt_mask *near);

/* The group that has all of these GPUs, or -1. */
int gp_groups_index(const struct gt_geometry *groups, const int *gpu, int count);
/* Where a group begins in groups->gpu. */
int gp_groups_start(const struct gt_geometry *groups, int group);

#endif
