/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When enough nodes can have a job. */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/estimate/start_estimate.h"

#define FAR_AWAY (365 * 24 * 3600)

time_t gp_moment_first(bitstr_t *nodes, int wanted, gp_when_fn *when, void *arg)
{
	time_t from = GP_NEVER, best;
	bool unknown = false;
	int reached = 0;

	/* One round for each different moment; few in practice, and wanted is mostly 1.
	 */
	for (;;) {
		int here = 0;

		best = GP_NEVER;
		for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes);
		     n >= 0 && n <= last; n++) {
			time_t date;

			if (!bit_test(nodes, n))
				continue;
			date = when(arg, (int)n);
			unknown |= date == GP_NOT_KNOWN;
			if (date <= from || (best >= 0 && date > best))
				continue;
			here = date == best ? here + 1 : 1;
			best = date;
		}
		if (best < 0)
			return unknown ? GP_NOT_KNOWN : GP_NEVER;
		reached += here;
		if (reached >= wanted)
			return best;
		from = best;
	}
}

void gp_moment_keep(bitstr_t *nodes, time_t until, gp_when_fn *when, void *arg)
{
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		time_t date = bit_test(nodes, n) ? when(arg, (int)n) : GP_NEVER;

		if (date < 0 || date > until)
			bit_clear(nodes, n);
	}
}

time_t gp_moment_far(time_t now)
{
	return now + FAR_AWAY;
}

void gp_moment_say(job_record_t *job, const char *text)
{
	if (job->state_desc && strcmp(job->state_desc, text) == 0)
		return;
	xfree(job->state_desc);
	job->state_desc = gp_bridge_copy(text);
}
