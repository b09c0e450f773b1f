/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of jobs with a header: sacct, our CSV, and what is published. A format is a list
 * of column names and what they mean; one reader takes them all. trace.c calls it for the
 * header, trace_row.c makes jobs of the rows.
 */
#include "config.h"

#include "sim/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	bool running_has_run; /* as in struct sim_table */
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
	return f.count == 10 && !sim_read_int(f.text[2], 0, SIM_MAX_CPUS, &instances) &&
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

bool sim_table_counts_gpus(const struct sim_table *t)
{
	return sim_table_has(t, SIM_GPUS) || sim_table_has(t, SIM_GPUS_PER_NODE) ||
	       sim_table_has(t, SIM_TRES_ASKED) || sim_table_has(t, SIM_TRES_GIVEN) ||
	       sim_table_has(t, SIM_PERCENT);
}

/* Columns without which no job can be replayed. */
static enum sim_header check_columns(const struct sim_table *t, struct gt_error *err)
{
	const char *missing = NULL;

	if (!strcmp(t->format->name, "openb") &&
	    (!sim_table_has(t, SIM_SUBMIT) || !sim_table_has(t, SIM_END)))
		missing = "the pods have no times: draw jobs of their sizes by 'gputopo "
			  "sim "
			  "gen --sizes-from FILE:num_gpu'";
	else if (!strcmp(t->format->name, "sacct") &&
		 (!sim_table_has(t, SIM_SUBMIT) || !sim_table_has(t, SIM_START) ||
		  !(sim_table_has(t, SIM_END) || sim_table_has(t, SIM_DURATION))))
		missing = "sacct: Submit, Start and End are needed";
	else if (!strcmp(t->format->name, "sacct") && !sim_table_counts_gpus(t))
		missing = "sacct: ReqTRES or AllocTRES is needed";
	else if (!sim_table_has(t, SIM_SUBMIT) && !sim_table_has(t, SIM_START))
		missing = "the header names no submit";
	else if (!sim_table_has(t, SIM_DURATION) && !sim_table_has(t, SIM_END))
		missing = "the header names no duration";
	else if (!sim_table_counts_gpus(t) && !sim_table_has(t, SIM_NODES) &&
		 !sim_table_has(t, SIM_NODELIST))
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
	t->running_has_run = format->running_has_run;
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
