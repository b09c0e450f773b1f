/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo order: which rank of a job runs on which of its GPUs. */
#include "config.h"

#include "cli/cli.h"

static const char help[] =
	"Usage: gputopo order -t TOPOLOGY --gpus LIST [OPTIONS]\n"
	"Print the job's GPUs in the order of its ranks: ranks 0 to 3, 4 to 7, ... are "
	"fast\n"
	"groups of four, ranks 0 and 1, 2 and 3, ... fast pairs. With --groups the "
	"first\n"
	"ranks are group 0, the next ones group 1, and so on.\n\n" CLI_TOPOLOGY_HELP
	"      --gpus LIST    the GPUs of the job, such as 0,2-4\n" CLI_GROUPS_HELP
	"      --json         one JSON document\n" CLI_HELP_HELP;

/* The line as it was typed. */
struct order {
	struct cli_common common;
	const char *gpus, *groups_text;
	struct gt_groups groups;
	enum gt_comm comm;
	bool json;
	struct gt_order ranks;
	struct gt_geometry geometry; /* count 0: no groups were asked */
};

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

static json_t *order_json(const struct order *o)
{
	const struct gt_order *order = &o->ranks;
	json_t *ranks = json_array(), *json;

	for (int r = 0; r < order->count; r++)
		if (json_array_append_new(ranks, json_integer(order->gpu[r]))) {
			json_decref(ranks);
			return NULL;
		}
	json = json_pack("{s:o, s:o, s:o, s:b}", "order", ranks, "quads_gbps",
			 json_mbps(order->quad_mbps, order->quads), "pairs_gbps",
			 json_mbps(order->pair_mbps, order->pairs), "exact",
			 order->exact);
	if (o->geometry.count && json &&
	    json_object_update_new(json, json_pack("{s:o, s:o, s:s}", "groups",
						   cli_json_groups(&o->geometry),
						   "group_busbw_gbps",
						   cli_json_group_gbps(&o->geometry),
						   "comm", gt_comm_name(o->comm)))) {
		json_decref(json);
		return NULL;
	}
	return json;
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

static void print_order(const struct order *o)
{
	const struct gt_order *order = &o->ranks;

	for (int r = 0; r < order->count; r++)
		printf("%s%d", r ? "," : "", order->gpu[r]);
	putchar('\n');
	if (o->geometry.count)
		cli_print_groups(&o->geometry);
	print_blocks("quads", order->gpu, order->quad_mbps, order->quads, 4);
	print_blocks("pairs", order->gpu, order->pair_mbps, order->pairs, 2);
	if (!order->exact)
		puts("The search ran out of steps: a better order may exist.");
}

/* Bus bandwidth of each complete block of ranks; returns how many there are. */
static int measure_blocks(const struct gt_node *node, const struct gt_order *order,
			  int size, int *mbps)
{
	int blocks = order->count / size;

	for (int i = 0; i < blocks; i++) {
		struct gt_mask block = {0};
		struct gt_score score;

		for (int r = i * size; r < (i + 1) * size; r++)
			gt_mask_set(&block, order->gpu[r]);
		gt_score_set(node, &block, &score);
		mbps[i] = score.busbw_mbps;
	}
	return blocks;
}

/* Ranks 0 to size - 1 into group 0, and so on. */
static int order_groups(struct order *o, const struct gt_node *node,
			const struct gt_mask *set)
{
	struct gt_request request = {.count = gt_mask_count(set),
				     .free = *set,
				     .groups = &o->groups,
				     .comm = o->comm};
	struct gt_order *ranks = &o->ranks;
	struct gt_table *table;
	struct gt_error err;

	if (gt_table_new(&table, node, NULL, &err))
		return cli_fail(&err);
	gt_select_geometry(table, &request, set, &o->geometry);
	gt_table_free(table);
	gt_order_groups(node, &o->geometry);
	ranks->count = request.count;
	ranks->exact = o->geometry.exact;
	for (int r = 0; r < ranks->count; r++)
		ranks->gpu[r] = o->geometry.gpu[r];
	ranks->quads = measure_blocks(node, ranks, 4, ranks->quad_mbps);
	ranks->pairs = measure_blocks(node, ranks, 2, ranks->pair_mbps);
	return CLI_GO_ON;
}

/* ---- the command ---- */

static int read_option(struct order *o, int opt)
{
	switch (opt) {
	case 'g':
		o->gpus = optarg;
		return CLI_GO_ON;
	case 's':
		o->groups_text = optarg;
		return CLI_GO_ON;
	case 'c':
		return cli_comm(&o->common, optarg, &o->comm);
	case 'j':
		o->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&o->common, opt);
	}
}

static int read_line(struct order *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"gpus", required_argument, NULL, 'g'},
		{"groups", required_argument, NULL, 's'},
		{"comm", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		CLI_LONG_OPTIONS,
		{0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		status = read_option(o, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&o->common, argc, argv);
	if (status == CLI_GO_ON && !o->gpus)
		status = cli_misuse(&o->common, "the GPUs are missing: --gpus LIST");
	return status;
}

static int order(struct order *o, const struct gt_node *node)
{
	struct gt_mask set;
	int status = cli_list(&o->common, "--gpus", o->gpus, node, &set);
	int count = gt_mask_count(&set);

	if (status == CLI_GO_ON && o->groups_text)
		status = cli_groups(&o->common, "--groups", o->groups_text, &count,
				    &o->groups);
	if (status != CLI_GO_ON)
		return status;
	if (o->groups_text && gt_groups_sum(&o->groups) != gt_mask_count(&set))
		return cli_misuse(&o->common, "--groups: no GPUs to group");
	if (o->groups_text)
		status = order_groups(o, node, &set);
	else
		gt_order_find(node, &set, &o->ranks);
	if (status != CLI_GO_ON)
		return status;
	if (o->json)
		return cli_print_json(order_json(o));
	print_order(o);
	return CLI_DONE;
}

int cmd_order(int argc, char **argv)
{
	static struct order o;
	struct gt_node *node;
	int status;

	o.common = (struct cli_common){.command = "order", .help = help};
	status = read_line(&o, argc, argv);
	if (status == CLI_GO_ON)
		status = cli_load(&o.common, &node);
	if (status != CLI_GO_ON)
		return status;
	status = order(&o, node);
	gt_node_free(node);
	return status;
}
