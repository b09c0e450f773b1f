/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nics_nodes.h - which nodes a job of several gets, by what their NICs carry. Called by
 * the select plugin through gputopo_nics.c.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_NICS_NICS_NODES_H
#define GPUTOPO_PLUGIN_CTLD_NICS_NICS_NODES_H

struct gp_attempt;
struct gp_object_host;

extern const struct gp_object_host *gp_nics_host;

/* nics_object.h's nodes. O(nodes of the answer x offered nodes), in bounded steps. */
int gp_nics_nodes(struct gp_attempt *a);
/* What was kept of tables that may be gone. */
void gp_nics_forget(void);

#endif
