# SPDX-License-Identifier: GPL-2.0-or-later
# Tasks that Slurm binds to cores: each gets a GPU near them, where the order allows it.

load ../lib/bats.bash
load ../lib/ranks.bash

setup_file() {
	ranks_file_start n0=two-cpus --conf "TaskPlugin=task/affinity"
	[ -z "$CLUSTER_MISSING" ] || return 0
	# two CPUs, in two sockets as far as the plugin can see
	local cpu
	for cpu in 0 1; do
		mkdir -p "$CLUSTER/sys/devices/system/cpu/cpu$cpu/topology"
		echo $cpu >"$CLUSTER/sys/devices/system/cpu/cpu$cpu/topology/physical_package_id"
	done
	echo "optional $CLUSTER/spank_gputopo.so sysfs=$CLUSTER/sys" >"$CLUSTER/etc/plugstack.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	[ "$(nproc)" -ge 2 ] || skip "one CPU only"
}

# near "OPTIONS OF salloc" OPTION...: a job with both CPUs, and a step of it whose tasks are
# bound to CPUs; "RANK CPUS DEVICES ORDER" of each.
near() {
	local job=$1
	shift
	# shellcheck disable=SC2086
	cluster_run timeout 60 salloc -Q -w n0 -n2 $job srun -Q -l --overcommit \
		--gpu-order=ring "$@" bash -c \
		'echo $(taskset -cp $$ | sed "s/.*: //") $CUDA_VISIBLE_DEVICES $GPUTOPO_ORDER' 2>&1 |
		sort | sed 's/^ *//; s/://'
}

@test "a task's GPU is on its socket" {
	local job="--gpus-per-socket=1 --sockets-per-node=2"
	assert_equal "$(near "$job" --gpu-bind=single:1 --cpu-bind=map_cpu:0,1)" "0 0 0 ring
1 1 2 ring"
	assert_equal "$(near "$job" --gpu-bind=single:1 --cpu-bind=map_cpu:1,0)" "0 1 2 ring
1 0 0 ring"
}

@test "so it is where all tasks see all GPUs, one each" {
	assert_equal "$(near --gpus=4 -n4 --cpu-bind=map_cpu:1,1,0,0)" "0 1 2,3,1,0 ring
1 1 2,3,1,0 ring
2 0 2,3,1,0 ring
3 0 2,3,1,0 ring"
}

@test "several GPUs a task: the fast pair that is near" {
	assert_equal "$(near --gpus-per-task=2 --cpu-bind=map_cpu:1,0 |
		sed 's/0,1/1,0/; s/3,2/2,3/')" "0 1 2,3 ring
1 0 1,0 ring"
	assert_equal "$(near --gpus-per-task=2 --cpu-bind=map_cpu:0,1 |
		sed 's/1,0/0,1/; s/3,2/2,3/')" "0 0 0,1 ring
1 1 2,3 ring"
}

@test "tasks that are bound to no core keep the plain rank order" {
	assert_equal "$(near --gpus=4 -n4 --gpu-bind=single:1 --cpu-bind=none |
		cut -d' ' -f1,3- | paste -sd' ')" \
		"$(r=0; for g in $(order_of n0 0,1,2,3 | tr , ' '); do echo $r $g ring
			r=$((r + 1)); done | paste -sd' ')"
}
