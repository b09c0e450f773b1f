/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `nvidia-smi nvlink -s`, `-R` and `-p`, and `nvidia-smi -L`: live links of every GPU,
 * and the bus ids at their other ends. -s alone names no peers, so it gives a partial
 * model; -e and -c also print "Link n:" lines, which say nothing about the state.
 */
#include "config.h"

#include "source/nvlink.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- scanning ---- */

/* "GPU 12: rest": the number and where the rest begins, NULL if the line is none. */
static const char *gpu_line(const char *line, int *number)
{
	const char *at = strstr(line, "GPU ");

	if (!at || (at > line && isalnum((unsigned char)at[-1])))
		return NULL;
	at += 4;
	if (!gt_scan_int(&at, GT_MAX_GPUS - 1, number) || at[0] != ':')
		return NULL;
	return at[1] == ' ' ? at + 2 : at + 1;
}

/* "Link 3: rest" likewise. */
static const char *link_line(const char *line)
{
	const char *at = strstr(line, "Link ");
	int number;

	if (!at || strspn(line, " \t#>*|") != (size_t)(at - line))
		return NULL;
	at += 5;
	if (!gt_scan_int(&at, GT_NVLINK_PORTS - 1, &number) || at[0] != ':')
		return NULL;
	return at + 1 + strspn(at + 1, " \t");
}

static bool says_no_links(const char *line)
{
	static const char *const phrases[] = {
		"all links are inActive",
		"all links are inactive",
		"does not have or support Nvlink",
		"does not have or support NVLink",
		"(Not supported)",
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strstr(line, phrases[i]))
			return true;
	return false;
}

static void copy_part(char *out, size_t size, const char *from, const char *to)
{
	size_t len = (size_t)(to - from);

	while (len && isspace((unsigned char)from[len - 1]))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(out, from, len);
	out[len] = '\0';
}

static void scan_name(struct gt_nvlink_gpu *gpu, const char *rest)
{
	const char *uuid = strstr(rest, "(UUID: ");
	const char *end = uuid ? uuid : rest + strcspn(rest, "(");

	gpu->named = true;
	if (strncmp(rest, "NVML", 4))
		copy_part(gpu->model, sizeof(gpu->model), rest, end);
	if (uuid)
		copy_part(gpu->uuid, sizeof(gpu->uuid), uuid + 7,
			  uuid + 7 + strcspn(uuid + 7, ")"));
	if (says_no_links(rest))
		gpu->has_status = true;
}

/* "0000:00:00.0", "ffff:ff:ff.f": what drivers write where they know no device. */
static bool names_nothing(const char *bus_id)
{
	return strspn(bus_id, "0:.") == strlen(bus_id) ||
	       strspn(bus_id, "f:.") == strlen(bus_id);
}

/* is_remote: the line says "Remote Device", so that there is an other end. */
static void scan_remote(struct gt_nvlink_gpu *gpu, const char *text, bool is_remote)
{
	char word[24];
	size_t len = strcspn(text, " \t");

	/* "00000000:D5:00.0: Link 3" */
	if (len && text[len - 1] == ':')
		len--;
	if (len >= sizeof(word) || gpu->remotes == GT_NVLINK_PORTS)
		return;
	copy_part(word, sizeof(word), text, text + len);
	if (gt_bus_id_normalize(word, gpu->remote[gpu->remotes], sizeof(word)) &&
	    !names_nothing(gpu->remote[gpu->remotes]))
		gpu->remotes++;
	else if (is_remote)
		gpu->unnamed++;
}

static void scan_link(struct gt_nvlink_gpu *gpu, const char *rest)
{
	char *end;

	if (!strncmp(rest, "Remote Device ", 14)) {
		scan_remote(gpu, rest + 14, true);
	} else if (!strncmp(rest, "<inactive>", 10)) {
		gpu->has_status = true;
		gpu->listed++;
	} else if (strtod(rest, &end) > 0 && end > rest && !strncmp(end, " GB/s", 5)) {
		if (!gpu->live)
			copy_part(gpu->speed, sizeof(gpu->speed), rest, end);
		gpu->has_status = true;
		gpu->listed++;
		gpu->live++;
	} else {
		scan_remote(gpu, rest, false);
	}
}

/* nvidia-smi prints every link of a GPU: one that lists fewer than its like was cut. */
static void find_cuts(struct gt_nvlink_gpu *gpus, int count)
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < count; j++)
			if (gpus[i].listed && gpus[i].listed < gpus[j].listed &&
			    !strcmp(gpus[i].model, gpus[j].model))
				gpus[i].cut = true;
}

