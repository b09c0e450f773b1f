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
	const char *mix;    /* as text; NULL: the default */
	const char *groups; /* --groups, likewise; NULL: none */
	enum gt_comm comm;
};

/* The first policy that restates stock Slurm, or -1. */
int sim_report_stock(const struct sim_report *report);
/* The first policy that does not, or 0. */
int sim_report_ours(const struct sim_report *report);

/* What the replay says in one or two sentences, the first thing that people read. */
#define SIM_VERDICT_MAX 640
void sim_report_verdict(const struct sim_report *report, char *text, size_t size);

/* The columns of the summary, in their order: heading and what it means. Those before
 * SIM_COLUMN_WAIT are of a group of jobs, the others of all. */
struct sim_column {
	const char *name;  /* of the terminal's table */
	const char *title; /* of the page's */
	const char *meaning;
};
enum sim_column_id {
	SIM_COLUMN_GBPS,
	SIM_COLUMN_P5_GBPS,
	SIM_COLUMN_P50_GBPS,
	SIM_COLUMN_P95_GBPS,
	SIM_COLUMN_IDEAL,
	SIM_COLUMN_P5_IDEAL,
	SIM_COLUMN_FREE,
	SIM_COLUMN_NO_RING,
	SIM_COLUMN_RING_LOST,
	SIM_COLUMN_HOURS_BELOW,
	SIM_COLUMN_WAIT,
	SIM_COLUMN_WAIT_P95,
	SIM_COLUMN_BUSY,
	SIM_COLUMN_SPLIT,
	SIM_COLUMN_REJECTED,
	SIM_COLUMNS,
};
extern const struct sim_column sim_columns[SIM_COLUMNS];
#define SIM_CELL_MAX 32
/* A column's value as people read it; "-" where the group has no job. */
void sim_column_text(enum sim_column_id column, const struct sim_metrics *metrics,
		     const struct sim_stats *group, char text[SIM_CELL_MAX]);

/* The summary, as the contract of the command line says; NULL: out of memory. */
json_t *sim_report_json(const struct sim_report *report);
/* A table for the terminal. */
void sim_report_table(const struct sim_report *report, FILE *out);
/* A row for each job. */
void sim_report_csv(const struct sim_report *report, int policy, FILE *out);
/* One page, nothing from outside. */
void sim_report_html(const struct sim_report *report, FILE *out);

#endif
