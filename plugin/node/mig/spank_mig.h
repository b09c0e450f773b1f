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
 *   mig_fail=drain|job        when an instance cannot be made for a reason that lies in
 *                             the node: drain it and requeue the job, or let the job fail
 *                             and keep the node. A job that asks for what it was not
 *                             given fails, and drains nothing
 */
#ifndef GPUTOPO_PLUGIN_NODE_MIG_SPANK_MIG_H
#define GPUTOPO_PLUGIN_NODE_MIG_SPANK_MIG_H

#include <stdbool.h>

#include <slurm/spank.h>

/* All return what the SPANK callback of that name is to return. */
int gp_spank_mig_slurmd(int argc, char **argv);
int gp_spank_mig_prolog(spank_t spank, int argc, char **argv);
int gp_spank_mig_epilog(spank_t spank, int argc, char **argv);
/* As root, in the task's own process: look up what the job has. wished: the job asked for
 * an instance, so that it must not run without one. */
void gp_spank_mig_look(spank_t spank, int argc, char **argv, bool wished);
/* Then, after Slurm has set CUDA_VISIBLE_DEVICES: set ours, or fail the task. */
int gp_spank_mig_task(spank_t spank, bool wished);

#endif
