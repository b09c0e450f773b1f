/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_nodes.c - the nodes of slurm.conf beside gputopo.conf and gres.conf: names that
 * slurm.conf does not have, nodes without a topology, GPUs of another model, cores across
 * sockets; and a summary line for each node type. Called by gputopo check.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check.h"
#include "cli/live.h"
#include "conf/conf_keys.h"
#include "conf/slurm_conf.h"
#include "core/fnv.h"
#include "core/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The line of slurm.conf that a node comes from. */
struct origin {
	char *file;
	int line;
	int cores, cores_per_socket;
};

struct nodes {
	struct check *check;
	struct live live;
	struct origin *origin; /* by node of live */
	int origins, room;
	bool dynamic; /* nodes come by themselves: MaxNodeCount= */
	/* while reading */
	const struct slurm_line *at;
	char gres[SLURM_VALUE_MAX], default_gres[SLURM_VALUE_MAX];
	int cores, cores_per_socket, default_cores, default_per_socket;
	/* gres.conf */
	struct check_seen said; /* names, by file */
	bool detects;
	char detected[64];
};

/* ---- slurm.conf ---- */

static int number(const struct slurm_line *line, const char *key, int without)
{
	char value[32];

	return slurm_line_get(line, key, value, sizeof(value)) ? atoi(value) : without;
}

static enum gt_err add_host(void *arg, const char *name)
{
	struct nodes *n = arg;

	if (n->origins == n->room) {
		int room = n->room ? 2 * n->room : 64;
		void *more = realloc(n->origin, (size_t)room * sizeof(*n->origin));

		if (!more)
			return GT_ENOMEM;
		n->origin = more;
		n->room = room;
	}
	n->origin[n->origins++] = (struct origin){strdup(n->at->file), n->at->number,
						  n->cores, n->cores_per_socket};
	return live_add_node(&n->live, name, n->gres, n->cores_per_socket);
}

static enum gt_err take_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX];
	struct nodes *n = arg;
	int sockets;

	if (slurm_line_get(line, "MaxNodeCount", hosts, sizeof(hosts)))
		n->dynamic = true;
	if (!slurm_line_get(line, "NodeName", hosts, sizeof(hosts)))
		return GT_OK;
	n->at = line;
	if (!slurm_line_get(line, "Gres", n->gres, sizeof(n->gres)))
		memcpy(n->gres, n->default_gres, sizeof(n->gres));
	n->cores_per_socket = number(line, "CoresPerSocket", n->default_per_socket);
	sockets = number(line, "Sockets",
			 number(line, "SocketsPerBoard", 0) * number(line, "Boards", 1));
	n->cores = sockets > 0 && n->cores_per_socket > 0 ? sockets * n->cores_per_socket
							  : n->default_cores;
	if (!strcasecmp(hosts, "DEFAULT")) {
		memcpy(n->default_gres, n->gres, sizeof(n->gres));
		n->default_per_socket = n->cores_per_socket;
		n->default_cores = n->cores;
		return GT_OK;
	}
	if (!gt_hostlist_is_valid(hosts)) {
		check_problem(n->check, line->file, line->number,
			      "NodeName=%.100s is not a list of nodes", hosts);
		return GT_OK;
	}
	return gt_hostlist_each(hosts, add_host, n, NULL);
}

/* ---- names ---- */

static bool is_there(const struct nodes *n, const char *name)
{
	for (int i = 0; i < n->live.nodes; i++)
		if (!strcmp(n->live.node[i].name, name))
			return true;
	return false;
}

struct naming {
	struct nodes *nodes;
	const char **missing;
	int count, room;
};

static enum gt_err look_for(void *arg, const char *name)
{
	struct naming *naming = arg;

	if (is_there(naming->nodes, name))
		return GT_OK;
	if (naming->count == naming->room) {
		int room = naming->room ? 2 * naming->room : 16;
		void *more =
			realloc(naming->missing, (size_t)room * sizeof(*naming->missing));

		if (!more)
			return GT_ENOMEM;
		naming->missing = more;
		naming->room = room;
	}
	naming->missing[naming->count] = strdup(name);
	return naming->missing[naming->count++] ? GT_OK : GT_ENOMEM;
}

