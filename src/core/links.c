/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node from a plain matrix of link counts, as slurmctld holds it. */
#include "config.h"

#include "core/library.h"

enum gt_err gt_node_from_links(struct gt_node **node, int gpus, const int *links,
			       const int *socket, struct gt_error *err)
{
	struct gt_node *fresh;
	enum gt_err rc = gt_node_new(&fresh, gpus, err);

	*node = NULL;
	if (rc)
		return rc;
	for (int a = 0; a < gpus; a++) {
		if (socket)
			gt_node_edit_gpu(fresh, a)->socket = socket[a];
		for (int b = 0; b < gpus; b++)
			if (a != b)
				gt_node_set_links(
					fresh, a, b,
					links[(size_t)a * (size_t)gpus + (size_t)b]);
	}
	gt_node_set_source(fresh, "links", "");
	gt_node_infer_fabric(fresh);
	rc = gt_node_finish(fresh, err);
	if (rc) {
		gt_node_free(fresh);
		return rc;
	}
	*node = fresh;
	return GT_OK;
}
