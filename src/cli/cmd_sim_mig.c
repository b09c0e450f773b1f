/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim mig: GPU instances under several placement policies. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/sim_mig.h"
#include "sim/sim_mig_rules.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_REQUESTS  100000000
#define DEFAULT_DEPTH 100 /* as a backfilling scheduler; with --mode queue: 0 */

static const char help[] =
	"Usage: gputopo sim mig -w TRACE --gpu MODEL --gpus N [OPTIONS]\n"
	"       gputopo sim mig --mix P:W,... --load X --jobs N --gpu MODEL --gpus N "
	"[OPTIONS]\n"
	"Run the same requests for GPU instances under several placement policies.\n\n"
	"  -w, --workload T   CSV with submit, duration (seconds) and profile; sacct "
	"-P, of\n"
	"                     which jobs with MIG types count; or an openb pod list: a "
	"share\n"
	"                     of a GPU becomes the smallest profile with that share of "
	"the\n"
	"                     compute slices\n"
	"      --mix P:W,...  or draw requests: how often each profile comes\n"
	"      --load X       offered over existing slices, such as 0.9\n"
	"      --jobs N       how many requests\n"
	"      --duration D   exp:MEAN (default exp:3600), lognormal:MU:SIGMA, fixed:S\n"
	"      --seed N       of the first draw (default 1)\n"
	"      --seeds N      draws; figures are means, differences have a 95 % "
	"interval\n"
	"  -g, --gpu MODEL    such as A100-80GB\n"
	"      --table FILE   or: a table as 'gputopo mig show --json' prints it\n"
	"      --gpus N       GPUs in the fleet\n"
	"      --policy P,... lookahead, frag, pack, spread, first, driver, same-size;\n"
	"                     stock: instances made beforehand for the demand, as stock\n"
	"                     Slurm has them; growth and migrate: published rules (the\n"
	"                     manual page says which). Default: all but driver, growth "
	"and\n"
	"                     migrate\n"
	"      --expect M     the mix that the policies believe in; none: they know "
	"none\n"
	"                     (default: --mix, none for a trace)\n"
	"      --mode M       queue: what fits nowhere waits (default); loss: it is "
	"lost\n"
	"      --depth N      queue: how many requests behind the first may overtake it\n"
	"                     (default 100; 0 where --mode is given)\n"
	"      --warmup D     requests before count in nothing, such as 12h\n"
	"  -o, --output DIR   write summary.json, report.html and POLICY.csv\n"
	"      --json         one JSON document\n" CLI_HELP_HELP;

enum {
	MIX = CLI_OPT_OWN,
	LOAD,
	JOBS,
	DURATION,
	SEED,
	SEEDS,
	TABLE,
	GPUS,
	POLICY,
	EXPECT,
	MODE,
	DEPTH,
	WARMUP,
	JSON,
};

