/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_groups.c - --gpu-groups and --gpu-comm in slurmctld: sets against the brute force
 * over sets and partitions, node choice, promises, forecasts, refusals, the log, and what
 * the nodes are told.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "brute.h"
#include "plugin/common/wish_names.h"
#include "tests/mock/stage.h"

/* Records name no cores, so that no GPU is near any; the links are gputopo.conf's. */
static const struct mock_gpus eight = {.count = 8, .no_sockets = true};
static const struct mock_gpus six = {.count = 6, .no_sockets = true};

static char *wishes[4];

/* The job with these options; NULL: without that one. */
static job_record_t *wish(job_record_t *job, const char *groups, const char *comm,
			  const char *more)
{
	static char texts[3][64];
	uint32_t used = 0;

	if (groups) {
		snprintf(texts[0], sizeof(texts[0]), GP_ENV_GROUPS "=%s", groups);
		wishes[used++] = texts[0];
	}
	if (comm) {
		snprintf(texts[1], sizeof(texts[1]), GP_ENV_COMM "=%s", comm);
		wishes[used++] = texts[1];
	}
	if (more) {
		snprintf(texts[2], sizeof(texts[2]), "%s", more);
		wishes[used++] = texts[2];
	}
	job->spank_job_env = wishes;
	job->spank_job_env_size = used;
	return job;
}

/* ---- every set by the brute force
 * ------------------------------------------------------------- */

static const struct {
	const char *machine;
	const struct mock_gpus *gpus;
} machines[] = {
	{"builtin:h100-pcie-pairs", &eight}, {"builtin:a100-pcie-pairs-apart", &eight},
	{"builtin:dgx1v", &eight},	     {"builtin:mi250x", &eight},
	{"builtin:l40s-8", &eight},	     {"builtin:summit", &six},
};

static const struct {
	int count;
	const char *groups, *comm;
} shapes[] = {
	{4, "2x2", NULL},	{6, "2x3", NULL}, {4, NULL, "alltoall"},
	{5, "3+2", "alltoall"}, {6, "3x2", NULL}, {6, "2+4", NULL},
};

#define STATES 20

