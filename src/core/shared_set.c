/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways over PCIe that GPUs share, as readers set them whose source shows the tree: hwloc,
 * NCCL's XML, node files, the word of a job. */
#include "config.h"

#include "core/node.h"

enum gt_err gt_node_add_shared(struct gt_node *node, const struct gt_shared *shared,
			       struct gt_error *err)
{
	if (!gt_mask_within(&shared->gpus, &node->all) ||
	    gt_mask_count(&shared->gpus) < 2 || shared->mbps < 1)
		return gt_fail(err, GT_EINVAL,
			       "shared: at least two GPUs of the node and a bandwidth "
			       "above 0");
	for (int i = 0; i < node->shared_count; i++) {
		struct gt_shared *other = &node->shared[i];

		if (other->memory == shared->memory &&
		    gt_mask_equal(&other->gpus, &shared->gpus)) {
			if (shared->mbps < other->mbps)
				other->mbps = shared->mbps;
			return GT_OK;
		}
		if (gt_mask_meets(&other->gpus, &shared->gpus) &&
		    !gt_mask_within(&other->gpus, &shared->gpus) &&
		    !gt_mask_within(&shared->gpus, &other->gpus))
			return gt_fail(err, GT_EINVAL,
				       "shared: the GPUs of two entries overlap in part: "
				       "PCIe is a tree");
	}
	if (node->shared_count == GT_MAX_SHARED)
		return gt_fail(err, GT_ELIMIT, "more than %d shared PCIe ways",
			       GT_MAX_SHARED);
	node->shared[node->shared_count++] = *shared;
	return GT_OK;
}

void gt_node_set_pcie_p2p(struct gt_node *node, bool p2p)
{
	node->copies = !p2p;
	node->p2p_told = true;
}

bool gt_node_pcie_p2p(const struct gt_node *node)
{
	return !node->copies;
}

int gt_node_shared_count(const struct gt_node *node)
{
	return node->shared_count;
}

const struct gt_shared *gt_node_shared(const struct gt_node *node, int i)
{
	return &node->shared[i];
}
