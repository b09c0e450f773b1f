/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.c - find the NVLink domains that have room for a job of several nodes. Called
 * by preselect.c.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/choose/domain.h"

/* A candidate, or false. *domain: 0 for none. *ours: we may choose among its like. */
static bool read_node(struct gp_controller *ctl, int node, const struct gp_job *asked,
		      const struct gp_need *need, struct gp_node_score *rank, int *gpus,
		      bool *ours)
{
	int least = need->per_node > 1 ? need->per_node : 1;
	struct gp_node_view view;

	if (!gp_free_bound_may(&ctl->caches.free_bound, node, least) ||
	    !gp_node_view_read(&view, node, asked, least, ctl->config.models,
			       &ctl->caches.free_bound))
		return false;
	if (asked->whole && __builtin_popcountll(view.free) < view.binding->size)
		return false;
	*ours = view.binding->settings.mode == GP_MODE_ENFORCE &&
		view.binding->settings.node_choice;
	*rank = (struct gp_node_score){
		.node = node, .unit = gp_models_domain(ctl->config.models, node)};
	*gpus = __builtin_popcountll(view.usable);
	return rank->unit <= ctl->config.node_count;
}

static void forget(struct gp_scratch *scratch, struct gp_need *need)
{
	memset(scratch->domains, 0,
	       ((size_t)need->domains + 1) * sizeof(*scratch->domains));
	need->ranked = 0;
}

static void count_in(struct gp_scratch *scratch, struct gp_need *need,
		     const struct gp_node_score *rank, int gpus)
{
	struct gp_domain *domain = &scratch->domains[rank->unit];

	scratch->scores[need->ranked++] = *rank;
	if (!domain->nodes++)
		domain->first = rank->node;
	domain->gpus += gpus;
}

bool gp_domains_read(struct gp_controller *ctl, bitstr_t *offered,
		     const struct gp_job *asked, struct gp_need *need)
{
	struct gp_scratch *scratch = &ctl->scratch;
	uint64_t lowest = UINT64_MAX;
	bool all_ours = true;

	need->domains = ctl->config.node_count;
	forget(scratch, need);
	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		struct gp_node_score rank;
		uint64_t weight;
		bool ours;
		int gpus;

		if (!bit_test(offered, n))
			continue;
		weight = gp_bridge_weight(node_record_table_ptr[n]);
		if (weight > lowest ||
		    !read_node(ctl, (int)n, asked, need, &rank, &gpus, &ours))
			continue;
		if (weight < lowest) {
			forget(scratch, need);
			lowest = weight;
			all_ours = true;
		}
		all_ours &= ours;
		count_in(scratch, need, &rank, gpus);
	}
	return all_ours && need->ranked &&
	       scratch->domains[scratch->scores[0].unit].nodes < need->ranked;
}

/* As many nodes as stock could have had, and enough GPUs. */
static bool has_room(const struct gp_domain *domain, const struct gp_need *need)
{
	int nodes = need->nodes < need->ranked ? need->nodes : need->ranked;

	return domain->nodes && !domain->tried && domain->nodes >= nodes &&
	       domain->nodes >= need->least && domain->gpus >= need->total;
}

bool gp_domains_next(struct gp_scratch *scratch, const struct gp_need *need)
{
	bitstr_t *nodes = scratch->picked;
	struct gp_domain *best = NULL;

	/* 0 is no domain */
	for (int d = 1; d <= need->domains; d++) {
		struct gp_domain *domain = &scratch->domains[d];

		if (has_room(domain, need) &&
		    (!best || domain->nodes < best->nodes ||
		     (domain->nodes == best->nodes && domain->first < best->first)))
			best = domain;
	}
	if (!best)
		return false;
	best->tried = true;
	bit_clear_all(nodes);
	for (int i = 0; i < need->ranked; i++)
		if (&scratch->domains[scratch->scores[i].unit] == best)
			bit_set(nodes, scratch->scores[i].node);
	return true;
}

/* Shares of wanted nodes, one more each round for every domain with room left, so that no
 * domain has two more than another without need. The domains with the most nodes, as few
 * as hold the job. false: all together have too few. */
static bool share_out(struct gp_scratch *scratch, const struct gp_need *need)
{
	int wanted = need->nodes, chosen = 0, room = 0, left = wanted;

	for (int d = 0; d <= need->domains; d++)
		scratch->domains[d].share = -1;
	while (room < wanted) {
		struct gp_domain *most = NULL;

		for (int d = 1; d <= need->domains; d++) {
			struct gp_domain *domain = &scratch->domains[d];

			if (domain->nodes && domain->share < 0 &&
			    (!most || domain->nodes > most->nodes))
				most = domain;
		}
		if (!most)
			return false;
		most->share = 0;
		room += most->nodes;
		chosen++;
	}
	while (left > 0)
		for (int d = 1; d <= need->domains; d++)
			if (left > 0 && scratch->domains[d].share >= 0 &&
			    scratch->domains[d].share < scratch->domains[d].nodes) {
				scratch->domains[d].share++;
				left--;
			}
	return chosen > 1;
}

bool gp_domains_split(struct gp_scratch *scratch, const struct gp_need *need)
{
	bitstr_t *nodes = scratch->picked;

	if (!need->per_node || !share_out(scratch, need))
		return false;
	bit_clear_all(nodes);
	for (int i = 0; i < need->ranked; i++) {
		struct gp_domain *domain = &scratch->domains[scratch->scores[i].unit];

		if (domain->share > 0) {
			bit_set(nodes, scratch->scores[i].node);
			domain->share--;
		}
	}
	return true;
}
