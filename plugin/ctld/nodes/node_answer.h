/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_answer.h - one node of an answer of stock's: which GPUs stock picked there, and
 * which we want. Filled by choose/choice.c; read by exchange.c, count_only.c and the
 * decision log.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NODES_NODE_ANSWER_H
#define GPUTOPO_PLUGIN_CTLD_NODES_NODE_ANSWER_H

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"

#define GP_MAX_TRIES 8 /* reruns for one job, slurm.md's rule c */

/* A job's place on one node. */
struct gp_node_answer {
	int node;
	const node_record_t *record;
	const char *name;
	struct gp_gpus gpus;
	const struct gp_binding *binding;
	enum gp_reason why;	    /* GP_OK: we may choose here */
	uint64_t stock;		    /* stock's GPUs: all entries together */
	int count;		    /* GPUs that it shall have: stock's number */
	uint64_t hidden;	    /* by count_only.c, while the job takes its GPUs */
	uint64_t former;	    /* what it had here before it was requeued, if free */
	int counts[GP_MAX_ENTRIES]; /* and how many of them each entry has */
	bool cores_known;
	struct gp_cores cores; /* of stock's answer */
	bool must_touch;       /* one of our GPUs must be near those cores' sockets */
	uint64_t cells[GP_MAX_CELLS];
	int cell_count;
	struct gt_mask except[GP_MAX_TRIES]; /* tried, in the model's numbers */
	int except_count;
	uint64_t spoiled; /* instances that were tried, and will not do */
	int need_mbps;	  /* what a wish demands; 0: nothing */
	bool enforce;	  /* GPUs of the sockets of stock's cores only */
	uint64_t allowed; /* its free GPUs, or with enforce those that may be had */
	/* a job of several nodes, on one whose model has NICs */
	bool several;
	struct gt_network network;
	/* kept by gputopo_nics.so: rails that its usable GPUs and its sets can have */
	uint64_t rails_possible, rails_wanted, rails_proposed;
	/* the decision */
	enum gp_reason chose; /* gp_node_answer_choose's */
	uint64_t wanted;      /* what the job shall get: stock where nothing is better */
	uint64_t proposed;    /* the same, but for Mode=observe */
	int level;	      /* of the score that decided */
	struct gt_score stock_score;
	struct gt_score score;
};

#endif
