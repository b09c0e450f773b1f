/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spank_mig.h - the MIG part of the SPANK plugin on the node. argc and argv are the
 * plugin's arguments in plugstack.conf:
 *
 *   mig_state=FOLDER          records of our instances (GP_MIG_FOLDER)
 *   mig_driver=FILE           another libnvidia-ml.so.1
 *   mig_stray=remove|drain    instances that an ended job left over in a new job's way;
 *                             without it MigStray= of the node's gputopo.conf
 *   conf=FOLDER               where that is, if not beside slurm.conf
 *   mig_fail=drain|job        when an instance cannot be made: drain the node and requeue
 *                             the job, or let the job fail and keep the node
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_SPANK_MIG_H
#define GPUTOPO_PLUGIN_NODE_MIG_SPANK_MIG_H

#include <stdbool.h>

#include <slurm/spank.h>

/* All return what the SPANK callback of that name is to return. */
int gp_spank_mig_slurmd(int argc, char **argv);
int gp_spank_mig_prolog(spank_t spank, int argc, char **argv);
int gp_spank_mig_epilog(spank_t spank, int argc, char **argv);
/* wished: the job asked for an instance, so that it must not run without one. */
int gp_spank_mig_task(spank_t spank, int argc, char **argv, bool wished);

#endif
