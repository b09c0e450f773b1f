/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.c - find the NVLink domains that have room for a job of several nodes. Called
 * by preselect.c.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/choose/domain.h"

/* A candidate, or false. *domain: 0 for none. *ours: we may choose among its like. */
static bool read_node(struct gp_glue *glue, int node, const struct gp_job *asked,
		      const struct gp_need *need, struct gp_rank *rank, int *gpus,
		      bool *ours)
{
	int least = need->per_node > 1 ? need->per_node : 1;
	struct gp_view view;

	if (!gp_room_may(&glue->room, node, least) ||
	    !gp_rank_view(&view, node, asked, least, glue->models, &glue->room))
		return false;
	if (asked->whole && __builtin_popcountll(view.free) < view.binding->size)
		return false;
	*ours = view.binding->settings.mode == GP_MODE_ENFORCE &&
		view.binding->settings.node_choice;
	*rank = (struct gp_rank){.node = node,
				 .unit = gp_models_domain(glue->models, node)};
	*gpus = __builtin_popcountll(view.usable);
	return rank->unit <= glue->node_count;
}

static void forget(struct gp_glue *glue)
{
	memset(glue->domains, 0, ((size_t)glue->node_count + 1) * sizeof(*glue->domains));
	glue->ranked = 0;
}

static void count_in(struct gp_glue *glue, const struct gp_rank *rank, int gpus)
{
	struct gp_domain *domain = &glue->domains[rank->unit];

	glue->ranks[glue->ranked++] = *rank;
	if (!domain->nodes++)
		domain->first = rank->node;
	domain->gpus += gpus;
}

bool gp_domains_read(struct gp_glue *glue, bitstr_t *offered, const struct gp_job *asked,
		     const struct gp_need *need)
{
	uint64_t lowest = UINT64_MAX;
	bool all_ours = true;

	forget(glue);
	for (int64_t n = bit_ffs(offered), last = bit_fls(offered); n >= 0 && n <= last;
	     n++) {
		struct gp_rank rank;
		uint64_t weight;
		bool ours;
		int gpus;

		if (!bit_test(offered, n))
			continue;
		weight = gp_bridge_weight(node_record_table_ptr[n]);
		if (weight > lowest ||
		    !read_node(glue, (int)n, asked, need, &rank, &gpus, &ours))
			continue;
		if (weight < lowest) {
			forget(glue);
			lowest = weight;
			all_ours = true;
		}
		all_ours &= ours;
		count_in(glue, &rank, gpus);
	}
	return all_ours && glue->ranked &&
	       glue->domains[glue->ranks[0].unit].nodes < glue->ranked;
}

/* As many nodes as stock could have had, and enough GPUs. */
static bool has_room(const struct gp_glue *glue, const struct gp_domain *domain,
		     const struct gp_need *need)
{
	int nodes = need->nodes < glue->ranked ? need->nodes : glue->ranked;

	return domain->nodes && !domain->tried && domain->nodes >= nodes &&
	       domain->nodes >= need->least && domain->gpus >= need->total;
}

bool gp_domains_next(struct gp_glue *glue, const struct gp_need *need, bitstr_t *nodes)
{
	struct gp_domain *best = NULL;

	/* 0 is no domain */
	for (int d = 1; d <= glue->node_count; d++) {
		struct gp_domain *domain = &glue->domains[d];

		if (has_room(glue, domain, need) &&
		    (!best || domain->nodes < best->nodes ||
		     (domain->nodes == best->nodes && domain->first < best->first)))
			best = domain;
	}
	if (!best)
		return false;
	best->tried = true;
	bit_clear_all(nodes);
	for (int i = 0; i < glue->ranked; i++)
		if (&glue->domains[glue->ranks[i].unit] == best)
			bit_set(nodes, glue->ranks[i].node);
	return true;
}

/* Shares of wanted nodes, one more each round for every domain with room left, so that no
 * domain has two more than another without need. The domains with the most nodes, as few
 * as hold the job. false: all together have too few. */
static bool share_out(struct gp_glue *glue, int wanted)
{
	int chosen = 0, room = 0, left = wanted;

	for (int d = 0; d <= glue->node_count; d++)
		glue->domains[d].share = -1;
	while (room < wanted) {
		struct gp_domain *most = NULL;

		for (int d = 1; d <= glue->node_count; d++) {
			struct gp_domain *domain = &glue->domains[d];

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
		for (int d = 1; d <= glue->node_count; d++)
			if (left > 0 && glue->domains[d].share >= 0 &&
			    glue->domains[d].share < glue->domains[d].nodes) {
				glue->domains[d].share++;
				left--;
			}
	return chosen > 1;
}

bool gp_domains_split(struct gp_glue *glue, const struct gp_need *need, bitstr_t *nodes)
{
	if (!need->per_node || !share_out(glue, need->nodes))
		return false;
	bit_clear_all(nodes);
	for (int i = 0; i < glue->ranked; i++) {
		struct gp_domain *domain = &glue->domains[glue->ranks[i].unit];

		if (domain->share > 0) {
			bit_set(nodes, glue->ranks[i].node);
			domain->share--;
		}
	}
	return true;
}
