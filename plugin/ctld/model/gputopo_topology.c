/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo_topology.c - the table of functions of gputopo_topology.so. */
#include "config.h"

#include "core/node.h"
#include "plugin/ctld/objects/topology_object.h"

/* slurmctld asks nothing of network cards, and what judges them goes with the object. */
static enum gt_err load(struct gt_node **node, const char *spec,
			const struct gt_load_options *options, struct gt_error *err)
{
	enum gt_err code = gt_node_load(node, spec, options, err);

	if (code == GT_OK)
		gt_node_drop_nics(*node);
	return code;
}

extern const struct gp_topology_object gputopo_topology;
const struct gp_topology_object gputopo_topology = {
	.size = sizeof(struct gp_topology_object),
	.layout = GP_TOPOLOGY_LAYOUT,
	.version = PACKAGE_VERSION,
	.load = load,
};
