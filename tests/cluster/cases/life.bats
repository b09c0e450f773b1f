# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to jobs in Slurm's life: restarts, reconfiguration, requeue, arrays, het jobs,
# installing and removing the plugin. Jobs keep their GPUs, no GPU is lost or given twice.

load ../lib/bats.bash

setup_file() {
	cluster_file_start n0=dgx1v n1=dgx1v n2=dgx1v \
		--partition "PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=10" \
		--conf "PreemptType=preempt/partition_prio" --conf "PreemptMode=REQUEUE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# The GPUs of all running jobs, a line each, in a fixed order.
all_gpus() {
	local id
	for id in $(cluster_run squeue -h -t RUNNING -o %A | sort -n); do
		echo "$id $(cluster_job_gpus "$id" | paste -sd' ')"
	done
}

# Three jobs on n0 that leave {1,3,4,6,7} minus what they take; prints nothing.
some_jobs() {
	ask -w n0 -N1 --gpus=2 >/dev/null
	ask -w n0 -N1 --gres=gpu:1 >/dev/null
	ask -w n0 -N1 -n3 --gpus-per-task=1 >/dev/null
}

@test "slurmctld restart: running jobs keep their GPUs, the next job gets a best set" {
	some_jobs
	local before free got
	before=$(all_gpus)
	free=$(without 0-7 "$(used_on n0)")
	assert_equal "$(count "$free")" 2
	cluster_restart_ctld
	assert_equal "$(all_gpus)" "$before"
	assert_equal "$(without 0-7 "$(used_on n0)")" "$free"
	got=$(give -w n0 -N1 --gpus=2)
	assert_equal "$(cluster_expand "${got#n0 }")" "$(cluster_expand "$free")"
	got=$(give -w n1 -N1 --gpus-per-node=3)
	assert_best dgx1v 0-7 "${got#n1 }"
}

@test "slurmctld restart: a busy node still gives a best set" {
	make_free n0 1,3-4,6-7
	cluster_restart_ctld
	local got
	got=$(give -w n0 -N1 --gpus=4)
	assert_best dgx1v 1,3-4,6-7 "${got#n0 }"
}

@test "scontrol reconfigure: running jobs keep their GPUs, the next job gets a best set" {
	some_jobs
	make_free n1 1,3-4,6-7
	local before got
	before=$(all_gpus)
	cluster_run scontrol reconfigure
	cluster_wait_nodes
	assert_equal "$(all_gpus)" "$before"
	got=$(give -w n1 -N1 --gpus=4)
	assert_best dgx1v 1,3-4,6-7 "${got#n1 }"
}

@test "requeue: the GPUs come back and the job gets a best set again" {
	local id got
	make_free n0 1,3-4,6-7
	id=$(submit --requeue -w n0 -N1 --gpus=4 --wrap "sleep 1000")
	cluster_wait_job "$id" RUNNING
	got=$(cluster_job_gpus "$id")
	assert_best dgx1v 1,3-4,6-7 "${got#n0 }"
	cluster_run scontrol requeue "$id"
	cluster_wait_job "$id" PENDING
	assert_equal "$(without 0-7 "$(used_on n0)")" 1,3,4,6,7
	# slurmd refuses a credential of the second in which it revoked the old one
	sleep 2
	cluster_run scontrol update "JobId=$id" StartTime=now
	cluster_wait_job "$id" RUNNING
	got=$(cluster_job_gpus "$id")
	assert_best dgx1v 1,3-4,6-7 "${got#n0 }"
}

@test "arrays: every element runs, no GPU is given twice, the first gets a best set" {
	local id i lists=() got
	id=$(submit -w n0 -N1 --array=0-3 --gpus=2 --wrap "sleep 1000")
	for i in 0 1 2 3; do
		cluster_wait_job "${id}_$i" RUNNING
		got=$(cluster_job_gpus "${id}_$i")
		lists+=("${got#n0 }")
	done
	assert_best dgx1v 0-7 "${lists[0]}"
	assert_disjoint "${lists[@]}"
	assert_equal "$(used_on n0)" 0-7
	cluster_run scancel "$id"
	cluster_wait_idle
	assert_all_free
}

@test "--exclusive: the job has the node's CPUs and a best set of GPUs" {
	local id got
	id=$(ask -w n0 -N1 --exclusive --gpus=4)
	got=$(cluster_job_gpus "$id")
	assert_best dgx1v 0-7 "${got#n0 }"
	[[ $(cluster_run scontrol -o show job "$id") == *NumCPUs=40* ]]
	run ask -w n0 -N1 -n1
	[ "$status" -ne 0 ]
}

@test "het jobs: each component gets a best set" {
	local first got
	make_free n0 1,3-4,6-7
	make_free n1 0,2-3,5
	first=$(cluster_run salloc --no-shell -t 60 -w n0 -N1 --gpus=4 : \
		-w n1 -N1 --gpus-per-node=3 2>&1 | sed -n 's/.*Granted job allocation //p')
	got=$(cluster_job_gpus "$first+0")
	assert_best dgx1v 1,3-4,6-7 "${got#n0 }"
	got=$(cluster_job_gpus "$first+1")
	assert_best dgx1v 0,2-3,5 "${got#n1 }"
}

@test "multi-node jobs: every node gives a best set" {
	local id node list rows=0
	make_free n0 0,2-3,5,7
	make_free n1 1,3-4,6-7
	id=$(ask -w n0,n1 -N2 -n32 --gpus-per-node=4)
	while read -r node list; do
		rows=$((rows + 1))
		case $node in
		n0) assert_best dgx1v 0,2-3,5,7 "$list" ;;
		n1) assert_best dgx1v 1,3-4,6-7 "$list" ;;
		esac
	done < <(cluster_run scontrol -d show job "$id" |
		sed -n 's/^ *Nodes=\([^ ]*\) .*IDX:\([0-9,-]*\)).*/\1 \2/p')
	[ "$rows" -eq 2 ]
}