/* Names of one line that slurm.conf does not have. */
static void check_names(struct nodes *n, bool ours, const char *file, int line,
			const char *hosts)
{
	struct naming naming = {.nodes = n};
	char *list;

	if (!n->live.nodes || n->dynamic || !gt_hostlist_is_valid(hosts))
		return;
	gt_hostlist_each(hosts, look_for, &naming, NULL);
	list = naming.count ? live_fold(naming.missing, naming.count) : NULL;
	if (list &&
	    check_is_new(&n->said, gt_fnv(gt_fnv(GT_FNV_START, file, strlen(file)), list,
					  strlen(list))))
		/* gres.conf may be shared with other clusters */
		(ours ? check_problem : check_notice)(
			n->check, file, line, "NodeName=: %.200s %s not in %.200s", list,
			naming.count == 1 ? "is" : "are", n->check->slurm_path);
	free(list);
	for (int i = 0; i < naming.count; i++)
		free((char *)naming.missing[i]);
	free(naming.missing);
}

static void check_conf_names(struct nodes *n)
{
	const struct gp_conf *conf = n->check->conf;

	for (int i = 1; i < conf->group_count; i++)
		if (conf->groups[i].hosts && strcasecmp(conf->groups[i].hosts, "DEFAULT"))
			check_names(n, true, n->check->conf_path, conf->groups[i].line,
				    conf->groups[i].hosts);
}

/* ---- gres.conf ---- */

/* The first node that a line names. */
static const struct origin *origin_of(const struct nodes *n, const char *hosts)
{
	for (int i = 0; i < n->live.nodes; i++)
		if (!*hosts || gt_hostlist_has(hosts, n->live.node[i].name))
			return &n->origin[i];
	return NULL;
}

/* Cores of one GPU on several sockets, but not on all: Slurm counts sockets otherwise
 * than the machine (l3cache_as_socket, numa_node_as_socket), or the list is wrong. */
static void check_sockets(struct nodes *n, const struct slurm_line *line,
			  const char *hosts, const char *cores)
{
	const struct origin *origin = origin_of(n, hosts);
	uint64_t sockets = 0;
	int all;

	if (!origin || origin->cores_per_socket <= 0 || origin->cores <= 0)
		return;
	all = origin->cores / origin->cores_per_socket;
	for (const char *at = cores; *at;) {
		char *end;
		long low = strtol(at, &end, 10), high = low;

		if (end == at || low < 0)
			return;
		if (*end == '-')
			high = strtol(end + 1, &end, 10);
		for (long c = low; c <= high && c < origin->cores; c++)
			if (c / origin->cores_per_socket < 64)
				sockets |= UINT64_C(1) << (c / origin->cores_per_socket);
		at = *end == ',' ? end + 1 : "";
	}
	if (__builtin_popcountll(sockets) > 1 && __builtin_popcountll(sockets) < all)
		check_problem(n->check, line->file, line->number,
			      "Cores=%.100s: crosses Slurm's sockets of %d cores each; "
			      "with l3cache_as_socket or numa_node_as_socket of "
			      "SlurmdParameters they are smaller than the machine's",
			      cores, origin->cores_per_socket);
}

static enum gt_err take_gres(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX], value[SLURM_VALUE_MAX];
	struct nodes *n = arg;

	if (!slurm_line_get(line, "NodeName", hosts, sizeof(hosts)))
		hosts[0] = '\0';
	else
		check_names(n, false, line->file, line->number, hosts);
	if (slurm_line_get(line, "AutoDetect", value, sizeof(value)) &&
	    strcasecmp(value, "off") != 0) {
		n->detects = true;
		snprintf(n->detected, sizeof(n->detected), "%.60s", value);
	}
	if (slurm_line_get(line, "Name", value, sizeof(value)) &&
	    !strcasecmp(value, "gpu") &&
	    (slurm_line_get(line, "Cores", value, sizeof(value)) ||
	     slurm_line_get(line, "CPUs", value, sizeof(value))))
		check_sockets(n, line, hosts, value);
	return GT_OK;
}

