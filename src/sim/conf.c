/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slurm.conf, gres.conf and gputopo.conf to node types and nodes. */
#include "config.h"

#include "sim/conf.h"
#include "sim/nodelists.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"

#define MAX_LINE 65536
#define MAX_NAME 256

/* ---- slurm.conf
 * -------------------------------------------------------------------------- */

/* What one NodeName line says, and the file's defaults. */
struct line {
	int gpus;
	int sockets;
	int cores_per_socket;
};

struct reading {
	struct sim_layout *layout;
	const char *dir;
	char file[4096];
	int number;
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

static void take_word(struct line *line, const char *key, const char *value)
{
	if (!strcasecmp(key, "Gres"))
		line->gpus = count_gpus(value);
	else if (!strcasecmp(key, "Sockets") || !strcasecmp(key, "SocketsPerBoard"))
		line->sockets = atoi(value);
	else if (!strcasecmp(key, "CoresPerSocket"))
		line->cores_per_socket = atoi(value);
}

/* The node's model by gputopo.conf or, without a Topology= there, by gres.conf. */
static enum gt_err load_model(struct reading *r, const char *name,
			      const struct gp_settings *settings, struct gt_node **node)
{
	struct gt_load_options options = {.format = "gres", .node_name = name};
	char path[8192];

	if (!settings->topology) {
		snprintf(path, sizeof(path), "%s/gres.conf", r->dir);
		return gt_node_load(node, path, &options, r->err);
	}
	if (settings->topology[0] == '/' || !strncmp(settings->topology, "builtin:", 8))
		return gt_node_load(node, settings->topology, NULL, r->err);
	snprintf(path, sizeof(path), "%s/%s", r->dir, settings->topology);
	return gt_node_load(node, path, NULL, r->err);
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
	if (gt_node_size(node) != r->line.gpus) {
		int size = gt_node_size(node);

		gt_node_free(node);
		return gt_fail_at(r->err, GT_EINVAL, r->file, r->number, 0,
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

/* One line of Key=Value words. */
static enum gt_err read_line(struct reading *r, char *text)
{
	char *keep = NULL, *hosts = NULL;

	r->line = r->defaults;
	for (char *word = strtok_r(text, " \t\r\n", &keep); word;
	     word = strtok_r(NULL, " \t\r\n", &keep)) {
		char *equals = strchr(word, '=');

		if (!strcasecmp(word, "Include"))
			return gt_fail_at(
				r->err, GT_EFORMAT, r->file, r->number, 0,
				"Include is not followed: put the files together");
		if (!equals)
			continue;
		*equals = '\0';
		if (!strcasecmp(word, "NodeName"))
			hosts = equals + 1;
		else
			take_word(&r->line, word, equals + 1);
	}
	if (hosts && !strcasecmp(hosts, "DEFAULT"))
		r->defaults = r->line;
	else if (hosts && r->line.gpus > 0)
		return sim_hosts_expand(hosts, add_node, r, r->err);
	return GT_OK;
}

/* A line, with those that a backslash continues; without its comment. */
static bool next_line(FILE *f, char *line, int *number)
{
	size_t used = 0;

	for (;;) {
		size_t length;

		if (!fgets(line + used, (int)(MAX_LINE - used), f))
			return used > 0;
		++*number;
		length = strcspn(line + used, "#\r\n");
		line[used + length] = '\0';
		used += length;
		if (!used || line[used - 1] != '\\' || used + 2 > MAX_LINE)
			return true;
		line[used - 1] = ' ';
	}
}

static enum gt_err read_slurm_conf(struct reading *r)
{
	char *line = malloc(MAX_LINE);
	FILE *f = fopen(r->file, "r");
	enum gt_err failed = GT_OK;

	if (!f)
		failed = gt_fail_at(r->err, GT_EIO, r->file, 0, 0, "%s", strerror(errno));
	if (!failed && !line)
		failed = gt_fail(r->err, GT_ENOMEM, "out of memory");
	while (!failed && next_line(f, line, &r->number))
		failed = read_line(r, line);
	if (f)
		fclose(f);
	free(line);
	if (!failed && !r->layout->nodes)
		failed = gt_fail_at(r->err, GT_EFORMAT, r->file, 0, 0,
				    "no NodeName line has Gres=gpu");
	return failed;
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
	snprintf(r.file, sizeof(r.file), "%s/slurm.conf", dir);
	failed = read_slurm_conf(&r);
	gp_conf_free(r.conf);
	return failed;
}
