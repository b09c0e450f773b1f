/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.c - the topology of each node, from gputopo.conf's files or from slurmctld's
 * links_cnt. Called by choice.c, node_score.c and submit.c, whichever sees a node first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compact.h"
#include "core/fnv.h"
#include "plugin/ctld/objects/mig_object.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/model/topology.h"

#define MAX_GROUP_STEPS 500000L /* of one question, 20 ms; nodes of 9 to 16 GPUs */
#define MAX_FIT_STEPS	100000	/* of the search for a permutation that would fit */
#define LEARNED_JOBS	20	/* before the sizes that start are believed */
#define LEARN_GPUS	8	/* larger types would take too long to weigh again */
#define VALUES		4096	/* nodes of one type in one state are looked up once */

struct type {
	struct gt_node *node;
	struct gt_mix mix; /* of the configuration */
	struct gt_table *table;
	struct gt_size_memory sizes;
	int began;
	char *word; /* see gp_models_word; NULL: not made yet */
};

struct gp_models {
	const struct gp_conf *conf;
	struct gp_topologies topologies;
	struct type *types;
	int type_count;
	struct gp_binding *bindings;
	int node_count;
	int last; /* node that was bound last */
	struct gp_value values[VALUES];
	const char **domains; /* names by number - 1, room for node_count */
	int domain_count;
	bool has_domains;
};

enum gt_err gp_models_new(struct gp_models **out, const struct gp_conf *conf,
			  int node_count, struct gt_error *err)
{
	struct gp_models *models = calloc(1, sizeof(*models));
	enum gt_err code;
	char word[16];

	*out = NULL;
	if (!models)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	models->conf = conf;
	gp_conf_non_default(conf, "Domain", word, sizeof(word));
	code = gp_topologies_load(&models->topologies, conf, err);
	models->has_domains = word[0] != '\0' || models->topologies.have_domains;
	if (code == GT_OK && node_count > 0) {
		models->bindings = calloc((size_t)node_count, sizeof(*models->bindings));
		models->domains = calloc((size_t)node_count, sizeof(*models->domains));
		models->node_count = models->bindings ? node_count : 0;
		if (!models->bindings || !models->domains)
			code = gt_fail(err, GT_ENOMEM, "out of memory");
	}
	if (code != GT_OK)
		gp_models_free(models);
	else
		*out = models;
	return code;
}

void gp_models_free(struct gp_models *models)
{
	if (!models)
		return;
	for (int i = 0; i < models->type_count; i++) {
		gt_table_free(models->types[i].table);
		gt_node_free(models->types[i].node);
		free(models->types[i].word);
	}
	gp_topologies_release(&models->topologies);
	free(models->types);
	free(models->bindings);
	free(models->domains);
	free(models);
}

bool gp_models_have_domains(const struct gp_models *models)
{
	return models->has_domains;
}

bool gp_models_have_mig(const struct gp_models *models)
{
	return models->topologies.have_mig;
}

/* The number of a name, which belongs to the conf or to a source. Domains are few. */
static int number_domain(struct gp_models *models, const char *name)
{
	int d = 0;

	while (d < models->domain_count && strcmp(models->domains[d], name) != 0)
		d++;
	if (d == models->node_count)
		return 0;
	if (d == models->domain_count)
		models->domains[models->domain_count++] = name;
	return d + 1;
}

int gp_models_domain(const struct gp_models *models, int node)
{
	const struct gp_binding *binding = gp_models_recall(models, node);

	return binding ? binding->domain : 0;
}

int gp_models_types(const struct gp_models *models, size_t *bytes)
{
	*bytes = 0;
	for (int i = 0; i < models->type_count; i++)
		*bytes += gt_table_bytes(models->types[i].table);
	return models->type_count;
}

/* ---- types --------------------------------------------------------------------------
 */

