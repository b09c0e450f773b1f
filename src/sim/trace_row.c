/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row of a table of jobs becomes a job: its times, counts, texts and what it says about
 * nodes. trace.c calls it with the header that trace_table.c took.
 */
#include "config.h"

#include "core/hostlist.h"
#include "sim/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_NODES 30000
#define NO_LIMIT  "4294967295" /* Slurm's INFINITE as a number */

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

/* Whether it is one of the job's steps, and not its own row. */
static bool is_step(const struct row *r)
{
	return !strcmp(sim_table_name(r->table), "sacct") &&
	       strchr(text_of(r, SIM_ID), '.');
}

static enum sim_row take_state(const struct row *r)
{
	enum sim_row bad;

	if (!sim_table_has(r->table, SIM_STATE))
		return SIM_ROW_OK;
	bad = sim_read_state(text_of(r, SIM_STATE));
	if (bad == SIM_ROW_NOT_ENDED && r->table->running_has_run)
		bad = SIM_ROW_OK;
	return blame(r, SIM_STATE, bad);
}

static enum sim_row take_limit(const struct row *r)
{
	bool minutes = !sim_table_has(r->table, SIM_LIMIT);
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
	       (!strcmp(text, "0") && !strcmp(sim_table_name(r->table), "supercloud"));
}

/* The run: from start to end, else from the duration. */
static enum sim_row take_run(const struct row *r)
{
	struct sim_job *job = r->job;
	int64_t end = 0;
	enum sim_row bad = SIM_ROW_OK;

	if (job->start_ms != SIM_NEVER && sim_table_has(r->table, SIM_END) &&
	    !is_no_time(r, SIM_END)) {
		bad = take_time(r, SIM_END, &end);
		job->duration_ms = end - job->start_ms;
		if (!bad && job->duration_ms < 0)
			bad = blame(r, SIM_END, SIM_ROW_ORDER);
	} else if (sim_table_has(r->table, SIM_DURATION) &&
		   (!sim_is_unknown(text_of(r, SIM_DURATION)) ||
		    !sim_table_has(r->table, SIM_END))) {
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
	bool is_openb = r->table->running_has_run;
	int64_t from = 0;
	enum sim_row bad = SIM_ROW_OK;

	if (sim_table_has(r->table, SIM_SUBMIT) &&
	    !(is_no_time(r, SIM_SUBMIT) && !is_no_time(r, SIM_START)))
		bad = take_time(r, SIM_SUBMIT, &job->submit_ms);
	if (bad)
		return bad;
	if (!is_no_time(r, SIM_START))
		bad = take_time(r, SIM_START, &job->start_ms);
	else if (is_openb && !is_no_time(r, SIM_END))
		job->start_ms = job->submit_ms;
	else if (sim_table_has(r->table, SIM_START) &&
		 (sim_table_has(r->table, SIM_END) ||
		  sim_table_has(r->table, SIM_STATE)) &&
		 !is_openb)
		return blame(r, SIM_START, SIM_ROW_NOT_STARTED);
	if (!bad && (!sim_table_has(r->table, SIM_SUBMIT) || is_no_time(r, SIM_SUBMIT))) {
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
	enum sim_role role = sim_table_has(r->table, SIM_TRES_ASKED) ? SIM_TRES_ASKED
								     : SIM_GPUS_PER_NODE;
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

	if (!bad && sim_table_has(r->table, SIM_INSTANCES))
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

	if (sim_table_has(r->table, SIM_NODELIST) && (count.among || !nodes)) {
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
	if (sim_table_has(t, SIM_PROFILE) && *text_of(r, SIM_PROFILE))
		return blame(r, SIM_PROFILE, SIM_ROW_MIG);
	if (sim_table_has(t, SIM_PERCENT))
		return take_percent(r, gpus);
	if (!sim_table_has(t, SIM_GPUS) && sim_table_counts_gpus(t))
		return take_tres(r, nodes, gpus);
	if (!sim_table_has(t, SIM_GPUS))
		return take_whole_nodes(r, nodes, gpus);
	if (!strcmp(sim_table_name(t), "csv") || *text_of(r, SIM_GPUS))
		bad = blame(r, SIM_GPUS,
			    sim_read_int(text_of(r, SIM_GPUS), 0, SIM_MAX_JOB_GPUS,
					 gpus));
	else
		bad = SIM_ROW_OK;
	if (bad && sim_is_unknown(text_of(r, SIM_GPUS)) && *text_of(r, SIM_GPUS))
		bad = SIM_ROW_OK;
	if (!bad && *gpus && sim_table_has(t, SIM_MILLI)) {
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
	bad = bad ? bad : take_int(r, SIM_CPUS, SIM_MAX_CPUS, &cpus);
	if (!job->tasks)
		bad = bad ? bad : take_int(r, SIM_TASKS, SIM_MAX_CPUS, &tasks);
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
	const char *type =
		sim_table_has(r->table, SIM_TYPE) ? text_of(r, SIM_TYPE) : r->given.type;
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
	if (sim_table_has(r->table, SIM_NODELIST))
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

	if (sim_table_has(r->table, SIM_MILLI)) {
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
							!sim_table_has(r->table, SIM_TYPE)
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
