/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `rocm-smi --showtopo` and `amd-smi topology`: square tables under titles, named by
 * "GPU0" or by bus id. rocm-smi shows which pairs have xGMI, not how many links;
 * amd-smi's bandwidth table tells the count. Hops are 1 wherever xGMI gets somehow, so
 * they count only where there is nothing better; so is the link type, which is XGMI also
 * for pairs that reach each other through a third GPU and have the bandwidth 0-0.
 */
#include "config.h"

#include "source/amd_export.h"
#include "source/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX    24
#define XGMI_WEIGHT 15 /* of one xGMI hop; every PCIe segment adds 20 and more */
#define PCIE_WEIGHT 40 /* the least of two GPUs that meet over PCIe */

enum table {
	TABLE_WEIGHT,
	TABLE_HOPS,
	TABLE_TYPE,
	TABLE_BANDWIDTH,
	TABLE_COUNT,
	TABLE_NUMA
};

/* A line with these words begins a table. Others ("ACCESS TABLE") end one. */
static const struct {
	const char *title;
	int table;
} titles[] = {
	{"Weight between two ", TABLE_WEIGHT},
	{"Hops between two ", TABLE_HOPS},
	{"Link Type between two ", TABLE_TYPE},
	{"Numa Nodes", TABLE_NUMA},
	{"LINK TYPE TABLE", TABLE_TYPE},
	{"WEIGHT TABLE", TABLE_WEIGHT},
	{"HOPS TABLE", TABLE_HOPS},
	{"BW TABLE", TABLE_BANDWIDTH},
};

struct smi {
	const struct gt_source *src;
	struct gt_lines lines;
	int n;
	char (*bus_id)[CELL_MAX]; /* amd-smi: the names of rows and columns */
	char (*cells[TABLE_COUNT])[CELL_MAX];
	bool has[TABLE_COUNT];
	int *column; /* where the header's names begin, in bytes */
	int *numa;
	bool any_mbps; /* some xGMI pair has a bandwidth above 0 */
	struct gt_error *err;
};

/* ---- words ---- */

static const char *next_word(const char *at, char *word, size_t size)
{
	size_t len;

	at += strspn(at, " \t|");
	len = strcspn(at, " \t|");
	snprintf(word, size, "%.*s", len < size ? (int)len : (int)size - 1, at);
	return at + len;
}

/* "GPU3", as hy-smi has it "DCU3" or "HCU3": the number, -1 for another word. */
static int card_number(const char *word)
{
	const char *at = word + 3;
	int number;

	if (strncmp(word, "GPU", 3) && strncmp(word, "DCU", 3) && strncmp(word, "HCU", 3))
		return -1;
	return gt_scan_int(&at, GT_MAX_GPUS - 1, &number) && !*at ? number : -1;
}

/* "GPU3" or a bus id: the number of the row or column, -1 for another word. */
static int name_index(const struct smi *smi, const char *word)
{
	char id[CELL_MAX];

	if (card_number(word) >= 0)
		return card_number(word);
	if (!gt_bus_id_normalize(word, id, sizeof(id)))
		return -1;
	for (int i = 0; i < smi->n && smi->bus_id; i++)
		if (!strcmp(smi->bus_id[i], id))
			return i;
	return -1;
}

static bool is_name(const char *word)
{
	char id[CELL_MAX];

	return card_number(word) >= 0 || gt_bus_id_normalize(word, id, sizeof(id));
}

/* A header names columns only. How many, 0 if the line is none. */
static int header_size(const char *line)
{
	char word[CELL_MAX];
	int count = 0;

	for (line = next_word(line, word, sizeof(word)); *word;
	     line = next_word(line, word, sizeof(word))) {
		if (!is_name(word))
			return 0;
		count++;
	}
	return count;
}

static int find_title(const char *line, int current)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (strstr(line, titles[i].title))
			return titles[i].table;
	if (strstr(line, " TABLE:") || strstr(line, "Legend:") ||
	    strstr(line, "End of ROCm"))
		return TABLE_COUNT;
	return current;
}

/* ---- pass 1: how many GPUs ---- */

static void take_names(struct smi *smi, const char *line)
{
	char word[CELL_MAX];

	for (int i = 0; i < smi->n; i++) {
		smi->column[i] = (int)(line + strspn(line, " \t|") - smi->lines.line);
		line = next_word(line, word, sizeof(word));
		gt_bus_id_normalize(word, smi->bus_id[i], sizeof(smi->bus_id[i]));
	}
}

static enum gt_err find_names(struct smi *smi)
{
	int table = TABLE_COUNT;

