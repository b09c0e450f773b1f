/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo measure: figures of nccl-tests into a node file, beside what is predicted. */
#include "config.h"

#include "cli/cli.h"
#include "cli/nccl_tests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: gputopo measure -t TOPOLOGY [OPTIONS] FILE...\n"
	"Read the output of all_reduce_perf and alltoall_perf (nccl-tests), print each "
	"bus\n"
	"bandwidth beside the predicted one, and with -o write the node file with them: "
	"promises\n"
	"then use the measured figures.\n\n" CLI_TOPOLOGY_HELP
	"      --gpus LIST    the GPUs of the run, where the output names none by bus "
	"id\n"
	"      --comm NAME    allreduce or alltoall, where the output does not name the "
	"test\n"
	"  -o, --output FILE  the node file to write; may be the one that was read\n"
	"      --json         the points as one JSON document\n" CLI_HELP_HELP;

struct measure {
	struct cli_common common;
	const char *gpus, *comm_text, *output;
	enum gt_comm comm;
	bool json;
	bool headed; /* the table has its head */
	struct gt_node *node;
	json_t *points;
};

/* ---- which GPUs ---- */

/* "0000:16:00.0" */
static int bus_of(const struct gt_gpu *gpu)
{
	unsigned domain, bus;

	return sscanf(gpu->bus_id, "%x:%x:", &domain, &bus) == 2 ? (int)bus : GT_UNKNOWN;
}

/* By bus id; false: some rank's GPU is not found, or one is found twice. */
static bool find_by_bus(const struct gt_node *node, const struct nccl_run *run,
			struct gt_mask *set)
{
	memset(set, 0, sizeof(*set));
	for (int r = 0; r < run->gpus; r++) {
		int found = GT_UNKNOWN;

		for (int g = 0; g < gt_node_size(node); g++) {
			if (run->bus[r] == GT_UNKNOWN ||
			    bus_of(gt_node_gpu(node, g)) != run->bus[r])
				continue;
			if (found != GT_UNKNOWN)
				return false;
			found = g;
		}
		if (found == GT_UNKNOWN || gt_mask_has(set, found))
			return false;
		gt_mask_set(set, found);
	}
	return run->gpus > 0;
}

/* Whether all GPUs are on one switch with as many links, so that only their number
 * matters. */
static bool is_one_switch(const struct gt_node *node)
{
	const struct gt_gpu *first = gt_node_size(node) ? gt_node_gpu(node, 0) : NULL;

	if (!first || first->island < 0)
		return false;
	for (int g = 1; g < gt_node_size(node); g++)
		if (gt_node_gpu(node, g)->island != first->island ||
		    gt_node_gpu(node, g)->switch_links != first->switch_links)
			return false;
	return true;
}

/* The GPUs of a run, or with an empty set how many of the switch. */
static int find_gpus(struct measure *m, const char *file, const struct nccl_run *run,
		     struct gt_measured *point)
{
	struct gt_error err;
	int status = CLI_GO_ON;

	if (m->gpus) {
		status = cli_list(&m->common, "--gpus", m->gpus, m->node, &point->gpus);
		if (status == CLI_GO_ON && run->gpus &&
		    gt_mask_count(&point->gpus) != run->gpus)
			status = cli_misuse(&m->common,
					    "--gpus: %d GPUs, but %s is a run of %d",
					    gt_mask_count(&point->gpus), file, run->gpus);
		return status;
	}
	if (run->hosts_differ)
		gt_fail_at(&err, GT_EPARSE, file, 0, 0,
			   "a run of several hosts does not measure one node");
	else if (find_by_bus(m->node, run, &point->gpus))
		return CLI_GO_ON;
	else if (run->gpus &&
		 (is_one_switch(m->node) || run->gpus == gt_node_size(m->node))) {
		memset(&point->gpus, 0, sizeof(point->gpus));
		if (run->gpus == gt_node_size(m->node))
			point->gpus = gt_mask_first(run->gpus);
		point->count = run->gpus;
		return CLI_GO_ON;
	} else
		gt_fail_at(
			&err, GT_EPARSE, file, 0, 0,
			"which GPUs these are is not clear: CUDA's device numbers change "
			"with CUDA_VISIBLE_DEVICES, and the bus ids are not the "
			"topology's; name them with --gpus LIST");
	return cli_fail(&err);
}

/* ---- one file ---- */

static int predicted_mbps(const struct gt_node *node, const struct gt_measured *point)
{
	struct gt_mask set = point->gpus;
	struct gt_score score;

	if (gt_mask_next(&set, 0) < 0)
		set = gt_mask_first(point->count);
	gt_score_set(node, &set, &score);
	return point->comm == GT_COMM_ALLTOALL ? score.alltoall_mbps
					       : score.predicted_mbps;
}

