/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups of an answer, what they make of a node, and groups on nodes of more than 16
 * GPUs or of one uniform switch: there groups go into islands, and what no closed form
 * proves is not called exact. Asked by select.c and by the users of the library. */
#include "config.h"

#include "core/shape.h"

#include <limits.h>
#include <string.h>

/* ---- islands ---- */

/* Whether every pair of the set gives the same, so that every partition does. */
static bool all_alike(const struct gt_node *node, const struct gt_mask *set)
{
	int first = gt_mask_next(set, 0), second = gt_mask_next(set, first + 1);
	size_t one = second < 0 ? 0 : gt_node_at(node, first, second);

	for (int a = first; a >= 0; a = gt_mask_next(set, a + 1))
		for (int b = gt_mask_next(set, a + 1); b >= 0;
		     b = gt_mask_next(set, b + 1)) {
			size_t at = gt_node_at(node, a, b);

			if (node->links[at] != node->links[one] ||
			    node->pair_mbps[at] != node->pair_mbps[one] ||
			    node->gpu[a].island != node->gpu[b].island ||
			    node->gpu[a].switch_links != node->gpu[b].switch_links)
				return false;
		}
	return node->measured_count == 0;
}

static struct gt_mask on_island(const struct gt_node *node, const struct gt_mask *gpus,
				int island)
{
	struct gt_mask found = {0};

	for (int g = gt_mask_next(gpus, 0); g >= 0; g = gt_mask_next(gpus, g + 1))
		if (node->gpu[g].island == island)
			gt_mask_set(&found, g);
	return found;
}

/* The GPUs of the island with the fewest of these that are still enough for a group; the
 * island with the most where none has enough. */
static struct gt_mask tightest_island(const struct gt_node *node,
				      const struct gt_mask *gpus, int size)
{
	struct gt_mask rest = *gpus, best = {0};
	int best_count = 0;

	for (int g = gt_mask_next(&rest, 0); g >= 0; g = gt_mask_next(&rest, 0)) {
		struct gt_mask here = on_island(node, &rest, node->gpu[g].island);
		int count = gt_mask_count(&here);

		rest = gt_mask_without(&rest, &here);
		if (node->gpu[g].island == GT_UNKNOWN && best_count)
			continue;
		if (!best_count ||
		    (best_count < size ? count > best_count
				       : count >= size && count < best_count)) {
			best = here;
			best_count = count;
		}
	}
	return best;
}

/* Move up to k of `from` into *group, those with the most links first, so that weak ones
 * end up together. */
static void take(const struct gt_node *node, struct gt_mask *group, struct gt_mask from,
		 int k)
{
	while (k-- > 0) {
		int best = gt_mask_next(&from, 0);

		if (best < 0)
			return;
		for (int g = best; g >= 0; g = gt_mask_next(&from, g + 1))
			if (node->gpu[g].switch_links > node->gpu[best].switch_links)
				best = g;
		gt_mask_set(group, best);
		gt_mask_clear(&from, best);
	}
}

/* The largest group that is not placed yet; of equals the first listed. */
static int next_group(const struct gt_groups *groups, const bool *placed)
{
	int next = -1;

	for (int i = 0; i < groups->count; i++)
		if (!placed[i] && (next < 0 || groups->size[i] > groups->size[next]))
			next = i;
	return next;
}

/* Partition a large set: the largest groups first, each into the island where it leaves
 * the least. */
static void partition_large(const struct gt_node *node, const struct gt_mask *set,
			    const struct gt_groups *groups, struct gt_mask *group)
{
	bool placed[GT_GROUPS_MAX] = {false};
	struct gt_mask rest = *set;

	for (int i; (i = next_group(groups, placed)) >= 0;) {
		int size = groups->size[i], missing = size;

		placed[i] = true;
		memset(&group[i], 0, sizeof(group[i]));
		while (missing > 0 && gt_mask_next(&rest, 0) >= 0) {
			take(node, &group[i], tightest_island(node, &rest, missing),
			     missing);
			rest = gt_mask_without(&rest, &group[i]);
			missing = size - gt_mask_count(&group[i]);
		}
	}
}

