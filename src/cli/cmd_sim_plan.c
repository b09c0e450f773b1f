/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim plan: the same jobs on node types that one could buy, side by side. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/report.h"
#include "sim/sim_mig.h"
#include "sim/sim_mig_rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CANDIDATES 32
#define NAME_MAX_SHOWN 24

static const char help[] =
	"Usage: gputopo sim plan -w TRACE --candidate NAME,topology=T,nodes=N[,KEY=V...] "
	"...\n"
	"                        [OPTIONS]\n"
	"Replay the same jobs on each candidate and print what they would get, side by "
	"side.\n\n"
	"  -w, --workload TRACE  as for gputopo sim replay; - for standard input\n"
	"      --candidate C     a node type and its number, to be repeated:\n"
	"                        NAME         how it is called in the table\n"
	"                        topology=T   a file of any known format or "
	"builtin:NAME\n"
	"                        nodes=N      how many\n"
	"                        model=M      the GPU, where the file does not name it\n"
	"                        nics=N       network cards of a node, spread evenly "
	"over its\n"
	"                                     GPUs, instead of those that T has: they "
	"bound\n"
	"                                     jobs of several nodes\n"
	"                        nic-rate=G   GB/s of each (default 50)\n"
	"                        price=P      of a node, in any currency\n"
	"                        mig=MODEL,mig-gpus=N   GPUs set aside for the trace's "
	"MIG\n"
	"                                     slices, such as A100-80GB\n"
	"      --policy P        a policy of gputopo sim replay (default gputopo)\n"
	"      --sched S         fifo or easy (default)\n"
	"      --gpu-from RULE   as for gputopo sim replay\n"
	"      --warmup DURATION count no jobs submitted before, such as 7d\n"
	"      --json            one JSON document\n" CLI_HELP_HELP;

enum {
	CANDIDATE = CLI_OPT_OWN,
	POLICY,
	SCHED,
	GPU_FROM,
	WARMUP,
	JSON,
};

