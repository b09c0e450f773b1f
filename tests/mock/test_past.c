/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_past.c - NVLink domains over nodes, and jobs that come back.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "tests/mock/stage.h"

/* ---- NVLink domains -------------------------------------------------------------------
 */

#define TWO_DOMAINS                                                                      \
	"NodeName=n0 Domain=a\nNodeName=n1 Domain=b\nNodeName=n[2-3] Domain=b\n"

static const struct {
	const char *why;
	const char *conf;
	uint64_t free[6];
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
	{"no domain has room: two nodes of each, not three and one",
	 "NodeName=n[0-2] Domain=a\nNodeName=n[3-5] Domain=b\n",
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 4,
	 0,
	 0x1b},
	{"three domains, of which the two large ones hold it",
	 "NodeName=n0 Domain=a\nNodeName=n[1-2] Domain=b\nNodeName=n[3-5] Domain=c\n",
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 4,
	 0,
	 0x1e},
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
	start_nodes(domain_rows[_i].free, domain_rows[_i].nodes == 4 ? 6 : 4);
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
	static const char *const pattern[ASIDE_COUNT] = {"switch.node", "block.node"};
	job_record_t *job;

	write_conf(domain_rows[0].conf);
	mock_slurm.pattern = pattern[_i];
	for (int n = 0; n < 4; n++)
		mock_slurm.unit[n] = "u";
	start_nodes(domain_rows[0].free, 4);
	job = domain_job(0);
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
		job_with(job, option);
	job->batch_flag = 1;
	job->details->requeue = 1;
	job->restart_cnt = 1;
	mock_job_run(job, node, gpus);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
	mock_job_stop(job, node, gpus);
	return job;
}

/* slurmctld frees the environment itself: copies, as Slurm has them. */
static void own_env(job_record_t *job, const char *option)
{
	job->spank_job_env = mock_alloc(sizeof(char *));
	job->spank_job_env[0] = mock_text(option);
	job->spank_job_env_size = 1;
}

static void free_env(job_record_t *job)
{
	for (uint32_t i = 0; i < job->spank_job_env_size; i++)
		xfree(job->spank_job_env[i]);
	xfree(job->spank_job_env);
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

/* Only some of the ties are tried, but the former node is one of those. */
START_TEST(the_former_node_is_preferred_among_many)
{
	static const uint64_t free[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	job_record_t *job;

	start_nodes(free, 8);
	job = requeued(7, SET2(4, 7), NULL);
	ck_assert_uint_eq(nodes_of(job), 0x80);
	ck_assert_uint_eq(mock_selected(job, 7), SET2(4, 7));
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
	job->restart_cnt = 1;
	job->spank_job_env = mock_alloc(2 * sizeof(char *));
	job->spank_job_env[0] = mock_text("GPUTOPO_TOPO=ring");
	job->spank_job_env[1] = mock_text("GPUTOPO_HAD=40000/2,n0:90");
	job->spank_job_env_size = 2;
	expect_wait(job);
	/* of another size, the past says nothing */
	strcpy(job->spank_job_env[1], "GPUTOPO_HAD=40000/3,n0:b0");
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* what no node can give any more is not waited for */
	strcpy(job->spank_job_env[1], "GPUTOPO_HAD=90000/2,n0:90");
	ck_assert_uint_eq(run(job), SET2(0, 1));
	/* and that of a job that has not run yet was written by its user */
	strcpy(job->spank_job_env[1], "GPUTOPO_HAD=40000/2,n0:90");
	expect_wait(job);
	job->restart_cnt = 0;
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_uint_eq(job->spank_job_env_size, 1);
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
	"GPUTOPO_HAD= 40000/2,n0:90",
	"GPUTOPO_HAD=40000/ 2,n0:90",
	"GPUTOPO_HAD=+40000/2,n0:90",
	"GPUTOPO_HAD=40000/2,n0: 90",
	"GPUTOPO_HAD=40000/2,n0:0x90",
	"GPUTOPO_HAD=40000/2,n0:-90",
	"GPUTOPO_HAD=40000/2,n0:90,",
	"GPUTOPO_HAD=40000/2,n0:90,n0:6",
};

START_TEST(a_past_that_is_none_does_no_harm)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->restart_cnt = 1;
	own_env(job, bad_pasts[_i]);
	ck_assert_uint_eq(run(job), SET2(0, 3));
	free_env(job);
}
END_TEST

/* As long as none of ours: 20 MB of what would be a past, and of nothing. */
START_TEST(a_past_longer_than_ours_is_none)
{
	static const char head[] = "GPUTOPO_HAD=40000/2,n0:90";
	size_t size = 20000000;
	char *text = malloc(size + 1);
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->restart_cnt = 1;
	memset(text, ',', size);
	memcpy(text, head, strlen(head));
	text[size] = '\0';
	own_env(job, text);
	ck_assert_uint_eq(run(job), SET2(0, 3));
	ck_assert_uint_eq(job->spank_job_env_size, 0);
	text[2000] = '\0';
	free_env(job);
	own_env(job, text);
	ck_assert_uint_eq(run(job), SET2(0, 3));
	free_env(job);
	free(text);
}
END_TEST

START_TEST(observe_remembers_nothing)
{
	job_record_t *job;

	write_conf("Mode=observe\n");
	start_with(&dgx, 0xff);
	job = requeued(0, SET2(4, 7), NULL);
	ck_assert_uint_eq(job->spank_job_env_size, 0);
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
	tcase_add_test(tc, the_former_node_is_preferred_among_many);
	tcase_add_test(tc, a_former_node_that_would_break_more_is_not);
	tcase_add_test(tc, who_asked_for_a_ring_gets_no_less_than_before);
	tcase_add_loop_test(tc, a_past_that_is_none_does_no_harm, 0, ROWS(bad_pasts));
	tcase_add_test(tc, a_past_longer_than_ours_is_none);
	tcase_add_test(tc, observe_remembers_nothing);
	tcase_add_test(tc, without_memory_nothing_is_remembered);
	tcase_add_test(tc, the_second_end_replaces_the_first);
	return tc;
}

SUITE(past)
{
	suite_add_tcase(suite, domain_case());
	suite_add_tcase(suite, past_case());
}
