/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo sim merge: the summaries of a sweep to means and intervals. */
#include "config.h"

#include "cli/cmd_sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: gputopo sim merge SUMMARY.json... [--json]\n"
			   "Mean and 95 % confidence interval of every figure over the "
			   "summaries of a sweep,\n"
			   "such as one for each seed of a job array. Policies are "
			   "also compared seed by\n"
			   "seed with the stock one, or else with the first: the same "
			   "jobs under both.\n\n"
			   "      --json         one JSON document\n" CLI_HELP_HELP;

#define MAX_FILES 4096

/* Sums of one figure. */
struct sum {
	double sum, squares;
	int count;
};

/* Two-sided 95 % points of Student's distribution by degrees of freedom; beyond the table
 * the error is below one per cent. */
static double student(int degrees)
{
	static const double point[] = {
		0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
		2.306, 2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
		2.120, 2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069,
		2.064, 2.060,  2.056, 2.052, 2.048, 2.045, 2.042,
	};
	const int last = (int)(sizeof(point) / sizeof(point[0])) - 1;

	return degrees <= last ? point[degrees] : 1.96 + 2.5 / degrees;
}

/* {"mean", "ci95", "runs"}: half the width of the interval, null for a single run. */
static json_t *interval_json(const struct sum *s)
{
	double mean = s->sum / s->count, spread;

	if (s->count < 2)
		return json_pack("{s:f, s:n, s:i}", "mean", mean, "ci95", "runs",
				 s->count);
	spread = (s->squares - s->sum * mean) / (s->count - 1);
	spread = spread > 0 ? sqrt(spread / s->count) : 0;
	return json_pack("{s:f, s:f, s:i}", "mean", mean, "ci95",
			 student(s->count - 1) * spread, "runs", s->count);
}

static json_t *merge_objects(json_t *const *objects, int count);

/* What the objects hold under a key: an interval, or an object of such; NULL: neither. */
static json_t *merge_key(json_t *const *objects, int count, const char *key)
{
	json_t *parts[MAX_FILES];
	struct sum sum = {0};
	int there = 0;

	for (int i = 0; i < count; i++) {
		json_t *part = json_object_get(objects[i], key);

		if (json_is_number(part)) {
			double number = json_number_value(part);

			sum.sum += number;
			sum.squares += number * number;
			sum.count++;
		}
		if (json_is_object(part))
			parts[there++] = part;
	}
	return there	   ? merge_objects(parts, there)
	       : sum.count ? interval_json(&sum)
			   : NULL;
}

/* Every number at the same place of the objects, wherever one has it. */
static json_t *merge_objects(json_t *const *objects, int count)
{
	json_t *out = json_object(), *value;
	const char *key;

	for (int i = 0; i < count; i++)
		json_object_foreach(objects[i], key, value)
		{
			json_t *merged = json_object_get(out, key)
						 ? NULL
						 : merge_key(objects, count, key);

			if (merged)
				json_object_set_new(out, key, merged);
		}
	return out;
}

/* ---- pairs ---------------------------------------------------------------------------
 */

static bool same_at(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* Whether two summaries have the same jobs, seed and nodes. */
static bool same_run(const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(a, "inputs"), *y = json_object_get(b, "inputs");

	return same_at(x, y, "trace_hash") && same_at(x, y, "seed") &&
	       same_at(x, y, "topology_hash");
}

/* What policies are held against: the first that restates stock Slurm, else the first. */
static const char *find_base(json_t *const *files, int count)
{
	const char *first = NULL, *name;
	json_t *value;

	for (int i = 0; i < count; i++)
		json_object_foreach(json_object_get(files[i], "policies"), name, value)
		{
			if (!strncmp(name, "slurm-", 6))
				return name;
			first = first ? first : name;
		}
	return first;
}

/* A policy of the run that a file is of: there, or in another file of the same run. */
static json_t *policy_of_run(json_t *const *files, int count, int run, const char *name)
{
	json_t *here = json_object_get(json_object_get(files[run], "policies"), name);

	for (int i = 0; i < count && !here; i++)
		if (same_run(files[i], files[run]))
			here = json_object_get(json_object_get(files[i], "policies"),
					       name);
	return here;
}

/* The numbers of one policy less those of another, of the same jobs. */
static json_t *difference(json_t *policy, json_t *base)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach(policy, key, value)
	{
		json_t *other = json_object_get(base, key);

		if (json_is_number(value) && json_is_number(other))
			json_object_set_new(out, key,
					    json_real(json_number_value(value) -
						      json_number_value(other)));
	}
	return out;
}

/* {"POLICY": {"against": NAME, FIGURE: interval of the differences}}. */
static json_t *pairs_json(json_t *const *files, int count)
{
	const char *base = find_base(files, count), *name;
	json_t *all = json_object(), *policy;

	for (int i = 0; i < count; i++)
		json_object_foreach(json_object_get(files[i], "policies"), name, policy)
		{
			json_t *other = policy_of_run(files, count, i, base);
			json_t *list = json_object_get(all, name);

			if (!other || !strcmp(name, base))
				continue;
			if (!list) {
				list = json_array();
				json_object_set_new(all, name, list);
			}
			json_array_append_new(list, difference(policy, other));
		}
	json_object_foreach(all, name, policy)
	{
		json_t *parts[MAX_FILES], *merged;
		int there = (int)json_array_size(policy);

		for (int i = 0; i < there; i++)
			parts[i] = json_array_get(policy, (size_t)i);
		merged = merge_objects(parts, there);
		json_object_set_new(merged, "against", json_string(base));
		json_object_set_new(all, name, merged);
	}
	return all;
}

