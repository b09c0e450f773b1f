/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_glue_forms.c - request forms with rules of their own: bindings, shared and
 * reserved GPUs, several nodes, NVLink domains, and jobs that come back.
 */
#include "plugin/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gputopo.h"
#include "tests/mock/stage.h"

static char *env[2];

/* A job with an option of the SPANK plugin in its environment. */
static job_record_t *with(job_record_t *job, const char *option)
{
	env[0] = (char *)option;
	job->spank_job_env = env;
	job->spank_job_env_size = 1;
	return job;
}

static void start_nodes(const uint64_t *free, int count)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3"};

	for (int n = 0; n < count; n++)
		mock_node_add(names[n], &dgx);
	start();
	for (int n = 0; n < count; n++) {
		job_record_t *job;

		if (free[n] == 0xff)
			continue;
		job = mock_job_add(100 + (uint32_t)n);
		mock_job_run(job, n, 0xff & ~free[n]);
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
}

static uint64_t nodes_of(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	return nodes;
}

static void expect_wait(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_ne(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_ptr_null(job->job_resrcs);
}

/* ---- bindings -------------------------------------------------------------------------
 */

static const struct {
	const char *why;
	uint64_t flags;
	uint64_t free;
	int core_socket; /* of stock's cores */
	uint64_t got;
} binding_rows[] = {
	{"the best pair of the cores' socket", GRES_ENFORCE_BIND, 0xff, 0, SET2(0, 3)},
	{"no double link on that socket: a single one, not {5,6}", GRES_ENFORCE_BIND,
	 SET3(0, 1, 5) | SET1(6), 0, SET2(0, 1)},
	{"stock's {2,5} is not near its cores: left alone", GRES_ENFORCE_BIND,
	 SET4(2, 5, 6, 7), 0, SET2(2, 5)},
	{"unbound: cores are of no matter, {5,6} or {6,7}", GRES_DISABLE_BIND,
	 SET4(2, 5, 6, 7), 0, SET2(5, 6)},
};

START_TEST(bindings_are_kept)
{
	job_record_t *job;

	start_with(&dgx, binding_rows[_i].free);
	mock_stock.core_socket = binding_rows[_i].core_socket;
	job = job_for(2);
	job->bit_flags |= binding_rows[_i].flags;
	ck_assert_msg(run(job) == binding_rows[_i].got, "%s", binding_rows[_i].why);
}
END_TEST

START_TEST(other_cpus_by_binding_leave_stock)
{
	job_record_t *job;

	/* 24.11 gives all cores of the GPUs' sockets: a move changes their number */
	start_with(&dgx, 0xff);
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_OTHER_CPUS;
	job = job_for(2);
	job->bit_flags |= GRES_ENFORCE_BIND;
	ck_assert_uint_eq(run(job), SET2(0, 1));
}
END_TEST

#if GP_SINCE(23, 11)
START_TEST(one_task_per_sharing_is_no_matter_for_whole_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->bit_flags |= GRES_ONE_TASK_PER_SHARING;
	ck_assert_uint_eq(run(job), SET2(0, 3));
}
END_TEST
#endif

START_TEST(wishes_hold_with_enforced_binding)
{
	job_record_t *job;

	start_with(&dgx, SET3(0, 1, 5) | SET1(6));
	mock_stock.core_socket = 0;
	job = with(job_for(2), "GPUTOPO_MIN_BUSBW=20");
	job->bit_flags |= GRES_ENFORCE_BIND;
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* {5,6} would do, the binding forbids it */
	job = with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	job->bit_flags |= GRES_ENFORCE_BIND;
	expect_wait(job);
}
END_TEST

/* A wish that stock's rules deny now is not forecast for now. */
START_TEST(a_denied_wish_is_forecast_for_the_next_end)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, SET3(0, 1, 5) | SET1(6));
	mock_stock.core_socket = 0;
	find_job_record(102)->time_limit = find_job_record(103)->time_limit = 10;
	find_job_record(102)->end_time = now + 300;
	find_job_record(103)->end_time = now + 200;
	job = with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	job->bit_flags |= GRES_ENFORCE_BIND;
	expect_wait(job);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_ge(job->start_time, now + 200);
	ck_assert_int_le(job->start_time, now + 203);
	/* once a job has ended, it may be now */
	ck_assert_int_eq(stage.ours.job_fini(find_job_record(107)), 0);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, now);
}
END_TEST

