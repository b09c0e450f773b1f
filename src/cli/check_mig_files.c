/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What slurm.conf and gres.conf say of GPUs in MIG mode, and what is said about it, once.
 * A file that is not there is no problem: it may stand on another host.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check_mig.h"
#include "cli/slurm_conf.h"
#include "conf/hosts.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 400

/* ---- once ---- */

uint64_t mig_mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = mig_mix(hash, (unsigned char)*text);
	return hash;
}

bool mig_is_new(struct mig *m, uint64_t what)
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

void mig_say(struct mig *m, const char *file, int line, const char *host, const char *fmt,
	     ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (mig_is_new(m, mig_mix(mig_mix(hash_of(file), hash_of(text)), (uint64_t)line)))
		check_problem(m->check, file, line, "%s%s%s", host, *host ? ": " : "",
			      text);
}

/* ---- reading ---- */

static struct mig_row *add_row(struct mig_rows *rows, const struct slurm_line *line,
			       const char *hosts, const char *gres)
{
	int room = rows->room ? 2 * rows->room : 64;
	struct mig_row *row;

	if (rows->count == rows->room) {
		row = realloc(rows->row, (size_t)room * sizeof(*row));
		if (!row)
			return NULL;
		rows->row = row;
		rows->room = room;
	}
	row = &rows->row[rows->count];
	*row = (struct mig_row){
		.file = strdup(line->file),
		.line = line->number,
		.hosts = hosts ? strdup(hosts) : NULL,
		.gres = gres ? strdup(gres) : NULL,
	};
	rows->count++;
	return row;
}

static void free_rows(struct mig_rows *rows)
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
		mig_say(m, line->file, line->number, "", "'%.200s' are no node names",
			hosts);
}

static void take_slurm_line(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	struct mig *m = arg;

	if (slurm_line_get(line, "NodeName", value, sizeof(value))) {
		take_node(m, line, value);
		return;
	}
	for (int i = 0; i < MIG_KEYS; i++) {
		struct mig_key *key = &m->key[i];

		if (!slurm_line_get(line, key->name, value, sizeof(value)))
			continue;
		free(key->value);
		free(key->file);
		key->value = strdup(value);
		key->file = strdup(line->file);
		key->line = line->number;
	}
}

long mig_read_count(const char *text)
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
	struct mig_row *row;
	bool named, has_file;

	if (!slurm_line_get(line, "Name", value, sizeof(value)) ||
	    strcasecmp(value, "shard") != 0)
		return;
	named = slurm_line_get(line, "NodeName", hosts, sizeof(hosts));
	has_file = slurm_line_get(line, "File", file, sizeof(file));
	if ((named && !gp_hosts_valid(hosts)) || (has_file && !gp_hosts_valid(file))) {
		mig_say(m, line->file, line->number, "", "'%.200s' are no %s",
			named && !gp_hosts_valid(hosts) ? hosts : file,
			named && !gp_hosts_valid(hosts) ? "node names" : "device files");
		return;
	}
	row = add_row(&m->shards, line, named ? hosts : NULL, has_file ? file : NULL);
	if (row && slurm_line_get(line, "Count", value, sizeof(value)))
		row->count = mig_read_count(value);
	else if (row)
		row->count = 1;
}

static bool read_file(struct mig *m, const char *path,
		      void (*take)(const struct slurm_line *line, void *arg))
{
	struct gt_error err;

	if (!path[0])
		return false;
	if (slurm_conf_walk(path, take, m, &err) == GT_OK)
		return true;
	mig_say(m, err.file[0] ? err.file : path, err.line, "", "%s", err.text);
	return false;
}

void mig_read_files(struct mig *m)
{
	if (m->read)
		return;
	m->read = true;
	m->has_nodes = read_file(m, m->check->slurm_path, take_slurm_line);
	m->has_shards = read_file(m, m->check->gres_path, take_gres_line);
}

void mig_free_files(struct mig *m)
{
	for (int i = 0; i < MIG_KEYS; i++) {
		free(m->key[i].value);
		free(m->key[i].file);
	}
	free_rows(&m->nodes);
	free_rows(&m->shards);
	free(m->default_gres);
	free(m->seen);
}
