/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instance.c - instances that the admin made: map each gres bit to its instance, and
 * choose among equal ones. Called by model.c (map) and choice.c (choose) through
 * mig_object.h.
 */
#include "plugin/slurm/compat.h"

#include <string.h>

#include "plugin/ctld/mig/instance.h"

static uint64_t bit(int i)
{
	return (uint64_t)1 << i;
}

/* ---- what each gres bit is ----------------------------------------------------------
 */

/* One position of the model's order. */
struct place {
	int gpu;
	int instance; /* GT_UNKNOWN: the whole GPU */
	bool taken;
};

struct search {
	struct gp_binding *binding;
	const struct gp_gpus *gpus;
	const struct gt_node *model;
	struct place place[GP_MAX_GPUS];
	int places;
};

__attribute__((format(printf, 3, 4))) static enum gp_reason
doubt(struct gp_binding *binding, enum gp_reason why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(binding->detail, sizeof(binding->detail), fmt, args);
	va_end(args);
	return why;
}

static bool is_profile(const char *type)
{
	return type && gt_mig_is_profile_name(type);
}

/* Whether a bit of this type may be at that place. Types with names of the admin's own
 * are believed to be what their place says, if the place is known. */
static bool may_be(const struct search *s, const char *type, const struct place *place)
{
	if (is_profile(type))
		return place->instance != GT_UNKNOWN &&
		       gt_instance_is_type(s->model, place->instance, type);
	return place->instance == GT_UNKNOWN || s->gpus->order_known;
}

/* The place of a bit, or -1. */
static int place_of(const struct search *s, int g)
{
	const char *type = s->gpus->type_name[g];

	if (s->gpus->order_known) {
		int p = s->gpus->place[g].n;

		return !s->place[p].taken && may_be(s, type, &s->place[p]) ? p : -1;
	}
	for (int p = 0; p < s->places; p++)
		if (!s->place[p].taken && may_be(s, type, &s->place[p]))
			return p;
	return -1;
}

static enum gp_reason place_all(struct search *s)
{
	struct gp_binding *binding = s->binding;

	for (int g = 0; g < s->gpus->size; g++) {
		const char *type = s->gpus->type_name[g];
		int p = place_of(s, g);

		if (p < 0)
			return doubt(binding, GP_INSTANCES,
				     "it has no place for %s at bit %d",
				     type ? type : "a GPU without a type", g);
		s->place[p].taken = true;
		binding->to_model[g].n = s->place[p].gpu;
		binding->instance_of[g] = s->place[p].instance;
		if (s->place[p].instance != GT_UNKNOWN)
			binding->instances |= bit(g);
	}
	return GP_OK;
}

/* Whole GPUs of several types: nothing says which comes first. */
static bool order_is_safe(const struct search *s)
{
	const struct gp_gpus *gpus = s->gpus;
	int first = -1;

	for (int g = 0; g < gpus->size && !gpus->order_known; g++) {
		if (s->binding->instances & bit(g))
			continue;
		if (first >= 0 && gpus->type[g] != gpus->type[first])
			return false;
		first = g;
	}
	return true;
}

/* Links= of gres.conf, between whole GPUs. */
static bool links_agree(const struct search *s)
{
	const struct gp_gpus *gpus = s->gpus;
	const struct gp_binding *binding = s->binding;

	for (int a = 0; a < gpus->size && gpus->has_links; a++)
		for (int b = 0; b < gpus->size; b++)
			if (a != b && !(binding->instances & (bit(a) | bit(b))) &&
			    gp_bridge_links(gpus, (struct gp_bit){a}, gpus->place[b]) !=
				    gt_node_links(s->model, binding->to_model[a].n,
						  binding->to_model[b].n))
				return false;
	return true;
}

enum gp_reason gp_instances_bind(struct gp_binding *binding, const struct gp_gpus *gpus,
				 const struct gt_node *model)
{
	struct search s = {.binding = binding, .gpus = gpus, .model = model};
	enum gp_reason why;

	for (; s.places < GP_MAX_GPUS; s.places++)
		if (!gt_node_position(model, s.places, &s.place[s.places].gpu,
				      &s.place[s.places].instance))
			break;
	if (s.places != gpus->size)
		return doubt(binding, GP_SIZE, "%d GPUs and instances, Slurm has %d",
			     s.places, gpus->size);
	if (!gpus->records_whole)
		return doubt(binding, GP_INSTANCES,
			     "slurmctld does not show each instance once");
	why = place_all(&s);
	if (why == GP_OK && !order_is_safe(&s))
		why = GP_PERMUTED;
	if (why == GP_OK && !links_agree(&s))
		why = GP_LINKS_DIFFER;
	return why;
}

