/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions of a node's prolog to slurmctld. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "plugin/common/mig_text.h"
#include "plugin/node/mig/slurm_api.h"
#include "plugin/node/mig/mig_ask.h"

#define PATIENCE_S 60

/* The answer, to be freed by slurm_free_job_info_msg; NULL: none, and *is_known says
 * whether slurmctld has said that there is no such job. */
static job_info_msg_t *load(uint32_t job, bool *is_unknown)
{
	time_t end = time(NULL) + PATIENCE_S;
	job_info_msg_t *info = NULL;

	/* From 24.11 on slurmstepd runs prologs before it can talk to slurmctld. */
	slurm_init(NULL);
	*is_unknown = false;
	while (gp_load_job(&info, job, SHOW_ALL | SHOW_DETAIL | SHOW_LOCAL) !=
	       SLURM_SUCCESS) {
		*is_unknown = errno == ESLURM_INVALID_JOB_ID;
		if (*is_unknown || time(NULL) >= end)
			return NULL;
		sleep(1);
	}
	return info;
}

/* The record of the job itself: an array or a het job has several. */
static const slurm_job_info_t *find(const job_info_msg_t *info, uint32_t job)
{
	for (uint32_t i = 0; info && i < info->record_count; i++)
		if (info->job_array[i].job_id == job)
			return &info->job_array[i];
	return NULL;
}

/* The node's place among the job's; -1: it is none of them. */
static int place_of(const slurm_job_info_t *job, const char *node)
{
	__auto_type nodes = job->nodes ? slurm_hostlist_create(job->nodes) : NULL;
	int place = nodes ? slurm_hostlist_find(nodes, node) : -1;

	if (nodes)
		slurm_hostlist_destroy(nodes);
	return place;
}

static int slices_of(uint32_t job, const char *node)
{
	bool is_unknown;
	job_info_msg_t *info = load(job, &is_unknown);
	const slurm_job_info_t *record = find(info, job);
	int place = record ? place_of(record, node) : -1, slices;

	if (!info && !is_unknown)
		return -1;
	slices = place >= 0 && (uint32_t)place < record->gres_detail_cnt
			 ? gp_mig_shards_read(record->gres_detail_str[place])
			 : 0;
	if (info)
		slurm_free_job_info_msg(info);
	return slices;
}

static bool is_running(uint32_t job, int restart, const char *node)
{
	bool is_unknown, runs = false;
	job_info_msg_t *info = load(job, &is_unknown);
	const slurm_job_info_t *record = find(info, job);

	if (!info)
		return !is_unknown;
	if (record && place_of(record, node) >= 0) {
		uint32_t state = record->job_state & JOB_STATE_BASE;

		runs = (record->job_state & JOB_COMPLETING) ||
		       ((state == JOB_RUNNING || state == JOB_SUSPENDED) &&
			(restart < 0 || restart == (int)record->restart_cnt));
	}
	slurm_free_job_info_msg(info);
	return runs;
}

const struct gp_mig_authority gp_mig_slurmctld = {slices_of, is_running};
