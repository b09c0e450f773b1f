/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.c - the run-now job_test: take stock's answer, choose better GPUs, hide the
 * others, ask stock again, verify; or restore the plain answer. Called for every run-now
 * job_test that is not a MIG job's.
 */
#include "plugin/slurm/compat.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/ctld/state/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/choose/choice.h"
#include "plugin/ctld/choose/count_only.h"
#include "plugin/ctld/choose/exchange.h"
#include "plugin/ctld/objects/nics_object.h"

/* Whether the structs look like those that we were compiled for. */
static bool is_plausible(const job_record_t *job)
{
	return find_job_record(job->job_id) == job && job->magic == JOB_MAGIC &&
	       job->details && job->details->magic == DETAILS_MAGIC && job->job_resrcs &&
	       job->job_resrcs->node_bitmap && job->job_resrcs->nhosts > 0 &&
	       bit_set_count(job->job_resrcs->node_bitmap) ==
		       (int32_t)job->job_resrcs->nhosts;
}

/* GP_OK if we may change this answer, else why not. */
static enum gp_reason may_change(struct gp_attempt *a)
{
	const job_record_t *job = a->test->job;
	enum gp_reason why;

	why = a->request->why;
	if (why != GP_OK)
		return why;
	if (a->request->wish.off)
		return GP_OFF;
	if (!job->job_resrcs || (a->test->preemptees && *a->test->preemptees))
		return GP_PREEMPTION;
	if (!is_plausible(job) ||
	    !bit_equal(a->test->nodes, job->job_resrcs->node_bitmap))
		return GP_ABI_MISMATCH;
	return a->request->asked.whole ? GP_EXCLUSIVE : GP_OK;
}

/* Whether the answer is one that we could read, if not change. For the log. */
static bool is_readable(enum gp_reason why)
{
	return why == GP_OK || why == GP_EXCLUSIVE;
}

/* Read every node of the answer. The first reason that forbids a choice is returned;
 * GP_OK if at least one node leaves one. */
static enum gp_reason read_answers(struct gp_attempt *a)
{
	struct gp_controller *ctl = a->ctl;
	bitstr_t *nodes = a->test->nodes;
	enum gp_reason first = GP_NO_GPUS;
	bool any = false;

	if (!gp_scratch_answers(&ctl->scratch, (int)a->test->job->job_resrcs->nhosts))
		return GP_MEMORY;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct gp_node_answer *answer;

		if (!bit_test(nodes, n))
			continue;
		answer = &ctl->scratch.answers[a->answers++];
		gp_node_answer_read(answer, a->test->job, &a->request->asked, (int)n,
				    ctl->config.models);
		gp_node_answer_restrict(answer, &a->request->previous,
					gp_bridge_reserved(a->request->reserved,
							   a->request->granted, (int)n,
							   answer->gpus.size));
		if (answer->why == GP_ABI_MISMATCH)
			return GP_ABI_MISMATCH;
		if (answer->why == GP_OK &&
		    !gp_caches_agree(&ctl->caches, answer->node, answer->gpus.allocated,
				     ctl->config.node_count))
			answer->why = GP_INDEX;
		if (answer->why != GP_OK)
			gp_journal_say(&ctl->journal, answer, answer->why);
		else if (a->request->binds)
			answer->need_mbps = gp_wish_need_mbps(
				&a->request->wish, answer->binding, answer->count);
		if (!any)
			first = answer->why;
		any |= answer->why == GP_OK;
	}
	return any ? GP_OK : first;
}

/* Let one answer choose. With NICs it looks at those that have chosen before it; again:
 * at all others, unless nothing can be gained. */
static void choose_at(struct gp_attempt *a, const struct gp_nics_object *nics, int at,
		      bool again)
{
	struct gp_node_answer *answers = a->ctl->scratch.answers, *answer = &answers[at];
	int count;
	const struct gp_held *held =
		gp_running_on(&a->ctl->caches.running, answer->node, &count);

	if (nics && !nics->look(answers, a->answers, at, again, held, count) && again)
		return;
	answer->chose =
		gp_node_answer_choose(answer, &a->request->wish, held, count,
				      gt_limit_memory_tells(&a->ctl->caches.limits));
}

/* Let every answer choose. Returns GP_OK if one wants other GPUs than it has. */
static enum gp_reason choose(struct gp_attempt *a, bool *observed)
{
	const struct gp_nics_object *nics = a->answers > 1 ? gp_nics_object() : NULL;
	enum gp_reason why = GP_BEST;
	bool wants = false;

