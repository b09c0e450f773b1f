/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology.c - load the node models that Topology= of gputopo.conf names. Called by
 * model.c when slurmctld reads its configuration.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/node.h"
#include "plugin/common/object.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/objects/nics_object.h"
#include "plugin/ctld/model/topology.h"
#include "plugin/ctld/objects/topology_object.h"
#include "plugin/slurm/say.h"

extern const char gputopo_plugin[];

struct gp_topology {
	const char *spec;
	const char *model; /* Model= beside it, NULL: none */
	struct gt_node *node;
};

/* gputopo_topology.so; {0}: not loaded yet. */
struct reader {
	void *handle;
	const struct gp_topology_object *object;
};

/* A relative path is meant beside gputopo.conf. */
static void resolve_path(const struct gp_conf *conf, const char *spec, char *path,
			 size_t size)
{
	const char *file = gp_conf_file(conf);
	const char *slash = strrchr(file, '/');

	if (spec[0] == '/' || strncmp(spec, "builtin:", 8) == 0 || !slash)
		snprintf(path, size, "%s", spec);
	else
		snprintf(path, size, "%.*s/%s", (int)(slash - file), file, spec);
}

const struct gt_node *gp_topologies_find(const struct gp_topologies *topologies,
					 const char *spec, const char *model)
{
	for (int i = 0; spec && i < topologies->count; i++)
		if (strcmp(topologies->list[i].spec, spec) == 0 &&
		    strcmp(topologies->list[i].model ? topologies->list[i].model : "",
			   model ? model : "") == 0)
			return topologies->list[i].node;
	return NULL;
}

/* A node with GPUs in MIG mode brings gputopo_mig.so; without that file such nodes stay
 * stock and jobs with --mig wait. */
static void load_mig(struct gp_topologies *topologies, const struct gt_node *node)
{
	bool any = false;
	char why[512];

	for (int i = 0; i < gt_node_size(node); i++)
		any |= gt_node_gpu(node, i)->mig;
	topologies->have_mig |= any;
	if (any && !gp_mig_object_load(why, sizeof(why)))
		gp_error("gputopo: GPUs in MIG mode keep stock's choice: gputopo_mig.so "
			 "cannot be loaded: %s",
			 why);
}

/* A node with NICs brings gputopo_nics.so, which judges them; without that file it has
 * none. */
static void load_nics(struct gt_node *node)
{
	const struct gp_nics_object *object = NULL;
	char why[512];

	if (node->nic_count && !(object = gp_nics_object_load(why, sizeof(why))))
		gp_error("gputopo: jobs of several nodes get GPUs without regard to "
			 "their NICs: gputopo_nics.so cannot be loaded: %s",
			 why);
	node->cards = object ? object->cards : NULL;
	node->nic_count = object ? node->nic_count : 0;
}

/* Figures that rest on no model are guesses: wishes for a bandwidth are held against
 * them. */
static void warn_guesses(const struct gt_node *node, const char *spec)
{
	for (int i = 0; i < gt_node_note_count(node); i++)
		if (strstr(gt_node_note(node, i), " assumed"))
			gp_info("gputopo: Topology=%s: %s; set Model= on its line in "
				"gputopo.conf, if no Type= of gres.conf is the model",
				spec, gt_node_note(node, i));
}

/* GT_EIO: it cannot be loaded, or is of another build of gputopo; err says what to do. */
static enum gt_err open_object(struct reader *reader, struct gt_error *err)
{
	const struct gp_topology_object *object;
	char why[200];

	object = gp_object_open(gputopo_plugin, GP_TOPOLOGY_OBJECT_FILE,
				GP_TOPOLOGY_OBJECT_SYMBOL, &reader->handle, why,
				sizeof(why));
	if (!object)
		return gt_fail(err, GT_EIO, "install %s beside this plugin: %s",
			       GP_TOPOLOGY_OBJECT_FILE, why);
	if (object->size != sizeof(*object) || object->layout != GP_TOPOLOGY_LAYOUT ||
	    strcmp(object->version, gt_version()) != 0) {
		dlclose(reader->handle);
		return gt_fail(err, GT_EIO,
			       "%s belongs to another build of gputopo; install both "
			       "from one package",
			       GP_TOPOLOGY_OBJECT_FILE);
	}
	reader->object = object;
	return GT_OK;
}

/* Conf's i-th Topology=, on this line. */
static enum gt_err load_one(struct gp_topologies *topologies, struct reader *reader,
			    const struct gp_conf *conf, struct gp_topology fresh,
			    int line, struct gt_error *err)
{
	struct gp_topology *more = realloc(
		topologies->list, (size_t)(topologies->count + 1) * sizeof(*more));
	struct gt_load_options options = {.model = fresh.model};
	const char *file = gp_conf_file(conf);
	struct gt_error cause;
	char path[4096];
	enum gt_err code;

	if (!more)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	topologies->list = more;
	resolve_path(conf, fresh.spec, path, sizeof(path));
	code = reader->object ? GT_OK : open_object(reader, &cause);
	if (code == GT_OK)
		code = reader->object->load(&fresh.node, path, &options, &cause);
	if (code != GT_OK)
		return gt_fail_at(err, code, file, line, 0, "Topology=%s: line %d: %s",
				  fresh.spec, cause.line, cause.text);
	load_nics(fresh.node);
	more[topologies->count++] = fresh;
	if (gt_node_is_partial(fresh.node))
		return gt_fail_at(err, GT_EINVAL, file, line, 0,
				  "Topology=%s does not show every pair of GPUs",
				  fresh.spec);
	load_mig(topologies, fresh.node);
	warn_guesses(fresh.node, fresh.spec);
	topologies->have_domains |= gt_node_domain(fresh.node)[0] != '\0';
	return GT_OK;
}

enum gt_err gp_topologies_load(struct gp_topologies *topologies,
			       const struct gp_conf *conf, struct gt_error *err)
{
	struct reader reader = {0};
	struct gp_topology fresh = {0};
	enum gt_err code = GT_OK;
	int line;

	for (int i = 0; code == GT_OK && (fresh.spec = gp_conf_topology(conf, i, &line));
	     i++) {
		fresh.model = gp_conf_model(conf, i);
		if (!gp_topologies_find(topologies, fresh.spec, fresh.model))
			code = load_one(topologies, &reader, conf, fresh, line, err);
	}
	if (reader.object)
		dlclose(reader.handle);
	return code;
}

void gp_topologies_release(struct gp_topologies *topologies)
{
	for (int i = 0; i < topologies->count; i++)
		gt_node_free(topologies->list[i].node);
	free(topologies->list);
	topologies->list = NULL;
	topologies->count = 0;
}
