/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_node.h - a job's GPU instances on its node: made before it starts, found by its
 * tasks, removed after it.
 *
 * Instances of others are never touched, nor those of a job that Slurm still runs. Of our
 * own, one whose job is gone may be in the way of the next (a node that died and came
 * back runs the next job's prolog before the old one's epilog): it is removed, or, if
 * `keep_strays`, the job fails.
 *
 * A job's placement comes to the node in its environment, to which users add what they
 * like. So it is only a proposal: what is made is checked against what Slurm itself says
 * that the job has, which no user can write (struct gp_mig_authority).
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_MIG_NODE_H
#define GPUTOPO_PLUGIN_NODE_MIG_MIG_NODE_H

#include "plugin/node/mig/mig_record.h"

#define GP_MIG_FOLDER "/run/gputopo/mig"

/* What slurmctld says when root asks it. */
struct gp_mig_authority {
	/* The memory slices (shards) that the job holds on the node; -1: no answer. */
	int (*slices_of)(uint32_t job, const char *node);
	/* Whether this run of the job still holds the node; true where nobody answers. */
	bool (*is_running)(uint32_t job, int restart, const char *node);
};

struct gp_mig_node {
	const struct gp_mig_authority *authority;
	const char *name;	 /* as Slurm calls it */
	const char *folder;	 /* of the records */
	const char *driver_file; /* NULL: libnvidia-ml.so.1 */
	bool keep_strays;
	int patience_ms; /* how long the epilog waits for processes to go */
	int lock_ms;	 /* and everybody for another that works on the GPUs */
};

/* One run of a job, as the controller decided it. */
struct gp_mig_job {
	uint32_t id;
	int restart;	   /* its restart count; INT_MAX: not known to the epilog */
	const char *place; /* NODE:GPU:START:SIZE[,...]; NULL: the job has no MIG wish */
	const char *wish;  /* PROFILE[:COUNT]: slices and suffix count, not the memory */
	const char *gpus;  /* minor numbers that slurmd says it has: "0,3"; NULL: none */
};

enum gp_mig_end {
	GP_MIG_DONE = 0,
	GP_MIG_FAULT = -1,  /* of the node: no driver, no space, somebody in the way */
	GP_MIG_REFUSED = 1, /* of the job: it asks for what it was not given */
};

/* The entries of job->place for the node, into record (count 0 where there are none).
 * False: the text is no such list, does not fit, or names slices twice; why says so. */
bool gp_mig_job_slices(const struct gp_mig_job *job, const char *node,
		       struct gp_mig_record *record, char *why, size_t size);

/* All return 0, or -1 with a sentence in why; 0 too where the job has nothing here. */

/* Make the job's instances; those that the same run has already are kept. On failure
 * nothing of them is left. After GP_MIG_REFUSED the job's tasks are refused as well,
 * whatever they say that they wish. */
enum gp_mig_end gp_mig_node_prolog(const struct gp_mig_node *node,
				   const struct gp_mig_job *job, char *why, size_t size);
/* What CUDA_VISIBLE_DEVICES is to be: "MIG-...,MIG-..."; "" where the job has no instance
 * here. -1: it should have one (`wished`) and has not, or was refused it. Needs root, and
 * no driver. */
int gp_mig_node_task(const struct gp_mig_node *node, uint32_t job, bool wished,
		     char *visible, size_t visible_size, char *why, size_t size);
/* Remove the job's instances; those of another run of the same job are left. -1: one is
 * still in use after patience_ms; its record stays. */
int gp_mig_node_epilog(const struct gp_mig_node *node, const struct gp_mig_job *job,
		       char *why, size_t size);
/* At the start of slurmd: forget what a reboot took away, and learn the numbers of what
 * was made by a prolog that died. */
int gp_mig_node_reconcile(const struct gp_mig_node *node, char *why, size_t size);

#endif
