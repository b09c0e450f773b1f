/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slurm_api.h - libslurm's public header, and its differences between releases. For
 * programs of nodes and of the tests; inside slurmctld it is compat.h.
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_SLURM_API_H
#define GPUTOPO_PLUGIN_NODE_MIG_SLURM_API_H

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

/* A whole job for calls that take steps: slurm_complete_job from 25.11 on,
 * slurm_load_job from 26.05 on. */
#define GP_WHOLE_JOB(id)                                                                 \
	((slurm_step_id_t){.job_id = (id), .step_id = NO_VAL, .step_het_comp = NO_VAL})

/* The job of a request (job_desc_msg_t) or of the answer to one, as an lvalue. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
#define GP_JOB_ID(msg) (msg)->step_id.job_id
#else
#define GP_JOB_ID(msg) (msg)->job_id
#endif

static inline int gp_load_job(job_info_msg_t **info, uint32_t job, uint16_t show)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
	return slurm_load_job(info, GP_WHOLE_JOB(job), show);
#else
	return slurm_load_job(info, job, show);
#endif
}

static inline int gp_complete_job(uint32_t job, uint32_t code)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
	return slurm_complete_job(&GP_WHOLE_JOB(job), code);
#else
	return slurm_complete_job(job, code);
#endif
}

#endif