/* The table for a model; takes the node over, also where it fails. */
static struct gt_table *share_table(struct gp_models *models, struct gt_node *node,
				    const struct gt_mix *mix)
{
	struct type *type, *more;

	for (int i = 0; i < models->type_count; i++) {
		type = &models->types[i];
		if (memcmp(&type->mix, mix, sizeof(*mix)) == 0 &&
		    gt_node_same_type(type->node, node)) {
			gt_node_free(node);
			return type->table;
		}
	}
	more = realloc(models->types, (size_t)(models->type_count + 1) * sizeof(*more));
	if (more) {
		models->types = more;
		type = &more[models->type_count];
		*type = (struct type){.node = node, .mix = *mix};
		gt_size_memory_init(&type->sizes);
		if (gt_table_new(&type->table, node, &type->mix, NULL) == GT_OK) {
			models->type_count++;
			gt_table_limit_groups(type->table, MAX_GROUP_STEPS);
			return type->table;
		}
	}
	gt_node_free(node);
	return NULL;
}

/* ---- Links= -------------------------------------------------------------------------
 */

/* A topology lists the GPUs in the order of gres.conf, so that a place is the model's
 * number: the only step from one numbering to the other. */
static struct gp_model_gpu model_gpu_at(struct gp_place place)
{
	return (struct gp_model_gpu){place.n};
}

static struct gp_bit bit_of(const struct gp_gpus *gpus, struct gp_model_gpu gpu)
{
	for (int g = 0; g < gpus->size; g++)
		if (model_gpu_at(gpus->place[g]).n == gpu.n)
			return (struct gp_bit){g};
	return (struct gp_bit){gpu.n};
}

/* What gres.conf says of two GPUs of its model. */
static int links_of(const struct gp_gpus *gpus, int a, int b)
{
	return gp_bridge_links(gpus, bit_of(gpus, (struct gp_model_gpu){a}),
			       (struct gp_place){b});
}

static struct gt_node *node_from_links(const struct gp_gpus *gpus)
{
	struct gt_node *node;

	if (gt_node_new(&node, gpus->size, NULL) != GT_OK)
		return NULL;
	for (int a = 0; a < gpus->size; a++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, a);
		int g = bit_of(gpus, (struct gp_model_gpu){a}).n;

		if (gpus->type_name[g])
			snprintf(gpu->model, sizeof(gpu->model), "%s",
				 gpus->type_name[g]);
		if (__builtin_popcountll(gpus->sockets[g]) == 1)
			gpu->socket = __builtin_ctzll(gpus->sockets[g]);
		gpu->mig =
			gpus->type_name[g] && gt_mig_is_profile_name(gpus->type_name[g]);
		for (int b = 0; b < gpus->size; b++)
			if (a != b)
				gt_node_set_links(node, a, b, links_of(gpus, a, b));
	}
	gt_node_infer_fabric(node);
	if (gt_node_finish(node, NULL) == GT_OK)
		return node;
	gt_node_free(node);
	return NULL;
}

static bool same_links(const struct gp_gpus *gpus, const struct gt_node *node)
{
	for (int a = 0; a < gpus->size; a++)
		for (int b = 0; b < gpus->size; b++)
			if (a != b && links_of(gpus, a, b) != gt_node_links(node, a, b))
				return false;
	return true;
}

/* Search a permutation that makes the model's links those of gres.conf: fit[a] is the
 * model's GPU at position a. Backtracking with counted steps. */
static bool find_fit(const struct gp_gpus *gpus, const struct gt_node *node, int *fit,
		     int a, uint64_t used, int *steps)
{
	if (a == gpus->size)
		return true;
	for (int m = 0; m < gpus->size; m++) {
		int b = 0;

		if ((used >> m & 1) || --*steps < 0)
			continue;
		while (b < a && links_of(gpus, a, b) == gt_node_links(node, m, fit[b]))
			b++;
		if (b < a)
			continue;
		fit[a] = m;
		if (find_fit(gpus, node, fit, a + 1, used | (uint64_t)1 << m, steps))
			return true;
	}
	return false;
}

