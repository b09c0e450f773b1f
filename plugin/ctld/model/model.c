/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.c - the topology of each node, from gputopo.conf's files or from slurmctld's
 * links_cnt. Called by choice.c, node_score.c and submit.c, whichever sees a node first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fnv.h"
#include "plugin/ctld/model/model.h"
#include "plugin/ctld/model/topology.h"
#include "plugin/ctld/objects/mig_object.h"

#define MAX_GROUP_STEPS 500000L /* of one question, 20 ms; nodes of 9 to 16 GPUs */
#define LEARNED_JOBS	20	/* before the sizes that start are believed */
#define LEARN_GPUS	8	/* larger types would take too long to weigh again */
#define MAX_KINDS	1024	/* of nodes; each state of broken links is one */
#define VALUES		4096	/* nodes of one type in one state are looked up once */

struct type {
	struct gt_node *node;
	struct gt_mix mix; /* of the configuration */
	struct gt_table *table;
	struct gt_size_memory sizes;
	int began;
	char *word; /* see gp_models_word */
};

/* What nodes that look alike have in common, found by its first four fields. */
struct kind {
	uint64_t seen;
	const struct gt_node *source; /* NULL: Links= of gres.conf */
	struct gt_mask avoid;
	struct gt_mix mix;
	struct gt_table *table; /* NULL: see why */
	enum gp_reason why;
	char detail[200];
};

struct gp_models {
	const struct gp_conf *conf;
	struct gp_topologies topologies;
	struct type *types;
	int type_count;
	struct kind *kinds;
	int kind_count;
	struct gp_binding *bindings;
	int node_count;
	struct gp_value values[VALUES];
	const char **domains; /* names by number - 1, room for node_count */
	int domain_count;
	bool has_domains;
};

enum gt_err gp_models_new(struct gp_models **out, const struct gp_conf *conf,
			  struct gp_reading *reading, int node_count,
			  struct gt_error *err)
{
	struct gp_models *models = calloc(1, sizeof(*models));
	struct gp_topologies topologies = {0};
	enum gt_err code;
	char word[16];

	*out = NULL;
	gp_topologies_take(&topologies, reading);
	if (!models) {
		gp_topologies_release(&topologies);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	models->topologies = topologies;
	models->conf = conf;
	gp_conf_non_default(conf, "Domain", word, sizeof(word));
	models->has_domains = word[0] != '\0' || models->topologies.have_domains;
	code = gp_models_resize(models, node_count, err);
	if (code != GT_OK)
		gp_models_free(models);
	else
		*out = models;
	return code;
}

enum gt_err gp_models_resize(struct gp_models *models, int node_count,
			     struct gt_error *err)
{
	size_t count = node_count > 0 ? (size_t)node_count : 1;

	free(models->bindings);
	free(models->domains);
	models->bindings = calloc(count, sizeof(*models->bindings));
	models->domains = calloc(count, sizeof(*models->domains));
	models->domain_count = 0;
	models->node_count = 0;
	if (!models->bindings || !models->domains)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	models->node_count = node_count;
	return GT_OK;
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
	free(models->kinds);
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

/* The table for a model; takes it over, also where it fails. */
static struct gt_table *share_table(struct gp_models *models, struct gp_made *made,
				    const struct gt_mix *mix)
{
	struct type *type, *more;

	for (int i = 0; i < models->type_count; i++) {
		type = &models->types[i];
		if (memcmp(&type->mix, mix, sizeof(*mix)) == 0 &&
		    gt_node_same_type(type->node, made->node)) {
			gt_node_free(made->node);
			free(made->word);
			return type->table;
		}
	}
	more = realloc(models->types, (size_t)(models->type_count + 1) * sizeof(*more));
	if (more) {
		models->types = more;
		type = &more[models->type_count];
		*type = (struct type){
			.node = made->node, .mix = *mix, .word = made->word};
		gt_size_memory_init(&type->sizes);
		if (gt_table_new(&type->table, type->node, &type->mix, NULL) == GT_OK) {
			models->type_count++;
			gt_table_limit_groups(type->table, MAX_GROUP_STEPS);
			return type->table;
		}
	}
	gt_node_free(made->node);
	free(made->word);
	return NULL;
}

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
	if (gpus->report)
		hash = gt_fnv(hash, gpus->report, strlen(gpus->report));
	return hash | 1;
}

/* What gres.conf says of the GPUs, by the model's numbers. */
static struct gp_node_facts facts_of(const struct gp_gpus *gpus, bool has_links)
{
	struct gp_node_facts facts = {
		.size = gpus->size, .has_links = has_links, .report = gpus->report};

