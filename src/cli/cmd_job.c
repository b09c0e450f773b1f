/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo job: what a job asked for, where it is, and what its GPUs are worth. */
#include "config.h"

#include "cli/cli.h"
#include "cli/live_ask.h"
#include "core/hostlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAIL ((long)64 << 20) /* bytes of the decision log that are searched */
#define TASKS	 64

static const char help[] =
	"Usage: gputopo job [JOBID] [OPTIONS]\n"
	"What a job asked for, its GPUs on each node, their bus bandwidth against the "
	"best\n"
	"set of the idle node, and what stock Slurm would have given (from the decision "
	"log,\n"
	"where it may be read). Without JOBID inside a job: this job.\n\n"
	"      --json       one JSON document\n"
	"      --from FILE  the output of scontrol -d show node and job instead of "
	"asking\n"
	"      --conf DIR   gputopo.conf and gres.conf of this folder\n"
	"      --log FILE   the decision log; without it DecisionLog= of "
	"gputopo.conf\n" CLI_HELP_HELP;

enum { OPT_JSON = CLI_OPT_OWN, OPT_FROM, OPT_CONF, OPT_LOG };

struct job_run {
	struct cli_common common;
	const char *id, *from, *conf, *log;
	bool json;
	struct live live;
	const struct live_job *job;
	struct live_ask ask;
	json_t *decisions; /* of the job's last start, by node */
};

/* ---- the decision log ---- */

/* Keep the lines of the job's last start: a line of a node that is there already begins
 * another. */
static void take_line(struct job_run *run, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const char *node;

	if (!line)
		return;
	node = json_string_value(json_object_get(line, "node"));
	if (node && json_integer_value(json_object_get(line, "job")) == run->job->id) {
		if (json_object_get(run->decisions, node))
			json_object_clear(run->decisions);
		json_object_set(run->decisions, node, line);
	}
	json_decref(line);
}

/* The log's end; what cannot be read is not said: most users may not. */
static void read_log(struct job_run *run)
{
	const char *path = run->log ? run->log : gp_conf_decision_log(run->live.conf);
	FILE *in = path ? fopen(path, "re") : NULL;
	char key[48], *text = NULL;
	size_t room = 0;

	run->decisions = json_object();
	if (!in)
		return;
	if (!fseek(in, 0, SEEK_END) && ftell(in) > LOG_TAIL)
		fseek(in, -LOG_TAIL, SEEK_END);
	else
		rewind(in);
	snprintf(key, sizeof(key), "\"job\":%ld,", run->job->id);
	while (getline(&text, &room, in) > 0)
		if (strstr(text, key))
			take_line(run, text);
	free(text);
	fclose(in);
}

/* ---- its places ---- */

/* One node of the job. */
struct part {
	const struct live_node *node;
	uint64_t bits;
	struct live_set set;
	const json_t *decision;
};

struct walk {
	struct job_run *run;
	uint64_t bits;
	void (*each)(struct job_run *run, const struct part *part, void *arg);
	void *arg;
};

static enum gt_err visit_host(void *arg, const char *name)
{
	struct walk *walk = arg;
	struct part part = {.bits = walk->bits};

	for (int i = 0; i < walk->run->live.nodes && !part.node; i++)
		if (!strcmp(walk->run->live.node[i].name, name))
			part.node = &walk->run->live.node[i];
	if (!part.node)
		return GT_OK;
	if (part.node->kind)
		live_score(part.node->kind, part.bits & part.node->kind->whole,
			   &part.set);
	part.decision = json_object_get(walk->run->decisions, name);
	walk->each(walk->run, &part, walk->arg);
	return GT_OK;
}

static void each_part(struct job_run *run,
		      void (*each)(struct job_run *, const struct part *, void *),
		      void *arg)
{
	for (int p = 0; p < run->job->places; p++) {
		struct walk walk = {run, run->job->place[p].gpus, each, arg};

		if (run->job->place[p].nodes)
			gt_hostlist_each(run->job->place[p].nodes, visit_host, &walk,
					 NULL);
	}
}

