/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The summary as JSON. */
#include "config.h"

#include "sim/report.h"

#include <inttypes.h>
#include <string.h>

int sim_report_stock(const struct sim_report *report)
{
	for (int i = 0; i < report->count; i++)
		if (!strncmp(report->results[i].name, "slurm-", 6))
			return i;
	return -1;
}

static json_t *hash_json(uint64_t hash)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	return json_string(text);
}

static json_t *row_json(const struct sim_trace *trace, enum sim_row r)
{
	json_t *row = json_pack("{s:I, s:I}", "rows", (json_int_t)trace->reason_count[r],
				"first_line", (json_int_t)trace->reason_line[r]);

	if (*trace->reason_detail[r])
		json_object_set_new(row, "detail", json_string(trace->reason_detail[r]));
	return row;
}

static json_t *rows_json(const struct sim_trace *trace, enum sim_row from,
			 enum sim_row to)
{
	json_t *rows = json_object();

	for (enum sim_row r = from; r < to; r++)
		if (trace->reason_count[r])
			json_object_set_new(rows, sim_row_key(r), row_json(trace, r));
	return rows;
}

static json_t *inputs_json(const struct sim_report *r)
{
	const struct sim_options *o = r->options;
	json_t *inputs = json_pack(
		"{s:s, s:s, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:s, s:o, s:i, s:I}",
		"trace", r->trace_name, "trace_format",
		r->trace->format ? r->trace->format : "", "trace_hash",
		hash_json(r->trace->hash), "rows", (json_int_t)r->trace->rows,
		"ignored_rows", rows_json(r->trace, SIM_ROW_NO_GPU, SIM_ROW_BAD),
		"bad_rows", rows_json(r->trace, SIM_ROW_BAD, SIM_ROW_REASONS),
		"shared_gpu_jobs", (json_int_t)r->trace->shared, "mixed_jobs",
		(json_int_t)r->trace->mixed, "requeued_runs",
		(json_int_t)r->trace->requeued, "topology", r->topology_name,
		"topology_hash", hash_json(sim_layout_hash(r->layout)), "nodes",
		r->layout->nodes, "gpus", (json_int_t)r->layout->gpus);
	json_t *how =
		json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:s, s:I, s:s}", "sched",
			  sim_sched_name(o->sched), "depth", (json_int_t)o->depth,
			  "scale_arrivals", r->scale_arrivals, "warmup_s",
			  (double)r->warmup_ms / 1000, "slowdown_alpha", o->slowdown,
			  "ringless_gbps", o->ringless_mbps / 1000.0, "network_gbps",
			  o->network_mbps / 1000.0, "mix", r->mix ? r->mix : "learned",
			  "seed", (json_int_t)o->seed, "version", gt_version());

	if (!inputs || json_object_update(inputs, how)) {
		json_decref(inputs);
		inputs = NULL;
	}
	json_decref(how);
	if (inputs && (r->groups || r->comm)) {
		json_object_set_new(inputs, "groups",
				    json_string(r->groups ? r->groups : ""));
		json_object_set_new(inputs, "comm", json_string(gt_comm_name(r->comm)));
	}
	return inputs;
}

/* Ratios are null where no job has one. */
static json_t *ratio_json(const struct sim_stats *s, double ratio)
{
	return s->jobs ? json_real(ratio) : json_null();
}

static json_t *stats_json(const struct sim_stats *s)
{
	json_t *stats = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I}",
				  "mean_ratio_free", ratio_json(s, s->mean_free),
				  "mean_ratio_idle", ratio_json(s, s->mean_idle),
				  "p5_ratio_idle", ratio_json(s, s->p5_idle),
				  "p50_ratio_idle", ratio_json(s, s->p50_idle),
				  "p95_ratio_idle", ratio_json(s, s->p95_idle),
				  "ring_lost", (json_int_t)s->ring_lost, "no_ring_share",
				  ratio_json(s, s->no_ring_share), "multi_gpu_jobs",
				  (json_int_t)s->jobs);
	json_t *absolute =
		json_pack("{s:o, s:o, s:o, s:o, s:f, s:f}", "mean_gbps",
			  ratio_json(s, s->mean_gbps), "p5_gbps",
			  ratio_json(s, s->p5_gbps), "p50_gbps",
			  ratio_json(s, s->p50_gbps), "p95_gbps",
			  ratio_json(s, s->p95_gbps), "multi_gpu_hours", s->gpu_hours,
			  "gpu_hours_below_ideal", s->gpu_hours_below_ideal);

	json_object_update(stats, absolute);
	json_decref(absolute);
	return stats;
}

