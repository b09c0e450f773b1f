/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * submit.c - whether a wish can ever be met, and the text of the refusal if not. Called
 * by job_submit/gputopo through the symbol that submit.h names.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "core/append.h"
#include "plugin/ctld/controller.h"
#include "plugin/ctld/submit.h"
#include "plugin/ctld/request/wish.h"

/* The best that any node could give. */
struct best {
	int nodes; /* that have so many GPUs */
	int mbps;
	const char *node;
};

/* Could this node, idle, meet the wish? What it could give counts towards the best. */
static bool could_meet(struct gp_controller *ctl, const struct gp_question *question,
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
	if (!gp_bridge_is_settled(record))
		return true;
	if (gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	usable = gp_bridge_of_type(&gpus, question->type);
	binding = gp_models_bind(ctl->models, node, record->name, &gpus);
	if (!binding || __builtin_popcountll(usable) < question->count)
		return false;
	best->nodes++;
	if (gp_wish_met_in(wish, binding, usable, question->count))
		return true;
	gp_wish_ask(wish, question->count, 0, &ask);
	ask.request.free = gp_binding_to_model(binding, usable);
	if (!binding->table ||
	    gt_select(binding->table, &ask.request, &choice) != GT_FIT_OK)
		return false;
	mbps = gp_wish_mbps(wish, binding, &choice.gpus);
	if (mbps > best->mbps) {
		best->mbps = mbps;
		best->node = record->name;
	}
	return false;
}

/* "--gpu-min-busbw=40 --gpu-groups=2x2", as the job gave them. */
static char *write_options(const struct gp_wish *wish, char *text, size_t size)
{
	struct gt_append out = gt_append_to(text, size);
	char sizes[GT_GROUPS_TEXT_MAX];

	if (wish->min_mbps)
		gt_append(&out, " --gpu-min-busbw=%.10g", wish->min_mbps / 1000.0);
	if (wish->ring)
		gt_append(&out, " --gpu-topo=ring");
	if (wish->shape.groups.count)
		gt_append(&out, " --gpu-groups=%s",
			  gt_groups_format(&wish->shape.groups, sizes, sizeof(sizes)));
	if (wish->shape.comm != GT_COMM_ALLREDUCE)
		gt_append(&out, " --gpu-comm=%s", gt_comm_name(wish->shape.comm));
	return text + 1;
}

/* Who cannot: a node that the job requires, or all that it may have but found. */
static int write_who(const struct gp_question *question, const struct gp_wish *wish,
		     const char *required, int found, char *text, size_t size)
{
	bool ring = wish->ring && !wish->min_mbps;
	char options[512], what[64], who[128];

	if (ring)
		snprintf(what, sizeof(what), "a ring of links through %d GPUs",
			 question->count);
	else
		snprintf(what, sizeof(what), "%s%d GPUs that bandwidth",
			 wish->shape.groups.count > 1 ? "each group of " : "",
			 question->count);
	if (required)
		snprintf(who, sizeof(who), "%s, which the job requires, cannot %s",
			 required, ring ? "have" : "give");
	else if (found)
		snprintf(who, sizeof(who), "only %d of the %d nodes that it needs can %s",
			 found, question->places.least, ring ? "have" : "give");
	else
		snprintf(who, sizeof(who), "no node %s", ring ? "has" : "can give");
	return snprintf(text, size, "gputopo: %s: %s %s",
			write_options(wish, options, sizeof(options)), who, what);
}

static void write_best(const struct best *best, const struct gp_wish *wish, char *text,
		       size_t size)
{
	if (best->node)
		snprintf(text, size,
			 "; the best that any node can give%s is %.10g GB/s (%s)",
			 wish->shape.groups.count > 1 ? " the slowest group" : "",
			 best->mbps / 1000.0, best->node);
	else
		snprintf(text, size, "; no node has a known topology");
}

/* Groups that are no groups, or that the job's GPUs do not make. */
static bool refuse_groups(const struct gp_question *question, const struct gp_wish *wish,
			  char *text, size_t size)
{
	char sizes[GT_GROUPS_TEXT_MAX];
	struct gp_shape shape;
	struct gt_error err;
	struct gp_ask ask;

	if (gp_shape_parse(question->env, question->env_size, question->several, &shape,
			   &err)) {
		snprintf(text, size, "gputopo: --gpu-groups, --gpu-comm: %s", err.text);
		return true;
	}
	if (!question->count || !shape.groups.count ||
	    gp_wish_ask(wish, question->count, 0, &ask))
		return false;
	gt_groups_format(&shape.groups, sizes, sizeof(sizes));
	snprintf(text, size,
		 "gputopo: --gpu-groups=%.80s: the sizes add up to %d GPUs, but the job "
		 "asks for %d on a node%s",
		 sizes, gt_groups_sum(&shape.groups), question->count,
		 question->several ? ", which is no multiple" : "");
	return true;
}

bool gp_submit_refuses(struct gp_controller *ctl, const struct gp_question *question,
		       char *text, size_t size)
{
	const struct gp_places *places = &question->places;
	struct best best = {0}, own;
	const char *required = NULL;
	struct gp_wish wish;
	int found = 0, used;

	gp_wish_parse(question->env, question->env_size, question->several, &wish);
	if (refuse_groups(question, &wish, text, size))
		return true;
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
		if (required || own.mbps > best.mbps) {
			best.mbps = own.mbps;
			best.node = own.node;
		}
	}
	/* Too few GPUs everywhere is for Slurm to say. */
	if (!required && (found >= places->least || !best.nodes))
		return false;
	used = write_who(question, &wish, required, found, text, size);
	if (used > 0 && (size_t)used < size)
		write_best(&best, &wish, text + used, size - (size_t)used);
	return true;
}
