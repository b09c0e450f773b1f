/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node_model.c - find this node's topology. Called by the SPANK plugin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compact.h"
#include "conf/conf.h"
#include "conf/gres_conf.h"
#include "rank/node_model.h"

static void say(struct gp_node_model *model, const char *name, const char *what)
{
	snprintf(model->message, sizeof(model->message), "node %s: %s", name, what);
}

static void take(struct gp_node_model *model, struct gt_node *node, const char *source)
{
	model->node = node;
	model->source = source;
}

/* ---- gputopo.conf ---------------------------------------------------------------------
 */

static struct gt_node *load_topology(const struct gp_settings *settings, const char *dir,
				     struct gt_error *err)
{
	const char *spec = settings->topology;
	struct gt_node *node, *copy = NULL;
	char path[4096];

	if (spec[0] == '/' || strncmp(spec, "builtin:", 8) == 0)
		snprintf(path, sizeof(path), "%s", spec);
	else
		snprintf(path, sizeof(path), "%s/%s", dir, spec);
	if (gt_node_load_site(&node, path, &settings->read, err) != GT_OK)
		return NULL;
	if (gt_node_copy_avoiding(&copy, node, &settings->avoid, err) != GT_OK)
		copy = NULL;
	gt_node_free(node);
	return copy;
}

/* false: this node's tasks are to be left alone. */
static bool from_conf(struct gp_node_model *model, const char *dir, const char *name)
{
	struct gp_settings settings;
	struct gt_node *node;
	struct gp_conf *conf;
	struct gt_error err;
	char path[4096];
	bool exists, active;

	snprintf(path, sizeof(path), "%s/gputopo.conf", dir);
	if (gp_conf_load(&conf, path, &exists, &err) != GT_OK) {
		say(model, name, err.text);
		return true;
	}
	gp_conf_node(conf, name, &settings);
	active = settings.mode == GP_MODE_ENFORCE;
	if (active && settings.topology) {
		node = load_topology(&settings, dir, &err);
		if (node)
			take(model, node, "gputopo.conf");
		else
			say(model, name, err.text);
	}
	gp_conf_free(conf);
	return active;
}

/* ---- what slurmctld sent --------------------------------------------------------------
 */

/* "WORD" or "WORD=2,0,1": the numbers that mixed types permute. */
static size_t read_permutation(struct gp_node_model *model, const char *word, size_t len)
{
	const char *mark = memchr(word, '=', len);
	char text[1024];
	int list[GT_MAX_GPUS], count;
	size_t rest;

	if (!mark)
		return len;
	rest = len - (size_t)(mark + 1 - word);
	if (rest >= sizeof(text))
		return 0;
	memcpy(text, mark + 1, rest);
	text[rest] = '\0';
	count = gp_list_parse(text, list, GT_MAX_GPUS);
	for (int i = 0; i < count; i++)
		if (list[i] >= count)
			return 0;
	if (count < 1)
		return 0;
	memcpy(model->to_model, list, (size_t)count * sizeof(list[0]));
	return (size_t)(mark - word);
}

static void from_slurmctld(struct gp_node_model *model, const char *name, uint64_t hash,
			   const char *word, size_t len)
{
	struct gt_node *node;
	struct gt_error err;

	if (len == 0 || gp_compact_hash(word, len) != hash)
		return;
	if (gp_compact_parse(&node, word, len, &err) == GT_OK)
		take(model, node, "slurmctld");
	else
		say(model, name, err.text);
}

/* The model's own hash, compared with slurmctld's. */
static void check_hash(struct gp_node_model *model, const char *name, uint64_t theirs)
{
	char word[GP_COMPACT_MAX];

	if (!gp_compact_write(model->node, word, sizeof(word)))
		return;
	model->hash = gp_compact_hash(word, strlen(word));
	if (!theirs || theirs == model->hash)
		return;
	snprintf(model->message, sizeof(model->message),
		 "node %s: the topology of %s (%016llx) is not slurmctld's (%016llx)",
		 name, model->source, (unsigned long long)model->hash,
		 (unsigned long long)theirs);
}

/* ---- gres.conf ------------------------------------------------------------------------
 */

static bool has_links(const struct gt_node *node)
{
	for (int a = 0; a < gt_node_size(node); a++)
		for (int b = 0; b < a; b++)
			if (gt_node_links(node, a, b) > 0)
				return true;
	return false;
}

static void from_gres(struct gp_node_model *model, const char *dir, const char *name)
{
	struct gt_load_options options = {.node_name = name};
	struct gt_node *node;
	char path[4096];

	snprintf(path, sizeof(path), "%s/gres.conf", dir);
	if (gp_gres_load(&node, path, &options, NULL) != GT_OK)
		return;
	if (has_links(node) && !gt_node_is_partial(node))
		take(model, node, "gres.conf");
	else
		gt_node_free(node);
}

void gp_node_model_load(struct gp_node_model *model, const char *dir, const char *name,
			const char *models)
{
	const char *word = "";
	uint64_t hash = 0;
	size_t len = 0;

	memset(model, 0, sizeof(*model));
	for (int i = 0; i < GT_MAX_GPUS; i++)
		model->to_model[i] = i;
	if (!from_conf(model, dir, name))
		return;
	if (models) {
		hash = gp_compact_find(models, name, &word, &len);
		if (hash)
			len = read_permutation(model, word, len);
	}
	if (!model->node && hash)
		from_slurmctld(model, name, hash, word, len);
	if (!model->node)
		from_gres(model, dir, name);
	if (model->node)
		check_hash(model, name, hash);
}

void gp_node_model_release(struct gp_node_model *model)
{
	gt_node_free(model->node);
	model->node = NULL;
}
