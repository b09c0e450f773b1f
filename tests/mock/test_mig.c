/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_mig.c - instances of MIG that the admin made: which GPU each sits on, which
 * one a job gets, and stock's answer wherever there is a doubt.
 */
#include "plugin/slurm/compat.h"

#include <check.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "plugin/ctld/mig/mig_submit.h"
#include "plugin/common/wish_names.h"
#include "tests/mock/stage.h"

/* Five A100: 0, 3 and 4 whole, with links 0-4 and 3-4; 1 and 2 cut alike. Slurm groups
 * them by type. */
enum { WHOLE_0, WHOLE_3, WHOLE_4, A_3G, B_3G, A_2G, B_2G, A_1G, A_1G_2, B_1G, B_1G_2 };

#define BITS 11
#define ALL  ((1u << BITS) - 1)

static const char *const cut_types[BITS] = {
	"a100",		"a100",		"a100",		"a100_3g.20gb",
	"a100_3g.20gb", "a100_2g.10gb", "a100_2g.10gb", "a100_1g.5gb",
	"a100_1g.5gb",	"a100_1g.5gb",	"a100_1g.5gb",
};

static const struct mock_gpus cut = {.count = BITS, .types = cut_types};

#define MODEL "\"model\": \"NVIDIA A100-SXM4-40GB\""
#define PARTS                                                                            \
	"\"instances\": [{\"profile\": \"3g.20gb\", \"start\": 4},"                      \
	"{\"profile\": \"2g.10gb\", \"start\": 0}, {\"profile\": \"1g.5gb\", "           \
	"\"start\": 2}, {\"profile\": \"1g.5gb\", \"start\": 3}]"

static const char *const cut_file =
	"{\"version\": 1, \"gpus\": [{" MODEL "}, {" MODEL ", " PARTS "}, {" MODEL
	", " PARTS "}, {" MODEL "}, {" MODEL "}],\n"
	"\"links\": [[0,0,0,0,4],[0,0,0,0,0],[0,0,0,0,0],[0,0,0,0,2],[4,0,0,2,0]]}\n";

static void write_model(const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cut.json", stage.dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void set_up(const char *settings)
{
	char conf[400];

	snprintf(conf, sizeof(conf), "NodeName=n[0-3] Topology=cut.json %s\n", settings);
	write_conf(conf);
	write_model(cut_file);
}

static job_record_t *job_of(const char *type, int count)
{
	job_record_t *job = mock_job_add(stage.next_job++);

	mock_job_entry(job, "gpu", type)->gres_per_node = (uint64_t)count;
	return job;
}

/* ---- which instance ------------------------------------------------------------------
 */

static const struct {
	const char *why;
	const char *settings;
	uint64_t busy;
	const char *type;
	int count;
	uint64_t given;
} rows[] = {
	{"the GPU in use is filled, the other stays empty", "", SET1(B_3G), "a100_1g.5gb",
	 1, SET1(B_1G)},
	{"an idle node: stock's is as good as any", "", 0, "a100_1g.5gb", 1, SET1(A_1G)},
	{"both in use: the fuller one", "", SET3(A_1G, B_3G, B_1G), "a100_1g.5gb", 1,
	 SET1(B_1G_2)},
	{"both in use, memory counts: a 3g is more than two 1g", "",
	 SET3(A_1G, A_1G_2, B_3G), "a100_2g.10gb", 1, SET1(B_2G)},
	{"spread: the empty GPU", "MigPolicy=spread", SET1(A_3G), "a100_1g.5gb", 1,
	 SET1(B_1G)},
	{"spread: one on each", "MigPolicy=spread", 0, "a100_1g.5gb", 2,
	 SET2(A_1G, B_1G)},
	{"spread: the less used", "MigPolicy=spread", SET3(A_3G, B_1G, B_1G_2),
	 "a100_2g.10gb", 1, SET1(B_2G)},
	{"two: both on the GPU in use", "", SET1(B_2G), "a100_1g.5gb", 2,
	 SET2(B_1G, B_1G_2)},
	{"three: only one has to go elsewhere", "", SET1(B_2G), "a100_1g.5gb", 3,
	 SET3(A_1G, B_1G, B_1G_2)},
	{"whole GPUs: the linked pair", "", 0, "a100", 2, SET2(WHOLE_0, WHOLE_4)},
	{"whole GPUs: what is used of the others changes nothing", "", SET2(A_1G, B_3G),
	 "a100", 2, SET2(WHOLE_0, WHOLE_4)},
};

static void run_others(uint64_t busy)
{
	job_record_t *job;

	if (!busy)
		return;
	job = mock_job_add(100);
	mock_job_run(job, 0, busy);
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(job), 0);
}

