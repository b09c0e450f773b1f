/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: gres.conf from disk, with Include and continued lines. */
#include "fuzz_files.h"

#include "conf/gres_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gt_load_options options = {.node_name = "n1"};
	const char *path = fuzz_files(data, size);
	struct gt_node *node;
	struct gt_error err = {0};

	(void)gp_gres_is_split(path);
	if (gp_gres_load(&node, path, &options, &err)) {
		fuzz_must(!node && err.text[0]);
		return 0;
	}
	if (gt_node_size(node) <= 64) {
		fuzz_check_model(node);
		fuzz_check_writing(node);
	}
	gt_node_free(node);
	return 0;
}
