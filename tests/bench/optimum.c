/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * optimum: the best that any online rule can reach on one DGX-1V, exactly.
 *
 *   optimum MIX LOAD
 *
 * MIX as in gputopo.conf (1:1,2:1,4:1), LOAD the busy share. Sets without a ring count
 * 10 GB/s, a link 20. Prints the mean ratio of accepted jobs of two GPUs and more.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph.h"
#include "core/library.h"
#include "mdp.h"
#include "oracle.h"

#define RINGLESS_MBPS 10000

static struct oracle_table table;

int main(int argc, char **argv)
{
	struct mdp_stream stream = {0};
	struct oracle_graph graph;
	struct gt_error error;
	struct gt_mix mix;
	double reward[256], total = 0;
	struct mdp *m = mdp_new(8);

	if (argc != 3 || !m)
		errx(2, "usage: optimum MIX LOAD");
	if (gt_mix_parse(&mix, argv[1], &error))
		errx(2, "%s", error.text);
	graph_dgx1v(&graph);
	oracle_fill(&table, &graph, NULL, RINGLESS_MBPS);
	for (unsigned s = 0; s < 256; s++) {
		const struct oracle_value *v = &table.value[s];
		int k = oracle_size(s);

		reward[s] = k < 2 ? 0 : v->rings ? v->busbw_mbps : RINGLESS_MBPS;
		if (k >= 2)
			reward[s] /= table.best_mbps[k];
	}
	for (int k = 1; k <= 8; k++)
		total += mix.weight[k];
	for (int k = 1; k <= 8; k++)
		stream.chance[k] = mix.weight[k] / total;
	mdp_set_load(&stream, 8, atof(argv[2]));
	printf("%.4f\n", mdp_optimum(m, &stream, reward));
	mdp_free(m);
	return 0;
}
