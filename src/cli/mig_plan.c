/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo mig plan: the fewest GPUs for a demand. */
#include "config.h"

#include "cli/mig.h"

#define DRAWN 64 /* GPUs in a picture */

static const char help[] =
	"Usage: gputopo mig plan --gpu MODEL --request DEMAND [OPTIONS]\n"
	"Print the fewest GPUs that hold a demand, and a layout. From a current layout: "
	"of\n"
	"the plans with the fewest GPUs one that recreates the fewest instances.\n\n"
	"  -r, --request D    the demand, such as 7x1g.10gb,3x3g.40gb\n"
	"  -u, --used LIST    instances there are: GPU:PROFILE@START,...\n"
	"  -n, --count N      GPUs there are\n" MIG_HELP
	"Exit status 3: more GPUs are needed than --count.\n";

struct plan {
	struct mig_common mig;
	const char *request, *used;
	int count;
	struct gt_mig_fleet *now;
	struct gt_mig_plan plan;
};

static int read_line(struct plan *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"request", required_argument, NULL, 'r'},
		{"used", required_argument, NULL, 'u'},
		{"count", required_argument, NULL, 'n'},
		MIG_LONG_OPTIONS,
		{0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "g:hr:u:n:", options, NULL)) != -1) {
		status = CLI_GO_ON;
		if (opt == 'r')
			p->request = optarg;
		else if (opt == 'u')
			p->used = optarg;
		else if (opt == 'n')
			status = mig_number(&p->mig, "--count", optarg, 1, GT_MIG_GPUS,
					    &p->count);
		else
			status = mig_option(&p->mig, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	status = mig_table(&p->mig, argc, argv);
	if (status == CLI_GO_ON && !p->request)
		status = cli_misuse(&p->mig.cli,
				    "the demand is missing: --request DEMAND");
	return status;
}

static bool is_kept(const struct plan *p, const struct gt_mig_instance *i)
{
	return p->now && gt_mig_fleet_profile_at(p->now, i->gpu, i->start) == i->profile;
}

static json_t *instance_json(const struct plan *p, const struct gt_mig_instance *i)
{
	const struct gt_mig_profile *profile = &p->mig.gpu.profile[i->profile];
	json_t *json = json_pack("{s:s, s:i, s:i}", "profile", profile->name, "start",
				 i->start, "size", profile->size);

	if (json && p->now)
		json_object_set_new(json, "kept", json_boolean(is_kept(p, i)));
	return json;
}

static json_t *plan_json(const struct plan *p)
{
	const struct gt_mig_plan *plan = &p->plan;
	json_t *layout = json_array(), *numbers = json_array(), *gpu = NULL, *json;

	for (int i = 0; i < plan->count; i++) {
		if (i == 0 || plan->instances[i].gpu != plan->instances[i - 1].gpu) {
			gpu = json_array();
			json_array_append_new(layout, gpu);
			json_array_append_new(numbers,
					      json_integer(plan->instances[i].gpu));
		}
		json_array_append_new(gpu, instance_json(p, &plan->instances[i]));
	}
	json = json_pack("{s:i, s:b, s:o, s:o}", "gpus", plan->gpus, "exact", plan->exact,
			 "layout", layout, "gpu_numbers", numbers);
	if (json && p->now)
		json_object_update_new(json,
				       json_pack("{s:i, s:i, s:i}", "kept", plan->kept,
						 "recreated", plan->recreated, "created",
						 plan->created));
	return json;
}

static void draw_plan(const struct plan *p)
{
	const struct gt_mig_plan *plan = &p->plan;
	int drawn = 0;

	for (int i = 0; i < plan->count && drawn < DRAWN; drawn++) {
		int gpu = plan->instances[i].gpu, at[GT_MIG_UNITS];

		for (int u = 0; u < GT_MIG_UNITS; u++)
			at[u] = GT_UNKNOWN;
		for (; i < plan->count && plan->instances[i].gpu == gpu; i++)
			at[plan->instances[i].start] = plan->instances[i].profile;
		printf("%4d  ", gpu);
		mig_draw(&p->mig.gpu, at);
	}
	if (drawn < plan->gpus)
		printf("      ... and %d more; --json lists all\n", plan->gpus - drawn);
}

static void print_plan(const struct plan *p)
{
	const struct gt_mig_plan *plan = &p->plan;

	printf("%d GPU%s for %d instance%s%s\n", plan->gpus, plan->gpus == 1 ? "" : "s",
	       plan->count, plan->count == 1 ? "" : "s",
	       plan->exact ? "" : " (not proven to be the fewest)");
	if (p->now)
		printf("%d stay, %d are recreated, %d are new\n", plan->kept,
		       plan->recreated, plan->created);
	putchar('\n');
	draw_plan(p);
}

static int make_plan(struct plan *p, const struct gt_mig_space *space)
{
	struct gt_mig_demand demand;
	struct gt_error err;
	int status = CLI_GO_ON;

	if (gt_mig_demand_parse(&demand, &p->mig.gpu, p->request, &err))
		return cli_misuse(&p->mig.cli, "--request: %s", err.text);
	if (p->used)
		status = mig_fleet(&p->mig, space, p->count, p->used, &p->now);
	if (status != CLI_GO_ON)
		return status;
	if (gt_mig_plan_make(&p->plan, space, &demand, p->now, &err))
		return cli_fail(&err);
	if (p->count && p->plan.gpus > p->count) {
		cli_say("%d GPUs are needed, there are %d", p->plan.gpus, p->count);
		return CLI_NO_FIT;
	}
	if (p->mig.json)
		return cli_print_json(plan_json(p));
	print_plan(p);
	return CLI_DONE;
}

int mig_plan(int argc, char **argv)
{
	struct plan p = {.mig.cli = {.command = "mig plan", .help = help}};
	struct gt_mig_space *space = NULL;
	struct gt_error err;
	int status = read_line(&p, argc, argv);

	if (status == CLI_GO_ON && gt_mig_space_new(&space, &p.mig.gpu, NULL, &err))
		status = cli_fail(&err);
	if (status == CLI_GO_ON)
		status = make_plan(&p, space);
	gt_mig_plan_release(&p.plan);
	gt_mig_fleet_free(p.now);
	gt_mig_space_free(space);
	return status;
}
