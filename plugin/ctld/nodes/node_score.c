/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_score.c - order the offered nodes by the set of GPUs that a job would get there
 * and by the damage. Called by preselect.c and, for forecasts, by forecast.c.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/nodes/node_score.h"
#include "plugin/ctld/objects/mig_object.h"

#define EQUAL 1e-9 /* damages this close are the same */

/* What taking its best GPUs costs a node of this type with these free GPUs. Running jobs
 * are left out: with them no two nodes would be alike. */
static double damage_of(const struct gp_node_view *view, struct gt_request *request)
{
	struct gt_table *table = view->binding->table;
	struct gt_request plain = {.count = request->count};
	struct gt_mask nothing = {{0}};
	struct gt_score before, after;
	struct gt_choice choice;

	request->free = gp_binding_to_model(view->binding, view->usable);
	if (gt_select(table, request, &choice) != GT_FIT_OK)
		return 0;
	plain.free = gp_binding_to_model(view->binding, view->free);
	gt_select_score(table, &plain, &nothing, &before);
	gt_select_score(table, &plain, &choice.gpus, &after);
	return before.remaining - after.remaining;
}

static void evaluate_damage(const struct gp_node_view *view,
			    const struct gp_job_request *job, struct gp_value *value)
{
	struct gp_ask ask;

	gp_wish_ask(&job->wish, job->count, 0, &ask);
	value->damage = damage_of(view, &ask.request);
	value->weighed = true;
}

static void evaluate(const struct gp_node_view *view, const struct gp_job_request *job,
		     struct gp_value *value)
{
	const struct gp_binding *binding = view->binding;
	uint64_t *quality = &value->quality.word[0];
	struct gp_ask ask;

	/* Instances have no bandwidth: what they take from the policy's aim decides. */
	if (view->usable & binding->instances) {
		double damage = gp_mig_object()->damage(binding, view->usable, view->free,
							job->count);

		*quality = damage >= 0;
		value->damage = damage >= 0 ? damage : 0;
		value->weighed = true;
		return;
	}
	if (!gp_wish_ask(&job->wish, job->count, 0, &ask))
		return;
	/* 0 where a set does not fit. One GPU has no bandwidth to compare: the damage
	 * decides alone. */
	ask.request.free = gp_binding_to_model(binding, view->usable);
	gt_select_quality(binding->table, &ask.request, &value->quality);
	if (job->count == 1 && *quality)
		*quality = 1;
}

static struct gp_value *look_up(struct gp_models *models, const struct gp_node_view *view,
				const struct gp_job_request *job)
{
	const struct gp_binding *binding = view->binding;
	uint64_t shape = job->wish.shape.id;
	struct gp_value *value = gp_models_value(models, binding, view->usable,
						 shape + (uint64_t)job->count);

	if (value->table != binding->table || value->seen != binding->seen ||
	    value->free != view->free || value->usable != view->usable ||
	    value->count != job->count || value->shape != shape ||
	    value->policy != binding->settings.mig_policy) {
		*value = (struct gp_value){
			.table = binding->table,
			.seen = binding->seen,
			.free = view->free,
			.usable = view->usable,
			.count = job->count,
			.shape = shape,
			.policy = binding->settings.mig_policy,
		};
		evaluate(view, job, value);
	}
	return value;
}

/* GPUs of the asked type; all for an untyped job. */
static uint64_t of_type(const gres_node_state_t *state, const struct gp_job *asked)
{
	return asked->typed ? gp_bridge_of_type_id(state, asked->entry[0]->type_id)
			    : ~(uint64_t)0;
}

bool gp_node_view_read(struct gp_node_view *view, int node, const struct gp_job *asked,
		       int count, struct gp_models *models, struct gp_free_bound *room)
{
	const gres_node_state_t *state = gp_free_bound_look(room, node, &view->free);
	const node_record_t *record = node_record_table_ptr[node];

	if (!state)
		return false;
	view->usable = view->free & of_type(state, asked);
	if (__builtin_popcountll(view->usable) < count)
		return false;
	view->binding = gp_models_recall(models, node);
	if (!view->binding) {
		struct gp_gpus gpus;

		if (gp_bridge_node(record, &gpus) != GP_OK)
			return false;
		view->binding = gp_models_bind(models, node, record->name, &gpus);
	}
	return view->binding != NULL;
}

