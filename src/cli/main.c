/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo: a table of commands, nothing else. */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	cli_run *run;
	const char *summary;
} commands[] = {
	{"show", cmd_show, "how the GPUs of a machine are connected"},
	{"pick", cmd_pick, "the best K of the free GPUs"},
	{"probe", cmd_probe, "this machine, as a node file"},
	{"gres", cmd_gres, "gres.conf lines for a topology"},
	{"check", cmd_check, "gputopo.conf and its files held against gres.conf"},
	{"order", cmd_order, "which rank of a job runs on which of its GPUs"},
	{"sim", cmd_sim, "replay jobs: what another choice of GPUs would change"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: gputopo COMMAND [OPTIONS]\n"
	      "Which GPUs of a node talk fastest to each other.\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'gputopo COMMAND --help' lists the options of a command.\n"
	      "Exit status: 0 done; 1 the input or the machine failed; 2 wrong usage;\n"
	      "3 a valid request that cannot be satisfied.\n",
	      out);
}

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
	static char program[] = "gputopo";

	if (argc < 2) {
		print_help(stderr);
		return CLI_MISUSED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return close_output(CLI_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("gputopo %s\n", gt_version());
		return close_output(CLI_DONE);
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(argv[1], commands[i].name)) {
			/* getopt's messages begin with the program's name. */
			argv[1] = program;
			return close_output(commands[i].run(argc - 1, argv + 1));
		}
	cli_say("'%s' is not a command; see 'gputopo --help'", argv[1]);
	return CLI_MISUSED;
}
