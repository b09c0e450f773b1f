/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * previous_run.c - read and write what a job had before it was requeued:
 * "GPUTOPO_HAD=MBPS/COUNT,NODE:GPUS,NODE:GPUS...", GPUS in hexadecimal. Written when a
 * job ends, read with its next request.
 */
#include "plugin/slurm/compat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/slurm/job_env.h"
#include "plugin/ctld/request/previous_run.h"
#include "plugin/ctld/request/wish.h"
#include "plugin/common/wish_names.h"

void gp_previous_run_read(const job_record_t *job, struct gp_previous_run *previous)
{
	gp_previous_run_parse(gp_job_env_get(job, GP_ENV_HAD), previous);
}

/* ---- writing --------------------------------------------------------------------------
 */

struct memory {
	struct gp_models *models;
	struct gp_wish wish;
	char text[GP_PAST_MAX];
	size_t used;
	int count;
	int mbps; /* -1: none yet */
	bool full;
};

/* After a restart the node may not have been looked at yet. */
static const struct gp_binding *binding_of(struct gp_models *models, int node,
					   const node_record_t *record)
{
	const struct gp_binding *binding = gp_models_recall(models, node);
	struct gp_gpus gpus;

	if (binding || gp_bridge_node(record, &gpus) != GP_OK)
		return binding;
	return gp_models_bind(models, node, record->name, &gpus);
}

static void add_node(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	const node_record_t *record = node_record_table_ptr[node];
	struct memory *memory = arg;
	const struct gp_binding *binding;
	int count = __builtin_popcountll(gpus), n;

	(void)job_id;
	if (!record || !count)
		return;
	binding = binding_of(memory->models, node, record);
	/* Where nothing is changed the job is not, either. */
	if (!binding || binding->settings.mode != GP_MODE_ENFORCE)
		return;
	if (count > memory->count)
		memory->count = count;
	if (count > 1 && binding->table) {
		struct gt_mask set = gp_binding_to_model(binding, gpus);
		int mbps = 0;

		/* instances of MIG are not connected */
		if (gt_mask_count(&set) == count)
			mbps = gp_shape_mbps(&memory->wish.shape, binding->table, &set);
		if (memory->mbps < 0 || mbps < memory->mbps)
			memory->mbps = mbps;
	}
	n = snprintf(memory->text + memory->used, sizeof(memory->text) - memory->used,
		     ",%s:%" PRIx64, record->name, gpus);
	if (n < 0 || (size_t)n >= sizeof(memory->text) - memory->used)
		memory->full = true;
	else
		memory->used += (size_t)n;
}

void gp_previous_run_write(job_record_t *job, struct gp_models *models)
{
	struct memory memory = {.models = models, .mbps = -1};
	char value[GP_PAST_VALUE_MAX];

	if (!models || !job->batch_flag || !job->details || !job->details->requeue)
		return;
	gp_wish_read(job, &memory.wish);
	gp_bridge_held(job, add_node, &memory);
	if (!memory.used || memory.full)
		return;
	snprintf(value, sizeof(value), "%d/%d%s", memory.mbps > 0 ? memory.mbps : 0,
		 memory.count, memory.text);
	gp_job_env_set(job, GP_ENV_HAD, value);
}
