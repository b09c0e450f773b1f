/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim replay: the options, and the order of things. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "cli/sim_run.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
	"Usage: gputopo sim replay -w TRACE (-t TOPOLOGY --nodes N | --conf DIR) "
	"--policy "
	"P[,P...]\n"
	"                          [OPTIONS]\n"
	"Replay jobs under several policies and tell what each would have given them.\n\n"
	"  -w, --workload TRACE     sacct --parsable2, SWF, CSV or openb CSV; - for "
	"standard "
	"input\n"
	"      --trace-format NAME  csv, sacct, swf or openb, where the content does not "
	"tell\n"
	"  -t, --topology T         one node: a file of any known format or "
	"builtin:NAME\n"
	"      --topology-format NAME, --model NAME, --node NAME   as for gputopo show\n"
	"      --nodes N            how many of them\n"
	"      --conf DIR           or the nodes of slurm.conf, gres.conf and "
	"gputopo.conf in "
	"DIR\n"
	"      --policy P,...       of those below; options follow after slashes, as in\n"
	"                           gputopo/preserve, gputopo/nosplit, gputopo/timeless "
	"(time\n"
	"                           limits of running jobs unused), gputopo/blind "
	"(running\n"
	"                           jobs unseen), gputopo/over=22.05 or 24.05 (that "
	"stock's "
	"set\n"
	"                           stands on a tie, as in the plugin), "
	"NAME/nodes=first,\n"
	"                           NAME/nodes=best\n"
	"      --mix MIX            expected sizes for gputopo (JobSizeMix of "
	"gputopo.conf)\n"
	"      --sched S            fifo, easy (default), recorded or loss\n"
	"      --depth N            waiting jobs that are looked at (default: all)\n"
	"      --form FORM          job, node, task or socket: the request form of jobs "
	"whose\n"
	"                           trace does not tell (default node)\n"
	"      --gpu-from RULE      procs/N: N processors of an SWF trace are one GPU\n"
	"      --scale-arrivals X   jobs come X times as fast\n"
	"      --warmup DURATION    count no jobs submitted before, such as 7d\n"
	"      --jobs-limit N       read no more jobs\n"
	"      --slowdown ALPHA     ASSUME that run times grow by ALPHA x (ideal/got - "
	"1)\n"
	"      --ringless GBPS      what a set without a ring counts as (default: its "
	"own)\n"
	"      --network GBPS       what a job split over nodes reaches at most (default "
	"12.5)\n"
	"      --time-decisions     measure each decision (outputs differ from run to "
	"run)\n"
	"      --anonymize FILE     write the trace as CSV without names; then no policy "
	"is "
	"needed\n"
	"      --seed N             for the policy random (default 1)\n"
	"  -j, --threads N          policies at a time\n"
	"      --strict             a bad row is an error\n"
	"  -o, --output DIR         write summary.json, jobs-POLICY.csv, report.html "
	"there\n"
	"      --format LIST        of csv, json, html (default json,html)\n"
	"      --progress WHEN      auto (default), none or json, on standard error\n"
	"      --json               the summary as one JSON document\n" CLI_HELP_HELP;

enum {
	TRACE_FORMAT = CLI_OPT_OWN,
	TOPOLOGY_FORMAT,
	NODES,
	CONF,
	POLICY,
	MIX,
	SCHED,
	DEPTH,
	FORM,
	GPU_FROM,
	SCALE,
	WARMUP,
	JOBS_LIMIT,
	SLOWDOWN,
	RINGLESS,
	NETWORK,
	TIMES,
	ANONYMIZE,
	SEED,
	STRICT,
	FORMATS,
	PROGRESS,
	JSON,
};

