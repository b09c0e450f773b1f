/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count_only.h - nodes whose GPUs slurmctld only counts: one line of gres.conf with File=
 * for all of them and no Cores=, Type= or Links=. Stock's job_test picks none there; the
 * GPUs with the lowest numbers are taken when the job is started. So they are hidden
 * then.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_COUNT_ONLY_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_COUNT_ONLY_H

#include "plugin/ctld/nodes/node_answer.h"

/* The job of the last job_test shall have what its answers want; NULL: none. The answers
 * must stay until the next call. */
void gp_count_only_mean(const job_record_t *job, struct gp_node_answer *answers,
			int count);
/* Before the stock select_nodeinfo_set, which takes the GPUs: hide the others of counted
 * nodes, if this is that job and they are as they were. */
void gp_count_only_hide(const job_record_t *job);
/* After it, always: take back what was hidden. */
void gp_count_only_unhide(void);

#endif
