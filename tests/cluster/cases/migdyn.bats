# SPDX-License-Identifier: GPL-2.0-or-later
# --mig on real daemons: instances made when jobs start and removed when they end, on two
# nodes of two GPUs with a driver that is none.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"

NODES="m0 m1"

setup_file() {
	local options
	CLUSTER_MISSING=$(mig_missing)
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	mapfile -t options < <(mig_options $NODES)
	cluster_file_start "${options[@]}"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

teardown() {
	[ -n "$CLUSTER_MISSING" ] || nothing_left
}

# Nothing of any job is left on the GPUs, and no two were ever in each other's way.
nothing_left() {
	cluster_run scancel -u root
	cluster_wait_idle 30
	assert_equal "$(instances $NODES)" ""
	assert_equal "$(figure overlaps $NODES) $(figure meetings $NODES)" "0 0"
	[ -z "$(ls "$CLUSTER"/mig/records/*/ | grep '^[0-9]')" ]
}

# A batch script that says what it sees and holds it for $1 seconds.
holds() {
	script "echo \"sees \$CUDA_VISIBLE_DEVICES\"
		exec $CLUSTER/mig/fake_mig $CLUSTER/mig/libfakemig.so.state use \\
			\$SLURMD_NODENAME -- sleep $1"
}

# run OPTION...: sbatch a job that holds what it gets; prints its id.
run_job() {
	submit "$@" "$(holds 300)"
}

# What job $1 sees, once it has said so.
sees() {
	local i
	for ((i = 0; i < 100; i++)); do
		grep -q '^sees ' "$CLUSTER/jobs/$1.out" 2>/dev/null && break
		sleep 0.1
	done
	sed -n 's/^sees //p' "$CLUSTER/jobs/$1.out"
}

# The instance of job $1 as "NODE GPU START SIZE".
place() {
	instances $NODES | grep -F "$(sees "$1")" | cut -d' ' -f1-4
}

@test "a job sees exactly its instance, two on one GPU see two" {
	local one two
	one=$(run_job --mig=3g.40gb)
	two=$(run_job --mig=1g.10gb)
	cluster_wait_job "$one" RUNNING
	cluster_wait_job "$two" RUNNING
	[[ $(sees "$one") == MIG-* && $(sees "$two") == MIG-* ]]
	[ "$(sees "$one")" != "$(sees "$two")" ]
	[[ $(place "$one") == m?\ ?\ *\ 4 ]]
	[[ $(place "$two") == m?\ ?\ *\ 1 ]]
	assert_equal "$(place "$one" | cut -d' ' -f1-2)" "$(place "$two" | cut -d' ' -f1-2)"
	assert_equal "$(instances $NODES | wc -l)" 2
	# the steps of a job see the same
	assert_equal "$(cluster_run srun --mig=2g.20gb sh -c 'echo $CUDA_VISIBLE_DEVICES' |
		cut -c1-4)" MIG-
}

@test "several instances of one job are on one GPU of each node" {
	local id
	id=$(run_job --mig=1g.10gb:3)
	cluster_wait_job "$id" RUNNING
	assert_equal "$(sees "$id" | tr ',' '\n' | sort -u | wc -l)" 3
	assert_equal "$(instances $NODES | cut -d' ' -f1-2 | uniq -c | sed 's/ m.*//')" \
		"      3"
	cluster_run scancel "$id"
	cluster_wait_idle
	id=$(run_job -N2 --mig=3g.40gb)
	cluster_wait_job "$id" RUNNING
	sees "$id"
	assert_equal "$(instances $NODES | cut -d' ' -f1,4 | paste -sd,)" "m0 4,m1 4"
}

# refused TEXT OPTION...: sbatch refuses, and says TEXT.
refused() {
	local text=$1
	shift
	run submit "$@" --wrap true
	[ "$status" != 0 ]
	[[ $output == *"$text"* ]] || { echo "$output"; return 1; }
}

