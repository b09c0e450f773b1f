/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nics_nodes.h - which nodes a job of several gets, by what their NICs carry. Called by
 * the select plugin through gputopo_nics.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NICS_NICS_NODES_H
#define GPUTOPO_PLUGIN_CTLD_NICS_NICS_NODES_H

#include <stdbool.h>

struct gp_attempt;
struct gp_object_host;

extern const struct gp_object_host *gp_nics_host;

/* nics_object.h's first and nodes. O(offered nodes), and times the nodes of the answer,
 * in bounded steps. */
bool gp_nics_first(struct gp_attempt *a);
int gp_nics_nodes(struct gp_attempt *a);
/* What was kept of tables that may be gone. */
void gp_nics_forget(void);

#endif
