/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo-pmix: a table of commands, and `run`'s command line. */
#include "config.h"

#include "pmix/pmix.h"

#include <stdlib.h>
#include <string.h>

static const char run_help[] =
	"Usage: gputopo-pmix run -t TOPOLOGY -n RANKS [OPTIONS] [--] PROGRAM "
	"[ARGUMENTS]\n"
	"Run RANKS copies of a program as the ranks of one job on a simulated node, with "
	"a\n"
	"PMIx server that has the keys of a job under Slurm, and the standard ones for\n"
	"device distances. Needs neither Slurm nor GPUs.\n\n" CLI_TOPOLOGY_HELP
	"  -n, --ranks N      how many\n"
	"      --gpus LIST    the job's GPUs, such as 0,2-4; default: the best N, with\n"
	"                     groups the best for these\n"
	"      --order WHAT   index or ring: as srun --gpu-order has it; default: "
	"index\n" CLI_GROUPS_HELP CLI_HELP_HELP;

static int parse_ranks(const struct cli_common *c, const char *text, int *ranks)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 1 || value > PMIX_RANKS_MAX)
		return cli_misuse(c, "-n %s: 1 to %d ranks can be", text, PMIX_RANKS_MAX);
	*ranks = (int)value;
	return CLI_GO_ON;
}

static int parse_order(const struct cli_common *c, const char *text, bool *ring)
{
	*ring = strcmp(text, "ring") == 0;
	if (!*ring && strcmp(text, "index") != 0)
		return cli_misuse(c, "--order %s: must be index or ring", text);
	return CLI_GO_ON;
}

/* The best set for the groups, or of a GPU for each rank, as a job of that size would get
 * on the idle node. */
static int pick_gpus(struct pmix_job *job)
{
	struct gt_request request = {.count = job->ranks,
				     .free = gt_mask_first(gt_node_size(job->node)),
				     .groups = &job->groups,
				     .comm = job->comm};
	struct gt_choice choice;
	struct gt_table *table;
	struct gt_error err;
	enum gt_fit fit;
	char text[256];

	if (job->groups.count)
		request.count = gt_groups_sum(&job->groups);
	if (gt_table_new(&table, job->node, NULL, &err) != GT_OK)
		return cli_fail(&err);
	fit = gt_select(table, &request, &choice);
	if (fit != GT_FIT_OK)
		cli_say("%s", gt_fit_text(table, &request, fit, text, sizeof(text)));
	job->gpus = choice.gpus;
	gt_table_free(table);
	return fit == GT_FIT_OK ? CLI_GO_ON : CLI_NO_FIT;
}

static int choose_gpus(const struct cli_common *c, const char *list, struct pmix_job *job)
{
	int count, status;

	if (!list)
		return pick_gpus(job);
	status = cli_list(c, "--gpus", list, job->node, &job->gpus);
	count = gt_mask_count(&job->gpus);
	if (status == CLI_GO_ON && (count < 1 || count > GP_RANK_GPUS))
		return cli_misuse(c, "--gpus %s: 1 to %d GPUs can be", list,
				  GP_RANK_GPUS);
	if (status == CLI_GO_ON && job->groups.count &&
	    !gt_groups_repeat(&job->groups, count))
		return cli_misuse(c, "--groups: %d GPUs are no multiple of the sizes",
				  count);
	return status;
}

int pmix_cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"ranks", required_argument, NULL, 'n'},
		{"gpus", required_argument, NULL, 'g'},
		{"order", required_argument, NULL, 'o'},
		{"groups", required_argument, NULL, 's'},
		{"comm", required_argument, NULL, 'c'},
		CLI_LONG_OPTIONS,
		{0},
	};
	struct cli_common c = {.command = "gputopo-pmix run", .help = run_help};
	struct pmix_job job = {.ranks = 0};
	const char *gpus = NULL;
	struct gt_node *node;
	int opt, status, sum;

	/* '+': what follows the program's name is the program's */
	while ((opt = getopt_long(argc, argv, "+n:" CLI_SHORT, options, NULL)) != -1) {
		status = CLI_GO_ON;
		if (opt == 'n')
			status = parse_ranks(&c, optarg, &job.ranks);
		else if (opt == 'g')
			gpus = optarg;
		else if (opt == 'o')
			status = parse_order(&c, optarg, &job.ring);
		else if (opt == 's') {
			sum = 0;
			status = cli_groups(&c, "--groups", optarg, &sum, &job.groups);
		} else if (opt == 'c')
			status = cli_comm(&c, optarg, &job.comm);
		else
			status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (job.ranks == 0)
		return cli_misuse(&c, "the number of ranks is missing: -n N");
	if (optind == argc)
		return cli_misuse(&c, "no program");
	status = cli_load(&c, &node);
	if (status != CLI_GO_ON)
		return status;
	job.node = node;
	job.program = &argv[optind];
	status = choose_gpus(&c, gpus, &job);
	if (status == CLI_GO_ON)
		status = pmix_serve(&job);
	gt_node_free(node);
	return status;
}

static const struct cli_command commands[] = {
	{"run", pmix_cmd_run, "run a program as a PMIx job on a simulated node"},
	{"get", pmix_cmd_get, "print what a rank sees, there or under Slurm"},
	{0},
};

static const struct cli_menu menu = {
	.name = "gputopo-pmix",
	.about = "PMIx programs and the GPUs of a node, with and without Slurm.",
	.tail = "Exit status: 0 done; 1 the input or the machine failed; 2 wrong usage;\n"
		"3 a valid request that cannot be satisfied; run: that of the program.\n",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return cli_menu_run(&menu, argc, argv);
}
