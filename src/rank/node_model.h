/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_model.h - the topology of the node we run on: gputopo.conf where it is present,
 * else what slurmctld sent along, else Links= of gres.conf. Nothing of Slurm's library.
 */
#ifndef GPUTOPO_RANK_NODE_MODEL_H
#define GPUTOPO_RANK_NODE_MODEL_H

#include "core/library.h"
#include "rank/rank_facts.h"

struct gp_node_model {
	struct gt_node *node; /* NULL: nothing is known, or the mode says so */
	uint64_t hash;
	const char *source; /* "gputopo.conf", "slurmctld" or "gres.conf" */
	/* The model's GPU for Slurm's number i; identity but for mixed types. */
	int to_model[GT_MAX_GPUS];
	char message[512]; /* what the admin should read, "" for nothing */
};

/* dir: where slurm.conf is; name: of this node; models: the value of GP_ENV_MODELS, from
 * the user's environment, or NULL. Never fails: no node is an answer. */
void gp_node_model_load(struct gp_node_model *model, const char *dir, const char *name,
			const char *models);
void gp_node_model_release(struct gp_node_model *model);

#endif
