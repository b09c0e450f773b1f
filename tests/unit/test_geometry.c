/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups inside a set, and all-to-all: SIZES as users write them, and every answer held
 * against all sets and all partitions of them. */
#include "brute.h"
#include "core/library.h"
#include "graph.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define MACHINES 300 /* more than there are */
#define RANDOM	 300
#define LARGE	 300
#define WHY_MAX	 256

static struct brute brute;
static struct gt_groups shape;

/* ---- SIZES ---- */

static const struct {
	const char *text;
	int count;	  /* 0: refused */
	const char *says; /* formatted again, or a part of the error */
} sizes[] = {
	{"2x4", 2, "2x4"},
	{"4x2", 4, "4x2"},
	{"4+2+2", 3, "4+2x2"},
	{"2+2+4", 3, "2x2+4"},
	{"2x2+4", 3, "2x2+4"},
	{"1", 1, "1"},
	{"1x8", 1, "8"},
	{"8x1", 8, "8x1"},
	{"4:2x2", 2, "2x2"},
	{"8:4+2+2", 3, "4+2x2"},
	{"256x1", 256, "256x1"},
	{"1024", 1, "1024"},
	{"", 0, "must be sizes"},
	{"0", 0, "must be sizes"},
	{"2x0", 0, "must be sizes"},
	{"0x2", 0, "must be sizes"},
	{"-2", 0, "must be sizes"},
	{"+2", 0, "must be sizes"},
	{"2+", 0, "must be sizes"},
	{"2++2", 0, "must be sizes"},
	{"2 + 2", 0, "must be sizes"},
	{" 2", 0, "must be sizes"},
	{"02x2", 0, "must be sizes"},
	{"2X2", 0, "must be sizes"},
	{"2x2x2", 0, "must be sizes"},
	{"2,2", 0, "must be sizes"},
	{"pairs", 0, "must be sizes"},
	{"2x2\n", 0, "must be sizes"},
	{":2x2", 0, "must be sizes"},
	{"4:", 0, "must be sizes"},
	{"4:4:2x2", 0, "must be sizes"},
	{"6:2x2", 0, "the sizes add up to 4 GPUs, not to 6"},
	{"257x1", 0, "more than 256 groups"},
	{"1000x1", 0, "more than 256 groups"},
	{"255x1+1+1", 0, "more than 256 groups"},
	{"1025", 0, "more than 1024 GPUs"},
	{"2x1000", 0, "more than 1024 GPUs"},
	{"99999999999999999999x2", 0, "more than 256 groups"},
	{"2x99999999999999999999", 0, "more than 1024 GPUs"},
};

START_TEST(sizes_are_read_strictly)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct gt_groups groups;
		char text[GT_GROUPS_TEXT_MAX];
		struct gt_error err = {0};
		enum gt_err rc = gt_groups_parse(&groups, sizes[i].text, &err);

		ck_assert_msg((rc == GT_OK) == (sizes[i].count > 0) &&
				      groups.count == sizes[i].count,
			      "'%s': %d groups", sizes[i].text, groups.count);
		if (rc)
			ck_assert_msg(strstr(err.text, sizes[i].says) != NULL, "'%s': %s",
				      sizes[i].text, err.text);
		else
			ck_assert_str_eq(gt_groups_format(&groups, text, sizeof(text)),
					 sizes[i].says);
	}
}
END_TEST

START_TEST(no_text_is_too_long_and_no_format_either)
{
	static char text[4 * GT_GROUPS_TEXT_MAX], out[GT_GROUPS_TEXT_MAX];
	struct gt_groups groups = {.count = GT_GROUPS_MAX}, again;
	struct gt_error err;

	memset(text, '1', sizeof(text) - 1);
	ck_assert_int_eq(gt_groups_parse(&groups, text, &err), GT_ELIMIT);
	/* the longest that is possible */
	groups.count = GT_GROUPS_MAX;
	for (int i = 0; i < GT_GROUPS_MAX; i++)
		groups.size[i] = (uint16_t)(1 + i % 2);
	ck_assert_int_eq(gt_groups_parse(&again,
					 gt_groups_format(&groups, out, sizeof(out)),
					 &err),
			 GT_OK);
	ck_assert_mem_eq(&groups, &again, sizeof(groups));
	gt_groups_format(&groups, out, 4);
	ck_assert_str_eq(out, "1+2");
}
END_TEST

