# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo report: sums over a decision log, held against the log itself by jq; bad lines
# are named and left out.

load cli.bash

setup() {
	needs_jq
	LOG=$BATS_TEST_TMPDIR/log
	: >"$LOG"
}

# line TS JOB NODE K FREE STOCK CHOSEN STOCK_GBPS GBPS IDEAL CHANGED REASON [MORE]
line() {
	printf '{"ts":%s,"job":%s,"node":"%s","release":"22.05.8","form":"gpus","k":%s,"free":"%s","stock":"%s","chosen":"%s","stock_gbps":%s,"gbps":%s,"ideal_gbps":%s,"level":null,"mode":"enforce","changed":%s,"split":false%s,"us":9,"reason":"%s"}\n' \
		"$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "${11}" "${13:-}" \
		"${12}" >>"$LOG"
}

end() {
	printf '{"ts":%s,"job":%s,"end":true,"seconds":%s}\n' "$@" >>"$LOG"
}

# A small log with one of everything.
small() {
	line 100 1 n0 2 0-7 0-1 0,3 20.000 40.000 40.000 true changed
	line 110 2 n0 2 1-2,4-7 1-2 1-2 40.000 40.000 40.000 false best
	line 120 3 n1 1 0-7 0 5 null null null true changed
	line 130 4 n1 4 1-4,6-7 1-4 3-4,6-7 20.000 20.000 80.000 true changed
	end 3700 1 3600
	# one start on two nodes: two decisions
	line 4000 5 n0 2 0-1,3 0-1 0,3 20.000 40.000 40.000 true changed
	line 4000 5 n2 2 0-1 0-1 0-1 20.000 20.000 40.000 false no-choice
	end 5800 5 1800
	# the same job again, requeued; its end never comes
	line 6000 5 n0 2 0-1,3 0-1 0,3 20.000 40.000 40.000 false observed
	line 6001 6 n3 3 0-2 0-2 0-2 10.000 10.000 30.000 false no-choice \
		',"split_avoided":true'
	line 6002 7 n3 2 3-6 3-4 5-6 40.000 20.000 40.000 true changed
	end 6100 2 0
	end 6100 99 17
}

@test "a job with groups is judged by its slowest group" {
	line 100 1 n0 4 0-7 0-3 0-1,4-5 22.000 22.000 40.000 true changed \
		',"groups":[[0,1],[4,5]],"group_busbw_gbps":[247.200,200.000],"comm":"allreduce","stock_group_gbps":22.000,"ideal_group_gbps":247.200'
	line 110 2 n0 2 0-7 0-1 0-1 40.000 40.000 40.000 false best \
		',"groups":[[0],[1]],"group_busbw_gbps":[null,null],"comm":"allreduce","stock_group_gbps":null,"ideal_group_gbps":null'
	gputopo report "$LOG" --json
	same "$status" 0 status
	json_is '.with_groups' 1
	json_is '.by_size[1] | [.stock_gbps, .gbps, .ideal_gbps, .faster]' '[22,200,247.2,1]'
	json_is '.by_size[0] | [.stock_gbps, .gbps, .ideal_gbps]' '[40,40,40]'
}

@test "a job of several nodes is worth what its slowest node's NICs carry" {
	local net=',"x_gbps":%s,"x_stock":%s,"rails":"%s"' more
	printf -v more "$net" 100.000 50.000 0-3
	line 100 1 n0 4 0-7 0-3 0,2,4,6 240.000 240.000 240.000 true changed "$more"
	printf -v more "$net" 75.000 75.000 0-2
	line 100 1 n1 4 0-5 0-3 0-1,3-4 240.000 240.000 240.000 true changed "$more"
	printf -v more "$net" 25.000 25.000 1
	line 200 2 n0 1 0-7 3 2 null null null true changed "$more"
	line 200 2 n1 1 0-7 3 3 null null null false changed "$more"
	# of one node
	line 300 3 n1 2 0-7 0-1 0-1 240.000 240.000 240.000 false best
	gputopo report "$LOG" --json
	same "$status" 0 status
	json_is '.networks' '{"starts":2,"x_stock":37.5,"x_gbps":50,"equal_rails":1}'
	gputopo report "$LOG"
	has "$output" "Networks:   2 starts on several nodes"
	has "$output" "50.0 GB/s in the mean, with stock's sets 37.5; equal rails in 1"
	printf -v more "$net" '"a"' 25.000 1
	line 400 4 n0 1 0-7 3 2 null null null true changed "$more"
	gputopo report "$LOG" --json
	same "$status" 1 status
	has "$stderr" '"x_gbps" is not a number'
}

