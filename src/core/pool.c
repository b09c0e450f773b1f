/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes of many GPUs that are much alike: one switch fabric, a few of them, a uniform
 * mesh, or PCIe only. A pool is a set of GPUs whose links are told by one number each, so
 * that the best K of it are known in closed form. */
#include "config.h"

#include "core/home.h"
#include "core/ring.h"
#include "core/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum pool_kind {
	POOL_ISLAND,	/* R of a set is its least c_i */
	POOL_MESH,	/* every pair has the same links */
	POOL_IRREGULAR, /* a mesh too large to search: judged by degrees only */
	POOL_LOOSE,	/* the GPUs without links */
};

struct pool {
	enum pool_kind kind;
	struct gt_mask members;
	int links; /* of a pair; POOL_MESH */
	int link_mbps;
	int reduce_mbps, reduce_from; /* POOL_ISLAND, as in gt_gpu; 0: none */
	int first_level, levels; /* POOL_ISLAND: its c_i, in gt_pools.level, rising */
};

/* Members of one pool with the same c_i. */
struct level {
	int switch_links;
	struct gt_mask members;
};

struct gt_pools {
	int count, level_count;
	struct pool *pool;
	struct level *level;
	struct gt_homes *homes;
	int best_mbps[GT_MIX_MAX + 1];
	uint64_t total_weight;
	double idle; /* the worth of the idle node */
};

/* A pool's answer for K of its open members. */
struct offer {
	const struct pool *pool;
	struct gt_mask members; /* any K of these will do */
	int rings;
	int mbps; /* R x w */
	int in_switch_mbps;
	int tree; /* tau x GT_TREE_UNIT */
	bool exact;
};

/* ---- making the pools ---- */

static int links_of(const struct gt_node *node, int a, int b)
{
	int links = node->links[gt_node_at(node, a, b)];

	return links > 0 ? links : 0;
}

/* All that g reaches over links. */
static struct gt_mask component(const struct gt_node *node, int g)
{
	struct gt_mask seen = {0}, wave = {0};

	gt_mask_set(&wave, g);
	for (int v = g; v >= 0; v = gt_mask_next(&wave, 0)) {
		gt_mask_clear(&wave, v);
		gt_mask_set(&seen, v);
		for (int u = 0; u < node->n; u++)
			if (!gt_mask_has(&seen, u) && links_of(node, v, u))
				gt_mask_set(&wave, u);
	}
	return seen;
}

static bool is_uniform(const struct gt_node *node, const struct gt_mask *members,
		       int links)
{
	for (int a = gt_mask_next(members, 0); a >= 0; a = gt_mask_next(members, a + 1))
		for (int b = gt_mask_next(members, a + 1); b >= 0;
		     b = gt_mask_next(members, b + 1))
			if (links_of(node, a, b) != links)
				return false;
	return true;
}

static void describe_pool(struct pool *pool, const struct gt_node *node, int g)
{
	const struct gt_gpu *gpu = &node->gpu[g];

	pool->link_mbps = INT_MAX;
	pool->members = component(node, g);
	if (gpu->island != GT_UNKNOWN && gpu->switch_links > 0) {
		pool->kind = POOL_ISLAND;
	} else if (gt_mask_count(&pool->members) == 1) {
		pool->kind = POOL_LOOSE;
	} else {
		pool->links = links_of(node, g, gt_mask_next(&pool->members, g + 1));
		pool->kind = is_uniform(node, &pool->members, pool->links)
				     ? POOL_MESH
				     : POOL_IRREGULAR;
	}
	pool->reduce_mbps = gpu->reduce_mbps;
	for (int m = gt_mask_next(&pool->members, 0); m >= 0;
	     m = gt_mask_next(&pool->members, m + 1)) {
		const struct gt_gpu *member = &node->gpu[m];

		if (member->link_mbps < pool->link_mbps)
			pool->link_mbps = member->link_mbps;
		if (member->reduce_mbps < pool->reduce_mbps)
			pool->reduce_mbps = member->reduce_mbps;
		if (member->reduce_from > pool->reduce_from)
			pool->reduce_from = member->reduce_from;
	}
}