START_TEST(patterns_repeat)
{
	struct gt_groups groups;
	char text[GT_GROUPS_TEXT_MAX];

	ck_assert_int_eq(gt_groups_parse(&groups, "2+4", NULL), GT_OK);
	ck_assert(!gt_groups_repeat(&groups, 8));
	ck_assert(!gt_groups_repeat(&groups, 0));
	ck_assert(!gt_groups_repeat(&groups, 3));
	ck_assert(gt_groups_repeat(&groups, 6));
	ck_assert_int_eq(groups.count, 2);
	ck_assert(gt_groups_repeat(&groups, 18));
	ck_assert_str_eq(gt_groups_format(&groups, text, sizeof(text)), "2+4+2+4+2+4");
	ck_assert_int_eq(gt_groups_parse(&groups, "1", NULL), GT_OK);
	ck_assert(gt_groups_repeat(&groups, GT_GROUPS_MAX));
	ck_assert_int_eq(gt_groups_parse(&groups, "1", NULL), GT_OK);
	ck_assert(!gt_groups_repeat(&groups, GT_GROUPS_MAX + 1));
}
END_TEST

/* ---- answers ---- */

struct machine {
	char name[64];
	struct gt_node *node;
	struct gt_table *table;
	struct gt_mix mix;
};

static void open_node(struct machine *m, struct gt_node *node)
{
	m->node = node;
	m->mix = gt_mix_default();
	ck_assert_int_eq(gt_table_new(&m->table, node, &m->mix, NULL), GT_OK);
}

static bool open_builtin(struct machine *m, int i)
{
	struct gt_node *node;
	char spec[80];

	if (!gt_builtin_name(i))
		return false;
	snprintf(m->name, sizeof(m->name), "%s", gt_builtin_name(i));
	snprintf(spec, sizeof(spec), "builtin:%s", m->name);
	ck_assert_int_eq(gt_node_load(&node, spec, NULL, NULL), GT_OK);
	open_node(m, node);
	return true;
}

static void close_machine(struct machine *m)
{
	gt_table_free(m->table);
	gt_node_free(m->node);
}

static void truth_of(const struct machine *m)
{
	bool special = false;

	for (int i = 0; i < gt_node_size(m->node); i++)
		special = special || !gt_node_gpu(m->node, i)->healthy ||
			  gt_node_gpu(m->node, i)->mig;
	brute_init(&brute, m->node, &m->mix, m->table, special);
}

/* The geometry of a set is what the best partition gives. */
static void check_geometry(const struct machine *m, const struct gt_request *request,
			   unsigned set)
{
	const struct oracle_parts *best = brute_parts(&brute, set);
	struct gt_mask mask = mask_of(set);
	struct oracle_parts here = {0};
	struct gt_geometry geometry;
	unsigned seen = 0;
	int at = 0;

	gt_select_geometry(m->table, request, &mask, &geometry);
	ck_assert_int_eq(geometry.count, brute.shape.groups);
	ck_assert(geometry.exact);
	for (int i = 0; i < geometry.count; i++) {
		double mbps = geometry.busbw_mbps[i] == GT_UNKNOWN
				      ? ORACLE_INFINITE
				      : geometry.busbw_mbps[i];
		unsigned group = 0;

		ck_assert_int_eq(geometry.size[i], brute.shape.size[i]);
		for (int r = 0; r < geometry.size[i]; r++)
			group |= 1u << geometry.gpu[at++];
		ck_assert_int_eq(oracle_size(group), geometry.size[i]);
		ck_assert(!(group & seen));
		seen |= group;
		ck_assert_msg(fabs(mbps - oracle_group_mbps(NULL, &brute.g, group,
							    brute.shape.alltoall)) <= .5,
			      "%s %#x: group %#x", m->name, set, group);
		here.group[i] = mbps;
	}
	ck_assert_uint_eq(seen, set);
	/* sorted as the oracle's */
	for (int i = 0; i < geometry.count; i++)
		for (int j = i + 1; j < geometry.count; j++)
			if (here.group[j] < here.group[i]) {
				double swap = here.group[i];

				here.group[i] = here.group[j];
				here.group[j] = swap;
			}
	for (int i = 0; i < geometry.count; i++)
		ck_assert_msg(fabs(here.group[i] - best->group[i]) <= .5,
			      "%s %#x: group %d has %.1f, the best partition %.1f",
			      m->name, set, i, here.group[i], best->group[i]);
	if (geometry.count > 1)
		ck_assert_msg(geometry.transfer_mbps == (int)best->transfer,
			      "%s %#x: transfer %d, the best %.0f", m->name, set,
			      geometry.transfer_mbps, best->transfer);
}

