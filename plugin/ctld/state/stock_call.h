/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.h - the stock job_test. Every call of it goes through here.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_STATE_STOCK_CALL_H
#define GPUTOPO_PLUGIN_CTLD_STATE_STOCK_CALL_H

#include "plugin/ctld/request/test.h"
#include "plugin/ctld/state/state.h"
#include "plugin/slurm/stock_plugin.h"

/* With Slurm's own arguments, and no more: for a plugin that is off. */
int gp_stock_call_untimed(const struct gp_stock_plugin *stock_plugin,
			  const struct gp_test *test);
/* That with a watch on its time. For this and the rest ctl is locked. */
int gp_stock_call(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		  const struct gp_test *test);
/* The same without jobs to preempt: a few GB/s are no reason to kill a job. */
int gp_stock_call_no_preempt(struct gp_controller *ctl,
			     const struct gp_stock_plugin *stock_plugin,
			     const struct gp_test *test);
/* That for so many nodes: at least, at most, and best. */
int gp_stock_call_nodes(struct gp_controller *ctl,
			const struct gp_stock_plugin *stock_plugin,
			const struct gp_test *test, uint32_t least, uint32_t most,
			uint32_t best);

/* What a run of job_test changes in the job besides its answer: a second run has to start
 * from the same values (--overcommit multiplies min_cpus each time, memory by GPU becomes
 * memory by node). */
struct gp_fields {
	uint32_t min_cpus;
	uint64_t pn_min_memory;
	uint32_t total_cpus;
	uint16_t start_protocol_ver;
	bool best_switch;
};

struct gp_fields gp_fields_read(const job_record_t *job);
void gp_fields_write(job_record_t *job, const struct gp_fields *fields);

#endif
