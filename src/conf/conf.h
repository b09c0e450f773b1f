/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.h - gputopo.conf: what the admin asked for, cluster-wide and by node. Nothing of
 * Slurm, so that `gputopo check` can read the same file by the same rules.
 */
#ifndef GPUTOPO_CONF_CONF_H
#define GPUTOPO_CONF_CONF_H

#include <string.h>

#include "core/library.h"

#define GP_MAX_CONF (4 << 20) /* bytes of one gputopo.conf */

enum gp_mode { GP_MODE_ENFORCE, GP_MODE_OBSERVE, GP_MODE_OFF };

enum gp_stray { GP_STRAY_REMOVE, GP_STRAY_DRAIN };

/* What holds for one node. Strings belong to the gp_conf. */
struct gp_settings {
	enum gp_mode mode;
	enum gt_policy policy;
	bool node_choice;
	bool split;
	bool step_choice; /* of the GPUs of steps inside a job */
	double min_ratio; /* 0 to 1 */
	struct gt_mix mix;
	const char *topology;	     /* as written; NULL: Slurm's Links= */
	const char *domain;	     /* NULL: none */
	struct gt_site_options read; /* how the topology is read: Model=, NicRate= ... */
	struct gt_mask avoid;	     /* GPUs out of service */
	enum gt_instance_policy mig_policy;
	enum gp_stray mig_stray; /* read on the node */
};

static inline bool gp_same_load_options(const struct gt_site_options *a,
					const struct gt_site_options *b)
{
	return a->nic_mbps == b->nic_mbps &&
	       !strcmp(a->load.model ? a->load.model : "",
		       b->load.model ? b->load.model : "") &&
	       !strcmp(a->nic_ignored ? a->nic_ignored : "",
		       b->nic_ignored ? b->nic_ignored : "");
}

struct gp_conf;

/* Read path. A file that does not exist is GT_OK with the defaults (enforce on Links=)
 * and *exists false; anything else that cannot be read or understood is an error with
 * file and line, and *conf NULL. */
enum gt_err gp_conf_load(struct gp_conf **conf, const char *path, bool *exists,
			 struct gt_error *err);
/* Same from a text of size bytes; name stands for the file in errors and dirs. */
enum gt_err gp_conf_parse(struct gp_conf **conf, const char *text, size_t size,
			  const char *name, struct gt_error *err);
void gp_conf_free(struct gp_conf *conf);

/* The settings of one node: defaults, cluster-wide lines, then every NodeName line that
 * names it, in the order of the file. O(lines). */
void gp_conf_node(const struct gp_conf *conf, const char *node, struct gp_settings *out);
/* Whether any node of the cluster has a mode other than off. */
bool gp_conf_is_off(const struct gp_conf *conf);
/* Whether any node may be chosen by us: NodeChoice=yes and Mode=enforce. */
bool gp_conf_chooses(const struct gp_conf *conf);
/* Topology= values, i from 0, with their line; NULL after the last. */
const char *gp_conf_topology(const struct gp_conf *conf, int i, int *line);
/* How it is read: by Model= of the same line, NicRate= and NicIgnore= of it or of the
 * cluster. */
struct gt_site_options gp_conf_load_options(const struct gp_conf *conf, int i);
/* The NodeName= of the same line. */
const char *gp_conf_hosts(const struct gp_conf *conf, int i);
const char *gp_conf_file(const struct gp_conf *conf);
const char *gp_conf_decision_log(const struct gp_conf *conf); /* NULL: none */
const char *gp_conf_metrics_file(const struct gp_conf *conf); /* NULL: none */
bool gp_conf_admin_comment(const struct gp_conf *conf);
/* "NodeChoice, MinRatio": the keys that were given a value other than the default among
 * those in the comma list names; "" if none. Returns buf. */
char *gp_conf_non_default(const struct gp_conf *conf, const char *names, char *buf,
			  size_t size);
const char *gp_mode_name(enum gp_mode mode);

#endif
