/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and PCIe roots: K of many equals from as few places as can be. */
#include "config.h"

#include "core/home.h"

#include "core/score.h"

#include <stdlib.h>
#include <string.h>

/* GPUs of one PCIe root on one socket. Most lie in one word of a mask: a rack has many
 * homes, and only those words are looked at. */
struct home {
	struct gt_mask gpus;
	int first_word, last_word;
};

struct socket {
	int gpu;	  /* one of it, to tell sockets apart */
	int first, homes; /* its homes in gt_homes.home */
};

struct gt_homes {
	int socket_count, home_count;
	struct socket *socket; /* in the order of their first GPUs, as homes are */
	struct home *home;
};

/*
 * What is to be had on one socket, as the order in which sockets are used up: the fullest
 * first; of equals the one on fewer roots, then the one that would be worse to be taken
 * from in part, which is the most even. GPUs << 48 | (65535 - roots) << 32 | (all ones -
 * sum of 16^(GPUs of a home)); 0: nothing. One number, so that the largest is found
 * without branches.
 */
#define HOME_COUNTED 7 /* fuller homes count as this full in the sum */

static int supply_gpus(uint64_t supply)
{
	return (int)(supply >> 48);
}

static int supply_roots(uint64_t supply)
{
	return 0xffff - (int)(supply >> 32 & 0xffff);
}

/* ---- life ---- */

static bool same_root(const struct gt_node *node, int a, int b)
{
	return strcmp(node->gpu[a].pci_root, node->gpu[b].pci_root) == 0;
}

static void add_homes(struct gt_homes *h, const struct gt_node *node,
		      struct socket *socket)
{
	int place = gt_gpu_home(&node->gpu[socket->gpu]);

	socket->first = h->home_count;
	for (int g = socket->gpu; g < node->n; g++) {
		struct home *home = h->home + socket->first;
		struct home *end = h->home + h->home_count;

		if (gt_gpu_home(&node->gpu[g]) != place)
			continue;
		while (home < end && !same_root(node, gt_mask_next(&home->gpus, 0), g))
			home++;
		if (home == end) {
			*home = (struct home){.first_word = g / 64};
			h->home_count++;
		}
		gt_mask_set(&home->gpus, g);
		home->last_word = g / 64;
	}
	socket->homes = h->home_count - socket->first;
}

static void find_homes(struct gt_homes *h, const struct gt_node *node)
{
	for (int g = 0; g < node->n; g++) {
		int s = 0;

		while (s < h->socket_count && gt_gpu_home(&node->gpu[h->socket[s].gpu]) !=
						      gt_gpu_home(&node->gpu[g]))
			s++;
		if (s < h->socket_count)
			continue;
		h->socket[h->socket_count] = (struct socket){.gpu = g};
		add_homes(h, node, &h->socket[h->socket_count++]);
	}
}

struct gt_homes *gt_homes_new(const struct gt_node *node)
{
	struct gt_homes *h = calloc(1, sizeof(*h));
	size_t n = (size_t)node->n + 1;

	if (!h)
		return NULL;
	h->socket = calloc(n, sizeof(*h->socket));
	h->home = calloc(n, sizeof(*h->home));
	if (!h->socket || !h->home) {
		gt_homes_free(h);
		return NULL;
	}
	find_homes(h, node);
	return h;
}

void gt_homes_free(struct gt_homes *homes)
{
	if (!homes)
		return;
	free(homes->socket);
	free(homes->home);
	free(homes);
}

size_t gt_homes_bytes(const struct gt_homes *homes)
{
	return sizeof(*homes) + (size_t)homes->socket_count * sizeof(*homes->socket) +
	       (size_t)homes->home_count * sizeof(*homes->home);
}

/* ---- taking ---- */

static int count_at(const struct home *home, const struct gt_mask *from)
{
	int count = 0;

	for (int w = home->first_word; w <= home->last_word; w++)
		count += __builtin_popcountll(home->gpus.word[w] & from->word[w]);
	return count;
}

static uint64_t supply_of(const struct socket *socket, const int *count)
{
	uint64_t gpus = 0, roots = 0, sum = 0;

	for (int i = socket->first; i < socket->first + socket->homes; i++) {
		int level = count[i] < HOME_COUNTED ? count[i] : HOME_COUNTED;

		gpus += (uint64_t)count[i];
		roots += count[i] > 0;
		sum += (UINT64_C(1) << (4 * level)) - (count[i] == 0);
	}
	if (sum > UINT32_MAX)
		sum = UINT32_MAX;
	return gpus ? gpus << 48 | (0xffff - roots) << 32 | (UINT32_MAX - sum) : 0;
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

/* The socket that gives all k from the fewest roots, of equals the one with the least to
 * spare; one has them. */
static int socket_for_all(const struct gt_homes *h, const uint64_t *supply,
			  const int *count, int k)
{
	int at = -1, roots = 0, gpus = 0;

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
static int take_home(const struct home *home, struct gt_mask *set,
		     const struct gt_mask *from, int k)
{
	int taken = 0;

	for (int g = gt_mask_next(&home->gpus, 0); g >= 0 && taken < k;
	     g = gt_mask_next(&home->gpus, g + 1))
		if (gt_mask_has(from, g)) {
			gt_mask_set(set, g);
			taken++;
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
		taken += take_home(&h->home[home], set, from, k - taken);
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
	for (int i = 0; i < homes->home_count; i++)
		count[i] = count_at(&homes->home[i], from);
	for (int i = 0; i < homes->socket_count; i++)
		supply[i] = supply_of(&homes->socket[i], count);
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
