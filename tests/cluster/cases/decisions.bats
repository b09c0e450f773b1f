# SPDX-License-Identifier: GPL-2.0-or-later
# What gputopo says of a job is what the job has: the decision log, AdminComment, slurmctld's
# lines and `gputopo report` against `scontrol -d show job`, over random requests that end in
# every reason. GPUTOPO_REQUESTS=200 (make decisions) goes on until each was met.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/decisions.bash"

REQUESTS=${GPUTOPO_REQUESTS:-24}

setup_file() {
	decisions_start
}

teardown_file() {
	cluster_file_stop
}

setup() {
	[ -z "$CLUSTER_MISSING" ] || skip "$CLUSTER_MISSING"
}

@test "random requests: the log, AdminComment and slurmctld's lines are what scontrol shows" {
	local seed=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))}
	echo "# seed $seed, $REQUESTS requests" >&3
	RANDOM=$seed
	decisions_play "$REQUESTS"
	echo "# $(decisions_reasons)" >&3
}

@test "gputopo report: the sums of what scontrol showed" {
	local text
	text=$(decisions_report)
	echo "# $text" >&3
}
