/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shape.h - the geometry that a job asks for with --gpu-groups and --gpu-comm: what runs
 * inside which groups of a node's GPUs, as requests to the library. Nothing of Slurm.
 */
#ifndef GPUTOPO_PLUGIN_COMMON_SHAPE_H
#define GPUTOPO_PLUGIN_COMMON_SHAPE_H

#include "core/append.h"
#include "core/library.h"

struct gp_shape {
	struct gt_groups groups; /* the pattern; empty: one group of all GPUs */
	enum gt_comm comm;
	bool hint;    /* of --gpus-per-task: breaks ties, and promises nothing */
	bool repeats; /* a node may have the pattern more than once */
	uint64_t id;  /* of all that, equal for equal shapes; 0: no geometry */
};

/* A request to the library in the making. */
struct gp_ask {
	struct gt_request request; /* whose groups may be those below: not to be copied */
	struct gt_groups groups;
};

/* From the values of the options, NULL where they were not given; without sound ones
 * *shape is {0}, and err says why. */
enum gt_err gp_shape_read(struct gp_shape *shape, const char *groups, const char *comm,
			  bool repeats, struct gt_error *err);
/* The job says nothing of its geometry but that its tasks have size GPUs each. */
void gp_shape_hint(struct gp_shape *shape, int size);
/* Whether the job can do with whole patterns only. */
static inline bool gp_shape_binds(const struct gp_shape *shape)
{
	return shape->groups.count && !shape->hint;
}

/* Begin a request for count GPUs of a node, with min_mbps in the measure of the shape (0:
 * none). late: levels 0 to 2 come before the groups. The shape outlives the request.
 * false: they are no whole patterns, so that these are not the GPUs for the job. */
bool gp_shape_ask(const struct gp_shape *shape, int count, int min_mbps, bool late,
		  struct gp_ask *ask);
/* What promises are held against, MB/s: the bus bandwidth of the set, or of its slowest
 * group; INT_MAX for groups of one. */
int gp_shape_mbps(const struct gp_shape *shape, struct gt_table *table,
		  const struct gt_mask *set);
/* The same of the best set of count GPUs of the idle node; 0: there is none. */
int gp_shape_ideal_mbps(const struct gp_shape *shape, struct gt_table *table, int count);

/* A set of GPUs, for the log, by numbers of which to_model has size. */
struct gp_shape_set {
	const struct gp_shape *shape;
	struct gt_table *table;
	int size;
	int to_model[64]; /* as many as a node of Slurm has */
	struct gt_mask gpus;
};

/* "0,3;1,2 40": its groups and the slowest one's GB/s. false: the job named none. */
bool gp_shape_append_groups(struct gt_append *out, const struct gp_shape_set *set);
/* The fields of the decision log that name them: groups, group_busbw_gbps, comm, and the
 * slowest group of stock's set and of the idle node's best. Nothing where the job named
 * no geometry. */
void gp_shape_append_json(struct gt_append *out, const struct gp_shape_set *set,
			  const struct gt_mask *stock);

#endif