@test "a node file with a GPU in MIG mode brings gputopo_mig.so into slurmctld" {
	cluster_run sh -c 'cat /proc/$(cat $CLUSTER/slurmctld.pid)/maps' | grep -q "/plugin/gputopo_mig.so"
}

@test "what can never be is refused in words" {
	refused "no node has GPUs with 9g.90gb; there are 1g.10gb" --mig=9g.90gb
	refused "one GPU has room for 2 of them" --mig=3g.40gb:3
	refused "is not a MIG profile" --mig=large
	refused "is not a MIG profile" --mig=1g.10gb:0
	refused "--exclusive takes all GPUs" --mig=1g.10gb --exclusive
	refused "or for GPUs, not for both" --mig=1g.10gb --gpus=1
	refused "--mig adds the shards" --mig=1g.10gb --gres=shard:1
	refused "ask for an instance by --mig" --gres=shard:1
}

@test "a pending MIG job's shards are not changed" {
	local id
	id=$(run_job --hold --mig=1g.10gb)
	run cluster_run scontrol update JobId="$id" Gres=shard:8
	[ "$status" != 0 ]
	cluster_run scontrol show job "$id" | grep -q 'gres[:/]shard:1'
}

@test "a job within a MIG job is none itself, and salloc and arrays are" {
	local outer inner file id made
	made=$(figure made $NODES)
	file=$(script "sbatch --parsable -o $CLUSTER/jobs/inner.out --wrap 'sleep 1'")
	outer=$(submit --mig=1g.10gb "$file")
	cluster_wait_job "$outer" COMPLETED
	inner=$(grep -E '^[0-9]+$' "$CLUSTER/jobs/$outer.out")
	assert_equal "$(cluster_run scontrol show job "$inner" | grep -c shard || true)" 0
	cluster_wait_job "$inner" COMPLETED
	assert_equal "$(figure made $NODES)" $((made + 1))
	assert_equal "$(cluster_run salloc --mig=2g.20gb srun sh -c 'echo $CUDA_VISIBLE_DEVICES' \
		2>/dev/null | cut -c1-4)" MIG-
	id=$(submit --array=1-4 --mig=1g.10gb "$(holds 2)")
	sleep 1.5
	assert_equal "$(instances $NODES | cut -d' ' -f5 | sort -u | wc -l)" 4
	cluster_wait_idle
}

