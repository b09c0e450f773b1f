/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a node model is begun, noted on and copied. The controller has its models made by
 * gputopo_topology.so and does not link this. */
#include "config.h"

#include "core/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_MAX 512

/* ---- text ---- */

/* Length of the valid UTF-8 sequence at s, 0 if it is none (or a control character). */
static int utf8_length(const unsigned char *s)
{
	int len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0x20 || s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (int i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates and what lies above U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void gt_text_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c;) {
		int len = utf8_length(c);

		if (len == 0)
			*c++ = '?';
		else
			c += len;
	}
}

/* ---- life ---- */

static bool allocate(struct gt_node *node, int gpus)
{
	size_t n = gpus > 0 ? (size_t)gpus : 1;

	node->gpu = calloc(n, sizeof(*node->gpu));
	node->links = calloc(n * n, sizeof(*node->links));
	node->pair_mbps = calloc(n * n, sizeof(*node->pair_mbps));
	node->path_mbps = calloc(n * n, sizeof(*node->path_mbps));
	node->path = calloc(n * n, sizeof(*node->path));
	return node->gpu && node->links && node->pair_mbps && node->path_mbps &&
	       node->path;
}

enum gt_err gt_node_new(struct gt_node **node, int gpus, struct gt_error *err)
{
	struct gt_node *fresh;

	*node = NULL;
	if (gpus < 0 || gpus > GT_MAX_GPUS)
		return gt_fail(err, GT_ELIMIT, "%d GPUs; a node has 0 to %d", gpus,
			       GT_MAX_GPUS);
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh || !allocate(fresh, gpus)) {
		gt_node_free(fresh);
		return gt_fail(err, GT_ENOMEM, "out of memory for %d GPUs", gpus);
	}
	fresh->n = gpus;
	fresh->all = gt_mask_first(gpus);
	for (int i = 0; i < gpus; i++) {
		struct gt_gpu *gpu = &fresh->gpu[i];

		gpu->minor = gpu->module_id = gpu->socket = gpu->numa = GT_UNKNOWN;
		gpu->island = gpu->link_mbps = GT_UNKNOWN;
		gpu->mem_mib = GT_UNKNOWN;
		gpu->healthy = true;
	}
	*node = fresh;
	return GT_OK;
}

/* ---- setters ---- */

struct gt_gpu *gt_node_edit_gpu(struct gt_node *node, int gpu)
{
	return &node->gpu[gpu];
}

void gt_node_set_links(struct gt_node *node, int a, int b, int links)
{
	/* What does not fit is kept as too many, for gt_node_finish to refuse. */
	if (links < GT_UNKNOWN || links > GT_MAX_LINKS)
		links = GT_MAX_LINKS + 1;
	node->links[gt_node_at(node, a, b)] = (int16_t)links;
}

static bool has_note(const struct gt_node *node, const char *text)
{
	for (int i = 0; i < node->note_count; i++)
		if (!strcmp(node->notes[i], text))
			return true;
	return false;
}

void gt_node_add_note(struct gt_node *node, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	char *copy;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gt_text_clean(text);
	if (!text[0] || has_note(node, text))
		return;
	if (node->note_count == GT_MAX_NOTES) {
		/* The last place tells how many more there would be. */
		node->notes_dropped += node->notes_dropped ? 1 : 2;
		snprintf(text, sizeof(text), "and %d more notes", node->notes_dropped);
	}
	copy = strdup(text);
	if (!copy)
		return;
	if (node->note_count == GT_MAX_NOTES)
		free(node->notes[--node->note_count]);
	node->notes[node->note_count++] = copy;
}

int gt_node_raw_links(const struct gt_node *node, int a, int b)
{
	int ab = node->links[gt_node_at(node, a, b)];
	int ba = node->links[gt_node_at(node, b, a)];

	if (ab == GT_UNKNOWN || ba == GT_UNKNOWN)
		return ab > ba ? ab : ba;
	return ab < ba ? ab : ba;
}

/* ---- copies ---- */

bool gt_instances_copy(struct gt_node *copy, const struct gt_node *node)
{
	size_t bytes = (size_t)node->instance_count * sizeof(*node->instances);

	copy->instances = NULL;
	copy->instance_count = 0;
	if (!bytes)
		return true;
	copy->instances = malloc(bytes);
	if (!copy->instances)
		return false;
	memcpy(copy->instances, node->instances, bytes);
	copy->instance_count = node->instance_count;
	return true;
}

bool gt_measured_copy(struct gt_node *copy, const struct gt_node *node)
{
	size_t size = (size_t)node->measured_count * sizeof(*node->measured);

	copy->measured_count = 0;
	copy->measured = size ? malloc(size) : NULL;
	if (size && !copy->measured)
		return false;
	if (size)
		memcpy(copy->measured, node->measured, size);
	copy->measured_count = node->measured_count;
	return true;
}

static void copy_matrices(struct gt_node *to, const struct gt_node *from)
{
	size_t cells = (size_t)from->n * (size_t)from->n;

	memcpy(to->gpu, from->gpu, (size_t)from->n * sizeof(*to->gpu));
	memcpy(to->links, from->links, cells * sizeof(*to->links));
	memcpy(to->pair_mbps, from->pair_mbps, cells * sizeof(*to->pair_mbps));
	memcpy(to->path_mbps, from->path_mbps, cells * sizeof(*to->path_mbps));
	memcpy(to->path, from->path, cells * sizeof(*to->path));
}

enum gt_err gt_node_copy_avoiding(struct gt_node **copy, const struct gt_node *node,
				  const struct gt_mask *avoid, struct gt_error *err)
{
	struct gt_node *fresh, own;
	enum gt_err rc = gt_node_new(&fresh, node->n, err);

	*copy = NULL;
	if (rc)
		return rc;
	copy_matrices(fresh, node);
	/* everything else by value, with the copy's own arrays and notes */
	own = *fresh;
	*fresh = *node;
	fresh->gpu = own.gpu;
	fresh->links = own.links;
	fresh->pair_mbps = own.pair_mbps;
	fresh->path_mbps = own.path_mbps;
	fresh->path = own.path;
	fresh->note_count = 0;
	for (int i = 0; i < node->note_count; i++) {
		char *note = strdup(node->notes[i]);

		if (note)
			fresh->notes[fresh->note_count++] = note;
	}
	for (int i = 0; i < fresh->n; i++)
		if (gt_mask_has(avoid, i))
			fresh->gpu[i].healthy = false;
	fresh->healthy = gt_mask_without(&fresh->healthy, avoid);
	/* node's own until they are copied */
	fresh->measured = NULL;
	fresh->nics = NULL;
	fresh->nic_path = NULL;
	if (!gt_instances_copy(fresh, node) || !gt_measured_copy(fresh, node) ||
	    (node->cards && !node->cards->copy(fresh, node))) {
		gt_node_free(fresh);
		return gt_fail(err, GT_ENOMEM, "out of memory for instances");
	}
	*copy = fresh;
	return GT_OK;
}
