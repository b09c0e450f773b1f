/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a set of GPUs is worth, level by level. */
#include "config.h"

#include "core/path.h"
#include "core/ring.h"
#include "core/score.h"
#include "core/tree.h"

#include <limits.h>
#include <string.h>

static int links_between(const struct gt_members *m, int a, int b)
{
	int links = m->node->links[gt_node_at(m->node, m->gpu[a], m->gpu[b])];

	return links > 0 && !m->cut ? links : 0;
}

static int hop_mbps(const void *of, int a, int b)
{
	const struct gt_members *m = of;
	size_t at = gt_node_at(m->node, m->gpu[a], m->gpu[b]);
	int mbps = m->cut ? m->node->path_mbps[at] : m->node->pair_mbps[at];

	return mbps > 0 ? mbps : 0;
}

static bool in_a_group(const struct gt_node *node, const struct gt_mask *set)
{
	if (node->group_count == 0)
		return true;
	for (int i = 0; i < node->group_count; i++)
		if (gt_mask_within(set, &node->groups[i]))
			return true;
	return false;
}

static enum gt_links_of_set links_of(const struct gt_members *m)
{
	const struct gt_gpu *gpus = m->node->gpu;
	int island = m->k ? gpus[m->gpu[0]].island : GT_UNKNOWN;

	if (m->cut)
		return GT_LINKS_NONE;
	for (int i = 1; i < m->k; i++)
		if (gpus[m->gpu[i]].island != island)
			return GT_LINKS_NONE;
	if (island == GT_UNKNOWN)
		return GT_LINKS_MESH;
	return m->least_switch_links > 0 ? GT_LINKS_ISLAND : GT_LINKS_NONE;
}

void gt_members_init(struct gt_members *m, const struct gt_node *node,
		     const struct gt_mask *set)
{
	m->node = node;
	m->k = 0;
	m->link_mbps = INT_MAX;
	m->least_switch_links = INT_MAX;
	for (int g = gt_mask_next(set, 0); g >= 0 && g < node->n;
	     g = gt_mask_next(set, g + 1)) {
		const struct gt_gpu *gpu = &node->gpu[g];

		m->gpu[m->k++] = g;
		if (gpu->link_mbps < m->link_mbps)
			m->link_mbps = gpu->link_mbps;
		if (gpu->switch_links < m->least_switch_links)
			m->least_switch_links = gpu->switch_links;
	}
	m->cut = !in_a_group(node, set);
	m->links = links_of(m);
}

int gt_members_out_of_service(const struct gt_members *m)
{
	int count = 0;

	for (int i = 0; i < m->k; i++)
		count += !m->node->gpu[m->gpu[i]].healthy;
	return count;
}

static int degree(const struct gt_members *m, int a)
{
	int sum = 0;

	for (int b = 0; b < m->k; b++)
		sum += a != b ? links_between(m, a, b) : 0;
	return sum;
}

int gt_members_rings_bound(const struct gt_members *m)
{
	int bound = INT_MAX;

	if (m->k < 2 || m->links == GT_LINKS_NONE)
		return 0;
	if (m->links == GT_LINKS_ISLAND)
		return m->least_switch_links;
	for (int a = 0; a < m->k; a++) {
		int here = degree(m, a);

		bound = here < bound ? here : bound;
	}
	return bound;
}

int gt_members_link_sum(const struct gt_members *m)
{
	int sum = 0;

	for (int a = 0; a < m->k; a++)
		sum += degree(m, a);
	return sum / 2;
}

/* For sets that are searched: k <= GT_MESH_MAX. */
static void make_mesh(const struct gt_members *m, struct gt_mesh *mesh)
{
	memset(mesh, 0, sizeof(*mesh));
	mesh->n = m->k;
	for (int a = 0; a < m->k; a++)
		for (int b = 0; b < m->k; b++)
			if (a != b)
				mesh->link[a][b] = (uint8_t)links_between(m, a, b);
}

/* The common number of links of every pair of a set too large to search, or -1. */
static int uniform_links(const struct gt_members *m)
{
	int links = links_between(m, 0, 1);

	for (int a = 0; a < m->k; a++)
		for (int b = a + 1; b < m->k; b++)
			if (links_between(m, a, b) != links)
				return -1;
	return links;
}

