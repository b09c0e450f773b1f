/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim compare: two summaries side by side. */
#include "config.h"

#include "cli/cmd_sim.h"

#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: gputopo sim compare A.json B.json [--json]\n"
			   "Hold two summaries of gputopo sim replay against each other, "
			   "policy by policy.\n\n"
			   "      --json         one JSON document\n" CLI_HELP_HELP;

/* The figures that are compared: their key, where they stand below a policy, and how
 * people read them. */
static const struct figure {
	const char *key, *group, *name;
	double scale;
} figures[] = {
	{"mean_gbps", NULL, "GB/s, mean", 1},
	{"p5_gbps", NULL, "GB/s, 5 %", 1},
	{"p50_gbps", NULL, "GB/s, median", 1},
	{"p95_gbps", NULL, "GB/s, 95 %", 1},
	{"mean_gbps", "choice", "GB/s, with a choice", 1},
	{"gpu_hours_below_ideal", NULL, "GPU-hours below ideal", 1},
	{"mean_ratio_idle", NULL, "of ideal, %", 100},
	{"p5_ratio_idle", NULL, "of ideal, 5 %, %", 100},
	{"mean_ratio_idle", "choice", "of ideal, choice, %", 100},
	{"mean_ratio_free", NULL, "of free, %", 100},
	{"no_ring_share", NULL, "without a ring, %", 100},
	{"ring_lost", NULL, "rings lost", 1},
	{"wait_mean_s", NULL, "mean wait, s", 1},
	{"wait_p95_s", NULL, "95 % wait, s", 1},
	{"makespan_s", NULL, "makespan, s", 1},
	{"utilisation", NULL, "busy, %", 100},
	{"split", NULL, "split", 1},
	{"rejected", NULL, "rejected", 1},
};

#define FIGURE_COUNT (sizeof(figures) / sizeof(figures[0]))

static const json_t *find_figure(const json_t *policy, const struct figure *f)
{
	if (f->group)
		policy = json_object_get(policy, f->group);
	return json_object_get(policy, f->key);
}

static json_t *load_summary(const char *file)
{
	json_error_t bad;
	json_t *json = json_load_file(file, 0, &bad);
	struct gt_error err;

	if (!json) {
		gt_fail_at(&err, GT_EPARSE, file, bad.line > 0 ? bad.line : 0, 0, "%s",
			   bad.text);
		cli_fail(&err);
	} else if (!json_is_object(json_object_get(json, "policies"))) {
		cli_say("%s: no summary of gputopo sim replay", file);
		json_decref(json);
		json = NULL;
	}
	return json;
}

/* Inputs that differ make a comparison one of inputs. */
static void print_inputs(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(a, "inputs"), key, value)
	{
		const json_t *other = json_object_get(json_object_get(b, "inputs"), key);
		char *x, *y;

		if (json_equal(value, other))
			continue;
		x = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
		y = other ? json_dumps(other, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))
			  : NULL;
		printf("%s: %s, %s\n", key, x ? x : "-", y ? y : "-");
		free(x);
		free(y);
	}
}

/* "builtin:hgx-h100", the nodes of a summary. */
static const char *topology_of(const json_t *summary)
{
	const char *name = json_string_value(
		json_object_get(json_object_get(summary, "inputs"), "topology"));
	const char *slash = name ? strrchr(name, '/') : NULL;

	return slash && slash[1] ? slash + 1 : name ? name : "?";
}

/* The answer in one line, of the first policy that both have. */
static void say_verdict(const json_t *a, const json_t *b, const char *policy, char *text,
			size_t size)
{
	const json_t *x = find_figure(
		json_object_get(json_object_get(a, "policies"), policy), &figures[0]);
	const json_t *y = find_figure(
		json_object_get(json_object_get(b, "policies"), policy), &figures[0]);
	double p = json_number_value(x), q = json_number_value(y);
	char times[64] = "";

	if (!json_is_number(x) || !json_is_number(y)) {
		snprintf(text, size,
			 "%s: one of the summaries has no GB/s: replay the jobs again "
			 "with this gputopo",
			 policy);
		return;
	}
	if (p > 0 && q > 0 && (q >= 1.005 * p || p >= 1.005 * q))
		snprintf(times, sizeof(times), ": %s gives %.*f times as much",
			 q > p ? "B" : "A", q > 2 * p || p > 2 * q ? 1 : 2,
			 q > p ? q / p : p / q);
	snprintf(text, size,
		 "With %s, jobs of 2 GPUs and more get %.1f GB/s on A (%s) and %.1f GB/s "
		 "on B (%s)%s",
		 policy, p, topology_of(a), q, topology_of(b), times);
}

