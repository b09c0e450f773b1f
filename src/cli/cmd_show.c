/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo show: how the GPUs of a machine are connected. */
#include "config.h"

#include "cli/cli.h"
#include "cli/draw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: gputopo show -t TOPOLOGY [--json | --matrix | --heat | --svg FILE | "
	"--dot]\n"
	"                    [--mark LIST]\n"
	"       gputopo show --list\n"
	"Print how the GPUs of a machine are connected, and the best bandwidth by job\n"
	"size.\n\n" CLI_TOPOLOGY_HELP
	"      --json         our node file: one JSON document\n"
	"      --matrix       the matrix of nvidia-smi topo -m\n"
	"      --heat         the GB/s of every pair, coloured on a terminal\n"
	"      --svg FILE     a picture; - for standard output\n"
	"      --dot          for Graphviz\n"
	"      --list         the names for builtin:NAME, and their GPUs\n"
	"      --mark LIST    these GPUs: what a job on them would get; LIST;LIST marks\n"
	"                     its groups, each in a colour of its own\n" CLI_HELP_HELP;

enum form { FORM_SUMMARY, FORM_JSON, FORM_MATRIX, FORM_HEAT, FORM_SVG, FORM_DOT };

/* ---- matrix ---- */

/* A cell in nvidia-smi's words: " X ", "NV2", "SYS"; "?" where a cut source is silent. */
static void print_cell(const struct gt_node *node, int a, int b)
{
	if (a == b)
		fputs(" X ", stdout);
	else if (gt_node_path(node, a, b) == GT_PATH_LINK)
		printf("NV%d", gt_node_links(node, a, b));
	else
		fputs(gt_path_name(gt_node_path(node, a, b)), stdout);
}

static void print_matrix(const struct gt_node *node)
{
	int n = gt_node_size(node), nics = gt_node_nic_count(node);

	for (int i = 0; i < n; i++)
		printf("\tGPU%d", i);
	for (int k = 0; k < nics; k++)
		printf("\tNIC%d", k);
	puts("\tCPU Affinity\tNUMA Affinity");
	for (int i = 0; i < n; i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);

		printf("GPU%d", i);
		for (int j = 0; j < n; j++) {
			putchar('\t');
			print_cell(node, i, j);
		}
		for (int k = 0; k < nics; k++)
			printf("\t%s", gt_path_name(gt_node_nic_path(node, k, i)));
		printf("\t%s", gpu->cpus[0] ? gpu->cpus : "N/A");
		if (gpu->numa >= 0)
			printf("\t%d\n", gpu->numa);
		else
			puts("\tN/A");
	}
}

/* ---- NICs ---- */

static void print_nic_rows(const struct gt_node *node)
{
	int nics = gt_node_nic_count(node);

	for (int k = 0; k < nics; k++) {
		printf("NIC%d", k);
		for (int g = 0; g < gt_node_size(node); g++)
			printf("\t%s", gt_path_name(gt_node_nic_path(node, k, g)));
		/* nobody asks how cards are connected with each other */
		for (int other = 0; other < nics; other++)
			fputs(other == k ? "\t X " : "\t?", stdout);
		putchar('\n');
	}
	if (nics)
		puts("\nNIC Legend:\n");
	for (int k = 0; k < nics; k++)
		printf("  NIC%d: %s\n", k, gt_node_nic(node, k)->name);
}

/* "mlx5_0   0,1   25 GB/s, rail 0": near GPUs of each. */
static void print_nics(const struct gt_node *node)
{
	for (int k = 0; k < gt_node_nic_count(node); k++) {
		const struct gt_nic *nic = gt_node_nic(node, k);
		char list[GT_MASK_TEXT_MAX], gbps[CLI_GBPS_MAX];

		printf("%-10s%-14s  near %s, rail %d", k ? "" : "NICs", nic->name,
		       gt_mask_format(&nic->near, list, sizeof(list)), nic->rail);
		if (nic->mbps != GT_UNKNOWN)
			printf(", %s GB/s", cli_gbps(nic->mbps, gbps));
		putchar('\n');
	}
}

/* ---- summary ---- */

