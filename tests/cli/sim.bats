# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo sim: the verbs as programs.

load cli.bash

setup() {
	DIR=$BATS_TEST_TMPDIR
	cd "$DIR" || return
}

# A small stream on 10 machines.
jobs_csv() {
	"$GPUTOPO" sim gen --load .9 --gpus 80 --jobs "${1:-3000}" --seed 5 "${@:2}" >jobs.csv
}

@test "every verb has --help; an unknown verb is wrong usage" {
	for verb in replay gen query plan defrag blocks compare merge; do
		gputopo sim "$verb" --help
		same "$status" 0 "status of sim $verb --help"
		has "$output" "Usage: gputopo sim $verb"
	done
	gputopo sim fly
	same "$status" 2 "status of sim fly"
}

@test "gen: the same seed gives the same jobs, another seed others" {
	"$GPUTOPO" sim gen --load .5 --gpus 64 --jobs 500 --seed 1 >a
	"$GPUTOPO" sim gen --load .5 --gpus 64 --jobs 500 --seed 1 >b
	"$GPUTOPO" sim gen --load .5 --gpus 64 --jobs 500 --seed 2 >c
	cmp a b
	run ! cmp -s a c
	same "$(wc -l <a)" 501 "lines"
}

@test "gen: sizes and durations from the columns of files, left out rows are named" {
	printf 'gpus,x\n4,1\n0,1\n4,2\n' >sizes
	printf 'runtime\n60\n' >durations
	gputopo sim gen --sizes-from sizes:gpus --durations-from durations:runtime --load .5 \
		--gpus 8 --jobs 3
	same "$status" 0 status
	has "$stderr" "1 rows without a positive number"
	same "$(sed 1d <<<"$output" | cut -d, -f3,4 | sort -u)" "60,4" "duration and size"
}

@test "replay: outputs are byte-identical from run to run, and with two threads" {
	jobs_csv
	policies=gputopo,slurm-22.05,slurm-24.05,random,spread,pair-sum,first-fit,ring
	for run in "a -j1" "b -j1" "c -j2"; do
		read -r out threads <<<"$run"
		"$GPUTOPO" sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 "$threads" \
			--policy $policies --seed 3 -o "$out" --format csv,json,html >"$out.txt"
	done
	diff -r a b
	diff -r a c
	cmp a.txt b.txt
	cmp a.txt c.txt
	same "$(find a -type f | wc -l)" 10 "files: 8 policies, summary, page"
}

@test "replay --json: the fields of the contract" {
	jobs_csv 500
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo --json
	same "$status" 0 status
	for field in jobs started rejected mean_ratio_free mean_ratio_idle p5_ratio_idle \
		ring_lost no_ring_share split wait_mean_s wait_p50_s wait_p95_s makespan_s \
		utilisation by_size; do
		jq -e ".policies.gputopo | has(\"$field\")" <<<"$output" >/dev/null ||
			{ echo "no $field"; return 1; }
	done
	same "$(jq -r '.inputs.seed' <<<"$output")" 1 seed
	jq -e '.inputs.trace_hash, .inputs.topology_hash | length == 16' <<<"$output"
	jq -e '.policies.gputopo.mean_ratio_free == 1' <<<"$output"
	jq -e '.policies.gputopo.by_size["2"].mean_ratio_idle <= 1' <<<"$output"
}

@test "replay: bad rows are counted and named, and refused by --strict" {
	{
		echo "job_id,submit,duration,gpus"
		echo "1,0,60,2"
		echo "2,5,-60,2"
		echo "3,5,60"
		head -c 10485760 /dev/zero | tr '\0' 9
		echo
		echo "4,9,60,0"
		echo "5,9,60,4"
	} >bad.csv
	gputopo sim replay -w bad.csv -t builtin:dgx1v --nodes 1 --policy gputopo --json
	same "$status" 0 status
	has "$stderr" "bad.csv:3: bad: the row has a negative time or count (1 such row)"
	has "$stderr" "bad.csv:4: bad: the row has missing or surplus fields (1 such row)"
	has "$stderr" "bad.csv:5: bad: the row is longer than 65535 bytes (1 such row)"
	has "$stderr" "bad.csv:6: ignored: the row asks for no GPU (1 such row)"
	same "$(jq -c '.inputs.bad_rows | map_values(.first_line)' <<<"$output")" \
		'{"fields":4,"negative":3,"long":5}' "bad rows"
	same "$(jq .policies.gputopo.jobs <<<"$output")" 2 jobs
	fails 1 "bad.csv:3: the row has a negative time or count" sim replay -w bad.csv \
		-t builtin:dgx1v --nodes 1 --policy gputopo --strict
}

