/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The summary as tables for people, on a terminal. */
#include "config.h"

#include "sim/report.h"

#include <inttypes.h>

#define SIZES_SHOWN 8

/* One table: the columns from first to last of a group of each policy's jobs. */
static void put_columns(const struct sim_report *r, enum sim_column_id first,
			enum sim_column_id last, bool choice, FILE *out)
{
	char text[SIM_CELL_MAX];

	fprintf(out, "%-22s", "policy");
	for (enum sim_column_id c = first; c <= last; c++)
		fprintf(out, " %10s", sim_columns[c].name);
	putc('\n', out);
	for (int i = 0; i < r->count; i++) {
		const struct sim_metrics *m = &r->metrics[i];

		fprintf(out, "%-22s", r->results[i].name);
		for (enum sim_column_id c = first; c <= last; c++) {
			sim_column_text(c, m, choice ? &m->choice : &m->all, text);
			fprintf(out, " %10s", text);
		}
		putc('\n', out);
	}
}

static void put_bandwidth(const struct sim_report *r, FILE *out)
{
	const struct sim_metrics *m = &r->metrics[sim_report_ours(r)];

	fprintf(out, "\nBandwidth of the %" PRId64 " jobs of 2 GPUs and more\n",
		m->all.jobs);
	put_columns(r, SIM_COLUMN_GBPS, SIM_COLUMN_HOURS_BELOW, false, out);
	if (!m->choice.jobs || m->choice.jobs == m->all.jobs)
		return;
	fprintf(out,
		"\nBandwidth of the %" PRId64
		" of them that had a choice: sets of their size differ\n",
		m->choice.jobs);
	put_columns(r, SIM_COLUMN_GBPS, SIM_COLUMN_HOURS_BELOW, true, out);
}

/* GB/s and shares of the ideal by job size. */
static void put_sizes(const struct sim_report *r, bool shares, FILE *out)
{
	const struct sim_metrics *first = &r->metrics[0];

	if (!first->size_count)
		return;
	fprintf(out, "\n%s by GPUs of the job\n%-22s",
		shares ? "Mean share of the ideal" : "Mean GB/s", "policy");
	for (int s = 0; s < first->size_count && s < SIZES_SHOWN; s++)
		fprintf(out, " %10d", first->sizes[s].gpus);
	putc('\n', out);
	for (int i = 0; i < r->count; i++) {
		const struct sim_metrics *m = &r->metrics[i];

		fprintf(out, "%-22s", r->results[i].name);
		for (int s = 0; s < m->size_count && s < SIZES_SHOWN; s++) {
			char text[SIM_CELL_MAX];

			sim_column_text(shares ? SIM_COLUMN_IDEAL : SIM_COLUMN_GBPS, m,
					&m->sizes[s], text);
			fprintf(out, " %10s", text);
		}
		putc('\n', out);
	}
	if (first->size_count > SIZES_SHOWN)
		fprintf(out, "(the summary has %d more sizes)\n",
			first->size_count - SIZES_SHOWN);
}

/* The slowest group's GB/s by geometry, and in brackets its share of the ideal. */
static void put_groups(const struct sim_report *r, FILE *out)
{
	int shown = r->metrics[0].group_count;

	if (!shown)
		return;
	shown = shown < SIZES_SHOWN ? shown : SIZES_SHOWN;
	fprintf(out,
		"\nMean GB/s of the slowest group, and its share of the ideal\n%-22s",
		"policy");
	for (int g = 0; g < shown; g++) {
		char text[SIM_SHAPE_TEXT];

		sim_shape_text(&r->trace->shapes[r->metrics[0].groups[g].shape], text);
		fprintf(out, " %16.16s", text);
	}
	putc('\n', out);
	for (int i = 0; i < r->count; i++) {
		fprintf(out, "%-22s", r->results[i].name);
		for (int g = 0; g < shown; g++) {
			const struct sim_stats *s = &r->metrics[i].groups[g];
			char gbps[SIM_CELL_MAX], share[SIM_CELL_MAX];

			sim_column_text(SIM_COLUMN_GBPS, &r->metrics[i], s, gbps);
			sim_column_text(SIM_COLUMN_IDEAL, &r->metrics[i], s, share);
			fprintf(out, " %9s %6s", gbps, share);
		}
		putc('\n', out);
	}
	if (r->metrics[0].group_count > shown)
		fprintf(out, "(the summary has %d more)\n",
			r->metrics[0].group_count - shown);
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
			"%s against %s: %" PRId64 " jobs better, %" PRId64
			" worse; %" PRId64 " sooner, %" PRId64 " later\n",
			r->results[i].name, r->results[stock].name, regret.better,
			regret.worse, regret.sooner, regret.later);
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

static void put_legend(FILE *out)
{
	fputs("\nColumns\n", out);
	for (int c = 0; c < SIM_COLUMNS; c++)
		fprintf(out, "  %-10s %s\n", sim_columns[c].name, sim_columns[c].meaning);
}

void sim_report_table(const struct sim_report *r, FILE *out)
{
	char verdict[SIM_VERDICT_MAX];

	sim_report_verdict(r, verdict, sizeof(verdict));
	fprintf(out,
		"%s\n\n%zu jobs on %d nodes, %" PRId64 " GPUs (%s), %s, seed %" PRIu64
		"\n",
		verdict, r->trace->count, r->layout->nodes, r->layout->gpus,
		r->topology_name, sim_sched_name(r->options->sched), r->options->seed);
	if (r->options->slowdown > 0)
		fprintf(out, "ASSUMED: run times grow by %g x (ideal / got - 1)\n",
			r->options->slowdown);
	put_bandwidth(r, out);
	fputs("\nTime, all jobs\n", out);
	put_columns(r, SIM_COLUMN_WAIT, SIM_COLUMN_REJECTED, false, out);
	put_sizes(r, false, out);
	put_sizes(r, true, out);
	put_groups(r, out);
	put_regret(r, out);
	if (r->options->times_decisions)
		put_decisions(r, out);
	put_legend(out);
}
