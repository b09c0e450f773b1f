# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo pick: golden answers by the oracle or by hand, every option, and what cannot be met.

load cli.bash

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR"
}

@test "the first line is the set, the second what it reaches" {
	gputopo pick -t builtin:dgx1v -n 5
	same "$status" 0 status
	same "${lines[0]}" "0,2-4,7" set
	has "${lines[1]}" "40 GB/s all-reduce bus bandwidth, 2 rings over links of 20 GB/s"
}

@test "-k and --count are -n" {
	one=$("$GPUTOPO" pick -t builtin:dgx1v -n 3)
	prints "$one" pick -t builtin:dgx1v -k 3
	prints "$one" pick -t builtin:dgx1v --count 3
}

@test "--json has the fields of the design, for choice and runner-up" {
	gputopo pick -t builtin:dgx1v -n 5 --json
	same "$status" 0 status
	json_is ".gpus" '[0,2,3,4,7]'
	json_is ".busbw_gbps == 40" true
	json_is ".rings" 2
	json_is ".tree == 2.5" true
	# Seven of the ten pairs have links; 2-4, 2-7 and 0-7 go over PCIe and the sockets.
	json_is ".bottleneck_gbps < 20" true
	json_is ".ideal_busbw_gbps == 40" true
	json_is ".exact" true
	json_is ".policy" '"bandwidth"'
	json_is ".remaining >= 0 and .remaining <= 1" true
	fields='["alltoall_gbps","bottleneck_gbps","busbw_gbps","comm","exact","gpus","group_busbw_gbps","groups","ideal_busbw_gbps","measured","pair_sum_gbps","policy","predicted_gbps","remaining","rings","tree"]'
	json_is ".runner_up | keys" "$fields"
	json_is "del(.runner_up, .decided_by_level) | keys" "$fields"
	# The runner-up keeps the ring and has the weaker tree.
	json_is ".runner_up.rings" 2
	json_is ".runner_up.tree == 2.25" true
	json_is ".decided_by_level" 2
}

@test "one GPU: every bandwidth field is null" {
	gputopo pick -t builtin:dgx1v -n 1 --json
	json_is "[.busbw_gbps, .rings, .tree, .pair_sum_gbps, .bottleneck_gbps, .ideal_busbw_gbps]" \
		'[null,null,null,null,null,null]'
	json_is ".gpus | length" 1
}

@test "the whole node has no runner-up" {
	gputopo pick -t builtin:dgx1v -n 8 --json
	json_is ".gpus" '[0,1,2,3,4,5,6,7]'
	json_is ".busbw_gbps == 120" true
	json_is ".runner_up" null
	json_is ".decided_by_level" null
	json_is ".remaining == 0" true
}

@test "--free and --busy say the same" {
	one=$("$GPUTOPO" pick -t builtin:dgx1v -n 2 --free 0-2,5 --json)
	prints "$one" pick -t builtin:dgx1v -n 2 --busy 3-4,6-7 --json
	gputopo pick -t builtin:dgx1v -n 2 --free 0-1,6
	same "${lines[0]}" "0-1" "the only linked pair"
}

@test "a set without a ring: the relay through a GPU of the set" {
	# 0-1 single, 1-5 double, nothing else: R = 0, tau = 1.
	gputopo pick -t builtin:dgx1v -n 3 --free 0-1,5 --json
	json_is ".rings" 0
	json_is ".tree == 1" true
	json_is ".busbw_gbps == 20" true
}

@test "--include is in the answer" {
	gputopo pick -t builtin:dgx1v -n 2 --include 4
	same "${lines[0]}" "4,7" set
	gputopo pick -t builtin:dgx1v -n 4 --include 0,2,4,6
	same "${lines[0]}" "0,2,4,6" set
}

@test "--min-busbw refuses slower sets, and says so" {
	gputopo pick -t builtin:dgx1v -n 2 --min-busbw 40
	same "$status" 0 status
	fails 3 "40" pick -t builtin:dgx1v -n 2 --free 0-1 --min-busbw 40
	fails 3 "40.5" pick -t builtin:dgx1v -n 2 --min-busbw 40.5
}

@test "--policy preserve leaves the most" {
	# Four of DGX-1V with 4-7 and one more free: bandwidth takes 4-7.
	gputopo pick -t builtin:dgx1v -n 2 --free 0,3-7 --policy preserve --json
	json_is ".policy" '"preserve"'
	preserve=$(json ".remaining")
	gputopo pick -t builtin:dgx1v -n 2 --free 0,3-7 --json
	json_is ".remaining <= $preserve" true
}

