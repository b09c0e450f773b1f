# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of steps on the node; after bats.bash.

: "${GPUTOPO_SPANK:=$GPUTOPO_BUILDDIR/plugin/.libs/spank_gputopo.so}"

# Start the file's cluster with both plugins. Several nodes share one machine here, so the
# PMIx servers need folders of their own.
ranks_file_start() {
	cluster_file_start --conf "TmpFS=/run/%n" "$@"
	[ -z "$CLUSTER_MISSING" ] || return 0
	local node
	while read -r node; do
		cluster_run mkdir -p "/run/$node"
	done <"$CLUSTER/names"
	cp "$GPUTOPO_SPANK" "$CLUSTER/spank_gputopo.so"
	echo "optional $CLUSTER/spank_gputopo.so ${RANKS_ARGUMENTS:-}" >"$CLUSTER/etc/plugstack.conf"
	PMIX_MISSING=$(pmix_missing)
	export PMIX_MISSING
}

# Print why PMIx cannot be tested here, or nothing.
pmix_missing() {
	local program
	for program in gputopo-pmix tests/cli/pmix_client; do
		[ -x "$GPUTOPO_BUILDDIR/$program" ] || { echo "$program is not built (no libpmix)"; return; }
		# libtool's programs in the build folder are wrappers if they need our library
		cp "$GPUTOPO_BUILDDIR/$program" "$CLUSTER/"
	done
	cluster_run srun --mpi=list 2>&1 | grep -q pmix || { echo "Slurm without PMIx"; return; }
	cluster_run timeout 30 srun --mpi=pmix -n1 true >/dev/null 2>&1 ||
		echo "srun --mpi=pmix does not work here (libpmix-dev has the libpmix.so that it opens)"
}

needs_pmix() {
	[ -z "$PMIX_MISSING" ] || skip "$PMIX_MISSING"
}

mpi_types() {
	echo none
	[ -n "$PMIX_MISSING" ] || echo pmix
}

# ranks_line FORMAT: a command that prints, of its task,
#   %R rank %H node %C devices %S SLURM_STEP_GPUS %O order %G gpus %N ring %B busbw
#   %I ideal %W bandwidth %U own %P peers %s groups %g own group, each "-" if it is not set
ranks_line() {
	local line=$1 pair
	for pair in R:SLURM_PROCID H:SLURMD_NODENAME C:CUDA_VISIBLE_DEVICES S:SLURM_STEP_GPUS \
		O:GPUTOPO_ORDER G:GPUTOPO_GPUS N:GPUTOPO_RING B:GPUTOPO_BUSBW I:GPUTOPO_IDEAL \
		W:GPUTOPO_BW U:GPUTOPO_GPU P:GPUTOPO_PEERS s:GPUTOPO_GROUPS g:GPUTOPO_GROUP; do
		line=${line//%${pair%%:*}/\$\{${pair#*:}:--\}}
	done
	echo "echo \"$line\""
}

# ranks_show FORMAT OPTION...: srun; a line for each task, in the order of the ranks.
# RANKS_ENV: a variable for srun.
ranks_show() {
	local format=$1 out
	shift
	out=$(cluster_run env ${RANKS_ENV:+"$RANKS_ENV"} timeout 60 srun -Q -l "$@" \
		bash -c "$(ranks_line "$format")" 2>&1) || { echo "srun $*: $out"; return 1; }
	sort -n <<<"$out" | sed 's/^ *[0-9]*: //'
}

# batch OPTION... <SCRIPT: sbatch it, wait, print what it printed.
batch() {
	local file out
	file=$(script "$(cat)")
	out=$(mktemp "$CLUSTER/jobs/out.XXXXXX")
	cluster_run env ${RANKS_ENV:+"$RANKS_ENV"} timeout 60 sbatch -Q -W -t 5 -o "$out" "$@" "$file" >/dev/null
	cat "$out"
}

# What the command line says of a set of a node's GPUs.
order_of() {
	"$GPUTOPO_BUILDDIR/gputopo" order -t "$CLUSTER/etc/gres.conf" --node "$1" --gpus "$2" | head -n 1
}
pick_of() {
	"$GPUTOPO_BUILDDIR/gputopo" pick -t "$CLUSTER/etc/gres.conf" --node "$1" \
		-n "$(tr , '\n' <<<"$2" | wc -l)" --free "$2" --json | jq -r "$3"
}
busbw_of() {
	pick_of "$1" "$2" .busbw_gbps
}
ideal_of() {
	pick_of "$1" "$(seq 0 $(($2 - 1)) | paste -sd,)" .ideal_busbw_gbps
}
matrix_of() {
	"$GPUTOPO_BUILDDIR/gputopo" show -t "$CLUSTER/etc/gres.conf" --node "$1" --json |
		jq -r --argjson set "[$2]" '.bandwidth_gbps as $bw |
			[$set[] as $i | [$set[] as $j | $bw[$i][$j] // 0 | tostring] | join(",")] |
			join(";")'
}

# same_keys OPTION...: in every task, each key that is set has its variable's value, and
# each variable its key.
same_keys() {
	cat >"$CLUSTER/jobs/keys.sh" <<-END
	keys=\$($CLUSTER/gputopo-pmix get | sed 's/^gputopo\.//' | sort)
	vars=\$(env | grep -E '^GPUTOPO_(VERSION|GPUS|RING|BW|BUSBW|IDEAL|HASH|GPU|PEERS|GROUPS|GROUP|TASK_BUSBW)=' |
		sed 's/^GPUTOPO_//' |
		while IFS== read -r name value; do echo "\${name,,}=\$value"; done | sort)
	[ -n "\$keys" ] && [ "\$keys" = "\$vars" ] && exit
	echo "task \$SLURM_PROCID: keys"; echo "\$keys"; echo "variables"; echo "\$vars"
	exit 1
	END
	cluster_run timeout 60 srun -Q --mpi=pmix "$@" bash "$CLUSTER/jobs/keys.sh" ||
		{ echo "srun $*"; return 1; }
}
