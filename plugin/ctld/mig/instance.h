/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.h - MIG instances that the admin made: which of the node file's each gres bit
 * is, and which of them a job gets.
 */
#ifndef GPUTOPO_PLUGIN_CTLD_MIG_INSTANCE_H
#define GPUTOPO_PLUGIN_CTLD_MIG_INSTANCE_H

#include "plugin/ctld/nodes/node_answer.h"

/* Tell each gres bit of a node whose model has instances: binding->to_model of whole
 * GPUs, binding->instances and instance_of. Where the order is not known (types without
 * Links=) the n-th bit of a type is the model's n-th instance of that profile; types that
 * are no profile are whole GPUs. GP_OK; GP_SIZE, GP_PERMUTED, GP_LINKS_DIFFER or
 * GP_INSTANCES with binding->detail on any doubt. */
enum gp_reason gp_instances_bind(struct gp_binding *binding, const struct gp_gpus *gpus,
				 const struct gt_node *model);

/* The instances of *bits by the model's numbers, and back. */
struct gt_mask gp_instances_to_model(const struct gp_binding *binding, uint64_t bits);
uint64_t gp_instances_to_bits(const struct gp_binding *binding,
			      const struct gt_mask *mask);

/* Better instances than stock's of the same types and profiles: GP_OK with their gres
 * bits in *better, else GP_BEST, GP_NO_CHOICE, GP_LIMIT or GP_RERUN (all were tried). */
enum gp_reason gp_instances_choose(const struct gp_node_answer *answer, uint64_t *better);

/* What a job of count instances among usable would take from the policy's aim, 0 to 1;
 * < 0: it cannot have them. */
double gp_instances_damage(const struct gp_binding *binding, uint64_t usable,
			   uint64_t free, int count);

#endif
