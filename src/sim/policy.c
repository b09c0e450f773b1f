/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policies. Each is a function of one node's state; nodes are chosen by rule. */
#include "config.h"

#include "sim/policy.h"
#include "sim/policy_stock.h"
#include "sim/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As the plugin's: up to how many GPUs, and how often. */
#define LEARN_GPUS     8
#define LEARNED_JOBS   20
#define EXHAUSTIVE_MAX 16 /* GPUs up to which the rules by enumeration work */

static uint64_t free_of(const struct sim_chooser *c, const struct sim_ask *ask)
{
	return c->layout->types[ask->type].all & ~ask->busy;
}

static uint64_t lowest(uint64_t set)
{
	return set & -set;
}

/* ---- simple rules --------------------------------------------------------------------
 */

static uint64_t choose_first(struct sim_chooser *c, const struct sim_ask *ask)
{
	uint64_t left = free_of(c, ask), set = 0;

	for (int i = 0; i < ask->count && left; i++) {
		set |= lowest(left);
		left &= left - 1;
	}
	return set;
}

static uint64_t choose_random(struct sim_chooser *c, const struct sim_ask *ask)
{
	uint64_t left = free_of(c, ask), set = 0;

	for (int i = 0; i < ask->count && left; i++) {
		uint64_t skip =
			sim_random_below(&c->seed, (uint64_t)__builtin_popcountll(left));
		uint64_t at = left;

		while (skip-- > 0)
			at &= at - 1;
		set |= lowest(at);
		left &= ~lowest(at);
	}
	return set;
}

/* One GPU of each socket in turn. */
static uint64_t choose_spread(struct sim_chooser *c, const struct sim_ask *ask)
{
	const struct sim_slurm_node *node = &c->layout->types[ask->type].slurm;
	uint64_t left = free_of(c, ask), set = 0;

	for (int s = 0; __builtin_popcountll(set) < ask->count && left; s++) {
		uint64_t near = node->near[s % node->sockets] & left;

		if (!near && s >= node->sockets)
			near = left & node->any;
		set |= lowest(near);
		left &= ~lowest(near);
	}
	return set;
}

/* ---- rules by enumeration ------------------------------------------------------------
 */

typedef int64_t rate_set(struct sim_chooser *c, int type, uint64_t set);

/* Whether set a has the lower indices. */
static bool comes_first(uint64_t a, uint64_t b)
{
	return lowest(a ^ b) & a;
}

/* The set of k free GPUs with the highest rate, ties to the lowest indices. */
static uint64_t best_rated(struct sim_chooser *c, int type, uint64_t free, int k,
			   rate_set *rate)
{
	int64_t best = INT64_MIN;
	uint64_t found = 0;

	for (uint64_t set = free; set; set = (set - 1) & free) {
		int64_t here;

		if (__builtin_popcountll(set) != k)
			continue;
		here = rate(c, type, set);
		if (here > best || (here == best && comes_first(set, found))) {
			best = here;
			found = set;
		}
	}
	return found;
}

/* Same, kept: a rule of the free GPUs alone gives the same answer each time. */
static uint64_t kept_best(struct sim_chooser *c, const struct sim_ask *ask,
			  rate_set *rate)
{
	const struct sim_type *type = &c->layout->types[ask->type];
	uint64_t free = free_of(c, ask);
	uint16_t *kept;

	if (!c->memo[ask->type])
		c->memo[ask->type] =
			calloc(((size_t)type->all + 1) * (size_t)(type->n + 1),
			       sizeof(uint16_t));
	if (!c->memo[ask->type])
		return best_rated(c, ask->type, free, ask->count, rate);
	kept = &c->memo[ask->type][free * (unsigned)(type->n + 1) + (unsigned)ask->count];
	if (!*kept)
		*kept = (uint16_t)best_rated(c, ask->type, free, ask->count, rate);
	return *kept;
}