@test "by hand: a small log" {
	small
	gputopo report "$LOG" --json
	same "$status" 0 status
	same "$stderr" "" messages
	json_is '[.lines, .bad_lines, .ends, .starts, .splits, .splits_avoided]' \
		'[13,0,4,8,0,1]'
	json_is '.totals | [.decisions, .kept, .faster, .equal, .slower, .changed]' \
		'[9,3,3,2,1,5]'
	json_is '.totals | [.compared, .open]' '[8,5]'
	# 2 GPUs for an hour; twice 2 GPUs for half an hour, one of them moved
	json_is '.totals | [.gpu_hours, .gpu_hours_faster, .gpu_hours_moved]' '[4,3,3]'
	json_is '[.by_size[].k]' '[1,2,3,4]'
	json_is '.by_size[1] | [.stock_gbps, .gbps, .ideal_gbps]' \
		'[26.6666667,33.3333333,40]'
	json_is '.by_size[0] | [.stock_gbps, .gbps, .ideal_gbps]' '[null,null,null]'
	json_is '[.kept_reasons[] | [.reason, .decisions]]' '[["no-choice",2],["best",1]]'
}

# adds_up: totals are the sums of the rows, rows the sums of their outcomes, and all are
# what jq finds in the log itself.
adds_up() {
	json_is '.totals as $t | [.by_size[]] as $r |
		["decisions","kept","faster","equal","slower","changed","compared","open"] |
		map(. as $f | ($r | map(.[$f]) | add) == $t[$f]) | all' true
	json_is '[.totals, .by_size[]] |
		map(.kept + .faster + .equal + .slower == .decisions) | all' true
	json_is '(.kept_reasons | map(.decisions) | add) == .totals.kept' true
	json_is '.totals as $t | [.by_size[]] | ((map(.gpu_hours) | add) - $t.gpu_hours | fabs < 1e-4)
		and ((map(.gpu_hours_faster) | add) - $t.gpu_hours_faster | fabs < 1e-4)' true
	same "$(json '.totals | [.decisions, .kept, .faster, .changed]')" \
		"$(jq -sc 'map(select(.k)) | [length, (map(select(.stock == .chosen)) | length),
			(map(select(.gbps and .gbps > .stock_gbps)) | length),
			(map(select(.changed)) | length)]' "$LOG")" "counts of the log"
	same "$(json '.totals | [.stock_gbps, .gbps] | map(. * 1000 | round)')" \
		"$(jq -sc 'map(select(.gbps)) | [(map(.stock_gbps) | add / length),
			(map(.gbps) | add / length)] | map(. * 1000 | round)' "$LOG")" "means"
}

