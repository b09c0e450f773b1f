/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * choice.h - one node of an answer: which GPUs stock picked there, and which we want.
 * Used by exchange.c, count_only.c and the decision log.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_CHOICE_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_CHOICE_H

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/request/previous_run.h"
#include "plugin/ctld/request/wish.h"
#include "plugin/ctld/estimate/running.h"

#define GP_MAX_TRIES 8 /* reruns for one job, slurm.md's rule c */

/* A job's place on one node. */
struct gp_node_answer {
	int node;
	const node_record_t *record;
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
	/* the decision */
	uint64_t wanted;   /* what the job shall get: stock where nothing is better */
	uint64_t proposed; /* the same, but for Mode=observe */
	int level;	   /* of the score that decided */
	struct gt_score stock_score;
	struct gt_score score;
};

/* Read the answer of job_test for one of its nodes. answer->why says whether we may
 * choose.
 */
void gp_node_answer_read(struct gp_node_answer *answer, const job_record_t *job,
			 const struct gp_job *asked, int node, struct gp_models *models);
/* What stock gives one entry of the job on the answer's node, now. */
bool gp_node_answer_selected(const struct gp_node_answer *answer,
			     const struct gp_job *asked, int entry, uint64_t *bits);
/* Set the job's previous and its reservations, after gp_node_answer_read. */
void gp_node_answer_restrict(struct gp_node_answer *answer,
			     const struct gp_previous_run *previous, uint64_t reserved);
/* Set answer->wanted to the best set that is strictly better than stock's and was not
 * tried, or to stock's: GP_OK, GP_BEST, GP_NO_CHOICE, GP_ENFORCE_BINDING, GP_BUDGET or
 * GP_RERUN (all were tried). The former set is preferred to others as good. ends_tell:
 * time limits say when running jobs end. */
enum gp_reason gp_node_answer_choose(struct gp_node_answer *answer,
				     const struct gp_wish *wish,
				     const struct gp_running *running, bool ends_tell);
/* Stock's set is what the job gets: forget what was proposed, but on a node whose mode is
 * observe, where the log tells it. */
void gp_node_answer_keep_stock(struct gp_node_answer *answer);
/* What was wanted did not work: not again. */
void gp_node_answer_give_up(struct gp_node_answer *answer);

#endif
