/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The adjacency model of one node: made by readers, completed once, read by everyone. */
#include "config.h"

#include "core/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NOTE_MAX 512

static const char *const path_names[] = {
	[GT_PATH_UNKNOWN] = "?",
	[GT_PATH_SELF] = "X",
	[GT_PATH_LINK] = "NV",
	[GT_PATH_C2C] = "C2C",
	[GT_PATH_PIX] = "PIX",
	[GT_PATH_PXB] = "PXB",
	[GT_PATH_PHB] = "PHB",
	[GT_PATH_NODE] = "NODE",
	[GT_PATH_SYS] = "SYS",
};

static const char *const fabric_names[] = {
	[GT_FABRIC_PCIE] = "pcie",
	[GT_FABRIC_MESH] = "mesh",
	[GT_FABRIC_SWITCH] = "switch",
};

/*
 * The link between sockets, MB/s: NCCL 2.30's constants (src/graph/topo.h). bridge_x10:
 * a path through a host bridge is worth 10/x of the slot; NCCL charges 6/5 on Intel.
 */
static const struct {
	const char *name;
	int socket_mbps;
	int bridge_x10;
} cpus[] = {
	[GT_CPU_UNKNOWN] = {"", 10000, 12},
	[GT_CPU_INTEL] = {"Intel", 10000, 12},
	[GT_CPU_INTEL_BDW] = {"Intel Broadwell", 6000, 12},
	[GT_CPU_INTEL_SKX] = {"Intel Skylake", 10000, 12},
	[GT_CPU_INTEL_SPR] = {"Intel Sapphire Rapids", 22000, 12},
	[GT_CPU_INTEL_EMR] = {"Intel Emerald Rapids", 40000, 12},
	[GT_CPU_AMD] = {"AMD", 16000, 10},
	[GT_CPU_POWER9] = {"POWER9", 32000, 10},
	[GT_CPU_ARM] = {"ARM", 6000, 10},
};

#define CPU_COUNT ((int)(sizeof(cpus) / sizeof(cpus[0])))

/* ---- text ---- */

/* Length of the valid UTF-8 sequence at s, 0 if it is none (or a control character). */
static int utf8_length(const unsigned char *s)
{
	int len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0x20 || s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (int i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates and what lies above U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Make every string printable and storable as JSON: strange bytes become '?'. */
static void clean_text(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c;) {
		int len = utf8_length(c);

		if (len == 0)
			*c++ = '?';
		else
			c += len;
	}
}

static void set_text(char *dst, size_t size, const char *src)
{
	snprintf(dst, size, "%s", src ? src : "");
	clean_text(dst);
}

/* ---- life ---- */

static bool allocate(struct gt_node *node, int gpus)
{
	size_t n = gpus > 0 ? (size_t)gpus : 1;

	node->gpu = calloc(n, sizeof(*node->gpu));
	node->links = calloc(n * n, sizeof(*node->links));
	node->pair_mbps = calloc(n * n, sizeof(*node->pair_mbps));
	node->path_mbps = calloc(n * n, sizeof(*node->path_mbps));
	node->path = calloc(n * n, sizeof(*node->path));
	return node->gpu && node->links && node->pair_mbps && node->path_mbps && node->path;
}

enum gt_err gt_node_new(struct gt_node **node, int gpus, struct gt_error *err)
{
	struct gt_node *fresh;

	*node = NULL;
	if (gpus < 0 || gpus > GT_MAX_GPUS)
		return gt_fail(err, GT_ELIMIT, "%d GPUs; a node has 0 to %d", gpus,
			       GT_MAX_GPUS);
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh || !allocate(fresh, gpus)) {
		gt_node_free(fresh);
		return gt_fail(err, GT_ENOMEM, "out of memory for %d GPUs", gpus);
	}
	fresh->n = gpus;
	fresh->all = gt_mask_first(gpus);
	for (int i = 0; i < gpus; i++) {
		struct gt_gpu *gpu = &fresh->gpu[i];

		gpu->minor = gpu->module_id = gpu->socket = gpu->numa = GT_UNKNOWN;
		gpu->island = gpu->link_mbps = GT_UNKNOWN;
		gpu->mem_mib = GT_UNKNOWN;
		gpu->healthy = true;
	}
	*node = fresh;
	return GT_OK;
}

