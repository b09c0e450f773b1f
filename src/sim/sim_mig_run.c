/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One trace of GPU instances under one policy. */
#include "config.h"

#include "sim/sim_mig.h"
#include "sim/sim_mig_rules.h"

#include <stdlib.h>
#include <string.h>

/* An instance that runs; the heap's least ends first, of equals the earlier request. */
struct end {
	int64_t at_ms;
	int32_t job;
};

struct run {
	const struct sim_mig_trace *trace;
	const struct sim_mig_options *options;
	const struct gt_mig_gpu *gpu;
	struct sim_mig_result *result;
	struct sim_mig_chooser chooser;
	struct gt_mig_fleet *fleet;
	struct gt_mig_fleet *shadow; /* the same instances, with the true mix */
	struct end *heap;
	size_t running;
	int32_t *queue; /* waiting requests: queue[first] to [last - 1] */
	size_t first, last;
	int *held;			/* instances of each GPU */
	struct gt_mig_instance *places; /* by job that runs */
	int32_t *owner;			/* by GPU and unit that an instance starts at */
	bool *touched;
	int64_t now_ms;
	int64_t until_ms; /* averages end here; SIM_NEVER: never */
	int busy;
	double stranded;
	double stranded_ms, busy_ms, averaged_ms;
	double *waits;
	size_t wait_count;
};

/* ---- ends ---- */

static bool is_before(const struct end *a, const struct end *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->job < b->job;
}

