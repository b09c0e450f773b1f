/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node model as the core sees it: plain arrays, fixed once gt_node_finish returned.
 */
#ifndef GT_CORE_NODE_H
#define GT_CORE_NODE_H

#include "core/library.h"

#define GT_NODE_TEXT_MAX 256

/* Matrices are row-major, n x n. After gt_node_finish they are symmetric. */
struct gt_node {
	int n;
	struct gt_gpu *gpu;
	int16_t *links;	    /* L_ij, 0 on the diagonal, GT_UNKNOWN where not shown */
	int32_t *pair_mbps; /* the larger of L_ij x w and the path; GT_UNKNOWN: no pair */
	int32_t *path_mbps; /* the way without links; before finish: a reader's figure */
	int32_t *slot_mbps; /* rated PCIe slots of the pair, 0: by GPU model; may be NULL
			     */
	uint8_t *path;	    /* enum gt_path, as people see it (LINK where L_ij > 0) */

	struct gt_mask all;
	struct gt_mask healthy;
	struct gt_mask mig; /* GPUs in MIG mode */

	struct gt_instance *instances; /* the admin's, by ascending GPU */
	int instance_count;

	struct gt_measured *measured;
	int measured_count;

	const struct gt_cards *cards; /* NULL: no NICs */
	struct gt_nic *nics;
	uint8_t *nic_path; /* enum gt_path, nic_count x n */
	int nic_count;

	struct gt_mask groups[GT_MAX_GROUPS];
	int group_count;

	struct gt_shared shared[GT_MAX_SHARED]; /* nested or apart, as in a tree */
	int shared_count;
	bool copies;   /* no P2P over PCIe: transfers go through the hosts' memory */
	bool p2p_told; /* by the source, not by the GPU models */

	enum gt_fabric fabric;
	enum gt_cpu_vendor cpu_vendor;
	bool partial;
	bool paths_rated; /* path_mbps holds more than the classes of path say */
	bool finished;

	char name[GT_NODE_TEXT_MAX];
	char domain[GT_NODE_TEXT_MAX];
	char source_format[GT_NODE_TEXT_MAX];
	char source_file[GT_NODE_TEXT_MAX];
	char *notes[GT_MAX_NOTES];
	int note_count;
	int notes_dropped;
};

/* Position of pair (a, b) in the matrices. */
static inline size_t gt_node_at(const struct gt_node *node, int a, int b)
{
	return (size_t)a * (size_t)node->n + (size_t)b;
}

/* L_ab of an unfinished model: the smaller direction, or the known one. */
int gt_node_raw_links(const struct gt_node *node, int a, int b);

/* Hold an instance against the MIG table of its GPU, where there is one: its size in
 * units is set, GT_EINVAL says what the table forbids. `before` instances of the node
 * count already. */
enum gt_err gt_instance_settle(const struct gt_node *node, struct gt_instance *instance,
			       int before, struct gt_error *err);
/* Whether it overlaps one of the first `before` instances, as far as starts are known. */
bool gt_instance_overlaps(const struct gt_node *node, int before,
			  const struct gt_instance *instance);
/* Give copy (whose list is overwritten) the instances of node; false: out of memory. */
bool gt_instances_copy(struct gt_node *copy, const struct gt_node *node);
bool gt_instances_same(const struct gt_node *a, const struct gt_node *b);

/* Give copy (whose list is overwritten) the measured points of node; false: out of
 * memory. */
bool gt_measured_copy(struct gt_node *copy, const struct gt_node *node);
/* Whether the two are of the same GPUs, or number, and comm. */
bool gt_measured_same_place(const struct gt_measured *a, const struct gt_measured *b);
bool gt_measured_same(const struct gt_node *a, const struct gt_node *b);

/* What a set is worth to a job of several nodes: the levels of nics.c's key. */
struct gt_network_key {
	int sick;   /* GPUs out of service */
	int worth;  /* the least of bus bandwidth and X(S), MB/s */
	int common; /* rails that the job's other nodes have too */
	int shared; /* NICs that other such jobs use */
};

/* How network cards are kept and judged. A node with cards brings it, so that slurmctld's
 * plugin does not link nics.c: gputopo_nics.so has it. */
struct gt_cards {
	/* Give copy (whose list is NULL) the cards of node; false: out of memory. */
	bool (*copy)(struct gt_node *copy, const struct gt_node *node);
	bool (*same)(const struct gt_node *a, const struct gt_node *b);
	void (*settle)(struct gt_node *node, int mbps, const char *ignored);
	struct gt_network_key (*key)(const struct gt_node *node,
				     const struct gt_network *network,
				     const struct gt_mask *set, int busbw_mbps);
	/* Fill in the score's network fields; its bus bandwidth is known. */
	void (*score)(const struct gt_node *node, const struct gt_network *network,
		      const struct gt_mask *set, struct gt_score *score);
	/* nic_pick.c: gt_select on a node that is kept as pools. */
	enum gt_fit (*pick)(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice);
};

/* > 0: a is better. */
int gt_network_compare(const struct gt_network_key *a, const struct gt_network_key *b);
enum gt_fit gt_network_pick(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice);

extern const struct gt_cards gt_cards;

bool gt_shared_same(const struct gt_node *a, const struct gt_node *b);

/* Make a string printable and storable as JSON: what is no UTF-8, and control characters,
 * become '?'. */
void gt_text_clean(char *text);
/* MB/s of a PCIe path through this CPU, its slots worth slot_mbps. */
int gt_cpu_path_mbps(enum gt_cpu_vendor vendor, enum gt_path path, int slot_mbps);

#endif
