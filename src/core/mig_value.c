/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every policy thinks of every step of one GPU. */
#include "config.h"

#include "core/bits.h"
#include "core/mig_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCARCE	4.0	     /* how much more a lost large request weighs */
#define DOUBT	0.5	     /* share of the mix that is not believed */
#define PACKING 0.3	     /* stranded units that a used unit of the GPU outweighs */
#define SCALE	4294967296.0 /* scores are integers */
#define TIE	32	     /* > GT_MIG_UNITS: room for the tie-break below the score */

/*
 * The figures were chosen with tests/bench/mig_policies: 16 GPUs, load 0.9, five mixes,
 * true, missing and wrong beliefs. SCARCE 2 and 3 or less DOUBT gained up to 0.5 points
 * with a true mix, and lost up to 13 to best fit with a wrong one. The value of a state
 * from one GPU's own stream of requests, by value iteration, was rejected: it spreads
 * small requests, as it cannot see that the other GPUs of a fleet take them, and lost up
 * to 8 points with the true mix. FRAG without PACKING lost up to 1.7 points to best fit.
 */

/* ---- stranded slices ---- */

/* The units that instances of a shape could still reach. */
static uint16_t reach(const struct gt_mig_space *space, int state, int shape)
{
	uint16_t units = 0;

	for (int s = 0; s < space->gpu.units; s++) {
		int place = space->place_at[shape][s];

		if (place >= 0 &&
		    gt_mig_state_next(space, state, place) != GT_MIG_NO_STATE)
			units |= space->place[place].units;
	}
	return units;
}

/* Free units that a shape could use on an empty GPU and cannot use now. */
static int stranded_for(const struct gt_mig_space *space, int state, int shape)
{
	int lost = reach(space, 0, shape) & ~space->mask[state] &
		   ~reach(space, state, shape);

	return gt_bits_count((unsigned)lost);
}

static double stranded(const struct gt_mig_space *space, int state)
{
	double sum = 0;

	for (int i = 0; i < space->shapes; i++)
		sum += space->shape[i].weight * stranded_for(space, state, i);
	return sum;
}

/* Share of a shape in what is expected: the mix, half believed, as the large requests
 * that a wrong mix forgets are the ones that are lost. */
static double expected(const struct gt_mig_space *space, int shape)
{
	return (1 - DOUBT) * space->shape[shape].weight + DOUBT / space->shapes;
}

static double gradient(const struct gt_mig_space *space, int state)
{
	double sum = 0;

	for (int i = 0; i < space->shapes; i++)
		sum += expected(space, i) * stranded_for(space, state, i);
	return sum;
}

/* ---- the value of a state ---- */

static bool fits(const struct gt_mig_space *space, int state, int shape)
{
	for (int s = 0; s < space->gpu.units; s++) {
		int place = space->place_at[shape][s];

		if (place >= 0 &&
		    gt_mig_state_next(space, state, place) != GT_MIG_NO_STATE)
			return true;
	}
	return false;
}

static int count_instances(const struct gt_mig_space *space, int state)
{
	int n = 0;

	for (int u = 0; u < space->gpu.units; u++)
		n += space->heads[state][u] != 0;
	return n;
}

/*
 * The time until a shape fits, exactly, on a GPU that gets no further instances while its
 * own end after exponential times of mean 1: with n instances, 1/n until the first of
 * them ends, then what follows, each being as likely to be the first. States with fewer
 * instances must be known.
 */
static double blocked_time(const struct gt_mig_space *space, const double *time,
			   int state, int shape)
{
	int n = count_instances(space, state);
	double sum = 0;

	if (n == 0 || fits(space, state, shape))
		return 0;
	for (int u = 0; u < space->gpu.units; u++) {
		int head = space->heads[state][u];

		if (head)
			sum += time[gt_mig_state_prev(space, state,
						      space->place_at[head - 1][u])];
	}
	return (1 + sum) / n;
}

