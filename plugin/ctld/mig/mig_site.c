/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_site.c - one node that gives jobs MIG slices: read it, find a place on it, hide
 * its other GPUs. Called by mig_select.c and mig_submit.c.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/ctld/mig/mig_site.h"
#include "plugin/ctld/estimate/start_estimate.h"

#define ROUNDS 256 /* ends of jobs that one forecast looks at */

/* ---- spaces ---- */

void gp_mig_spaces_release(struct gp_mig_spaces *spaces)
{
	for (int i = 0; i < spaces->count; i++)
		gt_mig_space_free(spaces->space[i]);
	memset(spaces, 0, sizeof(*spaces));
}

/* The space of a GPU by its product name; NULL: no such table, or no memory. */
static const struct gt_mig_space *find_space(struct gp_mig_spaces *spaces,
					     const char *model)
{
	const struct gt_mig_gpu *gpu;

	if (gt_mig_gpu_find(&gpu, model, NULL))
		return NULL;
	for (int i = 0; i < spaces->count; i++)
		if (strcmp(gt_mig_space_gpu(spaces->space[i])->name, gpu->name) == 0)
			return spaces->space[i];
	if (spaces->count == GP_MIG_MODELS ||
	    gt_mig_space_new(&spaces->space[spaces->count], gpu, NULL, NULL))
		return NULL;
	return spaces->space[spaces->count++];
}

static const struct gt_mig_space *space_of(struct gp_mig_spaces *spaces,
					   const char *model)
{
	if (spaces->of_model && strcmp(spaces->model, model) == 0)
		return spaces->of_model;
	spaces->of_model =
		strlen(model) < sizeof(spaces->model) ? find_space(spaces, model) : NULL;
	if (!spaces->of_model)
		return find_space(spaces, model);
	strcpy(spaces->model, model);
	return spaces->of_model;
}

/* ---- the node ---- */

/* The record that counts the shards of one GPU; -1: none, or not as many as slices. */
static int topo_of(const gres_node_state_t *shards, int gpu, int units)
{
	for (int t = 0; t < shards->topo_cnt; t++) {
		bitstr_t *bits = shards->topo_gres_bitmap[t];

		if (bits && gpu < bit_size(bits) && bit_test(bits, gpu))
			return bit_set_count(bits) == 1 &&
					       shards->topo_gres_cnt_avail[t] ==
						       (uint64_t)units
				       ? t
				       : -1;
	}
	return -1;
}

static bool has_counts(const gres_node_state_t *shards)
{
	return shards && shards->topo_cnt > 0 && shards->topo_cnt <= GP_MAX_GPUS &&
	       shards->topo_gres_bitmap && shards->topo_gres_cnt_avail &&
	       shards->topo_gres_cnt_alloc;
}

static const struct gt_gpu *gpu_at(const struct gp_mig_site *site, int gpu)
{
	return gt_node_gpu(gt_table_node(site->binding->table),
			   site->binding->to_model[gpu].n);
}

/* GPUs in MIG mode of one model, with one shard a slice. */
static bool read_gpus(struct gp_mig_site *site, struct gp_mig_spaces *spaces)
{
	for (int g = 0; g < site->gpus; g++) {
		const struct gt_gpu *gpu;
		const struct gt_mig_space *space;

		if (site->binding->instances >> g & 1 || site->binding->to_model[g].n < 0)
			continue;
		gpu = gpu_at(site, g);
		space = gpu->mig ? space_of(spaces, gpu->model) : NULL;
		if (!space)
			continue;
		if (site->space && site->space != space)
			return false;
		site->space = space;
		site->topo[g] = topo_of(site->shards, g, gt_mig_space_gpu(space)->units);
		if (site->topo[g] >= 0)
			site->mig |= (uint64_t)1 << g;
	}
	return site->mig != 0;
}

/* GPUs of a node that was read before: what does not change while it is registered is in
 * its binding. */
static bool recall_gpus(struct gp_mig_site *site, const struct gp_models *models)
{
	const gres_node_state_t *state = gp_bridge_gres(site->record, "gpu");
	const struct gp_binding *binding = gp_models_recall(models, site->node);

	if (!binding || !binding->table || !state || !state->gres_bit_alloc ||
	    state->no_consume || bit_size(state->gres_bit_alloc) != binding->size ||
	    state->gres_cnt_avail != (uint64_t)binding->size)
		return false;
	site->binding = binding;
	site->gpus = binding->size;
	site->whole = gp_bridge_bits(state->gres_bit_alloc, site->gpus);
	return true;
}

