/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spank_gputopo.c - what users may ask of gputopo on the command line of sbatch, salloc
 * and srun, and Slurm's hooks on the node. What is for slurmctld travels in the job's
 * control environment, what is for the node as Slurm passes options on.
 *
 * plugstack.conf includes every .conf of the plugin's folder (docs/admin/configure.md);
 * the file there has the line "optional .../spank_gputopo.so [conf=DIR] [sysfs=DIR]".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <slurm/spank.h>

#include "core/library.h"
#include "plugin/common/mig_names.h"
#include "plugin/common/mig_text.h"
#include "plugin/node/rank/rank_env.h"
#include "plugin/node/mig/spank_mig.h"
#include "plugin/common/wish_names.h"
#include "plugin/common/wish_text.h"

SPANK_PLUGIN(gputopo, 1);

int slurm_spank_init(spank_t spank, int argc, char **argv);
int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv);
int slurm_spank_user_init(spank_t spank, int argc, char **argv);
int slurm_spank_task_post_fork(spank_t spank, int argc, char **argv);
int slurm_spank_task_init_privileged(spank_t spank, int argc, char **argv);
int slurm_spank_task_init(spank_t spank, int argc, char **argv);
int slurm_spank_exit(spank_t spank, int argc, char **argv);
int slurm_spank_job_prolog(spank_t spank, int argc, char **argv);
int slurm_spank_job_epilog(spank_t spank, int argc, char **argv);

static const char *const topo_words[] = {"best", "ring", "any", "off", NULL};
static const char *const order_words[] = {"index", "ring", NULL};
static const char *const nics_words[] = {"bind", "no", NULL};

/* From where Slurm's own commands take an option of ours that is not on their command
 * line. */
#define ORDER_INHERITED "SLURM_SPANK__SLURM_SPANK_OPTION_gputopo_gpu_order"
#define NICS_INHERITED	"SLURM_SPANK__SLURM_SPANK_OPTION_gputopo_gpu_nics"
#define BATCH_STEP	0xfffffffb
#define LIST_TEXT	1200 /* a list of GPUs and a sentence */

/* One option: how to check a value, and the value that was given. A check may say itself
 * what is wrong. */
struct option {
	const char *env; /* of the job, for slurmctld; NULL: for the node */
	const char *wanted;
	bool (*is_valid)(const char *value, struct gt_error *why);
	char value[256];
};

static bool is_word(const char *value, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

static bool is_topo(const char *value, struct gt_error *why)
{
	(void)why;
	return is_word(value, topo_words);
}

static bool is_order(const char *value, struct gt_error *why)
{
	(void)why;
	return is_word(value, order_words);
}

static bool is_nics(const char *value, struct gt_error *why)
{
	(void)why;
	return is_word(value, nics_words);
}

static bool is_bandwidth(const char *value, struct gt_error *why)
{
	(void)why;
	return gp_gbps_read(value) > 0;
}

static bool is_mig(const char *value, struct gt_error *why)
{
	struct gp_mig_wish wish;

	(void)why;
	return gp_mig_wish_read(value, &wish);
}

static bool is_groups(const char *value, struct gt_error *why)
{
	struct gt_groups groups;

	return gt_groups_parse(&groups, value, why) == GT_OK;
}

static bool is_comm(const char *value, struct gt_error *why)
{
	enum gt_comm comm;

	return gt_comm_parse(&comm, value, why) == GT_OK;
}

enum {
	OPTION_TOPO,
	OPTION_MIN_BUSBW,
	OPTION_ORDER,
	OPTION_MIG,
	OPTION_GROUPS,
	OPTION_COMM,
	OPTION_NICS,
	OPTION_COUNT
};

/* Of one command; SPANK knows no other place for it. */
static struct option options[OPTION_COUNT] = {
	[OPTION_TOPO] = {GP_ENV_TOPO, "best, ring, any or off", is_topo, ""},
	[OPTION_MIN_BUSBW] = {GP_ENV_MIN_BUSBW, "a number of GB/s above 0", is_bandwidth,
			      ""},
	[OPTION_ORDER] = {NULL, "index or ring", is_order, ""},
	/* Slurm itself passes it on, under GP_ENV_MIG. */
	[OPTION_MIG] = {NULL, "a MIG profile such as 3g.40gb, or 1g.10gb:2", is_mig, ""},
	[OPTION_GROUPS] = {GP_ENV_GROUPS, "sizes of at most 255 characters", is_groups,
			   ""},
	[OPTION_COMM] = {GP_ENV_COMM, "allreduce or alltoall", is_comm, ""},
	[OPTION_NICS] = {NULL, "bind or no", is_nics, ""},
};

/* Of this slurmstepd. */
static struct gp_ranks_options node = {.sysfs = "/sys"};

/* srun inside a job cannot pass a wish on; slurmctld reads it in srun's line, where it
 * chooses the GPUs of steps, and the node looks at the promise. */
static bool may_wish(int which, const char *value)
{
	if ((which != OPTION_TOPO && which != OPTION_MIN_BUSBW) ||
	    strcasecmp(value, "best") == 0 || spank_context() != S_CTX_LOCAL ||
	    !getenv("SLURM_JOB_ID"))
		return true;
	if (getenv(GP_ENV_STEPS)) {
		setenv(GP_ENV_STEP_WISH, "1", 1);
		return true;
	}
	slurm_error(
		"gputopo: --%s has no effect on the steps of this job: Slurm chooses "
		"their GPUs. Use gputopo run -n K --min-busbw GBPS inside a step that "
		"has all of them",
		which == OPTION_TOPO ? "gpu-topo" : "gpu-min-busbw");
	return false;
}

static int take(int which, const char *value, int remote)
{
	struct option *option = &options[which];
	struct gt_error why = {.code = GT_OK};

	if (!value || strlen(value) >= sizeof(option->value) ||
	    !option->is_valid(value, &why)) {
		/* a newer command than this node's plugin: no reason to lose the step */
		if (remote)
			return 0;
		if (why.code)
			slurm_error("gputopo: %s", why.text);
		else
			slurm_error("gputopo: '%.40s' is not %s", value ? value : "",
				    option->wanted);
		return -1;
	}
	if (!remote && !may_wish(which, value))
		return -1;
	for (size_t i = 0; i <= strlen(value); i++)
		option->value[i] =
			(char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] + 32
								  : value[i]);
	return 0;
}

