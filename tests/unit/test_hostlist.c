/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_hostlist.c - host lists against scontrol: what tests/data/hostlists/make wrote
 * down of two releases, and what the machine's own says today; random lists against plain
 * loops; hostile ones.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hostlist.h"
#include "unit.h"

#define ROWS(array) ((int)(sizeof(array) / sizeof(array[0])))
#define TEXT_SIZE   4096
#define NAMES_MAX   40 /* more are written as COUNT:FIRST:LAST */

/* ---- the corpus ---------------------------------------------------------------------
 */

/* What Slurm repairs: a list that is cut, or a name that only looks like a list. */
static const char *const refused[] = {
	"n[1-2",  "n1]", "n[1-]", "n[1-+3]", "n[1-2][3",
	",a,,b,", "n1,", "n[1]]", "n[[1]]",
};

static bool is_refused(const char *list)
{
	for (int i = 0; i < ROWS(refused); i++)
		if (!strcmp(refused[i], list))
			return true;
	return false;
}

struct spelled {
	char text[TEXT_SIZE], first[256], last[256];
	int count;
};

static enum gt_err take(void *arg, const char *name)
{
	struct spelled *s = arg;
	size_t used = strlen(s->text);

	if (s->count++ == 0)
		snprintf(s->first, sizeof(s->first), "%s", name);
	if (s->count <= NAMES_MAX)
		snprintf(s->text + used, sizeof(s->text) - used, "%s%s", used ? " " : "",
			 name);
	snprintf(s->last, sizeof(s->last), "%s", name);
	return GT_OK;
}

/* What we say of a list, as the corpus is written. */
static void answer(const char *list, char *out, size_t size)
{
	struct spelled *s = calloc(1, sizeof(*s));
	struct gt_error err;

	ck_assert_ptr_nonnull(s);
	if (gt_hostlist_each(list, take, s, &err))
		snprintf(out, size, "!");
	else if (s->count > NAMES_MAX)
		snprintf(out, size, "%d:%s:%s", s->count, s->first, s->last);
	else
		snprintf(out, size, "%s", s->text);
	free(s);
}

static bool is_among(const char *names, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = names; *at;) {
		size_t own = strcspn(at, " ");

		if (own == length && !strncmp(at, name, own))
			return true;
		at += own + (at[own] == ' ');
	}
	return false;
}

/* The list holds its names, and nothing that is a character away from one of them. */
static void check_search(const char *list, const char *names)
{
	char one[300], other[300];

	for (const char *at = names; *at;) {
		size_t own = strcspn(at, " ");

		snprintf(one, sizeof(one), "%.*s", (int)own, at);
		ck_assert_msg(gt_hostlist_has(list, one), "%s lacks %s", list, one);
		for (size_t i = 0; i <= own; i++) {
			static const char changes[] = "0129ax";

			for (const char *c = changes; *c; c++) {
				snprintf(other, sizeof(other), "%.*s%c%s", (int)i, one,
					 *c, one + i);
				ck_assert_msg(gt_hostlist_has(list, other) ==
						      is_among(names, other),
					      "%s, %s", list, other);
				if (i == own)
					continue;
				snprintf(other, sizeof(other), "%s", one);
				other[i] = *c;
				ck_assert_msg(gt_hostlist_has(list, other) ==
						      is_among(names, other),
					      "%s, %s", list, other);
			}
			snprintf(other, sizeof(other), "%.*s%s", (int)i, one,
				 i < own ? one + i + 1 : "");
			ck_assert_msg(gt_hostlist_has(list, other) ==
					      is_among(names, other),
				      "%s, %s", list, other);
		}
		at += own + (at[own] == ' ');
	}
}

/* One line of the corpus, or of what scontrol says now. older: a release that refuses
 * text behind a bracket. */
static void check_line(char *line, bool older)
{
	char ours[TEXT_SIZE], *tab = strchr(line, '\t');

	line[strcspn(line, "\n")] = '\0';
	ck_assert_msg(tab != NULL, "%s", line);
	*tab = '\0';
	answer(line, ours, sizeof(ours));
	if (is_refused(line))
		ck_assert_msg(!strcmp(ours, "!"), "%s is %s", line, ours);
	else if (!older || strcmp(tab + 1, "!"))
		ck_assert_msg(!strcmp(ours, tab + 1), "%s is %s, not %s", line, ours,
			      tab + 1);
	if (strcmp(ours, "!") && !strchr(ours, ':'))
		check_search(line, ours);
}

static int check_corpus(FILE *in, bool older)
{
	char line[TEXT_SIZE];
	int lines = 0;

	while (fgets(line, sizeof(line), in)) {
		check_line(line, older);
		lines++;
	}
	return lines;
}

