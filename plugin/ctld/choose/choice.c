/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * choice.c - read one node of stock's answer and ask the core for a better set. Called
 * by exchange.c for each node of an answer.
 */
#include <string.h>

#include "plugin/ctld/choose/choice.h"
#include "plugin/ctld/objects/mig_object.h"

bool gp_node_answer_selected(const struct gp_node_answer *answer,
			     const struct gp_job *asked, int entry, uint64_t *bits)
{
	if (!answer->gpus.counted)
		return gp_bridge_selected(asked, entry, answer->node, answer->gpus.size,
					  bits);
	*bits = 0;
	return asked->entries == 1 && !asked->typed &&
	       gp_bridge_counted(asked, entry, answer->node, answer->gpus.free, bits);
}

/* The sets of all entries on this node. */
static enum gp_reason read_selection(struct gp_node_answer *answer,
				     const struct gp_job *asked)
{
	for (int e = 0; e < asked->entries; e++) {
		uint64_t bits;

		if (!gp_node_answer_selected(answer, asked, e, &bits))
			continue;
		/* Not free, or twice: then we misread something. */
		if ((bits & ~answer->gpus.free) || (bits & answer->stock))
			return GP_ABI_MISMATCH;
		answer->stock |= bits;
		answer->counts[e] = __builtin_popcountll(bits);
	}
	/* When it starts it gets them all. */
	if (answer->stock && asked->whole)
		answer->stock = answer->gpus.free;
	return answer->stock ? GP_OK : GP_NO_GPUS;
}

void gp_node_answer_read(struct gp_node_answer *answer, const job_record_t *job,
			 const struct gp_job *asked, int node, struct gp_models *models)
{
	memset(answer, 0, sizeof(*answer));
	answer->node = node;
	answer->why = gp_bridge_record(node, &answer->record, &answer->name)
			      ? gp_bridge_node(answer->record, &answer->gpus)
			      : GP_ABI_MISMATCH;
	if (!answer->gpus.size)
		return;
	if (read_selection(answer, asked) == GP_ABI_MISMATCH)
		answer->why = GP_ABI_MISMATCH;
	answer->wanted = answer->proposed = answer->stock;
	answer->count = __builtin_popcountll(answer->stock);
	answer->enforce = asked->enforce;
	if (answer->why == GP_OK && !answer->stock)
		answer->why = GP_NO_GPUS;
	if (answer->why != GP_OK)
		return;
	answer->binding = gp_models_bind(models, node, answer->name, &answer->gpus);
	answer->why = answer->binding ? answer->binding->why : GP_LIMIT;
	if (answer->why == GP_OK)
		answer->why = gp_bridge_cells(&answer->gpus, asked, answer->cells,
					      &answer->cell_count);
	answer->cores_known =
		gp_bridge_cores(job, NULL, answer->record, &answer->gpus, &answer->cores);
}

/* GPUs with a near socket on which stock's cores lie. */
uint64_t gp_node_answer_near(const struct gp_node_answer *answer)
{
	uint64_t out = 0;

	for (int g = 0; g < answer->gpus.size; g++)
		if (answer->gpus.sockets[g] & answer->cores.sockets)
			out |= (uint64_t)1 << g;
	return out;
}

/* Free GPUs that the job may have: with enforced binding those near the sockets of its
 * cores, and those that are near all. None where the cores are unknown. */
static uint64_t allowed_gpus(const struct gp_node_answer *answer, uint64_t near)
{
	uint64_t any = 0;

	if (!answer->enforce)
		return answer->gpus.free;
	for (int g = 0; g < answer->gpus.size; g++)
		if (!answer->gpus.sockets[g])
			any |= (uint64_t)1 << g;
	return answer->cores_known ? answer->gpus.free & (near | any) : 0;
}

void gp_node_answer_restrict(struct gp_node_answer *answer,
			     const struct gp_previous_run *previous, uint64_t reserved)
{
	uint64_t former = gp_previous_run_on(previous, answer->name);

	/* What stock has given is none of them. */
	answer->gpus.free &= ~reserved | answer->stock;
	answer->allowed = allowed_gpus(answer, gp_node_answer_near(answer));
	if (!(former & ~answer->gpus.free) &&
	    __builtin_popcountll(former) == answer->count)
		answer->former = former;
}

