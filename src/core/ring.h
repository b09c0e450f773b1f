/* SPDX-License-Identifier: GPL-2.0-or-later */
/* R(S): how many rings an all-reduce can run at once over the links of a set. */
#ifndef GT_RING_H
#define GT_RING_H

#include "core/mesh.h"

#include <stdbool.h>

/* R: the largest number of arc-disjoint directed Hamiltonian cycles, each link one arc in
 * each direction; for two GPUs their links; 0 for fewer. *steps is what the search may
 * spend and falls by what it spent; where it runs out (< 0) R is a lower bound. */
int gt_ring_count(const struct gt_mesh *mesh, long *steps);

/* R of n GPUs with the same number of links on every pair, where a closed form is known
 * for any n; -1 where only a search can tell (n = 4 or 6 with an odd number of links). */
int gt_ring_count_uniform(int n, int links);

/* Whether one ring can run over links alone if a hop without a link passes through one
 * member of the set and no arc is used more often than it has links. (NCCL's relay, NVB.)
 */
bool gt_ring_relayed(const struct gt_mesh *mesh, long *steps);

#endif