@test "one-GPU jobs fill broken pairs" {
	gputopo pick -t builtin:a100-pcie-pairs -n 1 --busy 5
	same "${lines[0]}" "4" "the partner of the busy GPU"
}

@test "--mix decides what is worth keeping" {
	# Only eights to come: nothing that stays free of 7 is worth anything.
	gputopo pick -t builtin:dgx1v -n 1 --mix 8:1 --json
	json_is ".remaining == 0" true
	gputopo pick -t builtin:dgx1v -n 1 --mix 2:1 --json
	json_is ".remaining > .5" true
}

@test "--running: its GPUs are busy, and what they will free counts" {
	gputopo pick -t builtin:dgx1v -n 4 --running 0-1 --running 5:600 --json
	same "$status" 0 status
	json_is ".gpus - [0, 1, 5] == .gpus" true
	# With a job about to give back its pair, more stays than without.
	gputopo pick -t builtin:dgx1v -n 2 --busy 0,3 --json
	without=$(json ".remaining")
	gputopo pick -t builtin:dgx1v -n 2 --running 0,3 --json
	json_is ".remaining > $without" true
}

@test "--explain names every level, the runner-up and what decides" {
	gputopo pick -t builtin:dgx1v -n 5 --busy 1 --explain
	same "$status" 0 status
	same "${lines[0]}" "0,2-4,7" set
	has "$output" "chosen"
	has "$output" "runner-up"
	has "$output" "GPUs out of service"
	has "$output" "rings over links"
	has "$output" "spanning trees of links"
	has "$output" "worth of what stays free"
	has "$output" "sockets, PCIe roots"
	[ "$(printf '%s\n' "$output" | grep -c '<- decides')" = 1 ]
	has "$output" " decides: "
}

@test "--explain without another set says so" {
	gputopo pick -t builtin:dgx1v -n 8 --explain
	has "$output" "No other set is possible"
}

@test "GPUs in MIG mode or out of service" {
	edit '.gpus[0].healthy = false | .gpus[4, 5, 6, 7].mig = true' >sick.json
	gputopo pick -t sick.json -n 3
	same "${lines[0]}" "1-3" "all in service, none in MIG mode"
	gputopo pick -t sick.json -n 4
	same "${lines[0]}" "0-3" "one out of service, for there is no other"
	fails 3 "MIG" pick -t sick.json -n 5
}

# ---- what cannot be met: status 3 and the reason ----

@test "more GPUs than are free" {
	fails 3 "gputopo: 4 GPUs asked, 3 free" pick -t builtin:dgx1v -n 4 --free 0-2
	fails 3 "9 GPUs asked, 8 free" pick -t builtin:dgx1v -n 9 --json
	fails 3 "1 GPU" pick -t builtin:dgx1v -n 1 --busy 0-7
}

@test "a GPU to include that is busy, or more of them than asked" {
	fails 3 "gputopo: " pick -t builtin:dgx1v -n 2 --include 0 --busy 0
	fails 3 "gputopo: " pick -t builtin:dgx1v -n 2 --include 0-2
}

# ---- wrong usage: status 2 ----

@test "numbers and lists that are none" {
	for n in 0 -1 2x "" 1.5 99999999999999999999; do
		fails 2 "-n: '$n' is not a number of GPUs" pick -t builtin:dgx1v -n "$n"
	done
	fails 2 "--free: '0-9' is not a list" pick -t builtin:dgx1v -n 2 --free 0-9
	fails 2 "--busy: '1,,2' is not a list" pick -t builtin:dgx1v -n 2 --busy 1,,2
	fails 2 "--include: 'x' is not a list" pick -t builtin:dgx1v -n 2 --include x
	fails 2 "--min-busbw: 'fast'" pick -t builtin:dgx1v -n 2 --min-busbw fast
	fails 2 "--min-busbw: '-1'" pick -t builtin:dgx1v -n 2 --min-busbw -1
	fails 2 "--min-busbw: 'nan'" pick -t builtin:dgx1v -n 2 --min-busbw nan
	fails 2 "--policy: 'best'" pick -t builtin:dgx1v -n 2 --policy best
	fails 2 "--mix: " pick -t builtin:dgx1v -n 2 --mix 2
	fails 2 "--running: " pick -t builtin:dgx1v -n 2 --running 0:soon
	fails 2 "--running: " pick -t builtin:dgx1v -n 2 --running :5
	fails 2 "--running: two jobs have the same GPU" \
		pick -t builtin:dgx1v -n 2 --running 0-1 --running 1-2
	fails 2 "is also in --free" pick -t builtin:dgx1v -n 2 --free 0-3 --running 3
}

@test "no count, or both --free and --busy" {
	fails 2 "-n K" pick -t builtin:dgx1v
	fails 2 "--free and --busy" pick -t builtin:dgx1v -n 2 --free 0-3 --busy 4
}

