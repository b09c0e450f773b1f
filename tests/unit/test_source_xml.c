/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The XML readers, rocm-smi and amd-smi: what the captures don't hold. */
#include "config.h"

#include "load.h"
#include "source/xml.h"

#include <time.h>

#define TWO_GPUS(a, b)                                                                   \
	"<system version=\"1\"><cpu numaid=\"0\" affinity=\"0000000f\" arch=\"x86_64\" " \
	"vendor=\"GenuineIntel\" familyid=\"6\" modelid=\"85\">"                         \
	"<pci busid=\"0000:01:00.0\" class=\"0x030200\"><gpu dev=\"0\" sm=\"70\">" a     \
	"</gpu></pci>"                                                                   \
	"<pci busid=\"0000:02:00.0\" class=\"0x030200\"><gpu dev=\"1\" sm=\"70\">" b     \
	"</gpu></pci></cpu></system>"

START_TEST(test_nccl_links)
{
	static const struct {
		const char *why;
		const char *text;
		int links, switch_links;
		const char *note;
	} rows[] = {
		{"both ends in the file",
		 TWO_GPUS("<nvlink target=\"0000:02:00.0\" count=\"2\" "
			  "tclass=\"0x030200\"/>",
			  "<nvlink target=\"0000:01:00.0\" count=\"2\" "
			  "tclass=\"0x030200\"/>"),
		 2, 0, NULL},
		{"no class, but the target is there",
		 TWO_GPUS("<nvlink target=\"0000:02:00.0\" count=\"3\"/>",
			  "<nvlink target=\"0000:01:00.0\" count=\"2\"/>"),
		 2, 0, "smaller"},
		{"the switches are hidden",
		 TWO_GPUS("<nvlink target=\"fffffff:ff:ff.0\" count=\"6\" "
			  "tclass=\"0x068000\"/>",
			  "<nvlink target=\"fffffff:ff:ff.0\" count=\"5\" "
			  "tclass=\"0x068000\"/>"),
		 5, 6, NULL},
		{"several switches are one fabric",
		 TWO_GPUS("<nvlink target=\"0000:c1:00.0\" count=\"2\" "
			  "tclass=\"0x068000\"/>"
			  "<nvlink target=\"0000:c2:00.0\" count=\"3\" "
			  "tclass=\"0x068000\"/>",
			  "<nvlink target=\"0000:c1:00.0\" count=\"5\" "
			  "tclass=\"0x068000\"/>"),
		 5, 5, NULL},
		{"the peer was not dumped",
		 TWO_GPUS("<nvlink target=\"0000:09:00.0\" count=\"2\" "
			  "tclass=\"0x030200\"/>",
			  ""),
		 0, 0, "not in the file"},
		{"a POWER CPU is no GPU",
		 TWO_GPUS("<nvlink target=\"0004:04:00.0\" count=\"3\" "
			  "tclass=\"0x068001\"/>",
			  ""),
		 0, 0, NULL},
		{"nothing but PCIe", TWO_GPUS("", ""), 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = load_text(rows[i].text);

		ck_assert_msg(gt_node_links(node, 0, 1) == rows[i].links, "%s: %d",
			      rows[i].why, gt_node_links(node, 0, 1));
		ck_assert_msg(gt_node_gpu(node, 0)->switch_links == rows[i].switch_links,
			      "%s", rows[i].why);
		ck_assert_msg(rows[i].note ? has_note(node, rows[i].note)
					   : gt_node_note_count(node) == 0,
			      "%s", rows[i].why);
		ck_assert_str_eq(gt_node_gpu(node, 0)->cpus, "0-3");
		ck_assert_int_eq(gt_node_cpu_vendor(node), GT_CPU_INTEL_SKX);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_nccl_refusals)
{
	static const struct {
		const char *why;
		const char *text;
	} rows[] = {
		{"a link to itself", TWO_GPUS("<nvlink target=\"0000:01:00.0\" "
					      "count=\"1\" tclass=\"0x030200\"/>",
					      "")},
		{"a count that is none",
		 TWO_GPUS("<nvlink target=\"0000:02:00.0\" count=\"many\"/>", "")},
		{"more links than any GPU has",
		 TWO_GPUS("<nvlink target=\"0000:c2:00.0\" count=\"64\" "
			  "tclass=\"0x068000\"/>"
			  "<nvlink target=\"0000:c3:00.0\" count=\"64\" "
			  "tclass=\"0x068000\"/>",
			  "")},
		{"no GPU elements",
		 "<system version=\"1\"><cpu><pci busid=\"0000:01:00.0\" "
		 "class=\"0x030200\"/></cpu></system>"},
		{"a graph dump", "<graphs version=\"1\"><graph id=\"0\"/></graphs>"},
		{"a GPU outside PCIe", "<system><cpu><gpu dev=\"0\"/></cpu></system>"},
		{"not closed", "<system version=\"1\"><cpu>"},
		{"two roots", "<system/><system/>"},
		{"not UTF-8", "<system a=\"\xff\"/>"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_error err;

		refuse_text(rows[i].text, &err);
		ck_assert_msg(err.line >= 1, "%s: %s", rows[i].why, err.text);
	}
}
END_TEST

static int busbw(const struct gt_node *node, uint64_t set)
{
	struct gt_mask mask = {{set}};
	struct gt_score score;

	gt_score_set(node, &mask, &score);
	return score.busbw_mbps;
}

START_TEST(test_pcie_speed_wins)
{
	struct gt_node *node = load_text(
		"<system version=\"1\"><cpu numaid=\"0\" arch=\"x86_64\" "
		"vendor=\"AuthenticAMD\">"
		"<pci busid=\"0000:10:00.0\" class=\"0x060400\" link_speed=\"16 GT/s\" "
		"link_width=\"8\">"
		"<pci busid=\"0000:01:00.0\" link_speed=\"16.0 GT/s PCIe\" "
		"link_width=\"16\">"
		"<gpu dev=\"0\" sm=\"80\"/></pci>"
		"<pci busid=\"0000:02:00.0\" link_speed=\"8 GT/s\" link_width=\"16\">"
		"<gpu dev=\"1\" sm=\"80\"/></pci></pci>"
		"<pci busid=\"0000:03:00.0\" link_speed=\"\" link_width=\"0\">"
		"<gpu dev=\"2\" sm=\"80\"/></pci></cpu></system>");

	/* below one switch: the slower slot; across the root: the switch has 8 lanes */
	ck_assert_int_eq(gt_node_path(node, 0, 1), GT_PATH_PIX);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 1), 12000);
	ck_assert_int_eq(gt_node_path(node, 0, 2), GT_PATH_PHB);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 2), 24000);
	gt_node_free(node);
}
END_TEST

