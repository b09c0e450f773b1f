# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo nodes, job and why on real daemons: sets held against the brute-force oracle,
# verdicts against what slurmctld then does, and each relaxation by submitting it.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=${GPUTOPO_PLUGIN%/*}/spank_gputopo.so}"

setup_file() {
	export SEED=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} STATES=${GPUTOPO_STATES:-8}
	cluster_file_start n0=dgx1v n1=dgx1v b0=bridged m0=instances \
		--also "${GPUTOPO_PLUGIN%/*}/job_submit_gputopo.so" \
		--conf JobSubmitPlugins=gputopo \
		--partition "PartitionName=p Nodes=n0,n1 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=b Nodes=b0 MaxTime=INFINITE" \
		--partition "PartitionName=m Nodes=m0 MaxTime=INFINITE"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	command -v jq >/dev/null || skip "jq is not installed"
	RANDOM=$SEED
}

# see COMMAND ARGS...: gputopo on what scontrol prints now.
see() {
	local command=$1
	shift
	{
		cluster_run scontrol -d show node
		cluster_run scontrol -d show job
		cluster_run scontrol show partition
	} >"$BATS_TEST_TMPDIR/state"
	"$GPUTOPO_BUILDDIR/gputopo" "$command" --from "$BATS_TEST_TMPDIR/state" \
		--conf "$CLUSTER/etc" "$@"
}

# A list of GPUs, each free with one half.
some_gpus() {
	local g out=()
	for g in 0 1 2 3 4 5 6 7; do
		[ $((RANDOM % 2)) = 0 ] || out+=("$g")
	done
	(IFS=,; echo "${out[*]}")
}

# "2,4-5" of a JSON list.
list() {
	jq -r 'map(tostring) | join(",")'
}

@test "nodes: every set is a best one, and no GPU is free that slurmctld has given" {
	local i node kind free k got
	for ((i = 0; i < STATES; i++)); do
		make_free n0 "$(some_gpus)"
		cluster_run "$CLUSTER/states" -n b0 -p b -f "$(some_gpus)"
		see nodes -N --json >"$BATS_TEST_TMPDIR/nodes"
		for node in n0 b0; do
			kind=dgx1v
			[ $node = n0 ] || kind=bridged
			free=$(jq -c ".rows[] | select(.nodes == \"$node\").free_gpus" \
				"$BATS_TEST_TMPDIR/nodes" | list)
			assert_equal "$(count "$free")" \
				"$(($(jq ".rows[] | select(.nodes == \"$node\").gpus" \
					"$BATS_TEST_TMPDIR/nodes") - $(count "$(used_on $node)")))"
			for k in 2 4 8; do
				got=$(jq -c ".rows[] | select(.nodes == \"$node\").sets[] |
					select(.k == $k) | .gpus // []" "$BATS_TEST_TMPDIR/nodes" | list)
				if [ "$(count "$free")" -lt $k ]; then
					assert_equal "$got" ""
				else
					assert_best $kind "$free" "$got"
				fi
			done
		done
		cluster_run scancel -u root
		cluster_wait_idle
	done
}

# relaxed OPTION...: the arguments of a job with these options in the place of its own.
relaxed() {
	local word form=--gpus-per-node=$k asked=("${wish[@]}")
	for word in "$@"; do
		case $word in
		--gpus-per-node=*) form=$word ;;
		--gpu-topo=best) asked=() ;;
		--gpu-min-busbw=*) asked=("$word") ;;
		*) echo "an option that nobody expects: $word" >&2; return 1 ;;
		esac
	done
	echo "$form ${asked[*]}"
}

