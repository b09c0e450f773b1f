/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `nvidia-smi topo -m`: from any driver, pasted, logged, indented or cut. The matrix is
 * the first N cells of each row, N the GPUs of the header; a row whose X does not stand
 * in its own column is mangled and counts as missing. A pair is what its two rows say, so
 * that one missing row loses nothing.
 */
#include "config.h"

#include "source/nvlink.h"
#include "source/topo_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text on its way into a node. */
struct topo {
	struct gt_source *src;
	struct gt_lines lines;
	int n;
	bool has_header;
	int header_gpus;
	int header_line;
	int first_line; /* of the matrix */
	int end_line;	/* the line after its last */
	int stop_line;	/* of another matrix, 0: none */
	int devices;	/* columns before the affinity, 0: not known */
	bool has_numa;	/* a NUMA Affinity column follows the CPU Affinity */
	int tail;	/* columns from the CPU Affinity on */
	/* where the header's last device and its affinity columns begin, in bytes */
	int device_at, cpu_at, numa_at;
	struct gt_mask no_numa; /* GPUs whose row, of blanks, shows no NUMA cell */
	int lost;		/* rows with affinity that could not be read */
	int most_cells;		/* in one row, NICs among them */
	int other_rows;		/* rows of NICs */
	int rows;
	int bad_line;	  /* the first mangled row, 0: none */
	char strange[16]; /* the first unknown token */
	bool second_matrix;
	bool cut_end;		    /* the text ends within a row of a GPU */
	struct gt_topo_cell *cells; /* n x n */
	bool *seen;
};

/* Whether this row is of another matrix. */
static bool is_p2p_row(const char *rest)
{
	struct gt_topo_cell cell;

	while (gt_topo_next_cell(&rest, &cell))
		if (cell.kind == CELL_P2P)
			return true;
	return false;
}

/* ---- finding the matrix ---- */

/* GPU names of a header, which may be glued, and the columns up to the affinity. */
static void read_header(struct topo *topo, const char *at)
{
	const char *affinity = strstr(at, "CPU Affinity"), *c;
	bool in_word = false;
	int number;

	topo->has_header = true;
	topo->header_line = topo->lines.number;
	topo->header_gpus = topo->devices = 0;
	topo->has_numa = affinity && strstr(affinity, "NUMA Affinity");
	for (c = at; affinity && c < affinity; c++) {
		if (!in_word && !gt_topo_is_gap(*c)) {
			topo->devices++;
			topo->device_at = (int)(c - topo->lines.line);
		}
		in_word = !gt_topo_is_gap(*c);
	}
	if (affinity) {
		const char *numa = strstr(affinity, "NUMA Affinity");

		topo->tail =
			1 + (numa != NULL) + (strstr(affinity, "GPU NUMA ID") != NULL);
		topo->cpu_at = (int)(affinity - topo->lines.line);
		topo->numa_at = numa ? (int)(numa - topo->lines.line) : 0;
	}
	/* "GPU1" after "GPU9" is a GPU10 that was cut */
	while (gt_topo_next_gpu(&at, &number) && number == topo->header_gpus) {
		topo->header_gpus++;
		at = gt_topo_skip_gap(at);
	}
}

/* Row k has its X in column k, so it has more than k words: others claim too much. */
static bool is_long_enough(const struct topo *topo, const char *rest, int number)
{
	struct gt_topo_cell cell;
	int count = 0;

	if (number < topo->header_gpus)
		return true;
	while (count <= number && gt_topo_next_cell(&rest, &cell))
		count++;
	return count > number;
}

static int count_cells(const char *rest)
{
	struct gt_topo_cell cell;
	int count = 0;

	while (gt_topo_next_cell(&rest, &cell) && cell.kind != CELL_STRANGE)
		count++;
	return count;
}

/* Pass 1: where the first matrix stands and how many GPUs it has. */
static enum gt_err find_matrix(struct topo *topo, struct gt_error *err)
{
	struct gt_mask rows = {0};
	bool p2p = false;
	int number = 0;
	const char *rest;

