/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Level 3: what a choice leaves for the jobs to come, now and when running jobs end.
 *
 * h(F) is the expected sum of (bandwidth got / best of that size) over a sequence of jobs
 * of the mix's sizes that fill F, each placed as well as it can be:
 *   h(F) = sum over k of p_k x max over S in F, |S| = k, of (r(S) + h(F - S)).
 * A choice is worth the mean of h over which running jobs end first, each with one chance
 * in four, or more where its time limit comes sooner than the others'. Held against the
 * exact optimum of the placement process by `make gap`. */
#include "config.h"

#include "core/bits.h"
#include "core/subsets.h"
#include "core/table.h"

#define UNIT	    (1 << 20)
#define BUILD_STEPS (20 * GT_SEARCH_STEPS)

/* Chances are in sixteenths. One in four that a job ends soon: .1 to .3 do as well. */
#define CHANCE_UNIT 16
#define CHANCE_ENDS 4

/* How many subsets of k a set of n has. */
static const uint8_t choose[GT_FULL_MAX + 1][GT_FULL_MAX + 1] = {
	{1},
	{1, 1},
	{1, 2, 1},
	{1, 3, 3, 1},
	{1, 4, 6, 4, 1},
	{1, 5, 10, 10, 5, 1},
	{1, 6, 15, 20, 15, 6, 1},
	{1, 7, 21, 35, 35, 21, 7, 1},
	{1, 8, 28, 56, 70, 56, 28, 8, 1},
};

static uint32_t usable(const struct gt_table *table)
{
	return table->all & ~table->mig & ~table->unhealthy;
}

/* table->ratio[S] = r(S) for all sets of K GPUs. */
static void fill_ratios(struct gt_table *table, int k, long *steps)
{
	int32_t *ratio = table->ratio;
	struct gt_subsets subsets;
	int best = 0;
	uint32_t s;

	gt_subsets_init(&subsets, usable(table), k);
	while (gt_subsets_next(&subsets, &s)) {
		/* relays counted: without them the gap to the optimum on DGX-1V grows
		 * from .0016 to .0024 */
		ratio[s] = gt_table_predict(table, s, steps);
		best = ratio[s] > best ? ratio[s] : best;
	}
	gt_subsets_init(&subsets, usable(table), k);
	while (best && gt_subsets_next(&subsets, &s))
		ratio[s] = (int32_t)((int64_t)ratio[s] * UNIT / best);
}

/* What is not known yet of the sizes of the mix. */
static void complete_ratios(struct gt_table *table)
{
	long steps = BUILD_STEPS;

	for (int k = 2; k <= table->n && k <= GT_MIX_MAX; k++)
		if (table->mix.weight[k] && !(table->ratio_sizes >> k & 1)) {
			fill_ratios(table, k, &steps);
			table->ratio_sizes |= UINT32_C(1) << k;
		}
}

/* The mean over the mix of the best that each size leads to; a size above n adds 0. */
static int32_t mix_mean(const struct gt_table *table, int64_t weights,
			const int32_t *best, int n)
{
	int64_t sum = 0;

	for (int k = 1; k <= n && k <= GT_MIX_MAX; k++)
		sum += (int64_t)table->mix.weight[k] * best[k];
	return weights ? (int32_t)(sum / weights) : 0;
}

static int64_t sum_weights(const struct gt_mix *mix)
{
	int64_t sum = 0;

	for (int k = 1; k <= GT_MIX_MAX; k++)
		sum += mix->weight[k];
	return sum;
}

static int32_t worth_of(const struct gt_table *table, uint32_t free, int64_t weights)
{
	int32_t best[GT_DENSE_MAX + 1] = {0};

	for (uint32_t s = free; s; s = (s - 1) & free) {
		int k = gt_bits_count(s);
		int32_t here = table->ratio[s] + table->worth[free & ~s];

		if (here > best[k])
			best[k] = here;
	}
	return mix_mean(table, weights, best, table->n);
}

/* Same from the list of the free GPUs' subsets by size: a site that learns its mix asks
 * often. */
static int32_t worth_listed(const struct gt_table *table, uint32_t free,
			    const uint8_t *subsets, int64_t weights)
{
	int32_t best[GT_DENSE_MAX + 1] = {0};
	int n = gt_bits_count(free);

	subsets++; /* the empty one */
	for (int k = 1; k <= n; k++) {
		int32_t most = 0;

		for (int i = 0; i < choose[n][k]; i++) {
			uint32_t s = *subsets++;
			int32_t here = table->ratio[s] + table->worth[free & ~s];

			most = here > most ? here : most;
		}
		best[k] = most;
	}
	return mix_mean(table, weights, best, n);
}

void gt_damage_list(uint8_t *subsets, int n)
{
	for (uint32_t free = 0; free < UINT32_C(1) << n; free++) {
		int size = gt_bits_count(free);
		uint8_t *at[GT_FULL_MAX + 1];

		for (int k = 0; k <= size; k++) {
			at[k] = subsets;
			subsets += choose[size][k];
		}
		for (uint32_t s = free; s; s = (s - 1) & free)
			*at[gt_bits_count(s)]++ = (uint8_t)s;
		*at[0] = 0;
	}
}

