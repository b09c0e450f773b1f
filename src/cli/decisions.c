/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision log: read, checked and summed up. */
#define _GNU_SOURCE
#include "config.h"

#include "cli/decisions.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <pwd.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 65536

/* One start of a job, until its end is read. */
struct log_jobs {
	void *tree;   /* of struct start, by job */
	void *groups; /* of struct log_group, by key and type */
	json_int_t last_job;
	double last_ts;
	bool follows; /* the line before was a decision */
	/* of the start whose lines are being read */
	bool has_x, equal_rails;
	double x_gbps, x_stock; /* of the slowest node */
	struct gt_mask rails;
};

struct piece {
	int k;
	bool faster, changed;
	struct log_group *group;
};

struct start {
	json_int_t job;
	int count;
	struct piece *pieces;
};

/* One decision, as read. */
struct decision {
	double ts;
	json_int_t job;
	int k;
	bool has_figures;
	double stock_gbps, gbps, ideal_gbps;
	bool changed, split, split_avoided;
	bool grouped; /* the figures are those of the slowest groups */
	bool has_x;   /* a node with NICs, of a job of several nodes */
	double x_gbps, x_stock;
	struct gt_mask rails;
	enum log_outcome outcome;
	int reason;
	char type[128], partition[64];
	long uid; /* -1: not said */
};

/* ---- one line -------------------------------------------------------------------------
 */

struct reader {
	const json_t *object;
	struct gt_error *err;
	enum gt_err code; /* of the first field that is missing or wrong */
};

static const json_t *field(struct reader *r, const char *key, bool is_right,
			   const json_t *value, const char *wanted)
{
	if (r->code == GT_OK && !is_right)
		r->code = gt_fail(r->err, GT_EPARSE, "\"%s\" %s", key,
				  value ? wanted : "is missing");
	return is_right ? value : NULL;
}

static double read_number(struct reader *r, const char *key)
{
	const json_t *value = json_object_get(r->object, key);

	value = field(r, key, json_is_number(value), value, "is not a number");
	return json_number_value(value);
}

/* A number, or null: then *known is false. */
static double read_figure(struct reader *r, const char *key, bool *known)
{
	const json_t *value = json_object_get(r->object, key);

	value = field(r, key, json_is_number(value) || json_is_null(value), value,
		      "is neither a number nor null");
	*known &= json_is_number(value);
	return json_number_value(value);
}

static bool read_flag(struct reader *r, const char *key)
{
	const json_t *value = json_object_get(r->object, key);

	return json_is_true(field(r, key, json_is_boolean(value), value,
				  "is neither true nor false"));
}

static const char *read_text(struct reader *r, const char *key)
{
	const json_t *value = json_object_get(r->object, key);

	value = field(r, key, json_is_string(value), value, "is not a text");
	return value ? json_string_value(value) : "";
}

static json_int_t read_whole(struct reader *r, const char *key, json_int_t most)
{
	const json_t *value = json_object_get(r->object, key);
	json_int_t number = json_integer_value(value);

	return field(r, key, json_is_integer(value) && number >= 0 && number <= most,
		     value, "is out of range")
		       ? number
		       : 0;
}

static struct gt_mask read_gpus(struct reader *r, const char *key)
{
	const char *text = read_text(r, key);
	struct gt_mask mask = {{0}};

	field(r, key, !*text || gt_mask_parse(&mask, text, LOG_MAX_GPUS, NULL) == GT_OK,
	      r->object, "is not a list of GPUs");
	return mask;
}

/* Sets that contradict the line's own numbers. */
static void check_sets(struct reader *r, const struct gt_mask *free,
		       const struct gt_mask *stock, const struct gt_mask *chosen, int k)
{
	struct gt_mask used = gt_mask_or(stock, chosen), all = gt_mask_or(&used, free);

	field(r, "stock", gt_mask_count(stock) == k, r->object, "does not have k GPUs");
	field(r, "chosen", gt_mask_count(chosen) == k, r->object, "does not have k GPUs");
	field(r, "free", gt_mask_equal(&all, free), r->object,
	      "does not have all GPUs that were given");
}

