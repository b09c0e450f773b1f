/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances that the admin made: which GPU each sits on, and how Slurm counts them.
 * What the MIG tables say of them is in instance_table.c. */
#include "config.h"

#include "core/node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INSTANCES (GT_MAX_GPUS * 7)

static unsigned int units_of(const struct gt_instance *instance)
{
	return ((1u << instance->size) - 1) << instance->start;
}

bool gt_instance_overlaps(const struct gt_node *node, int before,
			  const struct gt_instance *instance)
{
	unsigned int taken = 0;

	for (int i = 0; i < before; i++)
		if (node->instances[i].gpu == instance->gpu &&
		    node->instances[i].start != GT_UNKNOWN)
			taken |= units_of(&node->instances[i]);
	return instance->start != GT_UNKNOWN && (taken & units_of(instance)) != 0;
}

enum gt_err gt_node_add_instance(struct gt_node *node, int gpu, const char *profile,
				 int start, struct gt_error *err)
{
	struct gt_instance fresh = {.gpu = gpu, .start = start, .size = atoi(profile)};
	int count = node->instance_count;
	struct gt_instance *more;
	enum gt_err rc;

	if (!gt_mig_is_profile_name(profile) || !isdigit((unsigned char)profile[0]) ||
	    fresh.size < 1 || fresh.size > GT_MIG_UNITS ||
	    strlen(profile) >= sizeof(fresh.profile))
		return gt_fail(err, GT_EINVAL, "'%.40s' is not a profile such as 1g.10gb",
			       profile);
	if (start != GT_UNKNOWN && (start < 0 || start + fresh.size > GT_MIG_UNITS))
		return gt_fail(err, GT_EINVAL, "%s cannot start at unit %d", profile,
			       start);
	if (count >= MAX_INSTANCES)
		return gt_fail(err, GT_ELIMIT, "more than %d instances", MAX_INSTANCES);
	if (count && node->instances[count - 1].gpu > gpu)
		return gt_fail(err, GT_EINVAL, "instances of GPU %d come after others",
			       gpu);
	snprintf(fresh.profile, sizeof(fresh.profile), "%s", profile);
	rc = gt_instance_settle(node, &fresh, count, err);
	if (rc)
		return rc;
	if (gt_instance_overlaps(node, count, &fresh))
		return gt_fail(err, GT_EINVAL, "%s at unit %d overlaps another instance",
			       profile, start);
	more = realloc(node->instances, ((size_t)count + 1) * sizeof(*more));
	if (!more)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	node->instances = more;
	node->instances[node->instance_count++] = fresh;
	node->gpu[gpu].mig = true;
	return GT_OK;
}

int gt_node_instance_count(const struct gt_node *node)
{
	return node->instance_count;
}

const struct gt_instance *gt_node_instance(const struct gt_node *node, int i)
{
	return &node->instances[i];
}

bool gt_node_position(const struct gt_node *node, int i, int *gpu, int *instance)
{
	int next = 0;

	*instance = GT_UNKNOWN;
	for (*gpu = 0; *gpu < node->n; ++*gpu) {
		bool whole = true;

		for (; next < node->instance_count && node->instances[next].gpu == *gpu;
		     next++) {
			whole = false;
			if (i-- > 0)
				continue;
			*instance = next;
			return true;
		}
		if (whole && i-- == 0)
			return true;
	}
	*gpu = GT_UNKNOWN;
	return false;
}

bool gt_instances_copy(struct gt_node *copy, const struct gt_node *node)
{
	size_t bytes = (size_t)node->instance_count * sizeof(*node->instances);

	copy->instances = NULL;
	copy->instance_count = 0;
	if (!bytes)
		return true;
	copy->instances = malloc(bytes);
	if (!copy->instances)
		return false;
	memcpy(copy->instances, node->instances, bytes);
	copy->instance_count = node->instance_count;
	return true;
}

bool gt_instances_same(const struct gt_node *a, const struct gt_node *b)
{
	if (a->instance_count != b->instance_count)
		return false;
	for (int i = 0; i < a->instance_count; i++) {
		const struct gt_instance *x = &a->instances[i], *y = &b->instances[i];

		if (x->gpu != y->gpu || x->start != y->start || x->size != y->size ||
		    strcmp(x->profile, y->profile))
			return false;
	}
	return true;
}
