# SPDX-License-Identifier: GPL-2.0-or-later
# gputopo sim replay -w: exports of sacct in the shapes that sites have, and published traces.

load cli.bash

setup() {
	needs_jq
	cd "$BATS_TEST_TMPDIR" || return
}

# replays TRACE [OPTIONS]: on two DGX-1V at the recorded times; $output is the summary.
replays() {
	gputopo sim replay -w "$1" -t builtin:dgx1v --nodes 2 --policy first-fit \
		--sched recorded -o out --format csv --json "${@:2}"
}

# is_read "ID,SUBMIT,START,END,GPUS,NODE..." ...: the jobs that were replayed, in this order.
is_read() {
	same "$status" 0 "status: $stderr"
	same "$(sed 1d out/jobs-first-fit.csv | cut -d, -f1,3,4,5,7,9 | paste -sd' ')" "$*" \
		"job, submit, start, end, GPUs, nodes"
}

# refused "MESSAGE" TRACE: exit 1 with that message.
refused() {
	replays "$2"
	same "$status" 1 "status"
	has "$stderr" "$1"
}

head='JobID|User|Partition|Submit|Start|End|State|NNodes|ReqTRES|AllocTRES|NodeList'
t=2026-01-01T00:00

# row ID SUBMIT START END TRES [NODE]: a completed job; times are seconds of one minute.
row() {
	echo "$1|ada|gpu|$t:$2|$t:$3|$t:$4|COMPLETED|1||cpu=8,mem=64G,$5|${6:-n1}"
}

# ---- MIG ----------------------------------------------------------------------------------

@test "MIG types with any prefix, case and separator are slices, never whole GPUs" {
	for type in a100_1g.5gb nvidia_h100_80gb_hbm3_4g.40gb a100-4g.20gb 1g.10gb 1G.10GB \
		mig-1g.5gb NVIDIA_A100-SXM4-40GB_MIG_1g.5gb a100_1g_5gb a100.1g5gb 1c.3g.20gb \
		1g.10gb+me a100_1g.10gb.me mig a100_mig h200-MIG; do
		{
			echo "$head"
			row 1 00 01 09 gres/gpu=2,gres/gpu:v100=2
			row 2 00 01 09 "gres/gpu=7,gres/gpu:$type=7"
			row 3 00 01 09 "gres/gpu:$type=7"
		} >t
		replays t
		is_read 1,0,1,9,2,n1
		has "$stderr" "t:3: ignored: the row asks for a slice of a GPU (2 such rows)"
		has "$stderr" "'gputopo sim mig -w' takes these"
	done
	for type in a100 h100_80gb_hbm3 rtx_6000 gtx1080ti 3g migraine a100-sxm4-80gb l40s 1080ti; do
		{ echo "$head"; row 1 00 01 09 "gres/gpu=4,gres/gpu:$type=4"; } >t
		replays t
		is_read 1,0,1,9,4,n1
		same "$stderr" "" "messages of $type"
	done
}

@test "MIG: a row with GPUs and slices counts by its GPUs, and says so" {
	{
		echo "$head"
		row 1 00 01 09 gres/gpu=3,gres/gpu:a100=2,gres/gpu:a100_1g.5gb=1
		row 2 00 01 09 gres/gpu=3,gres/gpu:a100_1g.5gb=1 n2
	} >t
	replays t
	is_read 1,0,1,9,2,n1 2,0,1,9,2,n2
	has "$stderr" "2 jobs with whole GPUs and slices count by their whole GPUs"
	same "$(jq .inputs.mixed_jobs <<<"$output")" 2 mixed
}

@test "MIG: where Slurm accounts for gres/gpu alone, the request names the type" {
	{
		echo "$head"
		echo "1|a|g|$t:00|$t:00|$t:09|COMPLETED|1|gres/gpu:a100_1g.5gb=7|gres/gpu=7|n1"
		echo "2|a|g|$t:00|$t:00|$t:09|COMPLETED|1|gres/gpu:v100=2|gres/gpu=2|n1"
	} >t
	replays t
	is_read 2,0,0,9,2,n1
}