static void add_levels(struct gt_pools *pools, struct pool *pool,
		       const struct gt_node *node)
{
	pool->first_level = pools->level_count;
	for (int c = 1; c <= GT_MAX_LINKS; c++) {
		struct level *level = &pools->level[pools->level_count];

		*level = (struct level){.switch_links = c};
		for (int m = gt_mask_next(&pool->members, 0); m >= 0;
		     m = gt_mask_next(&pool->members, m + 1))
			if (node->gpu[m].switch_links == c)
				gt_mask_set(&level->members, m);
		if (gt_mask_next(&level->members, 0) >= 0)
			pools->level_count++;
	}
	pool->levels = pools->level_count - pool->first_level;
}

static void find_pools(struct gt_pools *pools, const struct gt_node *node)
{
	struct gt_mask open = node->all;
	struct pool *loose = NULL;

	for (int g = gt_mask_next(&open, 0); g >= 0; g = gt_mask_next(&open, 0)) {
		struct pool *pool = &pools->pool[pools->count];

		memset(pool, 0, sizeof(*pool));
		describe_pool(pool, node, g);
		open = gt_mask_without(&open, &pool->members);
		if (pool->kind == POOL_LOOSE && loose) {
			gt_mask_set(&loose->members, g);
			continue;
		}
		if (pool->kind == POOL_LOOSE)
			loose = pool;
		if (pool->kind == POOL_ISLAND)
			add_levels(pools, pool, node);
		pools->count++;
	}
}

bool gt_pools_fit(const struct gt_table *table)
{
	const struct gt_node *node = table->node;
	const struct gt_gpu *first = node->n ? &node->gpu[0] : NULL;

	if (node->n > GT_DENSE_MAX)
		return true;
	if (node->n <= GT_FULL_MAX || node->group_count || first->island == GT_UNKNOWN)
		return false;
	for (int g = 0; g < node->n; g++)
		if (node->gpu[g].island != first->island || node->gpu[g].mig ||
		    node->gpu[g].switch_links != first->switch_links)
			return false;
	return true;
}

enum gt_err gt_pools_new(struct gt_pools **pools, const struct gt_table *table,
			 struct gt_error *err)
{
	size_t n = (size_t)table->n + 1;
	struct gt_pools *p = calloc(1, sizeof(*p));

	*pools = p;
	if (!p)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	p->pool = calloc(n, sizeof(*p->pool));
	p->level = calloc(n, sizeof(*p->level));
	p->homes = gt_homes_new(table->node);
	if (!p->pool || !p->level || !p->homes)
		return gt_fail(err, GT_ENOMEM, "out of memory");
	find_pools(p, table->node);
	gt_pools_weigh(p, table);
	return GT_OK;
}

void gt_pools_free(struct gt_pools *pools)
{
	if (!pools)
		return;
	free(pools->pool);
	free(pools->level);
	gt_homes_free(pools->homes);
	free(pools);
}

size_t gt_pools_bytes(const struct gt_pools *pools)
{
	return sizeof(*pools) + (size_t)pools->count * sizeof(*pools->pool) +
	       (size_t)pools->level_count * sizeof(*pools->level) +
	       gt_homes_bytes(pools->homes);
}

/* ---- the best of a pool ---- */

/* The highest c_i that K open members reach; *members are those that reach it. */
static int island_rings(const struct gt_pools *pools, const struct pool *pool,
			const struct gt_mask *open, int k, struct gt_mask *members)
{
	memset(members, 0, sizeof(*members));
	for (int i = pool->levels; i-- > 0;) {
		const struct level *level = &pools->level[pool->first_level + i];
		struct gt_mask here = gt_mask_and(&level->members, open);

		*members = gt_mask_or(members, &here);
		if (gt_mask_count(members) >= k)
			return level->switch_links;
	}
	return 0;
}

