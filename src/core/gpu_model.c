/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a GPU's name says about its links and its PCIe slot. */
#include "config.h"

#include "core/library.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 128

/*
 * MB/s of one link in one direction, as NCCL 2.30 counts them (src/graph/topo.h and
 * topo.cc of NVIDIA/nccl at 5067397c: SM60 18, SM70 and SM80 20, SM86 12, SM90 20.6,
 * SM100 40.1; everything else counts as SM80), and RCCL's for xGMI (Vega and MI100 24,
 * MI200 36, MI300 48). Compute capabilities by NVIDIA's list (developer.nvidia.com,
 * "CUDA GPU compute capability"): T4 7.5; A800 8.0; A10 8.6; L40 8.9; H100 and H200 NVL,
 * H800, H20 9.0; B200 10.0; B300, GB300 10.3; RTX PRO 6000, RTX 5090 12.0, where the last
 * two have no links.
 */
enum {
	NVLINK_SM60 = 18000,
	NVLINK_SM70 = 20000,
	NVLINK_SM80 = 20000,
	NVLINK_SM86 = 12000,
	NVLINK_SM90 = 20600,
	NVLINK_SM100 = 40100,
	XGMI_VEGA = 24000,
	XGMI_MI200 = 36000,
	XGMI_MI300 = 48000,
	LINK_UNKNOWN = 20000,
};

/*
 * Reduction inside the switch: K GPUs reach 2 (K-1)/K x links x this. NCCL measured on 5
 * to 8 H100: 420, 440, 460, 480 GB/s (NVIDIA/nccl#1455), 8 H200: 475
 * (NVIDIA/nccl-tests#272), 8 H800 with 8 links: 215 (NVIDIA/nccl#1374). 2 to 4 H100 reach
 * their rings' 365 to 370, where the formula says 405 for 4: it counts from 5 on.
 */
static const struct gt_reduction hopper = {15000, 5, "fitted",
					   "NVIDIA/nccl#1455, nccl#1374, nccl-tests#272"};
/* One point: 8 GB300 of two trays of an NVL72, 843 GB/s. */
static const struct gt_reduction blackwell = {26760, 5, "fitted to one point",
					      "NVIDIA/aicr#2641"};

static const struct {
	const char *word;
	const struct gt_reduction *reduction;
} reductions[] = {
	{"gb200", &blackwell}, {"gb300", &blackwell}, {"b100", &blackwell},
	{"b200", &blackwell},  {"b300", &blackwell},  {"gh200", &hopper},
	{"h100", &hopper},     {"h200", &hopper},     {"h800", &hopper},
	{"h20", &hopper},
};

/* MB/s of PCIe x16 one way: NCCL's link_width x speed / 80 for 16 lanes (gen 3, 4, 5). */
enum { PCIE3 = 12000, PCIE4 = 24000, PCIE5 = 48000, PCIE_UNKNOWN = 12000 };

/*
 * The first row that occurs in the name wins, so the longer of two alike comes first. A
 * row matches whole words, but a word may go on with letters ("l40" finds "L40S", "v100"
 * finds "V100S"). PCIe generations are those of NVIDIA's and AMD's data sheets.
 */
