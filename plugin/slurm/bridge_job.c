/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge_job.c - read Slurm's structs of jobs: what a job asks for, and whether it
 * leaves the choice of nodes to us. Called with each request.
 */
#include "plugin/slurm/compat.h"

#include <limits.h>
#include <string.h>

#include "plugin/slurm/bridge.h"

struct job_walk {
	struct gp_job *out;
	enum gp_reason reason;
};

static int read_entry(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct job_walk *walk = arg;
	struct gp_job *out = walk->out;
	gres_job_state_t *entry = gres->gres_data;

	if (!gres->gres_name || !entry)
		return 0;
	if (strcmp(gres->gres_name, "mps") == 0 ||
	    strcmp(gres->gres_name, "shard") == 0) {
		walk->reason = GP_SHARED;
		return -1;
	}
	if (strcmp(gres->gres_name, "gpu") != 0)
		return 0;
	if (out->entries == GP_MAX_ENTRIES) {
		walk->reason = GP_LIMIT;
		return -1;
	}
	out->entry[out->entries++] = entry;
	out->typed |= entry->type_id != 0;
	out->per_socket |= entry->gres_per_socket != 0;
	out->per_job |= entry->gres_per_job != 0;
	out->per_task = out->entries == 1 ? (int)entry->gres_per_task : 0;
	return 0;
}

uint32_t gp_bridge_job_id(const job_record_t *job)
{
	return job->job_id;
}

uint32_t gp_bridge_array_id(const job_record_t *job)
{
	return job->array_job_id;
}

enum gp_reason gp_bridge_job(const job_record_t *job, struct gp_job *out)
{
	struct job_walk walk = {.out = out, .reason = GP_OK};

	memset(out, 0, sizeof(*out));
	if (!job->gres_list_req)
		return GP_NO_GPUS;
	(void)list_for_each(job->gres_list_req, read_entry, &walk);
	if (walk.reason != GP_OK)
		return walk.reason;
	if (!out->entries)
		return GP_NO_GPUS;
	out->enforce = job->bit_flags & GRES_ENFORCE_BIND;
	out->unbound = job->bit_flags & GRES_DISABLE_BIND;
	out->whole = job->details && GP_IS_WHOLE(job->details);
	return GP_OK;
}

/* What one entry asks for: GPUs of each node, or of all together. */
static uint64_t entry_per_node(const job_record_t *job, const gres_job_state_t *entry)
{
	uint16_t tasks = job->details->ntasks_per_node;

	if (entry->gres_per_job)
		return 0;
	if (entry->gres_per_node)
		return entry->gres_per_node;
	if (entry->gres_per_task && !entry->gres_per_socket && tasks && tasks < NO_VAL16)
		return entry->gres_per_task * tasks;
	return 0;
}

static uint64_t entry_total(const job_record_t *job, const gres_job_state_t *entry)
{
	uint32_t tasks = job->details->num_tasks;

	if (entry->gres_per_job)
		return entry->gres_per_job;
	if (!entry->gres_per_node && entry->gres_per_task && !entry->gres_per_socket &&
	    tasks && tasks < NO_VAL)
		return entry->gres_per_task * tasks;
	return 0;
}

/* The sum over all entries, 0 if one of them does not tell or it is above most. */
static int add_entries(const job_record_t *job, const struct gp_job *asked, uint64_t most,
		       uint64_t (*of)(const job_record_t *, const gres_job_state_t *))
{
	uint64_t count = 0;

	for (int e = 0; job->details && e < asked->entries; e++) {
		uint64_t one = of(job, asked->entry[e]);

		if (!one || one > most - count)
			return 0;
		count += one;
	}
	return (int)count;
}

static uint64_t entry_count(const job_record_t *job, const gres_job_state_t *entry)
{
	return entry->gres_per_node && !entry->gres_per_job ? entry->gres_per_node
							    : entry_total(job, entry);
}

int gp_bridge_count(const job_record_t *job, const struct gp_job *asked)
{
	return add_entries(job, asked, GP_MAX_GPUS, entry_count);
}

int gp_bridge_per_node(const job_record_t *job, const struct gp_job *asked)
{
	return add_entries(job, asked, GP_MAX_GPUS, entry_per_node);
}

int gp_bridge_total(const job_record_t *job, const struct gp_job *asked)
{
	return add_entries(job, asked, INT_MAX, entry_total);
}

/* SchedulerParameters=pack_serial_at_end: where a job of one CPU goes is decided. */
static bool is_serial_at_end(const job_record_t *job)
{
	return job->details->min_cpus == 1 && slurm_conf.sched_params &&
	       strcasestr(slurm_conf.sched_params, "pack_serial_at_end");
}

bool gp_bridge_loose_nodes(const job_record_t *job)
{
	const __typeof__(*job->details) *details = job->details;

	return details && !details->req_node_bitmap && !details->contiguous &&
	       !job->req_switch && !GP_SEGMENT(job) &&
	       !(job->bit_flags & (SPREAD_JOB | USE_MIN_NODES | GP_SEGMENT_FLAGS)) &&
	       !GP_WHOLE_TOPO(job) && !is_serial_at_end(job) &&
	       !(slurm_conf.select_type_param & GP_LLN) &&
	       !(job->part_ptr && (job->part_ptr->flags & PART_FLAG_LLN));
}

bool gp_bridge_may_be_one_node(const job_record_t *job)
{
	return job->details->max_nodes <= 1 || (job->bit_flags & GP_IMPLICIT_MAX_NODES);
}

bool gp_bridge_any_node(const job_record_t *job)
{
	return gp_bridge_loose_nodes(job) && gp_bridge_may_be_one_node(job);
}

struct reserved_walk {
	int node;
	int size;
	uint64_t gpus;
};

static int read_reserved(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct reserved_walk *walk = arg;
	gres_job_state_t *entry = gres->gres_data;
	bitstr_t *bits;

	if (!gres->gres_name || strcmp(gres->gres_name, "gpu") != 0 || !entry ||
	    !entry->gres_bit_alloc || (uint32_t)walk->node >= entry->node_cnt)
		return 0;
	bits = entry->gres_bit_alloc[walk->node];
	if (bits && bit_size(bits) == walk->size)
		walk->gpus |= gp_bridge_bits(bits, walk->size);
	return 0;
}

uint64_t gp_bridge_reserved(gp_list_t reserved, gp_list_t granted, int node, int size)
{
	struct reserved_walk walk = {.node = node, .size = size};

	/* As stock has it: the first list, or else the second. */
	if (reserved) {
		(void)list_for_each(reserved, read_reserved, &walk);
		return walk.gpus;
	}
	if (!granted)
		return 0;
	(void)list_for_each(granted, read_reserved, &walk);
	return ~walk.gpus;
}

bool gp_bridge_is_idle(const node_record_t *node)
{
	return node->run_job_cnt == 0 && node->comp_job_cnt == 0;
}

uint64_t gp_bridge_weight(const node_record_t *node)
{
	return node->sched_weight >> 8;
}

static int find_shards(void *x, void *arg)
{
	gres_state_t *gres = x;
	gres_job_state_t **found = arg;

	if (!gres->gres_name || strcmp(gres->gres_name, "shard") != 0)
		return 0;
	*found = gres->gres_data;
	return -1;
}

gres_job_state_t *gp_bridge_shards(const job_record_t *job)
{
	gres_job_state_t *shards = NULL;

	if (job->gres_list_req)
		(void)list_for_each(job->gres_list_req, find_shards, &shards);
	return shards;
}
