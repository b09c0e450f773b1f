# SPDX-License-Identifier: GPL-2.0-or-later
# A user who isn't root sends what no command of Slurm sends: names of ours in every
# spelling, twice, empty and of 20 MB, through libslurm. Nobody's instance is touched, no
# node is drained, and no job runs without an instance that it was promised; with
# job_submit/gputopo, without it, and with nothing of ours in slurmctld. At which pace
# slurmctld goes on: passes.bats.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"
. "$TESTS_DIR/cluster/lib/forged.bash"

NODES="m0 m1"

setup_file() {
	local options
	CLUSTER_MISSING=$(mig_missing)
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	mapfile -t options < <(mig_options $NODES)
	cluster_file_start "${options[@]}"
	forged_prepare
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	rm -f "$CLUSTER"/without/*
}

teardown() {
	[ -z "$CLUSTER_MISSING" ] || return 0
	cluster_run scancel --user=$USER_OF_ATTACK
	cluster_run scancel --user=root
}

# Two jobs of root's: one uses its instance, one lets it lie idle. What stands on the GPUs
# then is in $CLUSTER/victims.
victims() {
	local busy idle i
	busy=$(submit -w m0 -N1 --mig=3g.40gb "$(script "exec $CLUSTER/mig/fake_mig \
		$CLUSTER/mig/libfakemig.so.state use \$SLURMD_NODENAME -- sleep 600")")
	idle=$(submit -w m0 -N1 --mig=2g.20gb --wrap "sleep 600")
	cluster_wait_job "$busy" RUNNING
	cluster_wait_job "$idle" RUNNING
	for ((i = 0; i < 100; i++)); do
		[ "$(instances $NODES | wc -l)" != 2 ] || break
		sleep 0.1
	done
	instances $NODES >"$CLUSTER/victims"
	echo "$busy $idle" >"$CLUSTER/victims.jobs"
	assert_equal "$(wc -l <"$CLUSTER/victims")" 2
	cut -d' ' -f2 "$CLUSTER/victims" | sort -u | diff - <(echo 0)
}

# Wait until none of the user's jobs runs or could: shards without --mig wait for ever.
all_ended() {
	local i left still=0
	for ((i = 0; i < 600 && still < 20; i++)); do
		left=$(cluster_run squeue -h -u $USER_OF_ATTACK -o %T | sort -u)
		case $left in
		"") break ;;
		PENDING) still=$((still + 1)) ;;
		*) still=0 ;;
		esac
		sleep 0.2
	done
	cluster_run scancel --user=$USER_OF_ATTACK
	[ "$i" -lt 600 ] || { cluster_run squeue; return 1; }
}

# Nothing of the victims' has changed, and nothing has happened to a node.
unharmed() {
	local job
	assert_equal "$(instances $NODES)" "$(cat "$CLUSTER/victims")"
	assert_equal "$(cluster_run sinfo -h -R -o '%E %n')" ""
	for job in $(cat "$CLUSTER/victims.jobs"); do
		assert_equal "$(cluster_job_state "$job")" RUNNING
	done
	assert_equal "$(figure overlaps $NODES) $(figure meetings $NODES)" "0 0"
	assert_equal "$(ls "$CLUSTER/without")" ""
}

attack_all() {
	local n
	for ((n = 0; n < FORGED; n++)); do
		attack $n m0 m1 >/dev/null || { echo "submission $n"; return 1; }
	done
	all_ended
}

# slurmctld from now on, with what there was before: ours, nosubmit (without
# job_submit/gputopo) or stock (with nothing of ours).
slurmctld_is() {
	cluster_use_plugin
	[ "$1" != stock ] || cluster_use_stock
	sed -i '/^JobSubmitPlugins=/d' "$CLUSTER/etc/slurm.conf"
	[ "$1" != ours ] || cluster_conf JobSubmitPlugins=gputopo
	cluster_restart_ctld
}

@test "240 forged submissions, with job_submit/gputopo" {
	victims
	attack_all
	unharmed
	grep -q "gputopo: .* is given twice, with different values" "$CLUSTER/refusals"
	grep -q "SPANK environment is too large" "$CLUSTER/refusals"
}

@test "240 forged submissions, without it" {
	victims
	slurmctld_is nosubmit
	attack_all
	unharmed
	grep -q "entries of its SPANK environment are dropped" "$CLUSTER/log/slurmctld"
	slurmctld_is ours
}

@test "240 forged submissions, with nothing of ours in slurmctld: the node checks by itself" {
	# what Linux takes for a new program: larger ones drain a node of any Slurm that has
	# SPANK plugins with a prolog, before that is run
	local LARGE=100000
	victims
	slurmctld_is stock
	attack_all
	unharmed
	grep -q "MIG instance refused: GPU . is not the job's" "$CLUSTER/log/slurmd-m0"
	slurmctld_is ours
}