/* ---- do the runs belong together? ----------------------------------------------------
 */

/* What a sweep over seeds or traces may change. */
static bool may_differ(const char *key)
{
	static const char *const keys[] = {"trace",    "trace_hash",
					   "rows",     "ignored_rows",
					   "bad_rows", "shared_gpu_jobs",
					   "seed"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static bool share_policy(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(a, "policies"), name, value)
	{
		if (json_object_get(json_object_get(b, "policies"), name))
			return true;
	}
	return false;
}

/* Say what makes a mean of this run and the first, or of it and an earlier, doubtful. */
static void warn_of(json_t *const *files, char **names, int i)
{
	json_t *first = json_object_get(files[0], "inputs"), *value,
	       *here = json_object_get(files[i], "inputs");
	const char *key;

	json_object_foreach(first, key,
			    value) if (!may_differ(key) && !same_at(first, here, key))
		cli_say("%s: %s is not that of %s", names[i], key, names[0]);
	for (int j = 0; j < i; j++)
		if (same_run(files[i], files[j]) && share_policy(files[i], files[j])) {
			cli_say("%s: the same jobs and seed as %s", names[i], names[j]);
			return;
		}
}

/* ---- printing ------------------------------------------------------------------------
 */

static void print_figure(const json_t *policy, const char *key, double scale)
{
	const json_t *f = json_object_get(policy, key);
	const json_t *half = json_object_get(f, "ci95");

	if (!f)
		printf(" %18s", "-");
	else if (json_is_number(half))
		printf(" %9.3f +- %5.3f",
		       scale * json_number_value(json_object_get(f, "mean")),
		       scale * json_number_value(half));
	else
		printf(" %18.3f", scale * json_number_value(json_object_get(f, "mean")));
}

static void print_table(const json_t *policies, int count)
{
	const char *name;
	json_t *policy;
	int runs;

	printf("%d runs; mean and half of the 95 %% interval\n", count);
	printf("%-22s %18s %18s %18s %18s %18s\n", "policy", "GB/s", "of ideal, %",
	       "of free, %", "no ring, %", "wait, s");
	json_object_foreach((json_t *)policies, name, policy)
	{
		printf("%-22s", name);
		print_figure(policy, "mean_gbps", 1);
		print_figure(policy, "mean_ratio_idle", 100);
		print_figure(policy, "mean_ratio_free", 100);
		print_figure(policy, "no_ring_share", 100);
		print_figure(policy, "wait_mean_s", 1);
		runs = (int)json_integer_value(
			json_object_get(json_object_get(policy, "jobs"), "runs"));
		if (runs != count)
			printf("   %d runs", runs);
		putchar('\n');
	}
}

static void print_pairs(const json_t *pairs)
{
	const char *name, *against = NULL;
	json_t *policy;

	json_object_foreach((json_t *)pairs, name, policy)
	{
		if (!against) {
			against = json_string_value(json_object_get(policy, "against"));
			printf("\nAgainst %s on the same jobs, seed by seed\n%-22s %18s "
			       "%18s %18s\n",
			       against, "policy", "GB/s", "of ideal, %", "wait, s");
		}
		printf("%-22s", name);
		print_figure(policy, "mean_gbps", 1);
		print_figure(policy, "mean_ratio_idle", 100);
		print_figure(policy, "wait_mean_s", 1);
		putchar('\n');
	}
}

static int merge(json_t **files, int count, bool as_json)
{
	json_t *merged = merge_objects(files, count);
	json_t *policies = json_object_get(merged, "policies");
	json_t *pairs = policies ? pairs_json(files, count) : NULL;
	int status = CLI_DONE;

	if (!policies) {
		cli_say("no summary of gputopo sim replay");
		status = CLI_FAILED;
	} else if (as_json) {
		status = cli_print_json(json_pack("{s:i, s:O, s:O}", "runs", count,
						  "policies", policies, "paired", pairs));
	} else {
		print_table(policies, count);
		print_pairs(pairs);
	}
	json_decref(pairs);
	json_decref(merged);
	return status;
}

/* Load every file; false after a message. */
static bool load(char **names, int count, json_t **files)
{
	for (int i = 0; i < count; i++) {
		json_error_t bad;

		files[i] = json_load_file(names[i], 0, &bad);
		if (!files[i]) {
			cli_say("%s:%d: %s", names[i], bad.line, bad.text);
			return false;
		}
	}
	return true;
}

int cmd_sim_merge(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "sim merge", .help = help};
	int opt, count, status = CLI_FAILED;
	bool as_json = false;
	json_t **files;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'j')
			as_json = true;
		else
			return cli_common_option(&c, opt);
	}
	count = argc - optind;
	if (count < 1 || count > MAX_FILES)
		return cli_misuse(&c, "no summaries to merge");
	files = calloc((size_t)count, sizeof(json_t *));
	if (!files)
		return cli_no_memory();
	if (load(argv + optind, count, files)) {
		for (int i = 1; i < count; i++)
			warn_of(files, argv + optind, i);
		status = merge(files, count, as_json);
	}
	for (int i = 0; i < count; i++)
		json_decref(files[i]);
	free(files);
	return status;
}
