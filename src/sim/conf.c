/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slurm.conf, gres.conf and gputopo.conf to node types and nodes. */
#include "config.h"

#include "sim/conf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "conf/gres_conf.h"
#include "conf/slurm_conf.h"
#include "core/hostlist.h"

#define GRES_MAX 2048

/* What one NodeName line says, and the file's defaults. */
struct line {
	int gpus;   /* whole ones */
	int slices; /* GPU instances that the admin made */
	int sockets;
	int cores_per_socket;
	char types[GRES_MAX]; /* of the whole ones, comma list */
	char features[GRES_MAX];
	char gres[GRES_MAX];
};

struct reading {
	struct sim_layout *layout;
	struct sim_site *site;
	void (*say)(void *arg, const char *text);
	void *arg;
	const char *dir;
	const struct slurm_line *at; /* the line at hand */
	struct gp_conf *conf;
	struct line defaults, line;
	char partition_nodes[SLURM_VALUE_MAX]; /* of PartitionName=DEFAULT */
	char told_file[1024];		       /* the last line whose nodes were */
	int told_line;			       /* said to be left out */
	int observed;			       /* nodes with Mode=observe */
	struct gt_error *err;
};

static void say(const struct reading *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct reading *r, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (r->say)
		r->say(r->arg, text);
}

/* "gpu:8", "gpu:a100:4(S:0-1)", "gpu:a100_1g.5gb:7": one entry of Gres=. */
static void count_entry(struct line *line, const char *gres, size_t length)
{
	const char *brace = memchr(gres, '(', length), *end, *colon;
	char profile[SIM_PROFILE_MAX], type[SIM_TYPE_MAX] = "";
	size_t used = strlen(line->types);
	int count = 1;

	if (length < 3 || strncasecmp(gres, "gpu", 3) != 0 ||
	    (length > 3 && gres[3] != ':' && gres[3] != '('))
		return;
	end = brace ? brace : gres + length;
	for (colon = end; colon > gres && colon[-1] != ':';)
		colon--;
	if (colon > gres && colon < end && isdigit((unsigned char)*colon) &&
	    strspn(colon, "0123456789") >= (size_t)(end - colon)) {
		count = atoi(colon);
		end = colon - 1;
	}
	if (end > gres + 4)
		snprintf(type, sizeof(type), "%.*s", (int)(end - gres - 4), gres + 4);
	if (*type && sim_type_is_slice(type, strlen(type), profile)) {
		line->slices += count;
		return;
	}
	line->gpus += count;
	if (*type && used + strlen(type) + 2 < sizeof(line->types))
		snprintf(line->types + used, sizeof(line->types) - used, "%s%s",
			 used ? "," : "", type);
}

static void count_gpus(struct line *line, const char *gres)
{
	line->gpus = line->slices = 0;
	line->types[0] = '\0';
	for (size_t length; *gres; gres += length + (gres[length] == ',')) {
		length = strcspn(gres, ",");
		/* a comma in "(S:0,1)" separates nothing */
		if (memchr(gres, '(', length) && !memchr(gres, ')', length))
			length += strcspn(gres + length, ")") +
				  (strchr(gres + length, ')') != NULL);
		count_entry(line, gres, length);
	}
}

static void read_words(struct line *line, const struct slurm_line *at)
{
	char value[GRES_MAX];

	if (slurm_line_get(at, "Gres", line->gres, sizeof(line->gres)))
		count_gpus(line, line->gres);
	if (slurm_line_get(at, "Sockets", value, sizeof(value)) ||
	    slurm_line_get(at, "SocketsPerBoard", value, sizeof(value)))
		line->sockets = atoi(value);
	if (slurm_line_get(at, "CoresPerSocket", value, sizeof(value)))
		line->cores_per_socket = atoi(value);
	if (slurm_line_get(at, "Features", value, sizeof(value)) ||
	    slurm_line_get(at, "Feature", value, sizeof(value)))
		memcpy(line->features, value, sizeof(line->features));
}

