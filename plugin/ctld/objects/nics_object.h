/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nics_object.h - gputopo_nics.so: what the controller does with the NICs of nodes, for
 * jobs of several, in an object of its own. The select plugin loads it from its own
 * folder the first time that a node file names NICs. Called by topology.c (node files),
 * exchange.c (nodes, sets) and decision.c (the log).
 */
#ifndef GPUTOPO_PLUGIN_CTLD_OBJECTS_NICS_OBJECT_H
#define GPUTOPO_PLUGIN_CTLD_OBJECTS_NICS_OBJECT_H

#include "core/append.h"
#include "core/node.h"
#include "plugin/common/object.h"

struct gp_attempt;
struct gp_held;
struct gp_node_answer;
struct gp_object_host;

/* What the object offers. It keeps what sets of GPUs reach. */
struct gp_nics_object {
	struct gp_object_head head;
	/* Before all else, and when node files are read: what it keeps is forgotten. */
	void (*start)(const struct gp_object_host *host);
	const struct gt_cards *cards; /* of every node with NICs */
	/* Called for each answer in turn, and with again for each in turn once more. Set
	 * what answer `at` of an answer of count nodes is to look at: the rails of
	 * those before it, or with again of all others; NICs that the other jobs of
	 * several nodes lean on, held_count of which hold GPUs there. false: it has no
	 * NICs, or with again: it shares all its rails already. */
	bool (*look)(struct gp_node_answer *answers, int count, int at, bool again,
		     const struct gp_held *held, int held_count);
	/* Stock's answer with the few nodes whose NICs carry the most, in a flat network.
	 * false: there is none, and the job is as it was. */
	bool (*first)(struct gp_attempt *a);
	/* Put nodes whose NICs carry more in the place of nodes of stock's answer, each
	 * of the same leaf switch, block or NVLink domain and of the same weight. The
	 * call of stock that stands succeeded, or its error is returned. */
	int (*nodes)(struct gp_attempt *a);
	/* The fields of the decision log, for an answer that looked. */
	void (*tell)(struct gt_append *text, const struct gp_node_answer *answer);
};

#define GP_NICS_OBJECT_FILE   "gputopo_nics.so"
#define GP_NICS_OBJECT_SYMBOL "gputopo_nics"

/* The object, or NULL while it is not loaded. */
const struct gp_nics_object *gp_nics_object(void);
/* Load it, once, and start it; NULL with one line in why (size bytes) where that fails.
 * Once loaded it stays until slurmctld ends: nodes refer to it. */
const struct gp_nics_object *gp_nics_object_load(char *why, size_t size);

#endif
