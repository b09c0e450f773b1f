/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measured - what others measured beside what the library predicts, as Markdown
 * (docs/evidence/measured.md, written by `make measured`).
 *
 * The measurements are read from the shared data, each with its source; a row here says
 * which machine, set and quantity of the library a point is held against. A point without
 * a row ends the program, so that none is left out in silence. Points that the shared
 * data lack stand in own[].
 */
#include "graph.h"
#include "shared.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum quantity {
	BUSBW,	  /* of the set */
	RINGS,	  /* the same without reduction in the switch */
	PAIR,	  /* one hop between its two members */
	RINGLESS, /* the median of the slowest hop of all K-sets without rings */
	NOTHING,  /* not modelled */
};

struct row {
	const char *source; /* a part of the point's source, to tell points apart */
	const char *label;
	const char *key; /* of the value, where it is an object; else NULL */
	int at;		 /* of the value, where it is a list */
	double scale;	 /* value x scale = GB/s; < 0: -scale / value (us per MB) */
	const char *machine;
	unsigned set;
	enum quantity quantity;
	const char *remark;
};

static const struct row rows[] = {
	{"allreduce_user01", "DGX-1V, all-reduce, 1 link", NULL, 0, 1, "dgx1v", 0x03,
	 BUSBW, ""},
	{"allreduce_user03_nccl", "DGX-1V, all-reduce, 2 links", NULL, 0, 1, "dgx1v",
	 0x09, BUSBW, ""},
	{"broadcast_user01_nccl", "DGX-1V, broadcast, 1 link", NULL, 0, 1, "dgx1v", 0x03,
	 BUSBW, ""},
	{"broadcast_user03_nccl", "DGX-1V, broadcast, 2 links", NULL, 0, 1, "dgx1v", 0x09,
	 BUSBW, ""},
	{"allreduce_user03_3group", "DGX-1V, Blink+, one GPU helps", NULL, 0, 1, NULL, 0,
	 NOTHING, "uses links of a GPU outside the job, which NCCL does not"},
	{"broadcast_user01_4group", "DGX-1V, Blink+, two GPUs help", NULL, 0, 1, NULL, 0,
	 NOTHING, "uses links of GPUs outside the job, which NCCL does not"},
	{"topo-ndv2", "NDv2, one hop, 2 links", NULL, 0, -1000, "dgx1v", 0x09, PAIR,
	 "23 us per MB"},
	{"topo-ndv2", "NDv2, one hop, 1 link", NULL, 1, -1000, "dgx1v", 0x03, PAIR,
	 "46 us per MB"},
	{"topo-dgx2", "DGX-2, one hop", NULL, 0, -1000, "dgx2", 0x03, PAIR,
	 "8 us per MB"},
	{"nccl#179", "DGX-1, most random sets of 4", "random", 0, 1, "dgx1p", 0, RINGLESS,
	 "median of the sets of 4 without a ring; NCCL of 2019 did not relay"},
	{"nccl#179", "DGX-1, 0-3 or 4-7, lower figure", "aligned", 0, 1, "dgx1p", 0x0f,
	 BUSBW, "taken as P100"},
	{"nccl#179", "DGX-1, 0-3 or 4-7, upper figure", "aligned", 1, 1, "dgx1v", 0x0f,
	 BUSBW, "taken as V100"},
	{"nccl-tests#178", "8 x A100 PCIe, a bridged pair", NULL, 0, 1, "a100-pcie-pairs",
	 0x03, BUSBW, ""},
	{"nccl-tests#178", "8 x A100 PCIe, a pair and a third", NULL, 0, 1,
	 "a100-pcie-pairs", 0x07, BUSBW, ""},
	{"nccl-tests#149", "A100 SXM4, effective limit", NULL, 0, 1, "dgxa100", 0xff,
	 BUSBW, "as NCCL's author states it"},
	{"nccl-tests#149", "A100 SXM4, reached", NULL, 1, 1, "dgxa100", 0xff, BUSBW, ""},
	{"nccl#1161", "2 x H100 PCIe with a bridge", NULL, 0, 1, "h100-pcie-pairs", 0x03,
	 BUSBW, "not explained: less than half of what 12 links give"},
	{"nccl-tests#212", "8 x H100 SXM, ring", NULL, 0, 1, "hgx-h100", 0xff, RINGS, ""},
	{"nccl-tests#212", "8 x H100 SXM, NVLS", NULL, 1, 1, "hgx-h100", 0xff, BUSBW,
	 "reduced in the switch"},
	{"nccl#1264", "H100 SXM, writes between any pair", NULL, 0, 1, "hgx-h100", 0x81,
	 PAIR, ""},
	{"nccl#1374", "8 x H800, NVLS", NULL, 0, 1, "h800", 0xff, BUSBW,
	 "reduced in the switch, 8 links"},
	{"nccl#1639", "8 x RTX 5090, 4 of them", NULL, 0, 1, "5090", 0x33, BUSBW,
	 "the source names no set: two of each socket, which nccl#1130 measures at 35 "
	 "too "
	 "(24 on one); four of one socket would get 28, -20 %"},
	{"nccl#1639", "8 x RTX 5090, all", NULL, 1, 1, "5090", 0xff, BUSBW,
	 "four of each socket; the memory's constant is fitted to this point"},
	{"?p=116606", "GB200, rated, one direction", NULL, 0, .5, "gb200-tray", 0x03,
	 PAIR, "line rate, not reached by collectives"},
	{"k8s-test-infra#371", "GB200, 18 links, rated", NULL, 0, 18, "gb200-tray", 0x03,
	 PAIR, "line rate, not reached by collectives"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char H100_SIZES[] = "NVIDIA/nccl#1455";

static const struct {
	double gbps;
	const char *source;
	struct row row;
} own[] = {
	{365,
	 H100_SIZES,
	 {NULL, "2 x H100 SXM", NULL, 0, 1, "hgx-h100", 0x03, BUSBW,
	  "365 to 370; rings"}},
	{365,
	 H100_SIZES,
	 {NULL, "3 x H100 SXM", NULL, 0, 1, "hgx-h100", 0x07, BUSBW,
	  "365 to 370; rings"}},
	{365,
	 H100_SIZES,
	 {NULL, "4 x H100 SXM", NULL, 0, 1, "hgx-h100", 0x0f, BUSBW,
	  "365 to 370; rings"}},
	{420,
	 H100_SIZES,
	 {NULL, "5 x H100 SXM, NVLS", NULL, 0, 1, "hgx-h100", 0x1f, BUSBW,
	  "reduced in the switch; the constant is fitted to these"}},
	{440,
	 H100_SIZES,
	 {NULL, "6 x H100 SXM, NVLS", NULL, 0, 1, "hgx-h100", 0x3f, BUSBW, "as before"}},
	{460,
	 H100_SIZES,
	 {NULL, "7 x H100 SXM, NVLS", NULL, 0, 1, "hgx-h100", 0x7f, BUSBW, "as before"}},
	{480,
	 H100_SIZES,
	 {NULL, "8 x H100 SXM, NVLS", NULL, 0, 1, "hgx-h100", 0xff, BUSBW, "as before"}},
	{475,
	 "NVIDIA/nccl-tests#272",
	 {NULL, "8 x H200, NVLS", NULL, 0, 1, "hgx-h200", 0xff, BUSBW,
	  "H100's constant"}},
	{843,
	 "NVIDIA/aicr#2641",
	 {NULL, "8 x GB300, NVLS", NULL, 0, 1, "gb300", 0xff, BUSBW,
	  "two trays of one NVL72; the constant is fitted "
	  "to this point alone"}},
	{24,
	 "NVIDIA/nccl#1130",
	 {NULL, "4 GPUs of one socket, no P2P", NULL, 0, 1, "5090", 0x0f, BUSBW,
	  "GPU and CPU not told: taken for those of nccl#1639"}},
	{35,
	 "NVIDIA/nccl#1130",
	 {NULL, "4 GPUs of two sockets, no P2P", NULL, 0, 1, "5090", 0xc3, BUSBW,
	  "as before"}},
	{22,
	 "NVIDIA/nccl#1202",
	 {NULL, "4 x L40S on one switch", NULL, 0, 1, "l40s", 0x0f, BUSBW,
	  "22 for 2, 3 and 4 of them"}},
	{37.6,
	 "voipmonitor/rtx6kpro hardware/pcie-bandwidth.md",
	 {NULL, "8 x RTX PRO 6000, two EPYC Turin", NULL, 0, 1, NULL, 0, NOTHING,
	  "a mean over sizes from 8 MB"}},
	{41.1,
	 "the same",
	 {NULL, "8 x RTX PRO 6000, three switches", NULL, 0, 1, NULL, 0, NOTHING,
	  "a mean over sizes from 8 MB"}},
	{39.4,
	 "the same",
	 {NULL, "8 x RTX PRO 6000, four switches", NULL, 0, 1, NULL, 0, NOTHING,
	  "a mean over sizes from 8 MB"}},
	{41.5,
	 "the same",
	 {NULL, "7 RTX PRO 6000 and 5090, two EPYC Turin", NULL, 0, 1, NULL, 0, NOTHING,
	  "which sockets they are on is not told"}},
	{32.18,
	 "NVIDIA/nccl#2036",
	 {NULL, "2 x EPYC 9575F, across sockets", NULL, 0, 1, "turin", 0x03, PAIR,
	  "the figure NCCL took over"}},
};

/* ---- machines that are not built in ---- */

static struct gt_node *h800(void)
{
	struct gt_node *node;

	if (gt_node_new(&node, 8, NULL))
		exit(2);
	for (int i = 0; i < 8; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model), "NVIDIA H800");
		gpu->island = 0;
		gpu->switch_links = 8;
	}
	return node;
}