@test "numbers add up: the small log and 2000 random decisions" {
	small
	gputopo report "$LOG" --json
	adds_up
	local seed=${GPUTOPO_SEED:-$RANDOM}
	echo "# seed $seed" >&3
	# one GPU list of k from a start, another from elsewhere; ends for most
	awk -v seed="$seed" 'BEGIN { srand(seed)
		for (j = 1; j <= 2000; j++) {
			k = int(rand() * 8) + 1; a = int(rand() * 8); b = int(rand() * 8)
			s = 10 * int(rand() * 9); g = rand() < 0.5 ? s : 10 * int(rand() * 9)
			if (a == b) g = s
			f = k > 1 ? sprintf("%d.000,\"gbps\":%d.000,\"ideal_gbps\":90.000", s, g) \
				  : "null,\"gbps\":null,\"ideal_gbps\":null"
			printf "{\"ts\":%d,\"job\":%d,\"node\":\"n%d\",\"form\":\"gpus\",\"k\":%d," \
				"\"free\":\"0-15\",\"stock\":\"%d-%d\",\"chosen\":\"%d-%d\"," \
				"\"stock_gbps\":%s,\"mode\":\"enforce\",\"changed\":%s," \
				"\"split\":false,\"us\":1,\"reason\":\"%s\"}\n", 1000 + j, j, j % 5,
				k, a, a + k - 1, b, b + k - 1, f, a == b ? "false" : "true",
				a != b ? "changed" : rand() < 0.5 ? "best" : "of-another-release"
			if (rand() < 0.8) printf "{\"ts\":%d,\"job\":%d,\"end\":true,\"seconds\":%d}\n",
				1000 + j, j, rand() * 10000
		} }' >"$LOG"
	gputopo report "$LOG" --json
	same "$status" 0 status
	json_is '.starts' 2000
	adds_up
	json_is '[.kept_reasons[].reason] | contains(["best","other"])' true
}

@test "text: what an admin reads" {
	small
	gputopo report "$LOG"
	same "$status" 0 status
	has "$output" "9 decisions for 8 starts of jobs, 1970-01-01 00:01:40 to 1970-01-01 01:41:40 UTC"
	has "$output" "   all         9        3        3        2        1        5      23.8      28.8      43.8"
	has "$output" "GPU-hours:  4.00, of them 3.00 (75.0 %) moved to faster sets"
	has "$output" "(5 decisions have no end in the log)"
	has "$output" "Splits:     1 avoided, 0 jobs of --gpus were split over nodes"
	has "$output" "        2  no-choice        no more GPUs are free than asked"
}

@test "several logs, oldest first, and standard input: a job may end in the next file" {
	line 100 1 n0 2 0-7 0-1 0,3 20.000 40.000 40.000 true changed
	mv "$LOG" "$LOG.1"
	end 3700 1 3600
	gputopo report "$LOG.1" "$LOG" --json
	json_is '[.lines, .totals.gpu_hours, .totals.open]' '[2,2,0]'
	run --separate-stderr "$GPUTOPO" report - --json <"$LOG.1"
	json_is '[.lines, .totals.open]' '[1,1]'
}

@test "bad lines are named with file and line, left out, and make the status 1" {
	line 100 1 n0 2 0-7 0-1 0,3 20.000 40.000 40.000 true changed
	{
		echo 'not JSON'
		echo '[]'
		echo '{"ts":1,"job":1}'
		echo
		printf '{"ts":1,"job":1,"end":true,"seconds":-1}\n'
		head -n 1 "$LOG" | sed 's/"k":2/"k":3/'
		head -n 1 "$LOG" | sed 's/"chosen":"0,3"/"chosen":"0,8"/'
		head -n 1 "$LOG" | sed 's/"chosen":"0,3"/"chosen":"0;3"/'
		head -n 1 "$LOG" | sed 's/"k":2/"k":-1/'
		head -n 1 "$LOG" | sed 's/"changed":true/"changed":1/'
		head -c 70000 /dev/zero | tr '\0' x
		echo
		head -n 1 "$LOG" | head -c 80
	} >>"$LOG"
	gputopo report "$LOG" --json
	same "$status" 1 status
	json_is '[.lines, .bad_lines, .totals.decisions]' '[13,12,1]'
	local n
	for n in 2 3 4 5 6 7 8 9 10 11 12 13; do
		has "$stderr" "gputopo: $LOG:$n: "
	done
	has "$stderr" "$LOG:4: \"node\" is missing"
	has "$stderr" "$LOG:6: \"seconds\" is below 0"
	has "$stderr" "$LOG:7: \"stock\" does not have k GPUs"
	has "$stderr" "$LOG:8: \"free\" does not have all GPUs that were given"
	has "$stderr" "12 of 13 lines are left out"
}

