/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instance more on a node that is being read. Called by the readers of topology files.
 */
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
