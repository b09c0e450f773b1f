/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * submit.c - whether a wish can ever be met; refusal.c has the words if not. Called by
 * job_submit/gputopo through the symbol that question.h names.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/request/refusal.h"
#include "plugin/ctld/submit.h"
#include "plugin/ctld/request/wish.h"

/* The best that any node could give. */
struct best {
	int nodes;    /* that have so many GPUs */
	int enforced; /* of those */
	int mbps;
	const char *node;
};

/* Whether this node, idle, could meet the wish. What it could give counts towards the
 * best. */
static bool could_meet(const struct gp_config *config, const struct gp_question *question,
		       const struct gp_wish *wish, int node, struct best *best)
{
	const node_record_t *record = node_record_table_ptr[node];
	const struct gp_binding *binding;
	struct gt_choice choice;
	struct gp_gpus gpus;
	struct gp_ask ask;
	uint64_t usable;
	int mbps;

	/* Who has not registered may bring GPUs and links. */
	if (!gp_bridge_is_settled(record)) {
		best->enforced++;
		return true;
	}
	if (gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	usable = gp_bridge_of_type(&gpus, question->type);
	binding = gp_models_bind(config->models, node, record->name, &gpus);
	if (!binding || __builtin_popcountll(usable) < question->count)
		return false;
	best->nodes++;
	best->enforced += binding->settings.mode == GP_MODE_ENFORCE;
	if (gp_wish_met_in(wish, binding, usable, question->count))
		return true;
	gp_wish_ask(wish, question->count, 0, &ask);
	ask.request.free = gp_binding_to_model(binding, usable);
	if (!binding->table ||
	    gt_select(binding->table, &ask.request, &choice) != GT_FIT_OK)
		return false;
	mbps = gp_shape_mbps(&wish->shape, binding->table, &choice.gpus);
	if (mbps > best->mbps) {
		best->mbps = mbps;
		best->node = record->name;
	}
	return false;
}

bool gp_submit_refuses(const struct gp_config *config, const struct gp_question *question,
		       char *text, size_t size)
{
	const struct gp_places *places = &question->places;
	struct best best = {0}, own;
	struct gt_error err;
	struct gp_wish wish;
	struct gp_ask ask;
	int sum;
	struct gp_unmet unmet = {
		.shape = &wish.shape,
		.count = question->count,
		.least = places->least,
	};

	if (gp_wish_parse(question->env, question->env_size, question->several, &wish,
			  &err)) {
		gp_refusal_syntax(err.text, text, size);
		return true;
	}
	sum = question->count ? question->count : question->sum;
	if (gp_refusal_idle(&wish.shape, wish.off, sum, text, size))
		return true;
	if (sum >= 0 && wish.shape.groups.count && !gp_wish_ask(&wish, sum, 0, &ask)) {
		gp_refusal_groups(&wish.shape, sum, text, size);
		return true;
	}
	if (!wish.asked || question->count < 2)
		return false;
	for (int n = 0; n < config->node_count && !unmet.required; n++) {
		if (!node_record_table_ptr[n] || !gp_places_have(places, n))
			continue;
		own = (struct best){0};
		if (could_meet(config, question, &wish, n, &own))
			unmet.found++;
		else if (gp_places_require(places, n) && own.nodes)
			unmet.required = node_record_table_ptr[n]->name;
		best.nodes += own.nodes;
		best.enforced += own.enforced;
		if (unmet.required || own.mbps > best.mbps) {
			best.mbps = own.mbps;
			best.node = own.node;
		}
	}
	/* Too few GPUs everywhere is for Slurm to say. */
	if (!unmet.required && (unmet.found >= places->least || !best.nodes)) {
		if (best.nodes && !best.enforced)
			gp_refusal_not_enforced(text, size);
		return false;
	}
	unmet.ring = wish.ring;
	unmet.min_mbps = wish.min_mbps;
	unmet.best = best.node;
	unmet.best_mbps = best.mbps;
	gp_refusal_write(&unmet, text, size);
	return true;
}
