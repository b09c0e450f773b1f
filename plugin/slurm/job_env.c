/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_env.c - read and write a job's control environment. Called by wish.c,
 * previous_run.c and ctld/mig.
 */
#include "plugin/slurm/compat.h"

#include <stdio.h>
#include <string.h>

#include "plugin/slurm/job_env.h"

const char *gp_job_env_get(const job_record_t *job, const char *name)
{
	return gp_env_get(job->spank_job_env, job->spank_job_env_size, name);
}

static char *make_entry(const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *entry = try_xmalloc(size);

	if (entry)
		snprintf(entry, size, "%s=%s", name, value);
	return entry;
}

bool gp_env_set(char ***env, uint32_t *size, const char *name, const char *value)
{
	uint32_t count = *env ? *size : 0, at = *env ? gp_env_find(*env, count, name) : 0;
	char *entry = make_entry(name, value), **more;

	if (!entry)
		return false;
	if (at < count) {
		xfree((*env)[at]);
		(*env)[at] = entry;
		return true;
	}
	/* one more for the NULL that Slurm's own arrays may end with */
	more = try_xmalloc((count + 2) * sizeof(*more));
	if (!more) {
		xfree(entry);
		return false;
	}
	if (count)
		memcpy(more, *env, count * sizeof(*more));
	more[count] = entry;
	xfree(*env);
	*env = more;
	*size = count + 1;
	return true;
}

void gp_env_clean(char **env, uint32_t *size, struct gp_text_filter *filter)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; env && i < *size; i++) {
		char *entry = env[i];

		env[i] = NULL;
		if (gp_text_stays(filter, entry))
			env[kept++] = entry;
		else
			xfree(entry);
	}
	if (env)
		*size = kept;
}

void gp_job_env_clean(job_record_t *job, bool begins)
{
	struct gp_text_filter filter = {.has_run = !begins && job->restart_cnt > 0};

	if (!job->spank_job_env_size)
		return;
	gp_env_clean(job->spank_job_env, &job->spank_job_env_size, &filter);
	/* that of an earlier run is no news */
	if (gp_text_dropped(&filter) && !(begins && job->restart_cnt))
		info("gputopo: job %u of user %u: %d forged, %d repeated and %d "
		     "oversized entries of its SPANK environment are dropped; the first "
		     "of ours: %s",
		     job->job_id, job->user_id, filter.forged,
		     filter.twice + filter.opposed, filter.large, filter.name);
}

bool gp_job_env_set(job_record_t *job, const char *name, const char *value)
{
	return gp_env_set(&job->spank_job_env, &job->spank_job_env_size, name, value);
}

void gp_job_env_tell(const job_record_t *job, const char *name, const char *value)
{
	uint32_t entries = job->details->env_cnt; /* of another width in each release */

	gp_env_set(&job->details->env_sup, &entries, name, value);
	job->details->env_cnt = (__typeof__(job->details->env_cnt))entries;
}