static void describe_difference(struct gp_binding *binding, const struct gp_gpus *gpus,
				const struct gt_node *node)
{
	int fit[GP_MAX_GPUS], steps = MAX_FIT_STEPS;
	size_t used;

	if (!find_fit(gpus, node, fit, 0, 0, &steps)) {
		snprintf(binding->detail, sizeof(binding->detail),
			 "no order of GPUs would fit");
		return;
	}
	used = (size_t)snprintf(binding->detail, sizeof(binding->detail),
				"they would fit with the model's GPUs in the order");
	for (int a = 0; a < gpus->size && used < sizeof(binding->detail); a++)
		used += (size_t)snprintf(binding->detail + used,
					 sizeof(binding->detail) - used, "%c%d",
					 a ? ',' : ' ', fit[a]);
}

/* ---- bindings -----------------------------------------------------------------------
 */

/* What the binding depends on, besides the configuration. Never 0. */
static uint64_t fingerprint(const struct gp_gpus *gpus)
{
	uint64_t hash = gt_fnv_mix(GT_FNV_START, (uint64_t)gpus->size);

	hash = gt_fnv_mix(hash, (uint64_t)gpus->order_known << 1 | gpus->has_links);
	for (int g = 0; g < gpus->size; g++) {
		hash = gt_fnv_mix(hash, gpus->type[g]);
		hash = gt_fnv_mix(hash, gpus->sockets[g]);
		hash = gt_fnv_mix(hash, (uint64_t)gpus->place[g].n);
		for (int b = 0; gpus->has_links && b < gpus->size; b++)
			hash = gt_fnv_mix(
				hash, (uint64_t)gp_bridge_links(gpus, (struct gp_bit){g},
								(struct gp_place){b}));
	}
	return hash | 1;
}

/* By Type= of gres.conf, or AutoDetect's, what the topology does not name. */
static void name_gpus(struct gt_node *node, const struct gp_gpus *gpus)
{
	const char *names[GP_MAX_GPUS];

	for (int a = 0; a < gpus->size; a++)
		names[a] = gpus->type_name[bit_of(gpus, (struct gp_model_gpu){a}).n];
	gt_node_name_gpus(node, names);
}

/* A model of our own of the node, or NULL with the reason. */
static struct gt_node *make_model(struct gp_models *models, struct gp_binding *binding,
				  const struct gp_gpus *gpus)
{
	const char *spec = binding->settings.topology;
	const struct gt_node *source =
		gp_topologies_find(&models->topologies, spec, binding->settings.model);
	const struct gt_mask *avoid = &binding->settings.avoid;
	struct gt_node *own = NULL, *copy = NULL;

	binding->why = GP_OK;
	if (!spec && !gpus->has_links)
		binding->why = GP_NO_TOPOLOGY;
	else if (source && gt_node_instance_count(source) > 0)
		binding->why = gp_mig_object()
				       ? gp_mig_object()->bind(binding, gpus, source)
				       : GP_INSTANCES;
	else if (!gpus->order_known)
		binding->why = GP_PERMUTED;
	else if (source && gt_node_size(source) != gpus->size)
		binding->why = GP_SIZE;
	else if (source && gpus->has_links && !same_links(gpus, source)) {
		binding->why = GP_LINKS_DIFFER;
		describe_difference(binding, gpus, source);
	}
	if (binding->why != GP_OK)
		return NULL;
	if (!source) {
		own = node_from_links(gpus);
		source = own;
	}
	binding->why = own || spec ? GP_MEMORY : GP_BAD_LINKS;
	if (!source || gt_node_copy_avoiding(&copy, source, avoid, NULL) != GT_OK)
		copy = NULL;
	gt_node_free(own);
	if (copy) {
		name_gpus(copy, gpus);
		binding->why = GP_OK;
	}
	return copy;
}

/* Domain= of gputopo.conf, or else of the node file. */
static int find_domain(struct gp_models *models, const struct gp_settings *settings)
{
	const struct gt_node *source = gp_topologies_find(
		&models->topologies, settings->topology, settings->model);
	const char *name = settings->domain;

	if (!name && source)
		name = gt_node_domain(source);
	return name && *name ? number_domain(models, name) : 0;
}

/* The nodes of a cluster are mostly alike: what the last one was bound to is the answer,
 * if this one looks the same and gputopo.conf says the same of it. */
