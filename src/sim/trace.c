/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of a trace: kept, read row by row, sorted, written. */
#include "config.h"

#include "core/fnv.h"
#include "sim/rng.h"
#include "sim/names.h"
#include "sim/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key, *text;
} reasons[SIM_ROW_REASONS] = {
	[SIM_ROW_OK] = {"ok", "is a job"},
	[SIM_ROW_NO_GPU] = {"no_gpu", "asks for no GPU"},
	[SIM_ROW_STEP] = {"step", "is a step of a job"},
	[SIM_ROW_NOT_STARTED] = {"not_started", "never started"},
	[SIM_ROW_NOT_ENDED] = {"not_ended", "has not ended"},
	[SIM_ROW_MIG] = {"mig", "asks for a slice of a GPU"},
	[SIM_ROW_FILTERED] = {"filtered", "is not among those of --only"},
	[SIM_ROW_NO_PLACE] = {"no_place", "names what no node has"},
	[SIM_ROW_FIELDS] = {"fields", "has missing or surplus fields"},
	[SIM_ROW_NUMBER] = {"number", "has a field that is not a number or a time"},
	[SIM_ROW_NEGATIVE] = {"negative", "has a negative time or count"},
	[SIM_ROW_ORDER] = {"order",
			   "ends before it starts, or starts before it is submitted"},
	[SIM_ROW_STATE] = {"state", "has an unknown state"},
	[SIM_ROW_FORM] = {"form", "has an unknown request form"},
	[SIM_ROW_GROUPS] = {"groups", "has groups or a comm that do not fit the job"},
	[SIM_ROW_LIMIT] = {"limit", "has a number beyond the limits"},
	[SIM_ROW_LONG] = {"long", "is longer than 65535 bytes"},
};

const char *sim_row_text(enum sim_row reason)
{
	return reasons[reason].text;
}

const char *sim_row_key(enum sim_row reason)
{
	return reasons[reason].key;
}

/* ---- keeping -------------------------------------------------------------------------
 */

static bool grow(void **array, size_t *room, size_t wanted, size_t size)
{
	size_t more = *room ? *room : 1024;
	void *grown;

	if (wanted <= *room)
		return true;
	while (more < wanted)
		more *= 2;
	grown = realloc(*array, more * size);
	if (!grown)
		return false;
	*array = grown;
	*room = more;
	return true;
}

bool sim_trace_keep(struct sim_trace *trace, const char *text, uint32_t *offset)
{
	size_t size = strlen(text) + 1;
	void *strings = trace->strings;

	*offset = 0;
	if (!trace->strings_used) {
		if (!grow(&strings, &trace->strings_room, 1, 1))
			return false;
		trace->strings = strings;
		trace->strings[trace->strings_used++] = '\0';
	}
	if (!*text)
		return true;
	if (trace->strings_used + size > UINT32_MAX ||
	    !grow(&strings, &trace->strings_room, trace->strings_used + size, 1))
		return false;
	trace->strings = strings;
	*offset = (uint32_t)trace->strings_used;
	memcpy(trace->strings + *offset, text, size);
	trace->strings_used += size;
	return true;
}

bool sim_trace_add(struct sim_trace *trace, const struct sim_job *job)
{
	void *jobs = trace->jobs;

	if (!grow(&jobs, &trace->jobs_room, trace->count + 1, sizeof(*job)))
		return false;
	trace->jobs = jobs;
	trace->jobs[trace->count++] = *job;
	return true;
}

int sim_trace_wish(struct sim_trace *trace, const struct sim_wish *wish)
{
	const char *texts[] = {trace->strings + wish->partition,
			       trace->strings + wish->type,
			       trace->strings + wish->features,
			       trace->strings + wish->reservation};

	if (!trace->wishes) {
		trace->wishes = calloc(SIM_MAX_WISHES, sizeof(*trace->wishes));
		trace->wish_count = trace->wishes ? 1 : 0;
	}
	/* the last ones first: traces come in runs */
	for (size_t i = trace->wish_count; i-- > 0;) {
		const struct sim_wish *w = &trace->wishes[i];

		if (!strcmp(trace->strings + w->partition, texts[0]) &&
		    !strcmp(trace->strings + w->type, texts[1]) &&
		    !strcmp(trace->strings + w->features, texts[2]) &&
		    !strcmp(trace->strings + w->reservation, texts[3]))
			return (int)i;
	}
	if (!trace->wishes || trace->wish_count == SIM_MAX_WISHES)
		return -1;
	trace->wishes[trace->wish_count] = *wish;
	return (int)trace->wish_count++;
}

