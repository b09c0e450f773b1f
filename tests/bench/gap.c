/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gap - how far the library's placement stays behind the best that any online rule
 * reaches.
 *
 * For each machine, mix of job sizes and load: the exact optimum (tests/oracle/mdp.h),
 * and what the library's answers reach on the same stream of jobs, both as the mean of
 * (bus bandwidth got / best of that size on the idle node) over accepted jobs of two GPUs
 * and more. Bandwidths are the oracle's. Exits 1 where the mean gap or the largest cell
 * is above the bar.
 */
#include "graph.h"
#include "mdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEAN_BAR    .0025
#define LARGEST_BAR .006

static const struct {
	const char *name;
	const char *text;
} mixes[] = {
	{"1-5", "1:1,2:1,3:1,4:1,5:1"},
	{"1/2/4/8", "1:1,2:1,4:1,8:1"},
	{"1-8", "1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1"},
	{"1/2/4", "1:1,2:1,4:1"},
	{"975:47:321:543", "1:975,2:47,4:321,8:543"},
};

static const double loads[] = {.30, .60, .85};

#define MIXES ((int)(sizeof(mixes) / sizeof(mixes[0])))
#define LOADS ((int)(sizeof(loads) / sizeof(loads[0])))

static struct oracle_table truth;

/* What the library answers in a state: an mdp_rule. */
static unsigned ask_library(void *ctx, unsigned free, const unsigned *running, int jobs,
			    int k)
{
	struct gt_running held[MDP_MAX];
	struct gt_request request = {
		.count = k,
		.free = mask_of(free),
		.running = held,
		.running_count = jobs,
	};
	struct gt_choice choice;

	for (int j = 0; j < jobs; j++)
		held[j] = (struct gt_running){mask_of(running[j]), GT_UNKNOWN};
	if (gt_select(ctx, &request, &choice) != GT_FIT_OK)
		return 0;
	return set_of(&choice.gpus);
}

static double worth(unsigned set, int ringless_mbps)
{
	const struct oracle_value *v = &truth.value[set];

	return v->rings || !ringless_mbps ? v->busbw_mbps : ringless_mbps;
}

/* ringless_mbps > 0: sets without a ring count that much, as in published tables. */
static void fill_rewards(int ringless_mbps, double *reward)
{
	double best[MDP_MAX + 1] = {0};

	for (unsigned s = 1; s < 1u << truth.n; s++)
		if (worth(s, ringless_mbps) > best[oracle_size(s)])
			best[oracle_size(s)] = worth(s, ringless_mbps);
	for (unsigned s = 1; s < 1u << truth.n; s++)
		reward[s] = oracle_size(s) < 2
				    ? 0
				    : worth(s, ringless_mbps) / best[oracle_size(s)];
}

struct tally {
	double sum, largest;
	int cells;
};

static void report_cell(const struct mdp *m, const struct mdp_stream *s,
			const double *reward, struct gt_table *table, const char *name,
			double load, struct tally *t)
{
	double optimum = mdp_optimum(m, s, reward);
	double reached = mdp_reached(m, s, reward, ask_library, table);
	double gap = optimum - reached;

	printf("  %-16s %4.0f %%   %.4f   %.4f   %.5f\n", name, 100 * load, optimum,
	       reached, gap);
	fflush(stdout);
	t->sum += gap;
	t->cells++;
	if (gap > t->largest)
		t->largest = gap;
}

/* told: the rule is given the mix of the stream, else it has its default. */
static void report_mix(const struct mdp *m, const struct gt_node *node,
		       const double *reward, int mix, bool told, struct tally *t)
{
	struct mdp_stream s = {0};
	struct gt_mix weights;
	struct gt_table *table;
	double total = 0;

	if (gt_mix_parse(&weights, mixes[mix].text, NULL) ||
	    gt_table_new(&table, node, told ? &weights : NULL, NULL))
		exit(2);
	for (int k = 1; k <= GT_MIX_MAX; k++)
		total += weights.weight[k];
	for (int k = 1; k <= MDP_MAX; k++)
		s.chance[k] = weights.weight[k] / total;
	for (int l = 0; l < LOADS; l++) {
		mdp_set_load(&s, gt_node_size(node), loads[l]);
		report_cell(m, &s, reward, table, mixes[mix].name, loads[l], t);
	}
	gt_table_free(table);
}

static struct tally report(const struct mdp *m, const char *name,
			   const struct oracle_graph *machine, int ringless_mbps,
			   bool told)
{
	struct gt_node *node = graph_node(machine);
	double reward[1 << MDP_MAX] = {0};
	struct oracle_graph g;
	struct tally t = {0};

	graph_of_node(&g, node);
	oracle_fill(&truth, &g, NULL, 0);
	fill_rewards(ringless_mbps, reward);
	printf("%s; sets without a ring count %s; the rule knows %s\n", name,
	       ringless_mbps ? "10 GB/s" : "their bus bandwidth",
	       told ? "the mix" : "its default mix only");
	printf("  %-16s %6s   %7s  %7s  %7s\n", "mix of sizes", "load", "optimum",
	       "reached", "gap");
	for (int mix = 0; mix < MIXES; mix++)
		report_mix(m, node, reward, mix, told, &t);
	printf("  mean gap %.5f, largest cell %.5f\n\n", t.sum / t.cells, t.largest);
	gt_node_free(node);
	return t;
}

static bool is_within(struct tally t)
{
	return t.sum / t.cells <= MEAN_BAR && t.largest <= LARGEST_BAR;
}

int main(void)
{
	static const char *const names[] = {"DGX-1V", "8 GPUs in 4 bridged pairs"};
	struct mdp *m = mdp_new(MDP_MAX);
	bool within = true;

	if (!m)
		return 2;
	for (int machine = 0; machine < 2; machine++) {
		struct oracle_graph g;

		if (machine == 0)
			graph_dgx1v(&g);
		else
			graph_pairs(&g, 8, 4);
		within &= is_within(report(m, names[machine], &g, 0, true));
		within &= is_within(report(m, names[machine], &g, 10000, true));
		report(m, names[machine], &g, 0, false);
	}
	printf("bar, where the mix is known: mean gap %.4f, largest cell %.4f: %s\n",
	       MEAN_BAR, LARGEST_BAR, within ? "met" : "MISSED");
	mdp_free(m);
	return !within;
}
