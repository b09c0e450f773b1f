/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start_estimate.h - when enough of the offered nodes can have a job: one date for each
 * node, told by whoever knows what the job waits for.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_ESTIMATE_START_ESTIMATE_H
#define GPUTOPO_PLUGIN_CTLD_ESTIMATE_START_ESTIMATE_H

#include "plugin/slurm/opaque.h"

#define GP_NEVER     ((time_t)-1)
#define GP_NOT_KNOWN ((time_t)-2) /* jobs without a time limit are in the way */

/* When this node can have the job: 0 now, a date, GP_NEVER or GP_NOT_KNOWN. */
typedef time_t gp_when_fn(void *arg, int node);

/* What a job's nodes answered. Slurm's own constraints (partition, features, excluded
 * nodes, reservation) are in the bitmap that it offers; the nodes that the job requires
 * (-w) are not, nor how many it needs. */
struct gp_dates {
	bitstr_t *nodes;    /* those offered; not changed here */
	bitstr_t *required; /* those without which the job does not start, or NULL */
	int wanted;	    /* so many nodes at least */
	time_t *at;	    /* by node, where it is offered */
	time_t *sorted;	    /* room for as many again */
};

/* Ask each offered node once. O(nodes). */
void gp_dates_read(struct gp_dates *dates, gp_when_fn *when, void *arg);
/* The first moment at which enough of the nodes can, all required ones among them: as
 * above; GP_NEVER where they never will. Required nodes that are not offered are for
 * Slurm to refuse. O(nodes log nodes). */
time_t gp_dates_first(const struct gp_dates *dates);
/* Leave in *to, of the size of the nodes, those that can have the job by `until`; for
 * GP_NOT_KNOWN all that ever can. Returns how many they are. */
int gp_dates_keep(const struct gp_dates *dates, time_t until, bitstr_t *to);
/* The latest date of these nodes, GP_NOT_KNOWN if it is one. */
time_t gp_dates_last(const struct gp_dates *dates, bitstr_t *nodes);
/* Whether every required node that was offered is among these. */
bool gp_dates_has_required(bitstr_t *offered, bitstr_t *required, bitstr_t *nodes);
/* A moment that is not known: far enough for backfill to go on with others. */
time_t gp_start_estimate_far(time_t now);
/* squeue shows text as the reason why the job waits; NULL: Slurm's own, if it showed one
 * of ours. */
void gp_start_estimate_say(job_record_t *job, const char *text);

#endif
