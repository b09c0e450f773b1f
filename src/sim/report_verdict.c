/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a replay says in a sentence, and what its columns mean. Table, page and JSON share
 * these texts. */
#include "config.h"

#include "sim/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const struct sim_column sim_columns[SIM_COLUMNS] = {
	[SIM_COLUMN_GBPS] =
		{"GB/s", "GB/s, mean",
		 "bus bandwidth, mean over the jobs; of a job on several nodes "
		 "that of its slowest node"},
	[SIM_COLUMN_P5_GBPS] = {"5 %", "GB/s, 5 %", "5 % of the jobs got less than this"},
	[SIM_COLUMN_P50_GBPS] = {"median", "GB/s, median",
				 "half of the jobs got less than this"},
	[SIM_COLUMN_P95_GBPS] = {"95 %", "GB/s, 95 %",
				 "95 % of the jobs got no more than this"},
	[SIM_COLUMN_IDEAL] = {"of ideal", "of ideal",
			      "GB/s over those of the best set of an idle node, mean"},
	[SIM_COLUMN_P5_IDEAL] = {"5 % ideal", "of ideal, 5 %",
				 "5 % of the jobs got a smaller share of the ideal"},
	[SIM_COLUMN_FREE] = {"of free", "of the best free",
			     "GB/s over those of the best set that was free there, mean"},
	[SIM_COLUMN_NO_RING] = {"no ring", "without a ring",
				"jobs whose GPUs form no ring over NVLink or xGMI"},
	[SIM_COLUMN_RING_LOST] = {"lost", "rings lost",
				  "jobs without a ring though one was free there"},
	[SIM_COLUMN_HOURS_BELOW] = {"h below", "GPU-hours below ideal",
				    "GPU-hours of jobs that got less than the ideal"},
	[SIM_COLUMN_WAIT] = {"wait", "mean wait", "from submission to start, all jobs"},
	[SIM_COLUMN_WAIT_P95] = {"wait 95 %", "95 % wait",
				 "95 % of the jobs waited no longer"},
	[SIM_COLUMN_BUSY] = {"busy", "GPUs busy",
			     "busy share of all GPUs until the last submission"},
	[SIM_COLUMN_SPLIT] = {"split", "split",
			      "jobs put on several nodes though one could hold them"},
	[SIM_COLUMN_REJECTED] = {"rejected", "rejected",
				 "jobs that never started: too large, or lost"},
};

static void put_share(char *text, double share)
{
	snprintf(text, SIM_CELL_MAX, "%.1f %%", 100 * share);
}

/* Seconds in the unit that suits them. */
static void put_time(char *text, double s)
{
	if (s < 600)
		snprintf(text, SIM_CELL_MAX, "%.0f s", s);
	else if (s < 36000)
		snprintf(text, SIM_CELL_MAX, "%.1f min", s / 60);
	else
		snprintf(text, SIM_CELL_MAX, "%.1f h", s / 3600);
}

/* One of the columns that are of all jobs. */
static void put_times(enum sim_column_id column, const struct sim_metrics *m, char *text)
{
	switch (column) {
	case SIM_COLUMN_WAIT:
		put_time(text, m->wait_mean_s);
		break;
	case SIM_COLUMN_WAIT_P95:
		put_time(text, m->wait_p95_s);
		break;
	case SIM_COLUMN_BUSY:
		put_share(text, m->utilisation_submit);
		break;
	case SIM_COLUMN_SPLIT:
		snprintf(text, SIM_CELL_MAX, "%" PRId64, m->split);
		break;
	default:
		snprintf(text, SIM_CELL_MAX, "%" PRId64, m->rejected);
		break;
	}
}

