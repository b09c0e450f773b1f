/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rank gets which GPU. */
#include "config.h"

#include "core/library.h"

#include <limits.h>
#include <string.h>

#define SEARCH_GPUS  16	  /* beyond, a node is a rack of switches and order is blocks */
#define SEARCH_QUADS 1820 /* 16 over 4 */
#define SEARCH_STEPS 2000000 /* about 50 ms; all of 8! is 110,000 */

/* What orders are compared by, the first difference deciding. */
struct rank_key {
	int worst_quad;
	int worst_pair;
	int near; /* ranks whose GPU is near them */
	int first_quad;
	int first_pair;
	int64_t hops;
};

struct search {
	int k;
	int gpu[SEARCH_GPUS];		    /* members, lowest first */
	int pair[SEARCH_GPUS][SEARCH_GPUS]; /* busbw of two, by position in gpu */
	int quad[SEARCH_QUADS];		    /* busbw of four, by quad_index */
	int hop[SEARCH_GPUS][SEARCH_GPUS];
	int widest_hop;
	unsigned near[SEARCH_GPUS]; /* by rank: members near it */
	int at[SEARCH_GPUS];	    /* the order being tried */
	int best[SEARCH_GPUS];
	struct rank_key best_key;
	bool have_best;
	bool best_is_guess; /* an equal order that the search meets later may be lower */
	long steps;
};

static int set_mbps(const struct gt_node *node, const int *gpu, int k)
{
	struct gt_mask set = {0};
	struct gt_score score;

	for (int i = 0; i < k; i++)
		gt_mask_set(&set, gpu[i]);
	gt_score_set(node, &set, &score);
	return score.busbw_mbps;
}

/* Number of the quad a < b < c < d among all quads: the combinatorial number system. */
static int quad_number(int a, int b, int c, int d)
{
	return a + b * (b - 1) / 2 + c * (c - 1) * (c - 2) / 6 +
	       d * (d - 1) * (d - 2) * (d - 3) / 24;
}

static int quad_index(const int *at)
{
	int v[4] = {at[0], at[1], at[2], at[3]};

	for (int i = 1; i < 4; i++)
		for (int j = i; j > 0 && v[j - 1] > v[j]; j--) {
			int swap = v[j];

			v[j] = v[j - 1];
			v[j - 1] = swap;
		}
	return quad_number(v[0], v[1], v[2], v[3]);
}

static void measure_pairs(struct search *s, const struct gt_node *node)
{
	s->widest_hop = 0;
	for (int i = 0; i < s->k; i++)
		for (int j = 0; j < i; j++) {
			int two[2] = {s->gpu[i], s->gpu[j]};
			int hop = gt_node_pair_mbps(node, two[0], two[1]);

			hop = hop > 0 ? hop : 0;
			s->pair[i][j] = s->pair[j][i] = set_mbps(node, two, 2);
			s->hop[i][j] = s->hop[j][i] = hop;
			if (hop > s->widest_hop)
				s->widest_hop = hop;
		}
}

static void measure_quads(struct search *s, const struct gt_node *node)
{
	for (int d = 3; d < s->k; d++)
		for (int c = 2; c < d; c++)
			for (int b = 1; b < c; b++)
				for (int a = 0; a < b; a++) {
					int four[4] = {s->gpu[a], s->gpu[b], s->gpu[c],
						       s->gpu[d]};

					s->quad[quad_number(a, b, c, d)] =
						set_mbps(node, four, 4);
				}
}

/* > 0: a is better. */
static int compare(const struct rank_key *a, const struct rank_key *b)
{
	if (a->worst_quad != b->worst_quad)
		return a->worst_quad > b->worst_quad ? 1 : -1;
	if (a->worst_pair != b->worst_pair)
		return a->worst_pair > b->worst_pair ? 1 : -1;
	if (a->near != b->near)
		return a->near > b->near ? 1 : -1;
	if (a->first_quad != b->first_quad)
		return a->first_quad > b->first_quad ? 1 : -1;
	if (a->first_pair != b->first_pair)
		return a->first_pair > b->first_pair ? 1 : -1;
	return (a->hops > b->hops) - (a->hops < b->hops);
}

/* The key after one more rank; what is not known yet stays at INT_MAX. */
static struct rank_key add_rank(const struct search *s, struct rank_key key, int rank)
{
	const int *at = s->at;

	key.near += s->near[rank] >> at[rank] & 1;
	if (rank > 0)
		key.hops += s->hop[at[rank - 1]][at[rank]];
	if (rank % 2 == 1) {
		int mbps = s->pair[at[rank - 1]][at[rank]];

		if (mbps < key.worst_pair)
			key.worst_pair = mbps;
		if (rank == 1)
			key.first_pair = mbps;
	}
	if (rank % 4 == 3) {
		int mbps = s->quad[quad_index(&at[rank - 3])];

		if (mbps < key.worst_quad)
			key.worst_quad = mbps;
		if (rank == 3)
			key.first_quad = mbps;
	}
	return key;
}

