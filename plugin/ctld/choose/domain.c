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

	if (!gp_free_bound_may(&ctl->free_bound, node, least) ||
	    !gp_node_view_read(&view, node, asked, least, ctl->models, &ctl->free_bound))
		return false;
	if (asked->whole && __builtin_popcountll(view.free) < view.binding->size)
		return false;
	*ours = view.binding->settings.mode == GP_MODE_ENFORCE &&
		view.binding->settings.node_choice;
	*rank = (struct gp_node_score){.node = node,
				       .unit = gp_models_domain(ctl->models, node)};
	*gpus = __builtin_popcountll(view.usable);
	return rank->unit <= ctl->node_count;
}

static void forget(struct gp_controller *ctl)
{
	memset(ctl->domains, 0, ((size_t)ctl->node_count + 1) * sizeof(*ctl->domains));
	ctl->ranked = 0;
}

static void count_in(struct gp_controller *ctl, const struct gp_node_score *rank,
		     int gpus)
{
	struct gp_domain *domain = &ctl->domains[rank->unit];

	ctl->scores[ctl->ranked++] = *rank;
	if (!domain->nodes++)
		domain->first = rank->node;
	domain->gpus += gpus;
}

bool gp_domains_read(struct gp_controller *ctl, bitstr_t *offered,
		     const struct gp_job *asked, const struct gp_need *need)
{
	uint64_t lowest = UINT64_MAX;
	bool all_ours = true;

	forget(ctl);
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
			forget(ctl);
			lowest = weight;
			all_ours = true;
		}
		all_ours &= ours;
		count_in(ctl, &rank, gpus);
	}
	return all_ours && ctl->ranked &&
	       ctl->domains[ctl->scores[0].unit].nodes < ctl->ranked;
}

/* As many nodes as stock could have had, and enough GPUs. */
static bool has_room(const struct gp_controller *ctl, const struct gp_domain *domain,
		     const struct gp_need *need)
{
	int nodes = need->nodes < ctl->ranked ? need->nodes : ctl->ranked;

	return domain->nodes && !domain->tried && domain->nodes >= nodes &&
	       domain->nodes >= need->least && domain->gpus >= need->total;
}

bool gp_domains_next(struct gp_controller *ctl, const struct gp_need *need,
		     bitstr_t *nodes)
{
	struct gp_domain *best = NULL;

	/* 0 is no domain */
	for (int d = 1; d <= ctl->node_count; d++) {
		struct gp_domain *domain = &ctl->domains[d];

		if (has_room(ctl, domain, need) &&
		    (!best || domain->nodes < best->nodes ||
		     (domain->nodes == best->nodes && domain->first < best->first)))
			best = domain;
	}
	if (!best)
		return false;
	best->tried = true;
	bit_clear_all(nodes);
	for (int i = 0; i < ctl->ranked; i++)
		if (&ctl->domains[ctl->scores[i].unit] == best)
			bit_set(nodes, ctl->scores[i].node);
	return true;
}

/* Shares of wanted nodes, one more each round for every domain with room left, so that no
 * domain has two more than another without need. The domains with the most nodes, as few
 * as hold the job. false: all together have too few. */
static bool share_out(struct gp_controller *ctl, int wanted)
{
	int chosen = 0, room = 0, left = wanted;

	for (int d = 0; d <= ctl->node_count; d++)
		ctl->domains[d].share = -1;
	while (room < wanted) {
		struct gp_domain *most = NULL;

		for (int d = 1; d <= ctl->node_count; d++) {
			struct gp_domain *domain = &ctl->domains[d];

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
		for (int d = 1; d <= ctl->node_count; d++)
			if (left > 0 && ctl->domains[d].share >= 0 &&
			    ctl->domains[d].share < ctl->domains[d].nodes) {
				ctl->domains[d].share++;
				left--;
			}
	return chosen > 1;
}

bool gp_domains_split(struct gp_controller *ctl, const struct gp_need *need,
		      bitstr_t *nodes)
{
	if (!need->per_node || !share_out(ctl, need->nodes))
		return false;
	bit_clear_all(nodes);
	for (int i = 0; i < ctl->ranked; i++) {
		struct gp_domain *domain = &ctl->domains[ctl->scores[i].unit];

		if (domain->share > 0) {
			bit_set(nodes, ctl->scores[i].node);
			domain->share--;
		}
	}
	return true;
}