@test "replay: bad rows of sacct too: cut short, unknown state, ends before its start" {
	local row kinds=(fields negative order state long) n=1
	{
		echo 'JobID|Submit|Start|End|State|NNodes|AllocTRES|NodeList'
		echo '1|100|105|165|COMPLETED|1|gres/gpu=4|n1'
		echo '2|100|105'
		echo '3|-100|105|165|COMPLETED|1|gres/gpu=4|n1'
		echo '4|100|105|104|COMPLETED|1|gres/gpu=4|n1'
		echo '5|100|105|165|BLOOMING|1|gres/gpu=4|n1'
		printf '6|100|105|165|COMPLETED|1|%s|n1\n' "$(head -c 10485760 /dev/zero | tr '\0' x)"
		echo '7|100|105|Unknown|RUNNING|1|gres/gpu=4|n1'
	} >bad
	gputopo sim replay -w bad -t builtin:dgx1v --nodes 1 --policy gputopo --json
	same "$status" 0 status
	same "$(jq -c '.inputs.bad_rows | map_values([.rows, .first_line])' <<<"$output")" \
		'{"fields":[1,3],"negative":[1,4],"order":[1,5],"state":[1,6],"long":[1,7]}' \
		"bad rows"
	same "$(grep -c ': bad: the row .* (1 such row)' <<<"$stderr")" 5 "bad rows named"
	has "$stderr" "bad:8: ignored: the row has not ended"
	same "$(jq .policies.gputopo.jobs <<<"$output")" 1 jobs
	# each alone is refused by --strict, on its own line
	for row in 3 4 5 6 7; do
		sed -n "1,2p;${row}p" bad >one
		fails 1 "one:3: the row" sim replay -w one -t builtin:dgx1v --nodes 1 \
			--policy gputopo --strict
		gputopo sim replay -w one -t builtin:dgx1v --nodes 1 --policy gputopo --json
		same "$(jq -r '.inputs.bad_rows | keys[]' <<<"$output")" "${kinds[n - 1]}" \
			"kind of line $row"
		n=$((n + 1))
	done
	sed -n 1,2p bad >good
	gputopo sim replay -w good -t builtin:dgx1v --nodes 1 --policy gputopo --strict
	same "$status" 0 "status of good rows"
}

@test "replay: sacct, SWF and openb are known by their content" {
	printf '%s\n' 'JobID|Submit|Start|End|State|NNodes|AllocTRES|NodeList' \
		'1|2026-01-01T00:00:00|2026-01-01T00:00:01|2026-01-01T01:00:00|COMPLETED|1|gres/gpu=4|x1' \
		>sacct
	printf '%s\n' '; Version: 2' '1 0 5 60 8 -1 -1 8 120 -1 1 3 1 -1 1 -1 -1 -1' >swf
	printf '%s\n' 'name,num_gpu,gpu_milli,pod_phase,creation_time,deletion_time,scheduled_time' \
		'p,1,500,Succeeded,0,60,5' 'q,4,1000,Succeeded,1,60,5' >openb
	for trace in sacct swf openb; do
		gputopo sim replay -w $trace -t builtin:dgx1v --nodes 1 --policy gputopo \
			--gpu-from procs/2 --sched recorded --json
		same "$status" 0 "status of $trace"
		same "$(jq -r .inputs.trace_format <<<"$output")" $trace format
		jq -e '.policies.gputopo.by_size["4"] | .multi_gpu_jobs == 1 and
			.mean_ratio_idle == 1' <<<"$output"
	done
	has "$stderr" "1 jobs that share a GPU count as jobs of one GPU"
	fails 2 "--gpu-from procs/N" sim replay -w swf -t builtin:dgx1v --nodes 1 --policy gputopo
}

@test "replay --sched recorded: jobs stay on their nodes and times" {
	printf '%s\n' job_id,submit,duration,gpus,start,node a,0,100,2,10,x b,0,100,2,20,y \
		c,0,100,8,30,x >t.csv
	gputopo sim replay -w t.csv -t builtin:dgx1v --nodes 2 --policy gputopo \
		--sched recorded -o out --format csv
	same "$status" 0 status
	same "$(sed 1d out/jobs-gputopo.csv | cut -d, -f1,4,9,10 | paste -sd' ')" \
		'a,10,x,"0 b,20,y,"0 c,,,""' "id, start, node of the trace, first GPU"
}

@test "replay --sched recorded: a job of several nodes, also without names" {
	cat >s <<-'END'
	JobID|Submit|Start|End|State|NNodes|AllocTRES|NodeList
	1|100|101|900|COMPLETED|1|gres/gpu=4|r[07-07]
	2|100|102|900|COMPLETED|3|gres/gpu=8|r[05,07],q1
	3|100|103|900|COMPLETED|1|gres/gpu=8|q1
	END
	recorded=(-t builtin:dgx1v --nodes 4 --policy first-fit --sched recorded --format csv)
	gputopo sim replay -w s --anonymize a.csv "${recorded[@]}" -o a
	same "$(sed 1d a/jobs-first-fit.csv | cut -d, -f1,9 | paste -sd' ')" \
		"1,n0 2,n1;n0;n2 3,n3" "node 0 is r07, the first used; q1 is busy for job 3"
	gputopo sim replay -w a.csv "${recorded[@]}" -o b
	same "$(cut -d, -f9-20 <a/jobs-first-fit.csv)" "$(cut -d, -f9-20 <b/jobs-first-fit.csv)" \
		"places of the anonymized trace"
	gputopo sim replay -w s "${recorded[@]}" -o c
	same "$(sed 1d c/jobs-first-fit.csv | cut -d, -f1,9 | paste -sd' ')" \
		"1,r07 2,r05;r07;q1 3,n3" "nodes of the trace; q1 is busy for job 3"
	run ! grep -E 'r0|q1' a.csv
}

