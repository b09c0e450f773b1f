/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gputopo_topology.c - gputopo_topology.so: read gputopo.conf with the topologies that it
 * names, and make the models of nodes. Called by config.c and model.c through the table
 * at the end; nothing of Slurm.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compact.h"
#include "conf/health.h"
#include "plugin/ctld/objects/topology_object.h"

#define MAX_FIT_STEPS 100000 /* of the search for a permutation that would fit */

/* ---- the configuration ---- */

/* A relative path is meant beside gputopo.conf. */
static void resolve_path(const struct gp_conf *conf, const char *spec, char *path,
			 size_t size)
{
	const char *file = gp_conf_file(conf);
	const char *slash = strrchr(file, '/');

	if (spec[0] == '/' || strncmp(spec, "builtin:", 8) == 0 || !slash)
		snprintf(path, size, "%s", spec);
	else
		snprintf(path, size, "%.*s/%s", (int)(slash - file), file, spec);
}

static enum gt_err load(struct gp_topology *topology, const struct gp_conf *conf,
			int line, struct gt_error *err)
{
	struct gt_error cause;
	char path[4096];
	enum gt_err code;

	resolve_path(conf, topology->spec, path, sizeof(path));
	code = gt_node_load_site(&topology->node, path, &topology->options, &cause);
	if (code != GT_OK)
		return gt_fail_at(err, code, gp_conf_file(conf), line, 0,
				  "Topology=%s: line %d: %s", topology->spec, cause.line,
				  cause.text);
	if (gt_node_is_partial(topology->node))
		return gt_fail_at(err, GT_EINVAL, gp_conf_file(conf), line, 0,
				  "Topology=%s does not show every pair of GPUs",
				  topology->spec);
	return GT_OK;
}

static enum gt_err load_all(struct gp_reading *reading, struct gt_error *err)
{
	const struct gp_conf *conf = reading->conf;
	struct gp_topology *more;
	enum gt_err code = GT_OK;
	const char *spec;
	int line;

	for (int i = 0; code == GT_OK && (spec = gp_conf_topology(conf, i, &line)); i++) {
		struct gt_site_options options = gp_conf_load_options(conf, i);

		if (gp_topology_in(reading->topologies, reading->topology_count, spec,
				   &options))
			continue;
		more = realloc(reading->topologies,
			       (size_t)(reading->topology_count + 1) * sizeof(*more));
		if (!more)
			return gt_fail(err, GT_ENOMEM, "out of memory");
		reading->topologies = more;
		more += reading->topology_count++;
		*more = (struct gp_topology){.spec = spec, .options = options};
		code = load(more, conf, line, err);
	}
	return code;
}

static enum gt_err read_all(struct gp_reading *reading, const char *path,
			    struct gt_error *err)
{
	enum gt_err code;

	*reading = (struct gp_reading){0};
	code = gp_conf_load(&reading->conf, path, &reading->exists, err);
	if (code == GT_OK)
		code = load_all(reading, err);
	if (code == GT_OK)
		return code;
	for (int i = 0; i < reading->topology_count; i++)
		gt_node_free(reading->topologies[i].node);
	free(reading->topologies);
	gp_conf_free(reading->conf);
	*reading = (struct gp_reading){0};
	return code;
}

/* ---- models ---- */

static struct gt_node *from_links(const struct gp_node_facts *facts)
{
	struct gt_node *node;

	if (gt_node_new(&node, facts->size, NULL) != GT_OK)
		return NULL;
	for (int a = 0; a < facts->size; a++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, a);

		if (facts->type[a])
			snprintf(gpu->model, sizeof(gpu->model), "%s", facts->type[a]);
		gpu->socket = facts->socket[a];
		gpu->mig = facts->type[a] && gt_mig_is_profile_name(facts->type[a]);
		for (int b = 0; b < facts->size; b++)
			if (a != b)
				gt_node_set_links(node, a, b, facts->links[a][b]);
	}
	gt_node_infer_fabric(node);
	if (gt_node_finish(node, NULL) == GT_OK)
		return node;
	gt_node_free(node);
	return NULL;
}

