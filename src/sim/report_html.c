/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page for people: no script, nothing from outside. */
#include "config.h"

#include "sim/report_page.h"
#include "sim/report_svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REGRETS		20
#define TYPICAL_SLOTS	4096 /* different sets that are counted for "the most frequent" */
#define MAX_GRAPH_GPUS	16
#define MAX_GRAPH_SIZES 3

/* ---- parts
 * ------------------------------------------------------------------------------ */

static void put_title(const struct sim_report *r, FILE *out)
{
	char verdict[SIM_VERDICT_MAX];

	sim_report_verdict(r, verdict, sizeof(verdict));
	fputs("<h1>What another choice of GPUs would change</h1>\n"
	      "<p class=\"verdict\">",
	      out);
	sim_svg_text(out, verdict);
	fprintf(out, "</p>\n<p class=\"note\">%zu jobs of ", r->trace->count);
	sim_svg_text(out, r->trace_name);
	fprintf(out, " on %d nodes with %" PRId64 " GPUs (", r->layout->nodes,
		r->layout->gpus);
	sim_svg_text(out, r->topology_name);
	fprintf(out, "), scheduler %s.</p>\n", sim_sched_name(r->options->sched));
	if (r->options->slowdown > 0)
		fprintf(out,
			"<p class=\"warn\">An assumption is built in: run times grow by "
			"%g "
			"&times; (ideal / got &minus; 1). Waits and makespan depend on "
			"it.</p>\n",
			r->options->slowdown);
}

/* One table: the columns from first to last of a group of each policy's jobs. */
/* Of which jobs a table is: all, those with a choice, or those of one geometry. */
enum { PART_ALL = -1, PART_CHOICE = -2 };

static const struct sim_stats *stats_of(const struct sim_metrics *m, int part)
{
	if (part == PART_ALL)
		return &m->all;
	return part == PART_CHOICE ? &m->choice : &m->groups[part];
}

static void put_columns(const struct sim_report *r, enum sim_column_id first,
			enum sim_column_id last, int part, FILE *out)
{
	char text[SIM_CELL_MAX];

