/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text readers of the plugins, built-in machines, and the way to them. */
#include "config.h"

#include "load.h"
#include "source/source.h"

#include <unistd.h>

static const char mesh4[] =
	"\tGPU0\tGPU1\tGPU2\tGPU3\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n"
	"GPU0\t X \tNV4\tNV4\tNV4\t0-15\t0\t\tN/A\n"
	"GPU1\tNV4\t X \tNV4\tNV4\t0-15\t0\t\tN/A\n"
	"GPU2\tNV4\tNV4\t X \tNV4\t16-31\t1\t\tN/A\n"
	"GPU3\tNV4\tNV4\tNV4\t X \t16-31\t1\t\tN/A\n";

START_TEST(test_topo_plain)
{
	struct gt_node *node = load_text(mesh4);

	ck_assert_int_eq(gt_node_size(node), 4);
	ck_assert_int_eq(link_sum(node), 24);
	ck_assert_int_eq(gt_node_gpu(node, 2)->numa, 1);
	ck_assert_str_eq(gt_node_gpu(node, 3)->cpus, "16-31");
	ck_assert_int_eq(gt_node_fabric(node), GT_FABRIC_MESH);
	ck_assert_str_eq(gt_node_source_format(node), "nvidia-smi");
	ck_assert(!gt_node_is_partial(node));
	/* beneath a link: the same NUMA node, another one */
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 1), 10000);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 2), 10000);
	gt_node_free(node);
}
END_TEST

/* Shapes of one matrix that must all read the same: NV2 between 0 and 1, PIX elsewhere.
 */
