/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ranks.c - the node side without Slurm: bindings, rank order, near CPUs, facts, the
 * relay.
 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "graph.h"
#include "rank/pmix_relay.h"
#include "rank/rank_groups.h"
#include "rank/rank_near.h"
#include "rank/rank_order.h"
#include "ranks.h"
#include "unit.h"

/* ---- bindings and orders -------------------------------------------------------------
 */

static const struct {
	const char *text;
	enum gp_bind_kind kind;
	int count;
} bind_rows[] = {
	{NULL, GP_BIND_NONE, 0},
	{"", GP_BIND_NONE, 0},
	{"gpu:per_task:1", GP_BIND_EACH, 1},
	{"gres/gpu:per_task:4", GP_BIND_EACH, 4},
	{"gpu:single:2", GP_BIND_SHARE, 2},
	{"gres/gpu:verbose,single:1", GP_BIND_SHARE, 1},
	{"gpu:none", GP_BIND_NONE, 0},
	{"gres/nic:closest", GP_BIND_NONE, 0},
	{"gres/nic:closest+gres/gpu:per_task:2", GP_BIND_EACH, 2},
	{"gpu:closest", GP_BIND_OWN, 0},
	{"gpu:map_gpu:0,1", GP_BIND_OWN, 0},
	{"gpu:mask_gpu:0x3,0xc", GP_BIND_OWN, 0},
	{"gres/gpu:map:1,0", GP_BIND_OWN, 0},
	{"gpu:per_task:0", GP_BIND_OWN, 0},
	{"gpu:something:new", GP_BIND_OWN, 0},
};

START_TEST(bindings_are_understood)
{
	struct gp_bind bind = gp_bind_parse(bind_rows[_i].text);

	ck_assert_msg(bind.kind == bind_rows[_i].kind &&
			      (bind.kind == GP_BIND_OWN ||
			       bind.count == bind_rows[_i].count),
		      "%s: %d %d", bind_rows[_i].text, (int)bind.kind, bind.count);
}
END_TEST

/* Every set of 2 to 8 of a DGX-1V, every even way to share it out: all tasks together
 * hold the set exactly, in the rank order, which tests/unit/test_order.c holds against
 * every permutation. */
START_TEST(tasks_share_out_every_set)
{
	struct gt_node *node = load("builtin:dgx1v");

	for (unsigned set = 1; set < 256; set++) {
		struct gp_step step = {.node = node, .gpus = mask_of(set)};
		int k = gt_mask_count(&step.gpus), out[GP_RANK_GPUS];
		struct gt_order order;

		gt_order_find(node, &step.gpus, &order);
		for (int each = 1; each <= k; each++) {
			struct gp_bind bind = {GP_BIND_EACH, each};

			step.tasks = k / each;
			for (int t = 0; t < step.tasks; t++) {
				int n = gp_order_task(&step, &bind, t, out);

				ck_assert_int_eq(n, k % each ? 0 : each);
				for (int i = 0; i < n; i++)
					ck_assert_int_eq(out[i], order.gpu[t * each + i]);
			}
		}
	}
	gt_node_free(node);
}
END_TEST

static const struct {
	const char *why;
	enum gp_bind_kind kind;
	int count;
	int tasks;
	int task;
	int gets; /* how many of 4 GPUs; 0: Slurm's answer stands */
} share_rows[] = {
	{"everybody sees all", GP_BIND_NONE, 0, 4, 2, 4},
	{"also where tasks are fewer", GP_BIND_NONE, 0, 3, 2, 4},
	{"the user's binding", GP_BIND_OWN, 0, 4, 0, 0},
	{"two tasks a GPU", GP_BIND_SHARE, 2, 8, 7, 1},
	{"the last GPU has one task only", GP_BIND_SHARE, 2, 7, 6, 1},
	{"too few tasks for all GPUs", GP_BIND_SHARE, 2, 6, 0, 0},
	{"too many tasks", GP_BIND_SHARE, 1, 5, 0, 0},
	{"GPUs would be left over", GP_BIND_EACH, 1, 3, 0, 0},
	{"GPUs would be missing", GP_BIND_EACH, 2, 3, 0, 0},
};

