/* SPDX-License-Identifier: GPL-2.0-or-later */
/* draw.h - pictures of a node. mark: the GPUs of a job, drawn apart, each of its groups
 * in a colour of its own; may be empty. */
#ifndef DRAW_H
#define DRAW_H

#include "core/library.h"

#include <stdio.h>

/* The GPUs of a job, and which group each is in. */
struct draw_mark {
	struct gt_mask gpus;
	int groups;		     /* 0: nothing is marked */
	uint16_t group[GT_MAX_GPUS]; /* of each marked GPU */
};

/* "0,3" or, group by group, "0,3;1,2". GPUs must be < limit and in one group only.
 * GT_EPARSE; *mark is empty then. "" marks nothing. */
enum gt_err draw_mark_parse(struct draw_mark *mark, const char *text, int limit,
			    struct gt_error *err);
/* Whether both are marked, and of one group. Then the line between them is the job's. */
bool draw_mark_joins(const struct draw_mark *mark, int a, int b);
/* Colours of a group: a GPU's fill, and lines. */
const char *draw_mark_fill(const struct draw_mark *mark, int gpu);
const char *draw_mark_line(const struct draw_mark *mark, int gpu);

/* Sockets as boxes, lines as wide as their GB/s, a bar for every switch fabric. */
void draw_svg(FILE *out, const struct gt_node *node, const struct draw_mark *mark);
/* Graphviz: clusters for sockets, a node for every switch fabric. */
void draw_dot(FILE *out, const struct gt_node *node, const struct draw_mark *mark);
/* The GB/s of every pair, shaded: by background colours, else by letters' density. */
void draw_heat(FILE *out, const struct gt_node *node, const struct draw_mark *mark,
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