START_TEST(test_topo_shapes)
{
	static const struct {
		const char *why;
		const char *text;
	} rows[] = {
		{"expanded tabs",
		 "        GPU0    GPU1    GPU2\nGPU0     X      NV2     PIX\n"
		 "GPU1    NV2      X      PIX\nGPU2    PIX     PIX      X\n"},
		{"no tab before the header",
		 "GPU0\tGPU1\tGPU2\nGPU0\t X \tNV2\tPIX\n"
		 "GPU1\tNV2\t X \tPIX\nGPU2\tPIX\tPIX\t X \n"},
		{"underlined by a terminal",
		 "\t\033[4mGPU0\tGPU1\tGPU2\tCPU Affinity\033[0m\nGPU0\t X \tNV2\tPIX\n"
		 "GPU1\tNV2\t X \tPIX\nGPU2\tPIX\tPIX\t X \n"},
		{"a comment", "# \tGPU0\tGPU1\tGPU2\n# GPU0\t X \tNV2\tPIX\n"
			      "# GPU1\tNV2\t X \tPIX\n# GPU2\tPIX\tPIX\t X \n"},
		{"a C comment", "/**\n *\tGPU0\tGPU1\tGPU2\n * GPU0\t X \tNV2\tPIX\n"
				" * GPU1\tNV2\t X \tPIX\n * GPU2\tPIX\tPIX\t X \n */\n"},
		{"a table", "| | GPU0 | GPU1 | GPU2 |\n|---|---|---|---|\n"
			    "| GPU0 | X | NV2 | PIX |\n| GPU1 | NV2 | X | PIX |\n"
			    "| GPU2 | PIX | PIX | X |\n"},
		{"srun -l", "0: \tGPU0\tGPU1\tGPU2\n0: GPU0\t X \tNV2\tPIX\n"
			    "0: GPU1\tNV2\t X \tPIX\n0: GPU2\tPIX\tPIX\t X \n"},
		{"glued header", "GPU0GPU1GPU2mlx5_0\nGPU0\t X \tNV2\tPIX\tSYS\n"
				 "GPU1\tNV2\t X \tPIX\tSYS\nGPU2\tPIX\tPIX\t X \tSYS\n"},
		{"glued cells", "\tGPU0\tGPU1\tGPU2\tNIC0\nGPU0\t X NV2\tPIXSYS\n"
				"GPU1\tNV2 X \tPIXSYS\nGPU2\tPIXPIX\t X \tSYS\n"},
		{"no header", "GPU0\t X \tNV2\tPIX\nGPU1\tNV2\t X \tPIX\n"
			      "GPU2\tPIX\tPIX\t X \n"},
		{"carriage returns", "\tGPU0\tGPU1\tGPU2\r\nGPU0\t X \tNV2\tPIX\r\n"
				     "GPU1\tNV2\t X \tPIX\r\nGPU2\tPIX\tPIX\t X \r\n"},
		{"prose around", "$ nvidia-smi topo -m\n\tGPU0\tGPU1\tGPU2\n"
				 "GPU0\t X \tNV2\tPIX\nGPU1\tNV2\t X \tPIX\n"
				 "GPU2\tPIX\tPIX\t X \n\nGPU0 and GPU1 have a bridge.\n"},
		{"behind mpirun's words",
		 "[1,0]<stdout>:\tGPU0\tGPU1\tGPU2\n[1,0]<stdout>:GPU0\t X \tNV2\tPIX\n"
		 "[1,0]<stdout>:GPU1\tNV2\t X \tPIX\n[1,0]<stdout>:GPU2\tPIX\tPIX\t X "
		 "\n"},
		{"behind a logger's words",
		 "INFO n1:  GPU0  GPU1  GPU2  CPU Affinity\nINFO n1: GPU0  X  NV2  PIX\n"
		 "INFO n1: GPU1  NV2  X  PIX\nINFO n1: GPU2  PIX  PIX  X\n"},
		{"a peer-to-peer matrix before",
		 " \tGPU0\tGPU1\tGPU2\n GPU0\tX\tOK\tOK\n GPU1\tOK\tX\tOK\n "
		 "GPU2\tOK\tOK\tX\n"
		 "\n\tGPU0\tGPU1\tGPU2\nGPU0\t X \tNV2\tPIX\nGPU1\tNV2\t X \tPIX\n"
		 "GPU2\tPIX\tPIX\t X \n"},
		{"another matrix after",
		 "\tGPU0\tGPU1\tGPU2\nGPU0\t X \tNV2\tPIX\nGPU1\tNV2\t X \tPIX\n"
		 "GPU2\tPIX\tPIX\t X \n\tGPU0\tGPU1\nGPU0\tX\tSYS\nGPU1\tSYS\tX\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node = load_text(rows[i].text);

		ck_assert_msg(gt_node_size(node) == 3, "%s: %d GPUs", rows[i].why,
			      gt_node_size(node));
		ck_assert_msg(gt_node_links(node, 0, 1) == 2 && link_sum(node) == 2,
			      "%s: %d", rows[i].why, link_sum(node));
		ck_assert_msg(gt_node_path(node, 0, 2) == GT_PATH_PIX &&
				      gt_node_path(node, 1, 2) == GT_PATH_PIX,
			      "%s", rows[i].why);
		ck_assert_msg(!gt_node_is_partial(node), "%s", rows[i].why);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_topo_cut)
{
	struct gt_node *node =
		load_text("\tGPU0\tGPU1\tGPU2\tGPU3\nGPU0\t X \tNV4\tSYS\tSYS\n"
			  "GPU1\tNV4\t X \tSYS\tSYS\n");

	ck_assert_int_eq(gt_node_size(node), 4);
	ck_assert(gt_node_is_partial(node));
	ck_assert_int_eq(gt_node_links(node, 2, 3), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 1, 3), 0);
	ck_assert(has_note(node, "GPUs 2-3"));
	ck_assert(has_note(node, "1 pairs"));
	gt_node_free(node);
}
END_TEST

START_TEST(test_topo_shifted_row_is_dropped)
{
	/* GPU1's first cell is missing: its X stands in column 0 */
	struct gt_node *node = load_text("\tGPU0\tGPU1\tGPU2\nGPU0\t X \tNV2\tPIX\n"
					 "GPU1\t X \tNV9\nGPU2\tPIX\tSYS\t X \n");

	ck_assert(gt_node_is_partial(node));
	ck_assert(has_note(node, "line 3"));
	ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
	ck_assert_int_eq(gt_node_links(node, 1, 2), 0);
	ck_assert_int_eq(gt_node_path(node, 1, 2), GT_PATH_SYS);
	gt_node_free(node);
}
END_TEST

/* A text that ends within "NV18" must not become NV1. */
START_TEST(test_topo_cut_anywhere)
{
	static const char text[] = "\tGPU0\tGPU1\tGPU2\tCPU Affinity\n"
				   "GPU0\t X \tNV18\tNV18\t0-15\n"
				   "GPU1\tNV18\t X \tNV18\t0-15\n"
				   "GPU2\tNV18\tNV18\t X \t0-15\n";

	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct gt_node *node;
		struct gt_error err;

		if (gt_node_parse(&node, text, size, "cut", NULL, &err)) {
			ck_assert(err.text[0]);
			continue;
		}
		for (int a = 0; a < gt_node_size(node); a++)
			for (int b = 0; b < a; b++) {
				int links = gt_node_links(node, a, b);

				ck_assert_msg(links == 18 || links == GT_UNKNOWN,
					      "%zu: %d", size, links);
			}
		ck_assert_int_eq(gt_node_size(node), 3);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_topo_strange_cells)
{
	struct gt_node *node = load_text("\tGPU0\tGPU1\tGPU2\nGPU0\tX\tMX\tNODE\n"
					 "GPU1\tMX\tX\tNODE\nGPU2\tNODE\tNODE\tX\n");

	ck_assert(gt_node_is_partial(node));
	ck_assert_int_eq(gt_node_links(node, 0, 1), GT_UNKNOWN);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 0);
	ck_assert(has_note(node, "'MX'"));
	gt_node_free(node);
}
END_TEST

