/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key of a choice and of the runner-up in words an admin understands. */
#include "config.h"

#include "cli/explain.h"

#include "cli/cli.h"

#include <string.h>

#define CELL_MAX   64
#define WHAT_WIDTH 34
#define CELL_WIDTH 30
#define LIST_SHOWN 28 /* longer lists are cut: a rack's do not fit a column */

typedef void cell_writer(const struct gt_score *s, char *cell);

static void write_out(const struct gt_score *s, char *cell)
{
	snprintf(cell, CELL_MAX, "%d", s->out_of_service);
}

/* "10, 40 GB/s": the slowest groups, slowest first. */
static void write_groups(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];
	size_t used = 0;
	int shown = s->group_count < 3 ? s->group_count : 3;

	for (int i = 0; i < shown; i++)
		used += (size_t)snprintf(cell + used, CELL_MAX - used, "%s%s",
					 i ? ", " : "", cli_gbps(s->group_mbps[i], gbps));
	snprintf(cell + used, CELL_MAX - used, "%s", shown ? " GB/s" : "-");
}

static void write_transfer(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	snprintf(cell, CELL_MAX, "%s GB/s", cli_gbps(s->transfer_mbps, gbps));
}

/* "50 GB/s", or "2 NICs" where speeds are not known. */
static void write_nics(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	snprintf(cell, CELL_MAX, "%s%s", cli_gbps(s->nic_worth, gbps),
		 s->nic_has_speeds ? " GB/s" : " NICs");
}

static void write_network(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	snprintf(cell, CELL_MAX, "%s%s", cli_gbps(s->network_worth, gbps),
		 s->nic_has_speeds ? " GB/s" : " NICs");
}

static void write_rails(const struct gt_score *s, char *cell)
{
	snprintf(cell, CELL_MAX, "%d, %d", s->rails_in_common, s->nics_shared);
}

static void write_alltoall(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	if (s->count < 2)
		snprintf(cell, CELL_MAX, "-");
	else
		snprintf(cell, CELL_MAX, "%s GB/s", cli_gbps(s->alltoall_mbps, gbps));
}

static void write_rings(const struct gt_score *s, char *cell)
{
	char all[CLI_GBPS_MAX], one[CLI_GBPS_MAX];

	if (s->count < 2)
		snprintf(cell, CELL_MAX, "-");
	else if (s->rings == 0)
		snprintf(cell, CELL_MAX, "none");
	else
		snprintf(cell, CELL_MAX, "%s GB/s (%d x %s)",
			 cli_gbps((int64_t)s->rings * s->link_mbps, all), s->rings,
			 cli_gbps(s->link_mbps, one));
}

static void write_tree(const struct gt_score *s, char *cell)
{
	if (s->count < 2)
		snprintf(cell, CELL_MAX, "-");
	else
		snprintf(cell, CELL_MAX, "%.3g links", (double)s->tree_num / s->tree_den);
}

static void write_path(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	if (s->count < 2 || s->rings > 0)
		snprintf(cell, CELL_MAX, "-");
	else
		snprintf(cell, CELL_MAX, "%s GB/s", cli_gbps(s->path_mbps, gbps));
}

static void write_remaining(const struct gt_score *s, char *cell)
{
	snprintf(cell, CELL_MAX, "%.3f %%", 100 * s->remaining);
}

static void write_pair_sum(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	snprintf(cell, CELL_MAX, "%s GB/s", cli_gbps(s->pair_sum_mbps, gbps));
}

static void write_places(const struct gt_score *s, char *cell)
{
	snprintf(cell, CELL_MAX, "%d, %d", s->sockets, s->pci_roots);
}

static void write_busbw(const struct gt_score *s, char *cell)
{
	char gbps[CLI_GBPS_MAX];

	if (s->count < 2)
		snprintf(cell, CELL_MAX, "-");
	else
		snprintf(cell, CELL_MAX, "%s GB/s%s", cli_gbps(s->busbw_mbps, gbps),
			 s->measured				  ? ", measured"
			 : s->relayed_ring			  ? ", relayed"
			 : s->in_switch_mbps == s->predicted_mbps ? ", in the switch"
								  : "");
}

/* level -1: not a part of the key. */
static const struct {
	int level;
	const char *what;
	cell_writer *write;
} rows[] = {
	{0, "GPUs out of service", write_out},
	{GT_LEVEL_GROUPS, "groups, slowest first", write_groups},
	{GT_LEVEL_GROUPS, "between groups in a row", write_transfer},
	{GT_LEVEL_NETWORK, "near NICs", write_nics},
	{GT_LEVEL_NETWORK, "the smaller of these and busbw", write_network},
	{GT_LEVEL_NETWORK, "rails in common, NICs shared", write_rails},
	{1, "rings over links", write_rings},
	{2, "spanning trees of links", write_tree},
	{2, "without rings: any path, slowest", write_path},
	{3, "worth of what stays free", write_remaining},
	{4, "sum of the pairs", write_pair_sum},
	{4, "sockets, PCIe roots", write_places},
	{-1, "all-reduce bus bandwidth", write_busbw},
	{-1, "all-to-all bus bandwidth", write_alltoall},
};

