/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policies. Each is a function of one node's state; nodes are chosen by rule. */
#include "config.h"

#include "sim/policy.h"
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

/* Has set a the lower indices? */
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

/* ---- Slurm ---------------------------------------------------------------------------
 */

static int at_least(int value, int least)
{
	return value > least ? value : least;
}

/* The fewest sockets that hold the GPUs in equal numbers. */
static int sockets_for(const struct sim_slurm_node *node, uint64_t busy, int gpus)
{
	for (int sockets = 1; sockets < node->sockets; sockets++) {
		int each = (gpus + sockets - 1) / sockets, there = 0;

		for (int s = 0; s < node->sockets; s++)
			there += __builtin_popcountll(node->near[s] & ~busy) >= each;
		if (there >= sockets)
			return sockets;
	}
	return node->sockets;
}

/* The count that the user gave in the job's form, as this node's share of it. */
static int form_count(const struct sim_ask *ask, const struct sim_slurm_node *node,
		      const struct sim_slurm_request *r)
{
	int sockets;

	switch (r->form) {
	case SIM_FORM_JOB:
		return ask->had + ask->count;
	case SIM_FORM_TASK:
		return at_least(ask->count / at_least(r->asked_tasks, 1), 1);
	case SIM_FORM_SOCKET:
		sockets = sockets_for(node, r->busy, ask->count);
		return (ask->count + sockets - 1) / sockets;
	default:
		return ask->count;
	}
}

/* What the user asked of each node, as far as a trace tells. */
static void fill_request(const struct sim_ask *ask, const struct sim_slurm_node *node,
			 struct sim_slurm_request *r)
{
	const struct sim_job *job = ask->job;
	int nodes = at_least(job->nodes, 1), tasks;

	r->one_node = job->nodes == 1;
	/* a job by tasks without their number: one GPU each */
	r->asked_tasks = job->tasks		    ? at_least(job->tasks / nodes, 1)
			 : r->form == SIM_FORM_TASK ? ask->count
						    : 0;
	tasks = at_least(r->asked_tasks, 1);
	r->cores_per_task = at_least(job->cpus / nodes, tasks) / tasks;
	r->count = form_count(ask, node, r);
}

/* Slurm's sets may be smaller than asked where a request does not divide; fill up by
 * index, drop from the top. */
static uint64_t exactly(uint64_t set, uint64_t free, int count)
{
	while (__builtin_popcountll(set) < count && (free & ~set))
		set |= lowest(free & ~set);
	while (__builtin_popcountll(set) > count)
		set &= ~(UINT64_C(1) << (63 - __builtin_clzll(set)));
	return set;
}

/* Of the free GPUs not in beside. *near: the GPUs of the sockets with the job's cores;
 * may be NULL. */
static uint64_t choose_stock(struct sim_chooser *c, const struct sim_ask *ask,
			     enum sim_slurm_release release, uint64_t beside,
			     uint64_t *near)
{
	const struct sim_type *type = &c->layout->types[ask->type];
	struct sim_slurm_request r = {
		.form = (enum sim_form)ask->job->form,
		.busy = ask->busy | beside,
		.had = ask->had,
		.nodes_left = 1,
	};
	int free_cores[SIM_MAX_SOCKETS];

	for (int s = 0; s < SIM_MAX_SOCKETS; s++) {
		free_cores[s] = type->cores_per_socket;
		for (int i = 0; i < ask->slot_count; i++)
			free_cores[s] -= ask->slots[i].cores[s];
		free_cores[s] = at_least(free_cores[s], 0);
	}
	fill_request(ask, &type->slurm, &r);
	sim_slurm_cores(&r, release, &type->slurm, free_cores);
	sim_slurm_tasks(&r, r.cores_per_task);
	for (int s = 0; s < type->slurm.sockets; s++) {
		c->cores[s] = (uint16_t)r.cores[s];
		if (near && r.cores[s] > 0)
			*near |= type->slurm.near[s];
	}
	return exactly(sim_slurm_select(release, &type->slurm, &r), type->all & ~r.busy,
		       ask->count);
}

