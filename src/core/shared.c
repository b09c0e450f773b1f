/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GPUs share on the way over PCIe: the port of a switch towards the CPU, and the
 * memory of a CPU where copies go through it. Set by readers (shared_set.c), asked by
 * score.c. Without any of it all is as before.
 */
#include "config.h"

#include "core/score.h"

#include <limits.h>

bool gt_shared_same(const struct gt_node *a, const struct gt_node *b)
{
	if (a->shared_count != b->shared_count ||
	    (a->shared_count && a->copies != b->copies))
		return false;
	for (int i = 0; i < a->shared_count; i++)
		if (a->shared[i].mbps != b->shared[i].mbps ||
		    a->shared[i].memory != b->shared[i].memory ||
		    !gt_mask_equal(&a->shared[i].gpus, &b->shared[i].gpus))
			return false;
	return true;
}

static bool joined(const struct gt_members *m, int i, int j)
{
	return !m->cut && m->node->links[gt_node_at(m->node, m->gpu[i], m->gpu[j])] > 0;
}

/* Members that links join send and receive as one: part[i] stands for member i's. */
static void find_parts(const struct gt_members *m, int *part)
{
	for (int i = 0; i < m->k; i++)
		part[i] = i;
	for (int i = 0; i < m->k; i++)
		for (int j = 0; j < i; j++) {
			int old = part[i];

			if (part[j] == old || !joined(m, i, j))
				continue;
			for (int l = 0; l < m->k; l++)
				if (part[l] == old)
					part[l] = part[j];
		}
}

/* Transfers of the ring in one direction. Through memory, every part behind the shared
 * way sends and receives there, whoever its neighbour is. With P2P a ring that visits the
 * tree in order crosses once each way, unless links carry it across. */
static int ring_flows(const struct gt_members *m, const struct gt_shared *shared,
		      const int *part)
{
	int behind = 0, linked = 0;

	for (int i = 0; i < m->k; i++) {
		int first = 0;

		if (!gt_mask_has(&shared->gpus, m->gpu[i]))
			continue;
		while (part[first] != part[i] ||
		       !gt_mask_has(&shared->gpus, m->gpu[first]))
			first++;
		behind += m->node->copies ? first == i : 1;
		for (int j = 0; j < m->k && !m->node->copies; j++)
			linked +=
				!gt_mask_has(&shared->gpus, m->gpu[j]) && joined(m, i, j);
	}
	if (m->node->copies)
		return behind;
	return !shared->memory && behind > 0 && behind < m->k && linked < 2;
}

int gt_members_shared_ring(const struct gt_members *m)
{
	int part[GT_MAX_GPUS], least = INT_MAX;

	if (!m->node->shared_count || m->k < 2)
		return least;
	find_parts(m, part);
	for (int i = 0; i < m->node->shared_count; i++) {
		const struct gt_shared *shared = &m->node->shared[i];
		int flows = ring_flows(m, shared, part);

		if (flows > 0 && shared->mbps / flows < least)
			least = shared->mbps / flows;
	}
	return least;
}

int64_t gt_members_shared_alltoall(const struct gt_members *m)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < m->node->shared_count; i++) {
		const struct gt_shared *shared = &m->node->shared[i];
		int64_t flows = 0;

		for (int a = 0; a < m->k; a++)
			for (int b = 0; b < m->k; b++)
				flows += a != b &&
					 gt_mask_has(&shared->gpus, m->gpu[a]) &&
					 (m->node->copies ||
					  !gt_mask_has(&shared->gpus, m->gpu[b])) &&
					 gt_members_over_pcie(m, a, b);
		if (flows && (m->node->copies || !shared->memory) &&
		    (m->k - 1) * (int64_t)shared->mbps * 1000000 / flows < least)
			least = (m->k - 1) * (int64_t)shared->mbps * 1000000 / flows;
	}
	return least;
}
