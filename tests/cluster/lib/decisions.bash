# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Random requests on nodes of 8 GPUs of every kind, so that they end in every reason: the
# decision log, AdminComment, slurmctld's lines and `gputopo report` against what scontrol shows.
# decisions.bats and proofs/decisions share it. Source it after bats.bash.

# What jobs that start can be told; the others need more than 8 GPUs, faults, or do not start.
DECISIONS_REASONS="bad-links best changed exclusive links-differ no-choice no-topology observed
	off permuted rerun size"

# Nodes where a choice is possible, and the others.
DECISIONS_FREE=(n0 n1 h0 h0 t0)
DECISIONS_KEPT=(w0 f0 q0 p0 d0 s0 b0 c0)

decisions_start() {
	cat >"$BATS_FILE_TMPDIR/conf" <<-EOF
	DecisionLog=PLACE/decisions
	AdminComment=yes
	NodeName=w0 Mode=observe
	NodeName=f0 Mode=off
	NodeName=d0 Topology=builtin:a6000-pairs
	NodeName=q0,c0 Topology=builtin:dgx1v
	NodeName=s0 Topology=builtin:hgx-a100-4
	EOF
	cluster_file_start --gputopo "$BATS_FILE_TMPDIR/conf" \
		--conf "DebugFlags=NO_CONF_HASH,SelectType" \
		--setup "sed -i '/^NodeName=q0 /s/ Links=.*//; /^NodeName=s0 /s/ Links=.*//; \
		s/^NodeName=b0 \(.*\)Links=2,1,2,-1/NodeName=b0 \1Links=2,1,2,3/' etc/gres.conf" \
		n0=dgx1v n1=dgx1v h0=dgx1v,ThreadsPerCore=2 t0=typed w0=dgx1v f0=dgx1v q0=typed \
		p0=pcie d0=dgx1v s0=pcie b0=dgx1v c0=one_line \
		--partition "PartitionName=p Nodes=n0,n1 Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=all Nodes=ALL MaxTime=INFINITE"
}

# any WORD...: one of them.
any() {
	local args=("$@")
	echo "${args[RANDOM % $#]}"
}

# A request, as words of salloc.
decisions_form() {
	local n=$((RANDOM % 4 + 1))
	case $((RANDOM % 16)) in
	0 | 1) echo "--gpus=$n" ;;
	2) echo "--gpus-per-node=$n" ;;
	3) echo "--gres=gpu:$n" ;;
	4) echo "-n$((RANDOM % 20 + 1)) --gres=gpu:$n" ;;
	5) echo "-n$n --gpus-per-task=1" ;;
	6) echo "-n1 -c$((RANDOM % 6 + 1)) --gpus-per-task=$n" ;;
	7) echo "--gpus=$n --cpus-per-gpu=$((RANDOM % 4 + 1))" ;;
	8) echo "-n2 --sockets-per-node=2 --gpus-per-socket=$((n / 2 + 1))" ;;
	9) echo "-n1 --sockets-per-node=1 --gpus-per-socket=$n" ;;
	10) echo "-n$n --gpus=$n --gres-flags=enforce-binding" ;;
	11) echo "-n$((n + 1)) --gres=gpu:$n --gres-flags=enforce-binding" ;;
	12) echo "-n$n --ntasks-per-gpu=1 --gpus=$n" ;;
	13) echo "-c$((RANDOM % 12 + 4)) --gres=gpu:$n" ;;
	14) echo "--mem-per-gpu=10 --gpus=$n" ;;
	15) echo "--exclusive --gpus=$n" ;;
	esac
}

# Whether the line about a job that runs now is there; its nodes and GPUs go to "given".
decisions_hold() {
	cluster_run scontrol -d -o show job "$1" >"$CLUSTER/one" || return 1
	cat "$CLUSTER/one" >>"$CLUSTER/given"
	awk -v strict=1 -f "$CLUSTER_LIB/agrees.awk" "$CLUSTER/decisions" "$CLUSTER/log/slurmctld" \
		"$CLUSTER/one" || { cat "$CLUSTER/one"; return 1; }
}

# The first reason that no line has; nothing where few requests are asked for.
decisions_missing() {
	local reason
	[ "$1" -ge 200 ] || return 0
	for reason in $DECISIONS_REASONS; do
		grep -q "\"reason\":\"$reason\"" "$CLUSTER/decisions" || { echo "$reason"; return; }
	done
}

