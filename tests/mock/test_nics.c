/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_nics.c - jobs of several nodes and the NICs of those in slurmctld: what their sets
 * reach, rails, NICs that others lean on, the log; and jobs of one node, for which
 * nothing changes. What is best is counted here by trying all sets.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/append.h"
#include "core/library.h"
#include "graph.h"
#include "tests/mock/stage.h"

#define MAX_NODES 4
#define STATES	  200
#define ALL	  UINT64_C(0xff)

/* Records name no cores, so that no GPU is near any. */
static const struct mock_gpus eight = {.count = 8, .no_sockets = true};

/* 8 A100 behind NVSwitches, with NICs of 25 GB/s for equally many GPUs each; without a
 * name: no NICs. */
static void write_node(const char *name, int nics)
{
	static char text[16384];
	struct gt_append out = gt_append_to(text, sizeof(text));

	gt_append(&out, "{\"version\":1,\"gpus\":[");
	for (int g = 0; g < 8; g++)
		gt_append(&out,
			  "%s{\"index\":%d,\"model\":\"A100-SXM4-40GB\",\"socket\":%d,"
			  "\"switch_links\":12,\"island\":0}",
			  g ? "," : "", g, g / 4);
	gt_append(&out, "],\"links\":[");
	for (int a = 0; a < 8; a++)
		for (int b = 0; b < 8; b++)
			gt_append(&out, "%s%d%s",
				  b   ? ","
				  : a ? ",["
				      : "[",
				  a == b ? 0 : 12, b == 7 ? "]" : "");
	gt_append(&out, "],\"nics\":[");
	for (int c = 0; c < nics; c++)
		for (int g = 0; g < 8; g++) {
			if (!g)
				gt_append(&out,
					  "%s{\"name\":\"mlx5_%d\",\"gbps\":25,"
					  "\"paths\":[",
					  c ? "," : "", c);
			gt_append(&out, "%s\"%s\"%s", g ? "," : "",
				  g * nics / 8 == c ? "PXB" : "SYS", g == 7 ? "]}" : "");
		}
	gt_append(&out, "]}");
	ck_assert(!out.full);
	write_file(name, text);
}

/* A NIC for each two GPUs, one for each, and none. */
static void write_nodes(void)
{
	write_node("pairs.json", 4);
	write_node("each.json", 8);
	write_node("none.json", 0);
}

/* ---- the truth ---- */

/* How many NICs are near, of which a rail each. */
static uint64_t rails_of(uint64_t set, int nics)
{
	uint64_t rails = 0;

	for (int g = 0; g < 8; g++)
		if (set >> g & 1)
			rails |= SET1(g * nics / 8);
	return rails;
}

static int count(uint64_t set)
{
	return __builtin_popcountll(set);
}

static int best_x(uint64_t free, int k, int nics)
{
	int best = 0;

	for (uint64_t set = free; set; set = (set - 1) & free)
		if (count(set) == k && count(rails_of(set, nics)) > best)
			best = count(rails_of(set, nics));
	return best;
}

/* ---- states ---- */

struct state {
	int nodes;
	uint64_t free[MAX_NODES];
	job_record_t *busy[MAX_NODES];
};

static void start_some(struct state *s, int nodes, const struct mock_gpus *gpus,
		       const char *conf)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3"};

	write_nodes();
	write_conf(conf);
	memset(s, 0, sizeof(*s));
	s->nodes = nodes;
	for (int n = 0; n < nodes; n++) {
		mock_node_add(names[n], gpus);
		s->busy[n] = mock_job_add(100 + (uint32_t)n);
	}
	start();
	stage.asked_nodes = (uint32_t)(mock_stock.nodes_wanted = nodes);
}

static void hold(struct state *s)
{
	for (int n = 0; n < s->nodes; n++)
		if (s->free[n] != ALL) {
			mock_job_run(s->busy[n], n, ALL & ~s->free[n]);
			ck_assert_int_eq(stage.ours.select_nodeinfo_set(s->busy[n]), 0);
		}
}

