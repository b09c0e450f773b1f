# SPDX-License-Identifier: GPL-2.0-or-later
# topology.yaml, from Slurm 25.05 on: slurm.conf's TopologyPlugin then says nothing of the
# network, and a partition may have another topology than the cluster.

load ../lib/bats.bash

setup_file() {
	case $(cluster_release "$GPUTOPO_SLURM_ROOT") in
	22.* | 23.* | 24.*)
		export CLUSTER_MISSING="topology.yaml is from 25.05 on"
		return
		;;
	esac
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v n3=dgx1v --setup 'cat >etc/topology.yaml <<-END
		- topology: blocks
		  cluster_default: true
		  block:
		    block_sizes: [2]
		    blocks:
		      - block: b0
		        nodes: n[0-1]
		      - block: b1
		        nodes: n[2-3]
		- topology: other
		  cluster_default: false
		  flat: true
		END' \
		--partition "PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=f Nodes=ALL Topology=other MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

# Domains across the blocks.
setup() {
	cluster_test_start
	[ -n "$CLUSTER_MISSING" ] ||
		gputopo_conf "NodeName=n0 Domain=a" "NodeName=n[1-2] Domain=b" "NodeName=n3 Domain=a"
}

# nodes_of OPTION...: where such a job starts at once.
nodes_of() {
	local id
	id=$(ask "$@") || return 1
	cluster_run squeue -h -o %N -j "$id"
	cluster_run scancel "$id"
	cluster_wait_idle
}

@test "blocks of topology.yaml: no domain is preferred to a block" {
	assert_equal "$(cluster_run scontrol show config | sed -n 's/^TopologyPlugin *= //p')" topology/flat
	grep -q 'gputopo: .*avoid breaking up 2 leaf switches or base blocks' "$CLUSTER/log/slurmctld"
	# which block is stock's to say; the domains lie across
	[[ $(nodes_of -N2 --gpus-per-node=4) == n\[@(0-1|2-3)\] ]]
	[[ $(nodes_of -N2 -n4 --gpus-per-task=1) == n\[@(0-1|2-3)\] ]]
}

@test "blocks of topology.yaml: a job of one node spares the whole block" {
	local id
	id=$(ask -N1 -w n3 --gpus=8)
	assert_equal "$(ask -N1 --gpus=4 >/dev/null; cluster_run squeue -h -o %N | sort | paste -sd,)" n2,n3
}

@test "a partition with a topology of its own: its nodes are stock's to choose" {
	local stock
	gputopo_conf Mode=off
	stock=$(nodes_of -p f -N2 --gpus-per-node=4)
	gputopo_conf "NodeName=n0 Domain=a" "NodeName=n[1-2] Domain=b" "NodeName=n3 Domain=a"
	assert_equal "$(nodes_of -p f -N2 --gpus-per-node=4)" "$stock"
	# its GPUs are chosen
	make_free n0 3-4,6-7
	assert_best dgx1v 3-4,6-7 "$(give -p f -w n0 -N1 --gpus=2 | sed 's/.* //')"
}
