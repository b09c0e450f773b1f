/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of jobs with a header: sacct, our CSV, and what is published. A format is a list
 * of column names and what they mean; one reader takes them all. trace.c calls it.
 */
#include "config.h"

#include "core/hostlist.h"
#include "sim/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CPUS  10000000
#define MAX_NODES 30000
#define NO_LIMIT  "4294967295" /* Slurm's INFINITE as a number */

/* ---- formats -------------------------------------------------------------------------
 */

struct name {
	enum sim_role role;
	const char *name;
};

/* The first name of a role that the header has counts. */
static const struct name sacct_names[] = {
	{SIM_ID, "JobID"},
	{SIM_ID, "JobIDRaw"},
	{SIM_USER, "User"},
	{SIM_SUBMIT, "Submit"},
	{SIM_ELIGIBLE, "Eligible"},
	{SIM_START, "Start"},
	{SIM_END, "End"},
	{SIM_DURATION, "ElapsedRaw"},
	{SIM_DURATION, "Elapsed"},
	{SIM_LIMIT, "Timelimit"},
	{SIM_LIMIT_MINUTES, "TimelimitRaw"},
	{SIM_STATE, "State"},
	{SIM_NODES, "NNodes"},
	{SIM_NODES, "AllocNodes"},
	{SIM_TASKS, "NTasks"},
	{SIM_CPUS, "NCPUS"},
	{SIM_CPUS, "AllocCPUS"},
	{SIM_TRES_ASKED, "ReqTRES"},
	{SIM_TRES_GIVEN, "AllocTRES"},
	{SIM_TRES_GIVEN, "AllocGRES"},
	{SIM_GPUS_PER_NODE, "ReqGRES"},
	{SIM_NODELIST, "NodeList"},
	{SIM_PARTITION, "Partition"},
	{SIM_FEATURES, "Constraints"},
	{SIM_RESERVATION, "Reservation"},
	{SIM_FREE_TEXT, "JobName"},
	{SIM_FREE_TEXT, "Constraints"}, /* "a|b" */
	{SIM_FREE_TEXT, "Comment"},
	{SIM_FREE_TEXT, "AdminComment"},
	{SIM_FREE_TEXT, "SystemComment"},
	{SIM_FREE_TEXT, "SubmitLine"},
	{SIM_FREE_TEXT, "WorkDir"},
	{SIM_ROLES, NULL},
};

static const struct name csv_names[] = {
	{SIM_ID, "job_id"},
	{SIM_SUBMIT, "submit"},
	{SIM_DURATION, "duration"},
	{SIM_GPUS, "gpus"},
	{SIM_NODES, "nodes"},
	{SIM_FORM, "form"},
	{SIM_GROUPS, "groups"},
	{SIM_COMM, "comm"},
	{SIM_CPUS, "cpus"},
	{SIM_TASKS, "tasks"},
	{SIM_LIMIT, "timelimit"},
	{SIM_PROFILE, "profile"},
	{SIM_USER, "user"},
	{SIM_START, "start"},
	{SIM_NODELIST, "node"},
	{SIM_PARTITION, "partition"},
	{SIM_TYPE, "gpu_type"},
	{SIM_FEATURES, "features"},
	{SIM_RESERVATION, "reservation"},
	{SIM_ROLES, NULL},
};

/* Alibaba's pods of cluster-trace-gpu-v2023. */
static const struct name openb_names[] = {
	{SIM_ID, "name"},
	{SIM_GPUS, "num_gpu"},
	{SIM_MILLI, "gpu_milli"},
	{SIM_STATE, "pod_phase"},
	{SIM_SUBMIT, "creation_time"},
	{SIM_END, "deletion_time"},
	{SIM_START, "scheduled_time"},
	{SIM_ROLES, NULL},
};

/* SenseTime's Helios; a virtual cluster is a partition there. */
static const struct name helios_names[] = {
	{SIM_ID, "job_id"},    {SIM_USER, "user"},	    {SIM_PARTITION, "vc"},
	{SIM_GPUS, "gpu_num"}, {SIM_CPUS, "cpu_num"},	    {SIM_NODES, "node_num"},
	{SIM_STATE, "state"},  {SIM_SUBMIT, "submit_time"}, {SIM_START, "start_time"},
	{SIM_END, "end_time"}, {SIM_DURATION, "duration"},  {SIM_ROLES, NULL},
};

/* Shanghai AI Laboratory's Acme: Seren and Kalos. */
static const struct name acme_names[] = {
	{SIM_ID, "job_id"},	     {SIM_USER, "user"},	{SIM_GPUS, "gpu_num"},
	{SIM_CPUS, "cpu_num"},	     {SIM_NODES, "node_num"},	{SIM_STATE, "state"},
	{SIM_SUBMIT, "submit_time"}, {SIM_START, "start_time"}, {SIM_END, "end_time"},
	{SIM_DURATION, "duration"},  {SIM_ROLES, NULL},
};

/* Alibaba's PAI of 2020, its table of tasks, also without its header. Tasks have a start
 * and no submission. */