static int find_reason(const char *word)
{
	if (strcmp(word, "canary") == 0) /* as 1.0 had it */
		return GP_ABI_MISMATCH;
	for (int i = 0; i < GP_REASON_COUNT; i++)
		if (strcmp(gp_reason_word((enum gp_reason)i), word) == 0)
			return i;
	return GP_REASON_COUNT;
}

static enum log_outcome outcome_of(const struct decision *d, bool same_set)
{
	if (same_set)
		return LOG_KEPT;
	if (!d->has_figures || d->gbps == d->stock_gbps)
		return LOG_EQUAL;
	return d->gbps > d->stock_gbps ? LOG_FASTER : LOG_SLOWER;
}

/* A job with --gpu-groups or --gpu-comm is judged by what it asked for. */
static void read_groups(struct reader *r, struct decision *d)
{
	const json_t *groups = json_object_get(r->object, "group_busbw_gbps"), *group;
	double stock, ideal, least = HUGE_VAL;
	bool known = true;
	size_t i;

	if (!groups)
		return;
	field(r, "group_busbw_gbps", json_is_array(groups), groups, "is not a list");
	read_text(r, "comm");
	stock = read_figure(r, "stock_group_gbps", &known);
	ideal = read_figure(r, "ideal_group_gbps", &known);
	json_array_foreach(groups, i, group) if (json_is_number(group)) least =
		fmin(least, json_number_value(group));
	if (!known || least == HUGE_VAL)
		return;
	d->grouped = true;
	d->stock_gbps = stock;
	d->gbps = least;
	d->ideal_gbps = ideal;
}

/* Lines of older releases do not have these. */
static void read_owner(const json_t *object, struct decision *d)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	const char *partition = json_string_value(json_object_get(object, "partition"));
	const json_t *uid = json_object_get(object, "uid");

	snprintf(d->type, sizeof(d->type), type && *type ? "%d GPUs, %.64s" : "?",
		 (int)json_integer_value(json_object_get(object, "size")), type);
	snprintf(d->partition, sizeof(d->partition), "%s",
		 partition && *partition ? partition : "?");
	d->uid = json_is_integer(uid) ? (long)json_integer_value(uid) : -1;
}

static void read_network(struct reader *r, struct decision *d)
{
	d->has_x = json_object_get(r->object, "x_gbps") != NULL;
	if (!d->has_x)
		return;
	d->x_gbps = read_number(r, "x_gbps");
	d->x_stock = read_number(r, "x_stock");
	d->rails = read_gpus(r, "rails");
}

static enum gt_err read_decision(const json_t *object, struct decision *d,
				 struct gt_error *err)
{
	struct reader r = {.object = object, .err = err, .code = GT_OK};
	struct gt_mask free, stock, chosen;

	memset(d, 0, sizeof(*d));
	d->ts = read_number(&r, "ts");
	d->job = read_whole(&r, "job", UINT32_MAX);
	read_text(&r, "node");
	d->k = (int)read_whole(&r, "k", LOG_MAX_GPUS);
	free = read_gpus(&r, "free");
	stock = read_gpus(&r, "stock");
	chosen = read_gpus(&r, "chosen");
	check_sets(&r, &free, &stock, &chosen, d->k);
	d->has_figures = true;
	d->stock_gbps = read_figure(&r, "stock_gbps", &d->has_figures);
	d->gbps = read_figure(&r, "gbps", &d->has_figures);
	d->ideal_gbps = read_figure(&r, "ideal_gbps", &d->has_figures);
	read_groups(&r, d);
	read_owner(object, d);
	read_network(&r, d);
	d->changed = read_flag(&r, "changed");
	d->split = read_flag(&r, "split");
	d->split_avoided = json_is_true(json_object_get(object, "split_avoided"));
	d->reason = find_reason(read_text(&r, "reason"));
	d->outcome = outcome_of(d, gt_mask_equal(&stock, &chosen));
	return r.code;
}

/* ---- jobs that have not ended ---------------------------------------------------------
 */

static int compare_starts(const void *a, const void *b)
{
	const struct start *x = a, *y = b;

	return x->job < y->job ? -1 : x->job > y->job;
}

