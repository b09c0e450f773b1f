/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node as SVG. Every socket is a box with its GPUs in a row; boxes of the first half
 * stand above the switch fabrics, the others below. Links inside a box are arcs on its
 * outer side, links between boxes run straight, so that a cube mesh reads as one.
 */
#include "config.h"

#include "cli/draw.h"

#include <stdlib.h>
#include <string.h>

enum {
	GPU_W = 76,		/* a GPU's rectangle */
	GPU_H = 40,
	STEP_X = 128,		/* from GPU to GPU */
	STEP_Y = 64,		/* from row to row, where a box has several */
	ROW_MAX = 8,		/* GPUs in a row */
	PAD = 24,		/* inside a box */
	ARC_STEP = 26,		/* how much higher an arc over one more GPU is */
	ARC_MIN = 30,
	GAP = 84,		/* between boxes, where links cross */
	BAR_H = 34,		/* a switch fabric */
	BAR_GAP = 56,
	HEAD = 56,		/* the title's share */
	FOOT = 64,		/* the legend's */
	MARGIN = 28,
	LEGEND_MAX = 6,		/* kinds of lines that the legend explains */
};

#define WIDTH_MAX 10.0		/* of the widest line */
#define WIDTH_MIN 1.5

struct place {
	int x, y;		/* the centre */
	int row, column;
	bool upper;		/* arcs go up from here */
};

struct box {
	int gpus, rows, columns;
	int y, h;		/* outer edge */
	int arcs;		/* room for arcs */
	bool upper;
};

struct svg {
	FILE *out;
	const struct gt_node *node;
	const struct gt_mask *mark;
	struct draw_boxes boxes;
	struct place place[GT_MAX_GPUS];
	struct box box[GT_MAX_GPUS];
	int islands;
	int bar_y;		/* of the first fabric */
	int width, height;
	int widest_mbps;
	bool links;		/* the node has some; else PCIe paths are drawn */
};

/* ---- what is drawn ---- */

static bool is_marked(const struct svg *svg, int a)
{
	return gt_mask_has(svg->mark, a);
}

static bool same_island(const struct gt_node *node, int a, int b)
{
	return gt_node_gpu(node, a)->island >= 0 &&
	       gt_node_gpu(node, a)->island == gt_node_gpu(node, b)->island;
}

/* Is there a line between the two? Links outside fabrics; without any links, what one
 * PCIe switch joins. */
static bool has_line(const struct svg *svg, int a, int b)
{
	if (svg->links)
		return gt_node_links(svg->node, a, b) > 0 && !same_island(svg->node, a, b);
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
			if (has_line(svg, a, b) && line_mbps(svg, a, b) > svg->widest_mbps)
				svg->widest_mbps = line_mbps(svg, a, b);
	}
}

static double line_width(const struct svg *svg, int mbps)
{
	return WIDTH_MIN + (WIDTH_MAX - WIDTH_MIN) * mbps / (svg->widest_mbps + 1.0);
}

/* ---- layout ---- */

/* The farthest two GPUs of one row that an arc has to join. */
static int longest_arc(const struct svg *svg, int box)
{
	int longest = 0;

	for (int a = 0; a < gt_node_size(svg->node); a++)
		for (int b = 0; b < a; b++) {
			int span = abs(svg->place[a].column - svg->place[b].column);

			if (svg->boxes.box[a] == box && svg->boxes.box[b] == box &&
			    svg->place[a].row == svg->place[b].row && span > longest &&
			    has_line(svg, a, b))
				longest = span;
		}
	return longest;
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
		int arc = longest_arc(svg, b);

		box->columns = box->gpus < ROW_MAX ? box->gpus : ROW_MAX;
		box->rows = (box->gpus + ROW_MAX - 1) / ROW_MAX;
		box->upper = b < (svg->boxes.count + 1) / 2;
		box->arcs = arc > 1 ? ARC_MIN + arc * ARC_STEP : 0;
		box->h = 2 * PAD + (box->rows - 1) * STEP_Y + GPU_H + box->arcs + 12;
	}
}

