/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_select.h - jobs that ask for GPU instances (--mig): the GPU and the slices that
 * they get, and when they can have them.
 *
 * Such a job never goes to the stock plugin alone: where nothing can be decided it
 * waits.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_MIG_SELECT_H
#define GPUTOPO_PLUGIN_CTLD_MIG_MIG_SELECT_H

#include "plugin/ctld/mig/mig_site.h"
#include "plugin/ctld/request/test.h"
#include "plugin/ctld/state/state.h"
#include "plugin/slurm/stock_plugin.h"

/* What gputopo_mig.so keeps; under the lock of controller.c. */
extern struct gp_mig_state {
	struct gp_slice_ledger ledger;
	struct gp_mig_spaces spaces;
	/* where the last MIG job that may start would be, until it begins */
	struct {
		uint32_t job_id; /* 0: none */
		char *text;	 /* GP_TEXT_DECISION_MAX bytes, or NULL */
	} decided;
} gp_mig_state;

int gp_mig_job_test(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		    const struct gp_test *test);
/* The job starts where the last answer said: write its placement into its environment.
 * false: that cannot be, and the job must not start. */
bool gp_mig_job_begins(struct gp_controller *ctl, job_record_t *job);
/* It goes on without this node: its slices there are others'. */
void gp_mig_job_leaves(job_record_t *job, int node);
/* Its slices will be free when it is complete. */
void gp_mig_job_ends(const job_record_t *job);

/* Before a job is tested that may ask for whole GPUs: leave the nodes of which stock
 * knows whose slices are in use. false: it has to wait. Costs nothing on clusters without
 * GPUs in MIG mode. */
bool gp_mig_guard(struct gp_controller *ctl, const struct gp_test *test);
#endif