START_TEST(test_topo_refusals)
{
	static const struct {
		const char *why;
		const char *text;
	} rows[] = {
		{"nothing", ""},
		{"prose", "Nothing to see here.\n"},
		{"rows of other GPUs", "\tGPU4\tGPU5\nGPU4\tX\tNV2\nGPU5\tNV2\tX\n"},
		{"a header alone", "\tGPU0\tGPU1\n"},
		{"a peer-to-peer matrix alone",
		 "\tGPU0\tGPU1\nGPU0\tX\tOK\nGPU1\tOK\tX\n"},
		{"not UTF-8", "\tGPU0\tGPU1\nGPU0\t X \tNV1\xff\nGPU1\tNV1\t X \n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_error err;

		refuse_text(rows[i].text, &err);
		ck_assert_msg(err.code == GT_EPARSE || err.code == GT_EFORMAT, "%s",
			      rows[i].why);
		ck_assert_str_eq(err.file, "text");
	}
}
END_TEST

START_TEST(test_counts_beside_the_matrix)
{
	char text[4096];
	struct gt_node *node;

	/* six links a pair and six live links a GPU: one bundle into a switch, not a mesh
	 */
	strcpy(text, "\tGPU0\tGPU1\tGPU2\nGPU0\tX\tNV6\tNV6\nGPU1\tNV6\tX\tNV6\n"
		     "GPU2\tNV6\tNV6\tX\n");
	for (int g = 0; g < 3; g++) {
		char line[64];

		snprintf(line, sizeof(line),
			 "GPU %d: Tesla V100-SXM3-32GB (UUID: GPU-%d)\n", g, g);
		strcat(text, line);
		for (int l = 0; l < 6; l++) {
			snprintf(line, sizeof(line), "\t Link %d: %s\n", l,
				 g == 1 && l == 5 ? "<inactive>" : "25.781 GB/s");
			strcat(text, line);
		}
	}
	node = load_text(text);
	ck_assert_int_eq(gt_node_gpu(node, 0)->switch_links, 6);
	ck_assert_int_eq(gt_node_gpu(node, 1)->switch_links, 5);
	ck_assert_int_eq(gt_node_links(node, 1, 2), 5);
	ck_assert_int_eq(gt_node_links(node, 0, 2), 6);
	ck_assert_str_eq(gt_node_gpu(node, 2)->model, "Tesla V100-SXM3-32GB");
	ck_assert_str_eq(gt_node_gpu(node, 2)->uuid, "GPU-2");
	gt_node_free(node);
}
END_TEST

static const char pairs_conf[] =
	"# a node\n"
	"Name=gpu Type=a6000 File=/dev/nvidia3 Cores=0-7 Links=-1,4,0,0\n"
	"Name=gpu Type=a6000 File=/dev/nvidia2 Cores=0-7 Links=4,-1,0,0\n"
	"Name=gpu Type=a6000 File=/dev/nvidia1 Cores=8-15 Links=0,0,-1,4\n"
	"Name=gpu Type=a6000 File=/dev/nvidia0 Cores=8-15 Links=0,0,4,-1\n";

START_TEST(test_gres)
{
	struct gt_node *node = load_text(pairs_conf);

	ck_assert_int_eq(gt_node_size(node), 4);
	ck_assert_int_eq(link_sum(node), 8);
	ck_assert_int_eq(gt_node_links(node, 2, 3), 4);
	ck_assert_int_eq(gt_node_gpu(node, 0)->minor, 3);
	ck_assert_int_eq(gt_node_gpu(node, 0)->socket, 0);
	ck_assert_int_eq(gt_node_gpu(node, 3)->socket, 1);
	ck_assert_int_eq(gt_node_gpu(node, 0)->link_mbps, 12000);
	gt_node_free(node);

	/* the same in slurmd -G's words, in another order: the -1 tells the position */
	node = load_text(
		"slurmd: Gres Name=gpu Type=a6000 Count=1 Index=1 ID=7 "
		"File=/dev/nvidia1 Links=4,-1,0 Flags=X\n"
		"slurmd: Gres Name=gpu Type=a6000 Count=1 Index=0 ID=7 "
		"File=/dev/nvidia0 Links=-1,4,0 Flags=X\n"
		"slurmd: Gres Name=gpu Type=a6000 Count=1 Index=2 ID=7 "
		"File=/dev/nvidia2 Links=0,0,-1 Flags=X\n"
		"slurmd: Gres Name=shard Type=(null) Count=8 File=/dev/nvidia0\n");
	ck_assert_int_eq(gt_node_size(node), 3);
	ck_assert_int_eq(gt_node_gpu(node, 1)->minor, 1);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
	gt_node_free(node);
}
END_TEST

/* Two GPUs, the second row with this tail, in a text of blanks. */
START_TEST(test_affinity_in_blanks)
{
	static const struct {
		const char *why, *header, *first, *second;
		const char *cpus;
		int numa;
		bool noted;
	} rows[] = {
		{"tabs as they expand", "CPU Affinity    NUMA Affinity   GPU NUMA ID",
		 "0-31    0               N/A", "32-63   1               N/A", "32-63", 1,
		 false},
		{"a list that fills its column", "CPU Affinity    NUMA Affinity",
		 "0-31,64-95      0", "32-63,96-127    1", "32-63,96-127", 1, false},
		{"aligned by hand", "CPU Affinity    NUMA Affinity", "0-31            0",
		 "32-63           1", "32-63", 1, false},
		{"blanks collapsed", "CPU Affinity NUMA Affinity", "0-31 0", "32-63 1",
		 "32-63", 1, false},
		{"no NUMA column", "CPU Affinity", "0-31", "32-63", "32-63", GT_UNKNOWN,
		 false},
		{"NUMA not known", "CPU Affinity    NUMA Affinity", "0-31    N/A",
		 "32-63   N/A", "32-63", GT_UNKNOWN, false},
		{"an empty CPU cell", "CPU Affinity    NUMA Affinity   GPU NUMA ID",
		 "        0               N/A", "        1               N/A", "", 1,
		 false},
		{"an empty NUMA cell", "CPU Affinity    NUMA Affinity   GPU NUMA ID",
		 "0-31                    N/A", "32-63                   N/A", "32-63",
		 GT_UNKNOWN, false},
		{"several NUMA nodes", "CPU Affinity    NUMA Affinity", "0-31    0-1",
		 "32-63   2-3", "32-63", GT_UNKNOWN, false},
		{"the CPUs grew into the NUMA cell",
		 "CPU Affinity    NUMA Affinity   GPU NUMA ID",
		 "0-31    0               N/A", "32-631                  N/A", "",
		 GT_UNKNOWN, true},
		{"neither tabs nor columns",
		 "CPU Affinity    NUMA Affinity   GPU NUMA ID",
		 "0-31    0               N/A", "   32-63  1", "", GT_UNKNOWN, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct gt_node *node;
		bool noted = false;

		snprintf(text, sizeof(text),
			 "        GPU0    GPU1    %s\nGPU0     X      NV4     %s\n"
			 "GPU1    NV4      X      %s\n",
			 rows[i].header, rows[i].first, rows[i].second);
		node = load_text(text);
		ck_assert_msg(!strcmp(gt_node_gpu(node, 1)->cpus, rows[i].cpus),
			      "%s: '%s'", rows[i].why, gt_node_gpu(node, 1)->cpus);
		ck_assert_msg(gt_node_gpu(node, 1)->numa == rows[i].numa, "%s: %d",
			      rows[i].why, gt_node_gpu(node, 1)->numa);
		for (int k = 0; k < gt_node_note_count(node); k++)
			noted |= strstr(gt_node_note(node, k), "CPU affinity of") != NULL;
		ck_assert_msg(noted == rows[i].noted, "%s", rows[i].why);
		ck_assert_msg(!gt_node_is_partial(node), "%s", rows[i].why);
		gt_node_free(node);
	}
}
END_TEST

/* The same matrix as a log, a program's string and PowerShell hold it. */
START_TEST(test_texts_in_another_dress)
{
	static const char plain[] =
		"\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV4\t0-7\nGPU1\tNV4\t X \t8-15\n";
	static const char *const strings[] = {
		"{\"output\": \"\\tGPU0\\tGPU1\\tCPU Affinity\\nGPU0\\t X \\tNV4\\t0-7\\n"
		"GPU1\\tNV4\\t X \\t8-15\\n\"}\n",
		"b'\\tGPU0\\tGPU1\\tCPU Affinity\\nGPU0\\t X \\tNV4\\t0-7\\n"
		"GPU1\\tNV4\\t X \\t8-15\\n'",
	};
	char wide[2 * sizeof(plain) + 2];
	struct gt_node *node;
	struct gt_error err;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		node = load_text(strings[i]);
		ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
		ck_assert_str_eq(gt_node_gpu(node, 1)->cpus, "8-15");
		ck_assert(!gt_node_is_partial(node));
		gt_node_free(node);
	}
	for (int form = 0; form < 4; form++) {
		size_t used = 0;
		bool big = form % 2, mark = form < 2;

		for (size_t i = 0; i < sizeof(plain) - 1 + mark; i++) {
			unsigned int c = mark ? i ? (unsigned char)plain[i - 1] : 0xfeff
					      : (unsigned char)plain[i];

			wide[used++] = (char)(big ? c >> 8 : c & 255);
			wide[used++] = (char)(big ? c & 255 : c >> 8);
		}
		ck_assert_msg(gt_node_parse(&node, wide, used, "wide", NULL, &err) ==
				      GT_OK,
			      "form %d: %s", form, err.text);
		ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_gres_of_a_node)
{
	static const char conf[] =
		"NodeName=a[01-02] Name=gpu File=/dev/nvidia[0-3]\n"
		"NodeName=b1,b3 Name=gpu File=/dev/nvidia0 Links=-1,2\n"
		"NodeName=b1,b3 Name=gpu File=/dev/nvidia1 Links=2,-1\n"
		"NodeName=r[1-2]n[1-2] Name=gpu File=/dev/nvidia[0-5]\n"
		"NodeName=n[1-3] Name=gpu File=/dev/nvidia[0-6]\n"
		"NodeName=g[1-2]-[01-02].ib Name=gpu File=/dev/nvidia[0-7]\n";
	static const struct {
		const char *name;
		int gpus;
	} rows[] = {{"a01", 4}, {"a02", 4},	 {"a03", 0},	{"a1", 0},   {"b3", 2},
		    {"b", 0},	{"r1n1", 6},	 {"r2n2", 6},	{"r3n1", 0}, {"n2", 7},
		    {"n02", 0}, {"g2-01.ib", 8}, {"g2-1.ib", 0}};
	struct gt_error err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_load_options options = {.node_name = rows[i].name};
		struct gt_node *node;
		enum gt_err rc = gt_node_parse(&node, conf, strlen(conf), "gres.conf",
					       &options, &err);

		ck_assert_msg((rc == GT_OK) == (rows[i].gpus > 0), "%s", rows[i].name);
		if (rc)
			continue;
		ck_assert_int_eq(gt_node_size(node), rows[i].gpus);
		ck_assert_str_eq(gt_node_name(node), rows[i].name);
		gt_node_free(node);
	}
	refuse_text(conf, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "NodeName"));
}
END_TEST

