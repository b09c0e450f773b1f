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

/* What is to be had on one socket. */
struct supply {
	int gpus;
	int roots;
	uint64_t evenness; /* sum of 16^(GPUs of a home): smaller is more even */
};

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

static struct supply supply_of(const struct socket *socket, const int *count)
{
	struct supply s = {0};

	for (int i = 0; i < socket->homes; i++) {
		int here = count[socket->first + i];

		s.gpus += here;
		s.roots += here > 0;
		s.evenness += here ? UINT64_C(1) << (4 * (here < 15 ? here : 15)) : 0;
	}
	return s;
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

/* Is the socket of supply a to be used up before that of b? The fullest first; of equals
 * the one on fewer roots, then the one that would be worse to be taken from in part. */
static bool is_fuller(const struct supply *a, const struct supply *b)
{
	if (a->gpus != b->gpus)
		return a->gpus > b->gpus;
	if (a->roots != b->roots)
		return a->roots < b->roots;
	return a->evenness < b->evenness;
}

/* The socket that gives all k from the fewest roots, of equals the one with the least to
 * spare; or else the one to use up. -1: nothing is left. */
static int next_socket(const struct gt_homes *h, const struct supply *supply,
		       const int *count, int k)
{
	int at = -1, roots = 0;

	for (int i = 0; i < h->socket_count; i++) {
		const struct supply *s = &supply[i];
		bool best_is_part = at < 0 || supply[at].gpus < k;
		int needed;

		if (s->gpus == 0)
			continue;
		if (s->gpus < k) {
			if (at < 0 || (best_is_part && is_fuller(s, &supply[at])))
				at = i;
			continue;
		}
		if (!best_is_part && roots == 1 && s->gpus >= supply[at].gpus)
			continue;
		needed = s->roots == 1 ? 1 : roots_for(&h->socket[i], count, k);
		if (best_is_part || needed < roots ||
		    (needed == roots && s->gpus < supply[at].gpus)) {
			at = i;
			roots = needed;
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

static bool is_alike(const struct supply *a, const struct supply *b)
{
	return a->gpus == b->gpus && a->roots == b->roots && a->evenness == b->evenness;
}

void gt_homes_take(const struct gt_homes *homes, struct gt_mask *set,
		   const struct gt_mask *from, int k)
{
	struct supply supply[GT_MAX_GPUS], kind;
	int count[GT_MAX_GPUS], at;

	if (k <= 0)
		return;
	for (int i = 0; i < homes->home_count; i++)
		count[i] = count_at(&homes->home[i], from);
	for (int i = 0; i < homes->socket_count; i++)
		supply[i] = supply_of(&homes->socket[i], count);
	while (k > 0 && (at = next_socket(homes, supply, count, k)) >= 0) {
		kind = supply[at];
		/* Its likes are used up along with it, as long as none of them has all.
		 */
		for (bool first = true; at < homes->socket_count; at++, first = false) {
			if (!first && (kind.gpus >= k || !is_alike(&supply[at], &kind)))
				continue;
			k -= take_socket(homes, &homes->socket[at], count, set, from, k);
			supply[at] = (struct supply){0};
		}
	}
}
