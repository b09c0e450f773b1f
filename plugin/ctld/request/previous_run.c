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
#include "plugin/common/wish_names.h"

#define MAX_MBPS  1000000000
#define VALUE_MAX (GP_PAST_MAX + 64)

/* Digits only, up to most; -1: none, or more. */
static int read_number(const char **at, int most)
{
	long number = 0;
	const char *p = *at;

	for (; *p >= '0' && *p <= '9' && number <= most; p++)
		number = 10 * number + *p - '0';
	if (p == *at || number > most)
		return -1;
	*at = p;
	return (int)number;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "NODE:GPUS" up to a comma or the end; false: none. */
static bool read_set(const char **at, struct gp_past_set *set)
{
	const char *p = *at;
	int digits = 0;

	set->node = p;
	set->length = strcspn(p, ":,");
	p += set->length;
	set->gpus = 0;
	if (set->length == 0 || *p++ != ':')
		return false;
	for (; hex_digit(*p) >= 0 && digits < 16; p++, digits++)
		set->gpus = set->gpus << 4 | (uint64_t)hex_digit(*p);
	*at = p;
	return digits > 0 && (!*p || *p == ',');
}

static bool is_named(const struct gp_past *past, const struct gp_past_set *set)
{
	for (int i = 0; i < past->sets; i++)
		if (past->set[i].length == set->length &&
		    strncmp(past->set[i].node, set->node, set->length) == 0)
			return true;
	return false;
}

/* All of the text, or nothing of it. */
static bool read_past(const char *text, struct gp_past *past)
{
	past->mbps = read_number(&text, MAX_MBPS);
	if (past->mbps < 0 || *text++ != '/')
		return false;
	past->count = read_number(&text, GP_MAX_GPUS);
	if (past->count < 1)
		return false;
	while (*text == ',' && past->sets < GP_PAST_SETS) {
		struct gp_past_set set;

		text++;
		if (!read_set(&text, &set) || is_named(past, &set))
			return false;
		past->set[past->sets++] = set;
	}
	return past->sets > 0 && !*text;
}

void gp_past_read(const job_record_t *job, struct gp_past *past)
{
	const char *text = gp_job_env_get(job, GP_ENV_HAD);

	past->sets = past->count = past->mbps = 0;
	/* what is longer we cannot have written */
	if (text && strnlen(text, VALUE_MAX) < VALUE_MAX && read_past(text, past))
		return;
	past->sets = past->count = past->mbps = 0;
}

uint64_t gp_past_on(const struct gp_past *past, const char *node)
{
	struct gp_past_set set = {.node = node, .length = past->sets ? strlen(node) : 0};

	for (int i = 0; i < past->sets; i++)
		if (past->set[i].length == set.length &&
		    memcmp(past->set[i].node, node, set.length) == 0)
			return past->set[i].gpus;
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
	/* Where nothing is changed the job is not, either. */
	if (!binding || binding->settings.mode != GP_MODE_ENFORCE)
		return;
	if (count > memory->count)
		memory->count = count;
	if (count > 1 && binding->table) {
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

void gp_past_write(job_record_t *job, struct gp_models *models)
{
	struct memory memory = {.models = models, .mbps = -1};
	char value[VALUE_MAX];

	if (!models || !job->batch_flag || !job->details || !job->details->requeue)
		return;
	gp_bridge_held(job, add_node, &memory);
	if (!memory.used || memory.full)
		return;
	snprintf(value, sizeof(value), "%d/%d%s", memory.mbps > 0 ? memory.mbps : 0,
		 memory.count, memory.text);
	gp_job_env_set(job, GP_ENV_HAD, value);
}