static struct gt_node *gb300(void)
{
	struct gt_node *node;

	if (gt_node_new(&node, 8, NULL))
		exit(2);
	for (int i = 0; i < 8; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model), "NVIDIA GB300");
		gpu->island = 0;
		gpu->switch_links = 18;
	}
	return node;
}

static struct gt_node *turin(void)
{
	struct gt_node *node;

	if (gt_node_new(&node, 2, NULL))
		exit(2);
	gt_node_set_cpu_vendor(node, GT_CPU_AMD_ZEN5);
	for (int i = 0; i < 2; i++) {
		snprintf(gt_node_edit_gpu(node, i)->model, 64, "NVIDIA RTX PRO 6000");
		gt_node_edit_gpu(node, i)->socket = i;
	}
	gt_node_set_path(node, 0, 1, GT_PATH_SYS);
	return node;
}

/* The 8 RTX 5090 of nccl#1639: two Xeon 8480+, four cards on each. bare: as the model was
 * before shared ways, all on host bridges of one socket. */
static struct gt_node *rtx5090(bool bare)
{
	struct gt_node *node;

	if (gt_node_new(&node, 8, NULL))
		exit(2);
	for (int i = 0; i < 8; i++) {
		snprintf(gt_node_edit_gpu(node, i)->model, 64, "NVIDIA GeForce RTX 5090");
		if (!bare)
			gt_node_edit_gpu(node, i)->socket = i / 4;
		for (int j = 0; j < i; j++)
			gt_node_set_path(node, i, j,
					 bare || i / 4 == j / 4 ? GT_PATH_NODE
								: GT_PATH_SYS);
	}
	for (int s = 0; s < 2 && !bare; s++) {
		struct gt_shared memory = {
			{{0xf << 4 * s}}, gt_cpu_memory_mbps(GT_CPU_INTEL_SPR), true};

		if (gt_node_add_shared(node, &memory, NULL))
			exit(2);
	}
	if (!bare)
		gt_node_set_cpu_vendor(node, GT_CPU_INTEL_SPR);
	return node;
}

