/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --mig needs of slurm.conf, gres.conf and plugstack.conf: one shard for each memory
 * slice, the job_submit plugin, the prolog at the time of allocation, the option itself.
 * A file that is not there is no problem: it may stand on another host.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check.h"
#include "cli/slurm_conf.h"
#include "plugin/hosts.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX	 400
#define PLUGIN_FILE	 "spank_gputopo.so"
#define TWO_HASHES(a, b) (((a) ^ (b)) * 0x100000001b3u)

/* A cluster-wide key of slurm.conf; file NULL: it is not there. */
struct key {
	const char *name;
	char *value;
	char *file;
	int line;
};

enum { PROLOG, SUBMIT, TYPES, STACK, DYNAMIC, KEYS };

/* A NodeName= line of slurm.conf, or a shard's line of gres.conf. */
struct row {
	char *file;
	int line;
	char *hosts; /* NULL: all nodes */
	char *gres;  /* slurm.conf: Gres=, NULL: none; gres.conf: File=, NULL: none */
	long count;  /* gres.conf: Count=, -1: no number */
};

struct rows {
	struct row *row;
	int count, room;
};

/* What a topology has to give. */
struct slices {
	const char *spec;
	int gpus;  /* all of the node */
	int mig;   /* those in MIG mode that are not cut */
	int units; /* memory slices of each of these */
	bool is_mig[GT_MAX_GPUS];
};

struct mig {
	struct check *check;
	struct key key[KEYS];
	struct rows nodes, shards;
	char *default_gres; /* of NodeName=DEFAULT */
	bool read;	    /* slurm.conf and gres.conf were looked at */
	bool has_nodes, has_shards;
	/* what was said or looked at already */
	uint64_t *seen;
	int seen_count, seen_room;
	/* of the line of gputopo.conf at hand */
	struct slices slices;
	const char *spec; /* the same pointer as in gputopo.conf */
	int covered;	  /* its nodes that are to give slices */
	int known;	  /* those of them that slurm.conf names */
};

/* ---- once ---- */

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = TWO_HASHES(hash, (unsigned char)*text);
	return hash;
}

/* Is this the first time? Without memory it always is. */
static bool is_new(struct mig *m, uint64_t what)
{
	for (int i = 0; i < m->seen_count; i++)
		if (m->seen[i] == what)
			return false;
	if (m->seen_count == m->seen_room) {
		int room = m->seen_room ? 2 * m->seen_room : 64;
		uint64_t *more = realloc(m->seen, (size_t)room * sizeof(*more));

		if (!more)
			return true;
		m->seen = more;
		m->seen_room = room;
	}
	m->seen[m->seen_count++] = what;
	return true;
}

/* One line for all hosts with the same problem, with the name of the first. */
__attribute__((format(printf, 5, 6))) static void
say(struct mig *m, const char *file, int line, const char *host, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (is_new(m,
		   TWO_HASHES(TWO_HASHES(hash_of(file), hash_of(text)), (uint64_t)line)))
		check_problem(m->check, file, line, "%s%s%s", host, *host ? ": " : "",
			      text);
}

/* ---- reading ---- */

static struct row *add_row(struct rows *rows, const struct slurm_line *line,
			   const char *hosts, const char *gres)
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
	row = &rows->row[rows->count];
	*row = (struct row){
		.file = strdup(line->file),
		.line = line->number,
		.hosts = hosts ? strdup(hosts) : NULL,
		.gres = gres ? strdup(gres) : NULL,
	};
	rows->count++;
	return row;
}

static void free_rows(struct rows *rows)
{
	for (int i = 0; i < rows->count; i++) {
		free(rows->row[i].file);
		free(rows->row[i].hosts);
		free(rows->row[i].gres);
	}
	free(rows->row);
}

