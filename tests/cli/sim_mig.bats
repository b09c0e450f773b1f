# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo sim mig: contracts, determinism, traces, and what goes wrong.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
}

small=(sim mig --mode loss --mix 1g.10gb:2,3g.40gb:1 --load 0.9 --jobs 2000 -g A100-80GB --gpus 4)

@test "the summary has one entry for each policy with the documented fields" {
	gputopo "${small[@]}" --policy lookahead,pack --seeds 3 --json
	same "$status" 0 status
	json_is '.policies | keys' '["lookahead","pack"]'
	json_is '.policies.pack | keys' '["accepted_share_count","accepted_share_slices","by_profile","gpus_busy_mean","gpus_touched","makespan_s","moves","slice_seconds","stranded_slices_mean","to_first","wait_mean_s","wait_p50_s","wait_p95_s"]'
	json_is '[.inputs.seeds, .inputs.seed, .inputs.mode, .inputs.gpus]' '[3,1,"loss",4]'
	json_is '.policies.pack.by_profile | keys' '["1g.10gb","3g.40gb"]'
	json_is '[.policies[].by_profile[].offered] | add' 12000
	json_is '.policies.lookahead.to_first.accepted_share_slices == 0' true
}

@test "the same seed and inputs give the same bytes, another seed does not" {
	for d in a b; do
		gputopo "${small[@]}" --seeds 2 -o $d --json
		same "$status" 0 status
		printf '%s' "$output" > $d.json
	done
	cmp a.json b.json
	diff -r a b
	same "$(ls a | tr '\n' ' ')" "first.csv frag.csv lookahead.csv pack.csv report.html same-size.csv spread.csv stock.csv summary.json " files
	gputopo "${small[@]}" --seeds 2 --seed 5 --json
	[ "$output" != "$(cat a.json)" ]
}

@test "spreading loses large requests, packing fewer" {
	gputopo sim mig --mix 1g.10gb:8,2g.20gb:4,3g.40gb:2,4g.40gb:1,7g.80gb:1 --load 0.9 \
		--jobs 20000 -g A100-80GB --gpus 16 --mode loss --policy lookahead,pack,spread --json
	json_is '.policies | .lookahead.accepted_share_slices > .pack.accepted_share_slices' true
	json_is '.policies | .pack.accepted_share_slices > .spread.accepted_share_slices + 0.05' true
	json_is '.policies | .pack.by_profile["7g.80gb"].share > .spread.by_profile["7g.80gb"].share' true
}

@test "the report is one page with the pictures and nothing from outside" {
	gputopo "${small[@]}" --policy lookahead,same-size -o out
	same "$(grep -c '<svg' out/report.html)" 2 pictures
	[ "$(grep -c '<rect' out/report.html)" -gt 500 ]
	run ! grep -E 'https?://|<script|@import|url\(' out/report.html
	# one time span for all, no interval of one seed, nobody waits in loss mode
	same "$(grep -o 'text-anchor="end">[^<]*' out/report.html | sort -u | wc -l)" 1 "time spans"
	run ! grep -E '&plusmn;|wait, min' out/report.html
	gputopo "${small[@]}" --mode queue --seeds 2 --policy lookahead,same-size -o queue
	same "$(grep -c '&plusmn;' queue/report.html) $(grep -c 'mean wait, min' queue/report.html)" \
		"2 1" "columns of queue mode"
	# what the page says of a profile is what the summary says
	same "$(sed -n '/by profile/,/Slices/p' out/report.html |
		sed -n 's/<tr><td>lookahead<.td><td>\([0-9.]*\) %.*/\1/p')" \
		"$(jq '.policies.lookahead.by_profile["1g.10gb"].share * 10000 | round / 100' \
			out/summary.json | xargs printf '%.2f')" "share of 1g"
	if command -v xmllint > /dev/null; then xmllint --html --noout out/report.html; fi
}

@test "a CSV trace; rows that are no requests are counted" {
	cat > t.csv <<-END
		job_id,submit,duration,gpus,profile
		1,0,10,0,7g.80gb
		2,2,5,0,1g.10gb
		3,3,5,4,
		4,4,5,0,9g.90gb
		5,x,5,0,1g.10gb
		6,20,5,0,1g.11gb
	END
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy pack --mode loss --json
	same "$status" 0 status
	json_is .inputs.rows '{"ok":3,"no_gpu":1,"profile":1,"number":1}'
	json_is '.policies.pack.accepted_share_slices == 0.9' true
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy pack -o out
	same "$(cat out/pack.csv)" "job,submit,start,end,profile,gpu,first_slice
0,0.000,0.000,10.000,7g.80gb,0,0
1,2.000,10.000,15.000,1g.10gb,0,6
2,20.000,20.000,25.000,1g.10gb,0,6" "rows"
}

@test "openb: a share of a GPU becomes the smallest profile with that share" {
	cat > o.csv <<-END
		name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
		a,1,1,1,100,,LS,Running,0,10,0
		b,1,1,1,143,,LS,Running,0,10,0
		c,1,1,1,400,,LS,Running,0,10,0
		d,1,1,1,500,,LS,Running,0,10,0
		e,1,1,1,600,,LS,Running,0,10,0
		f,1,1,1,1000,,LS,Running,0,10,0
		g,1,1,2,1000,,LS,Running,0,10,0
		h,1,1,0,0,,LS,Running,0,10,0
		i,1,1,1,500,,LS,Running,0,,0
	END
	gputopo sim mig -w o.csv -g A100-80GB --gpus 9 --policy pack -o out
	same "$status" 0 status
	same "$(cut -d, -f5 out/pack.csv | tr '\n' ' ')" \
		"profile 1g.10gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb 7g.80gb " profiles
	same "$(jq -c .inputs.rows out/summary.json)" '{"ok":6,"no_gpu":1,"several":1,"not_ended":1}' rows
}

