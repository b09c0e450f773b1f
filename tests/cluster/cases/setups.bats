# SPDX-License-Identifier: GPL-2.0-or-later
# Ways to set Slurm up: nodes of 4 and 8 sockets, partitions that overlap, --exclusive=user,
# dynamic nodes, configless slurmds. docs/evidence/compatibility.md has the table of them.

load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v s4=dgx1v,Sockets=4,CoresPerSocket=10 \
		s8=dgx1v,Sockets=8,CoresPerSocket=5 \
		--conf MaxNodeCount=16 --conf SlurmctldParameters=enable_configless \
		--setup "sed -n 's/^NodeName=n0 /NodeName=d0 /p' etc/gres.conf >>etc/gres.conf" \
		--partition "PartitionName=p Nodes=n0,n1 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=over Nodes=n0 MaxTime=INFINITE PriorityTier=2" \
		--partition "PartitionName=s4 Nodes=s4" --partition "PartitionName=s8 Nodes=s8" \
		--partition "PartitionName=all Nodes=ALL MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# on NODE FREE OPTION...: what a job there gets is a best set.
on() {
	local node=$1 free=$2 id list
	shift 2
	id=$(ask -p all -w "$node" -N1 "$@") || return 1
	list=$(cluster_job_gpus "$id")
	assert_best dgx1v "$free" "${list#* }"
	cluster_run scancel "$id"
	cluster_gone "$id"
}

@test "nodes of four and of eight sockets: best sets in every form" {
	local node form
	for node in s4 s8; do
		cluster_run "$CLUSTER/states" -p $node -n $node -f 1,3-4,6-7
		for form in --gpus=4 "-n3 --gpus=3" --gres=gpu:2 "-n2 --gpus-per-task=1" \
				"--gpus=3 --cpus-per-gpu=2"; do
			# shellcheck disable=SC2086
			on $node 1,3-4,6-7 $form
		done
	done
}

@test "partitions that overlap: each other's jobs are seen" {
	local one two
	make_free n0 1,3-4,6-7
	one=$(give -p over -w n0 -N1 --gpus=2)
	two=$(give -p p -w n0 -N1 --gpus=2)
	assert_best dgx1v 1,3-4,6-7 "${one#n0 }"
	assert_best dgx1v "$(without 1,3-4,6-7 "${one#n0 }")" "${two#n0 }"
	assert_disjoint "${one#n0 }" "${two#n0 }"
}

@test "--exclusive=user: the user's jobs share the node, each with a best set" {
	local one two
	one=$(give -w n0 -N1 --exclusive=user --gpus=4)
	two=$(give -w n0 -N1 --exclusive=user --gpus=2)
	assert_best dgx1v 0-7 "${one#n0 }"
	assert_best dgx1v "$(without 0-7 "${one#n0 }")" "${two#n0 }"
}

@test "a slurmd without a slurm.conf of its own" {
	cluster_run sh -c 'kill $(cat $CLUSTER/slurmd-n1.pid); sleep 0.5
		unset SLURM_CONF; slurmd -N n1 --conf-server 127.0.0.1:26817'
	cluster_wait_idle
	on n1 0-7 --gpus=4
	assert_equal "$(cluster_run srun -w n1 -N1 -n1 --gpus=2 sh -c 'echo $CUDA_VISIBLE_DEVICES' |
		tr , '\n' | wc -l)" 2
}

@test "a node that comes while slurmctld runs, and goes" {
	local i id
	cluster_run slurmd -Z -N d0 --conf "Sockets=2 CoresPerSocket=20 \
		ThreadsPerCore=1 RealMemory=20000 Gres=gpu:8"
	for ((i = 0; i < 100; i++)); do
		[ "$(cluster_run sinfo -h -n d0 -o %t)" != idle ] || break
		sleep 0.1
	done
	on d0 0-7 --gpus=4
	on d0 0-7 -n2 --gpus-per-task=1
	on n0 0-7 --gpus=2
	id=$(ask -p all -w d0 -N1 --gpus=3)
	cluster_run scancel "$id"
	cluster_gone "$id"
	cluster_run sh -c 'kill $(cat $CLUSTER/slurmd-d0.pid)'
	cluster_run scontrol delete NodeName=d0
	on n0 0-7 --gpus=4
}