	gt_lines_start(&topo->lines, topo->src);
	while (gt_lines_next(&topo->lines)) {
		enum gt_topo_line kind =
			gt_topo_classify(topo->lines.line, &number, &rest);

		if (kind == LINE_HEADER && topo->rows) {
			topo->stop_line = topo->lines.number;
			topo->second_matrix = true;
			break;
		}
		if (kind == LINE_HEADER)
			read_header(topo, rest);
		if (kind == LINE_NIC_ROW && topo->rows)
			topo->other_rows++;
		if (kind != LINE_GPU_ROW)
			continue;
		if (is_p2p_row(rest)) {
			p2p = true;
			if (!topo->rows)
				topo->has_header = false;
			continue;
		}
		if (gt_mask_has(&rows, number)) {
			topo->stop_line = topo->lines.number;
			topo->second_matrix = true;
			break;
		}
		if (!is_long_enough(topo, rest, number)) {
			topo->bad_line = topo->lines.number;
			continue;
		}
		gt_mask_set(&rows, number);
		if (!topo->rows++)
			topo->first_line = topo->lines.number;
		if (number >= topo->n)
			topo->n = number + 1;
		if (count_cells(rest) > topo->most_cells)
			topo->most_cells = count_cells(rest);
		topo->end_line = topo->lines.number + 1;
	}
	if (!topo->has_header)
		topo->header_gpus = topo->devices = 0;
	if (topo->header_gpus > topo->n)
		topo->n = topo->header_gpus;
	if (topo->rows)
		return GT_OK;
	if (p2p)
		return gt_fail_src(topo->src, err, GT_EFORMAT, 0,
				   "a peer-to-peer capability matrix, not a topology");
	return gt_fail_src(topo->src, err, GT_EPARSE, topo->header_line,
			   "a header without any row of a GPU");
}

/* ---- reading the matrix ---- */

static bool is_cpu_list(const char *text, size_t len)
{
	return len && isdigit((unsigned char)text[0]) &&
	       strspn(text, "0123456789,-") >= len;
}

/* ---- affinity ---- */

/* The words behind the devices' cells of a row of blanks. */
struct tail {
	const char *word[4];
	size_t length[4];
	int count;
};

static void read_tail(struct tail *tail, const char *at)
{
	tail->count = 0;
	for (at = gt_topo_skip_gap(at); *at && tail->count < 4;
	     at = gt_topo_skip_gap(at)) {
		tail->word[tail->count] = at;
		tail->length[tail->count++] = gt_topo_token_length(at);
		at += gt_topo_token_length(at);
	}
}

/* The word of the tail that begins at a column, -1: none does. */
static int word_at(const struct tail *tail, const char *column)
{
	for (int i = 0; i < tail->count; i++)
		if (tail->word[i] == column)
			return i;
	return -1;
}

/* Find the words that are the CPU and the NUMA cell. Tabs became blanks up to the next
 * multiple of 8, counted from the last device's cell, or somebody aligned the row with
 * the header. As many words as columns need neither. */
static void place_tail(const struct topo *topo, const struct tail *tail, const char *last,
		       int *cpu, int *numa)
{
	const char *cell = last + 8;
	const char *header = last + topo->cpu_at - topo->device_at;

	*cpu = tail->count == topo->tail ? 0 : word_at(tail, cell);
	*numa = tail->count == topo->tail && topo->has_numa ? 1 : -1;
	if (tail->count == topo->tail)
		return;
	if (*cpu < 0)
		*cpu = word_at(tail, header);
	if (!topo->has_numa)
		return;
	if (*cpu >= 0)
		cell = tail->word[*cpu] + tail->length[*cpu] / 8 * 8;
	*numa = word_at(tail, cell + 8);
	if (*numa < 0)
		*numa = word_at(tail, last + topo->numa_at - topo->device_at);
}

