/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alibaba's openb pod lists (cluster-trace-gpu-v2023), CSV, for jobs and for requests for
 * GPU instances. As a job, a pod that shares one GPU counts as one of a whole GPU. */
#include "config.h"

#include "sim/trace.h"
#include "sim/trace_openb.h"

#include <string.h>

_Static_assert(sizeof(struct sim_openb) <= SIM_COLUMNS_SIZE, "columns do not fit");

/* ---- the format ---- */

void sim_openb_columns(struct sim_openb *c, const struct sim_fields *header)
{
	c->count = header->count;
	c->name = sim_fields_find(header, "name");
	c->gpus = sim_fields_find(header, "num_gpu");
	c->milli = sim_fields_find(header, "gpu_milli");
	c->phase = sim_fields_find(header, "pod_phase");
	c->created = sim_fields_find(header, "creation_time");
	c->deleted = sim_fields_find(header, "deletion_time");
	c->scheduled = sim_fields_find(header, "scheduled_time");
}

enum sim_row sim_openb_read(const struct sim_openb *c, const struct sim_fields *f,
			    struct sim_pod *pod)
{
	const char *scheduled = sim_fields_get(f, c->scheduled);
	const char *deleted = sim_fields_get(f, c->deleted);
	enum sim_row bad;

	*pod = (struct sim_pod){.milli = SIM_POD_WHOLE};
	if (f->count != c->count)
		return SIM_ROW_FIELDS;
	bad = sim_read_int(sim_fields_get(f, c->gpus), 0, SIM_MAX_JOB_GPUS, &pod->gpus);
	if (!bad && pod->gpus == 0)
		return SIM_ROW_NO_GPU;
	if (!bad && c->milli >= 0)
		bad = sim_read_int(sim_fields_get(f, c->milli), 0, SIM_POD_WHOLE,
				   &pod->milli);
	if (!bad)
		bad = sim_read_ms(sim_fields_get(f, c->created), &pod->submit_ms);
	if (!bad && !*deleted)
		return SIM_ROW_NOT_ENDED;
	bad = bad ? bad : sim_read_ms(deleted, &pod->end_ms);
	pod->start_ms = pod->submit_ms;
	if (!bad && *scheduled)
		bad = sim_read_ms(scheduled, &pod->start_ms);
	if (bad)
		return bad;
	return pod->end_ms < pod->start_ms || pod->start_ms < pod->submit_ms
		       ? SIM_ROW_ORDER
		       : SIM_ROW_OK;
}

/* ---- as jobs ---- */

static bool knows(const char *line)
{
	return strstr(line, "num_gpu") && strstr(line, "gpu_milli");
}

static enum gt_err header(void *columns, char *line, struct gt_error *err)
{
	struct sim_openb *c = columns;
	struct sim_fields f;

	sim_fields_split(&f, line, ',');
	sim_openb_columns(c, &f);
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

static enum sim_row read_row(struct sim_trace *trace, const void *columns, char *line,
			     const struct sim_trace_options *options, struct sim_job *job)
{
	const struct sim_openb *c = columns;
	struct sim_fields f;
	struct sim_pod pod;
	enum sim_row bad, phase;

	(void)options;
	sim_fields_split(&f, line, ',');
	bad = sim_openb_read(c, &f, &pod);
	phase = c->phase < 0 ? SIM_ROW_OK : read_phase(sim_fields_get(&f, c->phase));
	/* a pod that never ran has no times either: its phase says more */
	if (phase && (!bad || bad == SIM_ROW_NOT_ENDED || bad == SIM_ROW_ORDER))
		bad = phase;
	if (bad)
		return bad;
	job->gpus = pod.gpus;
	job->submit_ms = pod.submit_ms;
	job->start_ms = pod.start_ms;
	job->duration_ms = pod.end_ms - pod.start_ms;
	trace->shared += pod.milli < SIM_POD_WHOLE;
	return sim_trace_keep(trace, sim_fields_get(&f, c->name), &job->id)
		       ? SIM_ROW_OK
		       : SIM_ROW_LIMIT;
}

const struct sim_reader sim_reader_openb = {"openb", knows, header, read_row};