bool gp_mig_site_read(struct gp_mig_site *site, int node, struct gp_models *models,
		      struct gp_mig_spaces *spaces)
{
	struct gp_gpus gpus;

	memset(site, 0, sizeof(*site));
	site->node = node;
	site->record = node_record_table_ptr[node];
	if (!site->record || !models)
		return false;
	site->shards = gp_bridge_gres(site->record, "shard");
	if (!has_counts(site->shards))
		return false;
	if (recall_gpus(site, models))
		return read_gpus(site, spaces);
	if (gp_bridge_node(site->record, &gpus) != GP_OK)
		return false;
	site->gpus = gpus.size;
	site->whole = gpus.allocated;
	site->binding = gp_models_bind(models, node, site->record->name, &gpus);
	return site->binding && site->binding->table && read_gpus(site, spaces);
}

/* ---- the node's own numbers ---- */

int gp_mig_site_rank(const struct gp_mig_site *site, int gpu)
{
	const struct gt_node *node = gt_table_node(site->binding->table);
	int own = gpu_at(site, gpu)->minor, rank = 0;

	for (int i = 0; i < gt_node_size(node); i++) {
		int minor = gt_node_gpu(node, i)->minor;

		if (minor < 0)
			return site->binding->to_model[gpu].n;
		rank += minor < own;
	}
	return rank;
}

int gp_mig_site_bit(const struct gp_mig_site *site, int rank)
{
	for (int g = 0; g < site->gpus; g++)
		if (site->mig >> g & 1 && gp_mig_site_rank(site, g) == rank)
			return g;
	return -1;
}

/* ---- what is free ---- */

/* When a job ends, as a forecast sees it: 0 nobody knows. */
static time_t end_of(uint32_t job_id, time_t now)
{
	time_t end = gp_bridge_end(job_id);

	return end && end <= now ? now + 1 : end;
}

/* One that should have ended already is gone at any moment to come. */
static bool has_ended(uint32_t job_id, time_t when)
{
	time_t end = when ? gp_bridge_end(job_id) : 0;

	return end && end <= when;
}

/* GPUs that no job will hold whole by then. */
static uint64_t not_whole(const struct gp_mig_site *site,
			  const struct gp_running *running, time_t when)
{
	uint64_t whole = site->whole;
	const struct gp_held *held;
	int count;

	if (when) {
		held = gp_running_on(running, site->node, &count);
		for (int i = 0; i < count; i++)
			if (has_ended(held[i].job_id, when))
				whole &= ~held[i].gpus;
	}
	return site->mig & ~whole;
}

static int profile_of(const struct gp_mig_site *site, int compute, int size,
		      const char *suffix)
{
	return gt_mig_profile_by_slices(gt_mig_space_gpu(site->space), compute, size,
					suffix);
}

/* gp_mig_site_bit of each number. */
static void read_bits(const struct gp_mig_site *site, int bit_of[GP_MAX_GPUS])
{
	for (int r = 0; r < GP_MAX_GPUS; r++)
		bit_of[r] = -1;
	for (int g = site->gpus - 1; g >= 0; g--)
		if (site->mig >> g & 1)
			bit_of[gp_mig_site_rank(site, g)] = g;
}

/* Put what the jobs hold then on the fleet's GPUs from base on. Returns the GPUs that are
 * open, none on a contradiction. */
static uint64_t fill(struct gt_mig_fleet *fleet, int base, const struct gp_mig_site *site,
		     const struct gp_slice_ledger *ledger,
		     const struct gp_running *running, time_t when)
{
	uint64_t open = not_whole(site, running, when);
	int counted[GP_MAX_GPUS] = {0}, bit_of[GP_MAX_GPUS], at = -1;
	const struct gp_mig_held *held;
	bool known = false;

	while ((held = gp_slice_ledger_next(ledger, site->node, &at))) {
		const struct gp_mig_slice *s = &held->slice;
		struct gt_mig_instance instance;
		int gpu;

		if (has_ended(held->job_id, when))
			continue;
		if (!known)
			read_bits(site, bit_of);
		known = true;
		gpu = s->gpu >= 0 && s->gpu < GP_MAX_GPUS ? bit_of[s->gpu] : -1;
		instance = (struct gt_mig_instance){
			base + gpu, profile_of(site, s->compute, s->size, s->suffix),
			s->start};
		if (gpu < 0 || instance.profile < 0 ||
		    gt_mig_add(fleet, &instance, NULL) != GT_OK)
			return 0;
		counted[gpu] += s->size;
	}
	/* A job that Slurm counts and that says nothing of its slices. One that is
	 * completing has slices that Slurm counts no more. */
	for (int g = 0; g < site->gpus && !when; g++)
		if (site->mig >> g & 1 &&
		    site->shards->topo_gres_cnt_alloc[site->topo[g]] >
			    (uint64_t)counted[g])
			open &= ~((uint64_t)1 << g);
	return open;
}

