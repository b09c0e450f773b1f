/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stock_call.h - the stock job_test. Every call of it goes through here.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_STOCK_CALL_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_STOCK_CALL_H

#include "plugin/ctld/controller.h"

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

#endif
