/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - a replay's results for people and programs. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "sim/metrics.h"

/* Everything that a report tells. */
struct sim_report {
	const struct sim_trace *trace;
	const struct sim_layout *layout;
	const struct sim_options *options;
	const struct sim_result *results;
	const struct sim_metrics *metrics;
	int count; /* policies */
	int64_t warmup_ms;
	double scale_arrivals;
	const char *trace_name;
	const char *topology_name;
	const char *mix; /* as text; NULL: the default */
};

/* The first policy that restates stock Slurm, or -1. */
int sim_report_stock(const struct sim_report *report);

/* The summary, as the contract of the command line says; NULL: out of memory. */
json_t *sim_report_json(const struct sim_report *report);
/* A table for the terminal. */
void sim_report_table(const struct sim_report *report, FILE *out);
/* A row for each job. */
void sim_report_csv(const struct sim_report *report, int policy, FILE *out);
/* One page, nothing from outside. */
void sim_report_html(const struct sim_report *report, FILE *out);

#endif
