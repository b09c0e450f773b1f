/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology.h - the node models that Topology= of gputopo.conf names. Owned by model.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MODEL_TOPOLOGY_H
#define GPUTOPO_PLUGIN_CTLD_MODEL_TOPOLOGY_H

#include "plugin/ctld/objects/topology_object.h"

struct gp_topologies {
	struct gp_topology *list;
	int count;
	bool have_domains; /* one names an NVLink domain */
	bool have_mig;	   /* one names a GPU in MIG mode */
};

/* Take over the topologies of a reading, whose gp_conf must outlive them; gputopo_mig.so
 * is loaded where a GPU is in MIG mode, and gputopo_nics.so where a node has NICs. */
void gp_topologies_take(struct gp_topologies *topologies, struct gp_reading *reading);
void gp_topologies_release(struct gp_topologies *topologies);

#endif
