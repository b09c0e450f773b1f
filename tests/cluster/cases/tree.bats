# SPDX-License-Identifier: GPL-2.0-or-later
# topology/tree on real daemons: jobs of one node leave whole the units that stock leaves whole.

load ../lib/bats.bash
load ../lib/units.bash

UNIT_JOB=--switches=1@600

setup_file() {
	units_start tree
}

teardown_file() {
	cluster_file_stop
}

setup() {
	units_setup
}

@test "every form of a job of one node spares the whole unit" {
	every_form_spares
}

@test "srun and sbatch spare it as salloc does" {
	every_command_spares
}

@test "a requeued job spares it too" {
	requeue_spares
}

@test "a promise is kept in the unit where it does the least harm" {
	promise_spares
}

@test "nodes in use come first, then the smallest unit" {
	used_before_whole
}

@test "many small jobs leave one unit whole" {
	assert_equal "$(whole_left --gpus=1 --gpus=2 --gpus=4 --gpus=1 --gpus=8 --gpus=2)" "4 1"
}

@test "a job for named switches or segments, contiguous or on named nodes is stock's" {
	special_jobs_are_stocks
}