static const struct option options[] = {
	{"workload", required_argument, NULL, 'w'},
	{"candidate", required_argument, NULL, CANDIDATE},
	{"policy", required_argument, NULL, POLICY},
	{"sched", required_argument, NULL, SCHED},
	{"gpu-from", required_argument, NULL, GPU_FROM},
	{"warmup", required_argument, NULL, WARMUP},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

/* One line of the table. */
struct candidate {
	char *text; /* --candidate, cut at its commas */
	const char *name, *topology, *model, *mig;
	int nodes, nics, mig_gpus;
	double nic_gbps, price; /* price < 0: none was given */
	struct sim_layout layout;
	struct sim_metrics metrics;
	int64_t spread; /* jobs that take more nodes than they did */
	bool has_mig;
	struct sim_mig_result slices;
};

struct plan {
	struct cli_common common;
	const char *trace_name, *policy;
	struct sim_trace_options read;
	struct sim_options options;
	int64_t warmup_ms;
	bool json, has_prices, has_mig;
	struct candidate candidates[MAX_CANDIDATES];
	int count;
};

/* ---- the line ---- */

static int read_key(struct plan *p, struct candidate *c, char *key)
{
	char *value = strchr(key, '=');
	int64_t count = 0;
	int status = CLI_GO_ON;

	if (!value)
		return cli_misuse(&p->common, "--candidate %s: '%s' is not KEY=VALUE",
				  c->name, key);
	*value++ = '\0';
	if (!strcmp(key, "topology")) {
		c->topology = value;
	} else if (!strcmp(key, "model")) {
		c->model = value;
	} else if (!strcmp(key, "mig")) {
		c->mig = value;
	} else if (!strcmp(key, "nodes")) {
		status = sim_read_count(&p->common, "nodes", value, 1, SIM_MAX_NODES,
					&count);
		c->nodes = (int)count;
	} else if (!strcmp(key, "nics")) {
		status = sim_read_count(&p->common, "nics", value, 1, SIM_MAX_GPUS,
					&count);
		c->nics = (int)count;
	} else if (!strcmp(key, "mig-gpus")) {
		status = sim_read_count(&p->common, "mig-gpus", value, 1, GT_MIG_GPUS,
					&count);
		c->mig_gpus = (int)count;
	} else if (!strcmp(key, "nic-rate")) {
		status = sim_read_number(&p->common, "nic-rate", value, 1e-3, 10000,
					 &c->nic_gbps);
	} else if (!strcmp(key, "price")) {
		status = sim_read_number(&p->common, "price", value, 0, 1e12, &c->price);
	} else {
		status =
			cli_misuse(&p->common,
				   "--candidate %s: no key '%s': topology, nodes, model, "
				   "nics, nic-rate, price, mig, mig-gpus",
				   c->name, key);
	}
	return status;
}

static int read_candidate(struct plan *p, const char *text)
{
	struct candidate *c = &p->candidates[p->count];
	char *keep = NULL, *word;
	int status = CLI_GO_ON;

	if (p->count == MAX_CANDIDATES)
		return cli_misuse(&p->common, "more than %d candidates", MAX_CANDIDATES);
	*c = (struct candidate){.text = strdup(text), .nic_gbps = 50, .price = -1};
	if (!c->text)
		return cli_no_memory();
	p->count++;
	c->name = strtok_r(c->text, ",", &keep);
	if (!c->name || strchr(c->name, '='))
		return cli_misuse(&p->common,
				  "--candidate: '%s' does not begin with a name", text);
	while (status == CLI_GO_ON && (word = strtok_r(NULL, ",", &keep)))
		status = read_key(p, c, word);
	if (status == CLI_GO_ON && (!c->topology || !c->nodes))
		status = cli_misuse(&p->common,
				    "--candidate %s: topology= and nodes= are needed",
				    c->name);
	if (status == CLI_GO_ON && !c->mig != !c->mig_gpus)
		status = cli_misuse(&p->common,
				    "--candidate %s: mig= and mig-gpus= belong together",
				    c->name);
	for (int i = 0; i < p->count - 1 && status == CLI_GO_ON; i++)
		if (!strcmp(p->candidates[i].name, c->name))
			status = cli_misuse(&p->common, "--candidate %s is given twice",
					    c->name);
	p->has_prices |= c->price >= 0;
	p->has_mig |= c->mig != NULL;
	return status;
}

static int read_sched(struct plan *p)
{
	if (!sim_sched_parse(optarg, &p->options.sched) ||
	    p->options.sched > SIM_SCHED_EASY)
		return cli_misuse(&p->common, "--sched: '%s' is neither fifo nor easy",
				  optarg);
	return CLI_GO_ON;
}

static int read_option(struct plan *p, int opt)
{
	switch (opt) {
	case 'w':
		p->trace_name = optarg;
		return CLI_GO_ON;
	case CANDIDATE:
		return read_candidate(p, optarg);
	case POLICY:
		p->policy = optarg;
		return CLI_GO_ON;
	case SCHED:
		return read_sched(p);
	case GPU_FROM:
		return sim_read_gpu_from(&p->common, "--gpu-from", optarg, &p->read);
	case WARMUP:
		return sim_read_duration(&p->common, "--warmup", optarg, &p->warmup_ms);
	case JSON:
		p->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&p->common, opt);
	}
}

/* ---- the runs ---- */

/* nics= of a candidate: spread evenly over the GPUs, GPU g beside card g x cards / GPUs.
 */
static enum gt_err add_nics(const struct candidate *c, struct gt_node *node,
			    struct gt_error *err)
{
	struct gt_nic nic = {.mbps = (int)(c->nic_gbps * 1000 + .5), .rail = GT_UNKNOWN};
	int n = gt_node_size(node);
	enum gt_err rc = GT_OK;
	uint8_t paths[GT_MAX_GPUS];

