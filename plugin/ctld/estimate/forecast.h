/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.h - jobs that wait for a wish: which nodes can meet it now, and when the
 * others will, so that start estimates and backfill's reservations are true.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_ESTIMATE_FORECAST_H
#define GPUTOPO_PLUGIN_CTLD_ESTIMATE_FORECAST_H

#include "plugin/ctld/estimate/start_estimate.h"
#include "plugin/ctld/request/job_request.h"
#include "plugin/ctld/state/state.h"
#include "plugin/slurm/stock_plugin.h"

/* A requeued job with a wish is not to get less than it had. Where its machine is gone
 * for good, or not among the nodes that it may have, the wish alone counts. After
 * gp_job_request_read. */
void gp_forecast_hold_past(struct gp_job_request *request, struct gp_controller *ctl,
			   const struct gp_test *test);
/* Leave in test's nodes those that can meet the wish now. true: they are enough, with all
 * that the job requires. the offered nodes of the scratch holds the nodes as they came.
 */
bool gp_forecast_filter(const struct gp_job_request *request, struct gp_controller *ctl,
			const struct gp_test *test);
/* WILL_RUN for whoever waits, for a wish or for slices: stock's forecast among the nodes
 * that can have the job, not before they can, so that what slurmctld then holds for it
 * are nodes on which it can start. Each offered node is asked once. *waiting, which
 * when may set, is what squeue shows of a job that waits. Returns stock's code,
 * ESLURM_NODES_BUSY where it can never be. */
int gp_forecast(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		const struct gp_test *test, gp_when_fn *when, void *arg,
		const char *const *waiting);

/* WILL_RUN: not before the wish can be met. TEST_ONLY: an error if it never can. */
int gp_forecast_will_run(const struct gp_job_request *request, struct gp_controller *ctl,
			 const struct gp_stock_plugin *stock_plugin,
			 const struct gp_test *test);
int gp_forecast_test_only(const struct gp_job_request *request, struct gp_controller *ctl,
			  const struct gp_stock_plugin *stock_plugin,
			  const struct gp_test *test);

#endif