/* ---- the geometry of a set ---- */

static int64_t sum_between(const struct gt_node *node, const struct gt_mask *a,
			   const struct gt_mask *b)
{
	int64_t sum = 0;

	for (int x = gt_mask_next(a, 0); x >= 0; x = gt_mask_next(a, x + 1))
		for (int y = gt_mask_next(b, 0); y >= 0; y = gt_mask_next(b, y + 1)) {
			int mbps = node->pair_mbps[gt_node_at(node, x, y)];

			sum += mbps > 0 ? mbps : 0;
		}
	return sum;
}

static int group_mbps(const struct gt_node *node, const struct gt_mask *group,
		      enum gt_comm comm)
{
	struct gt_score score;
	int measured = gt_node_measured_mbps(node, group, comm);

	if (gt_mask_count(group) < 2)
		return GT_UNKNOWN;
	if (measured)
		return measured;
	gt_score_set(node, group, &score);
	return comm == GT_COMM_ALLTOALL ? score.alltoall_mbps : score.busbw_mbps;
}

/* The list and the figures. */
static void describe(const struct gt_node *node, const struct gt_mask *group,
		     struct gt_geometry *geometry)
{
	int64_t transfer = INT64_MAX;
	int used = 0;

	for (int i = 0; i < geometry->count; i++) {
		geometry->busbw_mbps[i] = group_mbps(node, &group[i], geometry->comm);
		for (int g = gt_mask_next(&group[i], 0); g >= 0;
		     g = gt_mask_next(&group[i], g + 1))
			geometry->gpu[used++] = (uint16_t)g;
		if (i > 0) {
			int64_t sum = sum_between(node, &group[i - 1], &group[i]);

			transfer = sum < transfer ? sum : transfer;
		}
	}
	geometry->transfer_mbps =
		transfer > INT_MAX ? (geometry->count > 1 ? INT_MAX : 0) : (int)transfer;
}

/* false: out of memory. */
static bool partition_dense(struct gt_table *table, const struct gt_request *request,
			    uint32_t set, struct gt_mask *group, bool *exact)
{
	struct gt_shape *shape = gt_shape_get(table, request);
	struct gt_parts *parts = shape ? gt_shape_parts(table, shape, set) : NULL;
	uint32_t bits[GT_DENSE_MAX];

	if (!parts)
		return false;
	*exact = gt_shape_partition(parts, set, bits);
	for (int i = 0; i < (request->groups ? request->groups->count : 0); i++)
		group[i] = (struct gt_mask){.word = {bits[i]}};
	return true;
}

void gt_select_geometry(struct gt_table *table, const struct gt_request *request,
			const struct gt_mask *set, struct gt_geometry *geometry)
{
	const struct gt_groups *groups = request->groups;
	struct gt_mask group[GT_GROUPS_MAX];

	geometry->count = groups && groups->count ? groups->count : 1;
	geometry->comm = request->comm;
	geometry->exact = true;
	memset(geometry->reserved, 0, sizeof(geometry->reserved));
	group[0] = *set;
	geometry->size[0] = (uint16_t)gt_mask_count(set);
	if (geometry->count > 1 && gt_groups_sum(groups) != geometry->size[0])
		geometry->count = 1;
	if (geometry->count > 1) {
		memcpy(geometry->size, groups->size,
		       (size_t)groups->count * sizeof(groups->size[0]));
		if (!table->dense || gt_mask_meets(set, &table->node->mig) ||
		    !gt_shape_fits(table, request, (uint32_t)set->word[0]) ||
		    !partition_dense(table, request, (uint32_t)set->word[0], group,
				     &geometry->exact)) {
			partition_large(table->node, set, groups, group);
			geometry->exact = all_alike(table->node, set);
		}
	}
	describe(table->node, group, geometry);
}

/* ---- large nodes ---- */

/* The groups' figures, ascending; returns how many. */
static int sorted_groups(const struct gt_geometry *geometry, int *mbps)
{
	int count = 0;

	for (int i = 0; i < geometry->count; i++) {
		int here = geometry->busbw_mbps[i], at = count;

		if (here == GT_UNKNOWN)
			continue;
		for (count++; at > 0 && mbps[at - 1] > here; at--)
			mbps[at] = mbps[at - 1];
		mbps[at] = here;
	}
	return count;
}

