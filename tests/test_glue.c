/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_glue.c - what the plugin does inside slurmctld: the mask, the rerun, the restoring,
 * and stock's answer wherever anything is not as it should be. The plugin is the real file;
 * Slurm and the stock plugin are mocked. After every test the node structs must be as they
 * were before.
 */
#include "plugin/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gputopo.h"
#include "plugin/decision.h"
#include "tests/mock/mock.h"

/* NVLinks of a DGX-1 with V100, as its gres.conf would have them. */
static const int dgx1v[64] = {
	-1, 1, 1, 2, 2, 0, 0, 0,	1, -1, 2, 1, 0, 2, 0, 0,
	1, 2, -1, 2, 0, 0, 1, 0,	2, 1, 2, -1, 0, 0, 0, 1,
	2, 0, 0, 0, -1, 1, 1, 2,	0, 2, 0, 0, 1, -1, 2, 1,
	0, 0, 1, 0, 1, 2, -1, 2,	0, 0, 0, 1, 2, 1, 2, -1,
};

static const struct mock_gpus dgx = {.count = 8, .links = dgx1v};

#define SET1(a) ((uint64_t)1 << (a))
#define SET2(a, b) (SET1(a) | SET1(b))
#define SET3(a, b, c) (SET2(a, b) | SET1(c))
#define SET4(a, b, c, d) (SET2(a, b) | SET2(c, d))

static struct mock_ours ours;
static char dir[64];
static char slurm_conf_path[128];
static gp_list_t preempted;
static uint32_t next_job;
static uint32_t asked_nodes;	/* -N, or 1 */

/* ---- the stage ---------------------------------------------------------------------- */

static void write_conf(const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void setup(void)
{
	memset(&mock_inner, 0, sizeof(mock_inner));
	memset(&mock_slurm, 0, sizeof(mock_slurm));
	memset(&mock_stock, 0, sizeof(mock_stock));
	mock_inner.job_test = mock_stock_job_test;
	mock_slurm.in_slurmctld = true;
	mock_stock.cores = 2;
	mock_stock.core_socket = -1;
	preempted = NULL;
	next_job = 7;
	asked_nodes = 1;
	strcpy(dir, "/tmp/gputopo-glue-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(slurm_conf_path, sizeof(slurm_conf_path), "%s/slurm.conf", dir);
	slurm_conf.slurm_conf = slurm_conf_path;
	ck_assert(mock_load(&ours, MOCK_OURS ":" MOCK_STOCK));
	ck_assert_int_eq(ours.init(), SLURM_SUCCESS);
}

static void teardown(void)
{
	char command[100];

	ours.fini();
	mock_unload(&ours);
	mock_cluster_free();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

/* As slurmctld starts: node table, recovery, reconfigure. */
static void start(void)
{
	ck_assert_int_eq(ours.node_init(), 0);
	ck_assert_int_eq(ours.reconfigure(), 0);
}

/* One node, and jobs that leave only these GPUs free. */
static void start_with(const struct mock_gpus *gpus, uint64_t free)
{
	mock_node_add("n0", gpus);
	start();
	for (int g = 0; g < gpus->count; g++) {
		job_record_t *job;

		if (free >> g & 1)
			continue;
		job = mock_job_add(100 + (uint32_t)g);
		mock_job_run(job, 0, SET1(g));
		ck_assert_int_eq(ours.select_nodeinfo_set(job), 0);
	}
}

static job_record_t *job_for(int gpus)
{
	job_record_t *job = mock_job_add(next_job++);

	mock_job_entry(job, "gpu", NULL)->gres_per_node = (uint64_t)gpus;
	return job;
}

#if GP_TAIL_COUNT == 1
#define TAIL NULL
#else
#define TAIL NULL, NULL
#endif

/* job_test with all nodes; checks that nothing of the nodes has changed behind it. Its
 * node bitmap after the call is returned in *nodes. */
static int test_job(job_record_t *job, uint16_t mode, uint64_t *nodes)
{
	bitstr_t *offered = bit_alloc(node_record_count);
	uint64_t before[MOCK_MAX_NODES];
	int rc;

	for (int n = 0; n < node_record_count; n++) {
		bit_set(offered, n);
		before[n] = mock_node_sum(n);
	}
	mock_stock.calls = 0;
	rc = ours.job_test(job, offered, asked_nodes, 500000, asked_nodes, mode, (gp_list_t)dgx1v, &preempted,
			   TAIL);
	*nodes = 0;
	for (int n = 0; n < node_record_count; n++) {
		*nodes |= (uint64_t)bit_test(offered, n) << n;
		ck_assert_msg(mock_node_sum(n) == before[n], "node %d has changed", n);
	}
	FREE_NULL_BITMAP(offered);
	return rc;
}

/* Run the job now and return its GPUs on node 0. */
static uint64_t run(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes & ~(uint64_t)0xf, 0);
	return mock_selected(job, 0);
}

static void expect_stock(job_record_t *job, uint64_t gpus, int calls)
{
	ck_assert_uint_eq(run(job), gpus);
	ck_assert_int_eq(mock_stock.calls, calls);
}

/* ---- the method --------------------------------------------------------------------- */

static const struct {
	const char *why;
	uint64_t free;
	int count;
	uint64_t best;
} best_rows[] = {
	{"two: a double link", 0xff, 2, SET2(0, 3)},
	{"three: the double links around 3", 0xff, 3, SET3(0, 2, 3)},
	{"five: a ring, not the most links", 0xff, 5, SET4(0, 2, 3, 4) | SET1(7)},
	{"stock's worst case of four: a ring", SET4(1, 3, 4, 6) | SET2(0, 7), 4,
	 SET4(0, 3, 4, 7)},
	{"two of three: the linked pair", SET3(0, 5, 7), 2, SET2(5, 7)},
};

START_TEST(the_best_free_set_is_taken)
{
	start_with(&dgx, best_rows[_i].free);
	ck_assert_msg(run(job_for(best_rows[_i].count)) == best_rows[_i].best, "%s",
		      best_rows[_i].why);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(stock_stands_where_nothing_is_better)
{
	start_with(&dgx, 0xff);
	expect_stock(job_for(4), 0xf, 1);
	expect_stock(job_for(8), 0xff, 1);
}
END_TEST

START_TEST(one_gpu_is_taken_where_it_breaks_least)
{
	/* 0 and 3 are a double link; 5 and 7 a single one; 1 hangs on both halves. */
	start_with(&dgx, SET3(0, 3, 6));
	ck_assert_uint_eq(run(job_for(1)), SET1(6));
}
END_TEST

START_TEST(the_rerun_sees_only_the_wanted_gpus)
{
	const struct mock_call *first = &mock_stock.call[0], *second = &mock_stock.call[1];

	start_with(&dgx, 0x7f);
	/* the double link that leaves the most */
	ck_assert_uint_eq(run(job_for(2)), SET2(5, 6));
	ck_assert_uint_eq(first->hidden[0], 0x80);
	ck_assert_uint_eq(first->count[0], 1);
	ck_assert_uint_eq(first->records[0], 1);
	ck_assert_uint_eq(second->hidden[0], 0xff & ~SET2(5, 6));
	ck_assert_uint_eq(second->count[0], 6);
	ck_assert_uint_eq(second->records[0], 6);
}
END_TEST

START_TEST(a_shared_record_counts_what_is_hidden)
{
	static const struct mock_gpus gpus = {.count = 8, .links = dgx1v, .gpus_per_record = 8};

	start_with(&gpus, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_uint_eq(mock_stock.call[1].records[0], 6);
}
END_TEST

START_TEST(the_rerun_never_preempts)
{
	start_with(&dgx, 0xff);
	run(job_for(2));
	ck_assert_ptr_eq(mock_stock.call[0].candidates, dgx1v);
	ck_assert_ptr_eq(mock_stock.call[0].preemptees, &preempted);
	ck_assert_ptr_null(mock_stock.call[1].candidates);
	ck_assert_ptr_null(mock_stock.call[1].preemptees);
}
END_TEST

START_TEST(the_rerun_starts_from_the_same_job)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	mock_node_add("n1", &dgx);
	ck_assert_int_eq(ours.node_init(), 0);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(mock_stock.calls, 2);
	ck_assert_uint_eq(mock_stock.call[0].min_cpus, 3);
	ck_assert_uint_eq(mock_stock.call[1].min_cpus, 3);
	ck_assert_uint_eq(mock_stock.call[0].memory, mock_stock.call[1].memory);
	ck_assert_uint_eq(job->details->min_cpus, 6);
	ck_assert_uint_eq(job->details->pn_min_memory, 107);
	ck_assert(mock_stock.call[1].best_switch);
	/* the first answer's node only */
	ck_assert_uint_eq(mock_stock.call[0].nodes, 3);
	ck_assert_uint_eq(mock_stock.call[1].nodes, 1);
}
END_TEST

START_TEST(every_node_of_a_job_is_improved)
{
	job_record_t *job = NULL;
	uint64_t nodes;

	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	job = job_for(2);
	mock_stock.nodes_wanted = 2;
	asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 3);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 3));
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(a_node_without_topology_keeps_its_gpus_beside_one_with)
{
	static const struct mock_gpus bare = {.count = 8};
	job_record_t *job;
	uint64_t nodes;

	mock_node_add("n0", &bare);
	mock_node_add("n1", &dgx);
	start();
	job = job_for(2);
	mock_stock.nodes_wanted = 2;
	asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 1));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 3));
}
END_TEST