@test "replay --slowdown is labelled an assumption" {
	jobs_csv 300
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy first-fit --slowdown .5
	has "$output" "ASSUMED"
}

@test "replay says where all sets of a size are equal" {
	jobs_csv 100
	gputopo sim replay -w jobs.csv -t builtin:hgx-h100 --nodes 10 --policy gputopo -o out
	has "$output" "All sets of a size are equal on these nodes"
	grep -q "All sets of a size are equal" out/report.html
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo
	run ! grep -q "are equal" <<<"$output"
}

@test "replay: groups of the trace, and of --groups for jobs of a size, by hand" {
	# n0 has 0 and 1 busy under stock: 4 of the rest by its order are no two bridged pairs
	printf '%s\n' job_id,submit,duration,gpus,nodes,groups,comm 1,0,1000,1,1,, 2,1,1000,1,1,, \
		3,2,1000,4,1,2x2, 4,1200,100,4,1,,alltoall >t.csv
	gputopo sim replay -w t.csv -t builtin:h100-pcie-pairs --nodes 1 \
		--policy gputopo,slurm-22.05 --json -o out --format csv
	same "$status" 0 status
	json_is '.policies.gputopo.by_groups["2x2"] | [.multi_gpu_jobs, .mean_gbps]' '[1,247.2]'
	json_is '.policies["slurm-22.05"].by_groups["2x2"].mean_gbps' 22
	json_is '.policies.gputopo.by_groups | keys' '["2x2","alltoall"]'
	json_is '.inputs.groups' null
	same "$(sed -n '4,5s/.*,\(.*,.*\)$/\1/p' out/jobs-gputopo.csv | paste -sd' ')" \
		"2x2,allreduce ,alltoall" "groups of jobs 3 and 4"
	# the best all-to-all of 4: the pairs of two bridges
	json_is '.policies.gputopo.by_groups.alltoall.mean_gbps' \
		"$("$GPUTOPO" pick -t builtin:h100-pcie-pairs -n 4 --comm alltoall --json |
			jq .group_busbw_gbps[0])"
	# the same jobs, their groups by size
	sed -i 's/2x2//; s/alltoall//' t.csv
	gputopo sim replay -w t.csv -t builtin:h100-pcie-pairs --nodes 1 --groups 4:2x2,8:4x2 \
		--policy gputopo,slurm-22.05 --json
	json_is '.policies.gputopo.by_groups["2x2"] | [.multi_gpu_jobs, .mean_gbps]' '[2,247.2]'
	json_is '.inputs | [.groups, .comm]' '["4:2x2,8:4x2","allreduce"]'
	gputopo sim replay -w t.csv -t builtin:h100-pcie-pairs --nodes 1 --groups 4:2x2 \
		--comm alltoall --policy gputopo,slurm-22.05 -o out
	has "$(<out/report.html)" "Bandwidth of groups: 2x2 alltoall"
	has "$output" "Mean GB/s of the slowest group, and its share of the ideal"
	has "$output" "2x2 alltoall"
	# traces that are written keep them
	gputopo sim replay -w t.csv --groups 4:2x2 --anonymize -
	same "$(sed 's/.*,\(.*,.*\)$/\1/' <<<"$output" | paste -sd' ')" "groups,comm , , 2x2, 2x2," rows
	fails 2 "'2x2' is not K:SIZES" sim replay -w t.csv -t builtin:dgx1v --nodes 1 --groups 2x2
	fails 2 "add up to 4 GPUs, not to 8" sim replay -w t.csv -t builtin:dgx1v --nodes 1 \
		--groups 8:2x2
	fails 2 "must be allreduce or alltoall" sim replay -w t.csv -t builtin:dgx1v --nodes 1 \
		--comm gossip
}

@test "replay --anonymize keeps times and sizes, and no name" {
	printf '%s\n' job_id,submit,duration,gpus,user secret7,5,60,2,ada secret8,6,60,4,bob \
		>t.csv
	gputopo sim replay -w t.csv --anonymize -
	same "$status" 0 status
	same "$(sed 1d <<<"$output" | cut -d, -f1-4,10 | paste -sd' ')" \
		"1,0,60,2,u0 2,1,60,4,u1" rows
}

@test "replay: the page needs nothing from outside" {
	jobs_csv 300
	"$GPUTOPO" sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 \
		--policy gputopo,slurm-22.05 -o out >/dev/null
	run ! grep -Eo '(src|href|url|@import)[= (]' out/report.html
	run ! grep -o 'https\?://' out/report.html
	run ! grep -qi '<script' out/report.html
	grep -q '<svg' out/report.html
}

@test "replay --svg: one picture with the verdict, in a file or on standard output" {
	jobs_csv 300
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 \
		--policy gputopo,slurm-22.05 --svg -
	same "$status" 0 status
	same "$(head -c 4 <<<"$output")" "<svg" start
	has "$output" "With gputopo, jobs of 2 GPUs and more get"
	same "$(grep -c 'class="all"/>\|class="choice"/>' <<<"$output")" 6 "bars and legend"
	same "$(grep -Eo '(src|href|url|@import)[= (]' <<<"$output" || true)" "" "what it refers to"
	if command -v xmllint >/dev/null; then xmllint --noout - <<<"$output"; fi
	"$GPUTOPO" sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo \
		--svg a.svg | grep -q '^policy'
	[ -s a.svg ]
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo --svg /nowhere/a
	same "$status" 1 "status where it cannot be written"
}

