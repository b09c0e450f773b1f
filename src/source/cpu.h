/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CPU a source names. */
#ifndef GT_SOURCE_CPU_H
#define GT_SOURCE_CPU_H

#include "core/library.h"

/* vendor as CPUID or the kernel spells it, arch as uname does ("" if not given); family
 * and model are CPUID's numbers, 0 if not given. */
enum gt_cpu_vendor gt_cpu_of(const char *arch, const char *vendor, int family, int model);

#endif