	for (int i = 0; i < c->nics && rc == GT_OK; i++) {
		snprintf(nic.name, sizeof(nic.name), "nic%d", i);
		for (int g = 0; g < n; g++)
			paths[g] = g * c->nics / n == i ? GT_PATH_PIX : GT_PATH_SYS;
		rc = gt_node_add_nic(node, &nic, paths, err);
	}
	if (rc == GT_OK && c->nics)
		gt_node_settle_nics(node, 0, NULL);
	return rc;
}

static int load_layout(struct candidate *c)
{
	struct gt_site_options load = {.load = {.model = c->model},
				       .nic_ignored = c->nics ? "*" : NULL};
	struct gt_error err;
	struct gt_node *node;
	int type;

	if (gt_node_load_site(&node, c->topology, &load, &err))
		return cli_fail(&err);
	if (add_nics(c, node, &err)) {
		gt_node_free(node);
		return cli_fail(&err);
	}
	if (sim_layout_add_type(&c->layout, node, 0, &type, &err))
		return cli_fail(&err);
	for (int i = 0; i < c->nodes; i++)
		if (sim_layout_add_node(&c->layout, type, NULL, false, &err))
			return cli_fail(&err);
	return CLI_GO_ON;
}

/* Jobs with more GPUs on a node than the candidate has take as many nodes as they need.
 */
static int64_t fit_jobs(const struct sim_trace *from, struct sim_job *jobs, int largest)
{
	int64_t spread = 0;

	memcpy(jobs, from->jobs, from->count * sizeof(*jobs));
	for (size_t i = 0; i < from->count; i++) {
		int nodes = jobs[i].nodes ? jobs[i].nodes : 1;

		if ((jobs[i].gpus + nodes - 1) / nodes <= largest)
			continue;
		spread++;
		jobs[i].nodes = 0;
	}
	return spread;
}

static int run_slices(struct candidate *c, const struct sim_trace *trace)
{
	struct sim_mig_options how = {.gpus = c->mig_gpus, .queue = true, .depth = 100};
	struct sim_mig_trace requests = {0};
	const struct gt_mig_gpu *gpu;
	struct gt_mig_space *space = NULL;
	struct gt_mig_mix mix = {0};
	struct gt_error err;
	int status = CLI_GO_ON;

	if (gt_mig_gpu_find(&gpu, c->mig, &err))
		return cli_fail(&err);
	if (sim_mig_trace_take(&requests, trace, gpu, &err))
		return cli_fail(&err);
	for (size_t i = 0; i < requests.count; i++)
		mix.weight[requests.jobs[i].profile]++;
	if (requests.count) {
		if (gt_mig_space_new(&space, gpu, &mix, &err) ||
		    sim_mig_run(&c->slices, &requests, space, space, GT_MIG_LOOKAHEAD,
				&how, false, &err))
			status = cli_fail(&err);
		c->has_mig = status == CLI_GO_ON;
	}
	gt_mig_space_free(space);
	sim_mig_trace_release(&requests);
	return status;
}

static int run_candidate(struct plan *p, struct candidate *c,
			 const struct sim_trace *trace)
{
	struct sim_trace fitted = *trace;
	struct sim_result result = {0};
	struct gt_error err;
	int status = load_layout(c);

	if (status != CLI_GO_ON)
		return status;
	fitted.jobs = malloc((trace->count + 1) * sizeof(*fitted.jobs));
	if (!fitted.jobs)
		return cli_no_memory();
	c->spread = fit_jobs(trace, fitted.jobs, c->layout.largest);
	if (sim_engine_run(&result, &fitted, &c->layout, p->policy, NULL, &p->options,
			   &err) ||
	    sim_metrics_make(&c->metrics, &fitted, &result, p->warmup_ms, &err))
		status = cli_fail(&err);
	sim_result_release(&result);
	free(fitted.jobs);
	if (status == CLI_GO_ON && c->mig)
		status = run_slices(c, trace);
	return status;
}

/* ---- what comes out ---- */

static double full_hours(const struct candidate *c)
{
	return c->metrics.all.gpu_hours - c->metrics.all.gpu_hours_below_ideal;
}

