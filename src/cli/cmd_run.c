/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gputopo run: a command on the best free GPUs of the job that it is in. */
#include "config.h"

#include "cli/cli.h"
#include "cli/run.h"
#include "rank/node_conf.h"
#include "rank/node_model.h"
#include "rank/rank_groups.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: gputopo run -n K [OPTIONS] [--] COMMAND [ARGUMENT...]\n"
	"Inside a Slurm job: run COMMAND on those K of the job's free GPUs on this node\n"
	"that are connected best, and give them back when it ends.\n\n"
	"  -n, --count K      how many GPUs\n" CLI_GROUPS_HELP
	"      --min-busbw G  no set with a group below G GB/s of bus bandwidth\n"
	"      --wait         wait in line until enough are free (default)\n"
	"      --no-wait      or exit with 3 at once\n"
	"      --all-at-once SIZES\n"
	"                     COMMAND once for each group, all started together: 4x2\n"
	"                     are four commands of two GPUs, GPUTOPO_RUN_INDEX 0 to 3\n"
	"  -v, --verbose      say what was taken\n"
	"  -t, --topology T   the node's topology, where the job's environment has none\n"
	"      --format NAME  the file's format, if its content does not show it\n"
	"      --model NAME   the GPU model, where the file does not name it\n"
	"      --node NAME    which NodeName of a gres.conf\n" CLI_HELP_HELP
	"Exit status: that of COMMAND, 128 + N where signal N killed it, 126 or 127 "
	"where "
	"it\ncannot be run; of gputopo itself 1, 2, and 3: not that many GPUs here, or "
	"not "
	"now.\n";

enum {
	OPT_GROUPS = CLI_OPT_OWN,
	OPT_COMM,
	OPT_MIN_BUSBW,
	OPT_WAIT,
	OPT_NO_WAIT,
	OPT_ALL_AT_ONCE,
};

struct run {
	struct cli_common common;
	const char *groups_text, *all_text;
	struct gt_groups groups;
	struct gt_request request;
	bool no_wait, verbose;
	char **command;
	struct run_gpus gpus;
	struct run_lease lease;
	struct run_watch watch;
	struct gp_node_model model;
	struct gt_table *table; /* NULL: nothing is known of the node */
};

/* ---- the line ---- */

static int read_option(struct run *r, int opt)
{
	char *end;

	switch (opt) {
	case 'n':
		r->request.count = (int)strtol(optarg, &end, 10);
		if (optarg[0] < '0' || optarg[0] > '9' || *end || r->request.count < 1 ||
		    strlen(optarg) > 4)
			return cli_misuse(&r->common, "-n: '%s' is not a number of GPUs",
					  optarg);
		return CLI_GO_ON;
	case OPT_GROUPS:
		r->groups_text = optarg;
		return CLI_GO_ON;
	case OPT_ALL_AT_ONCE:
		r->all_text = optarg;
		return CLI_GO_ON;
	case OPT_COMM:
		return cli_comm(&r->common, optarg, &r->request.comm);
	case OPT_MIN_BUSBW:
		return cli_min_busbw(&r->common, optarg, &r->request.min_busbw_mbps);
	case OPT_WAIT:
	case OPT_NO_WAIT:
		r->no_wait = opt == OPT_NO_WAIT;
		return CLI_GO_ON;
	case 'v':
		r->verbose = true;
		return CLI_GO_ON;
	default:
		return cli_common_option(&r->common, opt);
	}
}

