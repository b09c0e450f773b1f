/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim replay: the options, and the order of things. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "cli/sim_run.h"

#include <stddef.h>
#include <string.h>

static const char help[] =
	"Usage: gputopo sim replay -w TRACE (-t TOPOLOGY --nodes N | --conf DIR) "
	"[OPTIONS]\n"
	"Replay jobs under several policies and show what each would have given them.\n\n"
	"  -w, --workload TRACE     sacct --parsable2, SWF, CSV or a published trace; - "
	"for\n"
	"                           standard input\n"
	"      --trace-format NAME  csv, sacct, swf, openb, helios, acme, pai, "
	"supercloud,\n"
	"                           pm100, philly or table, if the content does not show "
	"it\n"
	"      --only KEY=V,...     keep these rows; KEY is partition, type, feature,\n"
	"                           reservation, user or node; may be repeated\n"
	"  -t, --topology T         one node: a file of any known format or "
	"builtin:NAME\n"
	"      --topology-format NAME, --model NAME, --node NAME   as for gputopo show\n"
	"      --nodes N            how many of them\n"
	"      --conf DIR           or a site: slurm.conf, gres.conf and gputopo.conf in "
	"DIR;\n"
	"                           partitions, types of GPU, features and reservations "
	"of\n"
	"                           the trace count\n"
	"      --policy P,...       of those below; options follow after slashes, as in\n"
	"                           gputopo/preserve, gputopo/nosplit, gputopo/timeless "
	"(time\n"
	"                           limits of running jobs unused), gputopo/blind "
	"(running\n"
	"                           jobs unseen), gputopo/over=22.05 or 24.05 (that "
	"stock's "
	"set\n"
	"                           is kept on a tie, as in the plugin), "
	"NAME/nodes=first,\n"
	"                           NAME/nodes=best\n"
	"                           Default: gputopo and the stock policy of --release\n"
	"      --release R          of Slurm, such as 24.11 (default: that of sinfo "
	"here)\n"
	"      --mix MIX            expected sizes for gputopo (JobSizeMix of "
	"gputopo.conf)\n"
	"      --sched S            fifo, easy (default), recorded or loss\n"
	"      --depth N            waiting jobs that are looked at (default: all)\n"
	"      --form FORM          job, node, task or socket: the request form of jobs "
	"whose\n"
	"                           trace does not name it (default node)\n"
	"      --groups K:SIZES,... jobs of K GPUs on a node split into groups, such as "
	"4:2x2\n"
	"                           (two of two); the slowest group is what they got\n"
	"      --comm NAME          what runs in each group: allreduce (default) or "
	"alltoall\n"
	"      --gpu-from RULE      procs/N: N processors of an SWF trace are one GPU;\n"
	"                           node/N[:HOSTS]: where no column counts GPUs, a job "
	"has "
	"all\n"
	"                           N GPUs of its nodes\n"
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
	"      --svg FILE           one picture for a slide; - for standard output\n"
	"      --progress WHEN      auto (default), none or json, on standard error\n"
	"      --json               the summary as one JSON document\n" CLI_HELP_HELP;

