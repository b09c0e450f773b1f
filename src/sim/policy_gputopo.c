/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo as a policy: the library alone, or ("over") as the plugin asks it, on top of
 * what stock Slurm answered. */
#include "config.h"

#include "sim/policy_stock.h"

#include <string.h>

#define MAX_TRIES 8 /* sets that the plugin tries for a job */

/* GT_UNKNOWN where limits are not known, or have told nothing so far. */
static int seconds_left(const struct sim_chooser *c, const struct sim_ask *ask,
			const struct sim_slot *slot, bool tells)
{
	int64_t left = (slot->until_ms - ask->now_ms) / 1000;

	if (c->timeless || !slot->is_limited || !tells)
		return GT_UNKNOWN;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void fill_running(const struct sim_chooser *c, const struct sim_ask *ask,
			 struct gt_running *running)
{
	bool tells = gt_limit_memory_tells(&c->limits);

	for (int i = 0; i < ask->slot_count; i++)
		running[i] = (struct gt_running){
			.gpus = {.word = {ask->slots[i].mask}},
			.seconds = seconds_left(c, ask, &ask->slots[i], tells),
		};
}

/* ---- as the plugin -------------------------------------------------------------------
 */

/* Whether ours is strictly better than stock's. If not, stock's is kept. */
static bool is_better(struct gt_table *table, const struct gt_request *request,
		      const struct gt_mask *ours, uint64_t stock)
{
	struct gt_mask set = {.word = {stock}};
	struct gt_score a, b;
	int order;

	if (ours->word[0] == stock)
		return false;
	gt_select_score(table, request, ours, &a);
	gt_select_score(table, request, &set, &b);
	gt_score_compare(&a, &b, request->policy, &order);
	return order < 0;
}

/* A job by sockets keeps stock's number on each of them. */
static int fill_quotas(const struct sim_ask *ask, const struct sim_slurm_node *node,
		       uint64_t stock, struct gt_quota *quotas)
{
	if (ask->job->form != SIM_FORM_SOCKET || node->any)
		return 0;
	for (int s = 0; s < node->sockets; s++)
		quotas[s] = (struct gt_quota){
			.gpus = {.word = {node->near[s]}},
			.count = __builtin_popcountll(stock & node->near[s]),
		};
	return node->sockets;
}

/* Ask, let Slurm answer with only our GPUs free, verify; else the next set. */
static uint64_t improve(struct sim_chooser *c, const struct sim_ask *ask,
			struct gt_request *request)
{
	struct sim_stock stock = sim_stock_answer(c, ask, c->stock, 0), again;
	struct gt_table *table = c->values[ask->type].table;
	struct gt_quota quotas[SIM_MAX_SOCKETS];
	struct gt_mask tried[MAX_TRIES];
	struct gt_choice choice;

	request->near.word[0] = stock.near;
	request->except = tried;
	request->quotas = quotas;
	request->quota_count =
		fill_quotas(ask, &c->layout->types[ask->type].slurm, stock.set, quotas);
	for (int try = 0; try < MAX_TRIES; try++) {
		uint64_t ours;

		if (gt_select(table, request, &choice) ||
		    !is_better(table, request, &choice.gpus, stock.set))
			break;
		ours = choice.gpus.word[0];
		again = sim_stock_answer(c, ask, c->stock, request->free.word[0] & ~ours);
		if (again.core_count == stock.core_count) {
			if (!(stock.near & stock.set) || again.near & ours)
				return sim_stock_take(c, &again);
			/* it lost its near core: only sets that keep one from now on */
			request->touch = request->near;
		}
		tried[request->except_count++] = choice.gpus;
	}
	return sim_stock_take(c, &stock);
}

/* ---- public --------------------------------------------------------------------------
 */

uint64_t sim_choose_gputopo(struct sim_chooser *c, const struct sim_ask *ask)
{
	struct gt_running running[SIM_MAX_GPUS];
	struct gt_request request = {
		.count = ask->count,
		.free = {.word = {c->layout->types[ask->type].all & ~ask->busy}},
		.policy = c->order,
		.network = ask->network,
		.running = running,
		.running_count = c->blind ? 0 : ask->slot_count,
	};
	struct gt_groups groups;
	struct gt_choice choice;

	if (ask->stock)
		return sim_choose_slurm_22_05(c, ask);
	if (ask->shape) {
		request.comm = ask->shape->comm;
		groups = ask->shape->groups;
		if (gt_groups_repeat(&groups, ask->count))
			request.groups = &groups;
	}
	if (!c->blind)
		fill_running(c, ask, running);
	if (c->over)
		return improve(c, ask, &request);
	return gt_select(c->values[ask->type].table, &request, &choice)
		       ? 0
		       : choice.gpus.word[0];
}