/* One node's rank. false: not enough free GPUs. *ours: we may choose it. */
static bool rank_node(struct gp_node_score *rank, int node,
		      const struct gp_job_request *job, struct gp_models *models,
		      struct gp_free_bound *room, bool *ours)
{
	struct gp_node_view *view = &rank->view;

	*ours = true;
	if (!gp_node_view_read(view, node, &job->asked, job->count, models, room))
		return false;
	/* Whole GPUs and instances alike: which it gets is the stock plugin's to say. */
	*ours = view->binding->settings.mode == GP_MODE_ENFORCE &&
		view->binding->settings.node_choice &&
		(!(view->usable & view->binding->instances) ||
		 !(view->usable & ~view->binding->instances));
	rank->node = node;
	rank->quality = (struct gt_quality){{0}};
	if (*ours && view->binding->table)
		rank->quality = look_up(models, view, job)->quality;
	rank->damage = 0;
	return true;
}

static struct gt_quality best_quality(const struct gp_node_score *ranks, int ranked)
{
	struct gt_quality best = {{0}};

	for (int i = 0; i < ranked; i++)
		if (gt_quality_compare(&ranks[i].quality, &best) > 0)
			best = ranks[i].quality;
	return best;
}

/* Whether the job may go there. One GPU has no bandwidth to compare: the damage alone
 * decides. */
static bool is_best(const struct gp_node_score *rank, const struct gt_quality *best,
		    int count)
{
	return count == 1 || gt_quality_compare(&rank->quality, best) == 0;
}

/* Damage takes longer to say than quality, and says nothing of worse nodes. */
static void weigh(struct gp_node_score *ranks, int ranked,
		  const struct gp_job_request *job, struct gp_models *models)
{
	struct gt_quality best = best_quality(ranks, ranked);

	for (int i = 0; i < ranked; i++) {
		const struct gp_node_view *view = &ranks[i].view;
		struct gp_value *value;

		if (!view->binding->table || !is_best(&ranks[i], &best, job->count))
			continue;
		value = look_up(models, view, job);
		if (!value->weighed)
			evaluate_damage(view, job, value);
		ranks[i].damage = value->damage;
	}
}

bool gp_node_prospect_read(struct gp_prospect *prospect, int node,
			   const struct gp_job *asked, int count,
			   struct gp_models *models, const struct gp_running *running)
{
	const node_record_t *record = node_record_table_ptr[node];
	struct gp_gpus gpus;

	memset(prospect, 0, sizeof(*prospect));
	if (!record || gp_bridge_node(record, &gpus) != GP_OK)
		return false;
	prospect->binding = gp_models_bind(models, node, record->name, &gpus);
	prospect->usable = of_type(gpus.state, asked) & ~(uint64_t)0 >> (64 - gpus.size);
	prospect->free = gpus.free;
	prospect->held = gp_running_on(running, node, &prospect->held_count);
	return prospect->binding && __builtin_popcountll(prospect->usable) >= count;
}

/* Stock takes one of those with the most free GPUs (it calls them near its cores), of the
 * unit with the fewest nodes. What would do more harm than the least harmful of them is
 * no candidate, however good its GPUs. */
static int drop_harmful(struct gp_node_score *ranks, int ranked)
{
	uint64_t least = UINT64_MAX;
	int most = 0, left = 0;

	for (int i = 0; i < ranked; i++) {
		int gpus = __builtin_popcountll(ranks[i].view.usable);

		if (gpus < most || (gpus == most && ranks[i].harm >= least))
			continue;
		most = gpus;
		least = ranks[i].harm;
	}
	for (int i = 0; i < ranked; i++)
		if (ranks[i].harm <= least || ranks[i].harm < GP_HARM_BREAKS)
			ranks[left++] = ranks[i];
	return left;
}

int gp_node_scores_read(struct gp_node_score *ranks, bitstr_t *offered,
			const struct gp_job_request *job, struct gp_models *models,
			struct gp_free_bound *room, const struct gp_units *units)
{
	uint64_t lowest = UINT64_MAX;
	bool all_ours = true;
	int ranked = 0;

	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		uint64_t weight;
		bool ours;

