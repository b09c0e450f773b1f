/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim gen: random jobs. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/gen.h"

static const char help[] =
	"Usage: gputopo sim gen --load L --gpus N --jobs N [OPTIONS]\n"
	"Print random jobs as a CSV trace: a Poisson stream that asks for L of all "
	"GPUs.\n\n"
	"      --mix MIX            sizes, such as 1:50,2:25,4:15,8:10 (default "
	"1:40,2:20,4:20,8:20)\n"
	"      --sizes-from FILE:COLUMN      or drawn from a column of a CSV file\n"
	"      --duration D         exp:MEAN, lognormal:MU:SIGMA or fixed:SECONDS "
	"(default "
	"exp:3600)\n"
	"      --durations-from FILE:COLUMN  or drawn from a column, in seconds\n"
	"      --load L             GPU time asked for over GPU time there is\n"
	"      --loss               L is the busy share of one node of N GPUs where "
	"jobs\n"
	"                           that do not fit at once are lost (--sched loss)\n"
	"      --gpus N             GPUs of the cluster\n"
	"      --jobs N             how many jobs\n"
	"      --form FORM          job, node, task or socket (default node)\n"
	"      --limit X            time limits are X times the durations (default: "
	"none)\n"
	"      --seed N             another stream (default 1)\n" CLI_HELP_HELP;

enum {
	MIX = CLI_OPT_OWN,
	SIZES,
	DURATION,
	DURATIONS,
	LOAD,
	LOSS,
	GPUS,
	JOBS,
	FORM,
	LIMIT,
	SEED
};

static const struct option options[] = {
	{"mix", required_argument, NULL, MIX},
	{"sizes-from", required_argument, NULL, SIZES},
	{"duration", required_argument, NULL, DURATION},
	{"durations-from", required_argument, NULL, DURATIONS},
	{"load", required_argument, NULL, LOAD},
	{"loss", no_argument, NULL, LOSS},
	{"gpus", required_argument, NULL, GPUS},
	{"jobs", required_argument, NULL, JOBS},
	{"form", required_argument, NULL, FORM},
	{"limit", required_argument, NULL, LIMIT},
	{"seed", required_argument, NULL, SEED},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

static int misused(const struct cli_common *c, const char *name,
		   const struct gt_error *err)
{
	return cli_misuse(c, "%s: %s", name, err->text);
}

static int load_sample(struct sim_sample *sample, const char *spec)
{
	struct gt_error err;

	sim_sample_release(sample);
	if (sim_sample_load(sample, spec, &err))
		return cli_fail(&err);
	if (sample->left_out)
		cli_say("%s: %lld rows without a positive number are left out", spec,
			(long long)sample->left_out);
	return CLI_GO_ON;
}

static int take_option(struct cli_common *c, int opt, struct sim_gen *gen)
{
	struct gt_error err;
	int64_t count = 0;
	int status = CLI_GO_ON;

	switch (opt) {
	case MIX:
		return gt_mix_parse(&gen->mix, optarg, &err) ? misused(c, "--mix", &err)
							     : CLI_GO_ON;
	case SIZES:
		return load_sample(&gen->sizes, optarg);
	case DURATION:
		return sim_gen_duration(gen, optarg, &err)
			       ? misused(c, "--duration", &err)
			       : CLI_GO_ON;
	case DURATIONS:
		return load_sample(&gen->durations, optarg);
	case LOAD:
		return sim_read_number(c, "--load", optarg, 1e-6, 100, &gen->load);
	case LOSS:
		gen->loss = true;
		return CLI_GO_ON;
	case GPUS:
		status = sim_read_count(c, "--gpus", optarg, 1, 2000000, &count);
		gen->gpus = (int)count;
		return status;
	case JOBS:
		return sim_read_count(c, "--jobs", optarg, 1, 1000000000, &gen->jobs);
	case FORM:
		return sim_form_parse(optarg, &gen->form)
			       ? CLI_GO_ON
			       : cli_misuse(
					 c,
					 "--form: '%s' is not job, node, task or socket",
					 optarg);
	case LIMIT:
		return sim_read_number(c, "--limit", optarg, 1, 1000, &gen->limit);
	case SEED:
		status = sim_read_count(c, "--seed", optarg, 0, INT64_MAX, &count);
		gen->seed = (uint64_t)count;
		return status;
	default:
		return cli_common_option(c, opt);
	}
}

static int print_jobs(const struct sim_gen *gen)
{
	struct sim_trace trace;
	struct gt_error err;
	enum gt_err failed = sim_gen_run(gen, &trace, &err);

	if (!failed)
		sim_trace_write(&trace, stdout);
	sim_trace_release(&trace);
	return failed ? cli_fail(&err) : CLI_DONE;
}

int cmd_sim_gen(int argc, char **argv)
{
	struct cli_common c = {.command = "sim gen", .help = help};
	struct sim_gen gen = {
		.mix = gt_mix_default(),
		.kind = SIM_DURATION_EXP,
		.a = 3600,
		.form = SIM_FORM_NODE,
		.seed = 1,
	};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take_option(&c, opt, &gen);
	if (status == CLI_GO_ON)
		status = cli_no_more(&c, argc, argv);
	if (status == CLI_GO_ON && !(gen.load > 0 && gen.gpus && gen.jobs))
		status = cli_misuse(&c, "--load, --gpus and --jobs are needed");
	if (status == CLI_GO_ON)
		status = print_jobs(&gen);
	sim_sample_release(&gen.sizes);
	sim_sample_release(&gen.durations);
	return status;
}
