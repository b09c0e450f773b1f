/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge.h - from Slurm's structs to plain data and back. It decides nothing.
 *
 * Every caller is inside a select operation, so Slurm's job and node write locks are
 * held. A set of GPUs is 64 bits here, bit i being gres bit i of the node.
 */
#ifndef GPUTOPO_PLUGIN_SLURM_BRIDGE_H
#define GPUTOPO_PLUGIN_SLURM_BRIDGE_H

#include "conf/reason.h"
#include "core/library.h"
#include "plugin/slurm/opaque.h"

#define GP_MAX_GPUS    64 /* of one node; larger nodes stay stock */
#define GP_MAX_ENTRIES 8  /* gpu entries (types) in one job */
#define GP_MAX_CELLS   16 /* groups of GPUs with a count of their own */

/* A GPU of a node has three numbers, which the compiler holds apart: its gres bit (sets
 * of them are uint64_t), its place in gres.conf, which is a column of links_cnt, and its
 * number in the topology (sets: struct gt_mask). */
struct gp_bit {
	int n;
};

struct gp_place {
	int n;
};

struct gp_model_gpu {
	int n; /* GT_UNKNOWN: none */
};

/* The GPUs of a node as slurmctld knows them. */
struct gp_gpus {
	gres_node_state_t *state;
	int size;
	uint64_t allocated;
	uint64_t free;
	int types; /* distinct ones, 1 where none is named */
	uint32_t type[GP_MAX_GPUS];
	const char *type_name[GP_MAX_GPUS]; /* NULL: none */
	bool records_whole;		    /* each GPU stands in exactly one record */
	uint64_t sockets[GP_MAX_GPUS];	    /* of each GPU's near cores; 0: unknown */
	bool has_links;			    /* links_cnt with something in it */
	bool counted;			    /* no records: stock counts them only */
	bool order_known;		    /* place[] holds */
	struct gp_place place[GP_MAX_GPUS]; /* of gres bit i */
	const char *report; /* of its health (conf/health.h), or NULL: none */
};

/* The first size bits. */
uint64_t gp_bridge_bits(bitstr_t *bits, int size);
/* A copy that Slurm may free, or NULL without memory: its other allocations exit then. */
char *gp_bridge_copy(const char *text);

/* Make "gputopo: TEXT" the job's AdminComment, unless somebody else has written there. */
void gp_bridge_comment(job_record_t *job, const char *text);

/* A node of slurmctld's table and its name, which lives as long as the table. false: it
 * does not look like the record that this was built for. */
bool gp_bridge_record(int node, const node_record_t **record, const char **name);
/* Its Extra=, which only root and SlurmUser set; NULL: none, or no such node. */
const char *gp_bridge_extra(int node);
/* The job's number, and that of the array whose task it is; 0: of none. */
uint32_t gp_bridge_job_id(const job_record_t *job);
uint32_t gp_bridge_array_id(const job_record_t *job);

/* What slurmctld keeps of one gres ("gpu", "shard") of a node; NULL: the node has none.
 */
gres_node_state_t *gp_bridge_gres(const node_record_t *node, const char *name);

/* GP_OK, or why the node cannot be looked at: GP_NO_GPUS, GP_NO_FILES, GP_LIMIT,
 * GP_SHARED, GP_BAD_LINKS. *gpus is valid as far as it was read. GPUs that shards or mps
 * use are not free. */
enum gp_reason gp_bridge_node(const node_record_t *node, struct gp_gpus *gpus);
/* Links of one GPU to another; only where has_links. */
int gp_bridge_links(const struct gp_gpus *gpus, struct gp_bit bit, struct gp_place place);

/* GPUs of the type of this name; NULL or "": all. */
uint64_t gp_bridge_of_type(const struct gp_gpus *gpus, const char *type);
/* Only the free GPUs, for ranking many nodes. Returns the node's gres, NULL if it is none
 * for us. */
const gres_node_state_t *gp_bridge_free(const node_record_t *node, uint64_t *free);
/* GPUs of a type by Slurm's number, of a node that gp_bridge_free has seen. */
uint64_t gp_bridge_of_type_id(const gres_node_state_t *state, uint32_t type_id);

/* GPUs of the node, of size bits, that reservations keep from the job: all in *reserved*,
 * and all but those in *granted*. Either list may be NULL. */
uint64_t gp_bridge_reserved(gp_list_t reserved, gp_list_t granted, int node, int size);

/* What a job asks of GPUs. */
struct gp_job {
	int entries;
	gres_job_state_t *entry[GP_MAX_ENTRIES];
	bool typed;
	bool per_socket;
	bool per_job;
	int per_task; /* --gpus-per-task, of a job with one entry; 0: none */
	bool whole;   /* --exclusive: it gets all GPUs of its nodes */
	bool enforce; /* GPUs on the sockets of its cores only */
	bool unbound; /* it does not care where its cores are */
};

/* GP_OK, or why the job is left alone: GP_NO_GPUS, GP_SHARED, GP_LIMIT. */
enum gp_reason gp_bridge_job(const job_record_t *job, struct gp_job *out);
/* The shards that the job asks for; NULL: none. */
gres_job_state_t *gp_bridge_shards(const job_record_t *job);
/* How many GPUs the job takes if one node serves it; 0: not known beforehand. */
int gp_bridge_count(const job_record_t *job, const struct gp_job *asked);
/* How many it takes of each node; 0: not known beforehand. */
int gp_bridge_per_node(const job_record_t *job, const struct gp_job *asked);
/* How many it takes of all nodes together; 0: not known beforehand. */
int gp_bridge_total(const job_record_t *job, const struct gp_job *asked);
/* Whether the user set no range of nodes that goes beyond one. The job has details. */
bool gp_bridge_may_be_one_node(const job_record_t *job);
/* Whether the job leaves it to us which node serves it, all else (room, weight) being
 * equal. */