static void place_box(struct svg *svg, int b, int *y)
{
	struct box *box = &svg->box[b];
	int first = *y + PAD + GPU_H / 2 + (box->upper ? box->arcs + 12 : 0);
	int left = (svg->width - (box->columns - 1) * STEP_X) / 2;

	box->y = *y;
	for (int i = 0; i < gt_node_size(svg->node); i++) {
		struct place *place = &svg->place[i];

		if (svg->boxes.box[i] != b)
			continue;
		place->x = left + place->column * STEP_X;
		place->y = first + place->row * STEP_Y;
		place->upper = box->upper;
	}
	*y += box->h;
}

static void lay_out(struct svg *svg)
{
	int columns = 3, y = HEAD, upper = (svg->boxes.count + 1) / 2;

	fill_boxes(svg);
	for (int b = 0; b < svg->boxes.count; b++)
		if (svg->box[b].columns > columns)
			columns = svg->box[b].columns;
	svg->width = 2 * (MARGIN + PAD) + columns * STEP_X;
	for (int b = 0; b < svg->boxes.count; b++) {
		if (b == upper && svg->islands == 0)
			y += GAP;
		else if (b > 0 && b != upper)
			y += GAP / 2;
		place_box(svg, b, &y);
		if (b == upper - 1 && svg->islands) {
			svg->bar_y = y + BAR_GAP;
			y += svg->islands * (BAR_H + BAR_GAP) + BAR_GAP / 2;
		}
	}
	svg->height = y + FOOT;
}

/* ---- drawing ---- */

static void put_head(struct svg *svg)
{
	char title[256];

	fprintf(svg->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Helvetica, sans-serif\" "
		"font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		svg->width, svg->height, svg->width, svg->height);
	draw_title(svg->node, title, sizeof(title));
	fprintf(svg->out, "<text x=\"%d\" y=\"34\" font-size=\"18\" font-weight=\"bold\" "
			  "fill=\"#1f2933\">", MARGIN);
	draw_xml_text(svg->out, title);
	fputs("</text>\n", svg->out);
}

static void put_boxes(struct svg *svg)
{
	for (int b = 0; b < svg->boxes.count; b++) {
		const struct box *box = &svg->box[b];
		int text_y = box->upper ? box->y + 18 : box->y + box->h - 8;

		fprintf(svg->out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\" "
			"fill=\"#f4f6f8\" stroke=\"#c3ccd5\"/>\n",
			MARGIN, box->y, svg->width - 2 * MARGIN, box->h);
		if (svg->boxes.word[0])
			fprintf(svg->out, "<text x=\"%d\" y=\"%d\" fill=\"#66727f\">%s %d</text>\n",
				MARGIN + 12, text_y, svg->boxes.word, svg->boxes.key[b]);
	}
}

static const char *line_colour(const struct svg *svg, bool marked)
{
	if (marked)
		return "#d9480f";
	return svg->links ? "#3b7dd8" : "#8a97a5";
}

/* How many rows and columns lie between two GPUs decides the curve. */
static void put_line(struct svg *svg, int a, int b)
{
	const struct place *pa = &svg->place[a], *pb = &svg->place[b];
	bool marked = is_marked(svg, a) && is_marked(svg, b);
	int span = abs(pa->column - pb->column);
	bool arc = svg->boxes.box[a] == svg->boxes.box[b] && pa->row == pb->row && span > 1;
	int side = pa->upper ? -1 : 1;
	int ya = pa->y + (arc ? side * GPU_H / 2 : 0), yb = pb->y + (arc ? side * GPU_H / 2 : 0);

	fprintf(svg->out, "<path d=\"M%d %d ", pa->x, ya);
	if (arc)	/* a cubic's top is at three quarters of its control points */
		fprintf(svg->out, "C%d %d %d %d %d %d", pa->x,
			ya + side * (ARC_MIN + span * ARC_STEP) * 4 / 3 - side * ARC_STEP / 2,
			pb->x,
			yb + side * (ARC_MIN + span * ARC_STEP) * 4 / 3 - side * ARC_STEP / 2,
			pb->x, yb);
	else
		fprintf(svg->out, "L%d %d", pb->x, yb);
	fprintf(svg->out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n",
		line_colour(svg, marked), line_width(svg, line_mbps(svg, a, b)),
		marked ? "" : " stroke-opacity=\"0.75\"");
}

static void put_lines(struct svg *svg, bool marked)
{
	for (int a = 0; a < gt_node_size(svg->node); a++)
		for (int b = a + 1; b < gt_node_size(svg->node); b++)
			if (has_line(svg, a, b) &&
			    (is_marked(svg, a) && is_marked(svg, b)) == marked)
				put_line(svg, a, b);
}

/* From a GPU to its fabric's bar: straight, from the row that is next to it. */
static void put_port(struct svg *svg, int a)
{
	const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);
	const struct place *place = &svg->place[a];
	const struct box *box = &svg->box[svg->boxes.box[a]];
	int next_row = place->upper ? box->rows - 1 : 0;
	int y = svg->bar_y + gpu->island * (BAR_H + BAR_GAP) + BAR_H / 2;

	if (gpu->island < 0)
		return;
	fprintf(svg->out,
		"<path d=\"M%d %d L%d %d\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n", place->x,
		place->y, place->x, place->row == next_row ? y : place->y + (place->upper ? STEP_Y : -STEP_Y),
		line_colour(svg, is_marked(svg, a)), line_width(svg, port_mbps(svg, a)),
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
			"fill=\"#22577a\"/>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
			"fill=\"#ffffff\">switch fabric %d: %d GPUs</text>\n",
			MARGIN + PAD, y, svg->width - 2 * (MARGIN + PAD), BAR_H, svg->width / 2,
			y + BAR_H / 2 + 5, i, count);
	}
}

