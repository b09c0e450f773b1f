/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network cards of `nvidia-smi topo -m`: columns behind those of the GPUs, rows
 * behind theirs, and the legend that names them. A path is what the GPU's row and the
 * card's row say, the farther where they differ. Called by the reader of the matrix, with
 * its GPUs.
 */
#include "config.h"

#include "source/topo_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_NIC 64

struct cards {
	struct gt_lines lines;
	int n, stop_line;
	bool has_header;
	int count;
	char name[GT_MAX_NICS][NAME_MAX_NIC];  /* as the matrix says */
	char known[GT_MAX_NICS][NAME_MAX_NIC]; /* as the legend says */
	uint8_t *path;			       /* GT_MAX_NICS x n */
};

static int find(const struct cards *c, const char *name, size_t length)
{
	for (int i = 0; i < c->count; i++)
		if (strlen(c->name[i]) == length && !strncmp(c->name[i], name, length))
			return i;
	return -1;
}

static void add(struct cards *c, const char *name, size_t length)
{
	if (c->count < GT_MAX_NICS && length < NAME_MAX_NIC && length > 0 &&
	    find(c, name, length) < 0)
		snprintf(c->name[c->count++], NAME_MAX_NIC, "%.*s", (int)length, name);
}

/* "NIC11" of "NIC11NIC12" and of "NIC11CPU"; else the whole word. */
static size_t name_length(const char *word, size_t length)
{
	size_t digits = 3;

	if (strncmp(word, "NIC", 3) != 0)
		return length;
	while (digits < length && isdigit((unsigned char)word[digits]))
		digits++;
	return digits > 3 ? digits : length;
}

/* Names between those of the GPUs and the affinity. */
static void read_header(struct cards *c, const char *at)
{
	const char *end = strstr(at, "CPU Affinity");
	int number;

	c->count = 0;
	c->has_header = true;
	while (gt_topo_next_gpu(&at, &number))
		at = gt_topo_skip_gap(at);
	while (*at && (!end || at < end)) {
		size_t length = gt_topo_token_length(at);

		if (end && at + length > end)
			length = (size_t)(end - at);
		length = name_length(at, length);
		if (!strncmp(at, "CPU", 3) || !strncmp(at, "NUMA", 4))
			return;
		add(c, at, length);
		at = gt_topo_skip_gap(at + length);
	}
}

static void set_path(struct cards *c, int nic, int gpu, const struct gt_topo_cell *cell)
{
	uint8_t *path = &c->path[(size_t)nic * (size_t)c->n + (size_t)gpu];

	if (cell->kind == CELL_PATH && cell->path > *path)
		*path = cell->path;
}

/* Cells that stand on columns from..from + count - 1; false: the row ends, or is of other
 * words, before. */
static bool read_cells(const char *at, int from, int count, struct gt_topo_cell *cells)
{
	struct gt_topo_cell cell;

	for (int column = 0; column < from + count; column++) {
		if (!gt_topo_next_cell(&at, &cell))
			return false;
		if (column >= from)
			cells[column - from] = cell;
	}
	return true;
}

static void read_gpu_row(struct cards *c, int gpu, const char *rest)
{
	struct gt_topo_cell cells[GT_MAX_NICS];
	int count = c->count;

	/* the last cells of a cut row are missing */
	while (count > 0 && !read_cells(rest, c->n, count, cells))
		count--;
	for (int i = 0; i < count; i++) {
		if (cells[i].kind != CELL_PATH)
			return; /* the affinity: these are not the header's columns */
		set_path(c, i, gpu, &cells[i]);
	}
}

/* A card's row has its X in its own column. */
static void read_nic_row(struct cards *c, const char *rest)
{
	const char *word = rest;
	struct gt_topo_cell *cells;
	size_t length = 0;
	int nic;

	while (word > c->lines.line && !gt_topo_is_gap(word[-1])) {
		word--;
		length++;
	}
	nic = find(c, word, length);
	cells = calloc((size_t)c->n + GT_MAX_NICS, sizeof(*cells));
	if (nic >= 0 && cells && read_cells(rest, 0, c->n + nic + 1, cells) &&
	    cells[c->n + nic].kind == CELL_SELF)
		for (int g = 0; g < c->n; g++)
			set_path(c, nic, g, &cells[g]);
	free(cells);
}