enum {
	TRACE_FORMAT = CLI_OPT_OWN,
	TOPOLOGY_FORMAT,
	NODES,
	CONF,
	POLICY,
	RELEASE,
	MIX,
	SCHED,
	DEPTH,
	FORM,
	ONLY,
	GROUPS,
	COMM,
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
	SVG,
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
	{"release", required_argument, NULL, RELEASE},
	{"mix", required_argument, NULL, MIX},
	{"sched", required_argument, NULL, SCHED},
	{"depth", required_argument, NULL, DEPTH},
	{"form", required_argument, NULL, FORM},
	{"only", required_argument, NULL, ONLY},
	{"groups", required_argument, NULL, GROUPS},
	{"comm", required_argument, NULL, COMM},
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
	{"svg", required_argument, NULL, SVG},
	{"progress", required_argument, NULL, PROGRESS},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

/* An option and where its value goes. */
struct setting {
	int opt;
	int (*take)(struct cli_common *c, struct sim_run *run, const struct setting *s);
	const char *name; /* in messages */
	size_t at;	  /* in struct sim_run */
	int64_t low, high;
};

static void *value_of(struct sim_run *run, const struct setting *s)
{
	return (char *)run + s->at;
}

static int misused_name(const struct cli_common *c, const char *option, const char *names)
{
	return cli_misuse(c, "%s: '%s' is not one of %s", option, optarg, names);
}

/* ---- values that only have a type ----------------------------------------------------
 */

static int take_text(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	(void)c;
	*(const char **)value_of(run, s) = optarg;
	return CLI_GO_ON;
}

static int take_flag(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	(void)c;
	*(bool *)value_of(run, s) = true;
	return CLI_GO_ON;
}

static int take_count(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	return sim_read_count(c, s->name, optarg, s->low, s->high, value_of(run, s));
}

static int take_int(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	int64_t count = 0;
	int status = sim_read_count(c, s->name, optarg, s->low, s->high, &count);

	*(int *)value_of(run, s) = (int)count;
	return status;
}

static int take_gbps(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	double gbps = 0;
	int status = sim_read_number(c, s->name, optarg, 0, 10000, &gbps);

	*(int *)value_of(run, s) = (int)(gbps * 1000 + .5);
	return status;
}

/* ---- values of their own -------------------------------------------------------------
 */

static int take_scale(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	return sim_read_number(c, s->name, optarg, 1e-3, 1e3, &run->read.scale_arrivals);
}

static int take_slowdown(struct cli_common *c, struct sim_run *run,
			 const struct setting *s)
{
	return sim_read_number(c, s->name, optarg, 0, 100, &run->options.slowdown);
}

static int take_warmup(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	return sim_read_duration(c, s->name, optarg, &run->warmup_ms);
}

static int take_topology_format(struct cli_common *c, struct sim_run *run,
				const struct setting *s)
{
	(void)run, (void)s;
	c->load.format = optarg;
	return CLI_GO_ON;
}

static int take_mix(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	struct gt_error err;

	run->mix_text = optarg;
	return gt_mix_parse(&run->mix, optarg, &err)
		       ? cli_misuse(c, "%s: %s", s->name, err.text)
		       : CLI_GO_ON;
}

static int take_sched(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	return sim_sched_parse(optarg, &run->options.sched)
		       ? CLI_GO_ON
		       : misused_name(c, s->name, "fifo, easy, recorded, loss");
}

static int take_form(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	return sim_form_parse(optarg, &run->read.form)
		       ? CLI_GO_ON
		       : misused_name(c, s->name, "job, node, task, socket");
}

/* "4:2x2,8:4x2": each names the GPUs that it is for. */
static int take_groups(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	const char *at = optarg;

	run->groups_text = optarg;
	memset(run->groups, 0, sizeof(run->groups));
	while (*at) {
		char one[GT_GROUPS_TEXT_MAX];
		size_t length = strcspn(at, ",");
		struct gt_groups groups;
		struct gt_error err;

		snprintf(one, sizeof(one), "%.*s", (int)length, at);
		if (length >= sizeof(one) || !strchr(one, ':'))
			return cli_misuse(c, "%s: '%.40s' is not K:SIZES, such as 4:2x2",
					  s->name, one);
		if (gt_groups_parse(&groups, one, &err))
			return cli_misuse(c, "%s: %s", s->name, err.text);
		if (gt_groups_sum(&groups) > SIM_MAX_GPUS)
			return cli_misuse(c, "%s: nodes have %d GPUs at most", s->name,
					  SIM_MAX_GPUS);
		run->groups[gt_groups_sum(&groups)] = groups;
		at += length;
		at += *at == ',';
	}
	if (!*optarg)
		return cli_misuse(c, "%s: the list is empty", s->name);
	return CLI_GO_ON;
}

static int take_comm(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	(void)s;
	return cli_comm(c, optarg, &run->comm);
}

static int take_gpu_from(struct cli_common *c, struct sim_run *run,
			 const struct setting *s)
{
	return sim_read_gpu_from(c, s->name, optarg, &run->read);
}

static int take_only(struct cli_common *c, struct sim_run *run, const struct setting *s)
{
	static const char *const keys[] = {"partition",	  "type", "feature",
					   "reservation", "user", "node"};
	const char *equals = strchr(optarg, '=');
	int count = 0;

	while (run->only[count])
		count++;
	for (size_t i = 0; equals && i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i]) == (size_t)(equals - optarg) &&
		    !strncmp(keys[i], optarg, strlen(keys[i])) && count < SIM_MAX_ONLY) {
			run->only[count] = optarg;
			run->read.only = run->only;
			return CLI_GO_ON;
		}
	return cli_misuse(c,
			  "%s: '%s' is not KEY=VALUE,... with partition, type, feature, "
			  "reservation, user or node",
			  s->name, optarg);
}