static struct start *find_start(struct log_sums *sums, json_int_t job)
{
	struct start key = {.job = job};
	struct start **found = tfind(&key, &sums->jobs->tree, compare_starts);

	return found ? *found : NULL;
}

static void drop_start(struct log_sums *sums, struct start *start)
{
	tdelete(start, &sums->jobs->tree, compare_starts);
	free(start->pieces);
	free(start);
}

static bool add_piece(struct log_sums *sums, const struct decision *d,
		      struct log_group *group)
{
	struct start *start = find_start(sums, d->job);
	struct piece *more;

	if (!start) {
		start = calloc(1, sizeof(*start));
		if (!start)
			return false;
		start->job = d->job;
		if (!tsearch(start, &sums->jobs->tree, compare_starts)) {
			free(start);
			return false;
		}
	}
	more = realloc(start->pieces, (size_t)(start->count + 1) * sizeof(*more));
	if (!more)
		return false;
	start->pieces = more;
	more[start->count++] = (struct piece){.k = d->k,
					      .faster = d->outcome == LOG_FASTER,
					      .changed = d->changed,
					      .group = group};
	return true;
}

static void add_hours(struct log_row *row, const struct piece *piece, double seconds)
{
	double hours = piece->k * seconds / 3600;

	if (seconds < 0) {
		row->open++;
		return;
	}
	row->hours += hours;
	row->faster += piece->faster ? hours : 0;
	row->really += piece->faster && piece->changed ? hours : 0;
}

/* The job's decisions lasted so long; seconds < 0: nobody knows. */
static void close_start(struct log_sums *sums, struct start *start, double seconds)
{
	for (int i = 0; i < start->count; i++) {
		const struct piece *piece = &start->pieces[i];

		add_hours(&sums->size[piece->k], piece, seconds);
		add_hours(&piece->group->row, piece, seconds);
	}
	drop_start(sums, start);
}

/* ---- sums -----------------------------------------------------------------------------
 */

static void add_row(struct log_row *to, const struct log_row *from)
{
	to->decisions += from->decisions;
	for (int i = 0; i < LOG_OUTCOMES; i++)
		to->outcome[i] += from->outcome[i];
	to->changed += from->changed;
	to->compared += from->compared;
	to->stock_gbps += from->stock_gbps;
	to->gbps += from->gbps;
	to->ideal_gbps += from->ideal_gbps;
	to->open += from->open;
	to->hours += from->hours;
	to->faster += from->faster;
	to->really += from->really;
}

/* ---- groups ---------------------------------------------------------------------------
 */

static int compare_groups(const void *a, const void *b)
{
	const struct log_group *x = a, *y = b;
	int order = strverscmp(x->key, y->key);

	return order ? order : strverscmp(x->type, y->type);
}

/* Of a user the number: name_user asks for the name, once a group. */
static void make_key(const struct log_sums *sums, const struct decision *d,
		     struct log_group *group)
{
	time_t ts = (time_t)d->ts;
	struct tm tm;

	snprintf(group->type, sizeof(group->type), "%s", d->type);
	if (sums->by == LOG_BY_PARTITION)
		snprintf(group->key, sizeof(group->key), "%s", d->partition);
	else if (sums->by == LOG_BY_USER)
		snprintf(group->key, sizeof(group->key), d->uid < 0 ? "?" : "%ld",
			 d->uid);
	else if (sums->by == LOG_BY_DAY && gmtime_r(&ts, &tm))
		strftime(group->key, sizeof(group->key), "%Y-%m-%d", &tm);
}

static void name_user(struct log_group *group)
{
	const struct passwd *user =
		group->key[0] == '?' ? NULL
				     : getpwuid((uid_t)strtol(group->key, NULL, 10));

	if (user)
		snprintf(group->key, sizeof(group->key), "%s", user->pw_name);
}

/* NULL: no memory. */
static struct log_group *find_group(struct log_sums *sums, const struct decision *d)
{
	struct log_group key = {.key = ""}, **found, **more, *fresh;
	bool known = false;