@test "replay --progress json tells how far it is, and none is silent" {
	jobs_csv 300
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo \
		--progress json
	jq -e '.jobs == 300 and .total == 300' <<<"$stderr"
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy gputopo \
		--progress none
	same "$stderr" "" messages
}

@test "replay --conf: nodes, sockets and modes from a cluster's own files" {
	mkdir conf
	cat >conf/slurm.conf <<-'END'
	ClusterName=t   # a comment
	NodeName=DEFAULT CoresPerSocket=20 Sockets=2
	NodeName=dgx[01-03] \
	   Gres=gpu:8
	NodeName=h[1,3] Gres=gpu:h100:8(S:0-1) State=UNKNOWN
	NodeName=cpu[1-9]
	END
	sed 's/^NodeName=@N@ /NodeName=dgx[01-03] /; s|@DEV@/@N@-gpu|/dev/nvidia|; /^#/d' \
		"$SRC/tests/cluster/lib/kinds/dgx1v" >conf/gres.conf
	echo 'NodeName=h[1-3] Topology=builtin:hgx-h100 Mode=observe' >conf/gputopo.conf
	printf '%s\n' job_id,submit,duration,gpus a,0,100,4 b,1,100,8 c,2,100,8 d,3,100,8 \
		e,4,100,8 >t.csv
	gputopo sim replay -w t.csv --conf conf --policy gputopo/nodes=first -o out --format csv
	same "$stderr" "gputopo: conf/gputopo.conf: Mode=observe of 2 nodes is replayed as enforce" \
		messages
	same "$status" 0 status
	same "$(sed 1d out/jobs-gputopo_nodes=first.csv | cut -d, -f9 | paste -sd' ')" \
		"dgx01 dgx02 dgx03 h1 h3" nodes
	has "$output" "5 nodes, 40 GPUs"
	# without Links= and topology the nodes are there all the same; instances count as Slurm
	# counts them, and their GPU is nobody's
	printf '%s\n' 'NodeName=plain Gres=gpu:2 CoresPerSocket=20 Sockets=2' \
		'NodeName=cut Gres=gpu:a100:1,gpu:a100_3g.20gb:2 CoresPerSocket=20 Sockets=2' >>conf/slurm.conf
	printf '%s\n' 'NodeName=plain Name=gpu File=/dev/nvidia[0-1]' \
		'NodeName=cut Name=gpu Type=a100 File=/dev/nvidia0' >>conf/gres.conf
	printf 'NodeName=cut Name=gpu Type=a100_3g.20gb MultipleFiles=/dev/nvidia1,/dev/nvidia-caps/nvidia-cap%d\n' \
		3 12 >>conf/gres.conf
	gputopo sim replay -w t.csv --conf conf --policy gputopo -o out --format csv
	same "$stderr" "gputopo: conf/gputopo.conf: Mode=observe of 2 nodes is replayed as enforce" \
		"messages of new nodes"
	same "$status" 0 "status with new nodes"
	has "$output" "7 nodes, 43 GPUs"
	echo 'NodeName=bad Gres=gpu:4' >>conf/slurm.conf
	gputopo sim replay -w t.csv --conf conf --policy gputopo
	same "$status" 1 "status without topology"
	has "$stderr" "bad"
}

@test "replay --conf: Include, quotes, an escaped comment sign, names with two brackets" {
	mkdir -p conf/parts
	cat >conf/slurm.conf <<-'END'
	ClusterName=blue
	NodeName=DEFAULT CoresPerSocket=20 Sockets=2
	include parts/%c.conf
	END
	cat >conf/parts/blue.conf <<-'END'
	NodeName = r[1-2]n[1-2] Gres="gpu:8" \
	   Feature=a\#b State=UNKNOWN
	Include parts/more.conf
	END
	echo 'NodeName=x1 Gres=gpu:8' >conf/parts/more.conf
	sed 's/^NodeName=@N@ /NodeName=x1,r[1-2]n[1-2] /; s|@DEV@/@N@-gpu|/dev/nvidia|; /^#/d' \
		"$SRC/tests/cluster/lib/kinds/dgx1v" >conf/gres.conf
	printf '%s\n' job_id,submit,duration,gpus a,0,100,8 b,1,100,8 c,2,100,8 d,3,100,8 \
		e,4,100,8 >t.csv
	gputopo sim replay -w t.csv --conf conf --policy gputopo/nodes=first -o out --format csv
	same "$stderr" "" messages
	same "$status" 0 status
	same "$(sed 1d out/jobs-gputopo_nodes=first.csv | cut -d, -f9 | paste -sd' ')" \
		"r1n1 r1n2 r2n1 r2n2 x1" nodes
	echo 'Include parts/blue.conf' >>conf/parts/more.conf
	fails 1 "more.conf:2: Include conf/parts/blue.conf: the file includes itself" \
		sim replay -w t.csv --conf conf --policy gputopo
	echo 'Include parts/none.conf' >conf/parts/more.conf
	fails 1 "parts/more.conf:1: Include parts/none.conf: No such file" \
		sim replay -w t.csv --conf conf --policy gputopo
	printf 'NodeName=n[1- Gres=gpu:8\n' >conf/parts/more.conf
	fails 1 "parts/more.conf:1: NodeName=n[1- is not a list of hosts" \
		sim replay -w t.csv --conf conf --policy gputopo
}

