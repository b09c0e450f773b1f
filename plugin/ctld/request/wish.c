/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish.c - read a job's wish, and say whether a set of GPUs meets it and when. Called by
 * forecast.c, exchange.c and submit.c.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/common/wish_text.h"
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

void gp_wish_parse(char **env, uint32_t size, struct gp_wish *wish)
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
}

void gp_wish_read(const job_record_t *job, struct gp_wish *wish)
{
	gp_wish_parse(job->spank_job_env, job->spank_job_env_size, wish);
}

void gp_wish_show(job_record_t *job)
{
	char text[256];

	if (!job->admin_comment &&
	    gp_wish_text(job->spank_job_env, job->spank_job_env_size, text, sizeof(text)))
		gp_bridge_comment(job, text);
}

bool gp_wish_binds(const struct gp_wish *wish, const struct gp_settings *settings,
		   int count)
{
	return count > 1 && settings->mode == GP_MODE_ENFORCE && !wish->off &&
	       (wish->asked || settings->min_ratio > 0);
}

int gp_wish_need_mbps(const struct gp_wish *wish, const struct gp_binding *binding,
		      int count)
{
	double ideal;

	if (!gp_wish_binds(wish, &binding->settings, count) || !binding->table)
		return 0;
	if (wish->asked)
		return wish->min_mbps > wish->had_mbps ? wish->min_mbps : wish->had_mbps;
	ideal = gt_ideal_busbw_mbps(binding->table, count);
	return (int)(binding->settings.min_ratio * ideal);
}

bool gp_wish_met_by(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus)
{
	struct gt_mask set = gp_binding_to_model(binding, gpus);
	int count = __builtin_popcountll(gpus);
	struct gt_score score;

	if (!gp_wish_binds(wish, &binding->settings, count))
		return true;
	/* MinRatio holds where there is something to compare; the user's wish everywhere.
	 */
	if (!binding->table || gt_mask_count(&set) < count)
		return !wish->asked;
	gt_score_set(gt_table_node(binding->table), &set, &score);
	return (!wish->ring || score.rings > 0) &&
	       score.busbw_mbps >= gp_wish_need_mbps(wish, binding, count);
}

bool gp_wish_met_in(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus, int count)
{
	struct gt_request request = {.count = count};
	struct gt_choice choice;

	if (__builtin_popcountll(gpus) < count)
		return false;
	if (!gp_wish_binds(wish, &binding->settings, count))
		return true;
	if (!binding->table)
		return !wish->asked;
	request.free = gp_binding_to_model(binding, gpus);
	if (gt_mask_count(&request.free) < count)
		return !wish->asked;
	request.min_busbw_mbps = gp_wish_need_mbps(wish, binding, count);
	return gt_select(binding->table, &request, &choice) == GT_FIT_OK &&
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
