/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attempt.h - one run-now job_test in progress: the state that preselect.c and
 * exchange.c share. It is made by exchange.c and lives for one call.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_ATTEMPT_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_ATTEMPT_H

#include <time.h>

#include "plugin/ctld/estimate/forecast.h"
#include "plugin/ctld/controller.h"

/* What a run of job_test changes in the job besides its answer: a second run has to start
 * from the same values (--overcommit multiplies min_cpus each time, memory by GPU becomes
 * memory by node). */
struct gp_fields {
	uint32_t min_cpus;
	uint64_t pn_min_memory;
	uint32_t total_cpus;
	uint16_t start_protocol_ver;
	bool best_switch;
};

struct gp_attempt {
	struct gp_controller *ctl;
	const struct gp_stock_plugin *stock_plugin;
	const struct gp_test *test;
	struct gp_job_request request;
	struct gp_job asked;
	struct gp_fields before;
	int answers; /* in ctl->answers: the nodes of the answer */
	int reruns;
	bool stock_splits; /* asked with all nodes, stock would have split the job */
	/* of stock's answer */
	uint32_t total_cpus;
	struct timespec answered;
};

struct gp_fields gp_fields_read(const job_record_t *job);
void gp_fields_write(job_record_t *job, const struct gp_fields *fields);

/* Are ctl->offered and ctl->picked of this size? Not while nodes are being added. */
bool gp_preselect_scratch(const struct gp_controller *ctl, bitstr_t *nodes);
/* Leave the nodes that can meet the job's wish now. With jobs to preempt all stay where
 * none can, for those may hold what is wanted. false: nothing is left. ctl->offered
 * holds the nodes as they came. */
bool gp_preselect_filter(struct gp_attempt *a);
/* Stock's first answer: with the best few nodes, with those of one NVLink domain, or with
 * all, whatever comes first and is possible. */
int gp_preselect_answer(struct gp_attempt *a);

#endif