# A site: DGX-1V and HGX nodes in three partitions, one by a node set, a node cut by MIG, a
# node of which two GPUs are cut, observe mode, and lines in another file.
make_site() {
	mkdir -p site/slurm.d
	cat >site/slurm.conf <<-'END'
	ClusterName=blue
	Include slurm.d/nodes.conf
	NodeSet=fast Feature=nvswitch
	PartitionName=DEFAULT State=UP
	PartitionName=old Nodes=dgx[1-2] Default=YES
	PartitionName=new Nodes=fast
	PartitionName=all Nodes=ALL
	PartitionName=mig Nodes=m1
	END
	cat >site/slurm.d/nodes.conf <<-'END'
	NodeName=DEFAULT CoresPerSocket=20 Sockets=2
	NodeName=dgx[1-2] Gres=gpu:v100:8 Features=nvlink,volta
	NodeName=hgx[1-2] Gres=gpu:h100:8(S:0-1) Features=nvswitch,hopper
	NodeName=m1 Gres=gpu:a100_1g.5gb:14,gpu:a100_2g.10gb:7
	NodeName=x1 Gres=gpu:a100:6,gpu:a100_3g.40gb:4 Features=nvswitch,ampere
	NodeName=c[1-9]
	END
	cat >site/gputopo.conf <<-'END'
	NodeName=dgx[1-2] Topology=builtin:dgx1v Mode=observe
	NodeName=hgx[1-2] Topology=builtin:hgx-h100 Mode=off
	NodeName=x1 Topology=x1.json
	END
	"$GPUTOPO" show -t builtin:hgx-h100 --json |
		jq '.gpus |= map(.mig = (.index >= 6))' >site/x1.json
}

# Random jobs of the site, as sacct would show them: each runs where its GPUs were free.
make_history() {
	awk -v jobs="$1" 'BEGIN {
		srand(7)
		print "JobID|User|Partition|Submit|Start|End|State|NNodes|ReqTRES|AllocTRES|" \
			"NodeList|Constraints|Reservation"
		n = split("dgx1 dgx2 hgx1 hgx2 x1", name, " ")
		type["dgx1"] = type["dgx2"] = "v100"; type["hgx1"] = type["hgx2"] = "h100"
		type["x1"] = "a100"
		for (i = 1; i <= n; i++)
			free[i] = name[i] == "x1" ? 6 : 8
		for (t = 1000; made < jobs; t++) {
			for (j = 1; j <= made; j++)
				if (end[j] == t)
					for (i = 1; i <= n; i++)
						free[i] += got[j, i]
			for (tries = 0; tries < 3 && made < jobs; tries++) {
				i = int(rand() * n) + 1
				k = int(rand() * 4) + 1
				o = i % 2 && name[i + 1] ~ /gx/ ? i + 1 : 0
				two = o && rand() < .3
				if (free[i] < k || (two && free[o] < k))
					continue
				made++
				got[made, i] = k; free[i] -= k
				if (two) { got[made, o] = k; free[o] -= k }
				end[made] = t + int(rand() * 30) + 1
				part = name[i] ~ /dgx/ ? (rand() < .5 ? "old" : "all") : \
					(rand() < .5 ? "new" : "all")
				g = k * (two ? 2 : 1)
				list = two ? substr(name[i], 1, 3) "[1-2]" : name[i]
				printf "%d|u|%s|%d|%d|%d|COMPLETED|%d||cpu=1,gres/gpu=%d,gres/gpu:%s=%d|%s|%s|%s\n",
					made, part, t - 5, t, end[made], two ? 2 : 1, g, type[name[i]], g,
					list, name[i] ~ /hgx/ ? "nvswitch&hopper" : "",
					name[i] == "x1" ? "course" : ""
			}
		}
	}'
}

@test "replay --conf: recorded jobs of a real site stay on the nodes of the trace, all of them" {
	make_site
	make_history 400 >t
	gputopo sim replay -w t --conf site --sched recorded --policy gputopo,slurm-24.05 \
		-o out --format csv,json
	same "$status" 0 "status: $stderr"
	has "$stderr" "slurm.d/nodes.conf:4: m1 has static MIG instances (gpu:a100_1g.5gb:14,\
gpu:a100_2g.10gb:7): this line's nodes are left out"
	has "$stderr" "site/gputopo.conf: Mode=observe of 2 nodes is replayed as enforce"
	same "$(wc -l <<<"$stderr")" 2 "messages: $stderr"
	sed 1d t | awk -F'|' '{ n = $11; sub(/\[1-2\]/, "1", n)
		print $1, $11 ~ /\[/ ? n ";" substr(n, 1, 3) "2" : n }' | sort >want
	for policy in gputopo slurm-24.05; do
		sed 1d out/jobs-$policy.csv | sed 's/"[^"]*"//' | cut -d, -f1,9 | tr , ' ' |
			sort >is
		same "$(join want is | awk '{ print $2 == $3 }' | sort | uniq -c | xargs)" \
			"400 1" "jobs on their nodes under $policy"
		same "$(jq ".policies[\"$policy\"] | .moved + .rejected" out/summary.json)" 0 moved
	done
	# GPUs cut by MIG are given to nobody
	! sed 1d out/jobs-gputopo.csv | grep ',x1,"[^"]*[67]'
}

