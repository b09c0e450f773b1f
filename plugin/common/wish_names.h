/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish_names.h - the names in a job's control environment by which the SPANK plugin
 * passes wishes to the select plugin. Groups and comm come back to the nodes under the
 * same names, in the environment of the job itself.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_WISH_NAMES_H
#define GPUTOPO_PLUGIN_COMMON_WISH_NAMES_H

#define GP_ENV_TOPO	 "GPUTOPO_TOPO" /* --gpu-topo: ring, any or off */
#define GP_ENV_HAD	 "GPUTOPO_HAD"	/* of previous_run.c: the GPUs of its last run */
#define GP_ENV_MIN_BUSBW "GPUTOPO_MIN_BUSBW"   /* --gpu-min-busbw: GB/s */
#define GP_ENV_GROUPS	 "GPUTOPO_GROUP_SIZES" /* --gpu-groups: "2x2+4", of each node */
#define GP_ENV_COMM	 "GPUTOPO_COMM"	       /* --gpu-comm: allreduce or alltoall */

/* In the job's environment: slurmctld chooses the GPUs of its steps (StepChoice=). */
#define GP_ENV_STEPS	 "GPUTOPO_STEPS"
/* In a step's: srun was asked inside the job, so that the node looks at the promise. */
#define GP_ENV_STEP_WISH "GPUTOPO_STEP_WISH"

#endif
