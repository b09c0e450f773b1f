/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What slurm.conf and gres.conf say of GPUs in MIG mode, and what is said about it, once.
 * A file that is not there is no problem: it may stand on another host.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check_mig.h"
#include "conf/slurm_conf.h"
#include "core/fnv.h"
#include "core/hostlist.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 400

void mig_say(struct mig *m, const char *file, int line, const char *host, const char *fmt,
	     ...)
{
	char text[TEXT_MAX];
	uint64_t hash;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	hash = gt_fnv(gt_fnv(GT_FNV_START, file, strlen(file)), text, strlen(text));
	if (check_is_new(&m->seen, gt_fnv_mix(hash, (uint64_t)line)))
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

static enum gt_err pass_name(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return GT_OK;
}

/* Whether Slurm accepts this list of nodes. It refuses n[1-9999999], which we could
 * search. */
static bool names_nodes(const char *list)
{
	return gt_hostlist_each(list, pass_name, NULL, NULL) == GT_OK;
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
	if (names_nodes(hosts))
		add_row(&m->nodes, line, hosts, given ? gres : m->default_gres);
	else
		mig_say(m, line->file, line->number, "",
			"'%.200s' is not a list of node names", hosts);
}

static enum gt_err take_slurm_line(const struct slurm_line *line, void *arg)
{
	static char value[SLURM_VALUE_MAX];
	struct mig *m = arg;

	if (slurm_line_get(line, "NodeName", value, sizeof(value))) {
		take_node(m, line, value);
		return GT_OK;
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
	return GT_OK;
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

static enum gt_err take_gres_line(const struct slurm_line *line, void *arg)
{
	static char hosts[SLURM_VALUE_MAX], file[SLURM_VALUE_MAX];
	struct mig *m = arg;
	char value[64];
	struct mig_row *row;
	bool named, has_file;

	if (!slurm_line_get(line, "Name", value, sizeof(value)) ||
	    strcasecmp(value, "shard") != 0)
		return GT_OK;
	named = slurm_line_get(line, "NodeName", hosts, sizeof(hosts));
	has_file = slurm_line_get(line, "File", file, sizeof(file));
	if ((named && !gt_hostlist_is_valid(hosts)) ||
	    (has_file && !gt_hostlist_is_valid(file))) {
		mig_say(m, line->file, line->number, "", "'%.200s' is not a list of %s",
			named && !gt_hostlist_is_valid(hosts) ? hosts : file,
			named && !gt_hostlist_is_valid(hosts) ? "node names"
							      : "device files");
		return GT_OK;
	}
	row = add_row(&m->shards, line, named ? hosts : NULL, has_file ? file : NULL);
	if (row && slurm_line_get(line, "Count", value, sizeof(value)))
		row->count = mig_read_count(value);
	else if (row)
		row->count = 1;
	return GT_OK;
}

static bool read_file(struct mig *m, const char *path,
		      enum gt_err (*take)(const struct slurm_line *line, void *arg))
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
	free(m->seen.what);
}