static void push_end(struct run *r, struct end end)
{
	size_t i = r->running++;

	while (i > 0 && is_before(&end, &r->heap[(i - 1) / 2])) {
		r->heap[i] = r->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	r->heap[i] = end;
}

static struct end pop_end(struct run *r)
{
	struct end top = r->heap[0], last = r->heap[--r->running];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < r->running &&
		    is_before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (child >= r->running || !is_before(&r->heap[child], &last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return top;
}

/* ---- time ---- */

/* Let time pass; averages count from the warm-up on. */
static void advance(struct run *r, int64_t to_ms)
{
	int64_t from = r->now_ms, to = to_ms;

	r->now_ms = to_ms;
	if (from < r->options->warmup_ms)
		from = r->options->warmup_ms;
	if (r->until_ms != SIM_NEVER && to > r->until_ms)
		to = r->until_ms;
	if (to <= from)
		return;
	r->stranded_ms += r->stranded * (double)(to - from);
	r->busy_ms += (double)r->busy * (double)(to - from);
	r->averaged_ms += (double)(to - from);
}

/* Stranded slices of one GPU changed: keep the sum without looking at the others. */
static double stranded_of(const struct run *r, int gpu)
{
	return gt_mig_fleet_stranded_gpu(r->shadow, gpu);
}

static void note_change(struct run *r, int gpu, int by, double stranded_before)
{
	r->stranded += stranded_of(r, gpu) - stranded_before;
	r->busy += by > 0 ? r->held[gpu] == 0 : -(r->held[gpu] == 1);
	r->held[gpu] += by;
	if (by > 0 && !r->touched[gpu]) {
		r->touched[gpu] = true;
		r->result->gpus_touched++;
	}
}

/* ---- starts ---- */

static double delivered_seconds(const struct run *r, int64_t start, int64_t end)
{
	int64_t from = start > r->options->warmup_ms ? start : r->options->warmup_ms;
	int64_t to = r->until_ms != SIM_NEVER && end > r->until_ms ? r->until_ms : end;

	return to > from ? (double)(to - from) / 1000 : 0;
}

static void count_start(struct run *r, int32_t index, const struct gt_mig_instance *place)
{
	const struct sim_mig_job *job = &r->trace->jobs[index];
	struct sim_mig_result *result = r->result;
	int size = r->gpu->profile[job->profile].size;

	result->unit_seconds +=
		size * delivered_seconds(r, r->now_ms, r->now_ms + job->duration_ms);
	if (result->jobs)
		result->jobs[index] = (struct sim_mig_outcome){r->now_ms, place->gpu,
							       (int16_t)place->start};
	if (job->submit_ms < r->options->warmup_ms)
		return;
	result->accepted[job->profile]++;
	result->units_accepted += size;
	r->waits[r->wait_count++] = (double)(r->now_ms - job->submit_ms) / 1000;
}

/* An instance appears in both fleets, which hold the same. */
static void add_instance(struct run *r, int32_t index,
			 const struct gt_mig_instance *place)
{
	double before = stranded_of(r, place->gpu);

	/* the chooser has just said that it fits */
	(void)gt_mig_add(r->fleet, place, NULL);
	(void)gt_mig_add(r->shadow, place, NULL);
	sim_mig_note(&r->chooser, place, true);
	r->places[index] = *place;
	r->owner[place->gpu * GT_MIG_UNITS + place->start] = index;
	note_change(r, place->gpu, 1, before);
}

static void remove_instance(struct run *r, const struct gt_mig_instance *place)
{
	double before = stranded_of(r, place->gpu);

	gt_mig_remove(r->fleet, place->gpu, place->start, NULL, NULL);
	gt_mig_remove(r->shadow, place->gpu, place->start, NULL, NULL);
	sim_mig_note(&r->chooser, place, false);
	note_change(r, place->gpu, -1, before);
}

/* Where the request goes; with migration a running instance may have moved for it. */
static bool find_place(struct run *r, int profile, struct gt_mig_instance *place)
{
	struct gt_mig_instance from, to;
	int32_t moved;

	if (sim_mig_choose(&r->chooser, profile, place))
		return true;
	if (!sim_mig_find_move(&r->chooser, profile, &from, &to, place))
		return false;
	moved = r->owner[from.gpu * GT_MIG_UNITS + from.start];
	remove_instance(r, &from);
	add_instance(r, moved, &to);
	r->result->moves++;
	return true;
}

/* Start a request now if it fits. */
static bool try_start(struct run *r, int32_t index)
{
	const struct sim_mig_job *job = &r->trace->jobs[index];
	struct gt_mig_instance place;

	if (!find_place(r, job->profile, &place))
		return false;
	add_instance(r, index, &place);
	count_start(r, index, &place);
	push_end(r, (struct end){r->now_ms + job->duration_ms, index});
	return true;
}

static void end_next(struct run *r)
{
	struct end end = pop_end(r);

	advance(r, end.at_ms);
	remove_instance(r, &r->places[end.job]);
}

static void remove_waiting(struct run *r, size_t i)
{
	memmove(&r->queue[i], &r->queue[i + 1], (r->last - i - 1) * sizeof(*r->queue));
	r->last--;
}

/* Stock's instances are each of one type: requests of different types never compete, and
 * Slurm's backfill lets them pass each other. */
static void serve_types(struct run *r)
{
	bool blocked[GT_MIG_PROFILES] = {0};
	int open = r->gpu->count;

	for (size_t i = r->first; i < r->last && open > 0;) {
		int profile = r->trace->jobs[r->queue[i]].profile;

		if (!blocked[profile] && try_start(r, r->queue[i])) {
			remove_waiting(r, i);
			continue;
		}
		open -= !blocked[profile];
		blocked[profile] = true;
		i++;
	}
}

/* Start what may start: the first as long as it fits, then up to depth behind it. */
static void serve_queue(struct run *r)
{
	if (r->chooser.rule == SIM_MIG_STOCK) {
		serve_types(r);
		return;
	}
	while (r->first < r->last && try_start(r, r->queue[r->first]))
		r->first++;
	for (size_t i = r->first + 1, seen = 0;
	     i < r->last && seen < (size_t)r->options->depth; seen++) {
		if (!try_start(r, r->queue[i])) {
			i++;
			continue;
		}
		remove_waiting(r, i);
	}
}

/* Ends of one instant together, so that what they free is seen as a whole. */
static void pass_until(struct run *r, int64_t at_ms)
{
	while (r->running > 0 && r->heap[0].at_ms <= at_ms) {
		int64_t instant = r->heap[0].at_ms;

		while (r->running > 0 && r->heap[0].at_ms == instant)
			end_next(r);
		if (r->options->queue)
			serve_queue(r);
	}
}

static void arrive(struct run *r, int32_t index)
{
	const struct sim_mig_job *job = &r->trace->jobs[index];

	pass_until(r, job->submit_ms);
	advance(r, job->submit_ms);
	if (job->submit_ms >= r->options->warmup_ms) {
		r->result->offered[job->profile]++;
		r->result->units_offered += r->gpu->profile[job->profile].size;
	}
	if (!sim_mig_can_ever(&r->chooser, job->profile))
		return;
	if (!r->options->queue) {
		try_start(r, index);
		return;
	}
	r->queue[r->last++] = index;
	serve_queue(r);
}

/* ---- sums ---- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void sum_up(struct run *r)
{
	struct sim_mig_result *result = r->result;
	size_t n = r->wait_count;

	qsort(r->waits, n, sizeof(*r->waits), compare_doubles);
	for (size_t i = 0; i < n; i++)
		result->wait_mean_s += r->waits[i] / (double)n;
	if (n > 0) {
		result->wait_p50_s = r->waits[(n - 1) / 2];
		result->wait_p95_s = r->waits[(n - 1) * 95 / 100];
	}
	result->makespan_s = (double)r->now_ms / 1000;
	result->seconds = r->averaged_ms / 1000;
	if (r->averaged_ms > 0) {
		result->stranded = r->stranded_ms / r->averaged_ms;
		result->gpus_busy = r->busy_ms / r->averaged_ms;
	}
}

static bool allocate(struct run *r, bool keep_jobs)
{
	size_t jobs = r->trace->count, gpus = (size_t)r->options->gpus;

	r->heap = malloc(jobs * sizeof(*r->heap));
	r->queue = malloc(jobs * sizeof(*r->queue));
	r->waits = malloc(jobs * sizeof(*r->waits));
	r->held = calloc(gpus, sizeof(*r->held));
	r->touched = calloc(gpus, sizeof(*r->touched));
	r->places = malloc(jobs * sizeof(*r->places));
	r->owner = malloc(gpus * GT_MIG_UNITS * sizeof(*r->owner));
	if (keep_jobs)
		r->result->jobs = malloc(jobs * sizeof(*r->result->jobs));
	for (size_t i = 0; r->result->jobs && i < jobs; i++)
		r->result->jobs[i] = (struct sim_mig_outcome){SIM_NEVER, -1, -1};
	return r->heap && r->queue && r->waits && r->held && r->touched && r->places &&
	       r->owner && (!keep_jobs || r->result->jobs);
}

static void run_all(struct run *r)
{
	/* A loss system is watched while requests come; what is left then only drains. */
	r->until_ms = r->options->queue ? SIM_NEVER
					: r->trace->jobs[r->trace->count - 1].submit_ms;
	for (size_t i = 0; i < r->trace->count; i++)
		arrive(r, (int32_t)i);
	pass_until(r, INT64_MAX);
	sum_up(r);
}

enum gt_err sim_mig_run(struct sim_mig_result *result, const struct sim_mig_trace *trace,
			const struct gt_mig_space *space,
			const struct gt_mig_space *truth, int rule,
			const struct sim_mig_options *options, bool keep_jobs,
			struct gt_error *err)
{
	struct run r = {.trace = trace,
			.options = options,
			.gpu = gt_mig_space_gpu(space),
			.result = result};
	double weight[GT_MIG_PROFILES] = {0};
	enum gt_err code;

	*result = (struct sim_mig_result){0};
	code = gt_mig_fleet_new(&r.fleet, space, options->gpus, err);
	if (!code)
		code = gt_mig_fleet_new(&r.shadow, truth, options->gpus, err);
	for (size_t i = 0; i < trace->count; i++)
		weight[trace->jobs[i].profile] += (double)trace->jobs[i].duration_ms;
	if (!code)
		code = sim_mig_chooser_init(&r.chooser, rule, r.fleet, r.gpu, weight,
					    err);
	if (!code && !allocate(&r, keep_jobs))
		code = gt_fail(err, GT_ENOMEM, "out of memory");
	if (!code)
		run_all(&r);
	gt_mig_fleet_free(r.fleet);
	gt_mig_fleet_free(r.shadow);
	free(r.heap);
	free(r.queue);
	free(r.waits);
	free(r.held);
	free(r.touched);
	free(r.places);
	free(r.owner);
	sim_mig_chooser_release(&r.chooser);
	return code;
}

double sim_mig_share(const struct sim_mig_result *result)
{
	return result->units_offered > 0 ? result->units_accepted / result->units_offered
					 : 0;
}