START_TEST(a_whole_node_meets_a_wish_by_any_of_its_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = with(job_for(8), "GPUTOPO_MIN_BUSBW=40");
	job->details->whole_node = 1;
	ck_assert_uint_eq(run(job), 0xff);
	ck_assert_int_eq(mock_stock.calls, 1);
	/* more than all eight have: never, and said so at submission */
	job = with(job_for(8), "GPUTOPO_MIN_BUSBW=400");
	job->details->whole_node = 1;
	expect_wait(job);
}
END_TEST

/* ---- shared and reserved GPUs ---------------------------------------------------------
 */

/* n0's shard gres: these GPUs are in use by shards. UINT64_MAX: free it. */
static void share(uint64_t used)
{
	static gres_node_state_t shard;
	static gres_state_t gres;

	FREE_NULL_BITMAP(shard.gres_bit_alloc);
	if (used == UINT64_MAX)
		return;
	memset(&shard, 0, sizeof(shard));
	shard.gres_bit_alloc = bit_alloc(8);
	for (int g = 0; g < 8; g++)
		if (used >> g & 1)
			bit_set(shard.gres_bit_alloc, g);
	gres.gres_name = "shard";
	gres.gres_data = &shard;
#if GP_SINCE(23, 11)
	mock_node_gpus(0)->alt_gres = &gres;
#else
	(void)gres;
	mock_node_gpus(0)->alt_gres_ns = &shard;
#endif
}

START_TEST(whole_gpus_of_a_node_with_shards_are_chosen)
{
	start_with(&dgx, 0xff);
	share(0);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	/* GPU 3's shards are in use; stock knows and the mock does not: hide it there */
	share(SET1(3));
	ck_assert_uint_eq(run(job_for(2)) & SET1(3), 0);
	ck_assert_int_eq(mock_stock.calls, 2);
	share(UINT64_MAX);
}
END_TEST

#if GP_SINCE(23, 11)
static struct xlist reserved_list;
static gres_job_state_t reserved_entry;

/* GPUs of n0 in a reservation. */
static struct xlist *reserve(uint64_t gpus)
{
	static gres_state_t gres;
	static bitstr_t *bits[1];

	bits[0] = bit_alloc(8);
	for (int g = 0; g < 8; g++)
		if (gpus >> g & 1)
			bit_set(bits[0], g);
	reserved_entry = (gres_job_state_t){.node_cnt = 1, .gres_bit_alloc = bits};
	gres = (gres_state_t){.gres_name = "gpu", .gres_data = &reserved_entry};
	memset(&reserved_list, 0, sizeof(reserved_list));
	mock_list_add(&reserved_list, &gres);
	return &reserved_list;
}

static const struct {
	const char *why;
	uint64_t gpus;
	bool granted;
	uint64_t got;
} resv_rows[] = {
	{"3 is another's: another double link", SET1(3), false, SET2(1, 2)},
	{"0 to 3 are the job's own", 0x0f, true, SET2(0, 3)},
	/* the mock's stock takes {0,1} whatever is reserved */
	{"0 and 1 are its own: no choice", SET2(0, 1), true, SET2(0, 1)},
};

START_TEST(reserved_gpus_are_not_chosen)
{
	resv_exc_t exc = {0};
	bitstr_t *offered;
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	if (resv_rows[_i].granted)
		exc.gres_list_inc = reserve(resv_rows[_i].gpus);
	else
		exc.gres_list_exc = reserve(resv_rows[_i].gpus);
	offered = bit_alloc(1);
	bit_set(offered, 0);
#if GP_SINCE(24, 11)
	ck_assert_int_eq(stage.ours.job_test(job, offered, 1, 500000, 1,
					     SELECT_MODE_RUN_NOW, NULL, NULL, &exc, NULL),
			 SLURM_SUCCESS);
#else
	ck_assert_int_eq(stage.ours.job_test(job, offered, 1, 500000, 1,
					     SELECT_MODE_RUN_NOW, NULL, NULL, &exc),
			 SLURM_SUCCESS);
#endif
	ck_assert_msg(mock_selected(job, 0) == resv_rows[_i].got, "%s: %lx",
		      resv_rows[_i].why, (unsigned long)mock_selected(job, 0));
	FREE_NULL_BITMAP(offered);
	FREE_NULL_BITMAP(reserved_entry.gres_bit_alloc[0]);
}
END_TEST
#endif

/* ---- GPUs that are only counted -------------------------------------------------------
 */

static const struct mock_gpus counted = {.count = 8, .counted = true};

