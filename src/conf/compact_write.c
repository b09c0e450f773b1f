/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compact_write.c - a node model as a short word (compact.h). Called by slurmctld, which
 * sends the word to the nodes of a job.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compact.h"
#include "core/append.h"
#include "core/fnv.h"

#define RECORD_MAX 96 /* one palette entry */

/* Distinct records in order of appearance, and which each item is. */
struct palette {
	char record[GP_COMPACT_LETTERS][RECORD_MAX];
	int count;
	bool full;
};

static int palette_find(struct palette *palette, const char *record)
{
	int i = 0;

	while (i < palette->count && strcmp(palette->record[i], record) != 0)
		i++;
	if (i == palette->count) {
		if (i == GP_COMPACT_LETTERS || strlen(record) >= RECORD_MAX) {
			palette->full = true;
			return 0;
		}
		snprintf(palette->record[palette->count++], RECORD_MAX, "%s", record);
	}
	return i;
}

static char letter_of(int i)
{
	return (char)(i < 26 ? 'a' + i : 'A' + i - 26);
}

/* An unknown number is nothing. */
static char *number(int value, char *buf, size_t size)
{
	if (value < 0)
		buf[0] = '\0';
	else
		snprintf(buf, size, "%d", value);
	return buf;
}

static int root_of(const struct gt_node *node, int gpu)
{
	const char *root = gt_node_gpu(node, gpu)->pci_root;
	int i = 0;

	while (root[0] && strcmp(gt_node_gpu(node, i)->pci_root, root) != 0)
		i++;
	return root[0] ? i : GT_UNKNOWN;
}

static void gpu_record(const struct gt_node *node, int i, char *buf, size_t size)
{
	const struct gt_gpu *gpu = gt_node_gpu(node, i);
	char socket[16], numa[16], root[16], island[16], reduction[32] = "";

	/* what the switch reduces: by the GPU's name, which does not travel */
	if (gpu->reduce_mbps > 0)
		snprintf(reduction, sizeof(reduction), ".%d.%d", gpu->reduce_mbps,
			 gpu->reduce_from);
	snprintf(buf, size, "%s.%s.%s.%s.%d.%d.%s%s%s",
		 number(gpu->socket, socket, sizeof(socket)),
		 number(gpu->numa, numa, sizeof(numa)),
		 number(root_of(node, i), root, sizeof(root)),
		 number(gpu->island, island, sizeof(island)), gpu->switch_links,
		 gpu->link_mbps, gpu->healthy ? "h" : "", gpu->mig ? "m" : "", reduction);
}

static void pair_record(const struct gt_node *node, int a, int b, char *buf, size_t size)
{
	int links = gt_node_links(node, a, b), mbps = gt_node_path_mbps(node, a, b);
	char number_links[16], number_mbps[16];

	snprintf(buf, size, "%s.%d.%s", number(links, number_links, sizeof(number_links)),
		 (int)gt_node_path(node, a, b),
		 number(mbps, number_mbps, sizeof(number_mbps)));
}

struct run {
	int letter;
	int count;
};

static void run_end(struct gt_append *out, struct run *run)
{
	if (run->count > 1)
		gt_append(out, "%d", run->count);
	if (run->count > 0)
		gt_append(out, "%c", letter_of(run->letter));
	run->count = 0;
}

static void run_add(struct gt_append *out, struct run *run, int letter)
{
	if (letter != run->letter)
		run_end(out, run);
	run->letter = letter;
	run->count++;
}

static void put_palette(struct gt_append *out, const struct palette *palette)
{
	for (int i = 0; i < palette->count; i++)
		gt_append(out, "%s%s", i ? "+" : "", palette->record[i]);
	gt_append(out, "/");
	out->full |= palette->full;
}

