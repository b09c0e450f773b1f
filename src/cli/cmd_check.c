/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo check: gputopo.conf and the files it names, held against gres.conf and
 * slurm.conf. Every problem is a line; none is status 0.
 */
#include "config.h"

#include "cli/check.h"
#include "cli/cli.h"
#include "conf/gres_conf.h"
#include "conf/slurm_conf.h"
#include "core/hostlist.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { OPT_GRES = CLI_OPT_OWN, OPT_JSON };

static const char help[] =
	"Usage: gputopo check [CONF] [--gres FILE] [--json]\n"
	"Read gputopo.conf and every topology it names, and compare them with gres.conf "
	"and\n"
	"slurm.conf: topologies, node names, types, links, cores, what --mig needs, and "
	"whether\n"
	"the plugin is in force. Every problem is a line on standard error, with file "
	"and "
	"line;\n"
	"standard output has notices and a summary line for each node type.\n"
	"Exit status: 0 no problem; 1 a problem; 2 wrong usage.\n\n"
	"  CONF           gputopo.conf; without it the one beside $SLURM_CONF, or in\n"
	"                 /etc/slurm\n"
	"      --gres FILE  gres.conf; without it the one beside CONF, if there is one\n"
	"      --json     one JSON document\n" CLI_HELP_HELP;

/* As a line, or for --json. */
static void find(struct check *check, bool problem, const char *file, int line,
		 const char *text)
{
	if (check->findings)
		json_array_append_new(
			check->findings,
			json_pack("{ss, ss, so, ss}", "level",
				  problem ? "problem" : "notice", "file", file, "line",
				  line > 0 ? json_integer(line) : json_null(), "text",
				  text));
	else if (problem && line > 0)
		cli_say("%s:%d: %s", file, line, text);
	else if (problem)
		cli_say("%s: %s", file, text);
	else if (line > 0)
		printf("%s:%d: %s\n", file, line, text);
	else
		printf("%s: %s\n", file, text);
	check->problems += problem;
}

void check_problem(struct check *check, const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	find(check, true, file, line, text);
}

