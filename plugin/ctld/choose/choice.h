/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * choice.h - read one node of stock's answer, and choose better GPUs there. Called by
 * exchange.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_CHOICE_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_CHOICE_H

#include "plugin/ctld/nodes/node_answer.h"
#include "plugin/ctld/request/previous_run.h"
#include "plugin/ctld/request/wish.h"
#include "plugin/ctld/model/running.h"

/* Read the answer of job_test for one of its nodes. answer->why says whether we may
 * choose.
 */
void gp_node_answer_read(struct gp_node_answer *answer, const job_record_t *job,
			 const struct gp_job *asked, int node, struct gp_models *models);
/* What stock gives one entry of the job on the answer's node, now. */
bool gp_node_answer_selected(const struct gp_node_answer *answer,
			     const struct gp_job *asked, int entry, uint64_t *bits);
/* Set the job's previous and its reservations, after gp_node_answer_read. */
void gp_node_answer_restrict(struct gp_node_answer *answer,
			     const struct gp_previous_run *previous, uint64_t reserved);
/* Set answer->wanted to the best set that is strictly better than stock's and was not
 * tried, or to stock's: GP_OK, GP_BEST, GP_NO_CHOICE, GP_ENFORCE_BINDING, GP_BUDGET or
 * GP_RERUN (all were tried). The former set is preferred to others as good. held: what
 * held_count jobs hold of the node; ends_tell: time limits say when they end. */
enum gp_reason gp_node_answer_choose(struct gp_node_answer *answer,
				     const struct gp_wish *wish,
				     const struct gp_held *held, int held_count,
				     bool ends_tell);
/* GPUs near a socket on which its cores lie. */
uint64_t gp_node_answer_near(const struct gp_node_answer *answer);
/* Stock's set is what the job gets: forget what was proposed, but on a node whose mode is
 * observe, where the log tells it. */
void gp_node_answer_keep_stock(struct gp_node_answer *answer);
/* What was wanted did not work: not again. */
void gp_node_answer_give_up(struct gp_node_answer *answer);

#endif
