/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random jobs. */
#include "config.h"

#include "sim/gen.h"
#include "sim/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_STEPS 200 /* of the bisection: to the last bit of a double */

/* ---- samples -------------------------------------------------------------------------
 */

static bool add_value(struct sim_sample *sample, size_t *room, double value)
{
	double *grown;

	if (sample->count == *room) {
		*room = *room ? 2 * *room : 1024;
		grown = realloc(sample->values, *room * sizeof(*grown));
		if (!grown)
			return false;
		sample->values = grown;
	}
	sample->values[sample->count++] = value;
	return true;
}

static enum gt_err read_column(struct sim_sample *sample, FILE *f, const char *file,
			       const char *column, struct gt_error *err)
{
	char line[SIM_MAX_LINE];
	struct sim_fields fields;
	size_t room = 0;
	int at = -1;

	for (int row = 1; fgets(line, sizeof(line), f); row++) {
		char *end;
		double value;

		line[strcspn(line, "\r\n")] = '\0';
		sim_fields_split(&fields, line, ',');
		if (row == 1) {
			at = sim_fields_find(&fields, column);
			if (at < 0)
				return gt_fail_at(err, GT_EFORMAT, file, 1, 0,
						  "no column '%s'", column);
			continue;
		}
		value = strtod(sim_fields_get(&fields, at), &end);
		if (end == sim_fields_get(&fields, at) || *end || !(value > 0) ||
		    value > SIM_MAX_SECONDS) {
			sample->left_out++;
			continue;
		}
		if (!add_value(sample, &room, value))
			return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	if (!sample->count)
		return gt_fail_at(err, GT_EPARSE, file, 0, 0,
				  "the column '%s' holds no positive number", column);
	return GT_OK;
}

enum gt_err sim_sample_load(struct sim_sample *sample, const char *spec,
			    struct gt_error *err)
{
	const char *colon = strrchr(spec, ':');
	char file[4096];
	enum gt_err failed;
	FILE *f;

	memset(sample, 0, sizeof(*sample));
	if (!colon || colon == spec || !colon[1] || colon - spec >= (long)sizeof(file))
		return gt_fail(err, GT_EINVAL, "'%s' is not FILE:COLUMN", spec);
	snprintf(file, sizeof(file), "%.*s", (int)(colon - spec), spec);
	f = fopen(file, "r");
	if (!f)
		return gt_fail_at(err, GT_EIO, file, 0, 0, "%s", strerror(errno));
	failed = read_column(sample, f, file, colon + 1, err);
	fclose(f);
	return failed;
}

void sim_sample_release(struct sim_sample *sample)
{
	free(sample->values);
	memset(sample, 0, sizeof(*sample));
}

static double mean_of(const struct sim_sample *sample)
{
	double sum = 0;

	for (size_t i = 0; i < sample->count; i++)
		sum += sample->values[i];
	return sum / (double)sample->count;
}

/* ---- durations -----------------------------------------------------------------------
 */

enum gt_err sim_gen_duration(struct sim_gen *gen, const char *text, struct gt_error *err)
{
	int used = 0;

	gen->b = 0;
	if (sscanf(text, "exp:%lf%n", &gen->a, &used) == 1 && !text[used])
		gen->kind = SIM_DURATION_EXP;
	else if (sscanf(text, "lognormal:%lf:%lf%n", &gen->a, &gen->b, &used) == 2 &&
		 !text[used])
		gen->kind = SIM_DURATION_LOGNORMAL;
	else if (sscanf(text, "fixed:%lf%n", &gen->a, &used) == 1 && !text[used])
		gen->kind = SIM_DURATION_FIXED;
	else
		return gt_fail(
			err, GT_EINVAL,
			"'%s' is not exp:MEAN, lognormal:MU:SIGMA or fixed:SECONDS",
			text);
	if (gen->kind == SIM_DURATION_LOGNORMAL
		    ? !(gen->a > -50 && gen->a < 20 && gen->b >= 0 && gen->b < 5)
		    : !(gen->a > 0 && gen->a <= SIM_MAX_SECONDS))
		return gt_fail(err, GT_EINVAL, "'%s' is out of range", text);
	return GT_OK;
}

double sim_gen_mean_duration(const struct sim_gen *gen)
{
	if (gen->durations.count)
		return mean_of(&gen->durations);
	if (gen->kind == SIM_DURATION_LOGNORMAL)
		return exp(gen->a + gen->b * gen->b / 2);
	return gen->a;
}

double sim_gen_draw_duration(const struct sim_gen *gen, uint64_t *random)
{
	if (gen->durations.count)
		return gen->durations
			.values[sim_random_below(random, gen->durations.count)];
	switch (gen->kind) {
	case SIM_DURATION_EXP:
		return gen->a * sim_random_exp(random);
	case SIM_DURATION_LOGNORMAL:
		return exp(gen->a + gen->b * sim_random_normal(random));
	default:
		return gen->a;
	}
}

/* ---- sizes and the rate ---------------------------------------------------------------
 */

static double mix_total(const struct gt_mix *mix)
{
	double total = 0;

	for (int k = 1; k <= GT_MIX_MAX; k++)
		total += mix->weight[k];
	return total;
}

static double mean_size(const struct sim_gen *gen)
{
	double sum = 0;

	if (gen->sizes.count)
		return mean_of(&gen->sizes);
	for (int k = 1; k <= GT_MIX_MAX; k++)
		sum += k * (double)gen->mix.weight[k];
	return sum / mix_total(&gen->mix);
}

static int draw_size(const struct sim_gen *gen, uint64_t *random)
{
	uint64_t at;

	if (gen->sizes.count)
		return (int)gen->sizes.values[sim_random_below(random, gen->sizes.count)];
	at = sim_random_below(random, (uint64_t)mix_total(&gen->mix));
	for (int k = 1; k < GT_MIX_MAX; k++) {
		if (at < gen->mix.weight[k])
			return k;
		at -= gen->mix.weight[k];
	}
	return GT_MIX_MAX;
}

/* The busy share of gpus servers under arrivals of so many a mean duration, where jobs
 * that do not fit are lost: the recursion of Kaufman and Roberts. */
static double busy_share(const struct sim_gen *gen, double arrivals)
{
	double *chance = calloc((size_t)gen->gpus + 1, sizeof(*chance));
	double total = mix_total(&gen->mix), sum = 1, busy = 0;

	if (!chance)
		return 1;
	chance[0] = 1;
	for (int j = 1; j <= gen->gpus; j++) {
		for (int k = 1; k <= j && k <= GT_MIX_MAX; k++)
			chance[j] += arrivals * gen->mix.weight[k] / total * k *
				     chance[j - k] / j;
		sum += chance[j];
		busy += j * chance[j];
	}
	free(chance);
	return busy / sum / gen->gpus;
}

double sim_gen_rate(const struct sim_gen *gen)
{
	double low = 0, high = 1;

	if (!gen->loss)
		return gen->load * gen->gpus /
		       (mean_size(gen) * sim_gen_mean_duration(gen));
	while (busy_share(gen, high) < gen->load && high < 1e9)
		high *= 2;
	for (int i = 0; i < RATE_STEPS; i++) {
		double middle = (low + high) / 2;

		if (busy_share(gen, middle) < gen->load)
			low = middle;
		else
			high = middle;
	}
	return high / sim_gen_mean_duration(gen);
}

static enum gt_err check(const struct sim_gen *gen, struct gt_error *err)
{
	if (!(gen->load > 0) || gen->load > 100)
		return gt_fail(err, GT_EINVAL, "the load must be above 0");
	if (gen->loss && gen->load >= 1)
		return gt_fail(err, GT_EINVAL, "a busy share must be below 1");
	if (gen->loss && gen->sizes.count)
		return gt_fail(err, GT_EINVAL, "--loss takes its sizes from --mix");
	if (gen->loss && gen->gpus > 4096)
		return gt_fail(err, GT_EINVAL, "--loss is for one node");
	if (gen->gpus < 1 || gen->jobs < 1 || gen->jobs > INT32_MAX / 2)
		return gt_fail(err, GT_EINVAL,
			       "the number of GPUs or jobs is out of range");
	return GT_OK;
}

enum gt_err sim_gen_run(const struct sim_gen *gen, struct sim_trace *trace,
			struct gt_error *err)
{
	uint64_t random = gen->seed;
	double at = 0, rate;
	enum gt_err failed = check(gen, err);

	memset(trace, 0, sizeof(*trace));
	if (failed)
		return failed;
	rate = sim_gen_rate(gen);
	for (int64_t i = 1; i <= gen->jobs; i++) {
		struct sim_job job = {.start_ms = SIM_NEVER, .form = (uint8_t)gen->form};
		char id[32];

		snprintf(id, sizeof(id), "%lld", (long long)i);
		at += sim_random_exp(&random) / rate;
		job.submit_ms = (int64_t)(at * 1000 + .5);
		job.gpus = draw_size(gen, &random);
		job.duration_ms =
			(int64_t)(sim_gen_draw_duration(gen, &random) * 1000 + .5);
		job.duration_ms += job.duration_ms == 0;
		job.limit_ms = job.duration_ms;
		job.is_limited = gen->limit > 0;
		if (gen->limit > 1)
			job.limit_ms =
				(int64_t)((double)job.duration_ms * gen->limit + .5);
		if (!sim_trace_keep(trace, id, &job.id) || !sim_trace_add(trace, &job))
			return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	return GT_OK;
}
