# SPDX-License-Identifier: GPL-2.0-or-later
# Steps inside an allocation: each gets the best of what its job's other steps leave free.

load ../lib/bats.bash
load ../lib/steps.bash

setup_file() {
	steps_file_start b0=bridges n0=dgx1v
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

teardown() {
	[ -z "${CLUSTER:-}" ] || [ ! -d "$CLUSTER" ] || steps_end
}

@test "two steps of two GPUs get a bridge each, where Slurm gives them 12 of 240 GB/s" {
	needs_step_choice
	job=$(ask -w b0 -N1 -n8 --gpus=4)
	step_start 1 --gpus=2
	step_start 1 --gpus=2
	assert_best bridges "$(cluster_job_gpus "$job" | cut -d' ' -f2)" "${STEP_GPUS[0]}"
	assert_equal "$(busbw b0 "${STEP_GPUS[0]}") $(busbw b0 "${STEP_GPUS[1]}")" "240 240"
	assert_disjoint "${STEP_GPUS[@]}"
}

@test "after a step of one GPU, four get the other half of a DGX-1V: 80 GB/s" {
	needs_step_choice
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	step_start 1 --gpus=1
	step_start 1 --gpus=4
	assert_equal "$(busbw n0 "${STEP_GPUS[1]}")" 80
}

@test "four steps of two on a DGX-1V get four double links" {
	needs_step_choice
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	for _ in 1 2 3 4; do
		step_start 1 --gpus=2
	done
	for gpus in "${STEP_GPUS[@]}"; do
		assert_equal "$(busbw n0 "$gpus")" 40
	done
	assert_disjoint "${STEP_GPUS[@]}"
}

@test "random steps in a job of 4 to 8 GPUs: each is best, none shares a GPU, all are given back" {
	needs_step_choice
	steps_sequence n0 1 "$BATS_TEST_TMPDIR/dgx1v"
	steps_sequence b0 2 "$BATS_TEST_TMPDIR/bridges"
	for kind in dgx1v bridges; do
		"$PROGRAMS/check_states" "$TESTS_DIR/cluster/lib/kinds/$kind" "$BATS_TEST_TMPDIR/$kind"
	done
	assert_all_free
}

# in_job OPTION... -- TEXT: what a shell of salloc with these options prints of TEXT.
in_job() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	cluster_run salloc -Q "${options[@]}" bash "$(script "$2")" 2>&1 || true
}

@test "StepChoice=no: Slurm's own choice" {
	gputopo_conf "StepChoice=no"
	job=$(ask -w b0 -N1 -n8 --gpus=4)
	step_start 1 --gpus=2
	gputopo_conf ""
	assert_equal "${STEP_GPUS[0]} $(busbw b0 "${STEP_GPUS[0]}")" "0,1 10"
}

@test "--overlap, and steps that take all, are left alone" {
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	step_start 1 --gpus=2 --overlap
	assert_equal "${STEP_GPUS[0]}" 0,1
	step_start 1 --gpus=8
	assert_equal "${STEP_GPUS[1]}" 0,1,2,3,4,5,6,7
	steps_end
	cluster_wait_idle
	assert_all_free
}