	for (int a = 0; a < gpus->size; a++) {
		struct gp_bit bit = bit_of(gpus, (struct gp_model_gpu){a});
		uint64_t sockets = gpus->sockets[bit.n];

		facts.type[a] = gpus->type_name[bit.n];
		facts.socket[a] = __builtin_popcountll(sockets) == 1
					  ? __builtin_ctzll(sockets)
					  : GT_UNKNOWN;
		for (int b = 0; has_links && b < gpus->size; b++)
			facts.links[a][b] =
				gp_bridge_links(gpus, bit, (struct gp_place){b});
	}
	return facts;
}

/* Why there is no table for this kind, GP_OK: there is one. */
static enum gp_reason make_kind(struct gp_models *models, struct kind *kind,
				const struct gp_node_facts *facts)
{
	struct gp_reader reader;
	struct gp_made made;
	struct gt_error err;
	enum gp_reason why;

	if (gp_reader_open(&reader, &err) != GT_OK) {
		snprintf(kind->detail, sizeof(kind->detail), "%.199s", err.text);
		return GP_NO_READER;
	}
	why = reader.object->make(&made, kind->source, facts, &kind->avoid);
	gp_reader_close(&reader);
	memcpy(kind->detail, made.detail, sizeof(kind->detail));
	if (why == GP_OK) {
		kind->table = share_table(models, &made, &kind->mix);
		why = kind->table ? GP_OK : GP_MEMORY;
	}
	return why;
}

/* The nodes of a cluster are mostly alike: a kind is made once and found again. */
static struct kind find_kind(struct gp_models *models, const struct gp_binding *binding,
			     const struct gt_node *source, const struct gp_gpus *gpus)
{
	struct kind kind = {.seen = binding->seen,
			    .source = source,
			    .avoid = binding->settings.avoid,
			    .mix = binding->settings.mix};
	struct kind *more;
	struct gp_node_facts facts;

	for (int i = 0; i < models->kind_count; i++) {
		const struct kind *old = &models->kinds[i];

		if (old->seen == kind.seen && old->source == source &&
		    gt_mask_equal(&old->avoid, &kind.avoid) &&
		    memcmp(&old->mix, &kind.mix, sizeof(kind.mix)) == 0)
			return *old;
	}
	kind.why = GP_LIMIT;
	if (models->kind_count == MAX_KINDS)
		return kind;
	facts = facts_of(gpus,
			 gpus->has_links && !(source && gt_node_instance_count(source)));
	kind.why = make_kind(models, &kind, &facts);
	more = kind.why == GP_MEMORY
		       ? NULL
		       : realloc(models->kinds,
				 (size_t)(models->kind_count + 1) * sizeof(*more));
	if (more) {
		models->kinds = more;
		more[models->kind_count++] = kind;
	}
	return kind;
}

/* The table for the node, or the reason why it has none. */
static void find_table(struct gp_models *models, struct gp_binding *binding,
		       const struct gp_gpus *gpus)
{
	const char *spec = binding->settings.topology;
	const struct gp_topologies *topologies = &models->topologies;
	const struct gt_node *source = gp_topology_in(topologies->list, topologies->count,
						      spec, &binding->settings.read);
	struct kind kind;

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
	if (binding->why != GP_OK)
		return;
	kind = find_kind(models, binding, source, gpus);
	binding->table = kind.table;
	binding->why = kind.why;
	memcpy(binding->detail, kind.detail, sizeof(binding->detail));
}

/* Domain= of gputopo.conf, or else of the node file. */
static int find_domain(struct gp_models *models, const struct gp_settings *settings)
{
	const struct gt_node *source =
		gp_topology_in(models->topologies.list, models->topologies.count,
			       settings->topology, &settings->read);
	const char *name = settings->domain;

	if (!name && source)
		name = gt_node_domain(source);
	return name && *name ? number_domain(models, name) : 0;
}

struct gp_binding *gp_models_bind(struct gp_models *models, int index, const char *name,
				  const struct gp_gpus *gpus)
{
	struct gp_binding *binding;
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
	binding->domain = find_domain(models, &binding->settings);
	if (binding->settings.mode == GP_MODE_OFF)
		binding->why = GP_OFF;
	else
		find_table(models, binding, gpus);
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

const char *gp_models_word(struct gp_models *models, const struct gp_binding *binding)
{
	const struct type *type = find_type(models, binding->table);

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
