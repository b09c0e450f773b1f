/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopwatch.h - how long slurmctld runs in gputopo, and in the stock job_test behind it.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_LOG_STOPWATCH_H
#define GPUTOPO_PLUGIN_CTLD_LOG_STOPWATCH_H

#include <stdbool.h>
#include <stdint.h>

/* What slurmctld called for. */
enum gp_watch_kind {
	GP_WATCH_START,	   /* job_test that may start a job */
	GP_WATCH_FORECAST, /* job_test that starts nothing */
	GP_WATCH_HOOK,	   /* all else */
	GP_WATCH_KINDS
};

/* Zeroed: nothing has run. */
struct gp_stopwatch {
	uint64_t own_ns[GP_WATCH_KINDS];
	uint64_t stock_ns[GP_WATCH_KINDS]; /* the first stock answer of a call */
	uint64_t calls[GP_WATCH_KINDS];
	enum gp_watch_kind kind;
	uint64_t since; /* when the part that runs now began */
	int depth;	/* hooks that are entered: one may call another */
	bool answered;	/* the stock job_test has run in this call */
};

/* "start", "forecast", "hook" */
const char *gp_stopwatch_word(enum gp_watch_kind kind);
/* A hook of ours begins, and ends. */
void gp_stopwatch_enter(struct gp_stopwatch *watch, enum gp_watch_kind kind);
void gp_stopwatch_leave(struct gp_stopwatch *watch);
/* Around the stock job_test. Further runs of it in one call are our time: without us
 * there would be none. */
void gp_stopwatch_ask(struct gp_stopwatch *watch);
void gp_stopwatch_answer(struct gp_stopwatch *watch);

#endif
