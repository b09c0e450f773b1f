/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the instances that the admin made a job gets. */
#include "config.h"

#include "core/node.h"

#include <string.h>

#define OUT_OF_SERVICE 1000000 /* more units than a GPU has */
#define MAX_IDLE       8       /* idle GPUs of which every subset is tried */

/* What a pick costs, in the order in which it counts. */
struct cost {
	int out_of_service; /* instances on GPUs out of service */
	int begun;	    /* idle GPUs on which it begins */
	int64_t squares;    /* of the units in use on each GPU, summed */
};

/* Units in use on each GPU. */
struct load {
	int units[GT_MAX_GPUS]; /* of the node's GPUs only */
};

static void load_of(const struct gt_node *node, const struct gt_mask *used,
		    struct load *load)
{
	memset(load->units, 0, (size_t)node->n * sizeof(load->units[0]));
	for (int i = gt_mask_next(used, 0); i >= 0; i = gt_mask_next(used, i + 1))
		load->units[node->instances[i].gpu] += node->instances[i].size;
}

static struct cost cost_of(const struct gt_node *node,
			   const struct gt_instance_request *request,
			   const struct gt_mask *pick)
{
	struct gt_mask used = gt_mask_or(&request->busy, pick);
	struct load before, after;
	struct cost cost = {0};

	load_of(node, &request->busy, &before);
	load_of(node, &used, &after);
	for (int i = gt_mask_next(pick, 0); i >= 0; i = gt_mask_next(pick, i + 1))
		cost.out_of_service += !node->gpu[node->instances[i].gpu].healthy;
	for (int g = 0; g < node->n; g++) {
		cost.begun += before.units[g] == 0 && after.units[g] > 0;
		cost.squares += (int64_t)after.units[g] * after.units[g];
	}
	return cost;
}

static int compare(const struct cost *a, const struct cost *b,
		   enum gt_instance_policy policy)
{
	int order = (a->squares > b->squares) - (a->squares < b->squares);

	if (a->out_of_service != b->out_of_service)
		return a->out_of_service - b->out_of_service;
	if (policy == GT_INSTANCES_SPREAD)
		return order;
	if (a->begun != b->begun)
		return a->begun - b->begun;
	return -order;
}

/* The next instance of a quota: on the fullest GPU, or the emptiest; -1: none is left. */
static int next_of(const struct gt_node *node, const struct gt_mask *open,
		   const struct load *load, enum gt_instance_policy policy)
{
	int best = -1, best_worth = 0;

	for (int i = gt_mask_next(open, 0); i >= 0; i = gt_mask_next(open, i + 1)) {
		int gpu = node->instances[i].gpu, units = load->units[gpu];
		int worth = policy == GT_INSTANCES_SPREAD ? -units : units;

		worth -= node->gpu[gpu].healthy ? 0 : OUT_OF_SERVICE;
		if (best >= 0 && worth <= best_worth)
			continue;
		best = i;
		best_worth = worth;
	}
	return best;
}

/* Meet every quota from the open instances. */
static bool fill(const struct gt_node *node, const struct gt_instance_request *request,
		 const struct gt_mask *open, struct gt_mask *pick)
{
	struct load load;

	load_of(node, &request->busy, &load);
	memset(pick, 0, sizeof(*pick));
	for (int q = 0; q < request->quota_count; q++) {
		struct gt_mask mine = gt_mask_and(open, &request->quotas[q].gpus);

		for (int k = 0; k < request->quotas[q].count; k++) {
			int i = next_of(node, &mine, &load, request->policy);

			if (i < 0)
				return false;
			gt_mask_clear(&mine, i);
			gt_mask_set(pick, i);
			load.units[node->instances[i].gpu] += node->instances[i].size;
		}
	}
	return true;
}

/* The free instances by what their GPU is now. */
struct field {
	struct gt_mask begun;	       /* on GPUs in use */
	struct gt_mask idle[MAX_IDLE]; /* on each of the lowest idle GPUs */
	int idle_count;
};

