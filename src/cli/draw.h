/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draw.h - pictures of a node. mark: the GPUs of a job, drawn apart; may be empty. */
#ifndef DRAW_H
#define DRAW_H

#include "gputopo.h"

#include <stdio.h>

/* Sockets as boxes, lines as wide as their GB/s, a bar for every switch fabric. */
void draw_svg(FILE *out, const struct gt_node *node, const struct gt_mask *mark);
/* Graphviz: clusters for sockets, a node for every switch fabric. */
void draw_dot(FILE *out, const struct gt_node *node, const struct gt_mask *mark);
/* The GB/s of every pair, shaded: by background colours, else by letters' density. */
void draw_heat(FILE *out, const struct gt_node *node, const struct gt_mask *mark,
	       bool colours);

/* The box a GPU is drawn in: its socket, its NUMA node where sockets are not known. Boxes
 * are numbered 0, 1, ... as their first GPUs come; 0 for all where neither is known. */
struct draw_boxes {
	int count;
	int box[GT_MAX_GPUS];
	int key[GT_MAX_GPUS]; /* of each box: the socket or NUMA number */
	const char *word;     /* "socket", "NUMA node" or "" */
};
void draw_boxes_find(struct draw_boxes *boxes, const struct gt_node *node);
/* "8 x Tesla V100", or what there is. */
void draw_title(const struct gt_node *node, char *buf, size_t size);

#endif