static void take_node(struct mig *m, const struct slurm_line *line, const char *hosts)
{
	static char gres[SLURM_VALUE_MAX];
	bool given = slurm_line_get(line, "Gres", gres, sizeof(gres));

	if (strcasecmp(hosts, "DEFAULT") == 0) {
		if (given) {
			free(m->default_gres);
			m->default_gres = strdup(gres);
		}
		return;
	}
	if (gp_hosts_valid(hosts))
		add_row(&m->nodes, line, hosts, given ? gres : m->default_gres);
	else
		say(m, line->file, line->number, "", "'%.200s' are no node names", hosts);
}

static void take_slurm_line(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	struct mig *m = arg;

	if (slurm_line_get(line, "NodeName", value, sizeof(value))) {
		take_node(m, line, value);
		return;
	}
	for (int i = 0; i < KEYS; i++) {
		struct key *key = &m->key[i];

		if (!slurm_line_get(line, key->name, value, sizeof(value)))
			continue;
		free(key->value);
		free(key->file);
		key->value = strdup(value);
		key->file = strdup(line->file);
		key->line = line->number;
	}
}

/* A number as Slurm writes it, with K, M, ... for powers of 1024; -1: it is none. */
static long read_count(const char *text)
{
	static const char suffixes[] = "KMGT";
	char *end;
	long count = strtol(text, &end, 10);
	const char *suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;

	if (!isdigit((unsigned char)*text) || count > 1 << 20)
		return -1;
	if (suffix) {
		count <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	return *end ? -1 : count;
}

static void take_gres_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX], file[SLURM_VALUE_MAX];
	struct mig *m = arg;
	char value[64];
	struct row *row;
	bool named, has_file;

	if (!slurm_line_get(line, "Name", value, sizeof(value)) ||
	    strcasecmp(value, "shard") != 0)
		return;
	named = slurm_line_get(line, "NodeName", hosts, sizeof(hosts));
	has_file = slurm_line_get(line, "File", file, sizeof(file));
	if ((named && !gp_hosts_valid(hosts)) || (has_file && !gp_hosts_valid(file))) {
		say(m, line->file, line->number, "", "'%.200s' are no %s",
		    named && !gp_hosts_valid(hosts) ? hosts : file,
		    named && !gp_hosts_valid(hosts) ? "node names" : "device files");
		return;
	}
	row = add_row(&m->shards, line, named ? hosts : NULL, has_file ? file : NULL);
	if (row && slurm_line_get(line, "Count", value, sizeof(value)))
		row->count = read_count(value);
	else if (row)
		row->count = 1;
}

/* What cannot be read is a problem; what is not there is none. */
static bool read_file(struct mig *m, const char *path,
		      void (*take)(const struct slurm_line *line, void *arg))
{
	struct gt_error err;

	if (!path[0])
		return false;
	if (slurm_conf_walk(path, take, m, &err) == GT_OK)
		return true;
	say(m, err.file[0] ? err.file : path, err.line, "", "%s", err.text);
	return false;
}

static void read_files(struct mig *m)
{
	if (m->read)
		return;
	m->read = true;
	m->has_nodes = read_file(m, m->check->slurm_path, take_slurm_line);
	m->has_shards = read_file(m, m->check->gres_path, take_gres_line);
}

/* ---- the cluster ---- */

/* Say that a list of slurm.conf lacks a word. */
static void lacks(struct mig *m, int key, const char *word, const char *why)
{
	const struct key *k = &m->key[key];

	if (k->value)
		say(m, k->file, k->line, "", "%s=%.100s has no %s: %s", k->name, k->value,
		    word, why);
	else
		say(m, m->check->slurm_path, 0, "", "no %s=%s: %s", k->name, word, why);
}

static bool key_has(const struct mig *m, int key, const char *word)
{
	return m->key[key].value && slurm_list_has(m->key[key].value, word);
}

