/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo mig place: where the next instance goes. */
#include "config.h"

#include "cli/mig.h"

#define DRAWN 64 /* GPUs in a picture */

static const char help[] =
	"Usage: gputopo mig place --gpu MODEL --request PROFILE [OPTIONS]\n"
	"Print where one GPU instance should go, and what it strands.\n\n"
	"  -r, --request P    the profile, such as 2g.20gb\n"
	"  -n, --count N      GPUs (default: as many as --used names)\n"
	"  -u, --used LIST    instances there are: GPU:PROFILE@START,...\n"
	"  -p, --policy P     lookahead (default), frag, pack, spread, first, driver,\n"
	"                     same-size\n"
	"  -m, --mix P:W,...  how often each profile is requested (default: all "
	"alike)\n" MIG_HELP "Exit status 3: it fits nowhere.\n";

struct place {
	struct mig_common mig;
	const char *request, *used, *mix;
	int count;
	enum gt_mig_policy policy;
};

static int read_option(struct place *p, int opt)
{
	struct gt_error err;

	switch (opt) {
	case 'r':
		p->request = optarg;
		return CLI_GO_ON;
	case 'u':
		p->used = optarg;
		return CLI_GO_ON;
	case 'm':
		p->mix = optarg;
		return CLI_GO_ON;
	case 'n':
		return mig_number(&p->mig, "--count", optarg, 1, GT_MIG_GPUS, &p->count);
	case 'p':
		if (gt_mig_policy_parse(&p->policy, optarg, &err))
			return cli_misuse(&p->mig.cli, "--policy: %s", err.text);
		return CLI_GO_ON;
	default:
		return mig_option(&p->mig, opt);
	}
}

static int read_line(struct place *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"request", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'n'},
		{"used", required_argument, NULL, 'u'},
		{"policy", required_argument, NULL, 'p'},
		{"mix", required_argument, NULL, 'm'},
		MIG_LONG_OPTIONS,
		{0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "g:hr:n:u:p:m:", options, NULL)) != -1) {
		status = read_option(p, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = mig_table(&p->mig, argc, argv);
	if (status == CLI_GO_ON && !p->request)
		status = cli_misuse(&p->mig.cli,
				    "the profile is missing: --request PROFILE");
	return status;
}

static int make_space(const struct place *p, struct gt_mig_space **space, int *profile)
{
	const struct gt_mig_gpu *gpu = &p->mig.gpu;
	struct gt_mig_mix mix;
	struct gt_error err;

	if (gt_mig_profile_find(gpu, p->request, profile, &err))
		return cli_misuse(&p->mig.cli, "--request: %s", err.text);
	if (p->mix && gt_mig_mix_parse(&mix, gpu, p->mix, &err))
		return cli_misuse(&p->mig.cli, "--mix: %s", err.text);
	if (gt_mig_space_new(space, gpu, p->mix ? &mix : NULL, &err))
		return cli_fail(&err);
	return CLI_GO_ON;
}

static void draw_fleet(const struct gt_mig_gpu *gpu, const struct gt_mig_fleet *fleet)
{
	for (int g = 0; g < gt_mig_fleet_size(fleet) && g < DRAWN; g++) {
		int at[GT_MIG_UNITS];

		for (int u = 0; u < gpu->units; u++)
			at[u] = gt_mig_fleet_profile_at(fleet, g, u);
		printf("%4d  ", g);
		mig_draw(gpu, at);
	}
}

static int print_place(const struct place *p, struct gt_mig_fleet *fleet,
		       const struct gt_mig_instance *place)
{
	const struct gt_mig_gpu *gpu = &p->mig.gpu;
	const struct gt_mig_profile *profile = &gpu->profile[place->profile];
	double before = gt_mig_fleet_stranded(fleet), after;
	struct gt_error err;

	if (gt_mig_add(fleet, place, &err))
		return cli_fail(&err);
	after = gt_mig_fleet_stranded(fleet);
	if (p->mig.json)
		return cli_print_json(json_pack(
			"{s:i, s:s, s:i, s:i, s:f, s:f, s:s}", "gpu", place->gpu,
			"profile", profile->name, "start", place->start, "size",
			profile->size, "stranded_before", before, "stranded_after", after,
			"policy", gt_mig_policy_name(p->policy)));
	printf("GPU %d, start %d: %s, %d of %d units\n", place->gpu, place->start,
	       profile->name, profile->size, gpu->units);
	printf("stranded slices: %.4g before, %.4g after\n\n", before, after);
	draw_fleet(gpu, fleet);
	return CLI_DONE;
}

int mig_place(int argc, char **argv)
{
	struct place p = {.mig.cli = {.command = "mig place", .help = help}};
	struct gt_mig_space *space = NULL;
	struct gt_mig_fleet *fleet = NULL;
	struct gt_mig_instance place;
	int profile, status = read_line(&p, argc, argv);

	if (status == CLI_GO_ON)
		status = make_space(&p, &space, &profile);
	if (status == CLI_GO_ON)
		status = mig_fleet(&p.mig, space, p.count, p.used ? p.used : "", &fleet);
	if (status == CLI_GO_ON) {
		if (gt_mig_place(fleet, profile, p.policy, NULL, &place)) {
			status = print_place(&p, fleet, &place);
		} else {
			cli_say("%s does not fit on any of %d GPUs",
				p.mig.gpu.profile[profile].name,
				gt_mig_fleet_size(fleet));
			status = CLI_NO_FIT;
		}
	}
	gt_mig_fleet_free(fleet);
	gt_mig_space_free(space);
	return status;
}
