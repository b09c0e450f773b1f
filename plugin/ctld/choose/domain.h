/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h - NVLink domains that span several nodes, such as a rack of GB200 trays, and
 * the one in which a job of several nodes is placed. Domain= of gputopo.conf or the node
 * file names them.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_CHOOSE_DOMAIN_H
#define GPUTOPO_PLUGIN_CTLD_CHOOSE_DOMAIN_H

#include "plugin/ctld/state/state.h"

/* What the nodes of one domain must give. */
struct gp_need {
	int per_node; /* free GPUs on each node; 0: see total */
	int total;    /* free GPUs of all its nodes together; 0: see per_node */
	int nodes;    /* as many nodes as the job likes to have */
	int least;    /* and as few as it may */
	/* of gp_domains_read */
	int ranked;  /* candidates, in the scratch */
	int domains; /* numbers of domains, from 1 */
};

/* Count what each domain has among the offered nodes of the lowest weight that have
 * enough free GPUs. Slurm's weights come first, so that others are no candidates. false:
 * there is nothing to prefer: all candidates are in one domain or in none, or one is not
 * ours to choose (NodeChoice=no, Mode=observe or off). O(nodes). */
bool gp_domains_read(struct gp_controller *ctl, bitstr_t *offered,
		     const struct gp_job *asked, struct gp_need *need);
/* Put into scratch->picked the candidates of the next domain with room for the job, the
 * smallest room first, so that large ones stay whole. false: no more. */
bool gp_domains_next(struct gp_scratch *scratch, const struct gp_need *need);

/* The same for a job that no domain has room for: as many nodes as it likes to have, over
 * as few domains as hold it, as even as can be. false: nodes outside domains are needed,
 * one domain is enough, or what the job needs of a node is not known. O(nodes x domains).
 */
bool gp_domains_split(struct gp_scratch *scratch, const struct gp_need *need);

#endif