/* The first line: who gives the most bandwidth, and who the shortest wait. */
static void say_verdict(const struct plan *p, char *text, size_t size)
{
	const struct candidate *fast = &p->candidates[0], *soon = fast;

	for (int i = 1; i < p->count; i++) {
		const struct candidate *c = &p->candidates[i];

		if (c->metrics.all.mean_gbps > fast->metrics.all.mean_gbps)
			fast = c;
		if (c->metrics.wait_mean_s < soon->metrics.wait_mean_s)
			soon = c;
	}
	snprintf(
		text, size,
		"%.40s gives jobs of 2 GPUs and more the most bandwidth, %.1f GB/s; jobs "
		"wait least on %.40s, %.1f min on average.",
		fast->name, fast->metrics.all.mean_gbps, soon->name,
		soon->metrics.wait_mean_s / 60);
}

static void print_row(const struct plan *p, const struct candidate *c)
{
	const struct sim_metrics *m = &c->metrics;
	double all = m->all.gpu_hours;

	printf("%-*.*s %6d %7" PRId64 " %9.1f %8.1f %9.1f %9.1f %7.1f %% %10.1f %7.1f %% "
	       "%8" PRId64,
	       NAME_MAX_SHOWN, NAME_MAX_SHOWN, c->name, c->nodes, c->layout.gpus,
	       m->all.mean_gbps, m->all.p5_gbps, m->wait_mean_s / 60, m->wait_p95_s / 60,
	       100 * m->utilisation_submit, full_hours(c),
	       all > 0 ? 100 * full_hours(c) / all : 0, m->rejected);
	if (p->has_mig && c->has_mig)
		printf(" %9.2f %9.1f", c->slices.stranded, c->slices.wait_mean_s / 60);
	else if (p->has_mig)
		printf(" %9s %9s", "-", "-");
	if (p->has_prices && c->price >= 0)
		printf(" %12.0f", c->price * c->nodes);
	else if (p->has_prices)
		printf(" %12s", "-");
	putchar('\n');
}

static void print_table(const struct plan *p, const struct sim_trace *trace)
{
	char verdict[256];

	say_verdict(p, verdict, sizeof(verdict));
	printf("%s\n\n%zu jobs of %s, %s, %s\n\n", verdict, trace->count, p->trace_name,
	       p->policy, sim_sched_name(p->options.sched));
	printf("%-*s %6s %7s %9s %8s %9s %9s %9s %10s %9s %8s", NAME_MAX_SHOWN,
	       "candidate", "nodes", "GPUs", "GB/s", "5 %", "wait", "wait 95 %", "busy",
	       "full, h", "full", "rejected");
	printf("%s%s\n", p->has_mig ? "  stranded  MIG wait" : "",
	       p->has_prices ? "        price" : "");
	for (int i = 0; i < p->count; i++)
		print_row(p, &p->candidates[i]);
	for (int i = 0; i < p->count; i++)
		if (p->candidates[i].spread)
			printf("%s%s: %" PRId64
			       " jobs take more nodes than in the trace\n",
			       i == 0 ? "\n" : "", p->candidates[i].name,
			       p->candidates[i].spread);
	fputs("\nColumns\n"
	      "  GB/s, 5 %        bus bandwidth of jobs of 2 GPUs and more: mean, and "
	      "what "
	      "5 % got less than\n"
	      "                   (of a job on several nodes that of its slowest node, "
	      "and "
	      "at most\n"
	      "                   that of the network cards near its GPUs)\n"
	      "  wait, wait 95 %  minutes from submission to start: mean, and of 95 % of "
	      "the jobs\n"
	      "  full, h and %    GPU-hours of these jobs at the best bandwidth that an "
	      "idle "
	      "node has for them\n",
	      stdout);
	if (p->has_mig)
		fputs("  stranded         MIG slices that are free but of no use to the "
		      "requests, mean\n"
		      "  MIG wait         minutes that these requests wait, mean\n",
		      stdout);
	if (p->has_prices)
		fputs("  price            as given, of all nodes\n", stdout);
}

