/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - what the commands of gputopo share: exit statuses, messages, the options that
 * every command has, and how numbers are printed.
 *
 * A command is one file cmd_<name>.c with one function, and one line in main.c's table.
 * Data goes to standard output, messages to standard error.
 */
#ifndef CLI_H
#define CLI_H

#include "core/library.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

enum cli_status {
	CLI_GO_ON = -1, /* not a status: nothing to stop for */
	CLI_DONE = 0,
	CLI_FAILED = 1,	 /* the input or the machine failed */
	CLI_MISUSED = 2, /* wrong usage */
	CLI_NO_FIT = 3,	 /* a valid request that cannot be satisfied */
};

typedef int cli_run(int argc, char **argv);

cli_run cmd_show, cmd_pick, cmd_order, cmd_probe, cmd_gres, cmd_check, cmd_report,
	cmd_measure, cmd_health, cmd_run, cmd_sim, cmd_mig, cmd_nodes, cmd_job, cmd_why;

/* ---- tables of commands ---- */

struct cli_command {
	const char *name;
	cli_run *run;
	const char *summary;
};

/* A program or a command that only leads to others. */
struct cli_menu {
	const char *name;		    /* "gputopo", "gputopo sim" */
	const char *about;		    /* one line */
	const char *tail;		    /* after the table; may be "" */
	const struct cli_command *commands; /* ends with a NULL name */
};

/* Run the command that argv[1] names, or --help or --version; returns the exit status. */
int cli_menu_run(const struct cli_menu *menu, int argc, char **argv);

/* ---- messages ---- */

/* "gputopo: text" */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The name nearest to a word, of name(0, arg), name(1, arg), ... up to NULL: a third of
 * its letters may differ, or it is the beginning. NULL: none is near. */
const char *cli_nearest(const char *word, const char *(*name)(int i, const void *arg),
			const void *arg);
/* "gputopo: FILE:LINE: text"; returns CLI_FAILED. */
int cli_fail(const struct gt_error *err);
int cli_no_memory(void);

/* ---- the options of every command ---- */

/* What stands for a topology on the command line, and the command's name and manual. */
struct cli_common {
	const char *command; /* "pick", or with another program "gputopo-pmix run" */
	const char *help;
	const char *topology;
	struct gt_load_options load;
};

enum {
	CLI_OPT_FORMAT = 0x1000,
	CLI_OPT_MODEL,
	CLI_OPT_NODE,
	CLI_OPT_VERSION,
	CLI_OPT_OWN, /* a command's own long options start here */
};

#define CLI_SHORT "t:h"
#define CLI_LONG_OPTIONS                                                                 \
	{"topology", required_argument, NULL, 't'},                                      \
		{"format", required_argument, NULL, CLI_OPT_FORMAT},                     \
		{"model", required_argument, NULL, CLI_OPT_MODEL},                       \
		{"node", required_argument, NULL, CLI_OPT_NODE},                         \
		{"help", no_argument, NULL, 'h'},                                        \
	{                                                                                \
		"version", no_argument, NULL, CLI_OPT_VERSION                            \
	}

/* The lines of every --help about them. */
#define CLI_TOPOLOGY_HELP                                                                \
	"  -t, --topology T   a file of any known format, builtin:NAME, live, or - "     \
	"for\n"                                                                          \
	"                     standard input\n"                                          \
	"      --format NAME  the file's format, if its content does not show it\n"      \
	"      --model NAME   the GPU model, where the file does not name it\n"          \
	"      --node NAME    which NodeName of a gres.conf\n"
#define CLI_HELP_HELP                                                                    \
	"  -h, --help         print this and exit\n"                                     \
	"      --version      print the version and exit\n"

/* One option of CLI_LONG_OPTIONS, or one that getopt_long refused. Returns CLI_GO_ON, or
 * the exit status to return at once. */
int cli_common_option(struct cli_common *c, int opt);
/* After the options: nothing more may stand on the line. */
int cli_no_more(const struct cli_common *c, int argc, char **argv);
/* "gputopo: text" and where the manual is; returns CLI_MISUSED. */
int cli_misuse(const struct cli_common *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The topology that the options name; returns CLI_GO_ON with *node the caller's. */
int cli_load(const struct cli_common *c, struct gt_node **node);
/* A GPU list of the option called name. */
int cli_list(const struct cli_common *c, const char *name, const char *text,
	     const struct gt_node *node, struct gt_mask *mask);

/* SIZES of the option called name; *count GPUs are asked, or 0 where the sizes say how
 * many. */
int cli_groups(const struct cli_common *c, const char *name, const char *text, int *count,
	       struct gt_groups *groups);
int cli_comm(const struct cli_common *c, const char *text, enum gt_comm *comm);
/* The GB/s of --min-busbw. */
int cli_min_busbw(const struct cli_common *c, const char *text, int *mbps);

#define CLI_GROUPS_HELP                                                                  \
	"      --groups SIZES the job's groups: 2x4 are two of four, 4+2+2 three; "      \
	"they\n"                                                                         \
	"                     add up to its GPUs\n"                                      \
	"      --comm NAME    what runs in each group: allreduce (default) or "          \
	"alltoall\n"

/* ---- numbers ---- */

/* Room for what cli_gbps writes. */
#define CLI_GBPS_MAX 32
/* "20", "41.2": GB/s without trailing zeros. */
char *cli_gbps(int64_t mbps, char *buf);
json_t *cli_json_gbps(int64_t mbps);
json_t *cli_json_list(const struct gt_mask *mask);
json_t *cli_json_bits(uint64_t bits);
/* Groups as lists of GPUs, their GB/s (null: a group of one), and their text "0,3;1,2".
 */
json_t *cli_json_groups(const struct gt_geometry *geometry);
json_t *cli_json_group_gbps(const struct gt_geometry *geometry);
void cli_print_groups(const struct gt_geometry *geometry);
/* One document and a newline; takes the reference. NULL, which jansson gives when memory
 * ran out, fails. */
int cli_print_json(json_t *json);

/* ---- files ---- */

/* Let put(what, out) write the file path, or with NULL standard output. A file is
 * replaced as a whole: readers see the old one or the new one, and what fails leaves the
 * old one; a pipe or device is written as it is. Returns the exit status. */
int cli_write_file(const char *path, void (*put)(const void *what, FILE *out),
		   const void *what);

#endif
