/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of gputopo_topology.so, for slurmctld, which has Links= of gres.conf from
 * its own structs: what needs nothing beyond libc and jansson. */
#include "config.h"

#include "source/source.h"

const struct gt_format *const gt_formats[] = {
	&gt_format_json,
	&gt_format_nvidia_smi,
	NULL,
};

enum gt_err (*const gt_live_read)(struct gt_source *src, struct gt_node **node,
				  struct gt_error *err) = NULL;