void gt_node_free(struct gt_node *node)
{
	if (!node)
		return;
	for (int i = 0; i < node->note_count; i++)
		free(node->notes[i]);
	free(node->gpu);
	free(node->links);
	free(node->pair_mbps);
	free(node->path_mbps);
	free(node->slot_mbps);
	free(node->path);
	free(node);
}

/* ---- setters ---- */

struct gt_gpu *gt_node_edit_gpu(struct gt_node *node, int gpu)
{
	return &node->gpu[gpu];
}

void gt_node_set_links(struct gt_node *node, int a, int b, int links)
{
	/* What does not fit is kept as too many, for gt_node_finish to refuse. */
	if (links < GT_UNKNOWN || links > GT_MAX_LINKS)
		links = GT_MAX_LINKS + 1;
	node->links[gt_node_at(node, a, b)] = (int16_t)links;
}

void gt_node_set_path(struct gt_node *node, int a, int b, enum gt_path path)
{
	node->path[gt_node_at(node, a, b)] = (uint8_t)path;
	node->path[gt_node_at(node, b, a)] = (uint8_t)path;
}

void gt_node_set_path_mbps(struct gt_node *node, int a, int b, int mbps)
{
	node->path_mbps[gt_node_at(node, a, b)] = mbps;
	node->path_mbps[gt_node_at(node, b, a)] = mbps;
	node->paths_rated = true;
}

void gt_node_set_slot_mbps(struct gt_node *node, int a, int b, int mbps)
{
	size_t cells = (size_t)node->n * (size_t)node->n;

	if (!node->slot_mbps)
		node->slot_mbps = calloc(cells, sizeof(*node->slot_mbps));
	if (!node->slot_mbps)
		return;		/* the model's own class will do */
	node->slot_mbps[gt_node_at(node, a, b)] = mbps;
	node->slot_mbps[gt_node_at(node, b, a)] = mbps;
	node->paths_rated = true;
}

void gt_node_set_name(struct gt_node *node, const char *name)
{
	set_text(node->name, sizeof(node->name), name);
}

void gt_node_set_domain(struct gt_node *node, const char *domain)
{
	set_text(node->domain, sizeof(node->domain), domain);
}

void gt_node_set_cpu_vendor(struct gt_node *node, enum gt_cpu_vendor vendor)
{
	node->cpu_vendor = vendor;
}

enum gt_err gt_node_add_group(struct gt_node *node, const struct gt_mask *group,
			      struct gt_error *err)
{
	if (node->group_count == GT_MAX_GROUPS)
		return gt_fail(err, GT_ELIMIT, "more than %d link groups", GT_MAX_GROUPS);
	if (!gt_mask_within(group, &node->all) || gt_mask_count(group) == 0)
		return gt_fail(err, GT_EINVAL,
			       "a link group is empty or names a GPU that is not there");
	node->groups[node->group_count++] = *group;
	return GT_OK;
}

void gt_node_set_partial(struct gt_node *node)
{
	node->partial = true;
}

void gt_node_set_source(struct gt_node *node, const char *format, const char *file)
{
	set_text(node->source_format, sizeof(node->source_format), format);
	set_text(node->source_file, sizeof(node->source_file), file);
}

static bool has_note(const struct gt_node *node, const char *text)
{
	for (int i = 0; i < node->note_count; i++)
		if (!strcmp(node->notes[i], text))
			return true;
	return false;
}

void gt_node_add_note(struct gt_node *node, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	char *copy;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	clean_text(text);
	if (!text[0] || has_note(node, text))
		return;
	if (node->note_count == GT_MAX_NOTES) {
		/* The last place tells how many more there would be. */
		node->notes_dropped += node->notes_dropped ? 1 : 2;
		snprintf(text, sizeof(text), "and %d more notes", node->notes_dropped);
	}
	copy = strdup(text);
	if (!copy)
		return;
	if (node->note_count == GT_MAX_NOTES)
		free(node->notes[--node->note_count]);
	node->notes[node->note_count++] = copy;
}

/* ---- completion ---- */

