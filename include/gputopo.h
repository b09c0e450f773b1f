/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo.h - which GPUs of a node talk fastest to each other.
 *
 * The library answers one question: of the GPUs that are free, which K have the highest
 * attainable all-reduce bandwidth, and which of those equals does the least damage to the
 * jobs to come?
 *
 *   struct gt_error err;
 *   struct gt_node *node;
 *   struct gt_table *table;
 *   struct gt_choice best;
 *   struct gt_request request = {.count = 4, .free = gt_mask_first(8)};
 *
 *   if (gt_node_load(&node, "builtin:dgx1v", NULL, &err) ||
 *       gt_table_new(&table, node, NULL, &err))
 *           errx(1, "%s", err.text);
 *   if (gt_select(table, &request, &best) == GT_FIT_OK)
 *           ...the four are in best.gpus...
 *   gt_table_free(table);
 *   gt_node_free(node);
 *
 * examples/best.c is a whole program. Compile with `pkg-config --cflags --libs gputopo`.
 *
 * The library prints nothing, logs nothing, never exits, keeps no global state and reads
 * no clock: the same input gives the same answer. Units stand in names: _mbps is 10^6
 * bytes a second in one direction, _mib is 2^20 bytes. GPU numbers are positions in the
 * node file, which are Slurm's gres bits.
 *
 * Who owns what: _new and _load give an object that the matching _free takes, which
 * accepts NULL too. Plain structs are the caller's; {0} is a good start for each. Strings
 * that a function returns live as long as the object that it was asked about. Outputs are
 * set before the first return, also where a function fails.
 *
 * Threads: a finished node, a MIG table and a MIG space never change and may be shared. A
 * gt_table learns as it is asked, so each thread has its own.
 *
 * Versions: every function bears the symbol version GPUTOPO_1. Functions may come;
 * structs, enums and functions of one soname never change or go (docs/library.md). Fields
 * named reserved are the room for fields to come: leave them 0.
 *
 * Sections: errors - masks - geometry - node model - sources - score - table and
 * selection - order
 */
#ifndef GPUTOPO_H
#define GPUTOPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---------------------------------------------------------------- errors ----------- */

enum gt_err {
	GT_OK = 0,
	GT_ENOMEM,  /* out of memory */
	GT_EIO,	    /* a file or a device could not be read */
	GT_EPARSE,  /* the text breaks the rules of its format */
	GT_EFORMAT, /* no known format, or one that holds no topology */
	GT_EINVAL,  /* an argument out of range, or a model that contradicts itself */
	GT_ELIMIT,  /* larger than a named maximum of this library */
};

/* What went wrong and where. line and column count from 1; 0 means "not known". */
struct gt_error {
	enum gt_err code;
	int line;
	int column;
	char file[256]; /* as the caller named it; "" without a file */
	char text[256]; /* one line, no newline, no file or line in it */
};

/* The library's version, "MAJOR.MINOR.PATCH". */
const char *gt_version(void);

/* ---------------------------------------------------------------- masks ------------ */

#define GT_MAX_GPUS	 1024 /* GPUs in one node model: an NVL576 system and room above */
#define GT_MASK_WORDS	 (GT_MAX_GPUS / 64)
#define GT_MASK_TEXT_MAX 4096 /* the longest list gt_mask_format writes, NUL included */

/* A set of GPUs of one node: bit i of word[i / 64] is GPU i. {0} is the empty set. */
struct gt_mask {
	uint64_t word[GT_MASK_WORDS];
};

void gt_mask_set(struct gt_mask *m, int gpu);
void gt_mask_clear(struct gt_mask *m, int gpu);
bool gt_mask_has(const struct gt_mask *m, int gpu);
int gt_mask_count(const struct gt_mask *m);
/* GPUs 0 to count - 1. */
struct gt_mask gt_mask_first(int count);
struct gt_mask gt_mask_and(const struct gt_mask *a, const struct gt_mask *b);
struct gt_mask gt_mask_or(const struct gt_mask *a, const struct gt_mask *b);
struct gt_mask gt_mask_without(const struct gt_mask *a, const struct gt_mask *b);
/* The lowest GPU >= from, or -1. To walk a mask, start from 0 and go on from g + 1. */
int gt_mask_next(const struct gt_mask *m, int from);
/* Read a list as Slurm writes it: "0,2-4"; "" is the empty set. GPUs must be < limit.
 * GT_EPARSE with the column on anything else; *m is empty then. */
enum gt_err gt_mask_parse(struct gt_mask *m, const char *list, int limit,
			  struct gt_error *err);