static void check_request(const struct machine *m, const struct gt_request *request,
			  bool runner_up)
{
	struct gt_choice choice, second;
	char why[WHY_MAX];
	enum gt_fit fit;
	bool possible = false;

	brute_ask(&brute, request);
	for (unsigned s = 1; s < 1u << brute.t.n && !possible; s++)
		possible = brute_allows(&brute, s);
	fit = gt_select(m->table, request, &choice);
	ck_assert_msg((fit == GT_FIT_OK) == possible, "%s: %d of %#x: fit %d", m->name,
		      request->count, brute.free, fit);
	if (!possible)
		return;
	ck_assert(choice.exact);
	ck_assert_msg(brute_is_best(&brute, set_of(&choice.gpus), why, sizeof(why)),
		      "%s: %s", m->name, why);
	if (brute.grouped)
		check_geometry(m, request, set_of(&choice.gpus));
	if (!runner_up)
		return;
	fit = gt_select_runner_up(m->table, request, &choice, &second);
	ck_assert_msg(
		fit == GT_FIT_OK || !brute_has_runner_up(&brute, set_of(&choice.gpus)),
		"%s: %d of %#x: a runner-up exists", m->name, request->count, brute.free);
	if (fit == GT_FIT_OK)
		ck_assert_msg(brute_is_runner_up(&brute, set_of(&choice.gpus),
						 set_of(&second.gpus), why, sizeof(why)),
			      "%s: %s", m->name, why);
}

static const char *const asked[] = {"2+2",   "2+2+2", "4x2", "2x4", "4+2",   "3+3",
				    "4+2+2", "3+2",   "2+4", "1+3", "2+1+2", "4x1"};

/* All free masks, or under an instrument a spread of them: 13 is odd. */
static void check_every_mask(const struct machine *m, struct gt_request *request)
{
	unsigned masks = 1u << gt_node_size(m->node);
	unsigned step = unit_cases((int)masks) < (int)masks ? 13 : 1;

	for (unsigned free = 0; free < masks; free += step) {
		request->free = mask_of(free);
		check_request(m, request, true);
	}
}

static void check_every_shape(const struct machine *m, enum gt_comm comm)
{
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct gt_request request = {.groups = &shape, .comm = comm};

		ck_assert_int_eq(gt_groups_parse(&shape, asked[i], NULL), GT_OK);
		request.count = gt_groups_sum(&shape);
		if (request.count <= gt_node_size(m->node))
			check_every_mask(m, &request);
	}
}

START_TEST(every_free_mask_of_the_builtin_machines)
{
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_builtin(&m, i); i++) {
		if (gt_node_size(m.node) <= 8) {
			truth_of(&m);
			check_every_shape(&m, GT_COMM_ALLREDUCE);
			check_every_shape(&m, GT_COMM_ALLTOALL);
		}
		close_machine(&m);
	}
}
END_TEST

START_TEST(all_to_all_of_every_size)
{
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_builtin(&m, i); i++) {
		int n = gt_node_size(m.node);

		for (int k = 1; n <= 8 && k <= n; k++) {
			struct gt_request request = {.count = k,
						     .comm = GT_COMM_ALLTOALL};

			if (k == 1)
				truth_of(&m);
			check_every_mask(&m, &request);
		}
		close_machine(&m);
	}
}
END_TEST

START_TEST(all_to_all_of_every_set_is_the_definition)
{
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_builtin(&m, i); i++) {
		struct oracle_graph g;
		int n = gt_node_size(m.node);

		graph_of_node(&g, m.node);
		for (unsigned s = 1; s<1u << n; s += n> 8 ? 97 : 1) {
			struct gt_mask mask = mask_of(s);
			struct gt_score score;

			gt_score_set(m.node, &mask, &score);
			ck_assert_msg(
				fabs(score.alltoall_mbps - oracle_alltoall(&g, s)) <= .5,
				"%s %#x: %d", m.name, s, score.alltoall_mbps);
		}
		close_machine(&m);
	}
}
END_TEST