static void check_keys(struct mig *m)
{
	/* Slurm takes these for Alloc too. */
	static const char *const alloc[] = {"Alloc", "Contain", "X11", "RunInJob",
					    "ForceRequeueOnFail"};
	size_t i = 0;

	while (i < sizeof(alloc) / sizeof(alloc[0]) && !key_has(m, PROLOG, alloc[i]))
		i++;
	if (i == sizeof(alloc) / sizeof(alloc[0]))
		lacks(m, PROLOG, "Alloc",
		      "the prolog of salloc and srun makes no MIG instance in time");
	if (!key_has(m, SUBMIT, "gputopo") && !key_has(m, SUBMIT, "job_submit/gputopo"))
		lacks(m, SUBMIT, "gputopo", "jobs with --mig get no slices");
	if (!key_has(m, TYPES, "gpu"))
		lacks(m, TYPES, "gpu", "Slurm gives away no GPUs");
	if (!key_has(m, TYPES, "shard"))
		lacks(m, TYPES, "shard", "a shard is a memory slice for --mig");
}

static void check_stack(struct mig *m)
{
	const struct key *key = &m->key[STACK];
	char path[CHECK_PATH_MAX];

	slurm_path(m->check->slurm_path, key->value ? key->value : "plugstack.conf", path,
		   sizeof(path));
	if (check_plugstack_lacks(path, PLUGIN_FILE))
		say(m, path, 0, "",
		    "no line with " PLUGIN_FILE ": nobody has the option --mig");
}

/* ---- a node in slurm.conf ---- */

/* The shards in "gpu:2,shard:16(S:0)"; -1: there are none. */
static long shards_in(const char *gres)
{
	long sum = -1;

	while (gres && *gres) {
		size_t length = strcspn(gres, ",");
		char word[256];
		char *colon, *paren;
		long count;

		snprintf(word, sizeof(word), "%.*s",
			 (int)(length < sizeof(word) ? length : sizeof(word) - 1), gres);
		gres += length + (gres[length] == ',');
		paren = strchr(word, '(');
		if (paren)
			*paren = '\0';
		if (strncasecmp(word, "shard", 5) != 0 || (word[5] && word[5] != ':'))
			continue;
		colon = strrchr(word, ':');
		count = colon ? read_count(colon + 1) : 1;
		sum = (sum < 0 ? 0 : sum) + (count < 0 ? 1 : count);
	}
	return sum;
}

static const struct row *row_of(const struct rows *rows, const char *host)
{
	for (int i = 0; i < rows->count; i++)
		if (rows->row[i].hosts && gp_hosts_match(rows->row[i].hosts, host))
			return &rows->row[i];
	return NULL;
}

/* GPUs that are not in MIG mode may have shards of their own. */
static void check_node(struct mig *m, const char *host)
{
	const struct slices *s = &m->slices;
	const struct row *row = row_of(&m->nodes, host);
	long wanted = (long)s->mig * s->units, has;

	if (!row)
		return;
	m->known++;
	has = shards_in(row->gres);
	if (has == wanted || (has > wanted && s->mig < s->gpus))
		return;
	if (has < 0)
		say(m, row->file, row->line, host,
		    "Gres= has no shard: shard:%ld is wanted, %d memory slices on each "
		    "of %d GPUs in MIG mode (Topology=%.100s)",
		    wanted, s->units, s->mig, s->spec);
	else
		say(m, row->file, row->line, host,
		    "Gres= has shard:%ld, but %ld are wanted: %d memory slices on each "
		    "of %d GPUs in MIG mode (Topology=%.100s)",
		    has, wanted, s->units, s->mig, s->spec);
}

/* ---- a node in gres.conf ---- */

/* /dev/nvidia12: 12; GT_UNKNOWN: no number. */
static int minor_of(const char *file)
{
	size_t at = strlen(file);

	while (at > 0 && isdigit((unsigned char)file[at - 1]))
		at--;
	return file[at] && strlen(file + at) < 7 ? atoi(file + at) : GT_UNKNOWN;
}

