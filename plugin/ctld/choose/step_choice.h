/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_choice.h - which of its job's GPUs a step gets. Called when a step starts, up to
 * Slurm 24.11, whose select plugins see steps.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_STEP_CHOICE_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_STEP_CHOICE_H

#include "plugin/ctld/model/model.h"

/* Exchange the GPUs that Slurm gave the step of this step_record_t, node by node, for a
 * strictly better set of those that no other step of the job holds. Slurm's stand where
 * the step has all that are free, shares them (--overlap), is kept near its cores
 * (--gpu-bind=closest), or where StepChoice=no or another Mode than enforce say so. The
 * job write lock is held. */
void gp_step_choose(struct gp_models *models, const void *record);

#endif
