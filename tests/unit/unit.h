/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h - suites of checks that share a program, and what their files need.
 *
 * A file test_NAME.c holds SUITE(NAME), which the program of its room (tests/unit/suites,
 * tests/mock/suites) finds by itself; the file is a line in the room's .am, no more.
 * Every check runs in a process of its own (libcheck forks), so that no suite sees
 * another's state; `make check` runs a suite at a time, by tests/suite.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct unit_suite {
	const char *name;
	void (*fill)(Suite *suite);
	const char *(*missing)(void); /* why it can't run here, or NULL; may be NULL */
	struct unit_suite *next;
};

/* Add a suite to the program's; called before main by SUITE. Keeps the pointer. */
void unit_register(struct unit_suite *suite);

/* Run the suites that the arguments name, or all, under the TAP driver; CK_RUN_SUITE
 * names one as well. --list prints the names. A name that no suite has is an error, a
 * suite that can't run here is a skip. Returns the exit status. */
int unit_main(int argc, char **argv);

/* SUITE(NAME) { ... } adds its cases to the parameter `suite`. SUITE_UNLESS has a reason
 * that is NULL where the suite can run. */
#define SUITE_(suite_name, reason)                                                       \
	static void fill_##suite_name(Suite *suite);                                     \
	static const char *missing_##suite_name(void)                                    \
	{                                                                                \
		return reason;                                                           \
	}                                                                                \
	__attribute__((constructor)) static void register_##suite_name(void)             \
	{                                                                                \
		static struct unit_suite own = {#suite_name, fill_##suite_name,          \
						missing_##suite_name, NULL};             \
                                                                                         \
		unit_register(&own);                                                     \
	}                                                                                \
	static void fill_##suite_name(Suite *suite)
#define SUITE(name)		   SUITE_(name, NULL)
#define SUITE_UNLESS(name, reason) SUITE_(name, reason)

struct unit_test {
	const char *name;
	const TTest **test;
};

#define UNIT(fn)                                                                         \
	{                                                                                \
#fn, &fn                                                                 \
	}

/* Add the tests up to the one without a name. before and after run around each, and may
 * be NULL. */
void unit_add(Suite *suite, const struct unit_test *tests, void (*before)(void),
	      void (*after)(void));

/* How many of n random cases to try: all, or one in GPUTOPO_TEST_SHARE where an
 * instrument (valgrind, the sanitizers) makes each of them slow. */
int unit_cases(int n);

#endif
