/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and PCIe roots: K of many equals from as few places as can be. */
#include "config.h"

#include "core/home.h"

#include "core/bits.h"
#include "core/score.h"

#include <stdlib.h>
#include <string.h>

/* A home is the GPUs of one PCIe root on one socket; a part is what of it lies in one
 * word of a mask. A rack has hundreds of homes, so what is looked at for each is kept
 * small. */
struct part {
	uint64_t gpus;
	int word, home;
};

struct socket {
	int gpu;	  /* one of it, to tell sockets apart */
	int first, homes; /* its homes, numbered from first on */
};

struct gt_homes {
	int socket_count, home_count, part_count;
	struct socket *socket; /* in the order of their first GPUs, as homes are */
	struct part *part;     /* in the order of homes, then words */
	int *first_part;       /* of each home, and part_count at the end */
	int *socket_of;	       /* each home */
};

/*
 * What is to be had on one socket, as the order in which sockets are used up: the fullest
 * first; of equals the one on fewer roots, then the one that would be worse to be taken
 * from in part, which is the most even. One number, a sum over its homes, so that the
 * largest is found without branches: GPUs x 2^52 - roots x 2^40 - the sum of 16^(GPUs of
 * a home), of 1024 GPUs at most; 0: nothing.
 */
#define HOME_COUNTED 7 /* fuller homes count as this full in the sum */
#define SUPPLY_GPU   (UINT64_C(1) << 52)
#define SUPPLY_ROOT  (UINT64_C(1) << 40)

static const uint64_t supply_of_home[HOME_COUNTED + 1] = {
	0,
	1 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 4),
	2 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 8),
	3 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 12),
	4 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 16),
	5 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 20),
	6 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 24),
	7 * SUPPLY_GPU - SUPPLY_ROOT - (1 << 28),
};

static int supply_gpus(uint64_t supply)
{
	return (int)((supply + SUPPLY_GPU - 1) >> 52);
}

static int supply_roots(uint64_t supply)
{
	return 0x1000 - (int)((supply + SUPPLY_ROOT - 1) >> 40 & 0xfff);
}

/* ---- life ---- */

static bool same_home(const struct gt_gpu *a, const struct gt_gpu *b)
{
	return gt_gpu_home(a) == gt_gpu_home(b) && strcmp(a->pci_root, b->pci_root) == 0;
}

/* The home of which g is the first GPU. */
static void add_home(struct gt_homes *h, const struct gt_node *node, int g)
{
	int home = h->home_count++;

	h->socket_of[home] = h->socket_count - 1;
	h->first_part[home] = h->part_count;
	for (int i = g; i < node->n; i++) {
		if (!same_home(&node->gpu[i], &node->gpu[g]))
			continue;
		if (h->part_count == h->first_part[home] ||
		    h->part[h->part_count - 1].word != i / 64)
			h->part[h->part_count++] =
				(struct part){.word = i / 64, .home = home};
		h->part[h->part_count - 1].gpus |= UINT64_C(1) << (i % 64);
	}
	h->first_part[home + 1] = h->part_count;
}

/* Whether g is the first GPU of its socket, or (whole false) of its home. */
static bool is_first(const struct gt_node *node, int g, bool whole)
{
	for (int i = 0; i < g; i++)
		if (whole ? gt_gpu_home(&node->gpu[i]) == gt_gpu_home(&node->gpu[g])
			  : same_home(&node->gpu[i], &node->gpu[g]))
			return false;
	return true;
}

static void add_socket(struct gt_homes *h, const struct gt_node *node, int g)
{
	struct socket *socket = &h->socket[h->socket_count++];

	socket->first = h->home_count;
	for (int i = g; i < node->n; i++)
		if (gt_gpu_home(&node->gpu[i]) == gt_gpu_home(&node->gpu[g]) &&
		    is_first(node, i, false))
			add_home(h, node, i);
	socket->homes = h->home_count - socket->first;
}

struct gt_homes *gt_homes_new(const struct gt_node *node)
{
	struct gt_homes *h = calloc(1, sizeof(*h));
	size_t n = (size_t)node->n + 1;

	if (!h)
		return NULL;
	h->socket = calloc(n, sizeof(*h->socket));
	h->part = calloc(n, sizeof(*h->part));
	h->first_part = calloc(n, sizeof(*h->first_part));
	h->socket_of = calloc(n, sizeof(*h->socket_of));
	if (!h->socket || !h->part || !h->first_part || !h->socket_of) {
		gt_homes_free(h);
		return NULL;
	}
	for (int g = 0; g < node->n; g++)
		if (is_first(node, g, true))
			add_socket(h, node, g);
	return h;
}

void gt_homes_free(struct gt_homes *homes)
{
	if (!homes)
		return;
	free(homes->socket);
	free(homes->part);
	free(homes->first_part);
	free(homes->socket_of);
	free(homes);
}

size_t gt_homes_bytes(const struct gt_homes *homes)
{
	return sizeof(*homes) + (size_t)homes->socket_count * sizeof(*homes->socket) +
	       (size_t)homes->part_count * sizeof(*homes->part) +
	       (size_t)homes->home_count *
		       (sizeof(*homes->first_part) + sizeof(*homes->socket_of));
}

