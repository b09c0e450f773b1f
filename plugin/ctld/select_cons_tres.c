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
#include "plugin/ctld/controller.h"
#include "plugin/slurm/layout/layout.h"
#include "plugin/slurm/stock_plugin.h"
#include "plugin/ctld/mig/mig_gate.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/ctld/request/question.h"

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

static struct gp_stock_plugin stock_plugin;
static bool in_slurmctld;

/* Whether an operation of this job (NULL: of all) concerns us. */
static bool is_ours(const job_record_t *job)
{
	return in_slurmctld && gp_layout_holds(job);
}

int init(void)
{
	char why[512];

	gp_layout_begin();
	if (!gp_layout_conf_holds())
		return SLURM_ERROR;
	if (!gp_stock_plugin_open(&stock_plugin, slurm_conf.plugindir, why,
				  sizeof(why))) {
		/* Slurm goes on to the next file of PluginDir without a word. */
		error("gputopo: cannot load Slurm's own select/cons_tres: %s", why);
		return SLURM_ERROR;
	}
	if (gp_stock_plugin_init(&stock_plugin) != SLURM_SUCCESS) {
		error("gputopo: init of %s failed", stock_plugin.path);
		gp_stock_plugin_close(&stock_plugin);
		return SLURM_ERROR;
	}
	in_slurmctld = running_in_slurmctld();
	return SLURM_SUCCESS;
}

GP_FINI_TYPE fini(void)
{
	if (in_slurmctld)
		gp_controller_stop();
	gp_stock_plugin_close(&stock_plugin);
	GP_FINI_RETURN;
}

/* ---- forwards -----------------------------------------------------------------------
 */

#define GP_OP_FORWARD(ret, name, member, proto, args)                                    \
	ret select_p_##name proto                                                        \
	{                                                                                \
		return stock_plugin.name args;                                           \
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

	if (is_ours(job))
		return gp_controller_job_test(&stock_plugin, &test);
	return stock_plugin.job_test GP_JOB_TEST_ARGS;
}

int select_p_node_init(void)
{
	int rc = stock_plugin.node_init();

	if (is_ours(NULL))
		gp_controller_node_init();
	return rc;
}

int select_p_select_nodeinfo_set(job_record_t *job)
{
	bool ours = is_ours(job);
	int rc;

	if (ours)
		gp_controller_job_takes(job);
	rc = stock_plugin.select_nodeinfo_set(job);
	if (ours)
		gp_controller_job_holds(job);
	return rc;
}

int select_p_job_begin(job_record_t *job)
{
	int rc = stock_plugin.job_begin(job);

	/* Slurm leaves such a job in the queue. */
	if (rc == SLURM_SUCCESS && is_ours(job) && !gp_controller_job_begins(job))
		rc = SLURM_ERROR;
	return rc;
}

int select_p_job_fini(job_record_t *job)
{
	bool ours = is_ours(job);
	int rc;

	/* Before: the stock plugin may free what says where the job was. */
	if (ours)
		gp_controller_job_ends(job);
	rc = stock_plugin.job_fini(job);
	if (ours)
		gp_mig_mend(job);
	return rc;
}

int select_p_job_resized(job_record_t *job, node_record_t *node)
{
	int rc = stock_plugin.job_resized(job, node);

	if (is_ours(job)) {
		gp_controller_job_leaves(job, (int)node->index);
		gp_mig_mend_left(job, (int)node->index);
	}
	return rc;
}

#ifdef GP_UNTIL_2411
int select_p_step_start(step_record_t *step)
{
	if (is_ours(NULL))
		gp_controller_step_starts(step);
	return stock_plugin.step_start(step);
}
#endif

bool gputopo_submit(const struct gp_question *question, char *text, size_t size)
{
	return is_ours(NULL) && question->size == sizeof(*question) &&
	       gp_controller_refuses(question, text, size);
}

bool gputopo_mig_submit(const struct gp_mig_question *question,
			struct gp_mig_verdict *verdict)
{
	return is_ours(NULL) && question->size == sizeof(*question) &&
	       gp_controller_mig_refuses(question, verdict);
}

int select_p_reconfigure(void)
{
	int rc = stock_plugin.reconfigure();

	if (is_ours(NULL))
		gp_controller_rebuild();
	return rc;
}
