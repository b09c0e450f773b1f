/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_spank.c - spank_gputopo.so as srun, sbatch, slurmstepd and slurmd load it: which
 * options it takes and where they go, what a step's tasks find, and the life of a MIG
 * instance, against the fake driver.
 */
#include "config.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/common/mig_names.h"
#include "plugin/common/wish_names.h"
#include "plugin/node/mig/mig_record.h"
#include "plugin/node/mig/slurm_api.h"
#include "tests/mock/fake_mig.h"
#include "tests/mock/spank.h"
#include "unit.h"

#define BATCH_STEP 0xfffffffb
#define INHERITED  "SLURM_SPANK__SLURM_SPANK_OPTION_gputopo_gpu_order"

static char folder[64], state_folder[PATH_MAX];
static char *line[8]; /* the plugin's arguments in plugstack.conf */
static int words;
static void *plugin;

static void say(const char *format, const char *value)
{
	ck_assert_int_lt(words, 8);
	ck_assert_int_gt(asprintf(&line[words++], format, value), 0);
}

/* One of the plugin's hooks, with its arguments. */
static int call(const char *hook)
{
	int (*function)(spank_t, int, char **);
	void *at = dlsym(plugin, hook);

	ck_assert_msg(at != NULL, "%s", hook);
	memcpy(&function, &at, sizeof(function));
	return function(NULL, words, line);
}

static void load(spank_context_t context)
{
	mock_spank.context = context;
	ck_assert_int_eq(call("slurm_spank_init"), 0);
}

/* As Slurm calls an option's function. */
static int give(const char *name, const char *value, bool remote)
{
	struct spank_option *option = mock_spank_option(name);

	ck_assert_msg(option != NULL, "%s", name);
	return option->cb(option->val, value, remote);
}

