/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.c - when a wish can be met.
 */
#include "plugin/slurm/compat.h"

#include <string.h>
#include <time.h>

#include "plugin/ctld/choose/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/estimate/start_estimate.h"

#define WAITING		"gputopo: waiting for GPUs that are connected as asked"
/* A refusal is believed so long: nodes may come back without a job's end. */
#define REFUSED_SECONDS 120

/* GPUs on each node. Of several nodes that share a total, each has an even share as far
 * as wishes go. */
static void read_count(struct gp_quest *quest, const struct gp_test *test)
{
	const job_record_t *job = test->job;
	int nodes = (int)test->min_nodes, total;

	if (nodes <= 1) {
		quest->count = gp_bridge_count(job, &quest->asked);
		return;
	}
	quest->count = gp_bridge_per_node(job, &quest->asked);
	total = quest->count ? 0 : gp_bridge_total(job, &quest->asked);
	if (total && total / nodes <= GP_MAX_GPUS) {
		quest->count = total / nodes;
		quest->even = total % nodes == 0;
	}
}

/* Could any node in service meet the wish when idle? */
static bool is_kept_somewhere(const struct gp_quest *quest, struct gp_glue *glue,
			      const job_record_t *job)
{
	for (int n = 0; n < glue->node_count; n++) {
		struct gp_prospect prospect;

		if (!node_record_table_ptr[n] ||
		    !gp_bridge_is_settled(node_record_table_ptr[n]) ||
		    (node_record_table_ptr[n]->node_state & NODE_STATE_DRAIN) ||
		    (job->part_ptr && job->part_ptr->node_bitmap &&
		     n < bit_size(job->part_ptr->node_bitmap) &&
		     !bit_test(job->part_ptr->node_bitmap, n)))
			continue;
		if (gp_rank_prospect(&prospect, n, &quest->asked, quest->count,
				     glue->models, &glue->running) &&
		    gp_wish_met_in(&quest->wish, prospect.binding, prospect.usable,
				   quest->count))
			return true;
	}
	return false;
}

/* A requeued job with a wish is not to get less than it had. Where its machine is gone
 * for good, the wish alone counts. */
static void hold_past(struct gp_quest *quest, struct gp_glue *glue,
		      const struct gp_test *test)
{
	quest->wish.had_mbps = quest->past.mbps;
	if (quest->wish.had_mbps && !is_kept_somewhere(quest, glue, test->job))
		quest->wish.had_mbps = 0;
}

void gp_quest_read(struct gp_quest *quest, struct gp_glue *glue,
		   const struct gp_test *test)
{
	const job_record_t *job = test->job;

	memset(quest, 0, sizeof(*quest));
	quest->why = gp_bridge_job(job, &quest->asked);
	if (quest->why != GP_OK || !job->details)
		return;
	gp_wish_read(job, &quest->wish);
	gp_past_read(job, &quest->past);
	quest->reserved = GP_RESERVED(test);
	quest->granted = GP_GRANTED(test);
	read_count(quest, test);
	quest->wish.one_node = glue->no_split && quest->asked.per_job &&
			       test->min_nodes <= 1 && job->details->max_nodes <= 1;
	/* Types: only one. */
	quest->binds = quest->count > 1 &&
		       !(quest->asked.typed && quest->asked.entries > 1) &&
		       (quest->wish.asked || quest->wish.one_node || glue->has_ratio);
	if (quest->wish.asked && quest->past.count == quest->count)
		hold_past(quest, glue, test);
}

/* A node as the job sees it; false: none of ours. */
static bool see_node(struct gp_prospect *prospect, const struct gp_quest *quest,
		     struct gp_glue *glue, int node)
{
	uint64_t reserved;

	if (!gp_rank_prospect(prospect, node, &quest->asked, quest->count, glue->models,
			      &glue->running))
		return false;
	reserved = gp_bridge_reserved(quest->reserved, quest->granted, node,
				      prospect->binding->size);
	prospect->free &= ~reserved;
	/* Stock gives it a node only when that is idle. */
	if (quest->asked.whole)
		prospect->free = prospect->usable & ~reserved;
	return true;
}

/* When one node can meet it. */
static time_t node_when(const struct gp_quest *quest, struct gp_glue *glue, int node,
			time_t now)
{
	struct gp_prospect prospect;

	if (!see_node(&prospect, quest, glue, node))
		return GP_NEVER;
	return gp_wish_when(&quest->wish, &prospect, quest->count, now);
}

