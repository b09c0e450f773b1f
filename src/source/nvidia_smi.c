/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `nvidia-smi topo -m`: from any driver, pasted, logged, indented or cut. The matrix is
 * the first N cells of each row, N the GPUs of the header; a row whose X does not stand
 * in its own column is mangled and counts as missing. A pair is what its two rows say, so
 * that one missing row loses nothing.
 */
#include "config.h"

#include "source/nvlink.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum cell_kind {
	CELL_NONE = 0, /* no such row, or the row ends before */
	CELL_SELF,
	CELL_PATH,
	CELL_LINKS,
	CELL_P2P,     /* of `topo -p2p`: another matrix */
	CELL_STRANGE, /* a token that means nothing to us */
};

struct cell {
	uint8_t kind;
	uint8_t path;
	int16_t links;
};

/* Cells in nvidia-smi's words. SOC is SYS before driver 384, PSB one on-board switch. */
static const struct {
	const char *word;
	enum cell_kind kind;
	enum gt_path path;
} words[] = {
	{"NODE", CELL_PATH, GT_PATH_NODE},  {"SYS", CELL_PATH, GT_PATH_SYS},
	{"SOC", CELL_PATH, GT_PATH_SYS},    {"PHB", CELL_PATH, GT_PATH_PHB},
	{"PXB", CELL_PATH, GT_PATH_PXB},    {"PIX", CELL_PATH, GT_PATH_PIX},
	{"PSB", CELL_PATH, GT_PATH_PIX},    {"C2C", CELL_PATH, GT_PATH_C2C},
	{"X", CELL_SELF, GT_PATH_SELF},	    {"x", CELL_SELF, GT_PATH_SELF},
	{"OK", CELL_P2P, GT_PATH_UNKNOWN},  {"CNS", CELL_P2P, GT_PATH_UNKNOWN},
	{"GNS", CELL_P2P, GT_PATH_UNKNOWN}, {"TNS", CELL_P2P, GT_PATH_UNKNOWN},
	{"NS", CELL_P2P, GT_PATH_UNKNOWN},  {"DR", CELL_P2P, GT_PATH_UNKNOWN},
	{"U", CELL_P2P, GT_PATH_UNKNOWN},   {"N/A", CELL_STRANGE, GT_PATH_UNKNOWN},
};

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
	int devices;	/* columns before the affinity, 0: not known */
	bool has_numa;	/* a NUMA Affinity column follows the CPU Affinity */
	int most_cells; /* in one row, NICs among them */
	int other_rows; /* rows of NICs */
	int rows;
	int bad_line;	  /* the first mangled row, 0: none */
	char strange[16]; /* the first unknown token */
	bool second_matrix;
	bool cut_end;	    /* the text ends within a row of a GPU */
	struct cell *cells; /* n x n */
	bool *seen;
};

/* ---- tokens ---- */

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '|' || c == '`';
}

static const char *skip_gap(const char *at)
{
	while (is_gap(*at))
		at++;
	return at;
}

static size_t token_length(const char *at)
{
	size_t len = 0;

	while (at[len] && !is_gap(at[len]))
		len++;
	return len;
}

/* "NV12"; the digits must end the token, or a glued affinity would change the count. */
static size_t read_links(const char *at, struct cell *cell)
{
	const char *end = at + 2;
	int links;

	if (strncmp(at, "NV", 2) || !gt_scan_int(&end, GT_MAX_LINKS, &links))
		return 0;
	if (isdigit((unsigned char)*end) || *end == '-' || *end == ',' || *end == '.')
		return 0;
	*cell = (struct cell){CELL_LINKS, GT_PATH_LINK, (int16_t)links};
	return (size_t)(end - at);
}

static size_t read_word(const char *at, struct cell *cell)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(at, words[i].word, len))
			continue;
		*cell = (struct cell){(uint8_t)words[i].kind, (uint8_t)words[i].path, 0};
		return len;
	}
	return read_links(at, cell);
}

/* One cell at *at; cells may be glued ("PIXNODE"), but only to other cells. */
static bool next_cell(const char **at, struct cell *cell)
{
	struct cell rest;
	size_t len;

	*at = skip_gap(*at);
	if (!**at)
		return false;
	len = read_word(*at, cell);
	if (len && (!(*at)[len] || is_gap((*at)[len]) || read_word(*at + len, &rest))) {
		*at += len;
		return true;
	}
	*cell = (struct cell){.kind = CELL_STRANGE};
	*at += token_length(*at);
	return true;
}