static int read_running(const struct gp_node_answer *answer, const struct gp_held *held,
			int count, bool ends_tell, struct gt_running *out)
{
	uint64_t whole = ~answer->binding->instances;
	int used = 0;

	/* The index agrees with the node, so there are no more jobs than GPUs. */
	for (int i = 0; i < count && used < GP_MAX_GPUS; i++) {
		if (!(held[i].gpus & whole))
			continue;
		out[used].gpus = gp_binding_to_model(answer->binding, held[i].gpus);
		out[used++].seconds =
			ends_tell ? gp_bridge_seconds_left(held[i].job_id) : GT_UNKNOWN;
	}
	return used;
}

static int read_quotas(const struct gp_node_answer *answer, struct gt_quota *quotas)
{
	uint64_t whole = ~answer->binding->instances;
	int count = 0;

	for (int c = 0; c < answer->cell_count; c++) {
		uint64_t cell = answer->cells[c] & whole;

		if (!cell)
			continue;
		quotas[count].gpus = gp_binding_to_model(answer->binding, cell);
		quotas[count++].count = __builtin_popcountll(cell & answer->stock);
	}
	return count;
}

/* Whether each cell, which is a type, keeps its number of GPUs. */
static bool keeps_cells(const struct gp_node_answer *answer, uint64_t set)
{
	for (int c = 0; c < answer->cell_count; c++)
		if (__builtin_popcountll(answer->cells[c] & set) !=
		    __builtin_popcountll(answer->cells[c] & answer->stock))
			return false;
	return true;
}

/* Whether the set has the bandwidth that was promised. The key alone does not tell: level
 * 3 or what was measured may order sets otherwise. */
static bool reaches(const struct gp_node_answer *answer, const struct gp_wish *wish,
		    const struct gt_mask *set)
{
	return !answer->need_mbps || gp_shape_mbps(&wish->shape, answer->binding->table,
						   set) >= answer->need_mbps;
}

/* Whether the set that the job had before is as good as the library's and was not tried.
 */
static bool may_return(const struct gp_node_answer *answer, const struct gp_wish *wish,
		       const struct gt_request *request)
{
	struct gt_mask former = gp_binding_to_model(answer->binding, answer->former);
	struct gt_score score;
	int order;

	if (!answer->former || answer->binding->instances ||
	    !keeps_cells(answer, answer->former) ||
	    !gt_mask_within(&former, &request->free) ||
	    (answer->must_touch && !gt_mask_meets(&former, &request->touch)))
		return false;
	for (int i = 0; i < answer->except_count; i++)
		if (gt_mask_equal(&former, &answer->except[i]))
			return false;
	gt_select_score(answer->binding->table, request, &former, &score);
	gt_score_compare(&answer->score, &score, request->policy, &order);
	return score.exact && order >= 0 && reaches(answer, wish, &former);
}

/* Compare the library's set with stock's. */
static enum gp_reason judge(struct gp_node_answer *answer, const struct gp_wish *wish,
			    const struct gt_request *request,
			    const struct gt_choice *choice)
{
	struct gt_table *table = answer->binding->table;
	struct gt_mask stock = gp_binding_to_model(answer->binding, answer->stock);
	bool same_count = answer->count == __builtin_popcountll(answer->stock);
	uint64_t best = gp_binding_to_bits(answer->binding, &choice->gpus);
	int order;

	gt_select_score(table, request, &stock, &answer->stock_score);
	gt_select_score(table, request, &choice->gpus, &answer->score);
	if (!choice->exact || !answer->score.exact || !answer->stock_score.exact)
		return GP_BUDGET;
	answer->level = gt_score_compare(&answer->score, &answer->stock_score,
					 request->policy, &order);
	if (may_return(answer, wish, request))
		best = answer->former;
	else if (order >= 0 && same_count && reaches(answer, wish, &stock))
		return answer->except_count ? GP_RERUN : GP_BEST;
	best |= answer->stock & answer->binding->instances;
	if (best == answer->stock)
		return GP_BEST;
	answer->proposed = best;
	return GP_OK;
}

