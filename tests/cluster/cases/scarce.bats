# SPDX-License-Identifier: GPL-2.0-or-later
# Cores nearly full: whatever stock Slurm can start, starts with gputopo as well, at once,
# with the same nodes, CPUs, tasks, memory and number of GPUs, a near core where stock has
# one, and GPUs that are at least as well connected. Stock's own choice in the same state
# is that of --gpu-topo=off.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"
STATES=${GPUTOPO_SCARCE_STATES:-5}

setup_file() {
	cluster_file_start n0=dgx1v
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
	echo "DecisionLog=$CLUSTER/decisions" >"$CLUSTER/etc/gputopo.conf"
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

# Leave 3 to 7 GPUs and 1 to 9 cores free, by jobs of one core each and a few larger ones.
scarce_state() {
	local gpus free cores used
	gpus=$((RANDOM % 5 + 3))
	free=$(seq 0 7 | shuf -n $gpus --random-source=<(yes $RANDOM) | sort -n | paste -sd,)
	cores=$((RANDOM % 9 + 1))
	make_free n0 "$free" || return 1
	used=$((8 - gpus))
	# block fills one socket first, cyclic both
	ask -n $((40 - used - cores)) -m "block:$([ $((RANDOM % 2)) = 0 ] && echo block ||
		echo cyclic)" >/dev/null || return 1
	echo "free GPUs $free, $cores cores"
}

# what ID: all that must be as stock has it.
what() {
	cluster_run scontrol -o show job "$1" |
		grep -o ' \(NumNodes\|NumCPUs\|NumTasks\|CPUs/Task\|AllocTRES\|MinMemory[A-Za-z]*\)=[^ ]*' |
		tr -d '\n'
}

# near ID: does the job have a core on the socket of one of its GPUs?
near() {
	local line cpus gpus gpu cpu
	line=$(cluster_run scontrol -d -o show job "$1" | grep -o 'CPU_IDs=[^ ]* Mem')
	cpus=${line#CPU_IDs=}
	cpus=$(cluster_expand "${cpus% Mem}")
	gpus=$(cluster_expand "$(cluster_job_gpus "$1" | cut -d' ' -f2)")
	for gpu in $gpus; do
		for cpu in $cpus; do
			[ $((gpu / 4)) != $((cpu / 20)) ] || { echo near; return; }
		done
	done
	echo far
}

# try OPTION...: "started WHAT near COUNT" or "waits"; the job is gone afterwards.
try() {
	local id i text
	text=$(cluster_run salloc --no-shell -I1 -t 60 "$@" 2>&1) || { echo waits; return; }
	id=$(sed -n 's/.*Granted job allocation //p' <<<"$text")
	echo "started$(what "$id") $(near "$id") $(count "$(cluster_job_gpus "$id" | cut -d' ' -f2)")"
	cluster_run scancel "$id"
	for ((i = 0; i < 100; i++)); do
		cluster_run sinfo -h -o %t | grep -q comp || return 0
		sleep 0.1
	done
}

@test "scarce cores: nothing is lost, later or otherwise than stock has it" {
	local seed=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} i state form stock ours
	local started=0 failed=0
	echo "# seed $seed, $STATES states" >&3
	RANDOM=$seed
	for ((i = 0; i < STATES; i++)); do
		cluster_run scancel -u root
		cluster_wait_idle
		state=$(scarce_state)
		while read -r form; do
			# shellcheck disable=SC2086
			stock=$(try --gpu-topo=off $form </dev/null)
			# shellcheck disable=SC2086
			ours=$(try $form </dev/null)
			[ "$stock" = waits ] || started=$((started + 1))
			# who says that cores do not matter is believed
			[[ $form != *disable-binding ]] || stock=${stock/ near / far } ours=${ours/ near / far }
			# a near core is a gain where stock has none
			if [ "$ours" != "$stock" ] && [ "$ours" != "${stock/ far / near }" ]; then
				echo "$state: $form"
				echo "stock: $stock"
				echo "ours:  $ours"
				failed=$((failed + 1))
			fi
		done <<-EOF
		--gpus=2
		-n2 --gpus=3
		--gpus-per-node=2
		-n3 --gpus-per-node=3
		--gres=gpu:2
		-c4 --gres=gpu:3
		-n2 --gpus-per-task=1
		-n1 -c3 --gpus-per-task=2
		--gpus=2 --cpus-per-gpu=2
		--gpus=2 --ntasks-per-gpu=1
		-n2 --sockets-per-node=2 --gpus-per-socket=1
		--gpus=2 --gres-flags=enforce-binding
		-n2 --gres=gpu:2 --gres-flags=enforce-binding
		-n3 --gres=gpu:2 --gres-flags=disable-binding
		--mem-per-gpu=10 --gpus=3
		--exclusive --gpus=2
		EOF
	done
	echo "# $started of $((STATES * 16)) requests started by stock" >&3
	[ "$failed" = 0 ]
	[ "$started" -gt "$STATES" ]
	# never slower GPUs than stock's
	sed -n 's/.*"stock_gbps":\([0-9.]*\),"gbps":\([0-9.]*\),.*/\1 \2/p' \
		"$CLUSTER/decisions" >"$BATS_TEST_TMPDIR/gbps"
	awk '$2 < $1 {bad++} $2 > $1 {better++}
		END {printf "# %d better, %d worse of %d\n", better, bad, NR
			exit bad > 0 || better == 0}' "$BATS_TEST_TMPDIR/gbps" >&3
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

@test "slurmctld's log has no error but the known ones" {
	run grep -E '\] (error|fatal):' "$CLUSTER/log/slurmctld"
	output=$(grep -vE "High latency|mpi/pmix|gres_min_cpus|auth_p_get_host|msg_type=SRUN_JOB_COMPLETE|Could not open .* state file|backup state" \
		<<<"$output" || true)
	echo "$output"
	[ -z "$output" ]
}
