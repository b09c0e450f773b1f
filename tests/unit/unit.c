/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.c - the suites of a program of checks, see unit.h. */
#include "unit.h"

#include <string.h>

static struct unit_suite *suites;

void unit_register(struct unit_suite *suite)
{
	struct unit_suite **end = &suites;

	while (*end)
		end = &(*end)->next;
	*end = suite;
}

void unit_add(Suite *suite, const struct unit_test *tests, void (*before)(void),
	      void (*after)(void))
{
	for (; tests->name; tests++) {
		TCase *c = tcase_create(tests->name);

		tcase_add_checked_fixture(c, before, after);
		tcase_add_test(c, *tests->test);
		suite_add_tcase(suite, c);
	}
}

int unit_cases(int n)
{
	const char *share = getenv("GPUTOPO_TEST_SHARE");
	int of = share ? atoi(share) : 1;

	return of > 1 && n > of ? n / of : n;
}

/* The registered suite of that name; ends the program if there is none. */
static struct unit_suite *find(const char *name)
{
	for (struct unit_suite *s = suites; s; s = s->next)
		if (!strcmp(s->name, name))
			return s;
	printf("Bail out! there is no suite %s; --list prints the names\n", name);
	exit(EXIT_FAILURE);
}

/* Add the suite to the runner, or print why it can't run. Returns 1 or 0. */
static int add(SRunner *runner, struct unit_suite *s, bool alone)
{
	const char *why = s->missing();
	Suite *suite;

	if (why) {
		if (alone)
			printf("1..0 # SKIP %s\n", why);
		else
			printf("# %s: skipped, %s\n", s->name, why);
		return 0;
	}
	suite = suite_create(s->name);
	s->fill(suite);
	srunner_add_suite(runner, suite);
	return 1;
}

static int list(void)
{
	for (struct unit_suite *s = suites; s; s = s->next)
		puts(s->name);
	return EXIT_SUCCESS;
}

int unit_main(int argc, char **argv)
{
	const char *one = getenv("CK_RUN_SUITE");
	SRunner *runner;
	int added = 0, failed = 0;

	if (argc > 1 && !strcmp(argv[1], "--list"))
		return list();
	runner = srunner_create(NULL);
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			added += add(runner, find(argv[i]), argc == 2);
	} else if (one) {
		added += add(runner, find(one), true);
	} else {
		for (struct unit_suite *s = suites; s; s = s->next)
			added += add(runner, s, !suites->next);
	}
	fflush(stdout);
	if (added) {
		srunner_run_all(runner, CK_ENV);
		failed = srunner_ntests_failed(runner);
	}
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
