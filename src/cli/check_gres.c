/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_gres.c - the GPU lines of gres.conf: what Slurm refuses in them, and what they
 * say against the topology that gputopo.conf names for the node. Called by gputopo check.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check.h"
#include "conf/gres_conf.h"
#include "conf/slurm_conf.h"
#include "core/append.h"
#include "core/fnv.h"
#include "core/hostlist.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define STEPS_MAX 1000000 /* of the search for an order that fits */
#define LINKS_MAX 64	  /* GPUs of a node whose Links= are compared with one another */

/* ---- against the topology ---- */

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

static void check_topology_of(struct check *check, const char *host, int line)
{
	struct gt_load_options options = {.node_name = *host ? host : NULL};
	struct gp_settings settings;
	struct gt_node *gres, *node;
	char path[CHECK_PATH_MAX];
	struct gt_error err;

	gp_conf_node(check->conf, host, &settings);
	if (!settings.topology || settings.mode == GP_MODE_OFF)
		return;
	check_topology_path(check, settings.topology, path);
	if (gt_node_load_site(&node, path, &settings.read, NULL))
		return; /* said already */
	if (gp_gres_load(&gres, check->gres_path, &options, &err)) {
		check_problem(check, err.line ? err.file : check->gres_path,
			      err.line ? err.line : line, "%s", err.text);
	} else {
		compare(check, host, line, gres, node, settings.topology);
		gt_node_free(gres);
	}
	gt_node_free(node);
}

/* ---- the lines ---- */

/* A Name=gpu line of gres.conf, or a NodeName= line of slurm.conf. */
struct row {
	char *file;
	int line;
	char *hosts;	/* NULL: all nodes */
	char *links;	/* NULL: none */
	int devices;	/* GPUs or instances of the line, 0: AutoDetect's */
	bool no_file;	/* neither File= nor MultipleFiles= */
	bool bad_links; /* said already */
	long cores;	/* slurm.conf: of the node, 0: not said */
};

struct rows {
	struct row *row;
	int count, room;
};

struct lines {
	struct check *check;
	struct rows gpus, nodes;
	long default_cores;
	bool detects; /* some line has AutoDetect= other than off, which finds files */
	struct check_seen seen;
};

static struct row *add_row(struct rows *rows, const struct slurm_line *line,
			   const char *hosts)
{
	int room = rows->room ? 2 * rows->room : 64;
	struct row *row;

	if (rows->count == rows->room) {
		row = realloc(rows->row, (size_t)room * sizeof(*row));
		if (!row)
			return NULL;
		rows->row = row;
		rows->room = room;
	}
	row = &rows->row[rows->count++];
	*row = (struct row){.file = strdup(line->file),
			    .line = line->number,
			    .hosts = hosts ? strdup(hosts) : NULL};
	return row;
}

static void free_rows(struct rows *rows)
{
	for (int i = 0; i < rows->count; i++) {
		free(rows->row[i].file);
		free(rows->row[i].hosts);
		free(rows->row[i].links);
	}
	free(rows->row);
}

static bool names_host(const struct row *row, const char *host)
{
	return !row->hosts || gt_hostlist_has(row->hosts, host);
}

/* ---- slurm.conf: cores of a node ---- */

static long number_of(const struct slurm_line *line, const char *key, long without)
{
	char value[32];

	return slurm_line_get(line, key, value, sizeof(value)) ? atol(value) : without;
}

/* As slurmctld counts them; without Sockets= and CoresPerSocket= by CPUs= and threads. */
static long cores_of(const struct slurm_line *line, long without)
{
	long threads = number_of(line, "ThreadsPerCore", 1);
	long per_socket = number_of(line, "CoresPerSocket", 0);
	long sockets = number_of(line, "Sockets", 0);
	long cpus = number_of(line, "CPUs", number_of(line, "Procs", 0));

	if (!sockets)
		sockets = number_of(line, "SocketsPerBoard", 0) *
			  number_of(line, "Boards", 1);
	if (sockets > 0 || per_socket > 0)
		return (sockets > 0 ? sockets : 1) * (per_socket > 0 ? per_socket : 1);
	return cpus > 0 && threads > 0 ? cpus / threads : without;
}

