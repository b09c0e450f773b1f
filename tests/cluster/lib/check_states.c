/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_states: hold what `states` wrote against the brute-force oracle.
 *
 *   check_states KIND FILE...
 *
 * KIND is a node kind of this folder (gres.conf lines with Links=), the FILEs are outputs
 * of `states` from clusters of that kind. Prints, for each form, how many requests had a
 * choice and which share of them got a set with the maximal (R, tau) among the free GPUs,
 * a column for each file. Every row of the last file must be maximal, and all files must
 * hold the same requests; else the offending rows follow and the exit status is 1.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/oracle.h"
#include "kind.h"

#define MAX_FORMS 32
#define MAX_FILES 8

struct tally {
	long requests;
	long choices;	/* more GPUs were free than asked */
	long optimal;	/* of the choices */
	long ring_lost; /* R = 0 though a set with R > 0 was free */
};

struct row {
	int state;
	unsigned free, got;
	int n;
	char form[64];
	char reason[128];
};

struct report {
	struct oracle_table table;
	char form[MAX_FORMS][64];
	int forms;
	struct tally tally[MAX_FILES][MAX_FORMS];
};

/* "0,2-4" to a mask; 0 for "-". */
static unsigned mask_parse(const char *text)
{
	unsigned mask = 0;

	if (!strcmp(text, "-"))
		return 0;
	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			errx(2, "%s is not a list of GPUs", text);
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < ORACLE_MAX; first++)
			mask |= 1u << first;
		text = *end == ',' ? end + 1 : end;
	}
	return mask;
}

/* > 0 where a has the higher (R, tau). */
static long compare(const struct oracle_value *a, const struct oracle_value *b)
{
	if (a->rings != b->rings)
		return a->rings - b->rings;
	return (long)a->tau_num * b->tau_den - (long)b->tau_num * a->tau_den;
}

static const struct oracle_value *best_value(const struct oracle_table *table,
					     unsigned free, int n)
{
	const struct oracle_value *best = NULL;

	for (unsigned set = free; set; set = (set - 1) & free)
		if (oracle_size(set) == n &&
		    (!best || compare(&table->value[set], best) > 0))
			best = &table->value[set];
	return best;
}

static int form_index(struct report *report, const char *form)
{
	int i;

	for (i = 0; i < report->forms; i++)
		if (!strcmp(report->form[i], form))
			return i;
	if (i == MAX_FORMS)
		errx(2, "more than %d forms", MAX_FORMS);
	snprintf(report->form[i], sizeof(report->form[i]), "%s", form);
	report->forms++;
	return i;
}

static bool row_parse(char *line, struct row *row)
{
	char *column[6];

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 6; i++) {
		column[i] = strsep(&line, "\t");
		if (!column[i])
			return false;
	}
	row->state = atoi(column[0]);
	row->free = mask_parse(column[1]);
	snprintf(row->form, sizeof(row->form), "%s", column[2]);
	row->n = atoi(column[3]);
	row->got = mask_parse(column[4]);
	snprintf(row->reason, sizeof(row->reason), "%s", column[5]);
	return true;
}

/* Count a row; returns why it is wrong, or NULL. */
static const char *row_judge(struct report *report, int file, const struct row *row)
{
	struct tally *tally = &report->tally[file][form_index(report, row->form)];
	const struct oracle_value *best = best_value(&report->table, row->free, row->n);
	const struct oracle_value *got = &report->table.value[row->got];
	bool choice = oracle_size(row->free) > row->n;

	tally->requests++;
	tally->choices += choice;
	if (!row->got)
		return row->reason;
	if (row->got & ~row->free)
		return "a busy GPU was given";
	if (oracle_size(row->got) != row->n)
		return "the wrong number of GPUs";
	if (row->reason[0])
		return row->reason;
	if (choice && !got->rings && best->rings)
		tally->ring_lost++;
	if (compare(got, best) < 0)
		return "not the best set";
	tally->optimal += choice;
	return NULL;
}

/* Judge a file; prints wrong rows where strict. Returns their number. */
static long file_judge(struct report *report, int file, const char *name, bool strict)
{
	FILE *f = fopen(name, "r");
	char line[512];
	long wrong = 0, rows = 0;

	if (!f)
		err(2, "%s", name);
	while (fgets(line, sizeof(line), f)) {
		char text[512];
		struct row row;
		const char *why;

		snprintf(text, sizeof(text), "%s", line);
		if (!row_parse(line, &row))
			errx(2, "%s: not a row of `states`: %s", name, text);
		rows++;
		why = row_judge(report, file, &row);
		if (why && strict && wrong++ < 20)
			printf("WRONG (%s): %s", why, text);
	}
	fclose(f);
	if (!rows)
		errx(1, "%s holds no request", name);
	return wrong;
}

static void report_print(const struct report *report, int files)
{
	struct tally sum[MAX_FILES] = {0};

	for (int form = 0; form <= report->forms; form++) {
		bool total = form == report->forms;

		printf("%-28s %6ld", total ? "all" : report->form[form],
		       total ? sum[0].choices : report->tally[0][form].choices);
		for (int file = 0; file < files; file++) {
			const struct tally *t =
				total ? &sum[file] : &report->tally[file][form];
			double choices = t->choices ? t->choices : 1;

			printf("   %5.1f %% (%4.1f %%)", 100 * t->optimal / choices,
			       100 * t->ring_lost / choices);
			if (total)
				continue;
			sum[file].requests += t->requests;
			sum[file].choices += t->choices;
			sum[file].optimal += t->optimal;
			sum[file].ring_lost += t->ring_lost;
		}
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	static struct report report;
	struct oracle_graph graph;
	int files = argc - 2;
	long wrong = 0;

	if (files < 1 || files > MAX_FILES)
		errx(2, "usage: check_states KIND FILE...");
	kind_read(&graph, argv[1]);
	oracle_fill(&report.table, &graph, NULL, 0);
	for (int i = 0; i < files; i++)
		wrong = file_judge(&report, i, argv[i + 2], i == files - 1);

	printf("requests with a choice; share with the best (R, tau) (share that lost a "
	       "ring)\n");
	report_print(&report, files);
	for (int form = 0; form < report.forms; form++)
		for (int i = 1; i < files; i++)
			if (report.tally[i][form].requests !=
			    report.tally[0][form].requests)
				errx(1, "%s and %s hold different requests", argv[2],
				     argv[i + 2]);
	if (wrong)
		errx(1, "%ld wrong rows in %s", wrong, argv[argc - 1]);
	return 0;
}
