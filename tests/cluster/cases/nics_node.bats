# SPDX-License-Identifier: GPL-2.0-or-later
# On the node: GPUTOPO_NICS and --gpu-nics of real steps of two nodes.

load ../lib/bats.bash
load ../lib/ranks.bash

setup_file() {
	{
		cat "$TESTS_DIR/cluster/lib/told.conf"
		echo "NodeName=n[0-1] Topology=builtin:dgx1v"
	} >"$BATS_FILE_TMPDIR/gputopo.conf"
	ranks_file_start n0=dgx1v n1=dgx1v --gputopo "$BATS_FILE_TMPDIR/gputopo.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

@test "NICs: variables of each node; bind names no device that a node lacks, and nothing that is set" {
	local see rows
	# shellcheck disable=SC2016
	see='echo $SLURM_NODEID $GPUTOPO_NICS ${NCCL_IB_HCA:--} ${UCX_NET_DEVICES:--}'
	make_free n0 0-1
	make_free n1 2,4
	rows="0 mlx5_0;mlx5_0 - -
1 mlx5_1;mlx5_2 - -"
	run cluster_run srun -w n0,n1 -N2 -n2 --gpus-per-node=2 --gpu-nics=bind bash -c "$see"
	assert_equal "$(sort <<<"$output")" "$rows"
	NCCL_IB_HCA=mine run cluster_run srun -w n0,n1 -N2 -n2 --gpus-per-node=2 --gpu-nics=bind bash -c "$see"
	assert_equal "$(sort <<<"$output")" "${rows//- -/mine -}"
	run cluster_run srun -w n0 -n1 --gpus=1 --gpu-nics=perhaps true
	[ "$status" -ne 0 ]
	[[ $output == *"'perhaps' is not bind or no"* ]]
}

@test "NICs: nodes without gputopo.conf have them by what slurmctld sends" {
	mv "$CLUSTER/etc/gputopo.conf" "$CLUSTER/etc/gputopo.away"
	make_free n0 4,6
	# shellcheck disable=SC2016
	run cluster_run srun -w n0 -n1 --gpus=2 bash -c 'echo $GPUTOPO_NICS'
	mv "$CLUSTER/etc/gputopo.away" "$CLUSTER/etc/gputopo.conf"
	assert_equal "$output" "mlx5_2;mlx5_3"
}
