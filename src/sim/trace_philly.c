/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Microsoft's Philly: cluster_job_log, one JSON list of jobs, read job by job so that the
 * list is never in memory. trace.c calls it where a trace begins with a bracket. */
#include "config.h"

#include "sim/trace.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MAX_HOSTS 4096 /* bytes of an attempt's list of machines */

struct philly {
	struct sim_trace *trace;
	enum gt_err (*take)(void *arg, struct sim_job *job, enum sim_row reason,
			    struct gt_error *err);
	void *arg;
};

static enum sim_row take_time(struct sim_trace *trace, const json_t *object,
			      const char *key, int64_t *ms)
{
	const char *text = json_string_value(json_object_get(object, key));
	bool zoned;
	enum sim_row bad = sim_read_time(text ? text : "", ms, &zoned);

	if (bad)
		sim_trace_blame(trace, key, text ? text : "null");
	return bad;
}

static bool is_unknown(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return !text || sim_is_unknown(text);
}

/* The machines and GPUs of an attempt. */
static enum sim_row take_detail(struct sim_trace *trace, const json_t *detail,
				struct sim_job *job)
{
	char hosts[MAX_HOSTS] = "";
	size_t used = 0, nodes = json_array_size(detail);

	for (size_t i = 0; i < nodes; i++) {
		const json_t *machine = json_array_get(detail, i);
		const char *name = json_string_value(json_object_get(machine, "ip"));

		job->gpus += (int)json_array_size(json_object_get(machine, "gpus"));
		if (name && used < sizeof(hosts))
			used += (size_t)snprintf(hosts + used, sizeof(hosts) - used,
						 "%s%s", i ? "," : "", name);
	}
	if (!job->gpus)
		return SIM_ROW_NO_GPU;
	if (job->gpus > SIM_MAX_JOB_GPUS || (int)nodes > job->gpus)
		return SIM_ROW_LIMIT;
	job->nodes = (int16_t)nodes;
	if (used >= sizeof(hosts))
		hosts[0] = '\0';
	return sim_trace_keep(trace, hosts, &job->node) ? SIM_ROW_OK : SIM_ROW_LIMIT;
}

/* An attempt after the first is submitted when it starts: it is Philly that tries again.
 */
static enum sim_row take_attempt(struct sim_trace *trace, const json_t *json,
				 const json_t *attempt, bool first, struct sim_job *job)
{
	int64_t end = 0;
	enum sim_row bad = SIM_ROW_OK;

	if (is_unknown(attempt, "start_time"))
		return SIM_ROW_NOT_STARTED;
	if (is_unknown(attempt, "end_time"))
		return SIM_ROW_NOT_ENDED;
	bad = take_time(trace, attempt, "start_time", &job->start_ms);
	bad = bad ? bad : take_time(trace, attempt, "end_time", &end);
	if (!bad && first)
		bad = take_time(trace, json, "submitted_time", &job->submit_ms);
	else
		job->submit_ms = job->start_ms;
	if (bad)
		return bad;
	job->duration_ms = end - job->start_ms;
	if (job->duration_ms < 0 || job->start_ms < job->submit_ms)
		return SIM_ROW_ORDER;
	return take_detail(trace, json_object_get(attempt, "detail"), job);
}

static enum sim_row take_names(struct sim_trace *trace, const json_t *json,
			       size_t attempt, struct sim_job *job)
{
	const char *id = json_string_value(json_object_get(json, "jobid"));
	const char *user = json_string_value(json_object_get(json, "user"));
	const char *vc = json_string_value(json_object_get(json, "vc"));
	struct sim_wish wish = {0};
	char name[256];
	int number;

	snprintf(name, sizeof(name), attempt ? "%s#%zu" : "%s", id ? id : "",
		 attempt + 1);
	if (!sim_trace_keep(trace, name, &job->id) ||
	    !sim_trace_keep(trace, user ? user : "", &job->user) ||
	    !sim_trace_keep(trace, vc ? vc : "", &wish.partition))
		return SIM_ROW_LIMIT;
	number = sim_trace_wish(trace, &wish);
	job->wish = (uint16_t)(number > 0 ? number : 0);
	return number < 0 ? SIM_ROW_LIMIT : SIM_ROW_OK;
}

static enum gt_err take_job(struct philly *p, const json_t *json, struct gt_error *err)
{
	const json_t *attempts = json_object_get(json, "attempts");
	struct sim_job none = {.start_ms = SIM_NEVER};
	enum gt_err failed = GT_OK;

	if (!json_is_array(attempts) || !json_object_get(json, "submitted_time"))
		return gt_fail(err, GT_EFORMAT,
			       "JSON without attempts and submitted_time, as Philly's "
			       "cluster_job_log has them; of sacct only -P is read");
	if (!json_array_size(attempts))
		return p->take(p->arg, &none, SIM_ROW_NOT_STARTED, err);
	for (size_t i = 0; i < json_array_size(attempts) && !failed; i++) {
		struct sim_job job = {.start_ms = SIM_NEVER};
		enum sim_row bad = take_attempt(
			p->trace, json, json_array_get(attempts, i), i == 0, &job);

		if (!bad)
			bad = take_names(p->trace, json, i, &job);
		p->trace->requeued += !bad && i > 0;
		failed = p->take(p->arg, &job, bad, err);
	}
	return failed;
}

/* The next character that is no blank; EOF at the end. */
static int next_char(FILE *f)
{
	int c;

	do
		c = getc(f);
	while (c != EOF && isspace(c));
	return c;
}

enum gt_err sim_philly_read(struct sim_trace *trace, void *stream,
			    enum gt_err (*take)(void *arg, struct sim_job *job,
						enum sim_row reason,
						struct gt_error *err),
			    void *arg, struct gt_error *err)
{
	struct philly p = {.trace = trace, .take = take, .arg = arg};
	enum gt_err failed = GT_OK;
	FILE *f = stream;
	int c = next_char(f);

	if (c != EOF)
		ungetc(c, f);
	for (int64_t i = 1; !failed && c != ']' && c != EOF; i++) {
		json_error_t bad;
		json_t *json = json_loadf(f, JSON_DISABLE_EOF_CHECK, &bad);

		if (!json)
			return gt_fail(err, GT_EPARSE, "job %lld of the list: %.100s",
				       (long long)i, bad.text);
		failed = take_job(&p, json, err);
		json_decref(json);
		c = next_char(f);
		if (!failed && c != ',' && c != ']' && c != EOF)
			failed = gt_fail(err, GT_EPARSE,
					 "no comma after job %lld of the list",
					 (long long)i);
	}
	return failed;
}
