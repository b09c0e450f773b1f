/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo why: why a job waits, who holds what it misses, and what would let it start.
 * The verdict on each node is live_ask.c's, which decides as the select plugin does.
 */
#include "config.h"

#include "cli/cli.h"
#include "cli/live_ask.h"

#include <stdlib.h>
#include <string.h>

#define RELAX_MAX 8

static const char help[] =
	"Usage: gputopo why JOBID [OPTIONS]\n"
	"Why a job waits: whether GPUs are missing or only their connection, the nearest "
	"set\n"
	"now, who holds what is missing and until when, and which option, changed, would "
	"let\n"
	"the job start now. Exit status 3 where nothing would.\n\n"
	"      --wish OPTION  as if the job had asked so, such as "
	"--wish=--gpu-topo=ring; "
	"may\n"
	"                     be repeated. For sites where AdminComment does not show "
	"it\n"
	"      --json         one JSON document\n"
	"      --from FILE    the output of scontrol -d show node, job and partition "
	"instead of\n"
	"                     asking\n"
	"      --conf DIR     gputopo.conf and gres.conf of this folder\n" CLI_HELP_HELP;

enum { OPT_WISH = CLI_OPT_OWN, OPT_JSON, OPT_FROM, OPT_CONF };

/* What keeps the job waiting, as one word. */
enum cause {
	CAUSE_NONE,	  /* a node can take it now */
	CAUSE_CONNECTION, /* enough GPUs are free, not connected as asked */
	CAUSE_NUMBER,	  /* too few GPUs are free */
	CAUSE_CORES,	  /* GPUs would do, cores or memory are taken */
	CAUSE_CLOSED,	  /* the nodes that could are down or drained */
	CAUSE_NEVER,	  /* no node that it may have could ever */
	CAUSE_NO_GPUS,	  /* it asks for none, or how many is not known */
};

static const char *const cause_words[] = {
	[CAUSE_NONE] = "none",	     [CAUSE_CONNECTION] = "connection",
	[CAUSE_NUMBER] = "number",   [CAUSE_CORES] = "cores",
	[CAUSE_CLOSED] = "closed",   [CAUSE_NEVER] = "never",
	[CAUSE_NO_GPUS] = "no-gpus",
};

/* An option that, changed, lets it start. */
struct relax {
	char option[128];
	const struct live_node *node;
	struct live_set set;
};

struct why_run {
	struct cli_common common;
	const char *from, *conf;
	bool json;
	struct live live;
	const struct live_job *job;
	struct live_ask ask;
	time_t now;
	/* the answer */
	enum cause cause;
	int count[LIVE_UNMET + 1]; /* nodes by what blocks them */
	int free;		   /* GPUs on nodes that it may have */
	const struct live_node *nearest;
	struct live_set nearest_set;
	const struct live_node *next; /* where it is met first */
	time_t when;		      /* 0: not known */
	struct live_set next_set;
	uint64_t missing;
	struct relax relax[RELAX_MAX];
	int relaxes;
};

/* ---- the verdict ---- */

static void judge_nodes(struct why_run *run)
{
	for (int i = 0; i < run->live.nodes; i++) {
		const struct live_node *node = &run->live.node[i];
		struct live_verdict v;

		live_judge(&run->ask, run->job, node, &v);
		run->count[v.block]++;
		if (v.block == LIVE_BARRED)
			continue;
		run->free += v.free;
		if (v.best.bits &&
		    (!run->nearest || v.best.busbw_mbps > run->nearest_set.busbw_mbps)) {
			run->nearest = node;
			run->nearest_set = v.best;
		}
	}
}

static enum cause find_cause(const struct why_run *run)
{
	const int *count = run->count;

	if (run->ask.count <= 0)
		return CAUSE_NO_GPUS;
	if (count[LIVE_STARTS] >= run->ask.nodes)
		return CAUSE_NONE;
	if (count[LIVE_STARTS] + count[LIVE_NO_CORES] >= run->ask.nodes)
		return CAUSE_CORES;
	/* Enough GPUs on enough nodes, and their links stand in the way. */
	if (count[LIVE_LINKS] &&
	    count[LIVE_STARTS] + count[LIVE_NO_CORES] + count[LIVE_LINKS] >=
		    run->ask.nodes)
		return CAUSE_CONNECTION;
	if (count[LIVE_STARTS] + count[LIVE_NO_CORES] + count[LIVE_LINKS] +
		    count[LIVE_BUSY] >=
	    run->ask.nodes)
		return CAUSE_NUMBER;
	return count[LIVE_CLOSED] ? CAUSE_CLOSED : CAUSE_NEVER;
}

