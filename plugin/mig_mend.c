/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_mend.c - what stock 22.05 forgets when one of several jobs with shards of a GPU
 * ends or leaves the node: it clears the GPU's bit in the shards' gres_bit_alloc though
 * others still hold some, and the next --gpus=1 job gets that GPU whole. From 24.11 on
 * the bit stays.
 */
#include "plugin/compat.h"

#include <string.h>

#include "plugin/bridge.h"
#include "plugin/mig_select.h"

static int mend_gres(void *x, void *arg)
{
	gres_state_t *gres = x;
	gres_node_state_t *state = gres->gres_data;

	(void)arg;
	if (!gres->gres_name || strcmp(gres->gres_name, "shard") != 0 || !state ||
	    !state->gres_bit_alloc || !state->topo_gres_bitmap ||
	    !state->topo_gres_cnt_alloc)
		return 0;
	for (int t = 0; t < state->topo_cnt; t++) {
		bitstr_t *gpus = state->topo_gres_bitmap[t];

		if (gpus && state->topo_gres_cnt_alloc[t] &&
		    bit_size(gpus) == bit_size(state->gres_bit_alloc))
			for (int64_t g = 0; g < bit_size(gpus); g++)
				if (bit_test(gpus, g))
					bit_set(state->gres_bit_alloc, g);
	}
	return 0;
}

static void mend_node(int node, uint32_t job_id, void *arg)
{
	const node_record_t *record = node_record_table_ptr[node];

	(void)job_id;
	(void)arg;
	if (record && record->gres_list)
		(void)list_for_each(record->gres_list, mend_gres, NULL);
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