static void read_blank_affinity(struct topo *topo, struct gt_gpu *gpu, int row,
				const char *rest)
{
	const char *last = rest, *word;
	struct gt_topo_cell cell = {0};
	struct tail tail;
	int cpu, numa, value;

	for (int column = 0; column < topo->devices; column++) {
		last = gt_topo_skip_gap(rest);
		if (!gt_topo_next_cell(&rest, &cell) || cell.kind == CELL_STRANGE)
			return;
	}
	read_tail(&tail, rest);
	if (!topo->devices || !tail.count)
		return;
	place_tail(topo, &tail, last - (cell.kind == CELL_SELF), &cpu, &numa);
	if (cpu >= 0 && is_cpu_list(tail.word[cpu], tail.length[cpu]) &&
	    tail.length[cpu] < sizeof(gpu->cpus))
		snprintf(gpu->cpus, sizeof(gpu->cpus), "%.*s", (int)tail.length[cpu],
			 tail.word[cpu]);
	else /* the first word is some cell's, and of none that we placed */
		topo->lost += numa != 0 && isdigit((unsigned char)tail.word[0][0]);
	if (numa < 0) {
		gt_mask_set(&topo->no_numa, row);
		return;
	}
	word = tail.word[numa];
	if (gt_scan_int(&word, 1 << 20, &value) &&
	    word == tail.word[numa] + tail.length[numa])
		gpu->numa = value;
}

/* A row that lacks the NUMA cell of the others may have it glued to the CPUs: "168-2231"
 * is 168-223 and 1. */
static void distrust_glued(struct topo *topo, struct gt_node *node)
{
	bool any = false;

	for (int i = 0; i < topo->n; i++)
		any |= topo->has_numa && topo->seen[i] && !gt_mask_has(&topo->no_numa, i);
	for (int i = 0; any && i < topo->n; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		if (gt_mask_has(&topo->no_numa, i) && gpu->cpus[0]) {
			gpu->cpus[0] = '\0';
			topo->lost++;
		}
	}
	if (topo->lost)
		gt_node_add_note(
			node,
			"the CPU affinity of %d GPU%s is not read: its columns are "
			"not under the header's",
			topo->lost, topo->lost > 1 ? "s" : "");
}

/* Affinity cells may be empty, so tabs tell where they stand, or the columns of blanks
 * that they became. None is read where these do not add up. */
static void read_affinity(struct topo *topo, struct gt_gpu *gpu, int row,
			  const char *rest)
{
	const char *at = strchr(rest, '\t'), *numa;
	struct gt_topo_cell cell;
	size_t len;

	if (!at) {
		read_blank_affinity(topo, gpu, row, rest);
		return;
	}

	for (int column = 0; topo->devices && at && column < topo->devices; column++) {
		const char *text = at + 1, *end = strchr(text, '\t');

		if (!gt_topo_next_cell(&text, &cell) || cell.kind == CELL_STRANGE ||
		    (end && text > end))
			return;
		at = end;
	}
	if (!topo->devices || !at)
		return;
	len = strcspn(at + 1, "\t");
	if (is_cpu_list(at + 1, len) && len < sizeof(gpu->cpus))
		snprintf(gpu->cpus, sizeof(gpu->cpus), "%.*s", (int)len, at + 1);
	numa = at + 1 + len;
	if (topo->has_numa && *numa == '\t') {
		int value;

		numa++;
		if (gt_scan_int(&numa, 1 << 20, &value) && (!*numa || *numa == '\t'))
			gpu->numa = value;
	}
}

/* Whether this is the end of a text without a final newline, where it may be cut. */
static bool ends_abruptly(const struct topo *topo, const char *at)
{
	const struct gt_source *src = topo->src;

	return !*at && topo->lines.at >= topo->lines.end &&
	       src->text[src->size - 1] != '\n';
}

/* A count at the end of a row that is too short, or of the text, may have lost digits. */
static void distrust_last(struct topo *topo, struct gt_topo_cell *cells, int count,
			  const char *at)
{
	if (count > 0 && cells[count - 1].kind == CELL_LINKS &&
	    (count < topo->n || ends_abruptly(topo, at)))
		cells[count - 1] = (struct gt_topo_cell){.kind = CELL_NONE};
}