/* Write the same form into buf and return buf; GT_MASK_TEXT_MAX bytes always do. */
char *gt_mask_format(const struct gt_mask *m, char *buf, size_t size);

/* ---------------------------------------------------------------- geometry --------- */

/* What runs inside a group of GPUs, and so which bandwidth counts. */
enum gt_comm {
	GT_COMM_ALLREDUCE, /* all-reduce bus bandwidth, gt_score.busbw_mbps */
	GT_COMM_ALLTOALL,  /* all-to-all bus bandwidth, gt_score.alltoall_mbps */
};

const char *gt_comm_name(enum gt_comm comm); /* "allreduce", "alltoall" */
/* GT_EINVAL lists the names; *comm is GT_COMM_ALLREDUCE then. */
enum gt_err gt_comm_parse(enum gt_comm *comm, const char *name, struct gt_error *err);

#define GT_GROUPS_MAX	   256	/* groups of one job on one node */
#define GT_GROUPS_TEXT_MAX 2048 /* the longest text gt_groups_format writes, with NUL */

/* The groups of a job on a node, in the order in which it lists them: a tensor-parallel
 * group each, the stages of a pipeline, prefill and decode. */
struct gt_groups {
	int count; /* 0: none were asked */
	uint16_t size[GT_GROUPS_MAX];
};

/* "2x4" (two groups of four), "4+2+2", "2x2+4", or with the GPUs in front, "4:2x2", which
 * the sizes must add up to. Strict: decimal numbers from 1 without leading zeros, no
 * blanks. GT_EPARSE with the column; GT_ELIMIT: more than GT_GROUPS_MAX groups or
 * GT_MAX_GPUS GPUs. *groups is empty then. Allocates nothing; reads at most
 * GT_GROUPS_TEXT_MAX bytes. */
enum gt_err gt_groups_parse(struct gt_groups *groups, const char *text,
			    struct gt_error *err);
/* The shortest text that gt_groups_parse reads as the same, "2x2+4"; returns buf. */
char *gt_groups_format(const struct gt_groups *groups, char *buf, size_t size);
/* ---------------------------------------------------------------- node model ------- */

/* How a pair is connected, nearest first, in nvidia-smi's words. */
enum gt_path {
	GT_PATH_UNKNOWN = 0, /* the source does not show this pair; counts as nothing */
	GT_PATH_SELF,	     /* "X" */
	GT_PATH_LINK,	     /* "NV2": NVLink or xGMI, directly or through a switch */
	GT_PATH_C2C,	     /* "C2C" */
	GT_PATH_PIX,	     /* one PCIe switch */
	GT_PATH_PXB,	     /* several PCIe switches */
	GT_PATH_PHB,	     /* one host bridge */
	GT_PATH_NODE,	     /* several host bridges of one NUMA node */
	GT_PATH_SYS,	     /* the link between sockets */
};

#define GT_UNKNOWN    (-1) /* of an int that the source did not give */
#define GT_MAX_LINKS  64   /* links of one pair, or of one GPU into a switch fabric */
#define GT_MAX_GROUPS 64   /* link groups of one node */
#define GT_MAX_NOTES  32   /* later notes are dropped and counted in the last */

/* One GPU. Strings are "" and numbers GT_UNKNOWN where the source says nothing. */
struct gt_gpu {
	int minor;     /* the N of /dev/nvidiaN */
	int module_id; /* NVML's module id: the HGX baseboard position */
	char model[64];
	char uuid[64];
	char bus_id[24];   /* dddd:bb:dd.f, lower case */
	char pci_root[24]; /* an opaque name: equal names share a PCIe root */
	int socket;
	int numa;
	char cpus[256];	  /* near cores, as a Slurm list */
	int island;	  /* the switch fabric it is on; GT_UNKNOWN: none */
	int switch_links; /* c_i: live links into that fabric; 0: none */
	int link_mbps;	  /* one NVLink or xGMI link, one direction, as NCCL counts it */
	int reduce_mbps;  /* a link's share of a reduction inside the switch; 0: none */
	int reduce_from;  /* GPUs from which NCCL reduces there */
	int64_t mem_mib;
	bool mig;     /* in MIG mode: never part of a set of several */
	bool healthy; /* false: out of service, taken last */
};

enum gt_fabric { GT_FABRIC_PCIE, GT_FABRIC_MESH, GT_FABRIC_SWITCH };

/* The adjacency model of one node. It never changes and may be shared between threads. */
struct gt_node;

void gt_node_free(struct gt_node *node);

