/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_units.c - leaf switches, base blocks and NVLink domains stay whole where
 * stock leaves them whole.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "gputopo.h"
#include "tests/mock/stage.h"

#define NODES 8

/* Two units of four, the last two nodes are in use as a whole. */
#define BROKEN_SECOND                                                                    \
	{                                                                                \
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0                                 \
	}
#define BLOCKS                                                                           \
	{                                                                                \
		"b0", "b0", "b0", "b0", "b1", "b1", "b1", "b1"                           \
	}

/* One job without GPUs on each node of the mask. */
static void with_jobs(uint64_t nodes)
{
	for (int n = 0; n < NODES; n++)
		node_record_table_ptr[n]->run_job_cnt = nodes >> n & 1;
}

static const struct {
	const char *why;
	const char *pattern;
	const char *unit[NODES];
	uint64_t free[NODES];
	uint64_t cpu_jobs; /* nodes with a job without GPUs */
	int count;
	uint64_t asked; /* the nodes that stock is asked with */
} unit_rows[] = {
	{"the broken block", "block.node", BLOCKS, BROKEN_SECOND, 0, 4, 1 << 4},
	{"one GPU, too", "block.node", BLOCKS, BROKEN_SECOND, 0, 1, 1 << 4},
	{"a whole node, too", "block.node", BLOCKS, BROKEN_SECOND, 0, 8, 1 << 4},
	{"the broken leaf switch",
	 "switch.switch.node",
	 {"t.s0", "t.s0", "t.s0", "t.s0", "t.s1", "t.s1", "t.s1", "t.s1"},
	 BROKEN_SECOND,
	 0,
	 4,
	 1 << 4},
	{"leaves of one name under two switches are two",
	 "switch.switch.node",
	 {"t.s0", "t.s0", "t.s0", "u.s0", "u.s0", "u.s0", "u.s0", "u.s0"},
	 {0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff},
	 0,
	 4,
	 1 << 0},
	{"a flat network: as ever, the first of equal nodes", NULL, BLOCKS, BROKEN_SECOND,
	 0, 4, 0xf},
	{"a node in use with a set as good breaks nothing",
	 "block.node",
	 BLOCKS,
	 {0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0, 0},
	 0,
	 4,
	 1 << 2},
	{"of nodes in use that of the broken block: the other is whole again soon",
	 "block.node",
	 BLOCKS,
	 {0xf0, 0xff, 0xff, 0xff, 0xff, 0xf0, 0, 0},
	 0,
	 4,
	 1 << 5},
	{"GPUs come before a node in use: stock would break a node, too",
	 "block.node",
	 BLOCKS,
	 {0xff, 0xff, 0x71, 0xff, 0xff, 0xff, 0, 0},
	 0,
	 4,
	 1 << 4},
	{"nodes with a job without GPUs are broken already",
	 "block.node",
	 BLOCKS,
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 0x08,
	 4,
	 1 << 3},
	{"where each node has one, free GPUs tell", "block.node", BLOCKS, BROKEN_SECOND,
	 0xff, 4, 1 << 4},
	{"equal units: one node of each, and stock's rule says which",
	 "block.node",
	 BLOCKS,
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 0,
	 4,
	 0x11},
	{"a node outside all blocks breaks none",
	 "block.node",
	 {"b0", "b0", "b0", "b0", "b0", "b0", "b0", ""},
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 0,
	 4,
	 1 << 7},
	{"units are told apart by name, in whatever order their nodes come",
	 "block.node",
	 {"b1", "b0", "b1", "b0", "b1", "b0", "b1", "b0"},
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff},
	 0,
	 4,
	 1 << 1},
	{"a ring is stock's",
	 "ring:position.node",
	 {"r:0", "r:1", "r:2", "r:3", "r:4", "r:5", "r:6", "r:7"},
	 BROKEN_SECOND,
	 0,
	 4,
	 0xff},
	{"a torus is stock's",
	 "torus:x:y:z.node",
	 {"r:0:0:0", "r:0:0:1", "r:0:1:0", "r:0:1:1", "r:1:0:0", "r:1:0:1", "r:1:1:0",
	  "r:1:1:1"},
	 BROKEN_SECOND,
	 0,
	 4,
	 0xff},
};

static void start_units(int row)
{
	mock_slurm.pattern = unit_rows[row].pattern;
	memcpy(mock_slurm.unit, unit_rows[row].unit, sizeof(mock_slurm.unit));
	start_nodes(unit_rows[row].free, NODES);
	with_jobs(unit_rows[row].cpu_jobs);
}

START_TEST(a_job_of_one_node_spares_the_whole_unit)
{
	start_units(_i);
	nodes_of(job_for(unit_rows[_i].count));
	ck_assert_msg(mock_stock.call[0].nodes == unit_rows[_i].asked,
		      "%s: asked with %#lx", unit_rows[_i].why,
		      (unsigned long)mock_stock.call[0].nodes);
}
END_TEST

START_TEST(the_total_form_spares_it_too)
{
	start_units(_i);
	nodes_of(job_total((uint64_t)unit_rows[_i].count));
	ck_assert_msg(mock_stock.call[0].nodes == unit_rows[_i].asked,
		      "%s: asked with %#lx", unit_rows[_i].why,
		      (unsigned long)mock_stock.call[0].nodes);
}
END_TEST

