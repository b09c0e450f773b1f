/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim defrag: which restarts would free a good set of GPUs. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/conf.h"
#include "sim/defrag.h"
#include "sim/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5 /* nodes */

static const char help[] =
	"Usage: gputopo sim defrag -w TRACE (-t TOPOLOGY --nodes N | --conf DIR) --gpus "
	"K "
	"[OPTIONS]\n"
	"Say which running jobs, as few as possible, would have to restart so that a "
	"good "
	"set\n"
	"of K GPUs becomes free on one node. Advice only.\n\n"
	"  -w, --workload TRACE  as for gputopo sim replay; - for standard input\n"
	"  -t, --topology T      one node: a file of any known format or builtin:NAME\n"
	"      --topology-format NAME, --model NAME, --node NAME   as for gputopo show\n"
	"      --nodes N         how many of them\n"
	"      --conf DIR        or a site, as for gputopo sim replay\n"
	"      --gpus K          the size of the set, 1 to 16\n"
	"      --ratio R         and its bandwidth over the best of an idle node "
	"(default "
	"1)\n"
	"      --at DURATION     when, after the first submission, such as 30h (default: "
	"at the\n"
	"                        last submission)\n"
	"      --every DURATION  or the advice at each such time, such as 7d, and what "
	"it "
	"is\n"
	"                        worth on average\n"
	"      --fixed ID,...    jobs that must not restart\n"
	"      --policy P        that gives the running jobs their GPUs (default "
	"slurm-24.05)\n"
	"      --sched S         fifo, easy or recorded (default: recorded where the "
	"trace "
	"has\n"
	"                        starts)\n"
	"      --json            one JSON document\n" CLI_HELP_HELP;

enum {
	TOPOLOGY_FORMAT = CLI_OPT_OWN,
	NODES,
	CONF,
	GPUS,
	RATIO,
	MOMENT,
	EVERY,
	FIXED,
	POLICY,
	SCHED,
	JSON,
};