static enum gt_err take_node_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX];
	struct lines *lines = arg;
	long cores;
	struct row *row;

	if (!slurm_line_get(line, "NodeName", hosts, sizeof(hosts)))
		return GT_OK;
	cores = cores_of(line, lines->default_cores);
	if (!strcasecmp(hosts, "DEFAULT")) {
		lines->default_cores = cores;
		return GT_OK;
	}
	row = add_row(&lines->nodes, line, hosts);
	if (!row)
		return GT_ENOMEM;
	row->cores = cores;
	return GT_OK;
}

/* The least cores of the nodes that a line of gres.conf names; 0: not known. */
static long cores_for(const struct lines *lines, const char *host)
{
	for (int i = lines->nodes.count - 1; i >= 0; i--)
		if (!*host || names_host(&lines->nodes.row[i], host))
			return lines->nodes.row[i].cores;
	return 0;
}

/* ---- Links= ---- */

/* Values of "-1,4,0" one after the other; empty ones are skipped, as strtok does in
 * Slurm. false: the end, or with *bad no count. */
static bool next_link(const char **at, long *value, bool *bad)
{
	char *end;

	*at += strspn(*at, ",");
	if (!**at)
		return false;
	*value = strtol(*at, &end, 10);
	*bad = end == *at || (*end && *end != ',') || *value < -1 ||
	       *value > GT_MAX_LINKS;
	*at = end;
	return !*bad;
}

/* Values of a Links=, the place of its -1 in *self; -1: Slurm refuses it. */
static int count_links(const char *links, int *self)
{
	long value;
	int count = 0;
	bool bad = false;

	*self = -1;
	while (next_link(&links, &value, &bad)) {
		if (value == -1 && *self >= 0)
			return -1;
		if (value == -1)
			*self = count;
		count++;
	}
	return bad || *self < 0 ? -1 : count;
}

static void check_links_word(struct lines *lines, struct row *row)
{
	int self;

	if (row->devices > 1)
		check_problem(
			lines->check, row->file, row->line,
			"Links= describes one GPU, but the line has %d: write a line "
			"for each",
			row->devices);
	else if (count_links(row->links, &self) < 0)
		check_problem(
			lines->check, row->file, row->line,
			"Links=%.100s is invalid: write one count of links for each "
			"GPU of the node, -1 for the GPU itself",
			row->links);
	else if (strstr(row->links, ",,") || row->links[0] == ',')
		check_problem(lines->check, row->file, row->line,
			      "Links=%.100s has an empty value, which Slurm skips: the "
			      "counts behind it move to other GPUs",
			      row->links);
	else
		return;
	row->bad_links = true;
}

/* The links of the line at hand towards each place. */
static void fill_links(const struct row *row, long out[LINKS_MAX], int n)
{
	const char *at = row->links;
	bool bad = false;
	long value;

	for (int i = 0; i < n; i++)
		out[i] = 0;
	for (int i = 0; i < n && next_link(&at, &value, &bad); i++)
		out[i] = value;
}

/* Two lines of a node that do not agree; false: nothing to say. */
static bool check_pair(struct lines *lines, const char *host, const struct row *a,
		       const struct row *b, int n)
{
	const char *colon = *host ? ": " : "";
	long links_a[LINKS_MAX], links_b[LINKS_MAX];
	int self_a, self_b;

	count_links(a->links, &self_a);
	count_links(b->links, &self_b);
	if (self_a == self_b) {
		check_problem(
			lines->check, b->file, b->line,
			"%s%sthe -1 of Links= is at place %d, where line %d has it: "
			"each GPU has its own place",
			host, colon, self_b + 1, a->line);
		return true;
	}
	fill_links(a, links_a, n);
	fill_links(b, links_b, n);
	if (self_a >= n || self_b >= n || links_a[self_b] == links_b[self_a])
		return false;
	check_problem(
		lines->check, b->file, b->line,
		"%s%sLinks= counts %ld links to the GPU of line %d, which counts %ld "
		"back",
		host, colon, links_b[self_a], a->line, links_a[self_b]);
	return true;
}

