/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.c - read gputopo.conf and the topologies that it names. Called by node_init,
 * which slurmctld runs at its start and for each reconfiguration.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/state/config.h"

#define CONF_NAME "gputopo.conf"

/* gputopo.conf beside slurm.conf. */
static void conf_path(char *path, size_t size)
{
	const char *conf = slurm_conf.slurm_conf ? slurm_conf.slurm_conf : "";
	const char *slash = strrchr(conf, '/');

	snprintf(path, size, "%.*s%s" CONF_NAME, slash ? (int)(slash - conf) : 0, conf,
		 slash ? "/" : "");
}

static void say_loaded(const struct gp_conf *conf, bool exists)
{
	struct gp_settings cluster;

	gp_conf_node(conf, "", &cluster);
	info("gputopo %s: %s%s, Mode=%s", gt_version(), exists ? "" : "no ",
	     gp_conf_file(conf), gp_mode_name(cluster.mode));
}

static void note_promises(struct gp_config *config)
{
	struct gp_settings cluster;
	char word[32];

	gp_conf_node(config->conf, "", &cluster);
	config->no_split = !cluster.split;
	config->chooses = gp_conf_chooses(config->conf);
	gp_conf_non_default(config->conf, "MinRatio", word, sizeof(word));
	config->has_ratio = word[0] != '\0';
}

/* Read gputopo.conf and the files that it names; all of it or nothing. */
static bool load(struct gp_config *config)
{
	char path[4096];
	struct gp_conf *conf;
	struct gp_models *models;
	struct gt_error err;
	bool exists;

	conf_path(path, sizeof(path));
	if (gp_conf_load(&conf, path, &exists, &err) != GT_OK ||
	    gp_models_new(&models, conf, config->node_count, &err) != GT_OK) {
		error("gputopo: %s:%d: %s%s", err.file[0] ? err.file : path, err.line,
		      err.text, config->conf ? "; the old settings stay" : "");
		gp_conf_free(conf);
		return false;
	}
	gp_models_free(config->models);
	gp_conf_free(config->conf);
	config->conf = conf;
	config->models = models;
	note_promises(config);
	say_loaded(conf, exists);
	return true;
}

/* The old settings for a node table of another size. */
static bool keep(struct gp_config *config)
{
	struct gp_models *models;

	if (!config->conf)
		return false;
	if (gp_models_new(&models, config->conf, config->node_count, NULL) != GT_OK)
		models = NULL;
	gp_models_free(config->models);
	config->models = models;
	return models != NULL;
}

bool gp_config_read(struct gp_config *config, int node_count, bool usable)
{
	bool fresh;

	config->node_count = node_count;
	fresh = load(config);
	config->active =
		usable && (fresh || keep(config)) && !gp_conf_is_off(config->conf);
	return fresh;
}

void gp_config_release(struct gp_config *config)
{
	gp_models_free(config->models);
	gp_conf_free(config->conf);
	memset(config, 0, sizeof(*config));
}