/* A machine with anything that a model may hold. */
static void random_machine(struct oracle_graph *g, int n, struct rng *r)
{
	if (rng_next(r, 5) == 0) {
		graph_random_tree(g, n, r);
		return;
	}
	graph_random(g, n, r);
	if (rng_next(r, 3) == 0)
		for (int i = 0; i < n; i++) {
			g->island[i] = (int)rng_next(r, 3) - 1;
			g->ports[i] = g->island[i] < 0 ? 0 : 8 + 2 * (int)rng_next(r, 3);
			g->reduce_mbps[i] = 15000;
			g->reduce_from[i] = 3;
		}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (g->island[i] >= 0 || g->island[j] >= 0)
				g->links[i][j] = 0;
	for (int i = 0; i < n; i++) {
		g->broken[i] = rng_next(r, 12) == 0;
		g->mig[i] = rng_next(r, 16) == 0;
	}
	if (rng_next(r, 4) == 0) {
		g->groups = 2;
		g->group[0] = rng_next(r, 1u << n) | 1;
		g->group[1] = rng_next(r, 1u << n) | 2;
	}
}

static void random_request(struct gt_request *request, struct gt_quota *quota, int n,
			   struct rng *r)
{
	unsigned all = (1u << n) - 1;
	unsigned free =
		rng_next(r, 4) ? rng_next(r, all + 1) | rng_next(r, all + 1) : all;

	memset(request, 0, sizeof(*request));
	shape.count = 0;
	for (int sum = 0; shape.count < 4;) {
		int size = 1 + (int)rng_next(r, 4);

		if (sum + size > n || sum + size > 6 + (int)rng_next(r, 3))
			break;
		shape.size[shape.count++] = (uint16_t)size;
		sum += size;
	}
	request->count =
		shape.count ? gt_groups_sum(&shape) : 1 + (int)rng_next(r, (uint32_t)n);
	request->groups = &shape;
	request->comm = rng_next(r, 3) ? GT_COMM_ALLREDUCE : GT_COMM_ALLTOALL;
	request->groups_break_ties = rng_next(r, 3) == 0;
	request->free = mask_of(free);
	if (rng_next(r, 3) == 0)
		request->include = mask_of(free & rng_next(r, 256) & rng_next(r, 256));
	if (rng_next(r, 4) == 0)
		request->touch = mask_of(rng_next(r, all + 1));
	if (rng_next(r, 3) == 0)
		request->min_busbw_mbps = 1 + (int)rng_next(r, 60000);
	if (rng_next(r, 4) == 0)
		request->policy = GT_POLICY_PRESERVE;
	if (rng_next(r, 4) == 0) {
		*quota = (struct gt_quota){mask_of(rng_next(r, all + 1)),
					   (int)rng_next(r, 4)};
		request->quotas = quota;
		request->quota_count = 1;
	}
}

START_TEST(random_machines_and_wishes)
{
	struct rng r = rng_start("geometry");

	for (int i = 0; i < unit_cases(RANDOM); i++) {
		int n = 2 + (int)rng_next(&r, 7);
		struct oracle_graph g;
		struct machine m;

		random_machine(&g, n, &r);
		snprintf(m.name, sizeof(m.name), "random machine %d", i);
		open_node(&m, graph_node(&g));
		truth_of(&m);
		for (int t = 0; t < 12; t++) {
			struct gt_request request;
			struct gt_quota quota;

			random_request(&request, &quota, n, &r);
			check_request(&m, &request, true);
		}
		close_machine(&m);
	}
}
END_TEST

/* ---- nodes of 16 GPUs ---- */

/* Two pairs in every quad of one socket, and slower links between sockets. */
static void graph_of_16(struct oracle_graph *g, struct rng *r)
{
	graph_random(g, 16, r);
	for (int i = 0; i < 16; i++) {
		g->link_mbps[i] = 20000;
		for (int j = 0; j < 16; j++)
			if (i != j)
				g->path_mbps[i][j] = i / 2 == j / 2   ? 24000
						     : i / 8 == j / 8 ? 20000
								      : 10000;
	}
}

static double group_of_16[2][1 << 16];

static double known_group(void *of, const struct oracle_graph *g, unsigned set,
			  bool alltoall)
{
	double *known = &group_of_16[alltoall][set];

	(void)of;
	if (*known == 0)
		*known = oracle_group_mbps(NULL, g, set, alltoall);
	return *known;
}

