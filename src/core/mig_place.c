/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances on a fleet: where the next one goes, and putting and taking them. */
#include "config.h"

#include "core/mig_space.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A GPU is its state (which says all about units) and the profile at each start, as
 * profiles of one shape differ in name, id and max only. */
struct gt_mig_fleet {
	const struct gt_mig_space *space;
	int count;
	uint16_t *state;
	int8_t (*profile)[GT_MIG_UNITS]; /* GT_UNKNOWN: none starts there */
};

static const char *const policy_names[GT_MIG_POLICIES] = {
	[GT_MIG_LOOKAHEAD] = "lookahead", [GT_MIG_FRAG] = "frag",
	[GT_MIG_PACK] = "pack",		  [GT_MIG_SPREAD] = "spread",
	[GT_MIG_FIRST] = "first",	  [GT_MIG_DRIVER] = "driver",
	[GT_MIG_SAME_SIZE] = "same-size",
};

const char *gt_mig_policy_name(enum gt_mig_policy policy)
{
	return policy_names[policy];
}

enum gt_err gt_mig_policy_parse(enum gt_mig_policy *policy, const char *name,
				struct gt_error *err)
{
	for (int p = 0; p < GT_MIG_POLICIES; p++)
		if (!strcmp(policy_names[p], name)) {
			*policy = (enum gt_mig_policy)p;
			return GT_OK;
		}
	return gt_fail(err, GT_EINVAL,
		       "'%.40s' is not a policy: lookahead, frag, pack, spread, first, "
		       "driver or same-size",
		       name);
}

enum gt_err gt_mig_fleet_new(struct gt_mig_fleet **fleet,
			     const struct gt_mig_space *space, int count,
			     struct gt_error *err)
{
	struct gt_mig_fleet *new;

	*fleet = NULL;
	if (count < 1 || count > GT_MIG_GPUS)
		return gt_fail(err, GT_ELIMIT, "%d GPUs, not 1 to %d", count,
			       GT_MIG_GPUS);
	new = calloc(1, sizeof(*new));
	if (!new)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	new->space = space;
	new->count = count;
	new->state = calloc((size_t)count, sizeof(*new->state));
	new->profile = malloc((size_t)count * sizeof(*new->profile));
	if (!new->state || !new->profile) {
		gt_mig_fleet_free(new);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	memset(new->profile, 0xff, (size_t)count * sizeof(*new->profile));
	*fleet = new;
	return GT_OK;
}

void gt_mig_fleet_free(struct gt_mig_fleet *fleet)
{
	if (!fleet)
		return;
	free(fleet->profile);
	free(fleet->state);
	free(fleet);
}

int gt_mig_fleet_size(const struct gt_mig_fleet *fleet)
{
	return fleet->count;
}

/* ---- place ---- */

/* Whether the GPU has as many of a profile as it may. */
static bool is_at_max(const struct gt_mig_fleet *fleet, int gpu, int profile)
{
	int n = 0;

	if (!fleet->space->limited[profile])
		return false;
	for (int u = 0; u < GT_MIG_UNITS; u++)
		n += fleet->profile[gpu][u] == profile;
	return n >= fleet->space->gpu.profile[profile].max;
}

bool gt_mig_place(const struct gt_mig_fleet *fleet, int profile,
		  enum gt_mig_policy policy, const uint64_t *allowed,
		  struct gt_mig_instance *place)
{
	const struct gt_mig_space *space = fleet->space;
	const struct gt_mig_move *moves = space->moves[policy] + space->shape_of[profile];
	const bool lowest = policy == GT_MIG_FIRST || policy == GT_MIG_DRIVER;
	const struct gt_mig_move *best = NULL;

	*place = (struct gt_mig_instance){GT_UNKNOWN, profile, GT_UNKNOWN};
	for (int g = 0; g < fleet->count; g++) {
		const struct gt_mig_move *move = moves + fleet->state[g] * space->shapes;

		if (move->place == GT_UNKNOWN || (best && move->score <= best->score) ||
		    (allowed && !(allowed[g / 64] >> (g % 64) & 1)) ||
		    is_at_max(fleet, g, profile))
			continue;
		best = move;
		place->gpu = g;
		if (lowest)
			break;
	}
	if (!best)
		return false;
	place->start = space->place[best->place].start;
	return true;
}

/* ---- add and remove ---- */

static enum gt_err check_numbers(const struct gt_mig_fleet *fleet,
				 const struct gt_mig_instance *i, struct gt_error *err)
{
	const struct gt_mig_gpu *gpu = &fleet->space->gpu;

	if (i->gpu < 0 || i->gpu >= fleet->count)
		return gt_fail(err, GT_EINVAL, "no GPU %d: there are %d", i->gpu,
			       fleet->count);
	if (i->profile < 0 || i->profile >= gpu->count)
		return gt_fail(err, GT_EINVAL, "%s has no profile %d", gpu->name,
			       i->profile);
	if (i->start < 0 || i->start >= gpu->units ||
	    !(gpu->profile[i->profile].starts & (1u << i->start))) {
		char list[64] = "";

		for (int s = 0, n = 0; s < gpu->units; s++)
			if (gpu->profile[i->profile].starts & (1u << s))
				n += snprintf(list + n, sizeof(list) - (size_t)n, "%s%d",
					      n ? ", " : "", s);
		return gt_fail(err, GT_EINVAL, "%s cannot start at %d, only at %s",
			       gpu->profile[i->profile].name, i->start, list);
	}
	return GT_OK;
}

/* Why a place whose numbers are right is not free. */
static enum gt_err refuse(const struct gt_mig_fleet *fleet,
			  const struct gt_mig_instance *i, struct gt_error *err)
{
	const struct gt_mig_gpu *gpu = &fleet->space->gpu;
	const struct gt_mig_profile *p = &gpu->profile[i->profile];

	for (int u = 0; u < gpu->units; u++) {
		int other = fleet->profile[i->gpu][u];

		if (other != GT_UNKNOWN && u < i->start + p->size &&
		    i->start < u + gpu->profile[other].size)
			return gt_fail(err, GT_EINVAL, "%s@%d overlaps %s@%d on GPU %d",
				       p->name, i->start, gpu->profile[other].name, u,
				       i->gpu);
	}
	if (is_at_max(fleet, i->gpu, i->profile))
		return gt_fail(err, GT_EINVAL, "GPU %d holds %d of %s, as many as it may",
			       i->gpu, p->max, p->name);
	return gt_fail(err, GT_EINVAL, "GPU %d cannot hold %s beside its other instances",
		       i->gpu, p->name);
}

enum gt_err gt_mig_add(struct gt_mig_fleet *fleet, const struct gt_mig_instance *instance,
		       struct gt_error *err)
{
	const struct gt_mig_space *space = fleet->space;
	enum gt_err code = check_numbers(fleet, instance, err);
	int g = instance->gpu, p = instance->profile, next;