static const struct name pai_names[] = {
	{SIM_ID, "job_name"},	    {SIM_INSTANCES, "inst_num"}, {SIM_STATE, "status"},
	{SIM_SUBMIT, "start_time"}, {SIM_START, "start_time"},	 {SIM_END, "end_time"},
	{SIM_PERCENT, "plan_gpu"},  {SIM_TYPE, "gpu_type"},	 {SIM_ROLES, NULL},
};
static const char pai_header[] = "job_name,task_name,inst_num,status,start_time,end_time,"
				 "plan_cpu,plan_mem,plan_gpu,gpu_type";

/* MIT Supercloud's slurm-log.csv: slurmdbd's own table. */
static const struct name supercloud_names[] = {
	{SIM_ID, "id_job"},
	{SIM_USER, "id_user"},
	{SIM_SUBMIT, "time_submit"},
	{SIM_ELIGIBLE, "time_eligible"},
	{SIM_START, "time_start"},
	{SIM_END, "time_end"},
	{SIM_LIMIT_MINUTES, "timelimit"},
	{SIM_STATE, "state"},
	{SIM_NODES, "nodes_alloc"},
	{SIM_CPUS, "cpus_req"},
	{SIM_TRES_ASKED, "tres_req"},
	{SIM_TRES_GIVEN, "tres_alloc"},
	{SIM_TRES_GIVEN, "gres_used"},
	{SIM_TRES_GIVEN, "gres_alloc"},
	{SIM_NODELIST, "nodelist"},
	{SIM_PARTITION, "partition"},
	{SIM_FEATURES, "constraints"},
	{SIM_ROLES, NULL},
};

/* CINECA's PM100, the job table as CSV. */
static const struct name pm100_names[] = {
	{SIM_ID, "job_id"},
	{SIM_USER, "user_id"},
	{SIM_SUBMIT, "submit_time"},
	{SIM_ELIGIBLE, "eligible_time"},
	{SIM_START, "start_time"},
	{SIM_END, "end_time"},
	{SIM_DURATION, "run_time"},
	{SIM_LIMIT_MINUTES, "time_limit"},
	{SIM_STATE, "job_state"},
	{SIM_NODES, "num_nodes_alloc"},
	{SIM_TASKS, "num_tasks"},
	{SIM_CPUS, "num_cores_alloc"},
	{SIM_GPUS, "num_gpus_alloc"},
	{SIM_GPUS, "num_gpus_req"},
	{SIM_NODELIST, "nodes"},
	{SIM_PARTITION, "partition"},
	{SIM_ROLES, NULL},
};

/* Any other table: SURF's Lisa and what else has such names. */
static const struct name other_names[] = {
	{SIM_ID, "job_id"},
	{SIM_ID, "jobid"},
	{SIM_ID, "id_job"},
	{SIM_ID, "id"},
	{SIM_ID, "job"},
	{SIM_ID, "job_name"},
	{SIM_USER, "user"},
	{SIM_USER, "user_id"},
	{SIM_USER, "id_user"},
	{SIM_SUBMIT, "submit"},
	{SIM_SUBMIT, "submit_time"},
	{SIM_SUBMIT, "time_submit"},
	{SIM_SUBMIT, "submit_date"},
	{SIM_SUBMIT, "submitted_time"},
	{SIM_SUBMIT, "submission_time"},
	{SIM_ELIGIBLE, "eligible"},
	{SIM_ELIGIBLE, "eligible_time"},
	{SIM_ELIGIBLE, "time_eligible"},
	{SIM_START, "start"},
	{SIM_START, "start_time"},
	{SIM_START, "time_start"},
	{SIM_START, "start_date"},
	{SIM_END, "end"},
	{SIM_END, "end_time"},
	{SIM_END, "time_end"},
	{SIM_END, "end_date"},
	{SIM_DURATION, "duration"},
	{SIM_DURATION, "run_time"},
	{SIM_DURATION, "runtime"},
	{SIM_DURATION, "elapsed"},
	{SIM_DURATION, "elapsedraw"},
	{SIM_STATE, "state"},
	{SIM_STATE, "job_state"},
	{SIM_STATE, "status"},
	{SIM_NODES, "nnodes"},
	{SIM_NODES, "numnodes"},
	{SIM_NODES, "num_nodes"},
	{SIM_NODES, "node_num"},
	{SIM_NODES, "nodes_alloc"},
	{SIM_CPUS, "ncpus"},
	{SIM_CPUS, "numcores"},
	{SIM_CPUS, "numcpus"},
	{SIM_CPUS, "num_cores"},
	{SIM_CPUS, "cpu_num"},
	{SIM_TASKS, "ntasks"},
	{SIM_TASKS, "num_tasks"},
	{SIM_GPUS, "gpus"},
	{SIM_GPUS, "ngpus"},
	{SIM_GPUS, "num_gpus"},
	{SIM_GPUS, "num_gpu"},
	{SIM_GPUS, "gpu_num"},
	{SIM_GPUS, "gpu_count"},
	{SIM_GPUS, "numgpus"},
	{SIM_TRES_ASKED, "req_tres"},
	{SIM_TRES_ASKED, "tres_req"},
	{SIM_TRES_GIVEN, "alloc_tres"},
	{SIM_TRES_GIVEN, "tres_alloc"},
	{SIM_NODELIST, "nodelist"},
	{SIM_NODELIST, "node_list"},
	{SIM_NODELIST, "node"},
	{SIM_NODELIST, "nodes"},
	{SIM_PARTITION, "partition"},
	{SIM_PARTITION, "queue_name"},
	{SIM_TYPE, "gpu_type"},
	{SIM_ROLES, NULL},
};

