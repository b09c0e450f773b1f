/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish.h - what a job was promised: a ring, a bandwidth, not to be split. A job with a
 * wish waits until it can be met. Forecasts have to take the wish into account too, or
 * backfill starves the job or stops behind it.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_WISH_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_WISH_H

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/model/running.h"
#include "plugin/common/wish_text.h"

/* Read the options of a job; unknown values are no wish (the SPANK plugin refuses them).
 */
void gp_wish_read(const job_record_t *job, struct gp_wish *wish);
/* The job's options of ours become its AdminComment, where it has none, so that users and
 * gputopo why see what a pending job waits for. Its write lock is held. */
void gp_wish_show(job_record_t *job);
/* Tell the nodes of a job that begins what --gpu-groups (the shortest text of the sizes
 * on each node) and --gpu-comm say: GP_ENV_GROUPS and GP_ENV_COMM in its environment. */
void gp_wish_send(const job_record_t *job);
/* Whether there is anything to wait for on a node with these settings. One GPU never
 * waits. */
bool gp_wish_binds(const struct gp_wish *wish, const struct gp_settings *settings,
		   int count);
/* The bandwidth that count GPUs of the node must have, as gp_shape_mbps says it; 0: any
 * will do. */
int gp_wish_need_mbps(const struct gp_wish *wish, const struct gp_binding *binding,
		      int count);
/* Whether these GPUs (gres bits) of the node meet the wish. Instances of MIG are never
 * connected. */
bool gp_wish_met_by(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus);
/* Whether count of these GPUs (gres bits) could meet it. */
bool gp_wish_met_in(const struct gp_wish *wish, const struct gp_binding *binding,
		    uint64_t gpus, int count);

/* A node as one job sees it, for forecasts. */
struct gp_prospect {
	const struct gp_binding *binding;
	uint64_t usable; /* GPUs of the asked type */
	uint64_t free;
	const struct gp_held *held;
	int held_count;
};

/* When the node can meet the wish: 0 now, else the end of a running job; -1 never, -2 not
 * before a job without a time limit ends. now is the clock's. */
time_t gp_wish_when(const struct gp_wish *wish, const struct gp_prospect *prospect,
		    int count, time_t now);

#endif
