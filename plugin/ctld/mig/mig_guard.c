/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mig_guard.c - keep whole-GPU jobs from nodes with slices in use until the node has
 * registered with a restarted slurmctld: stock gives GPUs away by their number alone
 * until then. Called for every run-now job_test that is not a MIG job's.
 */
#include "plugin/slurm/compat.h"

#include "plugin/ctld/mig/mig_select.h"

/* Whether jobs have slices of this node and stock cannot say of which GPU. Where none
 * has, as on a node that is not powered up yet, a job may start. */
static bool is_unseen(struct gp_controller *ctl, int node)
{
	const node_record_t *record = node_record_table_ptr[node];
	const gres_node_state_t *shards;
	int at = -1;

	if (!record || !record->gres_list || gp_bridge_is_settled(record))
		return false;
	shards = gp_bridge_gres(record, "shard");
	return (shards && shards->gres_cnt_alloc > 0) ||
	       !gp_slice_ledger_read(&gp_mig_state.ledger, ctl->config.node_count) ||
	       gp_slice_ledger_next(&gp_mig_state.ledger, node, &at);
}

bool gp_mig_guard(struct gp_controller *ctl, const struct gp_test *test)
{
	bitstr_t *nodes = test->nodes;
	bitstr_t *required =
		test->job->details ? test->job->details->req_node_bitmap : NULL;
	struct gp_job asked;

	if (!ctl->config.models || !gp_models_have_mig(ctl->config.models) ||
	    gp_bridge_job(test->job, &asked) == GP_NO_GPUS)
		return true;
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes); n >= 0 && n <= last;
	     n++) {
		if (!bit_test(nodes, n) || !is_unseen(ctl, (int)n))
			continue;
		if (required && bit_test(required, n))
			return false;
		bit_clear(nodes, n);
	}
	return bit_set_count(nodes) >= (int)(test->min_nodes > 1 ? test->min_nodes : 1);
}
