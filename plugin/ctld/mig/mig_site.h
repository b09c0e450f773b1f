/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_site.h - a node whose GPUs in MIG mode are given away in slices: one gres/shard for
 * each memory slice, and the geometry of the GPU model.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_MIG_SITE_H
#define GPUTOPO_PLUGIN_CTLD_MIG_MIG_SITE_H

#include "plugin/ctld/mig/slice_ledger.h"
#include "plugin/common/mig_text.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/model/running.h"

#define GP_MIG_MODELS 16 /* GPU models of one cluster */

/* What is known beforehand of each GPU model; made on first use. */
struct gp_mig_spaces {
	struct gt_mig_space *space[GP_MIG_MODELS];
	int count;
	/* the last question: a cluster's GPUs are mostly of one model */
	char model[64];
	const struct gt_mig_space *of_model;
};

void gp_mig_spaces_release(struct gp_mig_spaces *spaces);

struct gp_mig_site {
	int node;
	const node_record_t *record;
	const struct gp_binding *binding;
	const struct gt_mig_space *space;
	gres_node_state_t *shards;
	int gpus;		      /* gres bits */
	uint64_t mig;		      /* GPUs in MIG mode with one shard a slice */
	uint64_t whole;		      /* held by jobs that have the whole GPU */
	int topo[GP_MAX_GPUS];	      /* where the shards of a GPU are counted */
	uint64_t before[GP_MAX_GPUS]; /* topo_gres_cnt_alloc while shards are hidden */
	bool hidden;
};

/* false: the node gives no slices (no shards, no GPU in MIG mode, another number of
 * shards than slices, models mixed). */
bool gp_mig_site_read(struct gp_mig_site *site, int node, struct gp_models *models,
		      struct gp_mig_spaces *spaces);

/* Where a job of the wish would be on this node: all its instances on one GPU. */
struct gp_mig_fit {
	int gpu; /* gres bit */
	int profile;
	int count;
	int start[GP_MIG_COUNT_MAX];
};

/* The memory slices that one instance takes here; 0: the GPUs have no such profile. */
int gp_mig_site_size(const struct gp_mig_site *site, const struct gp_mig_wish *wish);
/* Whether an idle GPU of the site has as many slices. */
bool gp_mig_site_may(const struct gp_mig_site *site, const struct gp_mig_wish *wish);
/* Place the wish on one of the GPUs `among`, as it is when all jobs have ended that end
 * by `when` (0: now). Slices that Slurm counts and no job explains close a GPU now.
 * false: it does not fit, or no memory. */
bool gp_mig_site_fit(const struct gp_mig_site *site, const struct gp_slice_ledger *ledger,
		     const struct gp_running *running, const struct gp_mig_wish *wish,
		     uint64_t among, time_t when, struct gp_mig_fit *fit);
/* When it fits: 0 now, a date, GP_NEVER or GP_NOT_KNOWN (start_estimate.h). now: one
 * moment for all nodes of a forecast. */
time_t gp_mig_site_when(const struct gp_mig_site *site,
			const struct gp_slice_ledger *ledger,
			const struct gp_running *running, const struct gp_mig_wish *wish,
			time_t now);
/* Of several sites the one on whose GPUs the policy places the wish; -1: none. */
int gp_mig_site_best(const struct gp_mig_site *sites, int count,
		     const struct gp_slice_ledger *ledger,
		     const struct gp_mig_wish *wish);

/* Leave the stock plugin `shards` of this GPU and none of the others; and take it back.
 */
void gp_mig_site_hide(struct gp_mig_site *site, int gpu, int shards);
void gp_mig_site_unhide(struct gp_mig_site *site);

/* GPU's number on the node's own side: its rank by minor number where the node file has
 * those, else its place in gres.conf. */
int gp_mig_site_rank(const struct gp_mig_site *site, int gpu);
/* The gres bit of such a number; -1: none. */
int gp_mig_site_bit(const struct gp_mig_site *site, int rank);

#endif
