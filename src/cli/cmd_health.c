/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo health: this node's GPUs and links against its model; what is wrong is told to
 * slurmctld by the node's Extra= (conf/health.h). For HealthCheckProgram.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/cli.h"
#include "cli/live.h"
#include "conf/gres_conf.h"
#include "conf/health.h"
#include "rank/node_conf.h"
#include "source/live.h"
#include "source/nvml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define XID_SECONDS 3600 /* so long a GPU is taken last after an Xid */
#define MAX_FOUND   64	 /* lines */
#define KMSG_RECORD 8192 /* bytes: no record of /dev/kmsg is longer */
#define KMSG_LOST   1000 /* gaps; more: the log grows faster than it is read */

static const char help[] =
	"Usage: gputopo health [OPTIONS]\n"
	"Hold this node's GPUs, links and NVSwitch fabric against its model, by "
	"NVIDIA's\n"
	"driver or AMD's programs, and report to slurmctld what is wrong or right again "
	"by\n"
	"the node's Extra=. A GPU that is gone is given to no job, one with errors "
	"last,\n"
	"and dead links count in the next decision. No node is drained. Needs root or\n"
	"SlurmUser.\n\n"
	"      --node NAME    its NodeName (default: SLURMD_NODENAME, or the host name)\n"
	"      --dry-run      print only\n"
	"  -t, --topology T   what the machine is like now, instead of asking a driver\n"
	"      --kmsg FILE    the kernel's log with NVIDIA's Xids (default /dev/kmsg)\n"
	"      --json         one JSON document\n"
	"      --conf DIR     gputopo.conf and gres.conf of this folder\n" CLI_HELP_HELP;

enum { OPT_NODE = CLI_OPT_OWN, OPT_DRY_RUN, OPT_KMSG, OPT_JSON, OPT_CONF };

struct health_run {
	struct cli_common common;
	const char *name, *conf, *kmsg;
	bool dry_run, json;
	struct live live;
	const struct live_node *node;
	struct gt_node *now;  /* the machine */
	int size;	      /* GPUs in Slurm */
	int place[LIVE_GPUS]; /* of each in the machine; -1: not there */
	struct gp_health health;
	char found[MAX_FOUND][160];
	int found_count;
};

__attribute__((format(printf, 2, 3))) static void find(struct health_run *run,
						       const char *fmt, ...)
{
	va_list args;

	if (run->found_count == MAX_FOUND)
		return;
	va_start(args, fmt);
	vsnprintf(run->found[run->found_count++], sizeof(run->found[0]), fmt, args);
	va_end(args);
}

/* ---- what there is ---- */

/* AMD's own programs, of which the first that answers is read. */
static enum gt_err load_amd(struct gt_node **node, struct gt_error *err)
{
	static const char *const programs[] = {"amd-smi topology 2>/dev/null",
					       "rocm-smi --showtopo 2>/dev/null"};
	enum gt_err code = gt_fail(err, GT_EIO,
				   "no GPUs found: neither NVIDIA's driver library nor "
				   "amd-smi or rocm-smi answers");

	for (size_t i = 0; i < 2 && code != GT_OK; i++) {
		FILE *in = popen(programs[i], "r"), *out;
		char part[4096], *text = NULL;
		size_t n, size = 0;

		out = open_memstream(&text, &size);
		while (in && out && (n = fread(part, 1, sizeof(part), in)) > 0)
			fwrite(part, 1, n, out);
		if (out && !fclose(out) && size > 0)
			code = gt_node_parse(node, text, size, programs[i], NULL, NULL);
		free(text);
		if (in)
			pclose(in);
	}
	return code;
}

static int load_machine(struct health_run *run)
{
	struct gt_error err;
	enum gt_err code;

	if (run->common.topology)
		return cli_load(&run->common, &run->now);
	code = gt_nvml_live(&run->now, &err);
	if (code == GT_EFORMAT)
		code = load_amd(&run->now, &err);
	else if (code == GT_OK)
		code = gt_node_finish(run->now, &err);
	return code == GT_OK ? CLI_GO_ON : cli_fail(&err);
}

static int load_node(struct health_run *run)
{
	int what = LIVE_NODES | (run->conf ? 0 : LIVE_CONFIG);
	struct gt_error err;

	run->live.only = run->name;
	run->live.as_built = true;
	if (live_read(&run->live, NULL, what, &err) ||
	    live_bind(&run->live, run->conf, &err))
		return cli_fail(&err);
	for (int i = 0; i < run->live.nodes; i++)
		if (!strcmp(run->live.node[i].name, run->name))
			run->node = &run->live.node[i];
	if (!run->node) {
		cli_say("%s: Slurm has no such node; --node names it", run->name);
		return CLI_FAILED;
	}
	return CLI_GO_ON;
}

