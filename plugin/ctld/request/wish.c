/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish.c - read a job's wish, and say whether a set of GPUs meets it and when. Called by
 * forecast.c, exchange.c and submit.c.
 */
#include "plugin/slurm/compat.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/fnv.h"
#include "plugin/slurm/job_env.h"
#include "plugin/ctld/request/wish.h"

/* "150" or "37.5"; 0: no such number. */
static double read_gbps(const char *text)
{
	size_t digits = strspn(text, "0123456789"), more = 0;

	if (text[digits] == '.')
		more = 1 + strspn(text + digits + 1, "0123456789");
	if (digits == 0 || digits + more > 16 || text[digits + more])
		return 0;
	return strtod(text, NULL);
}

static void identify(struct gp_shape *shape)
{
	uint64_t id = gt_fnv_mix(GT_FNV_START, (uint64_t)shape->comm << 2 |
						       (uint64_t)shape->hint << 1 |
						       (uint64_t)shape->repeats);

	for (int i = 0; i < shape->groups.count; i++)
		id = gt_fnv_mix(id, shape->groups.size[i]);
	shape->id = id | 1;
}

enum gt_err gp_shape_parse(char **env, uint32_t size, bool several,
			   struct gp_shape *shape, struct gt_error *err)
{
	const char *groups = gp_env_get(env, size, GP_ENV_GROUPS);
	const char *comm = gp_env_get(env, size, GP_ENV_COMM);
	enum gt_err rc = GT_OK;

	*shape = (struct gp_shape){.repeats = several};
	if (groups)
		rc = gt_groups_parse(&shape->groups, groups, err);
	if (!rc && comm)
		rc = gt_comm_parse(&shape->comm, comm, err);
	if (rc)
		*shape = (struct gp_shape){.id = 0};
	else if (groups || comm)
		identify(shape);
	return rc;
}

void gp_shape_hint(struct gp_shape *shape, int size)
{
	if (shape->id || size < 2 || size > GP_MAX_GPUS)
		return;
	shape->groups = (struct gt_groups){.count = 1, .size = {(uint16_t)size}};
	shape->hint = shape->repeats = true;
	identify(shape);
}

void gp_wish_parse(char **env, uint32_t size, bool several, struct gp_wish *wish)
{
	const char *topo = gp_env_get(env, size, GP_ENV_TOPO);
	const char *min = gp_env_get(env, size, GP_ENV_MIN_BUSBW);
	double gbps = min ? read_gbps(min) : 0;

	memset(wish, 0, sizeof(*wish));
	if (topo) {
		wish->ring = strcmp(topo, "ring") == 0;
		wish->off = strcmp(topo, "off") == 0;
		wish->preserve = strcmp(topo, "any") == 0;
	}
	if (gbps > 0 && gbps < 1e6)
		wish->min_mbps = (int)(gbps * 1000 + 0.5);
	wish->asked = wish->ring || wish->min_mbps;
	gp_shape_parse(env, size, several, &wish->shape, NULL);
}

void gp_wish_read(const job_record_t *job, struct gp_wish *wish)
{
	gp_wish_parse(job->spank_job_env, job->spank_job_env_size,
		      job->details && (job->details->min_nodes > 1 ||
				       job->details->max_nodes > 1),
		      wish);
}

bool gp_wish_ask(const struct gp_wish *wish, int count, int min_mbps, struct gp_ask *ask)
{
	const struct gp_shape *shape = &wish->shape;
	struct gt_request *request = &ask->request;
	int sum = gt_groups_sum(&shape->groups);

	*request = (struct gt_request){.count = count, .min_busbw_mbps = min_mbps};
	if (!shape->id || wish->off || (shape->hint && min_mbps))
		return true;
	if (sum && sum != count) {
		ask->groups = shape->groups;
		if (!shape->repeats || !gt_groups_repeat(&ask->groups, count))
			return shape->hint;
	}
	if (sum)
		request->groups = sum == count ? &shape->groups : &ask->groups;
	request->comm = shape->comm;
	/* The ring goes through all GPUs, whatever their groups. */
	request->groups_break_ties = shape->hint || wish->ring;
	return true;
}

int gp_wish_mbps(const struct gp_wish *wish, const struct gp_binding *binding,
		 const struct gt_mask *set)
{
	int least = INT_MAX;
	struct gt_geometry geometry;
	struct gt_score score;
	struct gp_ask ask;

	if (!wish->shape.id || wish->shape.hint ||
	    !gp_wish_ask(wish, gt_mask_count(set), 0, &ask)) {
		gt_score_set(gt_table_node(binding->table), set, &score);
		return score.busbw_mbps;
	}
	gt_select_geometry(binding->table, &ask.request, set, &geometry);
	for (int i = 0; i < geometry.count; i++)
		if (geometry.busbw_mbps[i] != GT_UNKNOWN &&
		    geometry.busbw_mbps[i] < least)
			least = geometry.busbw_mbps[i];
	return least;
}

bool gp_wish_binds(const struct gp_wish *wish, const struct gp_settings *settings,
		   int count)
{
	return (count > 1 || gp_shape_binds(&wish->shape)) &&
	       settings->mode == GP_MODE_ENFORCE && !wish->off &&
	       (wish->asked || gp_shape_binds(&wish->shape) || settings->min_ratio > 0);
}

/* The best that count GPUs of the idle node can have. */
static int ideal_mbps(const struct gp_wish *wish, const struct gp_binding *binding,
		      int count)
{
	struct gt_choice choice;
	struct gp_ask ask;

	if (!gp_wish_ask(wish, count, 0, &ask))
		return 0;
	ask.request.free = gt_mask_first(gt_node_size(gt_table_node(binding->table)));
	if (gt_select(binding->table, &ask.request, &choice) != GT_FIT_OK)
		return 0;
	return gp_wish_mbps(wish, binding, &choice.gpus);
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
	return (int)(binding->settings.min_ratio * ideal_mbps(wish, binding, count));
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
	return !need || gp_wish_mbps(wish, binding, &set) >= need;
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
