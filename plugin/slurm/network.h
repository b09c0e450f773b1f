/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.h - what Slurm's topology plugin says of the network: the leaf switch or base
 * block of each node.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_NETWORK_H
#define GPUTOPO_PLUGIN_SLURM_NETWORK_H

#include "plugin/slurm/opaque.h"

enum gp_network {
	GP_NETWORK_FLAT,  /* no shape: all sets of nodes are alike */
	GP_NETWORK_UNITS, /* leaf switches or base blocks */
	GP_NETWORK_OTHER, /* a ring, a torus, or one that we could not read */
};

/* The network around one node. *unit: the name of its leaf switch or base block with all
 * above it, to be freed by free(); NULL where it is in none or memory is out. Slurm walks
 * all its switches for the answer, so ask once a configuration. */
enum gp_network gp_network_of(const node_record_t *node, char **unit);
/* Whether the cluster's plugin orders nodes without naming units (3d_torus, hypercube).
 * From 25.05 on slurm.conf does not tell, and those are gone. */
bool gp_network_is_odd(void);
/* Whether this job's partition has a network of its own (Topology= of a partition). Slurm
 * names units of the cluster's default network only. */
bool gp_network_is_apart(const job_record_t *job);

#endif
