/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All legal sets of instances of one GPU, and the steps between them. */
#ifndef GT_MIG_SPACE_H
#define GT_MIG_SPACE_H

#include "core/library.h"

#define GT_MIG_STATES	  16384 /* legal sets of one table; 723 on a 7/8 GPU */
#define GT_MIG_NO_STATE	  UINT16_MAX
#define GT_MIG_MAX_PLACES (GT_MIG_PROFILES * GT_MIG_UNITS)

/* Profiles that the geometry cannot tell apart: 1g.10gb and 1g.10gb+me. */
struct gt_mig_shape {
	int compute;
	int size;
	uint16_t starts;
	int max; /* of all its profiles together */
	int profiles;
	double weight; /* share of the mix; all shapes together 1 */
};

/* A shape at a legal start. */
struct gt_mig_place_info {
	uint8_t shape;
	uint8_t start;
	uint16_t units;
};

/* What a policy thinks of the best start for a shape on a GPU in some state. */
struct gt_mig_move {
	int64_t score; /* larger is better; comparable between states */
	int16_t place; /* GT_UNKNOWN: does not fit */
};

/* A state is a legal set; 0 is the empty GPU. */
struct gt_mig_space {
	struct gt_mig_gpu gpu;
	int shapes;
	struct gt_mig_shape shape[GT_MIG_PROFILES];
	int8_t shape_of[GT_MIG_PROFILES]; /* of a profile */
	bool limited[GT_MIG_PROFILES];	  /* its max is below what its shape allows */
	int apart[2];			  /* shapes; GT_UNKNOWN: none */
	int places;
	struct gt_mig_place_info place[GT_MIG_MAX_PLACES];
	int16_t place_at[GT_MIG_PROFILES][GT_MIG_UNITS]; /* of a shape and a start */
	int states;
	uint8_t (*heads)[GT_MIG_UNITS]; /* 1 + shape that starts at a unit; ascending */
	uint16_t *mask;			/* occupied units */
	uint16_t *next;			/* [state * places + place] with it; NO_STATE */
	uint16_t *prev;			/* without it; NO_STATE */
	double *stranded;		/* expected over the mix */
	double *value; /* of a state: minus the work it will cost; empty 0 */
	struct gt_mig_move *moves[GT_MIG_POLICIES]; /* [state * shapes + shape] */
};

/* Shapes, places, states and steps; everything that needs no mix. */
enum gt_err gt_mig_space_enumerate(struct gt_mig_space *space, struct gt_error *err);
/* stranded, value and moves. */
enum gt_err gt_mig_space_weigh(struct gt_mig_space *space, struct gt_error *err);

static inline int gt_mig_state_next(const struct gt_mig_space *s, int state, int place)
{
	return s->next[(size_t)state * s->places + place];
}

static inline int gt_mig_state_prev(const struct gt_mig_space *s, int state, int place)
{
	return s->prev[(size_t)state * s->places + place];
}

/* Of a fleet, for the planner. */
struct gt_mig_fleet;
int gt_mig_fleet_state(const struct gt_mig_fleet *fleet, int gpu);
const struct gt_mig_space *gt_mig_fleet_space(const struct gt_mig_fleet *fleet);

#endif