START_TEST(the_policy_decides)
{
	uint64_t given;

	set_up(rows[_i].settings);
	start_with(&cut, ALL);
	run_others(rows[_i].busy);
	given = run(job_of(rows[_i].type, rows[_i].count));
	ck_assert_msg(given == rows[_i].given, "%s: %#lx", rows[_i].why,
		      (unsigned long)given);
}
END_TEST

/* Interleaved types, in the file's own order, with Links= that say so. */
START_TEST(links_tell_the_order)
{
	static const char *const types_here[5] = {"a100_2g.10gb", "a100_2g.10gb", "a100",
						  "a100", "a100"};
	static const int links[25] = {
		0,  -1, 0,  0, 0,  /* bit 0 is position 1, on GPU 1 */
		0,  0,	0,  0, -1, /* bit 1 is position 4, on GPU 3 */
		-1, 0,	0,  1, 0,  /* bits 2 to 4: positions 0, 2 and 3 */
		0,  0,	-1, 2, 0,  1, 0, 2, -1, 0,
	};
	static const struct mock_gpus gpus = {
		.count = 5, .types = types_here, .links = links};

	write_conf("NodeName=n0 Topology=cut.json\n");
	write_model("{\"version\": 1, \"gpus\": [{}, {\"instances\": [{\"profile\": "
		    "\"2g.10gb\"}]}, {}, {}, {\"instances\": [{\"profile\": "
		    "\"2g.10gb\"}]}], \"links\": [[0,0,0,1,0],[0,0,0,0,0],[0,0,0,2,0],"
		    "[1,0,2,0,0],[0,0,0,0,0]]}");
	start_with(&gpus, 0x1f);
	ck_assert_uint_eq(run(job_of("a100", 2)), SET2(3, 4));
	ck_assert(!mock_logged("keeps stock's choice"));
}
END_TEST

/* Bit 0 is the later instance of two idle GPUs that are worth the same: stock's stays. */
static const char *const mixed_types[5] = {"a100_2g.10gb", "a100_2g.10gb", "a100", "a100",
					   "a100"};
static const char *const mixed_file =
	"{\"version\": 1, \"gpus\": [{}, {\"instances\": [{\"profile\": \"2g.10gb\"}]}, "
	"{}, "
	"{}, {\"instances\": [{\"profile\": \"2g.10gb\"}]}], \"links\": [[0,0,0,1,0],"
	"[0,0,0,0,0],[0,0,0,2,0],[1,0,2,0,0],[0,0,0,0,0]]}";

START_TEST(an_instance_that_is_no_better_is_not_taken)
{
	static const int links[25] = {
		0,  0, 0, 0, -1, 0, -1, 0,  0, 0, /* positions 4 and 1 */
		-1, 0, 0, 1, 0,	 0, 0,	-1, 2, 0, 1, 0, 2, -1, 0,
	};
	static const struct mock_gpus gpus = {
		.count = 5, .types = mixed_types, .links = links};

	write_conf("NodeName=n0 Topology=cut.json\n");
	write_model(mixed_file);
	start_with(&gpus, 0x1f);
	expect_stock(job_of("a100_2g.10gb", 1), SET1(0), 1);
}
END_TEST

static const struct {
	const char *why;
	int whole; /* Links= between the whole GPUs at positions 2 and 3; the file: 2 */
	int instance; /* of bit 0, an instance, to all others; the file: 0 */
	uint64_t given;
} mixed_rows[] = {
	{"as the file has them", 2, 0, SET2(3, 4)},
	{"between whole GPUs the file is wrong", 1, 0, SET2(2, 3)},
	{"none between whole GPUs", 0, 0, SET2(2, 3)},
	{"what is said of instances is nothing", 2, 3, SET2(3, 4)},
};

