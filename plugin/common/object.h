/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * object.h - load one of gputopo's own objects from the folder of the object that asks.
 * Called by ctld/objects/objects.c and ctld/objects/topology_object.c.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_OBJECT_H
#define GPUTOPO_PLUGIN_COMMON_OBJECT_H

#include <stddef.h>
#include <stdint.h>

/* What the tables of objects begin with that belong to one build of the select plugin. */
struct gp_object_head {
	uint32_t size;	/* of the table */
	uint32_t ctl;	/* of struct gp_controller */
	uint32_t slurm; /* SLURM_VERSION_NUMBER */
};

/* Load FILE beside the object that has the datum `here`, and look up its `symbol`. NULL
 * with one line in why (size bytes): it is not there, cannot be loaded, or lacks the
 * symbol. *handle is for dlclose(). */
const void *gp_object_open(const void *here, const char *file, const char *symbol,
			   void **handle, char *why, size_t size);

#endif
