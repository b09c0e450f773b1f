/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preselect.c - choose the nodes with which stock is asked first: the best few, one
 * NVLink domain, or all. Called by exchange.c.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/choose/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/choose/domain.h"

#define MAX_DOMAINS 4 /* NVLink domains that one job tries */
#define MAX_HARMS   3 /* of units.h: after so many it is stock's to say */

struct gp_fields gp_fields_read(const job_record_t *job)
{
	return (struct gp_fields){
		.min_cpus = job->details ? job->details->min_cpus : 0,
		.pn_min_memory = job->details ? job->details->pn_min_memory : 0,
		.total_cpus = job->total_cpus,
		.start_protocol_ver = job->start_protocol_ver,
		.best_switch = job->best_switch,
	};
}

void gp_fields_write(job_record_t *job, const struct gp_fields *fields)
{
	if (job->details) {
		job->details->min_cpus = fields->min_cpus;
		job->details->pn_min_memory = fields->pn_min_memory;
	}
	job->total_cpus = fields->total_cpus;
	job->start_protocol_ver = fields->start_protocol_ver;
	job->best_switch = fields->best_switch;
}

bool gp_first_scratch(const struct gp_glue *glue, bitstr_t *nodes)
{
	return glue->offered && glue->answer &&
	       bit_size(glue->offered) == bit_size(nodes);
}

/* Of nodes that are as good as each other a requeued job gets the one it had. */
static bool put_former(struct gp_attempt *a, int ranked, int count, uint64_t harm,
		       bitstr_t *few)
{
	const struct gp_rank *ranks = a->glue->ranks;

	for (int i = 0; a->quest.past.sets && i < ranked; i++) {
		const char *name = node_record_table_ptr[ranks[i].node]->name;

		if (!gp_past_on(&a->quest.past, name) ||
		    !gp_rank_ties(ranks, ranked, count, harm, i))
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
	struct gp_glue *glue = a->glue;
	int rc;

	if (!(only_ties && put_former(a, ranked, count, harm, glue->answer)) &&
	    !gp_rank_few(glue->ranks, ranked, count, harm, only_ties, glue->answer))
		return false;
	bit_copybits(t->nodes, glue->answer);
	rc = gp_ask_for(glue, a->inner, t, 1, 1, 1);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs) {
		glue->counters.narrowed++;
		return true;
	}
	glue->counters.failed_narrow++;
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, glue->offered);
	return false;
}

/* Would stock split the job, if it were asked with all nodes? For the decision log only,
 * so at most once a second: it is a call under slurmctld's locks. Nothing of the answer
 * is kept. */
static bool asks_for_split(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	time_t now = time(NULL);
	bool splits;
	int rc;

	if (a->glue->split_asked == now)
		return false;
	a->glue->split_asked = now;
	rc = gp_ask_kindly(a->glue, a->inner, t);
	splits = rc == SLURM_SUCCESS && t->job->job_resrcs &&
		 t->job->job_resrcs->nhosts > 1;
	if (t->job->job_resrcs)
		free_job_resources(&t->job->job_resrcs);
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->glue->offered);
	return splits;
}

/* Node choice: the best nodes first, those that tie with the best before the others. */
static bool answer_by_rank(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	const struct gp_job *asked = &a->quest.asked;
	struct gp_glue *glue = a->glue;
	int ranked, offered, count = a->quest.count;
	uint64_t harm = 0;

	if (!glue->chooses || t->min_nodes > 1 || t->req_nodes > 1 || count < 1 ||
	    asked->whole || asked->enforce || !gp_bridge_any_node(t->job) ||
	    (asked->typed && asked->entries > 1) ||
	    gp_units_network(&glue->units, t->job) == GP_NETWORK_OTHER)
		return false;
	if (!gp_room_may_any(&glue->room, count))
		return false;
	offered = bit_set_count(t->nodes);
	/* With a wish they were counted before nodes were left out for it. */
	if (!a->quest.binds)
		gp_units_count(&glue->units, t->nodes, glue->models, &glue->room);
	ranked = gp_rank_nodes(glue->ranks, t->nodes, asked, count, glue->models,
			       &glue->room, &glue->units);
	if (ranked == 0)
		gp_room_count(&glue->room);
	if (ranked == 0 || offered == 1)
		return false;
	/* Where every node has room for the job, stock splits nothing. */
	if (glue->decisions.open && asked->per_job && count > 1 && ranked < offered)
		a->stock_splits = asks_for_split(a);
	for (int i = 0; i < MAX_HARMS &&
			gp_rank_next_harm(glue->ranks, ranked, count, i == 0, &harm);
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
	const struct gp_job *asked = &a->quest.asked;
	struct gp_need need = {
		.per_node = gp_bridge_per_node(t->job, asked),
		.nodes = (int)(t->req_nodes > t->min_nodes ? t->req_nodes : t->min_nodes),
		.least = t->min_nodes > 1 ? (int)t->min_nodes : 1,
	};

	if (!need.per_node)
		need.total = gp_bridge_total(t->job, asked);
	return need;
}

/* Stock's answer with the nodes of glue->answer. */
static bool answer_from_domain(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	int rc;

	bit_copybits(t->nodes, a->glue->answer);
	rc = gp_ask_kindly(a->glue, a->inner, t);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs) {
		a->glue->counters.in_domain++;
		return true;
	}
	a->glue->counters.failed_narrow++;
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->glue->offered);
	return false;
}

/* A job of several nodes: those of one NVLink domain, if one has room for it; else of few
 * domains, evenly. */
static bool answer_in_domain(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	struct gp_glue *glue = a->glue;
	struct gp_need need = read_need(a);
	int tries = 0;

	if (!glue->domains || !gp_models_have_domains(glue->models) ||
	    (!need.per_node && !need.total) || t->max_nodes <= 1 ||
	    !gp_bridge_loose_nodes(t->job) ||
	    gp_units_network(&glue->units, t->job) != GP_NETWORK_FLAT ||
	    !gp_domains_read(glue, t->nodes, &a->quest.asked, &need))
		return false;
	while (tries < MAX_DOMAINS && gp_domains_next(glue, &need, glue->answer)) {
		tries++;
		if (answer_from_domain(a))
			return true;
	}
	return tries == 0 && gp_domains_split(glue, &need, glue->answer) &&
	       answer_from_domain(a);
}

int gp_first_answer(struct gp_attempt *a)
{
	bool may_choose = a->glue->ranks && a->quest.why == GP_OK && !a->quest.wish.off &&
			  bit_size(a->test->nodes) <= a->glue->node_count;

	if (may_choose) {
		gp_room_expire(&a->glue->room, time(NULL));
		if (answer_by_rank(a) || answer_in_domain(a))
			return SLURM_SUCCESS;
	}
	return gp_ask(a->glue, a->inner, a->test);
}

bool gp_first_filter(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;

	if (!a->quest.binds || gp_quest_filter(&a->quest, a->glue, t))
		return true;
	bit_copybits(t->nodes, a->glue->offered);
	if (t->candidates)
		return true;
	gp_quest_refused(a->glue, t->job, bit_set_count(t->nodes));
	return false;
}
