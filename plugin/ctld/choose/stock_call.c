/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.c - call the stock job_test and measure its time. Every call of it in the
 * plugin goes through here.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/stock_call.h"

int gp_stock_call_untimed(const struct gp_stock_plugin *stock_plugin,
			  const struct gp_test *t)
{
	return stock_plugin->job_test(t->job, t->nodes, t->min_nodes, t->max_nodes,
				      t->req_nodes, t->mode, t->candidates, t->preemptees,
				      GP_TAIL_OF(t));
}

int gp_stock_call(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		  const struct gp_test *t)
{
	int rc;

	gp_stopwatch_ask(&ctl->stopwatch);
	rc = gp_stock_call_untimed(stock_plugin, t);
	gp_stopwatch_answer(&ctl->stopwatch);
	return rc;
}

int gp_stock_call_no_preempt(struct gp_controller *ctl,
			     const struct gp_stock_plugin *stock_plugin,
			     const struct gp_test *test)
{
	return gp_stock_call_nodes(ctl, stock_plugin, test, test->min_nodes,
				   test->max_nodes, test->req_nodes);
}

int gp_stock_call_nodes(struct gp_controller *ctl,
			const struct gp_stock_plugin *stock_plugin,
			const struct gp_test *test, uint32_t least, uint32_t most,
			uint32_t best)
{
	struct gp_test other = *test;

	other.min_nodes = least;
	other.max_nodes = most;
	other.req_nodes = best;
	other.candidates = NULL;
	other.preemptees = NULL;
	return gp_stock_call(ctl, stock_plugin, &other);
}