static const struct {
	const char *word;
	int link_mbps;
	int pcie_mbps;
} models[] = {
	/* Blackwell and what follows */
	{"gb200", NVLINK_SM100, PCIE5},
	{"gb300", NVLINK_SM100, PCIE5},
	{"gb10", NVLINK_SM100, PCIE5},
	{"b100", NVLINK_SM100, PCIE5},
	{"b200", NVLINK_SM100, PCIE5},
	{"b300", NVLINK_SM100, PCIE5},
	{"rtx pro", NVLINK_SM100, PCIE5},
	{"rtxpro", NVLINK_SM100, PCIE5},
	{"5060", NVLINK_SM100, PCIE5},
	{"5070", NVLINK_SM100, PCIE5},
	{"5080", NVLINK_SM100, PCIE5},
	{"5090", NVLINK_SM100, PCIE5},
	{"blackwell", NVLINK_SM100, PCIE5},
	/* Hopper */
	{"gh200", NVLINK_SM90, PCIE5},
	{"h100", NVLINK_SM90, PCIE5},
	{"h200", NVLINK_SM90, PCIE5},
	{"h800", NVLINK_SM90, PCIE5},
	{"h20", NVLINK_SM90, PCIE5},
	{"hopper", NVLINK_SM90, PCIE5},
	/* Ada: no links, NCCL's default for what is neither 8.6 nor 9.0 */
	{"6000 ada", NVLINK_SM80, PCIE4},
	{"6000ada", NVLINK_SM80, PCIE4},
	{"5000 ada", NVLINK_SM80, PCIE4},
	{"5000ada", NVLINK_SM80, PCIE4},
	{"l40", NVLINK_SM80, PCIE4},
	{"l20", NVLINK_SM80, PCIE4},
	{"l4", NVLINK_SM80, PCIE4},
	{"4000 ada", NVLINK_SM80, PCIE4},
	{"4060", NVLINK_SM80, PCIE4},
	{"4070", NVLINK_SM80, PCIE4},
	{"4080", NVLINK_SM80, PCIE4},
	{"4090", NVLINK_SM80, PCIE4},
	/* Ampere: GA100 */
	{"a100", NVLINK_SM80, PCIE4},
	{"a800", NVLINK_SM80, PCIE4},
	{"a30", NVLINK_SM80, PCIE4},
	/* Ampere: GA10x, compute capability 8.6 */
	{"a40", NVLINK_SM86, PCIE4},
	{"a10", NVLINK_SM86, PCIE4},
	{"a16", NVLINK_SM86, PCIE4},
	{"a2", NVLINK_SM86, PCIE4},
	{"a2000", NVLINK_SM86, PCIE4},
	{"a6000", NVLINK_SM86, PCIE4},
	{"a5500", NVLINK_SM86, PCIE4},
	{"a5000", NVLINK_SM86, PCIE4},
	{"a4500", NVLINK_SM86, PCIE4},
	{"a4000", NVLINK_SM86, PCIE4},
	{"3060", NVLINK_SM86, PCIE4},
	{"3070", NVLINK_SM86, PCIE4},
	{"3080", NVLINK_SM86, PCIE4},
	{"3090", NVLINK_SM86, PCIE4},
	/* Volta and Turing */
	{"v100", NVLINK_SM70, PCIE3},
	{"gv100", NVLINK_SM70, PCIE3},
	{"titan v", NVLINK_SM70, PCIE3},
	{"titan rtx", NVLINK_SM70, PCIE3},
	{"rtx 8000", NVLINK_SM70, PCIE3},
	{"rtx8000", NVLINK_SM70, PCIE3},
	{"rtx 6000", NVLINK_SM70, PCIE3},
	{"rtx6000", NVLINK_SM70, PCIE3},
	{"rtx 5000", NVLINK_SM70, PCIE3},
	{"rtx5000", NVLINK_SM70, PCIE3},
	{"2070", NVLINK_SM70, PCIE3},
	{"2080", NVLINK_SM70, PCIE3},
	{"t4", NVLINK_SM70, PCIE3},
	/* Pascal and older */
	{"p100", NVLINK_SM60, PCIE3},
	{"gp100", NVLINK_SM60, PCIE3},
	{"p40", NVLINK_SM60, PCIE3},
	{"p4", NVLINK_SM60, PCIE3},
	{"1080", NVLINK_SM60, PCIE3},
	{"titan x", LINK_UNKNOWN, PCIE3},
	{"m40", LINK_UNKNOWN, PCIE3},
	{"m60", LINK_UNKNOWN, PCIE3},
	{"k40", LINK_UNKNOWN, PCIE3},
	{"k80", LINK_UNKNOWN, PCIE3},
	/* a compute capability, where a source has only that */
	{"sm60", NVLINK_SM60, PCIE3},
	{"sm61", NVLINK_SM60, PCIE3},
	{"sm70", NVLINK_SM70, PCIE3},
	{"sm75", NVLINK_SM70, PCIE3},
	{"sm80", NVLINK_SM80, PCIE4},
	{"sm86", NVLINK_SM86, PCIE4},
	{"sm89", NVLINK_SM80, PCIE4},
	{"sm90", NVLINK_SM90, PCIE5},
	{"sm100", NVLINK_SM100, PCIE5},
	{"sm103", NVLINK_SM100, PCIE5},
	{"sm120", NVLINK_SM100, PCIE5},
	{"sm121", NVLINK_SM100, PCIE5},
	/* AMD */
	{"mi25", XGMI_VEGA, PCIE3},
	{"mi50", XGMI_VEGA, PCIE3},
	{"mi60", XGMI_VEGA, PCIE3},
	{"gfx900", XGMI_VEGA, PCIE3},
	{"gfx906", XGMI_VEGA, PCIE3},
	{"vega", XGMI_VEGA, PCIE3},
	{"mi100", XGMI_VEGA, PCIE4},
	{"gfx908", XGMI_VEGA, PCIE4},
	{"mi210", XGMI_MI200, PCIE4},
	{"mi250", XGMI_MI200, PCIE4},
	{"mi200", XGMI_MI200, PCIE4},
	{"gfx90a", XGMI_MI200, PCIE4},
	{"gfx910", XGMI_MI200, PCIE4},
	{"mi300", XGMI_MI300, PCIE5},
	{"mi308", XGMI_MI300, PCIE5},
	{"mi325", XGMI_MI300, PCIE5},
	{"gfx940", XGMI_MI300, PCIE5},
	{"gfx941", XGMI_MI300, PCIE5},
	{"gfx942", XGMI_MI300, PCIE5},
	/* RCCL counts gfx950 as gfx94x (GFX95X_XGMI_WIDTH in its topo.h); PCIe 5 by the
	 * systems of MLPerf inference 6.0 */
	{"mi350", XGMI_MI300, PCIE5},
	{"mi355", XGMI_MI300, PCIE5},
	{"gfx950", XGMI_MI300, PCIE5},
};

