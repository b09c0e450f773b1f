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
	local stock form
	for form in "-N1 --gpus=4 $UNIT_JOB" "-N1 --gpus=4 --contiguous" "-N1 --gpus=4 -w n2"; do
		[[ $form != *--segment* ]] || form="-N1 --gpus=4 --segment=1"
		gputopo_conf Mode=off
		break_second
		stock=$(nodes_of $form)
		cluster_run scancel -u root
		cluster_wait_idle
		gputopo_conf Mode=enforce
		break_second
		assert_equal "$(nodes_of $form)" "$stock"
		cluster_run scancel -u root
		cluster_wait_idle
	done
}