/* Four GeForce cards behind a port, known by their PCI ids: copies go through it and
 * through the socket's memory, and cross sockets as memory traffic. */
START_TEST(test_shared_ports)
{
	static const char head[] = "<system version=\"1\">", tail[] = "</system>";
	char text[8192];
	struct gt_node *node;
	size_t at = 0;

	at += (size_t)snprintf(text, sizeof(text), "%s", head);
	for (int i = 0; i < 8; i++) {
		if (i % 4 == 0)
			at += (size_t)snprintf(
				text + at, sizeof(text) - at,
				"<cpu numaid=\"%d\" arch=\"x86_64\" "
				"vendor=\"GenuineIntel\" "
				"familyid=\"6\" modelid=\"143\">"
				"<pci busid=\"0000:%d0:00.0\" class=\"0x060400\" "
				"link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">",
				i / 4, i / 4 + 1);
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "<pci busid=\"0000:%d%d:00.0\" device=\"0x2684\" "
				       "link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">"
				       "<gpu dev=\"%d\" sm=\"89\"/></pci>",
				       i / 4 + 1, i % 4 + 1, i);
		if (i % 4 == 3)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
					       "</pci></cpu>");
	}
	snprintf(text + at, sizeof(text) - at, "%s", tail);
	node = load_text(text);
	ck_assert_str_eq(gt_node_gpu(node, 0)->model, "NVIDIA GeForce RTX 4090");
	ck_assert(!gt_node_pcie_p2p(node));
	ck_assert_int_eq(gt_node_shared_count(node), 4);
	ck_assert_int_eq(gt_node_shared(node, 0)->mbps, 24000);
	ck_assert(gt_node_shared(node, 1)->memory);
	ck_assert_int_eq(gt_node_shared(node, 1)->mbps, 112000);
	ck_assert_int_eq(gt_node_shared(node, 3)->gpus.word[0], 0xf0);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 4), 20000);
	ck_assert_int_eq(busbw(node, 0x03), 12000);
	ck_assert_int_eq(busbw(node, 0x11), 20000);
	ck_assert_int_eq(busbw(node, 0xff), 6000);
	gt_node_free(node);
}
END_TEST