@test "replay --conf: partitions, types, features and reservations are honoured" {
	make_site
	cat >t <<-'END'
	JobID|Partition|Submit|Start|End|State|NNodes|AllocTRES|NodeList|Constraints|Reservation
	1|old|0|0|100|COMPLETED|1|gres/gpu=8|dgx2||
	2|old|0|100|200|COMPLETED|1|gres/gpu=8|dgx1||
	3|old|0|200|300|COMPLETED|1|gres/gpu=8|dgx1||
	4|new|0|0|100|COMPLETED|1|gres/gpu=4|hgx1||
	5|all|0|0|100|COMPLETED|1|gres/gpu=4,gres/gpu:a100=4|x1||
	6|all|0|0|100|COMPLETED|1|gres/gpu=4,gres/gpu:a100=4|x1||
	7|all|0|0|100|COMPLETED|1|gres/gpu=1|hgx2|(hopper|ampere)&!volta|
	8|all|0|0|100|COMPLETED|1|gres/gpu=2|hgx2||lab
	9|all|1|1|100|COMPLETED|1|gres/gpu=8|hgx2||lab
	10|gone|0|0|100|COMPLETED|1|gres/gpu=1|old7||
	11|all|0|0|100|COMPLETED|1|gres/gpu=1,gres/gpu:k80=1|old7||
	12|mig|0|0|100|COMPLETED|1|gres/gpu=1|m1||
	END
	gputopo sim replay -w t --conf site --policy first-fit -o out --format csv
	same "$status" 0 "status: $stderr"
	has "$stderr" "t: ignored: 3 jobs that no node may hold: job 10: partition 'gone'"
	same "$(sed 1d out/jobs-first-fit.csv | sed 's/"[^"]*"//' | cut -d, -f1,4,9 | paste -sd' ')" \
		"1,0,dgx1 2,0,dgx2 3,100,dgx1 4,0,hgx1 5,0,x1 6,100,x1 7,0,hgx1 8,0,hgx2 9,100,hgx2" \
		"id, start, node"
}

@test "replay: without --policy gputopo and the stock of the release" {
	printf '%s\n' job_id,submit,duration,gpus a,0,60,2 >t.csv
	mkdir bin
	for release in "slurm-wlm 22.05.8=slurm-22.05" "slurm 23.11.4=slurm-22.05" \
		"slurm 24.11.5=slurm-24.05" "slurm 25.05.0=slurm-24.05"; do
		printf '#!/bin/sh\necho "%s"\n' "${release%=*}" >bin/sinfo
		chmod +x bin/sinfo
		PATH=$PWD/bin:$PATH gputopo sim replay -w t.csv -t builtin:dgx1v --nodes 1 --json
		same "$(jq -r '.policies | keys | join(" ")' <<<"$output")" "gputopo ${release#*=}" \
			"policies of $release"
	done
	gputopo sim replay -w t.csv -t builtin:dgx1v --nodes 1 --json --release 22.05
	has "$stderr" "policies: gputopo,slurm-22.05 (Slurm 22.05)"
}

@test "wrong usage: status 2 and a reason" {
	jobs_csv 10
	fails 2 "the jobs are missing" sim replay
	fails 2 "either -t" sim replay -w jobs.csv
	fails 2 "is not a release of Slurm" sim replay -w jobs.csv -t builtin:dgx1v --nodes 1 \
		--release new
	fails 2 "either -t" sim replay -w jobs.csv --policy gputopo
	fails 2 "twice" sim replay -w jobs.csv -t builtin:dgx1v --nodes 1 --policy ring,ring
	fails 1 "unknown policy" sim replay -w jobs.csv -t builtin:dgx1v --nodes 1 --policy fly
	fails 1 "no option 'fly'" sim replay -w jobs.csv -t builtin:dgx1v --nodes 1 \
		--policy gputopo/fly
	fails 1 "nowhere.csv" sim replay -w nowhere.csv -t builtin:dgx1v --nodes 1 \
		--policy ring
	fails 2 "--load, --gpus and --jobs" sim gen --load 1
}

@test "query: a session" {
	cat >commands <<-'END'
	# a star, then a pair
	alloc --gpus=4
	alloc --gpus=2
	show
	frag
	free 1
	undo
	alloc --gpus=8 --node=n1
	alloc --gpus=4
	down n0:5
	find --gpus=1
	undo
	show
	END
	gputopo sim query -t builtin:dgx1v --nodes 2 <commands
	same "$stderr" "" messages
	same "$output" "job 1: n0 0-3, 80 of 80 GB/s
job 2: n0 4,7, 40 of 40 GB/s
n0 free 5-6 job1 0-3 job2 4,7
n1 free 0-7
2 GPUs: free on 2 nodes, as a ring on 2
3 GPUs: free on 1 nodes, as a ring on 1
4 GPUs: free on 1 nodes, as a ring on 1
5 GPUs: free on 1 nodes, as a ring on 1
6 GPUs: free on 1 nodes, as a ring on 1
7 GPUs: free on 1 nodes, as a ring on 1
8 GPUs: free on 1 nodes, as a ring on 1
job 1 is gone
undone
job 3: n1 0-7, 120 of 120 GB/s
none: no node has 4 free GPUs
n0:5 is down
n0 6
undone
n0 free 5-6 job2 4,7 job1 0-3
n1 free - job3 0-7" session
}

@test "query: what each policy would do, and a wrong command" {
	gputopo sim query -t builtin:dgx1v <<<"what-if --gpus=5"
	has "$output" "gputopo      n0 0,2-4,7, 40 of 40 GB/s"
	has "$output" "pair-sum     n0 0-4, 20 of 40 GB/s"
	gputopo sim query -t builtin:dgx1v <<<"fly"
	same "$status" 1 status
	has "$stderr" "no such command: fly"
}

@test "query: what is wrong is named with its line, changes nothing, and ends with 1" {
	printf '%s\n' 'alloc --gpus=4x' 'alloc' 'alloc --gpus=2 --fast' 'free 1x' 'show me' \
		'undo' 'down n0:9' "alloc $(head -c 3000 /dev/zero | tr '\0' y)" 'find' show >commands
	gputopo sim query -t builtin:dgx1v <commands
	same "$status" 1 status
	same "$stderr" "gputopo: -:1: no number of GPUs of a node: --gpus=4x
gputopo: -:2: alloc needs --gpus=K
gputopo: -:3: what is this: --fast
gputopo: -:4: no such job: 1x
gputopo: -:5: show takes other words
gputopo: -:6: nothing to undo
gputopo: -:7: not NODE:GPU: n0:9
gputopo: -:8: the line is too long" messages
	same "$output" "n0 0
n0 free 0-7" answers
}

@test "merge: other policies count their own runs; other inputs are named" {
	local policies=([1]=gputopo,ring [2]=gputopo,first-fit [3]=gputopo)
	for seed in 1 2 3; do
		"$GPUTOPO" sim gen --load .9 --gpus 80 --jobs 300 --seed $seed |
		"$GPUTOPO" sim replay -w - -t builtin:dgx1v --nodes $((10 + seed / 3)) \
			--policy "${policies[seed]}" --json >$seed.json
	done
	gputopo sim merge 1.json 2.json --json
	same "$stderr" "" messages
	same "$(jq -c '.policies | map_values(.jobs.runs)' <<<"$output")" \
		'{"gputopo":2,"ring":1,"first-fit":1}' runs
	gputopo sim merge 1.json 1.json 3.json
	has "$stderr" "1.json: the same jobs and seed as 1.json"
	has "$stderr" "3.json: nodes is not that of 1.json"
}

@test "replay: the figures are those of the rows, recomputed by another program" {
	jobs_csv 2000 --form job
	echo "big,9999,60,90" >>jobs.csv
	sed -i 's/^big.*/big,9999,60,90,,node,,,/' jobs.csv
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 \
		--policy gputopo,slurm-22.05,first-fit -o out --format csv,json,html
	same "$status" 0 status
	for policy in gputopo slurm-22.05 first-fit; do
		run "$SRC/tests/cli/sim_recompute.pl" out/summary.json $policy out/jobs-$policy.csv
		same "$status" 0 "status of $policy: $output"
		[ "${output%% *}" -gt 60 ]
	done
	jq -e '.policies["first-fit"] | .choice.multi_gpu_jobs < .multi_gpu_jobs and
		.choice.mean_ratio_idle < .mean_ratio_idle' out/summary.json
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 --policy slurm-24.05 \
		--warmup 2h -o warm --format csv,json
	"$SRC/tests/cli/sim_recompute.pl" warm/summary.json slurm-24.05 warm/jobs-slurm-24.05.csv 7200
}

@test "replay: a verdict on top of table, page and summary; each column has its legend" {
	jobs_csv 500
	gputopo sim replay -w jobs.csv -t builtin:dgx1v --nodes 10 \
		--policy slurm-22.05,gputopo,ring -o out
	has "$(head -n1 <<<"$output")" \
		"With gputopo, jobs of 2 GPUs and more get $(jq '.policies.gputopo.mean_gbps' \
			out/summary.json | xargs printf '%.1f') GB/s on average"
	same "$(jq -r .verdict out/summary.json)" "$(head -n1 <<<"$output")" "that of the summary"
	has "$(grep -A1 '<h1>' out/report.html)" "With gputopo, jobs of 2 GPUs and more get"
	for column in GB/s '5 %' median '95 %' 'of ideal' 'of free' 'no ring' lost 'h below' \
		wait busy split rejected; do
		grep -q "^  $column  *[a-zA-Z5-9].*" <<<"$output" ||
			{ echo "no legend of $column"; return 1; }
	done
	same "$(grep -c '<dt>' out/report.html)" 15 "legend of the page"
	# a time line for each policy, and the wait beside what a job lost
	same "$(grep -c 'aria-label="GPUs of the first nodes over time"' out/report.html)" 3 lines
	grep -q '<th>wait, min</th><th>under stock, min</th>' out/report.html
}

@test "compare: the planner's case reads in GB/s in the first line" {
	cat >l40s.txt <<-'END'
		GPU0	GPU1	GPU2	GPU3	CPU Affinity	NUMA Affinity
	GPU0	 X 	PIX	SYS	SYS	0-31	0
	GPU1	PIX	 X 	SYS	SYS	0-31	0
	GPU2	SYS	SYS	 X 	PIX	32-63	1
	GPU3	SYS	SYS	PIX	 X 	32-63	1
	END
	printf '%s\n' job_id,submit,duration,gpus a,0,60,2 b,0,60,2 c,100,60,4 d,200,60,4 \
		e,300,60,4 >t.csv
	"$GPUTOPO" sim replay -w t.csv -t l40s.txt --model L40S --nodes 1 --policy gputopo -o l \
		--format csv,json >/dev/null
	"$GPUTOPO" sim replay -w t.csv -t builtin:hgx-h100 --nodes 1 --policy gputopo -o h \
		--format csv,json >/dev/null
	mean() {
		"$SRC/tests/cli/sim_recompute.pl" $1/summary.json gputopo $1/jobs-gputopo.csv >/dev/null &&
			sed 1d $1/jobs-gputopo.csv | sed 's/"[^"]*"//' |
			awk -F, '{ sum += $11 } END { printf "%.1f", sum / NR }'
	}
	gputopo sim compare l/summary.json h/summary.json
	same "$status" 0 status
	same "$(head -n1 <<<"$output")" "With gputopo, jobs of 2 GPUs and more get $(mean l) GB/s on \
A (l40s.txt) and 370.8 GB/s on B (builtin:hgx-h100): B gives $(awk -v a="$(mean l)" 'BEGIN {
		printf "%.1f", 370.8 / a }') times as much" "first line"
	gputopo sim compare l/summary.json h/summary.json --json
	jq -e '.policies.gputopo.mean_gbps.b == 370.8' <<<"$output"
	has "$output" '"verdict"'
	# without the new figures, as an older program wrote them
	jq 'del(.policies[].mean_gbps)' l/summary.json >old.json
	gputopo sim compare old.json h/summary.json
	has "$(head -n1 <<<"$output")" "no GB/s: replay the jobs again"
}

