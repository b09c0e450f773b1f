/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sacct --parsable2: columns by name, in any order and with any others among them. */
#include "config.h"

#include "sim/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CPUS  10000000
#define MAX_NODES 30000

struct columns {
	int count;
	int id, user, submit, eligible, start, end, limit, state, nodes, tasks, cpus;
	int asked, given, node;
};

_Static_assert(sizeof(struct columns) <= SIM_COLUMNS_SIZE, "columns do not fit");

static bool knows(const char *line)
{
	return strchr(line, '|') && strstr(line, "JobID");
}

static enum gt_err header(void *columns, char *line, struct gt_error *err)
{
	struct columns *c = columns;
	struct sim_fields f;

	sim_fields_split(&f, line, '|');
	c->count = f.count;
	c->id = sim_fields_find(&f, "JobID");
	c->user = sim_fields_find(&f, "User");
	c->submit = sim_fields_find(&f, "Submit");
	c->eligible = sim_fields_find(&f, "Eligible");
	c->start = sim_fields_find(&f, "Start");
	c->end = sim_fields_find(&f, "End");
	c->limit = sim_fields_find(&f, "Timelimit");
	c->state = sim_fields_find(&f, "State");
	c->nodes = sim_fields_find(&f, "NNodes");
	c->tasks = sim_fields_find(&f, "NTasks");
	c->cpus = sim_fields_find(&f, "NCPUS");
	c->asked = sim_fields_find(&f, "ReqTRES");
	c->given = sim_fields_find(&f, "AllocTRES");
	c->node = sim_fields_find(&f, "NodeList");
	if (c->submit < 0 || c->start < 0 || c->end < 0)
		return gt_fail(err, GT_EFORMAT,
			       "sacct: Submit, Start and End are needed");
	if (c->asked < 0 && c->given < 0)
		return gt_fail(err, GT_EFORMAT, "sacct: ReqTRES or AllocTRES is needed");
	return GT_OK;
}

/* ---- times ---------------------------------------------------------------------------
 */

static bool is_unknown(const char *text)
{
	return !*text || !strcmp(text, "Unknown") || !strcmp(text, "None");
}

/* Days from 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "2026-11-21T22:33:29", taken as if without time zones, or seconds
 * (SLURM_TIME_FORMAT=%s). */
static enum sim_row read_time(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, used = 0;

	if (strspn(text, "0123456789") == strlen(text))
		return sim_read_ms(text, ms);
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
		   &second, &used) != 6 ||
	    text[used])
		return *text == '-' ? SIM_ROW_NEGATIVE : SIM_ROW_NUMBER;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
	    hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return SIM_ROW_NUMBER;
	*ms = 1000 *
	      (86400 * days_of(year, month, day) + 3600 * hour + 60 * minute + second);
	return SIM_ROW_OK;
}

/* "1-02:03:04", "02:03:04", "03:04" (minutes:seconds); 0 where there is no limit. */
static enum sim_row read_limit(const char *text, int64_t *ms)
{
	int64_t days = 0, seconds = 0;
	char *end;

	*ms = 0;
	if (is_unknown(text) || !strcmp(text, "UNLIMITED") ||
	    !strcmp(text, "Partition_Limit"))
		return SIM_ROW_OK;
	for (;;) {
		long part;

		if (!isdigit((unsigned char)*text))
			return *text == '-' ? SIM_ROW_NEGATIVE : SIM_ROW_NUMBER;
		part = strtol(text, &end, 10);
		if (part > 100000)
			return SIM_ROW_LIMIT;
		if (*end == '-') {
			days = part;
		} else {
			seconds = seconds * 60 + part;
		}
		if (*end != '-' && *end != ':')
			break;
		text = end + 1;
	}
	if (*end)
		return SIM_ROW_NUMBER;
	*ms = 1000 * (days * 86400 + seconds);
	return SIM_ROW_OK;
}

static enum sim_row read_times(const struct columns *c, const struct sim_fields *f,
			       struct sim_job *job)
{
	const char *eligible = sim_fields_get(f, c->eligible);
	int64_t from = 0, end = 0;
	enum sim_row bad = read_time(sim_fields_get(f, c->submit), &job->submit_ms);

	if (!bad && is_unknown(sim_fields_get(f, c->start)))
		return SIM_ROW_NOT_STARTED;
	if (!bad && is_unknown(sim_fields_get(f, c->end)))
		return SIM_ROW_NOT_ENDED;
	bad = bad ? bad : read_time(sim_fields_get(f, c->start), &job->start_ms);
	bad = bad ? bad : read_time(sim_fields_get(f, c->end), &end);
	bad = bad ? bad : read_limit(sim_fields_get(f, c->limit), &job->limit_ms);
	if (bad)
		return bad;
	if (end < job->start_ms || job->start_ms < job->submit_ms)
		return SIM_ROW_ORDER;
	job->duration_ms = end - job->start_ms;
	/* a job waits from when it could run, as after a dependency */
	if (!is_unknown(eligible) && !read_time(eligible, &from) &&
	    from > job->submit_ms && from <= job->start_ms)
		job->submit_ms = from;
	return SIM_ROW_OK;
}

/* ---- states and TRES -----------------------------------------------------------------
 */

