/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node as SVG. Every socket is a box with its GPUs in a row; boxes of the first half
 * stand side by side above the switch fabrics, the others below. Links inside a half are
 * arcs on its outer side, links between the halves run straight, so that a cube mesh
 * reads as one.
 */
#include "config.h"

#include "cli/draw.h"
#include "sim/report_svg.h"

#include <stdlib.h>
#include <string.h>

enum {
	GPU_W = 76, /* a GPU's rectangle */
	GPU_H = 40,
	STEP_X = 128,  /* from GPU to GPU */
	STEP_Y = 64,   /* from row to row, where a box has several */
	ROW_MAX = 8,   /* GPUs in a row */
	PAD = 24,      /* inside a box */
	BESIDE = 16,   /* between boxes of one half */
	ARC_STEP = 26, /* how much higher an arc over one more GPU is */
	ARC_MIN = 30,
	GAP = 84, /* between the halves, where links cross */
	GAP_EMPTY = 24,
	BAR_H = 34, /* a switch fabric */
	BAR_GAP = 56,
	HEAD = 56, /* the title's share */
	FOOT = 64, /* the legend's */
	MARGIN = 28,
	LEGEND_MAX = 6, /* kinds of lines that the legend explains */
};

#define WIDTH_MAX 10.0 /* of the widest line */
#define WIDTH_MIN 1.5
#define NIC_W	  112 /* a network card */
#define NIC_H	  38

struct place {
	int x, y;	 /* the centre */
	int row, column; /* in the box */
};

struct box {
	int gpus, rows, columns;
	int x, w; /* outer edge */
	int half;
};

/* The boxes above the fabrics, or below. */
struct half {
	int w;
	int y, h; /* outer edge of all its boxes */
	int rows;
	int arcs; /* room for arcs */
	int side; /* -1: arcs go up, 1: down */
};

struct svg {
	FILE *out;
	const struct gt_node *node;
	const struct draw_mark *mark;
	struct draw_boxes boxes;
	struct place place[GT_MAX_GPUS];
	struct box box[GT_MAX_GPUS];
	struct half half[2];
	int islands;
	int bar_y; /* of the first fabric */
	int nic_y; /* of the first row of cards */
	int width, height;
	int widest_mbps;
	bool links; /* the node has some; else PCIe paths are drawn */
};

/* ---- what is drawn ---- */

static bool is_marked(const struct svg *svg, int a)
{
	return gt_mask_has(&svg->mark->gpus, a);
}

static bool same_island(const struct gt_node *node, int a, int b)
{
	return gt_node_gpu(node, a)->island >= 0 &&
	       gt_node_gpu(node, a)->island == gt_node_gpu(node, b)->island;
}

/* Whether there is a line between the two. Links outside fabrics; without any links, what
 * one PCIe switch joins. */
static bool has_line(const struct svg *svg, int a, int b)
{
	if (svg->links)
		return gt_node_links(svg->node, a, b) > 0 &&
		       !same_island(svg->node, a, b);
	return gt_node_path(svg->node, a, b) == GT_PATH_PIX;
}

static int line_mbps(const struct svg *svg, int a, int b)
{
	return gt_node_pair_mbps(svg->node, a, b);
}

static int port_mbps(const struct svg *svg, int a)
{
	const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);

	return gpu->switch_links * gpu->link_mbps;
}

static void survey(struct svg *svg)
{
	int n = gt_node_size(svg->node);

	svg->links = gt_node_fabric(svg->node) != GT_FABRIC_PCIE;
	for (int a = 0; a < n; a++) {
		const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);

		if (gpu->island >= svg->islands)
			svg->islands = gpu->island + 1;
		if (port_mbps(svg, a) > svg->widest_mbps)
			svg->widest_mbps = port_mbps(svg, a);
		for (int b = 0; b < a; b++)
			if (has_line(svg, a, b) &&
			    line_mbps(svg, a, b) > svg->widest_mbps)
				svg->widest_mbps = line_mbps(svg, a, b);
	}
}

static double line_width(const struct svg *svg, int mbps)
{
	return WIDTH_MIN + (WIDTH_MAX - WIDTH_MIN) * mbps / (svg->widest_mbps + 1.0);
}

/* ---- layout ---- */

static struct half *half_of(struct svg *svg, int a)
{
	return &svg->half[svg->box[svg->boxes.box[a]].half];
}

/* GPUs that an arc has to pass over, 0 for neighbours and for GPUs of different rows. */
static int arc_span(struct svg *svg, int a, int b)
{
	const struct place *pa = &svg->place[a], *pb = &svg->place[b];
	int span = (abs(pa->x - pb->x) + STEP_X / 2) / STEP_X;

	if (half_of(svg, a) != half_of(svg, b) || pa->row != pb->row)
		return 0;
	return span > 1 ? span : 0;
}