static int mesh_rings(int links, int k)
{
	struct gt_mesh mesh = {.n = k};
	int rings = gt_ring_count_uniform(k, links);
	long steps = GT_SEARCH_STEPS;

	if (rings >= 0)
		return rings;
	for (int a = 0; a < k; a++)
		for (int b = 0; b < k; b++)
			mesh.link[a][b] = a == b ? 0 : (uint8_t)links;
	return gt_ring_count(&mesh, &steps);
}

/* False: fewer than K open members, or no links to offer. */
static bool make_offer(const struct gt_pools *pools, const struct pool *pool,
		       const struct gt_mask *open, int k, struct offer *offer)
{
	*offer = (struct offer){.pool = pool, .exact = pool->kind != POOL_IRREGULAR};
	offer->members = gt_mask_and(&pool->members, open);
	if (gt_mask_count(&offer->members) < k)
		return false;
	if (pool->kind == POOL_ISLAND) {
		offer->rings = island_rings(pools, pool, open, k, &offer->members);
		offer->tree = offer->rings * GT_TREE_UNIT;
		if (k >= pool->reduce_from && k > 1)
			offer->in_switch_mbps =
				(int)(2 * (int64_t)(k - 1) * offer->rings *
				      pool->reduce_mbps / k);
	} else if (pool->kind == POOL_MESH && k > 1) {
		offer->rings = mesh_rings(pool->links, k);
		offer->tree = pool->links * k * (GT_TREE_UNIT / 2);
	}
	offer->mbps = offer->rings * pool->link_mbps;
	return true;
}

/* ---- level 3, by what single answers stay possible (rule B) ---- */

static int best_mbps(const struct gt_pools *pools, const struct gt_mask *open, int k)
{
	struct offer offer;
	int best = 0;

	for (int i = 0; i < pools->count; i++)
		if (pools->pool[i].kind != POOL_LOOSE &&
		    make_offer(pools, &pools->pool[i], open, k, &offer) &&
		    offer.mbps > best)
			best = offer.mbps;
	return best;
}

static double worth(const struct gt_pools *pools, const struct gt_mix *mix,
		    const struct gt_mask *open)
{
	double sum = 0;

	for (int k = 2; k <= GT_MIX_MAX; k++)
		if (mix->weight[k] && pools->best_mbps[k])
			sum += (double)mix->weight[k] * best_mbps(pools, open, k) /
			       pools->best_mbps[k];
	return pools->total_weight ? sum / (double)pools->total_weight : 0;
}

void gt_pools_weigh(struct gt_pools *pools, const struct gt_table *table)
{
	struct gt_mask usable = gt_mask_without(&table->node->healthy, &table->node->mig);

	pools->total_weight = 0;
	for (int k = 1; k <= GT_MIX_MAX; k++) {
		pools->total_weight += table->mix.weight[k];
		pools->best_mbps[k] = k > 1 ? best_mbps(pools, &usable, k) : 0;
	}
	pools->idle = worth(pools, &table->mix, &usable);
}

/* What is left now, and the mean over one running job's end, at half the weight. */
static double worth_left(const struct gt_table *table, const struct gt_request *request,
			 const struct gt_mask *left)
{
	struct gt_mask usable = gt_mask_without(&table->node->healthy, &table->node->mig);
	struct gt_mask free = gt_mask_and(left, &usable);
	double now = worth(table->pools, &table->mix, &free), later = 0;

	for (int j = 0; j < request->running_count; j++) {
		free = gt_mask_or(left, &request->running[j].gpus);
		free = gt_mask_and(&free, &usable);
		later += worth(table->pools, &table->mix, &free);
	}
	if (!request->running_count)
		return now;
	return (2 * now + later / request->running_count) / 3;
}

double gt_pools_remaining(const struct gt_table *table, const struct gt_request *request,
			  const struct gt_mask *left)
{
	if (table->pools->idle <= 0)
		return 1;
	return worth_left(table, request, left) / table->pools->idle;
}

/* ---- which K of many equals ---- */

/* Whether g may join the set without breaking a quota. Quotas count exactly: where they
 * add up to K, all others must stay out. */
