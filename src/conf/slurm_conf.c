/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slurm_conf.c - read the lines of slurm.conf, gres.conf and plugstack.conf as Slurm
 * does. Called by gputopo check and gputopo sim --conf.
 */
#define _GNU_SOURCE
#include "config.h"

#include "conf/slurm_conf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX     (32 << 20) /* bytes */
#define DEPTH_MAX    10		/* files that include one another */
#define INCLUDES_MAX 1000
#define PATH_SIZE    4096

/* A file that is being read. */
struct open_file {
	const char *path;
	dev_t device;
	ino_t inode;
	int line;		  /* that is being read */
	struct open_file *parent; /* includes it; NULL: the first */
};

/* One walk and the file it is in. */
struct walk {
	enum gt_err (*each)(const struct slurm_line *line, void *arg);
	void *arg;
	bool includes; /* are followed */
	const char *top;
	char cluster[256]; /* ClusterName=, which Include may name as %c */
	struct open_file *file;
	int depth, count;
	struct gt_error *err;
};

void slurm_path(const char *beside, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(beside, '/');

	if (name[0] == '/' || !slash)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%.*s%s", (int)(slash - beside) + 1, beside, name);
}

/* ---- one file as text ---- */

/* A pipe or a device would never end: only files are read. */
static enum gt_err read_text(struct open_file *file, char **text, struct gt_error *err)
{
	const char *path = file->path;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum gt_err rc = GT_OK;
	size_t size = 0;
	struct stat st;
	ssize_t n = 0;

	*text = NULL;
	if (fd < 0 || fstat(fd, &st))
		rc = gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		rc = gt_fail_at(err, GT_EIO, path, 0, 0, "is not a regular file");
	else if (st.st_size > FILE_MAX)
		rc = gt_fail_at(err, GT_ELIMIT, path, 0, 0, "too large");
	else if (!(*text = malloc((size_t)st.st_size + 1)))
		rc = gt_fail(err, GT_ENOMEM, "out of memory");
	if (rc == GT_OK) {
		file->device = st.st_dev;
		file->inode = st.st_ino;
	}
	while (rc == GT_OK && size < (size_t)st.st_size) {
		n = read(fd, *text + size, (size_t)st.st_size - size);
		if (n <= 0)
			break;
		size += (size_t)n;
	}
	if (rc == GT_OK && n < 0)
		rc = gt_fail_at(err, GT_EIO, path, 0, 0, "%s", strerror(errno));
	else if (rc == GT_OK && memchr(*text, '\0', size))
		rc = gt_fail_at(err, GT_EPARSE, path, 0, 0, "contains a NUL byte");
	if (fd >= 0)
		close(fd);
	if (rc == GT_OK)
		(*text)[size] = '\0';
	else
		free(*text);
	return rc;
}

/* ---- one line ---- */

/* Cut at a # that no odd number of backslashes stands before. */
static void cut_comment(char *line)
{
	int escapes = 0;

	for (; *line; line++) {
		if (*line == '#' && escapes % 2 == 0) {
			*line = '\0';
			return;
		}
		escapes = *line == '\\' ? escapes + 1 : 0;
	}
}

/* Whether the line goes on. It then ends before its backslash. */
static bool cut_continuation(char *line)
{
	size_t end = strlen(line);
	int escapes = 0;

	while (end > 0 && isspace((unsigned char)line[end - 1]))
		end--;
	while (end > 0 && line[end - 1] == '\\') {
		end--;
		escapes++;
	}
	if (escapes % 2 == 0)
		return false;
	line[end + (size_t)escapes - 1] = '\0';
	return true;
}

static void cut_escapes(char *line)
{
	char *to = line;

	for (; *line; line++) {
		if (*line == '\\' && line[1])
			line++;
		*to++ = *line;
	}
	*to = '\0';
}

/* The next whole line at *at, put together in place; *number is that of the line behind
 * it. */
static char *next_line(char **at, int *number)
{
	char *line = *at, *end = line;
	bool more = true;

	while (more && *at) {
		char *own = *at, *newline = strchr(own, '\n');

		*at = newline ? newline + 1 : NULL;
		if (newline)
			*newline = '\0';
		(*number)++;
		cut_comment(own);
		more = cut_continuation(own) && *at && **at;
		memmove(end, own, strlen(own) + 1);
		end += strlen(end);
	}
	if (*at && !**at)
		*at = NULL;
	cut_escapes(line);
	return line;
}

/* ---- words ---- */

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\f\v");
}

struct pair {
	const char *key, *value;
	int key_length, value_length;
};

/* The next Key=Value at *at, also "Key = Value" and Key+=Value; what is none is passed
 * over. */
static bool next_pair(const char **at, struct pair *pair)
{
	for (;;) {
		const char *start = skip_space(*at), *p = start;

		while (isalnum((unsigned char)*p) || *p == '_' || *p == '.')
			p++;
		pair->key = start;
		pair->key_length = (int)(p - start);
		p = skip_space(p);
		if (*p && strchr("+-*/", *p))
			p++;
		if (*start == '\0')
			return false;
		if (*p != '=' || pair->key_length == 0) {
			start += strcspn(start, " \t\r\f\v");
			*at = start;
			continue;
		}
		p = skip_space(p + 1);
		if (*p == '"' && strchr(p + 1, '"')) {
			pair->value = p + 1;
			pair->value_length = (int)strcspn(p + 1, "\"");
			*at = p + 2 + pair->value_length;
		} else {
			pair->value = p;
			pair->value_length = (int)strcspn(p, " \t\r\f\v");
			*at = p + pair->value_length;
		}
		return true;
	}
}