/* The answer's groups are those of the best set of all. */
static void check_large(const struct machine *m, const struct oracle_graph *g,
			const struct gt_request *request)
{
	struct oracle_shape s = {.groups = shape.count,
				 .alltoall = request->comm == GT_COMM_ALLTOALL};
	struct oracle_parts best, here, answer;
	unsigned free = set_of(&request->free), set;
	struct gt_choice choice;
	bool any = false;

	for (int i = 0; i < s.groups; i++)
		s.size[i] = shape.size[i];
	ck_assert_int_eq(gt_select(m->table, request, &choice), GT_FIT_OK);
	ck_assert(choice.exact);
	set = set_of(&choice.gpus);
	ck_assert(!(set & ~free) && oracle_size(set) == request->count);
	for (unsigned x = free; x; x = (x - 1) & free) {
		if (oracle_size(x) != request->count)
			continue;
		oracle_partition(g, &s, x, known_group, NULL, &here);
		if (!any || oracle_compare_parts(&s, &here, &best) > 0)
			best = here;
		if (x == set)
			answer = here;
		any = true;
	}
	ck_assert_msg(oracle_compare_parts(&s, &answer, &best) == 0,
		      "%s: of %#x %#x was chosen, worst group %.0f, best %.0f", m->name,
		      free, set, answer.group[0], best.group[0]);
}

START_TEST(random_requests_to_16_gpus)
{
	static const char *const shapes[] = {"2+2", "2+2+2", "4+2", "3+3", "3+2"};
	struct rng r = rng_start("geometry of 16");
	struct oracle_graph g;
	struct machine m = {.node = NULL};

	for (int i = 0; i < unit_cases(LARGE); i++) {
		struct gt_request request = {.groups = &shape};

		if (i % 20 == 0) {
			if (m.node)
				close_machine(&m);
			graph_of_16(&g, &r);
			memset(group_of_16, 0, sizeof(group_of_16));
			snprintf(m.name, sizeof(m.name), "16 GPUs, %d", i);
			open_node(&m, graph_node(&g));
			graph_of_node(&g, m.node);
		}
		ck_assert_int_eq(gt_groups_parse(&shape, shapes[rng_next(&r, 5)], NULL),
				 GT_OK);
		request.count = gt_groups_sum(&shape);
		request.comm = rng_next(&r, 2) ? GT_COMM_ALLTOALL : GT_COMM_ALLREDUCE;
		request.free = mask_of(rng_next(&r, 1 << 16) & rng_next(&r, 1 << 16));
		while (gt_mask_count(&request.free) < request.count)
			gt_mask_set(&request.free, (int)rng_next(&r, 16));
		check_large(&m, &g, &request);
	}
	close_machine(&m);
}
END_TEST

/* Beyond the limit the answer is not called exact, and a promise is kept all the same. */
START_TEST(a_limit_bounds_the_steps)
{
	struct rng r = rng_start("limit of 16");
	struct oracle_graph g;
	struct machine m = {.node = NULL};
	int kept = 0;

	graph_of_16(&g, &r);
	snprintf(m.name, sizeof(m.name), "limited");
	open_node(&m, graph_node(&g));
	gt_table_limit_groups(m.table, 1000);
	ck_assert_int_eq(gt_groups_parse(&shape, "4+2+2", NULL), GT_OK);
	for (int i = 0; i < 40; i++) {
		struct gt_request request = {.count = 8, .groups = &shape};
		struct gt_geometry geometry;
		struct gt_choice choice;
		struct gt_quality quality;
		enum gt_fit fit;

		request.free = mask_of(rng_next(&r, 1 << 16) | rng_next(&r, 1 << 16));
		if (gt_mask_count(&request.free) < 9)
			continue;
		ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
		ck_assert(!choice.exact);
		ck_assert(gt_select_quality(m.table, &request, &quality));
		request.min_busbw_mbps = 10000 + (int)rng_next(&r, 20000);
		fit = gt_select(m.table, &request, &choice);
		ck_assert(fit == GT_FIT_OK || fit == GT_FIT_BELOW_MIN);
		if (fit)
			continue;
		kept++;
		gt_table_limit_groups(m.table, 0);
		gt_select_geometry(m.table, &request, &choice.gpus, &geometry);
		for (int j = 0; j < geometry.count; j++)
			ck_assert_int_ge(geometry.busbw_mbps[j], request.min_busbw_mbps);
		gt_table_limit_groups(m.table, 1000);
	}
	ck_assert_int_gt(kept, 0);
	close_machine(&m);
}
END_TEST