/* The Links= of one node's lines. true: something was said of them. */
static bool check_links(struct lines *lines, const char *host)
{
	const char *colon = *host ? ": " : "";
	const struct row *mine[LINKS_MAX];
	int count = 0, gpus = 0, self;
	bool said = false;

	for (int i = 0; i < lines->gpus.count; i++) {
		const struct row *row = &lines->gpus.row[i];

		if (!names_host(row, host))
			continue;
		gpus += row->devices;
		said |= row->bad_links;
		if (row->links && !row->bad_links && count < LINKS_MAX)
			mine[count++] = row;
	}
	for (int i = 0; i < count && gpus <= LINKS_MAX; i++) {
		int values = count_links(mine[i]->links, &self);

		if (values > gpus) {
			check_problem(
				lines->check, mine[i]->file, mine[i]->line,
				"%s%sLinks= has %d values, but the node has %d GPUs: "
				"slurmctld makes the node INVAL",
				host, colon, values, gpus);
			return true;
		}
		for (int j = 0; j < i; j++)
			if (check_pair(lines, host, mine[j], mine[i], gpus))
				return true;
	}
	return said;
}

/* ---- Cores= ---- */

/* A list such as 0-7,16; *highest is its greatest number. */
static bool read_cores(const char *text, long *highest)
{
	*highest = -1;
	while (*text) {
		char *end;
		long low = strtol(text, &end, 10), high = low;

		if (!isdigit((unsigned char)*text))
			return false;
		if (*end == '-' && isdigit((unsigned char)end[1]))
			high = strtol(end + 1, &end, 10);
		if (high < low || (*end && *end != ',') || high > 1 << 20)
			return false;
		*highest = high > *highest ? high : *highest;
		text = end + (*end == ',');
	}
	return *highest >= 0;
}

static enum gt_err keep_first(void *arg, const char *name)
{
	snprintf(arg, GT_HOST_NAME_MAX + 1, "%s", name);
	return GT_EINVAL; /* that is enough */
}

static void check_cores(struct lines *lines, const struct slurm_line *line,
			const char *cores, const char *hosts)
{
	char host[GT_HOST_NAME_MAX + 1] = "";
	long highest, limit;

	if (hosts)
		gt_hostlist_each(hosts, keep_first, host, NULL);
	limit = cores_for(lines, host);
	if (!read_cores(cores, &highest))
		check_problem(lines->check, line->file, line->number,
			      "Cores=%.100s is no list of cores, such as 0-15,32", cores);
	else if (limit && highest >= limit)
		check_problem(
			lines->check, line->file, line->number,
			"Cores=%.100s: %s has the cores 0-%ld: count cores, not CPUs "
			"(threads)",
			cores, *host ? host : "the node", limit - 1);
}

/* ---- gres.conf ---- */

static enum gt_err count_name(void *arg, const char *name)
{
	(void)name;
	++*(int *)arg;
	return GT_OK;
}

/* The GPUs or instances that a line stands for. */
static int devices_of(const struct slurm_line *line)
{
	static char files[SLURM_VALUE_MAX];
	int devices = 0;

	if (slurm_line_get(line, "MultipleFiles", files, sizeof(files)))
		return 1;
	if (slurm_line_get(line, "File", files, sizeof(files)))
		return gt_hostlist_each(files, count_name, &devices, NULL) ? 1 : devices;
	return (int)number_of(line, "Count", 0);
}

