/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo probe: this machine, as a node file. */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: gputopo probe [-o FILE]\n"
			   "Look at this machine, by NVIDIA's driver library and hwloc, "
			   "and print it as a node\n"
			   "file for gputopo.conf's Topology=.\n\n"
			   "  -o, --output FILE  write it there\n" CLI_HELP_HELP;

static int write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	bool written;

	if (!out) {
		cli_say("%s: %s", path, strerror(errno));
		return CLI_FAILED;
	}
	written = fputs(text, out) >= 0;
	if (fclose(out) == 0 && written)
		return CLI_DONE;
	cli_say("%s: %s", path, strerror(errno));
	return CLI_FAILED;
}

static int probe(const char *path)
{
	struct gt_node *node;
	struct gt_error err;
	char *text = NULL;
	int status = CLI_DONE;

	if (gt_node_load(&node, "live", NULL, &err))
		return cli_fail(&err);
	if (gt_node_write(node, &text, &err))
		status = cli_fail(&err);
	else if (path)
		status = write_file(path, text);
	else
		fputs(text, stdout);
	free(text);
	gt_node_free(node);
	return status;
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "probe", .help = help};
	const char *path = NULL;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (opt == 'o') {
			path = optarg;
			continue;
		}
		status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = cli_no_more(&c, argc, argv);
	return status == CLI_GO_ON ? probe(path) : status;
}
