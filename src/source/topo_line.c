/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of `nvidia-smi topo -m` and their cells. */
#include "config.h"

#include "source/topo_line.h"

#include <ctype.h>
#include <string.h>

/* Cells in nvidia-smi's words. SOC is SYS before driver 384, PSB one on-board switch. */
static const struct {
	const char *word;
	enum gt_topo_kind kind;
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

bool gt_topo_is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '|' || c == '`';
}

const char *gt_topo_skip_gap(const char *at)
{
	while (gt_topo_is_gap(*at))
		at++;
	return at;
}

size_t gt_topo_token_length(const char *at)
{
	size_t len = 0;

	while (at[len] && !gt_topo_is_gap(at[len]))
		len++;
	return len;
}

/* "NV12"; the digits must end the token, or a glued affinity would change the count. */
static size_t read_links(const char *at, struct gt_topo_cell *cell)
{
	const char *end = at + 2;
	int links;

	if (strncmp(at, "NV", 2) || !gt_scan_int(&end, GT_MAX_LINKS, &links))
		return 0;
	if (isdigit((unsigned char)*end) || *end == '-' || *end == ',' || *end == '.')
		return 0;
	*cell = (struct gt_topo_cell){CELL_LINKS, GT_PATH_LINK, (int16_t)links};
	return (size_t)(end - at);
}

static size_t read_word(const char *at, struct gt_topo_cell *cell)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(at, words[i].word, len))
			continue;
		*cell = (struct gt_topo_cell){(uint8_t)words[i].kind,
					      (uint8_t)words[i].path, 0};
		return len;
	}
	return read_links(at, cell);
}

bool gt_topo_next_cell(const char **at, struct gt_topo_cell *cell)
{
	struct gt_topo_cell rest;
	size_t len;

	*at = gt_topo_skip_gap(*at);
	if (!**at)
		return false;
	len = read_word(*at, cell);
	if (len &&
	    (!(*at)[len] || gt_topo_is_gap((*at)[len]) || read_word(*at + len, &rest))) {
		*at += len;
		return true;
	}
	*cell = (struct gt_topo_cell){.kind = CELL_STRANGE};
	*at += gt_topo_token_length(*at);
	return true;
}

bool gt_topo_next_gpu(const char **at, int *number)
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

/* Whether cells begin at at. One that we don't know may be the first (another vendor's
 * word, or two that were glued), if the next one is known. */
static bool begins_cells(const char *at)
{
	struct gt_topo_cell cell = {0};
	bool strange_word;

	strange_word = !strncmp(gt_topo_skip_gap(at), "N/A", 3) ||
		       !strncmp(gt_topo_skip_gap(at), "MX", 2);
	if (!gt_topo_is_gap(*at) || !gt_topo_next_cell(&at, &cell))
		return false;
	if (cell.kind != CELL_STRANGE || strange_word)
		return true;
	return gt_topo_next_cell(&at, &cell) && cell.kind != CELL_STRANGE;
}

/* Whether cell number of the row is its X. */
static bool has_own_x(const char *at, int number)
{
	struct gt_topo_cell cell = {0};

	for (int column = 0; column <= number; column++)
		if (!gt_topo_next_cell(&at, &cell) ||
		    (cell.kind == CELL_SELF) != (column == number))
			return false;
	return true;
}

/* Whether it is "GPU0 GPU1" or "GPU0 CPU Affinity", as only headers have it. */
static bool is_sure_header(const char *after)
{
	const char *at = gt_topo_skip_gap(after);
	int next;

	return at > after && ((gt_topo_next_gpu(&at, &next) && next == 1 &&
			       (!*at || gt_topo_is_gap(*at))) ||
			      !strncmp(at, "CPU Affinity", 12));
}

/* A row or a header behind words that a launcher or a logger put before it
 * ("[1,0]<stdout>:", "INFO node1:"): only where nothing but the matrix reads like this.
 */
static enum gt_topo_line classify_logged(const char *line, int *number, const char **rest)
{
	for (const char *at = strstr(line, "GPU"); at; at = strstr(at + 1, "GPU")) {
		const char *after = at;

		if ((at > line && isalnum((unsigned char)at[-1])) ||
		    !gt_topo_next_gpu(&after, number))
			continue;
		*rest = after;
		if (gt_topo_is_gap(*after) && has_own_x(after, *number))
			return LINE_GPU_ROW;
		*rest = at;
		return *number == 0 && is_sure_header(after) ? LINE_HEADER : LINE_OTHER;
	}
	return LINE_OTHER;
}

enum gt_topo_line gt_topo_classify(const char *line, int *number, const char **rest)
{
	const char *at = skip_prefix(line), *after;
	struct gt_topo_cell cell = {0};
	enum gt_topo_line kind;

	*rest = after = at;
	if (gt_topo_next_gpu(&after, number)) {
		const char *first = gt_topo_skip_gap(after);

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
	after = at + gt_topo_token_length(at);
	if (after > at && gt_topo_next_cell(&after, &cell) && cell.kind == CELL_PATH) {
		*rest = at + gt_topo_token_length(at);
		return LINE_NIC_ROW;
	}
	return LINE_OTHER;
}
