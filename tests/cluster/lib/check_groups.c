/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_groups: hold what `states -r` wrote against the brute force over sets and
 * partitions.
 *
 *   check_groups MACHINE FILE
 *
 * MACHINE is a node file or builtin:NAME, the model that gputopo.conf gives the node;
 * FILE the output of `states -r N:SIZES:COMM`. Prints for each request how many there
 * were, and how many had a choice. Each set must have the best groups among the sets of
 * free GPUs, and of those the best levels 1 and 2; else the offending rows follow and the
 * exit status is 1.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brute.h"

#define MAX_FORMS 8

struct tally {
	char form[64];
	long requests, choices;
};

struct row {
	struct gt_mask free, got;
	char form[64], reason[128];
	struct gt_groups groups;
	struct gt_request request;
};

/* The row after this one; false: no more. Ends the program at one that is none. */
static bool row_read(FILE *f, struct row *row)
{
	char line[512], *column[6], *at = line, *sizes, *comm;
	struct gt_error e;

	if (!fgets(line, sizeof(line), f))
		return false;
	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 6; i++)
		if (!(column[i] = strsep(&at, "\t")))
			errx(2, "not a row of `states`: %s", line);
	memset(row, 0, sizeof(*row));
	snprintf(row->form, sizeof(row->form), "%s", column[2]);
	snprintf(row->reason, sizeof(row->reason), "%s", column[5]);
	sizes = strchr(column[2], ':') + 1;
	comm = strchr(sizes, ':');
	*comm++ = '\0';
	row->request.count = atoi(column[3]);
	row->request.groups = &row->groups;
	if (gt_mask_parse(&row->free, column[1], ORACLE_MAX, &e) ||
	    (strcmp(column[4], "-") &&
	     gt_mask_parse(&row->got, column[4], ORACLE_MAX, &e)) ||
	    (*sizes && gt_groups_parse(&row->groups, sizes, &e)) ||
	    gt_comm_parse(&row->request.comm, comm, &e))
		errx(2, "%s: %s", row->form, e.text);
	row->request.free = row->free;
	return true;
}

/* > 0: x is better, by the groups, then levels 0 to 2 of the whole set. */
static int compare(struct brute *b, unsigned x, unsigned y)
{
	int groups = b->grouped ? oracle_compare_parts(&b->shape, brute_parts(b, x),
						       brute_parts(b, y))
				: 0;

	return groups ? groups : oracle_compare(&b->t.value[x], &b->t.value[y]);
}

/* Why the row is wrong, or NULL. */
static const char *row_judge(struct brute *b, const struct row *row)
{
	unsigned got = set_of(&row->got);

	brute_ask(b, &row->request);
	if (row->reason[0])
		return row->reason;
	if (!brute_allows(b, got))
		return "not such a set";
	for (unsigned set = 1; set < 1u << b->g.n; set++)
		if (brute_allows(b, set) && compare(b, set, got) > 0)
			return "not the best set";
	return NULL;
}

static struct tally *find_tally(struct tally *tally, const char *form)
{
	for (int i = 0; i < MAX_FORMS; i++) {
		if (!tally[i].form[0])
			snprintf(tally[i].form, sizeof(tally[i].form), "%s", form);
		if (!strcmp(tally[i].form, form))
			return &tally[i];
	}
	errx(2, "more than %d forms", MAX_FORMS);
}

int main(int argc, char **argv)
{
	static struct tally tally[MAX_FORMS];
	static struct brute brute;
	struct gt_mix mix = gt_mix_default();
	struct gt_table *table;
	struct gt_node *node;
	struct gt_error e;
	struct row row;
	long wrong = 0;
	FILE *f;

	if (argc != 3)
		errx(2, "usage: check_groups MACHINE FILE");
	if (gt_node_load(&node, argv[1], NULL, &e) ||
	    gt_table_new(&table, node, &mix, &e))
		errx(2, "%s", e.text);
	brute_init(&brute, node, &mix, table, false);
	f = fopen(argv[2], "r");
	if (!f)
		err(2, "%s", argv[2]);
	while (row_read(f, &row)) {
		struct tally *t = find_tally(tally, row.form);
		const char *why = row_judge(&brute, &row);

		t->requests++;
		t->choices += gt_mask_count(&row.free) > row.request.count;
		if (why && wrong++ < 20)
			printf("WRONG (%s): %s, free %#x, got %#x\n", why, row.form,
			       set_of(&row.free), set_of(&row.got));
	}
	fclose(f);
	for (int i = 0; i < MAX_FORMS && tally[i].form[0]; i++)
		printf("%-20s %ld requests, %ld with a choice\n", tally[i].form,
		       tally[i].requests, tally[i].choices);
	gt_table_free(table);
	gt_node_free(node);
	if (!tally[0].requests)
		errx(1, "%s holds no request", argv[2]);
	if (wrong)
		errx(1, "%ld wrong rows", wrong);
	return 0;
}
