/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model made whole: symmetric links, islands, speeds, paths to GB/s. */
#include "config.h"

#include "core/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESS "GPU model not named"

/* Before names are compared, so that what is written is as different as what was read. */
static void clean_names(struct gt_node *node)
{
	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];

		gt_text_clean(gpu->model);
		gt_text_clean(gpu->uuid);
		gt_text_clean(gpu->bus_id);
		gt_text_clean(gpu->pci_root);
		gt_text_clean(gpu->cpus);
	}
}

static enum gt_err check_gpus(const struct gt_node *node, struct gt_error *err)
{
	for (int i = 0; i < node->n; i++) {
		const struct gt_gpu *gpu = &node->gpu[i];

		if (gpu->switch_links < 0 || gpu->switch_links > GT_MAX_LINKS)
			return gt_fail(
				err, GT_EINVAL,
				"GPU %d: %d links into the switch fabric; 0 to %d can be",
				i, gpu->switch_links, GT_MAX_LINKS);
		for (int j = 0; gpu->uuid[0] && j < i; j++)
			if (!strcmp(gpu->uuid, node->gpu[j].uuid))
				return gt_fail(err, GT_EINVAL,
					       "GPUs %d and %d have the same UUID %s", j,
					       i, gpu->uuid);
	}
	return GT_OK;
}

/* Both directions of every pair the smaller one; a source that differs gets a note. */
static enum gt_err settle_links(struct gt_node *node, struct gt_error *err)
{
	int uneven = 0, first_a = 0, first_b = 0;

	for (int a = 0; a < node->n; a++) {
		node->links[gt_node_at(node, a, a)] = 0;
		for (int b = 0; b < a; b++) {
			int ab = node->links[gt_node_at(node, a, b)];
			int ba = node->links[gt_node_at(node, b, a)];
			int links = gt_node_raw_links(node, a, b);

			if (ab > GT_MAX_LINKS || ba > GT_MAX_LINKS)
				return gt_fail(err, GT_EINVAL,
					       "GPUs %d and %d: a pair has 0 to %d links",
					       b, a, GT_MAX_LINKS);
			if (ab != ba && ab != GT_UNKNOWN && ba != GT_UNKNOWN &&
			    !uneven++) {
				first_a = b;
				first_b = a;
			}
			node->links[gt_node_at(node, a, b)] = (int16_t)links;
			node->links[gt_node_at(node, b, a)] = (int16_t)links;
		}
	}
	if (uneven)
		gt_node_add_note(
			node,
			"%d pair%s with different link counts in the two "
			"directions (first: GPUs %d and %d): the smaller one counts",
			uneven, uneven > 1 ? "s" : "", first_a, first_b);
	return GT_OK;
}

/* Number the islands 0, 1, ... in order of their first GPU; a GPU without live links is
 * on none. */
static void number_islands(struct gt_node *node)
{
	int *old = calloc((size_t)node->n + 1, sizeof(*old));
	int count = 0;

	for (int i = 0; old && i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];
		int island = 0;

		if (gpu->island < 0 || gpu->switch_links == 0) {
			gpu->island = GT_UNKNOWN;
			gpu->switch_links = 0;
			continue;
		}
		while (island < count && old[island] != gpu->island)
			island++;
		if (island == count)
			old[count++] = gpu->island;
		gpu->island = island;
	}
	free(old);
}

static void fill_islands(struct gt_node *node)
{
	for (int a = 0; a < node->n; a++) {
		const struct gt_gpu *ga = &node->gpu[a];

		for (int b = 0; b < node->n; b++) {
			const struct gt_gpu *gb = &node->gpu[b];

			if (a == b || ga->island < 0 || ga->island != gb->island)
				continue;
			node->links[gt_node_at(node, a, b)] =
				(int16_t)(ga->switch_links < gb->switch_links
						  ? ga->switch_links
						  : gb->switch_links);
		}
	}
}