/* One device a line, however many files it has: what slurmd -G of 22.05.8 and 24.11.5
 * counts for these lines, and what cannot be told. */
START_TEST(test_gres_devices_of_several_files)
{
	static const struct {
		const char *why, *text;
		int gpus, instances; /* gpus 0: refused */
		const char *says;
	} rows[] = {
		{"AMD: card and render node",
		 "Name=gpu Type=mi210 MultipleFiles=/dev/dri/card1,/dev/dri/renderD128\n"
		 "Name=gpu Type=mi210 MultipleFiles=/dev/dri/renderD129,/dev/dri/card2\n",
		 2, 0, NULL},
		{"AMD with the compute node of all",
		 "Name=gpu MultipleFiles=/dev/kfd,/dev/dri/renderD128\n", 1, 0, NULL},
		{"NVIDIA with what all share",
		 "Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidiactl\n", 1, 0, NULL},
		{"MIG as the manual writes it",
		 "Name=gpu Type=a100_1g.5gb MultipleFiles=/dev/nvidia0,"
		 "/dev/nvidia-caps/nvidia-cap12,/dev/nvidia-caps/nvidia-cap13\n"
		 "Name=gpu Type=a100_1g.5gb MultipleFiles=/dev/nvidia0,"
		 "/dev/nvidia-caps/nvidia-cap[21-22]\n"
		 "Name=gpu Type=a100 File=/dev/nvidia1\n",
		 2, 2, NULL},
		{"the GPU's file last",
		 "Name=gpu Type=a100_1g.5gb MultipleFiles=/dev/nvidia-caps/nvidia-cap12,"
		 "/dev/nvidia-caps/nvidia-cap13,/dev/nvidia0\n",
		 1, 1, NULL},
		{"slurmd -G",
		 "slurmd: Gres Name=gpu Type=a100_1g.5gb Count=1 Index=13 ID=7696487 "
		 "File=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap12,"
		 "/dev/nvidia-caps/nvidia-cap13 Cores=0-7 CoreCnt=64 Links=(null)\n",
		 1, 1, NULL},
		{"slurmd -G, AMD",
		 "slurmd: Gres Name=gpu Type=(null) Count=1 Index=128 ID=7696487 "
		 "File=/dev/dri/card1,/dev/dri/renderD128 (null)\n",
		 1, 0, NULL},
		{"slurmd -G, several devices",
		 "slurmd: Gres Name=gpu Type=(null) Count=2 Index=1 ID=7696487 "
		 "File=/dev/nvidia0,/dev/nvidia1 (null)\n",
		 2, 0, NULL},
		{"no type",
		 "Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap12\n", 0,
		 0, "needs its profile in Type="},
		{"a site's own word",
		 "Name=gpu Type=small MultipleFiles=/dev/nvidia0,"
		 "/dev/nvidia-caps/nvidia-cap12\n",
		 0, 0, "needs its profile in Type="},
		{"a compute instance",
		 "Name=gpu Type=a100_1c.3g.20gb MultipleFiles=/dev/nvidia0,"
		 "/dev/nvidia-caps/nvidia-cap12,/dev/nvidia-caps/nvidia-cap13\n",
		 0, 0, "compute instances (1c.3g.20gb)"},
		{"capability files alone",
		 "Name=gpu Type=a100_1g.5gb MultipleFiles=/dev/nvidia-caps/nvidia-cap12,"
		 "/dev/nvidia-caps/nvidia-cap13\n",
		 0, 0, "without the GPU's /dev/nvidiaN"},
		{"capability files alone in File=",
		 "Name=gpu File=/dev/nvidia-caps/nvidia-cap[12-13]\n", 0, 0,
		 "without the GPU's /dev/nvidiaN"},
		{"two GPUs as one device",
		 "Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidia1\n", 0, 0,
		 "the files of several GPUs"},
		{"several AMD GPUs as one device",
		 "Name=gpu MultipleFiles=/dev/dri/card[1-4],/dev/dri/renderD[128-131]\n",
		 0, 0, "the files of several GPUs"},
		{"no GPU", "Name=gpu MultipleFiles=/dev/nvidiactl,/dev/nvidia-uvm\n", 0,
		 0, "no file of a GPU"},
		{"files are several devices in gres.conf",
		 "Name=gpu File=/dev/nvidia0,/dev/nvidia1\n", 2, 0, NULL},
		{"and Count= must say so",
		 "Name=gpu Count=1 File=/dev/nvidia0,/dev/nvidia1\n", 0, 0,
		 "Count=1, but File= names 2 devices"},
		{"no list of files", "Name=gpu File=/dev/nvidia[0-\n", 0, 0,
		 "not a list of device files"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gt_node *node;
		struct gt_error err;

		if (!rows[i].gpus) {
			refuse_text(rows[i].text, &err);
			ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s: %s",
				      rows[i].why, err.text);
			ck_assert_msg(err.line == 1, "%s", rows[i].why);
			continue;
		}
		node = load_text(rows[i].text);
		ck_assert_msg(gt_node_size(node) == rows[i].gpus, "%s: %d GPUs",
			      rows[i].why, gt_node_size(node));
		ck_assert_msg(gt_node_instance_count(node) == rows[i].instances, "%s",
			      rows[i].why);
		gt_node_free(node);
	}
}
END_TEST