/* ---- masks --------------------------------------------------------------------------
 */

struct gt_mask gp_instances_to_model(const struct gp_binding *binding, uint64_t bits)
{
	struct gt_mask mask = {{0}};

	for (int g = 0; g < binding->size; g++)
		if (bits & binding->instances & bit(g))
			gt_mask_set(&mask, binding->instance_of[g]);
	return mask;
}

uint64_t gp_instances_to_bits(const struct gp_binding *binding,
			      const struct gt_mask *mask)
{
	uint64_t bits = 0;

	for (int g = 0; g < binding->size; g++)
		if ((binding->instances & bit(g)) &&
		    gt_mask_has(mask, binding->instance_of[g]))
			bits |= bit(g);
	return bits;
}

/* ---- the choice ---------------------------------------------------------------------
 */

/* Whether two instances count as one kind: same type, same profile, same cell. */
static bool alike(const struct gp_node_answer *answer, int a, int b)
{
	const struct gt_node *model = gt_table_node(answer->binding->table);
	const struct gt_instance *x =
		gt_node_instance(model, answer->binding->instance_of[a]);
	const struct gt_instance *y =
		gt_node_instance(model, answer->binding->instance_of[b]);

	for (int c = 0; c < answer->cell_count; c++)
		if (!(answer->cells[c] & bit(a)) != !(answer->cells[c] & bit(b)))
			return false;
	return answer->gpus.type[a] == answer->gpus.type[b] && x->size == y->size &&
	       !strcmp(x->profile, y->profile);
}

/* Groups of like instances from which stock took some. false: too many. */
static bool read_kinds(const struct gp_node_answer *answer, struct gt_quota *quotas,
		       int *count)
{
	uint64_t left = answer->stock & answer->binding->instances;

	for (*count = 0; left; ++*count) {
		int first = __builtin_ctzll(left);
		uint64_t kind = 0;

		if (*count == GP_MAX_CELLS)
			return false;
		for (int g = 0; g < answer->gpus.size; g++)
			if ((answer->binding->instances & bit(g)) &&
			    alike(answer, first, g))
				kind |= bit(g);
		quotas[*count].gpus = gp_instances_to_model(answer->binding, kind);
		quotas[*count].count = __builtin_popcountll(kind & answer->stock);
		left &= ~kind;
	}
	return true;
}

enum gp_reason gp_instances_choose(const struct gp_node_answer *answer, uint64_t *better)
{
	const struct gp_binding *binding = answer->binding;
	const struct gt_node *model = gt_table_node(binding->table);
	uint64_t open = answer->gpus.free & ~answer->spoiled;
	struct gt_quota quotas[GP_MAX_CELLS];
	struct gt_mask pick, stock;
	struct gt_instance_request request = {
		.quotas = quotas,
		.policy = binding->settings.mig_policy,
	};

	request.free = gp_instances_to_model(binding, open);
	request.busy = gp_instances_to_model(binding, answer->gpus.allocated);
	if (!read_kinds(answer, quotas, &request.quota_count))
		return GP_LIMIT;
	stock = gp_instances_to_model(binding, answer->stock);
	if (!gt_instance_pick(model, &request, &pick))
		return GP_NO_CHOICE;
	if (gt_instance_compare(model, &request, &pick, &stock) >= 0)
		return answer->spoiled ? GP_RERUN : GP_BEST;
	*better = gp_instances_to_bits(binding, &pick);
	return GP_OK;
}

double gp_instances_damage(const struct gp_binding *binding, uint64_t usable,
			   uint64_t free, int count)
{
	const struct gt_node *model = gt_table_node(binding->table);
	uint64_t all = ~(uint64_t)0 >> (64 - binding->size);
	struct gt_quota quota = {gp_instances_to_model(binding, usable), count};
	struct gt_instance_request request = {
		.free = quota.gpus,
		.busy = gp_instances_to_model(binding, all & ~free),
		.quotas = &quota,
		.quota_count = 1,
		.policy = binding->settings.mig_policy,
	};
	struct gt_mask pick;

	if (!gt_instance_pick(model, &request, &pick))
		return -1;
	return gt_instance_damage(model, &request, &pick);
}
