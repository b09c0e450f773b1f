/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * past.c - "GPUTOPO_HAD=MBPS/COUNT,NODE:GPUS,NODE:GPUS...", GPUS in hexadecimal.
 */
#include "plugin/compat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/past.h"
#include "plugin/wish_names.h"

#define HEAD	 GP_ENV_HAD "="
#define MAX_ENV	 4096 /* entries; a job with more is left as it is */
#define MAX_MBPS 1000000000

void gp_past_read(const job_record_t *job, struct gp_past *past)
{
	const char *text = NULL;
	char *end;
	long mbps, count;

	memset(past, 0, sizeof(*past));
	for (uint32_t i = 0; job->spank_job_env && i < job->spank_job_env_size; i++)
		if (job->spank_job_env[i] &&
		    strncmp(job->spank_job_env[i], HEAD, strlen(HEAD)) == 0)
			text = job->spank_job_env[i] + strlen(HEAD);
	if (!text)
		return;
	mbps = strtol(text, &end, 10);
	if (*end != '/')
		return;
	count = strtol(end + 1, &end, 10);
	if (*end != ',' || mbps < 0 || mbps > MAX_MBPS || count < 1 ||
	    count > GP_MAX_GPUS)
		return;
	past->mbps = (int)mbps;
	past->count = (int)count;
	past->sets = end + 1;
}

uint64_t gp_past_on(const struct gp_past *past, const char *node)
{
	size_t len = strlen(node);

	for (const char *p = past->sets; p && *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, node, len) == 0 && p[len] == ':')
			return strtoull(p + len + 1, NULL, 16);
	}
	return 0;
}

/* ---- writing --------------------------------------------------------------------------
 */

struct memory {
	struct gp_models *models;
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
	if (count > memory->count)
		memory->count = count;
	if (count > 1 && binding && binding->table) {
		struct gt_mask set = gp_binding_to_model(binding, gpus);
		struct gt_score score = {0};

		/* instances of MIG are not connected */
		if (gt_mask_count(&set) == count)
			gt_score_set(gt_table_node(binding->table), &set, &score);
		if (memory->mbps < 0 || score.busbw_mbps < memory->mbps)
			memory->mbps = score.busbw_mbps;
	}
	n = snprintf(memory->text + memory->used, sizeof(memory->text) - memory->used,
		     ",%s:%" PRIx64, record->name, gpus);
	if (n < 0 || (size_t)n >= sizeof(memory->text) - memory->used)
		memory->full = true;
	else
		memory->used += (size_t)n;
}

/* Put value into the job's environment in place of what stands there, or at its end.
 * Slurm frees it, so that it has to come from Slurm's allocator, of which only the forms
 * that may fail are used. */
static void set_env(job_record_t *job, const char *value)
{
	uint32_t count = job->spank_job_env ? job->spank_job_env_size : 0, at = 0;
	char *copy, **more;

	while (at < count && job->spank_job_env[at] &&
	       strncmp(job->spank_job_env[at], HEAD, strlen(HEAD)) != 0)
		at++;
	if (at < count && !job->spank_job_env[at])
		return;
	copy = count < MAX_ENV ? gp_bridge_copy(value) : NULL;
	if (!copy)
		return;
	if (at < count) {
		xfree(job->spank_job_env[at]);
		job->spank_job_env[at] = copy;
		return;
	}
	/* one more for the NULL that Slurm's own arrays may end with */
	more = try_xmalloc((count + 2) * sizeof(*more));
	if (!more) {
		xfree(copy);
		return;
	}
	if (count)
		memcpy(more, job->spank_job_env, count * sizeof(*more));
	more[count] = copy;
	xfree(job->spank_job_env);
	job->spank_job_env = more;
	job->spank_job_env_size = count + 1;
}

void gp_past_write(job_record_t *job, struct gp_models *models)
{
	struct memory memory = {.models = models, .mbps = -1};
	char value[GP_PAST_MAX + 64];

	if (!models || !job->batch_flag || !job->details || !job->details->requeue)
		return;
	gp_bridge_held(job, add_node, &memory);
	if (!memory.used || memory.full)
		return;
	snprintf(value, sizeof(value), HEAD "%d/%d%s", memory.mbps > 0 ? memory.mbps : 0,
		 memory.count, memory.text);
	set_env(job, value);
}
