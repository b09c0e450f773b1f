/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.c - open, fill and close what is written down. Called by the hooks in
 * controller.c and by exchange.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/log/journal.h"
#include "plugin/slurm/say.h"

#define MAX_TOLD 10 /* nodes that are named for one reason */

void gp_journal_reset(struct gp_journal *journal, int node_count)
{
	free(journal->told);
	journal->told = calloc((size_t)node_count + 1, sizeof(*journal->told));
	journal->node_count = node_count;
	memset(journal->told_count, 0, sizeof(journal->told_count));
}

void gp_journal_open(struct gp_journal *journal, const struct gp_conf *conf)
{
	gp_metrics_open(&journal->metrics, conf, time(NULL));
	if (!gp_decisions_open(&journal->decisions, conf))
		gp_error("gputopo: DecisionLog=%s: %s", gp_conf_decision_log(conf),
			 strerror(errno));
}

void gp_journal_release(struct gp_journal *journal)
{
	gp_decisions_close(&journal->decisions);
	gp_metrics_close(&journal->metrics);
	free(journal->told);
	journal->told = NULL;
	journal->node_count = 0;
}

void gp_journal_say(struct gp_journal *journal, const struct gp_node_answer *answer,
		    enum gp_reason why)
{
	const char *detail = answer && answer->binding ? answer->binding->detail : "";
	uint64_t *told =
		answer && answer->node < journal->node_count ? journal->told : NULL;
	uint64_t bit = (uint64_t)1 << why;

	if (!gp_reason_is_for_admin(why) || journal->told_count[why] >= MAX_TOLD ||
	    (told && (told[answer->node] & bit)))
		return;
	if (told)
		told[answer->node] |= bit;
	journal->told_count[why]++;
	gp_info("gputopo: node %s keeps stock's choice of GPUs: %s%s%s%s",
		answer ? answer->name : "(any)", gp_reason_text(why),
		detail[0] ? ": " : "", detail,
		journal->told_count[why] == MAX_TOLD ? " (further nodes are not named)"
						     : "");
}

void gp_journal_count(struct gp_journal *journal, const struct gp_counters *counted)
{
	uint64_t *sum = (uint64_t *)&journal->counters;

	_Static_assert(sizeof(*counted) % sizeof(*sum) == 0, "nothing but counters");
	for (size_t i = 0; i < sizeof(*counted) / sizeof(*sum); i++)
		sum[i] += ((const uint64_t *)counted)[i];
}

void gp_journal_metrics(struct gp_journal *journal, const struct gp_models *models,
			bool idle)
{
	gp_metrics_write(&journal->metrics, &journal->counters, &journal->stopwatch,
			 models, idle, time(NULL));
}
