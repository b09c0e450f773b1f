# SPDX-License-Identifier: GPL-2.0-or-later
# --gpu-groups and --gpu-comm on real daemons: from any busy state a job gets the set with the
# best groups; promises, refusals, several nodes, and what ranks see.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"
: "${GPUTOPO_SUBMIT:=$GPUTOPO_BUILDDIR/plugin/.libs/job_submit_gputopo.so}"

setup_file() {
	export SEED=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} STATES=${GPUTOPO_STATES:-100}
	cluster_file_start --also "$GPUTOPO_SUBMIT" --conf JobSubmitPlugins=gputopo \
		n0=pcie n1=pcie n2=pcie n3=pcie t0=typed \
		--partition "PartitionName=pt Nodes=t0 MaxTime=INFINITE" \
		--partition "PartitionName=p Nodes=n[0-3] Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=p0 Nodes=n0 MaxTime=INFINITE" \
		--partition "PartitionName=p1 Nodes=n1 MaxTime=INFINITE" \
		--partition "PartitionName=p2 Nodes=n2 MaxTime=INFINITE"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
	gputopo_conf "DecisionLog=$CLUSTER/decisions AdminComment=yes" \
		"NodeName=n[0,3] Topology=builtin:h100-pcie-pairs" \
		"NodeName=n1 Topology=builtin:a100-pcie-pairs-apart" \
		"NodeName=n2 Topology=builtin:dgx1v"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# judge NODE MACHINE: from random busy states the three requests get the best sets.
judge() {
	local rows=$BATS_TEST_TMPDIR/rows
	cluster_run "$CLUSTER/states" -n "$1" -p "p${1#n}" -s "$SEED" -c "$STATES" \
		-r 4:2x2:allreduce -r 6:2x3:allreduce -r 4::alltoall >"$rows"
	judged "$2, seed $SEED" "$PROGRAMS/check_groups" "builtin:$2" "$rows"
}

# wish OPTION...: sbatch a long job; prints its id.
wish() {
	submit "$@" --wrap "sleep 300"
}

# free_gpu NODE GPU: end the one-GPU job that holds it.
free_gpu() {
	local id
	for id in $(cluster_run squeue -h -t RUNNING -o %A -w "$1"); do
		[ "$(cluster_job_gpus "$id")" != "$1 $2" ] || cluster_run scancel "$id"
	done
}

# refused TEXT OPTION...: sbatch says TEXT, and nothing is submitted.
refused() {
	local text=$1
	shift
	run wish "$@"
	[ "$status" -ne 0 ]
	grep -qF -- "$text" <<<"$output" || { echo "$output"; return 1; }
	assert_equal "$(cluster_run squeue -h | wc -l)" 0
}

@test "bridged pairs: every request gets the best groups" {
	judge n0 h100-pcie-pairs
}

@test "bridges across sockets: every request gets the best groups" {
	judge n1 a100-pcie-pairs-apart
}

@test "DGX-1V: every request gets the best groups" {
	judge n2 dgx1v
}

@test "sbatch, salloc and srun: the options decide, and the comment and the log say so" {
	local id got
	make_free n0 0-2,4-6
	got=$(give -w n0 -N1 --gpus=4)
	[ "$got" != "n0 0-1,4-5" ]
	cluster_run scancel -u root
	cluster_wait_idle
	make_free n0 0-2,4-6
	id=$(ask -w n0 -N1 --gpus=4 --gpu-groups=2x2)
	assert_equal "$(cluster_job_gpus "$id")" "n0 0-1,4-5"
	cluster_run scontrol show job "$id" | grep -qF "AdminComment=gputopo: n0 0,1;4,5 247.2 GB/s"
	grep -qF '"groups":[[0,1],[4,5]],"group_busbw_gbps":[247.200,247.200],"comm":"allreduce"' \
		"$CLUSTER/decisions"
	cluster_run scancel "$id"
	make_free n0 0-2,4-6
	id=$(wish -w n0 -N1 --gpus=4 --gpu-groups=2+2)
	cluster_wait_job "$id" RUNNING
	assert_equal "$(cluster_job_gpus "$id")" "n0 0-1,4-5"
	cluster_run scancel "$id"
	make_free n0 0-2,4-6
	# shellcheck disable=SC2016
	run cluster_run srun -w n0 -N1 -n1 --gpus=4 --gpu-groups=2x2 \
		bash -c 'echo $SLURM_STEP_GPUS'
	assert_equal "$output" "0,1,4,5"
}

