# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo nodes, job and why on what scontrol of two releases printed (tests/data/live).
# Verdicts are held against the plugin by tests/mock/test_why.c and on daemons by
# tests/cluster/cases/live.bats.

load cli.bash

setup() {
	needs_jq
	unset SLURM_CONF SLURM_JOB_ID NO_COLOR
	LIVE=$SRC/tests/data/live
	cd "$BATS_TEST_TMPDIR"
}

# on RELEASE COMMAND ARGS...: of the cluster that this release printed.
on() {
	local release=$1 command=$2
	shift 2
	gputopo "$command" --from "$LIVE/$release/scontrol" --conf "$LIVE/$release" "$@"
}

@test "nodes: both releases' text gives the same lines" {
	local release
	for release in 22.05 24.11; do
		on $release nodes
		same "$status" 0 "status: $stderr"
		same "$output" "$(cat <<-'END'
			NODES STATE        FREE    2 GPUs    4 GPUs    8 GPUs    MIG  NODELIST
			    1 mixed         0/4         ?         ?            2i/8i  m0
			    1 mixed         1/8      -/40      -/80     -/120         n0
			    1 mixed         4/8     10/40    10/120      -/10         n1
			    1 mixed         5/8     40/40     80/80     -/120         n2
			    1 drained       0/8         ?         ?         ?         n3

			m0: no figures: no Topology= and no Links=

			GB/s of the best free set / of the idle node; -: no such set is free.
		END
		)" "nodes of $release"
	done
}

@test "nodes: the JSON of a release that has it gives the same as its text" {
	gputopo nodes -N --json --from "$LIVE/24.11/nodes.json" --conf "$LIVE/24.11"
	same "$status" 0 "status: $stderr"
	local from_json
	from_json=$(json '[.rows[] | del(.drain_reason)]')
	on 24.11 nodes -N --json
	same "$(json '[.rows[] | del(.drain_reason)]')" "$from_json" "rows"
}

@test "nodes: each node's sets are its free GPUs, and types regroup the bits" {
	on 24.11 nodes -N --json
	same "$(json '[.rows[] | select(.free_gpus) | . as $r | .sets[] | select(.gpus) |
		(.gpus - $r.free_gpus | length == 0) and (.gpus | length) == .k] | all')" true subset
	# n2 has aa on GPUs 0,2,4,6: bit 2 is GPU 4 of gres.conf and bit 7 GPU 7, two links
	same "$(json '.rows[] | select(.nodes == "n2").sets[0]')" \
		'{"k":2,"gpus":[2,7],"busbw_gbps":40,"ideal_busbw_gbps":40}' "n2's pair"
	same "$(json '.rows[] | select(.nodes == "n3") | [.usable, .state, .drain_reason]')" \
		'[false,"drained","a b c [root@2026-11-28T13:39:00]"]' "n3"
	same "$(json '[.rows[] | select(.nodes == "m0").instances[] | .free] | add')" 2 instances
}

@test "nodes: shards in use close their GPU, on both releases" {
	local release
	for release in 22.05 24.11; do
		gputopo nodes -N --json --from "$LIVE/$release/shards" --conf "$LIVE/shards"
		same "$(json '[.rows[] | [.nodes, .free_gpus]]')" \
			'[["s0",[1]],["s1",[2,3,4,5,6,7]],["t0",[0,1,2,3,5,6,7]]]' "$release"
	done
}

@test "nodes: slices left for --mig, on both releases" {
	local release
	jq -n '{version: 1, gpus: [range(2) | {index: ., minor: ., mig: true,
		model: "NVIDIA A100-SXM4-80GB"}], links: [[0, 0], [0, 0]]}' >mig.json
	cp "$LIVE/shards/gres.conf" .
	echo 'NodeName=s0 Topology=mig.json' >gputopo.conf
	for release in 22.05 24.11; do
		gputopo nodes --json -n s0 --from "$LIVE/$release/shards" --conf .
		same "$(json '.rows[0].slices')" '{"count":16,"free":13}' "$release"
	done
}

@test "nodes: partitions, host lists, sorting, types" {
	on 24.11 nodes --json -p q
	same "$(json '.rows')" '[]' "no such partition"
	on 24.11 nodes --json -n 'n[0-1]'
	same "$(json '[.rows[].nodes]')" '["n0","n1"]' "a list"
	on 24.11 nodes --json --sort=4
	same "$(json '[.rows[].nodes][0]')" '"n2"' "best set of 4 first"
	on 24.11 nodes --json --sort=free
	same "$(json '[.rows[].nodes][0:2]')" '["n2","n1"]' "most GPUs first"
	on 24.11 nodes -s
	has "$output" "4 aa + 4 bb, Links="
	fails 2 "--sort: 'x' is not one of" nodes --sort x
	fails 2 "--json and --html exclude" nodes --json --html
	fails 2 "'a[' is not a list of nodes" nodes -n 'a['
}