# ---- times, ids, counts -------------------------------------------------------------------

@test "times: a blank for the T, fractions, offsets from UTC" {
	cat >t <<-END
	$head
	1|a|g|2026-01-01 01:00:00|2026-01-01 01:00:05|2026-01-01 01:00:09|COMPLETED|1||gres/gpu=2|n1
	2|a|g|2026-01-01T02:00:00+01:00|2026-01-01T02:00:05+0100|2026-01-01T01:00:09Z|COMPLETED|1||gres/gpu=1|n1
	3|a|g|2026-01-01T00:30:00.500-0030|2026-01-01T01:00:05.5|2026-01-01T01:00:09|COMPLETED|1||gres/gpu=1|n1
	END
	replays t
	is_read 1,0,5,9,2,n1 2,0,5,9,1,n1 3,0.500,5.500,9,1,n1
	has "$stderr" "4 times have an offset from UTC and 5 have none"
	# over a change of the clocks: 01:30 +02:00 is before 01:10 +01:00
	cat >t <<-END
	$head
	1|a|g|2026-10-25T02:30:00+02:00|2026-10-25T02:30:00+02:00|2026-10-25T02:10:00+01:00|COMPLETED|1||gres/gpu=2|n1
	END
	replays t
	is_read 1,0,0,2400,2,n1
	same "$stderr" "" messages
}

@test "a row with neither the time of its submission nor of its start never started" {
	printf '%s\n' job_id,duration,gpus,nodes,start 1,100,2,1,5 2,50,1,1, >t
	replays t
	same "$status" 0 "status: $stderr"
	has "$stderr" "t:3: ignored: the row never started (1 such row)"
	is_read 1,0,0,100,2,1
}

@test "a requeued job: each run is a job, with an id of its own" {
	{
		echo "$head"
		row 7 00 01 03 gres/gpu=2
		row 8 00 01 03 gres/gpu=2 n2
		row 7 03 05 09 gres/gpu=2
		row 7 09 10 12 gres/gpu=2
	} | sed 's/COMPLETED/REQUEUED/;$s/REQUEUED/COMPLETED/' >t
	replays t
	is_read 7,0,1,3,2,n1 8,0,1,3,2,n2 7#2,3,5,9,2,n1 7#3,9,10,12,2,n1
	has "$stderr" "2 runs of requeued jobs"
}

@test "0 jobs: an error that names AccountingStorageTRES=gres/gpu" {
	{ echo "$head"; row 1 00 01 09 billing=8; row 2 00 01 09 node=1; } >t
	refused "0 jobs: no row has a GPU" t
	has "$stderr" "AccountingStorageTRES=gres/gpu"
	{ echo "$head"; row 1 00 01 09 gres/gpu:1g.5gb=1; } >t
	refused "0 jobs of whole GPUs: replay the slices with 'gputopo sim mig -w'" t
	echo job_id,submit,duration,gpus >t.csv
	refused "0 jobs: no row of 0 can be replayed" t.csv
}

@test "bad fields are named with field and value" {
	{
		echo "$head"
		row 1 00 01 09 gres/gpu=2
		row 2 00 01 09 gres/gpu=2 | sed 's/T00:00:09/T00:61:09/'
		row 3 00 01 09 gres/gpu=many
		row 4 00 01 09 gres/gpu=2 | sed 's/COMPLETED/BLOOMING/'
		row 5 05 01 09 gres/gpu=2
		echo '6|a|b'
	} >t
	replays t
	is_read 1,0,1,9,2,n1
	has "$stderr" "t:3: bad: the row has a field that is not a number or a time (2 such rows): \
End is '2026-01-01T00:61:09'"
	has "$stderr" "t:5: bad: the row has an unknown state (1 such row): State is 'BLOOMING'"
	has "$stderr" "submitted (1 such row): Start is '2026-01-01T00:00:01'"
	has "$stderr" "surplus fields (1 such row): 11 in the header, in the row is '3'"
	same "$(jq -r '.inputs.bad_rows.state.detail' <<<"$output")" "State is 'BLOOMING'" detail
	sed -n '1,2p;4p' t >one
	fails 1 "one:3: the row has a field that is not a number or a time: AllocTRES is \
'cpu=8,mem=64G,gres/gpu=many'" sim replay -w one -t builtin:dgx1v --nodes 1 --policy ring --strict
	printf 'job_id,submit,duration,gpus\n1,0,6,2\n2,soon\033[2J,6,2\n' >t.csv
	replays t.csv
	has "$stderr" "submit is 'soon?[2J'"
}

