/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_object.h - gputopo_topology.so: all that reads gputopo.conf and topology files
 * and makes models of nodes, with jansson, the built-in machines and the figures of GPU
 * models, in an object of its own. The select plugin has it loaded only while it reads
 * its configuration or sees nodes of a new kind, so that none of this stays in slurmctld.
 * Called by config.c (the configuration) and model.c (a new kind of node).
 */
#ifndef GPUTOPO_PLUGIN_CTLD_OBJECTS_TOPOLOGY_OBJECT_H
#define GPUTOPO_PLUGIN_CTLD_OBJECTS_TOPOLOGY_OBJECT_H

#include <string.h>

#include "conf/conf_keys.h"
#include "core/node.h"
#include "plugin/slurm/bridge.h"

/* A Topology= and how it was read, both of the gp_conf, and what it names. */
struct gp_topology {
	const char *spec;
	struct gt_site_options options;
	struct gt_node *node;
};

/* The node of the one of count with this name, read in this way; NULL: none. */
static inline const struct gt_node *gp_topology_in(const struct gp_topology *list,
						   int count, const char *spec,
						   const struct gt_site_options *options)
{
	for (int i = 0; spec && i < count; i++)
		if (strcmp(list[i].spec, spec) == 0 &&
		    gp_same_load_options(&list[i].options, options))
			return list[i].node;
	return NULL;
}

/* gputopo.conf and every file that it names. */
struct gp_reading {
	struct gp_conf *conf;
	bool exists; /* the file; conf has the defaults if not */
	struct gp_topology *topologies;
	int topology_count;
};

/* What gres.conf says of a node's GPUs, by the model's numbers. */
struct gp_node_facts {
	int size;
	bool has_links;
	const char *type[GP_MAX_GPUS]; /* NULL: none */
	int socket[GP_MAX_GPUS];       /* GT_UNKNOWN */
	int links[GP_MAX_GPUS][GP_MAX_GPUS];
	const char *report; /* of conf/health.h; NULL: none */
};

struct gp_made {
	struct gt_node *node;
	char *word;	  /* "HASH=WORD" of compact.h, "": it has none so short */
	char detail[200]; /* more about what is wrong */
};

/* What the object offers. All that it hands out is malloc'ed and refers to nothing of the
 * object, but for the cards of topologies, in whose place others must be put. */
struct gp_topology_object {
	uint32_t size;	     /* of this struct */
	uint64_t layout;     /* GP_TOPOLOGY_LAYOUT: both are of one build */
	const char *version; /* gt_version() */
	/* Read gputopo.conf at path and the topologies that it names. On an error (with
	 * file and line) *reading is empty. */
	enum gt_err (*read)(struct gp_reading *reading, const char *path,
			    struct gt_error *err);
	/* The model of nodes that look like this: source, or the Links= of facts where it
	 * is NULL, with the GPUs of avoid out of service and named by gres.conf where
	 * source does not name them. has_links beside a source: they must be the same.
	 * Not GP_OK: GP_BAD_LINKS, GP_LINKS_DIFFER or GP_MEMORY, and nothing is made. */
	enum gp_reason (*make)(struct gp_made *made, const struct gt_node *source,
			       const struct gp_node_facts *facts,
			       const struct gt_mask *avoid);
};

/* Of the sizes of all structs that cross. */
#define GP_TOPOLOGY_LAYOUT                                                               \
	((uint64_t)sizeof(struct gt_node) << 44 ^                                        \
	 (uint64_t)sizeof(struct gt_gpu) << 36 ^                                         \
	 (uint64_t)sizeof(struct gp_node_facts) << 26 ^                                  \
	 (uint64_t)sizeof(struct gt_nic) << 22 ^                                         \
	 (uint64_t)sizeof(struct gt_instance) << 18 ^                                    \
	 (uint64_t)sizeof(struct gt_measured) << 12 ^                                    \
	 (uint64_t)sizeof(struct gt_error) << 6 ^                                        \
	 (uint64_t)sizeof(struct gp_conf) << 3 ^ sizeof(struct group))

#define GP_TOPOLOGY_OBJECT_FILE	  "gputopo_topology.so"
#define GP_TOPOLOGY_OBJECT_SYMBOL "gputopo_topology"

/* The loaded object, until gp_reader_close. */
struct gp_reader {
	void *handle;
	const struct gp_topology_object *object;
};

/* GT_EIO: it cannot be loaded, or is of another build of gputopo; err says what to do. */
enum gt_err gp_reader_open(struct gp_reader *reader, struct gt_error *err);
void gp_reader_close(struct gp_reader *reader);

#endif