static void let_go(struct state *s)
{
	for (int n = 0; n < s->nodes; n++)
		if (s->free[n] != ALL) {
			ck_assert_int_eq(stage.ours.job_fini(s->busy[n]), 0);
			mock_job_stop(s->busy[n], n, ALL & ~s->free[n]);
		}
}

static void random_state(struct state *s, struct rng *rng, int least)
{
	for (int n = 0; n < s->nodes; n++)
		do {
			s->free[n] = rng_next(rng, 256) | rng_next(rng, 256);
		} while (count(s->free[n]) < least);
}

/* One job for all states: what it asks is set anew. */
static gres_job_state_t *entry_of(const job_record_t *job)
{
	return ((gres_state_t *)job->gres_list_req->item[0])->gres_data;
}

/* Run it on all nodes. */
static void place(const struct state *s, job_record_t *job, uint64_t *sets)
{
	uint64_t nodes;

	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, SET1(s->nodes) - 1);
	for (int n = 0; n < s->nodes; n++) {
		sets[n] = mock_selected(job, n);
		ck_assert_uint_eq(sets[n] & ~s->free[n], 0);
	}
}

/* The same, and the job is pending again. */
static void try_place(const struct state *s, job_record_t *job, uint64_t *sets)
{
	place(s, job, sets);
	mock_job_stop(job, 0, 0);
}

/* ---- sets ---- */

/* --gpus-per-node, and --gpus with uneven shares. */
START_TEST(each_set_reaches_the_most)
{
	struct rng rng = rng_start("x");
	int better = 0, nodes = 2 + _i / 2;
	job_record_t *job;
	struct state s;

	start_some(&s, nodes, &eight, "NodeName=n[0-3] Topology=pairs.json\n");
	mock_stock.uneven = true;
	job = _i % 2 ? job_total(1) : job_for(1);
	for (int i = 0; i < STATES; i++) {
		int k = 1 + (int)rng_next(&rng, 6);
		uint64_t sets[MAX_NODES], lowest;

		random_state(&s, &rng, k);
		hold(&s);
		if (_i % 2)
			entry_of(job)->gres_per_job = (uint64_t)(k * nodes);
		else
			entry_of(job)->gres_per_node = (uint64_t)k;
		try_place(&s, job, sets);
		for (int n = 0; n < nodes; n++) {
			int own = count(sets[n]);

			ck_assert(_i % 2 || own == k);
			ck_assert_msg(count(rails_of(sets[n], 4)) ==
					      best_x(s.free[n], own, 4),
				      "%d of %#lx: %#lx", own, s.free[n], sets[n]);
			lowest = s.free[n];
			while (count(lowest) > own)
				lowest &= ~(SET1(63 - __builtin_clzll(lowest)));
			better +=
				count(rails_of(lowest, 4)) < count(rails_of(sets[n], 4));
		}
		let_go(&s);
	}
	ck_assert_int_gt(better, STATES / 10);
}
END_TEST

/* A NIC for each GPU: as many rails in common as the free GPUs allow. */
START_TEST(rails_are_equal_where_they_can_be)
{
	struct rng rng = rng_start("rails");
	int equal = 0, nodes = 2 + _i;
	job_record_t *job;
	struct state s;

	start_some(&s, nodes, &eight, "NodeName=n[0-3] Topology=each.json\n");
	job = job_for(1);
	for (int i = 0; i < STATES; i++) {
		uint64_t sets[MAX_NODES], possible = ALL, common = ALL;
		int k = 1 + (int)rng_next(&rng, 5);

		random_state(&s, &rng, k);
		hold(&s);
		entry_of(job)->gres_per_node = (uint64_t)k;
		try_place(&s, job, sets);
		for (int n = 0; n < nodes; n++) {
			possible &= s.free[n];
			common &= sets[n];
		}
		if (count(possible) >= k) {
			ck_assert_int_eq(count(common), k);
			equal++;
		} else {
			ck_assert_uint_eq(common, possible);
		}
		let_go(&s);
	}
	ck_assert_int_gt(equal, STATES / 5);
}
END_TEST