static bool same_links(const struct gp_node_facts *facts, const struct gt_node *node)
{
	for (int a = 0; a < facts->size; a++)
		for (int b = 0; b < facts->size; b++)
			if (a != b && facts->links[a][b] != gt_node_links(node, a, b))
				return false;
	return true;
}

/* Search a permutation that makes the model's links those of gres.conf: fit[a] is the
 * model's GPU at position a. Backtracking with counted steps. */
static bool find_fit(const struct gp_node_facts *facts, const struct gt_node *node,
		     int *fit, int a, uint64_t used, int *steps)
{
	if (a == facts->size)
		return true;
	for (int m = 0; m < facts->size; m++) {
		int b = 0;

		if ((used >> m & 1) || --*steps < 0)
			continue;
		while (b < a && facts->links[a][b] == gt_node_links(node, m, fit[b]))
			b++;
		if (b < a)
			continue;
		fit[a] = m;
		if (find_fit(facts, node, fit, a + 1, used | (uint64_t)1 << m, steps))
			return true;
	}
	return false;
}

static void describe_difference(char *text, size_t size,
				const struct gp_node_facts *facts,
				const struct gt_node *node)
{
	int fit[GP_MAX_GPUS], steps = MAX_FIT_STEPS;
	size_t used;

	if (!find_fit(facts, node, fit, 0, 0, &steps)) {
		snprintf(text, size, "no order of GPUs would fit");
		return;
	}
	used = (size_t)snprintf(text, size,
				"they would fit with the model's GPUs in the order");
	for (int a = 0; a < facts->size && used < size; a++)
		used += (size_t)snprintf(text + used, size - used, "%c%d", a ? ',' : ' ',
					 fit[a]);
}

static char *make_word(const struct gt_node *node)
{
	char word[GP_COMPACT_MAX], text[GP_COMPACT_MAX + 32] = "";

	if (gp_compact_write(node, word, sizeof(word)))
		snprintf(text, sizeof(text), "%016llx=%s",
			 (unsigned long long)gp_compact_hash(word, strlen(word)), word);
	return strdup(text);
}

static enum gp_reason make(struct gp_made *made, const struct gt_node *source,
			   const struct gp_node_facts *facts, const struct gt_mask *avoid)
{
	struct gt_node *own = source ? NULL : from_links(facts);
	struct gt_mask last = *avoid;
	struct gp_health health;
	enum gt_err code;

	*made = (struct gp_made){0};
	if (!source && !own)
		return GP_BAD_LINKS;
	if (source && facts->has_links && !same_links(facts, source)) {
		describe_difference(made->detail, sizeof(made->detail), facts, source);
		return GP_LINKS_DIFFER;
	}
	(void)gp_health_read(&health, facts->report);
	last.word[0] |= health.lost | health.last;
	(void)gt_node_copy_avoiding(&made->node, source ? source : own, &last, NULL);
	gt_node_free(own);
	if (!made->node)
		return GP_MEMORY;
	code = gt_node_wear(made->node, health.link, health.links, NULL);
	if (code != GT_OK) {
		if (code == GT_EINVAL)
			snprintf(made->detail, sizeof(made->detail),
				 "Extra= reports links of GPUs that are not there");
		gt_node_free(made->node);
		made->node = NULL;
		return code == GT_EINVAL ? GP_BAD_LINKS : GP_MEMORY;
	}
	gt_node_name_gpus(made->node, facts->type);
	made->word = make_word(made->node);
	return GP_OK;
}

extern const struct gp_topology_object gputopo_topology;
const struct gp_topology_object gputopo_topology = {
	.size = sizeof(struct gp_topology_object),
	.layout = GP_TOPOLOGY_LAYOUT,
	.version = PACKAGE_VERSION,
	.read = read_all,
	.make = make,
};
