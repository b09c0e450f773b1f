/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo_topology.c - the table of functions of gputopo_topology.so. */
#include "config.h"

#include "plugin/ctld/objects/topology_object.h"

extern const struct gp_topology_object gputopo_topology;
const struct gp_topology_object gputopo_topology = {
	.size = sizeof(struct gp_topology_object),
	.layout = GP_TOPOLOGY_LAYOUT,
	.version = PACKAGE_VERSION,
	.load = gt_node_load,
};