static const struct rank_key empty_key = {INT_MAX, INT_MAX, 0, INT_MAX, INT_MAX, 0};

static void keep(struct search *s, const struct rank_key *key, bool is_guess)
{
	memcpy(s->best, s->at, sizeof(s->best));
	s->best_key = *key;
	s->best_is_guess = is_guess;
	s->have_best = true;
}

/* Whether an order that starts like this one can still win. The ranks to come can at best
 * all be near their GPUs and add the widest hops. */
static bool can_win(const struct search *s, struct rank_key key, int ranks)
{
	int order;

	if (!s->have_best)
		return true;
	for (int r = ranks; r < s->k; r++)
		key.near += s->near[r] != 0;
	key.hops += (int64_t)(s->k - ranks) * s->widest_hop;
	order = compare(&key, &s->best_key);
	/* Orders come lowest GPUs first, so that a later equal one loses to a found one.
	 */
	return order > 0 || (order == 0 && s->best_is_guess);
}

static void try_rank(struct search *s, int rank, unsigned used,
		     const struct rank_key *so_far)
{
	if (rank == s->k) {
		keep(s, so_far, false);
		return;
	}
	for (int v = 0; v < s->k; v++) {
		struct rank_key key;

		if (used >> v & 1)
			continue;
		if (++s->steps > SEARCH_STEPS)
			return;
		s->at[rank] = v;
		key = add_rank(s, *so_far, rank);
		if (can_win(s, key, rank + 1))
			try_rank(s, rank + 1, used | 1u << v, &key);
	}
}

/* The fastest complete quad (or pair, size 2) of the GPUs not yet used. */
static unsigned fastest_block(const struct search *s, unsigned used, int size)
{
	unsigned best = 0;
	int best_mbps = -1;

	for (unsigned set = (1u << size) - 1; set < 1u << s->k;) {
		unsigned low = set & -set, carry = set + low;

		if (!(set & used)) {
			int at[4], n = 0, mbps;

			for (int i = 0; i < s->k; i++)
				if (set >> i & 1)
					at[n++] = i;
			mbps = size == 4 ? s->quad[quad_index(at)]
					 : s->pair[at[0]][at[1]];
			if (mbps > best_mbps) {
				best = set;
				best_mbps = mbps;
			}
		}
		set = (((carry ^ set) >> 2) / low) | carry;
	}
	return best;
}

/* Put the members of a block at ranks from..: by its fastest pairs, each lowest first. */
static int lay_block(struct search *s, unsigned block, int from)
{
	unsigned all = (1u << s->k) - 1;

	while (block) {
		unsigned two = fastest_block(s, all & ~block, 2);

		if (!two)
			two = block;
		block &= ~two;
		for (int i = 0; i < s->k; i++)
			if (two >> i & 1)
				s->at[from++] = i;
	}
	return from;
}

/* A good order to start from: the fastest quad of what is left, again and again. */
static void guess(struct search *s)
{
	unsigned used = 0, all = (1u << s->k) - 1;
	struct rank_key key = empty_key;
	int rank = 0;

	while (s->k - rank >= 4) {
		unsigned quad = fastest_block(s, used, 4);

		used |= quad;
		rank = lay_block(s, quad, rank);
	}
	lay_block(s, all & ~used, rank);
	for (int r = 0; r < s->k; r++)
		key = add_rank(s, key, r);
	keep(s, &key, true);
}

static bool find_by_search(const struct gt_node *node, const int *gpu, int k,
			   const struct gt_mask *near, struct gt_order *order)
{
	struct search s;

	memset(&s, 0, sizeof(s));
	s.k = k;
	memcpy(s.gpu, gpu, (size_t)k * sizeof(*gpu));
	for (int r = 0; near && r < k; r++)
		for (int v = 0; v < k; v++)
			if (gt_mask_has(&near[r], gpu[v]))
				s.near[r] |= 1u << v;
	measure_pairs(&s, node);
	measure_quads(&s, node);
	/* Up to 8 GPUs the plain search is short and proves what it finds. */
	if (k > 8)
		guess(&s);
	try_rank(&s, 0, 0, &empty_key);
	for (int r = 0; r < k; r++)
		order->gpu[r] = gpu[s.best[r]];
	return s.steps <= SEARCH_STEPS;
}

/* Whether every order gives the same. True inside one fabric and where nothing has links.
 */
