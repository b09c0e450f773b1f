/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo mig advise: right-sizing. */
#include "config.h"

#include "cli/mig.h"

#include <stdlib.h>
#include <string.h>

#define USES_MAX 10000

static const char help[] =
	"Usage: gputopo mig advise --gpu MODEL --usage LIST [OPTIONS]\n"
	"Print which smaller profile would have held each load, and what that frees.\n\n"
	"  -u, --usage LIST   [COUNTx]PROFILE:GIB:BUSY,... the peak memory in GiB and "
	"how\n"
	"                     busy the instance's multiprocessors were in percent, such "
	"as\n"
	"                     4x3g.40gb:8.5:35\n"
	"  -H, --headroom X   memory kept free: X times the peak must fit (default "
	"1.1)\n" MIG_HELP;

/* COUNT instances of one profile with one load, and what they should be. */
struct use {
	int count;
	struct gt_mig_usage usage;
	int advice;
};

struct advise {
	struct mig_common mig;
	const char *list;
	double headroom;
	struct use *use;
	int uses;
	int gpus[2]; /* for all instances: as they are, as advised */
	bool exact;
};

static int read_number(const char **at, double most, double *value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return -1;
	*value = strtod(*at, &end);
	*at = end;
	return *value >= 0 && *value <= most ? 0 : -1;
}

/* "4x3g.40gb:8.5:35" */
static int read_use(const struct advise *a, const char *entry, struct use *use)
{
	const char *at = entry, *colon = strchr(entry, ':');
	double gib, busy;
	struct gt_error err;
	char name[64];
	size_t digits = strspn(at, "0123456789");

	use->count = 1;
	if (digits > 0 && digits < 8 && at[digits] == 'x') {
		use->count = atoi(at);
		at += digits + 1;
	}
	if (!colon || colon < at || (size_t)(colon - at) >= sizeof(name) ||
	    use->count < 1)
		goto bad;
	memcpy(name, at, (size_t)(colon - at));
	name[colon - at] = '\0';
	at = colon + 1;
	if (read_number(&at, 1 << 20, &gib) || *at++ != ':' ||
	    read_number(&at, 100, &busy) || *at)
		goto bad;
	if (gt_mig_profile_find(&a->mig.gpu, name, &use->usage.profile, &err))
		return cli_misuse(&a->mig.cli, "--usage: %s", err.text);
	use->usage.mem_mib = (int)(gib * 1024 + 0.999);
	use->usage.busy = busy / 100;
	use->advice = gt_mig_advise(&a->mig.gpu, &use->usage, a->headroom);
	return CLI_GO_ON;
bad:
	return cli_misuse(&a->mig.cli, "--usage: '%s' is not [COUNTx]PROFILE:GIB:BUSY",
			  entry);
}

static int read_uses(struct advise *a)
{
	char *copy = strdup(a->list), *next = copy, *entry;
	int status = copy ? CLI_GO_ON : cli_no_memory();

	a->use = malloc(USES_MAX * sizeof(*a->use));
	if (!a->use)
		status = cli_no_memory();
	while (status == CLI_GO_ON && (entry = strsep(&next, ","))) {
		if (a->uses == USES_MAX)
			status = cli_misuse(&a->mig.cli, "--usage: more than %d entries",
					    USES_MAX);
		else
			status = read_use(a, entry, &a->use[a->uses++]);
	}
	free(copy);
	return status;
}

