# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Node files with NICs, for cases and proofs.

# nics_node_file NICS: 8 A100 behind NVSwitches, and so many NICs of 25 GB/s for equally many each.
nics_node_file() {
	awk -v nics="$1" 'BEGIN {
		printf "{\"version\":1,\"gpus\":["
		for (g = 0; g < 8; g++)
			printf "%s{\"index\":%d,\"model\":\"A100-SXM4-40GB\",\"socket\":%d,\"switch_links\":12,\"island\":0}",
				(g ? "," : ""), g, (g >= 4)
		printf "],\"links\":["
		for (a = 0; a < 8; a++)
			for (b = 0; b < 8; b++)
				printf "%s%d%s", (b ? "," : a ? ",[" : "["), (a == b ? 0 : 12), (b == 7 ? "]" : "")
		printf "],\"nics\":["
		for (c = 0; c < nics; c++)
			for (g = 0; g < 8; g++)
				printf "%s\"%s\"%s", (g ? "," : (c ? "," : "") "{\"name\":\"mlx5_" c "\",\"gbps\":25,\"paths\":["),
					(int(g * nics / 8) == c ? "PXB" : int(g / 4) == int(c * 2 / nics) ? "NODE" : "SYS"),
					(g == 7 ? "]}" : "")
		print "]}"
	}'
}
