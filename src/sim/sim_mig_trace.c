/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests for GPU instances: from a file, or drawn. */
#include "config.h"

#include "core/fnv.h"
#include "sim/rng.h"
#include "sim/sim_mig.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const row_keys[SIM_MIG_ROWS] = {
	[SIM_MIG_ROW_OK] = "ok",	   [SIM_MIG_ROW_NO_GPU] = "no_gpu",
	[SIM_MIG_ROW_SEVERAL] = "several", [SIM_MIG_ROW_NOT_ENDED] = "not_ended",
	[SIM_MIG_ROW_PROFILE] = "profile", [SIM_MIG_ROW_FIELDS] = "fields",
	[SIM_MIG_ROW_NUMBER] = "number",   [SIM_MIG_ROW_ORDER] = "order",
	[SIM_MIG_ROW_OTHER] = "other",
};

const char *sim_mig_row_key(enum sim_mig_row row)
{
	return row_keys[row];
}

/* ---- files ---- */

struct columns {
	int count;
	int submit, duration, profile;
};

static enum gt_err read_header(struct columns *c, const char *line, const char *path,
			       struct gt_error *err)
{
	char *copy = strdup(line);
	struct sim_fields f;

	if (!copy)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	sim_fields_split(&f, copy, ',');
	*c = (struct columns){
		.count = f.count,
		.submit = sim_fields_find(&f, "submit"),
		.duration = sim_fields_find(&f, "duration"),
		.profile = sim_fields_find(&f, "profile"),
	};
	free(copy);
	if (c->submit >= 0 && c->duration >= 0 && c->profile >= 0)
		return GT_OK;
	return gt_fail_at(err, GT_EFORMAT, path, 1, 0,
			  "the header names neither submit, duration and profile nor the "
			  "columns of a trace of gputopo sim replay");
}

/* The smallest plain profile with a share of the compute slices; GT_UNKNOWN: none. */
static int profile_of_share(const struct gt_mig_gpu *gpu, int milli)
{
	int best = GT_UNKNOWN;

	for (int p = 0; p < gpu->count; p++) {
		const struct gt_mig_profile *own = &gpu->profile[p];

		if (*gt_mig_profile_suffix(own) ||
		    own->compute * SIM_WHOLE_GPU_MILLI < milli * gpu->compute)
			continue;
		if (best == GT_UNKNOWN || own->size < gpu->profile[best].size ||
		    (own->size == gpu->profile[best].size &&
		     own->compute < gpu->profile[best].compute))
			best = p;
	}
	return best;
}

static bool is_bad(enum sim_row row)
{
	return row != SIM_ROW_OK;
}

/* By its name, also with a site's prefix: "a100_1g.5gb". */
static bool find_profile(const struct gt_mig_gpu *gpu, const char *text, int *profile)
{
	char name[SIM_PROFILE_MAX];

	return !gt_mig_profile_find(gpu, text, profile, NULL) ||
	       (sim_type_is_slice(text, strlen(text), name) && *name &&
		!gt_mig_profile_find(gpu, name, profile, NULL));
}

static enum sim_mig_row read_row(const struct columns *c, char *line,
				 const struct gt_mig_gpu *gpu, struct sim_mig_job *job)
{
	struct sim_fields f;

	sim_fields_split(&f, line, ',');
	if (f.count != c->count)
		return SIM_MIG_ROW_FIELDS;
	if (!*sim_fields_get(&f, c->profile))
		return SIM_MIG_ROW_NO_GPU;
	if (!find_profile(gpu, sim_fields_get(&f, c->profile), &job->profile))
		return SIM_MIG_ROW_PROFILE;
	if (is_bad(sim_read_ms(sim_fields_get(&f, c->submit), &job->submit_ms)) ||
	    is_bad(sim_read_ms(sim_fields_get(&f, c->duration), &job->duration_ms)))
		return SIM_MIG_ROW_NUMBER;
	return SIM_MIG_ROW_OK;
}

static bool add_job(struct sim_mig_trace *trace, const struct sim_mig_job *job)
{
	if (trace->count == INT32_MAX)
		return false;
	if (trace->count == trace->room) {
		size_t room = trace->room * 2 + 1024;
		void *bigger = realloc(trace->jobs, room * sizeof(*trace->jobs));

		if (!bigger)
			return false;
		trace->jobs = bigger;
		trace->room = room;
	}
	trace->jobs[trace->count] = *job;
	trace->jobs[trace->count].row = (int32_t)trace->count;
	trace->count++;
	return true;
}