static uint64_t choose_slurm_22_05(struct sim_chooser *c, const struct sim_ask *ask)
{
	return choose_stock(c, ask, SIM_SLURM_22_05, 0, NULL);
}

static uint64_t choose_slurm_24_05(struct sim_chooser *c, const struct sim_ask *ask)
{
	return choose_stock(c, ask, SIM_SLURM_24_05, 0, NULL);
}

/* ---- ours ----------------------------------------------------------------------------
 */

/* GT_UNKNOWN where limits are not known, or have told nothing so far. */
static int seconds_left(const struct sim_chooser *c, const struct sim_ask *ask,
			const struct sim_slot *slot, bool tells)
{
	int64_t left = (slot->until_ms - ask->now_ms) / 1000;

	if (c->timeless || !slot->is_limited || !tells)
		return GT_UNKNOWN;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* The plugin leaves stock's set where its own is not strictly better. */
static uint64_t better_than(struct sim_chooser *c, const struct sim_ask *ask,
			    const struct gt_request *request, const struct gt_mask *ours,
			    uint64_t stock)
{
	struct gt_table *table = c->values[ask->type].table;
	struct gt_mask set = {.word = {stock}};
	struct gt_score a, b;
	int order;

	if (ours->word[0] == stock)
		return stock;
	gt_select_score(table, request, ours, &a);
	gt_select_score(table, request, &set, &b);
	gt_score_compare(&a, &b, request->policy, &order);
	return order < 0 ? ours->word[0] : stock;
}

static uint64_t choose_gputopo(struct sim_chooser *c, const struct sim_ask *ask)
{
	struct gt_running running[SIM_MAX_GPUS];
	struct gt_request request = {
		.count = ask->count,
		.free = {.word = {free_of(c, ask)}},
		.policy = c->order,
		.running = running,
		.running_count = c->blind ? 0 : ask->slot_count,
	};
	bool tells = gt_limit_memory_tells(&c->limits);
	uint64_t stock = 0, near = 0, ours;
	struct gt_choice choice;

	if (ask->stock)
		return choose_slurm_22_05(c, ask);
	for (int i = 0; i < request.running_count; i++) {
		memset(&running[i].gpus, 0, sizeof(running[i].gpus));
		running[i].gpus.word[0] = ask->slots[i].mask;
		running[i].seconds = seconds_left(c, ask, &ask->slots[i], tells);
	}
	if (c->over) {
		stock = choose_stock(c, ask, c->stock, 0, &near);
		request.near.word[0] = near;
	}
	if (gt_select(c->values[ask->type].table, &request, &choice))
		return stock;
	if (!c->over)
		return choice.gpus.word[0];
	ours = better_than(c, ask, &request, &choice.gpus, stock);
	/* the plugin runs stock again with only our GPUs free: the cores follow */
	if (ours != stock)
		choose_stock(c, ask, c->stock, free_of(c, ask) & ~ours, NULL);
	return ours;
}

/* ---- the table -----------------------------------------------------------------------
 */

static const struct sim_policy policies[] = {
	{"gputopo", "what the plugin does", SIM_NODES_BEST, true, choose_gputopo},
	{"slurm-22.05", "stock Slurm 22.05 to 23.11", SIM_NODES_FIRST, true,
	 choose_slurm_22_05},
	{"slurm-24.05", "stock Slurm 24.05 and later", SIM_NODES_FIRST, true,
	 choose_slurm_24_05},
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
	bool ours = c->policy->choose == choose_gputopo;

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
		return gt_fail(err, GT_EINVAL, "the policy '%s' is not known", text);
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
	    (!mix && c->policy->choose == choose_gputopo && !start_learning(c))) {
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
	if (job->is_limited && c->policy->choose == choose_gputopo)
		gt_limit_memory_add(&c->limits, (double)job->limit_ms / 1000,
				    (double)ran_ms / 1000);
}

uint64_t sim_chooser_ask(struct sim_chooser *c, const struct sim_ask *ask)
{
	if (__builtin_popcountll(free_of(c, ask)) < ask->count)
		return 0;
	return c->policy->choose(c, ask);
}