/* "0-3 | 4-7": the GPUs with each value of one field, unknown ones left out. */
static void print_split(const char *what, const struct gt_node *node,
			int (*value)(const struct gt_gpu *))
{
	struct gt_mask done = {0};
	char list[GT_MASK_TEXT_MAX];
	bool any = false;

	for (int i = 0; i < gt_node_size(node); i++) {
		struct gt_mask same = {0};
		int v = value(gt_node_gpu(node, i));

		if (v < 0 || gt_mask_has(&done, i))
			continue;
		for (int j = i; j < gt_node_size(node); j++)
			if (value(gt_node_gpu(node, j)) == v)
				gt_mask_set(&same, j);
		done = gt_mask_or(&done, &same);
		if (any)
			fputs(" | ", stdout);
		else
			printf("%-10s", what);
		fputs(gt_mask_format(&same, list, sizeof(list)), stdout);
		any = true;
	}
	if (any)
		putchar('\n');
}

static int socket_of(const struct gt_gpu *gpu)
{
	return gpu->socket;
}

static int numa_of(const struct gt_gpu *gpu)
{
	return gpu->numa;
}

static int island_of(const struct gt_gpu *gpu)
{
	return gpu->island;
}

static int has_mig(const struct gt_gpu *gpu)
{
	return gpu->mig ? 1 : GT_UNKNOWN;
}

static int is_out(const struct gt_gpu *gpu)
{
	return gpu->healthy ? GT_UNKNOWN : 1;
}

/* "8 x Tesla V100-SXM2-16GB", kinds in the order they appear. */
static void print_models(const struct gt_node *node)
{
	int n = gt_node_size(node);
	bool any = false;

	printf("%-10s", "GPUs");
	for (int i = 0; i < n; i++) {
		const char *model = gt_node_gpu(node, i)->model;
		int count = 0, first = 0;

		while (strcmp(gt_node_gpu(node, first)->model, model) != 0)
			first++;
		if (first < i)
			continue;
		for (int j = i; j < n; j++)
			count += !strcmp(gt_node_gpu(node, j)->model, model);
		printf("%s%d x %s", any ? ", " : "", count,
		       model[0] ? model : "unknown model");
		any = true;
	}
	puts(any ? "" : "none");
}

static void print_fabric(const struct gt_node *node)
{
	static const char *const words[] = {
		[GT_FABRIC_PCIE] = "PCIe only",
		[GT_FABRIC_MESH] = "links between pairs of GPUs",
		[GT_FABRIC_SWITCH] = "links through switches",
	};
	enum gt_fabric fabric = gt_node_fabric(node);
	char gbps[CLI_GBPS_MAX];

	printf("%-10s%s", "fabric", words[fabric]);
	if (fabric != GT_FABRIC_PCIE && gt_node_size(node) > 0)
		printf(", %s GB/s a link and direction",
		       cli_gbps(gt_node_gpu(node, 0)->link_mbps, gbps));
	putchar('\n');
}

static void print_set_line(const char *what, const struct gt_mask *set,
			   const struct gt_score *score)
{
	char list[GT_MASK_TEXT_MAX], gbps[CLI_GBPS_MAX];

	printf("%-10s%-14s", what, gt_mask_format(set, list, sizeof(list)));
	if (score->count > 1)
		printf("  %s GB/s%s", cli_gbps(score->busbw_mbps, gbps),
		       score->exact ? "" : " or more");
	putchar('\n');
}

/* What a job of each size can reach on the idle node. Up to 8 GPUs every size, then the
 * powers of two. */
static int print_best(const struct gt_node *node)
{
	int n = gt_node_size(node);
	struct gt_request request = {.free = gt_mask_first(n)};
	struct gt_table *table;
	struct gt_error err;

	if (n < 2)
		return CLI_DONE;
	if (gt_table_new(&table, node, NULL, &err))
		return cli_fail(&err);
	puts("\nthe best set of an idle node, and its all-reduce bus bandwidth");
	for (int k = 2; k <= n; k = n <= 8 ? k + 1 : 2 * k) {
		struct gt_choice choice;
		struct gt_score score;
		char what[32];

		request.count = k;
		snprintf(what, sizeof(what), "  %d GPUs", k);
		if (gt_select(table, &request, &choice) != GT_FIT_OK)
			continue;
		gt_select_score(table, &request, &choice.gpus, &score);
		print_set_line(what, &choice.gpus, &score);
	}
	gt_table_free(table);
	return CLI_DONE;
}

