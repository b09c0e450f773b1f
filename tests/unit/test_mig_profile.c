/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MIG tables: names that drift, and tables from files. */
#include "config.h"

#include "core/library.h"
#include "unit.h"

#include <string.h>

static const struct gt_mig_gpu *table(const char *name)
{
	const struct gt_mig_gpu *gpu;
	struct gt_error err;

	ck_assert_msg(gt_mig_gpu_find(&gpu, name, &err) == GT_OK, "%s: %s", name,
		      err.text);
	return gpu;
}

START_TEST(every_table_holds_together)
{
	struct gt_error err;
	int n = 0;

	for (; gt_mig_gpu_at(n); n++)
		ck_assert_msg(gt_mig_gpu_check(gt_mig_gpu_at(n), &err) == GT_OK, "%s: %s",
			      gt_mig_gpu_at(n)->name, err.text);
	ck_assert_int_eq(n, 13);
	ck_assert_ptr_null(gt_mig_gpu_at(-1));
}
END_TEST

static const struct {
	const char *sentence;
	const char *name;
	const char *table; /* NULL: refused */
	const char *says;  /* part of the refusal */
} gpus[] = {
	{"a table's own name", "A100-80GB", "A100-80GB", NULL},
	{"lower case", "a100-80gb", "A100-80GB", NULL},
	{"a driver's product name", "NVIDIA A100-SXM4-80GB", "A100-80GB", NULL},
	{"one with other words around", "NVIDIA A100 80GB PCIe", "A100-80GB", NULL},
	{"the smaller A100", "NVIDIA A100-PCIE-40GB", "A100-40GB", NULL},
	{"the A100 for China", "A800-40GB", "A100-40GB", NULL},
	{"the first word is enough where it is the only one", "A30", "A30-24GB", NULL},
	{"likewise", "NVIDIA H200", "H200-141GB", NULL},
	{"likewise, the Blackwell", "NVIDIA B200", "B200-180GB", NULL},
	{"H200 NVL has the table of H200", "NVIDIA H200 NVL", "H200-141GB", NULL},
	{"H100 of the DGX", "NVIDIA H100 80GB HBM3", "H100-80GB", NULL},
	{"H100 NVL has 94 GB", "NVIDIA H100 NVL", "H100-94GB", NULL},
	{"480GB is the CPU's memory", "NVIDIA GH200 480GB", "H100-96GB", NULL},
	{"GH200 with HBM3e", "NVIDIA GH200 144G HBM3e", "GH200-144GB", NULL},
	{"a workstation card", "NVIDIA RTX PRO 6000 Blackwell Server Edition",
	 "RTX-PRO-6000-Blackwell-96GB", NULL},
	{"two tables begin so", "A100", NULL, "A100-40GB, A100-80GB"},
	{"three tables begin so", "H100", NULL, "which?"},
	{"a part of a word is no word", "A3", NULL, "no MIG table"},
	{"a GPU without MIG", "V100", NULL, "known: A30-24GB"},
	{"nothing", "", NULL, "no MIG table"},
	{"a maker without a GPU", "NVIDIA", NULL, "no MIG table"},
};

START_TEST(gpus_are_found_by_their_names)
{
	for (size_t i = 0; i < sizeof(gpus) / sizeof(*gpus); i++) {
		const struct gt_mig_gpu *gpu;
		struct gt_error err = {0};
		enum gt_err code = gt_mig_gpu_find(&gpu, gpus[i].name, &err);

		if (gpus[i].table) {
			ck_assert_msg(code == GT_OK, "%s: %s", gpus[i].sentence,
				      err.text);
			ck_assert_str_eq(gpu->name, gpus[i].table);
		} else {
			ck_assert_msg(code == GT_EINVAL && !gpu, "%s", gpus[i].sentence);
			ck_assert_msg(strstr(err.text, gpus[i].says) != NULL, "%s: %s",
				      gpus[i].sentence, err.text);
		}
	}
	ck_assert_str_eq(gt_mig_gpu_of_pci(0x20b210de)->name, "A100-80GB");
	ck_assert_ptr_null(gt_mig_gpu_of_pci(0x1db110de));
}
END_TEST