static void begin(void)
{
	static const char *const names[] = {
		"SLURM_JOB_ID",	     "SLURM_JOB_GPUS",	       "SLURM_JOB_RESTART_COUNT",
		GP_ENV_STEPS,	     GP_ENV_STEP_WISH,	       INHERITED,
		"SPANK_" GP_ENV_MIG, "SPANK_" GP_ENV_MIG_PLACE};

	mock_spank_begin();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("SLURMD_NODENAME", "s1", 1);
	setenv("SLURM_CONF", "/nonexistent/slurm.conf", 1);
	words = 0;
	snprintf(folder, sizeof(folder), "/tmp/spank.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	plugin = dlopen(MOCK_OURS "/spank_gputopo.so", RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(plugin != NULL, "%s", dlerror());
}

static void finish(void)
{
	char command[128];

	dlclose(plugin);
	while (words)
		free(line[--words]);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* A file of the test's folder. */
static void put_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

/* ---- options --------------------------------------------------------------------------
 */

static const struct {
	spank_context_t context;
	int options;
} contexts[] = {
	{S_CTX_LOCAL, 7},  {S_CTX_REMOTE, 7},	  {S_CTX_ALLOCATOR, 7},
	{S_CTX_SLURMD, 0}, {S_CTX_JOB_SCRIPT, 0},
};

START_TEST(options_where_jobs_and_steps_are_made)
{
	say("mig_state=%s", folder);
	load(contexts[_i].context);
	ck_assert_int_eq(mock_spank.options, contexts[_i].options);
	for (int i = 0; i < mock_spank.options; i++) {
		ck_assert_int_eq(mock_spank.option[i]->has_arg, 1);
		ck_assert_int_eq(mock_spank.option[i]->val, i);
		ck_assert_int_eq(strncmp(mock_spank.option[i]->usage, "[gputopo] ", 10),
				 0);
	}
	/* a command without our options must not run as if it had none to offer */
	mock_spank.refuses = true;
	ck_assert_int_eq(call("slurm_spank_init"), contexts[_i].options ? -1 : 0);
}
END_TEST

static const char text_255[] =
	"1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+"
	"1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+"
	"1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+"
	"1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1";

/* sent: what slurmctld gets under this name, "-": nothing. says: why it is refused. */
static const struct {
	const char *option, *value, *name, *sent, *says;
} values[] = {
	{"gpu-topo", "best", GP_ENV_TOPO, "-", NULL},
	{"gpu-topo", "ring", GP_ENV_TOPO, "ring", NULL},
	{"gpu-topo", "Any", GP_ENV_TOPO, "any", NULL},
	{"gpu-topo", "OFF", GP_ENV_TOPO, "off", NULL},
	{"gpu-topo", "zz", GP_ENV_TOPO, "-", "'zz' is not best, ring, any or off"},
	{"gpu-topo", "", GP_ENV_TOPO, "-", "'' is not best"},
	{"gpu-topo", NULL, GP_ENV_TOPO, "-", "'' is not best"},
	{"gpu-min-busbw", "37.5", GP_ENV_MIN_BUSBW, "37.5", NULL},
	{"gpu-min-busbw", "999999", GP_ENV_MIN_BUSBW, "999999", NULL},
	{"gpu-min-busbw", "1000000", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "0.001", GP_ENV_MIN_BUSBW, "0.001", NULL},
	{"gpu-min-busbw", "0.0009", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "0", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s above 0"},
	{"gpu-min-busbw", "-4", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "40GB", GP_ENV_MIN_BUSBW, "-", "'40GB' is not a number"},
	{"gpu-min-busbw", ":40", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	/* slurmctld would read no number in these */
	{"gpu-min-busbw", "4e1", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "0x28", GP_ENV_MIN_BUSBW, "-", "not a number of GB/s"},
	{"gpu-min-busbw", "40.000000000000000", GP_ENV_MIN_BUSBW, "-", "not a number"},
	{"gpu-order", "ring", NULL, "-", NULL},
	{"gpu-order", "Index", NULL, "-", NULL},
	{"gpu-order", "best", NULL, "-", "'best' is not index or ring"},
	{"mig", "3g.40gb", NULL, "-", NULL},
	{"mig", "1g.10gb+me:1", NULL, "-", NULL},
	{"mig", "1g.10gb:16", NULL, "-", NULL},
	{"mig", "1g.10gb:9", NULL, "-", NULL},
	/* 31 characters and 32 */
	{"mig", "3g.40gb.1234567890123456789012", NULL, "-", NULL},
	{"mig", "3g.40gb.123456789012345678901234", NULL, "-", "is not a MIG profile"},
	{"mig", "1g.10gb:17", NULL, "-", "is not a MIG profile such as"},
	{"mig", "1g.10gb:0", NULL, "-", "is not a MIG profile such as"},
	{"mig", "1g.10gb:/", NULL, "-", "is not a MIG profile such as"},
	{"mig", "1g.10gb:+2", NULL, "-", "is not a MIG profile such as"},
	{"mig", "1g.10gb:2x", NULL, "-", "is not a MIG profile such as"},
	{"mig", "all", NULL, "-", "'all' is not a MIG profile such as"},
	{"gpu-groups", "2x4", GP_ENV_GROUPS, "2x4", NULL},
	{"gpu-groups", "4+2+2", GP_ENV_GROUPS, "4+2+2", NULL},
	{"gpu-groups", "2x", GP_ENV_GROUPS, "-", "gputopo: "},
	{"gpu-groups", text_255, GP_ENV_GROUPS, text_255, NULL},
	{"gpu-comm", "alltoall", GP_ENV_COMM, "alltoall", NULL},
	{"gpu-comm", "allreduce", GP_ENV_COMM, "allreduce", NULL},
	{"gpu-comm", "gossip", GP_ENV_COMM, "-", "gossip"},
	{"gpu-nics", "bind", "NCCL_IB_HCA", "-", NULL},
	{"gpu-nics", "perhaps", "NCCL_IB_HCA", "-", "perhaps"},
};

START_TEST(values_taken_and_refused)
{
	const char *sent = values[_i].sent;
	int rc;

	load(_i % 2 ? S_CTX_LOCAL : S_CTX_ALLOCATOR);
	rc = give(values[_i].option, values[_i].value, false);
	ck_assert_msg(rc == (values[_i].says ? -1 : 0), "%s=%s: %d", values[_i].option,
		      values[_i].value, rc);
	ck_assert_msg(mock_spank_logged(values[_i].says ? values[_i].says : ""), "%s",
		      mock_spank_log());
	ck_assert_int_eq(mock_spank_log()[0] == '\0', values[_i].says == NULL);
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), 0);
	ck_assert_int_eq(mock_spank.control.count, sent[0] != '-');
	if (values[_i].name)
		ck_assert_str_eq(mock_spank_control(values[_i].name), sent);
}
END_TEST

/* A newer command than the node's plugin is no reason to lose a step. */
START_TEST(a_node_takes_no_offence)
{
	load(S_CTX_REMOTE);
	ck_assert_int_eq(give(values[_i].option, values[_i].value, true), 0);
	ck_assert_str_eq(mock_spank_log(), "");
	/* and says nothing to slurmctld */
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), 0);
	ck_assert_int_eq(mock_spank.control.count, 0);
}
END_TEST

/* 255 characters are a value (above), 256 are not. */
START_TEST(the_longest_value)
{
	char text[257];

	snprintf(text, sizeof(text), "%s+", text_255);
	load(S_CTX_ALLOCATOR);
	ck_assert_int_eq(give("gpu-groups", text, false), -1);
	ck_assert(mock_spank_logged("is not sizes of at most 255 characters"));
}
END_TEST

