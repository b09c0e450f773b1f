/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slurm_conf.h - the lines of Slurm's configuration files as Slurm reads them: comments,
 * escapes, lines that go on behind a backslash, Include. For gputopo check and for
 * gputopo sim --conf.
 */
#ifndef GPUTOPO_CONF_SLURM_CONF_H
#define GPUTOPO_CONF_SLURM_CONF_H

#include "core/library.h"

#define SLURM_VALUE_MAX 32768 /* one value: a long list of nodes */

/* One line without comment and escapes; belongs to the walk. */
struct slurm_line {
	const char *file;
	int number; /* of its first line in the file */
	const char *text;
};

/* Call each for every line of the file that is not empty, and for those of the files that
 * it includes, in their order; it stops where each returns an error, and returns that.
 * Names of included files count from the folder of path, as in Slurm. GT_EIO, GT_ELIMIT
 * (10 files deep, 1000 in all, 32 MiB each), GT_EINVAL (a file that includes itself) and
 * GT_EPARSE with file and line. */
enum gt_err slurm_conf_walk(const char *path,
			    enum gt_err (*each)(const struct slurm_line *line, void *arg),
			    void *arg, struct gt_error *err);
/* The same of this file alone: plugstack.conf has an include of its own. */
enum gt_err slurm_lines_walk(const char *path,
			     enum gt_err (*each)(const struct slurm_line *line,
						 void *arg),
			     void *arg, struct gt_error *err);

/* The value of a Key=Value word without its quotes, keys in any case; of several the
 * last. false: the line has no such key, or its value is too long. */
bool slurm_line_get(const struct slurm_line *line, const char *key, char *out,
		    size_t size);

/* Whether the word is among those of a comma list, in any case. */
bool slurm_list_has(const char *list, const char *word);
/* "name" in the folder of the file beside; an absolute name as it is. */
void slurm_path(const char *beside, const char *name, char *out, size_t size);

#endif