/* ---- groups ---- */

static bool same_shape(const struct sim_shape *a, const struct sim_shape *b)
{
	return a->comm == b->comm && a->groups.count == b->groups.count &&
	       !memcmp(a->groups.size, b->groups.size,
		       (size_t)a->groups.count * sizeof(a->groups.size[0]));
}

int sim_trace_shape(struct sim_trace *trace, const struct sim_shape *shape)
{
	if (!trace->shapes) {
		trace->shapes = calloc(SIM_MAX_SHAPES, sizeof(*trace->shapes));
		trace->shape_count = trace->shapes ? 1 : 0;
	}
	for (size_t i = trace->shape_count; i-- > 0;)
		if (same_shape(&trace->shapes[i], shape))
			return (int)i;
	if (!trace->shapes || trace->shape_count == SIM_MAX_SHAPES)
		return -1;
	trace->shapes[trace->shape_count] = *shape;
	return (int)trace->shape_count++;
}

char *sim_shape_text(const struct sim_shape *shape, char buf[SIM_SHAPE_TEXT])
{
	size_t used;

	gt_groups_format(&shape->groups, buf, GT_GROUPS_TEXT_MAX);
	used = strlen(buf);
	if (shape->comm != GT_COMM_ALLREDUCE || !used)
		snprintf(buf + used, SIM_SHAPE_TEXT - used, "%s%s", used ? " " : "",
			 gt_comm_name(shape->comm));
	return buf;
}

bool sim_groups_fit(const struct gt_groups *groups, int gpus, int nodes)
{
	int sum = gt_groups_sum(groups), each = nodes > 1 ? gpus / nodes : gpus;

	return sum > 0 && each >= sum && each % sum == 0 &&
	       (nodes <= 1 || gpus % nodes == 0);
}

enum gt_err sim_trace_shape_sizes(struct sim_trace *trace, const struct gt_groups *groups,
				  int largest, enum gt_comm comm, struct gt_error *err)
{
	for (size_t i = 0; i < trace->count; i++) {
		struct sim_job *job = &trace->jobs[i];
		int nodes = job->nodes > 1 ? job->nodes : 1, each = job->gpus / nodes;
		struct sim_shape shape = trace->shapes[job->shape];
		int number;

		if (job->gpus < 2)
			continue;
		if (!shape.groups.count && each <= largest && groups[each].count &&
		    sim_groups_fit(&groups[each], job->gpus, nodes))
			shape.groups = groups[each];
		if (!job->shape)
			shape.comm = comm;
		number = sim_trace_shape(trace, &shape);
		if (number < 0)
			return gt_fail(err, GT_ELIMIT,
				       "more than %d kinds of groups in one trace",
				       SIM_MAX_SHAPES - 1);
		job->shape = (uint16_t)number;
	}
	return GT_OK;
}

void sim_trace_release(struct sim_trace *trace)
{
	free(trace->shapes);
	free(trace->wishes);
	free(trace->slices);
	free(trace->jobs);
	free(trace->strings);
	memset(trace, 0, sizeof(*trace));
}

/* ---- order ---------------------------------------------------------------------------
 */

/* By submit time; rows of one time stay in the order of the file, so merge and not qsort.
 */
