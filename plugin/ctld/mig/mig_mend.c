/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_mend.c - what stock 22.05 forgets when one of several jobs with shards of a GPU
 * ends or leaves the node: it clears the GPU's bit in the shards' gres_bit_alloc though
 * others still hold some, and the next --gpus=1 job gets that GPU whole. From 24.11 on
 * the bit stays.
 */
#include "plugin/slurm/compat.h"

#include "plugin/slurm/bridge.h"
#include "plugin/ctld/mig/mig_select.h"

static void mend_node(int node, uint32_t job_id, void *arg)
{
	const node_record_t *record = node_record_table_ptr[node];
	gres_node_state_t *shards = record ? gp_bridge_gres(record, "shard") : NULL;

	(void)job_id;
	(void)arg;
	if (!shards || !shards->gres_bit_alloc || !shards->topo_gres_bitmap ||
	    !shards->topo_gres_cnt_alloc)
		return;
	for (int t = 0; t < shards->topo_cnt; t++) {
		bitstr_t *gpus = shards->topo_gres_bitmap[t];

		if (gpus && shards->topo_gres_cnt_alloc[t] &&
		    bit_size(gpus) == bit_size(shards->gres_bit_alloc))
			for (int64_t g = 0; g < bit_size(gpus); g++)
				if (bit_test(gpus, g))
					bit_set(shards->gres_bit_alloc, g);
	}
}

void gp_mig_mend(const job_record_t *job)
{
	if (gp_mig_has_shards(job))
		gp_bridge_nodes(job, mend_node, NULL);
}

void gp_mig_mend_left(const job_record_t *job, int node)
{
	if (gp_mig_has_shards(job))
		mend_node(node, job->job_id, NULL);
}
