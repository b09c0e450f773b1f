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

#include "plugin/ctld/choose/stock_call.h"
#include "plugin/ctld/choose/attempt.h"
#include "plugin/ctld/choose/count_only.h"
#include "plugin/ctld/choose/exchange.h"

static bool make_seats(struct gp_glue *glue, int count)
{
	struct gp_seat *more;

	if (count <= glue->seat_room)
		return true;
	more = realloc(glue->seats, (size_t)count * sizeof(*more));
	if (!more)
		return false;
	glue->seats = more;
	glue->seat_room = count;
	return true;
}

/* Do the structs look like those that we were compiled for? */
static bool is_plausible(const job_record_t *job)
{
	return find_job_record(job->job_id) == job && job->magic == JOB_MAGIC &&
	       job->details && job->details->magic == DETAILS_MAGIC && job->job_resrcs &&
	       job->job_resrcs->node_bitmap && job->job_resrcs->nhosts > 0 &&
	       bit_set_count(job->job_resrcs->node_bitmap) ==
		       (int32_t)job->job_resrcs->nhosts;
}

/* May we touch this answer at all? */
static enum gp_reason may_change(struct gp_attempt *a)
{
	const job_record_t *job = a->test->job;
	enum gp_reason why;

	a->asked = a->quest.asked;
	why = a->quest.why;
	if (why != GP_OK)
		return why;
	if (a->quest.wish.off)
		return GP_OFF;
	if (!job->job_resrcs || (a->test->preemptees && *a->test->preemptees))
		return GP_PREEMPTION;
	if (!is_plausible(job) ||
	    !bit_equal(a->test->nodes, job->job_resrcs->node_bitmap))
		return GP_CANARY;
	return a->asked.whole ? GP_EXCLUSIVE : GP_OK;
}

/* Is the answer one that we could read, though not change? For the log. */
static bool is_readable(enum gp_reason why)
{
	return why == GP_OK || why == GP_EXCLUSIVE;
}

/* Read every node of the answer. The first reason that forbids a choice is returned;
 * GP_OK if at least one node leaves one. */
static enum gp_reason read_seats(struct gp_attempt *a)
{
	struct gp_glue *glue = a->glue;
	bitstr_t *nodes = a->test->nodes;
	enum gp_reason first = GP_NO_GPUS;
	bool any = false;

	if (!make_seats(glue, (int)a->test->job->job_resrcs->nhosts))
		return GP_MEMORY;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		struct gp_seat *seat;

		if (!bit_test(nodes, n))
			continue;
		seat = &glue->seats[a->seats++];
		gp_seat_read(seat, a->test->job, &a->asked, (int)n, glue->models);
		gp_seat_restrict(seat, &a->quest.past,
				 gp_bridge_reserved(a->quest.reserved, a->quest.granted,
						    (int)n, seat->gpus.size));
		if (seat->why == GP_CANARY)
			return GP_CANARY;
		if (seat->why == GP_OK && !gp_glue_index_agrees(glue, seat))
			seat->why = GP_INDEX;
		if (seat->why != GP_OK)
			gp_glue_tell(glue, seat, seat->why);
		else if (a->quest.binds)
			seat->need_mbps = gp_wish_need_mbps(&a->quest.wish, seat->binding,
							    seat->count);
		seat->preserve = a->quest.wish.preserve;
		if (!any)
			first = seat->why;
		any |= seat->why == GP_OK;
	}
	return any ? GP_OK : first;
}

/* Let every seat choose. Returns GP_OK if one wants other GPUs than it has. */
static enum gp_reason choose(struct gp_attempt *a, bool *observed)
{
	enum gp_reason why = GP_BEST;
	bool ends_tell = gt_limit_memory_tells(&a->glue->limits);
	bool wants = false;

	*observed = false;
	for (int i = 0; i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];
		enum gp_reason one = gp_seat_choose(seat, &a->glue->running, ends_tell);

		if (one == GP_BUDGET)
			gp_glue_tell(a->glue, seat, one);
		if (one == GP_OK && seat->wanted == seat->stock)
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

	for (int e = 0; e < a->asked.entries; e++) {
		uint64_t each = a->asked.entry[e]->cpus_per_gres;

		for (int i = 0; i < a->seats; i++)
			per_gpu += each * (uint64_t)a->glue->seats[i].counts[e];
	}
	if (!per_gpu)
		return cpus == a->total_cpus;
	return cpus <= a->total_cpus && cpus >= least && cpus >= per_gpu;
}