static const struct option options[] = {
	{"workload", required_argument, NULL, 'w'},
	{"mix", required_argument, NULL, MIX},
	{"load", required_argument, NULL, LOAD},
	{"jobs", required_argument, NULL, JOBS},
	{"duration", required_argument, NULL, DURATION},
	{"seed", required_argument, NULL, SEED},
	{"seeds", required_argument, NULL, SEEDS},
	{"gpu", required_argument, NULL, 'g'},
	{"table", required_argument, NULL, TABLE},
	{"gpus", required_argument, NULL, GPUS},
	{"policy", required_argument, NULL, POLICY},
	{"expect", required_argument, NULL, EXPECT},
	{"mode", required_argument, NULL, MODE},
	{"depth", required_argument, NULL, DEPTH},
	{"warmup", required_argument, NULL, WARMUP},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

struct sim_mig {
	struct cli_common common;
	const char *trace_name, *mix_text, *model, *table, *policy_text, *expect_text;
	const char *output;
	bool json;
	struct sim_gen gen;
	struct sim_mig_options options;
	int seeds;
	bool depth_given;
	struct gt_mig_gpu gpu;
	struct gt_mig_mix mix, expected;
	bool expects;
	int policies[SIM_MIG_RULES];
	int policy_count;
	struct sim_mig_trace *traces; /* of each seed */
	struct sim_mig_result *results;
	struct gt_mig_space *space, *truth;
};

/* ---- the line ---- */

static int read_mode(struct sim_mig *s, const char *text)
{
	s->options.queue = !strcmp(text, "queue");
	s->options.depth = s->depth_given ? s->options.depth : 0;
	if (!s->options.queue && strcmp(text, "loss") != 0)
		return cli_misuse(&s->common, "--mode: '%s' is neither loss nor queue",
				  text);
	return CLI_GO_ON;
}

static int read_int(struct sim_mig *s, const char *name, int low, int high, int *value)
{
	int64_t count = 0;
	int status = sim_read_count(&s->common, name, optarg, low, high, &count);

	*value = (int)count;
	return status;
}

static int read_seed(struct sim_mig *s)
{
	int64_t seed = 0;
	int status = sim_read_count(&s->common, "--seed", optarg, 0, INT64_MAX, &seed);

	s->gen.seed = (uint64_t)seed;
	return status;
}

/* The options that are kept as they stand; false: this is none. */
static bool read_text(struct sim_mig *s, int opt)
{
	static const struct {
		int opt;
		size_t at;
	} texts[] = {
		{'w', offsetof(struct sim_mig, trace_name)},
		{'g', offsetof(struct sim_mig, model)},
		{'o', offsetof(struct sim_mig, output)},
		{MIX, offsetof(struct sim_mig, mix_text)},
		{TABLE, offsetof(struct sim_mig, table)},
		{POLICY, offsetof(struct sim_mig, policy_text)},
		{EXPECT, offsetof(struct sim_mig, expect_text)},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].opt == opt) {
			*(const char **)((char *)s + texts[i].at) = optarg;
			return true;
		}
	return false;
}

static int read_option(struct sim_mig *s, int opt)
{
	struct gt_error err;

	if (read_text(s, opt))
		return CLI_GO_ON;
	switch (opt) {
	case JSON:
		s->json = true;
		return CLI_GO_ON;
	case LOAD:
		return sim_read_number(&s->common, "--load", optarg, 1e-6, 100,
				       &s->gen.load);
	case JOBS:
		return sim_read_count(&s->common, "--jobs", optarg, 1, MAX_REQUESTS,
				      &s->gen.jobs);
	case DURATION:
		if (sim_gen_duration(&s->gen, optarg, &err))
			return cli_misuse(&s->common, "--duration: %s", err.text);
		return CLI_GO_ON;
	case SEED:
		return read_seed(s);
	case SEEDS:
		return read_int(s, "--seeds", 1, SIM_MIG_SEEDS, &s->seeds);
	case GPUS:
		return read_int(s, "--gpus", 1, GT_MIG_GPUS, &s->options.gpus);
	case MODE:
		return read_mode(s, optarg);
	case DEPTH:
		s->depth_given = true;
		return read_int(s, "--depth", 0, 1000000, &s->options.depth);
	case WARMUP:
		return sim_read_duration(&s->common, "--warmup", optarg,
					 &s->options.warmup_ms);
	default:
		return cli_common_option(&s->common, opt);
	}
}

static int check_line(struct sim_mig *s)
{
	if (!s->trace_name == !s->mix_text)
		return cli_misuse(&s->common,
				  "the requests are missing: -w TRACE or --mix P:W,...");
	if (!s->model == !s->table)
		return cli_misuse(&s->common, "give either --gpu MODEL or --table FILE");
	if (s->options.gpus == 0)
		return cli_misuse(&s->common, "the number of GPUs is missing: --gpus N");
	if (s->mix_text && !(s->gen.load > 0 && s->gen.jobs > 0))
		return cli_misuse(&s->common, "--mix needs --load and --jobs");
	if (s->trace_name && (s->gen.load > 0 || s->gen.jobs > 0 || s->seeds > 1))
		return cli_misuse(&s->common,
				  "--load, --jobs and --seeds belong to --mix, not to a "
				  "trace");
	return CLI_GO_ON;
}