/* The link between sockets is worth what the family of the CPU can. */
START_TEST(test_amd_families)
{
	static const struct {
		const char *family;
		int sys_mbps;
	} rows[] = {{"23", 16000},  {"25", 24000},  {"26", 32000}, {"143", 16000},
		    {"175", 24000}, {"191", 32000}, {"21", 16000}, {"0", 16000}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node;
		char text[1024];

		snprintf(text, sizeof(text),
			 "<system version=\"1\"><cpu numaid=\"0\" arch=\"x86_64\" "
			 "vendor=\"AuthenticAMD\" familyid=\"%s\" modelid=\"2\">"
			 "<pci busid=\"0000:01:00.0\" class=\"0x030200\" "
			 "link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">"
			 "<gpu dev=\"0\" sm=\"90\"/></pci></cpu>"
			 "<cpu numaid=\"1\" arch=\"x86_64\" vendor=\"AuthenticAMD\" "
			 "familyid=\"%s\" modelid=\"2\">"
			 "<pci busid=\"0000:81:00.0\" class=\"0x030200\" "
			 "link_speed=\"32.0 GT/s PCIe\" link_width=\"16\">"
			 "<gpu dev=\"1\" sm=\"90\"/></pci></cpu></system>",
			 rows[i].family, rows[i].family);
		node = load_text(text);
		ck_assert_int_eq(gt_node_path(node, 0, 1), GT_PATH_SYS);
		ck_assert_int_eq(gt_node_pair_mbps(node, 0, 1), rows[i].sys_mbps);
		gt_node_free(node);
	}
}
END_TEST

/* Ten entities, each ten of the one before: a thousand million letters, if expanded. */
START_TEST(test_entity_bomb)
{
	static const char *const roots[] = {"system", "topology"};

	for (int r = 0; r < 2; r++) {
		char text[4096], line[128];
		struct gt_error err;

		snprintf(text, sizeof(text),
			 "<?xml version=\"1.0\"?>\n<!DOCTYPE %s [\n"
			 "<!ENTITY a0 \"aaaaaaaaaa\">\n",
			 roots[r]);
		for (int i = 1; i < 10; i++) {
			snprintf(line, sizeof(line), "<!ENTITY a%d \"", i);
			strcat(text, line);
			for (int j = 0; j < 10; j++) {
				snprintf(line, sizeof(line), "&a%d;", i - 1);
				strcat(text, line);
			}
			strcat(text, "\">\n");
		}
		snprintf(line, sizeof(line), "]>\n<%s version=\"&a9;\"/>\n", roots[r]);
		strcat(text, line);
		refuse_text(text, &err);
		ck_assert_ptr_nonnull(strstr(err.text, "entity"));
		ck_assert_int_eq(err.line, 3);
	}
}
END_TEST