/* Where the least harm cannot be had, the next; then stock's answer among all. */
START_TEST(the_next_harm_follows)
{
	start_units(0);
	mock_stock.fault[0] = mock_stock.fault[1] = MOCK_FAIL;
	nodes_of(job_for(4));
	ck_assert_uint_eq(mock_stock.call[0].nodes, 0x10);
	ck_assert_uint_eq(mock_stock.call[1].nodes, 0x30);
	ck_assert_uint_eq(mock_stock.call[2].nodes, 0xff);
	ck_assert_ptr_nonnull(mock_stock.call[2].candidates);
}
END_TEST

/* A promise that only idle nodes keep: the units are as they were before nodes were left
 * out for it. */
START_TEST(a_promise_is_kept_with_the_least_harm)
{
	static const uint64_t free[NODES] = {0x33, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 0xff};

	write_conf("MinRatio=1\n");
	mock_slurm.pattern = "block.node";
	for (int n = 0; n < NODES; n++)
		mock_slurm.unit[n] = n < 4 ? "b0" : "b1";
	start_nodes(free, NODES);
	nodes_of(job_for(4));
	ck_assert_uint_eq(mock_stock.call[0].nodes, 1 << 1);
}
END_TEST

START_TEST(domains_are_units_of_a_flat_network)
{
	static const uint64_t free[NODES] = BROKEN_SECOND;

	write_conf("NodeName=n[0-3] Domain=a\nNodeName=n[4-7] Domain=b\n");
	start_nodes(free, NODES);
	nodes_of(job_for(4));
	ck_assert_uint_eq(mock_stock.call[0].nodes, 1 << 4);
}
END_TEST

START_TEST(the_networks_units_come_before_domains)
{
	static const uint64_t free[NODES] = BROKEN_SECOND;

	write_conf("NodeName=n[0-6] Domain=a\nNodeName=n7 Domain=b\n");
	mock_slurm.pattern = "block.node";
	for (int n = 0; n < NODES; n++)
		mock_slurm.unit[n] = n < 4 ? "b0" : "b1";
	start_nodes(free, NODES);
	nodes_of(job_for(4));
	ck_assert_uint_eq(mock_stock.call[0].nodes, 1 << 4);
}
END_TEST

/* Weights are the admin's: a whole unit of the lower one is broken first. */
START_TEST(weights_come_before_units)
{
	start_units(0);
	for (int n = 4; n < NODES; n++)
		node_record_table_ptr[n]->sched_weight = 0x100;
	nodes_of(job_for(4));
	ck_assert_uint_eq(mock_stock.call[0].nodes & 0xf0, 0);
}
END_TEST

enum aside {
	UNIT_SWITCH,
	UNIT_CONTIGUOUS,
	UNIT_SPREAD,
	UNIT_REQUIRED,
	UNIT_SERIAL,
	UNIT_ODD,
	UNIT_COUNT
};

/* What is Slurm's to say stays Slurm's: it is asked with all nodes. */
START_TEST(slurms_own_requests_are_slurms)
{
	static char serial[] = "bf_interval=5,pack_serial_at_end";
	job_record_t *job;

	if (_i == UNIT_ODD)
		slurm_conf.topology_plugin = (char *)"topology/3d_torus";
	start_units(0);
	slurm_conf.topology_plugin = NULL;
	job = job_for(4);
	job->req_switch = _i == UNIT_SWITCH;
	job->details->contiguous = _i == UNIT_CONTIGUOUS;
	job->bit_flags |= _i == UNIT_SPREAD ? SPREAD_JOB : 0;
	if (_i == UNIT_REQUIRED)
		job->details->req_node_bitmap = bit_alloc(NODES);
	if (_i == UNIT_SERIAL) {
		job->details->min_cpus = 1;
		slurm_conf.sched_params = serial;
	}
	nodes_of(job);
	ck_assert_uint_eq(mock_stock.call[0].nodes, 0xff);
	FREE_NULL_BITMAP(job->details->req_node_bitmap);
	slurm_conf.sched_params = NULL;
}
END_TEST

START_TEST(the_log_names_the_network)
{
	start_units(0);
	ck_assert(mock_logged("breaking up 2 leaf switches or base blocks"));
}
END_TEST

static TCase *unit_case(void)
{
	TCase *tc = tcase_create("units");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, a_job_of_one_node_spares_the_whole_unit, 0,
			    ROWS(unit_rows));
	tcase_add_loop_test(tc, the_total_form_spares_it_too, 0, ROWS(unit_rows));
	tcase_add_test(tc, the_next_harm_follows);
	tcase_add_test(tc, a_promise_is_kept_with_the_least_harm);
	tcase_add_test(tc, domains_are_units_of_a_flat_network);
	tcase_add_test(tc, the_networks_units_come_before_domains);
	tcase_add_test(tc, weights_come_before_units);
	tcase_add_loop_test(tc, slurms_own_requests_are_slurms, 0, UNIT_COUNT);
	tcase_add_test(tc, the_log_names_the_network);
	return tc;
}

SUITE(units)
{
	suite_add_tcase(suite, unit_case());
}
