/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology.c - keep the node models that Topology= of gputopo.conf names, as
 * gputopo_topology.c has read them. Called by model.c.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/model/topology.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/objects/nics_object.h"
#include "plugin/slurm/say.h"

/* A node with GPUs in MIG mode brings gputopo_mig.so; without that file such nodes stay
 * stock and jobs with --mig wait. */
static void load_mig(struct gp_topologies *topologies, const struct gt_node *node)
{
	bool any = false;
	char why[512];

	for (int i = 0; i < gt_node_size(node); i++)
		any |= gt_node_gpu(node, i)->mig;
	topologies->have_mig |= any;
	if (any && !gp_mig_object_load(why, sizeof(why)))
		gp_error("gputopo: GPUs in MIG mode keep stock's choice: gputopo_mig.so "
			 "cannot be loaded: %s",
			 why);
}

/* A node with NICs brings gputopo_nics.so, and has none without. */
static void load_nics(struct gt_node *node)
{
	const struct gp_nics_object *object = NULL;
	char why[512];

	if (node->nic_count && !(object = gp_nics_object_load(why, sizeof(why))))
		gp_error("gputopo: jobs of several nodes get GPUs without regard to "
			 "their NICs: gputopo_nics.so cannot be loaded: %s",
			 why);
	node->cards = object ? object->cards : NULL;
	node->nic_count = object ? node->nic_count : 0;
}

/* Figures that rest on no model are guesses: wishes for a bandwidth are held against
 * them. */
static void warn_guesses(const struct gt_node *node, const char *spec)
{
	for (int i = 0; i < gt_node_note_count(node); i++)
		if (strstr(gt_node_note(node, i), " assumed"))
			gp_info("gputopo: Topology=%s: %s; set Model= on its line in "
				"gputopo.conf, if no Type= of gres.conf is the model",
				spec, gt_node_note(node, i));
}

void gp_topologies_take(struct gp_topologies *topologies, struct gp_reading *reading)
{
	topologies->list = reading->topologies;
	topologies->count = reading->topology_count;
	reading->topologies = NULL;
	reading->topology_count = 0;
	for (int i = 0; i < topologies->count; i++) {
		struct gt_node *node = topologies->list[i].node;

		load_mig(topologies, node);
		load_nics(node);
		warn_guesses(node, topologies->list[i].spec);
		topologies->have_domains |= gt_node_domain(node)[0] != '\0';
	}
}

void gp_topologies_release(struct gp_topologies *topologies)
{
	for (int i = 0; i < topologies->count; i++)
		gt_node_free(topologies->list[i].node);
	free(topologies->list);
	topologies->list = NULL;
	topologies->count = 0;
}