static void put_gpu(struct svg *svg, int a)
{
	const struct gt_gpu *gpu = gt_node_gpu(svg->node, a);
	const struct place *place = &svg->place[a];
	bool marked = is_marked(svg, a);
	const char *second = !gpu->healthy ? "out of service"
			     : gpu->mig	   ? "MIG"
			     : svg->islands && gpu->island < 0 ? "no links" : "";

	fprintf(svg->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" "
		"stroke=\"%s\" stroke-width=\"1.5\"%s/>\n",
		place->x - GPU_W / 2, place->y - GPU_H / 2, GPU_W, GPU_H,
		marked ? "#ffd8a8" : gpu->healthy ? "#ffffff" : "#e9ecef",
		marked ? "#d9480f" : "#52606d", gpu->healthy ? "" : " stroke-dasharray=\"5 3\"");
	fprintf(svg->out,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-weight=\"bold\" "
		"fill=\"#1f2933\">GPU %d</text>\n",
		place->x, place->y + (second[0] ? -1 : 5), a);
	if (second[0])
		fprintf(svg->out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"9.5\" "
			"fill=\"#66727f\">%s</text>\n",
			place->x, place->y + 13, second);
}

/* ---- legend ---- */

struct key {
	int links;		/* 0: a PCIe path */
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
		"<text x=\"%d\" y=\"%d\" fill=\"#1f2933\">", x, y,
		line_colour(svg, false), line_width(svg, key->mbps), x + 48, y + 5);
	if (key->links)
		fprintf(svg->out, "%d link%s, %g GB/s</text>\n", key->links,
			key->links > 1 ? "s" : "", key->mbps / 1000.0);
	else
		fprintf(svg->out, "one PCIe switch, %g GB/s</text>\n", key->mbps / 1000.0);
}

static void put_legend(struct svg *svg)
{
	struct key keys[LEGEND_MAX];
	int count = 0, x = MARGIN, y = svg->height - FOOT / 2, n = gt_node_size(svg->node);

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
		fprintf(svg->out, "<text x=\"%d\" y=\"%d\" fill=\"#66727f\">PCIe only</text>\n", x,
			y + 5);
}

void draw_svg(FILE *out, const struct gt_node *node, const struct gt_mask *mark)
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
	put_legend(svg);
	fputs("</svg>\n", out);
	free(svg);
}
