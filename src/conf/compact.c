/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compact.c - read node models that came as short words (compact.h). Called on nodes,
 * where the words may come from anybody.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compact.h"
#include "core/append.h"

/* What is left to read; at == end: nothing. */
struct in {
	const char *at;
	const char *end;
	bool bad;
};

static bool in_take(struct in *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static void in_expect(struct in *in, char c)
{
	if (!in_take(in, c))
		in->bad = true;
}

/* Digits up to limit; none: absent. */
static int in_number(struct in *in, int limit, int absent)
{
	int value = 0;

	if (in->at == in->end || !isdigit((unsigned char)*in->at))
		return absent;
	while (in->at < in->end && isdigit((unsigned char)*in->at)) {
		value = value * 10 + (*in->at++ - '0');
		if (value > limit) {
			in->bad = true;
			return absent;
		}
	}
	return value;
}

/* Characters of set, as many as fit into buf. */
static void in_text(struct in *in, const char *set, char *buf, size_t size)
{
	size_t used = 0;

	while (in->at < in->end && strchr(set, *in->at) && *in->at) {
		if (used + 1 < size)
			buf[used++] = *in->at;
		else
			in->bad = true;
		in->at++;
	}
	buf[used] = '\0';
}

#define MBPS_LIMIT 100000000

static void in_gpu(struct in *in, struct gt_gpu *gpu)
{
	char flags[8];
	int root;

	gpu->socket = in_number(in, 4096, GT_UNKNOWN);
	in_expect(in, '.');
	gpu->numa = in_number(in, 4096, GT_UNKNOWN);
	in_expect(in, '.');
	root = in_number(in, 4096, GT_UNKNOWN);
	if (root >= 0)
		snprintf(gpu->pci_root, sizeof(gpu->pci_root), "r%d", root);
	in_expect(in, '.');
	gpu->island = in_number(in, 4096, GT_UNKNOWN);
	in_expect(in, '.');
	gpu->switch_links = in_number(in, GT_MAX_LINKS, 0);
	in_expect(in, '.');
	gpu->link_mbps = in_number(in, MBPS_LIMIT, 0);
	in_expect(in, '.');
	in_text(in, "hm", flags, sizeof(flags));
	gpu->healthy = strchr(flags, 'h') != NULL;
	gpu->mig = strchr(flags, 'm') != NULL;
	if (!in_take(in, '.'))
		return;
	gpu->reduce_mbps = in_number(in, MBPS_LIMIT, 0);
	in_expect(in, '.');
	gpu->reduce_from = in_number(in, GT_MAX_GPUS, 0);
}

struct pair {
	int links;
	int path;
	int mbps;
};

static void in_pair(struct in *in, struct pair *pair)
{
	pair->links = in_number(in, GT_MAX_LINKS, 0);
	in_expect(in, '.');
	pair->path = in_number(in, GT_PATH_SYS, GT_PATH_UNKNOWN);
	in_expect(in, '.');
	pair->mbps = in_number(in, MBPS_LIMIT, 0);
}

struct run {
	int letter;
	int count;
};

/* The letter of the next item; run holds what is left of the last one. */
static int in_letter(struct in *in, struct run *run, int letters)
{
	if (run->count == 0) {
		char c;

		run->count = in_number(in, 1 << 20, 1);
		c = in->at < in->end ? *in->at++ : '\0';
		run->letter = c >= 'a' && c <= 'z'   ? c - 'a'
			      : c >= 'A' && c <= 'Z' ? c - 'A' + 26
						     : GP_COMPACT_LETTERS;
		if (run->letter >= letters || run->count < 1) {
			in->bad = true;
			run->letter = 0;
			run->count = 1;
		}
	}
	run->count--;
	return run->letter;
}

static void read_gpus(struct in *in, struct gt_node *node)
{
	struct gt_gpu record[GP_COMPACT_LETTERS];
	struct run run = {0};
	int count = 0;

	do {
		if (count == GP_COMPACT_LETTERS) {
			in->bad = true;
			return;
		}
		record[count] = *gt_node_gpu(node, 0);
		in_gpu(in, &record[count++]);
	} while (!in->bad && in_take(in, '+'));
	in_expect(in, '/');
	for (int i = 0; i < gt_node_size(node) && !in->bad; i++)
		*gt_node_edit_gpu(node, i) = record[in_letter(in, &run, count)];
	if (run.count)
		in->bad = true;
	in_expect(in, '/');
}

static void set_pair(struct gt_node *node, int a, int b, const struct pair *pair)
{
	int island = gt_node_gpu(node, a)->island;

	/* finish fills the pairs of an island itself */
	if (island < 0 || island != gt_node_gpu(node, b)->island) {
		gt_node_set_links(node, a, b, pair->links);
		gt_node_set_links(node, b, a, pair->links);
	}
	gt_node_set_path(node, a, b, (enum gt_path)pair->path);
	if (pair->mbps > 0)
		gt_node_set_path_mbps(node, a, b, pair->mbps);
}

static void read_pairs(struct in *in, struct gt_node *node)
{
	struct pair record[GP_COMPACT_LETTERS];
	struct run run = {0};
	int count = 0, n = gt_node_size(node);

	while (n > 1) {
		if (count == GP_COMPACT_LETTERS) {
			in->bad = true;
			return;
		}
		in_pair(in, &record[count++]);
		if (in->bad || !in_take(in, '+'))
			break;
	}
	in_expect(in, '/');
	for (int a = 0; a < n && !in->bad; a++)
		for (int b = a + 1; b < n && !in->bad; b++)
			set_pair(node, a, b, &record[in_letter(in, &run, count)]);
	if (run.count)
		in->bad = true;
	in_expect(in, '/');
}

static void read_groups(struct in *in, struct gt_node *node)
{
	char list[512];

	while (in->at < in->end && *in->at != '/' && !in->bad) {
		struct gt_mask group;

		in_text(in, "0123456789,-", list, sizeof(list));
		if (gt_mask_parse(&group, list, gt_node_size(node), NULL) != GT_OK ||
		    gt_node_add_group(node, &group, NULL) != GT_OK)
			in->bad = true;
		if (in->at < in->end && *in->at != '/')
			in_expect(in, '+');
	}
}

static void read_shared(struct in *in, struct gt_node *node)
{
	char list[512];

	if (in->end - in->at > 1 && in->at[1] == 'n')
		return;
	if (!in_take(in, '/'))
		return;
	gt_node_set_pcie_p2p(node, in_take(in, 'p'));
	if (!gt_node_pcie_p2p(node))
		in_expect(in, 'c');
	while (in->at < in->end && *in->at != '/' && !in->bad) {
		struct gt_shared shared;

		in_expect(in, '+');
		shared.mbps = in_number(in, MBPS_LIMIT, 0);
		shared.memory = in_take(in, 'm');
		in_expect(in, '.');
		in_text(in, "0123456789,-", list, sizeof(list));
		if (gt_mask_parse(&shared.gpus, list, gt_node_size(node), NULL) ||
		    gt_node_add_shared(node, &shared, NULL))
			in->bad = true;
	}
}

/* Near is all that is told: such GPUs are beside the card, the others far. */
static void read_nics(struct in *in, struct gt_node *node)
{
	struct gt_nic nic[GT_MAX_NICS];
	struct gt_mask any = {{0}};
	uint8_t paths[GT_MAX_GPUS];
	char list[512];
	int count = 0;

	if (!in_take(in, '/'))
		return;
	in_expect(in, 'n');
	for (; in->at < in->end && !in->bad; count++) {
		if (count == GT_MAX_NICS) {
			in->bad = true;
			return;
		}
		nic[count] = (struct gt_nic){.mbps = GT_UNKNOWN, .rail = GT_UNKNOWN};
		in_expect(in, '+');
		in_text(in, GP_COMPACT_NAME, nic[count].name, sizeof(nic[count].name));
		in_expect(in, '.');
		in_text(in, "0123456789,-", list, sizeof(list));
		if (list[0] &&
		    gt_mask_parse(&nic[count].near, list, gt_node_size(node), NULL))
			in->bad = true;
		any = gt_mask_or(&any, &nic[count].near);
	}
	for (int i = 0; i < count && !in->bad; i++) {
		for (int g = 0; g < gt_node_size(node); g++)
			paths[g] = gt_mask_has(&nic[i].near, g) ? GT_PATH_PIX
				   : gt_mask_has(&any, g)	? GT_PATH_SYS
								: GT_PATH_UNKNOWN;
		in->bad = gt_node_add_nic(node, &nic[i], paths, NULL) != GT_OK;
	}
}

enum gt_err gp_compact_parse(struct gt_node **out, const char *word, size_t len,
			     struct gt_error *err)
{
	struct in in = {.at = word, .end = word + len};
	struct gt_node *node;
	enum gt_err code;
	int gpus;

	*out = NULL;
	if (len >= GP_COMPACT_MAX)
		return gt_fail(err, GT_ELIMIT, "the compact model is too long");
	if (in_number(&in, 9, 0) != 1)
		return gt_fail(err, GT_EPARSE, "not a compact model of version 1");
	in_expect(&in, '/');
	gpus = in_number(&in, GP_COMPACT_GPUS, 0);
	in_expect(&in, '/');
	if (in.bad || gpus < 1)
		return gt_fail(err, GT_EPARSE, "the compact model has no number of GPUs");
	code = gt_node_new(&node, gpus, err);
	if (code != GT_OK)
		return code;
	read_gpus(&in, node);
	if (!in.bad)
		read_pairs(&in, node);
	if (!in.bad)
		read_groups(&in, node);
	if (!in.bad)
		read_shared(&in, node);
	if (!in.bad)
		read_nics(&in, node);
	in.bad |= in.at != in.end;
	code = in.bad ? gt_fail(err, GT_EPARSE, "the compact model is broken at byte %d",
				(int)(in.at - word))
		      : gt_node_finish(node, err);
	if (code != GT_OK)
		gt_node_free(node);
	else
		*out = node;
	return code;
}

/* Whether the name is one of those between commas. A list in brackets is none of ours. */
static bool names_have(const char *names, size_t len, const char *node)
{
	size_t size = strlen(node), item;

	for (size_t at = 0; at < len; at += item + 1) {
		for (item = 0; at + item < len && names[at + item] != ','; item++)
			;
		if (size && item == size && memcmp(names + at, node, size) == 0)
			return true;
	}
	return false;
}

/* 1 to 16 hexadecimal digits; 0 for anything else. */
static uint64_t read_hash(const char *text, size_t len)
{
	uint64_t hash = 0;

	if (len < 1 || len > 16)
		return 0;
	for (size_t i = 0; i < len; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = memchr(digits, text[i], 16);

		if (!digit)
			return 0;
		hash = hash << 4 | (uint64_t)(digit - digits);
	}
	return hash;
}

uint64_t gp_compact_find(const char *models, const char *node, const char **word,
			 size_t *len)
{
	*word = "";
	*len = 0;
	if (strnlen(models, GP_MODELS_MAX) == GP_MODELS_MAX)
		return 0;
	for (const char *entry = models; *entry;) {
		size_t size = strcspn(entry, ";");
		const char *end = entry + size, *mark = memchr(entry, '=', size);
		const char *last =
			mark ? memchr(mark + 1, '=', (size_t)(end - mark - 1)) : NULL;
		uint64_t hash = last ? read_hash(mark + 1, (size_t)(last - mark - 1)) : 0;

		if (hash && names_have(entry, (size_t)(mark - entry), node)) {
			*word = last + 1;
			*len = (size_t)(end - last - 1);
			return hash;
		}
		entry = end + (*end == ';');
	}
	return 0;
}

int gp_list_parse(const char *text, int *out, int max)
{
	struct gt_mask seen = {{0}};
	int count = 0;

	for (const char *p = text; *p;) {
		size_t digits = strspn(p, "0123456789");
		int value;

		if (digits == 0 || digits > 6 || count == max)
			return -1;
		value = atoi(p);
		if (value >= GT_MAX_GPUS || gt_mask_has(&seen, value))
			return -1;
		gt_mask_set(&seen, value);
		out[count++] = value;
		p += digits;
		if (*p == ',' && p[1] != '\0')
			p++;
		else if (*p != '\0')
			return -1;
	}
	return count;
}

char *gp_list_write(const int *list, int count, char *buf, size_t size)
{
	struct gt_append text = gt_append_to(buf, size);

	for (int i = 0; i < count; i++)
		gt_append(&text, "%s%d", i ? "," : "", list[i]);
	return buf;
}