	*observed = false;
	for (int i = 0; i < a->answers; i++)
		choose_at(a, nics, i, false);
	for (int i = 0; nics && i < a->answers; i++)
		choose_at(a, nics, i, true);
	for (int i = 0; i < a->answers; i++) {
		struct gp_node_answer *answer = &a->ctl->scratch.answers[i];
		enum gp_reason one = answer->chose;

		if (one == GP_BUDGET)
			gp_journal_say(&a->ctl->journal, answer, one);
		if (one == GP_OK && answer->wanted == answer->stock)
			*observed = true;
		else if (one == GP_OK)
			wants = true;
		else if (i == 0)
			why = one;
	}
	if (wants)
		return GP_OK;
	return *observed ? GP_OBSERVED : why;
}

/* As many CPUs as stock's answer had. With --cpus-per-gpu stock takes CPUs for the free
 * GPUs of a node, so that fewer free ones mean fewer CPUs: never fewer than were asked.
 */
static bool has_cpus(const struct gp_attempt *a)
{
	uint32_t cpus = a->test->job->total_cpus;
	uint64_t least = a->before.min_cpus;
	uint64_t per_gpu = 0;

	for (int e = 0; e < a->request->asked.entries; e++) {
		uint64_t each = a->request->asked.entry[e]->cpus_per_gres;

		for (int i = 0; i < a->answers; i++)
			per_gpu += each * (uint64_t)a->ctl->scratch.answers[i].counts[e];
	}
	if (!per_gpu)
		return cpus == a->total_cpus;
	return cpus <= a->total_cpus && cpus >= least && cpus >= per_gpu;
}

/* Whether the new answer has the wanted GPUs and all else as in stock's. */
static bool verify(const struct gp_attempt *a)
{
	const job_record_t *job = a->test->job;

	if (!job->job_resrcs || !bit_equal(a->test->nodes, a->ctl->scratch.picked) ||
	    !has_cpus(a))
		return false;
	for (int i = 0; i < a->answers; i++) {
		const struct gp_node_answer *answer = &a->ctl->scratch.answers[i];
		uint64_t got = 0;

		for (int e = 0; e < a->request->asked.entries && answer->gpus.size; e++) {
			uint64_t bits;

			gp_node_answer_selected(answer, &a->request->asked, e, &bits);
			if (__builtin_popcountll(bits) != answer->counts[e] ||
			    (bits & got))
				return false;
			got |= bits;
		}
		/* Counted GPUs are taken when the job starts: count_only.c. */
		if (got != (answer->gpus.counted ? answer->stock : answer->wanted))
			return false;
	}
	return true;
}

/* Stock 22.05.8 gives --gpus=aa:2,bb:2 one bb only where the job has no core near it, but
 * the others must be free. So many stay in sight, behind the wanted ones where it can be:
 * stock takes the first. */
static uint64_t spare_gpus(const struct gp_attempt *a,
			   const struct gp_node_answer *answer)
{
	uint64_t spare = 0;

	for (int e = 0; e < a->request->asked.entries && a->answers == 1; e++) {
		const gres_job_state_t *entry = a->request->asked.entry[e];
		uint64_t open = gp_bridge_of_type(&answer->gpus, entry->type_name) &
				answer->gpus.free & ~answer->wanted & ~spare;
		int missing = (int)entry->gres_per_job - answer->counts[e];

		for (; entry->gres_per_job && open && missing > 0; missing--) {
			uint64_t last = UINT64_C(1) << (63 - __builtin_clzll(open));

			spare |= last;
			open &= ~last;
		}
	}
	return spare;
}

/* Run the stock plugin with everything hidden but what the answers want. The node structs
 * are as before when this returns, whatever happened. */
static bool rerun(struct gp_attempt *a)
{
	struct gp_hidden *hidden = a->ctl->scratch.hidden;
	bool ready = true, needed = false;
	int rc = SLURM_ERROR;

	memset(hidden, 0, (size_t)a->answers * sizeof(*hidden));
	for (int i = 0; ready && i < a->answers; i++) {
		struct gp_node_answer *answer = &a->ctl->scratch.answers[i];

		if (answer->stock && !answer->gpus.counted)
			ready = gp_bridge_hide(&answer->gpus,
					       answer->gpus.free & ~answer->wanted &
						       ~spare_gpus(a, answer),
					       &hidden[i]);
		needed |= !answer->gpus.counted && answer->wanted != answer->stock;
	}
	if (ready && !needed) {
		rc = SLURM_SUCCESS;
	} else if (ready) {
		gp_fields_write(a->test->job, &a->before);
		bit_copybits(a->test->nodes, a->ctl->scratch.picked);
		a->reruns++;
		rc = gp_stock_call_no_preempt(a->ctl, a->stock_plugin, a->test);
	}
	for (int i = 0; i < a->answers; i++)
		gp_bridge_unhide(&hidden[i]);
	return rc == SLURM_SUCCESS && verify(a);
}

