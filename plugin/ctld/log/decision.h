/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decision.h - what was decided for jobs that started: one JSON line a node in the
 * decision log, counters as a Prometheus text file. A job_test is no start: its lines
 * wait until job_begin names the same job.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_LOG_DECISION_H
#define GPUTOPO_PLUGIN_CTLD_LOG_DECISION_H

#include "plugin/ctld/nodes/node_answer.h"
#include "conf/conf.h"
#include "plugin/ctld/log/metrics.h"
#include "conf/reason.h"

#define GP_SUMMARY_MAX 512
#define GP_LINE_MAX    2048 /* of one line; four GPU lists of 64 single GPUs fit */

/* The log and what waits for it. Zeroed: no log. */
struct gp_decisions {
	int fd; /* valid if open */
	bool open;
	const char *path; /* belongs to the conf */
	bool told;	  /* that it cannot be opened again */
	/* Whose lines wait; NULL: none. The record and not its number: an array's task is
	 * tested under the array's number and gets its own before it begins. */
	const job_record_t *job;
	uint32_t job_id; /* its number when it was tested */
	char *lines;
	size_t used;
	size_t room;
	char summary[GP_SUMMARY_MAX]; /* what that job got, for people */
	bool split, split_avoided;    /* of that job, see gp_verdict */
};

/* Close what is open and open what conf names. false: the log could not be opened
 * (errno). */
bool gp_decisions_open(struct gp_decisions *decisions, const struct gp_conf *conf);
void gp_decisions_close(struct gp_decisions *decisions);

/* What all nodes of one answer have in common. */
struct gp_verdict {
	uint32_t job_id, uid;
	const char *partition;	      /* that it was tried in; "": not known */
	const char *form;	      /* "gpus", "gpus-per-node", ... */
	const struct gp_shape *shape; /* that the job asked for */
	enum gp_reason why;
	bool split;	    /* --gpus over several nodes */
	bool split_avoided; /* stock would have, and one node took it */
	long us;	    /* what we added to stock's time */
	time_t now;	    /* of all lines of one answer, which tells them together */
};

/* Forget what waits, and begin with this job; NULL: none. */
void gp_decisions_begin(struct gp_decisions *decisions, const job_record_t *job);
/* Add one node's line. Costs nothing without a log. */
void gp_decisions_add(struct gp_decisions *decisions, const struct gp_verdict *verdict,
		      const struct gp_node_answer *answer);
/* Add one node with two or more GPUs to the job's summary: "n0 0,3 40 GB/s (stock 0-1
 * 20)", of groups "n0 0,3;1,2 40 GB/s", by the slowest. Nodes that do not fit become
 * "...". */
void gp_decisions_sum_up(struct gp_decisions *decisions, const struct gp_shape *shape,
			 const struct gp_node_answer *answer);
/* The summary of the job whose lines wait, "" for another and where there is none. */
const char *gp_decisions_summary(const struct gp_decisions *decisions,
				 const job_record_t *job);
/* A job with GPUs has ended, after so many seconds of running. */
void gp_decisions_job_ends(struct gp_decisions *decisions, struct gp_counters *counters,
			   uint32_t job_id, long seconds, time_t now);
/* The job begins: write its lines, under the number that it has now, into the file that
 * has the log's name now: after logrotate a new one. */
void gp_decisions_job_begins(struct gp_decisions *decisions, const job_record_t *job,
			     struct gp_counters *counters);

#endif
