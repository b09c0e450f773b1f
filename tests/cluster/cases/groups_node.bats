# SPDX-License-Identifier: GPL-2.0-or-later
# --gpu-groups on the node: ranks follow the groups and are told of them, on each node of a
# job; the examples of docs/users.md, with programs that stand in for torchrun and vLLM and
# print rank, device and group.

load ../lib/bats.bash
load ../lib/ranks.bash

setup_file() {
	ranks_file_start n0=bridged n1=bridged d0=dgx1v \
		--partition "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=pairs Nodes=n0,n1 MaxTime=INFINITE"
	[ -z "$CLUSTER_MISSING" ] || return 0
	stand_ins
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# example NAME: the block of docs/users.md that is marked so.
example() {
	awk -v mark="<!-- example: $1 -->" '$0 == mark { found = 1; next }
		found && /^```sh$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside' "$GPUTOPO_SRCDIR/docs/users.md"
}

# torchrun starts as many ranks as it is told to, vLLM tensor parallel x data parallel of
# them; each is the program of docs/users.md.
stand_ins() {
	local bin=$CLUSTER/jobs/bin
	mkdir -p "$bin"
	example show_rank >"$bin/show_rank"
	cat >"$bin/torchrun" <<-'END'
	#!/bin/bash
	count=1
	for word in "$@"; do
		case $word in --nproc-per-node=*) count=${word#*=} ;; esac
	done
	for ((LOCAL_RANK = 0; LOCAL_RANK < count; LOCAL_RANK++)); do
		RANK=$((SLURM_NODEID * count + LOCAL_RANK))
		LOCAL_RANK=$LOCAL_RANK RANK=$RANK show_rank
	done
	END
	cat >"$bin/vllm" <<-'END'
	#!/bin/bash
	tp=1 dp=1
	while [ $# -gt 0 ]; do
		case $1 in
		--tensor-parallel-size) tp=$2 ;;
		--data-parallel-size) dp=$2 ;;
		esac
		shift
	done
	for ((r = 0; r < tp * dp; r++)); do
		LOCAL_RANK=$r RANK=$r show_rank
	done
	END
	printf '#!/bin/bash\nexec show_rank\n' >"$bin/python"
	chmod +x "$bin"/*
}

# run_example NAME OPTION...: sbatch it; prints a line for each rank, in their order.
run_example() {
	local name=$1 text
	shift
	text=$(example "$name" | sed 1d)
	[ -n "$text" ] || { echo "docs/users.md has no example $name"; return 1; }
	# options stand before what runs
	batch "$@" <<<"$(grep '^#SBATCH' <<<"$text")
PATH=$CLUSTER/jobs/bin:\$PATH
$(grep -v '^#SBATCH' <<<"$text")" | sort -k1,1 -k3,3n
}

# The partition that the command line names for a node's GPUs: "0,3;1,2".
groups_of() {
	"$GPUTOPO_BUILDDIR/gputopo" order -t "$CLUSTER/etc/gres.conf" --node "$1" --gpus "$2" \
		--groups "$3" --comm "${4:-allreduce}" --json |
		jq -r '.groups | map(map(tostring) | join(",")) | join(";")'
}

# expected NODE GROUPS [FIRST]: the lines of its ranks, from rank FIRST on.
expected() {
	local group=0 rank=${3:-0} gpus gpu
	for gpus in ${2//;/ }; do
		for gpu in ${gpus//,/ }; do
			echo "$1 rank $rank device $gpu group $group"
			rank=$((rank + 1))
		done
		group=$((group + 1))
	done
}

@test "srun -n 4: every rank is told its group, and the first ranks are group 0" {
	make_free n0 0,1,3,4,5
	local want
	want=$(groups_of n0 0,1,4,5 2x2)
	assert_equal "$want" "0,4;1,5"
	assert_equal "$(ranks_show "%R %C %U %g %s" -w n0 -n4 --gpus=4 --gpu-groups=2x2 \
		--gpu-order=ring)" "0 0,4,1,5 0 0 $want
1 0,4,1,5 4 0 $want
2 0,4,1,5 1 1 $want
3 0,4,1,5 5 1 $want"
	# a task for each group has it whole
	assert_equal "$(ranks_show "%R %C %U %g" -w n0 -n2 --gpus-per-task=2 --gpus=4 \
		--gpu-groups=2x2 --gpu-order=ring)" "0 0,4 0,4 0
1 1,5 1,5 1"
	assert_equal "$(ranks_show "%R %U %g" -w n0 -n2 --gpus=4 --gpu-groups=2x2)" "0 0,4 0
1 1,5 1"
	# Slurm's order stays without ring
	assert_equal "$(ranks_show "%R %C %U %g" -w d0 -n4 --gpus=4 --gpu-groups=2x2)" \
		"0 0,1,2,3 0 0
1 0,1,2,3 1 1
2 0,1,2,3 2 1
3 0,1,2,3 3 0"
}

@test "a job of two nodes has the pattern on each" {
	make_free n0 0,1,2,4,6
	make_free n1 1,3,5,7
	assert_equal "$(ranks_show "%R %H %C %g %s" -p pairs -N2 -n8 --ntasks-per-node=4 --gpus-per-node=4 \
		--gpu-groups=2x2 --gpu-order=ring)" "0 n0 0,4,2,6 0 0,4;2,6
1 n0 0,4,2,6 0 0,4;2,6
2 n0 0,4,2,6 1 0,4;2,6
3 n0 0,4,2,6 1 0,4;2,6
4 n1 1,5,3,7 0 1,5;3,7
5 n1 1,5,3,7 0 1,5;3,7
6 n1 1,5,3,7 1 1,5;3,7
7 n1 1,5,3,7 1 1,5;3,7"
}

@test "steps: the job's groups hold in each that has as many GPUs, and in no other" {
	local out
	out=$(batch -w d0 --gpus=4 --gpu-groups=2x2 --gpu-order=ring <<-END
		$(ranks_line "batch %C %s %g")
		srun -Q -n1 --gpus=4 bash -c '$(ranks_line "four %C %s %g")'
		srun -Q -n1 --gpus=2 bash -c '$(ranks_line "two %O %s %g")'
		srun -Q -n1 --gpus=4 --gpu-groups=4 bash -c '$(ranks_line "own %s %g")'
		END
	)
	assert_equal "$out" "batch 0,3,1,2 0,3;1,2 -
four 0,3,1,2 0,3;1,2 -
two ring - -
own 0,3,2,1 0"
	# salloc's shell
	assert_equal "$(cluster_run timeout 60 salloc -Q -w d0 --gpus=4 --gpu-groups=2x2 \
		srun -Q -n1 bash -c "$(ranks_line %s)")" "0,3;1,2"
}

@test "PMIx: gputopo.groups and gputopo.group are the variables" {
	needs_pmix
	local options
	for options in "-n4 --gpus=4 --gpu-groups=2x2 --gpu-order=ring" \
		"-n2 --gpus=6 --gpu-groups=4+2" "-n1 --gpus=4 --gpu-groups=2x2" \
		"-p pairs -N2 -n8 --ntasks-per-node=4 --gpus-per-node=4 --gpu-groups=2x2 --gpu-order=ring"; do
		# shellcheck disable=SC2086
		same_keys $options
	done
	assert_equal "$(cluster_run timeout 60 srun -Q --mpi=pmix -w d0 -n1 --gpus=4 \
		--gpu-groups=2x2 "$CLUSTER/gputopo-pmix" get gputopo.groups)" "gputopo.groups=0,3;1,2"
}

@test "docs/users.md: torchrun, and a task for each rank" {
	make_free n0 1,2,3,6,7
	assert_equal "$(run_example torchrun -w n0)" "$(expected n0 "2,6;3,7")"
	assert_equal "$(run_example tasks -w n0)" "$(expected n0 "2,6;3,7")"
}

@test "docs/users.md: Megatron-LM on two nodes" {
	make_free n0 0,1,2,4,6
	make_free n1 1,2,3,5,7
	assert_equal "$(run_example megatron -p pairs)" "$(expected n0 "0,4;2,6"
		expected n1 "1,5;3,7" 4)"
}

@test "docs/users.md: vLLM, tensor parallel and expert parallel" {
	make_free n0 0,1,2,4,6
	assert_equal "$(run_example vllm-tp -w n0)" "$(expected n0 "0,4;2,6")"
	make_free n0 0,1,4,5
	assert_equal "$(run_example vllm-ep -w n0)" "$(expected n0 \
		"$(groups_of n0 0,1,4,5 4 alltoall)")"
}

@test "docs/users.md: a prefill and a decode server" {
	make_free d0 0-4,7
	assert_equal "$(run_example pair -w d0 | sort -k7,7n -k3,3n)" \
		"d0 rank 0 device 0 group 0
d0 rank 1 device 3 group 0
d0 rank 2 device 2 group 0
d0 rank 3 device 1 group 0
d0 rank 0 device 4 group 1
d0 rank 1 device 7 group 1"
}
