/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * graph.h - machines for tests, as plain matrices and as node models; random ones too.
 *
 * A test that compares the library with the oracle makes an oracle_graph, turns it into a
 * node, and reads the node back into the graph that the oracle works on.
 */
#ifndef GRAPH_H
#define GRAPH_H

#include "core/library.h"
#include "oracle.h"

/* A repeatable stream of numbers; the seed is printed by whoever starts one. */
struct rng {
	uint64_t state;
};

uint32_t rng_next(struct rng *r, uint32_t below);
/* A stream from $GPUTOPO_SEED, or a fixed seed, printed as a TAP comment. */
struct rng rng_start(const char *name);

/* Machines, from their published link tables. Paths without links: 12 GB/s under one PCIe
 * switch, 10 elsewhere. */
void graph_dgx1v(struct oracle_graph *g);
void graph_dgx1p(struct oracle_graph *g);
/* n GPUs, {0,1}, {2,3}, ... joined by `links` links each. */
void graph_pairs(struct oracle_graph *g, int n, int links);
/* n GPUs without any link, half of them on each of two sockets. */
void graph_pcie(struct oracle_graph *g, int n);
/* n GPUs on one switch, c links each. */
void graph_switch(struct oracle_graph *g, int n, int c);
/* Every pair of n GPUs joined by `links` links. */
void graph_complete(struct oracle_graph *g, int n, int links);
/* n GPUs, up to 6 links each, up to 3 a pair, mixed speeds and paths. */
void graph_random(struct oracle_graph *g, int n, struct rng *r);
/* PCIe only, as trees are: sockets of switches of GPUs, of which some share a port
 * upwards and the memory of their socket, with or without P2P; sometimes with bridged
 * pairs. */
void graph_random_tree(struct oracle_graph *g, int n, struct rng *r);
/* The same machine with GPU i called to[i]. */
void graph_relabel(struct oracle_graph *g, const struct oracle_graph *from,
		   const int *to);

/* The node model of the machine; ends the test where the library refuses it. */
struct gt_node *graph_node(const struct oracle_graph *g);
/* What the library says about a node (up to ORACLE_MAX GPUs), as plain matrices. */
void graph_of_node(struct oracle_graph *g, const struct gt_node *node);
/* A random permutation of 0..n-1. */
void graph_shuffle(int *to, int n, struct rng *r);

struct gt_mask mask_of(unsigned set);
unsigned set_of(const struct gt_mask *m);

#endif
