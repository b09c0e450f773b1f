/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.c - when a wish can be met.
 */
#include "plugin/compat.h"

#include <string.h>
#include <time.h>

#include "plugin/forecast.h"
#include "plugin/rerun.h"

/* Start of a job whose wish waits for jobs without a time limit. */
#define FAR_AWAY (365 * 24 * 3600)
#define WAITING	 "gputopo: waiting for GPUs that are connected as asked"

void gp_quest_read(struct gp_quest *quest, const struct gp_glue *glue,
		   const struct gp_test *test)
{
	const job_record_t *job = test->job;
	bool per_node = true;

	memset(quest, 0, sizeof(*quest));
	quest->why = gp_bridge_job(job, &quest->asked);
	if (quest->why != GP_OK || !job->details)
		return;
	gp_wish_read(job, &quest->wish);
	quest->count = gp_bridge_count(job, &quest->asked);
	for (int e = 0; e < quest->asked.entries; e++)
		per_node &= quest->asked.entry[e]->gres_per_node != 0;
	quest->wish.one_node = glue->no_split && quest->asked.per_job &&
			       test->min_nodes <= 1 && job->details->max_nodes <= 1;
	/* Several nodes: only where each one's share is known. Types: only one. */
	quest->binds = quest->count > 1 && (test->min_nodes <= 1 || per_node) &&
		       !(quest->asked.typed && quest->asked.entries > 1) &&
		       (quest->wish.asked || quest->wish.one_node || glue->has_ratio);
}

/* When one node can meet it; -1 never. */
static time_t node_when(const struct gp_quest *quest, struct gp_glue *glue, int node,
			time_t now)
{
	struct gp_prospect prospect;

	if (!gp_rank_prospect(&prospect, node, &quest->asked, quest->count, glue->models,
			      &glue->running))
		return -1;
	return gp_wish_when(&quest->wish, &prospect, quest->count, now);
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

/* The first moment at which min_nodes nodes meet the wish: 0 now, -1 never, -2 nobody
 * knows. */
static time_t first_moment(const struct gp_quest *quest, struct gp_glue *glue,
			   const struct gp_test *test, time_t now)
{
	int wanted = test->min_nodes > 1 ? (int)test->min_nodes : 1;
	bitstr_t *nodes = test->nodes;
	time_t from = -1, best;
	bool unknown = false;
	int reached = 0;

	/* One round for each different moment; few in practice, and wanted is mostly 1.
	 */
	for (;;) {
		int here = 0;

		best = -1;
		for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes);
		     n >= 0 && n <= last; n++) {
			time_t when;

			if (!bit_test(nodes, n))
				continue;
			when = node_when(quest, glue, (int)n, now);
			unknown |= when == -2;
			if (when <= from || (best >= 0 && when > best))
				continue;
			here = when == best ? here + 1 : 1;
			best = when;
		}
		if (best < 0)
			return unknown ? -2 : -1;
		reached += here;
		if (reached >= wanted)
			return best;
		from = best;
	}
}

/* squeue shows it as the reason. */
static void say_waiting(job_record_t *job)
{
	if (job->state_desc && strcmp(job->state_desc, WAITING) == 0)
		return;
	xfree(job->state_desc);
	job->state_desc = xstrdup(WAITING);
}

/* Only the nodes that meet the wish by then. */
static void keep_until(const struct gp_quest *quest, struct gp_glue *glue,
		       const struct gp_test *test, time_t until, time_t now)
{
	bitstr_t *nodes = test->nodes;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		time_t when =
			bit_test(nodes, n) ? node_when(quest, glue, (int)n, now) : -1;

		if (when < 0 || when > until)
			bit_clear(nodes, n);
	}
}

int gp_quest_will_run(const struct gp_quest *quest, struct gp_glue *glue,
		      const struct gp_inner *inner, const struct gp_test *test)
{
	struct gp_test narrowed = *test;
	time_t now = time(NULL), moment = first_moment(quest, glue, test, now);
	int rc;

	if (moment == -1)
		return ESLURM_NODES_BUSY;
	if (!gp_rerun_scratch(glue, test->nodes))
		return gp_rerun_plain(inner, test);
	bit_copybits(glue->offered, test->nodes);
	if (quest->wish.one_node || (quest->wish.asked && quest->asked.per_job))
		narrowed.min_nodes = narrowed.max_nodes = narrowed.req_nodes = 1;
	if (moment >= 0)
		keep_until(quest, glue, test, moment, now);
	rc = gp_rerun_plain(inner, &narrowed);
	if (rc != SLURM_SUCCESS) {
		/* Not room for it there, GPUs or not: somewhere, and not before. */
		bit_copybits(test->nodes, glue->offered);
		rc = gp_rerun_plain(inner, &narrowed);
	}
	if (rc != SLURM_SUCCESS || moment == 0)
		return rc;
	if (moment == -2)
		moment = now + FAR_AWAY;
	if (test->job->start_time < moment)
		test->job->start_time = moment;
	GP_FORECAST(test, moment);
	say_waiting(test->job);
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
		if (gp_rank_prospect(&prospect, (int)n, &quest->asked, quest->count,
				     glue->models, &glue->running) &&
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
	return gp_rerun_plain(inner, test);
}