START_TEST(test_gres_bad_links)
{
	struct gt_error err;
	struct gt_node *node = load_text("Name=gpu File=/dev/nvidia0 Links=\n"
					 "Name=gpu File=/dev/nvidia1 Links=0,1\n"
					 "Name=gpu File=/dev/nvidia2 Links=-1,-1\n"
					 "Name=gpu File=/dev/nvidia3 Links=null\n");

	ck_assert_int_eq(gt_node_size(node), 4);
	ck_assert_int_eq(gt_node_links(node, 0, 3), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	ck_assert(has_note(node, "4 lines with an invalid Links= (first: line 1)"));
	gt_node_free(node);
	/* none is not a count of 0 either; one way is enough to know a pair */
	node = load_text("Name=gpu File=/dev/nvidia[0-1]\n");
	ck_assert_int_eq(gt_node_links(node, 0, 1), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	ck_assert(has_note(node, "no Links=: NVLinks are unknown"));
	gt_node_free(node);
	node = load_text("Name=gpu File=/dev/nvidia0 Links=-1,4,0\n"
			 "Name=gpu File=/dev/nvidia1 Links=4,-1\n"
			 "Name=gpu File=/dev/nvidia2\n");
	ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
	ck_assert_int_eq(gt_node_links(node, 0, 2), GT_UNKNOWN);
	ck_assert(gt_node_is_partial(node));
	gt_node_free(node);
	node = load_text("Name=gpu File=/dev/nvidia0 Links=-1,0\n"
			 "Name=gpu File=/dev/nvidia1 Links=0,-1\n");
	ck_assert_int_eq(gt_node_links(node, 0, 1), 0);
	ck_assert(!gt_node_is_partial(node));
	gt_node_free(node);
	node = load_text("Name=gpu File=/dev/nvidia0\n");
	ck_assert(!gt_node_is_partial(node));
	gt_node_free(node);
	refuse_text("Name=gpu File=/dev/nvidia0 Links=-1,1\n"
		    "Name=gpu File=/dev/nvidia1 Links=-1,1\n",
		    &err);
	ck_assert_int_eq(err.line, 2);
}
END_TEST

START_TEST(test_gres_other_words)
{
	struct gt_node *node = load_text("a100|4|0-1|-1,4|/dev/nvidia0|(null)|(null)\n"
					 "a100|4|2-3|4,-1|/dev/nvidia1\n");

	ck_assert_int_eq(gt_node_links(node, 0, 1), 4);
	ck_assert_str_eq(gt_node_gpu(node, 1)->cpus, "2-3");
	gt_node_free(node);
	node = load_text("slurmd: debug:     GRES[gpu] Type:a100 Count:1 Cores(8):0-3  "
			 "Links:-1,2 Flags:HAS_FILE File:/dev/nvidia0 UniqueId:(null)\n"
			 "slurmd: debug:     GRES[gpu] Type:a100 Count:1 Cores(8):4-7  "
			 "Links:2,-1 Flags:HAS_FILE File:/dev/nvidia1 UniqueId:(null)\n");
	ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
	ck_assert_str_eq(gt_node_gpu(node, 1)->cpus, "4-7");
	ck_assert_str_eq(gt_node_gpu(node, 0)->model, "a100");
	gt_node_free(node);
}
END_TEST

START_TEST(test_links_matrix)
{
	static const int links[] = {9, 2, 0, 2, 9, 0, 0, 0, 9}, socket[] = {0, 0, 1};
	struct gt_node *node;

	ck_assert_int_eq(gt_node_from_links(&node, 3, links, socket, NULL), GT_OK);
	ck_assert_int_eq(gt_node_links(node, 0, 1), 2);
	ck_assert_int_eq(gt_node_links(node, 0, 0), 0);
	ck_assert_int_eq(gt_node_gpu(node, 2)->socket, 1);
	gt_node_free(node);
	ck_assert_int_eq(gt_node_from_links(&node, 3, links, NULL, NULL), GT_OK);
	ck_assert_int_eq(gt_node_gpu(node, 2)->socket, GT_UNKNOWN);
	gt_node_free(node);
}
END_TEST

START_TEST(test_builtins)
{
	const char *name;
	int count = 0;

	for (; (name = gt_builtin_name(count)); count++) {
		char spec[128];
		struct gt_node *node;
		struct gt_error err;

		snprintf(spec, sizeof(spec), "builtin:%s", name);
		ck_assert_msg(gt_node_load(&node, spec, NULL, &err) == GT_OK, "%s: %s",
			      name, err.text);
		ck_assert(gt_node_size(node) > 0);
		ck_assert_msg(!gt_node_is_partial(node), "%s", name);
		for (int i = 0; i < gt_node_size(node); i++) {
			int link_mbps, pcie_mbps;

			ck_assert_msg(gt_gpu_model_speeds(gt_node_gpu(node, i)->model,
							  &link_mbps, &pcie_mbps),
				      "%s: %s", name, gt_node_gpu(node, i)->model);
		}
		gt_node_free(node);
	}
	ck_assert_int_ge(count, 23);
	ck_assert_ptr_null(gt_builtin_name(-1));
}
END_TEST

START_TEST(test_dgx1v_double_links)
{
	static const int twice[][2] = {{0, 3}, {0, 4}, {1, 2}, {1, 5},
				       {2, 3}, {4, 7}, {5, 6}, {6, 7}};
	struct gt_node *node;

	ck_assert_int_eq(gt_node_load(&node, "builtin:dgx1v", NULL, NULL), GT_OK);
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		ck_assert_int_eq(gt_node_links(node, twice[i][0], twice[i][1]), 2);
	ck_assert_int_eq(link_sum(node), 24);
	ck_assert_int_eq(gt_node_gpu(node, 0)->link_mbps, 20000);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 1), 12000);
	ck_assert_int_eq(gt_node_path_mbps(node, 0, 4), 6000);
	gt_node_free(node);
}
END_TEST