struct sim_format {
	const char *name;
	const struct name *names;
	const char *marks[3]; /* columns that no other format has together */
	const char *header;   /* of files that come without */
	bool any_separator;   /* not only commas */
	bool running_has_run; /* a state that says so may have an end */
};

static const struct sim_format formats[] = {
	{"sacct", sacct_names, {"JobID"}, NULL, true, false},
	{"openb", openb_names, {"num_gpu", "gpu_milli"}, NULL, false, true},
	{"acme", acme_names, {"gpu_num", "gpu_time", "submit_time"}, NULL, false, false},
	{"helios", helios_names, {"gpu_num", "vc", "submit_time"}, NULL, false, false},
	{"pai", pai_names, {"plan_gpu", "inst_num"}, pai_header, false, false},
	{"supercloud", supercloud_names, {"id_job", "time_submit"}, NULL, false, false},
	{"pm100", pm100_names, {"num_gpus_alloc", "run_time"}, NULL, false, false},
	{"csv", csv_names, {"submit", "duration", "gpus"}, NULL, false, false},
	{"table", other_names, {NULL}, NULL, true, false},
};

#define FORMAT_COUNT ((int)(sizeof(formats) / sizeof(formats[0])))

const char *sim_table_format(int i)
{
	return i >= 0 && i < FORMAT_COUNT ? formats[i].name : NULL;
}

const char *sim_table_name(const struct sim_table *table)
{
	return table->format->name;
}

/* ---- headers -------------------------------------------------------------------------
 */

static bool is_sacct_header(const char *line)
{
	const char *at = strcasestr(line, "JobID");

	/* the name of a column, and not part of one */
	return at && (at == line || !isalnum((unsigned char)at[-1])) &&
	       !isalnum((unsigned char)at[strncasecmp(at, "JobIDRaw", 8) ? 5 : 8]);
}

/* What separates the columns: what stands most often of a few. */
static char find_separator(const char *line)
{
	static const char candidates[] = "|,\t;^~@";
	char best = ',';
	int most = 0;

	for (const char *c = candidates; *c; c++) {
		int count = 0;

		for (const char *at = line; *at; at++)
			count += *at == *c;
		if (count > most) {
			most = count;
			best = *c;
		}
	}
	return best;
}

/* sacct output that cannot be read: what to do instead. */
static enum sim_header check_sacct(const char *line, struct gt_error *err)
{
	static const char remedy[] =
		"export with sacct -aX -P -o JobID,User,Partition,Submit,Eligible,Start,"
		"End,Timelimit,State,NNodes,NTasks,NCPUS,ReqTRES,AllocTRES,NodeList";

	if (*line == '{' && strlen(line) < 200) {
		gt_fail(err, GT_EFORMAT, "JSON is read of Philly only: %s", remedy);
		return SIM_BAD_TABLE;
	}
	if (strstr(line, "NODELIST(REASON)") && !strchr(line, '|')) {
		gt_fail(err, GT_EFORMAT, "squeue names no jobs of the past: %s", remedy);
		return SIM_BAD_TABLE;
	}
	if (!strpbrk(line, "|,\t;^~@") && is_sacct_header(line)) {
		gt_fail(err, GT_EFORMAT,
			"sacct in columns of a fixed width, which cut long values: %s",
			remedy);
		return SIM_BAD_TABLE;
	}
	if (find_separator(line) == ',' && is_sacct_header(line) &&
	    (strcasestr(line, "TRES") || strcasestr(line, "NodeList"))) {
		gt_fail(err, GT_EFORMAT,
			"sacct with commas between the columns, which its values hold "
			"too: %s",
			remedy);
		return SIM_BAD_TABLE;
	}
	if (find_separator(line) == '|' && !is_sacct_header(line) &&
	    (strstr(line, "COMPLETED") || strstr(line, "|CANCELLED") ||
	     strstr(line, "|FAILED") || strstr(line, "|TIMEOUT") ||
	     strstr(line, "|RUNNING") || strstr(line, "|PENDING"))) {
		gt_fail(err, GT_EFORMAT,
			"sacct without its header: leave out -n (--noheader); %s",
			remedy);
		return SIM_BAD_TABLE;
	}
	return SIM_NO_TABLE;
}

