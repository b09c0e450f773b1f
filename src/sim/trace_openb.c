/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alibaba's openb pod lists (cluster-trace-gpu-v2023), CSV. A pod that shares one GPU
 * counts as a job of one GPU. */
#include "config.h"

#include "sim/trace.h"

#include <string.h>

#define WHOLE_GPU_MILLI 1000

struct columns {
	int count;
	int name, gpus, milli, phase, created, deleted, scheduled;
};

_Static_assert(sizeof(struct columns) <= SIM_COLUMNS_SIZE, "columns do not fit");

static bool knows(const char *line)
{
	return strstr(line, "num_gpu") && strstr(line, "gpu_milli");
}

static enum gt_err header(void *columns, char *line, struct gt_error *err)
{
	struct columns *c = columns;
	struct sim_fields f;

	sim_fields_split(&f, line, ',');
	c->count = f.count;
	c->name = sim_fields_find(&f, "name");
	c->gpus = sim_fields_find(&f, "num_gpu");
	c->milli = sim_fields_find(&f, "gpu_milli");
	c->phase = sim_fields_find(&f, "pod_phase");
	c->created = sim_fields_find(&f, "creation_time");
	c->deleted = sim_fields_find(&f, "deletion_time");
	c->scheduled = sim_fields_find(&f, "scheduled_time");
	if (c->gpus < 0)
		return gt_fail(err, GT_EFORMAT, "the header names no num_gpu");
	if (c->created < 0 || c->deleted < 0)
		return gt_fail(err, GT_EFORMAT,
			       "the pods have no times: draw jobs of their sizes by "
			       "'gputopo sim gen --sizes-from FILE:num_gpu'");
	return GT_OK;
}

static enum sim_row read_phase(const char *phase)
{
	static const char *const known[] = {"Running", "Succeeded", "Failed"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(phase, known[i]))
			return SIM_ROW_OK;
	return !strcmp(phase, "Pending") ? SIM_ROW_NOT_STARTED : SIM_ROW_STATE;
}

static enum sim_row read_times(const struct columns *c, const struct sim_fields *f,
			       struct sim_job *job)
{
	const char *scheduled = sim_fields_get(f, c->scheduled);
	const char *deleted = sim_fields_get(f, c->deleted);
	enum sim_row bad = sim_read_ms(sim_fields_get(f, c->created), &job->submit_ms);
	int64_t end;

	if (!bad && !*deleted)
		return SIM_ROW_NOT_ENDED;
	bad = bad ? bad : sim_read_ms(deleted, &end);
	if (!bad && *scheduled)
		bad = sim_read_ms(scheduled, &job->start_ms);
	if (bad)
		return bad;
	if (job->start_ms == SIM_NEVER)
		job->start_ms = job->submit_ms;
	job->duration_ms = end - job->start_ms;
	return job->duration_ms < 0 || job->start_ms < job->submit_ms ? SIM_ROW_ORDER
								      : SIM_ROW_OK;
}

static enum sim_row read_row(struct sim_trace *trace, const void *columns, char *line,
			     const struct sim_trace_options *options, struct sim_job *job)
{
	const struct columns *c = columns;
	struct sim_fields f;
	int milli = WHOLE_GPU_MILLI;
	enum sim_row bad;

	(void)options;
	sim_fields_split(&f, line, ',');
	if (f.count != c->count)
		return SIM_ROW_FIELDS;
	bad = sim_read_int(sim_fields_get(&f, c->gpus), 0, SIM_MAX_JOB_GPUS, &job->gpus);
	if (!bad && job->gpus == 0)
		return SIM_ROW_NO_GPU;
	if (!bad && c->milli >= 0)
		bad = sim_read_int(sim_fields_get(&f, c->milli), 0, WHOLE_GPU_MILLI,
				   &milli);
	if (!bad && c->phase >= 0)
		bad = read_phase(sim_fields_get(&f, c->phase));
	bad = bad ? bad : read_times(c, &f, job);
	if (bad)
		return bad;
	trace->shared += milli < WHOLE_GPU_MILLI;
	return sim_trace_keep(trace, sim_fields_get(&f, c->name), &job->id)
		       ? SIM_ROW_OK
		       : SIM_ROW_LIMIT;
}

const struct sim_reader sim_reader_openb = {"openb", knows, header, read_row};