@test "multi-node jobs over equal nodes: all nodes give a best set" {
	local id got
	id=$(ask -N3 --gres=gpu:4)
	got=$(cluster_run scontrol -d show job "$id" | grep -o 'IDX:[0-9,-]*' | sort -u)
	[[ $got == IDX:0-3 || $got == IDX:4-7 || $got == IDX:0-3$'\n'IDX:4-7 ]]
}

@test "shrinking a multi-node job frees the node that it leaves" {
	local id
	id=$(ask -N2 -w n0,n1 --gpus-per-node=2)
	cluster_run scontrol update "JobId=$id" NodeList=n0
	cluster_wait_idle_node n1
	assert_equal "$(used_on n1)" ""
	assert_equal "$(count "$(used_on n0)")" 2
	cluster_run scancel "$id"
	cluster_wait_idle
	assert_all_free
}

# All nodes are asked for: of one by name slurmctld says what it had counted for the last question
# about all.
cluster_wait_idle_node() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ "$(cluster_run sinfo -h -N -o '%N %t' | grep "^$1 " | sort -u)" = "$1 idle" ] && return 0
		sleep 0.1
	done
	return 1
}

@test "suspend and resume: the job keeps its GPUs, others cannot have them" {
	local id before
	id=$(submit -w n0 -N1 --gpus=6 --wrap "sleep 1000")
	cluster_wait_job "$id" RUNNING
	before=$(cluster_job_gpus "$id")
	cluster_run scontrol suspend "$id"
	cluster_wait_job "$id" SUSPENDED
	run ask -w n0 -N1 --gpus=3
	[ "$status" -ne 0 ]
	cluster_run scontrol resume "$id"
	cluster_wait_job "$id" RUNNING
	assert_equal "$(cluster_job_gpus "$id")" "$before"
}

@test "preemption by requeue: the preemptor runs, the victim waits, no GPU is given twice" {
	local victim id other
	make_free n1 ""
	make_free n2 ""
	victim=$(submit --requeue -w n0 -N1 --gpus=6 --wrap "sleep 1000")
	cluster_wait_job "$victim" RUNNING
	id=$(submit -p high -w n0 -N1 --gpus=4 --wrap "sleep 1000")
	cluster_wait_job "$id" RUNNING
	cluster_wait_job "$victim" PENDING
	assert_equal "$(count "$(used_on n0)")" 4
	other=$(cluster_job_gpus "$id")
	assert_best dgx1v 0-7 "${other#n0 }"
}

@test "steps: srun inside a job sees GPUs of the job only" {
	local id file list
	file=$(script 'echo "job $SLURM_JOB_GPUS"
		srun -n1 --gpus=1 sh -c "echo step \$CUDA_VISIBLE_DEVICES"
		srun -n2 --gpus=2 --gpus-per-task=1 sh -c "echo step \$CUDA_VISIBLE_DEVICES"')
	make_free n0 1,3-4,6-7
	id=$(submit -w n0 -N1 -n2 --gpus=4 "$file")
	cluster_wait_job "$id" COMPLETED
	list=$(sed -n 's/^job //p' "$CLUSTER/jobs/$id.out")
	assert_best dgx1v 1,3-4,6-7 "$list"
	assert_equal "$(grep -c '^step' "$CLUSTER/jobs/$id.out")" 3
	while read -r _ step; do
		assert_equal "$(without "$step" "$list")" ""
	done < <(grep '^step' "$CLUSTER/jobs/$id.out")
}

@test "the plugin removed and put back: jobs and GPUs stay, stock and ours take over" {
	some_jobs
	make_free n1 1,3-4,6-7
	local before got
	before=$(all_gpus)

	cluster_use_stock
	cluster_restart_ctld
	assert_equal "$(all_gpus)" "$before"
	assert_equal "$(without 0-7 "$(used_on n1)")" 1,3,4,6,7
	got=$(give -w n1 -N1 --gpus=2)
	assert_disjoint "${got#n1 }" 0,2,5

	before=$(all_gpus)
	cluster_use_plugin
	cluster_restart_ctld
	assert_equal "$(all_gpus)" "$before"
	got=$(give -w n2 -N1 -n32 --gres=gpu:4)
	assert_best dgx1v 0-7 "${got#n2 }"
	cluster_run scancel -u root
	cluster_wait_idle
	assert_all_free
}

@test "jobs of the plugin end well under stock Slurm, and the other way round" {
	local ours theirs
	ours=$(submit -w n0 -N1 --gpus=3 --wrap "sleep 1000")
	cluster_wait_job "$ours" RUNNING
	cluster_use_stock
	cluster_restart_ctld
	theirs=$(submit -w n0 -N1 --gpus=3 --wrap "sleep 1000")
	cluster_wait_job "$theirs" RUNNING
	cluster_run scancel "$ours"
	cluster_wait_job "$ours" CANCELLED
	assert_equal "$(count "$(used_on n0)")" 3
	cluster_use_plugin
	cluster_restart_ctld
	cluster_run scancel "$theirs"
	cluster_wait_idle
	assert_all_free
}