static bool has_marks(const struct sim_format *format, const struct sim_fields *names)
{
	int found = 0;

	if (format->names == sacct_names)
		return sim_fields_find(names, "JobID") >= 0 ||
		       sim_fields_find(names, "JobIDRaw") >= 0;
	for (size_t i = 0; i < 3 && format->marks[i]; i++, found++)
		if (sim_fields_find(names, format->marks[i]) < 0)
			return false;
	return found > 0;
}

/* Whether it is the first row of a PAI table without its header. */
static bool is_pai_row(const char *line)
{
	char copy[512];
	struct sim_fields f;
	int instances;

	if (strlen(line) >= sizeof(copy))
		return false;
	memcpy(copy, line, strlen(line) + 1);
	sim_fields_split(&f, copy, ',');
	return f.count == 10 && !sim_read_int(f.text[2], 0, MAX_CPUS, &instances) &&
	       isalpha((unsigned char)*f.text[3]) &&
	       sim_read_state(f.text[3]) != SIM_ROW_STATE;
}

static int map_columns(struct sim_table *t)
{
	int known = 0;

	for (int r = 0; r < SIM_ROLES; r++)
		t->column[r] = -1;
	t->free_texts = 0;
	for (const struct name *n = t->format->names; n->name; n++) {
		int column = sim_fields_find(&t->names, n->name);

		if (column < 0)
			continue;
		known++;
		t->free_texts += n->role == SIM_FREE_TEXT;
		if (t->column[n->role] < 0)
			t->column[n->role] = column;
	}
	return known;
}

static bool has(const struct sim_table *t, enum sim_role role)
{
	return t->column[role] >= 0;
}

static bool counts_gpus(const struct sim_table *t)
{
	return has(t, SIM_GPUS) || has(t, SIM_GPUS_PER_NODE) || has(t, SIM_TRES_ASKED) ||
	       has(t, SIM_TRES_GIVEN) || has(t, SIM_PERCENT);
}

/* Columns without which no job can be replayed. */
static enum sim_header check_columns(const struct sim_table *t, struct gt_error *err)
{
	const char *missing = NULL;

	if (!strcmp(t->format->name, "openb") &&
	    (!has(t, SIM_SUBMIT) || !has(t, SIM_END)))
		missing = "the pods have no times: draw jobs of their sizes by 'gputopo "
			  "sim "
			  "gen --sizes-from FILE:num_gpu'";
	else if (!strcmp(t->format->name, "sacct") &&
		 (!has(t, SIM_SUBMIT) || !has(t, SIM_START) ||
		  !(has(t, SIM_END) || has(t, SIM_DURATION))))
		missing = "sacct: Submit, Start and End are needed";
	else if (!strcmp(t->format->name, "sacct") && !counts_gpus(t))
		missing = "sacct: ReqTRES or AllocTRES is needed";
	else if (!has(t, SIM_SUBMIT) && !has(t, SIM_START))
		missing = "the header names no submit";
	else if (!has(t, SIM_DURATION) && !has(t, SIM_END))
		missing = "the header names no duration";
	else if (!counts_gpus(t) && !has(t, SIM_NODES) && !has(t, SIM_NODELIST))
		missing = "the header names no gpus";
	if (!missing)
		return SIM_TABLE;
	gt_fail(err, GT_EFORMAT, "%s", missing);
	return SIM_BAD_TABLE;
}

static enum sim_header take_header(struct sim_table *t, const struct sim_format *format,
				   const char *line, struct gt_error *err)
{
	free(t->header);
	t->header = strdup(line);
	if (!t->header) {
		gt_fail(err, GT_ENOMEM, "out of memory");
		return SIM_BAD_TABLE;
	}
	t->format = format;
	sim_fields_split(&t->names, t->header, t->separator);
	return SIM_TABLE;
}

static enum sim_header try_format(struct sim_table *t, const struct sim_format *format,
				  const char *line, bool forced, struct gt_error *err)
{
	enum sim_header taken;

	t->separator = format->any_separator ? find_separator(line) : ',';
	taken = take_header(t, format, line, err);
	if (taken != SIM_TABLE)
		return taken;
	if (format->marks[0] ? !forced && !has_marks(format, &t->names)
			     : map_columns(t) < 3 && !forced)
		return SIM_NO_TABLE;
	map_columns(t);
	return check_columns(t, err);
}

enum sim_header sim_table_begin(struct sim_table *t, const char *name, const char *line,
				bool *is_row, struct gt_error *err)
{
	enum sim_header found = SIM_NO_TABLE;

	*is_row = false;
	if (!name || !strcmp(name, "sacct"))
		found = check_sacct(line, err);
	for (int i = 0; i < FORMAT_COUNT && found == SIM_NO_TABLE; i++) {
		bool forced = name && !strcmp(formats[i].name, name);

		if (name && !forced)
			continue;
		if (formats[i].header && is_pai_row(line)) {
			*is_row = true;
			found = try_format(t, &formats[i], formats[i].header, true, err);
		} else {
			found = try_format(t, &formats[i], line, forced, err);
		}
	}
	return found;
}