void gt_damage_build(struct gt_table *table)
{
	const uint8_t *subsets = table->subsets;
	int64_t weights = sum_weights(&table->mix);

	complete_ratios(table);
	for (uint32_t free = 0; free <= table->all; free++) {
		uint32_t same =
			gt_twins_canonical(&table->twin_bits, free & usable(table));

		table->worth[free] = same < free ? table->worth[same]
				     : subsets
					     ? worth_listed(table, free, subsets, weights)
					     : worth_of(table, free, weights);
		if (subsets)
			subsets += UINT32_C(1) << gt_bits_count(free);
	}
}

/* Of the jobs whose end is known; 0: of none. */
static int64_t mean_seconds(const struct gt_running *running, int count)
{
	int64_t sum = 0, known = 0;

	for (int j = 0; j < count; j++)
		if (running[j].seconds >= 0) {
			sum += running[j].seconds;
			known++;
		}
	return known ? sum / known : 0;
}

/* 1 / (1 + 3 s / mean): one in four for the mean, near one for a job about to end. */
static uint32_t chance_ends(const struct gt_running *job, int64_t mean)
{
	int64_t chance;

	if (job->seconds < 0 || mean == 0)
		return CHANCE_ENDS;
	chance = CHANCE_UNIT * mean / (mean + 3 * (int64_t)job->seconds);
	return chance < 1		  ? 1
	       : chance > CHANCE_UNIT - 1 ? CHANCE_UNIT - 1
					  : (uint32_t)chance;
}

/* Rule B: nothing ends, or one job does; together half as likely as nothing. */
static void release_single(struct gt_release *release, const struct gt_table *table,
			   const struct gt_running *running, int count)
{
	const int most = (1 << GT_DAMAGE_JOBS) - 1;
	int64_t mean = mean_seconds(running, count);
	uint32_t sum = 0;

	count = count < most ? count : most;
	for (int j = 0; j < count; j++) {
		release->freed[j + 1] = (uint32_t)running[j].gpus.word[0] & table->all;
		release->weight[j + 1] = chance_ends(&running[j], mean);
		sum += release->weight[j + 1];
	}
	release->weight[0] = 2 * sum;
	release->count = count + 1;
	release->total = 3 * (uint64_t)sum;
}

void gt_release_init(struct gt_release *release, const struct gt_table *table,
		     const struct gt_running *running, int count)
{
	int64_t mean;

	release->count = 1;
	release->freed[0] = 0;
	release->weight[0] = 1;
	release->total = 1;
	if (count > GT_DAMAGE_JOBS || (count > 0 && table->n > GT_FULL_MAX)) {
		release_single(release, table, running, count);
		return;
	}
	mean = mean_seconds(running, count);
	for (int j = 0; j < count; j++) {
		uint32_t gpus = (uint32_t)running[j].gpus.word[0] & table->all;
		uint32_t ends = chance_ends(&running[j], mean);

		for (int u = 0; u < release->count; u++) {
			release->freed[release->count + u] = release->freed[u] | gpus;
			release->weight[release->count + u] = release->weight[u] * ends;
			release->weight[u] *= CHANCE_UNIT - ends;
		}
		release->count *= 2;
		release->total *= CHANCE_UNIT;
	}
}

/* Keep the smallest of what the heap holds on top. */
static void push(int32_t heap[GT_SHORTLIST], int *count, int32_t value)
{
	int at;

	if (*count < GT_SHORTLIST) {
		for (at = (*count)++; at > 0 && heap[(at - 1) / 2] > value;
		     at = (at - 1) / 2)
			heap[at] = heap[(at - 1) / 2];
		heap[at] = value;
		return;
	}
	if (value <= heap[0])
		return;
	for (at = 0;;) {
		int child = 2 * at + 1;

		if (child >= GT_SHORTLIST)
			break;
		if (child + 1 < GT_SHORTLIST && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= value)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = value;
}

uint32_t gt_damage_shortlist(const struct gt_table *table, struct gt_tie *ties,
			     uint32_t count, uint32_t open)
{
	int32_t heap[GT_SHORTLIST];
	uint32_t kept = 0, above = 0, level;
	int held = 0;

	if (table->n <= GT_FULL_MAX || count <= GT_SHORTLIST)
		return count;
	for (uint32_t i = 0; i < count; i++) {
		ties[i].bound = table->worth[open & ~(uint32_t)ties[i].set];
		push(heap, &held, ties[i].bound);
	}
	for (uint32_t i = 0; i < count; i++)
		above += ties[i].bound > heap[0];
	level = GT_SHORTLIST - above;
	for (uint32_t i = 0; i < count; i++) {
		if (ties[i].bound < heap[0] || (ties[i].bound == heap[0] && level == 0))
			continue;
		level -= ties[i].bound == heap[0];
		ties[kept++] = ties[i];
	}
	return kept;
}
