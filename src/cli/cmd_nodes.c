/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo nodes: which good sets of GPUs are left in the running cluster. */
#include "config.h"

#include "cli/nodes.h"
#include "core/hostlist.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: gputopo nodes [OPTIONS]\n"
	"Which sets of 2, 4 and 8 GPUs are free on each node now, and their bus "
	"bandwidth\n"
	"against the idle node. Nodes that look the same share a line, as in sinfo.\n"
	"Reads scontrol show node -d and the configuration in force.\n\n"
	"  -N, --each         one line a node, with the GPUs of each set\n"
	"  -s, --types        one line a node type\n"
	"  -n, --nodes LIST   only these nodes\n"
	"  -p, --partition P  only nodes of this partition\n"
	"      --sort KEY     name (default), free, state, or the size of a set: 2, 4, "
	"8\n"
	"      --defrag K     which running jobs would have to restart, as few as "
	"possible,\n"
	"                     so that a good set of K GPUs becomes free; advice only\n"
	"      --ratio R      with --defrag: its bandwidth over the idle node's best "
	"(default 1)\n"
	"      --watch[=S]    again every S seconds (default 5), until interrupted\n"
	"      --color=WHEN   auto (default), always or never\n"
	"      --json         one JSON document\n"
	"      --html[=FILE]  a page for a browser\n"
	"      --metrics[=FILE]  gauges for Prometheus' textfile collector; FILE is "
	"replaced as a whole\n"
	"      --from FILE    the output of scontrol -d show node (and job) instead of "
	"asking;\n"
	"                     - for standard input\n"
	"      --conf DIR     gputopo.conf and gres.conf of this folder\n" CLI_HELP_HELP;

enum {
	OPT_SORT = CLI_OPT_OWN,
	OPT_DEFRAG,
	OPT_RATIO,
	OPT_WATCH,
	OPT_COLOR,
	OPT_JSON,
	OPT_HTML,
	OPT_METRICS,
	OPT_FROM,
	OPT_CONF,
};

struct nodes_run {
	struct cli_common common;
	struct nodes_want want;
	const char *from, *conf, *html, *metrics;
	bool types, json, color, is_html, is_metrics;
	int defrag;
	double ratio;
	int watch; /* seconds, 0: once */
};

/* ---- text ---- */

static const char *const colors[] = {
	[NODES_FULL] = "\033[32m",
	[NODES_LESS] = "\033[33m",
	[NODES_NONE] = "\033[31m",
	[NODES_UNKNOWN] = "\033[2m",
};

static void print_cell(const struct nodes_run *run, const char *text, int width,
		       enum nodes_grade grade)
{
	bool color = run->color && *text;

	printf("  %s%*s%s", color ? colors[grade] : "", width, text,
	       color ? "\033[0m" : "");
}

static bool any_mig(const struct nodes_view *view)
{
	for (int i = 0; i < view->rows; i++)
		if (view->row[i].slices || view->row[i].instances)
			return true;
	return false;
}

static int widest_name(const struct nodes_view *view)
{
	int width = 8;

	for (int i = 0; i < view->rows; i++) {
		int length = (int)strlen(view->row[i].hosts);

		width = length > width ? length : width;
	}
	return width <= 24 ? width : 24;
}

static void print_head(const struct nodes_run *run, int name, int cell, bool mig)
{
	char buf[32];

	if (run->want.each)
		printf("%-*s ", name, "NODE");
	else
		printf("%5s ", "NODES");
	printf("%-9s %7s", "STATE", "FREE");
	for (int s = 0; s < NODES_SIZES; s++) {
		snprintf(buf, sizeof(buf), "%d GPUs", nodes_sizes[s]);
		printf("  %*s", cell, buf);
	}
	printf("%s%s\n", mig ? "    MIG" : "", run->want.each ? "" : "  NODELIST");
}

