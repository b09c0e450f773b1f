# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo run inside jobs of real Slurm: batch scripts, salloc's shell, steps, several nodes,
# kills; from 24.11 on with steps that slurmstepd makes (enable_stepmgr).

load ../lib/bats.bash

setup_file() {
	local release stepmgr=()
	release=$(cluster_release "${GPUTOPO_SLURM_ROOT:-}" 2>/dev/null || true)
	case $release in
	22.* | 23.*) ;;
	*) stepmgr=(--conf SlurmctldParameters=enable_stepmgr --conf PrologFlags=contain) ;;
	esac
	cluster_file_start --conf LaunchParameters=use_interactive_step "${stepmgr[@]}" \
		n0=dgx1v n1=dgx1v
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so" "$CLUSTER/"
	echo "optional $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
	cp "$GPUTOPO_BUILDDIR/gputopo" "$TESTS_DIR/cli/run_kills" "$CLUSTER/"
	echo "$release" >"$CLUSTER/release"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# batch OPTION... -- TEXT: the output of a batch script with these options.
batch() {
	local options=() id
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	id=$(submit "${options[@]}" "$(script "PATH=$CLUSTER:\$PATH
		$2")")
	cluster_wait_job "$id" COMPLETED 300 || { cat "$CLUSTER/jobs/$id.out"; return 1; }
	cat "$CLUSTER/jobs/$id.out"
}

@test "a batch script: four commands of two get four double links, none a GPU twice" {
	local out
	out=$(batch -w n0 -N1 -n16 --gpus=8 -- '
		for i in 1 2 3 4; do
			gputopo run -n 2 -- sh -c "echo \$GPUTOPO_BUSBW \$CUDA_VISIBLE_DEVICES; sleep 1" &
		done
		wait
		[ ! -e /dev/shm/gputopo-run* ] || echo left')
	echo "$out"
	assert_equal "$(cut -d' ' -f1 <<<"$out" | sort -u)" 40
	assert_disjoint $(cut -d' ' -f2 <<<"$out")
}

@test "the best of the job's own GPUs, beside another job" {
	ask -w n0 -N1 --gpus=3 >/dev/null
	local out
	out=$(batch -w n0 -N1 -n4 --gpus=5 -- '
		gputopo run -n 1 -- sleep 3 &
		sleep 1
		gputopo run -n 4 -- sh -c "echo \$CUDA_VISIBLE_DEVICES"
		wait; echo $CUDA_VISIBLE_DEVICES')
	assert_equal "$(without "$(head -n 1 <<<"$out")" "$(tail -n 1 <<<"$out")")" ""
	assert_equal "$(count "$(head -n 1 <<<"$out")")" 4
}

@test "a step that has all GPUs, and a step on each of two nodes" {
	local out
	out=$(batch -N2 -n2 --ntasks-per-node=1 -c8 --gpus-per-node=8 -- '
		srun -N2 -n2 sh -c "
			for i in 1 2; do gputopo run -n 4 -- sh -c \"echo \\\$SLURMD_NODENAME \\\$GPUTOPO_BUSBW; sleep 1\" & done
			wait"')
	assert_equal "$(sort <<<"$out" | uniq -c | tr -s ' ')" " 2 n0 80
 2 n1 80"
}

@test "salloc's shell on a node of the job" {
	local out
	out=$(cluster_run script -qec "salloc -Q -w n0 -N1 -n8 --gpus=4 bash -c true; echo done" /dev/null </dev/null || true)
	out=$(cluster_run salloc -Q -w n0 -N1 -n8 --gpus=4 srun --interactive -n1 --mpi=none \
		sh -c "PATH=$CLUSTER:\$PATH gputopo run -n 2 -- sh -c 'echo \$GPUTOPO_BUSBW'" 2>&1)
	assert_equal "$(tail -n 1 <<<"$out")" 40
}

@test "the end of the job leaves nothing, whatever runs" {
	local id
	id=$(submit -w n0 -N1 -n8 --gpus=8 "$(script "
		for i in 1 2 3 4 5 6; do $CLUSTER/gputopo run -n 3 -- sleep 600 & done
		touch $CLUSTER/jobs/up; wait")")
	for _ in {1..100}; do [ -e "$CLUSTER/jobs/up" ] && break || sleep 0.1; done
	sleep 1
	cluster_run scancel "$id"
	cluster_gone "$id"
	assert_equal "$(cluster_run pgrep -f "sleep 600" | wc -l)" 0
	[[ $(batch -w n0 -N1 -n8 --gpus=8 -- 'gputopo run -n 8 --no-wait echo all') == all ]]
}

@test "random runs with kills, eight at once, in a job" {
	local out
	out=$(batch -w n0 -N1 -n16 --gpus=8 -- "run_kills $CLUSTER/gputopo ${RUN_KILLS:-24} ${GPUTOPO_SEED:-5} || echo FAILED")
	echo "$out"
	[[ $out == *"took their GPUs"* && $out != *FAILED* ]]
}

@test "enable_stepmgr: srun refuses a wish, gputopo run serves it" {
	case $(cat "$CLUSTER/release") in 22.* | 23.*) skip "this Slurm has no step manager" ;; esac
	local out
	out=$(batch -w n0 -N1 -n16 --gpus=8 -- '
		srun --exact -n1 --gpus=2 --gpu-min-busbw=40 echo wrong 2>&1
		gputopo run -n 2 --min-busbw 40 -- sh -c "echo \$GPUTOPO_BUSBW"')
	echo "$out"
	[[ $out != *wrong* && $out == *"has no effect on the steps of this job"* && $out == *40 ]]
}
