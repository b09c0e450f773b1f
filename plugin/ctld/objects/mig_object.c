/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_object.c - load gputopo_mig.so and keep its table of functions (mig_object.h).
 * Called by model.c when a node file names a GPU in MIG mode.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "plugin/common/object.h"
#include "plugin/ctld/objects/mig_object.h"

extern const char gputopo_plugin[];

/* Set once, under the lock of controller.c. Never unloaded: code of it may be in a
 * backtrace.
 */
static const struct gp_mig_object *loaded;

static const struct gp_mig_host *host;

void gp_mig_object_host(const struct gp_mig_host *ours)
{
	host = ours;
}

const struct gp_mig_object *gp_mig_object(void)
{
	return loaded;
}

const struct gp_mig_object *gp_mig_object_load(char *why, size_t size)
{
	const struct gp_mig_object *object;
	void *handle;

	if (loaded)
		return loaded;
	object = gp_object_open(gputopo_plugin, GP_MIG_OBJECT_FILE, GP_MIG_OBJECT_SYMBOL,
				&handle, why, size);
	if (!object)
		return NULL;
	if (object->size != sizeof(*object) || object->ctl != host->ctl ||
	    object->slurm != host->slurm) {
		snprintf(why, size, "it belongs to another build of gputopo");
		dlclose(handle);
		return NULL;
	}
	object->start(host);
	loaded = object;
	return loaded;
}
