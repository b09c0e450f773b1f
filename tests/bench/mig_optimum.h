/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_optimum.h - the best that any online rule can reach on one or two GPUs, exactly.
 *
 * A loss system: requests come as a Poisson stream of a mix, stay for an exponential time
 * of mean 1, and are lost if they get no place. A state is what runs where. What counts
 * is the share of the offered units that is accepted in the long run, by relative value
 * iteration over all states: 723 for one A100, 88,804 for two with five profiles.
 */
#ifndef MIG_OPTIMUM_H
#define MIG_OPTIMUM_H

#include "core/library.h"

enum mig_rule {
	MIG_RULE_BEST,	      /* the best rule; may refuse what fits */
	MIG_RULE_BEST_GREEDY, /* the best that accepts whatever fits */
	MIG_RULE_POLICY,      /* a policy of the library */
};

struct mig_optimum;

/* gpus: 1 or 2. load: offered units over units. */
struct mig_optimum *mig_optimum_new(const struct gt_mig_space *space, int gpus,
				    const struct gt_mig_mix *mix, double load);
void mig_optimum_free(struct mig_optimum *m);
long mig_optimum_states(const struct mig_optimum *m);
/* The accepted share; policy counts for MIG_RULE_POLICY only. */
double mig_optimum_share(struct mig_optimum *m, enum mig_rule rule,
			 enum gt_mig_policy policy);

#endif
