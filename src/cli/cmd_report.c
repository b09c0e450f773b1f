/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo report: what the plugin's decisions were worth. */
#define _GNU_SOURCE
#include "config.h"

#include "cli/cli.h"
#include "cli/decisions.h"
#include "cli/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SAID 20 /* bad lines that are named */
#define TOP	 8  /* reasons in the text; JSON has all */

enum { OPT_JSON = CLI_OPT_OWN, OPT_BY, OPT_SINCE };

static const char help[] =
	"Usage: gputopo report LOG... [OPTIONS]\n"
	"Sum up the plugin's decision log (DecisionLog= of gputopo.conf), older files "
	"first:\n"
	"what jobs got, or with Mode=observe would have got, beside stock Slurm's "
	"choice.\n"
	"A decision is one node of one start of a job. LOG may be - for standard input.\n"
	"A line that is none is named, left out, and makes the exit status 1.\n\n"
	"      --by KEY       a row for each partition, user, type or day (UTC), and in "
	"it\n"
	"                     for each node type: no mean mixes them\n"
	"      --since TIME   only jobs that began at 2026-11-28 or 2026-11-28T13:00 "
	"(UTC) or\n"
	"                     later, or in the last 7d (days) or 12h (hours)\n"
	"      --json         one JSON document\n" CLI_HELP_HELP;

static const char *const by_words[] = {
	[LOG_BY_PARTITION] = "partition",
	[LOG_BY_USER] = "user",
	[LOG_BY_TYPE] = "type",
	[LOG_BY_DAY] = "day",
};
#define BY_WORDS (sizeof(by_words) / sizeof(by_words[0]))

static const char *const outcome_words[LOG_OUTCOMES] = {
	[LOG_KEPT] = "kept",
	[LOG_FASTER] = "faster",
	[LOG_EQUAL] = "equal",
	[LOG_SLOWER] = "slower",
};

/* ---- JSON ---- */

static json_t *mean(double sum, long count)
{
	return count ? json_real(sum / (double)count) : json_null();
}

static json_t *row_json(const struct log_row *row)
{
	json_t *out =
		json_pack("{sI, sI, sI, so, so, so, sI, sf, sf, sf}", "decisions",
			  (json_int_t)row->decisions, "changed", (json_int_t)row->changed,
			  "compared", (json_int_t)row->compared, "stock_gbps",
			  mean(row->stock_gbps, row->compared), "gbps",
			  mean(row->gbps, row->compared), "ideal_gbps",
			  mean(row->ideal_gbps, row->compared), "open",
			  (json_int_t)row->open, "gpu_hours", row->hours,
			  "gpu_hours_faster", row->faster, "gpu_hours_moved",
			  row->really);

	for (int i = 0; out && i < LOG_OUTCOMES; i++)
		json_object_set_new(out, outcome_words[i], json_integer(row->outcome[i]));
	return out;
}

static json_t *sizes_json(const struct log_sums *sums)
{
	json_t *out = json_array();

	for (int k = 0; k <= LOG_MAX_GPUS; k++) {
		json_t *row;

		if (!sums->size[k].decisions)
			continue;
		row = row_json(&sums->size[k]);
		json_object_set_new(row, "k", json_integer(k));
		json_array_append_new(out, row);
	}
	return out;
}

static const char *reason_word(int reason)
{
	return reason < GP_REASON_COUNT ? gp_reason_word((enum gp_reason)reason)
					: "other";
}

static const char *reason_text(int reason)
{
	return reason < GP_REASON_COUNT ? gp_reason_text((enum gp_reason)reason)
					: "reasons that this gputopo does not know";
}

/* The reason with the most decisions below *count, or at it and behind reason; -1: no
 * more. */
static int next_reason(const struct log_sums *sums, long *count, int reason)
{
	int best = -1;

	for (int i = 0; i <= GP_REASON_COUNT; i++) {
		long here = sums->reason[i];

		if (here == 0 || here > *count || (here == *count && i <= reason))
			continue;
		if (best < 0 || here > sums->reason[best])
			best = i;
	}
	*count = best < 0 ? 0 : sums->reason[best];
	return best;
}

static json_t *reasons_json(const struct log_sums *sums)
{
	json_t *out = json_array();
	long count = sums->total.decisions + 1;

	for (int r = -1; (r = next_reason(sums, &count, r)) >= 0;)
		json_array_append_new(out,
				      json_pack("{ss, sI, ss}", "reason", reason_word(r),
						"decisions", (json_int_t)count, "text",
						reason_text(r)));
	return out;
}

/* Keys of the log that are not known are null. */
static json_t *word_json(const char *word)
{
	return strcmp(word, "?") != 0 ? json_string(word) : json_null();
}

static json_t *groups_json(const struct log_sums *sums)
{
	json_t *out = json_array();

	for (int i = 0; sums->by && i < sums->groups; i++) {
		const struct log_group *group = sums->group[i];
		json_t *row = row_json(&group->row);

		json_object_set_new(row, "type", word_json(group->type));
		if (sums->by != LOG_BY_TYPE)
			json_object_set_new(row, by_words[sums->by],
					    word_json(group->key));
		json_object_set_new(row, "starts", json_integer(group->starts));
		json_array_append_new(out, row);
	}
	return out;
}

