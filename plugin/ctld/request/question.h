/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * question.h - what job_submit/gputopo asks the select plugin, which knows the
 * topologies: a function that select_cons_tres.so exports for it. Answered by submit.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_REQUEST_QUESTION_H
#define GPUTOPO_PLUGIN_CTLD_REQUEST_QUESTION_H

#include "plugin/slurm/compat.h"

/* Where a job may be. */
struct gp_places {
	bitstr_t *nodes;    /* those that it may have; NULL: all */
	bitstr_t *required; /* those without which it does not start; NULL: none */
	int least;	    /* nodes that it needs at once */
};

/* Whether this node is among them; whether it is required. */
static inline bool gp_places_have(const struct gp_places *places, int node)
{
	return !places->nodes ||
	       (node < bit_size(places->nodes) && bit_test(places->nodes, node));
}

static inline bool gp_places_require(const struct gp_places *places, int node)
{
	return places->required && node < bit_size(places->required) &&
	       bit_test(places->required, node);
}

/* A job that is being submitted, as far as its GPUs and wishes go. */
struct gp_question {
	uint32_t size; /* of this struct, so that two builds know each other */
	struct gp_places places;
	const char *type;
	int count;    /* GPUs on a node; 0: none, or not known beforehand */
	int sum;      /* the same over all types and sockets; -1: not known beforehand */
	bool several; /* it may have more than one node */
	char **env;
	uint32_t env_size;
};

#define GP_SUBMIT_SYMBOL "gputopo_submit"

/* Write into text (size bytes) why the nodes can never give such a job what it asks for,
 * and return true; false: they could, or we do not know; a text is then what the user is
 * to be told all the same. Slurm's read locks on nodes and partitions are held. */
typedef bool gp_submit_fn(const struct gp_question *question, char *text, size_t size);
extern gp_submit_fn gputopo_submit;

#endif
