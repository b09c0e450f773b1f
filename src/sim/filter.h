/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h - which nodes each job of a trace may have: its partition, type of GPU,
 * features and reservation held against the site's nodes, once for all policies.
 */
#ifndef SIM_FILTER_H
#define SIM_FILTER_H

#include "sim/layout.h"
#include "sim/site.h"
#include "sim/trace.h"

struct sim_filter {
	int **avoid; /* by wish: nodes that it may not have, ascending */
	int *count;  /* of them */
	size_t wishes;
};

/* Nodes of every wish of the trace. What the site says nothing of, such as features where
 * no node has any, forbids nothing. A reservation has the nodes that its jobs ran on.
 * GT_ENOMEM. */
enum gt_err sim_filter_make(struct sim_filter *filter, const struct sim_trace *trace,
			    const struct sim_layout *layout, const struct sim_site *site,
			    struct gt_error *err);
void sim_filter_release(struct sim_filter *filter);

/* Take jobs out of the trace that no node may hold, or that ran on nodes which are left
 * out; each counts as SIM_ROW_NO_PLACE, the first one's reason as its detail. */
void sim_filter_apply(const struct sim_filter *filter, struct sim_trace *trace,
		      const struct sim_layout *layout, const struct sim_site *site);

/* Nodes that a job may not have, ascending; NULL filter: none. */
static inline int sim_filter_avoid(const struct sim_filter *filter,
				   const struct sim_job *job, const int **avoid)
{
	if (!filter || job->wish >= filter->wishes)
		return 0;
	*avoid = filter->avoid[job->wish];
	return filter->count[job->wish];
}

#endif
