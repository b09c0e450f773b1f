/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The events of a replay: arrivals, ends, and who starts when. */
#include "config.h"

#include "sim/engine.h"
#include "sim/engine_place.h"
#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_EVERY 4096

static const char *const sched_names[] = {
	[SIM_SCHED_FIFO] = "fifo",
	[SIM_SCHED_EASY] = "easy",
	[SIM_SCHED_RECORDED] = "recorded",
	[SIM_SCHED_LOSS] = "loss",
};

/* What is kept free for the first waiting job. */
struct reservation {
	int32_t job; /* -1: none */
	int64_t at_ms;
	int count;  /* GPUs on each node */
	int *nodes; /* ascending; room for all */
	int node_count;
};

struct engine {
	struct sim_placer p;
	struct sim_queue queue;
	struct reservation kept, looked_at; /* looked_at: of the last complete walk */
	int *avoid;
	int64_t given; /* times that a reserved node got GPUs back */
	int64_t given_looked_at;
};

/* ---- starting
 * --------------------------------------------------------------------------- */

/* Jobs of one node's GPUs are told apart by their number, all others stand together. */
static int class_of(const struct engine *e, int32_t job)
{
	return sim_placer_is_plain(&e->p, job) ? e->p.trace->jobs[job].gpus
					       : SIM_CLASS_OTHER;
}

static bool start_waiting(struct engine *e, int32_t job, const int *avoid,
			  int avoid_count)
{
	int class = class_of(e, job);

	if (!sim_placer_start(&e->p, job, avoid, avoid_count))
		return false;
	sim_queue_remove(&e->queue, job, class);
	return true;
}

/* ---- the reservation
 * -------------------------------------------------------------------- */

static bool is_reserved(const struct reservation *r, int node)
{
	for (int i = 0; i < r->node_count; i++)
		if (r->nodes[i] == node)
			return true;
	return false;
}

static int compare_ends(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return (x[1] > y[1]) - (x[1] < y[1]);
}

