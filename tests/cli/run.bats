# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo run: which GPUs, told how, in which order, and given back whatever dies.

load cli.bash

setup() {
	export SLURM_JOB_ID=4711 SLURMD_NODENAME=n1 GPUTOPO_RUN_DIR=$BATS_TEST_TMPDIR
	export SLURM_JOB_GPUS=0,1,2,3,4,5,6,7 CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7
	unset SLURM_STEP_GPUS ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ZE_AFFINITY_MASK \
		GPU_DEVICE_ORDINAL GPUTOPO_MODELS GPUTOPO_RUN SLURM_CONF
	FOLDER=$BATS_TEST_TMPDIR/gputopo-run.$(id -u).4711.n1
}

# on K COMMAND...: gputopo run on a DGX-1V.
on() {
	local count=$1
	shift
	gputopo run -t builtin:dgx1v -n "$count" -- "$@"
}

# wait_for COMMAND...: at most 10 s.
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	echo "never: $*"
	return 1
}

# hold COUNT: a run that has that many GPUs until $BATS_TEST_TMPDIR/end is there; its pid is
# in $holder.
hold() {
	rm -f "$BATS_TEST_TMPDIR"/{held,end}
	"$GPUTOPO" run -t builtin:dgx1v -n "$1" -- bash -c '
		echo "$GPUTOPO_GPUS" >"$1/held.new"; mv "$1/held.new" "$1/held"
		while [ ! -e "$1/end" ]; do sleep 0.05; done' sh "$BATS_TEST_TMPDIR" 3>&- &
	holder=$!
	wait_for test -e "$BATS_TEST_TMPDIR/held"
}

all_are_free() {
	"$GPUTOPO" run -t builtin:dgx1v -n 8 --no-wait true 2>/dev/null
}

@test "the best free GPUs, in all variables that were set, and GPUTOPO_" {
	export HIP_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES
	on 2 sh -c 'echo $CUDA_VISIBLE_DEVICES $HIP_VISIBLE_DEVICES ${ROCR_VISIBLE_DEVICES:-none} \
		$GPUTOPO_GPUS $GPUTOPO_BUSBW $GPUTOPO_IDEAL $GPUTOPO_BW'
	same "$output" "0,3 0,3 none 0,3 40 40 0,40;40,0" output
	[ ! -e "$FOLDER" ]
}

@test "beside what others have: the other half, not 6 GB/s" {
	hold 1
	on 4 sh -c 'echo $CUDA_VISIBLE_DEVICES $GPUTOPO_BUSBW'
	touch "$BATS_TEST_TMPDIR/end"
	wait $holder
	same "$(cat "$BATS_TEST_TMPDIR/held") $output" "0 4,5,6,7 80" output
}

@test "Slurm's numbers, ordinals that count from 0, UUIDs, a task's own part, a ring order" {
	# devices, numbers, K -> devices, GPUTOPO_GPUS
	while read -r devices numbers count shown gpus; do
		CUDA_VISIBLE_DEVICES=$devices SLURM_STEP_GPUS=$numbers \
			on "$count" sh -c 'echo $CUDA_VISIBLE_DEVICES $GPUTOPO_GPUS'
		same "$output" "$shown $gpus" "$devices of $numbers"
	done <<-'END'
		4,5,6,7 4,5,6,7 2 4,7 4,7
		0,1,2,3 4,5,6,7 2 0,3 4,7
		0,3,1,2 4,5,6,7 2 0,3 4,7
		7,4,5,6 4,5,6,7 2 4,7 4,7
		6,7 4,5,6,7 1 6 6
		GPU-a,GPU-b,GPU-c,GPU-d 4,5,6,7 2 GPU-a,GPU-d 4,7
	END
	unset CUDA_VISIBLE_DEVICES
	on 2 sh -c 'echo $CUDA_VISIBLE_DEVICES $ROCR_VISIBLE_DEVICES $ZE_AFFINITY_MASK ${HIP_VISIBLE_DEVICES:-none}'
	same "$output" "0,3 0,3 0,3 none" "where nothing was set"
}