/* How many GPUs all instances need, as they are and as advised. */
static int count_gpus(struct advise *a)
{
	struct gt_mig_space *space;
	struct gt_error err;
	int status = CLI_GO_ON;

	if (gt_mig_space_new(&space, &a->mig.gpu, NULL, &err))
		return cli_fail(&err);
	a->exact = true;
	for (int pass = 0; pass < 2 && status == CLI_GO_ON; pass++) {
		struct gt_mig_demand demand = {0};
		struct gt_mig_plan plan;
		int64_t total = 0;

		for (int i = 0; i < a->uses; i++) {
			const struct use *u = &a->use[i];

			total += u->count;
			if (total > GT_MIG_DEMAND_MAX)
				break;
			demand.count[pass ? u->advice : u->usage.profile] += u->count;
		}
		if (total > GT_MIG_DEMAND_MAX)
			status =
				cli_misuse(&a->mig.cli, "--usage: more than %d instances",
					   GT_MIG_DEMAND_MAX);
		else if (gt_mig_plan_make(&plan, space, &demand, NULL, &err))
			status = cli_fail(&err);
		if (status != CLI_GO_ON)
			break;
		a->gpus[pass] = plan.gpus;
		a->exact &= plan.exact;
		gt_mig_plan_release(&plan);
	}
	gt_mig_space_free(space);
	return status;
}

static int freed(const struct advise *a, const struct use *u)
{
	const struct gt_mig_gpu *gpu = &a->mig.gpu;

	return u->count *
	       (gpu->profile[u->usage.profile].size - gpu->profile[u->advice].size);
}

static json_t *advice_json(const struct advise *a)
{
	const struct gt_mig_gpu *gpu = &a->mig.gpu;
	json_t *list = json_array();
	int total = 0;

	for (int i = 0; i < a->uses; i++) {
		const struct use *u = &a->use[i];

		total += freed(a, u);
		json_array_append_new(
			list,
			json_pack("{s:i, s:s, s:f, s:f, s:s, s:i}", "count", u->count,
				  "profile", gpu->profile[u->usage.profile].name,
				  "mem_gib", u->usage.mem_mib / 1024.0, "busy",
				  u->usage.busy, "advice", gpu->profile[u->advice].name,
				  "freed_units", freed(a, u)));
	}
	return json_pack("{s:o, s:i, s:i, s:i, s:b}", "advice", list, "freed_units",
			 total, "gpus", a->gpus[0], "gpus_advised", a->gpus[1], "exact",
			 a->exact);
}

static void print_advice(const struct advise *a)
{
	const struct gt_mig_gpu *gpu = &a->mig.gpu;
	int total = 0;

	for (int i = 0; i < a->uses; i++) {
		const struct use *u = &a->use[i];

		total += freed(a, u);
		printf("%6d x %-14s ", u->count, gpu->profile[u->usage.profile].name);
		if (u->advice == u->usage.profile)
			puts("is the smallest that holds it");
		else
			printf("-> %-14s frees %d unit%s\n", gpu->profile[u->advice].name,
			       freed(a, u), freed(a, u) == 1 ? "" : "s");
	}
	printf("\n%d units freed; %d GPUs now, %d as advised\n", total, a->gpus[0],
	       a->gpus[1]);
}

int mig_advise(int argc, char **argv)
{
	static const struct option options[] = {
		{"usage", required_argument, NULL, 'u'},
		{"headroom", required_argument, NULL, 'H'},
		MIG_LONG_OPTIONS,
		{0},
	};
	struct advise a = {.mig.cli = {.command = "mig advise", .help = help},
			   .headroom = 1.1};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "g:hu:H:", options, NULL)) != -1) {
		const char *at = optarg;

		if (opt == 'u')
			a.list = optarg;
		else if (opt != 'H')
			status = mig_option(&a.mig, opt);
		else if (read_number(&at, 100, &a.headroom) || *at || a.headroom < 1)
			status = cli_misuse(&a.mig.cli,
					    "--headroom: '%s' is not a number from 1 to "
					    "100",
					    optarg);
	}
	if (status == CLI_GO_ON)
		status = mig_table(&a.mig, argc, argv);
	if (status == CLI_GO_ON && !a.list)
		status = cli_misuse(&a.mig.cli, "the usage is missing: --usage LIST");
	if (status == CLI_GO_ON)
		status = read_uses(&a);
	if (status == CLI_GO_ON)
		status = count_gpus(&a);
	if (status == CLI_GO_ON) {
		status = CLI_DONE;
		if (a.mig.json)
			status = cli_print_json(advice_json(&a));
		else
			print_advice(&a);
	}
	free(a.use);
	return status;
}
