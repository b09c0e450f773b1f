/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_submit.h - what job_submit/gputopo asks the select plugin about --mig and shards: a
 * function that select_cons_tres.so exports for it, as in question.h.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_MIG_SUBMIT_H
#define GPUTOPO_PLUGIN_CTLD_MIG_MIG_SUBMIT_H

#include "plugin/ctld/request/question.h"

struct gp_mig_question {
	uint32_t size; /* of this struct, so that two builds know each other */
	struct gp_places places;
	const char *wish; /* PROFILE[:COUNT]; NULL: it wants shards without one */
};

#define GP_MIG_TEXT_MAX 1024

struct gp_mig_verdict {
	bool refused;
	int shards;		    /* what such a job takes on each node; 0: none */
	char text[GP_MIG_TEXT_MAX]; /* why it is refused, one line */
};

#define GP_MIG_SUBMIT_SYMBOL "gputopo_mig_submit"

/* Whether the nodes can never serve such a job. Shards without a wish are refused where
 * every node gives away slices. Returns verdict->refused; false also where nobody can
 * tell. */
typedef bool gp_mig_submit_fn(const struct gp_mig_question *question,
			      struct gp_mig_verdict *verdict);
extern gp_mig_submit_fn gputopo_mig_submit;

struct gp_config;
/* The same with the configuration that holds, under the lock of controller.c. */
struct gp_mig_verdict gp_mig_judge(const struct gp_config *config,
				   const struct gp_mig_question *question);

#endif