static const char *log_text(const struct part *part, const char *key)
{
	const char *text = json_string_value(json_object_get(part->decision, key));

	return text ? text : "";
}

/* ---- text ---- */

static const char *asked_text(const struct live_ask *ask, char *buf, size_t size)
{
	const char *type = ask->typed ? ask->type : "", *gap = *type ? " " : "";

	if (ask->per_job)
		snprintf(buf, size, "%d%s%s GPU%s", ask->total, gap, type,
			 ask->total == 1 ? "" : "s");
	else if (ask->count)
		snprintf(buf, size, "%d%s%s GPU%s on each of %d node%s", ask->count, gap,
			 type, ask->count == 1 ? "" : "s", ask->nodes,
			 ask->nodes == 1 ? "" : "s");
	else
		snprintf(buf, size, "no fixed number of GPUs");
	return buf;
}

static void print_groups(const struct job_run *run, const struct part *part)
{
	struct gt_request request = {.groups = &run->ask.groups, .comm = run->ask.comm};
	const struct live_kind *kind = part->node->kind;
	struct gt_geometry *geometry;
	struct gt_mask set = {{0}};
	int to_bit[LIVE_GPUS] = {0};

	if (!run->ask.groups.count || !kind || !kind->table ||
	    gt_groups_sum(&run->ask.groups) != __builtin_popcountll(part->bits))
		return;
	geometry = calloc(1, sizeof(*geometry));
	if (!geometry)
		return;
	for (uint64_t left = part->bits & kind->whole; left; left &= left - 1) {
		int bit = __builtin_ctzll(left);

		gt_mask_set(&set, kind->to_model[bit]);
		to_bit[kind->to_model[bit]] = bit;
		request.count++;
	}
	request.free = set;
	gt_select_geometry(kind->table, &request, &set, geometry);
	for (int i = 0; i < request.count; i++)
		geometry->gpu[i] = (uint16_t)to_bit[geometry->gpu[i]];
	cli_print_groups(geometry);
	free(geometry);
}

static void print_part(struct job_run *run, const struct part *part, void *arg)
{
	char list[256], now[CLI_GBPS_MAX], ideal[CLI_GBPS_MAX];
	const char *stock = log_text(part, "stock"), *chosen = log_text(part, "chosen");
	const json_t *gbps = json_object_get(part->decision, "stock_gbps");

	(void)arg;
	printf("%-9s GPUs %s", part->node->name,
	       live_bits(part->bits, list, sizeof(list)));
	if (part->set.ideal_mbps)
		printf(": %s GB/s, %.0f %% of the idle node's best (%s)",
		       cli_gbps(part->set.busbw_mbps, now),
		       100.0 * part->set.busbw_mbps / part->set.ideal_mbps,
		       cli_gbps(part->set.ideal_mbps, ideal));
	putchar('\n');
	print_groups(run, part);
	if (!part->decision)
		return;
	if (!strcmp(stock, chosen))
		printf("%-9s stock Slurm's own choice (%s)\n", "",
		       log_text(part, "reason"));
	else if (json_is_number(gbps))
		printf("%-9s stock Slurm would have given %s: %.10g GB/s\n", "", stock,
		       json_number_value(gbps));
	else
		printf("%-9s stock Slurm would have given %s\n", "", stock);
}

static int print_text(struct job_run *run)
{
	const struct live_job *job = run->job;
	char buf[1024];

	printf("Job %ld", job->id);
	if (job->array_job)
		printf(" (%ld_%s)", job->array_job,
		       job->array_task ? job->array_task : "?");
	printf(": %s", live_clean(job->state ? job->state : "UNKNOWN", buf, sizeof(buf)));
	if (job->nodes)
		printf(" on %s", job->nodes);
	printf("\nAsked:    %s", asked_text(&run->ask, buf, sizeof(buf)));
	if (*run->ask.wish)
		printf(", %s", live_clean(run->ask.wish, buf, sizeof(buf)));
	putchar('\n');
	each_part(run, print_part, NULL);
	if (job->state && !strcmp(job->state, "PENDING"))
		printf("It waits (%s); gputopo why %ld says for what.\n",
		       live_clean(job->reason ? job->reason : "no reason", buf,
				  sizeof(buf)),
		       job->id);
	return CLI_DONE;
}