/* > 0: a is better. */
static int compare_geometries(const struct gt_geometry *a, const struct gt_geometry *b)
{
	int x[GT_GROUPS_MAX], y[GT_GROUPS_MAX];
	int count = sorted_groups(a, x);

	sorted_groups(b, y);
	for (int i = 0; i < count; i++)
		if (x[i] != y[i])
			return x[i] > y[i] ? 1 : -1;
	return (a->transfer_mbps > b->transfer_mbps) -
	       (a->transfer_mbps < b->transfer_mbps);
}

static bool names_gpus(const struct gt_request *request)
{
	return gt_mask_next(&request->include, 0) >= 0 ||
	       gt_mask_next(&request->touch, 0) >= 0 || request->quota_count > 0 ||
	       request->except_count > 0;
}

/* Each group into an island of its own choice; false: one does not fit into any. */
static bool select_by_group(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_mask *set)
{
	const struct gt_groups *groups = request->groups;
	bool placed[GT_GROUPS_MAX] = {false};
	struct gt_mask rest = gt_mask_and(open, &table->node->healthy);

	memset(set, 0, sizeof(*set));
	if (!groups || groups->count < 2 || gt_mask_count(&rest) < request->count)
		return false;
	for (int i; (i = next_group(groups, placed)) >= 0;) {
		struct gt_mask island =
			tightest_island(table->node, &rest, groups->size[i]);
		struct gt_request one = {.count = groups->size[i], .free = island};
		struct gt_choice choice;

		placed[i] = true;
		if (gt_mask_count(&island) < groups->size[i] ||
		    gt_pools_select(table, &one, &island, &choice) != GT_FIT_OK)
			return false;
		*set = gt_mask_or(set, &choice.gpus);
		rest = gt_mask_without(&rest, &choice.gpus);
	}
	return true;
}

/* No GPU of the node has better links than these, so that no group can be faster. */
static bool has_best_links(const struct gt_node *node, const struct gt_mask *set)
{
	const struct gt_gpu *one = &node->gpu[gt_mask_next(set, 0)];

	if (one->island == GT_UNKNOWN)
		return false;
	for (int i = 0; i < node->n; i++)
		if (node->gpu[i].island == GT_UNKNOWN ||
		    node->gpu[i].switch_links > one->switch_links ||
		    node->gpu[i].link_mbps != one->link_mbps)
			return false;
	return true;
}

static bool reaches(const struct gt_geometry *geometry, int min_mbps)
{
	for (int i = 0; i < geometry->count; i++)
		if (geometry->busbw_mbps[i] != GT_UNKNOWN &&
		    geometry->busbw_mbps[i] < min_mbps)
			return false;
	return true;
}

enum gt_fit gt_large_select(struct gt_table *table, const struct gt_request *request,
			    const struct gt_mask *open, struct gt_choice *choice)
{
	struct gt_geometry whole, split;
	struct gt_request plain = *request;
	struct gt_mask set;
	enum gt_fit fit;

	plain.groups = NULL;
	plain.comm = GT_COMM_ALLREDUCE;
	plain.min_busbw_mbps = 0;
	fit = table->dense ? gt_select(table, &plain, choice)
			   : gt_pools_select(table, &plain, open, choice);
	if (fit)
		return fit;
	choice->exact = choice->exact && all_alike(table->node, &choice->gpus) &&
			has_best_links(table->node, &choice->gpus);
	if (choice->exact && request->min_busbw_mbps <= 0)
		return GT_FIT_OK;
	gt_select_geometry(table, request, &choice->gpus, &whole);
	if (!choice->exact && !names_gpus(request) && !request->groups_break_ties &&
	    request->policy == GT_POLICY_BANDWIDTH && !table->dense &&
	    select_by_group(table, request, open, &set)) {
		gt_select_geometry(table, request, &set, &split);
		if (compare_geometries(&split, &whole) > 0) {
			choice->gpus = set;
			whole = split;
		}
	}
	if (reaches(&whole, request->min_busbw_mbps))
		return GT_FIT_OK;
	memset(choice, 0, sizeof(*choice));
	return GT_FIT_BELOW_MIN;
}