START_TEST(test_xml_limits)
{
	size_t deep = 100000, wide = GT_XML_ELEMENTS_MAX + 10;
	char *text = malloc(16 + deep * 12 + wide * 4);
	struct gt_error err;
	char *at = text;

	ck_assert_ptr_nonnull(text);
	at = stpcpy(at, "<system>");
	for (size_t i = 0; i < deep; i++)
		at = stpcpy(at, "<pci>");
	refuse_text(text, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "deep"));
	at = stpcpy(text, "<system>");
	for (size_t i = 0; i < wide; i++)
		at = stpcpy(at, "<a/>");
	stpcpy(at, "</system>");
	refuse_text(text, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "many"));
	free(text);
}
END_TEST

START_TEST(test_rocm_tables)
{
	struct gt_node *node = load_text(
		"== Weight between two GPUs ==\n       GPU0   GPU1   GPU2\n"
		"GPU0   0   15   40\nGPU1   15   0   XXXX\nGPU2   40   XXXX   0\n"
		"== Link Type between two GPUs ==\n       GPU0   GPU1   GPU2\n"
		"GPU0   0   XGMI   PCIE\nGPU1   XGMI   0   XXXX\nGPU2   PCIE   XXXX   0\n"
		"== Numa Nodes ==\nGPU[0]\t\t: (Topology) Numa Node: 0\n"
		"GPU 2   : (Topology) Numa Node: 0\n");

	ck_assert_int_eq(gt_node_links(node, 0, 1), 1);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 0);
	ck_assert_int_eq(gt_node_path(node, 0, 2), GT_PATH_NODE);
	ck_assert_int_eq(gt_node_links(node, 1, 2), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	ck_assert_int_eq(gt_node_gpu(node, 1)->numa, GT_UNKNOWN);
	gt_node_free(node);
}
END_TEST

#define BDF "0000:0c:00.0 0000:22:00.0 0000:38:00.0\n"

START_TEST(test_amd_tables)
{
	/* half a card each: 4 links, 2 and 1, though every pair is one hop */
	static const char tables[] =
		"HOPS TABLE:\n " BDF "0000:0c:00.0 0 1 1\n0000:22:00.0 1 0 1\n"
		"0000:38:00.0 1 1 0\n"
		"LINK TYPE TABLE:\n " BDF "0000:0c:00.0 SELF XGMI XGMI\n"
		"0000:22:00.0 XGMI SELF XGMI\n0000:38:00.0 XGMI XGMI SELF\n"
		"NUMA BW TABLE:\n " BDF "0000:0c:00.0 N/A 50000-200000 50000-100000\n"
		"0000:22:00.0 50000-200000 N/A 50000-50000\n"
		"0000:38:00.0 50000-100000 50000-50000 N/A\n"
		"CACHE COHERANCY TABLE:\n " BDF "0000:0c:00.0 SELF C NC\n"
		"0000:22:00.0 C SELF C\n0000:38:00.0 NC C SELF\n";
	struct gt_node *node = load_text(tables);
	struct gt_error err;

	ck_assert_str_eq(gt_node_source_format(node), "amd-smi");
	ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 2);
	ck_assert_int_eq(gt_node_links(node, 1, 2), 1);
	ck_assert_str_eq(gt_node_gpu(node, 1)->bus_id, "0000:22:00.0");
	gt_node_free(node);
	refuse_text(strstr(tables, "CACHE"), &err);
	ck_assert_int_eq(err.code, GT_EFORMAT);
}
END_TEST

/* Three GPUs, all XGMI, with these cells of the bandwidth table for 0-1, 0-2 and 1-2. */
static struct gt_node *load_amd_bandwidths(const char *ab, const char *ac, const char *bc)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "LINK TYPE TABLE:\n             " BDF
		 "0000:0c:00.0 SELF         XGMI         XGMI\n"
		 "0000:22:00.0 XGMI         SELF         XGMI\n"
		 "0000:38:00.0 XGMI         XGMI         SELF\n\n"
		 "NUMA BW TABLE:\n             " BDF "0000:0c:00.0 %-13s%-13s%-13s\n"
		 "0000:22:00.0 %-13s%-13s%-13s\n0000:38:00.0 %-13s%-13s%-13s\n",
		 "N/A", ab, ac, ab, "N/A", bc, ac, bc, "N/A");
	return load_text(text);
}