/* "instances 1: 3g.20gb@4 1g.5gb@2", a line for each GPU that is cut. */
static void print_instances(const struct gt_node *node)
{
	int last = GT_UNKNOWN;

	for (int i = 0; i < gt_node_instance_count(node); i++) {
		const struct gt_instance *part = gt_node_instance(node, i);

		if (part->gpu != last)
			printf("%s%-10s%d:", i ? "\n" : "", i ? "" : "instances",
			       part->gpu);
		last = part->gpu;
		printf(" %s", part->profile);
		if (part->start != GT_UNKNOWN)
			printf("@%d", part->start);
	}
	if (last != GT_UNKNOWN)
		putchar('\n');
}

static void print_groups(const struct gt_node *node, const struct draw_mark *mark)
{
	for (int i = 0; i < mark->groups && mark->groups > 1; i++) {
		struct gt_mask group = {0};
		struct gt_score score;
		char what[32];

		for (int g = gt_mask_next(&mark->gpus, 0); g >= 0;
		     g = gt_mask_next(&mark->gpus, g + 1))
			if (mark->group[g] == i)
				gt_mask_set(&group, g);
		gt_score_set(node, &group, &score);
		snprintf(what, sizeof(what), "  group %d", i);
		print_set_line(what, &group, &score);
	}
}

/* What a switch reduces by itself, and how far that figure can be trusted. */
static void print_reduction(const struct gt_node *node)
{
	for (int i = 0; i < gt_node_size(node); i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);
		const struct gt_reduction *reduction = gt_gpu_model_reduction(gpu->model);
		char gbps[CLI_GBPS_MAX];

		if (gpu->island < 0 || !reduction)
			continue;
		printf("%-10s%s GB/s a GPU, from %d GPUs on (%s: %s)\n", "reduction",
		       cli_gbps((int64_t)gpu->switch_links * reduction->link_mbps, gbps),
		       reduction->from, reduction->state, reduction->source);
		return;
	}
}

/* What GPUs share on PCIe, and whether copies go through the host. */
static void print_shared(const struct gt_node *node)
{
	for (int i = 0; i < gt_node_shared_count(node); i++) {
		const struct gt_shared *shared = gt_node_shared(node, i);
		char list[GT_MASK_TEXT_MAX], gbps[CLI_GBPS_MAX];

		if (!shared->memory || !gt_node_pcie_p2p(node))
			printf("%-10s%-14s  %s GB/s%s\n", "shared",
			       gt_mask_format(&shared->gpus, list, sizeof(list)),
			       cli_gbps(shared->mbps, gbps),
			       shared->memory ? " of the CPU's memory" : " over PCIe");
	}
	if (gt_node_shared_count(node) && !gt_node_pcie_p2p(node))
		printf("%-10s%s\n", "PCIe",
		       "no P2P: transfers go through the host's memory");
}

static void print_measured(const struct gt_node *node)
{
	for (int i = 0; i < gt_node_measured_count(node); i++) {
		const struct gt_measured *point = gt_node_measured(node, i);
		char list[GT_MASK_TEXT_MAX], gbps[CLI_GBPS_MAX];

		if (gt_mask_next(&point->gpus, 0) >= 0)
			gt_mask_format(&point->gpus, list, sizeof(list));
		else
			snprintf(list, sizeof(list), "any %d", point->count);
		printf("%-10s%-14s  %s GB/s %s\n", i ? "" : "measured", list,
		       cli_gbps(point->busbw_mbps, gbps), gt_comm_name(point->comm));
	}
}

static int print_summary(const struct gt_node *node, const struct draw_mark *mark)
{
	struct gt_score score;
	int status;

	if (gt_node_name(node)[0])
		printf("%-10s%s\n", "name", gt_node_name(node));
	print_models(node);
	print_fabric(node);
	if (gt_node_cpu_vendor(node) != GT_CPU_UNKNOWN)
		printf("%-10s%s\n", "CPU", gt_cpu_vendor_name(gt_node_cpu_vendor(node)));
	print_split("sockets", node, socket_of);
	print_split("NUMA", node, numa_of);
	print_split("switches", node, island_of);
	print_reduction(node);
	print_split("MIG mode", node, has_mig);
	print_instances(node);
	print_split("out", node, is_out);
	for (int i = 0; i < gt_node_group_count(node); i++) {
		char list[GT_MASK_TEXT_MAX];

		printf("%-10s%s\n", i ? "" : "groups",
		       gt_mask_format(gt_node_group(node, i), list, sizeof(list)));
	}
	print_shared(node);
	print_measured(node);
	print_nics(node);
	for (int i = 0; i < gt_node_note_count(node); i++)
		printf("%-10s%s\n", i ? "" : "notes", gt_node_note(node, i));
	status = print_best(node);
	if (status == CLI_DONE && mark->groups > 0) {
		gt_score_set(node, &mark->gpus, &score);
		putchar('\n');
		print_set_line("marked", &mark->gpus, &score);
		print_groups(node, mark);
	}
	return status;
}