static int read_policies(struct sim_mig *s)
{
	char *copy = strdup(s->policy_text), *next = copy, *name;
	int status = copy ? CLI_GO_ON : cli_no_memory();
	struct gt_error err;

	while (status == CLI_GO_ON && (name = strsep(&next, ","))) {
		int policy = SIM_MIG_RULES;

		if (sim_mig_rule_parse(&policy, name, &err))
			status = cli_misuse(&s->common, "--policy: %s", err.text);
		for (int i = 0; i < s->policy_count && status == CLI_GO_ON; i++)
			if (s->policies[i] == policy)
				status = cli_misuse(&s->common,
						    "--policy: %s is given twice", name);
		if (status == CLI_GO_ON)
			s->policies[s->policy_count++] = policy;
	}
	free(copy);
	return status;
}

/* The table, and what is named by its profiles. */
static int read_names(struct sim_mig *s)
{
	const struct gt_mig_gpu *known;
	const char *expected = s->expect_text ? s->expect_text : s->mix_text;
	struct gt_error err;

	if (s->table && gt_mig_gpu_load(&s->gpu, s->table, &err))
		return cli_fail(&err);
	if (s->model) {
		if (gt_mig_gpu_find(&known, s->model, &err))
			return cli_misuse(&s->common, "--gpu: %s", err.text);
		s->gpu = *known;
	}
	if (s->mix_text && gt_mig_mix_parse(&s->mix, &s->gpu, s->mix_text, &err))
		return cli_misuse(&s->common, "--mix: %s", err.text);
	s->expects = expected && strcmp(expected, "none") != 0;
	if (s->expects && gt_mig_mix_parse(&s->expected, &s->gpu, expected, &err))
		return cli_misuse(&s->common, "--expect: %s", err.text);
	return read_policies(s);
}

/* ---- the runs ---- */

static int load_traces(struct sim_mig *s)
{
	struct gt_error err;

	s->traces = calloc((size_t)s->seeds, sizeof(*s->traces));
	s->results = calloc((size_t)(s->seeds * s->policy_count), sizeof(*s->results));
	if (!s->traces || !s->results)
		return cli_no_memory();
	if (s->trace_name)
		return sim_mig_trace_load(&s->traces[0], s->trace_name, &s->gpu, &err)
			       ? cli_fail(&err)
			       : CLI_GO_ON;
	s->gen.gpus = s->options.gpus;
	for (int i = 0; i < s->seeds; i++) {
		struct sim_gen gen = s->gen;

		gen.seed += (uint64_t)i;
		if (sim_mig_trace_draw(&s->traces[i], &s->gpu, &s->mix, &gen, &err))
			return cli_fail(&err);
	}
	return CLI_GO_ON;
}

/* What strands is judged by the requests as they are, whatever the policies believe. */
static int make_spaces(struct sim_mig *s)
{
	struct gt_mig_mix seen = {0};
	struct gt_error err;

	for (size_t i = 0; i < s->traces[0].count; i++) {
		uint32_t *weight = &seen.weight[s->traces[0].jobs[i].profile];

		*weight += *weight < UINT32_MAX;
	}
	if (gt_mig_space_new(&s->space, &s->gpu, s->expects ? &s->expected : NULL,
			     &err) ||
	    gt_mig_space_new(&s->truth, &s->gpu, s->mix_text ? &s->mix : &seen, &err))
		return cli_fail(&err);
	return CLI_GO_ON;
}

static int run_all(struct sim_mig *s)
{
	struct gt_error err;

	for (int i = 0; i < s->policy_count; i++)
		for (int seed = 0; seed < s->seeds; seed++)
			if (sim_mig_run(&s->results[i * s->seeds + seed],
					&s->traces[seed], s->space, s->truth,
					s->policies[i], &s->options,
					seed == 0 && s->output, &err))
				return cli_fail(&err);
	return CLI_GO_ON;
}

/* ---- what comes out ---- */