# dgx NODE GRES_USED [MORE]: a DGX-1V, as scontrol shows it.
dgx() {
	printf 'NodeName=%s Arch=x86_64 CoresPerSocket=20\n   Gres=gpu:8(S:0-1)\n   GresUsed=gpu:(null):%s\n   %sState=MIXED ThreadsPerCore=1\n\n' \
		"$1" "$2" "${3:+$3$'\n'   }"
}

@test "nodes: a type is its label: an ill node and one in Mode=off are none of their own" {
	{
		dgx g0 '0(IDX:N/A)'
		dgx g1 '0(IDX:N/A)'
		dgx g2 '0(IDX:N/A)' 'Extra={"gputopo":{"lost":"0x80","last":"0x0","links":""}}'
	} >scontrol
	printf 'NodeName=g0 Topology=builtin:dgx1v Mode=off\nNodeName=g[1-2] Topology=builtin:dgx1v\n' >gputopo.conf
	gputopo nodes --json --from scontrol --conf .
	same "$status" 0 "status: $stderr"
	# g0 has no figures, which are asked of the others; g2 has 7 GPUs to give
	same "$(json '[.types[] | [.type, .nodes, .gpus, .sets]]')" \
		'[["8 GPUs, builtin:dgx1v",3,24,[{"k":2,"full":2,"less":0,"none":0},{"k":4,"full":2,"less":0,"none":0},{"k":8,"full":1,"less":0,"none":1}]]]' types
	gputopo nodes -s --from scontrol --conf .
	same "$(grep -c '^8 GPUs, builtin:dgx1v' <<<"$output")" 1 "lines of the type"
	gputopo nodes --metrics --from scontrol --conf .
	has "$output" 'gputopo_nodes{type="8 GPUs, builtin:dgx1v"} 3'
	has "$output" 'gputopo_sets_free{type="8 GPUs, builtin:dgx1v",gpus="8"} 1'
	has "$output" 'gputopo_gpus_lost{type="8 GPUs, builtin:dgx1v"} 1'
}

@test "nodes: topologies of one file name in two folders are two types" {
	mkdir a b c
	"$GPUTOPO" show -t builtin:dgx1v --json | tee a/node.json >c/other.json
	"$GPUTOPO" show -t builtin:dgxa100 --json >b/node.json
	{
		dgx g0 '0(IDX:N/A)'
		dgx g1 '0(IDX:N/A)'
		dgx g2 '0(IDX:N/A)'
	} >scontrol
	printf 'NodeName=g0 Topology=a/node.json\nNodeName=g1 Topology=%s/b/node.json\nNodeName=g2 Topology=c/other.json\n' \
		"$PWD" >gputopo.conf
	gputopo nodes --json --from scontrol --conf .
	same "$(json '[.types[].type]')" \
		'["8 GPUs, a/node.json","8 GPUs, b/node.json","8 GPUs, other.json"]' types
}

@test "nodes: a page replaces the old one as a whole, and a pipe is no file" {
	echo old >page.html
	ln page.html kept
	ln -s page.html link.html
	on 24.11 nodes --html=link.html
	same "$status $(<kept)" "0 old" "the old page: $stderr"
	has "$(<page.html)" "<h1>GPUs of "
	[ -L link.html ]
	same "$(ls page*)" page.html "what is left"
	"$GPUTOPO" nodes --html=/dev/stdout --from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11" | cat >piped
	has "$(<piped)" "<h1>GPUs of "
	fails 1 "none/page.html: No such file" nodes --html=none/page.html \
		--from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
}

@test "nodes: equal nodes share a line in Slurm's form of lists" {
	local i
	for i in 08 09 10 12 1 2 x; do
		sed -n '/^NodeName=n2/,/^$/p' "$LIVE/24.11/scontrol" | sed "s/NodeName=n2/NodeName=g$i/"
	done >scontrol
	for i in 08 09 10 12 1 2 x; do
		grep '^NodeName=n2 ' "$LIVE/24.11/gres.conf" | sed "s/NodeName=n2/NodeName=g$i/"
	done >gres.conf
	gputopo nodes --json --from scontrol --conf .
	same "$(json '[.rows[] | [.nodes, .count]]')" '[["g[1-2],g[08-10,12],gx",7]]' rows
}