static int count_gpus(const struct gt_source *src, struct gt_lines *lines)
{
	int count = 0, number;

	gt_lines_start(lines, src);
	while (gt_lines_next(lines))
		if (gpu_line(lines->line, &number) && number >= count)
			count = number + 1;
	return count;
}

static void scan_line(const char *line, struct gt_nvlink_gpu *gpus, int *current)
{
	int number;
	const char *rest = gpu_line(line, &number);

	if (rest) {
		*current = number;
		scan_name(&gpus[*current], rest);
		return;
	}
	if (*current < 0)
		return;
	rest = link_line(line);
	if (rest)
		scan_link(&gpus[*current], rest);
	else if (says_no_links(line))
		gpus[*current].has_status = true;
	else if (strstr(line, "..."))
		gpus[*current].cut = true;
	else if (!strncmp(line + strspn(line, " \t"), "MIG ", 4) &&
		 strstr(line, "Device"))
		gpus[*current].mig = true;
}

enum gt_err gt_nvlink_scan(const struct gt_source *src, struct gt_nvlink_gpu **gpus,
			   int *count, struct gt_error *err)
{
	struct gt_lines *lines = malloc(sizeof(*lines));
	int current = -1;

	*gpus = NULL;
	*count = 0;
	if (!lines)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	*count = count_gpus(src, lines);
	*gpus = calloc((size_t)*count + 1, sizeof(**gpus));
	if (!*gpus) {
		free(lines);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	gt_lines_start(lines, src);
	while (*count && gt_lines_next(lines))
		scan_line(lines->line, *gpus, &current);
	find_cuts(*gpus, *count);
	free(lines);
	return GT_OK;
}

/* ---- who is at the other end ---- */

/* The distinct ids at the other ends, in PCI order. */
struct ends {
	int count;
	char (*id)[24];
};

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool collect_ends(const struct gt_nvlink_gpu *gpus, int count, struct ends *ends)
{
	size_t total = 0, kept = 0;

	for (int i = 0; i < count; i++)
		total += (size_t)gpus[i].remotes;
	ends->id = calloc(total + 1, sizeof(*ends->id));
	ends->count = 0;
	if (!ends->id || !total)
		return false;
	total = 0;
	for (int i = 0; i < count; i++)
		for (int r = 0; r < gpus[i].remotes; r++)
			memcpy(ends->id[total++], gpus[i].remote[r], sizeof(*ends->id));
	qsort(ends->id, total, sizeof(*ends->id), compare_ids);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || strcmp(ends->id[i], ends->id[kept - 1]))
			memmove(ends->id[kept++], ends->id[i], sizeof(*ends->id));
	ends->count = (int)kept;
	return true;
}

static int links_to(const struct gt_nvlink_gpu *gpu, const char *id)
{
	int links = 0;

	for (int r = 0; r < gpu->remotes; r++)
		links += !strcmp(gpu->remote[r], id);
	return links;
}

/* Which GPU has which id: links have two ends, so the ids are those of the GPUs that have
 * links, and nvidia-smi numbers GPUs in PCI order. owner[e] is the GPU of ends->id[e].
 * False if that contradicts the text: then the ends are switches. */
static bool find_owners(const struct gt_nvlink_gpu *gpus, int count,
			const struct ends *ends, int *owner)
{
	int used = 0;

	for (int i = 0; i < count; i++)
		if (gpus[i].remotes) {
			if (used == ends->count)
				return false;
			owner[used++] = i;
		}
	if (used != ends->count)
		return false;
	for (int a = 0; a < used; a++)
		for (int b = 0; b < used; b++) {
			int ab = links_to(&gpus[owner[a]], ends->id[b]);
			int ba = links_to(&gpus[owner[b]], ends->id[a]);

			if ((a == b && ab) || !ab != !ba)
				return false;
		}
	return true;
}

/* Whether every end is reached by all GPUs that have links. One that two GPUs reach may
 * as well be a third GPU, which is not shown. */
static bool all_meet(const struct gt_nvlink_gpu *gpus, int count, const struct ends *ends)
{
	int linked = 0;

	for (int i = 0; i < count; i++) {
		linked += gpus[i].remotes > 0;
		for (int e = 0; gpus[i].remotes && e < ends->count; e++)
			if (!links_to(&gpus[i], ends->id[e]))
				return false;
	}
	return linked > 2 || (linked > 1 && ends->count > 1);
}

/* A link has two ends: where one GPU lists fewer than the other, the text is cut. */
static void check_both_ends(struct gt_node *node, int count)
{
	for (int a = 0; a < count; a++)
		for (int b = 0; b < a; b++)
			if (gt_node_links(node, a, b) != gt_node_links(node, b, a)) {
				gt_node_add_note(node,
						 "GPUs %d and %d list different numbers "
						 "of links to each other: the text may "
						 "be cut",
						 b, a);
				gt_node_set_partial(node);
			}
}