/* A node has its name in front; of many nodes the list stands last, as in sinfo. */
static void print_row(const struct nodes_run *run, const struct nodes_row *row, int name,
		      int cell, bool mig)
{
	char buf[96], set[64], text[192];

	if (run->want.each)
		printf("%-*s ", name, row->hosts);
	else
		printf("%5d ", row->nodes);
	snprintf(buf, sizeof(buf), "%d/%d", row->free, row->gpus);
	printf("%-9s %7s", row->state, buf);
	for (int s = 0; s < NODES_SIZES; s++) {
		nodes_cell(row, s, text, sizeof(text));
		if (run->want.each && row->set[s].bits && row->gpus >= nodes_sizes[s])
			snprintf(text, sizeof(text), "%s %s",
				 live_bits(row->set[s].bits, set, sizeof(set)),
				 nodes_cell(row, s, buf, sizeof(buf)));
		print_cell(run, text, cell, nodes_grade(row, s));
	}
	if (mig)
		printf("  %5s", nodes_mig(row, buf, sizeof(buf)));
	if (!run->want.each)
		printf("  %s", row->hosts);
	putchar('\n');
}

static void print_rows(const struct nodes_run *run, const struct nodes_view *view)
{
	int name = widest_name(view), cell = run->want.each ? 15 : 8;
	bool mig = any_mig(view);

	print_head(run, name, cell, mig);
	for (int i = 0; i < view->rows; i++)
		print_row(run, &view->row[i], name, cell, mig);
}

static void print_types(const struct nodes_run *run, const struct nodes_view *view)
{
	char text[96];

	printf("%-27s %9s %9s %5s", "TYPE", "NODES", "FREE", "WHOLE");
	for (int s = 0; s < NODES_SIZES; s++) {
		snprintf(text, sizeof(text), "%d GPUs", nodes_sizes[s]);
		printf("  %7s", text);
	}
	putchar('\n');
	for (int t = 0; t < view->types; t++) {
		const struct nodes_type *type = &view->type[t];

		snprintf(text, sizeof(text), "%d/%d", type->usable, type->nodes);
		printf("%-27s %9s", type->kind->label, text);
		snprintf(text, sizeof(text), "%d/%d", type->free, type->gpus);
		printf(" %9s %5d", text, type->whole);
		for (int s = 0; s < NODES_SIZES; s++) {
			enum nodes_grade grade = type->full[s]	 ? NODES_FULL
						 : type->less[s] ? NODES_LESS
								 : NODES_NONE;

			if (!type->kind->table)
				snprintf(text, sizeof(text), "?");
			else if (!nodes_type_has(type, s))
				text[0] = '\0';
			else
				snprintf(text, sizeof(text), "%d+%d", type->full[s],
					 type->less[s]);
			print_cell(run, text, 7,
				   type->kind->table ? grade : NODES_UNKNOWN);
		}
		putchar('\n');
		if (type->slices)
			printf("  %d of %d MIG slices free\n", type->slices_free,
			       type->slices);
		if (type->instances)
			printf("  %d of %d MIG instances free\n", type->instances_free,
			       type->instances);
	}
	puts("\nNODES: where jobs may start / all. WHOLE: all GPUs free. 2 GPUs: nodes "
	     "with\na set as good as on the idle node + nodes with a slower one.");
}

/* Why figures are missing, once a reason. */
static void print_unknown(const struct nodes_view *view)
{
	uint64_t said = 0;

	for (int i = 0; i < view->rows; i++) {
		enum gp_reason why = view->row[i].node[0]->kind->why;

		if (why == GP_OK || (said >> why & 1))
			continue;
		said |= UINT64_C(1) << why;
		printf("%s%s: no figures: %s\n", said == UINT64_C(1) << why ? "\n" : "",
		       view->row[i].hosts, live_why_text(view->row[i].node[0]->kind));
	}
}

