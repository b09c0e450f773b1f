/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_conf.h - on a node: what it is called, where its gputopo.conf would be, and what
 * that says of it. Nothing of Slurm's library.
 */
#ifndef GPUTOPO_RANK_NODE_CONF_H
#define GPUTOPO_RANK_NODE_CONF_H

#include <stdbool.h>
#include <stddef.h>

/* NodeName= of this node, as Slurm's programs on it say in SLURMD_NODENAME; slurmd
 * itself was told by -N, or goes by the host's name up to its first dot. */
void gp_node_name(char *name, size_t size);
/* The folder of slurm.conf: that of SLURM_CONF, or /etc/slurm. */
void gp_node_conf_dir(char *dir, size_t size);

/* What holds for a node, and a line to log. */
struct gp_node_stray {
	bool keep;     /* MigStray=drain */
	bool missing;  /* there is no file */
	char why[512]; /* the file is missing or broken: the default holds; or "" */
};

/* MigStray= of dir's gputopo.conf for the node. Never fails: the default is an answer. */
void gp_node_stray_read(struct gp_node_stray *stray, const char *dir, const char *name);

#endif