/* Read one row; false if it is mangled. */
static bool read_row(struct topo *topo, struct gt_node *node, int row, const char *rest)
{
	struct gt_topo_cell *cells = &topo->cells[(size_t)row * (size_t)topo->n];
	const char *at = rest;
	bool sound = true;
	int column = 0;

	for (; column < topo->n; column++) {
		const char *token = gt_topo_skip_gap(at);

		if (!gt_topo_next_cell(&at, &cells[column]))
			break;
		if (cells[column].kind == CELL_STRANGE && !topo->strange[0])
			snprintf(topo->strange, sizeof(topo->strange), "%.*s",
				 (int)gt_topo_token_length(token), token);
		if ((cells[column].kind == CELL_SELF) != (column == row))
			sound = false;
	}
	if (cells[row].kind != CELL_SELF || !sound) {
		memset(cells, 0, (size_t)topo->n * sizeof(*cells));
		return false;
	}
	distrust_last(topo, cells, column, at);
	topo->cut_end = ends_abruptly(topo, at);
	read_affinity(topo, gt_node_edit_gpu(node, row), row, rest);
	return true;
}

/* Pass 2. */
static void read_matrix(struct topo *topo, struct gt_node *node)
{
	int number = 0;
	const char *rest;

	gt_lines_start(&topo->lines, topo->src);
	while (gt_lines_next(&topo->lines)) {
		if (topo->lines.number < topo->first_line)
			continue;
		if (topo->lines.number >= topo->end_line)
			break;
		if (gt_topo_classify(topo->lines.line, &number, &rest) != LINE_GPU_ROW ||
		    is_p2p_row(rest))
			continue;
		if (number >= topo->n)
			continue;
		topo->seen[number] = read_row(topo, node, number, rest);
		if (!topo->seen[number] && !topo->bad_line)
			topo->bad_line = topo->lines.number;
	}
}

static bool is_known(const struct gt_topo_cell *cell)
{
	return cell->kind == CELL_PATH || cell->kind == CELL_LINKS;
}

/* What two rows say of one pair; each direction's links as they stand. False: nothing. */
static bool set_pair(struct topo *topo, struct gt_node *node, int a, int b)
{
	const struct gt_topo_cell *ab =
		&topo->cells[(size_t)a * (size_t)topo->n + (size_t)b];
	const struct gt_topo_cell *ba =
		&topo->cells[(size_t)b * (size_t)topo->n + (size_t)a];
	int path = GT_PATH_UNKNOWN;

	gt_node_set_links(node, a, b, is_known(ab) ? ab->links : GT_UNKNOWN);
	gt_node_set_links(node, b, a, is_known(ba) ? ba->links : GT_UNKNOWN);
	if (!is_known(ab) && !is_known(ba))
		return false;
	/* the farther of the two: paths are ordered by distance */
	if (is_known(ab))
		path = ab->path;
	if (is_known(ba) && ba->path > path)
		path = ba->path;
	gt_node_set_path(node, a, b, (enum gt_path)path);
	if (ab->kind == CELL_PATH && ba->kind == CELL_PATH && ab->path != ba->path)
		gt_node_add_note(node,
				 "GPUs %d and %d: %s one way and %s the other: the "
				 "farther counts",
				 a, b, gt_path_name((enum gt_path)ab->path),
				 gt_path_name((enum gt_path)ba->path));
	return true;
}

/* Say what is missing; the model is partial then. */
static void note_gaps(struct topo *topo, struct gt_node *node, int unknown)
{
	struct gt_mask missing = {0};
	char list[GT_MASK_TEXT_MAX];

	for (int i = 0; i < topo->n; i++)
		if (!topo->seen[i])
			gt_mask_set(&missing, i);
	if (gt_mask_count(&missing)) {
		gt_node_add_note(node,
				 "no readable row of GPUs %s: the text is cut or mangled",
				 gt_mask_format(&missing, list, sizeof(list)));
		gt_node_set_partial(node);
	}
	if (topo->bad_line) {
		gt_node_add_note(node, "line %d: the row's X is not in its own column",
				 topo->bad_line);
		gt_node_set_partial(node);
	}
	if (!topo->has_header && topo->most_cells > topo->n &&
	    topo->most_cells != topo->rows + topo->other_rows) {
		gt_node_add_note(node,
				 "no header, and %d columns beside %d rows: GPUs may be "
				 "missing",
				 topo->most_cells, topo->rows);
		gt_node_set_partial(node);
	}
	if (!topo->has_header && topo->cut_end) {
		gt_node_add_note(node,
				 "no header, and no end of the last row: GPUs may be "
				 "missing");
		gt_node_set_partial(node);
	}
	if (topo->strange[0])
		gt_node_add_note(node, "'%s' is not a known kind of path", topo->strange);
	if (unknown) {
		gt_node_add_note(node, "%d pairs are not shown", unknown);
		gt_node_set_partial(node);
	}
}