START_TEST(all_of_them_are_sent)
{
	load(S_CTX_ALLOCATOR);
	ck_assert_int_eq(give("gpu-topo", "ring", false), 0);
	ck_assert_int_eq(give("gpu-min-busbw", "40", false), 0);
	ck_assert_int_eq(give("gpu-groups", "2x2", false), 0);
	ck_assert_int_eq(give("gpu-comm", "alltoall", false), 0);
	ck_assert_int_eq(give("gpu-order", "ring", false), 0);
	ck_assert_int_eq(give("mig", "3g.40gb", false), 0);
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), 0);
	ck_assert_int_eq(mock_spank.control.count, 4);
	/* what cannot be sent must not be lost without a word */
	mock_spank.refuses = true;
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), -1);
	ck_assert(mock_spank_logged(GP_ENV_TOPO " could not be passed on"));
}
END_TEST

/* What a batch script inherits from the job that it was submitted from. */
START_TEST(a_new_job_is_no_mig_job_by_inheritance)
{
	static const char *const names[] = {GP_ENV_MIG, ("SLURM_SPANK_" GP_ENV_MIG),
					    GP_ENV_GROUPS, GP_ENV_COMM};

	for (size_t i = 0; i < 4; i++)
		setenv(names[i], "x", 1);
	load(_i ? S_CTX_ALLOCATOR : S_CTX_LOCAL);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(getenv(names[i]) == NULL, _i);
}
END_TEST

/* --gpu-order of salloc holds for each srun in its shell. */
START_TEST(order_is_inherited)
{
	load(_i ? S_CTX_ALLOCATOR : S_CTX_LOCAL);
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), 0);
	ck_assert_ptr_null(getenv(INHERITED));
	ck_assert_int_eq(give("gpu-order", "RING", false), 0);
	ck_assert_int_eq(call("slurm_spank_init_post_opt"), 0);
	if (_i)
		ck_assert_str_eq(getenv(INHERITED), "ring");
	else
		ck_assert_ptr_null(getenv(INHERITED));
}
END_TEST

/* srun in a job: Slurm has chosen, unless slurmctld chooses the GPUs of steps. */
static const struct {
	spank_context_t context;
	bool in_job, steps;
	const char *option, *value;
	int rc;
	bool is_step; /* the node looks at the promise */
	const char *says;
} inside[] = {
	{S_CTX_LOCAL, true, false, "gpu-topo", "ring", -1, false,
	 "--gpu-topo has no effect on the steps of this job"},
	{S_CTX_LOCAL, true, false, "gpu-min-busbw", "40", -1, false,
	 "--gpu-min-busbw has no effect on the steps of this job"},
	{S_CTX_LOCAL, true, false, "gpu-topo", "BEST", 0, false, NULL},
	{S_CTX_LOCAL, true, false, "gpu-order", "ring", 0, false, NULL},
	{S_CTX_LOCAL, true, false, "gpu-groups", "2x2", 0, false, NULL},
	{S_CTX_LOCAL, true, true, "gpu-topo", "ring", 0, true, NULL},
	{S_CTX_LOCAL, true, true, "gpu-min-busbw", "40", 0, true, NULL},
	{S_CTX_LOCAL, true, true, "gpu-order", "ring", 0, false, NULL},
	{S_CTX_LOCAL, false, true, "gpu-topo", "ring", 0, false, NULL},
	{S_CTX_ALLOCATOR, true, false, "gpu-topo", "ring", 0, false, NULL},
};

START_TEST(srun_inside_a_job)
{
	if (inside[_i].in_job)
		setenv("SLURM_JOB_ID", "7", 1);
	if (inside[_i].steps)
		setenv(GP_ENV_STEPS, "1", 1);
	load(inside[_i].context);
	ck_assert_int_eq(give(inside[_i].option, inside[_i].value, false), inside[_i].rc);
	ck_assert_int_eq(getenv(GP_ENV_STEP_WISH) != NULL, inside[_i].is_step);
	ck_assert_int_eq(mock_spank_log()[0] == '\0', inside[_i].says == NULL);
	if (inside[_i].says)
		ck_assert(mock_spank_logged(inside[_i].says));
}
END_TEST

/* ---- a step ---------------------------------------------------------------------------
 */

static void put(const char *name, const char *value)
{
	spank_setenv(NULL, name, value, 1);
}

/* s1 is a DGX-1V, as slurmctld has said, and the step has these GPUs. */
static void step_of(const char *gpus)
{
	mock_spank_model("s1", "builtin:dgx1v");
	put("SLURM_STEP_GPUS", gpus);
	put("SLURM_JOB_GPUS", gpus);
	put("CUDA_VISIBLE_DEVICES", gpus);
}

/* slurmstepd ends. */
static void end_step(void)
{
	mock_spank.context = S_CTX_REMOTE;
	ck_assert_int_eq(call("slurm_spank_exit"), 0);
}

/* user_init to task_init of task 0. */
static int run_task(void)
{
	ck_assert_int_eq(call("slurm_spank_user_init"), 0);
	mock_spank.pid = getpid();
	ck_assert_int_eq(call("slurm_spank_task_post_fork"), 0);
	ck_assert_int_eq(call("slurm_spank_task_init_privileged"), 0);
	return call("slurm_spank_task_init");
}