/* What the Kubernetes device plugin adds up for a pair. */
static int pair_points(const struct gt_node *node, int a, int b)
{
	static const int path[] = {
		[GT_PATH_PIX] = 50,  [GT_PATH_PXB] = 40, [GT_PATH_PHB] = 30,
		[GT_PATH_NODE] = 20, [GT_PATH_SYS] = 10,
	};
	int links = gt_node_links(node, a, b);
	enum gt_path p = gt_node_path(node, a, b);

	if (links > 0)
		return 100 * links;
	return p >= GT_PATH_PIX && p <= GT_PATH_SYS ? path[p] : 0;
}

static int64_t rate_pairs(struct sim_chooser *c, int type, uint64_t set)
{
	const struct gt_node *node = c->layout->types[type].node;
	int64_t sum = 0;

	for (uint64_t i = set; i; i &= i - 1)
		for (uint64_t j = i & (i - 1); j; j &= j - 1)
			sum += pair_points(node, __builtin_ctzll(i), __builtin_ctzll(j));
	return sum;
}

static int64_t rate_rings(struct sim_chooser *c, int type, uint64_t set)
{
	struct sim_worth worth;

	if (!(set & (set - 1)))
		return 0;
	worth = sim_value_set(&c->values[type], set);
	return worth.ring ? worth.busbw_mbps : 0;
}

static uint64_t choose_pairs(struct sim_chooser *c, const struct sim_ask *ask)
{
	return kept_best(c, ask, rate_pairs);
}

static uint64_t choose_rings(struct sim_chooser *c, const struct sim_ask *ask)
{
	return kept_best(c, ask, rate_rings);
}

/* ---- the table -----------------------------------------------------------------------
 */

static const struct sim_policy policies[] = {
	{"gputopo", "what the plugin does", SIM_NODES_BEST, true, sim_choose_gputopo},
	{"slurm-22.05", "stock Slurm 22.05 to 23.11", SIM_NODES_FIRST, true,
	 sim_choose_slurm_22_05},
	{"slurm-24.05", "stock Slurm 24.05 and later", SIM_NODES_FIRST, true,
	 sim_choose_slurm_24_05},
	{"first-fit", "the lowest free GPUs", SIM_NODES_FIRST, false, choose_first},
	{"random", "any free GPUs", SIM_NODES_FIRST, false, choose_random},
	{"pair-sum", "the most links, as the Kubernetes device plugin", SIM_NODES_FIRST,
	 false, choose_pairs},
	{"ring", "the most rings, ties to the lowest GPUs", SIM_NODES_FIRST, false,
	 choose_rings},
	{"spread", "the emptiest node, sockets in turn", SIM_NODES_EMPTIEST, false,
	 choose_spread},
};

#define POLICY_COUNT ((int)(sizeof(policies) / sizeof(policies[0])))

const struct sim_policy *sim_policy_at(int i)
{
	return i >= 0 && i < POLICY_COUNT ? &policies[i] : NULL;
}

static bool take_option(struct sim_chooser *c, const char *option)
{
	bool ours = c->policy->choose == sim_choose_gputopo;

	if (ours && !strcmp(option, "preserve"))
		c->order = GT_POLICY_PRESERVE;
	else if (ours && !strcmp(option, "blind"))
		c->blind = true;
	else if (ours && !strcmp(option, "timeless"))
		c->timeless = true;
	else if (ours && !strncmp(option, "over=", 5) &&
		 (!strcmp(option + 5, "22.05") || !strcmp(option + 5, "24.05"))) {
		c->over = true;
		c->stock =
			!strcmp(option + 5, "22.05") ? SIM_SLURM_22_05 : SIM_SLURM_24_05;
	} else if (ours && !strcmp(option, "nosplit"))
		c->splits = false;
	else if (!strcmp(option, "nodes=first"))
		c->nodes = SIM_NODES_FIRST;
	else if (!strcmp(option, "nodes=best"))
		c->nodes = SIM_NODES_BEST;
	else
		return false;
	return true;
}

static enum gt_err take_name(struct sim_chooser *c, const char *text,
			     struct gt_error *err)
{
	char copy[SIM_POLICY_NAME_MAX], *keep = NULL, *name, *option;

