/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.h - the method: let the stock plugin answer, hide the free GPUs that we don't
 * want, let it answer again, and see that it did what we meant.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_EXCHANGE_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_EXCHANGE_H

#include "plugin/ctld/request/job_request.h"
#include "plugin/ctld/state/state.h"
#include "plugin/slurm/stock_plugin.h"

/* The run-now job_test of the stock plugin, with better GPUs where there are any.
 * Whatever goes wrong, the answer is the one that stock alone would give. request is that
 * of the test. ctl is locked. */
int gp_exchange_job_test(struct gp_controller *ctl,
			 const struct gp_stock_plugin *stock_plugin,
			 const struct gp_test *test,
			 const struct gp_job_request *request);

#endif
