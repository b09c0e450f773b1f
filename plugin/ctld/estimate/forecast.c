/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast.c - when a wish can be met. Called for will-run and test-only job_tests, and
 * by preselect.c, which drops the nodes that cannot meet it now.
 */
#include "plugin/slurm/compat.h"

#include <string.h>
#include <time.h>

#include "conf/reason.h"
#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/estimate/forecast.h"
#include "plugin/ctld/nodes/node_score.h"

#pragma weak job_req_node_filter

/* A node as the job sees it; false: none of ours. */
static bool see_node(struct gp_prospect *prospect, const struct gp_job_request *request,
		     struct gp_controller *ctl, int node)
{
	uint64_t reserved;

	if (!gp_node_prospect_read(prospect, node, &request->asked, request->count,
				   ctl->config.models, &ctl->caches.running))
		return false;
	reserved = gp_bridge_reserved(request->reserved, request->granted, node,
				      prospect->binding->size);
	prospect->free &= ~reserved;
	/* Stock gives it a node only when that is idle. */
	if (request->asked.whole)
		prospect->free = prospect->usable & ~reserved;
	return true;
}

static int wanted_nodes(const struct gp_test *test)
{
	return test->min_nodes > 1 ? (int)test->min_nodes : 1;
}

static bitstr_t *required_nodes(const job_record_t *job)
{
	return job->details ? job->details->req_node_bitmap : NULL;
}

/* Whether enough of these nodes could meet it with nothing running, all required ones
 * among them. unsettled: what counts for a node that has not registered and may bring
 * links. */
static bool is_possible(const struct gp_job_request *request, struct gp_controller *ctl,
			const struct gp_test *test, bitstr_t *nodes, bool unsettled)
{
	bitstr_t *required = required_nodes(test->job);
	int found = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct gp_prospect prospect;

		if (!bit_test(nodes, n))
			continue;
		if (!gp_bridge_is_settled(node_record_table_ptr[n])
			    ? unsettled
			    : see_node(&prospect, request, ctl, (int)n) &&
				      gp_wish_met_in(&request->wish, prospect.binding,
						     prospect.usable, request->count))
			found++;
		else if (required && n < bit_size(required) && bit_test(required, n))
			return false;
	}
	return found >= wanted_nodes(test);
}

/* Put into ctl->scratch.picked the nodes in service that the job may have. false: none
 * known. */
static bool read_own_nodes(struct gp_controller *ctl, job_record_t *job)
{
	bitstr_t *part = job->part_ptr ? job->part_ptr->node_bitmap : NULL;
	bitstr_t *excluded = job->details->exc_node_bitmap, *nodes = ctl->scratch.picked;

	if (!nodes)
		return false;
	bit_clear_all(nodes);
	for (int n = 0; n < ctl->config.node_count && n < bit_size(nodes); n++)
		if (node_record_table_ptr[n] &&
		    !(node_record_table_ptr[n]->node_state & NODE_STATE_DRAIN) &&
		    (!part || (n < bit_size(part) && bit_test(part, n))) &&
		    !(excluded && n < bit_size(excluded) && bit_test(excluded, n)))
			bit_set(nodes, n);
	/* Features, cores and memory by Slurm's own rule, where it has one. */
	if (job_req_node_filter)
		(void)job_req_node_filter(job, nodes, true);
	return true;
}

void gp_forecast_hold_past(struct gp_job_request *request, struct gp_controller *ctl,
			   const struct gp_test *test)
{
	if (!request->wish.asked || request->previous.count != request->count)
		return;
	request->wish.had_mbps = request->previous.mbps;
	if (request->wish.had_mbps &&
	    !(read_own_nodes(ctl, test->job) &&
	      is_possible(request, ctl, test, ctl->scratch.picked, false)))
		request->wish.had_mbps = 0;
}

/* When one node can meet it. */
static time_t node_when(const struct gp_job_request *request, struct gp_controller *ctl,
			int node, time_t now)
{
	struct gp_prospect prospect;

	if (!see_node(&prospect, request, ctl, node))
		return GP_NEVER;
	return gp_wish_when(&request->wish, &prospect, request->count, now);
}

/* The question that a forecast asks of each node, and what squeue may show of it. */
struct asking {
	const struct gp_job_request *request;
	struct gp_controller *ctl;
	time_t now;
	int wanted, met, unlinked; /* nodes */
	const char *waiting;	   /* NULL: Slurm's own reason */
};

static time_t date_of(void *arg, int node)
{
	struct asking *a = arg;
	const struct gp_job_request *request = a->request;
	struct gp_prospect prospect;
	time_t when;

	if (!see_node(&prospect, request, a->ctl, node))
		return GP_NEVER;
	when = gp_wish_when(&request->wish, &prospect, request->count, a->now);
	a->met += when == 0;
	a->unlinked +=
		when != 0 && when != GP_NEVER &&
		__builtin_popcountll(prospect.free & prospect.usable) >= request->count;
	a->waiting = a->met < a->wanted && a->met + a->unlinked >= a->wanted ? GP_WAITING
									     : NULL;
	return when;
}

bool gp_forecast_filter(const struct gp_job_request *request, struct gp_controller *ctl,
			const struct gp_test *test)
{
	bitstr_t *nodes = test->nodes;
	time_t now = time(NULL);
	int left = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n))
			continue;
		if (node_when(request, ctl, (int)n, now) == 0)
			left++;
		else
			bit_clear(nodes, n);
	}
	return left >= wanted_nodes(test) &&
	       gp_dates_has_required(ctl->scratch.offered, required_nodes(test->job),
				     nodes);
}