void sim_table_release(struct sim_table *t)
{
	free(t->header);
	memset(t, 0, sizeof(*t));
}

/* ---- fields --------------------------------------------------------------------------
 */

/* A row that is being read. */
struct row {
	const struct sim_table *table;
	struct sim_trace *trace;
	const struct sim_trace_options *options;
	struct sim_fields fields;
	struct sim_job *job;
	struct sim_tres given, asked;
	int milli; /* of one GPU */
};

static const char *text_of(const struct row *r, enum sim_role role)
{
	return sim_fields_get(&r->fields, r->table->column[role]);
}

/* The reason, with the field and value that have it. */
static enum sim_row blame(const struct row *r, enum sim_role role, enum sim_row reason)
{
	if (reason != SIM_ROW_OK)
		sim_trace_blame(r->trace,
				sim_fields_get(&r->table->names, r->table->column[role]),
				text_of(r, role));
	return reason;
}

static enum sim_row take_time(const struct row *r, enum sim_role role, int64_t *ms)
{
	bool zoned;
	enum sim_row bad = sim_read_time(text_of(r, role), ms, &zoned);

	r->trace->times_zoned += zoned;
	r->trace->times_plain += !zoned;
	return blame(r, role, bad);
}

static enum sim_row take_int(const struct row *r, enum sim_role role, int high,
			     int *value)
{
	*value = 0;
	if (sim_is_unknown(text_of(r, role)))
		return SIM_ROW_OK;
	return blame(r, role, sim_read_int(text_of(r, role), 0, high, value));
}

/* Whether it is the job's own row, and not one of its steps. */
static bool is_step(const struct row *r)
{
	return !strcmp(r->table->format->name, "sacct") &&
	       strchr(text_of(r, SIM_ID), '.');
}

static enum sim_row take_state(const struct row *r)
{
	enum sim_row bad;

	if (!has(r->table, SIM_STATE))
		return SIM_ROW_OK;
	bad = sim_read_state(text_of(r, SIM_STATE));
	if (bad == SIM_ROW_NOT_ENDED && r->table->format->running_has_run)
		bad = SIM_ROW_OK;
	return blame(r, SIM_STATE, bad);
}

static enum sim_row take_limit(const struct row *r)
{
	bool minutes = !has(r->table, SIM_LIMIT);
	enum sim_role role = minutes ? SIM_LIMIT_MINUTES : SIM_LIMIT;
	const char *text = text_of(r, role);

	if (sim_is_unknown(text) || !strcasecmp(text, "UNLIMITED") ||
	    !strcasecmp(text, "INFINITE") || !strcasecmp(text, "Partition_Limit") ||
	    !strcmp(text, NO_LIMIT))
		return SIM_ROW_OK;
	return blame(r, role, sim_read_span(text, minutes ? 60 : 1, &r->job->limit_ms));
}

/* slurmdbd has 0 for a time that is not known. */
static bool is_no_time(const struct row *r, enum sim_role role)
{
	const char *text = text_of(r, role);

	return sim_is_unknown(text) ||
	       (!strcmp(text, "0") && !strcmp(r->table->format->name, "supercloud"));
}

/* The run: from start to end, else from the duration. */
static enum sim_row take_run(const struct row *r)
{
	struct sim_job *job = r->job;
	int64_t end = 0;
	enum sim_row bad = SIM_ROW_OK;

	if (job->start_ms != SIM_NEVER && has(r->table, SIM_END) &&
	    !is_no_time(r, SIM_END)) {
		bad = take_time(r, SIM_END, &end);
		job->duration_ms = end - job->start_ms;
		if (!bad && job->duration_ms < 0)
			bad = blame(r, SIM_END, SIM_ROW_ORDER);
	} else if (has(r->table, SIM_DURATION) &&
		   (!sim_is_unknown(text_of(r, SIM_DURATION)) ||
		    !has(r->table, SIM_END))) {
		bad = blame(r, SIM_DURATION,
			    sim_read_span(text_of(r, SIM_DURATION), 1,
					  &job->duration_ms));
	} else {
		bad = blame(r, SIM_END, SIM_ROW_NOT_ENDED);
	}
	return bad;
}

static enum sim_row take_times(const struct row *r)
{
	struct sim_job *job = r->job;
	bool is_openb = r->table->format->running_has_run;
	int64_t from = 0;
	enum sim_row bad = SIM_ROW_OK;