static struct spank_option table[] = {
	{"gpu-topo", "best|ring|any|off",
	 "[gputopo] which GPUs: the best free ones (best), wait for an NVLink ring "
	 "through all "
	 "of them (ring), those that others need least (any), Slurm's own choice (off)",
	 1, OPTION_TOPO, take},
	{"gpu-min-busbw", "GBPS",
	 "[gputopo] wait until the GPUs' all-reduce bus bandwidth is at least this, in "
	 "GB/s",
	 1, OPTION_MIN_BUSBW, take},
	{"gpu-order", "index|ring",
	 "[gputopo] how tasks see the job's GPUs: in Slurm's order (index), or so that "
	 "ranks 0-3, 4-7, ... and 0-1, 2-3, ... are the fastest groups (ring)",
	 1, OPTION_ORDER, take},
	{"mig", "PROFILE[:COUNT]",
	 "[gputopo] a GPU instance of this profile (several: on one GPU), made when the "
	 "job "
	 "starts and removed when it ends",
	 1, OPTION_MIG, take},
	{"gpu-groups", "SIZES",
	 "[gputopo] the groups of GPUs on a node that communicate most, joined by +, or "
	 "NxM for N groups of M: 2x4, 4+2+2. --gpu-min-busbw applies to each group",
	 1, OPTION_GROUPS, take},
	{"gpu-comm", "allreduce|alltoall",
	 "[gputopo] what runs inside each group: all-reduce, or an all-to-all exchange",
	 1, OPTION_COMM, take},
	{"gpu-nics", "bind|no",
	 "[gputopo] name the network cards near to the step's GPUs to NCCL (NCCL_IB_HCA) "
	 "and UCX (UCX_NET_DEVICES), unless these are set",
	 1, OPTION_NICS, take},
};

static void read_arguments(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "conf=", 5) == 0)
			node.conf = argv[i] + 5;
		else if (strncmp(argv[i], "sysfs=", 6) == 0)
			node.sysfs = argv[i] + 6;
		else if (strncmp(argv[i], "mig_", 4) != 0) /* spank_mig.h */
			slurm_info("gputopo: plugstack.conf: unknown argument %s",
				   argv[i]);
	}
}

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	spank_context_t context = spank_context();

	if (context == S_CTX_SLURMD)
		return gp_spank_mig_slurmd(argc, argv);
	if (context == S_CTX_JOB_SCRIPT)
		return 0;
	if (context == S_CTX_REMOTE) {
		read_arguments(argc, argv);
		node.stepd = getpid();
	}
	/* A job submitted from within a MIG job, or one with groups, is not one itself.
	 */
	if (context == S_CTX_ALLOCATOR) {
		unsetenv(GP_ENV_MIG);
		unsetenv("SLURM_SPANK_" GP_ENV_MIG);
		unsetenv(GP_ENV_GROUPS);
		unsetenv(GP_ENV_COMM);
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (spank_option_register(spank, &table[i]) != ESPANK_SUCCESS)
			return -1;
	return 0;
}