/* The next end of a job on some nodes. */
struct next_end {
	bitstr_t *nodes;
	time_t first; /* 0: none that is known */
	bool here;
};

static void is_here(int node, uint32_t job_id, void *arg)
{
	struct next_end *next = arg;

	(void)job_id;
	next->here |= node < bit_size(next->nodes) && bit_test(next->nodes, node);
}

static int look_at_end(void *x, void *arg)
{
	const job_record_t *job = x;
	struct next_end *next = arg;
	time_t end;

	if (!IS_JOB_RUNNING(job) && !IS_JOB_SUSPENDED(job))
		return 0;
	end = gp_bridge_end(job->job_id);
	if (!end || (next->first && end >= next->first))
		return 0;
	next->here = false;
	gp_bridge_nodes(job, is_here, next);
	if (next->here)
		next->first = end;
	return 0;
}

/* When the next job on these nodes ends, whatever it holds there: cores, slices and
 * memory may be in the way as well as GPUs. A walk over all jobs, as each of stock's
 * forecasts is. */
static time_t next_end(bitstr_t *nodes, time_t now)
{
	struct next_end next = {.nodes = nodes};

	if (&job_list && job_list)
		(void)list_for_each(job_list, look_at_end, &next);
	if (!next.first)
		return GP_NOT_KNOWN;
	return next.first > now ? next.first : now + 1;
}

/* Ask stock with the nodes that can have the job by *moment, and *moment becomes when
 * those can that it picks. */
static int ask_by(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		  const struct gp_test *test, const struct gp_dates *dates,
		  time_t *moment)
{
	struct gp_dates all = *dates;
	int kept, rc;

	bit_copybits(ctl->scratch.offered, dates->nodes);
	all.nodes = ctl->scratch.offered;
	kept = gp_dates_keep(&all, *moment, test->nodes);
	rc = gp_stock_call(ctl, stock_plugin, test);
	if (rc != SLURM_SUCCESS &&
	    gp_dates_keep(&all, GP_NOT_KNOWN, test->nodes) > kept) {
		/* No room for it there, GPUs or not: on those that can later, never on
		 * one that cannot. */
		rc = gp_stock_call(ctl, stock_plugin, test);
		if (rc == SLURM_SUCCESS && *moment != GP_NOT_KNOWN) {
			time_t last = gp_dates_last(&all, test->nodes);

			*moment = last == GP_NOT_KNOWN || last > *moment ? last : *moment;
		}
	}
	return rc;
}

int gp_forecast(struct gp_controller *ctl, const struct gp_stock_plugin *stock_plugin,
		const struct gp_test *test, gp_when_fn *when, void *arg,
		const char *const *waiting)
{
	time_t now = time(NULL), moment;
	struct gp_dates dates = {
		.nodes = test->nodes,
		.required = required_nodes(test->job),
		.wanted = wanted_nodes(test),
		.at = ctl->scratch.dates,
		.sorted = ctl->scratch.dates ? ctl->scratch.dates + ctl->config.node_count
					     : NULL,
	};
	int rc;

	if (!ctl->scratch.dates || bit_size(test->nodes) > ctl->config.node_count ||
	    !gp_scratch_fits(&ctl->scratch, test->nodes))
		return gp_stock_call(ctl, stock_plugin, test);
	gp_dates_read(&dates, when, arg);
	moment = gp_dates_first(&dates);
	if (moment == GP_NEVER)
		return ESLURM_NODES_BUSY;
	if (moment == 0 && gp_caches_was_refused(&ctl->caches, test->job->job_id,
						 bit_set_count(test->nodes), now))
		moment = next_end(test->nodes, now);
	rc = ask_by(ctl, stock_plugin, test, &dates, &moment);
	gp_start_estimate_say(test->job, rc == SLURM_SUCCESS && moment ? *waiting : NULL);
	if (rc != SLURM_SUCCESS || moment == 0)
		return rc;
	if (moment == GP_NOT_KNOWN)
		moment = gp_start_estimate_far(now);
	if (test->job->start_time < moment)
		test->job->start_time = moment;
	GP_FORECAST(test, moment);
	return rc;
}

int gp_forecast_will_run(const struct gp_job_request *request, struct gp_controller *ctl,
			 const struct gp_stock_plugin *stock_plugin,
			 const struct gp_test *test)
{
	struct gp_test narrowed = *test;
	struct asking asking = {.request = request,
				.ctl = ctl,
				.now = time(NULL),
				.wanted = wanted_nodes(test)};

	if (test->min_nodes <= 1 &&
	    (request->wish.one_node || (request->wish.asked && request->asked.per_job)))
		narrowed.min_nodes = narrowed.max_nodes = narrowed.req_nodes = 1;
	return gp_forecast(ctl, stock_plugin, &narrowed, date_of, &asking,
			   &asking.waiting);
}

int gp_forecast_test_only(const struct gp_job_request *request, struct gp_controller *ctl,
			  const struct gp_stock_plugin *stock_plugin,
			  const struct gp_test *test)
{
	/* A promise of the admin's (MinRatio, Split) refuses nobody. */
	if ((request->wish.asked || gp_shape_binds(&request->wish.shape)) &&
	    !is_possible(request, ctl, test, test->nodes, true))
		return ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	return gp_stock_call(ctl, stock_plugin, test);
}
