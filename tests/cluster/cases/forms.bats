# SPDX-License-Identifier: GPL-2.0-or-later
# Request forms and node kinds beside the plain ones: what the job sees, types, bindings,
# sockets, splits. Where stock's answer must stand, it stands.

load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v t0=typed t1=halves m0=mixed \
		--partition "PartitionName=p Nodes=n0,n1,n2 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=all Nodes=ALL MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# sees OPTION...: IDX by scontrol, SLURM_JOB_GPUS and CUDA_VISIBLE_DEVICES of one job on n0
# agree, and are a best set of the free GPUs 1,3-4,6-7.
sees() {
	local file id idx
	file=$(script 'echo "job $SLURM_JOB_GPUS"
		echo "cuda $CUDA_VISIBLE_DEVICES"
		scontrol -d show job $SLURM_JOB_ID | sed -n "s/.*IDX:\([0-9,-]*\)).*/idx \1/p"')
	id=$(submit -w n0 -N1 "$@" "$file")
	cluster_wait_job "$id" COMPLETED
	idx=$(sed -n 's/^idx //p' "$CLUSTER/jobs/$id.out")
	idx=$(cluster_expand "$idx")
	idx=${idx// /,}
	assert_equal "$(sed -n 's/^job //p' "$CLUSTER/jobs/$id.out")" "$idx"
	assert_equal "$(sed -n 's/^cuda //p' "$CLUSTER/jobs/$id.out")" "$idx"
	assert_best dgx1v 1,3-4,6-7 "$idx"
}

@test "IDX, SLURM_JOB_GPUS and CUDA_VISIBLE_DEVICES agree in every form" {
	make_free n0 1,3-4,6-7
	sees --gpus=4
	sees -n 3 --gpus=3
	sees --gpus=3 --cpus-per-gpu=2
	sees --gpus-per-node=4
	sees --gres=gpu:3
	sees -n32 --gres=gpu:2
	sees --gpus-per-task=1 -n 3
	sees -n1 -c4 --gpus-per-task=4
}

@test "srun in a step of its own: SLURM_STEP_GPUS and CUDA_VISIBLE_DEVICES are a best set" {
	make_free n0 1,3-4,6-7
	local out
	out=$(cluster_run srun -w n0 -N1 -n1 --gpus=4 \
		sh -c 'echo $SLURM_STEP_GPUS $CUDA_VISIBLE_DEVICES')
	assert_equal "${out% *}" "${out#* }"
	assert_best dgx1v 1,3-4,6-7 "${out% *}"
}

@test "--test-only and --immediate requests that do not fit are refused and leak nothing" {
	make_free n0 1,3-4,6-7
	cluster_run sbatch --test-only -w n0 -N1 --gpus=4 --wrap true
	run ask -w n0 -N1 --gpus=6
	[ "$status" -ne 0 ]
	run ask -w n0 -N1 --gpus=9
	[ "$status" -ne 0 ]
	assert_equal "$(without 0-7 "$(used_on n0)")" 1,3,4,6,7
}

@test "typed GPUs: only the asked type is given, the count of each type is kept" {
	local id gres
	for request in --gres=gpu:aa:2 --gpus=aa:3 --gpus-per-node=aa:4; do
		id=$(ask -p all -w t0 -N1 "$request")
		gres=$(cluster_run scontrol -d -o show job "$id" | grep -o ' GRES=[^ ]*')
		assert_equal "${gres%(*}" " GRES=gpu:aa:${request##*:}"
		# Slurm regroups the bits by type: 0-3 are aa
		assert_equal "$(without "$(cluster_job_gpus "$id" | cut -d' ' -f2)" 0-3)" ""
		cluster_run scancel "$id"
		cluster_wait_idle
	done
	id=$(ask -p all -w t0 -N1 --gres=gpu:aa:2,gpu:bb:2)
	gres=$(cluster_run scontrol -d -o show job "$id" | grep -o ' GRES=[^ ]*')
	[[ $gres == *gpu:aa:2* && $gres == *gpu:bb:2* ]]
	id=$(ask -p all -w t0 -N1 --gpus=4)
	assert_equal "$(count "$(used_on t0)")" 8
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

# two_types GPUS...: a job of one task of each request on t1, of whose GPUs all but 4 are
# free; prints its GPUs and why. On t1 the types lie on different sockets: 22.05.8 gives such
# a job one GPU of the type that is not near its core, whatever it asked.
two_types() {
	local id request
	gputopo_conf DecisionLog="$CLUSTER/decisions"
	for request; do
		ask -p all -w t1 -N1 --gpus=bb:1 >&2
		id=$(ask -p all -w t1 -N1 --gpus="$request")
		echo "$request" "$(sed -n "s/.*\"job\":$id,\"node\".*\"stock\":\"\([^\"]*\)\",\"chosen\":\"\([^\"]*\)\".*\"reason\":\"\([a-z]*\)\".*/\1 \2 \3/p" "$CLUSTER/decisions")"
		cluster_run scancel -u root
		cluster_wait_idle
	done
	gputopo_conf
}

@test "typed GPUs: two types in the job form, of one socket each" {
	local given
	given=$(two_types aa:2,bb:2 bb:2,aa:2 bb:3,aa:3)
	if [[ $(cluster_run sinfo -V) == *22.05* ]]; then
		assert_equal "$given" "aa:2,bb:2 0,3,5 1-2,5 changed
bb:2,aa:2 0,3,5 1-2,5 changed
bb:3,aa:3 0,2-3,5 1-3,5 changed"
	else
		assert_equal "$given" "aa:2,bb:2 0,3,5,7 1-2,5-6 changed
bb:2,aa:2 0,3,5,7 1-2,5-6 changed
bb:3,aa:3 0,2-3,5-7 1-3,5-7 changed"
	fi
}

# slurmctld's lines about GPUs that do not add up; $1 = counts: without those about types
complaints() {
	grep -i 'gres.*\(overlap\|underflow\|overallocated\|bitmap size bad\)' \
		"$CLUSTER/log/slurmctld" | tail -n "+$((complained + 1))" |
		if [ "$1" = counts ]; then grep -v ' type [ab]* gres count underflow'; else cat; fi
}

# span_types RESTART: two untyped jobs over both types of t0, slurmctld restarted or not,
# a third job, and stock's forecast, which takes them off a copy of the node one by one.
span_types() {
	local first second third all
	complained=0
	complained=$(complaints all | wc -l)
	first=$(ask -p all -w t0 -N1 -t 60 --gpus=2)
	second=$(ask -p all -w t0 -N1 -t 120 --gpus=5)
	for all in "$first" "$second"; do
		all=$(cluster_job_gpus "$all")
		[[ ${all#t0 } == [0-3]* && ${all#t0 } == *[4-7] ]]
	done
	[ "$1" = no ] || cluster_restart_ctld
	third=$(ask -p all -w t0 -N1 -t 90 --gpus=1)
	cluster_run sbatch --test-only -p all -w t0 -N1 --gpus=8 --wrap true
	assert_disjoint $(for all in "$first" "$second" "$third"; do
		cluster_job_gpus "$all" | cut -d' ' -f2
	done)
	assert_equal "$(count "$(used_on t0)")" 8
	cluster_run scancel "$second"
	cluster_wait_job "$second" CANCELLED
	cluster_run scancel "$first" "$third"
	cluster_wait_idle
	assert_all_free
}

@test "typed GPUs: jobs over both types, counts add up now and in stock's forecast" {
	span_types no
	assert_equal "$(complaints all)" ""
}

# Stock 22.05 itself forgets counts of types then: docs/design/plugin.md.
@test "typed GPUs: jobs over both types and a restart, no GPU is lost or given twice" {
	span_types yes
	assert_equal "$(complaints counts)" ""
	complaints all >"$CLUSTER/excused"
	local got
	got=$(give -p all -w t0 -N1 --gres=gpu:bb:4)
	assert_equal "$(cluster_expand "${got#t0 }")" "4 5 6 7"
}

@test "typed GPUs: an untyped request gets as many as asked, and all come back" {
	local k id
	for k in 2 3 5 8; do
		id=$(ask -p all -w t0 -N1 --gpus=$k)
		assert_equal "$(count "$(cluster_job_gpus "$id" | cut -d' ' -f2)")" $k
		cluster_run scancel "$id"
		cluster_wait_idle
	done
	assert_all_free
}

@test "--gres-flags=enforce-binding: the GPUs lie on the sockets of the job's cores" {
	local id line cpus gpu
	make_free n0 1,3-4,6-7
	for request in --gpus=2 --gres=gpu:2 "--gpus-per-task=1 -n2"; do
		# shellcheck disable=SC2086
		id=$(ask -w n0 -N1 $request --gres-flags=enforce-binding)
		line=$(cluster_run scontrol -d -o show job "$id" |
			grep -o 'CPU_IDs=[^ ]* Mem=[^ ]* GRES=[^ ]*')
		cpus=$(sed 's/CPU_IDs=\([^ ]*\).*/\1/' <<<"$line")
		assert_equal "$(count "$(cluster_job_gpus "$id" | cut -d' ' -f2)")" 2
		for gpu in $(cluster_expand "$(cluster_job_gpus "$id" | cut -d' ' -f2)"); do
			# GPUs 0-3 are near cores 0-19, 4-7 near 20-39
			local near=0-19
			[ "$gpu" -lt 4 ] || near=20-39
			[ "$(count "$(without "$cpus" "$(without "$cpus" $near)")")" -gt 0 ]
		done
		cluster_run scancel "$id"
		cluster_wait_idle_gpus n0 3
	done
}

# Wait until exactly $2 GPUs of node $1 are in use and nothing completes.
cluster_wait_idle_gpus() {
	local i
	for ((i = 0; i < 100; i++)); do
		if [ "$(count "$(used_on "$1")")" = "$2" ] &&
		   ! cluster_run sinfo -h -n "$1" -o %t | grep -q comp; then
			return 0
		fi
		sleep 0.1
	done
	return 1
}

@test "--gpus-per-socket: each socket gives its share" {
	local id list
	id=$(ask -w n0 -N1 -n2 --sockets-per-node=2 --gpus-per-socket=2)
	list=$(cluster_job_gpus "$id" | cut -d' ' -f2)
	assert_equal "$(count "$list")" 4
	assert_equal "$(count "$(without "$list" 4-7)")" 2
	assert_equal "$(count "$(without "$list" 0-3)")" 2
}

@test "a job split over nodes: 2 GPUs free on each of three nodes, --gpus=4" {
	local id list total=0 nodes=0
	make_free n0 0,5
	make_free n1 1,4
	make_free n2 3,6
	id=$(ask --gpus=4)
	for list in $(cluster_run scontrol -d show job "$id" | sed -n 's/.*IDX:\([0-9,-]*\)).*/\1/p'); do
		nodes=$((nodes + 1))
		total=$((total + $(count "$list")))
	done
	assert_equal "$total GPUs on $nodes nodes" "4 GPUs on 2 nodes"
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

# Stock 24.11 takes CPUs for GPUs that are free, and fewer CPUs where fewer are.
@test "--cpus-per-gpu over several nodes: best sets on all, no fewer CPUs than asked" {
	local request id node list cpus
	make_free n0 1,3-4,6-7
	while read -r request; do
		# shellcheck disable=SC2086
		id=$(ask $request </dev/null)
		cpus=$(cluster_run squeue -h -o %C -j "$id" </dev/null)
		while read -r node list; do
			if [ "$node" = n0 ]; then
				assert_best dgx1v 1,3-4,6-7 "$list"
			else
				assert_best dgx1v 0-7 "$list"
			fi
			cpus=$((cpus - $(count "$list") * ${request##*=}))
		done < <(cluster_job_gpus "$id" </dev/null)
		[ "$cpus" -ge 0 ]
		cluster_run scancel "$id" </dev/null
		cluster_wait_idle_gpus n0 3 </dev/null
		cluster_wait_idle_gpus n1 0 </dev/null
	done <<-EOF
	-x n0 --gpus=12 --cpus-per-gpu=2
	-x n0 -n3 --gpus-per-task=4 --cpus-per-gpu=2
	-N3 --gpus=6 --cpus-per-gpu=2
	-w n0,n1 -n6 --gpus=6 --cpus-per-gpu=2
	-w n0,n1 -n2 --gpus-per-task=3 --cpus-per-gpu=3
	EOF
}

@test "a node with linked and unlinked GPUs: the linked ones first" {
	local id list
	for request in --gpus=4 --gres=gpu:4 --gpus-per-node=4; do
		id=$(ask -p all -w m0 -N1 "$request")
		list=$(cluster_job_gpus "$id" | cut -d' ' -f2)
		assert_best mixed 0-7 "$list"
		cluster_run scancel "$id"
		cluster_wait_idle
	done
}

# shape ID: what a job got apart from which GPUs and cores: nodes, CPUs, tasks, memory.
shape() {
	cluster_run scontrol -o show job "$1" |
		grep -o ' \(NumNodes\|NumCPUs\|NumTasks\|TRES\|CPUs/Task\|MinMemory[A-Za-z]*\)=[^ ]*' |
		tr -d '\n'
}

@test "nodes, CPUs, tasks and memory of every form are as stock Slurm gives them" {
	local file=$BATS_TEST_TMPDIR first id request pass
	cat >"$file/forms" <<-EOF
	--gpus=3
	-n3 --gpus=3
	--gpus=2 --cpus-per-gpu=4
	--gpus=4 --mem-per-gpu=100
	--gpus-per-node=3
	--gres=gpu:3
	-n32 --gres=gpu:2
	-n3 --gpus-per-task=1
	-n1 -c4 --gpus-per-task=3
	-n2 -c3 --gpus-per-task=2
	--gpus=2 --ntasks-per-gpu=2
	--gpus=2 --mem=500
	-n4 --mem-per-cpu=20 --gpus=2
	-n2 --sockets-per-node=2 --gpus-per-socket=1
	--gpus=2 --gres-flags=enforce-binding
	--gres=gpu:2 --gres-flags=disable-binding
	--gres=gpu:1
	--gpus=5
	--exclusive --gpus=2
	-c 20 --gpus=3
	EOF
	for pass in plugin stock; do
		cluster_use_$pass
		cluster_restart_ctld
		make_free n0 1,3-4,6-7
		while read -r request; do
			[[ $request != --exclusive* ]] || make_free n0 0-7 </dev/null
			# shellcheck disable=SC2086
			id=$(ask -w n0 -N1 $request </dev/null)
			echo "$request:$(shape "$id")"
			cluster_run scancel "$id" </dev/null
			if [[ $request == --exclusive* ]]; then
				cluster_wait_idle_gpus n0 0 </dev/null
				make_free n0 1,3-4,6-7 </dev/null
			fi
			cluster_wait_idle_gpus n0 3 </dev/null
		done <"$file/forms" >"$file/$pass"
	done
	cluster_use_plugin
	cluster_restart_ctld
	assert_equal "$(wc -l <"$file/plugin")" 20
	diff "$file/stock" "$file/plugin"
}

@test "slurmctld's log has no error but the known ones" {
	touch "$CLUSTER/excused"
	run grep -E '\] (error|fatal):' "$CLUSTER/log/slurmctld"
	output=$(grep -vE "High latency|mpi/pmix|gres_min_cpus|auth_p_get_host|msg_type=SRUN_JOB_COMPLETE|Could not open .* state file|backup state" \
		<<<"$output" | grep -vxFf "$CLUSTER/excused" || true)
	echo "$output"
	[ -z "$output" ]
}
