/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The summary as a table for people. */
#include "config.h"

#include "sim/report.h"

#include <inttypes.h>

static void put_share(FILE *out, double share, bool known)
{
	if (known)
		fprintf(out, " %8.1f %%", 100 * share);
	else
		fprintf(out, " %8s  ", "-");
}

/* Seconds in the unit that suits them. */
static void put_time(FILE *out, double s)
{
	if (s < 600)
		fprintf(out, " %8.0f s", s);
	else if (s < 36000)
		fprintf(out, " %6.1f min", s / 60);
	else
		fprintf(out, " %8.1f h", s / 3600);
}

static void put_policy(const struct sim_report *r, int i, FILE *out)
{
	const struct sim_metrics *m = &r->metrics[i];
	bool known = m->all.jobs > 0;

	fprintf(out, "%-22s", r->results[i].name);
	put_share(out, m->all.mean_idle, known);
	put_share(out, m->all.p5_idle, known);
	put_share(out, m->all.mean_free, known);
	put_share(out, m->all.no_ring_share, known);
	fprintf(out, " %8" PRId64, m->all.ring_lost);
	put_time(out, m->wait_mean_s);
	put_time(out, m->wait_p95_s);
	put_share(out, m->utilisation_submit, true);
	fprintf(out, " %8" PRId64 "\n", m->rejected);
}

static void put_sizes(const struct sim_report *r, FILE *out)
{
	const struct sim_metrics *first = &r->metrics[0];

	fprintf(out,
		"\nMean share of the idle node's bandwidth, by GPUs of the job\n%-22s",
		"policy");
	for (int s = 0; s < first->size_count && s < 8; s++)
		fprintf(out, " %8d  ", first->sizes[s].gpus);
	putc('\n', out);
	for (int i = 0; i < r->count; i++) {
		fprintf(out, "%-22s", r->results[i].name);
		for (int s = 0; s < r->metrics[i].size_count && s < 8; s++)
			put_share(out, r->metrics[i].sizes[s].mean_idle,
				  r->metrics[i].sizes[s].jobs > 0);
		putc('\n', out);
	}
	if (first->size_count > 8)
		fprintf(out, "(%d more sizes stand in the summary)\n",
			first->size_count - 8);
}

static void put_regret(const struct sim_report *r, FILE *out)
{
	int stock = sim_report_stock(r);

	if (stock < 0 || r->count < 2)
		return;
	putc('\n', out);
	for (int i = 0; i < r->count; i++) {
		struct sim_regret regret;

		if (i == stock)
			continue;
		sim_regret_count(&regret, r->trace, &r->results[i], &r->results[stock],
				 r->warmup_ms);
		fprintf(out,
			"%s against %s: %" PRId64 " jobs better, %" PRId64 " worse\n",
			r->results[i].name, r->results[stock].name, regret.better,
			regret.worse);
	}
}

static void put_decisions(const struct sim_report *r, FILE *out)
{
	putc('\n', out);
	for (int i = 0; i < r->count; i++)
		fprintf(out,
			"%-22s %" PRId64
			" decisions, %.0f ns each, %.2f million a second\n",
			r->results[i].name, r->metrics[i].decisions,
			r->metrics[i].decision_ns,
			r->metrics[i].decision_ns > 0 ? 1e3 / r->metrics[i].decision_ns
						      : 0);
}

void sim_report_table(const struct sim_report *r, FILE *out)
{
	fprintf(out,
		"%zu jobs on %d nodes, %" PRId64 " GPUs (%s), %s, seed %" PRIu64 "\n",
		r->trace->count, r->layout->nodes, r->layout->gpus, r->topology_name,
		sim_sched_name(r->options->sched), r->options->seed);
	if (sim_layout_is_uniform(r->layout))
		fputs(SIM_UNIFORM_TEXT "\n", out);
	if (r->options->slowdown > 0)
		fprintf(out, "ASSUMED: run times grow by %g x (ideal / got - 1)\n",
			r->options->slowdown);
	fprintf(out, "\n%-22s %10s %10s %10s %10s %8s %10s %10s %10s %8s\n", "policy",
		"of ideal", "5th perc.", "of free", "no ring", "lost", "wait", "wait p95",
		"busy", "rejected");
	for (int i = 0; i < r->count; i++)
		put_policy(r, i, out);
	put_sizes(r, out);
	put_regret(r, out);
	if (r->options->times_decisions)
		put_decisions(r, out);
}
