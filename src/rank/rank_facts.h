/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rank_facts.h - what a task may know of its GPUs: as GPUTOPO_* variables and as
 * gputopo.* PMIx keys, from one table. Nothing of Slurm, nothing of PMIx.
 */
#ifndef GPUTOPO_RANK_RANK_FACTS_H
#define GPUTOPO_RANK_RANK_FACTS_H

#include "conf/compact.h"

#define GP_RANK_GPUS 64 /* of one node, as in slurmctld */
#define GP_BW_GPUS   16 /* beyond, no matrix: it would not be small */
#define GP_FACT_TEXT 2048

enum gp_fact_id {
	GP_FACT_VERSION, /* gputopo's */
	GP_FACT_GPUS,	 /* the step's on this node, ascending: "0,2,3" */
	GP_FACT_RING,	 /* the same in rank order */
	GP_FACT_BW,	 /* GB/s between them, row by row in the order of GPUS */
	GP_FACT_BUSBW,	 /* all-reduce bus bandwidth of the set, GB/s */
	GP_FACT_IDEAL,	 /* that of the best set of this size */
	GP_FACT_HASH,	 /* of the topology model: 16 hex digits */
	GP_FACT_GROUPS,	 /* of the job's --gpu-groups, in rank order: "0,3;1,2" */
	GP_FACT_NICS,	 /* near to each GPU of GPUS: "mlx5_0,mlx5_1;mlx5_2;-" */
	GP_NODE_FACTS,
	GP_FACT_GPU = GP_NODE_FACTS, /* the task's own: "3" or "2,3" */
	GP_FACT_PEERS,		     /* the others, best connected to it first */
	GP_FACT_GROUP,		     /* the group that it is in, from 0 */
	GP_FACT_TASK_BUSBW,	     /* BUSBW of the task's own GPUs */
	GP_FACTS
};

enum gp_fact_kind { GP_FACT_IS_TEXT, GP_FACT_IS_NUMBER, GP_FACT_IS_MATRIX };

/* The variable and the key of each. */
struct gp_fact_name {
	const char *env;
	const char *key;
	enum gp_fact_kind kind;
};
extern const struct gp_fact_name gp_fact_names[GP_FACTS];

/* The order that a task's list of devices has: index or ring. No key. */
#define GP_ENV_ORDER "GPUTOPO_ORDER"
/* The place of each GPU of GPUTOPO_GPUS in that list, which is what CUDA counts, "-"
 * where the task does not see it: "0,3,-". No key. */
#define GP_ENV_LOCAL "GPUTOPO_LOCAL"

/* What holds for all tasks of a step on one node. */
struct gp_facts {
	int count;
	int gpu[GP_RANK_GPUS];	 /* ascending, as the model numbers them */
	int ring[GP_RANK_GPUS];	 /* in rank order */
	int shown[GP_RANK_GPUS]; /* Slurm's number of gpu[i], where types permute them */
	float bw[GP_BW_GPUS * GP_BW_GPUS]; /* GB/s, count x count; 0 on the diagonal */
	float busbw;
	float ideal;
	uint64_t hash;
	char nics[GP_FACT_TEXT];   /* "": the topology has none, or too many */
	struct gt_geometry groups; /* count 0: the job has not asked for any */
};

/* gpus: 1 to GP_RANK_GPUS of the node's. hash 0: unknown. ideal needs a table, which
 * takes a millisecond for 8 GPUs. */
void gp_facts_make(struct gp_facts *facts, const struct gt_node *node,
		   const struct gt_mask *gpus, uint64_t hash);
/* The NICs near to any of the step's GPUs, each as prefix NAME suffix, joined by commas,
 * in the order of the topology: "=mlx5_0,mlx5_1". "" where there is none, or where a name
 * has marks of NCCL's or UCX's lists in it. Returns buf. */
char *gp_facts_near_nics(const struct gt_node *node, const struct gt_mask *gpus,
			 const char *prefix, const char *suffix, char *buf, size_t size);
/* The ranks follow these groups of the same GPUs (rank_groups.h). */
void gp_facts_group(struct gp_facts *facts, const struct gt_geometry *groups);
/* Where every task sees all GPUs, in the order of list: which of them task `task` of so
 * many is meant for. As many tasks as GPUs: the task's own place; as many as groups: its
 * group; a single task: all. Returns how many are in own, 0: nobody can say. */
int gp_facts_expect(const struct gp_facts *facts, const int *list, int task, int tasks,
		    int *own);

/* One fact: its text, and its numbers unless it is a text. */
struct gp_fact {
	bool known;
	char text[GP_FACT_TEXT];
	int count;
	const float *values;
	float number; /* the room for one */
};

/* Node facts; false where it says nothing (one GPU has no bandwidth). */
bool gp_facts_get(const struct gp_facts *facts, enum gp_fact_id id, struct gp_fact *fact);
/* GP_ENV_LOCAL for a task that sees count GPUs (numbers of the model), in this order. */
char *gp_facts_local(const struct gp_facts *facts, const int *gpu, int count, char *buf,
		     size_t size);
/* The facts of one task that owns count GPUs (numbers of the model). */
bool gp_facts_of_task(const struct gp_facts *facts, const struct gt_node *node,
		      const int *gpu, int count, enum gp_fact_id id,
		      struct gp_fact *fact);

#endif