/* "GPU12" at *at; *at moves behind it. */
static bool next_gpu(const char **at, int *number)
{
	const char *c = *at;

	if (strncmp(c, "GPU", 3))
		return false;
	c += 3;
	if (!gt_scan_int(&c, GT_MAX_GPUS - 1, number))
		return false;
	*at = c;
	return true;
}

/* Behind what logs, comments, quotes and tables put before a line: no words. */
static const char *skip_prefix(const char *line)
{
	return line + strspn(line, " \t|`'\"#*/>+-:.,[]()0123456789TZ");
}

enum line_kind { LINE_OTHER, LINE_HEADER, LINE_GPU_ROW, LINE_NIC_ROW };

/* Do cells begin at at? One that we don't know may be the first (another vendor's word,
 * or two that were glued), if the next one is known. */
static bool begins_cells(const char *at)
{
	struct cell cell = {0};
	bool strange_word;

	strange_word =
		!strncmp(skip_gap(at), "N/A", 3) || !strncmp(skip_gap(at), "MX", 2);
	if (!is_gap(*at) || !next_cell(&at, &cell))
		return false;
	if (cell.kind != CELL_STRANGE || strange_word)
		return true;
	return next_cell(&at, &cell) && cell.kind != CELL_STRANGE;
}

/* Is cell number of the row its X? */
static bool has_own_x(const char *at, int number)
{
	struct cell cell = {0};

	for (int column = 0; column <= number; column++)
		if (!next_cell(&at, &cell) ||
		    (cell.kind == CELL_SELF) != (column == number))
			return false;
	return true;
}

/* "GPU0 GPU1" or "GPU0 CPU Affinity", as only headers have it? */
static bool is_sure_header(const char *after)
{
	const char *at = skip_gap(after);
	int next;

	return at > after &&
	       ((next_gpu(&at, &next) && next == 1 && (!*at || is_gap(*at))) ||
		!strncmp(at, "CPU Affinity", 12));
}

/* A row or a header behind words that a launcher or a logger put before it
 * ("[1,0]<stdout>:", "INFO node1:"): only where nothing but the matrix reads like this.
 */
static enum line_kind classify_logged(const char *line, int *number, const char **rest)
{
	for (const char *at = strstr(line, "GPU"); at; at = strstr(at + 1, "GPU")) {
		const char *after = at;

		if ((at > line && isalnum((unsigned char)at[-1])) ||
		    !next_gpu(&after, number))
			continue;
		*rest = after;
		if (is_gap(*after) && has_own_x(after, *number))
			return LINE_GPU_ROW;
		*rest = at;
		return *number == 0 && is_sure_header(after) ? LINE_HEADER : LINE_OTHER;
	}
	return LINE_OTHER;
}

/* What is this line? *rest: behind the row's name, or the header's first name. */
static enum line_kind classify(const char *line, int *number, const char **rest)
{
	const char *at = skip_prefix(line), *after;
	struct cell cell = {0};
	enum line_kind kind;

	*rest = after = at;
	if (next_gpu(&after, number)) {
		const char *first = skip_gap(after);

		after += *after == ':';
		*rest = after;
		if (begins_cells(after))
			return LINE_GPU_ROW;
		*rest = at;
		return *first == '=' || *first == ':' ? LINE_OTHER : LINE_HEADER;
	}
	kind = classify_logged(line, number, rest);
	if (kind != LINE_OTHER)
		return kind;
	/* a NIC: any one word, then nothing but cells, its own X among them */
	after = at + token_length(at);
	if (after > at && next_cell(&after, &cell) && cell.kind == CELL_PATH) {
		*rest = at + token_length(at);
		return LINE_NIC_ROW;
	}
	return LINE_OTHER;
}

/* Is this row of another matrix? */
static bool is_p2p_row(const char *rest)
{
	struct cell cell;

	while (next_cell(&rest, &cell))
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
		topo->devices += !in_word && !is_gap(*c);
		in_word = !is_gap(*c);
	}
	/* "GPU1" after "GPU9" is a GPU10 that was cut */
	while (next_gpu(&at, &number) && number == topo->header_gpus) {
		topo->header_gpus++;
		at = skip_gap(at);
	}
}