/* Propose better whole GPUs. */
static enum gp_reason choose_whole(struct gp_node_answer *answer,
				   const struct gp_wish *wish, const struct gp_held *held,
				   int held_count, bool ends_tell, uint64_t near)
{
	uint64_t whole = ~answer->binding->instances;
	struct gt_running jobs[GP_MAX_GPUS];
	struct gt_quota quotas[GP_MAX_CELLS];
	int count = answer->count - __builtin_popcountll(answer->stock & ~whole);
	struct gt_request *request;
	struct gp_ask ask;
	struct gt_choice choice;
	uint64_t allowed = allowed_gpus(answer, near);

	if (answer->stock & ~allowed)
		return GP_ENFORCE_BINDING;
	allowed &= whole;
	if (count == 0 || (count == __builtin_popcountll(allowed) &&
			   allowed == (answer->stock & whole)))
		return GP_NO_CHOICE;
	gp_wish_ask(wish, count, answer->need_mbps, &ask);
	request = &ask.request;
	request->quotas = quotas;
	request->running = jobs;
	request->except = answer->except;
	request->except_count = answer->except_count;
	request->policy = wish->ring	   ? GT_POLICY_BANDWIDTH
			  : wish->preserve ? GT_POLICY_PRESERVE
					   : answer->binding->settings.policy;
	request->free = gp_binding_to_model(answer->binding, allowed);
	request->near = gp_binding_to_model(answer->binding, near);
	request->network = answer->several ? &answer->network : NULL;
	if (answer->must_touch)
		request->touch = request->near;
	request->quota_count = read_quotas(answer, quotas);
	request->running_count = read_running(answer, held, held_count, ends_tell, jobs);
	if (gt_select(answer->binding->table, request, &choice) != GT_FIT_OK)
		return GP_RERUN;
	return judge(answer, wish, request, &choice);
}

/* Propose better instances of MIG. */
static enum gp_reason choose_instances(struct gp_node_answer *answer)
{
	uint64_t instances = answer->binding->instances, better;
	enum gp_reason why = GP_NO_CHOICE;

	if (answer->stock & instances)
		why = answer->enforce ? GP_ENFORCE_BINDING
				      : gp_mig_object()->choose(answer, &better);
	if (why != GP_OK)
		return why;
	if (answer->proposed == answer->stock)
		answer->level = 3;
	answer->proposed = (answer->proposed & ~instances) | better;
	return GP_OK;
}

enum gp_reason gp_node_answer_choose(struct gp_node_answer *answer,
				     const struct gp_wish *wish,
				     const struct gp_held *held, int held_count,
				     bool ends_tell)
{
	enum gp_reason whole, parts;
	uint64_t near;

	answer->wanted = answer->proposed = answer->stock;
	if (answer->why != GP_OK)
		return answer->why;
	near = gp_node_answer_near(answer);
	whole = choose_whole(answer, wish, held, held_count, ends_tell, near);
	parts = choose_instances(answer);
	if (whole != GP_OK && parts != GP_OK)
		return whole == GP_NO_CHOICE ? parts : whole;
	if (answer->binding->settings.mode == GP_MODE_ENFORCE)
		answer->wanted = answer->proposed;
	return GP_OK;
}

void gp_node_answer_keep_stock(struct gp_node_answer *answer)
{
	if (answer->binding && answer->binding->settings.mode != GP_MODE_ENFORCE)
		return;
	answer->wanted = answer->proposed = answer->stock;
	answer->score = answer->stock_score;
	answer->level = 0;
}

void gp_node_answer_give_up(struct gp_node_answer *answer)
{
	if (answer->wanted == answer->stock || answer->except_count == GP_MAX_TRIES)
		return;
	answer->spoiled |= answer->wanted & ~answer->stock & answer->binding->instances;
	answer->except[answer->except_count++] =
		gp_binding_to_model(answer->binding, answer->wanted);
}
