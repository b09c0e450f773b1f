# SPDX-License-Identifier: GPL-2.0-or-later
# ConstrainDevices=yes with cgroup/v1: a step can open its own GPUs and no others, also where
# gputopo exchanged them, and devices count from 0 in what it may use. The device files have a
# major number without a driver: opening one says ENXIO where the cgroup allows it, else EPERM.

load ../lib/bats.bash
load ../lib/steps.bash

GROUPS_V1=/sys/fs/cgroup/devices

setup_file() {
	CLUSTER_MISSING=
	export NODE=cg$$
	if ! mkdir "$GROUPS_V1/slurm_$NODE" 2>/dev/null; then
		export CLUSTER_MISSING="no devices cgroup can be made in $GROUPS_V1"
		return 0
	fi
	# shellcheck disable=SC2016
	steps_file_start --conf TaskPlugin=task/cgroup --setup '
		n=0
		while read -r file; do mknod "$file" c 195 $n; n=$((n + 1)); done <devices
		: >devices
		printf "CgroupPlugin=cgroup/v1\nConstrainDevices=yes\n" >etc/cgroup.conf' "$NODE=dgx1v"
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_BUILDDIR/gputopo" "$CLUSTER/"
	# LABEL CUDA_VISIBLE_DEVICES GPUTOPO_GPUS GB/s, and what can be opened
	cat >"$CLUSTER/jobs/look" <<-END
		opens=
		for i in 0 1 2 3 4 5 6 7; do
			case \$(cat $CLUSTER/dev/$NODE-gpu\$i 2>&1) in
			*"No such device"*) opens=\$opens,\$i ;;
			*"not permitted"*) ;;
			*) opens=\$opens,?
			esac
		done
		echo \$1 \$CUDA_VISIBLE_DEVICES \$GPUTOPO_GPUS \$GPUTOPO_BUSBW \${opens#,}
	END
}

teardown_file() {
	local status=0
	cluster_file_stop || status=1
	find "$GROUPS_V1/slurm_$NODE" -depth -type d -exec rmdir {} + 2>/dev/null || true
	return $status
}

setup() {
	cluster_test_start
}

@test "steps open the GPUs that they were exchanged for, and no others" {
	local out
	out=$(cluster_run salloc -Q -N1 -n16 --gpus=8 bash "$(script '
		srun --exact -n1 --gpus=1 sleep 20 &
		sleep 1
		srun --exact -n1 --gpus=4 sh look four
		srun --exact -n1 --gpus=2 sh look two
		kill %1')" 2>&1)
	echo "$out"
	[[ $out == *"four 0,1,2,3 4,5,6,7 80 4,5,6,7"* ]]
	[[ $out =~ two\ 0,1\ ([0-9,]+)\ 40\ ([0-9,]+) ]]
	assert_equal "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
}

@test "a job opens its own, gputopo run hands out the numbers that count from 0 in it" {
	local out label visible gpus busbw opens seen=()
	ask -N1 --gpus=3 >/dev/null
	out=$(cluster_run salloc -Q -N1 -n4 --gpus=4 srun -n1 sh -c '
		for i in 1 2; do
			../gputopo run -n 2 -- sh -c "echo \$(sh look run); sleep 1" &
		done
		wait' 2>&1)
	echo "$out"
	while read -r label visible gpus busbw opens; do
		assert_equal "$label $(count "$gpus") $(count "$opens") $(without "$gpus" "$opens")" "run 2 4 "
		# the i-th device that the step may use is the i-th that it can open
		set -- $(cluster_expand "$opens")
		assert_equal "$(for i in ${visible//,/ }; do eval echo "\${$((i + 1))}"; done | paste -sd,)" "$gpus"
		[ "$busbw" -gt 0 ]
		seen+=("$visible")
	done <<<"$out"
	assert_equal "${#seen[@]}" 2
	assert_disjoint "${seen[@]}"
}
