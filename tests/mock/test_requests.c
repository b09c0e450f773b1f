/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_requests.c - what is left to stock and why: requests, types, sockets,
 * topologies that do not fit, settings, our index of running jobs, and structs that
 * differ.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "tests/mock/stage.h"

/* ---- requests that are left alone ----------------------------------------------------
 */

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

START_TEST(whole_nodes_are_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->details->whole_node = 1;
	expect_stock(job, SET2(0, 1), 1);
#ifdef OLD_WHOLE_NODE_MCS
	/* --exclusive=user in a partition that is exclusive: flags */
	job = job_for(2);
	job->details->whole_node = WHOLE_NODE_REQUIRED | WHOLE_NODE_USER;
	expect_stock(job, SET2(0, 1), 1);
#endif
	/* others of the user's may come: the choice is ours */
	job = job_for(2);
	job->details->whole_node = WHOLE_NODE_USER;
	ck_assert_uint_eq(run(job), SET2(0, 3));
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

START_TEST(jobs_without_gpus_are_left_alone)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = mock_job_add(8);
	mock_job_entry(job, "nic", NULL)->gres_per_node = 1;
	expect_stock(job, 0, 1);
}
END_TEST

/* ---- per socket, types ---------------------------------------------------------------
 */

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
	static const struct mock_gpus gpus = {
		.count = 8, .links = dgx1v, .no_sockets = true};
	job_record_t *job;

	start_with(&gpus, 0xff);
	job = mock_job_add(7);
	mock_job_entry(job, "gpu", NULL)->gres_per_socket = 1;
	expect_stock(job, SET2(0, 4), 1);
}
END_TEST

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
	ck_assert_int_eq(mock_slurm.lines, 2); /* loaded, and once for the node */
}
END_TEST

/* The same bits are other GPUs where types permute them: of two nodes with bits 0 and 3
 * free one has a pair of two links, the other {0,6}, which has none. */