/* Does the new answer hold what was wanted, and all else as in stock's? */
static bool verify(const struct gp_attempt *a)
{
	const job_record_t *job = a->test->job;

	if (!job->job_resrcs || !bit_equal(a->test->nodes, a->glue->answer) ||
	    !has_cpus(a))
		return false;
	for (int i = 0; i < a->seats; i++) {
		const struct gp_seat *seat = &a->glue->seats[i];
		uint64_t got = 0;

		for (int e = 0; e < a->asked.entries && seat->gpus.size; e++) {
			uint64_t bits;

			gp_seat_selected(seat, &a->asked, e, &bits);
			if (__builtin_popcountll(bits) != seat->counts[e] || (bits & got))
				return false;
			got |= bits;
		}
		/* Counted GPUs are taken when the job starts: count_only.c. */
		if (got != (seat->gpus.counted ? seat->stock : seat->wanted))
			return false;
	}
	return true;
}

/* Run the inner plugin with everything hidden but what the seats want. The node structs
 * are as before when this returns, whatever happened. */
static bool rerun(struct gp_attempt *a)
{
	struct gp_hidden *hidden = calloc((size_t)a->seats, sizeof(*hidden));
	bool ready = hidden != NULL, needed = false;
	int rc = SLURM_ERROR;

	for (int i = 0; ready && i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];

		if (seat->stock && !seat->gpus.counted)
			ready = gp_bridge_hide(
				&seat->gpus, seat->gpus.free & ~seat->wanted, &hidden[i]);
		needed |= !seat->gpus.counted && seat->wanted != seat->stock;
	}
	if (ready && !needed) {
		rc = SLURM_SUCCESS;
	} else if (ready) {
		gp_fields_write(a->test->job, &a->before);
		bit_copybits(a->test->nodes, a->glue->answer);
		a->reruns++;
		rc = gp_ask_kindly(a->glue, a->inner, a->test);
	}
	for (int i = 0; hidden && i < a->seats; i++)
		gp_bridge_unhide(&hidden[i]);
	free(hidden);
	return rc == SLURM_SUCCESS && verify(a);
}

/* Rule b: stock had a core near one of its GPUs, ours must too. A seat that lost it looks
 * only at sets that touch those sockets from now on. Returns false if one did. */
static bool keeps_near_cores(struct gp_attempt *a)
{
	bool keeps = true;

	for (int i = 0; i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];
		struct gp_cores now;

		if (seat->wanted == seat->stock || !seat->cores_known ||
		    a->asked.unbound || !(seat->cores.near & seat->stock))
			continue;
		if (gp_bridge_cores(a->test->job, seat->record, &seat->gpus, &now) &&
		    (now.near & seat->wanted))
			continue;
		seat->must_touch = true;
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
	bit_copybits(t->nodes, a->glue->answer);
	rc = gp_ask(a->glue, a->inner, t);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs)
		return rc;
	/* Never seen; the call as it came is right in any case. */
	gp_fields_write(t->job, &a->before);
	bit_copybits(t->nodes, a->glue->offered);
	return gp_ask(a->glue, a->inner, t);
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
		a->glue->counters.failed_reruns++;
		for (int i = 0; i < a->seats; i++)
			gp_seat_give_up(&a->glue->seats[i]);
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
	struct gp_decisions *decisions = &a->glue->decisions;
	const job_record_t *job = a->test->job;
	struct gp_verdict verdict = {
		.job_id = job->job_id,
		.form = form_of(&a->asked),
		.why = why,
		.split = a->asked.per_job && a->seats > 1,
		.split_avoided = a->stock_splits && a->seats == 1,
		.us = us_since(&a->answered),
		.now = time(NULL),
	};

	gp_decisions_begin(decisions, why == GP_NO_GPUS ? NULL : job);
	for (int i = 0; i < a->seats; i++) {
		const struct gp_seat *seat = &a->glue->seats[i];

		gp_decisions_add(decisions, &verdict, seat);
		gp_decisions_sum_up(decisions, seat);
	}
}

/* --gpus over several nodes, though one was enough by -N. */
static bool is_split(const struct gp_attempt *a)
{
	return a->asked.per_job && a->seats > 1 && a->test->min_nodes <= 1;
}