/* First the palette, then the runs: two walks over the same records. */
static void put_gpus(struct gt_append *out, const struct gt_node *node,
		     struct palette *palette)
{
	struct run run = {0};
	char record[RECORD_MAX];

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < gt_node_size(node); i++) {
			int letter;

			gpu_record(node, i, record, sizeof(record));
			letter = palette_find(palette, record);
			if (pass)
				run_add(out, &run, letter);
		}
		if (!pass)
			put_palette(out, palette);
	}
	run_end(out, &run);
	gt_append(out, "/");
}

static void put_pairs(struct gt_append *out, const struct gt_node *node,
		      struct palette *palette)
{
	struct run run = {0};
	char record[RECORD_MAX];

	for (int pass = 0; pass < 2; pass++) {
		for (int a = 0; a < gt_node_size(node); a++)
			for (int b = a + 1; b < gt_node_size(node); b++) {
				int letter;

				pair_record(node, a, b, record, sizeof(record));
				letter = palette_find(palette, record);
				if (pass)
					run_add(out, &run, letter);
			}
		if (!pass)
			put_palette(out, palette);
	}
	run_end(out, &run);
	gt_append(out, "/");
}

/* After the groups, only where there is any: "/c" (copies through the host) or "/p"
 * (P2P), then "+24000.0-3" of each shared way, "+112000m.0-3" of a memory. */
static void put_shared(struct gt_append *out, const struct gt_node *node)
{
	char list[GT_MASK_TEXT_MAX];

	if (gt_node_shared_count(node))
		gt_append(out, "/%c", gt_node_pcie_p2p(node) ? 'p' : 'c');
	for (int i = 0; i < gt_node_shared_count(node); i++) {
		const struct gt_shared *shared = gt_node_shared(node, i);

		gt_append(out, "+%d%s.%s", shared->mbps, shared->memory ? "m" : "",
			  gt_mask_format(&shared->gpus, list, sizeof(list)));
	}
}

/* Last, "/n" and "+mlx5_0.0-1" of each network card: its name, the GPUs near to it. Left
 * out where a name has other characters, or where there is no room. */
static void put_nics(struct gt_append *out, const struct gt_node *node)
{
	size_t before = out->used;
	bool full = out->full, fits = true;
	char list[GT_MASK_TEXT_MAX];

	if (gt_node_nic_count(node))
		gt_append(out, "/n");
	for (int i = 0; i < gt_node_nic_count(node); i++) {
		const struct gt_nic *nic = gt_node_nic(node, i);

		fits = fits && nic->name[0] &&
		       !nic->name[strspn(nic->name, GP_COMPACT_NAME)];
		gt_append(out, "+%s.%s", nic->name,
			  gt_mask_format(&nic->near, list, sizeof(list)));
	}
	if (full || (fits && !out->full))
		return;
	out->used = before;
	out->buf[before] = '\0';
	out->full = false;
}

bool gp_compact_write(const struct gt_node *node, char *buf, size_t size)
{
	struct gt_append out = gt_append_to(buf, size);
	struct palette *palette = calloc(1, sizeof(*palette));
	char list[GT_MASK_TEXT_MAX];

	buf[0] = '\0';
	if (!palette || gt_node_size(node) < 1 || gt_node_size(node) > GP_COMPACT_GPUS ||
	    gt_node_is_partial(node)) {
		free(palette);
		return false;
	}
	gt_append(&out, "1/%d/", gt_node_size(node));
	put_gpus(&out, node, palette);
	memset(palette, 0, sizeof(*palette));
	put_pairs(&out, node, palette);
	free(palette);
	for (int i = 0; i < gt_node_group_count(node); i++) {
		const struct gt_mask *group = gt_node_group(node, i);

		gt_append(&out, "%s%s", i ? "+" : "",
			  gt_mask_format(group, list, sizeof(list)));
	}
	put_shared(&out, node);
	put_nics(&out, node);
	if (out.full)
		buf[0] = '\0';
	return !out.full;
}

uint64_t gp_compact_hash(const char *word, size_t len)
{
	uint64_t hash = gt_fnv(GT_FNV_START, word, len);

	return hash ? hash : 1;
}
