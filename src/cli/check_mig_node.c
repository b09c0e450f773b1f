/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One shard for each memory slice of a node's GPUs in MIG mode: in Gres= of slurm.conf,
 * and by device in gres.conf.
 */
#define _GNU_SOURCE
#include "config.h"

#include "cli/check_mig.h"
#include "conf/gres_conf.h"
#include "core/fnv.h"
#include "core/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
		count = colon ? mig_read_count(colon + 1) : 1;
		sum = (sum < 0 ? 0 : sum) + (count < 0 ? 1 : count);
	}
	return sum;
}

static const struct mig_row *row_of(const struct mig_rows *rows, const char *host)
{
	for (int i = 0; i < rows->count; i++)
		if (rows->row[i].hosts && gt_hostlist_has(rows->row[i].hosts, host))
			return &rows->row[i];
	return NULL;
}

void mig_check_node(struct mig *m, const char *host)
{
	const struct mig_slices *s = &m->slices;
	const struct mig_row *row = row_of(&m->nodes, host);
	long wanted = (long)s->mig * s->units, has;

	if (!row)
		return;
	m->known++;
	has = shards_in(row->gres);
	if (has == wanted || (has > wanted && s->mig < s->gpus))
		return;
	if (has < 0)
		mig_say(m, row->file, row->line, host,
			"Gres= has no shard: add shard:%ld, %d memory slices on "
			"each "
			"of %d GPUs in MIG mode (Topology=%.100s)",
			wanted, s->units, s->mig, s->spec);
	else
		mig_say(m, row->file, row->line, host,
			"Gres= has shard:%ld, but needs %ld: %d memory slices on "
			"each "
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

static enum gt_err look_at_device(void *arg, const char *name)
{
	struct device *device = arg;

	device->found |= device->minor == minor_of(name);
	device->position++;
	return GT_OK;
}

/* The line of a device, and how many shards that gives it: Slurm divides Count= by the
 * files of the line. NULL: none. */
static const struct mig_row *shards_of(const struct mig *m, const char *host, int minor,
				       long *count)
{
	for (int i = 0; i < m->shards.count; i++) {
		const struct mig_row *row = &m->shards.row[i];
		struct device device = {.minor = minor};

		if (!row->gres || (row->hosts && !gt_hostlist_has(row->hosts, host)))
			continue;
		gt_hostlist_each(row->gres, look_at_device, &device, NULL);
		*count = row->count / device.position;
		if (device.found)
			return row;
	}
	return NULL;
}

/* The line without File=, whose shards Slurm spreads over all GPUs; NULL: none. */
static const struct mig_row *loose_shards(const struct mig *m, const char *host)
{
	for (int i = 0; i < m->shards.count; i++) {
		const struct mig_row *row = &m->shards.row[i];

		if (!row->gres && (!row->hosts || gt_hostlist_has(row->hosts, host)))
			return row;
	}
	return NULL;
}

/* The lines that speak of this node, as one number; 0: none. */
static uint64_t lines_of(const struct mig *m, const char *host)
{
	uint64_t hash = 0;

	for (int i = 0; i < m->shards.count; i++) {
		const struct mig_row *row = &m->shards.row[i];

		if (!row->hosts || gt_hostlist_has(row->hosts, host))
			hash = gt_fnv_mix(hash, (uint64_t)i + 1);
	}
	return hash;
}

static void check_devices(struct mig *m, const char *host, const struct gt_node *gres)
{
	const struct mig_slices *s = &m->slices;
	const char *path = m->check->gres_path;

	for (int g = 0; g < s->gpus; g++) {
		int minor = gt_node_gpu(gres, g)->minor;
		const struct mig_row *row;
		long count;

		if (!s->is_mig[g] || minor < 0)
			continue;
		row = shards_of(m, host, minor, &count);
		if (!row)
			mig_say(m, path, 0, host,
				"no Name=shard line with the File= of GPU %d (%d): add "
				"one with Count=%d",
				g, minor, s->units);
		else if (count != s->units)
			mig_say(m, row->file, row->line, host,
				"%ld shards for GPU %d, but it has %d memory slices "
				"(Topology=%.100s)",
				count, g, s->units, s->spec);
	}
}

/* Whether slurm.conf alone gives each GPU of the node what it needs. */
static bool are_enough_spread(const struct mig *m, const char *host)
{
	const struct mig_row *row = row_of(&m->nodes, host);

	return row && shards_in(row->gres) == (long)m->slices.gpus * m->slices.units;
}

void mig_check_shards(struct mig *m, const char *host)
{
	struct gt_load_options options = {.node_name = host};
	const struct mig_slices *s = &m->slices;
	const char *path = m->check->gres_path;
	uint64_t lines = lines_of(m, host);
	const struct mig_row *loose = loose_shards(m, host);
	struct gt_node *gres;

	/* Slurm itself spreads the shards of slurm.conf */
	if (!lines && !are_enough_spread(m, host))
		mig_say(m, path, 0, host,
			"no Name=shard line: add one with Count=%d for each of %d "
			"GPUs "
			"in MIG mode (Topology=%.100s)",
			s->units, s->mig, s->spec);
	if (!lines || !check_is_new(&m->seen, gt_fnv_mix(lines, (uintptr_t)m->spec)))
		return;
	if (loose) {
		if (loose->count != (long)s->gpus * s->units)
			mig_say(m, loose->file, loose->line, host,
				"%ld shards for %d GPUs: Slurm spreads them evenly, and "
				"each GPU needs %d, one for each memory slice",
				loose->count, s->gpus, s->units);
		return;
	}
	/* without lines of GPUs AutoDetect finds them */
	if (gp_gres_load(&gres, path, &options, NULL))
		return;
	if (gt_node_size(gres) == s->gpus)
		check_devices(m, host, gres);
	gt_node_free(gres);
}
