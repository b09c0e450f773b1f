/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nodes_view.c - what gputopo nodes shows, whatever the form: rows of nodes that look the
 * same, sums of node types, and the words of a cell. Called by cmd_nodes.c; nodes_html.c
 * and nodes_metrics.c read the view.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/nodes.h"
#include "core/hostlist.h"

#include <stdlib.h>
#include <string.h>

const int nodes_sizes[NODES_SIZES] = {2, 4, 8};

/* ---- rows ---- */

/* Slices of GPUs in MIG mode that nobody cut: their shards. */
static void count_mig(const struct live_node *node, struct nodes_row *row)
{
	const struct live_kind *kind = node->kind;
	int in_mig = __builtin_popcountll(kind->in_mig);

	row->instances = __builtin_popcountll(kind->instance);
	row->instances_free =
		node->usable ? __builtin_popcountll(kind->instance & ~node->taken) : 0;
	if (!in_mig || !node->shards)
		return;
	row->slices = node->shards / kind->gpus * in_mig;
	for (uint64_t left = kind->in_mig; left && node->usable; left &= left - 1)
		row->slices_free +=
			node->shards / kind->gpus - node->shard_of[__builtin_ctzll(left)];
}

static void fill_row(const struct live_node *node, struct nodes_row *row)
{
	uint64_t free = live_free(node, "") & node->kind->whole;

	live_state_word(node->state, row->state, sizeof(row->state));
	row->gpus = __builtin_popcountll(node->kind->whole);
	row->free = __builtin_popcountll(free);
	if (node->counted && node->usable)
		row->free = row->gpus - node->taken_count;
	for (int s = 0; s < NODES_SIZES; s++)
		live_best(node->kind, free, nodes_sizes[s], &row->set[s]);
	count_mig(node, row);
}

/* Whether neither sinfo nor an admin would tell the two apart. */
static bool looks_same(const struct nodes_row *a, const struct nodes_row *b)
{
	const struct live_node *x = a->node[0], *y = b->node[0];

	if (x->kind != y->kind || strcmp(a->state, b->state) != 0 || a->free != b->free ||
	    a->slices_free != b->slices_free || a->instances_free != b->instances_free)
		return false;
	for (int s = 0; s < NODES_SIZES; s++)
		if (a->set[s].busbw_mbps != b->set[s].busbw_mbps ||
		    !a->set[s].bits != !b->set[s].bits)
			return false;
	return true;
}

static const struct nodes_want *sorting;

static int compare_rows(const void *a, const void *b)
{
	const struct nodes_row *x = a, *y = b;
	int order = 0;

	if (sorting->sort == NODES_BY_FREE)
		order = y->free - x->free;
	else if (sorting->sort == NODES_BY_STATE)
		order = strcmp(x->state, y->state);
	else if (sorting->sort == NODES_BY_SIZE)
		order = y->set[sorting->sort_size].busbw_mbps -
			x->set[sorting->sort_size].busbw_mbps;
	return order ? order : strverscmp(x->node[0]->name, y->node[0]->name);
}

static bool is_wanted(const struct nodes_want *want, const struct live_node *node)
{
	return node->kind && (!want->only || gt_hostlist_has(want->only, node->name)) &&
	       (!want->partition || live_list_has(node->partitions, want->partition));
}

static int name_rows(struct nodes_view *view)
{
	for (int i = 0; i < view->rows; i++) {
		struct nodes_row *row = &view->row[i];
		const char **names = calloc((size_t)row->nodes, sizeof(*names));

		for (int n = 0; names && n < row->nodes; n++)
			names[n] = row->node[n]->name;
		row->hosts = names ? live_fold(names, row->nodes) : NULL;
		free(names);
		if (!row->hosts)
			return cli_no_memory();
	}
	return CLI_GO_ON;
}

/* Rows in the order of names, equal ones as one. */
static int make_rows(struct nodes_view *view, const struct nodes_want *want)
{
	const struct live *live = view->live;

	view->row = calloc((size_t)live->nodes + 1, sizeof(*view->row));
	if (!view->row)
		return cli_no_memory();
	for (int i = 0; i < live->nodes; i++) {
		struct nodes_row row = {.nodes = 1};
		const struct live_node *self = &live->node[i], **more;
		struct nodes_row *same = NULL;

		if (!is_wanted(want, self))
			continue;
		row.node = &self;
		fill_row(self, &row);
		for (int r = 0; r < view->rows && !want->each && !same; r++)
			if (looks_same(&view->row[r], &row))
				same = &view->row[r];
		if (!same) {
			same = &view->row[view->rows++];
			*same = row;
			same->node = NULL;
			same->nodes = 0;
		}
		/* doubled at each power of two */
		if (!(same->nodes & (same->nodes - 1))) {
			size_t room = same->nodes ? 2 * (size_t)same->nodes : 1;

			more = realloc(same->node, room * sizeof(*more));
			if (!more)
				return cli_no_memory();
			same->node = more;
		}
		same->node[same->nodes++] = self;
	}
	sorting = want;
	if (view->rows)
		qsort(view->row, (size_t)view->rows, sizeof(*view->row), compare_rows);
	return name_rows(view);
}

