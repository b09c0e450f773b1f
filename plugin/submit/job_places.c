/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job_places.c - convert the lists of a job's description to bitmaps of nodes. Called by
 * job_submit_gputopo.c.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/hostlist.h"
#include "src/slurmctld/reservation.h"

#include "plugin/submit/job_places.h"

#define NAME_MAX_BYTES 256

/* Of slurmctld: where one is missing, its part of the description narrows nothing. */
#pragma weak avail_feature_list
#pragma weak default_part_loc
#pragma weak find_part_record
#pragma weak find_resv_name
#pragma weak slurm_hostlist_create
#pragma weak slurm_hostlist_destroy
#pragma weak slurm_hostlist_shift

/* Leave the nodes that are in both; *nodes NULL: all. */
static void narrow(bitstr_t **nodes, bitstr_t *by)
{
	int64_t size = node_record_count;

	if (!*nodes) {
		*nodes = bit_alloc(size);
		for (int64_t n = 0; n < size; n++)
			bit_set(*nodes, n);
	}
	for (int64_t n = 0; n < size; n++)
		if (n >= bit_size(by) || !bit_test(by, n))
			bit_clear(*nodes, n);
}

static void add_all(bitstr_t *to, bitstr_t *from)
{
	for (int64_t n = bit_ffs(from), last = bit_fls(from);
	     n >= 0 && n <= last && n < bit_size(to); n++)
		if (bit_test(from, n))
			bit_set(to, n);
}

/* The nodes of a host list; NULL: none named, a name that is no node, or more names than
 * anybody means. */
static bitstr_t *named_nodes(const char *text)
{
	__typeof__(hostlist_create("")) list;
	int left = 2 * node_record_count;
	bitstr_t *nodes;
	char *name;

	if (!text || !*text || !slurm_hostlist_create || !(list = hostlist_create(text)))
		return NULL;
	nodes = bit_alloc(node_record_count);
	while ((name = hostlist_shift(list))) {
		const node_record_t *node = find_node_record(name);

		free(name);
		if (!node || left-- <= 0) {
			FREE_NULL_BITMAP(nodes);
			break;
		}
		bit_set(nodes, (int64_t)node->index);
	}
	hostlist_destroy(list);
	return nodes;
}

/* The next of a list of names, without spaces. false: no more, or one that is too long.
 */
static bool next_name(const char **at, const char *separators, char name[NAME_MAX_BYTES])
{
	size_t len;

	*at += strspn(*at, " ");
	len = strcspn(*at, separators);
	if (len == 0 || len >= NAME_MAX_BYTES)
		return false;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	*at += strspn(*at, separators);
	return true;
}

static void narrow_by_partitions(bitstr_t **nodes, const char *names)
{
	const part_record_t *part = &default_part_loc ? default_part_loc : NULL;
	bitstr_t *all = NULL;
	char name[NAME_MAX_BYTES];

	if (!names) {
		if (part && part->node_bitmap)
			narrow(nodes, part->node_bitmap);
		return;
	}
	while (*names && find_part_record && next_name(&names, ",", name)) {
		part = find_part_record(name);
		if (!part || !part->node_bitmap) {
			FREE_NULL_BITMAP(all);
			return;
		}
		if (!all)
			all = bit_alloc(node_record_count);
		add_all(all, part->node_bitmap);
	}
	if (all && !*names)
		narrow(nodes, all);
	FREE_NULL_BITMAP(all);
}

struct feature_walk {
	const char *name;
	bitstr_t *nodes;
};

static int find_feature(void *x, void *arg)
{
	const node_feature_t *feature = x;
	struct feature_walk *walk = arg;

	if (!feature->name || strcmp(feature->name, walk->name) != 0)
		return 0;
	walk->nodes = feature->node_bitmap;
	return -1;
}

static void narrow_by_features(bitstr_t **nodes, const char *text)
{
	bool any = text && strchr(text, '|');
	bitstr_t *all = NULL;
	char name[NAME_MAX_BYTES];

	if (!text || !&avail_feature_list || !avail_feature_list ||
	    strpbrk(text, any ? "[](){}*&," : "[](){}*"))
		return;
	while (*text && next_name(&text, any ? "|" : "&,", name)) {
		struct feature_walk walk = {.name = name};

		(void)list_for_each(avail_feature_list, find_feature, &walk);
		if (!walk.nodes) {
			FREE_NULL_BITMAP(all);
			return;
		}
		if (!any) {
			narrow(nodes, walk.nodes);
			continue;
		}
		if (!all)
			all = bit_alloc(node_record_count);
		add_all(all, walk.nodes);
	}
	if (all && !*text)
		narrow(nodes, all);
	FREE_NULL_BITMAP(all);
}

static void narrow_by_reservation(bitstr_t **nodes, char *name)
{
	const slurmctld_resv_t *resv;

	if (!name || !*name || strchr(name, ',') || !find_resv_name)
		return;
	resv = find_resv_name(name);
	if (resv && resv->node_bitmap && !(resv->flags & RESERVE_FLAG_FLEX))
		narrow(nodes, resv->node_bitmap);
}

void gp_places_read(const job_desc_msg_t *job, struct gp_places *places)
{
	bitstr_t *excluded = named_nodes(job->exc_nodes);
	int required;

	memset(places, 0, sizeof(*places));
	narrow_by_partitions(&places->nodes, job->partition);
	narrow_by_features(&places->nodes, job->features);
	narrow_by_reservation(&places->nodes, job->reservation);
	if (excluded) {
		bitstr_t *others = bit_alloc(node_record_count);

		for (int64_t n = 0; n < node_record_count; n++)
			if (!bit_test(excluded, n))
				bit_set(others, n);
		narrow(&places->nodes, others);
		FREE_NULL_BITMAP(others);
		FREE_NULL_BITMAP(excluded);
	}
	places->required = named_nodes(job->req_nodes);
	places->least =
		job->min_nodes > 0 && job->min_nodes < NO_VAL ? (int)job->min_nodes : 1;
	required = places->required ? bit_set_count(places->required) : 0;
	if (places->least < required)
		places->least = required;
}

void gp_places_free(struct gp_places *places)
{
	FREE_NULL_BITMAP(places->nodes);
	FREE_NULL_BITMAP(places->required);
}
