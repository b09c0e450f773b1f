/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.c - how many whole nodes each leaf switch, base block or NVLink domain has.
 */
#include "plugin/slurm/compat.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/ctld/nodes/units.h"

/* A node and the name of its unit, while units get numbers. */
struct named {
	char *unit;
	int node;
};

void gp_units_release(struct gp_units *units)
{
	free(units->of);
	free(units->unit);
	memset(units, 0, sizeof(*units));
}

static int by_unit(const void *x, const void *y)
{
	const struct named *a = x, *b = y;

	return strcmp(a->unit, b->unit);
}

/* Nodes with a unit into *named. Returns how many; -1: the network is another. */
static int read_names(struct gp_units *units, struct named *named)
{
	int count = 0;
	bool known = !gp_network_is_odd();

	for (int n = 0; n < units->node_count && known; n++) {
		const node_record_t *record = node_record_table_ptr[n];
		enum gp_network network;
		char *unit;

		if (!record || !record->name)
			continue;
		network = gp_network_of(record, &unit);
		known = network != GP_NETWORK_OTHER;
		if (network == GP_NETWORK_UNITS)
			units->network = network;
		if (unit)
			named[count++] = (struct named){unit, n};
	}
	if (!known)
		units->network = GP_NETWORK_OTHER;
	return count;
}

/* Equal names, equal numbers. */
static void number(struct gp_units *units, struct named *named, int count)
{
	if (count > 0)
		qsort(named, (size_t)count, sizeof(*named), by_unit);
	for (int i = 0; i < count; i++) {
		if (i == 0 || strcmp(named[i].unit, named[i - 1].unit) != 0)
			units->count++;
		units->of[named[i].node] = units->count;
	}
}

void gp_units_say(const struct gp_units *units)
{
	if (units->network == GP_NETWORK_UNITS)
		info("gputopo: single-node jobs avoid breaking up %d leaf switches or "
		     "base blocks",
		     units->count);
	else if (units->network == GP_NETWORK_OTHER)
		info("gputopo: the shape of the network is unknown: Slurm alone "
		     "chooses the nodes");
}

void gp_units_read(struct gp_units *units, int node_count)
{
	struct named *named;
	int count;

	gp_units_release(units);
	if (node_count <= 0)
		return;
	units->node_count = node_count;
	units->of = calloc((size_t)node_count, sizeof(*units->of));
	units->unit = calloc((size_t)node_count + 1, sizeof(*units->unit));
	named = calloc((size_t)node_count, sizeof(*named));
	if (!units->of || !units->unit || !named) {
		free(named);
		gp_units_release(units);
		units->network = GP_NETWORK_OTHER;
		return;
	}
	count = read_names(units, named);
	number(units, named, count);
	for (int i = 0; i < count; i++)
		free(named[i].unit);
	free(named);
}

enum gp_network gp_units_network(const struct gp_units *units, const job_record_t *job)
{
	return gp_network_is_apart(job) ? GP_NETWORK_OTHER : units->network;
}

/* Whether there is anything to break. */
static bool has_units(const struct gp_units *units, const struct gp_models *models)
{
	if (!units->of)
		return false;
	return units->network == GP_NETWORK_UNITS ||
	       (units->network == GP_NETWORK_FLAT && gp_models_have_domains(models));
}

int gp_units_of(const struct gp_units *units, int node, const struct gp_models *models)
{
	int unit = 0;

	if (!units->of || node < 0 || node >= units->node_count)
		return 0;
	if (units->network == GP_NETWORK_UNITS)
		unit = units->of[node];
	else if (units->network == GP_NETWORK_FLAT)
		unit = gp_models_domain(models, node);
	return unit > 0 && unit <= units->node_count ? unit : 0;
}

/* A node's domain is known when it has been looked at closely. */
static void look_closely(int node, struct gp_models *models)
{
	const node_record_t *record = node_record_table_ptr[node];
	struct gp_gpus gpus;

	if (!gp_models_recall(models, node) && gp_bridge_node(record, &gpus) == GP_OK)
		(void)gp_models_bind(models, node, record->name, &gpus);
}

void gp_units_count(struct gp_units *units, bitstr_t *nodes, struct gp_models *models,
		    struct gp_free_bound *room)
{
	if (!has_units(units, models))
		return;
	memset(units->unit, 0, ((size_t)units->node_count + 1) * sizeof(*units->unit));
	for (int64_t n = bit_ffs(nodes), last = bit_fls(nodes);
	     n >= 0 && n <= last && n < units->node_count; n++) {
		const gres_node_state_t *state;
		struct gp_unit *unit;
		uint64_t free;

		if (!bit_test(nodes, n) || !gp_free_bound_may(room, (int)n, 1))
			continue;
		state = gp_free_bound_look(room, (int)n, &free);
		if (!state ||
		    __builtin_popcountll(free) < bit_size(state->gres_bit_alloc))
			continue;
		if (units->network == GP_NETWORK_FLAT)
			look_closely((int)n, models);
		unit = &units->unit[gp_units_of(units, (int)n, models)];
		unit->open++;
		unit->whole += gp_bridge_is_idle(node_record_table_ptr[n]);
	}
}

uint64_t gp_units_harm(const struct gp_units *units, int node,
		       const struct gp_models *models, uint64_t free, int size)
{
	int number = has_units(units, models) ? gp_units_of(units, node, models) : 0;
	const struct gp_unit *unit;

	if (!number)
		return 0;
	unit = &units->unit[number];
	if (__builtin_popcountll(free) < size)
		return (uint64_t)unit->whole << 24 | (uint64_t)unit->open;
	if (!gp_bridge_is_idle(node_record_table_ptr[node]))
		return GP_HARM_BREAKS | (uint64_t)unit->open;
	return GP_HARM_WHOLE | (uint64_t)unit->whole << 24 | (uint64_t)unit->open;
}