/* Lower case, every run of separators one space. */
static void normalize(const char *name, char *out)
{
	size_t used = 0;

	for (; *name && used < NAME_MAX_LEN - 1; name++) {
		unsigned char c = (unsigned char)*name;

		if (isalnum(c))
			out[used++] = (char)tolower(c);
		else if (used && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	out[used] = '\0';
}

/* May a word start here? A number ("3090") may follow letters ("rtx3090"), a name not. */
static bool starts_word(const char *text, const char *at)
{
	if (at == text)
		return true;
	if (isdigit((unsigned char)*at))
		return !isdigit((unsigned char)at[-1]);
	return !isalnum((unsigned char)at[-1]);
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if (starts_word(text, at) && !isdigit((unsigned char)at[len]))
			return true;
	return false;
}

bool gt_gpu_model_speeds(const char *model, int *link_mbps, int *pcie_mbps)
{
	char text[NAME_MAX_LEN];

	*link_mbps = LINK_UNKNOWN;
	*pcie_mbps = PCIE_UNKNOWN;
	normalize(model ? model : "", text);
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (!has_word(text, models[i].word))
			continue;
		*link_mbps = models[i].link_mbps;
		*pcie_mbps = models[i].pcie_mbps;
		return true;
	}
	return false;
}

bool gt_gpu_model_pcie_p2p(const char *model)
{
	char text[NAME_MAX_LEN], word[5];

	normalize(model ? model : "", text);
	for (int n = 0; n < 20; n++) {
		snprintf(word, sizeof(word), "%d%d", 20 + n / 5 * 10, 50 + n % 5 * 10);
		if (has_word(text, word))
			return false;
	}
	return true;
}

const struct gt_reduction *gt_gpu_model_reduction(const char *model)
{
	char text[NAME_MAX_LEN];

	normalize(model ? model : "", text);
	for (size_t i = 0; i < sizeof(reductions) / sizeof(reductions[0]); i++)
		if (has_word(text, reductions[i].word))
			return reductions[i].reduction;
	return NULL;
}