/* ---- which is which ---- */

static int find_minor(const struct gt_node *node, int minor)
{
	for (int i = 0; minor >= 0 && i < gt_node_size(node); i++)
		if (gt_node_gpu(node, i)->minor == minor)
			return i;
	return -1;
}

static int find_bus(const struct gt_node *node, const char *bus_id)
{
	for (int i = 0; *bus_id && i < gt_node_size(node); i++)
		if (!strcmp(gt_node_gpu(node, i)->bus_id, bus_id))
			return i;
	return -1;
}

static bool knows_minors(const struct gt_node *node)
{
	for (int i = 0; i < gt_node_size(node); i++)
		if (gt_node_gpu(node, i)->minor >= 0)
			return true;
	return false;
}

/* Slurm's GPUs are device files, /dev/nvidia3: by their numbers, or else by the model's
 * bus ids, or else, where there are as many, by their order. */
static int place_gpus(struct health_run *run)
{
	const struct gt_node *model = run->node->kind->node;
	struct gt_load_options options = {.node_name = run->name};
	struct gt_node *gres = NULL;
	char path[sizeof(run->live.dir) + 16];
	bool by_minor, by_bus = model && gt_node_gpu(model, 0)->bus_id[0] &&
				gt_node_gpu(run->now, 0)->bus_id[0];
	int missing = 0;

	snprintf(path, sizeof(path), "%s/gres.conf", run->live.dir);
	if (gp_gres_load(&gres, path, &options, NULL) != GT_OK)
		gres = NULL;
	by_minor = gres && gt_node_size(gres) == run->size && knows_minors(gres) &&
		   knows_minors(run->now);
	for (int i = 0; i < run->size; i++) {
		run->place[i] =
			by_minor ? find_minor(run->now, gt_node_gpu(gres, i)->minor)
			: by_bus ? find_bus(run->now, gt_node_gpu(model, i)->bus_id)
				 : i;
		missing += run->place[i] < 0;
	}
	gt_node_free(gres);
	if (missing == run->size ||
	    (!by_minor && !by_bus && gt_node_size(run->now) != run->size)) {
		cli_say("%s: the machine shows %d GPUs, Slurm has %d, and neither File= "
			"of "
			"gres.conf nor bus ids of the model show which are which; "
			"nothing is reported to slurmctld",
			run->name, gt_node_size(run->now), run->size);
		return CLI_FAILED;
	}
	return CLI_GO_ON;
}

/* ---- what is wrong ---- */

static void set_lost(struct health_run *run, int i, const char *why)
{
	if (run->health.lost >> i & 1)
		return;
	run->health.lost |= UINT64_C(1) << i;
	find(run, "GPU %d %s: no job gets it", i, why);
}

static void set_last(struct health_run *run, int i, const char *why)
{
	if ((run->health.lost | run->health.last) >> i & 1)
		return;
	run->health.last |= UINT64_C(1) << i;
	find(run, "GPU %d %s: it is taken last", i, why);
}

static void find_lost(struct health_run *run)
{
	for (int i = 0; i < run->size; i++)
		if (run->place[i] < 0)
			set_lost(run, i, "is gone");
		else if (!gt_node_gpu(run->now, run->place[i])->healthy)
			set_lost(run, i, "does not answer the driver");
}

static void find_states(struct health_run *run)
{
	struct gt_nvml_state state[LIVE_GPUS];
	int count;

	if (run->common.topology ||
	    gt_nvml_states(state, LIVE_GPUS, &count, NULL) != GT_OK)
		return;
	for (int i = 0; i < run->size; i++) {
		const struct gt_nvml_state *one =
			&state[run->place[i] < 0 ? 0 : run->place[i]];

		if (run->place[i] < 0 || run->place[i] >= count || !one->answers)
			continue;
		if (one->fabric_is_away)
			set_lost(run, i, "has no NVSwitch fabric, so that CUDA fails");
		if (one->remap_failed)
			set_last(run, i, "has no spare memory rows left");
		if (one->remap_pending)
			set_last(run, i, "replaces memory rows at its next reset");
	}
}

/* Links of a pair or into the switch that the model has and the machine does not. */
static void note_links(struct health_run *run, int a, int b, int live, int built)
{
	struct gp_health *health = &run->health;

	if (live < 0 || live >= built || health->links == GP_HEALTH_LINKS)
		return;
	health->link[health->links++] =
		(struct gt_live_links){.a = a, .b = b, .links = live};
	if (b < 0)
		find(run, "GPU %d has %d of %d links into the switch", a, live, built);
	else
		find(run, "GPUs %d and %d have %d of %d links", a, b, live, built);
}