static bool has_room(const struct gt_request *request, const struct gt_mask *set, int g)
{
	int sum = 0;

	for (int i = 0; i < request->quota_count; i++) {
		const struct gt_quota *quota = &request->quotas[i];
		struct gt_mask has = gt_mask_and(set, &quota->gpus);

		if (gt_mask_has(&quota->gpus, g))
			return gt_mask_count(&has) < quota->count;
		sum += quota->count;
	}
	return sum < request->count;
}

/* One GPU where the set must touch, if it does not yet. */
static void take_touch(struct gt_mask *set, const struct offer *offer,
		       const struct gt_request *request)
{
	struct gt_mask touch = gt_mask_and(&request->touch, &offer->members);

	if (gt_mask_meets(set, &request->touch))
		return;
	for (int g = gt_mask_next(&touch, 0); g >= 0; g = gt_mask_next(&touch, g + 1))
		if (has_room(request, set, g)) {
			gt_mask_set(set, g);
			return;
		}
}

/* Fill each quota from the members; returns the members that no quota counts. */
static struct gt_mask take_quotas(const struct gt_pools *pools, struct gt_mask *set,
				  const struct offer *offer,
				  const struct gt_request *request)
{
	struct gt_mask others = offer->members;

	for (int i = 0; i < request->quota_count; i++) {
		const struct gt_quota *quota = &request->quotas[i];
		struct gt_mask has = gt_mask_and(set, &quota->gpus);
		struct gt_mask from = gt_mask_and(&offer->members, &quota->gpus);

		from = gt_mask_without(&from, set);
		gt_homes_take(pools->homes, set, &from,
			      quota->count - gt_mask_count(&has));
		others = gt_mask_without(&others, &quota->gpus);
	}
	return others;
}

/* K of the offer's members, the wished ones first; an island gives its weakest that will
 * do, so that the strongest stay. */
static struct gt_mask take_offer(const struct gt_pools *pools, const struct offer *offer,
				 const struct gt_request *request)
{
	struct gt_mask set = request->include, others, from;
	int k = request->count;

	take_touch(&set, offer, request);
	others = take_quotas(pools, &set, offer, request);
	for (int i = 0; i < offer->pool->levels && gt_mask_count(&set) < k; i++) {
		const struct level *level = &pools->level[offer->pool->first_level + i];

		from = gt_mask_and(&others, &level->members);
		from = gt_mask_without(&from, &set);
		gt_homes_take(pools->homes, &set, &from, k - gt_mask_count(&set));
	}
	if (gt_mask_count(&set) < k) {
		from = gt_mask_without(&others, &set);
		gt_homes_take(pools->homes, &set, &from, k - gt_mask_count(&set));
	}
	return set;
}

bool gt_pools_allow(const struct gt_request *request, const struct gt_mask *set)
{
	if (gt_mask_count(set) != request->count ||
	    (gt_mask_next(&request->touch, 0) >= 0 &&
	     !gt_mask_meets(set, &request->touch)))
		return false;
	for (int i = 0; i < request->quota_count; i++) {
		struct gt_mask has = gt_mask_and(set, &request->quotas[i].gpus);

		if (gt_mask_count(&has) != request->quotas[i].count)
			return false;
	}
	for (int i = 0; i < request->except_count; i++)
		if (gt_mask_equal(set, &request->except[i]))
			return false;
	return true;
}

/* ---- the choice ---- */

/* The best offer so far, as a set. */
struct best {
	struct gt_mask set;
	int mbps;
	double worth;
	bool exact, found;
};

static void consider(struct gt_table *table, const struct gt_request *request,
		     const struct offer *offer, bool alone, struct best *best)
{
	struct gt_mask set, left;
	double here;

	if ((best->found && offer->mbps < best->mbps &&
	     request->policy == GT_POLICY_BANDWIDTH) ||
	    !gt_mask_within(&request->include, &offer->members))
		return;
	set = take_offer(table->pools, offer, request);
	if (!gt_pools_allow(request, &set))
		return;
	left = gt_mask_without(&request->free, &set);
	here = alone ? 0 : worth_left(table, request, &left);
	if (best->found && request->policy == GT_POLICY_BANDWIDTH &&
	    offer->mbps == best->mbps && here <= best->worth)
		return;
	if (best->found && request->policy == GT_POLICY_PRESERVE &&
	    (here < best->worth || (here == best->worth && offer->mbps <= best->mbps)))
		return;
	*best = (struct best){set, offer->mbps, here, offer->exact, true};
}

