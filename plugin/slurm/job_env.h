/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_env.h - a job's control environment (spank_job_env): what SPANK options wrote into
 * it, and what we remember there, since slurmctld saves it with the job. Users can write
 * anything into it: user_text.h says what is believed, and nothing else reads it.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_JOB_ENV_H
#define GPUTOPO_PLUGIN_SLURM_JOB_ENV_H

#include "plugin/common/user_text.h"
#include "plugin/slurm/compat.h"

/* gp_env_get of a job. */
const char *gp_job_env_get(const job_record_t *job, const char *name);
/* Free and take out what may not stay; filter says what that was, its has_run is given.
 */
void gp_env_clean(char **env, uint32_t *size, struct gp_text_filter *filter);
/* The same of a job whose write lock is held. begins: it starts now, so that what earlier
 * runs left is dropped too. One log line where something was. */
void gp_job_env_clean(job_record_t *job, bool begins);
/* Put NAME=VALUE in the place of NAME's entry, or at the end of the *size entries. Slurm
 * frees them, so that they have to come from Slurm's allocator, of which only the forms
 * that may fail are used. false: no memory, or too many entries; nothing is changed. */
bool gp_env_set(char ***env, uint32_t *size, const char *name, const char *value);
bool gp_job_env_set(job_record_t *job, const char *name, const char *value);
/* The same in the environment of the job itself, whose write lock is held. */
void gp_job_env_tell(const job_record_t *job, const char *name, const char *value);

#endif
