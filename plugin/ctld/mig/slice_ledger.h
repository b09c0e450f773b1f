/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slice_ledger.h - which memory slices of which GPUs the MIG jobs hold, read from the
 * jobs' own environments, so that a restart of slurmctld loses nothing.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_SLICE_LEDGER_H
#define GPUTOPO_PLUGIN_CTLD_MIG_SLICE_LEDGER_H

#include "plugin/slurm/compat.h"
#include "plugin/common/mig_text.h"

struct gp_mig_held {
	uint32_t job_id;
	struct gp_mig_slice slice;
	int next; /* the next of the same node; -1: none */
};

struct gp_slice_ledger {
	struct gp_mig_held *held;
	int count, room;
	int *first; /* of each node; -1: none */
	int node_count;
	bool fresh;   /* they tell what the jobs hold now */
	bool whole;   /* nothing was left out for want of memory */
	bool passing; /* some job is completing */
};

void gp_slice_ledger_release(struct gp_slice_ledger *ledger);
/* A MIG job began or ended, or slurmctld restarted: read the jobs again before the next
 * answer. */
void gp_slice_ledger_spoil(struct gp_slice_ledger *ledger);
/* Bring them up to date for node_count nodes; one walk over all jobs where they are not
 * fresh. false: not all is known, so that nothing may be placed. */
bool gp_slice_ledger_read(struct gp_slice_ledger *ledger, int node_count);
/* Walk the slices of one node: at starts at -1; NULL after the last. */
const struct gp_mig_held *gp_slice_ledger_next(const struct gp_slice_ledger *ledger,
					       int node, int *at);

#endif
