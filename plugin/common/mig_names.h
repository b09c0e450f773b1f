/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_names.h - the names of what a MIG job carries in its control environment
 * (spank_job_env). slurmd puts SPANK_ before each where it hands them to prologs and
 * epilogs. Used by the select plugin, job_submit and the SPANK plugin.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_MIG_NAMES_H
#define GPUTOPO_PLUGIN_COMMON_MIG_NAMES_H

/* The wish, PROFILE[:COUNT]: Slurm itself writes a SPANK option so. */
#define GP_ENV_MIG	 "_SLURM_SPANK_OPTION_gputopo_mig"
/* The decision of slurmctld: NODE:GPU:START:SIZE[,...], in memory slices. */
#define GP_ENV_MIG_PLACE "GPUTOPO_MIG_PLACE"

#endif
