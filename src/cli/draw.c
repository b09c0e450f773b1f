/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pictures share: boxes and words. */
#include "config.h"

#include "cli/draw.h"

#include <string.h>

static bool all_known(const struct gt_node *node, bool numa)
{
	for (int i = 0; i < gt_node_size(node); i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);

		if ((numa ? gpu->numa : gpu->socket) < 0)
			return false;
	}
	return gt_node_size(node) > 0;
}

void draw_boxes_find(struct draw_boxes *boxes, const struct gt_node *node)
{
	bool socket = all_known(node, false), numa = !socket && all_known(node, true);

	boxes->count = 0;
	boxes->word = socket ? "socket" : numa ? "NUMA node" : "";
	for (int i = 0; i < gt_node_size(node); i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);
		int key = socket ? gpu->socket : numa ? gpu->numa : 0, box = 0;

		while (box < boxes->count && boxes->key[box] != key)
			box++;
		if (box == boxes->count)
			boxes->key[boxes->count++] = key;
		boxes->box[i] = box;
	}
}

void draw_title(const struct gt_node *node, char *buf, size_t size)
{
	int n = gt_node_size(node);
	const char *model = n ? gt_node_gpu(node, 0)->model : "";

	for (int i = 1; i < n; i++)
		if (strcmp(gt_node_gpu(node, i)->model, model))
			model = "";
	snprintf(buf, size, "%s%s%d %s%s", gt_node_name(node),
		 gt_node_name(node)[0] ? ": " : "", n, model[0] ? "x " : "",
		 model[0] ? model
		 : n == 1 ? "GPU"
			  : "GPUs");
}
