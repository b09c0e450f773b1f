# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the cases/*.bats files share. A file starts its cluster in setup_file by
# `cluster_file_start NODE=KIND...`; where that is impossible every test of the file is
# skipped with the reason, and counted.
#
#   GPUTOPO_PLUGIN       the select_cons_tres.so to test; default: the build folder's
#   GPUTOPO_CLOCKS       a file for lines on the longest job_test of each file
#   GPUTOPO_SLURM_ROOT   the root of a Debian with another Slurm release; default: this one

TESTS_DIR=${GPUTOPO_SRCDIR:?run the tests by make check}/tests
PROGRAMS=$GPUTOPO_BUILDDIR/tests/cluster/lib
: "${GPUTOPO_PLUGIN:=$GPUTOPO_BUILDDIR/plugin/.libs/select_cons_tres.so}"
: "${GPUTOPO_SLURM_ROOT:=}"
: "${CLOCK=$PROGRAMS/clock/.libs/select_cons_tres.so}"
. "$TESTS_DIR/cluster/lib/cluster.sh"

# Print why the tests of this file cannot run, or nothing.
cluster_missing() {
	cluster_possible "$GPUTOPO_SLURM_ROOT" || return 0
	if [ ! -e "$GPUTOPO_PLUGIN" ]; then
		echo "the Slurm plugin is not built"
	elif [ ! -x "$PROGRAMS/states" ]; then
		echo "tests/cluster/lib/states is not built (no libslurm)"
	fi
}

# Start the file's cluster with the plugin, or leave the reason in CLUSTER_MISSING.
cluster_file_start() {
	local own=("$@") told=()
	CLUSTER_MISSING=$(cluster_missing)
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	[[ " ${own[*]} " == *" --gputopo "* ]] || told=(--gputopo "$CLUSTER_LIB/told.conf")
	cluster_start ${GPUTOPO_SLURM_ROOT:+--root "$GPUTOPO_SLURM_ROOT"} \
		${GPUTOPO_PRELOAD:+--preload "$GPUTOPO_PRELOAD"} \
		${CLOCK:+--clock "$CLOCK"} --plugin "$GPUTOPO_PLUGIN" \
		"${told[@]}" "${own[@]}" || return 1
	cp "$PROGRAMS/states" "$CLUSTER/states"
}

# For teardown_file: no job_test in the file's slurmctlds was longer than JOB_TEST_MS on its
# processor, 100 unless told, or than 50 times that by the clock, where it waits for whatever.
# Sanitizers have ten times as much.
cluster_file_stop() {
	local status=0 bound=$((${JOB_TEST_MS:-100} * 1000)) above='' file=${CLUSTER:-}/log/slurmctld.clock
	[ -z "${GPUTOPO_PRELOAD:-}" ] || bound=$((10 * bound))
	if [ -e "$file" ]; then
		above=$(awk -v bound="$bound" '$1 > bound || $2 > 50 * bound' "$file")
		awk -v file="${BATS_TEST_FILENAME##*/}" '
			$1 > cpu { cpu = $1 } $2 > clock { clock = $2 }
			END { print file ":", cpu, "us,", clock, "by the clock" }' "$file" \
			>>"${GPUTOPO_CLOCKS:-/dev/null}"
	fi
	# the jobs of the last test
	[ -n "${CLUSTER_MISSING:-}" ] || agrees || status=1
	cluster_stop || status=1
	[ -z "$above" ] || { printf 'job_tests above the bound; %s:\n%s\n' \
		"us on the processor, by the clock, job, mode" "$above"; return 1; }
	return $status
}

# For setup: skip where there is no cluster, else begin with idle nodes.
cluster_test_start() {
	[ -z "$CLUSTER_MISSING" ] || skip "$CLUSTER_MISSING"
	local status=0
	agrees || status=1
	cluster_run scancel -u root
	cluster_wait_idle
	return $status
}

# gputopo_conf LINE...: these lines are gputopo.conf from now on, and jobs are told of, so that
# agrees has something to hold.
gputopo_conf() {
	agrees || return 1
	printf '%s\n' "$@" >"$CLUSTER/etc/gputopo.conf"
	[[ "$*" == *DecisionLog=* ]] || echo "DecisionLog=$CLUSTER/decisions" >>"$CLUSTER/etc/gputopo.conf"
	[[ "$*" == *AdminComment=* ]] || echo "AdminComment=yes" >>"$CLUSTER/etc/gputopo.conf"
	rm -f "$CLUSTER/decisions"
	cluster_run scontrol reconfigure
	sleep 0.5
	cluster_wait_nodes
}

