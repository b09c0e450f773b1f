/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * best TOPOLOGY K [FREE]: the K best connected GPUs, and what the next best would cost.
 *
 *   cc -o best best.c $(pkg-config --cflags --libs gputopo)
 *   ./best builtin:dgx1v 4 1,3-4,6-7
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <gputopo.h>

static void print_set(const char *what, const struct gt_mask *set,
		      const struct gt_score *score)
{
	char list[GT_MASK_TEXT_MAX];

	printf("%-10s %-10s %6.1f GB/s, %d rings, leaves %.1f %% of the node's worth\n",
	       what, gt_mask_format(set, list, sizeof(list)), score->busbw_mbps / 1000.0,
	       score->rings, 100 * score->remaining);
}

/* Ask, print the answer and the next best; 0, or 3 where nothing fits. */
static int answer(struct gt_table *table, const struct gt_request *request)
{
	struct gt_choice best, second;
	struct gt_score score;
	enum gt_fit fit;
	char text[512];

	fit = gt_select(table, request, &best);
	if (fit != GT_FIT_OK) {
		puts(gt_fit_text(table, request, fit, text, sizeof(text)));
		return 3;
	}
	gt_select_score(table, request, &best.gpus, &score);
	print_set("best", &best.gpus, &score);
	if (gt_select_runner_up(table, request, &best, &second) == GT_FIT_OK) {
		gt_select_score(table, request, &second.gpus, &score);
		print_set("next best", &second.gpus, &score);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct gt_request request = {0};
	struct gt_error error;
	struct gt_node *node;
	struct gt_table *table;
	int status;

	if (argc < 3 || argc > 4)
		errx(2, "usage: best TOPOLOGY K [FREE]");
	if (gt_node_load(&node, argv[1], NULL, &error))
		errx(1, "%s:%d: %s", error.file, error.line, error.text);
	request.count = atoi(argv[2]);
	request.free = gt_mask_first(gt_node_size(node));
	if (argc == 4 &&
	    gt_mask_parse(&request.free, argv[3], gt_node_size(node), &error))
		errx(2, "%s", error.text);
	if (gt_table_new(&table, node, NULL, &error))
		errx(1, "%s", error.text);
	status = answer(table, &request);
	gt_table_free(table);
	gt_node_free(node);
	return status;
}
