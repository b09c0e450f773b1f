/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology.h - the node models that Topology= of gputopo.conf names. Owned by model.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MODEL_TOPOLOGY_H
#define GPUTOPO_PLUGIN_CTLD_MODEL_TOPOLOGY_H

#include "conf/conf.h"

struct gp_topologies {
	struct gp_topology *list; /* a Topology= with its Model= each */
	int count;
	bool have_domains; /* one names an NVLink domain */
	bool have_mig;	   /* one names a GPU in MIG mode */
};

/* Read every Topology= of conf, which must outlive the models; gputopo_topology.so is
 * loaded for that, gputopo_mig.so where a GPU is in MIG mode, and gputopo_nics.so where a
 * node has NICs. On an error (conf's
 * file and line in err) what was read is still the caller's to release. */
enum gt_err gp_topologies_load(struct gp_topologies *topologies,
			       const struct gp_conf *conf, struct gt_error *err);
void gp_topologies_release(struct gp_topologies *topologies);
/* The model of Topology=spec with Model=model; either may be NULL. NULL: none. */
const struct gt_node *gp_topologies_find(const struct gp_topologies *topologies,
					 const char *spec, const char *model);

#endif