static bool any_links(const struct gt_node *node)
{
	for (int a = 0; a < node->n; a++) {
		if (node->gpu[a].island >= 0)
			return true;
		for (int b = 0; b < a; b++)
			if (node->links[gt_node_at(node, a, b)] > 0)
				return true;
	}
	return false;
}

/* What speeds rest on where the model tells none. */
static void note_guess(struct gt_node *node, const char *model, int mbps,
		       const char *what)
{
	if (model[0])
		gt_node_add_note(node, "unknown GPU model '%s': %g GB/s %s assumed",
				 model, mbps / 1000.0, what);
	else
		gt_node_add_note(node, GUESS ": %g GB/s %s assumed", mbps / 1000.0, what);
}

/* Link speed of every GPU that has none yet, by its model. */
static void fill_speeds(struct gt_node *node)
{
	bool linked = any_links(node);

	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];
		int link_mbps, pcie_mbps;

		if (gpu->link_mbps > 0)
			continue;
		if (!gt_gpu_model_speeds(gpu->model, &link_mbps, &pcie_mbps) &&
		    node->n > 1)
			note_guess(node, gpu->model, linked ? link_mbps : pcie_mbps,
				   linked ? "a link" : "over PCIe");
		gpu->link_mbps = link_mbps;
	}
}

static void fill_p2p(struct gt_node *node)
{
	for (int i = 0; i < node->n && node->shared_count && !node->p2p_told; i++)
		node->copies |= !gt_gpu_model_pcie_p2p(node->gpu[i].model);
}

/* What a switch reduces by itself, by the GPU model. */
static void fill_reductions(struct gt_node *node)
{
	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];
		const struct gt_reduction *reduction =
			gpu->island >= 0 ? gt_gpu_model_reduction(gpu->model) : NULL;

		if (!reduction || gpu->reduce_mbps > 0)
			continue;
		gpu->reduce_mbps = reduction->link_mbps;
		gpu->reduce_from = reduction->from;
	}
}

/* The PCIe way beneath a link, or of a pair whose path is not shown: what the sockets or
 * NUMA nodes tell, else the farthest, so that it is a lower bound. */
static enum gt_path assumed_path(const struct gt_gpu *a, const struct gt_gpu *b)
{
	if (a->numa >= 0 && a->numa == b->numa)
		return GT_PATH_NODE;
	if (a->socket >= 0 && a->socket == b->socket)
		return GT_PATH_NODE;
	return GT_PATH_SYS;
}

/* Copies through the host's memory cross sockets as memory traffic, which P2P's figure
 * does not bound: 35 GB/s where that says 22 (NVIDIA/nccl#1130, nccl#1639). */
static enum gt_path counted_path(const struct gt_node *node, enum gt_path path)
{
	return node->shared_count && node->copies && path == GT_PATH_SYS ? GT_PATH_NODE
									 : path;
}

static void fill_pair(struct gt_node *node, int a, int b, const int *slot_mbps)
{
	size_t at = gt_node_at(node, a, b);
	const struct gt_gpu *ga = &node->gpu[a], *gb = &node->gpu[b];
	int slot = slot_mbps[a] < slot_mbps[b] ? slot_mbps[a] : slot_mbps[b];
	int link = ga->link_mbps < gb->link_mbps ? ga->link_mbps : gb->link_mbps;
	int links = node->links[at];
	enum gt_path path = node->path[at];
	bool shown = path >= GT_PATH_C2C;

	if (node->slot_mbps && node->slot_mbps[at] > 0)
		slot = node->slot_mbps[at];
	if (node->path_mbps[at] <= 0) {
		if (!shown && links == GT_UNKNOWN)
			node->path_mbps[at] = GT_UNKNOWN;
		else
			node->path_mbps[at] = gt_cpu_path_mbps(
				node->cpu_vendor,
				counted_path(node, shown ? path : assumed_path(ga, gb)),
				slot);
		/* what lies beneath a link is hidden by the link's own name */
		if (shown && links > 0 && path != assumed_path(ga, gb))
			node->paths_rated = true;
	}
	if (links > 0)
		node->path[at] = GT_PATH_LINK;
	else if (path == GT_PATH_LINK || path == GT_PATH_SELF)
		node->path[at] = GT_PATH_UNKNOWN;
	node->pair_mbps[at] = links == GT_UNKNOWN ? GT_UNKNOWN : node->path_mbps[at];
	if (links > 0 && links * link > node->pair_mbps[at])
		node->pair_mbps[at] = links * link;
}