@test "merge: policies are paired seed by seed, also from files of their own" {
	for seed in 1 2 3; do
		"$GPUTOPO" sim gen --load .9 --gpus 80 --jobs 300 --seed $seed >$seed.csv
		for policy in gputopo slurm-22.05; do
			"$GPUTOPO" sim replay -w $seed.csv -t builtin:dgx1v --nodes 10 \
				--policy $policy --json >$seed-$policy.json
		done
	done
	gputopo sim merge [123]-*.json --json
	same "$stderr" "" messages
	jq -s '[.[0:3], .[3:6]] | transpose | map(.[0].policies.gputopo.mean_gbps -
		.[1].policies["slurm-22.05"].mean_gbps) | (add / 3) as $m |
		{mean: $m, ci: ((map(. - $m | . * .) | add / 2 / 3 | sqrt) * 4.303)}' \
		[123]-gputopo.json [123]-slurm-22.05.json >want
	jq -e --slurpfile w want '.paired.gputopo | .against == "slurm-22.05" and
		(.mean_gbps | .runs == 3 and (.mean - $w[0].mean | fabs) < 1e-6 and
		(.ci95 - $w[0].ci | fabs) < 1e-6)' <<<"$output"
	gputopo sim merge [123]-*.json
	has "$output" "Against slurm-22.05 on the same jobs, seed by seed"
}

