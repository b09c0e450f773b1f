# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo sim plan and gputopo sim defrag.

load cli.bash

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR" || return
}

l40s() {
	cat >l40s.txt <<-'END'
		GPU0	GPU1	GPU2	GPU3	CPU Affinity	NUMA Affinity
	GPU0	 X 	PIX	SYS	SYS	0-31	0
	GPU1	PIX	 X 	SYS	SYS	0-31	0
	GPU2	SYS	SYS	 X 	PIX	32-63	1
	GPU3	SYS	SYS	PIX	 X 	32-63	1
	END
}

@test "plan: each candidate gets what a replay on it gives" {
	l40s
	"$GPUTOPO" sim gen --mix 1:50,2:25,4:25 --load .8 --gpus 32 --jobs 400 >t.csv
	gputopo sim plan -w t.csv --candidate L40S,topology=l40s.txt,model=L40S,nodes=8,price=60 \
		--candidate HGX,topology=builtin:hgx-h100,nodes=4 --json
	same "$status" 0 "status: $stderr"
	cat >plan.json <<<"$output"
	for c in "0 -t l40s.txt --model L40S --nodes 8" "1 -t builtin:hgx-h100 --nodes 4"; do
		read -r i args <<<"$c"
		# shellcheck disable=SC2086
		"$GPUTOPO" sim replay -w t.csv $args --policy gputopo --json >replay.json
		same "$(jq -c ".candidates[$i] | [.mean_gbps, .wait_mean_s, .gpu_hours_full_bandwidth + 0 |
			. * 1e6 | round]" plan.json)" \
			"$(jq -c '.policies.gputopo | [.mean_gbps, .wait_mean_s, .multi_gpu_hours -
				.gpu_hours_below_ideal | . * 1e6 | round]' replay.json)" "candidate $i"
	done
	same "$(jq -c '[.candidates[] | .price]' plan.json)" "[480,null]" "price of all nodes"
	gputopo sim plan -w t.csv --candidate L40S,topology=l40s.txt,model=L40S,nodes=8 \
		--candidate HGX,topology=builtin:hgx-h100,nodes=4
	has "$(head -n1 <<<"$output")" "HGX gives jobs of 2 GPUs and more the most bandwidth, 370.8 GB/s"
	has "$output" "Columns"
}

@test "plan: network cards bound jobs of several nodes, and those only" {
	printf '%s\n' job_id,submit,duration,gpus,nodes a,0,60,16,2 b,100,60,8,1 c,200,60,4,2 >t.csv
	gputopo sim plan -w t.csv --candidate A,topology=builtin:hgx-h100,nodes=2,nics=4,nic-rate=40 \
		--candidate B,topology=builtin:hgx-h100,nodes=2,nics=8,nic-rate=40 \
		--candidate C,topology=builtin:hgx-h100,nodes=2 --json
	# 16 on 2 nodes: 4 x 40, 8 x 40, and the built-in machine's own 8 x 50; 8: NVSwitch; 2
	# on each node: two cards, which the first two GPUs have not where there are 4
	eight=$("$GPUTOPO" pick -t builtin:hgx-h100 -n 8 --json | jq .busbw_gbps)
	same "$(jq -c '[.candidates[].mean_gbps * 3 | . * 10 | round / 10]' <<<"$output")" \
		"$(jq -nc "[160 + $eight + 80, 320 + $eight + 80, 400 + $eight + 100] |
			map(. * 10 | round / 10)")" "sums of GB/s"
	# Slurm takes the first two
	gputopo sim plan -w t.csv --policy slurm-22.05 --json \
		--candidate A,topology=builtin:hgx-h100,nodes=2,nics=4,nic-rate=40
	same "$(jq -c '[.candidates[].mean_gbps * 3 | . * 10 | round / 10]' <<<"$output")" \
		"$(jq -nc "[160 + $eight + 40] | map(. * 10 | round / 10)")" "sum of stock's GB/s"
}