void check_notice(struct check *check, const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	find(check, false, file, line, text);
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
bool check_is_new(struct check_seen *seen, uint64_t what)
{
	for (int i = 0; i < seen->count; i++)
		if (seen->what[i] == what)
			return false;
	if (seen->count == seen->room) {
		int room = seen->room ? 2 * seen->room : 64;
		uint64_t *more = realloc(seen->what, (size_t)room * sizeof(*more));

		if (!more)
			return true;
		seen->what = more;
		seen->room = room;
	}
	seen->what[seen->count++] = what;
	return true;
}

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
	static const char *const formats[] = {"json", "nvidia-smi"};
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

static enum gt_err keep_first(void *arg, const char *name)
{
	snprintf(arg, GT_HOST_NAME_MAX + 1, "%s", name);
	return GT_ELIMIT;
}

/* Whether the Types of gres.conf, on the first of the hosts, are GPU models that have
 * figures. slurmctld goes by them where the topology names none. */
static bool has_types(const struct check *check, const char *hosts)
{
	char host[GT_HOST_NAME_MAX + 1] = "";
	struct gt_load_options options = {.node_name = host};
	struct gt_node *gres;
	int link_mbps, pcie_mbps;
	bool known = true;

	if (!check->gres_path[0] || !hosts)
		return false;
	gt_hostlist_each(hosts, keep_first, host, NULL);
	if (gp_gres_load(&gres, check->gres_path, &options, NULL))
		return false;
	for (int i = 0; i < gt_node_size(gres); i++)
		known = known && gt_gpu_model_speeds(gt_node_gpu(gres, i)->model,
						     &link_mbps, &pcie_mbps);
	gt_node_free(gres);
	return known;
}

/* Whether one of the globs (a list with commas, or NULL) names the NIC. */
static bool is_named(const char *globs, const struct gt_nic *nic)
{
	char list[GT_NIC_GLOBS_MAX], *keep = NULL;

	snprintf(list, sizeof(list), "%s", globs ? globs : "");
	for (char *glob = strtok_r(list, ",", &keep); glob;
	     glob = strtok_r(NULL, ",", &keep))
		if (fnmatch(glob, nic->name, 0) == 0)
			return true;
	return false;
}

/* NicRate= and NicIgnore= that do nothing, or too much; plain: the node without them. */
static void check_nics(struct check *check, const struct gt_node *plain, const char *spec,
		       const struct gt_site_options *options, int line)
{
	char globs[GT_NIC_GLOBS_MAX], *keep = NULL;
	int nics = gt_node_nic_count(plain), kept = 0, unknown = 0;

	for (int i = 0; i < nics; i++) {
		const struct gt_nic *nic = gt_node_nic(plain, i);
		bool is_kept = !is_named(options->nic_ignored, nic);

		kept += is_kept;
		unknown += is_kept && nic->mbps == GT_UNKNOWN;
	}
	if (!nics)
		check_notice(check, check->conf_path, line,
			     "Topology=%s shows no NICs: NicRate= and NicIgnore= do "
			     "nothing there",
			     spec);
	else if (!kept)
		check_problem(check, check->conf_path, line,
			      "NicIgnore= leaves out every NIC of Topology=%s", spec);
	snprintf(globs, sizeof(globs), "%s",
		 options->nic_ignored ? options->nic_ignored : "");
	for (char *glob = strtok_r(globs, ",", &keep); glob && nics;
	     glob = strtok_r(NULL, ",", &keep)) {
		bool names_one = false;

		for (int i = 0; i < nics; i++)
			names_one |= is_named(glob, gt_node_nic(plain, i));
		if (!names_one)
			check_notice(check, check->conf_path, line,
				     "NicIgnore=%s leaves out no NIC of Topology=%s",
				     glob, spec);
	}
	if (options->nic_mbps && kept && !unknown)
		check_notice(check, check->conf_path, line,
			     "Topology=%s has the speed of every NIC: NicRate= does "
			     "nothing there",
			     spec);
}

static void check_topology(struct check *check, const char *spec,
			   struct gt_site_options options, const char *hosts, int line)
{
	struct gt_site_options plain = options;
	char path[CHECK_PATH_MAX];
	struct gt_node *node;
	struct gt_error err;

	check_topology_path(check, spec, path);
	if (gt_node_load_site(&node, path, &options, &err)) {
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
	/* no problem, but what --gpu-min-busbw is held against */
	for (int i = 0; i < gt_node_note_count(node) && !gt_node_is_partial(node); i++)
		if (strstr(gt_node_note(node, i), " assumed") && !has_types(check, hosts))
			check_notice(check, check->conf_path, line,
				     "Topology=%s: %s; set Model= on this line", spec,
				     gt_node_note(node, i));
	gt_node_free(node);
	if (!options.nic_mbps && !(options.nic_ignored && *options.nic_ignored))
		return;
	plain.nic_mbps = 0;
	plain.nic_ignored = NULL;
	if (gt_node_load_site(&node, path, &plain, NULL) == GT_OK) {
		check_nics(check, node, spec, &options, line);
		gt_node_free(node);
	}
}

static void check_topologies(struct check *check)
{
	const char *spec;
	int line = 0;

	for (int i = 0; (spec = gp_conf_topology(check->conf, i, &line)); i++)
		check_topology(check, spec, gp_conf_load_options(check->conf, i),
			       gp_conf_hosts(check->conf, i), line);
}

/* ---- the command ---- */

#define BROKEN_MAX 50 /* lines of gputopo.conf that are said to be */

static char *read_conf(const char *path, size_t *size)
{
	FILE *in = fopen(path, "re");
	char *text = in ? malloc(GP_MAX_CONF + 1) : NULL;

	*size = text ? fread(text, 1, GP_MAX_CONF, in) : 0;
	if (text)
		text[*size] = '\0';
	if (in)
		fclose(in);
	return text;
}

/* Make a comment of a line. false: there is no such line, or it is one. */
static bool strike_line(char *text, int line)
{
	for (; line > 1 && *text; text++)
		line -= *text == '\n';
	if (!*text || *text == '#' || *text == '\n')
		return false;
	*text = '#';
	return true;
}

/* Every broken line is said; the others are the configuration. */
static int load_conf(struct check *check, bool named)
{
	struct gt_error err;
	bool exists = false;
	enum gt_err code = gp_conf_load(&check->conf, check->conf_path, &exists, &err);
	size_t size;
	char *text = code ? read_conf(check->conf_path, &size) : NULL;

	for (int said = 0; code && text && said < BROKEN_MAX; said++) {
		check_problem(check, err.file[0] ? err.file : check->conf_path, err.line,
			      "%s", err.text);
		if (err.line < 1 || !strike_line(text, err.line))
			break;
		code = gp_conf_parse(&check->conf, text, size, check->conf_path, &err);
		exists = true;
	}
	free(text);
	if (code)
		return check->problems ? CLI_FAILED : cli_fail(&err);
	if (!exists && named) {
		cli_say("%s: %s", check->conf_path, strerror(ENOENT));
		return CLI_FAILED;
	}
	if (!exists)
		check_notice(check, check->conf_path, 0,
			     "does not exist: every node is enforced on its Links=");
	return CLI_GO_ON;
}

static int run(struct check *check, bool named)
{
	int status = load_conf(check, named);

	if (status == CLI_GO_ON) {
		check_topologies(check);
		if (check->gres_path[0])
			check_gres(check);
		check_mig(check);
		check_plugin(check);
		check_nodes(check);
		status = check->problems ? CLI_FAILED : CLI_DONE;
	}
	gp_conf_free(check->conf);
	if (check->findings &&
	    cli_print_json(json_pack("{si, si, sO, sO}", "version", 1, "problems",
				     check->problems, "findings", check->findings,
				     "types", check->types)) != CLI_DONE)
		status = CLI_FAILED;
	return status;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"gres", required_argument, NULL, OPT_GRES},
		{"json", no_argument, NULL, OPT_JSON},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, CLI_OPT_VERSION},
		{0},
	};
	struct cli_common c = {.command = "check", .help = help};
	const char *conf = NULL, *gres = NULL;
	struct check *check;
	bool as_json = false;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == OPT_GRES) {
			gres = optarg;
			continue;
		}
		if (opt == OPT_JSON) {
			as_json = true;
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
	check->findings = as_json ? json_array() : NULL;
	check->types = json_array();
	status = run(check, conf != NULL);
	json_decref(check->findings);
	json_decref(check->types);
	free(check);
	return status;
}
