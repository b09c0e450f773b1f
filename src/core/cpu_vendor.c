/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs by name, and what paths through them are worth. */
#include "config.h"

#include "core/node.h"

/*
 * The link between sockets, MB/s: NCCL 2.30's constants (src/graph/topo.h); AMD by family
 * since NVIDIA/nccl#2036, which counts Zen 1 and 2 as 16 (rated), 3 and 4 as 24
 * (estimated), 5 as 32 (measured: 32.18 on two EPYC 9575F). An AMD CPU of unknown family
 * counts as the oldest. bridge_x10: a path through a host bridge is worth 10/x of the
 * slot; NCCL charges 6/5 on Intel. memory_mbps: what the memory of one socket carries of
 * copies from GPU to GPU, 0: not known. Fitted to one point: 8 RTX 5090 on two Xeon 8480+
 * reach 28 GB/s, four copies a socket (NVIDIA/nccl#1639); rated, its eight channels of
 * DDR5-4800 carry 307 GB/s, of which each copy takes twice its rate.
 */
static const struct {
	const char *name;
	int socket_mbps;
	int bridge_x10;
	int memory_mbps;
} cpus[] = {
	[GT_CPU_UNKNOWN] = {"", 10000, 12, 0},
	[GT_CPU_INTEL] = {"Intel", 10000, 12, 0},
	[GT_CPU_INTEL_BDW] = {"Intel Broadwell", 6000, 12, 0},
	[GT_CPU_INTEL_SKX] = {"Intel Skylake", 10000, 12, 0},
	[GT_CPU_INTEL_SPR] = {"Intel Sapphire Rapids", 22000, 12, 112000},
	[GT_CPU_INTEL_EMR] = {"Intel Emerald Rapids", 40000, 12, 0},
	[GT_CPU_AMD] = {"AMD", 16000, 10, 0},
	[GT_CPU_POWER9] = {"POWER9", 32000, 10, 0},
	[GT_CPU_ARM] = {"ARM", 6000, 10, 0},
	[GT_CPU_AMD_ZEN12] = {"AMD Zen 1 or 2", 16000, 10, 0},
	[GT_CPU_AMD_ZEN34] = {"AMD Zen 3 or 4", 24000, 10, 0},
	[GT_CPU_AMD_ZEN5] = {"AMD Zen 5", 32000, 10, 0},
};

int gt_cpu_path_mbps(enum gt_cpu_vendor vendor, enum gt_path path, int slot_mbps)
{
	int bridge_mbps = slot_mbps * 10 / cpus[vendor].bridge_x10;
	int socket_mbps = cpus[vendor].socket_mbps;

	switch (path) {
	case GT_PATH_PHB:
	case GT_PATH_NODE:
		return bridge_mbps;
	case GT_PATH_SYS:
		return bridge_mbps < socket_mbps ? bridge_mbps : socket_mbps;
	default:
		return slot_mbps;
	}
}

int gt_cpu_memory_mbps(enum gt_cpu_vendor vendor)
{
	return cpus[vendor].memory_mbps;
}

const char *gt_cpu_vendor_name(enum gt_cpu_vendor vendor)
{
	return cpus[vendor].name;
}