@test "nodes: 5,000 nodes" {
	local i
	printf 'NodeName=g[0000-4999] Topology=builtin:dgx1v\n' >gputopo.conf
	for ((i = 0; i < 5000; i++)); do
		printf 'NodeName=g%04d Arch=x86_64 CoresPerSocket=20\n   Gres=gpu:8(S:0-1)\n   GresUsed=gpu:(null):%d(IDX:0-%d)\n   State=MIXED ThreadsPerCore=1\n\n' \
			$i $((i % 7 + 1)) $((i % 7))
	done >scontrol
	gputopo nodes --json --from scontrol --conf .
	same "$(json '[(.rows | length), ([.rows[].count] | add), .types[0].free]')" \
		'[7,5000,20005]' sums
}

@test "nodes: colours only where they are asked for, a watch goes on" {
	on 24.11 nodes
	[[ $output != *$'\e['* ]]
	on 24.11 nodes --color=always
	has "$output" $'\e[32m'
	run timeout 2.5 "$GPUTOPO" nodes --watch=1 --from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
	same "$status" 124 status
	[ "$(grep -c '^NODES' <<<"$output")" -ge 2 ]
}

@test "nodes: the page escapes what it shows and fetches nothing" {
	sed 's/n0 Arch/<b>\&"x Arch/' "$LIVE/24.11/scontrol" >scontrol
	gputopo nodes --html=page.html --from scontrol --conf "$LIVE/24.11"
	same "$status" 0 "status: $stderr"
	has "$(<page.html)" '&lt;b&gt;&amp;&quot;x'
	run grep -E '<b>|<script|https?:|url\(' page.html
	same "$status" 1 "what should not be there: $output"
	on 24.11 nodes --html
	has "$output" "<h1>GPUs of "
}

@test "nodes: --defrag names the jobs that hold what is missing" {
	on 24.11 nodes --defrag 4 --json
	same "$(json '[.nodes[] | [.node, .gpus, .restart_jobs]]')" \
		'[["n2",[2,3,6,7],[]],["n0",[4,5,6,7],[5]],["n1",[2,3,4,5],[4,7]]]' advice
	on 24.11 nodes --defrag 8
	same "$status" 0 "status: $stderr"
	has "$output" "n0 0-7, 120 of 120 GB/s: jobs 1, 4, 5, which have run"
	on 24.11 nodes --defrag 16
	same "$status" 3 "status where no node is so large"
}

@test "nodes, job, why ask scontrol, and find the configuration that it names" {
	mkdir bin
	cat >bin/scontrol <<-END
		#!/bin/sh
		case "\$*" in
		*"show config") echo "SLURM_CONF              = $LIVE/24.11/slurm.conf" ;;
		*-ad*"show node") sed -n '/^NodeName=/,/^\$/p' "$LIVE/24.11/scontrol" ;;
		*-ad*"show job") sed -n '/^JobId=/,/^ *\$/p' "$LIVE/24.11/scontrol" ;;
		*"show partition") echo "PartitionName=p Default=YES State=UP" ;;
		esac
	END
	chmod +x bin/scontrol
	on 24.11 nodes
	local stored=$output
	PATH=$PWD/bin:$PATH gputopo nodes
	same "$output" "$stored" nodes
	PATH=$PWD/bin:$PATH gputopo job 5
	has "$output" "n0        GPUs 4,6-7: 40 GB/s"
	PATH=$PWD/bin:$PATH gputopo why 6
	has "$output" "The number: it asks for 2 GPUs"
}

@test "job: GPUs, worth, what stock would have given" {
	printf '{"ts":1,"job":5,"node":"n0","stock":"4-6","chosen":"4,6-7","stock_gbps":20.000,"reason":"changed"}\n' >log
	on 24.11 job 5 --log log
	same "$status" 0 "status: $stderr"
	same "$output" "$(cat <<-'END'
		Job 5: RUNNING on n0
		Asked:    3 GPUs
		n0        GPUs 4,6-7: 40 GB/s, 100 % of the idle node's best (40)
		          stock Slurm would have given 4-6: 20 GB/s
	END
	)" job
	on 24.11 job 4 --json
	same "$(json '[.gpus_per_node, .min_nodes, (.nodes[] | [.node, .gpus])]')" \
		'[2,2,["n0",[1,2]],["n1",[2,3]]]' "two nodes"
	on 24.11 job 8_1 --json
	same "$(json '[.job, .array_task, .state]')" '[9,"1","RUNNING"]' "a task"
	on 24.11 job 8_3 --json
	same "$(json '[.job, .array_task, .state]')" '[8,"2-4","PENDING"]' "a waiting one"
	SLURM_JOB_ID=5 on 24.11 job --json
	same "$(json .job)" 5 "inside a job"
	fails 2 "no JOBID" job
	fails 1 "job 77 is not in slurmctld's memory" job 77 --from "$LIVE/24.11/scontrol" \
		--conf "$LIVE/24.11"
}