static const struct {
	const char *order;
	uint32_t step;
	const char *list;
	const char *inherited; /* by each srun of a batch script */
} orders[] = {
	{"ring", 0, "0,3,2,1", "-"},	    {"index", 0, "0,1,2,3", "-"},
	{NULL, 0, "0,1,2,3", "-"},	    {"ring", BATCH_STEP, "0,3,2,1", "ring"},
	{NULL, BATCH_STEP, "0,1,2,3", "-"},
};

START_TEST(order_of_a_step)
{
	say("%s", "sysfs=/nonexistent");
	load(S_CTX_REMOTE);
	ck_assert_str_eq(mock_spank_log(), "");
	step_of("0,1,2,3");
	mock_spank.step = orders[_i].step;
	if (orders[_i].order)
		ck_assert_int_eq(give("gpu-order", orders[_i].order, true), 0);
	ck_assert_int_eq(run_task(), 0);
	ck_assert_str_eq(mock_spank_value("CUDA_VISIBLE_DEVICES"), orders[_i].list);
	ck_assert_str_eq(mock_spank_value("GPUTOPO_GPUS"), "0,1,2,3");
	ck_assert_str_eq(mock_spank_value(INHERITED), orders[_i].inherited);
	/* srun has no step to end */
	mock_spank.context = S_CTX_LOCAL;
	ck_assert_int_eq(call("slurm_spank_exit"), 0);
	put("GPUTOPO_GPUS", "9");
	ck_assert_int_eq(call("slurm_spank_task_init"), 0);
	ck_assert_str_eq(mock_spank_value("GPUTOPO_GPUS"), "0,1,2,3");
	end_step();
	put("GPUTOPO_GPUS", "9");
	ck_assert_int_eq(call("slurm_spank_task_init"), 0);
	ck_assert_str_eq(mock_spank_value("GPUTOPO_GPUS"), "9");
}
END_TEST

/* The job's groups, unless the step has its own. */
static const struct {
	const char *job, *step, *told;
} groups[] = {
	{"2x2", NULL, "0,3;1,2"},
	{"4", "2x2", "0,3;1,2"},
	{"2x2", "4", "0,3,2,1"},
	{NULL, NULL, "-"},
};

START_TEST(groups_of_a_step)
{
	say("%s", "sysfs=/nonexistent");
	load(S_CTX_REMOTE);
	step_of("0,1,2,3");
	if (groups[_i].job)
		put(GP_ENV_GROUPS, groups[_i].job);
	if (groups[_i].step)
		ck_assert_int_eq(give("gpu-groups", groups[_i].step, true), 0);
	ck_assert_int_eq(run_task(), 0);
	ck_assert_str_eq(mock_spank_value("GPUTOPO_GROUPS"), groups[_i].told);
	end_step();
}
END_TEST

/* conf=: the node's own model comes before what slurmctld sent. */
START_TEST(arguments_of_plugstack)
{
	put_file("gputopo.conf", "NodeName=s1 Topology=builtin:dgx1p\n");
	say("conf=%s", folder);
	say("%s", "mig_fail=job");
	if (_i)
		say("%s", "colour=blue");
	load(S_CTX_REMOTE);
	ck_assert_int_eq(
		mock_spank_logged("plugstack.conf: unknown argument colour=blue"), _i);
	ck_assert_int_eq(mock_spank_log()[0] == '\0', !_i);
	step_of("0,1,2,3");
	ck_assert_int_eq(run_task(), 0);
	ck_assert(mock_spank_logged("the topology of gputopo.conf"));
	end_step();
}
END_TEST

/* A step that was promised a ring or a bandwidth in its job, and what becomes of it. */
static const struct {
	const char *gpus, *option, *value;
	bool in_step; /* srun inside the job */
	int status;
	const char *says;
	const char *groups; /* the measure of a bandwidth; NULL: all GPUs */
} promises[] = {
	{"0,5", "gpu-topo", "ring", true, 1, "GPUs 0,5 have no NVLink ring", NULL},
	{"0,5", "gpu-topo", "ring", false, 0, NULL, NULL},
	{"0,5", "gpu-topo", "any", true, 0, NULL, NULL},
	{"0,5", "gpu-order", "ring", true, 0, NULL, NULL},
	{"0,1,2,3", "gpu-topo", "ring", true, 0, NULL, NULL},
	{"0,1,2,3", "gpu-min-busbw", "1", true, 0, NULL, NULL},
	{"0,1,2,3", "gpu-min-busbw", "900", true, 1, "900 were asked for", NULL},
	{"0,1,2,3", "gpu-min-busbw", "900", false, 0, NULL, NULL},
	{"0", "gpu-topo", "ring", true, 0, NULL, NULL},
	/* the slowest of the groups decides */
	{"0,1,2,3", "gpu-min-busbw", "40", true, 0, NULL, "2x2"},
	{"0,1,2,3", "gpu-min-busbw", "41", true, 1, "reach 40 GB/s, 41 were", "2x2"},
	{"0,3,4,6", "gpu-min-busbw", "21", true, 1, "reach 20 GB/s, 21 were", "2x2"},
	{"0,3,4,6", "gpu-min-busbw", "20", true, 0, NULL, "2x2"},
	{"0,1,4,7", "gpu-min-busbw", "21", true, 1, "reach 20 GB/s, 21 were", "2x2"},
};