static struct gt_node *l40s(void)
{
	struct gt_shared port = {{{0xf}}, 24000, false};
	struct gt_node *node;

	if (gt_node_new(&node, 4, NULL) || gt_node_add_shared(node, &port, NULL))
		exit(2);
	for (int i = 0; i < 4; i++) {
		snprintf(gt_node_edit_gpu(node, i)->model, 64, "NVIDIA L40S");
		for (int j = 0; j < i; j++)
			gt_node_set_path(node, i, j, GT_PATH_PIX);
	}
	return node;
}

static struct gt_node *machine_of(const char *name)
{
	struct gt_node *node = NULL;
	char spec[64];

	if (!strcmp(name, "h800"))
		node = h800();
	else if (!strcmp(name, "5090") || !strcmp(name, "5090 bare"))
		node = rtx5090(name[4]);
	else if (!strcmp(name, "l40s"))
		node = l40s();
	else if (!strcmp(name, "gb300"))
		node = gb300();
	else if (!strcmp(name, "turin"))
		node = turin();
	snprintf(spec, sizeof(spec), "builtin:%s", name);
	if (node ? gt_node_finish(node, NULL) : gt_node_load(&node, spec, NULL, NULL)) {
		fprintf(stderr, "no machine %s\n", name);
		exit(2);
	}
	return node;
}

/* ---- predictions ---- */

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The median of what sets of 4 of 8 without a ring get over any paths. */
static int ringless_mbps(const struct gt_node *node)
{
	int mbps[70], count = 0;

	for (unsigned s = 0; s < 256; s++) {
		struct gt_mask set = mask_of(s);
		struct gt_score score;

		if (gt_mask_count(&set) != 4)
			continue;
		gt_score_set(node, &set, &score);
		if (score.rings == 0)
			mbps[count++] = score.path_mbps;
	}
	qsort(mbps, (size_t)count, sizeof(mbps[0]), ascending);
	return mbps[count / 2];
}

