/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libhwloc knows of a machine: a file's, or this one. */
#ifndef GT_SOURCE_HWLOC_H
#define GT_SOURCE_HWLOC_H

#include "source/source.h"

/* This machine's topology into sockets, NUMA nodes, cores, PCIe roots and paths of GPUs
 * whose bus ids are set, and the CPU's maker. What hwloc does not know stays unknown; it
 * is no failure. HWLOC_XMLFILE names another machine, for tests. */
void gt_hwloc_complement(struct gt_node *node);
/* This machine, from hwloc alone (AMD's driver has a backend in it, NVML too). */
enum gt_err gt_hwloc_live(struct gt_source *src, struct gt_node **node,
			  struct gt_error *err);

#endif