/* What gputopo health told, once a kind. */
static void print_health(const struct nodes_view *view)
{
	bool first = true;

	for (int i = 0; i < view->rows; i++) {
		const struct nodes_row *row = &view->row[i];
		struct gp_health health;
		char text[256];

		if (!gp_health_read(&health, row->node[0]->extra))
			continue;
		printf("%s%s: %s\n", first ? "\n" : "", row->hosts,
		       gp_health_say(&health, text, sizeof(text)));
		first = false;
	}
}

static int print_text(const struct nodes_run *run, const struct nodes_view *view)
{
	if (!view->rows) {
		puts("No nodes with GPUs.");
		return CLI_DONE;
	}
	if (run->types)
		print_types(run, view);
	else
		print_rows(run, view);
	print_unknown(view);
	print_health(view);
	if (!run->types)
		puts("\nGB/s of the best free set / of the idle node; -: no such set is "
		     "free.");
	return CLI_DONE;
}

/* ---- JSON ---- */

static json_t *json_text(const char *text)
{
	json_t *out = text ? json_string(text) : NULL;

	return out ? out : json_null();
}

static json_t *sets_json(const struct nodes_row *row)
{
	const struct live_kind *kind = row->node[0]->kind;
	json_t *out = json_array();

	for (int s = 0; s < NODES_SIZES; s++) {
		const struct live_set *set = &row->set[s];
		int ideal = kind->table ? gt_ideal_busbw_mbps(kind->table, nodes_sizes[s])
					: 0;

		if (row->gpus < nodes_sizes[s])
			continue;
		json_array_append_new(
			out, json_pack("{si, so, so, so}", "k", nodes_sizes[s], "gpus",
				       set->bits ? cli_json_bits(set->bits) : json_null(),
				       "busbw_gbps",
				       set->bits ? cli_json_gbps(set->busbw_mbps)
						 : json_null(),
				       "ideal_busbw_gbps",
				       kind->table ? cli_json_gbps(ideal) : json_null()));
	}
	return out;
}

static json_t *instances_json(const struct live_node *node)
{
	json_t *out = json_array();

	for (int e = 0; e < node->kind->entries; e++) {
		const struct live_entry *entry = &node->kind->entry[e];

		if (!entry->instance)
			continue;
		json_array_append_new(
			out, json_pack("{ss, si, si}", "profile", entry->type, "count",
				       entry->count, "free",
				       node->usable ? __builtin_popcountll(entry->bits &
									   ~node->taken)
						    : 0));
	}
	return out;
}

static json_t *health_json(const struct live_node *node)
{
	struct gp_health health;
	char text[256];

	if (!gp_health_read(&health, node->extra))
		return json_null();
	return json_pack("{so, so, si, ss}", "lost", cli_json_bits(health.lost), "last",
			 cli_json_bits(health.last), "dead_links", health.links, "text",
			 gp_health_say(&health, text, sizeof(text)));
}

static json_t *row_json(const struct nodes_row *row)
{
	const struct live_node *node = row->node[0];
	const struct live_kind *kind = node->kind;
	json_t *out =
		json_pack("{ss, si, ss, sb, so, so, ss, ss, si, si}", "nodes", row->hosts,
			  "count", row->nodes, "state", row->state, "usable",
			  node->usable, "partitions", json_text(node->partitions),
			  "drain_reason", json_text(node->reason), "type", kind->label,
			  "mode", gp_mode_name(kind->settings.mode), "gpus", row->gpus,
			  "free", row->free);

	if (!out)
		return NULL;
	json_object_set_new(out, "free_gpus",
			    row->nodes == 1 && !node->counted
				    ? cli_json_bits(live_free(node, "") & kind->whole)
				    : json_null());
	json_object_set_new(out, "sets", sets_json(row));
	json_object_set_new(out, "slices",
			    row->slices ? json_pack("{si, si}", "count", row->slices,
						    "free", row->slices_free)
					: json_null());
	json_object_set_new(out, "instances", instances_json(node));
	json_object_set_new(out, "health", health_json(node));
	json_object_set_new(out, "no_figures",
			    kind->why == GP_OK ? json_null()
					       : json_string(gp_reason_word(kind->why)));
	return out;
}