static json_t *networks_json(const struct log_sums *sums)
{
	return json_pack("{sI, so, so, sI}", "starts", (json_int_t)sums->networks,
			 "x_stock", mean(sums->x_stock, sums->networks), "x_gbps",
			 mean(sums->x_gbps, sums->networks), "equal_rails",
			 (json_int_t)sums->equal_rails);
}

static int print_json(const struct log_sums *sums)
{
	return cli_print_json(json_pack(
		"{si, sI, sI, sI, sf, sf, sI, sI, sI, sI, so, so, so, so, si, so}",
		"version", 1, "lines", (json_int_t)sums->lines, "bad_lines",
		(json_int_t)sums->bad, "ends", (json_int_t)sums->ends, "from",
		sums->first, "to", sums->last, "starts", (json_int_t)sums->starts,
		"splits", (json_int_t)sums->split, "splits_avoided",
		(json_int_t)sums->split_avoided, "with_groups", (json_int_t)sums->grouped,
		"networks", networks_json(sums), "totals", row_json(&sums->total),
		"by_size", sizes_json(sums), "kept_reasons", reasons_json(sums),
		"node_types", sums->types, "by", groups_json(sums)));
}

/* ---- text ---- */

static void print_gbps(double sum, long count)
{
	if (count)
		printf(" %9.1f", sum / (double)count);
	else
		printf(" %9s", "-");
}

static void print_row(const char *name, const struct log_row *row)
{
	printf("%6s %9ld %8ld %8ld %8ld %8ld %8ld", name, row->decisions,
	       row->outcome[LOG_KEPT], row->outcome[LOG_FASTER], row->outcome[LOG_EQUAL],
	       row->outcome[LOG_SLOWER], row->changed);
	print_gbps(row->stock_gbps, row->compared);
	print_gbps(row->gbps, row->compared);
	print_gbps(row->ideal_gbps, row->compared);
	putchar('\n');
}

static void print_rows(const struct log_sums *sums)
{
	char name[16];

	puts("  GPUs decisions     kept   faster    equal   slower  changed     stock  "
	     " chosen     ideal");
	for (int k = 0; k <= LOG_MAX_GPUS; k++) {
		if (!sums->size[k].decisions)
			continue;
		snprintf(name, sizeof(name), "%d", k);
		print_row(name, &sums->size[k]);
	}
	print_row("all", &sums->total);
}

static void print_groups(const struct log_sums *sums)
{
	char key[32], type[32];

	printf("%-12s %-22s %7s %7s %6s %6s %6s %7s\n", by_words[sums->by],
	       sums->by == LOG_BY_TYPE ? "" : "node type", "sets", "changed", "stock",
	       "chosen", "ideal", "GPU-h");
	for (int i = 0; i < sums->groups; i++) {
		const struct log_group *group = sums->group[i];
		const struct log_row *row = &group->row;
		double n = (double)row->compared;

		live_clean(group->key, key, sizeof(key));
		live_clean(group->type, type, sizeof(type));
		if (sums->by == LOG_BY_TYPE)
			printf("%-35.35s", type);
		else
			printf("%-12.12s %-22.22s", key, type);
		printf(" %7ld %7ld", row->decisions, row->changed);
		if (row->compared)
			printf(" %6.1f %6.1f %6.1f", row->stock_gbps / n, row->gbps / n,
			       row->ideal_gbps / n);
		else
			printf(" %6s %6s %6s", "-", "-", "-");
		printf(" %7.1f\n", row->hours);
	}
	puts("\nsets: decisions, one node of one start each. GB/s: means over jobs of "
	     "all sizes.\n");
}