START_TEST(uneven_shares_stay_slurms)
{
	struct gt_node *node = load("builtin:dgx1v");
	struct gp_step step = {
		.node = node, .gpus = mask_of(0x0f), .tasks = share_rows[_i].tasks};
	struct gp_bind bind = {share_rows[_i].kind, share_rows[_i].count};
	int out[GP_RANK_GPUS];

	ck_assert_msg(gp_order_task(&step, &bind, share_rows[_i].task, out) ==
			      share_rows[_i].gets,
		      "%s", share_rows[_i].why);
	gt_node_free(node);
}
END_TEST

/* ---- near CPUs ------------------------------------------------------------------------
 */

static void key_of(const struct gt_node *node, const int *order, int k,
		   const struct gt_mask *near, long *key)
{
	key[0] = key[1] = LONG_MAX;
	key[2] = 0;
	for (int r = 0; r < k; r++) {
		int size = r % 4 == 3 ? 4 : r % 2 == 1 ? 2 : 0;
		struct gt_score score;

		for (; size >= 2; size -= 2) {
			struct gt_mask block = {{0}};
			long *worst = size == 4 ? &key[0] : &key[1];

			for (int i = r - size + 1; i <= r; i++)
				gt_mask_set(&block, order[i]);
			gt_score_set(node, &block, &score);
			if (score.busbw_mbps < *worst)
				*worst = score.busbw_mbps;
		}
		key[2] += gt_mask_has(&near[r], order[r]);
	}
}

static int compare(const long *a, const long *b)
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] > b[i] ? 1 : -1;
	return 0;
}

static void permute(const struct gt_node *node, int *order, int k, int from,
		    const struct gt_mask *near, long *best)
{
	long key[3];

	if (from == k) {
		key_of(node, order, k, near, key);
		if (compare(key, best) > 0)
			memcpy(best, key, sizeof(key));
		return;
	}
	for (int i = from; i < k; i++) {
		int swap = order[from];

		order[from] = order[i];
		order[i] = swap;
		permute(node, order, k, from + 1, near, best);
		order[i] = order[from];
		order[from] = swap;
	}
}

/* Worst quad, worst pair, then as many ranks near their GPUs as can be: against every
 * permutation, for random places of the ranks. */
START_TEST(near_orders_are_the_best)
{
	static const char *const machines[] = {"builtin:dgx1v", "builtin:hgx-h100",
					       "builtin:l40s-8", "builtin:a6000-pairs"};
	struct rng r = rng_start("near");

	for (int i = 0; i < unit_cases(60); i++) {
		struct gt_node *node = load(machines[i % 4]);
		unsigned set = (rng_next(&r, 255) + 1) &
			       (unsigned)((1 << gt_node_size(node)) - 1);
		struct gt_mask gpus, near[8];
		struct gt_order order;
		long best[3] = {-1, -1, -1}, key[3];
		int list[8], k = 0;

		while (oracle_size(set) > 6)
			set &= set - 1;
		gpus = mask_of(set);
		for (int g = 0; g < 8; g++)
			if (set >> g & 1)
				list[k++] = g;
		for (int n = 0; n < k; n++)
			near[n] = mask_of(set & (rng_next(&r, 2) ? 0x0f : 0xf0));
		gt_order_find_near(node, &gpus, near, &order);
		if (k > 0) {
			permute(node, list, k, 0, near, best);
			key_of(node, order.gpu, k, near, key);
			ck_assert_msg(compare(key, best) == 0,
				      "%s, %#x: %ld %ld %ld, best %ld %ld %ld",
				      machines[i % 4], set, key[0], key[1], key[2],
				      best[0], best[1], best[2]);
		}
		gt_node_free(node);
	}
}
END_TEST

/* ---- groups -----------------------------------------------------------------------
 */

static int sum_between(const struct gt_node *node, const struct gt_geometry *g, int a,
		       int b)
{
	int sum = 0, x = gp_groups_start(g, a), y = gp_groups_start(g, b);

	for (int i = x; i < x + g->size[a]; i++)
		for (int j = y; j < y + g->size[b]; j++)
			sum += gt_node_pair_mbps(node, g->gpu[i], g->gpu[j]) > 0
				       ? gt_node_pair_mbps(node, g->gpu[i], g->gpu[j])
				       : 0;
	return sum;
}

