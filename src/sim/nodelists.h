/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nodelists.h - the host lists of a trace, spelled out once. */
#ifndef SIM_NODELISTS_H
#define SIM_NODELISTS_H

#include "sim/names.h"
#include "sim/trace.h"

/* The NodeLists of a trace's jobs. Hosts are numbered in the order of their first use. */
struct sim_nodelists {
	struct sim_names lists, hosts;
	size_t *first; /* by list: its first member; one more for the end */
	int *member;   /* numbers of hosts */
	char **text;   /* by host: its name */
};

/* false: out of memory. Refers to the trace's strings. */
bool sim_nodelists_init(struct sim_nodelists *n, const struct sim_trace *trace);
void sim_nodelists_release(struct sim_nodelists *n);
/* The hosts of a job's list in its order; returns how many, 0 where it has none or where
 * the text is no list. */
int sim_nodelists_of(const struct sim_nodelists *n, const char *list, const int **hosts);

#endif
