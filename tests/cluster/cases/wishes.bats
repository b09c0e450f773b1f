# SPDX-License-Identifier: GPL-2.0-or-later
# --gpu-topo and --gpu-min-busbw, MinRatio and Split on real daemons.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v p0=pcie \
		--partition "PartitionName=p Nodes=n0,n1 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=nolinks Nodes=p0 MaxTime=INFINITE"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# wish OPTION...: sbatch a long job; prints its id.
wish() {
	submit "$@" --wrap "sleep 300"
}

# holder NODE GPU: the one-GPU job that holds it.
holder() {
	local id
	for id in $(cluster_run squeue -h -t RUNNING -o %A -w "$1"); do
		[ "$(cluster_job_gpus "$id")" != "$1 $2" ] || echo "$id"
	done
}

# free_gpu NODE GPU: end the job that holds this GPU.
free_gpu() {
	cluster_run scancel "$(holder "$1" "$2")"
}

# seconds FIELD JOB: a time of squeue in seconds since 1970.
seconds() {
	date -d "$(cluster_run squeue -h --start -o "$1" -j "$2")" +%s
}

stays_pending() {
	sleep 3
	assert_equal "$(cluster_job_state "$1")" PENDING
}

@test "ring: the job waits without one, and starts on one when it is free" {
	make_free n0 0,5
	make_free n1 0,5
	local id
	id=$(wish --gpu-topo=ring --gpus=2)
	stays_pending "$id"
	free_gpu n1 3
	cluster_wait_job "$id" RUNNING 30
	assert_equal "$(cluster_job_gpus "$id")" "n1 0,3"
}

@test "ring: one GPU never waits" {
	make_free n0 0,5
	make_free n1 ""
	local id
	id=$(wish --gpu-topo=ring --gpus=1)
	cluster_wait_job "$id" RUNNING
}

@test "min-busbw: 40 GB/s wait for a double link, 20 GB/s take a single one" {
	make_free n0 0,1
	make_free n1 0,1
	local fast slow
	fast=$(wish --gpu-min-busbw=40 --gpus=2)
	slow=$(wish --gpu-min-busbw=20 --gpus=2)
	cluster_wait_job "$slow" RUNNING 30
	assert_equal "$(cluster_job_state "$fast")" PENDING
	free_gpu n0 3
	free_gpu n1 3
	cluster_wait_job "$fast" RUNNING 30
}

@test "a wish that no node can ever meet is refused at submission" {
	run wish --gpu-min-busbw=100 --gpus=2
	[ "$status" -ne 0 ]
	run wish -p nolinks --gpu-topo=ring --gpus=2
	[ "$status" -ne 0 ]
	local id
	id=$(wish -p nolinks --gpu-topo=ring --gpus=1)
	cluster_wait_job "$id" RUNNING
	# busy is not never
	make_free n0 0,5
	make_free n1 0,5
	id=$(wish --gpu-min-busbw=40 --gpus=2)
	stays_pending "$id"
}

@test "values that mean nothing are refused by the command" {
	local option
	for option in --gpu-topo=best-of-all --gpu-topo= --gpu-min-busbw=fast --gpu-min-busbw=0 \
		--gpu-min-busbw=-1; do
		run wish $option --gpus=2
		[ "$status" -ne 0 ]
		[[ $output == *gputopo* || $output == *gpu-* ]]
	done
}

@test "off is stock Slurm's choice, best is the default" {
	local stock
	cluster_use_stock
	cluster_restart_ctld
	make_free n0 1,3-4,6-7
	stock=$(give -w n0 -N1 --gpus=4)
	cluster_run scancel -u root
	cluster_wait_idle
	cluster_use_plugin
	cluster_restart_ctld
	make_free n0 1,3-4,6-7
	assert_equal "$(give -w n0 -N1 --gpus=4 --gpu-topo=off)" "$stock"
	cluster_run scancel -u root
	cluster_wait_idle
	make_free n0 1,3-4,6-7
	run give -w n0 -N1 --gpus=4 --gpu-topo=best
	assert_best dgx1v 1,3-4,6-7 "${output#* }"
}

@test "the forecast of a waiting job is the end of the job that holds what it needs" {
	local first second waiter end
	make_free n0 0,5
	make_free n1 ""
	# {0,2} is one link, {0,3} two: not the first end counts, but the right one
	first=$(holder n0 2)
	second=$(holder n0 3)
	cluster_run scontrol update JobId="$first" TimeLimit=4
	cluster_run scontrol update JobId="$second" TimeLimit=8
	end=$(date -d "$(cluster_run squeue -h -o %e -j "$second")" +%s)
	waiter=$(wish --gpu-min-busbw=40 -w n0 -N1 --gpus=2)
	sleep 12
	assert_equal "$(cluster_job_state "$waiter")" PENDING
	[ "$(seconds %S "$waiter")" -ge "$end" ]
	[ "$(seconds %S "$waiter")" -lt $((end + 60)) ]
	cluster_run squeue -h -o %R -j "$waiter" | grep -q "gputopo: waiting for GPUs"
	# it holds up nobody who needs what it doesn't: a short one-GPU job starts at once
	cluster_wait_job "$(submit -w n0 -N1 --gpus=1 -t 1 --nice=1000 --wrap "sleep 60")" RUNNING 15
}

@test "MinRatio and Split=no of gputopo.conf" {
	echo "MinRatio=0.9 Split=no" >"$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	sleep 0.5
	cluster_wait_nodes
	make_free n0 0,1
	make_free n1 0,1
	local pair four
	pair=$(wish --gpus=2)
	four=$(wish --gpus=4)
	stays_pending "$pair"
	stays_pending "$four"
	rm "$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	cluster_wait_job "$pair" RUNNING 30
}