void sim_column_text(enum sim_column_id column, const struct sim_metrics *m,
		     const struct sim_stats *s, char text[SIM_CELL_MAX])
{
	const double gbps[] = {s->mean_gbps, s->p5_gbps, s->p50_gbps, s->p95_gbps};
	const double share[] = {s->mean_idle, s->p5_idle, s->mean_free, s->no_ring_share};

	if (column >= SIM_COLUMN_WAIT)
		put_times(column, m, text);
	else if (!s->jobs)
		snprintf(text, SIM_CELL_MAX, "-");
	else if (column <= SIM_COLUMN_P95_GBPS)
		snprintf(text, SIM_CELL_MAX, "%.1f", gbps[column - SIM_COLUMN_GBPS]);
	else if (column <= SIM_COLUMN_NO_RING)
		put_share(text, share[column - SIM_COLUMN_IDEAL]);
	else if (column == SIM_COLUMN_RING_LOST)
		snprintf(text, SIM_CELL_MAX, "%" PRId64, s->ring_lost);
	else
		snprintf(text, SIM_CELL_MAX, "%.1f", s->gpu_hours_below_ideal);
}

int sim_report_ours(const struct sim_report *r)
{
	for (int i = 0; i < r->count; i++)
		if (strncmp(r->results[i].name, "slurm-", 6) != 0)
			return i;
	return 0;
}

static void say(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Append. */
static void say(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

static void say_time(char *text, size_t size, double s)
{
	char time[SIM_CELL_MAX];

	put_time(time, s);
	say(text, size, "%s", time);
}

static void say_gain(char *text, size_t size, double ours, double theirs)
{
	double more = 100 * (ours / theirs - 1);

	if (theirs > 0 && (more >= .05 || more <= -.05))
		say(text, size, " (%+.*f %%)", more < 10 && more > -10 ? 1 : 0, more);
}

static void say_alone(const struct sim_metrics *m, char *text, size_t size)
{
	say(text, size,
	    "jobs of 2 GPUs and more get %.1f GB/s on average, %.1f %% of what the best "
	    "sets of idle nodes give; the mean wait is ",
	    m->all.mean_gbps, 100 * m->all.mean_idle);
	say_time(text, size, m->wait_mean_s);
	say(text, size, ".");
}

static void say_pair(const struct sim_report *r, int ours, int other, char *text,
		     size_t size)
{
	const struct sim_metrics *a = &r->metrics[ours], *b = &r->metrics[other];

	say(text, size,
	    "jobs of 2 GPUs and more get %.1f GB/s on average, %.1f GB/s under %.40s",
	    a->all.mean_gbps, b->all.mean_gbps, r->results[other].name);
	say_gain(text, size, a->all.mean_gbps, b->all.mean_gbps);
	if (a->choice.jobs && a->choice.jobs < a->all.jobs) {
		say(text, size, "; where there is a choice of sets %.1f against %.1f",
		    a->choice.mean_gbps, b->choice.mean_gbps);
		say_gain(text, size, a->choice.mean_gbps, b->choice.mean_gbps);
	}
	say(text, size, ". The mean wait is ");
	say_time(text, size, a->wait_mean_s);
	say(text, size, " against ");
	say_time(text, size, b->wait_mean_s);
	say(text, size, ".");
}

void sim_report_verdict(const struct sim_report *r, char *text, size_t size)
{
	int ours = sim_report_ours(r), other = sim_report_stock(r);

	if (other < 0 || other == ours)
		other = r->count > 1 ? !ours : -1;
	text[0] = '\0';
	if (!r->count)
		return;
	if (!r->metrics[ours].all.jobs) {
		say(text, size,
		    "No job of 2 GPUs or more started under %.40s: there is no bandwidth "
		    "to compare.",
		    r->results[ours].name);
		return;
	}
	say(text, size, "With %.60s, ", r->results[ours].name);
	if (other < 0)
		say_alone(&r->metrics[ours], text, size);
	else
		say_pair(r, ours, other, text, size);
	if (sim_layout_is_uniform(r->layout))
		say(text, size, " " SIM_UNIFORM_TEXT);
}
