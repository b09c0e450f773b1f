/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * choice.c - read one node of stock's answer and ask the core for a better set. Called
 * by exchange.c for each node of an answer.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/choose/choice.h"
#include "plugin/ctld/mig/mig_object.h"

bool gp_seat_selected(const struct gp_seat *seat, const struct gp_job *asked, int entry,
		      uint64_t *bits)
{
	if (!seat->gpus.counted)
		return gp_bridge_selected(asked, entry, seat->node, seat->gpus.size,
					  bits);
	*bits = 0;
	return asked->entries == 1 && !asked->typed &&
	       gp_bridge_counted(asked, entry, seat->node, seat->gpus.free, bits);
}

/* The sets of all entries on this node. */
static enum gp_reason read_selection(struct gp_seat *seat, const struct gp_job *asked)
{
	for (int e = 0; e < asked->entries; e++) {
		uint64_t bits;

		if (!gp_seat_selected(seat, asked, e, &bits))
			continue;
		/* Not free, or twice: then we misread something. */
		if ((bits & ~seat->gpus.free) || (bits & seat->stock))
			return GP_CANARY;
		seat->stock |= bits;
		seat->counts[e] = __builtin_popcountll(bits);
	}
	return seat->stock ? GP_OK : GP_NO_GPUS;
}

void gp_seat_read(struct gp_seat *seat, const job_record_t *job,
		  const struct gp_job *asked, int node, struct gp_models *models)
{
	memset(seat, 0, sizeof(*seat));
	seat->node = node;
	seat->record = node_record_table_ptr[node];
	seat->why = seat->record->magic == NODE_MAGIC
			    ? gp_bridge_node(seat->record, &seat->gpus)
			    : GP_CANARY;
	if (!seat->gpus.size)
		return;
	if (read_selection(seat, asked) == GP_CANARY)
		seat->why = GP_CANARY;
	seat->wanted = seat->proposed = seat->stock;
	seat->count = __builtin_popcountll(seat->stock);
	seat->enforce = asked->enforce;
	if (seat->why == GP_OK && !seat->stock)
		seat->why = GP_NO_GPUS;
	if (seat->why != GP_OK)
		return;
	seat->binding = gp_models_bind(models, node, seat->record->name, &seat->gpus);
	seat->why = seat->binding ? seat->binding->why : GP_LIMIT;
	if (seat->why == GP_OK)
		seat->why = gp_bridge_cells(&seat->gpus, asked, seat->cells,
					    &seat->cell_count);
	seat->cores_known = gp_bridge_cores(job, seat->record, &seat->gpus, &seat->cores);
}

void gp_seat_restrict(struct gp_seat *seat, const struct gp_past *past, uint64_t reserved)
{
	uint64_t former = gp_past_on(past, seat->record->name);

	/* What stock has given is none of them. */
	seat->gpus.free &= ~reserved | seat->stock;
	if (!(former & ~seat->gpus.free) && __builtin_popcountll(former) == seat->count)
		seat->former = former;
}

/* GPUs with a near socket on which stock's cores lie. */
static uint64_t touching(const struct gp_seat *seat)
{
	uint64_t out = 0;

	for (int g = 0; g < seat->gpus.size; g++)
		if (seat->gpus.sockets[g] & seat->cores.sockets)
			out |= (uint64_t)1 << g;
	return out;
}

/* Free GPUs that the job may have: with enforced binding those near the sockets of its
 * cores, and those that are near all. None where the cores are unknown. */
static uint64_t allowed_gpus(const struct gp_seat *seat, uint64_t near)
{
	uint64_t any = 0;

	if (!seat->enforce)
		return seat->gpus.free;
	for (int g = 0; g < seat->gpus.size; g++)
		if (!seat->gpus.sockets[g])
			any |= (uint64_t)1 << g;
	return seat->cores_known ? seat->gpus.free & (near | any) : 0;
}

static int read_running(const struct gp_seat *seat, const struct gp_running *running,
			bool ends_tell, struct gt_running *out)
{
	uint64_t whole = ~seat->binding->instances;
	int count, used = 0;
	const struct gp_held *held = gp_running_on(running, seat->node, &count);

	/* The index agrees with the node, so there are no more jobs than GPUs. */
	for (int i = 0; i < count && used < GP_MAX_GPUS; i++) {
		if (!(held[i].gpus & whole))
			continue;
		out[used].gpus = gp_binding_to_model(seat->binding, held[i].gpus);
		out[used++].seconds =
			ends_tell ? gp_bridge_seconds_left(held[i].job_id) : GT_UNKNOWN;
	}
	return used;
}

static int read_quotas(const struct gp_seat *seat, struct gt_quota *quotas)
{
	uint64_t whole = ~seat->binding->instances;
	int count = 0;

	for (int c = 0; c < seat->cell_count; c++) {
		uint64_t cell = seat->cells[c] & whole;

		if (!cell)
			continue;
		quotas[count].gpus = gp_binding_to_model(seat->binding, cell);
		quotas[count++].count = __builtin_popcountll(cell & seat->stock);
	}
	return count;
}

/* The sets of each cell, of each type that is, keep their numbers? */
static bool keeps_cells(const struct gp_seat *seat, uint64_t set)
{
	for (int c = 0; c < seat->cell_count; c++)
		if (__builtin_popcountll(seat->cells[c] & set) !=
		    __builtin_popcountll(seat->cells[c] & seat->stock))
			return false;
	return true;
}