static void note_rest(struct topo *topo, struct gt_node *node)
{
	bool any_links = false;

	for (int a = 0; a < topo->n; a++)
		for (int b = 0; b < a; b++)
			any_links = any_links || gt_node_links(node, a, b) > 0;
	if (topo->second_matrix)
		gt_node_add_note(node, "more than one matrix: the first is read");
	if (any_links)
		return;
	if (gt_text_has(topo->src, "topo -mp")) {
		gt_node_add_note(node, "`nvidia-smi topo -mp` hides NVLink: use -m");
		gt_node_set_partial(node);
	} else if (gt_text_has(topo->src, "PIX  =") && !gt_text_has(topo->src, "NV#")) {
		gt_node_add_note(node,
				 "the legend has no NV# line, as that of `topo -mp`, "
				 "which hides NVLink");
	}
}

static enum gt_err build(struct topo *topo, struct gt_node **node, struct gt_error *err)
{
	enum gt_err rc = gt_node_new(node, topo->n, err);
	size_t cells = (size_t)topo->n * (size_t)topo->n;
	int unknown = 0;

	if (rc)
		return rc;
	topo->cells = calloc(cells, sizeof(*topo->cells));
	topo->seen = calloc((size_t)topo->n, sizeof(*topo->seen));
	if (!topo->cells || !topo->seen)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	read_matrix(topo, *node);
	if (!memchr(topo->seen, true, (size_t)topo->n))
		return gt_fail_src(topo->src, err, GT_EPARSE, topo->first_line,
				   "no row of a GPU has its X in its own column");
	for (int a = 0; a < topo->n; a++)
		for (int b = 0; b < a; b++)
			unknown += !set_pair(topo, *node, b, a);
	distrust_glued(topo, *node);
	note_gaps(topo, *node, unknown);
	note_rest(topo, *node);
	topo->src->infer_fabric = true;
	rc = gt_topo_read_nics(topo->src, *node, topo->stop_line, err);
	if (rc)
		return rc;
	return gt_nvlink_complement(topo->src, *node, err);
}

static bool looks_like(const struct gt_source *src)
{
	struct gt_lines *lines = malloc(sizeof(*lines));
	const char *rest;
	bool found = false;
	int number = 0;

	if (!lines || gt_text_check(src, NULL)) {
		free(lines);
		return false;
	}
	gt_lines_start(lines, src);
	while (!found && gt_lines_next(lines)) {
		enum gt_topo_line kind = gt_topo_classify(lines->line, &number, &rest);

		found = kind == LINE_GPU_ROW || kind == LINE_HEADER;
	}
	free(lines);
	return found;
}

static enum gt_err read_nvidia_smi(struct gt_source *src, struct gt_node **node,
				   struct gt_error *err)
{
	struct topo *topo = calloc(1, sizeof(*topo));
	enum gt_err rc;

	if (!topo)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	topo->src = src;
	rc = gt_text_check(src, err);
	if (rc == GT_OK)
		rc = find_matrix(topo, err);
	if (rc == GT_OK)
		rc = build(topo, node, err);
	free(topo->cells);
	free(topo->seen);
	free(topo);
	if (rc) {
		gt_node_free(*node);
		*node = NULL;
	}
	return rc;
}

const struct gt_format gt_format_nvidia_smi = {"nvidia-smi", looks_like, read_nvidia_smi};
