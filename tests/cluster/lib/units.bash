# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Leaf switches and base blocks: eight nodes in two units of four, the second one broken
# by two busy nodes. What cluster_tree.bats and cluster_block.bats share; the form of a
# request for a whole unit is in $UNIT_JOB.

# units_start tree|block: their cluster, on this network.
units_start() {
	local setup
	if [ "$1" = tree ]; then
		setup='printf "SwitchName=s%s Nodes=n[%s]\n" 0 0-3 1 4-7 >etc/topology.conf
			echo "SwitchName=top Switches=s[0-1]" >>etc/topology.conf'
	else
		setup='printf "BlockName=b%s Nodes=n[%s]\n" 0 0-3 1 4-7 >etc/topology.conf
			echo "BlockSizes=4" >>etc/topology.conf'
	fi
	cluster_file_start --conf "TopologyPlugin=topology/$1" --setup "$setup" \
		n0=dgx1v n1=dgx1v n2=dgx1v n3=dgx1v n4=dgx1v n5=dgx1v n6=dgx1v n7=dgx1v
}

units_setup() {
	cluster_test_start
	[ -n "$CLUSTER_MISSING" ] || gputopo_conf Mode=enforce
}

# Nodes n6 and n7 are busy as a whole.
break_second() {
	ask -N2 -w 'n[6-7]' --gpus-per-node=8 >/dev/null
}

# nodes_of OPTION...: where such a job starts at once.
nodes_of() {
	local id
	id=$(ask "$@") || return 1
	cluster_run squeue -h -o %N -j "$id"
}

# A job of a whole unit starts at once.
unit_starts() {
	# shellcheck disable=SC2086
	nodes_of -N4 --gpus-per-node=8 $UNIT_JOB
}

# spares FORM...: a job of this form leaves the first unit whole.
spares() {
	local node
	break_second
	node=$(nodes_of "$@") || return 1
	[[ $node == n[45] ]] || { echo "$*: taken from the whole unit: $node"; return 1; }
	assert_equal "$(unit_starts)" 'n[0-3]'
	cluster_run scancel -u root
	cluster_wait_idle
}

# Each form of a request for one node.
SINGLE_FORMS=("--gpus=1" "--gpus=4" "--gpus=8" "-N1 --gpus=4" "-N1 --gres=gpu:4"
	"-N1 --gpus-per-node=2" "-n1 --gres=gpu:1" "-n4 --gpus-per-task=1"
	"-N1 -n2 --gpus-per-task=2" "-n2 --gpus=2 --cpus-per-gpu=2" "-N1 --gpus-per-socket=2 --sockets-per-node=2"
	"-N1 --gpus=4 --gres-flags=enforce-binding" "-N1 --exclusive --gpus=4"
	"-N1 --gpus=4 --mem-per-gpu=10" "-N1-1 --gpus=4" "-n4 --ntasks-per-gpu=1 --gpus=4")

every_form_spares() {
	local form release
	release=$(cluster_release "$GPUTOPO_SLURM_ROOT")
	for form in "${SINGLE_FORMS[@]}"; do
		# Forms whose node is stock's to choose: from 26.05 on it takes the first that fits.
		[[ $release != 26.* || $form != *@(per-socket|enforce-binding|--exclusive)* ]] || continue
		# shellcheck disable=SC2086
		spares $form || return 1
	done
}

# The same by srun and by sbatch.
every_command_spares() {
	local node
	break_second
	cluster_run srun -N1 --gpus=4 sleep 600 >/dev/null 2>&1 &
	submit -N1 --gpus=4 "$(script 'sleep 600')" >/dev/null
	for _ in {1..100}; do
		node=$(cluster_run squeue -h -t R -o %D:%N | sed -n 's/^1://p')
		[ "$(wc -w <<<"$node")" = 2 ] && break
		sleep 0.1
	done
	[[ ${node//[[:space:]]/ } =~ ^n[45]\ n[45]$ ]] || { echo "taken: $node"; return 1; }
	assert_equal "$(unit_starts)" 'n[0-3]'
}

# The same for a job that sbatch submits, requeued once: the former node again, or at
# least none of the whole unit.
requeue_spares() {
	local id node
	break_second
	id=$(submit -N1 --gpus=4 --requeue "$(script 'sleep 600')")
	cluster_wait_job "$id" RUNNING
	cluster_run scontrol requeue "$id"
	sleep 1
	cluster_run scontrol update JobId="$id" StartTime=now
	cluster_wait_job "$id" RUNNING 60
	node=$(cluster_run squeue -h -o %N -j "$id")
	[[ $node == n[45] ]] || { echo "requeued: $node"; return 1; }
	assert_equal "$(unit_starts)" 'n[0-3]'
}

# With a promise (MinRatio=1) that only whole nodes keep: that of the broken unit.
promise_spares() {
	local node
	gputopo_conf MinRatio=1
	break_second
	make_free n4 0-1,6
	node=$(nodes_of -N1 --gpus=4)
	[[ $node == n5 ]] || { echo "with a promise: $node"; return 1; }
	assert_equal "$(unit_starts)" 'n[0-3]'
}

# A node in use, with a set as good, before any whole node.
used_before_whole() {
	ask -N1 -w n1 --gpus=4 >/dev/null
	assert_equal "$(nodes_of --gpus=2)" n1
	assert_equal "$(nodes_of --gpus=1)" n1
	assert_equal "$(nodes_of --gpus=1)" n1
	assert_equal "$(nodes_of --gpus=8)" "${1:-n0}"
}

# whole_left FORM...: jobs of one node, one after another; how many whole nodes each unit
# then has, the unit with more of them first: which of two equal ones is left is stock's.
whole_left() {
	local form
	for form in "$@"; do
		# shellcheck disable=SC2086
		ask $form >/dev/null
	done
	cluster_run sinfo -h -N -t idle -o %N | sort -u | awk '
		/n[0-3]/ {first++} /n[4-7]/ {second++} END {print (first > second ? first " " second + 0 : second + 0 " " first + 0)}'
}

# A job that names switches or segments, is contiguous or on named nodes goes where stock alone
# would put it.
special_jobs_are_stocks() {
	local stock form
	for form in "-N1 --gpus=4 $UNIT_JOB" "-N1 --gpus=4 --contiguous" "-N1 --gpus=4 -w n2"; do
		[[ $form != *--segment* ]] || form="-N1 --gpus=4 --segment=1"
		gputopo_conf Mode=off
		break_second
		# shellcheck disable=SC2086
		stock=$(nodes_of $form)
		cluster_run scancel -u root
		cluster_wait_idle
		gputopo_conf Mode=enforce
		break_second
		# shellcheck disable=SC2086
		assert_equal "$(nodes_of $form)" "$stock"
		cluster_run scancel -u root
		cluster_wait_idle
	done
}
