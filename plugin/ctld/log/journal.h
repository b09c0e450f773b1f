/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - all that is written down: decision log, counters and their file, the
 * stopwatch, and what was said of nodes in slurmctld's log. Owned by journal.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_LOG_JOURNAL_H
#define GPUTOPO_PLUGIN_CTLD_LOG_JOURNAL_H

#include "plugin/ctld/log/decision.h"
#include "plugin/ctld/log/metrics.h"

struct gp_journal {
	struct gp_decisions decisions;
	struct gp_counters counters;
	struct gp_metrics metrics;
	struct gp_stopwatch stopwatch;
	uint64_t *told; /* by node: reasons that were logged, a bit each; or NULL */
	int node_count;
	int told_count[GP_REASON_COUNT];
};

/* The node table is new: nothing was said of any node. */
void gp_journal_reset(struct gp_journal *journal, int node_count);
/* Write to the files that conf names from now on. */
void gp_journal_open(struct gp_journal *journal, const struct gp_conf *conf);
void gp_journal_release(struct gp_journal *journal);
/* Say once a node, and for a few nodes only, what the admin should know. answer may be
 * NULL: about no node in particular. */
void gp_journal_say(struct gp_journal *journal, const struct gp_node_answer *answer,
		    enum gp_reason why);
/* Add what one call counted. */
void gp_journal_count(struct gp_journal *journal, const struct gp_counters *counted);
/* The metrics file, if it is due; idle: no job begins. */
void gp_journal_metrics(struct gp_journal *journal, const struct gp_models *models,
			bool idle);

#endif
