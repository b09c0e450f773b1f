/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_mig.h - what gputopo check knows of slurm.conf and gres.conf while it looks at
 * what --mig needs.
 */
#ifndef CHECK_MIG_H
#define CHECK_MIG_H

#include "cli/check.h"

/* A cluster-wide key of slurm.conf; file NULL: it is not there. */
struct mig_key {
	const char *name;
	char *value;
	char *file;
	int line;
};

enum { MIG_PROLOG, MIG_SUBMIT, MIG_TYPES, MIG_STACK, MIG_DYNAMIC, MIG_KEYS };

/* A NodeName= line of slurm.conf, or a shard's line of gres.conf. */
struct mig_row {
	char *file;
	int line;
	char *hosts; /* NULL: all nodes */
	char *gres;  /* slurm.conf: Gres=, NULL: none; gres.conf: File=, NULL: none */
	long count;  /* gres.conf: Count=, -1: no number */
};

struct mig_rows {
	struct mig_row *row;
	int count, room;
};

/* What a topology has to give. */
struct mig_slices {
	const char *spec;
	int gpus;  /* all of the node */
	int mig;   /* those in MIG mode that are not cut */
	int units; /* memory slices of each of these */
	bool is_mig[GT_MAX_GPUS];
};

struct mig {
	struct check *check;
	struct mig_key key[MIG_KEYS];
	struct mig_rows nodes, shards;
	char *default_gres; /* of NodeName=DEFAULT */
	bool read;	    /* slurm.conf and gres.conf were looked at */
	bool has_nodes, has_shards;
	/* what was said or looked at already */
	struct check_seen seen;
	/* of the line of gputopo.conf at hand */
	struct mig_slices slices;
	const char *spec; /* the same pointer as in gputopo.conf */
	int covered;	  /* its nodes that are to give slices */
	int known;	  /* those of them that slurm.conf names */
};

/* ---- check_mig_files.c: the files, and what is said of them ---- */

/* Read slurm.conf and gres.conf, once. What cannot be read is a problem; what is not
 * there is none. */
void mig_read_files(struct mig *m);
void mig_free_files(struct mig *m);
/* One line for all hosts with the same problem, with the name of the first. */
__attribute__((format(printf, 5, 6))) void mig_say(struct mig *m, const char *file,
						   int line, const char *host,
						   const char *fmt, ...);
/* A number as Slurm writes it, with K, M, ... for powers of 1024; -1: it is none. */
long mig_read_count(const char *text);

/* ---- check_mig_node.c: one node ---- */

/* Its Gres= in slurm.conf. GPUs that are not in MIG mode may have shards of their own. */
void mig_check_node(struct mig *m, const char *host);
/* Its shards in gres.conf. Nodes with the same lines are looked at once. */
void mig_check_shards(struct mig *m, const char *host);

#endif