@test "groups: --groups in one command, --all-at-once in one for each" {
	gputopo run -t builtin:dgx1v --groups 2x2 sh -c 'echo $GPUTOPO_GPUS $GPUTOPO_GROUPS'
	same "$output" "0,1,2,3 0,3;1,2" --groups
	gputopo run -t builtin:dgx1v --all-at-once 4x2 sh -c \
		'echo $GPUTOPO_RUN_INDEX/$GPUTOPO_RUN_COUNT $GPUTOPO_BUSBW $GPUTOPO_GPUS; exit $((GPUTOPO_RUN_INDEX % 3))'
	same "$status" 2 "the largest exit status"
	same "$(sort <<<"$output" | cut -d' ' -f1,2)" "0/4 40
1/4 40
2/4 40
3/4 40" "four double links"
	same "$(cut -d' ' -f3 <<<"$output" | tr , '\n' | sort | tr -d '\n')" 01234567 "each once"
	all_are_free
}

@test "without a topology the lowest GPUs, and no promise" {
	SLURM_CONF=$BATS_TEST_TMPDIR/slurm.conf gputopo run -n 2 sh -c 'echo $GPUTOPO_GPUS ${GPUTOPO_BUSBW:-none}'
	same "$output" "0,1 none" output
	has "$stderr" "the lowest GPUs are taken"
	SLURM_CONF=$BATS_TEST_TMPDIR/slurm.conf gputopo run -n 2 --min-busbw 10 true
	same "$status" 3 status
}

@test "what can never be is refused at once, what is not free now with --no-wait" {
	fails 3 "9 GPUs asked, the job has 8 here" run -t builtin:dgx1v -n 9 true
	fails 3 "reaches 41" run -t builtin:dgx1v -n 2 --min-busbw 41 true
	hold 7
	fails 3 "free here now" run -t builtin:dgx1v -n 2 --no-wait true
	on 1 true
	same "$status" 0 "the eighth"
	touch "$BATS_TEST_TMPDIR/end"
	wait $holder
}

@test "a bandwidth that is not free is waited for, though GPUs enough are" {
	CUDA_VISIBLE_DEVICES=0 hold 1
	export CUDA_VISIBLE_DEVICES=0,1,3 SLURM_JOB_GPUS=0,1,3
	fails 3 "free here now" run -t builtin:dgx1v -n 2 --min-busbw 40 --no-wait true
	"$GPUTOPO" run -t builtin:dgx1v -n 2 --min-busbw 40 -- \
		sh -c 'echo $GPUTOPO_GPUS' >"$BATS_TEST_TMPDIR/out" 3>&- &
	waiter=$!
	wait_for test -e "$FOLDER/turn.000000000001"
	touch "$BATS_TEST_TMPDIR/end"
	wait $waiter
	same "$(cat "$BATS_TEST_TMPDIR/out")" 0,3 output
}

@test "misuse is said in one line" {
	fails 2 "the number of GPUs is missing" run true
	fails 2 "the command is missing" run -n 2
	fails 2 "'x' is not a number of GPUs" run -n x true
	fails 2 "give only one of them" run --groups 2x2 --all-at-once 2x2 true
	fails 2 "is not a number of GB/s" run -n 2 --min-busbw fast true
	SLURM_JOB_ID='' fails 1 "not inside a Slurm job" run -t builtin:dgx1v -n 1 true
	SLURM_JOB_ID=../x fails 1 "not inside a Slurm job" run -t builtin:dgx1v -n 1 true
	CUDA_VISIBLE_DEVICES=0,99 fails 3 "does not fit the job's GPUs" run -t builtin:dgx1v -n 1 true
	CUDA_VISIBLE_DEVICES=0,0 fails 3 "does not fit the job's GPUs" run -t builtin:dgx1v -n 1 true
	ROCR_VISIBLE_DEVICES=0,1 fails 3 "ROCR_VISIBLE_DEVICES=0,1" run -t builtin:dgx1v -n 1 true
	CUDA_VISIBLE_DEVICES='' SLURM_JOB_GPUS='' fails 3 "srun --overlap" run -t builtin:dgx1v -n 1 true
	fails 2 "inside another gputopo run" run -t builtin:dgx1v -n 1 "$GPUTOPO" run -n 1 true
}

