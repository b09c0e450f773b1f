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

/* The figures that are compared: their key, and how people read them. */
static const struct figure {
	const char *key, *name;
	double scale;
} figures[] = {
	{"mean_ratio_idle", "of ideal, %", 100},
	{"p5_ratio_idle", "5th percentile, %", 100},
	{"mean_ratio_free", "of free, %", 100},
	{"no_ring_share", "without a ring, %", 100},
	{"ring_lost", "rings lost", 1},
	{"wait_mean_s", "mean wait, s", 1},
	{"wait_p95_s", "95 % wait, s", 1},
	{"makespan_s", "makespan, s", 1},
	{"utilisation", "busy, %", 100},
	{"split", "split", 1},
	{"rejected", "rejected", 1},
};

#define FIGURE_COUNT (sizeof(figures) / sizeof(figures[0]))

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

static void print_policy(const char *name, const json_t *a, const json_t *b)
{
	printf("\n%-24s %12s %12s %12s\n", name, "A", "B", "B - A");
	for (size_t i = 0; i < FIGURE_COUNT; i++) {
		const json_t *x = json_object_get(a, figures[i].key);
		const json_t *y = json_object_get(b, figures[i].key);
		double p, q;

		if (!json_is_number(x) || !json_is_number(y))
			continue;
		p = json_number_value(x) * figures[i].scale;
		q = json_number_value(y) * figures[i].scale;
		printf("  %-22s %12.2f %12.2f %+12.2f\n", figures[i].name, p, q, q - p);
	}
}

static json_t *policy_json(const json_t *a, const json_t *b)
{
	json_t *out = json_object();

	for (size_t i = 0; i < FIGURE_COUNT; i++) {
		const json_t *x = json_object_get(a, figures[i].key);
		const json_t *y = json_object_get(b, figures[i].key);

		if (json_is_number(x) && json_is_number(y))
			json_object_set_new(
				out, figures[i].key,
				json_pack("{s:f, s:f, s:f}", "a", json_number_value(x),
					  "b", json_number_value(y), "difference",
					  json_number_value(y) - json_number_value(x)));
	}
	return out;
}

static int compare(const json_t *a, const json_t *b, bool as_json)
{
	json_t *out = json_object(), *value;
	const char *name;
	int count = 0;

	if (!as_json)
		print_inputs(a, b);
	json_object_foreach(json_object_get(a, "policies"), name, value)
	{
		const json_t *other =
			json_object_get(json_object_get(b, "policies"), name);

		if (!other)
			continue;
		count++;
		if (as_json)
			json_object_set_new(out, name, policy_json(value, other));
		else
			print_policy(name, value, other);
	}
	if (!count) {
		json_decref(out);
		cli_say("the two summaries have no policy in common");
		return CLI_FAILED;
	}
	if (as_json)
		return cli_print_json(json_pack("{s:o}", "policies", out));
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
