/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * submit.c - whether a wish can ever be met, and the text of the refusal if not. Called
 * by job_submit/gputopo through the symbol that submit.h names.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/controller.h"
#include "plugin/ctld/submit.h"
#include "plugin/ctld/request/wish.h"

/* The best that any node could give. */
struct best {
	int nodes;    /* that have so many GPUs */
	int enforced; /* of those */
	int mbps;
	const char *node;
};

/* Could this node, idle, meet the wish? What it could give counts towards the best. */
static bool could_meet(struct gp_controller *ctl, const struct gp_question *question,
		       const struct gp_wish *wish, int node, struct best *best)
{
	const node_record_t *record = node_record_table_ptr[node];
	const struct gp_binding *binding;
	struct gt_request request = {.count = question->count};
	struct gt_choice choice;
	struct gt_score score;
	struct gp_gpus gpus;
	uint64_t usable;

	/* Who has not registered may bring GPUs and links. */
	if (!gp_bridge_is_settled(record)) {
		best->enforced++;
		return true;
	}
	if (gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	usable = gp_bridge_of_type(&gpus, question->type);
	binding = gp_models_bind(ctl->models, node, record->name, &gpus);
	if (!binding || __builtin_popcountll(usable) < question->count)
		return false;
	best->nodes++;
	best->enforced += binding->settings.mode == GP_MODE_ENFORCE;
	if (gp_wish_met_in(wish, binding, usable, question->count))
		return true;
	request.free = gp_binding_to_model(binding, usable);
	if (!binding->table || gt_select(binding->table, &request, &choice) != GT_FIT_OK)
		return false;
	gt_score_set(gt_table_node(binding->table), &choice.gpus, &score);
	if (score.busbw_mbps > best->mbps) {
		best->mbps = score.busbw_mbps;
		best->node = record->name;
	}
	return false;
}

/* Who cannot: a node that the job requires, or all that it may have but found. */
static int write_who(const struct gp_question *question, const struct gp_wish *wish,
		     const char *required, int found, char *text, size_t size)
{
	bool ring = wish->ring && !wish->min_mbps;
	int least = question->places.least, count = question->count;
	char name[80] = "--gpu-topo=ring";

	if (!ring)
		snprintf(name, sizeof(name), "--gpu-min-busbw=%.10g%s",
			 wish->min_mbps / 1000.0, wish->ring ? " --gpu-topo=ring" : "");
	if (required && ring)
		return snprintf(text, size,
				"gputopo: %s: %s, which the job requires, cannot have a "
				"ring of links through %d GPUs",
				name, required, count);
	if (required)
		return snprintf(text, size,
				"gputopo: %s: %s, which the job requires, cannot give %d "
				"GPUs that bandwidth",
				name, required, count);
	if (found && ring)
		return snprintf(text, size,
				"gputopo: %s: only %d of the %d nodes that it needs can "
				"have a ring of links through %d GPUs",
				name, found, least, count);
	if (found)
		return snprintf(text, size,
				"gputopo: %s: only %d of the %d nodes that it needs can "
				"give %d GPUs that bandwidth",
				name, found, least, count);
	if (ring)
		return snprintf(text, size,
				"gputopo: --gpu-topo=ring: no node has a ring of links "
				"through %d GPUs",
				count);
	return snprintf(text, size,
			"gputopo: --gpu-min-busbw=%.10g%s: no node can give %d GPUs that "
			"bandwidth",
			wish->min_mbps / 1000.0, wish->ring ? " --gpu-topo=ring" : "",
			count);
}

static void write_best(const struct best *best, char *text, size_t size)
{
	if (best->node)
		snprintf(text, size,
			 "; the best that any node can give is %.10g GB/s (%s)",
			 best->mbps / 1000.0, best->node);
	else
		snprintf(text, size, "; no node has a known topology");
}

bool gp_submit_refuses(struct gp_controller *ctl, const struct gp_question *question,
		       char *text, size_t size)
{
	const struct gp_places *places = &question->places;
	struct best best = {0}, own;
	const char *required = NULL;
	struct gp_wish wish;
	int found = 0, used;

	gp_wish_parse(question->env, question->env_size, &wish);
	if (!wish.asked || question->count < 2)
		return false;
	for (int n = 0; n < ctl->node_count && !required; n++) {
		if (!node_record_table_ptr[n] || !gp_places_have(places, n))
			continue;
		own = (struct best){0};
		if (could_meet(ctl, question, &wish, n, &own))
			found++;
		else if (gp_places_require(places, n) && own.nodes)
			required = node_record_table_ptr[n]->name;
		best.nodes += own.nodes;
		best.enforced += own.enforced;
		if (required || own.mbps > best.mbps) {
			best.mbps = own.mbps;
			best.node = own.node;
		}
	}
	/* Too few GPUs everywhere is for Slurm to say. */
	if (!required && (found >= places->least || !best.nodes)) {
		if (best.nodes && !best.enforced)
			snprintf(
				text, size,
				"gputopo: the wish for the GPUs' connection is not "
				"enforced: Mode=observe or off on the nodes that the job "
				"may have");
		return false;
	}
	used = write_who(question, &wish, required, found, text, size);
	if (used > 0 && (size_t)used < size)
		write_best(&best, text + used, size - (size_t)used);
	return true;
}
