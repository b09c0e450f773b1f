/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amd_export.h - `amd-smi topology --json` and --csv, as the tables that it prints. */
#ifndef GT_SOURCE_AMD_EXPORT_H
#define GT_SOURCE_AMD_EXPORT_H

#include "source/source.h"

bool gt_amd_is_json(const struct gt_source *src);
bool gt_amd_is_csv(const struct gt_source *src);
/* The same topology in the words of `amd-smi topology`; *text is malloc'ed. */
enum gt_err gt_amd_tables(const struct gt_source *src, char **text, size_t *size,
			  struct gt_error *err);

#endif