static enum sim_row read_state(const char *state)
{
	static const struct {
		const char *name;
		enum sim_row row;
	} known[] = {
		{"COMPLETED", SIM_ROW_OK},	 {"FAILED", SIM_ROW_OK},
		{"TIMEOUT", SIM_ROW_OK},	 {"CANCELLED", SIM_ROW_OK},
		{"NODE_FAIL", SIM_ROW_OK},	 {"OUT_OF_MEMORY", SIM_ROW_OK},
		{"PREEMPTED", SIM_ROW_OK},	 {"BOOT_FAIL", SIM_ROW_OK},
		{"DEADLINE", SIM_ROW_OK},	 {"REQUEUED", SIM_ROW_OK},
		{"REVOKED", SIM_ROW_OK},	 {"SUSPENDED", SIM_ROW_NOT_ENDED},
		{"RUNNING", SIM_ROW_NOT_ENDED},	 {"COMPLETING", SIM_ROW_NOT_ENDED},
		{"RESIZING", SIM_ROW_NOT_ENDED}, {"PENDING", SIM_ROW_NOT_STARTED},
	};
	/* "CANCELLED by 1000", "COMPLETED+" where the column was cut */
	size_t length = strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	for (size_t i = 0; length && i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(state, known[i].name, length) &&
		    (!known[i].name[length] || state[length] == '+'))
			return known[i].row;
	return SIM_ROW_STATE;
}

/* "1g.10gb" after "gres/gpu:". */
static bool is_slice(const char *type, size_t length)
{
	return length > 2 && isdigit((unsigned char)type[0]) && type[1] == 'g' &&
	       type[2] == '.';
}

/* GPUs of "cpu=8,mem=64G,gres/gpu=4,gres/gpu:a100=4": the untyped count, else the sum. */
static enum sim_row read_tres(const char *tres, int *gpus)
{
	static const char key[] = "gres/gpu";
	int untyped = 0, typed = 0, count = 0;
	bool slices = false;

	for (const char *at = tres; *at; at += strcspn(at, ","), at += *at == ',') {
		const char *rest = at + sizeof(key) - 1, *equals;
		char number[16];

		if (strncmp(at, key, sizeof(key) - 1) || (*rest != '=' && *rest != ':'))
			continue;
		equals = strchr(rest, '=');
		if (!equals)
			return SIM_ROW_NUMBER;
		snprintf(number, sizeof(number), "%.*s", (int)strcspn(equals + 1, ","),
			 equals + 1);
		if (sim_read_int(number, 0, SIM_MAX_JOB_GPUS, &count))
			return *number == '-' ? SIM_ROW_NEGATIVE : SIM_ROW_NUMBER;
		if (*rest == '=')
			untyped = count;
		else if (is_slice(rest + 1, (size_t)(equals - rest - 1)))
			slices = true;
		else
			typed += count;
	}
	*gpus = untyped ? untyped : typed;
	return slices ? SIM_ROW_MIG : SIM_ROW_OK;
}

static enum sim_row read_counts(const struct columns *c, const struct sim_fields *f,
				struct sim_job *job)
{
	const char *given = sim_fields_get(f, c->given);
	int nodes = 0, tasks = 0, cpus = 0;
	enum sim_row bad =
		read_tres(*given ? given : sim_fields_get(f, c->asked), &job->gpus);

	if (!bad && !job->gpus)
		return SIM_ROW_NO_GPU;
	if (!bad && *sim_fields_get(f, c->nodes))
		bad = sim_read_int(sim_fields_get(f, c->nodes), 0, MAX_NODES, &nodes);
	if (!bad && *sim_fields_get(f, c->tasks))
		bad = sim_read_int(sim_fields_get(f, c->tasks), 0, MAX_CPUS, &tasks);
	if (!bad && *sim_fields_get(f, c->cpus))
		bad = sim_read_int(sim_fields_get(f, c->cpus), 0, MAX_CPUS, &cpus);
	/* more nodes than GPUs: not a request that one can lay out again */
	if (!bad && nodes > job->gpus)
		bad = SIM_ROW_LIMIT;
	job->nodes = (int16_t)nodes;
	job->tasks = tasks;
	job->cpus = cpus;
	return bad;
}

static enum sim_row read_row(struct sim_trace *trace, const void *columns, char *line,
			     const struct sim_trace_options *options, struct sim_job *job)
{
	const struct columns *c = columns;
	struct sim_fields f;
	enum sim_row bad = SIM_ROW_OK;

	(void)options;
	sim_fields_split(&f, line, '|');
	if (f.count != c->count)
		return SIM_ROW_FIELDS;
	if (strchr(sim_fields_get(&f, c->id), '.'))
		return SIM_ROW_STEP;
	if (c->state >= 0)
		bad = read_state(sim_fields_get(&f, c->state));
	bad = bad ? bad : read_times(c, &f, job);
	bad = bad ? bad : read_counts(c, &f, job);
	if (bad)
		return bad;
	if (!sim_trace_keep(trace, sim_fields_get(&f, c->id), &job->id) ||
	    !sim_trace_keep(trace, sim_fields_get(&f, c->user), &job->user) ||
	    !sim_trace_keep(trace, sim_fields_get(&f, c->node), &job->node))
		return SIM_ROW_LIMIT;
	return SIM_ROW_OK;
}

const struct sim_reader sim_reader_sacct = {"sacct", knows, header, read_row};
