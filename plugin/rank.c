/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank.c - compare nodes by what a job would get there.
 */
#include "plugin/compat.h"

#include <string.h>

#include "plugin/instance.h"
#include "plugin/rank.h"

#define EQUAL 1e-9 /* damages this close are the same */

/* What a node of this type with these free GPUs gives and loses. Running jobs are left
 * out: with them no two nodes would be alike. */
static void evaluate(struct gt_table *table, const struct gt_mask *usable,
		     const struct gt_mask *free, int count, struct gp_rank *rank)
{
	struct gt_request request = {.count = count, .free = *usable};
	struct gt_mask nothing = {{0}};
	struct gt_score before, after;
	struct gt_choice choice;

	/* One GPU has no bandwidth to compare: the damage decides alone. */
	rank->quality = count > 1 ? gt_table_quality(table, usable, count) : 1;
	rank->damage = 0;
	if (gt_select(table, &request, &choice) != GT_FIT_OK) {
		rank->quality = 0;
		return;
	}
	request.free = *free;
	gt_select_score(table, &request, &nothing, &before);
	gt_select_score(table, &request, &choice.gpus, &after);
	rank->damage = before.remaining - after.remaining;
}

/* Instances have no bandwidth: what they take from the policy's aim decides. */
static void evaluate_instances(const struct gp_binding *binding, uint64_t usable,
			       uint64_t free, int count, struct gp_rank *rank)
{
	double damage = gp_instances_damage(binding, usable, free, count);

	rank->quality = damage >= 0;
	rank->damage = damage >= 0 ? damage : 0;
}

static void look_up(struct gp_models *models, const struct gp_view *view, int count,
		    struct gp_rank *rank)
{
	const struct gp_binding *binding = view->binding;
	struct gp_value *value = gp_models_value(models, binding, view->usable, count);

	if (value->table != binding->table || value->seen != binding->seen ||
	    value->free != view->free || value->usable != view->usable ||
	    value->count != count || value->policy != binding->settings.mig_policy) {
		struct gt_mask usable = gp_binding_to_model(binding, view->usable);
		struct gt_mask free = gp_binding_to_model(binding, view->free);

		if (view->usable & binding->instances)
			evaluate_instances(binding, view->usable, view->free, count,
					   rank);
		else
			evaluate(binding->table, &usable, &free, count, rank);
		*value = (struct gp_value){
			.table = binding->table,
			.seen = binding->seen,
			.free = view->free,
			.usable = view->usable,
			.count = count,
			.policy = binding->settings.mig_policy,
			.quality = rank->quality,
			.damage = rank->damage,
		};
	}
	rank->quality = value->quality;
	rank->damage = value->damage;
}

/* GPUs of the asked type; all for an untyped job. */
static uint64_t of_type(const struct gp_gpus *gpus, const struct gp_job *asked)
{
	uint64_t out = 0;

	for (int g = 0; g < gpus->size; g++)
		if (!asked->typed || gpus->type[g] == asked->entry[0]->type_id)
			out |= (uint64_t)1 << g;
	return out;
}

bool gp_rank_view(struct gp_view *view, int node, const struct gp_job *asked, int count,
		  struct gp_models *models)
{
	const node_record_t *record = node_record_table_ptr[node];

	view->binding = gp_models_recall(models, node);
	if (!record || !gp_bridge_free(record, &view->free) ||
	    __builtin_popcountll(view->free) < count)
		return false;
	view->usable = view->free;
	if (!view->binding || asked->typed) {
		struct gp_gpus gpus;

		if (gp_bridge_node(record, &gpus) != GP_OK)
			return false;
		view->binding = gp_models_bind(models, node, record->name, &gpus);
		view->usable &= of_type(&gpus, asked);
	}
	return view->binding && __builtin_popcountll(view->usable) >= count;
}

/* One node's rank. false: not enough free GPUs. *ours: we may choose it. */
static bool rank_node(struct gp_rank *rank, int node, const struct gp_job *asked,
		      int count, struct gp_models *models, bool *ours)
{
	struct gp_view view;

	*ours = true;
	if (!gp_rank_view(&view, node, asked, count, models))
		return false;
	/* Whole GPUs and instances alike: which it gets is the stock plugin's to say. */
	*ours = view.binding->settings.mode == GP_MODE_ENFORCE &&
		view.binding->settings.node_choice &&
		(!(view.usable & view.binding->instances) ||
		 !(view.usable & ~view.binding->instances));
	*rank = (struct gp_rank){.node = node};
	if (*ours && view.binding->table)
		look_up(models, &view, count, rank);
	return true;
}

bool gp_rank_prospect(struct gp_prospect *prospect, int node, const struct gp_job *asked,
		      int count, struct gp_models *models,
		      const struct gp_running *running)
{
	const node_record_t *record = node_record_table_ptr[node];
	struct gp_gpus gpus;

	memset(prospect, 0, sizeof(*prospect));
	if (!record || gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	prospect->binding = gp_models_bind(models, node, record->name, &gpus);
	prospect->usable = of_type(&gpus, asked);
	prospect->free = gpus.free;
	prospect->held = gp_running_on(running, node, &prospect->held_count);
	return prospect->binding && __builtin_popcountll(prospect->usable) >= count;
}

int gp_rank_nodes(struct gp_rank *ranks, bitstr_t *offered, const struct gp_job *asked,
		  int count, struct gp_models *models)
{
	uint64_t lowest = UINT64_MAX;
	bool all_ours = true;
	int ranked = 0;

	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		uint64_t weight;
		bool ours;

		if (!bit_test(offered, n))
			continue;
		weight = gp_bridge_weight(node_record_table_ptr[n]);
		if (weight > lowest ||
		    !rank_node(&ranks[ranked], (int)n, asked, count, models, &ours))
			continue;
		if (weight < lowest) {
			lowest = weight;
			ranks[0] = ranks[ranked];
			ranked = 0;
			all_ours = true;
		}
		all_ours &= ours;
		ranked++;
	}
	return all_ours ? ranked : 0;
}

int gp_rank_few(const struct gp_rank *ranks, int ranked, int count, bool only_ties,
		bitstr_t *few)
{
	uint64_t quality = 0;
	double damage, above = -1;
	int found = 0;

	bit_clear_all(few);
	for (int i = 0; i < ranked; i++)
		if (ranks[i].quality > quality)
			quality = ranks[i].quality;
	/* Without links anywhere there is nothing to prefer, but for a job of one GPU,
	 * which then goes where there are none to break. */
	if (quality == 0 && count > 1)
		return 0;
	/* Level by level of damage, the least first. */
	do {
		damage = 2;
		for (int i = 0; i < ranked; i++)
			if ((ranks[i].quality == quality || count == 1) &&
			    ranks[i].damage > above + EQUAL && ranks[i].damage < damage)
				damage = ranks[i].damage;
		for (int i = 0; damage < 2 && i < ranked && found < GP_FEW_NODES; i++) {
			if ((ranks[i].quality != quality && count != 1) ||
			    ranks[i].damage < damage || ranks[i].damage > damage + EQUAL)
				continue;
			bit_set(few, ranks[i].node);
			found++;
		}
		above = damage;
	} while (!only_ties && damage < 2 && found < GP_FEW_NODES);
	return found;
}