@test "a step's groups and its promise: kept, or the step ends with the reason" {
	needs_step_choice
	local out
	out=$(in_job -w b0 -N1 -n8 --gpus=4 -- '
		srun --exact -n1 --gpus=2 --gpu-min-busbw=200 sh -c "echo got \$GPUTOPO_BUSBW"
		srun --exact -n1 --gpus=4 --gpu-groups=2x2 --gpu-min-busbw=200 sh -c "echo groups \$GPUTOPO_GROUPS"
		srun --exact -n1 --gpus=3 --gpu-min-busbw=200 sh -c "echo wrong"
		echo status $?
		srun --exact -n1 --gpus=3 --gpu-topo=ring sh -c "echo wrong"')
	echo "$out"
	[[ $out == *"got 240"* && $out == *"groups "*";"* && $out != *wrong* ]]
	[[ $out == *"reach 10 GB/s, 200 were asked for; they are the best that its job had free"* ]]
	[[ $out == *"status 1"* && $out == *"have no NVLink ring"* ]]
}

@test "a wish that nothing would keep is an error, with what to use instead" {
	local out
	gputopo_conf "StepChoice=no"
	out=$(in_job -w b0 -N1 -n8 --gpus=4 -- '
		srun --exact -n1 --gpus=2 --gpu-min-busbw=200 echo wrong; echo status $?
		srun --exact -n1 --gpus=2 --gpu-topo=any echo wrong
		srun --exact -n1 --gpus=2 --gpu-topo=best echo best')
	gputopo_conf ""
	echo "$out"
	[[ $out != *wrong* && $out == *"status "[1-9]* && $out == *best* ]]
	[[ $out == *"--gpu-min-busbw has no effect on the steps of this job"*"gputopo run -n K --min-busbw GBPS"* ]]
	[[ $out == *"--gpu-topo has no effect"* ]]
}

@test "salloc's shell and batch scripts know the job's GPUs, tasks their own" {
	needs_step_choice
	local out id
	out=$(in_job -w n0 -N1 -n16 --gpus=4 -- 'echo shell $GPUTOPO_GPUS $GPUTOPO_BUSBW
		srun -n2 --exact --gpus-per-task=2 sh -c "echo task \$GPUTOPO_TASK_BUSBW \$GPUTOPO_LOCAL \$GPUTOPO_GPUS"
		srun -n1 --exact --gpus=2 --gpu-order=ring sh -c "echo one \$GPUTOPO_TASK_BUSBW \$GPUTOPO_LOCAL"')
	echo "$out"
	[[ $out == *"shell 0,1,2,3 80"* && $out == *"task 40 "* && $out == *"one 40 0,1"* ]]
	id=$(submit -w n0 -N1 -n16 --gpus=4 "$(script 'echo batch $GPUTOPO_GPUS $GPUTOPO_BUSBW')")
	cluster_wait_job "$id" COMPLETED
	assert_equal "$(cat "$CLUSTER/jobs/$id.out")" "batch 0,1,2,3 80"
}

@test "steps of two nodes get the best on each" {
	needs_step_choice
	local out
	out=$(in_job -w n0,b0 -N2 -n16 --gpus-per-node=4 -- '
		for i in 1 2; do
			srun -Q --exact -N2 -n2 --gpus-per-node=2 sh -c "echo \$SLURMD_NODENAME \$GPUTOPO_BUSBW; sleep 2" &
		done
		wait')
	assert_equal "$(sort <<<"$out" | uniq -c | tr -s ' ')" " 2 b0 240
 2 n0 40"
}

# kill9 NAME: SIGKILL to the processes of the cluster with that name.
kill9() {
	cluster_run bash -c 'for at in /proc/[0-9]*; do
		read -r name <$at/comm && [ "$name" = "$1" ] && kill -9 ${at#/proc/}; done; true' sh "$1"
}

@test "kill -9 of slurmstepd and of slurmctld while steps start: nothing is left taken" {
	local i
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	step_start 1 --gpus=3
	step_start 1 --gpus=2
	kill9 slurmstepd
	# Slurm takes them for running until their job ends
	cluster_run scancel "$job"
	steps_wait
	cluster_gone "$job"
	assert_all_free
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	sleep 6 # slurmctld saves a new job's state within five seconds
	# steps come and go while slurmctld dies; an srun that it knows no longer would wait long
	for i in 1 2 3 4 5 6 7 8; do
		cluster_run timeout 15 srun --jobid="$job" --exact -n1 --gpus=2 true >/dev/null 2>&1 3>&- &
		STEP_SRUN+=($!)
		[ "$i" != 5 ] || kill9 slurmctld
	done
	cluster_run bash "$CLUSTER/daemons" start_ctld
	cluster_wait_nodes
	steps_wait >/dev/null || true # some wait for an answer of the slurmctld that died
	# Slurm may take a step that was cut off for running until its job ends
	left() { cluster_run squeue -h -s -j "$job" -o %i | grep -c "\.[0-9]" || true; }
	for ((i = 0; i < 10 && $(left) > 0; i++)); do
		sleep 0.5
	done
	step_start 1 --gpus=$((8 - 2 * $(left)))
	step_end 0
	cluster_run scancel "$job"
	cluster_gone "$job"
	assert_all_free
}

# A slurmctld that is killed while a step starts: before or after the GPUs of Slurm's choice
# are exchanged. In both the step is in its memory alone.
@test "kill -9 of slurmctld between a step's choice and its start: no bit is left set" {
	needs_step_choice
	local when i
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	step_start 1 --gpus=2
	for when in before after; do
		sleep 6 # slurmctld saves jobs and steps within five seconds
		echo "$when" >"$CLUSTER/log/slurmctld.kill"
		cluster_run timeout 20 srun --jobid="$job" --exact -n1 --gpus=2 true >/dev/null 2>&1 3>&- &
		STEP_SRUN+=($!) STEP_GPUS+=("")
		for ((i = 0; i < 100; i++)); do
			[ -e "$CLUSTER/log/slurmctld.kill" ] || break
			sleep 0.1
		done
		[ ! -e "$CLUSTER/log/slurmctld.kill" ]
		cluster_run bash "$CLUSTER/daemons" start_ctld
		cluster_wait_nodes
		wait "${STEP_SRUN[-1]}" || true
		step_start 1 --gpus=3
	done
	# the three have all eight
	assert_disjoint "${STEP_GPUS[@]}"
	cluster_run scancel "$job"
	steps_wait || true
	cluster_gone "$job"
	assert_all_free
}