bool gp_bridge_any_node(const job_record_t *job);
/* The same for the nodes of a job of several. */
bool gp_bridge_loose_nodes(const job_record_t *job);
/* Whether nothing runs or completes there, GPU job or not. */
bool gp_bridge_is_idle(const node_record_t *node);
/* The admin's weight of a node in a RUN_NOW job_test: the stock plugin keeps a preference
 * of its own in the low byte. */
uint64_t gp_bridge_weight(const node_record_t *node);
/* What job_test selected on a node for one entry; false: nothing there, or a bitmap of
 * another size than the node's. */
bool gp_bridge_selected(const struct gp_job *job, int entry, int node, int size,
			uint64_t *gpus);

/* The same of a node whose GPUs are counted only: those that a start would take, the
 * lowest of free. */
bool gp_bridge_counted(const struct gp_job *job, int entry, int node, uint64_t free,
		       uint64_t *gpus);

/* Groups of GPUs from which stock's count must be kept: one a type for typed jobs, one a
 * socket for per-socket jobs. *count 0: no such rule. GP_OK, GP_PER_SOCKET or GP_LIMIT.
 */
enum gp_reason gp_bridge_cells(const struct gp_gpus *gpus, const struct gp_job *job,
			       uint64_t cells[GP_MAX_CELLS], int *count);

/* Where a job's cores on its n-th node lie. */
struct gp_cores {
	uint64_t sockets; /* that hold one of its cores */
	uint64_t near;	  /* GPUs with one of its cores near */
};
/* Where the job's cores, or those of held among them (NULL: all), lie on the node. false
 * if the bitmap has not the size that the nodes say. */
bool gp_bridge_cores(const job_record_t *job, bitstr_t *held, const node_record_t *node,
		     const struct gp_gpus *gpus, struct gp_cores *cores);

/* Hide free GPUs from the stock plugin and take it back. */
struct gp_hidden {
	gres_node_state_t *state;
	uint64_t added;
	uint64_t count_alloc;
	uint64_t topo_alloc[GP_MAX_GPUS]; /* topo_cnt of them */
};
/* Mark hide (all free) as allocated. false: the node counts its GPUs in more than
 * GP_MAX_GPUS records; nothing changed. */
bool gp_bridge_hide(const struct gp_gpus *gpus, uint64_t hide, struct gp_hidden *hidden);
void gp_bridge_unhide(struct gp_hidden *hidden);

/* ---- steps ---- */

/* A step that starts inside its job. */
struct gp_step {
	const void *record; /* Slurm's step_record_t, a struct without a name */
	const job_record_t *job;
	const char *line;    /* srun's command line, or NULL */
	bitstr_t *cores;     /* over all cores of the job's nodes, or NULL */
	int per_task;	     /* --gpus-per-task, with one entry; 0: none */
	bool bound_to_cores; /* --gpu-bind=closest */
};

/* What its job's entries gave it on one node. */
struct gp_step_place {
	int offset;    /* the node's among those of the job */
	int size;      /* GPUs of the node */
	uint64_t all;  /* the job's GPUs of those entries */
	uint64_t free; /* of them, those that no other step holds */
	uint64_t own;  /* and those that the step has */
	int entries;
	struct {
		gres_job_state_t *job;
		gres_step_state_t *step;
		uint64_t all;
	} entry[GP_MAX_ENTRIES];
};

/* Read one that Slurm has given its GPUs. false: it has none of its own (--overlap), or
 * does not look like the record that this was built for. */
bool gp_bridge_step(const void *record, struct gp_step *step);
/* Call visit(the node's number, its place among those of the job, arg) for each node. */
void gp_bridge_step_nodes(const struct gp_step *step,
			  void (*visit)(int node, int offset, void *arg), void *arg);
/* false: it has no GPUs on that node of size GPUs, or what the job and the step say of
 * them does not agree. */
bool gp_bridge_step_place(const struct gp_step *step, int offset, int size,
			  struct gp_step_place *place);
/* Give it these GPUs instead of its own: as many, all free, as many of each entry. The
 * step's bits and what the job notes as taken by steps change together, counts do not. */
void gp_bridge_step_move(const struct gp_step_place *place, uint64_t gpus);
/* What the job's other steps hold there. Returns how many do. */
int gp_bridge_step_others(const struct gp_step *step, const struct gp_step_place *place,
			  uint64_t held[GP_MAX_GPUS]);

/* Call put(node index, GPUs, arg) for every node on which the job holds GPUs. */
void gp_bridge_held(const job_record_t *job,
		    void (*put)(int node, uint32_t job_id, uint64_t gpus, void *arg),
		    void *arg);
/* Whether the node has registered what it has. Until it registers, its Links= may be
 * still to come. */
bool gp_bridge_is_settled(const node_record_t *node);
/* When the job's time limit ends it; 0 without a limit. */
time_t gp_bridge_end(uint32_t job_id);
/* Seconds until the job's time limit ends it, at least 0; GT_UNKNOWN without a limit. */
int gp_bridge_seconds_left(uint32_t job_id);
/* Call with each node of the job's resources. */
void gp_bridge_nodes(const job_record_t *job,
		     void (*visit)(int node, uint32_t job_id, void *arg), void *arg);

#endif