static FILE *open_data(const char *name)
{
	const char *dir = getenv("srcdir");
	char path[TEXT_SIZE];

	snprintf(path, sizeof(path), "%s/tests/data/hostlists/%s", dir ? dir : ".", name);
	return fopen(path, "r");
}

START_TEST(lists_are_what_slurm_makes_of_them)
{
	static const char *const files[] = {"hosts.22.05.8", "hosts.24.11.5"};
	FILE *in = open_data(files[_i]);

	ck_assert_ptr_nonnull(in);
	ck_assert_int_ge(check_corpus(in, _i == 0), 40);
	fclose(in);
}
END_TEST

START_TEST(lists_are_what_this_slurm_makes_of_them)
{
	const char *dir = getenv("srcdir");
	char command[TEXT_SIZE], conf[] = "/tmp/test_hostlist.XXXXXX";
	static const char text[] = "ClusterName=x\nSlurmctldHost=localhost\n";
	int fd;
	FILE *in;

	if (system("command -v scontrol >/dev/null")) {
		puts("no scontrol: the stored answers alone");
		return;
	}
	fd = mkstemp(conf);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	snprintf(command, sizeof(command),
		 "SLURM_CONF=%s sh %s/tests/data/hostlists/make scontrol", conf,
		 dir ? dir : ".");
	in = popen(command, "r");
	ck_assert_ptr_nonnull(in);
	ck_assert_int_ge(check_corpus(in, true), 40);
	ck_assert_int_eq(pclose(in), 0);
	unlink(conf);
}
END_TEST

/* ---- single cases -------------------------------------------------------------------
 */

static const struct {
	const char *why;
	const char *list;
	const char *name;
	bool has;
} rows[] = {
	{"a plain name", "n1", "n1", true},
	{"not a prefix", "n1", "n10", false},
	{"not a longer one", "n10", "n1", false},
	{"a range", "dgx[01-16]", "dgx07", true},
	{"the range's width counts", "dgx[01-16]", "dgx7", false},
	{"n[1-3] is not padded", "n[1-3]", "n02", false},
	{"above the range", "dgx[01-16]", "dgx17", false},
	{"wider than the lower bound", "n[8-10]", "n10", true},
	{"no zero where none was written", "n[8-10]", "n09", false},
	{"numbers that outgrow their width", "n[98-101]", "n101", true},
	{"a list in brackets", "n[1,3,5-6]", "n5", true},
	{"not in the list", "n[1,3,5-6]", "n4", false},
	{"behind a comma", "a1,n[1-2]", "n2", true},
	{"two brackets", "r[1-2]n[01-04]", "r2n03", true},
	{"two brackets, the second wrong", "r[1-2]n[01-04]", "r2n05", false},
	{"brackets that touch: 1 and 23", "n[1-9][20-29]", "n123", true},
	{"brackets that touch: 12 and 3", "n[10-19][1-9]", "n123", true},
	{"brackets that touch: neither", "n[10-19][4-9]", "n123", false},
	{"a tail", "n[1-2]-ib", "n2-ib", true},
	{"digits before a bracket", "gpu1[0-9]", "gpu17", true},
	{"digits behind a bracket", "n[1-2]5", "n15", true},
	{"a range too wide to expand", "n[0-999999999999]", "n123456789012", true},
	{"an item that is cut holds nothing", "n[1-2,m", "n1", false},
	{"an item that is cut, and one that isn't", "n[1-,m]x,k", "k", true},
	{"an empty name", "n[1-2]", "", false},
	{"an empty list", "", "n", false},
};

START_TEST(lists_hold_names)
{
	ck_assert_msg(gt_hostlist_has(rows[_i].list, rows[_i].name) == rows[_i].has, "%s",
		      rows[_i].why);
}
END_TEST

static const char *const malformed[] = {
	"",	 ",",	   "n1,", "n[",	   "n[]", "n[1",     "n[2-1]",
	"n[1-]", "n[a-b]", "n]",  "n[1,]", "n 1", "n[1-2][", "n[1234567890123456789]",
	"n=1",
};

START_TEST(malformed_lists_are_refused)
{
	char ours[TEXT_SIZE];

	ck_assert_msg(!gt_hostlist_is_valid(malformed[_i]), "'%s'", malformed[_i]);
	answer(malformed[_i], ours, sizeof(ours));
	ck_assert_str_eq(ours, "!");
}
END_TEST

static enum gt_err stop_at_three(void *arg, const char *name)
{
	(void)name;
	return ++*(int *)arg == 3 ? GT_EIO : GT_OK;
}

static enum gt_err count_member(void *arg, const char *name)
{
	ck_assert_msg(gt_hostlist_has("n[00000-99999999]x[0-99999999]", name), "%s",
		      name);
	++*(int *)arg;
	return GT_OK;
}