/* ---- kinds ---- */

/* Letters and digits in lower case. */
static void squeeze(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text && used + 1 < size; text++)
		if (isalnum((unsigned char)*text))
			out[used++] = (char)tolower((unsigned char)*text);
	out[used] = '\0';
}

/* Whether a Type= that names a GPU model contradicts the topology's. */
static bool types_differ(const struct live_kind *kind, char *type, size_t size,
			 const char **model)
{
	char word[LIVE_NAMES], name[64];
	int link, pcie;

	for (int e = 0; e < kind->entries; e++) {
		const struct live_entry *entry = &kind->entry[e];

		if (entry->instance || !*entry->type || !entry->bits)
			continue;
		*model = gt_node_gpu(kind->node,
				     kind->to_model[__builtin_ctzll(entry->bits)])
				 ->model;
		squeeze(entry->type, word, sizeof(word));
		squeeze(*model, name, sizeof(name));
		if (!*name || strstr(name, word) || strstr(word, name) ||
		    !gt_gpu_model_speeds(entry->type, &link, &pcie))
			continue;
		snprintf(type, size, "%s", entry->type);
		return true;
	}
	return false;
}

/* AutoDetect=nvml finds no AMD GPU, rsmi no NVIDIA one. */
static bool detects_others(const struct nodes *n, const char *model)
{
	bool amd = strcasestr(model, "MI2") || strcasestr(model, "MI3") ||
		   strcasestr(model, "Instinct") || strcasestr(model, "MI1");

	return *model && n->detects &&
	       ((amd && !strcasecmp(n->detected, "nvml")) ||
		(!amd && !strcasecmp(n->detected, "rsmi")));
}

static int line_of_topology(const struct nodes *n, const struct live_kind *kind)
{
	const char *spec;
	int line = 0;

	for (int i = 0; (spec = gp_conf_topology(n->check->conf, i, &line)); i++)
		if (spec == kind->settings.topology)
			return line;
	return 0;
}

static bool all_equal(const struct gt_node *node)
{
	for (int a = 0; a < gt_node_size(node); a++)
		for (int b = 0; b < a; b++)
			if (gt_node_links(node, a, b) != gt_node_links(node, 0, 1) ||
			    gt_node_pair_mbps(node, a, b) !=
				    gt_node_pair_mbps(node, 0, 1))
				return false;
	return true;
}

static const char *choice_text(const struct live_kind *kind)
{
	if (kind->settings.mode == GP_MODE_OFF)
		return "Mode=off";
	if (!kind->node)
		return live_why_text(kind);
	if (!kind->whole)
		return "MIG instances: chosen by MigPolicy=";
	if (kind->in_mig == kind->whole)
		return "in MIG mode: --mig gives slices";
	if (gt_node_size(kind->node) < 2)
		return "one GPU: node choice only";
	if (all_equal(kind->node))
		return "all sets equal: node choice only";
	return gt_node_fabric(kind->node) == GT_FABRIC_PCIE
		       ? "no links, PCIe paths differ: GPUs and nodes are chosen"
		       : "sets differ: GPUs and nodes are chosen";
}

