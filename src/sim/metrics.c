/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums and quantiles, in the order of the jobs, so that they never depend on threads. */
#include "config.h"

#include "sim/metrics.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_RUN_S 10 /* of the bounded slowdown */

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* The value below which a share of the sorted ones lies (nearest rank). */
static double quantile(const float *sorted, size_t count, double share)
{
	size_t rank = (size_t)(share * (double)count);

	if (!count)
		return 0;
	return sorted[rank < count ? rank : count - 1];
}

static bool counts(const struct sim_trace *trace, const struct sim_result *r, size_t i,
		   int64_t warmup_ms)
{
	return trace->jobs[i].submit_ms >= warmup_ms &&
	       !(r->jobs[i].flags & SIM_REJECTED);
}

static double ratio_idle(const struct sim_outcome *o)
{
	return sim_outcome_ratio(o->got_mbps, o->ideal_mbps);
}

/* Which jobs a statistic is of. */
struct group {
	int gpus;	 /* 0: all of 2 and more */
	int shape;	 /* of the trace's; 0: any */
	bool has_choice; /* only those with better and worse sets */
};

static bool is_in(const struct group *g, const struct sim_job *job,
		  const struct sim_outcome *o)
{
	return o->got_mbps && (!g->gpus || job->gpus == g->gpus) &&
	       (!g->shape || job->shape == g->shape) &&
	       (!g->has_choice || o->flags & SIM_CHOICE);
}

static double gpu_hours(const struct sim_job *job, const struct sim_outcome *o)
{
	return (double)(o->end_ms - o->start_ms) / 3600000 * job->gpus;
}

/* Sort values and name three quantiles, in units of 1 / scale. */
static void find_quantiles(float *values, size_t count, double scale, double *p5,
			   double *p50, double *p95)
{
	qsort(values, count, sizeof(*values), compare_floats);
	*p5 = quantile(values, count, .05) / scale;
	*p50 = quantile(values, count, .50) / scale;
	*p95 = quantile(values, count, .95) / scale;
}

/* The statistics of one group. values: room for two of every job. */
static void make_stats(struct sim_stats *stats, struct group group,
		       const struct sim_trace *trace, const struct sim_result *r,
		       int64_t warmup_ms, float *values)
{
	double free_sum = 0, idle_sum = 0, got_sum = 0;
	float *got = values + r->count;
	int64_t ringless = 0;
	size_t count = 0;

	memset(stats, 0, sizeof(*stats));
	stats->gpus = group.gpus;
	stats->shape = group.shape;
	for (size_t i = 0; i < r->count; i++) {
		const struct sim_outcome *o = &r->jobs[i];
		double hours = gpu_hours(&trace->jobs[i], o);

		if (!is_in(&group, &trace->jobs[i], o) || !counts(trace, r, i, warmup_ms))
			continue;
		free_sum += sim_outcome_ratio(o->got_mbps, o->best_mbps);
		idle_sum += ratio_idle(o);
		got_sum += o->got_mbps / 1000.0;
		got[count] = (float)o->got_mbps;
		values[count++] = (float)ratio_idle(o);
		ringless += !(o->flags & SIM_RING);
		stats->ring_lost += (o->flags & SIM_RING_LOST) != 0;
		stats->gpu_hours += hours;
		if (o->got_mbps < o->ideal_mbps)
			stats->gpu_hours_below_ideal += hours;
	}
	stats->jobs = (int64_t)count;
	if (!count)
		return;
	find_quantiles(values, count, 1, &stats->p5_idle, &stats->p50_idle,
		       &stats->p95_idle);
	find_quantiles(got, count, 1000, &stats->p5_gbps, &stats->p50_gbps,
		       &stats->p95_gbps);
	stats->mean_free = free_sum / (double)count;
	stats->mean_idle = idle_sum / (double)count;
	stats->mean_gbps = got_sum / (double)count;
	stats->no_ring_share = (double)ringless / (double)count;
}

static void make_waits(struct sim_metrics *m, const struct sim_trace *trace,
		       const struct sim_result *r, int64_t warmup_ms, float *values)
{
	double waits = 0, slow = 0;
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct sim_outcome *o = &r->jobs[i];
		double wait = (double)(o->start_ms - trace->jobs[i].submit_ms) / 1000;
		double run = (double)(o->end_ms - o->start_ms) / 1000;
		double slowed = (wait + run) / (run > SHORT_RUN_S ? run : SHORT_RUN_S);

		if (!counts(trace, r, i, warmup_ms))
			continue;
		waits += wait;
		slow += slowed > 1 ? slowed : 1;
		values[count++] = (float)wait;
	}
	if (!count)
		return;
	qsort(values, count, sizeof(*values), compare_floats);
	m->wait_mean_s = waits / (double)count;
	m->wait_p50_s = quantile(values, count, .50);
	m->wait_p95_s = quantile(values, count, .95);
	m->bounded_slowdown = slow / (double)count;
}