/* Mean GB/s of the sizes that both have. */
static void print_sizes(const json_t *a, const json_t *b)
{
	json_t *there = json_object_get(b, "by_size"), *size;
	const char *key;

	json_object_foreach(json_object_get(a, "by_size"), key, size)
	{
		const json_t *x = json_object_get(size, "mean_gbps");
		const json_t *y =
			json_object_get(json_object_get(there, key), "mean_gbps");

		if (json_is_number(x) && json_is_number(y))
			printf("  GB/s, %-6s GPUs    %12.2f %12.2f %+12.2f\n", key,
			       json_number_value(x), json_number_value(y),
			       json_number_value(y) - json_number_value(x));
	}
}

static void print_policy(const char *name, const json_t *a, const json_t *b)
{
	printf("\n%-24s %12s %12s %12s\n", name, "A", "B", "B - A");
	for (size_t i = 0; i < FIGURE_COUNT; i++) {
		const json_t *x = find_figure(a, &figures[i]);
		const json_t *y = find_figure(b, &figures[i]);
		double p, q;

		if (!json_is_number(x) || !json_is_number(y))
			continue;
		p = json_number_value(x) * figures[i].scale;
		q = json_number_value(y) * figures[i].scale;
		printf("  %-22s %12.2f %12.2f %+12.2f\n", figures[i].name, p, q, q - p);
	}
	print_sizes(a, b);
}

static json_t *policy_json(const json_t *a, const json_t *b)
{
	json_t *out = json_object();

	for (size_t i = 0; i < FIGURE_COUNT; i++) {
		const json_t *x = find_figure(a, &figures[i]);
		const json_t *y = find_figure(b, &figures[i]);
		char key[64];

		snprintf(key, sizeof(key), "%s%s%s",
			 figures[i].group ? figures[i].group : "",
			 figures[i].group ? "_" : "", figures[i].key);
		if (json_is_number(x) && json_is_number(y))
			json_object_set_new(
				out, key,
				json_pack("{s:f, s:f, s:f}", "a", json_number_value(x),
					  "b", json_number_value(y), "difference",
					  json_number_value(y) - json_number_value(x)));
	}
	return out;
}

static const char *first_common(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(a, "policies"), name, value)
	{
		if (json_object_get(json_object_get(b, "policies"), name))
			return name;
	}
	return NULL;
}

static int compare(const json_t *a, const json_t *b, bool as_json)
{
	const char *first = first_common(a, b), *name;
	json_t *out, *value;
	char verdict[512];

	if (!first) {
		cli_say("the two summaries have no policy in common");
		return CLI_FAILED;
	}
	say_verdict(a, b, first, verdict, sizeof(verdict));
	if (!as_json) {
		puts(verdict);
		print_inputs(a, b);
	}
	out = json_object();
	json_object_foreach(json_object_get(a, "policies"), name, value)
	{
		const json_t *other =
			json_object_get(json_object_get(b, "policies"), name);

		if (other && as_json)
			json_object_set_new(out, name, policy_json(value, other));
		else if (other)
			print_policy(name, value, other);
	}
	if (as_json)
		return cli_print_json(
			json_pack("{s:o, s:s}", "policies", out, "verdict", verdict));
	json_decref(out);
	return CLI_DONE;
}

int cmd_sim_compare(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "sim compare", .help = help};
	json_t *a, *b;
	bool as_json = false;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'j')
			as_json = true;
		else
			return cli_common_option(&c, opt);
	}
	if (argc - optind != 2)
		return cli_misuse(&c, "two summaries are needed");
	a = load_summary(argv[optind]);
	b = a ? load_summary(argv[optind + 1]) : NULL;
	status = a && b ? compare(a, b, as_json) : CLI_FAILED;
	json_decref(a);
	json_decref(b);
	return status;
}