/* By what people call it: a node with GPUs out of service, or in Mode=off, has a model of
 * its own or none, but is no type of its own. The kind with figures speaks for all. */
static int find_type(struct nodes_view *view, const struct live_kind *kind)
{
	int t = 0;

	while (t < view->types && strcmp(view->type[t].kind->label, kind->label) != 0)
		t++;
	view->types += t == view->types;
	if (!view->type[t].kind || !view->type[t].kind->table)
		view->type[t].kind = kind;
	return t;
}

static int make_types(struct nodes_view *view)
{
	view->type = calloc((size_t)view->live->kinds + 1, sizeof(*view->type));
	if (!view->type)
		return cli_no_memory();
	for (int r = 0; r < view->rows; r++) {
		struct nodes_row *row = &view->row[r];
		const struct live_kind *kind = row->node[0]->kind;
		int usable = row->node[0]->usable ? row->nodes : 0;
		struct nodes_type *type;

		row->type = find_type(view, kind);
		type = &view->type[row->type];
		type->nodes += row->nodes;
		type->usable += usable;
		type->gpus += row->gpus * row->nodes;
		type->free += row->free * usable;
		type->whole += row->gpus && row->free == row->gpus ? usable : 0;
		type->slices += row->slices * row->nodes;
		type->slices_free += row->slices_free * row->nodes;
		type->instances += row->instances * row->nodes;
		type->instances_free += row->instances_free * row->nodes;
		for (int s = 0; s < NODES_SIZES && kind->table; s++)
			*(live_is_ideal(&row->set[s]) ? &type->full[s]
			  : row->set[s].bits	      ? &type->less[s]
						      : &type->none[s]) += usable;
	}
	return CLI_GO_ON;
}

int nodes_view_make(struct nodes_view *view, const struct nodes_want *want)
{
	int status = make_rows(view, want);

	return status == CLI_GO_ON ? make_types(view) : status;
}

void nodes_view_release(struct nodes_view *view)
{
	for (int i = 0; i < view->rows; i++) {
		free(view->row[i].node);
		free(view->row[i].hosts);
	}
	free(view->row);
	free(view->type);
}

bool nodes_type_has(const struct nodes_type *type, int size)
{
	return type->kind->table &&
	       __builtin_popcountll(type->kind->whole) >= nodes_sizes[size];
}

/* ---- cells ---- */

enum nodes_grade nodes_grade(const struct nodes_row *row, int size)
{
	if (!row->node[0]->kind->table)
		return NODES_UNKNOWN;
	if (!row->set[size].bits)
		return NODES_NONE;
	return live_is_ideal(&row->set[size]) ? NODES_FULL : NODES_LESS;
}

static char *whole_gbps(int mbps, char *buf, size_t room)
{
	if (mbps > 0 && mbps < 1000)
		snprintf(buf, room, "%.1f", mbps / 1000.0);
	else
		snprintf(buf, room, "%d", (mbps + 500) / 1000);
	return buf;
}

char *nodes_cell(const struct nodes_row *row, int size, char *buf, size_t room)
{
	const struct live_kind *kind = row->node[0]->kind;
	char now[16], ideal[16];

	buf[0] = '\0';
	if (row->gpus < nodes_sizes[size])
		return buf;
	if (!kind->table)
		snprintf(buf, room, "?");
	else if (!row->set[size].bits)
		snprintf(buf, room, "-/%s",
			 whole_gbps(gt_ideal_busbw_mbps(kind->table, nodes_sizes[size]),
				    ideal, sizeof(ideal)));
	else
		snprintf(buf, room, "%s/%s",
			 whole_gbps(row->set[size].busbw_mbps, now, sizeof(now)),
			 whole_gbps(row->set[size].ideal_mbps, ideal, sizeof(ideal)));
	return buf;
}

char *nodes_mig(const struct nodes_row *row, char *buf, size_t room)
{
	buf[0] = '\0';
	if (row->slices)
		snprintf(buf, room, "%d/%d", row->slices_free, row->slices);
	else if (row->instances)
		snprintf(buf, room, "%di/%di", row->instances_free, row->instances);
	return buf;
}