/* Worst quad and pair of every group, which no nearness may make worse, and how many are
 * near. */
static void groups_key(const struct gt_node *node, const struct gt_geometry *g,
		       const struct gt_mask *near, long *key)
{
	key[0] = key[1] = LONG_MAX;
	key[2] = 0;
	for (int i = 0, at = 0; i < g->count; at += g->size[i++]) {
		int order[8];
		long one[3];

		for (int r = 0; r < g->size[i]; r++)
			order[r] = g->gpu[at + r];
		key_of(node, order, g->size[i], &near[at], one);
		key[0] = one[0] < key[0] ? one[0] : key[0];
		key[1] = one[1] < key[1] ? one[1] : key[1];
		key[2] += one[2];
	}
}

/* Every way to give the groups of one size to each other's places, and the best order in
 * each: the most ranks near their GPUs. */
static void seat(const struct gt_node *node, const struct gt_geometry *g,
		 const struct gt_mask *near, int place, unsigned used, int *at,
		 long so_far, long *most)
{
	if (place == g->count) {
		*most = so_far > *most ? so_far : *most;
		return;
	}
	for (int i = 0; i < g->count; i++) {
		int list[8], start = gp_groups_start(g, i);
		long best[3] = {-1, -1, -1};

		if (used >> i & 1 || g->size[i] != g->size[place] ||
		    (place > 0 &&
		     sum_between(node, g, at[place - 1], i) < g->transfer_mbps))
			continue;
		for (int r = 0; r < g->size[i]; r++)
			list[r] = g->gpu[start + r];
		permute(node, list, g->size[i], 0, &near[gp_groups_start(g, place)],
			best);
		at[place] = i;
		seat(node, g, near, place + 1, used | 1u << i, at, so_far + best[2],
		     most);
	}
}

/* Nearness exchanges groups of one size and ranks within a group, and makes neither a
 * group nor a transfer slower. */
START_TEST(groups_near_their_ranks)
{
	static const char *const machines[] = {"builtin:dgx1v", "builtin:hgx-h100",
					       "builtin:l40s-8",
					       "builtin:h100-pcie-pairs"};
	static const char *const sizes[] = {"2x2", "2",	  "4+2", "3x2",
					    "3+3", "2+4", "1+2"};
	struct rng r = rng_start("groups near");

	for (int i = 0; i < unit_cases(80); i++) {
		struct gt_node *node = load(machines[i % 4]);
		struct gt_mask set = {{0}}, near[8];
		struct gt_geometry groups, before;
		long key[3], key_before[3], most = -1;
		struct gt_groups pattern;
		unsigned seen = 0;
		int at[8], count;

		ck_assert_int_eq(gt_groups_parse(&pattern, sizes[i % 7], NULL), GT_OK);
		count = gt_groups_sum(&pattern);
		while (gt_mask_count(&set) < count)
			gt_mask_set(&set, (int)rng_next(&r, 8));
		ck_assert(gp_groups_find(&groups, node, &set, sizes[i % 7], NULL));
		for (int n = 0; n < count; n++)
			near[n] = mask_of(set_of(&set) & (rng_next(&r, 2) ? 0x0f : 0xf0));
		before = groups;
		gp_groups_near(&groups, node, near);
		groups_key(node, &before, near, key_before);
		groups_key(node, &groups, near, key);
		seat(node, &before, near, 0, 0, at, 0, &most);
		ck_assert_msg(key[0] == key_before[0] && key[1] == key_before[1] &&
				      key[2] == most,
			      "%s %s: %ld near, %ld can be", machines[i % 4],
			      sizes[i % 7], key[2], most);
		for (int g = 0; g < count; g++)
			seen |= 1u << groups.gpu[g];
		ck_assert_uint_eq(seen, set_of(&set));
		for (int g = 1; g < groups.count; g++)
			ck_assert_int_ge(sum_between(node, &groups, g - 1, g),
					 groups.transfer_mbps);
		gt_node_free(node);
	}
}
END_TEST

