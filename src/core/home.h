/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the GPUs of a large node live, to take K of many equals from as few places as can
 * be: level 4's sockets and PCIe roots. */
#ifndef GT_HOME_H
#define GT_HOME_H

#include "core/node.h"

struct gt_homes;

/* NULL: out of memory. Refers to nothing of the node afterwards. */
struct gt_homes *gt_homes_new(const struct gt_node *node);
void gt_homes_free(struct gt_homes *homes);
size_t gt_homes_bytes(const struct gt_homes *homes);

/* Add K of `from` to *set (all of it, if it has fewer): from as few sockets as can be,
 * and there from few PCIe roots. GPUs that are called otherwise give a set of the same
 * worth. O(places of the node). */
void gt_homes_take(const struct gt_homes *homes, struct gt_mask *set,
		   const struct gt_mask *from, int k);

#endif
