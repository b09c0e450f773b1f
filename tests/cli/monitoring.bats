# SPDX-License-Identifier: GPL-2.0-or-later
# What watches gputopo: gauges of gputopo nodes --metrics, and the dashboard, the alert rules
# and the logrotate file of packaging/monitoring.

load cli.bash

setup() {
	needs_jq
	LIVE=$SRC/tests/data/live
	WATCH=$SRC/packaging/monitoring
	cd "$BATS_TEST_TMPDIR"
}

metrics() {
	gputopo nodes --metrics --from "$LIVE/$1/scontrol" --conf "$LIVE/$1"
	same "$status" 0 "status: $stderr"
}

# The names that gputopo writes: by the program, and by slurmctld's metrics.c.
names() {
	metrics 24.11
	sed -n 's/^# TYPE \(gputopo_[a-z_]*\) .*/\1/p' <<<"$output"
	grep -oE '^	\{"[a-z_]+"|put_(gauge|head)\(f, "[a-z_]+"' "$SRC/plugin/ctld/log/metrics.c" |
		sed 's/.*"\([a-z_]*\)"/gputopo_\1/'
}

@test "gauges: both releases' text gives the same, and they agree with --json" {
	local got k
	metrics 22.05
	got=$output
	metrics 24.11
	same "$output" "$got" "gauges"
	gputopo nodes -N --json --from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
	same "$(json '[.types[].free] | add')" \
		"$(awk '/^gputopo_gpus_free/ {n += $NF} END {print n}' <<<"$got")" "free GPUs"
	same "$(json '[.types[].nodes] | add')" \
		"$(awk '/^gputopo_nodes\{/ {n += $NF} END {print n}' <<<"$got")" nodes
	# at most one set of 4 fits into the free GPUs of each of these nodes
	for k in 4 8; do
		same "$(json "[.types[].sets[] | select(.k == $k).full] | add")" \
			"$(grep "^gputopo_sets_free.*gpus=\"$k\"" <<<"$got" |
				awk '{n += $NF} END {print n}')" "nodes with a full set of $k"
	done
}