/* ---- what a node can give ---- */

#define FIGURE_BITS 27

static uint64_t figure(const int *mbps, int count, int i)
{
	const int most = (1 << FIGURE_BITS) - 1;

	return (uint64_t)(i < count && mbps[i] < most ? mbps[i] : most);
}

static void pack(struct gt_quality *quality, bool late, uint64_t plain, const int *mbps,
		 int count, int transfer)
{
	uint64_t sick = plain >> 59; /* gt_quality_pack: larger is better */
	uint64_t slow = figure(mbps, count, 0) << FIGURE_BITS | figure(mbps, count, 1);
	uint64_t next = figure(mbps, count, 2) << FIGURE_BITS | figure(mbps, count, 3);

	if (late)
		*quality = (struct gt_quality){{plain, slow, next, (uint64_t)transfer}};
	else
		*quality = (struct gt_quality){{sick << 2 * FIGURE_BITS | slow, next,
						(uint64_t)transfer, plain}};
}

static uint64_t plain_quality(const struct gt_node *node, const struct gt_mask *set)
{
	struct gt_score score;
	int mbps;

	gt_score_set(node, set, &score);
	mbps = score.rings * score.link_mbps;
	if (score.in_switch_mbps > mbps)
		mbps = score.in_switch_mbps;
	return gt_quality_pack(
		score.out_of_service, mbps,
		(int)((int64_t)score.tree_num * GT_TREE_UNIT / score.tree_den),
		score.path_mbps);
}

static bool quality_large(struct gt_table *table, const struct gt_request *request,
			  struct gt_quality *quality)
{
	struct gt_geometry geometry;
	struct gt_choice choice;
	int mbps[GT_GROUPS_MAX];

	if (gt_select(table, request, &choice))
		return false;
	gt_select_geometry(table, request, &choice.gpus, &geometry);
	pack(quality, request->groups_break_ties,
	     plain_quality(table->node, &choice.gpus), mbps,
	     sorted_groups(&geometry, mbps), geometry.transfer_mbps);
	return true;
}

static bool quality_dense(struct gt_table *table, const struct gt_request *request,
			  struct gt_quality *quality)
{
	uint32_t open = (uint32_t)request->free.word[0] & table->all & ~table->mig;
	struct gt_shape *shape = gt_shape_get(table, request);
	const struct gt_answer *answer;
	struct gt_shape_figures figures;
	const struct gt_tie *ties;

	answer = shape ? gt_shape_ask(table, shape, open, &ties) : NULL;
	if (!answer || !answer->count)
		return false;
	figures = gt_shape_figures(shape, open);
	pack(quality, request->groups_break_ties, answer->quality, figures.mbps,
	     figures.count, figures.transfer_mbps);
	return true;
}

bool gt_select_quality(struct gt_table *table, const struct gt_request *request,
		       struct gt_quality *quality)
{
	struct gt_request bare = {.count = request->count,
				  .free = request->free,
				  .groups = request->groups,
				  .comm = request->comm,
				  .groups_break_ties = request->groups_break_ties};
	struct gt_mask open = gt_mask_and(&bare.free, &table->node->all);

	*quality = (struct gt_quality){{0}};
	if (!gt_shape_asked(&bare)) {
		quality->word[0] = gt_table_quality(table, &bare.free, bare.count);
		return quality->word[0] != 0;
	}
	open = gt_mask_without(&open, &table->node->mig);
	if (bare.count > gt_mask_count(&open) ||
	    (bare.groups && bare.groups->count &&
	     gt_groups_sum(bare.groups) != bare.count))
		return false;
	return table->dense && gt_shape_fits(table, &bare, (uint32_t)open.word[0])
		       ? quality_dense(table, &bare, quality)
		       : quality_large(table, &bare, quality);
}

int gt_quality_compare(const struct gt_quality *a, const struct gt_quality *b)
{
	for (int i = 0; i < 4; i++)
		if (a->word[i] != b->word[i])
			return a->word[i] > b->word[i] ? 1 : -1;
	return 0;
}