/* The policy; one start for all, so that answers repeat. */
static enum gt_mig_policy policy_of(const struct gp_mig_site *site)
{
	return site->binding->settings.mig_policy == GT_INSTANCES_SPREAD
		       ? GT_MIG_SPREAD
		       : GT_MIG_LOOKAHEAD;
}

/* The other instances of the wish beside the first, on its GPU; false: no room, and the
 * fleet is as before. */
static bool place_rest(struct gt_mig_fleet *fleet, const struct gp_mig_site *site,
		       const struct gp_mig_wish *wish, struct gp_mig_fit *fit)
{
	uint64_t here = (uint64_t)1 << fit->gpu;
	struct gt_mig_instance place = {fit->gpu, fit->profile, fit->start[0]};

	for (fit->count = 0; fit->count < wish->count; fit->count++) {
		if ((fit->count && !gt_mig_place(fleet, fit->profile, policy_of(site),
						 &here, &place)) ||
		    gt_mig_add(fleet, &place, NULL) != GT_OK)
			break;
		fit->start[fit->count] = place.start;
	}
	if (fit->count == wish->count)
		return true;
	while (fit->count > 0)
		gt_mig_remove(fleet, fit->gpu, fit->start[--fit->count], NULL, NULL);
	return false;
}

int gp_mig_site_size(const struct gp_mig_site *site, const struct gp_mig_wish *wish)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(site->space);
	int profile;

	if (gt_mig_profile_find(gpu, wish->profile, &profile, NULL))
		return 0;
	return gpu->profile[profile].size;
}

bool gp_mig_site_may(const struct gp_mig_site *site, const struct gp_mig_wish *wish)
{
	int size = gp_mig_site_size(site, wish);

	return size > 0 && size * wish->count <= gt_mig_space_gpu(site->space)->units;
}

bool gp_mig_site_fit(const struct gp_mig_site *site, const struct gp_slice_ledger *ledger,
		     const struct gp_running *running, const struct gp_mig_wish *wish,
		     uint64_t among, time_t when, struct gp_mig_fit *fit)
{
	const struct gt_mig_gpu *gpu = gt_mig_space_gpu(site->space);
	struct gt_mig_instance place;
	struct gt_mig_fleet *fleet;
	bool fits = false;
	uint64_t open;

	memset(fit, 0, sizeof(*fit));
	if (gt_mig_profile_find(gpu, wish->profile, &fit->profile, NULL) ||
	    gt_mig_fleet_new(&fleet, site->space, site->gpus, NULL))
		return false;
	open = fill(fleet, 0, site, ledger, running, when) & among;
	while (!fits &&
	       gt_mig_place(fleet, fit->profile, policy_of(site), &open, &place)) {
		fit->gpu = place.gpu;
		fit->start[0] = place.start;
		fits = place_rest(fleet, site, wish, fit);
		open &= ~((uint64_t)1 << place.gpu);
	}
	gt_mig_fleet_free(fleet);
	return fits;
}

/* ---- when ---- */

/* The first end after `after` of a job on this node; 0: none that is known. */
static time_t next_end(const struct gp_mig_site *site,
		       const struct gp_slice_ledger *ledger,
		       const struct gp_running *running, time_t after, time_t now)
{
	const struct gp_mig_held *slice;
	const struct gp_held *held;
	time_t next = 0, end;
	int at = -1, count;

	while ((slice = gp_slice_ledger_next(ledger, site->node, &at))) {
		end = end_of(slice->job_id, now);
		if (end > after && (!next || end < next))
			next = end;
	}
	held = gp_running_on(running, site->node, &count);
	for (int i = 0; i < count; i++) {
		end = end_of(held[i].job_id, now);
		if (end > after && (!next || end < next))
			next = end;
	}
	return next;
}

time_t gp_mig_site_when(const struct gp_mig_site *site,
			const struct gp_slice_ledger *ledger,
			const struct gp_running *running, const struct gp_mig_wish *wish,
			time_t now)
{
	time_t when = 0;
	struct gp_mig_fit fit;

	if (!gp_mig_site_may(site, wish))
		return GP_NEVER;
	for (int round = 0; round < ROUNDS; round++) {
		if (gp_mig_site_fit(site, ledger, running, wish, site->mig, when, &fit))
			return when;
		when = next_end(site, ledger, running, when, now);
		if (!when)
			return GP_NOT_KNOWN;
	}
	return GP_NOT_KNOWN;
}

