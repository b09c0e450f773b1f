/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model whose links died. Called where a node's health is applied to its model. */
#include "config.h"

#include "core/node.h"

#include <stdlib.h>

/* A link into the switch is one link to each GPU on the island. */
static void wear_switch(struct gt_node *node, int a, int links)
{
	struct gt_gpu *gpu = &node->gpu[a];

	if (gpu->island < 0 || links >= gpu->switch_links)
		return;
	for (int b = 0; b < node->n; b++)
		if (b != a && node->gpu[b].island == gpu->island) {
			node->links[gt_node_at(node, a, b)] = 0;
			node->links[gt_node_at(node, b, a)] = 0;
		}
	gpu->switch_links = links;
}

static void wear_pair(struct gt_node *node, int a, int b, int links)
{
	if (a == b || links >= node->links[gt_node_at(node, a, b)])
		return;
	node->links[gt_node_at(node, a, b)] = (int16_t)links;
	node->links[gt_node_at(node, b, a)] = (int16_t)links;
}

enum gt_err gt_node_wear(struct gt_node *node, const struct gt_live_links *live,
			 int count, struct gt_error *err)
{
	for (int i = 0; i < count; i++) {
		const struct gt_live_links *one = &live[i];

		if (one->a < 0 || one->a >= node->n || one->b >= node->n ||
		    one->links < 0)
			return gt_fail(err, GT_EINVAL,
				       "links of a GPU that is not there");
	}
	if (!count)
		return GT_OK;
	for (int i = 0; i < count; i++)
		if (live[i].b < 0)
			wear_switch(node, live[i].a, live[i].links);
		else
			wear_pair(node, live[i].a, live[i].b, live[i].links);
	free(node->measured);
	node->measured = NULL;
	node->measured_count = 0;
	return gt_node_finish(node, err);
}
