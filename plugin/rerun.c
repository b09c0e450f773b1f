/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rerun.c - answer, hide, answer again, verify; or the plain answer.
 */
#include "plugin/compat.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/forecast.h"
#include "plugin/rerun.h"

/* What a run of job_test changes in the job besides its answer: a second run has to start
 * from the same values (--overcommit multiplies min_cpus each time, memory by GPU becomes
 * memory by node). */
struct fields {
	uint32_t min_cpus;
	uint64_t pn_min_memory;
	uint32_t total_cpus;
	uint16_t start_protocol_ver;
	bool best_switch;
};

/* One job_test in progress. */
struct attempt {
	struct gp_glue *glue;
	const struct gp_inner *inner;
	const struct gp_test *test;
	struct gp_quest quest;
	struct gp_job asked;
	struct fields before;
	int seats; /* in glue->seats: the nodes of the answer */
	int reruns;
	/* of stock's answer */
	uint32_t total_cpus;
	struct timespec answered;
};

static struct fields read_fields(const job_record_t *job)
{
	return (struct fields){
		.min_cpus = job->details ? job->details->min_cpus : 0,
		.pn_min_memory = job->details ? job->details->pn_min_memory : 0,
		.total_cpus = job->total_cpus,
		.start_protocol_ver = job->start_protocol_ver,
		.best_switch = job->best_switch,
	};
}

static void write_fields(job_record_t *job, const struct fields *fields)
{
	if (job->details) {
		job->details->min_cpus = fields->min_cpus;
		job->details->pn_min_memory = fields->pn_min_memory;
	}
	job->total_cpus = fields->total_cpus;
	job->start_protocol_ver = fields->start_protocol_ver;
	job->best_switch = fields->best_switch;
}

int gp_rerun_plain(const struct gp_inner *inner, const struct gp_test *t)
{
	return inner->job_test(t->job, t->nodes, t->min_nodes, t->max_nodes, t->req_nodes,
			       t->mode, t->candidates, t->preemptees, GP_TAIL_OF(t));
}

/* A run that never preempts: a few GB/s are no reason to kill a job. */
static int run_without_preemption(const struct gp_inner *inner, const struct gp_test *t)
{
	return inner->job_test(t->job, t->nodes, t->min_nodes, t->max_nodes, t->req_nodes,
			       t->mode, NULL, NULL, GP_TAIL_OF(t));
}

bool gp_rerun_scratch(struct gp_glue *glue, bitstr_t *nodes)
{
	bitoff_t size = bit_size(nodes);

	if (glue->offered && bit_size(glue->offered) == size)
		return true;
	FREE_NULL_BITMAP(glue->offered);
	FREE_NULL_BITMAP(glue->answer);
	glue->offered = bit_alloc(size);
	glue->answer = bit_alloc(size);
	return glue->offered && glue->answer;
}

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
	return find_job_record(job->job_id) == job && job->details && job->job_resrcs &&
	       job->job_resrcs->node_bitmap && job->job_resrcs->nhosts > 0 &&
	       bit_set_count(job->job_resrcs->node_bitmap) ==
		       (int32_t)job->job_resrcs->nhosts;
}

/* May we touch this answer at all? */
static enum gp_reason may_change(struct attempt *a)
{
	const job_record_t *job = a->test->job;
	enum gp_reason why;

	a->asked = a->quest.asked;
	why = a->quest.why;
	if (why == GP_NO_GPUS || why == GP_SHARED || why == GP_LIMIT)
		return why;
	if (a->quest.wish.off)
		return GP_OFF;
	if (!job->job_resrcs || (a->test->preemptees && *a->test->preemptees))
		return GP_PREEMPTION;
	if (!is_plausible(job) ||
	    !bit_equal(a->test->nodes, job->job_resrcs->node_bitmap))
		return GP_CANARY;
	if (why == GP_OK && a->asked.per_job && job->job_resrcs->nhosts > 1)
		return GP_SPLIT;
	return why;
}

/* Is the answer one that we could read, though not change? For the log. */
static bool is_readable(enum gp_reason why)
{
	return why == GP_OK || why == GP_SPLIT || why == GP_ENFORCE_BINDING ||
	       why == GP_EXCLUSIVE;
}

/* Read every node of the answer. The first reason that forbids a choice is returned;
 * GP_OK if at least one node leaves one. */
static enum gp_reason read_seats(struct attempt *a)
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
		if (seat->why == GP_CANARY)
			return GP_CANARY;
		if (seat->why == GP_OK && !gp_glue_index_agrees(glue, seat))
			seat->why = GP_INDEX;
		if (seat->why != GP_OK)
			gp_glue_tell(glue, seat, seat->why);
		else if (a->quest.binds)
			seat->need_mbps =
				gp_wish_need_mbps(&a->quest.wish, seat->binding,
						  __builtin_popcountll(seat->stock));
		seat->preserve = a->quest.wish.preserve;
		if (!any)
			first = seat->why;
		any |= seat->why == GP_OK;
	}
	return any ? GP_OK : first;
}