static json_t *candidate_json(const struct candidate *c)
{
	const struct sim_metrics *m = &c->metrics;
	json_t *json = json_pack(
		"{s:s, s:s, s:i, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, "
		"s:I}",
		"name", c->name, "topology", c->topology, "nodes", c->nodes, "gpus",
		(json_int_t)c->layout.gpus, "mean_gbps", m->all.mean_gbps, "p5_gbps",
		m->all.p5_gbps, "p50_gbps", m->all.p50_gbps, "wait_mean_s",
		m->wait_mean_s, "wait_p95_s", m->wait_p95_s, "utilisation_submit",
		m->utilisation_submit, "multi_gpu_hours", m->all.gpu_hours,
		"gpu_hours_full_bandwidth", full_hours(c), "jobs", (json_int_t)m->jobs,
		"rejected", (json_int_t)m->rejected, "spread_jobs",
		(json_int_t)c->spread);

	if (c->price >= 0)
		json_object_set_new(json, "price", json_real(c->price * c->nodes));
	if (c->has_mig)
		json_object_set_new(json, "mig",
				    json_pack("{s:s, s:i, s:f, s:f}", "gpu", c->mig,
					      "gpus", c->mig_gpus, "stranded_slices_mean",
					      c->slices.stranded, "wait_mean_s",
					      c->slices.wait_mean_s));
	return json;
}

static int print_json(const struct plan *p, const struct sim_trace *trace)
{
	json_t *list = json_array();
	char verdict[256];

	say_verdict(p, verdict, sizeof(verdict));
	for (int i = 0; i < p->count; i++)
		json_array_append_new(list, candidate_json(&p->candidates[i]));
	return cli_print_json(json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "trace",
					p->trace_name, "policy", p->policy, "jobs",
					(json_int_t)trace->count, "sched",
					sim_sched_name(p->options.sched), "verdict",
					verdict, "candidates", list));
}

static int run_plan(struct plan *p)
{
	struct sim_trace trace = {0};
	struct gt_error err;
	int status = CLI_GO_ON;

	if (sim_trace_load(&trace, p->trace_name, &p->read, &err))
		status = cli_fail(&err);
	if (status == CLI_GO_ON && !trace.count) {
		cli_say("%s: 0 jobs: gputopo sim replay says why", p->trace_name);
		status = CLI_FAILED;
	}
	for (int i = 0; i < p->count && status == CLI_GO_ON; i++)
		status = run_candidate(p, &p->candidates[i], &trace);
	if (status == CLI_GO_ON && p->json)
		status = print_json(p, &trace);
	else if (status == CLI_GO_ON)
		print_table(p, &trace);
	sim_trace_release(&trace);
	return status == CLI_GO_ON ? CLI_DONE : status;
}

int cmd_sim_plan(int argc, char **argv)
{
	struct plan *p = calloc(1, sizeof(*p));
	int opt, status = CLI_GO_ON;

	if (!p)
		return cli_no_memory();
	p->common = (struct cli_common){.command = "sim plan", .help = help};
	p->policy = "gputopo";
	p->read = (struct sim_trace_options){
		.form = SIM_FORM_NODE, .scale_arrivals = 1, .keeps_slices = true};
	p->options = (struct sim_options){
		.sched = SIM_SCHED_EASY, .network_mbps = 12500, .seed = 1};
	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "w:h", options, NULL)) != -1)
		status = read_option(p, opt);
	if (status == CLI_GO_ON)
		status = cli_no_more(&p->common, argc, argv);
	if (status == CLI_GO_ON && !p->trace_name)
		status = cli_misuse(&p->common, "the jobs are missing: -w TRACE");
	if (status == CLI_GO_ON && !p->count)
		status = cli_misuse(&p->common,
				    "no candidates: --candidate NAME,topology=T,nodes=N");
	if (status == CLI_GO_ON)
		status = run_plan(p);
	for (int i = 0; i < p->count; i++) {
		sim_layout_release(&p->candidates[i].layout);
		free(p->candidates[i].text);
	}
	free(p);
	return status;
}