static enum gt_err take_gpu_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX], value[SLURM_VALUE_MAX];
	struct lines *lines = arg;
	struct row *row;
	bool named;

	if (slurm_line_get(line, "AutoDetect", value, sizeof(value)))
		lines->detects |= strcasecmp(value, "off") != 0;
	if (!slurm_line_get(line, "Name", value, sizeof(value)) ||
	    strcasecmp(value, "gpu") != 0)
		return GT_OK;
	named = slurm_line_get(line, "NodeName", hosts, sizeof(hosts));
	if (named && !gt_hostlist_is_valid(hosts)) {
		check_problem(lines->check, line->file, line->number,
			      "'%.200s' is not a list of node names", hosts);
		return GT_OK;
	}
	row = add_row(&lines->gpus, line, named ? hosts : NULL);
	if (!row)
		return GT_ENOMEM;
	row->devices = devices_of(line);
	row->no_file = !slurm_line_get(line, "File", value, sizeof(value)) &&
		       !slurm_line_get(line, "MultipleFiles", value, sizeof(value));
	if (slurm_line_get(line, "Links", value, sizeof(value)))
		row->links = strdup(value);
	if (row->links)
		check_links_word(lines, row);
	if (slurm_line_get(line, "Cores", value, sizeof(value)) ||
	    slurm_line_get(line, "CPUs", value, sizeof(value)))
		check_cores(lines, line, value, named ? hosts : NULL);
	return GT_OK;
}

/* The lines that speak of a node and the topology it has, as one number. */
static uint64_t kind_of(const struct lines *lines, const char *host)
{
	struct gp_settings settings;
	uint64_t hash = GT_FNV_START;

	gp_conf_node(lines->check->conf, host, &settings);
	hash = gt_fnv_mix(hash, (uintptr_t)settings.topology);
	hash = gt_fnv_mix(hash, (uint64_t)settings.mode);
	for (int i = 0; i < lines->gpus.count; i++)
		if (names_host(&lines->gpus.row[i], host))
			hash = gt_fnv_mix(hash, (uint64_t)i + 1);
	return hash;
}

struct visit {
	struct lines *lines;
	int line;
};

/* Nodes with the same lines and the same topology are alike: the first speaks for them.
 */
static enum gt_err check_host(void *arg, const char *host)
{
	struct visit *visit = arg;

	if (check_is_new(&visit->lines->seen, kind_of(visit->lines, host)) &&
	    !check_links(visit->lines, host))
		check_topology_of(visit->lines->check, host, visit->line);
	return GT_OK;
}

static void check_files(struct lines *lines)
{
	for (int i = 0; i < lines->gpus.count && !lines->detects; i++)
		if (lines->gpus.row[i].no_file)
			check_problem(lines->check, lines->gpus.row[i].file,
				      lines->gpus.row[i].line,
				      "no File=: slurmd ignores GPUs without a device "
				      "file, write File= or AutoDetect=");
}

static void check_hosts(struct lines *lines)
{
	bool named = false;

	check_files(lines);
	for (int i = 0; i < lines->gpus.count; i++) {
		struct visit visit = {lines, lines->gpus.row[i].line};

		if (!lines->gpus.row[i].hosts)
			continue;
		named = true;
		gt_hostlist_each(lines->gpus.row[i].hosts, check_host, &visit, NULL);
	}
	if (!named)
		check_host(&(struct visit){lines, 0}, "");
}

void check_gres(struct check *check)
{
	struct lines lines = {.check = check};
	struct gt_error err;

	/* what is wrong with slurm.conf is said where --mig needs it */
	if (check->slurm_path[0])
		slurm_conf_walk(check->slurm_path, take_node_line, &lines, NULL);
	if (slurm_conf_walk(check->gres_path, take_gpu_line, &lines, &err))
		check_problem(check, err.file[0] ? err.file : check->gres_path, err.line,
			      "%s", err.text);
	else
		check_hosts(&lines);
	free_rows(&lines.gpus);
	free_rows(&lines.nodes);
	free(lines.seen.what);
}