/* As many free GPUs as the brute force can look at. */
static unsigned random_free(struct rng *r, int count)
{
	int most = count > 6 ? 10 : 16;
	unsigned free = rng_next(r, 1 << 16) | rng_next(r, 1 << 16);

	while (oracle_size(free) > most)
		free &= ~(1u << rng_next(r, 16));
	while (oracle_size(free) < count)
		free |= 1u << rng_next(r, 16);
	return free;
}

/* RCCL's model of 16 GPUs with xGMI links, as it was captured. */
START_TEST(random_requests_to_a_captured_machine_of_16)
{
	static const char *const shapes[] = {"2+2", "2+2+2", "4x2",   "2x4",
					     "4+2", "3+3",   "4+2+2", "3+2"};
	const char *shared = getenv("GPUTOPO_SHARED");
	struct rng r = rng_start("a capture of 16");
	struct oracle_graph g;
	struct gt_node *node;
	struct machine m;
	char file[512];

	snprintf(file, sizeof(file), "%s/topologies/rccl-xml/topo_16p1h_vm.xml",
		 shared ? shared : "");
	if (!shared || gt_node_load(&node, file, NULL, NULL)) {
		puts("# no captures here: skipped");
		return;
	}
	snprintf(m.name, sizeof(m.name), "topo_16p1h_vm");
	open_node(&m, node);
	graph_of_node(&g, node);
	memset(group_of_16, 0, sizeof(group_of_16));
	for (int i = 0; i < unit_cases(LARGE); i++) {
		struct gt_request request = {.groups = &shape};

		ck_assert_int_eq(gt_groups_parse(&shape, shapes[rng_next(&r, 8)], NULL),
				 GT_OK);
		request.count = gt_groups_sum(&shape);
		request.comm = rng_next(&r, 2) ? GT_COMM_ALLTOALL : GT_COMM_ALLREDUCE;
		request.free = mask_of(random_free(&r, request.count));
		check_large(&m, &g, &request);
	}
	close_machine(&m);
}
END_TEST

/* ---- larger nodes: islands ---- */

static struct gt_node *rack(int islands, int each)
{
	struct gt_node *node;

	ck_assert_int_eq(gt_node_new(&node, islands * each, NULL), GT_OK);
	for (int i = 0; i < islands * each; i++) {
		struct gt_gpu *gpu = gt_node_edit_gpu(node, i);

		snprintf(gpu->model, sizeof(gpu->model), "NVIDIA GB200");
		gpu->island = i / each;
		gpu->switch_links = 18;
		gpu->socket = i / 2;
	}
	ck_assert_int_eq(gt_node_finish(node, NULL), GT_OK);
	return node;
}

START_TEST(one_switch_serves_every_geometry_alike)
{
	struct gt_request request = {.count = 8, .groups = &shape};
	struct gt_geometry geometry;
	struct gt_choice choice;
	struct machine m;

	open_node(&m, rack(1, 72));
	request.free = gt_mask_first(72);
	ck_assert_int_eq(gt_groups_parse(&shape, "2x4", NULL), GT_OK);
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
	ck_assert(choice.exact);
	gt_select_geometry(m.table, &request, &choice.gpus, &geometry);
	ck_assert(geometry.exact);
	ck_assert_int_eq(geometry.count, 2);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(geometry.busbw_mbps[i], 18 * 40100);
	close_machine(&m);
}
END_TEST

/* 4 + 4 + 4 GPUs free on three switches, and 8 in groups of 4: one switch a group, though
 * as one set of 8 they would have no ring. */
