/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_instance.c - instances that the admin made: positions, types, and the choice, held
 * against every possible choice on small nodes.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"
#include "unit.h"

#define GPUS 4

/* ---- the choice ----------------------------------------------------------------------
 */

static uint64_t seed;

static unsigned int draw(unsigned int below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned int)((z ^ z >> 31) % below);
}

static struct gt_node *random_node(void)
{
	static const char *const profiles[] = {"1g.5gb", "2g.10gb", "3g.20gb"};
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, GPUS, NULL), GT_OK);
	for (int g = 0; g < GPUS; g++) {
		int parts = (int)draw(5);

		for (int i = 0; i < parts; i++)
			ck_assert_int_eq(gt_node_add_instance(node, g, profiles[draw(3)],
							      GT_UNKNOWN, NULL),
					 GT_OK);
		gt_node_edit_gpu(node, g)->healthy = draw(8) > 0;
	}
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	return node;
}

static struct gt_mask from_bits(unsigned int bits)
{
	return (struct gt_mask){.word = {bits}};
}

/* The three figures that a pick is judged by, computed from scratch. */
static void judge(const struct gt_node *node, unsigned int busy, unsigned int pick,
		  int figures[3])
{
	memset(figures, 0, 3 * sizeof(*figures));
	for (int g = 0; g < GPUS; g++) {
		int before = 0, after = 0;

		for (int i = 0; i < gt_node_instance_count(node); i++) {
			const struct gt_instance *part = gt_node_instance(node, i);

			if (part->gpu != g)
				continue;
			before += (busy >> i & 1) ? part->size : 0;
			after += ((busy | pick) >> i & 1) ? part->size : 0;
			figures[0] += (pick >> i & 1) && !gt_node_gpu(node, g)->healthy;
		}
		figures[1] += !before && after;
		figures[2] += after * after;
	}
}

static bool meets(unsigned int pick, unsigned int free, const struct gt_quota *quotas,
		  int count)
{
	unsigned int wanted = 0;

	for (int q = 0; q < count; q++) {
		unsigned int mine = (unsigned int)quotas[q].gpus.word[0];

		wanted |= mine;
		if (__builtin_popcount(pick & mine) != quotas[q].count)
			return false;
	}
	return !(pick & ~free) && !(pick & ~wanted);
}

/* One quota for each profile that the node has. */
static int random_quotas(const struct gt_node *node, struct gt_quota *quotas, int most)
{
	int count = 0;

	for (int size = 1; size <= 3 && count < most; size++) {
		struct gt_mask kind = {{0}};

		for (int i = 0; i < gt_node_instance_count(node); i++)
			if (gt_node_instance(node, i)->size == size)
				gt_mask_set(&kind, i);
		quotas[count].gpus = kind;
		quotas[count].count = (int)draw(4);
		count += quotas[count].count > 0;
	}
	return count;
}

/* Compare with every subset of the free instances. */
static void check_against_all(const struct gt_node *node,
			      const struct gt_instance_request *request)
{
	int n = gt_node_instance_count(node), best[3] = {0}, got[3], here[3];
	unsigned int free = (unsigned int)request->free.word[0];
	unsigned int busy = (unsigned int)request->busy.word[0];
	bool possible = false, spread = request->policy == GT_INSTANCES_SPREAD;
	struct gt_mask pick;

	for (unsigned int all = 0; all < 1u << n; all++) {
		if (!meets(all, free, request->quotas, request->quota_count))
			continue;
		judge(node, busy, all, here);
		if (!possible || here[0] < best[0] ||
		    (here[0] == best[0] &&
		     (spread ? here[2] < best[2] : here[1] < best[1])))
			memcpy(best, here, sizeof(best));
		possible = true;
	}
	ck_assert_int_eq(gt_instance_pick(node, request, &pick), possible);
	if (!possible)
		return;
	ck_assert(meets((unsigned int)pick.word[0], free, request->quotas,
			request->quota_count));
	judge(node, busy, (unsigned int)pick.word[0], got);
	/* instances out of service are counted on the whole set of quotas */
	ck_assert_int_eq(got[0] > 0, best[0] > 0);
	if (best[0] > 0)
		return;
	if (spread && request->quota_count == 1)
		ck_assert_int_eq(got[2], best[2]);
	if (!spread)
		ck_assert_int_eq(got[1], best[1]);
}