	if (code)
		return code;
	next = gt_mig_state_next(space, fleet->state[g],
				 space->place_at[space->shape_of[p]][instance->start]);
	if (next == GT_MIG_NO_STATE || is_at_max(fleet, g, p))
		return refuse(fleet, instance, err);
	fleet->state[g] = (uint16_t)next;
	fleet->profile[g][instance->start] = (int8_t)p;
	return GT_OK;
}

enum gt_err gt_mig_remove(struct gt_mig_fleet *fleet, int gpu, int start,
			  struct gt_mig_instance *instance, struct gt_error *err)
{
	const struct gt_mig_space *space = fleet->space;
	int p = gt_mig_fleet_profile_at(fleet, gpu, start);

	if (instance)
		*instance = (struct gt_mig_instance){gpu, p, start};
	if (p == GT_UNKNOWN)
		return gt_fail(err, GT_EINVAL, "no instance starts at %d on GPU %d",
			       start, gpu);
	fleet->state[gpu] = (uint16_t)gt_mig_state_prev(
		space, fleet->state[gpu], space->place_at[space->shape_of[p]][start]);
	fleet->profile[gpu][start] = GT_UNKNOWN;
	return GT_OK;
}

/* ---- questions ---- */

uint16_t gt_mig_fleet_mask(const struct gt_mig_fleet *fleet, int gpu)
{
	return fleet->space->mask[fleet->state[gpu]];
}

int gt_mig_fleet_state(const struct gt_mig_fleet *fleet, int gpu)
{
	return fleet->state[gpu];
}

const struct gt_mig_space *gt_mig_fleet_space(const struct gt_mig_fleet *fleet)
{
	return fleet->space;
}

int gt_mig_fleet_profile_at(const struct gt_mig_fleet *fleet, int gpu, int start)
{
	if (gpu < 0 || gpu >= fleet->count || start < 0 || start >= GT_MIG_UNITS)
		return GT_UNKNOWN;
	return fleet->profile[gpu][start];
}

double gt_mig_fleet_stranded_gpu(const struct gt_mig_fleet *fleet, int gpu)
{
	return fleet->space->stranded[fleet->state[gpu]];
}

double gt_mig_fleet_stranded(const struct gt_mig_fleet *fleet)
{
	double sum = 0;

	for (int g = 0; g < fleet->count; g++)
		sum += fleet->space->stranded[fleet->state[g]];
	return sum;
}

/* ---- a layout as text ---- */

/* A decimal of at most 6 digits at *at, followed by stop, before end. */
static bool read_int(const char **at, const char *end, int *value)
{
	int digits = 0;

	for (*value = 0; *at < end && isdigit((unsigned char)**at); (*at)++)
		if (digits++ < 6)
			*value = *value * 10 + **at - '0';
	return digits > 0 && digits <= 6;
}

/* "0:3g.40gb@4" of n bytes. */
static enum gt_err parse_entry(const struct gt_mig_fleet *fleet, const char *text,
			       size_t n, struct gt_mig_instance *i, struct gt_error *err)
{
	const char *at = text, *end = text + n, *sign = end;
	char name[64];
	size_t length;

	while (sign > text && sign[-1] != '@')
		sign--;
	if (!read_int(&at, end, &i->gpu) || at == end || *at++ != ':' || sign <= at + 1)
		goto bad;
	length = (size_t)(sign - 1 - at);
	if (length >= sizeof(name))
		goto bad;
	memcpy(name, at, length);
	name[length] = '\0';
	if (!read_int(&sign, end, &i->start) || sign != end)
		goto bad;
	return gt_mig_profile_find(&fleet->space->gpu, name, &i->profile, err);
bad:
	return gt_fail(err, GT_EPARSE, "'%.*s' is not GPU:PROFILE@START",
		       n > 80 ? 80 : (int)n, text);
}

enum gt_err gt_mig_fleet_parse(struct gt_mig_fleet *fleet, const char *text,
			       struct gt_error *err)
{
	if (!*text)
		return GT_OK;
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ",");
		struct gt_mig_instance i;
		enum gt_err code = parse_entry(fleet, at, n, &i, err);

		if (!code)
			code = gt_mig_add(fleet, &i, err);
		if (code)
			return code;
		at += n;
		if (!*at)
			return GT_OK;
	}
}
