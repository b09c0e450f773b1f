/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CPU a source names. */
#include "config.h"

#include "source/cpu.h"

#include <string.h>

/* Intel's generations begin at these models of family 6; what lies between belongs to the
 * older one, as NCCL 2.30 counts (src/graph/topo.cc). */
static const struct {
	int model;
	enum gt_cpu_vendor vendor;
} intel[] = {
	{0xcf, GT_CPU_INTEL_EMR},
	{0x8f, GT_CPU_INTEL_SPR},
	{0x55, GT_CPU_INTEL_SKX},
	{0x01, GT_CPU_INTEL_BDW},
};

/* AMD's families, as CPUID adds them up, and as NCCL's XML wrote them before it did so
 * (NVIDIA/nccl#2036). */
static enum gt_cpu_vendor amd_of(int family)
{
	switch (family) {
	case 0x17:
	case 0x8f:
		return GT_CPU_AMD_ZEN12;
	case 0x19:
	case 0xaf:
		return GT_CPU_AMD_ZEN34;
	case 0x1a:
	case 0xbf:
		return GT_CPU_AMD_ZEN5;
	default:
		return GT_CPU_AMD;
	}
}

enum gt_cpu_vendor gt_cpu_of(const char *arch, const char *vendor, int family, int model)
{
	enum gt_cpu_vendor named = gt_cpu_vendor_parse(vendor);

	if (!strncmp(arch, "arm", 3) || !strncmp(arch, "aarch64", 7))
		return GT_CPU_ARM;
	if (!strncmp(arch, "ppc64", 5))
		return GT_CPU_POWER9;
	if (named == GT_CPU_AMD)
		return amd_of(family);
	if (named != GT_CPU_INTEL || family != 6)
		return named;
	for (size_t i = 0; i < sizeof(intel) / sizeof(intel[0]); i++)
		if (model >= intel[i].model)
			return intel[i].vendor;
	return named;
}