START_TEST(equal_bits_are_not_equal_nodes)
{
	int links[64];
	struct mock_gpus typed = {
		.count = 8, .links = links, .types = types, .no_sockets = true};
	static const struct mock_gpus plain = {
		.count = 8, .links = dgx1v, .no_sockets = true};
	job_record_t *job;

	permuted_links(links);
	ck_assert_int_eq(regrouped[3], 6);
	mock_node_add("n0", &typed);
	mock_node_add("n1", &plain);
	start();
	for (int node = 0; node < 2; node++) {
		job = mock_job_add(50 + (uint32_t)node);
		mock_job_run(job, node, 0xff & ~SET2(0, 3));
		ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
	}
	ck_assert_uint_eq(nodes_of(job_for(2)), 2);
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

/* ---- topology -----------------------------------------------------------------------
 */

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
	ck_assert(mock_logged("a different number of GPUs"));
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

	snprintf(path, sizeof(path), "%s/t.json", stage.dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "{\"version\":1,\"gpus\":[");
	for (int a = 0; a < 8; a++)
		fprintf(f, "%s{\"index\":%d}", a ? "," : "", a);
	fprintf(f, "],\"links\":[");
	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			fprintf(f, "%s%d%s",
				b   ? ","
				: a ? ",["
				    : "[",
				a == b ? 0 : links[8 * (7 - a) + 7 - b],
				b == 7 ? "]" : "");
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

/* ---- settings -----------------------------------------------------------------------
 */

static const char *const off_confs[] = {
	"Mode=off\n",
	"Mode=observe\n",
	"NodeName=n0 Mode=off\n",
	"NodeName=n0 Mode=observe\n",
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
	{"Mode=off\nNodeName=n0 Topology=/nonexistent\n",
	 "gputopo.conf:2: Topology=/nonexistent"},
	{"Mode=off\nNodeName=n0 Topology=builtin:no-such\n",
	 "gputopo.conf:2: Topology=builtin:no"},
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

/* ---- running jobs and structs that differ
 * ------------------------------------------------------
 */

START_TEST(a_finished_job_frees_its_gpus)
{
	job_record_t *job;

	start_with(&dgx, 0xff & ~SET1(3));
	ck_assert_uint_ne(run(job_for(2)), SET2(0, 3));
	job = find_job_record(103);
	ck_assert_int_eq(stage.ours.job_fini(job), 0);
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
	ck_assert_int_eq(stage.ours.job_resized(job, node_record_table_ptr[0]), 0);
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

/* All jobs are read anew at most once in a while, whatever does not add up. */
START_TEST(jobs_are_read_anew_once_in_a_while)
{
	the_time = 1000000;
	mock_node_add("n0", &dgx);
	start();
	the_time += 60;
	mock_job_run(mock_job_add(50), 0, SET2(6, 7));
	ck_assert_uint_eq(run(job_for(2)), SET2(2, 3));
	the_time++;
	mock_job_run(mock_job_add(51), 0, SET2(4, 5));
	expect_stock(job_for(2), SET2(0, 1), 1);
	the_time += 60;
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 3));
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

START_TEST(a_job_that_slurm_does_not_know_is_a_mismatch)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = job_for(2);
	job->job_id = 99;
	job_list->count--; /* find_job_record has never heard of it */
	ck_assert_uint_eq(run(job), SET2(0, 1));
	job_list->count++;
	ck_assert_int_eq(mock_stock.calls, 1);
	ck_assert(mock_logged("not those gputopo was built for"));
}
END_TEST

START_TEST(a_selection_of_busy_gpus_is_a_mismatch)
{
	start_with(&dgx, 0xff & ~SET4(0, 1, 2, 3));
	mock_stock.fault[0] = MOCK_OTHER;
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert(mock_logged("not those gputopo was built for"));
}
END_TEST

START_TEST(outside_slurmctld_no_file_is_read)
{
	stage.ours.fini();
	mock_slurm.in_slurmctld = false;
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
	write_conf("Nonsense\n");
	start_with(&dgx, 0xff);
	expect_stock(job_for(2), SET2(0, 1), 1);
	ck_assert_int_eq(mock_slurm.lines, 0);
}
END_TEST

static TCase *request_case(void)
{
	TCase *tc = tcase_create("requests");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, other_modes_are_forwarded, 0, ROWS(other_modes));
	tcase_add_test(tc, flags_of_run_now_are_no_other_mode);
	tcase_add_test(tc, an_answer_after_preemption_is_left_alone);
	tcase_add_test(tc, an_answer_without_resources_is_left_alone);
	tcase_add_test(tc, whole_nodes_are_left_alone);
	tcase_add_loop_test(tc, jobs_that_share_gpus_are_left_alone, 0,
			    ROWS(shared_names));
	tcase_add_test(tc, jobs_without_gpus_are_left_alone);
	tcase_add_test(tc, per_socket_counts_stay);
	tcase_add_test(tc, per_socket_without_sockets_is_left_alone);
	tcase_add_test(tc, typed_gpus_are_mapped_by_their_own_position);
	tcase_add_test(tc, typed_jobs_keep_their_type);
	tcase_add_test(tc, two_types_in_a_job_keep_their_counts);
	tcase_add_test(tc, rows_that_are_no_permutation_leave_stock);
	tcase_add_test(tc, equal_bits_are_not_equal_nodes);
	tcase_add_test(tc, typed_gpus_without_links_leave_stock);
	return tc;
}

static TCase *topology_case(void)
{
	TCase *tc = tcase_create("topology");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
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
	tcase_add_loop_test(tc, a_broken_file_keeps_the_old_settings, 0,
			    ROWS(broken_confs));
	tcase_add_loop_test(tc, a_broken_file_at_the_start_leaves_stock, 0,
			    ROWS(broken_confs));
	return tc;
}

static TCase *running_case(void)
{
	TCase *tc = tcase_create("running");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, a_finished_job_frees_its_gpus);
	tcase_add_test(tc, a_job_that_shrinks_leaves_its_node);
	tcase_add_test(tc, the_index_is_rebuilt_from_the_jobs);
	tcase_add_test(tc, a_job_that_was_missed_is_found);
	tcase_add_test(tc, jobs_are_read_anew_once_in_a_while);
	tcase_add_test(tc, gpus_that_no_job_holds_leave_stock);
	tcase_add_test(tc, a_job_that_slurm_does_not_know_is_a_mismatch);
	tcase_add_test(tc, a_selection_of_busy_gpus_is_a_mismatch);
	tcase_add_test(tc, outside_slurmctld_no_file_is_read);
	return tc;
}

SUITE(requests)
{
	suite_add_tcase(suite, request_case());
	suite_add_tcase(suite, topology_case());
	suite_add_tcase(suite, running_case());
}
