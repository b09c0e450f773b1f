/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf.h - the nodes of a cluster from its own configuration. */
#ifndef SIM_CONF_H
#define SIM_CONF_H

#include "sim/layout.h"

/* Read DIR/slurm.conf for the nodes with GPUs and their sockets, DIR/gputopo.conf (may be
 * absent) for topologies, modes and GPUs out of service, and DIR/gres.conf for the Links=
 * and Cores= of nodes without a Topology=. Nodes of equal models share a type. */
enum gt_err sim_conf_load(struct sim_layout *layout, const char *dir,
			  struct gt_error *err);

#endif