START_TEST(promise_of_a_step)
{
	int status;
	pid_t task;

	say("%s", "sysfs=/nonexistent");
	load(S_CTX_REMOTE);
	step_of(promises[_i].gpus);
	if (promises[_i].in_step)
		put(GP_ENV_STEP_WISH, "1");
	ck_assert_int_eq(give(promises[_i].option, promises[_i].value, true), 0);
	if (promises[_i].groups)
		ck_assert_int_eq(give("gpu-groups", promises[_i].groups, true), 0);
	task = fork();
	if (task == 0)
		_exit(run_task() ? 2 : 0);
	ck_assert_int_eq(waitpid(task, &status, 0), task);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == promises[_i].status, "%s: %d, %s",
		      promises[_i].value, WEXITSTATUS(status), mock_spank_log());
	ck_assert_int_eq(mock_spank_logged("gputopo: the step ends: "),
			 promises[_i].status != 0);
	if (promises[_i].says)
		ck_assert_msg(mock_spank_logged(promises[_i].says), "%s",
			      mock_spank_log());
}
END_TEST

/* ---- MIG ------------------------------------------------------------------------------
 */

static void begin_mig(void)
{
	begin();
	snprintf(state_folder, sizeof(state_folder), "%s.state", FAKE_MIG_LIBRARY);
	ck_assert(fake_create(state_folder, "s1", 2));
	say("mig_state=%s", folder);
	say("mig_driver=%s", FAKE_MIG_LIBRARY);
	mock_spank.context = S_CTX_JOB_SCRIPT;
	mock_spank.job = 5;
	mock_slurmctld = (struct mock_slurmctld){.knows = true,
						 .state = JOB_RUNNING,
						 .nodes = "n0,s1",
						 .gres = {"gpu:1(IDX:0)",
							  "gpu:1,shard:4(0/8,4/8)"}};
	ck_assert_int_eq(call("slurm_spank_init"), 0);
}

/* The job's prolog, as slurmd starts it. */
static int prolog(const char *place, const char *wish)
{
	setenv("SPANK_" GP_ENV_MIG_PLACE, place, 1);
	setenv("SPANK_" GP_ENV_MIG, wish, 1);
	setenv("SLURM_JOB_GPUS", "0,1", 1);
	return call("slurm_spank_job_prolog");
}

static int instances(void)
{
	int lock, count = 0;
	struct fake_state *state = fake_open(state_folder, "s1", &lock);

	ck_assert_ptr_nonnull(state);
	for (int g = 0; g < 2; g++)
		for (int i = 0; i < FAKE_INSTANCES; i++)
			count += state->gpu[g].instance[i].used;
	fake_close(state, lock);
	return count;
}

static int records(void)
{
	uint32_t jobs[8];

	return gp_mig_records_list(folder, "s1", jobs, 8);
}

static int task(void)
{
	ck_assert_int_eq(call("slurm_spank_task_init_privileged"), 0);
	return call("slurm_spank_task_init");
}

START_TEST(an_instance_lives_with_its_job)
{
	ck_assert_int_eq(prolog("n0:0:0:4,s1:1:0:4", "3g.40gb"), 0);
	ck_assert_str_eq(mock_spank_log(), "");
	ck_assert_int_eq(instances(), 1);
	ck_assert_int_eq(mock_slurmctld.freed, 1);
	mock_spank.context = S_CTX_REMOTE;
	put("CUDA_VISIBLE_DEVICES", "1");
	ck_assert_int_eq(task(), 0);
	ck_assert_int_eq(strncmp(mock_spank_value("CUDA_VISIBLE_DEVICES"), "MIG-", 4), 0);
	/* a task that cannot be told must not have the whole GPU */
	mock_spank.refuses = true;
	ck_assert_int_eq(call("slurm_spank_task_init"), -1);
	ck_assert(mock_spank_logged("CUDA_VISIBLE_DEVICES could not be set"));
	mock_spank.refuses = false;
	mock_spank.context = S_CTX_JOB_SCRIPT;
	ck_assert_int_eq(call("slurm_spank_job_epilog"), 0);
	ck_assert_int_eq(instances(), 0);
	ck_assert_int_eq(records(), 0);
	ck_assert_str_eq(mock_slurmctld.drained, "");
}
END_TEST