	if (has(r->table, SIM_SUBMIT) &&
	    !(is_no_time(r, SIM_SUBMIT) && !is_no_time(r, SIM_START)))
		bad = take_time(r, SIM_SUBMIT, &job->submit_ms);
	if (bad)
		return bad;
	if (!is_no_time(r, SIM_START))
		bad = take_time(r, SIM_START, &job->start_ms);
	else if (is_openb && !is_no_time(r, SIM_END))
		job->start_ms = job->submit_ms;
	else if (has(r->table, SIM_START) &&
		 (has(r->table, SIM_END) || has(r->table, SIM_STATE)) && !is_openb)
		return blame(r, SIM_START, SIM_ROW_NOT_STARTED);
	if (!bad && (!has(r->table, SIM_SUBMIT) || is_no_time(r, SIM_SUBMIT))) {
		if (job->start_ms == SIM_NEVER)
			return blame(r, SIM_START, SIM_ROW_NOT_STARTED);
		job->submit_ms = job->start_ms;
	}
	bad = bad ? bad : take_run(r);
	bad = bad ? bad : take_limit(r);
	if (bad)
		return bad;
	if (job->start_ms != SIM_NEVER && job->start_ms < job->submit_ms)
		return blame(r, SIM_START, SIM_ROW_ORDER);
	/* a job waits from when it could run, as after a dependency */
	if (!is_no_time(r, SIM_ELIGIBLE) && job->start_ms != SIM_NEVER &&
	    !take_time(r, SIM_ELIGIBLE, &from) && from > job->submit_ms &&
	    from <= job->start_ms)
		job->submit_ms = from;
	return SIM_ROW_OK;
}

/* ---- counts --------------------------------------------------------------------------
 */

/* GPUs and instances as Slurm accounts for them. */
static enum sim_row take_tres(struct row *r, int nodes, int *gpus)
{
	enum sim_row bad = blame(r, SIM_TRES_GIVEN,
				 sim_tres_read(&r->given, text_of(r, SIM_TRES_GIVEN)));
	enum sim_role role =
		has(r->table, SIM_TRES_ASKED) ? SIM_TRES_ASKED : SIM_GPUS_PER_NODE;
	int times = role == SIM_GPUS_PER_NODE && nodes > 1 ? nodes : 1;

	if (!bad)
		bad = blame(r, role, sim_tres_read(&r->asked, text_of(r, role)));
	if (bad)
		return bad;
	if (!*text_of(r, SIM_TRES_GIVEN)) {
		r->given = r->asked;
		r->given.whole *= times;
		r->given.slices *= times;
	} else if (!r->given.typed && r->asked.slices && r->given.whole) {
		/* the site accounts for gres/gpu alone; the request names the type */
		int whole = r->asked.whole;

		r->given = r->asked;
		r->given.whole = whole;
	}
	*gpus = r->given.whole;
	r->trace->mixed += r->given.whole && r->given.slices;
	if (r->given.slices && !r->given.whole)
		return blame(r, *text_of(r, SIM_TRES_GIVEN) ? SIM_TRES_GIVEN : role,
			     SIM_ROW_MIG);
	return SIM_ROW_OK;
}

/* A task of PAI: its instances have each so many hundredths of a GPU. */
static enum sim_row take_percent(struct row *r, int *gpus)
{
	int percent = 0, instances = 1, each;
	enum sim_row bad = take_int(r, SIM_PERCENT, 100 * SIM_MAX_JOB_GPUS, &percent);

	if (!bad && has(r->table, SIM_INSTANCES))
		bad = take_int(r, SIM_INSTANCES, SIM_MAX_JOB_GPUS, &instances);
	if (bad)
		return bad;
	each = (percent + 99) / 100;
	if ((int64_t)each * instances > SIM_MAX_JOB_GPUS)
		return blame(r, SIM_INSTANCES, SIM_ROW_LIMIT);
	r->trace->shared += percent > 0 && percent < 100;
	*gpus = each * instances;
	if (instances > 1 && *gpus) {
		r->job->form = SIM_FORM_TASK;
		r->job->tasks = instances;
	}
	return SIM_ROW_OK;
}

struct host_count {
	const char *among; /* a list; NULL: any */
	int count;
};

static enum gt_err count_host(void *arg, const char *name)
{
	struct host_count *c = arg;

	c->count += !c->among || gt_hostlist_has(c->among, name);
	return GT_OK;
}

/* All GPUs of the job's nodes, by --gpu-from node/N. */
static enum sim_row take_whole_nodes(struct row *r, int nodes, int *gpus)
{
	struct host_count count = {.among = r->options->gpu_hosts, .count = nodes};

	if (has(r->table, SIM_NODELIST) && (count.among || !nodes)) {
		count.count = 0;
		if (gt_hostlist_each(text_of(r, SIM_NODELIST), count_host, &count, NULL))
			return blame(r, SIM_NODELIST, SIM_ROW_NUMBER);
	}
	*gpus = count.count * r->options->gpus_per_node;
	return SIM_ROW_OK;
}

static enum sim_row take_gpus(struct row *r, int nodes, int *gpus)
{
	const struct sim_table *t = r->table;
	enum sim_row bad;