/* ---- faults of the rerun ------------------------------------------------------------ */

static const enum mock_fault faults[] = {
	MOCK_FAIL, MOCK_FEWER, MOCK_OTHER, MOCK_NO_RESOURCES, MOCK_OTHER_CPUS, MOCK_FAR_CORES,
};

/* The fault in every rerun: eight tries, then stock's plain answer again. */
START_TEST(a_failing_rerun_leaves_stocks_answer)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = faults[_i];
	mock_stock.fault[9] = MOCK_FINE;
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_ptr_nonnull(job->job_resrcs);
	ck_assert_int_le(mock_stock.calls, 10);
	ck_assert_int_ge(mock_stock.calls, 3);
	ck_assert_uint_eq(mock_stock.call[mock_stock.calls - 1].hidden[0], 0);
	ck_assert_uint_eq(job->details->min_cpus, 6);
	ck_assert_uint_eq(job->total_cpus, 2);
}
END_TEST

START_TEST(one_failure_leads_to_the_next_best_set)
{
	uint64_t gpus;

	start_with(&dgx, 0xff);
	mock_stock.fault[1] = faults[_i];
	gpus = run(job_for(2));
	/* again a double link, another one */
	ck_assert_uint_ne(gpus, SET2(0, 3));
	ck_assert_int_eq(__builtin_popcountll(gpus), 2);
	ck_assert_int_eq(dgx1v[__builtin_ctzll(gpus) * 8 + 63 - __builtin_clzll(gpus)], 2);
	ck_assert_int_eq(mock_stock.calls, 3);
}
END_TEST

START_TEST(tries_are_counted)
{
	start_with(&dgx, 0xff);
	for (int i = 1; i < 9; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	/* {0,1} is worth 1 link, eight pairs have 2: all are tried, then stock's again */
	expect_stock(job_for(2), SET2(0, 1), 10);
}
END_TEST

START_TEST(a_failing_restore_asks_as_slurm_did)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	mock_node_add("n1", &dgx);
	start();
	for (int i = 1; i < 10; i++)
		mock_stock.fault[i] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_uint_eq(run(job), SET2(0, 1));
	ck_assert_int_eq(mock_stock.calls, 11);
	ck_assert_ptr_nonnull(job->job_resrcs);
	ck_assert_uint_eq(mock_stock.call[9].nodes, 1);
	ck_assert_uint_eq(mock_stock.call[10].nodes, 3);
	for (int i = 9; i < 11; i++) {
		ck_assert_ptr_eq(mock_stock.call[i].candidates, dgx1v);
		ck_assert_uint_eq(mock_stock.call[i].min_cpus, 3);
	}
}
END_TEST

START_TEST(a_failing_first_call_is_all_there_is)
{
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0xff);
	mock_stock.fault[0] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_ERROR);
	ck_assert_int_eq(mock_stock.calls, 1);
}
END_TEST

/* ---- requests that are left alone ---------------------------------------------------- */

static const uint16_t other_modes[] = {
	SELECT_MODE_TEST_ONLY,
	SELECT_MODE_WILL_RUN,
	SELECT_MODE_RESV,
	SELECT_MODE_WILL_RUN | SELECT_MODE_PREEMPT_FLAG,
	SELECT_MODE_PREEMPT_FLAG | SELECT_MODE_CHECK_FULL,
};