/* ---- the command ---- */

static int print_node_file(const struct gt_node *node)
{
	struct gt_error err;
	char *text;

	if (gt_node_write(node, &text, &err))
		return cli_fail(&err);
	fputs(text, stdout);
	free(text);
	return CLI_DONE;
}

static int write_svg(const struct gt_node *node, const struct draw_mark *mark,
		     const char *path)
{
	bool standard = !strcmp(path, "-");
	FILE *out = standard ? stdout : fopen(path, "we");
	bool failed;

	if (!out) {
		cli_say("%s: %s", path, strerror(errno));
		return CLI_FAILED;
	}
	draw_svg(out, node, mark);
	if (standard)
		return CLI_DONE;
	failed = ferror(out);
	if (fclose(out) == 0 && !failed)
		return CLI_DONE;
	cli_say("%s: %s", path, strerror(errno));
	return CLI_FAILED;
}

/* Colours where somebody looks, unless they asked for none (no-color.org). */
static bool wants_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
}

static int show(const struct gt_node *node, enum form form, const struct draw_mark *mark,
		const char *path)
{
	switch (form) {
	case FORM_JSON:
		return print_node_file(node);
	case FORM_SUMMARY:
		return print_summary(node, mark);
	case FORM_SVG:
		return write_svg(node, mark, path);
	case FORM_MATRIX:
		print_matrix(node);
		print_nic_rows(node);
		break;
	case FORM_HEAT:
		draw_heat(stdout, node, mark, wants_colours());
		break;
	case FORM_DOT:
		draw_dot(stdout, node, mark);
		break;
	}
	return CLI_DONE;
}

/* The form that an option asks for; FORM_SUMMARY: it is none of these options. */
static enum form form_of(int opt)
{
	switch (opt) {
	case 'j':
		return FORM_JSON;
	case 'm':
		return FORM_MATRIX;
	case 'e':
		return FORM_HEAT;
	case 's':
		return FORM_SVG;
	case 'd':
		return FORM_DOT;
	default:
		return FORM_SUMMARY;
	}
}

/* Every name for -t builtin:NAME, with its GPUs. */
static int list_builtins(void)
{
	const char *name;

	for (int i = 0; (name = gt_builtin_name(i)); i++) {
		char spec[96];
		struct gt_node *node;
		struct gt_error err;

		snprintf(spec, sizeof(spec), "builtin:%s", name);
		if (gt_node_load(&node, spec, NULL, &err))
			return cli_fail(&err);
		printf("%-32s %2d x %s\n", spec, gt_node_size(node),
		       gt_node_gpu(node, 0)->model);
		gt_node_free(node);
	}
	return CLI_DONE;
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"matrix", no_argument, NULL, 'm'},
		{"heat", no_argument, NULL, 'e'},
		{"svg", required_argument, NULL, 's'},
		{"dot", no_argument, NULL, 'd'},
		{"mark", required_argument, NULL, 'k'},
		{"list", no_argument, NULL, 'l'},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "show", .help = help};
	enum form form = FORM_SUMMARY;
	const char *marked = "", *path = NULL;
	static struct draw_mark mark;
	struct gt_node *node;
	struct gt_error err;
	int opt, status, forms = 0;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		status = CLI_GO_ON;
		if (form_of(opt) != FORM_SUMMARY) {
			form = form_of(opt);
			path = optarg;
			forms++;
		} else if (opt == 'k') {
			marked = optarg;
		} else if (opt == 'l') {
			return list_builtins();
		} else {
			status = cli_common_option(&c, opt);
		}
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON && forms > 1)
		status = cli_misuse(&c, "--json, --matrix, --heat, --svg and --dot: give "
					"only one of them");
	if (status == CLI_GO_ON)
		status = cli_load(&c, &node);
	if (status != CLI_GO_ON)
		return status;
	if (draw_mark_parse(&mark, marked, gt_node_size(node), &err))
		status = cli_misuse(&c, "--mark: %s", err.text);
	if (status == CLI_GO_ON)
		status = show(node, form, &mark, path);
	gt_node_free(node);
	return status;
}