static bool take_last(struct gp_models *models, struct gp_binding *binding)
{
	const struct gp_binding *last = &models->bindings[models->last];

	if (last == binding || last->seen != binding->seen || !last->table ||
	    last->instances ||
	    memcmp(&last->settings, &binding->settings, sizeof(last->settings)) != 0)
		return false;
	*binding = *last;
	return true;
}

struct gp_binding *gp_models_bind(struct gp_models *models, int index, const char *name,
				  const struct gp_gpus *gpus)
{
	struct gp_binding *binding;
	struct gt_node *node;
	uint64_t seen = fingerprint(gpus);

	if (index < 0 || index >= models->node_count)
		return NULL;
	binding = &models->bindings[index];
	if (binding->seen == seen)
		return binding;
	memset(binding, 0, sizeof(*binding));
	binding->seen = seen;
	binding->size = gpus->size;
	for (int g = 0; g < gpus->size; g++)
		binding->to_model[g] = model_gpu_at(gpus->place[g]);
	gp_conf_node(models->conf, name, &binding->settings);
	if (take_last(models, binding))
		return binding;
	models->last = index;
	binding->domain = find_domain(models, &binding->settings);
	if (binding->settings.mode == GP_MODE_OFF) {
		binding->why = GP_OFF;
		return binding;
	}
	node = make_model(models, binding, gpus);
	if (!node)
		return binding;
	binding->table = share_table(models, node, &binding->settings.mix);
	if (!binding->table)
		binding->why = GP_MEMORY;
	return binding;
}

const struct gp_binding *gp_models_recall(const struct gp_models *models, int index)
{
	if (index < 0 || index >= models->node_count || !models->bindings[index].seen)
		return NULL;
	return &models->bindings[index];
}

static struct type *find_type(struct gp_models *models, const struct gt_table *table)
{
	for (int i = 0; table && i < models->type_count; i++)
		if (models->types[i].table == table)
			return &models->types[i];
	return NULL;
}

static char *make_word(const struct gt_node *node)
{
	char word[GP_COMPACT_MAX], text[GP_COMPACT_MAX + 32] = "";

	if (gp_compact_write(node, word, sizeof(word)))
		snprintf(text, sizeof(text), "%016llx=%s",
			 (unsigned long long)gp_compact_hash(word, strlen(word)), word);
	return strdup(text);
}

const char *gp_models_word(struct gp_models *models, const struct gp_binding *binding)
{
	struct type *type = find_type(models, binding->table);

	if (type && !type->word)
		type->word = make_word(type->node);
	return type && type->word ? type->word : "";
}

void gp_models_began(struct gp_models *models, int node, uint64_t gpus)
{
	const struct gp_binding *binding = gp_models_recall(models, node);
	struct type *type = binding ? find_type(models, binding->table) : NULL;
	int count = type ? __builtin_popcountll(gpus & ~binding->instances) : 0;
	struct gt_mix mix;

	if (!count || gt_node_size(type->node) > LEARN_GPUS)
		return;
	gt_size_memory_add(&type->sizes, count);
	if (++type->began % LEARNED_JOBS)
		return;
	mix = gt_size_memory_mix(&type->sizes);
	gt_table_set_mix(type->table, &mix);
	for (int i = 0; i < VALUES; i++)
		if (models->values[i].table == type->table)
			models->values[i].table = NULL;
}

struct gp_value *gp_models_value(struct gp_models *models,
				 const struct gp_binding *binding, uint64_t usable,
				 uint64_t asked)
{
	uint64_t hash = gt_fnv_mix(gt_fnv_mix(binding->seen, usable), asked);

	return &models->values[(hash ^ hash >> 32) % VALUES];
}

uint64_t gp_binding_to_bits(const struct gp_binding *binding, const struct gt_mask *mask)
{
	uint64_t bits = 0;

	for (int g = 0; g < binding->size; g++)
		if (!(binding->instances >> g & 1) &&
		    gt_mask_has(mask, binding->to_model[g].n))
			bits |= (uint64_t)1 << g;
	return bits;
}
