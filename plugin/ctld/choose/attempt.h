/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attempt.h - one run-now job_test in progress: the state that preselect.c and
 * exchange.c share. It is made by exchange.c and lives for one call.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_ATTEMPT_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_ATTEMPT_H

#include <time.h>

#include "plugin/ctld/estimate/forecast.h"
#include "plugin/ctld/request/job_request.h"
#include "plugin/ctld/state/stock_call.h"

struct gp_attempt {
	struct gp_controller *ctl;
	const struct gp_stock_plugin *stock_plugin;
	const struct gp_test *test;
	const struct gp_job_request *request;
	struct gp_fields before;
	int answers; /* in the scratch: the nodes of the answer */
	int reruns;
	struct gp_counters counted; /* of this call */
	bool by_nics;		    /* the nodes were chosen for their NICs */
	bool stock_splits; /* asked with all nodes, stock would have split the job */
	/* of stock's answer */
	uint32_t total_cpus;
	struct timespec answered;
};

/* Leave the nodes that can meet the job's wish now. With jobs to preempt all stay where
 * none can, for those may hold what is wanted. false: nothing is left. The scratch
 * holds the nodes as they came. */
bool gp_preselect_filter(struct gp_attempt *a);
/* Stock's first answer: with the best few nodes, with those of one NVLink domain, or with
 * all, whatever comes first and is possible. */
int gp_preselect_answer(struct gp_attempt *a);

#endif
