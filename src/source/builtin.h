/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tools/embed-nodes makes of etc/nodes. */
#ifndef GT_SOURCE_BUILTIN_H
#define GT_SOURCE_BUILTIN_H

struct gt_builtin {
	const char *name;
	const char *text;
};

extern const struct gt_builtin gt_builtins[]; /* ends with a NULL name */

#endif