/* Stable: requests of the same instant stay in the order of the file. */
static int compare_jobs(const void *a, const void *b)
{
	const struct sim_mig_job *x = a, *y = b;

	if (x->submit_ms != y->submit_ms)
		return x->submit_ms < y->submit_ms ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static bool sort_jobs(struct sim_mig_trace *trace)
{
	bool sorted = true;

	for (size_t i = 1; i < trace->count; i++)
		sorted &= trace->jobs[i - 1].submit_ms <= trace->jobs[i].submit_ms;
	if (!sorted)
		qsort(trace->jobs, trace->count, sizeof(*trace->jobs), compare_jobs);
	for (size_t i = trace->count; i-- > 0;)
		trace->jobs[i].submit_ms -= trace->jobs[0].submit_ms;
	return trace->count > 0;
}

/* Whether it is a header of gputopo sim replay's formats. */
static bool is_other_trace(const char *line)
{
	struct sim_table table = {0};
	bool is_row, known;

	known = sim_table_begin(&table, NULL, line, &is_row, NULL) != SIM_NO_TABLE;
	sim_table_release(&table);
	return known;
}

/* What the rows of another format were, in the words of this one. */
static void count_rows(struct sim_mig_trace *trace, const struct sim_trace *jobs)
{
	static const enum sim_mig_row same[SIM_ROW_REASONS] = {
		[SIM_ROW_NO_GPU] = SIM_MIG_ROW_NO_GPU,
		[SIM_ROW_NOT_ENDED] = SIM_MIG_ROW_NOT_ENDED,
		[SIM_ROW_FIELDS] = SIM_MIG_ROW_FIELDS,
		[SIM_ROW_NUMBER] = SIM_MIG_ROW_NUMBER,
		[SIM_ROW_NEGATIVE] = SIM_MIG_ROW_NUMBER,
		[SIM_ROW_LIMIT] = SIM_MIG_ROW_NUMBER,
		[SIM_ROW_ORDER] = SIM_MIG_ROW_ORDER,
	};
	int64_t whole = jobs->reason_count[SIM_ROW_OK];

	for (int r = SIM_ROW_OK + 1; r < SIM_ROW_REASONS; r++)
		if (r != SIM_ROW_MIG)
			trace->rows[same[r] ? same[r] : SIM_MIG_ROW_OTHER] +=
				jobs->reason_count[r];
	/* of pods those of one GPU are requests, of other jobs none is */
	for (size_t i = 0; i < jobs->slice_count; i++)
		whole -= jobs->slices[i].milli >= 0;
	trace->rows[jobs->shares_gpus ? SIM_MIG_ROW_SEVERAL : SIM_MIG_ROW_OTHER] += whole;
}

static enum gt_err take_slices(struct sim_mig_trace *trace, const struct sim_trace *jobs,
			       const struct gt_mig_gpu *gpu, struct gt_error *err)
{
	trace->hash = jobs->hash;
	for (size_t i = 0; i < jobs->slice_count; i++) {
		const struct sim_slices *s = &jobs->slices[i];
		struct sim_mig_job job = {.submit_ms = s->submit_ms,
					  .duration_ms = s->duration_ms};
		bool known = true;

		if (s->milli >= 0)
			job.profile = profile_of_share(gpu, s->milli);
		else
			known = find_profile(gpu, sim_trace_text(jobs, s->profile),
					     &job.profile);
		known = known && job.profile != GT_UNKNOWN;
		trace->rows[known ? SIM_MIG_ROW_OK : SIM_MIG_ROW_PROFILE] += s->count;
		for (int k = 0; k < s->count && known; k++)
			if (!add_job(trace, &job))
				return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	return GT_OK;
}

/* Any other format: the instances that its jobs held, or their shares of one GPU. */
static enum gt_err read_slices(struct sim_mig_trace *trace, FILE *in, const char *path,
			       const char *first_line, const struct gt_mig_gpu *gpu,
			       struct gt_error *err)
{
	const struct sim_trace_options options = {.keeps_slices = true,
						  .first_line = first_line};
	struct sim_trace jobs;
	enum gt_err code = sim_trace_read(&jobs, in, path, &options, err);

	if (!code)
		code = take_slices(trace, &jobs, gpu, err);
	count_rows(trace, &jobs);
	sim_trace_release(&jobs);
	return code;
}

enum gt_err sim_mig_trace_take(struct sim_mig_trace *trace, const struct sim_trace *jobs,
			       const struct gt_mig_gpu *gpu, struct gt_error *err)
{
	enum gt_err code;

	*trace = (struct sim_mig_trace){0};
	code = take_slices(trace, jobs, gpu, err);
	sort_jobs(trace);
	return code;
}

static enum gt_err read_lines(struct sim_mig_trace *trace, FILE *in, const char *path,
			      const struct gt_mig_gpu *gpu, struct gt_error *err)
{
	struct columns columns = {0};
	enum gt_err code = GT_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool header = true;

	while (!code && (n = getline(&line, &room, in)) > 0) {
		struct sim_mig_job job = {0};
		enum sim_mig_row row;

		trace->hash = gt_fnv(trace->hash, line, (size_t)n);
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if (!*line || *line == '#')
			continue;
		if (header) {
			code = read_header(&columns, line, path, err);
			header = false;
			if (code == GT_EFORMAT && is_other_trace(line)) {
				code = read_slices(trace, in, path, line, gpu, err);
				break;
			}
			continue;
		}
		row = read_row(&columns, line, gpu, &job);
		trace->rows[row]++;
		if (row == SIM_MIG_ROW_OK && !add_job(trace, &job))
			code = gt_fail(err, GT_ENOMEM, "out of memory");
	}
	if (!code && ferror(in))
		code = gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	free(line);
	return code;
}

enum gt_err sim_mig_trace_load(struct sim_mig_trace *trace, const char *path,
			       const struct gt_mig_gpu *gpu, struct gt_error *err)
{
	bool standard = !strcmp(path, "-");
	FILE *in = standard ? stdin : fopen(path, "re");
	enum gt_err code;

	*trace = (struct sim_mig_trace){.hash = GT_FNV_START};
	if (!in)
		return gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	code = read_lines(trace, in, standard ? "standard input" : path, gpu, err);
	if (!standard)
		fclose(in);
	if (!code && !sort_jobs(trace))
		code = gt_fail_at(err, GT_EPARSE, path, 0, 0,
				  "no request for an instance");
	return code;
}

/* ---- drawn ---- */

static int draw_profile(const struct gt_mig_gpu *gpu, const struct gt_mig_mix *mix,
			double total, uint64_t *random)
{
	double x = sim_random_unit(random) * total;
	int last = 0;

	for (int p = 0; p < gpu->count; p++) {
		if (mix->weight[p] == 0)
			continue;
		last = p;
		if (x <= mix->weight[p])
			break;
		x -= mix->weight[p];
	}
	return last;
}

enum gt_err sim_mig_trace_draw(struct sim_mig_trace *trace, const struct gt_mig_gpu *gpu,
			       const struct gt_mig_mix *mix, const struct sim_gen *gen,
			       struct gt_error *err)
{
	double total = 0, units = 0, gap, now = 0;
	uint64_t random = gen->seed;

	*trace = (struct sim_mig_trace){.hash = GT_FNV_START};
	for (int p = 0; p < gpu->count; p++) {
		total += mix->weight[p];
		units += (double)mix->weight[p] * gpu->profile[p].size;
	}
	gap = units / total * sim_gen_mean_duration(gen) /
	      (gen->load * gen->gpus * gpu->units);
	for (int64_t i = 0; i < gen->jobs; i++) {
		struct sim_mig_job job = {.profile =
						  draw_profile(gpu, mix, total, &random)};
		double last = sim_gen_draw_duration(gen, &random);

		now += gap * sim_random_exp(&random);
		if (now > SIM_MAX_SECONDS || last > SIM_MAX_SECONDS)
			return gt_fail(err, GT_ELIMIT, "the requests reach beyond %g s",
				       SIM_MAX_SECONDS);
		job.submit_ms = (int64_t)(now * 1000);
		job.duration_ms = (int64_t)(last * 1000);
		if (!add_job(trace, &job))
			return gt_fail(err, GT_ENOMEM, "out of memory");
		trace->hash = gt_fnv(trace->hash, &job.submit_ms, sizeof(job.submit_ms));
		trace->hash =
			gt_fnv(trace->hash, &job.duration_ms, sizeof(job.duration_ms));
		trace->hash = gt_fnv(trace->hash, &job.profile, sizeof(job.profile));
		trace->rows[SIM_MIG_ROW_OK]++;
	}
	return GT_OK;
}

void sim_mig_trace_release(struct sim_mig_trace *trace)
{
	free(trace->jobs);
	*trace = (struct sim_mig_trace){0};
}