	make_key(sums, d, &key);
	found = tfind(&key, &sums->jobs->groups, compare_groups);
	if (found)
		return *found;
	fresh = calloc(1, sizeof(*fresh));
	more = realloc(sums->group, (size_t)(sums->groups + 1) * sizeof(*more));
	if (more)
		sums->group = more;
	if (fresh)
		*fresh = key;
	if (!fresh || !more || !tsearch(fresh, &sums->jobs->groups, compare_groups)) {
		free(fresh);
		return NULL;
	}
	for (int i = 0; i < sums->groups && !known; i++)
		known = !strcmp(sums->group[i]->type, fresh->type);
	sums->types += !known;
	return sums->group[sums->groups++] = fresh;
}

/* The start whose lines were read has no more of them. */
static void close_network(struct log_sums *sums)
{
	struct log_jobs *jobs = sums->jobs;

	if (!jobs->has_x)
		return;
	jobs->has_x = false;
	sums->networks++;
	sums->equal_rails += jobs->equal_rails;
	sums->x_gbps += jobs->x_gbps;
	sums->x_stock += jobs->x_stock;
}

static void add_network(struct log_jobs *jobs, const struct decision *d)
{
	if (!d->has_x)
		return;
	jobs->x_gbps = jobs->has_x ? fmin(jobs->x_gbps, d->x_gbps) : d->x_gbps;
	jobs->x_stock = jobs->has_x ? fmin(jobs->x_stock, d->x_stock) : d->x_stock;
	jobs->equal_rails = !jobs->has_x ||
			    (jobs->equal_rails && gt_mask_equal(&jobs->rails, &d->rails));
	jobs->rails = d->rails;
	jobs->has_x = true;
}

/* All lines of one start stand together and bear one time. */
static bool is_new_start(const struct log_jobs *jobs, const struct decision *d)
{
	return !jobs->follows || jobs->last_job != d->job || jobs->last_ts != d->ts;
}

static void count(struct log_row *row, const struct decision *d)
{
	row->decisions++;
	row->outcome[d->outcome]++;
	row->changed += d->changed;
	if (!d->has_figures)
		return;
	row->compared++;
	row->stock_gbps += d->stock_gbps;
	row->gbps += d->gbps;
	row->ideal_gbps += d->ideal_gbps;
}

static void widen(struct log_sums *sums, double ts)
{
	sums->first = sums->first > 0 && sums->first < ts ? sums->first : ts;
	sums->last = fmax(sums->last, ts);
}

static enum gt_err add_decision(struct log_sums *sums, const struct decision *d,
				struct gt_error *err)
{
	struct log_group *group;

	if (d->ts < sums->since)
		return GT_OK;
	group = find_group(sums, d);
	if (!group)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	widen(sums, d->ts);
	if (is_new_start(sums->jobs, d)) {
		struct start *before = find_start(sums, d->job);

		close_network(sums);
		/* Its end was not logged: a slurmctld without the plugin, say. */
		if (before)
			close_start(sums, before, -1);
		sums->starts++;
		group->starts++;
		sums->split += d->split;
		sums->split_avoided += d->split_avoided;
	}
	sums->jobs->last_job = d->job;
	sums->jobs->last_ts = d->ts;
	sums->jobs->follows = true;
	count(&sums->size[d->k], d);
	count(&group->row, d);
	add_network(sums->jobs, d);
	sums->grouped += d->grouped;
	if (d->outcome == LOG_KEPT)
		sums->reason[d->reason]++;
	if (!add_piece(sums, d, group))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	return GT_OK;
}

static enum gt_err add_end(struct log_sums *sums, const json_t *object,
			   struct gt_error *err)
{
	struct reader r = {.object = object, .err = err, .code = GT_OK};
	json_int_t job = read_whole(&r, "job", UINT32_MAX);
	double seconds = read_number(&r, "seconds"), ts = read_number(&r, "ts");
	struct start *start;

	field(&r, "seconds", seconds >= 0, object, "is below 0");
	if (r.code != GT_OK)
		return r.code;
	sums->jobs->follows = false;
	if (ts < sums->since)
		return GT_OK;
	sums->ends++;
	start = find_start(sums, job);
	if (!start)
		return GT_OK;
	widen(sums, ts);
	close_start(sums, start, seconds);
	return GT_OK;
}

