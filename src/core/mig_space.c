/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All legal sets of instances of one GPU, and the steps between them. */
#include "config.h"

#include "core/mig_space.h"

#include <stdlib.h>
#include <string.h>

/* ---- shapes and places ---- */

/* How many instances of one shape the units alone allow. */
static int geometric_max(uint16_t starts, int size)
{
	int n = 0;

	for (int s = 0; s < GT_MIG_UNITS; s++)
		if (starts & (1u << s)) {
			n++;
			s += size - 1;
		}
	return n;
}

static bool is_apart(const struct gt_mig_gpu *gpu, int profile)
{
	return gpu->driver > 0 && gpu->driver < gpu->apart_driver &&
	       gpu->apart[0] != GT_UNKNOWN && gpu->apart[1] != GT_UNKNOWN &&
	       (gpu->apart[0] == profile || gpu->apart[1] == profile);
}

/* The shape of a profile, made if there is none yet. Profiles that a driver keeps apart
 * get their own, so that the rule is one about shapes. */
static int find_shape(struct gt_mig_space *space, int profile)
{
	const struct gt_mig_profile *p = &space->gpu.profile[profile];
	bool apart = is_apart(&space->gpu, profile);
	struct gt_mig_shape *new = &space->shape[space->shapes];

	for (int i = 0; i < space->shapes && !apart; i++) {
		const struct gt_mig_shape *s = &space->shape[i];

		if (s->compute == p->compute && s->size == p->size &&
		    s->starts == p->starts && i != space->apart[0] &&
		    i != space->apart[1])
			return i;
	}
	*new = (struct gt_mig_shape){
		.compute = p->compute, .size = p->size, .starts = p->starts};
	if (apart)
		space->apart[space->gpu.apart[1] == profile] = space->shapes;
	return space->shapes++;
}

static void make_shapes(struct gt_mig_space *space)
{
	const struct gt_mig_gpu *gpu = &space->gpu;

	space->apart[0] = space->apart[1] = GT_UNKNOWN;
	for (int p = 0; p < gpu->count; p++) {
		int i = find_shape(space, p);

		space->shape_of[p] = (int8_t)i;
		space->shape[i].max += gpu->profile[p].max;
		space->shape[i].profiles++;
	}
	for (int i = 0; i < space->shapes; i++) {
		struct gt_mig_shape *s = &space->shape[i];
		int most = geometric_max(s->starts, s->size);

		if (s->compute * most > gpu->compute)
			most = gpu->compute / s->compute;
		s->max = s->max < most ? s->max : most;
	}
	for (int p = 0; p < gpu->count; p++)
		space->limited[p] =
			gpu->profile[p].max < space->shape[space->shape_of[p]].max;
}

static void make_places(struct gt_mig_space *space)
{
	memset(space->place_at, 0xff, sizeof(space->place_at));
	for (int i = 0; i < space->shapes; i++)
		for (int s = 0; s < space->gpu.units; s++) {
			const struct gt_mig_shape *shape = &space->shape[i];
			struct gt_mig_place_info *place = &space->place[space->places];

			if (!(shape->starts & (1u << s)))
				continue;
			place->shape = (uint8_t)i;
			place->start = (uint8_t)s;
			place->units = (uint16_t)(((1u << shape->size) - 1) << s);
			space->place_at[i][s] = (int16_t)space->places++;
		}
}

/* ---- states ---- */

/* The set under construction: everything that starts below unit is decided. */
struct building {
	struct gt_mig_space *space;
	uint8_t head[GT_MIG_UNITS];
	int count[GT_MIG_PROFILES];
	int compute;
};

static bool may_start(const struct building *b, int shape, int unit)
{
	const struct gt_mig_space *space = b->space;
	const struct gt_mig_shape *s = &space->shape[shape];

	if (!(s->starts & (1u << unit)) || b->count[shape] == s->max ||
	    b->compute + s->compute > space->gpu.compute)
		return false;
	for (int i = 0; i < 2; i++)
		if (shape == space->apart[i] && b->count[space->apart[1 - i]] > 0)
			return false;
	return true;
}

/* Record every set that continues b from unit on; false: too many. In ascending order of
 * heads, as "none" comes before every shape. */
static bool build_sets(struct building *b, int unit)
{
	struct gt_mig_space *space = b->space;

	if (unit >= space->gpu.units) {
		if (space->states == GT_MIG_STATES)
			return false;
		memcpy(space->heads[space->states++], b->head, GT_MIG_UNITS);
		return true;
	}
	if (!build_sets(b, unit + 1))
		return false;
	for (int i = 0; i < space->shapes; i++) {
		const struct gt_mig_shape *s = &space->shape[i];
		bool ok;

		if (!may_start(b, i, unit))
			continue;
		b->head[unit] = (uint8_t)(i + 1);
		b->count[i]++;
		b->compute += s->compute;
		ok = build_sets(b, unit + s->size);
		b->head[unit] = 0;
		b->count[i]--;
		b->compute -= s->compute;
		if (!ok)
			return false;
	}
	return true;
}

