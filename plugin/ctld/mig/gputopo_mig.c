/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo_mig.c - where gputopo_mig.so meets the select plugin: the table of functions
 * that it offers, and the calls back, by the names that the code here knows them under.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "core/node.h"
#include "plugin/ctld/estimate/forecast.h"
#include "plugin/ctld/mig/instance.h"
#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/mig/mig_select.h"
#include "plugin/ctld/mig/mig_submit.h"

static const struct gp_object_host *host;

static void start(const struct gp_object_host *theirs)
{
	host = theirs;
}

int gp_stock_call(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		  const struct gp_test *test)
{
	return host->ask(ctl, stock_plugin, test);
}

int gp_stock_call_nodes(struct gp_controller *ctl,
			const struct gp_stock_plugin *stock_plugin,
			const struct gp_test *test, uint32_t least, uint32_t most,
			uint32_t best)
{
	return host->ask_for(ctl, stock_plugin, test, least, most, best);
}

struct gp_fields gp_fields_read(const job_record_t *job)
{
	return host->fields_read(job);
}

void gp_fields_write(job_record_t *job, const struct gp_fields *fields)
{
	host->fields_write(job, fields);
}

struct gp_binding *gp_models_bind(struct gp_models *models, int index, const char *name,
				  const struct gp_gpus *gpus)
{
	return host->bind(models, index, name, gpus);
}

const struct gp_binding *gp_models_recall(const struct gp_models *models, int index)
{
	return host->recall(models, index);
}

bool gp_models_have_mig(const struct gp_models *models)
{
	return host->have_mig(models);
}

void gp_caches_refused(struct gp_caches *caches, uint32_t job_id, int nodes)
{
	host->refused(caches, job_id, nodes);
}

int gp_forecast(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		const struct gp_test *test, gp_when_fn *when, void *arg,
		const char *const *waiting)
{
	return host->forecast(ctl, stock_plugin, test, when, arg, waiting);
}

static void spoil(void)
{
	gp_slice_ledger_spoil(&gp_mig_state.ledger);
}

static void release(void)
{
	gp_slice_ledger_release(&gp_mig_state.ledger);
	gp_mig_spaces_release(&gp_mig_state.spaces);
	free(gp_mig_state.decided.text);
	memset(&gp_mig_state.decided, 0, sizeof(gp_mig_state.decided));
}

extern const struct gp_mig_object gputopo_mig;
const struct gp_mig_object gputopo_mig = {
	.head = {sizeof(struct gp_mig_object), sizeof(struct gp_controller),
		 SLURM_VERSION_NUMBER},
	.start = start,
	.job_test = gp_mig_job_test,
	.job_begins = gp_mig_job_begins,
	.job_leaves = gp_mig_job_leaves,
	.job_ends = gp_mig_job_ends,
	.guard = gp_mig_guard,
	.judge = gp_mig_judge,
	.spoil = spoil,
	.release = release,
	.bind = gp_instances_bind,
	.choose = gp_instances_choose,
	.damage = gp_instances_damage,
};
