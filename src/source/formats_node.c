/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of the node side (SPANK plugin, gputopo-pmix): those of slurmctld, and
 * gres.conf, whose Links= say what a node is where gputopo.conf does not. */
#include "config.h"

#include "source/source.h"

const struct gt_format *const gt_formats[] = {
	&gt_format_json,
	&gt_format_gres,
	&gt_format_nvidia_smi,
	NULL,
};

enum gt_err (*const gt_live_read)(struct gt_source *src, struct gt_node **node,
				  struct gt_error *err) = NULL;
