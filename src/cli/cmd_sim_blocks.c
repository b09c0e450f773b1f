/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim blocks: what segments cost and what the choice of racks is worth. */
#include "config.h"

#include "cli/cmd_sim.h"
#include "sim/blocks.h"
#include "sim/gen.h"
#include "sim/rng.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZES 32
#define MAX_JOBS  1000000

static const char help[] =
	"Usage: gputopo sim blocks [OPTIONS]\n"
	"Run jobs of whole nodes on racks (topology/block): without segments (naive), "
	"with "
	"them\n"
	"in the fullest rack that holds one (block), and in the rack whose value to the "
	"jobs to\n"
	"come falls least (value). Without options: 5,000 nodes in racks of 18.\n\n"
	"      --nodes N         of the cluster (default 5000)\n"
	"      --block N         nodes of a rack (default 18)\n"
	"      --mix N:W,...     nodes of jobs and how often they come (default\n"
	"                        1:40,2:16,4:14,8:12,16:9,32:5,64:3,128:1)\n"
	"      --segments N:S,...  from N nodes on, segments of S nodes (default\n"
	"                        1:1,8:4,32:16)\n"
	"      --load L          node time asked for over node time there is (default "
	"1)\n"
	"      --jobs N          how many (default 20000)\n"
	"      --duration D      exp:MEAN, lognormal:MU:SIGMA or fixed:SECONDS (default\n"
	"                        exp:14400)\n"
	"      --depth N         waiting jobs that may pass the first (default 50)\n"
	"      --warmup DURATION count nothing before (default: a tenth of the time)\n"
	"      --seed N          another stream (default 1)\n"
	"      --json            one JSON document\n" CLI_HELP_HELP;

enum {
	NODES = CLI_OPT_OWN,
	BLOCK,
	MIX,
	SEGMENTS,
	LOAD,
	JOBS,
	DURATION,
	DEPTH,
	WARMUP,
	SEED,
	JSON
};

static const struct option options[] = {
	{"nodes", required_argument, NULL, NODES},
	{"block", required_argument, NULL, BLOCK},
	{"mix", required_argument, NULL, MIX},
	{"segments", required_argument, NULL, SEGMENTS},
	{"load", required_argument, NULL, LOAD},
	{"jobs", required_argument, NULL, JOBS},
	{"duration", required_argument, NULL, DURATION},
	{"depth", required_argument, NULL, DEPTH},
	{"warmup", required_argument, NULL, WARMUP},
	{"seed", required_argument, NULL, SEED},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, CLI_OPT_VERSION},
	{0},
};

/* "N:M,...": sizes and what goes with them. */
struct pairs {
	int size[MAX_SIZES], other[MAX_SIZES];
	int count;
};

struct blocks_run {
	struct cli_common common;
	int64_t nodes, block, jobs, depth, warmup_ms, seed;
	bool has_warmup, json;
	double load;
	struct pairs mix, segments;
	struct sim_gen gen; /* durations */
};

static int read_pairs(const struct cli_common *c, const char *name, const char *text,
		      struct pairs *pairs)
{
	pairs->count = 0;
	for (const char *at = text; *at;) {
		int used = 0, size, other;

		if (pairs->count == MAX_SIZES ||
		    sscanf(at, "%d:%d%n", &size, &other, &used) != 2 || size < 1 ||
		    other < 1 || size > 100000 || other > 100000 ||
		    (at[used] && at[used] != ','))
			return cli_misuse(c, "%s: '%s' is not a list such as 1:40,2:20",
					  name, text);
		pairs->size[pairs->count] = size;
		pairs->other[pairs->count++] = other;
		at += used + (at[used] == ',');
	}
	return pairs->count ? CLI_GO_ON : cli_misuse(c, "%s: the list is empty", name);
}