static int compare_ints(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* The nodes that hold the shares of a job of several nodes first. */
static void reserve_many(struct engine *e, struct reservation *r, int nodes,
			 const int *forbidden, int forbidden_count)
{
	const struct sim_cluster *c = &e->p.cluster;
	int64_t(*when)[2] = malloc((size_t)c->layout->nodes * sizeof(*when));

	r->node_count = 0;
	if (!when)
		return; /* without a reservation the first job may wait longer */
	for (int i = 0; i < c->layout->nodes; i++) {
		when[i][0] = sim_cluster_soon(c, i, r->count);
		when[i][1] = i;
	}
	for (int i = 0; i < forbidden_count; i++)
		when[forbidden[i]][0] = SIM_SOON;
	qsort(when, (size_t)c->layout->nodes, sizeof(*when), compare_ends);
	for (int i = 0; i < nodes && i < c->layout->nodes - forbidden_count; i++) {
		r->nodes[r->node_count++] = (int)when[i][1];
		r->at_ms = when[i][0];
	}
	qsort(r->nodes, (size_t)r->node_count, sizeof(*r->nodes), compare_ints);
	free(when);
}

/* When and where the first waiting job can start at the latest. */
static void reserve(struct engine *e)
{
	struct reservation *r = &e->kept;
	const int *forbidden = NULL;
	int nodes, forbidden_count;

	r->job = e->queue.head;
	r->node_count = 0;
	if (r->job < 0)
		return;
	forbidden_count = sim_filter_avoid(e->p.options->filter,
					   &e->p.trace->jobs[r->job], &forbidden);
	nodes = sim_placer_nodes(&e->p, r->job, &r->count);
	if (nodes == 1 && e->p.cluster.sizes[r->count].k) {
		r->nodes[0] = sim_cluster_first_soon(&e->p.cluster, r->count, forbidden,
						     forbidden_count, &r->at_ms);
		r->node_count = r->nodes[0] >= 0;
	} else {
		reserve_many(e, r, nodes, forbidden, forbidden_count);
	}
}

/* The reserved nodes that a job of count GPUs must leave alone, or none if it ends in
 * time. */
static int list_avoided(struct engine *e, int32_t job, int count)
{
	const struct reservation *r = &e->kept;
	int avoided = 0;

	if (e->p.now_ms + e->p.trace->jobs[job].limit_ms <= r->at_ms)
		return 0;
	for (int i = 0; i < r->node_count; i++) {
		int free = sim_cluster_free_at(&e->p.cluster, r->nodes[i], r->at_ms);

		if (free - count < r->count)
			e->avoid[avoided++] = r->nodes[i];
	}
	return avoided;
}

static bool backfill_job(struct engine *e, int32_t job)
{
	int count;

	sim_placer_nodes(&e->p, job, &count);
	return start_waiting(e, job, e->avoid, list_avoided(e, job, count));
}

/* Whether nothing has changed for jobs that only a reserved node could hold. */
static bool is_same_reservation(const struct engine *e)
{
	const struct reservation *a = &e->kept, *b = &e->looked_at;

	return a->job == b->job && a->at_ms == b->at_ms &&
	       a->node_count == b->node_count && e->given == e->given_looked_at &&
	       !memcmp(a->nodes, b->nodes, (size_t)a->node_count * sizeof(*a->nodes));
}

static void remember_reservation(struct engine *e)
{
	struct reservation *to = &e->looked_at;

	memcpy(to->nodes, e->kept.nodes, (size_t)e->kept.node_count * sizeof(*to->nodes));
	to->job = e->kept.job;
	to->at_ms = e->kept.at_ms;
	to->node_count = e->kept.node_count;
	e->given_looked_at = e->given;
}

/* ---- a walk through the queue
 * ----------------------------------------------------------- */

/* Whether a job of this class can start at all. same: only nodes that are not reserved
 * count. */
static bool is_worth_a_look(const struct engine *e, int class, bool same)
{
	if (class == SIM_CLASS_OTHER)
		return e->p.cluster.free_gpus > 0;
	if (sim_tree_most(&e->p.cluster.free) < (uint64_t) class)
		return false;
	return !same || sim_cluster_find(&e->p.cluster, SIM_NODES_FIRST, class,
					 e->kept.nodes, e->kept.node_count) >= 0;
}

/* The first waiting job at any of the cursors; -1: none within the depth. */
static int32_t first_cursor(const struct engine *e, const int32_t *cursor, int *class)
{
	int32_t first = -1;

	for (int c = 1; c < SIM_CLASSES; c++)
		if (cursor[c] >= 0 && (first < 0 || cursor[c] < first)) {
			first = cursor[c];
			*class = c;
		}
	return first >= 0 && sim_queue_within(&e->queue, first) ? first : -1;
}

static void backfill(struct engine *e)
{
	/* with a bound on the depth, jobs come into sight that were not looked at */
	bool same = !e->queue.depth && is_same_reservation(e);
	int32_t cursor[SIM_CLASSES], job;
	int class = 0;

	for (int c = 0; c < SIM_CLASSES; c++) {
		cursor[c] = e->queue.class_head[c];
		if (cursor[c] == e->queue.head && cursor[c] >= 0)
			cursor[c] = e->queue.class_next[cursor[c]];
		if (cursor[c] >= 0 && !is_worth_a_look(e, c, same))
			cursor[c] = -1;
	}
	while ((job = first_cursor(e, cursor, &class)) >= 0) {
		cursor[class] = e->queue.class_next[job];
		if (backfill_job(e, job))
			for (int c = 1; c < SIM_CLASSES; c++)
				if (cursor[c] >= 0 && !is_worth_a_look(e, c, same))
					cursor[c] = -1;
	}
	remember_reservation(e);
}

static void walk(struct engine *e)
{
	while (e->queue.head >= 0 && start_waiting(e, e->queue.head, NULL, 0))
		;
	if (e->queue.head < 0 || e->p.options->sched != SIM_SCHED_EASY)
		return;
	reserve(e);
	if (e->p.cluster.free_gpus > 0)
		backfill(e);
}

/* ---- events
 * ----------------------------------------------------------------------------- */

static void arrive(struct engine *e, int32_t job)
{
	bool first = e->queue.head < 0;

	if (!sim_placer_can_ever(&e->p, job)) {
		sim_placer_reject(&e->p, job);
		return;
	}
	if (e->p.options->sched == SIM_SCHED_LOSS) {
		if (!sim_placer_start(&e->p, job, NULL, 0))
			sim_placer_reject(&e->p, job);
		return;
	}
	if (first && sim_placer_start(&e->p, job, NULL, 0))
		return;
	sim_queue_append(&e->queue, job, class_of(e, job));
	if (first || e->p.options->sched != SIM_SCHED_EASY ||
	    e->p.cluster.free_gpus == 0 || !sim_queue_within(&e->queue, job))
		return;
	reserve(e);
	backfill_job(e, job);
}

/* All ends up to a time; true: there was one. */
static bool end_until(struct engine *e, int64_t until_ms)
{
	int64_t at = sim_placer_next_end(&e->p);
	bool any = false;
	int32_t job;

	if (at > until_ms)
		return false;
	e->p.now_ms = at;
	while (sim_placer_next_end(&e->p) == at) {
		const struct sim_outcome *o;

		job = sim_placer_end(&e->p);
		o = &e->p.result->jobs[job];
		for (int i = 0; i < o->places; i++)
			if (is_reserved(&e->kept,
					e->p.result->places[o->place + (unsigned)i].node))
				e->given++;
		any = true;
	}
	return any;
}

static void run_queue(struct engine *e)
{
	const struct sim_trace *trace = e->p.trace;
	size_t next = 0;

	while (next < trace->count || sim_placer_next_end(&e->p) < SIM_SOON) {
		int64_t at =
			next < trace->count ? trace->jobs[next].submit_ms : SIM_SOON - 1;

		if (end_until(e, at)) {
			walk(e);
			continue;
		}
		e->p.now_ms = at;
		arrive(e, (int32_t)next);
		next++;
		if (next == trace->count)
			sim_placer_note_submitted(&e->p);
		if (e->p.options->progress && next % PROGRESS_EVERY == 0)
			e->p.options->progress(e->p.options->progress_arg, (int64_t)next);
	}
}

/* Jobs by recorded start; those without one start when they are submitted. */
static int64_t recorded_start(const struct sim_job *job)
{
	return job->start_ms != SIM_NEVER ? job->start_ms : job->submit_ms;
}

static enum gt_err run_recorded(struct engine *e, struct gt_error *err)
{
	const struct sim_trace *trace = e->p.trace;
	int64_t(*order)[2] = malloc((trace->count + 1) * sizeof(*order));

	if (!order)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (size_t i = 0; i < trace->count; i++) {
		order[i][0] = recorded_start(&trace->jobs[i]);
		order[i][1] = (int64_t)i;
	}
	qsort(order, trace->count, sizeof(*order), compare_ends);
	for (size_t i = 0; i < trace->count; i++) {
		while (end_until(e, order[i][0]))
			;
		e->p.now_ms = order[i][0];
		if (!sim_placer_start_recorded(&e->p, (int32_t)order[i][1]))
			sim_placer_reject(&e->p, (int32_t)order[i][1]);
		if (e->p.options->progress && i % PROGRESS_EVERY == 0)
			e->p.options->progress(e->p.options->progress_arg, (int64_t)i);
	}
	sim_placer_note_submitted(&e->p);
	while (end_until(e, SIM_SOON - 1))
		;
	free(order);
	return GT_OK;
}

/* ---- public
 * ----------------------------------------------------------------------------- */

bool sim_sched_parse(const char *name, enum sim_sched *sched)
{
	for (size_t i = 0; i < sizeof(sched_names) / sizeof(*sched_names); i++)
		if (!strcmp(name, sched_names[i])) {
			*sched = (enum sim_sched)i;
			return true;
		}
	return false;
}

const char *sim_sched_name(enum sim_sched sched)
{
	return sched_names[sched];
}

static bool make_room(struct engine *e, const struct sim_trace *trace, int nodes)
{
	size_t size = (size_t)nodes * sizeof(int);

	e->kept.nodes = malloc(size);
	e->looked_at.nodes = malloc(size);
	e->avoid = malloc(size);
	e->kept.job = e->looked_at.job = -1;
	return sim_queue_init(&e->queue, trace->count, e->p.options->depth) &&
	       e->kept.nodes && e->looked_at.nodes && e->avoid;
}

enum gt_err sim_engine_run(struct sim_result *result, const struct sim_trace *trace,
			   const struct sim_layout *layout, const char *policy,
			   const struct gt_mix *mix, const struct sim_options *options,
			   struct gt_error *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	enum gt_err failed;

	memset(result, 0, sizeof(*result));
	if (!e)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	failed = sim_placer_init(&e->p, result, trace, layout, policy, mix, options, err);
	if (!failed && !make_room(e, trace, layout->nodes))
		failed = gt_fail(err, GT_ENOMEM, "out of memory");
	if (!failed && options->sched == SIM_SCHED_RECORDED)
		failed = run_recorded(e, err);
	else if (!failed)
		run_queue(e);
	if (!failed)
		failed = sim_placer_finish(&e->p, err);
	sim_queue_release(&e->queue);
	free(e->kept.nodes);
	free(e->looked_at.nodes);
	free(e->avoid);
	sim_placer_release(&e->p);
	free(e);
	if (failed)
		sim_result_release(result);
	return failed;
}

const char *sim_result_name(const struct sim_result *result, int node, char *buf,
			    size_t size)
{
	if (result->names && result->names[node])
		return result->names[node];
	return sim_layout_name(result->layout, node, buf, size);
}

void sim_result_release(struct sim_result *result)
{
	for (int i = 0; result->names && i < result->layout->nodes; i++)
		free(result->names[i]);
	free(result->names);
	free(result->jobs);
	free(result->places);
	memset(result, 0, sizeof(*result));
}
