/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start_estimate.c - the first moment at which enough nodes can take a job. Called by
 * forecast.c for wishes and by mig/mig_select.c for slices.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/estimate/start_estimate.h"

#define FAR_AWAY (365 * 24 * 3600)

static bool is_required(const struct gp_dates *dates, int64_t node)
{
	return dates->required && node < bit_size(dates->required) &&
	       bit_test(dates->required, node);
}

/* NOT_KNOWN is after all dates. */
static bool is_later(time_t a, time_t b)
{
	return b != GP_NOT_KNOWN && (a == GP_NOT_KNOWN || a > b);
}

static int by_date(const void *a, const void *b)
{
	time_t x = *(const time_t *)a, y = *(const time_t *)b;

	return is_later(x, y) - is_later(y, x);
}

void gp_dates_read(struct gp_dates *dates, gp_when_fn *when, void *arg)
{
	bitstr_t *nodes = dates->nodes;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n))
			dates->at[n] = when(arg, (int)n);
}

time_t gp_dates_first(const struct gp_dates *dates)
{
	int wanted = dates->wanted > 1 ? dates->wanted : 1, others = 0;
	bitstr_t *nodes = dates->nodes;
	time_t moment = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		time_t date;

		if (!bit_test(nodes, n))
			continue;
		date = dates->at[n];
		if (!is_required(dates, n)) {
			if (date != GP_NEVER)
				dates->sorted[others++] = date;
			continue;
		}
		if (date == GP_NEVER)
			return GP_NEVER;
		if (is_later(date, moment))
			moment = date;
		wanted--;
	}
	if (wanted > others)
		return GP_NEVER;
	if (wanted <= 0)
		return moment;
	qsort(dates->sorted, (size_t)others, sizeof(*dates->sorted), by_date);
	return is_later(dates->sorted[wanted - 1], moment) ? dates->sorted[wanted - 1]
							   : moment;
}

int gp_dates_keep(const struct gp_dates *dates, time_t until, bitstr_t *to)
{
	bitstr_t *nodes = dates->nodes;
	int left = 0;

	bit_clear_all(to);
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n) && dates->at[n] != GP_NEVER &&
		    !is_later(dates->at[n], until)) {
			bit_set(to, n);
			left++;
		}
	return left;
}

time_t gp_dates_last(const struct gp_dates *dates, bitstr_t *nodes)
{
	time_t latest = 0;

	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last; n++)
		if (bit_test(nodes, n) && is_later(dates->at[n], latest))
			latest = dates->at[n];
	return latest;
}

bool gp_dates_has_required(bitstr_t *offered, bitstr_t *required, bitstr_t *nodes)
{
	for (int64_t n = required ? bit_ffs(required) : -1;
	     n >= 0 && n < bit_size(required); n++)
		if (bit_test(required, n) && n < bit_size(offered) &&
		    bit_test(offered, n) && !bit_test(nodes, n))
			return false;
	return true;
}

time_t gp_start_estimate_far(time_t now)
{
	return now + FAR_AWAY;
}

void gp_start_estimate_say(job_record_t *job, const char *text)
{
	const char *shown = job->state_desc ? job->state_desc : "";

	if (text ? strcmp(shown, text) == 0 : strncmp(shown, "gputopo:", 8) != 0)
		return;
	xfree(job->state_desc);
	job->state_desc = text ? gp_bridge_copy(text) : NULL;
}
