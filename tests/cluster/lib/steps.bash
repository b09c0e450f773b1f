# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of steps inside a job; after bats.bash. The job's number is in $job, its steps
# are numbered from 0 as they are started here.

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

STEP_GPUS=()
STEP_SRUN=()

# Start the file's cluster with both plugins.
steps_file_start() {
	cluster_file_start "$@"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "optional $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
}

# Skip what needs StepChoice=: from 25.05 on Slurm asks no select plugin about steps.
needs_step_choice() {
	local release
	release=$(cluster_release "${GPUTOPO_SLURM_ROOT:-}")
	case $release in
	22.* | 23.* | 24.*) ;;
	*) skip "Slurm $release chooses the GPUs of steps by itself" ;;
	esac
}

# step_start TASKS OPTION...: start a step of the job that stays, and wait until it runs. Its
# GPUs on its first node are in STEP_GPUS.
step_start() {
	local n=${#STEP_GPUS[@]} tasks=$1 i at
	at=$CLUSTER/jobs/step.$job.$n
	shift
	rm -f "$at".*
	cluster_run srun --jobid="$job" --exact -n "$tasks" "$@" sh -c "
		echo \${SLURM_STEP_GPUS:--} >$at.new.\$SLURM_PROCID
		mv $at.new.\$SLURM_PROCID $at.gpus.\$SLURM_PROCID
		while [ ! -e $at.end ]; do sleep 0.1; done" >"$at.out" 2>&1 3>&- &
	STEP_SRUN[n]=$!
	for ((i = 0; i < 400; i++)); do
		set -- "$at".gpus.*
		if [ $# = "$tasks" ] && [ -e "$1" ]; then
			STEP_GPUS[n]=$(tr , '\n' <"$1" | cat - "$at".gpus.* | tr , '\n' | sort -nu | paste -sd,)
			return 0
		fi
		kill -0 "${STEP_SRUN[n]}" 2>/dev/null || break
		sleep 0.05
	done
	echo "the step has not started: $(cat "$at.out")"
	return 1
}

# _step_gone N: srun of that step has ended, within a minute; one that hangs is killed.
_step_gone() {
	local i
	for ((i = 0; i < 1200; i++)); do
		kill -0 "${STEP_SRUN[$1]}" 2>/dev/null || return 0
		sleep 0.05
	done
	echo "step $1 does not end: $(cat "$CLUSTER/jobs/step.$job.$1.out" 2>/dev/null)"
	kill -KILL "${STEP_SRUN[$1]}"
	return 1
}

# step_end N: let it end, and wait for it.
step_end() {
	local at=$CLUSTER/jobs/step.$job.$1
	: >"$at.end"
	_step_gone "$1" || return 1
	wait "${STEP_SRUN[$1]}" || { cat "$at.out"; return 1; }
	STEP_GPUS[$1]=
}

# steps_wait: every srun has ended, well or not.
steps_wait() {
	local n status=0
	for n in "${!STEP_SRUN[@]}"; do
		_step_gone "$n" || status=1
	done
	STEP_GPUS=() STEP_SRUN=()
	return $status
}

# End what is left.
steps_end() {
	cluster_run scancel -u root
	steps_wait
}

# busbw NODE LIST: the all-reduce bandwidth of these GPUs, GB/s.
busbw() {
	"$GPUTOPO_BUILDDIR/gputopo" pick -t "$CLUSTER/etc/gres.conf" --node "$1" --free "$2" \
		-n "$(count "$2")" --json | sed -n 's/.*"busbw_gbps": *\([0-9]*\).*/\1/p' | head -n 1
}

# What no step of the job holds, of its GPUs on its first node.
steps_free() {
	without "$(cluster_job_gpus "$job" | head -n 1 | cut -d' ' -f2)" \
		"$(printf '%s\n' "${STEP_GPUS[@]}" | grep . | paste -sd,)"
}

# steps_sequence NODE SEED FILE: a job, with the options STEPS_JOB, of 4 to 8 GPUs on the node, with cores enough or one
# for each GPU, and steps in it that start and end. Adds to FILE a line of check_states for
# each step, in whose state the seed is.
steps_sequence() {
	local node=$1 seed=$2 file=$3 gpus cores free n k form ops
	RANDOM=$seed
	STEP_GPUS=() STEP_SRUN=()
	gpus=$((4 + RANDOM % 5))
	cores=$((RANDOM % 2 ? 32 : gpus))
	# shellcheck disable=SC2086
	job=$(ask -w "$node" -N1 -n "$cores" --gpus-per-node=$gpus ${STEPS_JOB:-}) || return 1
	for ((ops = 0; ops < 8; ops++)); do
		free=$(steps_free)
		if [ -z "$free$(printf %s "${STEP_GPUS[@]}")" ]; then
			echo "job $job has no GPUs: $(cluster_run scontrol -d -o show job "$job" 2>&1)"
			return 1
		fi
		n=$((RANDOM % (${#STEP_GPUS[@]} + 1)))
		if [ -z "$free" ] || { [ "$((RANDOM % 3))" = 0 ] && [ -n "${STEP_GPUS[n]:-}" ]; }; then
			while [ -z "${STEP_GPUS[n]:-}" ]; do
				n=$(((n + 1) % ${#STEP_GPUS[@]}))
			done
			step_end "$n" || return 1
			continue
		fi
		k=$((1 + RANDOM % $(count "$free")))
		[ "$k" -le 4 ] || k=$((k - 3))
		form=$((RANDOM % 4))
		case $form in
		0) step_start 1 --gpus=$k ;;
		1) step_start 1 --gres=gpu:$k ;;
		2) step_start $k --gpus-per-task=1 ;;
		3) step_start 1 --gpus-per-node=$k ;;
		esac || return 1
		n=$((${#STEP_GPUS[@]} - 1))
		printf '%s\t%s\t%s\t%s\t%s\t\n' "$seed" "$free" "form$form" "$k" "${STEP_GPUS[n]}" >>"$file"
		cluster_run scontrol show step "$job.$n" |
			sed -n "s/^ *\(State=.*CPUs\|.*TRES\)=/$seed.$n \1=/p" | sort >>"$file.tres"
		assert_equal "$(count "${STEP_GPUS[n]}")" "$k" || return 1
		assert_equal "$(without "${STEP_GPUS[n]}" "$free")" "" || return 1
	done
	for n in "${!STEP_GPUS[@]}"; do
		[ -z "${STEP_GPUS[n]}" ] || step_end "$n" || return 1
	done
	# all are given back: one step takes them together
	step_start 1 --gpus=$gpus || return 1
	assert_equal "$(count "${STEP_GPUS[-1]}")" "$gpus" || return 1
	step_end $((${#STEP_GPUS[@]} - 1)) || return 1
	cluster_run scancel "$job"
	cluster_gone "$job"
}
