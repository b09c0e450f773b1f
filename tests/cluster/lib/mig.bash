# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A cluster whose nodes give away slices of their GPUs, with a driver that is none: what
# cases/migdyn.bats, mig_soak, mig_trials and mig_agree share. Source it after bats.bash or
# cluster.sh.
#
#   $CLUSTER/mig/libfakemig.so        the driver, and beside it the nodes' GPUs
#   $CLUSTER/mig/records              what spank_gputopo remembers of its instances

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"
: "${GPUTOPO_SUBMIT:=$GPUTOPO_BUILDDIR/plugin/.libs/job_submit_gputopo.so}"
MIG_FAKE=$GPUTOPO_BUILDDIR/tests/mock

# Print why no such cluster can be had, or nothing.
mig_missing() {
	local file
	for file in "$GPUTOPO_SPANK" "$GPUTOPO_SUBMIT" "$MIG_FAKE/.libs/libfakemig.so" \
			"$MIG_FAKE/fake_mig"; do
		[ -e "$file" ] || echo "no ${file##*/}"
	done
}

# mig_prepare NODE...: in the cluster's folder, before its daemons start.
mig_prepare() {
	local node
	mkdir mig mig/libfakemig.so.state mig/records
	cp "$MIG_FAKE/.libs/libfakemig.so" "$MIG_FAKE/fake_mig" mig/
	cp "$GPUTOPO_SPANK" mig/spank_gputopo.so
	cp "$GPUTOPO_SUBMIT" plugin/
	cp "$CLUSTER_LIB/kinds/slices.json" etc/
	for node in "$@"; do
		mig/fake_mig mig/libfakemig.so.state create "$node" 2
		echo "NodeName=$node Topology=slices.json" >>etc/gputopo.conf
	done
	mig_plugstack >etc/plugstack.conf
}

# mig_plugstack WORD...: the line of plugstack.conf, with these arguments more.
# shellcheck disable=SC2120  # the cases give some
mig_plugstack() {
	echo "required $CLUSTER/mig/spank_gputopo.so mig_driver=$CLUSTER/mig/libfakemig.so" \
		"mig_state=$CLUSTER/mig/records $*"
}

# The options of cluster_start for the nodes $@ (names).
mig_options() {
	local node
	printf '%s\n' --conf "GresTypes=gpu,shard" --conf "PrologFlags=Alloc" \
		--conf "JobSubmitPlugins=gputopo" --conf \
		"SchedulerParameters=sched_min_interval=0,bf_interval=5,batch_sched_delay=0,nohold_on_prolog_fail" \
		--setup "mig_prepare $*"
	for node in "$@"; do
		echo "$node=slices"
	done
}

# fake COMMAND NODE ARGUMENT...: the program fake_mig on the cluster's GPUs.
fake() {
	"$CLUSTER/mig/fake_mig" "$CLUSTER/mig/libfakemig.so.state" "$@"
}

# The instances on the nodes $@: "NODE GPU START SIZE UUID", a line each.
instances() {
	local node
	for node in "$@"; do
		fake list "$node" | sed "s/^/$node /"
	done
}

# figure NAME NODE...: a counter of the drivers (overlaps, meetings, made, removed, left),
# summed.
figure() {
	local name=$1 node sum=0
	shift
	for node in "$@"; do
		sum=$((sum + $(fake counts "$node" | sed "s/.*$name \([0-9]*\).*/\1/")))
	done
	echo "$sum"
}
