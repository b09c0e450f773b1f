/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often jobs of each size are expected. */
#include "core/library.h"
#include "unit.h"

#include <string.h>

START_TEST(the_default_is_1_2_4_8)
{
	struct gt_mix mix = gt_mix_default();

	for (int k = 0; k <= GT_MIX_MAX; k++) {
		unsigned want = k == 1 ? 40 : k == 2 || k == 4 || k == 8 ? 20 : 0;

		ck_assert_uint_eq(mix.weight[k], want);
	}
}
END_TEST

START_TEST(good_mixes_are_read)
{
	struct gt_mix mix;

	ck_assert_int_eq(gt_mix_parse(&mix, "1:40,2:20,4:20,8:20", NULL), GT_OK);
	for (int k = 0; k <= GT_MIX_MAX; k++)
		ck_assert_uint_eq(mix.weight[k], gt_mix_default().weight[k]);
	ck_assert_int_eq(gt_mix_parse(&mix, "64:1000000", NULL), GT_OK);
	ck_assert_uint_eq(mix.weight[64], 1000000);
	ck_assert_uint_eq(mix.weight[1], 0);
	ck_assert_int_eq(gt_mix_parse(&mix, "3:0,2:1", NULL), GT_OK);
	ck_assert_uint_eq(mix.weight[2], 1);
}
END_TEST

static const struct {
	const char *sentence;
	const char *text;
} bad[] = {
	{"nothing", ""},
	{"a size without a weight", "1"},
	{"a size without a weight, with a colon", "1:"},
	{"a weight without a size", ":1"},
	{"size 0", "0:1"},
	{"a size beyond the maximum", "65:1"},
	{"a weight beyond the maximum", "1:1000001"},
	{"a weight that overflows", "1:99999999999999999999"},
	{"a size that overflows", "99999999999999999999:1"},
	{"a size twice", "1:2,1:3"},
	{"all weights 0", "1:0,2:0"},
	{"a comma at the end", "1:1,"},
	{"a comma at the start", ",1:1"},
	{"a blank", "1: 1"},
	{"a negative weight", "1:-1"},
	{"a fraction", "1:0.5"},
	{"another separator", "1:1;2:1"},
	{"an equals sign", "1=1"},
};

START_TEST(bad_mixes_are_refused_and_leave_nothing)
{
	static const struct gt_mix none;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct gt_mix mix = gt_mix_default();
		struct gt_error err = {0};

		ck_assert_msg(gt_mix_parse(&mix, bad[i].text, &err) == GT_EPARSE, "%s",
			      bad[i].sentence);
		ck_assert_msg(err.text[0] != '\0', "%s: no text", bad[i].sentence);
		ck_assert_msg(memcmp(&mix, &none, sizeof(mix)) == 0, "%s: not empty",
			      bad[i].sentence);
		ck_assert_msg(gt_mix_parse(&mix, bad[i].text, NULL) == GT_EPARSE,
			      "%s, without an error struct", bad[i].sentence);
	}
}
END_TEST

SUITE(mix)
{
	static const struct unit_test tests[] = {
		UNIT(the_default_is_1_2_4_8),
		UNIT(good_mixes_are_read),
		UNIT(bad_mixes_are_refused_and_leave_nothing),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
