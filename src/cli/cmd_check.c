/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo check: gputopo.conf and the files it names, held against gres.conf, and where
 * --mig is meant, against slurm.conf. Every problem is a line; none is an empty output
 * and status 0.
 */
#include "config.h"

#include "cli/check.h"
#include "cli/cli.h"
#include "conf/slurm_conf.h"
#include "core/append.h"
#include "core/hostlist.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_SIZE 32768
#define HOST_SIZE 256
#define STEPS_MAX 1000000 /* of the search for an order that fits */

enum { OPT_GRES = CLI_OPT_OWN };

static const char help[] =
	"Usage: gputopo check [CONF] [--gres FILE]\n"
	"Read gputopo.conf and every topology it names, and hold them against "
	"gres.conf.\n"
	"Where they name GPUs in MIG mode that are not cut: what --mig needs in "
	"slurm.conf,\n"
	"gres.conf and plugstack.conf.\n"
	"Every problem is a line on standard error, with file and line.\n\n"
	"  CONF           gputopo.conf; without it the one beside $SLURM_CONF, or in\n"
	"                 /etc/slurm\n"
	"      --gres FILE  gres.conf; without it the one beside CONF, if there is "
	"one\n" CLI_HELP_HELP;

void check_problem(struct check *check, const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (line > 0)
		cli_say("%s:%d: %s", file, line, text);
	else
		cli_say("%s: %s", file, text);
	check->problems++;
}

/* ---- paths ---- */

/* slurm.conf where there is one: what --mig needs is looked up there. */
static void find_slurm(struct check *check, const char *conf, const char *slurm)
{
	if (!conf && slurm)
		snprintf(check->slurm_path, CHECK_PATH_MAX, "%s", slurm);
	else
		slurm_path(check->conf_path, "slurm.conf", check->slurm_path,
			   CHECK_PATH_MAX);
	if (conf && slurm && access(check->slurm_path, F_OK))
		snprintf(check->slurm_path, CHECK_PATH_MAX, "%s", slurm);
	if (access(check->slurm_path, F_OK))
		check->slurm_path[0] = '\0';
}

static void find_files(struct check *check, const char *conf, const char *gres)
{
	const char *slurm = getenv("SLURM_CONF");

	slurm = slurm && *slurm ? slurm : NULL;
	if (conf)
		snprintf(check->conf_path, CHECK_PATH_MAX, "%s", conf);
	else
		slurm_path(slurm ? slurm : "/etc/slurm/", "gputopo.conf",
			   check->conf_path, CHECK_PATH_MAX);
	if (gres)
		snprintf(check->gres_path, CHECK_PATH_MAX, "%s", gres);
	else
		slurm_path(check->conf_path, "gres.conf", check->gres_path,
			   CHECK_PATH_MAX);
	if (!gres && access(check->gres_path, F_OK))
		check->gres_path[0] = '\0';
	find_slurm(check, conf, slurm);
}

/* A relative Topology= stands beside gputopo.conf. */
void check_topology_path(const struct check *check, const char *spec, char *out)
{
	if (!strncmp(spec, "builtin:", strlen("builtin:")))
		snprintf(out, CHECK_PATH_MAX, "%s", spec);
	else
		slurm_path(check->conf_path, spec, out, CHECK_PATH_MAX);
}

/* ---- topologies ---- */

/* slurmctld reads these; gputopo show --json makes the first of all others. */
static bool is_for_slurmctld(const char *path)
{
	struct gt_load_options options = {0};
	static const char *const formats[] = {"json", "nvidia-smi", "gres"};
	struct gt_node *again;

	if (!strncmp(path, "builtin:", strlen("builtin:")))
		return true;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		options.format = formats[i];
		if (gt_node_load(&again, path, &options, NULL) == GT_OK) {
			gt_node_free(again);
			return true;
		}
	}
	return false;
}

static void check_topology(struct check *check, const char *spec, int line)
{
	char path[CHECK_PATH_MAX];
	struct gt_node *node;
	struct gt_error err;

	check_topology_path(check, spec, path);
	if (gt_node_load(&node, path, NULL, &err)) {
		check_problem(check, err.file[0] ? err.file : check->conf_path,
			      err.file[0] ? err.line : line, "%s", err.text);
		return;
	}
	if (gt_node_is_partial(node))
		check_problem(check, check->conf_path, line,
			      "Topology=%s does not show every pair of GPUs: not used",
			      spec);
	else if (!is_for_slurmctld(path))
		check_problem(
			check, check->conf_path, line,
			"Topology=%s is of format %s, which slurmctld does not read: "
			"convert it "
			"with gputopo show --json",
			spec, gt_node_source_format(node));
	gt_node_free(node);
}

