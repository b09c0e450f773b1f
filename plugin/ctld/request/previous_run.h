/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * previous_run.h - what a job had when it last ran, for its next start: remembered in the
 * job's own control environment, which slurmctld saves with the job.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_PREVIOUS_RUN_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_PREVIOUS_RUN_H

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"

#define GP_PAST_MAX 1024 /* of the text; more nodes than fit are not remembered */

struct gp_past {
	const char *sets; /* NULL: none; belongs to the job */
	int count;	  /* GPUs on the node that had most */
	int mbps; /* bus bandwidth of the slowest set of two or more; 0: unknown */
};

/* What the job remembers; zeroed where that is nothing, or nothing we could have written.
 */
void gp_past_read(const job_record_t *job, struct gp_past *past);
/* Its GPUs on this node then; 0: none. */
uint64_t gp_past_on(const struct gp_past *past, const char *node);
/* Remember what the job holds now, if it may be requeued. Without memory for it nothing
 * is remembered and nothing is lost. */
void gp_past_write(job_record_t *job, struct gp_models *models);

#endif
