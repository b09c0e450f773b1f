/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_request.h - all that one job_test is about, read once by controller.c before
 * anything else.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_JOB_REQUEST_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_JOB_REQUEST_H

#include "plugin/ctld/request/previous_run.h"
#include "plugin/ctld/request/test.h"
#include "plugin/ctld/request/wish.h"

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

/* Read the job of a test. no_split, has_ratio: Split=no for the cluster, and MinRatio=
 * anywhere, in gputopo.conf. */
void gp_job_request_read(struct gp_job_request *request, const struct gp_test *test,
			 bool no_split, bool has_ratio);

#endif
