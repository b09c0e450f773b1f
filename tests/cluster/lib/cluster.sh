# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A private Slurm for tests: munged, slurmctld and slurmds of the installed packages in
# namespaces of their own, with simulated GPU nodes. Source this file; every function
# works on the cluster in $CLUSTER, a temporary folder that cluster_start makes:
#
#   etc/ log/ state/ dev/      configuration, logs, StateSaveLocation, GPU device files
#   plugin/                    what stands first in PluginDir (select_cons_tres.so or nothing)
#   pid, ready                 PID 1 of the cluster as seen outside; all daemons are up
#
# Nothing outlives the cluster: a supervisor outside the namespaces ends it when
# cluster_stop asks, when PID 1 ends or when the owner (the shell that started it) is gone,
# and the kernel then kills every process and drops every mount and shared memory inside.

CLUSTER_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLUSTER_SKIP=77		# exit status: a private cluster is not possible here

# Print why no cluster can be started here and return 77, or return 0 silently.
# $1: a root folder that holds another Slurm release.
cluster_possible() {
	local root=${1:-} program
	if [ "$(id -u)" != 0 ]; then
		echo "a private cluster needs root"
		return $CLUSTER_SKIP
	fi
	for program in unshare nsenter setpriv ip setsid; do
		if ! command -v $program >/dev/null; then
			echo "no program $program"
			return $CLUSTER_SKIP
		fi
	done
	for program in slurmctld slurmd munged sinfo; do
		if ! PATH=/usr/sbin:/usr/bin chroot "${root:-/}" \
				/bin/sh -c "command -v $program" >/dev/null 2>&1; then
			echo "no program $program${root:+ in $root}"
			return $CLUSTER_SKIP
		fi
	done
	if ! unshare --mount --pid --fork --net --uts --ipc --kill-child \
			sh -c 'mount -t proc proc /proc && mount -t tmpfs tmpfs /run' \
			>/dev/null 2>&1; then
		echo "namespaces or mounts are not allowed here (a chroot must be a mount point)"
		return $CLUSTER_SKIP
	fi
}

# "22.05.8" of the Slurm in root $1 (default: the host's).
cluster_release() {
	chroot "${1:-/}" /usr/sbin/slurmctld -V | sed 's/.* //'
}