static void survey(const struct gt_node *node, const struct gt_instance_request *request,
		   struct field *field)
{
	int last = GT_UNKNOWN;
	struct load load;

	load_of(node, &request->busy, &load);
	memset(field, 0, sizeof(*field));
	for (int i = 0; i < node->instance_count; i++) {
		int gpu = node->instances[i].gpu;

		if (!gt_mask_has(&request->free, i))
			continue;
		if (load.units[gpu] > 0) {
			gt_mask_set(&field->begun, i);
			continue;
		}
		if (gpu != last && field->idle_count == MAX_IDLE)
			continue;
		field->idle_count += gpu != last;
		last = gpu;
		gt_mask_set(&field->idle[field->idle_count - 1], i);
	}
}

static struct gt_mask open_with(const struct field *field, unsigned int subset)
{
	struct gt_mask open = field->begun;

	for (int k = 0; k < field->idle_count; k++)
		if (subset >> k & 1)
			open = gt_mask_or(&open, &field->idle[k]);
	return open;
}

/* The fewest idle GPUs that will do; among those the best of the picks. */
static bool pack(const struct gt_node *node, const struct gt_instance_request *request,
		 struct gt_mask *pick)
{
	struct field field;
	bool found = false;

	survey(node, request, &field);
	for (int size = 0; size <= field.idle_count && !found; size++) {
		struct cost best = {0};

		for (unsigned int subset = 0; subset < 1u << field.idle_count; subset++) {
			struct gt_mask open, candidate;
			struct cost cost;

			if (__builtin_popcount(subset) != size)
				continue;
			open = open_with(&field, subset);
			if (!fill(node, request, &open, &candidate))
				continue;
			cost = cost_of(node, request, &candidate);
			if (found && compare(&cost, &best, request->policy) >= 0)
				continue;
			found = true;
			best = cost;
			*pick = candidate;
		}
	}
	/* more idle GPUs than were looked at */
	return found || fill(node, request, &request->free, pick);
}

static bool pick_by_policy(const struct gt_node *node,
			   const struct gt_instance_request *request,
			   struct gt_mask *pick)
{
	if (request->policy == GT_INSTANCES_SPREAD)
		return fill(node, request, &request->free, pick);
	return pack(node, request, pick);
}

bool gt_instance_pick(const struct gt_node *node,
		      const struct gt_instance_request *request, struct gt_mask *pick)
{
	struct gt_instance_request healthy = *request;

	for (int i = 0; i < node->instance_count; i++)
		if (!node->gpu[node->instances[i].gpu].healthy)
			gt_mask_clear(&healthy.free, i);
	if (pick_by_policy(node, &healthy, pick) || pick_by_policy(node, request, pick))
		return true;
	memset(pick, 0, sizeof(*pick));
	return false;
}

int gt_instance_compare(const struct gt_node *node,
			const struct gt_instance_request *request,
			const struct gt_mask *a, const struct gt_mask *b)
{
	struct cost of_a = cost_of(node, request, a), of_b = cost_of(node, request, b);

	return compare(&of_a, &of_b, request->policy);
}

double gt_instance_damage(const struct gt_node *node,
			  const struct gt_instance_request *request,
			  const struct gt_mask *pick)
{
	struct cost cost = cost_of(node, request, pick);
	int64_t most = 0;
	struct gt_mask all = {{0}};
	struct load load;
	double fill;

	for (int i = 0; i < node->instance_count; i++)
		gt_mask_set(&all, i);
	load_of(node, &all, &load);
	for (int g = 0; g < node->n; g++)
		most += (int64_t)load.units[g] * load.units[g];
	fill = most ? (double)cost.squares / (double)most : 0;
	if (request->policy == GT_INSTANCES_SPREAD)
		return fill;
	return (cost.begun + 1 - fill) / (node->n + 2);
}