# ---- ten exports in the shapes of what people post ------------------------------------------

@test "sacct 1: steps among the jobs, states with an end, columns in another order" {
	cat >t <<-END
	State|JobID|JobName|AllocTRES|NNodes|Elapsed|Start|End|Submit|NodeList
	CANCELLED by 1001|81|train|billing=32,cpu=32,gres/gpu:h100=8,gres/gpu=8,mem=1T,node=1|1|00:00:08|$t:01|$t:09|$t:00|dgx-1
	CANCELLED|81.batch|batch|cpu=32,gres/gpu:h100=8,gres/gpu=8,mem=1T,node=1|1|00:00:08|$t:01|$t:09|$t:01|dgx-1
	COMPLETED|81.extern|extern|gres/gpu=8|1|00:00:08|$t:01|$t:09|$t:01|dgx-1
	COMPLETED|81.0|python|gres/gpu=8|1|00:00:08|$t:01|$t:09|$t:01|dgx-1
	END
	replays t
	is_read 81,0,1,9,8,dgx-1
	has "$stderr" "is a step of a job (3 such rows)"
}

@test "sacct 2: -p with its last separator, CRLF and a byte-order mark" {
	{ printf '\xef\xbb\xbf'; echo "$head"; row 1 00 01 09 gres/gpu=4; } | sed 's/$/|\r/' >t
	replays t
	is_read 1,0,1,9,4,n1
	same "$stderr" "" messages
}

@test "sacct 3: columns of a fixed width are refused with the remedy" {
	cat >t <<-'END'
	JobID           JobName  Partition    Account  AllocCPUS      State ExitCode 
	------------ ---------- ---------- ---------- ---------- ---------- -------- 
	4711         train.sh          gpu       proj         32  COMPLETED      0:0 
	4711.batch        batch                  proj         32  COMPLETED      0:0 
	END
	refused "t:1: sacct in columns of a fixed width, which cut long values: export with sacct -aX -P" t
	sed -i 's/^/       /' t
	refused "export with sacct -aX -P" t
}

@test "sacct 4: commas between the columns are refused with the remedy" {
	{ echo "$head"; row 1 00 01 09 gres/gpu=4; } | tr '|' , >t
	refused "t:1: sacct with commas between the columns, which its values hold too: export with sacct -aX -P" t
}

@test "sacct 5: without a header it is refused with the remedy" {
	{ row 1 00 01 09 gres/gpu=4; row 2 00 01 09 gres/gpu=4; } >t
	refused "t:1: sacct without its header: leave out -n" t
}

@test "sacct 6: another delimiter, and a pasted prompt above" {
	for d in '\t' ';' '^'; do
		{
			echo '[root@login1 ~]# sacct -aX -P -S 2026-01-01 -o JobID,User'
			echo
			{ echo "$head"; row 1 00 01 09 gres/gpu=4; } | tr '|' "$d"
		} >t
		replays t
		is_read 1,0,1,9,4,n1
	done
}

