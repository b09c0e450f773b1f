/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranks.h - what the tests of the node side share: machines, a folder with files. */
#ifndef RANKS_H
#define RANKS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"

static inline struct gt_node *load(const char *spec)
{
	struct gt_node *node;
	struct gt_error err;

	ck_assert_msg(gt_node_load(&node, spec, NULL, &err) == GT_OK, "%s: %s", spec,
		      err.text);
	return node;
}

static char folder[64];

static inline void folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/gputopo-ranks.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void folder_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static inline void put_file(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

#define LOOP(tc, test, rows)                                                             \
	tcase_add_loop_test(tc, test, 0, (int)(sizeof(rows) / sizeof((rows)[0])))

#endif
