/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_order.c - make one task's list of GPUs from Slurm's binding and the order of
 * ranks. Called by rank_env.c.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rank/rank_order.h"

static const char *skip(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(text, word, len) == 0 ? text + len : NULL;
}

/* The part of a binding that speaks of GPUs, or NULL. */
static const char *find_gpu(const char *text)
{
	for (const char *p = strstr(text, "gpu:"); p; p = strstr(p + 1, "gpu:"))
		if (p == text || p[-1] == '/' || p[-1] == '+')
			return p + strlen("gpu:");
	return NULL;
}

struct gp_bind gp_bind_parse(const char *text)
{
	struct gp_bind bind = {.kind = GP_BIND_NONE};
	const char *how = text ? find_gpu(text) : NULL, *value;

	if (!how)
		return bind;
	if ((value = skip(how, "verbose,")))
		how = value;
	if (skip(how, "none") || skip(how, "verbose"))
		return bind;
	bind.kind = GP_BIND_OWN;
	if ((value = skip(how, "per_task:")))
		bind.kind = GP_BIND_EACH;
	else if ((value = skip(how, "single:")))
		bind.kind = GP_BIND_SHARE;
	else
		return bind;
	bind.count = atoi(value);
	if (bind.count < 1 || bind.count > GT_MAX_GPUS)
		bind.kind = GP_BIND_OWN;
	return bind;
}

/* How many places of the rank order each task takes, and how many tasks share a place:
 * false if that does not use up the GPUs exactly. */
static bool share_out(const struct gp_step *step, const struct gp_bind *bind, int *each,
		      int *sharers)
{
	int gpus = gt_mask_count(&step->gpus);

	*each = *sharers = 1;
	switch (bind->kind) {
	case GP_BIND_NONE: /* task t is expected on the t-th device */
		return step->tasks == gpus;
	case GP_BIND_EACH:
		*each = bind->count;
		return step->tasks * bind->count == gpus;
	case GP_BIND_SHARE:
		*sharers = bind->count;
		return (step->tasks + bind->count - 1) / bind->count == gpus;
	default:
		return false;
	}
}

bool gp_near_places(const struct gp_step *step, struct gt_mask near[GP_RANK_GPUS])
{
	int gpus = gt_mask_count(&step->gpus);

	if (!step->near || step->tasks < 1 || gpus < 1 || gpus > GP_RANK_GPUS ||
	    (gpus % step->tasks != 0 && step->tasks % gpus != 0))
		return false;
	for (int place = 0; place < gpus; place++)
		near[place] = step->near[place * step->tasks / gpus];
	return true;
}

/* All GPUs in rank order. */
static void order_gpus(const struct gp_step *step, const struct gt_mask *near, int *gpu)
{
	int gpus = gt_mask_count(&step->gpus);
	struct gt_order order;

	if (step->groups && step->groups->count > 0) {
		for (int r = 0; r < gpus; r++)
			gpu[r] = step->groups->gpu[r];
		return;
	}
	gt_order_find_near(step->node, &step->gpus, near, &order);
	memcpy(gpu, order.gpu, (size_t)gpus * sizeof(*gpu));
}

int gp_order_task(const struct gp_step *step, const struct gp_bind *bind, int task,
		  int *out)
{
	struct gt_mask near[GP_RANK_GPUS];
	int each, sharers, order[GP_RANK_GPUS], gpus = gt_mask_count(&step->gpus);
	bool even = share_out(step, bind, &each, &sharers);

	if (gpus < 1 || gpus > GP_RANK_GPUS || task < 0 || task >= step->tasks ||
	    (!even && bind->kind != GP_BIND_NONE))
		return 0;
	for (int place = 0; even && step->near && place < gpus; place++)
		near[place] = step->near[place / each * sharers];
	order_gpus(step, even && step->near ? near : NULL, order);
	if (bind->kind == GP_BIND_NONE) {
		memcpy(out, order, (size_t)gpus * sizeof(*out));
		return gpus;
	}
	memcpy(out, &order[task / sharers * each], (size_t)each * sizeof(*out));
	return each;
}