static void fill_boxes(struct svg *svg)
{
	for (int i = 0; i < gt_node_size(svg->node); i++) {
		struct box *box = &svg->box[svg->boxes.box[i]];

		svg->place[i].row = box->gpus / ROW_MAX;
		svg->place[i].column = box->gpus % ROW_MAX;
		box->gpus++;
	}
	for (int b = 0; b < svg->boxes.count; b++) {
		struct box *box = &svg->box[b];
		struct half *half = &svg->half[b < (svg->boxes.count + 1) / 2 ? 0 : 1];

		box->half = (int)(half - svg->half);
		box->columns = box->gpus < ROW_MAX ? box->gpus : ROW_MAX;
		box->rows = (box->gpus + ROW_MAX - 1) / ROW_MAX;
		box->w = box->columns * STEP_X + PAD;
		box->x = half->w + (half->w ? BESIDE : 0);
		half->w = box->x + box->w;
		if (box->rows > half->rows)
			half->rows = box->rows;
	}
}

/* From left to right, both halves in the middle of the picture. */
static void place_across(struct svg *svg)
{
	int widest = svg->half[0].w > svg->half[1].w ? svg->half[0].w : svg->half[1].w;

	if (widest < 3 * STEP_X)
		widest = 3 * STEP_X;
	svg->width = widest + 2 * MARGIN;
	for (int b = 0; b < svg->boxes.count; b++)
		svg->box[b].x += (svg->width - svg->half[svg->box[b].half].w) / 2;
	for (int i = 0; i < gt_node_size(svg->node); i++) {
		const struct box *box = &svg->box[svg->boxes.box[i]];

		svg->place[i].x =
			box->x + PAD / 2 + STEP_X / 2 + svg->place[i].column * STEP_X;
	}
}

/* Room for arcs; whether lines cross between the halves. */
static bool measure_lines(struct svg *svg)
{
	bool cross = false;

	for (int a = 0; a < gt_node_size(svg->node); a++)
		for (int b = 0; b < a; b++) {
			struct half *half = half_of(svg, a);
			int span = arc_span(svg, a, b);

			if (!has_line(svg, a, b))
				continue;
			cross = cross || half != half_of(svg, b);
			if (span && ARC_MIN + span * ARC_STEP > half->arcs)
				half->arcs = ARC_MIN + span * ARC_STEP;
		}
	return cross;
}

static void place_half(struct svg *svg, int h, int *y)
{
	struct half *half = &svg->half[h];
	int first = *y + PAD + GPU_H / 2 + (h == 0 ? half->arcs + 12 : 0);

	half->y = *y;
	half->side = h == 0 ? -1 : 1;
	half->h = 2 * PAD + (half->rows - 1) * STEP_Y + GPU_H + half->arcs + 12;
	for (int i = 0; i < gt_node_size(svg->node); i++)
		if (svg->box[svg->boxes.box[i]].half == h)
			svg->place[i].y = first + svg->place[i].row * STEP_Y;
	*y += half->h;
}

static int nics_a_row(const struct svg *svg)
{
	int count = (svg->width - 2 * MARGIN + 8) / (NIC_W + 8);

	return count > 0 ? count : 1;
}

static void lay_out(struct svg *svg)
{
	int y = HEAD;
	bool cross;

	fill_boxes(svg);
	place_across(svg);
	cross = measure_lines(svg);
	if (svg->boxes.count)
		place_half(svg, 0, &y);
	if (svg->islands) {
		svg->bar_y = y + BAR_GAP;
		y += svg->islands * (BAR_H + BAR_GAP) + BAR_GAP / 2;
	} else if (svg->boxes.count > 1) {
		y += cross ? GAP : GAP_EMPTY;
	}
	if (svg->boxes.count > 1)
		place_half(svg, 1, &y);
	svg->nic_y = y + PAD;
	if (gt_node_nic_count(svg->node))
		y += PAD + (gt_node_nic_count(svg->node) + nics_a_row(svg) - 1) /
				   nics_a_row(svg) * (NIC_H + 8);
	svg->height = y + FOOT;
}

/* ---- drawing ---- */

static void put_head(struct svg *svg)
{
	char title[256];

	fprintf(svg->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Helvetica, "
		"sans-serif\" "
		"font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" "
		"fill=\"#ffffff\"/>\n",
		svg->width, svg->height, svg->width, svg->height);
	draw_title(svg->node, title, sizeof(title));
	fprintf(svg->out,
		"<text x=\"%d\" y=\"34\" font-size=\"18\" font-weight=\"bold\" "
		"fill=\"#1f2933\">",
		MARGIN);
	sim_svg_text(svg->out, title);
	fputs("</text>\n", svg->out);
}