static const struct {
	const char *sentence;
	const char *gpu;
	const char *asked;
	const char *found; /* NULL: refused */
} profiles[] = {
	{"the exact name", "A100-80GB", "1g.10gb", "1g.10gb"},
	{"the exact name wins: here it has two units", "A100-40GB", "1g.10gb", "1g.10gb"},
	{"an early driver's name on GB200", "GB200-186GB", "1g.24gb", "1g.23gb"},
	{"the name of the table", "GB200-186GB", "1g.23gb", "1g.23gb"},
	{"a drifted name of the double memory", "GB200-186GB", "1g.45gb", "1g.47gb"},
	{"the same memory, two slices", "GB200-186GB", "2g.48gb", "2g.47gb"},
	{"a drifted name with media engines", "GB200-186GB", "1g.24gb+me", "1g.23gb+me"},
	{"GB200's name on B200", "B200-180GB", "1g.24gb", "1g.23gb"},
	{"H100 NVL's name on H100 with 96 GB", "H100-96GB", "3g.47gb", "3g.48gb"},
	{"A Slurm type", "A100-80GB", "a100_3g.40gb", "3g.40gb"},
	{"A Slurm type without a dot", "A100-80GB", "a100_3g_40gb", "3g.40gb"},
	{"as nvidia-smi -L prints it", "A100-80GB", "MIG 3g.40gb", "3g.40gb"},
	{"underscore for dot", "A100-80GB", "7g_80gb", "7g.80gb"},
	{"capitals", "A100-80GB", "1G.10GB+ME", "1g.10gb+me"},
	{"graphics", "RTX-PRO-6000-Blackwell-96GB", "2g.48gb+gfx", "2g.48gb+gfx"},
	{"all media engines", "RTX-PRO-6000-Blackwell-96GB", "1g.24gb+me.all",
	 "1g.24gb+me.all"},
	{"no media engine", "RTX-PRO-6000-Blackwell-96GB", "1g.24gb-me", "1g.24gb-me"},
	{"drifted, no media engine", "RTX-PRO-6000-Blackwell-96GB", "1g.23gb-me",
	 "1g.24gb-me"},
	{"half the memory is another profile", "A100-80GB", "1g.5gb", NULL},
	{"other slices", "A100-80GB", "5g.40gb", NULL},
	{"a suffix that it has not", "A100-80GB", "1g.10gb+gfx", NULL},
	{"the suffix counts", "A100-80GB", "2g.20gb+me", NULL},
	{"no name", "A100-80GB", "", NULL},
	{"not a profile", "A100-80GB", "shard", NULL},
	{"a piece of a profile", "A100-80GB", "1g", NULL},
	{"a number too long", "A100-80GB", "100000000000g.10gb", NULL},
	{"something behind it", "A100-80GB", "1g.10gbx", NULL},
};

START_TEST(profiles_are_found_by_their_names)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		const struct gt_mig_gpu *gpu = table(profiles[i].gpu);
		struct gt_error err = {0};
		int p;
		enum gt_err code = gt_mig_profile_find(gpu, profiles[i].asked, &p, &err);

		if (profiles[i].found) {
			ck_assert_msg(code == GT_OK, "%s: %s", profiles[i].sentence,
				      err.text);
			ck_assert_str_eq(gpu->profile[p].name, profiles[i].found);
		} else {
			ck_assert_msg(code == GT_EINVAL && p == GT_UNKNOWN, "%s",
				      profiles[i].sentence);
			ck_assert_msg(strstr(err.text, gpu->name) != NULL, "%s: %s",
				      profiles[i].sentence, err.text);
		}
	}
}
END_TEST