	gt_lines_start(&smi->lines, smi->src);
	while (gt_lines_next(&smi->lines)) {
		int size;

		table = find_title(smi->lines.line, table);
		size = table < TABLE_COUNT ? header_size(smi->lines.line) : 0;
		if (!size)
			continue;
		if (size > GT_MAX_GPUS)
			return gt_fail_src(smi->src, smi->err, GT_ELIMIT,
					   smi->lines.number, "more than %d GPUs",
					   GT_MAX_GPUS);
		smi->n = size;
		smi->bus_id = calloc((size_t)size, sizeof(*smi->bus_id));
		smi->column = calloc((size_t)size, sizeof(*smi->column));
		if (!smi->bus_id || !smi->column)
			return gt_fail(smi->err, GT_ENOMEM, "out of memory");
		take_names(smi, smi->lines.line);
		return GT_OK;
	}
	return gt_fail_src(smi->src, smi->err, GT_EFORMAT, 0,
			   "no link table: nothing to read");
}

/* ---- pass 2: the cells ---- */

static enum gt_err allocate(struct smi *smi)
{
	size_t cells = (size_t)smi->n * (size_t)smi->n;

	smi->numa = calloc((size_t)smi->n, sizeof(*smi->numa));
	if (!smi->numa)
		return gt_fail(smi->err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < smi->n; i++)
		smi->numa[i] = GT_UNKNOWN;
	for (int t = 0; t < TABLE_COUNT; t++) {
		smi->cells[t] = calloc(cells, sizeof(*smi->cells[t]));
		if (!smi->cells[t])
			return gt_fail(smi->err, GT_ENOMEM, "out of memory");
	}
	return GT_OK;
}

/* Whether this line is the last of a text without a final newline, which may be cut. */
static bool ends_abruptly(const struct smi *smi)
{
	return smi->lines.at >= smi->lines.end &&
	       smi->src->text[smi->src->size - 1] != '\n';
}

/* A figure of a cell that was cut within its digits may begin with zeros. */
static bool scan_mbps(const char **at, int *mbps)
{
	if (**at == '0' && isdigit((unsigned char)(*at)[1]))
		return false;
	return gt_scan_int(at, 1 << 30, mbps);
}

/* "50000-100000", from the least to the most: the most, MB/s; GT_UNKNOWN: the text is no
 * such figure. */
static int parse_bandwidth(const char *at)
{
	int low, high;

	if (!scan_mbps(&at, &low))
		return GT_UNKNOWN;
	high = low;
	if (*at == '-' && (at++, !scan_mbps(&at, &high)))
		return GT_UNKNOWN;
	return *at || high < low ? GT_UNKNOWN : high;
}

/* Cells of 13 characters fill their column and grow into the next: "200000-200000" and
 * "50000-50000" are one word then. Cut the row where the header's names begin; if one of
 * its cells is no figure then, the row says nothing. */
static void cut_at_columns(struct smi *smi, int table, int row)
{
	const char *line = smi->lines.line;
	int length = (int)strlen(line);
	bool sound = true;

	for (int column = 0; column < smi->n; column++) {
		char *cell =
			smi->cells[table][(size_t)row * (size_t)smi->n + (size_t)column];
		int from = smi->column[column];
		int to = column + 1 < smi->n ? smi->column[column + 1] : length;

		cell[0] = '\0';
		if (from < length && to - from < CELL_MAX)
			snprintf(cell, CELL_MAX, "%.*s",
				 (to < length ? to : length) - from, line + from);
		cell[strcspn(cell, " \t|")] = '\0';
		sound &= column == row || !strcmp(cell, "N/A") ||
			 parse_bandwidth(cell) != GT_UNKNOWN;
	}
	if (!sound)
		memset(smi->cells[table][(size_t)row * (size_t)smi->n], 0,
		       (size_t)smi->n * CELL_MAX);
}

static void read_row(struct smi *smi, int table, const char *line)
{
	char word[CELL_MAX], *last = NULL;
	bool glued = false;
	int row;

	line = next_word(line, word, sizeof(word));
	row = name_index(smi, word);
	if (row < 0 || row >= smi->n || header_size(smi->lines.line))
		return;
	for (int column = 0; column < smi->n; column++) {
		char *cell =
			smi->cells[table][(size_t)row * (size_t)smi->n + (size_t)column];

		line = next_word(line, cell, CELL_MAX);
		glued |= table == TABLE_BANDWIDTH && strlen(cell) > 13;
		if (*cell)
			last = cell;
	}
	if (glued)
		cut_at_columns(smi, table, row);
	/* in a whole text the last cell is the diagonal, which nobody misses */
	if (last && ends_abruptly(smi))
		*last = '\0';
	smi->has[table] = true;
}

