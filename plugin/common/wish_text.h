/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wish_text.h - what a user asks of the connection of GPUs, as the job's environment says
 * it. Nothing of Slurm.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_WISH_TEXT_H
#define GPUTOPO_PLUGIN_COMMON_WISH_TEXT_H

#include "plugin/common/shape.h"

struct gp_wish {
	bool asked;    /* by the user: ring or min_mbps */
	bool ring;     /* an NVLink ring through all GPUs */
	int min_mbps;  /* bus bandwidth; 0: none */
	bool off;      /* stock's choice, for comparison */
	bool preserve; /* --gpu-topo=any */
	bool one_node; /* Split=no, for a --gpus job that gave no -N */
	int had_mbps;  /* what it had before it was requeued; 0: asks for nothing */
	struct gp_shape shape;
};

/* --gpu-min-busbw, in GB/s: "150" or "37.5", from a MB/s to below a million; 0: it
 * is no such number. */
double gp_gbps_read(const char *text);
/* Read it from size entries NAME=VALUE; unknown values are no wish (the SPANK plugin
 * refuses them). env may be NULL. several: the job may have several nodes. An error is
 * one of --gpu-groups or --gpu-comm. */
enum gt_err gp_wish_parse(char **env, uint32_t size, bool several, struct gp_wish *wish,
			  struct gt_error *err);
/* Read it from the command line of srun in a job, which has no other way to say it to
 * slurmctld: --gpu-topo, --gpu-groups and --gpu-comm. line may be anybody's, or NULL.
 * true: it has --gpu-topo. */
bool gp_wish_of_line(const char *line, struct gp_wish *wish);
/* gp_shape_ask: a ring goes through all GPUs, whatever their groups. */
static inline bool gp_wish_ask(const struct gp_wish *wish, int count, int min_mbps,
			       struct gp_ask *ask)
{
	return gp_shape_ask(&wish->shape, count, min_mbps, wish->ring, ask);
}

/* Write "--gpu-topo=ring --gpu-min-busbw=40" into buf from the control environment of a
 * job, size entries, which may be NULL. What is no letter, digit or =.,:+- in a value, a
 * user's text, becomes '?'. false: the job has no wish. */
bool gp_wish_text(char *const *env, uint32_t size, char *buf, size_t room);

#endif
