/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * brute.h - the answer to a request by looking at every set, judged by the oracle.
 *
 * The library may answer any set that is best on levels 0 to 3 and, where several are
 * exactly equal there, best on level 4; where sets are equal on all of these, the one
 * with the lowest indices. Worths of what stays free are compared with a tolerance, since
 * the library counts them in whole numbers.
 */
#ifndef BRUTE_H
#define BRUTE_H

#include "graph.h"

#define BRUTE_CLOSE 2e-5 /* of the idle node's worth */

struct brute {
	struct oracle_graph g;
	struct oracle_table t;
	struct gt_table
		*rounding;	 /* whose whole numbers decide what is equal on level 3 */
	struct gt_table *worths; /* not NULL: what stays free is worth what this says */
	const struct gt_request *request;
	unsigned free;
	unsigned running[ORACLE_MAX];
	int jobs;
	/* the groups of the request */
	bool grouped;
	struct oracle_shape shape;
	double group_mbps[2][1 << 10]; /* by all-to-all and set; < 0: not yet */
	bool cut[1 << 10];
	struct oracle_parts parts[1 << 10];
};

/* Make the tables of a machine; the mix as in the library's table, which says what is
 * equal on level 3. trust: take level 3 from it altogether, since the definition of h
 * says nothing of GPUs out of service or in MIG mode. */
void brute_init(struct brute *b, const struct gt_node *node, const struct gt_mix *mix,
		struct gt_table *table, bool trust);
/* What follows is asked of this request; what was found out about its groups is kept
 * until a request names others. */
void brute_ask(struct brute *b, const struct gt_request *request);
/* Whether the request may get this set at all. */
bool brute_allows(struct brute *b, unsigned set);
/* The best partition of a set into the request's groups. */
const struct oracle_parts *brute_parts(struct brute *b, unsigned set);
/* The share of the idle node's worth that stays after the set is taken. */
double brute_remaining(const struct brute *b, unsigned set);
/* Whether the set is a right answer. If not, the reason is written to why. */
bool brute_is_best(struct brute *b, unsigned set, char *why, size_t size);
/* Whether no set that is allowed is better on levels 0 to 3. */
bool brute_has_best_key(struct brute *b, unsigned set, char *why, size_t size);
/* Whether it is the best of the allowed sets that differ from the choice above lowest
 * indices. */
bool brute_is_runner_up(struct brute *b, unsigned choice, unsigned set, char *why,
			size_t size);
bool brute_has_runner_up(struct brute *b, unsigned choice);

#endif