static void put_boxes(struct svg *svg)
{
	for (int b = 0; b < svg->boxes.count; b++) {
		const struct box *box = &svg->box[b];
		const struct half *half = &svg->half[box->half];
		int text_y = half->side < 0 ? half->y + 18 : half->y + half->h - 8;

		fprintf(svg->out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\" "
			"fill=\"#f4f6f8\" stroke=\"#c3ccd5\"/>\n",
			box->x, half->y, box->w, half->h);
		if (svg->boxes.word[0])
			fprintf(svg->out,
				"<text x=\"%d\" y=\"%d\" fill=\"#66727f\">%s %d</text>\n",
				box->x + 12, text_y, svg->boxes.word, svg->boxes.key[b]);
	}
}

/* marked: one of the group, whose colour it has; GT_UNKNOWN: none. */
static const char *line_colour(const struct svg *svg, int marked)
{
	if (marked >= 0)
		return draw_mark_line(svg->mark, marked);
	return svg->links ? "#3b7dd8" : "#8a97a5";
}

static void put_line(struct svg *svg, int a, int b)
{
	const struct place *pa = &svg->place[a], *pb = &svg->place[b];
	bool marked = draw_mark_joins(svg->mark, a, b);
	int span = arc_span(svg, a, b), side = half_of(svg, a)->side;
	int y = pa->y + side * GPU_H / 2;
	/* a cubic's top is at three quarters of its control points */
	int control = y + side * ((ARC_MIN + span * ARC_STEP) * 4 / 3 - ARC_STEP / 2);

	if (span)
		fprintf(svg->out, "<path d=\"M%d %d C%d %d %d %d %d %d", pa->x, y, pa->x,
			control, pb->x, control, pb->x, y);
	else
		fprintf(svg->out, "<path d=\"M%d %d L%d %d", pa->x, pa->y, pb->x, pb->y);
	fprintf(svg->out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n",
		line_colour(svg, marked ? a : GT_UNKNOWN),
		line_width(svg, line_mbps(svg, a, b)),
		marked ? "" : " stroke-opacity=\"0.75\"");
}

static void put_lines(struct svg *svg, bool marked)
{
	for (int a = 0; a < gt_node_size(svg->node); a++)
		for (int b = a + 1; b < gt_node_size(svg->node); b++)
			if (has_line(svg, a, b) &&
			    draw_mark_joins(svg->mark, a, b) == marked)
				put_line(svg, a, b);
}

/* From a GPU to its fabric's bar, or to the next row, which leads there. */
static void put_port(struct svg *svg, int a)
{
	const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);
	const struct place *place = &svg->place[a];
	const struct box *box = &svg->box[svg->boxes.box[a]];
	int side = half_of(svg, a)->side, last = side < 0 ? box->rows - 1 : 0;
	int y = svg->bar_y + gpu->island * (BAR_H + BAR_GAP) + BAR_H / 2;

	if (gpu->island < 0)
		return;
	if (place->row != last)
		y = place->y - side * STEP_Y;
	fprintf(svg->out,
		"<path d=\"M%d %d L%d %d\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n",
		place->x, place->y, place->x, y,
		line_colour(svg, is_marked(svg, a) ? a : GT_UNKNOWN),
		line_width(svg, port_mbps(svg, a)),
		is_marked(svg, a) ? "" : " stroke-opacity=\"0.75\"");
}

static void put_fabrics(struct svg *svg)
{
	for (int a = 0; a < gt_node_size(svg->node); a++)
		put_port(svg, a);
	for (int i = 0; i < svg->islands; i++) {
		int y = svg->bar_y + i * (BAR_H + BAR_GAP), count = 0;

		for (int a = 0; a < gt_node_size(svg->node); a++)
			count += gt_node_gpu(svg->node, a)->island == i;
		fprintf(svg->out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" "
			"fill=\"#22577a\"/>\n<text x=\"%d\" y=\"%d\" "
			"text-anchor=\"middle\" "
			"fill=\"#ffffff\">switch fabric %d: %d GPUs</text>\n",
			MARGIN + PAD, y, svg->width - 2 * (MARGIN + PAD), BAR_H,
			svg->width / 2, y + BAR_H / 2 + 5, i, count);
	}
}

