/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - from a node to its topology: the table to ask, and which of the model's GPUs
 * each gres bit is. Nodes with equal models and mixes share one table.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MODEL_MODEL_H
#define GPUTOPO_PLUGIN_CTLD_MODEL_MODEL_H

#include "plugin/slurm/bridge.h"
#include "conf/conf.h"

struct gp_binding {
	struct gp_settings settings;
	struct gt_table *table; /* NULL: see why */
	enum gp_reason why;
	char detail[200]; /* more about why, "" if there is no more */
	struct gp_model_gpu to_model[GP_MAX_GPUS]; /* of each gres bit */
	uint64_t instances;			   /* gres bits that are parts of a GPU */
	int instance_of[GP_MAX_GPUS];		   /* and the model's instance of each */
	int size;
	int domain;    /* its number; 0: none */
	uint64_t seen; /* fingerprint of what this was made from; 0: nothing */
};

struct gp_models;
struct gp_reading;

/* What node choice learnt of a node in one state: it holds for all nodes that look the
 * same. */
struct gp_value {
	const struct gt_table *table; /* NULL: nothing yet */
	uint64_t seen;		      /* the binding's */
	uint64_t free, usable;
	int count;
	uint64_t shape; /* of wish.h */
	enum gt_instance_policy policy;
	struct gt_quality quality;
	double damage; /* where it was weighed */
	bool weighed;
};

/* The place for it, asked being the number of GPUs and their shape; what stands there may
 * be of another state. Those of a type are dropped when the sizes of its jobs are weighed
 * anew. */
struct gp_value *gp_models_value(struct gp_models *models,
				 const struct gp_binding *binding, uint64_t usable,
				 uint64_t asked);

/* Whether gputopo.conf or a node file names NVLink domains. */
bool gp_models_have_domains(const struct gp_models *models);
/* Whether a node file names a GPU in MIG mode. */
bool gp_models_have_mig(const struct gp_models *models);
/* The number of the node's domain, from 1 to at most the number of nodes; 0: none, or the
 * node has not been looked at. */
int gp_models_domain(const struct gp_models *models, int node);

/* For node_count nodes, by conf, which must outlive the models. Takes over the topologies
 * of the reading, also on GT_ENOMEM, where nothing is made. */
enum gt_err gp_models_new(struct gp_models **models, const struct gp_conf *conf,
			  struct gp_reading *reading, int node_count,
			  struct gt_error *err);
/* The same models for a node table of another size or order: every node is looked at
 * anew. After GT_ENOMEM they are of no node. */
enum gt_err gp_models_resize(struct gp_models *models, int node_count,
			     struct gt_error *err);
void gp_models_free(struct gp_models *models);
/* The binding of a node for what its gpus look like now; made on first use and when they
 * change. Never NULL for a node in range; NULL otherwise. */
struct gp_binding *gp_models_bind(struct gp_models *models, int node, const char *name,
				  const struct gp_gpus *gpus);
/* The binding that a node had when it was last looked at closely; NULL: never. Good
 * enough to rank nodes, not to choose GPUs. */
const struct gp_binding *gp_models_recall(const struct gp_models *models, int node);
/* A job that holds these GPUs of the node began: what starts on a node type weighs its
 * level 3 from the 20th job on, JobSizeMix= until then. */
void gp_models_began(struct gp_models *models, int node, uint64_t gpus);
/* What a node with this binding is told of its own model, "HASH=WORD" of compact.h; ""
 * where it has none, or none so short. */
const char *gp_models_word(struct gp_models *models, const struct gp_binding *binding);
/* How many node types have tables, and their bytes. */
int gp_models_types(const struct gp_models *models, size_t *bytes);

/* Between gres bits and the model's GPUs; bits of instances are left out. */
static inline struct gt_mask gp_binding_to_model(const struct gp_binding *binding,
						 uint64_t bits)
{
	struct gt_mask mask = {{0}};

	for (int g = 0; g < binding->size; g++)
		if ((bits & ~binding->instances) >> g & 1)
			gt_mask_set(&mask, binding->to_model[g].n);
	return mask;
}
uint64_t gp_binding_to_bits(const struct gp_binding *binding, const struct gt_mask *mask);

#endif
