/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P(S): the best slowest hop of one ring over any paths. */
#ifndef GT_PATH_H
#define GT_PATH_H

#include <stdbool.h>

#define GT_PATH_MAX 1024 /* members of a set: GT_MAX_GPUS */

/* Bandwidth of one hop between members a and b of a set; the two may come in any order.
 */
struct gt_hops {
	int n;
	int (*mbps)(const void *of, int a, int b);
	const void *of;
};

/* P: the largest x such that a Hamiltonian cycle exists whose hops all reach x; for two
 * members their hop; 0 for fewer. *steps as in ring.h: where it runs out, P is a lower
 * bound. Sets whose paths nest (PCIe trees) need no search at all, whatever their size.
 */
int gt_path_bottleneck(const struct gt_hops *hops, long *steps);

#endif
