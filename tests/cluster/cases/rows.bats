# SPDX-License-Identifier: GPL-2.0-or-later
# The rows of docs/design/plugin.md that other files do not show: settings of slurm.conf and
# requests under which stock Slurm's rules come first. --gpu-topo=off is stock's own choice
# in the same state, to compare with.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v p0=pcie o0=two_lines c0=one_line x0=sixteen \
		--partition "PartitionName=p Nodes=n0,n1,n2 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=all Nodes=ALL MaxTime=INFINITE" \
		--partition "PartitionName=lines Nodes=o0 MaxTime=INFINITE" \
		--partition "PartitionName=over Nodes=n0 OverSubscribe=FORCE:2 MaxTime=INFINITE" \
		--partition "PartitionName=lln Nodes=n0,n1,n2 LLN=yes MaxTime=INFINITE"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
	echo "NodeName=o0,c0 Topology=builtin:dgx1v" >"$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	sleep 0.5
	cluster_wait_nodes
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# make_free_in PARTITION NODE GPUS FREE: make_free for nodes outside the default partition.
make_free_in() {
	cluster_run "$CLUSTER/states" -p "$1" -n "$2" -g "$3" -f "$4"
}

# with_params VALUE: SelectTypeParameters from now on.
with_params() {
	cluster_run scancel -u root
	cluster_wait_idle
	cluster_conf "SelectTypeParameters=$1"
	cluster_restart_ctld
}

# got ID: nodes, CPUs, tasks and memory of a job, without which GPUs and cores.
got() {
	cluster_run scontrol -o show job "$1" |
		grep -o ' \(NumNodes\|NumCPUs\|NumTasks\|TRES\|AllocTRES\|MinMemory[A-Za-z]*\)=[^ ]*' |
		tr -d '\n'
}

end_job() {
	cluster_run scancel "$1"
	local i
	for ((i = 0; i < 100; i++)); do
		[[ $(cluster_job_state "$1") == CANCELLED ]] &&
			! cluster_run sinfo -h -o %t | grep -q comp && return 0
		sleep 0.1
	done
	return 1
}

# compare OPTION...: as stock in all but GPUs and cores; prints the job's nodes and GPUs.
compare() {
	local id stock
	id=$(ask --gpu-topo=off "$@") || return 1
	stock="$(cluster_job_gpus "$id" | sed 's/ .*//' | paste -sd,) $(got "$id")"
	end_job "$id"
	id=$(ask "$@") || return 1
	assert_equal "$(cluster_job_gpus "$id" | sed 's/ .*//' | paste -sd,) $(got "$id")" \
		"$stock" >&2 || return 1
	cluster_job_gpus "$id"
	end_job "$id"
}

# compare_best FREE OPTION...: the same, and on n0 a best set of FREE.
compare_best() {
	local free=$1 list
	shift
	list=$(compare "$@") || return 1
	assert_best dgx1v "$free" "${list#n0 }"
}

@test "least loaded nodes first: the node is stock's, by CR_LLN and by LLN=yes" {
	local params
	for params in CR_Core_Memory,CR_LLN CR_Core_Memory; do
		with_params $params
		make_free n0 1,3-4,6-7
		# n1 is less loaded than n2, and n2 is what node choice would take
		ask -w n1 -N1 -n4 >/dev/null
		make_free n2 4-7
		compare -p lln --gpus=4
		compare -p lln -n2 --gpus-per-node=2
		[ $params = CR_Core_Memory ] || compare --gpus=4
		cluster_run scancel -u root
		cluster_wait_idle
	done
}

@test "--spread-job, --use-min-nodes, --contiguous, --switches: stock's nodes, best sets" {
	make_free n0 1,3-4,6-7
	make_free n2 4-7
	local form
	# stock 24.11.5 dies of --spread-job with --gpus-per-task: docs/design/plugin.md
	for form in "--spread-job -n2 -N2 --gpus-per-node=2" "--use-min-nodes -N1-2 --gpus=4" \
		"--contiguous -N2 --gpus-per-node=2" "--contiguous -N1 --gpus=4" \
		"--switches=1 -N1 --gpus=4" "--switches=1@1 -N2 --gpus-per-node=2"; do
		# shellcheck disable=SC2086
		compare $form
	done
	compare_best 1,3-4,6-7 --switches=1 -w n0 -N1 --gpus=4
	compare_best 1,3-4,6-7 --contiguous -w n0 -N1 --gpus=3
	compare_best 1,3-4,6-7 --spread-job -w n0 -N1 --gpus=2
}