static int take_formats(struct cli_common *c, struct sim_run *run,
			const struct setting *s)
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
			return misused_name(c, s->name, "csv, json, html");
	}
	return CLI_GO_ON;
}

static int take_progress(struct cli_common *c, struct sim_run *run,
			 const struct setting *s)
{
	static const char *const names[] = {
		[SIM_PROGRESS_AUTO] = "auto",
		[SIM_PROGRESS_NONE] = "none",
		[SIM_PROGRESS_JSON] = "json",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(optarg, names[i])) {
			run->progress = (enum sim_progress)i;
			return CLI_GO_ON;
		}
	return misused_name(c, s->name, "auto, none, json");
}

/* ---- the table -----------------------------------------------------------------------
 */

#define AT(member) offsetof(struct sim_run, member)

static const struct setting settings[] = {
	{'w', take_text, "-w", AT(trace_name), 0, 0},
	{TRACE_FORMAT, take_text, "--trace-format", AT(read.format), 0, 0},
	{TOPOLOGY_FORMAT, take_topology_format, "--topology-format", 0, 0, 0},
	{NODES, take_int, "--nodes", AT(nodes), 1, SIM_MAX_NODES},
	{CONF, take_text, "--conf", AT(conf), 0, 0},
	{POLICY, take_text, "--policy", AT(policies), 0, 0},
	{RELEASE, take_text, "--release", AT(release), 0, 0},
	{MIX, take_mix, "--mix", 0, 0, 0},
	{SCHED, take_sched, "--sched", 0, 0, 0},
	{DEPTH, take_count, "--depth", AT(options.depth), 1, INT32_MAX},
	{FORM, take_form, "--form", 0, 0, 0},
	{ONLY, take_only, "--only", 0, 0, 0},
	{GROUPS, take_groups, "--groups", 0, 0, 0},
	{COMM, take_comm, "--comm", 0, 0, 0},
	{GPU_FROM, take_gpu_from, "--gpu-from", 0, 0, 0},
	{SCALE, take_scale, "--scale-arrivals", 0, 0, 0},
	{WARMUP, take_warmup, "--warmup", 0, 0, 0},
	{JOBS_LIMIT, take_count, "--jobs-limit", AT(read.jobs_limit), 1, INT32_MAX},
	{SLOWDOWN, take_slowdown, "--slowdown", 0, 0, 0},
	{RINGLESS, take_gbps, "--ringless", AT(options.ringless_mbps), 0, 0},
	{NETWORK, take_gbps, "--network", AT(options.network_mbps), 0, 0},
	{TIMES, take_flag, "--time-decisions", AT(options.times_decisions), 0, 0},
	{ANONYMIZE, take_text, "--anonymize", AT(anonymize), 0, 0},
	{SEED, take_count, "--seed", AT(options.seed), 0, INT64_MAX},
	{'j', take_int, "-j", AT(threads), 1, 256},
	{STRICT, take_flag, "--strict", AT(read.strict), 0, 0},
	{'o', take_text, "-o", AT(output), 0, 0},
	{FORMATS, take_formats, "--format", 0, 0, 0},
	{SVG, take_text, "--svg", AT(svg), 0, 0},
	{PROGRESS, take_progress, "--progress", 0, 0, 0},
	{JSON, take_flag, "--json", AT(json), 0, 0},
};

static int take_option(struct cli_common *c, int opt, struct sim_run *run)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (settings[i].opt == opt)
			return settings[i].take(c, run, &settings[i]);
	return cli_common_option(c, opt);
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
		return cli_misuse(c, "the jobs are missing: -w TRACE");
	if (run->anonymize && !run->policies && !run->conf && !c->topology)
		return CLI_GO_ON;
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