	if (strlen(text) >= sizeof(copy))
		return gt_fail(err, GT_EINVAL, "the policy's name is too long");
	snprintf(c->name, sizeof(c->name), "%s", text);
	snprintf(copy, sizeof(copy), "%s", text);
	name = strtok_r(copy, "/", &keep);
	for (int i = 0; i < POLICY_COUNT && name; i++)
		if (!strcmp(name, policies[i].name))
			c->policy = &policies[i];
	if (!c->policy)
		return gt_fail(err, GT_EINVAL, "unknown policy '%s'", text);
	c->nodes = c->policy->nodes;
	c->splits = c->policy->splits;
	while ((option = strtok_r(NULL, "/", &keep)))
		if (!take_option(c, option))
			return gt_fail(err, GT_EINVAL, "the policy %s has no option '%s'",
				       c->policy->name, option);
	return GT_OK;
}

/* Room to learn sizes in; false: out of memory. */
static bool start_learning(struct sim_chooser *c)
{
	size_t types = (size_t)c->layout->type_count;

	c->sizes = calloc(types, sizeof(*c->sizes));
	c->began = calloc(types, sizeof(*c->began));
	for (size_t t = 0; c->sizes && t < types; t++)
		gt_size_memory_init(&c->sizes[t]);
	return c->sizes && c->began;
}

enum gt_err sim_chooser_init(struct sim_chooser *c, const char *text,
			     const struct sim_layout *layout, const struct gt_mix *mix,
			     int ringless_mbps, uint64_t seed, struct gt_error *err)
{
	enum gt_err failed;
	bool exhaustive;

	memset(c, 0, sizeof(*c));
	failed = take_name(c, text, err);
	if (failed)
		return failed;
	exhaustive =
		c->policy->choose == choose_pairs || c->policy->choose == choose_rings;
	if (exhaustive && layout->largest > EXHAUSTIVE_MAX)
		return gt_fail(err, GT_ELIMIT,
			       "the policy %s takes nodes of up to %d GPUs",
			       c->policy->name, EXHAUSTIVE_MAX);
	c->layout = layout;
	c->seed = seed;
	c->values = calloc((size_t)layout->type_count, sizeof(*c->values));
	c->memo = calloc((size_t)layout->type_count, sizeof(*c->memo));
	if (!c->values || !c->memo ||
	    (!mix && c->policy->choose == sim_choose_gputopo && !start_learning(c))) {
		sim_chooser_release(c);
		return gt_fail(err, GT_ENOMEM, "out of memory");
	}
	for (int t = 0; t < layout->type_count && !failed; t++)
		failed = sim_value_init(&c->values[t], &layout->types[t], mix,
					ringless_mbps, err);
	if (failed)
		sim_chooser_release(c);
	return failed;
}

void sim_chooser_release(struct sim_chooser *c)
{
	for (int t = 0; c->layout && t < c->layout->type_count; t++) {
		if (c->values)
			sim_value_release(&c->values[t]);
		if (c->memo)
			free(c->memo[t]);
	}
	free(c->values);
	free(c->memo);
	free(c->sizes);
	free(c->began);
	memset(c, 0, sizeof(*c));
}

void sim_chooser_note_start(struct sim_chooser *c, int type, int count)
{
	struct gt_mix mix;

	if (!c->sizes || c->layout->types[type].n > LEARN_GPUS)
		return;
	gt_size_memory_add(&c->sizes[type], count);
	if (++c->began[type] % LEARNED_JOBS)
		return;
	mix = gt_size_memory_mix(&c->sizes[type]);
	gt_table_set_mix(c->values[type].table, &mix);
}

void sim_chooser_note_end(struct sim_chooser *c, const struct sim_job *job,
			  int64_t ran_ms)
{
	if (job->is_limited && c->policy->choose == sim_choose_gputopo)
		gt_limit_memory_add(&c->limits, (double)job->limit_ms / 1000,
				    (double)ran_ms / 1000);
}

uint64_t sim_chooser_ask(struct sim_chooser *c, const struct sim_ask *ask)
{
	if (__builtin_popcountll(free_of(c, ask)) < ask->count)
		return 0;
	return c->policy->choose(c, ask);
}
