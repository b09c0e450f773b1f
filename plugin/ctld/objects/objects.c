/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * objects.c - load gputopo_mig.so and gputopo_nics.so and keep their tables of functions
 * (mig_object.h, nics_object.h). Called by topology.c when a node file needs them.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "plugin/common/object.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/objects/nics_object.h"

extern const char gputopo_plugin[];

/* Set once, under the lock of controller.c. Never unloaded: nodes refer to them, and a
 * backtrace may. */
static const struct gp_mig_object *mig;
static const struct gp_nics_object *nics;

static const struct gp_object_host *host;

void gp_objects_host(const struct gp_object_host *ours)
{
	host = ours;
}

const struct gp_mig_object *gp_mig_object(void)
{
	return mig;
}

const struct gp_nics_object *gp_nics_object(void)
{
	return nics;
}

static const void *load(const char *file, const char *symbol, size_t room, char *why,
			size_t size)
{
	const struct gp_object_head *object;
	void *handle;

	object = gp_object_open(gputopo_plugin, file, symbol, &handle, why, size);
	if (!object || (object->size == room && object->ctl == host->ctl &&
			object->slurm == host->slurm))
		return object;
	snprintf(why, size, "it belongs to another build of gputopo");
	dlclose(handle);
	return NULL;
}

const struct gp_mig_object *gp_mig_object_load(char *why, size_t size)
{
	bool fresh = !mig;

	if (fresh)
		mig = load(GP_MIG_OBJECT_FILE, GP_MIG_OBJECT_SYMBOL, sizeof(*mig), why,
			   size);
	if (fresh && mig)
		mig->start(host);
	return mig;
}

const struct gp_nics_object *gp_nics_object_load(char *why, size_t size)
{
	if (!nics)
		nics = load(GP_NICS_OBJECT_FILE, GP_NICS_OBJECT_SYMBOL, sizeof(*nics),
			    why, size);
	if (nics)
		nics->start(host);
	return nics;
}
