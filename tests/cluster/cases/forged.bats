# SPDX-License-Identifier: GPL-2.0-or-later
# A user who isn't root sends what no command of Slurm sends: names of ours in every
# spelling, twice, empty and of 20 MB, through libslurm. Nobody's instance is touched, no
# node is drained, no job runs without an instance that it was promised, and slurmctld goes
# on at its pace; with job_submit/gputopo, without it, and with nothing of ours in slurmctld.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"

NODES="m0 m1"
USER_OF_ATTACK=nobody

setup_file() {
	local options
	CLUSTER_MISSING=$(mig_missing)
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	mapfile -t options < <(mig_options $NODES)
	cluster_file_start "${options[@]}"
	cp "$PROGRAMS/forge" "$CLUSTER/forge"
	mkdir "$CLUSTER/without"
	chmod 777 "$CLUSTER/without"
	touch "$CLUSTER/refusals"
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

# forge OPTION...: submit as the user; prints the job's id, nothing where it is refused.
forge() {
	cluster_run setpriv --reuid $USER_OF_ATTACK --regid nogroup --clear-groups \
		"$CLUSTER/forge" "$@" 2>>"$CLUSTER/refusals" || [ $? = 3 ]
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

# A job that says it if it has no instance: for those that were promised one.
HAS_ONE='case $CUDA_VISIBLE_DEVICES in MIG-*) ;; *) : >'

# $1: the number of the submission. Every name and every prefix that Slurm or a user may put
# before it, alone, as pairs of a wish and a place, twice, and in several sizes.
attack() {
	local prefixes=("" SPANK_ SPANK_SPANK_ SLURM_SPANK_ SPANK_SLURM_SPANK_ SLURM_ _ spank_)
	local wish=_SLURM_SPANK_OPTION_gputopo_mig place=GPUTOPO_MIG_PLACE
	local names=("$place" "$wish" GPUTOPO_HAD GPUTOPO_TOPO GPUTOPO_MIN_BUSBW
		_SLURM_SPANK_OPTION_gputopo_gpu_topo GPUTOPO_MIG_PLACE_2 gputopo_mig_place)
	local places=(m0:0:0:8 m0:0:0:4 m0:0:4:4 m0:1:0:8 m0:0:4:2,m1:0:0:8 m0:0:0:4,m0:0:0:8
		m0:0:0:4,m0:1:0:4 m1:0:0:8)
	local profiles=(7g.80gb 3g.40gb 4g.40gb 7g.80gb 2g.20gb 3g.40gb 3g.40gb 7g.80gb)
	local sizes=(0 40 4000 70000 "${LARGE:-200000}" "${LARGE:-20000000}")
	local n=$1 p q k node=m$(($1 % 2))
	p=${prefixes[n % 8]}
	q=${prefixes[n / 8 % 8]}
	k=$((n % 7))
	if [ "$n" -lt 64 ]; then	# a place and a wish
		forge -w m0 -r -s "sleep 0.1" "$p$place=${places[k]}" "$q$wish=${profiles[k]}"
	elif [ "$n" -lt 128 ]; then	# each name, of several sizes
		forge -w "$node" -s "exit 0" -p "${sizes[n % 5]}" "$p${names[n / 8 % 8]}=%1"
	elif [ "$n" -lt 148 ]; then	# a name twice, with values that differ
		forge -w m0 -r -s "exit 0" "${names[n % 5]}=m0:0:0:8" "$p${names[n % 5]}=7g.80gb" \
			"SPANK_$place=m0:0:0:8" "SPANK_$wish=7g.80gb" "$wish=1g.10gb" "$wish=7g.80gb"
	elif [ "$n" -lt 160 ]; then	# shards that were asked for, and another place
		forge -w m0 -t "shard:$((n % 4 + 1))" -s "exit 0" "$p$place=${places[k]}" \
			"SPANK_$wish=${profiles[k]}"
	elif [ "$n" -lt 170 ]; then	# a true wish among false ones: with an instance or not at all
		forge -w m1 -t "shard:1" -s "$HAS_ONE$CLUSTER/without/$n ;; esac" \
			"$p$place=m1:0:0:8" "$wish=1g.10gb" "SPANK_$wish=7g.80gb"
	elif [ "$n" -lt 180 ]; then	# many entries
		forge -w "$node" -s "exit 0" -n $(((n - 169) * 500)) "$p$place=m0:0:0:8"
	elif [ "$n" -lt 190 ]; then	# many entries before a true wish
		forge -w m1 -t "shard:1" -s "$HAS_ONE$CLUSTER/without/$n ;; esac" \
			-n $(((n - 179) * 600)) "$wish=1g.10gb"
	elif [ "$n" -lt 196 ]; then	# others' names: prologs have to start all the same
		forge -w "$node" -s "exit 0" -p "${sizes[n - 190]}" X=% Y=% Z=%
	else				# and the job's own environment and comment
		forge -w m0 -s "exit 0" -e "$place=m0:0:0:8" -e "SPANK_$place=m0:0:0:8" \
			-e "SLURM_SPANK_$wish=7g.80gb" -e "$wish=7g.80gb" -c "$place=m0:0:0:8" "$p$wish="
	fi
}

attack_all() {
	local n
	for ((n = 0; n < 200; n++)); do
		attack $n >/dev/null || { echo "submission $n"; return 1; }
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

# The longest pass of the scheduler so far, in microseconds.
longest_pass() {
	cluster_run sdiag | sed -n '/^Main schedule/,/^Backfilling/s/.*Max cycle: *//p'
}

@test "200 forged submissions, with job_submit/gputopo" {
	victims
	attack_all
	unharmed
	grep -q "gputopo: .* is given twice, with different values" "$CLUSTER/refusals"
	grep -q "SPANK environment is too large" "$CLUSTER/refusals"
	[ "$(longest_pass)" -lt 2000000 ]
}

@test "200 forged submissions, without it" {
	victims
	slurmctld_is nosubmit
	attack_all
	unharmed
	grep -q "entries of its SPANK environment are dropped" "$CLUSTER/log/slurmctld"
	[ "$(longest_pass)" -lt 2000000 ]
	slurmctld_is ours
}

@test "200 forged submissions, with nothing of ours in slurmctld: the node checks by itself" {
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