START_TEST(other_jobs_are_left_alone)
{
	/* no driver is opened for them */
	say("%s", "mig_driver=/nonexistent.so");
	ck_assert_int_eq(call("slurm_spank_job_prolog"), 0);
	ck_assert_int_eq(task(), 0);
	ck_assert_str_eq(mock_spank_value("CUDA_VISIBLE_DEVICES"), "-");
	ck_assert_int_eq(call("slurm_spank_job_epilog"), 0);
	ck_assert_int_eq(mock_slurmctld.asked, 0);
	ck_assert_str_eq(mock_spank_log(), "");
}
END_TEST

/* What a job asks for wrongly fails the job, and drains nothing. */
static const struct {
	const char *place, *gres, *says;
} refusals[] = {
	{"s1:0:0:4", "gpu:1,shard:2(2/8)",
	 "4 memory slices are asked for, the job has 2"},
	{"s1:0:0:4", "gpu:1", "4 memory slices are asked for, the job has 0"},
	{"s1:0:0:4", NULL, "4 memory slices are asked for, the job has 0"},
	{"n2:0:0:4", "shard:4(4/8)", "has not decided"},
	{"s1:7:0:4", "shard:4(4/8)", "GPU 7 is not the job's"},
};

START_TEST(a_job_is_refused)
{
	mock_slurmctld.gres[1] = refusals[_i].gres;
	if (!refusals[_i].gres)
		mock_slurmctld.nodes = "n0,n2";
	ck_assert_int_eq(prolog(refusals[_i].place, "3g.40gb"), 0);
	ck_assert(mock_spank_logged("job 5: MIG instance refused: "));
	ck_assert_msg(mock_spank_logged(refusals[_i].says), "%s", mock_spank_log());
	ck_assert_int_eq(instances(), 0);
	ck_assert_str_eq(mock_slurmctld.drained, "");
	/* its tasks do not run, whatever they say that they wish */
	mock_spank.context = S_CTX_REMOTE;
	ck_assert_int_eq(task(), -1);
}
END_TEST

/* What the node cannot do drains it, or fails the job only. */
START_TEST(an_instance_cannot_be_made)
{
	say("%s", "mig_driver=/nonexistent.so");
	say("mig_fail=%s", _i == 1 ? "job" : "drain");
	mock_slurmctld.refuses = _i == 2;
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), _i == 1 ? 0 : -1);
	ck_assert(mock_spank_logged("job 5: MIG instance not made: "));
	ck_assert_str_eq(mock_slurmctld.drained, _i == 0 ? "s1" : "");
	ck_assert_int_eq(strncmp(mock_slurmctld.reason, "gputopo: ", 9) == 0, _i == 0);
	ck_assert_int_eq(mock_spank_logged("node s1 could not be drained"), _i == 2);
}
END_TEST

START_TEST(an_instance_cannot_be_removed)
{
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	/* the last one counts, and cannot be opened */
	say("%s", "mig_driver=/nonexistent.so");
	ck_assert_int_eq(call("slurm_spank_job_epilog"), -1);
	ck_assert(mock_spank_logged("job 5: MIG instance not removed: "));
	ck_assert_str_eq(mock_slurmctld.drained, "s1");
	ck_assert_int_eq(records(), 1);
}
END_TEST

/* An epilog that comes late must not take the next run's instance. */
START_TEST(runs_of_a_job)
{
	setenv("SLURM_JOB_RESTART_COUNT", "2", 1);
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	setenv("SLURM_JOB_RESTART_COUNT", "1", 1);
	ck_assert_int_eq(call("slurm_spank_job_epilog"), 0);
	ck_assert_int_eq(instances(), 1);
	/* one that knows no count removes all */
	unsetenv("SLURM_JOB_RESTART_COUNT");
	ck_assert_int_eq(call("slurm_spank_job_epilog"), 0);
	ck_assert_int_eq(instances(), 0);
}
END_TEST

/* slurmctld is away while a job starts: the prolog waits a minute for it. */
START_TEST(slurmctld_is_away)
{
	mock_slurmctld.away = _i ? 100 : 40;
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(instances(), _i ? 0 : 1);
	ck_assert_int_eq(mock_spank_logged("slurmctld does not say what the job has"),
			 _i);
	if (_i)
		ck_assert_int_ge(mock_slurmctld.asked, 60);
}
END_TEST

/* slurmd may start prologs without standard input: its number is one like any other. */
START_TEST(without_standard_input)
{
	int kept = dup(STDIN_FILENO);

	close(STDIN_FILENO);
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	ck_assert_int_eq(instances(), 1);
	ck_assert_int_eq(call("slurm_spank_job_epilog"), 0);
	ck_assert_int_eq(instances(), 0);
	ck_assert_str_eq(mock_spank_log(), "");
	dup2(kept, STDIN_FILENO);
	close(kept);
}
END_TEST

