/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.h - the stock job_test. Every call of it goes through here.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_STOCK_CALL_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_STOCK_CALL_H

#include "plugin/ctld/glue.h"

/* With Slurm's own arguments, and no more: for a plugin that is off. */
int gp_ask_unwatched(const struct gp_inner *inner, const struct gp_test *test);
/* That with a watch on its time. For this and the rest glue is locked. */
int gp_ask(struct gp_glue *glue, const struct gp_inner *inner,
	   const struct gp_test *test);
/* The same without jobs to preempt: a few GB/s are no reason to kill a job. */
int gp_ask_kindly(struct gp_glue *glue, const struct gp_inner *inner,
		  const struct gp_test *test);
/* That for so many nodes: at least, at most, and best. */
int gp_ask_for(struct gp_glue *glue, const struct gp_inner *inner,
	       const struct gp_test *test, uint32_t least, uint32_t most, uint32_t best);

#endif
