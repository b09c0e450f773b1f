/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_model.h - send the topology of a job's nodes along with the job, for nodes that
 * have no gputopo.conf: Slurm gives a job's supplementary environment to the batch
 * script, to the shell of salloc and to srun, and they give it to every step.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MODEL_SEND_MODEL_H
#define GPUTOPO_PLUGIN_CTLD_MODEL_SEND_MODEL_H

#include "plugin/ctld/model/model.h"

/* Set GPUTOPO_MODELS in the environment of a job that begins and asked for GPUs. Nodes
 * without a model or with another Mode= than enforce are left out; none left: nothing is
 * set. Nodes beyond
 * GP_MODELS_MAX bytes are not told. compact.h says what is in it. */
void gp_send_models(const job_record_t *job, struct gp_models *models);

#endif
