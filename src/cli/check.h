/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.h - one run of gputopo check: its files, and what it found.
 */
#ifndef CHECK_H
#define CHECK_H

#include "core/library.h"
#include "conf/conf.h"

#include <jansson.h>

#define CHECK_PATH_MAX 4096

struct check {
	char conf_path[CHECK_PATH_MAX];
	char gres_path[CHECK_PATH_MAX];	 /* "": there is none */
	char slurm_path[CHECK_PATH_MAX]; /* "": there is none */
	struct gp_conf *conf;
	int problems;
	json_t *findings; /* of --json; NULL: each is a line */
	json_t *types;	  /* the same of the summary */
};

/* What was met before, by hash. Zeroed: nothing; the owner frees what. */
struct check_seen {
	uint64_t *what;
	int count, room;
};

/* Whether this is the first time. Without memory every time is the first. O(count). */
bool check_is_new(struct check_seen *seen, uint64_t what);
/* One line on standard error; line 0: it is about the whole file. */
__attribute__((format(printf, 4, 5))) void
check_problem(struct check *check, const char *file, int line, const char *fmt, ...);
/* The same of what is no problem, but that an admin should know: on standard output, and
 * the exit status stays. */
__attribute__((format(printf, 4, 5))) void
check_notice(struct check *check, const char *file, int line, const char *fmt, ...);
/* A relative Topology= stands beside gputopo.conf. out: CHECK_PATH_MAX bytes. */
void check_topology_path(const struct check *check, const char *spec, char *out);
/* The GPU lines of gres.conf, where there is one. */
void check_gres(struct check *check);
/* What --mig needs, where gputopo.conf names GPUs in MIG mode that nobody has cut. */
void check_mig(struct check *check);

/* Whether this plugstack.conf has no line with a file of that name. false where it cannot
 * be read whole. */
bool check_plugstack_lacks(const char *path, const char *plugin);

/* Where slurm.conf is there: nodes against gputopo.conf and gres.conf, and a summary line
 * for each node type. */
void check_nodes(struct check *check);
/* Whether the plugin of this release is in force, and slurmctld may write its files. */
void check_plugin(struct check *check);

#endif