@test "plan: jobs that do not fit a node are spread; slices go to the GPUs set aside" {
	l40s
	cat >t <<-'END'
	JobID|Submit|Start|End|State|NNodes|AllocTRES|NodeList
	1|0|0|100|COMPLETED|1|gres/gpu=8|n1
	2|0|0|100|COMPLETED|1|gres/gpu=2,gres/gpu:a100_3g.40gb=2|m1
	END
	gputopo sim plan -w t --candidate L,topology=l40s.txt,model=L40S,nodes=2,mig=A100-80GB,mig-gpus=1 --json
	same "$status" 0 "status: $stderr"
	same "$(jq -c '.candidates[0] | [.spread_jobs, .rejected, .mig.wait_mean_s]' <<<"$output")" \
		"[1,0,0]" "spread, rejected, wait of slices"
}

@test "plan: wrong usage" {
	fails 2 "the jobs are missing" sim plan
	fails 2 "no candidates" sim plan -w t
	fails 2 "does not begin with a name" sim plan -w t --candidate topology=x
	fails 2 "topology= and nodes= are needed" sim plan -w t --candidate A,nodes=1
	fails 2 "no key 'gpu'" sim plan -w t --candidate A,gpu=1
	fails 2 "is given twice" sim plan -w t --candidate A,topology=x,nodes=1 \
		--candidate A,topology=x,nodes=1
	fails 2 "belong together" sim plan -w t --candidate A,topology=x,nodes=1,mig=A30
	fails 1 "none.csv" sim plan -w none.csv --candidate A,topology=builtin:dgx1v,nodes=1
}

@test "defrag: the fewest restarts for a set, at a moment" {
	# first-fit: a on 0-1, b on 2, c on 3-6; of the double pairs 1,2 needs a and b, and 5,6
	# and 4,7 need c alone
	printf '%s\n' job_id,submit,duration,gpus a,0,1000,2 b,1,1000,1 c,2,1000,4 >t.csv
	d=(sim defrag -w t.csv -t builtin:dgx1v --nodes 1 --policy first-fit)
	gputopo "${d[@]}" --gpus 2
	same "$status" 0 "status: $stderr"
	has "$output" "n0 5-6, 40.0 of 40.0 GB/s: restart job c"
	gputopo "${d[@]}" --gpus 2 --fixed c --json
	same "$(jq -c '.nodes[0] | [.gpus, .jobs, .restarts]' <<<"$output")" '["1-2",["a","b"],2]' \
		"without c"
	gputopo "${d[@]}" --gpus 8
	has "$output" "restart jobs a, b, c"
	gputopo "${d[@]}" --gpus 8 --fixed b
	same "$status" 3 "status where nothing helps"
	has "$output" "none: no node can give such a set"
	gputopo "${d[@]}" --gpus 1
	has "$output" "n0 7: free now"
	gputopo "${d[@]}" --gpus 2 --at 1s
	has "$output" "free now"
}

@test "defrag --every: what it takes week by week" {
	"$GPUTOPO" sim gen --load .95 --gpus 32 --jobs 2000 --duration exp:36000 >t.csv
	gputopo sim defrag -w t.csv -t builtin:dgx1v --nodes 4 --gpus 4 --every 7d
	same "$status" 0 status
	has "$output" "of 4 nodes have such a set free; one more takes"
	gputopo sim defrag -w t.csv -t builtin:dgx1v --nodes 4 --gpus 4 --every 7d --json
	jq -e '.moments | length > 2 and all(.next == null or .next.restarts > 0)' <<<"$output"
	fails 2 "exclude each other" sim defrag -w t.csv -t builtin:dgx1v --nodes 4 --gpus 4 \
		--every 7d --at 1d
	fails 2 "which set?" sim defrag -w t.csv -t builtin:dgx1v --nodes 4
}

@test "blocks: the published experiment; wrong usage" {
	gputopo sim blocks --nodes 900 --jobs 4000 --load .95 --json
	same "$status" 0 "status: $stderr"
	jq -e '.rules | (.naive.occupancy - .block.occupancy | fabs) < .01 and
		.block.blocks_per_job < .naive.blocks_per_job' <<<"$output"
	cat >a <<<"$output"
	gputopo sim blocks --nodes 900 --jobs 4000 --load .95 --json
	same "$output" "$(cat a)" "the same seed"
	gputopo sim blocks --nodes 90 --jobs 500 --mix 1:1,8:1
	has "$(head -n1 <<<"$output")" "of the nodes are busy"
	fails 2 "do not fit a block of 8" sim blocks --block 8
	fails 2 "is not a list such as" sim blocks --mix 4
	fails 2 "a job of 128 nodes on 90 nodes" sim blocks --nodes 90
}
