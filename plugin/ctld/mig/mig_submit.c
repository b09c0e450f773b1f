/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_submit.c - whether any node can ever serve a job with --mig, and the text of the
 * refusal if not. Called by job_submit/gputopo through mig_object.h.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "core/append.h"
#include "plugin/ctld/mig/mig_select.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/state/config.h"

#define MAX_NAMED  4	       /* GPU models whose profiles are listed */
#define MAX_SHARDS GP_MAX_GPUS /* of one job on a node */

/* What the nodes have. */
struct offer {
	int sites;		       /* nodes that give away slices */
	int others;		       /* nodes that do not */
	int unknown;		       /* nodes that have not said yet what they have */
	int most;		       /* instances of the profile that one GPU holds */
	int by_shards[MAX_SHARDS + 1]; /* nodes that serve it by so many shards */
	size_t entry;		       /* bytes of one instance in a placement */
	int required;		       /* shards by which the required nodes serve it */
	const char *cannot;	       /* a required node that never serves it */
	const struct gt_mig_space *named[MAX_NAMED];
	int names;
};

/* How many instances an empty GPU holds, up to count. */
static int room_for(const struct gt_mig_space *space, int profile, int count)
{
	struct gt_mig_instance place;
	struct gt_mig_fleet *fleet;
	int placed = 0;

	if (gt_mig_fleet_new(&fleet, space, 1, NULL) != GT_OK)
		return 0;
	while (placed < count &&
	       gt_mig_place(fleet, profile, GT_MIG_LOOKAHEAD, NULL, &place) &&
	       gt_mig_add(fleet, &place, NULL) == GT_OK)
		placed++;
	gt_mig_fleet_free(fleet);
	return placed;
}

static void note_space(struct offer *offer, const struct gt_mig_space *space)
{
	for (int i = 0; i < offer->names; i++)
		if (offer->named[i] == space)
			return;
	if (offer->names < MAX_NAMED)
		offer->named[offer->names++] = space;
}

/* By how many shards an idle GPU of the site serves the wish; 0: never. */
static int shards_of(const struct gp_mig_site *site, const struct gp_mig_wish *wish,
		     struct offer *offer)
{
	int profile, room, shards = wish->count * gp_mig_site_size(site, wish);

	if (gt_mig_profile_find(gt_mig_space_gpu(site->space), wish->profile, &profile,
				NULL))
		return 0;
	room = room_for(site->space, profile, wish->count);
	if (room > offer->most)
		offer->most = room;
	return room == wish->count && shards <= MAX_SHARDS ? shards : 0;
}

/* Look at one node. A job has as many shards on each of its nodes: where it requires
 * some, those say how many. */
static void look(const struct gp_config *config, const struct gp_mig_question *question,
		 const struct gp_mig_wish *wish, int node, struct offer *offer)
{
	bool required = question->wish && gp_places_require(&question->places, node);
	const node_record_t *record = node_record_table_ptr[node];
	struct gp_mig_site site;
	int shards = 0;

	if (!gp_mig_site_read(&site, node, config->models, &gp_mig_state.spaces)) {
		if (!gp_bridge_is_settled(record)) {
			offer->unknown++;
			return;
		}
		offer->others++;
	} else {
		offer->sites++;
		if (gp_mig_entry_max(site.record->name) > offer->entry)
			offer->entry = gp_mig_entry_max(site.record->name);
		note_space(offer, site.space);
		if (question->wish)
			shards = shards_of(&site, wish, offer);
	}
	if (shards)
		offer->by_shards[shards]++;
	if (!required)
		return;
	if (!shards || (offer->required && offer->required != shards)) {
		if (!offer->cannot)
			offer->cannot = record->name;
	} else {
		offer->required = shards;
	}
}

/* The smallest number of shards by which enough nodes serve it; 0: none. */
static int enough(const struct offer *offer, int least)
{
	int need = least - offer->unknown;

	for (int s = 1; s <= MAX_SHARDS; s++)
		if (offer->by_shards[s] && offer->by_shards[s] >= need)
			return s;
	return 0;
}