static json_t *type_json(const struct nodes_type *type)
{
	json_t *out = json_pack("{ss, si, si, si, si, si, si, si, si, si}", "type",
				type->kind->label, "nodes", type->nodes, "usable",
				type->usable, "gpus", type->gpus, "free", type->free,
				"whole_nodes", type->whole, "slices", type->slices,
				"slices_free", type->slices_free, "instances",
				type->instances, "instances_free", type->instances_free);
	json_t *sets = json_array();

	for (int s = 0; s < NODES_SIZES; s++)
		if (nodes_type_has(type, s))
			json_array_append_new(
				sets, json_pack("{si, si, si, si}", "k", nodes_sizes[s],
						"full", type->full[s], "less",
						type->less[s], "none", type->none[s]));
	json_object_set_new(out, "sets", sets);
	return out;
}

static int print_json(const struct nodes_view *view)
{
	json_t *rows = json_array(), *types = json_array();

	for (int i = 0; i < view->rows; i++)
		json_array_append_new(rows, row_json(&view->row[i]));
	for (int t = 0; t < view->types; t++)
		json_array_append_new(types, type_json(&view->type[t]));
	return cli_print_json(json_pack("{si, so, so, so}", "version", 1, "cluster",
					json_text(view->live->cluster), "rows", rows,
					"types", types));
}

/* ---- the command ---- */

static void put_html(const void *view, FILE *out)
{
	nodes_html(view, out);
}

static int look_once(const struct nodes_run *run)
{
	/* 22.05 tells of shards in use by the jobs only */
	int what = LIVE_CONFIG | LIVE_NODES | LIVE_JOBS;
	struct live live = {0};
	struct nodes_view view = {.live = &live};
	struct gt_error err;
	int status = CLI_GO_ON;

	if (live_read(&live, run->from, what, &err) || live_bind(&live, run->conf, &err))
		status = cli_fail(&err);
	if (status == CLI_GO_ON && run->defrag) {
		status = nodes_defrag(&live, run->defrag, run->ratio, run->json);
		live_release(&live);
		return status;
	}
	if (status == CLI_GO_ON)
		status = nodes_view_make(&view, &run->want);
	if (status == CLI_GO_ON)
		status = run->json	   ? print_json(&view)
			 : run->is_html	   ? cli_write_file(run->html, put_html, &view)
			 : run->is_metrics ? nodes_metrics(&view, run->metrics)
					   : print_text(run, &view);
	nodes_view_release(&view);
	live_release(&live);
	return status;
}

