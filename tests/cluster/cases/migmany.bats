# SPDX-License-Identifier: GPL-2.0-or-later
# --mig on many nodes: one with a slurmd and 400 without, which forward nothing (TreeWidth).
# A job's placement is one text; it is decided before the job starts, and a job for which it
# cannot be written is refused.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"

setup_file() {
	CLUSTER_MISSING=$(mig_missing)
	[ -x "$PROGRAMS/nodes" ] || CLUSTER_MISSING="no tests/cluster/lib/nodes (no libslurmfull)"
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	cluster_file_start --conf "GresTypes=gpu,shard" --conf "PrologFlags=Alloc" \
		--conf "JobSubmitPlugins=gputopo" --conf TreeWidth=65000 --setup prepare "m0=slices" \
		"s[0-399]@30000=slices"
}

prepare() {
	mig_prepare m0
	echo "NodeName=s[0-399] Topology=slices.json" >>etc/gputopo.conf
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# The job on all nodes runs, with an instance on the one that can make it. $1: instances a
# node; the rest are options.
everywhere() {
	local count=$1 id i
	shift
	# the first node runs the script
	id=$(submit -N401 "$@" --wrap 'echo "sees $CUDA_VISIBLE_DEVICES"; sleep 300')
	cluster_wait_job "$id" RUNNING 60
	for ((i = 0; i < 300; i++)); do
		! grep -qs '^sees ' "$CLUSTER/jobs/$id.out" || break
		sleep 0.1
	done
	assert_equal "$(grep -o MIG- "$CLUSTER/jobs/$id.out" | wc -l)" "$count"
	assert_equal "$(cluster_run squeue -h -o %D -j "$id")" 401
	! grep "gputopo: job $id " "$CLUSTER/log/slurmctld"
}

@test "more than can be written is refused in words" {
	run submit -N700 --mig=1g.10gb:7 --wrap true
	[ "$status" != 0 ]
	[[ $output == *"--mig=1g.10gb:7: one job can have it on "*" nodes at most; split it"* ]]
}

@test "an instance on each of 401 nodes" {
	everywhere 1 --mig=1g.10gb
	# beside it, and nowhere on its slices
	everywhere 6 --mig=1g.10gb:6
	everywhere 2 --mig=3g.40gb:2
	assert_equal "$(figure overlaps m0)" 0
}
