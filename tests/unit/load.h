/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.h - a text in, a node or an error out. */
#ifndef LOAD_H
#define LOAD_H

#include "core/library.h"
#include "unit.h"

#include <string.h>

/* Parse a text that must give a model. */
static inline struct gt_node *load_text(const char *text)
{
	struct gt_node *node;
	struct gt_error err;

	ck_assert_msg(gt_node_parse(&node, text, strlen(text), "text", NULL, &err) ==
			      GT_OK,
		      "line %d: %s", err.line, err.text);
	return node;
}

/* Parse a text that must give an error; *err tells which. */
static inline void refuse_text(const char *text, struct gt_error *err)
{
	struct gt_node *node = NULL;

	memset(err, 0, sizeof(*err));
	ck_assert_msg(gt_node_parse(&node, text, strlen(text), "text", NULL, err) !=
			      GT_OK,
		      "taken: %s", text);
	ck_assert_ptr_null(node);
	ck_assert(err->text[0]);
}

/* Whether some note has the words. */
static inline bool has_note(const struct gt_node *node, const char *words)
{
	for (int i = 0; i < gt_node_note_count(node); i++)
		if (strstr(gt_node_note(node, i), words))
			return true;
	return false;
}

/* The sum of links over all pairs, -1 for a pair that is not known. */
static inline int link_sum(const struct gt_node *node)
{
	int sum = 0;

	for (int a = 0; a < gt_node_size(node); a++)
		for (int b = 0; b < a; b++)
			sum += gt_node_links(node, a, b);
	return sum;
}

#endif