/* "GPU[0] : (Topology) Numa Node: 1", "GPU 0 : ..." */
static void read_numa(struct smi *smi, const char *line)
{
	const char *at = strstr(line, "CU"), *node = strstr(line, "Numa Node: ");
	int gpu, value;

	at = strstr(line, "GPU") ? strstr(line, "GPU") + 1 : at;
	if (!at || !node)
		return;
	at += 2 + strspn(at + 2, " [");
	node += strlen("Numa Node: ");
	if (gt_scan_int(&at, GT_MAX_GPUS - 1, &gpu) && gpu < smi->n &&
	    gt_scan_int(&node, 1 << 20, &value))
		smi->numa[gpu] = value;
}

static void read_tables(struct smi *smi)
{
	int table = TABLE_COUNT;

	gt_lines_start(&smi->lines, smi->src);
	while (gt_lines_next(&smi->lines)) {
		table = find_title(smi->lines.line, table);
		if (table == TABLE_NUMA)
			read_numa(smi, smi->lines.line);
		else if (table < TABLE_COUNT)
			read_row(smi, table, smi->lines.line);
	}
}

/* ---- pairs ---- */

static const char *cell(const struct smi *smi, enum table table, int a, int b)
{
	return smi->cells[table][(size_t)a * (size_t)smi->n + (size_t)b];
}

static int number_in(const struct smi *smi, enum table table, int a, int b)
{
	const char *at = cell(smi, table, a, b);
	int value;

	return gt_scan_int(&at, 1 << 20, &value) && !*at ? value : GT_UNKNOWN;
}

static int bandwidth(const struct smi *smi, int a, int b)
{
	return parse_bandwidth(cell(smi, TABLE_BANDWIDTH, a, b));
}

/* 1: xGMI, 0: not, -1: the text does not say. */
static int has_xgmi(const struct smi *smi, int a, int b)
{
	const char *type = cell(smi, TABLE_TYPE, a, b);

	if (!strcmp(type, "XGMI"))
		return 1;
	if (!strncmp(type, "PCI", 3))
		return 0;
	if (smi->has[TABLE_TYPE] || number_in(smi, TABLE_WEIGHT, a, b) == GT_UNKNOWN)
		return -1;
	return number_in(smi, TABLE_WEIGHT, a, b) == XGMI_WEIGHT;
}

/* Where some xGMI pairs have a figure, 0-0 is no link, and N/A or a mangled cell says
 * nothing. Where none has, the text counts no links at all: one each. */
static int links_of(const struct smi *smi, int a, int b)
{
	int xgmi = has_xgmi(smi, a, b), mbps;

	if (xgmi <= 0)
		return xgmi;
	if (!smi->any_mbps)
		return 1;
	mbps = bandwidth(smi, a, b);
	return mbps == GT_UNKNOWN ? GT_UNKNOWN : gt_links_of_mbps(mbps, true, "");
}

static void find_bandwidths(struct smi *smi)
{
	for (int a = 0; a < smi->n; a++)
		for (int b = 0; b < smi->n; b++)
			smi->any_mbps |= a != b && has_xgmi(smi, a, b) == 1 &&
					 bandwidth(smi, a, b) > 0;
}

static enum gt_path path_of(const struct smi *smi, int a, int b)
{
	int hops = number_in(smi, TABLE_HOPS, a, b);

	/* two GPUs that reach each other by xGMI through a third: beneath it is PCIe */
	if (links_of(smi, a, b) != 0)
		return GT_PATH_UNKNOWN;
	if (hops > 2)
		return GT_PATH_SYS;
	if (hops == 2 || (smi->numa[a] >= 0 && smi->numa[a] == smi->numa[b]))
		return GT_PATH_NODE;
	return GT_PATH_SYS;
}