START_TEST(other_modes_are_forwarded)
{
	uint64_t nodes;
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	ck_assert_int_eq(test_job(job, other_modes[_i], &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 1));
}
END_TEST

START_TEST(flags_of_run_now_are_no_other_mode)
{
	uint64_t nodes;
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW | SELECT_MODE_IGN_ERR, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 3));
}
END_TEST

START_TEST(an_answer_after_preemption_is_left_alone)
{
	start_with(&dgx, 0xff);
	mock_stock.preempts = true;
	expect_stock(job_for(2), SET2(0, 1), 1);
}
END_TEST

START_TEST(an_answer_without_resources_is_left_alone)
{
	start_with(&dgx, 0xff);
	mock_stock.fault[0] = MOCK_NO_RESOURCES;
	expect_stock(job_for(2), SET2(0, 1), 1);
}
END_TEST

START_TEST(enforce_binding_is_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->bit_flags |= GRES_ENFORCE_BIND;
	expect_stock(job, SET2(0, 1), 1);
}
END_TEST

START_TEST(whole_nodes_are_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->details->whole_node = 1;
	expect_stock(job, SET2(0, 1), 1);
}
END_TEST

static const char *const shared_names[] = {"mps", "shard"};

START_TEST(jobs_that_share_gpus_are_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	mock_job_entry(job, shared_names[_i], NULL)->gres_per_node = 1;
	expect_stock(job, SET2(0, 1), 1);
}
END_TEST

START_TEST(nodes_that_share_gpus_are_left_alone)
{
	start_with(&dgx, 0xff);
#ifdef GP_UNTIL_2302
	mock_node_gpus(0)->alt_gres_ns = mock_node_gpus(0);
#else
	mock_node_gpus(0)->alt_gres = node_record_table_ptr[0]->gres_list->item[0];
#endif
	expect_stock(job_for(2), SET2(0, 1), 1);
}
END_TEST

START_TEST(jobs_without_gpus_are_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = mock_job_add(8);
	mock_job_entry(job, "nic", NULL)->gres_per_node = 1;
	expect_stock(job, 0, 1);
}
END_TEST

START_TEST(a_split_answer_is_left_alone)
{
	job_record_t *job;
	uint64_t nodes;

	write_conf("NodeChoice=no\n");
	mock_node_add("n0", &dgx);
	mock_node_add("n1", &dgx);
	start();
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	mock_stock.nodes_wanted = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert_uint_eq(mock_selected(job, 0), SET2(0, 1));
	ck_assert_uint_eq(mock_selected(job, 1), SET2(0, 1));
}
END_TEST

/* ---- per socket, types --------------------------------------------------------------- */

START_TEST(per_socket_counts_stay)
{
	job_record_t *job;
	uint64_t gpus;

	/* {0,1,2,3} would be the best four; of two and two, {0,2,4,6} has a ring */
	start_with(&dgx, 0x0f | SET3(4, 6, 7));
	mock_stock.core_socket = 0;
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_socket = 2;
	gpus = run(job);
	ck_assert_int_eq(__builtin_popcountll(gpus & 0x0f), 2);
	ck_assert_int_eq(__builtin_popcountll(gpus & 0xf0), 2);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(per_socket_without_sockets_is_left_alone)
{
	static const struct mock_gpus gpus = {.count = 8, .links = dgx1v, .no_sockets = true};
	job_record_t *job;

	start_with(&gpus, 0xff);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_socket = 1;
	expect_stock(job, SET2(0, 4), 1);
}
END_TEST

/* GPUs 0,2,4,6 are aa, the rest bb; Slurm groups the bits by type: rows move, columns
 * don't. */
static const int regrouped[8] = {0, 2, 4, 6, 1, 3, 5, 7};
static const char *const types[8] = {"aa", "aa", "aa", "aa", "bb", "bb", "bb", "bb"};

static void permuted_links(int *out)
{
	for (int row = 0; row < 8; row++)
		memcpy(out + 8 * row, dgx1v + 8 * regrouped[row], 8 * sizeof(int));
}

START_TEST(typed_gpus_are_mapped_by_their_own_position)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links, .types = types};

	permuted_links(links);
	start_with(&gpus, 0xff);
	/* physical {0,3}: bit 0 of aa and bit 5, the second of bb */
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 5));
}
END_TEST

START_TEST(typed_jobs_keep_their_type)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links, .types = types};
	job_record_t *job;

	permuted_links(links);
	start_with(&gpus, 0xff);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", "bb")->gres_per_node = 2;
	/* stock: bits 4,5 = physical 1,3: one link; 1,5 are two: bits 4,6 */
	ck_assert_uint_eq(run(job), SET2(4, 6));
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

START_TEST(two_types_in_a_job_keep_their_counts)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links, .types = types};
	job_record_t *job;
	uint64_t both;

	permuted_links(links);
	start_with(&gpus, 0xff);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", "aa")->gres_per_node = 1;
	mock_job_entry(job, "gpu", "bb")->gres_per_node = 1;
	both = run(job);
	ck_assert_int_eq(__builtin_popcountll(both & 0x0f), 1);
	ck_assert_int_eq(__builtin_popcountll(both & 0xf0), 1);
	ck_assert_int_eq(dgx1v[regrouped[__builtin_ctzll(both)] * 8 +
			       regrouped[63 - __builtin_clzll(both)]],
			 2);
}
END_TEST

START_TEST(rows_that_are_no_permutation_leave_stock)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links, .types = types};

	permuted_links(links);
	memcpy(links, links + 8, 8 * sizeof(int));
	start_with(&gpus, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("n0 keeps stock's choice of GPUs: Links= of gres.conf"));
	ck_assert_int_eq(mock_slurm.lines, 2);	/* loaded, and once for the node */
}
END_TEST

START_TEST(typed_gpus_without_links_leave_stock)
{
	struct mock_gpus gpus = {.count = 8, .types = types};

	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	start_with(&gpus, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("several types"));
}
END_TEST

/* ---- topology ----------------------------------------------------------------------- */

START_TEST(no_topology_leaves_stock_and_says_so_once)
{
	static const struct mock_gpus bare = {.count = 8};

	start_with(&bare, 0xff);
	for (int i = 0; i < 5; i++)
		expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("no Topology= and no Links="));
	ck_assert_int_eq(mock_slurm.lines, 2);
}
END_TEST

START_TEST(links_of_nothing_but_zeros_are_none)
{
	static const int zeros[64];
	static const struct mock_gpus gpus = {.count = 8, .links = zeros};

	start_with(&gpus, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("no Topology= and no Links="));
}
END_TEST

