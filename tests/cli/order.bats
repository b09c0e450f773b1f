# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo order: golden orders of DGX-1V by hand, and wrong usage.

load cli.bash

setup() {
	needs_jq
}

@test "the whole DGX-1V: two quads, four double pairs" {
	gputopo order -t builtin:dgx1v --gpus 0-7 --json
	same "$status" 0 status
	json_is ".quads_gbps == [80, 80]" true
	json_is ".pairs_gbps == [40, 40, 40, 40]" true
	json_is ".order | sort" '[0,1,2,3,4,5,6,7]'
	json_is ".order[:4] | sort" '[0,1,2,3]'
	# 0,3,2,1 has double links on every hop; over to the other quad, 1-5 is double too.
	json_is ".order" '[0,3,2,1,5,6,7,4]'
	json_is ".exact" true
}

@test "a set with one quad and one rank beyond" {
	gputopo order -t builtin:dgx1v --gpus 0,2-4,7 --json
	json_is ".order[:4] | sort" '[0,3,4,7]'
	json_is ".order[4]" 2
	json_is ".quads_gbps | length" 1
	json_is ".pairs_gbps | length" 2
}

@test "a pair and a single GPU" {
	prints '{"order": [0, 3], "quads_gbps": [], "pairs_gbps": [40.0], "exact": true}' \
		order -t builtin:dgx1v --gpus 3,0 --json
	prints '{"order": [5], "quads_gbps": [], "pairs_gbps": [], "exact": true}' \
		order -t builtin:dgx1v --gpus 5 --json
}

@test "bridged pairs stay together, the fastest pair first" {
	# 1 and 4 have lost their partners: no order saves the second pair.
	gputopo order -t builtin:a100-pcie-pairs --gpus 1-4 --json
	json_is ".order" '[2,3,1,4]'
	gputopo order -t builtin:a100-pcie-pairs --gpus 0,2,3,1 --json
	json_is ".order" '[0,1,2,3]'
}

@test "a switch: lowest indices" {
	gputopo order -t builtin:hgx-h100 --gpus 1,3-6
	same "$status" 0 status
	same "${lines[0]}" "1,3,4,5,6" order
}

@test "the text says which ranks form the blocks" {
	gputopo order -t builtin:dgx1v --gpus 0-3
	same "${lines[0]}" "0,3,2,1" order
	has "$output" "quads 0-3      GPUs 0,3,2,1  80 GB/s"
	has "$output" "      2-3      GPUs 2,1  40 GB/s"
}

@test "wrong usage and bad input" {
	fails 2 "the GPUs are missing: --gpus LIST" order -t builtin:dgx1v
	fails 2 "--gpus: '0-8' is not a list of GPUs between 0 and 7" \
		order -t builtin:dgx1v --gpus 0-8
	fails 1 "gputopo: no/such/file: " order -t no/such/file --gpus 0
}

@test "--groups: the first ranks are group 0" {
	gputopo order -t builtin:dgx1v --gpus 0-3 --groups 2x2 --json
	json_is ".groups | map(sort) | sort" '[[0,3],[1,2]]'
	json_is "(.groups | flatten) == .order" true
	json_is ".group_busbw_gbps == [40,40]" true
	gputopo order -t builtin:dgx1v --gpus 0-7 --groups 4+2+2
	has "$output" "group 0   GPUs"
	has "$output" "between groups in a row"
	gputopo order -t builtin:mi250x --gpus 0-7 --groups 2x4 --comm alltoall --json
	json_is ".comm" '"alltoall"'
}

@test "groups must add up to the GPUs" {
	fails 2 "--groups: the sizes of '2x3' add up to 6 GPUs, not to 4" \
		order -t builtin:dgx1v --gpus 0-3 --groups 2x3
	fails 2 "--groups: " order -t builtin:dgx1v --gpus "" --groups 2x3
}
