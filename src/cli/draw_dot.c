/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node for Graphviz. */
#include "config.h"

#include "cli/draw.h"

#include <stdlib.h>

#define PEN_MAX 8.0

/* A quoted string of the DOT language. */
static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static bool same_island(const struct gt_node *node, int a, int b)
{
	return gt_node_gpu(node, a)->island >= 0 &&
	       gt_node_gpu(node, a)->island == gt_node_gpu(node, b)->island;
}

static int port_mbps(const struct gt_gpu *gpu)
{
	return gpu->switch_links * gpu->link_mbps;
}

static int widest_mbps(const struct gt_node *node)
{
	int widest = 1;

	for (int a = 0; a < gt_node_size(node); a++) {
		if (port_mbps(gt_node_gpu(node, a)) > widest)
			widest = port_mbps(gt_node_gpu(node, a));
		for (int b = 0; b < a; b++)
			if (gt_node_links(node, a, b) > 0 && !same_island(node, a, b) &&
			    gt_node_pair_mbps(node, a, b) > widest)
				widest = gt_node_pair_mbps(node, a, b);
	}
	return widest;
}

static void put_gpu(FILE *out, const struct gt_node *node, int a,
		    const struct draw_mark *mark)
{
	const struct gt_gpu *gpu = gt_node_gpu(node, a);

	fprintf(out, "\t\tgpu%d [label=\"GPU %d%s\"", a, a, gpu->mig ? "\\nMIG" : "");
	if (gt_mask_has(&mark->gpus, a))
		fprintf(out, ", fillcolor=\"%s\", color=\"%s\"", draw_mark_fill(mark, a),
			draw_mark_line(mark, a));
	fprintf(out, "%s];\n", gpu->healthy ? "" : ", style=\"rounded,dashed\"");
}

static void put_boxes(FILE *out, const struct gt_node *node, const struct draw_mark *mark)
{
	struct draw_boxes *boxes = malloc(sizeof(*boxes));

	if (!boxes)
		return;
	draw_boxes_find(boxes, node);
	for (int b = 0; b < boxes->count; b++) {
		fprintf(out, "\tsubgraph cluster_%d {\n", b);
		if (boxes->word[0])
			fprintf(out, "\t\tlabel=\"%s %d\";\n", boxes->word,
				boxes->key[b]);
		for (int a = 0; a < gt_node_size(node); a++)
			if (boxes->box[a] == b)
				put_gpu(out, node, a, mark);
		fputs("\t}\n", out);
	}
	free(boxes);
}

/* colour: NULL: that of all links. */
static void put_edge(FILE *out, int mbps, int widest, int links, const char *colour)
{
	fprintf(out, " [label=\"%d\", tooltip=\"%g GB/s\", penwidth=%.1f%s%s%s];\n",
		links, mbps / 1000.0, 0.8 + (PEN_MAX - 0.8) * mbps / widest,
		colour ? ", color=\"" : "", colour ? colour : "", colour ? "\"" : "");
}

static void put_edges(FILE *out, const struct gt_node *node, const struct draw_mark *mark)
{
	int widest = widest_mbps(node);

	for (int a = 0; a < gt_node_size(node); a++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, a);

		if (gpu->island >= 0) {
			fprintf(out, "\tgpu%d -- switch%d", a, gpu->island);
			put_edge(out, port_mbps(gpu), widest, gpu->switch_links,
				 gt_mask_has(&mark->gpus, a) ? draw_mark_line(mark, a)
							     : NULL);
		}
		for (int b = a + 1; b < gt_node_size(node); b++) {
			if (gt_node_links(node, a, b) <= 0 || same_island(node, a, b))
				continue;
			fprintf(out, "\tgpu%d -- gpu%d", a, b);
			put_edge(out, gt_node_pair_mbps(node, a, b), widest,
				 gt_node_links(node, a, b),
				 draw_mark_joins(mark, a, b) ? draw_mark_line(mark, a)
							     : NULL);
		}
	}
}

/* Cards, each joined with the GPUs that are near to it. */
static void put_nics(FILE *out, const struct gt_node *node)
{
	for (int k = 0; k < gt_node_nic_count(node); k++) {
		const struct gt_nic *nic = gt_node_nic(node, k);

		fprintf(out, "\tnic%d [label=", k);
		put_string(out, nic->name);
		fputs(", shape=ellipse, fillcolor=\"#eef3e2\"];\n", out);
		for (int g = gt_mask_next(&nic->near, 0); g >= 0;
		     g = gt_mask_next(&nic->near, g + 1))
			fprintf(out,
				"\tgpu%d -- nic%d [label=\"%s\", style=dashed, "
				"color=\"#8a97a5\"];\n",
				g, k, gt_path_name(gt_node_nic_path(node, k, g)));
	}
}

void draw_dot(FILE *out, const struct gt_node *node, const struct draw_mark *mark)
{
	char title[256];
	int islands = 0;

	draw_title(node, title, sizeof(title));
	fputs("graph gputopo {\n\tlabel=", out);
	put_string(out, title);
	fputs(";\n\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\"];\n"
	      "\tedge [color=\"#3b7dd8\"];\n",
	      out);
	put_boxes(out, node, mark);
	for (int a = 0; a < gt_node_size(node); a++)
		if (gt_node_gpu(node, a)->island >= islands)
			islands = gt_node_gpu(node, a)->island + 1;
	for (int i = 0; i < islands; i++)
		fprintf(out,
			"\tswitch%d [label=\"switch fabric %d\", fillcolor=\"#22577a\", "
			"fontcolor=\"#ffffff\"];\n",
			i, i);
	put_edges(out, node, mark);
	put_nics(out, node);
	fputs("}\n", out);
}
