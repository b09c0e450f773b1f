/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of the command line and the shared library. */
#include "config.h"

#include "source/live.h"
#include "source/source.h"

const struct gt_format *const gt_formats[] = {
	&gt_format_json,       &gt_format_hwloc,   &gt_format_nccl,
	&gt_format_rocm_smi,   &gt_format_amd_smi, &gt_format_gres,
	&gt_format_nvidia_smi, &gt_format_nvlink,  NULL,
};

enum gt_err (*const gt_live_read)(struct gt_source *src, struct gt_node **node,
				  struct gt_error *err) = gt_live_machine;