/* MI250X shows pairs that have no link of their own as XGMI with 0-0. */
START_TEST(test_amd_bandwidth_cells)
{
	static const struct {
		const char *why, *cell[3];
		int links[3];
		bool partial;
		const char *note;
	} rows[] = {
		{"0-0 beside others: no link",
		 {"50000-50000", "0-0", "50000-50000"},
		 {1, 0, 1},
		 false,
		 NULL},
		{"0-0 everywhere: not counted",
		 {"0-0", "0-0", "0-0"},
		 {1, 1, 1},
		 false,
		 "1 link each assumed"},
		{"N/A beside others: not known",
		 {"50000-50000", "N/A", "100000-100000"},
		 {1, GT_UNKNOWN, 2},
		 true,
		 "1 pairs are not shown"},
		{"N/A everywhere: not counted",
		 {"N/A", "N/A", "N/A"},
		 {1, 1, 1},
		 false,
		 "1 link each assumed"},
		{"an error instead of a figure",
		 {"50000-50000", "NOT_SUPPORTED", "50000"},
		 {1, GT_UNKNOWN, 1},
		 true,
		 NULL},
		{"cells that fill their columns",
		 {"200000-200000", "50000-50000", "0-0"},
		 {4, 1, 0},
		 false,
		 NULL},
		{"all of them do",
		 {"200000-200000", "100000-200000", "100000-100000"},
		 {4, 4, 2},
		 false,
		 NULL},
		{"cells that grew over their columns",
		 {"1000000-1000000", "50000-50000", "50000-50000"},
		 {GT_UNKNOWN, 1, 1},
		 true,
		 NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = load_amd_bandwidths(
			rows[i].cell[0], rows[i].cell[1], rows[i].cell[2]);
		bool noted = !rows[i].note;

		ck_assert_msg(gt_node_links(node, 0, 1) == rows[i].links[0] &&
				      gt_node_links(node, 0, 2) == rows[i].links[1] &&
				      gt_node_links(node, 1, 2) == rows[i].links[2],
			      "%s: %d %d %d", rows[i].why, gt_node_links(node, 0, 1),
			      gt_node_links(node, 0, 2), gt_node_links(node, 1, 2));
		ck_assert_msg(gt_node_is_partial(node) == rows[i].partial, "%s",
			      rows[i].why);
		ck_assert_msg(rows[i].links[1] != 0 ||
				      gt_node_path(node, 0, 2) == GT_PATH_SYS,
			      "%s", rows[i].why);
		for (int k = 0; k < gt_node_note_count(node); k++)
			noted |= rows[i].note &&
				 strstr(gt_node_note(node, k), rows[i].note);
		ck_assert_msg(noted, "%s", rows[i].why);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_amd_contradictions)
{
	struct gt_node *node =
		load_text("== Weight between two GPUs ==\n       GPU0   GPU1   GPU2\n"
			  "GPU0   0   15   40\nGPU1   15   0   72\nGPU2   40   72   15\n"
			  "== Link Type between two GPUs ==\n       GPU0   GPU1   GPU2\n"
			  "GPU0   0   PCIE   PCIE\nGPU1   PCIE   0   XGMI\nGPU2   PCIE   "
			  "XGMI   0\n");

	ck_assert_int_eq(gt_node_links(node, 0, 1), 0);
	ck_assert_int_eq(gt_node_links(node, 1, 2), 1);
	ck_assert_ptr_nonnull(strstr(gt_node_note(node, 0),
				     "2 pairs with a weight that contradicts the link "
				     "type (first: GPUs 0 and 1)"));
	ck_assert_ptr_nonnull(strstr(gt_node_note(node, 1), "to itself above 0"));
	gt_node_free(node);
}
END_TEST

/* `amd-smi topology --json` of two generations, and --csv: a pair of 2 links. */
START_TEST(test_amd_exports)
{
	static const char *const texts[] = {
		"[{\"gpu\": 0, \"bdf\": \"0000:0c:00.0\", \"links\": ["
		"{\"gpu\": 0, \"bdf\": \"0000:0c:00.0\", \"weight\": 0, "
		"\"link_type\": \"SELF\", \"num_hops\": 0, \"bandwidth\": \"N/A\"}, "
		"{\"gpu\": 1, \"bdf\": \"0000:22:00.0\", \"weight\": 15, "
		"\"link_type\": \"XGMI\", \"num_hops\": 1, "
		"\"bandwidth\": \"50000-100000\"}]}, "
		"{\"gpu\": 1, \"bdf\": \"0000:22:00.0\", \"links\": ["
		"{\"gpu\": 0, \"bdf\": \"0000:0c:00.0\", \"weight\": 15, "
		"\"link_type\": \"XGMI\", \"num_hops\": 1, "
		"\"bandwidth\": \"50000-100000\"}]}]",
		"[{\"gpu\": 0, \"bdf\": \"0000:0c:00.0\", "
		"\"link_type\": {\"gpu_0\": \"SELF\", \"gpu_1\": \"XGMI\"}, "
		"\"hops\": {\"gpu_0\": 0, \"gpu_1\": 1}, "
		"\"numa_bandwidth\": {\"gpu_0\": \"N/A\", \"gpu_1\": "
		"\"100000-100000\"}}, "
		"{\"gpu\": 1, \"bdf\": \"0000:22:00.0\", "
		"\"link_type\": {\"gpu_0\": \"XGMI\", \"gpu_1\": \"SELF\"}, "
		"\"numa_bandwidth\": {\"gpu_0\": \"100000-100000\", \"gpu_1\": "
		"\"N/A\"}}]",
		"gpu,bdf,weight_gpu_0,weight_gpu_1,link_type_gpu_0,link_type_gpu_1,"
		"numa_bandwidth_gpu_0,numa_bandwidth_gpu_1\n"
		"0,0000:0c:00.0,0,15,SELF,XGMI,N/A,50000-100000\n"
		"1,0000:22:00.0,15,0,XGMI,SELF,50000-100000,N/A\n",
	};
	struct gt_error err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct gt_node *node = load_text(texts[i]);

		ck_assert_str_eq(gt_node_source_format(node), "amd-smi");
		ck_assert_int_eq(gt_node_size(node), 2);
		ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
		ck_assert_str_eq(gt_node_gpu(node, 1)->bus_id, "0000:22:00.0");
		ck_assert(!gt_node_is_partial(node));
		gt_node_free(node);
	}
	refuse_text("[{\"gpu\": 0, \"link_type\": ", &err);
	ck_assert_int_eq(err.code, GT_EPARSE);
	refuse_text("[\"gpu\", \"link_type\"]", &err);
	ck_assert_int_eq(err.code, GT_EFORMAT);
	refuse_text("gpu,bdf,link_type_gpu_0\n", &err);
	ck_assert_int_eq(err.code, GT_EFORMAT);
}
END_TEST

/* Hygon's hy-smi prints the tables of rocm-smi, of DCUs. */
START_TEST(test_hygon_tables)
{
	struct gt_node *node = load_text(
		"==== Weight between two DCUs ====\n       DCU0   DCU1   DCU2\n"
		"DCU0   0   15   40\nDCU1   15   0   40\nDCU2   40   40   0\n"
		"==== Link Type between two DCUs ====\n       DCU0   DCU1   DCU2\n"
		"DCU0   0   XGMI   PCIE\nDCU1   XGMI   0   PCIE\nDCU2   PCIE   PCIE   0\n"
		"==== Numa Nodes ====\nDCU[0]\t: (Topology) Numa Node: 0\n"
		"DCU[1]\t: (Topology) Numa Node: 0\nDCU[2]\t: (Topology) Numa Node: 1\n");

	ck_assert_int_eq(gt_node_links(node, 0, 1), 1);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 0);
	ck_assert_int_eq(gt_node_gpu(node, 2)->numa, 1);
	gt_node_free(node);
}
END_TEST

