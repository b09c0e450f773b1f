/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mig.h - what the commands of gputopo mig share. */
#ifndef MIG_H
#define MIG_H

#include "cli/cli.h"

/* The options of every mig command, as typed, and the table that they name. */
struct mig_common {
	struct cli_common cli;
	const char *model;
	const char *table;
	int driver;
	bool json;
	struct gt_mig_gpu gpu;
};

enum {
	MIG_OPT_TABLE = CLI_OPT_OWN,
	MIG_OPT_DRIVER,
	MIG_OPT_JSON,
	MIG_OPT_OWN,
};

#define MIG_LONG_OPTIONS                                                                 \
	{"gpu", required_argument, NULL, 'g'},                                           \
		{"table", required_argument, NULL, MIG_OPT_TABLE},                       \
		{"driver", required_argument, NULL, MIG_OPT_DRIVER},                     \
		{"json", no_argument, NULL, MIG_OPT_JSON},                               \
		{"help", no_argument, NULL, 'h'},                                        \
	{                                                                                \
		"version", no_argument, NULL, CLI_OPT_VERSION                            \
	}

#define MIG_HELP                                                                         \
	"  -g, --gpu MODEL    A100-80GB, \"NVIDIA H100 80GB HBM3\", A30, ...\n"          \
	"      --table FILE   or: a table as 'gputopo mig show --json' prints it\n"      \
	"      --driver N     what a driver branch such as 470 can do of it\n"           \
	"      --json         one JSON document\n" CLI_HELP_HELP

cli_run mig_show, mig_place, mig_plan, mig_advise;

/* One option of MIG_LONG_OPTIONS, or one that getopt_long refused. */
int mig_option(struct mig_common *m, int opt);
/* After the options: fill m->gpu. */
int mig_table(struct mig_common *m, int argc, char **argv);
/* "2" in an option called name; from least to most. */
int mig_number(const struct mig_common *m, const char *name, const char *text, int least,
	       int most, int *value);
/* A fleet of count GPUs (0: as many as used names) with the instances of used, which may
 * be NULL. Both results are the caller's. */
int mig_fleet(const struct mig_common *m, const struct gt_mig_space *space, int count,
	      const char *used, struct gt_mig_fleet **fleet);
/* Draw the units of a GPU: one letter field a unit, [1g.10gb  ] over several. */
void mig_draw(const struct gt_mig_gpu *gpu, const int *profile_at);

#endif