/* Readers of a finished model. */
int gt_node_size(const struct gt_node *node);
const struct gt_gpu *gt_node_gpu(const struct gt_node *node, int gpu);
/* L_ij: links of the pair; inside an island the smaller of the two switch_links;
 * GT_UNKNOWN where a cut source does not show the pair; 0 on the diagonal. */
int gt_node_links(const struct gt_node *node, int a, int b);
enum gt_path gt_node_path(const struct gt_node *node, int a, int b);
/* One hop between the two: the larger of links x link speed and the path's class.
 * GT_UNKNOWN on the diagonal and for unknown pairs. */
int gt_node_pair_mbps(const struct gt_node *node, int a, int b);
enum gt_fabric gt_node_fabric(const struct gt_node *node);
const char *gt_node_name(const struct gt_node *node); /* "" if unknown */
int gt_node_note_count(const struct gt_node *node);
const char *gt_node_note(const struct gt_node *node, int i);
/* "NV" of GT_PATH_LINK has no count; GT_PATH_UNKNOWN is "?". */
const char *gt_path_name(enum gt_path path);
const char *gt_fabric_name(enum gt_fabric fabric);
/* ---------------------------------------------------------------- sources ---------- */

struct gt_load_options {
	const char *format; /* NULL: detect from the content */
	const char *model; /* GPU model where the source does not name it; wins over it */
	const char *node_name; /* which NodeName of a gres.conf; NULL: the only one */
};

/* Load a topology: "builtin:NAME", "live", "-" for standard input, or a file. options may
 * be NULL. On GT_OK *node is the caller's; else NULL and err says file and line. */
enum gt_err gt_node_load(struct gt_node **node, const char *spec,
			 const struct gt_load_options *options, struct gt_error *err);
/* Same from a text of size bytes; name stands for the file in errors. */
enum gt_err gt_node_parse(struct gt_node **node, const char *text, size_t size,
			  const char *name, const struct gt_load_options *options,
			  struct gt_error *err);
/* The node file (JSON, one document with a final newline); *text is malloc'ed. */
enum gt_err gt_node_write(const struct gt_node *node, char **text, struct gt_error *err);
/* Names of the built-in machines, i from 0; NULL after the last. */
const char *gt_builtin_name(int i);

/* ---------------------------------------------------------------- score ------------ */

#define GT_SCORE_GROUPS 16

/* What a set of GPUs is worth. selection: levels 0 to 4 in the order in which they
 * decide. */
struct gt_score {
	int count; /* K */
	/* level 0 */
	int out_of_service; /* members with healthy == false */
	/* level 1: R x w */
	int rings;     /* R: arc-disjoint directed Hamiltonian cycles over links */
	int link_mbps; /* w: the slowest member's link */
	/* level 2: tau, then P where R is 0 */
	int tree_num;  /* tau = tree_num / tree_den: spanning-tree packing number */
	int tree_den;  /* >= 1 */
	int path_mbps; /* P: best bottleneck of a ring over all paths; 0 where R > 0 */
	/* level 3 */
	double remaining; /* value of what stays free over the idle node's, 0 to 1 */
	/* level 4 */
	int64_t pair_sum_mbps;
	int sockets; /* distinct ones, unknown counts as one */
	int pci_roots;
	/* what the set can reach */
	bool relayed_ring; /* Q: R is 0, but a ring through members of the set exists */
	int busbw_mbps;	   /* all-reduce bus bandwidth of nccl-tests: measured, where the
			    * node file has it, else predicted; 0 for K < 2 */
	int bottleneck_mbps; /* the smallest pair; 0 for K < 2 */
	bool exact;	     /* R, tau and P are proven, not bounds */
	bool measured;	     /* busbw_mbps was */
	int predicted_mbps;  /* busbw without measurements: the larger of the rings (or P,
			      * or the relay) and of in_switch_mbps */
	int in_switch_mbps;  /* by reduction inside the switch; 0: none */
	/* All-to-all bus bandwidth of nccl-tests, predicted: K-1 times the slowest pair
	 * while all pairs send at once, each by its own path; 0 for K < 2. */
	int alltoall_mbps;
	/* the groups of the request, set by gt_select_score; without any: 0 */
	int group_count;
	int group_mbps[GT_SCORE_GROUPS]; /* slowest first; groups of one left out */
	int transfer_mbps;	/* the least sum of pairs between two groups in a row */
	bool groups_break_ties; /* as in the request */
	/* the network of the request, set by gt_select_score; else 0 */
	bool has_network;
	bool nic_has_speeds; /* of every card: nic_worth is MB/s, else thousandths of a
			      * card */
	int nic_worth;	     /* what the near cards carry */
	int network_worth;   /* the smaller of that and of busbw_mbps; without speeds
			      * nic_worth */
	int rails_in_common; /* with the sets on the other nodes */
	int nics_shared;     /* with other jobs */
	int64_t reserved[6]; /* 0: room for what a later version counts */
};