static void print_head(const struct log_sums *sums)
{
	time_t first = (time_t)sums->first, last = (time_t)sums->last;
	char from[32], to[32];
	struct tm tm;

	strftime(from, sizeof(from), "%Y-%m-%d %H:%M:%S", gmtime_r(&first, &tm));
	strftime(to, sizeof(to), "%Y-%m-%d %H:%M:%S", gmtime_r(&last, &tm));
	printf("%ld decisions for %ld starts of jobs, %s to %s UTC\n\n",
	       sums->total.decisions, sums->starts, from, to);
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void print_worth(const struct log_sums *sums)
{
	const struct log_row *t = &sums->total;

	puts("\nkept: stock Slurm's own set; changed: the job really got the other set. "
	     "Mean bus\nbandwidth in GB/s of the sets with figures.");
	printf("\nBandwidth:  %.1f %% of ideal, stock's choice %.1f %%\n",
	       percent(t->gbps, t->ideal_gbps), percent(t->stock_gbps, t->ideal_gbps));
	printf("GPU-hours:  %.2f, of them %.2f (%.1f %%) moved to faster sets", t->hours,
	       t->really, percent(t->really, t->hours));
	if (t->faster > t->really)
		printf(" and %.2f that only were observed", t->faster - t->really);
	putchar('\n');
	if (t->open)
		printf("            (%ld decisions have no end in the log)\n", t->open);
	if (sums->grouped)
		printf("Groups:     %ld decisions for jobs with --gpu-groups or "
		       "--gpu-comm; "
		       "their figures are\n            the slowest group's\n",
		       sums->grouped);
	if (sums->networks)
		printf("Networks:   %ld starts on several nodes with NICs; those of the "
		       "slowest node carry\n            %.1f GB/s in the mean, with "
		       "stock's sets %.1f; equal rails in %ld\n",
		       sums->networks, sums->x_gbps / (double)sums->networks,
		       sums->x_stock / (double)sums->networks, sums->equal_rails);
	printf("Splits:     %ld avoided, %ld jobs of --gpus were split over nodes\n",
	       sums->split_avoided, sums->split);
}

static void print_reasons(const struct log_sums *sums)
{
	long count = sums->total.decisions + 1;
	int row = 0;

	for (int r = -1; (r = next_reason(sums, &count, r)) >= 0 && row < TOP; row++)
		printf("%s%9ld  %-16s %s\n", row ? "" : "\nWhy stock's set was kept:\n",
		       count, reason_word(r), reason_text(r));
}

static int print_text(const struct log_sums *sums)
{
	if (!sums->total.decisions) {
		puts("No decisions.");
		return CLI_DONE;
	}
	print_head(sums);
	if (sums->by)
		print_groups(sums);
	print_rows(sums);
	if (sums->types > 1)
		printf("\nThese means mix %d node types; --by type keeps them apart.\n",
		       sums->types);
	print_worth(sums);
	print_reasons(sums);
	return CLI_DONE;
}

/* ---- the command ---- */

/* Bad lines are named, but not thousands of them. */
static void say_bad(const struct gt_error *err)
{
	static int said;

	if (said++ < MAX_SAID)
		cli_fail(err);
	else if (said == MAX_SAID + 1)
		cli_say("and more lines like these");
}

static int add_log(struct log_sums *sums, const char *name)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(name, "re");
	struct gt_error err;
	enum gt_err code;

	if (!in) {
		cli_say("%s: %s", name, strerror(errno));
		return CLI_FAILED;
	}
	code = log_read(sums, in, is_stdin ? "standard input" : name, say_bad, &err);
	if (!is_stdin)
		fclose(in);
	return code == GT_OK ? CLI_GO_ON : cli_fail(&err);
}

/* Takes what the sums keep away, whatever became of the logs. */
static int report(struct log_sums *sums, char **logs, int count, bool as_json)
{
	int status = CLI_GO_ON;

	for (int i = 0; i < count && status == CLI_GO_ON; i++)
		status = add_log(sums, logs[i]);
	log_finish(sums);
	if (status == CLI_GO_ON) {
		status = as_json ? print_json(sums) : print_text(sums);
		if (sums->bad)
			cli_say("%ld of %ld lines are left out", sums->bad, sums->lines);
		status = sums->bad ? CLI_FAILED : status;
	}
	log_release(sums);
	return status;
}

static int read_by(const struct cli_common *c, enum log_by *by)
{
	for (size_t i = 1; i < BY_WORDS; i++)
		if (!strcmp(optarg, by_words[i])) {
			*by = (enum log_by)i;
			return CLI_GO_ON;
		}
	return cli_misuse(c, "--by: '%s' is not one of partition, user, type, day",
			  optarg);
}

/* UTC, as the report prints times. */
static int read_since(const struct cli_common *c, double *since)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M",
					    "%Y-%m-%dT%H:%M:%S"};
	char *end;
	long ago = strtol(optarg, &end, 10);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *rest = strptime(optarg, forms[i], &tm);

		if (!rest || *rest)
			continue;
		*since = (double)timegm(&tm);
		return CLI_GO_ON;
	}
	if (end == optarg || ago < 0 || ago > 100000 ||
	    (strcmp(end, "d") != 0 && strcmp(end, "h") != 0))
		return cli_misuse(c,
				  "--since: '%s' is no time: 2026-11-28, "
				  "2026-11-28T13:00, 7d, 12h",
				  optarg);
	*since = (double)(time(NULL) - ago * (*end == 'd' ? 86400 : 3600));
	return CLI_GO_ON;
}

int cmd_report(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"by", required_argument, NULL, OPT_BY},
		{"since", required_argument, NULL, OPT_SINCE},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "report", .help = help};
	struct log_sums sums = {0};
	bool as_json = false;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_JSON) {
			as_json = true;
			continue;
		}
		status = opt == OPT_BY	    ? read_by(&c, &sums.by)
			 : opt == OPT_SINCE ? read_since(&c, &sums.since)
					    : cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (optind == argc)
		return cli_misuse(&c, "no LOG");
	return report(&sums, argv + optind, argc - optind, as_json);
}
