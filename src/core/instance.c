/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances that the admin made: which GPU each sits on, and how Slurm counts them.
 * What the MIG tables say of them is in instance_table.c, how they are added in
 * node_read.c. */
#include "config.h"

#include "core/node.h"

#include <string.h>

int gt_node_instance_count(const struct gt_node *node)
{
	return node->instance_count;
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
