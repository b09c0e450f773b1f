/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.c - read gputopo.conf and the topologies that it names. Called by node_init,
 * which slurmctld runs at its start and for each reconfiguration.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/objects/topology_object.h"
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

/* By gputopo_topology.so, which is gone again afterwards. */
static enum gt_err read_files(struct gp_reading *reading, const char *path,
			      struct gt_error *err)
{
	struct gp_reader reader;
	enum gt_err code = gp_reader_open(&reader, err);

	*reading = (struct gp_reading){0};
	if (code == GT_OK) {
		code = reader.object->read(reading, path, err);
		gp_reader_close(&reader);
	}
	return code;
}

/* Read gputopo.conf and the files that it names; all of it or nothing. */
static bool load(struct gp_config *config)
{
	const char *stay = config->conf ? "; the old settings stay" : "";
	char path[4096];
	struct gp_reading reading;
	struct gp_models *models;
	struct gt_error err;

	conf_path(path, sizeof(path));
	if (read_files(&reading, path, &err) != GT_OK ||
	    gp_models_new(&models, reading.conf, &reading, config->node_count, &err) !=
		    GT_OK) {
		if (err.file[0])
			error("gputopo: %s:%d: %s%s", err.file, err.line, err.text, stay);
		else
			error("gputopo: %s%s", err.text, stay);
		gp_conf_free(reading.conf);
		return false;
	}
	gp_models_free(config->models);
	gp_conf_free(config->conf);
	config->conf = reading.conf;
	config->models = models;
	note_promises(config);
	say_loaded(config->conf, reading.exists);
	return true;
}

bool gp_config_read(struct gp_config *config, int node_count, bool usable)
{
	bool fresh;

	config->node_count = node_count;
	fresh = load(config);
	/* the old settings, for a node table that may be another */
	if (!fresh && config->models &&
	    gp_models_resize(config->models, node_count, NULL) != GT_OK) {
		gp_models_free(config->models);
		config->models = NULL;
	}
	config->active = usable && config->models && !gp_conf_is_off(config->conf);
	return fresh;
}

void gp_config_release(struct gp_config *config)
{
	gp_models_free(config->models);
	gp_conf_free(config->conf);
	memset(config, 0, sizeof(*config));
}
