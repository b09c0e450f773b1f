/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * submit.c - whether a wish can ever be met, and the text of the refusal if not. Called
 * by job_submit/gputopo through the symbol that submit.h names.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/glue.h"
#include "plugin/ctld/submit.h"
#include "plugin/ctld/request/wish.h"

/* The best that any node could give. */
struct best {
	int nodes; /* that have so many GPUs */
	int mbps;
	const char *node;
};

/* Could this node, idle, meet the wish? What it could give counts towards the best. */
static bool could_meet(struct gp_glue *glue, const struct gp_question *question,
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
	if (!gp_bridge_is_settled(record))
		return true;
	if (gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	usable = gp_bridge_of_type(&gpus, question->type);
	binding = gp_models_bind(glue->models, node, record->name, &gpus);
	if (!binding || __builtin_popcountll(usable) < question->count)
		return false;
	best->nodes++;
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
static void write_who(const struct gp_question *question, bool ring, const char *required,
		      int found, char *who, size_t size)
{
	const char *verb = ring ? "have" : "give";

	if (required)
		snprintf(who, size, "%s, which the job requires, cannot %s", required,
			 verb);
	else if (found)
		snprintf(who, size, "only %d of the %d nodes that it needs can %s", found,
			 question->places.least, verb);
	else
		snprintf(who, size, "no node %s", ring ? "has" : "can give");
}

static void write_refusal(const struct gp_question *question, const struct gp_wish *wish,
			  const char *who, const struct best *best, char *text,
			  size_t size)
{
	int used;

	if (wish->ring && !wish->min_mbps)
		used = snprintf(text, size,
				"gputopo: --gpu-topo=ring: %s a ring of links through %d "
				"GPUs",
				who, question->count);
	else
		used = snprintf(text, size,
				"gputopo: --gpu-min-busbw=%.10g%s: %s %d GPUs that",
				wish->min_mbps / 1000.0,
				wish->ring ? " --gpu-topo=ring" : "", who,
				question->count);
	if (used < 0 || (size_t)used >= size)
		return;
	if (best->node)
		snprintf(text + used, size - (size_t)used,
			 "; the best that any could give are %.10g GB/s (%s)",
			 best->mbps / 1000.0, best->node);
	else
		snprintf(text + used, size - (size_t)used,
			 "; no bandwidth is known of any");
}

bool gp_submit_refuses(struct gp_glue *glue, const struct gp_question *question,
		       char *text, size_t size)
{
	const struct gp_places *places = &question->places;
	struct best best = {0}, own;
	const char *required = NULL;
	struct gp_wish wish;
	char who[400];
	int found = 0;

	gp_wish_parse(question->env, question->env_size, &wish);
	if (!wish.asked || question->count < 2)
		return false;
	for (int n = 0; n < glue->node_count && !required; n++) {
		if (!node_record_table_ptr[n] || !gp_places_have(places, n))
			continue;
		own = (struct best){0};
		if (could_meet(glue, question, &wish, n, &own))
			found++;
		else if (gp_places_require(places, n) && own.nodes)
			required = node_record_table_ptr[n]->name;
		best.nodes += own.nodes;
		if (required || own.mbps > best.mbps) {
			best.mbps = own.mbps;
			best.node = own.node;
		}
	}
	/* Too few GPUs everywhere is for Slurm to say. */
	if (!required && (found >= places->least || !best.nodes))
		return false;
	write_who(question, wish.ring && !wish.min_mbps, required, found, who,
		  sizeof(who));
	write_refusal(question, &wish, who, &best, text, size);
	return true;
}
