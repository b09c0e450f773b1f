/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo report: what the plugin's decisions were worth. */
#include "config.h"

#include "cli/cli.h"
#include "cli/decisions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SAID 20 /* bad lines that are named */
#define TOP	 8  /* reasons in the text; JSON has all */

enum { OPT_JSON = CLI_OPT_OWN };

static const char help[] =
	"Usage: gputopo report LOG... [--json]\n"
	"Sum up the plugin's decision log (DecisionLog= of gputopo.conf), older files "
	"first:\n"
	"what jobs got, or with Mode=observe would have got, beside stock Slurm's "
	"choice.\n"
	"A decision is one node of one start of a job. LOG may be - for standard input.\n"
	"A line that is none is named, left out, and makes the exit status 1.\n\n"
	"      --json         one JSON document\n" CLI_HELP_HELP;

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
		"{si, sI, sI, sI, sf, sf, sI, sI, sI, sI, so, so, so, so}", "version", 1,
		"lines", (json_int_t)sums->lines, "bad_lines", (json_int_t)sums->bad,
		"ends", (json_int_t)sums->ends, "from", sums->first, "to", sums->last,
		"starts", (json_int_t)sums->starts, "splits", (json_int_t)sums->split,
		"splits_avoided", (json_int_t)sums->split_avoided, "with_groups",
		(json_int_t)sums->grouped, "networks", networks_json(sums), "totals",
		row_json(&sums->total), "by_size", sizes_json(sums), "kept_reasons",
		reasons_json(sums)));
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
	print_rows(sums);
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
static int report(char **logs, int count, bool as_json)
{
	struct log_sums sums = {0};
	int status = CLI_GO_ON;

	for (int i = 0; i < count && status == CLI_GO_ON; i++)
		status = add_log(&sums, logs[i]);
	log_finish(&sums);
	if (status != CLI_GO_ON)
		return status;
	status = as_json ? print_json(&sums) : print_text(&sums);
	if (sums.bad)
		cli_say("%ld of %ld lines are left out", sums.bad, sums.lines);
	return sums.bad ? CLI_FAILED : status;
}

int cmd_report(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "report", .help = help};
	bool as_json = false;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_JSON) {
			as_json = true;
			continue;
		}
		status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (optind == argc)
		return cli_misuse(&c, "no LOG");
	return report(argv + optind, argc - optind, as_json);
}