@test "a MIG job and a whole GPU never meet" {
	local whole id
	for node in $NODES; do
		whole=$(run_job -w "$node" -N1 --gpus=1)
		cluster_wait_job "$whole" RUNNING
		sees "$whole" >/dev/null
	done
	# two GPUs are left for two jobs of a whole GPU's slices, a third waits
	id=$(run_job --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	id=$(run_job --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	id=$(run_job --mig=1g.10gb)
	whole=$(run_job --gpus=1)
	sleep 3
	assert_equal "$(cluster_job_state "$id") $(cluster_job_state "$whole")" \
		"PENDING PENDING"
	assert_equal "$(figure meetings $NODES)" 0
}

@test "a GPU whose slices are still in part in use is not given away whole" {
	local stays ends whole id
	stays=$(run_job -w m0 --mig=1g.10gb)
	cluster_wait_job "$stays" RUNNING
	ends=$(run_job -w m0 --mig=3g.40gb)
	cluster_wait_job "$ends" RUNNING
	sees "$ends" >/dev/null
	for node in m0 m1 m1; do
		whole=$(run_job -w "$node" -N1 --gpus=1)
		cluster_wait_job "$whole" RUNNING
	done
	# stock 22.05 forgets that the first is there when the second ends
	cluster_run scancel "$ends"
	cluster_gone "$ends"
	id=$(run_job --gpus=1)
	sleep 5
	assert_equal "$(cluster_job_state "$id")" PENDING
	cluster_run scancel "$stays"
	cluster_wait_job "$id" RUNNING 30
	sees "$id" >/dev/null
}

@test "nor when one of its jobs leaves the node" {
	local shrinks stays id i
	shrinks=$(run_job -N2 --mig=1g.10gb)
	cluster_wait_job "$shrinks" RUNNING
	stays=$(run_job -w m1 --mig=2g.20gb)
	cluster_wait_job "$stays" RUNNING
	for ((i = 0; i < 100; i++)); do
		[ "$(instances m1 | wc -l)" != 2 ] || break
		sleep 0.1
	done
	assert_equal "$(instances m1 | cut -d' ' -f2 | uniq -c | sed 's/^ *//')" "2 0"
	cluster_run scontrol update JobId="$shrinks" NumNodes=1
	id=$(run_job -w m1 -N1 --gpus=2)
	sleep 5
	assert_equal "$(instances m1 | wc -l)" 1
	assert_equal "$(cluster_job_state "$id")" PENDING
	assert_equal "$(figure meetings $NODES)" 0
	cluster_run scancel "$id"
	# its slices there are others' now: the other GPU is taken, and this one free as a whole
	id=$(run_job -w m1 -N1 --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	[[ $(place "$id") == "m1 "* ]]
	cluster_run scancel "$stays"
	cluster_gone "$stays"
	id=$(run_job -w m1 -N1 --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	[[ $(place "$id") == "m1 "* ]]
	# what a job writes to resize itself
	rm -f "$CLUSTER/jobs"/slurm_job_*_resize.*
}

@test "one that does not fit waits, says why, and holds up nobody" {
	local id small forecast i
	for node in $NODES; do
		small=$(submit -t 1 -w "$node" -N1 --mig=1g.10gb "$(holds 300)")
		cluster_wait_job "$small" RUNNING
		small=$(submit -t 2 -w "$node" -N1 --mig=7g.80gb "$(holds 300)")
		cluster_wait_job "$small" RUNNING
	done
	id=$(submit -t 5 --mig=7g.80gb "$(holds 300)")
	# told by the next pass of backfill; one of the main scheduler may hide it for a while
	for ((i = 0; i < 300; i++)); do
		! cluster_run squeue -h -o %R -j "$id" |
			grep -q "gputopo: waiting for free MIG slices" || break
		sleep 0.2
	done
	[ "$i" -lt 300 ]
	assert_equal "$(cluster_job_state "$id")" PENDING
	forecast=$(date -d "$(cluster_run squeue -h --start -o %S -j "$id")" +%s)
	[ "$forecast" -gt "$(date +%s)" ]
	# beside it: one that ends before
	small=$(submit -t 00:00:20 --nice=1000 --mig=1g.10gb "$(holds 5)")
	cluster_wait_job "$small" COMPLETED 25
}

@test "slurmctld forgets nothing over a restart" {
	local id before
	id=$(run_job --mig=4g.40gb)
	cluster_wait_job "$id" RUNNING
	before=$(instances $NODES)
	cluster_restart_ctld
	assert_equal "$(instances $NODES)" "$before"
	id=$(run_job --mig=3g.40gb)
	cluster_wait_job "$id" RUNNING
	# beside the first, as if nothing had been
	assert_equal "$(place "$id" | cut -d' ' -f1-3)" \
		"$(echo "$before" | cut -d' ' -f1-2) 4"
	assert_equal "$(figure overlaps $NODES)" 0
}

@test "after a restart of slurmctld nobody is given a GPU of which others have slices" {
	local mig whole ends id large
	mig=$(run_job -w m0 --mig=1g.10gb)
	cluster_wait_job "$mig" RUNNING
	whole=$(run_job -w m0 --gpus=1)
	cluster_wait_job "$whole" RUNNING
	ends=$(submit -w m0 --wrap "sleep 300")
	cluster_wait_job "$ends" RUNNING
	id=$(run_job -w m0 --gpus=1)
	large=$(run_job -w m0 --nice=1000 --mig=7g.80gb)
	# until the node registers, slurmctld knows only how many GPUs it has; the end of a job
	# makes it look for another
	cluster_run bash "$CLUSTER/daemons" restart
	cluster_run scancel "$ends"
	cluster_gone "$ends"
	cluster_wait_nodes
	sleep 2
	assert_equal "$(for i in "$mig" "$whole" "$id" "$large"; do cluster_job_state "$i"; done |
		paste -sd' ')" "RUNNING RUNNING PENDING PENDING"
	assert_equal "$(figure meetings $NODES)" 0
	cluster_run scancel "$mig"
	cluster_wait_job "$id" RUNNING 30
	sees "$id" >/dev/null
}

@test "cancelled, timed out, requeued, killed: nothing is left" {
	local id pid
	id=$(submit -t 00:00:05 --mig=2g.20gb "$(holds 300)")
	cluster_wait_job "$id" RUNNING
	id=$(submit --requeue --mig=2g.20gb "$(holds 300)")
	cluster_wait_job "$id" RUNNING
	cluster_run scontrol requeue "$id"
	cluster_run scontrol update JobId="$id" StartTime=now
	id=$(run_job --mig=1g.10gb)
	cluster_wait_job "$id" RUNNING
	sees "$id"
	pid=$(cluster_run pgrep -f "slurmstepd: \[$id.batch\]")
	# what it started dies with it, as where a container holds both
	cluster_run kill -9 $(cluster_run pgrep -P "$pid") "$pid"
	sleep 2
	cluster_run scancel "$id"
}

# Requeue job $1 and let it begin as soon as it may; prints its state then.
run_again() {
	local i state
	cluster_run scontrol requeue "$1"
	for ((i = 0; i < 300; i++)); do
		state=$(cluster_job_state "$1")
		case $state in
		# Slurm gives it two minutes
		PENDING) cluster_run scontrol update JobId="$1" StartTime=now ;;
		# it may be refused on the node yet
		RUNNING) ! grep -qs '^sees ' "$CLUSTER/jobs/$1.out" || break ;;
		FAILED | COMPLETED | NODE_FAIL) break ;;
		esac
		sleep 0.1
	done
	echo "$state"
}

