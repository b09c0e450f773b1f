/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Standard Workload Format: 18 numbers a row. It knows processors and no GPUs, so a
 * rule of the user maps them. */
#include "config.h"

#include "sim/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS	  18
#define MAX_PROCS 10000000

enum { ID, SUBMIT, WAIT, RUN, PROCS, REQ_PROCS = 7, REQ_TIME, STATUS = 10, USER };

bool sim_swf_knows(const char *line)
{
	double first, second;
	int count = 0;

	if (sscanf(line, "%lf %lf", &first, &second) != 2)
		return false;
	for (const char *at = line + strspn(line, " \t"); *at; at += strspn(at, " \t")) {
		at += strcspn(at, " \t");
		count++;
	}
	return count == COLUMNS;
}

static int split(char *line, char **column)
{
	int count = 0;
	char *keep = NULL;

	for (char *at = strtok_r(line, " \t", &keep); at;
	     at = strtok_r(NULL, " \t", &keep)) {
		if (count < COLUMNS)
			column[count] = at;
		count++;
	}
	return count;
}

/* SWF's "not known". */
static bool is_unknown(const char *text)
{
	return !strcmp(text, "-1");
}

/* 0 failed, 1 completed, 2 to 4 parts of a job with checkpoints, 5 cancelled. */
static enum sim_row read_status(char **column)
{
	int status;

	if (is_unknown(column[STATUS]))
		return SIM_ROW_OK;
	if (sim_read_int(column[STATUS], 0, 5, &status))
		return SIM_ROW_STATE;
	if (status == 5 && (is_unknown(column[RUN]) || !strcmp(column[RUN], "0")))
		return SIM_ROW_NOT_STARTED;
	return SIM_ROW_OK;
}

/* A column's seconds; its name is said where it has none. */
static enum sim_row take_ms(struct sim_trace *trace, char **column, int i, int64_t *ms)
{
	static const char *const names[COLUMNS] = {
		[SUBMIT] = "submit time",
		[WAIT] = "wait time",
		[RUN] = "run time",
		[REQ_TIME] = "requested time",
	};
	enum sim_row bad = sim_read_ms(column[i], ms);

	if (bad)
		sim_trace_blame(trace, names[i], column[i]);
	return bad;
}

static enum sim_row read_times(struct sim_trace *trace, char **column,
			       struct sim_job *job)
{
	enum sim_row bad = take_ms(trace, column, SUBMIT, &job->submit_ms);
	int64_t wait = 0;

	bad = bad ? bad : take_ms(trace, column, RUN, &job->duration_ms);
	if (!bad && !is_unknown(column[WAIT])) {
		bad = take_ms(trace, column, WAIT, &wait);
		job->start_ms = job->submit_ms + wait;
	}
	if (!bad && !is_unknown(column[REQ_TIME]))
		bad = take_ms(trace, column, REQ_TIME, &job->limit_ms);
	return bad;
}

enum sim_row sim_swf_row(struct sim_trace *trace, char *line,
			 const struct sim_trace_options *options, struct sim_job *job)
{
	char *column[COLUMNS], *procs_text;
	int procs, per = options->swf_per_gpu > 0 ? options->swf_per_gpu : 1;
	enum sim_row bad;

	if (split(line, column) != COLUMNS)
		return SIM_ROW_FIELDS;
	procs_text = is_unknown(column[PROCS]) ? column[REQ_PROCS] : column[PROCS];
	bad = read_status(column);
	if (bad >= SIM_ROW_BAD)
		sim_trace_blame(trace, "status", column[STATUS]);
	bad = bad ? bad : read_times(trace, column, job);
	if (bad)
		return bad;
	bad = sim_read_int(procs_text, 0, MAX_PROCS, &procs);
	if (bad) {
		sim_trace_blame(trace, "processors", procs_text);
		return bad;
	}
	if (procs == 0)
		return SIM_ROW_NO_GPU;
	job->gpus = (procs + per - 1) / per;
	job->cpus = procs;
	if (job->gpus > SIM_MAX_JOB_GPUS ||
	    !sim_trace_keep(trace, column[ID], &job->id) ||
	    !sim_trace_keep(trace, is_unknown(column[USER]) ? "" : column[USER],
			    &job->user))
		return SIM_ROW_LIMIT;
	return SIM_ROW_OK;
}