/* n0's GPUs are counted; these are taken by a job that began before us. */
static void start_counted(uint64_t taken)
{
	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	mock_node_add("n0", &counted);
	if (taken)
		mock_job_run(mock_job_add(50), 0, taken);
	start();
	mock_inner.nodeinfo_set = mock_stock_take;
}

static uint64_t taken(void)
{
	bitstr_t *bits = mock_node_gpus(0)->gres_bit_alloc;
	uint64_t out = 0;

	for (int g = 0; g < 8; g++)
		out |= (uint64_t)bit_test(bits, g) << g;
	return out;
}

START_TEST(counted_gpus_are_chosen_when_the_job_starts)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(SET3(0, 2, 5));
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	/* {4,7} or {6,7}; stock would take {1,3}, one link */
	ck_assert_uint_eq(taken() & ~(SET3(0, 2, 5) | SET3(4, 6, 7)), 0);
	ck_assert_int_eq(__builtin_popcountll(taken()), 5);
	ck_assert_uint_eq(mock_node_gpus(0)->gres_cnt_alloc, 5);
	/* the next takes what is lowest: nothing is hidden any more */
	job = job_for(1);
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken() & SET1(1), SET1(1));
}
END_TEST

START_TEST(counted_gpus_of_another_job_are_not_hidden)
{
	job_record_t *job, *other;
	uint64_t nodes;

	start_counted(0);
	job = job_for(2);
	other = job_for(1);
	ck_assert_int_eq(test_job(other, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(other), 0);
	ck_assert_uint_eq(taken(), SET1(0));
	/* GPU 0, which job was to have, is gone: it starts as stock would start it */
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET3(0, 1, 2));
}
END_TEST

START_TEST(counted_gpus_stay_stocks_where_nothing_is_to_choose)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0);
	write_conf("NodeName=n0 Topology=builtin:dgx1v Mode=observe\n");
	start();
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET2(0, 1));
}
END_TEST

START_TEST(a_node_that_has_not_registered_is_not_counted)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0);
	mock_node_gpus(0)->gres_cnt_found = NO_VAL64;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), SET2(0, 1));
	ck_assert(mock_logged("knows no single GPUs"));
}
END_TEST

START_TEST(wishes_hold_for_counted_gpus)
{
	job_record_t *job;
	uint64_t nodes;

	start_counted(0xff & ~SET3(0, 1, 5));
	expect_wait(with(job_for(2), "GPUTOPO_MIN_BUSBW=41"));
	job = with(job_for(2), "GPUTOPO_MIN_BUSBW=40");
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_uint_eq(taken(), 0xff & ~SET1(0));
}
END_TEST

/* ---- several nodes --------------------------------------------------------------------
 */

static job_record_t *job_total(uint64_t gpus)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_entry(job, "gpu", NULL)->gres_per_job = gpus;
	return job;
}