/* The question that gp_moment_first asks of each node. */
struct asking {
	const struct gp_quest *quest;
	struct gp_glue *glue;
	time_t now;
};

static time_t when(void *arg, int node)
{
	const struct asking *a = arg;

	return node_when(a->quest, a->glue, node, a->now);
}

int gp_quest_filter(const struct gp_quest *quest, struct gp_glue *glue,
		    const struct gp_test *test)
{
	bitstr_t *nodes = test->nodes;
	time_t now = time(NULL);
	int left = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		if (node_when(quest, glue, (int)n, now) == 0)
			left++;
		else
			bit_clear(nodes, n);
	}
	return left;
}

void gp_quest_refused(struct gp_glue *glue, const job_record_t *job)
{
	struct gp_refusal *refusal = &glue->refusals[job->job_id % GP_REFUSALS];

	*refusal = (struct gp_refusal){job->job_id, glue->ends, time(NULL)};
}

bool gp_quest_was_refused(const struct gp_glue *glue, const job_record_t *job, time_t now)
{
	const struct gp_refusal *refusal = &glue->refusals[job->job_id % GP_REFUSALS];

	return refusal->job_id == job->job_id && refusal->ends == glue->ends &&
	       now - refusal->when < REFUSED_SECONDS;
}

time_t gp_quest_next_end(const struct gp_glue *glue, bitstr_t *nodes, time_t now)
{
	time_t next = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		const struct gp_held *held;
		int count = 0;

		held = bit_test(nodes, n) ? gp_running_on(&glue->running, (int)n, &count)
					  : NULL;
		for (int i = 0; i < count; i++) {
			time_t end = gp_bridge_end(held[i].job_id);

			if (end && (!next || end < next))
				next = end;
		}
	}
	if (!next)
		return GP_NOT_KNOWN;
	return next > now ? next : now + 1;
}

int gp_quest_will_run(const struct gp_quest *quest, struct gp_glue *glue,
		      const struct gp_inner *inner, const struct gp_test *test)
{
	struct gp_test narrowed = *test;
	time_t now = time(NULL), moment;
	struct asking asking = {quest, glue, now};
	int rc;

	moment = gp_moment_first(test->nodes,
				 test->min_nodes > 1 ? (int)test->min_nodes : 1, when,
				 &asking);
	if (moment == GP_NEVER)
		return ESLURM_NODES_BUSY;
	if (moment == 0 && gp_quest_was_refused(glue, test->job, now))
		moment = gp_quest_next_end(glue, test->nodes, now);
	if (!gp_first_scratch(glue, test->nodes))
		return gp_ask(glue, inner, test);
	bit_copybits(glue->offered, test->nodes);
	if (quest->wish.one_node || (quest->wish.asked && quest->asked.per_job))
		narrowed.min_nodes = narrowed.max_nodes = narrowed.req_nodes = 1;
	if (moment >= 0)
		gp_moment_keep(test->nodes, moment, when, &asking);
	rc = gp_ask(glue, inner, &narrowed);
	if (rc != SLURM_SUCCESS) {
		/* Not room for it there, GPUs or not: somewhere, and not before. */
		bit_copybits(test->nodes, glue->offered);
		rc = gp_ask(glue, inner, &narrowed);
	}
	if (rc != SLURM_SUCCESS || moment == 0)
		return rc;
	if (moment == GP_NOT_KNOWN)
		moment = gp_moment_far(now);
	if (test->job->start_time < moment)
		test->job->start_time = moment;
	GP_FORECAST(test, moment);
	gp_moment_say(test->job, WAITING);
	return rc;
}

/* Could it be met with nothing running? A node that has not registered may bring links.
 */
static bool is_possible(const struct gp_quest *quest, struct gp_glue *glue,
			const struct gp_test *test)
{
	bitstr_t *nodes = test->nodes;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct gp_prospect prospect;

		if (!bit_test(nodes, n))
			continue;
		if (!gp_bridge_is_settled(node_record_table_ptr[n]))
			return true;
		if (see_node(&prospect, quest, glue, (int)n) &&
		    gp_wish_met_in(&quest->wish, prospect.binding, prospect.usable,
				   quest->count))
			return true;
	}
	return false;
}

int gp_quest_test_only(const struct gp_quest *quest, struct gp_glue *glue,
		       const struct gp_inner *inner, const struct gp_test *test)
{
	/* A promise of the admin's (MinRatio, Split) refuses nobody. */
	if (quest->wish.asked && !is_possible(quest, glue, test))
		return ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	return gp_ask(glue, inner, test);
}