START_TEST(test_load)
{
	char path[] = "/tmp/gputopo-test-XXXXXX";
	int fd = mkstemp(path);
	struct gt_load_options options = {.model = "H100"};
	struct gt_node *node;
	struct gt_error err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, mesh4, strlen(mesh4)), (ssize_t)strlen(mesh4));
	close(fd);
	ck_assert_int_eq(gt_node_load(&node, path, &options, &err), GT_OK);
	ck_assert_int_eq(gt_node_gpu(node, 0)->link_mbps, 20600);
	ck_assert_str_eq(gt_node_source_file(node), path);
	gt_node_free(node);
	options = (struct gt_load_options){.format = "gres"};
	ck_assert_int_eq(gt_node_load(&node, path, &options, &err), GT_EFORMAT);
	options.format = "runes";
	ck_assert_int_eq(gt_node_load(&node, path, &options, &err), GT_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "json"));
	unlink(path);
	ck_assert_int_eq(gt_node_load(&node, path, NULL, &err), GT_EIO);
	ck_assert_str_eq(err.file, path);
	ck_assert_int_eq(gt_node_load(&node, "builtin:toaster", NULL, &err), GT_EINVAL);
	ck_assert_ptr_null(node);
}
END_TEST

START_TEST(test_text_limits)
{
	size_t size = 10 << 20;
	char *text = malloc(size + 1);
	struct gt_node *node;
	struct gt_error err;

	ck_assert_ptr_nonnull(text);
	/* one line of 10 MB; NUL bytes; more than the limit */
	memset(text, 'G', size);
	ck_assert_int_eq(gt_node_parse(&node, text, size, "t", NULL, &err), GT_ELIMIT);
	ck_assert_int_eq(err.line, 1);
	memset(text, 0, size);
	ck_assert_int_eq(gt_node_parse(&node, text, size, "t", NULL, &err), GT_EPARSE);
	ck_assert_int_eq(gt_node_parse(&node, text, (size_t)GT_MAX_TEXT + 1, "t", NULL,
				       &err),
			 GT_ELIMIT);
	free(text);
}
END_TEST

