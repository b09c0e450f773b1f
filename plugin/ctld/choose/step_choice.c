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
#include <string.h>

#include "plugin/ctld/choose/choice.h"
#include "plugin/ctld/choose/step_choice.h"
#include "plugin/ctld/request/wish.h"

struct choosing {
	struct gp_models *models;
	struct gp_step step;
	struct gp_wish wish;
};

/* The step's own wish; Slurm's choice and the least damage are the job's to say as well.
 */
static void read_wish(const struct gp_step *step, struct gp_wish *wish)
{
	struct gp_wish job;

	gp_wish_read(step->job, &job);
	if (!gp_wish_of_line(step->line, wish)) {
		wish->off = job.off;
		wish->preserve = job.preserve;
	}
	gp_shape_hint(&wish->shape, step->per_task);
}

/* Whether the step's GPUs on this node may be exchanged. */
static bool may_choose(const struct gp_binding *binding, const struct gp_wish *wish,
		       const struct gp_step_place *place)
{
	return binding && binding->why == GP_OK && binding->settings.step_choice &&
	       binding->settings.mode == GP_MODE_ENFORCE && !wish->off &&
	       !(place->all & binding->instances);
}

/* --gpu-bind=closest shows a task only GPUs near its cores: the step keeps as many. */
static bool keeps_near(const struct gp_node_answer *answer, const struct gp_step *step)
{
	uint64_t near = gp_node_answer_near(answer);

	return !step->bound_to_cores ||
	       __builtin_popcountll(answer->wanted & near) >=
		       __builtin_popcountll(answer->stock & near);
}

static void choose_on(int node, int offset, void *arg)
{
	const struct choosing *c = arg;
	struct gp_node_answer answer = {.node = node};
	struct gp_held held[GP_MAX_GPUS] = {{0}};
	uint64_t gpus[GP_MAX_GPUS];
	struct gp_step_place place;
	int others;

	if (!gp_bridge_record(node, &answer.record, &answer.name))
		return;
	(void)gp_bridge_node(answer.record, &answer.gpus);
	if (!answer.gpus.size ||
	    !gp_bridge_step_place(&c->step, offset, answer.gpus.size, &place) ||
	    place.own == place.free)
		return;
	answer.gpus.free = place.free;
	answer.binding = gp_models_bind(c->models, node, answer.name, &answer.gpus);
	if (!may_choose(answer.binding, &c->wish, &place))
		return;
	answer.stock = place.own;
	answer.count = __builtin_popcountll(place.own);
	for (int e = 0; place.entries > 1 && e < place.entries; e++)
		answer.cells[answer.cell_count++] = place.entry[e].all;
	answer.cores_known = gp_bridge_cores(c->step.job, c->step.cores, answer.record,
					     &answer.gpus, &answer.cores);
	others = gp_bridge_step_others(&c->step, &place, gpus);
	for (int i = 0; i < others; i++)
		held[i].gpus = gpus[i];
	if (gp_node_answer_choose(&answer, &c->wish, held, others, false) == GP_OK &&
	    keeps_near(&answer, &c->step))
		gp_bridge_step_move(&place, answer.wanted);
}

void gp_step_choose(struct gp_models *models, const void *record)
{
	struct choosing choosing = {.models = models};

	if (!gp_bridge_step(record, &choosing.step))
		return;
	read_wish(&choosing.step, &choosing.wish);
	gp_bridge_step_nodes(&choosing.step, choose_on, &choosing);
}