static int read_option(struct blocks_run *b, int opt)
{
	struct cli_common *c = &b->common;
	struct gt_error err;

	switch (opt) {
	case NODES:
		return sim_read_count(c, "--nodes", optarg, 1, 100000, &b->nodes);
	case BLOCK:
		return sim_read_count(c, "--block", optarg, 1, SIM_BLOCK_MAX, &b->block);
	case MIX:
		return read_pairs(c, "--mix", optarg, &b->mix);
	case SEGMENTS:
		return read_pairs(c, "--segments", optarg, &b->segments);
	case LOAD:
		return sim_read_number(c, "--load", optarg, 1e-3, 100, &b->load);
	case JOBS:
		return sim_read_count(c, "--jobs", optarg, 1, MAX_JOBS, &b->jobs);
	case DURATION:
		return sim_gen_duration(&b->gen, optarg, &err)
			       ? cli_misuse(c, "--duration: %s", err.text)
			       : CLI_GO_ON;
	case DEPTH:
		return sim_read_count(c, "--depth", optarg, 0, 100000, &b->depth);
	case WARMUP:
		b->has_warmup = true;
		return sim_read_duration(c, "--warmup", optarg, &b->warmup_ms);
	case SEED:
		return sim_read_count(c, "--seed", optarg, 0, INT64_MAX, &b->seed);
	case JSON:
		b->json = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(c, opt);
	}
}

/* The segment of a job: that of the last rule from its size on, no more than itself. */
static int segment_of(const struct blocks_run *b, int nodes)
{
	int segment = 1, from = 0;

	for (int i = 0; i < b->segments.count; i++)
		if (b->segments.size[i] <= nodes && b->segments.size[i] >= from) {
			from = b->segments.size[i];
			segment = b->segments.other[i];
		}
	return segment < nodes ? segment : nodes;
}

static int check(const struct blocks_run *b)
{
	for (int i = 0; i < b->mix.count; i++) {
		if (b->mix.size[i] > b->nodes)
			return cli_misuse(&b->common,
					  "--mix: a job of %d nodes on %lld nodes",
					  b->mix.size[i], (long long)b->nodes);
		if (segment_of(b, b->mix.size[i]) > b->block)
			return cli_misuse(
				&b->common,
				"--segments: %d nodes do not fit a block of %lld",
				segment_of(b, b->mix.size[i]), (long long)b->block);
	}
	return CLI_GO_ON;
}

/* A Poisson stream of the mix, as gputopo sim gen draws one. */
static struct sim_block_job *draw(const struct blocks_run *b)
{
	struct sim_block_job *jobs = calloc((size_t)b->jobs, sizeof(*jobs));
	uint64_t random = (uint64_t)b->seed;
	double total = 0, nodes = 0, now = 0, gap;

	for (int i = 0; i < b->mix.count; i++) {
		total += b->mix.other[i];
		nodes += (double)b->mix.size[i] * b->mix.other[i];
	}
	gap = nodes / total * sim_gen_mean_duration(&b->gen) /
	      (b->load * (double)b->nodes);
	for (int64_t i = 0; jobs && i < b->jobs; i++) {
		double x = sim_random_unit(&random) * total;
		int at = 0;

		while (at < b->mix.count - 1 && x > b->mix.other[at])
			x -= b->mix.other[at++];
		now += gap * sim_random_exp(&random);
		jobs[i].submit_ms = (int64_t)(now * 1000);
		jobs[i].duration_ms =
			(int64_t)(sim_gen_draw_duration(&b->gen, &random) * 1000) + 1;
		jobs[i].nodes = b->mix.size[at];
		jobs[i].segment = segment_of(b, jobs[i].nodes);
	}
	return jobs;
}

/* How often a segment of each size comes, for the value of a block. */
static void find_mix(const struct blocks_run *b, double *mix)
{
	double total = 0;

	for (int i = 0; i < b->mix.count; i++) {
		int segment = segment_of(b, b->mix.size[i]);
		double segments = (double)b->mix.other[i] *
				  ((b->mix.size[i] + segment - 1) / segment);

		mix[segment] += segments;
		total += segments;
	}
	for (int s = 0; s <= SIM_BLOCK_MAX; s++)
		mix[s] /= total;
}

