/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the planner's parts share: rows and sets (mig_plan.c), the sets of a current
 * layout (mig_layout.c), slots (mig_assign.c). */
#ifndef GT_MIG_PLAN_H
#define GT_MIG_PLAN_H

#include "core/mig_space.h"

#define GT_MIG_PLAN_ROWS 64

/* Profiles of one shape that share a limit: cap instances on one GPU, demand in all. */
struct gt_mig_row {
	int shape;
	uint32_t profiles;
	int cap;
	int demand;
};

struct gt_mig_rows {
	int count;
	struct gt_mig_row row[GT_MIG_PLAN_ROWS];
	bool limited; /* a shape in demand mixes limited profiles with others */
};

/* Sets worth using, and what each covers: cover[set * rows + row]. */
struct gt_mig_sets {
	int count;
	int *state;
	int *cover;
	int maximal_count; /* all maximal sets, also those that cover less */
	int *maximal;
};

/* A GPU of the plan: its set, and the profile in each slot of it that is taken. */
struct gt_mig_slots {
	int gpu;
	int state;
	int8_t profile[GT_MIG_UNITS]; /* by start; GT_UNKNOWN: free, or no slot */
};

struct gt_mig_layout {
	int count;
	struct gt_mig_slots *gpu;
};

int gt_mig_count_shape(const struct gt_mig_space *space, int state, int shape);
void gt_mig_rows_cover(const struct gt_mig_rows *rows, const struct gt_mig_space *space,
		       int state, int *cover);
/* Of columns[count][width] keep those that no other equals or exceeds in every row, of
 * equals the first; payload moves along. Returns how many stay. */
int gt_mig_filter_columns(int *columns, int *payload, int count, int width);
/* Choose sets for plan->gpus GPUs of which those of now keep the most wanted instances;
 * puts these into their slots. plan->exact is cleared where that is not proven. */
enum gt_err gt_mig_layout_keep(struct gt_mig_layout *layout,
			       const struct gt_mig_space *space,
			       const struct gt_mig_rows *rows,
			       const struct gt_mig_sets *sets, const int *use,
			       const struct gt_mig_demand *demand,
			       const struct gt_mig_fleet *now, struct gt_mig_plan *plan,
			       struct gt_error *err);
/* Give every wanted instance a slot and write the plan. now may be NULL. */
enum gt_err gt_mig_layout_assign(struct gt_mig_layout *layout,
				 const struct gt_mig_space *space,
				 const struct gt_mig_demand *demand,
				 const struct gt_mig_fleet *now, struct gt_mig_plan *plan,
				 struct gt_error *err);

#endif
