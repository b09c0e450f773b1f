/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf.h - the nodes of a cluster from its own configuration. */
#ifndef SIM_CONF_H
#define SIM_CONF_H

#include "sim/layout.h"
#include "sim/site.h"

/* Read DIR/slurm.conf and what it includes for the nodes with GPUs, their sockets, types
 * and features, and for partitions and node sets; DIR/gputopo.conf (may be absent) for
 * topologies, modes and GPUs out of service; and DIR/gres.conf for the Links= and Cores=
 * of nodes without a Topology=. Nodes of equal models share a type. Mode=observe counts
 * as enforce. GPUs that are cut by MIG take no part; a node whose model does not tell
 * which ones these are is left out. say gets a line for each such thing (may be NULL). */
enum gt_err sim_conf_load(struct sim_layout *layout, struct sim_site *site,
			  const char *dir, void (*say)(void *arg, const char *text),
			  void *arg, struct gt_error *err);

#endif
