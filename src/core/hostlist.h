/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostlist.h - Slurm's host lists, "a,dgx[01-16,20],r[1-2]n[1-4]": the one reader of them
 * for readers of gres.conf and gputopo.conf, the command line, the simulator and the
 * plugins. Own code, since the tools must work on hosts without Slurm, and since
 * slurmstepd reads such a list out of a job's environment. The same grammar names device
 * files, "/dev/nvidia[0-3]".
 *
 * An item is literal text with any number of brackets of numbers and ranges. A range is
 * padded to the width of its lower bound: n[08-10] is n08, n09, n10, and n[1-3] does not
 * hold n02. Text may follow a bracket, as Slurm takes it from 23.11 on.
 */
#ifndef GT_CORE_HOSTLIST_H
#define GT_CORE_HOSTLIST_H

#include "core/library.h"

#define GT_HOST_NAME_MAX 255 /* bytes of one name; longer ones match nothing */
#define GT_HOSTLIST_MAX                                                                  \
	65536 /* names of one list that are spelled out; Slurm's limit                   \
	       * of one range (MAX_RANGE in its hostlist.c) */

/* One number or range of a bracket. */
struct gt_host_range {
	uint64_t low, high;
	int width; /* digits of the lower bound as written */
};

/* The range behind p, which is the bracket or a comma; returns the character behind it, a
 * comma or the closing bracket, or NULL. */
const char *gt_hostlist_range(const char *p, struct gt_host_range *range);

/* Whether list is well formed and not empty. Stricter than Slurm, which skips empty items
 * and repairs open brackets. O(length). */
bool gt_hostlist_is_valid(const char *list);

/* Whether list names name. Expands nothing: O(length of list x length of name), whatever
 * the ranges. A malformed item holds nothing. */
bool gt_hostlist_has(const char *list, const char *name);

/* Bytes of the first item of list: up to a comma outside brackets. */
size_t gt_hostlist_first(const char *list);

/* Call each for every name of list, in the order of `scontrol show hostnames`. Stops
 * where each returns an error, and returns it. GT_EPARSE: list is malformed; nothing was
 * called. GT_ELIMIT: more than GT_HOSTLIST_MAX names, or one above GT_HOST_NAME_MAX
 * bytes; the names before it were called. */
enum gt_err gt_hostlist_each(const char *list,
			     enum gt_err (*each)(void *arg, const char *name), void *arg,
			     struct gt_error *err);

#endif