static json_t *sizes_json(const struct sim_metrics *m)
{
	json_t *sizes = json_object();

	for (int i = 0; i < m->size_count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", m->sizes[i].gpus);
		if (json_object_set_new(sizes, key, stats_json(&m->sizes[i]))) {
			json_decref(sizes);
			return NULL;
		}
	}
	return sizes;
}

static json_t *groups_json(const struct sim_report *r, const struct sim_metrics *m)
{
	json_t *groups = json_object();
	char key[SIM_SHAPE_TEXT];

	for (int i = 0; i < m->group_count; i++)
		json_object_set_new(groups,
				    sim_shape_text(&r->trace->shapes[m->groups[i].shape],
						   key),
				    stats_json(&m->groups[i]));
	return groups;
}

static json_t *stranded_json(const struct sim_metrics *m)
{
	json_t *stranded = json_object();

	for (int k = 2; k <= SIM_MAX_GPUS; k++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", k);
		if (m->stranded_nodes[k] > 0)
			json_object_set_new(stranded, key,
					    json_real(m->stranded_nodes[k]));
	}
	return stranded;
}

static json_t *regret_json(const struct sim_report *r, int policy, int stock)
{
	struct sim_regret regret;

	if (stock < 0 || stock == policy)
		return json_null();
	sim_regret_count(&regret, r->trace, &r->results[policy], &r->results[stock],
			 r->warmup_ms);
	return json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I}", "against",
			 r->results[stock].name, "worse", (json_int_t)regret.worse,
			 "better", (json_int_t)regret.better, "lost_gbps_gpu_hours",
			 regret.lost_gbps_hours, "won_gbps_gpu_hours",
			 regret.won_gbps_hours, "later", (json_int_t)regret.later,
			 "sooner", (json_int_t)regret.sooner);
}

static json_t *policy_json(const struct sim_report *r, int policy, int stock)
{
	const struct sim_metrics *m = &r->metrics[policy];
	json_t *p =
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "jobs", (json_int_t)m->jobs,
			  "started", (json_int_t)m->started, "rejected",
			  (json_int_t)m->rejected, "split", (json_int_t)m->split, "moved",
			  (json_int_t)m->moved, "decisions", (json_int_t)m->decisions);
	json_t *times =
		json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "wait_mean_s",
			  m->wait_mean_s, "wait_p50_s", m->wait_p50_s, "wait_p95_s",
			  m->wait_p95_s, "bounded_slowdown", m->bounded_slowdown,
			  "makespan_s", m->makespan_s, "utilisation", m->utilisation,
			  "utilisation_submit", m->utilisation_submit, "gpu_hours",
			  m->gpu_hours, "gpu_hours_below_ideal",
			  m->gpu_hours_below_ideal);
	json_t *stats = stats_json(&m->all);

	json_object_update(p, stats);
	json_object_update(p, times);
	json_decref(stats);
	json_decref(times);
	if (r->options->times_decisions)
		json_object_set_new(p, "decision_ns", json_real(m->decision_ns));
	json_object_set_new(p, "stranded_nodes", stranded_json(m));
	json_object_set_new(p, "regret", regret_json(r, policy, stock));
	json_object_set_new(p, "choice", stats_json(&m->choice));
	json_object_set_new(p, "by_size", sizes_json(m));
	if (m->group_count)
		json_object_set_new(p, "by_groups", groups_json(r, m));
	return p;
}

json_t *sim_report_json(const struct sim_report *report)
{
	json_t *policies = json_object();
	int stock = sim_report_stock(report);
	char verdict[SIM_VERDICT_MAX];

	for (int i = 0; i < report->count; i++)
		if (json_object_set_new(policies, report->results[i].name,
					policy_json(report, i, stock))) {
			json_decref(policies);
			return NULL;
		}
	sim_report_verdict(report, verdict, sizeof(verdict));
	return json_pack("{s:o, s:o, s:s}", "inputs", inputs_json(report), "policies",
			 policies, "verdict", verdict);
}