/* One file of the output folder; writer gets the report and i. */
static int write_file(const struct sim_mig *s, const struct sim_mig_report *report,
		      const char *name, const char *suffix,
		      void (*writer)(const struct sim_mig_report *, int, FILE *), int i)
{
	char path[4096];
	FILE *out;
	int failed;

	if (snprintf(path, sizeof(path), "%s/%s%s", s->output, name, suffix) >=
	    (int)sizeof(path)) {
		cli_say("%s: the name is too long", s->output);
		return CLI_FAILED;
	}
	out = fopen(path, "we");
	if (out) {
		writer(report, i, out);
		failed = ferror(out);
		failed |= fclose(out);
	}
	if (out && !failed)
		return CLI_GO_ON;
	cli_say("%s: %s", path, strerror(errno));
	return CLI_FAILED;
}

static void write_html(const struct sim_mig_report *report, int unused, FILE *out)
{
	(void)unused;
	sim_mig_report_html(report, out);
}

static void write_json(const struct sim_mig_report *report, int unused, FILE *out)
{
	json_t *json = sim_mig_report_json(report);

	(void)unused;
	json_dumpf(json, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(json);
}

static int write_folder(const struct sim_mig *s, const struct sim_mig_report *report)
{
	int status;

	if (mkdir(s->output, 0777) && errno != EEXIST) {
		cli_say("%s: %s", s->output, strerror(errno));
		return CLI_FAILED;
	}
	status = write_file(s, report, "summary", ".json", write_json, 0);
	if (status == CLI_GO_ON)
		status = write_file(s, report, "report", ".html", write_html, 0);
	for (int i = 0; i < s->policy_count && status == CLI_GO_ON; i++)
		status = write_file(s, report, sim_mig_rule_name(s->policies[i]), ".csv",
				    sim_mig_report_csv, i);
	return status;
}

static int print_all(const struct sim_mig *s)
{
	struct sim_mig_report report = {
		.gpu = &s->gpu,
		.options = &s->options,
		.trace = &s->traces[0],
		.results = s->results,
		.policies = s->policies,
		.policy_count = s->policy_count,
		.seeds = s->seeds,
		.seed = s->gen.seed,
		.trace_name = s->trace_name,
		.mix = s->mix_text,
		.expected = s->expects ? (s->expect_text ? s->expect_text : s->mix_text)
				       : NULL,
		.load = s->gen.load,
	};
	int status = CLI_GO_ON;

	if (s->output)
		status = write_folder(s, &report);
	if (status != CLI_GO_ON)
		return status;
	if (s->json)
		return cli_print_json(sim_mig_report_json(&report));
	sim_mig_report_table(&report, stdout);
	return CLI_DONE;
}

static void release(struct sim_mig *s)
{
	for (int i = 0; s->traces && i < s->seeds; i++)
		sim_mig_trace_release(&s->traces[i]);
	for (int i = 0; s->results && i < s->seeds * s->policy_count; i++)
		free(s->results[i].jobs);
	free(s->traces);
	free(s->results);
	gt_mig_space_free(s->space);
	gt_mig_space_free(s->truth);
}

int cmd_sim_mig(int argc, char **argv)
{
	struct sim_mig s = {
		.common = {.command = "sim mig", .help = help},
		.policy_text = "lookahead,stock,frag,pack,spread,first,same-size",
		.options = {.queue = true, .depth = DEFAULT_DEPTH},
		.gen = {.kind = SIM_DURATION_EXP, .a = 3600, .seed = 1},
		.seeds = 1,
	};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "hw:g:o:", options, NULL)) != -1)
		status = read_option(&s, opt);
	if (status == CLI_GO_ON)
		status = cli_no_more(&s.common, argc, argv);
	if (status == CLI_GO_ON)
		status = check_line(&s);
	if (status == CLI_GO_ON)
		status = read_names(&s);
	if (status == CLI_GO_ON)
		status = load_traces(&s);
	if (status == CLI_GO_ON)
		status = make_spaces(&s);
	if (status == CLI_GO_ON)
		status = run_all(&s);
	if (status == CLI_GO_ON)
		status = print_all(&s);
	release(&s);
	return status;
}
