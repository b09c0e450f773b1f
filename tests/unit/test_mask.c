/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of GPUs, and the lists that Slurm writes for them. */
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *sentence;
	const char *list;
	int limit;
	const char *printed;
} good[] = {
	{"the empty list is the empty set", "", 8, ""},
	{"one GPU", "3", 8, "3"},
	{"a range", "2-4", 8, "2-4"},
	{"neighbours print as a range", "0,1,2", 8, "0-2"},
	{"two neighbours print as a range", "4,5", 8, "4-5"},
	{"order does not matter", "6,0-1,3", 8, "0-1,3,6"},
	{"overlaps are one set", "0-3,2-5", 8, "0-5"},
	{"a range of one", "5-5", 8, "5"},
	{"the last GPU of a node", "7", 8, "7"},
	{"across a word", "62-65", 1024, "62-65"},
	{"the last GPU of all", "0,1023", 1024, "0,1023"},
	{"the full set", "0-1023", 1024, "0-1023"},
	{"leading zeros are digits", "007", 8, "7"},
};

static const struct {
	const char *sentence;
	const char *list;
	int limit;
	int column;
} bad[] = {
	{"not a number", "a", 8, 1},
	{"a GPU the node does not have", "8", 8, 1},
	{"the second number is too large", "0,8", 8, 3},
	{"a range that ends outside", "0-8", 8, 3},
	{"a range backwards", "4-2", 8, 4},
	{"no end of a range", "4-", 8, 3},
	{"a comma at the end", "1,", 8, 2},
	{"two commas", "1,,2", 8, 3},
	{"a blank", "1, 2", 8, 3},
	{"a sign", "-1", 8, 1},
	{"a plus", "+1", 8, 1},
	{"a number that would overflow", "99999999999999999999", 8, 1},
	{"brackets belong to host lists", "[0-3]", 8, 1},
	{"larger than any node", "1024", 4096, 1},
};

START_TEST(lists_are_read_and_printed)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char text[GT_MASK_TEXT_MAX];
		struct gt_error err;
		struct gt_mask m;

		ck_assert_msg(gt_mask_parse(&m, good[i].list, good[i].limit, &err) ==
				      GT_OK,
			      "%s: %s", good[i].sentence, err.text);
		ck_assert_msg(strcmp(gt_mask_format(&m, text, sizeof(text)),
				     good[i].printed) == 0,
			      "%s: printed '%s'", good[i].sentence, text);
	}
}
END_TEST

START_TEST(bad_lists_are_refused_with_a_column)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct gt_error err;
		struct gt_mask m = gt_mask_first(3);

		ck_assert_msg(gt_mask_parse(&m, bad[i].list, bad[i].limit, &err) ==
				      GT_EPARSE,
			      "%s", bad[i].sentence);
		ck_assert_msg(gt_mask_count(&m) == 0, "%s: not empty", bad[i].sentence);
		ck_assert_msg(err.column == bad[i].column, "%s: column %d",
			      bad[i].sentence, err.column);
		ck_assert_msg(gt_mask_parse(&m, bad[i].list, bad[i].limit, NULL) ==
				      GT_EPARSE,
			      "%s, without an error struct", bad[i].sentence);
	}
}
END_TEST

START_TEST(a_node_without_gpus_has_no_list)
{
	struct gt_error err;
	struct gt_mask m;

	ck_assert_int_eq(gt_mask_parse(&m, "", 0, &err), GT_OK);
	ck_assert_int_eq(gt_mask_parse(&m, "0", 0, &err), GT_EPARSE);
}
END_TEST

/* A set as one flag a GPU: what the bit tricks must agree with. */
static void random_flags(bool *flag, struct gt_mask *m, struct rng *r)
{
	uint32_t share = 1 + rng_next(r, 8);

	memset(m, 0, sizeof(*m));
	for (int i = 0; i < GT_MAX_GPUS; i++) {
		flag[i] = rng_next(r, share) == 0;
		if (flag[i])
			gt_mask_set(m, i);
	}
}