/* Score one set; remaining is left 0 (it needs a table). GPUs outside the node are the
 * caller's error. Exponential in K for irregular meshes, bounded by counted steps. */
void gt_score_set(const struct gt_node *node, const struct gt_mask *set,
		  struct gt_score *score);

/* ---------------------------------------------------------------- table, selection - */

#define GT_MIX_MAX 64

/* How often jobs of each size are expected, any scale: weight[k] for k GPUs. */
struct gt_mix {
	uint32_t weight[GT_MIX_MAX + 1];
};

/* 1/2/4/8 at 40/20/20/20. */
struct gt_mix gt_mix_default(void);
/* "1:40,2:20"; sizes 1 to GT_MIX_MAX, weights 0 to 1000000, not all 0. */
enum gt_err gt_mix_parse(struct gt_mix *mix, const char *text, struct gt_error *err);

/* Everything that can be known beforehand about one node type, for nodes with equal
 * models to share. It refers to node, which must outlive it. mix NULL: gt_mix_default.
 * For up to 8 GPUs the full table is made here; larger types fill theirs as they are
 * asked, so one table must not be used by two threads at a time. */
struct gt_table;
enum gt_err gt_table_new(struct gt_table **table, const struct gt_node *node,
			 const struct gt_mix *mix, struct gt_error *err);
void gt_table_free(struct gt_table *table);
enum gt_policy {
	GT_POLICY_BANDWIDTH, /* levels 0, 1, 2, 3, 4 */
	GT_POLICY_PRESERVE,  /* level 3 before 1 and 2, among sets of min_busbw_mbps */
};

/* Exactly count GPUs of the set must lie in gpus. */
struct gt_quota {
	struct gt_mask gpus;
	int count;
};

/* A job that holds GPUs of the node now. */
struct gt_running {
	struct gt_mask gpus;
	int seconds; /* until it ends at the latest; GT_UNKNOWN */
};

/* A job of several nodes: its set's network cards count, between the groups' value and
 * level 1: most of min(all-reduce bandwidth, what the near cards carry), then the rails
 * that the job's other nodes use, then the fewest cards of other such jobs. */
struct gt_network {
	uint64_t rails; /* that all sets chosen so far have, bit r; 0: none chosen yet */
	uint64_t busy;	/* cards near to GPUs of other jobs of several nodes, bit i */
};

struct gt_request {
	int count;		/* K >= 1 */
	struct gt_mask free;	/* the GPUs to choose from */
	struct gt_mask include; /* these must be in the set; must be within free */
	int min_busbw_mbps;	/* 0: none */
	enum gt_policy policy;
	struct gt_mask near;  /* GPUs near the job's cores: preferred in level 4 */
	struct gt_mask touch; /* if not empty: at least one GPU of the set lies in it */
	const struct gt_quota *quotas; /* per socket or per type; disjoint */
	int quota_count;
	const struct gt_mask *except; /* sets that were tried and will not do */
	int except_count;
	const struct gt_running *running; /* level 3 looks at what they will free */
	int running_count;
	/* The groups into which the job splits, of count GPUs together; NULL or empty:
	 * one. Their value counts between levels 0 and 1: the best partition by the
	 * slowest group, then the others, then the transfer between groups in a row.
	 * min_busbw_mbps then holds for every group, in the measure of comm. */
	const struct gt_groups *groups;
	enum gt_comm comm;
	bool groups_break_ties; /* the groups were not asked for: they count after level 2
				 */
	const struct gt_network *network; /* NULL: a job of one node */
	uint64_t reserved[7];		  /* 0: room for wishes to come */
};

enum gt_fit {
	GT_FIT_OK,
	GT_FIT_TOO_FEW,	    /* fewer GPUs than asked are free (or allowed together) */
	GT_FIT_MIG,	    /* enough are free, but too many of them are in MIG mode */
	GT_FIT_BELOW_MIN,   /* no set reaches min_busbw_mbps */
	GT_FIT_CONSTRAINED, /* include, quotas, touch or except leave no set */
	GT_FIT_INVALID,	    /* the request itself is wrong: count < 1, include not free,
			     * groups that do not add up to count */
};

struct gt_choice {
	struct gt_mask gpus;
	bool exact; /* no better set exists; false: the search ran out of steps */
	uint64_t reserved[4]; /* 0: room for what a later version says */
};

/* The best set for the request. Allocates nothing for up to 8 GPUs and for what was asked
 * before. GT_FIT_OK fills *choice, anything else empties it. */