static double seconds_since(const struct timespec *before)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)(now.tv_sec - before->tv_sec) +
	       (double)(now.tv_nsec - before->tv_nsec) * 1e-9;
}

/* 4 MB of nothing in particular, from a fixed seed: whoever reads it ends soon. */
START_TEST(test_garbage)
{
	static const char letters[] = "GPU0 1X\tNV2SYS<>{}\"=|:\n[],-abc";
	static const char *const formats[] = {NULL,   "json",	    "hwloc",
					      "nccl", "rocm-smi",   "amd-smi",
					      "gres", "nvidia-smi", "nvlink"};
	size_t size = 4 << 20;
	char *text = malloc(size + 1);
	uint64_t state = 20261121;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		text[i] = letters[(state >> 33) % (sizeof(letters) - 1)];
	}
	text[size] = '\0';
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		struct gt_load_options options = {.format = formats[f]};
		struct timespec before;
		struct gt_node *node;
		struct gt_error err;
		double seconds;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		ck_assert(gt_node_parse(&node, text, size, "garbage", &options, &err) !=
				  GT_OK ||
			  gt_node_is_partial(node));
		seconds = seconds_since(&before);
		ck_assert_msg(seconds < 1, "seed 20261121, %s: %.2f s",
			      formats[f] ? formats[f] : "any", seconds);
		gt_node_free(node);
	}
	free(text);
}
END_TEST

