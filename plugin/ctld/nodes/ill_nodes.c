/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ill_nodes.c - keep lost GPUs from every job. Called by controller.c around job_test.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "conf/health.h"
#include "core/fnv.h"
#include "plugin/ctld/nodes/ill_nodes.h"

#define LOST_JOB UINT32_MAX /* no job has this number */
#define MAX_TOLD 20	    /* nodes that are named at one look */

void gp_ill_nodes_release(struct gp_ill_nodes *ill)
{
	free(ill->seen);
	free(ill->ill);
	memset(ill, 0, sizeof(*ill));
}

void gp_ill_nodes_reset(struct gp_ill_nodes *ill, int node_count)
{
	gp_ill_nodes_release(ill);
	ill->seen = calloc((size_t)node_count + 1, sizeof(*ill->seen));
	ill->node_count = ill->seen ? node_count : 0;
}

/* Without memory a GPU stays with stock, which is what it would have without us. */
static void put(struct gp_ill_nodes *ill, int node, uint64_t lost)
{
	struct gp_ill_node *more;
	int at = 0;

	while (at < ill->count && ill->ill[at].node != node)
		at++;
	if (at == ill->room && lost) {
		more = realloc(ill->ill, (size_t)(2 * at + 8) * sizeof(*more));
		if (!more)
			return;
		ill->ill = more;
		ill->room = 2 * at + 8;
	}
	if (lost) {
		ill->ill[at] = (struct gp_ill_node){.node = node, .lost = lost};
		ill->count += at == ill->count;
	} else if (at < ill->count) {
		ill->ill[at] = ill->ill[--ill->count];
	}
}

static void say(const char *name, const struct gp_health *health, bool readable)
{
	char text[512];

	if (readable)
		info("gputopo: node %s: %s", name,
		     gp_health_say(health, text, sizeof(text)));
	else
		error("gputopo: node %s: Extra= has a health that cannot be read; the "
		      "node counts as sound",
		      name);
}

/* The node reports something else than it did. false: its GPUs are not known yet, as
 * after a restart of slurmctld until it registers; to be asked again. */
static bool change(struct gp_ill_nodes *ill, struct gp_models *models, int node,
		   const char *report, bool speak)
{
	const struct gp_binding *binding = NULL;
	const node_record_t *record;
	struct gp_health health;
	struct gp_gpus gpus;
	const char *name;
	bool readable = gp_health_read(&health, report) || !report;

	if (!gp_bridge_record(node, &record, &name))
		return true;
	if (gp_bridge_node(record, &gpus) == GP_OK)
		binding = gp_models_bind(models, node, name, &gpus);
	else if (report)
		return false;
	put(ill, node,
	    binding && binding->settings.mode == GP_MODE_ENFORCE ? health.lost : 0);
	if (speak)
		say(name, &health, readable);
	return true;
}

void gp_ill_nodes_look(struct gp_ill_nodes *ill, struct gp_models *models,
		       struct gp_free_bound *bound, time_t now)
{
	int told = 0;

	if (now == ill->looked || !models)
		return;
	ill->looked = now;
	for (int n = 0; n < ill->node_count; n++) {
		const char *report = gp_health_part(gp_bridge_extra(n));
		uint64_t seen =
			report ? gt_fnv(GT_FNV_START, report, strlen(report)) | 1 : 0;

		if (seen == ill->seen[n] ||
		    !change(ill, models, n, report, told < MAX_TOLD))
			continue;
		ill->seen[n] = seen;
		told++;
		gp_free_bound_forget(bound, n);
	}
	if (told > MAX_TOLD)
		info("gputopo: and %d more nodes whose health has changed",
		     told - MAX_TOLD);
}

void gp_ill_nodes_again(const struct gp_ill_nodes *ill, struct gp_running *running)
{
	for (int i = 0; i < ill->count; i++)
		if (ill->ill[i].is_hidden)
			gp_running_put(running, ill->ill[i].node, LOST_JOB,
				       ill->ill[i].hidden.added);
}

void gp_ill_nodes_hide(struct gp_ill_nodes *ill, struct gp_running *running)
{
	for (int i = 0; i < ill->count; i++) {
		struct gp_ill_node *one = &ill->ill[i];
		const node_record_t *record;
		struct gp_gpus gpus;
		uint64_t hide = 0;
		const char *name;

		one->is_hidden = false;
		if (!gp_bridge_record(one->node, &record, &name) ||
		    gp_bridge_node(record, &gpus) != GP_OK || gpus.counted)
			continue;
		for (int g = 0; g < gpus.size; g++)
			if (one->lost >> gpus.place[g].n & 1)
				hide |= (uint64_t)1 << g;
		hide &= gpus.free;
		one->is_hidden = hide && gp_bridge_hide(&gpus, hide, &one->hidden);
	}
	gp_ill_nodes_again(ill, running);
}

void gp_ill_nodes_unhide(struct gp_ill_nodes *ill, struct gp_running *running)
{
	for (int i = 0; i < ill->count; i++) {
		if (!ill->ill[i].is_hidden)
			continue;
		gp_bridge_unhide(&ill->ill[i].hidden);
		gp_running_drop(running, ill->ill[i].node, LOST_JOB);
		ill->ill[i].is_hidden = false;
	}
}