/* Where and when running jobs make room, the first node of all. */
static void find_next(struct why_run *run)
{
	for (int i = 0; i < run->live.nodes; i++) {
		const struct live_node *node = &run->live.node[i];
		uint64_t free;
		time_t when;

		if (!live_may_have(run->job, node))
			continue;
		when = live_when(&run->live, &run->ask, node, run->now, &free);
		if (when <= 0 || (run->next && when >= run->when))
			continue;
		run->next = node;
		run->when = when;
		live_met(&run->ask, node->kind, free, &run->next_set);
		run->missing = run->next_set.bits & node->taken;
	}
}

/* ---- what to relax ---- */

/* The first node, best set first, that would take the job under these wishes; enough of
 * them for all its nodes. */
static const struct live_node *starts_on(const struct why_run *run,
					 const struct live_ask *ask,
					 const struct live_job *job, struct live_set *set)
{
	const struct live_node *best = NULL;
	int found = 0;

	for (int i = 0; i < run->live.nodes; i++) {
		struct live_verdict v;

		live_judge(ask, job, &run->live.node[i], &v);
		if (v.block != LIVE_STARTS)
			continue;
		found++;
		if (best && v.best.busbw_mbps <= set->busbw_mbps)
			continue;
		best = &run->live.node[i];
		*set = v.best;
	}
	return found >= ask->nodes ? best : NULL;
}

__attribute__((format(printf, 4, 5))) static bool try_relax(struct why_run *run,
							    const struct live_ask *ask,
							    const struct live_job *job,
							    const char *fmt, ...)
{
	struct relax *relax = &run->relax[run->relaxes];
	va_list args;

	if (run->relaxes == RELAX_MAX)
		return false;
	relax->set = (struct live_set){0};
	relax->node = starts_on(run, ask, job, &relax->set);
	if (!relax->node)
		return false;
	va_start(args, fmt);
	vsnprintf(relax->option, sizeof(relax->option), fmt, args);
	va_end(args);
	run->relaxes++;
	return true;
}

/* The bandwidth of the slowest of the best nodes that it needs. */
static int best_mbps(const struct why_run *run, const struct live_ask *ask)
{
	int best[64], n = 0;
	int most = ask->nodes < 64 ? ask->nodes : 64;

	for (int i = 0; i < run->live.nodes; i++) {
		struct live_verdict v;
		int at;

		live_judge(ask, run->job, &run->live.node[i], &v);
		if (v.block != LIVE_STARTS)
			continue;
		for (at = n < most ? n : most; at > 0; at--) {
			if (best[at - 1] >= v.best.busbw_mbps)
				break;
			if (at < most)
				best[at] = best[at - 1];
		}
		if (at < most)
			best[at] = v.best.busbw_mbps;
		n += n < most;
	}
	return n == most ? best[most - 1] : 0;
}

static void relax_wish(struct why_run *run)
{
	struct live_ask less = run->ask;
	char gbps[CLI_GBPS_MAX];
	int mbps;

	if (!live_ask_is_wish(&run->ask))
		return;
	/* less bandwidth, the ring as it is asked */
	less.min_mbps = 0;
	if (run->ask.min_mbps) {
		mbps = best_mbps(run, &less);
		less.min_mbps = mbps;
		if (mbps && mbps < run->ask.min_mbps)
			try_relax(run, &less, run->job, "--gpu-min-busbw=%s",
				  cli_gbps(mbps, gbps));
	}
	/* no ring, the bandwidth as it is asked or as much as there is */
	less = run->ask;
	less.ring = false;
	if (!run->ask.ring)
		return;
	if (try_relax(run, &less, run->job, "--gpu-topo=best"))
		return;
	less.min_mbps = 0;
	mbps = best_mbps(run, &less);
	less.min_mbps = mbps;
	if (mbps)
		try_relax(run, &less, run->job, "--gpu-topo=best --gpu-min-busbw=%s",
			  cli_gbps(mbps, gbps));
}