static bool all_pairs_equal(const struct gt_node *node, const int *gpu, int k)
{
	int mbps = gt_node_pair_mbps(node, gpu[0], gpu[1]);
	bool linked = gt_node_links(node, gpu[0], gpu[1]) > 0;
	int island = gt_node_gpu(node, gpu[0])->island;

	if (gt_node_group_count(node) > 0 || (linked && island < 0))
		return false;
	for (int i = 0; i < k; i++)
		for (int j = 0; j < i; j++)
			if (gt_node_pair_mbps(node, gpu[i], gpu[j]) != mbps ||
			    (gt_node_links(node, gpu[i], gpu[j]) > 0) != linked ||
			    gt_node_gpu(node, gpu[i])->island != island)
				return false;
	return true;
}

/* Find rank a near GPU that is free, or whose rank finds another one: one step of a
 * largest matching. */
static bool find_near(const struct gt_mask *near, const int *gpu, int k, int rank,
		      int *rank_of, bool *tried)
{
	for (int v = 0; v < k; v++) {
		if (tried[v] || !gt_mask_has(&near[rank], gpu[v]))
			continue;
		tried[v] = true;
		if (rank_of[v] < 0 ||
		    find_near(near, gpu, k, rank_of[v], rank_of, tried)) {
			rank_of[v] = rank;
			return true;
		}
	}
	return false;
}

/* Where every order is as fast: as many ranks as possible near their GPUs. */
static void by_nearness(const struct gt_mask *near, const int *gpu, int k,
			struct gt_order *order)
{
	int rank_of[GT_MAX_GPUS];
	bool placed[GT_MAX_GPUS] = {false};

	for (int v = 0; v < k; v++)
		rank_of[v] = -1;
	for (int r = 0; r < k; r++) {
		bool tried[GT_MAX_GPUS] = {false};

		placed[r] = find_near(near, gpu, k, r, rank_of, tried);
	}
	for (int v = 0, r = 0; v < k; v++) {
		if (rank_of[v] < 0) {
			while (placed[r])
				r++;
			rank_of[v] = r++;
		}
		order->gpu[rank_of[v]] = gpu[v];
	}
}

/* GPUs of one island together, islands by their first GPU. */
static void by_island(const struct gt_node *node, const int *gpu, int k,
		      struct gt_order *order)
{
	struct gt_mask done = {0};
	int rank = 0;

	for (int i = 0; i < k; i++) {
		int island = gt_node_gpu(node, gpu[i])->island;

		for (int j = i; j < k; j++) {
			bool same =
				j == i || (island >= 0 &&
					   gt_node_gpu(node, gpu[j])->island == island);

			if (!same || gt_mask_has(&done, gpu[j]))
				continue;
			gt_mask_set(&done, gpu[j]);
			order->gpu[rank++] = gpu[j];
		}
	}
}

static void describe(const struct gt_node *node, struct gt_order *order)
{
	order->quads = order->count / 4;
	order->pairs = order->count / 2;
	for (int i = 0; i < order->quads; i++)
		order->quad_mbps[i] = set_mbps(node, &order->gpu[4 * i], 4);
	for (int i = 0; i < order->pairs; i++)
		order->pair_mbps[i] = set_mbps(node, &order->gpu[2 * i], 2);
	for (int r = 1; r < order->count; r++) {
		int hop = gt_node_pair_mbps(node, order->gpu[r - 1], order->gpu[r]);

		order->hop_sum_mbps += hop > 0 ? hop : 0;
	}
}

void gt_order_find(const struct gt_node *node, const struct gt_mask *set,
		   struct gt_order *order)
{
	gt_order_find_near(node, set, NULL, order);
}

void gt_order_find_near(const struct gt_node *node, const struct gt_mask *set,
			const struct gt_mask *near, struct gt_order *order)
{
	int gpu[GT_MAX_GPUS], k = 0;

	memset(order, 0, sizeof(*order));
	for (int g = gt_mask_next(set, 0); g >= 0; g = gt_mask_next(set, g + 1))
		gpu[k++] = g;
	order->count = k;
	order->exact = true;
	memcpy(order->gpu, gpu, (size_t)k * sizeof(*gpu));
	if (k < 2)
		return;
	if (!all_pairs_equal(node, gpu, k)) {
		if (k <= SEARCH_GPUS) {
			order->exact = find_by_search(node, gpu, k, near, order);
		} else {
			by_island(node, gpu, k, order);
			order->exact = false;
		}
	} else if (near) {
		by_nearness(near, gpu, k, order);
	}
	describe(node, order);
}

void gt_order_groups(const struct gt_node *node, struct gt_geometry *geometry)
{
	struct gt_order order;
	int first = 0;

	for (int i = 0; i < geometry->count; i++) {
		struct gt_mask group = {0};

		for (int r = 0; r < geometry->size[i]; r++)
			gt_mask_set(&group, geometry->gpu[first + r]);
		gt_order_find(node, &group, &order);
		for (int r = 0; r < order.count; r++)
			geometry->gpu[first++] = (uint16_t)order.gpu[r];
	}
}