int gt_members_rings(const struct gt_members *m, long *steps)
{
	struct gt_mesh mesh;
	int links;

	if (m->k < 2 || m->links == GT_LINKS_NONE)
		return 0;
	if (m->links == GT_LINKS_ISLAND)
		return m->least_switch_links;
	if (m->k <= GT_MESH_MAX) {
		make_mesh(m, &mesh);
		return gt_ring_count(&mesh, steps);
	}
	links = uniform_links(m);
	if (links >= 0)
		return gt_ring_count_uniform(m->k, links);
	if (gt_members_rings_bound(m) > 0)
		*steps = -1;
	return 0;
}

void gt_members_tree(const struct gt_members *m, int *num, int *den, long *steps)
{
	struct gt_mesh mesh;
	int links;

	*num = 0;
	*den = 1;
	if (m->k < 2 || m->links == GT_LINKS_NONE)
		return;
	if (m->links == GT_LINKS_ISLAND) {
		*num = m->least_switch_links;
		return;
	}
	if (m->k <= GT_MESH_MAX) {
		make_mesh(m, &mesh);
		gt_tree_strength(&mesh, num, den);
		return;
	}
	links = uniform_links(m);
	if (links >= 0) {
		*num = links * m->k;
		*den = 2;
	} else if (gt_members_rings_bound(m) > 0) {
		*steps = -1;
	}
}

int gt_members_path(const struct gt_members *m, long *steps)
{
	struct gt_hops hops = {.n = m->k, .mbps = hop_mbps, .of = m};
	int slowest = gt_path_bottleneck(&hops, steps);
	int shared = gt_members_shared_ring(m);

	return shared < slowest ? shared : slowest;
}

bool gt_members_relayed(const struct gt_members *m, long *steps)
{
	struct gt_mesh mesh;

	if (m->k < 3 || m->k > GT_MESH_MAX || m->links != GT_LINKS_MESH)
		return false;
	for (int a = 0; a < m->k; a++)
		if (degree(m, a) == 0)
			return false;
	make_mesh(m, &mesh);
	return gt_ring_relayed(&mesh, steps);
}

int64_t gt_members_pair_sum(const struct gt_members *m)
{
	int64_t sum = 0;

	for (int a = 0; a < m->k; a++)
		for (int b = a + 1; b < m->k; b++)
			sum += hop_mbps(m, a, b);
	return sum;
}

int gt_members_bottleneck(const struct gt_members *m)
{
	int least = INT_MAX;

	for (int a = 0; a < m->k; a++)
		for (int b = a + 1; b < m->k; b++) {
			int here = hop_mbps(m, a, b);

			least = here < least ? here : least;
		}
	return m->k < 2 ? 0 : least;
}

int gt_members_sockets(const struct gt_members *m)
{
	int count = 0;

	for (int i = 0; i < m->k; i++) {
		int home = gt_gpu_home(&m->node->gpu[m->gpu[i]]);
		bool seen = false;

		for (int j = 0; j < i && !seen; j++)
			seen = gt_gpu_home(&m->node->gpu[m->gpu[j]]) == home;
		count += !seen;
	}
	return count;
}

int gt_members_pci_roots(const struct gt_members *m)
{
	int count = 0;

	for (int i = 0; i < m->k; i++) {
		const char *root = m->node->gpu[m->gpu[i]].pci_root;
		bool seen = false;

		for (int j = 0; j < i && !seen; j++)
			seen = strcmp(m->node->gpu[m->gpu[j]].pci_root, root) == 0;
		count += !seen;
	}
	return count;
}

int gt_members_in_switch(const struct gt_members *m)
{
	int64_t link_mbps = INT_MAX;

	if (m->k < 2 || m->links != GT_LINKS_ISLAND)
		return 0;
	for (int i = 0; i < m->k; i++) {
		const struct gt_gpu *gpu = &m->node->gpu[m->gpu[i]];

		if (gpu->reduce_mbps <= 0 || m->k < gpu->reduce_from)
			return 0;
		link_mbps = gpu->reduce_mbps < link_mbps ? gpu->reduce_mbps : link_mbps;
	}
	return (int)(2 * (m->k - 1) * link_mbps * m->least_switch_links / m->k);
}

int gt_members_measured(const struct gt_members *m, enum gt_comm comm)
{
	struct gt_mask set = {0};

	if (!m->node->measured_count)
		return 0;
	for (int i = 0; i < m->k; i++)
		gt_mask_set(&set, m->gpu[i]);
	return gt_node_measured_mbps(m->node, &set, comm);
}

/* How a pair of an all-to-all goes. */
enum way { WAY_LINKS, WAY_SWITCH, WAY_PCIE };

static enum way way_of(const struct gt_members *m, int a, int b)
{
	const struct gt_gpu *x = &m->node->gpu[m->gpu[a]], *y = &m->node->gpu[m->gpu[b]];