@test "requeued and restarted at once on its node: with its instance, or it fails clearly" {
	local id had state
	id=$(run_job -w m0 --requeue --mig=2g.20gb)
	cluster_wait_job "$id" RUNNING
	had=$(sees "$id")
	rm "$CLUSTER/jobs/$id.out"
	state=$(run_again "$id")
	echo "$state"
	case $state in
	RUNNING)
		[[ $(sees "$id") == MIG-* && $(sees "$id") != "$had" ]]
		[[ $(place "$id") == "m0 "* ]]
		;;
	FAILED)
		[ -z "$(sees "$id" 2>/dev/null)" ]
		# the second is stock's, for a job that starts in the second of its end
		grep -q \
			-e "gputopo: job $id: the job's MIG instance was not made on this node" \
			-e "Job $id already killed, do not launch batch job" \
			"$CLUSTER/log/slurmd-m0"
		;;
	*) false ;;
	esac
	assert_equal "$(cluster_run sinfo -h -R -o %E)" ""
}

# The machine m0 stops at once with job $1, and is started again by come_back. A child of
# slurmstepd's may have ended by itself meanwhile.
die() {
	local pid
	pid=$(cluster_run pgrep -f "^slurmstepd: \[$1.batch\]")
	cluster_run kill -9 "$(cat "$CLUSTER/slurmd-m0.pid")" "$pid" \
		$(cluster_run pgrep -P "$pid") || true
	cluster_run scontrol update NodeName=m0 State=down Reason=dead
}

come_back() {
	cluster_run slurmd -N m0
	cluster_wait_nodes # by ReturnToService=2
}