struct device {
	int minor;
	int position; /* among those of its line, from 0 */
	bool found;
};

static bool look_at_device(const char *name, void *arg)
{
	struct device *device = arg;

	device->found |= device->minor == minor_of(name);
	device->position++;
	return true;
}

/* The line of a device, and how many shards that gives it: Slurm divides Count= by the
 * files of the line. NULL: none. */
static const struct row *shards_of(const struct mig *m, const char *host, int minor,
				   long *count)
{
	for (int i = 0; i < m->shards.count; i++) {
		const struct row *row = &m->shards.row[i];
		struct device device = {.minor = minor};

		if (!row->gres || (row->hosts && !gp_hosts_match(row->hosts, host)))
			continue;
		gp_hosts_each(row->gres, look_at_device, &device);
		*count = row->count / device.position;
		if (device.found)
			return row;
	}
	return NULL;
}

/* The line without File=, whose shards Slurm spreads over all GPUs; NULL: none. */
static const struct row *loose_shards(const struct mig *m, const char *host)
{
	for (int i = 0; i < m->shards.count; i++) {
		const struct row *row = &m->shards.row[i];

		if (!row->gres && (!row->hosts || gp_hosts_match(row->hosts, host)))
			return row;
	}
	return NULL;
}

/* The lines that speak of this node, as one number; 0: none. */
static uint64_t lines_of(const struct mig *m, const char *host)
{
	uint64_t hash = 0;

	for (int i = 0; i < m->shards.count; i++) {
		const struct row *row = &m->shards.row[i];

		if (!row->hosts || gp_hosts_match(row->hosts, host))
			hash = TWO_HASHES(hash, (uint64_t)i + 1);
	}
	return hash;
}

static void check_devices(struct mig *m, const char *host, const struct gt_node *gres)
{
	const struct slices *s = &m->slices;
	const char *path = m->check->gres_path;

	for (int g = 0; g < s->gpus; g++) {
		int minor = gt_node_gpu(gres, g)->minor;
		const struct row *row;
		long count;

		if (!s->is_mig[g] || minor < 0)
			continue;
		row = shards_of(m, host, minor, &count);
		if (!row)
			say(m, path, 0, host,
			    "no Name=shard line with the File= of GPU %d (%d): Count=%d "
			    "is wanted",
			    g, minor, s->units);
		else if (count != s->units)
			say(m, row->file, row->line, host,
			    "%ld shards for GPU %d, but it has %d memory slices "
			    "(Topology=%.100s)",
			    count, g, s->units, s->spec);
	}
}

/* Does slurm.conf alone give each GPU of the node what it needs? */
static bool are_enough_spread(const struct mig *m, const char *host)
{
	const struct row *row = row_of(&m->nodes, host);

	return row && shards_in(row->gres) == (long)m->slices.gpus * m->slices.units;
}

/* Nodes with the same lines are looked at once. */
static void check_shards(struct mig *m, const char *host)
{
	struct gt_load_options options = {.format = "gres", .node_name = host};
	const struct slices *s = &m->slices;
	const char *path = m->check->gres_path;
	uint64_t lines = lines_of(m, host);
	const struct row *loose = loose_shards(m, host);
	struct gt_node *gres;

	/* Slurm itself spreads the shards of slurm.conf */
	if (!lines && !are_enough_spread(m, host))
		say(m, path, 0, host,
		    "no Name=shard line: one with Count=%d is wanted for each of %d GPUs "
		    "in MIG mode (Topology=%.100s)",
		    s->units, s->mig, s->spec);
	if (!lines || !is_new(m, TWO_HASHES(lines, (uintptr_t)m->spec)))
		return;
	if (loose) {
		if (loose->count != (long)s->gpus * s->units)
			say(m, loose->file, loose->line, host,
			    "%ld shards for %d GPUs: Slurm spreads them evenly, and %d "
			    "memory slices each are wanted",
			    loose->count, s->gpus, s->units);
		return;
	}
	/* without lines of GPUs AutoDetect finds them */
	if (gt_node_load(&gres, path, &options, NULL))
		return;
	if (gt_node_size(gres) == s->gpus)
		check_devices(m, host, gres);
	gt_node_free(gres);
}

