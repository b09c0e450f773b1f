# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo-pmix: a PMIx job on a simulated node, without Slurm.

load cli.bash

PMIX=$GPUTOPO_BUILDDIR/gputopo-pmix
CLIENT=$GPUTOPO_BUILDDIR/tests/cli/pmix_client

setup() {
	[ -x "$PMIX" ] || skip "gputopo-pmix is not built (no libpmix)"
	unset "${!GPUTOPO_GPU@}" CUDA_VISIBLE_DEVICES
	# libpmix leaks what its server and client begin with
	export ASAN_OPTIONS=detect_leaks=0
}

# pmix ARGS...: like cli.bash's gputopo, and never longer than a minute.
pmix() {
	run --separate-stderr timeout 60 "$PMIX" "$@"
}

# lines of the test's client, in the order of the ranks
sorted() {
	sort -n <<<"$output"
}

@test "four ranks read their keys, and each other's by a fence" {
	pmix run -t builtin:dgx1v -n 4 "$CLIENT"
	same "$status" 0 "exit status"
	same "$(sorted)" "0 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 0 all 0,1,2,3
1 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 1 all 0,1,2,3
2 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 2 all 0,1,2,3
3 of 4: gpus 0,1,2,3 ring 0,3,2,1 busbw 80 own 3 all 0,1,2,3" "what the ranks print"
}

@test "--order=ring: rank r has the r-th GPU of the rank order" {
	pmix run -t builtin:dgx1v -n 8 --order ring "$CLIENT"
	same "$status" 0 "exit status"
	local ring
	ring=$("$GPUTOPO" order -t builtin:dgx1v --gpus 0-7 | head -n 1)
	same "$(sorted | sed 's/.* all //' | sort -u)" "$ring" "own GPUs by rank"
	pmix run -t builtin:dgx1v -n 1 --gpus 0,3-4,7 --order ring \
		sh -c 'echo $CUDA_VISIBLE_DEVICES $GPUTOPO_ORDER'
	ring=$("$GPUTOPO" order -t builtin:dgx1v --gpus 0,3-4,7 | head -n 1)
	same "$output" "$ring ring" "devices"
}

@test "any number of ranks, any GPUs: 1 to 8 ranks on 1 to 8 GPUs" {
	local n
	for n in 1 2 3 5 8; do
		pmix run -t builtin:hgx-h100 -n $n --gpus "0-$((8 - n))" "$CLIENT"
		same "$status" 0 "exit status of $n ranks"
		same "$(wc -l <<<"$output")" "$n" "lines of $n ranks"
	done
}

@test "get prints all keys, or those that are asked for" {
	pmix run -t builtin:dgx1v -n 1 --gpus 0,3 "$PMIX" get
	same "$status" 0 "exit status"
	same "$(grep -v hash <<<"$output")" "gputopo.version=$("$GPUTOPO" --version | cut -d' ' -f2)
gputopo.gpus=0,3
gputopo.ring=0,3
gputopo.bw=0,40;40,0
gputopo.busbw=40
gputopo.ideal=40
gputopo.nics=mlx5_0;mlx5_1
gputopo.gpu=0,3
gputopo.task_busbw=40" "keys"
	pmix run -t builtin:dgx1v -n 1 --gpus 0,3 "$PMIX" get gputopo.ring pmix.lrank
	same "$output" "gputopo.ring=0,3
pmix.lrank=0" "two keys"
	pmix run -t builtin:dgx1v -n 1 --gpus 0,3 "$PMIX" get gputopo.nothing
	same "$status" 3 "exit status"
	has "$stderr" "rank 0 has no key gputopo.nothing"
}

