/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.h - whether the structs of this slurmctld lie as in the headers that the plugin
 * was built with.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_LAYOUT_LAYOUT_H
#define GPUTOPO_PLUGIN_SLURM_LAYOUT_LAYOUT_H

#include "plugin/slurm/compat.h"

/* For init(), before slurm_conf is read: whether it has the size that it had in the
 * headers. */
bool gp_layout_conf_holds(void);

/* To be asked before anything of a job, or with NULL of the node table, is read: sizes of
 * blocks and marks at known offsets are compared, through the kernel, so that no wild
 * pointer is followed. false: not the same structs, now and ever after; one error line
 * has said which. Each struct is compared once; then an answer is a few comparisons.
 * Slurm's job and node locks are held. */
bool gp_layout_holds(const job_record_t *job);

/* Forget what was seen: for init(). */
void gp_layout_begin(void);

#endif