# cluster_start [OPTION]... NODE=KIND[,Key=Value]...
# Start a cluster; its nodes are idle on return. KIND is a file of kinds/; keys are those of
# slurm.conf. "n[0-499]@30000=KIND" are 500 nodes without slurmds, see _cluster_write_node. Sets and exports
# CLUSTER. Returns 77 where that is impossible, 1 after printing the logs where it failed.
#   --plugin FILE     put FILE (our select_cons_tres.so) first in PluginDir; default: stock
#   --also FILE       put FILE beside it; may be repeated
#   --clock FILE      put FILE, a plugin that times the next one's job_tests, before all others
#   --gputopo FILE    install FILE as gputopo.conf; PLACE in it is \$CLUSTER
#   --conf LINE       Key=Value of slurm.conf, in place of what is there; may be repeated
#   --partition LINE  partitions, instead of one default partition "p" of all nodes
#   --root DIR        run the daemons of another Debian in DIR
#   --preload LIB     LD_PRELOAD for slurmctld (a sanitizer's runtime)
#   --wrap COMMAND    start slurmctld by this command, such as "valgrind -q"; PLACE is \$CLUSTER
#   --setup COMMAND   run it in the cluster's folder before the daemons start
#   --owner PID       end the cluster when this process ends; default: this shell
cluster_start() {
	local plugin='' also=() clock='' gputopo='' root='' preload='' wrap='' setup='' owner=$$
	local conf=() partition=() nodes=() pair
	while [ $# -gt 0 ]; do
		case $1 in
		--plugin) plugin=$2; shift 2 ;;
		--also) also+=("$2"); shift 2 ;;
		--clock) clock=$2; shift 2 ;;
		--gputopo) gputopo=$2; shift 2 ;;
		--conf) conf+=("$2"); shift 2 ;;
		--partition) partition+=("$2"); shift 2 ;;
		--root) root=$2; shift 2 ;;
		--preload) preload=$2; shift 2 ;;
		--wrap) wrap=$2; shift 2 ;;
		--setup) setup=$2; shift 2 ;;
		--owner) owner=$2; shift 2 ;;
		*=*) nodes+=("$1"); shift ;;
		*) echo "cluster_start: unknown argument $1" >&2; return 2 ;;
		esac
	done
	cluster_possible "$root" >&2 || return

	CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/gputopo-cluster.XXXXXX") || return 1
	export CLUSTER
	chmod 755 "$CLUSTER"
	(
		set -e
		cd "$CLUSTER"
		mkdir etc log state spool dev plugin jobs
		echo "$root" >root
		echo "$preload" >preload
		echo "$wrap" | sed "s|PLACE|$CLUSTER|g" >wrap
		if [ -n "$plugin" ]; then
			cp "$plugin" plugin/select_cons_tres.so
			cp "${plugin%/*}"/gputopo_{topology,mig,nics}.so plugin/ 2>/dev/null || true
		fi
		[ ${#also[@]} = 0 ] || cp "${also[@]}" plugin/
		[ -z "$clock" ] || { mkdir clock && cp "$clock" clock/; }
		[ -z "$gputopo" ] || sed "s|PLACE|$CLUSTER|g" "$gputopo" >etc/gputopo.conf
		_cluster_write_conf "$root" "${nodes[@]}"
		[ ${#partition[@]} -gt 0 ] ||
			partition=("PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE")
		for pair in "${conf[@]}"; do
			sed -i "/^${pair%%=*}=/d" etc/slurm.conf
		done
		printf '%s\n' "${partition[@]}" "${conf[@]}" >>etc/slurm.conf
		eval "$setup"
	) || { rm -rf "$CLUSTER"; return 1; }

	# All descriptors above 2 are closed: bats waits for whoever holds its own.
	setsid bash -c 'for fd in /proc/self/fd/*; do
			fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
		exec bash "$0" "$@"' "$CLUSTER_LIB/supervise" "$CLUSTER" "$owner" \
		</dev/null >"$CLUSTER/log/supervise" 2>&1 &
	disown
	if ! _cluster_wait_file "$CLUSTER/ready" 60 || ! _cluster_simulate ||
			! cluster_wait_idle 60; then
		echo "the cluster did not start:" >&2
		tail -n 20 "$CLUSTER"/log/* >&2 || true
		cluster_stop
		return 1
	fi
}

# End the cluster and remove its folder. Safe to call twice, or without a cluster.
cluster_stop() {
	local dir=${CLUSTER:-} i
	[ -n "$dir" ] && [ -d "$dir" ] || { unset CLUSTER; return 0; }
	: >"$dir/stop"
	for ((i = 0; i < 200; i++)); do
		[ -d "$dir" ] || break
		sleep 0.05
	done
	unset CLUSTER
	if [ -d "$dir" ]; then
		echo "cluster_stop: $dir is still there after 10 s" >&2
		return 1
	fi
}

# Run a command inside the cluster, in its folder jobs/.
cluster_run() {
	local pid
	pid=$(cat "$CLUSTER/pid") || return 1
	nsenter --target "$pid" --mount --pid --net --uts --ipc --root --wd="/proc/$pid/cwd" \
		env "SLURM_CONF=$CLUSTER/etc/slurm.conf" "CLUSTER=$CLUSTER" \
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

# Wait until every node is idle (no job left, none completing). $1: seconds, default 30; more
# where asking is slow, but not for ever where nobody answers.
cluster_wait_idle() {
	local i states end=$((SECONDS + 4 * ${1:-30}))
	for ((i = 0; i < ${1:-30} * 10 && SECONDS < end; i++)); do
		[ -d "$CLUSTER" ] || return 1
		states=$(cluster_run sinfo -h -N -o %t 2>/dev/null | sort -u)
		[ "$states" = idle ] && return 0
		sleep 0.1
	done
	echo "nodes are not idle after ${1:-30} s: $states" >&2
	return 1
}

# Wait until every node has registered and answers, busy or not. $1: seconds.
cluster_wait_nodes() {
	local i states end=$((SECONDS + 4 * ${1:-30}))
	for ((i = 0; i < ${1:-30} * 10 && SECONDS < end; i++)); do
		[ -d "$CLUSTER" ] || return 1
		states=$(cluster_run sinfo -h -N -o %t 2>/dev/null | sort -u)
		if [ -n "$states" ] && ! grep -qv '^\(idle\|mix\|alloc\|comp\)$' <<<"$states"; then
			return 0
		fi
		sleep 0.1
	done
	echo "nodes do not answer after ${1:-30} s: $states" >&2
	return 1
}

# Set Key=Value pairs in slurm.conf, each on a line of its own; takes effect at the next
# reconfigure or restart.
cluster_conf() {
	local pair
	for pair in "$@"; do
		sed -i "/^${pair%%=*}=/d" "$CLUSTER/etc/slurm.conf"
		echo "$pair" >>"$CLUSTER/etc/slurm.conf"
	done
}

# PluginDir without our folder / with it.
cluster_use_stock() {
	cluster_conf "PluginDir=$(_cluster_clock_dir)$(cat "$CLUSTER/stock_dir")"
}
cluster_use_plugin() {
	cluster_conf "PluginDir=$(_cluster_clock_dir)$CLUSTER/plugin:$(cat "$CLUSTER/stock_dir")"
}
_cluster_clock_dir() {
	[ ! -d "$CLUSTER/clock" ] || echo "$CLUSTER/clock:"
}

# Stop slurmctld and start it again with its saved state; nodes answer on return.
cluster_restart_ctld() {
	cluster_run bash "$CLUSTER/daemons" restart || return 1
	cluster_wait_nodes 60
}

# The GPUs of job $1 by gres index, a line for each node: "n0 0,2-3".
cluster_job_gpus() {
	cluster_run scontrol -d -o show job "$1" |
		grep -o 'Nodes=[^ ]* CPU_IDs=[^ ]* Mem=[^ ]* GRES=[^ ]*' |
		sed -n 's/^Nodes=\([^ ]*\) .*GRES=/\1 /p' | _cluster_idx
}

# "n0 gpu:aa:2(IDX:0,2),gpu:bb:1(IDX:5)" -> "n0 0,2,5"
_cluster_idx() {
	local node gres list
	while read -r node gres; do
		list=$(grep -o 'IDX:[0-9,-]*' <<<"$gres" | cut -d: -f2 | paste -sd,)
		echo "$node $list"
	done
}

# "0,2-4" -> "0 2 3 4"
cluster_expand() {
	local part parts=() out=()
	IFS=, read -ra parts <<<"$1"
	for part in "${parts[@]}"; do
		mapfile -t -O "${#out[@]}" out < <(seq "${part%-*}" "${part#*-}")
	done
	echo "${out[*]}"
}

# The state of job $1: RUNNING, PENDING, ...
cluster_job_state() {
	cluster_run squeue -h -t all -o %T -j "$1" 2>/dev/null
}

# Wait until job $1 is in state $2. $3: seconds, default 20.
cluster_wait_job() {
	local i
	for ((i = 0; i < ${3:-20} * 10; i++)); do
		[ "$(cluster_job_state "$1")" = "$2" ] && return 0
		sleep 0.1
	done
	echo "job $1 is $(cluster_job_state "$1"), not $2" >&2
	return 1
}

# Wait until job $1 holds nothing any more. $2: seconds, default 20.
cluster_gone() {
	local i
	for ((i = 0; i < ${2:-20} * 10; i++)); do
		[ -n "$(cluster_run squeue -h -t R,CG,CF,S -o %A -j "$1" 2>/dev/null)" ] ||
			return 0
		sleep 0.1
	done
	echo "job $1 is still there" >&2
	return 1
}

_cluster_wait_file() {
	local i
	for ((i = 0; i < $2 * 20; i++)); do
		[ -e "$1" ] && return 0
		[ -d "$CLUSTER" ] && [ ! -e "$CLUSTER/ended" ] || return 1
		sleep 0.05
	done
	return 1
}

# "DEV/gpu[0-7]" is eight files.
_cluster_devices() {
	local file
	while read -r file; do
		if [[ $file =~ ^(.*)\[([0-9]+)-([0-9]+)\]$ ]]; then
			seq -f "${BASH_REMATCH[1]}%.0f" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
		else
			echo "$file"
		fi
	done
}

# The folder of Slurm's plugins in root $1 or "", from that root: Debian's, or that of a Slurm
# which was configured with --prefix=/usr.
_cluster_stock_dir() {
	local file
	for file in "$1"/usr/lib/*/slurm-wlm "$1"/usr/lib/*/slurm "$1"/usr/lib64/slurm "$1"/usr/lib/slurm; do
		[ -e "$file/select_cons_tres.so" ] || continue
		file=${file#"$1"/}
		echo "${file#/}"
		return
	done
	echo "no select_cons_tres.so in $1/usr/lib" >&2
	return 1
}

# Write slurm.conf, gres.conf, cgroup.conf and the list of device files. $1: root or "".
_cluster_write_conf() {
	local root=$1 release stock spec port=27000
	shift
	release=$(cluster_release "$root")
	stock=$(_cluster_stock_dir "$root") || return 1
	echo "/$stock" >stock_dir

	cat >etc/slurm.conf <<-EOF
	ClusterName=t
	SlurmctldHost=localhost(127.0.0.1)
	SlurmctldPort=26817
	SlurmUser=root
	SlurmdUser=root
	AuthType=auth/munge
	AuthInfo=socket=/run/munge/munge.socket.2
	CredType=cred/munge
	StateSaveLocation=$CLUSTER/state
	SlurmdSpoolDir=$CLUSTER/spool/%n
	SlurmctldPidFile=$CLUSTER/slurmctld.pid
	SlurmdPidFile=$CLUSTER/slurmd-%n.pid
	SlurmctldLogFile=$CLUSTER/log/slurmctld
	SlurmdLogFile=$CLUSTER/log/slurmd-%n
	SlurmctldDebug=verbose
	SlurmdDebug=info
	DebugFlags=NO_CONF_HASH
	PlugStackConfig=$CLUSTER/etc/plugstack.conf
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	MpiDefault=none
	JobAcctGatherType=jobacct_gather/none
	SlurmdParameters=config_overrides
	SchedulerType=sched/backfill
	SchedulerParameters=sched_min_interval=0,bf_interval=5,batch_sched_delay=0
	SelectType=select/cons_tres
	SelectTypeParameters=CR_Core_Memory
	GresTypes=gpu
	ReturnToService=2
	MinJobAge=30
	MaxJobCount=200000
	KillWait=2
	SlurmdTimeout=600
	MailProg=/bin/true
	DefMemPerCPU=1
	PropagateResourceLimits=NONE
	EOF
	: >etc/plugstack.conf
	: >devices
	: >names
	if [[ $release < 23 ]]; then
		echo "SwitchType=switch/none" >>etc/slurm.conf
		echo "CgroupPlugin=cgroup/v1" >etc/cgroup.conf
	else
		echo "CgroupPlugin=disabled" >etc/cgroup.conf
	fi
	if [ -e plugin/select_cons_tres.so ]; then
		cluster_use_plugin
	else
		cluster_use_stock
	fi

	for spec in "$@"; do
		_cluster_write_node "$spec" "$port"
		port=$((port + 1))
	done
	if grep -q 'Name=shard' etc/gres.conf; then
		sed -i 's/^GresTypes=gpu$/GresTypes=gpu,shard/' etc/slurm.conf
	fi
	grep -o 'Files\?=[^ ]*' etc/gres.conf | cut -d= -f2 | tr , '\n' | sort -u |
		_cluster_devices >devices || true
}

# One node NODE=KIND[,Key=Value...], or many without slurmds: "n[0-499]@30000=KIND" stands
# on ports from 30000 on; the program nodes stands in for the slurmds. $2: the port of one.
_cluster_write_node() {
	local name=${1%%=*} kind=${1#*=} more='' port=$2 device
	[[ $kind != *,* ]] || { more=${kind#*,}; kind=${kind%%,*}; }
	device=$name
	if [[ $name == *@* ]]; then
		echo "$name" >>simulated
		port=${name#*@} name=${name%@*} device=$kind
		port="[$port-$((port + $(_cluster_count "$name") - 1))]"
	else
		echo "$name" >>names
	fi
	kind=$CLUSTER_LIB/kinds/$kind
	echo "NodeName=$name NodeHostname=localhost NodeAddr=127.0.0.1 Port=$port" \
		"$(sed -n 's/^#node //p' "$kind")" "${more//,/ }" >>etc/slurm.conf
	sed "/^#/d; s|@DEV@/@N@|$CLUSTER/dev/$device|g; s|@N@|$name|g" "$kind" >>etc/gres.conf
}

# Let the program nodes stand in for the nodes without slurmds, if there are any.
_cluster_simulate() {
	local specs i
	[ -e "$CLUSTER/simulated" ] || return 0
	mapfile -t specs <"$CLUSTER/simulated"
	cp "$GPUTOPO_BUILDDIR/tests/cluster/lib/nodes" "$CLUSTER/nodes" || return 1
	cluster_run setsid "$CLUSTER/nodes" "${specs[@]}" </dev/null \
		>"$CLUSTER/log/nodes" 2>&1 3>&- &
	for ((i = 0; i < 1200; i++)); do
		grep -q ready "$CLUSTER/log/nodes" 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

# How many nodes are in "n[0-499]"?
_cluster_count() {
	local range=${1#*[}
	range=${range%]}
	echo $((10#${range#*-} - 10#${range%-*} + 1))
}
