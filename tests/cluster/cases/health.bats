# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo health as slurmd's HealthCheckProgram, with a driver whose machine is a file: a link
# dies, a GPU falls off, and both come back, while slurmctld restarts in between.

load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v
	[ -z "$CLUSTER_MISSING" ] || return 0
	mkdir "$CLUSTER/fake"
	cp "$GPUTOPO_BUILDDIR/tests/mock/.libs/libnvidia-ml.so.1" "$CLUSTER/fake/" ||
		{ export CLUSTER_MISSING="the made-up driver is not built"; return 0; }
	cp "$GPUTOPO_BUILDDIR/gputopo" "$CLUSTER/"
	: >"$CLUSTER/kmsg"
	cat >"$CLUSTER/health" <<-END
		#!/bin/sh
		export SLURM_CONF=$CLUSTER/etc/slurm.conf PATH=/usr/sbin:/usr/bin:/sbin:/bin
		export LD_LIBRARY_PATH=$CLUSTER/fake
		export GPUTOPO_FAKE_NVML=$CLUSTER/machine.\$SLURMD_NODENAME
		exec $CLUSTER/gputopo health --kmsg $CLUSTER/kmsg >>$CLUSTER/health.log 2>&1
	END
	chmod +x "$CLUSTER/health"
	machine n0
	machine n1
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# machine NODE [LINE...]: a DGX-1V is what the driver of this node shows, but for links A-B,
# which are dead, and the lines.
machine() {
	local node=$1
	shift
	{
		local g line
		for g in 0 1 2 3 4 5 6 7; do
			echo "gpu 00000000:0$((g + 1)):00.0 $((g + 1)) 16384 0 Tesla V100-SXM2-16GB"
		done
		grep -o 'Links=.*' "$TESTS_DIR/cluster/lib/kinds/dgx1v" | cut -d= -f2 |
			awk -F, -v dead=" $* " '{ for (b = 1; b <= 8; b++) {
				x = NR - 1; y = b - 1
				if ($b > 0 && !index(dead, " " x "-" y " ") &&
				    !index(dead, " " y "-" x " "))
					printf "link %d %d gpu 00000000:0%d:00.0\n", x, $b, b } }'
		for line in "$@"; do
			[[ $line == *-* ]] || echo "$line"
		done
	} >"$CLUSTER/machine.$node.new"
	mv "$CLUSTER/machine.$node.new" "$CLUSTER/machine.$node"
}

# The same, and the node looks at itself, as slurmd would have it do once an interval. Not by
# slurmd but in one test: at intervals of a second slurmctld does nothing else with its nodes,
# and they do not register when it restarts.
becomes() {
	machine "$@"
	cluster_run env SLURMD_NODENAME="$1" "$CLUSTER/health"
}

# What the node reports.
extra() {
	cluster_run scontrol show node "$1" | sed -n 's/^ *Extra=//p'
}

# Wait until the node reports TEXT, or with "" nothing.
wait_report() {
	local i
	for ((i = 0; i < 100; i++)); do
		if [ -z "$2" ]; then
			[[ $(extra "$1") == *gputopo* ]] || return 0
		else
			[[ $(extra "$1") != *"$2"* ]] || return 0
		fi
		sleep 0.2
	done
	echo "$1 reports: $(extra "$1")"
	cat "$CLUSTER/health.log"
	return 1
}

# Which pair a job of two gets on an idle node.
pair() {
	local got
	got=$(give -w "$1" -N1 --gpus=2) || return 1
	cluster_run scancel -u root
	cluster_wait_idle
	echo "$got"
}

@test "a dead link: the next job avoids it, slurmctld restarts, it recovers" {
	assert_equal "$(pair n0)" "n0 0,3"
	becomes n0 0-3
	wait_report n0 '"links":"0-3=0"'
	sleep 1.1 # slurmctld looks once a second
	# another pair of two links
	local other i
	other=$(pair n0)
	[[ ",n0 0,4,n0 1-2,n0 1,5,n0 2-3,n0 3,7,n0 4,7,n0 5-6,n0 6-7," == *",$other,"* ]]
	# nothing else has changed
	assert_equal "$(pair n1)" "n1 0,3"
	[[ $(extra n1) != *gputopo* ]]
	assert_equal "$(cluster_run sinfo -h -o %T | sort -u)" idle
	grep -q "gputopo: node n0: links of 1 GPUs or pairs are dead" "$CLUSTER/log/slurmctld"
	cluster_restart_ctld
	# until nodes register slurmctld knows no links, with health or without
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(pair n0)" != "$other" ] || break
		[ "$i" != 10 ]
		sleep 0.5
	done
	becomes n0
	wait_report n0 ""
	assert_equal "$(pair n0)" "n0 0,3"
}

@test "a GPU falls off: its node goes on with seven, a running job goes on, it comes back" {
	local running eight five
	running=$(ask -w n1 -N1 --gpus=2) # 0 and 3
	becomes n1 "lost 5"
	wait_report n1 '"lost":"0x20"'
	sleep 1.1 # slurmctld looks once a second
	five=$(give -w n1 -N1 --gpus=5)
	assert_equal "$five" "n1 1-2,4,6-7"
	assert_equal "$(cluster_job_state "$running")" RUNNING
	cluster_run scancel -u root
	cluster_wait_idle
	eight=$(submit -w n1 -N1 --gpus=8 --wrap "sleep 60")
	sleep 2
	assert_equal "$(cluster_job_state "$eight")" PENDING
	assert_equal "$(cluster_run sinfo -h -n n1 -o %T)" idle
	becomes n1
	wait_report n1 ""
	cluster_wait_job "$eight" RUNNING 30
}

@test "other keys of Extra= stay, and what is no JSON is left alone" {
	cluster_run scontrol update NodeName=n0 'Extra={"rack":7}'
	becomes n0 "lost 1"
	wait_report n0 '"lost":"0x2"'
	[[ $(extra n0) == *'"rack":7'* ]]
	becomes n0
	wait_report n0 ""
	assert_equal "$(extra n0)" '{"rack":7}'
	cluster_run scontrol update NodeName=n0 'Extra=a word'
	run becomes n0 "lost 1"
	[ "$status" = 1 ]
	assert_equal "$(extra n0)" "a word"
	grep -q "n0: Extra= of the node is not a JSON object" "$CLUSTER/health.log"
	becomes n0
	cluster_run scontrol update NodeName=n0 Extra=
}

@test "slurmd runs it once an interval" {
	printf '%s\n' "HealthCheckProgram=$CLUSTER/health" HealthCheckInterval=1 \
		>>"$CLUSTER/etc/slurm.conf"
	cluster_run scontrol reconfigure
	sleep 1
	cluster_wait_nodes
	machine n0 0-3
	machine n1 "lost 7"
	wait_report n0 '"links":"0-3=0"'
	wait_report n1 '"lost":"0x80"'
	sleep 1.1 # slurmctld looks once a second
	local got
	got=$(pair n0)
	[[ $got != "n0 0,3" ]]
	machine n0
	wait_report n0 ""
	assert_equal "$(pair n0)" "n0 0,3"
}
