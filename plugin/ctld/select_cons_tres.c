/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * select_cons_tres.c - what Slurm loads instead of its own select_cons_tres.so.
 *
 * It bears the stock plugin's type and id, finds the stock file behind itself in
 * PluginDir and forwards every operation to it. Only inside slurmctld some of them do
 * more.
 */
#include "plugin/slurm/compat.h"

#include "plugin/slurm/operations.h"
#include "plugin/ctld/glue.h"
#include "plugin/slurm/stock_plugin.h"
#include "plugin/ctld/mig/mig_gate.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/submit.h"

extern const char plugin_name[];
extern const char plugin_type[];
extern const uint32_t plugin_id;
extern const uint32_t plugin_version;
extern const char gputopo_plugin[];
int init(void);
GP_FINI_TYPE fini(void);
#define GP_OP_DECLARE(ret, name, member, proto, args) ret select_p_##name proto;
GP_OPERATIONS(GP_OP_DECLARE, GP_OP_DECLARE)

const char plugin_name[] = "gputopo in front of the cons_tres selection plugin";
const char plugin_type[] = "select/cons_tres";
const uint32_t plugin_id = SELECT_PLUGIN_CONS_TRES;
const uint32_t plugin_version = SLURM_VERSION_NUMBER;
const char gputopo_plugin[] = "gputopo";

static struct gp_inner inner;
static bool in_slurmctld;

int init(void)
{
	char why[512];

	if (!gp_inner_open(&inner, slurm_conf.plugindir, why, sizeof(why))) {
		/* Slurm goes on to the next file of PluginDir without a word. */
		error("gputopo: cannot load Slurm's own select/cons_tres: %s", why);
		return SLURM_ERROR;
	}
	if (gp_inner_init(&inner) != SLURM_SUCCESS) {
		error("gputopo: init of %s failed", inner.path);
		gp_inner_close(&inner);
		return SLURM_ERROR;
	}
	in_slurmctld = running_in_slurmctld();
	return SLURM_SUCCESS;
}

GP_FINI_TYPE fini(void)
{
	if (in_slurmctld)
		gp_glue_stop();
	gp_inner_close(&inner);
	GP_FINI_RETURN;
}

/* ---- forwards -----------------------------------------------------------------------
 */

#define GP_OP_FORWARD(ret, name, member, proto, args)                                    \
	ret select_p_##name proto                                                        \
	{                                                                                \
		return inner.name args;                                                  \
	}
#define GP_OP_NOTHING(ret, name, member, proto, args)
GP_OPERATIONS(GP_OP_FORWARD, GP_OP_NOTHING)

#define GP_OP_CHECK(ret, name, member, proto, args) GP_OPS_CHECK(name, member)
GP_OPERATIONS(GP_OP_CHECK, GP_OP_CHECK)

/* ---- hooks --------------------------------------------------------------------------
 */

int select_p_job_test GP_JOB_TEST_PROTO
{
	struct gp_test test = {
		.job = job,
		.nodes = nodes,
		.min_nodes = min_nodes,
		.max_nodes = max_nodes,
		.req_nodes = req_nodes,
		.mode = mode,
		.candidates = candidates,
		.preemptees = preemptees,
		GP_TAIL_INIT,
	};

	if (in_slurmctld)
		return gp_glue_job_test(&inner, &test);
	return inner.job_test GP_JOB_TEST_ARGS;
}

int select_p_node_init(void)
{
	int rc = inner.node_init();

	if (in_slurmctld)
		gp_glue_node_init();
	return rc;
}

int select_p_select_nodeinfo_set(job_record_t *job)
{
	int rc;

	if (in_slurmctld)
		gp_glue_job_takes(job);
	rc = inner.select_nodeinfo_set(job);
	if (in_slurmctld)
		gp_glue_job_holds(job);
	return rc;
}

int select_p_job_begin(job_record_t *job)
{
	int rc = inner.job_begin(job);

	/* Slurm leaves such a job in the queue. */
	if (in_slurmctld && rc == SLURM_SUCCESS && !gp_glue_job_begins(job))
		rc = SLURM_ERROR;
	return rc;
}

int select_p_job_fini(job_record_t *job)
{
	int rc;

	/* Before: the stock plugin may free what says where the job was. */
	if (in_slurmctld)
		gp_glue_job_ends(job);
	rc = inner.job_fini(job);
	if (in_slurmctld)
		gp_mig_mend(job);
	return rc;
}

int select_p_job_resized(job_record_t *job, node_record_t *node)
{
	int rc = inner.job_resized(job, node);

	if (in_slurmctld) {
		gp_glue_job_leaves(job, (int)node->index);
		gp_mig_mend_left(job, (int)node->index);
	}
	return rc;
}

bool gputopo_submit(const struct gp_question *question, char *text, size_t size)
{
	return in_slurmctld && question->size == sizeof(*question) &&
	       gp_glue_refuses(question, text, size);
}

bool gputopo_mig_submit(struct gp_mig_question *question, char *text, size_t size)
{
	return in_slurmctld && question->size == sizeof(*question) &&
	       gp_glue_mig_refuses(question, text, size);
}

int select_p_reconfigure(void)
{
	int rc = inner.reconfigure();

	if (in_slurmctld)
		gp_glue_rebuild();
	return rc;
}