/* The node's model by gputopo.conf or, without a Topology= there, by gres.conf. */
static enum gt_err load_model(struct reading *r, const char *name,
			      const struct gp_settings *settings, struct gt_node **node)
{
	struct gt_site_options options = settings->read;
	char path[8192];

	options.load.node_name = name;
	if (!settings->topology) {
		snprintf(path, sizeof(path), "%s/gres.conf", r->dir);
		return gp_gres_load(node, path, &options.load, r->err);
	}
	if (settings->topology[0] == '/' || !strncmp(settings->topology, "builtin:", 8))
		return gt_node_load_site(node, settings->topology, &options, r->err);
	snprintf(path, sizeof(path), "%s/%s", r->dir, settings->topology);
	return gt_node_load_site(node, path, &options, r->err);
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

/* GPUs of the model that are cut into instances; 0 where it does not say. */
static uint64_t find_cut(const struct gt_node *node)
{
	uint64_t cut = 0;

	for (int g = 0; g < gt_node_size(node) && g < SIM_MAX_GPUS; g++)
		if (gt_node_gpu(node, g)->mig)
			cut |= UINT64_C(1) << g;
	for (int i = 0; i < gt_node_instance_count(node); i++)
		cut |= UINT64_C(1) << gt_node_instance(node, i)->gpu;
	return cut;
}

/* A node without whole GPUs, or of which nobody can tell which ones are whole. */
static enum gt_err leave_out(struct reading *r, const char *name)
{
	if (r->told_line != r->at->number || strcmp(r->told_file, r->at->file) != 0)
		say(r,
		    "%s:%d: %s has static MIG instances (%.200s): this line's nodes are "
		    "left out",
		    r->at->file, r->at->number, name, r->line.gres);
	r->told_line = r->at->number;
	snprintf(r->told_file, sizeof(r->told_file), "%s", r->at->file);
	return sim_site_leave_out(r->site, name)
		       ? GT_OK
		       : gt_fail(r->err, GT_ENOMEM, "out of memory");
}

/* What Slurm counts as GPUs: whole ones, and where slurm.conf names no types each
 * instance of a cut one. */
static int count_model_gpus(const struct reading *r, const struct gt_node *node,
			    uint64_t cut)
{
	return gt_node_size(node) - __builtin_popcountll(cut) +
	       (r->line.slices ? 0 : gt_node_instance_count(node));
}

static enum gt_err take_node(struct reading *r, const char *name, struct gt_node *node,
			     uint64_t cut, const struct gp_settings *settings)
{
	struct gt_node *copy;
	enum gt_err failed;
	int type;

	if (gt_mask_count(&settings->avoid)) {
		failed = gt_node_copy_avoiding(&copy, node, &settings->avoid, r->err);
		gt_node_free(node);
		if (failed)
			return failed;
		node = copy;
	}
	r->observed += settings->mode == GP_MODE_OBSERVE;
	failed = find_type(r, node, &type);
	if (!failed)
		failed = sim_layout_add_node(r->layout, type, name,
					     settings->mode == GP_MODE_OFF, r->err);
	if (failed)
		return failed;
	sim_layout_set_down(r->layout, r->layout->nodes - 1, cut);
	return sim_site_set_node(r->site, r->layout->nodes - 1, r->line.types,
				 r->line.features)
		       ? GT_OK
		       : gt_fail(r->err, GT_ENOMEM, "out of memory");
}

static enum gt_err add_node(void *arg, const char *name)
{
	struct reading *r = arg;
	struct gp_settings settings;
	struct gt_node *node;
	enum gt_err failed;
	uint64_t cut;

	if (!r->line.gpus)
		return leave_out(r, name);
	gp_conf_node(r->conf, name, &settings);
	failed = load_model(r, name, &settings, &node);
	if (failed)
		return failed;
	cut = r->line.slices || gt_node_instance_count(node) ? find_cut(node) : 0;
	if (r->line.slices && (!cut || count_model_gpus(r, node, cut) != r->line.gpus)) {
		gt_node_free(node);
		return leave_out(r, name);
	}
	if (count_model_gpus(r, node, cut) != r->line.gpus) {
		int size = count_model_gpus(r, node, cut);

		gt_node_free(node);
		return gt_fail_at(r->err, GT_EINVAL, r->at->file, r->at->number, 0,
				  "%s has %d GPUs here and %d in its topology", name,
				  r->line.gpus, size);
	}
	return take_node(r, name, node, cut, &settings);
}

static enum gt_err read_nodes(struct reading *r, const char *hosts)
{
	r->line = r->defaults;
	read_words(&r->line, r->at);
	if (!strcasecmp(hosts, "DEFAULT")) {
		r->defaults = r->line;
		return GT_OK;
	}
	if (!r->line.gpus && !r->line.slices)
		return GT_OK;
	if (!gt_hostlist_is_valid(hosts))
		return gt_fail_at(r->err, GT_EPARSE, r->at->file, r->at->number, 0,
				  "NodeName=%.100s is not a list of hosts", hosts);
	return gt_hostlist_each(hosts, add_node, r, r->err);
}

/* PartitionName= and NodeSet=. */
static enum gt_err read_group(struct reading *r, const char *name, bool is_set)
{
	static char nodes[SLURM_VALUE_MAX];
	char feature[256] = "";
	bool done;

	if (!slurm_line_get(r->at, "Nodes", nodes, sizeof(nodes)))
		snprintf(nodes, sizeof(nodes), "%s", is_set ? "" : r->partition_nodes);
	if (is_set)
		slurm_line_get(r->at, "Feature", feature, sizeof(feature));
	if (!is_set && !strcasecmp(name, "DEFAULT")) {
		memcpy(r->partition_nodes, nodes, sizeof(nodes));
		return GT_OK;
	}
	done = is_set ? sim_site_add_group(&r->site->sets, &r->site->set_count, name,
					   nodes, feature)
		      : sim_site_add_group(&r->site->partitions,
					   &r->site->partition_count, name, nodes, "");
	return done ? GT_OK : gt_fail(r->err, GT_ENOMEM, "out of memory");
}

static enum gt_err read_line(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	struct reading *r = arg;

	r->at = line;
	if (slurm_line_get(line, "NodeName", value, sizeof(value)))
		return read_nodes(r, value);
	if (slurm_line_get(line, "PartitionName", value, sizeof(value)))
		return read_group(r, value, false);
	if (slurm_line_get(line, "NodeSet", value, sizeof(value)))
		return read_group(r, value, true);
	return GT_OK;
}

enum gt_err sim_conf_load(struct sim_layout *layout, struct sim_site *site,
			  const char *dir, void (*say_line)(void *arg, const char *text),
			  void *arg, struct gt_error *err)
{
	struct reading *r = calloc(1, sizeof(*r));
	char path[4096];
	enum gt_err failed;
	bool exists;

	if (!r)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	*r = (struct reading){.layout = layout,
			      .site = site,
			      .say = say_line,
			      .arg = arg,
			      .dir = dir,
			      .err = err};
	if (strlen(dir) + 16 > sizeof(path)) {
		free(r);
		return gt_fail(err, GT_EINVAL, "the folder's name is too long");
	}
	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	failed = gp_conf_load(&r->conf, path, &exists, err);
	snprintf(path, sizeof(path), "%s/slurm.conf", dir);
	if (!failed)
		failed = slurm_conf_walk(path, read_line, r, err);
	if (!failed && !layout->nodes)
		failed = gt_fail_at(err, GT_EFORMAT, path, 0, 0,
				    "no NodeName line has Gres=gpu");
	if (!failed && r->observed)
		say(r,
		    "%s/gputopo.conf: Mode=observe of %d node%s is replayed as enforce",
		    dir, r->observed, r->observed == 1 ? "" : "s");
	if (r->conf)
		gp_conf_free(r->conf);
	free(r);
	return failed;
}
