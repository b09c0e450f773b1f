/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - all that the plugin keeps inside slurmctld, in four parts, each with an
 * owner. There is one, in controller.c. Slurm calls job_test, job_fini, job_resized,
 * nodeinfo_set, node_init and reconfigure with the job and node write locks held, so that
 * these calls never meet; the lock here costs nothing then and holds where a release is
 * less strict. It is never held while Slurm's own locks are taken.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_STATE_STATE_H
#define GPUTOPO_PLUGIN_CTLD_STATE_STATE_H

#include <pthread.h>

#include "plugin/ctld/log/journal.h"
#include "plugin/ctld/state/caches.h"
#include "plugin/ctld/state/config.h"
#include "plugin/ctld/state/scratch.h"

struct gp_controller {
	pthread_mutex_t lock; /* over everything below */
	struct gp_config config;
	struct gp_caches caches;
	struct gp_scratch scratch;
	struct gp_journal journal;
};

#endif