/* Is the set that the job had before as good as the library's, and was not tried? */
static bool may_return(const struct gp_seat *seat, const struct gt_request *request)
{
	struct gt_mask former = gp_binding_to_model(seat->binding, seat->former);
	struct gt_score score;
	int order;

	if (!seat->former || seat->binding->instances ||
	    !keeps_cells(seat, seat->former) ||
	    !gt_mask_within(&former, &request->free) ||
	    (seat->must_touch && !gt_mask_meets(&former, &request->touch)))
		return false;
	for (int i = 0; i < seat->except_count; i++)
		if (gt_mask_equal(&former, &seat->except[i]))
			return false;
	gt_select_score(seat->binding->table, request, &former, &score);
	gt_score_compare(&seat->score, &score, request->policy, &order);
	return score.exact && order >= 0;
}

/* Compare the library's set with stock's. */
static enum gp_reason judge(struct gp_seat *seat, const struct gt_request *request,
			    const struct gt_choice *choice)
{
	struct gt_table *table = seat->binding->table;
	struct gt_mask stock = gp_binding_to_model(seat->binding, seat->stock);
	bool same_count = seat->count == __builtin_popcountll(seat->stock);
	uint64_t best = gp_binding_to_bits(seat->binding, &choice->gpus);
	int order;

	gt_select_score(table, request, &stock, &seat->stock_score);
	gt_select_score(table, request, &choice->gpus, &seat->score);
	if (!choice->exact || !seat->score.exact || !seat->stock_score.exact)
		return GP_BUDGET;
	seat->level = gt_score_compare(&seat->score, &seat->stock_score, request->policy,
				       &order);
	if (may_return(seat, request))
		best = seat->former;
	else if (order >= 0 && same_count)
		return seat->except_count ? GP_RERUN : GP_BEST;
	best |= seat->stock & seat->binding->instances;
	if (best == seat->stock)
		return GP_BEST;
	seat->proposed = best;
	return GP_OK;
}

/* Propose better whole GPUs. */
static enum gp_reason choose_whole(struct gp_seat *seat, const struct gp_running *running,
				   bool ends_tell, uint64_t near)
{
	uint64_t whole = ~seat->binding->instances;
	struct gt_running jobs[GP_MAX_GPUS];
	struct gt_quota quotas[GP_MAX_CELLS];
	struct gt_request request = {
		.count = seat->count - __builtin_popcountll(seat->stock & ~whole),
		.quotas = quotas,
		.running = jobs,
		.except = seat->except,
		.except_count = seat->except_count,
	};
	struct gt_choice choice;
	uint64_t allowed = allowed_gpus(seat, near);

	if (seat->stock & ~allowed)
		return GP_ENFORCE_BINDING;
	allowed &= whole;
	if (request.count == 0 || (request.count == __builtin_popcountll(allowed) &&
				   allowed == (seat->stock & whole)))
		return GP_NO_CHOICE;
	request.policy =
		seat->preserve ? GT_POLICY_PRESERVE : seat->binding->settings.policy;
	request.min_busbw_mbps = seat->need_mbps;
	request.free = gp_binding_to_model(seat->binding, allowed);
	request.near = gp_binding_to_model(seat->binding, near);
	if (seat->must_touch)
		request.touch = request.near;
	request.quota_count = read_quotas(seat, quotas);
	request.running_count = read_running(seat, running, ends_tell, jobs);
	if (gt_select(seat->binding->table, &request, &choice) != GT_FIT_OK)
		return GP_RERUN;
	return judge(seat, &request, &choice);
}

/* Propose better instances of MIG. */
static enum gp_reason choose_instances(struct gp_seat *seat)
{
	uint64_t instances = seat->binding->instances, better;
	enum gp_reason why = GP_NO_CHOICE;

	if (seat->stock & instances)
		why = seat->enforce ? GP_ENFORCE_BINDING
				    : gp_mig_object()->choose(seat, &better);
	if (why != GP_OK)
		return why;
	if (seat->proposed == seat->stock)
		seat->level = 3;
	seat->proposed = (seat->proposed & ~instances) | better;
	return GP_OK;
}

enum gp_reason gp_seat_choose(struct gp_seat *seat, const struct gp_running *running,
			      bool ends_tell)
{
	enum gp_reason whole, parts;
	uint64_t near;

	seat->wanted = seat->proposed = seat->stock;
	if (seat->why != GP_OK)
		return seat->why;
	near = touching(seat);
	whole = choose_whole(seat, running, ends_tell, near);
	parts = choose_instances(seat);
	if (whole != GP_OK && parts != GP_OK)
		return whole == GP_NO_CHOICE ? parts : whole;
	if (seat->binding->settings.mode == GP_MODE_ENFORCE)
		seat->wanted = seat->proposed;
	return GP_OK;
}

void gp_seat_keep_stock(struct gp_seat *seat)
{
	if (seat->binding && seat->binding->settings.mode != GP_MODE_ENFORCE)
		return;
	seat->wanted = seat->proposed = seat->stock;
	seat->score = seat->stock_score;
	seat->level = 0;
}

void gp_seat_give_up(struct gp_seat *seat)
{
	if (seat->wanted == seat->stock || seat->except_count == GP_MAX_TRIES)
		return;
	seat->spoiled |= seat->wanted & ~seat->stock & seat->binding->instances;
	seat->except[seat->except_count++] =
		gp_binding_to_model(seat->binding, seat->wanted);
}