/* Across pools, or in none: no rings over links; compact, and not proven. */
static void consider_all(struct gt_table *table, const struct gt_request *request,
			 const struct gt_mask *open, struct best *best)
{
	static const struct pool any = {.kind = POOL_LOOSE};
	struct offer offer = {.pool = &any, .members = *open};

	offer.exact = gt_mask_count(open) == request->count;
	consider(table, request, &offer, true, best);
}

/* Out-of-service GPUs are taken last, and only as many as must be. */
static void prefer_healthy(const struct gt_table *table, struct gt_request *request,
			   struct gt_mask *open)
{
	struct gt_mask healthy = gt_mask_and(open, &table->node->healthy);

	struct gt_mask include = gt_mask_and(open, &request->include);

	if (gt_mask_count(&healthy) >= request->count)
		*open = gt_mask_or(&healthy, &include);
	else
		request->include = gt_mask_or(&request->include, &healthy);
}

static int count_offers(const struct gt_pools *pools, const struct gt_mask *open, int k)
{
	struct offer offer;
	int count = 0;

	for (int i = 0; i < pools->count; i++)
		count += make_offer(pools, &pools->pool[i], open, k, &offer);
	return count;
}

enum gt_fit gt_pools_select(struct gt_table *table, const struct gt_request *wanted,
			    const struct gt_mask *free, struct gt_choice *choice)
{
	struct gt_pools *pools = table->pools;
	struct gt_request request = *wanted;
	struct gt_mask open = *free;
	struct best best = {0};
	struct offer offer;
	bool alone;

	prefer_healthy(table, &request, &open);
	alone = count_offers(pools, &open, request.count) < 2;
	for (int i = 0; i < pools->count; i++)
		if (make_offer(pools, &pools->pool[i], &open, request.count, &offer) &&
		    (offer.mbps > 0 || request.count == 1))
			consider(table, &request, &offer, alone, &best);
	if (!best.found)
		consider_all(table, &request, &open, &best);
	/* Wishes may need the GPUs that are out of service. */
	if (!best.found)
		consider_all(table, wanted, free, &best);
	if (!best.found)
		return GT_FIT_CONSTRAINED;
	if (request.min_busbw_mbps > 0 && request.count > 1) {
		struct gt_score score;

		gt_score_set(table->node, &best.set, &score);
		if (score.busbw_mbps < request.min_busbw_mbps)
			return GT_FIT_BELOW_MIN;
	}
	choice->gpus = best.set;
	choice->exact = best.exact;
	return GT_FIT_OK;
}

uint64_t gt_pools_quality(struct gt_table *table, const struct gt_mask *free, int count)
{
	struct gt_mask open = gt_mask_and(free, &table->node->all), healthy;
	struct gt_pools *pools = table->pools;
	struct offer offer;
	uint64_t best, here;
	int sick = 0;

	if (count > 1)
		open = gt_mask_without(&open, &table->node->mig);
	if (count < 1 || gt_mask_count(&open) < count)
		return 0;
	healthy = gt_mask_and(&open, &table->node->healthy);
	if (gt_mask_count(&healthy) >= count)
		open = healthy;
	else
		sick = count - gt_mask_count(&healthy);
	best = gt_quality_pack(sick, 0, 0, 0);
	for (int i = 0; i < pools->count; i++) {
		if (!make_offer(pools, &pools->pool[i], &open, count, &offer))
			continue;
		here = gt_quality_pack(sick,
				       offer.in_switch_mbps > offer.mbps
					       ? offer.in_switch_mbps
					       : offer.mbps,
				       offer.tree, 0);
		best = here > best ? here : best;
	}
	return best;
}
