# SPDX-License-Identifier: GPL-2.0-or-later
# The main claim: from any busy state, by any form of request, a job gets GPUs with the
# highest (R, tau) among the free ones. Held against the oracle, beside stock Slurm.

load ../lib/bats.bash

setup_file() {
	export SEED=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} STATES=${GPUTOPO_STATES:-200}
	cluster_file_start n0=dgx1v n1=bridged n2=mixed n3=pcie \
		--partition "PartitionName=p0 Nodes=n0 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=p1 Nodes=n1 MaxTime=INFINITE" \
		--partition "PartitionName=p2 Nodes=n2 MaxTime=INFINITE" \
		--partition "PartitionName=p3 Nodes=n3 MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# ask_all WHO: from random busy states of each node, every form; into files WHO-NODE.
ask_all() {
	local i
	cluster_run "$CLUSTER/states" -n n0 -p p0 -s "$SEED" -c "$STATES" \
		>"$BATS_FILE_TMPDIR/$1-n0"
	for i in 1 2 3; do
		cluster_run "$CLUSTER/states" -n n$i -p p$i -s "$SEED" -c $((STATES / 5)) \
			>"$BATS_FILE_TMPDIR/$1-n$i"
	done
	cluster_wait_idle
	assert_all_free
}

# judge NODE KIND: print both shares; ours has to be 100 %.
judge() {
	judged "a $2 node, seed $SEED; stock Slurm, then gputopo" \
		"$PROGRAMS/check_states" "$TESTS_DIR/cluster/lib/kinds/$2" \
		"$BATS_FILE_TMPDIR/stock-$1" "$BATS_FILE_TMPDIR/ours-$1"
}

@test "stock Slurm answers the same requests, for comparison" {
	cluster_use_stock
	cluster_restart_ctld
	ask_all stock
}

@test "with gputopo no GPU is given twice, counts are right and every GPU comes back" {
	cluster_use_plugin
	cluster_restart_ctld
	ask_all ours
}

@test "DGX-1V: every request gets a best set" {
	judge n0 dgx1v
}

@test "bridges across sockets: every request gets a best set" {
	judge n1 bridged
}

@test "linked GPUs beside unlinked ones: every request gets a best set" {
	judge n2 mixed
}

@test "GPUs without links are given as stock Slurm gives them" {
	diff "$BATS_FILE_TMPDIR/stock-n3" "$BATS_FILE_TMPDIR/ours-n3"
}