/* ---- which ---- */

/* Bits of a site's GPUs among those of a fleet, from base on. */
static void open_gpus(uint64_t *open, int base, uint64_t gpus)
{
	open[base / 64] |= gpus << base % 64;
	if (base % 64)
		open[base / 64 + 1] |= gpus >> (64 - base % 64);
}

/* The site whose GPUs the fleet's GPU is one of. */
static int site_of(const struct gp_mig_site *sites, int count, const int *first, int gpu)
{
	for (int i = 0; i < count; i++)
		if (first[i] >= 0 && gpu >= first[i] && gpu < first[i] + sites[i].gpus)
			return i;
	return -1;
}

/* The GPUs of all sites with this space as one fleet; *first[i]: where those of site i
 * begin, -1 for others. NULL: no memory. */
static struct gt_mig_fleet *join(const struct gp_mig_site *sites, int count,
				 const struct gt_mig_space *space, int *first)
{
	struct gt_mig_fleet *fleet = NULL;
	int gpus = 0;

	for (int i = 0; i < count; i++) {
		first[i] = sites[i].space == space ? gpus : -1;
		gpus += sites[i].space == space ? sites[i].gpus : 0;
	}
	if (gt_mig_fleet_new(&fleet, space, gpus, NULL))
		return NULL;
	return fleet;
}

static int best_of(const struct gp_mig_site *sites, int count,
		   const struct gp_slice_ledger *ledger, const struct gp_mig_wish *wish,
		   const struct gt_mig_space *space, int *first, uint64_t *open)
{
	static const struct gp_running nobody;
	struct gt_mig_fleet *fleet = join(sites, count, space, first);
	struct gt_mig_instance place;
	int best = -1, profile;

	if (!fleet)
		return -1;
	memset(open, 0, ((size_t)count + 1) * sizeof(*open));
	for (int i = 0; i < count; i++)
		if (first[i] >= 0)
			open_gpus(open, first[i],
				  fill(fleet, first[i], &sites[i], ledger, &nobody, 0));
	if (gt_mig_profile_find(gt_mig_space_gpu(space), wish->profile, &profile, NULL) ==
	    GT_OK)
		while (best < 0 &&
		       gt_mig_place(fleet, profile, policy_of(&sites[0]), open, &place)) {
			struct gp_mig_fit fit;

			best = site_of(sites, count, first, place.gpu);
			open[place.gpu / 64] &= ~((uint64_t)1 << place.gpu % 64);
			if (best < 0 ||
			    !gp_mig_site_fit(&sites[best], ledger, &nobody, wish,
					     (uint64_t)1 << (place.gpu - first[best]), 0,
					     &fit))
				best = -1;
		}
	gt_mig_fleet_free(fleet);
	return best;
}

int gp_mig_site_best(const struct gp_mig_site *sites, int count,
		     const struct gp_slice_ledger *ledger, const struct gp_mig_wish *wish)
{
	int *first = malloc(((size_t)count + 1) * sizeof(*first));
	uint64_t *open = calloc((size_t)count + 1, sizeof(*open));
	int best = -1;

	for (int i = 0; i < count && best < 0 && first && open; i++) {
		int j = 0;

		while (sites[j].space != sites[i].space)
			j++;
		if (j == i) /* the first of its model */
			best = best_of(sites, count, ledger, wish, sites[i].space, first,
				       open);
	}
	free(first);
	free(open);
	return best;
}

/* ---- hiding ---- */

void gp_mig_site_hide(struct gp_mig_site *site, int gpu, int shards)
{
	gres_node_state_t *state = site->shards;
	uint64_t most;

	for (int t = 0; t < state->topo_cnt; t++) {
		site->before[t] = state->topo_gres_cnt_alloc[t];
		most = state->topo_gres_cnt_avail[t];
		if (t == site->topo[gpu])
			most = most > (uint64_t)shards ? most - (uint64_t)shards : 0;
		/* Never lower: Slurm would give away what is in use. */
		if (state->topo_gres_cnt_alloc[t] < most)
			state->topo_gres_cnt_alloc[t] = most;
	}
	site->hidden = true;
}

void gp_mig_site_unhide(struct gp_mig_site *site)
{
	for (int t = 0; site->hidden && t < site->shards->topo_cnt; t++)
		site->shards->topo_gres_cnt_alloc[t] = site->before[t];
	site->hidden = false;
}
