/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reason.h - why a job kept stock's GPUs, or got others.
 */
#ifndef GPUTOPO_CONF_REASON_H
#define GPUTOPO_CONF_REASON_H

#include <stdbool.h>

enum gp_reason {
	GP_OK = 0,    /* a choice is possible */
	GP_CHANGED,   /* the job got better GPUs */
	GP_OBSERVED,  /* it would have, but for Mode=observe */
	GP_BEST,      /* stock's set is as good as any */
	GP_NO_GPUS,   /* the job asks for none */
	GP_NO_CHOICE, /* no more GPUs are free than it asks for */
	GP_OFF,
	GP_EXCLUSIVE,  /* the job gets the whole node */
	GP_PREEMPTION, /* stock's answer holds after preemption */
	GP_SHARED,     /* mps or shard, in the job or on the node */
	GP_ENFORCE_BINDING,
	GP_PER_SOCKET, /* GPUs per socket, but their sockets aren't known */
	GP_NO_TOPOLOGY,
	GP_SIZE,	 /* model and node differ in size */
	GP_LIMIT,	 /* more GPUs, types or entries than we look at */
	GP_NO_FILES,	 /* counted GPUs without device files */
	GP_BAD_LINKS,	 /* Links= that are no matrix of one node */
	GP_PERMUTED,	 /* several types and no way to tell their order */
	GP_LINKS_DIFFER, /* Links= and Topology= contradict each other */
	GP_NO_READER,	 /* gputopo_topology.so cannot be loaded */
	GP_INSTANCES,	 /* MIG instances that are not those of Topology= */
	GP_BUDGET,	 /* the search ran out of steps */
	GP_INDEX,	 /* our index of running jobs and the node disagree */
	GP_ABI_MISMATCH, /* Slurm's structs don't look as compiled */
	GP_MEMORY,
	GP_RERUN, /* no better set could be had with stock's rules */
	GP_WAIT,  /* the job waits: its wish cannot be met now */
	GP_REASON_COUNT
};

/* The state of a job that waits for its wish, as squeue shows it: set by the plugin,
 * counted by gputopo nodes --metrics. */
#define GP_WAITING "gputopo: waiting for GPUs that are connected as asked"

/* A word for logs ("no-topology") and a sentence for people. */
const char *gp_reason_word(enum gp_reason reason);
const char *gp_reason_text(enum gp_reason reason);
/* Whether it is about the node's configuration, for the admin to mend. Logged once a
 * node. */
bool gp_reason_is_for_admin(enum gp_reason reason);

#endif
