/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partitions, node sets and features. */
#include "config.h"

#include "sim/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/slurm_conf.h"
#include "core/hostlist.h"

#define MAX_DEPTH 16 /* brackets in an expression */

/* ---- keeping ---- */

bool sim_site_add_group(struct sim_group **groups, int *count, const char *name,
			const char *nodes, const char *feature)
{
	struct sim_group *grown =
		realloc(*groups, (size_t)(*count + 1) * sizeof(**groups));

	if (!grown)
		return false;
	*groups = grown;
	grown[*count] = (struct sim_group){strdup(name), strdup(nodes), strdup(feature)};
	++*count;
	return grown[*count - 1].name && grown[*count - 1].nodes &&
	       grown[*count - 1].feature;
}

bool sim_site_set_node(struct sim_site *site, int node, const char *types,
		       const char *features)
{
	if (node >= site->node_room) {
		int room = 2 * site->node_room + 64 > node ? 2 * site->node_room + 64
							   : node + 1;
		void *grown = realloc(site->nodes, (size_t)room * sizeof(*site->nodes));

		if (!grown)
			return false;
		site->nodes = grown;
		memset(site->nodes + site->node_room, 0,
		       (size_t)(room - site->node_room) * sizeof(*site->nodes));
		site->node_room = room;
	}
	site->nodes[node].types = strdup(types);
	site->nodes[node].features = strdup(features);
	site->has_types |= *types != '\0';
	site->has_features |= *features != '\0';
	return site->nodes[node].types && site->nodes[node].features;
}

bool sim_site_leave_out(struct sim_site *site, const char *name)
{
	size_t used = site->left_out ? strlen(site->left_out) : 0;
	char *grown = realloc(site->left_out, used + strlen(name) + 2);

	if (!grown)
		return false;
	site->left_out = grown;
	if (used)
		grown[used++] = ',';
	memcpy(grown + used, name, strlen(name) + 1);
	return true;
}

static void release_groups(struct sim_group *groups, int count)
{
	for (int i = 0; i < count; i++) {
		free(groups[i].name);
		free(groups[i].nodes);
		free(groups[i].feature);
	}
	free(groups);
}

void sim_site_release(struct sim_site *site)
{
	release_groups(site->partitions, site->partition_count);
	release_groups(site->sets, site->set_count);
	for (int i = 0; i < site->node_room; i++) {
		free(site->nodes[i].types);
		free(site->nodes[i].features);
	}
	free(site->nodes);
	free(site->left_out);
	memset(site, 0, sizeof(*site));
}

/* ---- asking ---- */

static bool holds(const struct sim_site *site, const char *list, const char *name,
		  int node)
{
	for (size_t length; *list; list += length + (list[length] == ',')) {
		length = gt_hostlist_first(list);
		if (length == 3 && !strncasecmp(list, "ALL", 3))
			return true;
		for (int s = 0; s < site->set_count; s++)
			if (strlen(site->sets[s].name) == length &&
			    !strncmp(site->sets[s].name, list, length) &&
			    (gt_hostlist_has(site->sets[s].nodes, name) ||
			     (*site->sets[s].feature &&
			      slurm_list_has(site->nodes[node].features,
					     site->sets[s].feature))))
				return true;
	}
	return false;
}

bool sim_site_in_partition(const struct sim_site *site, const char *partitions,
			   const char *name, int node)
{
	for (int i = 0; i < site->partition_count; i++) {
		const struct sim_group *p = &site->partitions[i];

		if (slurm_list_has(partitions, p->name) &&
		    (gt_hostlist_has(p->nodes, name) ||
		     holds(site, p->nodes, name, node)))
			return true;
	}
	return false;
}

static bool match_any(const char **at, const char *features, int depth);

/* One name, or what stands in brackets. */
static bool match_term(const char **at, const char *features, int depth)
{
	bool negated = false, found;
	char name[128];
	size_t length;

	for (; **at == '!' || **at == ' '; ++*at)
		negated ^= **at == '!';
	if ((**at == '(' || **at == '[') && depth < MAX_DEPTH) {
		++*at;
		found = match_any(at, features, depth + 1);
		*at += **at == ')' || **at == ']';
	} else {
		length = strcspn(*at, "&|,()[]* ");
		snprintf(name, sizeof(name), "%.*s", (int)length, *at);
		found = slurm_list_has(features, name);
		*at += length;
	}
	if (**at == '*')
		*at += 1 + strspn(*at + 1, "0123456789");
	return found ^ negated;
}

static bool match_all(const char **at, const char *features, int depth)
{
	bool found = match_term(at, features, depth);

	while (**at == '&' || **at == ',') {
		++*at;
		found &= match_term(at, features, depth);
	}
	return found;
}

static bool match_any(const char **at, const char *features, int depth)
{
	bool found = match_all(at, features, depth);

	while (**at == '|') {
		++*at;
		found |= match_all(at, features, depth);
	}
	return found;
}

bool sim_features_match(const char *expression, const char *features)
{
	return match_any(&expression, features, 0);
}