@test "--mem-per-gpu, --tres-per-task, --cpus-per-gpu, --ntasks-per-gpu, gpu-bind" {
	make_free n0 1,3-4,6-7
	compare_best 1,3-4,6-7 -w n0 -N1 --gpus=3 --mem-per-gpu=100
	compare_best 1,3-4,6-7 -w n0 -N1 --gpus-per-node=4 --mem-per-gpu=50
	compare_best 1,3-4,6-7 -w n0 -N1 --gpus=2 --cpus-per-gpu=3
	compare_best 1,3-4,6-7 -w n0 -N1 --gpus=2 --ntasks-per-gpu=2
	compare_best 1,3-4,6-7 -w n0 -N1 -n2 --gpus-per-task=1 --gpu-bind=none
	compare_best 1,3-4,6-7 -w n0 -N1 -n2 --gpus-per-task=1 --gpu-bind=single:1
	# --tres-per-task is of 23.11 and later
	if cluster_run salloc --help | grep -q tres-per-task; then
		compare_best 1,3-4,6-7 -w n0 -N1 -n2 --tres-per-task=gres/gpu:1
		compare_best 1,3-4,6-7 -w n0 -N1 -n2 --tres-per-task=cpu:2,gres/gpu:2
	else
		run cluster_run salloc --no-shell -I1 -n2 --tres-per-task=gres/gpu:1
		[ "$status" -ne 0 ]
	fi
}

@test "OverSubscribe: cores are shared, GPUs never; best sets" {
	local first second
	first=$(give -p over -N1 -c 40 --gpus=2)
	assert_best dgx1v 0-7 "${first#n0 }"
	# the same cores again
	second=$(give -p over -N1 -c 40 --gpus=3)
	assert_disjoint "${first#n0 }" "${second#n0 }"
	assert_best dgx1v "$(without 0-7 "${first#n0 }")" "${second#n0 }"
	cluster_run scancel -u root
	cluster_wait_idle
	make_free_in over n0 8 1,3-4,6-7
	compare_best 1,3-4,6-7 -p over -N1 --oversubscribe -n2 --gpus=4
	compare_best 1,3-4,6-7 -p over -N1 --gres=gpu:2
}

@test "CR_CPU, CR_Core, CR_Socket, each with and without memory" {
	local params
	for params in CR_CPU CR_CPU_Memory CR_Core CR_Socket CR_Socket_Memory CR_Core_Memory; do
		with_params $params
		case $params in
		CR_Socket*)
			# a core of a socket is the whole socket: nothing can be held on n0
			compare_best 0-7 -w n0 -N1 --gpus=2
			compare_best 0-7 -w n0 -N1 -n30 --gres=gpu:4
			compare_best 0-7 -w n0 -N1 --gpus-per-node=5
			;;
		*)
			make_free n0 1,3-4,6-7
			compare_best 1,3-4,6-7 -w n0 -N1 --gpus=4
			compare_best 1,3-4,6-7 -w n0 -N1 -n3 --gres=gpu:2
			compare_best 1,3-4,6-7 -w n0 -N1 -n3 --gpus-per-task=1
			;;
		esac
	done
}

@test "--gres-flags=disable-binding: a best set, wherever the cores are" {
	make_free n0 1,3-4,6-7
	compare_best 1,3-4,6-7 -w n0 -N1 --gpus=4 --gres-flags=disable-binding
	compare_best 1,3-4,6-7 -w n0 -N1 -n20 --gres=gpu:2 --gres-flags=disable-binding
}

@test "four GPUs in a line of gres.conf: a best set, and what the job sees is that" {
	make_free_in lines o0 8 1,3-4,6-7
	local file id idx
	file=$(script 'echo $CUDA_VISIBLE_DEVICES')
	id=$(submit -p all -w o0 -N1 --gpus=4 "$file")
	cluster_wait_job "$id" COMPLETED
	idx=$(cat "$CLUSTER/jobs/$id.out")
	assert_best dgx1v 1,3-4,6-7 "$idx"
	id=$(give -p all -w o0 -N1 --gres=gpu:3)
	assert_best dgx1v 1,3-4,6-7 "${id#o0 }"
}

