/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a set's score, each computable alone: table looks at most sets only as far
 * as it must. */
#ifndef GT_SCORE_H
#define GT_SCORE_H

#include "core/node.h"

/* What a search may spend on one question: about 50 ms on a 2020s server core. */
#define GT_SEARCH_STEPS 2500000L
/* And on one set of the many that a question looks at. */
#define GT_SET_STEPS	250000L

/* Where the links of a set run. */
enum gt_links_of_set {
	GT_LINKS_NONE,	 /* across islands, beside one, or cut by the link groups */
	GT_LINKS_ISLAND, /* all members on one switch fabric */
	GT_LINKS_MESH,	 /* from GPU to GPU */
};

/* A set, taken apart once. */
struct gt_members {
	const struct gt_node *node;
	int k;
	int gpu[GT_MAX_GPUS]; /* ascending */
	enum gt_links_of_set links;
	bool cut;		/* no link group holds the set: links count 0 */
	int link_mbps;		/* w */
	int least_switch_links; /* min c_i */
};

void gt_members_init(struct gt_members *m, const struct gt_node *node,
		     const struct gt_mask *set);
int gt_members_out_of_service(const struct gt_members *m);
/* An upper bound of R by degrees, O(k^2). */
int gt_members_rings_bound(const struct gt_members *m);
/* Links between members. */
int gt_members_link_sum(const struct gt_members *m);
/* R, tau and P as in gputopo.h; *steps falls by what was spent, and is negative where the
 * answer is a lower bound. */
int gt_members_rings(const struct gt_members *m, long *steps);
void gt_members_tree(const struct gt_members *m, int *num, int *den, long *steps);
int gt_members_path(const struct gt_members *m, long *steps);
bool gt_members_relayed(const struct gt_members *m, long *steps);
int64_t gt_members_pair_sum(const struct gt_members *m);
int gt_members_bottleneck(const struct gt_members *m);
int gt_members_sockets(const struct gt_members *m);
int gt_members_pci_roots(const struct gt_members *m);

/* Whether the pair talks over PCIe in an all-to-all. */
bool gt_members_over_pcie(const struct gt_members *m, int a, int b);
/* What shared PCIe ways leave to the ring, MB/s, and to an all-to-all's bus bandwidth,
 * bytes a second; INT_MAX, INT64_MAX: nothing shared is used. O(shared ways x k^2).
 *
 * A way of B MB/s that f transfers of one direction use at once gives each B / f. Of a
 * ring over a tree of PCIe: f = 1 where it has members on both sides (depth first order),
 * and without P2P f = the members behind, since all they send and get goes through the
 * host. Links within the set carry what they can; where they form more than pairs, f may
 * be too small. An all-to-all sends between all pairs at once. */
int gt_members_shared_ring(const struct gt_members *m);
int64_t gt_members_shared_alltoall(const struct gt_members *m);

/* Bus bandwidth of an all-reduce in the switch, MB/s; 0: none. */
int gt_members_in_switch(const struct gt_members *m);
/* gt_node_measured_mbps. */
int gt_members_measured(const struct gt_members *m, enum gt_comm comm);
/* Bus bandwidth of an all-to-all as gputopo.h defines it, in bytes a second, so that
 * equal sets are equal and others are not. O(k^2). */
int64_t gt_members_alltoall(const struct gt_members *m);

/* Fill all of a score but levels 1 to 3 and exact; levels 1 and 2 must stand. */
void gt_score_finish(struct gt_score *score, const struct gt_members *m);

/* The socket of a GPU, or its NUMA node where the source names only that. */
static inline int gt_gpu_home(const struct gt_gpu *gpu)
{
	return gpu->socket != GT_UNKNOWN ? gpu->socket : gpu->numa;
}

#endif