START_TEST(each_share_of_a_split_job_is_a_best_set)
{
	static const uint64_t free[] = {0xff, 0x2f};
	job_record_t *job;

	write_conf("NodeChoice=no\n");
	start_nodes(free, 2);
	mock_stock.nodes_wanted = 2;
	job = job_total(4);
	ck_assert_uint_eq(nodes_of(job), 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_int_eq(__builtin_popcountll(mock_selected(job, 1)), 2);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(a_wish_over_several_nodes_is_each_nodes)
{
	static const uint64_t free[] = {0xff, 0x21};
	job_record_t *job;

	start_nodes(free, 2);
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	/* {0,5} of n1 is no ring */
	expect_wait(with(job_total(4), "GPUTOPO_TOPO=ring"));
	job = with(job_total(2), "GPUTOPO_TOPO=ring");
	ck_assert_uint_eq(nodes_of(job), 3);
}
END_TEST

/* ---- NVLink domains -------------------------------------------------------------------
 */

#define TWO_DOMAINS                                                                      \
	"NodeName=n0 Domain=a\nNodeName=n1 Domain=b\nNodeName=n[2-3] Domain=b\n"

static const struct {
	const char *why;
	const char *conf;
	uint64_t free[4];
	uint32_t nodes;
	uint64_t total; /* --gpus; 0: 2 a node */
	uint64_t got;
} domain_rows[] = {
	{"two nodes of b, though a comes first",
	 TWO_DOMAINS,
	 {0xff, 0xff, 0xff, 0xff},
	 2,
	 0,
	 0x6},
	{"the smaller of two domains with room",
	 "NodeName=n[0-1] Domain=a\nNodeName=n[2-3] Domain=b\n",
	 {0xff, 0xff, 0xff, 0xff},
	 2,
	 0,
	 0x3},
	{"busy nodes do not count",
	 "NodeName=n[0-1] Domain=a\nNodeName=n[2-3] Domain=b\n",
	 {0xff, 0x01, 0xff, 0xff},
	 2,
	 0,
	 0xc},
	{"no domain has room: stock",
	 "NodeName=n[0-1] Domain=a\n",
	 {0xff, 0x01, 0xff, 0xff},
	 2,
	 0,
	 0x5},
	{"no domains at all: stock", "", {0xff, 0xff, 0xff, 0xff}, 2, 0, 0x3},
	{"--gpus: the domain that has as many",
	 "NodeName=n[0-1] Domain=a\nNodeName=n[2-3] Domain=b\n",
	 {0xff, 0x0f, 0xff, 0xff},
	 2,
	 16,
	 0xc},
	{"NodeChoice=no for one of them: stock",
	 "NodeChoice=no\n" TWO_DOMAINS,
	 {0xff, 0xff, 0xff, 0xff},
	 2,
	 0,
	 0x3},
};

static job_record_t *domain_job(int row)
{
	mock_stock.nodes_wanted = (int)domain_rows[row].nodes;
	stage.asked_nodes = domain_rows[row].nodes;
	return domain_rows[row].total ? job_total(domain_rows[row].total) : job_for(2);
}

START_TEST(several_nodes_are_of_one_domain)
{
	write_conf(domain_rows[_i].conf);
	start_nodes(domain_rows[_i].free, 4);
	ck_assert_msg(nodes_of(domain_job(_i)) == domain_rows[_i].got, "%s",
		      domain_rows[_i].why);
}
END_TEST

enum aside {
	ASIDE_TREE,
	ASIDE_BLOCK,
	ASIDE_WEIGHT,
	ASIDE_REQUIRED,
	ASIDE_CONTIGUOUS,
	ASIDE_SWITCH,
	ASIDE_SPREAD,
	ASIDE_COUNT
};

START_TEST(domains_stand_aside)
{
	static const char *const topology[ASIDE_COUNT] = {"topology/tree",
							  "topology/block"};
	job_record_t *job;

	write_conf(domain_rows[0].conf);
	start_nodes(domain_rows[0].free, 4);
	job = domain_job(0);
	slurm_conf.topology_plugin = (char *)topology[_i];
	if (_i == ASIDE_WEIGHT)
		for (int n = 1; n < 4; n++)
			node_record_table_ptr[n]->sched_weight = 0x100;
	if (_i == ASIDE_REQUIRED)
		job->details->req_node_bitmap = bit_alloc(4);
	job->details->contiguous = _i == ASIDE_CONTIGUOUS;
	job->req_switch = _i == ASIDE_SWITCH;
	job->bit_flags |= _i == ASIDE_SPREAD ? SPREAD_JOB : 0;
	ck_assert_uint_eq(nodes_of(job), 0x3);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	slurm_conf.topology_plugin = NULL;
}
END_TEST

START_TEST(a_failing_domain_is_followed_by_the_next_and_by_all)
{
	write_conf("NodeName=n[0-1] Domain=a\nNodeName=n[2-3] Domain=b\n");
	start_nodes(domain_rows[0].free, 4);
	mock_stock.fault[0] = MOCK_FAIL;
	ck_assert_uint_eq(nodes_of(domain_job(0)), 0xc);
	ck_assert_uint_eq(mock_stock.call[0].nodes, 0x3);
	ck_assert_uint_eq(mock_stock.call[1].min_cpus, 3);
	mock_stock.fault[1] = MOCK_FAIL;
	ck_assert_uint_eq(nodes_of(domain_job(0)), 0x3);
	ck_assert_uint_eq(mock_stock.call[2].nodes, 0xf);
	ck_assert_ptr_eq(mock_stock.call[2].candidates, dgx1v);
}
END_TEST

START_TEST(the_node_files_clique_is_a_domain)
{
	static const struct mock_gpus bare = {.count = 4};
	char path[PATH_MAX];
	uint64_t nodes;

	for (int f = 0; f < 2; f++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/rack%d.json", stage.dir, f);
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fprintf(file,
			"{\"version\":1,\"domain\":\"uuid.%d\",\"gpus\":[{\"index\":0},"
			"{\"index\":1},{\"index\":2},{\"index\":3}],\"links\":[[0,1,1,1],"
			"[1,0,1,1],[1,1,0,1],[1,1,1,0]]}",
			f);
		fclose(file);
	}
	write_conf("NodeName=n0 Topology=rack0.json\n"
		   "NodeName=n[1-2] Topology=rack1.json\n");
	mock_node_add("n0", &bare);
	mock_node_add("n1", &bare);
	mock_node_add("n2", &bare);
	start();
	mock_stock.nodes_wanted = 2;
	stage.asked_nodes = 2;
	ck_assert_int_eq(test_job(job_for(4), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 0x6);
}
END_TEST

/* ---- jobs that come back --------------------------------------------------------------
 */

/* A batch job that ran on these GPUs and has been requeued. */
static job_record_t *requeued(int node, uint64_t gpus, const char *option)
{
	job_record_t *job = job_for(__builtin_popcountll(gpus));

	if (option)
		with(job, option);
	job->batch_flag = 1;
	job->details->requeue = 1;
	mock_job_run(job, node, gpus);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	mock_job_stop(job, node, gpus);
	return job;
}

/* slurmctld frees the environment itself: copies, as Slurm has them. */
static void own_env(job_record_t *job, const char *option)
{
	job->spank_job_env = calloc(1, sizeof(char *));
	job->spank_job_env[0] = strdup(option);
	job->spank_job_env_size = 1;
}

static void free_env(job_record_t *job)
{
	for (uint32_t i = 0; i < job->spank_job_env_size; i++)
		free(job->spank_job_env[i]);
	free(job->spank_job_env);
	job->spank_job_env = NULL;
	job->spank_job_env_size = 0;
}

START_TEST(a_requeued_job_remembers_its_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = requeued(0, SET2(4, 7), NULL);
	ck_assert_uint_eq(job->spank_job_env_size, 1);
	ck_assert_str_eq(job->spank_job_env[0], "GPUTOPO_HAD=40000/2,n0:90");
	/* {0,3} is as good and comes first; its former pair costs nothing */
	ck_assert_uint_eq(run(job), SET2(4, 7));
	free_env(job);
	ck_assert_uint_eq(run(job), SET2(0, 3));
}
END_TEST

START_TEST(a_worse_former_set_is_no_reason)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = requeued(0, SET2(0, 5), NULL);
	ck_assert_uint_eq(run(job), SET2(0, 3));
	free_env(job);
}
END_TEST

START_TEST(the_former_node_is_preferred_among_equals)
{
	static const uint64_t free[] = {0xff, 0xff, 0xff};
	job_record_t *job;

	start_nodes(free, 3);
	job = requeued(1, SET2(4, 7), NULL);
	ck_assert_uint_eq(nodes_of(job), 0x2);
	ck_assert_uint_eq(mock_selected(job, 1), SET2(4, 7));
	free_env(job);
}
END_TEST

START_TEST(a_former_node_that_would_break_more_is_not)
{
	static const uint64_t free[] = {0xff, 0xff, 0x21 | SET2(1, 2)};
	job_record_t *job;

	/* n2 has the double link {1,2} to spare */
	start_nodes(free, 3);
	job = requeued(0, SET2(4, 7), NULL);
	ck_assert_uint_eq(nodes_of(job), 0x4);
	free_env(job);
}
END_TEST

START_TEST(who_asked_for_a_ring_gets_no_less_than_before)
{
	job_record_t *job = NULL;

	start_with(&dgx, SET2(0, 1));
	job = job_for(2);
	own_env(job, "GPUTOPO_TOPO=ring");
	/* a single link is a ring, and all that is asked the first time */
	ck_assert_uint_eq(run(job), SET2(0, 1));
	free_env(job);
	job->spank_job_env = calloc(2, sizeof(char *));
	job->spank_job_env[0] = strdup("GPUTOPO_TOPO=ring");
	job->spank_job_env[1] = strdup("GPUTOPO_HAD=40000/2,n0:90");
	job->spank_job_env_size = 2;
	expect_wait(job);
	/* of another size, the past says nothing */
	strcpy(job->spank_job_env[1], "GPUTOPO_HAD=40000/3,n0:b0");
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* what no node can give any more is not waited for */
	strcpy(job->spank_job_env[1], "GPUTOPO_HAD=90000/2,n0:90");
	ck_assert_uint_eq(run(job), SET2(0, 1));
	free_env(job);
}
END_TEST

static const char *const bad_pasts[] = {
	"GPUTOPO_HAD=",
	"GPUTOPO_HAD=40000",
	"GPUTOPO_HAD=40000/2",
	"GPUTOPO_HAD=-1/2,n0:90",
	"GPUTOPO_HAD=40000/0,n0:90",
	"GPUTOPO_HAD=40000/99,n0:90",
	"GPUTOPO_HAD=99999999999999999999/2,n0:90",
	"GPUTOPO_HAD=40000/2,n0",
	"GPUTOPO_HAD=40000/2,n0:zz",
	"GPUTOPO_HAD=40000/2,,,,n1:90,n00:90",
	"GPUTOPO_HAD=40000/2,n0:fffffffffffff0",
	"GPUTOPO_HAD=40000/2,n0:10",
};

START_TEST(a_past_that_is_none_does_no_harm)
{
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(with(job_for(2), bad_pasts[_i])), SET2(0, 3));
}
END_TEST

START_TEST(without_memory_nothing_is_remembered)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	mock_slurm.no_memory = true;
	job = requeued(0, SET2(4, 7), NULL);
	ck_assert_uint_eq(job->spank_job_env_size, 0);
	mock_slurm.no_memory = false;
	ck_assert_uint_eq(run(job), SET2(0, 3));
}
END_TEST