@test "--groups: ranks 0 and 1 are group 0, and a rank for each group has it all" {
	pmix run -t builtin:dgx1v -n 4 --groups 2x2 --order ring \
		sh -c 'echo $PMIX_RANK $GPUTOPO_GPU $GPUTOPO_GROUP $GPUTOPO_GROUPS $CUDA_VISIBLE_DEVICES'
	same "$status" 0 "exit status"
	same "$(sorted)" "0 0 0 0,3;1,2 0,3,1,2
1 3 0 0,3;1,2 0,3,1,2
2 1 1 0,3;1,2 0,3,1,2
3 2 1 0,3;1,2 0,3,1,2" "what the ranks print"
	pmix run -t builtin:dgx1v -n 2 --gpus 0-4,7 --groups 4+2 \
		sh -c "echo \$($PMIX get gputopo.group gputopo.gpu gputopo.groups)"
	same "$status" 0 "exit status"
	same "$(sort <<<"$output")" "gputopo.group=0 gputopo.gpu=0,3,2,1 gputopo.groups=0,3,2,1;4,7
gputopo.group=1 gputopo.gpu=4,7 gputopo.groups=0,3,2,1;4,7" "keys"
}

@test "--groups: what does not fit is refused" {
	pmix run -t builtin:dgx1v -n 4 --gpus 0-4 --groups 2x2 true
	same "$status" 2 "exit status"
	has "$stderr" "5 GPUs are no multiple of the sizes"
	pmix run -t builtin:dgx1v -n 4 --groups 2x true
	same "$status" 2 "exit status"
	pmix run -t builtin:dgx1v -n 4 --groups 2x2 --comm gossip true
	same "$status" 2 "exit status"
	pmix run -t builtin:dgx1v -n 4 --groups 3x4 true
	same "$status" 3 "exit status"
}

@test "keys and environment say the same" {
	pmix run -t builtin:dgx1v -n 1 --gpus 1-2,5-6 sh -c \
		"$PMIX get | sed 's/^gputopo\.//' | sort; env | grep ^GPUTOPO_ | sort"
	same "$status" 0 "exit status"
	local key value
	while IFS="=" read -r key value; do
		has "$output" "GPUTOPO_${key^^}=$value"
	done < <(grep -v ^GPUTOPO_ <<<"$output" | grep -v '^gpu=')
}

@test "the standard keys: own device, distances to all" {
	pmix run -t builtin:dgx1v -n 2 --gpus 0,5 sh -c "$PMIX get pmix.dev.id pmix.dev.dist"
	same "$status" 0 "exit status"
	same "$(sort <<<"$output")" "pmix.dev.dist=gpu0:0,gpu5:8
pmix.dev.dist=gpu0:8,gpu5:0
pmix.dev.id=gpu0
pmix.dev.id=gpu5" "devices of both ranks"
}

@test "a rank that fails ends the job with its status, and nothing stays" {
	local before
	before=$(ls -d /tmp/gputopo-pmix.* 2>/dev/null | wc -l)
	pmix run -t builtin:dgx1v -n 4 sh -c '[ "$PMIX_RANK" != 2 ] || exit 9; exec sleep 50'
	same "$status" 9 "exit status"
	run -127 "$PMIX" run -t builtin:dgx1v -n 1 /nonexistent
	same "$(ls -d /tmp/gputopo-pmix.* 2>/dev/null | wc -l)" "$before" "folders left"
}

@test "wrong usage, and what cannot be" {
	pmix run -t builtin:dgx1v "$CLIENT"
	same "$status" 2 "no -n"
	pmix run -t builtin:dgx1v -n 2
	same "$status" 2 "no program"
	pmix run -t builtin:dgx1v -n 2 --order best true
	same "$status" 2 "an unknown order"
	pmix run -t builtin:nothing -n 2 true
	same "$status" 1 "no such machine"
	pmix run -t builtin:dgx1v -n 9 true
	same "$status" 3 "more ranks than GPUs"
	pmix run -t builtin:dgx1v -n 9 --gpus 0-7 true
	same "$status" 0 "but they may share"
	unset PMIX_NAMESPACE
	pmix get
	same "$status" 1 "get without a server"
}

@test "Open MPI's ranks find each other" {
	command -v mpicc >/dev/null || skip "no mpicc (libopenmpi-dev)"
	mpicc -o "$BATS_TEST_TMPDIR/hello" "$SRC/tests/cli/mpi_hello.c"
	pmix run -t builtin:dgx1v -n 4 "$BATS_TEST_TMPDIR/hello"
	same "$status" 0 "exit status"
	same "$(sort <<<"$output")" "hello from 0 of 4, sum 6
hello from 1 of 4, sum 6
hello from 2 of 4, sum 6
hello from 3 of 4, sum 6" "what the ranks print"
}
