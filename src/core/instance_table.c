/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance_table.c - an instance held against the MIG table of its GPU. Whatever reads
 * node files links this; the select plugin has its node files read by
 * gputopo_topology.so, so that a cluster without MIG keeps no tables in slurmctld.
 */
#include "config.h"

#include "core/node.h"

#include <string.h>
#include <strings.h>

static const struct gt_mig_gpu *table_of(const struct gt_node *node, int gpu)
{
	const struct gt_mig_gpu *table;

	if (!node->gpu[gpu].model[0] ||
	    gt_mig_gpu_find(&table, node->gpu[gpu].model, NULL) != GT_OK)
		return NULL;
	return table;
}

static int count_of(const struct gt_node *node, int before, int gpu, const char *profile)
{
	int count = 0;

	for (int i = 0; i < before; i++)
		count += node->instances[i].gpu == gpu &&
			 !strcmp(node->instances[i].profile, profile);
	return count;
}

enum gt_err gt_instance_settle(const struct gt_node *node, struct gt_instance *instance,
			       int before, struct gt_error *err)
{
	const struct gt_mig_gpu *table = table_of(node, instance->gpu);
	const struct gt_mig_profile *profile;
	enum gt_err rc;
	int p;

	if (!table)
		return GT_OK;
	rc = gt_mig_profile_find(table, instance->profile, &p, err);
	if (rc)
		return rc;
	profile = &table->profile[p];
	instance->size = profile->size;
	if (count_of(node, before, instance->gpu, instance->profile) >= profile->max)
		return gt_fail(err, GT_EINVAL, "more than %d instances of %s on one GPU",
			       profile->max, profile->name);
	if (instance->start == GT_UNKNOWN)
		return GT_OK;
	if (instance->start >= table->units || !(profile->starts >> instance->start & 1))
		return gt_fail(err, GT_EINVAL, "%s cannot start at unit %d of a %s",
			       profile->name, instance->start, table->name);
	return GT_OK;
}

/* Both texts from the compute slices on, without what stands before ("a100_"). */
static const char *profile_part(const char *text)
{
	const char *underscore = strrchr(text, '_');

	return underscore ? underscore + 1 : text;
}

bool gt_instance_is_type(const struct gt_node *node, int i, const char *type)
{
	const struct gt_instance *instance = &node->instances[i];
	const struct gt_mig_gpu *table = table_of(node, instance->gpu);
	int own, asked;

	if (!gt_mig_is_profile_name(type))
		return false;
	if (table && gt_mig_profile_find(table, instance->profile, &own, NULL) == GT_OK)
		return gt_mig_profile_find(table, type, &asked, NULL) == GT_OK &&
		       own == asked;
	return !strcasecmp(profile_part(type), profile_part(instance->profile));
}