START_TEST(the_choice_is_the_best_of_all)
{
	const char *given = getenv("GPUTOPO_TEST_SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261122;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 3000; round++) {
		struct gt_node *node = random_node();
		int n = gt_node_instance_count(node);
		unsigned int all = (1u << n) - 1;
		unsigned int busy = draw(1u << 30) & draw(1u << 30) & all;
		struct gt_quota quotas[3];
		struct gt_instance_request request = {
			.free = from_bits(all & ~busy & draw(1u << 30)),
			.busy = from_bits(busy),
			.quotas = quotas,
			.policy = (enum gt_instance_policy)draw(2),
		};

		request.quota_count = random_quotas(node, quotas, 1 + (int)draw(2));
		check_against_all(node, &request);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(one_instance_fills_the_fullest_or_the_emptiest)
{
	struct gt_node *node;
	struct gt_quota quota = {.gpus = gt_mask_first(6), .count = 1};
	struct gt_instance_request request = {.quotas = &quota, .quota_count = 1};
	struct gt_mask pick, stock = from_bits(1);

	ck_assert_int_eq(gt_node_new(&node, 3, NULL), GT_OK);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(gt_node_add_instance(node, i / 2, "1g.5gb", GT_UNKNOWN,
						      NULL),
				 GT_OK);
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	request.busy = from_bits(1u << 2);
	request.free = from_bits(0x3b);
	ck_assert(gt_instance_pick(node, &request, &pick));
	ck_assert_uint_eq(pick.word[0], 1u << 3);
	ck_assert_int_lt(gt_instance_compare(node, &request, &pick, &stock), 0);
	ck_assert_int_gt(gt_instance_compare(node, &request, &stock, &pick), 0);
	ck_assert(gt_instance_damage(node, &request, &pick) <
		  gt_instance_damage(node, &request, &stock));
	request.policy = GT_INSTANCES_SPREAD;
	ck_assert(gt_instance_pick(node, &request, &pick));
	ck_assert_uint_eq(pick.word[0], 1);
	ck_assert_int_eq(gt_instance_compare(node, &request, &pick, &stock), 0);
	gt_node_free(node);
}
END_TEST

START_TEST(four_gpus_in_use_rather_than_an_idle_one)
{
	struct gt_node *node;
	struct gt_quota quota = {.gpus = gt_mask_first(12), .count = 4};
	struct gt_instance_request request = {.quotas = &quota, .quota_count = 1};
	struct gt_mask pick, idle = from_bits(0xf);

	ck_assert_int_eq(gt_node_new(&node, 5, NULL), GT_OK);
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(gt_node_add_instance(node, i < 4 ? 0 : i / 2 - 1,
						      "1g.5gb", GT_UNKNOWN, NULL),
				 GT_OK);
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	request.busy = from_bits(0x550);
	request.free = from_bits(0xaaf);
	ck_assert(gt_instance_pick(node, &request, &pick));
	ck_assert_uint_eq(pick.word[0], 0xaa0);
	ck_assert_int_lt(gt_instance_compare(node, &request, &pick, &idle), 0);
	gt_node_free(node);
}
END_TEST

/* ---- the model -----------------------------------------------------------------------
 */

#define A100 "\"model\": \"NVIDIA A100-SXM4-40GB\""

START_TEST(positions_count_instances_in_place_of_their_gpu)
{
	static const char text[] =
		"{\"version\": 1, \"gpus\": [{" A100 "}, {" A100
		", \"instances\": [{\"profile\": \"3g.20gb\", \"start\": 4}, "
		"{\"profile\": \"1g.5gb\", \"start\": null}]}, {" A100
		", \"mig\": true}], \"links\": [[0,0,0],[0,0,0],[0,0,0]]}";
	static const int expected[4][2] = {{0, -1}, {1, 0}, {1, 1}, {2, -1}};
	struct gt_node *node, *again;
	char *written, *second;
	int gpu, instance;

	ck_assert_int_eq(gt_node_parse(&node, text, strlen(text), "x", NULL, NULL),
			 GT_OK);
	for (int i = 0; i < 4; i++) {
		ck_assert(gt_node_position(node, i, &gpu, &instance));
		ck_assert_int_eq(gpu, expected[i][0]);
		ck_assert_int_eq(instance, expected[i][1]);
	}
	ck_assert(!gt_node_position(node, 4, &gpu, &instance));
	ck_assert(gt_node_gpu(node, 1)->mig);
	ck_assert_int_eq(gt_node_instance(node, 0)->size, 4);
	/* what was written reads as the same */
	ck_assert_int_eq(gt_node_write(node, &written, NULL), GT_OK);
	ck_assert_int_eq(gt_node_parse(&again, written, strlen(written), "x", NULL, NULL),
			 GT_OK);
	ck_assert(gt_node_same_type(node, again));
	ck_assert_int_eq(gt_node_write(again, &second, NULL), GT_OK);
	ck_assert_str_eq(written, second);
	free(written);
	free(second);
	gt_node_free(again);
	gt_node_free(node);
}
END_TEST

static const struct {
	const char *why;
	const char *type;
	bool same;
} type_rows[] = {
	{"Slurm's type", "a100_1g.5gb", true},	   {"the profile alone", "1g.5gb", true},
	{"a driver's underscore", "1g_5gb", true}, {"another profile", "2g.10gb", false},
	{"no profile at all", "a100", false},	   {"with media", "1g.5gb+me", false},
};

START_TEST(types_are_told_by_their_slices)
{
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, 1, NULL), GT_OK);
	strcpy(gt_node_edit_gpu(node, 0)->model, _i % 2 ? "A100-SXM4-40GB" : "unheard");
	ck_assert_int_eq(gt_node_add_instance(node, 0, "1g.5gb", 6, NULL), GT_OK);
	if (_i % 2 || strcmp(type_rows[_i / 2].type, "1g_5gb"))
		ck_assert_msg(gt_instance_is_type(node, 0, type_rows[_i / 2].type) ==
				      type_rows[_i / 2].same,
			      "%s", type_rows[_i / 2].why);
	gt_node_free(node);
}
END_TEST