static const struct {
	const char *why;
	const char *conf;
	uint64_t free[2];
	int k;
	bool several; /* n0's running job is of several nodes */
	uint64_t sets[2];
} rows[] = {
	{"a NIC each for two GPUs",
	 "NodeName=n[0-3] Topology=pairs.json\n",
	 {0x47, 0x43},
	 2,
	 false,
	 {SET2(0, 6), SET2(0, 6)}},
	{"the first node goes by the rails that the second can have",
	 "NodeName=n[0-3] Topology=each.json\n",
	 {0xff, 0xc0},
	 2,
	 false,
	 {0xc0, 0xc0}},
	{"a NIC that another job of several nodes leans on",
	 "NodeName=n[0-3] Topology=pairs.json\n",
	 {0xfe, 0xff},
	 1,
	 true,
	 {SET1(2), SET1(2)}},
	{"one that a job of one node leans on is free",
	 "NodeName=n[0-3] Topology=pairs.json\n",
	 {0xfe, 0xff},
	 1,
	 false,
	 {SET1(1), SET1(0)}},
	{"rails of nodes with other numbers of NICs are not compared",
	 "NodeName=n0 Topology=pairs.json\nNodeName=n1 Topology=each.json\n",
	 {0xaa, 0xf0},
	 2,
	 false,
	 {SET2(1, 3), SET2(4, 5)}},
	{"nodes without NICs stay out of it",
	 "NodeName=n0 Topology=pairs.json\nNodeName=n1 Topology=none.json\n",
	 {0x0f, 0xff},
	 2,
	 false,
	 {SET2(0, 2), SET2(0, 1)}},
	{"observe changes nothing",
	 "Mode=observe\nNodeName=n[0-3] Topology=pairs.json\n",
	 {0x0f, 0x0f},
	 2,
	 false,
	 {SET2(0, 1), SET2(0, 1)}},
	{"a node that only observes is followed",
	 "NodeName=n0 Topology=each.json\nNodeName=n1 Topology=each.json Mode=observe\n",
	 {0xff, 0xf0},
	 2,
	 false,
	 {SET2(4, 5), SET2(4, 5)}},
};

START_TEST(rails_and_shared_nics)
{
	uint64_t sets[MAX_NODES];
	struct state s;

	start_some(&s, 2, &eight, rows[_i].conf);
	memcpy(s.free, rows[_i].free, sizeof(rows[_i].free));
	s.busy[0]->node_cnt = rows[_i].several ? 2 : 1;
	hold(&s);
	place(&s, job_for(rows[_i].k), sets);
	ck_assert_msg(sets[0] == rows[_i].sets[0] && sets[1] == rows[_i].sets[1],
		      "%s: %#lx, %#lx", rows[_i].why, sets[0], sets[1]);
}
END_TEST

/* --gpus=aa:2 on each node; 0, 2, 4 and 6 of gres.conf are aa, the first four bits. */
START_TEST(typed_gpus_keep_their_types)
{
	struct rng rng = rng_start("types");
	static int links[64];
	static const struct mock_gpus two_types = {
		.count = 8, .no_sockets = true, .types = types, .links = links};
	job_record_t *job;
	struct state s;

	for (int i = 0; i < 64; i++)
		links[i] = i % 8 == regrouped[i / 8] ? -1 : 12;
	start_some(&s, 2, &two_types, "NodeName=n[0-3] Topology=each.json\n");
	job = mock_job_add(stage.next_job++);
	mock_job_entry(job, "gpu", "aa")->gres_per_node = 2;
	for (int i = 0; i < STATES; i++) {
		uint64_t sets[MAX_NODES], possible;

		random_state(&s, &rng, 4);
		for (int n = 0; n < 2; n++)
			s.free[n] |= n ? 0x0c : 0x09;
		hold(&s);
		try_place(&s, job, sets);
		possible = s.free[0] & s.free[1] & 0x0f;
		ck_assert_uint_eq((sets[0] | sets[1]) & 0xf0, 0);
		ck_assert_int_eq(count(sets[0] & sets[1]),
				 count(possible) < 2 ? count(possible) : 2);
		let_go(&s);
	}
}
END_TEST

