/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_gate.c - what the select plugin itself does about MIG jobs and shards: it says
 * which jobs gputopo_mig.so answers, and mends what stock 22.05 forgets when one of
 * several jobs with shards of a GPU ends or leaves the node: it clears the GPU's bit in
 * the shards' gres_bit_alloc though others still hold some, and the next --gpus=1 job
 * gets that GPU whole. From 24.11 on the bit stays.
 */
#include "plugin/slurm/compat.h"

#include "plugin/slurm/bridge.h"
#include "plugin/slurm/job_env.h"
#include "plugin/common/mig_names.h"
#include "plugin/ctld/mig/mig_gate.h"

bool gp_mig_concerns(const struct gp_models *models, const job_record_t *job)
{
	return gp_job_env_get(job, GP_ENV_MIG) ||
	       (gp_models_have_mig(models) && gp_bridge_shards(job));
}

bool gp_mig_may_start(const job_record_t *job, uint16_t mode)
{
	return !SELECT_IS_MODE_RUN_NOW(mode) || !gp_job_env_get(job, GP_ENV_MIG);
}

int gp_mig_without_object(const job_record_t *job, uint16_t mode)
{
	return SELECT_IS_MODE_TEST_ONLY(mode) && gp_job_env_get(job, GP_ENV_MIG)
		       ? ESLURM_INVALID_GRES
		       : ESLURM_NODES_BUSY;
}

struct gp_mig_verdict gp_mig_judge_alone(const char *wish, bool active)
{
	struct gp_mig_verdict verdict = {.refused = wish != NULL};
	const char *format = "gputopo: --mig=%.40s: no node has GPUs with MIG slices";

	if (!active)
		format = "gputopo: --mig=%.40s: gputopo is off";
	if (wish)
		snprintf(verdict.text, sizeof(verdict.text), format, wish);
	return verdict;
}

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
	if (gp_bridge_shards(job))
		gp_bridge_nodes(job, mend_node, NULL);
}

void gp_mig_mend_left(const job_record_t *job, int node)
{
	if (gp_bridge_shards(job))
		mend_node(node, job->job_id, NULL);
}
