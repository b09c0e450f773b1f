/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Racks and segments. */
#include "config.h"

#include "sim/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "core/library.h"

#define NEVER INT64_MAX

static const char *const rule_names[SIM_BLOCKS_RULES] = {"naive", "block", "value"};

const char *sim_block_rule_name(enum sim_block_rule rule)
{
	return rule_names[rule];
}

double sim_block_value(const double *mix, int block, int free)
{
	double value = 0;

	for (int s = 1; s <= block; s++)
		value += mix[s] * s * (free / s);
	return value;
}

struct run {
	struct sim_block_job *jobs;
	const struct sim_block_options *o;
	int blocks;
	int *free;	/* by block */
	int *then;	/* the same at the first job's time */
	int *took;	/* by running slot x blocks: nodes of each block */
	int32_t *slot;	/* by job: its row of took, -1: none */
	int32_t *spare; /* rows that are free */
	int spares;
	int32_t *ends; /* running jobs, the next to end first */
	int running;
	int32_t *queue;
	size_t waiting;
	int64_t now;
	double value[SIM_BLOCK_MAX + 1];
	int *plan; /* nodes of each block for the job at hand */
};

/* ---- one job ---- */

/* The best block for a segment by the rule; -1: none. */
static int find_block(const struct run *r, const int *free, int segment)
{
	double best = 0;
	int found = -1;

	for (int b = 0; b < r->blocks; b++) {
		int left = free[b] - r->plan[b];
		double cost = left;

		if (left < segment)
			continue;
		if (r->o->rule == SIM_BLOCKS_VALUE)
			cost = r->value[left] - r->value[left - segment] + left * 1e-9;
		if (found < 0 || cost < best) {
			found = b;
			best = cost;
			if (r->o->rule == SIM_BLOCKS_NAIVE)
				break;
		}
	}
	return found;
}

/* Nodes of each block for a job, into plan; false: it does not fit. */
static bool plan_job(struct run *r, const struct sim_block_job *job, const int *free)
{
	int segment = r->o->rule == SIM_BLOCKS_NAIVE ? 1 : job->segment,
	    left = job->nodes;

	memset(r->plan, 0, (size_t)r->blocks * sizeof(*r->plan));
	if (r->o->rule == SIM_BLOCKS_NAIVE) {
		for (int b = 0; b < r->blocks && left; b++) {
			r->plan[b] = free[b] < left ? free[b] : left;
			left -= r->plan[b];
		}
		return !left;
	}
	while (left > 0) {
		int size = left < segment ? left : segment;
		int b = find_block(r, free, size);

		if (b < 0)
			return false;
		r->plan[b] += size;
		left -= size;
	}
	return true;
}

static void start(struct run *r, int32_t number)
{
	struct sim_block_job *job = &r->jobs[number];
	int32_t slot = r->spare[--r->spares];
	int at = r->running++;

	job->start_ms = r->now;
	job->blocks = 0;
	r->slot[number] = slot;
	for (int b = 0; b < r->blocks; b++) {
		r->took[(size_t)slot * (size_t)r->blocks + (size_t)b] = r->plan[b];
		r->free[b] -= r->plan[b];
		job->blocks += r->plan[b] > 0;
	}
	for (; at > 0 &&
	       r->jobs[r->ends[at - 1]].start_ms + r->jobs[r->ends[at - 1]].duration_ms >
		       r->now + job->duration_ms;
	     at--)
		r->ends[at] = r->ends[at - 1];
	r->ends[at] = number;
}

static int64_t end_of(const struct run *r, int32_t job)
{
	return r->jobs[job].start_ms + r->jobs[job].duration_ms;
}

static void give(const struct run *r, int32_t job, int *free)
{
	const int *took = r->took + (size_t)r->slot[job] * (size_t)r->blocks;

	for (int b = 0; b < r->blocks; b++)
		free[b] += took[b];
}

static void end_first(struct run *r)
{
	int32_t job = r->ends[0];

	give(r, job, r->free);
	r->spare[r->spares++] = r->slot[job];
	memmove(r->ends, r->ends + 1, (size_t)--r->running * sizeof(*r->ends));
}

/* ---- the queue ---- */

/* When the first waiting job fits, as running ones end; then: the free nodes at that
 * time.
 */
static int64_t first_time(struct run *r)
{
	const struct sim_block_job *job = &r->jobs[r->queue[0]];
	int total = 0;

	memcpy(r->then, r->free, (size_t)r->blocks * sizeof(*r->then));
	for (int b = 0; b < r->blocks; b++)
		total += r->then[b];
	for (int i = 0; i < r->running; i++) {
		int64_t at = end_of(r, r->ends[i]);

		give(r, r->ends[i], r->then);
		total += r->jobs[r->ends[i]].nodes;
		if (total < job->nodes ||
		    (i + 1 < r->running && end_of(r, r->ends[i + 1]) == at))
			continue;
		if (plan_job(r, job, r->then))
			return at;
	}
	return NEVER;
}

static void drop(struct run *r, size_t i)
{
	memmove(&r->queue[i], &r->queue[i + 1], (r->waiting - i - 1) * sizeof(*r->queue));
	r->waiting--;
}