/* Let every seat choose. Returns GP_OK if one wants other GPUs than it has. */
static enum gp_reason choose(struct attempt *a, bool *observed)
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

/* Does the new answer hold what was wanted, and all else as in stock's? */
static bool verify(const struct attempt *a)
{
	const job_record_t *job = a->test->job;

	if (!job->job_resrcs || !bit_equal(a->test->nodes, a->glue->answer) ||
	    job->total_cpus != a->total_cpus)
		return false;
	for (int i = 0; i < a->seats; i++) {
		const struct gp_seat *seat = &a->glue->seats[i];
		uint64_t got = 0;

		for (int e = 0; e < a->asked.entries && seat->gpus.size; e++) {
			uint64_t bits;

			gp_bridge_selected(&a->asked, e, seat->node, seat->gpus.size,
					   &bits);
			if (__builtin_popcountll(bits) != seat->counts[e] || (bits & got))
				return false;
			got |= bits;
		}
		if (got != seat->wanted)
			return false;
	}
	return true;
}

/* Run the inner plugin with everything hidden but what the seats want. The node structs
 * are as before when this returns, whatever happened. */
static bool rerun(struct attempt *a)
{
	struct gp_hidden *hidden = calloc((size_t)a->seats, sizeof(*hidden));
	bool ready = hidden != NULL;
	int rc = SLURM_ERROR;

	for (int i = 0; ready && i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];

		if (seat->stock)
			ready = gp_bridge_hide(
				&seat->gpus, seat->gpus.free & ~seat->wanted, &hidden[i]);
	}
	if (ready) {
		write_fields(a->test->job, &a->before);
		bit_copybits(a->test->nodes, a->glue->answer);
		a->reruns++;
		rc = run_without_preemption(a->inner, a->test);
	}
	for (int i = 0; hidden && i < a->seats; i++)
		gp_bridge_unhide(&hidden[i]);
	free(hidden);
	return rc == SLURM_SUCCESS && verify(a);
}

/* Rule b: stock had a core near one of its GPUs, ours must too. A seat that lost it looks
 * only at sets that touch those sockets from now on. Returns false if one did. */
