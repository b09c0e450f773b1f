# SPDX-License-Identifier: GPL-2.0-or-later
# agrees.awk, by which the tests on daemons hold what gputopo says of a job against what it has,
# can say no: lines of 22.05 that agree, and each of them spoiled in one place.

load cli.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	export TZ=UTC
	# job 9 on two DGX-1V; n0 had 0-2,4-6 free, n1 all
	cat >log <<-'END'
	{"ts":1795902591,"job":9,"node":"n0","release":"22.05.8","uid":0,"partition":"p","size":8,"type":"Links=","form":"gpus-per-node","k":2,"free":"0-2,4-6","stock":"0-1","chosen":"0,4","stock_gbps":20.000,"gbps":40.000,"ideal_gbps":40.000,"level":1,"mode":"enforce","changed":true,"split":false,"us":508,"reason":"changed"}
	{"ts":1795902591,"job":9,"node":"n1","release":"22.05.8","uid":0,"partition":"p","size":8,"type":"Links=","form":"gpus-per-node","k":2,"free":"0-7","stock":"0,3","chosen":"0,3","stock_gbps":40.000,"gbps":40.000,"ideal_gbps":40.000,"level":null,"mode":"enforce","changed":false,"split":false,"us":508,"reason":"changed"}
	END
	echo '[2026-11-28T21:49:51.174] gputopo: job 9: n0 0,4 40 GB/s (stock 0-1 20); n1 0,3 40 GB/s' >said
	echo 'JobId=9 JobName=no-shell UserId=root(0) JobState=RUNNING Reason=None ResizeTime=None StartTime=2026-11-28T21:49:51 EndTime=2026-11-28T22:49:51 NodeList=n[0-1] NumNodes=2 JOB_GRES=gpu:4   Nodes=n0 CPU_IDs=0 Mem=1 GRES=gpu:2(IDX:0,4)   Nodes=n1 CPU_IDs=0 Mem=1 GRES=gpu:2(IDX:0,3) MinCPUsNode=1 AdminComment=gputopo: n0 0,4 40 GB/s (stock 0-1 20); n1 0,3 40 GB/s  Power= TresPerNode=gres:gpu:2 ' >shown
	cp log good.log
	cp said good.said
	cp shown good.shown
}

# agrees OPTION...: sets $status and $output.
agrees() {
	run awk "$@" -f "$SRC/tests/cluster/lib/agrees.awk" log said shown
}

# good: the files as setup left them.
good() {
	cp good.log log
	cp good.said said
	cp good.shown shown
}

@test "what agrees passes, and its rows are printed" {
	agrees -v strict=1
	same "$status $output" "0 " good
	agrees -v strict=1 -v rows=1
	same "$status $output" "0 row 9 n0 ,0,4, ,0,1, changed
row 9 n1 ,0,3, ,0,3, changed" rows
	# both nodes in one word, as where they have the same
	sed -i '1!d; p; s/"n0"/"n1"/' log
	sed -i 's/Nodes=n0 \(.*\)   Nodes=n1 .*IDX:0,3) /Nodes=n[0-1] \1 /; s/n1 0,3 40 GB.s/n1 0,4 40 GB\/s (stock 0-1 20)/' shown
	sed -i 's/n1 0,3 40 GB.s/n1 0,4 40 GB\/s (stock 0-1 20)/' said
	agrees -v strict=1
	same "$status $output" "0 " "a list of nodes"
}

@test "each word that is wrong is noticed" {
	local file edit message rows=0
	while IFS=@ read -r file edit message; do
		good
		sed -i "$edit" "$file"
		! cmp -s "$file" "good.$file" || { echo "$edit changes nothing"; return 1; }
		agrees -v strict=1
		same "$status" 1 "status after $edit in $file: $output"
		has "$output" "job 9: $message"
		rows=$((rows + 1))
	done <<-'END'
	log@s/"k":2/"k":3/@k: decision log, n0, which has ,0,4,
	log@1s/"free":"0-2,/"free":"1-2,/@free: decision log, n0
	log@2s/"free":"0-7"/"free":"0-2,4-7"/@free: decision log, n1
	log@1s/"stock":"0-1"/"stock":"0,4"/@changed, stock or chosen: decision log, n0
	log@2s/"stock":"0,3"/"stock":"0,4"/@changed, stock or chosen: decision log, n1
	log@1s/"chosen":"0,4"/"chosen":"0,5"/@changed, stock or chosen: decision log, n0
	log@2s/"chosen":"0,3"/"chosen":"0,4"/@chosen: decision log, n1
	log@1s/"changed":true/"changed":false/@changed, stock or chosen: decision log, n0
	log@2s/"changed":false/"changed":true/@changed, stock or chosen: decision log, n1
	log@1s/"reason":"changed"/"reason":"best"/@reason: decision log, n0
	log@2s/"gbps":40/"gbps":20/@gbps or level of stock's own set: decision log, n1
	log@2s/"level":null/"level":1/@gbps or level of stock's own set: decision log, n1
	log@1d@n0 has no line in the decision log
	log@2d@n1 has no line in the decision log
	log@s/"ts":1795902591/"ts":1795902588/@n0 has no line in the decision log
	shown@s/IDX:0,4)/IDX:0,5)/@changed, stock or chosen: decision log, n0
	shown@s/: n0 0,4 40/: n0 0,4 60/@AdminComment: other GB/s than the log
	shown@s/: n0 0,4 40/: n0 0,5 40/@AdminComment, n0, which has ,0,4,
	shown@s/; n1 0,3 40/; n2 0,3 40/@AdminComment names node n2, which it does not have
	shown@s/ (stock 0-1 20)//@AdminComment: stock's set beside
	shown@s/; n1 0,3 40 GB.s/& (stock 0-1 20)/@AdminComment: stock's set beside
	said@s/: n0 0,4 40/: n0 0,4 60/@SelectType: other GB/s than the log
	said@s/; n1 0,3 40/; n1 0,4 40/@SelectType, n1, which has ,0,3,
	said@s/; n1 0,3 40/; n2 0,3 40/@SelectType names node n2, which it does not have
	END
	[ "$rows" -ge 24 ]
}

@test "a job without a line and a list without jobs are wrong under strict only" {
	: >log
	agrees
	same "$status $output" "0 " "no line"
	good
	: >shown
	agrees
	same "$status $output" "0 " "no job"
	agrees -v strict=1
	same "$status $output" "1 no job with GPUs to hold the decision log against" "no job, strict"
	good
	sed -i 's/JobState=RUNNING/JobState=PENDING/' shown
	agrees -v strict=1
	same "$status $output" "1 no job with GPUs to hold the decision log against" "none runs"
}

@test "a resized job's comment may name a node that it had at its start" {
	sed -i '2d' log
	sed -i 's/   Nodes=n1 .*IDX:0,3)//; s/ResizeTime=None/ResizeTime=2026-11-28T21:50:10/' shown
	agrees -v strict=1
	same "$status $output" "0 " resized
	sed -i 's/ResizeTime=[^ ]*/ResizeTime=None/' shown
	agrees -v strict=1
	same "$status" 1 "not resized: $output"
	has "$output" "AdminComment names node n1, which it does not have"
}