static void make_counts(struct sim_metrics *m, const struct sim_trace *trace,
			const struct sim_result *r, int64_t warmup_ms)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct sim_outcome *o = &r->jobs[i];
		double hours = gpu_hours(&trace->jobs[i], o);

		if (trace->jobs[i].submit_ms < warmup_ms)
			continue;
		m->jobs++;
		m->rejected += (o->flags & SIM_REJECTED) != 0;
		m->split += (o->flags & SIM_SPLIT) != 0;
		m->moved += (o->flags & SIM_MOVED) != 0;
		if (o->flags & SIM_REJECTED)
			continue;
		m->gpu_hours += hours;
		if (o->got_mbps < o->ideal_mbps)
			m->gpu_hours_below_ideal += hours;
	}
	m->started = m->jobs - m->rejected;
	for (size_t i = 0; i < r->count && r->decisions; i++)
		m->decision_ns += r->jobs[i].decision_ns;
	m->decision_ns /= r->decisions ? (double)r->decisions : 1;
}

/* The sizes that occur, ascending; the smallest SIM_MAX_SIZES where there are more. */
static int list_sizes(const struct sim_trace *trace, int *sizes)
{
	int count = 0, below = 1;

	while (count < SIM_MAX_SIZES) {
		int next = INT32_MAX;

		for (size_t i = 0; i < trace->count; i++)
			if (trace->jobs[i].gpus > below && trace->jobs[i].gpus < next)
				next = trace->jobs[i].gpus;
		if (next == INT32_MAX)
			break;
		sizes[count++] = below = next;
	}
	return count;
}

enum gt_err sim_metrics_make(struct sim_metrics *m, const struct sim_trace *trace,
			     const struct sim_result *r, int64_t warmup_ms,
			     struct gt_error *err)
{
	float *values = malloc((2 * r->count + 1) * sizeof(*values));
	double span = (double)(r->last_ms - r->first_ms);
	int sizes[SIM_MAX_SIZES];

	memset(m, 0, sizeof(*m));
	if (!values)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	make_counts(m, trace, r, warmup_ms);
	make_waits(m, trace, r, warmup_ms, values);
	make_stats(&m->all, (struct group){0}, trace, r, warmup_ms, values);
	make_stats(&m->choice, (struct group){.has_choice = true}, trace, r, warmup_ms,
		   values);
	m->size_count = list_sizes(trace, sizes);
	for (int i = 0; i < m->size_count; i++)
		make_stats(&m->sizes[i], (struct group){.gpus = sizes[i]}, trace, r,
			   warmup_ms, values);
	for (int i = 1; i < (int)trace->shape_count && i <= SIM_MAX_GROUPED; i++)
		make_stats(&m->groups[m->group_count++], (struct group){.shape = i},
			   trace, r, warmup_ms, values);
	free(values);
	m->decisions = r->decisions;
	m->makespan_s = span / 1000;
	if (r->submitted_ms > r->first_ms)
		m->utilisation_submit = r->busy_submitted_gpu_ms /
					(double)(r->submitted_ms - r->first_ms) /
					(double)r->layout->gpus;
	if (span > 0) {
		m->utilisation = r->busy_gpu_ms / span / (double)r->layout->gpus;
		for (int k = 2; k <= SIM_MAX_GPUS; k++)
			m->stranded_nodes[k] = r->stranded_ms[k] / span;
	}
	return GT_OK;
}

/* ---- against another policy -----------------------------------------------------------
 */

/* Ratio won over stock; 0 where the two cannot be compared. */
static double ratio_won(const struct sim_trace *trace, const struct sim_result *result,
			const struct sim_result *stock, int64_t warmup_ms, size_t i)
{
	if (!counts(trace, result, i, warmup_ms) || !counts(trace, stock, i, warmup_ms) ||
	    !result->jobs[i].got_mbps || !stock->jobs[i].got_mbps)
		return 0;
	return ratio_idle(&result->jobs[i]) - ratio_idle(&stock->jobs[i]);
}

void sim_regret_count(struct sim_regret *regret, const struct sim_trace *trace,
		      const struct sim_result *result, const struct sim_result *stock,
		      int64_t warmup_ms)
{
	memset(regret, 0, sizeof(*regret));
	for (size_t i = 0; i < result->count; i++) {
		double won = ratio_won(trace, result, stock, warmup_ms, i);
		double gbps =
			(result->jobs[i].got_mbps - stock->jobs[i].got_mbps) / 1000.0;
		double hours = (double)trace->jobs[i].duration_ms / 3600000 *
			       trace->jobs[i].gpus;

		if (won < 0) {
			regret->worse++;
			regret->lost_gbps_hours -= gbps * hours;
		} else if (won > 0) {
			regret->better++;
			regret->won_gbps_hours += gbps * hours;
		}
		if (!counts(trace, result, i, warmup_ms) ||
		    !counts(trace, stock, i, warmup_ms))
			continue;
		regret->later += result->jobs[i].start_ms > stock->jobs[i].start_ms;
		regret->sooner += result->jobs[i].start_ms < stock->jobs[i].start_ms;
	}
}

int sim_regret_list(const struct sim_trace *trace, const struct sim_result *result,
		    const struct sim_result *stock, int64_t warmup_ms, int32_t *worst,
		    int room)
{
	int count = 0;

	for (size_t i = 0; i < result->count; i++) {
		double won = ratio_won(trace, result, stock, warmup_ms, i);
		int at = count;

		if (won >= 0)
			continue;
		while (at > 0 && ratio_won(trace, result, stock, warmup_ms,
					   (size_t)worst[at - 1]) > won)
			at--;
		if (at >= room)
			continue;
		count += count < room;
		memmove(&worst[at + 1], &worst[at],
			(size_t)(count - at - 1) * sizeof(*worst));
		worst[at] = (int32_t)i;
	}
	return count;
}