@test "job and why: groups of the wish, and a hostile job name" {
	sed '/^JobId=5 /s/JobName=.*/JobName=x AdminComment=gputopo: --gpu-topo=ring NodeList=n9/;
		/^JobId=1 /,/^$/s/TresPerJob.*/&\n   AdminComment=gputopo: n0 0,3 40 GB\/s; --gpu-groups=1+1/' \
		"$LIVE/24.11/scontrol" >scontrol
	gputopo job 5 --json --from scontrol --conf "$LIVE/24.11"
	same "$(json '[.wish, .nodes[0].node]')" '[null,"n0"]' "a name is no comment"
	gputopo job 1 --from scontrol --conf "$LIVE/24.11"
	has "$output" "2 GPUs, --gpu-groups=1+1"
	has "$output" "group 1   GPUs 3"
}

@test "why: the number, who holds what, until when, what to relax" {
	on 24.11 why 6 --json --wish=--gpu-topo=ring
	same "$status" 0 "status: $stderr"
	same "$(json '[.cause, .first_met.node, .first_met.gpus, [.holders[] | [.job, .gpus]],
		[.relax[].option]]')" \
		'["number","n0",[0,3],[[1,[0,3]]],["--gpus=1","--nodelist="]]' why
	on 24.11 why 6
	has "$output" "The number: it asks for 2 GPUs; 1 are free"
	has "$output" "without --nodelist, on n2, GPUs 2,7 (40 GB/s)"
}

@test "why: the connection, and the bandwidth that is there" {
	# the array's 8 GPUs become 2 of 60 GB/s: n1 has 10, n2 has 40
	sed '/^JobId=8 /,/^$/s/TresPerNode.*/TresPerNode=gres\/gpu:2\n   AdminComment=gputopo: --gpu-min-busbw=41/' \
		"$LIVE/24.11/scontrol" >scontrol
	gputopo why 8 --json --from scontrol --conf "$LIVE/24.11"
	same "$(json '[.cause, .relax[0].option, .relax[0].node, .wish]')" \
		'["never","--gpu-min-busbw=40","n2","--gpu-min-busbw=41"]' "no node could ever"
	sed -i 's/busbw=41/busbw=40/; /^NodeName=n2/,/^$/s/State=MIXED/State=DOWN/' scontrol
	gputopo why 8 --json --from scontrol --conf "$LIVE/24.11"
	same "$(json '[.cause, .nearest.node, .nearest.busbw_gbps, .first_met.node,
		.relax[0].option]')" '["connection","n1",10,"n0","--gpu-min-busbw=10"]' "n1 has it not"
	gputopo why 8 --from scontrol --conf "$LIVE/24.11"
	has "$output" "The connection: 1 node has 2 GPUs free"
}

@test "why: --exclusive, as 26.05 writes it and as the others do" {
	local shared
	for shared in "OK none" "NO cores" "NO Exclusive=NO none" "NO Exclusive=USER none" \
			"NO Exclusive=NODE cores" "OK Exclusive=NO none"; do
		sed "/^JobId=8 /,/^\$/{s/TresPerNode.*/TresPerNode=gres\/gpu:2/; \
			s/OverSubscribe=OK/OverSubscribe=${shared% *}/}" "$LIVE/24.11/scontrol" >scontrol
		gputopo why 8 --json --from scontrol --conf "$LIVE/24.11"
		same "$(json .cause)" "\"${shared##* }\"" "$shared"
	done
}

@test "why: what is no waiting job, no wish, no file" {
	fails 1 "job 5 does not wait, it is RUNNING" why 5 --from "$LIVE/24.11/scontrol" \
		--conf "$LIVE/24.11"
	fails 2 "'--gres=gpu:1' is no wish" why 6 --wish=--gres=gpu:1 \
		--from "$LIVE/24.11/scontrol" --conf "$LIVE/24.11"
	fails 2 "which job?" why
	fails 1 "nothing: No such file" nodes --from nothing
	echo nonsense >text
	fails 1 "text: has no node" nodes --from text
	echo '{"nodes": [' >text
	fails 1 "text:2:" nodes --from text
	mkdir bin
	printf '#!/bin/sh\nexit 127\n' >bin/scontrol
	chmod +x bin/scontrol
	PATH=$PWD/bin:$PATH fails 1 "scontrol is not in PATH" nodes
	printf '#!/bin/sh\nexit 1\n' >bin/scontrol
	PATH=$PWD/bin:$PATH fails 1 "scontrol show config failed" nodes
	printf 'NodeName=n1 Wrong=1\n' >gputopo.conf
	fails 1 "gputopo.conf:1" nodes --from "$LIVE/24.11/scontrol" --conf .
}