/* A link with an unnamed end is a link to some GPU only if that GPU has one too. */
static void note_unnamed(struct gt_node *node, const struct gt_nvlink_gpu *gpus,
			 int count)
{
	for (int a = 0; a < count; a++) {
		if (gpus[a].unnamed)
			gt_node_add_note(node,
					 "GPU %d: %d links whose other end is not named",
					 a, gpus[a].unnamed);
		for (int b = 0; gpus[a].unnamed && b < count; b++) {
			if (a == b || !gpus[b].unnamed)
				continue;
			gt_node_set_partial(node);
			if (gt_node_links(node, a, b) || gt_node_links(node, b, a))
				continue;
			gt_node_set_links(node, a, b, GT_UNKNOWN);
			gt_node_set_links(node, b, a, GT_UNKNOWN);
		}
	}
}

static void set_owned(struct gt_node *node, const struct gt_nvlink_gpu *gpus, int count,
		      const struct ends *ends, const int *owner)
{
	for (int a = 0; a < count; a++)
		for (int b = 0; b < count; b++)
			if (a != b)
				gt_node_set_links(node, a, b, 0);
	for (int e = 0; e < ends->count; e++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, owner[e]);

		snprintf(gpu->bus_id, sizeof(gpu->bus_id), "%s", ends->id[e]);
		for (int i = 0; i < count; i++)
			if (i != owner[e])
				gt_node_set_links(node, i, owner[e],
						  links_to(&gpus[i], ends->id[e]));
	}
	check_both_ends(node, count);
	note_unnamed(node, gpus, count);
}

/* Use the other ends, if the text shows them: true if that settled all pairs. */
static bool set_pairs(struct gt_node *node, const struct gt_nvlink_gpu *gpus, int count)
{
	struct ends ends = {0};
	int *owner = calloc((size_t)GT_MAX_GPUS, sizeof(*owner));
	bool settled = false;

	if (owner && collect_ends(gpus, count, &ends)) {
		if (find_owners(gpus, count, &ends, owner)) {
			set_owned(node, gpus, count, &ends, owner);
			settled = true;
		} else if (all_meet(gpus, count, &ends)) {
			for (int i = 0; i < count; i++) {
				gt_node_edit_gpu(node, i)->island = 0;
				gt_node_edit_gpu(node, i)->switch_links = gpus[i].remotes;
			}
			settled = true;
		}
	}
	free(ends.id);
	free(owner);
	return settled;
}

/* ---- as a complement ---- */

static void name_gpus(struct gt_node *node, const struct gt_nvlink_gpu *gpus, int count)
{
	for (int i = 0; i < count; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model), "%s", gpus[i].model);
		snprintf(gpu->uuid, sizeof(gpu->uuid), "%s", gpus[i].uuid);
		gpu->mig = gpus[i].mig;
	}
}

/* Links of GPU a by the matrix: the sum over peers, and the largest pair. */
static void matrix_links(const struct gt_node *node, int a, int *sum, int *largest)
{
	*sum = *largest = 0;
	for (int b = 0; b < gt_node_size(node); b++) {
		int links = b == a ? 0 : gt_node_links(node, a, b);

		if (links <= 0)
			continue;
		*sum += links;
		if (links > *largest)
			*largest = links;
	}
}

/* The lowest GPU of a's neighbourhood: an island's name where all see each other. */
static int first_peer(const struct gt_node *node, int a)
{
	for (int b = 0; b < a; b++)
		if (gt_node_links(node, a, b) > 0)
			return b;
	return a;
}

/* The most live links of a GPU and its peers: what one of them has when all is well. */
static int most_live(const struct gt_node *node, const struct gt_nvlink_gpu *gpus, int a)
{
	int most = gpus[a].live;

	for (int b = 0; b < gt_node_size(node); b++)
		if (b != a && gt_node_links(node, a, b) > 0 && gpus[b].live > most)
			most = gpus[b].live;
	return most;
}

/* Compare each GPU's live links with the matrix. A sum that fits is a mesh; one bundle on
 * many pairs is a switch. */