/* ---- a line of gputopo.conf ---- */

static bool is_cut(const struct gt_node *node, int gpu)
{
	for (int i = 0; i < gt_node_instance_count(node); i++)
		if (gt_node_instance(node, i)->gpu == gpu)
			return true;
	return false;
}

/* GPUs in MIG mode that wait to be cut. One node has one model of them. */
static void survey(struct mig *m, const struct gt_node *node, int line)
{
	struct slices *s = &m->slices;
	const struct gt_mig_gpu *table = NULL, *own;

	s->gpus = gt_node_size(node);
	for (int g = 0; g < s->gpus; g++) {
		const struct gt_gpu *gpu = gt_node_gpu(node, g);

		if (!gpu->mig || is_cut(node, g))
			continue;
		if (gt_mig_gpu_find(&own, gpu->model, NULL)) {
			say(m, m->check->conf_path, line, "",
			    "Topology=%.100s: GPU %d is in MIG mode, but no table of MIG "
			    "profiles is known for '%.60s'",
			    s->spec, g, gpu->model);
			continue;
		}
		if (table && own != table) {
			say(m, m->check->conf_path, line, "",
			    "Topology=%.100s: GPUs of several models are in MIG mode: "
			    "--mig uses none of them",
			    s->spec);
			s->mig = 0;
			return;
		}
		table = own;
		s->units = own->units;
		s->is_mig[g] = true;
		s->mig++;
	}
}

static bool visit_host(const char *host, void *arg)
{
	struct mig *m = arg;
	struct gp_settings settings;

	gp_conf_node(m->check->conf, host, &settings);
	if (settings.topology != m->spec || settings.mode == GP_MODE_OFF)
		return true;
	read_files(m);
	m->covered++;
	if (m->has_nodes)
		check_node(m, host);
	if (m->has_shards)
		check_shards(m, host);
	return true;
}

static void check_line(struct mig *m, int i, int line)
{
	char path[CHECK_PATH_MAX];
	struct gt_node *node;

	memset(&m->slices, 0, sizeof(m->slices));
	m->slices.spec = m->spec;
	m->covered = m->known = 0;
	check_topology_path(m->check, m->spec, path);
	if (gt_node_load(&node, path, NULL, NULL))
		return; /* said already */
	survey(m, node, line);
	gt_node_free(node);
	if (m->slices.mig)
		gp_hosts_each(gp_conf_hosts(m->check->conf, i), visit_host, m);
	/* nodes that come by themselves (MaxNodeCount=) need no line */
	if (m->covered && m->has_nodes && !m->known && !m->key[DYNAMIC].value)
		say(m, m->check->conf_path, line, "",
		    "none of these nodes, which have GPUs in MIG mode, is in %.200s",
		    m->check->slurm_path);
}

void check_mig(struct check *check)
{
	struct mig m = {.check = check,
			.key = {[PROLOG] = {.name = "PrologFlags"},
				[SUBMIT] = {.name = "JobSubmitPlugins"},
				[TYPES] = {.name = "GresTypes"},
				[STACK] = {.name = "PlugStackConfig"},
				[DYNAMIC] = {.name = "MaxNodeCount"}}};
	int line = 0;

	for (int i = 0; (m.spec = gp_conf_topology(check->conf, i, &line)); i++)
		check_line(&m, i, line);
	if (m.has_nodes) {
		check_keys(&m);
		check_stack(&m);
	}
	for (int i = 0; i < KEYS; i++) {
		free(m.key[i].value);
		free(m.key[i].file);
	}
	free_rows(&m.nodes);
	free_rows(&m.shards);
	free(m.default_gres);
	free(m.seen);
}
