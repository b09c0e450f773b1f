/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_object.h - gputopo_topology.so: the readers of topology files, with jansson
 * and the built-in machines, in an object of their own. The select plugin has it loaded
 * only while it reads the Topology= lines of gputopo.conf, so that no parser stays in
 * slurmctld. Called by topology.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_OBJECTS_TOPOLOGY_OBJECT_H
#define GPUTOPO_PLUGIN_CTLD_OBJECTS_TOPOLOGY_OBJECT_H

#include "core/node.h"

/* What the object offers. */
struct gp_topology_object {
	uint32_t size;	     /* of this struct */
	uint64_t layout;     /* GP_TOPOLOGY_LAYOUT: both are of one build */
	const char *version; /* gt_version() */
	/* gt_node_load. The node is malloc'ed and refers to nothing of the object but to
	 * its cards, in whose place others must be put. */
	enum gt_err (*load)(struct gt_node **node, const char *spec,
			    const struct gt_load_options *options, struct gt_error *err);
};

/* The sizes of all structs that cross. */
#define GP_TOPOLOGY_LAYOUT                                                               \
	((uint64_t)sizeof(struct gt_node) << 40 ^                                        \
	 (uint64_t)sizeof(struct gt_gpu) << 30 ^                                         \
	 (uint64_t)sizeof(struct gt_instance) << 24 ^                                    \
	 (uint64_t)sizeof(struct gt_nic) << 20 ^                                         \
	 (uint64_t)sizeof(struct gt_measured) << 16 ^                                    \
	 (uint64_t)sizeof(struct gt_error) << 6 ^ sizeof(struct gt_load_options))

#define GP_TOPOLOGY_OBJECT_FILE	  "gputopo_topology.so"
#define GP_TOPOLOGY_OBJECT_SYMBOL "gputopo_topology"

#endif
