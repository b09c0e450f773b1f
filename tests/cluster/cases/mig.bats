# SPDX-License-Identifier: GPL-2.0-or-later
# Instances of MIG that the admin made, on nodes with whole GPUs beside them. By type:
# bits 0-3 are the whole GPUs 0, 3, 4, 5 (links 0-4 and 3-5), 4-5 are 3g, 6-7 2g, 8-11 1g;
# of each kind the first half sits on GPU 1, the second on GPU 2.

load ../lib/bats.bash

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

setup_file() {
	cluster_file_start c0=instances c1=instances
	[ -z "$CLUSTER_MISSING" ] || return 0
	cp "$TESTS_DIR/cluster/lib/kinds/instances.json" "$CLUSTER/etc/cut.json"
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "required $CLUSTER/spank_gputopo.so" >"$CLUSTER/etc/plugstack.conf"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
	[ -n "$CLUSTER_MISSING" ] || by_file
}

# by_file WORD...: the nodes are what cut.json says, with these settings.
by_file() {
	gputopo_conf "NodeName=c[0-1] Topology=cut.json $*" \
		"DecisionLog=$CLUSTER/decisions"
}

# The GPUs that carry the instances of list $1, sorted, one name each.
cards() {
	local bit
	for bit in $(cluster_expand "$1"); do
		case $bit in
		4 | 6 | 8 | 9) echo 1 ;;
		5 | 7 | 10 | 11) echo 2 ;;
		*) echo "whole" ;;
		esac
	done | sort -u | paste -sd' '
}

# card PROFILE [OPTION...]: the GPU that carries the instance of a job on c0.
card() {
	local given profile=$1
	shift
	given=$(give -w c0 -N1 --gres=gpu:a100_"$profile":1 "$@") || return 1
	cards "${given#c0 }"
}

# series PROFILE...: the GPUs of jobs of one instance each, in turn; the node is idle
# before and after.
series() {
	local profile
	for profile in "$@"; do
		card "$profile"
	done | paste -sd' '
	cluster_run scancel -u root
	cluster_wait_idle
}

@test "the GPU in use is filled before another is begun" {
	local first second
	set -- $(series 1g.5gb 1g.5gb 2g.10gb 3g.20gb 1g.5gb 3g.20gb)
	first=$1
	second=$((3 - first))
	assert_equal "$*" "$first $first $first $first $second $second"
}

@test "it is the plugin that does it: stock Slurm begins both GPUs at once" {
	gputopo_conf Mode=off
	local stock
	stock=$(series 1g.5gb 1g.5gb 1g.5gb 1g.5gb)
	by_file
	set -- $(series 1g.5gb 1g.5gb 1g.5gb 1g.5gb)
	[ "$1" = "$2" ] && [ "$3" = "$4" ] && [ "$1" != "$3" ]
	[ "$stock" != "$*" ]
}

@test "MigPolicy=spread takes the emptier GPU each time" {
	by_file MigPolicy=spread
	# 3g on one, then all small ones on the other until it carries as much
	local first second
	set -- $(series 3g.20gb 1g.5gb 1g.5gb 2g.10gb)
	first=$1
	second=$((3 - first))
	assert_equal "$*" "$first $second $second $second"
	set -- $(series 1g.5gb 1g.5gb 2g.10gb 2g.10gb)
	[ "$1" != "$2" ] && [ "$3" != "$4" ]
}

