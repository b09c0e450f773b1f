#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random one-node states of real daemons (stock PluginDir) against the simulator's
# restatement of stock Slurm. From the build folder, as root:
#
#   compare_policy.sh [-c STATES] [-s SEED] [-r ROOT] [-k KIND] [-o FILE]
#
# ROOT holds another Debian with its Slurm (tests/cluster/lib/cluster.sh); FILE keeps the rows.
set -eu
states=300 seed=1 root=${GPUTOPO_SLURM_ROOT:-} kind=dgx1v rows=''
while getopts c:s:r:k:o: option; do
	case $option in
	c) states=$OPTARG ;;
	s) seed=$OPTARG ;;
	r) root=$OPTARG ;;
	k) kind=$OPTARG ;;
	o) rows=$OPTARG ;;
	*) exit 2 ;;
	esac
done
here=$(cd "$(dirname "$0")" && pwd)
programs=${GPUTOPO_BUILDDIR:-.}/tests/cluster/lib
. "$here/../lib/cluster.sh"

release=$(cluster_release "$root")
cluster_start ${root:+--root "$root"} "n0=$kind"
trap cluster_stop EXIT
[ -n "$rows" ] || rows=$CLUSTER/rows
# the cluster's own folder is all that another root sees
cp "$programs/states" "$CLUSTER/states"
cluster_run "$CLUSTER/states" -u -n n0 -s "$seed" -c "$states" >"$rows"
case $release in
22.*|23.*) restated=22.05 ;;
*) restated=24.05 ;;
esac
echo "Slurm $release, $states states, seed $seed, $kind, against slurm-$restated"
"$programs/compare_policy" "$restated" "$here/../lib/kinds/$kind" "$rows"
