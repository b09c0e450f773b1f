/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_object.c - load gputopo_topology.so for as long as it is used
 * (topology_object.h). Called by config.c and model.c.
 */
#include <dlfcn.h>
#include <string.h>

#include "plugin/common/object.h"
#include "plugin/ctld/objects/topology_object.h"

extern const char gputopo_plugin[];

enum gt_err gp_reader_open(struct gp_reader *reader, struct gt_error *err)
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
		gp_reader_close(reader);
		return gt_fail(err, GT_EIO,
			       "%s belongs to another build of gputopo; install both "
			       "from one package and restart slurmctld",
			       GP_TOPOLOGY_OBJECT_FILE);
	}
	reader->object = object;
	return GT_OK;
}

void gp_reader_close(struct gp_reader *reader)
{
	dlclose(reader->handle);
}