@test "sacct 7: old releases: ReqGRES of each node, AllocGRES of the job" {
	cat >t <<-END
	JobID|Submit|Start|End|State|NNodes|ReqGRES|NodeList
	1|$t:00|$t:01|$t:09|COMPLETED|2|gpu:v100:4|n[1-2]
	2|$t:00|$t:10|$t:19|COMPLETED|1|gpu:2|n1
	3|$t:00|$t:10|$t:19|COMPLETED|1|PER_NODE:gres:gpu:1|n1
	4|$t:00|$t:10|$t:19|COMPLETED|1||n1
	END
	replays t
	is_read '1,0,1,9,8,n1;n2' 2,0,10,19,2,n1 3,0,10,19,1,n1
	cat >t <<-END
	JobID|Submit|Start|End|State|NNodes|AllocGRES|NodeList
	1|$t:00|$t:01|$t:09|COMPLETED|2|gpu:8|n[1-2]
	2|$t:00|$t:10|$t:19|COMPLETED|1|gpu:a100:3(S:0-1),gpu:1g.5gb:0|n1
	END
	replays t
	is_read '1,0,1,9,8,n1;n2' 2,0,10,19,3,n1
}

@test "sacct 8: arrays, heterogeneous jobs, pending and running ones" {
	{
		echo "$head"
		row 90_1 00 01 09 gres/gpu=1
		row 90_2 00 01 09 gres/gpu=1
		row 91+0 00 01 09 gres/gpu=2
		row 91+1 00 01 09 gres/gpu=2
		echo "92_[3-9%2]|a|g|$t:00|Unknown|Unknown|PENDING|1|gres/gpu=1||None assigned"
		echo "93|a|g|$t:00|$t:09|Unknown|RUNNING|1|gres/gpu=1|gres/gpu=1|n1"
		echo "94|a|g|$t:00|None|$t:09|CANCELLED by 0|0|gres/gpu=1||None assigned"
	} >t
	replays t
	is_read 90_1,0,1,9,1,n1 90_2,0,1,9,1,n1 91+0,0,1,9,2,n1 91+1,0,1,9,2,n1
	has "$stderr" "t:6: ignored: the row never started (2 such rows): State is 'PENDING'"
}

@test "sacct 9: a separator in a job's name; times as seconds; limits in minutes" {
	cat >t <<-'END'
	JobIDRaw|JobName|Submit|Start|End|State|TimelimitRaw|NNodes|AllocTRES|NodeList
	5|a|b|c|1767225600|1767225601|1767225609|COMPLETED|90|1|gres/gpu=2|n1
	6|plain|1767225600|1767225601|1767225609|COMPLETED|90|1|gres/gpu=2|n1
	END
	replays t
	is_read 5,0,1,9,2,n1 6,0,1,9,2,n1
	"$GPUTOPO" sim replay -w t --anonymize - | cut -d, -f9 | grep -qx 5400
}

@test "sacct 10: JSON and squeue are refused with the remedy" {
	echo '{"meta": {}, "jobs": []}' >t
	refused "of sacct only -P is read" t
	printf '%s\n' '             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)' \
		'              4711       gpu    train      ada  R    1:02:03      1 n1' >t
	refused "squeue names no jobs of the past: export with sacct -aX -P" t
	echo 'Dear simulator, here are my jobs' >t
	refused "no known trace format" t
	printf 'JobID|State|ReqTRES\n1|COMPLETED|gres/gpu=1\n' >t
	refused "sacct: Submit, Start and End are needed" t
	printf 'JobID|Submit|Start|End\n1|1|1|1\n' >t
	refused "sacct: ReqTRES or AllocTRES is needed" t
}

# ---- published traces -----------------------------------------------------------------------