/* ---- nodes ---- */

/* Of three nodes or four, two are taken: those whose slower one reaches the most. In a
 * flat network, and under one leaf switch. */
START_TEST(the_nodes_that_reach_the_most_are_taken)
{
	struct rng rng = rng_start("nodes");
	int better = 0, total = 3 + _i % 2;
	job_record_t *job;
	struct state s;

	if (_i / 2)
		mock_slurm.pattern = "switch.node";
	for (int n = 0; n < total; n++)
		mock_slurm.unit[n] = "a";
	start_some(&s, total, &eight, "NodeName=n[0-3] Topology=pairs.json\n");
	stage.asked_nodes = (uint32_t)(mock_stock.nodes_wanted = 2);
	stage.preempts_none = true;
	job = job_for(1);
	for (int i = 0; i < STATES; i++) {
		int k = 1 + (int)rng_next(&rng, 6), best = 0, slowest = 4, first = 4;
		uint64_t nodes;

		random_state(&s, &rng, k);
		hold(&s);
		entry_of(job)->gres_per_node = (uint64_t)k;
		ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes),
				 SLURM_SUCCESS);
		ck_assert_int_eq(count(nodes), 2);
		for (int n = 0; n < total; n++) {
			int x = best_x(s.free[n], k, 4);

			for (int m = 0; m < n; m++) {
				int y = best_x(s.free[m], k, 4);

				best = (x < y ? x : y) > best ? (x < y ? x : y) : best;
			}
			if (n < 2)
				first = x < first ? x : first;
			x = count(rails_of(mock_selected(job, n), 4));
			if (nodes >> n & 1)
				slowest = x < slowest ? x : slowest;
		}
		ck_assert_msg(slowest == best, "%d GPUs: %d, not %d", k, slowest, best);
		better += first < best;
		ck_assert_int_le(mock_stock.calls, 3);
		mock_job_stop(job, 0, 0);
		let_go(&s);
	}
	ck_assert_int_gt(better, STATES / 20);
}
END_TEST

static const struct {
	const char *why, *conf;
	const char *units; /* the leaf switch of each node */
	int weight;	   /* of n2 */
	enum mock_fault fault;
	unsigned calls; /* that go so, bit i */
	uint64_t nodes; /* of n0, n1 and n2, of which n0 has one NIC near and n1 two */
} node_rows[] = {
	{"the node with two NICs", "", NULL, 1, MOCK_FINE, 0, 6},
	{"Slurm's weights come first", "", NULL, 2, MOCK_FINE, 0, 3},
	{"so do leaf switches", "", "aab", 1, MOCK_FINE, 0, 3},
	{"within one it is free", "", "aaa", 1, MOCK_FINE, 0, 6},
	{"NodeChoice=no", "NodeChoice=no\n", NULL, 1, MOCK_FINE, 0, 3},
	{"observe", "Mode=observe\n", NULL, 1, MOCK_FINE, 0, 3},
	{"a call with few nodes that fails is followed by the others", "", NULL, 1,
	 MOCK_FAIL, 1, 6},
	{"those fail too", "", NULL, 1, MOCK_FAIL, 5, 3},
	{"an answer that cannot be read", "", NULL, 1, MOCK_NO_RESOURCES, 5, 3},
	{"under a switch", "", "aaa", 1, MOCK_FAIL, 2, 3},
	{"an answer that cannot be read there", "", "aaa", 1, MOCK_NO_RESOURCES, 2, 3},
	{"a domain is not left", "NodeName=n[0-2] Domain=d\n", NULL, 1, MOCK_FINE, 0, 6},
	{"domains are units", "NodeName=n2 Domain=e\nNodeName=n[0-1] Domain=d\n", NULL, 1,
	 MOCK_FINE, 0, 3},
};