static int read_line(struct run *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"count", required_argument, NULL, 'n'},
		{"groups", required_argument, NULL, OPT_GROUPS},
		{"comm", required_argument, NULL, OPT_COMM},
		{"min-busbw", required_argument, NULL, OPT_MIN_BUSBW},
		{"wait", no_argument, NULL, OPT_WAIT},
		{"no-wait", no_argument, NULL, OPT_NO_WAIT},
		{"all-at-once", required_argument, NULL, OPT_ALL_AT_ONCE},
		{"verbose", no_argument, NULL, 'v'},
		CLI_LONG_OPTIONS,
		{0},
	};
	const char *sizes;
	int opt, status;

	/* + : the command's own options are not ours */
	while ((opt = getopt_long(argc, argv, "+" CLI_SHORT "n:v", options, NULL)) !=
	       -1) {
		status = read_option(r, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (r->groups_text && r->all_text)
		return cli_misuse(&r->common, "--groups and --all-at-once: give only one "
					      "of them");
	sizes = r->all_text ? r->all_text : r->groups_text;
	if (sizes) {
		status =
			cli_groups(&r->common, r->all_text ? "--all-at-once" : "--groups",
				   sizes, &r->request.count, &r->groups);
		if (status != CLI_GO_ON)
			return status;
		r->request.groups = &r->groups;
	}
	if (r->request.count == 0)
		return cli_misuse(
			&r->common,
			"the number of GPUs is missing: -n K, or --groups SIZES");
	if (optind == argc)
		return cli_misuse(&r->common, "the command is missing");
	r->command = argv + optind;
	return CLI_GO_ON;
}

/* ---- the choice ---- */

static struct gt_mask to_model(const struct run *r, uint64_t places)
{
	struct gt_mask mask = {{0}};

	for (int g = 0; g < r->gpus.count; g++)
		if (places >> g & 1)
			gt_mask_set(&mask, r->model.to_model[r->gpus.number[g]]);
	return mask;
}

static uint64_t to_places(const struct run *r, const struct gt_mask *mask)
{
	uint64_t places = 0;

	for (int g = 0; g < r->gpus.count; g++)
		if (gt_mask_has(mask, r->model.to_model[r->gpus.number[g]]))
			places |= (uint64_t)1 << g;
	return places;
}

/* Whether the model has all of the job's GPUs. */
static bool knows_gpus(const struct run *r)
{
	for (int g = 0; g < r->gpus.count; g++) {
		int number = r->gpus.number[g];

		if (number >= GT_MAX_GPUS ||
		    r->model.to_model[number] >= gt_node_size(r->model.node))
			return false;
	}
	return true;
}

static int load_topology(struct run *r)
{
	char dir[4096], name[256];
	struct gt_error err;
	int status;

	gp_node_conf_dir(dir, sizeof(dir));
	gp_node_name(name, sizeof(name));
	gp_node_model_load(&r->model, dir, name, getenv(GP_ENV_MODELS));
	if (r->common.topology) {
		gp_node_model_release(&r->model);
		for (int i = 0; i < GT_MAX_GPUS; i++)
			r->model.to_model[i] = i;
		status = cli_load(&r->common, &r->model.node);
		if (status != CLI_GO_ON)
			return status;
	}
	if (r->model.node && knows_gpus(r) &&
	    gt_table_new(&r->table, r->model.node, NULL, &err) != GT_OK)
		return cli_fail(&err);
	if (r->table)
		return CLI_GO_ON;
	if (r->request.min_busbw_mbps) {
		cli_say("run: --min-busbw: this node has no topology file: name one with "
			"-t");
		return CLI_NO_FIT;
	}
	cli_say("run: this node has no topology file: the lowest GPUs are taken");
	return CLI_GO_ON;
}

/* The lowest of them, where nothing is known. */
static uint64_t lowest(uint64_t free, int count)
{
	uint64_t set = 0;

	while (count-- > 0) {
		set |= free & -free;
		free &= free - 1;
	}
	return set;
}

static uint64_t choose(void *arg, const struct run_held *held)
{
	struct run *r = arg;
	struct gt_running running[RUN_GPUS];
	struct gt_request request = r->request;
	struct gt_choice choice;

	if (__builtin_popcountll(held->free) < request.count)
		return 0;
	if (!r->table)
		return lowest(held->free, request.count);
	request.free = to_model(r, held->free);
	for (int i = 0; i < held->count; i++)
		running[i] = (struct gt_running){to_model(r, held->set[i]), GT_UNKNOWN};
	request.running = running;
	request.running_count = held->count;
	return gt_select(r->table, &request, &choice) == GT_FIT_OK
		       ? to_places(r, &choice.gpus)
		       : 0;
}

/* Whether the job's GPUs here could ever do, all of them free. */
static int check_possible(struct run *r)
{
	struct run_held all = {.free = ~(uint64_t)0 >> (64 - r->gpus.count)};
	struct gt_request request = r->request;
	struct gt_choice choice;
	char text[512];
	enum gt_fit fit;

	if (r->request.count > r->gpus.count) {
		cli_say("run: %d GPUs asked, the job has %d here", r->request.count,
			r->gpus.count);
		return CLI_NO_FIT;
	}
	if (choose(r, &all))
		return CLI_GO_ON;
	request.free = to_model(r, all.free);
	fit = gt_select(r->table, &request, &choice);
	cli_say("run: %s", gt_fit_text(r->table, &request, fit, text, sizeof(text)));
	return CLI_NO_FIT;
}

/* ---- in line ---- */

static int take(struct run *r, uint64_t *taken)
{
	int status, ms = 10;
	bool said = false;

	for (;;) {
		if (!run_lease_try(&r->lease, &r->gpus, choose, r, taken)) {
			cli_say("run: %s: %s", r->lease.dir, strerror(errno));
			return CLI_FAILED;
		}
		if (*taken)
			return CLI_GO_ON;
		if (r->no_wait) {
			cli_say("run: not enough of the job's GPUs are free here now");
			return CLI_NO_FIT;
		}
		if (r->verbose && !said)
			cli_say("run: waiting for %d GPUs", r->request.count);
		said = true;
		status = run_watch_sleep(&r->watch, ms);
		if (status)
			return status;
		ms = ms < 160 ? 2 * ms : 200;
	}
}

/* ---- the command ---- */

/* GPUTOPO_ variables and device lists for these places, in the order of the ranks. */
static void tell(const struct run *r, uint64_t places, const char *groups)
{
	int place[RUN_GPUS], device[RUN_GPUS], model[RUN_GPUS], seen[RUN_GPUS];
	int count = 0;
	char text[GP_FACT_TEXT];
	static struct gp_facts facts;
	struct gt_geometry geometry;
	struct gp_fact fact;
	struct gt_mask set;

	for (int g = 0; g < r->gpus.count; g++)
		if (places >> g & 1) {
			device[count] = r->gpus.number[g];
			place[count++] = g;
		}
	run_gpus_show(&r->gpus, place, count);
	for (int id = 0; id < GP_FACTS; id++)
		unsetenv(gp_fact_names[id].env);
	setenv("GPUTOPO_RUN", r->lease.dir, 1);
	setenv(gp_fact_names[GP_FACT_GPUS].env,
	       gp_list_write(device, count, text, sizeof(text)), 1);
	unsetenv(GP_ENV_LOCAL);
	if (!r->table)
		return;
	set = to_model(r, places);
	gp_facts_make(&facts, r->model.node, &set, r->model.hash);
	if (groups && gp_groups_find(&geometry, r->model.node, &set, groups,
				     gt_comm_name(r->request.comm)))
		gp_facts_group(&facts, &geometry);
	for (int i = 0; i < facts.count; i++) {
		model[i] = facts.gpu[i];
		for (int j = 0; j < count; j++)
			if (r->model.to_model[device[j]] == facts.gpu[i])
				facts.shown[i] = device[j];
	}
	for (int j = 0; j < count; j++)
		seen[j] = r->model.to_model[device[j]];
	setenv(GP_ENV_LOCAL, gp_facts_local(&facts, seen, count, text, sizeof(text)), 1);
	for (int i = 0; i < GP_FACTS; i++) {
		enum gp_fact_id id = (enum gp_fact_id)i;
		bool known = i < GP_NODE_FACTS
				     ? gp_facts_get(&facts, id, &fact)
				     : gp_facts_of_task(&facts, r->model.node, model,
							facts.count, id, &fact);

		if (known)
			setenv(gp_fact_names[id].env, fact.text, 1);
	}
}

static void say_taken(const struct run *r)
{
	const char *busbw = getenv(gp_fact_names[GP_FACT_BUSBW].env);

	if (r->verbose)
		cli_say("run: GPUs %s%s%s%s", getenv(gp_fact_names[GP_FACT_GPUS].env),
			busbw ? ", " : "", busbw ? busbw : "", busbw ? " GB/s" : "");
}

/* The i-th group of what was taken. */
static uint64_t group_of(struct run *r, uint64_t taken, int i)
{
	struct gt_mask set = to_model(r, taken), group = {{0}};
	struct gt_geometry geometry;
	int at = 0;

	for (int before = 0; before < i; before++)
		at += r->groups.size[before];
	if (!r->table) {
		for (int g = 0; g < at; g++)
			taken &= taken - 1;
		return lowest(taken, r->groups.size[i]);
	}
	gt_select_geometry(r->table, &r->request, &set, &geometry);
	for (int g = at; g < at + r->groups.size[i]; g++)
		gt_mask_set(&group, geometry.gpu[g]);
	return to_places(r, &group);
}

static int run_group(struct run *r, uint64_t places, const char *groups)
{
	run_lease_keep(&r->lease, places);
	tell(r, places, groups);
	say_taken(r);
	return run_watch_command(&r->watch, r->command, r->lease.gpu, RUN_GPUS);
}

/* A process for each group, which gives its GPUs back by itself. */
static int run_groups(struct run *r, uint64_t taken)
{
	pid_t pid[RUN_GPUS];
	char text[16];
	int count = 0;

	for (; count < r->groups.count; count++) {
		uint64_t places = group_of(r, taken, count);

		pid[count] = run_watch_fork(&r->watch);
		if (pid[count] < 0) {
			cli_say("run: %s", strerror(errno));
			break;
		}
		if (pid[count] > 0)
			continue;
		snprintf(text, sizeof(text), "%d", count);
		setenv("GPUTOPO_RUN_INDEX", text, 1);
		snprintf(text, sizeof(text), "%d", r->groups.count);
		setenv("GPUTOPO_RUN_COUNT", text, 1);
		_exit(run_group(r, places, NULL));
	}
	run_lease_keep(&r->lease, 0);
	if (count < r->groups.count)
		for (int i = 0; i < count; i++)
			kill(pid[i], SIGTERM);
	return count ? run_watch_all(&r->watch, pid, count) : CLI_FAILED;
}

static int run(struct run *r)
{
	char why[1024];
	uint64_t taken;
	int status;

	if (!run_watch_begin(&r->watch)) {
		cli_say("run: %s", strerror(errno));
		return CLI_FAILED;
	}
	if (!run_lease_open(&r->lease, why, sizeof(why))) {
		cli_say("run: %s", why);
		return CLI_FAILED;
	}
	status = take(r, &taken);
	if (status == CLI_GO_ON)
		status = r->all_text ? run_groups(r, taken)
				     : run_group(r, taken, r->groups_text);
	run_lease_close(&r->lease);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static struct run r;
	char why[512];
	int status;

	r.common.command = "run";
	r.common.help = help;
	status = read_line(&r, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	if (getenv("GPUTOPO_RUN")) {
		cli_say("run: this is inside another gputopo run, which has taken its "
			"GPUs: "
			"start both from the job");
		return CLI_MISUSED;
	}
	if (!run_gpus_read(&r.gpus, why, sizeof(why))) {
		cli_say("run: %s", why);
		return CLI_NO_FIT;
	}
	status = load_topology(&r);
	if (status == CLI_GO_ON)
		status = check_possible(&r);
	if (status == CLI_GO_ON)
		status = run(&r);
	gt_table_free(r.table);
	gp_node_model_release(&r.model);
	return status;
}