static int most_nodes(const struct offer *offer)
{
	int most = 0;

	for (int s = 1; s <= MAX_SHARDS; s++)
		if (offer->by_shards[s] > most)
			most = offer->by_shards[s];
	return most;
}

static void list_profiles(struct gt_append *text, const struct offer *offer)
{
	for (int i = 0; i < offer->names; i++) {
		const struct gt_mig_gpu *gpu = gt_mig_space_gpu(offer->named[i]);

		gt_append(text, "%s", i ? "; " : "; there are ");
		for (int p = 0; p < gpu->count; p++)
			gt_append(text, "%s%s", p ? "," : "", gpu->profile[p].name);
		gt_append(text, " (%s)", gpu->name);
	}
}

/* For how many nodes a placement can be written; what cannot be cannot start. */
static size_t most_written(const struct gp_mig_wish *wish, const struct offer *offer)
{
	return GP_MIG_PLACE_MAX / (offer->entry * (size_t)wish->count);
}

static void say_why(struct gt_append *text, const struct gp_mig_question *question,
		    const struct gp_mig_wish *wish, const struct offer *offer)
{
	const char *asked = question->wish;

	if (offer->sites && (size_t)question->places.least > most_written(wish, offer)) {
		gt_append(text,
			  "gputopo: --mig=%s: one job can have it on %zu nodes at most; "
			  "split it, or make it an array",
			  asked, most_written(wish, offer));
	} else if (offer->cannot) {
		gt_append(
			text,
			"gputopo: --mig=%s: %s, which the job requires, can never serve "
			"it",
			asked, offer->cannot);
		list_profiles(text, offer);
	} else if (most_nodes(offer)) {
		gt_append(text,
			  "gputopo: --mig=%s: only %d of the %d nodes that it needs can "
			  "serve it",
			  asked, most_nodes(offer), question->places.least);
	} else if (offer->most > 0) {
		gt_append(text,
			  "gputopo: --mig=%s: one GPU has room for %d of them, and all "
			  "instances of a job on one node must be on one GPU",
			  asked, offer->most);
	} else if (!offer->sites && offer->unknown) {
		gt_append(text,
			  "gputopo: --mig=%s: no node has registered yet; try again in a "
			  "minute",
			  asked);
	} else {
		gt_append(text, "gputopo: --mig=%s: no node has GPUs with %s", asked,
			  offer->sites ? wish->profile : "MIG slices");
		list_profiles(text, offer);
	}
}

struct gp_mig_verdict gp_mig_judge(const struct gp_config *config,
				   const struct gp_mig_question *question)
{
	struct gp_mig_verdict verdict = {0};
	struct gt_append text = gt_append_to(verdict.text, sizeof(verdict.text));
	int least = question->places.least;
	struct gp_mig_wish wish = {0};
	struct offer offer = {0};

	/* job_submit_mig.c has read it, too */
	if (question->wish && !gp_mig_wish_read(question->wish, &wish))
		return (struct gp_mig_verdict){.refused = true};
	for (int n = 0; n < config->node_count; n++)
		if (node_record_table_ptr[n] && gp_places_have(&question->places, n))
			look(config, question, &wish, n, &offer);
	if (question->wish) {
		verdict.shards = offer.required ? offer.required : enough(&offer, least);
		verdict.refused =
			(offer.sites && (size_t)least > most_written(&wish, &offer)) ||
			offer.cannot || !verdict.shards ||
			offer.by_shards[verdict.shards] + offer.unknown < least;
		if (verdict.refused)
			say_why(&text, question, &wish, &offer);
	} else if (offer.sites && !offer.others && !offer.unknown) {
		gt_append(&text, "gputopo: shards are MIG slices here: ask for an "
				 "instance by --mig");
		verdict.refused = true;
	}
	return verdict;
}