static void relax_number(struct why_run *run)
{
	struct live_ask less = run->ask;
	const char *type = run->ask.type;

	/* Groups would have to change with the number. */
	if (run->ask.groups.count)
		return;
	for (less.count = run->ask.count - 1; less.count > 0; less.count--) {
		bool done;

		if (run->ask.per_job)
			done = try_relax(run, &less, run->job, "--gpus=%s%s%d", type,
					 *type ? ":" : "", less.count * less.nodes);
		else
			done = try_relax(run, &less, run->job, "--gpus-per-node=%s%s%d",
					 type, *type ? ":" : "", less.count);
		if (done)
			return;
	}
}

static void relax_places(struct why_run *run)
{
	struct live_job job = *run->job;
	struct live_ask any = run->ask;

	if (job.required) {
		job.required = NULL;
		try_relax(run, &run->ask, &job, "--nodelist=");
		job.required = run->job->required;
	}
	if (job.excluded) {
		job.excluded = NULL;
		try_relax(run, &run->ask, &job, "--exclude=");
		job.excluded = run->job->excluded;
	}
	if (job.features) {
		job.features = NULL;
		try_relax(run, &run->ask, &job, "--constraint=");
		job.features = run->job->features;
	}
	if (any.typed) {
		any.typed = false;
		any.type[0] = '\0';
		if (any.per_job)
			try_relax(run, &any, &job, "--gpus=%d", any.total);
		else
			try_relax(run, &any, &job, "--gpus-per-node=%d", any.count);
	}
	for (int i = 0; i < run->live.partitions; i++) {
		const struct live_partition *partition = &run->live.partition[i];

		if (!partition->up || live_list_has(run->job->partition, partition->name))
			continue;
		job.partition = partition->name;
		if (try_relax(run, &run->ask, &job, "--partition=%s", partition->name))
			return;
	}
}

static void find_relaxes(struct why_run *run)
{
	if (run->cause == CAUSE_NONE || run->cause == CAUSE_NO_GPUS)
		return;
	relax_wish(run);
	relax_number(run);
	relax_places(run);
}

/* ---- text ---- */

