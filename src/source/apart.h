/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading in a process of its own. */
#ifndef GT_SOURCE_APART_H
#define GT_SOURCE_APART_H

#include "source/source.h"

#define GT_APART_SECONDS 20 /* that a reader may take */

/* Run reader in a child process, silent and limited in time and memory, and bring its
 * model or its error back. For libraries that trust their input: if they crash, this is
 * an error as any other ("library cannot read this"). */
enum gt_err gt_read_apart(struct gt_source *src, struct gt_node **node,
			  enum gt_err (*reader)(struct gt_source *src,
						struct gt_node **node,
						struct gt_error *err),
			  const char *library, struct gt_error *err);

#endif