/* Every profile of every table, asked with the name that a relative has for it. */
START_TEST(slices_identify_a_profile_on_every_gpu)
{
	int asked = 0;

	for (int i = 0; gt_mig_gpu_at(i); i++) {
		const struct gt_mig_gpu *gpu = gt_mig_gpu_at(i);

		for (int p = 0; p < gpu->count; p++, asked++)
			ck_assert_int_eq(gt_mig_profile_by_slices(
						 gpu, gpu->profile[p].compute,
						 gpu->profile[p].size,
						 gt_mig_profile_suffix(&gpu->profile[p])),
					 p);
	}
	ck_assert_int_eq(asked, 93);
	ck_assert_int_eq(gt_mig_profile_by_slices(table("A30"), 3, 3, ""), GT_UNKNOWN);
}
END_TEST

START_TEST(memory_that_is_not_known_is_not_overstated)
{
	int known = 0;

	for (int i = 0; gt_mig_gpu_at(i); i++)
		for (int p = 0; p < gt_mig_gpu_at(i)->count; p++) {
			struct gt_mig_profile row = gt_mig_gpu_at(i)->profile[p];
			int guess;

			if (row.mem_mib == GT_UNKNOWN)
				continue;
			known++;
			ck_assert_int_eq(gt_mig_profile_mem_mib(&row), row.mem_mib);
			row.mem_mib = GT_UNKNOWN;
			guess = gt_mig_profile_mem_mib(&row);
			ck_assert_msg(guess <= gt_mig_gpu_at(i)->profile[p].mem_mib,
				      "%s: %d MiB", row.name, guess);
		}
	ck_assert_int_gt(known, 30);
}
END_TEST

START_TEST(old_drivers_have_less)
{
	struct gt_mig_gpu gpu = *table("A100-40GB");
	int p;

	gt_mig_gpu_for_driver(&gpu, 460);
	ck_assert_int_eq(gpu.count, 5);
	ck_assert_int_eq(gt_mig_profile_find(&gpu, "1g.10gb", &p, NULL), GT_EINVAL);
	ck_assert_int_eq(gt_mig_profile_find(&gpu, "1g.5gb+me", &p, NULL), GT_EINVAL);
	ck_assert_str_eq(gpu.profile[gpu.apart[0]].name, "3g.20gb");
	ck_assert_str_eq(gpu.profile[gpu.apart[1]].name, "4g.20gb");
	gpu = *table("A100-40GB");
	gt_mig_gpu_for_driver(&gpu, 525);
	ck_assert_int_eq(gpu.count, 7);
}
END_TEST

/* ---- tables from files ---- */

static const char good[] =
	"{\"gpu\": \"X1\", \"units\": 16, \"profiles\": ["
	"{\"name\": \"1g.1gb\", \"id\": 3, \"compute\": 1, \"size\": 2,"
	" \"starts\": [0, 2, 14], \"max\": 3},"
	"{\"name\": \"4g.8gb\", \"compute\": 4, \"size\": 16, \"starts\": [0],"
	" \"max\": 1, \"mem_mib\": 8000, \"source\": \"me\"}]}";

START_TEST(a_table_is_read_from_json)
{
	struct gt_mig_gpu gpu;
	struct gt_error err;

	ck_assert_msg(gt_mig_gpu_parse(&gpu, good, strlen(good), "x", &err) == GT_OK,
		      "%s", err.text);
	ck_assert_str_eq(gpu.name, "X1");
	ck_assert_int_eq(gpu.units, 16);
	ck_assert_int_eq(gpu.compute, 4);
	ck_assert_int_eq(gpu.count, 2);
	ck_assert_int_eq(gpu.profile[0].starts, 1 << 0 | 1 << 2 | 1 << 14);
	ck_assert_int_eq(gpu.profile[0].mem_mib, GT_UNKNOWN);
	ck_assert_int_eq(gpu.profile[0].starts_evidence, GT_MIG_DERIVED);
	ck_assert_int_eq(gpu.profile[1].mem_mib, 8000);
	ck_assert_int_eq(gpu.apart[0], GT_UNKNOWN);
}
END_TEST

#define ROW(rest) "{\"gpu\": \"X\", \"units\": 8, \"profiles\": [" rest "]}"
#define P(name, compute, size, starts, max)                                              \
	"{\"name\": \"" name "\", \"compute\": " #compute ", \"size\": " #size           \
	", \"starts\": " starts ", \"max\": " #max "}"