static void find_links(struct health_run *run)
{
	const struct gt_node *model = run->node->kind->node;

	for (int a = 0; model && a < run->size; a++) {
		const struct gt_gpu *built = gt_node_gpu(model, a);
		int x = run->place[a];

		if (x < 0 || run->health.lost >> a & 1)
			continue;
		if (built->island >= 0)
			note_links(run, a, GT_UNKNOWN,
				   gt_node_gpu(run->now, x)->switch_links,
				   built->switch_links);
		for (int b = a + 1; b < run->size; b++) {
			int y = run->place[b];

			if (y >= 0 && !(run->health.lost >> b & 1) &&
			    (built->island < 0 ||
			     built->island != gt_node_gpu(model, b)->island))
				note_links(run, a, b, gt_node_links(run->now, x, y),
					   gt_node_links(model, a, b));
		}
	}
}

/* Xids after which NVIDIA's guide asks for a reset or a look at the machine: memory
 * (48, 64, 95, 140), firmware (62, 119, 120), NVLink (74), off the bus (79). */
static bool is_grave(int xid)
{
	static const int grave[] = {48, 62, 64, 74, 79, 95, 119, 120, 140};

	for (size_t i = 0; i < sizeof(grave) / sizeof(grave[0]); i++)
		if (grave[i] == xid)
			return true;
	return false;
}

/* "4,1234,5678901,-;NVRM: Xid (PCI:0000:3b:00): 79, pid=..." */
static void read_xid(struct health_run *run, const char *line)
{
	const char *at = strstr(line, "NVRM: Xid (PCI:");
	char text[40], bus_id[24] = "", why[64];
	struct timespec up;
	double us;
	int xid;

	if (!at || sscanf(at, "NVRM: Xid (PCI:%31[0-9a-fA-F:.]): %d", text, &xid) != 2 ||
	    !is_grave(xid))
		return;
	clock_gettime(CLOCK_MONOTONIC, &up);
	if (sscanf(line, "%*d,%*d,%lf", &us) == 1 &&
	    (double)up.tv_sec - us / 1e6 > XID_SECONDS)
		return;
	if (!strchr(text, '.'))
		strcat(text, ".0");
	if (!gt_bus_id_normalize(text, bus_id, sizeof(bus_id)))
		return;
	snprintf(why, sizeof(why), "had Xid %d in the last hour", xid);
	for (int i = 0; i < run->size; i++)
		if (run->place[i] >= 0 &&
		    !strcmp(gt_node_gpu(run->now, run->place[i])->bus_id, bus_id))
			set_last(run, i, why);
}

/* Who may not read the kernel's log knows of no Xid. Of /dev/kmsg a read gives one whole
 * record, or EPIPE once where the next one was overwritten meanwhile. */
