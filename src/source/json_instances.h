/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "instances" of a GPU in a node file. */
#ifndef GT_SOURCE_JSON_INSTANCES_H
#define GT_SOURCE_JSON_INSTANCES_H

#include "core/library.h"

#include <jansson.h>

/* [{"profile": "1g.10gb", "start": 6}, ...] of one GPU; NULL and null are none. */
enum gt_err gt_json_instances(struct gt_node *node, int gpu, const json_t *list,
			      struct gt_error *err);

#endif