static int compare_heads(const void *a, const void *b)
{
	return memcmp(a, b, GT_MIG_UNITS);
}

static uint16_t find_state(const struct gt_mig_space *space, const uint8_t *head)
{
	const uint8_t(*found)[GT_MIG_UNITS] = bsearch(
		head, space->heads, (size_t)space->states, GT_MIG_UNITS, compare_heads);

	return found ? (uint16_t)(found - (const uint8_t(*)[GT_MIG_UNITS])space->heads)
		     : GT_MIG_NO_STATE;
}

static uint16_t mask_of(const struct gt_mig_space *space, const uint8_t *head)
{
	uint16_t mask = 0;

	for (int u = 0; u < space->gpu.units; u++)
		if (head[u])
			mask |= space->place[space->place_at[head[u] - 1][u]].units;
	return mask;
}

static void link_state(struct gt_mig_space *space, int state)
{
	uint16_t *next = space->next + (size_t)state * space->places;
	uint8_t head[GT_MIG_UNITS];

	memcpy(head, space->heads[state], sizeof(head));
	for (int i = 0; i < space->places; i++) {
		const struct gt_mig_place_info *place = &space->place[i];

		next[i] = GT_MIG_NO_STATE;
		if (space->mask[state] & place->units)
			continue;
		head[place->start] = (uint8_t)(place->shape + 1);
		next[i] = find_state(space, head);
		head[place->start] = 0;
		if (next[i] != GT_MIG_NO_STATE)
			space->prev[(size_t)next[i] * space->places + i] =
				(uint16_t)state;
	}
}

static bool allocate(struct gt_mig_space *space)
{
	size_t states = (size_t)space->states, steps = states * (size_t)space->places;

	space->mask = malloc(states * sizeof(*space->mask));
	space->next = malloc(steps * sizeof(*space->next));
	space->prev = malloc(steps * sizeof(*space->prev));
	space->stranded = calloc(states, sizeof(*space->stranded));
	space->value = calloc(states, sizeof(*space->value));
	for (int p = 0; p < GT_MIG_POLICIES; p++) {
		space->moves[p] =
			calloc(states * (size_t)space->shapes, sizeof(*space->moves[p]));
		if (!space->moves[p])
			return false;
	}
	if (!space->mask || !space->next || !space->prev || !space->stranded ||
	    !space->value)
		return false;
	memset(space->prev, 0xff, steps * sizeof(*space->prev));
	return true;
}

enum gt_err gt_mig_space_enumerate(struct gt_mig_space *space, struct gt_error *err)
{
	struct building b = {.space = space};
	void *smaller;

	make_shapes(space);
	make_places(space);
	space->heads = malloc(GT_MIG_STATES * sizeof(*space->heads));
	if (!space->heads)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	if (!build_sets(&b, 0))
		return gt_fail(err, GT_ELIMIT, "%s allows more than %d sets of instances",
			       space->gpu.name, GT_MIG_STATES);
	smaller = realloc(space->heads, (size_t)space->states * sizeof(*space->heads));
	if (smaller)
		space->heads = smaller;
	if (!allocate(space))
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int s = 0; s < space->states; s++)
		space->mask[s] = mask_of(space, space->heads[s]);
	for (int s = 0; s < space->states; s++)
		link_state(space, s);
	return GT_OK;
}

/* ---- public ---- */

/* Shares of the shapes: the mix, or alike for every shape where there is none. */
static void set_weights(struct gt_mig_space *space, const struct gt_mig_mix *mix)
{
	double total = 0;

	for (int p = 0; mix && p < space->gpu.count; p++) {
		space->shape[space->shape_of[p]].weight += mix->weight[p];
		total += mix->weight[p];
	}
	for (int i = 0; i < space->shapes; i++)
		space->shape[i].weight =
			total > 0 ? space->shape[i].weight / total : 1.0 / space->shapes;
}

enum gt_err gt_mig_space_new(struct gt_mig_space **space, const struct gt_mig_gpu *gpu,
			     const struct gt_mig_mix *mix, struct gt_error *err)
{
	struct gt_mig_space *new;
	enum gt_err code;

	*space = NULL;
	code = gt_mig_gpu_check(gpu, err);
	if (code)
		return code;
	new = calloc(1, sizeof(*new));
	if (!new)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	new->gpu = *gpu;
	code = gt_mig_space_enumerate(new, err);
	if (!code) {
		set_weights(new, mix);
		code = gt_mig_space_weigh(new, err);
	}
	if (code)
		gt_mig_space_free(new);
	else
		*space = new;
	return code;
}

void gt_mig_space_free(struct gt_mig_space *space)
{
	if (!space)
		return;
	for (int p = 0; p < GT_MIG_POLICIES; p++)
		free(space->moves[p]);
	free(space->value);
	free(space->stranded);
	free(space->prev);
	free(space->next);
	free(space->mask);
	free(space->heads);
	free(space);
}

const struct gt_mig_gpu *gt_mig_space_gpu(const struct gt_mig_space *space)
{
	return &space->gpu;
}
