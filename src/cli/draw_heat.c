/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's bandwidth on a terminal: one cell a pair, the warmer the faster. */
#include "config.h"

#include "cli/draw.h"

#include <string.h>

#define SHADES 6

/* From none to the best of this machine: 256-colour backgrounds, and letters where there
 * are no colours. */
static const int backgrounds[SHADES] = {236, 24, 30, 64, 178, 202};
static const char *const densities[SHADES] = {"   ", " . ", " - ", " + ", " # ", "###"};

static int best_mbps(const struct gt_node *node)
{
	int best = 1;

	for (int a = 0; a < gt_node_size(node); a++)
		for (int b = 0; b < a; b++)
			if (gt_node_pair_mbps(node, a, b) > best)
				best = gt_node_pair_mbps(node, a, b);
	return best;
}

/* Every halving of the best is one shade darker. */
static int shade_of(int mbps, int best)
{
	int shade = SHADES - 1;

	if (mbps <= 0)
		return 0;
	while (shade > 1 && mbps < best * 0.75) {
		best /= 2;
		shade--;
	}
	return shade;
}

static void put_cell(FILE *out, const struct gt_node *node, int a, int b, int best,
		     bool colours)
{
	int mbps = gt_node_pair_mbps(node, a, b);
	char text[16] = "?";

	if (a == b)
		strcpy(text, "X");
	else if (mbps > 0)
		snprintf(text, sizeof(text), mbps < 10000 ? "%.1f" : "%.0f",
			 mbps / 1000.0);
	if (colours)
		fprintf(out, "\033[48;5;%dm\033[38;5;231m%5s \033[0m",
			a == b ? 232 : backgrounds[shade_of(mbps, best)], text);
	else
		fprintf(out, "%5s%s", text,
			a == b ? "   " : densities[shade_of(mbps, best)]);
}

void draw_heat(FILE *out, const struct gt_node *node, const struct draw_mark *mark,
	       bool colours)
{
	int n = gt_node_size(node), best = best_mbps(node);

	fputs("GB/s  ", out);
	for (int i = 0; i < n; i++)
		fprintf(out, colours ? " %s%-4d" : " %s%-6d",
			gt_mask_has(&mark->gpus, i) ? "*" : " ", i);
	fputc('\n', out);
	for (int a = 0; a < n; a++) {
		fprintf(out, "%sGPU %-3d", gt_mask_has(&mark->gpus, a) ? "*" : " ", a);
		for (int b = 0; b < n; b++)
			put_cell(out, node, a, b, best, colours);
		fputc('\n', out);
	}
}