/* What it means that one of levels 0 to 3 decides. */
static const char *const reasons[] = {
	"fewer GPUs that are out of service",
	"more bandwidth of rings over NVLink or xGMI, which all-reduce runs on",
	"better links inside the set where the rings are equal",
	"it leaves GPUs that are worth more to the jobs to come",
};

int explain_level(const struct gt_score *a, const struct gt_score *b,
		  enum gt_policy policy)
{
	int order;

	return gt_score_compare(a, b, policy, &order);
}

/* Two cells, the first one padded only where a second follows. */
static void print_cells(const char *a, const char *b)
{
	if (b)
		printf("%-*s%s", CELL_WIDTH, a, b);
	else
		fputs(a, stdout);
}

static void cut_list(const struct gt_mask *gpus, char *list)
{
	gt_mask_format(gpus, list, GT_MASK_TEXT_MAX);
	if (strlen(list) > LIST_SHOWN)
		strcpy(list + LIST_SHOWN - 3, "...");
}

static void print_head(const struct explain_set *choice,
		       const struct explain_set *runner_up, enum gt_policy policy)
{
	char a[GT_MASK_TEXT_MAX], b[GT_MASK_TEXT_MAX];

	printf("\n   %-*s", WHAT_WIDTH,
	       policy == GT_POLICY_PRESERVE ? "level (asked as 0, 3, 1, 2, 4)" : "level");
	print_cells("chosen", runner_up ? "runner-up" : NULL);
	printf("\n   %-*s", WHAT_WIDTH, "GPUs");
	cut_list(&choice->gpus, a);
	if (runner_up)
		cut_list(&runner_up->gpus, b);
	print_cells(a, runner_up ? b : NULL);
	putchar('\n');
}

/* Rows about groups: where some were asked, and more than one; about NICs: for jobs of
 * several nodes. */
static bool is_shown(size_t row, const struct gt_score *a)
{
	if (rows[row].level == GT_LEVEL_NETWORK)
		return a->has_network;
	if (rows[row].level != GT_LEVEL_GROUPS)
		return true;
	return rows[row].write == write_transfer ? a->transfer_mbps > 0
						 : a->group_count > 0;
}

/* The arrow stands at the first row of the deciding level that shows a difference. */
static void print_row(size_t i, const struct gt_score *a, const struct gt_score *b,
		      int level, bool *decided)
{
	char cell_a[CELL_MAX], cell_b[CELL_MAX];
	bool decides;

	if (rows[i].level == GT_LEVEL_GROUPS)
		printf("g  ");
	else if (rows[i].level == GT_LEVEL_NETWORK)
		printf("n  ");
	else if (rows[i].level >= 0)
		printf("%d  ", rows[i].level);
	else
		printf("   ");
	printf("%-*s", WHAT_WIDTH, rows[i].what);
	rows[i].write(a, cell_a);
	if (b)
		rows[i].write(b, cell_b);
	decides = b && rows[i].level == level && !*decided && strcmp(cell_a, cell_b) != 0;
	*decided |= decides;
	print_cells(cell_a, b ? cell_b : NULL);
	puts(decides ? "  <- decides" : "");
}

/* What level 4 found, where it decides. */
static const char *level_4_reason(const struct gt_score *a, const struct gt_score *b)
{
	if (a->pair_sum_mbps != b->pair_sum_mbps)
		return "more bandwidth summed over the pairs";
	return a->sockets != b->sockets ? "fewer sockets" : "fewer PCIe roots";
}

void explain_choice(const struct explain_set *choice, const struct explain_set *runner_up,
		    enum gt_policy policy, int ideal_mbps)
{
	const struct gt_score *a = &choice->score;
	const struct gt_score *b = runner_up ? &runner_up->score : NULL;
	int level = b ? explain_level(a, b, policy) : -1;
	char gbps[CLI_GBPS_MAX];
	bool decided = false;

	print_head(choice, runner_up, policy);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_shown(i, a))
			print_row(i, a, b, level, &decided);
	if (a->count > 1)
		printf("   %-*s%s GB/s\n", WHAT_WIDTH, "best of this size, idle node",
		       cli_gbps(ideal_mbps, gbps));
	if (!b)
		puts("\nNo other set is possible, or the others differ in GPU numbers "
		     "only.");
	else if (level == GT_LEVEL_GROUPS)
		printf("\nLevel g decides: %s.\n",
		       memcmp(a->group_mbps, b->group_mbps, sizeof(a->group_mbps))
			       ? "the groups of the job are faster"
			       : "more bandwidth between groups in a row");
	else if (level == GT_LEVEL_NETWORK)
		printf("\nLevel n decides: %s.\n",
		       a->network_worth != b->network_worth
			       ? "more reaches the other nodes of the job"
		       : a->rails_in_common != b->rails_in_common
			       ? "more rails in common with the job's other nodes"
			       : "fewer NICs that other jobs of several nodes use");
	else
		printf("\nLevel %d decides: %s.\n", level,
		       level == 4 ? level_4_reason(a, b) : reasons[level]);
}
