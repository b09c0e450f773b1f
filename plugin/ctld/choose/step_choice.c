/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_choice.c - which of its job's GPUs a step gets. Called by controller.c.
 *
 * Slurm gives a step the lowest GPUs of its job that no step holds, those near the job's
 * unused cores first, and then picks the step's cores without a look at the GPUs. Its
 * last hook, step_start, follows under the same job write lock, before the credential is
 * made and before anything is written or sent. So nothing is hidden while Slurm chooses:
 * the step's bits and the job's are exchanged together, by as many GPUs of the same
 * entry, and no moment exists in which a lost hook or process could leave one behind.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/choose/choice.h"
#include "plugin/ctld/choose/step_choice.h"
#include "plugin/ctld/request/wish.h"

/* The step's own wish; Slurm's choice and the least damage are the job's to say as well.
 */
static void read_wish(const step_record_t *step, struct gp_wish *wish)
{
	struct gp_wish job;

	gp_wish_read(step->job_ptr, &job);
	if (!gp_wish_of_line(step->submit_line, wish)) {
		wish->off = job.off;
		wish->preserve = job.preserve;
	}
	gp_shape_hint(&wish->shape, gp_bridge_step_per_task(step));
}

/* May the step's GPUs on this node be exchanged? */
static bool may_choose(const struct gp_node_answer *answer, const struct gp_wish *wish,
		       const struct gp_step_place *place)
{
	const struct gp_binding *binding = answer->binding;

	return binding && binding->why == GP_OK && binding->settings.step_choice &&
	       binding->settings.mode == GP_MODE_ENFORCE && !wish->off &&
	       !(place->all & binding->instances);
}

/* --gpu-bind=closest shows a task only GPUs near its cores: the step keeps as many. */
static bool keeps_near(const struct gp_node_answer *answer, const step_record_t *step)
{
	uint64_t near = gp_node_answer_near(answer);

	return !step->tres_bind || !strstr(step->tres_bind, "closest") ||
	       __builtin_popcountll(answer->wanted & near) >=
		       __builtin_popcountll(answer->stock & near);
}

static void choose_on(struct gp_models *models, const step_record_t *step,
		      const struct gp_wish *wish, int node, int offset)
{
	struct gp_node_answer answer = {.node = node,
					.record = node_record_table_ptr[node]};
	struct gp_held held[GP_MAX_GPUS] = {{0}};
	uint64_t gpus[GP_MAX_GPUS];
	struct gp_step_place place;
	int others;

	if (answer.record->magic != NODE_MAGIC)
		return;
	(void)gp_bridge_node(answer.record, &answer.gpus);
	if (!answer.gpus.size ||
	    !gp_bridge_step(step, offset, answer.gpus.size, &place) ||
	    place.own == place.free)
		return;
	answer.gpus.free = place.free;
	answer.binding = gp_models_bind(models, node, answer.record->name, &answer.gpus);
	if (!may_choose(&answer, wish, &place))
		return;
	answer.stock = place.own;
	answer.count = __builtin_popcountll(place.own);
	for (int e = 0; place.entries > 1 && e < place.entries; e++)
		answer.cells[answer.cell_count++] = place.entry[e].all;
	answer.cores_known = gp_bridge_cores(step->job_ptr, step->core_bitmap_job,
					     answer.record, &answer.gpus, &answer.cores);
	others = gp_bridge_step_others(step, offset, answer.gpus.size, gpus);
	for (int i = 0; i < others; i++)
		held[i].gpus = gpus[i];
	if (gp_node_answer_choose(&answer, wish, held, others, false) == GP_OK &&
	    keeps_near(&answer, step))
		gp_bridge_step_move(&place, answer.wanted);
}

void gp_step_choose(struct gp_models *models, const step_record_t *step)
{
	const job_record_t *job = step->job_ptr;
	struct gp_wish wish;
	bitstr_t *nodes;
	int offset = 0;

	if (step->magic != STEP_MAGIC || !job || find_job_record(job->job_id) != job ||
	    !job->job_resrcs || !job->gres_list_alloc || !step->gres_list_alloc ||
	    !step->step_node_bitmap || (step->flags & SSF_OVERLAP_FORCE))
		return;
	read_wish(step, &wish);
	nodes = job->job_resrcs->node_bitmap;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		if (bit_test(step->step_node_bitmap, n))
			choose_on(models, step, &wish, (int)n, offset);
		offset++;
	}
}
