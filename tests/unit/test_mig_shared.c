/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in MIG tables against the captured ones, row by row. */
#include "config.h"

#include "core/library.h"
#include "shared.h"
#include "unit.h"

#include <string.h>

static json_t *captured;

static void load_tables(void)
{
	captured = shared_json("mig/mig_profiles.json");
}

static void drop_tables(void)
{
	json_decref(captured);
}

static int number(const json_t *row, const char *field)
{
	const json_t *n = json_object_get(row, field);

	ck_assert_msg(json_is_integer(n), "no %s", field);
	return (int)json_integer_value(n);
}

/* The memory in MiB, from either of the two ways to note it; GT_UNKNOWN. */
static int memory_of(const json_t *row)
{
	const json_t *mib = json_object_get(row, "mem_mib");
	const json_t *gib = json_object_get(row, "mem_gib_lgip");

	if (json_is_integer(mib))
		return (int)json_integer_value(mib);
	return json_is_number(gib) ? (int)(json_number_value(gib) * 1024 + .5)
				   : GT_UNKNOWN;
}

static void compare_row(const char *gpu, const struct gt_mig_profile *p,
			const json_t *row)
{
	const json_t *sm = json_object_get(row, "sm"), *start;
	uint16_t starts = 0;
	size_t i;

	json_array_foreach(json_object_get(row, "starts"), i, start) starts |=
		(uint16_t)(1u << json_integer_value(start));
	ck_assert_str_eq(p->name, json_string_value(json_object_get(row, "name")));
	ck_assert_msg(p->id == number(row, "profile_id") &&
			      p->compute == number(row, "compute_slices") &&
			      p->size == number(row, "mem_slices") &&
			      p->max == number(row, "max_instances") &&
			      p->starts == starts,
		      "%s %s differs", gpu, p->name);
	ck_assert_int_eq(p->sm,
			 json_is_integer(sm) ? (int)json_integer_value(sm) : GT_UNKNOWN);
	ck_assert_int_eq(p->mem_mib, memory_of(row));
	ck_assert_msg(p->source[0] != '\0', "%s %s has no source", gpu, p->name);
}

START_TEST(every_row_is_as_captured)
{
	const json_t *gpus = json_object_get(captured, "gpus"), *gpu, *row;
	const char *name;
	int rows = 0;
	size_t i;

	json_object_foreach((json_t *)gpus, name, gpu)
	{
		const struct gt_mig_gpu *own;

		ck_assert_msg(gt_mig_gpu_find(&own, name, NULL) == GT_OK, "no %s", name);
		ck_assert_int_eq(own->units, number(gpu, "mem_slices"));
		ck_assert_int_eq(own->compute, number(gpu, "compute_slices"));
		ck_assert_uint_eq((size_t)own->count,
				  json_array_size(json_object_get(gpu, "profiles")));
		json_array_foreach(json_object_get(gpu, "profiles"), i, row)
		{
			compare_row(name, &own->profile[i], row);
			rows++;
		}
		json_array_foreach(json_object_get(gpu, "pci_device_ids"), i, row)
		{
			uint32_t id = (uint32_t)strtoul(json_string_value(row), NULL, 0);

			ck_assert_ptr_eq(gt_mig_gpu_of_pci(id), own);
		}
		json_array_foreach(json_object_get(gpu, "also"), i, row)
		{
			const struct gt_mig_gpu *other;
			char alias[64];

			snprintf(alias, sizeof(alias), "%.*s",
				 (int)strcspn(json_string_value(row), "("),
				 json_string_value(row));
			ck_assert_msg(gt_mig_gpu_find(&other, alias, NULL) == GT_OK &&
					      other == own,
				      "%s is not %s", alias, name);
		}
	}
	ck_assert_int_eq(rows, 93);
}
END_TEST

SUITE_UNLESS(mig_shared, shared_missing())
{
	static const struct unit_test tests[] = {UNIT(every_row_is_as_captured), {0}};

	unit_add(suite, tests, load_tables, drop_tables);
}