@test "ranks see the groups, in the job's steps and in those of salloc and sbatch" {
	local id see rows="0 0 0,1;4,5
1 0 0,1;4,5
2 1 0,1;4,5
3 1 0,1;4,5"
	# shellcheck disable=SC2016
	see='echo $SLURM_PROCID $GPUTOPO_GROUP "$GPUTOPO_GROUPS"'
	make_free n0 0-2,4-6
	run cluster_run srun -w n0 -N1 -n4 --gpus=4 --gpu-groups=2x2 bash -c "$see"
	assert_equal "$(sort <<<"$output")" "$rows"
	id=$(submit -w n0 -N1 -n4 --gpus=4 --gpu-groups=2x2 "$(script "srun bash -c '$see'")")
	cluster_wait_job "$id" COMPLETED
	assert_equal "$(sort "$CLUSTER/jobs/$id.out")" "$rows"
}

@test "an array: each task has its groups" {
	local id
	make_free n0 0-2,4-6
	make_free n3 0-2,4-6
	id=$(wish -a 1-2 -x n1,n2 -N1 --gpus=4 --gpu-groups=2x2)
	cluster_wait_job "${id}_1" RUNNING
	cluster_wait_job "${id}_2" RUNNING
	assert_equal "$(used_on n0)" "0-1,3-5,7"
	assert_equal "$(used_on n3)" "0-1,3-5,7"
}

# The groups and figures of job $1 in its comment.
comment() {
	cluster_run scontrol show job "$1" | sed -n 's/.*AdminComment=gputopo: \([^(]*GB.s\).*/\1/p'
}

@test "types, counts per socket, cores enforced: groups lie within what each form gives" {
	local id
	# the bits of t0 are regrouped by type: 0-3 are GPUs 0, 2, 4 and 6 of a DGX-1V
	id=$(ask -p pt --gpus=aa:4 --gpu-groups=2x2)
	assert_equal "$(cluster_job_gpus "$id")" "t0 0-3"
	assert_equal "$(comment "$id")" "t0 0,2;1,3 20 GB/s"
	cluster_run scancel "$id"
	id=$(ask -p pt --gpus=aa:2 --gpu-groups=2)
	assert_equal "$(comment "$id")" "t0 0,2 40 GB/s"
	cluster_run scancel "$id"
	id=$(ask -p pt --gpus=aa:2,bb:2 --gpu-groups=2x2)
	assert_equal "$(comment "$id")" "t0 0,5;4,1 40 GB/s"
	cluster_run scancel "$id"
	refused "the sizes add up to 6 GPUs, but the job asks for 4 on a node" \
		-p pt --gpus=aa:4 --gpu-groups=2x3
	refused "but the job asks for 4 on a node" -p pt --gpus=aa:2,bb:2 --gpu-groups=3x2
	refused "but the job asks for 4 on a node" \
		--gpus-per-socket=2 --sockets-per-node=2 --gpu-groups=3+2
	refused "but the job asks for 0 on a node" --gpu-groups=2x2
	make_free n0 0-2,4-6
	id=$(ask -w n0 -N1 -n2 --sockets-per-node=2 --gpus-per-socket=2 --gpus=4 --gpu-groups=2x2)
	assert_equal "$(comment "$id")" "n0 0,1;4,5 247.2 GB/s"
	cluster_run scancel "$id"
	id=$(ask -w n0 -N1 -n1 --gpus=2 --gpu-groups=2 --gres-flags=enforce-binding)
	assert_equal "$(comment "$id" | cut -d' ' -f3)" 247.2
}

