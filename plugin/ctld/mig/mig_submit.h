/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_submit.h - what job_submit/gputopo asks the select plugin about --mig and shards: a
 * function that select_cons_tres.so exports for it, as in submit.h.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_MIG_SUBMIT_H
#define GPUTOPO_PLUGIN_CTLD_MIG_MIG_SUBMIT_H

#include "plugin/ctld/controller.h"

struct gp_mig_question {
	uint32_t size; /* of this struct, so that two builds know each other */
	struct gp_places places;
	const char *wish; /* PROFILE[:COUNT]; NULL: it wants shards without one */
	int shards;	  /* the answer: as many on each node */
};

#define GP_MIG_SUBMIT_SYMBOL "gputopo_mig_submit"

/* Write into text (size bytes) why the nodes can never serve such a job, and return true;
 * false: they could, and question->shards says how many shards it takes there. Shards
 * without a wish are refused where every node gives away slices. */
typedef bool gp_mig_submit_fn(struct gp_mig_question *question, char *text, size_t size);
extern gp_mig_submit_fn gputopo_mig_submit;

/* ctl is locked. */
bool gp_mig_refuses(struct gp_controller *ctl, struct gp_mig_question *question,
		    char *text, size_t size);

#endif