START_TEST(links_of_another_size_leave_stock)
{
	start_with(&dgx, 0xff);
	mock_node_gpus(0)->link_len = 7;
	expect_stock(job_for(2), SET2(0, 1), 1);
	mock_node_gpus(0)->link_len = 8;
	ck_assert(mock_logged("Links= of gres.conf contradict themselves"));
	/* and once it has registered well, it works */
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

START_TEST(a_topology_file_stands_for_links)
{
	static const struct mock_gpus bare = {.count = 8};

	write_conf("NodeName=n[0-3] Topology=builtin:dgx1v\n");
	start_with(&bare, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

START_TEST(a_model_of_another_size_leaves_stock)
{
	static const struct mock_gpus four = {.count = 4};

	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	start_with(&four, 0xf);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("another number of GPUs"));
}
END_TEST

START_TEST(links_that_agree_with_the_model_are_fine)
{
	write_conf("NodeName=n0 Topology=builtin:dgx1v\n");
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

/* t.json: the model whose GPU 7 - i is gres bit i of links. */
static void write_reversed_model(const int *links)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/t.json", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "{\"version\":1,\"gpus\":[");
	for (int a = 0; a < 8; a++)
		fprintf(f, "%s{\"index\":%d}", a ? "," : "", a);
	fprintf(f, "],\"links\":[");
	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			fprintf(f, "%s%d%s", b ? "," : a ? ",[" : "[",
				a == b ? 0 : links[8 * (7 - a) + 7 - b], b == 7 ? "]" : "");
	fprintf(f, "]}");
	fclose(f);
}

START_TEST(links_that_differ_leave_stock_and_name_the_order)
{
	int links[64];
	struct mock_gpus gpus = {.count = 8, .links = links};

	/* minors run backwards: gres bit i is the model's GPU 7 - i */
	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			links[8 * a + b] = dgx1v[8 * (7 - a) + 7 - b];
	/* a machine without symmetry, so that only one order fits */
	links[8 * 7 + 6] = links[8 * 6 + 7] = 3;
	links[8 * 7 + 5] = links[8 * 5 + 7] = 4;
	write_conf("NodeName=n0 Topology=t.json\n");
	write_reversed_model(links);
	start_with(&gpus, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("Links= of gres.conf and Topology= differ"));
	ck_assert(mock_logged("the order 7,6,5,4,3,2,1,0"));
}
END_TEST

START_TEST(avoided_gpus_come_last)
{
	write_conf("Avoid=n0:0\n");
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)) & SET1(0), 0);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

/* ---- settings ----------------------------------------------------------------------- */

static const char *const off_confs[] = {
	"Mode=off\n", "Mode=observe\n", "NodeName=n0 Mode=off\n", "NodeName=n0 Mode=observe\n",
};