static void put_gpu(struct svg *svg, int a)
{
	const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);
	const struct place *place = &svg->place[a];
	bool marked = is_marked(svg, a);
	const char *second = !gpu->healthy		       ? "out of service"
			     : gpu->mig			       ? "MIG"
			     : svg->islands && gpu->island < 0 ? "no links"
							       : "";

	fprintf(svg->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" "
		"stroke=\"%s\" stroke-width=\"1.5\"%s/>\n",
		place->x - GPU_W / 2, place->y - GPU_H / 2, GPU_W, GPU_H,
		marked	       ? draw_mark_fill(svg->mark, a)
		: gpu->healthy ? "#ffffff"
			       : "#e9ecef",
		marked ? draw_mark_line(svg->mark, a) : "#52606d",
		gpu->healthy ? "" : " stroke-dasharray=\"5 3\"");
	fprintf(svg->out,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-weight=\"bold\" "
		"fill=\"#1f2933\">GPU %d</text>\n",
		place->x, place->y + (second[0] ? -1 : 5), a);
	if (second[0])
		fprintf(svg->out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
			"font-size=\"9.5\" "
			"fill=\"#66727f\">%s</text>\n",
			place->x, place->y + 13, second);
}

/* ---- legend ---- */

struct key {
	int links; /* 0: a PCIe path */
	int mbps;
};

static void add_key(struct key *keys, int *count, int links, int mbps)
{
	for (int i = 0; i < *count; i++)
		if (keys[i].links == links && keys[i].mbps == mbps)
			return;
	if (*count < LEGEND_MAX && mbps > 0)
		keys[(*count)++] = (struct key){links, mbps};
}

static void put_key(struct svg *svg, const struct key *key, int x, int y)
{
	fprintf(svg->out,
		"<path d=\"M%d %d h40\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n"
		"<text x=\"%d\" y=\"%d\" fill=\"#1f2933\">",
		x, y, line_colour(svg, GT_UNKNOWN), line_width(svg, key->mbps), x + 48,
		y + 5);
	if (key->links)
		fprintf(svg->out, "%d link%s, %g GB/s</text>\n", key->links,
			key->links > 1 ? "s" : "", key->mbps / 1000.0);
	else
		fprintf(svg->out, "one PCIe switch, %g GB/s</text>\n",
			key->mbps / 1000.0);
}

static void put_legend(struct svg *svg)
{
	struct key keys[LEGEND_MAX];
	int count = 0, x = MARGIN, y = svg->height - FOOT / 2,
	    n = gt_node_size(svg->node);

	for (int a = 0; a < n; a++) {
		if (gt_node_gpu(svg->node, a)->island >= 0)
			add_key(keys, &count, gt_node_gpu(svg->node, a)->switch_links,
				port_mbps(svg, a));
		for (int b = a + 1; b < n; b++)
			if (has_line(svg, a, b))
				add_key(keys, &count, gt_node_links(svg->node, a, b),
					line_mbps(svg, a, b));
	}
	for (int i = 0; i < count; i++, x += svg->links ? 176 : 220)
		put_key(svg, &keys[i], x, y);
	if (!count)
		fprintf(svg->out,
			"<text x=\"%d\" y=\"%d\" fill=\"#66727f\">PCIe only</text>\n", x,
			y + 5);
}

/* The cards below the GPUs, each with those that are near to it. */
static void put_nics(struct svg *svg)
{
	for (int k = 0; k < gt_node_nic_count(svg->node); k++) {
		const struct gt_nic *nic = gt_node_nic(svg->node, k);
		int x = MARGIN + k % nics_a_row(svg) * (NIC_W + 8);
		int y = svg->nic_y + k / nics_a_row(svg) * (NIC_H + 8);
		char list[GT_MASK_TEXT_MAX];

		gt_mask_format(&nic->near, list, sizeof(list));
		if (strlen(list) > 12)
			strcpy(list + 9, "...");
		fprintf(svg->out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" "
			"fill=\"#eef3e2\" stroke=\"#8aa05a\"/>\n<text x=\"%d\" y=\"%d\" "
			"text-anchor=\"middle\" fill=\"#1f2933\">",
			x, y, NIC_W, NIC_H, x + NIC_W / 2, y + 16);
		sim_svg_text(svg->out, nic->name);
		fprintf(svg->out,
			"</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
			"font-size=\"11\" fill=\"#66727f\">near %s</text>\n",
			x + NIC_W / 2, y + 31, list[0] ? list : "none");
	}
}

void draw_svg(FILE *out, const struct gt_node *node, const struct draw_mark *mark)
{
	struct svg *svg = calloc(1, sizeof(*svg));

	if (!svg)
		return;
	svg->out = out;
	svg->node = node;
	svg->mark = mark;
	draw_boxes_find(&svg->boxes, node);
	survey(svg);
	lay_out(svg);
	put_head(svg);
	put_boxes(svg);
	put_lines(svg, false);
	put_lines(svg, true);
	put_fabrics(svg);
	for (int a = 0; a < gt_node_size(node); a++)
		put_gpu(svg, a);
	put_nics(svg);
	put_legend(svg);
	fputs("</svg>\n", out);
	free(svg);
}
