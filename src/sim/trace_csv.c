/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulator's own CSV: job_id,submit,duration,gpus[,nodes,form,cpus,...]. */
#include "config.h"

#include "sim/trace.h"

#include <string.h>
#include <strings.h>

#define MAX_CPUS  10000000
#define MAX_NODES 30000

struct columns {
	int count;
	int id, submit, duration, gpus;
	int nodes, form, cpus, tasks, limit, profile, user, start, node;
};

_Static_assert(sizeof(struct columns) <= SIM_COLUMNS_SIZE, "columns do not fit");

static bool knows(const char *line)
{
	return !strncasecmp(line, "job_id,", 7) ||
	       (strstr(line, ",submit") && strstr(line, ",duration"));
}

static enum gt_err header(void *columns, char *line, struct gt_error *err)
{
	struct columns *c = columns;
	struct sim_fields f;

	sim_fields_split(&f, line, ',');
	c->count = f.count;
	c->id = sim_fields_find(&f, "job_id");
	c->submit = sim_fields_find(&f, "submit");
	c->duration = sim_fields_find(&f, "duration");
	c->gpus = sim_fields_find(&f, "gpus");
	c->nodes = sim_fields_find(&f, "nodes");
	c->form = sim_fields_find(&f, "form");
	c->cpus = sim_fields_find(&f, "cpus");
	c->tasks = sim_fields_find(&f, "tasks");
	c->limit = sim_fields_find(&f, "timelimit");
	c->profile = sim_fields_find(&f, "profile");
	c->user = sim_fields_find(&f, "user");
	c->start = sim_fields_find(&f, "start");
	c->node = sim_fields_find(&f, "node");
	if (c->submit < 0 || c->duration < 0 || c->gpus < 0)
		return gt_fail(err, GT_EFORMAT, "the header names no %s",
			       c->submit < 0	 ? "submit"
			       : c->duration < 0 ? "duration"
						 : "gpus");
	return GT_OK;
}

/* A number that may be left out. */
static enum sim_row read_optional(const struct sim_fields *f, int column, int high,
				  int *value)
{
	const char *text = sim_fields_get(f, column);

	*value = 0;
	return *text ? sim_read_int(text, 0, high, value) : SIM_ROW_OK;
}

static enum sim_row read_counts(const struct columns *c, const struct sim_fields *f,
				struct sim_job *job)
{
	int gpus, nodes, cpus, tasks;
	enum sim_row bad =
		sim_read_int(sim_fields_get(f, c->gpus), 0, SIM_MAX_JOB_GPUS, &gpus);

	bad = bad ? bad : read_optional(f, c->nodes, MAX_NODES, &nodes);
	bad = bad ? bad : read_optional(f, c->cpus, MAX_CPUS, &cpus);
	bad = bad ? bad : read_optional(f, c->tasks, MAX_CPUS, &tasks);
	if (bad)
		return bad;
	if (gpus == 0)
		return SIM_ROW_NO_GPU;
	job->gpus = gpus;
	job->nodes = (int16_t)nodes;
	job->cpus = cpus;
	job->tasks = tasks;
	return nodes > gpus ? SIM_ROW_LIMIT : SIM_ROW_OK;
}

static enum sim_row read_times(const struct columns *c, const struct sim_fields *f,
			       struct sim_job *job)
{
	const char *limit = sim_fields_get(f, c->limit),
		   *start = sim_fields_get(f, c->start);
	enum sim_row bad = sim_read_ms(sim_fields_get(f, c->submit), &job->submit_ms);

	bad = bad ? bad : sim_read_ms(sim_fields_get(f, c->duration), &job->duration_ms);
	if (!bad && *limit)
		bad = sim_read_ms(limit, &job->limit_ms);
	if (!bad && *start)
		bad = sim_read_ms(start, &job->start_ms);
	if (!bad && *start && job->start_ms < job->submit_ms)
		bad = SIM_ROW_ORDER;
	return bad;
}

static enum sim_row read_row(struct sim_trace *trace, const void *columns, char *line,
			     const struct sim_trace_options *options, struct sim_job *job)
{
	const struct columns *c = columns;
	struct sim_fields f;
	enum sim_form form = options->form;
	enum sim_row bad;

	sim_fields_split(&f, line, ',');
	if (f.count != c->count)
		return SIM_ROW_FIELDS;
	bad = read_times(c, &f, job);
	bad = bad ? bad : read_counts(c, &f, job);
	if (bad)
		return bad;
	if (*sim_fields_get(&f, c->profile))
		return SIM_ROW_MIG;
	if (*sim_fields_get(&f, c->form) &&
	    !sim_form_parse(sim_fields_get(&f, c->form), &form))
		return SIM_ROW_FORM;
	job->form = (uint8_t)form;
	if (!sim_trace_keep(trace, sim_fields_get(&f, c->id), &job->id) ||
	    !sim_trace_keep(trace, sim_fields_get(&f, c->user), &job->user) ||
	    !sim_trace_keep(trace, sim_fields_get(&f, c->node), &job->node))
		return SIM_ROW_LIMIT;
	return SIM_ROW_OK;
}

const struct sim_reader sim_reader_csv = {"csv", knows, header, read_row};
