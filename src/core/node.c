/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The adjacency model of one node as everyone reads it. node_make.c and node_read.c make
 * it, node_finish.c completes it. */
#include "config.h"

#include "core/node.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

void gt_node_free(struct gt_node *node)
{
	if (!node)
		return;
	for (int i = 0; i < node->note_count; i++)
		free(node->notes[i]);
	free(node->gpu);
	free(node->links);
	free(node->pair_mbps);
	free(node->path_mbps);
	free(node->slot_mbps);
	free(node->path);
	free(node->instances);
	free(node->measured);
	free(node->nics);
	free(node->nic_path);
	free(node);
}

/* ---- readers ---- */

int gt_node_size(const struct gt_node *node)
{
	return node->n;
}

const struct gt_gpu *gt_node_gpu(const struct gt_node *node, int gpu)
{
	return &node->gpu[gpu];
}

const char *gt_node_domain(const struct gt_node *node)
{
	return node->domain;
}

int gt_node_note_count(const struct gt_node *node)
{
	return node->note_count;
}

const char *gt_node_note(const struct gt_node *node, int i)
{
	return node->notes[i];
}

/* ---- comparison ---- */

/* Whether both nodes put GPUs i and j together, or both apart. */
static bool same_company(const struct gt_gpu *ai, const struct gt_gpu *aj,
			 const struct gt_gpu *bi, const struct gt_gpu *bj)
{
	return (ai->island == aj->island) == (bi->island == bj->island) &&
	       (ai->socket == aj->socket) == (bi->socket == bj->socket) &&
	       (ai->numa == aj->numa) == (bi->numa == bj->numa) &&
	       !strcmp(ai->pci_root, aj->pci_root) == !strcmp(bi->pci_root, bj->pci_root);
}

static bool same_gpu(const struct gt_gpu *a, const struct gt_gpu *b)
{
	return a->link_mbps == b->link_mbps && a->switch_links == b->switch_links &&
	       (a->island < 0) == (b->island < 0) && (a->socket < 0) == (b->socket < 0) &&
	       (a->numa < 0) == (b->numa < 0) && !a->pci_root[0] == !b->pci_root[0] &&
	       a->mig == b->mig && a->healthy == b->healthy &&
	       a->reduce_mbps == b->reduce_mbps && a->reduce_from == b->reduce_from;
}

static bool same_matrices(const struct gt_node *a, const struct gt_node *b)
{
	size_t cells = (size_t)a->n * (size_t)a->n;

	return !memcmp(a->links, b->links, cells * sizeof(*a->links)) &&
	       !memcmp(a->pair_mbps, b->pair_mbps, cells * sizeof(*a->pair_mbps)) &&
	       !memcmp(a->path_mbps, b->path_mbps, cells * sizeof(*a->path_mbps)) &&
	       !memcmp(a->path, b->path, cells * sizeof(*a->path));
}

static bool same_cards(const struct gt_node *a, const struct gt_node *b)
{
	if (!a->nic_count && !b->nic_count)
		return true;
	return a->cards && b->cards && a->cards->same(a, b);
}

bool gt_node_same_type(const struct gt_node *a, const struct gt_node *b)
{
	if (a->n != b->n || a->group_count != b->group_count ||
	    a->partial != b->partial || !same_matrices(a, b) ||
	    !gt_instances_same(a, b) || !gt_measured_same(a, b) ||
	    !gt_shared_same(a, b) || !same_cards(a, b) ||
	    memcmp(a->groups, b->groups, (size_t)a->group_count * sizeof(a->groups[0])))
		return false;
	for (int i = 0; i < a->n; i++) {
		if (!same_gpu(&a->gpu[i], &b->gpu[i]))
			return false;
		for (int j = 0; j < i; j++)
			if (!same_company(&a->gpu[i], &a->gpu[j], &b->gpu[i], &b->gpu[j]))
				return false;
	}
	return true;
}
