/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mock.h - a little of slurmctld, and a stock plugin that records.
 *
 * The test program holds the mocked Slurm functions (slurm.c) and exports them; it loads
 * the real select_cons_tres.so of gputopo as Slurm would, which loads tests/mock's
 * select_cons_tres.so (inner.c) as the stock plugin. Both see the state below.
 */
#ifndef GPUTOPO_TESTS_MOCK_H
#define GPUTOPO_TESTS_MOCK_H

#include "plugin/slurm/operations.h"

#define MOCK_MAX_ARGS 10
#define MOCK_MAX_LOG  64

/* ---- the stock plugin ---------------------------------------------------------------
 */

struct mock_inner {
	/* what was called last, and how often anything was */
	const char *name;
	uintptr_t arg[MOCK_MAX_ARGS];
	int args;
	int calls;
	uintptr_t answer; /* what every operation returns */
	int init_answer;
	int inits, finis;
	/* if set, job_test is this */
	int(*job_test) GP_JOB_TEST_PROTO;
	/* and this select_nodeinfo_set */
	int (*nodeinfo_set)(job_record_t *job);
};

extern struct mock_inner mock_inner;

/* ---- what slurmctld would be --------------------------------------------------------
 */

struct mock_slurm {
	bool in_slurmctld;
	bool no_memory;		       /* for Slurm's allocations that may fail */
	slurmctld_resv_t *reservation; /* the only one, or NULL */
	int lines;		       /* of log */
	char log[MOCK_MAX_LOG][512];
	/* of topology_g_get_node_addr; NULL: a flat network, "" for a node without unit
	 */
	const char *pattern;
	const char *unit[8]; /* by node: what stands before ".NODE" */
};

extern struct mock_slurm mock_slurm;

struct xlist {
	uint32_t magic;
	void *item[128];
	int count;
};

#define MOCK_LIST_MAGIC 0x11575
/* An empty one, for xfree. */
struct xlist *mock_list_new(void);

/* Zeroed memory and a copy of a text, as Slurm's xmalloc gives them: for xfree. */
void *mock_alloc(size_t size);
char *mock_text(const char *text);
void mock_list_add(struct xlist *list, void *item);
/* Whether a log line has text in it. */
bool mock_logged(const char *text);
void mock_log_clear(void);

/* ---- a small cluster, and a stock plugin that answers --------------------------------
 */

#define MOCK_MAX_NODES 8
#define MOCK_CORES     40 /* of a node, two sockets of 20 */

/* What goes wrong in one call of the stock job_test. */
enum mock_fault {
	MOCK_FINE,
	MOCK_FAIL,	   /* an error */
	MOCK_FEWER,	   /* one GPU less than asked, and success */
	MOCK_OTHER,	   /* other GPUs than those left free (it ignores the mask) */
	MOCK_NO_RESOURCES, /* success without job_resrcs */
	MOCK_OTHER_CPUS,   /* one CPU more */
	MOCK_FAR_CORES,	   /* cores on the socket that has none of the GPUs */
};

/* One call, as the stock plugin saw it. */
struct mock_call {
	uint64_t hidden[MOCK_MAX_NODES];  /* gres_bit_alloc of each node */
	uint64_t count[MOCK_MAX_NODES];	  /* gres_cnt_alloc */
	uint64_t records[MOCK_MAX_NODES]; /* the sum of topo_gres_cnt_alloc */
	uint64_t shared[MOCK_MAX_NODES];  /* GPUs with shards left */
	uint64_t nodes;			  /* offered */
	void *candidates;
	void *preemptees;
	uint32_t min_cpus;
	uint64_t memory; /* pn_min_memory */
	bool best_switch;
};

struct mock_stock {
	enum mock_fault fault[16]; /* of the first, second, ... call */
	struct mock_call call[16];
	int calls;
	int nodes_wanted; /* 0: one */
	bool preempts;	  /* sets *preemptees */
	bool uneven;	  /* of --gpus over nodes the first takes all it can */
	int cores;	  /* for the job on each node */
	int core_socket;  /* where they come from; -1: the lowest GPU's */
};

extern struct mock_stock mock_stock;

int mock_stock_job_test GP_JOB_TEST_PROTO;

/* Start the job of the last answer on node 0: it takes the lowest GPUs whose bit is not
 * set, as Slurm does where GPUs are only counted. */
int mock_stock_take(job_record_t *job);

struct mock_gpus {
	int count;
	const int *links;	  /* count x count, or NULL for none */
	const char *const *types; /* of each bit, or NULL */
	int gpus_per_record;	  /* of topology; 0: one */
	bool no_sockets;	  /* records name no cores */
	bool counted;		  /* no records at all */
};

/* A node more; returns its index. */
int mock_node_add(const char *name, const struct mock_gpus *gpus);
gres_node_state_t *mock_node_gpus(int node);
/* Give the node gres/shard, so many for each GPU. Stock gives a job all of its shards on
 * the lowest GPU with enough of them, whoever may hold that GPU whole, as 22.05 can. */
void mock_node_share(int node, int shards);
gres_node_state_t *mock_node_shards(int node); /* NULL: none */
/* The job begins to hold the shards that the last answer selected on all its nodes, and
 * gives them back; as stock 22.05 it then takes the GPU for free of all shards. */
void mock_shards_take(job_record_t *job);
void mock_shards_return(job_record_t *job);
/* The GPUs whose shards the last answer selected for the job on a node. */
uint64_t mock_shards_selected(const job_record_t *job, int node);
/* A pending job that asks for GPUs: one gpu entry, to be edited by the test. */
job_record_t *mock_job_add(uint32_t job_id);
gres_job_state_t *mock_job_entry(job_record_t *job, const char *name, const char *type);
/* Give the job these GPUs of one node for good, as job_begin would. */
void mock_job_run(job_record_t *job, int node, uint64_t gpus);
/* Take them back: the node's GPUs are free again, the job holds nothing. */
void mock_job_stop(job_record_t *job, int node, uint64_t gpus);
/* GPUs that the last answer selected for the job on a node, all entries. */
uint64_t mock_selected(const job_record_t *job, int node);
/* Everything in the node's gpu and shard state that a rerun may touch, as one number. */
uint64_t mock_node_sum(int node);
void mock_cluster_free(void);

/* ---- our plugin, loaded as Slurm would -----------------------------------------------
 */

#define MOCK_POINTER(ret, name, member, proto, args) ret(*name) proto;
struct mock_ours {
	void *handle;
	int (*init)(void);
	GP_FINI_TYPE (*fini)(void);
	GP_OPERATIONS(MOCK_POINTER, MOCK_POINTER)
};

/* Load our file and resolve every operation; false if one is missing. dirs becomes
 * PluginDir. Does not call init. */
bool mock_load(struct mock_ours *ours, const char *dirs);
/* The same of a copy of our file in this folder. */
bool mock_load_from(struct mock_ours *ours, const char *folder, const char *dirs);
void mock_unload(struct mock_ours *ours);

#endif