int gt_node_raw_links(const struct gt_node *node, int a, int b)
{
	int ab = node->links[gt_node_at(node, a, b)];
	int ba = node->links[gt_node_at(node, b, a)];

	if (ab == GT_UNKNOWN || ba == GT_UNKNOWN)
		return ab > ba ? ab : ba;
	return ab < ba ? ab : ba;
}

static enum gt_err check_gpus(const struct gt_node *node, struct gt_error *err)
{
	for (int i = 0; i < node->n; i++) {
		const struct gt_gpu *gpu = &node->gpu[i];

		if (gpu->switch_links < 0 || gpu->switch_links > GT_MAX_LINKS)
			return gt_fail(err, GT_EINVAL,
				       "GPU %d: %d links into the switch fabric; 0 to %d can be",
				       i, gpu->switch_links, GT_MAX_LINKS);
		for (int j = 0; gpu->uuid[0] && j < i; j++)
			if (!strcmp(gpu->uuid, node->gpu[j].uuid))
				return gt_fail(err, GT_EINVAL,
					       "GPUs %d and %d have the same UUID %s", j, i,
					       gpu->uuid);
	}
	return GT_OK;
}

/* Both directions of every pair the smaller one; a source that differs gets a note. */
static enum gt_err settle_links(struct gt_node *node, struct gt_error *err)
{
	int uneven = 0, first_a = 0, first_b = 0;

	for (int a = 0; a < node->n; a++) {
		node->links[gt_node_at(node, a, a)] = 0;
		for (int b = 0; b < a; b++) {
			int ab = node->links[gt_node_at(node, a, b)];
			int ba = node->links[gt_node_at(node, b, a)];
			int links = gt_node_raw_links(node, a, b);

			if (ab > GT_MAX_LINKS || ba > GT_MAX_LINKS)
				return gt_fail(err, GT_EINVAL,
					       "GPUs %d and %d: a pair has 0 to %d links", b,
					       a, GT_MAX_LINKS);
			if (ab != ba && ab != GT_UNKNOWN && ba != GT_UNKNOWN && !uneven++) {
				first_a = b;
				first_b = a;
			}
			node->links[gt_node_at(node, a, b)] = (int16_t)links;
			node->links[gt_node_at(node, b, a)] = (int16_t)links;
		}
	}
	if (uneven)
		gt_node_add_note(node,
				 "%d pair%s with different link counts in the two "
				 "directions (first: GPUs %d and %d): the smaller one counts",
				 uneven, uneven > 1 ? "s" : "", first_a, first_b);
	return GT_OK;
}

/* Number the islands 0, 1, ... in order of their first GPU; a GPU without live links is
 * on none. */
static void number_islands(struct gt_node *node)
{
	int *old = calloc((size_t)node->n + 1, sizeof(*old));
	int count = 0;

	for (int i = 0; old && i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];
		int island = 0;

		if (gpu->island < 0 || gpu->switch_links == 0) {
			gpu->island = GT_UNKNOWN;
			gpu->switch_links = 0;
			continue;
		}
		while (island < count && old[island] != gpu->island)
			island++;
		if (island == count)
			old[count++] = gpu->island;
		gpu->island = island;
	}
	free(old);
}

static void fill_islands(struct gt_node *node)
{
	for (int a = 0; a < node->n; a++) {
		const struct gt_gpu *ga = &node->gpu[a];

		for (int b = 0; b < node->n; b++) {
			const struct gt_gpu *gb = &node->gpu[b];

			if (a == b || ga->island < 0 || ga->island != gb->island)
				continue;
			node->links[gt_node_at(node, a, b)] = (int16_t)
				(ga->switch_links < gb->switch_links ? ga->switch_links
								     : gb->switch_links);
		}
	}
}

static bool any_links(const struct gt_node *node)
{
	for (int a = 0; a < node->n; a++) {
		if (node->gpu[a].island >= 0)
			return true;
		for (int b = 0; b < a; b++)
			if (node->links[gt_node_at(node, a, b)] > 0)
				return true;
	}
	return false;
}