/* The length of "NIC12:" at the start of text; 0: it is something else. */
static size_t legend_mark(const char *text)
{
	size_t digits = strncmp(text, "NIC", 3) ? 0 : strspn(text + 3, "0123456789");

	return digits && text[3 + digits] == ':' ? digits + 4 : 0;
}

/* "  NIC0: mlx5_0", or several of them on one line. */
static void read_legend(struct cards *c)
{
	const char *at = c->lines.line;

	while ((at = strstr(at, "NIC"))) {
		size_t mark = legend_mark(at), length = 0;
		int nic = mark ? find(c, at, mark - 1) : -1;
		const char *name = gt_topo_skip_gap(at + (mark ? mark : 3));

		while (name[length] && !legend_mark(name + length))
			length++;
		at = mark ? name + length : at + 3;
		while (length > 0 && isspace((unsigned char)name[length - 1]))
			length--;
		if (nic >= 0 && !c->known[nic][0] && length > 0 && length < NAME_MAX_NIC)
			snprintf(c->known[nic], NAME_MAX_NIC, "%.*s", (int)length, name);
	}
}

/* names: find them only, where the header has none. */
static void read_lines(struct cards *c, struct gt_source *src, bool names)
{
	bool rows = false;
	const char *rest;
	int number;

	gt_lines_start(&c->lines, src);
	while (gt_lines_next(&c->lines)) {
		enum gt_topo_line kind;

		if (!names)
			read_legend(c);
		if (c->stop_line && c->lines.number >= c->stop_line)
			continue;
		kind = gt_topo_classify(c->lines.line, &number, &rest);
		if (kind == LINE_HEADER && names && !rows)
			read_header(c, rest);
		if (kind == LINE_NIC_ROW && names && !c->has_header && rows)
			add(c, gt_topo_skip_gap(c->lines.line),
			    (size_t)(rest - gt_topo_skip_gap(c->lines.line)));
		rows |= kind == LINE_GPU_ROW;
		if (kind == LINE_GPU_ROW && !names && number < c->n)
			read_gpu_row(c, number, rest);
		if (kind == LINE_NIC_ROW && !names)
			read_nic_row(c, rest);
	}
}

static enum gt_err put(struct cards *c, struct gt_node *node, struct gt_error *err)
{
	struct gt_mask blind = {0};
	char list[GT_MASK_TEXT_MAX];

	for (int i = 0; i < c->count; i++) {
		struct gt_nic nic = {.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
		const uint8_t *path = &c->path[(size_t)i * (size_t)c->n];
		bool any = false;
		enum gt_err rc;

		snprintf(nic.name, sizeof(nic.name), "%s",
			 c->known[i][0] ? c->known[i] : c->name[i]);
		for (int g = 0; g < c->n; g++) {
			any |= path[g] != GT_PATH_UNKNOWN;
			if (path[g] == GT_PATH_UNKNOWN)
				gt_mask_set(&blind, g);
		}
		rc = any ? gt_node_add_nic(node, &nic, path, err) : GT_OK;
		if (rc)
			return rc;
	}
	if (gt_mask_count(&blind))
		gt_node_add_note(node,
				 "paths from GPUs %s to NICs are not all shown: these "
				 "count as not near",
				 gt_mask_format(&blind, list, sizeof(list)));
	return GT_OK;
}

enum gt_err gt_topo_read_nics(struct gt_source *src, struct gt_node *node, int stop_line,
			      struct gt_error *err)
{
	struct cards *c = calloc(1, sizeof(*c));
	enum gt_err rc;

	if (c) {
		c->n = gt_node_size(node);
		c->stop_line = stop_line;
		c->path = calloc((size_t)c->n * GT_MAX_NICS + 1, sizeof(*c->path));
	}
	if (!c || !c->path) {
		free(c);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	read_lines(c, src, true);
	if (c->count)
		read_lines(c, src, false);
	rc = put(c, node, err);
	free(c->path);
	free(c);
	return rc;
}
