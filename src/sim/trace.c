/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of a trace: kept, read row by row, sorted, written. */
#include "config.h"

#include "core/fnv.h"
#include "sim/names.h"
#include "sim/nodelists.h"
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
	[SIM_ROW_FIELDS] = {"fields", "has missing or surplus fields"},
	[SIM_ROW_NUMBER] = {"number", "has a field that is not a number or a time"},
	[SIM_ROW_NEGATIVE] = {"negative", "has a negative time or count"},
	[SIM_ROW_ORDER] = {"order",
			   "ends before it starts, or starts before it is submitted"},
	[SIM_ROW_STATE] = {"state", "has an unknown state"},
	[SIM_ROW_FORM] = {"form", "has an unknown request form"},
	[SIM_ROW_LIMIT] = {"limit", "has a number beyond the limits"},
	[SIM_ROW_LONG] = {"long", "is longer than 65535 bytes"},
};

static const struct sim_reader *const readers[] = {
	&sim_reader_csv,
	&sim_reader_sacct,
	&sim_reader_openb,
	&sim_reader_swf,
};

#define READER_COUNT (sizeof(readers) / sizeof(readers[0]))

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

void sim_trace_release(struct sim_trace *trace)
{
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

/* One line without its end into line; *is_long: it had more than fits, and was skipped.
 * false: the end of the file. */
static bool read_line(FILE *f, char *line, bool *is_long, uint64_t *hash)
{
	size_t used;
	int c;

	*is_long = false;
	if (!fgets(line, SIM_MAX_LINE, f))
		return false;
	used = strlen(line);
	*hash = gt_fnv(*hash, line, used);
	if (used == SIM_MAX_LINE - 1 && line[used - 1] != '\n') {
		*is_long = true;
		while ((c = getc(f)) != EOF && c != '\n')
			*hash = gt_fnv(*hash, &(unsigned char){(unsigned char)c}, 1);
		return true;
	}
	while (used && (line[used - 1] == '\n' || line[used - 1] == '\r'))
		line[--used] = '\0';
	return true;
}

static const struct sim_reader *find_reader(const char *name, const char *line)
{
	for (size_t i = 0; i < READER_COUNT; i++)
		if (name ? !strcmp(readers[i]->name, name) : readers[i]->knows(line))
			return readers[i];
	return NULL;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t")] == '\0';
}

/* What is being read. */
struct reading {
	struct sim_trace *trace;
	const struct sim_trace_options *options;
	const struct sim_reader *reader;
	const char *name;
	int64_t line;
	_Alignas(max_align_t) char columns[SIM_COLUMNS_SIZE];
};

/* Take the first line that is no comment. */
static enum gt_err begin(struct reading *r, char *line, bool *is_row,
			 struct gt_error *err)
{
	enum gt_err failed = GT_OK;

	r->reader = find_reader(r->options->format, line);
	if (!r->reader)
		return gt_fail_at(
			err, GT_EFORMAT, r->name, (int)r->line, 0,
			r->options->format
				? "the trace format %s is not known: csv, "
				  "sacct, swf, openb"
				: "no known trace format: csv, sacct, swf, openb",
			r->options->format);
	r->trace->format = r->reader->name;
	*is_row = !r->reader->header;
	if (r->reader->header)
		failed = r->reader->header(r->columns, line, err);
	if (failed && err) {
		snprintf(err->file, sizeof(err->file), "%s", r->name);
		err->line = (int)r->line;
	}
	return failed;
}

static enum gt_err count_row(struct reading *r, enum sim_row reason, struct gt_error *err)
{
	struct sim_trace *trace = r->trace;

	trace->rows++;
	if (!trace->reason_count[reason]++)
		trace->reason_line[reason] = r->line;
	if (reason >= SIM_ROW_BAD && r->options->strict)
		return gt_fail_at(err, GT_EPARSE, r->name, (int)r->line, 0, "the row %s",
				  sim_row_text(reason));
	return GT_OK;
}

static enum gt_err read_row(struct reading *r, char *line, bool is_long,
			    struct gt_error *err)
{
	struct sim_job job = {.start_ms = SIM_NEVER, .form = (uint8_t)r->options->form};
	enum sim_row reason = is_long ? SIM_ROW_LONG : SIM_ROW_OK;

	if (!is_long)
		reason = r->reader->row(r->trace, r->columns, line, r->options, &job);
	if (reason == SIM_ROW_OK) {
		job.is_limited = job.limit_ms > 0;
		if (job.limit_ms < job.duration_ms)
			job.limit_ms = job.duration_ms;
		if (!sim_trace_add(r->trace, &job))
			return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	return count_row(r, reason, err);
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

		/* a factor of almost nothing puts the end of the trace beyond all times */
		job->submit_ms = (int64_t)(submit < SIM_MAX_SECONDS * 1000
						   ? submit
						   : SIM_MAX_SECONDS * 1000);
		if (has_start)
			job->start_ms = job->submit_ms + wait;
	}
}

enum gt_err sim_trace_read(struct sim_trace *trace, void *stream, const char *name,
			   const struct sim_trace_options *options, struct gt_error *err)
{
	struct reading r = {.trace = trace, .options = options, .name = name};
	char *line = malloc(SIM_MAX_LINE);
	bool is_long, is_row;
	enum gt_err failed = GT_OK;
	uint32_t nothing;

	memset(trace, 0, sizeof(*trace));
	trace->hash = GT_FNV_START;
	if (!line || !sim_trace_keep(trace, "", &nothing))
		failed = gt_fail(err, GT_ENOMEM, "out of memory");
	while (!failed && read_line(stream, line, &is_long, &trace->hash)) {
		r.line++;
		is_row = true;
		if (!is_long && (is_blank(line) || line[0] == '#' || line[0] == ';'))
			continue;
		if (!r.reader)
			failed = begin(&r, line, &is_row, err);
		if (!failed && is_row)
			failed = read_row(&r, line, is_long, err);
		if (options->jobs_limit && (int64_t)trace->count >= options->jobs_limit)
			break;
	}
	free(line);
	if (!failed && ferror((FILE *)stream))
		failed = gt_fail_at(err, GT_EIO, name, 0, 0, "%s", strerror(errno));
	if (!failed && !r.reader)
		failed = gt_fail_at(err, GT_EFORMAT, name, 0, 0, "holds no trace");
	if (failed)
		return failed;
	sim_trace_sort(trace);
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

/* ---- anonymizing, writing -------------------------------------------------------------
 */

/* "n0,n4" for the hosts of a list; a text that is none is a host of its own. */
static bool rename_nodes(struct sim_trace *to, const struct sim_nodelists *nodes,
			 const char *list, size_t job, uint32_t *kept)
{
	const int *hosts;
	int count = sim_nodelists_of(nodes, list, &hosts);
	size_t room = (size_t)(count + 1) * 16, used = 0;
	char *text = malloc(room);
	bool done;

	if (!text)
		return false;
	if (!count)
		snprintf(text, room, "x%zu", job);
	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, room - used, "%sn%d", i ? "," : "",
					 hosts[i]);
	done = sim_trace_keep(to, text, kept);
	free(text);
	return done;
}

static bool rename_jobs(struct sim_trace *to, const struct sim_trace *from,
			struct sim_names *users, const struct sim_nodelists *nodes)
{
	for (size_t i = 0; i < from->count; i++) {
		struct sim_job *job = &from->jobs[i];
		char text[32];
		bool kept;

		snprintf(text, sizeof(text), "%zu", i + 1);
		kept = sim_trace_keep(to, text, &job->id);
		if (job->user) {
			snprintf(text, sizeof(text), "u%d",
				 sim_names_number(users, from->strings + job->user));
			kept = kept && sim_trace_keep(to, text, &job->user);
		}
		if (job->node)
			kept = kept && rename_nodes(to, nodes, from->strings + job->node,
						    i + 1, &job->node);
		if (!kept)
			return false;
	}
	return true;
}

bool sim_trace_anonymize(struct sim_trace *trace)
{
	struct sim_names users = {0};
	struct sim_nodelists nodes = {0};
	struct sim_trace renamed = {0};
	uint32_t nothing;
	bool done;

	done = sim_names_init(&users, trace->count) &&
	       sim_nodelists_init(&nodes, trace) &&
	       sim_trace_keep(&renamed, "", &nothing) &&
	       rename_jobs(&renamed, trace, &users, &nodes);
	sim_names_release(&users);
	sim_nodelists_release(&nodes);
	if (!done) {
		free(renamed.strings);
		return false;
	}
	free(trace->strings);
	trace->strings = renamed.strings;
	trace->strings_used = renamed.strings_used;
	trace->strings_room = renamed.strings_room;
	return true;
}

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

void sim_trace_write(const struct sim_trace *trace, void *stream)
{
	FILE *f = stream;

	fputs("job_id,submit,duration,gpus,nodes,form,cpus,tasks,timelimit,user,start,"
	      "node\n",
	      f);
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
		putc('\n', f);
	}
}
