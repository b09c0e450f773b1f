/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.h - the key of a choice and of the runner-up in words an admin understands. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "core/library.h"

/* One column of the table. */
struct explain_set {
	struct gt_mask gpus;
	struct gt_score score;
};

/* Print each level of the key for the choice and the runner-up (NULL: there is none), and
 * which level decides, to standard output. ideal_mbps: the best of this size on the idle
 * node. */
void explain_choice(const struct explain_set *choice, const struct explain_set *runner_up,
		    enum gt_policy policy, int ideal_mbps);

/* The level that puts a choice before its runner-up, 0 to 4 or
 * GT_LEVEL_GROUPS. */
int explain_level(const struct gt_score *a, const struct gt_score *b,
		  enum gt_policy policy);

#endif