static void merge_sort(struct sim_job *jobs, struct sim_job *scratch, size_t count)
{
	size_t half = count / 2, a = 0, b = half, out = 0;

	if (count < 2)
		return;
	merge_sort(jobs, scratch, half);
	merge_sort(jobs + half, scratch, count - half);
	if (jobs[half - 1].submit_ms <= jobs[half].submit_ms)
		return;
	memcpy(scratch, jobs, half * sizeof(*jobs));
	while (a < half && b < count)
		jobs[out++] = jobs[b].submit_ms < scratch[a].submit_ms ? jobs[b++]
								       : scratch[a++];
	memcpy(jobs + out, scratch + a, (half - a) * sizeof(*jobs));
}

void sim_trace_sort(struct sim_trace *trace)
{
	struct sim_job *scratch = malloc((trace->count / 2 + 1) * sizeof(*scratch));
	int64_t first;

	if (!trace->count || !scratch) {
		free(scratch);
		return;
	}
	merge_sort(trace->jobs, scratch, trace->count);
	free(scratch);
	first = trace->jobs[0].submit_ms;
	trace->shifted_ms += first;
	for (size_t i = 0; i < trace->count; i++) {
		trace->jobs[i].submit_ms -= first;
		if (trace->jobs[i].start_ms != SIM_NEVER)
			trace->jobs[i].start_ms -= first;
	}
}

/* ---- reading -------------------------------------------------------------------------
 */

/* What is being read. */
struct reading {
	struct sim_trace *trace;
	const struct sim_trace_options *options;
	FILE *f;
	const char *first; /* a line that stands before f; NULL: read */
	char prefix;	   /* a character of the first line that was read; 0: none */
	const char *name;
	struct sim_table table;
	bool is_table, is_swf;
	int64_t line;
};

/* One line without its end into line; *is_long: it had more than fits, and was skipped.
 * false: the end of the file. */
static bool read_line(struct reading *r, char *line, bool *is_long)
{
	uint64_t *hash = &r->trace->hash;
	size_t used;
	int c;

	*is_long = false;
	if (r->first) {
		snprintf(line, SIM_MAX_LINE, "%s", r->first);
		r->first = NULL;
	} else {
		line[0] = r->prefix;
		if (!fgets(line + !!r->prefix, SIM_MAX_LINE - 1, r->f))
			return false;
		r->prefix = '\0';
	}
	r->line++;
	used = strlen(line);
	*hash = gt_fnv(*hash, line, used);
	if (used >= SIM_MAX_LINE - 2 && line[used - 1] != '\n') {
		*is_long = true;
		while ((c = getc(r->f)) != EOF && c != '\n')
			*hash = gt_fnv(*hash, &(unsigned char){(unsigned char)c}, 1);
		return true;
	}
	while (used && (line[used - 1] == '\n' || line[used - 1] == '\r'))
		line[--used] = '\0';
	/* the mark that editors put before UTF-8 */
	if (r->line == 1 && !strncmp(line, "\xef\xbb\xbf", 3))
		memmove(line, line + 3, used - 2);
	return true;
}

/* A blank line, a comment, or the prompt and command of a pasted session. */
static bool is_skipped(const struct reading *r, const char *line)
{
	const char *at = line + strspn(line, " \t");

	if (!*at || *line == '#' || *line == ';')
		return true;
	return !r->is_table && !r->is_swf &&
	       (strstr(line, "sacct ") || !strcmp(at, "```"));
}

const char *sim_trace_formats(void)
{
	return "csv, sacct, swf, openb, helios, acme, pai, supercloud, pm100, philly, "
	       "table";
}

static bool is_known_format(const char *name)
{
	for (int i = 0; sim_table_format(i); i++)
		if (!strcmp(name, sim_table_format(i)))
			return true;
	return !strcmp(name, "swf") || !strcmp(name, "philly");
}

static enum gt_err fail_here(const struct reading *r, struct gt_error *err)
{
	if (err) {
		snprintf(err->file, sizeof(err->file), "%s", r->name);
		err->line = (int)r->line;
	}
	return GT_EFORMAT;
}

/* Take the first line that is no comment. */
static enum gt_err begin(struct reading *r, char *line, bool *is_row,
			 struct gt_error *err)
{
	const char *format = r->options->format;
	enum sim_header found;

