/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pictures share: boxes, words, and the colours of a job's groups. */
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

/* ---- marked GPUs ---- */

/* One job of one group is orange, as always; then colours that differ in lightness too.
 */
static const struct {
	const char *fill, *line;
} colours[] = {
	{"#ffd8a8", "#d9480f"}, {"#a5d8ff", "#1864ab"}, {"#b2f2bb", "#2b8a3e"},
	{"#eebefa", "#862e9c"}, {"#ffec99", "#a07800"}, {"#99e9f2", "#0b7285"},
	{"#ffc9c9", "#c92a2a"}, {"#d0bfff", "#5f3dc4"},
};

#define COLOURS ((int)(sizeof(colours) / sizeof(colours[0])))

static enum gt_err add_group(struct draw_mark *mark, const char *list, int limit,
			     struct gt_error *err)
{
	struct gt_mask gpus;
	enum gt_err rc = gt_mask_parse(&gpus, list, limit, err);

	if (rc)
		return rc;
	if (gt_mask_meets(&gpus, &mark->gpus))
		return gt_fail(err, GT_EPARSE, "'%.80s': a GPU is in two groups", list);
	for (int g = gt_mask_next(&gpus, 0); g >= 0; g = gt_mask_next(&gpus, g + 1))
		mark->group[g] = (uint16_t)mark->groups;
	mark->gpus = gt_mask_or(&mark->gpus, &gpus);
	mark->groups += gt_mask_next(&gpus, 0) >= 0;
	return GT_OK;
}

enum gt_err draw_mark_parse(struct draw_mark *mark, const char *text, int limit,
			    struct gt_error *err)
{
	char list[GT_MASK_TEXT_MAX];
	enum gt_err rc = GT_OK;

	memset(mark, 0, sizeof(*mark));
	for (const char *at = text, *end; at && rc == GT_OK; at = *end ? end + 1 : NULL) {
		end = at + strcspn(at, ";");
		if ((size_t)(end - at) >= sizeof(list))
			rc = gt_fail(err, GT_EPARSE, "a list longer than %zu characters",
				     sizeof(list) - 1);
		snprintf(list, sizeof(list), "%.*s", (int)(end - at), at);
		if (rc == GT_OK)
			rc = add_group(mark, list, limit, err);
	}
	if (rc)
		memset(mark, 0, sizeof(*mark));
	return rc;
}

bool draw_mark_joins(const struct draw_mark *mark, int a, int b)
{
	return gt_mask_has(&mark->gpus, a) && gt_mask_has(&mark->gpus, b) &&
	       mark->group[a] == mark->group[b];
}

const char *draw_mark_fill(const struct draw_mark *mark, int gpu)
{
	return colours[mark->group[gpu] % COLOURS].fill;
}

const char *draw_mark_line(const struct draw_mark *mark, int gpu)
{
	return colours[mark->group[gpu] % COLOURS].line;
}