START_TEST(spelling_has_an_end)
{
	char wide[2048] = "";
	struct gt_error err;
	int count = 0;

	ck_assert_int_eq(gt_hostlist_each("n[00000-99999999]x[0-99999999]", count_member,
					  &count, &err),
			 GT_ELIMIT);
	ck_assert_int_eq(count, GT_HOSTLIST_MAX);
	count = 0;
	ck_assert_int_eq(gt_hostlist_each("n[1-999999]", stop_at_three, &count, &err),
			 GT_EIO);
	ck_assert_int_eq(count, 3);
	/* names that nobody can have */
	memset(wide, 'w', 254);
	strcpy(wide + 254, "[9-99999999],short");
	count = 0;
	ck_assert_int_eq(gt_hostlist_each(wide, stop_at_three, &count, &err), GT_ELIMIT);
	ck_assert_int_eq(count, 1);
	for (int i = 0; i < 17; i++)
		strcpy(wide + 3 * i, "[1]");
	ck_assert_int_eq(gt_hostlist_each(wide, stop_at_three, &count, &err), GT_ELIMIT);
	ck_assert_int_eq(count, 1);
}
END_TEST

/* ---- random lists -------------------------------------------------------------------
 */

static unsigned int seed = 20261128;

static int draw(int below)
{
	seed = seed * 1103515245u + 12345u;
	return (int)(seed >> 16) % below;
}

/* Two brackets of one range each with random widths, and text around them; all names by
 * two loops. */
START_TEST(random_lists_hold_what_loops_say)
{
	static const char *const texts[] = {"", "n", "1", "0", "a1", "-"};

	int held = 0;

	for (int round = 0; round < 2000; round++) {
		int low[2], high[2], width[2];
		const char *text[3];
		char list[128], name[128];

		for (int i = 0; i < 2; i++) {
			low[i] = draw(30);
			high[i] = low[i] + draw(12);
			width[i] = 1 + draw(3);
		}
		for (int i = 0; i < 3; i++)
			text[i] = texts[draw(ROWS(texts))];
		snprintf(list, sizeof(list), "%s[%0*d-%d]%s[%0*d-%d]%s", text[0],
			 width[0], low[0], high[0], text[1], width[1], low[1], high[1],
			 text[2]);
		for (int i = 0; i < 50; i++) {
			bool expected = false;
			char own[128];

			snprintf(name, sizeof(name), "%s%0*d%s%0*d%s", text[0],
				 1 + draw(3), low[0] + draw(14), text[1], 1 + draw(3),
				 low[1] + draw(14), text[2]);
			for (int a = low[0]; a <= high[0]; a++)
				for (int b = low[1]; b <= high[1]; b++) {
					snprintf(own, sizeof(own), "%s%0*d%s%0*d%s",
						 text[0], width[0], a, text[1], width[1],
						 b, text[2]);
					expected |= !strcmp(own, name);
				}
			held += expected;
			ck_assert_msg(gt_hostlist_has(list, name) == expected,
				      "seed 20261128, %s, %s", list, name);
		}
	}
	ck_assert_int_ge(held, 1000);
}
END_TEST

/* ---- hostile lists ------------------------------------------------------------------
 */

/* What took exponential time: many brackets, many ranges, a name of digits. The matcher
 * ends, or the test's time does; valgrind or a watch would show the steps. */
START_TEST(hostile_lists_end)
{
	char list[4097] = "", name[GT_HOST_NAME_MAX + 1];
	size_t used = 0;

	memset(name, '1', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	while (used + 16 < sizeof(list))
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 _i == 0   ? "[1-999999999]"
					 : _i == 1 ? used ? ",1-11,1" : "[1"
						   : "[1,11,1,11,1]");
	if (_i == 1)
		strcpy(list + used, "]");
	for (int i = 0; i < 1000; i++) {
		name[0] = (char)('1' + i % 9);
		ck_assert(!gt_hostlist_has(list, name));
	}
}
END_TEST

SUITE(hostlist)
{
	TCase *tc = tcase_create("hostlist");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, lists_are_what_slurm_makes_of_them, 0, 2);
	tcase_add_test(tc, lists_are_what_this_slurm_makes_of_them);
	tcase_add_loop_test(tc, lists_hold_names, 0, ROWS(rows));
	tcase_add_loop_test(tc, malformed_lists_are_refused, 0, ROWS(malformed));
	tcase_add_test(tc, spelling_has_an_end);
	tcase_add_test(tc, random_lists_hold_what_loops_say);
	tcase_add_loop_test(tc, hostile_lists_end, 0, 3);
	suite_add_tcase(suite, tc);
}
