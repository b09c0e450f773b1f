/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures of a comparison of placement policies: JSON, terminal, CSV. */
#include "config.h"

#include "sim/sim_mig.h"
#include "sim/sim_mig_rules.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- means over seeds ---- */

/* Student's t, two-sided 95 %, by degrees of freedom; beyond the table the next lower
 * one, which is on the safe side. */
static double student(int freedom)
{
	static const struct {
		int freedom;
		double t;
	} rows[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},	{5, 2.571},
		    {6, 2.447},	 {7, 2.365},  {8, 2.306},  {9, 2.262},	{10, 2.228},
		    {12, 2.179}, {15, 2.131}, {19, 2.093}, {24, 2.064}, {29, 2.045},
		    {39, 2.023}, {59, 2.001}, {99, 1.984}, {199, 1.972}};
	double t = rows[0].t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].freedom <= freedom)
			t = rows[i].t;
	return t;
}

double sim_mig_mean(const struct sim_mig_report *report, int policy, int minus,
		    double (*figure)(const struct sim_mig_result *), double *half)
{
	const struct sim_mig_result *own = report->results + policy * report->seeds;
	const struct sim_mig_result *other = report->results + minus * report->seeds;
	int n = report->seeds;
	double sum = 0, squares = 0;

	for (int s = 0; s < n; s++) {
		double x = figure(&own[s]) - (minus >= 0 ? figure(&other[s]) : 0);

		sum += x;
		squares += x * x;
	}
	*half = n > 1 ? student(n - 1) *
				sqrt(fmax(0, squares - sum * sum / n) / (n - 1) / n)
		      : 0;
	return sum / n;
}

static double count_share(const struct sim_mig_result *r)
{
	int64_t offered = 0, accepted = 0;

	for (int p = 0; p < GT_MIG_PROFILES; p++) {
		offered += r->offered[p];
		accepted += r->accepted[p];
	}
	return offered ? (double)accepted / (double)offered : 0;
}

static double delivered(const struct sim_mig_result *r)
{
	return r->unit_seconds;
}

static double stranded(const struct sim_mig_result *r)
{
	return r->stranded;
}

static double busy(const struct sim_mig_result *r)
{
	return r->gpus_busy;
}

static double touched(const struct sim_mig_result *r)
{
	return r->gpus_touched;
}

static double wait_mean(const struct sim_mig_result *r)
{
	return r->wait_mean_s;
}

static double wait_p50(const struct sim_mig_result *r)
{
	return r->wait_p50_s;
}

static double wait_p95(const struct sim_mig_result *r)
{
	return r->wait_p95_s;
}

static double makespan(const struct sim_mig_result *r)
{
	return r->makespan_s;
}

static double moves(const struct sim_mig_result *r)
{
	return (double)r->moves;
}

static const struct {
	const char *key;
	double (*figure)(const struct sim_mig_result *);
} figures[] = {
	{"moves", moves},
	{"accepted_share_slices", sim_mig_share},
	{"accepted_share_count", count_share},
	{"slice_seconds", delivered},
	{"stranded_slices_mean", stranded},
	{"gpus_busy_mean", busy},
	{"gpus_touched", touched},
	{"wait_mean_s", wait_mean},
	{"wait_p50_s", wait_p50},
	{"wait_p95_s", wait_p95},
	{"makespan_s", makespan},
};

/* ---- JSON ---- */

/* Over all seeds, as the shares of single profiles are small numbers. */
static json_t *profiles_json(const struct sim_mig_report *report, int policy)
{
	json_t *all = json_object();

	for (int p = 0; p < report->gpu->count; p++) {
		int64_t offered = 0, accepted = 0;

		for (int s = 0; s < report->seeds; s++) {
			offered += report->results[policy * report->seeds + s].offered[p];
			accepted +=
				report->results[policy * report->seeds + s].accepted[p];
		}
		if (offered)
			json_object_set_new(
				all, report->gpu->profile[p].name,
				json_pack("{s:I, s:I, s:f}", "offered",
					  (json_int_t)offered, "accepted",
					  (json_int_t)accepted, "share",
					  (double)accepted / (double)offered));
	}
	return all;
}