START_TEST(off_and_observe_change_nothing)
{
	write_conf(off_confs[_i]);
	start_with(&dgx, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
}
END_TEST

START_TEST(reconfigure_switches_off_and_on)
{
	start_with(&dgx, 0xff);
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	write_conf("Mode=off\n");
	start();
	expect_stock(job_for(2), SET2(0, 1), 1);
	write_conf("Mode=enforce\n");
	start();
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} broken_confs[] = {
	{"Mode=off\nModus=x\n", "gputopo.conf:2: unknown key 'Modus'"},
	{"Mode=off\nNodeName=n0 Topology=/nonexistent\n", "gputopo.conf:2: Topology=/nonexistent"},
	{"Mode=off\nNodeName=n0 Topology=builtin:no-such\n", "gputopo.conf:2: Topology=builtin:no"},
};

START_TEST(a_broken_file_keeps_the_old_settings)
{
	start_with(&dgx, 0xff);
	write_conf(broken_confs[_i].text);
	start();
	ck_assert_msg(mock_logged(broken_confs[_i].says), "%s", mock_slurm.log[1]);
	ck_assert(mock_logged("the old settings stay"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

START_TEST(a_broken_file_at_the_start_leaves_stock)
{
	write_conf(broken_confs[_i].text);
	start_with(&dgx, 0xff);
	ck_assert_msg(mock_logged(broken_confs[_i].says), "%s", mock_slurm.log[0]);
	expect_stock(job_for(2), SET2(0, 1), 1);
}
END_TEST

START_TEST(keys_without_effect_yet_are_named)
{
	write_conf("AdminComment=yes\n");
	start_with(&dgx, 0xff);
	ck_assert(mock_logged("not yet in effect: AdminComment"));
}
END_TEST

/* ---- running jobs and the canary ------------------------------------------------------ */

START_TEST(a_finished_job_frees_its_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff & ~SET1(3));
	ck_assert_uint_ne(run(job_for(2)), SET2(0, 3));
	job = find_job_record(103);
	ck_assert_int_eq(ours.job_fini(job), 0);
	bit_clear(mock_node_gpus(0)->gres_bit_alloc, 3);
	mock_node_gpus(0)->gres_cnt_alloc = 0;
	mock_node_gpus(0)->topo_gres_cnt_alloc[3] = 0;
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

START_TEST(a_job_that_shrinks_leaves_its_node)
{
	job_record_t *job;

	start_with(&dgx, 0xff & ~SET1(3));
	job = find_job_record(103);
	ck_assert_int_eq(ours.job_resized(job, node_record_table_ptr[0]), 0);
	job->job_state = JOB_COMPLETE;
	bit_clear(mock_node_gpus(0)->gres_bit_alloc, 3);
	mock_node_gpus(0)->gres_cnt_alloc = 0;
	mock_node_gpus(0)->topo_gres_cnt_alloc[3] = 0;
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

START_TEST(the_index_is_rebuilt_from_the_jobs)
{
	/* The jobs were there before us: no nodeinfo_set for them, only reconfigure. */
	mock_node_add("n0", &dgx);
	mock_job_run(mock_job_add(50), 0, SET4(4, 5, 6, 7));
	start();
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

START_TEST(a_job_that_was_missed_is_found)
{
	mock_node_add("n0", &dgx);
	start();
	mock_job_run(mock_job_add(50), 0, SET4(4, 5, 6, 7));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
	ck_assert_int_eq(mock_slurm.lines, 1);
}
END_TEST

START_TEST(gpus_that_no_job_holds_leave_stock)
{
	mock_node_add("n0", &dgx);
	start();
	bit_set(mock_node_gpus(0)->gres_bit_alloc, 7);
	mock_node_gpus(0)->gres_cnt_alloc = 1;
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("the index of running jobs disagrees"));
}
END_TEST

START_TEST(a_job_that_slurm_does_not_know_is_a_canary)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->job_id = 99;
	job_list->count--;	/* find_job_record has never heard of it */
	ck_assert_uint_eq(run(job), SET2(0, 1));
	job_list->count++;
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert(mock_logged("not those gputopo was built for"));
}
END_TEST

START_TEST(a_selection_of_busy_gpus_is_a_canary)
{
	start_with(&dgx, 0xff & ~SET4(0, 1, 2, 3));
	mock_stock.fault[0] = MOCK_OTHER;
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("not those gputopo was built for"));
}
END_TEST

START_TEST(outside_slurmctld_no_file_is_read)
{
	ours.fini();
	mock_slurm.in_slurmctld = false;
	ck_assert_int_eq(ours.init(), SLURM_SUCCESS);
	write_conf("Nonsense\n");
	start_with(&dgx, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert_int_eq(mock_slurm.lines, 0);
}
END_TEST

/* ---- rule b -------------------------------------------------------------------------- */

START_TEST(cores_stay_near_a_gpu)
{
	/* Stock takes {2,5}, no link, with cores on GPU 2's socket, and has none elsewhere.
	 * A double link of the other socket would leave the job without a near core;
	 * {2,6}, one link, touches the cores' socket. */
	start_with(&dgx, SET4(2, 5, 6, 7));
	mock_stock.core_socket = 0;
	ck_assert_uint_eq(run(job_for(2)), SET2(2, 6));
	ck_assert_int_eq(mock_stock.calls, 3);
	/* where the cores follow, the double link is taken */
	mock_stock.core_socket = -1;
	ck_assert_uint_eq(run(job_for(2)) & SET1(2), 0);
	ck_assert_int_eq(mock_stock.calls, 2);
}
END_TEST

/* ---- the decision log and the metrics -------------------------------------------------- */

static char *read_file(const char *name)
{
	static char text[16384];
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void conf_with_log(const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), "DecisionLog=%s/log MetricsFile=%s/metrics\n%s", dir, dir,
		 more);
	write_conf(text);
}

/* The line without its time stamp and microseconds, which no test can know. */
static void expect_line(const char *text, const char *wanted)
{
	static char line[GP_LINE_MAX];
	const char *job = strstr(text, "\"job\""), *us = strstr(text, ",\"us\":");

	ck_assert_msg(job && us, "no line: '%s'", text);
	snprintf(line, sizeof(line), "%.*s%s", (int)(us - job), job, strstr(us + 1, ","));
	*strchr(line, '\n') = '\0';
	/* without the release too */
	memmove(strstr(line, ",\"release\""), strstr(line, ",\"form\""),
		strlen(strstr(line, ",\"form\"")) + 1);
	ck_assert_str_eq(line, wanted);
}

START_TEST(a_started_job_gets_its_line)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(2);
	run(job);
	ck_assert_str_eq(read_file("log"), "");
	ck_assert_int_eq(ours.job_begin(job), 0);
	expect_line(read_file("log"),
		    "\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		    "\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0,3\","
		    "\"stock_gbps\":20.000,\"gbps\":40.000,\"ideal_gbps\":40.000,\"level\":1,"
		    "\"mode\":\"enforce\",\"changed\":true,\"split\":false,"
		    "\"reason\":\"changed\"}");
	/* once */
	ck_assert_int_eq(ours.job_begin(job), 0);
	ck_assert_ptr_eq(strchr(read_file("log"), '\n')[1] ? "two" : NULL, NULL);
	ck_assert_ptr_nonnull(strstr(read_file("metrics"),
				     "gputopo_decisions_total{reason=\"changed\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(read_file("metrics"), "gputopo_reruns_total 1\n"));
	ck_assert_ptr_nonnull(strstr(read_file("metrics"), "gputopo_jobs_started_total 1\n"));
}
END_TEST

START_TEST(a_job_that_does_not_start_leaves_no_line)
{
	job_record_t *first, *second;

	conf_with_log("");
	start_with(&dgx, 0xff);
	first = job_for(2);
	second = job_for(3);
	run(first);
	run(second);
	ck_assert_int_eq(ours.job_begin(first), 0);
	ck_assert_str_eq(read_file("log"), "");
	ck_assert_int_eq(ours.job_begin(second), 0);
	ck_assert_ptr_nonnull(strstr(read_file("log"), "\"job\":8"));
}
END_TEST

START_TEST(observe_logs_what_it_would_have_done)
{
	job_record_t *job;

	conf_with_log("Mode=observe\n");
	start_with(&dgx, 0xff);
	job = job_for(2);
	expect_stock(job, SET2(0, 1), 1);
	ck_assert_int_eq(ours.job_begin(job), 0);
	expect_line(read_file("log"),
		    "\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":2,"
		    "\"free\":\"0-7\",\"stock\":\"0-1\",\"chosen\":\"0,3\","
		    "\"stock_gbps\":20.000,\"gbps\":40.000,\"ideal_gbps\":40.000,\"level\":1,"
		    "\"mode\":\"observe\",\"changed\":false,\"split\":false,"
		    "\"reason\":\"observed\"}");
}
END_TEST

START_TEST(what_is_left_alone_has_its_reason)
{
	job_record_t *job;

	conf_with_log("");
	start_with(&dgx, 0xff);
	job = job_for(1);
	job->bit_flags |= GRES_ENFORCE_BIND;
	run(job);
	ck_assert_int_eq(ours.job_begin(job), 0);
	expect_line(read_file("log"),
		    "\"job\":7,\"node\":\"n0\",\"form\":\"gpus-per-node\",\"k\":1,"
		    "\"free\":\"0-7\",\"stock\":\"0\",\"chosen\":\"0\","
		    "\"stock_gbps\":null,\"gbps\":null,\"ideal_gbps\":null,\"level\":null,"
		    "\"mode\":\"enforce\",\"changed\":false,\"split\":false,"
		    "\"reason\":\"enforce-binding\"}");
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_is_named)
{
	write_conf("DecisionLog=/nonexistent/log\n");
	start_with(&dgx, 0xff);
	ck_assert(mock_logged("DecisionLog=/nonexistent/log: No such file"));
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
}
END_TEST

/* ---- node choice --------------------------------------------------------------------- */

/* n0, n1, ... with these free GPUs each. */
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
		ck_assert_int_eq(ours.select_nodeinfo_set(job), 0);
	}
}

/* Run the job and return its one node. */
static int node_of(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(__builtin_popcountll(nodes), 1);
	return __builtin_ctzll(nodes);
}

static const struct {
	const char *why;
	uint64_t free[3];
	int count;
	int node;
} node_rows[] = {
	{"the intact node, not the fragmented one", {0x21, 0x21, 0xff}, 2, 2},
	{"the half node, not the idle one", {0xff, 0xf0, 0xff}, 4, 1},
	{"a left-over GPU, not the idle node", {0xff, 0xff, 0x01}, 1, 2},
	{"a pair already on its own, not a quad", {0xf0, 0xff, 0x09}, 2, 2},
	{"the only node with room", {0x07, 0xfe, 0x0f}, 5, 1},
};

START_TEST(the_best_node_is_taken)
{
	start_nodes(node_rows[_i].free, 3);
	ck_assert_msg(node_of(job_for(node_rows[_i].count)) == node_rows[_i].node, "%s",
		      node_rows[_i].why);
	ck_assert_uint_eq(mock_stock.call[0].nodes, (uint64_t)1 << node_rows[_i].node);
	ck_assert_ptr_null(mock_stock.call[0].candidates);
}
END_TEST

START_TEST(equal_nodes_are_left_to_stock)
{
	static const uint64_t free[] = {0xff, 0x21, 0xff};

	start_nodes(free, 3);
	ck_assert_int_eq(node_of(job_for(2)), 0);
	ck_assert_uint_eq(mock_stock.call[0].nodes, 5);
}
END_TEST

START_TEST(the_admins_weights_come_first)
{
	static const uint64_t free[] = {0x21, 0xff, 0xff};

	start_nodes(free, 3);
	for (int n = 0; n < 3; n++)
		node_record_table_ptr[n]->sched_weight =
			(uint64_t)(n == 0 ? 1 : 100) << 8 | (uint64_t)(0xff - n);
	ck_assert_int_eq(node_of(job_for(2)), 0);
}
END_TEST

START_TEST(where_few_nodes_fail_all_are_asked)
{
	static const uint64_t free[] = {0x21, 0xff, 0xfe};
	job_record_t *job;

	start_nodes(free, 3);
	mock_stock.fault[0] = mock_stock.fault[1] = MOCK_FAIL;
	job = job_for(2);
	ck_assert_int_eq(node_of(job), 0);
	ck_assert_int_ge(mock_stock.calls, 3);
	ck_assert_int_eq(__builtin_popcountll(mock_stock.call[0].nodes), 1);
	ck_assert_uint_eq(mock_stock.call[2].nodes, 7);
	ck_assert_ptr_eq(mock_stock.call[2].candidates, dgx1v);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(mock_stock.call[i].min_cpus, 3);
}
END_TEST

START_TEST(a_job_that_stock_would_split_gets_one_node)
{
	static const uint64_t free[] = {0x03, 0x03, 0xf0};
	job_record_t *job;

	start_nodes(free, 3);
	mock_stock.nodes_wanted = 2;
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	ck_assert_int_eq(node_of(job), 2);
	ck_assert_uint_eq(mock_selected(job, 2), 0xf0);
}
END_TEST

START_TEST(typed_jobs_rank_their_type_only)
{
	static const struct mock_gpus gpus = {.count = 8, .links = dgx1v, .types = types};
	job_record_t *job, *busy;

	/* Types in halves here: nothing is permuted. n0 has aa's {0,1}, and all of bb. */
	mock_node_add("n0", &gpus);
	mock_node_add("n1", &gpus);
	start();
	busy = mock_job_add(50);
	mock_job_run(busy, 0, SET2(2, 3));
	ck_assert_int_eq(ours.select_nodeinfo_set(busy), 0);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", "aa")->gres_per_node = 2;
	ck_assert_int_eq(node_of(job), 1);
}
END_TEST

enum aside {
	ASIDE_CONF,
	ASIDE_OBSERVE,
	ASIDE_REQUIRED,
	ASIDE_CONTIGUOUS,
	ASIDE_SWITCH,
	ASIDE_SPREAD,
	ASIDE_MIN_NODES,
	ASIDE_RANGE,
	ASIDE_LLN,
	ASIDE_PART_LLN,
	ASIDE_COUNT
};

/* Whatever says that the nodes are not ours to choose. */
START_TEST(node_choice_stands_aside)
{
	static const uint64_t free[] = {0x21, 0xff, 0xff};
	part_record_t part = {.flags = PART_FLAG_LLN};
	job_record_t *job;

	if (_i == ASIDE_CONF)
		write_conf("NodeChoice=no\n");
	if (_i == ASIDE_OBSERVE)
		write_conf("NodeName=n2 Mode=observe\n");
	start_nodes(free, 3);
	job = job_for(2);
	if (_i == ASIDE_REQUIRED)
		job->details->req_node_bitmap = bit_alloc(3);
	job->details->contiguous = _i == ASIDE_CONTIGUOUS;
	job->req_switch = _i == ASIDE_SWITCH;
	job->bit_flags |= _i == ASIDE_SPREAD ? SPREAD_JOB : 0;
	job->bit_flags |= _i == ASIDE_MIN_NODES ? USE_MIN_NODES : 0;
	job->details->max_nodes = _i == ASIDE_RANGE ? 4 : 0;
	slurm_conf.select_type_param = _i == ASIDE_LLN ? GP_LLN : 0;
	job->part_ptr = _i == ASIDE_PART_LLN ? &part : NULL;
	ck_assert_int_eq(node_of(job), 0);
	ck_assert_int_eq(mock_stock.calls, 1);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	slurm_conf.select_type_param = 0;
}
END_TEST

/* ---- wishes --------------------------------------------------------------------------- */

static char *topo_env[1];

static job_record_t *job_with(const char *option, int gpus)
{
	job_record_t *job = job_for(gpus);

	topo_env[0] = (char *)option;
	job->spank_job_env = topo_env;
	job->spank_job_env_size = 1;
	return job;
}

static void expect_wait(job_record_t *job)
{
	uint64_t nodes;

	ck_assert_int_ne(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_ptr_null(job->job_resrcs);
}

static const struct {
	const char *why;
	const char *option;
	const char *conf;
	uint64_t free;
	int count;
	bool waits;
} wish_rows[] = {
	{"a ring is there", "GPUTOPO_TOPO=ring", "", 0xff, 2, false},
	{"no link, no ring", "GPUTOPO_TOPO=ring", "", 0x21, 2, true},
	{"a star is no ring", "GPUTOPO_TOPO=ring", "", 0x1b, 4, true},
	{"one GPU always has its ring", "GPUTOPO_TOPO=ring", "", 0x21, 1, false},
	{"40 GB/s by a double link", "GPUTOPO_MIN_BUSBW=40", "", 0x09, 2, false},
	{"40 GB/s not by a single one", "GPUTOPO_MIN_BUSBW=40", "", 0x03, 2, true},
	{"20 GB/s by a single one", "GPUTOPO_MIN_BUSBW=20", "", 0x03, 2, false},
	{"an unknown value is no wish", "GPUTOPO_TOPO=what", "", 0x21, 2, false},
	{"below the admin's ratio", "OTHER=1", "MinRatio=0.9\n", 0x03, 2, true},
	{"above the admin's ratio", "OTHER=1", "MinRatio=0.5\n", 0x03, 2, false},
	{"a wish of one's own instead", "GPUTOPO_MIN_BUSBW=20", "MinRatio=0.9\n", 0x03, 2,
	 false},
	{"observe holds nobody up", "GPUTOPO_TOPO=ring", "Mode=observe\n", 0x21, 2, false},
};

START_TEST(wishes_wait_until_they_are_met)
{
	job_record_t *job;
	uint64_t nodes;
	int rc;

	write_conf(wish_rows[_i].conf);
	start_with(&dgx, wish_rows[_i].free);
	job = job_with(wish_rows[_i].option, wish_rows[_i].count);
	if (wish_rows[_i].waits) {
		expect_wait(job);
		return;
	}
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg(rc == SLURM_SUCCESS, "%s", wish_rows[_i].why);
}
END_TEST

START_TEST(a_wish_whose_rerun_fails_waits)
{
	start_with(&dgx, SET4(0, 1, 3, 6));
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = MOCK_FEWER;
	mock_stock.fault[1] = MOCK_FAIL;
	expect_wait(job_with("GPUTOPO_MIN_BUSBW=40", 2));
}
END_TEST

START_TEST(a_wish_finds_the_node_that_meets_it)
{
	static const uint64_t free[] = {0x21, 0x03, 0x09};
	int n;

	start_nodes(free, 3);
	for (n = 0; n < 3; n++)
		node_record_table_ptr[n]->sched_weight = (uint64_t)(n + 1) << 8;
	ck_assert_int_eq(node_of(job_with("GPUTOPO_MIN_BUSBW=40", 2)), 2);
	ck_assert_int_eq(node_of(job_with("GPUTOPO_TOPO=ring", 2)), 1);
}
END_TEST

START_TEST(off_is_stocks_choice)
{
	start_with(&dgx, 0xff);
	expect_stock(job_with("GPUTOPO_TOPO=off", 2), SET2(0, 1), 1);
}
END_TEST

/* Jobs that leave n0 {0,5}: 3 ends in 100 s, the others in 200 s. */
static void start_busy(time_t now)
{
	start_with(&dgx, 0x21);
	for (uint32_t id = 100; id < 108; id++) {
		job_record_t *job = find_job_record(id);

		if (!job)
			continue;
		job->time_limit = 10;
		job->end_time = now + (id == 103 ? 100 : 200);
	}
}

START_TEST(a_forecast_waits_for_the_right_end)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_busy(now);
	job = job_with("GPUTOPO_TOPO=ring", 2);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	/* {0,3} when 3 is free, within a second of the clock */
	ck_assert_int_ge(job->start_time, now + 100);
	ck_assert_int_le(job->start_time, now + 103);
	ck_assert_ptr_nonnull(strstr(job->state_desc, "waiting"));
}
END_TEST

START_TEST(a_met_wish_is_forecast_as_stock_does)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0xff);
	job = job_with("GPUTOPO_TOPO=ring", 2);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, now);
	ck_assert_ptr_null(job->state_desc);
}
END_TEST