/* Whether the job may pass the first one: it ends before, or leaves what that needs. plan
 * is the job's, and stays. */
static bool may_pass(struct run *r, int32_t number, int64_t time, int *kept)
{
	bool fits;

	if (r->now + r->jobs[number].duration_ms <= time)
		return true;
	memcpy(kept, r->plan, (size_t)r->blocks * sizeof(*kept));
	for (int b = 0; b < r->blocks; b++)
		r->then[b] -= kept[b];
	fits = plan_job(r, &r->jobs[r->queue[0]], r->then);
	memcpy(r->plan, kept, (size_t)r->blocks * sizeof(*kept));
	for (int b = 0; b < r->blocks && !fits; b++)
		r->then[b] += kept[b];
	return fits;
}

static void serve(struct run *r, int *kept)
{
	int64_t time;

	while (r->waiting && plan_job(r, &r->jobs[r->queue[0]], r->free)) {
		start(r, r->queue[0]);
		drop(r, 0);
	}
	if (!r->waiting)
		return;
	time = first_time(r);
	for (size_t i = 1, seen = 0; i < r->waiting && seen < (size_t)r->o->depth;
	     seen++) {
		if (plan_job(r, &r->jobs[r->queue[i]], r->free) &&
		    may_pass(r, r->queue[i], time, kept)) {
			start(r, r->queue[i]);
			drop(r, i);
		} else {
			i++;
		}
	}
}

/* ---- the whole ---- */

static void sum_up(struct run *r, size_t count, struct sim_block_result *result)
{
	int64_t from = r->o->warmup_ms, to = r->jobs[count - 1].submit_ms, large = 0,
		several = 0, counted = 0;
	double busy = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sim_block_job *j = &r->jobs[i];
		int64_t a = j->start_ms > from ? j->start_ms : from;
		int64_t b = j->start_ms + j->duration_ms;
		double wait = (double)(j->start_ms - j->submit_ms) / 1000;

		b = b < to ? b : to;
		busy += b > a ? (double)(b - a) * j->nodes : 0;
		if (j->submit_ms < from)
			continue;
		counted++;
		result->wait_mean_s += wait;
		if (j->nodes > r->o->block) {
			result->wait_large_s += wait;
			large++;
		}
		if (j->nodes > 1 && j->nodes <= r->o->block) {
			result->blocks_mean += j->blocks;
			several++;
		}
	}
	result->started = counted;
	result->wait_mean_s /= counted ? (double)counted : 1;
	result->wait_large_s /= large ? (double)large : 1;
	result->blocks_mean /= several ? (double)several : 1;
	if (to > from)
		result->occupancy = busy / (double)(to - from) / r->o->nodes;
}

static bool allocate(struct run *r, size_t count, int **kept)
{
	size_t blocks = (size_t)r->blocks, nodes = (size_t)r->o->nodes;

	r->free = calloc(blocks, sizeof(int));
	r->then = calloc(blocks, sizeof(int));
	r->plan = calloc(blocks, sizeof(int));
	*kept = calloc(blocks, sizeof(int));
	r->took = calloc(blocks * nodes, sizeof(int));
	r->slot = malloc(count * sizeof(*r->slot));
	r->spare = malloc(nodes * sizeof(*r->spare));
	r->ends = malloc((nodes + 1) * sizeof(*r->ends));
	r->queue = malloc(count * sizeof(*r->queue));
	return r->free && r->then && r->plan && *kept && r->took && r->slot && r->spare &&
	       r->ends && r->queue;
}

enum gt_err sim_blocks_run(struct sim_block_result *result, struct sim_block_job *jobs,
			   size_t count, const struct sim_block_options *o,
			   struct gt_error *err)
{
	struct run r = {
		.jobs = jobs, .o = o, .blocks = (o->nodes + o->block - 1) / o->block};
	int *kept = NULL;
	bool done = allocate(&r, count, &kept);

	*result = (struct sim_block_result){0};
	for (int f = 0; f <= o->block; f++)
		r.value[f] = sim_block_value(o->mix, o->block, f);
	for (int b = 0; done && b < r.blocks; b++)
		r.free[b] = b < r.blocks - 1 ? o->block : o->nodes - b * o->block;
	while (done && r.spares < o->nodes) {
		r.spare[r.spares] = r.spares;
		r.spares++;
	}
	for (size_t next = 0; done && (next < count || r.waiting);) {
		int64_t arrival = next < count ? jobs[next].submit_ms : NEVER;
		int64_t end = r.running ? end_of(&r, r.ends[0]) : NEVER;

		if (arrival == NEVER && end == NEVER)
			break;
		r.now = arrival < end ? arrival : end;
		while (r.running && end_of(&r, r.ends[0]) == r.now)
			end_first(&r);
		for (; next < count && jobs[next].submit_ms == r.now; next++)
			r.queue[r.waiting++] = (int32_t)next;
		serve(&r, kept);
	}
	if (done)
		sum_up(&r, count, result);
	free(r.free);
	free(r.then);
	free(r.plan);
	free(kept);
	free(r.took);
	free(r.slot);
	free(r.spare);
	free(r.ends);
	free(r.queue);
	return done ? GT_OK : gt_fail(err, GT_ENOMEM, "out of memory");
}
