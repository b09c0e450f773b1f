/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawings. Coordinates are those of the viewBox; the page scales them. */
#include "config.h"

#include "sim/report_svg.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WIDTH		SIM_SVG_WIDTH
#define LETTER		7.6 /* width of a label's, on a narrow screen */
#define MAX_LABEL	44
#define ROW		30
#define AXIS		54 /* left of the bars by size */
#define GANTT_NODES	6
#define GANTT_JOBS	400 /* about as many are shown */
#define GANTT_GPU	9   /* height of a GPU's row */
#define MAX_DRAWN_SIZES 8
#define GRAPH		200

static const struct {
	const char *name, *colour;
	double from;
} bands[SIM_BANDS] = {
	{"100 %", "#1f6f6b", .9995},   {"75 to 99 %", "#7cb9a8", .75},
	{"50 to 74 %", "#ecc94b", .5}, {"25 to 49 %", "#ed8936", .25},
	{"below 25 %", "#b83227", -1},
};

/* None is a band's: a policy is neither good nor bad. */
static const char *const policy_colours[] = {
	"#2b5f8f", "#8aa2c8", "#8d6e97", "#c9b3d4",
	"#7a6a58", "#c8b89a", "#4f5b66", "#aab4be",
};

#define COLOUR_COUNT (sizeof(policy_colours) / sizeof(policy_colours[0]))

const char *sim_band_name(int band)
{
	return bands[band].name;
}

const char *sim_band_colour(int band)
{
	return bands[band].colour;
}

static int band_of(const struct sim_outcome *o)
{
	double ratio = sim_outcome_ratio(o->got_mbps, o->ideal_mbps);
	int band = 0;

	while (band < SIM_BANDS - 1 && ratio < bands[band].from)
		band++;
	return band;
}

void sim_svg_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			/* control characters are no XML */
			putc((unsigned char)*text < ' ' ? ' ' : *text, out);
		}
}

static void begin(FILE *out, int width, int height, const char *title)
{
	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
		width, height, title);
}

static void label(FILE *out, double x, double y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	sim_svg_text(out, text);
	fputs("</text>\n", out);
}

/* ---- shares
 * ---------------------------------------------------------------------------- */

static void count_bands(const struct sim_report *r, int policy, int64_t *count,
			int64_t *total)
{
	const struct sim_result *result = &r->results[policy];

	memset(count, 0, SIM_BANDS * sizeof(*count));
	*total = 0;
	for (size_t i = 0; i < result->count; i++) {
		const struct sim_outcome *o = &result->jobs[i];

		if (!o->got_mbps || o->flags & SIM_REJECTED ||
		    r->trace->jobs[i].submit_ms < r->warmup_ms)
			continue;
		count[band_of(o)]++;
		++*total;
	}
}

/* Room for the longest name beside the bars. */
static double label_room(const struct sim_report *r)
{
	size_t longest = 0;

	for (int i = 0; i < r->count; i++) {
		size_t length = strlen(r->results[i].name);

		longest = length > longest ? length : longest;
	}
	longest = longest < MAX_LABEL ? longest : MAX_LABEL;
	return (double)longest * LETTER + 12;
}

void sim_svg_bands(const struct sim_report *r, FILE *out)
{
	double room = label_room(r), full = WIDTH - room - 10;

	begin(out, WIDTH, r->count * ROW + 6, "jobs by share of the ideal bandwidth");
	for (int i = 0; i < r->count; i++) {
		int64_t count[SIM_BANDS], total;
		double x = room, y = i * ROW + 4;

		count_bands(r, i, count, &total);
		label(out, room - 8, y + 16, "end", r->results[i].name);
		for (int b = 0; b < SIM_BANDS && total; b++) {
			double share = (double)count[b] / (double)total;

			fprintf(out,
				"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
				"height=\"22\" "
				"fill=\"%s\"><title>%s: %.1f %%</title></rect>\n",
				x, y, share * full, bands[b].colour, bands[b].name,
				100 * share);
			if (share > .06)
				fprintf(out,
					"<text x=\"%.1f\" y=\"%.1f\" "
					"text-anchor=\"middle\" "
					"class=\"%s\">%.0f %%</text>\n",
					x + share * full / 2, y + 16,
					b == 1 || b == 2 ? "dark" : "light", 100 * share);
			x += share * full;
		}
	}
	fputs("</svg>\n", out);
}

/* 1, 2 or 5 times a power of ten, at most five of which reach the value. */
static double scale_step(double value)
{
	static const double steps[] = {1, 2, 5, 10};
	double unit = pow(10, floor(log10(value > 0 ? value : 1)));

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (value / (unit / 10 * steps[i]) <= 5)
			return unit / 10 * steps[i];
	return value / (unit * 2) <= 5 ? unit * 2 : unit * 5;
}