# leave_free NODE GPUS GPU...: one-GPU jobs hold the other GPUs of a node for which states
# does not work: sixteen GPUs, or no IDX in what the node says of itself.
leave_free() {
	local node=$1 gpus=$2 i id
	shift 2
	for ((i = 0; i < gpus; i++)); do
		ask -p all -w "$node" -N1 --gpus=1 >/dev/null
	done
	for id in $(cluster_run squeue -h -t RUNNING -o %A -w "$node"); do
		[[ " $* " != *" $(cluster_job_gpus "$id" | cut -d' ' -f2) "* ]] || end_job "$id"
	done
	[ "$(cluster_run squeue -h -t RUNNING -o %A -w "$node" | wc -l)" = $((gpus - $#)) ]
}

@test "GPUs that are only counted: a best set, and what the job sees is that" {
	leave_free c0 8 1 3 4 6 7
	local file id idx form
	file=$(script 'echo $CUDA_VISIBLE_DEVICES')
	for form in --gpus=4 --gres=gpu:3 "-n2 --gpus-per-task=1" --gpus-per-node=2; do
		# shellcheck disable=SC2086
		id=$(submit -p all -w c0 -N1 $form "$file")
		cluster_wait_job "$id" COMPLETED
		idx=$(cat "$CLUSTER/jobs/$id.out")
		assert_best dgx1v 1,3-4,6-7 "$idx"
	done
	# a task of an array, whose number changes between the choice and the start
	id=$(submit -p all -w c0 -N1 --array=0-0 -o "$CLUSTER/jobs/array.%a" --gpus=2 "$file")
	cluster_wait_job "$id" COMPLETED
	assert_best dgx1v 1,3-4,6-7 "$(cat "$CLUSTER/jobs/array.0")"
	id=$(submit -p all -w c0 -N1 --array=0-1 -o "$CLUSTER/jobs/array.%a" --gpus=4 "$file")
	cluster_wait_job "${id}_0" COMPLETED
	cluster_wait_job "${id}_1" COMPLETED
	assert_best dgx1v 1,3-4,6-7 "$(cat "$CLUSTER/jobs/array.0")"
	assert_best dgx1v 1,3-4,6-7 "$(cat "$CLUSTER/jobs/array.1")"
	# stock alone takes the lowest, and nothing is lost in between
	assert_equal "$(give -p all -w c0 -N1 --gpu-topo=off --gpus=4)" "c0 1,3-4,6"
	assert_equal "$(give -p all -w c0 -N1 --gpus=1)" "c0 7"
	run ask -p all -w c0 -N1 --gpus=1
	[ "$status" -ne 0 ]
	cluster_run scancel -u root
	cluster_wait_idle
	cluster_restart_ctld
	assert_best dgx1v 0-7 "$(give -p all -w c0 -N1 --gpus=5 | cut -d' ' -f2)"
}

@test "sixteen GPUs: sets of one island" {
	local k got odd
	for k in 2 4 8; do
		got=$(give -p all -w x0 -N1 --gpus=$k)
		got=$(cluster_expand "${got#x0 }")
		odd=$(tr ' ' '\n' <<<"$got" | awk '{n += $1 % 2} END {print n}')
		[ "$odd" = 0 ] || [ "$odd" = $k ]
		cluster_run scancel -u root
		cluster_wait_idle
	done
	leave_free x0 16 0 1 3 6 8 11 13
	# of four: 1,3,11,13 are one island, by whichever form
	assert_equal "$(give -p all -w x0 -N1 --gres=gpu:4)" "x0 1,3,11,13"
}

@test "a node without topology beside one with: stock's set there, a best one here" {
	make_free n0 1,3-4,6-7
	local list
	list=$(compare -p all -w n0,p0 -N2 --gpus-per-node=4)
	assert_best dgx1v 1,3-4,6-7 "$(sed -n 's/^n0 //p' <<<"$list")"
	list=$(give -p all --gpu-topo=off -w p0 -N1 --gpus=4)
	cluster_run scancel -u root
	cluster_wait_idle
	assert_equal "$(give -p all -w p0 -N1 --gpus=4)" "$list"
	grep -q "node p0 keeps stock's choice of GPUs: no Topology= and no Links=" \
		"$CLUSTER/log/slurmctld"
}

@test "slurmctld's log has no error but the known ones" {
	run grep -E '\] (error|fatal):' "$CLUSTER/log/slurmctld"
	output=$(grep -vE "High latency|mpi/pmix|gres_min_cpus|auth_p_get_host|msg_type=SRUN_JOB_COMPLETE|Could not open .* state file|backup state|CR_Socket|Memory is not" \
		<<<"$output" || true)
	echo "$output"
	[ -z "$output" ]
}
