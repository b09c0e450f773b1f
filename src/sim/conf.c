/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slurm.conf, gres.conf and gputopo.conf to node types and nodes. */
#include "config.h"

#include "sim/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "conf/gres_conf.h"
#include "conf/slurm_conf.h"
#include "core/hostlist.h"

/* What one NodeName line says, and the file's defaults. */
struct line {
	int gpus;
	int sockets;
	int cores_per_socket;
};

struct reading {
	struct sim_layout *layout;
	const char *dir;
	const struct slurm_line *at; /* the line at hand */
	struct gp_conf *conf;
	struct line defaults, line;
	struct gt_error *err;
};

/* GPUs of "gpu:8", "gpu:a100:4(S:0-1),gpu:v100:4,shard:8". */
static int count_gpus(const char *gres)
{
	int gpus = 0;

	while (*gres) {
		size_t length = strcspn(gres, ",(");
		const char *colon = gres + length;

		while (colon > gres && *colon != ':')
			colon--;
		if (!strncasecmp(gres, "gpu", 3) && (gres[3] == ':' || length == 3))
			gpus += isdigit((unsigned char)colon[1]) ? atoi(colon + 1) : 1;
		gres += strcspn(gres, ",");
		gres += *gres == ',';
	}
	return gpus;
}

static void read_words(struct line *line, const struct slurm_line *at)
{
	char value[1024];

	if (slurm_line_get(at, "Gres", value, sizeof(value)))
		line->gpus = count_gpus(value);
	if (slurm_line_get(at, "Sockets", value, sizeof(value)) ||
	    slurm_line_get(at, "SocketsPerBoard", value, sizeof(value)))
		line->sockets = atoi(value);
	if (slurm_line_get(at, "CoresPerSocket", value, sizeof(value)))
		line->cores_per_socket = atoi(value);
}

/* The node's model by gputopo.conf or, without a Topology= there, by gres.conf. */
static enum gt_err load_model(struct reading *r, const char *name,
			      const struct gp_settings *settings, struct gt_node **node)
{
	struct gt_load_options options = {.node_name = name, .model = settings->model};
	char path[8192];

	if (!settings->topology) {
		snprintf(path, sizeof(path), "%s/gres.conf", r->dir);
		return gp_gres_load(node, path, &options, r->err);
	}
	if (settings->topology[0] == '/' || !strncmp(settings->topology, "builtin:", 8))
		return gt_node_load(node, settings->topology, &options, r->err);
	snprintf(path, sizeof(path), "%s/%s", r->dir, settings->topology);
	return gt_node_load(node, path, &options, r->err);
}

/* The type with the node's model, an old one where there is an equal one. */
static enum gt_err find_type(struct reading *r, struct gt_node *node, int *type)
{
	for (int i = 0; i < r->layout->type_count; i++)
		if (gt_node_same_type(r->layout->types[i].node, node) &&
		    (r->line.cores_per_socket <= 0 ||
		     r->layout->types[i].cores_per_socket == r->line.cores_per_socket)) {
			gt_node_free(node);
			*type = i;
			return GT_OK;
		}
	return sim_layout_add_type(r->layout, node, r->line.cores_per_socket, type,
				   r->err);
}

/* What Slurm counts as GPUs: an instance of MIG in place of its GPU. Jobs of the
 * simulator ask for whole GPUs, so those that are cut are taken out of service. */
static int count_positions(const struct gt_node *node, struct gt_mask *avoid)
{
	int count = gt_node_size(node), last = GT_UNKNOWN;

	for (int i = 0; i < gt_node_instance_count(node); i++) {
		int gpu = gt_node_instance(node, i)->gpu;

		count += gpu == last;
		gt_mask_set(avoid, gpu);
		last = gpu;
	}
	return count;
}

static enum gt_err add_node(void *arg, const char *name)
{
	struct reading *r = arg;
	struct gp_settings settings;
	struct gt_node *node, *copy;
	enum gt_err failed;
	int type;

	gp_conf_node(r->conf, name, &settings);
	failed = load_model(r, name, &settings, &node);
	if (failed)
		return failed;
	if (count_positions(node, &settings.avoid) != r->line.gpus) {
		int size = count_positions(node, &settings.avoid);

		gt_node_free(node);
		return gt_fail_at(r->err, GT_EINVAL, r->at->file, r->at->number, 0,
				  "%s has %d GPUs here and %d in its topology", name,
				  r->line.gpus, size);
	}
	if (gt_mask_count(&settings.avoid)) {
		failed = gt_node_copy_avoiding(&copy, node, &settings.avoid, r->err);
		gt_node_free(node);
		if (failed)
			return failed;
		node = copy;
	}
	failed = find_type(r, node, &type);
	if (failed)
		return failed;
	return sim_layout_add_node(r->layout, type, name,
				   settings.mode != GP_MODE_ENFORCE, r->err);
}

static enum gt_err read_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX];
	struct reading *r = arg;

	if (!slurm_line_get(line, "NodeName", hosts, sizeof(hosts)))
		return GT_OK;
	r->at = line;
	r->line = r->defaults;
	read_words(&r->line, line);
	if (!strcasecmp(hosts, "DEFAULT"))
		r->defaults = r->line;
	else if (r->line.gpus > 0 && !gt_hostlist_is_valid(hosts))
		return gt_fail_at(r->err, GT_EPARSE, line->file, line->number, 0,
				  "NodeName=%.100s is not a list of hosts", hosts);
	else if (r->line.gpus > 0)
		return gt_hostlist_each(hosts, add_node, r, r->err);
	return GT_OK;
}

enum gt_err sim_conf_load(struct sim_layout *layout, const char *dir,
			  struct gt_error *err)
{
	struct reading r = {.layout = layout, .dir = dir, .err = err};
	char path[4096];
	enum gt_err failed;
	bool exists;

	if (strlen(dir) + 16 > sizeof(path))
		return gt_fail(err, GT_EINVAL, "the folder's name is too long");
	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	failed = gp_conf_load(&r.conf, path, &exists, err);
	if (failed)
		return failed;
	snprintf(path, sizeof(path), "%s/slurm.conf", dir);
	failed = slurm_conf_walk(path, read_line, &r, err);
	if (!failed && !layout->nodes)
		failed = gt_fail_at(err, GT_EFORMAT, path, 0, 0,
				    "no NodeName line has Gres=gpu");
	gp_conf_free(r.conf);
	return failed;
}
