/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_submit_mig.h - the MIG part of job_submit/gputopo: a job with --mig asks for as
 * many shards as its instances have memory slices, and nobody else for shards of such
 * nodes.
 */
#ifndef GPUTOPO_PLUGIN_SUBMIT_JOB_SUBMIT_MIG_H
#define GPUTOPO_PLUGIN_SUBMIT_JOB_SUBMIT_MIG_H

#include "plugin/ctld/mig/mig_submit.h"

/* Check the description, and add the shards. ask: the select plugin's function, or NULL
 * where gputopo's is not loaded. true: refused, text (size bytes) says why. */
bool gp_submit_mig(job_desc_msg_t *job, const struct gp_places *places,
		   gp_mig_submit_fn *ask, char *text, size_t size);
/* Whether such a change of a pending or running job is refused. */
bool gp_modify_mig(const job_desc_msg_t *desc, const job_record_t *job, char *text,
		   size_t size);

#endif
