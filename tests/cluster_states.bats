# SPDX-License-Identifier: GPL-2.0-or-later
# The main claim: from any busy state, by any form of request, a job gets GPUs with the
# highest (R, tau) among the free ones. Held against the oracle, beside stock Slurm.

load cluster/bats.bash

setup_file() {
	export SEED=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} STATES=${GPUTOPO_STATES:-200}
	cluster_file_start n0=dgx1v
}

teardown_file() {
	cluster_stop
}

setup() {
	cluster_test_start
}

@test "the same requests on stock Slurm, for comparison" {
	cluster_use_stock
	cluster_restart_ctld
	cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c "$STATES" >"$BATS_FILE_TMPDIR/stock"
	assert_all_free
}

@test "every request from the random busy states gets a best set" {
	cluster_use_plugin
	cluster_restart_ctld
	cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c "$STATES" >"$BATS_FILE_TMPDIR/ours"
	cluster_wait_idle
	assert_all_free
	run "$PROGRAMS/check_states" "$TESTS_DIR/cluster/kinds/dgx1v" \
		"$BATS_FILE_TMPDIR/stock" "$BATS_FILE_TMPDIR/ours"
	{
		echo "# seed $SEED, $STATES states; stock, then gputopo:"
		sed 's/^/# /' <<<"$output"
	} >&3
	[ "$status" -eq 0 ]
}

@test "GPUs without links are given as stock gives them, and all come back" {
	cluster_stop
	cluster_file_start n0=pcie
	cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c 40 >"$BATS_TEST_TMPDIR/ours"
	cluster_use_stock
	cluster_restart_ctld
	cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c 40 >"$BATS_TEST_TMPDIR/stock"
	diff "$BATS_TEST_TMPDIR/stock" "$BATS_TEST_TMPDIR/ours"
}

@test "bridges across sockets: every request gets a bridge where one is free" {
	cluster_stop
	cluster_file_start n0=bridged
	cluster_run "$CLUSTER/states" -n n0 -s "$SEED" -c 60 >"$BATS_TEST_TMPDIR/ours"
	run "$PROGRAMS/check_states" "$TESTS_DIR/cluster/kinds/bridged" \
		"$BATS_TEST_TMPDIR/ours"
	sed 's/^/# /' <<<"$output" >&3
	[ "$status" -eq 0 ]
}
