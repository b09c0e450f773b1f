/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "instances" of a GPU in a node file. */
#include "config.h"

#include "source/json_instances.h"

static enum gt_err add(struct gt_node *node, int gpu, const json_t *object,
		       struct gt_error *err)
{
	const char *profile = json_string_value(json_object_get(object, "profile"));
	const json_t *at = json_object_get(object, "start");
	json_int_t start = GT_UNKNOWN;

	if (!profile)
		return gt_fail(err, GT_EPARSE, "an instance without a profile");
	if (json_is_integer(at)) {
		start = json_integer_value(at);
		if (start < 0 || start >= GT_MIG_UNITS)
			return gt_fail(err, GT_EPARSE, "start of %.40s is not 0 to %d",
				       profile, GT_MIG_UNITS - 1);
	} else if (at && !json_is_null(at)) {
		return gt_fail(err, GT_EPARSE, "start of %.40s is not a number", profile);
	}
	return gt_node_add_instance(node, gpu, profile, (int)start, err);
}

enum gt_err gt_json_instances(struct gt_node *node, int gpu, const json_t *list,
			      struct gt_error *err)
{
	const json_t *object;
	size_t i;

	if (!list || json_is_null(list))
		return GT_OK;
	if (!json_is_array(list))
		return gt_fail(err, GT_EPARSE, "instances is not a list");
	json_array_foreach((json_t *)list, i, object)
	{
		enum gt_err rc = add(node, gpu, object, err);

		if (rc)
			return rc;
	}
	return GT_OK;
}