static const struct option options[] = {
	{"workload", required_argument, NULL, 'w'},
	{"trace-format", required_argument, NULL, TRACE_FORMAT},
	{"topology", required_argument, NULL, 't'},
	{"topology-format", required_argument, NULL, TOPOLOGY_FORMAT},
	{"model", required_argument, NULL, CLI_OPT_MODEL},
	{"node", required_argument, NULL, CLI_OPT_NODE},
	{"nodes", required_argument, NULL, NODES},
	{"conf", required_argument, NULL, CONF},
	{"policy", required_argument, NULL, POLICY},
	{"mix", required_argument, NULL, MIX},
	{"sched", required_argument, NULL, SCHED},
	{"depth", required_argument, NULL, DEPTH},
	{"form", required_argument, NULL, FORM},
	{"gpu-from", required_argument, NULL, GPU_FROM},
	{"scale-arrivals", required_argument, NULL, SCALE},
	{"warmup", required_argument, NULL, WARMUP},
	{"jobs-limit", required_argument, NULL, JOBS_LIMIT},
	{"slowdown", required_argument, NULL, SLOWDOWN},
	{"ringless", required_argument, NULL, RINGLESS},
	{"network", required_argument, NULL, NETWORK},
	{"time-decisions", no_argument, NULL, TIMES},
	{"anonymize", required_argument, NULL, ANONYMIZE},
	{"seed", required_argument, NULL, SEED},
	{"threads", required_argument, NULL, 'j'},
	{"strict", no_argument, NULL, STRICT},
	{"output", required_argument, NULL, 'o'},
	{"format", required_argument, NULL, FORMATS},
	{"progress", required_argument, NULL, PROGRESS},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

static int misused_name(const struct cli_common *c, const char *option, const char *names)
{
	return cli_misuse(c, "%s: '%s' is none of %s", option, optarg, names);
}

static int take_gpu_from(const struct cli_common *c, struct sim_run *run)
{
	int used = 0;

	if (sscanf(optarg, "procs/%d%n", &run->read.swf_per_gpu, &used) != 1 ||
	    optarg[used] || run->read.swf_per_gpu < 1)
		return cli_misuse(c, "--gpu-from: '%s' is not procs/N", optarg);
	return CLI_GO_ON;
}

static int take_gbps(const struct cli_common *c, const char *name, int *mbps)
{
	double gbps;
	int status = sim_read_number(c, name, optarg, 0, 10000, &gbps);

	*mbps = (int)(gbps * 1000 + .5);
	return status;
}

static int take_formats(const struct cli_common *c, struct sim_run *run)
{
	char copy[64], *keep = NULL;

	run->csv = run->summary = run->html = false;
	snprintf(copy, sizeof(copy), "%s", optarg);
	for (char *at = strtok_r(copy, ",", &keep); at; at = strtok_r(NULL, ",", &keep)) {
		if (!strcmp(at, "csv"))
			run->csv = true;
		else if (!strcmp(at, "json"))
			run->summary = true;
		else if (!strcmp(at, "html"))
			run->html = true;
		else
			return misused_name(c, "--format", "csv, json, html");
	}
	return CLI_GO_ON;
}

static int take_progress(const struct cli_common *c, struct sim_run *run)
{
	if (!strcmp(optarg, "auto"))
		run->progress = SIM_PROGRESS_AUTO;
	else if (!strcmp(optarg, "none"))
		run->progress = SIM_PROGRESS_NONE;
	else if (!strcmp(optarg, "json"))
		run->progress = SIM_PROGRESS_JSON;
	else
		return misused_name(c, "--progress", "auto, none, json");
	return CLI_GO_ON;
}

/* The options that are numbers. */
static int take_number(struct cli_common *c, int opt, struct sim_run *run)
{
	int64_t count = 0;
	int status;

	switch (opt) {
	case NODES:
		status = sim_read_count(c, "--nodes", optarg, 1, SIM_MAX_NODES, &count);
		run->nodes = (int)count;
		return status;
	case DEPTH:
		return sim_read_count(c, "--depth", optarg, 1, INT32_MAX,
				      &run->options.depth);
	case SCALE:
		return sim_read_number(c, "--scale-arrivals", optarg, 1e-3, 1e3,
				       &run->read.scale_arrivals);
	case WARMUP:
		return sim_read_duration(c, "--warmup", optarg, &run->warmup_ms);
	case JOBS_LIMIT:
		return sim_read_count(c, "--jobs-limit", optarg, 1, INT32_MAX,
				      &run->read.jobs_limit);
	case SLOWDOWN:
		return sim_read_number(c, "--slowdown", optarg, 0, 100,
				       &run->options.slowdown);
	case RINGLESS:
		return take_gbps(c, "--ringless", &run->options.ringless_mbps);
	case NETWORK:
		return take_gbps(c, "--network", &run->options.network_mbps);
	case SEED:
		status = sim_read_count(c, "--seed", optarg, 0, INT64_MAX, &count);
		run->options.seed = (uint64_t)count;
		return status;
	default:
		status = sim_read_count(c, "-j", optarg, 1, 256, &count);
		run->threads = (int)count;
		return status;
	}
}

static int take_option(struct cli_common *c, int opt, struct sim_run *run)
{
	struct gt_error err;

	switch (opt) {
	case 'w':
		run->trace_name = optarg;
		return CLI_GO_ON;
	case TRACE_FORMAT:
		run->read.format = optarg;
		return CLI_GO_ON;
	case TOPOLOGY_FORMAT:
		c->load.format = optarg;
		return CLI_GO_ON;
	case CONF:
		run->conf = optarg;
		return CLI_GO_ON;
	case POLICY:
		run->policies = optarg;
		return CLI_GO_ON;
	case MIX:
		run->mix_text = optarg;
		return gt_mix_parse(&run->mix, optarg, &err)
			       ? cli_misuse(c, "--mix: %s", err.text)
			       : CLI_GO_ON;
	case SCHED:
		return sim_sched_parse(optarg, &run->options.sched)
			       ? CLI_GO_ON
			       : misused_name(c, "--sched", "fifo, easy, recorded, loss");
	case FORM:
		return sim_form_parse(optarg, &run->read.form)
			       ? CLI_GO_ON
			       : misused_name(c, "--form", "job, node, task, socket");
	case GPU_FROM:
		return take_gpu_from(c, run);
	case TIMES:
		run->options.times_decisions = true;
		return CLI_GO_ON;
	case ANONYMIZE:
		run->anonymize = optarg;
		return CLI_GO_ON;
	case STRICT:
		run->read.strict = true;
		return CLI_GO_ON;
	case 'o':
		run->output = optarg;
		return CLI_GO_ON;
	case FORMATS:
		return take_formats(c, run);
	case PROGRESS:
		return take_progress(c, run);
	case JSON:
		run->json = true;
		return CLI_GO_ON;
	case NODES:
	case DEPTH:
	case SCALE:
	case WARMUP:
	case JOBS_LIMIT:
	case SLOWDOWN:
	case RINGLESS:
	case NETWORK:
	case SEED:
	case 'j':
		return take_number(c, opt, run);
	default:
		return cli_common_option(c, opt);
	}
}

static void print_policies(void)
{
	const struct sim_policy *policy;

	fputs("\nPolicies:\n", stdout);
	for (int i = 0; (policy = sim_policy_at(i)); i++)
		printf("  %-12s %s\n", policy->name, policy->summary);
}

/* What must stand on the line together. */
static int check(const struct cli_common *c, const struct sim_run *run)
{
	if (!run->trace_name)
		return cli_misuse(c, "no jobs: -w TRACE");
	if (run->anonymize && !run->policies)
		return CLI_GO_ON;
	if (!run->policies)
		return cli_misuse(c, "no policy: --policy gputopo,slurm-22.05");
	if (run->conf ? c->topology || run->nodes : !c->topology || !run->nodes)
		return cli_misuse(c, "either -t TOPOLOGY with --nodes N, or --conf DIR");
	return CLI_GO_ON;
}

int cmd_sim_replay(int argc, char **argv)
{
	struct cli_common c = {.command = "sim replay", .help = help};
	struct sim_run run = {
		.common = &c,
		.read = {.form = SIM_FORM_NODE, .scale_arrivals = 1},
		.options = {.sched = SIM_SCHED_EASY, .network_mbps = 12500, .seed = 1},
		.mix = gt_mix_default(),
		.threads = 1,
		.summary = true,
		.html = true,
	};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "w:t:j:o:h", options, NULL)) != -1) {
		status = take_option(&c, opt, &run);
		if (opt == 'h')
			print_policies();
	}
	if (status == CLI_GO_ON)
		status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON)
		status = check(&c, &run);
	return status == CLI_GO_ON ? sim_run_all(&run) : status;
}