@test "bad topologies fail with status 1 here too" {
	fails 1 "gputopo: no/such/file: " pick -t no/such/file -n 2
	echo "{" >cut.json
	fails 1 "gputopo: cut.json:" pick -t cut.json -n 2
}

@test "--groups: the groups are fast, not the set as a whole" {
	# 0-1 and 4-5 are bridged; as a set of four {0,1,2,4} would do as well
	gputopo pick -t builtin:h100-pcie-pairs --groups 2+2 --free 0,1,2,4,5 --json
	same "$status" 0 status
	json_is ".gpus" '[0,1,4,5]'
	json_is ".groups" '[[0,1],[4,5]]'
	json_is ".group_busbw_gbps | map(. > 200)" '[true,true]'
	json_is ".comm" '"allreduce"'
	json_is ".decided_by_level" 5
	json_is ".runner_up.group_busbw_gbps | length" 2
	gputopo pick -t builtin:h100-pcie-pairs --groups 2+2 --free 0,1,2,4,5 --explain
	has "$output" "group 0   GPUs 0,1  247.2 GB/s allreduce"
	has "$output" "g  groups, slowest first"
	has "$output" "Level g decides: the groups of the job are faster."
}

@test "--groups says how many GPUs, in every spelling, and -n must agree" {
	one=$("$GPUTOPO" pick -t builtin:dgx1v --groups 2x2 --json)
	prints "$one" pick -t builtin:dgx1v --groups 2+2 --json
	prints "$one" pick -t builtin:dgx1v --groups 4:2x2 --json
	prints "$one" pick -t builtin:dgx1v -n 4 --groups 2x2 --json
	fails 2 "--groups: the sizes of '2+2' add up to 4 GPUs, not to 5" \
		pick -t builtin:dgx1v -n 5 --groups 2+2
}

@test "--groups lists them as asked, a group of one without a bandwidth" {
	gputopo pick -t builtin:dgx1v --groups 1+4+2 --json
	json_is ".groups | map(length)" '[1,4,2]'
	json_is ".group_busbw_gbps[0]" null
	json_is "(.groups | flatten | sort) == .gpus" true
}

@test "--comm alltoall: every pair sends at once" {
	gputopo pick -t builtin:summit -n 4 --comm alltoall --json
	json_is ".gpus" '[0,1,3,4]'
	json_is ".group_busbw_gbps == [18]" true
	json_is ".alltoall_gbps == 18" true
	gputopo pick -t builtin:summit -n 4 --json
	json_is ".comm" '"allreduce"'
	json_is ".alltoall_gbps == 12" true
	gputopo pick -t builtin:summit -n 1 --json
	json_is ".alltoall_gbps" null
}

@test "a promise holds for every group, and a refusal names the best" {
	gputopo pick -t builtin:dgx1v --groups 2+2 --min-busbw 40
	same "$status" 0 status
	fails 3 "no free set of 4 GPUs reaches 30.0 GB/s in every group; the best reaches 20" \
		pick -t builtin:dgx1v --groups 2+2 --free 0-2,5 --min-busbw 30
	fails 3 "reaches 30.0 GB/s of all-to-all; the best reaches 18" \
		pick -t builtin:summit -n 4 --comm alltoall --min-busbw 30
}

@test "switches reduce: 400 GB/s of 8 H100 can be promised, 500 cannot" {
	gputopo pick -t builtin:hgx-h100 -n 8 --min-busbw 400
	same "$status" 0 status
	has "$output" "472.5 GB/s all-reduce bus bandwidth, reduced in the switch"
	fails 3 "the best reaches 472.5" pick -t builtin:hgx-h100 -n 8 --min-busbw 500
	gputopo pick -t builtin:hgx-h100 -n 4 --json
	json_is ".busbw_gbps == 370.8" true
}

@test "groups that make no sense are refused in one line" {
	local sizes
	for sizes in 0 2x0 pairs 2,2 "2 2" -1 "" 2+ x 1000x1 2x1000 9999999999x9; do
		gputopo pick -t builtin:dgx1v --groups "$sizes"
		same "$status" 2 "status of --groups '$sizes'"
		same "$output" "" "data of --groups '$sizes'"
		same "$(grep -c '^gputopo: --groups: ' <<<"$stderr")" 1 "messages of '$sizes'"
	done
	fails 2 "--comm: 'broadcast' must be allreduce or alltoall" \
		pick -t builtin:dgx1v -n 2 --comm broadcast
	fails 3 "9 GPUs asked, 8 free" pick -t builtin:dgx1v --groups 9x1
}
