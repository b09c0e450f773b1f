/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decisions.h - the plugin's decision log, read line by line and summed up.
 *
 * A line is a decision (one node of one start of a job) or the end of a job. Sums of the
 * rows are the totals: every decision is counted in one row and in one outcome.
 */
#ifndef CLI_DECISIONS_H
#define CLI_DECISIONS_H

#include "core/library.h"
#include "conf/reason.h"

#include <stdio.h>

#define LOG_MAX_GPUS 64 /* of one node, as in the plugin */

/* What became of a decision. Without figures (one GPU, no model) another set is EQUAL. */
enum log_outcome {
	LOG_KEPT,   /* stock's own set */
	LOG_FASTER, /* another set of more bandwidth */
	LOG_EQUAL,  /* another set of the same */
	LOG_SLOWER, /* another set of less: Policy=preserve, --gpu-topo=any */
	LOG_OUTCOMES
};

/* Decisions of one size, or of all. */
struct log_row {
	long decisions;
	long outcome[LOG_OUTCOMES];
	long changed;  /* the job really got the other set; the rest was observed */
	long compared; /* decisions with figures; the sums below are over these */
	double stock_gbps, gbps, ideal_gbps;
	long open;     /* decisions whose job's end is not in the log */
	double hours;  /* GPU-hours of the others */
	double faster; /* of those, with an outcome of LOG_FASTER */
	double really; /* of those, changed */
};

/* How decisions are put together, beside their size. */
enum log_by { LOG_BY_NOTHING, LOG_BY_PARTITION, LOG_BY_USER, LOG_BY_TYPE, LOG_BY_DAY };

/* Decisions with one key on one node type, so that no mean is over different nodes. "?"
 * where the log does not say, as before gputopo 2. */
struct log_group {
	char key[64];	/* partition, user, day (UTC) or node type */
	char type[128]; /* node type */
	long starts;
	struct log_row row;
};

struct log_sums {
	/* the caller's, before the first log */
	enum log_by by;
	double since; /* decisions and ends before are left out */
	/* what was found */
	long lines, bad, ends;
	long starts;	    /* of jobs; a job that is requeued starts again */
	long split;	    /* starts of --gpus jobs on several nodes */
	long split_avoided; /* that stock would have split, and one node took */
	long grouped;	    /* decisions with the figures of the slowest groups */
	long networks;	  /* starts on several nodes with NICs; the sums are over these */
	long equal_rails; /* of those, with the same rails on every such node */
	double x_gbps, x_stock; /* what the NICs of the slowest node carry */
	double first, last;	/* time stamps of decisions and their ends; 0: none */
	struct log_row size[LOG_MAX_GPUS + 1];
	struct log_row total;
	/* of decisions that kept stock's set; by enum gp_reason, the last is any other */
	long reason[GP_REASON_COUNT + 1];
	struct log_group **group; /* in the order of keys after log_finish */
	int groups;
	int types;	       /* different node types */
	struct log_jobs *jobs; /* whose end is still to come */
};

/* Add a log. say(err) is called for every line that is none, and the line left out;
 * GT_OK, GT_EIO or GT_ENOMEM. Logs are to come in the order of time. Several may be
 * added; sums is zeroed before the first, but for by and since. */
enum gt_err log_read(struct log_sums *sums, FILE *in, const char *name,
		     void (*say)(const struct gt_error *err), struct gt_error *err);
/* After the last log: what is open, and the totals. Frees what log_read kept, but for the
 * groups, which log_release frees. */
void log_finish(struct log_sums *sums);
void log_release(struct log_sums *sums);

#endif
