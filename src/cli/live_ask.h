/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live_ask.h - what a job asks for, and whether a node can meet it now, by the rules of
 * the select plugin (plugin/ctld/request/wish.c). For gputopo job and why.
 */
#ifndef LIVE_ASK_H
#define LIVE_ASK_H

#include "cli/live.h"

/* What slurmctld's plugin writes before a wish in AdminComment. */
#define LIVE_COMMENT "gputopo: "

struct live_ask {
	int count;    /* GPUs of each node; 0: none, or not known beforehand */
	int nodes;    /* at least 1 */
	int total;    /* of all nodes */
	bool per_job; /* --gpus: may be split over nodes */
	bool typed;
	char type[LIVE_NAMES]; /* "" any */
	/* the wish */
	bool ring, off, preserve;
	int min_mbps;
	bool shaped;		 /* --gpu-groups or --gpu-comm */
	struct gt_groups groups; /* empty: none */
	enum gt_comm comm;
	char wish[512]; /* the options as the user gave them; "": none, or not known */
	/* what else a node must have free; per node */
	long cpus, memory;
};

/* Read a job's request and the wish in its AdminComment. */
void live_ask_read(struct live_ask *ask, const struct live_job *job);
/* One option, "--gpu-topo=ring"; false: not one of ours, or not a value of it. */
bool live_ask_option(struct live_ask *ask, const char *option);
bool live_ask_is_wish(const struct live_ask *ask);

enum live_block {
	LIVE_STARTS,   /* the node can take the job's part now */
	LIVE_BARRED,   /* not of the partition, or excluded, or without a feature */
	LIVE_CLOSED,   /* down, drained, ... */
	LIVE_FEW,      /* fewer GPUs than asked, free or not */
	LIVE_BUSY,     /* too few are free */
	LIVE_LINKS,    /* enough are free, but not connected as asked */
	LIVE_NO_CORES, /* the GPUs would do, but cores or memory are taken */
	LIVE_UNMET,    /* not even the idle node is connected so */
};

struct live_verdict {
	enum live_block block;
	int free;	      /* of the asked type */
	struct live_set best; /* of the free ones, as the plugin would choose */
};

/* Whether the job may have this node, whatever is free there. */
bool live_may_have(const struct live_job *job, const struct live_node *node);
/* Whether count of these bits can meet it. *set is what the plugin would choose of them.
 */
bool live_met(const struct live_ask *ask, const struct live_kind *kind, uint64_t free,
	      struct live_set *set);
void live_judge(const struct live_ask *ask, const struct live_job *job,
		const struct live_node *node, struct live_verdict *verdict);

/* The end of running jobs on a node after which it can meet the request: 0 now, -1 never,
 * -2 not before a job without a known end. *free is what is free then. */
time_t live_when(const struct live *live, const struct live_ask *ask,
		 const struct live_node *node, time_t now, uint64_t *free);
/* What a job holds on a node. */
uint64_t live_held(const struct live_job *job, const char *node);
/* By number, or by ARRAY_TASK; NULL: none. */
const struct live_job *live_find_job(const struct live *live, const char *id);

#endif
