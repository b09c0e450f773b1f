# SPDX-License-Identifier: GPL-2.0-or-later
# Jobs of two nodes on nodes with NICs: the slowest node reaches the most that the free GPUs
# of all nodes allow, rails are equal where they can be, beside stock Slurm; and jobs of one
# node get what they got without NICs.

load ../lib/bats.bash
load ../lib/nics.bash

setup_file() {
	export SEED=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} STATES=${GPUTOPO_NIC_STATES:-2}
	cluster_file_start n0=pcie n1=pcie n2=pcie
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$PROGRAMS/several" "$CLUSTER/several"
	nics_node_file 0 >"$CLUSTER/etc/none.json"
	nics_node_file 4 >"$CLUSTER/etc/pairs.json"
	nics_node_file 8 >"$CLUSTER/etc/each.json"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# ask_all WHO NICS: from random busy states of the three nodes every form, into WHO-NICS.
ask_all() {
	cluster_run "$CLUSTER/several" -m "$CLUSTER/states" -s "$SEED" -c "$STATES" n0 n1 n2 \
		>"$BATS_FILE_TMPDIR/$1-$2"
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

# judge NICS: print both shares; ours has to be 100 %.
judge() {
	judged "$1 NICs, seed $SEED; stock Slurm, then gputopo" \
		"$PROGRAMS/check_nics" "$1" "$BATS_FILE_TMPDIR/stock-$1" "$BATS_FILE_TMPDIR/ours-$1"
}

@test "stock Slurm answers the same requests, for comparison" {
	cluster_use_stock
	cluster_restart_ctld
	ask_all stock 4
	cp "$BATS_FILE_TMPDIR/stock-4" "$BATS_FILE_TMPDIR/stock-8"
}

@test "a NIC for each two GPUs: the slowest node reaches the most" {
	cluster_use_plugin
	cluster_restart_ctld
	gputopo_conf "DecisionLog=$CLUSTER/decisions" "NodeName=n[0-2] Topology=pairs.json"
	ask_all ours 4
	judge 4
	cluster_run cat "$CLUSTER/decisions" | jq -es 'map(select(.x_gbps)) |
		length > 0 and all(.x_gbps >= .x_stock and (.rails | length) > 0)' >/dev/null
}

@test "a NIC for each GPU: rails are equal where they can be" {
	gputopo_conf "NodeName=n[0-2] Topology=each.json"
	ask_all ours 8
	judge 8
}

@test "jobs of one node choose as without NICs" {
	local file
	for file in none each; do
		gputopo_conf "NodeName=n0 Topology=$file.json" "Policy=bandwidth"
		cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c "$((STATES * 4))" \
			>"$BATS_TEST_TMPDIR/$file"
	done
	[ -s "$BATS_TEST_TMPDIR/none" ]
	diff "$BATS_TEST_TMPDIR/none" "$BATS_TEST_TMPDIR/each"
}