/* Tables that do not go together, or whose columns moved. */
static void note_contradictions(const struct smi *smi, struct gt_node *node)
{
	int pairs = 0, first_a = 0, first_b = 0, shifted = 0;

	for (int a = 0; a < smi->n; a++) {
		shifted += number_in(smi, TABLE_WEIGHT, a, a) > 0 ||
			   number_in(smi, TABLE_HOPS, a, a) > 0;
		for (int b = 0; b < a; b++) {
			int weight = number_in(smi, TABLE_WEIGHT, b, a);
			int xgmi = has_xgmi(smi, b, a);

			if ((xgmi == 1 && weight >= PCIE_WEIGHT) ||
			    (xgmi == 0 && weight == XGMI_WEIGHT)) {
				first_a = pairs ? first_a : b;
				first_b = pairs ? first_b : a;
				pairs++;
			}
		}
	}
	if (pairs)
		gt_node_add_note(node,
				 "%d pair%s with a weight that contradicts the link type "
				 "(first: GPUs %d and %d): the link type counts",
				 pairs, pairs > 1 ? "s" : "", first_a, first_b);
	if (shifted)
		gt_node_add_note(
			node,
			"%d GPU%s with a weight or hops to itself above 0: are the "
			"columns in their places?",
			shifted, shifted > 1 ? "s" : "");
}

static enum gt_err build(struct smi *smi, struct gt_node **node)
{
	enum gt_err rc = gt_node_new(node, smi->n, smi->err);
	int unknown = 0, edges = 0;

	if (rc)
		return rc;
	find_bandwidths(smi);
	note_contradictions(smi, *node);
	for (int a = 0; a < smi->n; a++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(*node, a);

		gpu->numa = smi->numa[a];
		snprintf(gpu->bus_id, sizeof(gpu->bus_id), "%s", smi->bus_id[a]);
		for (int b = 0; b < smi->n; b++) {
			int links = a == b ? 0 : links_of(smi, a, b);

			if (a == b)
				continue;
			gt_node_set_links(*node, a, b, links);
			if (a < b || path_of(smi, a, b) > gt_node_path(*node, a, b))
				gt_node_set_path(*node, a, b, path_of(smi, a, b));
			edges += links > 0;
			unknown += a < b && links < 0 && links_of(smi, b, a) < 0;
		}
	}
	if (edges && !smi->any_mbps)
		gt_node_add_note(*node,
				 "xGMI pairs without a bandwidth%s: 1 link each "
				 "assumed",
				 smi->has[TABLE_BANDWIDTH] ? " above 0" : " table");
	if (unknown) {
		gt_node_add_note(*node, "%d pairs are not shown", unknown);
		gt_node_set_partial(*node);
	}
	return GT_OK;
}

static enum gt_err read_text(struct gt_source *src, struct gt_node **node,
			     struct gt_error *err)
{
	struct smi *smi = calloc(1, sizeof(*smi));
	enum gt_err rc = gt_text_check(src, err);

	if (!smi)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	smi->src = src;
	smi->err = err;
	if (rc == GT_OK)
		rc = find_names(smi);
	if (rc == GT_OK)
		rc = allocate(smi);
	if (rc == GT_OK) {
		read_tables(smi);
		if (!smi->has[TABLE_TYPE] && !smi->has[TABLE_WEIGHT])
			rc = gt_fail_src(src, err, GT_EFORMAT, 0,
					 "no link table: nothing to read");
	}
	if (rc == GT_OK)
		rc = build(smi, node);
	for (int t = 0; t < TABLE_COUNT; t++)
		free(smi->cells[t]);
	free(smi->bus_id);
	free(smi->column);
	free(smi->numa);
	free(smi);
	return rc;
}

static enum gt_err read_amd(struct gt_source *src, struct gt_node **node,
			    struct gt_error *err)
{
	struct gt_source tables = *src;
	char *text = NULL;
	enum gt_err rc;

	if (!gt_amd_is_json(src) && !gt_amd_is_csv(src))
		return read_text(src, node, err);
	rc = gt_text_check(src, err);
	if (rc == GT_OK)
		rc = gt_amd_tables(src, &text, &tables.size, err);
	tables.text = text;
	if (rc == GT_OK)
		rc = read_text(&tables, node, err);
	/* the lines are those of the tables, which nobody sees */
	if (rc && err && text)
		err->line = 0;
	free(text);
	return rc;
}

static bool looks_like_rocm(const struct gt_source *src)
{
	return gt_text_has(src, "between two GPUs") ||
	       gt_text_has(src, "between two DCUs") ||
	       gt_text_has(src, "between two HCUs") ||
	       gt_text_has(src, "ROCm System Management Interface");
}

static bool looks_like_amd(const struct gt_source *src)
{
	return gt_text_has(src, " TABLE:") || gt_text_has(src, "amd-smi topology") ||
	       gt_amd_is_json(src) || gt_amd_is_csv(src);
}

const struct gt_format gt_format_rocm_smi = {"rocm-smi", looks_like_rocm, read_amd};
const struct gt_format gt_format_amd_smi = {"amd-smi", looks_like_amd, read_amd};
