/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "live" reads. */
#ifndef GT_SOURCE_LIVE_H
#define GT_SOURCE_LIVE_H

#include "source/source.h"

enum gt_err gt_live_machine(struct gt_source *src, struct gt_node **node,
			    struct gt_error *err);

#endif
