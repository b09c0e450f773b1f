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
 * structs, enums and functions of one soname never change or go (docs/library.md).
 *
 * Sections: errors - masks - geometry - node model - sources - score - table and
 * selection - order - MIG
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

/* Fill *err (may be NULL) printf-like and return code, so that callers write
 * `return gt_fail(err, GT_EPARSE, "...")`. file, line and column are reset to "not
 * known". */
enum gt_err gt_fail(struct gt_error *err, enum gt_err code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Same, with a place. file may be NULL. */
enum gt_err gt_fail_at(struct gt_error *err, enum gt_err code, const char *file, int line,
		       int column, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

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
bool gt_mask_equal(const struct gt_mask *a, const struct gt_mask *b);
bool gt_mask_within(const struct gt_mask *part, const struct gt_mask *whole);
bool gt_mask_meets(const struct gt_mask *a, const struct gt_mask *b);
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
/* GPUs of all groups. */
int gt_groups_sum(const struct gt_groups *groups);
/* Repeat the pattern until it has so many GPUs, as where a job of several nodes gets more
 * than one pattern on a node. false, and nothing changed: they are no multiple of it, or
 * too many. */
bool gt_groups_repeat(struct gt_groups *groups, int gpus);

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

/* An instance of a GPU in MIG mode that the admin made; Slurm gives it away as a GPU of
 * its own. */
struct gt_instance {
	int gpu;
	char profile[32]; /* as the source names it */
	int start;	  /* memory unit; GT_UNKNOWN */
	int size;	  /* memory units; compute slices where no table is known */
};

enum gt_fabric { GT_FABRIC_PCIE, GT_FABRIC_MESH, GT_FABRIC_SWITCH };

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

/* The adjacency model of one node. Readers make it with gt_node_new, the setters and
 * gt_node_finish; after that it never changes and may be shared between threads. */
struct gt_node;

/* gpus: 0 to GT_MAX_GPUS. Every pair starts as GT_PATH_UNKNOWN with 0 links, every GPU
 * healthy. Returns GT_ENOMEM or GT_ELIMIT. O(gpus^2) memory. */
enum gt_err gt_node_new(struct gt_node **node, int gpus, struct gt_error *err);
void gt_node_free(struct gt_node *node);

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
/* The pair's path if it had no links (the PCIe way), same rules. */
int gt_node_path_mbps(const struct gt_node *node, int a, int b);
enum gt_fabric gt_node_fabric(const struct gt_node *node);
enum gt_cpu_vendor gt_node_cpu_vendor(const struct gt_node *node);
int gt_node_group_count(const struct gt_node *node);
const struct gt_mask *gt_node_group(const struct gt_node *node, int i);
bool gt_node_is_partial(const struct gt_node *node);
const char *gt_node_name(const struct gt_node *node);	/* "" if unknown */
const char *gt_node_domain(const struct gt_node *node); /* "" if unknown */
int gt_node_note_count(const struct gt_node *node);
const char *gt_node_note(const struct gt_node *node, int i);
const char *gt_node_source_format(const struct gt_node *node);
const char *gt_node_source_file(const struct gt_node *node);
/* Measured points, in the order they were added. */
int gt_node_measured_count(const struct gt_node *node);
const struct gt_measured *gt_node_measured(const struct gt_node *node, int i);
/* What was measured of exactly this set, or of a set on the same switch with as many GPUs
 * and no more links (the least of those); 0: nothing. */
int gt_node_measured_mbps(const struct gt_node *node, const struct gt_mask *set,
			  enum gt_comm comm);
/* Instances that the admin made, in the order they were added. */
int gt_node_instance_count(const struct gt_node *node);
const struct gt_instance *gt_node_instance(const struct gt_node *node, int i);
/* What Slurm counts as GPUs, in the order of `slurmd -G` without types: a GPU, or each of
 * its instances. Position i, from 0: *gpu, and *instance (GT_UNKNOWN: the whole GPU).
 * false after the last. O(GPUs + instances). */
bool gt_node_position(const struct gt_node *node, int i, int *gpu, int *instance);
/* The same model with the GPUs of *avoid out of service. */
enum gt_err gt_node_copy_avoiding(struct gt_node **copy, const struct gt_node *node,
				  const struct gt_mask *avoid, struct gt_error *err);
/* Do the two give the same answer to every request? Names, UUIDs, bus ids and notes don't
 * count. */
bool gt_node_same_type(const struct gt_node *a, const struct gt_node *b);

/* "NV" of GT_PATH_LINK has no count; GT_PATH_UNKNOWN is "?". */
const char *gt_path_name(enum gt_path path);
const char *gt_fabric_name(enum gt_fabric fabric);
const char *gt_cpu_vendor_name(enum gt_cpu_vendor vendor); /* "" if unknown */
enum gt_cpu_vendor gt_cpu_vendor_parse(const char *name);  /* unknown names: UNKNOWN */

/* What is known of a GPU model by its name ("Tesla V100-SXM2-16GB", "a100", "MI250X",
 * ...): bandwidth per link and of PCIe x16, MB/s one way. Sources: NCCL and RCCL's
 * topology constants, see src/core/gpu_model.c. An unknown name gives 20000 and 12000 and
 * false. */
bool gt_gpu_model_speeds(const char *model, int *link_mbps, int *pcie_mbps);

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

/* ---------------------------------------------------------------- sources ---------- */

#define GT_MAX_TEXT (16 << 20) /* bytes of one topology text */

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
/* A finished node of gpus GPUs from a row-major matrix of link counts (the diagonal is
 * ignored; GT_UNKNOWN: not known) and the socket of each GPU (NULL, or GT_UNKNOWN in it:
 * not known), as slurmctld holds them. The fabric is inferred from the counts. */
enum gt_err gt_node_from_links(struct gt_node **node, int gpus, const int *links,
			       const int *socket, struct gt_error *err);
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
	int64_t reserved[8];	/* 0: room for what a later version counts */
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

/* The sizes of the jobs that started, as weights; a job counts half after 500 more. */
struct gt_size_memory {
	double seen[GT_MIX_MAX + 1];
};

/* Starts with a prior worth 20 jobs. */
void gt_size_memory_init(struct gt_size_memory *memory);
void gt_size_memory_add(struct gt_size_memory *memory, int count);
struct gt_mix gt_size_memory_mix(const struct gt_size_memory *memory);

/* Do time limits tell how long jobs run here? {0} knows nothing. Seconds; jobs shorter
 * than a second are passed over. */
struct gt_limit_memory {
	double jobs, x, y, xx, yy, xy; /* decaying sums over log limit, log run time */
};

void gt_limit_memory_add(struct gt_limit_memory *memory, double limit_s, double ran_s);
/* True once 30 jobs or more show a correlation above one half. Until then, and where all
 * limits are the same, gt_running.seconds is better left GT_UNKNOWN: ends that mean
 * nothing make level 3 worse than none (`make foresight` shows by how much). */
bool gt_limit_memory_tells(const struct gt_limit_memory *memory);

/* Everything that can be known beforehand about one node type, for nodes with equal
 * models to share. It refers to node, which must outlive it. mix NULL: gt_mix_default.
 * For up to 8 GPUs the full table is made here; larger types fill theirs as they are
 * asked, so one table must not be used by two threads at a time. */
struct gt_table;
enum gt_err gt_table_new(struct gt_table **table, const struct gt_node *node,
			 const struct gt_mix *mix, struct gt_error *err);
void gt_table_free(struct gt_table *table);
const struct gt_node *gt_table_node(const struct gt_table *table);
/* Bytes held now. */
size_t gt_table_bytes(const struct gt_table *table);
/* Weigh level 3 by another mix from now on. 3^n steps: about 20 us for 8 GPUs. */
void gt_table_set_mix(struct gt_table *table, const struct gt_mix *mix);
/* Levels 0 to 2 of the best set of count free GPUs as one number, larger is better, equal
 * is a tie, comparable between node types; 0 where none fits. For ranking nodes: one
 * look-up for up to 8 GPUs. */
uint64_t gt_table_quality(struct gt_table *table, const struct gt_mask *free, int count);

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
	uint64_t reserved[8];	/* 0: room for wishes to come */
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
#define GT_LEVEL_GROUPS 5 /* the groups' value, which counts between levels 0 and 1 */

/* Is a strictly better than b on levels 0 to 3 (level 4 and indices are ties)? Returns
 * the level that decides, 0 to 3 or GT_LEVEL_GROUPS, with *order < 0 where a is better,
 * > 0 where b is; 4 and *order 0 on a tie. */
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
/* The same for ranks with a place: near[r] are the GPUs near rank r's cores, a mask for
 * each GPU of the set (NULL: unknown). After the worst quad and the worst pair the number
 * of ranks near their GPU decides. Beyond 16 GPUs it counts only where all pairs are
 * equal. */
void gt_order_find_near(const struct gt_node *node, const struct gt_mask *set,
			const struct gt_mask *near, struct gt_order *order);

/* Bring the GPUs of each group into the order of its ranks, as gt_order_find would. */
void gt_order_groups(const struct gt_node *node, struct gt_geometry *geometry);

/* ---------------------------------------------------------------- MIG -------------- */

#define GT_MIG_UNITS	  16	  /* memory units of one GPU: 4, 8 and 12 are known */
#define GT_MIG_PROFILES	  24	  /* profiles of one GPU model */
#define GT_MIG_GPUS	  65536	  /* GPUs of one fleet or plan */
#define GT_MIG_DEMAND_MAX 1000000 /* instances of one demand */

/* How sure a figure of the tables is. */
enum gt_mig_evidence {
	GT_MIG_DERIVED = 0, /* concluded from a relative of the GPU, never seen printed */
	GT_MIG_CONFIRMED,   /* printed by a driver or by NVIDIA's documents */
};

/* One GPU instance profile. An instance at start s occupies units s to s + size - 1. */
struct gt_mig_profile {
	char name[32];	 /* "3g.40gb", "1g.10gb+me"; drivers differ in the memory part */
	int id;		 /* GPU instance profile id; means another profile elsewhere */
	int compute;	 /* compute slices: the number before the g */
	int size;	 /* memory units */
	uint16_t starts; /* bit s: an instance may start at unit s */
	int max;	 /* instances of it on one GPU */
	int sm;		 /* multiprocessors; GT_UNKNOWN */
	int mem_mib;	 /* GT_UNKNOWN */
	int min_driver;	 /* first driver branch (525) that has it; 0: every one */
	enum gt_mig_evidence id_evidence;
	enum gt_mig_evidence starts_evidence;
	char source[64]; /* where the row comes from */
};

/* The MIG table of one GPU model. Two instances may share a GPU if their units are
 * disjoint, no profile exceeds its max, the compute slices suffice, and they are not of
 * two profiles that the driver keeps apart. */
struct gt_mig_gpu {
	char name[64];
	int units;   /* memory units: 1 to GT_MIG_UNITS */
	int compute; /* compute slices */
	int count;   /* profiles */
	struct gt_mig_profile profile[GT_MIG_PROFILES];
	int apart[2];	  /* profiles that never share a GPU on drivers before */
	int apart_driver; /* this branch; GT_UNKNOWN, 0: there are none */
	int driver;	  /* the branch that the table stands for; 0: the newest */
};

/* The built-in tables, i from 0; NULL after the last. */
const struct gt_mig_gpu *gt_mig_gpu_at(int i);
/* A built-in table by its name, a product name ("NVIDIA A100-SXM4-80GB") or the beginning
 * of one if only one table fits ("A30"). GT_EINVAL names the tables; *gpu is NULL then.
 */
enum gt_err gt_mig_gpu_find(const struct gt_mig_gpu **gpu, const char *name,
			    struct gt_error *err);
/* By PCI device id as NVML gives it (0x20b210de); NULL: unknown. */
const struct gt_mig_gpu *gt_mig_gpu_of_pci(uint32_t pci_device_id);
/* What a driver branch (470) makes of a table: profiles that it lacks are gone, and pairs
 * that it cannot combine are kept apart. */
void gt_mig_gpu_for_driver(struct gt_mig_gpu *gpu, int driver);
/* Does a table hold together? GT_EINVAL or GT_ELIMIT with a sentence. */
enum gt_err gt_mig_gpu_check(const struct gt_mig_gpu *gpu, struct gt_error *err);
/* A table from a JSON text or file, as `gputopo mig show --json` prints it, for GPUs not
 * yet known. Checked; sources are kept, evidence counts as derived unless stated. */
enum gt_err gt_mig_gpu_parse(struct gt_mig_gpu *gpu, const char *text, size_t size,
			     const char *file, struct gt_error *err);
enum gt_err gt_mig_gpu_load(struct gt_mig_gpu *gpu, const char *file,
			    struct gt_error *err);

/* A profile by its name. Names drift with the driver (1g.23gb was 1g.24gb), so after the
 * exact name the one with the same compute slices and the same suffix (+me, +gfx, -me)
 * whose memory is nearest counts, if it is within an eighth. "MIG 1g.10gb", "1g_10gb" and
 * a Slurm type ("a100_1g.10gb") are read too. *profile is its position in the table;
 * GT_EINVAL says what there is; *profile is GT_UNKNOWN then. */
enum gt_err gt_mig_profile_find(const struct gt_mig_gpu *gpu, const char *name,
				int *profile, struct gt_error *err);
/* By slices: the position, or GT_UNKNOWN. suffix: "", "+me", ... */
int gt_mig_profile_by_slices(const struct gt_mig_gpu *gpu, int compute, int size,
			     const char *suffix);
/* The part of a profile's name after the memory: "" or "+me", "+me.all", "-me", "+gfx".
 */
const char *gt_mig_profile_suffix(const struct gt_mig_profile *profile);
/* The memory that an instance surely has, MiB: mem_mib, or 85 % of what the name says,
 * which no known row falls below. GT_UNKNOWN if the name says nothing. */
int gt_mig_profile_mem_mib(const struct gt_mig_profile *profile);

/* Does a text end in a profile's name? Slurm's types of instances do: a100_1g.10gb. */
bool gt_mig_is_profile_name(const char *text);

/* How often each profile is expected, any scale. */
struct gt_mig_mix {
	uint32_t weight[GT_MIG_PROFILES];
};

/* "1g.10gb:3,3g.40gb:1"; weights 0 to 1000000, not all 0. */
enum gt_err gt_mig_mix_parse(struct gt_mig_mix *mix, const struct gt_mig_gpu *gpu,
			     const char *text, struct gt_error *err);

/* Which of the places where an instance fits. Where the choice is between starts of one
 * GPU all but FIRST keep the most placements possible. Ties: the lowest GPU, the lowest
 * start. */
enum gt_mig_policy {
	GT_MIG_LOOKAHEAD, /* default: the place that costs the least expected future work,
			   * from the exact value of every state of one GPU */
	GT_MIG_FRAG,	  /* the place that strands the fewest slices under the mix */
	GT_MIG_PACK,	  /* best fit: the GPU with the fewest free units */
	GT_MIG_SPREAD,	  /* the GPU with the most free units */
	GT_MIG_FIRST,	  /* the lowest GPU, the lowest start */
	GT_MIG_DRIVER,	  /* the lowest GPU, the start a driver is described to choose */
	GT_MIG_SAME_SIZE, /* PACK, but a GPU takes one kind of profile until it is empty
			   */
	GT_MIG_POLICIES,
};

const char *gt_mig_policy_name(enum gt_mig_policy policy); /* "lookahead", "same-size" */
/* GT_EINVAL lists the names. */
enum gt_err gt_mig_policy_parse(enum gt_mig_policy *policy, const char *name,
				struct gt_error *err);

/* Everything that can be known beforehand about one GPU model and one mix: all legal sets
 * of instances, and what each policy thinks of every step between them. It copies the
 * table. Never changes: may be shared between fleets and threads. mix NULL: not known;
 * every profile size is then expected alike. Tens of milliseconds. GT_ELIMIT for a table
 * with too many legal sets. */
struct gt_mig_space;
enum gt_err gt_mig_space_new(struct gt_mig_space **space, const struct gt_mig_gpu *gpu,
			     const struct gt_mig_mix *mix, struct gt_error *err);
void gt_mig_space_free(struct gt_mig_space *space);
const struct gt_mig_gpu *gt_mig_space_gpu(const struct gt_mig_space *space);

/* One GPU instance. */
struct gt_mig_instance {
	int gpu;
	int profile; /* position in the table */
	int start;
};

/* GPUs 0 to count - 1 of one model, and the instances on them. It refers to space, which
 * must outlive it. */
struct gt_mig_fleet;
enum gt_err gt_mig_fleet_new(struct gt_mig_fleet **fleet,
			     const struct gt_mig_space *space, int count,
			     struct gt_error *err);
void gt_mig_fleet_free(struct gt_mig_fleet *fleet);
int gt_mig_fleet_size(const struct gt_mig_fleet *fleet);

/* Where to put one instance of a profile: fills *place and returns true, or false where
 * nothing fits (place->gpu is GT_UNKNOWN then). Changes nothing, allocates nothing;
 * O(GPUs), a few nanoseconds each. allowed: bit g % 64 of word g / 64 permits GPU g;
 * NULL: all. */
bool gt_mig_place(const struct gt_mig_fleet *fleet, int profile,
		  enum gt_mig_policy policy, const uint64_t *allowed,
		  struct gt_mig_instance *place);
/* Put an instance there. GT_EINVAL says what forbids it: no such GPU, profile or start,
 * occupied units (and by what), the profile's max. O(1). */
enum gt_err gt_mig_add(struct gt_mig_fleet *fleet, const struct gt_mig_instance *instance,
		       struct gt_error *err);
/* Take the instance away that starts at a unit of a GPU; what it was goes to *instance
 * (may be NULL). GT_EINVAL: none starts there. O(1). */
enum gt_err gt_mig_remove(struct gt_mig_fleet *fleet, int gpu, int start,
			  struct gt_mig_instance *instance, struct gt_error *err);
/* Occupied units of a GPU, bit u for unit u. */
uint16_t gt_mig_fleet_mask(const struct gt_mig_fleet *fleet, int gpu);
/* The profile that starts at a unit, GT_UNKNOWN: none. */
int gt_mig_fleet_profile_at(const struct gt_mig_fleet *fleet, int gpu, int start);
/* Free units that a request of the mix cannot use though it could on an empty GPU: the
 * expectation over the mix, summed over the fleet. O(GPUs). */
double gt_mig_fleet_stranded(const struct gt_mig_fleet *fleet);
/* Those of one GPU. O(1). */
double gt_mig_fleet_stranded_gpu(const struct gt_mig_fleet *fleet, int gpu);
/* "GPU:PROFILE@START,..." such as "0:3g.40gb@4,1:7g.80gb@0": add each. GT_EPARSE or
 * GT_EINVAL with the entry; the fleet keeps the entries before it. */
enum gt_err gt_mig_fleet_parse(struct gt_mig_fleet *fleet, const char *text,
			       struct gt_error *err);

/* Which of the instances that the admin made are given away. */
enum gt_instance_policy {
	GT_INSTANCES_PACK,   /* default: begin the fewest idle GPUs, then fill the fullest
			      */
	GT_INSTANCES_SPREAD, /* the emptiest GPU first */
};

/* Masks count instances as gt_node_instance does. */
struct gt_instance_request {
	struct gt_mask free;	       /* to choose from */
	struct gt_mask busy;	       /* held by jobs */
	const struct gt_quota *quotas; /* disjoint groups, such as a type, and how many */
	int quota_count;	       /* of each */
	enum gt_instance_policy policy;
};

/* The instances to give. GPUs out of service come last. Exact for one quota and policy
 * SPREAD, and in the number of idle GPUs begun (among the 8 lowest idle ones); the rest
 * is decided one by one. Ties: the lowest instance. false: a quota cannot be met; *pick
 * is empty then. Allocates nothing. */
bool gt_instance_pick(const struct gt_node *node,
		      const struct gt_instance_request *request, struct gt_mask *pick);
/* Is a better than b for the request? < 0: a, > 0: b, 0: alike. */
int gt_instance_compare(const struct gt_node *node,
			const struct gt_instance_request *request,
			const struct gt_mask *a, const struct gt_mask *b);
/* 0 to 1: what the pick takes from the policy's aim, to compare nodes of a kind. */
double gt_instance_damage(const struct gt_node *node,
			  const struct gt_instance_request *request,
			  const struct gt_mask *pick);
/* Is a Slurm type (a100_1g.10gb, or 1g.10gb) that of instance i? Names that drift with
 * the driver are the same. */
bool gt_instance_is_type(const struct gt_node *node, int i, const char *type);

/* How many instances of each profile are wanted. */
struct gt_mig_demand {
	int count[GT_MIG_PROFILES];
};

/* "7x1g.10gb,3x3g.40gb"; the count may be left out; a profile may come again. At most
 * GT_MIG_DEMAND_MAX instances. */
enum gt_err gt_mig_demand_parse(struct gt_mig_demand *demand,
				const struct gt_mig_gpu *gpu, const char *text,
				struct gt_error *err);

/* A layout for a demand: instances[0] to [count - 1], sorted by GPU, then by start. */
struct gt_mig_plan {
	int gpus;      /* GPUs that hold an instance */
	bool exact;    /* no plan has fewer GPUs (and recreates fewer instances) */
	int kept;      /* instances that stay as they are */
	int recreated; /* wanted instances that exist now, but have to move */
	int created;   /* wanted instances that do not exist now */
	int count;
	struct gt_mig_instance *instances;
};

/* The fewest GPUs for a demand; among those plans, if now is not NULL, one that recreates
 * the fewest of the instances that exist now (instances beyond the demand go). Without
 * now the GPUs are 0 to plan->gpus - 1; with it any number of empty GPUs may be added
 * behind the fleet's own. Release the plan with gt_mig_plan_release. */
enum gt_err gt_mig_plan_make(struct gt_mig_plan *plan, const struct gt_mig_space *space,
			     const struct gt_mig_demand *demand,
			     const struct gt_mig_fleet *now, struct gt_error *err);
void gt_mig_plan_release(struct gt_mig_plan *plan);

/* What an instance was seen to need. */
struct gt_mig_usage {
	int profile; /* what it has */
	int mem_mib; /* its peak */
	double busy; /* 0 to 1: share of its multiprocessors kept busy */
};

/* The smallest profile with the same suffix that would have held a load: its memory at
 * least mem_mib x headroom, its compute slices at least the busy part of those it has.
 * Fewest units, then fewest compute slices, then the lowest id. Returns its position;
 * the profile itself where no smaller one fits. headroom >= 1. */
int gt_mig_advise(const struct gt_mig_gpu *gpu, const struct gt_mig_usage *usage,
		  double headroom);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