static int look_again(const struct nodes_run *run)
{
	int status;

	do {
		if (!run->json && !run->is_html && !run->is_metrics &&
		    isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		status = look_once(run);
		if (fflush(stdout))
			return CLI_FAILED;
	} while (run->watch && sleep((unsigned int)run->watch) == 0);
	return status;
}

static int read_sort(struct nodes_run *run)
{
	static const char *const words[] = {"name", "free", "state"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(optarg, words[i])) {
			run->want.sort = (enum nodes_sort)i;
			return CLI_GO_ON;
		}
	run->want.sort = NODES_BY_SIZE;
	for (int s = 0; s < NODES_SIZES; s++)
		if (atoi(optarg) == nodes_sizes[s]) {
			run->want.sort_size = s;
			return CLI_GO_ON;
		}
	return cli_misuse(&run->common,
			  "--sort: '%s' is not one of name, free, state, 2, 4, 8",
			  optarg);
}

static int read_color(struct nodes_run *run)
{
	if (!strcmp(optarg, "always") || !strcmp(optarg, "never"))
		run->color = !strcmp(optarg, "always");
	else if (strcmp(optarg, "auto") != 0)
		return cli_misuse(&run->common,
				  "--color: '%s' is not one of auto, always, never",
				  optarg);
	return CLI_GO_ON;
}

static int read_number(struct nodes_run *run, const char *name, long least, long most,
		       int *out)
{
	char *end;
	long value = strtol(optarg, &end, 10);

	if (end == optarg || *end || value < least || value > most)
		return cli_misuse(&run->common,
				  "%s: '%s' is not a number from %ld to %ld", name,
				  optarg, least, most);
	*out = (int)value;
	return CLI_GO_ON;
}

static int read_ratio(struct nodes_run *run)
{
	char *end;

	run->ratio = strtod(optarg, &end);
	if (end == optarg || *end || !(run->ratio >= 0 && run->ratio <= 1))
		return cli_misuse(&run->common,
				  "--ratio: '%s' is not a number from 0 to 1", optarg);
	return CLI_GO_ON;
}

static int read_option(struct nodes_run *run, int opt)
{
	switch (opt) {
	case 'N':
		run->want.each = true;
		return CLI_GO_ON;
	case 's':
		run->types = true;
		return CLI_GO_ON;
	case 'n':
		run->want.only = optarg;
		if (!gt_hostlist_is_valid(optarg))
			return cli_misuse(&run->common,
					  "--nodes: '%s' is not a list of nodes", optarg);
		return CLI_GO_ON;
	case 'p':
		run->want.partition = optarg;
		return CLI_GO_ON;
	case OPT_SORT:
		return read_sort(run);
	case OPT_DEFRAG:
		return read_number(run, "--defrag", 1, 16, &run->defrag);
	case OPT_RATIO:
		return read_ratio(run);
	case OPT_WATCH:
		run->watch = 5;
		return optarg ? read_number(run, "--watch", 1, 86400, &run->watch)
			      : CLI_GO_ON;
	case OPT_COLOR:
		return read_color(run);
	case OPT_JSON:
		run->json = true;
		return CLI_GO_ON;
	case OPT_HTML:
		run->is_html = true;
		run->html = optarg;
		return CLI_GO_ON;
	case OPT_METRICS:
		run->is_metrics = true;
		run->metrics = optarg;
		return CLI_GO_ON;
	case OPT_FROM:
		run->from = optarg;
		return CLI_GO_ON;
	case OPT_CONF:
		run->conf = optarg;
		return CLI_GO_ON;
	default:
		return cli_common_option(&run->common, opt);
	}
}

int cmd_nodes(int argc, char **argv)
{
	static const struct option options[] = {
		{"each", no_argument, NULL, 'N'},
		{"types", no_argument, NULL, 's'},
		{"nodes", required_argument, NULL, 'n'},
		{"partition", required_argument, NULL, 'p'},
		{"sort", required_argument, NULL, OPT_SORT},
		{"defrag", required_argument, NULL, OPT_DEFRAG},
		{"ratio", required_argument, NULL, OPT_RATIO},
		{"watch", optional_argument, NULL, OPT_WATCH},
		{"color", required_argument, NULL, OPT_COLOR},
		{"json", no_argument, NULL, OPT_JSON},
		{"html", optional_argument, NULL, OPT_HTML},
		{"metrics", optional_argument, NULL, OPT_METRICS},
		{"from", required_argument, NULL, OPT_FROM},
		{"conf", required_argument, NULL, OPT_CONF},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct nodes_run run = {.common = {.command = "nodes", .help = help}, .ratio = 1};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	int opt, status = CLI_GO_ON;

	run.color = isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
		    strcmp(term, "dumb") != 0;
	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "Nsn:p:h", options, NULL)) != -1)
		status = read_option(&run, opt);
	if (status == CLI_GO_ON)
		status = cli_no_more(&run.common, argc, argv);
	if (status == CLI_GO_ON && run.json + run.is_html + run.is_metrics > 1)
		status = cli_misuse(&run.common,
				    "--json and --html exclude each other, and "
				    "--metrics excludes both");
	return status == CLI_GO_ON ? look_again(&run) : status;
}
