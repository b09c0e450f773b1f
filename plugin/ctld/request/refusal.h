/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refusal.h - the words for a wish that no node can meet. Nothing of Slurm.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_REFUSAL_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_REFUSAL_H

#include "plugin/common/shape.h"

/* A wish, and the nodes that it was held against. */
struct gp_unmet {
	const struct gp_shape *shape;
	bool ring;	      /* --gpu-topo=ring */
	int min_mbps;	      /* --gpu-min-busbw; 0: none */
	int count;	      /* GPUs on a node */
	int least;	      /* nodes that the job needs */
	int found;	      /* nodes that could */
	const char *required; /* a node that the job requires and that cannot, or NULL */
	const char *best;     /* the node that comes nearest, or NULL */
	int best_mbps;
};

/* One line into text; cut where it is too long. */
void gp_refusal_write(const struct gp_unmet *unmet, char *text, size_t size);
/* The same for groups that the job's GPUs do not make. */
void gp_refusal_groups(const struct gp_shape *shape, int count, char *text, size_t size);

/* The same for options that cannot be read, for this reason. */
void gp_refusal_syntax(const char *why, char *text, size_t size);
/* The same for a geometry that nothing would keep, of sum GPUs on a node (-1: not known):
 * beside --gpu-topo=off, or without GPUs, where there are no sizes to say so. false: it
 * is not so, and text is untouched. */
bool gp_refusal_idle(const struct gp_shape *shape, bool off, int sum, char *text,
		     size_t size);
/* A job is accepted although no node of its own enforces its wish. */
void gp_refusal_not_enforced(char *text, size_t size);

#endif
