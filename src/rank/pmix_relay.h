/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix_relay.h - from the tasks to the PMIx server of their slurmstepd.
 *
 * Which GPUs a task gets is settled only in the task itself, after the fork, and the
 * server is in the parent. So each task tells the parent, where a thread stores it, and
 * waits. The server copies what it has for the clients when the first of them connects:
 * no task may go on before the keys of all are stored. A task that never comes, or a
 * server that does not answer, costs the others GP_RELAY_WAIT_MS and the keys of tasks,
 * nothing else. The thread ends with the last task that has started its program.
 */
#ifndef GPUTOPO_RANK_PMIX_RELAY_H
#define GPUTOPO_RANK_PMIX_RELAY_H

#include <stdatomic.h>

#include "rank/pmix_keys.h"

#define GP_RELAY_WAIT_MS 2000

struct gp_relay {
	gp_pmix_store_fn *store;
	const struct gp_facts *facts;
	const struct gt_node *node;
	atomic_int *stored; /* all told; in memory that parent and tasks share */
	int tasks;	    /* on this node */
	int pipe[2];	    /* messages of all tasks */
	bool open;
	atomic_bool runs; /* the thread: facts and node are in use */
};

/* In slurmstepd, before it forks: the fields up to tasks are filled; start the thread. */
bool gp_relay_start(struct gp_relay *relay);
/* In slurmstepd, when the last task is forked. */
void gp_relay_forked(struct gp_relay *relay);
/* In a task: store the node's facts under nspace, and those of the task's own GPUs, if
 * count is not 0, under its rank. */
void gp_relay_tell(const struct gp_relay *relay, const char *nspace, uint32_t rank,
		   const int *gpu, int count);

#endif