static const char *date_text(time_t when, char *buf, size_t size)
{
	struct tm tm;

	strftime(buf, size, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
	return buf;
}

static void print_cause(const struct why_run *run)
{
	int enough = run->count[LIVE_LINKS] + run->count[LIVE_NO_CORES] +
		     run->count[LIVE_STARTS];
	int k = run->ask.count, need = run->ask.nodes;
	char least[64] = "";

	if (need > 1)
		snprintf(least, sizeof(least), " on each of %d nodes", need);
	switch (run->cause) {
	case CAUSE_NONE:
		puts("Nothing of its GPUs: a node could take it now. Slurm's own reason "
		     "holds: jobs\nbefore it, a limit, or the scheduler has not come to "
		     "it yet.");
		return;
	case CAUSE_CONNECTION:
		printf("The connection: %d node%s %d GPUs free, but no set of those "
		       "is\nconnected as asked.\n",
		       enough, enough == 1 ? " has" : "s have", k);
		return;
	case CAUSE_NUMBER:
		printf("The number: it asks for %d GPU%s%s; %d are free on the nodes "
		       "that "
		       "it may\nhave, and %s node has enough of them.\n",
		       k, k == 1 ? "" : "s", least, run->free,
		       need > 1 ? "not each" : "no");
		return;
	case CAUSE_CORES:
		puts("Cores or memory: GPUs as asked are free, but not enough cores or "
		     "memory\nbeside them.");
		return;
	case CAUSE_CLOSED:
		puts("The nodes that could take it are down, drained or not answering.");
		return;
	case CAUSE_NEVER:
		puts("No node that it may have could take it, whatever ends.");
		return;
	case CAUSE_NO_GPUS:
		puts("Not its GPUs: it asks for none, or their number on each node "
		     "follows "
		     "from other\noptions.");
	}
}

static void print_holders(const struct why_run *run)
{
	char date[32], list[256], now[CLI_GBPS_MAX];

	if (!run->next)
		return;
	printf("First met: %s, GPUs %s, %s", run->next->name,
	       live_bits(run->next_set.bits, list, sizeof(list)),
	       date_text(run->when, date, sizeof(date)));
	if (run->next_set.ideal_mbps)
		printf(" (%s GB/s)", cli_gbps(run->next_set.busbw_mbps, now));
	puts("\n           if running jobs use their time limits:");
	for (int i = 0; i < run->live.jobs; i++) {
		const struct live_job *job = &run->live.job[i];
		uint64_t held = live_held(job, run->next->name) & run->missing;

		if (held)
			printf("           job %ld holds %s until %s\n", job->id,
			       live_bits(held, list, sizeof(list)),
			       job->end ? date_text(job->end, date, sizeof(date))
					: "its end, which has no limit");
	}
}

static void print_relaxes(const struct why_run *run)
{
	char list[256], now[CLI_GBPS_MAX];

	for (int i = 0; i < run->relaxes; i++) {
		const struct relax *relax = &run->relax[i];
		size_t length = strlen(relax->option);

		/* "--nodelist=" stands for: without it */
		printf("%-10s ", i ? "" : "Starts now");
		if (relax->option[length - 1] == '=')
			printf("without %.*s", (int)length - 1, relax->option);
		else
			printf("with %s", relax->option);
		printf(", on %s", relax->node->name);
		if (relax->set.bits)
			printf(", GPUs %s",
			       live_bits(relax->set.bits, list, sizeof(list)));
		if (relax->set.busbw_mbps)
			printf(" (%s GB/s)", cli_gbps(relax->set.busbw_mbps, now));
		putchar('\n');
	}
	if (run->relaxes)
		puts("Jobs of higher priority may take those GPUs first.");
}

static void print_text(const struct why_run *run)
{
	const struct live_job *job = run->job;
	char buf[1024], now[CLI_GBPS_MAX], ideal[CLI_GBPS_MAX];

	printf("Job %ld waits in partition %s.\nReason:    %s\n", job->id,
	       job->partition ? job->partition : "?",
	       live_clean(job->reason ? job->reason : "None", buf, sizeof(buf)));
	printf("Asked:     %d GPU%s%s%s", run->ask.count, run->ask.count == 1 ? "" : "s",
	       *run->ask.type ? " of type " : "", run->ask.type);
	if (run->ask.nodes > 1)
		printf(" on each of %d nodes", run->ask.nodes);
	printf(", %s\n", *run->ask.wish ? live_clean(run->ask.wish, buf, sizeof(buf))
					: "no wish for their connection");
	print_cause(run);
	if (run->nearest && run->nearest_set.ideal_mbps && run->cause != CAUSE_NONE)
		printf("Nearest:   %s, GPUs %s: %s of %s GB/s\n", run->nearest->name,
		       live_bits(run->nearest_set.bits, buf, sizeof(buf)),
		       cli_gbps(run->nearest_set.busbw_mbps, now),
		       cli_gbps(run->nearest_set.ideal_mbps, ideal));
	print_holders(run);
	if (job->start > run->now)
		printf("Slurm's forecast: %s%s%s\n",
		       date_text(job->start, buf, sizeof(buf)),
		       job->scheduled ? " on " : "",
		       job->scheduled ? job->scheduled : "");
	print_relaxes(run);
}

/* ---- JSON ---- */

static json_t *text_json(const char *text)
{
	json_t *out = text && *text ? json_string(text) : NULL;

	return out ? out : json_null();
}

static json_t *set_json(const struct live_node *node, const struct live_set *set)
{
	struct gt_mask mask = {.word = {set->bits}};

	if (!node || !set->bits)
		return json_null();
	return json_pack("{ss, so, so, so}", "node", node->name, "gpus",
			 cli_json_list(&mask), "busbw_gbps",
			 cli_json_gbps(set->busbw_mbps), "ideal_busbw_gbps",
			 cli_json_gbps(set->ideal_mbps));
}

static json_t *holders_json(const struct why_run *run)
{
	json_t *out = json_array();

	for (int i = 0; run->next && i < run->live.jobs; i++) {
		const struct live_job *job = &run->live.job[i];
		struct gt_mask held = {
			.word = {live_held(job, run->next->name) & run->missing}};

		if (held.word[0])
			json_array_append_new(
				out, json_pack("{sI, so, so}", "job", (json_int_t)job->id,
					       "gpus", cli_json_list(&held), "end",
					       job->end ? json_integer(job->end)
							: json_null()));
	}
	return out;
}

static json_t *relaxes_json(const struct why_run *run)
{
	json_t *out = json_array();

	for (int i = 0; i < run->relaxes; i++)
		json_array_append_new(
			out, json_pack("{ss, ss, so}", "option", run->relax[i].option,
				       "node", run->relax[i].node->name, "set",
				       set_json(run->relax[i].node, &run->relax[i].set)));
	return out;
}

static int print_json(const struct why_run *run)
{
	const struct live_job *job = run->job;

	return cli_print_json(json_pack(
		"{si, sI, so, si, si, so, so, ss, si, si, so, so, so, so, so, so}",
		"version", 1, "job", (json_int_t)job->id, "slurm_reason",
		text_json(job->reason), "gpus_per_node", run->ask.count, "min_nodes",
		run->ask.nodes, "gpu_type", text_json(run->ask.type), "wish",
		text_json(run->ask.wish), "cause", cause_words[run->cause], "free_gpus",
		run->free, "nodes_with_enough",
		run->count[LIVE_LINKS] + run->count[LIVE_NO_CORES] +
			run->count[LIVE_STARTS],
		"nearest", set_json(run->nearest, &run->nearest_set), "first_met",
		set_json(run->next, &run->next_set), "first_met_at",
		run->next ? json_integer(run->when) : json_null(), "holders",
		holders_json(run), "slurm_forecast",
		job->start > run->now ? json_integer(job->start) : json_null(), "relax",
		relaxes_json(run)));
}

/* ---- the command ---- */

static int answer(struct why_run *run, const char *id, char **wishes, int wish_count)
{
	struct gt_error err;

	if (live_read(&run->live, run->from,
		      LIVE_CONFIG | LIVE_NODES | LIVE_JOBS | LIVE_PARTITIONS, &err) ||
	    live_bind(&run->live, run->conf, &err))
		return cli_fail(&err);
	run->job = live_find_job(&run->live, id);
	if (!run->job) {
		cli_say("job %s is not in slurmctld's memory: it ended, or never was",
			id);
		return CLI_FAILED;
	}
	if (run->job->state && strcmp(run->job->state, "PENDING") != 0) {
		cli_say("job %s does not wait, it is %s; gputopo job %s says what it has",
			id, run->job->state, id);
		return CLI_FAILED;
	}
	live_ask_read(&run->ask, run->job);
	for (int i = 0; i < wish_count; i++) {
		size_t used = strlen(run->ask.wish);

		if (!live_ask_option(&run->ask, wishes[i]))
			return cli_misuse(&run->common,
					  "--wish: '%s' is no wish, such as "
					  "--gpu-topo=ring",
					  wishes[i]);
		snprintf(run->ask.wish + used, sizeof(run->ask.wish) - used, "%s%s",
			 used ? " " : "", wishes[i]);
	}
	run->now = time(NULL);
	judge_nodes(run);
	run->cause = find_cause(run);
	if (run->cause != CAUSE_NO_GPUS && run->cause != CAUSE_NONE)
		find_next(run);
	find_relaxes(run);
	if (!run->json)
		print_text(run);
	else if (print_json(run) != CLI_DONE)
		return CLI_FAILED;
	return run->relaxes || run->cause == CAUSE_NONE ? CLI_DONE : CLI_NO_FIT;
}

int cmd_why(int argc, char **argv)
{
	static const struct option options[] = {
		{"wish", required_argument, NULL, OPT_WISH},
		{"json", no_argument, NULL, OPT_JSON},
		{"from", required_argument, NULL, OPT_FROM},
		{"conf", required_argument, NULL, OPT_CONF},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct why_run *run = calloc(1, sizeof(*run));
	char *wishes[8];
	int opt, status = CLI_GO_ON, wish_count = 0;
	const char *id;

	if (!run)
		return cli_no_memory();
	run->common = (struct cli_common){.command = "why", .help = help};
	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_WISH && wish_count < 8)
			wishes[wish_count++] = optarg;
		else if (opt == OPT_JSON)
			run->json = true;
		else if (opt == OPT_FROM)
			run->from = optarg;
		else if (opt == OPT_CONF)
			run->conf = optarg;
		else if (opt != OPT_WISH)
			status = cli_common_option(&run->common, opt);
	}
	if (status == CLI_GO_ON && optind == argc)
		status = cli_misuse(&run->common, "which job? gputopo why JOBID");
	id = optind < argc ? argv[optind++] : NULL;
	if (status == CLI_GO_ON)
		status = cli_no_more(&run->common, argc, argv);
	if (status == CLI_GO_ON)
		status = answer(run, id, wishes, wish_count);
	live_release(&run->live);
	free(run);
	return status;
}