	fputs("<div class=\"wide\"><table>\n<tr><th>policy</th>", out);
	for (enum sim_column_id c = first; c <= last; c++)
		fprintf(out, "<th title=\"%s\">%s</th>", sim_columns[c].meaning,
			sim_columns[c].title);
	fputs("</tr>\n", out);
	for (int i = 0; i < r->count; i++) {
		const struct sim_metrics *m = &r->metrics[i];

		fputs("<tr><td>", out);
		sim_svg_text(out, r->results[i].name);
		fputs("</td>", out);
		for (enum sim_column_id c = first; c <= last; c++) {
			sim_column_text(c, m, stats_of(m, part), text);
			fprintf(out, "<td>%s</td>",
				strcmp(text, "-") != 0 ? text : "&ndash;");
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_legend(FILE *out)
{
	fputs("<details><summary>What the columns mean</summary>\n<dl>\n", out);
	for (int c = 0; c < SIM_COLUMNS; c++)
		fprintf(out, "<dt>%s</dt><dd>%s</dd>\n", sim_columns[c].title,
			sim_columns[c].meaning);
	fputs("</dl></details>\n", out);
}

static void put_summary(const struct sim_report *r, FILE *out)
{
	const struct sim_metrics *m = &r->metrics[sim_report_ours(r)];

	fprintf(out,
		"<h2>Bandwidth</h2>\n<p>Of the %" PRId64
		" jobs of two GPUs and more.</p>\n",
		m->all.jobs);
	put_columns(r, SIM_COLUMN_GBPS, SIM_COLUMN_HOURS_BELOW, PART_ALL, out);
	if (m->choice.jobs && m->choice.jobs < m->all.jobs) {
		fprintf(out,
			"<h2>Bandwidth where there was a choice</h2>\n<p>Of the %" PRId64
			" of these jobs whose size has better and worse sets.</p>\n",
			m->choice.jobs);
		put_columns(r, SIM_COLUMN_GBPS, SIM_COLUMN_HOURS_BELOW, PART_CHOICE, out);
	}
	for (int g = 0; g < m->group_count; g++) {
		char text[SIM_SHAPE_TEXT];

		fprintf(out,
			"<h2>Bandwidth of groups: %s</h2>\n<p>Of %" PRId64
			" jobs; what a job got is what its slowest group has.</p>\n",
			sim_shape_text(&r->trace->shapes[m->groups[g].shape], text),
			m->groups[g].jobs);
		put_columns(r, SIM_COLUMN_GBPS, SIM_COLUMN_HOURS_BELOW, g, out);
	}
	fputs("<h2>Time</h2>\n<p>Of all jobs.</p>\n", out);
	put_columns(r, SIM_COLUMN_WAIT, SIM_COLUMN_REJECTED, PART_ALL, out);
	put_legend(out);
}

static void put_band_legend(FILE *out, bool single)
{
	fputs("<p class=\"legend\">", out);
	for (int b = 0; b < SIM_BANDS; b++)
		fprintf(out, "<span><i style=\"background:%s\"></i>%s</span>",
			sim_band_colour(b), sim_band_name(b));
	if (single)
		fputs("<span><i class=\"one\"></i>one GPU</span>"
		      "<span><i class=\"idle\"></i>free</span>",
		      out);
	fputs("</p>\n", out);
}

static void put_gantts(const struct sim_report *r, FILE *out)
{
	fputs("<h2>Nodes over time</h2>\n<p>A row for each GPU of the first nodes; a job "
	      "has the "
	      "colour of the share of the ideal bandwidth that it got.</p>\n",
	      out);
	put_band_legend(out, true);
	for (int i = 0; i < r->count; i++) {
		fputs("<p><b>", out);
		sim_svg_text(out, r->results[i].name);
		fputs("</b></p>\n<div class=\"wide\">\n", out);
		sim_svg_gantt(r, i, out);
		fputs("</div>\n", out);
	}
}

/* ---- typical sets
 * ------------------------------------------------------------------------- */

/* The most frequent set of k GPUs on nodes of the first type; 0: none. *share: of them.
 */
static uint64_t typical_set(const struct sim_result *result, int k, double *share)
{
	uint64_t *set = calloc(TYPICAL_SLOTS, sizeof(*set)), best = 0;
	int64_t *count = calloc(TYPICAL_SLOTS, sizeof(*count)), total = 0, most = 0;

	for (size_t i = 0; set && count && i < result->place_count; i++) {
		const struct sim_place *p = &result->places[i];
		size_t at = (size_t)(p->mask * UINT64_C(0x9e3779b97f4a7c15) >> 52);

		if (result->layout->type_of[p->node] != 0 ||
		    __builtin_popcountll(p->mask) != k)
			continue;
		total++;
		for (int tries = 0; tries < 64 && set[at] && set[at] != p->mask; tries++)
			at = (at + 1) % TYPICAL_SLOTS;
		if (set[at] && set[at] != p->mask)
			continue;
		set[at] = p->mask;
		count[at]++;
		if (count[at] > most) {
			most = count[at];
			best = p->mask;
		}
	}
	free(set);
	free(count);
	*share = total ? (double)most / (double)total : 0;
	return best;
}

static void put_graphs(const struct sim_report *r, FILE *out)
{
	const struct sim_type *type = &r->layout->types[0];
	int drawn = 0;

	if (type->n > MAX_GRAPH_GPUS)
		return;
	fputs("<h2>Typical sets</h2>\n<p>The links of a node, and the set that each "
	      "policy gave "
	      "most often.</p>\n<div class=\"graphs\">\n",
	      out);
	for (int s = 0; s < r->metrics[0].size_count && drawn < MAX_GRAPH_SIZES; s++) {
		int k = r->metrics[0].sizes[s].gpus;

		if (k >= type->n)
			break;
		for (int i = 0; i < r->count; i++) {
			double share;
			uint64_t set = typical_set(&r->results[i], k, &share);

			if (!set)
				continue;
			fputs("<figure>", out);
			sim_svg_graph(type, set, out);
			fprintf(out, "<figcaption>%d GPUs, ", k);
			sim_svg_text(out, r->results[i].name);
			fprintf(out, "<br>%.0f %% of them</figcaption></figure>\n",
				100 * share);
		}
		drawn++;
	}
	fputs("</div>\n", out);
}

/* ---- jobs that lost
 * ------------------------------------------------------------------------ */

static void put_places(const struct sim_result *result, const struct sim_outcome *o,
		       FILE *out)
{
	char buf[GT_MASK_TEXT_MAX];

	for (int i = 0; i < o->places; i++) {
		const struct sim_place *p = &result->places[o->place + (unsigned)i];
		struct gt_mask mask = {.word = {p->mask}};

		fputs(i ? "; " : "", out);
		sim_svg_text(out, sim_result_name(result, p->node, buf, sizeof(buf)));
		fprintf(out, ":%s", gt_mask_format(&mask, buf, sizeof(buf)));
	}
}

static void put_wait(const struct sim_report *r, const struct sim_outcome *o, int32_t job,
		     FILE *out)
{
	fprintf(out, "<td>%.1f</td>",
		(double)(o->start_ms - r->trace->jobs[job].submit_ms) / 60000);
}

static void put_regret_row(const struct sim_report *r, int policy, int stock, int32_t job,
			   FILE *out)
{
	const struct sim_outcome *o = &r->results[policy].jobs[job];
	const struct sim_outcome *s = &r->results[stock].jobs[job];

	fputs("<tr><td>", out);
	sim_svg_text(out, sim_trace_text(r->trace, r->trace->jobs[job].id));
	fprintf(out, "</td><td>%d</td><td>%.4g</td><td>%.4g</td><td>%.4g</td>",
		r->trace->jobs[job].gpus, o->got_mbps / 1000.0, s->got_mbps / 1000.0,
		o->best_mbps / 1000.0);
	put_wait(r, o, job, out);
	put_wait(r, s, job, out);
	fputs("<td>", out);
	put_places(&r->results[policy], o, out);
	fputs("</td><td>", out);
	put_places(&r->results[stock], s, out);
	fputs("</td></tr>\n", out);
}

static void put_regrets(const struct sim_report *r, FILE *out)
{
	int stock = sim_report_stock(r), ours = sim_report_ours(r), count;
	int32_t worst[REGRETS + 1];
	struct sim_regret regret;

	if (stock < 0 || stock == ours)
		return;
	sim_regret_count(&regret, r->trace, &r->results[ours], &r->results[stock],
			 r->warmup_ms);
	count = sim_regret_list(r->trace, &r->results[ours], &r->results[stock],
				r->warmup_ms, worst, REGRETS);
	fputs("<h2>Jobs that got worse</h2>\n<p>Under ", out);
	sim_svg_text(out, r->results[ours].name);
	fprintf(out, " %" PRId64 " jobs got more bandwidth than under ", regret.better);
	sim_svg_text(out, r->results[stock].name);
	fprintf(out,
		", and %" PRId64 " got less; %" PRId64 " started sooner, and %" PRId64
		" later.%s</p>\n",
		regret.worse, regret.sooner, regret.later,
		count ? " Those that lost most bandwidth:" : "");
	if (!count)
		return;
	fputs("<div class=\"wide\"><table>\n<tr><th>job</th><th>GPUs</th><th>got, "
	      "GB/s</th><th>under stock, GB/s</th><th>best free then, GB/s</th>"
	      "<th>wait, min</th><th>under stock, min</th><th>its GPUs</th>"
	      "<th>stock's GPUs</th></tr>\n",
	      out);
	for (int i = 0; i < count; i++)
		put_regret_row(r, ours, stock, worst[i], out);
	fputs("</table></div>\n", out);
}

static void put_inputs(const struct sim_report *r, FILE *out)
{
	fputs("<h2>Inputs</h2>\n<div class=\"wide\"><table>\n<tr><td>trace</td><td>",
	      out);
	sim_svg_text(out, r->trace_name);
	fprintf(out, " (%s), hash %016" PRIx64 "</td></tr>\n", r->trace->format,
		r->trace->hash);
	fprintf(out, "<tr><td>nodes</td><td>hash %016" PRIx64 "</td></tr>\n",
		sim_layout_hash(r->layout));
	fprintf(out, "<tr><td>seed</td><td>%" PRIu64 "</td></tr>\n", r->options->seed);
	fprintf(out, "<tr><td>expected sizes</td><td>");
	sim_svg_text(out, r->mix ? r->mix : "learned from the jobs");
	fputs("</td></tr>\n", out);
	for (int reason = SIM_ROW_NO_GPU; reason < SIM_ROW_REASONS; reason++)
		if (r->trace->reason_count[reason]) {
			fprintf(out,
				"<tr><td>%s rows</td><td>%" PRId64
				": the row %s; first line %" PRId64,
				reason < SIM_ROW_BAD ? "ignored" : "bad",
				r->trace->reason_count[reason],
				sim_row_text((enum sim_row)reason),
				r->trace->reason_line[reason]);
			fputs(*r->trace->reason_detail[reason] ? ": " : "", out);
			sim_svg_text(out, r->trace->reason_detail[reason]);
			fputs("</td></tr>\n", out);
		}
	fprintf(out, "<tr><td>gputopo</td><td>%s</td></tr>\n</table></div>\n",
		gt_version());
}

void sim_report_html(const struct sim_report *report, FILE *out)
{
	sim_page_begin(out, "replay", SIM_SVG_WIDTH);
	put_title(report, out);
	put_summary(report, out);
	fputs("<h2>How much of the ideal bandwidth jobs got</h2>\n", out);
	put_band_legend(out, false);
	sim_svg_bands(report, out);
	fputs("<h2>By the size of the job</h2>\n<p>Mean bus bandwidth, GB/s.</p>\n", out);
	sim_svg_sizes(report, out);
	put_gantts(report, out);
	put_graphs(report, out);
	put_regrets(report, out);
	put_inputs(report, out);
	sim_page_end(out);
}