@test "--by: rows of partition, user, type and day, and in each of one node type only" {
	local dgx='"partition":"p","uid":0,"size":8,"type":"dgx1v"'
	local hgx='"partition":"p","uid":4000000000,"size":8,"type":"hgx-h100"'
	line 100 1 n0 2 0-7 0-1 0,3 20.000 40.000 40.000 true changed ",$dgx"
	line 86500 2 n0 2 0-7 0-1 0-1 40.000 40.000 40.000 false best ",$dgx"
	line 86600 3 h0 2 0-7 0-1 0-1 370.000 370.000 370.000 false best ",$hgx"
	line 86700 4 n9 1 0-7 0 0 null null null false best
	end 3700 1 3600
	gputopo report "$LOG" --json
	json_is '[.node_types, .by]' '[3,[]]'
	gputopo report "$LOG" --json --by partition
	same "$status" 0 "status: $stderr"
	json_is '[.by[] | [.partition, .type, .starts, .gbps]]' \
		'[[null,null,1,null],["p","8 GPUs, dgx1v",2,40],["p","8 GPUs, hgx-h100",1,370]]'
	json_is '[.by[] | [.gpu_hours, .gpu_hours_moved, .open]]' '[[0,0,1],[2,2,1],[0,0,1]]'
	json_is '(.by | map(.decisions) | add) == .totals.decisions' true
	gputopo report "$LOG" --json --by user
	json_is '[.by[] | [.user, .decisions]]' '[["4000000000",1],[null,1],["root",2]]'
	gputopo report "$LOG" --json --by type
	json_is '[.by[] | [.type, .compared]]' '[["8 GPUs, dgx1v",2],["8 GPUs, hgx-h100",1],[null,0]]'
	gputopo report "$LOG" --json --by day
	json_is '[.by[] | [.day, .type]]' \
		'[["1970-01-01","8 GPUs, dgx1v"],["1970-01-02","8 GPUs, dgx1v"],["1970-01-02","8 GPUs, hgx-h100"],["1970-01-02",null]]'
	# in words, on 80 columns, and that the sums below mix types
	gputopo report "$LOG" --by partition
	has "$output" "p            8 GPUs, dgx1v                2       1   30.0   40.0   40.0     2.0"
	has "$output" "These means mix 3 node types; --by type keeps them apart."
	same "$(sed -n '3,8p' <<<"$output" | awk 'length > 80')" "" "lines of more than 80 columns"
	fails 2 "--by: 'node' is not one of" report --by node "$LOG"
}

@test "--since: what began before is left out" {
	small
	gputopo report "$LOG" --json --since 1970-01-01T01:06:40
	same "$status" 0 "status: $stderr"
	json_is '[.totals.decisions, .starts, .from]' '[5,4,4000]'
	# the end of job 1, at 3700, is before; that of 2, which began before, widens nothing
	json_is '[.ends, .from, .to]' '[3,4000,6002]'
	gputopo report "$LOG" --json --since 1970-01-02
	json_is '[.totals.decisions, .lines]' '[0,13]'
	line "$(($(date +%s) - 7000))" 8 n0 2 0-7 0-1 0,3 20.000 40.000 40.000 true changed
	gputopo report "$LOG" --json --since 2h
	json_is '.totals.decisions' 1
	gputopo report "$LOG" --json --since 1h
	json_is '.totals.decisions' 0
	local bad
	for bad in x 7 7w -1d 2026-13-01 2026-11-28T; do
		fails 2 "--since: '$bad' is no time" report --since="$bad" "$LOG"
	done
}

@test "an empty log, a missing one, wrong usage" {
	prints "No decisions." report "$LOG"
	gputopo report --json "$LOG"
	json_is '[.starts, .totals.decisions, .totals.gbps]' '[0,0,null]'
	fails 1 "gputopo: /nonexistent: No such file" report /nonexistent
	fails 2 "no LOG" report
	fails 2 "unrecognized option" report --what
}
