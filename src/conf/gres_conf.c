/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gres_conf.c - gres.conf and what it includes, put together for the reader of gres. */
#define _GNU_SOURCE
#include "config.h"

#include "conf/gres_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/slurm_conf.h"

#define LOOK_MAX 65536 /* bytes that tell whether a file is split */

/* Where a line of the joined text came from. */
struct origin {
	char *file;
	int number;
};

struct joined {
	FILE *out;
	struct origin *origins;
	int count, room;
};

static enum gt_err join_line(const struct slurm_line *line, void *arg)
{
	struct joined *joined = arg;

	if (joined->count == joined->room) {
		int room = joined->room ? 2 * joined->room : 64;
		struct origin *more =
			realloc(joined->origins, (size_t)room * sizeof(*more));

		if (!more)
			return GT_ENOMEM;
		joined->origins = more;
		joined->room = room;
	}
	joined->origins[joined->count].file = strdup(line->file);
	joined->origins[joined->count].number = line->number;
	if (!joined->origins[joined->count++].file ||
	    fprintf(joined->out, "%s\n", line->text) < 0)
		return GT_ENOMEM;
	return GT_OK;
}

/* The error's line of the joined text, as the line of its file. */
static void set_origin(const struct joined *joined, struct gt_error *err)
{
	const struct origin *origin;

	if (!err || err->line < 1 || err->line > joined->count)
		return;
	origin = &joined->origins[err->line - 1];
	snprintf(err->file, sizeof(err->file), "%s", origin->file);
	err->line = origin->number;
}

static enum gt_err parse(struct gt_node **node, const char *path,
			 const struct gt_load_options *options, const char *text,
			 size_t size, const struct joined *joined, struct gt_error *err)
{
	struct gt_load_options gres = {.format = "gres"};
	enum gt_err rc;

	if (options) {
		gres.model = options->model;
		gres.node_name = options->node_name;
	}
	rc = gt_node_parse(node, text, size, path, &gres, err);
	if (rc)
		set_origin(joined, err);
	return rc;
}

enum gt_err gp_gres_load(struct gt_node **node, const char *path,
			 const struct gt_load_options *options, struct gt_error *err)
{
	struct joined joined = {0};
	char *text = NULL;
	size_t size = 0;
	enum gt_err rc;

	*node = NULL;
	joined.out = open_memstream(&text, &size);
	if (!joined.out)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	rc = slurm_conf_walk(path, join_line, &joined, err);
	if (fclose(joined.out) || rc == GT_ENOMEM)
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	if (rc == GT_OK)
		rc = parse(node, path, options, text, size, &joined, err);
	for (int i = 0; i < joined.count; i++)
		free(joined.origins[i].file);
	free(joined.origins);
	free(text);
	return rc;
}

/* Whether it has nothing but Key=Value words. */
static bool is_conf_line(const char *line)
{
	while (*line) {
		size_t word = strcspn(line, " \t");

		if (!memchr(line, '=', word))
			return false;
		line += word + strspn(line + word, " \t");
	}
	return true;
}

bool gp_gres_is_split(const char *path)
{
	FILE *in = fopen(path, "re");
	char line[4096];
	long left = LOOK_MAX;
	bool split = false, sound = in != NULL;

	while (sound && left > 0 && fgets(line, sizeof(line), in)) {
		char *at = line + strspn(line, " \t");
		bool include = !strncasecmp(at, "include", 7) && strspn(at + 7, " \t");

		left -= (long)strlen(line);
		at[strcspn(at, "#\r\n")] = '\0';
		for (size_t n = strlen(at); n && strchr(" \t\\", at[n - 1]); n--) {
			split |= at[n - 1] == '\\';
			at[n - 1] = '\0';
		}
		split |= include;
		sound = include || is_conf_line(at);
	}
	if (in)
		fclose(in);
	return sound && split;
}
