# SPDX-License-Identifier: GPL-2.0-or-later
# NVLink domains over nodes, wishes of every form, jobs that come back, refusals in words,
# comments, and the report of a real log.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"
: "${GPUTOPO_SUBMIT:=$GPUTOPO_BUILDDIR/plugin/.libs/job_submit_gputopo.so}"

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v n3=dgx1v
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	cp "$GPUTOPO_SUBMIT" "$CLUSTER/plugin/job_submit_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
	# a requeued job may begin once its credential has expired: after 120 s by default
	cluster_conf DebugFlags=NO_CONF_HASH,SelectType \
		AuthInfo=socket=/run/munge/munge.socket.2,cred_expire=5
	cluster_restart_ctld
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	[ -n "$CLUSTER_MISSING" ] || gputopo_conf
}

gputopo_conf() {
	printf '%s\n' "$@" >"$CLUSTER/etc/gputopo.conf"
	rm -f "$CLUSTER/decisions"
	cluster_run scontrol reconfigure
	sleep 0.5
	cluster_wait_nodes
}

wish() {
	submit "$@" --wrap "sleep 300"
}

nodes_of() {
	cluster_run squeue -h -o %N -j "$1"
}

stays_pending() {
	sleep 3
	assert_equal "$(cluster_job_state "$1")" PENDING
}

@test "domains: jobs of two nodes are inside one, whatever stock would take" {
	gputopo_conf "NodeName=n0 Domain=a" "NodeName=n[1-2] Domain=b" "NodeName=n3 Domain=a"
	local id
	# stock takes n0 and n1, of two domains; n0 and n3 are not neighbours
	for form in "-N2 --gpus-per-node=4" "-N2 --gpus=16" "-N2 -n4 --gpus-per-task=1" \
		"-N2 --exclusive --gpus-per-node=8"; do
		# shellcheck disable=SC2086
		id=$(ask $form)
		[[ $(nodes_of "$id") == "n[0,3]" || $(nodes_of "$id") == "n[1-2]" ]]
		cluster_run scancel "$id"
		cluster_wait_idle
	done
	# a has no room: b
	make_free n3 0-1
	assert_equal "$(nodes_of "$(ask -N2 --gpus-per-node=4)")" "n[1-2]"
	# nor has b any more: across, as stock does
	ask -w n1 -N1 --gpus=4 >/dev/null
	assert_equal "$(nodes_of "$(ask -N2 --gpus-per-node=4)")" "n[0,2]"
}

@test "domains: three nodes of one, and four across" {
	gputopo_conf "NodeName=n0 Domain=a" "NodeName=n[1-3] Domain=b"
	local id
	id=$(ask -N3 --gpus-per-node=4)
	assert_equal "$(nodes_of "$id")" "n[1-3]"
	cluster_run scancel "$id"
	cluster_wait_idle
	assert_equal "$(nodes_of "$(ask -N4 --gpus-per-node=4)")" "n[0-3]"
}

@test "domains: never against the admin's weights, -w, --contiguous or topology/tree" {
	gputopo_conf "NodeName=n0 Domain=a" "NodeName=n[1-2] Domain=b" "NodeName=n3 Domain=a"
	assert_equal "$(nodes_of "$(ask -N2 -w n0,n1 --gpus-per-node=2)")" "n[0-1]"
	cluster_run scancel -u root
	cluster_wait_idle
	cluster_run scontrol update NodeName=n1,n2 Weight=100
	cluster_run scontrol update NodeName=n3 Weight=50
	assert_equal "$(nodes_of "$(ask -N2 --gpus-per-node=2)")" "n[0,3]"
	cluster_run scancel -u root
	cluster_wait_idle
	cluster_run scontrol update NodeName=n0,n1,n2,n3 Weight=1
	printf '%s\n' "SwitchName=s0 Nodes=n0,n1" "SwitchName=s1 Nodes=n2,n3" \
		"SwitchName=top Switches=s0,s1" >"$CLUSTER/etc/topology.conf"
	cluster_conf TopologyPlugin=topology/tree
	cluster_restart_ctld
	assert_equal "$(nodes_of "$(ask -N2 --gpus-per-node=4)")" "n[0-1]"
	rm "$CLUSTER/etc/topology.conf"
	sed -i '/^TopologyPlugin/d' "$CLUSTER/etc/slurm.conf"
	cluster_run scancel -u root
	cluster_restart_ctld
	assert_equal "$(nodes_of "$(ask -N2 --contiguous --gpus-per-node=4)")" "n[0-1]"
}

@test "wishes with enforced binding: the job waits, and starts on what was asked" {
	make_free n0 0,5
	local n id
	for n in n1 n2 n3; do
		make_free $n ""
	done
	id=$(wish -w n0 -N1 --gpus=2 --gres-flags=enforce-binding --gpu-min-busbw=40)
	stays_pending "$id"
	cluster_run scancel -w n0 -t RUNNING
	cluster_wait_job "$id" RUNNING 30
	[ "$(count "$(cluster_job_gpus "$id" | cut -d' ' -f2)")" = 2 ]
	assert_best dgx1v 0-7 "$(cluster_job_gpus "$id" | cut -d' ' -f2)"
}

@test "wishes with --exclusive: the node is as good as its best set" {
	local id
	id=$(wish -N1 --exclusive --gpus=2 --gpu-min-busbw=40)
	cluster_wait_job "$id" RUNNING
	run wish -N1 --exclusive --gpus=2 --gpu-min-busbw=41
	[ "$status" -ne 0 ]
}

