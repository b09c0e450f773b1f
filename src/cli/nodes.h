/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nodes.h - what gputopo nodes shows, between its files: rows of nodes that look the
 * same, and sums of node types.
 */
#ifndef NODES_H
#define NODES_H

#include "cli/cli.h"
#include "cli/live.h"

#define NODES_SIZES 3

extern const int nodes_sizes[NODES_SIZES]; /* 2, 4, 8 */

/* Nodes that look the same; without folding one. */
struct nodes_row {
	const struct live_node **node; /* by name; the first speaks for all */
	int nodes;
	char *hosts;
	char state[48];
	int gpus; /* of one node: whole ones */
	int free;
	struct live_set set[NODES_SIZES];
	int slices, slices_free; /* for --mig, and instances that the admin made */
	int instances, instances_free;
	int type; /* of the view */
};

/* All nodes of one type: those with one label. */
struct nodes_type {
	const struct live_kind *kind; /* with a table, where one of them has it */
	int nodes, usable, gpus, free, whole;
	/* of the usable nodes with figures: how many have a set of this size at full
	 * speed, a slower one, none */
	int full[NODES_SIZES], less[NODES_SIZES], none[NODES_SIZES];
	int slices, slices_free, instances, instances_free;
};

struct nodes_view {
	const struct live *live;
	struct nodes_row *row;
	int rows;
	struct nodes_type *type;
	int types;
};

/* Which nodes are shown, and how. */
enum nodes_sort { NODES_BY_NAME, NODES_BY_FREE, NODES_BY_STATE, NODES_BY_SIZE };
struct nodes_want {
	const char *only, *partition; /* NULL: all */
	bool each;		      /* a row for each node */
	enum nodes_sort sort;
	int sort_size; /* index into nodes_sizes */
};

/* Fill the rows and types of view->live. Returns CLI_GO_ON, or the exit status; the
 * caller releases in either case. O(nodes x rows). */
int nodes_view_make(struct nodes_view *view, const struct nodes_want *want);
void nodes_view_release(struct nodes_view *view);
/* Whether there are figures of the type's sets of nodes_sizes[size]. */
bool nodes_type_has(const struct nodes_type *type, int size);

/* How good a cell is, for colours. */
enum nodes_grade { NODES_FULL, NODES_LESS, NODES_NONE, NODES_UNKNOWN };
enum nodes_grade nodes_grade(const struct nodes_row *row, int size);
/* "20/61": GB/s now and on the idle node; "" where the node has fewer GPUs. */
char *nodes_cell(const struct nodes_row *row, int size, char *buf, size_t room);
/* "13/16 sl", "4/8 inst", "" */
char *nodes_mig(const struct nodes_row *row, char *buf, size_t room);

/* One page on out. */
void nodes_html(const struct nodes_view *view, FILE *out);

/* gputopo nodes --defrag: the fewest restarts that free a set of count GPUs at ratio of
 * the ideal bandwidth, node by node. Returns the exit status. */
int nodes_defrag(const struct live *live, int count, double ratio, bool as_json);

/* gputopo nodes --metrics: gauges in Prometheus' text format, to standard output, or into
 * the file path, which is replaced as a whole. Jobs count by what they hold of the
 * view's nodes. Returns the exit status. O(nodes x jobs). */
int nodes_metrics(const struct nodes_view *view, const char *path);

#endif
