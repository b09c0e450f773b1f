/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - gputopo.conf and the models of the nodes, as slurmctld read them last. Owned
 * by config.c; everybody else reads.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_STATE_CONFIG_H
#define GPUTOPO_PLUGIN_CTLD_STATE_CONFIG_H

#include "conf/conf.h"
#include "plugin/ctld/model/model.h"

struct gp_config {
	bool active; /* in slurmctld, with a configuration that is not off */
	struct gp_conf *conf;
	struct gp_models *models;
	int node_count; /* of Slurm's node table */
	bool has_ratio; /* MinRatio= is given somewhere */
	bool no_split;	/* Split=no for the cluster */
	bool chooses;	/* NodeChoice=yes somewhere */
};

/* Read gputopo.conf beside slurm.conf, and the files that it names, for so many nodes;
 * all of it or nothing: with an error, which is logged, the old settings stay. usable:
 * what else is needed is there; if not the plugin is off. true: it was read. */
bool gp_config_read(struct gp_config *config, int node_count, bool usable);
void gp_config_release(struct gp_config *config);

#endif