@test "Helios: by its header, virtual clusters as partitions" {
	cat >t <<-'END'
	job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue
	11,u1,vcA,4,16,1,COMPLETED,2020-04-01 00:00:00,2020-04-01 00:00:05,2020-04-01 00:01:05,60,5
	12,u2,vcB,0,8,1,COMPLETED,2020-04-01 00:00:01,2020-04-01 00:00:05,2020-04-01 00:01:05,60,4
	13,u2,vcB,16,64,2,CANCELLED,2020-04-01 00:00:02,2020-04-01 00:02:05,2020-04-01 00:03:05,60,4
	14,u2,vcB,8,64,1,TIMEOUT,2020-04-01 00:00:03,,,0,0
	END
	replays t
	is_read 11,0,5,65,4,n0 '13,2,125,185,16,n0;n1'
	same "$(jq -r .inputs.trace_format <<<"$output")" helios format
	replays t --only partition=vcB
	is_read '13,0,123,183,16,n0;n1'
	has "$stderr" "is not among those of --only"
}

@test "Acme: Seren's offsets, Kalos' more columns" {
	cat >t <<-'END'
	job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time
	a1,u1,1,8,96,Pretrain,COMPLETED,2023-03-01 08:00:00+08:00,2023-03-01 08:00:10+08:00,2023-03-01 08:01:10+08:00,60,10,480.0
	END
	replays t
	is_read a1,0,10,70,8,n0
	same "$(jq -r .inputs.trace_format <<<"$output")" acme format
	cat >t <<-'END'
	job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,start_time,end_time,fail_time,stop_time,duration,queue,gpu_time
	k1,u1,2,16,96,1000,100.0,Other,FAILED,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,2023-05-17 11:01:16+00:00,2023-05-17 11:01:16+00:00,,18,10.0,1152.0
	k2,u1,1,1,96,1000,100.0,Other,RUNNING,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,,,,18,10.0,1152.0
	END
	replays t
	is_read 'k1,0,10,18,16,n0;n1'
	has "$stderr" "has not ended (1 such row)"
}

@test "PAI: hundredths of GPUs and instances, also without the header" {
	cat >t <<-'END'
	job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,gpu_type
	j1,tensorflow,1.0,Terminated,100.0,160.0,600.0,29.3,100.0,V100
	j2,worker,4.0,Terminated,100.0,160.0,600.0,29.3,200.0,T4
	j3,worker,2.0,Failed,200.0,260.0,600.0,29.3,25.0,MISC
	j4,ps,2.0,Terminated,200.0,260.0,600.0,29.3,,CPU
	j5,worker,2.0,Running,200.0,,600.0,29.3,25.0,MISC
	END
	replays t
	is_read j1,0,0,60,1,n0 j2,0,0,60,8,n1 j3,100,100,160,2,n0
	has "$stderr" "1 jobs that share a GPU count as jobs of one GPU"
	cp out/jobs-first-fit.csv with
	sed -i 1d t
	replays t
	cmp with out/jobs-first-fit.csv
	same "$(jq -r .inputs.trace_format <<<"$output")" pai format
}

@test "MIT Supercloud: the numbers of slurmdbd" {
	cat >t <<-'END'
	,id_job,id_array_job,id_user,kill_requid,nodes_alloc,nodelist,cpus_req,derived_ec,exit_code,gres_used,array_max_tasks,array_task_pending,constraints,flags,mem_req,partition,priority,state,timelimit,time_submit,time_eligible,time_start,time_end,time_suspended,track_steps,tres_alloc,tres_req,job_type
	0,51,0,9,-1,1,r9-1,40,0,0,,0,0,xeon-g6,0,1,gaia,1,3,5760,1611000000,1611000000,1611000010,1611000070,0,0,"1=40,2=340000,4=1,5=40,1002=2","1=40,2=340000,4=1,5=40,1002=2",LLSUB
	1,52,0,9,-1,1,r9-1,40,0,0,,0,0,,0,1,gaia,1,5,4294967295,1611000000,1611000005,1611000080,1611000090,0,0,"1=40,4=1,1001=1,1002=1","",LLSUB
	2,53,0,9,-1,1,r9-2,40,0,0,,0,0,,0,1,gaia,1,3,5760,1611000000,1611000000,1611000010,1611000070,0,0,"1=40,4=1","",LLSUB
	3,54,0,9,-1,0,,40,0,0,,0,0,,0,1,gaia,1,4,5760,1611000000,0,0,1611000070,0,0,"","1=40,1002=2",LLSUB
	END
	replays t
	is_read 51,0,10,70,2,r9-1 52,5,80,90,1,r9-1
	same "$(jq -r .inputs.trace_format <<<"$output")" supercloud format
	has "$stderr" "never started (1 such row)"
}

