/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge_step.c - the GPUs of a step that starts inside its job: which it was given,
 * which it could have had, and their exchange. Called by step_choice.c.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/slurm/bridge.h"

static uint64_t bits_at(bitstr_t **bits, int offset, int size)
{
	if (!bits || !bits[offset] || bit_size(bits[offset]) != size)
		return 0;
	return gp_bridge_bits(bits[offset], size);
}

struct held_walk {
	const gres_job_state_t *entry; /* NULL: any */
	int offset, size;
	gres_step_state_t *found;
	uint64_t gpus;
};

/* Of a step's list: the part that one entry of the job gave. */
static int read_part(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct held_walk *walk = arg;
	gres_step_state_t *part = gres->gres_data;

	if (!gres->gres_name || strcmp(gres->gres_name, "gpu") != 0 || !part ||
	    (uint32_t)walk->offset >= part->node_cnt ||
	    (walk->entry && part->type_id != walk->entry->type_id))
		return 0;
	walk->found = part;
	walk->gpus |= bits_at(part->gres_bit_alloc, walk->offset, walk->size);
	return 0;
}

struct entry_walk {
	gp_list_t parts; /* of the step */
	struct gp_step_place *place;
	bool strange;
};

/* Of the job's list: one entry that the step has GPUs of. */
static int read_job_entry(void *x, void *arg)
{
	gres_state_t *gres = x;
	struct entry_walk *walk = arg;
	struct gp_step_place *place = walk->place;
	gres_job_state_t *entry = gres->gres_data;
	struct held_walk own = {
		.entry = entry, .offset = place->offset, .size = place->size};
	uint64_t all, taken;

	if (!gres->gres_name || strcmp(gres->gres_name, "gpu") != 0 || !entry ||
	    (uint32_t)place->offset >= entry->node_cnt)
		return 0;
	(void)list_for_each(walk->parts, read_part, &own);
	if (!own.gpus)
		return 0;
	all = bits_at(entry->gres_bit_alloc, place->offset, place->size);
	taken = bits_at(entry->gres_bit_step_alloc, place->offset, place->size);
	walk->strange |= place->entries == GP_MAX_ENTRIES || (own.gpus & ~all) ||
			 (own.gpus & ~taken) || (taken & ~all) || (place->all & all);
	if (walk->strange)
		return -1;
	place->all |= all;
	place->own |= own.gpus;
	place->free |= (all & ~taken) | own.gpus;
	place->entry[place->entries].job = entry;
	place->entry[place->entries].step = own.found;
	place->entry[place->entries++].all = all;
	return 0;
}

bool gp_bridge_step_place(const struct gp_step *step, int offset, int size,
			  struct gp_step_place *place)
{
	const step_record_t *record = step->record;
	struct entry_walk walk = {.parts = record->gres_list_alloc, .place = place};

	memset(place, 0, sizeof(*place));
	place->offset = offset;
	place->size = size;
	(void)list_for_each(step->job->gres_list_alloc, read_job_entry, &walk);
	return !walk.strange && place->own;
}

void gp_bridge_step_move(const struct gp_step_place *place, uint64_t gpus)
{
	for (int e = 0; e < place->entries; e++) {
		bitstr_t *taken = place->entry[e].job->gres_bit_step_alloc[place->offset];
		bitstr_t *own = place->entry[e].step->gres_bit_alloc[place->offset];

		for (int g = 0; g < place->size; g++) {
			uint64_t bit = (uint64_t)1 << g & place->entry[e].all;

			if (bit & place->own & ~gpus) {
				bit_clear(own, g);
				bit_clear(taken, g);
			}
			if (bit & gpus & ~place->own) {
				bit_set(own, g);
				bit_set(taken, g);
			}
		}
	}
}

struct others_walk {
	const step_record_t *but;
	int offset, size, count;
	uint64_t *held;
};

static int read_other(void *x, void *arg)
{
	const step_record_t *step = x;
	struct others_walk *walk = arg;
	struct held_walk its = {.offset = walk->offset, .size = walk->size};

	if (step == walk->but || step->magic != STEP_MAGIC || !step->gres_list_alloc ||
	    (step->flags & SSF_OVERLAP_FORCE) || walk->count == GP_MAX_GPUS)
		return 0;
	(void)list_for_each(step->gres_list_alloc, read_part, &its);
	if (its.gpus)
		walk->held[walk->count++] = its.gpus;
	return 0;
}

int gp_bridge_step_others(const struct gp_step *step, const struct gp_step_place *place,
			  uint64_t held[GP_MAX_GPUS])
{
	struct others_walk walk = {.but = step->record,
				   .offset = place->offset,
				   .size = place->size,
				   .held = held};

	if (step->job->step_list)
		(void)list_for_each(step->job->step_list, read_other, &walk);
	return walk.count;
}

/* ---- the step ------------------------------------------------------------------------
 */

static int read_per_task(void *x, void *arg)
{
	gres_state_t *gres = x;
	const gres_step_state_t *part = gres->gres_data;
	int *size = arg;

	if (gres->gres_name && strcmp(gres->gres_name, "gpu") == 0 && part)
		*size = *size || part->gres_per_task > GP_MAX_GPUS
				? 0
				: (int)part->gres_per_task;
	return 0;
}

bool gp_bridge_step(const void *from, struct gp_step *step)
{
	const step_record_t *record = from;
	const job_record_t *job = record->job_ptr;

	memset(step, 0, sizeof(*step));
	if (record->magic != STEP_MAGIC || !job || find_job_record(job->job_id) != job ||
	    !job->job_resrcs || !job->gres_list_alloc || !record->gres_list_alloc ||
	    !record->step_node_bitmap || (record->flags & SSF_OVERLAP_FORCE))
		return false;
	step->record = record;
	step->job = job;
	step->line = record->submit_line;
	step->cores = record->core_bitmap_job;
	step->bound_to_cores = record->tres_bind && strstr(record->tres_bind, "closest");
	if (record->gres_list_req)
		(void)list_for_each(record->gres_list_req, read_per_task,
				    &step->per_task);
	return true;
}

void gp_bridge_step_nodes(const struct gp_step *step,
			  void (*visit)(int node, int offset, void *arg), void *arg)
{
	const step_record_t *record = step->record;
	bitstr_t *nodes = step->job->job_resrcs->node_bitmap;
	int offset = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		if (bit_test(record->step_node_bitmap, n))
			visit((int)n, offset, arg);
		offset++;
	}
}
