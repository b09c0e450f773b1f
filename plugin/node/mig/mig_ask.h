/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_ask.h - what slurmctld says of a job's slices when root asks it from a prolog. Of
 * what reaches a prolog in its environment, users can write the whole placement; of this
 * nothing.
 */
#ifndef GPUTOPO_PLUGIN_MIG_ASK_H
#define GPUTOPO_PLUGIN_MIG_ASK_H

#include "plugin/node/mig/mig_node.h"

/* One question to slurmctld each; while it is away (a restart, a takeover) both wait for
 * it up to a minute. */
extern const struct gp_mig_authority gp_mig_slurmctld;

#endif