START_TEST(the_second_end_replaces_the_first)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = requeued(0, SET2(4, 7), NULL);
	mock_job_run(job, 0, SET2(1, 2));
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	ck_assert_uint_eq(job->spank_job_env_size, 1);
	ck_assert_str_eq(job->spank_job_env[0], "GPUTOPO_HAD=40000/2,n0:6");
	free_env(job);
}
END_TEST

static TCase *binding_case(void)
{
	TCase *tc = tcase_create("bindings");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, bindings_are_kept, 0, ROWS(binding_rows));
	tcase_add_test(tc, other_cpus_by_binding_leave_stock);
#if GP_SINCE(23, 11)
	tcase_add_test(tc, one_task_per_sharing_is_no_matter_for_whole_gpus);
	tcase_add_loop_test(tc, reserved_gpus_are_not_chosen, 0, ROWS(resv_rows));
#endif
	tcase_add_test(tc, wishes_hold_with_enforced_binding);
	tcase_add_test(tc, a_denied_wish_is_forecast_for_the_next_end);
	tcase_add_test(tc, a_whole_node_meets_a_wish_by_any_of_its_gpus);
	tcase_add_test(tc, whole_gpus_of_a_node_with_shards_are_chosen);
	tcase_add_test(tc, each_share_of_a_split_job_is_a_best_set);
	tcase_add_test(tc, a_wish_over_several_nodes_is_each_nodes);
	return tc;
}