START_TEST(test_bus_ids)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{"00000000:3B:00.0", "0000:3b:00.0"},
		{"0000:3b:00.0", "0000:3b:00.0"},
		{"3b:00.0", "0000:3b:00.0"},
		{"0001:00:00.0", "0001:00:00.0"},
		{"fffffff:ff:ff.0", "fffffff:ff:ff.0"},
		{"nonsense", ""},
		{"", ""},
		{"3b:00.0x", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[24];

		ck_assert_int_eq(gt_bus_id_normalize(rows[i].text, id, sizeof(id)),
				 rows[i].id[0] != '\0');
		ck_assert_str_eq(id, rows[i].id);
	}
}
END_TEST

START_TEST(test_links_of_mbps)
{
	ck_assert_int_eq(gt_links_of_mbps(40000, false, ""), 2);
	ck_assert_int_eq(gt_links_of_mbps(150000, false, ""), 6);
	ck_assert_int_eq(gt_links_of_mbps(100000, true, ""), 2);
	ck_assert_int_eq(gt_links_of_mbps(900000, false, "NVIDIA B200"), 18);
	ck_assert_int_eq(gt_links_of_mbps(80000, false, "Tesla P100"), 4);
	ck_assert_int_eq(gt_links_of_mbps(0, false, ""), 0);
	ck_assert_int_gt(gt_links_of_mbps(1L << 40, false, ""), GT_MAX_LINKS);
}
END_TEST

SUITE(source)
{
	static const struct unit_test tests[] = {
		UNIT(test_topo_plain),
		UNIT(test_topo_shapes),
		UNIT(test_topo_cut),
		UNIT(test_topo_shifted_row_is_dropped),
		UNIT(test_topo_cut_anywhere),
		UNIT(test_topo_strange_cells),
		UNIT(test_topo_refusals),
		UNIT(test_counts_beside_the_matrix),
		UNIT(test_gres),
		UNIT(test_affinity_in_blanks),
		UNIT(test_texts_in_another_dress),
		UNIT(test_gres_of_a_node),
		UNIT(test_gres_devices_of_several_files),
		UNIT(test_gres_bad_links),
		UNIT(test_gres_other_words),
		UNIT(test_links_matrix),
		UNIT(test_builtins),
		UNIT(test_dgx1v_double_links),
		UNIT(test_load),
		UNIT(test_text_limits),
		UNIT(test_bus_ids),
		UNIT(test_links_of_mbps),
		{NULL, NULL},
	};

	unit_add(suite, tests, NULL, NULL);
}