	if (m->cut)
		return WAY_PCIE;
	if (x->island >= 0 && x->island == y->island)
		return WAY_SWITCH;
	return links_between(m, a, b) > 0 ? WAY_LINKS : WAY_PCIE;
}

bool gt_members_over_pcie(const struct gt_members *m, int a, int b)
{
	return way_of(m, a, b) == WAY_PCIE;
}

/* What the pair gets while every pair of the set sends: rate / sharing, MB/s. */
static int64_t pair_rate(const struct gt_members *m, int a, int b, const int partners[2],
			 int *sharing)
{
	const struct gt_gpu *x = &m->node->gpu[m->gpu[a]], *y = &m->node->gpu[m->gpu[b]];
	int link_mbps = x->link_mbps < y->link_mbps ? x->link_mbps : y->link_mbps;
	enum way way = way_of(m, a, b);

	*sharing = way == WAY_LINKS	       ? 1
		   : partners[0] > partners[1] ? partners[0]
					       : partners[1];
	if (way == WAY_PCIE)
		return hop_mbps(m, a, b);
	if (way == WAY_LINKS)
		return (int64_t)links_between(m, a, b) * link_mbps;
	return (int64_t)(x->switch_links < y->switch_links ? x->switch_links
							   : y->switch_links) *
	       link_mbps;
}

int64_t gt_members_alltoall(const struct gt_members *m)
{
	int partners[3][GT_MAX_GPUS];
	int64_t least = gt_members_shared_alltoall(m);

	if (m->k < 2)
		return 0;
	for (int way = WAY_LINKS; way <= WAY_PCIE; way++)
		memset(partners[way], 0, (size_t)m->k * sizeof(partners[0][0]));
	for (int a = 0; a < m->k; a++)
		for (int b = 0; b < m->k; b++)
			if (a != b)
				partners[way_of(m, a, b)][a]++;
	for (int a = 0; a < m->k; a++)
		for (int b = 0; b < a; b++) {
			const int *by = partners[way_of(m, a, b)];
			const int two[2] = {by[a], by[b]};
			int sharing;
			int64_t rate = pair_rate(m, a, b, two, &sharing);

			rate = (m->k - 1) * rate * 1000000 / sharing;
			least = rate < least ? rate : least;
		}
	return least;
}

/* R > 0: R x w, or what the switch reduces. Else the better of the ring over any paths
 * and, where links reach every member through another, one link's worth: what NCCL gets
 * by relaying over one GPU. */
static int predict(struct gt_score *score, const struct gt_members *m, long *steps)
{
	int relayed, rings_mbps = score->rings * score->link_mbps;

	if (m->k < 2)
		return 0;
	if (score->rings > 0)
		return rings_mbps > score->in_switch_mbps ? rings_mbps
							  : score->in_switch_mbps;
	score->relayed_ring = gt_members_relayed(m, steps);
	relayed = score->relayed_ring ? m->link_mbps : 0;
	return relayed > score->path_mbps ? relayed : score->path_mbps;
}

void gt_score_finish(struct gt_score *score, const struct gt_members *m)
{
	long steps = GT_SEARCH_STEPS;

	score->count = m->k;
	score->out_of_service = gt_members_out_of_service(m);
	score->link_mbps = m->k ? m->link_mbps : 0;
	score->pair_sum_mbps = gt_members_pair_sum(m);
	score->bottleneck_mbps = gt_members_bottleneck(m);
	score->sockets = gt_members_sockets(m);
	score->pci_roots = gt_members_pci_roots(m);
	score->in_switch_mbps = gt_members_in_switch(m);
	score->predicted_mbps = predict(score, m, &steps);
	score->alltoall_mbps = (int)((gt_members_alltoall(m) + 500000) / 1000000);
	score->busbw_mbps = gt_members_measured(m, GT_COMM_ALLREDUCE);
	score->measured = score->busbw_mbps > 0;
	if (!score->measured)
		score->busbw_mbps = score->predicted_mbps;
}

void gt_score_set(const struct gt_node *node, const struct gt_mask *set,
		  struct gt_score *score)
{
	struct gt_members m;
	long steps = GT_SEARCH_STEPS;

	memset(score, 0, sizeof(*score));
	gt_members_init(&m, node, set);
	score->rings = gt_members_rings(&m, &steps);
	gt_members_tree(&m, &score->tree_num, &score->tree_den, &steps);
	if (score->rings == 0)
		score->path_mbps = gt_members_path(&m, &steps);
	score->exact = steps >= 0;
	gt_score_finish(score, &m);
}
