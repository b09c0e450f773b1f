/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance_untabled.c - for the select plugin: an instance as its name says, until
 * gputopo_mig.so holds it against the tables (gt_node_settle_instances).
 */
#include "config.h"

#include "core/node.h"

enum gt_err gt_instance_settle(const struct gt_node *node, struct gt_instance *instance,
			       int before, struct gt_error *err)
{
	(void)node;
	(void)instance;
	(void)before;
	(void)err;
	return GT_OK;
}
