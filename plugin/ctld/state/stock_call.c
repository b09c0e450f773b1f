/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.c - call the stock job_test and measure its time. Every call of it in the
 * plugin goes through here.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/state/stock_call.h"

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

	gp_stopwatch_ask(&ctl->journal.stopwatch);
	rc = gp_stock_call_untimed(stock_plugin, t);
	gp_stopwatch_answer(&ctl->journal.stopwatch);
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

struct gp_fields gp_fields_read(const job_record_t *job)
{
	return (struct gp_fields){
		.min_cpus = job->details ? job->details->min_cpus : 0,
		.pn_min_memory = job->details ? job->details->pn_min_memory : 0,
		.total_cpus = job->total_cpus,
		.start_protocol_ver = job->start_protocol_ver,
		.best_switch = job->best_switch,
	};
}

void gp_fields_write(job_record_t *job, const struct gp_fields *fields)
{
	if (job->details) {
		job->details->min_cpus = fields->min_cpus;
		job->details->pn_min_memory = fields->pn_min_memory;
	}
	job->total_cpus = fields->total_cpus;
	job->start_protocol_ver = fields->start_protocol_ver;
	job->best_switch = fields->best_switch;
}