/* The value of a state is minus the work that its blocked times cost: each shape by its
 * share and by its size, as small requests find another GPU and large ones are lost.
 * time: room for one figure a state. */
static void add_values(struct gt_mig_space *space, int shape, double *time)
{
	double weight = expected(space, shape) *
			pow((double)space->shape[shape].size / space->gpu.units, SCARCE);

	for (int n = 0; n <= space->gpu.units; n++)
		for (int s = 0; s < space->states; s++)
			if (count_instances(space, s) == n)
				time[s] = blocked_time(space, time, s, shape);
	for (int s = 0; s < space->states; s++)
		space->value[s] -= weight * time[s];
}

/* ---- moves ---- */

/* Placements, of any shape, that stay possible: which start of one GPU is the least in
 * the way. */
static int placements_left(const struct gt_mig_space *space, int state)
{
	int n = 0;

	for (int i = 0; i < space->places; i++)
		n += gt_mig_state_next(space, state, i) != GT_MIG_NO_STATE;
	return n;
}

/* Whether the GPU has nothing, or only this shape. */
static bool is_same_size(const struct gt_mig_space *space, int state, int shape)
{
	for (int u = 0; u < space->gpu.units; u++)
		if (space->heads[state][u] && space->heads[state][u] != shape + 1)
			return false;
	return true;
}

static int used(const struct gt_mig_space *space, int state)
{
	return gt_bits_count(space->mask[state]);
}

/* What a policy looks at first, in units; larger is better. */
static double merit(const struct gt_mig_space *space, enum gt_mig_policy policy,
		    int state, int next)
{
	switch (policy) {
	case GT_MIG_LOOKAHEAD:
		return space->value[next] - space->value[state];
	case GT_MIG_FRAG:
		return PACKING * used(space, state) + gradient(space, state) -
		       gradient(space, next);
	case GT_MIG_SPREAD:
		return -used(space, state);
	default:
		return 0; /* the tie-break decides: most used, or lowest GPU */
	}
}

static int tie(const struct gt_mig_space *space, enum gt_mig_policy policy, int state)
{
	if (policy == GT_MIG_FIRST || policy == GT_MIG_DRIVER)
		return 0;
	return used(space, state);
}

static struct gt_mig_move best_move(const struct gt_mig_space *space,
				    enum gt_mig_policy policy, int state, int shape)
{
	struct gt_mig_move best = {.place = GT_UNKNOWN};
	int best_left = 0;

	if (policy == GT_MIG_SAME_SIZE && !is_same_size(space, state, shape))
		return best;
	for (int s = 0; s < space->gpu.units; s++) {
		int place = space->place_at[shape][s], next, left;
		int64_t score;

		if (place < 0)
			continue;
		next = gt_mig_state_next(space, state, place);
		if (next == GT_MIG_NO_STATE)
			continue;
		score = llround(merit(space, policy, state, next) * SCALE) * TIE +
			tie(space, policy, state);
		left = policy == GT_MIG_FIRST ? 0 : placements_left(space, next);
		if (best.place == GT_UNKNOWN || score > best.score ||
		    (score == best.score && left > best_left)) {
			best = (struct gt_mig_move){score, (int16_t)place};
			best_left = left;
		}
	}
	return best;
}

enum gt_err gt_mig_space_weigh(struct gt_mig_space *space, struct gt_error *err)
{
	double *time = malloc((size_t)space->states * sizeof(*time));

	if (!time)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int s = 0; s < space->states; s++)
		space->stranded[s] = stranded(space, s);
	for (int i = 0; i < space->shapes; i++)
		add_values(space, i, time);
	free(time);
	for (int policy = 0; policy < GT_MIG_POLICIES; policy++)
		for (int s = 0; s < space->states; s++)
			for (int i = 0; i < space->shapes; i++)
				space->moves[policy][s * space->shapes + i] = best_move(
					space, (enum gt_mig_policy)policy, s, i);
	return GT_OK;
}
