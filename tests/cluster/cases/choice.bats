# SPDX-License-Identifier: GPL-2.0-or-later
# Node choice, modes and the decision log on real daemons.

load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	[ -n "$CLUSTER_MISSING" ] || gputopo_conf
}

# make_all_free LIST0 LIST1 LIST2: the free GPUs of the three nodes.
make_all_free() {
	local n=0
	for list in "$@"; do
		[ "$list" = 0-7 ] || make_free "n$n" "$list"
		n=$((n + 1))
	done
}

@test "a 2-GPU job goes to the intact node, not to the fragmented ones" {
	make_all_free 0,5 0,5 0-7
	run give --gpus=2
	[ "${output%% *}" = n2 ]
	assert_best dgx1v 0-7 "${output#* }"
}

@test "a 4-GPU job goes to the node with one good quad, not to an idle one" {
	make_all_free 0-7 4-7 0-7
	assert_equal "$(give --gpus=4)" "n1 4-7"
}

@test "a one-GPU job takes a left-over GPU, not one of an idle node" {
	make_all_free 0-7 0-7 1
	assert_equal "$(give --gpus=1)" "n2 1"
}

@test "a job that would be split gets one node" {
	make_all_free 0-1 0-1 4-7
	assert_equal "$(give --gpus=4)" "n2 4-7"
	cluster_run scancel -u root
	cluster_wait_idle
	make_all_free 0-1 0-1 4-7
	assert_equal "$(give -n 4 --gpus=4)" "n2 4-7"
}

@test "tasks without -N do not keep a job from the intact node" {
	make_all_free 3-4,6-7 0-7 3-4,6-7
	assert_equal "$(give -n 4 --gpus=4)" "n1 0-3"
	cluster_run scancel -u root
	cluster_wait_idle
	make_all_free 3-4,6-7 0-7 3-4,6-7
	assert_equal "$(give -n 32 --gres=gpu:4)" "n1 0-3"
}

@test "the admin's weights come first" {
	make_all_free 0,5 0-7 0-7
	cluster_run scontrol update NodeName=n1 Weight=100
	cluster_run scontrol update NodeName=n2 Weight=100
	assert_equal "$(give --gpus=2)" "n0 0,5"
	cluster_run scontrol update NodeName=n1 Weight=1
	cluster_run scontrol update NodeName=n2 Weight=1
}

# half_node CONF: the nodes on which 4-GPU jobs land by this gputopo.conf, with the only
# half busy node at n0, n1, n2 in turn.
half_node() {
	local n lists
	for n in 0 1 2; do
		lists=(0-7 0-7 0-7)
		lists[n]=4-7
		make_all_free "${lists[@]}"
		gputopo_conf "$1"
		give --gpus=4 | cut -d' ' -f1
		cluster_run scancel -u root
		cluster_wait_idle
	done
}

@test "NodeChoice=no leaves the nodes to stock Slurm" {
	local stock
	stock=$(half_node Mode=off)
	assert_equal "$(half_node NodeChoice=no)" "$stock"
	assert_equal "$(half_node NodeChoice=yes)" "$(printf 'n0\nn1\nn2')"
	[ "$stock" != "$(printf 'n0\nn1\nn2')" ]
}

@test "a job that no single node has room for still starts on several" {
	make_all_free 0-1 0-1 0-1
	assert_equal "$(cluster_run squeue -h -o %D -j "$(ask --gpus=5)")" 3
}

@test "the decision log has a line for each started job, as scontrol shows it" {
	gputopo_conf DecisionLog="$CLUSTER/decisions" MetricsFile="$CLUSTER/metrics"
	make_free n0 1,3-4,6-7
	local before line
	before=$(wc -l <"$CLUSTER/decisions")
	run give -w n0 -N1 --gres=gpu:4
	assert_equal "$(wc -l <"$CLUSTER/decisions")" $((before + 1))
	line=$(tail -n 1 "$CLUSTER/decisions")
	[[ $line == *'"node":"n0"'* && $line == *'"form":"gpus-per-node","k":4'* ]]
	[[ $line == *'"free":"1,3-4,6-7"'* && $line == *'"changed":true'* ]]
	[[ $line == *"\"chosen\":\"${output#* }\""* ]]
	grep -q '^gputopo_jobs_started_total [1-9]' "$CLUSTER/metrics"
}

