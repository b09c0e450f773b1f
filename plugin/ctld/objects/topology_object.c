/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_object.c - load gputopo_topology.so, read with it, and unload it. Called by
 * topology.c.
 */
#include <dlfcn.h>
#include <string.h>

#include "core/node.h"
#include "plugin/common/object.h"
#include "plugin/ctld/objects/topology_object.h"

extern const char gputopo_plugin[];

static enum gt_err open_object(struct gp_topology_reader *reader, struct gt_error *err)
{
	const struct gp_topology_object *object;
	char why[200];

	object = gp_object_open(gputopo_plugin, GP_TOPOLOGY_OBJECT_FILE,
				GP_TOPOLOGY_OBJECT_SYMBOL, &reader->handle, why,
				sizeof(why));
	if (!object)
		return gt_fail(err, GT_EIO, "install %s beside this plugin: %s",
			       GP_TOPOLOGY_OBJECT_FILE, why);
	if (object->size != sizeof(*object) || object->node != sizeof(struct gt_node) ||
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

enum gt_err gp_topology_read(struct gp_topology_reader *reader, struct gt_node **node,
			     const char *spec, const struct gt_load_options *options,
			     struct gt_error *err)
{
	enum gt_err code = reader->object ? GT_OK : open_object(reader, err);

	return code ? code : reader->object->load(node, spec, options, err);
}

void gp_topology_close(struct gp_topology_reader *reader)
{
	if (reader->object)
		dlclose(reader->handle);
	reader->object = NULL;
}
