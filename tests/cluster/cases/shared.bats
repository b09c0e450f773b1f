# SPDX-License-Identifier: GPL-2.0-or-later
# Shards beside whole GPUs, and what newer releases add: cores kept for GPU jobs and a
# binding enforced for everybody.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

setup_file() {
	CLUSTER_MISSING=$(cluster_missing)
	export CLUSTER_MISSING RELEASE
	[ -z "$CLUSTER_MISSING" ] || return 0
	RELEASE=$(cluster_release "$GPUTOPO_SLURM_ROOT")
	local more=()
	is_old || more=(r0=restricted --partition "PartitionName=few Nodes=r0 MaxTime=INFINITE")
	cluster_file_start s0=shards "${more[@]}" \
		--partition "PartitionName=p Nodes=s0 Default=YES MaxTime=INFINITE"
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

is_old() {
	[[ $RELEASE < 24 ]]
}

# shards ID: the GPU of a job with shards.
shards() {
	cluster_run scontrol -d -o show job "$1" | grep -o 'GRES=shard:[^ ]*' |
		grep -o '([^)]*)' | head -n 1
}

@test "whole GPUs of a node with shards: the best of those without a shard in use" {
	# a shard of GPU 0
	ask -N1 --gres=shard:1 >/dev/null
	local got first
	first=$(give -N1 --gpus=2)
	assert_best dgx1v 1-7 "${first#s0 }"
	got=$(give -N1 --gpus-per-node=3)
	assert_best dgx1v "$(without 1-7 "${first#s0 }")" "${got#s0 }"
	# two GPUs are left; a shard job still fits beside the first, whole GPUs are used up
	got=$(give -N1 --gres=gpu:2)
	assert_disjoint "${first#s0 }" "${got#s0 }" 0
	ask -N1 --gres=shard:3 >/dev/null
	run ask -N1 --gpus=1
	[ "$status" -ne 0 ]
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

@test "jobs with shards are stock's" {
	local stock ours id
	ask -N1 --gpus=3 >/dev/null
	id=$(ask -N1 --gpu-topo=off --gres=shard:2)
	stock=$(cluster_run scontrol -d -o show job "$id" | grep -o ' GRES=[^ ]*')
	cluster_run scancel "$id"
	sleep 1
	id=$(ask -N1 --gres=shard:2)
	ours=$(cluster_run scontrol -d -o show job "$id" | grep -o ' GRES=[^ ]*')
	assert_equal "$ours" "$stock"
}

@test "--gres-flags=one-task-per-sharing: whole GPUs as ever, shards are stock's" {
	! is_old || skip "not in $RELEASE"
	local got
	cluster_conf SelectTypeParameters=CR_Core_Memory,MULTIPLE_SHARING_GRES_PJ
	cluster_restart_ctld
	got=$(give -N1 -n2 --tres-per-task=gres/shard:1 --gres-flags=one-task-per-sharing)
	[ -n "$got" ]
	got=$(give -N1 --gpus=2)
	[ "$(count "${got#s0 }")" = 2 ]
	cluster_run scancel -u root
	cluster_conf SelectTypeParameters=CR_Core_Memory
	cluster_restart_ctld
}

@test "RestrictedCoresPerGPU: the same CPUs as stock gives, and best sets" {
	! is_old || skip "not in $RELEASE"
	local form id stock ours list
	while read -r form; do
		# shellcheck disable=SC2086
		id=$(ask -p few --gpu-topo=off -N1 $form </dev/null)
		stock=$(cluster_run scontrol -o show job "$id" </dev/null | grep -o ' NumCPUs=[^ ]*')
		cluster_run scancel "$id" </dev/null
		cluster_wait_idle </dev/null
		# shellcheck disable=SC2086
		id=$(ask -p few -N1 $form </dev/null)
		ours=$(cluster_run scontrol -o show job "$id" </dev/null | grep -o ' NumCPUs=[^ ]*')
		list=$(cluster_job_gpus "$id" </dev/null | cut -d' ' -f2)
		assert_equal "$form $ours" "$form $stock"
		assert_best dgx1v 0-7 "$list"
		cluster_run scancel "$id" </dev/null
		cluster_wait_idle </dev/null
	done <<-EOF
	--gpus=2
	-n2 --gpus=4
	--gres=gpu:3
	-n2 --gpus-per-task=1
	EOF
	# a job without GPUs keeps off the kept cores: 40 - 16 of them
	run ask -p few -N1 -n25
	[ "$status" -ne 0 ]
	# and with all others taken, GPU jobs still start
	ask -p few -N1 -n24 >/dev/null
	list=$(give -p few -N1 -n2 --gpus=2)
	assert_best dgx1v 0-7 "${list#r0 }"
}

@test "ENFORCE_BINDING_GRES: as --gres-flags=enforce-binding" {
	! is_old || skip "not in $RELEASE"
	local id line cpus gpu
	cluster_conf SelectTypeParameters=CR_Core_Memory,ENFORCE_BINDING_GRES
	cluster_restart_ctld
	make_free s0 1,3-4,6-7
	id=$(ask -N1 -n2 --gpus=2)
	line=$(cluster_run scontrol -d -o show job "$id" |
		grep -o 'CPU_IDs=[^ ]* Mem=[^ ]* GRES=[^ ]*')
	cpus=$(cluster_expand "$(sed 's/CPU_IDs=\([^ ]*\).*/\1/' <<<"$line")")
	for gpu in $(cluster_expand "$(cluster_job_gpus "$id" | cut -d' ' -f2)"); do
		local near=0
		for cpu in $cpus; do
			near=$((near + (cpu / 20 == gpu / 4)))
		done
		[ "$near" -gt 0 ]
	done
	cluster_conf SelectTypeParameters=CR_Core_Memory
	cluster_restart_ctld
}

@test "slurmctld's log has no error but the known ones" {
	run grep -E '\] (error|fatal):' "$CLUSTER/log/slurmctld"
	output=$(grep -vE "High latency|mpi/pmix|gres_min_cpus|auth_p_get_host|msg_type=SRUN_JOB_COMPLETE|Could not open .* state file|backup state" \
		<<<"$output" || true)
	echo "$output"
	[ -z "$output" ]
}