	*gpus = 0;
	r->milli = SIM_WHOLE_GPU_MILLI;
	if (has(t, SIM_PROFILE) && *text_of(r, SIM_PROFILE))
		return blame(r, SIM_PROFILE, SIM_ROW_MIG);
	if (has(t, SIM_PERCENT))
		return take_percent(r, gpus);
	if (!has(t, SIM_GPUS) && counts_gpus(t))
		return take_tres(r, nodes, gpus);
	if (!has(t, SIM_GPUS))
		return take_whole_nodes(r, nodes, gpus);
	if (!strcmp(t->format->name, "csv") || *text_of(r, SIM_GPUS))
		bad = blame(r, SIM_GPUS,
			    sim_read_int(text_of(r, SIM_GPUS), 0, SIM_MAX_JOB_GPUS,
					 gpus));
	else
		bad = SIM_ROW_OK;
	if (bad && sim_is_unknown(text_of(r, SIM_GPUS)) && *text_of(r, SIM_GPUS))
		bad = SIM_ROW_OK;
	if (!bad && *gpus && has(t, SIM_MILLI)) {
		bad = take_int(r, SIM_MILLI, SIM_WHOLE_GPU_MILLI, &r->milli);
		r->trace->shared += r->milli < SIM_WHOLE_GPU_MILLI;
	}
	return bad;
}

static enum sim_row take_counts(struct row *r)
{
	struct sim_job *job = r->job;
	int nodes = 0, cpus = 0, tasks = 0, gpus = 0;
	enum sim_row bad = take_int(r, SIM_NODES, MAX_NODES, &nodes);

	bad = bad ? bad : take_gpus(r, nodes, &gpus);
	bad = bad ? bad : take_int(r, SIM_CPUS, MAX_CPUS, &cpus);
	if (!job->tasks)
		bad = bad ? bad : take_int(r, SIM_TASKS, MAX_CPUS, &tasks);
	if (bad)
		return bad;
	if (!gpus)
		return SIM_ROW_NO_GPU;
	if (gpus > SIM_MAX_JOB_GPUS)
		return blame(r, SIM_GPUS, SIM_ROW_LIMIT);
	/* more nodes than GPUs: not a request that one can lay out again */
	if (nodes > gpus)
		return blame(r, SIM_NODES, SIM_ROW_LIMIT);
	job->gpus = gpus;
	job->nodes = (int16_t)nodes;
	job->cpus = cpus;
	job->tasks = job->tasks ? job->tasks : tasks;
	return SIM_ROW_OK;
}

/* ---- texts ---------------------------------------------------------------------------
 */

/* Published tables write lists as "['r1n1', 'r1n2']". */
static void strip_list(char *text)
{
	char *out = text;

	if (*text != '[' ||
	    (!strchr(text, ' ') && !strchr(text, '\'') && strchr(text, '-')))
		return;
	for (const char *at = text; *at; at++)
		if (!strchr("[]' \"", *at))
			*out++ = *at;
	*out = '\0';
}

static bool keep(struct row *r, enum sim_role role, uint32_t *offset)
{
	const char *text = text_of(r, role);

	return sim_trace_keep(r->trace, sim_is_unknown(text) ? "" : text, offset);
}

/* What the job says about nodes, under one number. */
static bool take_wish(struct row *r)
{
	struct sim_wish wish = {0};
	const char *features = text_of(r, SIM_FEATURES);
	const char *type = has(r->table, SIM_TYPE) ? text_of(r, SIM_TYPE) : r->given.type;
	int number;

	if (!*text_of(r, SIM_PARTITION) && !*type && !*features &&
	    !*text_of(r, SIM_RESERVATION))
		return true;
	if (!keep(r, SIM_PARTITION, &wish.partition) ||
	    !sim_trace_keep(r->trace, sim_is_unknown(type) ? "" : type, &wish.type) ||
	    !keep(r, SIM_FEATURES, &wish.features) ||
	    !keep(r, SIM_RESERVATION, &wish.reservation))
		return false;
	number = sim_trace_wish(r->trace, &wish);
	r->job->wish = (uint16_t)(number > 0 ? number : 0);
	return number >= 0;
}

static enum sim_row take_shape(struct row *r)
{
	const char *groups = text_of(r, SIM_GROUPS), *comm = text_of(r, SIM_COMM);
	struct sim_shape shape = {0};
	int number;

	if (sim_is_unknown(groups) && sim_is_unknown(comm))
		return SIM_ROW_OK;
	if (!sim_is_unknown(groups) &&
	    (gt_groups_parse(&shape.groups, groups, NULL) ||
	     !sim_groups_fit(&shape.groups, r->job->gpus, r->job->nodes)))
		return blame(r, SIM_GROUPS, SIM_ROW_GROUPS);
	if (!sim_is_unknown(comm) && gt_comm_parse(&shape.comm, comm, NULL))
		return blame(r, SIM_COMM, SIM_ROW_GROUPS);
	number = sim_trace_shape(r->trace, &shape);
	if (number < 0)
		return blame(r, SIM_GROUPS, SIM_ROW_LIMIT);
	r->job->shape = (uint16_t)number;
	return SIM_ROW_OK;
}

static enum sim_row take_texts(struct row *r)
{
	enum sim_form form = r->options->form;

