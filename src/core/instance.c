/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances that the admin made: which GPU each sits on, and how Slurm counts them.
 */
#include "config.h"

#include "core/node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_INSTANCES (GT_MAX_GPUS * 7)

static const struct gt_mig_gpu *table_of(const struct gt_node *node, int gpu)
{
	const struct gt_mig_gpu *table;

	if (!node->gpu[gpu].model[0] ||
	    gt_mig_gpu_find(&table, node->gpu[gpu].model, NULL) != GT_OK)
		return NULL;
	return table;
}

static unsigned int units_of(const struct gt_instance *instance)
{
	return ((1u << instance->size) - 1) << instance->start;
}

/* Units that the GPU's instances hold, as far as their starts are known. */
static unsigned int units_taken(const struct gt_node *node, int gpu)
{
	unsigned int taken = 0;

	for (int i = 0; i < node->instance_count; i++)
		if (node->instances[i].gpu == gpu &&
		    node->instances[i].start != GT_UNKNOWN)
			taken |= units_of(&node->instances[i]);
	return taken;
}

static int count_of(const struct gt_node *node, int gpu, const char *profile)
{
	int count = 0;

	for (int i = 0; i < node->instance_count; i++)
		count += node->instances[i].gpu == gpu &&
			 !strcmp(node->instances[i].profile, profile);
	return count;
}

/* Against the GPU's own table. */
static enum gt_err settle(const struct gt_node *node, struct gt_instance *instance,
			  const struct gt_mig_gpu *table, struct gt_error *err)
{
	const struct gt_mig_profile *profile;
	int p;
	enum gt_err rc = gt_mig_profile_find(table, instance->profile, &p, err);

	if (rc)
		return rc;
	profile = &table->profile[p];
	instance->size = profile->size;
	if (count_of(node, instance->gpu, instance->profile) >= profile->max)
		return gt_fail(err, GT_EINVAL, "more than %d instances of %s on one GPU",
			       profile->max, profile->name);
	if (instance->start == GT_UNKNOWN)
		return GT_OK;
	if (instance->start >= table->units || !(profile->starts >> instance->start & 1))
		return gt_fail(err, GT_EINVAL, "%s cannot start at unit %d of a %s",
			       profile->name, instance->start, table->name);
	return GT_OK;
}

enum gt_err gt_node_add_instance(struct gt_node *node, int gpu, const char *profile,
				 int start, struct gt_error *err)
{
	struct gt_instance fresh = {.gpu = gpu, .start = start, .size = atoi(profile)};
	size_t count = (size_t)node->instance_count;
	const struct gt_mig_gpu *table = table_of(node, gpu);
	struct gt_instance *more;
	enum gt_err rc;

	if (!gt_mig_is_profile_name(profile) || !isdigit((unsigned char)profile[0]) ||
	    fresh.size < 1 || fresh.size > GT_MIG_UNITS ||
	    strlen(profile) >= sizeof(fresh.profile))
		return gt_fail(err, GT_EINVAL, "'%.40s' is no profile such as 1g.10gb",
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
	rc = table ? settle(node, &fresh, table, err) : GT_OK;
	if (rc)
		return rc;
	if (start != GT_UNKNOWN && (units_taken(node, gpu) & units_of(&fresh)))
		return gt_fail(err, GT_EINVAL, "%s at unit %d overlaps another instance",
			       profile, start);
	more = realloc(node->instances, (count + 1) * sizeof(*more));
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