/* Rule b: stock had a core near one of its GPUs, ours must too. An answer that lost it
 * looks only at sets that touch those sockets from now on. Returns false if one did. */
static bool keeps_near_cores(struct gp_attempt *a)
{
	bool keeps = true;

	for (int i = 0; i < a->answers; i++) {
		struct gp_node_answer *answer = &a->ctl->scratch.answers[i];
		struct gp_cores now;

		if (answer->wanted == answer->stock || !answer->cores_known ||
		    a->request->asked.unbound || !(answer->cores.near & answer->stock))
			continue;
		if (gp_bridge_cores(a->test->job, NULL, answer->record, &answer->gpus,
				    &now) &&
		    (now.near & answer->wanted))
			continue;
		answer->must_touch = true;
		keeps = false;
	}
	return keeps;
}

/* Stock's answer again, after reruns that came to nothing. */
static int restore(struct gp_attempt *a)
{
	const struct gp_test *t = a->test;
	int rc;

	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->ctl->scratch.picked);
	rc = gp_stock_call(a->ctl, a->stock_plugin, t);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs)
		return rc;
	/* Never seen; the call as it came is right in any case. */
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->ctl->scratch.offered);
	return gp_stock_call(a->ctl, a->stock_plugin, t);
}

/* Try sets in the order of their worth. GP_CHANGED, or why stock's answer stays. */
static enum gp_reason improve(struct gp_attempt *a)
{
	for (int try = 0; try < GP_MAX_TRIES; try++) {
		bool observed;
		enum gp_reason why = choose(a, &observed);

		if (why != GP_OK)
			return try ? GP_RERUN : why;
		if (rerun(a)) {
			if (keeps_near_cores(a))
				return GP_CHANGED;
		}
		a->counted.failed_reruns++;
		for (int i = 0; i < a->answers; i++)
			gp_node_answer_give_up(&a->ctl->scratch.answers[i]);
	}
	return GP_RERUN;
}

static long us_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec - then->tv_sec) * 1000000 +
	       (now.tv_nsec - then->tv_nsec) / 1000;
}

static const char *form_of(const struct gp_job *asked)
{
	const gres_job_state_t *entry = asked->entries ? asked->entry[0] : NULL;

	if (!entry)
		return "none";
	return entry->gres_per_job	? "gpus"
	       : entry->gres_per_node	? "gpus-per-node"
	       : entry->gres_per_socket ? "gpus-per-socket"
					: "gpus-per-task";
}

/* Keep what was decided until the job begins. */
static void record(const struct gp_attempt *a, enum gp_reason why)
{
	struct gp_decisions *decisions = &a->ctl->journal.decisions;
	const job_record_t *job = a->test->job;
	struct gp_verdict verdict = {
		.job_id = job->job_id,
		.uid = job->user_id,
		.partition = job->part_ptr ? job->part_ptr->name : "",
		.form = form_of(&a->request->asked),
		.shape = &a->request->wish.shape,
		.why = why,
		.split = a->request->asked.per_job && a->answers > 1,
		.split_avoided = a->stock_splits && a->answers == 1,
		.us = us_since(&a->answered),
		.now = time(NULL),
	};

	gp_decisions_begin(decisions, why == GP_NO_GPUS ? NULL : job);
	decisions->split = verdict.split;
	decisions->split_avoided = verdict.split_avoided;
	for (int i = 0; i < a->answers; i++) {
		const struct gp_node_answer *answer = &a->ctl->scratch.answers[i];

		gp_decisions_add(decisions, &verdict, answer);
		gp_decisions_sum_up(decisions, verdict.shape, answer);
	}
}

/* --gpus over several nodes, though one was enough by -N. */
static bool is_split(const struct gp_attempt *a)
{
	return a->request->asked.per_job && a->answers > 1 && a->test->min_nodes <= 1;
}

/* Of a whole node the job can use any of the GPUs. */
static bool seat_is_as_wished(const struct gp_attempt *a,
			      const struct gp_node_answer *answer, bool changed)
{
	uint64_t gpus = changed ? answer->wanted : answer->stock;

	if (!answer->binding)
		return true;
	if (a->request->asked.whole && __builtin_popcountll(gpus) >= a->request->count)
		return gp_wish_met_in(&a->request->wish, answer->binding, gpus,
				      a->request->count);
	return gp_wish_met_by(&a->request->wish, answer->binding, gpus);
}

/* Whether the answer is as wished. We do not refuse one that we could not read. */
static bool is_as_wished(const struct gp_attempt *a, enum gp_reason why)
{
	if (!a->request->binds || why == GP_PREEMPTION || why == GP_ABI_MISMATCH ||
	    why == GP_MEMORY)
		return true;
	if (is_split(a) && (a->request->wish.one_node || a->request->wish.asked))
		return false;
	for (int i = 0; i < a->answers; i++)
		if (!seat_is_as_wished(a, &a->ctl->scratch.answers[i], why == GP_CHANGED))
			return false;
	return true;
}

