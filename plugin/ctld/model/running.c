/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * running.c - the index node -> {job, GPUs}. The hooks of the controller fill it;
 * choice.c, node_score.c and the forecasts read it.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/model/running.h"

static struct gp_node_jobs *node_at(const struct gp_running *running, int node)
{
	return node >= 0 && node < running->node_count ? &running->nodes[node] : NULL;
}

void gp_running_release(struct gp_running *running)
{
	for (int i = 0; i < running->node_count; i++)
		free(running->nodes[i].held);
	free(running->nodes);
	memset(running, 0, sizeof(*running));
}

bool gp_running_reset(struct gp_running *running, int node_count)
{
	gp_running_release(running);
	if (node_count <= 0)
		return true;
	running->nodes = calloc((size_t)node_count, sizeof(*running->nodes));
	if (!running->nodes)
		return false;
	running->node_count = node_count;
	return true;
}

static bool make_room(struct gp_node_jobs *jobs)
{
	int room = jobs->room ? 2 * jobs->room : 4;
	struct gp_held *more;

	if (jobs->count < jobs->room)
		return true;
	more = realloc(jobs->held, (size_t)room * sizeof(*more));
	if (!more)
		return false;
	jobs->held = more;
	jobs->room = room;
	return true;
}

void gp_running_drop(struct gp_running *running, int node, uint32_t job_id)
{
	struct gp_node_jobs *jobs = node_at(running, node);

	for (int i = 0; jobs && i < jobs->count; i++) {
		if (jobs->held[i].job_id != job_id)
			continue;
		jobs->held[i] = jobs->held[--jobs->count];
		return;
	}
}

bool gp_running_has(const struct gp_running *running, int node, uint32_t job_id)
{
	const struct gp_node_jobs *jobs = node_at(running, node);

	for (int i = 0; jobs && i < jobs->count; i++)
		if (jobs->held[i].job_id == job_id)
			return true;
	return false;
}

void gp_running_put(struct gp_running *running, int node, uint32_t job_id, uint64_t gpus)
{
	struct gp_node_jobs *jobs = node_at(running, node);

	if (!jobs)
		return;
	gp_running_drop(running, node, job_id);
	if (!gpus)
		return;
	if (!make_room(jobs)) {
		jobs->incomplete = true;
		return;
	}
	jobs->held[jobs->count++] = (struct gp_held){.job_id = job_id, .gpus = gpus};
}

const struct gp_held *gp_running_on(const struct gp_running *running, int node,
				    int *count)
{
	const struct gp_node_jobs *jobs = node_at(running, node);

	*count = jobs ? jobs->count : 0;
	return *count ? jobs->held : NULL;
}

bool gp_running_agrees(const struct gp_running *running, int node, uint64_t allocated)
{
	const struct gp_node_jobs *jobs = node_at(running, node);
	uint64_t seen = 0;

	if (!jobs || jobs->incomplete)
		return false;
	for (int i = 0; i < jobs->count; i++) {
		if (jobs->held[i].gpus & seen)
			return false;
		seen |= jobs->held[i].gpus;
	}
	return seen == allocated;
}
