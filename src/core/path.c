/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P(S): bottleneck Hamiltonian cycle, by thresholds. */
#include "config.h"

#include "core/path.h"

#include <limits.h>
#include <stdint.h>

#define SEARCH_MAX 64 /* members of a set whose rings are searched, not only judged */

enum verdict { NO, YES, UNSURE };

/* Which members each member reaches at the threshold. */
struct reach {
	int n;
	long *steps;
	uint64_t to[SEARCH_MAX];
};

static int hop(const struct gt_hops *hops, int a, int b)
{
	return hops->mbps(hops->of, a, b);
}

/* No ring is faster than the second-best hop of any of its members. */
static int upper_bound(const struct gt_hops *hops)
{
	int bound = INT_MAX;

	for (int a = 0; a < hops->n; a++) {
		int best = 0, second = 0;

		for (int b = 0; b < hops->n; b++) {
			int mbps = a == b ? -1 : hop(hops, a, b);

			if (mbps > best) {
				second = best;
				best = mbps;
			} else if (mbps > second) {
				second = mbps;
			}
		}
		bound = second < bound ? second : bound;
	}
	return bound;
}

/* The largest hop below mbps; 0: none. */
static int next_below(const struct gt_hops *hops, int mbps)
{
	int next = 0;

	for (int a = 0; a < hops->n; a++)
		for (int b = a + 1; b < hops->n; b++) {
			int here = hop(hops, a, b);

			if (here < mbps && here > next)
				next = here;
		}
	return next;
}

static int least_degree(const struct gt_hops *hops, int mbps)
{
	int least = hops->n;

	for (int a = 0; a < hops->n; a++) {
		int degree = 0;

		for (int b = 0; b < hops->n; b++)
			degree += a != b && hop(hops, a, b) >= mbps;
		least = degree < least ? degree : least;
	}
	return least;
}

static bool is_connected(const struct gt_hops *hops, int mbps)
{
	int queue[GT_PATH_MAX], head = 0, tail = 0;
	bool seen[GT_PATH_MAX] = {true};

	queue[tail++] = 0;
	while (head < tail) {
		int a = queue[head++];

		for (int b = 1; b < hops->n; b++) {
			if (seen[b] || hop(hops, a, b) < mbps)
				continue;
			seen[b] = true;
			queue[tail++] = b;
		}
	}
	return tail == hops->n;
}

/* All of `open` that can be reached from `from` without leaving it. */
static uint64_t flood(const struct reach *r, uint64_t from, uint64_t open)
{
	uint64_t seen = 0, wave = from & open;

	while (wave) {
		int v = __builtin_ctzll(wave);

		seen |= UINT64_C(1) << v;
		wave = (wave | (r->to[v] & open)) & ~seen;
	}
	return seen;
}

static bool search(struct reach *r, int at, uint64_t open)
{
	if (--*r->steps < 0)
		return false;
	if (!open)
		return r->to[at] & 1;
	if (flood(r, r->to[at], open) != open || !(r->to[0] & open))
		return false;
	for (uint64_t next = r->to[at] & open; next; next &= next - 1) {
		int to = __builtin_ctzll(next);

		if (search(r, to, open & ~(UINT64_C(1) << to)))
			return true;
	}
	return false;
}

static bool has_cut_vertex(const struct reach *r)
{
	uint64_t all = (~UINT64_C(0)) >> (64 - r->n);

	for (int v = 0; v < r->n; v++) {
		uint64_t rest = all & ~(UINT64_C(1) << v);

		if (flood(r, rest & -rest, rest) != rest)
			return true;
	}
	return false;
}

static enum verdict search_ring(const struct gt_hops *hops, int mbps, long *steps)
{
	struct reach r = {.n = hops->n, .steps = steps};
	uint64_t all;

	if (hops->n > SEARCH_MAX)
		return UNSURE;
	all = (~UINT64_C(0)) >> (64 - r.n);
	for (int a = 0; a < r.n; a++)
		for (int b = 0; b < r.n; b++)
			if (a != b && hop(hops, a, b) >= mbps)
				r.to[a] |= UINT64_C(1) << b;
	if (has_cut_vertex(&r))
		return NO;
	if (search(&r, 0, all & ~UINT64_C(1)))
		return YES;
	return *steps < 0 ? UNSURE : NO;
}

static enum verdict has_ring(const struct gt_hops *hops, int mbps, long *steps)
{
	int degree = least_degree(hops, mbps);

	if (2 * degree >= hops->n)
		return YES; /* G. A. Dirac, 1952 */
	if (degree < 2 || !is_connected(hops, mbps))
		return NO;
	return search_ring(hops, mbps, steps);
}

int gt_path_bottleneck(const struct gt_hops *hops, long *steps)
{
	bool unsure = false;
	int mbps;

	if (hops->n < 2)
		return 0;
	if (hops->n == 2)
		return hop(hops, 0, 1) > 0 ? hop(hops, 0, 1) : 0;
	for (mbps = upper_bound(hops); mbps > 0; mbps = next_below(hops, mbps)) {
		enum verdict verdict = has_ring(hops, mbps, steps);

		if (verdict == YES)
			break;
		unsure = unsure || verdict == UNSURE;
	}
	if (unsure)
		*steps = -1;
	return mbps;
}
