#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Jobs through a real Slurm with the plugin, and the same jobs through `gputopo sim replay`
# with recorded starts: are the GPU sets the same? From the build folder, as root:
#
#   fidelity.sh [-x] [-c JOBS] [-s SEED] [-n NODES] [-r ROOT]
#
# -x: stock Slurm without the plugin, and the policy that restates it. ROOT holds another
# Debian with its Slurm (tests/cluster/lib/cluster.sh). One clock tick a start or an end. Prints
# every difference, then the agreement; ends with 1 below 99 %.
set -eu
jobs=200 seed=1 nodes=3 stock='' root=${GPUTOPO_SLURM_ROOT:-}
while getopts xc:s:n:r: option; do
	case $option in
	x) stock=yes ;;
	c) jobs=$OPTARG ;;
	s) seed=$OPTARG ;;
	n) nodes=$OPTARG ;;
	r) root=$OPTARG ;;
	*) exit 2 ;;
	esac
done
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${GPUTOPO_BUILDDIR:-.}" && pwd)
plugin=${GPUTOPO_PLUGIN:-$build/plugin/.libs/select_cons_tres.so}
. "$here/../lib/cluster.sh"

work=$(mktemp -d)
echo "NodeName=n[0-$((nodes - 1))] Topology=builtin:dgx1v" >"$work/gputopo.conf"
kinds=()
for ((i = 0; i < nodes; i++)); do
	kinds+=("n$i=dgx1v")
done
with=(--plugin "$plugin" --gputopo "$work/gputopo.conf")
[ -z "$stock" ] || with=()
[ -z "$root" ] || with+=(--root "$root")
cluster_start "${with[@]}" "${kinds[@]}"
trap 'cluster_stop; rm -rf "$work"' EXIT
RANDOM=$seed

# form, GPUs, tasks (0: not given), cores a task: the options of salloc
options() {
	[ "$3" = 0 ] || echo "-n $3"
	[ "$4" = 1 ] || echo "-c $4"
	case $1 in
	node) echo "--gres=gpu:$2" ;;
	job) echo "--gpus=$2" ;;
	task) echo "--gpus-per-task=1" ;;
	esac
}

sizes=(1 1 1 2 2 2 3 4 4 5 8)
forms=(node node job task)
running=() tick=0 started=0
: >"$work/rows"
while [ $started -lt "$jobs" ]; do
	gpus=${sizes[RANDOM % ${#sizes[@]}]}
	form=${forms[RANDOM % ${#forms[@]}]}
	tasks=0 cores=1
	[ $((RANDOM % 3)) != 0 ] || tasks=$((RANDOM % 6 + 1)) cores=$((RANDOM % 4 + 1))
	[ "$form" != task ] || tasks=$gpus
	tick=$((tick + 1))
	# shellcheck disable=SC2046
	if [ $((RANDOM % 100)) -lt 62 ] &&
	   cluster_run salloc --no-shell -I1 -Q -N1 -J "$tick" \
			$(options "$form" "$gpus" "$tasks" "$cores") >/dev/null 2>&1; then
		id=$(cluster_run squeue -h -n "$tick" -o %A)
		read -r node list <<<"$(cluster_job_gpus "$id")"
		running+=("$id")
		started=$((started + 1))
		echo "start $tick $id $gpus $form $tasks $cores $node $list" >>"$work/rows"
	elif [ ${#running[@]} -gt 0 ]; then
		at=$((RANDOM % ${#running[@]}))
		id=${running[at]}
		cluster_run scancel "$id"
		while [ "$(cluster_job_state "$id")" = RUNNING ] ||
		      [ "$(cluster_job_state "$id")" = COMPLETING ]; do
			sleep 0.02
		done
		unset "running[at]"
		running=("${running[@]}")
		echo "end $tick $id" >>"$work/rows"
	fi
done
echo "last $((tick + 1))" >>"$work/rows"

awk '$1 == "start" { n++; id[n] = $3; at[n] = $2; gpus[n] = $4; form[n] = $5; tasks[n] = $6
		     cores[n] = $7; node[n] = $8 }
     $1 == "end" { end[$3] = $2 }
     $1 == "last" { last = $2 }
     END { print "job_id,submit,duration,gpus,nodes,form,cpus,tasks,start,node"
	   for (i = 1; i <= n; i++)
		printf "%s,%d,%d,%d,1,%s,%d,%d,%d,%s\n", id[i], at[i],
			(id[i] in end ? end[id[i]] : last) - at[i], gpus[i], form[i],
			(tasks[i] ? tasks[i] : 1) * cores[i], tasks[i], at[i], node[i] }' "$work/rows" >"$work/trace.csv"
release=22.05
[[ $(cluster_release "$root") == 22.* ]] || release=24.05
"$build/gputopo" sim replay -w "$work/trace.csv" -t builtin:dgx1v --nodes "$nodes" \
	--sched recorded --policy "gputopo/over=$release,slurm-$release" -o "$work/out" \
	--format csv >"$work/table"

# job, node, set of both; sets stand in quotes
awk '$1 == "start" { print $3, $8, $9 }' "$work/rows" | sort >"$work/real"
compare() {
	sed 1d "$work/out/jobs-$1.csv" | sed 's/^\([^,]*\),.*,\(n[0-9]*\),"\([^"]*\)".*/\1 \2 \3/' |
		sort >"$work/replayed"
	join "$work/real" "$work/replayed" >"$work/both"
	[ "$2" != show ] || awk '$3 != $5 || $2 != $4 {
		print "job " $1 ": Slurm " $2 " " $3 ", replay " $4 " " $5 }' "$work/both"
	awk -v name="$1" '$3 == $5 && $2 == $4 { same++ } END {
		printf "%s: %d of %d the same\n", name, same, NR; exit same < .99 * NR }' \
		"$work/both"
}
[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
word=with
[ -z "$stock" ] || word=without
echo "Slurm $(cluster_release "$root") $word the plugin," \
	"$jobs jobs on $nodes nodes, seed $seed"
if [ -n "$stock" ]; then
	compare "slurm-$release" show
else
	compare "slurm-$release" quiet || true
	compare "gputopo_over=$release" show
fi
