/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_offered.c - Slurm offers some of the nodes only, with holes between them: what the
 * job's partition, reservation and features leave. However good the others are, stock is
 * never asked with them (stage.c looks), and the best of those offered is found.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/slices.h"

/* n0 and n7 are idle, n1 has a pair with two links to spare, n3 one with one link, n5 a
 * pair without any; n2 and n6 have one GPU, n4 none. */
static const uint64_t free_gpus[MOCK_MAX_NODES] = {0xff, SET2(0, 3), SET1(0), SET2(0, 1),
						   0,	 SET2(0, 5), SET1(7), 0xff};

static const struct {
	const char *why;
	uint64_t offered;
	uint64_t taken; /* where the pair goes; 0: it waits */
} pair_rows[] = {
	{"all of them: where it costs no node", 0xff, 1 << 1},
	{"without the best", 0xfd, 0x81},
	{"only idle ones", 0x81, 0x81},
	{"the last one, idle, and the single link", 0x88, 1 << 7},
	{"no idle one: the single link", 0x7c, 1 << 3},
	{"one without links, behind a hole", 0x34, 1 << 5},
	{"a hole of full nodes between", 0x54, 0},
	{"one node, and it has no room", 0x10, 0},
	{"one node, and it has", 0x02, 1 << 1},
};

START_TEST(the_best_of_the_offered)
{
	job_record_t *job;
	uint64_t nodes;
	int rc;

	start_nodes(free_gpus, MOCK_MAX_NODES);
	stage.offered = pair_rows[_i].offered;
	job = job_for(2);
	rc = test_job(job, SELECT_MODE_RUN_NOW, &nodes);
	ck_assert_msg((rc == SLURM_SUCCESS) == (pair_rows[_i].taken != 0), "%s",
		      pair_rows[_i].why);
	if (rc == SLURM_SUCCESS)
		ck_assert_msg(nodes & pair_rows[_i].taken, "%s: %#lx", pair_rows[_i].why,
			      (unsigned long)nodes);
}
END_TEST

/* Every way to ask, with every two nodes, and with every other one. */
static const struct {
	const char *why, *conf, *option;
	int gpus, total; /* of each node, or of all */
	uint32_t nodes;
	const char *pattern;
} ways[] = {
	{"GPUs of a node", "", NULL, 2, 0, 1, NULL},
	{"GPUs of each of two nodes", "", NULL, 1, 0, 2, NULL},
	{"GPUs of the job", "", NULL, 0, 4, 1, NULL},
	{"GPUs of the job on two nodes", "", NULL, 0, 2, 2, NULL},
	{"a ring", "", "GPUTOPO_TOPO=ring", 2, 0, 1, NULL},
	{"a ring on each of two nodes", "", "GPUTOPO_TOPO=ring", 2, 0, 2, NULL},
	{"a bandwidth", "", "GPUTOPO_MIN_BUSBW=40", 2, 0, 1, NULL},
	{"one that the idle nodes have", "", "GPUTOPO_MIN_BUSBW=40", 4, 0, 1, NULL},
	{"groups", "", "GPUTOPO_GROUP_SIZES=2x2", 4, 0, 1, NULL},
	{"what others need least", "", "GPUTOPO_TOPO=any", 2, 0, 1, NULL},
	{"no split", "Split=no\n", NULL, 0, 4, 1, NULL},
	{"a domain", "NodeName=n[0-3] Domain=a\nNodeName=n[4-7] Domain=b\n", NULL, 1, 0,
	 2, NULL},
	{"leaf switches", "", NULL, 2, 0, 1, "switch.node"},
	{"a ratio", "MinRatio=0.9\n", NULL, 2, 0, 1, NULL},
};

static job_record_t *job_of(int way)
{
	job_record_t *job = ways[way].total ? job_total((uint64_t)ways[way].total)
					    : job_for(ways[way].gpus);

	stage.asked_nodes = ways[way].nodes;
	mock_stock.nodes_wanted = (int)ways[way].nodes;
	return ways[way].option ? job_with(job, ways[way].option) : job;
}

START_TEST(no_other_node_is_asked_for)
{
	static const uint16_t modes[] = {SELECT_MODE_RUN_NOW, SELECT_MODE_WILL_RUN,
					 SELECT_MODE_TEST_ONLY};
	job_record_t *job;
	uint64_t nodes;

	write_conf(ways[_i].conf);
	mock_slurm.pattern = ways[_i].pattern;
	for (int n = 0; n < MOCK_MAX_NODES; n++)
		mock_slurm.unit[n] = n < 4 ? "s0" : "s1";
	start_nodes(free_gpus, MOCK_MAX_NODES);
	job = job_of(_i);
	for (int i = 0; i < MOCK_MAX_NODES * MOCK_MAX_NODES + 2; i++) {
		stage.offered = i < MOCK_MAX_NODES * MOCK_MAX_NODES
					? SET2(i / MOCK_MAX_NODES, i % MOCK_MAX_NODES)
					: 0x55u << i % 2;
		for (int m = 0; m < ROWS(modes); m++)
			if (test_job(job, modes[m], &nodes) == SLURM_SUCCESS)
				ck_assert_msg(nodes && !(nodes & ~stage.offered),
					      "%s, mode %d: %#lx of %#lx", ways[_i].why,
					      m, (unsigned long)nodes,
					      (unsigned long)stage.offered);
	}
	xfree(job->state_desc);
}
END_TEST

/* ---- MIG ---- */

/* n1 is in use, so that an instance costs least there. */
static const struct {
	const char *why;
	uint64_t offered;
	const char *place; /* NULL: it waits */
} slice_rows[] = {
	{"all", 0xf, "n1:0:4:4"},
	{"not the best", 0xd, "n0:0:4:4"},
	{"behind a hole", 0xa, "n1:0:4:4"},
	{"the last", 0x8, "n3:0:4:4"},
	{"the full one and one behind a hole", 0xc, "n3:0:4:4"},
	{"only the full one", 0x4, NULL},
};

START_TEST(slices_of_the_offered)
{
	job_record_t *job;
	uint64_t nodes;

	start_sliced(4);
	found("3g.40gb", "n1:0:0:4", 0);
	found("7g.80gb", "n2:0:0:8", 0);
	found("7g.80gb", "n2:1:0:8", 0);
	ck_assert_int_eq(stage.ours.reconfigure(), 0);
	stage.offered = slice_rows[_i].offered;
	job = mig_job("3g.40gb", 4);
	if (!slice_rows[_i].place) {
		ck_assert_int_ne(test_job(job, SELECT_MODE_RUN_NOW, &nodes),
				 SLURM_SUCCESS);
		return;
	}
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	begin(job, 0);
	ck_assert_msg(!strcmp(place_of(job), slice_rows[_i].place), "%s: %s",
		      slice_rows[_i].why, place_of(job));
}
END_TEST

SUITE(offered)
{
	TCase *tc = tcase_create("offered"), *mig = tcase_create("slices");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, the_best_of_the_offered, 0, ROWS(pair_rows));
	tcase_add_loop_test(tc, no_other_node_is_asked_for, 0, ROWS(ways));
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(mig, slices_setup, slices_teardown);
	tcase_add_loop_test(mig, slices_of_the_offered, 0, ROWS(slice_rows));
	suite_add_tcase(suite, mig);
}