/* A line without its newline. */
static enum gt_err add_line(struct log_sums *sums, const char *line, size_t size,
			    struct gt_error *err)
{
	struct decision d;
	json_error_t why;
	json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
	enum gt_err code;

	if (!object)
		return gt_fail(err, GT_EPARSE, "%s", why.text);
	if (!json_is_object(object)) {
		code = gt_fail(err, GT_EPARSE, "is not a JSON object");
	} else if (json_is_true(json_object_get(object, "end"))) {
		code = add_end(sums, object, err);
	} else {
		code = read_decision(object, &d, err);
		if (code == GT_OK)
			code = add_decision(sums, &d, err);
	}
	json_decref(object);
	return code;
}

/* fgets, but a line that is too long is one line: its end is read and dropped. */
static bool next_line(FILE *in, char *line, size_t *size)
{
	bool whole;
	int c = 0;

	if (!fgets(line, LINE_MAX_BYTES, in))
		return false;
	*size = strlen(line);
	whole = *size + 1 < LINE_MAX_BYTES || line[*size - 1] == '\n';
	while (!whole && (c = getc(in)) != '\n' && c != EOF)
		;
	if (*size && line[*size - 1] == '\n')
		--*size;
	return true;
}

enum gt_err log_read(struct log_sums *sums, FILE *in, const char *name,
		     void (*say)(const struct gt_error *err), struct gt_error *err)
{
	char *line = malloc(LINE_MAX_BYTES);
	enum gt_err code = GT_OK;
	size_t size;
	int number = 0;

	if (!sums->jobs)
		sums->jobs = calloc(1, sizeof(*sums->jobs));
	if (!line || !sums->jobs)
		code = gt_fail(err, GT_ENOMEM, "out of memory");
	while (code == GT_OK && next_line(in, line, &size)) {
		struct gt_error bad;

		number++;
		sums->lines++;
		if (add_line(sums, line, size, &bad) == GT_OK)
			continue;
		if (bad.code == GT_ENOMEM)
			code = gt_fail(err, GT_ENOMEM, "out of memory");
		sums->bad++;
		snprintf(bad.file, sizeof(bad.file), "%s", name);
		bad.line = number;
		say(&bad);
	}
	free(line);
	if (code == GT_OK && ferror(in))
		code = gt_fail_at(err, GT_EIO, name, 0, 0, "%s", strerror(errno));
	return code;
}

static void close_open(const void *node, VISIT visit, void *arg)
{
	struct start *const *start = node;
	struct log_sums *sums = arg;

	if (visit != postorder && visit != leaf)
		return;
	for (int i = 0; i < (*start)->count; i++) {
		sums->size[(*start)->pieces[i].k].open++;
		(*start)->pieces[i].group->row.open++;
	}
}

static int compare_places(const void *a, const void *b)
{
	return compare_groups(*(struct log_group *const *)a,
			      *(struct log_group *const *)b);
}

static void keep(void *group)
{
	(void)group; /* sums->group frees it */
}

static void free_start(void *node)
{
	struct start *start = node;

	free(start->pieces);
	free(start);
}

void log_finish(struct log_sums *sums)
{
	if (sums->jobs) {
		close_network(sums);
		twalk_r(sums->jobs->tree, close_open, sums);
		tdestroy(sums->jobs->tree, free_start);
		tdestroy(sums->jobs->groups, keep);
		free(sums->jobs);
		sums->jobs = NULL;
	}
	for (int i = 0; i < sums->groups && sums->by == LOG_BY_USER; i++)
		name_user(sums->group[i]);
	if (sums->groups)
		qsort(sums->group, (size_t)sums->groups, sizeof(struct log_group *),
		      compare_places);
	for (int k = 0; k <= LOG_MAX_GPUS; k++)
		add_row(&sums->total, &sums->size[k]);
}

void log_release(struct log_sums *sums)
{
	for (int i = 0; i < sums->groups; i++)
		free(sums->group[i]);
	free(sums->group);
	sums->group = NULL;
	sums->groups = 0;
}
