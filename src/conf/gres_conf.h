/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gres_conf.h - gres.conf from disk as Slurm reads it: with its Include, continued lines
 * and comments. For the programs; the reader of the format itself knows one text.
 */
#ifndef GPUTOPO_CONF_GRES_CONF_H
#define GPUTOPO_CONF_GRES_CONF_H

#include "core/library.h"

/* gt_node_load of a gres.conf; *node is the caller's. Errors name the file and line of
 * the line that they speak of, also in an included file. options as of gt_node_load, may
 * be NULL; its format is not looked at. */
enum gt_err gp_gres_load(struct gt_node **node, const char *path,
			 const struct gt_load_options *options, struct gt_error *err);

/* Whether path is a file of Slurm's configuration whose lines go on elsewhere: nothing
 * but Key=Value words, comments and at least one Include or continued line. */
bool gp_gres_is_split(const char *path);

#endif