static double predicted_gbps(const struct row *row)
{
	struct gt_node *node = machine_of(row->machine);
	struct gt_mask set = mask_of(row->set);
	struct gt_score score;
	int mbps;

	gt_score_set(node, &set, &score);
	if (row->quantity == RINGLESS)
		mbps = ringless_mbps(node);
	else
		mbps = row->quantity == PAIR	? score.bottleneck_mbps
		       : row->quantity == RINGS ? score.rings * score.link_mbps
						: score.busbw_mbps;
	gt_node_free(node);
	return mbps / 1e3;
}

static double measured_gbps(const json_t *point, const struct row *row)
{
	const json_t *value = json_object_get(point, "value");
	double number;

	if (row->key)
		value = json_object_get(value, row->key);
	if (json_is_array(value))
		value = json_array_get(value, (size_t)row->at);
	number = json_number_value(value);
	return row->scale < 0 ? -row->scale / number : row->scale * number;
}

/* ---- the table ---- */

/* Whether the row is about this point. Points of one source differ by their set. */
static bool speaks_of(const struct row *row, const json_t *point)
{
	const json_t *set = json_object_get(point, "set");

	if (!strstr(json_string_value(json_object_get(point, "src")), row->source))
		return false;
	return !set || row->quantity == NOTHING || shared_set(set) == row->set;
}

static void print_row(double measured, const struct row *row, const char *source)
{
	struct gt_mask set = mask_of(row->set);
	char list[64];

	printf("| %s | %.4g | ", row->label, measured);
	if (row->quantity == NOTHING) {
		printf("- | - | - | ");
	} else {
		double predicted = predicted_gbps(row);

		printf("%.4g | %+.0f %% | %s %s | ", predicted,
		       100 * (predicted / measured - 1), row->machine,
		       gt_mask_format(&set, list, sizeof(list)));
	}
	printf("%s | %s |\n", row->remark, source);
}

/* The points of machines that share ways over PCIe, without and with that. */
static void print_shared(double measured, const struct row *row)
{
	struct row bare = *row;
	double before, now;

	if (!row->machine || strcmp(row->machine, "5090") != 0)
		return;
	bare.machine = "5090 bare";
	before = predicted_gbps(&bare);
	now = predicted_gbps(row);
	printf("| %s | %.4g | %.4g | %+.0f %% | %.4g | %+.0f %% |\n", row->label,
	       measured, before, 100 * (before / measured - 1), now,
	       100 * (now / measured - 1));
}

static bool print_point(const json_t *point)
{
	bool any = false;

	for (size_t i = 0; i < ROWS; i++)
		if (speaks_of(&rows[i], point)) {
			print_row(measured_gbps(point, &rows[i]), &rows[i],
				  json_string_value(json_object_get(point, "src")));
			any = true;
		}
	return any;
}

int main(void)
{
	json_t *data, *points;

	if (shared_missing()) {
		fprintf(stderr, "measured: %s\n", shared_missing());
		return 77;
	}
	data = shared_json("selection/measured_bandwidth.json");
	points = json_object_get(data, "points");
	puts("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n"
	     "# Predicted beside measured\n\n"
	     "Written by `make measured`. Every published point that we know of, in "
	     "GB/s: bus\n"
	     "bandwidth as nccl-tests defines it, or one hop where the point is one. The "
	     "error\n"
	     "is predicted / measured - 1. Predictions are those of the built-in "
	     "machines; they\n"
	     "rest on the effective bandwidth of a link that NCCL assumes, not on these "
	     "points,\n"
	     "but for reduction in switches, whose constants are fitted to the points "
	     "that "
	     "say so.\n\n"
	     "| point | measured | predicted | error | held against | remark | source |\n"
	     "|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < json_array_size(points); i++)
		if (!print_point(json_array_get(points, i))) {
			fprintf(stderr, "point %zu has no row here\n", i);
			return 1;
		}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		print_row(own[i].gbps, &own[i].row, own[i].source);
	puts("\n## What sharing PCIe changed\n\n"
	     "Without P2P transfers go through the host, whose memory is shared. Before, "
	     "all "
	     "8 cards\nwere taken for GPUs of one socket with ways of their own; now two "
	     "sockets of four\nshare what a socket's memory carries.\n\n"
	     "| point | measured | before | error | now | error "
	     "|\n|---|---|---|---|---|---|");
	for (size_t i = 0; i < json_array_size(points); i++)
		for (size_t r = 0; r < ROWS; r++)
			if (speaks_of(&rows[r], json_array_get(points, i)))
				print_shared(measured_gbps(json_array_get(points, i),
							   &rows[r]),
					     &rows[r]);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		print_shared(own[i].gbps, &own[i].row);
	json_decref(data);
	return ferror(stdout) ? 1 : 0;
}