START_TEST(groups_stay_on_one_switch)
{
	struct gt_request request = {.count = 8, .groups = &shape};
	struct gt_geometry geometry;
	struct gt_choice choice, second;
	struct machine m;

	open_node(&m, rack(3, 8));
	for (int i = 0; i < 24; i++)
		if (i % 8 < 4 + (i / 8 == 1))
			gt_mask_set(&request.free, i);
	ck_assert_int_eq(gt_groups_parse(&shape, "2x4", NULL), GT_OK);
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
	gt_select_geometry(m.table, &request, &choice.gpus, &geometry);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(geometry.busbw_mbps[i], 18 * 40100);
		for (int r = 1; r < 4; r++)
			ck_assert_int_eq(geometry.gpu[4 * i + r] / 8,
					 geometry.gpu[4 * i] / 8);
	}
	request.min_busbw_mbps = 700000;
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
	/* four GPUs are left: no second set of eight; with twelve more there is one,
	 * which keeps the promise too */
	ck_assert_int_eq(gt_select_runner_up(m.table, &request, &choice, &second),
			 GT_FIT_CONSTRAINED);
	request.free = gt_mask_first(24);
	gt_mask_clear(&request.free, 0);
	gt_mask_clear(&request.free, 8);
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_OK);
	ck_assert_int_eq(gt_select_runner_up(m.table, &request, &choice, &second),
			 GT_FIT_OK);
	ck_assert(!gt_mask_meets(&choice.gpus, &second.gpus));
	request.min_busbw_mbps = 722000;
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_BELOW_MIN);
	request.min_busbw_mbps = 700000;
	memset(&request.free, 0, sizeof(request.free));
	for (int i = 0; i < 24; i++)
		if (i % 8 < 4)
			gt_mask_set(&request.free, i);
	ck_assert_int_eq(gt_groups_parse(&shape, "8", NULL), GT_OK);
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_BELOW_MIN);
	close_machine(&m);
}
END_TEST

/* ---- comparing nodes ---- */

START_TEST(qualities_rank_free_masks_as_the_key_does)
{
	struct rng r = rng_start("quality of groups");
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_builtin(&m, i); i++) {
		for (int t = 0; t < 300 && gt_node_size(m.node) == 8; t++) {
			struct gt_request x = {.count = 4, .groups = &shape}, y;
			struct gt_quality qx, qy;
			struct gt_choice cx, cy;
			bool fx, fy;
			int order;

			if (t == 0)
				truth_of(&m);
			gt_groups_parse(&shape, t % 2 ? "2+2" : "3+1", NULL);
			x.comm = t % 3 ? GT_COMM_ALLREDUCE : GT_COMM_ALLTOALL;
			x.groups_break_ties = t % 5 == 0;
			y = x;
			x.free = mask_of(rng_next(&r, 256));
			y.free = mask_of(rng_next(&r, 256));
			fx = gt_select_quality(m.table, &x, &qx);
			fy = gt_select_quality(m.table, &y, &qy);
			ck_assert_int_eq(fx, gt_select(m.table, &x, &cx) == GT_FIT_OK);
			ck_assert_int_eq(fy, gt_select(m.table, &y, &cy) == GT_FIT_OK);
			if (!fx || !fy)
				continue;
			brute_ask(&brute, &x);
			order = oracle_compare_parts(
				&brute.shape, brute_parts(&brute, set_of(&cx.gpus)),
				brute_parts(&brute, set_of(&cy.gpus)));
			if (order && !x.groups_break_ties)
				ck_assert_int_eq(gt_quality_compare(&qx, &qy), order);
			else
				ck_assert_int_eq(gt_quality_compare(&qx, &qx), 0);
		}
		close_machine(&m);
	}
}
END_TEST

/* ---- single rows ---- */

START_TEST(groups_must_add_up)
{
	struct gt_request request = {.count = 4, .free = {{0xff}}, .groups = &shape};
	struct gt_choice choice;
	struct oracle_graph g;
	struct machine m;
	char text[200];

	graph_dgx1v(&g);
	open_node(&m, graph_node(&g));
	gt_groups_parse(&shape, "2+3", NULL);
	ck_assert_int_eq(gt_select(m.table, &request, &choice), GT_FIT_INVALID);
	ck_assert(
		strstr(gt_fit_text(m.table, &request, GT_FIT_INVALID, text, sizeof(text)),
		       "the groups do not add up"));
	close_machine(&m);
}
END_TEST

/* One all-reduce group is today's key. */
START_TEST(one_group_is_no_geometry)
{
	struct oracle_graph g;
	struct machine m;

	graph_dgx1v(&g);
	open_node(&m, graph_node(&g));
	for (unsigned free = 1; free < 256; free++)
		for (int k = 1; k <= 8; k++) {
			struct gt_request plain = {.count = k, .free = mask_of(free)};
			struct gt_request one = plain;
			struct gt_choice a, b;

			shape = (struct gt_groups){1, {(uint16_t)k}};
			one.groups = &shape;
			ck_assert_int_eq(gt_select(m.table, &plain, &a),
					 gt_select(m.table, &one, &b));
			ck_assert(gt_mask_equal(&a.gpus, &b.gpus));
		}
	close_machine(&m);
}
END_TEST

