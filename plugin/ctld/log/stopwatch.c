/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopwatch.c - measure the time of two parts that alternate: gputopo and the stock
 * plugin. Called around every hook and in stock_call.c.
 */
#include <time.h>

#include "plugin/ctld/log/stopwatch.h"

const char *gp_stopwatch_word(enum gp_watch_kind kind)
{
	static const char *const words[GP_WATCH_KINDS] = {"start", "forecast", "hook"};

	return words[kind];
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What has run since the last turn goes to one part. */
static void turn(struct gp_stopwatch *watch, uint64_t part[GP_WATCH_KINDS])
{
	uint64_t now = now_ns();

	part[watch->kind] += now - watch->since;
	watch->since = now;
}

void gp_stopwatch_enter(struct gp_stopwatch *watch, enum gp_watch_kind kind)
{
	if (watch->depth++)
		return;
	watch->kind = kind;
	watch->calls[kind]++;
	watch->since = now_ns();
	watch->answered = false;
}

void gp_stopwatch_leave(struct gp_stopwatch *watch)
{
	if (--watch->depth == 0)
		turn(watch, watch->own_ns);
}

void gp_stopwatch_ask(struct gp_stopwatch *watch)
{
	turn(watch, watch->own_ns);
}

void gp_stopwatch_answer(struct gp_stopwatch *watch)
{
	turn(watch, watch->answered ? watch->own_ns : watch->stock_ns);
	watch->answered = true;
}