static const struct {
	const char *text; /* of GPU 0's instances */
	const char *error;
} bad_rows[] = {
	{"{}", "not a list"},
	{"[{}]", "without a profile"},
	{"[{\"profile\": \"big\"}]", "is not a profile"},
	{"[{\"profile\": \"3g.20gb\", \"start\": 2}]", "cannot start at unit 2"},
	{"[{\"profile\": \"3g.20gb\", \"start\": 16}]", "is not 0 to 15"},
	{"[{\"profile\": \"3g.20gb\", \"start\": \"4\"}]", "is not a number"},
	{"[{\"profile\": \"3g.20gb\"}, {\"profile\": \"3g.20gb\"}, "
	 "{\"profile\": \"3g.20gb\"}]",
	 "more than 2"},
	{"[{\"profile\": \"4g.20gb\", \"start\": 0}, "
	 "{\"profile\": \"1g.5gb\", \"start\": 3}]",
	 "overlaps"},
	{"[{\"profile\": \"1g.10gb+me\"}]", "has no profile"},
};

START_TEST(impossible_instances_are_refused)
{
	struct gt_node *node;
	struct gt_error err;
	char text[400];

	snprintf(text, sizeof(text),
		 "{\"version\": 1, \"gpus\": [{" A100
		 ",\n \"instances\": %s}], \"links\": [[0]]}",
		 bad_rows[_i].text);
	ck_assert_int_ne(gt_node_parse(&node, text, strlen(text), "x", NULL, &err),
			 GT_OK);
	ck_assert_msg(strstr(err.text, bad_rows[_i].error) != NULL, "%s", err.text);
	ck_assert_int_gt(err.line, 0);
}
END_TEST

#define ROWS(array) ((int)(sizeof(array) / sizeof(array[0])))

SUITE(instance)
{
	TCase *tc = tcase_create("instance");

	tcase_add_test(tc, the_choice_is_the_best_of_all);
	tcase_add_test(tc, one_instance_fills_the_fullest_or_the_emptiest);
	tcase_add_test(tc, four_gpus_in_use_rather_than_an_idle_one);
	tcase_add_test(tc, positions_count_instances_in_place_of_their_gpu);
	tcase_add_loop_test(tc, types_are_told_by_their_slices, 0, 2 * ROWS(type_rows));
	tcase_add_loop_test(tc, impossible_instances_are_refused, 0, ROWS(bad_rows));
	suite_add_tcase(suite, tc);
}