	*is_row = true;
	r->is_swf = format ? !strcmp(format, "swf") : sim_swf_knows(line);
	r->trace->format = "swf";
	if (r->is_swf)
		return GT_OK;
	found = sim_table_begin(&r->table, format, line, is_row, err);
	r->is_table = found == SIM_TABLE;
	if (found == SIM_NO_TABLE) {
		r->trace->format = NULL;
		gt_fail(err, GT_EFORMAT, "no known trace format: %s",
			sim_trace_formats());
		return fail_here(r, err);
	}
	if (found == SIM_BAD_TABLE)
		return fail_here(r, err);
	r->trace->format = sim_table_name(&r->table);
	if (r->options->gpus_per_node == 0 && r->table.column[SIM_GPUS] < 0 &&
	    r->table.column[SIM_GPUS_PER_NODE] < 0 && r->table.column[SIM_PERCENT] < 0 &&
	    r->table.column[SIM_TRES_ASKED] < 0 && r->table.column[SIM_TRES_GIVEN] < 0) {
		gt_fail(err, GT_EFORMAT,
			"the header names no gpus: --gpu-from node/N counts N GPUs on "
			"each "
			"node of a job");
		return fail_here(r, err);
	}
	return GT_OK;
}

void sim_trace_blame(struct sim_trace *trace, const char *field, const char *value)
{
	snprintf(trace->detail, sizeof(trace->detail), "%.40s is '%.40s%s'",
		 *field ? field : "a field", value, strlen(value) > 40 ? "..." : "");
	for (char *at = trace->detail; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
}

static enum gt_err count_row(struct reading *r, enum sim_row reason, struct gt_error *err)
{
	struct sim_trace *trace = r->trace;

	trace->rows++;
	if (!trace->reason_count[reason]++) {
		trace->reason_line[reason] = r->line;
		memcpy(trace->reason_detail[reason], trace->detail, SIM_DETAIL_MAX);
	}
	if (reason >= SIM_ROW_BAD && r->options->strict)
		return gt_fail_at(err, GT_EPARSE, r->name, (int)r->line, 0,
				  "the row %s%s%s", sim_row_text(reason),
				  *trace->detail ? ": " : "", trace->detail);
	return GT_OK;
}

/* A job, or why the row is none. */
static enum gt_err take_job(void *arg, struct sim_job *job, enum sim_row reason,
			    struct gt_error *err)
{
	struct reading *r = arg;

	if (reason == SIM_ROW_OK) {
		job->is_limited = job->limit_ms > 0;
		if (job->limit_ms < job->duration_ms)
			job->limit_ms = job->duration_ms;
		if (!sim_trace_add(r->trace, job))
			return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	return count_row(r, reason, err);
}

static enum gt_err read_row(struct reading *r, char *line, bool is_long,
			    struct gt_error *err)
{
	struct sim_job job = {.start_ms = SIM_NEVER, .form = (uint8_t)r->options->form};
	enum sim_row reason = SIM_ROW_LONG;

	r->trace->detail[0] = '\0';
	if (!is_long && r->is_swf)
		reason = sim_swf_row(r->trace, line, r->options, &job);
	else if (!is_long)
		reason = sim_table_row(&r->table, r->trace, line, r->options, &job);
	return take_job(r, &job, reason, err);
}

/* The line of dashes below sacct's header, pasted from elsewhere. */
static bool is_rule(const char *line)
{
	return *line == '-' && strspn(line, "- |+") == strlen(line);
}

static enum gt_err read_lines(struct reading *r, struct gt_error *err)
{
	char *line = malloc(SIM_MAX_LINE);
	bool is_long, is_row, began = false;
	enum gt_err failed = GT_OK;

	if (!line)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	while (!failed && read_line(r, line, &is_long)) {
		is_row = true;
		if (!is_long && (is_skipped(r, line) || is_rule(line)))
			continue;
		if (!began)
			failed = begin(r, line, &is_row, err);
		began = true;
		if (!failed && is_row)
			failed = read_row(r, line, is_long, err);
		if (r->options->jobs_limit &&
		    (int64_t)r->trace->count >= r->options->jobs_limit)
			break;
	}
	free(line);
	sim_table_release(&r->table);
	if (!failed && ferror(r->f))
		failed = gt_fail_at(err, GT_EIO, r->name, 0, 0, "%s", strerror(errno));
	if (!failed && !began)
		failed = gt_fail_at(err, GT_EFORMAT, r->name, 0, 0, "holds no trace");
	return failed;
}

/* A list of JSON objects. Its hash is of the jobs. */
static enum gt_err read_json(struct reading *r, struct gt_error *err)
{
	enum gt_err failed;

	r->trace->format = "philly";
	failed = sim_philly_read(r->trace, r->f, take_job, r, err);
	for (size_t i = 0; i < r->trace->count; i++) {
		const struct sim_job *job = &r->trace->jobs[i];
		int64_t words[] = {job->submit_ms, job->start_ms, job->duration_ms,
				   job->gpus, job->nodes};

		r->trace->hash = gt_fnv(r->trace->hash, words, sizeof(words));
	}
	if (failed && err && !err->file[0])
		snprintf(err->file, sizeof(err->file), "%s", r->name);
	return failed;
}

/* sacct -D has a row for each run of a job that was requeued, all under one id: the
 * second run of 7 becomes 7#2. */
static bool number_runs(struct sim_trace *trace)
{
	struct sim_names ids = {0};
	int *runs = calloc(trace->count + 1, sizeof(*runs));
	int *run = calloc(trace->count + 1, sizeof(*run)); /* by job */
	bool done = runs && run && sim_names_init(&ids, trace->count);

	/* ids refers to texts that new ones may move: all are counted first */
	for (size_t i = 0; done && i < trace->count; i++)
		run[i] = ++runs[sim_names_number(
			&ids, sim_trace_text(trace, trace->jobs[i].id))];
	for (size_t i = 0; done && i < trace->count; i++) {
		char name[256];

		if (run[i] < 2 || !trace->jobs[i].id)
			continue;
		trace->requeued++;
		snprintf(name, sizeof(name), "%.200s#%d",
			 sim_trace_text(trace, trace->jobs[i].id), run[i]);
		done = sim_trace_keep(trace, name, &trace->jobs[i].id);
	}
	sim_names_release(&ids);
	free(runs);
	free(run);
	return done;
}

static void scale_arrivals(struct sim_trace *trace, double faster)
{
	if (faster <= 0 || faster == 1)
		return;
	for (size_t i = 0; i < trace->count; i++) {
		struct sim_job *job = &trace->jobs[i];
		bool has_start = job->start_ms != SIM_NEVER;
		int64_t wait = has_start ? job->start_ms - job->submit_ms : 0;
		double submit = (double)job->submit_ms / faster + .5;

		/* a factor of almost nothing puts the end of the trace beyond all times
		 */
		job->submit_ms = (int64_t)(submit < SIM_MAX_SECONDS * 1000
						   ? submit
						   : SIM_MAX_SECONDS * 1000);
		if (has_start)
			job->start_ms = job->submit_ms + wait;
	}
}

/* Whether a list or an object begins. "[root@login ~]#" does not. The bracket is taken,
 * and kept as the prefix of a line where it is none. */
static bool is_json(struct reading *r)
{
	int c = r->first ? EOF : getc(r->f), next;

	if (c != '[') {
		if (c != EOF)
			ungetc(c, r->f);
		return c == '{';
	}
	next = getc(r->f);
	if (next != EOF)
		ungetc(next, r->f);
	r->prefix = '[';
	return next == EOF || strchr("{[] \t\r\n", next);
}

enum gt_err sim_trace_read(struct sim_trace *trace, void *stream, const char *name,
			   const struct sim_trace_options *options, struct gt_error *err)
{
	struct reading r = {.trace = trace,
			    .options = options,
			    .f = stream,
			    .first = options->first_line,
			    .name = name};
	enum gt_err failed;
	uint32_t nothing;

	memset(trace, 0, sizeof(*trace));
	trace->hash = GT_FNV_START;
	if (!sim_trace_keep(trace, "", &nothing) ||
	    sim_trace_wish(trace, &(struct sim_wish){0}) < 0 ||
	    sim_trace_shape(trace, &(struct sim_shape){0}) < 0)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	if (options->format && !is_known_format(options->format))
		return gt_fail_at(err, GT_EFORMAT, name, 0, 0,
				  "unknown trace format %s; there are: %s",
				  options->format, sim_trace_formats());
	if (is_json(&r))
		failed = read_json(&r, err);
	else
		failed = read_lines(&r, err);
	if (failed)
		return failed;
	sim_trace_sort(trace);
	if (trace->format && !strcmp(trace->format, "sacct") && !number_runs(trace))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	scale_arrivals(trace, options->scale_arrivals);
	return GT_OK;
}

enum gt_err sim_trace_load(struct sim_trace *trace, const char *path,
			   const struct sim_trace_options *options, struct gt_error *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	enum gt_err failed;

	memset(trace, 0, sizeof(*trace));
	if (!f)
		return gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	failed = sim_trace_read(trace, f, path, options, err);
	if (f != stdin)
		fclose(f);
	return failed;
}

/* ---- writing --------------------------------------------------------------------------
 */

static void write_seconds(FILE *f, int64_t ms)
{
	if (ms % 1000)
		fprintf(f, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
	else
		fprintf(f, "%" PRId64, ms / 1000);
}

static void write_number(FILE *f, int number)
{
	putc(',', f);
	if (number)
		fprintf(f, "%d", number);
}

/* A name that holds commas, such as n[1,3], needs quotes. */
static void write_text(FILE *f, const char *text)
{
	bool quoted = strpbrk(text, ",\"") != NULL;

	if (quoted)
		putc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', f);
		putc(*text, f);
	}
	if (quoted)
		putc('"', f);
}

static void write_wish(FILE *f, const struct sim_trace *trace, const struct sim_wish *w)
{
	const uint32_t texts[] = {w->partition, w->type, w->features, w->reservation};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		putc(',', f);
		write_text(f, sim_trace_text(trace, texts[i]));
	}
}

static void write_shape(FILE *f, const struct sim_shape *shape)
{
	char text[GT_GROUPS_TEXT_MAX];

	fprintf(f, ",%s,%s", gt_groups_format(&shape->groups, text, sizeof(text)),
		shape->comm == GT_COMM_ALLREDUCE ? "" : gt_comm_name(shape->comm));
}

void sim_trace_write(const struct sim_trace *trace, void *stream)
{
	FILE *f = stream;

	fputs("job_id,submit,duration,gpus,nodes,form,cpus,tasks,timelimit,user,start,"
	      "node",
	      f);
	fputs(trace->wish_count > 1 ? ",partition,gpu_type,features,reservation" : "", f);
	fputs(trace->shape_count > 1 ? ",groups,comm\n" : "\n", f);
	for (size_t i = 0; i < trace->count; i++) {
		const struct sim_job *job = &trace->jobs[i];

		write_text(f, sim_trace_text(trace, job->id));
		putc(',', f);
		write_seconds(f, job->submit_ms);
		putc(',', f);
		write_seconds(f, job->duration_ms);
		fprintf(f, ",%d", job->gpus);
		write_number(f, job->nodes);
		fprintf(f, ",%s", sim_form_name((enum sim_form)job->form));
		write_number(f, job->cpus);
		write_number(f, job->tasks);
		putc(',', f);
		if (job->is_limited)
			write_seconds(f, job->limit_ms);
		putc(',', f);
		write_text(f, sim_trace_text(trace, job->user));
		putc(',', f);
		if (job->start_ms != SIM_NEVER)
			write_seconds(f, job->start_ms);
		putc(',', f);
		write_text(f, sim_trace_text(trace, job->node));
		if (trace->wish_count > 1)
			write_wish(f, trace, &trace->wishes[job->wish]);
		if (trace->shape_count > 1)
			write_shape(f, &trace->shapes[job->shape]);
		putc('\n', f);
	}
}