@test "several instances of one job share a GPU, by spread they do not" {
	local given
	given=$(give -w c0 -N1 --gres=gpu:a100_1g.5gb:2)
	assert_equal "$(count "$(cards "${given#c0 }" | tr ' ' ,)")" 1
	cluster_run scancel -u root
	cluster_wait_idle
	by_file MigPolicy=spread
	given=$(give -w c0 -N1 --gres=gpu:a100_1g.5gb:2)
	assert_equal "$(cards "${given#c0 }")" "1 2"
}

@test "whole GPUs of the same node: the linked pairs, whatever the others hold" {
	card 3g.20gb
	local one two
	one=$(give -w c0 -N1 --gres=gpu:a100:2)
	two=$(give -w c0 -N1 --gres=gpu:a100:2)
	assert_equal "$(printf '%s\n' "${one#c0 }" "${two#c0 }" | sort)" \
		"$(printf '0,2\n1,3')"
}

@test "a job of both kinds gets the linked pair and the instance beside the used one" {
	local held given
	held=$(card 2g.10gb)
	given=$(give -w c0 -N1 --gres=gpu:a100:2,gpu:a100_1g.5gb:1)
	given=$(cluster_expand "${given#c0 }")
	[[ $given == "0 2 "* || $given == "1 3 "* ]]
	assert_equal "$(cards "${given##* }")" "$held"
}

@test "of two nodes the one with a GPU in use is taken, and an idle one by spread" {
	ask -w c1 -N1 --gres=gpu:a100_3g.20gb:1 >/dev/null
	local given
	given=$(give --gres=gpu:a100_1g.5gb:1)
	assert_equal "${given%% *}" c1
	cluster_run scancel -u root
	cluster_wait_idle
	by_file MigPolicy=spread
	ask -w c0 -N1 --gres=gpu:a100_3g.20gb:1 >/dev/null
	given=$(give --gres=gpu:a100_1g.5gb:1)
	assert_equal "${given%% *}" c1
}

@test "a restart of slurmctld forgets neither the jobs nor their GPUs" {
	local held given
	held=$(card 1g.5gb)
	cluster_restart_ctld
	assert_equal "$(card 2g.10gb)" "$held"
	assert_equal "$(card 1g.5gb)" "$held"
	assert_equal "$(card 1g.5gb)" $((3 - held))
}

@test "what scontrol shows is what the job sees" {
	card 3g.20gb >/dev/null
	local file id idx
	file=$(script 'echo "job $SLURM_JOB_GPUS"
		scontrol -d show job $SLURM_JOB_ID | sed -n "s/.*IDX:\([0-9,-]*\)).*/idx \1/p"')
	id=$(submit -w c0 -N1 --gres=gpu:a100_1g.5gb:1 "$file")
	cluster_wait_job "$id" COMPLETED
	idx=$(sed -n 's/^idx //p' "$CLUSTER/jobs/$id.out")
	assert_equal "$(sed -n 's/^job //p' "$CLUSTER/jobs/$id.out")" "$idx"
	grep -q "\"job\":$id,.*\"chosen\":\"$idx\"" "$CLUSTER/decisions"
}

@test "--gpu-topo=ring: whole GPUs have one, instances never" {
	local given
	given=$(give --gpu-topo=ring -w c0 -N1 --gres=gpu:a100:2)
	[[ ${given#c0 } == 0,2 || ${given#c0 } == 1,3 ]]
	run ask --gpu-topo=ring -w c0 -N1 --gres=gpu:a100_1g.5gb:2
	[ "$status" != 0 ]
	card 1g.5gb --gpu-topo=ring
}

# keeps_stock TEXT FILE: with this node file jobs run as in stock Slurm, and one line in
# the log holds TEXT.
keeps_stock() {
	local stock before
	gputopo_conf Mode=off
	stock=$(series 1g.5gb 1g.5gb 1g.5gb)
	cp "$2" "$CLUSTER/etc/doubt.json"
	before=$(grep -c "$1" "$CLUSTER/log/slurmctld" || true)
	gputopo_conf "NodeName=c[0-1] Topology=doubt.json"
	assert_equal "$(series 1g.5gb 1g.5gb 1g.5gb)" "$stock"
	assert_equal "$(grep -c "$1" "$CLUSTER/log/slurmctld")" $((before + 1))
}

@test "a node file that does not fit: stock's choice and one line" {
	local file=$BATS_TEST_TMPDIR/file
	# an instance more than Slurm has
	sed '0,/"start": 3}/s//"start": 3}, {"profile": "1g.5gb", "start": 3}/;
		0,/"start": 3}, /s//"start": null}, /' "$CLUSTER/etc/cut.json" >"$file"
	keeps_stock "Slurm has 12" "$file"
	# another cut: 2g where Slurm has 3g
	sed 's/{"profile": "3g.20gb", "start": 4}/{"profile": "2g.10gb", "start": 4}/' \
		"$CLUSTER/etc/cut.json" >"$file"
	keeps_stock "it has no place for a100_3g.20gb" "$file"
	# impossible
	sed 's/"start": 2/"start": 4/' "$CLUSTER/etc/cut.json" >"$file"
	keeps_stock "overlaps another instance" "$file"
}

# check_start ID BUSY: the instance of job ID, the GPU bits BUSY being used before it, is
# on a GPU in use if there was one of its kind.
check_start() {
	local given kind bit used
	given=$(cluster_job_gpus "$1")
	given=${given#c0 }
	case $given in
	4 | 5) kind="4 5" ;;
	6 | 7) kind="6 7" ;;
	*) kind="8 9 10 11" ;;
	esac
	used=" $(for bit in $2; do cards "$bit"; done | sort -u | paste -sd' ') "
	[[ $used != *" $(cards "$given") "* ]] || return 0
	for bit in $kind; do
		if [[ " $2 " != *" $bit "* && $used == *" $(cards "$bit") "* ]]; then
			echo "job $1 got $given with $2 in use: $bit was free there"
			return 1
		fi
	done
}

@test "random jobs: no instance twice, none on an idle GPU without need, nothing left" {
	local seed=${GPUTOPO_SEED:-$((RANDOM * 32768 + RANDOM))} round id busy profile
	local started=0 ids=()
	echo "# seed $seed" >&3
	RANDOM=$seed
	for ((round = 0; round < 60; round++)); do
		if [ ${#ids[@]} -gt 0 ] && ((RANDOM % 5 < 2)); then
			id=${ids[RANDOM % ${#ids[@]}]}
			cluster_run scancel "$id"
			cluster_gone "$id"
			ids=($(printf '%s\n' "${ids[@]}" | grep -vx "$id" || true))
			continue
		fi
		profile=$(shuf -n1 -e 1g.5gb 1g.5gb 2g.10gb 3g.20gb \
			--random-source=<(yes "$RANDOM"))
		busy=$(cluster_expand "$(used_on c0)")
		id=$(ask -w c0 -N1 --gres=gpu:a100_"$profile":1 2>/dev/null) || continue
		ids+=("$id")
		started=$((started + 1))
		check_start "$id" "$busy"
	done
	[ "$started" -gt 20 ]
	assert_disjoint $(for id in "${ids[@]}"; do
		cluster_job_gpus "$id" | cut -d' ' -f2; done)
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}
