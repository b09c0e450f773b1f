/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: a node model as one word, and the words of a job's nodes. */
#include "fuzz.h"

#include "conf/compact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), again[GP_COMPACT_MAX];
	struct gt_node *node, *copy;
	struct gt_error err = {0};
	const char *word;
	size_t length;

	fuzz_must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (gp_compact_parse(&node, text, size, &err)) {
		fuzz_must(!node && err.text[0]);
	} else {
		fuzz_check_model(node);
		fuzz_must(gp_compact_hash(text, size) != 0);
		if (gp_compact_write(node, again, sizeof(again))) {
			fuzz_must(gp_compact_parse(&copy, again, strlen(again), NULL) ==
				  GT_OK);
			fuzz_must(gt_node_size(node) == gt_node_size(copy));
			gt_node_free(copy);
		}
		gt_node_free(node);
	}
	if (gp_compact_find(text, "n1", &word, &length) && length)
		fuzz_must(word >= text && word + length <= text + size);
	free(text);
	return 0;
}