/* ---- JSON ---- */

static json_t *text_json(const char *text)
{
	json_t *out = text && *text ? json_string(text) : NULL;

	return out ? out : json_null();
}

static void add_part(struct job_run *run, const struct part *part, void *arg)
{
	struct gt_mask mask = {.word = {part->bits}};
	const json_t *gbps = json_object_get(part->decision, "stock_gbps");
	bool known = part->set.ideal_mbps > 0;

	(void)run;
	json_array_append_new(
		arg,
		json_pack("{ss, so, so, so, so, so, so}", "node", part->node->name,
			  "gpus", cli_json_list(&mask), "busbw_gbps",
			  known ? cli_json_gbps(part->set.busbw_mbps) : json_null(),
			  "ideal_busbw_gbps",
			  known ? cli_json_gbps(part->set.ideal_mbps) : json_null(),
			  "stock_gpus", text_json(log_text(part, "stock")),
			  "stock_busbw_gbps", gbps ? json_deep_copy(gbps) : json_null(),
			  "reason", text_json(log_text(part, "reason"))));
}

static int print_json(struct job_run *run)
{
	const struct live_job *job = run->job;
	json_t *parts = json_array();

	each_part(run, add_part, parts);
	return cli_print_json(json_pack(
		"{si, sI, so, so, so, si, si, so, so, so}", "version", 1, "job",
		(json_int_t)job->id, "array_task", text_json(job->array_task), "state",
		text_json(job->state), "slurm_reason", text_json(job->reason),
		"gpus_per_node", run->ask.count, "min_nodes", run->ask.nodes, "gpu_type",
		text_json(run->ask.type), "wish", text_json(run->ask.wish), "nodes",
		parts));
}

/* ---- the command ---- */

static int find_job(struct job_run *run)
{
	struct gt_error err;

	if (live_read(&run->live, run->from,
		      LIVE_CONFIG | LIVE_NODES | LIVE_JOBS | LIVE_PARTITIONS, &err) ||
	    live_bind(&run->live, run->conf, &err))
		return cli_fail(&err);
	run->job = live_find_job(&run->live, run->id);
	if (!run->job) {
		cli_say("job %s is not in slurmctld's memory: it ended, or never was",
			run->id);
		return CLI_FAILED;
	}
	live_ask_read(&run->ask, run->job);
	return CLI_GO_ON;
}

int cmd_job(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPT_JSON},
		{"from", required_argument, NULL, OPT_FROM},
		{"conf", required_argument, NULL, OPT_CONF},
		{"log", required_argument, NULL, OPT_LOG},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct job_run run = {.common = {.command = "job", .help = help}};
	int opt, status = CLI_GO_ON;

	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_JSON)
			run.json = true;
		else if (opt == OPT_FROM)
			run.from = optarg;
		else if (opt == OPT_CONF)
			run.conf = optarg;
		else if (opt == OPT_LOG)
			run.log = optarg;
		else
			status = cli_common_option(&run.common, opt);
	}
	if (status != CLI_GO_ON)
		return status;
	run.id = optind < argc ? argv[optind++] : getenv("SLURM_JOB_ID");
	if (!run.id || !*run.id)
		return cli_misuse(&run.common, "no JOBID, and this is not inside a job");
	status = cli_no_more(&run.common, argc, argv);
	if (status == CLI_GO_ON)
		status = find_job(&run);
	if (status == CLI_GO_ON) {
		read_log(&run);
		status = run.json ? print_json(&run) : print_text(&run);
		json_decref(run.decisions);
	}
	live_release(&run.live);
	return status;
}