START_TEST(nodes_are_chosen_where_that_is_left_to_us)
{
	char conf[128], unit[3][2] = {""};
	job_record_t *job;
	uint64_t nodes;
	struct state s;

	snprintf(conf, sizeof(conf), "%sNodeName=n[0-3] Topology=pairs.json\n",
		 node_rows[_i].conf);
	for (int n = 0; node_rows[_i].units && n < 3; n++) {
		mock_slurm.pattern = "switch.node";
		unit[n][0] = node_rows[_i].units[n];
		mock_slurm.unit[n] = unit[n];
	}
	start_some(&s, 3, &eight, conf);
	node_record_table_ptr[2]->sched_weight = (uint64_t)node_rows[_i].weight << 8;
	node_record_table_ptr[0]->sched_weight = node_record_table_ptr[1]->sched_weight =
		1 << 8;
	stage.asked_nodes = (uint32_t)(mock_stock.nodes_wanted = 2);
	stage.preempts_none = true;
	s.free[0] = 0x03;
	s.free[1] = s.free[2] = 0x0f;
	hold(&s);
	for (int i = 0; i < 16; i++)
		if (node_rows[_i].calls >> i & 1)
			mock_stock.fault[i] = node_rows[_i].fault;
	job = job_for(2);
	ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes), SLURM_SUCCESS);
	ck_assert_msg(nodes == node_rows[_i].nodes, "%s: %#lx", node_rows[_i].why, nodes);
	for (int n = 0; n < 3; n++)
		ck_assert(!(nodes >> n & 1) || count(mock_selected(job, n)) == 2);
}
END_TEST

/* ---- jobs of one node ---- */

START_TEST(jobs_of_one_node_choose_as_before)
{
	static const char *const files[] = {"pairs.json", "each.json", "none.json"};
	struct rng rng = rng_start("one node");
	job_record_t *job;
	char conf[64];
	struct state s;

	start_some(&s, 2, &eight, "NodeName=n[0-3] Topology=pairs.json\n");
	job = job_for(1);
	stage.asked_nodes = (uint32_t)(mock_stock.nodes_wanted = 1);
	for (int i = 0; i < STATES; i++) {
		int k = 1 + (int)rng_next(&rng, 6);
		uint64_t got[3][MAX_NODES];

		random_state(&s, &rng, k);
		hold(&s);
		s.busy[0]->node_cnt = 2;
		for (int f = 0; f < 3; f++) {
			uint64_t nodes;

			entry_of(job)->gres_per_node = (uint64_t)k;

			snprintf(conf, sizeof(conf), "NodeName=n[0-3] Topology=%s\n",
				 files[f]);
			write_conf(conf);
			start();
			ck_assert_int_eq(test_job(job, SELECT_MODE_RUN_NOW, &nodes),
					 SLURM_SUCCESS);
			for (int n = 0; n < 2; n++)
				got[f][n] = nodes >> n & 1 ? mock_selected(job, n) : 0;
			mock_job_stop(job, 0, 0);
		}
		ck_assert_int_eq(memcmp(got[0], got[2], 2 * sizeof(uint64_t)), 0);
		ck_assert_int_eq(memcmp(got[1], got[2], 2 * sizeof(uint64_t)), 0);
		let_go(&s);
	}
}
END_TEST

/* ---- doubt ---- */

static const enum mock_fault faults[] = {
	MOCK_FAIL, MOCK_FEWER, MOCK_OTHER, MOCK_NO_RESOURCES, MOCK_OTHER_CPUS,
};

START_TEST(a_failing_rerun_leaves_stocks_answer)
{
	uint64_t sets[MAX_NODES];
	struct state s;

	start_some(&s, 2, &eight, "NodeName=n[0-3] Topology=pairs.json\n");
	for (int i = 1; i < 16; i++)
		mock_stock.fault[i] = faults[_i];
	mock_stock.fault[9] = MOCK_FINE;
	s.free[0] = s.free[1] = ALL;
	hold(&s);
	place(&s, job_for(2), sets);
	ck_assert_uint_eq(sets[0], SET2(0, 1));
	ck_assert_uint_eq(sets[1], SET2(0, 1));
}
END_TEST

