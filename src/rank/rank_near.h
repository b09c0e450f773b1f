/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_near.h - which GPUs are near a task's CPUs. Nothing of Slurm.
 */
#ifndef GPUTOPO_RANK_RANK_NEAR_H
#define GPUTOPO_RANK_RANK_NEAR_H

#include <sched.h>

#include "core/library.h"

/* Socket and NUMA node of each CPU, -1 where there is none. */
struct gp_cpus {
	int16_t socket[CPU_SETSIZE];
	int16_t numa[CPU_SETSIZE];
};

/* As Linux shows them below sysfs ("/sys"). Some ten files a CPU. */
void gp_cpus_read(struct gp_cpus *cpus, const char *sysfs);

/* The GPUs of a set that are near one of the task's CPUs: by the model's own list of near
 * CPUs, or by NUMA node, or by socket, whichever it has. If that is all of them there is
 * nothing to prefer: the set is empty then. */
struct gt_mask gp_near_gpus(const struct gt_node *node, const struct gt_mask *set,
			    const struct gp_cpus *cpus, const cpu_set_t *task);

#endif