/* A record that somebody, or a full disk, has spoiled is none. */
static const struct {
	const char *from, *to; /* to NULL: it ends there */
} spoiled[] = {
	{"gputopo", "gputopi"},
	{"instances 1", "instances 65"},
	{"instances 1", "instances -1"},
	{"instances 1", "instances x"},
	{"gpu 0", NULL},
	{"size 4", "size 0"},
	{"start 0", "start -1"},
	{"gpu 0", "gpu -1"},
};

START_TEST(a_record_that_was_spoiled)
{
	char path[128], text[512], *at;
	FILE *f;

	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	snprintf(path, sizeof(path), "%s/s1/5", folder);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	at = strstr(text, spoiled[_i].from);
	ck_assert_msg(at != NULL, "%s", text);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fwrite(text, 1, (size_t)(at - text), f);
	if (spoiled[_i].to)
		fprintf(f, "%s%s", spoiled[_i].to, at + strlen(spoiled[_i].from));
	ck_assert_int_eq(fclose(f), 0);
	mock_spank.context = S_CTX_REMOTE;
	put(GP_ENV_MIG, "3g.40gb");
	ck_assert_int_eq(task(), -1);
	ck_assert_msg(!mock_spank_logged("was not made") &&
			      !mock_spank_logged("is not complete"),
		      "%s", mock_spank_log());
	mock_spank.context = S_CTX_JOB_SCRIPT;
	ck_assert_int_eq(call("slurm_spank_job_epilog"), -1);
}
END_TEST

/* A task that asked for an instance, in any of Slurm's spellings, and has none. */
START_TEST(a_wish_without_an_instance)
{
	static const char *const names[] = {GP_ENV_MIG, "SLURM_SPANK_" GP_ENV_MIG};

	load(S_CTX_REMOTE);
	if (_i < 2)
		put(names[_i], "3g.40gb");
	else
		ck_assert_int_eq(give("mig", "3g.40gb", true), 0);
	/* not even looked for, for whatever reason */
	ck_assert_int_eq(call("slurm_spank_task_init"), -1);
	ck_assert_int_eq(task(), -1);
	ck_assert(mock_spank_logged("job 5: the job's MIG instance was not made"));
	mock_spank.refuses = true; /* no job id */
	ck_assert_int_eq(task(), -1);
}
END_TEST

/* An ended job's instance in the way of a new one. */
static const struct {
	const char *conf;     /* gputopo.conf; NULL: none */
	const char *argument; /* of plugstack.conf */
	uint32_t state;	      /* of the old job */
	uint32_t restarts;
	int rc;
	const char *says;
} strays[] = {
	{NULL, NULL, JOB_COMPLETE, 0, 0, ""},
	{"MigStray=drain\n", NULL, JOB_COMPLETE, 0, -1, "(MigStray=drain)"},
	{"MigStray=drain\n", "mig_stray=remove", JOB_COMPLETE, 0, 0, ""},
	{NULL, "mig_stray=drain", JOB_COMPLETE, 0, -1, "(MigStray=drain)"},
	{"MigStray=keep\n", NULL, JOB_COMPLETE, 0, 0, "MigStray=remove: "},
	{NULL, NULL, JOB_RUNNING, 0, 0, "job 4 has them, and still runs"},
	{NULL, NULL, JOB_RUNNING, 1, 0, ""}, /* another run of it */
	{NULL, NULL, JOB_SUSPENDED, 0, 0, "job 4 has them, and still runs"},
	{NULL, NULL, JOB_COMPLETE | JOB_COMPLETING, 0, 0, "and still runs"},
	{NULL, NULL, JOB_PENDING, 0, 0, ""},
};

START_TEST(strays_of_an_ended_job)
{
	bool runs = strstr(strays[_i].says, "still runs") != NULL;

	setenv("SLURM_JOB_RESTART_COUNT", "0", 1);
	mock_spank.job = 4;
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	if (strays[_i].conf)
		put_file("gputopo.conf", strays[_i].conf);
	say("conf=%s", folder);
	if (strays[_i].argument)
		say("%s", strays[_i].argument);
	mock_spank.job = 5;
	mock_slurmctld.state = strays[_i].state;
	mock_slurmctld.restarts = strays[_i].restarts;
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), strays[_i].rc);
	ck_assert_msg(mock_spank_logged(strays[_i].says), "%s", mock_spank_log());
	ck_assert_msg((mock_spank_log()[0] == '\0') == (strays[_i].says[0] == '\0'),
		      "row %d: %s", _i, mock_spank_log());
	ck_assert_int_eq(instances(), 1);
	ck_assert_int_eq(records(), strays[_i].rc || runs ? 1 + runs : 1);
	ck_assert_str_eq(mock_slurmctld.drained, strays[_i].rc ? "s1" : "");
}
END_TEST