	if (*text_of(r, SIM_FORM)) {
		if (!sim_form_parse(text_of(r, SIM_FORM), &form))
			return blame(r, SIM_FORM, SIM_ROW_FORM);
		r->job->form = (uint8_t)form;
	}
	if (has(r->table, SIM_NODELIST))
		strip_list(r->fields.text[r->table->column[SIM_NODELIST]]);
	if (!keep(r, SIM_ID, &r->job->id) || !keep(r, SIM_USER, &r->job->user) ||
	    !keep(r, SIM_NODELIST, &r->job->node) || !take_wish(r))
		return SIM_ROW_LIMIT;
	return SIM_ROW_OK;
}

static bool add_slices(struct row *r, const char *profile, int milli, int count)
{
	struct sim_trace *t = r->trace;
	struct sim_slices s = {
		.submit_ms = r->job->submit_ms,
		.duration_ms = r->job->duration_ms,
		.milli = milli,
		.count = count,
	};

	if (t->slice_count == t->slice_room) {
		size_t room = 2 * t->slice_room + 256;
		void *grown = realloc(t->slices, room * sizeof(*t->slices));

		if (!grown)
			return false;
		t->slices = grown;
		t->slice_room = room;
	}
	if (!sim_trace_keep(t, profile, &s.profile))
		return false;
	t->slices[t->slice_count++] = s;
	return true;
}

/* Keep the instances of the job for gputopo sim mig. */
static bool keep_slices(struct row *r)
{
	bool done = true;

	if (has(r->table, SIM_MILLI)) {
		r->trace->shares_gpus = true;
		return r->job->gpus != 1 || add_slices(r, "", r->milli, 1);
	}
	for (int i = 0; i < r->given.slice_kinds && done; i++)
		done = add_slices(r, r->given.slice[i].profile, -1,
				  r->given.slice[i].count);
	return done;
}

/* Whether the row is one of those that --only keeps. */
static bool is_wanted(const struct row *r)
{
	static const struct {
		const char *key;
		enum sim_role role;
	} keys[] = {{"partition", SIM_PARTITION}, {"type", SIM_TYPE},
		    {"feature", SIM_FEATURES},	  {"reservation", SIM_RESERVATION},
		    {"user", SIM_USER},		  {"node", SIM_NODELIST}};

	for (const char *const *only = r->options->only; only && *only; only++) {
		const char *equals = strchr(*only, '='), *value = "";
		size_t length;
		bool found = false;

		for (size_t i = 0; equals && i < sizeof(keys) / sizeof(*keys); i++)
			if (!strncmp(*only, keys[i].key, (size_t)(equals - *only)) &&
			    !keys[i].key[equals - *only])
				value = keys[i].role == SIM_TYPE &&
							!has(r->table, SIM_TYPE)
						? r->given.type
						: text_of(r, keys[i].role);
		for (const char *at = equals ? equals + 1 : ""; *at && !found;
		     at += length + (at[length] == ',')) {
			length = strcspn(at, ",");
			found = strlen(value) == length && !strncmp(at, value, length);
		}
		/* "reservation=" keeps the jobs without one */
		if (!found && !(equals && !equals[1] && !*value))
			return false;
	}
	return true;
}

/* A separator in the one column of free text: what is too much belongs to it. */
static void mend_fields(struct row *r)
{
	const struct sim_table *t = r->table;
	int more = r->fields.count - t->names.count, at = t->column[SIM_FREE_TEXT];

	if (more <= 0 || t->free_texts != 1 || r->fields.count > SIM_MAX_FIELDS)
		return;
	for (int i = 1; i <= more; i++)
		r->fields.text[at + i][-1] = t->separator;
	memmove(&r->fields.text[at + 1], &r->fields.text[at + 1 + more],
		(size_t)(t->names.count - at - 1) * sizeof(char *));
	r->fields.count = t->names.count;
}

enum sim_row sim_table_row(struct sim_table *table, struct sim_trace *trace, char *line,
			   const struct sim_trace_options *options, struct sim_job *job)
{
	struct row r = {.table = table, .trace = trace, .options = options, .job = job};
	char found[24], wanted[48];
	enum sim_row bad;

	sim_fields_split(&r.fields, line, table->separator);
	mend_fields(&r);
	if (r.fields.count != table->names.count) {
		snprintf(found, sizeof(found), "%d", r.fields.count);
		snprintf(wanted, sizeof(wanted), "%d in the header, in the row",
			 table->names.count);
		sim_trace_blame(trace, wanted, found);
		return SIM_ROW_FIELDS;
	}
	if (is_step(&r))
		return SIM_ROW_STEP;
	bad = take_state(&r);
	bad = bad ? bad : take_times(&r);
	bad = bad ? bad : take_counts(&r);
	if ((!bad || bad == SIM_ROW_MIG) && !is_wanted(&r))
		return SIM_ROW_FILTERED;
	if ((!bad || bad == SIM_ROW_MIG) && options->keeps_slices && !keep_slices(&r))
		return SIM_ROW_LIMIT;
	bad = bad ? bad : take_shape(&r);
	return bad ? bad : take_texts(&r);
}
