/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tau(S): how many spanning trees the links of a set can carry at once. */
#ifndef GT_TREE_H
#define GT_TREE_H

#include "core/mesh.h"

/* tau = num / den: the minimum over partitions of the set into two or more parts of
 * (links that cross) / (parts - 1), which is the fractional spanning-tree packing number
 * (Tutte 1961, Nash-Williams 1961). Exact; 0/1 for fewer than two GPUs or where the links
 * do not connect the set. den <= n - 1, not reduced. A few n maximum flows. */
void gt_tree_strength(const struct gt_mesh *mesh, int *num, int *den);

#endif