static const struct option options[] = {
	{"workload", required_argument, NULL, 'w'},
	{"topology", required_argument, NULL, 't'},
	{"topology-format", required_argument, NULL, TOPOLOGY_FORMAT},
	{"model", required_argument, NULL, CLI_OPT_MODEL},
	{"node", required_argument, NULL, CLI_OPT_NODE},
	{"nodes", required_argument, NULL, NODES},
	{"conf", required_argument, NULL, CONF},
	{"gpus", required_argument, NULL, GPUS},
	{"ratio", required_argument, NULL, RATIO},
	{"at", required_argument, NULL, MOMENT},
	{"every", required_argument, NULL, EVERY},
	{"fixed", required_argument, NULL, FIXED},
	{"policy", required_argument, NULL, POLICY},
	{"sched", required_argument, NULL, SCHED},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

struct defrag_run {
	struct cli_common common;
	const char *trace_name, *conf, *policy, *fixed_text;
	int64_t nodes, gpus, at_ms, every_ms;
	bool has_at, has_sched, json;
	struct sim_options options;
	struct sim_defrag_want want;
	struct sim_layout layout;
	struct sim_site site;
	struct sim_filter filter;
	struct sim_trace trace;
	struct sim_result result;
	struct sim_value values[SIM_MAX_TYPES];
	bool *fixed;
	struct sim_defrag *found; /* by node that can, the best first */
	int found_count;
	int64_t moments, free_now, freed; /* of --every */
	double restarts, lost;
};

/* ---- the line ---- */

static int read_sched(struct defrag_run *d)
{
	d->has_sched = true;
	if (!sim_sched_parse(optarg, &d->options.sched) ||
	    d->options.sched == SIM_SCHED_LOSS)
		return cli_misuse(&d->common,
				  "--sched: '%s' is not one of fifo, easy, recorded",
				  optarg);
	return CLI_GO_ON;
}

static int read_option(struct defrag_run *d, int opt)
{
	struct cli_common *c = &d->common;

	switch (opt) {
	case 'w':
		d->trace_name = optarg;
		return CLI_GO_ON;
	case 't':
		c->topology = optarg;
		return CLI_GO_ON;
	case TOPOLOGY_FORMAT:
		c->load.format = optarg;
		return CLI_GO_ON;
	case NODES:
		return sim_read_count(c, "--nodes", optarg, 1, SIM_MAX_NODES, &d->nodes);
	case CONF:
		d->conf = optarg;
		return CLI_GO_ON;
	case GPUS:
		return sim_read_count(c, "--gpus", optarg, 1, SIM_DEFRAG_GPUS, &d->gpus);
	case RATIO:
		return sim_read_number(c, "--ratio", optarg, 0, 1, &d->want.ratio);
	case MOMENT:
		d->has_at = true;
		return sim_read_duration(c, "--at", optarg, &d->at_ms);
	case EVERY:
		return sim_read_duration(c, "--every", optarg, &d->every_ms);
	case FIXED:
		d->fixed_text = optarg;
		return CLI_GO_ON;
	case POLICY:
		d->policy = optarg;
		return CLI_GO_ON;
	case SCHED:
		return read_sched(d);
	case JSON:
		d->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(c, opt);
	}
}

static int check(const struct defrag_run *d)
{
	const struct cli_common *c = &d->common;

	if (!d->trace_name)
		return cli_misuse(c, "the jobs are missing: -w TRACE");
	if (!d->gpus)
		return cli_misuse(c, "which set? --gpus K");
	if (d->has_at && d->every_ms)
		return cli_misuse(c, "--at and --every exclude each other");
	if (d->conf ? c->topology || d->nodes : !c->topology || !d->nodes)
		return cli_misuse(c, "either -t TOPOLOGY with --nodes N, or --conf DIR");
	return CLI_GO_ON;
}

/* ---- the cluster and its jobs ---- */

static void say_line(void *arg, const char *text)
{
	(void)arg;
	cli_say("%s", text);
}

static int load_layout(struct defrag_run *d)
{
	struct gt_error err;
	struct gt_node *node;
	int status, type;

	if (d->conf)
		return sim_conf_load(&d->layout, &d->site, d->conf, say_line, NULL, &err)
			       ? cli_fail(&err)
			       : CLI_GO_ON;
	status = cli_load(&d->common, &node);
	if (status != CLI_GO_ON)
		return status;
	if (sim_layout_add_type(&d->layout, node, 0, &type, &err))
		return cli_fail(&err);
	for (int64_t i = 0; i < d->nodes; i++)
		if (sim_layout_add_node(&d->layout, type, NULL, false, &err))
			return cli_fail(&err);
	return CLI_GO_ON;
}

static int load_jobs(struct defrag_run *d)
{
	struct sim_trace_options read = {.form = SIM_FORM_NODE, .scale_arrivals = 1};
	struct gt_error err;
	bool starts = true;

	if (sim_trace_load(&d->trace, d->trace_name, &read, &err))
		return cli_fail(&err);
	if (d->conf && sim_filter_make(&d->filter, &d->trace, &d->layout, &d->site, &err))
		return cli_fail(&err);
	if (d->conf) {
		sim_filter_apply(&d->filter, &d->trace, &d->layout, &d->site);
		d->options.filter = &d->filter;
	}
	if (!d->trace.count) {
		cli_say("%s: 0 jobs: gputopo sim replay says why", d->trace_name);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < d->trace.count; i++)
		starts &= d->trace.jobs[i].start_ms != SIM_NEVER;
	if (!d->has_sched && starts)
		d->options.sched = SIM_SCHED_RECORDED;
	d->fixed = calloc(d->trace.count, sizeof(*d->fixed));
	if (!d->fixed)
		return cli_no_memory();
	for (size_t i = 0; i < d->trace.count && d->fixed_text; i++) {
		const char *id = sim_trace_text(&d->trace, d->trace.jobs[i].id);

		for (const char *at = d->fixed_text; *at;
		     at += strcspn(at, ","), at += *at == ',')
			d->fixed[i] |= strcspn(at, ",") == strlen(id) &&
				       !strncmp(at, id, strlen(id));
	}
	d->want.fixed = d->fixed;
	d->want.gpus = (int)d->gpus;
	return CLI_GO_ON;
}

static int run_jobs(struct defrag_run *d)
{
	struct gt_error err;

	if (d->layout.largest > SIM_DEFRAG_GPUS) {
		cli_say("nodes of more than %d GPUs are not looked at", SIM_DEFRAG_GPUS);
		return CLI_FAILED;
	}
	if (sim_engine_run(&d->result, &d->trace, &d->layout, d->policy, NULL,
			   &d->options, &err))
		return cli_fail(&err);
	for (int t = 0; t < d->layout.type_count; t++)
		if (sim_value_init(&d->values[t], &d->layout.types[t], NULL, 0, &err))
			return cli_fail(&err);
	return CLI_GO_ON;
}

/* ---- advice ---- */

static int compare_found(const void *a, const void *b)
{
	const struct sim_defrag *x = a, *y = b;

	if (x->restarts != y->restarts)
		return x->restarts < y->restarts ? -1 : 1;
	if (x->lost_gpu_hours != y->lost_gpu_hours)
		return x->lost_gpu_hours < y->lost_gpu_hours ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

/* The answer of every node that has one, the best first. */
static int look(struct defrag_run *d, int64_t at_ms)
{
	struct sim_moment moment;
	struct gt_error err;

	if (sim_moment_init(&moment, &d->trace, &d->result, at_ms, &err))
		return cli_fail(&err);
	d->found_count = 0;
	for (int i = 0; i < d->layout.nodes; i++)
		d->found_count += sim_defrag_node(&moment, d->values, i, &d->want,
						  &d->found[d->found_count]);
	sim_moment_release(&moment);
	qsort(d->found, (size_t)d->found_count, sizeof(*d->found), compare_found);
	return CLI_GO_ON;
}

static void print_found(const struct defrag_run *d, const struct sim_defrag *f)
{
	struct gt_mask mask = {.word = {f->set}};
	char buf[GT_MASK_TEXT_MAX];

	printf("%s", sim_result_name(&d->result, f->node, buf, sizeof(buf)));
	printf(" %s", gt_mask_format(&mask, buf, sizeof(buf)));
	if (f->ideal_mbps)
		printf(", %.1f of %.1f GB/s", f->mbps / 1000.0, f->ideal_mbps / 1000.0);
	if (!f->restarts)
		printf(": free now");
	for (int i = 0; i < f->restarts; i++)
		printf("%s %s",
		       i		 ? ","
		       : f->restarts > 1 ? ": restart jobs"
					 : ": restart job",
		       sim_trace_text(&d->trace, d->trace.jobs[f->jobs[i]].id));
	if (f->restarts)
		printf(", which have run %.1f GPU-hours", f->lost_gpu_hours);
	putchar('\n');
}

static json_t *found_json(const struct defrag_run *d, const struct sim_defrag *f)
{
	struct gt_mask mask = {.word = {f->set}};
	char name[64], set[GT_MASK_TEXT_MAX];
	json_t *jobs = json_array();

	for (int i = 0; i < f->restarts; i++)
		json_array_append_new(
			jobs, json_string(sim_trace_text(&d->trace,
							 d->trace.jobs[f->jobs[i]].id)));
	return json_pack("{s:s, s:s, s:f, s:f, s:i, s:o, s:f}", "node",
			 sim_result_name(&d->result, f->node, name, sizeof(name)), "gpus",
			 gt_mask_format(&mask, set, sizeof(set)), "busbw_gbps",
			 f->mbps / 1000.0, "ideal_gbps", f->ideal_mbps / 1000.0,
			 "restarts", f->restarts, "jobs", jobs, "lost_gpu_hours",
			 f->lost_gpu_hours);
}

static int advise(struct defrag_run *d)
{
	int64_t at = d->has_at ? d->at_ms : d->result.submitted_ms;
	int status = look(d, at);
	json_t *list;

	if (status != CLI_GO_ON)
		return status;
	if (d->json) {
		list = json_array();
		for (int i = 0; i < d->found_count; i++)
			json_array_append_new(list, found_json(d, &d->found[i]));
		status = cli_print_json(json_pack(
			"{s:f, s:I, s:f, s:o}", "at_s", (double)at / 1000, "gpus",
			(json_int_t)d->gpus, "ratio", d->want.ratio, "nodes", list));
		return d->found_count ? status : CLI_NO_FIT;
	}
	printf("At hour %.1f, %" PRId64 " GPUs at %.0f %% of ideal or better\n",
	       (double)at / 3600000, d->gpus, 100 * d->want.ratio);
	for (int i = 0; i < d->found_count && i < SHOWN; i++)
		print_found(d, &d->found[i]);
	if (d->found_count > SHOWN)
		printf("(and on %d more nodes)\n", d->found_count - SHOWN);
	if (!d->found_count)
		puts("none: no node can give such a set, whatever restarts");
	return d->found_count ? CLI_DONE : CLI_NO_FIT;
}

/* At each time: how many nodes have such a set free, and what one more would take. */
static int advise_often(struct defrag_run *d)
{
	int64_t last = d->result.submitted_ms;
	int status = CLI_GO_ON;
	json_t *list = json_array();

	if (!d->json)
		printf("%10s %14s %10s %18s\n", "hour", "nodes free now", "restarts",
		       "GPU-hours lost");
	for (int64_t at = d->every_ms; at <= last && status == CLI_GO_ON;
	     at += d->every_ms) {
		int now = 0;

		status = look(d, at);
		while (now < d->found_count && !d->found[now].restarts)
			now++;
		d->moments++;
		d->free_now += now;
		if (now < d->found_count) {
			d->freed++;
			d->restarts += d->found[now].restarts;
			d->lost += d->found[now].lost_gpu_hours;
		}
		if (d->json)
			json_array_append_new(
				list,
				json_pack("{s:f, s:i, s:o}", "at_s", (double)at / 1000,
					  "free_now", now, "next",
					  now < d->found_count
						  ? found_json(d, &d->found[now])
						  : json_null()));
		else if (now < d->found_count)
			printf("%10.1f %14d %10d %18.1f\n", (double)at / 3600000, now,
			       d->found[now].restarts, d->found[now].lost_gpu_hours);
		else
			printf("%10.1f %14d %10s %18s\n", (double)at / 3600000, now, "-",
			       "-");
	}
	if (d->json)
		return cli_print_json(json_pack("{s:I, s:f, s:o}", "gpus",
						(json_int_t)d->gpus, "ratio",
						d->want.ratio, "moments", list));
	json_decref(list);
	if (d->moments)
		printf("\nOn average %.1f of %d nodes have such a set free",
		       (double)d->free_now / (double)d->moments, d->layout.nodes);
	if (d->freed)
		printf("; one more takes %.1f restarts and %.1f GPU-hours",
		       d->restarts / (double)d->freed, d->lost / (double)d->freed);
	puts(d->moments ? "." : "The trace is shorter than that.");
	return status == CLI_GO_ON ? CLI_DONE : status;
}

int cmd_sim_defrag(int argc, char **argv)
{
	struct defrag_run *d = calloc(1, sizeof(*d));
	int opt, status = CLI_GO_ON;

	if (!d)
		return cli_no_memory();
	d->common = (struct cli_common){.command = "sim defrag", .help = help};
	d->policy = "slurm-24.05";
	d->want.ratio = 1;
	d->options = (struct sim_options){
		.sched = SIM_SCHED_EASY, .network_mbps = 12500, .seed = 1};
	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "w:t:h", options, NULL)) != -1)
		status = read_option(d, opt);
	if (status == CLI_GO_ON)
		status = cli_no_more(&d->common, argc, argv);
	if (status == CLI_GO_ON)
		status = check(d);
	if (status == CLI_GO_ON)
		status = load_layout(d);
	if (status == CLI_GO_ON)
		status = load_jobs(d);
	if (status == CLI_GO_ON)
		status = run_jobs(d);
	if (status == CLI_GO_ON) {
		d->found = calloc((size_t)d->layout.nodes, sizeof(*d->found));
		status = !d->found     ? cli_no_memory()
			 : d->every_ms ? advise_often(d)
				       : advise(d);
	}
	for (int t = 0; t < SIM_MAX_TYPES; t++)
		sim_value_release(&d->values[t]);
	free(d->found);
	free(d->fixed);
	sim_result_release(&d->result);
	sim_trace_release(&d->trace);
	sim_filter_release(&d->filter);
	sim_site_release(&d->site);
	sim_layout_release(&d->layout);
	free(d);
	return status;
}