static int report(struct measure *m, const char *file, const struct gt_measured *point)
{
	int predicted = predicted_mbps(m->node, point);
	char list[GT_MASK_TEXT_MAX], measured[CLI_GBPS_MAX], by_model[CLI_GBPS_MAX];
	bool named = gt_mask_next(&point->gpus, 0) >= 0;

	if (m->json) {
		json_t *row = json_pack(
			"{s:o, s:s, s:o, s:o, s:s}", "gpus",
			named ? cli_json_list(&point->gpus) : json_integer(point->count),
			"comm", gt_comm_name(point->comm), "busbw_gbps",
			cli_json_gbps(point->busbw_mbps), "predicted_gbps",
			cli_json_gbps(predicted), "file", file);

		return json_array_append_new(m->points, row) ? cli_no_memory()
							     : CLI_GO_ON;
	}
	if (!m->headed)
		printf("%-14s  %-9s  %9s  %9s  %7s  %s\n", "GPUs", "comm", "measured",
		       "predicted", "error", "file");
	m->headed = true;
	if (named)
		gt_mask_format(&point->gpus, list, sizeof(list));
	else
		snprintf(list, sizeof(list), "any %d", point->count);
	printf("%-14s  %-9s  %9s  %9s  %+5.0f %%  %s\n", list, gt_comm_name(point->comm),
	       cli_gbps(point->busbw_mbps, measured), cli_gbps(predicted, by_model),
	       100.0 * predicted / point->busbw_mbps - 100, file);
	return CLI_GO_ON;
}

static int read_file(struct measure *m, const char *file)
{
	static struct nccl_run run;
	struct gt_measured point = {.count = 0};
	struct gt_error err;
	int status;

	if (nccl_run_load(&run, file, &err))
		return cli_fail(&err);
	if (!m->comm_text && !run.comm_known) {
		cli_say("%s: the output does not name the test: --comm allreduce or "
			"--comm alltoall",
			file);
		return CLI_FAILED;
	}
	if (m->comm_text && run.comm_known && run.comm != m->comm) {
		cli_say("%s: --comm %s, but this is %s", file, m->comm_text,
			gt_comm_name(run.comm));
		return CLI_FAILED;
	}
	point.comm = m->comm_text ? m->comm : run.comm;
	point.busbw_mbps = run.busbw_mbps;
	status = find_gpus(m, file, &run, &point);
	if (status != CLI_GO_ON)
		return status;
	if (gt_node_add_measured(m->node, &point, &err)) {
		snprintf(err.file, sizeof(err.file), "%s", file);
		return cli_fail(&err);
	}
	if (gt_mask_next(&point.gpus, 0) >= 0)
		point.count = gt_mask_count(&point.gpus);
	return report(m, file, &point);
}

/* ---- the command ---- */

static int write_node(const struct measure *m)
{
	struct gt_error err;
	char *text;
	FILE *out;
	bool failed;

	if (gt_node_write(m->node, &text, &err))
		return cli_fail(&err);
	out = fopen(m->output, "we");
	failed = !out || fputs(text, out) < 0;
	failed = (out && fclose(out)) || failed;
	free(text);
	if (!failed)
		return CLI_DONE;
	cli_say("%s: %s", m->output, strerror(errno));
	return CLI_FAILED;
}

static int read_option(struct measure *m, int opt)
{
	switch (opt) {
	case 'g':
		m->gpus = optarg;
		return CLI_GO_ON;
	case 'c':
		m->comm_text = optarg;
		return cli_comm(&m->common, optarg, &m->comm);
	case 'o':
		m->output = optarg;
		return CLI_GO_ON;
	case 'j':
		m->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&m->common, opt);
	}
}

static int read_line(struct measure *m, int argc, char **argv)
{
	static const struct option options[] = {
		{"gpus", required_argument, NULL, 'g'},
		{"comm", required_argument, NULL, 'c'},
		{"output", required_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'},
		CLI_LONG_OPTIONS,
		{0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "o:", options, NULL)) != -1) {
		status = read_option(m, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (optind == argc)
		return cli_misuse(&m->common, "no output of nccl-tests: FILE...");
	if (m->gpus && optind + 1 < argc)
		return cli_misuse(&m->common, "--gpus: one FILE at a time");
	return CLI_GO_ON;
}

static int measure(struct measure *m, char **files)
{
	int status = CLI_GO_ON;

	for (; *files && status == CLI_GO_ON; files++)
		status = read_file(m, *files);
	if (status != CLI_GO_ON)
		return status;
	if (m->output && (status = write_node(m)) != CLI_DONE)
		return status;
	if (!m->json)
		return CLI_DONE;
	status = cli_print_json(m->points);
	m->points = NULL;
	return status;
}

int cmd_measure(int argc, char **argv)
{
	static struct measure m;
	int status;

	m.common = (struct cli_common){.command = "measure", .help = help};
	status = read_line(&m, argc, argv);
	if (status == CLI_GO_ON)
		status = cli_load(&m.common, &m.node);
	if (status != CLI_GO_ON)
		return status;
	m.points = json_array();
	status = m.points ? measure(&m, argv + optind) : cli_no_memory();
	json_decref(m.points);
	gt_node_free(m.node);
	return status;
}
