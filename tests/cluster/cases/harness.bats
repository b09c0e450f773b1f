# SPDX-License-Identifier: GPL-2.0-or-later
# The harness itself: a private cluster leaves nothing behind, however it ends.

load ../lib/bats.bash

setup() {
	CLUSTER_MISSING=$(cluster_possible "$GPUTOPO_SLURM_ROOT") || skip "$CLUSTER_MISSING"
	export TMPDIR=$BATS_TEST_TMPDIR
}

teardown() {
	cluster_stop
}

# Start a cluster in a shell of its own that then runs $1; prints the cluster's folder.
in_own_shell() {
	bash -c '. "$1"; cluster_start n0=dgx1v >&2 && echo "$CLUSTER" && eval "$2"' bash \
		"$TESTS_DIR/cluster/lib/cluster.sh" "$1" 3>&-
}

# Nothing that mentions folder $1 lives: no process, no mount, no file.
assert_gone() {
	local i
	for ((i = 0; i < 150; i++)); do
		[ -e "$1" ] || break
		sleep 0.1
	done
	[ ! -e "$1" ]
	run grep -slF "$1" /proc/[0-9]*/cmdline
	assert_equal "$output" ""
	run grep -F "$1" /proc/mounts
	assert_equal "$output" ""
}

@test "stop removes processes, mounts and files" {
	local i before new
	before=$(ls /dev/shm)
	cluster_start n0=dgx1v n1=pcie
	local dir=$CLUSTER
	cluster_run srun -w n1 hostname
	cluster_stop
	assert_gone "$dir"
	# other tests run beside this one, and what is theirs comes and goes
	for ((i = 0; i < 300; i++)); do
		new=$(comm -13 <(echo "$before") <(ls /dev/shm))
		[ -n "$new" ] || break
		sleep 0.1
	done
	assert_equal "$new" ""
}

@test "stop with running jobs leaves none of them" {
	cluster_start n0=dgx1v
	local dir=$CLUSTER id
	id=$(cluster_run sbatch --parsable --gpus=2 --wrap "sleep 98765")
	cluster_wait_job "$id" RUNNING
	cluster_stop
	assert_gone "$dir"
	run grep -sl '9876[5]' /proc/[0-9]*/cmdline
	assert_equal "$output" ""
}

@test "a shell that dies takes its cluster along" {
	local dir
	dir=$(in_own_shell 'kill -KILL $$' 2>/dev/null) || true
	[ -n "$dir" ]
	assert_gone "$dir"
}

@test "a shell that is interrupted takes its cluster along" {
	local dir
	dir=$(in_own_shell 'kill -INT $$' 2>/dev/null) || true
	[ -n "$dir" ]
	assert_gone "$dir"
}

@test "a cluster whose first process is killed is cleared away" {
	cluster_start n0=dgx1v
	local dir=$CLUSTER
	kill -KILL "$(cat "$dir/pid")"
	cluster_stop
	assert_gone "$dir"
}

@test "daemons that refuse their configuration: the logs are shown, nothing is left" {
	run cluster_start --conf "SelectTypeParameters=NO_SUCH" n0=dgx1v
	[ "$status" -eq 1 ]
	[[ $output == *"the cluster did not start"* ]]
	[[ $output == *NO_SUCH* ]]
	run ls "$TMPDIR"
	assert_equal "$output" ""
}

@test "clusters side by side do not meet" {
	cluster_start n0=dgx1v
	local first=$CLUSTER
	cluster_start n7=pcie
	assert_equal "$(cluster_run sinfo -h -o %N)" n7
	assert_equal "$(CLUSTER=$first cluster_run sinfo -h -o %N)" n0
	cluster_stop
	CLUSTER=$first
}

@test "an unknown option is refused" {
	run cluster_start --no-such n0=dgx1v
	[ "$status" -eq 2 ]
}

@test "a job_test that takes too long fails its file" {
	cluster_file_start n0=dgx1v
	[ -z "$CLUSTER_MISSING" ] || skip "$CLUSTER_MISSING"
	ask --gpus=2
	JOB_TEST_MS=0 run cluster_file_stop
	[ "$status" = 1 ]
	[[ $output == *"job_tests above the bound"* ]]
}

@test "each file has its job_tests timed" {
	local file
	for file in "$TESTS_DIR"/cluster/cases/*.bats; do
		# docs.bats runs quickstart's cluster
		[[ $file == */docs.bats ]] || sed -n '/^teardown_file() {/,/^}/p' "$file" |
			grep -q cluster_file_stop || [ "${file##*/}" = harness.bats ] ||
			{ echo "$file: no cluster_file_stop"; return 1; }
	done
}