@test "a node that dies and returns: the new job keeps its instance" {
	local old id had i
	old=$(run_job -w m0 --no-requeue --mig=4g.40gb)
	cluster_wait_job "$old" RUNNING
	had=$(sees "$old")
	die "$old"
	cluster_gone "$old"
	assert_equal "$(instances m0 | grep -c "$had")" 1
	come_back
	id=$(run_job -w m0 --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	[[ $(place "$id") == "m0 0 0 8" ]]
	# the old job's epilog comes late, if at all
	sleep 5
	[[ $(place "$id") == "m0 0 0 8" ]]
	assert_equal "$(instances m0 | grep -c "$had" || true)" 0
}

@test "a process that outlives its job: the node is drained with the reason" {
	local id pid
	id=$(run_job -w m0 --mig=1g.10gb)
	cluster_wait_job "$id" RUNNING
	sees "$id"
	pid=$(cluster_run pgrep -f "slurmstepd: \[$id.batch\]")
	local left
	left=$(cluster_run pgrep -P "$pid")
	cluster_run kill -9 "$pid"
	cluster_run scancel "$id"
	for ((i = 0; i < 150; i++)); do
		[ -z "$(cluster_run sinfo -h -R -o %E)" ] || break
		sleep 0.1
	done
	cluster_run sinfo -h -R -o %E | grep -q "a process still runs in the GPU instance"
	# the slices are taken again when the next job needs them and the process is gone
	cluster_run kill -9 $left
	cluster_run scontrol update NodeName=m0 State=resume
	id=$(run_job -w m0 --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	id=$(run_job -w m0 --mig=7g.80gb)
	cluster_wait_job "$id" RUNNING
	sees "$id" >/dev/null
}

@test "an instance that cannot be made: requeued, and the node drained with the reason" {
	local id node
	for node in $NODES; do
		fake fail "$node" gi-create 1
	done
	id=$(submit --requeue --mig=1g.10gb "$(holds 2)")
	for ((i = 0; i < 150; i++)); do
		[ -z "$(cluster_run sinfo -h -R -o %E)" ] || break
		sleep 0.1
	done
	cluster_run sinfo -h -R -o %E | grep -q "gputopo: GPU .*memory slices"
	cluster_wait_job "$id" PENDING
	node=$(cluster_run sinfo -h -R -o %N)
	cluster_run scontrol update NodeName="$node" State=resume
	for node in $NODES; do
		fake fail "$node" gi-create 0
	done
	# not in the second of its end: see "requeued and restarted at once"
	sleep 2
	cluster_run scontrol update JobId="$id" StartTime=now
	cluster_wait_job "$id" COMPLETED 60
}

@test "mig_fail=job: the job fails, the node stays" {
	local id
	mig_plugstack mig_fail=job >"$CLUSTER/etc/plugstack.conf"
	fake fail m0 gi-create 1
	id=$(submit -w m0 --no-requeue --mig=1g.10gb "$(holds 2)")
	cluster_wait_job "$id" FAILED
	mig_plugstack >"$CLUSTER/etc/plugstack.conf"
	cluster_wait_idle
	assert_equal "$(cluster_run sinfo -h -R -o %E)" ""
}

# left_over NODE: as if a job of before had left its instance of the whole of GPU 0 and 1.
left_over() {
	local dir=$CLUSTER/mig/records/$1 gpu
	mkdir -p "$dir"
	{
		printf 'gputopo-mig 1\nrestart 0 instances 2\n'
		for gpu in 0 1; do
			echo "gpu $gpu start 0 size 8 compute 7 . gi 77 ci 0 MIG-left-$gpu"
		done
	} >"$dir/99999"
}

# drained TEXT: a node is drained with it, within 15 s; the node's name is printed.
drained() {
	local i
	for ((i = 0; i < 150; i++)); do
		! cluster_run sinfo -h -R -o %E | grep -qF "$1" || break
		sleep 0.1
	done
	cluster_run sinfo -h -R -o %E | grep -qF "$1"
	cluster_run sinfo -h -R -o %N
}

@test "MigStray=drain in gputopo.conf, and what plugstack.conf says wins" {
	local id conf=$BATS_FILE_TMPDIR/gputopo.conf
	cp "$CLUSTER/etc/gputopo.conf" "$conf"
	left_over m0
	echo "NodeName=m[0-9] MigStray=drain" >>"$CLUSTER/etc/gputopo.conf"
	id=$(submit -w m0 --requeue --mig=1g.10gb "$(holds 1)")
	assert_equal "$(drained "an instance of job 99999 was left over on GPU")" m0
	assert_equal "$(instances $NODES)" ""
	# removed after all
	mig_plugstack mig_stray=remove >"$CLUSTER/etc/plugstack.conf"
	# slurmd takes no credential of the second in which the job's last one was revoked
	sleep 2
	cluster_run scontrol update NodeName=m0 State=resume
	cluster_run scontrol update JobId="$id" StartTime=now
	cluster_wait_job "$id" COMPLETED 20 || {
		grep -hE "[Jj]ob(Id=| )$id\b" "$CLUSTER/log/slurmctld" "$CLUSTER/log/slurmd-m0"
		cat "$CLUSTER/jobs/$id.out"
		return 1
	}
	mig_plugstack >"$CLUSTER/etc/plugstack.conf"
	cp "$conf" "$CLUSTER/etc/"
	rm -f "$conf" "$CLUSTER/mig/records/m0/99999"
}

@test "a broken gputopo.conf keeps no job from its instance" {
	local id
	cp "$CLUSTER/etc/gputopo.conf" "$BATS_TEST_TMPDIR/"
	left_over m0
	echo "MigStray=perhaps" >>"$CLUSTER/etc/gputopo.conf"
	id=$(submit -w m0 --mig=1g.10gb "$(holds 1)")
	cluster_wait_job "$id" COMPLETED 60
	cp "$BATS_TEST_TMPDIR/gputopo.conf" "$CLUSTER/etc/"
	rm -f "$CLUSTER/mig/records/m0/99999"
	assert_equal "$(cluster_run sinfo -h -R -o %E)" ""
	grep -q "MigStray=remove: .*gputopo.conf:.*MigStray=perhaps: must be remove or drain" \
		"$CLUSTER/log/slurmd-m0"
}

@test "slurmd's start forgets what a reboot took away" {
	local pid i
	left_over m1
	pid=$(cat "$CLUSTER/slurmd-m1.pid")
	cluster_run timeout 120 sh -c "kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done
		FAKE_MIG_NODE=m1 slurmd -N m1"
	for ((i = 0; i < 100; i++)); do
		[ -e "$CLUSTER/mig/records/m1/99999" ] || break
		sleep 0.1
	done
	[ ! -e "$CLUSTER/mig/records/m1/99999" ]
}

@test "a driver that hangs holds up no slurmd" {
	local id pid i
	# of an ended job: of one that still runs the driver is not asked
	left_over m0
	pid=$(cat "$CLUSTER/slurmd-m0.pid")
	fake slow m0 600000
	cluster_run timeout 120 sh -c "kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done
		FAKE_MIG_NODE=m0 timeout 60 slurmd -N m0"
	# from 24.11 on the command returns before the daemon has asked the driver
	for ((i = 0; i < 300; i++)); do
		! grep -q "the NVIDIA driver did not answer within 10 s: slurmd starts" \
			"$CLUSTER/log/slurmd-m0" || break
		sleep 0.1
	done
	fake slow m0 0
	[ "$i" -lt 300 ]
	grep -q "gputopo: slurmd waits up to 10 s for the NVIDIA driver" "$CLUSTER/log/slurmd-m0"
	cluster_wait_nodes
	rm -f "$CLUSTER/mig/records/m0/99999"
	# and all is as ever
	id=$(run_job -w m0 --mig=1g.10gb)
	cluster_wait_job "$id" RUNNING
	sees "$id"
	assert_equal "$(instances m0 | wc -l)" 1
	cluster_run scancel "$id"
	cluster_gone "$id"
	assert_equal "$(instances m0 | wc -l)" 0
}

@test "instances of others are left alone" {
	local id
	fake add m0 0 0 4 4g.40gb
	id=$(submit -w m0 --requeue --mig=7g.80gb "$(holds 1)")
	cluster_wait_job "$id" COMPLETED 40 || true
	assert_equal "$(instances m0 | grep -c foreign)" 1
	cluster_run scancel "$id"
	cluster_run scontrol update NodeName=m0 State=resume || true
	fake reboot m0
}
