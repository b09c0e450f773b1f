/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preselect.c - choose the nodes with which stock is asked first: the best few, one
 * NVLink domain, or all. Called by exchange.c.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/choose/domain.h"
#include "plugin/ctld/objects/nics_object.h"

#define MAX_DOMAINS 4 /* NVLink domains that one job tries */
#define MAX_HARMS   3 /* of units.h: after so many it is stock's to say */

/* Of nodes that are as good as each other a requeued job gets the one it had. */
static bool put_former(struct gp_attempt *a, int ranked, int count, uint64_t harm,
		       bitstr_t *few)
{
	const struct gp_node_score *ranks = a->ctl->scratch.scores;

	for (int i = 0; a->request->previous.sets && i < ranked; i++) {
		const char *name = node_record_table_ptr[ranks[i].node]->name;

		if (!gp_previous_run_on(&a->request->previous, name) ||
		    !gp_node_scores_tie(ranks, ranked, count, harm, i))
			continue;
		bit_clear_all(few);
		bit_set(few, ranks[i].node);
		return true;
	}
	return false;
}

/* The stock plugin's answer with a few nodes and room for one only. */
static bool answer_from_few(struct gp_attempt *a, int ranked, int count, uint64_t harm,
			    bool only_ties)
{
	const struct gp_test *t = a->test;
	struct gp_controller *ctl = a->ctl;
	int rc;

	if (!(only_ties && put_former(a, ranked, count, harm, ctl->scratch.picked)) &&
	    !gp_node_scores_best(ctl->scratch.scores, ranked, count, harm, only_ties,
				 ctl->scratch.picked))
		return false;
	bit_copybits(t->nodes, ctl->scratch.picked);
	rc = gp_stock_call_nodes(ctl, a->stock_plugin, t, 1, 1, 1);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs) {
		a->counted.narrowed++;
		return true;
	}
	a->counted.failed_narrow++;
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, ctl->scratch.offered);
	return false;
}

/* Whether stock would split the job if it were asked with all nodes. For the decision log
 * only, so at most once a second: it is a call under slurmctld's locks. Nothing of the
 * answer is kept. */
static bool asks_for_split(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	bool splits;
	int rc;

	if (!gp_caches_may_ask_split(&a->ctl->caches, time(NULL)))
		return false;
	rc = gp_stock_call_no_preempt(a->ctl, a->stock_plugin, t);
	splits = rc == SLURM_SUCCESS && t->job->job_resrcs &&
		 t->job->job_resrcs->nhosts > 1;
	if (t->job->job_resrcs)
		free_job_resources(&t->job->job_resrcs);
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->ctl->scratch.offered);
	return splits;
}

/* Node choice: the best nodes first, those that tie with the best before the others. */
static bool answer_by_rank(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	const struct gp_job *asked = &a->request->asked;
	struct gp_controller *ctl = a->ctl;
	int ranked, offered, count = a->request->count;
	uint64_t harm = 0;

	if (!ctl->config.chooses || t->min_nodes > 1 || t->req_nodes > 1 || count < 1 ||
	    asked->whole || asked->enforce || !gp_bridge_any_node(t->job) ||
	    (asked->typed && asked->entries > 1) ||
	    gp_units_network(&ctl->caches.units, t->job) == GP_NETWORK_OTHER)
		return false;
	if (!gp_free_bound_may_any(&ctl->caches.free_bound, count))
		return false;
	offered = bit_set_count(t->nodes);
	/* With a wish they were counted before nodes were left out for it. */
	if (!a->request->binds)
		gp_units_count(&ctl->caches.units, t->nodes, ctl->config.models,
			       &ctl->caches.free_bound);
	ranked = gp_node_scores_read(ctl->scratch.scores, t->nodes, a->request,
				     ctl->config.models, &ctl->caches.free_bound,
				     &ctl->caches.units);
	if (ranked == 0)
		gp_free_bound_count(&ctl->caches.free_bound);
	if (ranked == 0 || offered == 1)
		return false;
	/* Where every node has room for the job, stock splits nothing. */
	if (ctl->journal.decisions.open && asked->per_job && count > 1 &&
	    ranked < offered)
		a->stock_splits = asks_for_split(a);
	for (int i = 0;
	     i < MAX_HARMS &&
	     gp_node_scores_next_harm(ctl->scratch.scores, ranked, count, i == 0, &harm);
	     i++)
		if (answer_from_few(a, ranked, count, harm, true) ||
		    (ranked > 1 && answer_from_few(a, ranked, count, harm, false)))
			return true;
	return false;
}

/* What a job needs of an NVLink domain. */
static struct gp_need read_need(const struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	const struct gp_job *asked = &a->request->asked;
	struct gp_need need = {
		.per_node = gp_bridge_per_node(t->job, asked),
		.nodes = (int)(t->req_nodes > t->min_nodes ? t->req_nodes : t->min_nodes),
		.least = t->min_nodes > 1 ? (int)t->min_nodes : 1,
	};

	if (!need.per_node)
		need.total = gp_bridge_total(t->job, asked);
	return need;
}

/* Stock's answer with the nodes of ctl->scratch.picked. */
static bool answer_from_domain(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	int rc;

	bit_copybits(t->nodes, a->ctl->scratch.picked);
	rc = gp_stock_call_no_preempt(a->ctl, a->stock_plugin, t);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs) {
		a->counted.in_domain++;
		return true;
	}
	a->counted.failed_narrow++;
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->ctl->scratch.offered);
	return false;
}

/* A job of several nodes: those of one NVLink domain, if one has room for it; else of few
 * domains, evenly. */
static bool answer_in_domain(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	struct gp_controller *ctl = a->ctl;
	struct gp_need need = read_need(a);
	int tries = 0;

	if (!ctl->scratch.domains || !gp_models_have_domains(ctl->config.models) ||
	    (!need.per_node && !need.total) || t->max_nodes <= 1 ||
	    !gp_bridge_loose_nodes(t->job) ||
	    gp_units_network(&ctl->caches.units, t->job) != GP_NETWORK_FLAT ||
	    !gp_domains_read(ctl, t->nodes, &a->request->asked, &need))
		return false;
	while (tries < MAX_DOMAINS && gp_domains_next(&ctl->scratch, &need)) {
		tries++;
		if (answer_from_domain(a))
			return true;
	}
	return tries == 0 && gp_domains_split(&ctl->scratch, &need) &&
	       answer_from_domain(a);
}

int gp_preselect_answer(struct gp_attempt *a)
{
	bool may_choose = a->ctl->scratch.scores && a->request->why == GP_OK &&
			  !a->request->wish.off &&
			  bit_size(a->test->nodes) <= a->ctl->config.node_count;

	if (may_choose) {
		gp_free_bound_expire(&a->ctl->caches.free_bound, time(NULL));
		if (answer_by_rank(a) || answer_in_domain(a) ||
		    (gp_nics_object() && gp_nics_object()->first(a)))
			return SLURM_SUCCESS;
	}
	return gp_stock_call(a->ctl, a->stock_plugin, a->test);
}

bool gp_preselect_filter(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;

	if (!a->request->binds || gp_forecast_filter(a->request, a->ctl, t))
		return true;
	bit_copybits(t->nodes, a->ctl->scratch.offered);
	if (t->candidates)
		return true;
	gp_caches_refused(&a->ctl->caches, t->job->job_id, bit_set_count(t->nodes));
	return false;
}