static void check_topologies(struct check *check)
{
	const char *spec;
	int line = 0;

	for (int i = 0; (spec = gp_conf_topology(check->conf, i, &line)); i++)
		check_topology(check, spec, line);
}

/* ---- against gres.conf ---- */

/* The search for an order of the topology's GPUs that gives gres.conf's links. */
struct order {
	const struct gt_node *gres, *node;
	int fit[GT_MAX_GPUS];
	long steps;
};

static bool extends(struct order *order, int at)
{
	for (int b = 0; b < at; b++)
		if (gt_node_links(order->gres, at, b) !=
		    gt_node_links(order->node, order->fit[at], order->fit[b]))
			return false;
	return true;
}

static bool find_order(struct order *order, int at)
{
	int n = gt_node_size(order->node);

	if (at == n)
		return true;
	for (int g = 0; g < n; g++) {
		bool used = false;

		for (int b = 0; b < at; b++)
			used = used || order->fit[b] == g;
		if (used || ++order->steps > STEPS_MAX)
			continue;
		order->fit[at] = g;
		if (extends(order, at) && find_order(order, at + 1))
			return true;
	}
	return false;
}

static bool same_links(const struct gt_node *a, const struct gt_node *b)
{
	for (int i = 0; i < gt_node_size(a); i++)
		for (int j = 0; j < i; j++)
			if (gt_node_links(a, i, j) != gt_node_links(b, i, j))
				return false;
	return true;
}

static bool has_links(const struct gt_node *node)
{
	return gt_node_fabric(node) != GT_FABRIC_PCIE;
}

/* The profiles of the instances on the GPU of a device number, as one text. */
static void profiles_of(const struct gt_node *node, int minor, char *out, size_t size)
{
	struct gt_append text = gt_append_to(out, size);

	for (int i = 0; i < gt_node_instance_count(node); i++) {
		const struct gt_instance *part = gt_node_instance(node, i);
		int own = gt_node_gpu(node, part->gpu)->minor;

		if ((own == GT_UNKNOWN ? part->gpu : own) == minor)
			gt_append(&text, "%s%s", text.used ? "," : "", part->profile);
	}
	if (!text.used)
		gt_append(&text, "none");
}

/* Every GPU must be cut alike in both, in the same order. */
static void compare_instances(struct check *check, const char *host, int line,
			      const struct gt_node *gres, const struct gt_node *node,
			      const char *spec)
{
	for (int i = 0; i < gt_node_size(gres); i++) {
		int minor = gt_node_gpu(gres, i)->minor;
		char has[256], wants[256];

		profiles_of(gres, minor, has, sizeof(has));
		profiles_of(node, minor, wants, sizeof(wants));
		if (strcmp(has, wants))
			check_problem(
				check, check->gres_path, line,
				"%s: the instances of GPU %d are %s, but Topology=%s has "
				"%s",
				host, minor, has, spec, wants);
	}
}

static void compare(struct check *check, const char *host, int line,
		    const struct gt_node *gres, const struct gt_node *node,
		    const char *spec)
{
	struct order *order;
	char list[256];
	struct gt_append text = gt_append_to(list, sizeof(list));

	if (gt_node_size(gres) != gt_node_size(node)) {
		check_problem(check, check->gres_path, line,
			      "%s: %d GPUs, but Topology=%s has %d", host,
			      gt_node_size(gres), spec, gt_node_size(node));
		return;
	}
	compare_instances(check, host, line, gres, node, spec);
	/* AutoDetect's zeros say nothing */
	if (!has_links(gres) || same_links(gres, node))
		return;
	order = calloc(1, sizeof(*order));
	if (!order)
		return;
	order->gres = gres;
	order->node = node;
	if (find_order(order, 0)) {
		for (int i = 0; i < gt_node_size(node); i++)
			gt_append(&text, "%s%d", i ? "," : "", order->fit[i]);
		check_problem(
			check, check->gres_path, line,
			"%s: Links= number the GPUs otherwise than Topology=%s: its GPUs "
			"%s, in "
			"this order, would fit",
			host, spec, list);
	} else {
		check_problem(check, check->gres_path, line,
			      "%s: Links= contradict Topology=%s", host, spec);
	}
	free(order);
}

