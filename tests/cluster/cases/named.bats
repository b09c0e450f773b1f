# SPDX-License-Identifier: GPL-2.0-or-later
# A job's other constraints beside a wish or --mig, on real daemons: named, excluded and
# featured nodes, reservations and node counts are part of every refusal and forecast, and a
# job that waits holds nothing that it could not start on.

load ../lib/bats.bash
. "$TESTS_DIR/cluster/lib/mig.bash"

setup_file() {
	local options
	CLUSTER_MISSING=$(mig_missing)
	export CLUSTER_MISSING
	[ -z "$CLUSTER_MISSING" ] || return 0
	mapfile -t options < <(mig_options m0 m1)
	cluster_file_start "${options[@]/%=slices/=slices,Feature=cut}" \
		n0=dgx1v,Feature=big n1=dgx1v,Feature=big p0=pcie,Feature=old \
		--partition "PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE" \
		--partition "PartitionName=nolinks Nodes=p0 MaxTime=INFINITE"
}

teardown_file() {
	cluster_file_stop
}

setup() {
	cluster_test_start
}

# reserve NAME NODES
reserve() {
	cluster_run scontrol create reservation ReservationName="$1" StartTime=now \
		Duration=100-0 Users=root Nodes="$2" >/dev/null
}

# waits OPTION...: submit a job that sleeps; prints its id.
waits() {
	submit "$@" --wrap "sleep 300"
}

# Jobs of one core by somebody without a wish start on each of the nodes.
others_start() {
	local node ids=() id
	for node in "$@"; do
		ids+=("$(submit -t 300 -n1 -w "$node" -N1 --nice=1000 --wrap "sleep 300")")
	done
	for id in "${ids[@]}"; do
		cluster_wait_job "$id" RUNNING 15
	done
	! cluster_run scontrol -o show node | grep PLANNED
	cluster_run scancel "${ids[@]}"
}

# holder NODE GPU: the one-GPU job that holds it.
holder() {
	local id
	for id in $(cluster_run squeue -h -t RUNNING -o %A -w "$1"); do
		[ "$(cluster_job_gpus "$id")" != "$1 $2" ] || echo "$id"
	done
}

stays_pending() {
	local id
	sleep 8
	for id in "$@"; do
		assert_equal "$(cluster_job_state "$id")" PENDING
	done
}

# refused TEXT OPTION...: at submission, with this in the words.
refused() {
	local text=$1
	shift
	run waits "$@"
	echo "$* -> $status: $output"
	[ "$status" -ne 0 ]
	[[ $output == *"gputopo: "*"$text"* ]]
}

# taken OPTION...: submitted.
taken() {
	run waits "$@"
	echo "$* -> $status: $output"
	[ "$status" -eq 0 ]
	cluster_run scancel "$output"
}

@test "a wish that the job's nodes can never meet is refused in words" {
	local ring="--gpus-per-node=2 --gpu-topo=ring"
	refused "p0, which the job requires, cannot have a ring" $ring -w p0
	refused "p0, which the job requires, cannot have a ring" $ring -w n0,p0
	refused "no node has a ring" $ring -x n0,n1
	refused "no node has a ring" $ring -C old
	refused "no node has a ring" $ring -p nolinks
	refused "only 2 of the 3 nodes that it needs can have a ring" $ring -N3
	taken $ring -w n0
	taken $ring -w n0,n1
	taken $ring -x p0
	taken $ring -C big
	taken $ring -C 'old|big'
	taken $ring -N2
	taken $ring -N1-4
	reserve old p0
	reserve big n0,n1
	refused "no node has a ring" $ring --reservation=old
	taken $ring --reservation=big
	cluster_run scontrol delete ReservationName=old
	cluster_run scontrol delete ReservationName=big
}