@test "a het job: each component has its groups" {
	local id
	make_free n0 0-2,4-6
	id=$(wish -w n0 -N1 --gpus=4 --gpu-groups=2x2 : -w n1 -N1 --gpus=2 --gpu-groups=2)
	for _ in {1..200}; do
		[ "$(cluster_job_state "$id" | sort -u)" = RUNNING ] && break || sleep 0.1
	done
	assert_equal "$(comment "$id+0")" "n0 0,1;4,5 247.2 GB/s"
	assert_equal "$(comment "$id+1" | cut -d' ' -f1,3)" "n1 240"
	cluster_run scancel -u root
	cluster_wait_idle
	refused "the sizes add up to 6 GPUs, but the job asks for 4 on a node" \
		-w n0 --gpus=2 : -w n1 --gpus=4 --gpu-groups=2x3
}

@test "a promise for every group waits, starts, and never runs below" {
	local id
	make_free n0 0-2,4
	make_free n1 ""
	make_free n2 ""
	make_free n3 0,2,4,6
	id=$(wish --gpus=4 --gpu-groups=2x2 --gpu-min-busbw=100)
	sleep 12
	assert_equal "$(cluster_job_state "$id")" PENDING
	cluster_run squeue -h -o %R -j "$id" | grep -q "gputopo: waiting for GPUs"
	free_gpu n3 5
	sleep 3
	assert_equal "$(cluster_job_state "$id")" PENDING
	free_gpu n0 3
	cluster_wait_job "$id" RUNNING 30
	assert_equal "$(cluster_job_gpus "$id")" "n0 0-3"
}

@test "two nodes: the pattern is on each, once or several times" {
	local id
	make_free n0 0-2,4-6
	make_free n1 ""
	make_free n2 ""
	make_free n3 1-3,4-6
	id=$(wish -N2 --gpus-per-node=4 --gpu-groups=2x2 --gpu-min-busbw=100)
	cluster_wait_job "$id" RUNNING
	assert_equal "$(cluster_job_gpus "$id" | sort)" "$(printf 'n0 0-1,4-5\nn3 2-5')"
	cluster_run scancel "$id"
	id=$(wish -N2 --gpus-per-node=4 --gpu-groups=2)
	cluster_wait_job "$id" RUNNING
	assert_equal "$(cluster_job_gpus "$id" | sort)" "$(printf 'n0 0-1,4-5\nn3 2-5')"
}

@test "what can never be is refused in words that name the best" {
	refused "gputopo: --gpu-min-busbw=100 --gpu-groups=2x3: no node can give each group of 6 GPUs that bandwidth; the best that any node can give the slowest group is 40 GB/s (n0)" \
		--gpus=6 --gpu-groups=2x3 --gpu-min-busbw=100
	refused "the best that any node can give is 60 GB/s" \
		--gpus=4 --gpu-comm=alltoall --gpu-min-busbw=61
	refused "n3, which the job requires, cannot give each group of 6 GPUs that bandwidth" \
		-w n3 --gpus=6 --gpu-groups=2x3 --gpu-min-busbw=100
}

@test "options that mean nothing are refused in one line before anything starts" {
	refused "the sizes add up to 6 GPUs, but the job asks for 4 on a node" \
		--gpus=4 --gpu-groups=2x3
	refused "the sizes add up to 4 GPUs, but the job asks for 1 on a node" \
		--gpus=1 --gpu-groups=2x2
	refused "the job asks for 6 on a node, which must be a multiple" \
		-N2 --gpus-per-node=6 --gpu-groups=2x2
	refused "'0' must be sizes such as 2x4 (two groups of four) or 4+2+2" \
		--gpus=4 --gpu-groups=0
	refused "'1000x1': more than 256 groups" --gpus=4 --gpu-groups=1000x1
	refused "'two' must be sizes" --gpus=4 --gpu-groups=two
	refused "'ring' must be allreduce or alltoall" --gpus=4 --gpu-comm=ring
	local tool
	for tool in salloc srun; do
		run cluster_run $tool --gpus=4 --gpu-groups=2x3 true
		[ "$status" -ne 0 ]
		[[ $output == *"the sizes add up to 6 GPUs"* ]]
	done
}
