/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_conf.c - read gputopo.conf on a node. Called by the SPANK plugin.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "rank/node_conf.h"

#define COMMAND_MAX 4096 /* of slurmd's command line */

/* slurmd's -N NAME or -NNAME; false: it was given none. */
static bool own_name(char *name, size_t size)
{
	char text[COMMAND_MAX + 1] = "";
	FILE *f = fopen("/proc/self/cmdline", "re");
	size_t length = f ? fread(text, 1, COMMAND_MAX, f) : 0;
	bool next = false;

	if (f)
		fclose(f);
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		const char *word = text + at;

		if (next || (strncmp(word, "-N", 2) == 0 && word[2])) {
			snprintf(name, size, "%s", next ? word : word + 2);
			return true;
		}
		next = strcmp(word, "-N") == 0;
	}
	return false;
}

void gp_node_name(char *name, size_t size)
{
	const char *given = getenv("SLURMD_NODENAME");

	if (given && *given) {
		snprintf(name, size, "%s", given);
		return;
	}
	if (own_name(name, size))
		return;
	if (gethostname(name, size) != 0)
		name[0] = '\0';
	name[size - 1] = '\0';
	name[strcspn(name, ".")] = '\0';
}

void gp_node_conf_dir(char *dir, size_t size)
{
	const char *slurm_conf = getenv("SLURM_CONF");
	char *slash;

	snprintf(dir, size, "%s", slurm_conf ? slurm_conf : "/etc/slurm/");
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
}

void gp_node_stray_read(struct gp_node_stray *stray, const char *dir, const char *name)
{
	struct gp_settings settings;
	struct gp_conf *conf;
	struct gt_error err;
	char path[4096];
	bool exists;

	memset(stray, 0, sizeof(*stray));
	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	if (gp_conf_load(&conf, path, &exists, &err) != GT_OK) {
		snprintf(stray->why, sizeof(stray->why), "%.255s:%d: %.200s",
			 err.file[0] ? err.file : path, err.line, err.text);
		return;
	}
	if (!exists) {
		stray->missing = true;
		snprintf(stray->why, sizeof(stray->why), "no %.500s", path);
	}
	gp_conf_node(conf, name, &settings);
	stray->keep = settings.mig_stray == GP_STRAY_DRAIN;
	gp_conf_free(conf);
}