START_TEST(links_of_whole_gpus_beside_instances_must_agree)
{
	const int w = mixed_rows[_i].whole, i = mixed_rows[_i].instance;
	const int links[25] = {
		i,  -1, i, i, i, 0, 0, 0,  0, -1, /* positions 1 and 4 */
		-1, i,	0, 1, 0, 0, i, -1, w, 0,  1, i, w, -1, 0,
	};
	const struct mock_gpus gpus = {.count = 5, .types = mixed_types, .links = links};
	uint64_t given;

	write_conf("NodeName=n0 Topology=cut.json\n");
	write_model(mixed_file);
	start_with(&gpus, 0x1f);
	given = run(job_of("a100", 2));
	ck_assert_msg(given == mixed_rows[_i].given, "%s: %#lx", mixed_rows[_i].why,
		      (unsigned long)given);
	ck_assert_int_eq(mock_logged("keeps stock's choice"), given == SET2(2, 3));
}
END_TEST

START_TEST(kinds_are_not_exchanged)
{
	/* Without a type stock takes the lowest bits; each kind keeps its number. */
	set_up("");
	start_with(&cut, ALL);
	run_others(SET2(WHOLE_0, B_1G));
	ck_assert_uint_eq(run(job_of(NULL, 3)), SET3(WHOLE_3, WHOLE_4, B_3G));
}
END_TEST

START_TEST(observe_changes_nothing)
{
	set_up("Mode=observe");
	start_with(&cut, ALL);
	run_others(SET1(B_3G));
	expect_stock(job_of("a100_1g.5gb", 1), SET1(A_1G), 1);
}
END_TEST

START_TEST(out_of_service_comes_last)
{
	char conf[200];

	snprintf(conf, sizeof(conf), "Avoid=n0:2\nNodeName=n0 Topology=cut.json\n");
	write_conf(conf);
	write_model(cut_file);
	start_with(&cut, ALL);
	run_others(SET1(B_3G));
	ck_assert_uint_eq(run(job_of("a100_1g.5gb", 2)), SET2(A_1G, A_1G_2));
	ck_assert_uint_eq(run(job_of("a100_1g.5gb", 3)), SET3(A_1G, A_1G_2, B_1G));
}
END_TEST

START_TEST(a_failing_rerun_tries_the_next_then_stock)
{
	set_up("");
	start_with(&cut, ALL);
	run_others(SET1(B_3G));
	mock_stock.fault[1] = MOCK_FAIL;
	ck_assert_uint_eq(run(job_of("a100_1g.5gb", 1)), SET1(B_1G_2));
	ck_assert_int_eq(mock_stock.calls, 3);
	mock_stock.fault[2] = MOCK_OTHER;
	expect_stock(job_of("a100_1g.5gb", 1), SET1(A_1G), 4);
}
END_TEST

START_TEST(cores_stay_near)
{
	/* Bits below 6 are near socket 0, the others socket 1: 3g of GPU 1 and 2 alike,
	 * 2g one on each. Stock's cores stay on socket 0, which A_2G is near. */
	set_up("");
	start_with(&cut, ALL);
	run_others(SET1(B_3G));
	mock_stock.core_socket = 0;
	ck_assert_uint_eq(run(job_of("a100_2g.10gb", 1)), SET1(A_2G));
}
END_TEST

