/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This machine: by NVIDIA's driver, else by what hwloc was built with (AMD's, say). */
#include "config.h"

#include "source/hwloc.h"
#include "source/live.h"
#include "source/nvml.h"

enum gt_err gt_live_machine(struct gt_source *src, struct gt_node **node,
			    struct gt_error *err)
{
	enum gt_err rc = gt_nvml_live(node, err);

	if (rc != GT_EFORMAT)
		return rc;
	if (gt_hwloc_live(src, node, NULL) == GT_OK)
		return GT_OK;
	return gt_fail(err, GT_EIO,
		       "no GPUs found: no NVIDIA driver library here, and hwloc "
		       "knows of no NVLink or xGMI");
}