static void use_counts(struct gt_source *src, struct gt_node *node,
		       const struct gt_nvlink_gpu *gpus, int count)
{
	bool mesh = true;

	for (int i = 0; i < count; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);
		int live = gpus[i].live, sum, largest;

		matrix_links(node, i, &sum, &largest);
		if (!gpus[i].has_status || gpus[i].cut || live == sum) {
			mesh = mesh && gpus[i].has_status && !gpus[i].cut;
			continue;
		}
		mesh = false;
		if (largest < sum && most_live(node, gpus, i) == largest) {
			gpu->island = first_peer(node, i);
			gpu->switch_links = live;
			continue;
		}
		gt_node_add_note(
			node,
			"GPU %d: nvlink shows %d live links, the matrix %d: which "
			"pair lost some is not shown",
			i, live, sum);
		gt_node_set_partial(node);
	}
	if (mesh)
		src->infer_fabric = false;
}

/* The matrix then says more than the other ends. */
static bool any_unnamed(const struct gt_nvlink_gpu *gpus, int count)
{
	for (int i = 0; i < count; i++)
		if (gpus[i].unnamed)
			return true;
	return false;
}

enum gt_err gt_nvlink_complement(struct gt_source *src, struct gt_node *node,
				 struct gt_error *err)
{
	struct gt_nvlink_gpu *gpus;
	int count;
	enum gt_err rc = gt_nvlink_scan(src, &gpus, &count, err);

	if (rc)
		return rc;
	if (count == gt_node_size(node)) {
		name_gpus(node, gpus, count);
		if (any_unnamed(gpus, count) || !set_pairs(node, gpus, count))
			use_counts(src, node, gpus, count);
	} else if (count) {
		gt_node_add_note(
			node, "the list of %d GPUs beside the matrix of %d is not used",
			count, gt_node_size(node));
	}
	free(gpus);
	return GT_OK;
}

/* ---- alone ---- */

static bool looks_like(const struct gt_source *src)
{
	return gt_text_has(src, "GPU 0:") &&
	       (gt_text_has(src, "Link ") || gt_text_has(src, "inActive") ||
		gt_text_has(src, "Nvlink"));
}

/* Without peers: a pair has no link if one of the two has none, else it is not known. */
static void set_unknown_pairs(struct gt_node *node, const struct gt_nvlink_gpu *gpus,
			      int count)
{
	for (int a = 0; a < count; a++)
		for (int b = 0; b < count; b++) {
			bool none =
				(gpus[a].has_status && !gpus[a].live && !gpus[a].cut) ||
				(gpus[b].has_status && !gpus[b].live && !gpus[b].cut);

			if (a != b)
				gt_node_set_links(node, a, b, none ? 0 : GT_UNKNOWN);
		}
	for (int i = 0; i < count; i++)
		if (gpus[i].live)
			gt_node_add_note(node, "GPU %d: %d live links at %s GB/s%s", i,
					 gpus[i].live, gpus[i].speed,
					 gpus[i].cut ? " shown, the text is cut" : "");
		else if (gpus[i].has_status)
			gt_node_add_note(node, "GPU %d: no live links", i);
	gt_node_add_note(node,
			 "nvidia-smi nvlink -s names no peers: put `nvidia-smi topo -m` "
			 "or `nvidia-smi nvlink -R` into the same text");
	gt_node_set_partial(node);
}

static bool says_anything(const struct gt_nvlink_gpu *gpus, int count)
{
	for (int i = 0; i < count; i++)
		if (gpus[i].has_status || gpus[i].remotes || gpus[i].unnamed)
			return true;
	return false;
}

static enum gt_err build(struct gt_node **node, const struct gt_source *src,
			 const struct gt_nvlink_gpu *gpus, int count,
			 struct gt_error *err)
{
	enum gt_err rc;

	if (!says_anything(gpus, count))
		return gt_fail_src(src, err, GT_EFORMAT, 0,
				   "nvidia-smi nvlink output without link states (-s) or "
				   "remote devices (-R)");
	for (int i = 0; i < count; i++)
		if (!gpus[i].named)
			return gt_fail_src(src, err, GT_EPARSE, 0,
					   "GPU %d is missing from the text", i);
	rc = gt_node_new(node, count, err);
	if (rc)
		return rc;
	name_gpus(*node, gpus, count);
	if (!set_pairs(*node, gpus, count))
		set_unknown_pairs(*node, gpus, count);
	return GT_OK;
}

static enum gt_err read_nvlink(struct gt_source *src, struct gt_node **node,
			       struct gt_error *err)
{
	struct gt_nvlink_gpu *gpus;
	int count;
	enum gt_err rc = gt_text_check(src, err);

	if (rc || (rc = gt_nvlink_scan(src, &gpus, &count, err)))
		return rc;
	rc = build(node, src, gpus, count, err);
	free(gpus);
	return rc;
}

const struct gt_format gt_format_nvlink = {"nvlink", looks_like, read_nvlink};