static void check_host(struct check *check, const char *host, int line)
{
	struct gt_load_options options = {.format = "gres",
					  .node_name = *host ? host : NULL};
	struct gp_settings settings;
	struct gt_node *gres, *node;
	char path[CHECK_PATH_MAX];
	struct gt_error err;

	gp_conf_node(check->conf, host, &settings);
	if (!settings.topology || settings.mode == GP_MODE_OFF)
		return;
	check_topology_path(check, settings.topology, path);
	if (gt_node_load(&node, path, NULL, NULL))
		return; /* said already */
	if (gt_node_load(&gres, check->gres_path, &options, &err)) {
		check_problem(check, check->gres_path, err.line ? err.line : line, "%s",
			      err.text);
	} else {
		compare(check, host, line, gres, node, settings.topology);
		gt_node_free(gres);
	}
	gt_node_free(node);
}

/* "n[03-07,9],m" to "n03": lines of one NodeName= are alike. */
static bool first_host(const char *hosts, char *out)
{
	size_t len = gt_hostlist_first(hosts), used = 0;

	if (!gt_hostlist_is_valid(hosts))
		return false;
	for (size_t i = 0; i < len && used < HOST_SIZE - 1; i++) {
		if (hosts[i] == '[')
			continue;
		if (hosts[i] == '-' || hosts[i] == ',' || hosts[i] == ']') {
			const char *open = memrchr(hosts, '[', i);
			const char *close = memchr(hosts + i, ']', len - i);

			if (open && close &&
			    !memchr(open, ']', (size_t)(hosts + i - open))) {
				i = (size_t)(close - hosts);
				continue;
			}
		}
		out[used++] = hosts[i];
	}
	out[used] = '\0';
	return used > 0;
}

/* Every NodeName= of gres.conf once. */
static void check_gres(struct check *check)
{
	char line[LINE_SIZE], last[LINE_SIZE] = "", host[HOST_SIZE];
	FILE *in = fopen(check->gres_path, "re");
	int number = 0, named = 0;

	if (!in) {
		check_problem(check, check->gres_path, 0, "%s", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), in)) {
		char *at = strcasestr(line, "NodeName="), *hosts;

		number++;
		if (!at || line[strspn(line, " \t")] == '#' ||
		    !strcasestr(line, "Name=gpu"))
			continue;
		hosts = at + strlen("NodeName=");
		hosts[strcspn(hosts, " \t\r\n")] = '\0';
		named++;
		if (!strcmp(hosts, last))
			continue;
		memcpy(last, hosts, strlen(hosts) + 1);
		if (first_host(hosts, host))
			check_host(check, host, number);
		else
			check_problem(check, check->gres_path, number,
				      "'%s' are no node names", hosts);
	}
	fclose(in);
	if (!named)
		check_host(check, "", 0);
}

/* ---- the command ---- */

static int run(struct check *check, bool named)
{
	struct gt_error err;
	bool exists = false;

	if (gp_conf_load(&check->conf, check->conf_path, &exists, &err))
		return cli_fail(&err);
	if (!exists && named) {
		gp_conf_free(check->conf);
		cli_say("%s: %s", check->conf_path, strerror(ENOENT));
		return CLI_FAILED;
	}
	if (!exists)
		printf("%s: not there: every node is enforced on its Links=\n",
		       check->conf_path);
	check_topologies(check);
	if (check->gres_path[0])
		check_gres(check);
	check_mig(check);
	gp_conf_free(check->conf);
	return check->problems ? CLI_FAILED : CLI_DONE;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"gres", required_argument, NULL, OPT_GRES},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "check", .help = help};
	const char *conf = NULL, *gres = NULL;
	struct check *check;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_GRES) {
			gres = optarg;
			continue;
		}
		status = cli_common_option(&c, opt);
		if (status != CLI_GO_ON)
			return status;
	}
	if (optind < argc)
		conf = argv[optind++];
	status = cli_no_more(&c, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	check = calloc(1, sizeof(*check));
	if (!check)
		return cli_no_memory();
	find_files(check, conf, gres);
	status = run(check, conf != NULL);
	free(check);
	return status;
}
