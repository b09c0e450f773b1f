/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caches.c - keep what is remembered of running jobs and nodes up to date. Called by the
 * hooks in controller.c, and by those who ask.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/state/caches.h"
#include "plugin/slurm/bridge.h"
#include "plugin/slurm/layout/layout.h"

#define REBUILD_SECONDS 60
/* A refusal is believed so long: nodes may come back without a job's end. */
#define REFUSED_SECONDS 120

static void put_held(int node, uint32_t job_id, uint64_t gpus, void *arg)
{
	gp_running_put(arg, node, job_id, gpus);
}

static int put_job(void *x, void *arg)
{
	const job_record_t *job = x;

	if (!gp_layout_holds(job))
		return 0;
	if (IS_JOB_RUNNING(job) || IS_JOB_SUSPENDED(job))
		gp_bridge_held(job, put_held, arg);
	return 0;
}

static void read_jobs(struct gp_caches *caches, int node_count)
{
	if (gp_running_reset(&caches->running, node_count) && &job_list && job_list)
		(void)list_for_each(job_list, put_job, &caches->running);
	gp_ill_nodes_again(&caches->ill, &caches->running);
}

bool gp_caches_reset(struct gp_caches *caches, int node_count)
{
	caches->rebuilt = 0;
	(void)gp_free_bound_reset(&caches->free_bound, node_count);
	gp_ill_nodes_reset(&caches->ill, node_count);
	gp_units_read(&caches->units, node_count);
	gp_units_say(&caches->units);
	return gp_running_reset(&caches->running, node_count);
}

void gp_caches_release(struct gp_caches *caches)
{
	gp_running_release(&caches->running);
	gp_free_bound_release(&caches->free_bound);
	gp_units_release(&caches->units);
	gp_ill_nodes_release(&caches->ill);
}

void gp_caches_rebuild(struct gp_caches *caches, int node_count)
{
	gp_free_bound_forget_all(&caches->free_bound);
	gp_units_read(&caches->units, node_count);
	read_jobs(caches, node_count);
}

void gp_caches_job_holds(struct gp_caches *caches, const job_record_t *job)
{
	gp_bridge_held(job, put_held, &caches->running);
}

/* A job that ends. */
struct ending {
	struct gp_caches *caches;
	bool had_gpus;
};

static void drop_held(int node, uint32_t job_id, void *arg)
{
	struct ending *ending = arg;

	ending->had_gpus |= gp_running_has(&ending->caches->running, node, job_id);
	gp_caches_job_leaves(ending->caches, job_id, node);
}

bool gp_caches_job_ends(struct gp_caches *caches, const job_record_t *job, time_t now)
{
	struct ending ending = {.caches = caches};

	gp_bridge_nodes(job, drop_held, &ending);
	caches->ends++;
	if (job->start_time && job->time_limit != INFINITE && job->time_limit != NO_VAL)
		gt_limit_memory_add(&caches->limits, job->time_limit * 60.0,
				    difftime(now, job->start_time));
	return ending.had_gpus;
}

void gp_caches_job_leaves(struct gp_caches *caches, uint32_t job_id, int node)
{
	gp_running_drop(&caches->running, node, job_id);
	gp_free_bound_forget(&caches->free_bound, node);
}

bool gp_caches_agree(struct gp_caches *caches, int node, uint64_t allocated,
		     int node_count)
{
	time_t now;

	if (gp_running_agrees(&caches->running, node, allocated))
		return true;
	now = time(NULL);
	if (now - caches->rebuilt < REBUILD_SECONDS)
		return false;
	caches->rebuilt = now;
	read_jobs(caches, node_count);
	return gp_running_agrees(&caches->running, node, allocated);
}

void gp_caches_refused(struct gp_caches *caches, uint32_t job_id, int nodes)
{
	caches->refusals[job_id % GP_REFUSALS] =
		(struct gp_refusal){job_id, caches->ends, time(NULL), nodes};
}

bool gp_caches_was_refused(const struct gp_caches *caches, uint32_t job_id, int nodes,
			   time_t now)
{
	const struct gp_refusal *refusal = &caches->refusals[job_id % GP_REFUSALS];

	return refusal->job_id == job_id && refusal->ends == caches->ends &&
	       now - refusal->when < REFUSED_SECONDS && nodes <= refusal->nodes;
}

bool gp_caches_may_ask_split(struct gp_caches *caches, time_t now)
{
	if (caches->split_asked == now)
		return false;
	caches->split_asked = now;
	return true;
}
