/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo: a table of commands, nothing else. */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <string.h>

static const struct cli_command commands[] = {
	{"show", cmd_show, "how the GPUs of a machine are connected"},
	{"pick", cmd_pick, "the best K of the free GPUs"},
	{"order", cmd_order, "which rank of a job runs on which of its GPUs"},
	{"run", cmd_run, "a command on the best free GPUs of the job it is in"},
	{"measure", cmd_measure, "nccl-tests' figures into a node file"},
	{"probe", cmd_probe, "this machine, as a node file"},
	{"gres", cmd_gres, "gres.conf lines for a topology"},
	{"nodes", cmd_nodes, "the running cluster: which good sets of GPUs are free"},
	{"job", cmd_job, "what a job asked for, its GPUs, and what they are worth"},
	{"why", cmd_why, "why a job waits, and what would let it start"},
	{"health", cmd_health,
	 "this node's GPUs and links against its model, for slurmctld"},
	{"check", cmd_check, "what is wrong in gputopo.conf, gres.conf, slurm.conf"},
	{"report", cmd_report, "what the plugin decided, and what that was worth"},
	{"mig", cmd_mig, "GPU instances: tables, placement, plans"},
	{"sim", cmd_sim, "replay jobs: what another choice of GPUs would change"},
	{0},
};

static const struct cli_menu menu = {
	.name = "gputopo",
	.about = "Which GPUs of a node talk fastest to each other.",
	.tail = "Exit status: 0 done; 1 the input or the machine failed; 2 wrong usage;\n"
		"3 a valid request that cannot be satisfied.\n",
	.commands = commands,
};

/* A full disk or a closed pipe must not look like success. */
static int close_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	cli_say("standard output: %s", strerror(errno));
	return status ? status : CLI_FAILED;
}

int main(int argc, char **argv)
{
	return close_output(cli_menu_run(&menu, argc, argv));
}
