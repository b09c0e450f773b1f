/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo order: which rank of a job runs on which of its GPUs. */
#include "config.h"

#include "cli/cli.h"

static const char help[] =
	"Usage: gputopo order -t TOPOLOGY --gpus LIST [--json]\n"
	"Print the job's GPUs in the order of its ranks: ranks 0 to 3, 4 to 7, ... are "
	"fast\n"
	"groups of four, ranks 0 and 1, 2 and 3, ... fast pairs.\n\n" CLI_TOPOLOGY_HELP
	"      --gpus LIST    the GPUs of the job, such as 0,2-4\n"
	"      --json         one JSON document\n" CLI_HELP_HELP;

static json_t *json_mbps(const int *mbps, int count)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
		if (json_array_append_new(list, cli_json_gbps(mbps[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *order_json(const struct gt_order *order)
{
	json_t *ranks = json_array();

	for (int r = 0; r < order->count; r++)
		if (json_array_append_new(ranks, json_integer(order->gpu[r]))) {
			json_decref(ranks);
			return NULL;
		}
	return json_pack("{s:o, s:o, s:o, s:b}", "order", ranks, "quads_gbps",
			 json_mbps(order->quad_mbps, order->quads), "pairs_gbps",
			 json_mbps(order->pair_mbps, order->pairs), "exact",
			 order->exact);
}

static void print_blocks(const char *what, const int *gpu, const int *mbps, int blocks,
			 int size)
{
	char gbps[CLI_GBPS_MAX];

	for (int i = 0; i < blocks; i++) {
		char ranks[32];

		snprintf(ranks, sizeof(ranks), "%d-%d", i * size, i * size + size - 1);
		printf("%-5s %-8s GPUs", i ? "" : what, ranks);
		for (int j = 0; j < size; j++)
			printf("%s%d", j ? "," : " ", gpu[i * size + j]);
		printf("  %s GB/s\n", cli_gbps(mbps[i], gbps));
	}
}

static void print_order(const struct gt_order *order)
{
	for (int r = 0; r < order->count; r++)
		printf("%s%d", r ? "," : "", order->gpu[r]);
	putchar('\n');
	print_blocks("quads", order->gpu, order->quad_mbps, order->quads, 4);
	print_blocks("pairs", order->gpu, order->pair_mbps, order->pairs, 2);
	if (!order->exact)
		puts("The search ran out of steps: a better order may exist.");
}

int cmd_order(int argc, char **argv)
{
	static const struct option options[] = {
		{"gpus", required_argument, NULL, 'g'},
		{"json", no_argument, NULL, 'j'},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "order", .help = help};
	const char *gpus = NULL;
	struct gt_node *node;
	struct gt_order order;
	struct gt_mask set;
	bool json = false;
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		status = CLI_GO_ON;
		if (opt == 'g')
			gpus = optarg;
		else if (opt == 'j')
			json = true;
		else
			status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON && !gpus)
		status = cli_misuse(&c, "no GPUs: --gpus LIST");
	if (status == CLI_GO_ON)
		status = cli_load(&c, &node);
	if (status != CLI_GO_ON)
		return status;
	status = cli_list(&c, "--gpus", gpus, node, &set);
	if (status == CLI_GO_ON) {
		gt_order_find(node, &set, &order);
		status = CLI_DONE;
		if (json)
			status = cli_print_json(order_json(&order));
		else
			print_order(&order);
	}
	gt_node_free(node);
	return status;
}
