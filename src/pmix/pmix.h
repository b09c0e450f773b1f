/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmix.h - gputopo-pmix: a small PMIx server for one simulated node, and a client that
 * prints what a rank sees. The only program that is linked with libpmix (BSD).
 */
#ifndef GPUTOPO_PMIX_H
#define GPUTOPO_PMIX_H

#include "cli/cli.h"
#include "rank/rank_facts.h"

#define PMIX_RANKS_MAX 1024

/* The job that the server serves. */
struct pmix_job {
	const struct gt_node *node;
	struct gt_mask gpus;
	struct gp_facts facts;
	int ranks;
	bool ring;		 /* devices in rank order, else ascending */
	struct gt_groups groups; /* that the job's GPUs split into; count 0: none */
	enum gt_comm comm;
	char **program; /* and its arguments, NULL at the end */
};

/* Start the server, run the ranks, wait for all. Returns the exit status: the first
 * rank's that is not 0, 128 and the signal's number for one that a signal ended. */
int pmix_serve(const struct pmix_job *job);

cli_run pmix_cmd_run, pmix_cmd_get;

#endif
