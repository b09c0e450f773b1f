# SPDX-License-Identifier: GPL-2.0-or-later
# Rings and tori, from Slurm 26.05 on: where a job lies in them is Slurm's to say, so that
# every job gets the nodes that it gets without gputopo; which GPUs, gputopo says.

load ../lib/bats.bash
load ../lib/units.bash

setup_file() {
	case $(cluster_release "$GPUTOPO_SLURM_ROOT") in
	22.* | 23.* | 24.* | 25.*)
		export CLUSTER_MISSING="topology/ring and torus3d are from 26.05 on"
		return
		;;
	esac
	cluster_file_start --setup 'network ring' \
		n0=dgx1v n1=dgx1v n2=dgx1v n3=dgx1v n4=dgx1v n5=dgx1v n6=dgx1v n7=dgx1v
}

teardown_file() {
	cluster_file_stop
}

setup() {
	units_setup
}

# network ring|torus: eight nodes in the cluster's folder as two rings of four, or as a torus
# that jobs get in planes of four.
network() {
	{
		echo "- topology: it"
		echo "  cluster_default: true"
		if [ "$1" = ring ]; then
			echo "  ring: {rings: [{ring: r0, nodes: 'n[0-3]'}, {ring: r1, nodes: 'n[4-7]'}]}"
		else
			echo "  torus3d: {toruses: [{name: t0, dims: {x: 2, y: 2, z: 2}, nodes: 'n[0-7]',"
			echo "    placements: [{dims: {x: 1, y: 1, z: 1}}, {dims: {x: 2, y: 2, z: 1}}]}]}"
		fi
	} >etc/topology.yaml
}

# Where jobs of one node, one after another, and then one of four nodes lie.
lie() {
	local form id
	break_second
	for form in "${SINGLE_FORMS[@]}"; do
		# shellcheck disable=SC2086
		id=$(ask $form) || return 1
		echo "$form: $(cluster_run squeue -h -o %N -j "$id")"
		cluster_run scancel "$id"
		cluster_gone "$id"
	done
	ask --gpus=4 >/dev/null
	echo "four nodes: $(nodes_of -N4 --gpus-per-node=8 2>/dev/null)"
	cluster_run scancel -u root
	cluster_wait_idle
}

# As without gputopo, in each form; and the best GPUs.
is_slurms() {
	local stock
	gputopo_conf Mode=off
	stock=$(lie)
	[[ $stock == *"four nodes: n["* ]] || { echo "$stock"; return 1; }
	gputopo_conf Mode=enforce
	assert_equal "$(lie)" "$stock"
	grep -q "gputopo: the shape of the network is unknown: Slurm alone chooses the nodes" \
		"$CLUSTER/log/slurmctld"
	make_free n0 0-1,3-4,6
	assert_best dgx1v 0-1,3-4,6 "$(give -w n0 -N1 --gpus=3 | sed 's/.* //')"
}

@test "rings: every job lies where it lies without gputopo" {
	is_slurms
}

@test "a torus: every job lies where it lies without gputopo" {
	(cd "$CLUSTER" && network torus)
	: >"$CLUSTER/log/slurmctld"
	cluster_restart_ctld
	is_slurms
}
