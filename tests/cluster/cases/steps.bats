# SPDX-License-Identifier: GPL-2.0-or-later
# Steps inside an allocation: each gets the best of what its job's other steps leave free.

load ../lib/bats.bash
load ../lib/steps.bash

setup_file() {
	steps_file_start b0=bridges n0=dgx1v
}

teardown_file() {
	cluster_stop
}

setup() {
	cluster_test_start
}

teardown() {
	[ -z "${CLUSTER:-}" ] || [ ! -d "$CLUSTER" ] || steps_end
}

@test "two steps of two GPUs get a bridge each, where Slurm gives them 12 of 240 GB/s" {
	job=$(ask -w b0 -N1 -n8 --gpus=4)
	step_start 1 --gpus=2
	step_start 1 --gpus=2
	assert_best bridges "$(cluster_job_gpus "$job" | cut -d' ' -f2)" "${STEP_GPUS[0]}"
	assert_equal "$(busbw b0 "${STEP_GPUS[0]}") $(busbw b0 "${STEP_GPUS[1]}")" "240 240"
	assert_disjoint "${STEP_GPUS[@]}"
}

@test "after a step of one GPU, four get the other half of a DGX-1V: 80 GB/s" {
	job=$(ask -w n0 -N1 -n16 --gpus=8)
	step_start 1 --gpus=1
	step_start 1 --gpus=4
	assert_equal "$(busbw n0 "${STEP_GPUS[1]}")" 80
}

@test "four steps of two on a DGX-1V get four double links" {
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
	steps_sequence n0 1 "$BATS_TEST_TMPDIR/dgx1v"
	steps_sequence b0 2 "$BATS_TEST_TMPDIR/bridges"
	for kind in dgx1v bridges; do
		"$PROGRAMS/check_states" "$TESTS_DIR/cluster/lib/kinds/$kind" "$BATS_TEST_TMPDIR/$kind"
	done
	assert_all_free
}