enum gt_fit gt_select(struct gt_table *table, const struct gt_request *request,
		      struct gt_choice *choice);
/* One sentence for people, such as "4 GPUs asked, 3 free". */
char *gt_fit_text(const struct gt_table *table, const struct gt_request *request,
		  enum gt_fit fit, char *buf, size_t size);
/* The groups of a set, as the answer to a request. */
struct gt_geometry {
	int count; /* groups; 1 where the request names none */
	enum gt_comm comm;
	uint16_t size[GT_GROUPS_MAX]; /* as the request lists them */
	/* The GPUs of group 0, then of group 1, ...: within a group ascending, until
	 * gt_order_groups brings them into the order of its ranks. */
	uint16_t gpu[GT_MAX_GPUS];
	int busbw_mbps[GT_GROUPS_MAX]; /* in the measure of comm; GT_UNKNOWN: one GPU */
	int transfer_mbps; /* the least sum of pairs between two groups in a row; 0: one
			    */
	bool exact;	   /* no better partition of the set exists */
	uint64_t reserved[4]; /* 0: room for what a later version says */
};

/* The best partition of a set of request->count GPUs into the request's groups. */
void gt_select_geometry(struct gt_table *table, const struct gt_request *request,
			const struct gt_mask *set, struct gt_geometry *geometry);

/* What a node can give a request, to compare nodes of any types: level 0, the groups'
 * value (the four slowest, then the transfer), levels 1 and 2. Larger words are better,
 * the first that differs decides. */
struct gt_quality {
	uint64_t word[4];
};

/* Looks at count, free, groups, comm and groups_break_ties only. false: no set fits, and
 * *quality is 0. */
bool gt_select_quality(struct gt_table *table, const struct gt_request *request,
		       struct gt_quality *quality);
/* < 0: a is worse, > 0: better. */
int gt_quality_compare(const struct gt_quality *a, const struct gt_quality *b);
/* Score a set as the answer to a request: gt_score_set, the groups and level 3. */
void gt_select_score(struct gt_table *table, const struct gt_request *request,
		     const struct gt_mask *set, struct gt_score *score);
#define GT_LEVEL_GROUPS	 5 /* the groups' value, which counts between levels 0 and 1 */
#define GT_LEVEL_NETWORK 6 /* the network's, which counts before level 1 */

/* Compare a and b on levels 0 to 3 (level 4 and indices are ties). Returns the level that
 * decides, 0 to 3, GT_LEVEL_GROUPS or GT_LEVEL_NETWORK, with *order < 0 where a is
 * better, > 0 where b is; 4 and *order 0 on a tie. */
int gt_score_compare(const struct gt_score *a, const struct gt_score *b,
		     enum gt_policy policy, int *order);
/* The best set that differs from choice above "lowest indices"; GT_FIT_CONSTRAINED: none.
 */
enum gt_fit gt_select_runner_up(struct gt_table *table, const struct gt_request *request,
				const struct gt_choice *choice,
				struct gt_choice *runner_up);
/* Busbw of the best set of count GPUs on the idle node, MB/s; 0 for count < 2 or too
 * many. */
int gt_ideal_busbw_mbps(struct gt_table *table, int count);

/* ---------------------------------------------------------------- rank order ------- */

/* Which rank gets which GPU: rank r runs on gpu[r]. */
struct gt_order {
	int count;
	int gpu[GT_MAX_GPUS];
	int quads;			/* complete blocks of ranks 4i to 4i + 3 */
	int quad_mbps[GT_MAX_GPUS / 4]; /* busbw of each as a set of its own */
	int pairs;			/* complete blocks of ranks 2i and 2i + 1 */
	int pair_mbps[GT_MAX_GPUS / 2];
	int64_t hop_sum_mbps; /* pairs of ranks r and r + 1 */
	bool exact;	      /* no better order exists */
};

/* The order of the set's GPUs in which consecutive ranks, which form the groups of tensor
 * parallel programs, talk fastest: the best worst quad, then the best worst pair, then
 * the best first quad, first pair and sum of hops between consecutive ranks, then the
 * lowest GPUs first. Ranks beyond the last complete block count in none. Exact up to 8
 * GPUs and for sets in which all pairs are equal; up to 16 a search bounded by counted
 * steps; beyond, GPUs of one island stand together. */
void gt_order_find(const struct gt_node *node, const struct gt_mask *set,
		   struct gt_order *order);
/* Bring the GPUs of each group into the order of its ranks, as gt_order_find would. */
void gt_order_groups(const struct gt_node *node, struct gt_geometry *geometry);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