static const struct {
	const char *sentence;
	const char *text;
	const char *says;
} bad[] = {
	{"not JSON", "{", ""},
	{"a list", "[]", "not a JSON object"},
	{"no name", "{\"units\": 8, \"profiles\": []}", "not a MIG table"},
	{"no profiles", "{\"gpu\": \"X\", \"units\": 8}", "\"profiles\""},
	{"an empty list", ROW(""), "0 profiles"},
	{"a profile that is no object", ROW("1"), "not an object"},
	{"a name twice", ROW(P("a", 1, 1, "[0]", 1) "," P("a", 1, 1, "[0]", 1)),
	 "two profiles"},
	{"no start", ROW(P("a", 1, 1, "[]", 1)), "no start"},
	{"a start beyond", ROW(P("a", 1, 2, "[7]", 1)), "beyond the last unit"},
	{"a start that is not a number", ROW(P("a", 1, 2, "[\"0\"]", 1)), "a start"},
	{"a start below", ROW(P("a", 1, 2, "[-1]", 1)), "a start"},
	{"larger than the GPU", ROW(P("a", 1, 9, "[0]", 1)), "size of 9"},
	{"no size", ROW(P("a", 1, 0, "[0]", 1)), "size of 0"},
	{"no max", ROW(P("a", 1, 1, "[0]", 0)), "max of 0"},
	{"a negative max", ROW(P("a", 1, 1, "[0]", -1)), "\"max\""},
	{"no compute slices", ROW(P("a", 0, 1, "[0]", 1)), "compute slices"},
	{"too many units",
	 "{\"gpu\": \"X\", \"units\": 17, \"profiles\": [" P("a", 1, 1, "[0]", 1) "]}",
	 "17 memory units"},
	{"apart from nothing",
	 "{\"gpu\": \"X\", \"units\": 1, \"apart\": [\"a\", \"b\"], \"profiles\": [" P(
		 "a", 1, 1, "[0]", 1) "]}",
	 "apart"},
};

START_TEST(bad_tables_are_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct gt_mig_gpu gpu;
		struct gt_error err = {0};

		ck_assert_msg(gt_mig_gpu_parse(&gpu, bad[i].text, strlen(bad[i].text),
					       "file.json", &err) != GT_OK,
			      "%s", bad[i].sentence);
		ck_assert_str_eq(err.file, "file.json");
		ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%s: %s",
			      bad[i].sentence, err.text);
	}
}
END_TEST

/* ---- lists ---- */

static const struct {
	const char *sentence;
	const char *text;
	int count[3]; /* 1g.10gb, 2g.20gb, 3g.40gb; -1: refused */
} demands[] = {
	{"the example of the design", "7x1g.10gb,3x3g.40gb", {7, 0, 3}},
	{"no count is one", "2g.20gb", {0, 1, 0}},
	{"a profile may come again", "2g.20gb,2x2g.20gb", {0, 3, 0}},
	{"nothing", "", {-1}},
	{"none of it", "0x1g.10gb", {-1}},
	{"a comma at the end", "1g.10gb,", {-1}},
	{"a count without a profile", "3x", {-1}},
	{"too many", "1000001x1g.10gb", {-1}},
	{"too many together", "999999x1g.10gb,2x1g.10gb", {-1}},
	{"a count that overflows", "99999999999999999999x1g.10gb", {-1}},
	{"a negative count", "-1x1g.10gb", {-1}},
	{"another GPU's profile", "1g.5gb", {-1}},
};

START_TEST(demands_are_read)
{
	const struct gt_mig_gpu *gpu = table("A100-80GB");

	for (size_t i = 0; i < sizeof(demands) / sizeof(*demands); i++) {
		struct gt_mig_demand d;
		struct gt_error err = {0};
		enum gt_err code = gt_mig_demand_parse(&d, gpu, demands[i].text, &err);

		if (demands[i].count[0] < 0) {
			ck_assert_msg(code != GT_OK && err.text[0], "%s",
				      demands[i].sentence);
			continue;
		}
		ck_assert_msg(code == GT_OK, "%s: %s", demands[i].sentence, err.text);
		ck_assert_int_eq(d.count[0], demands[i].count[0]);
		ck_assert_int_eq(d.count[3], demands[i].count[1]);
		ck_assert_int_eq(d.count[4], demands[i].count[2]);
	}
}
END_TEST