/* Without its object, or with another's, nodes have no NICs, and one line says so. */
START_TEST(without_the_object_nodes_have_no_nics)
{
	uint64_t sets[MAX_NODES];
	char folder[PATH_MAX];
	struct state s;

	snprintf(folder, sizeof(folder), "%s/plugins", stage.dir);
	shell("mkdir '%s' && cd '" MOCK_OURS
	      "' && cp select_cons_tres.so gputopo_topology.so '%s'",
	      folder, folder);
	if (_i)
		shell("cp '" MOCK_OURS "/gputopo_topology.so' '%s/gputopo_nics.so'",
		      folder);
	stage.ours.fini();
	mock_unload(&stage.ours);
	ck_assert(mock_load_from(&stage.ours, folder, MOCK_STOCK));
	ck_assert_int_eq(stage.ours.init(), SLURM_SUCCESS);
	start_some(&s, 2, &eight, "NodeName=n[0-3] Topology=pairs.json\n");
	ck_assert(mock_logged("gputopo_nics.so cannot be loaded: "));
	ck_assert_int_le(mock_slurm.lines, 2);
	s.free[0] = s.free[1] = ALL;
	hold(&s);
	place(&s, job_for(2), sets);
	ck_assert_uint_eq(sets[0], SET2(0, 1));
	ck_assert_uint_eq(sets[1], SET2(0, 1));
}
END_TEST

/* ---- the log ---- */

static void read_log(char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", stage.dir);
	f = fopen(path, "r");
	text[f ? fread(text, 1, size - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
}

START_TEST(the_log_says_what_was_reached)
{
	char text[8192], conf[256];
	uint64_t sets[MAX_NODES];
	job_record_t *job;
	struct state s;

	snprintf(conf, sizeof(conf),
		 "DecisionLog=%s/log\nNodeName=n0 Topology=pairs.json\nNodeName=n1 "
		 "Topology=each.json\n",
		 stage.dir);
	start_some(&s, 2, &eight, conf);
	s.free[0] = s.free[1] = 0x0f;
	hold(&s);
	job = job_for(2);
	place(&s, job, sets);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	read_log(text, sizeof(text));
	ck_assert_msg(strstr(text, "\"node\":\"n0\"") &&
			      strstr(text, "\"stock\":\"0-1\",\"chosen\":\"0,2\"") &&
			      strstr(text, "\"level\":6,\"x_gbps\":50.000,"
					   "\"x_stock\":25.000,\"rails\":\"0-1\"") &&
			      strstr(text, "\"level\":null,\"x_gbps\":50.000,"
					   "\"x_stock\":50.000,\"rails\":\"0-1\""),
		      "%s", text);
	/* one of one node */
	stage.asked_nodes = (uint32_t)(mock_stock.nodes_wanted = 1);
	job = job_for(2);
	run(job);
	ck_assert_int_eq(stage.ours.job_begin(job), 0);
	read_log(text, sizeof(text));
	ck_assert_ptr_null(strstr(strstr(text, "\"node\":\"n1\"") + 300, "x_gbps"));
}
END_TEST

SUITE(nics)
{
	TCase *tc = tcase_create("nics");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, each_set_reaches_the_most, 0, 4);
	tcase_add_loop_test(tc, rails_are_equal_where_they_can_be, 0, 2);
	tcase_add_loop_test(tc, rails_and_shared_nics, 0, ROWS(rows));
	tcase_add_test(tc, typed_gpus_keep_their_types);
	tcase_add_loop_test(tc, the_nodes_that_reach_the_most_are_taken, 0, 4);
	tcase_add_loop_test(tc, nodes_are_chosen_where_that_is_left_to_us, 0,
			    ROWS(node_rows));
	tcase_add_test(tc, jobs_of_one_node_choose_as_before);
	tcase_add_loop_test(tc, a_failing_rerun_leaves_stocks_answer, 0, ROWS(faults));
	tcase_add_loop_test(tc, without_the_object_nodes_have_no_nics, 0, 2);
	tcase_add_test(tc, the_log_says_what_was_reached);
	suite_add_tcase(suite, tc);
}
