/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * previous_run.h - what a job had when it last ran, for its next start: remembered in the
 * job's own control environment, which slurmctld saves with the job.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_PREVIOUS_RUN_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_PREVIOUS_RUN_H

#include "plugin/common/past_text.h"
#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"

/* What the job remembers; nothing where that is nothing, or nothing we could have
 * written. Once a job_test; not more than GP_PAST_MAX bytes are read, whoever wrote them.
 */
void gp_previous_run_read(const job_record_t *job, struct gp_previous_run *previous);
/* Remember what the job holds now, if it may be requeued. Without memory for it nothing
 * is remembered and nothing is lost. */
void gp_previous_run_write(job_record_t *job, struct gp_models *models);

#endif
