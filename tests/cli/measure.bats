# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo measure: what nccl-tests prints, in the forms of its releases, into a node file.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	needs_jq
}

# run_of "HEAD" "BUS..." ROWS...: the output of a test; a row is "SIZE BUSBW [WRONG]".
run_of() {
	local head=$1 bus rank=0 row
	printf '# %s\n# nThread 1 nGpus 2 minBytes 8 maxBytes 1073741824\n#\n# Using devices\n' "$head"
	for bus in $2; do
		printf '#  Rank %2d Group  0 Pid  4711 on      node1 device %2d [%s] NVIDIA A100\n' \
			$rank $rank "$bus"
		rank=$((rank + 1))
	done
	shift 2
	printf '#\n#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong\n'
	printf '#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n'
	for row in "$@"; do
		# shellcheck disable=SC2086
		set -- $row
		printf '%12d  %12d     float     sum      -1    5162  208.01  %6s  %5s    5162  209.01  999.01      0\n' \
			"$1" $(($1 / 4)) "$2" "${3:-0}"
	done
	printf '# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 104\n'
}

# A node file whose GPUs have bus ids 16, 27, 38, ...
bus_ids() {
	"$GPUTOPO" show -t builtin:a100-pcie-pairs --json |
		jq '.gpus |= [to_entries[] | .value.bus_id = "0000:\(.key + 1)\(.key + 6):00.0" | .value]'
}

@test "GPUs are found by their bus ids, and the largest out-of-place figure counts" {
	bus_ids >node.json
	run_of "Collective test starting: all_reduce_perf" "0000:38:00 0000:49:00" \
		"8 0.01" "1048576 210.5" "1073741824 208.01" >run.txt
	gputopo measure -t node.json -o with.json run.txt
	same "$status" 0 status
	same "${lines[1]}" "2-3             allreduce      210.5        240    +14 %  run.txt" row
	same "$(jq -c .measured with.json)" \
		'[{"gpus":[2,3],"comm":"allreduce","busbw_gbps":210.5}]' points
	gputopo measure -t node.json --json run.txt
	json_is ".[0] | [.gpus, .busbw_gbps, .predicted_gbps]" "[[2,3],210.5,240]"
}

@test "the short bus ids and the columns of older releases" {
	bus_ids >node.json
	run_of "all_reduce_perf -b 8" "0x16 0x27" "1048576 200" |
		sed 's/#wrong/ error/g; s/  root / /; s/ -1 / /' >run.txt
	gputopo measure -t node.json run.txt
	same "$status" 0 status
	has "$output" "0-1             allreduce        200        240"
}

@test "tags of mpirun and srun before the lines" {
	bus_ids >node.json
	run_of "Collective test starting: alltoall_perf" "0x16 0x27" "1048576 150" |
		sed 's/^/[1,0]<stdout>:/' >mpirun.txt
	run_of "Collective test starting: alltoall_perf" "0x16 0x27" "1048576 150" |
		sed 's/^/0: /' >srun.txt
	gputopo measure -t node.json mpirun.txt srun.txt
	same "$status" 0 status
	same "$(grep -c '^0-1  *alltoall  *150  ' <<<"$output")" 2 rows
}

@test "--gpus and --comm where the output does not say" {
	run_of "" "0x16 0x27" "1048576 200" >run.txt
	fails 1 "does not name the test: --comm" measure -t builtin:a100-pcie-pairs run.txt
	fails 1 "name them with --gpus LIST" \
		measure -t builtin:a100-pcie-pairs --comm allreduce run.txt
	fails 2 "--gpus: 3 GPUs, but run.txt is a run of 2" \
		measure -t builtin:a100-pcie-pairs --comm allreduce --gpus 0-2 run.txt
	fails 2 "--gpus: one FILE at a time" \
		measure -t builtin:a100-pcie-pairs --gpus 0-1 run.txt run.txt
	gputopo measure -t builtin:a100-pcie-pairs --comm allreduce --gpus 4-5 run.txt
	has "$output" "4-5             allreduce        200"
}

@test "on one switch the number of GPUs is enough, and promises use the figure" {
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27 0x38 0x49" \
		"1073741824 365.2" >run.txt
	gputopo measure -t builtin:hgx-h100 -o node.json run.txt
	has "$output" "any 4           allreduce      365.2      370.8"
	gputopo pick -t node.json -n 4 --free 1,3,5,7 --json
	json_is "[.busbw_gbps, .predicted_gbps, .measured]" "[365.2,370.8,true]"
	gputopo pick -t node.json -n 3 --json
	json_is ".measured" false
	fails 3 "the best reaches 365.2" pick -t node.json -n 4 --min-busbw 370
	gputopo pick -t node.json --groups 2x4 --min-busbw 360 --json
	json_is ".group_busbw_gbps" "[365.2,365.2]"
}

@test "a promise on a mesh is kept by a set that was measured fast enough, or not at all" {
	bus_ids >node.json
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27" "1048576 180" >slow.txt
	gputopo measure -t node.json -o node.json slow.txt
	gputopo pick -t node.json -n 2 --min-busbw 200 --json
	json_is ".gpus" "[2,3]"
	gputopo pick -t node.json --groups 2x2 --json
	json_is ".gpus | index(0)" null
	fails 3 "the best reaches 180" pick -t node.json -n 2 --free 0-1 --min-busbw 200
}

@test "the same GPUs measured again: the newer figure" {
	bus_ids >node.json
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27" "1048576 180" >one.txt
	run_of "Collective test starting: all_reduce_perf" "0x27 0x16" "1048576 190" >two.txt
	gputopo measure -t node.json -o node.json one.txt two.txt
	same "$(jq -c '.measured | map(.busbw_gbps)' node.json)" "[190]" points
}

@test "what is no figure to rely on is refused with file and line" {
	bus_ids >node.json
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27" \
		"1048576 180" "2097152 185 3" >wrong.txt
	fails 1 "gputopo: wrong.txt:11: the test found wrong results" measure -t node.json wrong.txt
	run_of "Collective test starting: reduce_scatter_perf" "0x16 0x27" "1048576 180" >other.txt
	fails 1 "gputopo: other.txt:1: a run of another test" measure -t node.json other.txt
	{ cat other.txt; } | head -n 8 | sed 's/reduce_scatter/all_reduce/' >cut.txt
	fails 1 "cut.txt: no bus bandwidth" measure -t node.json cut.txt
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27" "1048576 fast" >text.txt
	fails 1 "gputopo: text.txt:10: not a bus bandwidth" measure -t node.json text.txt
	run_of "Collective test starting: all_reduce_perf" "0x16 0x27" "1048576 180" |
		sed '6s/node1/node2/' >two-hosts.txt
	fails 1 "a run of several hosts does not measure one node" measure -t node.json two-hosts.txt
	fails 1 "no/such/file: No such file" measure -t node.json no/such/file
	fails 2 "no output of nccl-tests: FILE..." measure -t node.json
	head -c 100000 /dev/urandom >noise
	gputopo measure -t node.json noise
	same "$status" 1 "status of noise"
}