START_TEST(jobs_without_a_limit_put_the_forecast_far_away)
{
	time_t now = time(NULL);
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0x21);
	job = job_with("GPUTOPO_TOPO=ring", 2);
	job->start_time = now;
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_ge(job->start_time, now + 300 * 24 * 3600);
}
END_TEST

START_TEST(a_wish_that_can_never_be_met_is_refused)
{
	static const struct mock_gpus bare = {.count = 8};
	job_record_t *job;
	uint64_t nodes;

	start_with(&bare, 0xff);
	job = job_with("GPUTOPO_TOPO=ring", 2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	ck_assert_int_eq(test_job(job_with("GPUTOPO_TOPO=ring", 1), SELECT_MODE_TEST_ONLY,
				  &nodes),
			 SLURM_SUCCESS);
	/* a node that has not registered may yet bring links */
	node_record_table_ptr[0]->node_state |= NODE_STATE_NO_RESPOND;
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes), SLURM_SUCCESS);
}
END_TEST

START_TEST(a_wish_beyond_the_machine_is_refused)
{
	job_record_t *job;
	uint64_t nodes;

	start_with(&dgx, 0x21);
	job = job_with("GPUTOPO_MIN_BUSBW=60", 2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	/* busy now is no reason */
	ck_assert_int_eq(test_job(job_with("GPUTOPO_MIN_BUSBW=40", 2), SELECT_MODE_TEST_ONLY,
				  &nodes),
			 SLURM_SUCCESS);
}
END_TEST

START_TEST(split_no_waits_for_one_node)
{
	static const uint64_t free[] = {0x03, 0x03, 0x03};
	job_record_t *job;
	uint64_t nodes;

	write_conf("Split=no\n");
	start_nodes(free, 3);
	mock_stock.nodes_wanted = 2;
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_job = 4;
	expect_wait(job);
	/* who asked for two nodes gets them */
	asked_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
}
END_TEST

#define ROWS(array) ((int)(sizeof(array) / sizeof(array[0])))

static TCase *method_case(void)
{
	TCase *tc = tcase_create("method");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, the_best_free_set_is_taken, 0, ROWS(best_rows));
	tcase_add_test(tc, stock_stands_where_nothing_is_better);
	tcase_add_test(tc, one_gpu_is_taken_where_it_breaks_least);
	tcase_add_test(tc, the_rerun_sees_only_the_wanted_gpus);
	tcase_add_test(tc, a_shared_record_counts_what_is_hidden);
	tcase_add_test(tc, the_rerun_never_preempts);
	tcase_add_test(tc, the_rerun_starts_from_the_same_job);
	tcase_add_test(tc, every_node_of_a_job_is_improved);
	tcase_add_test(tc, a_node_without_topology_keeps_its_gpus_beside_one_with);
	/* far cores are no fault where a set spans the sockets: see cores_stay_near_a_gpu */
	tcase_add_loop_test(tc, a_failing_rerun_leaves_stocks_answer, 0, ROWS(faults) - 1);
	tcase_add_loop_test(tc, one_failure_leads_to_the_next_best_set, 0, ROWS(faults));
	tcase_add_test(tc, tries_are_counted);
	tcase_add_test(tc, a_failing_restore_asks_as_slurm_did);
	tcase_add_test(tc, a_failing_first_call_is_all_there_is);
	tcase_add_test(tc, cores_stay_near_a_gpu);
	return tc;
}