/* Where jobs are made: tell slurmctld. "best" is what it does anyway. */
static int tell_slurmctld(spank_t spank)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!options[i].env || !options[i].value[0] ||
		    strcmp(options[i].value, "best") == 0)
			continue;
		if (spank_job_control_setenv(spank, options[i].env, options[i].value,
					     1) != ESPANK_SUCCESS) {
			slurm_error("gputopo: %s could not be passed on", options[i].env);
			return -1;
		}
	}
	return 0;
}

int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv)
{
	const char *order = options[OPTION_ORDER].value;
	const char *nics = options[OPTION_NICS].value;
	spank_context_t context = spank_context();

	(void)argc;
	(void)argv;
	if (context != S_CTX_LOCAL && context != S_CTX_ALLOCATOR)
		return 0;
	/* for each srun in salloc's shell */
	if (context == S_CTX_ALLOCATOR && order[0])
		setenv(ORDER_INHERITED, order, 1);
	if (context == S_CTX_ALLOCATOR && nics[0])
		setenv(NICS_INHERITED, nics, 1);
	return tell_slurmctld(spank);
}

/* ---- on the node; only a MIG instance that is missing fails a task
 * ----------------------------------------
 */

/* The step's own option, else what slurmctld says the job asked for. */
static const char *find_wish(spank_t spank, int which)
{
	struct option *option = &options[which];

	if (!option->value[0] && spank_getenv(spank, option->env, option->value,
					      sizeof(option->value)) != ESPANK_SUCCESS)
		option->value[0] = '\0';
	return option->value;
}

int slurm_spank_user_init(spank_t spank, int argc, char **argv)
{
	const char *order = options[OPTION_ORDER].value;
	const char *nics = options[OPTION_NICS].value;
	uint32_t id = 0;

	(void)argc;
	(void)argv;
	node.ring = strcmp(order, "ring") == 0;
	node.bind_nics = strcmp(nics, "bind") == 0;
	node.groups = find_wish(spank, OPTION_GROUPS);
	node.comm = find_wish(spank, OPTION_COMM);
	/* for each srun in the batch script */
	(void)spank_get_item(spank, S_JOB_STEPID, &id);
	if (order[0] && id == BATCH_STEP)
		spank_setenv(spank, ORDER_INHERITED, order, 1);
	if (nics[0] && id == BATCH_STEP)
		spank_setenv(spank, NICS_INHERITED, nics, 1);
	gp_ranks_begin(spank, &node);
	return 0;
}

int slurm_spank_task_post_fork(spank_t spank, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	gp_ranks_forked(spank);
	return 0;
}

/* Whether the job, or this step of it, asked for --mig. */
static bool has_wished(spank_t spank)
{
	char value[64];

	return options[OPTION_MIG].value[0] ||
	       spank_getenv(spank, GP_ENV_MIG, value, sizeof(value)) == ESPANK_SUCCESS ||
	       spank_getenv(spank, "SLURM_SPANK_" GP_ENV_MIG, value, sizeof(value)) ==
		       ESPANK_SUCCESS;
}

int slurm_spank_task_init_privileged(spank_t spank, int argc, char **argv)
{
	gp_spank_mig_look(spank, argc, argv, has_wished(spank));
	return 0;
}

/* A step that was asked for a ring or a bandwidth inside its job and has not got it ends
 * here, whether this plugin is required or not. */
static void keep_promise(spank_t spank)
{
	bool ring = strcmp(options[OPTION_TOPO].value, "ring") == 0;
	double gbps = strtod(options[OPTION_MIN_BUSBW].value, NULL);
	char value[8], why[LIST_TEXT];

	if ((!ring && !(gbps > 0)) ||
	    spank_getenv(spank, GP_ENV_STEP_WISH, value, sizeof(value)) != ESPANK_SUCCESS)
		return;
	if (!gp_ranks_break(ring, gbps, why, sizeof(why)))
		return;
	slurm_error("gputopo: the step ends: %s; they are the best that its job had free",
		    why);
	_exit(1);
}

int slurm_spank_task_init(spank_t spank, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	gp_ranks_task(spank);
	keep_promise(spank);
	return gp_spank_mig_task(spank, has_wished(spank));
}

int slurm_spank_exit(spank_t spank, int argc, char **argv)
{
	(void)spank;
	(void)argc;
	(void)argv;
	if (spank_context() == S_CTX_REMOTE)
		gp_ranks_end();
	return 0;
}

int slurm_spank_job_prolog(spank_t spank, int argc, char **argv)
{
	return gp_spank_mig_prolog(spank, argc, argv);
}

int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	return gp_spank_mig_epilog(spank, argc, argv);
}