/* Every line a row, a GPU, a link: what costs the readers most. */
START_TEST(test_repetition)
{
	static const struct {
		const char *format;
		const char *line;
	} rows[] = {
		{"nvidia-smi", "\tGPU0\tGPU1\n"},
		{"nvidia-smi", "GPU0\t X \tNV1\n"},
		{"gres", "Name=gpu File=/dev/nvidia0 Links=-1,1\n"},
		{"gres", "Name=gpu Count=1024\n"},
		{"nvlink", "GPU 1023: A100\n"},
		{"nvlink",
		 "GPU 0: A100\n\t Link 0: Remote Device 00000000:D5:00.0: Link 0\n"},
		{"rocm-smi", "Weight between two GPUs\n GPU0 GPU1\nGPU0 0 15\n"},
		{"amd-smi", "LINK TYPE TABLE:\n"},
	};
	size_t size = 4 << 20;
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct gt_load_options options = {.format = rows[r].format};
		size_t len = strlen(rows[r].line), used = 0;
		struct timespec before;
		struct gt_node *node;

		for (; used + len <= size; used += len)
			memcpy(text + used, rows[r].line, len);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		gt_node_parse(&node, text, used, "repeated", &options, NULL);
		ck_assert_msg(seconds_since(&before) < 1, "%s: %.2f s", rows[r].line,
			      seconds_since(&before));
		gt_node_free(node);
	}
	free(text);
}
END_TEST

SUITE(source_xml)
{
	static const struct unit_test tests[] = {
		UNIT(test_nccl_links),	       UNIT(test_nccl_refusals),
		UNIT(test_pcie_speed_wins),    UNIT(test_shared_ports),
		UNIT(test_entity_bomb),	       UNIT(test_amd_families),
		UNIT(test_xml_limits),	       UNIT(test_rocm_tables),
		UNIT(test_amd_tables),	       UNIT(test_amd_bandwidth_cells),
		UNIT(test_amd_contradictions), UNIT(test_amd_exports),
		UNIT(test_hygon_tables),       UNIT(test_garbage),
		UNIT(test_repetition),	       {NULL, NULL},
	};

	unit_add(suite, tests, NULL, NULL);
}