static TCase *request_case(void)
{
	TCase *tc = tcase_create("requests");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, other_modes_are_forwarded, 0, ROWS(other_modes));
	tcase_add_test(tc, flags_of_run_now_are_no_other_mode);
	tcase_add_test(tc, an_answer_after_preemption_is_left_alone);
	tcase_add_test(tc, an_answer_without_resources_is_left_alone);
	tcase_add_test(tc, enforce_binding_is_left_alone);
	tcase_add_test(tc, whole_nodes_are_left_alone);
	tcase_add_loop_test(tc, jobs_that_share_gpus_are_left_alone, 0, ROWS(shared_names));
	tcase_add_test(tc, nodes_that_share_gpus_are_left_alone);
	tcase_add_test(tc, jobs_without_gpus_are_left_alone);
	tcase_add_test(tc, a_split_answer_is_left_alone);
	tcase_add_test(tc, per_socket_counts_stay);
	tcase_add_test(tc, per_socket_without_sockets_is_left_alone);
	tcase_add_test(tc, typed_gpus_are_mapped_by_their_own_position);
	tcase_add_test(tc, typed_jobs_keep_their_type);
	tcase_add_test(tc, two_types_in_a_job_keep_their_counts);
	tcase_add_test(tc, rows_that_are_no_permutation_leave_stock);
	tcase_add_test(tc, typed_gpus_without_links_leave_stock);
	return tc;
}