static void put_cpu(int cpu, int package, int numa)
{
	char path[256], command[512];

	snprintf(command, sizeof(command),
		 "mkdir -p %s/devices/system/cpu/cpu%d/topology "
		 "%s/devices/system/cpu/cpu%d/node%d",
		 folder, cpu, folder, cpu, numa);
	ck_assert_int_eq(system(command), 0);
	snprintf(path, sizeof(path),
		 "devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
	snprintf(command, sizeof(command), "%d\n", package);
	put_file(path, command);
}

/* A DGX-1V whose model says nothing but sockets. */
static struct gt_node *only_sockets(void)
{
	struct gt_node *node;
	int links[64] = {0}, socket[8] = {0, 0, 0, 0, 1, 1, 1, 1};

	ck_assert_int_eq(gt_node_from_links(&node, 8, links, socket, NULL), GT_OK);
	return node;
}

/* Packages 0 and 3 are sockets 0 and 1. */
START_TEST(near_by_socket)
{
	struct gt_node *node = only_sockets(), *with_cpus = load("builtin:dgx1v");
	struct gt_mask all = gt_mask_first(8), near;
	struct gp_cpus cpus;
	cpu_set_t task;

	folder_make();
	put_cpu(0, 0, 0);
	put_cpu(1, 3, 1);
	gp_cpus_read(&cpus, folder);
	folder_remove();
	CPU_ZERO(&task);
	if (sysconf(_SC_NPROCESSORS_CONF) > 1) {
		CPU_SET(1, &task);
		near = gp_near_gpus(node, &all, &cpus, &task);
		ck_assert_uint_eq(set_of(&near), 0xf0);
		/* a list of CPUs says more: 1 is one of 0-19 */
		near = gp_near_gpus(with_cpus, &all, &cpus, &task);
		ck_assert_uint_eq(set_of(&near), 0x0f);
	}
	CPU_CLR(1, &task);
	CPU_SET(0, &task);
	near = gp_near_gpus(node, &all, &cpus, &task);
	ck_assert_uint_eq(set_of(&near), 0x0f);
	/* both sockets: no reason to prefer any */
	if (sysconf(_SC_NPROCESSORS_CONF) > 1) {
		CPU_SET(1, &task);
		near = gp_near_gpus(node, &all, &cpus, &task);
		ck_assert_uint_eq(set_of(&near), 0);
	}
	gt_node_free(node);
	gt_node_free(with_cpus);
}
END_TEST

/* ---- facts ----------------------------------------------------------------------------
 */

START_TEST(facts_of_four_gpus)
{
	struct gt_node *node = load("builtin:dgx1v");
	struct gt_mask gpus = mask_of(0x0f);
	struct gp_facts facts;
	struct gp_fact fact;
	int own[] = {3};

	gp_facts_make(&facts, node, &gpus, 0xabc);
	ck_assert(gp_facts_get(&facts, GP_FACT_GPUS, &fact));
	ck_assert_str_eq(fact.text, "0,1,2,3");
	ck_assert(gp_facts_get(&facts, GP_FACT_RING, &fact));
	ck_assert_str_eq(fact.text, "0,3,2,1");
	ck_assert(gp_facts_get(&facts, GP_FACT_BUSBW, &fact));
	ck_assert_str_eq(fact.text, "80");
	ck_assert(gp_facts_get(&facts, GP_FACT_HASH, &fact));
	ck_assert_str_eq(fact.text, "0000000000000abc");
	ck_assert(gp_facts_get(&facts, GP_FACT_BW, &fact));
	ck_assert_str_eq(fact.text, "0,20,20,40;20,0,40,20;20,40,0,40;40,20,40,0");
	ck_assert_int_eq(fact.count, 16);
	ck_assert(gp_facts_of_task(&facts, node, own, 1, GP_FACT_PEERS, &fact));
	ck_assert_str_eq(fact.text, "0,2,1");
	ck_assert(!gp_facts_of_task(&facts, node, own, 0, GP_FACT_GPU, &fact));
	gt_node_free(node);
}
END_TEST

START_TEST(facts_of_groups)
{
	struct gt_node *node = load("builtin:dgx1v");
	struct gt_mask gpus = mask_of(0x9f);
	int own[] = {4, 7}, two[] = {3, 4}, one[] = {7};
	struct gt_geometry groups;
	struct gp_facts facts;
	struct gp_fact fact;

	gp_facts_make(&facts, node, &gpus, 0);
	ck_assert(!gp_facts_get(&facts, GP_FACT_GROUPS, &fact));
	ck_assert(!gp_facts_of_task(&facts, node, own, 2, GP_FACT_GROUP, &fact));
	ck_assert(gp_groups_find(&groups, node, &gpus, "4+2", "allreduce"));
	gp_facts_group(&facts, &groups);
	/* the fifth is Slurm's number 9 */
	facts.shown[4] = 9;
	ck_assert(gp_facts_get(&facts, GP_FACT_GROUPS, &fact));
	ck_assert_str_eq(fact.text, "0,3,2,1;9,7");
	ck_assert(gp_facts_get(&facts, GP_FACT_RING, &fact));
	ck_assert_str_eq(fact.text, "0,3,2,1,9,7");
	ck_assert(gp_facts_of_task(&facts, node, own, 2, GP_FACT_GROUP, &fact));
	ck_assert_str_eq(fact.text, "1");
	ck_assert(gp_facts_of_task(&facts, node, one, 1, GP_FACT_GROUP, &fact));
	ck_assert_str_eq(fact.text, "1");
	ck_assert(!gp_facts_of_task(&facts, node, two, 2, GP_FACT_GROUP, &fact));
	ck_assert(!gp_facts_of_task(&facts, node, own, 0, GP_FACT_GROUP, &fact));
	gt_node_free(node);
}
END_TEST

/* "Small": all variables of 8 GPUs together, of 16 the matrix too, beyond none. */
START_TEST(facts_are_small)
{
	static const struct {
		const char *spec;
		size_t most;
	} rows[] = {{"builtin:dgx1v", 512}, {"builtin:dgx2", 2048}};

	for (size_t i = 0; i < 2; i++) {
		struct gt_node *node = load(rows[i].spec);
		struct gt_mask gpus = gt_mask_first(gt_node_size(node));
		struct gt_geometry groups;
		struct gp_facts facts;
		struct gp_fact fact;
		size_t size = 0;

		gp_facts_make(&facts, node, &gpus, 1);
		ck_assert(gp_groups_find(&groups, node, &gpus, "1", NULL));
		gp_facts_group(&facts, &groups);
		for (int id = 0; id < GP_NODE_FACTS; id++)
			if (gp_facts_get(&facts, (enum gp_fact_id)id, &fact))
				size += strlen(gp_fact_names[id].env) + 2 +
					strlen(fact.text);
		ck_assert_uint_lt(size, rows[i].most);
		gt_node_free(node);
	}
}
END_TEST

static const struct {
	const char *text;
	int count;
} list_rows[] = {
	{"0,3,1", 3}, {"5", 1},		 {"", 0},	   {"1,1", -1},	 {"1,", -1},
	{",1", -1},   {"0-3", -1},	 {"a", -1},	   {"1 ,2", -1}, {"GPU-1,2", -1},
	{"1024", -1}, {"1,2,3,4,5", -1}, {"99999999", -1},
};

START_TEST(lists_are_plain_numbers)
{
	int list[4];

	ck_assert_msg(gp_list_parse(list_rows[_i].text, list, 4) == list_rows[_i].count,
		      "'%s'", list_rows[_i].text);
}
END_TEST

/* ---- the relay ------------------------------------------------------------------------
 */

static char stored[4096];

static int remember(const struct gp_pmix_proc *proc, const char *key,
		    struct gp_pmix_value *value)
{
	size_t used = strlen(stored);

	snprintf(stored + used, sizeof(stored) - used, "%s/%d %s %s;", proc->nspace,
		 proc->rank == GP_PMIX_RANK_WILDCARD ? -1 : (int)proc->rank, key,
		 value->type == GP_PMIX_STRING	     ? value->data.string
		 : value->type == GP_PMIX_DATA_ARRAY ? "matrix"
						     : "number");
	return 0;
}

static int never(const struct gp_pmix_proc *proc, const char *key,
		 struct gp_pmix_value *value)
{
	(void)proc, (void)key, (void)value;
	pause();
	return 0;
}

/* Fork tasks that tell of GPU 3 as rank 7 and so on; their seconds come back. */
static double tell(struct gp_relay *relay, int tasks)
{
	struct timespec before, after;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &before);
	ck_assert(gp_relay_start(relay));
	for (int t = 0; t < tasks; t++) {
		int own[] = {3 - t};

		if (fork() == 0) {
			gp_relay_tell(relay, "space", 7 + (uint32_t)t, own, 1);
			_exit(0);
		}
	}
	gp_relay_forked(relay);
	for (int t = 0; t < tasks; t++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* A relay of so many tasks, of which told come. */
static double relay_once(gp_pmix_store_fn *store, int tasks, int told, bool *all_stored)
{
	struct gt_node *node = load("builtin:dgx1v");
	struct gt_mask gpus = mask_of(0x0f);
	static struct gp_facts facts;
	static struct gp_relay relay;
	double seconds;

	relay = (struct gp_relay){
		.store = store, .facts = &facts, .node = node, .tasks = tasks};
	relay.stored = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(relay.stored, MAP_FAILED);
	gp_facts_make(&facts, node, &gpus, 1);
	stored[0] = '\0';
	seconds = tell(&relay, told);
	*all_stored = atomic_load(relay.stored);
	/* the thread ends by itself, when the last task has closed its end */
	for (int i = 0; i < 2000 && store == remember && atomic_load(&relay.runs); i++)
		usleep(1000);
	ck_assert(store != remember || !atomic_load(&relay.runs));
	if (store == remember)
		gt_node_free(node);
	return seconds;
}

START_TEST(tasks_reach_the_server_of_their_parent)
{
	bool all;

	relay_once(remember, 2, 2, &all);
	ck_assert(all);
	ck_assert_ptr_nonnull(strstr(stored, "space/-1 gputopo.ring 0,3,2,1;"));
	ck_assert_ptr_nonnull(strstr(stored, "space/-1 gputopo.bw matrix;"));
	ck_assert_ptr_nonnull(strstr(stored, "space/7 gputopo.gpu 3;"));
	ck_assert_ptr_nonnull(strstr(stored, "space/8 gputopo.gpu 2;"));
}
END_TEST

/* No step may hang: neither for a server, nor for a task that died early. */
START_TEST(waiting_ends_after_two_seconds)
{
	bool all;
	double seconds =
		_i ? relay_once(never, 1, 1, &all) : relay_once(remember, 2, 1, &all);

	ck_assert(!all);
	ck_assert_double_gt(seconds, 1);
	ck_assert_double_lt(seconds, 20);
}
END_TEST

START_TEST(no_pmix_no_store)
{
	ck_assert_ptr_null((void *)(uintptr_t)gp_pmix_find());
}
END_TEST

SUITE(ranks)
{
	TCase *tc = tcase_create("ranks");

	LOOP(tc, bindings_are_understood, bind_rows);
	tcase_add_test(tc, tasks_share_out_every_set);
	LOOP(tc, uneven_shares_stay_slurms, share_rows);
	tcase_add_test(tc, near_orders_are_the_best);
	tcase_add_test(tc, groups_near_their_ranks);
	tcase_add_test(tc, near_by_socket);
	tcase_add_test(tc, facts_of_four_gpus);
	tcase_add_test(tc, facts_of_groups);
	tcase_add_test(tc, facts_are_small);
	LOOP(tc, lists_are_plain_numbers, list_rows);
	tcase_add_test(tc, tasks_reach_the_server_of_their_parent);
	tcase_add_loop_test(tc, waiting_ends_after_two_seconds, 0, 2);
	tcase_add_test(tc, no_pmix_no_store);
	suite_add_tcase(suite, tc);
}
