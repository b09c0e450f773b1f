# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo sim mig: contracts, determinism, traces, and what goes wrong.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
}

small=(sim mig --mix 1g.10gb:2,3g.40gb:1 --load 0.9 --jobs 2000 -g A100-80GB --gpus 4)

@test "the summary has one entry for each policy with the documented fields" {
	gputopo "${small[@]}" --policy lookahead,pack --seeds 3 --json
	same "$status" 0 status
	json_is '.policies | keys' '["lookahead","pack"]'
	json_is '.policies.pack | keys' '["accepted_share_count","accepted_share_slices","by_profile","gpus_busy_mean","gpus_touched","makespan_s","slice_seconds","stranded_slices_mean","to_first","wait_mean_s","wait_p50_s","wait_p95_s"]'
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
	same "$(ls a | tr '\n' ' ')" "first.csv frag.csv lookahead.csv pack.csv report.html same-size.csv spread.csv summary.json " files
	gputopo "${small[@]}" --seeds 2 --seed 5 --json
	[ "$output" != "$(cat a.json)" ]
}

@test "spreading loses large requests, packing fewer" {
	gputopo sim mig --mix 1g.10gb:8,2g.20gb:4,3g.40gb:2,4g.40gb:1,7g.80gb:1 --load 0.9 \
		--jobs 20000 -g A100-80GB --gpus 16 --policy lookahead,pack,spread --json
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
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy pack --json
	same "$status" 0 status
	json_is .inputs.rows '{"ok":3,"no_gpu":1,"profile":1,"number":1}'
	json_is '.policies.pack.accepted_share_slices == 0.9' true
	gputopo sim mig -w t.csv -g A100-80GB --gpus 1 --policy pack --mode queue -o out
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
	fails 2 "which requests?" sim mig -g A30 --gpus 1
	fails 2 "--mix needs --load and --jobs" sim mig --mix 1g.6gb:1 -g A30 --gpus 1
	fails 2 "which GPU?" sim mig --mix 1g.6gb:1 --load 1 --jobs 1 --gpus 1
	fails 2 "how many GPUs?" sim mig --mix 1g.6gb:1 --load 1 --jobs 1 -g A30
	fails 2 "is not a policy" "${small[@]}" --policy best
	fails 2 "stands twice" "${small[@]}" --policy pack,pack
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
