/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in MIG tables and the other names of their GPUs. */
#ifndef GT_MIG_DATA_H
#define GT_MIG_DATA_H

#include "core/library.h"

#define GT_MIG_TABLES 13

extern const struct gt_mig_gpu gt_mig_tables[GT_MIG_TABLES];

/* Another name of the GPU of a table, as drivers and shops print it. */
struct gt_mig_alias {
	const char *name;
	const char *table;
};

extern const struct gt_mig_alias gt_mig_aliases[]; /* no name after the last */

struct gt_mig_pci {
	uint32_t id;
	const char *table;
};

extern const struct gt_mig_pci gt_mig_pci_ids[]; /* 0 after the last */

#endif