/* Lines at each step above base, up to most. */
static void draw_scale(FILE *out, int base, double most)
{
	double step = scale_step(most);

	for (int i = 0; i * step <= most * 1.0001; i++) {
		double y = base - i * step / most * (base - 15);
		char text[24];

		fprintf(out,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" "
			"class=\"grid\"/>\n",
			AXIS, WIDTH - 5, y, y);
		snprintf(text, sizeof(text), "%.4g", i * step);
		label(out, AXIS - 4, y + 4, "end", text);
	}
}

/* The policies' bars of one size, each so wide, from left on. */
static void draw_bars(const struct sim_report *r, int size, double left, double bar,
		      int base, double most, FILE *out)
{
	for (int i = 0; i < r->count; i++) {
		const struct sim_stats *s = &r->metrics[i].sizes[size];
		double tall = s->mean_gbps / most * (base - 15);

		fprintf(out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
			"fill=\"%s\"><title>",
			left + i * bar, base - tall, bar - 1, tall,
			policy_colours[(size_t)i % COLOUR_COUNT]);
		sim_svg_text(out, r->results[i].name);
		fprintf(out, ", %d GPUs: %.1f GB/s, %.1f %% of ideal</title></rect>\n",
			s->gpus, s->mean_gbps, 100 * s->mean_idle);
	}
}

/* The largest mean of the sizes that are drawn. */
static double most_gbps(const struct sim_report *r, int sizes)
{
	double most = 0;

	for (int i = 0; i < r->count; i++)
		for (int s = 0; s < sizes; s++)
			if (r->metrics[i].sizes[s].mean_gbps > most)
				most = r->metrics[i].sizes[s].mean_gbps;
	return most > 0 ? most : 1;
}

static void put_policy_legend(const struct sim_report *r, FILE *out)
{
	fputs("<p class=\"legend\">", out);
	for (int i = 0; i < r->count; i++) {
		fprintf(out, "<span><i style=\"background:%s\"></i>",
			policy_colours[(size_t)i % COLOUR_COUNT]);
		sim_svg_text(out, r->results[i].name);
		fputs("</span>", out);
	}
	fputs("</p>\n", out);
}

void sim_svg_sizes(const struct sim_report *r, FILE *out)
{
	int sizes = r->metrics[0].size_count, height = 200, base = height - 40;
	double group, bar, most;

	sizes = sizes < MAX_DRAWN_SIZES ? sizes : MAX_DRAWN_SIZES;
	most = most_gbps(r, sizes);
	fputs("<div class=\"wide\">\n", out);
	begin(out, WIDTH, height, "mean GB/s by job size");
	group = (double)(WIDTH - AXIS - 16) / (sizes ? sizes : 1);
	bar = group * .8 / r->count;
	bar = bar < 34 ? bar : 34;
	draw_scale(out, base, most);
	for (int s = 0; s < sizes; s++) {
		double middle = AXIS + 6 + (s + .5) * group;
		char text[32];

		draw_bars(r, s, middle - bar * r->count / 2, bar, base, most, out);
		snprintf(text, sizeof(text), "%d GPUs", r->metrics[0].sizes[s].gpus);
		label(out, middle, height - 20, "middle", text);
	}
	fputs("</svg>\n</div>\n", out);
	put_policy_legend(r, out);
}

/* ---- nodes over time
 * -------------------------------------------------------------------- */

/* The window that shows about GANTT_JOBS jobs of the first nodes, in the trace's middle.
 */
static void find_window(const struct sim_result *result, int nodes, int64_t *from,
			int64_t *to)
{
	size_t here = 0, first = 0, shown = 0;

	for (size_t i = 0; i < result->place_count; i++)
		here += result->places[i].node < nodes;
	*from = result->first_ms;
	*to = result->last_ms;
	if (here <= GANTT_JOBS)
		return;
	first = (here - GANTT_JOBS) / 2;
	for (size_t i = 0; i < result->count; i++) {
		const struct sim_outcome *o = &result->jobs[i];

		if (!o->places || result->places[o->place].node >= nodes)
			continue;
		if (shown == first)
			*from = o->start_ms;
		if (shown == first + GANTT_JOBS) {
			*to = o->start_ms > *from ? o->start_ms : *from + 1;
			break;
		}
		shown++;
	}
}

