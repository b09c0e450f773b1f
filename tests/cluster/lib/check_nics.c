/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_nics: hold what `several` wrote against every choice of two nodes and of their
 * free GPUs.
 *
 *   check_nics NICS STOCK [OURS]
 *
 * The nodes have 8 GPUs and NICS equal NICs, each near to 8 / NICS of them, so that a set
 * reaches as much as it has NICs, and a job what its slower node reaches. Prints for each
 * form how many requests there were, and of each file the share with the best slowest
 * node and, with a NIC for each GPU, the share with equal rails among those whose nodes
 * could have them. With OURS its shares have to be 100 %, and it has to serve each
 * request that STOCK served; else the offending rows follow and the exit status is 1.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS	  8
#define MAX_NODES 4
#define MAX_FORMS 16
#define MAX_ROWS  4096

struct row {
	char form[64];
	unsigned open[MAX_NODES], got[MAX_NODES];
	int nodes;
	bool served;
};

struct tally {
	char form[64];
	long requests, best[2], could[2], equal[2];
};

static struct row rows[2][MAX_ROWS];
static int nics;

static unsigned mask_read(const char *at)
{
	unsigned mask = 0;

	while (*at >= '0' && *at <= '9') {
		char *next;
		long first = strtol(at, &next, 10), last = first;

		if (*next == '-')
			last = strtol(next + 1, &next, 10);
		for (; first <= last; first++)
			mask |= 1u << first;
		at = *next == ',' ? next + 1 : next;
	}
	return mask;
}

static int masks_read(char *text, unsigned *masks)
{
	char *keep = NULL;
	int count = 0;

	for (char *one = strtok_r(text, " ", &keep); one && count < MAX_NODES;
	     one = strtok_r(NULL, " ", &keep))
		masks[count++] = mask_read(one);
	return count;
}

static int file_read(const char *name, struct row *out)
{
	FILE *f = fopen(name, "r");
	char line[512];
	int count = 0;

	if (!f)
		err(2, "%s", name);
	while (count < MAX_ROWS && fgets(line, sizeof(line), f)) {
		char *column[5], *at = line;
		struct row *row = &out[count++];

		for (int i = 0; i < 5; i++)
			if (!(column[i] = strsep(&at, "\t")))
				errx(2, "%s: not a row of `several`: %s", name, line);
		row->nodes = masks_read(column[1], row->open);
		snprintf(row->form, sizeof(row->form), "%s", column[2]);
		row->served = strcmp(column[4], "-") != 0;
		if (row->served)
			masks_read(column[4], row->got);
	}
	fclose(f);
	return count;
}

/* NICs near to the set. */
static unsigned rails(unsigned set)
{
	unsigned out = 0;

	for (int g = 0; g < GPUS; g++)
		if (set >> g & 1)
			out |= 1u << g * nics / GPUS;
	return out;
}

static int reach(unsigned set)
{
	return __builtin_popcount(rails(set));
}

/* The most that count of these GPUs reach; -1: there are too few. */
static int most(unsigned open, int count)
{
	int best = -1;

	for (unsigned set = 0; set < 1u << GPUS; set++)
		if (!(set & ~open) && __builtin_popcount(set) == count &&
		    reach(set) > best)
			best = reach(set);
	return best;
}

/* The best slowest node of a job with so many GPUs on one node and on another. */
static int most_of_two(const struct row *row, int first, int second)
{
	int best = -1;

	for (int a = 0; a < row->nodes; a++)
		for (int b = 0; b < row->nodes; b++) {
			int x = most(row->open[a], first), y = most(row->open[b], second);

			if (a != b && (x < y ? x : y) > best)
				best = x < y ? x : y;
		}
	return best;
}

/* Count the row; why it is no best answer, or NULL. */
static const char *judge(const struct row *row, struct tally *t, int who)
{
	int at[MAX_NODES], count = 0, x, y, size[2];
	bool could, equal;

	for (int n = 0; n < row->nodes; n++) {
		if (row->got[n] & ~row->open[n])
			return "GPUs that are not free";
		if (row->got[n])
			at[count++] = n;
	}
	if (count != 2)
		return "not two nodes";
	for (int i = 0; i < 2; i++)
		size[i] = __builtin_popcount(row->got[at[i]]);
	could = nics == GPUS && size[0] == size[1] &&
		__builtin_popcount(row->open[at[0]] & row->open[at[1]]) >= size[0];
	equal = row->got[at[0]] == row->got[at[1]];
	t->could[who] += could;
	t->equal[who] += could && equal;
	x = reach(row->got[at[0]]);
	y = reach(row->got[at[1]]);
	if ((x < y ? x : y) < most_of_two(row, size[0], size[1]))
		return "a better slowest node could be had";
	t->best[who]++;
	return could && !equal ? "equal rails could be had" : NULL;
}

static struct tally *find(struct tally *tally, const char *form)
{
	for (int i = 0; i < MAX_FORMS; i++) {
		if (!tally[i].form[0])
			snprintf(tally[i].form, sizeof(tally[i].form), "%.63s", form);
		if (!strcmp(tally[i].form, form))
			return &tally[i];
	}
	errx(2, "more than %d forms", MAX_FORMS);
}

static double percent(long part, long whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 100;
}

static void print_tally(const struct tally *t, int files)
{
	printf("%-24s %4ld requests, slowest node the best:", t->form, t->requests);
	for (int who = 0; who < files; who++)
		printf(" %5.1f %%", percent(t->best[who], t->requests));
	if (nics == GPUS)
		printf("; equal rails:");
	for (int who = 0; nics == GPUS && who < files; who++)
		printf(" %5.1f %% of %ld", percent(t->equal[who], t->could[who]),
		       t->could[who]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct tally tally[MAX_FORMS + 1];
	struct tally *all = &tally[MAX_FORMS];
	int count, files = argc - 2;
	long wrong = 0;

	if (argc < 3 || argc > 4)
		errx(2, "usage: check_nics NICS STOCK [OURS]");
	nics = atoi(argv[1]);
	count = file_read(argv[2], rows[0]);
	if (files == 2 && file_read(argv[3], rows[1]) != count)
		errx(1, "the files are of other requests");
	for (int i = 0; i < count; i++) {
		struct tally *t = find(tally, rows[0][i].form);

		if (!rows[0][i].served)
			continue;
		t->requests++;
		for (int who = 0; who < files; who++) {
			const struct row *row = &rows[who][i];
			const char *why = row->served ? judge(row, t, who) : "not served";

			if (who && why && wrong++ < 20)
				printf("WRONG (%s): row %d, %s\n", why, i + 1, row->form);
		}
	}
	snprintf(all->form, sizeof(all->form), "all");
	for (int i = 0; i < MAX_FORMS && tally[i].form[0]; i++) {
		print_tally(&tally[i], files);
		all->requests += tally[i].requests;
		for (int who = 0; who < files; who++) {
			all->best[who] += tally[i].best[who];
			all->could[who] += tally[i].could[who];
			all->equal[who] += tally[i].equal[who];
		}
	}
	print_tally(all, files);
	if (!all->requests)
		errx(1, "%s holds no request", argv[2]);
	if (wrong)
		errx(1, "%ld wrong rows", wrong);
	return 0;
}
