/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_env.h - on the node: what a step's tasks find in their environment. It reads and
 * writes by SPANK; what it does not understand stays as Slurm made it.
 */
#ifndef GPUTOPO_PLUGIN_NODE_RANK_RANK_ENV_H
#define GPUTOPO_PLUGIN_NODE_RANK_RANK_ENV_H

#include <stdbool.h>
#include <sys/types.h>

#include <slurm/spank.h>

struct gp_ranks_options {
	bool ring;	    /* --gpu-order=ring */
	const char *groups; /* --gpu-groups, as anybody wrote it; NULL or "": none */
	const char *comm;   /* --gpu-comm, likewise */
	bool bind_nics;	    /* --gpu-nics=bind */
	pid_t stepd;	    /* slurmstepd's own, as of init: hooks may run in a clone */
	const char *sysfs;  /* "/sys" */
	const char *conf;   /* folder of gputopo.conf and gres.conf; NULL: slurm.conf's */
};

/* A step of several GPUs that was promised a ring, or GB/s (in the measure of its
 * groups), does not have them: one sentence why. false: it has, or there is no topology.
 */
bool gp_ranks_break(bool ring, double min_gbps, char *why, size_t size);
/* user_init, in slurmstepd: look at the step's GPUs and at the topology. */
void gp_ranks_begin(spank_t spank, const struct gp_ranks_options *options);
/* task_post_fork, in slurmstepd: this task's CPUs are known. */
void gp_ranks_forked(spank_t spank);
/* task_init, in the task: its environment and its PMIx keys. */
void gp_ranks_task(spank_t spank);
/* exit, in slurmstepd. */
void gp_ranks_end(void);

#endif
