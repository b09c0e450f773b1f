/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.c - call the stock job_test and measure its time. Every call of it in the
 * plugin goes through here.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/stock_call.h"

int gp_ask_unwatched(const struct gp_inner *inner, const struct gp_test *t)
{
	return inner->job_test(t->job, t->nodes, t->min_nodes, t->max_nodes, t->req_nodes,
			       t->mode, t->candidates, t->preemptees, GP_TAIL_OF(t));
}

int gp_ask(struct gp_glue *glue, const struct gp_inner *inner, const struct gp_test *t)
{
	int rc;

	gp_stopwatch_ask(&glue->stopwatch);
	rc = gp_ask_unwatched(inner, t);
	gp_stopwatch_answer(&glue->stopwatch);
	return rc;
}

int gp_ask_kindly(struct gp_glue *glue, const struct gp_inner *inner,
		  const struct gp_test *test)
{
	return gp_ask_for(glue, inner, test, test->min_nodes, test->max_nodes,
			  test->req_nodes);
}

int gp_ask_for(struct gp_glue *glue, const struct gp_inner *inner,
	       const struct gp_test *test, uint32_t least, uint32_t most, uint32_t best)
{
	struct gp_test other = *test;

	other.min_nodes = least;
	other.max_nodes = most;
	other.req_nodes = best;
	other.candidates = NULL;
	other.preemptees = NULL;
	return gp_ask(glue, inner, &other);
}