@test "the decision log has a line for each task of an array, as scontrol shows it" {
	gputopo_conf DecisionLog="$CLUSTER/decisions" AdminComment=yes
	make_all_free 0-7 0-7 0-7
	local tasks id file lines batch
	batch=$(script 'scontrol -d show job ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID \
		>"'"$CLUSTER"'/jobs/task.$SLURM_JOB_ID"')
	for tasks in 1 2 25; do
		: >"$CLUSTER/decisions"
		rm -f "$CLUSTER"/jobs/task.*
		id=$(submit -N1 --array=1-$tasks --gpus=2 -o /dev/null "$batch")
		for ((lines = 0; lines < 600; lines++)); do
			[ -n "$(cluster_run squeue -h -j "$id" 2>/dev/null)" ] || break
			sleep 0.2
		done
		lines=$(grep -v '"end":true' "$CLUSTER/decisions")
		assert_equal "$(wc -l <<<"$lines")" $tasks
		# each under its own number, with its own set, and the comment says the same
		for file in "$CLUSTER"/jobs/task.*; do
			local job=${file##*.} set
			set=$(sed -n 's/^ *Nodes=.*(IDX:\([^)]*\)).*/\1/p' "$file")
			[[ $lines == *"\"job\":$job,"*"\"chosen\":\"$set\""* ]] ||
				{ echo "job $job has $set; $lines"; return 1; }
			grep -q "AdminComment=gputopo: n[0-2] $set " "$file"
		done
		assert_equal "$(ls "$CLUSTER"/jobs/task.* | wc -l)" $tasks
	done
}

@test "a cluster without MIG has gputopo in slurmctld, and no gputopo_mig.so" {
	run cluster_run sh -c 'cat /proc/$(cat $CLUSTER/slurmctld.pid)/maps'
	[[ $output == *"/plugin/select_cons_tres.so"* ]]
	[[ $output != *gputopo_mig* ]]
	[ -e "$CLUSTER/plugin/gputopo_mig.so" ]
}

@test "gputopo_topology.so and jansson are not in slurmctld once the configuration is read" {
	gputopo_conf "NodeName=n0 Topology=builtin:dgx1v"
	make_free n0 1,3-4,6-7
	run give -w n0 -N1 --gres=gpu:4
	assert_equal "${output#* }" 3-4,6-7
	run cluster_run sh -c 'cat /proc/$(cat $CLUSTER/slurmctld.pid)/maps'
	[[ $output == *"/plugin/select_cons_tres.so"* ]]
	[[ $output != *gputopo_topology* && $output != *jansson* ]]
	[ -e "$CLUSTER/plugin/gputopo_topology.so" ]
	gputopo_conf
}

@test "Mode=observe gives what stock Slurm gives, and logs what it would have given" {
	local seed=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))}
	echo "# seed $seed" >&3
	gputopo_conf Mode=observe DecisionLog="$CLUSTER/decisions"
	cluster_run "$CLUSTER/states" -n n0 -s "$seed" -c 20 >"$BATS_TEST_TMPDIR/observe"
	cp "$CLUSTER/decisions" "$BATS_TEST_TMPDIR/decisions"
	gputopo_conf Mode=off
	cluster_run "$CLUSTER/states" -n n0 -s "$seed" -c 20 >"$BATS_TEST_TMPDIR/off"
	diff "$BATS_TEST_TMPDIR/observe" "$BATS_TEST_TMPDIR/off"
	run grep -c '"changed":true' "$BATS_TEST_TMPDIR/decisions"
	assert_equal "$output" 0
	grep -q '"reason":"observed"' "$BATS_TEST_TMPDIR/decisions"
	# would-be sets are never slower than stock's
	sed 's/.*"stock_gbps":\([0-9.]*\),"gbps":\([0-9.]*\),.*/\1 \2/; /[a-z]/d' \
		"$BATS_TEST_TMPDIR/decisions" |
		awk '$2 < $1 {bad++} $2 > $1 {better++} END {exit bad > 0 || better == 0}'
}

# four: the GPUs of a 4-GPU job on n0 with 1,3-4,6-7 free. Stock Slurm 22.05 gives 2 links
# of 6 and no ring; every release gives other GPUs than the best.
four() {
	make_free n0 1,3-4,6-7
	give -w n0 -N1 --gpus=4
	cluster_run scancel -u root
	cluster_wait_idle
}

@test "a broken gputopo.conf keeps the old settings, a good one takes effect again" {
	local stock best
	gputopo_conf Mode=off
	stock=$(four)
	gputopo_conf "Mode=enforce" "Modus=x"
	# From 24.05 on a reconfigure is a new slurmctld, which has no old settings: stock then.
	grep -q "gputopo.conf:2: unknown key 'Modus'" "$CLUSTER/log/slurmctld"
	assert_equal "$(four)" "$stock"
	gputopo_conf "Mode=enforce"
	best=$(four)
	assert_best dgx1v 1,3-4,6-7 "${best#* }"
	[ "$best" != "$stock" ]
}