static TCase *topology_case(void)
{
	TCase *tc = tcase_create("topology");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_topology_leaves_stock_and_says_so_once);
	tcase_add_test(tc, links_of_nothing_but_zeros_are_none);
	tcase_add_test(tc, links_of_another_size_leave_stock);
	tcase_add_test(tc, a_topology_file_stands_for_links);
	tcase_add_test(tc, a_model_of_another_size_leaves_stock);
	tcase_add_test(tc, links_that_agree_with_the_model_are_fine);
	tcase_add_test(tc, links_that_differ_leave_stock_and_name_the_order);
	tcase_add_test(tc, avoided_gpus_come_last);
	tcase_add_loop_test(tc, off_and_observe_change_nothing, 0, ROWS(off_confs));
	tcase_add_test(tc, reconfigure_switches_off_and_on);
	tcase_add_loop_test(tc, a_broken_file_keeps_the_old_settings, 0, ROWS(broken_confs));
	tcase_add_loop_test(tc, a_broken_file_at_the_start_leaves_stock, 0, ROWS(broken_confs));
	tcase_add_test(tc, keys_without_effect_yet_are_named);
	return tc;
}

static TCase *running_case(void)
{
	TCase *tc = tcase_create("running");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_finished_job_frees_its_gpus);
	tcase_add_test(tc, a_job_that_shrinks_leaves_its_node);
	tcase_add_test(tc, the_index_is_rebuilt_from_the_jobs);
	tcase_add_test(tc, a_job_that_was_missed_is_found);
	tcase_add_test(tc, gpus_that_no_job_holds_leave_stock);
	tcase_add_test(tc, a_job_that_slurm_does_not_know_is_a_canary);
	tcase_add_test(tc, a_selection_of_busy_gpus_is_a_canary);
	tcase_add_test(tc, outside_slurmctld_no_file_is_read);
	return tc;
}

static TCase *node_case(void)
{
	TCase *tc = tcase_create("nodes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, the_best_node_is_taken, 0, ROWS(node_rows));
	tcase_add_test(tc, equal_nodes_are_left_to_stock);
	tcase_add_test(tc, the_admins_weights_come_first);
	tcase_add_test(tc, where_few_nodes_fail_all_are_asked);
	tcase_add_test(tc, a_job_that_stock_would_split_gets_one_node);
	tcase_add_test(tc, typed_jobs_rank_their_type_only);
	tcase_add_loop_test(tc, node_choice_stands_aside, 0, ASIDE_COUNT);
	return tc;
}

static TCase *wish_case(void)
{
	TCase *tc = tcase_create("wishes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, wishes_wait_until_they_are_met, 0, ROWS(wish_rows));
	tcase_add_test(tc, a_wish_whose_rerun_fails_waits);
	tcase_add_test(tc, a_wish_finds_the_node_that_meets_it);
	tcase_add_test(tc, off_is_stocks_choice);
	tcase_add_test(tc, a_forecast_waits_for_the_right_end);
	tcase_add_test(tc, a_met_wish_is_forecast_as_stock_does);
	tcase_add_test(tc, jobs_without_a_limit_put_the_forecast_far_away);
	tcase_add_test(tc, a_wish_that_can_never_be_met_is_refused);
	tcase_add_test(tc, a_wish_beyond_the_machine_is_refused);
	tcase_add_test(tc, split_no_waits_for_one_node);
	return tc;
}

static TCase *log_case(void)
{
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_started_job_gets_its_line);
	tcase_add_test(tc, a_job_that_does_not_start_leaves_no_line);
	tcase_add_test(tc, observe_logs_what_it_would_have_done);
	tcase_add_test(tc, what_is_left_alone_has_its_reason);
	tcase_add_test(tc, a_log_that_cannot_be_opened_is_named);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("glue");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, method_case());
	suite_add_tcase(suite, request_case());
	suite_add_tcase(suite, topology_case());
	suite_add_tcase(suite, running_case());
	suite_add_tcase(suite, node_case());
	suite_add_tcase(suite, log_case());
	suite_add_tcase(suite, wish_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