static void draw_job(const struct sim_report *r, const struct sim_result *result,
		     size_t i, int nodes, const double *top, int64_t from, int64_t to,
		     FILE *out)
{
	const struct sim_outcome *o = &result->jobs[i];
	double scale = (double)(WIDTH - 70) / (double)(to - from);
	int64_t a = o->start_ms > from ? o->start_ms : from;
	int64_t b = o->end_ms < to ? o->end_ms : to;

	if (o->flags & SIM_REJECTED || a >= b)
		return;
	for (int p = 0; p < o->places; p++) {
		const struct sim_place *place = &result->places[o->place + (unsigned)p];

		if (place->node >= nodes)
			continue;
		if (o->got_mbps)
			fprintf(out, "<path fill=\"%s\" d=\"", bands[band_of(o)].colour);
		else
			fputs("<path class=\"one\" d=\"", out);
		for (uint64_t left = place->mask; left; left &= left - 1)
			fprintf(out, "M%.2f %.1fh%.2fv%dh-%.2fz",
				65 + (double)(a - from) * scale,
				top[place->node] + __builtin_ctzll(left) * GANTT_GPU,
				(double)(b - a) * scale, GANTT_GPU - 1,
				(double)(b - a) * scale);
		fputs("\"><title>", out);
		sim_svg_text(out, sim_trace_text(r->trace, r->trace->jobs[i].id));
		fprintf(out, ": %d GPUs, %.4g of %.4g GB/s</title></path>\n",
			r->trace->jobs[i].gpus, o->got_mbps / 1000.0,
			o->ideal_mbps / 1000.0);
	}
}

void sim_svg_gantt(const struct sim_report *r, int policy, FILE *out)
{
	const struct sim_result *result = &r->results[policy];
	int nodes = r->layout->nodes < GANTT_NODES ? r->layout->nodes : GANTT_NODES;
	double top[GANTT_NODES], height = 4;
	int64_t from, to;
	char text[64];

	for (int i = 0; i < nodes; i++) {
		top[i] = height;
		height += sim_layout_type(r->layout, i)->n * GANTT_GPU + 8;
	}
	/* the same for all policies, so that they can be compared */
	find_window(&r->results[0], nodes, &from, &to);
	if (to <= from)
		to = from + 1;
	begin(out, WIDTH, (int)height + 20, "GPUs of the first nodes over time");
	for (int i = 0; i < nodes; i++) {
		int n = sim_layout_type(r->layout, i)->n;
		char buf[64];

		label(out, 58, top[i] + n * GANTT_GPU / 2.0 + 4, "end",
		      sim_result_name(result, i, buf, sizeof(buf)));
		fprintf(out,
			"<rect x=\"65\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
			"class=\"idle\"/>\n",
			top[i], WIDTH - 70, n * GANTT_GPU);
	}
	for (size_t i = 0; i < result->count; i++)
		draw_job(r, result, i, nodes, top, from, to, out);
	snprintf(text, sizeof(text), "hour %.1f",
		 (double)(from - result->first_ms) / 3600000);
	label(out, 65, height + 14, "start", text);
	snprintf(text, sizeof(text), "hour %.1f",
		 (double)(to - result->first_ms) / 3600000);
	label(out, WIDTH - 5, height + 14, "end", text);
	fputs("</svg>\n", out);
}

/* ---- a node's links
 * ---------------------------------------------------------------------- */

static void place_of(int n, int gpu, double *x, double *y)
{
	double angle = 6.283185307 * gpu / n - 1.570796327;

	*x = GRAPH / 2.0 + 76 * cos(angle);
	*y = GRAPH / 2.0 + 76 * sin(angle);
}

static void draw_link(const struct sim_type *type, int a, int b, bool marked, FILE *out)
{
	int links = gt_node_links(type->node, a, b);
	double ax, ay, bx, by;

	if (links <= 0)
		return;
	place_of(type->n, a, &ax, &ay);
	place_of(type->n, b, &bx, &by);
	fprintf(out,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\" "
		"stroke-width=\"%.1f\"/>\n",
		ax, ay, bx, by, marked ? "mark" : "link",
		1 + 1.4 * (links < 4 ? links : 4));
}

void sim_svg_graph(const struct sim_type *type, uint64_t marked, FILE *out)
{
	begin(out, GRAPH, GRAPH, "links of the node");
	for (int round = 0; round < 2; round++)
		for (int a = 0; a < type->n; a++)
			for (int b = a + 1; b < type->n; b++) {
				bool both = marked >> a & marked >> b & 1;

				if (both == (round == 1))
					draw_link(type, a, b, both, out);
			}
	for (int g = 0; g < type->n; g++) {
		bool in = marked >> g & 1;
		char text[16];
		double x, y;

		place_of(type->n, g, &x, &y);
		fprintf(out,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"12\" class=\"gpu%s\"/>\n", x,
			y, in ? " in" : "");
		snprintf(text, sizeof(text), "%d", g);
		fprintf(out,
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" "
			"class=\"%s\">%s</text>\n",
			x, y + 4, in ? "light" : "", text);
	}
	fputs("</svg>\n", out);
}