/* slurmd's start after a reboot: what the driver has no more is forgotten. */
START_TEST(slurmd_starts)
{
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	mock_spank.context = S_CTX_SLURMD;
	ck_assert_int_eq(call("slurm_spank_init"), 0);
	ck_assert_int_eq(records(), 1);
	ck_assert(fake_create(state_folder, "s1", 2));
	ck_assert_int_eq(call("slurm_spank_init"), 0);
	ck_assert_int_eq(records(), 0);
	/* and without anything of ours no driver is opened */
	say("%s", "mig_driver=/nonexistent.so");
	ck_assert_int_eq(call("slurm_spank_init"), 0);
	ck_assert_str_eq(mock_spank_log(), "");
}
END_TEST

START_TEST(slurmd_starts_without_a_driver)
{
	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	say("%s", "mig_driver=/nonexistent.so");
	mock_spank.context = S_CTX_SLURMD;
	ck_assert_int_eq(call("slurm_spank_init"), 0);
	ck_assert(mock_spank_logged("MIG instances of earlier jobs: "));
	ck_assert_int_eq(records(), 1);
}
END_TEST

static int held; /* the lock of the driver's state, -1: free */

static void answer_after_3s(long slept_ms)
{
	struct timespec t = {0, 1000000};

	if (slept_ms == 1980)
		ck_assert_str_eq(mock_spank_log(), "");
	if (slept_ms == 3000) {
		ck_assert(mock_spank_logged("waits up to 10 s for the NVIDIA driver"));
		ck_assert_int_eq(flock(held, LOCK_UN), 0);
		held = -1;
	}
	if (held < 0) { /* now in real time */
		t.tv_nsec = 20000000;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
		mock_spank.slept_ms = 3000;
	}
}

static void never_answer(long slept_ms)
{
	(void)slept_ms;
}

/* A driver that is slow, or hangs, while slurmd starts. Time is the test's own. */
START_TEST(slurmd_waits_for_the_driver)
{
	struct fake_state *state;

	ck_assert_int_eq(prolog("s1:0:0:4", "3g.40gb"), 0);
	mock_spank.context = S_CTX_SLURMD;
	state = fake_open(state_folder, "s1", &held);
	ck_assert_ptr_nonnull(state);
	mock_spank.slept_ms = 0;
	mock_spank.sleeps = _i ? never_answer : answer_after_3s;
	ck_assert_int_eq(call("slurm_spank_init"), 0);
	ck_assert_int_eq(
		mock_spank_logged("the NVIDIA driver did not answer within 10 s"), _i);
	if (_i)
		ck_assert_int_eq(mock_spank.slept_ms, 10000);
	else
		ck_assert_int_eq(held, -1);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

SUITE(spank)
{
	TCase *options = tcase_create("options"), *step = tcase_create("a step");
	TCase *mig = tcase_create("MIG");

	tcase_add_checked_fixture(options, begin, finish);
	tcase_add_loop_test(options, options_where_jobs_and_steps_are_made, 0,
			    ROWS(contexts));
	tcase_add_loop_test(options, values_taken_and_refused, 0, ROWS(values));
	tcase_add_loop_test(options, a_node_takes_no_offence, 0, ROWS(values));
	tcase_add_test(options, the_longest_value);
	tcase_add_test(options, all_of_them_are_sent);
	tcase_add_loop_test(options, a_new_job_is_no_mig_job_by_inheritance, 0, 2);
	tcase_add_loop_test(options, order_is_inherited, 0, 2);
	tcase_add_loop_test(options, srun_inside_a_job, 0, ROWS(inside));
	suite_add_tcase(suite, options);

	tcase_add_checked_fixture(step, begin, finish);
	tcase_add_loop_test(step, order_of_a_step, 0, ROWS(orders));
	tcase_add_loop_test(step, groups_of_a_step, 0, ROWS(groups));
	tcase_add_loop_test(step, arguments_of_plugstack, 0, 2);
	tcase_add_loop_test(step, promise_of_a_step, 0, ROWS(promises));
	suite_add_tcase(suite, step);

	tcase_add_checked_fixture(mig, begin_mig, finish);
	tcase_add_test(mig, an_instance_lives_with_its_job);
	tcase_add_test(mig, other_jobs_are_left_alone);
	tcase_add_loop_test(mig, a_job_is_refused, 0, ROWS(refusals));
	tcase_add_loop_test(mig, an_instance_cannot_be_made, 0, 3);
	tcase_add_test(mig, an_instance_cannot_be_removed);
	tcase_add_test(mig, runs_of_a_job);
	tcase_add_loop_test(mig, slurmctld_is_away, 0, 2);
	tcase_add_test(mig, without_standard_input);
	tcase_add_loop_test(mig, a_record_that_was_spoiled, 0, ROWS(spoiled));
	tcase_add_loop_test(mig, a_wish_without_an_instance, 0, 3);
	tcase_add_loop_test(mig, strays_of_an_ended_job, 0, ROWS(strays));
	tcase_add_test(mig, slurmd_starts);
	tcase_add_test(mig, slurmd_starts_without_a_driver);
	tcase_add_loop_test(mig, slurmd_waits_for_the_driver, 0, 2);
	suite_add_tcase(suite, mig);
}