@test "what is wrong is said" {
	fails 2 "the requests are missing" sim mig -g A30 --gpus 1
	fails 2 "--mix needs --load and --jobs" sim mig --mix 1g.6gb:1 -g A30 --gpus 1
	fails 2 "give either --gpu MODEL or --table FILE" sim mig --mix 1g.6gb:1 --load 1 --jobs 1 --gpus 1
	fails 2 "the number of GPUs is missing" sim mig --mix 1g.6gb:1 --load 1 --jobs 1 -g A30
	fails 2 "is not a policy" "${small[@]}" --policy best
	fails 2 "is given twice" "${small[@]}" --policy pack,pack
	fails 2 "neither loss nor queue" "${small[@]}" --mode wait
	fails 2 "has no profile '1g.6gb'" "${small[@]}" --expect 1g.6gb:1
	fails 2 "belong to --mix" sim mig -w t.csv --load 1 -g A30 --gpus 1
	fails 1 "none.csv: No such file" sim mig -w none.csv -g A30 --gpus 1
	echo a,b > bad.csv
	fails 1 "gputopo: bad.csv:1: the header names neither" sim mig -w bad.csv -g A30 --gpus 1
	echo submit,duration,profile > empty.csv
	fails 1 "no request" sim mig -w empty.csv -g A30 --gpus 1
	fails 1 "/dev/null/x" "${small[@]}" -o /dev/null/x
}

@test "sacct -P: jobs with MIG types of any spelling are the requests" {
	cat > s.txt <<-END
		JobID|User|Submit|Start|End|State|NNodes|ReqTRES|AllocTRES|NodeList
		1|a|100|100|110|COMPLETED|1||billing=1,gres/gpu=1,gres/gpu:a100_1g.5gb=1|m1
		2|a|100|100|110|COMPLETED|1||gres/gpu=2,gres/gpu:nvidia_a100_3g.20gb=2|m1
		3|a|101|101|110|COMPLETED|1||gres/gpu=1,gres/gpu:A100-7G.40GB=1|m1
		4|a|102|102|110|COMPLETED|1||gres/gpu=2|n1
		5|a|102|102|110|COMPLETED|1||gres/gpu=3,gres/gpu:a100=2,gres/gpu:a100_2g.10gb=1|n1
		6|a|102|102|110|COMPLETED|1||gres/gpu=1,gres/gpu:a100_mig=1|m1
	END
	gputopo sim mig -w s.txt -g A100-40GB --gpus 4 --policy stock,lookahead -o out --json
	same "$stderr" "" messages
	json_is .inputs.rows '{"ok":5,"other":2,"profile":1}'
	json_is .inputs.mode '"queue"'
	same "$(cut -d, -f5 out/lookahead.csv | sort | tr '\n' ' ')" \
		"1g.5gb 2g.10gb 3g.20gb 3g.20gb 7g.40gb profile " profiles
}

@test "stock: fixed instances, each for requests of its own type" {
	# one GPU, cut for as many 3g as 4g: both run at once, the second 4g waits
	printf '%s\n' submit,duration,profile 0,10,4g.40gb 0,10,3g.40gb 1,10,4g.40gb \
		2,10,3g.40gb > t.csv
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy stock -o out
	same "$(sed 1d out/stock.csv | cut -d, -f3,5 | tr '\n' ' ')" \
		"0.000,4g.40gb 0.000,3g.40gb 10.000,4g.40gb 10.000,3g.40gb " starts
	# what is asked for now and then gets an instance all the same
	printf '%s\n' submit,duration,profile 0,1000,1g.10gb 1,1,7g.80gb > t.csv
	gputopo sim mig -w t.csv -g A100-80GB --gpus 2 --policy stock -o out
	same "$(sed 1d out/stock.csv | cut -d, -f3,5 | tr '\n' ' ')" \
		"0.000,1g.10gb 1.000,7g.80gb " starts
}

@test "growth and migrate: the published rules" {
	# 1g at slice 6 costs the fewest places; a whole GPU needs the other to move
	printf '%s\n' submit,duration,profile 0,100,1g.10gb 1,9,1g.10gb 2,5,3g.40gb \
		10,50,1g.10gb > t.csv
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy growth -o out
	same "$(sed '1d;3,$d' out/growth.csv | cut -d, -f7)" 6 "first slice"
	printf '%s\n' submit,duration,profile 0,100,3g.40gb 1,100,3g.40gb 2,10,7g.80gb > t.csv
	gputopo sim mig -w t.csv -g A100-80GB --gpus 2 --policy migrate,growth -o out --json
	# below half of the fleet migrate spreads; then one instance moves for the 7g
	json_is .policies.migrate.moves 1
	json_is '[.policies.migrate.wait_mean_s, .policies.growth.moves]' '[0,0]'
	fails 2 "stock, growth or migrate" sim mig -w t.csv -g A30 --gpus 1 --policy best
}