/* ---- taking ---- */

static void count_homes(const struct gt_homes *h, const struct gt_mask *from, int *count)
{
	memset(count, 0, (size_t)h->home_count * sizeof(*count));
	for (int i = 0; i < h->part_count; i++) {
		const struct part *part = &h->part[i];

		count[part->home] += gt_bits_count(part->gpus & from->word[part->word]);
	}
}

static void add_supplies(const struct gt_homes *h, const int *count, uint64_t *supply)
{
	memset(supply, 0, (size_t)h->socket_count * sizeof(*supply));
	for (int i = 0; i < h->home_count; i++) {
		int counted = count[i] < HOME_COUNTED ? count[i] : HOME_COUNTED;

		supply[h->socket_of[i]] += supply_of_home[counted] +
					   (uint64_t)(count[i] - counted) * SUPPLY_GPU;
	}
}

/* The home of the socket with the most GPUs, or, if one has k, the one with the fewest
 * that are enough; -1: none is left. */
static int next_home(const struct socket *socket, const int *count, int k)
{
	int best = -1;

	for (int i = socket->first; i < socket->first + socket->homes; i++) {
		if (count[i] == 0)
			continue;
		if (best < 0 ||
		    (count[best] < k ? count[i] > count[best]
				     : count[i] >= k && count[i] < count[best]))
			best = i;
	}
	return best;
}

/* The fewest PCIe roots from which the socket gives k. */
static int roots_for(const struct socket *socket, const int *count, int k)
{
	int left[GT_MAX_GPUS], roots = 0;

	memcpy(&left[socket->first], &count[socket->first],
	       (size_t)socket->homes * sizeof(*count));
	while (k > 0) {
		int home = next_home(socket, left, k);

		k -= left[home];
		left[home] = 0;
		roots++;
	}
	return roots;
}

static uint64_t fullest(const uint64_t *supply, int sockets)
{
	uint64_t best = 0;

	for (int i = 0; i < sockets; i++)
		best = supply[i] > best ? supply[i] : best;
	return best;
}

/* socket_for_all where each socket is one home, without branches: which are free cannot
 * be predicted. */
static int smallest_for_all(const struct gt_homes *h, const uint64_t *supply, int k)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < h->socket_count; i++) {
		int here = supply_gpus(supply[i]);
		uint64_t key = (uint64_t)here << 32 | (uint64_t)i;

		key |= -(uint64_t)(here < k);
		best = key < best ? key : best;
	}
	return (int)(best & UINT32_MAX);
}

/* The socket that gives all k from the fewest roots, of equals the one with the least to
 * spare; one has them. */
static int socket_for_all(const struct gt_homes *h, const uint64_t *supply,
			  const int *count, int k)
{
	int at = -1, roots = 0, gpus = 0;

	if (h->home_count == h->socket_count)
		return smallest_for_all(h, supply, k);
	for (int i = 0; i < h->socket_count; i++) {
		int here = supply_gpus(supply[i]), needed;

		if (here < k || (roots == 1 && here >= gpus))
			continue;
		needed = supply_roots(supply[i]) == 1
				 ? 1
				 : roots_for(&h->socket[i], count, k);
		if (at < 0 || needed < roots || (needed == roots && here < gpus)) {
			at = i;
			roots = needed;
			gpus = here;
		}
	}
	return at;
}

/* Move k members of `from` that live there into *set; returns how many there were. */
static int take_home(const struct gt_homes *h, int home, struct gt_mask *set,
		     const struct gt_mask *from, int k)
{
	int taken = 0;

	for (int i = h->first_part[home]; i < h->first_part[home + 1]; i++) {
		const struct part *part = &h->part[i];
		uint64_t here = part->gpus & from->word[part->word];

		for (; here && taken < k; here &= here - 1, taken++)
			set->word[part->word] |= here & -here;
	}
	return taken;
}

static int take_socket(const struct gt_homes *h, const struct socket *socket, int *count,
		       struct gt_mask *set, const struct gt_mask *from, int k)
{
	int taken = 0;

	while (taken < k) {
		int home = next_home(socket, count, k - taken);

		if (home < 0)
			break;
		taken += take_home(h, home, set, from, k - taken);
		count[home] = 0;
	}
	return taken;
}

void gt_homes_take(const struct gt_homes *homes, struct gt_mask *set,
		   const struct gt_mask *from, int k)
{
	uint64_t supply[GT_MAX_GPUS], kind;
	int count[GT_MAX_GPUS];

	if (k <= 0)
		return;
	count_homes(homes, from, count);
	add_supplies(homes, count, supply);
	/* Sockets alike are used up in one go, until one of them has all the rest. */
	while ((kind = fullest(supply, homes->socket_count)) != 0 &&
	       supply_gpus(kind) < k)
		for (int i = 0; i < homes->socket_count && supply_gpus(kind) < k; i++)
			if (supply[i] == kind) {
				k -= take_socket(homes, &homes->socket[i], count, set,
						 from, k);
				supply[i] = 0;
			}
	if (kind && k > 0) {
		int at = socket_for_all(homes, supply, count, k);

		take_socket(homes, &homes->socket[at], count, set, from, k);
	}
}
