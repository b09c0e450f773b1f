/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start_estimate.h - when enough of the offered nodes can have a job: one date for each
 * node, told by whoever knows what the job waits for.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_ESTIMATE_START_ESTIMATE_H
#define GPUTOPO_PLUGIN_CTLD_ESTIMATE_START_ESTIMATE_H

#include "plugin/slurm/compat.h"

#define GP_NEVER     ((time_t)-1)
#define GP_NOT_KNOWN ((time_t)-2) /* jobs without a time limit are in the way */

/* When this node can have the job: 0 now, a date, GP_NEVER or GP_NOT_KNOWN. */
typedef time_t gp_when_fn(void *arg, int node);

/* The first moment at which `wanted` of the nodes can: as above. */
time_t gp_moment_first(bitstr_t *nodes, int wanted, gp_when_fn *when, void *arg);
/* Clear the nodes that cannot by then. */
void gp_moment_keep(bitstr_t *nodes, time_t until, gp_when_fn *when, void *arg);
/* A moment that is not known: far enough for backfill to go on with others. */
time_t gp_moment_far(time_t now);
/* squeue shows text as the reason why the job waits. */
void gp_moment_say(job_record_t *job, const char *text);

#endif
