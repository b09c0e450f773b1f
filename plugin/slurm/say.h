/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * say.h - slurmctld's log, for files that know nothing of Slurm's structs.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_SAY_H
#define GPUTOPO_PLUGIN_SLURM_SAY_H

/* Slurm's error() and info(), of at most 1,000 bytes. */
void gp_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void gp_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The release that this was built for, "22.05.8". */
const char *gp_slurm_release(void);

#endif