# Leave exactly the GPUs of list $2 free on node $1 (the others hold one-GPU jobs).
make_free() {
	cluster_run "$CLUSTER/states" -n "$1" -f "$2"
}

# agrees [JOB]: what the decision log in $CLUSTER/decisions, AdminComment and slurmctld's log say
# of jobs that run now is what scontrol shows; agrees.awk has the rules. Costs nothing without a
# decision log.
agrees() {
	[ -s "$CLUSTER/decisions" ] || return 0
	# shellcheck disable=SC2086
	cluster_run scontrol -d -o show job ${1:-} >"$CLUSTER/shown" 2>/dev/null || return 0
	awk -f "$CLUSTER_LIB/agrees.awk" "$CLUSTER/decisions" "$CLUSTER/log/slurmctld" \
		"$CLUSTER/shown" >&2
}

# ask OPTION...: allocate at once; prints the job's id. What is said of it must be so.
ask() {
	local text id
	text=$(cluster_run salloc --no-shell -I5 -t 60 "$@" 2>&1) ||
		{ echo "salloc $*: $text" >&2; return 1; }
	id=$(sed -n 's/.*Granted job allocation //p' <<<"$text")
	agrees "$id" || return 1
	echo "$id"
}

# give OPTION... -- LIST: like ask, and give its GPUs: "n0 0,2-3".
give() {
	local id
	id=$(ask "$@") || return 1
	cluster_job_gpus "$id"
}

# script TEXT: a batch script that says TEXT; prints its path.
script() {
	local file
	file=$(mktemp "$CLUSTER/jobs/XXXXXX")
	printf '#!/bin/bash\n%s\n' "$1" >"$file"
	echo "$file"
}

# submit OPTION...: sbatch; prints the job's id.
submit() {
	cluster_run sbatch --parsable -t 60 -o "$CLUSTER/jobs/%A.out" "$@"
}

# How many GPUs are in list $1.
count() {
	set -- $(cluster_expand "$1")
	echo $#
}

# The GPUs of list $1 that are not in list $2, as a list.
without() {
	local gpu out=()
	for gpu in $(cluster_expand "$1"); do
		[[ " $(cluster_expand "$2") " == *" $gpu "* ]] || out+=("$gpu")
	done
	(IFS=,; echo "${out[*]}")
}

# Fail with both values unless they are equal.
assert_equal() {
	if [ "$1" != "$2" ]; then
		echo "got:      $1"
		echo "expected: $2"
		return 1
	fi
}

# judged TITLE COMMAND...: the command succeeds; what it prints is shown, whether or not.
judged() {
	local title=$1
	shift
	run "$@"
	{
		echo "# $title:"
		sed 's/^/# /' <<<"$output"
	} >&3
	[ "$status" -eq 0 ]
}

# assert_best KIND FREE GOT: by the oracle, no set of the same size has a higher (R, tau).
assert_best() {
	printf '0\t%s\tany\t%s\t%s\t\n' "$2" "$(count "$3")" "$3" >"$BATS_TEST_TMPDIR/row"
	"$PROGRAMS/check_states" "$TESTS_DIR/cluster/lib/kinds/$1" "$BATS_TEST_TMPDIR/row"
}

# assert_disjoint LIST...: no GPU is in two of the lists.
assert_disjoint() {
	local twice list
	twice=$(for list in "$@"; do cluster_expand "$list"; done | tr ' ' '\n' | sort | uniq -d)
	if [ -n "$twice" ]; then
		echo "given twice: $twice, in: $*"
		return 1
	fi
}

# Every GPU of every node is free.
assert_all_free() {
	local used
	used=$(cluster_run scontrol -d -o show node | grep -o 'GresUsed=[^ ]*' |
		grep -o 'IDX:[0-9][0-9,-]*' || true)
	if [ -n "$used" ]; then
		echo "still used: $used"
		return 1
	fi
}

# The GPUs of node $1 that are in use, as a list.
used_on() {
	cluster_run scontrol -d -o show node "$1" | grep -o 'GresUsed=[^ ]*' |
		grep -o 'IDX:[0-9][0-9,-]*' | cut -d: -f2 | paste -sd,
}