/* What came of one policy, with its difference to the first. */
static json_t *policy_json(const struct sim_mig_report *report, int policy)
{
	double half, mean = sim_mig_mean(report, policy, 0, sim_mig_share, &half);
	json_t *json = json_object();

	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		double unused;

		json_object_set_new(json, figures[i].key,
				    json_real(sim_mig_mean(report, policy, -1,
							   figures[i].figure, &unused)));
	}
	json_object_set_new(json, "to_first",
			    json_pack("{s:f, s:f}", "accepted_share_slices", mean,
				      "half95", half));
	json_object_set_new(json, "by_profile", profiles_json(report, policy));
	return json;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *inputs_json(const struct sim_mig_report *report)
{
	const struct sim_mig_options *o = report->options;
	json_t *rows = json_object();
	char hash[24];

	for (int r = 0; r < SIM_MIG_ROWS; r++)
		if (report->trace->rows[r])
			json_object_set_new(rows, sim_mig_row_key((enum sim_mig_row)r),
					    json_integer(report->trace->rows[r]));
	snprintf(hash, sizeof(hash), "%016" PRIx64, report->trace->hash);
	return json_pack(
		"{s:s, s:i, s:s, s:i, s:f, s:I, s:i, s:o, s:o, s:o, s:f, s:s, s:o}",
		"gpu", report->gpu->name, "gpus", o->gpus, "mode",
		o->queue ? "queue" : "loss", "depth", o->depth, "warmup_s",
		(double)o->warmup_ms / 1000, "seed", (json_int_t)report->seed, "seeds",
		report->seeds, "trace", text_or_null(report->trace_name), "mix",
		text_or_null(report->mix), "expect", text_or_null(report->expected),
		"load", report->load, "hash", hash, "rows", rows);
}

json_t *sim_mig_report_json(const struct sim_mig_report *report)
{
	json_t *policies = json_object();

	for (int i = 0; i < report->policy_count; i++)
		json_object_set_new(policies, sim_mig_rule_name(report->policies[i]),
				    policy_json(report, i));
	return json_pack("{s:o, s:o}", "inputs", inputs_json(report), "policies",
			 policies);
}

/* ---- a table ---- */

static void print_profiles(const struct sim_mig_report *report, FILE *out)
{
	fprintf(out, "\naccepted by profile, %%\n%-10s", "");
	for (int p = 0; p < report->gpu->count; p++)
		if (report->results[0].offered[p])
			fprintf(out, " %11s", report->gpu->profile[p].name);
	fputc('\n', out);
	for (int i = 0; i < report->policy_count; i++) {
		json_t *shares = profiles_json(report, i);

		fprintf(out, "%-10s", sim_mig_rule_name(report->policies[i]));
		for (int p = 0; p < report->gpu->count; p++)
			if (report->results[0].offered[p])
				fprintf(out, " %11.2f",
					100 * json_real_value(json_object_get(
						      json_object_get(shares,
								      report->gpu
									      ->profile[p]
									      .name),
						      "share")));
		fputc('\n', out);
		json_decref(shares);
	}
}

void sim_mig_report_table(const struct sim_mig_report *report, FILE *out)
{
	double half, unused;

	fprintf(out, "%-10s %9s %-17s %8s %9s %6s %8s %10s %10s\n", "policy", "accepted",
		"  to the first", "by count", "stranded", "busy", "touched", "wait, s",
		"p95, s");
	for (int i = 0; i < report->policy_count; i++) {
		double to_first = sim_mig_mean(report, i, 0, sim_mig_share, &half);
		char interval[32] = "";

		if (report->seeds > 1)
			snprintf(interval, sizeof(interval), "+- %.2f", 100 * half);
		fprintf(out,
			"%-10s %7.2f %% %+7.2f %-9s %6.2f %% %9.2f %6.2f %8.1f "
			"%10.1f %10.1f\n",
			sim_mig_rule_name(report->policies[i]),
			100 * sim_mig_mean(report, i, -1, sim_mig_share, &unused),
			100 * to_first, interval,
			100 * sim_mig_mean(report, i, -1, count_share, &unused),
			sim_mig_mean(report, i, -1, stranded, &unused),
			sim_mig_mean(report, i, -1, busy, &unused),
			sim_mig_mean(report, i, -1, touched, &unused),
			sim_mig_mean(report, i, -1, wait_mean, &unused),
			sim_mig_mean(report, i, -1, wait_p95, &unused));
	}
	print_profiles(report, out);
}

/* ---- rows ---- */

void sim_mig_report_csv(const struct sim_mig_report *report, int policy, FILE *out)
{
	const struct sim_mig_outcome *jobs = report->results[policy * report->seeds].jobs;

	fputs("job,submit,start,end,profile,gpu,first_slice\n", out);
	for (size_t i = 0; i < report->trace->count; i++) {
		const struct sim_mig_job *job = &report->trace->jobs[i];
		const char *name = report->gpu->profile[job->profile].name;

		fprintf(out, "%zu,%.3f,", i, (double)job->submit_ms / 1000);
		if (jobs[i].start_ms == SIM_NEVER)
			fprintf(out, ",,%s,,\n", name);
		else
			fprintf(out, "%.3f,%.3f,%s,%d,%d\n",
				(double)jobs[i].start_ms / 1000,
				(double)(jobs[i].start_ms + job->duration_ms) / 1000,
				name, jobs[i].gpu, jobs[i].start);
	}
}
