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

#define GP_PAST_SETS 256 /* as many as fit at all: ",n:1" each */

/* Its GPUs on one node then; the name is the job's and not ended by a NUL. */
struct gp_past_set {
	const char *node;
	size_t length;
	uint64_t gpus;
};

struct gp_past {
	int count; /* GPUs on the node that had most */
	int mbps;  /* bus bandwidth of the slowest set of two or more; 0: unknown */
	int sets;  /* 0: nothing is remembered */
	struct gp_past_set set[GP_PAST_SETS];
};

/* What the job remembers; nothing where that is nothing, or nothing we could have
 * written. Once a job_test; not more than GP_PAST_MAX bytes are read, whoever wrote them.
 */
void gp_past_read(const job_record_t *job, struct gp_past *past);
/* Its GPUs on this node then; 0: none. */
uint64_t gp_past_on(const struct gp_past *past, const char *node);
/* Remember what the job holds now, if it may be requeued. Without memory for it nothing
 * is remembered and nothing is lost. */
void gp_past_write(job_record_t *job, struct gp_models *models);

#endif
