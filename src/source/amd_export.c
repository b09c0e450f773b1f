/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * amd_export.c - the forms for programs of `amd-smi topology`: JSON with a list of links
 * for each GPU (since ROCm 6.2) or an object for each table (before), and CSV with a
 * column for each table and GPU. Shapes: amdsmi_cli/amdsmi_commands.py of ROCm/amdsmi.
 * They are written as the tables of the text, which one reader reads then.
 */
#include "config.h"

#include "source/amd_export.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 24

/* A table's title, and its name in a link, in an object and in a column of CSV. */
static const struct {
	const char *title, *link, *object;
} tables[] = {
	{"WEIGHT TABLE", "weight", "weight"},
	{"HOPS TABLE", "num_hops", "hops"},
	{"LINK TYPE TABLE", "link_type", "link_type"},
	{"NUMA BW TABLE", "bandwidth", "numa_bandwidth"},
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

struct export
{
	const struct gt_source *src;
	int n;
	char(*name)[CELL_MAX]; /* bus ids, or GPU0 and so on */
	int *number;	       /* the GPU's own, which keys speak of */
	char(*cell[TABLES])[CELL_MAX];
	struct gt_error *err;
};

bool gt_amd_is_json(const struct gt_source *src)
{
	char first = gt_text_first(src);

	return (first == '[' || first == '{') && gt_text_has(src, "\"gpu\"") &&
	       (gt_text_has(src, "\"link_type\"") || gt_text_has(src, "\"num_hops\"") ||
		gt_text_has(src, "\"numa_bandwidth\""));
}

bool gt_amd_is_csv(const struct gt_source *src)
{
	return gt_text_first(src) == 'g' && gt_text_has(src, "gpu,") &&
	       gt_text_has(src, "_gpu_0") &&
	       (gt_text_has(src, "link_type_gpu_") || gt_text_has(src, "weight_gpu_"));
}

/* ---- cells ---- */

static enum gt_err allocate(struct export *x, int n)
{
	size_t cells = (size_t)n * (size_t)n;

	if (n < 1 || n > GT_MAX_GPUS)
		return gt_fail_src(x->src, x->err, n < 1 ? GT_EFORMAT : GT_ELIMIT, 0,
				   n < 1 ? "no GPU in it" : "more than %d GPUs",
				   GT_MAX_GPUS);
	x->n = n;
	x->name = calloc((size_t)n, sizeof(*x->name));
	x->number = calloc((size_t)n, sizeof(*x->number));
	for (size_t t = 0; t < TABLES; t++)
		x->cell[t] = calloc(cells, sizeof(*x->cell[t]));
	for (size_t t = 0; t < TABLES; t++)
		if (!x->name || !x->number || !x->cell[t])
			return gt_fail(x->err, GT_ENOMEM, "out of memory");
	return GT_OK;
}

static void release(struct export *x)
{
	free(x->name);
	free(x->number);
	for (size_t t = 0; t < TABLES; t++)
		free(x->cell[t]);
}

/* A cell of the text has no blanks. */
static void set_cell(struct export *x, size_t table, int a, int b, const char *text)
{
	char *cell = x->cell[table][(size_t)a * (size_t)x->n + (size_t)b];

	snprintf(cell, CELL_MAX, "%.*s", CELL_MAX - 1, text);
	for (; *cell; cell++)
		if (!isgraph((unsigned char)*cell) || *cell == '|')
			*cell = '_';
}

static void set_name(struct export *x, int gpu, int number, const char *bdf)
{
	x->number[gpu] = number;
	if (!bdf || !gt_bus_id_normalize(bdf, x->name[gpu], sizeof(x->name[gpu])))
		snprintf(x->name[gpu], sizeof(x->name[gpu]), "GPU%d", gpu);
}

static int find_number(const struct export *x, long number)
{
	for (int i = 0; i < x->n; i++)
		if (x->number[i] == number)
			return i;
	return -1;
}

/* ---- JSON ---- */

static void set_json(struct export *x, size_t table, int a, int b, const json_t *value)
{
	char text[CELL_MAX];

	if (b < 0 || b >= x->n || !value)
		return;
	if (json_is_string(value)) {
		set_cell(x, table, a, b, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
		set_cell(x, table, a, b, text);
	}
}

/* {"gpu": 1, "bdf": "0000:22:00.0", "weight": 15, ...} of GPU a. */
static void read_link(struct export *x, int a, const json_t *link)
{
	const char *bdf = json_string_value(json_object_get(link, "bdf"));
	int b = find_number(x, (long)json_integer_value(json_object_get(link, "gpu")));
	char id[CELL_MAX];

	if (bdf && gt_bus_id_normalize(bdf, id, sizeof(id)))
		for (int i = 0; i < x->n; i++)
			if (!strcmp(x->name[i], id))
				b = i;
	for (size_t t = 0; t < TABLES; t++)
		set_json(x, t, a, b, json_object_get(link, tables[t].link));
}

/* "link_type": {"gpu_0": "SELF", "gpu_1": "XGMI", ...} of GPU a. */
static void read_object(struct export *x, size_t table, int a, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (!strncmp(key, "gpu_", 4) && isdigit((unsigned char)key[4]))
			set_json(x, table, a, find_number(x, atol(key + 4)), value);
	}
}

static void read_gpu(struct export *x, int a, const json_t *gpu)
{
	json_t *links = json_object_get(gpu, "links"), *link;
	size_t i;

	json_array_foreach(links, i, link)
	{
		read_link(x, a, link);
	}
	for (size_t t = 0; t < TABLES; t++)
		if (json_is_object(json_object_get(gpu, tables[t].object)))
			read_object(x, t, a, json_object_get(gpu, tables[t].object));
}

/* The list of GPUs: the document, or the first list in it. */
static json_t *find_list(json_t *root)
{
	const char *key;
	json_t *value;

	if (json_is_array(root))
		return root;
	json_object_foreach(root, key, value)
	{
		if (json_is_array(value))
			return value;
	}
	return NULL;
}

static enum gt_err read_json(struct export *x)
{
	json_error_t why;
	json_t *root = json_loadb(x->src->text, x->src->size, 0, &why), *list, *gpu;
	enum gt_err rc;
	size_t i;

	if (!root)
		return gt_fail_src(x->src, x->err, GT_EPARSE, why.line, "%.150s",
				   why.text);
	list = find_list(root);
	rc = allocate(x, list ? (int)json_array_size(list) : 0);
	json_array_foreach(rc ? NULL : list, i, gpu)
	{
		json_t *number = json_object_get(gpu, "gpu");

		set_name(x, (int)i,
			 json_is_integer(number) ? (int)json_integer_value(number)
						 : (int)i,
			 json_string_value(json_object_get(gpu, "bdf")));
	}
	json_array_foreach(rc ? NULL : list, i, gpu)
	{
		read_gpu(x, (int)i, gpu);
	}
	json_decref(root);
	return rc;
}

/* ---- CSV ---- */

/* The field at *at, without quotes, which moves behind it; false: the row has no more. */
static bool next_field(const char **at, char *out, size_t size)
{
	bool quoted = **at == '"';
	size_t used = 0;
	const char *p = *at + quoted;

	if (!*at || !**at)
		return false;
	for (; *p && (quoted ? *p != '"' : *p != ','); p++)
		if (used < size - 1)
			out[used++] = *p;
	out[used] = '\0';
	p += strcspn(p, ",");
	*at = *p ? p + 1 : p;
	return true;
}

/* "link_type_gpu_3": its table and GPU; false: another column. */
static bool read_column(const char *name, size_t *table, long *gpu)
{
	for (*table = 0; *table < TABLES; ++*table) {
		size_t length = strlen(tables[*table].object);

		if (strncmp(name, tables[*table].object, length) ||
		    strncmp(name + length, "_gpu_", 5) ||
		    !isdigit((unsigned char)name[length + 5]))
			continue;
		*gpu = atol(name + length + 5);
		return true;
	}
	return false;
}

/* One row; names: only the GPU's number and bus id. */
static void read_row(struct export *x, const char *header, const char *row, int a,
		     bool names)
{
	char column[64], value[64], bdf[64] = "";
	int number = a;
	size_t table;
	long gpu;

	while (next_field(&header, column, sizeof(column)) &&
	       next_field(&row, value, sizeof(value))) {
		if (!strcmp(column, "gpu") && isdigit((unsigned char)value[0]))
			number = atoi(value);
		else if (!strcmp(column, "bdf"))
			snprintf(bdf, sizeof(bdf), "%s", value);
		else if (!names && read_column(column, &table, &gpu) &&
			 find_number(x, gpu) >= 0)
			set_cell(x, table, a, find_number(x, gpu), value);
	}
	if (names)
		set_name(x, a, number, bdf);
}

static int count_rows(const struct gt_source *src, struct gt_lines *lines, char *header)
{
	int rows = -1;

	gt_lines_start(lines, src);
	while (gt_lines_next(lines)) {
		if (!lines->line[0])
			continue;
		if (rows++ < 0)
			memcpy(header, lines->line, strlen(lines->line) + 1);
	}
	return rows;
}

static enum gt_err read_csv(struct export *x)
{
	struct gt_lines *lines = malloc(sizeof(*lines));
	char *header = malloc(GT_LINE_MAX);
	enum gt_err rc = GT_OK;

	if (!lines || !header)
		rc = gt_fail(x->err, GT_ENOMEM, "out of memory");
	if (rc == GT_OK)
		rc = allocate(x, count_rows(x->src, lines, header));
	for (int pass = 0; rc == GT_OK && pass < 2; pass++) {
		int a = -1;

		gt_lines_start(lines, x->src);
		while (gt_lines_next(lines) && a < x->n) {
			if (!lines->line[0])
				continue;
			if (a >= 0)
				read_row(x, header, lines->line, a, pass == 0);
			a++;
		}
	}
	free(header);
	free(lines);
	return rc;
}

/* ---- as text ---- */

static void write_table(const struct export *x, size_t table, FILE *out)
{
	fprintf(out, "%s:\n", tables[table].title);
	for (int b = 0; b < x->n; b++)
		fprintf(out, " %s", x->name[b]);
	for (int a = 0; a < x->n; a++) {
		fprintf(out, "\n%s", x->name[a]);
		for (int b = 0; b < x->n; b++) {
			const char *cell =
				x->cell[table][(size_t)a * (size_t)x->n + (size_t)b];

			fprintf(out, " %s", a == b ? "SELF" : *cell ? cell : "N/A");
		}
	}
	fputs("\n\n", out);
}

static bool has_cells(const struct export *x, size_t table)
{
	for (size_t i = 0; i < (size_t)x->n * (size_t)x->n; i++)
		if (x->cell[table][i][0])
			return true;
	return false;
}

enum gt_err gt_amd_tables(const struct gt_source *src, char **text, size_t *size,
			  struct gt_error *err)
{
	struct export x = {.src = src, .err = err};
	enum gt_err rc = gt_amd_is_json(src) ? read_json(&x) : read_csv(&x);
	FILE *out = rc ? NULL : open_memstream(text, size);

	if (!rc && !out)
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	for (size_t t = 0; !rc && t < TABLES; t++)
		if (has_cells(&x, t))
			write_table(&x, t, out);
	if (out && fclose(out))
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	release(&x);
	return rc;
}