@test "why: the same verdict as slurmctld's, and what it names starts" {
	local i id cause option wishes k wish started=0
	wishes=("--gpu-topo=ring" "--gpu-min-busbw=40" "--gpu-min-busbw=20" "")
	for ((i = 0; i < STATES; i++)); do
		make_free n0 "$(some_gpus)"
		make_free n1 "$(some_gpus)"
		read -ra wish <<<"${wishes[RANDOM % 4]}"
		k=$((2 + RANDOM % 3))
		id=$(submit -H -N1 --gpus-per-node=$k "${wish[@]}" --wrap "sleep 300")
		see why "$id" --json >"$BATS_TEST_TMPDIR/why" || [ $? = 3 ]
		assert_equal "$(jq -r '.wish // ""' "$BATS_TEST_TMPDIR/why")" "${wish[*]}"
		cause=$(jq -r .cause "$BATS_TEST_TMPDIR/why")
		cluster_run scontrol release "$id"
		if [ "$cause" = none ]; then
			cluster_wait_job "$id" RUNNING 20
			started=$((started + 1))
		else
			sleep 1.5
			assert_equal "$(cluster_job_state "$id") $cause" "PENDING $cause"
		fi
		cluster_run scancel "$id"
		cluster_gone "$id"
		while read -r option; do
			# shellcheck disable=SC2046,SC2086
			id=$(submit -N1 $(relaxed $option) --wrap "sleep 300")
			cluster_wait_job "$id" RUNNING 20
			cluster_run scancel "$id"
			cluster_gone "$id"
			started=$((started + 1))
		done < <(jq -r '.relax[].option | select(startswith("--partition") | not)' \
			"$BATS_TEST_TMPDIR/why")
		cluster_run scancel -u root
		cluster_wait_idle
	done
	[ $started -gt 0 ]
}

@test "squeue's reason: the connection where only that is wrong, else Slurm's own" {
	local links number
	make_free n0 0,5
	make_free n1 ""
	links=$(submit -N1 --gpus=2 --gpu-topo=ring --wrap "sleep 300")
	number=$(submit -N1 --gpus=3 --gpu-topo=ring --wrap "sleep 300")
	sleep 8
	assert_equal "$(cluster_run squeue -h -o %r -j "$number" | grep -c gputopo)" 0
	cluster_run squeue -h -o %R -j "$links" | grep -q "gputopo: waiting for GPUs that are connected"
	cluster_run scontrol show job "$links" | grep -q "AdminComment=gputopo: --gpu-topo=ring"
	assert_equal "$(see why "$links" --json | jq -r .cause)" connection
	assert_equal "$(see why "$number" --json | jq -r .cause)" number
	# and it is no longer told when one of the two is taken
	ask -w n0 -N1 --gpus=1
	sleep 8
	assert_equal "$(cluster_run squeue -h -o %R -j "$links" | grep -c gputopo)" 0
}

@test "job: the GPUs of each node, and the wish of a running job" {
	local id
	id=$(submit -N2 --gpus-per-node=2 --gpu-min-busbw=40 --wrap "sleep 300")
	cluster_wait_job "$id" RUNNING
	see job "$id" --json >"$BATS_TEST_TMPDIR/job"
	assert_equal "$(jq -c '[.wish, ([.nodes[].node] | sort), .gpus_per_node]' \
		"$BATS_TEST_TMPDIR/job")" '["--gpu-min-busbw=40",["n0","n1"],2]'
	assert_equal "$(jq -r '.nodes[] | select(.node == "n0") |
		"n0 " + (.gpus | map(tostring) | join(","))' "$BATS_TEST_TMPDIR/job")" \
		"n0 $(cluster_expand "$(used_on n0)" | tr ' ' ,)"
	jq -e '[.nodes[].busbw_gbps >= 40] | all' "$BATS_TEST_TMPDIR/job"
}

@test "nodes: instances that the admin made" {
	see nodes --json -n m0 >"$BATS_TEST_TMPDIR/nodes"
	assert_equal "$(jq -c '[.rows[0].gpus, ([.rows[0].instances[].free] | add)]' \
		"$BATS_TEST_TMPDIR/nodes")" '[4,8]'
	ask -p m -w m0 -N1 --gpus=a100_1g.5gb:3
	see nodes --json -n m0 >"$BATS_TEST_TMPDIR/nodes"
	assert_equal "$(jq -c '[.rows[0].free, ([.rows[0].instances[].free] | add)]' \
		"$BATS_TEST_TMPDIR/nodes")" '[4,5]'
}

@test "Mode=observe: a wish is accepted, and sbatch says that it is not enforced" {
	gputopo_conf "Mode=observe"
	run cluster_run sbatch -N1 --gpus=2 --gpu-topo=ring --wrap true
	[ "$status" = 0 ]
	[[ $output == *"is not enforced: Mode=observe"* ]]
	rm "$CLUSTER/etc/gputopo.conf"
	cluster_run scontrol reconfigure
	cluster_wait_nodes
	run cluster_run sbatch -N1 --gpus=2 --gpu-topo=ring --wrap true
	[[ $output != *enforced* ]]
}