/* What one kind of nodes lacks; said where its first node comes from. */
static void check_kind(struct nodes *n, const struct live_kind *kind, int first,
		       const char *hosts)
{
	const struct origin *origin = &n->origin[first];
	char type[LIVE_NAMES];
	const char *model = "";
	int whole = __builtin_popcountll(kind->whole);

	if (kind->settings.mode == GP_MODE_OFF)
		return;
	if (kind->why == GP_NO_TOPOLOGY && kind->instance)
		check_notice(n->check, origin->file, origin->line,
			     "%.200s: MIG instances without a node file: which of them "
			     "share a GPU is open; write one and name it by Topology=",
			     hosts);
	else if (kind->why == GP_NO_TOPOLOGY && whole > 1 && n->detects)
		check_notice(n->check, origin->file, origin->line,
			     "%.200s: %d GPUs, whose links only AutoDetect=%s shows to "
			     "slurmctld; NVSwitch machines need Topology=",
			     hosts, whole, n->detected);
	else if (kind->why == GP_NO_TOPOLOGY && whole > 1)
		check_notice(n->check, origin->file, origin->line,
			     "%.200s: %d GPUs without Topology= or Links=: Slurm alone "
			     "chooses among them",
			     hosts, whole);
	else if (kind->why == GP_SIZE && n->detects)
		check_problem(n->check, origin->file, origin->line,
			      "%.200s: %d GPUs in Gres=, but Topology=%.100s has another "
			      "number",
			      hosts, kind->gpus, kind->settings.topology);
	else if (kind->why == GP_PERMUTED || kind->why == GP_LIMIT)
		check_problem(n->check, origin->file, origin->line, "%.200s: %s", hosts,
			      gp_reason_text(kind->why));
	if (!kind->node || !kind->settings.topology)
		return;
	if (types_differ(kind, type, sizeof(type), &model))
		check_problem(
			n->check, n->check->conf_path, line_of_topology(n, kind),
			"%.200s: Topology=%.100s is of %s, but Type= in Gres= is %s",
			hosts, kind->settings.topology, model, type);
	else if (detects_others(n, gt_node_gpu(kind->node, 0)->model))
		check_problem(n->check, n->check->conf_path, line_of_topology(n, kind),
			      "%.200s: Topology=%.100s is of %s, but gres.conf has "
			      "AutoDetect=%s",
			      hosts, kind->settings.topology,
			      gt_node_gpu(kind->node, 0)->model, n->detected);
}

static void sum_up(struct nodes *n, const struct live_kind *kind, const char *hosts,
		   int count)
{
	const char *model = kind->node ? gt_node_gpu(kind->node, 0)->model : "";
	bool shown = *model && !strcasestr(kind->label, model);

	if (!n->check->findings)
		printf("%s: %s%s%s%s: %s\n", hosts, kind->label, shown ? " (" : "",
		       shown ? model : "", shown ? ")" : "", choice_text(kind));
	json_array_append_new(n->check->types,
			      json_pack("{ss, si, ss, ss, ss, ss}", "nodes", hosts,
					"count", count, "type", kind->label, "model",
					model, "mode", gp_mode_name(kind->settings.mode),
					"choice", choice_text(kind)));
}

static void check_kinds(struct nodes *n)
{
	const char **names = calloc((size_t)n->live.nodes + 1, sizeof(*names));

	for (int k = 0; names && k < n->live.kinds; k++) {
		const struct live_kind *kind = n->live.kind[k];
		int count = 0, first = -1;
		char *hosts;

		for (int i = 0; i < n->live.nodes; i++)
			if (n->live.node[i].kind == kind) {
				names[count++] = n->live.node[i].name;
				first = first < 0 ? i : first;
			}
		hosts = count ? live_fold(names, count) : NULL;
		if (!hosts)
			continue;
		check_kind(n, kind, first, hosts);
		sum_up(n, kind, hosts, count);
		free(hosts);
	}
	free(names);
}

void check_nodes(struct check *check)
{
	struct nodes *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->check = check;
	if (check->slurm_path[0] &&
	    !slurm_conf_walk(check->slurm_path, take_line, n, NULL)) {
		check_conf_names(n);
		if (check->gres_path[0])
			slurm_conf_walk(check->gres_path, take_gres, n, NULL);
		if (!live_bind_files(&n->live, check->conf, check->gres_path, NULL))
			check_kinds(n);
	}
	live_release(&n->live);
	for (int i = 0; i < n->origins; i++)
		free(n->origin[i].file);
	free(n->origin);
	free(n->said.what);
	free(n);
}