/* From random busy states, by turns with one job on all that is not free, and two. */
START_TEST(each_set_is_best)
{
	const struct mock_gpus *gpus = machines[_i / ROWS(shapes)].gpus;
	const char *machine = machines[_i / ROWS(shapes)].machine;
	int shape = _i % ROWS(shapes), choices = 0;
	static struct brute brute;
	uint64_t all = ((uint64_t)1 << gpus->count) - 1;
	struct gt_groups groups = {0};
	struct rng rng = rng_start("groups");
	struct gt_mix mix = gt_mix_default();
	struct gt_table *table;
	struct gt_node *node;
	char conf[128], why[256];
	job_record_t *busy[2], *job;

	snprintf(conf, sizeof(conf), "NodeName=n[0-7] Topology=%s\n", machine);
	write_conf(conf);
	ck_assert_int_eq(gt_node_load(&node, machine, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_table_new(&table, node, NULL, NULL), GT_OK);
	brute_init(&brute, node, &mix, table, false);
	if (shapes[shape].groups)
		ck_assert_int_eq(gt_groups_parse(&groups, shapes[shape].groups, NULL),
				 GT_OK);
	mock_node_add("n0", gpus);
	start();
	busy[0] = mock_job_add(100);
	busy[1] = mock_job_add(101);
	job = wish(job_for(shapes[shape].count), shapes[shape].groups, shapes[shape].comm,
		   NULL);
	for (int i = 0; i < STATES;) {
		uint64_t free = rng_next(&rng, (uint32_t)all + 1), held[2], got;
		struct gt_running running[2];
		struct gt_request request = {.count = shapes[shape].count,
					     .free = {{free}},
					     .groups = &groups,
					     .running = running};

		if (__builtin_popcountll(free) < request.count)
			continue;
		i++;
		choices += __builtin_popcountll(free) > request.count;
		held[0] = all & ~free;
		held[1] = i % 2 ? held[0] & rng_next(&rng, (uint32_t)all + 1) : 0;
		held[0] &= ~held[1];
		if (shapes[shape].comm)
			request.comm = GT_COMM_ALLTOALL;
		for (int j = 0; j < 2; j++) {
			if (!held[j])
				continue;
			running[request.running_count++] =
				(struct gt_running){{{held[j]}}, GT_UNKNOWN};
			mock_job_run(busy[j], 0, held[j]);
			ck_assert_int_eq(stage.ours.select_nodeinfo_set(busy[j]), 0);
		}
		got = run(job);
		brute_ask(&brute, &request);
		ck_assert_msg(brute_has_best_key(&brute, (unsigned)got, why, sizeof(why)),
			      "%s, free %#lx: %s", machine, free, why);
		mock_job_stop(job, 0, 0);
		for (int j = 0; j < 2; j++) {
			if (!held[j])
				continue;
			ck_assert_int_eq(stage.ours.job_fini(busy[j]), 0);
			mock_job_stop(busy[j], 0, held[j]);
		}
	}
	ck_assert(choices > 0 || shapes[shape].count >= gpus->count - 1);
	gt_table_free(table);
	gt_node_free(node);
}
END_TEST

/* ---- nodes, promises, forecasts
 * --------------------------------------------------------------- */

/* Pairs {0,1}, {2,3}, ... of bridges. */
static void start_pairs(const uint64_t *free, int count)
{
	static const char *const names[] = {"n0", "n1", "n2"};

	write_conf("NodeName=n[0-7] Topology=builtin:h100-pcie-pairs\n");
	for (int n = 0; n < count; n++)
		mock_node_add(names[n], &eight);
	start();
	for (int n = 0; n < count; n++)
		for (int g = 0; g < 8; g++) {
			job_record_t *job;

			if (free[n] >> g & 1)
				continue;
			job = mock_job_add(100 + (uint32_t)(8 * n + g));
			job->time_limit = 60;
			job->end_time = time(NULL) + 60 * (8 * n + g + 1);
			mock_job_run(job, n, SET1(g));
			ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
		}
}

START_TEST(the_node_with_the_best_groups_is_taken)
{
	/* four and two pairs with one left over; a whole pair and two halves; two pairs
	 */
	static const uint64_t free[] = {0x57, 0x1b, 0xf0};

	start_pairs(free, 3);
	ck_assert_uint_eq(nodes_of(wish(job_for(4), "2x2", NULL, NULL)), 4);
	/* two halves are as good as any for groups of one */
	ck_assert_uint_ne(nodes_of(wish(job_for(2), "2", NULL, NULL)), 0);
}
END_TEST

/* Bridges of H100 give 230 GB/s and more, PCIe no more than 48. */
static const struct {
	const char *why, *groups, *comm, *more, *conf;
	uint64_t free;
	int count;
	bool waits;
} promises[] = {
	{"two pairs", "2x2", NULL, "GPUTOPO_MIN_BUSBW=100", "", 0x0f, 4, false},
	{"one pair and two halves", "2x2", NULL, "GPUTOPO_MIN_BUSBW=100", "", 0x57, 4,
	 true},
	{"the same without a promise", "2x2", NULL, NULL, "", 0x57, 4, false},
	{"as the whole set it would wait", NULL, NULL, "GPUTOPO_MIN_BUSBW=100", "", 0x0f,
	 4, true},
	{"one pair is enough for 2+1+1", "2+1+1", NULL, "GPUTOPO_MIN_BUSBW=100", "", 0x57,
	 4, false},
	{"groups of one never wait", "4x1", NULL, "GPUTOPO_MIN_BUSBW=100", "", 0x55, 4,
	 false},
	{"all-to-all of a pair", "2", "alltoall", "GPUTOPO_MIN_BUSBW=100", "", 0x03, 2,
	 false},
	{"all-to-all over PCIe", "2", "alltoall", "GPUTOPO_MIN_BUSBW=100", "", 0x05, 2,
	 true},
	{"sizes that are another number", "2x2", NULL, NULL, "", 0xff, 5, true},
	{"one node has the pattern once", "2x2", NULL, NULL, "", 0xff, 8, true},
	{"sizes that are no sizes are no wish", "two", NULL, NULL, "", 0x0f, 4, false},
	{"off asks for nothing", "2x2", NULL, "GPUTOPO_TOPO=off", "", 0xff, 5, false},
	{"below the admin's ratio", "2x2", NULL, NULL, "MinRatio=0.5\n", 0x57, 4, true},
	{"above it", "2x2", NULL, NULL, "MinRatio=0.5\n", 0x3c, 4, false},
	{"observe holds nobody up", "2x2", NULL, "GPUTOPO_MIN_BUSBW=100",
	 "Mode=observe\n", 0x57, 4, false},
	{"policy preserve keeps the promise", "2x2", NULL, "GPUTOPO_MIN_BUSBW=100",
	 "Policy=preserve\n", 0x5f, 4, false},
};

START_TEST(a_promise_is_one_for_every_group)
{
	char conf[128];
	job_record_t *job;
	uint64_t nodes;
	int rc;

	snprintf(conf, sizeof(conf),
		 "%sNodeName=n[0-7] Topology=builtin:h100-pcie-pairs\n",
		 promises[_i].conf);
	write_conf(conf);
	start_with(&eight, promises[_i].free);
	job = wish(job_for(promises[_i].count), promises[_i].groups, promises[_i].comm,
		   promises[_i].more);
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg((rc != SLURM_SUCCESS) == promises[_i].waits, "%s: %d",
		      promises[_i].why, rc);
	if (promises[_i].conf[0] == 'P') /* Policy= */
		ck_assert_uint_eq(mock_selected(job, 0), 0x0f);
}
END_TEST

START_TEST(a_forecast_waits_for_whole_groups)
{
	static const uint64_t free[] = {0x17};
	job_record_t *job;
	uint64_t nodes;

	the_time = 1000000;
	start_pairs(free, 1);
	job = wish(job_for(4), "2x2", NULL, "GPUTOPO_MIN_BUSBW=100");
	expect_wait(job);
	ck_assert_int_eq(test_job(job, SELECT_MODE_WILL_RUN, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(job->start_time, the_time + 60 * 4);
}
END_TEST

START_TEST(what_can_never_be_is_refused_when_it_is_tested)
{
	static const uint64_t free[] = {0xff};
	uint64_t nodes;

	start_pairs(free, 1);
	ck_assert_int_eq(test_job(wish(job_for(6), "2x3", NULL, "GPUTOPO_MIN_BUSBW=100"),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	ck_assert_int_eq(test_job(wish(job_for(5), "2x2", NULL, NULL),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	ck_assert_int_eq(test_job(wish(job_for(4), "2x2", NULL, "GPUTOPO_MIN_BUSBW=100"),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 SLURM_SUCCESS);
}
END_TEST

START_TEST(each_node_of_several_has_the_pattern)
{
	static const uint64_t free[] = {0x1f, 0xf1};
	job_record_t *job;
	uint64_t nodes;

	start_pairs(free, 2);
	stage.asked_nodes = 2;
	mock_stock.nodes_wanted = 2;
	job = wish(job_for(4), "2x2", NULL, "GPUTOPO_MIN_BUSBW=100");
	job->details->min_nodes = job->details->max_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 3);
	ck_assert_uint_eq(mock_selected(job, 0), 0x0f);
	ck_assert_uint_eq(mock_selected(job, 1), 0xf0);
}
END_TEST

/* --gpus=8 over two nodes: stock's shares 5 and 3 are no patterns, 4 and 4 are. */
START_TEST(shares_are_whole_patterns)
{
	static const uint64_t free[] = {0x3f, 0xfc};
	job_record_t *job;
	uint64_t nodes;

	start_pairs(free, 2);
	stage.asked_nodes = 2;
	mock_stock.nodes_wanted = 2;
	mock_stock.uneven = true;
	job = wish(job_total(8), "2x2", NULL, NULL);
	job->details->min_nodes = job->details->max_nodes = 2;
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_int_eq(__builtin_popcountll(mock_selected(job, 0)), 4);
	ck_assert_int_eq(__builtin_popcountll(mock_selected(job, 1)), 4);
}
END_TEST

/* --gpus=4 without -N, which stock would split over two nodes. */
START_TEST(groups_are_not_split_over_nodes)
{
	static const uint64_t split[] = {0x03, 0x03}, whole[] = {0x03, 0x0f};
	job_record_t *job;

	start_pairs(_i ? whole : split, 2);
	mock_stock.nodes_wanted = 2;
	job = wish(job_total(4), "2x2", NULL, NULL);
	if (_i)
		ck_assert_uint_eq(nodes_of(job), 2);
	else
		expect_wait(job);
}
END_TEST

/* With equal levels 0 to 2, --gpus-per-task=2 keeps pairs together; never above them. */
START_TEST(gpus_per_task_break_ties)
{
	gres_job_state_t *entry;
	job_record_t *job;

	write_conf("NodeName=n0 Topology=builtin:h100-pcie-pairs\n");
	start_with(&eight, 0x77);
	ck_assert_uint_eq(run(job_for(4)), SET4(0, 1, 2, 6));
	job = mock_job_add(stage.next_job++);
	entry = mock_job_entry(job, "gpu", NULL);
	entry->gres_per_job = 4;
	entry->gres_per_task = 2;
	ck_assert_uint_eq(run(job), SET4(0, 1, 4, 5));
}
END_TEST

/* ---- measured figures, the log, the nodes
 * ----------------------------------------------------- */

/* By the model {0,1} is twice as fast as {2,3}. */
static void start_measured(void)
{
	static const struct mock_gpus four = {.count = 4, .no_sockets = true};
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/measured.json", stage.dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("{\"version\": 1, \"gpus\": [{\"index\": 0, \"model\": \"H100\"}, "
	      "{\"index\": 1, \"model\": \"H100\"}, {\"index\": 2, \"model\": "
	      "\"H100\"}, {\"index\": 3, \"model\": \"H100\"}], \"links\": [[0, 12, 0, "
	      "0], [12, 0, 0, 0], [0, 0, 0, 6], [0, 0, 6, 0]], \"measured\": [{\"gpus\": "
	      "[2, 3], \"comm\": \"allreduce\", \"busbw_gbps\": 500}, {\"gpus\": [0, 1], "
	      "\"comm\": \"alltoall\", \"busbw_gbps\": 90}]}\n",
	      f);
	fclose(f);
	write_conf("NodeName=n0 Topology=measured.json\n");
	mock_node_add("n0", &four);
	start();
}

START_TEST(promises_are_held_against_what_was_measured)
{
	start_measured();
	ck_assert_uint_eq(run(job_for(2)), SET2(0, 1));
	ck_assert_uint_eq(run(wish(job_for(2), NULL, NULL, "GPUTOPO_MIN_BUSBW=400")),
			  SET2(2, 3));
	ck_assert_uint_eq(
		run(wish(job_for(2), NULL, "alltoall", "GPUTOPO_MIN_BUSBW=100")),
		SET2(2, 3));
	expect_wait(wish(job_for(2), NULL, NULL, "GPUTOPO_MIN_BUSBW=501"));
}
END_TEST

START_TEST(the_log_names_the_groups)
{
	char path[PATH_MAX], conf[PATH_MAX + 128], line[4096];
	job_record_t *job;
	FILE *f;

	snprintf(path, sizeof(path), "%s/decisions", stage.dir);
	snprintf(conf, sizeof(conf),
		 "DecisionLog=%s AdminComment=yes\nNodeName=n0 "
		 "Topology=builtin:h100-pcie-pairs\n",
		 path);
	write_conf(conf);
	start_with(&eight, 0x77);
	job = wish(job_for(4), "2x2", "alltoall", NULL);
	ck_assert_uint_eq(run(job), SET4(0, 1, 4, 5));
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	fclose(f);
	ck_assert_msg(strstr(line, "\"groups\":[[0,1],[4,5]],\"group_busbw_gbps\":["
				   "247.200,247.200],\"comm\":\"alltoall\","
				   "\"stock_group_gbps\":22.000,"
				   "\"ideal_group_gbps\":247.200") != NULL,
		      "%s", line);
	ck_assert_ptr_nonnull(strstr(line, "\"level\":5,"));
	ck_assert_ptr_nonnull(job->admin_comment);
	ck_assert_msg(strstr(job->admin_comment, "n0 0,1;4,5 247.2 GB/s (stock ") != NULL,
		      "%s", job->admin_comment);
}
END_TEST

static const char *told(const job_record_t *job, const char *name)
{
	for (uint32_t i = 0; i < job->details->env_cnt; i++)
		if (strncmp(job->details->env_sup[i], name, strlen(name)) == 0)
			return job->details->env_sup[i] + strlen(name);
	return "";
}

START_TEST(the_nodes_are_told)
{
	job_record_t *job;

	start_with(&dgx, 0xff);
	job = wish(job_for(4), "2+2", NULL, NULL);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	ck_assert_str_eq(told(job, GP_ENV_GROUPS "="), "2x2");
	ck_assert_str_eq(told(job, GP_ENV_COMM "="), "allreduce");
	job = job_for(4);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), SLURM_SUCCESS);
	ck_assert_str_eq(told(job, GP_ENV_GROUPS "="), "");
}
END_TEST

static TCase *sets_case(void)
{
	TCase *tc = tcase_create("sets");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_set_is_best, 0, ROWS(machines) * ROWS(shapes));
	return tc;
}

static TCase *promises_case(void)
{
	TCase *tc = tcase_create("promises");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, the_node_with_the_best_groups_is_taken);
	tcase_add_loop_test(tc, a_promise_is_one_for_every_group, 0, ROWS(promises));
	tcase_add_test(tc, a_forecast_waits_for_whole_groups);
	tcase_add_test(tc, what_can_never_be_is_refused_when_it_is_tested);
	tcase_add_test(tc, each_node_of_several_has_the_pattern);
	tcase_add_test(tc, shares_are_whole_patterns);
	tcase_add_loop_test(tc, groups_are_not_split_over_nodes, 0, 2);
	tcase_add_test(tc, gpus_per_task_break_ties);
	return tc;
}

static TCase *words_case(void)
{
	TCase *tc = tcase_create("words");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_test(tc, promises_are_held_against_what_was_measured);
	tcase_add_test(tc, the_log_names_the_groups);
	tcase_add_test(tc, the_nodes_are_told);
	return tc;
}

SUITE(groups)
{
	suite_add_tcase(suite, sets_case());
	suite_add_tcase(suite, promises_case());
	suite_add_tcase(suite, words_case());
}