START_TEST(the_node_with_a_gpu_in_use_is_taken)
{
	job_record_t *other = mock_job_add(100);
	uint64_t nodes;

	set_up("");
	mock_node_add("n0", &cut);
	mock_node_add("n1", &cut);
	start();
	mock_job_run(other, 1, SET1(A_3G));
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(other), 0);
	ck_assert_int_eq(test_job(job_of("a100_1g.5gb", 1), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 2);
	/* what an untyped job gets is stock's to say */
	ck_assert_int_eq(test_job(job_for(1), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 1);
}
END_TEST

START_TEST(spread_takes_the_idle_node)
{
	job_record_t *other = mock_job_add(100);
	uint64_t nodes;

	set_up("MigPolicy=spread");
	mock_node_add("n0", &cut);
	mock_node_add("n1", &cut);
	start();
	mock_job_run(other, 0, SET1(A_3G));
	ck_assert_int_eq(stage.ours.select_nodeinfo_set(other), 0);
	ck_assert_int_eq(test_job(job_of("a100_1g.5gb", 1), SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	ck_assert_uint_eq(nodes, 2);
}
END_TEST

/* ---- never linked --------------------------------------------------------------------
 */

static job_record_t *with_ring(job_record_t *job)
{
	static char *env[] = {(char *)GP_ENV_TOPO "=ring", NULL};

	job->spank_job_env = env;
	job->spank_job_env_size = 1;
	return job;
}

START_TEST(instances_are_never_a_ring)
{
	uint64_t nodes;

	set_up("");
	start_with(&cut, ALL);
	ck_assert_int_eq(test_job(with_ring(job_of("a100_1g.5gb", 2)),
				  SELECT_MODE_TEST_ONLY, &nodes),
			 ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE);
	ck_assert_int_ne(test_job(with_ring(job_of("a100_1g.5gb", 2)),
				  SELECT_MODE_RUN_NOW, &nodes),
			 SLURM_SUCCESS);
	/* one GPU has its ring, and so have the whole ones */
	ck_assert_uint_eq(run(with_ring(job_of("a100_1g.5gb", 1))), SET1(A_1G));
	ck_assert_uint_eq(run(with_ring(job_of("a100", 2))), SET2(WHOLE_0, WHOLE_4));
}
END_TEST

START_TEST(min_ratio_is_not_about_instances)
{
	uint64_t nodes;

	set_up("MinRatio=0.9");
	start_with(&cut, ALL);
	run_others(SET1(B_2G));
	ck_assert_uint_eq(run(job_of("a100_1g.5gb", 2)), SET2(B_1G, B_1G_2));
	ck_assert_int_eq(test_job(job_of("a100_1g.5gb", 2), SELECT_MODE_WILL_RUN, &nodes),
			 SLURM_SUCCESS);
}
END_TEST

START_TEST(without_a_file_instances_are_nothing_to_choose)
{
	/* AutoDetect's Links=: zeros; but these claim that instances 0 and 2 are linked
	 */
	static const char *const three[3] = {"a100_1g.5gb", "a100_1g.5gb", "a100_1g.5gb"};
	static const int links[9] = {-1, 0, 4, 0, -1, 0, 4, 0, -1};
	static const struct mock_gpus gpus = {.count = 3, .types = three, .links = links};

	start_with(&gpus, 7);
	expect_stock(job_of("a100_1g.5gb", 2), SET2(0, 1), 1);
}
END_TEST

/* ---- doubts --------------------------------------------------------------------------
 */

static const char *const custom[BITS] = {"a100", "a100", "a100", "x", "x", "x",
					 "x",	 "x",	 "x",	 "x", "x"};
static const char *const other[BITS] = {
	"a100",		"a100",		"a100",		"a100_3g.20gb",
	"a100_3g.20gb", "a100_3g.20gb", "a100_2g.10gb", "a100_1g.5gb",
	"a100_1g.5gb",	"a100_1g.5gb",	"a100_1g.5gb",
};
static const char *const two_models[BITS] = {
	"a100",		"h100",		"a100",		"a100_3g.20gb",
	"a100_3g.20gb", "a100_2g.10gb", "a100_2g.10gb", "a100_1g.5gb",
	"a100_1g.5gb",	"a100_1g.5gb",	"a100_1g.5gb",
};

static const struct {
	struct mock_gpus gpus;
	const char *line;
} doubts[] = {
	{{.count = BITS - 1, .types = cut_types}, "Slurm has 10"},
	{{.count = BITS, .types = custom}, "it has no place for x"},
	{{.count = BITS, .types = other}, "it has no place for a100_3g.20gb at bit 5"},
	{{.count = BITS, .types = two_models}, "GPUs of several types"},
};

START_TEST(a_doubt_leaves_stocks_answer_and_one_line)
{
	set_up("");
	start_with(&doubts[_i].gpus, (1u << doubts[_i].gpus.count) - 1);
	run_others(SET1(9));
	expect_stock(job_of("a100", 1), SET1(0), 1);
	ck_assert_msg(mock_logged(doubts[_i].line), "no line '%s'", doubts[_i].line);
	mock_log_clear();
	expect_stock(job_of("a100", 1), SET1(0), 1);
	ck_assert(!mock_logged("keeps stock's choice"));
}
END_TEST

/* 22.05 with files of instances: records without a bitmap, or more than one for a bit. */
START_TEST(records_that_do_not_add_up_leave_stocks_answer)
{
	gres_node_state_t *state;
	bitstr_t *saved;

	set_up("");
	mock_node_add("n0", &cut);
	state = mock_node_gpus(0);
	start();
	saved = state->topo_gres_bitmap[B_1G];
	state->topo_gres_bitmap[B_1G] = _i ? state->topo_gres_bitmap[A_1G] : saved;
	if (_i == 0)
		bit_set(saved, B_1G_2);
	expect_stock(job_of("a100_3g.20gb", 1), SET1(A_3G), 1);
	ck_assert(mock_logged("does not show each instance once"));
	state->topo_gres_bitmap[B_1G] = saved;
}
END_TEST

START_TEST(a_file_with_impossible_instances_is_refused)
{
	static const char *const texts[] = {
		"{\"version\":1,\"gpus\":[{" MODEL ",\"instances\":[{\"profile\":"
		"\"3g.20gb\",\"start\":1}]}],\"links\":[[0]]}",
		"{\"version\":1,\"gpus\":[{" MODEL ",\"instances\":[{\"profile\":"
		"\"9g.20gb\"}]}],\"links\":[[0]]}",
		"{\"version\":1,\"gpus\":[{" MODEL ",\"instances\":[{\"profile\":"
		"\"2g.10gb\",\"start\":0},{\"profile\":\"1g.5gb\",\"start\":1}]}],"
		"\"links\":[[0]]}",
	};
	static const char *const lines[] = {"cannot start at unit 1",
					    "has no profile '9g.20gb'", "overlaps"};

	set_up("");
	write_model(texts[_i]);
	mock_node_add("n0", &cut);
	start();
	ck_assert(mock_logged(lines[_i]));
	expect_stock(job_of("a100_1g.5gb", 1), SET1(A_1G), 1);
}
END_TEST

/* ---- GPUs that are given away in slices -----------------------------------------------
 */

/* slurmctld has restarted, and the nodes have not registered yet. */
static void start_unseen(const char *mig)
{
	static const struct mock_gpus two = {.count = 2, .counted = true};
	char text[300];

	snprintf(text, sizeof(text),
		 "{\"version\": 1, \"gpus\": [{" MODEL ", \"mig\": %s}, {" MODEL
		 ", \"mig\": %s}],\n\"links\": [[0, 12], [12, 0]]}\n",
		 mig, mig);
	set_up("");
	write_model(text);
	mock_node_add("n0", &two);
	mock_node_add("n1", &two);
	start();
	for (int n = 0; n < 2; n++) {
		mock_node_share(n, 8);
		mock_node_shards(n)->topo_cnt = 0;
		mock_node_shards(n)->gres_cnt_alloc = 1;
		mock_node_gpus(n)->gres_cnt_found = NO_VAL64;
	}
}

/* The mock frees a node's records by their number. */
static void nodes_are_seen(void)
{
	for (int n = 0; n < 2; n++)
		mock_node_shards(n)->topo_cnt = 2;
}

START_TEST(no_whole_gpu_before_its_slices_are_known)
{
	bitstr_t *required;
	job_record_t *job;

	start_unseen("true");
	expect_wait(job_for(1));
	ck_assert_int_eq(mock_stock.calls, 0);
	/* n1 registers */
	mock_node_gpus(1)->gres_cnt_found = 2;
	ck_assert_uint_eq(nodes_of(job_for(1)), SET1(1));
	job = job_for(1);
	required = bit_alloc(node_record_count);
	bit_set(required, 0);
	job->details->req_node_bitmap = required;
	expect_wait(job);
	stage.asked_nodes = 2;
	expect_wait(job_for(1));
	stage.asked_nodes = 1;
	/* nobody has slices there, as on a node that is to be powered up */
	mock_node_shards(0)->gres_cnt_alloc = 0;
	ck_assert_int_ne(nodes_of(job), 0);
	mock_node_shards(0)->gres_cnt_alloc = 1;
	mock_node_gpus(0)->gres_cnt_found = 2;
	ck_assert_int_ne(nodes_of(job), 0);
	job->details->req_node_bitmap = NULL;
	FREE_NULL_BITMAP(required);
	nodes_are_seen();
}
END_TEST

START_TEST(who_asks_before_nodes_have_registered_is_told_so)
{
	struct gp_mig_question question = {.size = sizeof(question), .wish = "1g.5gb"};
	gp_mig_submit_fn *ask;
	struct gp_mig_verdict verdict;

	start_unseen("true");
	*(void **)&ask = dlsym(stage.ours.handle, GP_MIG_SUBMIT_SYMBOL);
	ck_assert_ptr_nonnull(ask);
	ck_assert(ask(&question, &verdict));
	ck_assert_ptr_nonnull(strstr(verdict.text, "no node has registered yet"));
	for (int n = 0; n < 2; n++)
		mock_node_gpus(n)->gres_cnt_found = 2;
	ck_assert(ask(&question, &verdict));
	ck_assert_ptr_nonnull(strstr(verdict.text, "no node has GPUs with MIG slices"));
	nodes_are_seen();
}
END_TEST

/* Two jobs have slices of GPU 1, and one of them ends or leaves the node: stock 22.05
 * takes its shards off the count and clears the GPU's bit. */
START_TEST(a_gpu_of_which_others_have_slices_stays_taken)
{
	job_record_t *job = mock_job_add(stage.next_job++);
	gres_node_state_t *shards;

	start_unseen("true");
	nodes_are_seen();
	shards = mock_node_shards(0);
	shards->topo_gres_cnt_alloc[1] = 4;
	mock_job_run(job, 0, 0);
	ck_assert_int_eq(_i ? stage.ours.job_resized(job, node_record_table_ptr[0])
			    : stage.ours.job_fini(job),
			 0);
	ck_assert(!bit_test(shards->gres_bit_alloc, 1)); /* it had no shards */
	mock_job_entry(job, "shard", NULL)->gres_per_node = 2;
	ck_assert_int_eq(_i ? stage.ours.job_resized(job, node_record_table_ptr[0])
			    : stage.ours.job_fini(job),
			 0);
	ck_assert(bit_test(shards->gres_bit_alloc, 1));
	ck_assert(!bit_test(shards->gres_bit_alloc, 0));
}
END_TEST

START_TEST(without_mig_nobody_waits_for_a_node_to_register)
{
	start_unseen("false");
	ck_assert_int_ne(nodes_of(job_for(1)), 0);
	nodes_are_seen();
}
END_TEST

static void add_slices(TCase *tc)
{
	tcase_add_test(tc, no_whole_gpu_before_its_slices_are_known);
	tcase_add_test(tc, who_asks_before_nodes_have_registered_is_told_so);
	tcase_add_loop_test(tc, a_gpu_of_which_others_have_slices_stays_taken, 0, 2);
	tcase_add_test(tc, without_mig_nobody_waits_for_a_node_to_register);
}

static void add_doubts(TCase *tc)
{
	tcase_add_loop_test(tc, a_doubt_leaves_stocks_answer_and_one_line, 0,
			    ROWS(doubts));
	tcase_add_loop_test(tc, records_that_do_not_add_up_leave_stocks_answer, 0, 2);
	tcase_add_loop_test(tc, a_file_with_impossible_instances_is_refused, 0, 3);
}

SUITE(mig)
{
	TCase *tc = tcase_create("instances");

	tcase_add_checked_fixture(tc, stage_setup, stage_teardown);
	tcase_add_loop_test(tc, the_policy_decides, 0, ROWS(rows));
	tcase_add_test(tc, links_tell_the_order);
	tcase_add_test(tc, an_instance_that_is_no_better_is_not_taken);
	tcase_add_loop_test(tc, links_of_whole_gpus_beside_instances_must_agree, 0,
			    ROWS(mixed_rows));
	tcase_add_test(tc, kinds_are_not_exchanged);
	tcase_add_test(tc, observe_changes_nothing);
	tcase_add_test(tc, out_of_service_comes_last);
	tcase_add_test(tc, a_failing_rerun_tries_the_next_then_stock);
	tcase_add_test(tc, cores_stay_near);
	tcase_add_test(tc, the_node_with_a_gpu_in_use_is_taken);
	tcase_add_test(tc, spread_takes_the_idle_node);
	tcase_add_test(tc, instances_are_never_a_ring);
	tcase_add_test(tc, min_ratio_is_not_about_instances);
	tcase_add_test(tc, without_a_file_instances_are_nothing_to_choose);
	add_slices(tc);
	add_doubts(tc);
	suite_add_tcase(suite, tc);
}