@test "exit statuses are the command's" {
	on 1 sh -c 'exit 7'
	same "$status" 7 exit
	on 1 sh -c 'kill -TERM $$'
	same "$status" 143 signal
	run -127 "$GPUTOPO" run -t builtin:dgx1v -n 1 -- "$BATS_TEST_TMPDIR/none"
	on 1 "$SRC/README.md"
	same "$status" 126 "no program"
}

@test "a folder that is not one's own is not used" {
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$FOLDER"
	fails 1 "not a private folder of yours" run -t builtin:dgx1v -n 1 true
	rm "$FOLDER"
	mkdir -m 777 "$FOLDER"
	fails 1 "not a private folder of yours" run -t builtin:dgx1v -n 1 true
}

@test "whoever comes first is served first" {
	hold 8
	for i in 1 2 3 4 5 6 7 8; do
		"$GPUTOPO" run -t builtin:dgx1v -n 5 -- sh -c "echo $i >>'$BATS_TEST_TMPDIR/order'" 3>&- &
		wait_for test -e "$FOLDER/turn.$(printf %012d "$i")"
	done
	touch "$BATS_TEST_TMPDIR/end"
	wait
	same "$(tr -d '\n' <"$BATS_TEST_TMPDIR/order")" 12345678 "the order"
	[ ! -e "$FOLDER" ]
}

@test "a run that waits gives its turn up when it is killed" {
	hold 8
	"$GPUTOPO" run -t builtin:dgx1v -n 1 -- true 3>&- &
	killed=$!
	wait_for test -e "$FOLDER/turn.000000000001"
	"$GPUTOPO" run -t builtin:dgx1v -n 8 -- touch "$BATS_TEST_TMPDIR/second" 3>&- &
	second=$!
	wait_for test -e "$FOLDER/turn.000000000002"
	kill -9 $killed
	touch "$BATS_TEST_TMPDIR/end"
	wait $second
	[ -e "$BATS_TEST_TMPDIR/second" ]
}

@test "the command ends with the shell that started it, but not under nohup" {
	for nohup in "" nohup; do
		rm -f "$BATS_TEST_TMPDIR/pid"
		bash -c '$2 "$1" run -t builtin:dgx1v -n 8 -- bash -c "echo \$\$ >$3/pid; exec sleep 600" & wait' \
			sh "$GPUTOPO" "$nohup" "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
		shell=$!
		wait_for test -s "$BATS_TEST_TMPDIR/pid"
		kill -9 $shell
		if [ -z "$nohup" ]; then
			wait_for all_are_free
		else
			sleep 1
			kill "$(cat "$BATS_TEST_TMPDIR/pid")"
			wait_for all_are_free
		fi
	done
}

@test "what a command leaves behind ends with it" {
	on 8 bash -c "sleep 600 & echo \$! >'$BATS_TEST_TMPDIR/left'"
	same "$status" 0 status
	run kill -0 "$(cat "$BATS_TEST_TMPDIR/left")"
	same "$status" 1 "the sleep's end"
	all_are_free
}

@test "a signal is passed on, and its answer waited for" {
	"$GPUTOPO" run -t builtin:dgx1v -n 1 -- bash -c "
		trap 'echo got >$BATS_TEST_TMPDIR/got; exit 5' USR1
		touch $BATS_TEST_TMPDIR/ready; while :; do sleep 0.05; done" 3>&- &
	runner=$!
	wait_for test -e "$BATS_TEST_TMPDIR/ready"
	kill -USR1 $runner
	run wait $runner
	wait_for test -e "$BATS_TEST_TMPDIR/got"
}

@test "40 random runs with kills, eight at once: no GPU in two, none left taken" {
	"$SRC/tests/cli/run_kills" "$GPUTOPO" 40 "${GPUTOPO_SEED:-1}" -t builtin:dgx1v
	[ ! -e "$FOLDER" ]
}
