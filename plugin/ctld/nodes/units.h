/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h - leaf switches, base blocks, NVLink domains: a job of one node must not break
 * one that stock would have kept whole for a job of several.
 *
 * Stock gives a job of one node to the unit with the fewest nodes that could have it, so
 * that full units stay full. The harm of a node says the same of whole nodes: how many
 * whole nodes its unit has, above GP_HARM_BREAKS where the node is one of them. So nodes
 * in use come first, those of broken units before others: a unit with one node in use is
 * whole again when that comes free, unless the next job keeps it. The least harm comes
 * before damage, and a node that would break more than stock's is no candidate.
 *
 * Harm by capacity, the sum over job sizes s of mix(s) x s x floor(whole / s), was tried:
 * with equal weights it did as well as stock's rule, with powers of two or with sizes
 * learnt from the queue jobs of several nodes waited longer. So stock's rule it is, and
 * with jobs of whole nodes nothing differs from it (make whole-units).
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NODES_UNITS_H
#define GPUTOPO_PLUGIN_CTLD_NODES_UNITS_H

#include "plugin/ctld/nodes/free_gpu_bound.h"
#include "plugin/ctld/model/model.h"
#include "plugin/slurm/network.h"

/* From here on harm breaks something: a node whose GPUs are all free, and above
 * GP_HARM_WHOLE one without any job. */
#define GP_HARM_BREAKS ((uint64_t)1 << 61)
#define GP_HARM_WHOLE  ((uint64_t)1 << 62)

/* What a unit has among the nodes that the job at hand is offered. */
struct gp_unit {
	int whole; /* nodes without any job */
	int open;  /* nodes whose GPUs are all free, jobs without GPUs or not */
};

/* Zeroed: a flat network. */
struct gp_units {
	enum gp_network network;
	int node_count;
	int count;	      /* units of the network, without domains */
	int *of;	      /* by node: its unit, from 1; 0: none */
	struct gp_unit *unit; /* by number, from 1 to node_count */
};

/* Ask Slurm anew. Without memory, or where Slurm's answer is not understood, the network
 * is GP_NETWORK_OTHER: nodes are stock's to choose. O(nodes x switches). */
void gp_units_read(struct gp_units *units, int node_count);
/* One line for the log, where the network is not flat. */
void gp_units_say(const struct gp_units *units);
void gp_units_release(struct gp_units *units);
/* The network that this job is placed in. */
enum gp_network gp_units_network(const struct gp_units *units, const job_record_t *job);
/* Count what is whole among these nodes. In a flat network NVLink domains are the units;
 * without any this does nothing. O(nodes). */
void gp_units_count(struct gp_units *units, bitstr_t *nodes, struct gp_models *models,
		    struct gp_free_bound *room);
/* The number of the node's unit, from 1; 0: it is in none that is known. */
int gp_units_of(const struct gp_units *units, int node, const struct gp_models *models);
/* The harm that a job of one node does there; 0 in no unit. free being the node's free
 * GPUs, size all of them. Holds until the nodes are counted anew. */
uint64_t gp_units_harm(const struct gp_units *units, int node,
		       const struct gp_models *models, uint64_t free, int size);

#endif
