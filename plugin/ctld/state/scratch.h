/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scratch.h - room for one job_test at a time, made when slurmctld reads its nodes, so
 * that the scheduler does not allocate. Owned by scratch.c; who uses what in which phase
 * is said in controller.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_STATE_SCRATCH_H
#define GPUTOPO_PLUGIN_CTLD_STATE_SCRATCH_H

#include "plugin/ctld/nodes/node_answer.h"
#include "plugin/ctld/nodes/node_score.h"

/* What one NVLink domain has for the job at hand. */
struct gp_domain {
	int nodes;
	int gpus;
	int first; /* its first node */
	bool tried;
	int share; /* nodes of a job over several; -1: none */
};

struct gp_scratch {
	bitstr_t *offered; /* the nodes that job_test was offered */
	bitstr_t *picked;  /* and those that it picked */
	/* an answer's nodes, and what is hidden on each; they grow with the largest */
	struct gp_node_answer *answers;
	struct gp_hidden *hidden;
	int answer_room;
	/* for each node, or NULL without memory */
	time_t *dates;		      /* of forecasts: two for each */
	struct gp_node_score *scores; /* no node choice where NULL */
	struct gp_domain *domains;    /* by number, from 1 */
};

/* Room for so many nodes. */
void gp_scratch_reset(struct gp_scratch *scratch, int node_count);
void gp_scratch_release(struct gp_scratch *scratch);
/* Whether it is for this number of nodes: not while nodes are being added. */
static inline bool gp_scratch_fits(const struct gp_scratch *scratch, bitstr_t *nodes)
{
	return scratch->offered && scratch->picked &&
	       bit_size(scratch->offered) == bit_size(nodes);
}

/* Room for an answer of so many nodes; false: out of memory. */
bool gp_scratch_answers(struct gp_scratch *scratch, int count);

#endif