/* Link speed of every GPU that has none yet, by its model. */
static void fill_speeds(struct gt_node *node)
{
	bool linked = any_links(node);

	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];
		int link_mbps, pcie_mbps;

		if (gpu->link_mbps > 0)
			continue;
		if (!gt_gpu_model_speeds(gpu->model, &link_mbps, &pcie_mbps) && linked)
			gt_node_add_note(node,
					 gpu->model[0] ? "GPU model '%s' is not known: %g GB/s "
							 "a link assumed"
						       : "GPU model not named%s: %g GB/s a link "
							 "assumed",
					 gpu->model, link_mbps / 1000.0);
		gpu->link_mbps = link_mbps;
	}
}

/* The PCIe way beneath a link, or of a pair whose path is not shown: what the sockets or
 * NUMA nodes tell, else the farthest, so that it is a lower bound. */
static enum gt_path assumed_path(const struct gt_gpu *a, const struct gt_gpu *b)
{
	if (a->numa >= 0 && a->numa == b->numa)
		return GT_PATH_NODE;
	if (a->socket >= 0 && a->socket == b->socket)
		return GT_PATH_NODE;
	return GT_PATH_SYS;
}

static int class_mbps(const struct gt_node *node, enum gt_path path, int slot_mbps)
{
	int bridge_mbps = slot_mbps * 10 / cpus[node->cpu_vendor].bridge_x10;
	int socket_mbps = cpus[node->cpu_vendor].socket_mbps;

	switch (path) {
	case GT_PATH_PHB:
	case GT_PATH_NODE:
		return bridge_mbps;
	case GT_PATH_SYS:
		return bridge_mbps < socket_mbps ? bridge_mbps : socket_mbps;
	default:
		return slot_mbps;
	}
}

static void fill_pair(struct gt_node *node, int a, int b, const int *slot_mbps)
{
	size_t at = gt_node_at(node, a, b);
	const struct gt_gpu *ga = &node->gpu[a], *gb = &node->gpu[b];
	int slot = slot_mbps[a] < slot_mbps[b] ? slot_mbps[a] : slot_mbps[b];
	int link = ga->link_mbps < gb->link_mbps ? ga->link_mbps : gb->link_mbps;
	int links = node->links[at];
	enum gt_path path = node->path[at];
	bool shown = path >= GT_PATH_C2C;

	if (node->slot_mbps && node->slot_mbps[at] > 0)
		slot = node->slot_mbps[at];
	if (node->path_mbps[at] <= 0) {
		if (!shown && links == GT_UNKNOWN)
			node->path_mbps[at] = GT_UNKNOWN;
		else
			node->path_mbps[at] = class_mbps(
				node, shown ? path : assumed_path(ga, gb), slot);
		/* what lies beneath a link is hidden by the link's own name */
		if (shown && path > GT_PATH_C2C && links > 0 && path != assumed_path(ga, gb))
			node->paths_rated = true;
	}
	if (links > 0)
		node->path[at] = GT_PATH_LINK;
	else if (path == GT_PATH_LINK || path == GT_PATH_SELF)
		node->path[at] = GT_PATH_UNKNOWN;
	node->pair_mbps[at] = links == GT_UNKNOWN ? GT_UNKNOWN : node->path_mbps[at];
	if (links > 0 && links * link > node->pair_mbps[at])
		node->pair_mbps[at] = links * link;
}

static enum gt_err fill_pairs(struct gt_node *node, struct gt_error *err)
{
	int *slot_mbps = calloc((size_t)node->n + 1, sizeof(*slot_mbps));
	int link_mbps;

	if (!slot_mbps)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	for (int i = 0; i < node->n; i++)
		gt_gpu_model_speeds(node->gpu[i].model, &link_mbps, &slot_mbps[i]);
	for (int a = 0; a < node->n; a++) {
		for (int b = 0; b < node->n; b++)
			if (a != b)
				fill_pair(node, a, b, slot_mbps);
		node->path[gt_node_at(node, a, a)] = GT_PATH_SELF;
		node->path_mbps[gt_node_at(node, a, a)] = GT_UNKNOWN;
		node->pair_mbps[gt_node_at(node, a, a)] = GT_UNKNOWN;
	}
	free(slot_mbps);
	return GT_OK;
}

