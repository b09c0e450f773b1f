/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `nvidia-smi -L` and `nvidia-smi nvlink` say of each GPU. */
#ifndef GT_SOURCE_NVLINK_H
#define GT_SOURCE_NVLINK_H

#include "source/source.h"

#define GT_NVLINK_PORTS 64 /* Link lines of one GPU that are looked at */

/* One "GPU n:" of the text. */
struct gt_nvlink_gpu {
	bool named;	 /* a "GPU n:" line stands in the text */
	bool has_status; /* Link lines with a speed or <inactive>, or "no links" */
	bool cut;	 /* fewer lines than there are links */
	bool mig;
	int live;    /* links with a speed */
	int listed;  /* live and inactive ones */
	int unnamed; /* live links of -R or -p whose other end is no bus id */
	int remotes;
	char model[64];
	char uuid[64];
	char speed[16];			  /* of the first live link, as printed */
	char remote[GT_NVLINK_PORTS][24]; /* bus ids at the other ends */
};

/* What the text says, for *count GPUs (0: nothing); *gpus is malloc'ed. */
enum gt_err gt_nvlink_scan(const struct gt_source *src, struct gt_nvlink_gpu **gpus,
			   int *count, struct gt_error *err);
/* Add it to a node that `nvidia-smi topo -m` gave: models, live links and, where the
 * other ends are shown, the pairs. May decide "switch or mesh" (src->infer_fabric). */
enum gt_err gt_nvlink_complement(struct gt_source *src, struct gt_node *node,
				 struct gt_error *err);

#endif
