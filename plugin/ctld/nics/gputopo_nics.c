/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo_nics.c - the table of functions of gputopo_nics.so (nics_object.h): what an
 * answer of several nodes knows of NICs.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/nics/nics_nodes.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/objects/nics_object.h"
#include "plugin/ctld/state/state.h"

const struct gp_object_host *gp_nics_host;

static void start(const struct gp_object_host *host)
{
	gp_nics_host = host;
	gp_nics_forget();
}

/* The node's model, if it has NICs; else NULL. */
static const struct gt_node *model_of(const struct gp_node_answer *answer)
{
	const struct gt_node *node = answer->binding && answer->binding->table
					     ? gt_table_node(answer->binding->table)
					     : NULL;

	return node && node->nic_count ? node : NULL;
}

static struct gt_reach reach_of(const struct gp_node_answer *answer, uint64_t gpus)
{
	struct gt_mask set = gp_binding_to_model(answer->binding, gpus);
	struct gt_reach reach;

	gt_node_reach(model_of(answer), &set, &reach);
	return reach;
}

/* The free GPUs of the types that the job has there. */
static uint64_t usable(const struct gp_node_answer *answer)
{
	uint64_t open = answer->cell_count ? 0 : answer->allowed;

	for (int c = 0; c < answer->cell_count; c++)
		if (answer->cells[c] & answer->stock)
			open |= answer->cells[c] & answer->allowed;
	return answer->why == GP_OK ? open : answer->stock;
}

/* The rails of what it has chosen. */
static void keep_rails(struct gp_node_answer *answer)
{
	if (!model_of(answer))
		return;
	answer->rails_wanted = reach_of(answer, answer->wanted).rails;
	answer->rails_proposed = answer->proposed == answer->wanted
					 ? answer->rails_wanted
					 : reach_of(answer, answer->proposed).rails;
}

/* Before the first chooses: what each could have. After each, what it has. */
static void keep_up(struct gp_node_answer *answers, int count, int at, bool again)
{
	if (at || again)
		keep_rails(&answers[at ? at - 1 : count - 1]);
	for (int i = 0; !at && !again && i < count; i++)
		if (model_of(&answers[i]))
			answers[i].rails_possible =
				reach_of(&answers[i], usable(&answers[i])).rails;
}

/* The rails of another answer's set, under Mode=observe, if both are, of what the log
 * tells. */
static uint64_t rails_for(const struct gp_node_answer *other,
			  const struct gp_node_answer *viewer)
{
	return other->binding->settings.mode == viewer->binding->settings.mode
		       ? other->rails_proposed
		       : other->rails_wanted;
}

/* NICs near the GPUs of other jobs of several nodes. */
static uint64_t busy_nics(const struct gp_node_answer *answer, const struct gp_held *held,
			  int count)
{
	uint64_t gpus = 0;

	for (int i = 0; i < count; i++) {
		const job_record_t *job = find_job_record(held[i].job_id);

		if (job && job->node_cnt > 1)
			gpus |= held[i].gpus;
	}
	return gpus ? reach_of(answer, gpus).nics : 0;
}

/* The first to choose, and who finds nothing in common with the others, goes by the rails
 * that all nodes can have. Rails of nodes with other numbers of NICs are not compared. */
static bool look(struct gp_node_answer *answers, int count, int at, bool again,
		 const struct gp_held *held, int held_count)
{
	struct gp_node_answer *answer = &answers[at];
	const struct gt_node *node = model_of(answer), *other;
	uint64_t common = ~(uint64_t)0, possible = common;

	keep_up(answers, count, at, again);
	answer->several = node != NULL;
	if (!node)
		return false;
	for (int i = 0; i < count; i++) {
		other = model_of(&answers[i]);
		if (!other || other->nic_count != node->nic_count)
			continue;
		possible &= answers[i].rails_possible;
		if (i < at || (again && i != at))
			common &= rails_for(&answers[i], answer);
	}
	if (again && !(answer->rails_proposed & ~common))
		return false;
	answer->network.rails = common && ~common ? common : possible;
	answer->network.busy = busy_nics(answer, held, held_count);
	return true;
}

static void tell(struct gt_append *text, const struct gp_node_answer *answer)
{
	struct gt_reach stock = reach_of(answer, answer->stock),
			own = reach_of(answer, answer->proposed);
	char rails[GT_MAX_NICS * 4];

	gt_append(text, ",\"x_gbps\":%d.%03d,\"x_stock\":%d.%03d,\"rails\":\"%s\"",
		  own.worth / 1000, own.worth % 1000, stock.worth / 1000,
		  stock.worth % 1000,
		  gt_mask_format(&(struct gt_mask){{own.rails}}, rails, sizeof(rails)));
}

extern const struct gp_nics_object gputopo_nics;
const struct gp_nics_object gputopo_nics = {
	.head = {sizeof(struct gp_nics_object), sizeof(struct gp_controller),
		 SLURM_VERSION_NUMBER},
	.start = start,
	.cards = &gt_cards,
	.first = gp_nics_first,
	.nodes = gp_nics_nodes,
	.look = look,
	.tell = tell,
};
