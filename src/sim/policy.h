/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h - who chooses the node of a job and the GPUs in it: a table of policies. */
#ifndef SIM_POLICY_H
#define SIM_POLICY_H

#include "sim/trace.h"
#include "sim/value.h"

#define SIM_POLICY_NAME_MAX 128

/* Which of the nodes that fit is taken. */
enum sim_node_rule {
	SIM_NODES_FIRST,    /* the first */
	SIM_NODES_BEST,	    /* the first whose best set is the best of all nodes */
	SIM_NODES_EMPTIEST, /* the first with the most free GPUs */
};

/* A job that runs on a node. */
struct sim_slot {
	uint64_t mask;
	int64_t until_ms; /* by its time limit */
	uint32_t job;
	uint8_t gpus;			 /* of mask */
	bool is_limited;		 /* its limit is known to Slurm, not only to us */
	uint16_t cores[SIM_MAX_SOCKETS]; /* where Slurm would have put its tasks */
};

/* A question to a policy: count free GPUs of this node. */
struct sim_ask {
	const struct sim_job *job;
	const struct sim_shape *shape; /* what the job asks of its sets; NULL: nothing */
	int type;
	bool stock; /* our policy is off on this node */
	uint64_t busy;
	int count;
	int had;			  /* GPUs of the job on nodes before this one */
	int nodes_left;			  /* of the job, this one counted */
	const struct gt_network *network; /* of a job of several nodes; NULL: of one */
	const struct sim_slot *slots;
	int slot_count;
	int64_t now_ms;
};

struct sim_chooser;
typedef uint64_t sim_choose(struct sim_chooser *c, const struct sim_ask *ask);

struct sim_policy {
	const char *name;
	const char *summary;
	enum sim_node_rule nodes;
	bool splits; /* a --gpus job may be split over nodes, as Slurm does */
	sim_choose *choose;
};

/* i from 0; NULL after the last. */
const struct sim_policy *sim_policy_at(int i);

/* A policy with its options, ready to choose; one for each thread. */
struct sim_chooser {
	const struct sim_policy *policy;
	char name[SIM_POLICY_NAME_MAX]; /* as asked, "gputopo/preserve" */
	enum sim_node_rule nodes;
	bool splits;
	enum gt_policy order;	       /* gputopo: bandwidth or preserve */
	bool blind;		       /* gputopo: running jobs are not looked at */
	bool timeless;		       /* gputopo: their time limits are not */
	bool over;		       /* gputopo: stock's set stands where ours is not
					* better on levels 0 to 3, as in the plugin */
	enum sim_slurm_release stock;  /* what stock is then */
	struct gt_limit_memory limits; /* whether time limits mean anything here */
	struct gt_size_memory
		*sizes; /* by type: jobs that started; NULL: the mix stands */
	int64_t *began; /* by type: how many */
	uint16_t cores[SIM_MAX_SOCKETS]; /* of the last answer; all 0 unless by Slurm */
	uint64_t seed;			 /* state of random */
	const struct sim_layout *layout;
	struct sim_value *values; /* by type */
	uint16_t **memo;	  /* by type: kept answers of exhaustive rules */
};

/* mix NULL: gputopo learns it. Check and take "NAME[/OPTION]...". Options of gputopo:
 * preserve, blind, timeless, nosplit, over=22.05|24.05; of all: nodes=first, nodes=best.
 */
enum gt_err sim_chooser_init(struct sim_chooser *c, const char *text,
			     const struct sim_layout *layout, const struct gt_mix *mix,
			     int ringless_mbps, uint64_t seed, struct gt_error *err);
void sim_chooser_release(struct sim_chooser *c);
/* A job took count GPUs of a node of a type. Like the plugin, gputopo learns from it what
 * sizes to expect, unless it was given a mix. */
void sim_chooser_note_start(struct sim_chooser *c, int type, int count);
/* A job of the trace has ended. */
void sim_chooser_note_end(struct sim_chooser *c, const struct sim_job *job,
			  int64_t ran_ms);
/* Exactly ask->count free GPUs; 0 where the policy has none. */
uint64_t sim_chooser_ask(struct sim_chooser *c, const struct sim_ask *ask);

#endif