/* Of a whole node the job can use any of the GPUs. */
static bool seat_is_as_wished(const struct gp_attempt *a, const struct gp_seat *seat,
			      bool changed)
{
	uint64_t gpus = changed ? seat->wanted : seat->stock;

	if (!seat->binding)
		return true;
	if (a->asked.whole && __builtin_popcountll(gpus) >= a->quest.count)
		return gp_wish_met_in(&a->quest.wish, seat->binding, gpus,
				      a->quest.count);
	return gp_wish_met_by(&a->quest.wish, seat->binding, gpus);
}

/* Is the answer as wished? One that we could not read is not ours to refuse. */
static bool is_as_wished(const struct gp_attempt *a, enum gp_reason why)
{
	if (!a->quest.binds || why == GP_PREEMPTION || why == GP_CANARY ||
	    why == GP_MEMORY)
		return true;
	if (is_split(a) && (a->quest.wish.one_node || a->quest.wish.asked))
		return false;
	for (int i = 0; i < a->seats; i++)
		if (!seat_is_as_wished(a, &a->glue->seats[i], why == GP_CHANGED))
			return false;
	return true;
}

/* The job waits. */
static int refuse(struct gp_attempt *a)
{
	free_job_resources(&a->test->job->job_resrcs);
	gp_fields_write(a->test->job, &a->before);
	gp_decisions_begin(&a->glue->decisions, NULL);
	a->glue->counters.by_reason[GP_WAIT]++;
	return ESLURM_NODES_BUSY;
}

/* Stock's shares of --gpus do not meet the wish: even ones may. Returns whether the seats
 * now want other numbers of GPUs than stock gave them. */
static bool even_out(struct gp_attempt *a)
{
	bool differs = false;

	if (!a->quest.even || !a->asked.per_job || a->asked.entries != 1 ||
	    a->asked.typed || a->asked.per_socket || a->seats != (int)a->test->min_nodes)
		return false;
	for (int i = 0; i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];

		if (seat->why != GP_OK || seat->gpus.counted)
			return false;
		differs |= seat->count != a->quest.count;
		seat->count = seat->counts[0] = a->quest.count;
		seat->except_count = 0;
		seat->must_touch = false;
		seat->need_mbps =
			gp_wish_need_mbps(&a->quest.wish, seat->binding, seat->count);
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

int gp_rerun_job_test(struct gp_glue *glue, const struct gp_inner *inner,
		      const struct gp_test *test)
{
	struct gp_test mine = *test;
	struct gp_attempt a = {.glue = glue, .inner = inner, .test = &mine};
	enum gp_reason why;
	int rc;

	if (!gp_first_scratch(glue, test->nodes))
		return gp_ask(glue, inner, test);
	bit_copybits(glue->offered, test->nodes);
	a.before = gp_fields_read(test->job);
	gp_quest_read(&a.quest, glue, test);
	/* What stock would see without the wish. */
	if (a.quest.binds && test->min_nodes <= 1)
		gp_units_count(&glue->units, test->nodes, glue->models, &glue->room);
	if (!gp_first_filter(&a))
		return refuse(&a);
	bit_copybits(glue->offered, test->nodes);
	/* Who may not be split is not split. */
	if (a.quest.binds && a.quest.asked.per_job && test->min_nodes <= 1 &&
	    (a.quest.wish.one_node || a.quest.wish.asked))
		mine.min_nodes = mine.max_nodes = mine.req_nodes = 1;
	gp_steer_mean(glue, NULL, 0);
	rc = gp_first_answer(&a);
	if (rc != SLURM_SUCCESS)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &a.answered);
	why = may_change(&a);
	if (is_readable(why)) {
		enum gp_reason seats;

		bit_copybits(glue->answer, test->nodes);
		a.total_cpus = test->job->total_cpus;
		seats = read_seats(&a);
		why = why == GP_OK ? seats : why;
	}
	if (why == GP_OK)
		why = settle(&a);
	if (a.reruns && why != GP_CHANGED) {
		rc = restore(&a);
		for (int i = 0; i < a.seats; i++)
			gp_seat_keep_stock(&glue->seats[i]);
	}
	if (why == GP_CANARY || why == GP_MEMORY)
		gp_glue_tell(glue, NULL, why);
	glue->counters.by_reason[why]++;
	glue->counters.reruns += (uint64_t)a.reruns;
	if (rc == SLURM_SUCCESS && !is_as_wished(&a, why)) {
		gp_quest_refused(glue, test->job, INT_MAX);
		return refuse(&a);
	}
	if (why == GP_CHANGED)
		gp_steer_mean(glue, test->job, a.seats);
	record(&a, why);
	return rc;
}
