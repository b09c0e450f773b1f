# SPDX-License-Identifier: GPL-2.0-or-later
# At which pace slurmctld goes on while a user who isn't root sends what he can: each of its
# passes, main and backfill, beside stock's over the same submissions on the same nodes. 60
# nodes with links and 20 with slices, none with a slurmd. What counts is the time for which
# the scheduling threads have run: on a busy machine no other clock says anything.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"
. "$TESTS_DIR/cluster/lib/forged.bash"

PARTS=20	# partitions of the queue: a main pass goes on behind a job that waits

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
		--conf "SchedulerParameters=sched_min_interval=0,sched_interval=100000,default_queue_depth=5000,bf_interval=1,bf_continue,bf_max_job_test=5000,bf_max_time=3600" \
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
# asked where gputopo looks at it, and with what no earlier run wrote.
send() {
	local n
	for ((n = 0; n < FORGED; n++)); do
		attack $n s0 s1 -P q$((n % PARTS)) >/dev/null
	done
	for ((n = 0; n < PARTS; n++)); do
		forge -P q$n -t gpu:4 -p $((n < 2 ? 20000000 : 40)) GPUTOPO_TOPO=ring \
			"GPUTOPO_HAD=4:%1" "SPANK_GPUTOPO_HAD=4:%1" >/dev/null
	done
}

switch() {
	local i
	for ((i = 0; i < PARTS; i++)); do
		echo "update PartitionName=q$i State=$1"
	done | cluster_run scontrol >/dev/null
}

# us for which slurmctld's thread of this name has run.
run_us() {
	cluster_run sh -c "cd /proc/$(cat "$CLUSTER/slurmctld.pid")/task &&
		awk '{ printf \"%d\\n\", \$1 / 1000 }' \"\$(grep -slx $1 */comm | sed s/comm/schedstat/)\""
}

# Passes that are over since they were last counted from 0, with jobs tried in the last:
# "MAIN BACKFILL DEPTH".
cycles() {
	cluster_run sdiag | awk '
		/^Main schedule/ { at = "main" } /^Backfilling stats/ { at = "backfill" }
		/Total cycles:/ { total[at] = $NF } /Max cycle:/ { longest[at] = $NF }
		/Last depth cycle:/ { depth = $NF }
		END { print longest["main"] ? total["main"] : 0,
			longest["backfill"] && depth ? total["backfill"] : 0, depth }'
}

# pass NAME: let the schedulers look at the queue; "NAME MAIN BACKFILL DEPTH", in us a pass.
pass() {
	local i before after count
	cluster_run sdiag -r >/dev/null
	before=($(run_us sched_agent) $(run_us bckfl))
	switch UP
	for ((i = 0; i < 600; i++)); do
		count=($(cycles))
		[ "${count[0]}" = 0 ] || [ "${count[1]}" = 0 ] || break
		sleep 0.1
	done
	[ "$i" -lt 600 ] || { echo "no pass in a minute"; return 1; }
	after=($(run_us sched_agent) $(run_us bckfl))
	switch DOWN
	echo "$1 $(((after[0] - before[0]) / count[0])) $(((after[1] - before[1]) / count[1]))" \
		"${count[*]}"
}

# passes WHO: lines of pass, to a file: over the queue as it is sent, where jobs start in the
# first pass, and after the end of others.
passes() {
	local i
	slurmctld_is "$1"
	fill
	send
	{
		for i in {1..4}; do pass sent; done
		cluster_run scancel -p links
		cluster_run scancel -p slices
		sleep 2
		for i in {1..4}; do pass freed; done
	} >"$CLUSTER/passes-$1"
	switch UP
	cluster_run scancel --user=$USER_OF_ATTACK
	cluster_run scancel --user=root
	cluster_wait_idle 60
	switch DOWN
}

# at_most_twice WHO: the longest round of each name, a main pass and a backfill pass: which of
# them starts a job, and takes the milliseconds of that, differs. 5 ms are nothing.
at_most_twice() {
	awk -v who="$1" '
		{ round = $2 + $3 }
		FNR == NR { if (round > stock[$1]) stock[$1] = round; next }
		round > mine[$1] { mine[$1] = round; passes[$1] = $2 / 1000 " + " $3 / 1000 }
		END {
			for (name in stock) {
				printf "%s, %s: %s ms, stock %s\n", who, name, passes[name],
					stock[name] / 1000
				bad += mine[name] > 2 * stock[name] && mine[name] > 5000 ||
					!mine[name] }
			exit bad > 0 }' "$CLUSTER/passes-stock" "$CLUSTER/passes-$1" >"$CLUSTER/twice-$1" ||
		{ cat "$CLUSTER/twice-$1" "$CLUSTER/passes-stock" "$CLUSTER/passes-$1"; return 1; }
	sed 's/^/# /' "$CLUSTER/twice-$1" >&3
}

@test "no round of passes over forged submissions is longer than two of stock's" {
	passes stock
	passes nosubmit
	passes ours
	at_most_twice nosubmit
	at_most_twice ours
}