static TCase *counted_case(void)
{
	TCase *tc = tcase_create("counted");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, counted_gpus_are_chosen_when_the_job_starts);
	tcase_add_test(tc, counted_gpus_of_another_job_are_not_hidden);
	tcase_add_test(tc, counted_gpus_stay_stocks_where_nothing_is_to_choose);
	tcase_add_test(tc, a_node_that_has_not_registered_is_not_counted);
	tcase_add_test(tc, wishes_hold_for_counted_gpus);
	return tc;
}

static TCase *domain_case(void)
{
	TCase *tc = tcase_create("domains");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, several_nodes_are_of_one_domain, 0, ROWS(domain_rows));
	tcase_add_loop_test(tc, domains_stand_aside, 0, ASIDE_COUNT);
	tcase_add_test(tc, a_failing_domain_is_followed_by_the_next_and_by_all);
	tcase_add_test(tc, the_node_files_clique_is_a_domain);
	return tc;
}

static TCase *past_case(void)
{
	TCase *tc = tcase_create("pasts");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, a_requeued_job_remembers_its_gpus);
	tcase_add_test(tc, a_worse_former_set_is_no_reason);
	tcase_add_test(tc, the_former_node_is_preferred_among_equals);
	tcase_add_test(tc, a_former_node_that_would_break_more_is_not);
	tcase_add_test(tc, who_asked_for_a_ring_gets_no_less_than_before);
	tcase_add_loop_test(tc, a_past_that_is_none_does_no_harm, 0, ROWS(bad_pasts));
	tcase_add_test(tc, without_memory_nothing_is_remembered);
	tcase_add_test(tc, the_second_end_replaces_the_first);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("forms");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, binding_case());
	suite_add_tcase(suite, counted_case());
	suite_add_tcase(suite, domain_case());
	suite_add_tcase(suite, past_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
