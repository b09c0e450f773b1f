# SPDX-License-Identifier: GPL-2.0-or-later
# At which pace slurmctld goes on while a user who isn't root sends what he can: each pass,
# main and backfill, beside stock's over the same submissions on the same nodes. 60 nodes with
# links and 20 with slices, none with a slurmd. What counts is the time for which the
# scheduling thread has run: on a busy machine no other clock says anything. One thread at a
# time looks at the queue, each at a half of its own: which of two starts a job, and takes the
# milliseconds of that, differs from run to run. Passes are INTERVAL apart, so that each is
# seen by itself.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"
. "$TESTS_DIR/cluster/lib/forged.bash"

PARTS=20	# partitions of the queue: a main pass goes on behind a job that waits
INTERVAL=2	# seconds

setup_file() {
	local i partitions=(--partition "PartitionName=links Nodes=d[0-59]"
		--partition "PartitionName=slices Nodes=s[0-19]")
	CLUSTER_MISSING=$(mig_missing)
	[ -x "$PROGRAMS/nodes" ] || CLUSTER_MISSING="no tests/cluster/lib/nodes (no libslurmfull)"
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	for ((i = 0; i < PARTS; i++)); do
		partitions+=(--partition "PartitionName=q$i Nodes=ALL MaxTime=INFINITE State=DOWN")
	done
	cluster_file_start --conf "GresTypes=gpu,shard" --conf TreeWidth=65000 \
		"${partitions[@]}" --setup prepare "d[0-59]@10000=dgx1v" "s[0-19]@11000=slices"
	forged_prepare
	cp "$PROGRAMS/queue" "$CLUSTER/"
}

prepare() {
	cp "$GPUTOPO_SUBMIT" plugin/
	cp "$CLUSTER_LIB/kinds/slices.json" etc/
	echo "NodeName=s[0-19] Topology=slices.json" >etc/gputopo.conf
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# slurmctld from now on: stock, nosubmit (the select plugin alone) or ours.
slurmctld_is() {
	cluster_use_plugin
	[ "$1" != stock ] || cluster_use_stock
	sed -i '/^JobSubmitPlugins=/d' "$CLUSTER/etc/slurm.conf"
	[ "$1" != ours ] || cluster_conf JobSubmitPlugins=gputopo
}

# restart THREAD: slurmctld anew, in which main or backfill alone makes passes, and long ones.
restart() {
	local how="sched_interval=100000,default_queue_depth=5000,bf_continue,bf_max_job_test=5000,bf_max_time=3600"
	if [ "$1" = main ]; then
		how+=",sched_min_interval=${INTERVAL}000000,bf_interval=10800"
	else
		how+=",sched_min_interval=2000000000,bf_interval=$INTERVAL"
	fi
	cluster_conf "SchedulerParameters=$how"
	cluster_restart_ctld
}

# What is left on each node with links are three GPUs, on each with slices one.
fill() {
	{
		yes "5 node 1 links - - -1 off" | head -n 60
		yes "1 node 1 slices - - -1 off" | head -n 20
	} | cluster_run "$CLUSTER/queue" >/dev/null
	local i
	for ((i = 0; i < 300; i++)); do
		[ "$(cluster_run squeue -h -t R | wc -l)" -lt 80 ] || return 0
		sleep 0.1
	done
	return 1
}

# The submissions, and jobs of the same user that have to wait: for GPUs that are linked as
# asked where gputopo looks at it, and with what no earlier run wrote. Odd partitions and
# even ones have all sizes of them.
send() {
	local n
	for ((n = 0; n < FORGED; n++)); do
		attack $n s0 s1 -P q$(((n + n / PARTS) % PARTS)) >/dev/null
	done
	for ((n = 0; n < PARTS; n++)); do
		forge -P q$n -t gpu:4 -b , -p $((n < 2 ? 20000000 : 40)) GPUTOPO_TOPO=ring \
			"GPUTOPO_HAD=1/4,%d0:f" "SPANK_GPUTOPO_HAD=1/4,%d0:f" >/dev/null
	done
}

# us for which slurmctld's thread for these passes has run.
run_us() {
	local name=sched_agent
	[ "$1" = main ] || name=bckfl
	cluster_run sh -c "cd /proc/$(cat "$CLUSTER/slurmctld.pid")/task &&
		awk '{ printf \"%d\\n\", \$1 / 1000 }' \"\$(grep -slx $name */comm | sed s/comm/schedstat/)\""
}

# How many passes of this thread are over: "MAIN" or "BACKFILL" of sdiag.
cycles() {
	cluster_run sdiag | awk -v thread="$1" '
		/^Main schedule/ { at = "main" } /^Backfilling stats/ { at = "backfill" }
		at == thread && /Total cycles:/ { print $NF }'
}

# watch THREAD NAME COUNT: so many passes from here on, "THREAD NAME US" each.
watch() {
	local last seen now at i n
	last=$(run_us "$1") seen=$(cycles "$1")
	for ((n = 0; n < $3; n++)); do
		switch "$1" UP
		for ((i = 0; i < 300; i++)); do
			now=$(cycles "$1")
			[ "$now" = "$seen" ] || break
			sleep 0.1
		done
		[ "$i" -lt 300 ] || { echo "no $1 pass in half a minute"; return 1; }
		sleep 0.3
		now=$(cycles "$1") at=$(run_us "$1")
		echo "$1 $2 $(((at - last) / (now - seen)))"
		last=$at seen=$now
	done
}

# switch THREAD STATE: the partitions of its half.
switch() {
	local i
	for ((i = $([ "$1" = main ]; echo $?); i < PARTS; i += 2)); do
		echo "update PartitionName=q$i State=$2"
	done | cluster_run scontrol >/dev/null
}

# passes WHO: lines of watch, to a file: over the queue as it is sent, where jobs start in the
# first pass, and after the end of others.
passes() {
	local thread
	slurmctld_is "$1"
	restart main
	fill
	send
	for thread in main backfill; do
		[ $thread = main ] || { restart backfill; fill; }
		watch $thread sent 2
		cluster_run scancel -p links
		cluster_run scancel -p slices
		watch $thread freed 2
		switch $thread DOWN
		cluster_run scancel --state=RUNNING --user=$USER_OF_ATTACK
		cluster_wait_idle 60
	done >"$CLUSTER/passes-$1"
	cluster_run scancel --user=$USER_OF_ATTACK
}

# at_most_twice WHO: the longest pass of each thread and name. 5 ms are nothing.
at_most_twice() {
	awk -v who="$1" '
		{ name = $1 " " $2 }
		FNR == NR { if ($3 > stock[name]) stock[name] = $3; next }
		$3 > mine[name] { mine[name] = $3 }
		END {
			for (name in stock) {
				printf "%s, %s: %s ms, stock %s\n", who, name, mine[name] / 1000,
					stock[name] / 1000
				bad += mine[name] > 2 * stock[name] && mine[name] > 5000 ||
					!mine[name] }
			exit bad > 0 }' "$CLUSTER/passes-stock" "$CLUSTER/passes-$1" >"$CLUSTER/twice-$1" ||
		{ cat "$CLUSTER/twice-$1" "$CLUSTER/passes-stock" "$CLUSTER/passes-$1"; return 1; }
	sed 's/^/# /' "$CLUSTER/twice-$1" >&3
}

@test "no pass over forged submissions is longer than two of stock's" {
	passes stock
	passes nosubmit
	passes ours
	at_most_twice nosubmit
	at_most_twice ours
}