		/* A node without room costs a byte, its record would be a cache miss. */
		if (!bit_test(offered, n) || !gp_free_bound_may(room, (int)n, job->count))
			continue;
		weight = gp_bridge_weight(node_record_table_ptr[n]);
		if (weight > lowest ||
		    !rank_node(&ranks[ranked], (int)n, job, models, room, &ours))
			continue;
		if (weight < lowest) {
			lowest = weight;
			ranks[0] = ranks[ranked];
			ranked = 0;
			all_ours = true;
		}
		all_ours &= ours;
		ranks[ranked].unit = gp_units_of(units, (int)n, models);
		ranks[ranked].harm =
			gp_units_harm(units, (int)n, models, ranks[ranked].view.free,
				      ranks[ranked].view.binding->size);
		ranked++;
	}
	if (!all_ours)
		return 0;
	ranked = drop_harmful(ranks, ranked);
	weigh(ranks, ranked, job, models);
	return ranked;
}

/* Without links anywhere there is nothing to prefer, but for a job of one GPU, which then
 * goes where there are none to break. */
static bool has_best(const struct gt_quality *best, int count)
{
	static const struct gt_quality none;

	return count == 1 || gt_quality_compare(best, &none) > 0;
}

/* Whether the job may go to this one, at this harm. */
static bool is_candidate(const struct gp_node_score *rank,
			 const struct gt_quality *quality, int count, uint64_t harm)
{
	return rank->harm == harm && is_best(rank, quality, count);
}

bool gp_node_scores_next_harm(const struct gp_node_score *ranks, int ranked, int count,
			      bool first, uint64_t *harm)
{
	struct gt_quality quality = best_quality(ranks, ranked);
	uint64_t above = *harm;
	bool found = false;

	for (int i = 0; i < ranked; i++) {
		if (!is_best(&ranks[i], &quality, count) ||
		    (!first && ranks[i].harm <= above) ||
		    (found && ranks[i].harm >= *harm))
			continue;
		*harm = ranks[i].harm;
		found = true;
	}
	return found && has_best(&quality, count);
}

bool gp_node_scores_tie(const struct gp_node_score *ranks, int ranked, int count,
			uint64_t harm, int at)
{
	struct gt_quality best = best_quality(ranks, ranked);

	if (!has_best(&best, count) || !is_candidate(&ranks[at], &best, count, harm))
		return false;
	for (int i = 0; i < ranked; i++)
		if (is_candidate(&ranks[i], &best, count, harm) &&
		    ranks[i].damage < ranks[at].damage - EQUAL)
			return false;
	return true;
}

static bool is_among(const int *units, int count, int unit)
{
	for (int i = 0; i < count; i++)
		if (units[i] == unit)
			return true;
	return false;
}

int gp_node_scores_best(const struct gp_node_score *ranks, int ranked, int count,
			uint64_t harm, bool only_ties, bitstr_t *few)
{
	struct gt_quality quality = best_quality(ranks, ranked);
	double damage, above = -1;
	int units[GP_FEW_NODES], found = 0;
	bool one_a_unit = only_ties && harm >= GP_HARM_BREAKS;
	int room = only_ties && !one_a_unit ? GP_FEW_TIES : GP_FEW_NODES;

	bit_clear_all(few);
	if (!has_best(&quality, count))
		return 0;
	/* Level by level of damage, the least first. */
	do {
		damage = 2;
		for (int i = 0; i < ranked; i++)
			if (is_candidate(&ranks[i], &quality, count, harm) &&
			    ranks[i].damage > above + EQUAL && ranks[i].damage < damage)
				damage = ranks[i].damage;
		for (int i = 0; damage < 2 && i < ranked && found < room; i++) {
			if (!is_candidate(&ranks[i], &quality, count, harm) ||
			    ranks[i].damage < damage ||
			    ranks[i].damage > damage + EQUAL ||
			    (one_a_unit && is_among(units, found, ranks[i].unit)))
				continue;
			bit_set(few, ranks[i].node);
			units[found++] = ranks[i].unit;
		}
		above = damage;
	} while (!only_ties && damage < 2 && found < room);
	return found;
}
