/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h - one main for every check program, and rows that carry a sentence. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct unit_test {
	const char *name;
	const TTest **test;
};

#define UNIT(fn)                                                                         \
	{                                                                                \
#fn, &fn                                                                 \
	}

/* How many of n random cases to try: all, or one in GPUTOPO_TEST_SHARE where an
 * instrument (valgrind, the sanitizers) makes each of them slow. */
static inline int unit_cases(int n)
{
	const char *share = getenv("GPUTOPO_TEST_SHARE");
	int of = share ? atoi(share) : 1;

	return of > 1 && n > of ? n / of : n;
}

/* Run the tests under the TAP driver; the last entry has no name. before and after run
 * around each, and may be NULL. */
static inline int unit_main_with(const char *suite, const struct unit_test *tests,
				 void (*before)(void), void (*after)(void))
{
	Suite *s = suite_create(suite);
	SRunner *runner;
	int failed;

	for (; tests->name; tests++) {
		TCase *c = tcase_create(tests->name);

		tcase_add_checked_fixture(c, before, after);
		tcase_add_test(c, *tests->test);
		suite_add_tcase(s, c);
	}
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_main(const char *suite, const struct unit_test *tests)
{
	return unit_main_with(suite, tests, NULL, NULL);
}

#endif