# decisions_play COUNT: so many requests that start, each held at once; with 200 and more until
# each reason was met.
decisions_play() {
	local held=0 asked=0 where form text id jobs=()
	: >"$CLUSTER/given"
	while [ "$held" -lt "$1" ] || [ -n "$(decisions_missing "$1")" ]; do
		[ $((asked++)) -lt $((10 * $1)) ] || {
			echo "$held jobs of $asked started, none with $(decisions_missing "$1")"
			return 1
		}
		case $((asked % 5)) in
		0) where="-p all -N1 -w ${DECISIONS_KEPT[asked / 5 % ${#DECISIONS_KEPT[@]}]}" ;;
		1) where="" ;;
		2) where="-N$((RANDOM % 2 + 1))" ;;
		*) where="-p all -N1 -w $(any "${DECISIONS_FREE[@]}")" ;;
		esac
		form=$(decisions_form)
		# shellcheck disable=SC2086
		if text=$(cluster_run salloc --no-shell -I1 -t 60 $where $form 2>&1); then
			id=$(sed -n 's/.*Granted job allocation //p' <<<"$text")
			decisions_hold "$id" || { echo "$where $form"; return 1; }
			held=$((held + 1))
			jobs+=("$id")
			# cores become scarce
			[ $((RANDOM % 3)) != 0 ] || cluster_run salloc --no-shell -I1 -t 60 -p all -N1 \
				-w "$(any n0 n1 h0)" -n$((RANDOM % 16 + 8)) >/dev/null 2>&1 || true
		else
			cluster_run scancel -u root
			cluster_wait_idle
			jobs=()
		fi
		if [ ${#jobs[@]} -gt 0 ] && [ $((RANDOM % 2)) = 0 ]; then
			cluster_run scancel "${jobs[0]}"
			jobs=("${jobs[@]:1}")
		fi
	done
}

# The nodes of all jobs: "row JOB NODE GIVEN STOCK REASON".
decisions_rows() {
	awk -v rows=1 -f "$CLUSTER_LIB/agrees.awk" "$CLUSTER/decisions" "$CLUSTER/given"
}

# GB/s of list $2 on node $1, by gres.conf alone.
decisions_gbps() {
	local list=${2#,}
	"$GPUTOPO_BUILDDIR/gputopo" show -t "$CLUSTER/etc/gres.conf" --node "$1" --mark "${list%,}" |
		sed -n 's/^marked  *[^ ]*  *\([0-9.]*\) GB.*/\1/p'
}

# `gputopo report` of the nodes that are all ours against sums of what scontrol showed.
decisions_report() {
	local job node given stock faster=0 slower=0 kept=0 equal=0 count=0 a b want got word
	grep -v '"end":true' "$CLUSTER/decisions" | grep '"node":"[nh][01]"' >"$CLUSTER/ours"
	while read -r _ job node given stock _; do
		count=$((count + 1))
		if [ "$given" = "$stock" ]; then
			kept=$((kept + 1))
			continue
		fi
		a=$(decisions_gbps "$node" "$given") b=$(decisions_gbps "$node" "$stock")
		case $(awk -v a="$a" -v b="$b" 'BEGIN { print (a > b) - (a < b) }') in
		1) faster=$((faster + 1)) ;;
		0) equal=$((equal + 1)) ;;
		-1) slower=$((slower + 1)) ;;
		esac
	done < <(decisions_rows | grep '^row [0-9]* [nh][01] ')
	[ "$count" -gt 0 ] || { echo "no job of ours to add up" >&2; return 1; }
	"$GPUTOPO_BUILDDIR/gputopo" report --json "$CLUSTER/ours" >"$CLUSTER/report" || return 1
	want="decisions $count kept $kept faster $faster equal $equal slower $slower"
	got=$(for word in decisions kept faster equal slower; do
		sed 's/.*"totals"//; s/"by_size".*//' "$CLUSTER/report" | tr -d '\n' |
			grep -o "\"$word\": [0-9]*" | head -n 1 | tr -d '":'
	done | paste -sd' ')
	assert_equal "$got" "$want" >&2 || return 1
	echo "$want"
}

# The reasons that the log has, and how often.
decisions_reasons() {
	sed -n 's/.*"reason":"\([a-z-]*\)".*/\1/p' "$CLUSTER/decisions" | sort | uniq -c |
		awk '{ printf "%s%s %d", (NR > 1 ? ", " : ""), $2, $1 } END { print "" }'
}
