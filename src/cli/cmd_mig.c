/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo mig: GPU instances. A table of commands, and what they share. */
#include "config.h"

#include "cli/mig.h"

#include <stdlib.h>
#include <string.h>

#define UNIT_WIDTH 6 /* characters of one unit in a picture */

static const struct cli_command commands[] = {
	{"show", mig_show, "the profiles of a GPU and where they may start"},
	{"place", mig_place, "where the next instance goes"},
	{"plan", mig_plan, "the fewest GPUs for a demand"},
	{"advise", mig_advise, "which smaller profile would have been enough"},
	{0},
};

static const struct cli_menu menu = {
	.name = "gputopo mig",
	.about = "GPU instances (MIG): tables, placement, plans.",
	.tail = "",
	.commands = commands,
};

int cmd_mig(int argc, char **argv)
{
	return cli_menu_run(&menu, argc, argv);
}

/* ---- shared ---- */

int mig_number(const struct mig_common *m, const char *name, const char *text, int least,
	       int most, int *value)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || number < least || number > most)
		return cli_misuse(&m->cli, "%s: '%s' is not a number from %d to %d", name,
				  text, least, most);
	*value = (int)number;
	return CLI_GO_ON;
}

int mig_option(struct mig_common *m, int opt)
{
	switch (opt) {
	case 'g':
		m->model = optarg;
		return CLI_GO_ON;
	case MIG_OPT_TABLE:
		m->table = optarg;
		return CLI_GO_ON;
	case MIG_OPT_DRIVER:
		return mig_number(m, "--driver", optarg, 1, 100000, &m->driver);
	case MIG_OPT_JSON:
		m->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&m->cli, opt);
	}
}

int mig_table(struct mig_common *m, int argc, char **argv)
{
	const struct gt_mig_gpu *known;
	struct gt_error err;
	int status = cli_no_more(&m->cli, argc, argv);

	if (status != CLI_GO_ON)
		return status;
	if (!m->model == !m->table)
		return cli_misuse(&m->cli, "give either --gpu MODEL or --table FILE");
	if (m->table) {
		if (gt_mig_gpu_load(&m->gpu, m->table, &err))
			return cli_fail(&err);
	} else {
		if (gt_mig_gpu_find(&known, m->model, &err))
			return cli_misuse(&m->cli, "--gpu: %s", err.text);
		m->gpu = *known;
	}
	if (m->driver)
		gt_mig_gpu_for_driver(&m->gpu, m->driver);
	return CLI_GO_ON;
}

/* One more than the highest GPU number that starts an entry. */
static int gpus_named(const char *used)
{
	int most = 0;

	for (const char *at = used; at; at = strchr(at, ',')) {
		int gpu;

		at += *at == ',';
		gpu = atoi(at);
		if (gpu >= most && gpu < GT_MIG_GPUS)
			most = gpu + 1;
	}
	return most ? most : 1;
}

int mig_fleet(const struct mig_common *m, const struct gt_mig_space *space, int count,
	      const char *used, struct gt_mig_fleet **fleet)
{
	struct gt_error err;

	if (count == 0)
		count = gpus_named(used);
	if (gt_mig_fleet_new(fleet, space, count, &err))
		return cli_fail(&err);
	if (!used || !gt_mig_fleet_parse(*fleet, used, &err))
		return CLI_GO_ON;
	gt_mig_fleet_free(*fleet);
	*fleet = NULL;
	return cli_misuse(&m->cli, "--used: %s", err.text);
}

void mig_draw(const struct gt_mig_gpu *gpu, const int *profile_at)
{
	for (int u = 0; u < gpu->units;) {
		int p = profile_at[u], size = p == GT_UNKNOWN ? 1 : gpu->profile[p].size;
		int width = UNIT_WIDTH * size - 2;

		if (p == GT_UNKNOWN)
			printf(" %-*s ", width, " .");
		else
			printf("[%-*.*s]", width, width, gpu->profile[p].name);
		u += size;
	}
	putchar('\n');
}