/* Strings, masks and the best kind of fabric. */
static void fill_summary(struct gt_node *node)
{
	node->fabric = any_links(node) ? GT_FABRIC_MESH : GT_FABRIC_PCIE;
	memset(&node->healthy, 0, sizeof(node->healthy));
	memset(&node->mig, 0, sizeof(node->mig));
	for (int i = 0; i < node->n; i++) {
		struct gt_gpu *gpu = &node->gpu[i];

		clean_text(gpu->model);
		clean_text(gpu->uuid);
		clean_text(gpu->bus_id);
		clean_text(gpu->pci_root);
		clean_text(gpu->cpus);
		if (gpu->healthy)
			gt_mask_set(&node->healthy, i);
		if (gpu->mig)
			gt_mask_set(&node->mig, i);
		if (gpu->island >= 0)
			node->fabric = GT_FABRIC_SWITCH;
		for (int j = 0; j < i; j++)
			if (node->links[gt_node_at(node, i, j)] == GT_UNKNOWN)
				node->partial = true;
	}
}

enum gt_err gt_node_finish(struct gt_node *node, struct gt_error *err)
{
	enum gt_err rc = check_gpus(node, err);

	if (rc == GT_OK)
		rc = settle_links(node, err);
	if (rc)
		return rc;
	number_islands(node);
	fill_islands(node);
	fill_speeds(node);
	rc = fill_pairs(node, err);
	if (rc)
		return rc;
	free(node->slot_mbps);
	node->slot_mbps = NULL;
	fill_summary(node);
	node->finished = true;
	return GT_OK;
}

/* ---- readers ---- */

int gt_node_size(const struct gt_node *node)
{
	return node->n;
}

const struct gt_gpu *gt_node_gpu(const struct gt_node *node, int gpu)
{
	return &node->gpu[gpu];
}

int gt_node_links(const struct gt_node *node, int a, int b)
{
	return node->links[gt_node_at(node, a, b)];
}

enum gt_path gt_node_path(const struct gt_node *node, int a, int b)
{
	return (enum gt_path)node->path[gt_node_at(node, a, b)];
}

int gt_node_pair_mbps(const struct gt_node *node, int a, int b)
{
	return node->pair_mbps[gt_node_at(node, a, b)];
}

int gt_node_path_mbps(const struct gt_node *node, int a, int b)
{
	return node->path_mbps[gt_node_at(node, a, b)];
}

enum gt_fabric gt_node_fabric(const struct gt_node *node)
{
	return node->fabric;
}

enum gt_cpu_vendor gt_node_cpu_vendor(const struct gt_node *node)
{
	return node->cpu_vendor;
}

int gt_node_group_count(const struct gt_node *node)
{
	return node->group_count;
}

const struct gt_mask *gt_node_group(const struct gt_node *node, int i)
{
	return &node->groups[i];
}

bool gt_node_is_partial(const struct gt_node *node)
{
	return node->partial;
}

const char *gt_node_name(const struct gt_node *node)
{
	return node->name;
}

const char *gt_node_domain(const struct gt_node *node)
{
	return node->domain;
}

int gt_node_note_count(const struct gt_node *node)
{
	return node->note_count;
}

const char *gt_node_note(const struct gt_node *node, int i)
{
	return node->notes[i];
}

const char *gt_node_source_format(const struct gt_node *node)
{
	return node->source_format;
}

const char *gt_node_source_file(const struct gt_node *node)
{
	return node->source_file;
}

/* ---- copies and comparison ---- */

static void copy_matrices(struct gt_node *to, const struct gt_node *from)
{
	size_t cells = (size_t)from->n * (size_t)from->n;

	memcpy(to->gpu, from->gpu, (size_t)from->n * sizeof(*to->gpu));
	memcpy(to->links, from->links, cells * sizeof(*to->links));
	memcpy(to->pair_mbps, from->pair_mbps, cells * sizeof(*to->pair_mbps));
	memcpy(to->path_mbps, from->path_mbps, cells * sizeof(*to->path_mbps));
	memcpy(to->path, from->path, cells * sizeof(*to->path));
}

