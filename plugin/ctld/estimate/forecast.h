/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.h - jobs that wait for a wish: which nodes can meet it now, and when the
 * others will, so that start estimates and backfill's reservations are true.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_ESTIMATE_FORECAST_H
#define GPUTOPO_PLUGIN_CTLD_ESTIMATE_FORECAST_H

#include "plugin/ctld/controller.h"
#include "plugin/ctld/estimate/start_estimate.h"
#include "plugin/ctld/request/previous_run.h"

/* What a job_test is about, as far as wishes go. */
struct gp_job_request {
	struct gp_job asked;
	enum gp_reason why; /* of gp_bridge_job */
	struct gp_wish wish;
	struct gp_previous_run previous;
	int count;  /* GPUs on each node; 0: not known beforehand */
	bool even;  /* count is an even share of --gpus over the nodes asked for */
	bool binds; /* there may be something to wait for */
	gp_list_t reserved; /* lists of gp_bridge_reserved */
	gp_list_t granted;
};

void gp_job_request_read(struct gp_job_request *request, struct gp_controller *ctl,
			 const struct gp_test *test);
/* Leave in test's nodes those that can meet the wish now. Are they enough, with all that
 * the job requires? ctl->offered holds the nodes as they came. */
bool gp_forecast_filter(const struct gp_job_request *request, struct gp_controller *ctl,
			const struct gp_test *test);
/* RUN_NOW has not met the wish on so many offered nodes (INT_MAX: nor would it on more):
 * until a job ends, no forecast is to say "now" for this one. */
void gp_forecast_refused(struct gp_controller *ctl, const job_record_t *job, int nodes);

/* WILL_RUN for whoever waits, for a wish or for slices: stock's forecast among the nodes
 * that can have the job, not before they can, so that what slurmctld then holds for it
 * are nodes on which it can start. Each offered node is asked once. *waiting, which
 * when may set, is what squeue shows of a job that waits. Returns stock's code, ESLURM_NODES_BUSY where it can never be. */
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
