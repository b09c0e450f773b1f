/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node file: what we write we read, what people write by hand too. */
#include "config.h"

#include "load.h"

#include <time.h>

#define HEAD "{\"version\": 1, \"gpus\": [{}, {}], "

/* Written, read and written again: the same bytes. */
static void check_round_trip(const struct gt_node *node, const char *what)
{
	char *first, *second;
	struct gt_node *copy;

	ck_assert_int_eq(gt_node_write(node, &first, NULL), GT_OK);
	copy = load_text(first);
	ck_assert_int_eq(gt_node_write(copy, &second, NULL), GT_OK);
	ck_assert_msg(!strcmp(first, second), "%s:\n%s\n%s", what, first, second);
	ck_assert_msg(gt_node_same_type(node, copy), "%s", what);
	gt_node_free(copy);
	free(first);
	free(second);
}

START_TEST(test_round_trip_of_builtins)
{
	const char *name;

	for (int i = 0; (name = gt_builtin_name(i)); i++) {
		char spec[128];
		struct gt_node *node;

		snprintf(spec, sizeof(spec), "builtin:%s", name);
		ck_assert_int_eq(gt_node_load(&node, spec, NULL, NULL), GT_OK);
		check_round_trip(node, name);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_round_trip_of_everything)
{
	struct gt_node *node;
	struct gt_mask group = gt_mask_first(2);
	struct gt_measured pair = {.gpus = {{0x5}}, .busbw_mbps = 11400};
	struct gt_shared port = {{{3}}, 24000, false}, memory = {{{7}}, 112000, true};
	struct gt_measured three = {
		.count = 3, .comm = GT_COMM_ALLTOALL, .busbw_mbps = 9876};

	ck_assert_int_eq(gt_node_new(&node, 3, NULL), GT_OK);
	for (int i = 0; i < 3; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model),
			 "odd \"model\" \\ %d \xc3\xa9\x01", i);
		snprintf(gpu->uuid, sizeof(gpu->uuid), "GPU-%d", i);
		snprintf(gpu->bus_id, sizeof(gpu->bus_id), "0000:0%d:00.0", i);
		snprintf(gpu->pci_root, sizeof(gpu->pci_root), "root%d", i);
		snprintf(gpu->cpus, sizeof(gpu->cpus), "0-7,%d", i);
		gpu->minor = 2 - i;
		gpu->module_id = i + 1;
		gpu->socket = gpu->numa = i % 2;
		gpu->mem_mib = 81920;
		gpu->mig = i == 1;
		gpu->healthy = i != 2;
		gpu->link_mbps = 20000 + i;
	}
	gt_node_set_links(node, 0, 1, 3);
	gt_node_set_links(node, 1, 0, 2);
	gt_node_set_path(node, 0, 1, GT_PATH_PIX);
	gt_node_set_links(node, 0, 2, GT_UNKNOWN);
	gt_node_set_links(node, 2, 0, GT_UNKNOWN);
	gt_node_set_path_mbps(node, 1, 2, 12345);
	gt_node_set_name(node, "n1");
	gt_node_set_domain(node, "rack7");
	gt_node_set_cpu_vendor(node, GT_CPU_INTEL_EMR);
	gt_node_set_source(node, "nvidia-smi", "a \"file\"");
	gt_node_add_note(node, "a note\nof two lines");
	ck_assert_int_eq(gt_node_add_group(node, &group, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_measured(node, &pair, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_measured(node, &three, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_shared(node, &port, NULL), GT_OK);
	ck_assert_int_eq(gt_node_add_shared(node, &memory, NULL), GT_OK);
	gt_node_set_pcie_p2p(node, false);
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	check_round_trip(node, "everything");
	gt_node_free(node);
	ck_assert_int_eq(gt_node_new(&node, 0, NULL), GT_OK);
	gt_node_set_source(node, "live", "live");
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	check_round_trip(node, "no GPU");
	gt_node_free(node);
}
END_TEST

START_TEST(test_by_hand)
{
	static const struct {
		const char *why;
		const char *text;
		int links;
		enum gt_path path;
		enum gt_fabric fabric;
	} rows[] = {
		{"links alone", HEAD "\"links\": [[0, 2], [2, 0]]}", 2, GT_PATH_LINK,
		 GT_FABRIC_MESH},
		{"paths alone", HEAD "\"paths\": [[\"X\", \"NV4\"], [\"NV4\", \"X\"]]}",
		 4, GT_PATH_LINK, GT_FABRIC_MESH},
		{"paths without links",
		 HEAD "\"paths\": [[\"X\", \"PHB\"], [\"PHB\", \"X\"]]}", 0, GT_PATH_PHB,
		 GT_FABRIC_PCIE},
		{"a PCIe path beneath links",
		 HEAD "\"links\": [[0, 1], [1, 0]], "
		      "\"paths\": [[\"X\", \"PIX\"], [\"PIX\", \"X\"]]}",
		 1, GT_PATH_LINK, GT_FABRIC_MESH},
		{"unknown fields",
		 HEAD "\"colour\": [\"red\"], \"links\": [[0, 0], [0, 0]]}", 0,
		 GT_PATH_UNKNOWN, GT_FABRIC_PCIE},
		{"a switch in one word",
		 HEAD "\"fabric\": \"switch\", "
		      "\"links\": [[0, 7], [7, 0]]}",
		 7, GT_PATH_LINK, GT_FABRIC_SWITCH},
		{"a byte order mark", "\xef\xbb\xbf" HEAD "\"links\": [[0, 3], [3, 0]]}",
		 3, GT_PATH_LINK, GT_FABRIC_MESH},
		{"an island, its links left to the pairs",
		 "{\"version\": 1, \"gpus\": [{\"island\": 5}, {\"island\": 5}], "
		 "\"links\": [[0, 9], [9, 0]]}",
		 9, GT_PATH_LINK, GT_FABRIC_SWITCH},
		{"null is not known", HEAD "\"links\": [[0, null], [null, 0]]}",
		 GT_UNKNOWN, GT_PATH_UNKNOWN, GT_FABRIC_PCIE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = load_text(rows[i].text);

		ck_assert_msg(gt_node_links(node, 0, 1) == rows[i].links, "%s: %d",
			      rows[i].why, gt_node_links(node, 0, 1));
		ck_assert_msg(gt_node_path(node, 0, 1) == rows[i].path, "%s",
			      rows[i].why);
		ck_assert_msg(gt_node_fabric(node) == rows[i].fabric, "%s", rows[i].why);
		ck_assert_msg(gt_node_is_partial(node) == (rows[i].links == GT_UNKNOWN),
			      "%s", rows[i].why);
		check_round_trip(node, rows[i].why);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_refusals)
{
	static const struct {
		const char *why;
		int line;
		const char *text;
	} rows[] = {
		{"cut", 1, "{\"version\": 1, \"gpus\": ["},
		{"not our JSON", 1, "{\"gpus\": []}"},
		{"another version", 2, "{\n\"version\": 2, \"gpus\": []}"},
		{"no GPUs", 0, "{\"version\": 1, \"links\": []}"},
		{"no topology", 1, "{\"version\": 1, \"gpus\": [{}]}"},
		{"a row too few", 2, HEAD "\n\"links\": [[0, 1]]}"},
		{"a cell too many", 3, HEAD "\"links\": [[0, 1],\n\n[1, 0, 0]]}"},
		{"more links than any GPU has", 1, HEAD "\"links\": [[0, 65], [65, 0]]}"},
		{"negative links", 1, HEAD "\"links\": [[0, -1], [-1, 0]]}"},
		{"a link to itself", 1, HEAD "\"links\": [[1, 0], [0, 0]]}"},
		{"links that are words", 1, HEAD "\"links\": [[0, \"1\"], [1, 0]]}"},
		{"an unknown path", 1,
		 HEAD "\"paths\": [[\"X\", \"FAR\"], [\"SYS\", \"X\"]]}"},
		{"paths and links that differ", 1,
		 HEAD "\"links\": [[0, 1], [1, 0]], "
		      "\"paths\": [[\"X\", \"NV2\"], [\"NV2\", \"X\"]]}"},
		{"an index out of place", 2,
		 "{\"version\": 1, \"gpus\": [{\"index\": 0},\n{\"index\": 0}], "
		 "\"links\": [[0, 0], [0, 0]]}"},
		{"an island that its links deny", 2,
		 "{\"version\": 1, \"gpus\": [{\"island\": 0, \"switch_links\": 6}, "
		 "{\"island\": 0, \"switch_links\": 6}],\n\"links\": [[0, 5], [5, 0]]}"},
		{"switch links without an island", 1,
		 "{\"version\": 1, \"gpus\": [{\"switch_links\": 6}], \"links\": [[0]]}"},
		{"a group of nobody", 2,
		 HEAD "\n\"groups\": [[2]], "
		      "\"links\": [[0, 0], [0, 0]]}"},
		{"a speed of nothing", 2,
		 HEAD "\n\"link_gbps\": 0, "
		      "\"links\": [[0, 0], [0, 0]]}"},
		{"a field twice", 1, HEAD "\"links\": [[0, 0], [0, 0]], \"version\": 1}"},
		{"not UTF-8", 1, HEAD "\"name\": \"\xff\", \"links\": [[0, 0], [0, 0]]}"},
		{"a list", 0, "[1]"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_error err;

		refuse_text(rows[i].text, &err);
		ck_assert_msg(err.line == rows[i].line, "%s: line %d: %s", rows[i].why,
			      err.line, err.text);
	}
}
END_TEST

START_TEST(test_large)
{
	struct gt_node *node, *copy;
	char *text;
	struct timespec before, after;
	double seconds;

	ck_assert_int_eq(gt_node_new(&node, 576, NULL), GT_OK);
	for (int i = 0; i < 576; i++) {
		gt_node_edit_gpu(node, i)->island = 0;
		gt_node_edit_gpu(node, i)->switch_links = 18;
		snprintf(gt_node_edit_gpu(node, i)->model, 64, "NVIDIA B200");
		snprintf(gt_node_edit_gpu(node, i)->uuid, 64, "GPU-%d", i);
	}
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	ck_assert_int_eq(gt_node_write(node, &text, NULL), GT_OK);
	copy = load_text(text);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	seconds = (double)(after.tv_sec - before.tv_sec) +
		  (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
	ck_assert(gt_node_same_type(node, copy));
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_msg(seconds < 1, "%.2f s for %zu bytes", seconds, strlen(text));
#endif
	(void)seconds;
	free(text);
	gt_node_free(node);
	gt_node_free(copy);
}
END_TEST

SUITE(source_json)
{
	static const struct unit_test tests[] = {
		UNIT(test_round_trip_of_builtins),
		UNIT(test_round_trip_of_everything),
		UNIT(test_by_hand),
		UNIT(test_refusals),
		UNIT(test_large),
		{NULL, NULL},
	};

	unit_add(suite, tests, NULL, NULL);
}
