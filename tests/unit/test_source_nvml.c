/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live machine against a made-up one: a libnvidia-ml.so.1 of our own, loaded before
 * the reader asks for one of that name, and hwloc told to read a file.
 */
#include "config.h"

#include "load.h"

#include <dlfcn.h>

static const char *const machines[] = {"a100-mesh-4", "hgx-h100",  "b200-dead-links",
				       "mig-2",	      "no-nvlink", "dgx2",
				       "one",	      "none"};

static const char *data_file(const char *name, const char *suffix, char *path,
			     size_t size)
{
	const char *top = getenv("GPUTOPO_SRCDIR");

	snprintf(path, size, "%s/tests/data/nvml/%s%s", top ? top : ".", name, suffix);
	return path;
}

static void become(const char *machine)
{
	const char *build = getenv("GPUTOPO_BUILDDIR");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/mock/.libs/libnvidia-ml.so.1",
		 build ? build : ".");
	ck_assert_msg(dlopen(path, RTLD_NOW | RTLD_GLOBAL) != NULL, "%s", dlerror());
	setenv("GPUTOPO_FAKE_NVML", data_file(machine, ".machine", path, sizeof(path)),
	       1);
	setenv("HWLOC_XMLFILE", data_file("two-sockets", ".xml", path, sizeof(path)), 1);
	setenv("HWLOC_THISSYSTEM", "0", 1);
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	ck_assert_msg(in && text, "%s", path);
	ck_assert(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

START_TEST(test_machines_are_byte_identical)
{
	const char *machine = machines[_i];
	char path[4096], *text, *expected;
	struct gt_node *node;
	struct gt_error err;

	become(machine);
	ck_assert_msg(gt_node_load(&node, "live", NULL, &err) == GT_OK, "%s: %s", machine,
		      err.text);
	ck_assert_int_eq(gt_node_write(node, &text, NULL), GT_OK);
	expected = read_file(data_file(machine, ".json", path, sizeof(path)));
	ck_assert_msg(!strcmp(text, expected), "%s:\n%s", machine, text);
	free(text);
	free(expected);
	gt_node_free(node);
}
END_TEST

START_TEST(test_dead_links)
{
	struct gt_node *node;

	become("b200-dead-links");
	ck_assert_int_eq(gt_node_load(&node, "live", NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_node_gpu(node, 2)->switch_links, 0);
	ck_assert_int_eq(gt_node_gpu(node, 2)->island, GT_UNKNOWN);
	ck_assert_int_eq(gt_node_gpu(node, 5)->switch_links, 16);
	ck_assert_int_eq(gt_node_gpu(node, 7)->switch_links, 18);
	ck_assert_str_eq(gt_node_domain(node), "0123456789abcdef0123456789abcdef.7");
	ck_assert_int_eq(gt_node_gpu(node, 0)->module_id, 2);
	gt_node_free(node);
}
END_TEST

START_TEST(test_a_lost_gpu_is_out_of_service)
{
	struct gt_node *node;

	become("no-nvlink");
	ck_assert_int_eq(gt_node_load(&node, "live", NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_node_size(node), 4);
	ck_assert(!gt_node_gpu(node, 3)->healthy);
	ck_assert(gt_node_gpu(node, 2)->healthy);
	ck_assert_int_eq(gt_node_gpu(node, 2)->socket, 1);
	ck_assert_int_eq(gt_node_path(node, 0, 1), GT_PATH_NODE);
	ck_assert_int_eq(gt_node_cpu_vendor(node), GT_CPU_AMD_ZEN34);
	gt_node_free(node);
}
END_TEST

START_TEST(test_a_driver_that_does_not_start)
{
	struct gt_node *node;
	struct gt_error err;

	become("none");
	unsetenv("GPUTOPO_FAKE_NVML");
	ck_assert_int_eq(gt_node_load(&node, "live", NULL, &err), GT_EIO);
	ck_assert_ptr_null(node);
}
END_TEST

SUITE(source_nvml)
{
	TCase *tc = tcase_create("nvml");

	tcase_add_loop_test(tc, test_machines_are_byte_identical, 0,
			    (int)(sizeof(machines) / sizeof(machines[0])));
	tcase_add_test(tc, test_dead_links);
	tcase_add_test(tc, test_a_lost_gpu_is_out_of_service);
	tcase_add_test(tc, test_a_driver_that_does_not_start);
	suite_add_tcase(suite, tc);
}