@test "--mig that the job's nodes can never serve is refused in words" {
	refused "n0, which the job requires, can never serve it" --mig=1g.10gb -w n0
	refused "n0, which the job requires" --mig=1g.10gb -w n0,m0
	refused "no node has GPUs with MIG slices" --mig=1g.10gb -x m0,m1
	refused "no node has GPUs with MIG slices" --mig=1g.10gb -C big
	refused "only 2 of the 3 nodes that it needs" --mig=1g.10gb -N3
	taken --mig=1g.10gb -w m1
	taken --mig=1g.10gb -w m0,m1
	taken --mig=1g.10gb -x n0
	taken --mig=1g.10gb -C cut
	taken --mig=1g.10gb -N2
	reserve big n0,n1
	reserve cut m0,m1
	refused "no node has GPUs with MIG slices" --mig=1g.10gb --reservation=big
	taken --mig=1g.10gb --reservation=cut
	cluster_run scontrol delete ReservationName=big
	cluster_run scontrol delete ReservationName=cut
}

@test "a wish that waits for its nodes holds none of them" {
	make_free n0 0,5
	local one two all
	one=$(waits --gpus=2 --gpu-topo=ring -w n0 -N1)
	two=$(waits --gpus-per-node=2 --gpu-topo=ring -w n0,n1)
	all=$(waits --gpus=5 --gpu-topo=ring -x n1,p0)
	stays_pending "$one" "$two" "$all"
	others_start n0 n1
	stays_pending "$one" "$two" "$all"
	cluster_run scancel "$all" "$(holder n0 3)"
	cluster_wait_job "$one" RUNNING 30
	assert_equal "$(cluster_job_gpus "$one")" "n0 0,3"
}

@test "the forecast of a wish is that of the nodes that it names" {
	make_free n0 0,5
	local id end start
	id=$(holder n0 3)
	cluster_run scontrol update JobId="$id" TimeLimit=8
	end=$(date -d "$(cluster_run squeue -h -o %e -j "$id")" +%s)
	id=$(waits --gpus=2 --gpu-min-busbw=40 -w n0 -N1)
	stays_pending "$id"
	start=$(date -d "$(cluster_run squeue -h --start -o %S -j "$id")" +%s)
	[ "$start" -ge "$end" ]
	[ "$start" -lt $((end + 60)) ]
}

@test "--mig on a named node is forecast for that node, and starts there" {
	local first id end start
	first=$(waits --mig=1g.10gb -w m1 -t 8)
	cluster_wait_job "$first" RUNNING 15
	id=$(waits --mig=7g.80gb -w m1 -t 40)
	cluster_wait_job "$id" RUNNING 15
	end=$(date -d "$(cluster_run squeue -h -o %e -j "$first")" +%s)
	id=$(waits --mig=7g.80gb -w m1)
	stays_pending "$id"
	start=$(date -d "$(cluster_run squeue -h --start -o %S -j "$id")" +%s)
	[ "$start" -ge "$end" ]
	[ "$start" -lt $((end + 300)) ]
	cluster_run scancel "$first"
	cluster_wait_job "$id" RUNNING 30
}

@test "what is changed after submission counts as well" {
	make_free n0 0,5
	local id
	id=$(waits --gpus=2 --gpu-topo=ring -w n0 -N1)
	stays_pending "$id"
	# to a node that never can: it is held or waits, and holds nothing
	cluster_run scontrol update JobId="$id" ReqNodeList=p0 || true
	sleep 6
	others_start n0 n1 p0
	assert_equal "$(cluster_job_state "$id")" PENDING
	cluster_run scancel "$id"
	id=$(waits --gpus=2 --gpu-topo=ring -w n0 -N1)
	stays_pending "$id"
	cluster_run scontrol update JobId="$id" ReqNodeList=n1
	cluster_wait_job "$id" RUNNING 30
	assert_equal "$(cluster_job_gpus "$id")" "n1 0,3"
}

@test "arrays and parts of het jobs hold nothing either" {
	make_free n0 0,5
	local array het
	array=$(waits --array=1-3 --gpus=2 --gpu-topo=ring -w n0 -N1)
	het=$(cluster_run sbatch --parsable -t 60 -o /dev/null --gpus=2 --gpu-topo=ring -w n0 -N1 : \
		-n1 -w p0 --wrap "sleep 300")
	sleep 8
	others_start n0 n1 p0
	[ -z "$(cluster_run squeue -h -t RUNNING -o %A -j "$array,$het")" ]
}
