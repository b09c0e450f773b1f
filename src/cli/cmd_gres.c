/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo gres: gres.conf lines with Links= and Cores=. */
#include "config.h"

#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

enum { OPT_TYPE = CLI_OPT_OWN };

static const char help[] =
	"Usage: gputopo gres -t TOPOLOGY [--node NAME] [--type NAME]\n"
	"Print gres.conf lines with Links= and Cores=. GPUs on NVSwitches get the links "
	"they\n"
	"have into the fabric, where Slurm's AutoDetect writes "
	"zeros.\n\n" CLI_TOPOLOGY_HELP "      --type NAME    Type= of the GPUs; without "
	"it, the model as AutoDetect writes it\n"
	"\nWith another format than gres.conf --node is the NodeName= of the "
	"lines.\n" CLI_HELP_HELP;

/* AutoDetect's way: lower case, blanks as underscores. */
static void print_type(const char *model)
{
	fputs(" Type=", stdout);
	for (; *model; model++)
		putchar(*model == ' ' ? '_' : tolower((unsigned char)*model));
}

static bool is_amd(const struct gt_gpu *gpu)
{
	return strstr(gpu->model, "AMD") || strstr(gpu->model, "Instinct") ||
	       !strncmp(gpu->model, "gfx", 3) || !strncmp(gpu->model, "MI", 2);
}

static void print_device(const struct gt_gpu *gpu, int i)
{
	int minor = gpu->minor >= 0 ? gpu->minor : i;

	if (is_amd(gpu)) /* render nodes begin at 128 */
		printf(" File=/dev/dri/renderD%d",
		       gpu->minor >= 128 ? gpu->minor : 128 + minor);
	else
		printf(" File=/dev/nvidia%d", minor);
}

/* Cores= counts cores. "0-19,40-59" is Linux's numbering of 20 cores with two threads
 * each: the first range. One range is taken as it is; anything else tells nothing. */
static void print_cores(const char *cpus)
{
	int a, b, c, d, used = 0;

	if (sscanf(cpus, "%d-%d%n", &a, &b, &used) == 2 && !cpus[used])
		printf(" Cores=%d-%d", a, b);
	else if (sscanf(cpus, "%d-%d,%d-%d%n", &a, &b, &c, &d, &used) == 4 &&
		 !cpus[used] && d - c == b - a && c > b)
		printf(" Cores=%d-%d", a, b);
}

static void print_links(const struct gt_node *node, int i)
{
	for (int j = 0; j < gt_node_size(node); j++)
		printf("%s%d",
		       j ? "," : " Links=", j == i ? -1 : gt_node_links(node, i, j));
	putchar('\n');
}

static bool is_cut(const struct gt_node *node, int gpu)
{
	for (int i = 0; i < gt_node_instance_count(node); i++)
		if (gt_node_instance(node, i)->gpu == gpu)
			return true;
	return false;
}

static int print_lines(const struct gt_node *node, const char *name, const char *type)
{
	if (gt_node_is_partial(node)) {
		cli_say("the topology is partial: %s",
			gt_node_note_count(node) ? gt_node_note(node, 0)
						 : "some pairs are not shown");
		return CLI_FAILED;
	}
	for (int i = 0; i < gt_node_size(node); i++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, i);

		/* the numbers of the capability files are the driver's */
		if (is_cut(node, i)) {
			printf("# GPU %d is cut into instances: slurmd -G with "
			       "AutoDetect=nvml shows their lines\n",
			       i);
			continue;
		}
		if (name)
			printf("NodeName=%s ", name);
		fputs("Name=gpu", stdout);
		if (type || gpu->model[0])
			print_type(type ? type : gpu->model);
		print_device(gpu, i);
		print_cores(gpu->cpus);
		print_links(node, i);
	}
	return CLI_DONE;
}

int cmd_gres(int argc, char **argv)
{
	static const struct option options[] = {
		{"type", required_argument, NULL, OPT_TYPE},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "gres", .help = help};
	const char *type = NULL;
	struct gt_node *node;
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		if (opt == OPT_TYPE) {
			type = optarg;
			continue;
		}
		status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON)
		status = cli_load(&c, &node);
	if (status != CLI_GO_ON)
		return status;
	status = print_lines(node, c.load.node_name, type);
	gt_node_free(node);
	return status;
}