@test "compare and merge: differences, means and intervals" {
	for seed in 1 2 3; do
		"$GPUTOPO" sim gen --load .9 --gpus 80 --jobs 500 --seed $seed |
		"$GPUTOPO" sim replay -w - -t builtin:dgx1v --nodes 10 --policy gputopo,ring \
			--json >$seed.json
	done
	gputopo sim compare 1.json 1.json --json
	jq -e '[.policies[][] | .difference] | length > 10 and all(. == 0)' <<<"$output"
	gputopo sim compare 1.json 2.json
	has "$output" "trace_hash"
	gputopo sim merge 1.json 2.json 3.json --json
	same "$(jq .runs <<<"$output")" 3 runs
	# the mean, and 4.303 standard errors of three values
	jq -s '[.[].policies.ring.mean_ratio_idle] | (add / 3) as $m |
		{mean: $m, ci: ((map(. - $m | . * .) | add / 2 / 3 | sqrt) * 4.303)}' \
		1.json 2.json 3.json >want
	jq -e --slurpfile w want '.policies.ring.mean_ratio_idle |
		(.mean - $w[0].mean | fabs) < 1e-6 and (.ci95 - $w[0].ci | fabs) < 1e-6' \
		<<<"$output"
	echo '{}' >empty.json
	fails 1 "no summary" sim compare empty.json 1.json
}

@test "the sweep's batch script, as Slurm would run its tasks" {
	for seed in 1 2; do
		GPUTOPO=$GPUTOPO SLURM_ARRAY_TASK_ID=$seed NODES=10 JOBS=500 \
			"$SRC/etc/sweep.sbatch" results
	done
	gputopo sim merge results/*.json
	same "$status" 0 status
	has "$output" "2 runs"
}