/* More shapes than a table keeps, again and again: the same answers. */
START_TEST(shapes_are_bounded)
{
	struct oracle_graph g;
	struct machine m;
	unsigned first[12] = {0};
	size_t bytes = 0;

	graph_dgx1v(&g);
	open_node(&m, graph_node(&g));
	for (int round = 0; round < 40; round++)
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			struct gt_request request = {.free = {{0xbf}}, .groups = &shape};
			struct gt_choice choice;

			gt_groups_parse(&shape, asked[i], NULL);
			request.count = gt_groups_sum(&shape);
			if (gt_select(m.table, &request, &choice) != GT_FIT_OK)
				continue;
			if (!round)
				first[i] = set_of(&choice.gpus);
			ck_assert_uint_eq(set_of(&choice.gpus), first[i]);
			if (round == 1)
				bytes = gt_table_bytes(m.table) > bytes
						? gt_table_bytes(m.table)
						: bytes;
			if (round > 1)
				ck_assert_uint_le(gt_table_bytes(m.table), bytes);
		}
	close_machine(&m);
}
END_TEST

static int transfer_between(const struct gt_node *node, unsigned a, unsigned b)
{
	int sum = 0;

	for (int x = 0; x < 8; x++)
		for (int y = 0; y < 8; y++)
			if (a >> x & 1 && b >> y & 1 && gt_node_pair_mbps(node, x, y) > 0)
				sum += gt_node_pair_mbps(node, x, y);
	return sum;
}

/* Of partitions of the same worth the one with the lowest lists: people read them, and
 * rank 0 had better have GPU 0. */
START_TEST(equal_partitions_have_the_lowest_lists)
{
	struct machine m;

	for (int i = 0; i < unit_cases(MACHINES) && open_builtin(&m, i); i++) {
		unsigned all = (1u << gt_node_size(m.node)) - 1;
		struct gt_request request = {.count = 4, .groups = &shape};

		gt_groups_parse(&shape, "2x2", NULL);
		if (gt_node_size(m.node) > 8)
			all = 0;
		else
			truth_of(&m);
		for (unsigned set = 0; set <= all; set++) {
			struct gt_mask mask = mask_of(set);
			struct gt_geometry geometry;
			unsigned first = 0, best = 0;
			double best_key[3] = {-1, -1, -1};

			if (oracle_size(set) != 4)
				continue;
			gt_select_geometry(m.table, &request, &mask, &geometry);
			first = 1u << geometry.gpu[0] | 1u << geometry.gpu[1];
			/* pairs in the order of their lists: 0,1 0,2 0,3 1,2 ... */
			for (int a = 0; a < 8; a++)
				for (int b = a + 1; b < 8; b++) {
					unsigned pair = 1u << a | 1u << b;
					double x, y, key[3];

					if (pair & ~set)
						continue;
					x = oracle_group_mbps(NULL, &brute.g, pair,
							      false);
					y = oracle_group_mbps(NULL, &brute.g, set & ~pair,
							      false);
					key[0] = fmin(x, y);
					key[1] = fmax(x, y);
					key[2] = transfer_between(m.node, pair,
								  set & ~pair);
					for (int k = 0; k < 3; k++) {
						if (key[k] < best_key[k])
							break;
						if (key[k] == best_key[k])
							continue;
						memcpy(best_key, key, sizeof(key));
						best = pair;
						break;
					}
				}
			ck_assert_msg(first == best, "%s %#x: %#x first, not %#x", m.name,
				      set, first, best);
		}
		close_machine(&m);
	}
}
END_TEST

SUITE(geometry)
{
	static const struct unit_test tests[] = {
		UNIT(sizes_are_read_strictly),
		UNIT(no_text_is_too_long_and_no_format_either),
		UNIT(patterns_repeat),
		UNIT(every_free_mask_of_the_builtin_machines),
		UNIT(all_to_all_of_every_size),
		UNIT(all_to_all_of_every_set_is_the_definition),
		UNIT(random_machines_and_wishes),
		UNIT(random_requests_to_16_gpus),
		UNIT(a_limit_bounds_the_steps),
		UNIT(random_requests_to_a_captured_machine_of_16),
		UNIT(one_switch_serves_every_geometry_alike),
		UNIT(groups_stay_on_one_switch),
		UNIT(qualities_rank_free_masks_as_the_key_does),
		UNIT(groups_must_add_up),
		UNIT(one_group_is_no_geometry),
		UNIT(shapes_are_bounded),
		UNIT(equal_partitions_have_the_lowest_lists),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
