/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether plugstack.conf, with what it includes, names a plugin. */
#include "config.h"

#include "cli/check.h"
#include "conf/slurm_conf.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INCLUDE_DEPTH 8
#define FILES_MAX     1000

struct stack {
	const char *plugin; /* whose line is looked for */
	const char *path;   /* of the file at hand */
	int depth, files;
	bool found, unknown;
};

static void read_stack(struct stack *stack, const char *path);

static void include_stack(struct stack *stack, const char *pattern)
{
	char path[CHECK_PATH_MAX];
	glob_t files;

	slurm_path(stack->path, pattern, path, sizeof(path));
	if (stack->depth == INCLUDE_DEPTH ||
	    glob(path, GLOB_ERR, NULL, &files) == GLOB_ABORTED) {
		stack->unknown = true;
		return;
	}
	stack->depth++;
	for (size_t i = 0; i < files.gl_pathc && !stack->found; i++)
		read_stack(stack, files.gl_pathv[i]);
	stack->depth--;
	globfree(&files);
}

/* "required FILE ARGUMENT..." or "include PATTERN" */
static enum gt_err take_stack_line(const struct slurm_line *line, void *arg)
{
	struct stack *stack = arg;
	char word[32], file[CHECK_PATH_MAX];
	const char *name;

	if (stack->found || sscanf(line->text, " %31s %4095s", word, file) != 2)
		return GT_OK;
	name = strrchr(file, '/');
	if (strcasecmp(word, "include") == 0)
		include_stack(stack, file);
	else if (strcmp(name ? name + 1 : file, stack->plugin) == 0)
		stack->found = true;
	return GT_OK;
}

static void read_stack(struct stack *stack, const char *path)
{
	const char *before = stack->path;

	if (++stack->files > FILES_MAX) {
		stack->unknown = true;
		return;
	}
	stack->path = path;
	stack->unknown |= slurm_lines_walk(path, take_stack_line, stack, NULL) != GT_OK;
	stack->path = before;
}

bool check_plugstack_lacks(const char *path, const char *plugin)
{
	struct stack stack = {.plugin = plugin};

	read_stack(&stack, path);
	return !stack.found && !stack.unknown;
}