/* Row k has its X in column k, so it has more than k words: others claim too much. */
static bool is_long_enough(const struct topo *topo, const char *rest, int number)
{
	struct cell cell;
	int count = 0;

	if (number < topo->header_gpus)
		return true;
	while (count <= number && next_cell(&rest, &cell))
		count++;
	return count > number;
}

static int count_cells(const char *rest)
{
	struct cell cell;
	int count = 0;

	while (next_cell(&rest, &cell) && cell.kind != CELL_STRANGE)
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
		enum line_kind kind = classify(topo->lines.line, &number, &rest);

		if (kind == LINE_HEADER && topo->rows) {
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

/* Affinity cells may be empty, so only tabs tell where they stand: none is read from a
 * text whose tabs were expanded, or whose columns do not add up. */
static void read_affinity(struct topo *topo, struct gt_gpu *gpu, const char *rest)
{
	const char *at = strchr(rest, '\t'), *numa;
	struct cell cell;
	size_t len;

	for (int column = 0; topo->devices && at && column < topo->devices; column++) {
		const char *text = at + 1, *end = strchr(text, '\t');

		if (!next_cell(&text, &cell) || cell.kind == CELL_STRANGE ||
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

/* Is this the end of a text without a final newline: a place where it may be cut? */
static bool ends_abruptly(const struct topo *topo, const char *at)
{
	const struct gt_source *src = topo->src;

	return !*at && topo->lines.at >= topo->lines.end &&
	       src->text[src->size - 1] != '\n';
}

/* A count at the end of a row that is too short, or of the text, may have lost digits. */
static void distrust_last(struct topo *topo, struct cell *cells, int count,
			  const char *at)
{
	if (count > 0 && cells[count - 1].kind == CELL_LINKS &&
	    (count < topo->n || ends_abruptly(topo, at)))
		cells[count - 1] = (struct cell){.kind = CELL_NONE};
}

/* Read one row; false if it is mangled. */
static bool read_row(struct topo *topo, struct gt_node *node, int row, const char *rest)
{
	struct cell *cells = &topo->cells[(size_t)row * (size_t)topo->n];
	const char *at = rest;
	bool sound = true;
	int column = 0;

	for (; column < topo->n; column++) {
		const char *token = skip_gap(at);

		if (!next_cell(&at, &cells[column]))
			break;
		if (cells[column].kind == CELL_STRANGE && !topo->strange[0])
			snprintf(topo->strange, sizeof(topo->strange), "%.*s",
				 (int)token_length(token), token);
		if ((cells[column].kind == CELL_SELF) != (column == row))
			sound = false;
	}
	if (cells[row].kind != CELL_SELF || !sound) {
		memset(cells, 0, (size_t)topo->n * sizeof(*cells));
		return false;
	}
	distrust_last(topo, cells, column, at);
	topo->cut_end = ends_abruptly(topo, at);
	read_affinity(topo, gt_node_edit_gpu(node, row), rest);
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
		if (classify(topo->lines.line, &number, &rest) != LINE_GPU_ROW ||
		    is_p2p_row(rest))
			continue;
		if (number >= topo->n)
			continue;
		topo->seen[number] = read_row(topo, node, number, rest);
		if (!topo->seen[number] && !topo->bad_line)
			topo->bad_line = topo->lines.number;
	}
}

static bool is_known(const struct cell *cell)
{
	return cell->kind == CELL_PATH || cell->kind == CELL_LINKS;
}

/* What two rows say of one pair; each direction's links as they stand. False: nothing. */
static bool set_pair(struct topo *topo, struct gt_node *node, int a, int b)
{
	const struct cell *ab = &topo->cells[(size_t)a * (size_t)topo->n + (size_t)b];
	const struct cell *ba = &topo->cells[(size_t)b * (size_t)topo->n + (size_t)a];
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
	note_gaps(topo, *node, unknown);
	note_rest(topo, *node);
	topo->src->infer_fabric = true;
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
		enum line_kind kind = classify(lines->line, &number, &rest);

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
