/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exact solver of the placement problem, against hand and published optima. */
#include "graph.h"
#include "mdp.h"
#include "unit.h"

#include <math.h>

static struct oracle_table table;

static void rewards(const struct oracle_table *t, int ringless_mbps, double *reward)
{
	for (unsigned s = 0; s < 1u << t->n; s++) {
		const struct oracle_value *v = &t->value[s];
		int k = oracle_size(s);

		reward[s] = k < 2 ? 0 : v->rings ? v->busbw_mbps : ringless_mbps;
		if (k >= 2)
			reward[s] /= t->best_mbps[k];
	}
}

START_TEST(states_are_partial_partitions)
{
	/* Partial partitions of n things are partitions of n + 1: 2, 5, 15, 52, ... */
	static const int bell[] = {1, 2, 5, 15, 52, 203, 877, 4140, 21147};

	for (int n = 1; n <= 8; n++) {
		struct mdp *m = mdp_new(n);

		ck_assert_int_eq(mdp_states(m), bell[n]);
		mdp_free(m);
	}
}
END_TEST

/* One GPU, jobs of one: busy a share r/(1+r) of the time. */
START_TEST(the_load_of_one_gpu_is_erlangs)
{
	struct mdp_stream s = {.chance = {[1] = 1}};

	mdp_set_load(&s, 1, .6);
	ck_assert_double_eq_tol(s.rate, 1.5, 1e-9);
}
END_TEST

/* Three GPUs, only {0,1} good (1, else 0), jobs of two only: place {0,1} always, so that
 * the optimum is 1; a rule that insists on {0,2} gets 0. */
static unsigned the_bad_pair(void *ctx, unsigned free, const unsigned *running, int jobs,
			     int k)
{
	(void)ctx, (void)running, (void)jobs;
	if (k == 2 && (free & 5) == 5)
		return 5;
	for (unsigned set = free;; set = (set - 1) & free)
		if (oracle_size(set) == k)
			return set;
}

START_TEST(three_gpus_by_hand)
{
	static const double reward[8] = {[3] = 1};
	struct mdp_stream s = {.chance = {[2] = 1}};
	struct mdp *m = mdp_new(3);

	mdp_set_load(&s, 3, .4);
	ck_assert_double_eq_tol(mdp_optimum(m, &s, reward), 1, 1e-6);
	ck_assert_double_eq_tol(mdp_reached(m, &s, reward, the_bad_pair, NULL), 0, 1e-6);
	mdp_free(m);
}
END_TEST

/* Three GPUs, {0,1} good, jobs of one and two: the optimum puts one-GPU jobs on 2 first.
 * The chain of (is a single on 2, singles on the pair, a pair) is small enough to be
 * checked by simulating the optimal rule; what is checked here is that no fixed order
 * beats it. */
static unsigned in_order(void *ctx, unsigned free, const unsigned *running, int jobs,
			 int k)
{
	const int *order = ctx;
	unsigned set = 0;

	(void)running, (void)jobs;
	if (k == 2 && (free & 3) == 3)
		return 3;
	for (int i = 0; i < 3 && oracle_size(set) < k; i++)
		set |= free & 1u << order[i];
	return set;
}

START_TEST(singles_go_where_they_break_nothing)
{
	static const double reward[8] = {[3] = 1};
	static int last_first[] = {2, 0, 1}, first_first[] = {0, 1, 2};
	struct mdp_stream s = {.chance = {[1] = .5, [2] = .5}};
	struct mdp *m = mdp_new(3);
	double best, good, poor;

	mdp_set_load(&s, 3, .5);
	best = mdp_optimum(m, &s, reward);
	good = mdp_reached(m, &s, reward, in_order, last_first);
	poor = mdp_reached(m, &s, reward, in_order, first_first);
	ck_assert_double_eq_tol(best, good, 1e-6);
	ck_assert_double_gt(best, poor + .1);
	mdp_free(m);
}
END_TEST

/* The optimum on DGX-1V to three digits, as an independent solver found it: sets without
 * a ring count 10 GB/s, a link 20. */
static const struct {
	const char *mix;
	unsigned weight[9];
	double optimum[3];
} published[] = {
	{"1-5", {0, 1, 1, 1, 1, 1}, {.956, .916, .823}},
	{"1/2/4/8", {0, 1, 1, 0, 1, 0, 0, 0, 1}, {.998, .965, .844}},
	{"1-8", {0, 1, 1, 1, 1, 1, 1, 1, 1}, {.976, .934, .828}},
	{"1/2/4", {0, 1, 1, 0, 1}, {.994, .957, .844}},
	{"975:47:321:543", {0, 975, 47, 0, 321, 0, 0, 0, 543}, {.999, .882, .616}},
};

START_TEST(published_optima_of_dgx1v)
{
	static const double load[] = {.30, .60, .85};
	struct mdp *m = mdp_new(8);
	struct oracle_graph g;
	double reward[256];

	graph_dgx1v(&g);
	oracle_fill(&table, &g, NULL, 10000);
	rewards(&table, 10000, reward);
	for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
		struct mdp_stream s = {0};
		double total = 0;

		for (int k = 1; k <= 8; k++)
			total += published[i].weight[k];
		for (int k = 1; k <= 8; k++)
			s.chance[k] = published[i].weight[k] / total;
		for (int l = 0; l < 3; l++) {
			double optimum;

			mdp_set_load(&s, 8, load[l]);
			optimum = mdp_optimum(m, &s, reward);
			ck_assert_msg(fabs(optimum - published[i].optimum[l]) < .00051,
				      "%s at %.0f %%: %.4f, published %.3f",
				      published[i].mix, 100 * load[l], optimum,
				      published[i].optimum[l]);
		}
	}
	mdp_free(m);
}
END_TEST

SUITE(mdp)
{
	static const struct unit_test tests[] = {
		UNIT(states_are_partial_partitions),
		UNIT(the_load_of_one_gpu_is_erlangs),
		UNIT(three_gpus_by_hand),
		UNIT(singles_go_where_they_break_nothing),
		UNIT(published_optima_of_dgx1v),
		{0},
	};

	unit_add(suite, tests, NULL, NULL);
}
