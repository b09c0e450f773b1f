/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish.c - whether a set of GPUs meets a job's wish, and when. Called by forecast.c,
 * exchange.c and submit.c.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/common/wish_names.h"
#include "plugin/ctld/request/wish.h"

bool gp_wish_binds(const struct gp_wish *wish, const struct gp_settings *settings,
		   int count)
{
	return (count > 1 || gp_shape_binds(&wish->shape)) &&
	       settings->mode == GP_MODE_ENFORCE && !wish->off &&
	       (wish->asked || gp_shape_binds(&wish->shape) || settings->min_ratio > 0);
}

int gp_wish_need_mbps(const struct gp_wish *wish, const struct gp_binding *binding,
		      int count)
{
	if (!gp_wish_binds(wish, &binding->settings, count) || !binding->table)
		return 0;
	if (wish->asked)
		return wish->min_mbps > wish->had_mbps ? wish->min_mbps : wish->had_mbps;
	if (binding->settings.min_ratio <= 0)
		return 0;
	return (int)(binding->settings.min_ratio *
		     gp_shape_ideal_mbps(&wish->shape, binding->table, count));
}

bool gp_wish_met_by(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus)
{
	struct gt_mask set = gp_binding_to_model(binding, gpus);
	int count = __builtin_popcountll(gpus), need;
	struct gt_score score = {.rings = 0};
	struct gp_ask ask;

	if (!gp_wish_binds(wish, &binding->settings, count))
		return true;
	if (!gp_wish_ask(wish, count, 0, &ask))
		return false;
	if (count < 2)
		return true;
	/* MinRatio holds where there is something to compare; the user's wish everywhere.
	 */
	if (!binding->table || gt_mask_count(&set) < count)
		return !wish->asked;
	if (wish->ring)
		gt_score_set(gt_table_node(binding->table), &set, &score);
	if (wish->ring && score.rings == 0)
		return false;
	need = gp_wish_need_mbps(wish, binding, count);
	return !need || gp_shape_mbps(&wish->shape, binding->table, &set) >= need;
}

bool gp_wish_met_in(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus, int count)
{
	struct gt_choice choice;
	struct gp_ask ask;
	int need;

	if (__builtin_popcountll(gpus) < count)
		return false;
	if (!gp_wish_binds(wish, &binding->settings, count))
		return true;
	need = gp_wish_need_mbps(wish, binding, count);
	if (!gp_wish_ask(wish, count, need, &ask))
		return false;
	if (count < 2)
		return true;
	if (!binding->table)
		return !wish->asked;
	ask.request.free = gp_binding_to_model(binding, gpus);
	if (gt_mask_count(&ask.request.free) < count)
		return !wish->asked;
	if (!need && !wish->ring)
		return true;
	return gt_select(binding->table, &ask.request, &choice) == GT_FIT_OK &&
	       gp_wish_met_by(wish, binding, gp_binding_to_bits(binding, &choice.gpus));
}

/* When the job ends at the latest; 0 without a limit. A job past its end will be gone
 * soon. */
static time_t end_of(uint32_t job_id, time_t now)
{
	time_t end = gp_bridge_end(job_id);

	return end && end <= now ? now + 1 : end;
}

time_t gp_wish_when(const struct gp_wish *wish, const struct gp_prospect *prospect,
		    int count, time_t now)
{
	uint64_t free = prospect->free, all = free;
	uint64_t done = 0;

	if (gp_wish_met_in(wish, prospect->binding, free & prospect->usable, count))
		return 0;
	for (int i = 0; i < prospect->held_count; i++)
		all |= prospect->held[i].gpus;
	if (!gp_wish_met_in(wish, prospect->binding, all & prospect->usable, count))
		return -1;
	/* Let them end one after the other. No node has more jobs than GPUs. */
	for (int round = 0; round < prospect->held_count && round < 64; round++) {
		time_t next = 0, end;

		for (int i = 0; i < prospect->held_count && i < 64; i++) {
			end = end_of(prospect->held[i].job_id, now);
			if (!(done >> i & 1) && end && (!next || end < next))
				next = end;
		}
		if (!next)
			return -2;
		for (int i = 0; i < prospect->held_count && i < 64; i++)
			if (end_of(prospect->held[i].job_id, now) == next) {
				done |= (uint64_t)1 << i;
				free |= prospect->held[i].gpus;
			}
		if (gp_wish_met_in(wish, prospect->binding, free & prospect->usable,
				   count))
			return next;
	}
	return -2;
}