static void find_xids(struct health_run *run)
{
	int fd = open(run->kmsg ? run->kmsg : "/dev/kmsg",
		      O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	char line[KMSG_RECORD];
	int overwritten = 0;

	if (in)
		setvbuf(in, NULL, _IOFBF, KMSG_RECORD);
	while (in && overwritten < KMSG_LOST) {
		if (fgets(line, sizeof(line), in)) {
			read_xid(run, line);
		} else if (ferror(in) && errno == EPIPE) {
			clearerr(in);
			overwritten++;
		} else {
			break;
		}
	}
	if (in)
		fclose(in);
	else if (run->kmsg)
		cli_say("%s: %s", run->kmsg, strerror(errno));
}

/* ---- telling ---- */

/* What Extra= is to be, the other keys as they are; NULL: it is somebody else's text. */
static char *make_extra(const struct health_run *run)
{
	const char *old = run->node->extra ? run->node->extra : "";
	json_t *extra = *old ? json_loads(old, 0, NULL) : json_object();
	char ours[GP_HEALTH_TEXT], *text;

	if (!json_is_object(extra)) {
		json_decref(extra);
		return NULL;
	}
	json_object_del(extra, "gputopo");
	if (!gp_health_is_sound(&run->health)) {
		gp_health_write(&run->health, ours, sizeof(ours));
		json_object_set_new(extra, "gputopo", json_loads(ours, 0, NULL));
	}
	text = json_object_size(extra) ? json_dumps(extra, JSON_COMPACT) : strdup("");
	json_decref(extra);
	return text;
}

static int run_update(const char *name, const char *extra)
{
	char node[320], *value;
	int status = -1;
	pid_t child;

	snprintf(node, sizeof(node), "NodeName=%.300s", name);
	if (asprintf(&value, "Extra=%s", extra) < 0)
		return cli_no_memory();
	child = fork();
	if (child == 0) {
		execlp("scontrol", "scontrol", "update", node, value, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	free(value);
	if (child > 0 && status == 0)
		return CLI_DONE;
	cli_say("%s: scontrol update failed: nothing is reported to slurmctld", name);
	return CLI_FAILED;
}

static bool says_the_same(const struct health_run *run)
{
	char now[GP_HEALTH_TEXT], old[GP_HEALTH_TEXT];
	struct gp_health told;

	gp_health_read(&told, run->node->extra);
	return !strcmp(gp_health_write(&run->health, now, sizeof(now)),
		       gp_health_write(&told, old, sizeof(old))) &&
	       (!gp_health_is_sound(&told) || !gp_health_part(run->node->extra));
}

/* *told: slurmctld was told something new. */
static int tell(const struct health_run *run, bool *told)
{
	char *extra;
	int status;

	*told = false;
	if (run->dry_run || says_the_same(run))
		return CLI_DONE;
	extra = make_extra(run);
	if (!extra) {
		cli_say("%s: Extra= of the node is not a JSON object, and is left as it "
			"is: nothing is reported to slurmctld",
			run->name);
		return CLI_FAILED;
	}
	status = run_update(run->name, extra);
	*told = status == CLI_DONE;
	free(extra);
	return status;
}

/* ---- the command ---- */

static int print_json(const struct health_run *run, bool told)
{
	json_t *found = json_array(), *links = json_array();

	for (int i = 0; i < run->found_count; i++)
		json_array_append_new(found, json_string(run->found[i]));
	for (int i = 0; i < run->health.links; i++) {
		const struct gt_live_links *one = &run->health.link[i];

		json_array_append_new(links,
				      json_pack("{si, so, si}", "gpu", one->a, "to",
						one->b < 0 ? json_string("switch")
							   : json_integer(one->b),
						"links", one->links));
	}
	return cli_print_json(json_pack("{si, ss, si, so, so, so, so, sb}", "version", 1,
					"node", run->name, "gpus", run->size, "lost",
					cli_json_bits(run->health.lost), "last",
					cli_json_bits(run->health.last), "links", links,
					"found", found, "reported", told));
}

/* status: of tell, which has said what failed. */
static void print_text(const struct health_run *run, bool told, int status)
{
	for (int i = 0; i < run->found_count; i++)
		printf("%s: %s\n", run->name, run->found[i]);
	if (!run->found_count)
		printf("%s: %d GPUs as %s\n", run->name, run->size,
		       run->node->kind->node ? "the model says"
					     : "Slurm has; their links have no model");
	if (status == CLI_DONE)
		printf("%s: %s\n", run->name,
		       told	      ? "reported to slurmctld"
		       : run->dry_run ? "not reported: --dry-run"
				      : "slurmctld knows");
}

static int look(struct health_run *run)
{
	int status = load_node(run);
	bool told = false;

	if (status == CLI_GO_ON && !run->node->kind) {
		printf("%s: no GPUs in Slurm\n", run->name);
		return CLI_DONE;
	}
	if (status == CLI_GO_ON)
		status = load_machine(run);
	if (status != CLI_GO_ON)
		return status;
	run->size = run->node->kind->node ? gt_node_size(run->node->kind->node)
					  : run->node->kind->gpus;
	run->size = run->size > LIVE_GPUS ? LIVE_GPUS : run->size;
	status = place_gpus(run);
	if (status != CLI_GO_ON)
		return status;
	find_lost(run);
	find_states(run);
	find_links(run);
	find_xids(run);
	status = tell(run, &told);
	if (run->json)
		return print_json(run, told) == CLI_DONE ? status : CLI_FAILED;
	print_text(run, told, status);
	return status;
}

int cmd_health(int argc, char **argv)
{
	static const struct option options[] = {
		{"topology", required_argument, NULL, 't'},
		{"node", required_argument, NULL, OPT_NODE},
		{"dry-run", no_argument, NULL, OPT_DRY_RUN},
		{"kmsg", required_argument, NULL, OPT_KMSG},
		{"json", no_argument, NULL, OPT_JSON},
		{"conf", required_argument, NULL, OPT_CONF},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct health_run run = {.common = {.command = "health", .help = help}};
	char name[256];
	int opt, status = CLI_GO_ON;

	gp_node_name(name, sizeof(name));
	run.name = name;
	while (status == CLI_GO_ON &&
	       (opt = getopt_long(argc, argv, "t:h", options, NULL)) != -1)
		switch (opt) {
		case OPT_NODE:
			run.name = optarg;
			break;
		case OPT_DRY_RUN:
			run.dry_run = true;
			break;
		case OPT_KMSG:
			run.kmsg = optarg;
			break;
		case OPT_JSON:
			run.json = true;
			break;
		case OPT_CONF:
			run.conf = optarg;
			break;
		default:
			status = cli_common_option(&run.common, opt);
		}
	if (status == CLI_GO_ON)
		status = cli_no_more(&run.common, argc, argv);
	if (status == CLI_GO_ON)
		status = look(&run);
	gt_node_free(run.now);
	live_release(&run.live);
	return status;
}
