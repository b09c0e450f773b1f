/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sim_mig_rules.h - who says where an instance goes: the policies of the library, stock
 * Slurm's fixed partition, and two published rules. sim_mig_run.c asks. */
#ifndef SIM_MIG_RULES_H
#define SIM_MIG_RULES_H

#include "core/library.h"

/* Rules 0 to GT_MIG_POLICIES - 1 are enum gt_mig_policy. */
enum sim_mig_rule {
	SIM_MIG_STOCK = GT_MIG_POLICIES, /* instances made beforehand for the demand; a
					  * request gets the first free one of its type */
	SIM_MIG_GROWTH,	 /* arXiv 2511.18906: the least growth of fragmentation */
	SIM_MIG_MIGRATE, /* arXiv 2512.16099: spread while the fleet is idle, least growth
			  * when it fills, and one running instance moves where that lets
			  * a request start */
	SIM_MIG_RULES,
};

const char *sim_mig_rule_name(int rule);
const char *sim_mig_rule_summary(int rule);
/* GT_EINVAL lists the names. */
enum gt_err sim_mig_rule_parse(int *rule, const char *name, struct gt_error *err);

/* What a rule keeps. */
struct sim_mig_chooser {
	int rule;
	const struct gt_mig_gpu *gpu;
	struct gt_mig_fleet *fleet;   /* the run's */
	struct gt_mig_instance *made; /* stock: the fixed instances, by GPU */
	bool *used;		      /* by made */
	int made_count;
	double *growth; /* by mask of busy units: its fragmentation */
	int busy_units, all_units;
};

/* weight[p]: time that the requests ask of profile p, for stock's partition. Refers to
 * fleet, which is empty. GT_ENOMEM. */
enum gt_err sim_mig_chooser_init(struct sim_mig_chooser *c, int rule,
				 struct gt_mig_fleet *fleet, const struct gt_mig_gpu *gpu,
				 const double *weight, struct gt_error *err);
void sim_mig_chooser_release(struct sim_mig_chooser *c);
/* Where to put an instance; false: nowhere now. Changes nothing. */
bool sim_mig_choose(struct sim_mig_chooser *c, int profile,
		    struct gt_mig_instance *place);
/* Whether a request of the profile can ever start. With stock there may be no such
 * instance. */
bool sim_mig_can_ever(const struct sim_mig_chooser *c, int profile);
/* An instance was added to the fleet, or removed. */
void sim_mig_note(struct sim_mig_chooser *c, const struct gt_mig_instance *place,
		  bool added);
/* migrate: the running instance that must move for a request, and both places; false: no
 * single move helps. Changes nothing. */
bool sim_mig_find_move(struct sim_mig_chooser *c, int profile,
		       struct gt_mig_instance *from, struct gt_mig_instance *to,
		       struct gt_mig_instance *place);

#endif