enum gt_err gt_node_copy_avoiding(struct gt_node **copy, const struct gt_node *node,
				  const struct gt_mask *avoid, struct gt_error *err)
{
	struct gt_node *fresh, own;
	enum gt_err rc = gt_node_new(&fresh, node->n, err);

	*copy = NULL;
	if (rc)
		return rc;
	copy_matrices(fresh, node);
	/* everything else by value, with the copy's own arrays and notes */
	own = *fresh;
	*fresh = *node;
	fresh->gpu = own.gpu;
	fresh->links = own.links;
	fresh->pair_mbps = own.pair_mbps;
	fresh->path_mbps = own.path_mbps;
	fresh->path = own.path;
	fresh->note_count = 0;
	for (int i = 0; i < node->note_count; i++) {
		char *note = strdup(node->notes[i]);

		if (note)
			fresh->notes[fresh->note_count++] = note;
	}
	for (int i = 0; i < fresh->n; i++)
		if (gt_mask_has(avoid, i))
			fresh->gpu[i].healthy = false;
	fresh->healthy = gt_mask_without(&fresh->healthy, avoid);
	*copy = fresh;
	return GT_OK;
}

/* Do both nodes put GPUs i and j together, or both apart? */
static bool same_company(const struct gt_gpu *ai, const struct gt_gpu *aj,
			 const struct gt_gpu *bi, const struct gt_gpu *bj)
{
	return (ai->island == aj->island) == (bi->island == bj->island) &&
	       (ai->socket == aj->socket) == (bi->socket == bj->socket) &&
	       (ai->numa == aj->numa) == (bi->numa == bj->numa) &&
	       !strcmp(ai->pci_root, aj->pci_root) == !strcmp(bi->pci_root, bj->pci_root);
}

static bool same_gpu(const struct gt_gpu *a, const struct gt_gpu *b)
{
	return a->link_mbps == b->link_mbps && a->switch_links == b->switch_links &&
	       (a->island < 0) == (b->island < 0) && (a->socket < 0) == (b->socket < 0) &&
	       (a->numa < 0) == (b->numa < 0) && !a->pci_root[0] == !b->pci_root[0] &&
	       a->mig == b->mig && a->healthy == b->healthy;
}

static bool same_matrices(const struct gt_node *a, const struct gt_node *b)
{
	size_t cells = (size_t)a->n * (size_t)a->n;

	return !memcmp(a->links, b->links, cells * sizeof(*a->links)) &&
	       !memcmp(a->pair_mbps, b->pair_mbps, cells * sizeof(*a->pair_mbps)) &&
	       !memcmp(a->path_mbps, b->path_mbps, cells * sizeof(*a->path_mbps)) &&
	       !memcmp(a->path, b->path, cells * sizeof(*a->path));
}

bool gt_node_same_type(const struct gt_node *a, const struct gt_node *b)
{
	if (a->n != b->n || a->group_count != b->group_count || a->partial != b->partial ||
	    !same_matrices(a, b) ||
	    memcmp(a->groups, b->groups, (size_t)a->group_count * sizeof(a->groups[0])))
		return false;
	for (int i = 0; i < a->n; i++) {
		if (!same_gpu(&a->gpu[i], &b->gpu[i]))
			return false;
		for (int j = 0; j < i; j++)
			if (!same_company(&a->gpu[i], &a->gpu[j], &b->gpu[i], &b->gpu[j]))
				return false;
	}
	return true;
}

/* ---- names ---- */

const char *gt_path_name(enum gt_path path)
{
	return path_names[path];
}

const char *gt_fabric_name(enum gt_fabric fabric)
{
	return fabric_names[fabric];
}

const char *gt_cpu_vendor_name(enum gt_cpu_vendor vendor)
{
	return cpus[vendor].name;
}

enum gt_cpu_vendor gt_cpu_vendor_parse(const char *name)
{
	static const struct {
		const char *name;
		enum gt_cpu_vendor vendor;
	} aliases[] = {
		{"GenuineIntel", GT_CPU_INTEL},
		{"AuthenticAMD", GT_CPU_AMD},
		{"IBM", GT_CPU_POWER9},
		{"IBM/S390", GT_CPU_UNKNOWN},
		{"POWER", GT_CPU_POWER9},
		{"arm64", GT_CPU_ARM},
	};

	for (int i = 1; i < CPU_COUNT; i++)
		if (!strcasecmp(name, cpus[i].name))
			return (enum gt_cpu_vendor)i;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcasecmp(name, aliases[i].name))
			return aliases[i].vendor;
	return GT_CPU_UNKNOWN;
}