@test "PM100: its job table as CSV" {
	cat >t <<-'END'
	job_id,user_id,partition,qos,num_nodes_alloc,num_nodes_req,num_cores_alloc,num_cores_req,num_gpus_alloc,num_gpus_req,num_tasks,nodes,submit_time,eligible_time,start_time,end_time,run_time,time_limit,job_state
	7,1,1,0,2,2,256,256,8,8,8,"[100, 101]",2020-05-20 12:00:00+00:00,2020-05-20 12:00:00+00:00,2020-05-20 12:00:10+00:00,2020-05-20 12:01:10+00:00,60,1440,COMPLETED
	8,1,1,0,1,1,128,128,0,0,4,[100],2020-05-20 12:00:00+00:00,2020-05-20 12:00:00+00:00,2020-05-20 12:00:10+00:00,2020-05-20 12:01:10+00:00,60,1440,COMPLETED
	END
	replays t
	is_read '7,0,10,70,8,100;101'
	same "$(jq -r .inputs.trace_format <<<"$output")" pm100 format
}

@test "Lisa and other tables: by usual names; GPUs from whole nodes" {
	cat >t <<-'END'
	id,submit_date,start_date,end_date,numcores,numnodes,state,node
	1,2022-06-01 00:00:00,2022-06-01 00:00:10,2022-06-01 00:01:10,24,2,COMPLETED,"r28n[1-2]"
	2,2022-06-01 00:00:00,2022-06-01 00:00:10,2022-06-01 00:01:10,16,1,COMPLETED,r11n5
	END
	refused "the header names no gpus: --gpu-from node/N" t
	replays t --gpu-from node/4:r28n[1-5],r30n1
	is_read '1,0,10,70,8,r28n1;r28n2'
	has "$stderr" "asks for no GPU (1 such row)"
	replays t --gpu-from node/4
	is_read '1,0,10,70,8,r28n1;r28n2' 2,0,10,70,4,r28n1
	fails 2 "is not procs/N or node/N[:HOSTS]" sim replay -w t --gpu-from node/0
	fails 2 "is not KEY=VALUE" sim replay -w t --only size=4
}

@test "Philly: a JSON list, each attempt a job; a list cut short" {
	cat >t <<-'END'
	[{"status": "Pass", "vc": "v1", "jobid": "app_1", "submitted_time": "2017-10-03 20:40:00", "user": "u1",
	  "attempts": [{"start_time": "2017-10-03 20:40:10", "end_time": "2017-10-03 20:41:10",
	                "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}, {"ip": "m2", "gpus": ["gpu6", "gpu7"]}]},
	               {"start_time": "2017-10-03 20:41:10", "end_time": "2017-10-03 20:42:10",
	                "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}]}]},
	 {"status": "Killed", "vc": "v1", "jobid": "app_2", "submitted_time": "2017-10-03 20:40:00", "user": "u1", "attempts": []},
	 {"status": "Killed", "vc": "v1", "jobid": "app_3", "submitted_time": "2017-10-03 20:40:00", "user": "u1",
	  "attempts": [{"start_time": "2017-10-03 20:40:10", "end_time": "None", "detail": []}]}]
	END
	replays t
	is_read 'app_1,0,10,70,4,m1;m2' app_1#2,70,70,130,2,m1
	same "$(jq -r .inputs.trace_format <<<"$output")" philly format
	has "$stderr" "never started (1 such row)"
	head -c 300 t >./cut
	refused "cut: job 1 of the list" cut
	echo '[{"a": 1}]' >t
	refused "JSON without attempts and submitted_time" t
}