/* The job waits. */
static int refuse(struct gp_attempt *a)
{
	free_job_resources(&a->test->job->job_resrcs);
	gp_fields_write(a->test->job, &a->before);
	gp_decisions_begin(&a->ctl->journal.decisions, NULL);
	a->counted.by_reason[GP_WAIT]++;
	return ESLURM_NODES_BUSY;
}

/* Stock's shares of --gpus do not meet the wish: even ones may. Returns whether the
 * answers now want other numbers of GPUs than stock gave them. */
static bool even_out(struct gp_attempt *a)
{
	bool differs = false;

	if (!a->request->even || !a->request->asked.per_job ||
	    a->request->asked.entries != 1 || a->request->asked.typed ||
	    a->request->asked.per_socket || a->answers != (int)a->test->min_nodes)
		return false;
	for (int i = 0; i < a->answers; i++) {
		struct gp_node_answer *answer = &a->ctl->scratch.answers[i];

		if (answer->why != GP_OK || answer->gpus.counted)
			return false;
		differs |= answer->count != a->request->count;
		answer->count = answer->counts[0] = a->request->count;
		answer->except_count = 0;
		answer->must_touch = false;
		answer->need_mbps = gp_wish_need_mbps(&a->request->wish, answer->binding,
						      answer->count);
	}
	return differs;
}

/* The best answer that can be had from stock's. */
static enum gp_reason settle(struct gp_attempt *a)
{
	enum gp_reason why = improve(a);

	if (!is_as_wished(a, why) && even_out(a))
		why = improve(a);
	return why;
}

/* Stock's answer, made better where that can be. */
static int answer(struct gp_attempt *a)
{
	const struct gp_test *test = a->test;
	struct gp_controller *ctl = a->ctl;
	enum gp_reason why;
	int rc;

	rc = gp_preselect_answer(a);
	if (rc == SLURM_SUCCESS && gp_nics_object())
		rc = gp_nics_object()->nodes(a);
	if (rc != SLURM_SUCCESS)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &a->answered);
	why = may_change(a);
	if (is_readable(why)) {
		enum gp_reason answers;

		bit_copybits(ctl->scratch.picked, test->nodes);
		a->total_cpus = test->job->total_cpus;
		answers = read_answers(a);
		why = why == GP_OK ? answers : why;
	}
	if (why == GP_OK)
		why = settle(a);
	if (a->reruns && why != GP_CHANGED) {
		rc = restore(a);
		for (int i = 0; i < a->answers; i++)
			gp_node_answer_keep_stock(&ctl->scratch.answers[i]);
	}
	if (why == GP_ABI_MISMATCH || why == GP_MEMORY)
		gp_journal_say(&ctl->journal, NULL, why);
	a->counted.by_reason[why]++;
	a->counted.reruns += (uint64_t)a->reruns;
	if (rc == SLURM_SUCCESS && !is_as_wished(a, why)) {
		gp_caches_refused(&ctl->caches, test->job->job_id, INT_MAX);
		return refuse(a);
	}
	if (why == GP_CHANGED)
		gp_count_only_mean(test->job, ctl->scratch.answers, a->answers);
	record(a, why);
	return rc;
}

int gp_exchange_job_test(struct gp_controller *ctl,
			 const struct gp_stock_plugin *stock_plugin,
			 const struct gp_test *test, const struct gp_job_request *request)
{
	bool one_node = test->min_nodes <= 1;
	struct gp_test mine = *test;
	struct gp_attempt a = {
		.ctl = ctl,
		.stock_plugin = stock_plugin,
		.test = &mine,
		.request = request,
		.before = gp_fields_read(test->job),
	};
	int rc;

	if (!gp_scratch_fits(&ctl->scratch, test->nodes))
		return gp_stock_call(ctl, stock_plugin, test);
	bit_copybits(ctl->scratch.offered, test->nodes);
	/* What stock would see without the wish. */
	if (request->binds && one_node)
		gp_units_count(&ctl->caches.units, test->nodes, ctl->config.models,
			       &ctl->caches.free_bound);
	if (gp_preselect_filter(&a)) {
		bit_copybits(ctl->scratch.offered, test->nodes);
		/* Who may not be split is not split. */
		if (request->binds && request->asked.per_job && one_node &&
		    (request->wish.one_node || request->wish.asked))
			mine.min_nodes = mine.max_nodes = mine.req_nodes = 1;
		gp_count_only_mean(NULL, NULL, 0);
		rc = answer(&a);
	} else {
		rc = refuse(&a);
	}
	gp_journal_count(&ctl->journal, &a.counted);
	return rc;
}
