/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_request.c - read what a job asks of GPUs: counts, types, wish, previous run.
 * Called by controller.c for every job_test that is not a MIG job's.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/common/wish_names.h"
#include "plugin/ctld/request/job_request.h"
#include "plugin/slurm/job_env.h"

void gp_wish_read(const job_record_t *job, struct gp_wish *wish)
{
	gp_wish_parse(job->spank_job_env, job->spank_job_env_size,
		      job->details && (job->details->min_nodes > 1 ||
				       !gp_bridge_may_be_one_node(job)),
		      wish, NULL);
}

void gp_wish_send(const job_record_t *job)
{
	char sizes[GT_GROUPS_TEXT_MAX];
	struct gp_wish wish;

	gp_wish_read(job, &wish);
	if (wish.shape.groups.count)
		gp_job_env_tell(job, GP_ENV_GROUPS,
				gt_groups_format(&wish.shape.groups, sizes,
						 sizeof(sizes)));
	if (wish.shape.id)
		gp_job_env_tell(job, GP_ENV_COMM, gt_comm_name(wish.shape.comm));
}

void gp_wish_show(job_record_t *job)
{
	char text[256];

	if (!job->admin_comment &&
	    gp_wish_text(job->spank_job_env, job->spank_job_env_size, text, sizeof(text)))
		gp_bridge_comment(job, text);
}

/* GPUs on each node. Of several nodes that share a total, each has an even share as far
 * as wishes go. */
static void read_count(struct gp_job_request *request, const struct gp_test *test)
{
	const job_record_t *job = test->job;
	int nodes = (int)test->min_nodes, total;

	if (nodes <= 1) {
		request->count = gp_bridge_count(job, &request->asked);
		return;
	}
	request->count = gp_bridge_per_node(job, &request->asked);
	total = request->count ? 0 : gp_bridge_total(job, &request->asked);
	if (total && total / nodes <= GP_MAX_GPUS) {
		request->count = total / nodes;
		request->even = total % nodes == 0;
	}
}

void gp_job_request_read(struct gp_job_request *request, const struct gp_test *test,
			 bool no_split, bool has_ratio)
{
	const job_record_t *job = test->job;
	bool shaped;

	memset(request, 0, sizeof(*request));
	request->why = gp_bridge_job(job, &request->asked);
	if (request->why != GP_OK || !job->details)
		return;
	gp_wish_read(job, &request->wish);
	gp_shape_hint(&request->wish.shape, request->asked.per_task);
	gp_previous_run_read(job, &request->previous);
	if (request->wish.off)
		request->wish.shape = (struct gp_shape){.id = 0};
	shaped = gp_shape_binds(&request->wish.shape);
	request->reserved = GP_RESERVED(test);
	request->granted = GP_GRANTED(test);
	read_count(request, test);
	request->wish.one_node = (no_split || shaped) && request->asked.per_job &&
				 test->min_nodes <= 1 && gp_bridge_may_be_one_node(job);
	/* Types: only one. */
	request->binds =
		(request->count > 1 || (request->count && shaped)) &&
		!(request->asked.typed && request->asked.entries > 1) &&
		(request->wish.asked || request->wish.one_node || shaped || has_ratio);
}