bool slurm_line_get(const struct slurm_line *line, const char *key, char *out,
		    size_t size)
{
	const char *at = line->text;
	struct pair pair;
	bool found = false;

	out[0] = '\0';
	while (next_pair(&at, &pair)) {
		if ((size_t)pair.key_length != strlen(key) ||
		    strncasecmp(pair.key, key, (size_t)pair.key_length) != 0)
			continue;
		found = (size_t)pair.value_length < size;
		if (found)
			snprintf(out, size, "%.*s", pair.value_length, pair.value);
	}
	return found;
}

bool slurm_list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t own = strcspn(list, ",");

		if (own == length && strncasecmp(list, word, length) == 0)
			return true;
		list += own + (list[own] == ',');
	}
	return false;
}

/* ---- files ---- */

static enum gt_err walk_file(struct walk *walk, const char *path);

/* The file that the line includes, with %c for the cluster's name; false: none. */
static bool is_include(const struct walk *walk, const char *text, char *name, size_t size)
{
	const char *at = skip_space(text);
	size_t used = 0, length = strlen("include");

	if (strncasecmp(at, "include", length) != 0 ||
	    !isspace((unsigned char)at[length]))
		return false;
	at = skip_space(at + length);
	for (; *at && !isspace((unsigned char)*at) && used < size - 1; at++) {
		if (at[0] == '%' && at[1] == 'c') {
			used += (size_t)snprintf(name + used, size - used, "%s",
						 walk->cluster);
			used = used < size ? used : size - 1;
			at++;
		} else {
			name[used++] = *at;
		}
	}
	name[used] = '\0';
	return used > 0;
}

static enum gt_err include(struct walk *walk, const struct slurm_line *line,
			   const char *name)
{
	char path[PATH_SIZE];
	enum gt_err rc;

	slurm_path(walk->top, name, path, sizeof(path));
	if (walk->depth == DEPTH_MAX || ++walk->count > INCLUDES_MAX)
		return gt_fail_at(walk->err, GT_ELIMIT, line->file, line->number, 0,
				  "too many files include one another");
	if (access(path, R_OK))
		return gt_fail_at(walk->err, GT_EIO, line->file, line->number, 0,
				  "Include %.150s: %s", name, strerror(errno));
	walk->depth++;
	rc = walk_file(walk, path);
	walk->depth--;
	return rc;
}

/* A file that includes itself would be read until the limit: that is no answer. */
static enum gt_err refuse_cycle(struct walk *walk, const struct open_file *file)
{
	for (const struct open_file *up = file->parent; up; up = up->parent)
		if (up->device == file->device && up->inode == file->inode)
			return gt_fail_at(walk->err, GT_EINVAL, file->parent->path,
					  file->parent->line, 0,
					  "Include %.150s: the file includes itself",
					  file->path);
	return GT_OK;
}

static enum gt_err walk_lines(struct walk *walk, const char *path, char *text)
{
	struct slurm_line line = {.file = path};
	char *at, name[PATH_SIZE];
	enum gt_err rc = GT_OK;
	int number = 0;

	for (at = text; rc == GT_OK && at && *at;) {
		line.number = walk->file->line = number + 1;
		line.text = next_line(&at, &number);
		if (!*skip_space(line.text))
			continue;
		if (walk->includes && is_include(walk, line.text, name, sizeof(name))) {
			rc = include(walk, &line, name);
			continue;
		}
		if (slurm_line_get(&line, "ClusterName", name, sizeof(name)))
			snprintf(walk->cluster, sizeof(walk->cluster), "%.255s", name);
		rc = walk->each(&line, walk->arg);
	}
	return rc;
}

static enum gt_err walk_file(struct walk *walk, const char *path)
{
	struct open_file file = {.path = path, .parent = walk->file};
	char *text;
	enum gt_err rc = read_text(&file, &text, walk->err);

	if (rc)
		return rc;
	rc = refuse_cycle(walk, &file);
	walk->file = &file;
	if (rc == GT_OK)
		rc = walk_lines(walk, path, text);
	walk->file = file.parent;
	free(text);
	return rc;
}

enum gt_err slurm_conf_walk(const char *path,
			    enum gt_err (*each)(const struct slurm_line *line, void *arg),
			    void *arg, struct gt_error *err)
{
	struct walk walk = {
		.each = each, .arg = arg, .includes = true, .top = path, .err = err};

	return walk_file(&walk, path);
}

enum gt_err slurm_lines_walk(const char *path,
			     enum gt_err (*each)(const struct slurm_line *line,
						 void *arg),
			     void *arg, struct gt_error *err)
{
	struct walk walk = {.each = each, .arg = arg, .top = path, .err = err};

	return walk_file(&walk, path);
}
