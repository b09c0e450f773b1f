/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nodes_html.c - gputopo nodes as a page of its own: no script, nothing fetched, readable
 * on a phone. Called by cmd_nodes.c.
 */
#include "config.h"

#include "cli/nodes.h"
#include "sim/report_svg.h"

#include <string.h>
#include <time.h>

static const char style[] =
	":root{color-scheme:light dark}"
	"body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:72rem;"
	"padding:1rem}"
	"h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.4rem 0 .4rem}"
	"p{margin:.3rem 0}.note{opacity:.75;font-size:.9rem}"
	".scroll{overflow-x:auto}"
	"table{border-collapse:collapse;width:100%}"
	"th,td{padding:.3rem .55rem;text-align:right;border-bottom:1px solid #8884;"
	"white-space:nowrap;font-variant-numeric:tabular-nums}"
	"th:first-child,td:first-child{text-align:left;white-space:normal;"
	"overflow-wrap:anywhere;min-width:6rem}"
	"th{font-weight:600}"
	".full{background:#2a8f4f33}.less{background:#d99a0040}.none{background:#"
	"c0392b2e}"
	".unknown{opacity:.6}"
	".bar{display:inline-flex;gap:2px;vertical-align:middle}"
	".bar i{width:9px;height:14px;border:1px solid #8889;border-radius:2px;"
	"box-sizing:border-box}.bar i.busy{background:#8889}"
	".bar i.free{background:#2a8f4f}.bar i.off{border-style:dashed}"
	"@media(max-width:560px){body{padding:.6rem;font-size:14px}"
	"table,tbody,tr,td{display:block}thead{display:none}"
	"tr{border:1px solid #8886;border-radius:6px;margin:.5rem 0;padding:.3rem .5rem}"
	"td,td:first-child{border:0;text-align:left;padding:.1rem .2rem;display:flex;"
	"justify-content:space-between;gap:1rem;min-width:0}"
	"td:first-child{font-weight:600}"
	"td:empty{display:none}td[data-h]::before{content:attr(data-h);opacity:.75}}";

static const char *const grades[] = {
	[NODES_FULL] = "full",
	[NODES_LESS] = "less",
	[NODES_NONE] = "none",
	[NODES_UNKNOWN] = "unknown",
};

static void put_types(const struct nodes_view *view, FILE *out)
{
	fputs("<h2>Node types</h2><div class=scroll><table><thead><tr><th>Type<th>Nodes"
	      "<th>Up<th>GPUs free<th>Whole nodes",
	      out);
	for (int s = 0; s < NODES_SIZES; s++)
		fprintf(out, "<th>%d GPUs", nodes_sizes[s]);
	fputs("</tr></thead><tbody>\n", out);
	for (int t = 0; t < view->types; t++) {
		const struct nodes_type *type = &view->type[t];

		fputs("<tr><td>", out);
		sim_svg_text(out, type->kind->label);
		fprintf(out,
			"<td data-h=Nodes>%d<td data-h=Up>%d<td data-h=\"GPUs free\">%d "
			"of "
			"%d<td data-h=\"Whole nodes\">%d",
			type->nodes, type->usable, type->free, type->gpus, type->whole);
		for (int s = 0; s < NODES_SIZES; s++) {
			fprintf(out, "<td data-h=\"%d GPUs\">", nodes_sizes[s]);
			if (nodes_type_has(type, s))
				fprintf(out, "%d full, %d less", type->full[s],
					type->less[s]);
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

/* A square for each GPU, of one node. */
static void put_gpus(const struct nodes_row *row, FILE *out)
{
	const struct live_node *node = row->node[0];

	if (row->nodes > 1 || node->counted || row->gpus > 16)
		return;
	fputs("<span class=bar>", out);
	for (int g = 0; g < node->kind->gpus; g++)
		if (node->kind->whole >> g & 1)
			fprintf(out, "<i class=%s title=\"GPU %d\"></i>",
				node->taken >> g & 1 ? "busy"
				: node->usable	     ? "free"
						     : "off",
				g);
	fputs("</span> ", out);
}

static void put_rows(const struct nodes_view *view, FILE *out)
{
	bool mig = false;
	char buf[96], set[256];

	for (int i = 0; i < view->rows; i++)
		mig |= view->row[i].slices || view->row[i].instances;
	fputs("<h2>Nodes</h2><div class=scroll><table><thead><tr><th>Nodes<th>State"
	      "<th>GPUs free",
	      out);
	for (int s = 0; s < NODES_SIZES; s++)
		fprintf(out, "<th>%d GPUs", nodes_sizes[s]);
	fputs(mig ? "<th>MIG</tr></thead><tbody>\n" : "</tr></thead><tbody>\n", out);
	for (int i = 0; i < view->rows; i++) {
		const struct nodes_row *row = &view->row[i];

		fputs("<tr><td>", out);
		sim_svg_text(out, row->hosts);
		fputs("<td data-h=State>", out);
		sim_svg_text(out, row->state);
		fputs("<td data-h=\"GPUs free\"><span>", out);
		put_gpus(row, out);
		fprintf(out, "%d of %d</span>", row->free, row->gpus);
		for (int s = 0; s < NODES_SIZES; s++) {
			nodes_cell(row, s, buf, sizeof(buf));
			fprintf(out, "<td data-h=\"%d GPUs\"", nodes_sizes[s]);
			if (*buf)
				fprintf(out, " class=%s", grades[nodes_grade(row, s)]);
			if (row->nodes == 1 && row->set[s].bits)
				fprintf(out, " title=\"GPUs %s\"",
					live_bits(row->set[s].bits, set, sizeof(set)));
			fputc('>', out);
			sim_svg_text(out, buf);
		}
		if (mig) {
			fputs("<td data-h=MIG>", out);
			sim_svg_text(out, nodes_mig(row, buf, sizeof(buf)));
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

void nodes_html(const struct nodes_view *view, FILE *out)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", localtime_r(&now, &tm));
	fputs("<!doctype html><html lang=en><head><meta charset=utf-8><meta "
	      "name=viewport "
	      "content=\"width=device-width,initial-scale=1\"><title>GPUs of ",
	      out);
	sim_svg_text(out, view->live->cluster ? view->live->cluster : "the cluster");
	fprintf(out, "</title><style>%s</style></head><body>\n<h1>GPUs of ", style);
	sim_svg_text(out, view->live->cluster ? view->live->cluster : "the cluster");
	fprintf(out, "</h1><p>%s, gputopo %s", when, gt_version());
	put_types(view, out);
	put_rows(view, out);
	fputs("<p class=note>Figures are GB/s of bus bandwidth: the best free set / the "
	      "best set of the idle node. Green: as on the idle node; yellow: less; red: "
	      "no such set is free. MIG: free / all memory slices, or with i "
	      "instances.</p></body></html>\n",
	      out);
}
