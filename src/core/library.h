/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.h - what the library's own house uses of it: gputopo.h, which is promised to
 * everybody, and here what may change with every release: how readers make a model, and
 * what the programs, the simulator and the Slurm plugin need besides. Nothing of this is
 * exported; whoever includes it links libgtcore or libgtctld.
 */
#ifndef GT_LIBRARY_H
#define GT_LIBRARY_H

#include "gputopo.h"

#include <limits.h>

/* ---- errors ---- */

/* Fill *err (may be NULL) printf-like and return code, so that callers write
 * `return gt_fail(err, GT_EPARSE, "...")`. file, line and column are reset to "not
 * known". */
enum gt_err gt_fail(struct gt_error *err, enum gt_err code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Same, with a place. file may be NULL. */
enum gt_err gt_fail_at(struct gt_error *err, enum gt_err code, const char *file, int line,
		       int column, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* ---- masks and groups ---- */

bool gt_mask_equal(const struct gt_mask *a, const struct gt_mask *b);
bool gt_mask_within(const struct gt_mask *part, const struct gt_mask *whole);
bool gt_mask_meets(const struct gt_mask *a, const struct gt_mask *b);
/* GPUs of all groups. */
int gt_groups_sum(const struct gt_groups *groups);
/* Repeat the pattern until it has so many GPUs, as where a job of several nodes gets more
 * than one pattern on a node. false, and nothing changed: they are no multiple of it, or
 * too many. */
bool gt_groups_repeat(struct gt_groups *groups, int gpus);

/* ---- node models ---- */

enum gt_cpu_vendor {
	GT_CPU_UNKNOWN,
	GT_CPU_INTEL, /* an Intel CPU of unknown generation */
	GT_CPU_INTEL_BDW,
	GT_CPU_INTEL_SKX,
	GT_CPU_INTEL_SPR,
	GT_CPU_INTEL_EMR,
	GT_CPU_AMD,
	GT_CPU_POWER9,
	GT_CPU_ARM,
	GT_CPU_AMD_ZEN12, /* Naples, Rome */
	GT_CPU_AMD_ZEN34, /* Milan, Genoa */
	GT_CPU_AMD_ZEN5,  /* Turin */
};

/* gpus: 0 to GT_MAX_GPUS. Every pair starts as GT_PATH_UNKNOWN with 0 links, every GPU
 * healthy. Returns GT_ENOMEM or GT_ELIMIT. O(gpus^2) memory. */
enum gt_err gt_node_new(struct gt_node **node, int gpus, struct gt_error *err);
/* Setters, for readers only, before gt_node_finish. Indices are the caller's duty. */
struct gt_gpu *gt_node_edit_gpu(struct gt_node *node, int gpu);
/* The links that GPU a reports towards b (one direction; finish takes the smaller of the
 * two); GT_UNKNOWN: a cut source. 0 to GT_MAX_LINKS is checked by finish. */
void gt_node_set_links(struct gt_node *node, int a, int b, int links);
/* Both directions at once. */
void gt_node_set_path(struct gt_node *node, int a, int b, enum gt_path path);
/* A measured or rated bandwidth of the pair's path without links (both directions); wins
 * over the class of the path. */
void gt_node_set_path_mbps(struct gt_node *node, int a, int b, int mbps);
/* The pair's PCIe slots are known by link speed and width (both directions): the class of
 * the path is then counted from this instead of from the GPU models. */
void gt_node_set_slot_mbps(struct gt_node *node, int a, int b, int mbps);
void gt_node_set_name(struct gt_node *node, const char *name);
void gt_node_set_domain(struct gt_node *node, const char *domain);
void gt_node_set_cpu_vendor(struct gt_node *node, enum gt_cpu_vendor vendor);
enum gt_err gt_node_add_group(struct gt_node *node, const struct gt_mask *group,
			      struct gt_error *err);
/* The admin cut an instance of this profile out of a GPU, which is in MIG mode from now
 * on; start GT_UNKNOWN: not known. GPUs come in ascending order, a GPU's instances in the
 * order in which Slurm counts them. GT_EINVAL: the GPU's MIG table (where its model has
 * one) has no such profile or start, or the units are taken. */
enum gt_err gt_node_add_instance(struct gt_node *node, int gpu, const char *profile,
				 int start, struct gt_error *err);
/* A way over PCIe that GPUs share: the port of a switch towards the CPU, or the memory of
 * their CPU (memory), which only counts without P2P. */
struct gt_shared {
	struct gt_mask gpus;
	int mbps; /* one direction */
	bool memory;
};

#define GT_MAX_SHARED 32 /* of one node */

/* Of two with the same GPUs the smaller counts. GT_EINVAL: fewer than two GPUs, or the
 * GPUs are neither nested in those of another nor apart from them; GT_ELIMIT. */
enum gt_err gt_node_add_shared(struct gt_node *node, const struct gt_shared *shared,
			       struct gt_error *err);
/* Whether the node's GPUs write to each other over PCIe. Without this finish goes by the
 * GPU models. It counts only where something is shared. */
void gt_node_set_pcie_p2p(struct gt_node *node, bool p2p);
/* Somebody measured this on the node (gputopo measure). */
struct gt_measured {
	struct gt_mask gpus; /* empty: any set of count GPUs on one switch */
	int count;
	enum gt_comm comm;
	int busbw_mbps; /* as nccl-tests prints it */
};

#define GT_MAX_MEASURED 1024 /* points of one node */

/* A point of the same GPUs (or number) and comm takes the older one's place. GT_EINVAL:
 * fewer than two GPUs, or none of the node; GT_ELIMIT; GT_ENOMEM. */
enum gt_err gt_node_add_measured(struct gt_node *node, const struct gt_measured *measured,
				 struct gt_error *err);
/* ---- network cards ---- */

#define GT_MAX_NICS	 64   /* of one node */
#define GT_NIC_GLOBS_MAX 1024 /* of NicIgnore=, with the end */
#define GT_NIC_NAME_MAX	 64

enum gt_nic_kind { GT_NIC_UNKNOWN, GT_NIC_INFINIBAND, GT_NIC_ETHERNET };

/* One card (port) that jobs may use. Strings are "" where the source says nothing. */
struct gt_nic {
	char name[GT_NIC_NAME_MAX]; /* as the system calls it, "mlx5_0" */
	char bus_id[24];	    /* dddd:bb:dd.f, lower case */
	enum gt_nic_kind kind;
	int mbps;	     /* one way; GT_UNKNOWN */
	int rail;	     /* 0 to GT_MAX_NICS - 1 */
	bool has_rail;	     /* the source says which; else the place among the used ones,
			      * by PCI order where it is known, and as listed else */
	struct gt_mask near; /* the GPUs that have no better path to another card */
};

/* For readers, before gt_node_finish: paths holds an enum gt_path for each GPU. near is
 * found by finish, which also leaves out, with a note, what is slower than a quarter of
 * the fastest card, and Ethernet of 10 Gb/s or less beside InfiniBand. GT_ELIMIT,
 * GT_EINVAL (a rail out of range), GT_ENOMEM. */
enum gt_err gt_node_add_nic(struct gt_node *node, const struct gt_nic *nic,
			    const uint8_t *paths, struct gt_error *err);
/* Of a model that nobody shares yet, before gt_node_finish where it is new: cards of
 * unknown speed have mbps (0: stay unknown), those whose name one of the globs matches
 * ("mlx5_bond*,eth0", up to GT_NIC_GLOBS_MAX bytes; NULL: none) are left out, with a note
 * each. Rails and near are found anew. */
void gt_node_settle_nics(struct gt_node *node, int mbps, const char *ignored);
/* gt_load_options, which no release may change, with what gputopo.conf says of NICs. */
struct gt_site_options {
	struct gt_load_options load;
	int nic_mbps;		 /* as above */
	const char *nic_ignored; /* as above */
};

/* gt_node_load with these; options may not be NULL. */
enum gt_err gt_node_load_site(struct gt_node **node, const char *spec,
			      const struct gt_site_options *options,
			      struct gt_error *err);
int gt_node_nic_count(const struct gt_node *node);
const struct gt_nic *gt_node_nic(const struct gt_node *node, int i);
enum gt_path gt_node_nic_path(const struct gt_node *node, int nic, int gpu);

/* What a set reaches through the cards that are near to its GPUs. */
struct gt_reach {
	uint64_t nics;	 /* bit i: card i is near to one of them */
	uint64_t rails;	 /* bit r */
	bool has_speeds; /* of all cards */
	/* X(S): the sum over these cards of the smaller of its speed and what its GPUs of
	 * the set feed it, each as much as the card takes, or half of that by a path
	 * worse than PXB. MB/s; without speeds in thousandths of a card. */
	int worth;
};

/* O(cards x GPUs of the set). */
void gt_node_reach(const struct gt_node *node, const struct gt_mask *set,
		   struct gt_reach *reach);

void gt_node_set_partial(struct gt_node *node);
void gt_node_set_source(struct gt_node *node, const char *format, const char *file);
void gt_node_add_note(struct gt_node *node, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Decide "switch or mesh" from the link counts alone, where the source has no evidence:
 * a component of n >= 3 GPUs with one equal count k on every pair is one island if k >= 8
 * or (n-1)*k > 18 (no GPU has more than 18 links), else a mesh. Adds a note when it
 * infers. Call before gt_node_finish. */
void gt_node_infer_fabric(struct gt_node *node);
/* Complete and check the model: symmetric links (with a note where a source is not), link
 * speed by GPU model, island links, path classes to GB/s, the fabric's name. GT_EINVAL on
 * a model that contradicts itself. O(gpus^2). */
enum gt_err gt_node_finish(struct gt_node *node, struct gt_error *err);

/* The pair's path if it had no links (the PCIe way), same rules. */
int gt_node_path_mbps(const struct gt_node *node, int a, int b);
enum gt_cpu_vendor gt_node_cpu_vendor(const struct gt_node *node);
int gt_node_group_count(const struct gt_node *node);
const struct gt_mask *gt_node_group(const struct gt_node *node, int i);
bool gt_node_is_partial(const struct gt_node *node);
const char *gt_node_domain(const struct gt_node *node); /* "" if unknown */
const char *gt_node_source_format(const struct gt_node *node);
const char *gt_node_source_file(const struct gt_node *node);
/* Shared ways, in the order they were added; P2P as set or as finish found. */
int gt_node_shared_count(const struct gt_node *node);
const struct gt_shared *gt_node_shared(const struct gt_node *node, int i);
bool gt_node_pcie_p2p(const struct gt_node *node);
/* Measured points, in the order they were added. */
int gt_node_measured_count(const struct gt_node *node);
const struct gt_measured *gt_node_measured(const struct gt_node *node, int i);
/* What was measured of exactly this set, or of a set on the same switch with as many GPUs
 * and no more links (the least of those); 0: nothing. */
int gt_node_measured_mbps(const struct gt_node *node, const struct gt_mask *set,
			  enum gt_comm comm);
/* The same model with the GPUs of *avoid out of service. */
enum gt_err gt_node_copy_avoiding(struct gt_node **copy, const struct gt_node *node,
				  const struct gt_mask *avoid, struct gt_error *err);
/* Live links of a pair, or (b GT_UNKNOWN) of GPU a into the switch fabric. */
struct gt_live_links {
	int a, b, links;
};
/* Of a finished model that nobody uses yet: these have so many links only. None gets more
 * than it has; what was measured with all of them goes. GT_EINVAL: no such GPU. */
enum gt_err gt_node_wear(struct gt_node *node, const struct gt_live_links *live,
			 int count, struct gt_error *err);
/* Name the GPUs of a finished model that nobody uses yet, where it does not: names[i] is
 * GPU i's, NULL or one without figures: none. Speeds and paths follow, and the note of
 * the guess goes. What the source rated stays. */
void gt_node_name_gpus(struct gt_node *node, const char *const *names);
/* Whether the two give the same answer to every request. Names, UUIDs, bus ids and notes
 * don't count. */
bool gt_node_same_type(const struct gt_node *a, const struct gt_node *b);

/* MB/s of copies between GPUs that the memory of one socket carries; 0: not known. */
int gt_cpu_memory_mbps(enum gt_cpu_vendor vendor);
const char *gt_cpu_vendor_name(enum gt_cpu_vendor vendor); /* "" if unknown */
enum gt_cpu_vendor gt_cpu_vendor_parse(const char *name);  /* unknown names: UNKNOWN */

/* What is known of a GPU model by its name ("Tesla V100-SXM2-16GB", "a100", "MI250X",
 * ...): bandwidth per link and of PCIe x16, MB/s one way. Sources: NCCL and RCCL's
 * topology constants, see src/core/gpu_model.c. An unknown name gives 20000 and 12000 and
 * false. */
bool gt_gpu_model_speeds(const char *model, int *link_mbps, int *pcie_mbps);

/* False for GeForce cards since the 20 series, whose driver lets them not write to each
 * other over PCIe (NVIDIA/nccl#1086, nccl#1309). */
bool gt_gpu_model_pcie_p2p(const char *model);

/* Reduction inside a switch fabric (NVLink SHARP, NCCL's NVLS): K GPUs reach a bus
 * bandwidth of 2 (K-1)/K x links x link_mbps where that is more than their rings do. */
struct gt_reduction {
	int link_mbps;
	int from;	    /* fewer GPUs do not use it */
	const char *state;  /* "measured", "fitted", "rated" */
	const char *source; /* of the figure */
};

/* Of a GPU model, in any spelling; NULL: none is known. */
const struct gt_reduction *gt_gpu_model_reduction(const char *model);

#define GT_MAX_TEXT (16 << 20) /* bytes of one topology text */

/* A finished node of gpus GPUs from a row-major matrix of link counts (the diagonal is
 * ignored; GT_UNKNOWN: not known) and the socket of each GPU (NULL, or GT_UNKNOWN in it:
 * not known), as slurmctld holds them. The fabric is inferred from the counts. */
enum gt_err gt_node_from_links(struct gt_node **node, int gpus, const int *links,
			       const int *socket, struct gt_error *err);

/* ---- what jobs taught, tables ---- */

/* The sizes of the jobs that started, as weights; a job counts half after 500 more. */
struct gt_size_memory {
	double seen[GT_MIX_MAX + 1];
};

/* Starts with a prior worth 20 jobs. */
void gt_size_memory_init(struct gt_size_memory *memory);
void gt_size_memory_add(struct gt_size_memory *memory, int count);
struct gt_mix gt_size_memory_mix(const struct gt_size_memory *memory);

/* Whether time limits predict how long jobs run here. {0} knows nothing. Seconds; jobs
 * shorter than a second are passed over. */
struct gt_limit_memory {
	double jobs, x, y, xx, yy, xy; /* decaying sums over log limit, log run time */
};

void gt_limit_memory_add(struct gt_limit_memory *memory, double limit_s, double ran_s);
/* True once 30 jobs or more show a correlation above one half. Until then, and where all
 * limits are the same, gt_running.seconds is better left GT_UNKNOWN: ends that mean
 * nothing make level 3 worse than none (`make foresight` shows by how much). */
bool gt_limit_memory_tells(const struct gt_limit_memory *memory);

/* Bytes held now. */
size_t gt_table_bytes(const struct gt_table *table);
/* Weigh level 3 by another mix from now on. 3^n steps: about 20 us for 8 GPUs. */
void gt_table_set_mix(struct gt_table *table, const struct gt_mix *mix);
/* Questions about groups that would take more steps than this (some 40 ns each) are
 * answered from the best set of levels 0 to 2, and not called exact; 0: no limit. Nodes
 * of up to 8 GPUs stay far below any. */
void gt_table_limit_groups(struct gt_table *table, long steps);
/* Levels 0 to 2 of the best set of count free GPUs as one number, larger is better, equal
 * is a tie, comparable between node types; 0 where none fits. For ranking nodes: one
 * look-up for up to 8 GPUs. */
uint64_t gt_table_quality(struct gt_table *table, const struct gt_mask *free, int count);

const struct gt_node *gt_table_node(const struct gt_table *table);
/* ---- rank order ---- */

/* The same for ranks with a place: near[r] are the GPUs near rank r's cores, a mask for
 * each GPU of the set (NULL: unknown). After the worst quad and the worst pair the number
 * of ranks near their GPU decides. Beyond 16 GPUs it counts only where all pairs are
 * equal. */
void gt_order_find_near(const struct gt_node *node, const struct gt_mask *set,
			const struct gt_mask *near, struct gt_order *order);

#include "core/mig.h"

/* The all-reduce or all-to-all bandwidth of the slowest group, MB/s; INT_MAX: groups of
 * one GPU only. */
static inline int gt_geometry_slowest(const struct gt_geometry *geometry)
{
	int least = INT_MAX;

	for (int i = 0; i < geometry->count; i++)
		if (geometry->busbw_mbps[i] != GT_UNKNOWN &&
		    geometry->busbw_mbps[i] < least)
			least = geometry->busbw_mbps[i];
	return least;
}

#endif