static enum gt_err fill_pairs(struct gt_node *node, struct gt_error *err)
{
	int *slot_mbps = calloc((size_t)node->n + 1, sizeof(*slot_mbps));
	int link_mbps;

	if (!slot_mbps)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < node->n; i++)
		gt_gpu_model_speeds(node->gpu[i].model, &link_mbps, &slot_mbps[i]);
	for (int a = 0; a < node->n; a++) {
		for (int b = 0; b < node->n; b++)
			if (a != b)
				fill_pair(node, a, b, slot_mbps);
		node->path[gt_node_at(node, a, a)] = GT_PATH_SELF;
		node->path_mbps[gt_node_at(node, a, a)] = GT_UNKNOWN;
		node->pair_mbps[gt_node_at(node, a, a)] = GT_UNKNOWN;
	}
	free(slot_mbps);
	return GT_OK;
}

/* Strings, masks and the best kind of fabric. */
static void fill_summary(struct gt_node *node)
{
	node->fabric = any_links(node) ? GT_FABRIC_MESH : GT_FABRIC_PCIE;
	memset(&node->healthy, 0, sizeof(node->healthy));
	memset(&node->mig, 0, sizeof(node->mig));
	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];

		if (gpu->healthy)
			gt_mask_set(&node->healthy, i);
		if (gpu->mig)
			gt_mask_set(&node->mig, i);
		if (gpu->island >= 0)
			node->fabric = GT_FABRIC_SWITCH;
		for (int j = 0; j < i; j++)
			if (node->links[gt_node_at(node, i, j)] == GT_UNKNOWN)
				node->partial = true;
	}
}

void gt_node_name_gpus(struct gt_node *node, const char *const *names)
{
	int link_mbps, guess_mbps, pcie_mbps, kept = 0;
	bool any = false;

	gt_gpu_model_speeds("", &guess_mbps, &pcie_mbps);
	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];

		if (gpu->model[0] || !names[i] ||
		    !gt_gpu_model_speeds(names[i], &link_mbps, &pcie_mbps))
			continue;
		any = true;
		snprintf(gpu->model, sizeof(gpu->model), "%s", names[i]);
		if (gpu->link_mbps == guess_mbps)
			gpu->link_mbps = GT_UNKNOWN;
	}
	if (!any)
		return;
	for (size_t at = (size_t)node->n * (size_t)node->n; at-- && !node->paths_rated;)
		node->path_mbps[at] = 0;
	for (int i = 0; i < node->note_count; i++)
		if (!strncmp(node->notes[i], GUESS, strlen(GUESS)))
			free(node->notes[i]);
		else
			node->notes[kept++] = node->notes[i];
	node->note_count = kept;
	gt_node_finish(node, NULL);
}

enum gt_err gt_node_finish(struct gt_node *node, struct gt_error *err)
{
	enum gt_err rc;

	clean_names(node);
	rc = check_gpus(node, err);
	if (rc == GT_OK)
		rc = settle_links(node, err);
	if (rc)
		return rc;
	number_islands(node);
	fill_islands(node);
	fill_speeds(node);
	fill_reductions(node);
	fill_p2p(node);
	rc = fill_pairs(node, err);
	if (rc)
		return rc;
	free(node->slot_mbps);
	node->slot_mbps = NULL;
	fill_summary(node);
	if (node->cards)
		node->cards->settle(node, 0, NULL);
	node->finished = true;
	return GT_OK;
}
