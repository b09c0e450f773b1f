/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nvidia-smi nvlink` alone and beside `topo -m`. */
#include "config.h"

#include "load.h"

#define G(i)  "GPU " #i ": Tesla V100-SXM2-32GB (UUID: GPU-" #i ")\n"
#define R(id) "\t Link 0: Remote Device 00000000:" id ":00.0: Link 0\n"

START_TEST(test_remote_devices)
{
	static const struct {
		const char *why;
		const char *text;
		int gpus, links, islands;
		bool partial;
	} rows[] = {
		{"two GPUs and a bridge", G(0) R("D5") R("D5") G(1) R("C2") R("C2"), 2, 2,
		 0, false},
		{"a third GPU without links", G(0) R("41") G(1) G(2) R("01"), 3, 1, 0,
		 false},
		{"three GPUs and two switches",
		 G(0) R("C1") R("C2") G(1) R("C1") R("C2") G(2) R("C1") R("C2"), 3, 6, 3,
		 false},
		{"a ring of three",
		 G(0) R("02") R("03") G(1) R("01") R("03") G(2) R("01") R("02"), 3, 3, 0,
		 false},
		{"the second GPU is cut off", G(0) R("D5") R("D5") G(1) R("C2"), 2, 1, 0,
		 true},
		{"the second GPU is missing", G(0) R("D5") R("D5"), 1, 0, 0, true},
		{"-p says it shorter",
		 G(0) "\t Link 0: 00000000:D5:00.0\n" G(
			 1) "\t Link 0: 00000000:C2:00.0\n",
		 2, 1, 0, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = load_text(rows[i].text);
		int islands = 0;

		for (int g = 0; g < gt_node_size(node); g++)
			islands += gt_node_gpu(node, g)->island >= 0;
		ck_assert_msg(gt_node_size(node) == rows[i].gpus, "%s", rows[i].why);
		ck_assert_msg(link_sum(node) == rows[i].links, "%s: %d", rows[i].why,
			      link_sum(node));
		ck_assert_msg(islands == rows[i].islands, "%s", rows[i].why);
		ck_assert_msg(gt_node_is_partial(node) == rows[i].partial, "%s",
			      rows[i].why);
		ck_assert_str_eq(gt_node_gpu(node, 0)->uuid, "GPU-0");
		gt_node_free(node);
	}
}
END_TEST

#define REMOTE(link, id) "\t Link " #link ": Remote Device " id ": Link " #link "\n"
#define A		 "00000000:3B:00.0"
#define B		 "00000000:5E:00.0"
#define Z		 "00000000:00:00.0"

/* An end that the driver does not name may be any GPU that has such an end too. */
START_TEST(test_unnamed_remote_devices)
{
	struct gt_node *node =
		load_text(G(0) REMOTE(0, B) REMOTE(1, Z) G(1) REMOTE(0, A) REMOTE(1, Z)
				  G(2) REMOTE(0, "Unknown") G(3) "\tall links are "
								 "inActive\n");

	ck_assert_int_eq(gt_node_links(node, 0, 1), 1);
	ck_assert_int_eq(gt_node_links(node, 0, 2), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	gt_node_free(node);
	node = load_text(G(0) REMOTE(0, B) REMOTE(1, Z) G(1) REMOTE(0, A) REMOTE(1, Z));
	ck_assert_int_eq(gt_node_links(node, 0, 1), 1);
	ck_assert(has_note(node, "GPU 1: 1 links whose other end is not named"));
	gt_node_free(node);
	/* beside the matrix, which counts */
	node = load_text("\tGPU0\tGPU1\nGPU0\t X \tNV2\nGPU1\tNV2\t X \n" G(
		0) REMOTE(0, Z) REMOTE(1, Z) G(1) REMOTE(0, Z) REMOTE(1, Z));
	ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
	ck_assert(!gt_node_is_partial(node));
	gt_node_free(node);
	/* two GPUs of three: the third is no switch */
	node = load_text(G(0) REMOTE(0, A) REMOTE(1, A) G(1) REMOTE(0, A) REMOTE(1, A));
	ck_assert_int_eq(gt_node_links(node, 0, 1), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	gt_node_free(node);
}
END_TEST

START_TEST(test_status_alone_names_no_peers)
{
	struct gt_node *node =
		load_text(G(0) "\t Link 0: 25.781 GB/s\n\t Link 1: <inactive>\n" G(
			1) "         Link 0: 25.781 GB/s\n         Link 1: 25.781 "
			   "GB/s\n" G(2) "NVML: Unable to retrieve NVLink information as "
					 "all links are inActive\n");

	ck_assert(gt_node_is_partial(node));
	ck_assert_int_eq(gt_node_links(node, 0, 1), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 0);
	ck_assert(has_note(node, "GPU 0: 1 live links at 25.781 GB/s"));
	ck_assert(has_note(node, "GPU 2: no live links"));
	gt_node_free(node);
}
END_TEST

START_TEST(test_other_lists_are_no_states)
{
	static const char *const texts[] = {
		G(0) "\t Link 0: Replay Errors: 0\n\t Link 0: Recovery Errors: 0\n",
		G(0) "\t Link 0, P2P is supported: true\n\t Link 0: CRC Errors: 25\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct gt_error err;

		refuse_text(texts[i], &err);
		ck_assert_int_eq(err.code, GT_EFORMAT);
	}
}
END_TEST

#define CUBE3                                                                            \
	"\tGPU0\tGPU1\tGPU2\nGPU0\tX\tNV1\tNV2\nGPU1\tNV1\tX\tNV1\nGPU2\tNV2\tNV1\tX\n"
#define L    "\t Link 0: 25.781 GB/s\n"
#define DOWN "\t Link 5: <inactive>\n"

START_TEST(test_beside_a_mesh)
{
	struct gt_node *node;

	/* as many live links as the matrix has: a mesh, and no need to infer one */
	node = load_text(CUBE3 G(0) L L L G(1) L L DOWN G(2) L L L);
	ck_assert_int_eq(link_sum(node), 4);
	ck_assert(!gt_node_is_partial(node));
	ck_assert_int_eq(gt_node_note_count(node), 0);
	ck_assert_int_eq(gt_node_gpu(node, 1)->link_mbps, 20000);
	gt_node_free(node);
	/* a link less than the matrix shows: nobody says which */
	node = load_text(CUBE3 G(0) L L DOWN G(1) L L DOWN G(2) L L L);
	ck_assert(gt_node_is_partial(node));
	ck_assert(has_note(node, "GPU 0: nvlink shows 2 live links, the matrix 3"));
	gt_node_free(node);
	/* the other ends are shown: they win */
	node = load_text(CUBE3 G(0) R("02") R("03") G(1) R("01") R("03") G(2) R("01")
				 R("02"));
	ck_assert_int_eq(gt_node_links(node, 0, 2), 1);
	ck_assert_str_eq(gt_node_gpu(node, 2)->bus_id, "0000:03:00.0");
	gt_node_free(node);
}
END_TEST

START_TEST(test_mig_in_the_list_of_gpus)
{
	struct gt_node *node = load_text("\tGPU0\tGPU1\nGPU0\tX\tNV12\nGPU1\tNV12\tX\n"
					 "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)\n"
					 "  MIG 1g.5gb     Device  0: (UUID: MIG-b)\n"
					 "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-c)\n");

	ck_assert(gt_node_gpu(node, 0)->mig);
	ck_assert(!gt_node_gpu(node, 1)->mig);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 12);
	gt_node_free(node);
}
END_TEST

SUITE(source_nvlink)
{
	static const struct unit_test tests[] = {
		UNIT(test_remote_devices),
		UNIT(test_unnamed_remote_devices),
		UNIT(test_status_alone_names_no_peers),
		UNIT(test_other_lists_are_no_states),
		UNIT(test_beside_a_mesh),
		UNIT(test_mig_in_the_list_of_gpus),
		{NULL, NULL},
	};

	unit_add(suite, tests, NULL, NULL);
}