static bool keeps_near_cores(struct attempt *a)
{
	bool keeps = true;

	for (int i = 0; i < a->seats; i++) {
		struct gp_seat *seat = &a->glue->seats[i];
		struct gp_cores now;

		if (seat->wanted == seat->stock || !seat->cores_known ||
		    !(seat->cores.near & seat->stock))
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
static int restore(struct attempt *a)
{
	const struct gp_test *t = a->test;
	int rc;

	write_fields(t->job, &a->before);
	bit_copybits(t->nodes, a->glue->answer);
	rc = gp_rerun_plain(a->inner, t);
	if (rc == SLURM_SUCCESS && t->job->job_resrcs)
		return rc;
	/* Never seen; the call as it came is right in any case. */
	write_fields(t->job, &a->before);
	bit_copybits(t->nodes, a->glue->offered);
	return gp_rerun_plain(a->inner, t);
}

/* Try sets in the order of their worth. GP_CHANGED, or why stock's answer stays. */
static enum gp_reason improve(struct attempt *a)
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

/* Keep what was decided until the job begins; tell those who debug. */
static void record(const struct attempt *a, enum gp_reason why)
{
	struct gp_decisions *decisions = &a->glue->decisions;
	const job_record_t *job = a->test->job;
	struct gp_verdict verdict = {
		.job_id = job->job_id,
		.form = form_of(&a->asked),
		.why = why,
		.split = a->asked.per_job && a->seats > 1,
		.us = us_since(&a->answered),
	};

	gp_decisions_begin(decisions, why == GP_NO_GPUS ? 0 : job->job_id);
	for (int i = 0; i < a->seats; i++) {
		const struct gp_seat *seat = &a->glue->seats[i];

		gp_decisions_add(decisions, &verdict, seat, time(NULL));
		if (!(slurm_conf.debug_flags & DEBUG_FLAG_SELECT_TYPE) ||
		    __builtin_popcountll(seat->stock) < 2)
			continue;
		info("gputopo: job %u on %s: free %#" PRIx64 ", stock %#" PRIx64
		     " (%d MB/s), chosen %#" PRIx64 " (%d MB/s), level %d, %d reruns: %s",
		     job->job_id, seat->record->name, seat->gpus.free, seat->stock,
		     seat->stock_score.busbw_mbps, seat->wanted, seat->score.busbw_mbps,
		     seat->level, a->reruns, gp_reason_text(why));
	}
}

/* The stock plugin's answer with a few nodes and room for one only. */
static bool answer_from_few(struct attempt *a, int ranked, int count, bool only_ties)
{
	const struct gp_test *t = a->test;
	struct gp_glue *glue = a->glue;
	int rc;

	if (!gp_rank_few(glue->ranks, ranked, count, only_ties, glue->answer))
		return false;
	bit_copybits(t->nodes, glue->answer);
	rc = a->inner->job_test(t->job, t->nodes, 1, 1, 1, t->mode, NULL, NULL,
				GP_TAIL_OF(t));
	if (rc == SLURM_SUCCESS && t->job->job_resrcs) {
		glue->counters.narrowed++;
		return true;
	}
	glue->counters.failed_narrow++;
	write_fields(t->job, &a->before);
	bit_copybits(t->nodes, glue->offered);
	return false;
}

/* Node choice: the best nodes first, those that tie with the best before the others. */
static bool answer_by_rank(struct attempt *a)
{
	const struct gp_test *t = a->test;
	const struct gp_job *asked = &a->quest.asked;
	struct gp_glue *glue = a->glue;
	int ranked;

	if (!glue->ranks || t->min_nodes > 1 || t->req_nodes > 1 || a->quest.count < 1 ||
	    a->quest.why != GP_OK || a->quest.wish.off || !gp_bridge_any_node(t->job) ||
	    bit_size(t->nodes) > glue->node_count || (asked->typed && asked->entries > 1))
		return false;
	ranked =
		gp_rank_nodes(glue->ranks, t->nodes, asked, a->quest.count, glue->models);
	if (ranked == 0 || bit_set_count(t->nodes) == 1)
		return false;
	return answer_from_few(a, ranked, a->quest.count, true) ||
	       (ranked > 1 && answer_from_few(a, ranked, a->quest.count, false));
}

/* Is the answer as wished? One that we could not read is not ours to refuse. */
static bool is_as_wished(const struct attempt *a, enum gp_reason why)
{
	if (!a->quest.binds || why == GP_PREEMPTION || why == GP_CANARY ||
	    why == GP_MEMORY)
		return true;
	if (why == GP_SPLIT && (a->quest.wish.one_node || a->quest.wish.asked))
		return false;
	for (int i = 0; i < a->seats; i++) {
		const struct gp_seat *seat = &a->glue->seats[i];
		uint64_t gpus = why == GP_CHANGED ? seat->wanted : seat->stock;

		if (seat->binding && !gp_wish_met_by(&a->quest.wish, seat->binding, gpus))
			return false;
	}
	return true;
}

/* The job waits. */
static int refuse(struct attempt *a)
{
	free_job_resources(&a->test->job->job_resrcs);
	write_fields(a->test->job, &a->before);
	gp_decisions_begin(&a->glue->decisions, 0);
	a->glue->counters.by_reason[GP_WAIT]++;
	return ESLURM_NODES_BUSY;
}

/* Nodes that cannot meet the wish now are no nodes now. With jobs to preempt they are,
 * for those may hold what is wanted. false: nothing is left. */
static bool filter_nodes(struct attempt *a)
{
	const struct gp_test *t = a->test;

	if (!a->quest.binds || gp_quest_filter(&a->quest, a->glue, t) >=
				       (int)(t->min_nodes > 1 ? t->min_nodes : 1))
		return true;
	bit_copybits(t->nodes, a->glue->offered);
	return t->candidates != NULL;
}

int gp_rerun_job_test(struct gp_glue *glue, const struct gp_inner *inner,
		      const struct gp_test *test)
{
	struct gp_test mine = *test;
	struct attempt a = {.glue = glue, .inner = inner, .test = &mine};
	enum gp_reason why;
	int rc = SLURM_SUCCESS;

	if (!gp_rerun_scratch(glue, test->nodes))
		return gp_rerun_plain(inner, test);
	bit_copybits(glue->offered, test->nodes);
	a.before = read_fields(test->job);
	gp_quest_read(&a.quest, glue, test);
	if (!filter_nodes(&a))
		return refuse(&a);
	bit_copybits(glue->offered, test->nodes);
	/* Who may not be split is not split. */
	if (a.quest.binds && a.quest.asked.per_job && test->min_nodes <= 1 &&
	    (a.quest.wish.one_node || a.quest.wish.asked))
		mine.min_nodes = mine.max_nodes = mine.req_nodes = 1;
	if (!answer_by_rank(&a))
		rc = gp_rerun_plain(inner, &mine);
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
		why = improve(&a);
	if (a.reruns && why != GP_CHANGED)
		rc = restore(&a);
	if (why == GP_CANARY || why == GP_MEMORY)
		gp_glue_tell(glue, NULL, why);
	glue->counters.by_reason[why]++;
	glue->counters.reruns += (uint64_t)a.reruns;
	if (rc == SLURM_SUCCESS && !is_as_wished(&a, why))
		return refuse(&a);
	record(&a, why);
	return rc;
}