START_TEST(operations_agree_with_flags)
{
	struct rng r = rng_start("mask");

	for (int round = 0; round < unit_cases(200); round++) {
		bool a[GT_MAX_GPUS], b[GT_MAX_GPUS], within = true, meets = false;
		struct gt_mask ma, mb, all, both, only;
		int count = 0;

		random_flags(a, &ma, &r);
		random_flags(b, &mb, &r);
		all = gt_mask_or(&ma, &mb);
		both = gt_mask_and(&ma, &mb);
		only = gt_mask_without(&ma, &mb);
		for (int i = 0; i < GT_MAX_GPUS; i++) {
			ck_assert(gt_mask_has(&all, i) == (a[i] || b[i]));
			ck_assert(gt_mask_has(&both, i) == (a[i] && b[i]));
			ck_assert(gt_mask_has(&only, i) == (a[i] && !b[i]));
			within = within && (!a[i] || b[i]);
			meets = meets || (a[i] && b[i]);
			count += a[i];
		}
		ck_assert_int_eq(gt_mask_count(&ma), count);
		ck_assert(gt_mask_within(&ma, &mb) == within);
		ck_assert(gt_mask_within(&both, &ma));
		ck_assert(gt_mask_meets(&ma, &mb) == meets);
		ck_assert(gt_mask_equal(&ma, &ma));
		ck_assert(gt_mask_equal(&ma, &mb) == (memcmp(a, b, sizeof(a)) == 0));
	}
}
END_TEST

START_TEST(next_walks_every_member_once)
{
	struct rng r = rng_start("mask walk");

	for (int round = 0; round < unit_cases(200); round++) {
		bool flag[GT_MAX_GPUS];
		struct gt_mask m, seen = {0};
		int last = -1;

		random_flags(flag, &m, &r);
		for (int g = gt_mask_next(&m, 0); g >= 0; g = gt_mask_next(&m, g + 1)) {
			ck_assert_int_gt(g, last);
			last = g;
			gt_mask_set(&seen, g);
			if (g == GT_MAX_GPUS - 1)
				break;
		}
		ck_assert(gt_mask_equal(&seen, &m));
	}
}
END_TEST

START_TEST(next_after_the_last_gpu_is_none)
{
	struct gt_mask m = gt_mask_first(GT_MAX_GPUS);

	ck_assert_int_eq(gt_mask_next(&m, GT_MAX_GPUS - 1), GT_MAX_GPUS - 1);
	ck_assert_int_eq(gt_mask_next(&m, GT_MAX_GPUS), -1);
	gt_mask_clear(&m, GT_MAX_GPUS - 1);
	ck_assert_int_eq(gt_mask_next(&m, GT_MAX_GPUS - 1), -1);
}
END_TEST

START_TEST(printing_and_reading_is_the_identity)
{
	struct rng r = rng_start("mask text");

	for (int round = 0; round < unit_cases(500); round++) {
		bool flag[GT_MAX_GPUS];
		char text[GT_MASK_TEXT_MAX];
		struct gt_mask m, back;

		random_flags(flag, &m, &r);
		gt_mask_format(&m, text, sizeof(text));
		ck_assert_int_eq(gt_mask_parse(&back, text, GT_MAX_GPUS, NULL), GT_OK);
		ck_assert(gt_mask_equal(&m, &back));
	}
}
END_TEST

START_TEST(the_longest_list_fits)
{
	char text[GT_MASK_TEXT_MAX];
	struct gt_mask m = {0}, back;

	for (int i = 0; i < GT_MAX_GPUS; i += 2)
		gt_mask_set(&m, i);
	gt_mask_format(&m, text, sizeof(text));
	ck_assert_int_eq(gt_mask_parse(&back, text, GT_MAX_GPUS, NULL), GT_OK);
	ck_assert(gt_mask_equal(&m, &back));
}
END_TEST

START_TEST(a_short_buffer_is_never_overrun)
{
	struct gt_mask m = {{0x5555}};

	for (size_t size = 0; size < 20; size++) {
		char text[32];

		memset(text, '#', sizeof(text));
		gt_mask_format(&m, text, size);
		for (size_t i = size; i < sizeof(text); i++)
			ck_assert_int_eq(text[i], '#');
		ck_assert(size == 0 || memchr(text, '\0', size));
	}
}
END_TEST

START_TEST(first_is_a_prefix)
{
	for (int n = 0; n <= GT_MAX_GPUS; n++) {
		struct gt_mask m = gt_mask_first(n);

		ck_assert_int_eq(gt_mask_count(&m), n);
		ck_assert(n == 0 || gt_mask_has(&m, n - 1));
	}
}
END_TEST

SUITE(mask)
{
	static const struct unit_test tests[] = {
		UNIT(lists_are_read_and_printed),
		UNIT(bad_lists_are_refused_with_a_column),
		UNIT(a_node_without_gpus_has_no_list),
		UNIT(operations_agree_with_flags),
		UNIT(next_walks_every_member_once),
		UNIT(next_after_the_last_gpu_is_none),
		UNIT(printing_and_reading_is_the_identity),
		UNIT(the_longest_list_fits),
		UNIT(a_short_buffer_is_never_overrun),
		UNIT(first_is_a_prefix),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