@test "wishes over several nodes: each node's share meets them" {
	local n id got
	for n in n0 n1 n2; do
		make_free $n 0,5-6
	done
	make_free n3 0-1
	id=$(wish -N2 --gpus=4 --gpu-topo=ring)
	cluster_wait_job "$id" RUNNING 30
	while read -r _ got; do
		[[ $got == 5-6 || $got == 0-1 ]]
	done < <(cluster_job_gpus "$id")
	# one pair of 40 GB/s is left on each of n1 and n2, or on one of them: two wait
	id=$(wish -N4 --gpus=8 --gpu-min-busbw=40)
	stays_pending "$id"
}

@test "a requeued job gets its former GPUs back where that costs nothing" {
	local id before
	id=$(submit --requeue -N1 --gpus=2 --wrap "sleep 300")
	cluster_wait_job "$id" RUNNING
	before=$(cluster_job_gpus "$id")
	# what a fresh job would take is something else by now
	ask -w "${before%% *}" -N1 --gpus=2 >/dev/null
	cluster_run scontrol requeue "$id"
	cluster_wait_job "$id" PENDING
	cluster_restart_ctld
	cluster_wait_job "$id" RUNNING 60
	assert_equal "$(cluster_job_gpus "$id")" "$before"
}

@test "a requeued job that asked for a bandwidth gets no less than it had" {
	local id n
	id=$(submit --requeue -w n0 -N1 --gpus=2 --gpu-min-busbw=20 --wrap "sleep 300")
	cluster_wait_job "$id" RUNNING
	assert_best dgx1v 0-7 "$(cluster_job_gpus "$id" | cut -d' ' -f2)"
	# only 20 GB/s are free when it comes back: it had 40, and waits for them
	cluster_run scontrol requeuehold "$id"
	cluster_wait_job "$id" PENDING
	make_free n0 0-1
	cluster_run scontrol release "$id"
	stays_pending "$id"
	cluster_run scancel -t RUNNING -w n0
	cluster_wait_job "$id" RUNNING 60
	assert_best dgx1v 0-7 "$(cluster_job_gpus "$id" | cut -d' ' -f2)"
}

@test "job_submit/gputopo: the refusal names the best that a node could give" {
	cluster_conf JobSubmitPlugins=gputopo
	cluster_restart_ctld
	run wish --gpus=2 --gpu-min-busbw=41
	[ "$status" -ne 0 ]
	[[ $output == *"gputopo: --gpu-min-busbw=41: no node can give 2 GPUs that bandwidth; the best that any node can give is 40 GB/s (n0)"* ]]
	run wish -N2 --gpus-per-node=2 --gpu-min-busbw=41
	[[ $output == *"no node can give 2 GPUs that bandwidth"* ]]
	cluster_wait_job "$(wish --gpus=2 --gpu-min-busbw=40)" RUNNING
	sed -i '/^JobSubmitPlugins/d' "$CLUSTER/etc/slurm.conf"
	cluster_restart_ctld
	run wish --gpus=2 --gpu-min-busbw=41
	[ "$status" -ne 0 ]
	[[ $output != *gputopo* ]]
}

@test "AdminComment if asked for; one line a job under DebugFlags=SelectType" {
	local id
	gputopo_conf AdminComment=no
	make_free n0 1,3-4,6-7
	id=$(ask -w n0 -N1 --gpus=4)
	assert_equal "$(cluster_run scontrol show job "$id" | grep -c AdminComment || true)" 0
	assert_equal "$(grep -c "gputopo: job $id: n0 " "$CLUSTER/log/slurmctld")" 1
	cluster_run scancel "$id"
	gputopo_conf AdminComment=yes
	id=$(ask -w n0 -N1 --gpus=4)
	cluster_run scontrol show job "$id" | grep -q "AdminComment=gputopo: n0 .* GB/s"
	id=$(ask -w n1 -N1 --gpus=1)
	assert_equal "$(cluster_run scontrol show job "$id" | grep -c AdminComment || true)" 0
}

@test "gputopo report of a real log: jobs, splits avoided, GPU-hours" {
	gputopo_conf DecisionLog="$CLUSTER/decisions"
	make_free n0 1,3-4,6-7
	make_free n1 0-1
	make_free n2 0-1
	make_free n3 0-1
	local id log=$BATS_TEST_TMPDIR/log
	cp "$CLUSTER/decisions" "$log.before"
	# stock would take n1 and n2; four GPUs are free on n0 only
	id=$(submit --gpus=4 --wrap "sleep 2")
	cluster_wait_job "$id" COMPLETED
	# the metrics' own clock is a second wide
	tail -n "+$(($(wc -l <"$log.before") + 1))" "$CLUSTER/decisions" >"$log"
	run "$GPUTOPO_BUILDDIR/gputopo" report "$log" --json
	[ "$status" = 0 ]
	[[ $output == *'"lines": 2, "bad_lines": 0, "ends": 1'* ]]
	[[ $output == *'"starts": 1, "splits": 0'* ]]
	[[ $output == *'"k": 4'* && $output == *'"open": 0'* ]]
	# 4 GPUs for two seconds or a little more
	grep -o '"gpu_hours": [0-9.e-]*' <<<"$output" | head -n 1 |
		awk '{exit !($2 >= 4 * 2 / 3600 - 1e-6 && $2 < 4 * 20 / 3600)}'
	run "$GPUTOPO_BUILDDIR/gputopo" report "$CLUSTER/decisions"
	[[ $output == *"Why stock's set was kept:"* || $output == *"GPU-hours:"* ]]
}

@test "slurmctld's log has no error but the known ones" {
	run grep -E '\] (error|fatal):' "$CLUSTER/log/slurmctld"
	output=$(grep -vE "High latency|mpi/pmix|gres_min_cpus|auth_p_get_host|msg_type=SRUN_JOB_COMPLETE|Could not open .* state file|backup state|slurm_receive_msg|topology" \
		<<<"$output" || true)
	echo "$output"
	[ -z "$output" ]
}