static json_t *result_json(const struct sim_block_result *r)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:I}", "occupancy", r->occupancy,
			 "wait_mean_s", r->wait_mean_s, "wait_large_s", r->wait_large_s,
			 "blocks_per_job", r->blocks_mean, "jobs",
			 (json_int_t)r->started);
}

static void print_results(const struct blocks_run *b, const struct sim_block_result *r)
{
	printf("With segments in the rack whose value falls least, %.2f %% of the nodes "
	       "are "
	       "busy, %.2f %% without regard to racks.\n\n",
	       100 * r[SIM_BLOCKS_VALUE].occupancy, 100 * r[SIM_BLOCKS_NAIVE].occupancy);
	printf("%lld jobs on %lld nodes in racks of %lld, load %g, seed %lld\n\n%-8s "
	       "%10s "
	       "%12s %14s %14s\n",
	       (long long)b->jobs, (long long)b->nodes, (long long)b->block, b->load,
	       (long long)b->seed, "rule", "busy", "wait, min", "large, min",
	       "racks a job");
	for (int i = 0; i < SIM_BLOCKS_RULES; i++)
		printf("%-8s %8.2f %% %12.1f %14.1f %14.2f\n",
		       sim_block_rule_name((enum sim_block_rule)i), 100 * r[i].occupancy,
		       r[i].wait_mean_s / 60, r[i].wait_large_s / 60, r[i].blocks_mean);
	fputs("\nColumns\n"
	      "  busy         busy share of the nodes, after the warm-up\n"
	      "  wait, large  minutes from submission to start, mean: all jobs, and "
	      "those "
	      "larger than a rack\n"
	      "  racks a job  that jobs of 2 nodes up to a rack are spread over, mean\n",
	      stdout);
}

static int run_blocks(struct blocks_run *b)
{
	struct sim_block_result results[SIM_BLOCKS_RULES];
	double mix[SIM_BLOCK_MAX + 1] = {0};
	struct sim_block_job *jobs = draw(b);
	struct gt_error err;
	json_t *rules;

	if (!jobs)
		return cli_no_memory();
	find_mix(b, mix);
	if (!b->has_warmup)
		b->warmup_ms = jobs[b->jobs - 1].submit_ms / 10;
	for (int i = 0; i < SIM_BLOCKS_RULES; i++) {
		struct sim_block_options how = {.nodes = (int)b->nodes,
						.block = (int)b->block,
						.rule = (enum sim_block_rule)i,
						.depth = (int)b->depth,
						.mix = mix,
						.warmup_ms = b->warmup_ms};

		if (sim_blocks_run(&results[i], jobs, (size_t)b->jobs, &how, &err)) {
			free(jobs);
			return cli_fail(&err);
		}
	}
	free(jobs);
	if (!b->json) {
		print_results(b, results);
		return CLI_DONE;
	}
	rules = json_object();
	for (int i = 0; i < SIM_BLOCKS_RULES; i++)
		json_object_set_new(rules, sim_block_rule_name((enum sim_block_rule)i),
				    result_json(&results[i]));
	return cli_print_json(json_pack("{s:I, s:I, s:f, s:I, s:o}", "nodes",
					(json_int_t)b->nodes, "block",
					(json_int_t)b->block, "load", b->load, "seed",
					(json_int_t)b->seed, "rules", rules));
}

int cmd_sim_blocks(int argc, char **argv)
{
	struct blocks_run b = {
		.common = {.command = "sim blocks", .help = help},
		.nodes = 5000,
		.block = 18,
		.jobs = 20000,
		.depth = 50,
		.seed = 1,
		.load = 1,
		.mix = {{1, 2, 4, 8, 16, 32, 64, 128}, {40, 16, 14, 12, 9, 5, 3, 1}, 8},
		.segments = {{1, 8, 32}, {1, 4, 16}, 3},
		.gen = {.kind = SIM_DURATION_EXP, .a = 14400},
	};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = read_option(&b, opt);
	if (status == CLI_GO_ON)
		status = cli_no_more(&b.common, argc, argv);
	if (status == CLI_GO_ON)
		status = check(&b);
	return status == CLI_GO_ON ? run_blocks(&b) : status;
}
