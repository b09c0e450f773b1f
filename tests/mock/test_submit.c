/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_submit.c - job_submit/gputopo beside the select plugin that it asks: what is
 * refused, in which words, and that everything else is let through.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/stage.h"

static void *handle;
static int (*submit)(job_desc_msg_t *job, uint32_t uid, char **err_msg);

static void setup(void)
{
	void *symbol;

	stage_setup();
	handle = dlopen(MOCK_OURS "/job_submit_gputopo.so", RTLD_LAZY);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	symbol = dlsym(handle, "job_submit");
	ck_assert_ptr_nonnull(symbol);
	memcpy(&submit, &symbol, sizeof(submit));
}

static void teardown(void)
{
	dlclose(handle);
	stage_teardown();
}

/* Which member of the description holds the GPUs. */
enum form { JOB, NODE, TASK, SOCKET };

static const struct {
	const char *why;
	enum form form;
	const char *tres;
	const char *env;
	uint32_t nodes;
	uint32_t tasks;
	const char *says; /* NULL: let through */
} rows[] = {
	{"no wish", JOB, "gres:gpu:2", "OTHER=1", NO_VAL, NO_VAL, NULL},
	{"a wish that can be met", JOB, "gres:gpu:2", "GPUTOPO_MIN_BUSBW=40", NO_VAL,
	 NO_VAL, NULL},
	{"one that cannot", JOB, "gres:gpu:2", "GPUTOPO_MIN_BUSBW=41", NO_VAL, NO_VAL,
	 "gputopo: --gpu-min-busbw=41: no node can give 2 GPUs that bandwidth; the best "
	 "that any node can give is 40 GB/s (n0)"},
	{"24.11's spelling", NODE, "gres/gpu:2", "GPUTOPO_MIN_BUSBW=41", NO_VAL, NO_VAL,
	 "(n0)"},
	{"another resource before it", NODE, "gres:nic:1,gres:gpu=2",
	 "GPUTOPO_MIN_BUSBW=41", NO_VAL, NO_VAL, "(n0)"},
	{"tasks", TASK, "cpu:2,gres/gpu:1", "GPUTOPO_MIN_BUSBW=41", NO_VAL, 2, "(n0)"},
	{"tasks on two nodes: one each", TASK, "gres:gpu:1", "GPUTOPO_MIN_BUSBW=41", 2, 2,
	 NULL},
	{"one task, where nobody says how many", TASK, "gres:gpu:2",
	 "GPUTOPO_MIN_BUSBW=41", NO_VAL, NO_VAL, "(n0)"},
	{"two nodes share four", JOB, "gres:gpu:4", "GPUTOPO_MIN_BUSBW=41", 2, NO_VAL,
	 "2 GPUs that"},
	{"an uneven share is not known", JOB, "gres:gpu:5", "GPUTOPO_MIN_BUSBW=400", 2,
	 NO_VAL, NULL},
	{"sockets are not known", SOCKET, "gres:gpu:2", "GPUTOPO_MIN_BUSBW=400", NO_VAL,
	 NO_VAL, NULL},
	{"more GPUs than a node has: for Slurm to say", JOB, "gres:gpu:9",
	 "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL, NULL},
	{"one GPU", JOB, "gres:gpu", "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL, NULL},
	{"a type that is there", JOB, "gres:gpu:bb:2", "GPUTOPO_MIN_BUSBW=41", NO_VAL,
	 NO_VAL, "(t0)"},
	{"a type that is not", JOB, "gres:gpu:cc:2", "GPUTOPO_MIN_BUSBW=41", NO_VAL,
	 NO_VAL, NULL},
	{"a type of one letter more is another", JOB, "gres:gpu:bbb:2",
	 "GPUTOPO_MIN_BUSBW=41", NO_VAL, NO_VAL, NULL},
	{"another resource of which the name begins so", JOB, "gres:gpux:2",
	 "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL, NULL},
	{"a resource of two letters", JOB, "gres:gp:2", "GPUTOPO_MIN_BUSBW=400", NO_VAL,
	 NO_VAL, NULL},
	{"a type without a number", JOB, "gres:gpu:bb", "GPUTOPO_MIN_BUSBW=41", NO_VAL,
	 NO_VAL, NULL},
	{"two types", JOB, "gres:gpu:aa:2,gres:gpu:bb:2", "GPUTOPO_MIN_BUSBW=400", NO_VAL,
	 NO_VAL, NULL},
	{"a ring of 8", JOB, "gres:gpu:8", "GPUTOPO_TOPO=ring", NO_VAL, NO_VAL, NULL},
	{"no ring of 3 among bb", JOB, "gres:gpu:bb:3", "GPUTOPO_TOPO=ring", NO_VAL,
	 NO_VAL,
	 "gputopo: --gpu-topo=ring: no node has a ring of links through 3 GPUs; the best "
	 "that any node can give is "},
	{"nonsense", JOB, "gres:gpu:x:y:z", "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL,
	 NULL},
	{"a negative number", JOB, "gres:gpu:-3", "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL,
	 NULL},
	{"a number too large", JOB, "gres:gpu:99999999999", "GPUTOPO_MIN_BUSBW=400",
	 NO_VAL, NO_VAL, NULL},
	{"no GPUs", JOB, "", "GPUTOPO_MIN_BUSBW=400", NO_VAL, NO_VAL, NULL},
	{"groups", JOB, "gres:gpu:4", "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL, NULL},
	{"more than the job's GPUs", JOB, "gres:gpu:4", "GPUTOPO_GROUP_SIZES=2x3", NO_VAL,
	 NO_VAL,
	 "gputopo: --gpu-groups=2x3: the sizes add up to 6 GPUs, but the job asks for 4 "
	 "on a node"},
	{"fewer", NODE, "gres:gpu:8", "GPUTOPO_GROUP_SIZES=2x2", 1, NO_VAL, "asks for 8"},
	{"one GPU", JOB, "gres:gpu", "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL,
	 "asks for 1"},
	{"twice the pattern on each of two nodes", NODE, "gres:gpu:8",
	 "GPUTOPO_GROUP_SIZES=2x2", 2, NO_VAL, NULL},
	{"two types together", JOB, "gres:gpu:aa:2,gres:gpu:bb:2",
	 "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL, NULL},
	{"more than two types together", JOB, "gres:gpu:aa:2,gres:gpu:bb:2",
	 "GPUTOPO_GROUP_SIZES=3x2", NO_VAL, NO_VAL, "asks for 4"},
	{"without GPUs", JOB, "cpu:4", "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL,
	 "gputopo: --gpu-groups=2x2: the sizes add up to 4 GPUs, but the job asks for 0 "
	 "on a node"},
	{"sockets of which nobody says how many", SOCKET, "gres:gpu:2",
	 "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL, NULL},
	{"a number that no node has, twice", JOB,
	 "gres:gpu:aa:2147483647,gres:gpu:bb:2147483647", "GPUTOPO_GROUP_SIZES=2x2",
	 NO_VAL, NO_VAL, NULL},
	{"no multiple", NODE, "gres:gpu:6", "GPUTOPO_GROUP_SIZES=2x2", 2, NO_VAL,
	 "asks for 6 on a node, which must be a multiple"},
	{"no number of tasks is known", TASK, "gres:gpu:2", "GPUTOPO_GROUP_SIZES=2", 2,
	 NO_VAL, NULL},
	{"a type without a number is one GPU", JOB, "gres:gpu:bb",
	 "GPUTOPO_GROUP_SIZES=2x2", NO_VAL, NO_VAL, "asks for 1"},
	{"a thousand groups", JOB, "gres:gpu:4", "GPUTOPO_GROUP_SIZES=1000x1", NO_VAL,
	 NO_VAL,
	 "gputopo: --gpu-groups, --gpu-comm: '1000x1': more than 256 groups, the most "
	 "that a node takes"},
	{"groups of none", JOB, "gres:gpu:4", "GPUTOPO_GROUP_SIZES=0x4", NO_VAL, NO_VAL,
	 "must be sizes such as 2x4"},
	{"text", SOCKET, "gres:gpu:4", "GPUTOPO_GROUP_SIZES=four", NO_VAL, NO_VAL,
	 "'four' must be sizes"},
	{"a comm that is none", JOB, "gres:gpu:4", "GPUTOPO_COMM=broadcast", NO_VAL,
	 NO_VAL,
	 "gputopo: --gpu-groups, --gpu-comm: 'broadcast' must be allreduce or alltoall"},
};

/* n0: a DGX-1V; t0: eight GPUs of which the bb ones are a line, b4-b5-b6-b7. */
static void start_two(void)
{
	static int links[64];
	static const struct mock_gpus typed = {
		.count = 8, .links = links, .types = types};

	memset(links, 0, sizeof(links));
	for (int g = 0; g < 8; g++)
		links[9 * g] = -1;
	for (int g = 4; g < 7; g++)
		links[8 * g + g + 1] = links[8 * (g + 1) + g] = 1;
	mock_node_add("n0", &dgx);
	mock_node_add("t0", &typed);
	start();
}

static char shown[256]; /* the job's AdminComment */

static int submit_row(int i, char **text)
{
	char *env[1] = {(char *)rows[i].env};
	job_desc_msg_t job;
	int rc;

	memset(&job, 0, sizeof(job));
	job.min_nodes = rows[i].nodes;
	job.num_tasks = rows[i].tasks;
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	*(rows[i].form == JOB	 ? &job.tres_per_job
	  : rows[i].form == NODE ? &job.tres_per_node
	  : rows[i].form == TASK ? &job.tres_per_task
				 : &job.tres_per_socket) = (char *)rows[i].tres;
	*text = NULL;
	rc = submit(&job, 0, text);
	snprintf(shown, sizeof(shown), "%s", job.admin_comment ? job.admin_comment : "");
	xfree(job.admin_comment);
	return rc;
}

START_TEST(what_can_never_be_met_is_refused_in_words)
{
	char *text;
	int rc;

	start_two();
	rc = submit_row(_i, &text);
	if (!rows[_i].says) {
		ck_assert_msg(rc == SLURM_SUCCESS && !text, "%s: %s", rows[_i].why, text);
		return;
	}
	ck_assert_msg(rc == ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE, "%s", rows[_i].why);
	ck_assert_msg(text && strstr(text, rows[_i].says), "%s: %s", rows[_i].why, text);
	xfree(text);
}
END_TEST

/* --ntasks-per-node counts where the number of tasks is not given. */
START_TEST(tasks_of_a_node_are_counted)
{
	static const struct {
		uint16_t each;
		bool refused;
	} per_node[] = {{2, true}, {1, false}, {0, false}, {NO_VAL16, false}};

	start_two();
	for (int i = 0; i < ROWS(per_node); i++) {
		char *env[1] = {(char *)"GPUTOPO_MIN_BUSBW=41"}, *text = NULL;
		job_desc_msg_t job;

		memset(&job, 0, sizeof(job));
		job.min_nodes = 1;
		job.num_tasks = NO_VAL;
		job.ntasks_per_node = per_node[i].each;
		job.spank_job_env = env;
		job.spank_job_env_size = 1;
		job.tres_per_task = (char *)"gres:gpu:1";
		ck_assert_int_eq(submit(&job, 0, &text) != SLURM_SUCCESS,
				 per_node[i].refused);
		xfree(text);
		xfree(job.admin_comment);
	}
}
END_TEST

enum { ROW_REFUSED = 2 };

START_TEST(a_node_that_is_down_may_bring_links)
{
	char *text;

	start_two();
	node_record_table_ptr[1]->node_state |= NODE_STATE_NO_RESPOND;
	ck_assert_int_eq(submit_row(ROW_REFUSED, &text), SLURM_SUCCESS);
}
END_TEST

static const struct {
	const char *conf;
	bool told; /* that nothing is enforced */
} quiet[] = {{"Mode=off\n", false},
	     {"Mode=observe\n", true},
	     {"NodeName=t0 Mode=observe\n", false},
	     {"NodeName=t0 Mode=off\nNodeName=n0 Mode=observe\n", true},
	     {"Broken\n", false}};

START_TEST(nothing_is_refused_where_nothing_is_enforced)
{
	char *text;

	write_conf(quiet[_i].conf);
	start_two();
	ck_assert_int_eq(submit_row(ROW_REFUSED, &text), SLURM_SUCCESS);
	ck_assert_str_eq(shown, "gputopo: --gpu-min-busbw=41");
	ck_assert_int_eq(text && strstr(text, "not enforced"), quiet[_i].told);
	xfree(text);
}
END_TEST

/* -N 1-4: nodes of such a job may have the pattern more than once. */
static const struct {
	uint32_t least, most;
	bool refused;
} several[] = {{1, 1, true},  {1, 0, true},	  {1, NO_VAL, true},
	       {1, 4, false}, {NO_VAL, 2, false}, {2, 2, false}};

static const struct {
	const char *shape, *topo, *gpus;
	const char *refused; /* NULL: it is not */
} nothing_to_group[] = {
	{"GPUTOPO_GROUP_SIZES=2x2", "GPUTOPO_TOPO=off", "gres:gpu:4",
	 "--gpu-topo=off leaves the choice to Slurm"},
	{"GPUTOPO_COMM=alltoall", "GPUTOPO_TOPO=off", "gres:gpu:4",
	 "--gpu-topo=off leaves the choice to Slurm"},
	{"GPUTOPO_COMM=alltoall", "GPUTOPO_TOPO=best", NULL, "asks for no GPUs"},
	{"GPUTOPO_GROUP_SIZES=2x2", "GPUTOPO_TOPO=best", NULL, "asks for 0 on a node"},
	{"GPUTOPO_COMM=alltoall", "GPUTOPO_TOPO=best", "gres:gpu:4", NULL},
	{"GPUTOPO_GROUP_SIZES=2x2", "GPUTOPO_TOPO=any", "gres:gpu:4", NULL},
};

START_TEST(a_geometry_of_nothing)
{
	char *env[2] = {(char *)nothing_to_group[_i].shape,
			(char *)nothing_to_group[_i].topo};
	char *text = NULL;
	job_desc_msg_t job;

	start_two();
	memset(&job, 0, sizeof(job));
	job.min_nodes = 1;
	job.max_nodes = 1;
	job.num_tasks = NO_VAL;
	job.spank_job_env = env;
	job.spank_job_env_size = 2;
	job.tres_per_node = (char *)nothing_to_group[_i].gpus;
	ck_assert_int_eq(submit(&job, 0, &text) != SLURM_SUCCESS,
			 nothing_to_group[_i].refused != NULL);
	if (nothing_to_group[_i].refused)
		ck_assert_msg(text && strstr(text, nothing_to_group[_i].refused), "%s",
			      text);
	xfree(text);
	xfree(job.admin_comment);
}
END_TEST

START_TEST(groups_of_a_job_of_one_or_more_nodes)
{
	char *env[1] = {(char *)"GPUTOPO_GROUP_SIZES=2x2"}, *text = NULL;
	job_desc_msg_t job;

	start_two();
	memset(&job, 0, sizeof(job));
	job.min_nodes = several[_i].least;
	job.max_nodes = several[_i].most;
	job.num_tasks = NO_VAL;
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	job.tres_per_node = (char *)"gres:gpu:8";
	ck_assert_int_eq(submit(&job, 0, &text) != SLURM_SUCCESS, several[_i].refused);
	xfree(text);
	xfree(job.admin_comment);
}
END_TEST

/* ---- a job's other constraints --------------------------------------------------------
 */

static const struct {
	const char *why;
	const char *required, *excluded, *features, *reservation;
	uint32_t nodes;
	const char *says; /* NULL: let through */
} place_rows[] = {
	{"any node", NULL, NULL, NULL, NULL, 1, NULL},
	{"the node that has it", "n0", NULL, NULL, NULL, 1, NULL},
	{"one that has not", "t0", NULL, NULL, NULL, 1,
	 "gputopo: --gpu-topo=ring: t0, which the job requires, cannot have a ring of "
	 "links through 3 GPUs; the best that any node can give is "},
	{"both", "n0,t0", NULL, NULL, NULL, 1, "t0, which the job requires"},
	{"two of any", NULL, NULL, NULL, NULL, 2,
	 "only 1 of the 2 nodes that it needs can have a ring"},
	{"without the one that has it", NULL, "n0", NULL, NULL, 1, "no node has a ring"},
	{"without the other", NULL, "t0", NULL, NULL, 1, NULL},
	{"a feature of that one", NULL, NULL, "big", NULL, 1, NULL},
	{"a feature of the other", NULL, NULL, "old", NULL, 1, "no node has a ring"},
	{"one of two", NULL, NULL, "old|big", NULL, 1, NULL},
	{"both of one node", NULL, NULL, "old&rare", NULL, 1, "no node has a ring"},
	{"counts are not read", NULL, NULL, "[old*1]", NULL, 1, NULL},
	{"an unknown feature is for Slurm to refuse", NULL, NULL, "old|what", NULL, 1,
	 NULL},
	{"a reservation of the other", NULL, NULL, NULL, "maint", 1,
	 "no node has a ring"},
	{"an unknown reservation", NULL, NULL, NULL, "what", 1, NULL},
	{"an unknown node", "t0,x", NULL, NULL, NULL, 1, NULL},
	{"more names than nodes", "t0,t0,t0,t0,t0,t0", NULL, NULL, NULL, 1, NULL},
};

/* n0 has the features big and rare, t0 old and rare, and the reservation maint. */
static void give_features(void)
{
	static node_feature_t features[3] = {{.name = (char *)"big"},
					     {.name = (char *)"old"},
					     {.name = (char *)"rare"}};
	static slurmctld_resv_t reservation = {.name = (char *)"maint"};
	static struct xlist list;

	list.count = 0;
	for (int f = 0; f < 3; f++) {
		features[f].node_bitmap = bit_alloc(2);
		mock_list_add(&list, &features[f]);
	}
	bit_set(features[0].node_bitmap, 0);
	bit_set(features[1].node_bitmap, 1);
	bit_set(features[2].node_bitmap, 0);
	bit_set(features[2].node_bitmap, 1);
	reservation.node_bitmap = bit_alloc(2);
	bit_set(reservation.node_bitmap, 1);
	avail_feature_list = &list;
	mock_slurm.reservation = &reservation;
}

static void take_features(void)
{
	for (int f = 0; f < 3; f++) {
		node_feature_t *feature = avail_feature_list->item[f];

		FREE_NULL_BITMAP(feature->node_bitmap);
	}
	FREE_NULL_BITMAP(mock_slurm.reservation->node_bitmap);
	avail_feature_list = NULL;
	mock_slurm.reservation = NULL;
}

START_TEST(other_constraints_are_part_of_a_refusal)
{
	char *env[1] = {(char *)"GPUTOPO_TOPO=ring"}, *text = NULL;
	job_desc_msg_t job;
	int rc;

	start_two();
	give_features();
	memset(&job, 0, sizeof(job));
	job.min_nodes = place_rows[_i].nodes;
	job.num_tasks = NO_VAL;
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	job.tres_per_node = (char *)"gres:gpu:3";
	job.req_nodes = (char *)place_rows[_i].required;
	job.exc_nodes = (char *)place_rows[_i].excluded;
	job.features = (char *)place_rows[_i].features;
	job.reservation = (char *)place_rows[_i].reservation;
	rc = submit(&job, 0, &text);
	take_features();
	ck_assert_msg((rc == SLURM_SUCCESS) == !place_rows[_i].says, "%s: %s",
		      place_rows[_i].why, text);
	ck_assert_msg(!place_rows[_i].says || (text && strstr(text, place_rows[_i].says)),
		      "%s: %s", place_rows[_i].why, text);
	xfree(text);
	xfree(job.admin_comment);
}
END_TEST

#define MIG "_SLURM_SPANK_OPTION_gputopo_mig="

static const struct {
	const char *why;
	const char *env;
	const char *tres; /* of a node; NULL: none */
	uint16_t shared;
	const char *says; /* NULL: let through */
} mig_rows[] = {
	{"no wish", "OTHER=1", "gres:gpu:1", NO_VAL16, NULL},
	{"shards where nobody gives slices", "OTHER=1", "gres:shard:1", NO_VAL16, NULL},
	{"no node gives slices", MIG "1g.10gb", NULL, NO_VAL16,
	 "--mig=1g.10gb: no node has GPUs with MIG slices"},
	{"no wish that can be read", MIG "large", NULL, NO_VAL16,
	 "--mig=large is not PROFILE or PROFILE:COUNT"},
	{"the whole node", MIG "1g.10gb", NULL, 0, "--exclusive takes all GPUs"},
	{"GPUs beside it", MIG "1g.10gb", "gres/gpu:1", NO_VAL16, "not for both"},
	{"GPUs of a type", MIG "1g.10gb", "cpu:1,gres:gpu:aa=2", NO_VAL16,
	 "not for both"},
	{"shards beside it", MIG "1g.10gb", "gres:shard:1", NO_VAL16,
	 "--mig adds the shards"},
	{"a name that only begins so", MIG "1g.10gb", "gres:gpus:1", NO_VAL16,
	 "no node has GPUs with MIG slices"},
};

START_TEST(mig_is_refused_in_words)
{
	char *env[1] = {(char *)mig_rows[_i].env}, *text = NULL;
	job_desc_msg_t job;
	int rc;

	start_two();
	memset(&job, 0, sizeof(job));
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	job.shared = mig_rows[_i].shared;
	job.tres_per_node = (char *)mig_rows[_i].tres;
	rc = submit(&job, 0, &text);
	ck_assert_msg((rc == SLURM_SUCCESS) == !mig_rows[_i].says, "%s: %s",
		      mig_rows[_i].why, text);
	ck_assert_msg(!mig_rows[_i].says || (rc == ESLURM_INVALID_GRES && text &&
					     strstr(text, mig_rows[_i].says)),
		      "%s: %s", mig_rows[_i].why, text);
	xfree(text);
	xfree(job.admin_comment);
}
END_TEST

/* GPUs beside --mig, wherever the user names them. */
START_TEST(mig_is_for_no_gpus_in_any_form)
{
	char *env[1] = {(char *)MIG "1g.10gb"}, *text = NULL;
	job_desc_msg_t job;

	start_two();
	memset(&job, 0, sizeof(job));
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	job.shared = NO_VAL16;
	*(_i == 0   ? &job.tres_per_job
	  : _i == 1 ? &job.tres_per_node
	  : _i == 2 ? &job.tres_per_socket
		    : &job.tres_per_task) = (char *)"gres:gpu:1";
	ck_assert_int_eq(submit(&job, 0, &text), ESLURM_INVALID_GRES);
	ck_assert_ptr_nonnull(strstr(text, "not for both"));
	xfree(text);
	xfree(job.admin_comment);
}
END_TEST

#ifdef GP_UNTIL_2411
/* What scontrol update may change of a job with an instance: not what it has of GPUs. */
START_TEST(gpus_of_a_mig_job_are_not_changed)
{
	int (*modify)(job_desc_msg_t * desc, job_record_t * job, uint32_t uid);
	void *symbol = dlsym(handle, "job_modify");
	job_desc_msg_t desc;
	job_record_t *job;

	ck_assert_ptr_nonnull(symbol);
	memcpy(&modify, &symbol, sizeof(modify));
	start_two();
	job = job_for(1);
	for (int form = 0; form < 5; form++) {
		memset(&desc, 0, sizeof(desc));
		*(form == 0   ? &desc.tres_per_job
		  : form == 1 ? &desc.tres_per_node
		  : form == 2 ? &desc.tres_per_socket
		  : form == 3 ? &desc.tres_per_task
			      : &desc.comment) = (char *)"gres:gpu:1";
		job->spank_job_env_size = 0;
		ck_assert_int_eq(modify(&desc, job, 0), SLURM_SUCCESS);
		job_with(job, MIG "1g.10gb");
		ck_assert_int_eq(modify(&desc, job, 0),
				 form < 4 ? ESLURM_INVALID_GRES : SLURM_SUCCESS);
	}
	ck_assert_int_eq(modify(&desc, NULL, 0), SLURM_SUCCESS);
}
END_TEST
#endif

/* What is let through asks for a shard for each memory slice, behind what it asks for. */
START_TEST(an_instance_is_asked_for_by_its_shards)
{
	static const struct mock_gpus two = {.count = 2};
	static const char *const before[] = {NULL, "", "gres:nic:1"};
	char *env[1] = {(char *)MIG "3g.40gb"}, *text = NULL, wanted[64];
	job_desc_msg_t job;

	write_file("mig.json",
		   "{\"version\": 1, \"gpus\": [{\"model\": \"NVIDIA A100-SXM4-80GB\", "
		   "\"mig\": true, \"minor\": 0}, {\"model\": \"NVIDIA "
		   "A100-SXM4-80GB\", \"mig\": true, \"minor\": 1}], \"links\": "
		   "[[0,0],[0,0]]}\n");
	write_conf("NodeName=n0 Topology=mig.json\n");
	mock_node_share(mock_node_add("n0", &two), 8);
	start();
	memset(&job, 0, sizeof(job));
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	job.shared = NO_VAL16;
	job.tres_per_node = before[_i] ? mock_text(before[_i]) : NULL;
	ck_assert_msg(submit(&job, 0, &text) == SLURM_SUCCESS, "%s", text);
	snprintf(wanted, sizeof(wanted), "%s%s" GP_TRES_GRES "shard:4",
		 before[_i] ? before[_i] : "", before[_i] && *before[_i] ? "," : "");
	ck_assert_str_eq(job.tres_per_node, wanted);
	xfree(job.tres_per_node);
	xfree(job.admin_comment);
}
END_TEST

START_TEST(a_forged_place_is_dropped)
{
	char *env[3] = {mock_text("A=1"), mock_text("GPUTOPO_MIG_PLACE=n0:0:0:8"),
			mock_text("B=2")};
	job_desc_msg_t job;
	char *text = NULL;

	start_two();
	memset(&job, 0, sizeof(job));
	job.spank_job_env = env;
	job.spank_job_env_size = 3;
	ck_assert_int_eq(submit(&job, 0, &text), SLURM_SUCCESS);
	ck_assert_uint_eq(job.spank_job_env_size, 2);
	ck_assert_str_eq(env[0], "A=1");
	ck_assert_str_eq(env[1], "B=2");
	xfree(env[0]);
	xfree(env[1]);
}
END_TEST

START_TEST(without_memory_the_job_is_refused_without_words)
{
	char *text;

	start_two();
	mock_slurm.no_memory = true;
	ck_assert_int_ne(submit_row(ROW_REFUSED, &text), SLURM_SUCCESS);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(without_the_select_plugin_all_is_let_through)
{
	char *text;

	start_two();
	slurm_conf.plugindir = (char *)MOCK_STOCK "::/nonexistent";
	ck_assert_int_eq(submit_row(ROW_REFUSED, &text), SLURM_SUCCESS);
}
END_TEST

/* A topology without names is a guess, unless Type= of gres.conf is a GPU model: PCIe 4
 * of an L40S gives 24 GB/s, what nobody names 12. */
START_TEST(types_name_the_gpus_of_a_topology_without_names)
{
	static const char *const known[2] = {"nvidia_l40s", "nvidia_l40s"};
	static const char *const own[2] = {"big", "big"};
	static const int none[4] = {-1, 0, 0, -1};

	for (int named = 0; named < 2; named++) {
		struct mock_gpus gpus = {
			.count = 2, .links = none, .types = named ? known : own};
		char *env[1] = {(char *)"GPUTOPO_MIN_BUSBW=20"}, *text = NULL;
		job_desc_msg_t job;

		write_file("t.txt", "\tGPU0\tGPU1\nGPU0\t X \tPIX\nGPU1\tPIX\t X \n");
		write_conf("NodeName=n0 Topology=t.txt\n");
		mock_node_add("n0", &gpus);
		start();
		memset(&job, 0, sizeof(job));
		job.min_nodes = job.num_tasks = NO_VAL;
		job.spank_job_env = env;
		job.spank_job_env_size = 1;
		job.tres_per_job = (char *)"gres:gpu:2";
		ck_assert_int_eq(submit(&job, 0, &text) == SLURM_SUCCESS, named);
		ck_assert(named || strstr(text, "12 GB/s"));
		ck_assert(mock_logged("set Model= on its line in gputopo.conf"));
		xfree(text);
		xfree(job.admin_comment);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(only_the_nodes_of_the_partition_count)
{
	part_record_t part = {.node_bitmap = bit_alloc(2)};
	char *text;

	write_conf("NodeName=t0 Mode=observe\n");
	start_two();
	bit_set(part.node_bitmap, 0);
	default_part_loc = &part;
	ck_assert_int_ne(submit_row(ROW_REFUSED, &text), SLURM_SUCCESS);
	default_part_loc = NULL;
	FREE_NULL_BITMAP(part.node_bitmap);
	xfree(text);
}
END_TEST

SUITE(submit)
{
	TCase *tc = tcase_create("submit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_can_never_be_met_is_refused_in_words, 0, ROWS(rows));
	tcase_add_test(tc, tasks_of_a_node_are_counted);
	tcase_add_test(tc, a_node_that_is_down_may_bring_links);
	tcase_add_loop_test(tc, nothing_is_refused_where_nothing_is_enforced, 0,
			    ROWS(quiet));
	tcase_add_loop_test(tc, groups_of_a_job_of_one_or_more_nodes, 0, ROWS(several));
	tcase_add_loop_test(tc, a_geometry_of_nothing, 0, ROWS(nothing_to_group));
	tcase_add_test(tc, without_memory_the_job_is_refused_without_words);
	tcase_add_loop_test(tc, mig_is_refused_in_words, 0, ROWS(mig_rows));
	tcase_add_loop_test(tc, other_constraints_are_part_of_a_refusal, 0,
			    ROWS(place_rows));
	tcase_add_loop_test(tc, mig_is_for_no_gpus_in_any_form, 0, 4);
#ifdef GP_UNTIL_2411
	tcase_add_test(tc, gpus_of_a_mig_job_are_not_changed);
#endif
	tcase_add_loop_test(tc, an_instance_is_asked_for_by_its_shards, 0, 3);
	tcase_add_test(tc, a_forged_place_is_dropped);
	tcase_add_test(tc, without_the_select_plugin_all_is_let_through);
	tcase_add_test(tc, only_the_nodes_of_the_partition_count);
	tcase_add_test(tc, types_name_the_gpus_of_a_topology_without_names);
	suite_add_tcase(suite, tc);
}