@test "gauges: an idle DGX-1V, one without a ring, one whose GPU is out of service" {
	local node idx
	printf 'NodeName=g[0-2] Topology=builtin:dgx1v\nAvoid=g2:7\n' >gputopo.conf
	for node in g0:0: g1:6:0-1,3-6 g2:0:; do
		idx=${node##*:}
		printf 'NodeName=%s Arch=x86_64 CoresPerSocket=20\n   Gres=gpu:8(S:0-1)\n   GresUsed=gpu:(null):%s(IDX:%s)\n   State=MIXED ThreadsPerCore=1\n\n' \
			"${node%%:*}" "$(cut -d: -f2 <<<"$node")" "${idx:-N/A}"
	done >scontrol
	gputopo nodes --metrics --from scontrol --conf .
	same "$status" 0 "status: $stderr"
	# one type, though Avoid= makes a model of its own; no series twice
	has "$output" 'gputopo_nodes{type="8 GPUs, builtin:dgx1v"} 3'
	has "$output" 'gputopo_gpus_free{type="8 GPUs, builtin:dgx1v"} 18'
	same "$(grep -v '^#' <<<"$output" | sed 's/ [^ ]*$//' | sort | uniq -d)" "" "series twice"
	# g1 has GPUs 2 and 7 free, which no link joins
	has "$output" 'gputopo_nodes_no_ring{type="8 GPUs, builtin:dgx1v",gpus="2"} 1'
	# all 8 of g0, and of g2, whose GPU is given last
	has "$output" 'gputopo_sets_free{type="8 GPUs, builtin:dgx1v",gpus="8"} 2'
	if command -v promtool >/dev/null; then promtool check metrics <<<"$output"; fi
}

@test "gauges: what jobs got of ideal, splits, and jobs that wait for a wish" {
	metrics 24.11
	local n
	n=$(grep -c '^gputopo_running_busbw_gbps{' <<<"$output")
	[ "$n" -gt 0 ]
	same "$(grep -c '^gputopo_running_ideal_busbw_gbps{' <<<"$output")" "$n" "sums"
	# four pairs of two links each, of 20 GB/s
	has "$output" 'gputopo_running_busbw_gbps{type="8 GPUs, Links=",gpus="2"} 160'
	n=$(grep -c 'JobState=PENDING' "$LIVE/24.11/scontrol")
	[ "$n" -gt 0 ]
	same "$(grep '^gputopo_jobs_pending ' <<<"$output")" "gputopo_jobs_pending $n" pending
	n=$(grep -c 'Reason=.*connected' "$LIVE/24.11/scontrol")
	[ "$n" -gt 0 ]
	same "$(grep '^gputopo_jobs_waiting_for_wish ' <<<"$output")" \
		"gputopo_jobs_waiting_for_wish $n" waiting
}

@test "gauges: with a list of nodes, what jobs got on the others does not count" {
	local all part
	metrics 24.11
	all=$(grep '^gputopo_running_sets' <<<"$output" | awk '{n += $NF} END {print n}')
	part=0
	local node
	for node in n0 n1 n2 n3 m0; do
		gputopo nodes --metrics -n $node --from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
		part=$((part + $(grep '^gputopo_running_sets' <<<"$output" |
			awk '{n += $NF} END {print n + 0}')))
	done
	[ "$all" -ge 3 ]
	same "$part" "$all" "sets of the nodes one by one"
}

@test "gauges: the file is replaced as a whole, and what fails leaves the old one" {
	echo old >nodes.prom
	gputopo nodes --metrics=nodes.prom --from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
	same "$status $output" "0 " "status and output: $stderr"
	metrics 24.11
	same "$(<nodes.prom)" "$output" file
	same "$(ls nodes*)" nodes.prom "what is left"
	fails 1 "none/nodes.prom: No such file" nodes --metrics=none/nodes.prom \
		--from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
	fails 2 "exclude" nodes --metrics --json
}

@test "alert rules: Prometheus accepts them, and every metric is one that gputopo writes" {
	local used name key n
	if command -v promtool >/dev/null; then
		run promtool check rules "$WATCH/gputopo-alerts.yml"
		same "$status" 0 "promtool: $output"
	fi
	n=$(grep -c '^      - alert: ' "$WATCH/gputopo-alerts.yml")
	[ "$n" -gt 0 ]
	for key in '  expr' '    summary' '    description'; do
		same "$(grep -c "^      $key: " "$WATCH/gputopo-alerts.yml")" "$n" "alerts with$key"
	done
	names >known
	used=$(cat "$WATCH/gputopo-alerts.yml" "$WATCH/gputopo-dashboard.json" |
		grep -oE 'gputopo_[a-z_]+' | sort -u)
	[ "$(wc -l <<<"$used")" -ge 10 ]
	for name in $used; do
		grep -qx "$name" known || { echo "nobody writes $name"; return 1; }
	done
}

@test "dashboard: each panel has a place of its own, a text and queries" {
	run jq -e '.schemaVersion >= 30 and (.title | length) > 0 and
		([.templating.list[].name] == ["datasource", "type"]) and
		(.panels | length) >= 5 and
		([.panels[].id] | length == (unique | length)) and
		([.panels[].gridPos | [.x, .y]] | length == (unique | length)) and
		([.panels[] | (.title | length) > 0 and (.description | length) > 0 and
			(.targets | length) > 0 and .gridPos.x + .gridPos.w <= 24 and
			([.targets[] | (.expr | length) > 0 and .datasource.uid == "${datasource}"]
				| all)] | all)' "$WATCH/gputopo-dashboard.json"
	same "$status $output" "0 true" structure
	# each query parses: as the expression of a rule
	command -v promtool >/dev/null || skip "promtool is not installed"
	jq '{groups: [{name: "d", rules: [.panels[].targets[].expr | gsub("\\$type"; "x") |
		{record: "a:b", expr: .}]}]}' "$WATCH/gputopo-dashboard.json" >rules.yml
	run promtool check rules --lint=none rules.yml
	same "$status" 0 "promtool: $output"
}

@test "every metric is in the manuals" {
	local name
	names >known
	[ "$(sort -u known | wc -l)" -ge 20 ]
	for name in $(sort -u known); do
		grep -qE "(^|[^a-z_])$name([^a-z_]|$)" "$SRC/man/gputopo-slurm.8" "$SRC/man/gputopo.1" ||
			{ echo "no manual has $name"; return 1; }
	done
}

@test "logrotate: the file is read without a complaint" {
	command -v logrotate >/dev/null || skip "logrotate is not installed"
	# there may be no user slurm here
	sed "s/ slurm slurm$/ $(id -un) $(id -gn)/" "$WATCH/gputopo.logrotate" >logrotate
	run logrotate -d -s "$PWD/state" logrotate
	same "$status" 0 "logrotate: $output"
	has "$output" "rotating pattern: /var/log/slurm/gputopo.jsonl  weekly (52 rotations)"
}