START_TEST(mixes_are_read)
{
	static const char *const wrong[] = {
		"",
		"1g.10gb",
		"1g.10gb:",
		"1g.10gb:0",
		"1g.5gb:1",
		"1g.10gb:1,",
		"1g.10gb:1000001",
		"1g.10gb:1,1g.10gb:2",
		":1",
		"1g.10gb:1 ",
		"1g.10gb:-1",
		"1g.10gb:99999999999999999999",
	};
	const struct gt_mig_gpu *gpu = table("A100-80GB");
	struct gt_mig_mix mix;
	struct gt_error err;

	ck_assert_int_eq(gt_mig_mix_parse(&mix, gpu, "1g.10gb:3,3g.40gb:1", NULL), GT_OK);
	ck_assert_uint_eq(mix.weight[0], 3);
	ck_assert_uint_eq(mix.weight[4], 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(gt_mig_mix_parse(&mix, gpu, wrong[i], &err) != GT_OK,
			      "'%s' was read", wrong[i]);
}
END_TEST

/* ---- advice ---- */

static const struct {
	const char *sentence;
	const char *gpu, *has, *advice;
	int mem_mib;
	double busy;
} advices[] = {
	{"idle and empty: the smallest", "A100-80GB", "7g.80gb", "1g.10gb", 100, 0},
	{"little memory, two of seven slices busy", "A100-80GB", "7g.80gb", "2g.20gb",
	 5000, 2.0 / 7},
	{"one slice, but double memory", "A100-80GB", "3g.40gb", "1g.20gb", 15000, 0.2},
	{"all slices busy", "A100-80GB", "3g.40gb", "3g.40gb", 100, 1},
	{"all memory used", "A100-80GB", "3g.40gb", "3g.40gb", 39000, 0.1},
	{"headroom does not fit into the next smaller", "A100-80GB", "2g.20gb", "2g.20gb",
	 9500, 0.9},
	{"the smallest stays", "A100-80GB", "1g.10gb", "1g.10gb", 9000, 1},
	{"media engines stay", "A30", "2g.12gb+me", "1g.6gb+me", 1000, 0.5},
	{"memory that is not known counts as 85 %", "B300", "2g.67gb", "1g.34gb", 26000,
	 0.5},
	{"and not more", "B300", "2g.67gb", "1g.67gb", 27000, 0.5},
};

START_TEST(advice_is_the_smallest_profile_that_holds_the_load)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
		const struct gt_mig_gpu *gpu = table(advices[i].gpu);
		struct gt_mig_usage usage = {.mem_mib = advices[i].mem_mib,
					     .busy = advices[i].busy};
		int got;

		ck_assert_int_eq(gt_mig_profile_find(gpu, advices[i].has, &usage.profile,
						     NULL),
				 GT_OK);
		got = gt_mig_advise(gpu, &usage, 1.1);
		ck_assert_msg(!strcmp(gpu->profile[got].name, advices[i].advice),
			      "%s: %s", advices[i].sentence, gpu->profile[got].name);
	}
}
END_TEST

SUITE(mig_profile)
{
	static const struct unit_test tests[] = {
		UNIT(every_table_holds_together),
		UNIT(gpus_are_found_by_their_names),
		UNIT(profiles_are_found_by_their_names),
		UNIT(slices_identify_a_profile_on_every_gpu),
		UNIT(memory_that_is_not_known_is_not_overstated),
		UNIT(old_drivers_have_less),
		UNIT(a_table_is_read_from_json),
		UNIT(bad_tables_are_refused),
		UNIT(demands_are_read),
		UNIT(mixes_are_read),
		UNIT(advice_is_the_smallest_profile_that_holds_the_load),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
