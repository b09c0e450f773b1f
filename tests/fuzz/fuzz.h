/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - one input for one reader. Whatever comes, it must end in an error with a text
 * or in a model that is whole: symmetric, in its bounds, and the same after writing and
 * reading it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "core/library.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_must(bool holds)
{
	if (!holds)
		abort();
}

static inline void fuzz_check_model(const struct gt_node *node)
{
	int n = gt_node_size(node);

	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++) {
			int links = gt_node_links(node, a, b);

			fuzz_must(links >= GT_UNKNOWN && links <= GT_MAX_LINKS);
			fuzz_must(links == gt_node_links(node, b, a));
			fuzz_must(gt_node_path(node, a, b) == gt_node_path(node, b, a));
			fuzz_must(gt_node_pair_mbps(node, a, b) ==
				  gt_node_pair_mbps(node, b, a));
			fuzz_must(a != b || links == 0);
			fuzz_must(links != GT_UNKNOWN || gt_node_is_partial(node));
		}
}

static inline void fuzz_check_writing(const struct gt_node *node)
{
	char *first, *second;
	struct gt_node *copy;

	fuzz_must(gt_node_write(node, &first, NULL) == GT_OK);
	fuzz_must(gt_node_parse(&copy, first, strlen(first), "copy", NULL, NULL) ==
		  GT_OK);
	fuzz_must(gt_node_write(copy, &second, NULL) == GT_OK);
	fuzz_must(!strcmp(first, second));
	fuzz_must(gt_node_same_type(node, copy));
	gt_node_free(copy);
	free(first);
	free(second);
}

static inline void fuzz_one(const char *format, const uint8_t *data, size_t size)
{
	struct gt_load_options options = {.format = format};
	struct gt_node *node;
	struct gt_error err = {0};

	if (gt_node_parse(&node, (const char *)data, size, "fuzz", &options, &err)) {
		fuzz_must(!node && err.text[0]);
		return;
	}
	/* large models cost time and show nothing that small ones don't */
	if (gt_node_size(node) <= 64) {
		fuzz_check_model(node);
		fuzz_check_writing(node);
	}
	gt_node_free(node);
}

#define FUZZ(format)                                                                     \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                     \
	{                                                                                \
		fuzz_one(format, data, size);                                            \
		return 0;                                                                \
	}

#endif
